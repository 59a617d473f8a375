"""Singular triplets of data with NaN, huge means or scales, and of more vectors than the data have dimensions."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from eigenscope import eigsh, randomized_svd, svds, testing
from eigenscope.errors import InvalidInputError, NonFiniteInputError, UnsupportedTypeError
from scipy.sparse.linalg import aslinearoperator

random = np.random.default_rng(0)
A = random.standard_normal((200, 120))
EXACT = np.linalg.svd(A, compute_uv=False)


@pytest.mark.parametrize("solve", [svds, randomized_svd])
def test_one_nan_in_data_too_large_to_be_looked_at_first_is_found(solve):
    data = np.random.default_rng(0).standard_normal((4300, 4000), dtype=np.float32)
    data[778, 17] = np.nan
    with pytest.raises(NonFiniteInputError, match="row 778, column 17"):
        solve(data, 3, rng=0)


@pytest.mark.parametrize("mean", [1e4, 1e8, 1e12])
@pytest.mark.parametrize("weights", [None, np.ones(200)])
def test_a_huge_mean_costs_no_digits(mean, weights):
    # Whole numbers: the mean of a column is then exact in long double, and so are the deviations.
    deviations = np.round(1e3 * A[:, :6])
    data = deviations + np.array([mean, 0, 0, 0, 0, 0])
    centred = (deviations.astype(np.longdouble) - deviations.astype(np.longdouble).mean(axis=0)).astype(float)
    result = svds(data, 3, center=True, row_weights=weights, rng=0)
    testing.assert_orthonormal(np.column_stack([result.U, np.full(200, 200**-0.5)]))
    residuals = np.linalg.norm(centred @ result.Vh.T - result.U * result.singular_values, axis=0)
    assert residuals.max() < 1e-12 * result.singular_values[0]


@pytest.mark.parametrize(("unit", "dtype"), [(1e20, "f4"), (1e-25, "f4"), (1e150, "f8"), (1e-170, "f8")])
@pytest.mark.parametrize("method", ["svds", "qb", "block-krylov", "subspace"])
def test_operators_of_any_unit_are_decomposed(unit, dtype, method):
    operator = aslinearoperator((A * unit).astype(dtype))
    plain = aslinearoperator(A.astype(dtype))
    if method == "svds":
        found = svds(operator, 3, rng=0)
        np.testing.assert_allclose(found.singular_values / unit, EXACT[:3], rtol=1e-5)
        return
    found, same = (randomized_svd(op, 3, method=method, rng=0) for op in (operator, plain))
    np.testing.assert_allclose(found.singular_values / unit, same.singular_values, rtol=1e-5)
    np.testing.assert_allclose(found.residual_norms / unit, same.residual_norms, rtol=1e-3)
    assert found.error_estimate.value == pytest.approx(same.error_estimate.value, rel=1e-3)


@pytest.mark.parametrize("unit", [1e20, 1e-22])
def test_operators_of_any_unit_are_scaled(unit):
    operator = aslinearoperator((A * unit).astype("f4"))
    exact = np.linalg.svd(A / np.sqrt((A**2).mean(axis=0)), compute_uv=False)
    np.testing.assert_allclose(svds(operator, 3, scale=True, rng=0).singular_values, exact[:3], rtol=1e-5)


@pytest.mark.parametrize("method", ["block-krylov", "subspace"])
@pytest.mark.parametrize("rank", [100, 152])
def test_all_triplets_of_wide_data_are_orthonormal(method, rank):
    data = random.standard_normal((152, rank)) @ random.standard_normal((rank, 163))
    result = randomized_svd(data, 152, method=method, n_iter=9, rng=0)
    testing.assert_orthonormal(result.U)
    testing.assert_orthonormal(result.Vh.T)
    assert result.residual_norms.max() < 1e-10 * result.singular_values[0]


@pytest.mark.parametrize("shape", [(344, 412), (412, 344)])
def test_passes_stay_within_their_budget_when_the_space_is_used_up(shape):
    data = random.standard_normal(shape)
    result = randomized_svd(aslinearoperator(data), 150, max_passes=8, rng=0)
    assert result.info.n_passes <= 8
    np.testing.assert_allclose(result.singular_values, np.linalg.svd(data, compute_uv=False)[:150], rtol=1e-10)


def test_repeated_entries_of_the_callers_matrix_stay_where_they_are():
    values = np.array([1.0, 2, 3, 4])
    matrix = scipy.sparse.csr_matrix((values, np.array([0, 0, 1, 2]), np.array([0, 3, 4])), shape=(2, 3))
    for options in ({"center": True}, {"scale": True}, {"row_weights": [1.0, 2.0]}):
        svds(matrix, 1, rng=0, **options)
        np.testing.assert_array_equal(matrix.data, [1, 2, 3, 4])
    for part in (matrix.data, matrix.indices, matrix.indptr):
        part.flags.writeable = False
    exact = np.linalg.svd(np.array([[3.0, 3, 0], [0, 0, 4]]) - [1.5, 1.5, 2], compute_uv=False)
    np.testing.assert_allclose(svds(matrix, 1, center=True, rng=0).singular_values, exact[:1])


def test_imaginary_parts_of_a_sparse_matrix_are_not_dropped():
    with pytest.raises(UnsupportedTypeError, match="imaginary"):
        svds(scipy.sparse.csr_array(A[:20, :20] + 1j), 2, dtype="float64")


def test_many_copies_at_both_ends_do_not_stop_lapack():
    for n in range(64, 200):
        assert eigsh(np.eye(n) - 1 / n, 1, rng=0).eigenvalues[0] == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("option", ["center", "scale", "check", "certify"])
def test_switches_are_true_or_false(option):
    with pytest.raises(InvalidInputError, match=f"{option} must be True or False, got 'no'"):
        svds(A, 2, **{option: "no"})


def test_a_sketch_of_one_vector_has_no_error_bar():
    error = randomized_svd(A[:1], 1, method="qb", n_oversamples=5, rng=0).error_estimate
    assert error.value == 0
    assert np.isnan(error.stderr)


@pytest.mark.parametrize("solve", [svds, randomized_svd])
@pytest.mark.parametrize("kind", [np.asarray, scipy.sparse.csr_array])
@pytest.mark.parametrize("size", [1e60, 1e-60])
def test_precisions_that_cannot_hold_the_data_are_refused(solve, kind, size):
    data = kind(size * np.random.default_rng(0).standard_normal((30, 20)))
    with pytest.raises(InvalidInputError, match="float32 cannot hold"):
        solve(data, 3, dtype="float32")
    assert (solve(data, 3).singular_values > size).all()


def test_labels_of_a_frame_are_carried_through(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(A[:, :4], columns=["a", "b", "c", 7])
    for solve in (svds, randomized_svd):
        result = solve(frame, 2, center=True)
        assert result.feature_names == ("a", "b", "c", "7")
        result.save(tmp_path / "triplets.npz")
        assert type(result).load(tmp_path / "triplets.npz") == result
    assert svds(A, 2).feature_names is None
