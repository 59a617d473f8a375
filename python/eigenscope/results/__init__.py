"""Frozen result types: every result says how good it is and what it cost."""

from .base import Result
from .decompositions import EigenResult, SVDResult
from .dimensionality import Dimensionality, DimensionEstimate
from .estimate import Estimate
from .marchenko_pastur_fit import MarchenkoPasturFit
from .power_law_fit import PowerLawFit
from .run_info import RunInfo
from .spectrum import Spectrum

__all__ = [
    "DimensionEstimate",
    "Dimensionality",
    "EigenResult",
    "Estimate",
    "MarchenkoPasturFit",
    "PowerLawFit",
    "Result",
    "RunInfo",
    "SVDResult",
    "Spectrum",
]
