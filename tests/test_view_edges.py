"""Views and probes of operators at the ends of the floating range, and of what is no graph and no shift."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
from eigenscope import as_operator, centered_view, eigsh, gram_view, normalized_laplacian_view, shifted_view, testing
from eigenscope.errors import (
    InvalidInputError,
    NonDeterministicOperatorError,
    NonFiniteInputError,
    NotSymmetricError,
    UnsupportedTypeError,
)

HELD = [np.asarray, scipy.sparse.csr_array, scipy.sparse.csc_array, scipy.sparse.coo_array]


def positive_weights(n=30):
    W = np.random.default_rng(0).random((n, n))
    return W + W.T


def laplacian_values(weights):
    """Eigenvalues of the normalised Laplacian by LAPACK, largest first."""
    wide = weights.astype(np.longdouble)
    roots = 1 / np.sqrt(wide.sum(axis=1))
    return 1 - np.linalg.eigvalsh((roots[:, None] * wide * roots).astype(np.float64))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("held", HELD)
def test_weights_that_are_not_finite_are_counted_and_located(held, bad):
    W = positive_weights()
    W[3, 5] = W[5, 3] = bad
    with pytest.raises(NonFiniteInputError, match=r"^2 .* are NaN or infinite.*first at row 3, column 5"):
        normalized_laplacian_view(held(W))


def test_masked_weights_are_refused():
    W = np.ma.masked_greater(positive_weights(), 1.9)
    with pytest.raises(InvalidInputError, match=f"{W.mask.sum()} of 900 entries are masked"):
        normalized_laplacian_view(W)


IN_EXTREME_UNITS = [
    ("float32", 1e38),
    ("float32", 1e-36),
    ("float64", 8e307),
    ("float64", 1e200),
    ("float64", 1e-300),
    ("float64", 1e-310),
]

# SciPy has no sparse matrices in half precision.
IN_HALF_PRECISION = [(np.asarray, "float16", 1.0), (np.asarray, "float16", 3e4)]


@pytest.mark.parametrize(
    ("held", "dtype", "unit"), [*((held, *unit) for held in HELD for unit in IN_EXTREME_UNITS), *IN_HALF_PRECISION]
)
def test_the_normalized_laplacian_does_not_depend_on_the_unit(held, dtype, unit):
    W = (positive_weights() * unit).astype(dtype)
    kept = W.copy()
    view = normalized_laplacian_view(held(W))
    assert view.dtype == ("float64" if dtype == "float64" else "float32")
    found = eigsh(view, 3, which="LA", rng=0).eigenvalues
    np.testing.assert_allclose(found, laplacian_values(W)[:3], rtol=1e-13 if dtype == "float64" else 2e-6)
    np.testing.assert_array_equal(W, kept)


@pytest.mark.parametrize("dtype", ["float16", "float32", "int8"])
def test_degrees_of_narrow_weights_are_summed_in_double_precision(dtype):
    W = np.full((450, 450), 120, dtype=dtype)
    view = normalized_laplacian_view(W)
    np.testing.assert_allclose(view.product(np.ones((450, 1)), 1), 0, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("held", HELD)
def test_vertices_of_very_light_edges_stay_connected(held, dtype):
    heavy, light = (1e38, 1e-30) if dtype == "float32" else (1e300, 1e-260)
    W = np.zeros((4, 4), dtype=dtype)
    W[0, 1] = W[1, 0] = heavy
    W[2, 3] = W[3, 2] = light
    values = eigsh(normalized_laplacian_view(held(W)), 4).eigenvalues
    np.testing.assert_allclose(np.sort(values), [0, 0, 2, 2], atol=1e-6)


def test_sparse_weights_stored_in_parts_are_added_and_left_as_they_are():
    parts = scipy.sparse.csr_array(([2.0, -1.0, 1.0], [1, 1, 0], [0, 2, 3]), shape=(2, 2))
    values = eigsh(normalized_laplacian_view(parts), 2).eigenvalues
    np.testing.assert_allclose(np.sort(values), [0, 2], atol=1e-14)
    np.testing.assert_array_equal(parts.data, [2.0, -1.0, 1.0])


def test_a_dense_graph_of_usual_weights_is_not_copied():
    W = positive_weights(600).astype(np.float32)
    tracemalloc.start()
    normalized_laplacian_view(W)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < W.nbytes / 2


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([["a"]], "not numeric"),
        (positive_weights() * 1j, "must be real numbers, got dtype complex128"),
        (scipy.sparse.csr_array(positive_weights()) * 1j, "must be real numbers, got dtype complex128"),
        (scipy.sparse.linalg.aslinearoperator(positive_weights()), "only has products: give the matrix of weights"),
        (as_operator(positive_weights()), "only has products: give the matrix of weights"),
        (lambda block: block, "function only has products"),
    ],
)
def test_what_is_no_graph_is_refused(weights, message):
    with pytest.raises(UnsupportedTypeError, match=message):
        normalized_laplacian_view(weights)


@pytest.mark.parametrize(
    ("dtype", "unit"),
    [
        ("float32", 1e-25),
        ("float32", 1e-36),
        ("float32", 1e18),
        ("float32", 1e25),
        ("float32", 6e37),
        ("float64", 1e-150),
        ("float64", 1e100),
        ("float64", 1e150),
    ],
)
@pytest.mark.parametrize("held", [*HELD[:3], centered_view])
def test_the_gram_view_in_any_unit_that_has_squares(held, dtype, unit):
    A = np.random.default_rng(1).standard_normal((60, 20))
    seen = A - A.mean(axis=0) if held is centered_view else A
    result = eigsh(gram_view(held((A * unit).astype(dtype))), 3, rng=0)
    truth = np.linalg.svd(seen)[1][:3] ** 2
    np.testing.assert_allclose(result.eigenvalues / unit / unit, truth, rtol=1e-13 if dtype == "float64" else 3e-6)
    assert result.status == "converged"


@pytest.mark.parametrize("unit", [1e-160, 1e-300, 1e160, 1e300])
@pytest.mark.parametrize("held", [*HELD[:3], centered_view])
def test_the_gram_view_of_data_without_squares_is_refused(held, unit):
    A = np.random.default_rng(1).standard_normal((60, 20))
    with pytest.raises(
        InvalidInputError, match=r"their Gram matrix, squares near 1e-?[3-6].* range of double precision"
    ):
        gram_view(held(A * unit))


@pytest.mark.parametrize("unit", [1e-300, 1e-160, 1e154, 1e160, 1e300])
def test_functions_in_any_unit_are_probed(unit):
    G = np.random.default_rng(2).standard_normal((500, 500))
    with pytest.raises(NotSymmetricError, match="the operator is not symmetric"):
        eigsh(lambda block: unit * (G @ block), 3, shape=G.shape, rng=0)
    symmetric = testing.symmetric_matrix(np.linspace(-1, 2, 500), rng=0)
    found = eigsh(lambda block: unit * (symmetric @ block), 3, shape=G.shape, which="LA", rng=0)
    np.testing.assert_allclose(found.eigenvalues / unit, np.linspace(-1, 2, 500)[:-4:-1], rtol=1e-12)


@pytest.mark.parametrize("unit", [1e-200, 1e200, 1e300])
@pytest.mark.parametrize("held", HELD[:2])
def test_the_shifted_view_in_any_unit(held, unit):
    A = testing.symmetric_matrix(np.linspace(-1, 2, 60), rng=0)
    found = eigsh(shifted_view(held(A * unit), -unit), 2, which="LA", rng=0)
    np.testing.assert_allclose(found.eigenvalues / unit, np.linspace(-1, 2, 60)[:-3:-1] + 1, rtol=1e-12)


@pytest.mark.parametrize("sigma", ["a", None, np.array([1, 2]), 10**400, 1j, np.nan, np.inf, True])
def test_a_shift_that_is_no_number_is_refused(sigma):
    with pytest.raises(InvalidInputError, match=r"^sigma must be a finite real number, got"):
        shifted_view(np.eye(3), sigma)


def test_shifts_beyond_single_precision_are_refused():
    A = np.eye(3, dtype=np.float32)
    with pytest.raises(InvalidInputError, match=r"magnitude of sigma, about 1.0e\+100, leaves the range of float32"):
        shifted_view(A, 1e100)
    with pytest.raises(InvalidInputError, match=r"magnitude of the operator, about .*e-5"):
        shifted_view(gram_view(A * np.float32(1e-25)), 1e-30)
    assert eigsh(shifted_view(A, np.float32(2)), 1).eigenvalues == [-1]


@pytest.mark.parametrize("amount", [1e-1, 1e-3, 1e-10])
def test_an_operator_that_changes_is_not_called_asymmetric(amount):
    A = testing.symmetric_matrix(np.linspace(-1, 2, 500), rng=0)
    for seed in range(20):
        random, calls = np.random.default_rng(seed), []

        def product(block, random=random, calls=calls):
            calls.append(block.shape)
            return A @ block * (1 + amount * random.standard_normal((500, 1)))

        with pytest.raises(NonDeterministicOperatorError, match="two products with the same vectors differ by"):
            eigsh(product, 3, shape=A.shape, rng=seed)
        assert calls == [(500, 2)] * 2
