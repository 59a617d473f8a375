"""Centring and scaling of columns without touching the data."""

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


def standardized_dense(source: Source, center: bool, scale: bool, dtype: Any, threads: int) -> Operator:
    """Return a dense source as an operator with centred or scaled columns; one pass for the statistics."""
    means, squares = column_statistics(source, threads)
    n = source.n_samples
    factor = None
    if scale:
        factor, varies = scale_factors(squares / max(1, n - int(center)), means, center)
        if not varies.all():
            warn_about_constant_features(int((~varies).sum()), len(varies), stacklevel=5)
    largest = float(np.sqrt(((squares / n) + (0.0 if center else means**2)).max()))
    return dense_operator(
        source, dtype=dtype, shift=means if center else None, factor=factor, largest=largest, check=False
    )


def standardized_implicit(A: Any, operator: Operator, center: bool, scale: bool, threads: int) -> Operator:
    """Means and variances of a sparse matrix or operator by products; the mean enters as a rank-one term."""
    m, n = operator.shape
    ones = np.ones((m, 1), dtype=operator.dtype, order="F")
    means = operator.product(ones, threads, "adjoint").ravel() / m
    factor = np.ones(n)
    if scale:
        if not scipy.sparse.issparse(A) or operator.dtype.kind == "c":
            raise InvalidInputError(
                "scale=True needs a real dense or sparse matrix: column variances of an operator are unknown"
            )
        squares = np.asarray(A.astype(np.float64).power(2).sum(axis=0)).ravel() * operator.scale**2
        variances = (squares - m * means**2) / max(1, m - 1) if center else squares / m - means**2
        factor, varies = scale_factors(np.maximum(variances, 0.0), means, center)
        if not varies.all():
            warn_about_constant_features(int((~varies).sum()), n, stacklevel=5)
    shift = means if center else np.zeros(0, dtype=operator.dtype)
    core = operator.core.standardized(np.ascontiguousarray(shift, dtype=operator.dtype), factor, 1.0)
    return dataclasses.replace(operator, core=core, scale=1.0 if scale else operator.scale)
