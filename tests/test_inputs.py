"""What can be data, what is shared and what is refused, with the numbers that the refusal names."""

from __future__ import annotations

import os

import eigenscope
import eigenscope.neural
import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
from eigenscope import as_source, covariance_spectrum, stored, svds
from eigenscope.errors import InvalidInputError, NonFiniteInputError, UnsupportedTypeError
from eigenscope.inputs import apply_nan_policy, as_matrix, check_finite

DATA = np.random.default_rng(0).standard_normal((12, 5))


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint64", "float16", "float32", ">f8", ">i2"])
@pytest.mark.parametrize("sample_axis", [0, 1, -1, -2])
def test_arrays_are_viewed_not_copied(dtype, sample_axis):
    array = DATA.astype(dtype)
    array.flags.writeable = False
    source = as_source(array, sample_axis=sample_axis)
    assert np.shares_memory(source.array, array)
    assert source.sample_axis == sample_axis % 2
    expected = (12, 5) if sample_axis in (0, -2) else (5, 12)
    assert (source.n_samples, source.n_features) == expected


def test_a_source_is_a_source():
    source = as_source(DATA)
    assert as_source(source) is source


def test_blocks_of_rows_cover_the_data_in_order():
    data = np.arange(30_000.0).reshape(-1, 3)
    blocks = list(as_source(data).row_blocks())
    assert [first for first, _ in blocks] == list(np.cumsum([0, *(len(block) for _, block in blocks)])[:-1])
    np.testing.assert_array_equal(np.concatenate([block for _, block in blocks]), data)


@pytest.mark.parametrize(
    ("data", "error", "match"),
    [
        (
            np.zeros(5),
            InvalidInputError,
            r"two-dimensional.*shape \(5,\): use X\[:, None\] or X\[None, :\]",
        ),
        (np.zeros((2, 3, 4)), InvalidInputError, r"got shape \(2, 3, 4\): reshape or average"),
        ([[1, 2], [3]], InvalidInputError, "this list is not a matrix, its rows differ in length"),
        (3.0, InvalidInputError, r"got shape \(\)"),
        (np.zeros((0, 4)), InvalidInputError, r"empty: shape \(0, 4\)"),
        (np.array([["a", "b"]]), UnsupportedTypeError, "convert it to numbers first"),
        (np.array([[object()]]), UnsupportedTypeError, r"object.*X\.astype\(float\)"),
        (None, UnsupportedTypeError, "a NoneType is not a matrix of numbers: give an array"),
        (scipy.sparse.linalg.aslinearoperator(DATA), UnsupportedTypeError, "is not a matrix of numbers"),
        (np.zeros((2, 2), dtype="datetime64[s]"), UnsupportedTypeError, "datetime64"),
        (DATA * 1j, UnsupportedTypeError, "complex128 cannot be analysed here"),
        (scipy.sparse.csr_array((0, 4)), InvalidInputError, r"empty: shape \(0, 4\)"),
        (scipy.sparse.eye_array(4, dtype=complex), UnsupportedTypeError, "complex128 cannot be analysed here"),
        ("no/such/file.npy", InvalidInputError, "no such file: no/such/file.npy"),
    ],
)
def test_what_cannot_be_data_is_said(data, error, match):
    with pytest.raises(error, match=match):
        as_source(data)


@pytest.mark.skipif(np.dtype(np.longdouble).itemsize <= 8, reason="long double is double here")
def test_extended_precision_is_refused():
    with pytest.raises(UnsupportedTypeError, match="float64 is the widest"):
        as_source(DATA.astype(np.longdouble))


SPARSE = scipy.sparse.random_array((60, 25), density=0.2, rng=np.random.default_rng(3), format="coo")


