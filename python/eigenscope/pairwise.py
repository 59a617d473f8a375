"""Covariances of data with missing values, each from the samples that both features have."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .errors import DataWarning, InvalidInputError
from .inputs import Source

Array = np.ndarray[Any, np.dtype[Any]]


def pairwise_covariance(source: Source, *, center: bool, scale: bool) -> tuple[Array, bool]:
    """Return the matrix of pairwise-complete covariances (correlations when `scale`), and whether values are missing.

    With the mask M of present values and D the deviations from the means of the present values, missing ones zero:
    ``C_ij = (Σ d_i d_j - (Σ_{both} d_i)(Σ_{both} d_j) / n_ij) / (n_ij - 1)``.

    Parameters
    ----------
    source : Source
        The data; NaN and infinite values are missing.
    center, scale : bool
        As in `covariance_spectrum`.

    Returns
    -------
    ndarray, shape (n_features, n_features)
        Symmetric; not always positive semidefinite, which is warned about by its eigenvalues' user.
    bool
        True when a value is missing.

    Raises
    ------
    InvalidInputError
        When a feature has, or two features share, fewer than two samples.
    """
    p = source.array.shape[1]
    counts, sums = np.zeros(p), np.zeros(p)
    for _, block in source.row_blocks():
        values, present = _split(block)
        counts += present.sum(axis=0)
        sums += values.sum(axis=0)
    means = sums / np.maximum(counts, 1.0) if center else np.zeros(p)
    products, partial_sums, shared = np.zeros((p, p)), np.zeros((p, p)), np.zeros((p, p))
    for _, block in source.row_blocks():
        values, present = _split(block)
        deviations = (values - means) * present
        products += deviations.T @ deviations
        partial_sums += deviations.T @ present
        shared += present.T @ present
    least = 2 if center else 1
    if counts.min() < least:
        feature = int(counts.argmin())
        raise InvalidInputError(
            f"feature {feature} has {int(counts[feature])} finite values, a covariance needs {least}: "
            + ("leave it out" if counts.any() else "not one value of the data is finite")
        )
    if shared.min() < least:
        i, j = np.unravel_index(int(shared.argmin()), shared.shape)
        raise InvalidInputError(
            f"features {i} and {j} share {int(shared.min())} samples, a covariance needs {least}: drop one of them, "
            'or use nan="drop_columns"'
        )
    matrix = (products - partial_sums * partial_sums.T / shared) / (shared - 1) if center else products / shared
    if scale:
        deviation = np.sqrt(np.diagonal(matrix))
        if (deviation == 0).any():
            raise InvalidInputError(
                f"{int((deviation == 0).sum())} features are constant and cannot be scaled: drop them"
            )
        matrix = matrix / np.outer(deviation, deviation)
    _warn_if_indefinite(matrix)
    return np.asarray(matrix), bool(counts.min() < source.n_samples)


def _split(block: Array) -> tuple[Array, Array]:
    """Values with missing ones zero, and the mask of present ones as numbers."""
    values = block.astype(np.float64)
    present = np.isfinite(values)
    return np.where(present, values, 0.0), present.astype(np.float64)


def _warn_if_indefinite(matrix: Array) -> None:
    values = np.linalg.eigvalsh(matrix)
    negative = values[values < -8 * np.finfo(np.float64).eps * len(values) * values[-1]]
    if len(negative):
        warnings.warn(
            f"the pairwise covariance matrix has {len(negative)} negative eigenvalues that hold "
            f"{abs(negative.sum()):.2g} of a total of {np.trace(matrix):.4g}: too many values are missing",
            DataWarning,
            stacklevel=4,
        )
