from __future__ import annotations

import eigenscope.testing as testing
import numpy as np
import pytest
import scipy.sparse.linalg
import scipy.stats
from eigenscope.errors import InvalidInputError

SPECTRA = {
    "polynomial": testing.polynomial_spectrum(40, exponent=1.5, scale=3.0),
    "exponential": testing.exponential_spectrum(40, ratio=0.7),
    "step": testing.step_spectrum(40, n_high=7),
    "spiked": testing.spiked_spectrum(40, [5.0, 9.0]),
    "clustered": testing.clustered_spectrum(40, cluster_size=6, relative_width=1e-4),
    "repeated": testing.repeated_spectrum(40, multiplicity=3),
    "graded": testing.graded_spectrum(40),
    "uniform": testing.uniform_spectrum(40),
    "wishart": testing.wishart_spectrum(90, 40),
}


@pytest.mark.parametrize("name", SPECTRA)
def test_spectra_are_descending_and_not_negative(name):
    values = SPECTRA[name]
    assert values.shape == (40,)
    assert (np.diff(values) <= 0).all()
    assert values[-1] >= 0


def test_clusters_have_the_width_asked_for():
    values = testing.clustered_spectrum(60, cluster_size=20, relative_width=1e-9).reshape(3, 20)
    np.testing.assert_allclose(1 - values[:, -1] / values[:, 0], 1e-9, rtol=1e-6)
    np.testing.assert_allclose(values[:, 0], [1, 1 / 2, 1 / 3])


def test_graded_spectrum_spans_its_decades():
    values = testing.graded_spectrum(200, decades=20)
    assert values[0] == 1
    assert values[-1] == pytest.approx(1e-20)


@pytest.mark.parametrize("shape", [(60, 25), (25, 60)])
def test_wishart_spectrum_has_the_law_of_gaussian_data(shape):
    random = np.random.default_rng(1)
    drawn = np.array([testing.wishart_spectrum(*shape, variance=2.0, rng=seed) for seed in range(400)])
    made = np.array(
        [np.linalg.svd(random.standard_normal(shape), compute_uv=False) ** 2 * 2.0 / shape[0] for _ in range(400)]
    )
    for position in (0, 12, 24):
        # Two samples of the same law: a p-value below 1e-4 happens once in ten thousand.
        assert scipy.stats.ks_2samp(drawn[:, position], made[:, position]).pvalue > 1e-4


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("name", SPECTRA)
def test_symmetric_matrix_has_its_eigenpairs(name, dtype):
    values = SPECTRA[name] - 0.3
    A, V = testing.symmetric_matrix(values, dtype=dtype, return_eigenvectors=True)
    assert A.dtype == dtype
    assert np.array_equal(A, A.conj().T)
    testing.assert_orthonormal(V)
    testing.assert_eigenpairs(A, values, V)
    computed = np.linalg.eigvalsh(A.astype(np.complex128))[::-1]
    allowed = testing.default_tolerance(dtype, 40) * np.abs(values).max()
    np.testing.assert_allclose(computed, np.sort(values)[::-1], atol=allowed, rtol=0)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize("shape", [(50, 45), (45, 50), (300, 41), (40, 40)])
def test_rectangular_matrix_has_its_singular_triplets(shape, dtype):
    values = SPECTRA["polynomial"]
    A, U, Vh = testing.rectangular_matrix(values, shape, dtype=dtype, return_vectors=True)
    assert A.shape == shape
    assert A.dtype == dtype
    testing.assert_orthonormal(U)
    testing.assert_orthonormal(Vh.conj().T)
    testing.assert_singular_triplets(A, U, values, Vh)
    assert np.linalg.matrix_rank(A.astype(np.complex128), rtol=1e-4) == 40


def test_lauchli_and_wilkinson_match_their_closed_forms():
    np.testing.assert_allclose(
        np.linalg.svd(testing.lauchli(12, 1e-9), compute_uv=False),
        testing.lauchli_singular_values(12, 1e-9),
        atol=1e-14,
    )
    eigenvalues = np.linalg.eigvalsh(testing.wilkinson(21))
    # Wilkinson (1965), page 309.
    assert eigenvalues[-1] == pytest.approx(10.746194182903, abs=1e-12)
    assert eigenvalues[0] == pytest.approx(-1.125441522120, abs=1e-12)