@pytest.mark.parametrize("format", ["csr", "csc", "coo", "dia", "lil"])
@pytest.mark.parametrize("options", [{}, {"scale": True}, {"center": False, "k": 3}, {"sample_axis": 1}])
def test_sparse_matrices_have_the_spectrum_of_dense_ones(format, options):
    found = covariance_spectrum(SPARSE.asformat(format), **options)
    expected = covariance_spectrum(SPARSE.toarray(), **options)
    np.testing.assert_allclose(found.eigenvalues, expected.eigenvalues, atol=1e-14 * expected.eigenvalues[0])
    assert found.total_variance == pytest.approx(expected.total_variance, rel=1e-14)


def test_sparse_matrices_are_made_dense_a_block_at_a_time(monkeypatch):
    most = 0

    class Watched(scipy.sparse.csr_array):
        def toarray(self, *arguments, **options):
            nonlocal most
            most = max(most, self.shape[0])
            return super().toarray(*arguments, **options)

    monkeypatch.setattr(stored, "BLOCK_BYTES", 16 * 25 * 8)
    found = covariance_spectrum(Watched(SPARSE))
    assert 1 < most <= 16
    np.testing.assert_allclose(found.eigenvalues, covariance_spectrum(SPARSE.toarray()).eigenvalues, rtol=1e-13)


@pytest.mark.parametrize("options", [{}, {"scale": True}, {"center": False}, {"sample_axis": 1}])
def test_sparse_matrices_stay_sparse_where_their_covariance_does_not_fit(options):
    X = scipy.sparse.random_array((900, 1200), density=0.02, rng=np.random.default_rng(4), format="csr")
    found = covariance_spectrum(X, k=2, max_memory=2_000_000, **options)
    assert found.info.method not in covariance_spectrum(X, k=2, **options).info.method
    expected = covariance_spectrum(X.toarray(), **options)
    np.testing.assert_allclose(found.eigenvalues, expected.eigenvalues[:2], rtol=1e-6)
    assert found.total_variance == pytest.approx(expected.total_variance, rel=1e-12)


def test_sparse_matrices_with_missing_values():
    holed = SPARSE.tocsr()
    holed.data[7] = np.nan
    row = int(np.searchsorted(holed.indptr, 7, side="right")) - 1
    with pytest.raises(NonFiniteInputError, match=f"1 values .* in 1 of 60 samples .*first at sample {row}"):
        covariance_spectrum(holed)
    found, expected = (covariance_spectrum(X, nan="drop_rows") for X in (holed, holed.toarray()))
    np.testing.assert_allclose(found.eigenvalues, expected.eigenvalues, atol=1e-14)


def test_masked_arrays():
    mask = np.zeros(DATA.shape, dtype=bool)
    np.testing.assert_array_equal(as_source(np.ma.array(DATA, mask=mask)).array, DATA)
    mask[3, 1] = True
    with pytest.raises(InvalidInputError, match="fill them with NaN"):
        as_source(np.ma.array(DATA, mask=mask))


def test_files_are_mapped(tmp_path):
    np.save(tmp_path / "data.npy", DATA)
    source = as_source(tmp_path / "data.npy")
    assert isinstance(source.array, np.memmap)
    assert not source.array.flags.writeable
    (tmp_path / "junk.npy").write_bytes(b"not an array")
    with pytest.raises(InvalidInputError, match=r"junk\.npy is not a \.npy file of numbers that can be mapped"):
        as_source(tmp_path / "junk.npy")


def test_data_frames_bring_their_labels():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(DATA, columns=["a", "b", "c", "d", 5])
    source = as_source(frame)
    assert source.names_in_use == ("a", "b", "c", "d", "5")
    kept = source.keep_columns(np.array([True, False, True, False, True]))
    assert kept.names_in_use == ("a", "c", "5")
    assert as_source(frame, sample_axis=1).names_in_use is None
    frame["word"] = "x"
    with pytest.raises(UnsupportedTypeError, match="1 of 6 columns are not numeric: word"):
        as_source(frame)
    with pytest.raises(InvalidInputError, match=r"got a Series of shape \(5,\): give a data frame, or use to_frame"):
        as_source(pandas.Series(np.zeros(5)))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_pipes_are_refused_before_they_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.npy")
    with pytest.raises(InvalidInputError, match="is a pipe or device: write the data to a file first"):
        as_source(tmp_path / "pipe.npy")


