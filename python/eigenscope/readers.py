"""Open recordings stored as ``.npy``, ``.npz``, MATLAB ``.mat`` and HDF5, reading no more than needed."""

from __future__ import annotations

import dataclasses
import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .errors import InvalidInputError, UnsupportedTypeError

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_HDF5_SUFFIXES = (".h5", ".hdf5", ".hdf", ".nwb")
_MATLAB_HEADER = 512
"""MATLAB 7.3 files put this many bytes before the HDF5 signature."""

_SHOWN_KEYS = 8


@dataclasses.dataclass(frozen=True)
class Recording:
    """A two-dimensional numeric array in a file.

    Parameters
    ----------
    array : ndarray, memmap or HDF5 dataset
        The data, opened read-only; memmaps and datasets are read when used.
    source : str
        Python code that opens the same array.
    notes : tuple of str
        What a reader of the result must know about how the file stores the array.
    """

    array: Any
    source: str
    notes: tuple[str, ...] = ()


def open_recording(path: str | os.PathLike[str], *, key: str | None = None) -> Recording:
    """Open the two-dimensional array in a file.

    Parameters
    ----------
    path : str or path-like
        ``.npy`` (mapped, not loaded), ``.npz``, ``.mat`` (any version; 7.3 needs h5py) or HDF5 (needs h5py).
    key : str, optional
        Name of the array inside the file; may be left out when the file holds only one that fits.

    Returns
    -------
    Recording
        The array, the code that opens it, and notes.

    Raises
    ------
    InvalidInputError
        When the file is missing or unreadable, the key is wrong, or the array is empty or not two-
        dimensional.
    UnsupportedTypeError
        When the array is not numeric.
    """
    path = Path(path)
    check_regular_file(path)
    reader = _reader_for(path)
    try:
        recording = reader(path, key)
    except (InvalidInputError, MemoryError):
        raise
    except Exception as error:
        # The parsers of NumPy, SciPy and HDF5 raise whatever junk leads them to, from KeyError to zlib.error.
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InvalidInputError(f"cannot read {path} as {path.suffix or 'a file without suffix'}: {reason}") from error
    check_matrix(recording.array, str(path) if key is None else f"{path} [{key}]")
    return recording


def check_regular_file(path: str | os.PathLike[str]) -> None:
    """Raise unless `path` names a regular file; reading a pipe would wait for ever.

    Parameters
    ----------
    path : str or path-like
        What is to be read.

    Raises
    ------
    InvalidInputError
        When nothing is there, or a folder, a pipe or a device.
    """
    name = os.fspath(path)
    if not os.path.exists(name):
        raise InvalidInputError(f"no such file: {name}")
    if os.path.isdir(name):
        raise InvalidInputError(f"{name} is a folder, not a file")
    if not os.path.isfile(name):
        raise InvalidInputError(f"{name} is a pipe or device: write the data to a file first")


def _reader_for(path: Path) -> Callable[[Path, str | None], Recording]:
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return _open_npy
    if suffix == ".npz":
        return _open_npz
    if suffix == ".mat":
        return _open_hdf5 if _is_hdf5(path) else _open_matlab
    if suffix in _HDF5_SUFFIXES or _is_hdf5(path):
        return _open_hdf5
    raise InvalidInputError(f"{path}: unknown file type {suffix!r}; .npy, .npz, .mat and HDF5 (.h5) can be read")


def _is_hdf5(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_MATLAB_HEADER + len(HDF5_SIGNATURE))
    return head.startswith(HDF5_SIGNATURE) or head[_MATLAB_HEADER:] == HDF5_SIGNATURE


def check_matrix(array: Any, where: str) -> None:
    """Raise unless `array` is a non-empty two-dimensional numeric array.

    Parameters
    ----------
    array : ndarray or dataset
        What a file holds.
    where : str
        Its place, for the message.

    Raises
    ------
    InvalidInputError
        When it is empty or not two-dimensional; the text says how to make it so.
    UnsupportedTypeError
        When its entries are not numbers.
    """
    dtype, shape = np.dtype(array.dtype), tuple(array.shape)
    if dtype.kind not in "biuf":
        what = "complex numbers" if dtype.kind == "c" else f"{dtype.name}, not numbers"
        raise UnsupportedTypeError(f"{where} holds {what} (shape {shape}); real numeric data are needed")
    if 0 in shape:
        raise InvalidInputError(f"{where} is empty: shape {shape}")
    if len(shape) == 2:
        return
    if len(shape) < 2:
        raise InvalidInputError(f"{where} has shape {shape}; samples x features are needed (two axes)")
    rest = int(np.prod(shape[:-1]))
    raise InvalidInputError(
        f"{where} has {len(shape)} axes, shape {shape}; two are needed. If the last axis holds features, "
        f"save X.reshape({rest}, {shape[-1]}); to average over repeats first, use X.mean(axis=…)"
    )


