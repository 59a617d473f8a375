"""Frozen result types: every result says how good it is and what it cost."""

from .base import Result
from .decompositions import EigenResult, SVDResult
from .diagonal_estimate import DiagonalEstimate
from .dimensionality import Dimensionality, DimensionEstimate
from .estimate import Estimate
from .law_comparison import LawComparison
from .marchenko_pastur_fit import MarchenkoPasturFit
from .power_law_fit import PowerLawFit
from .run_info import RunInfo
from .spectral_density import SpectralDensity
from .spectrum import Spectrum
from .trace_estimate import TraceEstimate

__all__ = [
    "DiagonalEstimate",
    "DimensionEstimate",
    "Dimensionality",
    "EigenResult",
    "Estimate",
    "LawComparison",
    "MarchenkoPasturFit",
    "PowerLawFit",
    "Result",
    "RunInfo",
    "SVDResult",
    "SpectralDensity",
    "Spectrum",
    "TraceEstimate",
]
