"""Centring, scaling and weights of rows and columns without touching the data."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import scipy.sparse

from . import _core
from .arguments import check_switch
from .errors import InvalidInputError
from .inputs import Source, check_finite, warn_about_constant_features
from .operators import Array, Operator, as_operator, compute_dtype, dense_operator, safe_scale
from .run_options import single_threaded_blas
from .second_moments import sampled_scale
from .sparse_means import without_large_means

LARGE_MEAN = 8.0
"""A complex column with a mean of more deviations loses a digit when its mean enters as a rank-one term."""

ROUNDED_MEAN = 64.0
"""Rounding of a mean of more deviations would show in residuals at the level of rounding."""

IDENTITY_BLOCK = 64
"""Columns of an operator that are looked at together."""


@dataclasses.dataclass(frozen=True, eq=False)
class Standardization:
    """What is done to a matrix before it is decomposed.

    Parameters
    ----------
    center, scale : bool
        Subtract column means; divide columns by their standard deviations, or without `center` by their root mean
        squares.
    row_weights, column_weights : ndarray, or None
        A row (column) of weight w counts like w equal rows (columns): it is multiplied by ``sqrt(w)``, and means and
        deviations are weighted. The divisor of a variance is the sum of the row weights where it is m without them, and
        their sum less one where it is m - 1.
    """

    center: bool = False
    scale: bool = False
    row_weights: Array | None = None
    column_weights: Array | None = None

    @property
    def is_identity(self) -> bool:
        """Whether nothing is done."""
        return not (self.center or self.scale) and self.row_weights is None and self.column_weights is None

    def count(self, n_rows: int) -> float:
        """Return the number of rows, or what their weights add up to."""
        return float(n_rows) if self.row_weights is None else float(self.row_weights.sum())

    def divisor(self, n_rows: int) -> float:
        """Return what sums of squared deviations are divided by."""
        counted = self.count(n_rows)
        if not self.center:
            return counted
        if self.row_weights is None:
            return max(1.0, counted - 1.0)
        if counted <= 1.0:
            raise InvalidInputError(
                f"row_weights add up to {counted:.3g}, and deviations about a mean have the divisor sum - 1, as a "
                "weight w counts like w equal rows: multiply the weights, for example by m / row_weights.sum()"
            )
        return counted - 1.0

    def checked(self, shape: tuple[int, int]) -> Standardization:
        """Return the same with weights as arrays of the right length, or raise."""
        check_switch("center", self.center)
        check_switch("scale", self.scale)
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
    """Means and sums of squared deviations of the columns of data times `unit`, and the passes that took.

    The remainder is what rounding took from the means; None where that is nothing to speak of.
    """

    means: Array
    squares: Array
    unit: float
    n_passes: int
    remainder: Array | None = None

    def with_remainder(self, source: Source, threads: int) -> ColumnStatistics:
        """Return the same with means beyond double precision, for one more pass, where some are so large."""
        deviations = np.sqrt(self.squares / source.n_samples)
        is_rounded = (np.abs(self.means) > ROUNDED_MEAN * deviations) & (deviations > 0.0)
        if not is_rounded.any():
            return self
        shares = np.full((source.n_samples, 1), 1.0 / source.n_samples)
        rest = _mean_of_rest(source, self.means / self.unit, shares, threads)
        return dataclasses.replace(self, remainder=rest * self.unit, n_passes=self.n_passes + 1)


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
    """Return a dense source as a standardised operator; a pass for the statistics, four with row weights."""
    if source.array.dtype.kind == "c":
        return _standardized_complex(source, view, dtype, threads)
    found = _weighted_statistics(source, view, dtype, threads)
    factor = _column_factors(view, found.squares, found.means, source.n_samples)
    operator = _in_unit(source, view, dtype, found, factor, found.unit)
    norm = _squared_norm(view, found.squares, found.means, factor, source.n_samples)
    return Standardized(_with_row_weights(operator, view.row_weights), found.n_passes, norm)


def _in_unit(
    source: Source, view: Standardization, dtype: Any, found: ColumnStatistics, factor: Array, unit: float
) -> Operator:
    """Return ``(A - 1 meansᵀ) diag(factor) unit``; data of unit variance are in their own unit, whatever the data's."""
    rest = found.remainder
    operator = dense_operator(
        source,
        dtype=dtype,
        shift=found.means / found.unit if view.center else None,
        shift_remainder=rest / found.unit if view.center and rest is not None else None,
        factor=None if unit == 1.0 and (factor == 1.0).all() else factor * unit,
        largest=1.0,
        check=False,
    )
    return dataclasses.replace(operator, scale=1.0 if view.scale else unit)


