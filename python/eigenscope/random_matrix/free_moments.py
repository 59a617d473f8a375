"""Moments of sums and products of large independent matrices, from those of their terms and factors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InvalidInputError

Array = np.ndarray[Any, np.dtype[Any]]


def moments_of_sum(first: ArrayLike, second: ArrayLike) -> Array:
    """Return the moments of order 1 … n of a free sum from those of its terms: free cumulants add.

    Parameters
    ----------
    first, second : array_like, shape (n,)
        Moments of order 1 … n.

    Returns
    -------
    ndarray, shape (n,)
        Moments of order 1 … n.

    Raises
    ------
    InvalidInputError
        When the moments are not finite, not one-dimensional, or not equally many.

    Examples
    --------
    >>> from eigenscope import MarchenkoPastur
    >>> from eigenscope.random_matrix import moments_of_sum
    >>> moments = [[MarchenkoPastur(c).moment(k) for k in (1, 2, 3, 4)] for c in (0.5, 0.25)]
    >>> print(moments_of_sum(*moments))
    [ 2.        4.75     12.8125   37.765625]
    """
    a, b = _moment_pair(first, second)
    return _from_cumulants(_cumulants(a) + _cumulants(b))


def moments_of_product(first: ArrayLike, second: ArrayLike) -> Array:
    """Return the moments of order 1 … n of a free product from those of its factors: S-transforms multiply.

    Parameters
    ----------
    first, second : array_like, shape (n,)
        Moments of order 1 … n; the first ones not zero.

    Returns
    -------
    ndarray, shape (n,)
        Moments of order 1 … n.

    Raises
    ------
    InvalidInputError
        When the moments are not finite, not one-dimensional or not equally many, or a first one is zero.

    Examples
    --------
    >>> from eigenscope import MarchenkoPastur
    >>> from eigenscope.random_matrix import moments_of_product
    >>> moments = [[MarchenkoPastur(c).moment(k) for k in (1, 2, 3)] for c in (0.5, 0.25)]
    >>> print(moments_of_product(*moments))
    [1.     1.75   3.9375]
    """
    a, b = _moment_pair(first, second)
    if a[0] == 0 or b[0] == 0:
        raise InvalidInputError("a factor has mean zero: its S-transform does not exist")
    # χ inverts ψ(z) = Σ m_k z^k, S(w) = χ(w) (1 + w) / w, so χ = χ₁ χ₂ (1 + w) / w.
    shifted = np.convolve(_reverted(a), _reverted(b))[: len(a)]
    return _reverted(shifted + np.concatenate([[0.0], shifted[:-1]]))


def _moment_pair(first: ArrayLike, second: ArrayLike) -> tuple[Array, Array]:
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape or not len(a) or not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise InvalidInputError(
            f"moments of order 1 … n are needed, finite and equally many; got shapes {a.shape} and {b.shape}"
        )
    return a, b


def _cumulants(moments: Array) -> Array:
    """Return free cumulants from ``M(z) = 1 + Σ κ_s (z M(z))^s``, order by order."""
    series, cumulants = np.concatenate([[1.0], moments]), np.zeros(len(moments))
    powers = _powers(series)
    for n in range(len(moments)):
        # The coefficient of z^(n+1) in (z M)^(s+1) is that of z^(n-s) in M^(s+1).
        known = sum(cumulants[s] * powers[s + 1][n - s] for s in range(n))
        cumulants[n] = moments[n] - known
    return cumulants


def _from_cumulants(cumulants: Array) -> Array:
    series = np.zeros(len(cumulants) + 1)
    series[0] = 1.0
    for n in range(len(cumulants)):
        # Coefficients up to z^n are known, and no higher one enters.
        powers = _powers(series)
        series[n + 1] = sum(cumulants[s] * powers[s + 1][n - s] for s in range(n + 1))
    return series[1:]


def _powers(series: Array) -> list[Array]:
    """Return the powers 0, 1, … of a power series, each cut at its length."""
    powers = [np.concatenate([[1.0], np.zeros(len(series) - 1)])]
    for _ in range(len(series)):
        powers.append(np.convolve(powers[-1], series)[: len(series)])
    return powers


def _reverted(coefficients: Array) -> Array:
    """Return the coefficients of the inverse of ``Σ a_k z^k``, k = 1 … n, by matching one order at a time."""
    inverse = np.zeros(len(coefficients))
    inverse[0] = 1 / coefficients[0]
    for n in range(1, len(coefficients)):
        series = np.concatenate([[0.0], inverse])
        powers = _powers(series)
        # The terms of order n + 1 of Σ a_k χ^k must vanish; a₁ times the new coefficient balances the known ones.
        known = sum(coefficients[k - 1] * powers[k][n + 1] for k in range(2, n + 2))
        inverse[n] = -known / coefficients[0]
    return inverse
