"""The eigenspectrum of a recording in one pass over its samples."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from . import _core
from .arguments import check_switch
from .byte_sizes import format_bytes
from .eigen import resolve_tolerance
from .errors import InvalidInputError, MemoryBudgetError
from .heavy_tails import excess_kurtosis_in_memory
from .inputs import Source, apply_nan_policy, as_source, warn_about_constant_features
from .operators import REAL_DTYPES, Array, compute_dtype, dense_operator
from .pairwise import pairwise_covariance
from .results import Spectrum
from .run_options import (
    Progress,
    ProgressOption,
    RandomSource,
    Stopwatch,
    lapack_threads,
    memory_budget,
    resolve_seed,
    resolve_threads,
    single_threaded_blas,
)
from .second_moments import Task, finish_covariance, second_moments, unscale_squares
from .signs import fix_signs
from .standardization import scale_factors
from .svd import svds
from .svd_methods import BLOCK, Work, method_costs

ITERATIVE_ORDER = 1000
"""From this order on, a few eigenpairs of the covariance matrix come sooner from Lanczos than from LAPACK."""

ITERATIVE_SHARE = 10
"""…when at most one eigenpair in this many is wanted."""

SUGGESTED_COUNTS = (100, 50, 20, 10, 5, 2, 1)
"""Numbers of eigenvalues that are suggested where all do not fit."""

THREADED_ORDER = 1000
"""From this order on, eigenvectors run on BLAS's own threads, unless they must be reproducible to the bit."""


def covariance_spectrum(
    X: Any,
    *,
    sample_axis: int = 0,
    center: bool = True,
    scale: bool = False,
    k: int | None = None,
    eigenvectors: bool | None = None,
    nan: str = "raise",
    compute_dtype: Any = None,
    reproducible: bool = False,
    max_memory: int | float | str = "auto",
    progress: ProgressOption = False,
    rng: RandomSource = 0,
    threads: int | None = None,
) -> Spectrum:
    """Compute the eigenvalues of the sample covariance matrix, all or the top k, in one pass over the data.

    Second moments of panels are merged exactly (count, means, centred products), on the features' side or, with fewer
    samples than features, on the samples' side; a mean of 1e8 standard deviations costs no digits. When neither matrix
    fits in memory and `k` is given, the top k come from `svds`.

    Parameters
    ----------
    X : array_like, path, memory map, HDF5 dataset, data frame, tensor or sparse matrix
        Samples x features (see `sample_axis`), any real dtype; read where it lies, panel by panel.
    sample_axis : {0, 1}
        Axis along which samples lie.
    center : bool
        Subtract feature means; the divisor is then ``n_samples - 1``, otherwise ``n_samples``.
    scale : bool
        Divide features by their standard deviations (eigenvalues of the correlation matrix), or without `center` by
        their root mean squares. Constant features (without `center`: features that are zero) are left out, with a
        warning.
    k : int, optional
        Only the k largest eigenvalues.
    eigenvectors : bool, optional
        Whether eigenvectors are returned; by default only with `k`.
    nan : {"raise", "drop_rows", "drop_columns", "pairwise"}
        What to do with NaN and infinite values. "pairwise" estimates every covariance from the samples both features
        have.
    compute_dtype : {"float32", "float64"}, optional
        Precision of products inside a panel; sums over panels are always double. By default float32 for float32 and
        float16 data of 1000 samples and features or more, float64 otherwise.
    reproducible : bool
        Run BLAS and LAPACK on one thread, so that no bit depends on `threads`. It matters where more than a third of
        the eigenvectors of a matrix of order 1000 and more are wanted, and for ``nan="pairwise"`` with 1000 features
        and more: these agree to rounding otherwise. All other results have the same bits anyway.
    max_memory : int, float or "auto"
        Bytes the computation may take beyond the input.
    progress : bool or callable
        Report to standard error, or to a function of one string.
    rng : int, Generator, SeedSequence or None
        Start vectors of the iteration for the top k.
    threads : int, optional
        Threads; by default as many as the process may use.

    Returns
    -------
    Spectrum
        Descending eigenvalues with everything needed to judge them.

    Raises
    ------
    NonFiniteInputError
        When values are NaN or infinite and ``nan="raise"``.
    InvalidInputError, UnsupportedTypeError
        For data that cannot be used.
    MemoryBudgetError
        When the covariance matrix does not fit; the text says what would.

    References
    ----------
    T. Chan, G. Golub and R. LeVeque, "Algorithms for computing the sample variance", The American Statistician 37
    (1983).

    Examples
    --------
    >>> import numpy as np
    >>> X = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 9.0]])
    >>> spectrum = covariance_spectrum(X)
    >>> np.allclose(spectrum.eigenvalues.sum(), np.var(X, axis=0, ddof=1).sum())
    True
    """
    check_switch("center", center)
    check_switch("scale", scale)
    n_threads, seed = resolve_threads(threads), resolve_seed(rng)
    task = Task(center, scale, k, bool(k is not None if eigenvectors is None else eigenvectors), n_threads, seed)
    source = as_source(X, sample_axis=sample_axis)
    watch = Stopwatch(n_threads, seed if k is not None else None)
    meter = Progress(progress, "covariance_spectrum")
    meter(f"{source.n_samples:,} samples x {source.n_features:,} features")
    try:
        source = _drop_missing(source, nan, n_threads)
        _check_size(source, task)
        if nan == "pairwise":
            with lapack_threads(n_threads, reproducible or source.n_features < THREADED_ORDER):
                matrix, is_pairwise = pairwise_covariance(source, center=center, scale=scale)
            spectrum = _spectrum_of_matrix(matrix, source, task, reproducible, watch)
            return dataclasses.replace(spectrum, is_pairwise=is_pairwise)
        precision = _panel_precision(source, compute_dtype)
        if _fits(source, task, memory_budget(max_memory)):
            return _from_moments(source, task, precision, reproducible, watch)
        return _from_iteration(source, task, max_memory, watch)
    finally:
        meter.close()


