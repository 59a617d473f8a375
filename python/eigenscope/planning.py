"""What a call would cost, before it runs."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse

from . import _core
from .arguments import is_whole_number
from .byte_sizes import format_bytes
from .eigen_plan import DIRECT_ORDER, DIRECT_SHARE, usual_basis, usual_block
from .errors import InvalidInputError
from .inputs import as_matrix
from .operators import Operator, compute_dtype, is_implicit
from .rank_by_tolerance import missing_share, ranks_to_try
from .results.base import Result
from .run_options import memory_budget, resolve_threads
from .svd_methods import (
    BLOCK,
    BYTES_PER_SECOND,
    FACTORIZATION_RATE,
    PRODUCT_RATE,
    MethodCost,
    Work,
    auto_blocks,
    check_count,
    krylov_cost,
    method_costs,
    product_rate,
    product_seconds,
)
from .tensors import tensor_as_csr

DEFAULT_COUNT = 6
"""Pairs or triplets where none are asked for."""

DEFAULT_OVERSAMPLES = 10
"""Further random vectors of `randomized_svd`."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Plan(Result):
    """Predicted cost of a call.

    Parameters
    ----------
    function : str
        The function planned for.
    method : str
        How it would be computed.
    n_passes : int
        Times the data would be read; an upper estimate for iterations.
    flops : float
        Arithmetic operations.
    peak_bytes : int
        Working memory beyond the input.
    seconds : float
        A rough prediction from assumed rates of one core.
    fits : bool
        Whether `peak_bytes` is within the memory budget.
    threads : int
        Threads that would be used.
    alternatives : tuple of MethodCost
        What the other methods would cost, the quickest first.
    """

    function: str
    method: str
    n_passes: int
    flops: float
    peak_bytes: int
    seconds: float
    fits: bool
    threads: int
    alternatives: tuple[MethodCost, ...] = ()

    def summary(self) -> str:
        """Return the plan in two lines, and one for every alternative."""
        verdict = "fits" if self.fits else "does not fit the memory budget"
        return (
            f"{self.function}: {self.method}\n"
            f"  about {self.n_passes} passes, {self.flops / 1e9:.1f} Gflop, {format_bytes(self.peak_bytes)} beyond "
            f"the input ({verdict}), roughly {self.seconds:.2g} s on {self.threads} threads"
            + "".join(f"\n  or {cost.summary()}" for cost in self.alternatives)
        )


def plan(
    function: Callable[..., Any] | str,
    X: Any,
    k: int | None = None,
    *,
    tol_frobenius: float | None = None,
    variance: float | None = None,
    sample_axis: int = 0,
    max_memory: int | float | str = "auto",
    threads: int | None = None,
) -> Plan:
    """Predict passes, bytes and seconds of a call without reading the data.

    Parameters
    ----------
    function : callable or str
        `covariance_spectrum`, `analyze`, `svds`, `randomized_svd`, `eigsh` or `spectral_density`, or its name.
    X : array_like, path, dataset, sparse matrix or operator
        What it would be called with; only shape and dtype are looked at.
    k : int, optional
        Number of pairs or triplets; 6 where the function's default is. With a tolerance, the rank that you expect.
    tol_frobenius, variance : float, optional
        Tolerance of `svds` or `randomized_svd`. Growing numbers of triplets are computed until it is met, and the plan
        adds up those to `k`.
    sample_axis : {0, 1}
        Axis along which samples lie.
    max_memory : int, float or "auto"
        The budget to compare with.
    threads : int, optional
        Threads, as in the call.

    Returns
    -------
    Plan
        The prediction.

    Raises
    ------
    InvalidInputError
        For a function that cannot be planned, or a `k` out of range.

    Examples
    --------
    >>> import numpy as np
    >>> plan("covariance_spectrum", np.zeros((100, 20)), threads=1).n_passes
    1
    """
    name = (
        function
        if isinstance(function, str)
        else getattr(function, "__name__", f"an object of type {type(function).__name__}")
    )
    if name not in _PLANNERS:
        raise InvalidInputError(f"plan knows {', '.join(_PLANNERS)}, not {name}: plan(function, data)")
    work = _work(X, k, sample_axis, resolve_threads(threads))
    if k is not None:
        check_count(k, work.rows, work.columns)
    if name == "eigsh" and work.rows != work.columns:
        raise InvalidInputError(f"eigsh needs a square matrix, got shape {(work.rows, work.columns)}; use svds")
    cost, others = _PLANNERS[name](work, k, memory_budget(max_memory))
    if missing_share(tol_frobenius, variance, False) is not None:
        cost, others = _plan_rank(name, work, k, memory_budget(max_memory)), []
    return Plan(
        name,
        cost.description,
        cost.n_passes,
        cost.flops,
        cost.peak_bytes,
        cost.seconds,
        cost.peak_bytes <= memory_budget(max_memory),
        work.threads,
        tuple(others),
    )


