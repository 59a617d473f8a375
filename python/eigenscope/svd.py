"""Leading singular triplets with two-sided residuals, of data in memory, on disk, sparse, or known by products."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable
from typing import Any

from .arguments import check_switch
from .checkpoints import stored_seed
from .eigen import resolve_tolerance, warn_unless_converged
from .errors import InvalidInputError
from .operators import Array
from .range_sketch import PRODUCTS, sketch_cost, sketched_triplets
from .rank_by_tolerance import cost_of_all, missing_share, smallest_rank, warn_unless_met
from .results import SVDResult
from .run_options import (
    SHORTEST_SECONDS,
    ProgressOption,
    RandomSource,
    Stopwatch,
    memory_budget,
    resolve_budget,
    resolve_count,
    resolve_seconds,
    resolve_seed,
    resolve_threads,
)
from .standardization import Standardization
from .svd_methods import (
    AUTO_ITERATIONS,
    BLOCK,
    ERROR_PROBES,
    FEWEST_AUTO_BLOCKS,
    FEWEST_BLOCKS,
    METHODS,
    RANDOMIZED_METHODS,
    TEST_MATRICES,
    auto_blocks,
    check_count,
    has_filled_block,
    randomized_cost,
)
from .triplets import Prepared, Run, prepare, solve
from .triplets_by_method import triplets_by_method


def svds(
    A: Any,
    k: int = 6,
    *,
    tol_frobenius: float | None = None,
    variance: float | None = None,
    tol: float | None = None,
    center: bool = False,
    scale: bool = False,
    row_weights: Any = None,
    column_weights: Any = None,
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
    checkpoint: str | os.PathLike[str] | None = None,
    rng: RandomSource = None,
    threads: int | None = None,
) -> SVDResult:
    """Compute the k leading singular triplets to a stated accuracy.

    Block Krylov on fused passes ``Aᴴ(A X)`` over panels of the data, restarted; or second moments and LAPACK, or LAPACK
    alone, whatever a cost model finds quickest. Every triplet is checked on both sides, and small singular values that
    a squared operator cannot resolve are recomputed from ``[0 A; Aᴴ 0]``.

    Parameters
    ----------
    A : array_like, path, memory map, sparse matrix, LinearOperator, object with ``shape`` and ``@``, or callable
        m x n, rows are samples; any numeric dtype. A callable needs `shape` and `adjoint`,
        an object without a product of its adjoint needs `adjoint`.
    k : int
        Number of triplets, 1 to min(m, n); not looked at when `tol_frobenius` or `variance` is given.
    tol_frobenius : float, optional
        Find the smallest rank r with ``‖A - A_r‖ <= tol_frobenius ‖A‖``, Frobenius norms of the standardised data.
    variance : float, optional
        Find the smallest rank that holds this share of ``‖A‖²`` (of the total variance, with `center`).
    tol : float, optional
        A triplet is accepted when ``sqrt(‖A v - σ u‖² + ‖Aᴴ u - σ v‖²) <= tol σ₁``; by default ``sqrt(eps)``, which
        gives singular values to rounding, since their error is quadratic in the residual.
    center, scale : bool
        Subtract column means; divide columns by their standard deviations, which without `center` are taken about zero:
        root mean squares. Implicit: nothing is densified. To know the deviations of an operator takes n products.
    row_weights, column_weights : array_like, optional
        Shape (m,), (n,), not negative. A row (column) of weight w counts like w equal rows (columns): it is multiplied
        by ``sqrt(w)``, and means and deviations are weighted, with divisor ``row_weights.sum() - 1`` (with `center`) or
        ``row_weights.sum()``. So weights of one change nothing.
    method : {"auto", "gram", "block-krylov", "lapack"}
        How; "auto" takes the quickest that fits, and `plan` shows the choice.
    shape, dtype, adjoint : optional
        Shape, scalar and adjoint product of a callable.
    block_size, basis_size : int, optional
        Vectors multiplied at once, and kept between restarts.
    certify : bool
        Look for omitted singular values before stopping.
    max_matvecs, max_seconds : optional
        Budgets of the whole call, also of a rank by tolerance; the best triplets so far are returned with a status.
        One round is made even so: without it there is nothing to return.
    max_memory : int, float or "auto"
        Bytes the computation may take beyond the input.
    check : bool
        Refuse values that are not finite.
    callback : callable, optional
        Called with a dictionary at every check of convergence; returning True stops the run.
    progress : bool or callable
        Report to standard error, or to a function of one string.
    checkpoint : path, optional
        A file that every product with the data is written to. A call with the same arguments goes on from the last
        completed pass of one that was killed, with the same bits; the file is removed at the end.
    rng : int, Generator, SeedSequence or None
        Source of the start vectors. The same seed gives the same bits for any number of threads.
    threads : int, optional
        Threads; by default as many as the process may use.

    Returns
    -------
    SVDResult
        Descending; unpacks as ``U, s, Vh``, of which s is in double precision. Signs make the largest entry of every
        right vector positive.

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
    check_switch("certify", certify)
    missing = missing_share(tol_frobenius, variance, checkpoint is not None)
    run = _begin("svds", checkpoint, rng, threads, max_memory, callback, progress)
    prepared = prepare(
        A, Standardization(center, scale, row_weights, column_weights), shape=shape, dtype=dtype, adjoint=adjoint,
        check=check, seed=run.seed, threads=run.threads, needs_norm=missing is not None,
    )  # fmt: skip
    m, n = prepared.operator.shape
    settings = _settings(
        prepared,
        run,
        tolerance=resolve_tolerance(tol, prepared.operator.dtype, exponent=0.5),
        block=resolve_budget(block_size, "block_size", default=BLOCK[prepared.operator.kind]),
        basis_size=resolve_budget(basis_size, "basis_size", default=0),
        max_matvecs=resolve_budget(max_matvecs, "max_matvecs", default=100 * min(m, n) + 10_000),
        max_seconds=resolve_seconds(max_seconds),
        certify=certify,
    )
    if missing is None:
        result = triplets_by_method(prepared, check_count(k, m, n), settings, method, run)
        warn_unless_converged(result.status, result.converged, result.residual_norms, run.caller)
        return result
    result = smallest_rank(prepared, missing, functools.partial(_attempt, prepared, settings, method, run))
    warn_unless_met(result, missing, run.caller)
    return result


