"""Where eigsh is asked for most: crowded ends, factorisations, deflation, tensors, budgets, many seeds."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
from eigenscope import as_operator, eigen, eigen_nearest, eigsh, testing
from eigenscope.errors import ConvergenceWarning, Interrupted, InvalidInputError


def wanted(values, k, which):
    """The k wanted eigenvalues, ascending."""
    ascending = np.sort(values)
    upper = {"LA": k, "SA": 0, "BE": k - k // 2}.get(which)
    if upper is None:
        return np.sort(values[np.argsort(-np.abs(values), kind="stable")[:k]])
    return np.concatenate([ascending[: k - upper], ascending[len(ascending) - upper :]])


def assert_pairs(result, A, values, which, rtol=1e-12):
    """The right set, orthonormal vectors, residuals as they are."""
    norm, found = np.abs(values).max(), np.sort(result.eigenvalues)
    np.testing.assert_allclose(found, wanted(values, len(found), which), rtol=0, atol=rtol * norm)
    testing.assert_orthonormal(result.eigenvectors, rtol=1e-12)
    assert_residuals_are_true(result, A, norm)
    assert result.status == "converged"


def assert_residuals_are_true(result, A, norm):
    residuals = np.linalg.norm(A @ result.eigenvectors - result.eigenvectors * result.eigenvalues, axis=0)
    np.testing.assert_allclose(result.residual_norms, residuals, rtol=1e-3, atol=1e-12 * norm)


GRID = testing.grid_laplacian(60, 60)
GRID_VALUES = testing.grid_laplacian_eigenvalues(60, 60)


@pytest.mark.parametrize("which", ["LA", "SA", "LM"])
@pytest.mark.parametrize("sparse_format", ["csr", "csc"])
def test_crowded_ends_of_a_grid_come_complete(which, sparse_format):
    result = eigsh(GRID.asformat(sparse_format), 10, which=which, rng=0)
    assert_pairs(result, GRID, GRID_VALUES, which)
    assert result.info.n_matvecs < 8000


@pytest.mark.parametrize("dtype", ["float32", "complex64", "complex128"])
def test_crowded_ends_in_every_scalar(dtype):
    phases = np.exp(1j * np.arange(3600)) if dtype.startswith("complex") else np.ones(3600)
    unitary = scipy.sparse.diags_array(phases)
    A = scipy.sparse.csr_array(unitary @ GRID @ unitary.conj()).astype(dtype)
    result = eigsh(A, 8, which="LA", tol=1e-5, rng=0)
    assert result.status == "converged"
    assert result.eigenvectors.dtype == dtype
    np.testing.assert_allclose(result.eigenvalues, GRID_VALUES[:8], atol=8e-5)


def test_outliers_beside_a_crowded_edge_are_deflated():
    # Two stars far above the edge of a grid: a polynomial that resolved the edge would overflow on them.
    values = np.concatenate([GRID_VALUES, [100.0, 70.0]])
    A = scipy.sparse.block_diag([GRID, scipy.sparse.diags_array([100.0, 70.0])], format="csr")
    result = eigsh(A, 8, which="LA", tol=1e-8, rng=0)
    assert_pairs(result, A, values, "LA", rtol=1e-9)
    # Without the two outliers it takes 948; polynomials of low degree that begin again and again took 40 719.
    assert result.info.n_matvecs < 2000


@pytest.mark.parametrize("seed", [0, 3, 5, 7])
def test_the_bottom_of_a_path_without_a_factorisation(seed):
    exact = np.sort(testing.path_laplacian_eigenvalues(2000))[:10]
    result = eigsh(testing.path_laplacian(2000), 10, which="SA", tol=1e-4, rng=seed)
    assert result.status == "converged"
    # ARPACK needs 17 120 products for tol=1e-4 relative to the eigenvalue.
    assert result.info.n_matvecs <= 4000
    np.testing.assert_allclose(result.eigenvalues, exact, atol=1e-6)


@pytest.mark.parametrize("n", [5000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_evenly_spaced_values_take_few_products(n):
    values = testing.uniform_spectrum(n)
    result = eigsh(testing.diagonal_operator(values), 10, tol=1e-4, check=False, rng=0)
    assert result.status == "converged"
    np.testing.assert_allclose(result.eigenvalues, values[:10], atol=1e-4)
    # Steps go with the root of the relative gap, 1 / n.
    assert result.info.n_matvecs <= 2000 * np.sqrt(n / 20_000)
    assert result.info.n_passes <= 400 * np.sqrt(n / 20_000)


@pytest.mark.parametrize("scale", [2.0**498, 2.0**-498])
def test_crowded_ends_in_extreme_units(scale):
    result = eigsh(GRID * scale, 6, which="LA", tol=1e-9, rng=0)
    np.testing.assert_allclose(result.eigenvalues / scale, GRID_VALUES[:6], atol=1e-8)
    assert result.status == "converged"


@pytest.mark.parametrize("held", ["csr", "csc", "operator", "dense", "large dense"])
def test_eigenvalues_nearest_a_number(held, monkeypatch):
    if held == "large dense":
        monkeypatch.setattr(eigen_nearest, "INVERSION_ORDER", 500)
        values = np.linspace(-1.0, 1.0, 600)
        A = matrix = testing.symmetric_matrix(values, rng=0)
    else:
        values = testing.path_laplacian_eigenvalues(700)
        matrix = testing.path_laplacian(700)
        A = {"operator": as_operator, "dense": lambda M: M.toarray()}.get(held, lambda M: M.asformat(held))(matrix)
    for which, distance in (("LM", np.abs(values - 0.3)), ("LA", np.where(values > 0.3, values, np.inf))):
        result = eigsh(A, 5, sigma=0.3, which=which, rng=0)
        np.testing.assert_allclose(result.eigenvalues, values[np.argsort(distance)[:5]], atol=1e-11)
        assert_residuals_are_true(result, matrix, np.abs(values).max())
        assert result.status == "converged"
    smallest = eigsh(A, 5, which="SM", rng=0)
    np.testing.assert_allclose(np.abs(smallest.eigenvalues), np.sort(np.abs(values))[:5], atol=1e-11)


def test_sigma_on_an_eigenvalue_and_wrong_sigmas():
    matrix = scipy.sparse.diags_array(np.repeat(np.arange(250.0), 2))
    result = eigsh(matrix, 4, sigma=7.0, rng=0)
    np.testing.assert_allclose(result.eigenvalues[:2], 7.0, atol=1e-12)
    np.testing.assert_allclose(np.sort(np.abs(result.eigenvalues[2:] - 7.0)), 1.0, atol=1e-12)
    for sigma in ("a", np.nan, 1j):
        with pytest.raises(InvalidInputError, match="sigma must be a finite real number"):
            eigsh(matrix, 4, sigma=sigma)
    with pytest.raises(InvalidInputError, match="deflate cannot be combined"):
        eigsh(matrix, 4, sigma=0.0, deflate=np.ones(500))


@pytest.mark.parametrize("which", ["LA", "SA", "LM"])
def test_known_vectors_are_left_out(which):
    # The ends differ in magnitude, so that every choice has one right answer.
    values = np.concatenate([[5.0, -4.0, 3.0], np.linspace(-1.0, 0.9, 450)])
    A, V = testing.symmetric_matrix(values, rng=1, return_eigenvectors=True)
    result = eigsh(A, 4, which=which, deflate=V[:, :2], rng=0)
    expected = wanted(values[2:], 4, which)
    np.testing.assert_allclose(np.sort(result.eigenvalues), np.sort(expected), atol=1e-11)
    assert np.abs(V[:, :2].T @ result.eigenvectors).max() < 1e-8


def test_no_more_pairs_than_the_deflated_vectors_leave():
    A = np.diag([1.0, 2.0, 3.0])
    assert eigsh(A, 2, deflate=np.eye(3)[:, :1]).eigenvalues == pytest.approx([3.0, 2.0])
    with pytest.raises(InvalidInputError, match="k must be at most 1, the order less the deflated vectors; got 2"):
        eigsh(A, 2, deflate=np.eye(3)[:, :2])


def test_the_constant_vector_of_a_laplacian_is_left_out():
    result = eigsh(GRID, 4, which="SA", deflate=np.ones(3600), rng=0)
    np.testing.assert_allclose(result.eigenvalues, np.sort(GRID_VALUES)[1:5], atol=1e-11)


def test_tensors_and_functions_of_tensors():
    torch = pytest.importorskip("torch")
    values = testing.exponential_spectrum(500)
    A = testing.symmetric_matrix(values, rng=0)
    tensor = torch.from_numpy(A)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torch announces its sparse formats
        sparse = (tensor.to_sparse_csr(), tensor.to_sparse_coo())
    for held in (tensor, *sparse):
        assert_pairs(eigsh(held, 4, rng=0), A, values, "LM")
    for function in (lambda X: tensor @ X, lambda X: tensor @ X.requires_grad_()):
        assert_pairs(eigsh(function, 4, shape=A.shape, dtype=torch.float64, rng=0), A, values, "LM")


def test_a_function_that_computes_in_single_precision_is_symmetric():
    A = testing.symmetric_matrix(testing.polynomial_spectrum(600), rng=0, dtype="float32")
    result = eigsh(lambda block: A @ block.astype(np.float32), 4, shape=A.shape, rng=0)
    assert result.status == "converged"
    np.testing.assert_allclose(result.eigenvalues, testing.polynomial_spectrum(600)[:4], atol=1e-5)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("block_size", 0, "must be positive"),
        ("block_size", 1.5, "must be a whole number"),
        ("basis_size", 2.5, "must be a whole number"),
        ("basis_size", 5, "must be at least"),
        ("max_matvecs", "a", "must be positive"),
        ("max_seconds", 0, "must be positive"),
        ("max_seconds", -1, "must be positive"),
        ("max_seconds", np.nan, "must be positive"),
        ("tol", "a", "tol must lie in"),
        ("tol", np.nan, "tol must lie in"),
        ("v0", 1j * np.ones(3600), "v0 is complex and the operator real"),
        ("v0", "abc", "v0 must hold numbers"),
        ("deflate", np.ones(3), r"deflate must have shape \(3600,\)"),
    ],
)
def test_wrong_options_are_refused(option, value, message):
    with pytest.raises(InvalidInputError, match=message):
        eigsh(GRID, 3, **{option: value})


@pytest.mark.parametrize(
    "budget", [{"max_matvecs": 1}, {"max_seconds": 1e-9}, {"callback": lambda state: True}, {"max_matvecs": 900}]
)
@pytest.mark.parametrize("held", ["function", "sparse"])
def test_any_budget_leaves_k_pairs(budget, held):
    diagonal = np.linspace(0, 1, 3600)
    A = GRID if held == "sparse" else lambda block: diagonal[:, None] * block
    with pytest.warns(ConvergenceWarning):
        result = eigsh(A, 8, which="LA", shape=(3600, 3600), rng=0, **budget)
    assert result.status == "budget"
    assert result.eigenvalues.shape == result.converged.shape == (8,)
    testing.assert_orthonormal(result.eigenvectors)
    dense = GRID if held == "sparse" else scipy.sparse.diags_array(diagonal)
    assert_residuals_are_true(result, dense, 8.0)


def test_a_larger_budget_is_never_worse():
    sums = []
    for budget in (100, 300, 700, 900, 1500, 3000):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            sums.append(eigsh(GRID, 8, which="LA", max_matvecs=budget, rng=0).eigenvalues.sum())
    assert (np.diff(sums) > -1e-9).all()


@pytest.mark.parametrize("k", [1, 8])
def test_products_stay_within_their_budget_when_polynomials_could_take_over(k):
    for budget in range(60, 700, 40):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            assert eigsh(GRID, k, which="LA", max_matvecs=budget, rng=0).info.n_matvecs <= budget


def test_an_interruption_before_k_products_leaves_k_pairs():
    calls = []

    def product(block):
        calls.append(block.shape)
        if len(calls) > 4:
            raise KeyboardInterrupt
        return np.linspace(0, 1, 3000)[:, None] * block

    with pytest.raises(Interrupted) as caught:
        eigsh(product, 30, shape=(3000, 3000), rng=0)
    partial = caught.value.partial
    assert partial.eigenvalues.shape == (30,)
    assert not partial.converged.any()
    assert np.isinf(partial.residual_norms[-1])
    testing.assert_orthonormal(partial.eigenvectors)


def test_little_memory_takes_single_vectors():
    values = testing.exponential_spectrum(3000, ratio=0.9)
    result = eigsh(testing.diagonal_operator(values), 3, max_memory=400_000, certify=False, rng=0)
    np.testing.assert_allclose(result.eigenvalues, values[:3], atol=1e-11)


@pytest.mark.parametrize("which", ["LA", "SA", "LM", "BE"])
def test_a_few_pairs_of_small_matrices(which):
    for seed in range(20):
        A = testing.goe(120, rng=seed)
        assert_pairs(eigsh(A, 6, which=which), A, np.linalg.eigvalsh(A), which)


def many_seeds(fast, all_of_them):
    return [*range(fast), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(fast, all_of_them))]


CHOICES = ("LA", "LM", "SA", "BE", "SM")


def spread_over_the_choices(values, which):
    """A spectrum whose wanted end, for any choice, is that of descending `values` in (0, 1], as a shift tells it."""
    if which == "SA":
        return -values
    # Nearest zero is what is farthest from the top.
    return 1.01 - values if which == "SM" else values


def assert_nothing_is_missing(values, which, k, tol, dtype, seed):
    """Every copy and neighbour is there, to the tolerance asked for or what rounding allows."""
    spectrum = spread_over_the_choices(values, which)
    order = np.random.default_rng(seed).permutation(len(spectrum))
    A = scipy.sparse.diags_array(spectrum[order]).astype(dtype).tocsr()
    result = eigsh(A, k, which=which, tol=tol, rng=seed)
    assert result.status == "converged"
    assert result.eigenvectors.dtype == dtype
    expected = np.sort(spectrum)[:k] if which == "SM" else wanted(spectrum, k, which)
    error = np.abs(np.sort(result.eigenvalues) - np.sort(expected)).max()
    assert error <= max(tol, testing.default_tolerance(dtype, len(values)))


@pytest.mark.parametrize("seed", many_seeds(5, 200))
def test_multiplicities_over_many_seeds(seed):
    random = np.random.default_rng(seed)
    multiplicity, k = int(random.integers(2, 51)), int(random.integers(2, 51))
    tol, dtype = float(10.0 ** random.uniform(-10, -3)), ("float64", "float32")[seed % 2]
    values = testing.repeated_spectrum(1200, multiplicity=multiplicity)
    assert_nothing_is_missing(values, CHOICES[seed % 5], k, tol, dtype, seed)


@pytest.mark.parametrize("seed", many_seeds(5, 200))
def test_clusters_over_many_seeds(seed):
    random = np.random.default_rng(1000 + seed)
    width, size = float(10.0 ** random.uniform(-12, -3)), int(random.integers(2, 20))
    tol, dtype = float(10.0 ** random.uniform(-11, -3)), ("float64", "float32")[seed % 2]
    values = testing.clustered_spectrum(1200, cluster_size=size, relative_width=width)
    assert_nothing_is_missing(values, CHOICES[seed % 5], 10, tol, dtype, seed)


@pytest.mark.parametrize("width", [1e-12, 1e-10, 1e-9, 1e-8, 1e-6, 1e-3])
@pytest.mark.parametrize("which", ["LA", "SA", "LM", "BE"])
@pytest.mark.parametrize("n", [80, 300])
def test_narrow_clusters_of_small_matrices(which, width, n):
    values = testing.clustered_spectrum(n, cluster_size=17, relative_width=width)
    spectrum = spread_over_the_choices(values, which)
    order = np.random.default_rng(0).permutation(n)
    for A in (np.diag(spectrum[order]), testing.symmetric_matrix(spectrum, rng=1)):
        # A rotation has rounding of its own.
        rtol = 1e-15 if A[0, 1] == 0 else 1e-14
        for k in (3, 9):
            assert_pairs(eigsh(A, k, which=which, tol=1e-12), A, spectrum, which, rtol=rtol)


def test_lapack_finds_what_an_iteration_could_not(monkeypatch):
    values = testing.clustered_spectrum(1200, cluster_size=10, relative_width=1e-5)
    A = scipy.sparse.diags_array(values).tocsr()
    iterate = eigen._solve
    monkeypatch.setattr(eigen, "_solve", lambda *arguments: iterate(*arguments) | {"status": "stagnated"})
    result = eigsh(A, 10, which="BE", rng=0)
    assert result.status == "converged"
    assert result.info.method == "thick-restart block Lanczos, then LAPACK eigh"
    assert_pairs(result, A, values, "BE")
    with pytest.warns(ConvergenceWarning):
        assert eigsh(A, 10, which="BE", max_matvecs=100_000, rng=0).status == "stagnated"


@pytest.mark.parametrize("which", ["LA", "SA"])
def test_start_vectors_of_the_caller_cost_no_certificate(which):
    plain = eigsh(GRID, 6, which=which, tol=1e-8, rng=0)
    for v0 in (np.ones(3600), plain.eigenvectors[:, 0], plain.eigenvectors.sum(axis=1)):
        result = eigsh(GRID, 6, which=which, tol=1e-8, v0=v0, rng=0)
        assert result.status == "converged"
        np.testing.assert_allclose(result.eigenvalues, plain.eigenvalues, atol=1e-10)
        assert result.info.n_matvecs < 1.5 * plain.info.n_matvecs


def test_values_of_equal_size_and_opposite_sign_are_certified():
    vertices = np.arange(512)
    ones = np.ones(512)
    cube = sum(scipy.sparse.csr_array((ones, (vertices, vertices ^ (1 << bit))), shape=(512, 512)) for bit in range(9))
    result = eigsh(cube, 20, rng=0)
    assert result.status == "converged"
    np.testing.assert_allclose(np.abs(result.eigenvalues), [9.0] * 2 + [7.0] * 18, atol=1e-10)
    assert result.info.n_matvecs < 1000


def test_coarse_tolerances_do_not_confuse_the_set():
    values = np.abs(np.arange(420) - 209.5)
    result = eigsh(scipy.sparse.diags_array(values).tocsr(), 40, which="SA", tol=0.5, block_size=1, rng=0)
    assert result.status == "converged"
    np.testing.assert_allclose(np.sort(result.eigenvalues), np.sort(values)[:40], atol=0.01 * 209.5)


def test_plain_arguments_of_any_numeric_type():
    assert len(eigsh(np.diag(np.arange(300.0)), np.int8(3), rng=0).eigenvalues) == 3
    calls = []

    def stop_at_once(state):
        calls.append(state)
        return np.True_

    with pytest.warns(ConvergenceWarning):
        eigsh(GRID, 4, callback=stop_at_once, rng=0)
    assert len(calls) == 1
    for options, message in (
        ({"callback": 3}, "callback must be a function"),
        ({"sigma": 10**400}, "sigma must be a finite real number"),
        ({"sigma": True}, "sigma must be a finite real number"),
        ({"certify": "no"}, "certify must be True or False"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            eigsh(np.eye(5), 1, **options)
