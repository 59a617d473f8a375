"""What each way to compute k singular triplets costs, and which is the quickest that fits."""

from __future__ import annotations

import dataclasses

import numpy as np

from .byte_sizes import format_bytes
from .errors import InvalidInputError, MemoryBudgetError
from .results.base import Result

METHODS = ("auto", "gram", "block-krylov", "lapack")

RANDOMIZED_METHODS = ("block-krylov", "subspace", "qb")
TEST_MATRICES = ("gaussian", "sparse-sign")

WIDE_RATIO = 2
"""From this ratio of columns to rows on, the short side is iterated, at two reads of the data per block."""

BLOCK = {"dense": 16, "sparse": 8, "callback": 8}
"""Vectors multiplied at once: what keeps a kernel busy while it reads."""

FEWEST_BLOCKS = {"block-krylov": 2, "subspace": 1}
"""Fewer blocks have never met the data."""

ERROR_PROBES = 10
"""Gaussian probes of the Frobenius error of a low-rank approximation."""

AUTO_COLUMNS = 2.4
"""Columns of the Krylov space of `randomized_svd` with ``n_iter="auto"``, per vector asked for: values of power laws
are then accurate to a percent."""

AUTO_ITERATIONS = 7
"""Power iterations of subspace iteration with ``n_iter="auto"``, those of scikit-learn for few components."""

REMEMBERED_BYTES, REMEMBERED_SHARE = 128 << 20, 8
"""Products of the iteration are kept while they take no more bytes than this, and no more than one part in so many of
the matrix: those of the result then need no pass."""

FEWEST_AUTO_BLOCKS = 4
"""Fewer blocks would be little better than one."""

DIRECT_SHARE = 3
"""When more than one triplet in this many is wanted, an iteration saves nothing."""

PRODUCT_RATE = 5e10
"""Assumed operations per second of one core on panel products in double precision; single precision counts double."""

SPARSE_RATE = 3e9
"""The same for sparse products."""

FACTORIZATION_RATE = 1e10
"""The same for LAPACK's eigenvalue and singular value decompositions, on one core."""

BYTES_PER_SECOND = 1e10
"""Assumed memory bandwidth of one core."""

NEGLIGIBLE_SECONDS = 0.02
"""LAPACK needs no reason when it is this quick."""


@dataclasses.dataclass(frozen=True)
class Work:
    """The problem, as far as its cost depends on it.

    Parameters
    ----------
    rows, columns, k : int
        Size of the matrix and triplets wanted.
    kind : {"dense", "sparse", "callback"}
        How products are made.
    item : int
        Bytes of a number in the computation.
    threads : int
        Threads.
    stored_values : int
        Entries that are stored.
    has_gram : bool
        Whether the second moments can be taken from the data: real, dense, not scaled or weighted.
    """

    rows: int
    columns: int
    k: int
    kind: str
    item: int
    threads: int
    stored_values: int
    has_gram: bool


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class MethodCost(Result):
    """Predicted cost of one method.

    Parameters
    ----------
    method : str
        One of the names `svds` takes.
    description : str
        What is done.
    n_passes : int
        Times the data would be read.
    flops : float
        Arithmetic operations.
    peak_bytes : int
        Working memory beyond the input.
    seconds : float
        Prediction from assumed rates.
    """

    method: str
    description: str
    n_passes: int
    flops: float
    peak_bytes: int
    seconds: float

    def check_fits(self, budget: int, k: int) -> None:
        """Raise when the memory budget is exceeded."""
        if self.peak_bytes > budget:
            raise MemoryBudgetError(
                f"{self.description} needs {format_bytes(self.peak_bytes)}, the budget is {format_bytes(budget)}. Ask "
                f"for fewer triplets (k = {k}) or raise max_memory"
            )

    def summary(self) -> str:
        """Return the cost on one line."""
        return (
            f"{self.method}: {self.n_passes} passes, {self.flops / 1e9:.3g} Gflop, {format_bytes(self.peak_bytes)}, "
            f"roughly {self.seconds:.2g} s"
        )


def remembered_bytes(work: Work, columns: int, side: int, other: int) -> int:
    """Return the bytes of the products that block Krylov keeps, 0 where it makes those of its result anew."""
    size = columns * (other + 2 * side)
    is_small = work.item * size <= REMEMBERED_BYTES and REMEMBERED_SHARE * size <= work.rows * work.columns
    return work.item * size if is_small and work.kind != "callback" else 0


def krylov_columns(k: int, block: int) -> int:
    """Return the columns of the Krylov basis between restarts."""
    return max(2 * k + 4 * block, k + 12 * block)


