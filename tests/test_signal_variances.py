"""Signal variances and their exponent are those of the population, where raw eigenvalues are biased."""

import dataclasses

import eigenscope
import numpy as np
import pytest
from eigenscope.errors import InvalidInputError
from eigenscope.testing import recording


def fit(n_samples: int, n_features: int, signal: np.ndarray, seed: int = 0):
    X = recording(n_samples, n_features, population_eigenvalues=signal, noise_variance=1.0, rng=seed).data
    spectrum = dataclasses.replace(eigenscope.covariance_spectrum(X), lag_one_autocorrelation=float("nan"))
    return spectrum, spectrum.fit_marchenko_pastur()


@pytest.mark.parametrize(("n_samples", "n_features"), [(2000, 200), (500, 250), (200, 800)])
def test_spikes_are_recovered_without_bias(n_samples: int, n_features: int) -> None:
    # A spike of variance s has relative error sqrt(2/n) times about 1 over the ten seeds' mean.
    signal = np.array([200.0, 100.0, 50.0]) * max(1.0, n_features / n_samples)
    found = [
        eigenscope.signal_variances(spectrum, noise=noise)[:3]
        for spectrum, noise in (fit(n_samples, n_features, signal, seed) for seed in range(10))
    ]
    error = np.mean(found, axis=0) / signal - 1
    assert np.all(np.abs(error) < 4 * np.sqrt(2 / n_samples / 10))


def test_exponent_interval_covers_the_truth_where_the_raw_one_does_not() -> None:
    signal = 300 * np.arange(1, 51) ** -1.0
    covered, raw = 0, []
    for seed in range(12):
        spectrum, noise = fit(1500, 300, signal, seed)
        last = min(noise.n_signal, 50)
        low, high = eigenscope.fit_signal_power_law(spectrum, noise=noise, ranks=(11, last)).interval
        covered += low < 1 < high
        raw.append(spectrum.fit_power_law(ranks=(11, last)).exponent)
    assert covered >= 9
    assert np.mean(raw) < 0.97


def test_needs_all_eigenvalues_and_ranks_above_noise() -> None:
    spectrum, noise = fit(400, 100, np.array([50.0, 20.0]))
    with pytest.raises(InvalidInputError, match="reach into the noise"):
        eigenscope.fit_signal_power_law(spectrum, noise=noise, ranks=(1, 50))
    X = np.random.default_rng(0).standard_normal((400, 100))
    with pytest.raises(InvalidInputError, match="all eigenvalues"):
        eigenscope.signal_variances(eigenscope.covariance_spectrum(X, k=5), noise=noise)


def test_no_signal_gives_no_variances() -> None:
    X = np.random.default_rng(0).standard_normal((400, 100))
    spectrum = eigenscope.covariance_spectrum(X)
    noise = spectrum.fit_marchenko_pastur()
    assert noise.n_signal == 0
    assert eigenscope.signal_variances(spectrum, noise=noise).shape == (0,)
