"""What a method knows of a trace after a round."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

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
    """

    value: float
    stderr: float
    n_samples: int
    change: float
    norm: float
    is_complete: bool = False

    def half_width(self, confidence: float, order: int, rounding: float) -> float:
        """Return half of Student's interval, widened by the errors of the Lanczos process and of rounding."""
        from scipy.special import stdtrit

        chance = float(stdtrit(max(self.n_samples - 1, 1), 0.5 * (1.0 + confidence))) * self.stderr
        summed = float(np.finfo(np.float64).eps) * abs(self.value)
        return chance + self.change + ROUNDING_FACTOR * math.sqrt(order) * (summed + rounding * self.norm)


def mean_of_samples(fine: Array, coarse: Array, norm: float) -> Samples:
    """Return the mean of independent samples."""
    count = len(fine)
    stderr = float(fine.std(ddof=1)) / math.sqrt(count) if count > 1 else math.inf
    return Samples(float(fine.mean()), stderr, count, abs(float(fine.mean() - coarse.mean())), norm)
