"""Fits of noise that is correlated in time, by AR(1) coefficients and by measured power spectra."""

from __future__ import annotations

import numpy as np
import pytest
from eigenscope import MarchenkoPasturFit, covariance_spectrum, fit_marchenko_pastur
from eigenscope.errors import DataWarning, InvalidInputError
from eigenscope.random_matrix import CorrelatedMarchenkoPastur, noise_power_spectrum
from eigenscope.random_matrix.temporal import (
    ar1_coefficient,
    ar1_power_spectrum,
)
from scipy.signal import butter, lfilter, sosfilt
from scipy.stats import binom


def autoregressive(rng, n_samples, n_features, coefficient):
    """Return stationary AR(1) noise of unit variance."""
    innovations = rng.standard_normal((n_samples, n_features))
    innovations[0] /= np.sqrt(1 - coefficient**2)
    return lfilter([1], [1, -coefficient], innovations, axis=0) * np.sqrt(1 - coefficient**2)


def resonance(rng, n_samples, n_features):
    """Return AR(2) noise of unit variance that rings at an eighth of the sampling rate."""
    a, b = 2 * 0.9 * np.cos(np.pi / 4), -(0.9**2)
    data = lfilter([1], [1, -a, -b], rng.standard_normal((n_samples + 200, n_features)), axis=0)[200:]
    return data / np.sqrt((1 - b) / ((1 + b) * ((1 - b) ** 2 - a**2)))


def five_time_scales(rng, n_samples, n_features):
    """Return noise whose power falls about like 1 / frequency: AR(1) noise of time constants 0 to 30, added up."""
    coefficients = [0, *np.exp(-1 / np.array([1, 3, 10, 30]))]
    return sum(autoregressive(rng, n_samples, n_features, phi) for phi in coefficients) / np.sqrt(5)


def fractional(rng, n_samples, n_features, memory):
    """Noise whose power goes like frequency^(-2 memory), a piece of a series eight times as long."""
    frequencies = np.fft.rfftfreq(8 * n_samples)
    frequencies[0] = np.inf
    white = np.fft.rfft(rng.standard_normal((8 * n_samples, n_features)), axis=0)
    return np.fft.irfft(white * frequencies[:, None] ** -memory, axis=0)[:n_samples]


def test_memory_longer_than_the_recording_is_noticed():
    rng = np.random.default_rng(5)
    for _ in range(5):
        with pytest.warns(DataWarning, match=r"rises at the lowest frequencies.*time_shift"):
            noise_power_spectrum(fractional(rng, 400, 200, 0.4))
        # Warnings are errors here: noise that the recording resolves does not warn.
        noise_power_spectrum(autoregressive(rng, 300, 60, 0.9))
        noise_power_spectrum(rng.standard_normal((40, 3)))
    trend = rng.standard_normal((200, 50)) + np.linspace(-1, 1, 200)[:, None]
    with pytest.warns(DataWarning, match="slow drifts"):
        noise_power_spectrum(trend)


def test_power_spectrum_is_that_of_the_noise():
    rng = np.random.default_rng(2)
    n, p = 1000, 400
    angles = np.pi * np.arange(n) / n
    course = np.cos(np.outer(np.arange(n) + 0.5, angles[1:5])).sum(axis=1)
    data = autoregressive(rng, n, p, 0.6) + 3 * np.outer(course, rng.standard_normal(p))
    power = noise_power_spectrum(data, n_signal=1)
    truth = (1 - 0.36) / (1.36 - 1.2 * np.cos(angles))
    # Means of p squared normal numbers: 7 % each.
    np.testing.assert_allclose(power[1:], truth[1:], rtol=0.33)
    # The signal takes a quarter of the noise at its four frequencies with it, which is given back.
    assert power[1:5].mean() == pytest.approx(truth[1:5].mean(), rel=0.12)
    assert power[:200].mean() == pytest.approx(truth[:200].mean(), rel=0.02)
    assert power.shape == (n,)
    assert power.mean() == pytest.approx(1)
    np.testing.assert_allclose(noise_power_spectrum(data.T * 1e140, sample_axis=1, n_signal=1), power, rtol=1e-8)


