"""Noise variance under spikes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from eigenscope import MarchenkoPastur
from eigenscope.eigenvalues import as_eigenvalues
from eigenscope.errors import InvalidInputError
from eigenscope.random_matrix import effective_samples
from eigenscope.random_matrix.noise_variance import METHODS, kritchman_nadler, noise_variance
from scipy.stats import binom

VALUES = [10, 6, 2, 1.5, 1.2, 1, 0.8, 0.6, 0.4, 0.2]


def spiked_eigenvalues(n, p, population, generator):
    data = generator.standard_normal((n, p))
    data[:, : len(population)] *= np.sqrt(population)
    gram = data.T @ data if p <= n else data @ data.T
    return np.linalg.eigvalsh(gram / n)[::-1]


def test_reference_value_from_all_and_from_the_top():
    estimate = noise_variance(VALUES, 2, n_samples=20, n_features=10, method="kritchman_nadler")
    assert estimate.value == pytest.approx(1.0925318389, abs=1e-10)
    assert estimate.stderr == pytest.approx(1.0925318389 * math.sqrt(2 / (18 * 8)), rel=1e-9)
    top = as_eigenvalues(VALUES[:3], n_samples=20, n_features=10, total_variance=sum(VALUES))
    variance, spikes, explained = kritchman_nadler(top, 2)
    assert explained
    assert variance == pytest.approx(estimate.value, rel=1e-13)
    np.testing.assert_allclose(spikes, [9.50624055, 5.45350474], atol=5e-9)


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_units_cancel(scale):
    for method in ("kritchman_nadler", "quantile", "median"):
        sizes = {"n_samples": 20, "n_features": 10, "method": method}
        scaled = noise_variance(np.array(VALUES) * scale, 2, **sizes)
        assert scaled.value / scale == pytest.approx(noise_variance(VALUES, 2, **sizes).value, rel=1e-12)


@pytest.mark.parametrize(
    ("n", "p", "population"),
    [(200, 100, np.linspace(5, 20, 10)), (100, 200, np.linspace(10, 40, 10)), (200, 100, np.empty(0))],
)
def test_bias_spread_and_coverage(n, p, population):
    draws, r = 300, len(population)
    generator = np.random.default_rng(p)
    found = [
        noise_variance(spiked_eigenvalues(n, p, population, generator), r, n_samples=n, n_features=p)
        for _ in range(draws)
    ]
    values = np.array([estimate.value for estimate in found])
    theory = math.sqrt(2 / ((n - r) * (p - r)))
    assert values.mean() == pytest.approx(1, abs=0.003 + 4 * theory / math.sqrt(draws))
    # The spread of 300 draws is known to 4 %.
    assert values.std() == pytest.approx(theory, rel=0.2)
    covered = sum(estimate.interval[0] <= 1 <= estimate.interval[1] for estimate in found)
    assert covered >= binom.ppf(1e-4, draws, 0.93)
    assert covered <= binom.ppf(1 - 1e-4, draws, 0.97)


@pytest.mark.parametrize("method", ["quantile", "median", "moments", "range"])
@pytest.mark.parametrize(("n", "p"), [(300, 120), (120, 300), (150, 150)])
def test_other_methods_are_right_without_spikes(method, n, p):
    generator = np.random.default_rng(3)
    law = MarchenkoPastur(p / n, 2.0)
    values = [
        noise_variance(law.rvs(p, rng=generator), 0, n_samples=n, n_features=p, method=method).value for _ in range(100)
    ]
    # Both see the edges' O(1/p) corrections.
    assert np.mean(values) == pytest.approx(2.0, abs=5 * np.std(values) / 10 + 2.0 / min(n, p))


def test_quantile_bears_a_stray_eigenvalue_that_the_mean_does_not():
    values = MarchenkoPastur(0.5).rvs(200, rng=0)
    dirty = values.copy()
    dirty[0] = 60.0
    sizes = {"n_samples": 400, "n_features": 200}
    assert noise_variance(dirty, 0, method="quantile", **sizes).value == pytest.approx(
        noise_variance(values, 0, method="quantile", **sizes).value, rel=1e-12
    )
    assert noise_variance(dirty, 0, **sizes).value > 1.2


def test_moments_know_the_error_under_unequal_variances():
    generator = np.random.default_rng(4)
    n, p, draws = 100, 60, 300
    variances = generator.lognormal(0, 0.8, p)
    variances /= variances.mean()
    found = {"moments": [], "mean": []}
    for _ in range(draws):
        data = generator.standard_normal((n, p)) * np.sqrt(variances)
        values = np.linalg.eigvalsh(data.T @ data / n)
        for method, estimates in found.items():
            estimates.append(noise_variance(values, 0, n_samples=n, n_features=p, method=method))
    true = math.sqrt(2 * np.sum(variances**2) / n) / p
    assert [e.value for e in found["mean"]] == pytest.approx([e.value for e in found["moments"]], rel=1e-12)
    assert np.std([e.value for e in found["moments"]]) == pytest.approx(true, rel=0.2)
    assert np.mean([e.stderr for e in found["moments"]]) == pytest.approx(true, rel=0.03)
    assert np.mean([e.stderr for e in found["mean"]]) < 0.9 * true


def test_published_range_rules_match_their_formulas():
    # (λ_max - λ_min) / (4 sqrt(γ)) of eigenvalues over the longer side.
    width = VALUES[2] - VALUES[-1]
    for method, ratio in (("range_2016", 8 / 20), ("range_exp2", 8 / 18)):
        found = noise_variance(VALUES, 2, n_samples=20, n_features=10, method=method)
        assert found.value == pytest.approx(width / (4 * math.sqrt(ratio)), rel=1e-13)
        mirrored = noise_variance(VALUES, 2, n_samples=10, n_features=20, method=method)
        assert mirrored.value == pytest.approx(found.value / 2, rel=1e-13)
        assert 0 < found.stderr < found.value
    generator, law = np.random.default_rng(5), MarchenkoPastur(0.5)
    draws = [
        noise_variance(law.rvs(60, rng=generator), 0, n_samples=120, n_features=60, method="range_2016")
        for _ in range(200)
    ]
    assert np.std([e.value for e in draws]) == pytest.approx(np.mean([e.stderr for e in draws]), rel=0.2)


@pytest.mark.parametrize("method", METHODS)
def test_nothing_left_beside_signals_is_no_noise(method):
    found = noise_variance([5.0, 3.0] + [0.0] * 28, 2, n_samples=50, n_features=30, method=method)
    assert (found.value, found.stderr) == (0.0, 0.0)


def test_wrong_requests_are_refused():
    with pytest.raises(InvalidInputError, match="10 eigenvalues are not zero, more than n_samples=5 allows"):
        noise_variance(VALUES, 1, n_samples=5, n_features=10)
    with pytest.raises(InvalidInputError, match="less than half"):
        noise_variance(VALUES, 10, n_samples=20, n_features=10)
    with pytest.raises(InvalidInputError, match="pass n_samples="):
        noise_variance(VALUES, 1, n_features=10)
    with pytest.raises(InvalidInputError, match="pass n_features="):
        noise_variance(VALUES, 1, n_samples=10)
    with pytest.raises(InvalidInputError, match="needs all eigenvalues"):
        noise_variance(VALUES[:4], 1, n_samples=20, n_features=10, total_variance=24.0, method="median")
    with pytest.raises(InvalidInputError, match="method must be one of"):
        noise_variance(VALUES, 1, n_samples=20, n_features=10, method="mode")


@pytest.mark.parametrize("method", ["conditional", "quantile", "median"])
def test_top_eigenvalues_without_a_trace_are_refused(method):
    values = np.linalg.svd(np.random.default_rng(0).standard_normal((60, 40)), compute_uv=False) ** 2 / 60
    with pytest.raises(InvalidInputError, match="pass total_variance="):
        noise_variance(values[:8], 2, n_samples=60, n_features=40, method=method)
    with pytest.raises(InvalidInputError, match="8 eigenvalues where"):
        effective_samples(values[:8], 2, n_samples=60, n_features=40)
    for wrong in (-1, 41, 1.5, 25):
        with pytest.raises(InvalidInputError, match="n_signal"):
            effective_samples(values, wrong, n_samples=60, n_features=40)
