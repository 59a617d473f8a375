"""Centring, scaling and weights of rows and columns without touching the data."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import scipy.sparse

from . import _core
from .errors import InvalidInputError
from .inputs import Source, check_finite, warn_about_constant_features
from .operators import Array, Operator, compute_dtype, dense_operator, safe_scale
from .run_options import single_threaded_blas
from .second_moments import sampled_scale

IDENTITY_BLOCK = 64
"""Columns of an operator that are looked at together."""


@dataclasses.dataclass(frozen=True, eq=False)
class Standardization:
    """What is done to a matrix before it is decomposed.

    Parameters
    ----------
    center, scale : bool
        Subtract column means; divide columns by their standard deviations.
    row_weights, column_weights : ndarray, or None
        A row (column) of weight w counts like w equal rows (columns): it is multiplied by ``sqrt(w)``, and means and
        deviations are weighted (deviations with the sum of the weights as divisor).
    """

    center: bool = False
    scale: bool = False
    row_weights: Array | None = None
    column_weights: Array | None = None

    @property
    def is_identity(self) -> bool:
        """Whether nothing is done."""
        return not (self.center or self.scale) and self.row_weights is None and self.column_weights is None

    def checked(self, shape: tuple[int, int]) -> Standardization:
        """Return the same with weights as arrays of the right length, or raise."""
        rows = _checked_weights(self.row_weights, "row_weights", shape[0])
        return dataclasses.replace(
            self, row_weights=rows, column_weights=_checked_weights(self.column_weights, "column_weights", shape[1])
        )


def _checked_weights(weights: Any, name: str, count: int) -> Array | None:
    if weights is None:
        return None
    values = np.asarray(weights, dtype=np.float64)
    if values.shape != (count,):
        raise InvalidInputError(f"{name} must have shape ({count},), got {values.shape}")
    if not np.isfinite(values).all() or (values < 0).any() or not (values > 0).any():
        raise InvalidInputError(f"{name} must be finite and not negative, and some must be positive")
    return values


def column_statistics(source: Source, threads: int) -> tuple[Array, Array]:
    """Return means and sums of squared deviations of the columns; raise on values that are not finite."""
    found = measure_columns(source, np.dtype(np.float64), threads)
    with np.errstate(over="ignore", under="ignore"):
        return found.means / found.unit, found.squares / found.unit / found.unit


@dataclasses.dataclass(frozen=True, eq=False)
class ColumnStatistics:
    """Means and sums of squared deviations of the columns of data times `unit`, and the passes that took."""

    means: Array
    squares: Array
    unit: float
    n_passes: int


def measure_columns(source: Source, dtype: np.dtype[Any], threads: int) -> ColumnStatistics:
    """Measure in a unit, a power of two, in which squares stay inside the range of `dtype`.

    A few rows say which; where they had misjudged it, all values do, and the pass is made again.
    """
    found = _measure_columns(source, sampled_scale(source, dtype), threads)
    size = _largest_root_mean_square(found, source.n_samples)
    if size > 0 and np.isfinite(size) and safe_scale(size, dtype) == 1.0:
        return found
    exact = safe_scale(check_finite(source, threads), dtype)
    if exact == found.unit:
        return found
    return dataclasses.replace(_measure_columns(source, exact, threads), n_passes=3)


def _measure_columns(source: Source, unit: float, threads: int) -> ColumnStatistics:
    with single_threaded_blas():
        sums = _core.feature_sums(source.array, **source.selection, scale=unit, threads=threads)
    return ColumnStatistics(sums["mean"], sums["squared_deviation"], unit, 1)


def _largest_root_mean_square(found: ColumnStatistics, n_samples: int) -> float:
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.sqrt(np.max(found.squares / n_samples + found.means**2, initial=0.0)))


def scale_factors(variances: Array, means: Array, centered: bool) -> tuple[Array, Array]:
    """Return 1/standard deviation per column, zero for constant columns, and the mask of the others."""
    spread = variances if centered else variances + means**2
    # A constant column keeps rounding noise of its mean.
    varies = spread > (8 * np.finfo(np.float64).eps * np.abs(means)) ** 2 if centered else spread > 0
    factors = np.zeros_like(spread)
    factors[varies] = 1.0 / np.sqrt(spread[varies])
    return factors, varies


@dataclasses.dataclass(frozen=True, eq=False)
class Standardized:
    """A standardised operator, what its making cost, and the square of its Frobenius norm where that is known."""

    operator: Operator
    n_passes: int
    squared_norm: float | None = None


def standardized_dense(source: Source, view: Standardization, dtype: Any, threads: int) -> Standardized:
    """Return a real dense source as a standardised operator; a pass for the statistics, four with row weights."""
    if view.row_weights is not None:
        return _weighted_dense(source, view, dtype, threads)
    found = measure_columns(source, compute_dtype(source.array.dtype, dtype), threads)
    n = source.n_samples
    factor = _column_factors(view, found.squares / max(1, n - int(view.center)), found.means)
    moments = found.squares + (0.0 if view.center else n * found.means**2)
    operator = _in_unit(source, view, dtype, found.means / found.unit, factor, found.unit)
    return Standardized(operator, found.n_passes, float((moments * factor**2).sum()))


def _in_unit(source: Source, view: Standardization, dtype: Any, means: Array, factor: Array, unit: float) -> Operator:
    """Return ``(A - 1 meansᵀ) diag(factor) unit``; data of unit variance are in their own unit, whatever the data's."""
    operator = dense_operator(
        source,
        dtype=dtype,
        shift=means if view.center else None,
        factor=None if unit == 1.0 and (factor == 1.0).all() else factor * unit,
        largest=1.0,
        check=False,
    )
    return dataclasses.replace(operator, scale=1.0 if view.scale else unit)


