"""Centring, scaling and weights of rows and columns without touching the data."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import scipy.sparse

from . import _core
from .errors import InvalidInputError
from .inputs import Source, check_finite, warn_about_constant_features
from .operators import Array, Operator, dense_operator
from .run_options import single_threaded_blas


@dataclasses.dataclass(frozen=True, eq=False)
class Standardization:
    """What is done to a matrix before it is decomposed.

    Parameters
    ----------
    center, scale : bool
        Subtract column means; divide columns by their standard deviations.
    row_weights, column_weights : ndarray, or None
        A row (column) of weight w counts like w equal rows (columns): it is multiplied by ``sqrt(w)``, and means are
        weighted.
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
        if self.scale and self.row_weights is not None:
            raise InvalidInputError("scale=True with row_weights is not supported: divide the columns first")
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
    """Return means and sums of squared deviations of the columns, one pass; raise on values that are not finite."""
    with single_threaded_blas():
        sums = _core.feature_sums(source.array, **source.selection, threads=threads)
    if not np.isfinite(sums["mean"]).all():
        check_finite(source, threads)
        raise InvalidInputError("column sums overflow: divide the data by a power of ten first")
    return sums["mean"], sums["squared_deviation"]


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
    """A standardised operator, what its making cost, and the square of its Frobenius norm where it is known."""

    operator: Operator
    n_passes: int
    squared_norm: float | None = None


def standardized_dense(source: Source, view: Standardization, dtype: Any, threads: int) -> Standardized:
    """Return a real dense source as a standardised operator; one pass for the statistics, three with row weights."""
    if view.row_weights is not None:
        return _weighted_dense(source, view, dtype, threads)
    means, squares = column_statistics(source, threads)
    n = source.n_samples
    factor = np.ones(source.n_features)
    if view.scale:
        factor, varies = scale_factors(squares / max(1, n - int(view.center)), means, view.center)
        if not varies.all():
            warn_about_constant_features(int((~varies).sum()), len(varies), stacklevel=6)
    if view.column_weights is not None:
        factor = factor * np.sqrt(view.column_weights)
    moments = squares + (0.0 if view.center else n * means**2)
    operator = dense_operator(
        source,
        dtype=dtype,
        shift=means if view.center else None,
        factor=None if (factor == 1.0).all() else factor,
        largest=float(np.sqrt((moments / n).max())),
        check=False,
    )
    return Standardized(operator, 1, float((moments * factor**2).sum()))


def _weighted_dense(source: Source, view: Standardization, dtype: Any, threads: int) -> Standardized:
    weights = view.row_weights
    assert weights is not None
    largest, passes = check_finite(source, threads), 1
    shift = None
    if view.center:
        shares = (weights / weights.sum())[:, None]
        shift = dense_operator(source, dtype=np.float64, largest=1.0).product(shares, threads, "adjoint").ravel()
        # The mean of what is left corrects the rounding of a large mean.
        rest = dense_operator(source, dtype=np.float64, shift=shift, largest=1.0).product(shares, threads, "adjoint")
        shift, passes = shift + rest.ravel(), 3
    factor = None if view.column_weights is None else np.sqrt(view.column_weights)
    operator = dense_operator(source, dtype=dtype, shift=shift, factor=factor, largest=largest, check=False)
    return Standardized(_with_row_weights(operator, weights), passes)


def _with_row_weights(operator: Operator, weights: Array) -> Operator:
    return dataclasses.replace(operator, core=operator.core.row_weighted(np.sqrt(weights)))


def standardized_implicit(A: Any, operator: Operator, view: Standardization, threads: int) -> Standardized:
    """Means and variances of a sparse matrix or operator by products; the mean enters as a rank-one term."""
    m, n = operator.shape
    weights = np.ones(m) if view.row_weights is None else view.row_weights
    shares = np.asfortranarray((weights / weights.sum())[:, None], dtype=operator.dtype)
    # Aᴴ 1 / m is the conjugate of the mean.
    means = operator.product(shares, threads, "adjoint").ravel().conj()
    factor = np.ones(n)
    if view.scale:
        if not scipy.sparse.issparse(A) or operator.dtype.kind == "c":
            raise InvalidInputError(
                "scale=True needs a real dense or sparse matrix: column variances of an operator are unknown"
            )
        squares = np.asarray(A.astype(np.float64).power(2).sum(axis=0)).ravel() * operator.scale**2
        variances = (squares - m * means**2) / max(1, m - 1) if view.center else squares / m - means**2
        factor, varies = scale_factors(np.maximum(variances, 0.0), means, view.center)
        if not varies.all():
            warn_about_constant_features(int((~varies).sum()), n, stacklevel=6)
    if view.column_weights is not None:
        factor = factor * np.sqrt(view.column_weights)
    shift = means if view.center else np.zeros(0, dtype=operator.dtype)
    core = operator.core.standardized(np.ascontiguousarray(shift, dtype=operator.dtype), factor, 1.0)
    standardized = dataclasses.replace(operator, core=core, scale=1.0 if view.scale else operator.scale)
    if view.row_weights is not None:
        standardized = _with_row_weights(standardized, weights)
    return Standardized(standardized, 1, _sparse_squared_norm(A, operator, means, factor, view))


def _sparse_squared_norm(
    A: Any, operator: Operator, means: Array, factor: Array, view: Standardization
) -> float | None:
    """Σ_j factor_j² (Σ_i |a_ij|² - m |mean_j|²) of a sparse matrix, in the operator's units."""
    if not scipy.sparse.issparse(A) or view.row_weights is not None:
        return None
    wide = abs(A).astype(np.float64) * operator.scale
    columns = np.asarray(wide.power(2).sum(axis=0)).ravel()
    if view.center:
        columns = columns - operator.shape[0] * np.abs(means) ** 2
    return float((np.maximum(columns, 0.0) * factor**2).sum())
