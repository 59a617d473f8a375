"""Eigenpairs: the right set, or a status that says otherwise, for every matrix in every container."""

from __future__ import annotations

import eigenscope
import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
from eigenscope import eigsh, testing
from eigenscope.errors import (
    ConvergenceWarning,
    InvalidInputError,
    MemoryBudgetError,
    NonDeterministicOperatorError,
    NonFiniteInputError,
    NotSymmetricError,
    UnsupportedTypeError,
)

N_ITERATIVE = 440
"""Beyond the order up to which LAPACK answers."""


def wanted(values, k, which):
    """The k wanted eigenvalues, most wanted first."""
    ascending = np.sort(values)
    if which == "LA":
        return ascending[::-1][:k]
    if which == "SA":
        return ascending[:k]
    if which == "BE":
        return np.sort(np.concatenate([ascending[::-1][: (k + 1) // 2], ascending[: k // 2]]))
    order = np.argsort(np.abs(ascending))
    return ascending[order[:k]] if which == "SM" else ascending[order[::-1][:k]]


def assert_pairs(result, A, values, which, rtol=1e-12):
    """Right values, in order of wanting, with true residuals and orthonormal vectors."""
    norm = np.abs(values).max()
    expected = wanted(values, len(result.eigenvalues), which)
    found = np.sort(result.eigenvalues) if which == "BE" else result.eigenvalues
    if which in ("LM", "SM"):
        found, expected = np.abs(found), np.abs(expected)
    np.testing.assert_allclose(found, expected, rtol=0, atol=rtol * norm)
    testing.assert_orthonormal(result.eigenvectors)
    assert_residuals_are_true(result, A, norm)
    assert result.status == "converged"
    assert result.converged.all()


def assert_residuals_are_true(result, A, norm):
    wide = np.result_type(result.eigenvectors.dtype, np.float64)
    vectors = result.eigenvectors.astype(wide)
    image = A @ vectors
    residuals = np.linalg.norm(image - vectors * result.eigenvalues, axis=0)
    rounding = testing.default_tolerance(result.eigenvectors.dtype, len(vectors)) * norm
    np.testing.assert_allclose(result.residual_norms, residuals, rtol=1e-3, atol=rounding)


@pytest.mark.parametrize("n", [60, N_ITERATIVE])
@pytest.mark.parametrize("which", ["LM", "LA", "SA", "SM", "BE"])
def test_every_end_of_the_spectrum(which, n):
    values = np.concatenate([testing.polynomial_spectrum(n // 2), -0.9 * testing.polynomial_spectrum(n - n // 2)])
    A = testing.symmetric_matrix(values, rng=1)
    result = eigsh(A, 7, which=which, rng=0)
    assert_pairs(result, A, values, which)
    assert result.info.method.startswith("LAPACK") == (n == 60 or which == "SM")


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("n", [50, N_ITERATIVE])
def test_the_scalar_type_is_kept(dtype, n):
    values = testing.polynomial_spectrum(n, exponent=0.7)
    A = testing.symmetric_matrix(values, rng=2, dtype=dtype)
    before = A.copy()
    result = eigsh(A, 5, rng=0)
    assert result.eigenvectors.dtype == dtype
    assert result.eigenvalues.dtype == np.float64
    assert_pairs(result, A, values, "LM", rtol=testing.default_tolerance(dtype, n))
    np.testing.assert_array_equal(A, before)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int64", "float16", ">f8", ">i4"])
@pytest.mark.parametrize("n", [40, N_ITERATIVE])
def test_other_types_are_cast_on_the_way(dtype, n):
    random = np.random.default_rng(0)
    upper = np.triu(random.integers(0, 2 if dtype == "bool" else 100, (n, n)))
    A = (upper + np.triu(upper, 1).T).astype(dtype)
    wide = A.astype(np.float64)
    result = eigsh(A, 4, rng=0)
    values = np.linalg.eigvalsh(wide)
    assert_pairs(result, wide, values, "LM", rtol=1e-5 if dtype == "float16" else 1e-12)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_small_and_complete(k):
    A = testing.symmetric_matrix([3.0, -2.0, 1.0, 0.0, 0.5], rng=3)
    for which in ("LM", "LA", "SA", "SM", "BE"):
        assert_pairs(eigsh(A, k, which=which), A, np.array([3.0, -2.0, 1.0, 0.0, 0.5]), which)
    assert eigsh(np.array([[-4.0]]), 1).eigenvalues == pytest.approx([-4.0])


@pytest.mark.parametrize("n", [30, N_ITERATIVE])
@pytest.mark.parametrize("factor", [0.0, 1.0, -2.5])
@pytest.mark.parametrize("which", ["LM", "SA", "LA", "BE"])
def test_zero_and_multiples_of_the_identity(n, factor, which):
    sparse = factor * scipy.sparse.eye_array(n, format="csr")
    for A in (sparse.toarray(), sparse, testing.diagonal_operator(np.full(n, factor))):
        result = eigsh(A, 6, which=which, rng=0)
        np.testing.assert_allclose(result.eigenvalues, factor, atol=1e-13)
        testing.assert_orthonormal(result.eigenvectors)
        assert result.status == "converged"


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("multiplicity", [2, 3, 5, 10, 20])
@pytest.mark.parametrize("tol", [None, 1e-3])
def test_no_copy_of_a_repeated_eigenvalue_is_lost_silently(multiplicity, tol, seed):
    values = testing.repeated_spectrum(2000, multiplicity=multiplicity)
    result = eigsh(testing.diagonal_operator(values), 10, tol=tol, rng=seed)
    assert result.status == "converged"
    np.testing.assert_allclose(result.eigenvalues, values[:10], atol=(tol or 1e-11))


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("width", [1e-3, 1e-6, 1e-9, 1e-12])
@pytest.mark.parametrize("tol", [None, 1e-5])
def test_no_member_of_a_cluster_is_lost_silently(width, tol, seed):
    values = testing.clustered_spectrum(1500, cluster_size=6, relative_width=width)
    result = eigsh(testing.diagonal_operator(values), 8, tol=tol, rng=seed)
    assert result.status == "converged"
    np.testing.assert_allclose(result.eigenvalues, values[:8], atol=(tol or 1e-11))


def test_every_eigenvalue_of_a_ring_is_double():
    A = testing.cycle_laplacian(1001)
    result = eigsh(A, 6, which="LA", rng=0)
    expected = np.sort(testing.cycle_laplacian_eigenvalues(1001))[::-1][:6]
    np.testing.assert_allclose(result.eigenvalues, expected, atol=1e-11)
    assert result.status == "converged"


def test_the_close_pairs_of_wilkinson():
    A = testing.wilkinson(441)
    result = eigsh(A, 6, which="LA", rng=0)
    np.testing.assert_allclose(result.eigenvalues, np.linalg.eigvalsh(A)[::-1][:6], atol=1e-11)


FORMATS = ("csr", "csc", "coo", "lil", "dok", "dia", "bsr")


@pytest.mark.parametrize("dtype", ["float64", "float32", "complex128", "int16"])
@pytest.mark.parametrize("sparse_format", FORMATS)
def test_sparse_formats(sparse_format, dtype):
    bands = 10 * np.random.default_rng(0).standard_normal((4, 440))
    weights = scipy.sparse.diags_array(list(bands), offsets=[0, 1, 7, 100], shape=(440, 440)).astype(dtype)
    if dtype == "complex128":
        weights = weights * (1 + 2j)
    A = scipy.sparse.csr_array(weights + weights.conj().T).asformat(sparse_format)
    dense = A.toarray().astype(np.result_type(dtype, np.float64))
    rtol = 1e-5 if dtype == "float32" else 1e-12
    assert_pairs(eigsh(A, 4, rng=0), dense, np.linalg.eigvalsh(dense), "LM", rtol=rtol)


def test_unsorted_and_repeated_entries_empty_rows_and_wide_indices():
    random = np.random.default_rng(4)
    i, j = random.integers(0, 600, (2, 4000))
    i[(i > 100) & (i < 110)] = 0
    j[(j > 100) & (j < 110)] = 0
    weights = random.standard_normal(4000)
    coordinates = (np.concatenate([weights, weights]), (np.concatenate([i, j]), np.concatenate([j, i])))
    A = scipy.sparse.coo_array(coordinates, shape=(600, 600))
    rows = np.argsort(coordinates[1][0], kind="stable")[::-1]
    order = rows[np.argsort(coordinates[1][0][rows], kind="stable")]
    starts = np.searchsorted(coordinates[1][0][order], np.arange(601))
    for index in (np.int32, np.int64):
        parts = (coordinates[0][order], coordinates[1][1][order].astype(index), starts.astype(index))
        messy = scipy.sparse.csr_array(parts, shape=(600, 600))
        messy.indices, messy.indptr = parts[1], parts[2]
        assert messy.nnz == 8000
        held = [part.copy() for part in parts]
        result = eigsh(messy, 5, rng=0)
        assert_pairs(result, A.toarray(), np.linalg.eigvalsh(A.toarray()), "LM")
        for part, before in zip((messy.data, messy.indices, messy.indptr), held, strict=True):
            np.testing.assert_array_equal(part, before)


class Matrix:
    """An object with a shape and products, and nothing else."""

    def __init__(self, array):
        self._array = array
        self.shape = array.shape

    def __matmul__(self, block):
        return self._array @ block


def test_ways_to_hand_over_an_operator():
    values = testing.exponential_spectrum(600, ratio=0.95)
    A = testing.symmetric_matrix(values, rng=5)
    by_vector = scipy.sparse.linalg.LinearOperator((600, 600), matvec=lambda x: A @ x, dtype=float)
    ways = (by_vector, scipy.sparse.linalg.aslinearoperator(A), Matrix(A), eigenscope.as_operator(A))
    for way in ways:
        assert_pairs(eigsh(way, 5, rng=0), A, values, "LM")
    assert_pairs(eigsh(lambda block: A @ block, 5, shape=A.shape, rng=0), A, values, "LM")
    hermitian = testing.symmetric_matrix(values, rng=5, dtype="complex128")
    result = eigsh(lambda block: hermitian @ block, 5, shape=A.shape, dtype="complex128", rng=0)
    assert_pairs(result, hermitian, values, "LM")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("tol", [1e-2, 1e-4, 1e-6, 1e-9, 1e-12, 0.0])
def test_achieved_accuracy_is_the_accuracy_asked_for(tol, dtype):
    values = testing.polynomial_spectrum(900, exponent=0.5)
    A = testing.symmetric_matrix(values, rng=6, dtype=dtype)
    result = eigsh(A, 6, tol=tol, rng=0)
    floor = testing.default_tolerance(dtype, 900)
    assert result.status == "converged"
    assert (result.residual_norms <= max(tol, floor)).all()
    # For a symmetric matrix the eigenvalue error is at most the residual.
    assert np.abs(result.eigenvalues - values[:6]).max() <= max(tol, floor)


@pytest.mark.parametrize("n", [50, N_ITERATIVE])
@pytest.mark.parametrize(("dtype", "power"), [("float64", 498), ("float64", -498), ("float32", 83), ("float32", -83)])
def test_units_near_the_ends_of_the_range(dtype, power, n):
    values = testing.polynomial_spectrum(n)
    A = testing.symmetric_matrix(values, rng=7, dtype=dtype)
    extreme = np.ldexp(A, power)
    for held in (extreme, scipy.sparse.csr_array(extreme), lambda block: extreme @ block):
        described = {"shape": (n, n), "dtype": dtype} if callable(held) else {}
        result = eigsh(held, 5, rng=0, **described)
        found = np.ldexp(result.eigenvalues, -power)
        np.testing.assert_allclose(found, values[:5], atol=testing.default_tolerance(dtype, n))
        assert result.status == "converged"
        assert (np.ldexp(result.residual_norms, -power) <= 1e-4).all()


def test_start_vectors_help_and_wrong_ones_are_refused():
    values = testing.polynomial_spectrum(N_ITERATIVE, exponent=0.3)
    A, V = testing.symmetric_matrix(values, rng=8, return_eigenvectors=True)
    cold = eigsh(A, 4, rng=0)
    warm = eigsh(A, 4, v0=V[:, :4], rng=0)
    assert_pairs(warm, A, values, "LM")
    assert warm.info.n_matvecs < cold.info.n_matvecs
    assert_pairs(eigsh(A, 4, v0=V[:, 9], rng=0), A, values, "LM")
    assert_pairs(eigsh(A, 4, v0=np.zeros(N_ITERATIVE), rng=0), A, values, "LM")
    with pytest.raises(InvalidInputError, match=r"v0 must have shape \(440,\) or \(440, b\), got \(5,\)"):
        eigsh(A, 4, v0=np.ones(5))
    with pytest.raises(InvalidInputError, match="not finite"):
        eigsh(A, 4, v0=np.full(N_ITERATIVE, np.nan))


SLOW = testing.uniform_spectrum(3000)
"""Evenly spaced: no end of it stands out."""


def test_budgets_return_the_best_so_far_and_say_so():
    A = testing.diagonal_operator(SLOW)
    with pytest.warns(ConvergenceWarning, match="above the tolerance.*raise max_matvecs or max_seconds"):
        by_products = eigsh(A, 5, max_matvecs=120, rng=0)
    with pytest.warns(ConvergenceWarning):
        by_time = eigsh(A, 5, tol=0.0, max_seconds=1e-3, rng=0)
    for result in (by_products, by_time):
        assert result.status == "budget"
        assert not result.converged.all()
        assert result.eigenvalues.shape == (5,)
        testing.assert_orthonormal(result.eigenvectors)
        assert_residuals_are_true(result, A, 1.0)
        assert ((result.eigenvalues > 0) & (result.eigenvalues <= 1)).all()
    assert by_products.info.n_matvecs <= 120


def test_a_callback_watches_and_stops():
    states, lines = [], []
    A = testing.diagonal_operator(SLOW)
    with pytest.warns(ConvergenceWarning):
        result = eigsh(
            A,
            4,
            callback=lambda state: states.append(state) or len(states) == 3,
            progress=lines.append,
            rng=0,
        )
    assert result.status == "budget"
    assert len(states) == len(lines) == 3
    assert [state["n_matvecs"] for state in states] == sorted({state["n_matvecs"] for state in states})
    assert all(state["n_wanted"] == 4 and state["largest_residual"] > 0 for state in states)
    assert all(line.startswith("eigsh: ") and "products" in line for line in lines)
    finished = eigsh(testing.diagonal_operator(testing.exponential_spectrum(600)), 4, callback=lambda _: 1, rng=0)
    assert finished.status == "converged"


class Failure(Exception):
    """An exception of the user's own."""


@pytest.mark.parametrize("where", ["operator", "callback", "progress"])
def test_the_exception_of_the_user_comes_back_and_leaves_nothing_broken(where):
    failure = Failure("mine")

    def fail(_):
        raise failure

    A = testing.diagonal_operator(SLOW)
    arguments = {"A": fail, "shape": (3000, 3000)} if where == "operator" else {"A": A, where: fail}
    with pytest.raises(Failure) as caught:
        eigsh(k=4, **arguments)
    assert caught.value is failure
    values = testing.exponential_spectrum(600)
    np.testing.assert_allclose(eigsh(testing.diagonal_operator(values), 4).eigenvalues, values[:4], atol=1e-12)


def test_wrong_input_is_refused_with_numbers():
    A = np.diag(np.arange(5.0))
    for k in (0, 6, 2.0, True):
        with pytest.raises(InvalidInputError, match=f"k must be an integer from 1 to n = 5, got {k}"):
            eigsh(A, k)
    with pytest.raises(InvalidInputError, match=r"square matrix, got shape \(5, 4\); use svds"):
        eigsh(A[:, :4], 2)
    with pytest.raises(InvalidInputError, match="which must be one of LM, LA, SA, SM, BE, got 'LR'"):
        eigsh(A, 2, which="LR")
    with pytest.raises(InvalidInputError, match=r"tol must lie in \[0, 1\).*got -1"):
        eigsh(A, 2, tol=-1)
    with pytest.raises(InvalidInputError, match="max_matvecs must be positive, got 0"):
        eigsh(A, 2, max_matvecs=0)
    with pytest.raises(InvalidInputError, match=r"needs shape=\(rows, columns\)"):
        eigsh(lambda block: block, 2)
    with pytest.raises(UnsupportedTypeError, match="object"):
        eigsh(A.astype(object), 2)
    with pytest.raises(InvalidInputError, match=r"empty: shape \(0, 0\)"):
        eigsh(np.zeros((0, 0)), 1)
    with pytest.raises(InvalidInputError, match=r"empty: shape \(0, 0\)"):
        eigsh(scipy.sparse.csr_array((0, 0)), 1)
    with pytest.raises(InvalidInputError, match="needs a factorisation"):
        eigsh(testing.diagonal_operator(SLOW), 2, which="SM")
    with pytest.raises(MemoryBudgetError, match=r"the Lanczos basis needs [\d.]+ MB, the budget is 100 kB"):
        eigsh(testing.diagonal_operator(np.ones(20000)), 2, max_memory=1e5)


def test_values_that_are_not_finite_are_found():
    A = np.eye(6)
    A[2, 3] = A[3, 2] = np.nan
    with pytest.raises(NonFiniteInputError, match=r"2 entries are NaN or infinite.*first at row 2, column 3"):
        eigsh(A, 2)
    with pytest.raises(InvalidInputError, match="not finite"):
        eigsh(scipy.sparse.csr_array(A), 2)
    with pytest.raises(InvalidInputError, match="the operator returned values that are not finite"):
        eigsh(lambda block: A @ block, 2, shape=(6, 6))


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_asymmetry_is_found_and_located(dtype):
    A = testing.symmetric_matrix(testing.polynomial_spectrum(600), dtype=dtype)
    A[40, 550] += 1e-3
    with pytest.raises(NotSymmetricError, match=r"entries \(40, 550\) and \(550, 40\) differ by 1\.00e-03"):
        eigsh(A, 2)
    A[40] *= 2
    for held in (scipy.sparse.csr_array(A), scipy.sparse.linalg.aslinearoperator(A)):
        with pytest.raises(NotSymmetricError, match="<u, A v> and <A u, v> differ"):
            eigsh(held, 2)
    if dtype == "complex128":
        symmetric_not_hermitian = 1j * np.eye(5)
        with pytest.raises(NotSymmetricError):
            eigsh(symmetric_not_hermitian, 2)


def test_an_operator_that_forgets_its_answers_is_found():
    random = np.random.default_rng(0)
    with pytest.raises(NonDeterministicOperatorError, match="two products with the same vectors differ by"):
        # A multiple of the identity is symmetric within every product.
        eigsh(lambda block: block * random.uniform(0.9, 1.1), 2, shape=(500, 500))


def test_wrong_products_are_refused():
    with pytest.raises(InvalidInputError, match=r"returned shape \(499, 2\) for a block of shape \(500, 2\)"):
        eigsh(lambda block: block[1:], 2, shape=(500, 500))
    with pytest.raises(UnsupportedTypeError, match="dtype=complex128"):
        eigsh(lambda block: 1j * block, 2, shape=(500, 500))
