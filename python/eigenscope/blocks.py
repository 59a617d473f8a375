"""Random blocks of a recording: a few samples and features that stand for data too large to permute whole."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .errors import InvalidInputError
from .inputs import Source

Array = np.ndarray[Any, np.dtype[Any]]

_SMALLEST_SIDE = 100
"""A block keeps at least this many samples and features, when the data have them."""


def choose_block(
    source: Source,
    *,
    max_values: int,
    rng: np.random.Generator,
    feature_variances: Array | None = None,
) -> tuple[Array, Array] | None:
    """Choose samples and features of a block that has the aspect ratio of the data.

    Parameters
    ----------
    source : Source
        The data; only its shape is looked at.
    max_values : int
        Largest number of values of the block.
    rng : Generator
        Source of the choice.
    feature_variances : ndarray, shape (n_features,), optional
        Features are drawn one from each stratum of these, the largest from the first: a few features of huge
        variance shape the noise and must not be missed.

    Returns
    -------
    tuple of ndarray, or None
        Sorted indices of samples and of features; None when all the data fit.
    """
    n_samples, n_features = source.array.shape
    if n_samples * n_features <= max_values:
        return None
    shrink = math.sqrt(max_values / (n_samples * n_features))
    fewest_rows, fewest_columns = min(n_samples, _SMALLEST_SIDE), min(n_features, _SMALLEST_SIDE)
    n_rows = max(int(n_samples * shrink), fewest_rows)
    n_columns = max(int(n_features * shrink), fewest_columns)
    n_rows = min(n_rows, max(max_values // n_columns, fewest_rows))
    n_columns = min(n_columns, max(max_values // n_rows, fewest_columns))
    order = np.arange(n_features)
    if feature_variances is not None and len(feature_variances) == n_features:
        order = np.argsort(-feature_variances, kind="stable")
    # One feature from each of n_columns strata of nearly equal size.
    bounds = np.linspace(0, n_features, n_columns + 1).astype(int)
    picks = rng.integers(bounds[:-1], bounds[1:])
    picks[0] = 0
    rows = rng.choice(n_samples, n_rows, replace=False)
    return np.sort(rows), np.sort(order[picks])


def read_block(source: Source, chosen: tuple[Array, Array] | None, *, nan: str = "raise") -> Array:
    """Read the chosen samples and features.

    Parameters
    ----------
    source : Source
        The data.
    chosen : tuple of ndarray, or None
        Sorted indices of samples and of features; None stands for all.
    nan : str
        "drop_rows" and "drop_columns" drop what has missing values within the block.

    Returns
    -------
    ndarray, shape (n_columns, n_rows)
        Double precision, one contiguous row per feature.
    """
    part = source.array if chosen is None else source.array[np.ix_(*chosen)]
    block = np.array(part.T, dtype=np.float64, order="C")
    if nan == "drop_rows":
        block = np.ascontiguousarray(block[:, np.isfinite(block).all(axis=0)])
    elif nan == "drop_columns":
        block = np.ascontiguousarray(block[np.isfinite(block).all(axis=1)])
    if block.size == 0:
        raise InvalidInputError(f'nothing is left of a block of shape {part.shape} after nan="{nan}"')
    return block