def _column_factors(view: Standardization, squares: Array | None, means: Array, n_rows: int) -> Array:
    """Return what columns are multiplied by; warn when some are constant."""
    factor = np.ones(len(means))
    if view.scale:
        assert squares is not None
        factor, varies = scale_factors(squares / view.divisor(n_rows), np.abs(means), view.center)
        if not varies.all():
            warn_about_constant_features(int((~varies).sum()), len(varies), stacklevel=7)
    return factor if view.column_weights is None else factor * np.sqrt(view.column_weights)


def _squared_norm(view: Standardization, squares: Array, means: Array, factor: Array, n_rows: int) -> float:
    """``‖A‖²`` of the standardised matrix in the unit of the statistics."""
    moments = squares + (0.0 if view.center else view.count(n_rows) * np.abs(means) ** 2)
    # Roots first: squares of factors of tiny columns overflow.
    return float(((np.sqrt(moments) * factor) ** 2).sum())


def _weighted_statistics(source: Source, view: Standardization, dtype: Any, threads: int) -> ColumnStatistics:
    """Means and sums of squared deviations of real columns, every row counted by its weight."""
    scalar, weights = compute_dtype(source.array.dtype, dtype), view.row_weights
    if weights is None:
        found = measure_columns(source, scalar, threads)
        return found.with_remainder(source, threads) if view.center and scalar == np.float64 else found
    largest = check_finite(source, threads)
    shares = (weights / weights.sum())[:, None]
    means = dense_operator(source, dtype=np.float64, largest=1.0).product(shares, threads, "adjoint").ravel()
    rest = _mean_of_rest(source, means, shares, threads)
    unit = safe_scale(largest, scalar)
    squares = sum(
        weights[first : first + len(rows)] @ (((rows - means) - rest) * unit) ** 2
        for first, rows in source.row_blocks()
    )
    return ColumnStatistics(means * unit, np.asarray(squares), unit, 4, rest * unit)


def _mean_of_rest(source: Source, means: Array, shares: Array, threads: int) -> Array:
    """Return the means of what is left after means have been taken off: what rounding took from them."""
    left = dense_operator(source, dtype=np.float64, shift=means, largest=1.0)
    return np.asarray(left.product(shares, threads, "adjoint").ravel())


def _with_row_weights(operator: Operator, weights: Array | None) -> Operator:
    if weights is None:
        return operator
    return dataclasses.replace(operator, core=operator.core.row_weighted(np.sqrt(weights)), matrix=None)