def _settings(prepared: Prepared, run: Run, **options: Any) -> dict[str, Any]:
    """Return everything the compiled solver must be told, with `options` in place of the defaults."""
    return {
        "tolerance": resolve_tolerance(None, prepared.operator.dtype, exponent=0.5),
        "basis_size": 0,
        "n_blocks": 0,
        "keeps_last_block_only": False,
        "has_sparse_signs": False,
        "max_matvecs": 0,
        "max_seconds": 0.0,
        "certify": False,
        "n_error_probes": 0,
        "seed": run.seed,
        "threads": run.threads,
        "direct": False,
        "basis": None,
    } | options


def _attempt(
    prepared: Prepared, settings: dict[str, Any], method: str, run: Run, k: int, earlier: list[SVDResult]
) -> SVDResult | None:
    """Compute k triplets with what earlier attempts have left of the budgets, None when that is nothing."""
    products = settings["max_matvecs"] - sum(result.info.n_matvecs for result in earlier)
    seconds = settings["max_seconds"] - run.watch.seconds if settings["max_seconds"] else 0.0
    if earlier and (earlier[-1].status == "budget" or products < 1 or seconds < 0.0):
        return None
    left = settings | {"max_matvecs": products}
    if settings["max_seconds"]:
        left["max_seconds"] = max(seconds, SHORTEST_SECONDS)
    return triplets_by_method(prepared, k, left, method, run)


