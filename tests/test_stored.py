"""Data on disk: the numbers of data in memory, to the last bit, in bounded memory."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from eigenscope import RowSketch, as_source, covariance_spectrum, randomized_svd, stored, svds
from eigenscope.errors import InvalidInputError, NonFiniteInputError, UnsupportedTypeError
from eigenscope.stored import StoredMatrix, map_binary

DATA = np.random.default_rng(0).standard_normal((1500, 300)) * np.linspace(3, 0.5, 300) + 4.0

CALLS = {
    "svds": lambda X, **o: svds(X, 5, rng=1, **o),
    "svds centred": lambda X, **o: svds(X, 5, center=True, method="block-krylov", rng=1, **o),
    "svds gram": lambda X, **o: svds(X, 5, center=True, method="gram", rng=1, **o),
    "svds scaled": lambda X, **o: svds(X, 5, center=True, scale=True, rng=1, **o),
    "randomized_svd": lambda X, **o: randomized_svd(X, 5, rng=1, **o),
    "covariance": lambda X, **o: covariance_spectrum(X, k=5, **o),
}


class Chunked:
    """What an HDF5 or zarr dataset looks like, and a record of what was read."""

    def __init__(self, array, chunks):
        self.array, self.chunks, self.shape, self.dtype = array, chunks, array.shape, array.dtype
        self.ndim, self.size, self.reads = array.ndim, array.size, []

    def __getitem__(self, selection):
        self.reads.append(selection)
        return self.array[selection]


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(stored, "BLOCK_BYTES", 1 << 18)


def assert_same_bits(left, right):
    for field in dataclasses.fields(left):
        if isinstance(getattr(left, field.name), np.ndarray):
            np.testing.assert_array_equal(getattr(left, field.name), getattr(right, field.name), err_msg=field.name)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("dtype", ["float64", ">f4", "int16"])
def test_chunked_datasets_have_the_bits_of_arrays(name, dtype, small_blocks):
    array = (DATA * 10).astype(dtype)
    expected = CALLS[name](array, threads=1)
    for chunks in ((7, 300), (100, 64), (1500, 3)):
        for threads in (1, 3):
            assert_same_bits(CALLS[name](Chunked(array, chunks), threads=threads), expected)


@pytest.mark.parametrize("library", ["h5py", "zarr"])
def test_hdf5_and_zarr(library, tmp_path, small_blocks):
    module = pytest.importorskip(library)
    path = str(tmp_path / "data.h5")
    if library == "h5py":
        with module.File(path, "w") as file:
            file.create_dataset("X", data=DATA, chunks=(64, 50), compression="gzip")
        dataset = module.File(path, "r")["X"]
        assert_same_bits(svds(path, 4, rng=1), svds(DATA, 4, rng=1))
    else:
        dataset = module.create_array(store=path, data=DATA, chunks=(64, 50))
    assert isinstance(as_source(dataset).array, StoredMatrix)
    for call in CALLS.values():
        assert_same_bits(call(dataset), call(DATA))
    transposed = covariance_spectrum(dataset, sample_axis=1, k=3)
    np.testing.assert_allclose(transposed.eigenvalues, covariance_spectrum(DATA, sample_axis=1, k=3).eigenvalues)
    assert RowSketch(300, 20, rng=0).update(dataset).n_rows == 1500


def test_every_block_is_read_once_per_pass_and_whole_chunks_at_that(small_blocks):
    dataset = Chunked(DATA, (50, 300))
    matrix = StoredMatrix(dataset)
    assert matrix.block_rows % 50 == 0
    n_blocks = -(-1500 // matrix.block_rows)
    result = svds(dataset, 5, center=True, method="block-krylov", rng=1, threads=1)
    assert n_blocks > 4
    # A block between two lanes may come by twice.
    assert len(dataset.reads) <= result.info.n_passes * (n_blocks + 2) + 64


def test_missing_values_in_datasets(small_blocks):
    broken = DATA.copy()
    broken[1234, 56] = np.nan
    with pytest.raises(NonFiniteInputError, match="first at row 1234, column 56"):
        svds(Chunked(broken, (50, 300)), 3)
    found = covariance_spectrum(Chunked(broken, (50, 300)), nan="drop_rows", k=3)
    np.testing.assert_array_equal(found.eigenvalues, covariance_spectrum(broken, nan="drop_rows", k=3).eigenvalues)


def test_errors_of_the_library_come_back_unchanged(small_blocks):
    class Broken(Chunked):
        def __getitem__(self, selection):
            raise OSError("the disk is on fire")

    for threads in (1, 2):
        with pytest.raises(OSError, match="the disk is on fire"):
            svds(Broken(DATA, (50, 300)), 3, threads=threads)


def test_wrong_datasets_are_refused():
    with pytest.raises(InvalidInputError, match="two-dimensional"):
        svds(Chunked(np.zeros((3, 4, 5)), (1, 1, 1)), 1)
    with pytest.raises(InvalidInputError, match="empty"):
        svds(Chunked(np.zeros((0, 4)), (1, 1)), 1)
    with pytest.raises(UnsupportedTypeError, match="not numeric"):
        svds(Chunked(np.array([["a"]]), (1, 1)), 1)


def test_raw_binary_files(tmp_path):
    path = tmp_path / "rows.bin"
    raw = (DATA * 100).astype("<i2")
    path.write_bytes(b"header" + raw.tobytes())
    found = svds((path, "<i2", raw.shape, 6), 4, rng=1)
    assert_same_bits(found, svds(raw, 4, rng=1))
    assert isinstance(map_binary(path, "<i2", raw.shape, 6), np.memmap)
    with pytest.raises(InvalidInputError, match=r"has 900,006 bytes.*needs 1,200,006"):
        svds((path, "<i2", (2000, 300), 6), 4)
    with pytest.raises(InvalidInputError, match="two positive extents"):
        svds((path, "<i2", (0, 300)), 4)
    with pytest.raises(InvalidInputError, match=r"\(path, dtype, shape\)"):
        svds((path, "<i2"), 4)
    with pytest.raises(InvalidInputError, match="no such file"):
        svds((tmp_path / "none", "<i2", (3, 3)), 1)


@pytest.mark.skipif(sys.platform != "linux", reason="limits the data segment")
def test_a_file_larger_than_the_memory_allowed(tmp_path):
    path = tmp_path / "X.npy"
    rng = np.random.default_rng(0)
    factors = rng.standard_normal((2000, 5)) * [8, 6, 5, 4, 3], rng.standard_normal((5, 400))
    block = (factors[0] @ factors[1] + rng.standard_normal((2000, 400)) + 5).astype(np.float32)
    X = np.lib.format.open_memmap(path, "w+", "float32", (80_000, 400))  # 128 MB
    for first in range(0, len(X), len(block)):
        X[first : first + len(block)] = block
    del X
    script = f"""
        import numpy as np, resource, sys
        from eigenscope import randomized_svd, svds
        # Threads and buffers of BLAS come to life before the limit.
        svds(np.ones((300, 300)) + np.eye(300), 2, method="block-krylov", rng=0, threads=2)
        used = int(next(line for line in open("/proc/self/status") if line.startswith("VmData")).split()[1]) << 10
        resource.setrlimit(resource.RLIMIT_DATA, (used + (64 << 20),) * 2)
        try:
            np.load({str(path)!r})
        except MemoryError:
            print("the file does not fit")
        for solve in (svds, randomized_svd):
            result = solve({str(path)!r}, 5, center=True, scale=True, rng=0, threads=2)
            print(*result.singular_values.tolist())
    """
    answer = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    control, *found = answer.stdout.splitlines()
    assert control == "the file does not fit"
    centred = (block - block.mean(axis=0, dtype=np.float64)) / block.std(axis=0, dtype=np.float64)
    truth = np.linalg.svd(centred, compute_uv=False)[:5] * np.sqrt(40 * (80_000 - 1) / 80_000)
    np.testing.assert_allclose(np.array(found[0].split(), dtype=float), truth, rtol=1e-5)
    np.testing.assert_allclose(np.array(found[1].split(), dtype=float), truth, rtol=0.05)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("container", ["npy", "hdf5"])
def test_memory_does_not_grow_with_the_file(container, tmp_path):
    script = f"""
        import numpy as np, resource, sys
        from eigenscope import svds
        rows, cols = 300_000, 600
        path = {str(tmp_path / "X")!r}
        if {container!r} == "npy":
            X = np.lib.format.open_memmap(path + ".npy", "w+", "float32", (rows, cols))
        else:
            import h5py
            X = h5py.File(path + ".h5", "w").create_dataset("X", (rows, cols), "float32", chunks=(1000, cols))
        rng = np.random.default_rng(0)
        for first in range(0, rows, 10_000):
            X[first : first + 10_000] = rng.standard_normal((10_000, cols), dtype="float32")
        if {container!r} == "npy":
            X.flush()
            import mmap
            X._mmap.madvise(mmap.MADV_DONTNEED)
            X = path + ".npy"

        def peak():
            return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) / 1024

        open("/proc/self/clear_refs", "w").write("5")
        before = peak()
        svds(X, 5, center=True, tol=0.5, method="block-krylov", rng=0, threads=2)
        print(peak() - before)
    """
    answer = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    assert float(answer.stdout) < 400  # MB, of a file of 720


def test_what_an_open_hdf5_file_has_not_written_yet_counts(tmp_path):
    h5py = pytest.importorskip("h5py")
    data = np.random.default_rng(0).standard_normal((2000, 20))
    with h5py.File(tmp_path / "new.h5", "w") as file:
        dataset = file.create_dataset("x", data=data)
        expected = np.linalg.svd(data, compute_uv=False)[:2]
        np.testing.assert_allclose(svds(dataset, 2, rng=0).singular_values, expected, rtol=1e-10)
    with h5py.File(tmp_path / "new.h5", "r+") as file:
        dataset = file["x"]
        dataset[100:110] = 1e3 * data[:10]
        expected = np.linalg.svd(dataset[:], compute_uv=False)[:2]
        np.testing.assert_allclose(svds(dataset, 2, rng=0).singular_values, expected, rtol=1e-10)
