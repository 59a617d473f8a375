"""Files of every kind are opened, and everything wrong with a file is said in one line."""

import os
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
from eigenscope.errors import InvalidInputError, UnsupportedTypeError
from eigenscope.inputs import as_source
from eigenscope.readers import open_recording

X = np.arange(12.0, dtype=np.float32).reshape(4, 3)


def write_mat73(path: Path, **arrays: np.ndarray) -> None:
    """Write what MATLAB 7.3 writes: HDF5 behind a 512-byte header."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in arrays.items():
            file[name] = array
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file")


def write(path: Path) -> str | None:
    """Write X in the format of the suffix and return the key it needs."""
    if path.suffix == ".npy":
        np.save(path, X)
        return None
    if path.suffix == ".npz":
        np.savez(path, X=X, labels=np.arange(4))
    elif path.suffix == ".mat":
        scipy.io.savemat(path, {"X": X})
    else:
        with h5py.File(path, "w") as file:
            file["group/X"] = X
        return "group/X"
    return "X"


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".mat", ".h5"])
def test_opens_every_format(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"data{suffix}"
    key = write(path)
    for asked in {key, None}:
        recording = open_recording(path, key=asked)
        np.testing.assert_array_equal(np.asarray(recording.array), X)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_pipes_are_refused_before_they_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.npy")
    with pytest.raises(InvalidInputError, match="is a pipe or device: write the data to a file first"):
        open_recording(tmp_path / "pipe.npy")


def test_datasets_without_shape_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.h5"
    with h5py.File(path, "w") as file:
        file["n"] = h5py.Empty("f8")
    with pytest.raises(InvalidInputError, match=r"data.h5 \[n\] is an empty dataset, without shape or values"):
        open_recording(path, key="n")
    with h5py.File(path) as file, pytest.raises(InvalidInputError, match=r"data.h5 \[n\] is an empty dataset"):
        as_source(file["n"])


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".mat", ".h5"])
def test_source_is_code_that_opens_the_same_array(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"data{suffix}"
    key = write(path)
    namespace: dict[str, object] = {}
    exec(open_recording(path, key=key).source, namespace)
    np.testing.assert_array_equal(np.asarray(namespace["X"]), X)


def test_npy_is_mapped_not_loaded(tmp_path: Path) -> None:
    write(tmp_path / "data.npy")
    assert isinstance(open_recording(tmp_path / "data.npy").array, np.memmap)


def test_matlab_73_says_that_axes_are_reversed(tmp_path: Path) -> None:
    path = tmp_path / "new.mat"
    write_mat73(path, X=X)
    recording = open_recording(path, key="X")
    np.testing.assert_array_equal(recording.array[...], X)
    assert "reverse" in recording.notes[0]
    assert "(3, 4)" in recording.notes[0]


def test_missing_file_folder_and_unknown_suffix(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no such file"):
        open_recording(tmp_path / "none.npy")
    with pytest.raises(InvalidInputError, match="is a folder"):
        open_recording(tmp_path)
    (tmp_path / "data.txt").write_text("1 2 3")
    with pytest.raises(InvalidInputError, match="unknown file type"):
        open_recording(tmp_path / "data.txt")


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".mat", ".h5"])
@pytest.mark.parametrize("content", [b"", b"junk", b"PK\x03\x04 not a zip", b"\x93NUMPY\x01\x00", bytes(700)])
def test_junk_is_one_line(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"junk{suffix}"
    path.write_bytes(content)
    with pytest.raises(InvalidInputError) as caught:
        open_recording(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("suffix", [".npz", ".mat", ".h5"])
def test_wrong_key_lists_the_arrays_with_their_shapes(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"data{suffix}"
    write(path)
    with pytest.raises(InvalidInputError, match=r"no array 'Y'.*X 4 x 3"):
        open_recording(path, key="Y")


def test_several_matrices_need_a_key(tmp_path: Path) -> None:
    np.savez(tmp_path / "two.npz", A=X, B=X)
    with pytest.raises(InvalidInputError, match="name one by its key: A 4 x 3, B 4 x 3"):
        open_recording(tmp_path / "two.npz")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((0, 5)), "empty"),
        (np.zeros(7), "two axes"),
        (np.zeros(()), "two axes"),
        (np.zeros((8, 16, 49, 3)), r"X\.reshape\(6272, 3\)"),
    ],
)
def test_wrong_shapes_say_how_to_mend_them(tmp_path: Path, array: np.ndarray, message: str) -> None:
    np.save(tmp_path / "data.npy", array)
    with pytest.raises(InvalidInputError, match=message):
        open_recording(tmp_path / "data.npy")


@pytest.mark.parametrize("array", [np.array([["a", "b"]]), np.ones((2, 2)) * 1j, np.zeros((2, 2), "datetime64[s]")])
def test_what_is_not_real_numbers_is_refused(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "data.npy", array)
    with pytest.raises(UnsupportedTypeError, match="real numeric data"):
        open_recording(tmp_path / "data.npy")


def test_pickled_objects_are_never_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "data.npy", np.array([[object()]]), allow_pickle=True)
    with pytest.raises(InvalidInputError, match="cannot read"):
        open_recording(tmp_path / "data.npy")
