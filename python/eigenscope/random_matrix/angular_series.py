"""Distribution function and quantiles of a density that vanishes like a square root at both ends of an interval."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import DataWarning

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


EPS = float(np.finfo(np.float64).eps)

SMALLEST_STRETCH = 1e-3
"""Below it the angle is that of a cosine to rounding."""

MASS_TOLERANCE = 1e-4
"""Relative error of the mass from which a series that did not end is worth a warning."""


@dataclasses.dataclass(frozen=True, eq=False)
class AngularSeries:
    """Mass in an angle θ in which the density is smooth and even at both ends.

    ``x = low + (high - low) s²`` with ``s = sinh(κ sin θ/2) / sinh κ``: for κ → 0 the angle of a cosine, for large κ
    even on a logarithmic scale, on which spectra that decay far vary.

    Parameters
    ----------
    low, high : float
        Ends of the interval.
    stretch : float
        κ, positive.
    coefficients : ndarray, shape (n,)
        ``f(x) dx/dθ = Σ a_k cos kθ``.
    lifted : ndarray, shape (n,)
        The same of ``x f(x)``.
    """

    low: float
    high: float
    stretch: float
    coefficients: Array
    lifted: Array

    @classmethod
    def of_density(
        cls, density: Callable[[Array, Array], Array], *, low: float, high: float, mass: float, smallest: float
    ) -> AngularSeries:
        """Expand a density given as a function of the distances to both ends, and scale it to the known mass.

        Parameters
        ----------
        density : callable
            Function of two arrays, ``x - low`` (ascending) and ``high - x``.
        low, high, mass : float
            Ends of the interval and the probability of it.
        smallest : float
            Where the density leaves its behaviour at zero, should the interval begin there.

        Warns
        -----
        DataWarning
            When the density varies on more scales than the series resolves.
        """
        from scipy.fft import dct

        scale = low if low > EPS**2 * smallest else smallest
        stretch = max(SMALLEST_STRETCH, float(np.arcsinh(np.sqrt((high - low) / scale))))
        degree = FIRST_DEGREE
        while True:
            angles = np.pi * (np.arange(degree) + 0.5) / degree
            above_low, below_high, slope = _places(angles, high - low, stretch)
            values = density(above_low, below_high) * slope
            coefficients = _halved(dct(values) / degree)
            tail = np.abs(coefficients[-degree // 4 :]).max()
            ended = tail <= SERIES_TOLERANCE * coefficients[0]
            if ended or degree >= LAST_DEGREE:
                break
            degree *= 2
        found = np.pi * coefficients[0] / mass
        if not ended and abs(found - 1) > MASS_TOLERANCE:
            warnings.warn(
                f"the density of this law varies on more scales between {low / high:.3g} and 1 times its largest "
                f"eigenvalue than were resolved: distribution function and quantiles are right to {abs(found - 1):.1g}",
                DataWarning,
                stacklevel=2,
            )
        lifted = _halved(dct(values * (low + above_low)) / degree)
        return cls(low, high, stretch, coefficients / found, lifted / found)

    def mass_below(self, x: Array) -> Array:
        """Return the mass between `low` and each `x`."""
        return self._mass(_angles(x - self.low, self.high - x, self.stretch))

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
        return np.asarray(self.low + _places(angle, self.high - self.low, self.stretch)[0])

    def partial_mean(self, mass: Array) -> Array:
        """Return ``∫ x dF`` from `low` up to the quantiles of these masses, a cubic through a table with its slopes.

        As a function of the mass its derivative is the quantile x, so that value and slope are known at every angle.
        """
        from scipy.interpolate import CubicHermiteSpline

        intervals = max(PARTIAL_MEAN_INTERVALS, QUANTILE_NODES * len(self.coefficients))
        heights, means = _masses(self.coefficients, intervals), _masses(self.lifted, intervals)
        x = self.low + _places(np.pi * np.arange(intervals + 1) / intervals, self.high - self.low, self.stretch)[0]
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


def _halved(coefficients: Array) -> Array:
    """Return cosine coefficients from a transform that counts the constant twice."""
    coefficients[0] /= 2
    return np.asarray(coefficients)


def _places(angles: Array, width: float, stretch: float) -> tuple[Array, Array, Array]:
    """Return ``x - low``, ``high - x`` and ``dx/dθ`` at these angles; nothing cancels at either end."""
    inner = stretch * np.sin(angles / 2)
    below = 2 * stretch * np.sin((np.pi - angles) / 4) ** 2  # κ - κ sin θ/2
    scale = np.sinh(stretch)
    share = np.sinh(inner) / scale
    # 1 - s² with sinh a - sinh b = 2 cosh((a + b)/2) sinh((a - b)/2).
    rest = 2 * np.cosh(stretch - below / 2) * np.sinh(below / 2) / scale * (1 + share)
    slope = width * share * stretch * np.sin((np.pi - angles) / 2) * np.cosh(inner) / scale
    return width * share**2, width * rest, slope


def _angles(above_low: Array, below_high: Array, stretch: float) -> Array:
    """Invert `_places`."""
    width, scale = above_low + below_high, np.sinh(stretch)
    share, rest = np.sqrt(above_low / width), below_high / width
    inner = np.arcsinh(share * scale)
    # κ - asinh(s sinh κ) by the difference of the squares of both sides.
    crossed = scale * np.hypot(1, share * scale) + share * scale * np.hypot(1, scale)
    below = np.arcsinh(scale / crossed * scale * rest)
    return np.asarray(2 * np.arctan2(inner, np.sqrt(below * (stretch + inner))))


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