def randomized_svd(
    A: Any,
    k: int | None = None,
    *,
    tol_frobenius: float | None = None,
    variance: float | None = None,
    n_oversamples: int = 10,
    n_iter: int | str = "auto",
    method: str = "block-krylov",
    test_matrix: str = "gaussian",
    center: bool = False,
    scale: bool = False,
    row_weights: Any = None,
    column_weights: Any = None,
    shape: tuple[int, int] | None = None,
    dtype: Any = None,
    adjoint: Callable[[Array], Any] | None = None,
    max_passes: int | None = None,
    max_memory: int | float | str = "auto",
    check: bool = True,
    progress: ProgressOption = False,
    checkpoint: str | os.PathLike[str] | None = None,
    rng: RandomSource = None,
    threads: int | None = None,
) -> SVDResult:
    """Approximate the k leading singular triplets in a stated number of passes, with an error estimate.

    The blocks ``G^j Ω``, ``G = Aᴴ A``, ``j <= n_iter + 1``, are all kept (block Krylov), which from two or three
    iterations on is as a rule more accurate than a single block (subspace iteration). Vectors are orthonormalised after
    every product, so that none overflows or collapses however many iterations are asked for.

    Parameters
    ----------
    A : array_like, path, memory map, sparse matrix, LinearOperator, object with ``shape`` and ``@``, or callable
        m x n, rows are samples; any numeric dtype.
    k : int, optional
        Number of triplets, 1 to min(m, n); needed unless `tol_frobenius` or `variance` is given.
    tol_frobenius : float, optional
        Find the smallest rank r of the approximation with ``‖A - A_r‖ <= tol_frobenius ‖A‖``, Frobenius norms.
    variance : float, optional
        Find the smallest rank that holds this share of ``‖A‖²`` (of the total variance, with `center`).
    n_oversamples : int
        Further random vectors per block.
    n_iter : int or "auto"
        Power iterations: ``n_iter + 2`` fused passes with blocks of ``k + n_oversamples`` vectors, by either method.
        "auto" spends fewer products on more passes with small blocks, which is more accurate; give a number where
        passes are what costs.
    method : {"block-krylov", "subspace", "qb"}
        Keep every block up to ``G^(n_iter + 1) Ω``, or ``G^(n_iter + 2) Ω`` alone: subspace iteration holds
        ``k + n_oversamples`` vectors whatever the number of passes. It goes one power further with the same passes,
        and so can be the better one at `n_iter` 0 or 1; with more it is less accurate. "qb" is the classical sketch
        without power iterations, ``A ≈ Q Qᴴ A`` with Q from ``A Ω``: three products with A or Aᴴ, the last for the
        residuals.
    test_matrix : {"gaussian", "sparse-sign"}
        Random vectors to begin with: Gaussian, or with eight entries ±1 in each row.
    center, scale : bool
        Subtract column means; divide columns by their standard deviations, or without `center` by their root mean
        squares.
    row_weights, column_weights : array_like, optional
        Shape (m,), (n,). A row (column) of weight w counts like w equal rows (columns).
    shape, dtype, adjoint : optional
        Shape, scalar and adjoint product of a callable.
    max_passes : int, optional
        Most times the data may be read, in place of `n_iter`: looks at the values, statistics and residuals included.
        It holds for a rank by tolerance as a whole.
    max_memory : int, float or "auto"
        Bytes the computation may take beyond the input.
    check : bool
        Refuse values that are not finite.
    progress : bool or callable
        Report to standard error, or to a function of one string.
    checkpoint : path, optional
        A file to go on from, as in `svds`.
    rng : int, Generator, SeedSequence or None
        Source of the random vectors. The same seed gives the same bits for any number of threads.
    threads : int, optional
        Threads; by default as many as the process may use.

    Returns
    -------
    SVDResult
        ``error_estimate`` is the relative Frobenius error of the approximation: from ten Gaussian probes of the last
        pass that are independent of the approximation; with ``method="qb"`` from leaving out each random vector in
        turn, without a further product; of a rank by tolerance, the error itself.
        ``residual_norms`` are two-sided; ``converged`` marks residuals below ``sqrt(eps) σ₁``. The status is
        "converged" or "budget": the passes asked for are spent either way.

    Raises
    ------
    InvalidInputError, UnsupportedTypeError
        For data that cannot be used or a `k` out of range.

    References
    ----------
    J. Tropp and R. Webber, "Randomized algorithms for low-rank matrix approximation", arXiv 2306.12418 (2023);
    E. Epperly and J. Tropp, "Efficient error and variance estimation for randomized matrix computations", SIAM J. Sci.
    Comput. 46 (2024).

    Examples
    --------
    >>> import numpy as np
    >>> result = randomized_svd(np.diag([4.0, 3.0, 2.0, 1.0]), k=2, rng=0)
    >>> np.round(result.singular_values, 10)
    array([4., 3.])
    """
    if method not in RANDOMIZED_METHODS:
        raise InvalidInputError(f"method must be one of {', '.join(RANDOMIZED_METHODS)}, got {method!r}")
    if test_matrix not in TEST_MATRICES:
        raise InvalidInputError(f"test_matrix must be one of {', '.join(TEST_MATRICES)}, got {test_matrix!r}")
    resolve_count(n_oversamples, "n_oversamples")
    if n_iter != "auto":
        resolve_count(n_iter, "n_iter")
    if max_passes is not None and n_iter != "auto":
        raise InvalidInputError("give n_iter or max_passes, not both")
    if method == "qb" and (n_iter not in ("auto", 0) or test_matrix != "gaussian" or checkpoint is not None):
        raise InvalidInputError('method="qb" has no power iterations, Gaussian vectors and no checkpoint')
    missing = missing_share(tol_frobenius, variance, checkpoint is not None)
    run = _begin("randomized_svd", checkpoint, rng, threads, max_memory, None, progress)
    prepared = prepare(
        A, Standardization(center, scale, row_weights, column_weights), shape=shape, dtype=dtype, adjoint=adjoint,
        check=check, seed=run.seed, threads=run.threads, needs_norm=missing is not None,
    )  # fmt: skip
    passes = None if max_passes is None else resolve_budget(max_passes, "max_passes", default=0)
    spend = functools.partial(_approximation, prepared, run, n_oversamples, n_iter, method, test_matrix, passes)
    if missing is None:
        result = spend(check_count(k, *prepared.operator.shape), [])
        assert result is not None
        return result
    result = smallest_rank(prepared, missing, spend)
    if passes is not None:
        warn_unless_met(result, missing, run.caller)
    return result


