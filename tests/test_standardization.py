"""Centring and weights of every container: those of the matrix written out."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
from eigenscope import randomized_svd, svds
from eigenscope.errors import InvalidInputError

SHAPE = (300, 220)


def containers(A):
    yield "dense", A
    yield "fortran", np.asfortranarray(A)
    yield "csr", scipy.sparse.csr_array(A)
    yield "csc", scipy.sparse.csc_array(A)
    yield "operator", scipy.sparse.linalg.aslinearoperator(A)


def written_out(A, center, rows=None, columns=None):
    rows = np.ones(A.shape[0]) if rows is None else rows
    columns = np.ones(A.shape[1]) if columns is None else columns
    wide = A.astype(np.clongdouble if A.dtype.kind == "c" else np.longdouble)
    mean = (rows[:, None] * wide).sum(axis=0) / rows.sum() if center else 0
    return (np.sqrt(rows)[:, None] * (wide - mean) * np.sqrt(columns)).astype(A.dtype)


def data(shape=SHAPE, dtype="float64", seed=0):
    random = np.random.default_rng(seed)
    A = random.standard_normal(shape) * np.linspace(3, 0.5, shape[1]) * (random.random(shape) < 0.2)
    return A + 1j * (A != 0) * random.standard_normal(shape) if dtype == "complex128" else A


@pytest.mark.parametrize("solve", [svds, randomized_svd])
@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("shape", [SHAPE, (150, 400)])
def test_weights_and_centring_of_every_container(solve, center, dtype, shape):
    A = data(shape, dtype)
    rows, columns = np.linspace(0, 2, shape[0]), np.linspace(3, 0.1, shape[1])
    for weights in ((rows, None), (None, columns), (rows, columns)):
        explicit = written_out(A, center, *weights)
        truth = np.linalg.svd(explicit, compute_uv=False)[:4]
        for name, held in containers(A):
            options = {"n_iter": 20} if solve is randomized_svd else {}
            result = solve(held, 4, center=center, row_weights=weights[0], column_weights=weights[1], rng=0, **options)
            np.testing.assert_allclose(result.singular_values, truth, rtol=1e-9, err_msg=name)
            backward = explicit.conj().T @ result.U - result.Vh.conj().T * result.singular_values
            assert np.linalg.norm(backward, axis=0).max() <= 1e-7 * truth[0]


def test_a_row_of_weight_two_is_two_rows():
    A = data()
    counts = np.arange(SHAPE[0]) % 4
    repeated = np.repeat(A, counts, axis=0)
    result = svds(A, 5, center=True, row_weights=counts, rng=0)
    expected = svds(repeated, 5, center=True, rng=0)
    np.testing.assert_allclose(result.singular_values, expected.singular_values, rtol=1e-12)
    np.testing.assert_allclose(np.abs(result.Vh @ expected.Vh.T), np.eye(5), atol=1e-6)


@pytest.mark.parametrize("dtype", ["float64", "float32", "int32"])
def test_weighted_means_of_1e8_deviations_cost_no_digits(dtype):
    offset = 1e8 if dtype == "float64" else 1e4
    A = (np.random.default_rng(1).standard_normal(SHAPE) * 100 + 100 * offset).astype(dtype)
    rows = np.linspace(0.1, 2, SHAPE[0])
    explicit = written_out(A.astype(np.float64), True, rows)
    truth = np.linalg.svd(explicit, compute_uv=False)[:4]
    found = svds(A, 4, center=True, row_weights=rows, rng=0).singular_values
    np.testing.assert_allclose(found, truth, rtol=1e-5 if dtype == "float32" else 1e-11)


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("weighted", [False, True])
def test_unit_variance_of_every_container(center, dtype, weighted):
    A = data((300, 90), dtype)
    rows = np.linspace(0, 2, 300) if weighted else None
    weights = np.ones(300) if rows is None else rows
    divisor = weights.sum() - center
    mean = weights @ A / weights.sum()
    spread = weights @ np.abs(A - mean * center) ** 2 / divisor
    explicit = written_out(A, center, rows) / np.sqrt(spread)
    truth = np.linalg.svd(explicit, compute_uv=False)[:4]
    for name, held in containers(A):
        result = svds(held, 4, center=center, scale=True, row_weights=rows, rng=0)
        np.testing.assert_allclose(result.singular_values, truth, rtol=1e-9, err_msg=name)


@pytest.mark.parametrize("dtype", ["float64", "complex128", "int64"])
@pytest.mark.parametrize("sparse_format", ["csr", "csc", "coo"])
@pytest.mark.parametrize("scale", [False, True])
def test_sparse_columns_of_1e8_deviations_cost_no_digits(dtype, sparse_format, scale):
    A = np.round(1e3 * data((300, 60)))
    A[:, ::7] = np.round(1e3 * np.random.default_rng(3).standard_normal(A[:, ::7].shape)) + 1e11
    A = (A + 1j * (A != 0) if dtype == "complex128" else A).astype(dtype)
    explicit = written_out(A.astype(np.result_type(dtype, np.float64)), True)
    explicit = explicit / explicit.std(axis=0, ddof=1) if scale else explicit
    truth = np.linalg.svd(explicit, compute_uv=False)[:4]
    held = scipy.sparse.coo_array(A).asformat(sparse_format)
    copy = held.copy()
    found = svds(held, 4, center=True, scale=scale, rng=0)
    np.testing.assert_allclose(found.singular_values, truth, rtol=1e-12)
    assert (held != copy).nnz == 0


def test_wrong_weights_are_refused():
    A = data()
    for wrong in (np.ones(3), -np.ones(SHAPE[0]), np.zeros(SHAPE[0]), np.full(SHAPE[0], np.nan)):
        with pytest.raises(InvalidInputError, match="row_weights must"):
            svds(A, 2, row_weights=wrong)
    with pytest.raises(InvalidInputError, match=r"column_weights must have shape \(220,\), got \(1,\)"):
        svds(A, 2, column_weights=[1.0])


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_a_wrong_adjoint_is_noticed(dtype):
    A = data(dtype=dtype)
    for wrong in (lambda X: 2 * A.conj().T @ X, lambda X: A.T[::-1] @ X, lambda X: A.T @ X):
        if dtype == "float64" and np.array_equal(wrong(np.eye(SHAPE[0])[:, :1]), A.T @ np.eye(SHAPE[0])[:, :1]):
            continue
        with pytest.raises(InvalidInputError, match="adjoint product is not that of the operator"):
            svds(lambda X: A @ X, 2, shape=SHAPE, dtype=dtype, adjoint=wrong, rng=0)
    found = svds(lambda X: A @ X, 2, shape=SHAPE, dtype=dtype, adjoint=lambda X: A.conj().T @ X, rng=0)
    np.testing.assert_allclose(found.singular_values, np.linalg.svd(A, compute_uv=False)[:2])


@pytest.mark.parametrize("exponent", [-290, -200, -160, 155, 200, 300])
@pytest.mark.parametrize(("center", "scale"), [(True, False), (True, True), (False, True)])
@pytest.mark.parametrize("weighted", [False, True])
def test_squares_beyond_the_range_of_double(exponent, center, scale, weighted):
    A = np.random.default_rng(0).standard_normal((300, 80)) + 0.5
    options = {"center": center, "scale": scale, "rng": 0}
    if weighted:
        options |= {"row_weights": np.linspace(1, 2, 300), "column_weights": np.linspace(2, 1, 80)}
    expected = svds(A, 3, **options).singular_values
    factor = 10.0**exponent
    for method in ("auto", "block-krylov", "lapack"):
        result = svds(A * factor, 3, method=method, **options)
        np.testing.assert_allclose(result.singular_values / (1 if scale else factor), expected, rtol=1e-9)
    result = randomized_svd(A * factor, 3, n_iter=12, **options)
    np.testing.assert_allclose(result.singular_values / (1 if scale else factor), expected, rtol=1e-6)


def test_a_few_rows_may_misjudge_the_size():
    A = np.zeros((2000, 5))
    A[1] = 1e200 * np.arange(1, 6)
    result = svds(A, 1, center=True, rng=0)
    np.testing.assert_allclose(result.singular_values[0], np.sqrt(55 * (1 - 1 / 2000)) * 1e200, rtol=1e-12)


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_weights_of_one_change_nothing_and_whole_weights_repeat_rows(center, dtype):
    A = data((60, 8), dtype) + 3.0
    counts = np.random.default_rng(5).integers(0, 4, 60)
    options = {"center": center, "scale": True, "rng": 0, "threads": 1}
    for held, repeated in zip(containers(A), containers(np.repeat(A, counts, axis=0)), strict=True):
        plain = svds(held[1], 2, **options).singular_values
        ones = svds(held[1], 2, row_weights=np.ones(60), **options).singular_values
        np.testing.assert_allclose(ones, plain, rtol=1e-12, err_msg=held[0])
        weighted = svds(held[1], 2, row_weights=counts, **options).singular_values
        np.testing.assert_allclose(weighted, svds(repeated[1], 2, **options).singular_values, rtol=1e-12)
    with pytest.raises(InvalidInputError, match="row_weights add up to 1, and deviations"):
        svds(A, 2, center=True, scale=True, row_weights=np.full(60, 1 / 60))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("weighted", [False, True])
def test_complex_means_of_1e8_deviations_cost_no_digits(order, weighted):
    rng = np.random.default_rng(6)
    A = np.asarray(
        (rng.standard_normal((90, 40)) + 1j * rng.standard_normal((90, 40))) * 3 + 1e8 * (1 - 2j), order=order
    )
    rows = np.linspace(0.1, 2, 90) if weighted else None
    truth = np.linalg.svd(written_out(A, True, rows), compute_uv=False)[:10]
    result = svds(A, 10, center=True, row_weights=rows, rng=0, threads=1)
    assert result.status == "converged"
    np.testing.assert_allclose(result.singular_values, truth, rtol=1e-12)


def stored_in_halves(A):
    """Every entry as two stored values, in no order."""
    m, n = A.shape
    halves = np.stack([A / 2, A - A / 2], axis=1)[:, :, ::-1]
    columns = np.tile(np.arange(n)[::-1], 2 * m)
    return scipy.sparse.csr_array((halves.ravel(), columns, 2 * n * np.arange(m + 1)), shape=(m, n))


@pytest.mark.parametrize("scale", [False, True])
@pytest.mark.parametrize("mean", [1e6, 1e8])
def test_large_means_of_unsorted_sparse_data_cost_no_digits(mean, scale):
    A = np.random.default_rng(0).standard_normal((300, 40)) + mean
    sorted_entries = scipy.sparse.csr_array(A)
    unsorted = sorted_entries[:, ::-1] @ scipy.sparse.csr_array(np.eye(40)[::-1])
    assert not unsorted.has_sorted_indices
    expected = svds(A, 3, center=True, scale=scale, rng=0).singular_values
    for held in (unsorted, stored_in_halves(A), stored_in_halves(A).tocsc()):
        before = held.data.copy(), held.indices.copy()
        found = svds(held, 3, center=True, scale=scale, rng=0)
        np.testing.assert_allclose(found.singular_values, expected, rtol=1e-13)
        assert len(svds(held, variance=0.5, center=True, rng=0).singular_values) == 15
        np.testing.assert_array_equal(held.data, before[0])
        np.testing.assert_array_equal(held.indices, before[1])


def test_parts_of_small_integers_are_summed_without_wrapping():
    A = scipy.sparse.csr_array((np.full(8, 100, np.int8), [0, 0] * 4, [0, 2, 4, 6, 8]), shape=(4, 1))
    A.data[:2] = 90
    dense = np.array([[180.0], [200.0], [200.0], [200.0]])
    found = svds(A, 1, center=True, rng=0).singular_values
    np.testing.assert_allclose(found, np.linalg.svd(dense - dense.mean(axis=0))[1], rtol=1e-12)


@pytest.mark.parametrize("total", [1.2, 1.5, 3.0])
def test_the_divisor_is_the_sum_of_the_weights_less_one(total):
    A = np.random.default_rng(0).standard_normal((50, 4))
    weights = np.full(50, total / 50)
    deviations = A - A.mean(axis=0)
    scaled = deviations / np.sqrt((weights[:, None] * deviations**2).sum(axis=0) / (total - 1))
    found = svds(A, 4, center=True, scale=True, row_weights=weights, rng=0).singular_values
    np.testing.assert_allclose(found, np.linalg.svd(np.sqrt(weights)[:, None] * scaled)[1], rtol=1e-12)


@pytest.mark.parametrize("container", [np.asarray, scipy.sparse.csr_array, scipy.sparse.linalg.aslinearoperator])
def test_a_shape_that_is_not_that_of_the_data_is_refused(container):
    A = np.random.default_rng(0).standard_normal((50, 4))
    for function in (svds, randomized_svd):
        function(container(A), 2, shape=(50, 4), rng=0)
        with pytest.raises(InvalidInputError, match=r"shape=\(5, 5\) is not that of the data, \(50, 4\)"):
            function(container(A), 2, shape=(5, 5), rng=0)
