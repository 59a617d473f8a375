"""Frozen result types: every result says how good it is and what it cost."""

from .base import Result
from .decompositions import EigenResult, SVDResult
from .estimate import Estimate
from .run_info import RunInfo
from .spectrum import Spectrum

__all__ = ["EigenResult", "Estimate", "Result", "RunInfo", "SVDResult", "Spectrum"]
