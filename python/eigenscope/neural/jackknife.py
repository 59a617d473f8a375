"""Error bars by leaving out groups of stimuli.

Resampling stimuli with replacement would repeat some of them, and a repeated stimulus matches itself perfectly:
similarities of the resamples lie far above that of the data. Leaving stimuli out does not have this fault.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import stdtrit

from ..arguments import check_confidence, is_whole_number
from ..errors import InvalidInputError
from ..results.estimate import Estimate

Array = np.ndarray[Any, np.dtype[Any]]

DEFAULT_GROUPS = 20
"""Groups of neighbouring stimuli left out in turn; the t quantile pays for there being few."""


def stimulus_groups(n_stimuli: int, n_groups: int) -> list[Array]:
    """Cut the stimuli into groups of neighbours, so that slow correlation between stimuli widens the interval.

    Parameters
    ----------
    n_stimuli, n_groups : int
        At most one group per stimulus is made.

    Returns
    -------
    list of ndarray
        Indices of each group; sizes differ by at most one. Empty when `n_groups` is zero.

    Raises
    ------
    InvalidInputError
        When `n_groups` is neither zero nor at least two.
    """
    if not is_whole_number(n_groups) or n_groups < 0 or n_groups == 1:
        raise InvalidInputError(f"n_groups must be 0 (no interval) or an integer of at least 2, got {n_groups!r}")
    return np.array_split(np.arange(n_stimuli), min(int(n_groups), n_stimuli)) if n_groups else []


def leave_groups_out(statistic: Callable[[Array], Any], n_stimuli: int, n_groups: int) -> Array:
    """Return the statistic of what is left without each group in turn.

    Parameters
    ----------
    statistic : callable
        Takes the indices of the stimuli kept, returns a number or an array.
    n_stimuli, n_groups : int
        As in `stimulus_groups`.

    Returns
    -------
    ndarray, shape (n_groups, …)
        Replicates.
    """
    everything = np.arange(n_stimuli)
    groups = stimulus_groups(n_stimuli, n_groups)
    return np.array([statistic(np.delete(everything, group)) for group in groups], dtype=np.float64)


def jackknife_stderr(replicates: Array) -> Array:
    """Return ``sqrt((g - 1) / g Σ (θ_j - mean)²)`` over the first axis, NaN without replicates."""
    count = len(replicates)
    if count == 0:
        return np.full(replicates.shape[1:], np.nan)
    return np.asarray(np.sqrt((count - 1) * np.var(replicates, axis=0)))


def jackknife_quantile(n_replicates: int, confidence: float) -> float:
    """Return the two-sided t quantile with one degree of freedom less than there are groups."""
    check_confidence(confidence)
    return float(stdtrit(max(n_replicates - 1, 1), (1 + confidence) / 2))


def jackknife_estimate(
    value: float, replicates: Array, confidence: float, bounds: tuple[float, float] = (-np.inf, np.inf)
) -> Estimate:
    """Return a value with its jackknife error and interval.

    Parameters
    ----------
    value : float
        The statistic of all stimuli.
    replicates : ndarray, shape (n_groups,)
        The statistic without each group.
    confidence : float
        Coverage of the interval.
    bounds : tuple of float
        Values the quantity cannot leave.

    Returns
    -------
    Estimate
        Its interval is cut at `bounds`.
    """
    margin = jackknife_quantile(len(replicates), confidence) * (stderr := float(jackknife_stderr(replicates)))
    low, high = np.clip([value - margin, value + margin], *bounds)
    return Estimate(float(value), stderr, (float(low), float(high)), confidence)
