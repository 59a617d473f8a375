"""Spectral densities against closed forms: nodes, distributions, atoms, expectations, laws."""

from __future__ import annotations

import math

import eigenscope
import numpy as np
import pytest
import scipy.integrate
import scipy.sparse
import scipy.stats
from eigenscope import GeneralizedMarchenkoPastur, MarchenkoPastur, spectral_density, testing
from eigenscope.errors import (
    InvalidInputError,
)

MOST_SIGMAS = 4.5
"""Normal deviates beyond this have probability 7e-6."""


def exact_cdf(eigenvalues, x):
    return np.searchsorted(np.sort(eigenvalues), x, side="right") / len(eigenvalues)


@pytest.mark.parametrize(
    ("matrix", "atoms"),
    [
        (np.zeros((6, 6)), [(0.0, 1.0)]),
        (np.eye(6), [(1.0, 1.0)]),
        (np.ones((6, 6)), [(0.0, 5 / 6), (6.0, 1 / 6)]),
        (np.array([[-3.0]]), [(-3.0, 1.0)]),
        (np.diag([2.0, 2.0, -1.0, 5.0]), [(-1.0, 0.25), (2.0, 0.5), (5.0, 0.25)]),
        (1e150 * np.eye(3), [(1e150, 1.0)]),
        (1e-150 * np.diag([1.0, 2.0]), [(1e-150, 0.5), (2e-150, 0.5)]),
    ],
    ids=["zero", "identity", "rank one", "n = 1", "degree > n", "large", "small"],
)
def test_small_matrices_are_exact(matrix, atoms):
    n = len(matrix)
    density = spectral_density(matrix, degree=4 * n, n_probes=n, rng=0)
    locations, masses = np.transpose(atoms)
    scale = np.abs(locations).max() or 1.0
    np.testing.assert_allclose(density.atoms[:, 0], locations, rtol=1e-13, atol=1e-14 * scale)
    np.testing.assert_allclose(density.atoms[:, 1], masses, rtol=1e-12)
    np.testing.assert_allclose(density.atoms[:, 2], 0.0, atol=1e-12)
    np.testing.assert_allclose(density.cdf(locations), np.cumsum(masses), rtol=1e-12)
    low, high = density.band(locations)
    assert np.all(high - low < 1e-12)
    np.testing.assert_allclose(np.nansum(density.weights, axis=1), 1.0, rtol=1e-13)


def test_ends_of_the_axis_and_positions_that_are_none():
    density = spectral_density(testing.goe(40, rng=0), n_probes=5, rng=0)
    x = [-np.inf, np.inf, np.nan]
    np.testing.assert_array_equal(density.cdf(x), [0.0, 1.0, np.nan])
    for end in density.band(x):
        np.testing.assert_array_equal(end, [0.0, 1.0, np.nan])


def test_atoms_below_the_normal_range_are_told_apart_and_no_further():
    density = spectral_density(1e-310 * np.diag([1.0, 2.0]), n_probes=2, rng=0)
    np.testing.assert_allclose(density.atoms[:, :2] / [1e-310, 1.0], [[1.0, 0.5], [2.0, 0.5]], rtol=1e-9)


@pytest.mark.parametrize("scale", [1e150, 1e-150, 1e300])
def test_scales_do_not_matter(scale):
    A = testing.goe(120, rng=0)
    plain, scaled = (spectral_density(unit * A, degree=30, n_probes=8, rng=0) for unit in (1.0, scale))
    x = np.linspace(-1.9, 1.9, 11)
    np.testing.assert_allclose(scaled.cdf(scale * x), plain.cdf(x), atol=1e-9)
    np.testing.assert_allclose(np.transpose(scaled.band(scale * x)), np.transpose(plain.band(x)), atol=1e-9)
    np.testing.assert_allclose(scaled.pdf(scale * x) * scale, plain.pdf(x), rtol=1e-6)


