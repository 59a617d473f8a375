"""Noise beside spikes, given where they lie in the sample: closed forms, level, bias and coverage by simulation."""

from __future__ import annotations

import math
import types

import numpy as np
import pytest
from eigenscope import MarchenkoPastur, fit_marchenko_pastur
from eigenscope.eigenvalues import eigenvalues_from_density
from eigenscope.errors import DataWarning, InvalidInputError
from eigenscope.random_matrix import effective_samples
from eigenscope.random_matrix.crowded_spikes import debiased_spikes
from eigenscope.random_matrix.edges import conditional_noise_edge, largest_eigenvalue_edge, spiked_noise_edge
from eigenscope.random_matrix.noise_variance import METHODS, noise_variance
from eigenscope.random_matrix.spikes import sample_eigenvalue
from scipy.stats import binom


def spiked_eigenvalues(n, p, population, generator):
    data = generator.standard_normal((n, p))
    data[:, : len(population)] *= np.sqrt(population)
    gram = data.T @ data if p <= n else data @ data.T
    return np.linalg.eigvalsh(gram / n)[::-1]


@pytest.mark.parametrize(("n", "p"), [(400, 200), (200, 400), (150, 150), (1000, 10)])
def test_without_spikes_it_is_the_white_edge(n, p):
    edge = conditional_noise_edge([], n_samples=n, n_features=p, variance=2.0)
    np.testing.assert_allclose(edge, largest_eigenvalue_edge(n, p, variance=2.0), rtol=1e-12)


@pytest.mark.parametrize(("n", "p"), [(400, 200), (200, 400)])
def test_strong_spikes_take_one_dimension_each(n, p):
    edge = conditional_noise_edge(np.full(10, 1e9), n_samples=n, n_features=p)
    white = (math.sqrt(n) + math.sqrt(p)) ** 2
    centred = largest_eigenvalue_edge(n, p).location * n / white
    assert edge.location == pytest.approx((math.sqrt(n - 10) + math.sqrt(p - 10)) ** 2 / n * centred, rel=1e-6)


@pytest.mark.parametrize(("n", "p"), [(40000, 20000), (20000, 40000)])
def test_agrees_with_the_population_edge_where_spikes_lie_at_their_limits(n, p):
    spikes = np.linspace(6, 20, 10)
    population, separated = spiked_noise_edge(spikes, n_samples=n, n_features=p)
    given = conditional_noise_edge(sample_eigenvalue(spikes, p / n), n_samples=n, n_features=p)
    white = largest_eigenvalue_edge(n, p)
    assert separated
    assert given.location - white.location == pytest.approx(population.location - white.location, rel=2e-3)
    assert given.scale == pytest.approx(population.scale, rel=1e-4)


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_units_cancel(scale):
    leading = np.array([20.0, 9.0])
    unit = conditional_noise_edge(leading, n_samples=60, n_features=40)
    found = conditional_noise_edge(leading * scale, n_samples=60, n_features=40, variance=scale)
    np.testing.assert_allclose(np.array(found) / scale, unit, rtol=1e-12)


def test_impossible_spikes_are_refused():
    with pytest.raises(InvalidInputError, match="must be positive, finite and fewer"):
        conditional_noise_edge([1.0, -1.0], n_samples=60, n_features=40)
    with pytest.raises(InvalidInputError, match="must be positive, finite and fewer"):
        conditional_noise_edge(np.ones(40), n_samples=60, n_features=40)


CROWDED = [(400, 200, 40, 3.0, 6.0), (200, 400, 40, 5.0, 15.0), (100, 90, 10, 4.0, 10.0)]


@pytest.mark.parametrize(("n", "p", "r", "low", "high"), CROWDED)
def test_level_bias_and_spread_beside_crowded_spikes(n, p, r, low, high):
    draws = 120
    generator = np.random.default_rng([n, p, r])
    population = np.linspace(high, low, r)
    fits = [
        fit_marchenko_pastur(spiked_eigenvalues(n, p, population, generator), n_samples=n, n_features=p)
        for _ in range(draws)
    ]
    over = sum(fit.n_signal > r for fit in fits)
    assert over <= binom.ppf(1 - 1e-4, draws, 0.055)
    values = np.array([fit.variance.value for fit in fits])
    theory = math.sqrt(2 / ((n - r) * (p - r)))
    assert values.mean() == pytest.approx(1, abs=0.003 + 4 * theory / math.sqrt(draws))
    assert values.std() == pytest.approx(theory, rel=0.2)