class Device:
    def __init__(self, kind):
        self.type = kind

    def __str__(self):
        return self.type + ":0"


class Tensor:
    """What a tensor library offers of its protocol."""

    def __init__(self, array, device="cpu"):
        self._array = array
        self.device = Device(device)
        self.shape = array.shape

    def detach(self):
        return self

    def numpy(self, force=False):
        return self._array

    def element_size(self):
        return self._array.itemsize

    def nelement(self):
        return self._array.size

    def __matmul__(self, block):
        raise AssertionError("a tensor on the CPU is used as an array")


@pytest.mark.parametrize(
    "use",
    [
        lambda values: covariance_spectrum(np.ma.vstack([values] * 3)),
        eigenscope.fit_power_law,
        eigenscope.effective_rank,
        lambda values: eigenscope.neural.learning_curve(values, np.ones(30), 10),
    ],
)
def test_masked_entries_are_no_numbers(use):
    values = np.ma.masked_array(np.arange(30, 0.0, -1), np.arange(30) == 3)
    with pytest.raises(InvalidInputError, match="are masked: leave them out"):
        use(values)


def test_tensors_share_their_memory_and_other_devices_are_refused():
    assert np.shares_memory(as_source(Tensor(DATA)).array, DATA)
    np.testing.assert_array_equal(svds(Tensor(DATA), 2).singular_values, svds(DATA, 2).singular_values)
    with pytest.raises(UnsupportedTypeError, match=r"lies on cuda:0: move it \(80 MB\) with \.cpu\(\)"):
        as_source(Tensor(np.zeros((10_000, 1000)), "cuda"))


@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<i2"])
def test_hdf5_datasets(tmp_path, dtype):
    h5py = pytest.importorskip("h5py")
    data = (100 * DATA).astype(dtype)
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file.create_dataset("contiguous", data=data)
        file.create_dataset("chunked", data=data, chunks=(4, 5), compression="gzip")
    expected = covariance_spectrum(data).eigenvalues
    with h5py.File(tmp_path / "data.h5", "r") as file:
        assert isinstance(as_source(file["contiguous"]).array, np.memmap)
        for name in ("contiguous", "chunked"):
            source = as_source(file[name])
            np.testing.assert_array_equal(source.array, data)
            np.testing.assert_array_equal(covariance_spectrum(file[name]).eigenvalues, expected)


@pytest.mark.parametrize("dtype", ["float16", "float32", ">f8"])
def test_what_is_not_finite_is_counted_by_rows_and_columns_in_use(dtype):
    data = DATA.astype(dtype)
    assert check_finite(as_source(data), 2) == pytest.approx(float(np.abs(data).max()))
    data[[2, 2, 7], [1, 4, 4]] = [np.nan, np.inf, -np.inf]
    with pytest.raises(NonFiniteInputError, match=r"3 entries .* in 2 of 12 rows and 2 of 5 columns"):
        check_finite(as_source(data), 1)
    rows = apply_nan_policy(as_source(data), "drop_rows", 1)
    assert rows.row_index.tolist() == [0, 1, 3, 4, 5, 6, 8, 9, 10, 11]
    assert rows.n_samples == 10
    columns = apply_nan_policy(as_source(data), "drop_columns", 1)
    assert columns.column_index.tolist() == [0, 2, 3]
    assert np.isfinite(check_finite(rows, 1))
    assert np.isfinite(check_finite(columns, 1))


def test_the_magnitude_of_the_most_negative_integer():
    data = np.array([[-128, 5]], dtype=np.int8)
    assert check_finite(as_source(data), 1) == 128.0


def test_columns_of_several_kinds_are_numbers_together():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.0, 2, 4], "b": [True, False, True], "c": pandas.array([1, 2, 3], dtype="Int64")})
    array, names = as_matrix(frame)
    assert names == ("a", "b", "c")
    np.testing.assert_array_equal(array, [[1, 1, 1], [2, 0, 2], [4, 1, 3]])
