"""Covariance of unbiased eigen-moments in closed form, for Gaussian noise and independent axes.

Bootstrapping is no substitute: a stimulus drawn twice matches itself, which multiplies the errors of high moments.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def product_traces(cross: Array) -> tuple[float, float, float]:
    """Estimate ``tr(C1 C2)``, ``tr(Σ C1 C2)`` from products of different stimuli, and the variance of those of one.

    Σ is the covariance of the signal, C1 and C2 are those of the repeats, noise included.

    Parameters
    ----------
    cross : ndarray, shape (n_stimuli, n_stimuli)
        Products ``X1 X2ᵀ`` of centred responses.
    """
    n = len(cross)
    apart = cross - (cross.sum() - np.trace(cross)) / (n * (n - 1))
    np.fill_diagonal(apart, 0.0)
    pairs = n * (n - 1)
    squares = float(np.vdot(apart, apart)) / pairs
    cubes = float(np.vdot(apart.T @ apart, apart)) / (pairs * (n - 2))
    return squares, cubes, float(np.var(np.diagonal(cross), ddof=1))


def excess_kurtosis(traces: tuple[float, float, float], second_moment: float) -> float:
    """Return the excess kurtosis of the signal along its axes that the products of single stimuli show, at least 0."""
    return max(0.0, (traces[2] - traces[0]) / second_moment - 1)


def noise_factors(traces: tuple[float, float, float], moments: Array) -> Array:
    """Return ``tr(Σʲ C1 C2) / tr(Σʲ⁺²)`` for j = 0 … 2 n_moments - 2: at least 1, and constant beyond j = 1.

    Parameters
    ----------
    traces : tuple of float
        As `product_traces` returns, in the units of the moments.
    moments : ndarray, shape (n_moments,)
        Estimates of ``Σ λ^m``.
    """
    first, second = (
        max(1.0, trace / moment) if moment > 0 else 1.0 for trace, moment in zip(traces[:2], moments[1:3], strict=True)
    )
    return np.array([first] + [second] * (2 * len(moments) - 2))


def moment_covariance(eigenvalues: Array, factors: Array, n_stimuli: int, kurtosis: float = 0.0) -> Array:
    """Return the covariance of moments averaged over all orders of the stimuli, shape (n_moments, n_moments).

    A moment is a mean of ``tr(M_1 … M_m)`` over different stimuli with ``M_i = y2_i y1_iᵀ``. Its part that varies with
    c of them has gaps filled by powers of Σ; two such parts covary when their stimuli follow one another in the same
    cyclic order or the reverse one, whatever the order where all of them share an eigenvector.

    Parameters
    ----------
    eigenvalues : ndarray, shape (n_neurons,)
        Of the signal's covariance.
    factors : ndarray, shape (2 n_moments - 1,)
        As `noise_factors` returns.
    n_stimuli : int
        Stimuli beyond the one that the mean takes.
    kurtosis : float
        Excess kurtosis of the signal along its axes; only terms linear in a stimulus depend on it here.

    References
    ----------
    Hoeffding 1948, "A class of statistics with asymptotically normal distribution" (decomposition).
    """
    n_moments = (len(factors) + 1) // 2
    powers = np.arange(n_moments)
    sums = (eigenvalues[:, None] ** np.arange(2, 2 * n_moments + 1)).sum(axis=0)
    same, reverse = (row[powers[:, None] + powers] for row in (factors * sums, sums))
    traces = [np.zeros((n_moments, n_moments)) for _ in range(2)]
    for trace in traces:
        trace[0, 0] = 1.0
    power_sums = (eigenvalues[:, None] ** np.arange(1, 2 * n_moments + 1)).sum(axis=0)
    inner = factors[-1]
    orders_of_moments = np.arange(1.0, n_moments + 1)
    covariance = kurtosis / n_stimuli * np.outer(orders_of_moments, orders_of_moments) * reverse
    for c in range(1, n_moments + 1):
        traces = [_truncated_product(trace, step) for trace, step in zip(traces, (same, reverse), strict=True)]
        orders = math.factorial(c - 1)
        size = n_moments - c + 1
        gaps = np.array([math.comb(a - 1, c - 1) for a in range(c, n_moments + 1)], dtype=np.float64)
        shared = power_sums[2 * c - 1 + powers[:size, None] + powers[:size]]
        part = (traces[0] + traces[1])[:size, :size] / np.outer(gaps, gaps) / orders
        part += max(0.0, (inner + 1) ** c - (inner**c + 1) / orders) * shared
        weights = np.array([math.comb(a, c) for a in range(c, n_moments + 1)], dtype=np.float64)
        covariance[c - 1 :, c - 1 :] += np.outer(weights, weights) / math.comb(n_stimuli, c) * part
    return np.asarray(covariance)


def _truncated_product(left: Array, right: Array) -> Array:
    """Multiply two polynomials of two variables, keeping the powers that both hold."""
    product = np.zeros_like(left)
    size = len(left)
    for (p, r), value in np.ndenumerate(right):
        product[p:, r:] += value * left[: size - p, : size - r]
    return product
