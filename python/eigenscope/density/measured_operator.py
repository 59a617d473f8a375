"""The operator whose spectrum is measured, from whatever was given, and how its measure is to be read."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse

from ..errors import InvalidInputError
from ..inputs import Source, as_matrix
from ..operators import Operator, as_operator, is_implicit
from ..standardization import Standardization, column_statistics, standardized_dense, standardized_implicit
from ..symmetry import check_symmetric

Array = np.ndarray[Any, np.dtype[Any]]

LARGEST_UNIT_EXPONENT = 480
"""Data scaled by a larger power of two have squares that leave the range of double precision, rounding included."""


def prepare(
    A: Any,
    of: str,
    view: Standardization,
    shape: tuple[int, int] | None,
    dtype: Any,
    adjoint: Callable[[Array], Any] | None,
    check: bool,
    seed: int,
    threads: int,
) -> tuple[Operator, dict[str, Any]]:
    """Return the operator, and of its Gram matrix: whether it is meant, its divisor, its samples and its trace.

    Parameters
    ----------
    A, of, shape, dtype, adjoint, check, seed, threads
        As `spectral_density` takes them.
    view : Standardization
        What is done to rows and columns.
    """
    operator, view = _standardized(A, view, shape, dtype, adjoint, check, threads)
    rows, columns = operator.shape
    if of == "auto":
        of = "gram" if rows != columns or not view.is_identity else "matrix"
    if of == "matrix":
        if rows != columns:
            raise InvalidInputError(f'of="matrix" needs a square matrix, got shape {operator.shape}; use of="gram"')
        if not view.is_identity:
            raise InvalidInputError('center, scale and weights need of="gram" or of="covariance"')
        if check:
            check_symmetric(operator, seed, threads)
    if of != "matrix":
        _check_range(operator)
    if of != "covariance":
        return operator, {"gram": of == "gram", "divisor": 1.0, "n_samples": 0, "trace": math.nan}
    counted = float(rows) if view.row_weights is None else float(view.row_weights.sum())
    degrees_of_freedom = counted - float(view.center)
    if degrees_of_freedom <= 0:
        raise InvalidInputError("a centred covariance needs at least two samples")
    return operator, {
        "gram": True,
        "divisor": degrees_of_freedom,
        # Weighted samples are no independent ones, and their noise has another law.
        "n_samples": int(degrees_of_freedom) if view.row_weights is None else 0,
        "trace": _covariance_trace(A, view, degrees_of_freedom, threads),
    }


def _standardized(
    A: Any,
    view: Standardization,
    shape: tuple[int, int] | None,
    dtype: Any,
    adjoint: Callable[[Array], Any] | None,
    check: bool,
    threads: int,
) -> tuple[Operator, Standardization]:
    """Return the operator with rows and columns as wanted, and the view with its weights checked."""
    if view.is_identity or is_implicit(A):
        operator = as_operator(A, shape=shape, dtype=dtype, adjoint=adjoint, check=check, threads=threads)
        view = view.checked(operator.shape)
        if view.is_identity:
            return operator, view
        return standardized_implicit(A, operator, view, threads).operator, view
    array, names = as_matrix(A)
    view = view.checked(array.shape)
    return standardized_dense(Source(array=array, feature_names=names), view, dtype, threads).operator, view


def _check_range(operator: Operator) -> None:
    """Raise when the squares of the singular values are no floating-point numbers."""
    exponent = -math.log2(operator.scale)
    if abs(exponent) <= LARGEST_UNIT_EXPONENT:
        return
    decimal = round(exponent * math.log10(2.0))
    raise InvalidInputError(
        f"the data reach about 1e{decimal}, so that eigenvalues of their Gram matrix, near 1e{2 * decimal}, leave the "
        f"range of double precision: divide the data by 1e{decimal}; eigenvalues are then in units of its square"
    )


def _covariance_trace(A: Any, view: Standardization, divisor: float, threads: int) -> float:
    """Total variance of an array or a sparse matrix, one pass; NaN when it cannot be told."""
    plain = not view.scale and view.row_weights is None and view.column_weights is None
    if not plain or (is_implicit(A) and not scipy.sparse.issparse(A)):
        return math.nan
    if scipy.sparse.issparse(A):
        return _sparse_squares(A, view.center) / divisor
    array, names = as_matrix(A)
    total = 0.0
    for part in (array.real, array.imag) if array.dtype.kind == "c" else (array,):
        means, deviations = column_statistics(Source(array=part, feature_names=names), threads)
        total += float(deviations.sum()) + (0.0 if view.center else len(array) * float((means**2).sum()))
    return total / divisor


def _sparse_squares(A: Any, center: bool) -> float:
    """Sum of the squared magnitudes of a sparse matrix, about its column means if `center`.

    Stored values and zeros deviate from the mean of their column separately, so that no large mean cancels.
    """
    columns = scipy.sparse.csc_array(A)
    if not columns.has_canonical_format:
        columns = columns.copy()
        columns.sum_duplicates()
    values = columns.data.astype(np.result_type(columns.dtype, np.float64))
    if not center:
        return float((np.abs(values) ** 2).sum())
    rows, n = columns.shape
    stored = np.diff(columns.indptr)
    means = np.asarray(scipy.sparse.csc_array((values, columns.indices, columns.indptr), (rows, n)).sum(axis=0)) / rows
    deviations = np.abs(values - np.repeat(means, stored)) ** 2
    return float(deviations.sum() + ((rows - stored) * np.abs(means) ** 2).sum())