@pytest.mark.parametrize(
    ("matrix", "eigenvalues"),
    [
        (testing.path_laplacian(17), testing.path_laplacian_eigenvalues(17)),
        (testing.path_laplacian(1), testing.path_laplacian_eigenvalues(1)),
        (testing.cycle_laplacian(3), testing.cycle_laplacian_eigenvalues(3)),
        (testing.cycle_laplacian(16), testing.cycle_laplacian_eigenvalues(16)),
        (testing.cycle_laplacian(17), testing.cycle_laplacian_eigenvalues(17)),
        (testing.grid_laplacian(5, 9), testing.grid_laplacian_eigenvalues(5, 9)),
    ],
)
def test_laplacians_have_their_closed_form_eigenvalues(matrix, eigenvalues):
    assert matrix.format == "csr"
    np.testing.assert_allclose(matrix.sum(axis=1), 0, atol=1e-15)
    np.testing.assert_allclose(np.linalg.eigvalsh(matrix.toarray())[::-1], eigenvalues, atol=1e-13)


def test_cycle_eigenvalues_come_in_exact_pairs():
    inner = testing.cycle_laplacian_eigenvalues(101)[:-1]
    assert np.array_equal(inner[0::2], inner[1::2])


def test_random_graph_is_simple_symmetric_and_as_dense_as_asked():
    adjacency = testing.random_graph_adjacency(3000, mean_degree=10, rng=4)
    assert set(np.unique(adjacency.data)) == {1.0}
    assert (adjacency != adjacency.T).nnz == 0
    assert adjacency.diagonal().sum() == 0
    assert adjacency.has_sorted_indices
    # 15 000 draws among 4.5 million pairs repeat about 25 times.
    assert 10 - 0.1 < adjacency.nnz / 3000 <= 10


def test_diagonal_operator_multiplies_vectors_and_blocks():
    operator = testing.diagonal_operator(np.arange(1.0, 6.0))
    block = np.random.default_rng(0).standard_normal((5, 3))
    np.testing.assert_array_equal(operator @ block, np.diag(np.arange(1.0, 6.0)) @ block)
    np.testing.assert_array_equal(operator.rmatvec(block[:, 0]), operator @ block[:, 0])
    assert isinstance(operator, scipy.sparse.linalg.LinearOperator)


def test_goe_follows_the_semicircle():
    eigenvalues = np.linalg.eigvalsh(testing.goe(600))
    x = np.clip(eigenvalues, -2, 2)
    cdf = 0.5 + x * np.sqrt(4 - x**2) / (4 * np.pi) + np.arcsin(x / 2) / np.pi
    # Eigenvalues repel: the counting function deviates by O(log n / n), far below the KS scale 1/sqrt(n).
    np.testing.assert_allclose(cdf, (np.arange(600) + 0.5) / 600, atol=0.01)


def test_recording_has_its_population_covariance():
    truth = testing.recording(
        40_000,
        12,
        population_eigenvalues=[8.0, 3.0],
        noise_variance=0.5,
        feature_means=np.arange(12.0),
        rng=3,
    )
    covariance = truth.population_covariance()
    np.testing.assert_allclose(np.linalg.eigvalsh(covariance)[::-1], truth.population_eigenvalues, atol=1e-12)
    sample = np.cov(truth.data.T)
    # Var(S_ij) = (C_ii C_jj + C_ij²) / (n - 1); six standard errors over 144 entries.
    stderr = np.sqrt((np.outer(np.diag(covariance), np.diag(covariance)) + covariance**2) / 39_999)
    assert (np.abs(sample - covariance) < 6 * stderr).all()
    mean_stderr = np.sqrt(np.diag(covariance) / 40_000)
    assert (np.abs(truth.data.mean(axis=0) - np.arange(12.0)) < 6 * mean_stderr).all()


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.9])
def test_recording_has_its_autocorrelation_across_panels(correlation):
    truth = testing.recording(
        5000, 40, population_eigenvalues=[5.0], noise_variance=1.0, autocorrelation=correlation, rng=5
    )
    assert truth.data.var(axis=0).mean() == pytest.approx(truth.population_eigenvalues.mean(), rel=0.1)
    centred = truth.data - truth.data.mean(axis=0)
    measured = (centred[1:] * centred[:-1]).sum() / (centred**2).sum()
    # Bartlett: stderr sqrt((1 - ρ²) / n) per dimension; the spike dominates, so count one dimension only.
    assert abs(measured - correlation) < 5 * np.sqrt((1 - correlation**2) / 5000) + 2e-3


def test_power_law_plus_noise_has_its_exponent():
    truth = testing.power_law_plus_noise(50, 300, exponent=1.2, signal_variance=2.0, noise_variance=0.25)
    ratio = truth.signal_eigenvalues[9] / truth.signal_eigenvalues[99]
    assert ratio == pytest.approx(10**1.2)
    assert truth.signal_eigenvalues.mean() == pytest.approx(2.0)
    np.testing.assert_allclose(truth.population_eigenvalues, truth.signal_eigenvalues + 0.25)


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_recording_casts_to_its_dtype(dtype):
    exact = testing.recording(30, 8, population_eigenvalues=[1e4], rng=2)
    cast = testing.recording(30, 8, population_eigenvalues=[1e4], rng=2, dtype=dtype)
    assert cast.data.dtype == dtype
    spacing = 0.5 if dtype == "int16" else 1e-4
    np.testing.assert_allclose(cast.data, exact.data, atol=spacing * (1 + 1e-9))


