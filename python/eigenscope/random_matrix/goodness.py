"""Goodness of fit: whether the bulk of a spectrum follows the Marchenko–Pastur law."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .laws import MarchenkoPastur

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
    m = len(ascending)
    ranks = np.arange(m)
    return float(max(np.max(ranks + 1 - m * expected), np.max(m * expected - ranks)))


def bulk_goodness(eigenvalues: Array, n_samples: float, n_features: float, is_complete: bool) -> float:
    """Return the p-value of `bulk_distance` under Gaussian white noise; NaN unless the whole bulk is known.

    Parameters
    ----------
    eigenvalues : ndarray
        Descending, the signals left out.
    n_samples, n_features : float
        Size of the data less the number of signals, in both.
    is_complete : bool
        Whether eigenvalues that are not given are zero.
    """
    m = int(min(n_samples, n_features))
    if not is_complete or m < 2 or len(eigenvalues) < m or not eigenvalues[:m].sum() > 0:
        return math.nan
    distance = bulk_distance(eigenvalues[:m], n_samples, n_features)
    offset = distance - MEDIAN_AT_TEN - MEDIAN_SLOPE * math.log(m / 10)
    positions, probabilities = np.transpose(EXCEEDANCE)
    if offset > positions[-1]:
        # The tail falls exponentially, like that of the Gumbel law.
        rate = math.log(probabilities[-2] / probabilities[-1]) / (positions[-1] - positions[-2])
        return float(probabilities[-1] * math.exp(-rate * (offset - positions[-1])))
    return float(np.exp(np.interp(offset, positions, np.log(probabilities), left=0.0)))
