"""Matrices that stay as they are stored: chunked HDF5 and zarr datasets, sparse matrices, and raw binary files."""

from __future__ import annotations

import functools
import os
from typing import Any

import numpy as np

from . import _core
from .errors import InvalidInputError

Array = np.ndarray[Any, np.dtype[Any]]

BLOCK_BYTES = 32 << 20
"""Datasets are decoded in blocks of about this size, of whole chunks."""


class StoredMatrix:
    """A two-dimensional dataset that is decoded block by block while it is read, the next block ahead of time.

    Holds at most ``2 p + 2`` blocks of `BLOCK_BYTES` (or one chunk) for p processors, whatever the size of the dataset.

    Parameters
    ----------
    dataset : object with ``shape``, ``dtype``, ``chunks`` and slicing
        An h5py dataset, a zarr array, or anything like them.
    transposed : bool
        Whether rows of this matrix are columns of the dataset.
    """

    ndim = 2

    def __init__(self, dataset: Any, transposed: bool = False) -> None:
        self._dataset = dataset
        self._transposed = transposed
        rows, columns = (int(extent) for extent in dataset.shape)
        self.shape = (columns, rows) if transposed else (rows, columns)
        # Byte order ends with decoding.
        self.dtype = np.dtype(dataset.dtype).newbyteorder("=")

    @property
    def size(self) -> int:
        """Number of entries."""
        return self.shape[0] * self.shape[1]

    @property
    def T(self) -> StoredMatrix:
        """The transpose, decoded by columns of the dataset."""
        return StoredMatrix(self._dataset, not self._transposed)

    @property
    def sparse(self) -> Any:
        """The sparse matrix behind this one; None when there is none."""
        if not isinstance(self._dataset, SparseDataset):
            return None
        return self._dataset.matrix.T if self._transposed else self._dataset.matrix

    @property
    def chunk_rows(self) -> int:
        """Rows that are stored together."""
        return int(self._dataset.chunks[1 if self._transposed else 0])

    @functools.cached_property
    def block_rows(self) -> int:
        """Rows decoded at once: whole chunks."""
        chunk_rows, row_bytes = self.chunk_rows, self.shape[1] * self.dtype.itemsize
        return int(min(self.shape[0], max(1, BLOCK_BYTES // (row_bytes * chunk_rows)) * chunk_rows))

    @functools.cached_property
    def stored_rows(self) -> Any:
        """The compiled reader."""
        return _core.StoredRows(
            *self.shape,
            block_rows=self.block_rows,
            most_blocks=2 * _core.available_processors() + 2,
            read=self._read,
            dtype=self.dtype,
        )

    def _read(self, first: int, stop: int) -> Array:
        part = self._dataset[:, first:stop].T if self._transposed else self._dataset[first:stop]
        return np.ascontiguousarray(part, dtype=self.dtype)

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.asarray(self._read(0, len(self)), dtype=dtype)

    def __getitem__(self, selection: Any) -> Array:
        """Return selected rows (a slice, a number or ascending indices), or a pair of rows and columns of them."""
        if isinstance(selection, tuple):
            rows, columns = (part if isinstance(part, slice) else np.ravel(part) for part in selection)
            return self[rows][:, columns]
        if isinstance(selection, slice):
            return self._read(*selection.indices(len(self))[:2])
        if isinstance(selection, (int, np.integer)):
            return np.asarray(self._read(int(selection), int(selection) + 1)[0])
        return self._rows(np.asarray(selection))

    def _rows(self, rows: Array) -> Array:
        """Return scattered ascending rows, decoding only the chunks they lie in."""
        parts = []
        for number in np.unique(rows // self.chunk_rows):
            inside = rows[rows // self.chunk_rows == number]
            first = int(number) * self.chunk_rows
            parts.append(self._read(first, min(first + self.chunk_rows, len(self)))[inside - first])
        return np.asarray(np.concatenate(parts))


class SparseDataset:
    """A sparse matrix as a dataset whose rows, or columns, are made dense a block at a time.

    Parameters
    ----------
    matrix : sparse matrix or array of SciPy, any format
        Converted once to compressed rows (and columns, when these are asked for) unless it is stored so.
    """

    def __init__(self, matrix: Any) -> None:
        self.matrix = matrix
        self.shape: tuple[int, ...] = tuple(matrix.shape)
        self.ndim, self.dtype = len(self.shape), np.dtype(matrix.dtype)
        # The entries between those stored count as well.
        self.size = int(np.prod(self.shape))
        self.chunks = (1,) * self.ndim

    @functools.cached_property
    def _by_rows(self) -> Any:
        return self.matrix.tocsr()

    @functools.cached_property
    def _by_columns(self) -> Any:
        return self.matrix.tocsc()

    def __getitem__(self, selection: Any) -> Array:
        part = self._by_columns[selection] if isinstance(selection, tuple) else self._by_rows[selection]
        return np.asarray(part.toarray())


def is_stored_dataset(data: Any) -> bool:
    """Whether an object is a chunked dataset of an HDF5 or zarr library."""
    if isinstance(data, np.ndarray) or not all(hasattr(data, name) for name in ("shape", "dtype", "chunks")):
        return False
    chunks = data.chunks
    return isinstance(chunks, tuple) and len(chunks) == len(data.shape) and all(isinstance(c, int) for c in chunks)


def map_binary(path: str | os.PathLike[str], dtype: Any, shape: tuple[int, int], offset: int = 0) -> Array:
    """Map a raw binary file of known layout, C order, without reading it."""
    name = os.fspath(path)
    if not os.path.exists(name):
        raise InvalidInputError(f"no such file: {name}")
    layout = np.dtype(dtype)
    needed, present = offset + layout.itemsize * int(np.prod(shape)), os.path.getsize(name)
    if len(shape) != 2 or min(shape) < 1:
        raise InvalidInputError(f"{name}: a raw file needs a shape of two positive extents, got {shape}")
    if offset < 0:
        raise InvalidInputError(f"{name}: data begin at byte 0 or later, got the offset {offset}")
    if needed > present:
        raise InvalidInputError(
            f"{name} has {present:,} bytes; shape {tuple(shape)} of {layout.name} from byte {offset:,} on needs "
            f"{needed:,}: check the dtype, the order of the axes and the offset"
        )
    return np.memmap(name, dtype=layout, mode="r", offset=offset, shape=tuple(shape))
