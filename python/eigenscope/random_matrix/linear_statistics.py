"""Sums over noise eigenvalues: what finite size adds to their mean, and how little they fluctuate."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .laws import MarchenkoPastur

Array = np.ndarray[Any, np.dtype[Any]]

MAX_GRID = 4096
"""Cosine terms kept at most; those of a smooth function have vanished long before."""


class BulkGrid:
    """The Marchenko–Pastur law of the m non-zero eigenvalues of m x l noise, on a grid without edges.

    On ``x = 1 + c + 2 sqrt(c) cos θ`` with ``c = m / l`` a sum ``Σ f(λ)`` over real Gaussian noise is ``m ∫ f
    dF + ½ Σ_{k even} a_k`` on average and has covariance ``½ Σ k a_k b_k``, with ``a_k`` the cosine
    coefficients of f (Bai and Silverstein 2004, theorem 1.1, with the contour integrals done). Weighted sums
    of ordered eigenvalues ``Σ w(i/m) λ_(i)`` are sums of f with ``f'(x) = w(F(x))``, to first order.

    Parameters
    ----------
    n_short, n_long : float
        Shorter and longer side of the noise; eigenvalues are in units of ``variance * n_long``.
    n_points : int, optional
        Grid size; by default four points for each eigenvalue, within limits.
    """

    def __init__(self, n_short: float, n_long: float, n_points: int | None = None) -> None:
        self.count = n_short
        self.ratio = n_short / n_long
        self.n_points = n_points or int(np.clip(4 * n_short, 64, MAX_GRID))
        self._angle = np.pi * (np.arange(self.n_points) + 0.5) / self.n_points
        self.x = 1 + self.ratio + 2 * math.sqrt(self.ratio) * np.cos(self._angle)
        self.law = MarchenkoPastur(self.ratio)
        self.cdf = np.asarray(self.law.cdf(self.x))
        self._step = 2 * math.sqrt(self.ratio) * np.sin(self._angle) * np.pi / self.n_points

    def integral(self, weight: Callable[[Array], Array]) -> float:
        """Return ``m ∫ w(F(x)) x dF(x)``, the limit of the weighted sum of ordered eigenvalues."""
        mass = self._step * np.asarray(self.law.pdf(self.x))
        return float(self.count * np.sum(weight(self.cdf) * self.x * mass) / np.sum(mass))

    def weighted_sum(self, weight: Callable[[Array], Array]) -> Array:
        """Return the cosine coefficients of f with ``f'(x) = w(F(x))``."""
        return self.coefficients(self.primitive(weight))

    def primitive(self, weight: Callable[[Array], Array]) -> Array:
        """Return f with ``f'(x) = w(F(x))`` on the grid, zero at the lower edge."""
        slope = weight(self.cdf) * self._step
        # The grid descends in x: f grows from the last point to the first.
        return np.asarray(np.cumsum(slope[::-1])[::-1] - slope / 2)

    def count_above(self, point: float) -> Array:
        """Return the cosine coefficients of the number of eigenvalues above `point`."""
        return self.coefficients((self.x > point).astype(float))

    def coefficients(self, values: Array) -> Array:
        """Return ``a_k``, k = 0 … min(m, grid size) - 1, of a function given on the grid."""
        from scipy.fft import dct

        found = dct(values, type=2) / self.n_points
        return np.asarray(found[: max(3, min(self.n_points, math.ceil(self.count)))])

    @staticmethod
    def mean_shift(coefficients: Array) -> float:
        """Return what real Gaussian noise adds to ``m ∫ f dF``."""
        return float(np.sum(coefficients[2::2]) / 2)

    @staticmethod
    def smooth_mean_shift(values: Array) -> float:
        """Return `mean_shift` of a function given on the grid whose slope vanishes at both edges, without its series.

        ``½ Σ_{k even} a_k`` is half of the difference between the mean of f at both edges and the mean of f in θ.
        """
        return float((values[0] + values[-1]) / 2 - values.mean()) / 2

    @staticmethod
    def covariance(first: Array, second: Array) -> float:
        """Return the covariance of two sums over the same eigenvalues."""
        return float(np.sum(np.arange(len(first)) * first * second) / 2)
