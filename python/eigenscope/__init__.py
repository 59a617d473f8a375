"""Certified spectral analysis of high-dimensional data: eigenspectra, noise edges and dimensions with error bars."""

from . import _blas_table, _core

_blas_table.fill()

from .config import show_config
from .covariance import covariance_spectrum
from .eigen import eigsh
from .inputs import as_source
from .operators import as_operator
from .plan import plan
from .results import EigenResult, Estimate, RunInfo, Spectrum, SVDResult
from .svd import randomized_svd, svds

__version__: str = _core.__version__

__all__ = [
    "EigenResult",
    "Estimate",
    "RunInfo",
    "SVDResult",
    "Spectrum",
    "__version__",
    "as_operator",
    "as_source",
    "covariance_spectrum",
    "eigsh",
    "plan",
    "randomized_svd",
    "show_config",
    "svds",
]