def _approximation(
    prepared: Prepared,
    run: Run,
    n_oversamples: int,
    n_iter: int | str,
    method: str,
    test_matrix: str,
    max_passes: int | None,
    k: int,
    earlier: list[SVDResult],
) -> SVDResult | None:
    """Approximate k triplets in the passes that earlier attempts have left, None when those are too few."""
    vectors = k + n_oversamples
    if method == "qb":
        return _from_one_sketch(prepared, run, vectors, max_passes, k, earlier)
    if max_passes is not None:
        left = max_passes - sum(result.info.n_passes - prepared.n_extra_passes for result in earlier)
        block, n_blocks = vectors, prepared.blocks_within(left)
        fewest = FEWEST_BLOCKS[method]
        if n_blocks < fewest and earlier:
            return None
        if n_blocks < fewest:
            raise InvalidInputError(
                f'method="{method}" may read these data {prepared.passes_of(fewest)} times, max_passes is {max_passes}'
                ": raise it, or use a RowSketch, which reads once"
            )
    elif n_iter != "auto":
        block, n_blocks = vectors, int(n_iter) + 2
    elif method == "subspace":
        block, n_blocks = vectors, AUTO_ITERATIONS + 1
    else:
        block, n_blocks = auto_blocks(vectors, prepared.operator.kind)
    result = _from_blocks(prepared, run, k, method, test_matrix, block, n_blocks)
    if block < k and has_filled_block(result, block):
        wide = _from_blocks(prepared, run, k, method, test_matrix, vectors, FEWEST_AUTO_BLOCKS)
        return dataclasses.replace(wide, info=cost_of_all([result, wide], prepared.n_extra_passes))
    return result


def _from_blocks(
    prepared: Prepared, run: Run, k: int, method: str, test_matrix: str, block: int, n_blocks: int
) -> SVDResult:
    cost = randomized_cost(prepared.work(k, run.threads), method, block, n_blocks)
    cost.check_fits(run.budget, k)
    settings = _settings(
        prepared,
        run,
        k=k,
        block=block,
        n_blocks=n_blocks,
        keeps_last_block_only=method == "subspace",
        has_sparse_signs=test_matrix == "sparse-sign",
        n_error_probes=ERROR_PROBES,
    )
    return solve(prepared, settings, cost.description, run)


def _from_one_sketch(
    prepared: Prepared, run: Run, vectors: int, max_passes: int | None, k: int, earlier: list[SVDResult]
) -> SVDResult | None:
    if max_passes is not None:
        needed = prepared.n_extra_passes + PRODUCTS * (len(earlier) + 1)
        if needed > max_passes and earlier:
            return None
        if needed > max_passes:
            raise InvalidInputError(
                f'method="qb" reads these data {needed} times, max_passes is {max_passes}: raise it, or use a '
                "RowSketch, which reads once"
            )
    cost = sketch_cost(prepared.work(k, run.threads), vectors)
    cost.check_fits(run.budget, k)
    tolerance = resolve_tolerance(None, prepared.operator.dtype, exponent=0.5)
    return sketched_triplets(prepared, k, vectors, tolerance, cost.description, run)


def _begin(
    caller: str,
    checkpoint: str | os.PathLike[str] | None,
    rng: RandomSource,
    threads: int | None,
    max_memory: int | float | str,
    callback: Callable[[dict[str, Any]], Any] | None,
    progress: ProgressOption,
) -> Run:
    """Resolve the options that every computation has; a checkpoint knows its seed."""
    seed = stored_seed(checkpoint) if checkpoint is not None and rng is None else None
    n_threads, seed = resolve_threads(threads), resolve_seed(rng) if seed is None else seed
    watch = Stopwatch(n_threads, seed)
    return Run(caller, watch, n_threads, seed, memory_budget(max_memory), callback, progress, checkpoint)
