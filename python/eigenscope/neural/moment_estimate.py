"""Unbiased moments of the signal's eigenvalues from two repeats, averaged over orders of the stimuli."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from ..arguments import is_whole_number
from ..errors import InvalidInputError
from ..results.run_info import RunInfo
from ..run_options import RandomSource, Stopwatch, resolve_seed, resolve_threads, single_threaded_blas
from .eigen_moments import Array, moments_over_orders
from .moment_covariance import product_traces
from .repeat_offsets import NEURONS_PER_BLOCK
from .repeats import as_pair
from .representation import center_columns

N_MOMENTS = 5
"""Moments fitted by default: errors of higher ones, of which 10 were published, are far from normal."""

N_ORDERS = 230
"""Orders of the stimuli averaged over: with few of them high moments vary with the order more than with the data."""


@dataclasses.dataclass(frozen=True)
class MomentEstimate:
    """Unbiased moments ``Σ λ^m`` in powers of `unit`, with what their covariance depends on."""

    values: Array
    order_covariance: Array
    bootstrap_covariance: Array | None
    traces: tuple[float, float, float]
    unit: float
    n_stimuli: int
    n_neurons: int
    info: RunInfo


def estimate_moments(
    X1: Any,
    X2: Any = None,
    *,
    n_moments: int = N_MOMENTS,
    n_orders: int = N_ORDERS,
    n_bootstraps: int = 0,
    nan: str = "raise",
    rng: RandomSource = None,
    threads: int | None = None,
) -> MomentEstimate:
    """Estimate moments over random orders of the stimuli; options as `fit_power_law_moments`."""
    threads, seed = resolve_threads(threads), resolve_seed(rng)
    watch = Stopwatch(threads, seed)
    pair = as_pair(X1, X2, nan=nan, minimum_stimuli=8)
    n_stimuli, n_neurons = pair[0].shape
    n_orders, n_bootstraps = _checked_counts(n_moments, n_orders, n_bootstraps, n_stimuli)
    cross, unit = _cross_gram(*pair)
    generator = np.random.Generator(np.random.Philox(seed))
    orders = [generator.permutation(n_stimuli) for _ in range(n_orders)]
    resamples = [generator.integers(0, n_stimuli, n_stimuli) for _ in range(n_bootstraps)]
    with single_threaded_blas():
        samples = moments_over_orders(cross, int(n_moments), orders, threads)
        drawn = moments_over_orders(cross, int(n_moments), resamples, threads) if resamples else None
        traces = product_traces(cross)
    return MomentEstimate(
        values=samples.mean(axis=0),
        order_covariance=np.cov(samples.T) / n_orders,
        bootstrap_covariance=None if drawn is None else np.cov(drawn.T),
        traces=traces,
        unit=unit,
        n_stimuli=n_stimuli,
        n_neurons=n_neurons,
        info=watch.info("eigen-moments", n_passes=1, peak_bytes=3 * cross.nbytes),
    )


def _checked_counts(n_moments: int, n_orders: int, n_bootstraps: int, n_stimuli: int) -> tuple[int, int]:
    """Return the numbers of orders and of resamples, when all numbers are in range."""
    if not (is_whole_number(n_moments) and 3 <= n_moments <= n_stimuli // 2):
        raise InvalidInputError(
            f"n_moments={n_moments!r} with {n_stimuli} stimuli: choose 3 to {n_stimuli // 2}, chains of that many "
            "pairs of stimuli are needed"
        )
    if not (is_whole_number(n_orders) and n_orders > n_moments + 1):
        raise InvalidInputError(
            f"n_orders={n_orders!r}: what {n_moments} moments depend on the order needs more than {n_moments + 1}"
        )
    if not (is_whole_number(n_bootstraps) and (n_bootstraps == 0 or n_bootstraps > n_moments + 1)):
        raise InvalidInputError(
            f"n_bootstraps={n_bootstraps!r}: a covariance of {n_moments} moments needs more than {n_moments + 1} "
            "resamples; 0 takes the closed form"
        )
    return int(n_orders), int(n_bootstraps)


def _cross_gram(first: Array, second: Array) -> tuple[Array, float]:
    """Return ``X1 X2ᵀ`` over stimuli in units of its largest value, and this unit.

    Means of the neurons are subtracted for the sake of rounding and of `product_traces`.
    """
    # Powers of two leave the digits of the data as they are.
    exponents = [int(np.frexp(max(float(np.max(x)), -float(np.min(x))))[1]) for x in (first, second)]
    n_stimuli, n_neurons = first.shape
    cross = np.zeros((n_stimuli, n_stimuli))
    for start in range(0, n_neurons, NEURONS_PER_BLOCK):
        columns = slice(start, start + NEURONS_PER_BLOCK)
        left, right = (
            np.ldexp(x[:, columns].astype(np.float64), -exponent)
            for x, exponent in zip((first, second), exponents, strict=True)
        )
        center_columns(left)
        center_columns(right)
        cross += left @ right.T
    scale = float(np.abs(cross).max())
    with np.errstate(over="ignore", under="ignore"):
        unit = float(np.ldexp(scale, sum(exponents)))
    if not 0 < unit < math.inf:
        raise InvalidInputError(
            "all responses are zero or constant, or their products overflow: check them, or divide by a power of ten"
        )
    return cross / scale, unit
