"""Distribution function and quantiles of a density that vanishes like a square root at both ends of an interval."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

FIRST_DEGREE, LAST_DEGREE = 32, 8192
"""Numbers of nodes tried, doubled until the series ends."""

SERIES_TOLERANCE = 1e-14
"""Coefficients below this share of the mean density no longer matter."""

QUANTILE_NODES = 8
"""Points of the table per node of the series from which quantiles start."""

PARTIAL_MEAN_INTERVALS = 2048
"""Intervals of the table of partial means; between them a cubic errs by the fifth power of the step at an edge."""

MAX_NEWTON_STEPS = 60
"""Guarded Newton steps for quantiles; a handful suffice unless the density all but vanishes."""


@dataclasses.dataclass(frozen=True, eq=False)
class AngularSeries:
    """Mass in the angle θ of ``x = (low + high)/2 - (high - low)/2 cos θ``, where the density is smooth and even.

    Parameters
    ----------
    low, high : float
        Ends of the interval.
    coefficients : ndarray, shape (n,)
        ``f(x) dx/dθ = Σ a_k cos kθ``.
    """

    low: float
    high: float
    coefficients: Array

    @classmethod
    def of_density(
        cls, density: Callable[[Array, Array], Array], *, low: float, high: float, mass: float
    ) -> AngularSeries:
        """Expand a density given as a function of the distances to both ends, and scale it to the known mass.

        Parameters
        ----------
        density : callable
            Function of two arrays, ``x - low`` (ascending) and ``high - x``.
        low, high, mass : float
            Ends of the interval and the probability of it.
        """
        from scipy.fft import dct

        width, degree = high - low, FIRST_DEGREE
        while True:
            angles = np.pi * (np.arange(degree) + 0.5) / degree
            values = density(width * np.sin(angles / 2) ** 2, width * np.cos(angles / 2) ** 2)
            coefficients = dct(values * width / 2 * np.sin(angles)) / degree
            coefficients[0] /= 2
            tail = np.abs(coefficients[-degree // 4 :]).max()
            if tail <= SERIES_TOLERANCE * coefficients[0] or degree >= LAST_DEGREE:
                coefficients[0] = mass / np.pi
                return cls(low, high, coefficients)
            degree *= 2

    def mass_below(self, x: Array) -> Array:
        """Return the mass between `low` and each `x`."""
        return self._mass(2 * np.arctan2(np.sqrt(x - self.low), np.sqrt(self.high - x)))

    def quantile(self, mass: Array) -> Array:
        """Return the points below which lie these masses, Newton from a table inside a shrinking bracket."""
        table = np.linspace(0, np.pi, QUANTILE_NODES * len(self.coefficients) + 1)
        heights = np.maximum.accumulate(self._mass(table))
        place = np.clip(np.searchsorted(heights, mass), 1, len(table) - 1)
        low, high = table[place - 1], table[place]
        angle = np.clip(np.interp(mass, heights, table), low, high)
        for _ in range(MAX_NEWTON_STEPS):
            excess = self._mass(angle) - mass
            low, high = np.where(excess <= 0, angle, low), np.where(excess >= 0, angle, high)
            with np.errstate(divide="ignore", invalid="ignore"):
                step = angle - excess / self._slope(angle)
            step = np.where((step >= low) & (step <= high), step, (low + high) / 2)
            if np.all(np.abs(step - angle) <= 4 * np.finfo(float).eps * np.pi):
                break
            angle = step
        # The whole mass ends at the end, where a rounded mass would fall short by its two thirds' power.
        angle = np.where(mass >= heights[-1], np.pi, angle)
        return np.asarray(self.low + (self.high - self.low) * np.sin(angle / 2) ** 2)

    def partial_mean(self, mass: Array) -> Array:
        """Return ``∫ x dF`` from `low` up to the quantiles of these masses, a cubic through a table with its slopes.

        As a function of the mass its derivative is the quantile x, so that value and slope are known at every angle.
        """
        from scipy.interpolate import CubicHermiteSpline

        middle, half = (self.low + self.high) / 2, (self.high - self.low) / 2
        # x = middle - half cos θ, times the cosine series.
        lifted = np.polynomial.chebyshev.chebmul([middle, -half], self.coefficients)
        intervals = max(PARTIAL_MEAN_INTERVALS, QUANTILE_NODES * len(self.coefficients))
        heights, means = _masses(self.coefficients, intervals), _masses(lifted, intervals)
        x = middle - half * np.cos(np.pi * np.arange(intervals + 1) / intervals)
        rising = np.concatenate([[True], np.diff(np.maximum.accumulate(heights)) > 0])
        spline = CubicHermiteSpline(heights[rising], means[rising], x[rising])
        return np.asarray(spline(np.clip(mass, 0, heights[-1])))

    def _mass(self, angle: Array) -> Array:
        # Σ a_k sin(kθ)/k = sin θ Σ (a_{k+1}/(k+1)) U_k(cos θ), a sum of Chebyshev polynomials of the second kind.
        total = self.coefficients[0] * angle
        return np.asarray(total + np.sin(angle) * _second_kind(self._integrated, np.cos(angle)))

    def _slope(self, angle: Array) -> Array:
        return np.asarray(np.polynomial.chebyshev.chebval(np.cos(angle), self.coefficients))

    @property
    def _integrated(self) -> Array:
        return np.asarray(self.coefficients[1:] / np.arange(1, len(self.coefficients)))


def _second_kind(coefficients: Array, x: Array) -> Array:
    """Return ``Σ b_k U_k(x)`` by Clenshaw's recurrence."""
    ahead, now = np.zeros_like(x), np.zeros_like(x)
    for coefficient in coefficients[::-1]:
        now, ahead = coefficient + 2 * x * now - ahead, now
    return now


def _masses(coefficients: Array, intervals: int) -> Array:
    """Return ``a_0 θ + Σ a_k sin(kθ)/k`` at ``θ = π j / intervals``, j = 0 … intervals, by a sine transform."""
    from scipy.fft import dst

    angles = np.pi * np.arange(intervals + 1) / intervals
    waves = np.zeros(intervals - 1)
    waves[: len(coefficients) - 1] = coefficients[1:] / np.arange(1, len(coefficients))
    oscillation = np.zeros(intervals + 1)
    oscillation[1:-1] = dst(waves, type=1) / 2
    return np.asarray(coefficients[0] * angles + oscillation)
