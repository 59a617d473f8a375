"""Spectra, dimensions and exponents of neural populations and representations, unbiased and with intervals."""

from ..results.cross_validated_spectrum import CrossValidatedSpectrum
from .canonical_correlation import CanonicalCorrelations, cca, pwcca, svcca
from .cross_spectrum import CrossSpectrum, cross_spectrum
from .cross_validated_pca import cvpca
from .dimensionality import participation_ratio, rankme
from .embedding import Embedding, classical_scaling, smacof
from .exponent_bias import exponent_bias
from .kernel_alignment import KernelAlignment, kernel_alignment
from .layers import LayerReport, LayerSpectrum, layer_report
from .learning_curve import LearningCurve, learning_curve
from .moment_fit import MomentPowerLawFit, fit_power_law_moments
from .pairwise_distances import PairwiseDistances, pairwise_distances
from .prediction_error import PredictionError, prediction_error
from .random_features import random_feature_exponent, random_feature_spectrum, simulate_random_features
from .reduced_rank_regression import ReducedRankRegression, reduced_rank_regression
from .regions import RegionComparison, RegionSpectrum, compare_regions
from .repeats import split_repeats
from .ring_network import RingTrajectory, ring_spectrum, simulate_ring_network
from .shape_distance import ShapeDistance, shape_distance
from .signal_statistics import SignalStatistics, signal_statistics
from .spontaneous import remove_spontaneous
from .wachter import WachterNull, wachter_null

__all__ = [
    "CanonicalCorrelations",
    "CrossSpectrum",
    "CrossValidatedSpectrum",
    "Embedding",
    "KernelAlignment",
    "LayerReport",
    "LayerSpectrum",
    "LearningCurve",
    "MomentPowerLawFit",
    "PairwiseDistances",
    "PredictionError",
    "ReducedRankRegression",
    "RegionComparison",
    "RegionSpectrum",
    "RingTrajectory",
    "ShapeDistance",
    "SignalStatistics",
    "WachterNull",
    "cca",
    "classical_scaling",
    "compare_regions",
    "cross_spectrum",
    "cvpca",
    "exponent_bias",
    "fit_power_law_moments",
    "kernel_alignment",
    "layer_report",
    "learning_curve",
    "pairwise_distances",
    "participation_ratio",
    "prediction_error",
    "pwcca",
    "random_feature_exponent",
    "random_feature_spectrum",
    "rankme",
    "reduced_rank_regression",
    "remove_spontaneous",
    "ring_spectrum",
    "shape_distance",
    "signal_statistics",
    "simulate_random_features",
    "simulate_ring_network",
    "smacof",
    "split_repeats",
    "svcca",
    "wachter_null",
]
