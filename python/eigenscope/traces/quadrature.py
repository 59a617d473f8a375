"""Traces of functions by quadrature, with the moments that are known exactly as control variates.

The estimate of ``tr f(A) / n`` from uniform probes has variance ``c Var_μ(f)`` (`density.confidence`). For a matrix
whose entries are at hand, the means of λ and of λ² are known, so f may be replaced by its residual after the best
quadratic, in the least-squares sense of μ itself: the variance is then that of the residual.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.linalg import eigh_tridiagonal, qr, solve_triangular

from .. import _core
from ..density.confidence import normal_quantile, score_interval, variance_factor
from ..density.expectation import function_values, hidden_at_the_ends, rule_values
from ..operators import Operator
from ..run_options import single_threaded_blas
from .function_products import FEWEST_STEPS, error_factor
from .samples import spread_quantile

Array = np.ndarray[Any, np.dtype[Any]]
MatrixFunction = Callable[[Array], Any]

FIRST_DEGREE, MOST_DEGREE = 16, 512
"""Degrees of the pilot, doubled until the quadrature has converged."""

QUADRATURE_SHARE = 0.1
"""Share of the tolerance that the quadrature may use up."""

HIDDEN_SHARE = 0.25
"""Share of the tolerance that an eigenvalue may have which is hidden beyond the outermost nodes of the pilot."""

LEAST_REST = 1e-3
"""Share of the squared tolerance that is left to chance at least."""

GROUP = 16
"""Probes multiplied at once."""

COMPARED_DEGREES = 0.85
"""Ratio of the degrees that are compared with that of the pilot, each with the next."""

RANK_FLOOR = 1e-10
"""Control variates this close to being dependent, in relative size, are left out: the spectrum has few values."""

LARGEST_LEVERAGE = 0.99
"""Nodes beyond this decide the fit alone and say nothing about its error."""

BASIS_BYTES = 64 << 20
"""Recurrences are reorthogonalised when the vectors of a group take no more than this."""


@dataclasses.dataclass
class QuadratureState:
    """Nodes and weights of all probes so far, padded with NaN to one length, and what they cost."""

    nodes: Array
    weights: Array
    n_matvecs: int = 0
    interrupted: bool = False


@dataclasses.dataclass(frozen=True)
class TraceReport:
    """An estimate of a trace, and what its two errors are.

    Parameters
    ----------
    value : float
        The trace.
    unit, spread, third : float
        A size for values of f, and in it the mean over the spectrum of the second and third power of what is left to
        chance; infinite when that is not known.
    factor : float
        Variance of means over the probes per unit of spread.
    freedom : float
        The spread is known like a variance of so many degrees of freedom.
    quadrature_error : float
        What the Lanczos process leaves.
    order, n_matvecs, n_probes : int
        Order of the operator, products, and probes.
    interrupted : bool
        Whether Ctrl-C ended the run.
    """

    value: float
    unit: float
    spread: float
    third: float
    factor: float
    freedom: float
    quadrature_error: float
    order: int
    n_matvecs: int
    n_probes: int
    interrupted: bool

    @property
    def stderr(self) -> float:
        """Standard error of what is left to chance."""
        return self.order * self.unit * math.sqrt(self.factor * self.spread)

    def interval(self, confidence: float) -> tuple[float, float]:
        """Return the score interval, widened by the error of the quadrature."""
        if not math.isfinite(self.spread):
            return -math.inf, math.inf
        square = spread_quantile(self.freedom, confidence) ** 2
        spread, third = np.asarray(self.spread), np.asarray(self.third)
        ends = score_interval(np.zeros(()), square * self.factor, spread, third)
        below, above = (math.hypot(self.order * self.unit * float(end), self.quadrature_error) for end in ends)
        return self.value - below, self.value + above


class QuadratureTrace:
    """Adds probes until the interval of ``tr f(A)`` is narrow enough.

    Parameters
    ----------
    operator : Operator
        Symmetric or Hermitian, of order n.
    f : callable
        Function of an array of eigenvalues.
    known_moments : ndarray, shape (0,) or (2,)
        Means of λ and λ², when they are known.
    seed, threads : int
        Of the probes, and for the products.
    """

    def __init__(self, operator: Operator, f: MatrixFunction, known_moments: Array, seed: int, threads: int) -> None:
        self.operator, self.f, self.known_moments = operator, f, known_moments
        self.order = operator.shape[0]
        self.rounding = float(np.finfo(operator.dtype).eps)
        self._seed, self._threads = seed, threads
        self._state = QuadratureState(np.empty((0, 0)), np.empty((0, 0)))
        self._degree = 0
        self._quadrature_error = math.inf
        self.is_cut_short = False

    def pilot(self, tolerance: Callable[[float], float], max_matvecs: int) -> None:
        """Find the degree with one probe: double it until half of it gives the same trace.

        Parameters
        ----------
        tolerance : callable
            Half width that is wanted, given the trace.
        max_matvecs : int
            Budget of products.
        """
        degree, spent = min(FIRST_DEGREE, self.order, max_matvecs), 0
        while True:
            nodes, weights, residuals = self._integrate(degree, 0, 1)
            rule = nodes, weights
            spent += degree
            changes = self._changes(rule)
            complete = np.isfinite(rule[0]).sum() < degree or degree == self.order
            value = self.order * float(rule_values(self.f, *rule, self.rounding)[0])
            allowed = QUADRATURE_SHARE * tolerance(value)
            change = max((error for m, error in changes if 2 * m >= degree), default=0.0)
            hidden = 0.0 if complete else hidden_at_the_ends(self.f, nodes, weights, residuals, self.rounding)
            is_enough = change <= allowed and hidden <= HIDDEN_SHARE * tolerance(value)
            following = min(2 * degree, self.order, MOST_DEGREE)
            if is_enough or complete or following == degree:
                break
            if spent + following > max_matvecs:
                self.is_cut_short = True
                break
            degree = following
        self._state = QuadratureState(*rule, n_matvecs=spent)
        found = int(np.isfinite(nodes).sum())
        if degree < FEWEST_STEPS and not complete:
            change, self.is_cut_short = math.inf, True
        elif change > allowed:
            earlier = max((error for m, error in changes if 4 * m >= degree), default=0.0)
            change *= error_factor(change, earlier - change)
        self._degree, self._quadrature_error = found, 0.0 if complete else change
        if hidden <= HIDDEN_SHARE * tolerance(value):
            self._lower_degree(changes, allowed)
        self._quadrature_error = max(self._quadrature_error, hidden)

    def _lower_degree(self, changes: list[tuple[int, float]], allowed: float) -> None:
        """Take the lowest degree that gives the pilot's trace within what is allowed."""
        for m, error in changes:
            # Fewer nodes would give the mean of a smooth f, but not its variance, which the error bar rests on.
            if m < FEWEST_STEPS or max(error, self._quadrature_error) > allowed:
                return
            # A degree serves when all higher ones do: a single one may agree by accident.
            self._degree, self._quadrature_error = m, max(error, self._quadrature_error)

    def _changes(self, rule: tuple[Array, Array]) -> list[tuple[int, float]]:
        """Return lower degrees, descending, and how far the pilot's trace is off with them.

        No node stands for less than one eigenvalue; a pilot that has little of it takes too few nodes to be enough.
        """
        weights = np.where(rule[1][0] > 0.0, np.maximum(rule[1][0], 1.0 / self.order), rule[1][0])
        alpha, beta = recurrence_of_rule(rule[0][0], weights / np.nansum(weights))
        degree, values = len(alpha), []
        while degree > 0:
            x, vectors = eigh_tridiagonal(alpha[:degree], beta[: degree - 1])
            found = self.order * float(rule_values(self.f, x[None], vectors[:1] ** 2, self.rounding)[0])
            values.append((degree, found))
            degree = min(degree - 1, math.ceil(COMPARED_DEGREES * degree))
        return [(degree, abs(found - values[0][1])) for degree, found in values[1:]]

    def add_probes(self, count: int) -> None:
        """Integrate with further probes at the degree the pilot has found."""
        first = len(self._state.nodes)
        *fine, _ = self._integrate(self._degree, first, count)
        width = max(fine[0].shape[1], self._state.nodes.shape[1])
        joined = [
            np.concatenate([_padded(old, width), _padded(new, width)])
            for old, new in zip((self._state.nodes, self._state.weights), fine, strict=True)
        ]
        spent = self._state.n_matvecs + self._degree * len(fine[0])
        self._state = QuadratureState(joined[0], joined[1], spent, self._state.interrupted)

    def wanted_probes(self, report: TraceReport, tolerance: float, confidence: float) -> float:
        """Return how many more probes the tolerance needs; infinity when no number of them helps."""
        if not report.quadrature_error < tolerance:
            return math.inf
        # Ratios first: squares of small numbers leave the floating range.
        rest = 1.0 - (report.quadrature_error / tolerance) ** 2
        ratio = (normal_quantile(confidence) * report.stderr / tolerance) ** 2 / max(rest, LEAST_REST)
        return max(1.0, math.ceil((ratio - 1.0) * report.n_probes))

    @property
    def degree(self) -> int:
        """Products per probe."""
        return self._degree

    def report(self) -> TraceReport:
        """Return the estimate from the probes so far."""
        nodes, weights = self._state.nodes, self._state.weights
        n_probes = len(nodes)
        value = float(rule_values(self.f, nodes, weights, self.rounding).mean())
        kept = np.isfinite(nodes) & (np.nan_to_num(weights) > 0)
        x, w = nodes[kept], weights[kept] / n_probes
        correction, residual = self._control(x, w, function_values(self.f, x, self.rounding))
        factor = variance_factor(
            self.order, [1] * n_probes, is_complex=self.operator.dtype.kind == "c", orthogonal=False
        )
        # In units of the largest: squares of what is near the ends of the floating range leave it.
        size = float(np.abs(residual).max(initial=0.0)) or 1.0
        deviation = residual / size - float(w @ residual) / size
        shares = w * deviation**2
        spread = float(shares.sum())
        is_known = math.isfinite(self._quadrature_error)
        return TraceReport(
            value=self.order * (value - correction),
            unit=size,
            spread=spread if is_known else math.inf,
            third=float(w @ deviation**3) if is_known else math.inf,
            factor=factor,
            # One eigenvalue may make up all of the spread, which then rests on one number per probe.
            freedom=max(1.0, spread**2 / float(shares @ shares)) if spread > 0.0 else math.inf,
            quadrature_error=self._quadrature_error,
            order=self.order,
            n_matvecs=self._state.n_matvecs,
            n_probes=n_probes,
            interrupted=self._state.interrupted,
        )

    def _control(self, x: Array, w: Array, values: Array) -> tuple[float, Array]:
        """Fit f by a quadratic over the measure; return what its known mean corrects, and the residuals.

        A fit comes too close to the nodes that decide it; leaving each out (dividing by one minus its leverage) gives
        the residual it would have had.
        """
        if len(self.known_moments) == 0 or len(x) <= len(self.known_moments) + 1:
            return 0.0, values
        # Units in which the columns are of one size.
        unit = float(np.abs(x).max()) or 1.0
        powers = np.column_stack([x / unit, (x / unit) ** 2])
        means = w @ powers
        known = self.known_moments / np.array([unit, unit**2])
        root = np.sqrt(w)
        columns, triangle, order = qr(
            root[:, None] * np.column_stack([np.ones_like(x), powers - means]), mode="economic", pivoting=True
        )
        if abs(triangle[-1, -1]) <= RANK_FLOOR * abs(triangle[0, 0]):
            return 0.0, values - float(w @ values)
        coefficients = np.empty(3)
        coefficients[order] = solve_triangular(triangle, columns.T @ (root * values))
        leverage = np.minimum((columns**2).sum(axis=1), LARGEST_LEVERAGE)
        residual = values - np.column_stack([np.ones_like(x), powers - means]) @ coefficients
        return float((means - known) @ coefficients[1:]), residual / (1.0 - leverage)

    def _integrate(self, degree: int, first: int, count: int) -> tuple[Array, Array, Array]:
        """Return nodes, weights and residual norms of some probes, a row each."""
        block = min(count, GROUP)
        with single_threaded_blas():
            found = getattr(_core, f"spectral_quadrature_{self.operator.dtype.name}")(
                self.operator.core,
                degree=degree,
                first_probe=first,
                n_probes=count,
                block=block,
                probe="sphere",
                gram=False,
                reorthogonalize=self.order * degree * block * self.operator.dtype.itemsize <= BASIS_BYTES,
                max_seconds=0.0,
                seed=self._seed,
                monitor=None,
                threads=self._threads,
            )
        self._state.interrupted |= bool(found["interrupted"])
        if found["interrupted"] and len(self._state.nodes) == 0:
            from ..errors import Interrupted

            raise Interrupted("interrupted before the first probe was complete")
        rule = found["fine"]
        nodes, residuals = (np.ascontiguousarray(rule[name].T) for name in ("nodes", "residual_norms"))
        return nodes / self.operator.scale, rule["weights"].T, residuals / self.operator.scale