def _check_size(source: Source, task: Task) -> None:
    n, p = source.n_samples, source.n_features
    if task.degrees_of_freedom(n) < 1:
        raise InvalidInputError(f"a covariance needs at least 2 samples, got {n}; center=False needs 1")
    k = task.k
    if k is not None and (isinstance(k, bool) or not isinstance(k, (int, np.integer)) or not 1 <= k <= min(n, p)):
        raise InvalidInputError(f"k must be an integer from 1 to min(samples, features) = {min(n, p)}, got {task.k!r}")


def _panel_precision(source: Source, requested: Any) -> np.dtype[Any]:
    dtype = compute_dtype(source.array.dtype, requested, allowed=REAL_DTYPES, name="compute_dtype")
    if requested is None and min(source.n_samples, source.n_features) < THREADED_ORDER:
        # Double products of a small matrix cost nothing that anybody would notice.
        dtype = np.dtype(np.float64)
    return dtype


def _drop_missing(source: Source, nan: str, threads: int) -> Source:
    """Apply a policy that removes rows or columns; "raise" waits for the pass itself to meet such a value."""
    if nan in ("drop_rows", "drop_columns"):
        return apply_nan_policy(source, nan, threads) if source.array.dtype.kind == "f" else source
    if nan not in ("raise", "pairwise"):
        apply_nan_policy(source, nan, threads)
    return source


def _fits(source: Source, task: Task, budget: int) -> bool:
    """Whether the smaller of the two Gram matrices fits; raise when nothing else can answer the question."""
    n, p = source.n_samples, source.n_features
    order = min(n, p)
    needed = 8 * order * order * (2 if task.wants_vectors else 1)
    needed += _core.moments_workspace_bytes(n, p, source.array.dtype.itemsize <= 4, task.threads) if p <= n else 0
    needed += 0 if task.wants_vectors else _core.eigvalsh_workspace_bytes(order)
    if needed <= budget:
        return True
    if task.k is None:
        raise MemoryBudgetError(
            f"all eigenvalues of {n:,} samples x {p:,} features need {format_bytes(needed)}, the budget is "
            f"{format_bytes(budget)}{_advise(source, task, budget)}"
        )
    return False


def _advise(source: Source, task: Task, budget: int) -> str:
    """Return what to do when all eigenvalues do not fit: the largest of a few `k` that does, or a larger budget."""
    n, p, sparse = source.n_samples, source.n_features, getattr(source.array, "sparse", None)
    kind, stored = ("dense", n * p) if sparse is None else ("sparse", int(sparse.nnz))
    item, has_gram = compute_dtype(source.array.dtype).itemsize, sparse is None and not task.scale
    # The iteration reads whole data: nothing may have been dropped.
    is_whole = source.row_index is None and source.column_index is None
    for k in (count for count in SUGGESTED_COUNTS if is_whole and count < min(n, p)):
        work = Work(n, p, k, kind, item, task.threads, stored, has_gram)
        needed = min(cost.peak_bytes for cost in method_costs(work, BLOCK[kind]))
        if needed <= budget:
            return f". The top {k} need about {format_bytes(needed)}: give k={k}, or raise max_memory"
    return ": raise max_memory"


