"""Means of sparse columns, and columns without a zero, whose large means are taken off where they are stored."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from .operators import Array


def without_large_means(A: Any) -> Any:
    """Return a sparse matrix of which some columns are shifted by their means, where centring would cancel digits.

    A column of m entries with a zero among them has a mean below ``sqrt(m)`` deviations. Only full columns can exceed
    that, and their values can be shifted where they are.
    """
    columns = _FullColumns.of(A)
    if columns is None:
        return A
    means = columns.means()
    spread = columns.sums(np.abs(columns.values - means[columns.index])) / np.sqrt(A.shape[0])
    return columns.shifted(np.where(np.abs(means) > spread, means, 0.0))


def less_means(A: Any, means: Array) -> tuple[Any, Array]:
    """Return a sparse matrix with `means` taken off its full columns, and what is left to be taken off."""
    columns = _FullColumns.of(A)
    if columns is None:
        return A, means
    taken = np.where(columns.are_full, means, 0.0)
    return columns.shifted(taken), means - taken


def sparse_statistics(A: Any) -> tuple[Array, Array]:
    """Return means and sums of squared deviations of the columns of a real sparse matrix."""
    means = np.asarray(A.mean(axis=0), dtype=np.float64).ravel()
    shifted, rest = less_means(A, means)
    # Rounding of a large mean is removed by the mean of what is left.
    left = np.asarray(shifted.mean(axis=0), dtype=np.float64).ravel() - rest
    means, rest = means + left, rest + left
    squares = np.asarray(shifted.astype(np.float64).power(2).sum(axis=0)).ravel()
    return means, np.maximum(squares - A.shape[0] * rest**2, 0.0)


@dataclasses.dataclass(frozen=True, eq=False)
class _FullColumns:
    """A sparse matrix, some columns of which have no zero.

    Parameters
    ----------
    given, matrix : sparse matrix
        By rows or by columns, as given and with one stored value per entry.
    index, values : ndarray
        Column and wide value of every entry of `matrix`.
    are_full : ndarray of bool, shape (n,)
        The mask of the columns without a zero.
    """

    given: Any
    matrix: Any
    index: Array
    values: Array
    are_full: Array

    @classmethod
    def of(cls, A: Any) -> _FullColumns | None:
        """Look at a sparse matrix; None when no column is full."""
        given = A if A.format in ("csr", "csc") else A.tocsr()
        if given.shape[0] < 2 or not np.any(_stored_per_column(given) >= given.shape[0]):
            return None
        matrix = given if given.has_canonical_format else _with_one_value_per_entry(given)
        are_full = _stored_per_column(matrix) == given.shape[0]
        values = matrix.data.astype(np.result_type(matrix.data.dtype, np.float64))
        return cls(given, matrix, _columns_of_entries(matrix), values, are_full) if are_full.any() else None

    def sums(self, values: Array) -> Array:
        """Return the sum of some values, one per stored entry, over every column."""
        n = len(self.are_full)
        real = np.bincount(self.index, weights=values.real, minlength=n)
        if values.dtype.kind != "c":
            return real
        return real + 1j * np.bincount(self.index, weights=values.imag, minlength=n)

    def means(self) -> Array:
        """Return the means of the full columns, and zero for the others."""
        m = self.matrix.shape[0]
        means = np.where(self.are_full, self.sums(self.values) / m, 0.0)
        # Rounding of a large mean is removed by the mean of what is left.
        return means + np.where(self.are_full, self.sums(self.values - means[self.index]) / m, 0.0)

    def shifted(self, offsets: Array) -> Any:
        """Return the matrix less one number per column, zero for columns that are not full; itself for none."""
        if not offsets.any():
            return self.given
        stored = self.given.data.dtype
        kind = np.result_type(stored, np.float32) if stored.kind in "fc" else np.dtype(np.float64)
        moved = np.where((offsets != 0)[self.index], self.values - offsets[self.index], self.matrix.data)
        return type(self.matrix)((moved.astype(kind), self.matrix.indices, self.matrix.indptr), shape=self.matrix.shape)


def _columns_of_entries(matrix: Any) -> Array:
    """Return the column of every stored value."""
    if matrix.format == "csr":
        return np.asarray(matrix.indices)
    return np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))


def _stored_per_column(matrix: Any) -> Array:
    """Return the number of stored values of every column."""
    return np.bincount(_columns_of_entries(matrix), minlength=matrix.shape[1])


def _with_one_value_per_entry(matrix: Any) -> Any:
    """Return a wide matrix with sorted entries, those stored in several parts summed."""
    wide = matrix.astype(np.result_type(matrix.data.dtype, np.float64), copy=True)
    wide.sum_duplicates()
    return wide
