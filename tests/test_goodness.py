"""Goodness of fit: the distance of a bulk from its law, and the test of sphericity."""

from __future__ import annotations

import math

import numpy as np
import pytest
from eigenscope import GeneralizedMarchenkoPastur, MarchenkoPastur, fit_marchenko_pastur
from eigenscope.eigenvalues import as_eigenvalues
from eigenscope.errors import InvalidInputError
from eigenscope.random_matrix import john_test
from eigenscope.random_matrix import sequential_test as sequential_test_module
from eigenscope.random_matrix.credibility import MOST_SIGNALS_OF_SQUARES
from eigenscope.random_matrix.goodness import bulk_distance, bulk_goodness
from eigenscope.random_matrix.sphericity import _moments_of_unevenness
from eigenscope.results import Spectrum
from scipy.stats import binom


def test_john_test_is_calibrated_and_sees_small_departures_that_add_up():
    assert john_test([3.0, 1.0], n_samples=10, n_features=2).statistic == 0.5
    n, p, draws = 100, 50, 400
    generator, law = np.random.default_rng(3), MarchenkoPastur(0.5)
    found = [john_test(law.rvs(p, rng=generator), n_samples=n, n_features=p) for _ in range(draws)]
    statistics, p_values = np.array(found).T
    # N(1, 4) in large data; the mean of n U - p is 1 - 2 / p.
    assert statistics.mean() == pytest.approx(1 - 2 / p, abs=4 * 2 / math.sqrt(draws))
    assert statistics.var() == pytest.approx(4, rel=0.3)
    for level in (0.2, 0.05):
        assert (
            binom.ppf(1e-3, draws, 0.9 * level) <= np.sum(p_values < level) <= binom.ppf(1 - 1e-3, draws, 1.1 * level)
        )
    data = generator.standard_normal((n, p)) * np.linspace(0.7, 1.3, p)
    values = np.linalg.eigvalsh(data.T @ data / n)
    assert john_test(values, n_samples=n, n_features=p).p_value < 1e-3
    with pytest.raises(InvalidInputError, match="needs all eigenvalues"):
        john_test(Spectrum(values[:10], n, p, float(values.sum()), n))
    with pytest.raises(InvalidInputError, match="all eigenvalues are zero"):
        john_test(np.zeros(5), n_samples=9, n_features=5)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "p"), [(20, 10), (200, 100), (100, 200), (1000, 300), (500, 500)])
def test_goodness_has_a_uniform_p_value_in_its_tail(n, p):
    draws = 2000 if p < 300 else 500
    generator = np.random.default_rng([n, p])
    law = MarchenkoPastur(p / n)
    p_values = np.array(
        [bulk_goodness(as_eigenvalues(law.rvs(p, rng=generator), n_samples=n, n_features=p), 0) for _ in range(draws)]
    )
    for level in (0.1, 0.05, 0.01):
        assert np.sum(p_values < level) <= binom.ppf(1 - 1e-4, draws, 1.15 * level)
        assert np.sum(p_values < level) >= binom.ppf(1e-4, draws, 0.4 * level)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "p", "distance"), [(100, 50, 0.0492), (400, 200, 0.0155), (1000, 500, 0.0075)])
def test_repelling_eigenvalues_keep_the_distance_small(n, p, distance):
    draws, generator = 1000, np.random.default_rng([n, p])
    law = MarchenkoPastur(p / n)
    found = np.quantile([bulk_distance(law.rvs(p, rng=generator), n, p) for _ in range(draws)], 0.95) / p
    # Published from few draws, and far below the 1.36 / sqrt(p) of independent ones.
    assert found == pytest.approx(distance, rel=0.1)
    assert found < 0.3 * 1.36 / math.sqrt(p)


def test_distance_of_exact_quantiles_is_half_a_step():
    m = 50
    quantiles = MarchenkoPastur(0.5).ppf((np.arange(m) + 0.5) / m)
    assert bulk_distance(quantiles, 100, 50) == pytest.approx(0.5, abs=0.05)
    assert bulk_distance(quantiles, 50, 100) == pytest.approx(0.5, abs=0.05)


def test_squares_of_a_doubtful_bulk_are_not_tested_to_the_end(monkeypatch):
    # Neither these eigenvalues nor their squares follow a noise law, so that tests of all of them would take minutes.
    p, tested = 1000, []
    values = GeneralizedMarchenkoPastur([1, 1.5], 0.5).ppf((np.arange(p) + 0.5) / p)
    real = sequential_test_module.conditional_noise
    monkeypatch.setattr(
        sequential_test_module, "conditional_noise", lambda sample, k: (tested.append(k), real(sample, k))[1]
    )
    fit = fit_marchenko_pastur(values, n_samples=2 * p, n_features=p)
    assert not fit.credible
    assert len(tested) <= fit.n_signal + 1 + MOST_SIGNALS_OF_SQUARES + 1
    assert sequential_test_module.sequential_test(as_eigenvalues(values**2, n_samples=2 * p, n_features=p), 0.05).limits


@pytest.mark.parametrize(("n", "p"), [(3, 200), (2, 50), (5, 60), (10, 10), (50, 3), (20, 5)])
@pytest.mark.parametrize("scale", [False, True])
def test_john_test_holds_its_level_for_few_samples_or_features(n, p, scale):
    generator, draws = np.random.default_rng([n, p, scale]), 2000
    p_values = np.empty(draws)
    for draw in range(draws):
        X = generator.standard_normal((n, p))
        X = X / np.sqrt((X**2).mean(axis=0)) if scale else X
        short = X @ X.T if n < p else X.T @ X
        values = np.zeros(p)
        values[: min(n, p)] = np.maximum(np.linalg.eigvalsh(short)[::-1], 0) / n
        spectrum = Spectrum(values[: min(n, p)], n, p, float(values.sum()), n, centered=False, scaled=scale)
        p_values[draw] = john_test(spectrum).p_value
    for level in (0.5, 0.05, 0.01):
        low, high = binom.ppf([1e-4, 1 - 1e-4], draws, level)
        # Few features have few correlations, whose sum has a longer tail than a gamma law.
        assert low * (0.8 if scale else 1) <= np.count_nonzero(p_values < level) <= high * (1.3 if scale else 1)


def test_moments_of_unevenness_are_those_of_one_sample_and_of_one_feature():
    # One sample has one eigenvalue, whatever it is.
    assert _moments_of_unevenness(1, 7)[:2] == (1.0, 0.0)
    assert _moments_of_unevenness(7, 1)[:2] == (1.0, 0.0)
    mean, deviation, skewness = _moments_of_unevenness(1e6, 1000)
    # n p U / 2 tends to a chi-square number with p (p + 1) / 2 - 1 degrees of freedom.
    assert mean * 1000 - 1 == pytest.approx(1e-3, rel=2e-3)
    assert deviation == pytest.approx(2e-9, rel=1e-2)
    assert 0 < skewness < 0.01
