"""Spectra of sums and products of large independent matrices: free additive and multiplicative convolution."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import is_whole_number, positive_number
from ..errors import ConvergenceWarning, InvalidInputError, UnsupportedTypeError
from ._elementwise import apply_elementwise
from .silverstein import merged_atoms

Array = np.ndarray[Any, np.dtype[Any]]

TOLERANCE = 1e-13
"""Relative change at which a fixed point has converged."""

MAX_STEPS = 5000
"""Fixed-point steps, each accelerated; only points at an edge need more than a few dozen."""

RESOLVENT_ENTRIES = 1 << 20
"""Distances between points and eigenvalues held at once."""


class Law(Protocol):
    """A spectral law that knows its Stieltjes transform ``∫ dF(x) / (x - z)``, like `MarchenkoPastur`."""

    def stieltjes(self, z: ArrayLike) -> Any:
        """Return the transform; on the real axis its limit from the upper half plane."""


class Semicircle:
    """Wigner's semicircle: eigenvalues of a large symmetric matrix of independent entries.

    Parameters
    ----------
    variance : float
        Variance of the law; the entries have `variance` over the order of the matrix.

    Examples
    --------
    >>> from eigenscope.random_matrix import Semicircle
    >>> Semicircle(0.25).support
    (-1.0, 1.0)
    """

    def __init__(self, variance: float = 1.0) -> None:
        self._variance = positive_number("variance", variance)

    def __repr__(self) -> str:
        return f"Semicircle(variance={self._variance:.6g})"

    @property
    def support(self) -> tuple[float, float]:
        """Edges (low, high), minus and plus two standard deviations."""
        radius = 2 * math.sqrt(self._variance)
        return -radius, radius

    def pdf(self, x: ArrayLike) -> Array | float:
        """Density at `x`."""
        radius = self.support[1]

        def density(points: Array) -> Array:
            relative = points / radius
            return np.asarray(2 / (math.pi * radius) * np.sqrt(np.maximum((1 - relative) * (1 + relative), 0.0)))

        return apply_elementwise(density, x)

    def stieltjes(self, z: ArrayLike) -> Array | complex:
        """Stieltjes transform ``∫ dF(x) / (x - z)``."""
        radius = self.support[1]

        def transform(points: Array) -> Array:
            relative = points / radius
            # Of the two equal forms, the one that does not cancel at infinity.
            with np.errstate(invalid="ignore"):
                return np.asarray(-2 / radius / (relative + np.sqrt(relative - 1) * np.sqrt(relative + 1)))

        return apply_elementwise(transform, z, dtype=np.complex128)

    def moment(self, order: int) -> float:
        """Return ``E x**order``, Catalan numbers for even orders."""
        if not (is_whole_number(order) and order >= 0):
            raise InvalidInputError(f"order must be an integer of at least 0, got {order!r}")
        half, odd = divmod(int(order), 2)
        return 0.0 if odd else self._variance**half * math.comb(2 * half, half) / (half + 1)


class DiscreteLaw:
    """Law of given eigenvalues, such as those of a population covariance.

    Parameters
    ----------
    eigenvalues : array_like, shape (k,)
        Not negative, and not all zero.
    weights : array_like, shape (k,), optional
        Their shares; equal by default.

    Examples
    --------
    The law of a sample covariance, ``A^½ W A^½`` with white W, is that of `GeneralizedMarchenkoPastur`:

    >>> from eigenscope import GeneralizedMarchenkoPastur, MarchenkoPastur
    >>> from eigenscope.random_matrix import DiscreteLaw, FreeProduct
    >>> print(f"{FreeProduct(DiscreteLaw([1.0, 8.0]), MarchenkoPastur(0.5)).pdf(1.0):.6f}")
    0.277142
    >>> print(f"{GeneralizedMarchenkoPastur([1.0, 8.0], 0.5).pdf(1.0):.6f}")
    0.277142
    """

    def __init__(self, eigenvalues: ArrayLike, weights: ArrayLike | None = None) -> None:
        self._eigenvalues, self._weights = merged_atoms(eigenvalues, weights, name="eigenvalues")

    def __repr__(self) -> str:
        return f"DiscreteLaw({len(self._eigenvalues)} eigenvalues, mean {self.moment(1):.6g})"

    def stieltjes(self, z: ArrayLike) -> Array | complex:
        """Stieltjes transform ``∫ dF(x) / (x - z)``, infinite at the eigenvalues."""

        def transform(points: Array) -> Array:
            values = np.empty(len(points), dtype=np.complex128)
            step = max(1, RESOLVENT_ENTRIES // len(self._eigenvalues))
            with np.errstate(divide="ignore", invalid="ignore"):
                for first in range(0, len(points), step):
                    gaps = self._eigenvalues - points[first : first + step, np.newaxis]
                    values[first : first + step] = (1 / gaps) @ self._weights
            return values

        return apply_elementwise(transform, z, dtype=np.complex128)

    def moment(self, order: int) -> float:
        """Return ``E x**order``."""
        if not (is_whole_number(order) and order >= 0):
            raise InvalidInputError(f"order must be an integer of at least 0, got {order!r}")
        return float(self._weights @ self._eigenvalues ** int(order))


def _law(law: Law) -> Law:
    if not hasattr(law, "stieltjes"):
        raise UnsupportedTypeError(f"a law with a stieltjes method is needed, like MarchenkoPastur; got {law!r}")
    return law


class FreeSum:
    """Law of ``A + U B Uᵀ`` for a random rotation U, from the laws of A and B.

    Parameters
    ----------
    first, second : law
        Objects with a `stieltjes` method: `MarchenkoPastur`, `GeneralizedMarchenkoPastur`, `Semicircle`, `FreeSum`, ….

    References
    ----------
    Belinschi and Bercovici 2007, "A new approach to subordination results in free probability", J. d'Analyse
    Mathématique 101.

    Examples
    --------
    >>> from eigenscope.random_matrix import FreeSum, Semicircle
    >>> print(f"{FreeSum(Semicircle(1.0), Semicircle(3.0)).pdf(0.0):.6f}")
    0.159155
    """

    def __init__(self, first: Law, second: Law) -> None:
        self._first, self._second = _law(first), _law(second)

    def __repr__(self) -> str:
        return f"FreeSum({self._first!r}, {self._second!r})"

    def stieltjes(self, z: ArrayLike) -> Array | complex:
        """Stieltjes transform; on the real axis its limit from the upper half plane, NaN where that was not found."""
        return apply_elementwise(self._stieltjes, z, dtype=np.complex128)

    def pdf(self, x: ArrayLike) -> Array | float:
        """Density at `x`."""
        return apply_elementwise(lambda points: _density(self._stieltjes, points), x)

    def _stieltjes(self, z: Array) -> Array:
        # w₁ = z + h₂(z + h₁(w₁)), h(w) = -w - 1/m(w), and then m(z) = m₁(w₁).
        upper = np.where(z.imag < 0, z.conj(), z)

        def h(law: Law, points: Array) -> Array:
            return _above(-points - 1 / np.asarray(law.stieltjes(points)))

        def step(w: Array, chosen: Array) -> Array:
            return np.asarray(upper[chosen] + h(self._second, upper[chosen] + h(self._first, w)))

        def is_allowed(w: Array, chosen: Array) -> Array:
            return np.asarray(w.imag >= upper[chosen].imag)

        w = _fixed_point(step, upper + 1j * np.where(upper == 0, 1, np.abs(upper)), is_allowed)
        values = np.asarray(self._first.stieltjes(w))
        return np.where(z.imag < 0, values.conj(), values)


class FreeProduct:
    """Law of ``A^½ U B Uᵀ A^½`` for a random rotation U, from the laws of positive A and B.

    Parameters
    ----------
    first, second : law
        Laws on the non-negative axis.

    References
    ----------
    Belinschi and Bercovici 2007, J. d'Analyse Mathématique 101.

    Examples
    --------
    >>> from eigenscope import MarchenkoPastur
    >>> from eigenscope.random_matrix import FreeProduct
    >>> product = FreeProduct(MarchenkoPastur(1.0), MarchenkoPastur(1.0))
    >>> print(f"{product.pdf(1.0):.6f}")
    0.178979
    """

    def __init__(self, first: Law, second: Law) -> None:
        self._first, self._second = _law(first), _law(second)
        for law in (first, second):
            lowest = np.min(getattr(law, "support", 0.0))
            if lowest < 0:
                raise InvalidInputError(
                    f"a free product is one of laws on the positive axis, {law!r} reaches down to {lowest:.4g}"
                )

    def __repr__(self) -> str:
        return f"FreeProduct({self._first!r}, {self._second!r})"

    def stieltjes(self, z: ArrayLike) -> Array | complex:
        """Stieltjes transform; on the real axis its limit from the upper half plane, NaN where that was not found."""
        return apply_elementwise(self._stieltjes, z, dtype=np.complex128)

    def pdf(self, x: ArrayLike) -> Array | float:
        """Density at `x`; 0 at and below zero, where there may be an atom."""

        def density(points: Array) -> Array:
            values = np.where(np.isnan(points), np.nan, 0.0)
            positive = points > 0
            values[positive] = _density(self._stieltjes, points[positive])
            return values

        return apply_elementwise(density, x)

    def _stieltjes(self, z: Array) -> Array:
        # With s = 1/z̄ in the upper half plane and h(s) = η(s)/s = 1/s + 1/m(1/s): ω₁ = s h₂(s h₁(ω₁)), η(s) = η₁(ω₁).
        special = (z == 0) | ~np.isfinite(z)
        upper = np.where(special, 1j, np.where(z.imag < 0, z.conj(), z))
        s = 1 / upper.conj()

        def h(law: Law, points: Array) -> Array:
            return _above(1 / points + 1 / np.asarray(law.stieltjes(_above((1 / points).conj()))).conj())

        def step(w: Array, chosen: Array) -> Array:
            return np.asarray(s[chosen] * h(self._second, s[chosen] * h(self._first, w)))

        def is_allowed(w: Array, chosen: Array) -> Array:
            # arg ω >= arg s, where the fixed point is the only one.
            return np.asarray((w * s[chosen].conj()).imag >= 0)

        w = _fixed_point(step, np.abs(s) * np.exp(0.5j * (np.angle(s) + math.pi)), is_allowed)
        # m(1/s) = s / (η(s) - 1) and η(s) - 1 = w / m₁(1/w).
        with np.errstate(invalid="ignore"):
            inverse = _above((1 / w).conj())
            values = (s / w * np.asarray(self._first.stieltjes(inverse)).conj()).conj()
        values = np.where(z.imag < 0, values.conj(), values)
        return np.where(special, self._at_special(z), values) if special.any() else np.asarray(values)

    def _at_special(self, z: Array) -> Array:
        """Return the transform at 0, where it is ``E 1/x``, the product of those of the factors, and at infinity."""
        at_zero = np.prod([np.asarray(law.stieltjes(0.0)).real for law in (self._first, self._second)])
        return np.where(z == 0, at_zero, np.where(np.isnan(z), np.nan, 0.0))


class FussCatalan:
    """Law of the squared singular values of a product of square Gaussian matrices.

    Parameters
    ----------
    n_factors : int
        Number of independent matrices of variance one over their order, at least 1.

    References
    ----------
    Penson and Życzkowski 2011, "Product of Ginibre matrices: Fuss–Catalan and Raney distributions", Phys. Rev. E 83;
    Haagerup and Möller 2013, "The law of large numbers for the free multiplicative convolution".

    Examples
    --------
    >>> from eigenscope.random_matrix import FussCatalan
    >>> FussCatalan(2).support
    (0.0, 6.75)
    """

    def __init__(self, n_factors: int) -> None:
        if not (is_whole_number(n_factors) and n_factors >= 1):
            raise InvalidInputError(f"n_factors must be a positive integer, got {n_factors!r}")
        self._s = int(n_factors)

    def __repr__(self) -> str:
        return f"FussCatalan(n_factors={self._s})"

    @property
    def support(self) -> tuple[float, float]:
        """Edges ``(0, (s + 1)^(s + 1) / s^s)``."""
        return 0.0, (self._s + 1) ** (self._s + 1) / self._s**self._s

    def moment(self, order: int) -> float:
        """Return ``E x**order``, the Fuss–Catalan number ``C(s k + k, k) / (s k + 1)``."""
        return math.comb(self._s * order + order, order) / (self._s * order + 1)

    def pdf(self, x: ArrayLike) -> Array | float:
        """Density at `x`; infinite at zero."""
        return apply_elementwise(self._density, x)

    def _density(self, x: Array) -> Array:
        s, angle = self._s, self._angle(x)
        with np.errstate(divide="ignore", invalid="ignore"):
            density = np.sin(angle) ** 2 * np.sin(s * angle) ** (s - 1) / (math.pi * np.sin((s + 1) * angle) ** s)
        inside = (x > 0) & (x < self.support[1])
        return np.where(inside, density, np.where(x == 0, np.inf, np.where(np.isnan(x), np.nan, 0.0)))

    def _angle(self, x: Array) -> Array:
        """Return φ in (0, π / (s + 1)) with ``x = sin^(s+1)((s+1)φ) / (sin φ sin^s(sφ))``, which falls with φ."""
        s = self._s
        low, high = np.zeros(len(x)), np.full(len(x), math.pi / (s + 1))
        target = np.clip(x, 0, self.support[1])
        # The bracket halves until a double can hold no more.
        for _ in range(60):
            middle = (low + high) / 2
            with np.errstate(divide="ignore", invalid="ignore"):
                value = np.sin((s + 1) * middle) ** (s + 1) / (np.sin(middle) * np.sin(s * middle) ** s)
            low, high = np.where(value > target, middle, low), np.where(value > target, high, middle)
        return np.asarray((low + high) / 2)


def _fixed_point(
    step: Callable[[Array, Array], Array], start: Array, is_allowed: Callable[[Array, Array], Array]
) -> Array:
    """Iterate ``w = step(w)`` from above the real axis for every point, by Steffensen's steps where they are allowed.

    Subordination says where the fixed point lies; a leap that leaves that region may end at another one.
    """
    w = np.array(start, dtype=np.complex128)
    active = np.arange(len(w))
    for _ in range(MAX_STEPS):
        if not len(active):
            return w
        here = w[active]
        with np.errstate(divide="ignore", invalid="ignore"):
            once = step(here, active)
            twice = step(once, active)
            leap = twice - (twice - once) ** 2 / (twice - 2 * once + here)
            safe = np.isfinite(leap) & (leap.imag > 0) & is_allowed(leap, active)
        w[active] = np.where(safe, leap, twice)
        moving = np.abs(twice - once) > TOLERANCE * np.abs(twice)
        w[active[~moving]] = twice[~moving]
        active = active[moving]
    warnings.warn(
        f"{len(active)} of {len(w)} points of a free convolution did not converge in {MAX_STEPS} steps, as happens at "
        "an edge: they are NaN",
        ConvergenceWarning,
        stacklevel=6,
    )
    w[active] = np.nan
    return w


def _above(values: Array) -> Array:
    """Return values of the closed upper half plane: rounding takes those of a law of one point, and -0, below it."""
    return np.asarray(values.real + 1j * (np.maximum(values.imag, 0.0) + 0.0))


def _density(transform: Callable[[Array], Array], x: Array) -> Array:
    return np.asarray(np.maximum(transform(x.astype(np.complex128)).imag, 0.0) / math.pi)