def _work(X: Any, k: int | None, sample_axis: int, threads: int) -> Work:
    """Look at shape, dtype and kind; files are opened, not read."""
    if not is_whole_number(sample_axis) or sample_axis not in (0, 1, -1, -2):
        raise InvalidInputError(f"sample_axis must be 0 or 1, got {sample_axis!r}")
    if isinstance(X, (str, os.PathLike, tuple, list)):
        X = as_matrix(X, decodes=False)[0]
    X = tensor_as_csr(X)
    if isinstance(X, Operator) and X.matrix is not None:
        X = X.matrix
    if not hasattr(X, "shape") or len(X.shape) != 2:
        raise InvalidInputError("plan needs data with a two-dimensional shape")
    rows, columns = (int(extent) for extent in (X.shape if sample_axis in (0, -2) else X.shape[::-1]))
    is_sparse = scipy.sparse.issparse(X)
    kind = "sparse" if is_sparse else "callback" if is_implicit(X) else "dense"
    stored = int(X.nnz) if is_sparse else rows * columns
    if isinstance(X, Operator):
        kind, stored = X.kind, X.stored_values
    item = compute_dtype(np.dtype(X.dtype)).itemsize if hasattr(X, "dtype") else 8
    has_gram = kind == "dense" and np.dtype(X.dtype).kind != "c"
    return Work(rows, columns, k or DEFAULT_COUNT, kind, item, threads, stored, has_gram)


def _plan_covariance(work: Work, k: int | None, budget: int) -> tuple[MethodCost, list[MethodCost]]:
    short, long = sorted((work.rows, work.columns))
    workspace = _core.moments_workspace_bytes(work.rows, work.columns, work.item == 4, work.threads)
    products, factorization = float(short) ** 2 * long, 4 / 3 * float(short) ** 3
    rate = product_rate(work) * work.threads
    seconds = products / rate + work.stored_values * work.item / (BYTES_PER_SECOND * work.threads)
    side = "moment pass over samples" if work.columns <= work.rows else "Gram pass over features"
    cost = MethodCost(
        "covariance",
        f"{side}, {'LAPACK' if k else 'two-stage reduction'} of order {short}",
        1,
        products + factorization,
        8 * short * short * (2 if k else 1) + workspace + (0 if k else _core.eigvalsh_workspace_bytes(short)),
        seconds + factorization / FACTORIZATION_RATE,
    )
    return cost, []


def _plan_analysis(work: Work, k: int | None, budget: int) -> tuple[MethodCost, list[MethodCost]]:
    cost, _ = _plan_covariance(work, None, budget)
    return dataclasses.replace(cost, description=f"{cost.description}, fits, permutations of a random block"), []


def _plan_svds(work: Work, k: int | None, budget: int) -> tuple[MethodCost, list[MethodCost]]:
    costs = method_costs(work, BLOCK[work.kind])
    chosen = next((cost for cost in costs if cost.peak_bytes <= budget), costs[0])
    return chosen, [cost for cost in costs if cost is not chosen]


def _plan_randomized(work: Work, k: int | None, budget: int) -> tuple[MethodCost, list[MethodCost]]:
    return krylov_cost(work, *auto_blocks(work.k + DEFAULT_OVERSAMPLES, work.kind)), []


