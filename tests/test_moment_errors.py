"""Eigen-moments: covariance in closed form, intervals away from exponent 1, at zero and of two slopes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from eigenscope.errors import InvalidInputError
from eigenscope.neural import fit_power_law_moments
from eigenscope.neural.eigen_moments import eigen_moments
from eigenscope.neural.moment_covariance import moment_covariance, noise_factors, product_traces
from scipy.stats import binom

BROKEN = np.where(np.arange(1, 201.0) <= 15, np.arange(1, 201.0) ** -0.5, 15**0.7 * np.arange(1, 201.0) ** -1.2)


def recording(n_stimuli, eigenvalues, noise, generator):
    signal = generator.standard_normal((n_stimuli, len(eigenvalues))) * np.sqrt(eigenvalues)
    return [signal + np.sqrt(noise) * generator.standard_normal(signal.shape) for _ in range(2)]


def design(n_stimuli, n_neurons, exponent, kind, noise):
    eigenvalues = np.arange(1, n_neurons + 1.0) ** -exponent
    return n_stimuli, eigenvalues, noise * (eigenvalues if kind == "aligned" else eigenvalues.mean())


DESIGNS = {
    "steep, independent": design(100, 300, 1.5, "independent", 1),
    "steep, aligned": design(200, 300, 1.5, "aligned", 0.5),
    "shallow, small": design(100, 100, 0.5, "independent", 0.5),
    "shallow": design(200, 200, 0.5, "independent", 0.5),
    "middle": design(160, 200, 1.0, "aligned", 0.5),
    "noisy": design(300, 500, 1.0, "independent", 2),
}


def covered(name, n_draws, seed):
    n_stimuli, eigenvalues, noise = DESIGNS[name]
    exponent = -math.log(eigenvalues[1]) / math.log(2)
    count = rejected = 0
    for draw in range(n_draws):
        repeats = recording(n_stimuli, eigenvalues, noise, np.random.default_rng([seed, draw]))
        fit = fit_power_law_moments(*repeats, rng=draw, threads=1)
        count += fit.interval[0] <= exponent <= fit.interval[1]
        rejected += fit.misfit_p_value < 0.05
    return count, rejected


@pytest.mark.parametrize("exponent", [0.5, 1.5])
def test_covariance_in_closed_form_is_that_of_many_recordings(exponent):
    eigenvalues, noise, n = np.arange(1, 41.0) ** -exponent, 0.1, 80
    moments, factors = [], []
    for seed in range(300):
        generator = np.random.default_rng(seed)
        X1, X2 = recording(n, eigenvalues, noise, generator)
        cross = (X1 - X1.mean(axis=0)) @ (X2 - X2.mean(axis=0)).T
        moments.append(eigen_moments(cross, [generator.permutation(n) for _ in range(30)], 3).mean(axis=0))
        factors.append(noise_factors(product_traces(cross), moments[-1]))
    truth = [np.sum((eigenvalues + noise) ** 2 * eigenvalues**j) / np.sum(eigenvalues ** (j + 2)) for j in (0, 1)]
    np.testing.assert_allclose(np.mean(factors, axis=0)[:2], truth, rtol=0.1)
    expected = moment_covariance(eigenvalues, np.array([truth[0]] + [truth[1]] * 4), n - 1)
    np.testing.assert_allclose(np.std(moments, axis=0), np.sqrt(np.diagonal(expected)), rtol=0.25)


@pytest.mark.parametrize("name", ["steep, independent", "shallow, small"])
def test_intervals_cover_away_from_exponent_one(name):
    # A bootstrap over stimuli covered 82 % and 100 %.
    count, rejected = covered(name, 24, 3)
    assert count >= binom.ppf(1e-3, 24, 0.93)
    assert rejected <= binom.ppf(1 - 1e-3, 24, 0.08)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(DESIGNS))
def test_coverage_of_designs(name):
    count, rejected = covered(name, 300, 4)
    assert binom.ppf(1e-3, 300, 0.91) <= count <= binom.ppf(1 - 1e-3, 300, 0.97)
    assert rejected <= binom.ppf(1 - 1e-3, 300, 0.08)


def test_flat_spectrum_is_at_its_bound_with_a_one_sided_interval():
    flat = 0
    for seed in range(8):
        generator = np.random.default_rng(seed)
        signal = generator.standard_normal((100, 60))
        fit = fit_power_law_moments(*(signal + 0.5 * generator.standard_normal(signal.shape) for _ in range(2)), rng=0)
        assert 0 <= fit.interval[0] <= fit.exponent <= fit.interval[1] < 0.5
        assert fit.stderr < 1
        if fit.is_flat:
            flat += 1
            assert fit.interval[0] == 0
            assert "at its lower bound, a flat spectrum" in fit.summary()
    assert flat > 0


@pytest.mark.slow
def test_errors_of_two_slopes_hold_when_the_break_is_searched():
    n_draws, first, second, inside = 100, 0, 0, 0
    for draw in range(n_draws):
        repeats = recording(300, BROKEN, 0.5 * BROKEN.mean(), np.random.default_rng([2, draw]))
        fit = fit_power_law_moments(*repeats, slopes=2, rng=draw, threads=1)
        first += abs(fit.first_exponent - 0.5) <= 1.96 * fit.first_stderr
        second += fit.interval[0] <= 1.2 <= fit.interval[1]
        inside += fit.break_interval[0] <= 15 <= fit.break_interval[1]
    assert min(first, second, inside) >= binom.ppf(1e-3, n_draws, 0.92)


@pytest.mark.parametrize("exponent", [-100, -10, 10, 100])
def test_units_of_the_data_do_not_matter(exponent):
    repeats = recording(80, np.arange(1, 61.0) ** -1, 0.05, np.random.default_rng(5))
    fit = fit_power_law_moments(*repeats, rng=1)
    scaled = fit_power_law_moments(*(10.0**exponent * x for x in repeats), rng=1)
    assert scaled.exponent == pytest.approx(fit.exponent, abs=1e-3 * fit.stderr)
    assert scaled.intercept == pytest.approx(fit.intercept + 2 * exponent * math.log(10), abs=1e-3)
    assert np.isfinite(scaled.moment_covariance).all()


def test_resamples_of_the_stimuli_give_the_covariance_when_asked():
    repeats = recording(*design(120, 100, 1.0, "independent", 0.5), np.random.default_rng(2))
    one, three = (
        fit_power_law_moments(*repeats, n_bootstraps=115, n_moments=5, rng=4, threads=threads) for threads in (1, 3)
    )
    assert (one.exponent, one.stderr) == (three.exponent, three.stderr)
    closed = fit_power_law_moments(*repeats, rng=4)
    assert one.exponent == pytest.approx(closed.exponent, abs=3 * closed.stderr)
    assert closed.stderr / 2 < one.stderr < 4 * closed.stderr
    with pytest.raises(InvalidInputError, match="a covariance of 5 moments needs more than 6 resamples"):
        fit_power_law_moments(*repeats, n_bootstraps=5)
