"""What the noise fit promises about rates, bias, spread and coverage, over a thousand draws (`pytest -m slow`)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from eigenscope import TracyWidom, fit_marchenko_pastur
from eigenscope.eigenvalues import as_eigenvalues
from eigenscope.random_matrix import effective_samples
from eigenscope.random_matrix.edges import largest_eigenvalue_edge
from eigenscope.random_matrix.noise_variance import kritchman_nadler, noise_variance
from eigenscope.random_matrix.sequential_test import sequential_test
from scipy.stats import binom

pytestmark = pytest.mark.slow

DRAWS = 1000


def spectra(n, p, population, draws=DRAWS):
    """Yield the eigenvalues of Gaussian samples of unit noise with spikes, descending."""
    generator = np.random.default_rng([n, p, len(population)])
    for _ in range(draws):
        data = generator.standard_normal((n, p))
        data[:, : len(population)] *= np.sqrt(population)
        gram = data.T @ data if p <= n else data @ data.T
        yield np.linalg.eigvalsh(gram / n)[::-1]


def test_spectra_have_the_trace_of_the_population():
    n, p = 40, 20
    values = np.array(list(spectra(n, p, np.array([5.0]), 400)))
    assert values.sum(axis=1).mean() == pytest.approx(p + 4, rel=0.01)


def counts_at(values, n, p, levels):
    p_values = sequential_test(as_eigenvalues(values, n_samples=n, n_features=p), max(levels)).p_values
    return [int(np.argmax(np.append(p_values, 1.0) > level)) for level in levels]


@pytest.mark.parametrize(
    ("n", "p", "population"),
    [
        (400, 200, np.empty(0)),
        (200, 400, np.empty(0)),
        (100, 100, np.empty(0)),
        (400, 200, np.linspace(20, 4, 10)),
        (200, 400, np.linspace(20, 5, 10)),
        (400, 200, np.linspace(15, 4, 40)),
        (200, 400, np.linspace(20, 5, 40)),
    ],
)
def test_false_positives_are_within_a_point_and_a_half(n, p, population):
    r = len(population)
    counts = np.array([counts_at(values, n, p, (0.05, 0.01)) for values in spectra(n, p, population)])
    false = np.count_nonzero(counts > r, axis=0)
    for found, low, high in zip(false, (0.035, 0.004), (0.065, 0.016), strict=True):
        assert binom.ppf(1e-3, DRAWS, low) <= found <= binom.ppf(1 - 1e-3, DRAWS, high)


def classical_count(values, n, p, level):
    """Kritchman and Nadler's test as published, with the white edge of p - k features."""
    sample, quantile = as_eigenvalues(values, n_samples=n, n_features=p), float(TracyWidom(1).isf(level))
    for k in range(min(n, p) // 2):
        edge = largest_eigenvalue_edge(n, p - k, variance=kritchman_nadler(sample, k)[0])
        if values[k] <= edge.location + quantile * edge.scale:
            break
    return k


@pytest.mark.parametrize(
    ("n", "p", "population", "mean_count"),
    [
        (400, 200, np.linspace(6, 2.2, 10), 9.5),
        (200, 400, np.linspace(10, 3.2, 10), 9.0),
        (400, 200, np.linspace(5, 2.6, 40), 35.2),
    ],
)
def test_weak_signals_are_found_where_the_classical_test_loses_them(n, p, population, mean_count):
    draws, r, level = 300, len(population), 0.01
    counts = np.array(
        [
            (counts_at(values, n, p, (level,))[0], classical_count(values, n, p, level))
            for values in spectra(n, p, population, draws)
        ]
    )
    difference = counts[:, 0] - counts[:, 1]
    assert difference.mean() > 5 * difference.std() / math.sqrt(draws)
    assert np.count_nonzero(counts[:, 0] == r) > np.count_nonzero(counts[:, 1] == r)
    assert counts[:, 0].mean() > mean_count
    assert np.count_nonzero(counts[:, 0] > r) <= binom.ppf(1 - 1e-3, draws, level)


@pytest.mark.parametrize(("strength", "power"), [(1.0, 0.04), (1.5, 0.55), (2.0, 0.97), (3.0, 1.0)])
def test_power_for_one_signal_matches_reference_values(strength, power):
    n, p, draws = 400, 200, 400
    spike = np.array([1 + strength * math.sqrt(p / n)])
    found = np.mean([counts_at(values, n, p, (0.01,))[0] > 0 for values in spectra(n, p, spike, draws)])
    # The reference is a share of 60 draws.
    error = math.sqrt(max(power * (1 - power), 0.01) * (1 / 60 + 1 / draws))
    assert found == pytest.approx(power, abs=3 * error)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.2])
