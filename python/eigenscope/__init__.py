"""Certified spectral analysis of high-dimensional data: eigenspectra, noise edges, dimensions, error bars."""

from . import _blas_table, _core
from .dimensionality import dims_for_variance, effective_rank, participation_ratio
from .power_law import fit_power_law
from .random_matrix import MarchenkoPastur, TracyWidom, fit_marchenko_pastur, optimal_threshold

_blas_table.fill()

__version__: str = _core.__version__

__all__ = [
    "MarchenkoPastur",
    "TracyWidom",
    "dims_for_variance",
    "effective_rank",
    "fit_marchenko_pastur",
    "fit_power_law",
    "optimal_threshold",
    "participation_ratio",
]
