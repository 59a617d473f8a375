"""Goodness of fit: whether the bulk of a spectrum follows the Marchenko–Pastur law."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..eigenvalues import Eigenvalues
from .edges import smallest_eigenvalue_p_value
from .laws import MarchenkoPastur
from .noise_variance import complete_bulk, plain_mean, sizes

Array = np.ndarray[Any, np.dtype[Any]]

MEDIAN_AT_TEN, MEDIAN_SLOPE = 1.30, 0.392
"""The median of m KS for m eigenvalues of Gaussian noise is 1.30 + 0.392 log(m / 10), within 0.03 for m from
10 to 1000 and ratios from 0.02 to 1 (300 to 4000 draws each of the bidiagonal model, mean fitted)."""

EXCEEDANCE = (
    (-0.41, 0.95),
    (-0.19, 0.75),
    (0.0, 0.5),
    (0.22, 0.25),
    (0.43, 0.1),
    (0.58, 0.05),
    (0.9, 0.01),
    (1.34, 1e-3),
)
"""Distance above that median and probability of a larger one, from the same draws; narrower below m = 20."""


def bulk_distance(eigenvalues: Array, n_samples: float, n_features: float) -> float:
    """Return m times the Kolmogorov–Smirnov distance of m noise eigenvalues from the law of the same mean.

    Parameters
    ----------
    eigenvalues : ndarray, shape (m,)
        All non-zero eigenvalues of noise of this size, in any order and unit.
    n_samples, n_features : float
        Size of the noise; its law is the same under exchange.

    Returns
    -------
    float
        Repelling eigenvalues keep it near ``log m``; independent draws would give ``sqrt(m)``.
    """
    small, large = sorted((n_samples, n_features))
    ascending = np.sort(eigenvalues)
    expected = np.asarray(MarchenkoPastur(small / large).cdf(ascending / ascending.mean()))
    return rank_distance(expected)


def rank_distance(expected: Array) -> float:
    """Return m times the Kolmogorov–Smirnov distance of m values whose probabilities, ascending, are `expected`."""
    m = len(expected)
    ranks = np.arange(m)
    return float(max(np.max(ranks + 1 - m * expected), np.max(m * expected - ranks)))


def bulk_goodness(sample: Eigenvalues, n_signal: int) -> float:
    """Return the p-value of `bulk_distance` of what the signals leave; NaN unless the whole bulk is known."""
    n, p = sizes(sample)
    bulk = sample.values[n_signal : int(min(n, p))]
    m = int(min(n, p)) - n_signal
    if not sample.is_complete or m < 2 or len(bulk) < m or not bulk.sum() > 0:
        return math.nan
    return distance_p_value(bulk_distance(bulk, n - n_signal, p - n_signal), m)


def distance_p_value(distance: float, count: int) -> float:
    """Return the probability that `count` noise eigenvalues lie as far from their law as `rank_distance` says."""
    offset = distance - MEDIAN_AT_TEN - MEDIAN_SLOPE * math.log(count / 10)
    positions, probabilities = np.transpose(EXCEEDANCE)
    if offset > positions[-1]:
        # The tail falls exponentially, like that of the Gumbel law.
        rate = math.log(probabilities[-2] / probabilities[-1]) / (positions[-1] - positions[-2])
        return float(probabilities[-1] * math.exp(-rate * (offset - positions[-1])))
    return float(np.exp(np.interp(offset, positions, np.log(probabilities), left=0.0)))


def smallest_noise_p_value(sample: Eigenvalues, n_signal: int) -> float:
    """Return the probability that noise beside the signals has a smallest eigenvalue at or below that of the sample.

    NaN unless all eigenvalues are known and the two sizes differ. The eigenvalues beyond `n_signal` are compared with
    noise of as many fewer samples and features, in units of their own mean: signals hardly move the lower edge.
    """
    n, p = sizes(sample)
    dof, m = n - n_signal, p - n_signal
    if not sample.is_complete or dof == m or min(dof, m) < 2 or not sample.rests[n_signal] > 0:
        return math.nan
    smallest = float(complete_bulk(sample, n_signal, "smallest eigenvalue")[-1]) * n / dof
    return smallest_eigenvalue_p_value(smallest, n_samples=dof, n_features=m, variance=plain_mean(sample, n_signal))
