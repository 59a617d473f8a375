"""Noise whose features differ or are correlated, and whose samples are too: the law of separable covariances.

With A the covariance of the features and B that of the samples, eigenvalues of ``A^½ Z B Zᵀ A^½ / n`` lie outside the
support where ``z = -u / (d t)`` for a real u with ``u = ∫ d b / (1 + d b) dB(b) = c ∫ t a / (1 + t a) dA(a)``, and the
support ends where ``dz/du = 0``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import positive_number
from ._elementwise import apply_elementwise
from .edges import Edge
from .free_convolution import DiscreteLaw, FreeProduct
from .silverstein import merged_atoms
from .temporal import CorrelatedMarchenkoPastur

Array = np.ndarray[Any, np.dtype[Any]]

TOLERANCE = 4 * float(np.finfo(np.float64).eps)
"""Relative error of the roots that say where the support ends."""

WIDEST = 1e15
"""Ratio of the parameters between which an edge is searched."""


class SeparableMarchenkoPastur:
    """Law of the eigenvalues of ``X.T @ X / n_samples`` for noise with covariance along both axes.

    The covariance of entries (t, i) and (s, j) is ``B[t, s] A[i, j]``: features have the population eigenvalues of A,
    and every one of them the same power spectrum in time, the eigenvalues of B.

    Parameters
    ----------
    population : array_like, shape (k,)
        Eigenvalues of the features' covariance A.
    power_spectrum : array_like, shape (m,)
        Eigenvalues of the samples' covariance B: power at evenly spread frequencies, or relative variances of samples;
        divided by its mean.
    ratio : float
        ``n_features / n_samples``, positive.
    population_weights, power_weights : array_like, optional
        Shares of the eigenvalues; equal by default.

    Raises
    ------
    InvalidInputError
        For eigenvalues that are negative or zero throughout, or a ratio that is not positive.

    References
    ----------
    Paul and Silverstein 2009, "No eigenvalues outside the support of the limiting empirical spectral distribution of a
    separable covariance matrix", J. Multivariate Analysis 100.

    Examples
    --------
    >>> from eigenscope.random_matrix import SeparableMarchenkoPastur
    >>> from eigenscope.random_matrix.temporal import ar1_power_spectrum
    >>> law = SeparableMarchenkoPastur([1.0, 3.0], ar1_power_spectrum(0.5), ratio=0.5)
    >>> print(f"{law.edges[1]:.4f} {law.mean():.4f}")
    9.3430 2.0000
    """

    def __init__(
        self,
        population: ArrayLike,
        power_spectrum: ArrayLike,
        ratio: float,
        *,
        population_weights: ArrayLike | None = None,
        power_weights: ArrayLike | None = None,
    ) -> None:
        self._ratio = positive_number("ratio", ratio)
        values, shares = merged_atoms(population, population_weights, weights_name="population_weights")
        self._unit = float(values[-1])
        self._population = values / self._unit, shares
        names = {"name": "power_spectrum", "weights_name": "power_weights"}
        powers, weights = merged_atoms(power_spectrum, power_weights, **names)
        self._powers = powers / (weights @ powers), weights
        self._law = FreeProduct(
            DiscreteLaw(*self._population), CorrelatedMarchenkoPastur(powers, self._ratio, weights=weights)
        )

    def __repr__(self) -> str:
        low, high = self.edges
        return f"SeparableMarchenkoPastur(ratio={self._ratio:.6g}, edges {low:.6g} … {high:.6g})"

    @property
    def ratio(self) -> float:
        """``n_features / n_samples``."""
        return self._ratio

    @property
    def atom(self) -> float:
        """Share of eigenvalues that are exactly zero."""
        features, samples = self._sides()
        return max(0.0, 1 - features.mass / self._ratio, 1 - samples.mass / self._ratio)

    @property
    def edges(self) -> tuple[float, float]:
        """Lower and upper end of the continuous part; between them may be gaps."""
        return self._lower_edge() * self._unit, self._upper_edge()[0] * self._unit

    def stieltjes(self, z: ArrayLike) -> Array | complex:
        """Stieltjes transform ``∫ dF(x) / (x - z)``; at real points of the support the limit from above."""
        return apply_elementwise(
            lambda points: np.asarray(self._law.stieltjes(points / self._unit)) / self._unit, z, dtype=np.complex128
        )

    def pdf(self, x: ArrayLike) -> Array | float:
        """Density of the continuous part at `x`; integrates to ``1 - atom``."""
        low, high = self.edges

        def density(points: Array) -> Array:
            values = np.where(np.isnan(points), np.nan, 0.0)
            inside = (points > low) & (points < high)
            values[inside] = np.asarray(self._law.pdf(points[inside] / self._unit)) / self._unit
            return values

        return apply_elementwise(density, x)

    def largest_eigenvalue_edge(self, n_features: float) -> Edge:
        """Centre and scale the largest eigenvalue of finite data with `n_features` features.

        ``(value - location) / scale`` tends to ``TracyWidom(1)`` for real data.

        References
        ----------
        Ding and Yang 2020, "Tracy-Widom distribution for the edge eigenvalues of Gram type random matrices".
        """
        edge, curvature = self._upper_edge()
        # m = (u/c - 1)/z, so that the density is sqrt(2 (E - x) / z'') / (π c E) near the edge E.
        rise = math.sqrt(2 / curvature) / (self._ratio * edge)
        scale = (positive_number("n_features", n_features) * rise) ** (-2 / 3)
        return Edge(edge * self._unit, scale * self._unit)

    def mean(self) -> float:
        """Mean eigenvalue, that of the population."""
        values, shares = self._population
        return float(shares @ values) * self._unit

    def var(self) -> float:
        """Variance of the eigenvalues, ``α₂ - α₁² + c α₁² β₂`` in the moments of both sides."""
        (values, shares), (powers, weights) = self._population, self._powers
        mean = float(shares @ values)
        relative = float(shares @ (values - mean) ** 2 + self._ratio * mean**2 * (weights @ powers**2))
        return relative * self._unit * self._unit

    def _sides(self) -> tuple[_Side, _Side]:
        (values, shares), (powers, weights) = self._population, self._powers
        return _Side(values, self._ratio * shares), _Side(powers, weights)

    def _upper_edge(self) -> tuple[float, float]:
        """Return the edge in units of the largest population eigenvalue, and ``d²z/du²`` there."""
        features, samples = self._sides()

        def slope(logarithm: float) -> float:
            u = -math.exp(logarithm)
            return 1 - u * (features.above(u)[1] + samples.above(u)[1])

        # From 1 - 2 at u = 0 to 1 at -∞.
        unit = math.log(min(features.mass, samples.mass))
        u = -math.exp(_root(slope, unit - math.log(WIDEST), unit + math.log(WIDEST)))
        (t, _, t2), (d, _, d2) = features.above(u), samples.above(u)
        edge = -u / (d * t)
        return edge, edge * (-1 / u**2 - t2 - d2)

    def _lower_edge(self) -> float:
        """Return the edge in units of the largest population eigenvalue."""
        features, samples = self._sides()
        if abs(features.mass - samples.mass) <= TOLERANCE * features.mass:
            return 0.0
        few, many = (features, samples) if features.mass < samples.mass else (samples, features)

        def place(logit: float) -> tuple[float, tuple[float, float], tuple[float, float]]:
            # Distances of u from both masses, neither of which cancels.
            over, under = ((many.mass - few.mass) / (1 + math.exp(sign * logit)) for sign in (-1, 1))
            return few.mass + over, few.below(over), many.beyond(few.mass + over, under)

        def slope(logit: float) -> float:
            u, (_, y1), (_, d1) = place(logit)
            return 1 / u + y1 - d1

        reach = math.log(WIDEST)
        u, (y, _), (d, _) = place(_root(slope, -reach, reach))
        return u * y / d


class _Side:
    """The positive eigenvalues of one covariance with their weights, and the inverses of sums over them.

    Parameters
    ----------
    values, weights : ndarray, shape (k,)
        Ascending eigenvalues; zeros are left out.
    """

    def __init__(self, values: Array, weights: Array) -> None:
        self._values, self._weights = values[values > 0], weights[values > 0]
        self.mass = float(self._weights.sum())

    def above(self, u: float) -> tuple[float, float, float]:
        """Return d in ``(-1/max, 0)`` with ``Σ w d v / (1 + d v) = u < 0``, and two derivatives of its logarithm."""
        greatest = float(self._values[-1])
        relative = self._values / greatest

        def gaps(odds: float) -> Array:
            # 1 + d v for d = -1 / (1 + 1/odds) / max, without cancellation.
            return np.asarray(1 - relative + relative / (1 + odds))

        def excess(logarithm: float) -> float:
            odds = math.exp(logarithm)
            return -float(self._weights @ (relative * odds / (1 + odds) / gaps(odds))) - u

        odds = math.exp(_root(excess, math.log(-u / self.mass), math.log(-u / self._weights[-1])))
        d, steps = -odds / (1 + odds) / greatest, self._values / gaps(odds)
        first = 1 / float(self._weights @ (steps / gaps(odds)))
        second = 2 * float(self._weights @ (steps**2 / gaps(odds))) * first**3
        return d, first / d, second / d - (first / d) ** 2

    def below(self, over: float) -> tuple[float, float]:
        """Return y in ``(0, min)`` with ``Σ w y / (v - y) = over``, and its logarithm's derivative."""
        least = float(self._values[0])

        def gaps(odds: float) -> Array:
            # v - y for y = min / (1 + 1/odds), without cancellation.
            return np.asarray(self._values - least + least / (1 + odds))

        def excess(logarithm: float) -> float:
            odds = math.exp(logarithm)
            return float(self._weights @ (least * odds / (1 + odds) / gaps(odds))) - over

        odds = math.exp(_root(excess, math.log(over / self.mass), math.log(over / self._weights[0])))
        y = least * odds / (1 + odds)
        return y, 1 / float(self._weights @ (self._values / gaps(odds) ** 2)) / y

    def beyond(self, u: float, under: float) -> tuple[float, float]:
        """Return d > 0 with ``Σ w d v / (1 + d v) = u``, `under` the mass, and its logarithm's derivative."""

        def excess(logarithm: float) -> float:
            steps = math.exp(logarithm) * self._values
            return float(self._weights @ (steps / (1 + steps))) - u

        odds = math.log(u / under)
        d = math.exp(_root(excess, odds - math.log(self._values[-1]), odds - math.log(self._values[0])))
        return d, 1 / float(self._weights @ (self._values / (1 + d * self._values) ** 2)) / d


def _root(function: Any, low: float, high: float) -> float:
    """Return the zero between two points, or the one of them that rounding has put beyond it."""
    from scipy.optimize import brentq

    first, last = function(low), function(high)
    if first == 0 or last == 0 or (first > 0) == (last > 0):
        return low if abs(first) <= abs(last) else high
    return float(brentq(function, low, high, xtol=1e-300, rtol=TOLERANCE))
