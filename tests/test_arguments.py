"""Plain arguments of the wrong type are refused by name, whichever function takes them."""

from __future__ import annotations

import eigenscope
import eigenscope.neural as neural
import numpy as np
import pytest
from eigenscope.arguments import is_real_number, is_whole_number
from eigenscope.errors import InvalidInputError

X, Y = np.random.default_rng(0).standard_normal((2, 40, 9))
VALUES = 1 / np.arange(1, 31.0)
CURVE = neural.learning_curve(VALUES, VALUES, [5, 10])


def test_truth_values_text_and_nan_are_no_numbers():
    for value in (True, np.True_, "1", None, np.nan, np.inf, [1.0], 1j):
        assert not is_real_number(value)
        assert not is_whole_number(value)
    for value in (1, np.int8(1), 1.0, np.float32(1)):
        assert is_whole_number(value)


@pytest.mark.parametrize("confidence", ["a", None, 0, 1, True, np.nan, [0.9]])
@pytest.mark.parametrize(
    "use",
    [
        lambda c: eigenscope.fit_power_law(VALUES, confidence=c),
        lambda c: eigenscope.participation_ratio(VALUES, confidence=c),
        lambda c: eigenscope.trace(np.eye(3), confidence=c),
        lambda c: neural.participation_ratio(X, confidence=c),
        lambda c: neural.signal_statistics(X, Y, confidence=c),
        lambda c: neural.kernel_alignment(X, Y, confidence=c),
        lambda c: neural.svcca(X, Y, confidence=c),
        lambda c: neural.shape_distance(X, Y, confidence=c),
    ],
)
def test_confidence_is_a_number_between_zero_and_one(use, confidence):
    with pytest.raises(InvalidInputError, match="confidence must be a number between 0 and 1"):
        use(confidence)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: neural.pairwise_distances(5, 3), "systems must be a list of arrays, got a int"),
        (lambda: neural.pairwise_distances([X, Y], True), "k must be a positive integer, got True"),
        (lambda: neural.pairwise_distances([X, Y], 3, alpha="a"), "alpha must be a number from 0 to 1, got 'a'"),
        (lambda: neural.shape_distance(X, Y, alpha=None), "alpha must be a number from 0 to 1, got None"),
        (lambda: neural.cca(X, Y, ridge="a"), "ridge must be a number from 0 to 1, got 'a'"),
        (lambda: neural.svcca(X, Y, variance="a"), r"variance must be a number in \(0, 1\], got 'a'"),
        (lambda: neural.simulate_random_features(True, 10, dimension=3), "integer"),
        (lambda: neural.wachter_null(2, 5, None), "n_stimuli must be an integer, got None"),
        (lambda: neural.learning_curve(VALUES, VALUES, [5], noise="a"), "noise must be a finite number"),
        (lambda: CURVE.mode_errors(99), "index 99 of 2 training sizes does not exist"),
        (lambda: neural.cross_spectrum(X, Y, X, Y, bins_per_octave=np.inf), "bins_per_octave must be a positive"),
    ],
)
def test_options_are_named(use, message):
    with pytest.raises(InvalidInputError, match=message):
        use()