@pytest.mark.parametrize(
    ("n", "p", "population"),
    [
        (400, 200, np.linspace(6, 3, 10)),
        (400, 200, np.array([12.0, 5, 5, 5, 5, 5])),
        (200, 400, np.linspace(12, 5, 10)),
    ],
)
def test_crowded_spikes_are_brought_together_with_honest_errors(n, p, population):
    draws, r = 150, len(population)
    generator = np.random.default_rng(p)
    errors = []
    covered = 0
    for _ in range(draws):
        values = spiked_eigenvalues(n, p, population, generator)
        variance = noise_variance(values, r, n_samples=n, n_features=p).value
        spikes, stderrs = debiased_spikes(values[:r], (p - r) / n, n, variance=variance)
        covered += np.count_nonzero(np.abs(spikes - population) < 1.96 * stderrs)
        errors.append(spikes - population)
        assert np.all(np.diff(spikes) <= 0)
    # Errors of one spectrum depend on each other: the draws count, not the spikes.
    assert binom.ppf(1e-4, draws, 0.92) <= covered / r <= binom.ppf(1 - 1e-4, draws, 0.975)
    naive = np.asarray(sample_eigenvalue(population, p / n))
    assert np.abs(np.mean(errors)) < 0.1 * naive.std()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("n", "p", "r"), [(200, 120, 0), (120, 200, 6)])
def test_every_variance_rule_knows_its_error(method, n, p, r):
    draws = 200
    generator = np.random.default_rng([n, r])
    population = np.linspace(12, 6, r)
    found = [
        noise_variance(spiked_eigenvalues(n, p, population, generator), r, n_samples=n, n_features=p, method=method)
        for _ in range(draws)
    ]
    values, stderrs = np.array([(estimate.value, estimate.stderr) for estimate in found]).T
    # A spread from 200 draws is known to 5 %.
    assert values.std() == pytest.approx(stderrs.mean(), rel=0.2)
    if method in ("range_2016", "range_exp2"):
        # As published: finite noise does not reach the limits that they divide by.
        assert values.mean() + 4 * stderrs.mean() / np.sqrt(draws) < 1
    elif method != "mean" or r == 0:
        covered = np.count_nonzero(np.abs(values - 1) < 1.96 * stderrs)
        assert covered >= binom.ppf(1e-4, draws, 0.93)


@pytest.mark.parametrize(("n", "p", "r"), [(400, 100, 0), (300, 150, 8)])
def test_effective_samples_cover_the_truth_and_see_repeats(n, p, r):
    draws = 200
    generator = np.random.default_rng(n)
    population = np.linspace(20, 8, r)
    spectra = [spiked_eigenvalues(n, p, population, generator) for _ in range(draws)]
    found = [effective_samples(values, r, n_samples=2 * n, n_features=p) for values in spectra]
    for position, truth in ((0, n), (1, 1.0)):
        covered = sum(pair[position].interval[0] <= truth <= pair[position].interval[1] for pair in found)
        assert binom.ppf(1e-4, draws, 0.92) <= covered <= binom.ppf(1 - 1e-4, draws, 0.975)
    # Every sample twice: the spectrum of n samples, said to come from 2 n.
    with pytest.warns(DataWarning, match="half of all"):
        fit = fit_marchenko_pastur(spectra[0], n_samples=2 * n, n_features=p)
    assert any("correlated or repeated" in reason for reason in fit.reasons)
    with pytest.raises(InvalidInputError, match="already is the number of samples"):
        effective_samples(np.ones(5), n_samples=5, n_features=9)
    for narrow in (np.ones(9), np.linspace(1, 1 + 1e-6, 9)):
        with pytest.raises(InvalidInputError, match="narrower"):
            effective_samples(narrow, n_samples=50, n_features=9)
    # As wide as that of the fewest samples there can be.
    assert effective_samples(np.arange(1, 101.0) ** -2, n_samples=200, n_features=100)[0].value == 100


