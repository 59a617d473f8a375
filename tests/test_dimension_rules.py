"""All rules on one recording, and the surrogate data behind some of them."""

from __future__ import annotations

import math

import eigenscope
import numpy as np
import pytest
from eigenscope import dimensionality
from eigenscope.errors import DataWarning, InvalidInputError
from eigenscope.null_spectra import parallel_analysis
from eigenscope.results import Dimensionality
from eigenscope.surrogates import KEEPS_TIME, SURROGATES
from eigenscope.testing import recording
from scipy.stats import binom

COUNTS = ("noise_test", "gavish_donoho", "screenot", "permutation", "sign_flip", "time_shift", "phase")


def slow_noise(n_samples, n_features, autocorrelation, *, seed):
    return recording(
        n_samples,
        n_features,
        population_eigenvalues=[],
        noise_variance=1.0,
        autocorrelation=autocorrelation,
        rng=seed,
    ).data


@pytest.mark.parametrize(("n", "p"), [(400, 60), (150, 300)])
def test_every_rule_finds_strong_signals(n, p, tmp_path):
    X = recording(n, p, population_eigenvalues=[60.0, 45.0, 30.0], noise_variance=1.0, rng=0).data
    before = X.copy()
    found = dimensionality(X, rng=1)
    np.testing.assert_array_equal(X, before)
    for rule in COUNTS:
        assert found[rule].value in (3, 4), rule
    assert found["noise_test"].value == 3
    low, high = found["participation_ratio"].interval
    assert low < found["participation_ratio"].value < high
    assert found == dimensionality(X.T, sample_axis=1, rng=1, threads=1) or found.estimates == tuple(
        dimensionality(X.T, sample_axis=1, rng=1, threads=1).estimates
    )
    found.save(tmp_path / "found.npz")
    assert Dimensionality.load(tmp_path / "found.npz") == found
    assert len(found.to_frame()) == len(found.estimates) == 10
    assert "assumes" in repr(found["screenot"])
    with pytest.raises(KeyError, match="no rule 'kaiser'"):
        found["kaiser"]


def test_noise_has_no_dimensions_and_broken_assumptions_are_named():
    generator = np.random.default_rng(0)
    found = dimensionality(generator.standard_normal((300, 80)), n_surrogates=0, rng=0)
    assert [found[rule].value for rule in COUNTS[:3]] == [0, 0, 0]
    assert found.warnings == ()
    with pytest.warns(DataWarning, match="tails are heavy"):
        heavy = dimensionality(generator.standard_t(2.5, (300, 80)) ** 3, n_surrogates=0)
    assert sum("tails are heavy" in text for text in heavy.warnings) == 1
    # Student's law with four degrees of freedom: most noise tests find a signal in it.
    with pytest.warns(DataWarning, match="tails are heavy"):
        dimensionality(generator.standard_t(4, (200, 100)), n_surrogates=0)
    assert dimensionality(generator.random((200, 100)), n_surrogates=0).warnings == ()
    with pytest.warns(DataWarning, match="lag one"):
        dimensionality(
            recording(300, 80, population_eigenvalues=[], noise_variance=1.0, autocorrelation=0.8, rng=1).data,
            n_surrogates=0,
        )


def test_small_and_constant_data_are_answers():
    tiny = dimensionality(np.random.default_rng(0).standard_normal((6, 4)), n_surrogates=0)
    assert tiny.noise is None
    assert tiny.estimates[0].rule == "participation_ratio"
    huge = dimensionality(1e150 * np.random.default_rng(0).standard_normal((60, 20)), n_surrogates=0)
    assert huge["noise_test"].value == 0
    constant = dimensionality(np.ones((30, 20)), n_surrogates=0)
    assert constant["noise_test"].value == 0
    assert constant.warnings


def test_wrong_levels_are_refused():
    X = np.random.default_rng(0).standard_normal((30, 10))
    with pytest.raises(InvalidInputError, match="significance"):
        dimensionality(X, significance=2)
    with pytest.raises(InvalidInputError, match="n_permutations must be an integer"):
        parallel_analysis(X, n_permutations=20.5)
    with pytest.raises(InvalidInputError, match="use n_permutations=99"):
        dimensionality(X, significance=0.01)


@pytest.mark.parametrize("kind", SURROGATES)
@pytest.mark.parametrize("n_samples", [64, 65])
def test_surrogates_keep_what_they_promise(kind, n_samples):
    block = np.random.default_rng(0).standard_normal((5, n_samples)).cumsum(axis=1)
    before = block.copy()
    surrogate = SURROGATES[kind](block, np.random.default_rng(1))
    np.testing.assert_array_equal(block, before)
    assert surrogate.shape == block.shape
    assert not np.allclose(surrogate, block)
    if kind == "sign_flip":
        np.testing.assert_allclose(np.abs(surrogate), np.abs(block), rtol=1e-13)
        return
    np.testing.assert_allclose(surrogate.mean(axis=1), block.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(surrogate.var(axis=1), block.var(axis=1), rtol=1e-12)
    if kind in KEEPS_TIME:
        power = [np.abs(np.fft.rfft(x - x.mean(axis=1, keepdims=True), axis=1)) for x in (surrogate, block)]
        np.testing.assert_allclose(*power, atol=1e-9 * power[1].max())
    else:
        np.testing.assert_array_equal(np.sort(surrogate, axis=1), np.sort(block, axis=1))


@pytest.mark.parametrize("null", ["time_shift", "phase"])
def test_nulls_that_keep_time_hold_their_level_under_autocorrelation(null):
    draws, found, by_permutation = 40, 0, 0
    for seed in range(draws):
        X = slow_noise(200, 30, 0.8, seed=seed)
        found += parallel_analysis(X, null=null, rng=seed).n_dimensions > 0
        by_permutation += parallel_analysis(X, rng=seed).n_dimensions > 0
    assert found <= binom.ppf(1 - 1e-3, draws, 1 / 21)
    assert by_permutation == draws


def test_sign_flips_bear_samples_of_unequal_noise():
    draws, found = 40, 0
    for seed in range(draws):
        generator = np.random.default_rng(seed)
        X = generator.standard_normal((120, 30)) * generator.lognormal(0, 1, (120, 1))
        found += parallel_analysis(X, null="sign_flip", center=False, rng=seed).n_dimensions > 0
    assert found <= binom.ppf(1 - 1e-3, draws, 1 / 21)


def test_large_recordings_keep_successive_samples():
    X = slow_noise(2000, 60, 0.9, seed=0)
    found = parallel_analysis(X, null="time_shift", max_values=40_000, rng=0)
    assert not found.is_exact
    assert found.n_dimensions == 0
    assert parallel_analysis(X, max_values=40_000, rng=0).n_dimensions > 0
    with pytest.raises(InvalidInputError, match="null must be one of"):
        parallel_analysis(X, null="bootstrap")


def test_is_public():
    assert eigenscope.dimensionality is dimensionality
    with pytest.warns(DataWarning, match="tails are heavy"):
        found = dimensionality(np.diag(np.ones(9)), n_surrogates=0)
    assert math.isnan(found["variance_90"].interval[0])
