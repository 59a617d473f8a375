"""Spectral densities from Gauss quadratures: distributions, bands, atoms, smoothing, expectations, comparisons."""

from .estimation import spectral_density

__all__ = ["spectral_density"]
