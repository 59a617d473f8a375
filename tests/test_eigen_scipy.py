"""What SciPy asks of its symmetric ARPACK wrapper, asked of ours, for the options both have.

Not ours: generalised problems (``M``), the modes "buckling" and "cayley", ``Minv`` and ``OPinv``. What SciPy calls
``ncv`` and ``maxiter`` are `basis_size` and `max_matvecs` here, and an exhausted budget returns a mask.
"""

from __future__ import annotations

import threading

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
from eigenscope import eigen_nearest, eigsh
from eigenscope.errors import ConvergenceWarning, InvalidInputError

ORDER = 6
ROUNDING = {"float32": 3000, "complex64": 3000, "float64": 2000, "complex128": 2000}
"""SciPy's tolerances, in units of eps."""


def positive_definite(n, *, is_complex, seed=2300):
    """B Bᴴ of a matrix of uniform numbers, representable in single precision."""
    random = np.random.default_rng(seed)
    B = random.random((n, n)) + (1j * random.random((n, n)) if is_complex else 0.0)
    A = B @ B.conj().T
    return A.astype("complex64" if is_complex else "float32").astype("complex128" if is_complex else "float64")


def positions_of_wanted(values, k, which, sigma):
    """Where the wanted of `values` are, by SciPy's definition: `which` speaks of 1 / (λ - sigma)."""
    mapped = values if sigma is None else 1.0 / (values - sigma)
    order = np.argsort(np.abs(mapped) if which in ("LM", "SM") else mapped)
    if which == "BE":
        return np.concatenate([order[: k // 2], order[k // 2 - k :]])
    return order[-k:] if which in ("LM", "LA") else order[:k]


def assert_agrees(A, k, dtype, which="LM", sigma=None, held=np.asarray, **options):
    exact = np.linalg.eigvalsh(A)
    rtol = ROUNDING[dtype] * np.finfo(dtype).eps * (5 if dtype in ("float32", "complex64") else 1)
    result = eigsh(held(A.astype(dtype)), k, which=which, sigma=sigma, tol=0, rng=0, **options)
    values, vectors = result
    expected = np.sort(exact[positions_of_wanted(exact, k, which, sigma)])
    np.testing.assert_allclose(np.sort(values), expected, rtol=rtol, atol=rtol * np.abs(exact).max())
    np.testing.assert_allclose(A @ vectors, vectors * values, rtol=rtol, atol=rtol * np.abs(exact).max())
    assert result.status == "converged"


CONTAINERS = [scipy.sparse.csr_array, scipy.sparse.linalg.aslinearoperator, np.asarray]


@pytest.mark.parametrize("sigma", [None, 0.5])
@pytest.mark.parametrize("held", CONTAINERS)
@pytest.mark.parametrize("which", ["LM", "SM", "LA", "SA", "BE"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_every_choice_in_every_container(dtype, which, held, sigma):
    A = positive_definite(ORDER, is_complex=dtype.startswith("complex"))
    assert_agrees(A, 2, dtype, which, sigma, held)


@pytest.mark.parametrize("sigma", [0.5, -3.0])
@pytest.mark.parametrize("held", [scipy.sparse.csr_array, np.asarray])
@pytest.mark.parametrize("which", ["LM", "SM", "LA", "SA", "BE"])
def test_a_number_inside_the_spectrum_of_a_matrix_too_large_for_lapack(which, held, sigma, monkeypatch):
    monkeypatch.setattr(eigen_nearest, "INVERSION_ORDER", 500)
    random = np.random.default_rng(0)
    spectrum = np.concatenate([random.uniform(-6, 6, 597), [0.45, 0.52, 0.6]])
    A = scipy.sparse.diags_array(spectrum).tocsr()
    result = eigsh(A if held is scipy.sparse.csr_array else A.toarray(), 5, which=which, sigma=sigma, rng=0)
    expected = spectrum[positions_of_wanted(spectrum, 5, which, sigma)]
    np.testing.assert_allclose(np.sort(result.eigenvalues), np.sort(expected), atol=1e-11)
    assert result.status == "converged"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
def test_a_start_vector_in_the_scalar_of_the_matrix(k, dtype):
    start = np.random.default_rng(1).random(ORDER).astype(dtype)
    assert_agrees(positive_definite(ORDER, is_complex=False), k, dtype, v0=start)


def test_what_an_exhausted_budget_returns_are_eigenpairs_where_it_says_so():
    diagonal = np.concatenate([[5.0, 4.0, 3.0], np.linspace(0, 1, 2997)])
    A = scipy.sparse.linalg.LinearOperator((3000, 3000), matvec=lambda x: diagonal * x.ravel(), dtype=float)
    with pytest.warns(ConvergenceWarning):
        result = eigsh(A, 8, max_matvecs=200, rng=0)
    done = result.converged
    assert 0 < done.sum() < 8
    vectors, values = result.eigenvectors[:, done], result.eigenvalues[done]
    np.testing.assert_allclose(A @ vectors, vectors * values, atol=1e-9)


def second_differences(n):
    return scipy.sparse.diags_array([1.0, -2.0, 1.0], offsets=[-1, 0, 1], shape=(n, n))


def test_threads_of_the_caller_do_not_disturb_each_other():
    A, start, found = second_differences(50), np.random.default_rng(1234).random(50), []
    threads = [threading.Thread(target=lambda: found.append(eigsh(A, 3, v0=start).eigenvalues)) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 10
    for values in found:
        np.testing.assert_allclose(values, np.linalg.eigvalsh(A.toarray())[:3], rtol=1e-12)


def test_a_product_may_call_eigsh():
    def product(block):
        # The inner solve returns ‖T‖ of a known matrix, so that the outer operator is a multiple of the identity.
        return abs(eigsh(second_differences(50), 1, rng=0).eigenvalues[0]) * block

    result = eigsh(product, 1, shape=(500, 500), rng=0)
    np.testing.assert_allclose(result.eigenvalues, 2 + 2 * np.cos(np.pi / 51), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_top_of_a_long_diagonal(dtype):
    diagonal = np.arange(1, 1001).astype(dtype)
    start = np.random.default_rng(1234).random(1000).astype(dtype)
    values, _ = eigsh(scipy.sparse.diags_array(diagonal), 9, v0=start, basis_size=40, rng=0)
    np.testing.assert_allclose(values, diagonal[::-1][:9], rtol=1e-4)


@pytest.mark.parametrize("which", ["LM", "SM", "LA", "SA"])
@pytest.mark.parametrize("sigma", [None, 0, 5])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fewer_pairs_are_a_subset_of_more(which, sigma, dtype):
    random = np.random.default_rng(2)
    half = scipy.sparse.random_array((10, 10), density=0.5, rng=random).toarray()
    A = scipy.sparse.csr_array(half + half.T).astype(dtype)
    previous, close = np.zeros(0), np.sqrt(np.finfo(dtype).eps)
    for k in range(1, 9):
        values, vectors = eigsh(A, k, which=which, sigma=sigma, v0=np.ones(10, dtype), tol=0)
        assert np.linalg.norm(A @ vectors - vectors * values) < close
        assert (np.abs(previous[:, None] - values).min(axis=1, initial=np.inf) < close).all()
        previous = values


def test_shapes_and_choices_that_make_no_sense_are_value_errors():
    with pytest.raises(ValueError, match="square"):
        eigsh(scipy.sparse.csc_array((2, 3)), 1)
    with pytest.raises(ValueError, match="which must be one of"):
        eigsh(scipy.sparse.csc_array((8, 8)), 1, which="XX")


def test_all_pairs_of_anything_and_no_more():
    # SciPy hands all pairs of an array to LAPACK with a warning, and refuses them of anything else.
    A = second_differences(4)
    for held in (A, A.toarray(), scipy.sparse.linalg.aslinearoperator(A)):
        np.testing.assert_allclose(np.sort(eigsh(held, 4).eigenvalues), np.linalg.eigvalsh(A.toarray()), atol=1e-14)
        with pytest.raises(InvalidInputError, match="k must be an integer from 1 to n = 4"):
            eigsh(held, 5)