@pytest.mark.filterwarnings("ignore:the noise power still rises")  # Of 20 time constants or less.
@pytest.mark.parametrize(
    ("make", "n", "p", "draws"),
    [
        (lambda *size: autoregressive(*size, 0.9), 1000, 100, 30),
        (lambda *size: autoregressive(*size, 0.8), 300, 60, 60),
        (lambda *size: autoregressive(*size, 0.95), 300, 60, 40),
        (lambda *size: autoregressive(*size, 0.9), 200, 300, 12),
        (resonance, 400, 200, 30),
        (resonance, 200, 300, 12),
        (five_time_scales, 300, 60, 40),
        (five_time_scales, 200, 300, 12),
    ],
)
def test_measured_power_spectrum_keeps_the_level_and_the_variance(make, n, p, draws):
    rng = np.random.default_rng(9)
    found, doubtful, variances = 0, 0, []
    for _ in range(draws):
        data = make(rng, n, p)
        fit = fit_marchenko_pastur(covariance_spectrum(data, threads=1), temporal=noise_power_spectrum(data))
        found += fit.n_signal > 0
        doubtful += not fit.credible
        variances.append(fit.variance.value)
    assert found <= binom.isf(1e-3, draws, 0.05)
    assert doubtful <= binom.isf(1e-3, draws, 0.01)
    error = np.std(variances) / np.sqrt(draws)
    assert abs(np.mean(variances) - 1) < 0.01 + 2 * error
    # As small as the errors that the fits report.
    assert error < 0.012


@pytest.mark.parametrize(("n", "p"), [(300, 60), (150, 250)])
def test_filtered_noise_is_credible_by_its_own_power_spectrum(n, p):
    rng = np.random.default_rng(18)
    sections = butter(4, [0.05, 0.4], btype="band", output="sos")
    fits = []
    for _ in range(12):
        data = sosfilt(sections, rng.standard_normal((n + 400, p)), axis=0)[400:]
        fits.append(fit_marchenko_pastur(covariance_spectrum(data, threads=1), temporal=noise_power_spectrum(data)))
    assert sum(fit.n_signal > 0 for fit in fits) <= binom.isf(1e-3, 12, 0.05)
    assert sum(not fit.credible for fit in fits) <= binom.isf(1e-3, 12, 0.01)


def test_measured_power_spectrum_finds_signals_it_leaves_out():
    rng = np.random.default_rng(10)
    n, p, coefficient = 200, 250, 0.8
    counts, one_too_many = [], []
    for _ in range(10):
        patterns = np.linalg.qr(rng.standard_normal((p, 3)))[0]
        signals = autoregressive(rng, n, 3, coefficient) * np.sqrt([60.0, 45.0, 30.0]) @ patterns.T
        data = autoregressive(rng, n, p, coefficient) + signals
        spectrum = covariance_spectrum(data, threads=1)
        fits = [fit_marchenko_pastur(spectrum, temporal=noise_power_spectrum(data, n_signal=k)) for k in (3, 4)]
        counts.append(fits[0].n_signal)
        one_too_many.append(fits[1].n_signal)
    assert np.mean(np.equal(counts, 3)) >= 0.9
    assert np.mean(np.equal(one_too_many, 3)) >= 0.6


@pytest.mark.parametrize("centered", [True, False])
@pytest.mark.parametrize("coefficient", [-0.5, 0.0, 0.5, 0.9])
def test_ar1_coefficient_is_unbiased(coefficient, centered):
    rng = np.random.default_rng(3)
    data = autoregressive(rng, 300, 400, coefficient)
    spectrum = covariance_spectrum(data, center=centered, threads=1)
    found = ar1_coefficient(spectrum.lag_one_autocorrelation, 300)
    # Variance of a pooled lag-one autocorrelation: (1 - φ²) / (n p).
    assert abs(found - coefficient) < 4 * np.sqrt((1 - coefficient**2) / (300 * 400)) + 1e-3


