"""Noise that is correlated in time: its law against published values and closed forms, and the tests built on it."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from eigenscope import MarchenkoPastur, MarchenkoPasturFit, covariance_spectrum, fit_marchenko_pastur
from eigenscope.errors import DataWarning, InvalidInputError
from eigenscope.random_matrix import CorrelatedMarchenkoPastur, noise_power_spectrum
from eigenscope.random_matrix.temporal import (
    ar1_coefficient,
    ar1_coefficient_of_spread,
    ar1_log_spread,
    ar1_power_spectrum,
)
from scipy.optimize import brentq
from scipy.signal import lfilter
from scipy.stats import binom

EDGES = [
    # ratio, coefficient, edges, coefficient of the Tracy–Widom scale, white edge with n and with n / B samples
    (0.1, 0.5, 0.3861981567, 2.0490796582, 0.761915, 1.7325, 1.9832),
    (0.5, 0.5, 0.0575217378, 4.0430333590, 3.007550, 2.9142, 3.6591),
    (0.2, 0.8, 0.1098448003, 4.3981887828, 3.573248, 2.0944, 3.8202),
    (0.1, 0.9, 0.1186118443, 4.5291890189, 3.765285, 1.7325, 3.9047),
    (0.5, 0.9, 0.0109505650, 13.6855952529, 20.184701, 2.9142, 10.1281),
    (2, 0.5, None, 9.7682862007, 12.157066, 5.8284, 7.9848),
]


def autoregressive(rng, n_samples, n_features, coefficient):
    """Return stationary AR(1) noise of unit variance."""
    innovations = rng.standard_normal((n_samples, n_features))
    innovations[0] /= np.sqrt(1 - coefficient**2)
    return lfilter([1], [1, -coefficient], innovations, axis=0) * np.sqrt(1 - coefficient**2)


@pytest.mark.parametrize(("ratio", "coefficient", "low", "high", "scale", "white", "effective"), EDGES)
def test_edges_of_ar1_noise_match_reference_values(ratio, coefficient, low, high, scale, white, effective):
    law = CorrelatedMarchenkoPastur.autoregressive(coefficient, ratio)
    assert law.support[-1, 1] == pytest.approx(high, abs=6e-11 * high)
    if low is not None:
        assert law.support[0, 0] == pytest.approx(low, abs=6e-11)
    assert law.atom == max(0, 1 - 1 / ratio)
    # Published to a few units of the sixth decimal; the closed form is below.
    assert law.largest_eigenvalue_edge(1000).scale * 1000 ** (2 / 3) == pytest.approx(scale, abs=2e-6)
    redundancy = (1 + coefficient**2) / (1 - coefficient**2)
    assert law.samples_per_effective_sample == pytest.approx(redundancy, rel=1e-12)
    assert law.var() == pytest.approx(ratio * redundancy, rel=1e-12)
    # What the white law would say: too little, with the number of samples and with the effective one.
    assert MarchenkoPastur(ratio).support[1] == pytest.approx(white, abs=6e-5)
    assert MarchenkoPastur(ratio * redundancy).support[1] == pytest.approx(effective, abs=6e-5)


def test_share_of_ar1_noise_beyond_the_white_edge():
    law = CorrelatedMarchenkoPastur.autoregressive(0.9, 0.1)
    # Published as 19.7 % of simulated eigenvalues.
    assert 1 - law.cdf(MarchenkoPastur(0.1).support[1]) == pytest.approx(0.197, abs=0.005)


@pytest.mark.parametrize(
    ("x", "ratio", "coefficient", "density"),
    [
        (1, 0.5, 0.5, 0.3210299071),
        (3, 0.5, 0.5, 0.0764269686),
        (1, 0.1, 0.9, 0.2830548491),
        (0.5, 0.2, 0.8, 0.664005692),
    ],
)
def test_densities_of_ar1_noise_match_reference_values(x, ratio, coefficient, density):
    law = CorrelatedMarchenkoPastur.autoregressive(coefficient, ratio)
    assert law.pdf(x) == pytest.approx(density, abs=6e-11)


@pytest.mark.parametrize(("ratio", "coefficient"), [(0.1, 0.5), (0.5, 0.9), (2, 0.5), (0.3, -0.7), (0.2, 0.99)])
def test_upper_edge_and_its_scale_follow_the_closed_form(ratio, coefficient):
    b = (1 + coefficient**2) / (1 - coefficient**2)

    # z(g) = -1/g + R^-½ with R = 1 + 2 B c g + c² g², and two derivatives.
    def derivatives(g):
        r, r1, r2 = 1 + 2 * b * ratio * g + (ratio * g) ** 2, 2 * ratio * (b + ratio * g), 2 * ratio**2
        return (
            -1 / g + r**-0.5,
            1 / g**2 - 0.5 * r1 * r**-1.5,
            -2 / g**3 + 0.75 * r1**2 * r**-2.5 - 0.5 * r2 * r**-1.5,
        )

    size = abs(coefficient)
    pole = -(1 - size) / ((1 + size) * ratio)
    g = brentq(lambda point: derivatives(point)[1], pole * (1 - 1e-9), pole * 1e-9, xtol=1e-15)
    location, _, curvature = derivatives(g)
    edge = CorrelatedMarchenkoPastur.autoregressive(coefficient, ratio).largest_eigenvalue_edge(1)
    assert edge.location == pytest.approx(location, rel=1e-10)
    assert edge.scale == pytest.approx(np.cbrt(curvature / 2), rel=1e-7)


@pytest.mark.parametrize("ratio", [0.2, 1.0, 3.0])
@pytest.mark.parametrize("variance", [1.0, 1e150, 1e-150])
def test_constant_power_gives_the_white_law(ratio, variance):
    law, white = CorrelatedMarchenkoPastur([7, 7, 7], ratio, variance), MarchenkoPastur(ratio, variance)
    probability = np.linspace(white.atom, 1, 21)[1:-1]
    x = white.ppf(probability)
    np.testing.assert_allclose(law.support[0], white.support, rtol=1e-12, atol=1e-15 * variance)
    np.testing.assert_allclose(law.pdf(x), white.pdf(x), rtol=1e-9)
    np.testing.assert_allclose(law.cdf(x), probability, atol=1e-12)
    np.testing.assert_allclose(law.ppf(probability), x, rtol=1e-8)
    z = variance * np.array([5 + 1j, -1, 0.5 - 0.1j])
    np.testing.assert_allclose(law.stieltjes(z), white.stieltjes(z), rtol=1e-10)
    assert law.cdf(-variance) == 0
    assert law.var() == pytest.approx(white.var())


def test_signal_behind_an_eigenvalue_in_white_noise_is_the_spike_less_the_noise():
    law = CorrelatedMarchenkoPastur([1.0], 0.5)
    np.testing.assert_allclose(law.signal_variance([14 / 3, 3, 1]), [3, 1, np.nan], rtol=1e-12)


def test_filtered_noise_has_as_many_samples_as_frequencies_left():
    law = CorrelatedMarchenkoPastur([0, 1], 0.25)
    white = MarchenkoPastur(0.5)
    np.testing.assert_allclose(law.support[0], white.support, rtol=1e-12)
    assert CorrelatedMarchenkoPastur([0, 1], 2.0).atom == 0.75


def test_law_is_a_value():
    law = CorrelatedMarchenkoPastur([1, 2], 0.5, weights=[3, 1])
    assert pickle.loads(pickle.dumps(law)).pdf(1.0) == law.pdf(1.0)
    assert law.mean() == 1
    assert "samples per effective sample" in repr(law)


def test_power_spectrum_is_that_of_the_noise():
    rng = np.random.default_rng(2)
    data = autoregressive(rng, 4000, 200, 0.6)
    data += np.outer(np.sin(np.arange(4000) / 50), rng.standard_normal(200))
    power = noise_power_spectrum(data, n_signal=1)
    angles = 2 * np.pi * np.fft.fftfreq(len(power))
    truth = (1 - 0.36) / (1.36 - 1.2 * np.cos(angles))
    # 200 features x about 15 segments: 2 % each; the mean and the signal cost the lowest frequencies some power.
    inner = np.abs(angles) > 0.1
    np.testing.assert_allclose(power[inner], truth[inner], rtol=0.15)
    assert power.mean() == pytest.approx(1)


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
    assert "signals pull it" in fit.reasons[0]
    assert fit.variance.value == pytest.approx(1, abs=0.05)
    measured = fit_marchenko_pastur(spectrum, temporal=noise_power_spectrum(noise + signal, n_signal=1))
    assert measured.n_signal == 1


def test_spread_of_eigenvalues_tells_the_coefficient():
    for coefficient in (0.0, 0.4, 0.9):
        found = ar1_coefficient_of_spread(ar1_log_spread(coefficient, 0.3), 0.3)
        assert found == pytest.approx(coefficient, abs=2e-3)


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
    with pytest.raises(InvalidInputError, match="segment_length"):
        noise_power_spectrum(np.eye(10), segment_length=11)
    with pytest.raises(InvalidInputError, match="between -1 and 1"):
        ar1_coefficient(1.5, 100)
