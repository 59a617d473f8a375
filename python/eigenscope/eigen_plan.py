"""What `eigsh` decides before it runs: LAPACK or Lanczos, block and basis sizes, start and deflated vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from .byte_sizes import format_bytes
from .errors import InvalidInputError, MemoryBudgetError
from .operators import Array, Operator

DIRECT_ORDER = 400
"""Up to this order LAPACK finds all eigenpairs sooner than an iteration finds some."""

LAST_RESORT_ORDER = 3000
"""Up to this order LAPACK takes what an iteration could not find: seconds."""

DIRECT_SHARE = 4
"""When more than one eigenpair in this many is wanted, LAPACK is sooner too."""

FILTER_NONZEROS = 100
"""Up to so many nonzeros per row a product costs less than orthogonalising its result."""

COARSE_TOLERANCE = 1e-5
"""From this tolerance on, neighbours at a crowded end look like copies of one value, which take a wider block."""

LONG_ROWS = 16
"""From so many nonzeros per row on, a product takes the time to fetch rows of the block: whole cache lines of them."""

_BLOCK = {"dense": 8, "sparse": 4, "callback": 5}
_COARSE_BLOCK = {"dense": 8, "sparse": 8, "callback": 5}
_BLOCKS_IN_BASIS = {"dense": 24, "sparse": 12, "callback": 28}


def usual_block(kind: str, stored_values: int, n: int, tolerance: float) -> int:
    """Return the vectors multiplied at once."""
    has_long_rows = kind == "sparse" and stored_values >= LONG_ROWS * n
    return (_COARSE_BLOCK if has_long_rows or tolerance >= COARSE_TOLERANCE else _BLOCK)[kind]


def usual_basis(kind: str, k: int, block: int) -> int:
    """Return the columns of the basis between restarts."""
    return max(2 * k + 4 * block, k + _BLOCKS_IN_BASIS[kind] * block)


def as_unit_vectors(vectors: Array | None, name: str, n: int, dtype: np.dtype[Any]) -> Array | None:
    """Check start or deflated vectors, and bring them to length one; zero vectors say nothing."""
    if vectors is None:
        return None
    block = np.asarray(vectors)
    if block.dtype.kind not in "biufc":
        raise InvalidInputError(f"{name} must hold numbers, got dtype {block.dtype}")
    block = block[:, None] if block.ndim == 1 else block
    if block.ndim != 2 or block.shape[0] != n:
        raise InvalidInputError(f"{name} must have shape ({n},) or ({n}, b), got {np.shape(vectors)}")
    if block.dtype.kind == "c" and dtype.kind != "c":
        raise InvalidInputError(f"{name} is complex and the operator real: give its real or imaginary part")
    if not np.isfinite(block).all():
        raise InvalidInputError(f"{name} holds values that are not finite")
    wide = block.astype(np.result_type(block.dtype, np.float64))
    largest = np.abs(wide).max(axis=0, initial=0.0)
    wide = wide[:, largest > 0] / largest[largest > 0]
    return np.asfortranarray(wide / np.linalg.norm(wide, axis=0), dtype=dtype)


def choose_sizes(
    operator: Operator,
    k: int,
    *,
    block: int | None,
    basis: int | None,
    start: Array | None,
    tolerance: float,
    max_matvecs: int | None,
    memory: int,
) -> dict[str, Any]:
    """Choose between LAPACK and Lanczos, with block and basis sizes that fit the memory."""
    n, kind = operator.shape[0], operator.kind
    is_free = block is None and basis is None
    if block is None:
        stored = operator.stored_values
        usual = usual_block(kind, stored, n, tolerance)
        block = usual if start is None else max(usual, min(start.shape[1], k + usual))
    block = min(block, max(1, n // 4))
    least = k + 3 * block
    if basis is None:
        basis = usual_basis(kind, k, block)
    if basis < least:
        raise InvalidInputError(f"basis_size must be at least k + 3 block_size = {least}, got {basis}")
    few_products = kind == "callback" and max_matvecs is not None and max_matvecs < n + k
    if few_products and least + block <= n:
        basis = min(basis, n - block)
    direct = k * DIRECT_SHARE > n or basis + block > n or (n <= DIRECT_ORDER and not few_products)
    if not direct and is_free and _lanczos_bytes(operator, k, block, basis) > memory:
        block, basis = 1, k + 3
    needed = _direct_bytes(operator) if direct else _lanczos_bytes(operator, k, block, basis)
    if needed > memory:
        method = "LAPACK" if direct else "the Lanczos basis"
        raise MemoryBudgetError(
            f"{method} needs {format_bytes(needed)}, the budget is {format_bytes(memory)}. Ask for fewer pairs "
            f"(k = {k}) or a smaller basis_size, or raise max_memory"
        )
    filters = kind == "sparse" and operator.stored_values <= FILTER_NONZEROS * n
    return {"block": block, "basis_size": basis, "direct": direct, "filter": filters}


def can_decompose(operator: Operator, memory: int) -> bool:
    """Whether LAPACK may take over."""
    return operator.shape[0] <= LAST_RESORT_ORDER and _direct_bytes(operator) <= memory


def _direct_bytes(operator: Operator) -> int:
    return 3 * operator.shape[0] ** 2 * operator.dtype.itemsize


def _lanczos_bytes(operator: Operator, k: int, block: int, basis: int) -> int:
    return operator.shape[0] * (basis + 3 * block + 2 * k) * operator.dtype.itemsize
