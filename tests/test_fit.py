"""The Marchenko–Pastur fit: signals counted at a stated rate, and doubts in words."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from eigenscope import MarchenkoPastur, covariance_spectrum, fit_marchenko_pastur
from eigenscope.errors import DataWarning, InvalidInputError, NonFiniteInputError
from eigenscope.random_matrix import john_test
from eigenscope.results import MarchenkoPasturFit, Spectrum
from scipy.stats import binom


def spiked_eigenvalues(n, p, population, generator):
    data = generator.standard_normal((n, p))
    data[:, : len(population)] *= np.sqrt(population)
    gram = data.T @ data if p <= n else data @ data.T
    return np.linalg.eigvalsh(gram / n)[::-1]


def spectrum_of(values, n_samples, n_features, **fields):
    return Spectrum(values, n_samples, n_features, float(np.sum(values)), n_samples, **fields)


@pytest.mark.parametrize(("n", "p"), [(100, 50), (50, 100), (80, 80), (400, 30)])
@pytest.mark.parametrize(("level", "low", "high"), [(0.05, 0.038, 0.062), (0.01, 0.005, 0.016)])
def test_false_positive_rate_of_pure_noise(n, p, level, low, high):
    draws = 600
    generator = np.random.default_rng([n, p])
    law = MarchenkoPastur(p / n)
    fits = [
        fit_marchenko_pastur(law.rvs(p, rng=generator), n_samples=n, n_features=p, significance=level)
        for _ in range(draws)
    ]
    found = sum(fit.n_signal > 0 for fit in fits)
    assert binom.ppf(1e-4, draws, low) <= found <= binom.ppf(1 - 1e-4, draws, high)
    bad_fits = sum(fit.goodness < 0.05 for fit in fits)
    assert bad_fits <= binom.ppf(1 - 1e-4, draws, 0.055)


@pytest.mark.parametrize(
    ("n", "p", "population"),
    [
        (200, 100, np.linspace(6, 20, 5)),
        (100, 200, np.linspace(12, 40, 5)),
        (200, 100, np.linspace(6, 30, 20)),
    ],
)
def test_false_positive_rate_beside_signals(n, p, population):
    draws, r = 300, len(population)
    generator = np.random.default_rng([n, p, r])
    fits = [
        fit_marchenko_pastur(spiked_eigenvalues(n, p, population, generator), n_samples=n, n_features=p)
        for _ in range(draws)
    ]
    counts = np.array([fit.n_signal for fit in fits])
    # Every signal is found; one more at about the nominal 5 %.
    assert np.all(counts >= r)
    assert binom.ppf(1e-4, draws, 0.025) <= np.sum(counts > r) <= binom.ppf(1 - 1e-4, draws, 0.06)
    assert sum(fit.goodness < 0.05 for fit in fits) <= binom.ppf(1 - 1e-4, draws, 0.06)


def test_weak_signals_lost_by_classical_tests_are_found():
    generator = np.random.default_rng(11)
    n, p, population = 400, 200, np.linspace(2.2, 6, 10)
    counts = np.array(
        [
            fit_marchenko_pastur(
                spiked_eigenvalues(n, p, population, generator), n_samples=n, n_features=p, significance=0.01
            ).n_signal
            for _ in range(60)
        ]
    )
    # All ten in .67 of cases at level .01, against .38 to .52 for Kritchman and Nadler's test.
    assert np.count_nonzero(counts == 10) >= binom.ppf(1e-3, 60, 0.6)
    assert np.count_nonzero(counts > 10) <= binom.ppf(1 - 1e-4, 60, 0.01)


def test_signals_are_debiased_with_honest_errors():
    n, p, population, draws = 300, 150, np.array([25.0, 10.0, 5.0]), 200
    generator = np.random.default_rng(4)
    covered = np.zeros(3)
    for _ in range(draws):
        values = spiked_eigenvalues(n, p, population, generator)
        fit = fit_marchenko_pastur(values, n_samples=n, n_features=p, significance=1e-4)
        found = fit.signal_eigenvalues[:3]
        assert np.all(found < values[:3])
        covered += np.abs(found - population) < 1.96 * fit.signal_stderrs[:3]
    assert np.all(covered >= binom.ppf(1e-4, draws, 0.93))
    assert np.all(covered <= binom.ppf(1 - 1e-4, draws, 0.975))


@pytest.mark.parametrize(("n", "p"), [(200, 120), (120, 200)])
def test_top_eigenvalues_and_trace_give_the_same_fit(n, p):
    values = spiked_eigenvalues(n, p, [30, 20, 15, 10], np.random.default_rng(0))
    full = fit_marchenko_pastur(values, n_samples=n, n_features=p)
    top = fit_marchenko_pastur(values[:10], n_samples=n, n_features=p, total_variance=values.sum())
    assert full.n_signal == top.n_signal == 4
    assert top.variance.value == pytest.approx(full.variance.value, rel=1e-12)
    np.testing.assert_allclose(top.p_values, full.p_values, rtol=1e-8)
    assert math.isnan(top.goodness)
    assert full.credible
    with pytest.warns(DataWarning, match="ask for more eigenvalues"):
        short = fit_marchenko_pastur(values[:3], n_samples=n, n_features=p, total_variance=values.sum())
    assert short.n_signal == 3
    assert not short.credible
    assert math.isnan(short.variance.stderr)


def test_spectrum_and_plain_eigenvalues_agree_in_any_order():
    n, p = 150, 100
    values = spiked_eigenvalues(n, p, [20, 9], np.random.default_rng(1))
    from_spectrum = spectrum_of(values, n, p).fit_marchenko_pastur()
    shuffled = np.random.default_rng(0).permutation(values)
    assert fit_marchenko_pastur(shuffled, n_samples=n, n_features=p) == from_spectrum
    assert from_spectrum.law == MarchenkoPastur(p / n, from_spectrum.variance.value)


def test_centred_data_count_their_degrees_of_freedom():
    data = np.random.default_rng(3).standard_normal((30, 80)) + 100
    values = np.linalg.eigvalsh(np.cov(data.T))[::-1]
    spectrum = Spectrum(values[:30], 30, 80, float(values.sum()), 29)
    fit = spectrum.fit_marchenko_pastur()
    assert fit.n_samples == 29
    assert fit.n_signal == 0
    assert fit.variance.interval[0] < 1 < fit.variance.interval[1]
    assert fit.goodness > 0.01


@pytest.mark.parametrize("scale", [1e-150, 1e150, 1e-300, 1e300])
def test_units_cancel(scale):
    n, p = 100, 60
    values = spiked_eigenvalues(n, p, [15, 8], np.random.default_rng(2))
    unit = fit_marchenko_pastur(values, n_samples=n, n_features=p)
    scaled = fit_marchenko_pastur(values * scale, n_samples=n, n_features=p)
    assert scaled.n_signal == unit.n_signal == 2
    for name in ("upper_edge_threshold", "signal_eigenvalues", "signal_stderrs", "edges"):
        np.testing.assert_allclose(np.array(getattr(scaled, name)) / scale, getattr(unit, name), rtol=1e-9)
    assert scaled.variance.stderr / scale == pytest.approx(unit.variance.stderr, rel=1e-9)
    assert scaled.goodness == pytest.approx(unit.goodness, rel=1e-6)


def test_single_precision_and_tiny_negative_values():
    n, p = 60, 90
    values = np.concatenate([spiked_eigenvalues(n, p, [30], np.random.default_rng(5)), np.zeros(30)])
    exact = fit_marchenko_pastur(values, n_samples=n, n_features=p)
    rounded = values.astype(np.float32)
    rounded[60:] = -1e-6
    fit = fit_marchenko_pastur(rounded, n_samples=n, n_features=p)
    assert fit.n_signal == exact.n_signal == 1
    assert fit.variance.value == pytest.approx(exact.variance.value, rel=1e-6)


def test_threshold_is_what_the_test_compares_with():
    n, p = 200, 100
    values = spiked_eigenvalues(n, p, [12, 7], np.random.default_rng(8))
    fit = fit_marchenko_pastur(values, n_samples=n, n_features=p)
    assert fit.n_signal == 2
    assert values[1] > fit.upper_edge_threshold > values[2]
    assert len(fit.p_values) == 3
    assert np.all(fit.p_values[:2] <= 0.05)
    assert fit.p_values[2] > 0.05


def test_all_zero_and_noise_free_spectra_are_answers_with_a_reason():
    nothing = fit_marchenko_pastur(np.zeros(5), n_samples=9, n_features=5)
    assert (nothing.n_signal, nothing.variance.value, nothing.credible) == (0, 0.0, False)
    assert "all eigenvalues are zero" in nothing.reasons[0]
    with pytest.raises(InvalidInputError, match="variance is zero"):
        _ = nothing.law
    exact = fit_marchenko_pastur([5.0, 3.0] + [0.0] * 28, n_samples=50, n_features=30)
    assert exact.n_signal == 2
    assert "no noise to fit" in exact.reasons[0]
    constant = fit_marchenko_pastur(np.ones(40), n_samples=100, n_features=40)
    assert constant.n_signal == 0
    assert constant.goodness < 1e-3


def test_a_power_law_is_called_no_low_rank_signal():
    with pytest.warns(DataWarning, match="no low-rank signal"):
        fit = fit_marchenko_pastur(np.arange(1, 201.0) ** -1.5, n_samples=2000, n_features=200)
    assert not fit.credible
    assert any("half of all 200 eigenvalues (100) exceed" in reason for reason in fit.reasons)
    # What is left need not be noise: nothing is known about its error.
    assert math.isnan(fit.variance.stderr)
    assert np.isnan(fit.variance.interval).all()
    assert "(error not known)" in fit.summary()
    fit.plot()


def test_more_eigenvalues_than_samples_are_refused():
    values = np.linalg.eigvalsh(np.cov(np.random.default_rng(0).standard_normal((200, 100)).T))
    message = "100 eigenvalues are not zero, more than n_samples=50 allows: pass the number of samples, less one"
    for options in ({}, {"n_removed": 3}, {"temporal": 0.5}):
        with pytest.raises(InvalidInputError, match=message):
            fit_marchenko_pastur(values, n_samples=50, n_features=100, **options)
    spectrum = Spectrum(values[::-1], 200, 100, float(values.sum()), 199)
    with pytest.raises(InvalidInputError, match=message):
        spectrum.fit_marchenko_pastur(n_samples=50)
    with pytest.raises(InvalidInputError, match=message):
        john_test(values, n_samples=50, n_features=100)
    # Zeros left by rounding are none, and removed components leave fewer.
    rounded = spiked_eigenvalues(50, 100, [30], np.random.default_rng(1))
    padded = np.concatenate([rounded, np.full(50, 1e-9)])
    assert fit_marchenko_pastur(padded, n_samples=50, n_features=100).n_signal == 1
    assert fit_marchenko_pastur(rounded[1:], n_samples=50, n_features=100, n_removed=1).n_signal == 0


def warned_of_singular_values(values, n, p):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DataWarning)
        fit_marchenko_pastur(values, n_samples=n, n_features=p)
    return any("look like singular values" in str(warning.message) for warning in caught)


@pytest.mark.parametrize(
    ("n", "p", "population"),
    [
        (400, 200, np.linspace(2.5, 6, 10)),
        (200, 400, np.linspace(4, 12, 5)),
        (300, 300, np.linspace(3, 10, 5)),
        (100, 300, np.linspace(5, 20, 5)),
        (60, 40, np.empty(0)),
    ],
)
def test_singular_values_are_told_from_eigenvalues(n, p, population):
    generator = np.random.default_rng([n, p])
    draws = 20
    values = [spiked_eigenvalues(n, p, population, generator) for _ in range(draws)]
    # One in a hundred squares does not follow its law well enough.
    assert sum(warned_of_singular_values(np.sqrt(n * v), n, p) for v in values) >= draws - 1
    assert not any(warned_of_singular_values(v, n, p) for v in values)


def test_heavy_tails_warn_and_signals_do_not():
    rng = np.random.default_rng(0)
    n, p = 400, 100

    def signals(scores):
        return scores @ rng.standard_normal((5, p))

    for _ in range(5):
        for heavy in (rng.standard_t(4, (n, p)), rng.standard_t(4, (n, p)) + 3 * signals(rng.standard_normal((n, 5)))):
            with pytest.warns(DataWarning, match="tails are heavy"):
                fit = covariance_spectrum(heavy).fit_marchenko_pastur()
            assert any("tails are heavy" in reason for reason in fit.reasons)
    # Gaussian noise, beside Gaussian signals and beside signals that are rare and strong.
    light = rng.standard_normal((n, p))
    for data in (
        light,
        light + 3 * signals(rng.standard_normal((n, 5))),
        light + 10 * signals(rng.random((n, 5)) < 0.05),
    ):
        spectrum = covariance_spectrum(data.astype(np.float32))
        assert abs(spectrum.excess_kurtosis) < 0.3
        assert not any("tails" in reason for reason in fit_marchenko_pastur(spectrum).reasons)
    with pytest.warns(DataWarning, match="tails are heavy"):
        covariance_spectrum(heavy).fit_marchenko_pastur(temporal=0.1)


def test_tails_are_judged_from_memory_only(tmp_path):
    data = np.random.default_rng(0).standard_t(4, (200, 60))
    np.save(tmp_path / "data.npy", data)
    mapped = np.load(tmp_path / "data.npy", mmap_mode="r")
    for stored in (tmp_path / "data.npy", mapped, np.asarray(mapped)[:, ::2]):
        assert math.isnan(covariance_spectrum(stored).excess_kurtosis)
    known = covariance_spectrum(data * 1e-140).excess_kurtosis
    assert known > 2
    holes = np.where(np.random.default_rng(1).random(data.shape) < 0.02, np.nan, data)
    assert covariance_spectrum(holes, nan="pairwise").excess_kurtosis == pytest.approx(known, rel=0.2)
    assert math.isnan(covariance_spectrum(np.ones((20, 5))).excess_kurtosis)
    assert math.isnan(covariance_spectrum(np.outer(np.arange(20.0), np.ones(5))).excess_kurtosis)


def test_an_eigenvalue_below_the_noise_is_named():
    n, p, draws = 200, 100, 100
    generator = np.random.default_rng(9)
    p_values = [
        fit_marchenko_pastur(spiked_eigenvalues(n, p, [20, 9], generator), n_samples=n, n_features=p).smallest_p_value
        for _ in range(draws)
    ]
    assert binom.ppf(1e-3, draws, 0.2) <= np.sum(np.array(p_values) < 0.25) <= binom.ppf(1 - 1e-3, draws, 0.3)
    data = generator.standard_normal((n, p))
    data[:, 1] = data[:, 0] + 0.1 * data[:, 1]
    fit = fit_marchenko_pastur(np.linalg.eigvalsh(data.T @ data / n), n_samples=n, n_features=p)
    assert fit.smallest_p_value < 1e-3
    assert any("smallest eigenvalue lies below the noise" in reason for reason in fit.reasons)
    assert math.isnan(
        fit_marchenko_pastur(MarchenkoPastur(1).rvs(50, rng=0), n_samples=50, n_features=50).smallest_p_value
    )


def test_intervals_of_signals_and_overlaps_cover():
    n, p, population, draws = 150, 100, np.array([30.0, 10.0, 5.0]), 120
    generator = np.random.default_rng(4)
    covered = np.zeros((3, 3))
    for _ in range(draws):
        scores = np.sqrt(population - 1) * generator.standard_normal((n, 3))
        data = generator.standard_normal((n, p))
        data[:, :3] += scores
        U, s, Vh = np.linalg.svd(data, full_matrices=False)
        fit = fit_marchenko_pastur(s**2 / n, n_samples=n, n_features=p, significance=1e-4)
        assert fit.n_signal == 3
        cosines = np.diagonal(Vh[:, :3]) ** 2, np.sum(U[:, :3] * scores, axis=0) ** 2 / np.sum(scores**2, axis=0)
        estimates = fit.signals, fit.overlaps(), fit.overlaps("samples")
        for row, (values, found) in enumerate(zip((population, *cosines), estimates, strict=True)):
            covered[row] += [e.interval[0] <= value <= e.interval[1] for value, e in zip(values, found, strict=True)]
            assert all(e.interval[0] < e.value < e.interval[1] for e in found)
    assert np.all(covered >= binom.ppf(1e-4, draws, 0.92))
    with pytest.raises(InvalidInputError, match="side must be"):
        fit.overlaps("left")
    correlated = fit_marchenko_pastur(s**2 / n, n_samples=n, n_features=p, temporal=0.1)
    assert all(math.isnan(estimate.value) for estimate in correlated.overlaps())


def test_overlaps_of_crowded_signals_share_their_space():
    n, p, population = 300, 150, np.full(80, 12.0)
    values = spiked_eigenvalues(n, p, np.concatenate([[60.0], population[:59]]), np.random.default_rng(2))
    fit = fit_marchenko_pastur(values, n_samples=n, n_features=p)
    found = [estimate.value for estimate in fit.overlaps()]
    assert found[0] > 0.8
    assert max(found[1:]) < 0.5
    assert len(found) == fit.n_signal


def test_noise_of_unequal_variance_is_noticed():
    generator = np.random.default_rng(0)
    data = generator.standard_normal((300, 100)) * generator.lognormal(0, 0.5, 100)
    values = np.linalg.eigvalsh(data.T @ data / 300)
    fit = fit_marchenko_pastur(values, n_samples=300, n_features=100, significance=1e-6)
    assert any("does not follow the Marchenko–Pastur law" in reason for reason in fit.reasons)


def test_correlated_samples_warn_and_independent_ones_do_not():
    values = MarchenkoPastur(0.5).rvs(100, rng=0)
    with pytest.warns(DataWarning, match=r"lag one 0\.40"):
        fit = fit_marchenko_pastur(spectrum_of(values, 200, 100, lag_one_autocorrelation=0.4))
    assert not fit.credible
    assert fit_marchenko_pastur(spectrum_of(values, 200, 100, lag_one_autocorrelation=0.02)).credible


def test_a_few_strong_dimensions_do_not_look_like_correlated_samples():
    # Three independent dimensions that hold nearly all variance: the pooled lag one scatters by about 1 / sqrt(3 n).
    rng = np.random.default_rng(3)
    for _ in range(200):
        strong = rng.standard_normal((200, 3))
        lag_one = float((strong[1:] * strong[:-1]).sum() / (strong**2).sum())
        values = np.concatenate([[1e4, 1e4, 1e4], MarchenkoPastur(0.5).rvs(97, rng=0)])
        fit = fit_marchenko_pastur(spectrum_of(values, 200, 100, lag_one_autocorrelation=lag_one))
        assert not any("correlated" in reason for reason in fit.reasons), lag_one


def test_an_uncentred_mean_is_named():
    values = np.concatenate([[500.0], MarchenkoPastur(0.5).rvs(99, rng=0)])
    with pytest.warns(DataWarning, match="center=True"):
        fit = fit_marchenko_pastur(spectrum_of(values, 200, 100, centered=False))
    assert any("use center=True" in reason for reason in fit.reasons)


@pytest.mark.parametrize(
    ("values", "options", "error", "message"),
    [
        ([1.0, np.nan], {}, NonFiniteInputError, "1 of 2 eigenvalues are NaN"),
        ([1.0, -0.5], {}, InvalidInputError, "negative, down to -0.5"),
        ([1.0], {"n_samples": None}, InvalidInputError, "pass n_samples="),
        ([1.0, 1.0], {}, InvalidInputError, "pass total_variance="),
        ([1.0] * 9, {"n_features": 5}, InvalidInputError, "9 eigenvalues for n_features=5"),
        ([4.0, 1.0], {"total_variance": 3.0}, InvalidInputError, "below the sum"),
        ([1.0] * 5, {"n_features": 5, "total_variance": 9.0}, InvalidInputError, "above the sum"),
        ([1.0] * 9, {"temporal": "ar1"}, InvalidInputError, "lag-one autocorrelation"),
        ([1.0] * 9, {"method": "mode"}, InvalidInputError, "method must be one of"),
        ([1.0] * 9, {"significance": 2.0}, InvalidInputError, "significance"),
        ([1.0] * 9, {"n_features": 9.5}, InvalidInputError, "n_features must be an integer"),
        ([1.0], {"n_features": 1}, InvalidInputError, "nothing to fit"),
        ([], {}, InvalidInputError, "not empty"),
    ],
)
def test_wrong_input_is_refused_with_a_reason(values, options, error, message):
    with pytest.raises(error, match=message):
        fit_marchenko_pastur(values, **{"n_samples": 20, "n_features": 9, **options})


def test_input_is_left_alone():
    values = np.array([1.2, 1.0, 1.1, -1e-12])
    before = values.copy()
    fit_marchenko_pastur(values, n_samples=30, n_features=4)
    np.testing.assert_array_equal(values, before)


def test_summary_and_round_trip(tmp_path):
    values = spiked_eigenvalues(200, 100, [12, 7], np.random.default_rng(8))
    fit = fit_marchenko_pastur(values, n_samples=200, n_features=100)
    assert "2 of 100 eigenvalues above" in fit.summary()
    assert "nothing speaks against the fit" in fit.summary()
    fit.save(tmp_path / "fit.npz")
    assert MarchenkoPasturFit.load(tmp_path / "fit.npz") == fit
