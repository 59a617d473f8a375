"""Leading singular triplets with two-sided residuals, of data in memory, on disk, sparse, or known by products."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from .eigen import make_monitor, resolve_budget, resolve_tolerance, warn_unless_converged
from .errors import Interrupted, InvalidInputError, MemoryBudgetError
from .inputs import Source, as_matrix, check_finite
from .operators import Array, Operator, as_operator, dense_operator, is_implicit
from .results import Estimate, SVDResult
from .run_options import (
    Progress,
    ProgressOption,
    RandomSource,
    Stopwatch,
    memory_budget,
    resolve_seed,
    resolve_threads,
    single_threaded_blas,
)
from .signs import leading_phases
from .standardization import standardized_dense, standardized_implicit

METHODS = ("auto", "block-krylov", "lapack")

DIRECT_SIDE = 200
"""Up to this smaller dimension LAPACK's full decomposition is the quickest."""

DIRECT_SHARE = 3
"""When more than one triplet in this many is wanted, LAPACK is quicker too."""

WIDE_RATIO = 2
"""From this ratio of columns to rows on, the short side is iterated, at two reads of the data per block."""

N_ERROR_PROBES = 10
"""Gaussian probes of the Frobenius error of a low-rank approximation."""

_BLOCK = {"dense": 16, "sparse": 8, "callback": 8}
_AUTO_BLOCKS = 4


def svds(
    A: Any,
    k: int = 6,
    *,
    tol: float | None = None,
    center: bool = False,
    scale: bool = False,
    method: str = "auto",
    shape: tuple[int, int] | None = None,
    dtype: Any = None,
    adjoint: Callable[[Array], Any] | None = None,
    block_size: int | None = None,
    basis_size: int | None = None,
    certify: bool = True,
    max_matvecs: int | None = None,
    max_seconds: float | None = None,
    max_memory: int | float | str = "auto",
    check: bool = True,
    callback: Callable[[dict[str, Any]], Any] | None = None,
    progress: ProgressOption = False,
    rng: RandomSource = None,
    threads: int | None = None,
) -> SVDResult:
    """Compute the k leading singular triplets to a stated accuracy.

    Block Krylov on fused passes ``Aᴴ(A X)`` over panels of the data, restarted; every triplet is checked on both sides,
    and small singular values that the squared operator cannot resolve are recomputed from ``[0 A; Aᴴ 0]``.

    Parameters
    ----------
    A : array_like, path, memory map, sparse matrix, LinearOperator, object with ``shape`` and ``@``, or callable
        m x n, rows are samples; any numeric dtype. A callable needs `shape` and `adjoint`.
    k : int
        Number of triplets, 1 to min(m, n).
    tol : float, optional
        A triplet is accepted when ``sqrt(‖A v - σ u‖² + ‖Aᴴ u - σ v‖²) <= tol σ₁``; by default ``sqrt(eps)``, which
        gives singular values to rounding, since their error is quadratic in the residual.
    center, scale : bool
        Subtract column means; divide columns by their standard deviations. Implicit: nothing is copied or densified.
    method : {"auto", "block-krylov", "lapack"}
        How; "auto" takes LAPACK where it is quicker.
    shape, dtype, adjoint : optional
        Shape, scalar and adjoint product of a callable.
    block_size, basis_size : int, optional
        Vectors multiplied at once, and kept between restarts.
    certify : bool
        Look for omitted singular values before stopping.
    max_matvecs, max_seconds : optional
        Budgets; the best triplets so far are returned with a status.
    max_memory : int, float or "auto"
        Bytes the computation may take beyond the input.
    check : bool
        Refuse values that are not finite.
    callback : callable, optional
        Called with a dictionary at every check of convergence; returning True stops the run.
    progress : bool or callable
        Report to standard error, or to a function of one string.
    rng : int, Generator, SeedSequence or None
        Source of the start vectors. The same seed gives the same bits for any number of threads.
    threads : int, optional
        Threads; by default as many as the process may use.

    Returns
    -------
    SVDResult
        Descending; unpacks as ``U, s, Vh``. Signs make the largest entry of every right vector positive.

    Raises
    ------
    InvalidInputError, UnsupportedTypeError
        For data that cannot be used or a `k` out of range.
    MemoryBudgetError
        When the vectors do not fit.
    Interrupted
        On Ctrl-C; carries the result so far.

    Warns
    -----
    ConvergenceWarning
        When the status is not "converged".

    References
    ----------
    C. Musco and C. Musco, "Randomized block Krylov methods for stronger and faster approximate singular value
    decomposition", NIPS 2015.

    Examples
    --------
    >>> import numpy as np
    >>> A = np.outer([1.0, 2.0, 2.0], [3.0, 4.0])
    >>> np.round(svds(A, k=1, rng=0).singular_values, 12)
    array([15.])
    """
    if method not in METHODS:
        raise InvalidInputError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    n_threads, seed = resolve_threads(threads), resolve_seed(rng)
    watch = Stopwatch(n_threads, seed)
    prepared = _prepare(A, center, scale, shape, dtype, adjoint, check, n_threads)
    m, n = prepared.operator.shape
    _check_count(k, m, n)
    settings = {
        "k": k,
        "tolerance": resolve_tolerance(tol, prepared.operator.dtype, exponent=0.5),
        "block": block_size or _BLOCK[prepared.operator.kind],
        "basis_size": basis_size or 0,
        "n_blocks": 0,
        "max_matvecs": resolve_budget(max_matvecs, "max_matvecs", default=100 * min(m, n) + 10_000),
        "max_seconds": float(max_seconds or 0.0),
        "certify": certify,
        "n_error_probes": 0,
        "seed": seed,
        "threads": n_threads,
    }
    small = min(m, n) <= DIRECT_SIDE or k * DIRECT_SHARE > min(m, n)
    settings["direct"] = method == "lapack" or (method == "auto" and small)
    name = "LAPACK gesdd" if settings["direct"] else "block Krylov on fused Gram passes"
    return _solve(prepared, settings, name, memory_budget(max_memory), callback, progress, watch, "svds")