def _from_moments(source: Source, task: Task, dtype: np.dtype[Any], reproducible: bool, watch: Stopwatch) -> Spectrum:
    found, scale = second_moments(source, task, dtype)
    n = source.n_samples
    divisor = task.degrees_of_freedom(n)
    means, squares = found["mean"], found["squared_deviation"]
    matrix = found.pop("cross_products")
    factors, varies = scale_factors(squares / divisor, means, task.center)
    on_samples = n < source.n_features
    if task.scale and not varies.any():
        raise InvalidInputError(
            f"all {len(varies):,} features are constant and cannot be scaled to unit variance: use scale=False"
        )
    if task.scale and not varies.all():
        warn_about_constant_features(int((~varies).sum()), len(varies), stacklevel=4)
    if not on_samples:
        matrix = finish_covariance(matrix, found, factors, varies, task)
    matrix /= divisor
    kept = source.keep_columns(varies) if task.scale and not varies.all() else source
    statistics = {
        "feature_means": means / scale,
        "feature_variances": unscale_squares(squares / divisor, scale),
        "lag_one_autocorrelation": float(found["lag_one_autocorrelation"]),
        "excess_kurtosis": excess_kurtosis_in_memory(source, seed=task.seed),
    }
    if task.scale and not varies.all():
        statistics |= {name: statistics[name][varies] for name in ("feature_means", "feature_variances")}
    total = float(np.trace(matrix))
    unit = 1.0 if task.scale else scale
    values, vectors, residuals, status, method = _decompose(matrix, task, reproducible)
    if vectors is not None and on_samples:
        vectors = _feature_vectors(kept, task, means / scale, factors * scale, vectors, values)
    return Spectrum(
        eigenvalues=unscale_squares(_clip_rounding(values, source.n_features, dtype), unit),
        n_samples=n,
        n_features=kept.n_features,
        total_variance=float(unscale_squares(np.array(total), unit)),
        degrees_of_freedom=divisor,
        eigenvectors=None if vectors is None else fix_signs(vectors),
        centered=task.center,
        scaled=task.scale,
        sample_axis=source.sample_axis,
        feature_names=kept.names_in_use,
        residual_norms=None if residuals is None else unscale_squares(residuals, unit),
        status=status,
        info=watch.info(
            f"{'sample-side Gram' if on_samples else 'moment'} pass, {method}",
            n_passes=1,
            peak_bytes=matrix.nbytes * (2 if task.wants_vectors else 1)
            + (0 if task.wants_vectors else _core.eigvalsh_workspace_bytes(len(matrix)))
            + _core.moments_workspace_bytes(n, source.n_features, dtype == np.float32, task.threads),
        ),
        **statistics,
    )


def _decompose(matrix: Array, task: Task, reproducible: bool) -> tuple[Array, Array | None, Array | None, str, str]:
    """Eigenvalues (descending) of a lower triangle, with vectors, residuals, status and method."""
    order = len(matrix)
    k = order if task.k is None else min(task.k, order)
    if task.k is not None and order >= ITERATIVE_ORDER and k * ITERATIVE_SHARE <= order:
        return _iterate(matrix, task, k)
    if not task.wants_vectors:
        with single_threaded_blas():
            values = _core.eigvalsh_in_place(matrix, task.threads)
        return values[::-1][:k].copy(), None, None, "converged", "two-stage tridiagonal eigenvalues"
    in_two_stages = _core.takes_two_stages(order, k)
    # Small matrices gain nothing from BLAS's own threads, and their bits should not depend on them.
    with lapack_threads(task.threads, reproducible or in_two_stages or order < THREADED_ORDER):
        values, vectors = _core.eigh_largest_in_place(matrix, k, task.threads)
    method = "two-stage eigenpairs" if in_two_stages else "LAPACK eigenpairs"
    return values[::-1].copy(), np.asfortranarray(vectors[:, ::-1]), None, "converged", method


def _iterate(matrix: Array, task: Task, k: int) -> tuple[Array, Array | None, Array | None, str, str]:
    full = np.tril(matrix) + np.tril(matrix, -1).T
    operator = dense_operator(Source(array=full), check=False)
    with single_threaded_blas():
        found = operator.core.eigenpairs(
            k=k, which="LA", tolerance=resolve_tolerance(None, full.dtype), block=8, basis_size=0,
            max_matvecs=100 * len(full) + 10_000, max_seconds=0.0, certify=True, seed=task.seed, start=None,
            monitor=None, direct=False, threads=task.threads,
        )  # fmt: skip
    vectors = found["eigenvectors"] if task.wants_vectors else None
    return (
        found["eigenvalues"],
        vectors,
        found["residual_norms"],
        found["status"],
        "thick-restart block Lanczos",
    )