@pytest.mark.parametrize(("n", "p", "coefficient"), [(200, 100, 0.5), (400, 60, 0.9), (150, 250, 0.7)])
def test_ar1_noise_is_not_taken_for_signal(n, p, coefficient):
    rng = np.random.default_rng(4)
    draws, found = 40, 0
    for _ in range(draws):
        spectrum = covariance_spectrum(autoregressive(rng, n, p, coefficient), threads=1)
        with pytest.warns(DataWarning, match="successive samples are correlated"):
            white = fit_marchenko_pastur(spectrum)
        assert not white.credible
        assert white.n_signal > 0
        found += fit_marchenko_pastur(spectrum, temporal="ar1").n_signal > 0
    # At the nominal 5 % this many or more happen once in a thousand.
    assert found <= binom.isf(1e-3, draws, 0.05)


@pytest.mark.slow
@pytest.mark.parametrize("coefficient", [0.3, 0.5, 0.8, 0.9])
@pytest.mark.parametrize(("n", "p"), [(1000, 100), (400, 200), (300, 400)])
def test_false_positives_stay_at_the_nominal_level(n, p, coefficient):
    rng = np.random.default_rng(14)
    draws = 300
    found = 0
    for _ in range(draws):
        spectrum = covariance_spectrum(autoregressive(rng, n, p, coefficient), threads=1)
        found += fit_marchenko_pastur(spectrum, temporal="ar1").n_signal > 0
    assert found <= binom.isf(1e-3, draws, 0.05)


@pytest.mark.parametrize(("n", "p", "coefficient", "draws"), [(400, 200, 0.95, 12), (200, 300, 0.9, 12)])
def test_strong_correlation_is_not_mistaken_for_another_one(n, p, coefficient, draws):
    # The bulk hardly spreads any further there: its quartiles say little about the coefficient.
    found, doubtful = 0, 0
    for seed in range(draws):
        spectrum = covariance_spectrum(autoregressive(np.random.default_rng([0, seed]), n, p, coefficient), threads=1)
        fit = fit_marchenko_pastur(spectrum, temporal="ar1")
        found += fit.n_signal > 0
        doubtful += not fit.credible
    assert found <= binom.isf(1e-3, draws, 0.05)
    assert doubtful <= binom.isf(1e-3, draws, 0.01)


@pytest.mark.parametrize(("n", "p", "coefficient"), [(300, 60, 0.9), (400, 200, 0.5), (150, 200, 0.8), (300, 60, 0.0)])
def test_true_law_is_credible(n, p, coefficient):
    rng = np.random.default_rng(15)
    draws = 20
    doubtful = np.zeros(3, dtype=int)
    for _ in range(draws):
        spectrum = covariance_spectrum(autoregressive(rng, n, p, coefficient), threads=1)
        plain = fit_marchenko_pastur(spectrum.eigenvalues, n_samples=n - 1, n_features=p, temporal=coefficient)
        fits = [plain, *(fit_marchenko_pastur(spectrum, temporal=temporal) for temporal in ("ar1", coefficient))]
        doubtful += [not fit.credible for fit in fits]
    # At most 5 %; the nominal level is 1 %.
    assert np.all(doubtful <= 1)


@pytest.mark.parametrize(("coefficient", "assumed"), [(0.0, 0.9), (0.0, 0.4), (0.8, 0.6), (0.5, 0.7)])
def test_wrong_law_is_doubted(coefficient, assumed):
    data = autoregressive(np.random.default_rng(0), 400, 100, coefficient)
    values = np.linalg.eigvalsh(np.cov(data.T))
    fit = fit_marchenko_pastur(values, n_samples=399, n_features=100, temporal=assumed)
    assert fit.goodness < 0.01
    assert not fit.credible
    assert any("does not follow the law of noise correlated in this way" in reason for reason in fit.reasons)
    assert (
        not fit_marchenko_pastur(
            values[-20:], n_samples=399, n_features=100, temporal=assumed, total_variance=values.sum()
        ).goodness
        >= 0
    )


def test_features_of_unequal_variance_are_not_called_signals():
    rng = np.random.default_rng(16)
    data = rng.standard_normal((400, 100)) * np.exp(0.8 * rng.standard_normal(100))
    fit = fit_marchenko_pastur(covariance_spectrum(data, threads=1), temporal="ar1")
    assert not fit.credible
    assert "or of unequal variance" in fit.reasons[0]
    assert "does not follow the law" in fit.reasons[1]