def randomized_svd(
    A: Any,
    k: int,
    *,
    n_oversamples: int = 10,
    n_iter: int | str = "auto",
    center: bool = False,
    scale: bool = False,
    shape: tuple[int, int] | None = None,
    dtype: Any = None,
    adjoint: Callable[[Array], Any] | None = None,
    max_memory: int | float | str = "auto",
    check: bool = True,
    progress: ProgressOption = False,
    rng: RandomSource = None,
    threads: int | None = None,
) -> SVDResult:
    """Approximate the k leading singular triplets in a stated number of passes, with an error estimate.

    All blocks ``G^j Ω``, ``G = Aᴴ A``, are kept (block Krylov), which at equal iterations is never worse than keeping
    the last one (subspace iteration).

    Parameters
    ----------
    A : array_like, path, memory map, sparse matrix, LinearOperator, object with ``shape`` and ``@``, or callable
        m x n, rows are samples; any numeric dtype.
    k : int
        Number of triplets, 1 to min(m, n).
    n_oversamples : int
        Further random vectors per block.
    n_iter : int or "auto"
        Power iterations: ``n_iter + 2`` fused passes, whose space holds that of subspace iteration with `n_iter`;
        "auto" is 2.
    center, scale : bool
        Subtract column means; divide columns by their standard deviations.
    shape, dtype, adjoint : optional
        Shape, scalar and adjoint product of a callable.
    max_memory : int, float or "auto"
        Bytes the computation may take beyond the input.
    check : bool
        Refuse values that are not finite.
    progress : bool or callable
        Report to standard error, or to a function of one string.
    rng : int, Generator, SeedSequence or None
        Source of the random vectors. The same seed gives the same bits for any number of threads.
    threads : int, optional
        Threads; by default as many as the process may use.

    Returns
    -------
    SVDResult
        ``error_estimate`` is the relative Frobenius error of the approximation, from independent Gaussian probes;
        ``residual_norms`` are two-sided; ``converged`` marks residuals below ``sqrt(eps) σ₁``. The status is
        "converged" or "budget": the passes asked for are spent either way.

    Raises
    ------
    InvalidInputError, UnsupportedTypeError
        For data that cannot be used or a `k` out of range.

    References
    ----------
    J. Tropp and R. Webber, "Randomized algorithms for low-rank matrix approximation", arXiv 2306.12418 (2023).

    Examples
    --------
    >>> import numpy as np
    >>> result = randomized_svd(np.diag([4.0, 3.0, 2.0, 1.0]), k=2, rng=0)
    >>> np.round(result.singular_values, 10)
    array([4., 3.])
    """
    if n_oversamples < 0:
        raise InvalidInputError(f"n_oversamples must not be negative, got {n_oversamples}")
    if n_iter != "auto" and (not isinstance(n_iter, (int, np.integer)) or n_iter < 0):
        raise InvalidInputError(f'n_iter must be a non-negative integer or "auto", got {n_iter!r}')
    n_threads, seed = resolve_threads(threads), resolve_seed(rng)
    watch = Stopwatch(n_threads, seed)
    prepared = _prepare(A, center, scale, shape, dtype, adjoint, check, n_threads)
    m, n = prepared.operator.shape
    _check_count(k, m, n)
    n_blocks = _AUTO_BLOCKS if n_iter == "auto" else int(n_iter) + 2
    settings = {
        "k": k,
        "tolerance": resolve_tolerance(None, prepared.operator.dtype, exponent=0.5),
        "block": k + n_oversamples,
        "basis_size": 0,
        "n_blocks": n_blocks,
        "max_matvecs": 0,
        "max_seconds": 0.0,
        "certify": False,
        "n_error_probes": N_ERROR_PROBES,
        "seed": seed,
        "threads": n_threads,
        "direct": False,
    }
    name = f"randomized block Krylov, {n_blocks} blocks of {k + n_oversamples}"
    return _solve(prepared, settings, name, memory_budget(max_memory), None, progress, watch, "randomized_svd")


