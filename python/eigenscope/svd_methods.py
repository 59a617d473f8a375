"""What each way to compute k singular triplets costs, and which is the quickest that fits."""

from __future__ import annotations

import dataclasses

import numpy as np

from .byte_sizes import format_bytes
from .errors import InvalidInputError, MemoryBudgetError
from .results import SVDResult
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

ROUNDING_OF_COPIES = 256
"""Copies of one singular value differ by less than this times eps of the largest."""

COMPLETE_BASIS_ORDER = 512
"""Up to this order all eigenvectors of the second moments are as cheap as some."""

BASIS_ALGEBRA = 12.0
"""Operations of block Krylov on its basis, restarts included, over rows times columns², as their time tells."""

PROJECTED_ALGEBRA = 9.0
"""The same of the eigenpairs of its projected matrices, over columns³."""

DIRECT_SHARE = 3
"""When more than one triplet in this many is wanted, an iteration saves nothing."""

PRODUCT_RATE = 3e10
"""Assumed operations per second of one core on panel products in double precision; single precision counts double."""

SPARSE_RATE = 3e9
"""The same for sparse products."""

FACTORIZATION_RATE = 1e10
"""The same for LAPACK's eigenvalue and singular value decompositions in double precision, on one core."""

BYTES_PER_SECOND = 1e10
"""Assumed memory bandwidth of one core."""

LAST_RESORT_SECONDS = 20.0
"""So long LAPACK may take for what an iteration could not find."""

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

    @property
    def forming_products(self) -> int:
        """Products with the identity that write out for LAPACK what is not stored as it is."""
        return 0 if self.kind == "dense" else self.columns


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


def has_filled_block(result: SVDResult, block: int) -> bool:
    """Whether as many equal values were found as a Krylov space of so wide blocks has of each: there may be more."""
    values = result.singular_values
    if len(values) < block:
        return False
    rounding = ROUNDING_OF_COPIES * float(np.finfo(result.U.dtype).eps) * float(values[0])
    first, last = values[: len(values) - block + 1], values[block - 1 :]
    found = np.cumsum(np.concatenate([[0], result.converged]))
    all_converged = found[block:] - found[:-block] == block
    return bool(np.any((first - last <= rounding) & (last > rounding) & all_converged))


def product_seconds(work: Work, flops: float, n_passes: int) -> float:
    """Predict the time of products from assumed rates."""
    if work.kind == "dense":
        bytes_read = n_passes * work.stored_values * work.item
        return flops / (product_rate(work) * work.threads) + bytes_read / (BYTES_PER_SECOND * work.threads)
    return flops / (SPARSE_RATE * work.threads)


def product_rate(work: Work) -> float:
    """Operations per second of one core on products of dense panels."""
    return PRODUCT_RATE * max(1.0, 8 / work.item)


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
    algebra = (BASIS_ALGEBRA if n_blocks is None else 4.0) * side * columns**2 + 8.0 * other * work.k**2
    seconds = product_seconds(work, products, applications + 3) + algebra / (product_rate(work) * work.threads)
    if n_blocks is None:
        seconds += PROJECTED_ALGEBRA * columns**3 / FACTORIZATION_RATE
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
    # Eigenvectors of the moments, the products with them and an orthonormal basis of those, and its decomposition.
    columns = work.k if keeps_leading_vectors(short, work.k) else short
    products = float(long) * short**2 + 4.0 * work.stored_values * work.k
    algebra = long * columns * (2.0 * columns + 4.0 * work.k)
    factorization = 4 / 3 * float(short) ** 3 + 4.0 * float(short) ** 2 * columns + _svd_flops(columns, columns)
    seconds = product_seconds(work, products + algebra, 3) + factorization / FACTORIZATION_RATE
    peak = 16 * short * short + work.item * 6 * (work.rows + work.columns) * work.k
    flops = products + algebra + factorization
    return MethodCost("gram", "second moments and LAPACK eigh", 3, flops, int(peak), seconds)


def keeps_leading_vectors(order: int, k: int) -> bool:
    """Whether k eigenvectors of so many second moments come sooner than all; all lose nothing to squaring."""
    return order > COMPLETE_BASIS_ORDER and 2 * k <= order


def lapack_cost(work: Work) -> MethodCost:
    """Predict LAPACK's decomposition of a copy, and the products that check it."""
    short, long = sorted((work.rows, work.columns))
    factorization = _svd_flops(long, short)
    products = work.stored_values * (2.0 * work.forming_products + 4.0 * work.k)
    peak = work.item * (work.rows * work.columns + (work.rows + work.columns) * short)
    seconds = factorization * min(1.0, work.item / 8) / FACTORIZATION_RATE + product_seconds(work, products, 4)
    return MethodCost("lapack", "LAPACK gesdd", 4, factorization + products, int(peak), seconds)


def _svd_flops(long: int, short: int) -> float:
    """Operations of LAPACK's singular value decomposition with vectors, as its time tells."""
    return 4.3 * long * float(short) ** 2 + 3.5 * float(short) ** 3


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


def choose_method(work: Work, method: str, block: int, budget: int, max_matvecs: int = 0) -> MethodCost:
    """Return the method asked for, or the quickest that fits the budgets of memory and, if given, of products."""
    if method not in METHODS:
        raise InvalidInputError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    costs = method_costs(work, block)
    if method == "gram" and not work.has_gram:
        raise InvalidInputError(
            'method="gram" needs real dense data, neither scaled nor weighted: use "block-krylov" or "lapack"'
        )
    candidates = costs if method == "auto" else [method_cost(work, method, block)]
    fitting = [cost for cost in candidates if cost.peak_bytes <= budget]
    exceeds = 0 < max_matvecs < work.forming_products + 2 * work.k
    within = [cost for cost in fitting if not (exceeds and cost.method == "lapack")]
    if fitting:
        return (within or fitting)[0]
    listed = ", ".join(f'method="{cost.method}" needs {format_bytes(cost.peak_bytes)}' for cost in costs)
    raise MemoryBudgetError(
        f"the decomposition needs {format_bytes(candidates[0].peak_bytes)}, the budget is {format_bytes(budget)}: "
        f"{listed}. Ask for fewer triplets (k = {work.k}) or raise max_memory"
    )


def last_resort(work: Work, budget: int) -> MethodCost | None:
    """Return LAPACK where it is within reach after an iteration that could not meet its tolerance."""
    cost = lapack_cost(work)
    return cost if cost.seconds <= LAST_RESORT_SECONDS and cost.peak_bytes <= budget else None


def check_count(k: object, rows: int, columns: int) -> int:
    """Return k as an int, or raise."""
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or not 1 <= k <= min(rows, columns):
        raise InvalidInputError(f"k must be an integer from 1 to min(m, n) = {min(rows, columns)}, got {k!r}")
    return int(k)
