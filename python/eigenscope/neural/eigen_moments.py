"""Unbiased moments of the signal's eigenvalues from two repeats, and their covariance by bootstrap."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

BLOCK = 128
"""Triangular products skip the blocks of zeros of this size."""

POWERS = 3
"""Powers of the triangle held at a time: moments up to 3 (POWERS + 1) cost 4 products instead of 8."""


def stimulus_pairs(n_stimuli: int, order: Array) -> tuple[Array, Array]:
    """Return the two members of consecutive pairs of `order`, one stimulus left out when their number is odd."""
    pairs = n_stimuli // 2
    return order[: 2 * pairs : 2], order[1 : 2 * pairs : 2]


def paired_gram(cross: Array, order: Array) -> Array:
    """Return ``Y1' Y2'ᵀ`` for differences ``Y' = (Y[even] - Y[odd]) / √2``, shape (n_pairs, n_pairs).

    `cross` is ``Y1 Y2ᵀ`` over stimuli; differences have mean zero exactly and the covariance of the stimuli.
    """
    even, odd = stimulus_pairs(len(order), order)
    rows = cross[even] - cross[odd]
    return np.asarray((rows[:, even] - rows[:, odd]) / 2)


def eigen_moments(gram: Array, n_moments: int) -> Array:
    """Return unbiased estimates of ``Σ λ^m`` for m = 1 … n_moments.

    With F the strictly upper triangle of the n x n Gram matrix A between repeats, ``tr(F^(m-1) A)`` sums
    ``A_{i1 i2} A_{i2 i3} … A_{im i1}`` over increasing chains of stimuli, all different, so that noise averages
    out; there are ``n choose m`` chains.
    """
    n = len(gram)
    dtype = gram.dtype
    # In units of n every sum over chains is of the order of its moment / m!: nothing overflows.
    scaled = gram / dtype.type(n)
    n_powers = min(POWERS, max(1, n_moments - 1))
    # tr(F^i Z) = Σ (F^i)ᵀ ∘ Z needs lower triangles only: those of (F^i)ᵀ and of Z_j = F^(3j) A.
    powers = np.zeros((n_powers, n, n), dtype)
    powers[0] = np.tril(scaled.T, -1)
    for i in range(1, n_powers):
        _lower_product(powers[0], powers[i - 1], powers[i])
    rest, traces = scaled, [np.trace(scaled)]
    while True:
        traces.extend(powers.reshape(n_powers, -1) @ rest.ravel())
        if len(traces) >= n_moments:
            break
        rest = _lower_after_upper(powers[-1], rest)
    # (n choose m) / n^m, as a product so that it stays in range.
    m = np.arange(n_moments)
    chains = np.cumprod((n - m) / (n * (m + 1.0)))
    return np.asarray(traces[:n_moments], dtype=np.float64) / chains


def _lower_product(left: Array, right: Array, product: Array) -> None:
    """Write the product of two lower triangles, block by block; the zero blocks are not multiplied."""
    for rows, columns, inner in _lower_blocks(len(left), descending=False):
        np.matmul(left[rows, inner], right[inner, columns], out=product[rows, columns])


def _lower_after_upper(lower: Array, other: Array) -> Array:
    """Return a matrix whose lower triangle is that of ``lowerᵀ @ other``; only that of `other` enters it."""
    product = np.zeros_like(other)
    upper = lower.T
    for rows, columns, inner in _lower_blocks(len(lower), descending=True):
        np.matmul(upper[rows, inner], other[inner, columns], out=product[rows, columns])
    return product


def _lower_blocks(n: int, *, descending: bool) -> Iterator[tuple[slice, slice, slice]]:
    """Yield blocks (rows, columns) on and below the diagonal and the inner range that is not zero."""
    starts = list(range(0, n, BLOCK))
    for i in starts:
        rows = slice(i, min(i + BLOCK, n))
        for j in starts:
            if j > i:
                break
            yield rows, slice(j, min(j + BLOCK, n)), slice(i, n) if descending else slice(j, rows.stop)


def bootstrap_moments(cross: Array, n_moments: int, orders: list[Array], threads: int) -> Array:
    """Return the moments of every resampled order of the stimuli, shape (len(orders), n_moments).

    In single precision: a covariance from some hundred draws is known to several percent.
    """
    magnitude = float(np.abs(cross).max())
    narrow = (cross / magnitude).astype(np.float32)

    def moments(order: Array) -> Array:
        return eigen_moments(paired_gram(narrow, order), n_moments)

    if threads == 1:
        found = [moments(order) for order in orders]
    else:
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(moments, orders))
    return np.stack(found) * magnitude ** np.arange(1.0, n_moments + 1)
