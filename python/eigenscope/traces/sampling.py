"""Traces from products of A or f(A) with random vectors, in rounds that double the number of vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from ..errors import Interrupted
from ..results.trace_estimate import TraceEstimate
from ..run_options import Stopwatch
from .exact import exact_products, exact_trace
from .function_products import FunctionProducts
from .low_rank import Hutchinson, HutchPlusPlus, XNysTrace, XTrace
from .probes import gaussian_probes
from .samples import Samples
from .target import Target

Array = np.ndarray[Any, np.dtype[Any]]

FIRST_SAMPLES = 8
"""Samples of the first round."""

MEMORY_ADVICE = "the vectors of another round do not fit max_memory: raise it, rtol or atol"
BUDGET_ADVICE = "raise max_matvecs, max_seconds, rtol or atol"
DEGREE_ADVICE = "most of it is the error of the Lanczos process: raise degree"
"""What to do when the tolerance was not met."""


class Family(Protocol):
    """Estimates of a trace that further test vectors improve."""

    products_per_sample: int
    tests_per_sample: int
    kept_per_sample: int

    def add(self, tests: Array) -> None:
        """Use further test vectors."""

    def samples(self) -> Samples:
        """Return the estimate so far, in units of the products."""


FAMILIES: dict[str, Callable[[FunctionProducts], Family]] = {
    "hutchinson": Hutchinson,
    "hutch++": HutchPlusPlus,
    "xtrace": XTrace,
    "xnystrace": XNysTrace,
}


def exact_estimate(products: FunctionProducts, target: Target, method: str, watch: Stopwatch) -> TraceEstimate:
    """Return the trace from all unit vectors; Ctrl-C leaves nothing."""
    try:
        value, error = exact_trace(products)
    except KeyboardInterrupt as stop:
        raise Interrupted("trace was interrupted; nothing is known before all products are complete") from stop
    interval = (value - error, value + error)
    spent = products.n_matvecs
    return TraceEstimate(
        value, 0.0, interval, target.confidence, spent, "converged", watch.info(method, n_matvecs=spent)
    )


class SampledTrace:
    """Adds rounds of test vectors until the interval is narrow enough.

    Parameters
    ----------
    method : str
        One of `FAMILIES`.
    products : FunctionProducts
        With A or f(A).
    target : Target
        What to reach.
    may_be_exact : bool
        Whether all unit vectors may stand in for random ones as soon as they cost no more.
    seed : int
        Of the random vectors.
    watch : Stopwatch
        Of the run.
    """

    def __init__(
        self,
        method: str,
        products: FunctionProducts,
        target: Target,
        may_be_exact: bool,
        seed: int,
        watch: Stopwatch,
    ) -> None:
        self._products, self._target, self._watch, self._method = products, target, watch, method
        self._family: Family = FAMILIES[method](products)
        if target.max_matvecs < self._family.products_per_sample:
            self._family, self._method = Hutchinson(products), "hutchinson"
        products.degree = min(products.degree, target.max_matvecs // self._family.products_per_sample)
        self._may_be_exact = may_be_exact
        self._draw = gaussian_probes(products.operator, seed)
        self.advice = BUDGET_ADVICE

    def run(self) -> TraceEstimate:
        """Return the estimate of the last round."""
        used, estimate = 0, None
        while True:
            more = self._affordable(used)
            wanted = FIRST_SAMPLES if estimate is None else used
            if self._exact_is_cheaper(min(wanted, more) if estimate is None else wanted):
                method = "exact" if estimate is None else f"{self._method}, then exact"
                return exact_estimate(self._products, self._target, method, self._watch)
            if estimate is not None and more < 1:
                return estimate
            count = max(1, min(wanted, more))
            try:
                width = self._family.tests_per_sample
                self._family.add(self._draw(width * used, width * count))
                used += count
                samples = self._family.samples()
            except KeyboardInterrupt as stop:
                raise Interrupted(
                    "trace was interrupted; .partial holds the estimate so far or None", estimate
                ) from stop
            estimate = self._estimate(samples)
            if self._target.ends_with(estimate) or samples.is_complete:
                return estimate

    def _exact_is_cheaper(self, count: int) -> bool:
        exact = exact_products(self._products)
        left = self._target.max_matvecs - self._products.n_matvecs
        return self._may_be_exact and exact <= min(left, self._products.n_matvecs + count * self._price)

    @property
    def _price(self) -> int:
        return self._family.products_per_sample * self._products.products_per_vector

    def _affordable(self, used: int) -> int:
        """Return how many more samples the budgets allow, and remember which of them ends the run."""
        order = self._products.order
        more = (self._target.max_matvecs - self._products.n_matvecs) // self._price
        if not self._family.kept_per_sample:
            return more
        copies = self._family.kept_per_sample * (1 if self._products.f is None else 2)
        # Joining old and new columns holds both for a moment.
        fit = int(self._target.max_bytes // (2 * copies * order * self._draw(0, 1).itemsize))
        if fit - used < min(more, used, order - used):
            self.advice = MEMORY_ADVICE
        return min(more, fit - used, order - used)

    def _estimate(self, samples: Samples) -> TraceEstimate:
        products, target = self._products, self._target
        unit, spent = products.unit, products.n_matvecs
        value = samples.value / unit
        ends = samples.interval(target.confidence, products.order, products.rounding)
        low, high = (end / unit for end in ends)
        if samples.change / unit > 0.5 * target.tolerance(value):
            self.advice = DEGREE_ADVICE
        info = self._watch.info(self._method, n_matvecs=spent)
        unmet = "stagnated" if samples.is_complete else "budget"
        status = "converged" if max(value - low, high - value) <= target.tolerance(value) else unmet
        return TraceEstimate(value, samples.stderr / unit, (low, high), target.confidence, spent, status, info)
