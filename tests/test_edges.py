"""Extreme eigenvalues of noise: published centrings, thresholds, and false-positive rates by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from eigenscope import MarchenkoPastur, TracyWidom
from eigenscope.errors import InvalidInputError
from eigenscope.random_matrix.edges import (
    edge_threshold,
    largest_eigenvalue_edge,
    largest_eigenvalue_p_value,
    largest_eigenvalue_threshold,
    smallest_eigenvalue_edge,
    smallest_eigenvalue_p_value,
    spiked_noise_edge,
)
from scipy.stats import binom


@pytest.mark.parametrize(
    ("n", "p", "location", "scale", "at_5", "at_1"),
    [
        (100, 50, 289.360250783, 10.606071116, 2.997469465, 3.108210978),
        (1000, 500, 2912.152857974, 22.895830237, 2.934575112, 2.958481409),
        (500, 100, 1044.871057594, 16.981734143, 2.123003085, 2.158465471),
    ],
)
def test_largest_eigenvalue_matches_reference_values(n, p, location, scale, at_5, at_1):
    edge = largest_eigenvalue_edge(n, p)
    assert edge.location * n == pytest.approx(location, abs=1e-9)
    assert edge.scale * n == pytest.approx(scale, abs=1e-9)
    mirrored = largest_eigenvalue_edge(p, n)
    np.testing.assert_allclose(np.array(mirrored) * p, np.array(edge) * n, rtol=1e-14)
    for level, value in ((0.05, at_5), (0.01, at_1)):
        assert largest_eigenvalue_threshold(n_samples=n, n_features=p, significance=level) == pytest.approx(
            value, abs=1e-9
        )


@pytest.mark.parametrize(
    ("n", "p", "location", "scale"),
    [(20, 10, 58.262247360, 6.216394927), (100, 50, 291.416954058, 10.629666071)],
)
def test_complex_edge_matches_reference_values(n, p, location, scale):
    edge = largest_eigenvalue_edge(n, p, complex_data=True)
    assert edge.location * n == pytest.approx(location, abs=1e-9)
    assert edge.scale * n == pytest.approx(scale, abs=1e-9)


def test_smallest_eigenvalue_matches_reference_values():
    edge = smallest_eigenvalue_edge(100, 50)
    centre = math.exp(edge.location + math.log(100) - edge.scale**2 / 8)
    assert centre == pytest.approx(8.639749217, abs=1e-9)
    assert edge.scale == pytest.approx(0.118148508, abs=1e-9)
    assert edge.location + math.log(100) == pytest.approx(2.158118440, abs=1e-9)
    with pytest.raises(InvalidInputError, match="touches zero"):
        smallest_eigenvalue_edge(70, 70)


@pytest.mark.parametrize(
    ("n", "p", "at_5", "at_1"),
    [(100, 50, 2.978152, 3.080729), (400, 200, 2.947348, 2.990333), (1000, 1000, 4.021922, 4.047988)],
)
def test_thresholds_with_estimated_variance_match_reference_values(n, p, at_5, at_1):
    for level, value in ((0.05, at_5), (0.01, at_1)):
        threshold = largest_eigenvalue_threshold(n_samples=n, n_features=p, significance=level, variance_estimated=True)
        assert threshold == pytest.approx(value, abs=6e-7)
        p_value = largest_eigenvalue_p_value(threshold, n_samples=n, n_features=p, variance_estimated=True)
        assert p_value == pytest.approx(level, rel=1e-9)


def test_edge_beside_spikes_matches_reference_value_and_the_white_edge():
    spikes = np.linspace(4, 20, 10)
    edge, separated = spiked_noise_edge(spikes, n_samples=400, n_features=200)
    white = largest_eigenvalue_edge(400, 200)
    first_order = edge.location * (1 + math.sqrt(0.5)) ** 2 / white.location
    assert separated
    assert first_order == pytest.approx(2.8007, abs=5e-5)
    alone, separated = spiked_noise_edge([], n_samples=400, n_features=200)
    assert separated
    np.testing.assert_allclose(alone, white, rtol=1e-13)
    weak, separated = spiked_noise_edge([1.2], n_samples=400, n_features=200)
    assert not separated
    assert weak.location < white.location


def test_p_values_stay_probabilities_far_from_the_edge():
    values = np.linspace(1, 40, 400)
    for estimated in (False, True):
        p_values = [
            largest_eigenvalue_p_value(v, n_samples=20, n_features=10, variance_estimated=estimated) for v in values
        ]
        assert all(0 <= p <= 1 for p in p_values)
        assert np.all(np.diff(p_values) <= 1e-12)


@pytest.mark.parametrize("variance", [1e-150, 1e150])
def test_units_cancel(variance):
    sizes = {"n_samples": 60, "n_features": 90}
    assert largest_eigenvalue_threshold(variance=variance, **sizes) / variance == pytest.approx(
        largest_eigenvalue_threshold(**sizes), rel=1e-13
    )
    assert smallest_eigenvalue_p_value(0.02 * variance, variance=variance, **sizes) == pytest.approx(
        smallest_eigenvalue_p_value(0.02, **sizes), rel=1e-9
    )


@pytest.mark.parametrize(("n", "p"), [(20, 10), (100, 50), (100, 10), (50, 100)])
def test_false_positive_rates_are_nominal(n, p):
    # Known variance, estimated variance, smallest eigenvalue; published rates are .045 to .054 at nominal
    # .05.
    draws, sizes = 2000, {"n_samples": n, "n_features": p}
    generator = np.random.default_rng(n * 1000 + p)
    known = largest_eigenvalue_threshold(**sizes)
    estimated = largest_eigenvalue_threshold(variance_estimated=True, **sizes)
    counts = np.zeros(3)
    for _ in range(draws):
        values = MarchenkoPastur(p / n).rvs(p, rng=generator)
        counts += [
            values[0] > known,
            values[0] > estimated * values.mean(),
            smallest_eigenvalue_p_value(values[min(n, p) - 1], **sizes) < 0.05,
        ]
    # Binomial bounds around .042 and .056, which allow for the second-order laws' own error.
    assert np.all(counts >= binom.ppf(1e-4, draws, 0.042))
    assert np.all(counts <= binom.ppf(1 - 1e-4, draws, 0.056))


@pytest.mark.parametrize("level", [0, 1, -0.1, np.nan])
def test_impossible_levels_are_refused(level):
    with pytest.raises(InvalidInputError, match="significance"):
        largest_eigenvalue_threshold(n_samples=10, n_features=5, significance=level)


def test_impossible_sizes_are_refused():
    with pytest.raises(InvalidInputError, match="at least 1"):
        largest_eigenvalue_edge(0, 5)


@pytest.mark.parametrize("variance", [0, -1, np.nan, "a"])
def test_impossible_variances_and_spikes_are_refused(variance):
    sizes = {"n_samples": 10, "n_features": 5}
    for function in (largest_eigenvalue_edge, smallest_eigenvalue_edge):
        with pytest.raises(InvalidInputError, match="variance must be"):
            function(10, 5, variance=variance)
    with pytest.raises(InvalidInputError, match="variance must be"):
        spiked_noise_edge([3.0], variance=variance, **sizes)
    for spikes in ([np.nan], [-1.0], [np.inf], [9.0] * 5):
        with pytest.raises(InvalidInputError, match="must be positive, finite and fewer"):
            spiked_noise_edge(spikes, **sizes)
    assert np.isnan(largest_eigenvalue_p_value(np.nan, **sizes))
    assert np.isnan(smallest_eigenvalue_p_value(np.nan, **sizes))


def test_complex_noise_is_called_signal_at_the_nominal_rate():
    # Published rates are .048 at nominal .05 and .0095 and .0072 at nominal .01.
    draws, n, p = 2000, 20, 10
    generator = np.random.default_rng(7)
    edge, law = largest_eigenvalue_edge(n, p, complex_data=True), TracyWidom(2)
    data = generator.standard_normal((draws, n, p, 2)) @ np.array([1, 1j]) / np.sqrt(2)
    largest = np.linalg.norm(data, 2, axis=(1, 2)) ** 2 / n
    p_values = law.sf((largest - edge.location) / edge.scale)
    for level, low, high in ((0.05, 0.045, 0.051), (0.01, 0.006, 0.011)):
        assert binom.ppf(1e-4, draws, low) <= np.sum(p_values < level) <= binom.ppf(1 - 1e-4, draws, high)
    sizes = {"n_samples": n, "n_features": p, "complex_data": True}
    assert largest_eigenvalue_p_value(largest[0], **sizes) == pytest.approx(p_values[0], rel=1e-12)
    threshold = largest_eigenvalue_threshold(**sizes)
    assert np.sum(largest > threshold) == np.sum(p_values < 0.05)
    # The largest over the mean eigenvalue needs a lower threshold.
    ratios = largest / (np.sum(np.abs(data) ** 2, axis=(1, 2)) / (n * p))
    estimated = largest_eigenvalue_threshold(variance_estimated=True, **sizes)
    assert estimated < threshold
    assert binom.ppf(1e-4, draws, 0.045) <= np.sum(ratios > estimated) <= binom.ppf(1 - 1e-4, draws, 0.055)
    assert np.sum(ratios > threshold) < binom.ppf(1e-3, draws, 0.045)


@pytest.mark.parametrize("significance", [0.0, 1.0, -0.1, 2.0, float("nan")])
def test_a_threshold_needs_a_probability(significance):
    with pytest.raises(InvalidInputError, match="significance must lie between 0 and 1"):
        edge_threshold(significance, largest_eigenvalue_edge(100, 50), 5000)
