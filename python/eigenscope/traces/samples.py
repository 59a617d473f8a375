"""What a method knows of a trace after a round."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..density.confidence import hidden_factor, normal_quantile, score_interval

Array = np.ndarray[Any, np.dtype[Any]]

HIDDEN_SPREAD = 0.25
"""Probability that a spread is larger than the interval takes it to be: a run stops when it looks small."""

ROUNDING_FACTOR = 64
"""Times the rounding unit: relative rounding of sums, with room to spare."""


class Samples(NamedTuple):
    """An estimate from random vectors.

    Parameters
    ----------
    value, stderr : float
        Estimate and standard error.
    n_samples : int
        Vectors it rests on; their number less one are the degrees of freedom of the error.
    change : float
        What half the Lanczos steps would have made different.
    norm : float
        Size of the products with the vectors, which bounds their rounding.
    is_complete : bool
        Whether nothing is left to chance, and further vectors would change nothing.
    skewness : float
        Of the samples, or of what single vectors contribute.
    """

    value: float
    stderr: float
    n_samples: int
    change: float
    norm: float
    is_complete: bool = False
    skewness: float = 0.0

    def interval(self, confidence: float, order: int, rounding: float) -> tuple[float, float]:
        """Return the score interval, widened by the errors of the Lanczos process and of rounding."""
        summed = float(np.finfo(np.float64).eps) * abs(self.value)
        certain = self.change + ROUNDING_FACTOR * math.sqrt(order) * (summed + rounding * self.norm)
        if not 0.0 < self.stderr < math.inf:
            return self.value - self.stderr - certain, self.value + self.stderr + certain
        square = spread_quantile(self.n_samples - 1, confidence) ** 2
        spread = self.stderr * math.sqrt(self.n_samples)
        ends = score_interval(np.zeros(()), square / self.n_samples, np.ones(()), np.asarray(self.skewness))
        low, high = (spread * float(end) for end in ends)
        return self.value + low - certain, self.value + high + certain


def spread_quantile(freedom: float, confidence: float) -> float:
    """Return how many standard errors a truth may be away when the error is known like a variance of such freedom.

    Student's quantile, or that of the normal law where the spread is larger than it looks, whichever is more.
    """
    from scipy.special import stdtrit

    normal = normal_quantile(confidence)
    if math.isinf(freedom):
        return normal
    freedom = max(freedom, 1.0)
    hidden = math.sqrt(hidden_factor(freedom, HIDDEN_SPREAD))
    return max(float(stdtrit(freedom, 0.5 * (1.0 + confidence))), hidden * normal)


def mean_of_samples(fine: Array, coarse: Array, norm: float) -> Samples:
    """Return the mean of independent samples."""
    count, mean, change = len(fine), float(fine.mean()), abs(float(fine.mean() - coarse.mean()))
    if count == 1:
        return Samples(mean, math.inf, count, change, norm)
    spread = float(fine.std(ddof=1))
    return Samples(mean, spread / math.sqrt(count), count, change, norm, skewness=sample_skewness(fine))


def sample_skewness(values: Array) -> float:
    """Return the mean third power of standardized values; zero for equal ones."""
    spread = float(values.std(ddof=1))
    return float((((values - values.mean()) / spread) ** 3).mean()) if spread > 0.0 else 0.0
