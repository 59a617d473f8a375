"""From data to singular triplets: the operator, the run of the compiled solver, and the result with its quality."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from . import _core
from .arguments import check_switch
from .checkpoints import describe
from .eigen import make_monitor
from .errors import Interrupted, InvalidInputError, LapackError
from .inputs import Source, as_matrix, check_finite
from .operators import Array, Operator, as_operator, check_given_shape, dense_operator, is_implicit, safe_scale
from .results import Estimate, SVDResult
from .run_options import Progress, ProgressOption, Stopwatch, single_threaded_blas
from .second_moments import Task, finish_covariance, second_moments
from .signs import leading_phases
from .standardization import Standardization, standardized_dense, standardized_implicit
from .svd_methods import WIDE_RATIO, Work, keeps_leading_vectors
from .tensors import tensor_as_csr

UNCHECKED_SIZE = 1 << 24
"""Data of more values are not read once more only to see that they are finite: their first product shows it."""

RESULT_PASSES = 2
"""At most: products with the right vectors, and with the left ones for the residuals."""

SAMPLED_ROWS = 64
"""Rows that the size of large data is judged from, to keep squares inside the floating range."""


@dataclasses.dataclass(frozen=True, eq=False)
class Prepared:
    """The operator to decompose and where it came from.

    Parameters
    ----------
    data : object
        What the caller gave.
    operator : Operator
        Standardised; in the orientation that is iterated.
    swapped : bool
        Whether its two sides were exchanged.
    n_extra_passes : int
        Reads of the data that preparing took.
    source : Source or None
        The dense data.
    view : Standardization
        What is done to them.
    squared_norm : float or None
        ``‖A‖²`` in units of the operator, when it was asked for and can be known.
    is_checked : bool
        False when values that are not finite are to be noticed by their products: that saves a pass.
    """

    data: Any
    operator: Operator
    swapped: bool
    n_extra_passes: int
    source: Source | None
    view: Standardization
    squared_norm: float | None
    is_checked: bool = True

    def checked(self, threads: int) -> Prepared:
        """Return the same after a look at every value; raise when one is not finite."""
        if self.is_checked:
            return self
        assert self.source is not None
        largest = check_finite(self.source, threads)
        operator = dense_operator(self.source, dtype=self.operator.dtype, largest=largest, check=False)
        exact = dataclasses.replace(
            self, operator=operator, swapped=False, n_extra_passes=self.n_extra_passes + 1, is_checked=True
        )
        return exact._exchanged() if self.swapped else exact

    def work(self, k: int, threads: int) -> Work:
        """Return what the cost of k triplets depends on."""
        m, n = self.operator.shape[::-1] if self.swapped else self.operator.shape
        weighted = self.view.row_weights is not None or self.view.column_weights is not None
        real_dense = self.source is not None and self.operator.dtype.kind == "f"
        has_gram = real_dense and not (self.view.scale or weighted)
        return Work(
            m, n, k, self.operator.kind, self.operator.dtype.itemsize, threads, self.operator.stored_values, has_gram
        )

    @property
    def _passes_per_block(self) -> int:
        """Times the data are read for one product with ``Aᴴ A``."""
        has_rank_one_term = self.view.center and (self.source is None or self.operator.dtype.kind == "c")
        is_fused = self.source is not None or (self.operator.kind == "sparse" and not isinstance(self.data, Operator))
        is_composed = self.swapped or self.view.row_weights is not None or has_rank_one_term
        return 1 if is_fused and not is_composed else 2

    def passes_of(self, n_blocks: int) -> int:
        """Return how often the data are read at most for so many blocks, the triplets and their residuals."""
        return self.n_extra_passes + n_blocks * self._passes_per_block + RESULT_PASSES

    def blocks_within(self, max_passes: int) -> int:
        """Return the blocks of a Krylov space that so many passes allow for."""
        return (max_passes - self.passes_of(0)) // self._passes_per_block

    def on_short_side(self) -> Prepared:
        """Return the operator with at least as many rows as columns."""
        m, n = self.operator.shape
        return self if n <= m else self._exchanged()

    def _exchanged(self) -> Prepared:
        m, n = self.operator.shape
        operator = dataclasses.replace(self.operator, core=self.operator.core.adjoint(), shape=(n, m))
        return dataclasses.replace(self, operator=operator, swapped=not self.swapped)


def prepare(
    A: Any,
    view: Standardization,
    *,
    shape: tuple[int, int] | None,
    dtype: Any,
    adjoint: Callable[[Array], Any] | None,
    check: bool,
    seed: int,
    threads: int,
    needs_norm: bool = False,
) -> Prepared:
    """View data as a standardised operator, iterated on the short side when it is wide."""
    check_switch("check", check)
    A = tensor_as_csr(A)
    if isinstance(A, Operator) and A.matrix is not None:
        A, dtype = A.matrix, A.dtype
    if is_implicit(A):
        operator = as_operator(A, shape=shape, dtype=dtype, adjoint=adjoint, check=check, threads=threads)
        if operator.kind == "callback":
            operator = in_range(operator, seed, threads)
            if check:
                check_adjoint(operator, seed, threads)
        source, view = None, view.checked(operator.shape)
        passes, norm = 2, None
        if needs_norm or not view.is_identity:
            made = standardized_implicit(A, operator, view, threads)
            operator, norm = made.operator if not view.is_identity else operator, made.squared_norm
    else:
        array, names = as_matrix(A, decodes=False)
        check_given_shape(array.shape, shape)
        source = Source(array=array, feature_names=names)
        view = view.checked((source.n_samples, source.n_features))
        operator, passes, norm = _dense(source, view, dtype, check, needs_norm, threads)
    unchecked = source is not None and check and passes == 0
    prepared = Prepared(A, operator, False, passes, source, view, norm, not unchecked)
    m, n = operator.shape
    return prepared if n <= WIDE_RATIO * m else prepared.on_short_side()


def _dense(
    source: Source, view: Standardization, dtype: Any, check: bool, needs_norm: bool, threads: int
) -> tuple[Operator, int, float | None]:
    is_complex = source.array.dtype.kind == "c"
    if view.is_identity and (is_complex or not needs_norm):
        largest = _sampled_largest(source) if check else None
        waits = largest is not None and largest > 0.0
        if check and not waits:
            largest = check_finite(source, threads)
        operator = dense_operator(source, dtype=dtype, largest=largest, check=False)
        norm = _squared_norm(source, operator.scale) if needs_norm else None
        return operator, int(check and not waits), norm
    made = standardized_dense(source, view, dtype, threads)
    return made.operator, made.n_passes, made.squared_norm


def _sampled_largest(source: Source) -> float | None:
    """Largest magnitude in a few rows of large data; None of small ones, which are looked at whole."""
    if source.array.size < UNCHECKED_SIZE:
        return None
    rows = np.linspace(0, source.n_samples - 1, min(SAMPLED_ROWS, source.n_samples)).astype(np.int64)
    magnitudes = np.abs(source.array[np.unique(rows)].astype(np.result_type(source.array.dtype, np.float64)))
    return float(magnitudes[np.isfinite(magnitudes)].max(initial=0.0))


def _squared_norm(source: Source, scale: float) -> float:
    return sum(float(np.linalg.norm(block * scale)) ** 2 for _, block in source.row_blocks())


def in_range(operator: Operator, seed: int, threads: int) -> Operator:
    """Return an operator in a unit, a power of two, in which products with its adjoint keep the floating range."""
    probe = np.random.Generator(np.random.Philox(seed)).standard_normal((operator.shape[1], 1))
    unit = safe_scale(float(np.abs(operator.product(probe, threads)).max()), operator.dtype)
    if unit == 1.0:
        return operator
    nothing, same = np.zeros(0, dtype=operator.dtype), np.ones(operator.shape[1])
    return dataclasses.replace(operator, core=operator.core.standardized(nothing, same, unit), scale=unit)


def check_adjoint(operator: Operator, seed: int, threads: int) -> None:
    """Probe two products with random vectors: ⟨u, A v⟩ = ⟨Aᴴ u, v⟩."""
    m, n = operator.shape
    generator = np.random.Generator(np.random.Philox(seed))
    u, v = generator.standard_normal((m, 1)), generator.standard_normal((n, 1))
    if operator.dtype.kind == "c":
        u = u + 1j * generator.standard_normal((m, 1))
        v = v + 1j * generator.standard_normal((n, 1))
    wide = np.result_type(operator.dtype, np.float64)
    forward = operator.product(v, threads).astype(wide)
    backward = operator.product(u, threads, "adjoint").astype(wide)
    largest = max(float(np.abs(forward).max()), float(np.abs(backward).max())) or 1.0
    forward, backward = forward / largest, backward / largest
    left, right = np.vdot(u, forward), np.vdot(backward, v)
    size = float(np.linalg.norm(u) * np.linalg.norm(forward) + np.linalg.norm(backward) * np.linalg.norm(v)) or 1.0
    difference = abs(left - right) / size
    tolerance = 1e3 * operator.rounding_unit
    if difference > tolerance:
        raise InvalidInputError(
            f"<u, A v> and <A^H u, v> differ by {difference:.1e} of their size (tolerance {tolerance:.1e}): the "
            "adjoint product is not that of the operator. Correct it (complex operators need the conjugate), or use "
            "check=False when the difference is only noise"
        )


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """How a computation is carried out, whatever it computes.

    Parameters
    ----------
    caller : str
        Name of the public function.
    watch : Stopwatch
        Started at its call.
    threads, seed : int
        Resolved options.
    budget : int
        Bytes it may take.
    callback : callable or None
        The caller's.
    progress : bool or callable
        The caller's.
    checkpoint : path-like or None
        File to go on from.
    """

    caller: str
    watch: Stopwatch
    threads: int
    seed: int
    budget: int
    callback: Callable[[dict[str, Any]], Any] | None = None
    progress: ProgressOption = False
    checkpoint: str | os.PathLike[str] | None = None


def solve(prepared: Prepared, settings: dict[str, Any], name: str, run: Run) -> SVDResult:
    """Run the compiled solver; again, after a look at every value, when a product was not finite."""
    if settings["direct"]:
        prepared = prepared.checked(run.threads)
    try:
        result = _solve(prepared, settings, name, run)
        if np.isfinite(result.singular_values).all():
            return result
    except (InvalidInputError, LapackError):
        if prepared.is_checked:
            raise
    exact = prepared.checked(run.threads)
    if run.checkpoint is not None and os.path.exists(run.checkpoint):
        os.remove(run.checkpoint)
    return _solve(exact, settings, name, run)


def _solve(prepared: Prepared, settings: dict[str, Any], name: str, run: Run) -> SVDResult:
    """Run the compiled solver, on products from a checkpoint as far as there is one."""
    core = prepared.operator.core
    if run.checkpoint is not None:
        view = {f"view {key}": value for key, value in vars(prepared.view).items()}
        shown = {key: value for key, value in settings.items() if key not in ("basis", "threads")}
        shown |= view | {"call": run.caller, "shape": prepared.operator.shape, "dtype": prepared.operator.dtype.name}
        core = core.recorded(os.fspath(run.checkpoint), describe(prepared.data, prepared.source, shown))
    meter = Progress(run.progress, run.caller)
    try:
        with single_threaded_blas():
            found = core.triplets(monitor=make_monitor(run.callback, meter), **settings)
    finally:
        meter.close()
    if found["interrupted"] and found["u"].size == 0:
        raise Interrupted(f"{run.caller} was interrupted before it had a result")
    result = wrap(prepared, settings, found, name, run.watch)
    if found["interrupted"]:
        raise Interrupted(f"{run.caller} was interrupted; .partial holds the result so far", result)
    if run.checkpoint is not None:
        os.remove(run.checkpoint)
    return result


def gram_basis(prepared: Prepared, k: int, run: Run) -> tuple[Array, Array]:
    """Eigenvalues (descending) and eigenvectors of the k leading second moments, on the shorter side, from one pass.

    Eigenvalues are in a unit of their own. All of them for small orders: on a complete basis nothing is lost to
    squaring.
    """
    assert prepared.source is not None
    task = Task(prepared.view.center, False, None, True, run.threads, run.seed)
    found, _ = second_moments(prepared.source, task, np.dtype(np.float64))
    matrix = found.pop("cross_products")
    if prepared.source.n_samples >= prepared.source.n_features:
        matrix = finish_covariance(matrix, found, np.ones(len(matrix)), np.ones(len(matrix), dtype=bool), task)
    order = len(matrix)
    with single_threaded_blas():
        count = k if keeps_leading_vectors(order, k) else order
        values, vectors = _core.eigh_largest_in_place(matrix, count, run.threads)
        values, vectors = values[::-1], np.asfortranarray(vectors[:, ::-1])
    return values, vectors


def wrap(prepared: Prepared, settings: dict[str, Any], found: dict[str, Any], name: str, watch: Stopwatch) -> SVDResult:
    """Return what a solver has found in the units and the orientation of the data."""
    left, right = found["u"], found["v"]
    if prepared.swapped:
        left, right = right, left
    phase = leading_phases(right).conj()
    values = found["singular_values"]
    status = found["status"]
    if settings["n_blocks"] and status == "stagnated":
        status = "budget"
    refined = ", small values from [0 A; Aᴴ 0]" if found["refined"] else ""
    return SVDResult(
        U=np.asarray(left * phase, dtype=left.dtype),
        singular_values=values / prepared.operator.scale,
        Vh=np.asarray((right * phase).conj().T, dtype=right.dtype),
        residual_norms=found["residual_norms"] / prepared.operator.scale,
        converged=found["converged"],
        status=status,
        error_estimate=_frobenius_error(found["squared_errors"], values, found.get("n_independent")),
        info=watch.info(
            name + refined,
            n_matvecs=found["n_matvecs"],
            n_passes=found["n_passes"] + prepared.n_extra_passes,
            peak_bytes=found["basis_bytes"] + left.nbytes + right.nbytes,
        ),
        feature_names=None if prepared.source is None else prepared.source.names_in_use,
    )


def _frobenius_error(squared_errors: Array, singular_values: Array, n_independent: int | None) -> Estimate | None:
    """Relative error from random vectors: E‖(A - B) ω‖² = ‖A - B‖_F², and ‖A‖_F² = Σσ² + ‖A - B‖_F² for a projection B.

    The mean of squares that depend on one another is taken to be no more accurate than that of `n_independent`.
    """
    from scipy.special import stdtrit

    n_vectors = len(squared_errors)
    if n_vectors == 0:
        return None
    missing = float(squared_errors.mean())
    spread = float(squared_errors.std(ddof=1)) if n_vectors > 1 else np.nan
    deviation = spread / np.sqrt(n_independent or n_vectors)
    total = float((singular_values**2).sum()) + missing
    if total == 0.0:
        return Estimate(0.0, 0.0, (0.0, 0.0))
    share = missing / total
    value = np.sqrt(share)
    # d sqrt(x / (s + x)) / dx = s / (2 sqrt(x) (s + x)^(3/2)), times the error of x
    stderr = float((1.0 - share) / (2.0 * np.sqrt(max(share, np.finfo(float).tiny))) * (deviation / total))
    if n_vectors == 1:
        return Estimate(float(value), stderr, (0.0, 1.0))
    half = float(stdtrit(n_vectors - 1, 0.975)) * stderr
    return Estimate(float(value), stderr, (max(0.0, float(value - half)), min(1.0, float(value + half))))
