"""Eigenpairs of symmetric (Hermitian) operators with residuals and a certificate against omissions."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse

from .arguments import check_switch, is_real_number
from .eigen_deflated import solve_deflated
from .eigen_nearest import nearest
from .eigen_plan import as_unit_vectors, can_decompose, choose_sizes
from .errors import ConvergenceWarning, Interrupted, InvalidInputError
from .inputs import Source, as_matrix
from .operators import Array, Operator, as_operator, compute_dtype, dense_operator, is_implicit
from .results import EigenResult
from .run_options import (
    Progress,
    ProgressOption,
    RandomSource,
    Stopwatch,
    asks_to_stop,
    check_callback,
    memory_budget,
    resolve_budget,
    resolve_seconds,
    resolve_seed,
    resolve_threads,
    single_threaded_blas,
)
from .signs import fix_signs
from .symmetry import check_matrix, check_symmetric

WHICH = ("LM", "LA", "SA", "SM", "BE")

COARSEST_TOLERANCE = 3e-3
"""Pairs with larger residuals do not tell which eigenvalues a set holds, whatever the certificate says of others."""

FILTER_PRODUCTS = 40_000
"""Polynomials that have not led to an answer after so many products do not help."""


def eigsh(
    A: Any,
    k: int = 6,
    *,
    which: str = "LM",
    sigma: float | None = None,
    tol: float | None = None,
    v0: Array | None = None,
    deflate: Array | None = None,
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

    Thick-restart block Lanczos with full reorthogonalisation, on Chebyshev polynomials of a sparse operator where the
    wanted end is crowded. Before a set is declared complete, a Krylov space grown from random vectors orthogonal to it
    looks for omitted copies of repeated or close eigenvalues.

    Parameters
    ----------
    A : array_like, tensor, sparse matrix, LinearOperator, object with ``shape`` and ``@``, or callable, of order n
        Symmetric or Hermitian. A callable multiplies a block of columns and needs `shape`.
    k : int
        Number of eigenpairs, 1 to n.
    which : {"LM", "LA", "SA", "SM", "BE"}
        Largest magnitude, largest or smallest algebraic, smallest magnitude (by factorisation: dense, sparse, or
        any operator of order up to 400), both ends.
    sigma : float, optional
        Find the eigenvalues nearest this number, by a factorisation of ``A - sigma I`` as for "SM". Then `which`
        speaks of ``1 / (λ - sigma)``, as in SciPy: "LM" is nearest, "LA" nearest above, "SA" nearest below, "BE" half
        of each, "SM" farthest, which needs no factorisation.
    tol : float, optional
        A pair is accepted when ``‖A v - λ v‖ <= tol ‖A‖``; 0 asks for what rounding allows, and above 0.003
        residuals do not tell which eigenvalues a set holds, so that 0.003 is taken. The default is ``eps**(2/3)``;
        eigenvalues are then accurate to rounding, since their error is quadratic in the residual. For functions whose
        answers are in single precision it is at least ``2.4e-5``.
    v0 : ndarray, shape (n,) or (n, b), optional
        Start vectors. With several good ones, such as the eigenvectors of a slightly different operator, only what is
        new in them has to be computed.
    deflate : ndarray, shape (n,) or (n, q), optional
        Known eigenvectors to leave out, such as the constant vector of a graph Laplacian. Pairs and residuals are those
        of the operator restricted to their complement.
    shape, dtype : optional
        Shape and scalar of a callable.
    block_size : int, optional
        Vectors multiplied at once.
    basis_size : int, optional
        Vectors kept between restarts.
    certify : bool
        Look for omitted eigenvalues before stopping.
    max_matvecs, max_seconds : optional
        Budgets; the best pairs so far are returned with their mask and a status. An answer takes about 2 k products
        however few are allowed, and LAPACK once begun is let finish. Sparse factors that took too long are left to
        themselves: the call returns, and the process ends when they are done.
    max_memory : int, float or "auto"
        Bytes the computation may take beyond the input; sparse factors, whose size is known when they are there, are
        counted in ``.info.peak_bytes`` only.
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
    _check_choice(which, sigma)
    check_switch("certify", certify)
    check_switch("check", check)
    operator = _as_checked_operator(A, shape, dtype, check, seed, n_threads)
    n, k = _check_order(operator, k), int(k)
    start = as_unit_vectors(v0, "v0", n, operator.dtype)
    meter = Progress(progress, "eigsh")
    tolerance = max(min(resolve_tolerance(tol, operator.dtype), COARSEST_TOLERANCE), _attainable(operator))
    memory, limit = memory_budget(max_memory), resolve_budget(max_matvecs, "max_matvecs", default=100 * n + 10_000)
    options = {
        "which": which,
        "tolerance": tolerance,
        "max_matvecs": limit,
        "max_seconds": resolve_seconds(max_seconds),
        "certify": certify,
        "seed": seed,
        "threads": n_threads,
        "start": start,
        "monitor": make_monitor(callback, meter),
    }
    is_unlimited = max_matvecs is None and max_seconds is None and can_decompose(operator, memory)
    plan: dict[str, Any] = {"start": start, "tolerance": tolerance, "max_matvecs": max_matvecs, "memory": memory}
    sizes = choose_sizes(
        operator,
        k,
        block=None if block_size is None else resolve_budget(block_size, "block_size", 1),
        basis=None if basis_size is None else resolve_budget(basis_size, "basis_size", 1),
        **plan,
    )
    known = as_unit_vectors(deflate, "deflate", n, operator.dtype)

    def solve(core: Any, count: int, **changed: Any) -> dict[str, Any]:
        chosen = sizes if count == k else choose_sizes(operator, count, block=None, basis=None, **plan)
        return _solve_or_decompose(core, count, options | chosen | changed, is_unlimited)

    try:
        if sigma is not None or which == "SM":
            if deflate is not None:
                raise InvalidInputError('deflate cannot be combined with sigma or which="SM": leave the vectors in')
            may_decompose = max_seconds is None and can_decompose(operator, memory)
            found, scale, method = nearest(operator, k, sigma, options | sizes, solve, may_decompose)
        else:
            with single_threaded_blas():
                if known is None or known.shape[1] == 0:
                    found = solve(operator.core, k)
                else:
                    limits = (limit, resolve_seconds(max_seconds))
                    found = solve_deflated(operator, known, k, which, solve, limits, tolerance, seed, n_threads)
            scale, method = operator.scale, found["method"]
    finally:
        meter.close()
    result = _wrap(found, scale, watch, method)
    if found["interrupted"]:
        raise Interrupted("eigsh was interrupted; .partial holds the result so far", result)
    obstacle = "rounding, or a difference between A and its adjoint,"
    warn_unless_converged(result.status, result.converged, result.residual_norms, "eigsh", obstacle=obstacle)
    return result


def resolve_tolerance(tol: float | None, dtype: np.dtype[Any], exponent: float = 2.0 / 3.0) -> float:
    """Return the tolerance, by default a power of the rounding unit of the computation."""
    if tol is None:
        return float(np.finfo(dtype).eps ** exponent)
    if not isinstance(tol, (int, float, np.integer, np.floating)) or not 0.0 <= tol < 1.0:
        raise InvalidInputError(f"tol must lie in [0, 1), relative to the norm of the operator; got {tol!r}")
    return float(tol)


class Monitor:
    """What the core calls at every check; remembers whether the caller has stopped the run."""

    def __init__(self, callback: Callable[[dict[str, Any]], Any] | None, meter: Progress) -> None:
        self._callback, self._meter = callback, meter
        self.stopped = False

    def __call__(self, n_matvecs: int, n_converged: int, n_wanted: int, residual: float, certifying: bool) -> bool:
        """Report, and return whether the caller wants to stop."""
        phase = "looking for omissions" if certifying else f"{n_converged} of {n_wanted} converged"
        self._meter(f"{n_matvecs} products, {phase}, largest relative residual {residual:.1e}")
        if self._callback is None:
            return False
        state = {
            "n_matvecs": n_matvecs,
            "n_converged": n_converged,
            "n_wanted": n_wanted,
            "largest_residual": residual,
            "certifying": certifying,
        }
        self.stopped = asks_to_stop(self._callback(state))
        return self.stopped


def make_monitor(callback: Callable[[dict[str, Any]], Any] | None, meter: Progress) -> Monitor | None:
    """Return what the core calls at every check, or None when nobody listens."""
    check_callback(callback)
    return None if callback is None and not meter.wanted else Monitor(callback, meter)


def warn_unless_converged(
    status: str, converged: Array, residuals: Array, caller: str, stacklevel: int = 3, obstacle: str = "rounding"
) -> None:
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
        spent = "the budget or a callback ended the run: raise max_matvecs or max_seconds"
        advice = spent if status == "budget" else f"raise tol: {obstacle} prevents more"
        text = f"{missed} of {len(converged)} are above the tolerance, largest residual {worst:.1e}; {advice}"
    warnings.warn(f"{caller}: {text}", ConvergenceWarning, stacklevel=stacklevel)


def _check_choice(which: str, sigma: float | None) -> None:
    if which not in WHICH:
        raise InvalidInputError(f"which must be one of {', '.join(WHICH)}, got {which!r}")
    if sigma is None:
        return
    if not is_real_number(sigma):
        raise InvalidInputError(f"sigma must be a finite real number, got {sigma!r}")


def _check_order(operator: Operator, k: int) -> int:
    rows = operator.shape[0]
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or not 1 <= k <= rows:
        raise InvalidInputError(f"k must be an integer from 1 to n = {rows}, got {k!r}")
    return rows


def _check_square(shape: tuple[int, int]) -> None:
    if shape[0] == 0 and shape[1] == 0:
        raise InvalidInputError(f"the matrix is empty: shape {shape}")
    if shape[0] != shape[1]:
        raise InvalidInputError(f"eigsh needs a square matrix, got shape {shape}; use svds")


def _as_checked_operator(
    A: Any, shape: tuple[int, int] | None, dtype: Any, check: bool, seed: int, threads: int
) -> Operator:
    """View A as an operator, and look at every number or probe its products."""
    if is_implicit(A) or hasattr(A, "layout"):
        # The adjoint of a Hermitian matrix in CSC is itself, in CSR.
        by_rows = A.conj().T if scipy.sparse.issparse(A) and A.ndim == 2 and A.format == "csc" else A
        operator = as_operator(by_rows, shape=shape, dtype=dtype, check=check, threads=threads)
        _check_square(operator.shape)
        if check:
            check_symmetric(operator, seed, threads)
        return operator
    array, _ = as_matrix(A)
    _check_square(array.shape)
    scalar = compute_dtype(array.dtype, dtype)
    largest = check_matrix(array, scalar, threads) if check else None
    if scalar.kind != "c" and array.flags.f_contiguous:
        array = array.T
    return dense_operator(Source(array=array), dtype=scalar, check=False, threads=threads, largest=largest)


def _attainable(operator: Operator) -> float:
    """Return the tolerance below which the answers of a coarse function are noise; 0 for exact ones."""
    own = float(np.finfo(operator.dtype).eps)
    coarse = operator.rounding_unit
    return float(coarse ** (2.0 / 3.0)) if coarse > own else 0.0


def _solve(core: Any, k: int, options: dict[str, Any]) -> dict[str, Any]:
    """Run the compiled solver; where polynomials of the operator do not help, go on without them."""
    limit = min(options["max_matvecs"], FILTER_PRODUCTS)
    if not options["filter"] or options["direct"] or limit == options["max_matvecs"]:
        return dict(core.eigenpairs(k=k, **options))
    began = time.perf_counter()
    found = dict(core.eigenpairs(k=k, **(options | {"max_matvecs": limit})))
    spent = time.perf_counter() - began
    left = options["max_seconds"] - spent
    if (options["max_seconds"] and left <= 0.0) or not _is_unfinished(found, options):
        return found
    rest = {
        "filter": False,
        "max_matvecs": options["max_matvecs"] - found["n_matvecs"],
        # Zero is no limit.
        "max_seconds": left if options["max_seconds"] else 0.0,
    }
    return _with_costs_of(found, core.eigenpairs(k=k, **(options | rest)))


def _solve_or_decompose(core: Any, k: int, options: dict[str, Any], is_unlimited: bool) -> dict[str, Any]:
    """Run the solver, and without limits of the caller LAPACK after it where it could not do it; says which."""
    found = _solve(core, k, options)
    found["method"] = "LAPACK eigh" if options["direct"] else "thick-restart block Lanczos"
    if not is_unlimited or options["direct"] or not _is_unfinished(found, options):
        return found
    decomposed = _with_costs_of(found, core.eigenpairs(k=k, **(options | {"direct": True})))
    return decomposed | {"method": f"{found['method']}, then LAPACK eigh"}


def _is_unfinished(found: dict[str, Any], options: dict[str, Any]) -> bool:
    """Whether a run could not do it, and was not stopped by its caller."""
    is_stopped = options["monitor"] is not None and options["monitor"].stopped
    return found["status"] != "converged" and not found["interrupted"] and not is_stopped


def _with_costs_of(before: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Return the later result with the products of the earlier one added."""
    return found | {cost: before[cost] + found[cost] for cost in ("n_matvecs", "n_applications")}


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