def _column_factors(view: Standardization, variances: Array, means: Array) -> Array:
    """Return what columns are multiplied by; warn when some are constant."""
    factor = np.ones(len(variances))
    if view.scale:
        factor, varies = scale_factors(variances, np.abs(means), view.center)
        if not varies.all():
            warn_about_constant_features(int((~varies).sum()), len(varies), stacklevel=7)
    return factor if view.column_weights is None else factor * np.sqrt(view.column_weights)


def _weighted_dense(source: Source, view: Standardization, dtype: Any, threads: int) -> Standardized:
    weights = view.row_weights
    assert weights is not None
    largest = check_finite(source, threads)
    shares = (weights / weights.sum())[:, None]
    means = dense_operator(source, dtype=np.float64, largest=1.0).product(shares, threads, "adjoint").ravel()
    # The mean of what is left corrects the rounding of a large mean.
    rest = dense_operator(source, dtype=np.float64, shift=means, largest=1.0).product(shares, threads, "adjoint")
    means = means + rest.ravel()
    unit = safe_scale(largest, compute_dtype(source.array.dtype, dtype))
    squares = sum(
        weights[first : first + len(rows)] @ ((rows - means) * unit) ** 2 for first, rows in source.row_blocks()
    )
    factor = _column_factors(view, squares / weights.sum(), means * unit)
    operator = _in_unit(source, view, dtype, means, factor, unit)
    moments = squares + (0.0 if view.center else weights.sum() * (means * unit) ** 2)
    return Standardized(_with_row_weights(operator, weights), 4, float((moments * factor**2).sum()))


def _with_row_weights(operator: Operator, weights: Array) -> Operator:
    return dataclasses.replace(operator, core=operator.core.row_weighted(np.sqrt(weights)))