@pytest.mark.filterwarnings("ignore:the noise power still rises")  # Of 20 time constants or less.
def test_mean_takes_the_lowest_frequency_with_it():
    rng = np.random.default_rng(17)
    n, p, coefficient = 150, 300, 0.9
    data = autoregressive(rng, n, p, coefficient)
    centered, raw = (covariance_spectrum(data, center=center, threads=1) for center in (True, False))
    power = noise_power_spectrum(data)
    for temporal in (coefficient, "ar1", power):
        # Without the 1 - 19 / 150 that is left of the variance of centred data it would be 0.88.
        for spectrum in (centered, raw):
            variance = fit_marchenko_pastur(spectrum, temporal=temporal).variance
            assert variance.value == pytest.approx(1, abs=0.05)
    by_spectrum = fit_marchenko_pastur(centered, temporal=power)
    by_values = fit_marchenko_pastur(centered.eigenvalues, n_samples=n - 1, n_features=p, temporal=power)
    assert by_values.variance.value == pytest.approx(by_spectrum.variance.value, rel=1e-10)


def test_signals_in_ar1_noise_are_found_and_debiased():
    rng = np.random.default_rng(6)
    n, p, coefficient = 800, 100, 0.6
    strengths = np.array([20.0, 12.0, 7.0])
    patterns = np.linalg.qr(rng.standard_normal((p, 3)))[0]
    counts, signals, variances = [], [], []
    for _ in range(20):
        courses = autoregressive(rng, n, 3, coefficient)
        courses = np.linalg.qr(courses - courses.mean(axis=0))[0] * np.sqrt(n - 1)
        data = autoregressive(rng, n, p, coefficient) + courses * np.sqrt(strengths) @ patterns.T
        fit = fit_marchenko_pastur(covariance_spectrum(data, threads=1), temporal="ar1")
        counts.append(fit.n_signal)
        signals.append(fit.signal_eigenvalues[:3] - fit.variance.value)
        variances.append(fit.variance.value)
    assert np.mean(np.equal(counts, 3)) >= 0.8
    np.testing.assert_allclose(np.mean(signals, axis=0), strengths, rtol=0.06)
    assert np.mean(variances) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("signal_correlation", [0.0, 0.99])
def test_signals_that_pull_the_autocorrelation_are_noticed(signal_correlation):
    rng = np.random.default_rng(8)
    n, p, coefficient = 500, 80, 0.7
    noise = autoregressive(rng, n, p, coefficient)
    signal = 20 * autoregressive(rng, n, 1, signal_correlation) * rng.standard_normal(p)
    spectrum = covariance_spectrum(noise + signal, threads=1)
    assert abs(spectrum.lag_one_autocorrelation - coefficient) > 0.2
    fit = fit_marchenko_pastur(spectrum, temporal="ar1")
    assert fit.n_signal == 1
    assert "signals with a correlation of their own" in fit.reasons[0]
    assert fit.variance.value == pytest.approx(1, abs=0.05)
    measured = fit_marchenko_pastur(spectrum, temporal=noise_power_spectrum(noise + signal, n_signal=1))
    assert measured.n_signal == 1


def test_fit_by_number_and_by_power_spectrum_agree_and_scale(tmp_path):
    rng = np.random.default_rng(7)
    data = autoregressive(rng, 500, 80, 0.5)
    values = np.linalg.eigvalsh(data.T @ data / 500)
    by_number = fit_marchenko_pastur(values, n_samples=500, n_features=80, temporal=0.5)
    power = ar1_power_spectrum(0.5, 512)
    by_power = fit_marchenko_pastur(values, n_samples=500, n_features=80, temporal=power)
    assert by_number.n_signal == by_power.n_signal == 0
    assert by_number.edges[1] == pytest.approx(by_power.edges[1], rel=1e-10)
    for scale in (1e150, 1e-150):
        scaled = fit_marchenko_pastur(values * scale, n_samples=500, n_features=80, temporal=power)
        assert scaled.upper_edge_threshold == pytest.approx(by_power.upper_edge_threshold * scale, rel=1e-10)
        np.testing.assert_allclose(scaled.p_values, by_power.p_values, rtol=1e-8)
    single = fit_marchenko_pastur(values.astype(np.float32), n_samples=500, n_features=80, temporal=power)
    assert single.variance.value == pytest.approx(by_power.variance.value, rel=1e-6)
    top = fit_marchenko_pastur(values[-20:], n_samples=500, n_features=80, total_variance=values.sum(), temporal=power)
    assert top.variance.value == pytest.approx(by_power.variance.value, rel=1e-12)
    by_power.save(tmp_path / "fit.npz")
    loaded = MarchenkoPasturFit.load(tmp_path / "fit.npz")
    assert loaded == by_power
    assert loaded.law.support[-1, 1] == pytest.approx(by_power.edges[1], rel=1e-12)


