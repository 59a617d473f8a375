"""Unbiased moments of the signal's eigenvalues from two repeats, with their covariance."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from ..arguments import is_whole_number
from ..errors import InvalidInputError
from ..results.run_info import RunInfo
from ..run_options import RandomSource, Stopwatch, resolve_seed, resolve_threads, single_threaded_blas
from .eigen_moments import Array, bootstrap_moments, eigen_moments
from .repeats import NEURONS_PER_BLOCK, as_pair, center_in_place

N_MOMENTS = 10
"""Moments fitted by default, as published."""

N_ORDERS = 2
"""Orders of the stimuli averaged over: the answer depends less on chance, and its error hardly changes."""


@dataclasses.dataclass(frozen=True)
class MomentEstimate:
    """Unbiased moments ``Σ λ^m`` with their covariance."""

    values: Array
    covariance: Array
    n_bootstraps: int
    n_stimuli: int
    n_neurons: int
    info: RunInfo


def estimate_moments(
    X1: Any,
    X2: Any = None,
    *,
    n_moments: int = N_MOMENTS,
    n_bootstraps: int | None = None,
    n_orders: int = N_ORDERS,
    nan: str = "raise",
    rng: RandomSource = None,
    threads: int | None = None,
) -> MomentEstimate:
    """Estimate moments and their covariance; options as `fit_power_law_moments`."""
    threads, seed = resolve_threads(threads), resolve_seed(rng)
    watch = Stopwatch(threads, seed)
    pair = as_pair(X1, X2, nan=nan, minimum_stimuli=8)
    n_stimuli, n_neurons = pair[0].shape
    draws = _checked_draws(n_moments, n_bootstraps, n_orders, n_stimuli)
    n_moments = int(n_moments)
    cross = _cross_gram(*pair)
    generator = np.random.Generator(np.random.Philox(seed))
    orders = [generator.permutation(n_stimuli) for _ in range(int(n_orders))]
    resamples = [generator.integers(0, n_stimuli, n_stimuli) for _ in range(draws)]
    scale = float(np.abs(cross).max())
    if not 0 < scale < math.inf:
        raise InvalidInputError(
            "all responses are zero or constant, or their products overflow: check them, or divide by a power of ten"
        )
    cross = cross / scale
    with single_threaded_blas():
        values = eigen_moments(cross, orders, n_moments, threads=threads).mean(axis=0)
        samples = bootstrap_moments(cross, n_moments, resamples, threads)
    units = _powers(scale, n_moments)
    return MomentEstimate(
        values=values * units,
        covariance=np.atleast_2d(np.cov(samples.T)) * np.outer(units, units),
        n_bootstraps=draws,
        n_stimuli=n_stimuli,
        n_neurons=n_neurons,
        info=watch.info("eigen-moments", n_passes=1, peak_bytes=3 * cross.nbytes),
    )


def _checked_draws(n_moments: int, n_bootstraps: int | None, n_orders: int, n_stimuli: int) -> int:
    """Return the number of resamples, when all numbers are in range."""
    if not (is_whole_number(n_moments) and 3 <= n_moments <= n_stimuli // 2):
        raise InvalidInputError(
            f"n_moments={n_moments!r} with {n_stimuli} stimuli: choose 3 to {n_stimuli // 2}, chains of that many "
            "pairs of stimuli are needed"
        )
    draws = math.floor(10 * n_moments * math.log(n_moments)) if n_bootstraps is None else n_bootstraps
    enough = is_whole_number(draws) and is_whole_number(n_orders) and draws > n_moments + 1 and n_orders >= 1
    if not enough:
        raise InvalidInputError(
            f"n_bootstraps={draws!r} and n_orders={n_orders!r}: the covariance of {n_moments} moments needs more than "
            f"{n_moments + 1} resamples, and at least one order"
        )
    return int(draws)


def _powers(scale: float, n_moments: int) -> Array:
    """Return the units of the moments, when those of their covariance are in range too."""
    powers = np.arange(1.0, n_moments + 1)
    with np.errstate(over="ignore", under="ignore"):
        squares = scale ** (2 * powers)
    if not (np.isfinite(squares).all() and (squares > 0).all()):
        raise InvalidInputError(
            f"the square of the {n_moments}th power of eigenvalues near {scale:.3g} leaves the range of double "
            "precision: scale the responses to variances near 1"
        )
    return np.asarray(scale**powers)


def _cross_gram(first: Array, second: Array) -> Array:
    """Return ``X1 X2ᵀ`` over stimuli; means of the neurons are subtracted for the sake of rounding only."""
    n_stimuli, n_neurons = first.shape
    cross = np.zeros((n_stimuli, n_stimuli))
    for start in range(0, n_neurons, NEURONS_PER_BLOCK):
        columns = slice(start, start + NEURONS_PER_BLOCK)
        left, right = first[:, columns].astype(np.float64), second[:, columns].astype(np.float64)
        center_in_place(left)
        center_in_place(right)
        # The caller refuses what overflows.
        with np.errstate(over="ignore", invalid="ignore"):
            cross += left @ right.T
    return cross
