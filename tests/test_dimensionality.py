"""Participation ratio, effective rank, and dimensions for a share of the variance."""

from __future__ import annotations

import math

import numpy as np
import pytest
from eigenscope import dims_for_variance, effective_rank, participation_ratio
from eigenscope.errors import DataWarning, InvalidInputError
from eigenscope.results import Spectrum
from scipy.stats import binom, entropy


def sample_eigenvalues(population, n, generator):
    data = generator.standard_normal((n, len(population))) * np.sqrt(population)
    gram = data.T @ data if n >= len(population) else data @ data.T
    return np.linalg.eigvalsh(gram / n)[::-1]


def test_closed_forms_at_every_scale():
    for scale in (1e-150, 1.0, 1e150):
        assert participation_ratio(np.ones(7) * scale).value == pytest.approx(7, rel=1e-14)
        assert participation_ratio([3 * scale, 0, 0]).value == pytest.approx(1, rel=1e-14)
        assert effective_rank(np.ones(7) * scale) == pytest.approx(7, rel=1e-14)
        assert dims_for_variance(np.ones(10) * scale, 0.9) == 9
    values = np.random.default_rng(0).exponential(size=20)
    assert participation_ratio(values).value == pytest.approx(values.sum() ** 2 / (values**2).sum(), rel=1e-13)
    assert effective_rank(values) == pytest.approx(math.exp(entropy(values)), rel=1e-13)
    assert effective_rank(values) >= participation_ratio(values).value


@pytest.mark.parametrize(("n", "p", "exponent"), [(500, 60, 1.0), (300, 120, 1.0), (100, 200, 1.0), (80, 160, 0.0)])
def test_errors_match_the_spread_and_corrected_intervals_cover_the_truth(n, p, exponent):
    draws = 200
    generator = np.random.default_rng([n, p])
    population = np.arange(1, p + 1.0) ** -exponent
    truth = population.sum() ** 2 / (population**2).sum()
    plain, corrected = [], []
    for _ in range(draws):
        values = sample_eigenvalues(population, n, generator)
        plain.append(participation_ratio(values, n_samples=n))
        corrected.append(participation_ratio(values, n_samples=n, n_features=p, bias_correction=True))
    # White noise fills every dimension there is: half of the corrected values are cut, and spread less.
    is_cut = truth == pytest.approx(p)
    for estimates in (plain,) if is_cut else (plain, corrected):
        spread = np.std([estimate.value for estimate in estimates])
        assert np.mean([estimate.stderr for estimate in estimates]) == pytest.approx(spread, rel=0.2)
    covered = sum(estimate.interval[0] <= truth <= estimate.interval[1] for estimate in corrected)
    assert covered >= binom.ppf(1e-4, draws, 0.93)
    mean = np.mean([estimate.value for estimate in corrected])
    # A ratio of unbiased estimates is biased by about its relative variance.
    spread = np.std([estimate.value for estimate in corrected])
    cut = spread if is_cut else 0.0
    assert mean == pytest.approx(truth, abs=cut + 5 * spread / math.sqrt(draws) + 2 * spread**2 / truth)
    assert np.mean([estimate.value for estimate in plain]) < truth


@pytest.mark.parametrize(("n", "p"), [(500, 60), (60, 60), (40, 80)])
def test_white_noise_has_at_most_as_many_dimensions_as_features(n, p):
    draws = 200
    generator = np.random.default_rng([n, p, 1])
    estimates = [
        participation_ratio(
            sample_eigenvalues(np.ones(p), n, generator), n_samples=n, n_features=p, bias_correction=True
        )
        for _ in range(draws)
    ]
    assert all(1 <= each.interval[0] < each.value <= each.interval[1] <= p for each in estimates)
    assert sum(each.value == p for each in estimates) >= draws / 4
    assert sum(each.interval[1] == p for each in estimates) >= binom.ppf(1e-4, draws, 0.95)
    error = math.sqrt(np.mean([(each.value - p) ** 2 for each in estimates]))
    # The relative error of white noise is 2 / n; the intervals are no wider than a few of these.
    assert error < np.median([each.stderr for each in estimates]) < 4 * 2 * p / n
    assert np.median([p - each.interval[0] for each in estimates]) < 8 * 2 * p / n


def test_impossible_corrections_are_cut_and_admit_it():
    with pytest.warns(DataWarning, match=r"cut to the 50 eigenvalues given: pass n_features="):
        estimate = participation_ratio(np.ones(50), n_samples=50, bias_correction=True)
    assert estimate.value == estimate.interval[1] == 50
    assert estimate.stderr > 2 * 50 / 50
    assert 35 < estimate.interval[0] < 47
    # Samples that were counted too low by far: the ratio of the sample is 53.6, and nothing above it is certain.
    values = sample_eigenvalues(np.ones(60), 500, np.random.default_rng(0))
    plain = participation_ratio(values, n_samples=50, n_features=60)
    estimate = participation_ratio(values, n_samples=50, n_features=60, bias_correction=True)
    assert estimate.value == estimate.interval[1] == 60
    assert estimate.interval[0] < plain.value < 60
    assert estimate.stderr >= 60 - plain.value


