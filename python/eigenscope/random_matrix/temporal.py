"""Noise that is correlated in time: its law, its power spectrum, and its autocorrelation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import is_real_number, positive_number
from ..errors import InvalidInputError
from ._elementwise import apply_elementwise
from .edges import Edge
from .silverstein import GeneralizedMarchenkoPastur, checked_atoms

Array = np.ndarray[Any, np.dtype[Any]]

EPS = float(np.finfo(np.float64).eps)

FIRST_FREQUENCIES, LAST_FREQUENCIES = 128, 1 << 16
"""Numbers of frequencies tried for an AR(1) spectrum, doubled until the edges stand still and no gaps are left."""

WHOLE_IN_A_ROW = 4
"""Numbers of frequencies in a row that leave no gaps before the density is smooth to five digits."""

EDGE_TOLERANCE = 1e-14
"""Relative change of both edges at which the quadrature over frequencies has converged; it converges exponentially."""

FREQUENCIES, BANDS_PER_WIDTH = 512, 32
"""Frequencies of a spectrum by default, and how many lie within the width ``1 - |φ|`` of its peak at least."""

STRONGEST_COEFFICIENT = 0.999
"""AR(1) coefficients beyond ± this leave so few independent samples that no law for large data holds."""

QUARTILES = (0.25, 0.75)
"""Levels between which the spread of the non-zero eigenvalues is measured: signals above hardly move it."""

STRONGEST_SPREAD = 0.96875
"""Largest AR(1) coefficient that is read off the spread of eigenvalues; beyond, it hardly grows any more."""

QUANTILE_NODES = 512
"""Points of the density from which its quartiles are taken: three digits, where those of eigenvalues have two."""


class CorrelatedMarchenkoPastur:
    """Law of the eigenvalues of ``X.T @ X / n_samples`` for features that are independent but correlated in time.

    Every feature has the power spectrum `variance` x `power_spectrum`. The same law holds for independent samples of
    unequal variance (weighted samples, elliptical distributions): `power_spectrum` then holds the relative variances.

    Parameters
    ----------
    power_spectrum : array_like, shape (m,)
        Power at frequencies spread evenly over ``(-Nyquist, Nyquist)`` or ``(0, Nyquist)``, or variances of samples;
        divided by its mean. Zeros are frequencies that a filter has removed.
    ratio : float
        ``n_features / n_samples``, positive.
    variance : float
        Variance of the entries, positive.
    weights : array_like, shape (m,), optional
        Shares of the powers, when frequencies are not spread evenly.

    Raises
    ------
    InvalidInputError
        For a power spectrum that is negative or zero throughout, or numbers that are not positive.

    Notes
    -----
    With ``g(z) = E tr (S - z)⁻¹ / p`` and the powers a of mean one, ``z = -1/g + ∫ a / (1 + c a g)``. Power-law
    memory, whose power spectrum is unbounded at zero, has no finite edge and does not belong here; nor do the lag
    matrices of a single channel, which follow another law.

    References
    ----------
    Burda, Jarosz, Nowak and Snarska 2010, "A random matrix approach to VARMA processes", New J. Phys. 12; Silverstein
    and Choi 1995, J. Multivariate Analysis 54.

    Examples
    --------
    >>> from eigenscope.random_matrix import CorrelatedMarchenkoPastur
    >>> law = CorrelatedMarchenkoPastur.autoregressive(0.5, ratio=0.5)
    >>> print(law.support.round(6))
    [[0.057522 4.043033]]
    """

    def __init__(
        self, power_spectrum: ArrayLike, ratio: float, variance: float = 1.0, *, weights: ArrayLike | None = None
    ) -> None:
        self._ratio, self._variance = positive_number("ratio", ratio), positive_number("variance", variance)
        powers, shares = checked_atoms(power_spectrum, weights, name="power_spectrum")
        powers = powers / powers.max()
        self._power_spectrum = powers / (shares @ powers / shares.sum())
        self._given_weights = None if weights is None else shares
        # The samples' side is an ordinary sample covariance with the powers as population and the sizes exchanged.
        self._companion = GeneralizedMarchenkoPastur(self._power_spectrum, 1 / self._ratio, weights)
        self._unit = self._variance * self._ratio

    @classmethod
    def autoregressive(cls, coefficient: float, ratio: float, variance: float = 1.0) -> CorrelatedMarchenkoPastur:
        """Return the law of AR(1) noise, ``x[t] = coefficient x[t-1] + innovation``.

        Parameters
        ----------
        coefficient : float
            Autocorrelation at lag one, between -0.999 and 0.999.
        ratio, variance : float
            As for the class; `variance` is that of the noise, not of its innovations.
        """
        _check_ar1(coefficient)
        n_frequencies, last, n_whole = FIRST_FREQUENCIES, np.zeros(2), 0
        while True:
            powers, weights = _ar1_quadrature(coefficient, n_frequencies)
            law = cls(powers, ratio, variance, weights=weights)
            edges = law.support[[0, -1], [0, 1]]
            stands = bool(np.all(np.abs(edges - last) <= EDGE_TOLERANCE * edges[1]))
            # The support has no gaps; with few frequencies for the ratio there are some between their bumps, and waves
            # a little beyond.
            n_whole = n_whole + 1 if len(law.support) == 1 else 0
            if (stands and n_whole >= WHOLE_IN_A_ROW) or n_frequencies >= LAST_FREQUENCIES:
                return law
            n_frequencies, last = 2 * n_frequencies, edges

    def __repr__(self) -> str:
        return (
            f"CorrelatedMarchenkoPastur(ratio={self._ratio:.6g}, variance={self._variance:.6g}, "
            f"{self.samples_per_effective_sample:.3g} samples per effective sample)"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (self._power_spectrum, self._ratio, self._variance, self._given_weights)

    @property
    def ratio(self) -> float:
        """``n_features / n_samples``."""
        return self._ratio

    @property
    def variance(self) -> float:
        """Variance of the entries; also the mean eigenvalue."""
        return self._variance

    @property
    def power_spectrum(self) -> Array:
        """The powers given, divided by their mean."""
        return np.array(self._power_spectrum)

    @property
    def samples_per_effective_sample(self) -> float:
        """Mean squared power B over the squared mean: covariances are as uncertain as from ``n_samples / B`` samples.

        ``(1 + φ²) / (1 - φ²)`` for AR(1), less than the ``(1 + φ) / (1 - φ)`` that holds for means.
        """
        return float(self._companion.weights @ self._companion.population**2)

    @property
    def support(self) -> Array:
        """Intervals (low, high) of the continuous part, ascending, shape (n_intervals, 2)."""
        return np.asarray(self._companion.support * self._unit)

    @property
    def atom(self) -> float:
        """Share of eigenvalues that are exactly zero."""
        remaining = float(self._companion.weights[self._companion.population > 0].sum())
        return max(0.0, 1 - remaining / self._ratio)

    def pdf(self, x: ArrayLike) -> Array | float:
        """Density of the continuous part at `x`; integrates to ``1 - atom``."""
        factor = self._ratio * self._unit
        return apply_elementwise(lambda points: np.asarray(self._companion.pdf(points / self._unit)) / factor, x)

    def cdf(self, x: ArrayLike) -> Array | float:
        """Probability of an eigenvalue at or below `x`, the atom at zero included."""
        return 1 - self.sf(x)

    def sf(self, x: ArrayLike) -> Array | float:
        """Probability of an eigenvalue above `x`."""

        def survival(points: Array) -> Array:
            above = np.asarray(self._companion.sf(points / self._unit)) / self._ratio
            return np.where(points < 0, 1.0, np.minimum(above, 1.0))

        return apply_elementwise(survival, x)

    def ppf(self, probability: ArrayLike) -> Array | float:
        """Smallest eigenvalue whose `cdf` reaches `probability`; NaN outside [0, 1]."""

        def quantile(levels: Array) -> Array:
            inside = np.where((levels >= 0) & (levels <= 1), levels, np.nan)
            values = np.asarray(self._companion.ppf(1 - (1 - inside) * self._ratio)) * self._unit
            return np.where(inside <= self.atom, 0.0, values) if self.atom > 0 else values

        return apply_elementwise(quantile, probability)

    def stieltjes(self, z: ArrayLike) -> Array | complex:
        """Stieltjes transform ``∫ dF(x) / (x - z)``; at real points of the support the limit from above."""

        def transform(points: Array) -> Array:
            companion = np.asarray(self._companion.stieltjes(points / self._unit)) / self._unit
            return np.asarray(companion / self._ratio - (1 - 1 / self._ratio) / points)

        return apply_elementwise(transform, z, dtype=np.complex128)

    def signal_variance(self, eigenvalue: ArrayLike) -> Array | float:
        """Return the variance that a signal adds along its direction, behind an eigenvalue above the bulk.

        The signal may have any time course: ``1 / (λ m(λ) m̃(λ))`` with the Stieltjes transforms of the features' and
        the samples' side. NaN inside the support.

        References
        ----------
        Benaych-Georges and Nadakuditi 2012, "The singular values and vectors of low rank perturbations of large
        rectangular random matrices", J. Multivariate Analysis 111.
        """

        def variance(points: Array) -> Array:
            unit = points / self._unit
            samples_side = np.asarray(self._companion.stieltjes(unit))
            features_side = samples_side / self._ratio - (1 - 1 / self._ratio) / unit
            found = self._unit / (unit * samples_side * features_side)
            outside = (samples_side.imag == 0) & (points > self.support[-1, 1])
            return np.where(outside, found.real, np.nan)

        return apply_elementwise(variance, eigenvalue)

    def largest_eigenvalue_edge(self, n_features: float) -> Edge:
        """Centre and scale the largest eigenvalue of finite data with `n_features` features.

        ``(value - location) / scale`` tends to ``TracyWidom(1)`` for real data.
        """
        edge = self._companion.largest_eigenvalue_edge(n_features)
        return Edge(edge.location * self._unit, edge.scale * self._unit)

    def mean(self) -> float:
        """Mean eigenvalue, the variance of the noise."""
        return self._variance

    def var(self) -> float:
        """Variance of the eigenvalues, ``ratio B variance²``."""
        return self._ratio * self.samples_per_effective_sample * self._variance**2


def _rebuilt(powers: Array, ratio: float, variance: float, weights: Array | None) -> CorrelatedMarchenkoPastur:
    return CorrelatedMarchenkoPastur(powers, ratio, variance, weights=weights)


def ar1_power_spectrum(coefficient: float, n_frequencies: int | None = None) -> Array:
    """Return the power of AR(1) noise of unit variance at frequencies spread evenly over (0, Nyquist).

    Parameters
    ----------
    coefficient : float
        Autocorrelation at lag one, between -0.999 and 0.999.
    n_frequencies : int, optional
        Number of frequencies, the midpoints of as many equal bands; by default 512, or more for a coefficient near ±1,
        whose power changes within a band otherwise.

    Returns
    -------
    ndarray, shape (n_frequencies,)
        ``(1 - φ²) / (1 + φ² - 2 φ cos ω)``.

    Raises
    ------
    InvalidInputError
        For coefficients nearer to ±1 than any law for large data allows.

    Examples
    --------
    >>> from eigenscope.random_matrix.temporal import ar1_power_spectrum
    >>> print(ar1_power_spectrum(0.5, 4).round(3))
    [2.3   0.865 0.459 0.345]
    """
    _check_ar1(coefficient)
    count = n_frequencies or max(FREQUENCIES, math.ceil(BANDS_PER_WIDTH / (1 - abs(coefficient))))
    angles = np.pi * (np.arange(count) + 0.5) / count
    half_sine, half_cosine = np.sin(angles / 2) ** 2, np.cos(angles / 2) ** 2
    denominator = (1 - coefficient) ** 2 * half_cosine + (1 + coefficient) ** 2 * half_sine
    return np.asarray((1 - coefficient) * (1 + coefficient) / denominator)


def _check_ar1(coefficient: float) -> None:
    if not (is_real_number(coefficient) and abs(coefficient) <= STRONGEST_COEFFICIENT):
        raise InvalidInputError(
            f"the AR(1) coefficient must lie between -{STRONGEST_COEFFICIENT} and {STRONGEST_COEFFICIENT}, got "
            f"{coefficient!r}: remove slow drifts first, or compare with circularly shifted data"
        )


def _ar1_quadrature(coefficient: float, n_nodes: int) -> tuple[Array, Array]:
    """Return powers of AR(1) noise and their weights at frequencies dense where the power is large.

    With ``t = tan w/2 = √r tan ω/2`` and ``r = (1 + φ) / (1 - φ)`` the power is ``(r + t²) / (1 + r t²)``, analytic in
    w up to about 2 / √r from the real axis, in place of 2 / r: the midpoint rule needs the root of as many nodes.
    """
    root = math.sqrt((1 + coefficient) / (1 - coefficient))
    angles = np.pi * (np.arange(n_nodes) + 0.5) / n_nodes
    sine, cosine = np.sin(angles / 2) ** 2, np.cos(angles / 2) ** 2
    # Divided by cos² nowhere, so that nothing overflows at the end.
    powers = (root * cosine + sine / root) / (cosine / root + root * sine)
    return powers, 1 / (root * cosine + sine / root)


def ar1_coefficient(lag_one_autocorrelation: float, n_samples: int) -> float:
    """Return the AR(1) coefficient behind a pooled lag-one autocorrelation, without its bias in finite samples.

    Pooled over many features, the ratio of sums is that of their expectations: about sample means it is
    ``(φ (n - 1) / n - V / n) / (1 - V / n)`` with ``V = (1 + φ) / (1 - φ)``.

    Parameters
    ----------
    lag_one_autocorrelation : float
        As in `Spectrum.lag_one_autocorrelation`.
    n_samples : int
        Number of samples.
    """
    from scipy.optimize import brentq

    if not -1 < lag_one_autocorrelation < 1:
        raise InvalidInputError(f"a lag-one autocorrelation lies between -1 and 1, got {lag_one_autocorrelation!r}")

    def excess(coefficient: float) -> float:
        lost = (1 + coefficient) / (1 - coefficient) / n_samples
        return (coefficient * (n_samples - 1) / n_samples - lost) / (1 - lost) - lag_one_autocorrelation

    # Beyond this, the variance of the mean approaches that of the samples.
    highest, lowest = min(STRONGEST_COEFFICIENT, 1 - 8 / n_samples), -STRONGEST_COEFFICIENT
    if highest <= lowest or excess(highest) <= 0:
        return max(highest, lag_one_autocorrelation)
    return lowest if excess(lowest) >= 0 else float(brentq(excess, lowest, highest))


def ar1_log_spread(coefficient: float, ratio: float, shift: float = 0.0) -> float:
    """Return the logarithm of upper over lower quartile of the non-zero eigenvalues of AR(1) noise.

    Parameters
    ----------
    coefficient : float
        Autocorrelation at lag one.
    ratio : float
        ``n_features / n_samples``.
    shift : float
        Share of the eigenvalues by which both quartiles are moved outwards.
    """
    low, high = CorrelatedMarchenkoPastur.autoregressive(coefficient, ratio).support[[0, -1], [0, 1]]
    angles = np.pi * (np.arange(QUANTILE_NODES) + 0.5) / QUANTILE_NODES
    # From edge to edge in log x, dense at both: powers of frequencies, too, spread over orders of magnitude.
    logs = np.log(high) + np.log(max(low / high, EPS)) * np.cos(angles / 2) ** 2
    mass = _ar1_density(np.exp(logs), coefficient, ratio) * np.exp(logs) * np.sin(angles)
    heights = (np.cumsum(mass) - mass / 2) / mass.sum()
    lower, upper = np.interp([QUARTILES[0] - shift, QUARTILES[1] + shift], heights, logs)
    return float(upper - lower)


def _ar1_density(x: Array, coefficient: float, ratio: float) -> Array:
    """Return the density at points of the support, from ``(x g + 1)² (1 + 2 B c g + c² g²) = g²``."""
    b, c = (1 + coefficient**2) / (1 - coefficient**2), ratio
    ones = np.ones_like(x)
    quartic = (x**2 * c**2, 2 * x * c * (x * b + c), x**2 + 4 * x * b * c + c**2 - 1, 2 * x + 2 * b * c, ones)
    companion = np.zeros((len(x), 4, 4))
    companion[:, 0] = -np.transpose(quartic[1:]) / quartic[0][:, None]
    companion[:, (1, 2, 3), (0, 1, 2)] = 1
    # One pair of its roots is complex.
    return np.asarray(np.linalg.eigvals(companion).imag.max(axis=1) / np.pi)


def ar1_coefficient_of_spread(log_spread: float, ratio: float) -> float:
    """Return the size of the AR(1) coefficient that spreads eigenvalues so far, between 0 and 0.96875.

    Parameters
    ----------
    log_spread : float
        As `ar1_log_spread` returns it.
    ratio : float
        ``n_features / n_samples``.
    """
    from scipy.optimize import brentq

    if ar1_log_spread(0.0, ratio) >= log_spread:
        return 0.0
    if ar1_log_spread(STRONGEST_SPREAD, ratio) <= log_spread:
        return STRONGEST_SPREAD
    return float(brentq(lambda phi: ar1_log_spread(phi, ratio) - log_spread, 0.0, STRONGEST_SPREAD, xtol=1e-4))