def test_wrong_input_is_explained():
    values = np.linspace(1, 2, 10)
    with pytest.raises(InvalidInputError, match="lag-one autocorrelation"):
        fit_marchenko_pastur(values, n_samples=30, n_features=10, temporal="ar1")
    with pytest.raises(InvalidInputError, match="ar1"):
        fit_marchenko_pastur(values, n_samples=30, n_features=10, temporal="ar2")
    with pytest.raises(InvalidInputError, match="negative"):
        fit_marchenko_pastur(values, n_samples=30, n_features=10, temporal=[1, -1])
    with pytest.raises(InvalidInputError, match="kritchman_nadler"):
        fit_marchenko_pastur(values, n_samples=30, n_features=10, temporal=0.5, method="median")
    with pytest.raises(InvalidInputError, match="slow drifts"):
        CorrelatedMarchenkoPastur.autoregressive(1.0, 0.5)
    with pytest.raises(InvalidInputError, match="no variance"):
        CorrelatedMarchenkoPastur([0, 0], 0.5)
    with pytest.raises(InvalidInputError, match="variance must be"):
        CorrelatedMarchenkoPastur([1], 0.5, 0)
    with pytest.raises(InvalidInputError, match="do not vary"):
        noise_power_spectrum(np.ones((100, 3)))
    with pytest.raises(InvalidInputError, match="do not vary"):
        noise_power_spectrum(np.full((100, 3), 0.1))
    data = np.random.default_rng(1).standard_normal((50, 5))
    for n_signal in (5, -1, 1.5, "2"):
        with pytest.raises(InvalidInputError, match="n_signal must be an integer from 0 to 4"):
            noise_power_spectrum(data, n_signal=n_signal)
    for dtype in (np.float64, np.float32):
        with pytest.raises(InvalidInputError, match="without 2 components nothing but rounding is left"):
            noise_power_spectrum(np.hstack([data[:, :2]] * 3).astype(dtype), n_signal=2)
    with pytest.raises(InvalidInputError, match="needs 4 samples"):
        noise_power_spectrum(np.eye(3))
    with pytest.raises(InvalidInputError, match="between -1 and 1"):
        ar1_coefficient(1.5, 100)


@pytest.mark.parametrize("of_signals", [0.0, 0.8])
def test_intervals_of_the_variance_allow_for_slow_signals(of_signals):
    n, p, k = 400, 60, 3
    covered = 0
    for seed in range(100):
        rng = np.random.default_rng([3, seed])
        loadings = np.linalg.qr(rng.standard_normal((p, k)))[0]
        noise, signals = (
            lfilter([1], [1, -phi], rng.standard_normal((n + 200, size)), axis=0)[200:] * np.sqrt(1 - phi**2)
            for phi, size in ((0.8, p), (of_signals, k))
        )
        data = noise + np.sqrt(50) * signals @ loadings.T
        low, high = fit_marchenko_pastur(covariance_spectrum(data), temporal=0.8).variance.interval
        covered += low <= 1 <= high
    assert covered >= binom.ppf(0.001, 100, 0.95)


def test_leading_eigenvalues_that_are_all_signals_leave_no_error_bar():
    data = lfilter([1], [1, -0.6], np.random.default_rng(0).standard_normal((300, 80)), axis=0)
    data[:, :8] *= np.arange(20, 4, -2)
    with pytest.warns(DataWarning, match="all 4 eigenvalues given are signals"):
        fit = fit_marchenko_pastur(covariance_spectrum(data, k=4), temporal=0.6)
    assert np.isnan(fit.variance.stderr)
    assert not fit.credible
