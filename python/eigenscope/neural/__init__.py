"""Analyses of neural recordings and representations, unbiased and with intervals."""

from .canonical_correlation import CanonicalCorrelations, cca, pwcca, svcca
from .cross_spectrum import CrossSpectrum, cross_spectrum
from .embedding import Embedding, classical_scaling, smacof
from .kernel_alignment import KernelAlignment, kernel_alignment
from .learning_curve import LearningCurve, learning_curve
from .pairwise_distances import PairwiseDistances, pairwise_distances
from .prediction_error import PredictionError, prediction_error
from .reduced_rank_regression import ReducedRankRegression, reduced_rank_regression
from .shape_distance import ShapeDistance, shape_distance
from .wachter import WachterNull, wachter_null

__all__ = [
    "CanonicalCorrelations",
    "CrossSpectrum",
    "Embedding",
    "KernelAlignment",
    "LearningCurve",
    "PairwiseDistances",
    "PredictionError",
    "ReducedRankRegression",
    "ShapeDistance",
    "WachterNull",
    "cca",
    "classical_scaling",
    "cross_spectrum",
    "kernel_alignment",
    "learning_curve",
    "pairwise_distances",
    "prediction_error",
    "pwcca",
    "reduced_rank_regression",
    "shape_distance",
    "smacof",
    "svcca",
    "wachter_null",
]
