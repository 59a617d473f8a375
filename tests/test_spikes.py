"""Spikes in theory and in samples."""

from __future__ import annotations

import numpy as np
import pytest
from eigenscope import GeneralizedMarchenkoPastur
from eigenscope.errors import InvalidInputError
from eigenscope.random_matrix import spikes
from eigenscope.random_matrix.signal_estimates import overlap_stderrs


@pytest.mark.parametrize(
    ("ratio", "spike", "value", "feature", "sample"),
    [
        (0.5, 2, 3, 1 / 3, 1 / 4),
        (0.5, 4, 14 / 3, 0.8095238095, 0.7083333333),
        (0.1, 1.5, 1.8, 0.5, 0.2),
        (2, 5, 7.5, 0.5833333333, 0.7),
    ],
)
def test_covariance_spikes_match_reference_values(ratio, spike, value, feature, sample):
    assert spikes.sample_eigenvalue(spike, ratio) == pytest.approx(value, rel=1e-14)
    assert spikes.population_eigenvalue(value, ratio) == pytest.approx(spike, rel=1e-12)
    np.testing.assert_allclose(spikes.overlaps(spike, ratio), (feature, sample), atol=1e-10)


@pytest.mark.parametrize(
    ("aspect", "spike", "value", "short", "long"),
    [
        (1, 1.5, 2.1666666667, 0.5555555556, 0.5555555556),
        (0.5, 1.5, 1.9930434572, 0.7373737374, 0.6239316239),
        (0.25, 2, 2.3048861143, 0.9264705882, 0.7875),
    ],
)
def test_rectangular_spikes_match_reference_values(aspect, spike, value, short, long):
    found = spikes.sample_singular_value(spike, aspect)
    assert found == pytest.approx(value, abs=1e-10)
    assert spikes.population_singular_value(found, aspect) == pytest.approx(spike, rel=1e-12)
    np.testing.assert_allclose(spikes.singular_vector_overlaps(spike, aspect), (short, long), atol=1e-10)


@pytest.mark.parametrize(("aspect", "value", "spike"), [(0.5, 1.9930434572, 1.5), (0.5, 3**0.5, 1.0), (1, 13 / 6, 1.5)])
def test_the_operator_norm_rule_of_square_matrices_is_the_spike_itself(aspect, value, spike):
    assert spikes.population_singular_value(value, aspect) == pytest.approx(spike, abs=1e-9)


@pytest.mark.parametrize("variance", [1.0, 1e-150])
def test_spikes_under_the_noise_are_seen_too(variance):
    ratio, spike = 0.25, np.array([0.0, 0.1, 0.3, 0.49])
    values = spikes.sample_eigenvalue(spike * variance, ratio, variance=variance)
    assert np.all(values < 0.25 * variance)
    np.testing.assert_allclose(
        spikes.population_eigenvalue(values, ratio, variance=variance), spike * variance, rtol=1e-9
    )
    assert np.isnan(spikes.sample_eigenvalue(0.5 * variance, ratio, variance=variance))
    assert np.all(spikes.overlaps(spike[1:] * variance, ratio, variance=variance)[0] > 0)
    # Without a lower edge above zero there is nothing below it.
    assert np.isnan(spikes.population_eigenvalue(0.01, 2.0))
    assert np.isnan(spikes.population_eigenvalue(-1.0, 0.5))
    n, p, draws = 400, 100, 100
    generator = np.random.default_rng(6)
    found = np.empty(draws)
    for draw in range(draws):
        data = generator.standard_normal((n, p))
        data[:, 0] *= np.sqrt(0.1)
        found[draw] = spikes.population_eigenvalue(np.linalg.eigvalsh(data.T @ data / n)[0], ratio)
    error = float(spikes.spike_stderr(0.1, ratio, n))
    assert found.mean() == pytest.approx(0.1, abs=5 * error / np.sqrt(draws) + 2 * 0.1 / n)
    assert found.std() == pytest.approx(error, rel=0.3)


def test_spikes_beside_noise_of_any_spectrum():
    population = np.repeat([1.0, 8.0], 500)
    law = GeneralizedMarchenkoPastur(population, 0.1)
    bulk = law.ppf((np.arange(20000) + 0.5) / 20000)
    spike = np.array([12.0, 20.0, 60.0])
    found = spikes.population_eigenvalue_beside(law.sample_eigenvalue(spike), bulk, 0.1)
    np.testing.assert_allclose(found, spike, rtol=1e-4)
    assert np.isnan(spikes.population_eigenvalue_beside(bulk[-1], bulk, 0.1))
    with pytest.raises(InvalidInputError, match="bulk eigenvalues"):
        spikes.population_eigenvalue_beside(3.0, [1.0, np.nan], 0.1)


@pytest.mark.parametrize(("short", "long", "spike"), [(100, 200, 2.0), (150, 150, 1.5), (60, 240, 1.2)])
def test_error_of_a_singular_value_agrees_with_simulation(short, long, spike):
    draws, beta = 300, short / long
    generator = np.random.default_rng(short)
    found = np.empty(draws)
    for draw in range(draws):
        data = generator.standard_normal((short, long)) / np.sqrt(long)
        data[0, 0] += spike
        found[draw] = spikes.population_singular_value(np.linalg.norm(data, 2), beta)
    error = float(spikes.singular_value_stderr(spike, beta, long))
    assert found.mean() == pytest.approx(spike, abs=5 * error / np.sqrt(draws) + 2 / long)
    # A standard deviation from 300 draws is known to 4 %.
    assert found.std() == pytest.approx(error, rel=0.2)
    assert np.isnan(spikes.singular_value_stderr(0.5 * beta**0.25, beta, long))


