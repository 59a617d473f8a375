"""Certified spectral analysis of high-dimensional data: eigenspectra, noise edges and dimensions with error bars."""

from . import _blas_table, _core

_blas_table.fill()

__version__: str = _core.__version__
