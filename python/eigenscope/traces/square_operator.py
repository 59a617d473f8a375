"""The symmetric operator that traces and diagonals are taken of."""

from __future__ import annotations

from typing import Any

import scipy.sparse

from ..errors import InvalidInputError
from ..operators import Operator, as_operator, is_implicit
from ..symmetry import check_symmetric


def square_operator(
    A: Any, name: str, shape: tuple[int, int] | None, dtype: Any, check: bool, seed: int, threads: int
) -> Operator:
    """Return A as an operator, or raise unless it is square and, where that is checked, symmetric."""
    operator = as_operator(A, shape=shape, dtype=dtype, check=check, threads=threads)
    if operator.shape[0] != operator.shape[1]:
        raise InvalidInputError(f"a {name} needs a square matrix, got shape {operator.shape}")
    if check:
        check_symmetric(operator, seed, threads)
    return operator


def is_explicit(A: Any) -> bool:
    """Whether the entries of A are at hand."""
    return not isinstance(A, Operator) and (scipy.sparse.issparse(A) or not is_implicit(A))