def standardized_implicit(A: Any, operator: Operator, view: Standardization, threads: int) -> Standardized:
    """Means and variances of a sparse matrix or operator by products; the mean enters as a rank-one term.

    An operator shows its column variances only when all its columns are looked at: n products.
    """
    m, n = operator.shape
    weights = np.ones(m) if view.row_weights is None else view.row_weights
    total = float(weights.sum())
    means = _implicit_means(A, operator, weights / total, threads)
    squares = _squared_deviations(A, operator, means, weights, threads) if _needs_squares(A, view) else None
    divisor = max(1.0, total - 1) if view.center and view.row_weights is None else total
    factor = _column_factors(view, np.zeros(n) if squares is None else squares / divisor, means)
    shift = means if view.center else np.zeros(0)
    core = operator.core.standardized(np.ascontiguousarray(shift, dtype=operator.dtype), factor, 1.0)
    standardized = dataclasses.replace(operator, core=core, scale=1.0 if view.scale else operator.scale)
    if view.row_weights is not None:
        standardized = _with_row_weights(standardized, weights)
    norm = None
    if squares is not None:
        moments = squares + (0.0 if view.center else total * np.abs(means) ** 2)
        norm = float((moments * factor**2).sum())
    return Standardized(standardized, 1, norm)


def _needs_squares(A: Any, view: Standardization) -> bool:
    return view.scale or scipy.sparse.issparse(A)


def _implicit_means(A: Any, operator: Operator, shares: Array, threads: int) -> Array:
    """Column means in units of the operator."""
    if scipy.sparse.issparse(A):
        return np.asarray(shares @ A).ravel() * operator.scale
    block = np.asfortranarray(shares[:, None], dtype=operator.dtype)
    # Aᴴ w is the conjugate of the weighted mean.
    return np.asarray(operator.product(block, threads, "adjoint").ravel().conj())


def _squared_deviations(A: Any, operator: Operator, means: Array, weights: Array, threads: int) -> Array:
    """``Σ_i w_i |a_ij - mean_j|²`` in units of the operator."""
    n = operator.shape[1]
    if scipy.sparse.issparse(A):
        squares = abs(A).astype(np.float64) * operator.scale
        squares = np.asarray(weights @ squares.power(2)).ravel()
        return np.asarray(np.maximum(squares - weights.sum() * np.abs(means) ** 2, 0.0))
    deviations = np.empty(n)
    for first in range(0, n, IDENTITY_BLOCK):
        count = min(IDENTITY_BLOCK, n - first)
        identity = np.zeros((n, count), dtype=operator.dtype, order="F")
        identity[np.arange(first, first + count), np.arange(count)] = 1
        columns = operator.product(identity, threads)
        deviations[first : first + count] = weights @ np.abs(columns - means[first : first + count]) ** 2
    return deviations


def without_large_means(A: Any) -> Any:
    """Return a sparse matrix of which some columns are shifted by their means, where centring would cancel digits.

    A column of m entries with a zero among them has a mean below ``sqrt(m)`` deviations. Only full columns can exceed
    that, and their values can be shifted where they are.
    """
    compressed = A if A.format in ("csr", "csc") else A.tocsr()
    m, n = compressed.shape
    columns = compressed.indices if compressed.format == "csr" else np.repeat(np.arange(n), np.diff(compressed.indptr))
    if m < 2 or not compressed.has_canonical_format:
        return A
    counts = np.bincount(columns, minlength=n)
    if not (counts == m).any():
        return A
    values = compressed.data.astype(np.result_type(compressed.data.dtype, np.float64))
    means = _sums_by_column(columns, values, n) / m
    means[counts < m] = 0.0
    # Rounding of a large mean is removed by the mean of what is left.
    means = means + np.where(counts == m, _sums_by_column(columns, values - means[columns], n) / m, 0.0)
    shifted = values - means[columns]
    spread = _sums_by_column(columns, np.abs(shifted), n) / np.sqrt(m)
    moves = (counts == m) & (np.abs(means) > spread)
    if not moves.any():
        return A
    kind = np.result_type(compressed.data.dtype, np.float32)
    data = np.where(moves[columns], shifted, values).astype(kind if kind.kind in "fc" else np.float64)
    return type(compressed)((data, compressed.indices, compressed.indptr), shape=compressed.shape)


def _sums_by_column(columns: Array, values: Array, n: int) -> Array:
    real = np.bincount(columns, weights=values.real, minlength=n)
    return real + 1j * np.bincount(columns, weights=values.imag, minlength=n) if values.dtype.kind == "c" else real
