"""The population behind a sample: expected sample eigenvalues, their inversion, bands, and unbiased moments."""

from __future__ import annotations

import types

import numpy as np
import pytest
from eigenscope import GeneralizedMarchenkoPastur, covariance_spectrum
from eigenscope.errors import ConvergenceWarning, InvalidInputError
from eigenscope.random_matrix import PopulationSpectrum, population_fit, population_moments, population_spectrum

DESIGNS = {
    "one high spike": lambda p: np.append(16.0, np.ones(p - 1)),
    "one low spike": lambda p: np.append(5.0, np.ones(p - 1)),
    "three spikes": lambda p: np.append([20.0, 10.0, 5.0], np.ones(p - 3)),
    "two points": lambda p: np.repeat([5.0, 1.0], p // 2),
    "power law": lambda p: 1 / np.arange(1.0, p + 1),
    "ones": np.ones,
}


def sample_eigenvalues(rng, population, n):
    data = rng.standard_normal((n, len(population))) * np.sqrt(population)
    values = np.linalg.eigvalsh(data.T @ data / n)[::-1]
    values[min(n, len(population)) :] = 0
    return values


def rms(difference):
    return np.sqrt(np.mean(difference**2))


def test_expected_eigenvalues_match_reference_values():
    law = GeneralizedMarchenkoPastur([1.0], 0.5)
    np.testing.assert_allclose(
        law.mean_quantiles(4), [0.2409093975, 0.6001923908, 1.1335486284, 2.0253495833], atol=6e-11
    )
    np.testing.assert_allclose(
        law.mean_quantiles(5), [0.2101675735, 0.4756469095, 0.8361409426, 1.3392737262, 2.1387708482], atol=6e-11
    )


@pytest.mark.parametrize("ratio", [0.1, 1.0, 3.0])
def test_expected_eigenvalues_keep_the_trace(ratio):
    law = GeneralizedMarchenkoPastur([1, 4, 9], ratio, [3, 2, 1])
    assert law.mean_quantiles(50).mean() == pytest.approx(law.mean(), rel=1e-9)


@pytest.mark.parametrize("n_samples", [400, 100, 60.5])
@pytest.mark.parametrize("design", DESIGNS)
def test_expectations_of_the_fit_are_those_of_the_law(design, n_samples):
    population = DESIGNS[design](100)
    expected = GeneralizedMarchenkoPastur(population, 100 / n_samples).mean_quantiles(100)[::-1]
    found = population_fit.expected_eigenvalues(population, n_samples)
    assert found.sum() == pytest.approx(population.sum(), rel=1e-3)
    # Sampling moves an eigenvalue by most of a spacing.
    assert np.all(np.abs(found - expected) < 0.05 * np.maximum(np.abs(np.gradient(expected)), 1e-9))


def test_slopes_of_expectations_are_derivatives():
    rng = np.random.default_rng(0)
    atoms, sizes = np.sort(rng.uniform(0.5, 4, 20))[::-1], rng.integers(1, 8, 20)
    atoms[0] = 30
    slopes = population_fit._expectation(atoms, sizes, 60.0)[1]
    step = 1e-3
    for column in (0, 5, 19):
        moved = np.where(np.arange(20) == column, step * atoms, 0)
        ahead, behind = (population_fit._expectation(atoms + way * moved, sizes, 60.0)[0] for way in (1, -1))
        difference = (ahead - behind) / (2 * step * atoms[column])
        np.testing.assert_allclose(slopes[:, column], difference, atol=0.05 * difference.max())


def test_law_that_cannot_be_followed_is_nudged(monkeypatch):
    follow, ratios = population_fit.LawNodes.of_population, []

    def fail_twice(atoms, shares, ratio, count):
        ratios.append(ratio)
        if len(ratios) < 3:
            raise InvalidInputError("two intervals touch")
        return follow(atoms, shares, ratio, count)

    monkeypatch.setattr(population_fit.LawNodes, "of_population", fail_twice)
    population = np.repeat([4.0, 1.0], 10)
    expected = GeneralizedMarchenkoPastur(population, 0.5).mean_quantiles(20)[::-1]
    np.testing.assert_allclose(population_fit.expected_eigenvalues(population, 40), expected, rtol=0.02)
    assert ratios == [0.5, 0.5 * 1.001, 0.5 * 0.999]


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize(("n_samples", "n_features"), [(400, 100), (100, 200), (150, 150)])
def test_sampling_errors_are_those_of_the_population(design, n_samples, n_features):
    rng = np.random.default_rng(6)
    population = DESIGNS[design](n_features)
    expected = population_fit.expected_eigenvalues(population, n_samples)
    squares = []
    for _ in range(10):
        values = sample_eigenvalues(rng, population, n_samples)[: min(n_samples, n_features)]
        errors = population_fit.sampling_errors(np.maximum(values, expected[: len(values)]), n_samples)
        squares.append(np.mean(((values - expected[: len(values)]) / errors) ** 2))
    assert 0.8 < np.sqrt(np.mean(squares)) < 1.2


def test_exact_expectations_are_inverted(monkeypatch):
    monkeypatch.setattr(population_fit, "CLOSE_ENOUGH", 0)
    population = np.repeat([4.0, 1.0], 5)
    values = GeneralizedMarchenkoPastur(population, 0.2).mean_quantiles(10)
    found = population_spectrum(values, n_samples=50, n_bootstrap=0)
    np.testing.assert_allclose(found.eigenvalues, population, rtol=0.03)
    assert found.misfit < 1e-3
    assert np.isnan(found.low).all()
    np.testing.assert_allclose(found.law.support, GeneralizedMarchenkoPastur(population, 0.2).support, rtol=0.05)


@pytest.mark.parametrize("method", ["quest", "el_karoui"])
def test_estimate_is_much_nearer_than_the_sample(method):
    rng = np.random.default_rng(0)
    population = np.repeat([8.0, 1.0], 12)
    values = sample_eigenvalues(rng, population, 150)
    found = population_spectrum(values, n_samples=150, method=method, n_bootstrap=0)
    assert np.linalg.norm(found.eigenvalues - population) < 0.5 * np.linalg.norm(values - population)
    assert found.eigenvalues.sum() == pytest.approx(values.sum(), rel=1e-6)


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize(("n_samples", "n_features"), [(400, 100), (100, 200)])
def test_estimate_is_nearer_than_the_sample_and_the_rougher_method(design, n_samples, n_features):
    population = DESIGNS[design](n_features)
    errors = []
    for seed in range(6):
        values = sample_eigenvalues(np.random.default_rng(seed), population, n_samples)
        found = [
            population_spectrum(values, n_samples=n_samples, method=method, n_bootstrap=0).eigenvalues
            for method in ("quest", "el_karoui")
        ]
        errors.append([rms(values - population), *(rms(estimate - population) for estimate in found)])
    sample, quest, el_karoui = np.mean(errors, axis=0)
    assert quest < sample
    assert quest < 1.2 * el_karoui


def test_spike_stays_apart():
    data = np.random.default_rng(1).standard_normal((400, 100))
    data[:, 0] *= 4
    found = population_spectrum(np.linalg.eigvalsh(data.T @ data / 400), n_samples=400, n_bootstrap=0)
    assert found.eigenvalues[0] == pytest.approx(16, abs=1.5)
    assert found.eigenvalues[1] < 1.3
    assert found.eigenvalues[-1] > 0.3
    assert found.misfit < 0.03


@pytest.mark.parametrize("exponent", [1, 2, 4])
def test_every_scale_is_found(exponent):
    population = np.arange(1.0, 61) ** -exponent
    values = sample_eigenvalues(np.random.default_rng(8), population, 600)
    found = population_spectrum(values, n_samples=600, n_bootstrap=0).eigenvalues
    # One spike is known to sqrt(2 / n) = 6 %, ten neighbours merge.
    assert rms(np.log(found / population)) < 0.12


def test_many_eigenvalues_are_fitted_by_their_means():
    population = np.append([20.0, 10.0, 5.0], np.repeat([3.0, 1.0], [500, 497]))
    values = sample_eigenvalues(np.random.default_rng(7), population, 4000)
    assert len(np.unique(population_fit._cells(values))) <= 200
    assert np.all(np.bincount(population_fit._cells(values))[:3] == 1)
    found = population_spectrum(values, n_samples=4000, n_bootstrap=0)
    np.testing.assert_allclose(found.eigenvalues[:3], population[:3], rtol=0.1)
    assert rms(found.eigenvalues - population) < 0.3 * rms(values - population)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("method", ["quest", "el_karoui"])
def test_zeros_of_the_population_are_kept(method, dtype):
    rng = np.random.default_rng(9)
    data = rng.standard_normal((300, 60)) * np.sqrt(np.repeat([4.0, 1.0, 0.0], 20))
    rotation = np.linalg.qr(rng.standard_normal((60, 60)))[0]
    values = np.linalg.eigvalsh((data @ rotation).T @ (data @ rotation) / 300).astype(dtype)
    found = population_spectrum(values, n_samples=300, method=method, n_bootstrap=2)
    assert np.count_nonzero(found.eigenvalues) == 40
    assert np.median(found.eigenvalues[20:40]) == pytest.approx(1, abs=0.1)
    assert np.all(found.high[40:] == 0)


@pytest.mark.parametrize(("n_samples", "n_features"), [(80, 80), (50, 120), (2, 30)])
def test_mean_may_still_be_counted(n_samples, n_features):
    data = np.random.default_rng(10).standard_normal((n_samples, n_features))
    data -= data.mean(axis=0)
    values = np.linalg.eigvalsh(data.T @ data / n_samples)
    found = population_spectrum(values, n_samples=n_samples, n_bootstrap=0).eigenvalues
    assert rms(found / found.mean() - 1) < 0.5
    assert found.sum() == pytest.approx(values.sum())


def test_density_stands_for_its_eigenvalues():
    nodes = GeneralizedMarchenkoPastur([1.0, 4.0], 0.5).ppf((np.arange(100) + 0.5) / 100)
    density = types.SimpleNamespace(nodes=nodes, weights=np.full(100, 1 / 100))
    found = population_spectrum(density, n_samples=1000, n_features=500, n_bootstrap=0)
    assert rms(found.eigenvalues - np.repeat([4.0, 1.0], 250)) < 0.3


@pytest.mark.parametrize("method", ["quest", "el_karoui"])
def test_eigenvalues_that_no_population_leads_to_are_reported(method):
    values = sample_eigenvalues(np.random.default_rng(11), np.ones(100), 400)
    with pytest.warns(ConvergenceWarning, match="n_samples=100 counts independent") as caught:
        found = population_spectrum(values, n_samples=100, method=method, n_bootstrap=2)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert ('method="quest"' in str(caught[0].message)) == (method != "quest")
    assert found.misfit > 0.3


@pytest.mark.parametrize("design", ["one low spike", "two points", "power law"])
def test_band_of_the_fit_covers_the_population(design):
    population = DESIGNS[design](60)
    values = sample_eigenvalues(np.random.default_rng(12), population, 240)
    found = population_spectrum(values, n_samples=240, rng=1)
    assert np.all(found.low <= found.high)
    assert np.mean((found.low <= population) & (population <= found.high)) > 0.8
    assert population_spectrum(values, n_samples=240, rng=1) == found


def test_band_covers_the_population(tmp_path):
    rng = np.random.default_rng(1)
    population = np.geomspace(6, 0.5, 60)
    values = sample_eigenvalues(rng, population, 200)
    found = population_spectrum(values, n_samples=200, method="el_karoui", n_bootstrap=40)
    assert np.array_equal(found.low <= found.high, np.ones(60, dtype=bool))
    assert np.mean((found.low <= population) & (population <= found.high)) > 0.8
    again = population_spectrum(values, n_samples=200, method="el_karoui", n_bootstrap=40)
    assert again == found
    found.save(tmp_path / "population.npz")
    assert PopulationSpectrum.load(tmp_path / "population.npz") == found
    assert "el_karoui" in repr(found)


@pytest.mark.parametrize("scale", [1e150, 1e-150])
def test_scale_and_precision_do_not_matter(scale):
    values = sample_eigenvalues(np.random.default_rng(2), np.repeat([4.0, 1.0], 6), 60)
    options = {"n_samples": 60, "method": "el_karoui", "n_bootstrap": 0}
    found = population_spectrum(values, **options)
    np.testing.assert_allclose(population_spectrum(values * scale, **options).eigenvalues, found.eigenvalues * scale)
    single = population_spectrum(values.astype(np.float32), **options)
    assert single.eigenvalues.sum() == pytest.approx(values.sum(), rel=1e-6)


def test_moments_match_reference_values_and_are_unbiased():
    found = population_moments([[1, 0], [1, 1], [0, 2]], 3)
    np.testing.assert_allclose([moment.value for moment in found], [7 / 3, 5 / 3, 0], atol=1e-14)
    rng = np.random.default_rng(3)
    population = np.array([4.0, 2, 1, 1, 0.5])
    draws = np.array(
        [
            [m.value for m in population_moments(rng.standard_normal((12, 5)) * np.sqrt(population), 3)]
            for _ in range(400)
        ]
    )
    truth = [np.sum(population**k) for k in (1, 2, 3)]
    errors = draws.std(axis=0) / np.sqrt(len(draws))
    assert np.all(np.abs(draws.mean(axis=0) - truth) < 4 * errors)


def test_standard_errors_of_moments_are_right():
    rng = np.random.default_rng(4)
    population = np.linspace(2, 0.5, 30)
    found = [population_moments(rng.standard_normal((80, 30)) * np.sqrt(population), 2) for _ in range(60)]
    for k in (0, 1):
        spread = np.std([moments[k].value for moments in found])
        # 60 draws know a standard deviation to 9 %, jackknife ones are a few percent high.
        assert np.mean([moments[k].stderr for moments in found]) == pytest.approx(spread, rel=0.4)


def test_wrong_input_is_explained():
    with pytest.raises(InvalidInputError, match="method must be"):
        population_spectrum([1, 2], n_samples=10, method="best")
    with pytest.raises(InvalidInputError, match="do not vary"):
        population_spectrum([0, 0], n_samples=10)
    with pytest.raises(InvalidInputError, match="confidence"):
        population_spectrum([1, 2], n_samples=10, confidence=2)
    with pytest.raises(InvalidInputError, match="at least 2"):
        population_spectrum([1.0], n_samples=10)
    for order in (4, 1.5):
        with pytest.raises(InvalidInputError, match="order"):
            population_moments(np.eye(3), order)
    for count in (-1, 1.5):
        with pytest.raises(InvalidInputError, match="n_bootstrap"):
            population_spectrum([1.0, 2.0], n_samples=10, n_bootstrap=count)
    with pytest.raises(InvalidInputError, match="full spectrum"):
        population_spectrum(covariance_spectrum(np.random.default_rng(5).standard_normal((50, 20)), k=3, threads=1))
    assert all(moment.value == 0 for moment in population_moments(np.zeros((4, 3)), 2))


def test_top_eigenvalues_are_not_taken_for_all():
    with pytest.raises(InvalidInputError, match="3 eigenvalues where"):
        population_spectrum([9.0, 4.0, 2.0], n_samples=400, n_features=200)


@pytest.mark.parametrize("scale", [1e150, 1e-150])
def test_moments_beyond_the_range_of_numbers_are_refused(scale):
    X = np.random.default_rng(0).standard_normal((30, 5))
    with pytest.raises(InvalidInputError, match="leave the range of double precision"):
        population_moments(X * scale, 2)
    assert population_moments(X * scale, 1)[0].value == pytest.approx(population_moments(X, 1)[0].value * scale**2)
