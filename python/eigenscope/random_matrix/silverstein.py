"""The law of sample eigenvalues when the population has any spectrum: the Silverstein equation."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import _core
from ..arguments import is_whole_number, positive_number
from ..errors import InvalidInputError, NonFiniteInputError, UnsupportedTypeError
from ._elementwise import apply_elementwise
from .angular_series import AngularSeries
from .edges import Edge

Array = np.ndarray[Any, np.dtype[Any]]


class GeneralizedMarchenkoPastur:
    """Law of the eigenvalues of ``X.T @ X / n_samples`` when the features have any population covariance.

    X is ``W @ A^½`` with independent entries in W (n_samples x n_features); the population covariance A has the
    eigenvalues `population` with the shares `weights`. The law is solved on the population axis, where nothing
    cancels at the edges, and followed from every edge into the bulk; no imaginary offset blurs it.

    Parameters
    ----------
    population : array_like, shape (k,)
        Eigenvalues of the population covariance, not negative and not all zero.
    ratio : float
        ``n_features / n_samples``, positive.
    weights : array_like, shape (k,), optional
        Shares of the population eigenvalues; they are divided by their sum. Equal by default.

    Raises
    ------
    InvalidInputError
        For negative, missing or wrongly shaped values, or a `ratio` that is not positive.

    References
    ----------
    Silverstein and Choi 1995, "Analysis of the limiting spectral distribution of large dimensional random matrices",
    J. Multivariate Analysis 54; Bai and Silverstein 1999, "Exact separation of eigenvalues of large dimensional sample
    covariance matrices", Annals of Probability 27.

    Examples
    --------
    >>> from eigenscope.random_matrix import GeneralizedMarchenkoPastur
    >>> law = GeneralizedMarchenkoPastur([1, 8], ratio=0.1)
    >>> print(law.support.round(4))
    [[ 0.56    1.4247]
     [ 4.8819 12.0334]]
    >>> print(f"{law.pdf(8.0):.6f}")
    0.088917
    """

    def __init__(self, population: ArrayLike, ratio: float, weights: ArrayLike | None = None) -> None:
        self._ratio = positive_number("ratio", ratio)
        self._population, self._weights = merged_atoms(population, weights)
        self._scale = float(self._population[-1])
        relative = self._population / self._scale
        positive = relative > 0
        self._weight_at_zero = float(self._weights[~positive].sum())
        self._law = _core.SilversteinLaw(relative[positive], np.ascontiguousarray(self._weights[positive]), self._ratio)
        self._intervals = self._law.intervals()
        # At ratio 1 the first interval begins at zero up to rounding, which may exceed its other end.
        self._intervals[:, 0] = np.where(self._intervals[:, 0] < self._intervals[:, 1], self._intervals[:, 0], 0.0)

    def __repr__(self) -> str:
        low, high = self._population[0], self._population[-1]
        return (
            f"GeneralizedMarchenkoPastur({len(self._population)} population eigenvalues {low:.4g} … {high:.4g}, "
            f"ratio={self._ratio:.6g}, {len(self._intervals)} intervals)"
        )

    def __reduce__(self) -> tuple[type[GeneralizedMarchenkoPastur], tuple[Array, float, Array]]:
        return type(self), (self._population, self._ratio, self._weights)

    @property
    def ratio(self) -> float:
        """``n_features / n_samples``."""
        return self._ratio

    @property
    def population(self) -> Array:
        """Distinct population eigenvalues, ascending, shape (k,)."""
        return self._population.copy()

    @property
    def weights(self) -> Array:
        """Their shares, shape (k,); they sum to 1."""
        return self._weights.copy()

    @property
    def support(self) -> Array:
        """Intervals (low, high) of the continuous part, ascending, shape (n_intervals, 2)."""
        return np.asarray(self._intervals[:, :2] * self._scale)

    @property
    def masses(self) -> Array:
        """Share of the eigenvalues in each interval, shape (n_intervals,)."""
        return np.asarray(self._intervals[:, 2].copy())

    @property
    def atom(self) -> float:
        """Share of eigenvalues that are exactly zero."""
        return max(self._weight_at_zero, 1 - 1 / self._ratio, 0.0)

    def pdf(self, x: ArrayLike) -> Array | float:
        """Density of the continuous part at `x`; integrates to ``1 - atom``."""
        return apply_elementwise(self._density, x)

    def cdf(self, x: ArrayLike) -> Array | float:
        """Probability of an eigenvalue at or below `x`, the atom at zero included.

        Absolute error about 1e-13; up to 1e-4 for a density of very many scales or gaps that all but open, and with a
        `DataWarning` beyond.
        """
        return apply_elementwise(self._distribution, x)

    def sf(self, x: ArrayLike) -> Array | float:
        """Probability of an eigenvalue above `x`; errors as for `cdf`."""
        return apply_elementwise(lambda points: 1 - self._distribution(points), x)

    def ppf(self, probability: ArrayLike) -> Array | float:
        """Smallest eigenvalue whose `cdf` reaches `probability`; NaN outside [0, 1]."""
        return apply_elementwise(self._quantile, probability)

    def mean_quantiles(self, n: int) -> Array:
        """Return n times the mean eigenvalue between successive n-th parts of the law, ascending, shape (n,).

        ``n ∫ F⁻¹(u) du`` over ``((i - 1) / n, i / n)``: what n sample eigenvalues are on average, to first order.

        References
        ----------
        Ledoit and Wolf 2015, "Spectrum estimation: a unified framework for covariance matrix estimation and PCA in
        large dimensions", J. Multivariate Analysis 139.
        """
        if not (is_whole_number(n) and n >= 1):
            raise InvalidInputError(f"n must be an integer of at least 1, got {n!r}")
        n = int(n)
        levels = np.arange(n + 1) / n
        total, start = np.zeros(n + 1), self.atom
        for mass, series in zip(self._intervals[:, 2], self._series, strict=True):
            total += series.partial_mean(np.clip(levels - start, 0, mass))
            start += mass
        return np.asarray(n * np.diff(total) * self._scale)

    def stieltjes(self, z: ArrayLike) -> Array | complex:
        """Stieltjes transform ``∫ dF(x) / (x - z)``; at real points of the support the limit from above."""
        return apply_elementwise(self._stieltjes, z, dtype=np.complex128)

    def mean(self) -> float:
        """Mean eigenvalue, that of the population."""
        return float(self._weights @ self._population)

    def var(self) -> float:
        """Variance of the eigenvalues, ``∫ t² dH + ratio (∫ t dH)² - (∫ t dH)²``."""
        relative = self._population / self._scale
        mean = float(self._weights @ relative)
        return self._scale**2 * (float(self._weights @ (relative - mean) ** 2) + self._ratio * mean**2)

    def largest_eigenvalue_edge(self, n_samples: float) -> Edge:
        """Centre and scale the largest of the eigenvalues of a finite sample.

        Parameters
        ----------
        n_samples : float
            Number of samples.

        Returns
        -------
        Edge
            ``(value - location) / scale`` tends to ``TracyWidom(1)`` for real data.

        References
        ----------
        El Karoui 2007, "Tracy–Widom limit for the largest eigenvalue of a large class of complex sample covariance
        matrices", Annals of Probability 35; Lee and Schnelli 2016, Annals of Applied Probability 26 (real data).
        """
        n_samples = positive_number("n_samples", n_samples)
        _, location, _, _, point, _, curvature = self._intervals[-1]
        # (z''/2)^⅓ with z'' = ψ''(u) u⁴ on the axis of v = -1/u.
        coefficient = np.cbrt(curvature / 2) * np.cbrt(point) * point
        return Edge(float(location * self._scale), float(coefficient * self._scale / np.cbrt(n_samples) ** 2))

    def sample_eigenvalue(self, spike: ArrayLike) -> Array | float:
        """Return where one more population eigenvalue appears in the sample, ``ℓ (1 + c ∫ t / (ℓ - t) dH)``.

        NaN where it stays inside the bulk.
        """
        return apply_elementwise(lambda points: self._outlier(points)[0], spike)

    def overlap(self, spike: ArrayLike) -> Array | float:
        """Return the squared overlap of the sample's eigenvector with that of one more population eigenvalue.

        ``ℓ ψ'(ℓ) / ψ(ℓ)``; 0 where it stays inside the bulk.
        """

        def overlap(points: Array) -> Array:
            location, slope = self._outlier(points)
            # A direction without variance has none in the sample.
            share = np.divide(points, location, out=np.ones_like(points), where=location != 0)
            return np.where(np.isnan(location), 0.0, np.where(location == 0, 1.0, share * slope))

        return apply_elementwise(overlap, spike)

    def population_eigenvalue(self, eigenvalue: ArrayLike) -> Array | float:
        """Return the population eigenvalue behind an outlier of the sample; NaN inside the support."""

        def inverse(points: Array) -> Array:
            found = self._law.solve_outside(points / self._scale) * self._scale
            return np.where(points >= 0, found, np.nan)

        return apply_elementwise(inverse, eigenvalue)

    def _outlier(self, spike: Array) -> tuple[Array, Array]:
        points = spike / self._scale
        slope = self._law.slope(points)
        return np.where((slope > 0) & (points >= 0), self._law.map(points) * self._scale, np.nan), slope

    def _density(self, x: Array) -> Array:
        density = np.where(np.isnan(x), np.nan, 0.0)
        points = x / self._scale
        for i, (low, high) in enumerate(self._intervals[:, :2]):
            inside = np.flatnonzero((points >= low) & (points <= high))
            if len(inside):
                u = self._inside(i, points[inside] - low, high - points[inside])
                density[inside] = population_density(u, self._ratio) / self._scale
        return density

    def _inside(self, interval: int, above_low: Array, below_high: Array) -> Array:
        order = np.argsort(above_low, kind="stable")
        u = np.empty(len(order), dtype=np.complex128)
        u[order] = self._law.solve_inside(
            interval, np.ascontiguousarray(above_low[order]), np.ascontiguousarray(below_high[order])
        )
        return u

    @functools.cached_property
    def _series(self) -> tuple[AngularSeries, ...]:
        return tuple(self._interval_series(i) for i in range(len(self._intervals)))

    def _interval_series(self, interval: int) -> AngularSeries:
        low, high, mass = self._intervals[interval, :3]

        def density(above_low: Array, below_high: Array) -> Array:
            return population_density(self._inside(interval, above_low, below_high), self._ratio)

        first = int(np.argmax(self._population > 0))
        smallest = float(self._population[first] / self._scale * self._weights[first])
        return AngularSeries.of_density(density, low=low, high=high, mass=mass, smallest=smallest)

    def _distribution(self, x: Array) -> Array:
        points = x / self._scale
        total = np.where(points >= 0, self.atom, np.where(np.isnan(points), np.nan, 0.0))
        for (low, high, mass), series in zip(self._intervals[:, :3], self._series, strict=True):
            inside = (points > low) & (points < high)
            total[inside] += series.mass_below(points[inside])
            total[points >= high] += mass
        return np.minimum(total, 1.0)

    def _quantile(self, probability: Array) -> Array:
        quantile = np.where((probability >= 0) & (probability <= 1), 0.0, np.nan)
        below = self.atom
        for mass, series in zip(self._intervals[:, 2], self._series, strict=True):
            last = series is self._series[-1]
            chosen = (probability > below) & ((probability <= below + mass) | last) & (probability <= 1)
            quantile[chosen] = series.quantile(np.minimum(probability[chosen] - below, mass)) * self._scale
            below += mass
        if self.atom == 0:
            quantile[probability == 0] = self._intervals[0, 0] * self._scale
        return quantile

    def _stieltjes(self, z: Array) -> Array:
        inner = np.isfinite(z) & (z != 0)
        values = np.where(np.isnan(z), z, 0)
        values[inner] = self._inner_stieltjes(z[inner])
        values[z == 0] = self._mean_inverse
        return values

    @property
    def _mean_inverse(self) -> float:
        """``∫ dF / x``, what is left of the Silverstein equation at zero."""
        if self._ratio >= 1 or self._population[0] == 0:
            return math.inf
        return float(self._weights @ (1 / self._population)) / (1 - self._ratio)

    def _inner_stieltjes(self, z: Array) -> Array:
        points = z / self._scale
        u = np.empty(len(points), dtype=np.complex128)
        real = points.imag == 0
        u[real] = self._law.solve_outside(np.ascontiguousarray(points.real[real]))
        for i, (low, high) in enumerate(self._intervals[:, :2]):
            inside = np.flatnonzero(real & (points.real >= low) & (points.real <= high))
            if len(inside):
                u[inside] = self._inside(i, points.real[inside] - low, high - points.real[inside])
        lower = points.imag < 0
        upward = np.where(lower, points.conj(), points)
        u[~real] = self._law.solve_complex(np.ascontiguousarray(upward[~real]))
        values = self._law.stieltjes(u, upward)
        values = np.where(lower, values.conj(), values)
        if self._weight_at_zero:
            values = values - self._weight_at_zero / points
        return np.asarray(values / self._scale)


def population_density(u: Array, ratio: float) -> Array:
    """Return the density ``Im u / (π c |u|²)`` at a point u of the population axis."""
    size = np.abs(u)
    with np.errstate(divide="ignore", invalid="ignore"):
        density = u.imag / size / size / (math.pi * ratio)
    # Only at ratio 1 does the law reach zero, where its density is infinite.
    return np.where(size == 0, np.inf, density)


def checked_atoms(
    population: ArrayLike, weights: ArrayLike | None, *, name: str = "population", weights_name: str = "weights"
) -> tuple[Array, Array]:
    """Return values and their weights as given, or say what is wrong with them."""
    values = _flat(name, population)
    shares = np.full(len(values), 1.0) if weights is None else _flat(weights_name, weights)
    if len(shares) != len(values):
        raise InvalidInputError(f"{len(shares)} {weights_name} for {len(values)} values of {name}: one each is needed")
    for label, array in ((name, values), (weights_name, shares)):
        if array.min() < 0:
            raise InvalidInputError(
                f"{int((array < 0).sum())} of {len(array)} values of {label} are negative, the first "
                f"{array[array < 0][0]:.3g}: neither variances nor their shares can be"
            )
    if not np.any(values[shares > 0] > 0):
        raise InvalidInputError(f"every value of {name} with a weight is zero: there is no variance to sample")
    return values, shares / shares.max()


def merged_atoms(population: ArrayLike, weights: ArrayLike | None, **names: str) -> tuple[Array, Array]:
    """Return distinct population eigenvalues, ascending, and their shares, which sum to 1; `names` are for errors."""
    values, shares = checked_atoms(population, weights, **names)
    kept = shares > 0
    distinct, which = np.unique(values[kept], return_inverse=True)
    merged = np.bincount(which.reshape(-1), weights=shares[kept])
    return distinct, merged / merged.sum()


def _flat(name: str, values: ArrayLike) -> Array:
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise UnsupportedTypeError(f"{name} must be real numbers, got dtype {array.dtype}")
    if array.ndim != 1 or array.size == 0:
        raise InvalidInputError(f"{name} must be one-dimensional and not empty, got shape {array.shape}")
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        bad = ~np.isfinite(array)
        raise NonFiniteInputError(
            f"{int(bad.sum())} of {len(array)} values of {name} are not finite, first at {bad.argmax()}"
        )
    return array