def recurrence_of_rule(nodes: Array, weights: Array) -> tuple[Array, Array]:
    """Return diagonal and off-diagonal of the Lanczos matrix that has these nodes and weights."""
    kept = np.isfinite(nodes) & (np.nan_to_num(weights) > 0)
    x, vector = nodes[kept], np.sqrt(weights[kept])
    # A power of two near the nodes keeps squares inside the floating range.
    unit = np.ldexp(1.0, int(np.clip(np.frexp(np.abs(x).max(initial=0.0))[1], -1000, 1000)))
    x = x / unit
    basis = [vector / np.linalg.norm(vector)]
    alpha, beta = [], []
    for _ in range(len(x)):
        image = x * basis[-1]
        alpha.append(float(basis[-1] @ image))
        Q = np.column_stack(basis)
        for _ in range(2):
            image = image - Q @ (Q.T @ image)
        length = float(np.linalg.norm(image))
        if length <= 64 * np.finfo(np.float64).eps * float(np.abs(x).max(initial=0.0)):
            break
        beta.append(length)
        basis.append(image / length)
    return unit * np.array(alpha), unit * np.array(beta[: len(alpha) - 1])


def _padded(rule: Array, width: int) -> Array:
    return np.pad(rule, ((0, 0), (0, width - rule.shape[1])), constant_values=np.nan)
