"""Spectra, dimensions and exponents of neural populations and representations, unbiased and with intervals."""

from ..results.cross_validated_spectrum import CrossValidatedSpectrum
from .cross_validated_pca import cvpca
from .dimensionality import participation_ratio, rankme
from .exponent_bias import exponent_bias
from .layers import LayerReport, LayerSpectrum, layer_report
from .moment_fit import MomentPowerLawFit, fit_power_law_moments
from .random_features import random_feature_exponent, random_feature_spectrum, simulate_random_features
from .regions import RegionComparison, RegionSpectrum, compare_regions
from .repeats import split_repeats
from .ring_network import RingTrajectory, ring_spectrum, simulate_ring_network
from .signal_statistics import SignalStatistics, signal_statistics
from .spontaneous import remove_spontaneous

__all__ = [
    "CrossValidatedSpectrum",
    "LayerReport",
    "LayerSpectrum",
    "MomentPowerLawFit",
    "RegionComparison",
    "RegionSpectrum",
    "RingTrajectory",
    "SignalStatistics",
    "compare_regions",
    "cvpca",
    "exponent_bias",
    "fit_power_law_moments",
    "layer_report",
    "participation_ratio",
    "random_feature_exponent",
    "random_feature_spectrum",
    "rankme",
    "remove_spontaneous",
    "ring_spectrum",
    "signal_statistics",
    "simulate_random_features",
    "simulate_ring_network",
    "split_repeats",
]
