"""A decomposition in few passes: no worse than subspace iteration, with an error that covers the truth."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
import scipy.stats
from eigenscope import as_operator, centered_view, randomized_svd, testing
from eigenscope.errors import InvalidInputError

SPECTRA = {
    "1/i": testing.polynomial_spectrum(250),
    "1/sqrt(i)": testing.polynomial_spectrum(250, exponent=0.5),
    "0.9^i": testing.exponential_spectrum(250, ratio=0.9),
    "0.5^i": testing.exponential_spectrum(250, ratio=0.5),
    "graded": testing.graded_spectrum(250, decades=12),
    "step": testing.step_spectrum(250, n_high=12),
    "wishart": np.sqrt(testing.wishart_spectrum(600, 250)),
}


def subspace_iteration(A, k, n_iter, seed):
    """Halko, Martinsson and Tropp, algorithm 4.4, with the same oversampling and iterations."""
    Q = np.linalg.qr(A @ np.random.default_rng(seed).standard_normal((A.shape[1], k + 10)))[0]
    for _ in range(n_iter):
        Q = np.linalg.qr(A @ np.linalg.qr(A.T @ Q)[0])[0]
    U, s, Vh = np.linalg.svd(Q.T @ A, full_matrices=False)
    return (Q @ U)[:, :k], s[:k], Vh[:k]


def frobenius_error(A, U, s, Vh):
    return np.linalg.norm(A - (U * s) @ Vh) / np.linalg.norm(A)


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("n_iter", [0, 1, 3])
@pytest.mark.parametrize(
    ("shape", "method", "test_matrix"),
    [
        ((600, 250), "block-krylov", "gaussian"),
        ((250, 600), "block-krylov", "sparse-sign"),
        ((600, 250), "subspace", "sparse-sign"),
        ((250, 600), "subspace", "gaussian"),
    ],
)
def test_never_worse_than_subspace_iteration(name, n_iter, shape, method, test_matrix):
    A = testing.rectangular_matrix(SPECTRA[name], shape, rng=1)
    norm = np.linalg.norm(SPECTRA[name])
    best = np.linalg.norm(SPECTRA[name][12:]) / norm
    ours, theirs = [], []
    for seed in range(3):
        result = randomized_svd(A, 12, n_iter=n_iter, method=method, test_matrix=test_matrix, rng=seed)
        testing.assert_orthonormal(result.U)
        testing.assert_orthonormal(result.Vh.T)
        assert (result.singular_values <= SPECTRA[name][:12] + 1e-13).all()
        ours.append(frobenius_error(A, *result))
        theirs.append(frobenius_error(A, *subspace_iteration(A, 12, n_iter, seed)))
    assert np.mean(ours) >= best - 1e-13
    assert np.mean(ours) <= np.mean(theirs) + 1e-13


@pytest.mark.parametrize("name", SPECTRA)
def test_the_interval_of_the_error_covers_the_truth(name):
    A = testing.rectangular_matrix(SPECTRA[name], (400, 250), rng=2)
    n_seeds, covered = 60, 0
    for seed in range(n_seeds):
        result = randomized_svd(A, 8, n_iter=1, rng=seed)
        truth = frobenius_error(A, *result)
        low, high = result.error_estimate.interval
        assert low <= result.error_estimate.value <= high
        covered += low <= truth <= high
    # Nominal 95 %. Squared lengths are skewed when few directions carry the error (chi-squared with few
    # degrees of freedom), where a t interval of ten covers 85 %; fewer have probability 1e-4 then.
    assert covered >= scipy.stats.binom.ppf(1e-4, n_seeds, 0.85)


@pytest.mark.parametrize("method", ["block-krylov", "subspace"])
@pytest.mark.parametrize("power", [-300, 0, 300])
def test_no_number_of_iterations_overflows_or_collapses(method, power):
    A = np.ldexp(testing.rectangular_matrix(SPECTRA["0.5^i"][:90], (200, 90), rng=3), power)
    for test_matrix in ("gaussian", "sparse-sign"):
        result = randomized_svd(A, 8, n_iter=60, method=method, test_matrix=test_matrix, rng=0)
        np.testing.assert_allclose(np.ldexp(result.singular_values, -power), SPECTRA["0.5^i"][:8], rtol=1e-12)
        np.testing.assert_allclose(result.Vh @ result.Vh.T, np.eye(8), atol=1e-13)


def test_an_exact_decomposition_has_no_error():
    A = testing.rectangular_matrix(testing.polynomial_spectrum(5), (300, 260), rng=3)
    result = randomized_svd(A, 5, rng=0)
    assert result.error_estimate.value < 1e-13
    assert result.status == "converged"
    zero = randomized_svd(np.zeros((300, 260)), 5, rng=0)
    assert zero.error_estimate.value == 0.0


def test_passes_are_those_asked_for():
    A = np.random.default_rng(4).standard_normal((500, 300))
    costs = [randomized_svd(A, 5, n_iter=n_iter, rng=0) for n_iter in (0, 1, 2, 3)]
    passes = [result.info.n_passes for result in costs]
    assert np.diff(passes).tolist() == [1, 1, 1]
    errors = [float(result.error_estimate) for result in costs]
    assert errors[-1] < errors[0]
    assert randomized_svd(A, 5, rng=0).info.n_passes == passes[2]
    # White noise needs more than four blocks, and the result says so without a warning.
    assert costs[0].status == "budget"
    assert not costs[0].converged.any()


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128", "int16"])
@pytest.mark.parametrize("shape", [(500, 260), (260, 700), (30, 20)])
def test_residuals_are_true_for_all_types_and_containers(dtype, shape):
    values = testing.exponential_spectrum(min(shape), ratio=0.8) * 1000
    A = testing.rectangular_matrix(values, shape, rng=5, dtype="complex128" if dtype == "complex128" else "float64")
    A = A.astype(dtype)
    wide = A.astype(np.result_type(A.dtype, np.float64))
    for held in (A, np.asfortranarray(A), scipy.sparse.csr_array(A)):
        result = randomized_svd(held, 4, n_iter=2, rng=0)
        U, s, Vh = (np.asarray(part, dtype=np.result_type(part.dtype, np.float64)) for part in result)
        forward = np.linalg.norm(wide @ Vh.conj().T - U * s, axis=0)
        backward = np.linalg.norm(wide.conj().T @ U - Vh.conj().T * s, axis=0)
        atol = testing.default_tolerance(result.U.dtype, max(shape)) * s[0]
        np.testing.assert_allclose(result.residual_norms, np.hypot(forward, backward), rtol=1e-2, atol=atol)


@pytest.mark.parametrize("sparse", [False, True])
def test_centred_data(sparse):
    A = scipy.sparse.random_array((600, 300), density=0.1, rng=np.random.default_rng(6), format="csr")
    A = A * np.linspace(1, 9, 300)
    dense = A.toarray()
    expected = np.linalg.svd(dense - dense.mean(axis=0), compute_uv=False)
    result = randomized_svd(A.tocsr() if sparse else dense, 5, n_iter=12, center=True, rng=0)
    np.testing.assert_allclose(result.singular_values, expected[:5], rtol=1e-6)


def test_more_oversampling_than_columns():
    A = np.random.default_rng(7).standard_normal((12, 8))
    result = randomized_svd(A, 3, n_oversamples=100, rng=0)
    np.testing.assert_allclose(result.singular_values, np.linalg.svd(A, compute_uv=False)[:3], rtol=1e-12)


@pytest.mark.parametrize("name", ["1/i", "0.9^i", "step"])
@pytest.mark.parametrize(("shape", "dtype"), [((300, 250), "float64"), ((250, 600), "complex128")])
def test_leaving_one_vector_out_tells_the_error_of_a_single_sketch(name, shape, dtype):
    A = testing.rectangular_matrix(SPECTRA[name], shape, rng=2, dtype=dtype)
    found, truth, covered = [], [], 0
    for seed in range(12):
        result = randomized_svd(A, 8, method="qb", rng=seed, threads=1)
        U, s, Vh = result
        testing.assert_orthonormal(U)
        truth.append(frobenius_error(A, U, s, Vh))
        found.append(result.error_estimate.value)
        low, high = result.error_estimate.interval
        covered += low <= truth[-1] <= high
        residuals = np.hypot(
            np.linalg.norm(A @ Vh.conj().T - U * s, axis=0), np.linalg.norm(A.conj().T @ U - Vh.conj().T * s, axis=0)
        )
        np.testing.assert_allclose(result.residual_norms, residuals, atol=1e-13)
    assert covered >= 10
    assert 0.98 < np.mean(found) / np.mean(truth) < 1.08
    assert result.info.n_matvecs == 2 * 18 + 8


def test_a_sketch_of_every_direction_has_no_error():
    A = np.random.default_rng(0).standard_normal((40, 12))
    result = randomized_svd(A, 12, method="qb", rng=0)
    assert result.error_estimate.value < 1e-12
    assert result.status == "converged"
    low_rank = randomized_svd(np.outer(np.arange(30.0), np.arange(20.0)), 3, method="qb", rng=0)
    assert low_rank.error_estimate.value < 1e-12
    with pytest.raises(InvalidInputError, match="no power iterations"):
        randomized_svd(A, 3, method="qb", n_iter=2)


@pytest.mark.parametrize("options", [{}, {"center": True}, {"row_weights": np.ones(120)}])
@pytest.mark.parametrize("method", ["block-krylov", "subspace", "qb"])
def test_max_passes_holds_for_every_container(method, options):
    A = np.random.default_rng(1).standard_normal((120, 60))
    function = as_operator(lambda X: A @ X, shape=A.shape, adjoint=lambda X: A.T @ X)
    for held in (A, scipy.sparse.csr_array(A), A * (1 + 1j), function, centered_view(scipy.sparse.csr_array(A))):
        for limit in (12, 15):
            result = randomized_svd(held, 3, max_passes=limit, method=method, rng=0, threads=1, **options)
            assert result.info.n_passes <= limit
        with pytest.raises(InvalidInputError, match="max_passes is 1"):
            randomized_svd(held, 3, max_passes=1, method=method, rng=0, threads=1, **options)
    with pytest.raises(InvalidInputError, match="not both"):
        randomized_svd(A, 3, max_passes=9, n_iter=1)


@pytest.mark.parametrize("options", [{"n_iter": True}, {"n_iter": -1}, {"n_oversamples": 2.5}, {"n_oversamples": -1}])
def test_counts_that_are_none_are_refused(options):
    with pytest.raises(InvalidInputError, match="must be a non-negative integer"):
        randomized_svd(np.eye(20), 2, **options)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_copies_beyond_the_block_are_found(dtype):
    values = np.repeat([3.0, 2.0, 1.0], [20, 20, 60])
    A = testing.rectangular_matrix(values, (100, 134), rng=0).astype(dtype)
    found = randomized_svd(A, 30, rng=0)
    assert found.status == "converged"
    np.testing.assert_allclose(found.singular_values, values[:30], rtol=2e-5)
    assert found.info.n_passes > randomized_svd(A, 30, n_iter=2, rng=0).info.n_passes
    if dtype == np.float64:
        assert len(randomized_svd(A, variance=0.55, rng=0).singular_values) == 20


@pytest.mark.parametrize("method", ["block-krylov", "subspace", "qb"])
@pytest.mark.parametrize("shape", [(60, 20), (600, 400)])
def test_values_that_are_not_finite_are_never_taken_for_zeros(method, shape):
    A = np.random.default_rng(0).standard_normal(shape)
    A[3, 3] = np.inf
    with pytest.raises(InvalidInputError, match="not finite"):
        randomized_svd(A, 2, method=method, check=False, rng=0)