def test_more_features_than_eigenvalues_need_their_number():
    values = sample_eigenvalues(np.ones(200), 40, np.random.default_rng(0))
    estimate = participation_ratio(values, n_samples=40, n_features=200, bias_correction=True)
    assert 150 < estimate.value <= 200
    with pytest.warns(DataWarning, match="cut to the 40 eigenvalues"):
        assert participation_ratio(values, n_samples=40, bias_correction=True).value == 40
    assert participation_ratio(values, n_samples=40, n_features=200).interval[1] <= 40


@pytest.mark.parametrize("bias_correction", [False, True])
def test_a_single_dimension_has_no_error(bias_correction):
    for values in ([1.0], [3.0, 0.0, 0.0], [0.1]):
        estimate = participation_ratio(values, n_samples=100, bias_correction=bias_correction)
        assert (estimate.value, estimate.stderr, estimate.interval) == (1.0, 0.0, (1.0, 1.0))
    nearly = participation_ratio([1.0, 1e-9], n_samples=100, bias_correction=bias_correction)
    assert nearly.stderr < 0.01
    assert nearly.interval[0] == 1


def test_without_a_sample_size_the_error_is_unknown():
    estimate = participation_ratio([3.0, 2.0, 1.0])
    assert math.isnan(estimate.stderr)
    assert np.isnan(estimate.interval).all()
    assert estimate.summary() == "2.57143 (standard error not known)"
    top = participation_ratio([3.0, 2.0, 1.0], total_variance=20.0)
    assert top.interval == pytest.approx((400 / 28, 400 / 14))
    assert top.summary() == "21.4286 (standard error not known, between 14.2857 and 28.5714)"
    with pytest.raises(InvalidInputError, match="needs n_samples"):
        participation_ratio([3.0, 2.0, 1.0], bias_correction=True)


def test_bounds_from_the_top_contain_the_truth():
    values = np.arange(1, 101.0) ** -1
    truth = participation_ratio(values).value
    spectrum = Spectrum(values[:20], 1001, 100, float(values.sum()), 1000)
    estimate = spectrum.participation_ratio()
    exact = Spectrum(values, 1001, 100, float(values.sum()), 1000).participation_ratio()
    assert exact.value == pytest.approx(truth, rel=1e-13)
    assert estimate.interval[0] < truth < estimate.interval[1]
    assert estimate.value == pytest.approx(truth, rel=0.05)
    assert abs(estimate.value - truth) < 2 * estimate.stderr
    with pytest.raises(InvalidInputError, match="needs all eigenvalues"):
        spectrum.participation_ratio(bias_correction=True)


def test_what_is_not_known_of_a_spectrum_counts_as_error():
    values = sample_eigenvalues(np.ones(300), 1500, np.random.default_rng(0))
    truth = participation_ratio(values, n_samples=1500)
    total = float(values.sum())
    errors = []
    for k in (4, 100, 290):
        estimate = participation_ratio(values[:k], n_samples=1500, n_features=300, total_variance=total)
        low, high = estimate.interval
        assert low < truth.value < high <= 300
        assert abs(estimate.value - truth.value) < 2 * estimate.stderr
        # The bounds of a uniform distribution lie 1.7 standard deviations from its middle.
        assert (high - low) / 2 == pytest.approx(1.85 * estimate.stderr, rel=0.15)
        errors.append(estimate.stderr)
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] == pytest.approx(truth.stderr, rel=0.3)


def test_dimensions_for_a_share():
    values = [5.0, 3.0, 1.0, 1.0]
    assert [dims_for_variance(values, share) for share in (0.1, 0.5, 0.51, 0.8, 0.81, 0.9, 1.0)] == [
        1,
        1,
        2,
        2,
        3,
        3,
        4,
    ]
    assert dims_for_variance([5.0, 3.0], 0.8, 10.0) == 2
    with pytest.raises(InvalidInputError, match=r"hold 80\.0% of the variance, 90\.0% was asked"):
        dims_for_variance([5.0, 3.0], 0.9, 10.0)
    spectrum = Spectrum(np.array([5.0, 3.0]), 50, 4, 10.0, 49)
    assert spectrum.dims_for_variance(0.5) == 1


def test_unknown_rest_is_refused_by_effective_rank():
    spectrum = Spectrum(np.array([5.0, 3.0]), 50, 4, 10.0, 49)
    with pytest.raises(InvalidInputError, match=r"top 2 eigenvalues hold 80\.0%"):
        effective_rank(spectrum)


@pytest.mark.parametrize("function", [participation_ratio, effective_rank, dims_for_variance])
def test_no_variance_and_wrong_values_are_refused(function):
    with pytest.raises(InvalidInputError, match="all eigenvalues are zero"):
        function(np.zeros(4))
    with pytest.raises(InvalidInputError, match="negative"):
        function([2.0, -1.0])
    with pytest.raises(InvalidInputError, match="one-dimensional"):
        function(np.ones((2, 2)))


def test_wrong_options_are_refused():
    with pytest.raises(InvalidInputError, match="share must lie"):
        dims_for_variance([1.0], 90)
    with pytest.raises(InvalidInputError, match="confidence"):
        participation_ratio([1.0], confidence=95)
