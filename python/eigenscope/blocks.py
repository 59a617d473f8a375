"""Random blocks of a recording: a few samples and features that stand for data too large to permute whole."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np

from .errors import InvalidInputError

Array = np.ndarray[Any, np.dtype[Any]]

_SMALLEST_SIDE = 100
"""A block keeps at least this many samples and features, when the data have them."""

_SLICE_VALUES = 4_000_000
"""Datasets that are slow at picking rows are read in slices of about this many values."""


def open_array(X: Any) -> Any:
    """Return something with ``shape`` and two-dimensional indexing, without reading the data.

    Parameters
    ----------
    X : array_like, memmap, DataFrame, sparse matrix, dataset or path to ``.npy``
        The data.

    Returns
    -------
    object
        `X` itself where possible; a read-only memmap for a path; the values of a data frame.
    """
    if isinstance(X, (str, os.PathLike)):
        return np.load(X, mmap_mode="r", allow_pickle=False)
    if hasattr(X, "to_numpy"):
        return X.to_numpy()
    if hasattr(X, "tocsr"):
        return X.tocsr()
    return X if hasattr(X, "shape") else np.asarray(X)


def choose_block(
    X: Any,
    *,
    sample_axis: int,
    max_values: int,
    rng: np.random.Generator,
    feature_variances: Array | None = None,
) -> tuple[Array | None, Array | None]:
    """Choose samples and features of a block that has the aspect ratio of the data.

    Parameters
    ----------
    X : array_like, memmap, path or dataset
        The data; only its shape is looked at.
    sample_axis : int
        Axis along which samples lie.
    max_values : int
        Largest number of values of the block.
    rng : Generator
        Source of the choice.
    feature_variances : ndarray, shape (n_features,), optional
        Features are drawn one from each stratum of these, the largest from the first: a few features of huge
        variance shape the noise and must not be missed.

    Returns
    -------
    tuple of ndarray or None
        Sorted indices of samples and of features; None stands for all.
    """
    shape = open_array(X).shape
    n_samples, n_features = shape[sample_axis], shape[1 - sample_axis]
    if n_samples * n_features <= max_values:
        return None, None
    shrink = math.sqrt(max_values / (n_samples * n_features))
    n_rows = max(int(n_samples * shrink), min(n_samples, _SMALLEST_SIDE))
    n_columns = max(int(n_features * shrink), min(n_features, _SMALLEST_SIDE))
    n_rows = min(n_rows, max(max_values // n_columns, min(n_samples, _SMALLEST_SIDE)))
    n_columns = min(n_columns, max(max_values // n_rows, min(n_features, _SMALLEST_SIDE)))
    rows = np.sort(rng.choice(n_samples, n_rows, replace=False))
    order = np.arange(n_features)
    if feature_variances is not None and len(feature_variances) == n_features:
        order = np.argsort(-feature_variances, kind="stable")
    # One feature from each of n_columns strata of nearly equal size.
    bounds = np.linspace(0, n_features, n_columns + 1).astype(int)
    picks = rng.integers(bounds[:-1], bounds[1:])
    picks[0] = 0
    return rows, np.sort(order[picks])


def read_block(
    X: Any, rows: Array | None, columns: Array | None, *, sample_axis: int = 0, nan: str = "raise"
) -> Array:
    """Read the chosen samples and features.

    Parameters
    ----------
    X : array_like, memmap, path or dataset
        The data.
    rows, columns : ndarray of int or None
        Sorted indices of samples and of features; None stands for all.
    sample_axis : int
        Axis along which samples lie.
    nan : str
        "drop_rows" and "drop_columns" drop what has missing values within the block.

    Returns
    -------
    ndarray, shape (n_columns, n_rows)
        Double precision, one contiguous row per feature.
    """
    array = open_array(X)
    chosen = _pick(array, (rows, columns) if sample_axis == 0 else (columns, rows))
    block = np.array(chosen.T if sample_axis == 0 else chosen, dtype=np.float64, order="C")
    if nan == "drop_rows":
        block = np.ascontiguousarray(block[:, np.isfinite(block).all(axis=0)])
    elif nan == "drop_columns":
        block = np.ascontiguousarray(block[np.isfinite(block).all(axis=1)])
    if block.size == 0:
        raise InvalidInputError(f'nothing is left of the {chosen.shape} block after nan="{nan}"')
    return block


def _pick(array: Any, indices: tuple[Array | None, Array | None]) -> Array:
    first, second = (slice(None) if index is None else index for index in indices)
    if hasattr(array, "tocsr"):
        return np.asarray(array[first][:, second].toarray())
    if isinstance(array, np.ndarray):
        if isinstance(first, slice) or isinstance(second, slice):
            return np.asarray(array[first, second])
        return np.asarray(array[np.ix_(first, second)])
    # HDF5 and zarr read slices fast and lists of rows slowly: read slices, keep the chosen rows.
    height = max(1, _SLICE_VALUES // array.shape[1])
    parts = []
    for start in range(0, array.shape[0], height):
        stop = min(start + height, array.shape[0])
        wanted = np.arange(stop - start) if indices[0] is None else indices[0] - start
        wanted = wanted[(wanted >= 0) & (wanted < stop - start)]
        if len(wanted):
            parts.append(np.asarray(array[start:stop])[wanted][:, second])
    return np.concatenate(parts)