@dataclasses.dataclass(frozen=True)
class _Prepared:
    """The operator to decompose and whether its two sides were exchanged."""

    operator: Operator
    swapped: bool
    n_extra_passes: int


def _check_count(k: int, m: int, n: int) -> None:
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or not 1 <= k <= min(m, n):
        raise InvalidInputError(f"k must be an integer from 1 to min(m, n) = {min(m, n)}, got {k!r}")


def _prepare(
    A: Any,
    center: bool,
    scale: bool,
    shape: tuple[int, int] | None,
    dtype: Any,
    adjoint: Callable[[Array], Any] | None,
    check: bool,
    threads: int,
) -> _Prepared:
    if is_implicit(A):
        operator = as_operator(A, shape=shape, dtype=dtype, adjoint=adjoint, check=check, threads=threads)
        if center or scale:
            operator = standardized_implicit(A, operator, center, scale, threads)
        return _shorter_side(operator, 2)
    array, names = as_matrix(A)
    source = Source(array=array, feature_names=names)
    if not (center or scale):
        largest = check_finite(source, threads) if check else None
        return _shorter_side(dense_operator(source, dtype=dtype, largest=largest, check=False), int(check))
    if array.dtype.kind == "c":
        raise InvalidInputError("centring and scaling of complex data are not defined here: subtract the means first")
    return _shorter_side(standardized_dense(source, center, scale, dtype, threads), 1)


