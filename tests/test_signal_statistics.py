"""Signal fraction, signal-to-noise ratio and decoding; how spontaneous activity is read."""

from __future__ import annotations

import numpy as np
import pytest
from eigenscope.errors import InvalidInputError, NonFiniteInputError, UnsupportedTypeError
from eigenscope.neural import remove_spontaneous, signal_statistics, split_repeats


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


def test_neurons_constant_in_one_repeat_count_in_no_average():
    X1, X2 = draw(0.1, np.random.default_rng(5), 60, 12)
    X1[:, 4] = 1.0
    varies = np.arange(12) != 4
    found, without = signal_statistics(X1, X2), signal_statistics(X1[:, varies], X2[:, varies])
    assert np.isnan(found.snrs[4])
    assert np.isnan(found.signal_fractions[4])
    np.testing.assert_allclose(found.snrs[varies], without.snrs, rtol=1e-12)
    for name in ("snr", "signal_fraction", "decoding_accuracy"):
        pair = getattr(found, name), getattr(without, name)
        for number in ("value", "stderr"):
            assert getattr(pair[0], number) == pytest.approx(getattr(pair[1], number), rel=1e-10)


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


def test_responses_beside_spontaneous_activity_are_read_like_any_data():
    generator = np.random.default_rng(6)
    responses, spontaneous = generator.standard_normal((2, 6, 8)), generator.standard_normal((50, 8))
    expected = remove_spontaneous(responses, spontaneous, n_components=2)
    for same in (list(responses), responses.tolist(), np.ma.masked_array(responses)):
        np.testing.assert_array_equal(remove_spontaneous(same, spontaneous, n_components=2), expected)
    mask = np.zeros(responses.shape, dtype=bool)
    mask[1, 2, 3] = True
    masked = np.ma.masked_array(responses, mask=mask)
    for wrong in (masked, masked[1], list(masked)):
        with pytest.raises(InvalidInputError, match="are masked"):
            remove_spontaneous(wrong, spontaneous, n_components=2)
    with pytest.raises(InvalidInputError, match="are masked"):
        remove_spontaneous(responses, np.ma.masked_array(spontaneous, mask=spontaneous > 1), n_components=2)
    with pytest.raises(UnsupportedTypeError, match="not numeric data"):
        remove_spontaneous(responses.astype("U32"), spontaneous)


@pytest.mark.parametrize(
    ("responses", "options", "message"),
    [
        (np.ones((0, 6, 8)), {}, "empty"),
        (np.ones(8), {}, "two-dimensional"),
        ([np.ones((6, 8)), np.ones((5, 8))], {}, "one shape"),
        (np.ones((6, 8)), {"scale": "no"}, "scale must be True or False"),
        (np.ones((6, 8)), {"n_components": None}, "n_components"),
    ],
)
def test_responses_beside_spontaneous_activity_are_refused_with_a_reason(responses, options, message):
    spontaneous = np.random.default_rng(7).standard_normal((50, 8))
    with pytest.raises(InvalidInputError, match=message):
        remove_spontaneous(responses, spontaneous, **{"n_components": 2, **options})
