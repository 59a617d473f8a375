"""Goodness of fit: whether the bulk of a spectrum follows the law of noise that is correlated in time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..eigenvalues import Eigenvalues
from ..errors import InvalidInputError
from .goodness import distance_p_value, rank_distance
from .noise_variance import sizes
from .temporal import CorrelatedMarchenkoPastur

Array = np.ndarray[Any, np.dtype[Any]]

UNITS = (-2, -1, 0, 1, 2)
"""Standard errors of the mean eigenvalue by which the unit of the bulk may be off; the nearest law counts. With a
known power spectrum few slow waves make up the mean, and its error alone moves eigenvalues by several ranks. With
the unit free within these, the null of white noise is kept, or the p-value is high, for AR(1) coefficients from 0 to
0.95 and for sizes from 100 x 20 to 150 x 500 (100 draws each)."""

QUIET = 0.2
"""Eigenvalues below this share of their mean are not compared: they come from frequencies that filters have quietened,
where a measured power spectrum is what loud frequencies leak."""


def correlated_goodness(sample: Eigenvalues, n_signal: int, law: CorrelatedMarchenkoPastur) -> float:
    """Return the p-value of the distance between the eigenvalues beyond the signals and the law.

    Parameters
    ----------
    sample : Eigenvalues
        Checked eigenvalues.
    n_signal : int
        Number of leading ones that are left out.
    law : CorrelatedMarchenkoPastur
        Law of unit variance for as many fewer features and samples.

    Returns
    -------
    float
        NaN unless the whole bulk is known, and where two intervals of the law's support all but merge.
    """
    n, p = sizes(sample)
    continuous = 1 - law.atom
    m = round((p - n_signal) * continuous)
    bulk = sample.values[n_signal : n_signal + m]
    if not sample.is_complete or m < 2 or len(bulk) < m or not bulk.sum() > 0:
        return math.nan
    error = math.sqrt(2 * law.samples_per_effective_sample / ((n - n_signal) * (p - n_signal)))
    relative = bulk[::-1] / bulk.mean() / continuous
    try:
        above = np.asarray(law.sf(np.outer(np.exp(error * np.array(UNITS)), relative)))
    except InvalidInputError:
        return math.nan
    expected = np.where(relative < QUIET, (np.arange(m) + 0.5) / m, 1 - above / continuous)
    return distance_p_value(min(rank_distance(row) for row in expected), m)