def test_below_the_threshold_nothing_is_detectable():
    threshold = spikes.detection_threshold(0.25, variance=2.0)
    assert threshold == 3.0
    assert np.isnan(spikes.sample_eigenvalue(2.9, 0.25, variance=2.0))
    assert np.isnan(spikes.population_eigenvalue(4.4, 0.25, variance=2.0))
    assert spikes.overlaps(2.9, 0.25, variance=2.0) == (0, 0)
    assert np.isnan(spikes.spike_stderr([2.9, 3.0], 0.25, 100, variance=2.0)).all()
    assert np.isnan(spikes.sample_singular_value(0.5, 0.5))
    assert spikes.singular_vector_overlaps(0.5, 0.5) == (0, 0)


def test_debiasing_inverts_at_every_scale():
    ell = np.geomspace(1.8, 1e6, 40)
    for variance in (1e-150, 1.0, 1e150):
        values = spikes.sample_eigenvalue(ell * variance, 0.5, variance=variance)
        np.testing.assert_allclose(
            spikes.population_eigenvalue(values, 0.5, variance=variance), ell * variance, rtol=1e-9
        )


def test_overlap_bias_and_error_agree_with_simulation():
    n, p, ell, draws = 200, 100, 4.0, 200
    generator = np.random.default_rng(5)
    overlap, debiased = np.empty(draws), np.empty(draws)
    for draw in range(draws):
        data = generator.standard_normal((n, p))
        data[:, 0] *= np.sqrt(ell)
        values, vectors = np.linalg.eigh(data.T @ data / n)
        overlap[draw] = vectors[0, -1] ** 2
        debiased[draw] = spikes.population_eigenvalue(values[-1], p / n)
    # The limits are off by O(1/n); five standard errors for the rest.
    assert overlap.mean() == pytest.approx(
        spikes.overlaps(ell, p / n)[0], abs=5 * overlap.std() / np.sqrt(draws) + 2 / n
    )
    assert debiased.mean() == pytest.approx(ell, abs=5 * debiased.std() / np.sqrt(draws) + 2 * ell / n)
    # A standard deviation from 200 draws is known to 5 %.
    assert debiased.std() == pytest.approx(float(spikes.spike_stderr(ell, p / n, n)), rel=0.25)


@pytest.mark.parametrize(("n", "p", "ell"), [(100, 50, 4.0), (60, 180, 8.0)])
def test_overlap_errors_agree_with_simulation(n, p, ell):
    draws, ratio = 300, (p - 1) / n
    generator = np.random.default_rng(n)
    errors = np.empty((draws, 2))
    for draw in range(draws):
        scores = np.sqrt(ell - 1) * generator.standard_normal(n)
        data = generator.standard_normal((n, p))
        data[:, 0] += scores
        U, s, Vh = np.linalg.svd(data, full_matrices=False)
        limits = spikes.overlaps(spikes.population_eigenvalue(s[0] ** 2 / n, ratio), ratio)
        errors[draw] = Vh[0, 0] ** 2 - limits[0], (U[:, 0] @ scores) ** 2 / (scores @ scores) - limits[1]
    expected = overlap_stderrs(ell, ratio, n)
    # A standard deviation from 300 draws is known to 4 %; the tails of errors of squared cosines are wider.
    np.testing.assert_allclose(errors.std(axis=0), expected, rtol=0.25)
    assert np.all(np.abs(errors.mean(axis=0)) < 0.3 * np.array(expected))
    assert np.isnan(overlap_stderrs(1.1, 0.5, 100)).all()


def test_wrong_ratios_are_refused():
    with pytest.raises(InvalidInputError, match="ratio must be"):
        spikes.detection_threshold(-1)
    with pytest.raises(InvalidInputError, match="shorter side"):
        spikes.sample_singular_value(2.0, 1.5)


def test_extreme_values_are_answered_without_a_warning():
    for function in (spikes.sample_singular_value, spikes.population_singular_value):
        np.testing.assert_allclose(function([1e200, 1e307], 0.5), [1e200, 1e307], rtol=1e-12)
        assert np.isnan(function([0.0, np.nan], 0.5)).all()
    assert spikes.singular_value_stderr(1e200, 0.5, 100) == pytest.approx(0.1)
    assert spikes.spike_stderr(1e200, 0.5, 200) == pytest.approx(1e199)
    for function in (spikes.overlaps, spikes.singular_vector_overlaps):
        np.testing.assert_array_equal(function(1e200, 0.5), (1, 1))
        assert np.isnan(function(np.nan, 0.5)).all()
    feature, sample = spikes.overlaps([0.0, 0.1], 0.5)
    np.testing.assert_allclose(feature, [1.0, (1 - 0.5 / 0.81) / (1 - 0.5 / 0.9)])
    assert np.isnan(sample).all()
    np.testing.assert_allclose(spikes.population_eigenvalue([1e300, np.inf], 0.5), [1e300, np.inf], rtol=1e-12)
    assert np.isnan(spikes.population_eigenvalue([np.nan, 0.0], 1.0)).all()
    with pytest.raises(InvalidInputError, match="n_samples must be"):
        spikes.spike_stderr(4.0, 0.5, 0)
    with pytest.raises(InvalidInputError, match="n_long must be"):
        spikes.singular_value_stderr(4.0, 0.5, -1)