def _feature_vectors(source: Source, task: Task, means: Array, factors: Array, left: Array, values: Array) -> Array:
    """Right vectors ``Xᵀ u / ‖Xᵀ u‖`` from those on the samples' side; null directions are completed."""
    varies = factors > 0
    shift = means[varies] if task.scale and task.center else means if task.center else None
    factor = np.ascontiguousarray(factors[varies]) if task.scale else None
    operator = dense_operator(source, dtype=np.float64, shift=shift, factor=factor, check=False, largest=1.0)
    right = operator.product(left, task.threads, "adjoint")
    generator = np.random.Generator(np.random.Philox(task.seed))
    null = values <= len(values) * np.finfo(np.float64).eps * max(float(values[0]), 0.0)
    right[:, null] = generator.standard_normal((right.shape[0], int(null.sum())))
    lengths = np.linalg.norm(right, axis=0)
    with single_threaded_blas():
        orthonormal, triangle = np.linalg.qr(right / np.where(lengths > 0, lengths, 1.0))
    return np.asarray(orthonormal * np.where(np.diagonal(triangle) < 0, -1.0, 1.0))


def _clip_rounding(values: Array, n_features: int, dtype: np.dtype[Any]) -> Array:
    """Set to zero what rounding made of eigenvalues that are zero or tiny and negative."""
    if len(values) == 0:
        return values
    # Sums in double lose eps per feature; products in single precision lose their own eps besides.
    rounding = 8 * (np.finfo(np.float64).eps * n_features + (np.finfo(dtype).eps if dtype == np.float32 else 0.0))
    noise = rounding * max(float(values[0]), 0.0)
    return np.where((values < 0) & (values > -noise), 0.0, values)


def _spectrum_of_matrix(matrix: Array, source: Source, task: Task, reproducible: bool, watch: Stopwatch) -> Spectrum:
    variances = np.diagonal(matrix).copy()
    total = float(variances.sum())
    values, vectors, residuals, status, method = _decompose(np.asfortranarray(matrix), task, reproducible)
    return Spectrum(
        eigenvalues=values[: min(source.n_samples, source.n_features)],
        n_samples=source.n_samples,
        n_features=source.n_features,
        total_variance=total,
        degrees_of_freedom=task.degrees_of_freedom(source.n_samples),
        eigenvectors=None if vectors is None else fix_signs(vectors),
        centered=task.center,
        scaled=task.scale,
        sample_axis=source.sample_axis,
        feature_variances=variances,
        excess_kurtosis=excess_kurtosis_in_memory(source, seed=task.seed),
        feature_names=source.names_in_use,
        residual_norms=residuals,
        status=status,
        info=watch.info(f"pairwise covariance, {method}", n_passes=2, peak_bytes=5 * matrix.nbytes),
    )


def _from_iteration(source: Source, task: Task, max_memory: int | float | str, watch: Stopwatch) -> Spectrum:
    """Top k from the data themselves, for matrices whose covariance does not fit."""
    if source.row_index is not None or source.column_index is not None:
        raise MemoryBudgetError(
            "the covariance matrix does not fit and missing values were dropped: write the kept part to a file, "
            "or raise max_memory"
        )
    assert task.k is not None
    with single_threaded_blas():
        sums = _core.feature_sums(source.array, threads=task.threads)
    divisor = task.degrees_of_freedom(source.n_samples)
    # Products with a sparse matrix need only what it stores.
    sparse = getattr(source.array, "sparse", None)
    found = svds(
        source.array if sparse is None else sparse, task.k,
        center=task.center, scale=task.scale, max_memory=max_memory, rng=task.seed,
        threads=task.threads,
    )  # fmt: skip
    variances = sums["squared_deviation"] / divisor
    spread = variances if task.center else variances + sums["mean"] ** 2
    _, varies = scale_factors(variances, sums["mean"], task.center)
    return Spectrum(
        eigenvalues=found.singular_values**2 / divisor,
        n_samples=source.n_samples,
        n_features=int(varies.sum()) if task.scale else source.n_features,
        total_variance=float(varies.sum() if task.scale else spread.sum()),
        degrees_of_freedom=divisor,
        eigenvectors=found.Vh.T if task.wants_vectors else None,
        centered=task.center,
        scaled=task.scale,
        sample_axis=source.sample_axis,
        feature_means=sums["mean"],
        feature_variances=variances,
        lag_one_autocorrelation=float(sums["lag_one_autocorrelation"]),
        excess_kurtosis=excess_kurtosis_in_memory(source, seed=task.seed),
        feature_names=source.names_in_use,
        residual_norms=found.residual_norms * 2 * found.singular_values / divisor,
        status=found.status,
        info=dataclasses.replace(
            watch.info(found.info.method),
            n_passes=found.info.n_passes + 1,
            n_matvecs=found.info.n_matvecs,
            peak_bytes=found.info.peak_bytes,
        ),
    )
