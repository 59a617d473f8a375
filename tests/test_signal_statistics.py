"""Signal fraction, signal-to-noise ratio and decoding."""

from __future__ import annotations

import numpy as np
import pytest
from eigenscope.errors import InvalidInputError, NonFiniteInputError
from eigenscope.neural import signal_statistics, split_repeats


def draw(noise, generator, n_stimuli=300, n_neurons=40):
    signal = generator.standard_normal((n_stimuli, n_neurons))
    return tuple(signal + np.sqrt(noise) * generator.standard_normal(signal.shape) for _ in range(2))


@pytest.mark.parametrize("noise", [0.25, 1.0, 4.0])
def test_fractions_and_ratios_are_those_put_in(noise):
    found = signal_statistics(*draw(noise, np.random.default_rng(0)))
    assert found.signal_fraction.value == pytest.approx(1 / (1 + noise), abs=4 * found.signal_fraction.stderr)
    assert found.snr.value == pytest.approx(1 / noise, abs=4 * found.snr.stderr)
    assert found.signal_fraction.stderr < 0.02


def test_per_neuron_values_are_their_definitions():
    X1, X2 = draw(1.0, np.random.default_rng(1))
    found = signal_statistics(X1, X2)
    v1, v2, vn = X1.var(axis=0), X2.var(axis=0), (X1 - X2).var(axis=0) / 2
    np.testing.assert_allclose(found.snrs, (v1 + v2 - 2 * vn) / (2 * vn), rtol=1e-10)
    covariance = ((X1 - X1.mean(axis=0)) * (X2 - X2.mean(axis=0))).mean(axis=0)
    np.testing.assert_allclose(found.signal_fractions, covariance / ((v1 + v2) / 2), rtol=1e-10)
    assert found.signal_fraction.value == pytest.approx(found.signal_fractions.mean())


def test_errors_are_those_seen_over_recordings():
    generator = np.random.default_rng(2)
    found = [signal_statistics(*draw(1.0, generator, 100, 10)) for _ in range(200)]
    for name in ("signal_fraction", "snr"):
        values = np.array([getattr(x, name).value for x in found])
        stderrs = np.array([getattr(x, name).stderr for x in found])
        assert stderrs.mean() == pytest.approx(values.std(), rel=0.2)


def test_decoding_is_perfect_without_noise_and_chance_without_signal():
    generator = np.random.default_rng(3)
    X = generator.standard_normal((100, 30))
    clean = signal_statistics(X, X)
    assert clean.decoding_accuracy.value == 1
    assert clean.decoding_accuracy.interval[0] > 0.9
    assert clean.snr.value == np.inf
    chance = signal_statistics(X, generator.standard_normal((100, 30)))
    assert chance.decoding_accuracy.interval[0] <= 0.01 <= chance.decoding_accuracy.interval[1] or (
        chance.decoding_accuracy.value <= 0.05
    )


@pytest.mark.parametrize("unit", [1e-300, 1e300])
def test_units_do_not_matter(unit):
    X1, X2 = np.random.default_rng(3).standard_normal((2, 50, 8))
    expected, found = signal_statistics(X1, X2), signal_statistics(X1 * unit, X2 * unit)
    for name in ("signal_fraction", "snr", "decoding_accuracy"):
        np.testing.assert_allclose(getattr(found, name).interval, getattr(expected, name).interval, rtol=1e-9)


def test_more_repeats_are_two_averages():
    generator = np.random.default_rng(5)
    signal = generator.standard_normal((200, 30))
    X = signal + np.sqrt(2.0) * generator.standard_normal((4, 200, 30))
    assert signal_statistics(X[:2]) == signal_statistics(X[0], X[1])
    # Averages of two presentations have half the noise.
    found = signal_statistics(X)
    assert found.snr.value == pytest.approx(1, abs=4 * found.snr.stderr)
    X[1, 3] = np.nan
    assert signal_statistics(X, nan="omit") == signal_statistics(*split_repeats(X, nan="omit"))
    with pytest.raises(NonFiniteInputError, match=r'stimulus 3 in repeat 2 .*nan="omit" leaves out presentations'):
        signal_statistics(X)


def test_constant_neurons_count_in_no_average():
    X1, X2 = draw(1.0, np.random.default_rng(4))
    expected = signal_statistics(X1, X2)
    padded = [np.column_stack([X, np.full(len(X), 7.0)]) for X in (X1, X2)]
    found = signal_statistics(*padded)
    assert np.isnan(found.signal_fractions[-1])
    assert found.signal_fraction.value == pytest.approx(expected.signal_fraction.value)
    assert found.decoding_accuracy.value == expected.decoding_accuracy.value
    with pytest.raises(InvalidInputError, match="no neuron varies"):
        signal_statistics(np.ones((10, 3)), np.ones((10, 3)))
    with pytest.raises(InvalidInputError, match="confidence"):
        signal_statistics(X1, X2, confidence=0)
