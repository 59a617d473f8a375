"""Stochastic Lanczos quadrature of a trace in rounds: a pilot finds the degree, probes are added to a tolerance."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from ..errors import Interrupted
from ..operators import Operator, as_operator, safe_scale
from ..results.trace_estimate import TraceEstimate
from ..run_options import Stopwatch
from .deflation import Deflation
from .exact import exact_products
from .function_products import FunctionProducts
from .probes import gaussian_probes
from .quadrature import FIRST_DEGREE, QuadratureTrace, TraceReport
from .sampling import BUDGET_ADVICE, exact_estimate
from .target import Target

Array = np.ndarray[Any, np.dtype[Any]]

PILOT_ORDER = 2 * FIRST_DEGREE
"""Up to this order all unit vectors cost no more than a pilot and a probe."""

GROWTH = 2
"""The probes added per round are at most this many times those there are: their number is uncertain at first."""

QUADRATURE_ADVICE = "most of it is the error of the quadrature, because f is not smooth: raise rtol or atol"
"""What to do when no number of probes meets the tolerance."""


FEWEST_PROBES = 8
"""One probe has little of an eigenvalue that decides the trace with a probability that eight do not have."""


def has_enough_probes(report: TraceReport) -> bool:
    """Whether there are enough probes to believe their spread."""
    return report.n_probes >= FEWEST_PROBES or report.stderr == 0.0


class QuadratureRun:
    """Stochastic Lanczos quadrature, round by round, to a tolerance.

    Parameters
    ----------
    products : FunctionProducts
        With f(A), for exactness.
    moments : ndarray, shape (0,) or (2,)
        Means of λ and λ², when they are known.
    n_deflate : int
        Eigenpairs to take out first.
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
        products: FunctionProducts,
        moments: Array,
        n_deflate: int,
        target: Target,
        may_be_exact: bool,
        seed: int,
        watch: Stopwatch,
    ) -> None:
        self._products, self._target, self._watch = products, target, watch
        operator, unit = products.operator, 1.0
        if operator.kind == "callback" and target.max_matvecs > 1:
            operator, unit = _scaled(products, seed)
        f = products.f if products.f is not None else _identity
        self._f = lambda x: f(x / unit)
        self._deflation = Deflation.of(operator, n_deflate, moments, seed, products.threads)
        self._offset = self._deflation.offset(self._f)
        self._state = QuadratureTrace(
            self._deflation.operator, self._f, self._deflation.moments(moments), seed, products.threads
        )
        self._spent_before = self._deflation.n_matvecs + products.n_matvecs
        self._exact = exact_products(products) if may_be_exact else math.inf
        self.advice = BUDGET_ADVICE

    def run(self) -> TraceEstimate:
        """Return the estimate of the last round."""
        target, state, order = self._target, self._state, self._products.order
        budget = target.max_matvecs - self._spent_before
        if order <= PILOT_ORDER and self._exact <= budget:
            return exact_estimate(self._products, target, "exact", self._watch)
        pilot_budget = min(budget, max(self._exact, FIRST_DEGREE))
        state.pilot(lambda value: target.tolerance(value + self._offset), int(pilot_budget))
        while True:
            report = state.report()
            estimate = self._estimate(report)
            if report.interrupted:
                raise Interrupted("trace was interrupted; .partial holds the estimate so far", estimate)
            if target.ends_with(estimate) and (target.is_over or has_enough_probes(report)):
                return estimate
            wanted = state.wanted_probes(report, target.tolerance(estimate.value), target.confidence)
            wanted = wanted if has_enough_probes(report) else max(wanted, FEWEST_PROBES - report.n_probes)
            left = budget - report.n_matvecs
            if self._exact <= min(left, wanted * state.degree):
                self._products.n_matvecs = estimate.n_matvecs
                return exact_estimate(self._products, target, "slq, then exact", self._watch)
            if not math.isfinite(wanted) and state.is_cut_short:
                return estimate
            if not math.isfinite(wanted):
                self.advice = QUADRATURE_ADVICE
                return dataclasses.replace(estimate, status="stagnated")
            more = int(min(wanted, GROWTH * report.n_probes, left // state.degree))
            if more < 1:
                return estimate
            state.add_probes(more)

    def _estimate(self, report: TraceReport) -> TraceEstimate:
        value = report.value + self._offset
        low, high = (end + self._offset for end in report.interval(self._target.confidence))
        interval = (low, high)
        spent = report.n_matvecs + self._spent_before
        status = "converged" if max(value - low, high - value) <= self._target.tolerance(value) else "budget"
        info = self._watch.info("slq", n_matvecs=spent)
        return TraceEstimate(value, report.stderr, interval, self._target.confidence, spent, status, info)


def _scaled(products: FunctionProducts, seed: int) -> tuple[Operator, float]:
    """Return the operator times a power of two that keeps the squares of its products in the floating range."""
    operator = products.operator
    products.n_matvecs += 1
    probe = gaussian_probes(operator, seed)(0, 1)
    unit = safe_scale(float(np.abs(operator.product(probe, products.threads)).max()), operator.dtype)
    if unit == 1.0:
        return operator, unit

    def multiply(block: Array) -> Array:
        return np.asarray(unit * operator.product(block, products.threads))

    return as_operator(multiply, shape=operator.shape, dtype=operator.dtype), unit


def _identity(x: Array) -> Array:
    return x