def _open_npy(path: Path, key: str | None) -> Recording:
    if key is not None:
        raise InvalidInputError(f"{path} holds one array without a name: leave the key {key!r} out")
    with path.open("rb") as file:
        if file.read(6) != b"\x93NUMPY":
            raise InvalidInputError(f"{path} is not a .npy file: it does not start with NumPy's signature")
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    return Recording(array, f"import numpy as np; X = np.load({str(path)!r}, mmap_mode='r')")


def _open_npz(path: Path, key: str | None) -> Recording:
    if not zipfile.is_zipfile(path):
        raise InvalidInputError(f"{path} is not a .npz file: it is not a zip archive")
    with zipfile.ZipFile(path) as archive:
        shapes = {Path(name).stem: _member_shape(archive, name) for name in archive.namelist()}
    key = _choose_key(path, key, shapes)
    with np.load(path, allow_pickle=False) as arrays:
        array = arrays[key]
    return Recording(array, f"import numpy as np; X = np.load({str(path)!r})[{key!r}]")


def _member_shape(archive: zipfile.ZipFile, name: str) -> tuple[int, ...]:
    """Return the shape of one array of a ``.npz`` archive from its header, without reading the values."""
    with archive.open(name) as file:
        version = np.lib.format.read_magic(file)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape: tuple[int, ...] = read_header(file)[0]
    return shape


def _open_matlab(path: Path, key: str | None) -> Recording:
    from scipy.io import loadmat, whosmat

    shapes = {name: tuple(shape) for name, shape, _ in whosmat(path)}
    key = _choose_key(path, key, shapes)
    array = loadmat(path, variable_names=[key])[key]
    if hasattr(array, "tocsr"):
        array = array.tocsr()
    return Recording(array, f"import scipy.io; X = scipy.io.loadmat({str(path)!r})[{key!r}]")


def _open_hdf5(path: Path, key: str | None) -> Recording:
    try:
        import h5py
    except ImportError as error:
        raise InvalidInputError(f'{path} is HDF5 and needs h5py: pip install "eigenscope[io]"') from error
    file = h5py.File(path, "r")
    shapes: dict[str, tuple[int, ...]] = {}
    without_values: set[str] = set()

    def note_shape(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and not name.startswith("#refs#"):
            shapes[name] = tuple(item.shape or ())
            if item.shape is None:
                without_values.add(name)

    file.visititems(note_shape)
    key = _choose_key(path, None if key is None else key.strip("/"), shapes)
    if key in without_values:
        raise InvalidInputError(f"{path} [{key}] is an empty dataset, without shape or values")
    notes: tuple[str, ...] = ()
    if path.suffix.lower() == ".mat":
        notes = (
            f"MATLAB 7.3 files store axes in reverse: {key}, of size {shapes[key][::-1]} in MATLAB, is read "
            f"as {shapes[key]}. The sample axis counts as read here.",
        )
    return Recording(file[key], f"import h5py; X = h5py.File({str(path)!r})[{key!r}]", notes)


def _choose_key(path: Path, key: str | None, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Return the key asked for, or the only array of the file, or the only one with two axes."""
    if key is not None:
        if key in shapes:
            return key
        raise InvalidInputError(f"{path} has no array {key!r}; it holds {_list_keys(shapes)}")
    if not shapes:
        raise InvalidInputError(f"{path} holds no arrays")
    if len(shapes) == 1:
        return next(iter(shapes))
    matrices = [name for name, shape in shapes.items() if len(shape) == 2 and min(shape) > 1]
    if len(matrices) == 1:
        return matrices[0]
    raise InvalidInputError(f"{path} holds several arrays; name one by its key: {_list_keys(shapes)}")


def _list_keys(shapes: Mapping[str, tuple[int, ...]]) -> str:
    listed = [f"{name} {' x '.join(map(str, shape)) or 'scalar'}" for name, shape in shapes.items()]
    more = f" and {len(listed) - _SHOWN_KEYS} more" if len(listed) > _SHOWN_KEYS else ""
    return ", ".join(listed[:_SHOWN_KEYS]) + more
