"""What comes in: data of any container and dtype as a two-dimensional view, samples along rows, without a copy."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse

from . import _core
from .arguments import refuse_masked
from .errors import DataWarning, InvalidInputError, NonFiniteInputError, UnsupportedTypeError
from .readers import check_regular_file, open_recording
from .stored import SparseDataset, StoredMatrix, is_stored_dataset, map_binary
from .tensors import refuse_other_devices, tensor_as_array, tensor_as_csr

Array = np.ndarray[Any, np.dtype[Any]]

NAN_POLICIES = ("raise", "drop_rows", "drop_columns", "pairwise")

_REAL_KINDS = "biuf"
_ROWS_PER_LOOK = 4096


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """A dense data matrix where it lies: a two-dimensional view and the rows and columns in use.

    Parameters
    ----------
    array : ndarray or StoredMatrix, shape (n_samples, n_features)
        Any numeric dtype, byte order and strides; possibly a memory map.
    sample_axis : int
        Axis of the caller's array along which samples lie.
    row_index, column_index : ndarray of int64, or None
        Rows and columns kept, ascending; None means all.
    feature_names : tuple of str, or None
        Labels of all columns of `array`.
    """

    array: Any
    sample_axis: int = 0
    row_index: Array | None = None
    column_index: Array | None = None
    feature_names: tuple[str, ...] | None = None

    @property
    def n_samples(self) -> int:
        """Rows in use."""
        return int(self.array.shape[0]) if self.row_index is None else len(self.row_index)

    @property
    def n_features(self) -> int:
        """Columns in use."""
        return int(self.array.shape[1]) if self.column_index is None else len(self.column_index)

    @property
    def names_in_use(self) -> tuple[str, ...] | None:
        """Labels of the columns in use."""
        if self.feature_names is None or self.column_index is None:
            return self.feature_names
        return tuple(self.feature_names[j] for j in self.column_index)

    @property
    def selection(self) -> dict[str, Any]:
        """Keyword arguments that name the rows and columns in use to the core."""
        return {"rows": self.row_index, "columns": self.column_index}

    def keep_columns(self, kept: Array) -> Source:
        """Return the source with only the columns in use where the mask `kept` is true."""
        index = np.arange(self.array.shape[1]) if self.column_index is None else self.column_index
        return dataclasses.replace(self, column_index=np.ascontiguousarray(index[kept], dtype=np.int64))

    def row_blocks(self) -> Iterator[tuple[int, Array]]:
        """Yield (first row, rows) of the whole array, a few thousand rows at a time."""
        for first in range(0, self.array.shape[0], _ROWS_PER_LOOK):
            yield first, self.array[first : first + _ROWS_PER_LOOK]


def as_source(data: Any, *, sample_axis: int = 0) -> Source:
    """View data as a matrix of samples by features, without copying where that is possible.

    Parameters
    ----------
    data : array_like, path, memory map, HDF5 or zarr dataset, data frame or tensor
        Two-dimensional and real: any integer, boolean or floating dtype, byte order and strides. A path names a
        ``.npy`` file, which is mapped, or a file of another kind with one matrix in it; ``(path, dtype, shape)`` and
        ``(path, dtype, shape, offset)`` name a raw binary file. Chunked datasets are decoded block by block. CPU
        tensors share their memory. A sparse matrix is made dense a block of rows at a time.
    sample_axis : {0, 1}
        Axis along which samples lie.

    Returns
    -------
    Source
        The view.

    Raises
    ------
    UnsupportedTypeError
        When the object or its dtype cannot be data.
    InvalidInputError
        When it is empty or not two-dimensional.

    Examples
    --------
    >>> import numpy as np
    >>> source = as_source(np.zeros((3, 5), dtype=np.int16), sample_axis=1)
    >>> source.n_samples, source.n_features
    (5, 3)
    """
    if isinstance(data, Source):
        return data
    data = tensor_as_csr(data)
    array, names = (_from_chunks(SparseDataset(data)), None) if scipy.sparse.issparse(data) else _as_matrix(data)
    if array.dtype.kind not in _REAL_KINDS:
        raise UnsupportedTypeError(f"data of dtype {array.dtype} cannot be analysed here: real numbers are needed")
    if sample_axis not in (0, 1, -1, -2):
        raise InvalidInputError(f"sample_axis must be 0 or 1, got {sample_axis!r}")
    if sample_axis in (1, -1):
        array, names = array.T, None
    return Source(array=array, sample_axis=sample_axis % 2, feature_names=names)


def as_matrix(data: Any, *, decodes: bool = True) -> tuple[Any, tuple[str, ...] | None]:
    """Return a two-dimensional numeric ndarray sharing memory with `data` where possible, and column labels.

    What must be decoded to be read is decoded whole, or with ``decodes=False`` becomes a `StoredMatrix`.
    """
    array, names = _as_matrix(data)
    return (np.asarray(array), names) if decodes and isinstance(array, StoredMatrix) else (array, names)


def _as_matrix(data: Any) -> tuple[Any, tuple[str, ...] | None]:
    names: tuple[str, ...] | None = None
    data = tensor_as_csr(data)
    if scipy.sparse.issparse(data):
        raise UnsupportedTypeError("a sparse matrix cannot be used as a dense one here: give X.toarray() if it fits")
    if isinstance(data, (str, os.PathLike)):
        return _open_path(data)
    if isinstance(data, StoredMatrix):
        return data, None
    if isinstance(data, tuple) and data and isinstance(data[0], (str, os.PathLike)):
        array = map_binary(*data) if len(data) in (3, 4) else _refuse_file_tuple(data)
    elif type(data).__module__.split(".")[0] == "pandas" and hasattr(data, "dtypes"):
        array, names = _from_frame(data)
    elif hasattr(data, "detach") and hasattr(data, "device"):
        refuse_other_devices(data)
        array = tensor_as_array(data)
    elif hasattr(data, "chunks") and hasattr(data, "id") and hasattr(data, "file"):
        array = _from_hdf5(data)
    elif is_stored_dataset(data):
        array = _from_chunks(data)
    else:
        array = _from_array_like(data)
    refuse_masked("entries", data)
    _check_layout(array)
    return array, names


def _check_layout(array: Any) -> None:
    if array.dtype.kind not in _REAL_KINDS + "c" or array.dtype.itemsize > (16 if array.dtype.kind == "c" else 8):
        hint = (
            "; convert it to numbers first, as X.astype(float) does where it can"
            if array.dtype.kind in "OSUVMm"
            else '; float64 is the widest dtype used: X.astype("float64")'
        )
        raise UnsupportedTypeError(f"dtype {array.dtype} is not numeric data this package reads{hint}")
    if array.ndim != 2:
        raise InvalidInputError(
            f"data must be two-dimensional (samples x features), got shape {array.shape}: "
            + ("use X[:, None] or X[None, :]" if array.ndim == 1 else "reshape or average it to a matrix first")
        )
    if array.size == 0:
        raise InvalidInputError(f"data are empty: shape {array.shape}")


def _from_array_like(data: Any) -> Array:
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise InvalidInputError(
            f"this {type(data).__name__} is not a matrix, its rows differ in length or depth: {error}"
        ) from error
    if array.ndim == 0 and array.dtype == object:
        raise UnsupportedTypeError(
            f"a {type(data).__name__} is not a matrix of numbers: give an array, a data frame, a dataset or a path"
        )
    return array


def _open_npy(path: str | os.PathLike[str]) -> Array:
    name = os.fspath(path)
    check_regular_file(name)
    try:
        loaded = np.load(name, mmap_mode="r", allow_pickle=False)
        if not isinstance(loaded, np.ndarray):
            raise ValueError("an archive of several arrays")
        return loaded
    except (ValueError, OSError, EOFError) as error:
        raise InvalidInputError(
            f"{name} is not a .npy file of numbers that can be mapped; open other formats first, or use analyze"
        ) from error


def _open_path(path: str | os.PathLike[str]) -> tuple[Any, tuple[str, ...] | None]:
    """Map a ``.npy`` file; open a file of another kind that holds one matrix."""
    name = os.fspath(path)
    if not os.path.exists(name) or name.lower().endswith(".npy"):
        array = _open_npy(name)
        _check_layout(array)
        return array, None
    return _as_matrix(open_recording(name).array)


def _refuse_file_tuple(description: tuple[Any, ...]) -> Array:
    raise InvalidInputError(
        f"a raw binary file is described by (path, dtype, shape) or (path, dtype, shape, offset), got {description!r}"
    )


def _from_chunks(dataset: Any) -> Any:
    """View a chunked dataset; one of the wrong layout is refused before it is wrapped."""
    _check_layout(dataset)
    return StoredMatrix(dataset)


def _from_frame(frame: Any) -> tuple[Array, tuple[str, ...]]:
    """Numeric columns of a pandas DataFrame; others are named in the error."""
    if frame.ndim != 2:
        raise InvalidInputError(
            f"data must be two-dimensional (samples x features), got a {type(frame).__name__} of shape {frame.shape}: "
            "give a data frame, or use to_frame()"
        )
    wrong = [str(name) for name, dtype in frame.dtypes.items() if getattr(dtype, "kind", "O") not in _REAL_KINDS]
    if wrong:
        raise UnsupportedTypeError(
            f"{len(wrong)} of {frame.shape[1]} columns are not numeric: {', '.join(wrong[:5])}"
            f"{', …' if len(wrong) > 5 else ''}; select the numeric ones first"
        )
    names = tuple(str(name) for name in frame.columns)
    array = frame.to_numpy()
    # Columns of several kinds, which only floats hold together.
    return frame.to_numpy(dtype=np.float64, na_value=np.nan) if array.dtype == object else array, names


def _from_hdf5(dataset: Any) -> Any:
    """Map a contiguous HDF5 dataset; decode a chunked or compressed one block by block."""
    if dataset.shape is None:
        where = f"{dataset.file.filename} [{dataset.name.strip('/')}]"
        raise InvalidInputError(f"{where} is an empty dataset, without shape or values")
    if dataset.chunks is not None:
        return _from_chunks(dataset)
    if dataset.file.mode != "r":
        # What has been written may not be on disk yet.
        dataset.file.flush()
    offset = dataset.id.get_offset()
    if offset is None or dataset.file.driver != "sec2":
        return np.asarray(dataset[...])
    return np.memmap(dataset.file.filename, dtype=dataset.dtype, mode="r", offset=offset, shape=dataset.shape)


def apply_nan_policy(source: Source, nan: str, threads: int) -> Source:
    """Return the source without its non-finite values, or raise, as the policy says.

    Called when a pass has met a value that is not finite; reads the data once more.
    """
    if nan not in NAN_POLICIES:
        raise InvalidInputError(f"nan must be one of {', '.join(NAN_POLICIES)}, got {nan!r}")
    if nan == "raise":
        raise _non_finite_error(source, threads)
    rows = np.zeros(source.array.shape[0], dtype=bool)
    columns = np.zeros(source.array.shape[1], dtype=bool)
    n_bad = 0
    for first, block in source.row_blocks():
        bad = ~np.isfinite(block)
        rows[first : first + len(block)] = bad.any(axis=1)
        columns |= bad.any(axis=0)
        n_bad += int(np.count_nonzero(bad))
    kept = np.flatnonzero(~(rows if nan == "drop_rows" else columns)).astype(np.int64)
    if len(kept) == 0:
        what = "sample" if nan == "drop_rows" else "feature"
        advice = _what_keeps(int(rows.sum()), int(columns.sum()), n_bad, source.array.shape)
        raise NonFiniteInputError(
            f'every {what} holds a value that is not finite, nan="{nan}" leaves nothing. {advice}'
        )
    if nan == "drop_rows":
        return dataclasses.replace(source, row_index=kept)
    return dataclasses.replace(source, column_index=kept)


def _what_keeps(bad_rows: int, bad_columns: int, n_bad: int, shape: tuple[int, int]) -> str:
    """Return the policies that leave something of data with so many values that are not finite, and how much."""
    n, p = shape
    if n_bad == n * p:
        return "Not one value is finite: nothing can be analysed, look at how the data were written or read"
    choices = []
    if n - bad_rows >= 2:
        choices.append(f'"drop_rows" (keeps {1 - bad_rows / n:.1%} of the samples)')
    if bad_columns < p:
        choices.append(f'"drop_columns" (keeps {1 - bad_columns / p:.1%} of the features)')
    choices.append('"pairwise" (where every two features share samples)')
    return "Use nan=" + ", ".join(choices[:-1]) + (" or " if choices[:-1] else "") + choices[-1]


def _non_finite_error(source: Source, threads: int, offers_policies: bool = True) -> NonFiniteInputError:
    found = _core.scan(source.array, **source.selection, threads=threads)
    n, p = source.n_samples, source.n_features
    rows, columns = found["rows_touched"], found["columns_touched"]
    if not offers_policies:
        return NonFiniteInputError(
            f"{found['n_nonfinite']:,} entries are NaN or infinite, in {rows:,} of {n:,} rows and {columns:,} of {p:,} "
            f"columns (first at row {found['first_row']}, column {found['first_column']}): drop or fill them first"
        )
    return NonFiniteInputError(
        f"{found['n_nonfinite']:,} values are NaN or infinite, in {rows:,} of {n:,} samples and {columns:,} of {p:,} "
        f"features (first at sample {found['first_row']}, feature {found['first_column']}). "
        f"{_what_keeps(rows, columns, found['n_nonfinite'], (n, p))}"
    )


def check_finite(source: Source, threads: int) -> float:
    """Return the largest magnitude; raise `NonFiniteInputError` when a value is NaN or infinite."""
    found = _core.scan(source.array, **source.selection, threads=threads)
    if found["n_nonfinite"]:
        raise _non_finite_error(source, threads, offers_policies=False)
    return float(found["largest_magnitude"])


def warn_about_constant_features(n_constant: int, n_features: int, stacklevel: int = 3) -> None:
    """Say that features without variance were left out of a scaled analysis."""
    import warnings

    warnings.warn(
        f"{n_constant:,} of {n_features:,} features are constant and cannot be scaled to unit variance: left out",
        DataWarning,
        stacklevel=stacklevel + 1,
    )