def test_quadrature_is_exact_for_polynomials_of_every_probe():
    A = testing.goe(60, rng=0)
    density = spectral_density(A, degree=5, n_probes=60, block_size=60, rng=1)
    powers = np.eye(60)
    for order in range(10):
        moment = density.moment(order)
        np.testing.assert_allclose(moment.value, np.trace(powers) / 60, rtol=1e-12, atol=1e-12)
        powers = powers @ A


def test_orthogonal_probes_have_the_stated_variance():
    values = np.repeat([0.0, 1.0], [30, 10])
    estimates = [
        spectral_density(np.diag(values), n_probes=8, block_size=8, rng=seed, check=False).moment(1).value
        for seed in range(400)
    ]
    variance = 2 / 42 * (0.25 * 0.75) / 8 * (40 - 8) / 39
    # The variance of 400 nearly normal numbers has a relative standard error of sqrt(2 / 399).
    assert abs(np.var(estimates, ddof=1) / variance - 1) < MOST_SIGMAS * math.sqrt(2 / 399)
    assert abs(np.mean(estimates) - 0.25) < MOST_SIGMAS * math.sqrt(variance / 400)


@pytest.mark.parametrize("probe", ["orthogonal", "sphere", "rademacher"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_probes_and_scalars(probe, dtype):
    values = testing.uniform_spectrum(200, low=-1.0, high=3.0)
    A = testing.symmetric_matrix(values, rng=0, dtype=dtype)
    density = spectral_density(A, degree=40, n_probes=12, probe=probe, rng=0)
    x = np.array([-0.6, 0.3, 1.0, 2.2])
    sampling, quadrature = density.errors(x)
    allowed = MOST_SIGMAS * np.hypot(sampling, quadrature)
    assert np.all(np.abs(density.cdf(x) - exact_cdf(values, x)) < allowed)
    assert np.all(sampling < 0.02)


def test_rademacher_probes_are_exact_for_diagonal_matrices():
    values = testing.uniform_spectrum(50)
    density = spectral_density(scipy.sparse.diags_array(values).tocsr(), probe="rademacher", n_probes=8, rng=0)
    x = values[:-1] + 0.5 * np.diff(values)
    np.testing.assert_allclose(density.cdf(x), exact_cdf(values, x), atol=1e-9)
    low, high = density.band(x)
    assert np.max(high - low) < 1e-9


def test_semicircle_and_marchenko_pastur_laws_are_recognised():
    density = spectral_density(testing.goe(700, rng=0), degree=60, rng=1)
    assert density.compare(scipy.stats.semicircular(scale=2)).p_value > 0.01
    assert density.compare(scipy.stats.semicircular(scale=2.1)).p_value < 1e-3
    X = np.random.default_rng(2).standard_normal((1200, 400))
    density = spectral_density(X, of="covariance", degree=60, rng=1)
    comparison = density.compare(MarchenkoPastur(400 / 1200))
    assert comparison.p_value > 0.01
    assert comparison.distance < 0.02
    assert density.compare(MarchenkoPastur(400 / 1000)).p_value < 1e-3


def test_noise_of_two_variances_follows_its_generalized_law_and_no_other():
    X = np.random.default_rng(0).standard_normal((1200, 400)) * np.sqrt(np.repeat([1.0, 4.0], 200))
    density = spectral_density(X, of="covariance", rng=0)
    comparison = density.compare(GeneralizedMarchenkoPastur([1.0, 4.0], 400 / 1200))
    # Eigenvalues of one draw keep within a few steps 1/n of the law.
    assert comparison.distance < 5 / 400
    assert comparison.p_value > 0.01
    assert density.compare(MarchenkoPastur(400 / 1200, 2.5)).p_value < 1e-6


def test_distance_from_the_true_law_has_its_null_distribution():
    values = np.asarray(scipy.stats.semicircular(scale=2).ppf((np.arange(2000) + 0.5) / 2000))
    operator = testing.diagonal_operator(values)
    p_values = [
        spectral_density(operator, degree=40, n_probes=4, probe="sphere", rng=seed, check=False)
        .compare(scipy.stats.semicircular(scale=2))
        .p_value
        for seed in range(60)
    ]
    # Granting the quadrature error makes the test conservative, never liberal: binomial bound at 4.5 sigma.
    assert np.mean(np.array(p_values) < 0.1) < 0.1 + MOST_SIGMAS * math.sqrt(0.1 * 0.9 / 60)
    assert np.mean(np.array(p_values) < 0.7) > 0.3


LAWS = {
    "marchenko-pastur": lambda n: testing.wishart_spectrum(2 * n, n, rng=0),
    "semicircle": lambda n: np.linalg.eigvalsh(testing.goe(n, rng=0)),
    "power law": lambda n: testing.polynomial_spectrum(n, exponent=0.7),
    "two atoms": lambda n: np.repeat([1.0, 3.0], [n // 4, n - n // 4]),
    "spiked": lambda n: np.append(testing.wishart_spectrum(2 * n, n - 4, rng=1), [5.0, 6.0, 8.0, 20.0]),
}


def coverage(values, n_seeds, **options):
    values = np.sort(values)
    n = len(values)
    rank = np.unique((np.linspace(0.03, 0.97, 33) * n).astype(int))
    rank = rank[values[rank] > values[rank - 1]]
    if len(rank) == 0:
        rank = np.flatnonzero(np.diff(values) > 0) + 1
    x, truth = 0.5 * (values[rank - 1] + values[rank]), rank / n
    operator = testing.diagonal_operator(values)
    inside = np.zeros(len(x))
    for seed in range(n_seeds):
        low, high = spectral_density(operator, rng=1000 + seed, check=False, **options).band(x)
        inside += (low <= truth) & (truth <= high)
    return inside.mean() / n_seeds


@pytest.mark.parametrize("law", LAWS)
def test_bands_cover_the_truth(law):
    found = coverage(LAWS[law](300), 60, degree=50, n_probes=6)
    # Points of one seed move together, so this is no better than 60 independent trials.
    assert found > 0.95 - MOST_SIGMAS * math.sqrt(0.95 * 0.05 / 60)


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
def test_bands_cover_the_truth_as_often_as_they_say(law):
    found = coverage(LAWS[law](1000), 400, degree=80, n_probes=8)
    # 95 % within four standard errors of 400 trials whose points move together: 0.92 to 0.98 holds a fortiori.
    assert abs(found - 0.95) < 0.03


UNRESOLVED = {
    "zeros below small ones": (np.append(np.zeros(100), np.logspace(-4, 0, 400)), [1e-12, 5e-5, 1e-3, 0.1]),
    "eight decades": (np.logspace(-8, 0, 500), [1e-7, 1e-5, 1e-3, 0.1]),
    "inside a bulk": (np.append(np.full(60, 0.5), np.linspace(0, 1, 440)), [0.499, 0.501, 0.7]),
}


@pytest.mark.parametrize("spectrum", UNRESOLVED)
def test_bands_are_wide_where_nothing_is_resolved(spectrum):
    values, x = UNRESOLVED[spectrum]
    truth = exact_cdf(values, x)
    inside = np.zeros(len(x))
    for seed in range(6):
        low, high = spectral_density(testing.diagonal_operator(values), n_probes=8, check=False, rng=seed).band(x)
        inside += (low <= truth) & (truth <= high)
    # Binomial bound at 4.5 sigma, over 6 seeds whose points move together.
    assert np.all(inside / 6 > 0.95 - MOST_SIGMAS * math.sqrt(0.95 * 0.05 / 6))
    far_below = spectral_density(testing.diagonal_operator(values), n_probes=8, check=False, rng=0).band(-1.0)
    # A share of zero has a score interval of z² times the variance factor.
    np.testing.assert_allclose(far_below, 0.0, atol=1.96**2 * 2 / (len(values) + 2) / 8 + 1e-6)


def test_multiplicity_of_an_unresolved_zero_is_within_its_interval():
    values = np.append(np.zeros(100), np.logspace(-4, 0, 400))
    for seed in range(3):
        density = spectral_density(testing.diagonal_operator(values), n_probes=8, check=False, rng=seed)
        nullity, others = density.nullity(), density.count(1e-12, 1.0)
        assert nullity.interval[0] <= 100 <= nullity.interval[1] < 250
        assert 250 < others.interval[0] <= 400 <= others.interval[1]


def test_multiplicity_inside_a_bulk_is_within_the_interval_of_its_count():
    values = np.append(np.full(60, 0.5), np.linspace(0, 1, 440))
    for seed in range(3):
        density = spectral_density(testing.diagonal_operator(values), n_probes=8, check=False, rng=seed)
        found = density.count(0.499, 0.501)
        assert found.interval[0] <= 60 <= found.interval[1] < 150


@pytest.mark.parametrize("degree", [1, 2, 3, 5])
@pytest.mark.parametrize("law", ["marchenko-pastur", "power law", "spiked"])
def test_few_nodes_promise_little(law, degree):
    values = LAWS[law](300)
    assert coverage(values, 12, degree=degree, n_probes=6) > 0.95 - MOST_SIGMAS * math.sqrt(0.95 * 0.05 / 12)
    density = spectral_density(testing.diagonal_operator(values), degree=degree, n_probes=6, check=False, rng=0)
    root = density.expectation(np.sqrt)
    assert root.interval[0] <= np.sqrt(values).mean() <= root.interval[1]
    assert math.isnan(root.stderr) == math.isinf(root.interval[1]) == (degree < 3)
    mean = density.moment(1)
    assert abs(mean.value - values.mean()) < MOST_SIGMAS * mean.stderr


def test_finished_recurrences_leave_no_error_however_short():
    density = spectral_density(np.diag([2.0, 2.0, 5.0]), degree=2, n_probes=3, rng=0)
    estimate = density.expectation(np.exp)
    np.testing.assert_allclose(estimate.interval, np.mean(np.exp([2.0, 2.0, 5.0])), rtol=1e-12)


@pytest.mark.parametrize("n", [5, 40])
def test_orthogonal_probes_that_span_the_space_are_exact(n):
    values = np.append(np.zeros(n - 3), [1.0, 2.0, 3.0])
    for n_probes in (n, 4 * n):
        density = spectral_density(np.diag(values), n_probes=n_probes, rng=0)
        assert set(density.group_sizes) == {n}
        for estimate, truth in ((density.nullity(), n - 3), (density.count(1, 3), 3)):
            np.testing.assert_allclose(estimate.value, truth, rtol=1e-10)
            assert estimate.interval[0] <= truth <= estimate.interval[1] <= truth + 1e-9


def test_plain_recurrences_agree_with_reorthogonalised_ones():
    values = np.append(testing.uniform_spectrum(400), [5.0, 9.0])
    A = testing.symmetric_matrix(values, rng=0)
    plain, full = (spectral_density(A, degree=100, n_probes=8, reorthogonalize=keep, rng=0) for keep in (False, True))
    x = np.linspace(-0.1, 10.0, 57)
    np.testing.assert_allclose(plain.cdf(x), full.cdf(x), atol=0.02)
    np.testing.assert_allclose(plain.outliers[-2:], [5.0, 9.0], rtol=1e-12)
    np.testing.assert_allclose(plain.atoms[-2:, 1], full.atoms[-2:, 1], rtol=1e-6)


def test_outliers_and_atoms_stand_apart_from_the_bulk():
    bulk = testing.wishart_spectrum(3000, 1500, rng=0)
    values = np.concatenate([np.zeros(400), bulk, [6.0, 6.0, 11.0]])
    density = spectral_density(testing.diagonal_operator(values), n_probes=32, rng=0)
    n = len(values)
    assert len(density.atoms) == 3
    np.testing.assert_allclose(density.atoms[:, 0], [0.0, 6.0, 11.0], atol=1e-9)
    expected = np.array([400, 2, 1]) / n
    assert np.all(np.abs(density.atoms[:, 1] - expected) < MOST_SIGMAS * density.atoms[:, 2])
    assert np.all(density.atom_location_errors < 1e-5)
    nullity = density.nullity()
    assert abs(nullity.value - 400) < MOST_SIGMAS * nullity.stderr
    x = np.linspace(0.02, 4.0, 4001)
    for kernel in ("gaussian", "epanechnikov", "chebyshev"):
        mass = scipy.integrate.trapezoid(density.pdf(x, kernel=kernel), x)
        assert abs(mass - 1500 / n) < 0.02, kernel


def test_pdf_on_linear_and_logarithmic_axes():
    values = np.geomspace(1e-4, 1.0, 800)
    density = spectral_density(testing.diagonal_operator(values), degree=100, n_probes=32, rng=0)
    x = np.geomspace(0.05, 0.5, 7)
    expected = 1.0 / (x * math.log(1e4))
    low, high = density.pdf_band(x, 0.9999, bandwidth=0.15, scale="log")
    # The kernel has a width too: 0.15² / 2 of the curvature in log x, which a constant density does not have.
    assert np.all((low < expected) & (expected < high))
    assert np.all(density.pdf([-1.0, 0.0], scale="log") == 0.0)
    semicircle = spectral_density(testing.goe(600, rng=3), n_probes=64, rng=0)
    y = np.linspace(-1.5, 1.5, 13)
    for kernel in ("gaussian", "epanechnikov", "chebyshev"):
        low, high = semicircle.pdf_band(y, 1 - 1e-5, kernel=kernel)
        expected = scipy.stats.semicircular.pdf(y, scale=2)
        assert np.all((low - 0.005 < expected) & (expected < high + 0.005)), kernel


def test_expectations_counts_and_quantiles():
    values = np.linalg.eigvalsh(testing.goe(500, rng=0))
    density = spectral_density(testing.goe(500, rng=0), n_probes=40, rng=0)
    for f in (np.exp, np.cos, np.abs, lambda x: np.ones_like(x), lambda x: 2.0):
        estimate = density.expectation(f)
        truth = float(np.mean(f(values)))
        low, high = estimate.interval
        assert abs(estimate.value - truth) <= 0.5 * (high - low) * MOST_SIGMAS / 1.96 + 1e-12
    inside = density.count(-0.5, 0.8)
    assert abs(inside.value - np.sum((values >= -0.5) & (values <= 0.8))) < MOST_SIGMAS * (inside.stderr + 0.5)
    assert density.count().value == 500
    np.testing.assert_allclose(density.cdf(density.quantile([0.1, 0.5, 0.9])), [0.1, 0.5, 0.9], atol=2e-3)
    low, high = density.bounds(np.array([-0.5, 0.0, 0.8]))
    assert np.all((low <= density.cdf([-0.5, 0.0, 0.8])) & (density.cdf([-0.5, 0.0, 0.8]) <= high))


@pytest.mark.parametrize("kind", ["dense", "csr", "csc", "callable", "float32", "wide"])
def test_gram_matrices_are_not_formed(kind):
    X = np.random.default_rng(0).standard_normal((90, 60))
    X[:, 3] *= 6
    if kind == "wide":
        X = np.ascontiguousarray(X.T)
    values = np.linalg.svd(X, compute_uv=False) ** 2
    values = np.append(values, np.zeros(X.shape[1] - len(values)))
    options = {"degree": 90, "n_probes": X.shape[1], "block_size": X.shape[1], "rng": 0}
    given = {
        "csr": scipy.sparse.csr_array(X),
        "csc": scipy.sparse.csc_array(X),
        "callable": lambda block: X @ block,
        "float32": X.astype(np.float32),
    }.get(kind, X)
    if kind == "callable":
        options |= {"shape": X.shape, "adjoint": lambda block: X.T @ block, "of": "gram"}
    density = spectral_density(given, **options)
    np.testing.assert_allclose(density.moment(1).value, values.mean(), rtol=1e-5)
    np.testing.assert_allclose(density.moment(3).value, np.mean(values**3), rtol=1e-5)
    x = 0.5 * (np.sort(values)[:-1] + np.sort(values)[1:])[-20:]
    np.testing.assert_allclose(density.cdf(x), exact_cdf(values, x), atol=2e-5)


def test_covariances_are_centred_and_scaled_implicitly():
    X = np.random.default_rng(1).standard_normal((80, 30)) * np.linspace(1, 4, 30) + 7.0
    for center, scale in ((True, False), (True, True)):
        density = spectral_density(X, of="covariance", center=center, scale=scale, n_probes=30, block_size=30, rng=0)
        matrix = np.corrcoef(X.T) if scale else np.cov(X.T)
        np.testing.assert_allclose(density.moment(2).value, np.sum(matrix**2) / 30, rtol=1e-10)
    sparse = scipy.sparse.random_array((200, 40), density=0.1, rng=np.random.default_rng(0), format="csr")
    density = spectral_density(sparse, of="covariance", center=True, n_probes=40, block_size=40, rng=0)
    np.testing.assert_allclose(density.moment(1).value, np.trace(np.cov(sparse.toarray().T)) / 40, rtol=1e-10)
    np.testing.assert_allclose(density.trace, np.trace(np.cov(sparse.toarray().T)), rtol=1e-10)


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("shape", [(90, 40), (50, 50)])
def test_sparse_matrices_are_as_good_as_sparse_arrays(shape, center):
    X = scipy.sparse.random_array(shape, density=0.3, rng=np.random.default_rng(0), format="csr")
    options = {"of": "covariance", "center": center, "n_probes": 4, "rng": 0}
    dense = spectral_density(X.toarray(), **options)
    for kind in (scipy.sparse.csr_matrix, scipy.sparse.coo_matrix, scipy.sparse.csc_matrix, scipy.sparse.csr_array):
        density = spectral_density(kind(X), **options)
        np.testing.assert_allclose(density.trace, dense.trace, rtol=1e-12)
        np.testing.assert_allclose(density.nodes, dense.nodes, atol=1e-9)
        assert np.isfinite(density.fit_marchenko_pastur().variance.value)


def test_trace_of_a_sparse_covariance_keeps_its_digits_beside_large_means():
    X = np.random.default_rng(0).standard_normal((60, 12))
    expected = np.trace(np.cov(X.T))
    for kind in (scipy.sparse.csr_array, scipy.sparse.csc_array, scipy.sparse.coo_array):
        density = spectral_density(kind(X + 1e8), of="covariance", center=True, n_probes=2, degree=3, rng=0)
        # Adding 1e8 has rounded the data to 1e-8 already.
        np.testing.assert_allclose(density.trace, expected, rtol=1e-7)
    in_parts = scipy.sparse.csr_array((np.repeat([1.0, 2.0], 2), [0, 0, 0, 0], [0, 2, 4]), shape=(2, 1))
    density = spectral_density(in_parts, of="covariance", center=True, n_probes=1, rng=0)
    # Entries stored in two parts are their sums: a column of 2 and 4.
    np.testing.assert_allclose(density.trace, 2.0, rtol=1e-14)


@pytest.mark.parametrize("kind", [np.asarray, scipy.sparse.csr_array])
def test_complex_data_are_centred(kind):
    generator = np.random.default_rng(0)
    X = generator.standard_normal((40, 12)) + 1j * generator.standard_normal((40, 12)) + (2.0 - 1.0j)
    squares = np.linalg.eigvalsh(np.cov(X.T))
    options = {"center": True, "n_probes": 12, "rng": 0}
    gram = spectral_density(kind(X), of="gram", **options)
    np.testing.assert_allclose(gram.moment(2).value, np.mean((39 * squares) ** 2), rtol=1e-9)
    covariance = spectral_density(kind(X), of="covariance", **options)
    np.testing.assert_allclose(covariance.trace, squares.sum(), rtol=1e-12)


@pytest.mark.parametrize("kind", [np.asarray, scipy.sparse.csr_array])
def test_squares_outside_the_floating_range_are_refused(kind):
    X = np.random.default_rng(0).standard_normal((30, 10))
    plain = spectral_density(X, of="gram", n_probes=4, rng=0)
    for unit in (1e140, 1e-140):
        scaled = spectral_density(kind(unit * X), of="gram", n_probes=4, rng=0)
        np.testing.assert_allclose(scaled.nodes / unit**2, plain.nodes, rtol=1e-9)
    for unit, of in ((1e200, "gram"), (1e-200, "gram"), (1e200, "covariance"), (1e-200, "covariance")):
        with pytest.raises(InvalidInputError, match="divide the data by 1e"):
            spectral_density(kind(unit * X), of=of, rng=0)
    with pytest.raises(InvalidInputError, match="divide the operator"):
        spectral_density(lambda x: 1e200 * x, adjoint=lambda x: 1e200 * x, shape=(9, 9), of="gram", rng=0)


@pytest.mark.parametrize("kind", [np.asarray, scipy.sparse.csr_array])
def test_weights_count_like_repetitions(kind):
    generator = np.random.default_rng(2)
    X, counts, widths = generator.standard_normal((40, 12)) + 3.0, generator.integers(0, 4, 40), np.linspace(0, 2, 12)
    options = {"n_probes": 12, "block_size": 12, "rng": 0}
    for center in (False, True):
        weights = {"row_weights": counts, "column_weights": widths, "center": center}
        repeated = np.repeat(X, counts, axis=0) * np.sqrt(widths)
        repeated = repeated - center * repeated.mean(axis=0)
        squares = np.linalg.eigvalsh(repeated.T @ repeated)
        gram = spectral_density(kind(X), of="gram", **weights, **options)
        np.testing.assert_allclose(gram.moment(2).value, np.mean(squares**2), rtol=1e-9)
        covariance = spectral_density(kind(X), of="covariance", **weights, **options)
        np.testing.assert_allclose(covariance.moment(1).value, squares.mean() / (counts.sum() - center), rtol=1e-9)
    with pytest.raises(InvalidInputError, match="equal weight"):
        covariance.fit_marchenko_pastur()
    with pytest.raises(InvalidInputError, match="row_weights must have shape"):
        spectral_density(kind(X), row_weights=counts[1:], rng=0)


def test_marchenko_pastur_fit_needs_no_decomposition():
    X = np.random.default_rng(0).standard_normal((2000, 500))
    X[:, 0] *= 3.0
    X[:, 1] *= 2.0
    fit = spectral_density(X, of="covariance", degree=120, rng=0).fit_marchenko_pastur(significance=1e-4)
    direct = eigenscope.covariance_spectrum(X, center=False).fit_marchenko_pastur(significance=1e-4)
    assert fit.n_signal == direct.n_signal == 2
    np.testing.assert_allclose(fit.variance.value, direct.variance.value, rtol=1e-3)
    np.testing.assert_allclose(fit.signal_eigenvalues, direct.signal_eigenvalues, rtol=1e-3)
    with pytest.raises(InvalidInputError, match="covariance"):
        spectral_density(np.eye(3), rng=0).fit_marchenko_pastur()