def test_everything_random_repeats_with_its_seed():
    makers = [
        lambda rng: testing.symmetric_matrix(SPECTRA["graded"], rng=rng),
        lambda rng: testing.rectangular_matrix([3.0, 1.0], (9, 5), rng=rng),
        lambda rng: testing.goe(9, rng=rng),
        lambda rng: testing.wishart_spectrum(9, 7, rng=rng),
        lambda rng: testing.random_graph_adjacency(50, mean_degree=6, rng=rng).toarray(),
        lambda rng: testing.recording(1500, 7, population_eigenvalues=[2.0], autocorrelation=0.5, rng=rng).data,
    ]
    for make in makers:
        assert np.array_equal(make(7), make(np.random.SeedSequence(7)))
        assert not np.array_equal(make(7), make(8))
        shared = np.random.default_rng(7)
        assert not np.array_equal(make(shared), make(shared))


def test_global_random_state_is_left_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    testing.goe(5)
    testing.recording(5, 5, population_eigenvalues=[1.0])
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize(
    "call",
    [
        lambda: testing.polynomial_spectrum(0),
        lambda: testing.exponential_spectrum(3, ratio=1.5),
        lambda: testing.step_spectrum(3, n_high=4),
        lambda: testing.step_spectrum(3, n_high=1, low=2.0),
        lambda: testing.spiked_spectrum(1, [2.0, 3.0]),
        lambda: testing.spiked_spectrum(3, [0.5]),
        lambda: testing.clustered_spectrum(3, cluster_size=0),
        lambda: testing.repeated_spectrum(3, multiplicity=0),
        lambda: testing.graded_spectrum(3, decades=-1),
        lambda: testing.wishart_spectrum(0, 3),
        lambda: testing.wishart_spectrum(3, 3, variance=0),
        lambda: testing.symmetric_matrix([[1.0]]),
        lambda: testing.symmetric_matrix([]),
        lambda: testing.symmetric_matrix([np.nan]),
        lambda: testing.rectangular_matrix([1.0, 1.0], (1, 5)),
        lambda: testing.rectangular_matrix([-1.0], (2, 5)),
        lambda: testing.random_orthonormal(2, 3),
        lambda: testing.cycle_laplacian(2),
        lambda: testing.random_graph_adjacency(4, mean_degree=4),
        lambda: testing.diagonal_operator(np.eye(2)),
        lambda: testing.recording(3, 2, population_eigenvalues=[1.0, 1.0, 1.0]),
        lambda: testing.recording(3, 2, population_eigenvalues=[-1.0]),
        lambda: testing.recording(3, 2, population_eigenvalues=[], noise_variance=-1.0),
        lambda: testing.recording(3, 2, population_eigenvalues=[], autocorrelation=1.0),
    ],
)
def test_impossible_requests_are_refused(call):
    with pytest.raises(InvalidInputError, match=r"\d|shape|finite"):
        call()


def test_assertions_reject_what_is_wrong():
    Q = testing.random_orthonormal(30, 5)
    tilted = Q.copy()
    tilted[:, 1] += 1e-12 * Q[:, 0]
    with pytest.raises(AssertionError, match=r"columns 0 and 1"):
        testing.assert_orthonormal(tilted)
    testing.assert_orthonormal(tilted, rtol=1e-11)
    with pytest.raises(AssertionError, match="nan"):
        testing.assert_orthonormal(np.full((3, 1), np.nan))
    A, V = testing.symmetric_matrix(SPECTRA["uniform"], return_eigenvectors=True)
    with pytest.raises(AssertionError, match="pair"):
        testing.assert_eigenpairs(A, SPECTRA["uniform"][::-1], V)
    B, U, Vh = testing.rectangular_matrix([2.0, 1.0], (5, 4), return_vectors=True)
    with pytest.raises(AssertionError, match="triplet 1"):
        testing.assert_singular_triplets(B, U * [1, -1], [2.0, 1.0], Vh)
    sparse = scipy.sparse.csr_array(B)
    testing.assert_singular_triplets(sparse, U, [2.0, 1.0], Vh)
    testing.assert_singular_triplets(scipy.sparse.linalg.aslinearoperator(B), U, [2.0, 1.0], Vh)