def auto_blocks(vectors: int, kind: str) -> tuple[int, int]:
    """Return block size and number of blocks for that many vectors."""
    block = min(vectors, BLOCK[kind]) if kind != "callback" else vectors
    return block, max(FEWEST_AUTO_BLOCKS, -(-int(AUTO_COLUMNS * vectors) // block))


def product_seconds(work: Work, flops: float, n_passes: int) -> float:
    """Predict the time of products from assumed rates."""
    if work.kind == "dense":
        rate = PRODUCT_RATE * (8 / work.item if work.item < 8 else 1.0)
        return flops / (rate * work.threads) + n_passes * work.stored_values * work.item / (
            BYTES_PER_SECOND * work.threads
        )
    return flops / (SPARSE_RATE * work.threads)


def krylov_cost(work: Work, block: int, n_blocks: int | None = None) -> MethodCost:
    """Predict block Krylov on fused passes; `n_blocks` when the passes are fixed."""
    short, long = sorted((work.rows, work.columns))
    side = work.columns if work.columns <= WIDE_RATIO * work.rows else work.rows
    other = work.rows + work.columns - side
    columns = krylov_columns(work.k, block) if n_blocks is None else n_blocks * block
    applications = -(-columns // block)
    basis = columns if n_blocks is None else max(columns + block, 3 * block) + work.k
    remembered = remembered_bytes(work, basis + block, side, other)
    products = 4.0 * work.stored_values * (columns if remembered else columns + work.k)
    algebra = 4.0 * side * columns**2 + 8.0 * other * work.k**2
    seconds = product_seconds(work, products, applications + 3) + algebra / (PRODUCT_RATE * work.threads)
    stored_columns = columns + work.k if n_blocks is not None else columns
    peak = work.item * (side * (stored_columns + 3 * block + 2 * work.k) + 4 * other * work.k) + remembered
    passes = 1 if side == work.columns or short == long else 2
    # A look at the values, and then products of the result or of error probes.
    n_extra = 1 + (int(n_blocks is not None) if remembered else passes)
    name = (
        "block Krylov on fused Gram passes"
        if n_blocks is None
        else f"randomized block Krylov, {n_blocks} blocks of {block}"
    )
    return MethodCost("block-krylov", name, passes * applications + n_extra, products + algebra, int(peak), seconds)


def randomized_cost(work: Work, method: str, block: int, n_blocks: int) -> MethodCost:
    """Predict `randomized_svd`; subspace iteration has the passes of block Krylov, without its basis."""
    cost = krylov_cost(work, block, n_blocks)
    if method == "block-krylov":
        return cost
    side = work.columns if work.columns <= WIDE_RATIO * work.rows else work.rows
    other = work.rows + work.columns - side
    return dataclasses.replace(
        cost,
        method="subspace",
        description=f"randomized subspace iteration, {n_blocks} passes of {block} vectors",
        peak_bytes=work.item * (6 * side * block + 4 * other * (block + ERROR_PROBES)),
    )


def gram_cost(work: Work) -> MethodCost:
    """Predict one pass of second moments, LAPACK on the shorter side, and two passes for the triplets."""
    short, long = sorted((work.rows, work.columns))
    products = float(long) * short**2 + 4.0 * work.stored_values * work.k
    factorization = 4 / 3 * float(short) ** 3 + 4.0 * float(short) ** 2 * work.k
    seconds = product_seconds(work, products, 3) + factorization / FACTORIZATION_RATE
    peak = 16 * short * short + work.item * 6 * (work.rows + work.columns) * work.k
    return MethodCost("gram", "second moments and LAPACK eigh", 3, products + factorization, int(peak), seconds)


def lapack_cost(work: Work) -> MethodCost:
    """Predict LAPACK's decomposition of a copy."""
    short, long = sorted((work.rows, work.columns))
    flops = 6.0 * long * short**2 + 16.0 * float(short) ** 3
    peak = work.item * (work.rows * work.columns + (work.rows + work.columns) * short)
    return MethodCost("lapack", "LAPACK gesdd", 4, flops, int(peak), flops / FACTORIZATION_RATE)


def method_costs(work: Work, block: int) -> list[MethodCost]:
    """Return the cost of every method that can be used, the quickest first; small problems go to LAPACK.

    The order is that on one thread, since results must not depend on the number of threads.
    """
    return [method_cost(work, cost.method, block) for cost in _one_thread_order(work, block)]


def method_cost(work: Work, method: str, block: int) -> MethodCost:
    """Return the cost of one method."""
    if method == "gram":
        return gram_cost(work)
    return lapack_cost(work) if method == "lapack" else krylov_cost(work, block)


def _one_thread_order(work: Work, block: int) -> list[MethodCost]:
    work = dataclasses.replace(work, threads=1)
    lapack = lapack_cost(work)
    costs = [lapack]
    if work.has_gram:
        costs.append(gram_cost(work))
    if DIRECT_SHARE * work.k <= min(work.rows, work.columns):
        costs.append(krylov_cost(work, block))
    return sorted(costs, key=lambda cost: 0.0 if cost is lapack and cost.seconds < NEGLIGIBLE_SECONDS else cost.seconds)


def choose_method(work: Work, method: str, block: int, budget: int) -> MethodCost:
    """Return the method asked for, or the quickest that fits the memory budget."""
    if method not in METHODS:
        raise InvalidInputError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    costs = method_costs(work, block)
    if method == "gram" and not work.has_gram:
        raise InvalidInputError(
            'method="gram" needs real dense data, neither scaled nor weighted: use "block-krylov" or "lapack"'
        )
    candidates = costs if method == "auto" else [method_cost(work, method, block)]
    for cost in candidates:
        if cost.peak_bytes <= budget:
            return cost
    listed = ", ".join(f'method="{cost.method}" needs {format_bytes(cost.peak_bytes)}' for cost in costs)
    raise MemoryBudgetError(
        f"the decomposition needs {format_bytes(candidates[0].peak_bytes)}, the budget is {format_bytes(budget)}: "
        f"{listed}. Ask for fewer triplets (k = {work.k}) or raise max_memory"
    )


def check_count(k: object, rows: int, columns: int) -> int:
    """Return k as an int, or raise."""
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or not 1 <= k <= min(rows, columns):
        raise InvalidInputError(f"k must be an integer from 1 to min(m, n) = {min(rows, columns)}, got {k!r}")
    return int(k)