def _standardized_complex(source: Source, view: Standardization, dtype: Any, threads: int) -> Standardized:
    """Standardise complex data by the statistics of their real and imaginary parts."""
    array = source.array
    operator = dense_operator(source, dtype=dtype, largest=check_finite(source, threads), check=False)
    if not isinstance(array, np.ndarray):
        # Parts of what must be decoded cannot be viewed.
        return standardized_implicit(array, operator, view, threads)
    unit = operator.scale
    real_dtype = np.finfo(operator.dtype).dtype
    parts = [dataclasses.replace(source, array=part) for part in (array.real, array.imag)]
    found = [_weighted_statistics(part, view, real_dtype, threads) for part in parts]
    means = (found[0].means / found[0].unit + 1j * (found[1].means / found[1].unit)) * unit
    real, imaginary = (part.squares * (unit / part.unit) ** 2 for part in found)
    squares = real + imaginary
    factor = _column_factors(view, squares, means, source.n_samples)
    deviations = np.sqrt(squares / view.count(source.n_samples))
    if view.center and (np.abs(means) > LARGE_MEAN * deviations).any():
        pieces = [
            _in_unit(part, view, real_dtype, of_part, factor, unit) for part, of_part in zip(parts, found, strict=True)
        ]
        core = _combined(pieces[0], pieces[1], operator.dtype, threads).core
    else:
        shift = means if view.center else np.zeros(0)
        core = operator.core.standardized(np.ascontiguousarray(shift, dtype=operator.dtype), factor, 1.0)
    standardized = dataclasses.replace(operator, core=core, scale=1.0 if view.scale else unit, matrix=None)
    norm = _squared_norm(view, squares, means, factor, source.n_samples)
    return Standardized(_with_row_weights(standardized, view.row_weights), 1 + found[0].n_passes, norm)


def _combined(real: Operator, imaginary: Operator, dtype: np.dtype[Any], threads: int) -> Operator:
    """Return ``R + i I`` of two real operators: means are taken off inside each, which a rank-one term cannot do."""

    def product(block: Array, kind: str, sign: float) -> Array:
        stacked, b = np.hstack([block.real, block.imag]), block.shape[1]
        first, second = (part.product(stacked, threads, kind) for part in (real, imaginary))
        # (R ± i I)(x + i y) = R x ∓ I y + i (R y ± I x)
        return (first[:, :b] - sign * second[:, b:]) + 1j * (first[:, b:] + sign * second[:, :b])

    return as_operator(
        lambda block: product(block, "forward", 1.0),
        shape=real.shape,
        dtype=dtype,
        adjoint=lambda block: product(block, "adjoint", -1.0),
    )


def standardized_implicit(A: Any, operator: Operator, view: Standardization, threads: int) -> Standardized:
    """Means and variances of a sparse matrix or operator by products; the mean enters as a rank-one term.

    An operator shows its column variances only when all its columns are looked at: n products.
    """
    if view.center and scipy.sparse.issparse(A):
        shifted = without_large_means(A)
        if shifted is not A:
            A, operator = shifted, as_operator(shifted, dtype=operator.dtype, check=False)
    m = operator.shape[0]
    weights = np.ones(m) if view.row_weights is None else view.row_weights
    means = _implicit_means(A, operator, weights / weights.sum(), threads)
    squares = _squared_deviations(A, operator, means, weights, threads) if _needs_squares(A, view) else None
    factor = _column_factors(view, squares, means, m)
    shift = means if view.center else np.zeros(0)
    core = operator.core.standardized(np.ascontiguousarray(shift, dtype=operator.dtype), factor, 1.0)
    scale = 1.0 if view.scale else operator.scale
    standardized = dataclasses.replace(operator, core=core, scale=scale, matrix=None)
    norm = None if squares is None else _squared_norm(view, squares, means, factor, m)
    return Standardized(_with_row_weights(standardized, view.row_weights), 1, norm)


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
    n, wide = operator.shape[1], np.result_type(operator.dtype, np.float64)
    if scipy.sparse.issparse(A):
        # SciPy sums repeated entries before it takes their magnitudes, where they lie: in a copy here.
        own = A if getattr(A, "has_canonical_format", True) else A.copy()
        squares = abs(own).astype(np.float64) * operator.scale
        squares = np.asarray(weights @ squares.power(2)).ravel()
        return np.asarray(np.maximum(squares - weights.sum() * np.abs(means) ** 2, 0.0))
    deviations = np.empty(n)
    for first in range(0, n, IDENTITY_BLOCK):
        count = min(IDENTITY_BLOCK, n - first)
        identity = np.zeros((n, count), dtype=operator.dtype, order="F")
        identity[np.arange(first, first + count), np.arange(count)] = 1
        columns = operator.product(identity, threads)
        deviations[first : first + count] = weights @ np.abs(columns.astype(wide) - means[first : first + count]) ** 2
    return deviations
