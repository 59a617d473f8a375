"""Eigenpairs of symmetric (Hermitian) operators with residuals and a certificate against omissions."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse

from .errors import ConvergenceWarning, Interrupted, InvalidInputError, MemoryBudgetError, NotSymmetricError
from .inversion import smallest_by_inversion
from .operators import Array, Operator, as_operator, check_symmetric
from .results import EigenResult
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
from .signs import fix_signs

WHICH = ("LM", "LA", "SA", "SM", "BE")

DIRECT_ORDER = 400
"""Up to this order LAPACK finds all eigenpairs sooner than an iteration finds some."""

DIRECT_SHARE = 4
"""When more than one eigenpair in this many is wanted, LAPACK is sooner too."""

_BLOCK = {"dense": 8, "sparse": 4, "callback": 4}
_ROWS_PER_CHECK = 512


def eigsh(
    A: Any,
    k: int = 6,
    *,
    which: str = "LM",
    tol: float | None = None,
    v0: Array | None = None,
    shape: tuple[int, int] | None = None,
    dtype: Any = None,
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
) -> EigenResult:
    """Compute k eigenpairs of a symmetric or complex Hermitian operator.

    Thick-restart block Lanczos with full reorthogonalisation. Before a set is declared complete, a Krylov space grown
    from random vectors orthogonal to it looks for omitted copies of repeated or close eigenvalues.

    Parameters
    ----------
    A : array_like, sparse matrix, LinearOperator, object with ``shape`` and ``@``, or callable, of order n
        Symmetric or Hermitian. A callable multiplies a block of columns and needs `shape`.
    k : int
        Number of eigenpairs, 1 to n.
    which : {"LM", "LA", "SA", "SM", "BE"}
        Largest magnitude, largest or smallest algebraic, smallest magnitude (dense and sparse only, by
        factorisation), both ends.
    tol : float, optional
        A pair is accepted when ``‖A v - λ v‖ <= tol ‖A‖``; 0 asks for what rounding allows. The default is
        ``eps**(2/3)``; eigenvalues are then accurate to rounding, since their error is quadratic in the residual.
    v0 : ndarray, shape (n,) or (n, b), optional
        Start vectors.
    shape, dtype : optional
        Shape and scalar of a callable.
    block_size : int, optional
        Vectors multiplied at once.
    basis_size : int, optional
        Vectors kept between restarts.
    certify : bool
        Look for omitted eigenvalues before stopping.
    max_matvecs, max_seconds : optional
        Budgets; the best pairs so far are returned with their mask and a status.
    max_memory : int, float or "auto"
        Bytes the computation may take beyond the input.
    check : bool
        Probe that values are finite, and the operator symmetric and deterministic.
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
    EigenResult
        Most wanted first; unpacks as ``w, V``.

    Raises
    ------
    InvalidInputError
        For a matrix that is not square, symmetric, finite, or a `k` out of range.
    MemoryBudgetError
        When the basis or a dense factorisation does not fit.
    Interrupted
        On Ctrl-C; carries the result so far.

    Warns
    -----
    ConvergenceWarning
        When the status is not "converged".

    References
    ----------
    K. Wu and H. Simon, "Thick-restart Lanczos method for large symmetric eigenvalue problems", SIAM J. Matrix Anal.
    Appl. 22 (2000).

    Examples
    --------
    >>> import numpy as np
    >>> w, V = eigsh(np.diag([3.0, 3.0, 1.0, 0.5]), k=2, rng=0)
    >>> np.round(w, 12)
    array([3., 3.])
    """
    n_threads, seed = resolve_threads(threads), resolve_seed(rng)
    watch = Stopwatch(n_threads, seed)
    if which not in WHICH:
        raise InvalidInputError(f"which must be one of {', '.join(WHICH)}, got {which!r}")
    operator = as_operator(A, shape=shape, dtype=dtype, check=check, threads=n_threads)
    n = _check_order(operator, k, A)
    if check:
        _check_symmetry(A, operator, seed, n_threads)
    options = {
        "which": which,
        "tolerance": resolve_tolerance(tol, operator.dtype),
        "max_matvecs": resolve_budget(max_matvecs, "max_matvecs", default=100 * n + 10_000),
        "max_seconds": float(max_seconds or 0.0),
        "certify": certify,
        "seed": seed,
        "threads": n_threads,
    }
    budget = memory_budget(max_memory)
    meter = Progress(progress, "eigsh")
    try:
        if which == "SM":
            return _smallest_magnitude(A, operator, k, options, budget, watch)
        block, basis = choose_sizes(n, k, block_size or _BLOCK[operator.kind], basis_size)
        direct = n <= DIRECT_ORDER or k * DIRECT_SHARE > n or basis + block > n
        _check_memory(n, k, basis + 3 * block, operator.dtype, direct, budget)
        options |= {"block": block, "basis_size": basis, "direct": direct, "filter": operator.kind == "sparse"}
        options |= {"start": _start_vectors(v0, n, operator.dtype), "monitor": make_monitor(callback, meter)}
        with single_threaded_blas():
            found = operator.core.eigenpairs(k=k, **options)
    finally:
        meter.close()
    method = "LAPACK eigh" if direct else "thick-restart block Lanczos"
    result = _wrap(found, operator.scale, watch, method)
    if found["interrupted"]:
        raise Interrupted("eigsh was interrupted; .partial holds the result so far", result)
    warn_unless_converged(result.status, result.converged, result.residual_norms, "eigsh")
    return result


def resolve_tolerance(tol: float | None, dtype: np.dtype[Any], exponent: float = 2.0 / 3.0) -> float:
    """Return the tolerance, by default a power of the rounding unit of the computation."""
    if tol is None:
        return float(np.finfo(dtype).eps ** exponent)
    if not 0.0 <= tol < 1.0:
        raise InvalidInputError(f"tol must lie in [0, 1), relative to the norm of the operator; got {tol}")
    return float(tol)


def resolve_budget(value: int | None, name: str, default: int) -> int:
    """Return a positive budget."""
    if value is None:
        return default
    if value < 1:
        raise InvalidInputError(f"{name} must be positive, got {value}")
    return int(value)


def choose_sizes(n: int, k: int, block: int, basis: int | None) -> tuple[int, int]:
    """Return block size and basis size of a Lanczos run."""
    if block < 1:
        raise InvalidInputError(f"block_size must be positive, got {block}")
    block = min(block, max(1, n // 4))
    if basis is not None and basis < k + 3 * block:
        raise InvalidInputError(f"basis_size must be at least k + 3 block_size = {k + 3 * block}, got {basis}")
    return block, min(basis if basis is not None else max(2 * k + 4 * block, k + 12 * block, 20), n)


def make_monitor(callback: Callable[[dict[str, Any]], Any] | None, meter: Progress) -> Callable[..., bool] | None:
    """Return the function the core calls at every check, or None when nobody listens."""
    if callback is None and not meter.wanted:
        return None

    def monitor(n_matvecs: int, n_converged: int, n_wanted: int, residual: float, certifying: bool) -> bool:
        phase = "looking for omissions" if certifying else f"{n_converged} of {n_wanted} converged"
        meter(f"{n_matvecs} products, {phase}, largest relative residual {residual:.1e}")
        if callback is None:
            return False
        state = {
            "n_matvecs": n_matvecs,
            "n_converged": n_converged,
            "n_wanted": n_wanted,
            "largest_residual": residual,
            "certifying": certifying,
        }
        return callback(state) is True

    return monitor


def warn_unless_converged(status: str, converged: Array, residuals: Array, caller: str) -> None:
    """Say in one sentence what is wrong with a result and what to do."""
    if status == "converged":
        return
    if status == "possible omission":
        text = (
            "every pair meets the tolerance, but the budget ended before the search for omitted copies did: a repeated "
            "or close value may be missing. Raise max_matvecs or max_seconds"
        )
    else:
        missed = int((~converged).sum())
        worst = float(residuals.max()) if len(residuals) else float("nan")
        advice = "raise max_matvecs or max_seconds" if status == "budget" else "raise tol: rounding prevents more"
        text = f"{missed} of {len(converged)} are above the tolerance, largest residual {worst:.1e}; {advice}"
    warnings.warn(f"{caller}: {text}", ConvergenceWarning, stacklevel=3)


def _check_order(operator: Operator, k: int, A: Any) -> int:
    rows, columns = operator.shape
    if rows != columns:
        raise InvalidInputError(f"eigsh needs a square matrix, got shape {operator.shape}; use svds")
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or not 1 <= k <= rows:
        raise InvalidInputError(f"k must be an integer from 1 to n = {rows}, got {k!r}")
    return rows


def _check_symmetry(A: Any, operator: Operator, seed: int, threads: int) -> None:
    if operator.kind != "dense" or isinstance(A, Operator):
        check_symmetric(operator, seed, threads)
        return
    array = np.asarray(A)
    largest, where, worst = 0.0, (0, 0), 0.0
    for first in range(0, len(array), _ROWS_PER_CHECK):
        rows = array[first : first + _ROWS_PER_CHECK].astype(operator.dtype)
        mirrored = array[:, first : first + _ROWS_PER_CHECK].T.conj().astype(operator.dtype)
        difference = np.abs(rows - mirrored)
        largest = max(largest, float(np.abs(rows).max()))
        if difference.max() > worst:
            worst = float(difference.max())
            i, j = np.unravel_index(int(difference.argmax()), difference.shape)
            where = (first + int(i), int(j))
    if worst > np.sqrt(np.finfo(operator.dtype).eps) * largest:
        raise NotSymmetricError(
            f"the matrix is not symmetric: entries {where} and {where[::-1]} differ by {worst:.2e} (largest entry "
            f"{largest:.2e}). Use svds, or (A + A.T) / 2 when the difference is only noise"
        )


def _check_memory(n: int, k: int, columns: int, dtype: np.dtype[Any], direct: bool, budget: int) -> None:
    dense_bytes = 3 * n * n * dtype.itemsize
    iterative_bytes = n * (columns + 2 * k) * dtype.itemsize
    needed = dense_bytes if direct else iterative_bytes
    if needed > budget:
        method = "LAPACK" if direct else "the Lanczos basis"
        raise MemoryBudgetError(
            f"{method} needs {needed / 1e9:.2f} GB, the budget is {budget / 1e9:.2f} GB. Ask for fewer pairs "
            f"(k = {k}) or a smaller basis_size, or raise max_memory"
        )


def _start_vectors(v0: Array | None, n: int, dtype: np.dtype[Any]) -> Array | None:
    if v0 is None:
        return None
    start = np.asarray(v0)
    start = start[:, None] if start.ndim == 1 else start
    if start.ndim != 2 or start.shape[0] != n:
        raise InvalidInputError(f"v0 must have shape ({n},) or ({n}, b), got {np.shape(v0)}")
    if not np.isfinite(start).all():
        raise InvalidInputError("v0 holds values that are not finite")
    length = np.linalg.norm(start.astype(np.result_type(start.dtype, np.float64)), axis=0)
    kept = length > 0
    return np.asfortranarray(start[:, kept] / length[kept], dtype=dtype)


def _smallest_magnitude(
    A: Any, operator: Operator, k: int, options: dict[str, Any], budget: int, watch: Stopwatch
) -> EigenResult:
    """All eigenpairs of a dense matrix, or the largest of the inverse of a sparse one."""
    n = operator.shape[0]
    block, basis = choose_sizes(n, k, _BLOCK["sparse"], None)
    direct = n <= DIRECT_ORDER or operator.kind == "dense" or k * DIRECT_SHARE > n or basis + block > n
    options = options | {
        "block": block,
        "basis_size": basis,
        "start": None,
        "monitor": None,
        "direct": direct,
    }
    _check_memory(n, k, basis + 3 * block, operator.dtype, direct, budget)
    if direct:
        with single_threaded_blas():
            found = operator.core.eigenpairs(k=n, **(options | {"which": "LM"}))
        for name in ("eigenvalues", "residual_norms", "converged"):
            found[name] = found[name][::-1][:k]
        found["eigenvectors"] = found["eigenvectors"][:, ::-1][:, :k]
        return _wrap(found, operator.scale, watch, "LAPACK eigh")
    if operator.kind != "sparse":
        raise InvalidInputError(
            'which="SM" of an operator needs a factorisation: give the sparse matrix, or use which="SA" when it is '
            "positive semidefinite"
        )
    found = smallest_by_inversion(scipy.sparse.csc_array(A, dtype=operator.dtype), k, options)
    result = _wrap(found, 1.0, watch, "thick-restart block Lanczos on the inverse")
    warn_unless_converged(result.status, result.converged, result.residual_norms, "eigsh")
    return result


def _wrap(found: dict[str, Any], scale: float, watch: Stopwatch, method: str) -> EigenResult:
    return EigenResult(
        eigenvalues=found["eigenvalues"] / scale,
        eigenvectors=fix_signs(found["eigenvectors"]),
        residual_norms=found["residual_norms"] / scale,
        converged=found["converged"],
        status=found["status"],
        info=watch.info(
            method,
            n_matvecs=found["n_matvecs"],
            n_passes=found["n_applications"],
            peak_bytes=found["basis_bytes"],
        ),
    )
