"""Intervals of means and counts hold where few eigenvalues decide, however few the probes."""

from __future__ import annotations

import eigenscope
import numpy as np
import pytest
import scipy.sparse
from eigenscope import testing
from eigenscope.density.confidence import score_interval, share_interval
from eigenscope.errors import InvalidInputError, UnsupportedTypeError

N, SEEDS = 200, 100
SPECTRA = {
    "power law 1": 1.0 / np.arange(1.0, N + 1.0),
    "power law 2": np.arange(1.0, N + 1.0) ** -2,
    "one": np.append(np.full(N - 1, 0.01), 1.0),
}
MOST_MISSES = 12
"""Of a hundred at 95 %: more than this happens once in a thousand."""


@pytest.mark.parametrize("probe", ["orthogonal", "sphere", "rademacher"])
@pytest.mark.parametrize("n_probes", [1, 2, 8])
@pytest.mark.parametrize("spectrum", SPECTRA)
def test_intervals_hold_for_skew_spectra(spectrum, n_probes, probe):
    values = SPECTRA[spectrum]
    matrix = testing.symmetric_matrix(values, rng=0)
    truths = values.mean(), (values**2).mean(), np.exp(values).mean(), float((values > 0.3).sum())
    misses = np.zeros(len(truths))
    for seed in range(SEEDS):
        density = eigenscope.spectral_density(matrix, n_probes=n_probes, degree=30, probe=probe, rng=seed, check=False)
        found = [density.moment(1), density.moment(2), density.expectation(np.exp), density.count(0.3)]
        intervals = [estimate.interval for estimate in found]
        misses += [not low <= truth <= high for truth, (low, high) in zip(truths, intervals, strict=True)]
    assert misses.max() <= MOST_MISSES, misses


def test_counts_outside_the_spectrum_are_certain():
    density = eigenscope.spectral_density(np.diag(np.arange(1.0, 41.0)), n_probes=2, degree=40, rng=0)
    assert density.count(-5.0, 0.5).interval[1] < 1e-9
    assert density.count(0.5, 50.0).interval == pytest.approx((40.0, 40.0))


def test_score_intervals_are_those_of_wilson_to_first_order():
    share = np.array([0.02, 0.3, 0.9])
    spread, third = share * (1.0 - share), share * (1.0 - share) * (1.0 - 2.0 * share)
    for factor in (1e-3, 1e-5):
        excess = 1.959963984540054**2 * factor
        found, exact = score_interval(share, excess, spread, third), share_interval(share, factor, 0.95)
        allowed = 3.0 * excess * np.sqrt(excess * spread) + 3.0 * excess**2
        for end, wanted in zip(found, exact, strict=True):
            np.testing.assert_array_less(np.abs(end - wanted), allowed)


@pytest.mark.parametrize("smallest", [1e-2, 1e-6])
def test_traces_allow_for_an_eigenvalue_that_the_pilot_hardly_has(smallest):
    values = np.append(np.linspace(1.0, 2.0, 999), smallest)
    matrix, truth = scipy.sparse.diags_array(values, format="csr"), np.log(values).sum()
    found = [eigenscope.logdet(matrix, rng=seed, check=False).interval for seed in range(50)]
    assert sum(not low <= truth <= high for low, high in found) <= 7


@pytest.mark.parametrize("method", ["hutchinson", "hutch++"])
def test_intervals_of_sampled_traces_allow_for_skew_samples(method):
    values = SPECTRA["one"]
    matrix = testing.symmetric_matrix(values, rng=0)
    misses = 0
    for seed in range(SEEDS):
        estimate = eigenscope.trace(
            lambda x: matrix @ x, shape=(N, N), method=method, max_matvecs=16, rtol=10.0, rng=seed, check=False
        )
        misses += not estimate.interval[0] <= values.sum() <= estimate.interval[1]
    assert misses <= MOST_MISSES


def test_wrong_positions_and_functions_are_refused():
    density = eigenscope.spectral_density(np.diag(np.arange(1.0, 9.0)), rng=0)
    for call, error, text in (
        (lambda: density.moment("a"), InvalidInputError, "order"),
        (lambda: density.moment(True), InvalidInputError, "order"),
        (lambda: density.expectation(3), InvalidInputError, "function"),
        (lambda: density.count("a"), InvalidInputError, "low and high"),
        (lambda: density.nullity(tolerance="a"), InvalidInputError, "tolerance"),
        (lambda: density.cdf("a"), UnsupportedTypeError, "real numbers"),
        (lambda: density.quantile(1j), UnsupportedTypeError, "real numbers"),
    ):
        with pytest.raises(error, match=text):
            call()


@pytest.mark.parametrize("smallest", [[1e-12], [1e-6], [1e-8] * 3])
def test_eigenvalues_below_all_nodes_are_looked_for(smallest):
    """What the pilot cannot tell from zero is in the interval, or found."""
    values = np.append(np.arange(1.0, 300.0), smallest)
    matrix, truth = scipy.sparse.diags_array(values, format="csr"), np.log(values).sum()
    found = [eigenscope.logdet(matrix, rng=seed, check=False).interval for seed in range(20)]
    assert sum(not low <= truth <= high for low, high in found) <= 2
    if len(smallest) == 1:
        density = eigenscope.spectral_density(matrix, degree=30, rng=0, check=False)
        low, high = density.expectation(np.log).interval
        assert low <= truth / len(values) <= high


@pytest.mark.parametrize("degree", [8, 10, 12, 14, 20])
def test_zeros_that_are_not_located_to_a_side_are_in_doubt(degree):
    values = np.append(np.zeros(60), np.random.default_rng(5).uniform(0.5, 2.0, 140))
    for seed in range(10):
        density = eigenscope.spectral_density(np.diag(values), degree=degree, n_probes=4, rng=seed, check=False)
        low, high = density.nullity().interval
        assert low <= 60 <= high < 110
        low, high = density.band(1e-9)
        assert low <= 0.3 <= high


def test_wrong_budgets_and_callbacks_are_refused_before_the_run():
    matrix = np.diag(np.arange(1.0, 60.0))
    for function in (eigenscope.spectral_density, eigenscope.trace, eigenscope.logdet, eigenscope.diagonal):
        for options, text in (
            ({"callback": 3}, "callback must be a function"),
            ({"max_seconds": "a"}, "max_seconds must be a number"),
            ({"check": "no"}, "check must be True or False"),
        ):
            with pytest.raises(InvalidInputError, match=text):
                function(matrix, **options)
    density = eigenscope.spectral_density(matrix, rng=0)
    for call, text in (
        (lambda: density.moment(400), "leaves the range of double precision"),
        (lambda: density.count(0, 50, confidence=95), "confidence must be a number"),
        (lambda: density.pdf(1.0, bandwidth="a"), "bandwidth must be positive"),
        (lambda: eigenscope.trace(matrix, 3), "f must be a function"),
        (lambda: eigenscope.trace(matrix, np.log, n_deflate=-1), "n_deflate must be an integer"),
        (lambda: eigenscope.spectral_density(matrix, accuracy="x"), "accuracy must lie"),
        (lambda: eigenscope.plan("svds", matrix, sample_axis=7), "sample_axis must be 0 or 1"),
    ):
        with pytest.raises(InvalidInputError, match=text):
            call()
    calls = []
    stopped = eigenscope.spectral_density(matrix, callback=lambda state: np.bool_(calls.append(1) or True), rng=0)
    assert len(calls) == 1
    assert stopped.degree == 1