@pytest.mark.parametrize(
    ("n", "p"), [(100, 90), (90, 100), (400, 200), (200, 400), (1000, 90), (90, 1000), (1000, 300), (600, 600)]
)
def test_variance_is_unbiased_and_nearly_efficient(n, p, share):
    r = round(share * min(n, p))
    population = np.linspace(10, 2, r) * (1 + math.sqrt(p / n))
    theory = math.sqrt(2 / ((n - r) * (p - r)))
    draws = max(100, math.ceil((theory / 0.0006) ** 2))
    values = np.array(
        [noise_variance(one, r, n_samples=n, n_features=p).value for one in spectra(n, p, population, draws)]
    )
    assert abs(values.mean() - 1) <= 0.003 + 3 * theory / math.sqrt(draws)
    # A standard deviation of m draws is known to 1 / sqrt(2 m).
    assert values.std() <= 1.1 * theory * (1 + 3 / math.sqrt(2 * draws))


@pytest.mark.parametrize(
    ("n", "p", "population"),
    [
        (400, 200, np.empty(0)),
        (400, 200, np.array([25.0, 12, 6, 4])),
        (400, 200, np.linspace(12, 4, 10)),
        (400, 200, np.linspace(15, 4, 40)),
        (200, 400, np.linspace(20, 6, 10)),
        (120, 90, np.linspace(20, 6, 5)),
    ],
)
def test_intervals_cover_the_truth(n, p, population):
    draws, r = 600, len(population)
    hits = {"variance": 0, "samples": 0}
    signals = []
    for values in spectra(n, p, population, draws):
        fit = fit_marchenko_pastur(values, n_samples=n, n_features=p)
        hits["variance"] += fit.variance.interval[0] <= 1 <= fit.variance.interval[1]
        if fit.n_signal >= r > 0:
            signals.append(np.mean(np.abs(fit.signal_eigenvalues[:r] - population) <= 1.96 * fit.signal_stderrs[:r]))
        if n >= p:
            low, high = effective_samples(values, r, n_samples=n, n_features=p)[0].interval
            hits["samples"] += low <= n <= high
    checked = ["variance", "samples"] if n >= p else ["variance"]
    for name in checked:
        assert binom.ppf(1e-3, draws, 0.92) <= hits[name] <= binom.ppf(1 - 1e-3, draws, 0.97), name
    if r:
        error = np.std(signals) / math.sqrt(len(signals))
        assert 0.92 - 3 * error <= np.mean(signals) <= 0.97 + 3 * error


@pytest.mark.parametrize(
    ("n", "p", "population"),
    [(400, 200, np.linspace(20, 4, 10)), (200, 400, np.linspace(20, 5, 40)), (400, 200, np.linspace(5, 2.6, 40))],
)
def test_the_top_eigenvalues_and_the_trace_say_the_same_as_all(n, p, population):
    k = math.ceil(2.5 * len(population))
    for values in spectra(n, p, population, 100):
        full = fit_marchenko_pastur(values, n_samples=n, n_features=p)
        top = fit_marchenko_pastur(values[:k], n_samples=n, n_features=p, total_variance=values.sum())
        assert top.n_signal == full.n_signal
        assert top.variance.value == pytest.approx(full.variance.value, rel=1e-11)
