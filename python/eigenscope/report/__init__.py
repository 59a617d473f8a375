"""One recording in, everything about its eigenspectrum out."""

from .analysis import analyze
from .result import DataDescription, DimensionRule, Report

__all__ = ["DataDescription", "DimensionRule", "Report", "analyze"]