def _plan_rank(name: str, work: Work, k: int | None, budget: int) -> MethodCost:
    """Add up the computations that a rank by tolerance makes until they reach k."""
    if name not in ("svds", "randomized_svd"):
        raise InvalidInputError(f"tol_frobenius and variance are tolerances of svds and randomized_svd, not of {name}")
    if k is None:
        raise InvalidInputError(
            "which rank meets tol_frobenius or variance is known only afterwards: give k, the rank that you expect"
        )
    ranks = []
    for rank in ranks_to_try(min(work.rows, work.columns)):
        ranks.append(rank)
        if rank >= k:
            break
    costs = [_PLANNERS[name](dataclasses.replace(work, k=rank), rank, budget)[0] for rank in ranks]
    return dataclasses.replace(
        costs[-1],
        description=f"k = {', '.join(map(str, ranks))} in turn, the last by {costs[-1].description}",
        n_passes=sum(cost.n_passes for cost in costs),
        flops=sum(cost.flops for cost in costs),
        peak_bytes=max(cost.peak_bytes for cost in costs),
        seconds=sum(cost.seconds for cost in costs),
    )


def _plan_eigenpairs(work: Work, k: int | None, budget: int) -> tuple[MethodCost, list[MethodCost]]:
    n, block = work.rows, usual_block(work.kind, work.stored_values, work.rows, 0.0)
    columns = usual_basis(work.kind, work.k, block)
    products = 2.0 * work.stored_values * (columns + work.k)
    algebra = 4.0 * n * columns**2
    lanczos = MethodCost(
        "lanczos",
        f"thick-restart block Lanczos, about {-(-columns // block)} blocks of {block}",
        -(-columns // block) + 1,
        products + algebra,
        work.item * n * (columns + 3 * block + 2 * work.k),
        product_seconds(work, products, -(-columns // block)) + algebra / (PRODUCT_RATE * work.threads),
    )
    flops = 9.0 * float(n) ** 3
    lapack = MethodCost("lapack", "LAPACK eigh", 1, flops, 3 * n * n * work.item, flops / FACTORIZATION_RATE)
    direct = n <= DIRECT_ORDER or work.k * DIRECT_SHARE > n or columns + block > n
    return (lapack, [lanczos]) if direct else (lanczos, [lapack])


def _plan_density(work: Work, k: int | None, budget: int) -> tuple[MethodCost, list[MethodCost]]:
    """Predict the default degree and number of probes; two products for each step of a Gram matrix."""
    from .density.estimation import BASIS_BYTES, choose_sizes, default_block, numbers_per_probe

    if k is not None:
        raise InvalidInputError("spectral_density finds the whole distribution: leave k out")
    n, gram = work.columns, work.rows != work.columns
    degree, n_probes = choose_sizes(n, None, None, None)
    block = min(default_block(work.kind, work.item), n_probes)
    groups = -(-n_probes // block)
    kept = degree if block * n * degree * work.item <= BASIS_BYTES else 0
    passes = groups * degree * (2 if gram else 1)
    products = 2.0 * work.stored_values * degree * n_probes * (2 if gram else 1)
    algebra = 4.0 * n * n_probes * (degree * kept + 2 * degree)
    quadrature = MethodCost(
        "quadrature",
        f"stochastic Lanczos quadrature, {degree} steps for {n_probes} probes in blocks of {block}",
        passes,
        products + algebra,
        work.item * block * numbers_per_probe((work.rows, n), kept, gram),
        product_seconds(work, products, passes) + algebra / (PRODUCT_RATE * work.threads),
    )
    return quadrature, []


_PLANNERS: dict[str, Callable[[Work, int | None, int], tuple[MethodCost, list[MethodCost]]]] = {
    "covariance_spectrum": _plan_covariance,
    "analyze": _plan_analysis,
    "svds": _plan_svds,
    "randomized_svd": _plan_randomized,
    "eigsh": _plan_eigenpairs,
    "spectral_density": _plan_density,
}
