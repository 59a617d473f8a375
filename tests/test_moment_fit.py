"""Eigen-moments: exact small cases, no bias from noise, coverage, breaks found and not invented."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from eigenscope import _core
from eigenscope.errors import DataWarning, InvalidInputError, NonFiniteInputError
from eigenscope.neural import MomentPowerLawFit, cvpca, fit_power_law_moments, split_repeats
from eigenscope.neural.eigen_moments import eigen_moments, moments_over_orders
from eigenscope.neural.moment_fit import break_candidates
from scipy.stats import binom

RANKS = np.arange(1, 1001.0)


def recording(n_stimuli, eigenvalues, noise, generator, axes=None):
    signal = generator.standard_normal((n_stimuli, len(eigenvalues))) * np.sqrt(eigenvalues)

    def repeat():
        errors = generator.standard_normal(signal.shape) * np.sqrt(noise)
        return signal + (errors if axes is None else errors @ axes)

    return repeat(), repeat()


def test_moments_are_sums_over_increasing_chains():
    gram = np.random.default_rng(0).standard_normal((7, 7))
    found = _core.chain_moments(gram, n_moments=7)
    for m in range(1, 8):
        chains = [
            np.prod([gram[chain[i], chain[(i + 1) % m]] for i in range(m)])
            for chain in itertools.combinations(range(7), m)
        ]
        assert found[m - 1] == pytest.approx(np.mean(chains), rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("n", [3, 128, 129, 300])
@pytest.mark.parametrize("n_moments", [1, 2, 3, 4, 5, 10])
def test_blocked_products_are_the_dense_ones(n, n_moments):
    gram = np.random.default_rng(n).standard_normal((n, n)) / math.sqrt(n)
    if n_moments > n:
        return
    upper, power = np.triu(gram, 1), np.eye(n)
    for m, moment in enumerate(_core.chain_moments(gram, n_moments=n_moments), start=1):
        assert moment == pytest.approx(np.trace(power @ gram) / math.comb(n, m), rel=1e-8, abs=1e-12)
        power = upper @ power


@pytest.mark.parametrize("n_stimuli", [6, 61])
def test_pairs_are_differences_of_consecutive_stimuli(n_stimuli):
    generator = np.random.default_rng(n_stimuli)
    X1, X2 = generator.standard_normal((2, n_stimuli, 5))
    orders = [generator.permutation(n_stimuli), generator.integers(0, n_stimuli, n_stimuli)]
    for order, found in zip(orders, eigen_moments(X1 @ X2.T, orders, 3), strict=True):
        last = 2 * (n_stimuli // 2)
        first, second = ((X[order[:last:2]] - X[order[1:last:2]]) / math.sqrt(2) for X in (X1, X2))
        expected = _core.chain_moments(first @ second.T, n_moments=3)
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_core_refuses_what_it_cannot_index():
    cross = np.eye(6)
    for orders, n_moments in (([range(1, 7)], 2), ([range(6)], 4), ([range(-1, 5)], 2)):
        with pytest.raises(InvalidInputError):
            eigen_moments(cross, [np.array(order) for order in orders], n_moments)
    with pytest.raises(InvalidInputError):
        _core.chain_moments(cross, n_moments=7)


def test_moments_are_unbiased():
    generator = np.random.default_rng(3)
    eigenvalues = np.arange(1, 31.0) ** -1
    draws = []
    for _ in range(600):
        X1, X2 = recording(40, eigenvalues, 0.5, generator)
        draws.append(eigen_moments((X1 + 7) @ (X2 - 3).T, [generator.permutation(40)], 4)[0])
    truth = [np.sum(eigenvalues**m) for m in range(1, 5)]
    errors = np.std(draws, axis=0) / math.sqrt(600)
    assert np.all(np.abs(np.mean(draws, axis=0) - truth) < 4 * errors)


def test_bootstrap_in_single_precision_and_threads():
    generator = np.random.default_rng(4)
    X1, X2 = recording(60, RANKS[:50] ** -1, 0.2, generator)
    orders = [generator.integers(0, 60, 60) for _ in range(20)]
    one, three = (moments_over_orders(X1 @ X2.T, 6, orders, threads) for threads in (1, 3))
    np.testing.assert_array_equal(one, three)
    exact = eigen_moments(X1 @ X2.T, orders, 6)
    assert np.all(np.abs(one - exact) <= 1e-4 * np.abs(exact).max(axis=0))


@pytest.mark.parametrize(
    ("noise", "tolerance", "mean_tolerance", "highest"), [(0.25, 0.03, 0.02, 0.92), (5, 0.12, 0.06, 0.85)]
)
def test_exponent_has_no_bias_where_cross_validated_pca_has(noise, tolerance, mean_tolerance, highest):
    # T6: 500 stimuli, 1000 neurons; noise n^-1 along axes of its own.
    exponents, biased = [], []
    eigenvalues = 1 / RANKS
    for seed in range(4):
        generator = np.random.default_rng(seed)
        axes = np.linalg.qr(generator.standard_normal((1000, 1000)))[0]
        X1, X2 = recording(500, eigenvalues, noise * eigenvalues, generator, axes)
        exponents.append(fit_power_law_moments(X1, X2, rng=seed).exponent)
        biased.append(cvpca(X1, X2, k=100, n_shuffles=3, rng=seed).fit_power_law(ranks=(11, 100)).exponent)
    np.testing.assert_allclose(exponents, 1, atol=tolerance)
    assert np.mean(exponents) == pytest.approx(1, abs=mean_tolerance)
    assert np.mean(biased) <= highest


def test_break_is_found():
    eigenvalues = np.where(RANKS <= 15, RANKS**-0.5, 15**-0.5 * (RANKS / 15) ** -1.2)
    X1, X2 = recording(500, eigenvalues, eigenvalues.mean(), np.random.default_rng(0))
    single = fit_power_law_moments(X1, X2, rng=0)
    assert "single power law does not reproduce" in single.misfit
    broken = fit_power_law_moments(X1, X2, slopes=2, rng=0)
    assert broken.misfit == ""
    assert broken.first_exponent == pytest.approx(0.5, abs=4 * broken.first_stderr)
    assert broken.exponent == pytest.approx(1.2, abs=0.05)
    assert 8 <= broken.break_rank <= 24
    assert broken.break_interval[0] <= 15 <= broken.break_interval[1]
    assert f"({broken.break_interval[0]} to {broken.break_interval[1]})" in broken.summary()


def coverage(n_draws, seed, model="aligned"):
    """Count intervals that cover and shapes rejected, for half as much noise as signal in one of three arrangements."""
    eigenvalues = RANKS[:200] ** -1.0
    noise = 0.5 * (np.full(200, eigenvalues.mean()) if model == "independent" else eigenvalues)
    covered, rejected, errors = 0, 0, []
    for draw in range(n_draws):
        generator = np.random.default_rng([seed, draw])
        axes = np.linalg.qr(generator.standard_normal((200, 200)))[0] if model == "axes of its own" else None
        fit = fit_power_law_moments(*recording(160, eigenvalues, noise, generator, axes), rng=draw, threads=1)
        covered += fit.interval[0] <= 1 <= fit.interval[1]
        rejected += fit.misfit_p_value < 0.05
        errors.append(fit.exponent - 1)
    return covered, rejected, np.array(errors)


def test_interval_covers_and_test_rarely_rejects():
    covered, rejected, errors = coverage(24, 0)
    assert covered >= binom.ppf(1e-3, 24, 0.93)
    assert rejected <= binom.ppf(1 - 1e-3, 24, 0.05)
    assert abs(errors.mean()) <= 0.02 + 3 * errors.std() / math.sqrt(24)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["aligned", "axes of its own", "independent"])
def test_coverage_table(model):
    covered, rejected, errors = coverage(400, 1, model)
    assert binom.ppf(1e-3, 400, 0.92) <= covered <= binom.ppf(1 - 1e-3, 400, 0.97)
    assert rejected <= binom.ppf(1 - 1e-3, 400, 0.05)
    assert abs(errors.mean()) <= 0.02


@pytest.mark.parametrize("seed", [6, 9, 11, 27, 41, 58])
def test_noise_alone_has_no_exponent(seed):
    # With these seeds both leading moments are positive by chance.
    noise = np.random.default_rng(seed).standard_normal((2, 100, 50))
    with pytest.raises(InvalidInputError, match=r"share is \S+ ± .*no signal in common"):
        fit_power_law_moments(*noise, rng=0)


def test_one_dimension_is_no_power_law_and_says_so():
    generator = np.random.default_rng(0)
    signal = generator.standard_normal((200, 1)) @ generator.standard_normal((1, 80))
    repeats = [signal + 0.1 * generator.standard_normal(signal.shape) for _ in range(2)]
    with pytest.warns(DataWarning, match="reached 10, the bound of the search"):
        fit = fit_power_law_moments(*repeats, rng=0)
    assert fit.reached_bound
    assert math.isnan(fit.stderr)
    assert np.isnan(fit.interval).all()
    assert "few dimensions, not of a power law" in fit.misfit
    assert "at the bound" in fit.summary()


def test_more_repeats_are_two_averages():
    generator = np.random.default_rng(6)
    signal = generator.standard_normal((60, 40)) / RANKS[:40] ** 0.5
    X = signal + 0.3 * generator.standard_normal((5, 60, 40))
    assert fit_power_law_moments(X[:2], rng=0).exponent == fit_power_law_moments(X[0], X[1], rng=0).exponent
    X[3, 7] = np.nan
    found = fit_power_law_moments(X, nan="omit", rng=0)
    assert found.exponent == fit_power_law_moments(*split_repeats(X, nan="omit"), rng=0).exponent
    with pytest.raises(NonFiniteInputError, match='nan="omit" leaves out presentations'):
        fit_power_law_moments(X, rng=0)
    with pytest.raises(NonFiniteInputError, match=r"drop the stimulus or the neurons$"):
        fit_power_law_moments(X[2], X[3], rng=0)
    with pytest.raises(InvalidInputError, match="fewer than two presentations, the first is stimulus 7"):
        fit_power_law_moments(X[2], X[3], nan="omit", rng=0)


def test_results_do_not_depend_on_units_means_or_threads(tmp_path):
    X1, X2 = recording(80, RANKS[:60] ** -1, 0.05, np.random.default_rng(5))
    fit = fit_power_law_moments(X1, X2, rng=1)
    shifted = fit_power_law_moments(1000 * X1 + 50, 1000 * X2 - 20, rng=1, threads=2)
    assert shifted.exponent == pytest.approx(fit.exponent, abs=1e-3 * fit.stderr)
    assert shifted.intercept == pytest.approx(fit.intercept + 2 * math.log(1000), abs=1e-3)
    assert fit_power_law_moments(X1, X2, rng=1).exponent == fit.exponent
    np.testing.assert_allclose(fit.predict([1, 2]), np.exp(fit.intercept) * np.array([1, 2]) ** -fit.exponent)
    fit.save(tmp_path / "fit.npz")
    assert MomentPowerLawFit.load(tmp_path / "fit.npz") == fit
    assert "eigen-moments" in fit.summary()


def test_breaks_tried_are_ranks_of_the_population():
    for n_neurons in (10, 49, 50, 51, 1000):
        breaks = break_candidates(n_neurons)
        assert breaks == sorted(set(breaks))
        assert breaks[0] >= 2
        assert breaks[-1] < n_neurons


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda a, b: fit_power_law_moments(a, b[:-1]), InvalidInputError, "one shape"),
        (lambda a, b: fit_power_law_moments(a[:6], b[:6]), InvalidInputError, "6 stimuli are too few"),
        (lambda a, b: fit_power_law_moments(a, b, slopes=3), InvalidInputError, "slopes"),
        (lambda a, b: fit_power_law_moments(a[:, :1], b[:, :1], rng=0), InvalidInputError, "1 neurons have too few"),
        (lambda a, b: fit_power_law_moments(a[:, :2], b[:, :2], slopes=2, rng=0), InvalidInputError, "at least 3"),
        (lambda a, b: fit_power_law_moments(a * 1e170, b * 1e170, rng=0), InvalidInputError, "products overflow"),
        (lambda a, b: fit_power_law_moments(0 * a + 0.1, 0 * b + 0.1, rng=0), InvalidInputError, "constant"),
        (lambda a, b: fit_power_law_moments(a, b, n_moments=40), InvalidInputError, "choose 3 to 20"),
        (lambda a, b: fit_power_law_moments(a, b, n_orders=5), InvalidInputError, "more than 6"),
        (lambda a, b: fit_power_law_moments(a, b, slopes="1"), InvalidInputError, "slopes"),
        (lambda a, b: fit_power_law_moments(a, b, confidence="a"), InvalidInputError, "confidence"),
        (lambda a, b: fit_power_law_moments(a, b, confidence=None), InvalidInputError, "confidence"),
        (lambda a, b: fit_power_law_moments(a, b, n_moments=3.5), InvalidInputError, "choose 3 to 20"),
        (lambda a, b: fit_power_law_moments(a, b, n_orders=1.5), InvalidInputError, "n_orders=1.5"),
        (lambda a, b: fit_power_law_moments(a, b, confidence=2), InvalidInputError, "confidence"),
        (lambda a, b: fit_power_law_moments(a, -a, rng=0), InvalidInputError, "no signal in common"),
        (lambda a, b: fit_power_law_moments(0 * a, 0 * b), InvalidInputError, "zero"),
        (lambda a, b: fit_power_law_moments(a * np.nan, b), NonFiniteInputError, "repeat 1"),
    ],
)
def test_wrong_input_is_refused_with_a_reason(call, error, message):
    X1, X2 = recording(40, RANKS[:30] ** -1, 0.1, np.random.default_rng(0))
    with pytest.raises(error, match=message):
        call(X1, X2)
