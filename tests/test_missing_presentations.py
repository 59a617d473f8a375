"""Repeats with presentations missing: no noise is taken for signal, and drift of the means is fitted or reported."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from eigenscope.errors import DataWarning, InvalidInputError
from eigenscope.neural import cvpca, fit_power_law_moments, signal_statistics
from eigenscope.neural.repeat_offsets import RepeatOffsets
from eigenscope.neural.repeats import random_halves


def recording(seed, n_repeats, n_stimuli, n_left, *, signal=0.0, drift=0.0, n_neurons=20):
    """Noise of unit variance, signal, a mean of its own for every repeat; `n_left` presentations of each stimulus."""
    generator = np.random.default_rng(seed)
    X = generator.standard_normal((n_repeats, n_stimuli, n_neurons))
    X += np.sqrt(signal) * generator.standard_normal((n_stimuli, n_neurons))
    X += drift * generator.standard_normal((n_repeats, 1, n_neurons))
    for stimulus in range(n_stimuli):
        X[generator.choice(n_repeats, n_repeats - n_left, replace=False), stimulus] = np.nan
    return X


@pytest.mark.parametrize("signal", [0.0, 0.25])
@pytest.mark.parametrize("drift", [0.0, 3.0])
@pytest.mark.parametrize(("n_repeats", "n_left"), [(6, 4), (6, 2), (3, 2)])
def test_the_total_of_the_signal_is_unbiased(n_repeats, n_left, drift, signal):
    totals = [
        cvpca(recording(s, n_repeats, 40, n_left, signal=signal, drift=drift), nan="omit", rng=0).total_variance / 20
        for s in range(60)
    ]
    assert abs(np.mean(totals) - signal) < 4.0 * np.std(totals) / np.sqrt(60)


def test_offsets_are_those_of_least_squares_and_their_noise_is_known():
    generator = np.random.default_rng(0)
    present = generator.random((4, 12)) < 0.7
    present[:2] = True
    offsets = RepeatOffsets.of(present)
    repeat, stimulus = np.nonzero(present)
    design = np.zeros((len(repeat), 16))
    design[np.arange(len(repeat)), repeat] = 1.0
    design[np.arange(len(repeat)), 4 + stimulus] = 1.0
    x = generator.standard_normal(present.shape)
    fitted = np.linalg.lstsq(design, x[present], rcond=None)[0]
    # Only sums of a number per repeat and one per stimulus are determined: the stimuli's have mean zero here.
    wanted = fitted[:4] + fitted[4:].mean()
    np.testing.assert_allclose(offsets.weights @ np.where(present, x, 0.0).ravel(), wanted, atol=1e-12)
    assert offsets.n_residual == present.sum() - np.linalg.matrix_rank(design)
    centring = np.diag(present.ravel().astype(float))
    centring -= present.ravel()[:, None] * np.repeat(np.eye(4), 12, axis=0) @ offsets.weights
    first, second = random_halves(present, generator)
    noise = np.diag(present.ravel().astype(float))
    shared = (first @ centring) @ noise @ (second @ centring).T
    np.testing.assert_allclose(offsets.shared_noise(first, second), shared, atol=1e-12)


def test_the_noise_variance_is_that_of_the_residuals():
    X = recording(0, 5, 300, 3, signal=2.0, drift=1.0)
    present = ~np.isnan(X[:, :, 0])
    offsets = RepeatOffsets.of(present)
    centred = np.where(present[:, :, None], X, 0.0).reshape(-1, 20)
    centred -= present.ravel()[:, None] * np.repeat(offsets.weights @ centred, 300, axis=0)
    found = offsets.noise_variance(centred @ centred.T)
    assert abs(found / 20 - 1) < 4 * np.sqrt(2 / (offsets.n_residual * 20))


@pytest.mark.parametrize("scale", [1.0, 1e140])
@pytest.mark.parametrize("analysis", [signal_statistics, fit_power_law_moments])
def test_drift_beside_missing_presentations_is_reported(analysis, scale):
    with pytest.warns(DataWarning, match="means of the repeats differ"):
        analysis(scale * recording(0, 4, 100, 3, signal=1.0, drift=1.0), nan="omit")


def test_noise_alone_is_not_reported_as_drift():
    warned = 0
    for seed in range(40):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            signal_statistics(recording(seed, 4, 60, 3, signal=1.0), nan="omit")
        warned += any("means of the repeats differ" in str(w.message) for w in caught)
    assert warned <= 1


def test_a_repeat_without_presentations_changes_nothing():
    X = recording(1, 3, 40, 3, signal=1.0)
    X[2] = np.nan
    with_it, without = cvpca(X, nan="omit", n_shuffles=0), cvpca(X[:2], n_shuffles=0)
    np.testing.assert_allclose(with_it.eigenvalues, without.eigenvalues, atol=1e-10)


def test_too_few_presentations_to_tell_drift_from_noise_are_refused():
    X = np.full((12, 6, 5), np.nan)
    X[np.arange(12), np.arange(12) // 2] = np.random.default_rng(0).standard_normal((12, 5))
    assert np.isfinite(cvpca(X, nan="omit", rng=0, center="halves").eigenvalues).all()
    with pytest.raises(InvalidInputError, match="too many presentations are missing"):
        cvpca(X, nan="omit", rng=0)