def test_signals_removed_before_are_counted_off():
    n, p, k = 300, 150, 20
    generator = np.random.default_rng(0)
    found = []
    for _ in range(100):
        values = spiked_eigenvalues(n, p, np.full(k, 1e4), generator)
        fit = fit_marchenko_pastur(values[k:], n_samples=n, n_features=p, n_removed=k)
        found.append((fit.variance.value, fit.n_signal, fit.n_samples))
        padded = np.concatenate([values[k:], np.zeros(k)])
        assert fit_marchenko_pastur(padded, n_samples=n, n_features=p, n_removed=k).variance == fit.variance
    variances, signals, sizes = np.transpose(found)
    assert variances.mean() == pytest.approx(1, abs=0.003)
    assert np.count_nonzero(signals) <= binom.ppf(1 - 1e-4, 100, 0.055)
    assert np.all(sizes == n - k)
    for wrong in (-1, 0.5, 149, "all"):
        with pytest.raises(InvalidInputError, match="n_removed"):
            fit_marchenko_pastur(np.ones(150), n_samples=n, n_features=p, n_removed=wrong)


def test_singular_values_given_for_eigenvalues_warn():
    values = MarchenkoPastur(0.5).rvs(200, rng=1)
    with pytest.warns(DataWarning, match="look like singular values"):
        fit = fit_marchenko_pastur(np.sqrt(400 * values), n_samples=400, n_features=200)
    assert not fit.credible
    assert fit_marchenko_pastur(values, n_samples=400, n_features=200).credible


def test_more_signals_than_noise_are_refused():
    values = MarchenkoPastur(0.5).rvs(20, rng=0)
    with pytest.raises(InvalidInputError, match="less than half"):
        noise_variance(values, 11, n_samples=40, n_features=20)
    for wrong in (1.5, -1, None, "two"):
        with pytest.raises(InvalidInputError, match="n_signal must be an integer"):
            noise_variance(values, wrong, n_samples=40, n_features=20)


def test_correlation_matrices_hold_the_level():
    draws, found = 300, 0
    generator = np.random.default_rng(3)
    for _ in range(draws):
        data = generator.standard_normal((120, 60)) * np.linspace(0.1, 10, 60)
        values = np.linalg.eigvalsh(np.corrcoef(data.T))
        found += fit_marchenko_pastur(values, n_samples=119, n_features=60).n_signal > 0
    assert binom.ppf(1e-4, draws, 0.03) <= found <= binom.ppf(1 - 1e-4, draws, 0.06)


def test_density_nodes_stand_for_eigenvalues():
    generator = np.random.default_rng(0)
    values = spiked_eigenvalues(400, 200, [20.0, 12.0], generator)
    exact = fit_marchenko_pastur(values, n_samples=400, n_features=200)
    density = types.SimpleNamespace(nodes=values.reshape(10, 20), weights=np.full((10, 20), 1 / 200))
    np.testing.assert_allclose(eigenvalues_from_density(density.nodes, density.weights, 200)[::-1], values, rtol=1e-9)
    fit = fit_marchenko_pastur(density, n_samples=400, n_features=200)
    assert fit.n_signal == exact.n_signal == 2
    assert fit.variance.value == pytest.approx(exact.variance.value, rel=1e-9)
    # Gauss quadrature of ten random probes, sixty nodes each.
    matrix = np.diag(values)
    nodes, weights = [], []
    for _ in range(10):
        vectors, _ = np.linalg.qr(
            np.column_stack(
                [np.linalg.matrix_power(matrix / 30, j) @ np.sign(generator.standard_normal(200)) for j in range(2)]
            )
        )
        projected, inner = np.linalg.eigh(vectors.T @ matrix @ vectors)
        nodes.append(projected)
        weights.append(inner[0] ** 2)
    pooled = eigenvalues_from_density(nodes, weights, 200)
    assert pooled.sum() == pytest.approx(200 * np.average(nodes, weights=weights), rel=1e-12)
    with pytest.raises(InvalidInputError, match="pass n_features="):
        eigenvalues_from_density(nodes, weights, None)
    with pytest.raises(InvalidInputError, match="must match"):
        eigenvalues_from_density(np.ones(3), np.ones(4), 5)
    with pytest.raises(InvalidInputError, match="must match"):
        eigenvalues_from_density(np.ones(3), -np.ones(3), 5)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_repeated_rows_and_one_row(kind):
    generator = np.random.default_rng(1)
    data = np.repeat(generator.standard_normal((300, 100)), 2, axis=0).astype(kind)
    values = np.linalg.eigvalsh(data.T @ data / len(data))
    fit = fit_marchenko_pastur(values, n_samples=600, n_features=100)
    assert not fit.credible
    assert fit.effective_samples.interval[1] < 500
    with pytest.raises(InvalidInputError, match="nothing to fit"):
        fit_marchenko_pastur([2.0, 0.0, 0.0], n_samples=1, n_features=3)
