"""Spectra of neural networks: products with the Hessian and the Gauss-Newton matrix of a loss."""

from .hessian import hessian_operator

__all__ = ["hessian_operator"]