def _shorter_side(operator: Operator, n_extra_passes: int) -> _Prepared:
    """Iterate on the short side of a wide matrix: the basis is shorter than it saves in passes."""
    m, n = operator.shape
    if n <= WIDE_RATIO * m:
        return _Prepared(operator, False, n_extra_passes)
    exchanged = dataclasses.replace(operator, core=operator.core.adjoint(), shape=(n, m))
    return _Prepared(exchanged, True, n_extra_passes)


def _solve(
    prepared: _Prepared,
    settings: dict[str, Any],
    name: str,
    budget: int,
    callback: Callable[[dict[str, Any]], Any] | None,
    progress: ProgressOption,
    watch: Stopwatch,
    caller: str,
) -> SVDResult:
    operator = prepared.operator
    _check_memory(operator, settings, budget)
    meter = Progress(progress, caller)
    try:
        with single_threaded_blas():
            found = operator.core.triplets(monitor=make_monitor(callback, meter), **settings)
    finally:
        meter.close()
    if found["interrupted"] and found["u"].size == 0:
        raise Interrupted(f"{caller} was interrupted before it had a result")
    result = _wrap(prepared, settings, found, name, watch)
    if found["interrupted"]:
        raise Interrupted(f"{caller} was interrupted; .partial holds the result so far", result)
    if settings["n_blocks"] == 0:
        warn_unless_converged(result.status, result.converged, result.residual_norms, caller)
    return result


def _check_memory(operator: Operator, settings: dict[str, Any], budget: int) -> None:
    m, n = operator.shape
    k, block = settings["k"], settings["block"]
    columns = settings["n_blocks"] * block + k if settings["n_blocks"] else max(2 * k + 4 * block, k + 12 * block)
    iterative = operator.dtype.itemsize * (n * (columns + 3 * block + 2 * k) + 4 * m * k)
    direct = operator.dtype.itemsize * (m * n + (m + n) * min(m, n))
    needed = direct if settings["direct"] else iterative
    if needed > budget:
        alternative = f' method="block-krylov" needs {iterative / 1e9:.2f} GB.' if settings["direct"] else ""
        raise MemoryBudgetError(
            f"the decomposition needs {needed / 1e9:.2f} GB, the budget is {budget / 1e9:.2f} GB.{alternative} Ask "
            f"for fewer triplets (k = {k}) or raise max_memory"
        )


def _wrap(
    prepared: _Prepared, settings: dict[str, Any], found: dict[str, Any], name: str, watch: Stopwatch
) -> SVDResult:
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
        error_estimate=_frobenius_error(found["squared_errors"], values),
        info=watch.info(
            name + refined,
            n_matvecs=found["n_matvecs"],
            n_passes=found["n_passes"] + prepared.n_extra_passes,
            peak_bytes=found["basis_bytes"] + left.nbytes + right.nbytes,
        ),
    )


def _frobenius_error(squared_errors: Array, singular_values: Array) -> Estimate | None:
    """Relative error from probes: E‖(A - B) ω‖² = ‖A - B‖_F², and ‖A‖_F² = Σσ² + ‖A - B‖_F² for a projection B."""
    n_probes = len(squared_errors)
    if n_probes == 0:
        return None
    missing = float(squared_errors.mean())
    deviation = float(squared_errors.std(ddof=1)) / np.sqrt(n_probes)
    total = float((singular_values**2).sum()) + missing
    if total == 0.0:
        return Estimate(0.0, 0.0, (0.0, 0.0))
    value = np.sqrt(missing / total)
    # d sqrt(x / (s + x)) / dx = s / (2 sqrt(x) (s + x)^(3/2))
    slope = (total - missing) / (2 * np.sqrt(max(missing, np.finfo(float).tiny)) * total**1.5)
    stderr = float(slope * deviation)
    quantile = 2.262157  # Student's t with 9 degrees of freedom, 97.5 %
    return Estimate(float(value), stderr, (max(0.0, value - quantile * stderr), min(1.0, value + quantile * stderr)))
