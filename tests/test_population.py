"""The population behind a sample: expected sample eigenvalues, their inversion, bands, and unbiased moments."""

from __future__ import annotations

import numpy as np
import pytest
from eigenscope import GeneralizedMarchenkoPastur, covariance_spectrum
from eigenscope.errors import InvalidInputError
from eigenscope.random_matrix import PopulationSpectrum, population_moments, population_spectrum


def sample_eigenvalues(rng, population, n):
    data = rng.standard_normal((n, len(population))) * np.sqrt(population)
    values = np.linalg.eigvalsh(data.T @ data / n)[::-1]
    values[min(n, len(population)) :] = 0
    return values


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


def test_exact_expectations_are_inverted():
    population = np.repeat([4.0, 1.0], 5)
    values = GeneralizedMarchenkoPastur(population, 0.2).mean_quantiles(10)
    found = population_spectrum(values, n_samples=50, n_bootstrap=0)
    np.testing.assert_allclose(found.eigenvalues, population, atol=0.05)
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
