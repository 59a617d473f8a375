"""Optimal shrinkage against published values, closed forms and simulated error."""

from __future__ import annotations

import numpy as np
import pytest
from eigenscope import MarchenkoPastur, fit_marchenko_pastur, optimal_shrinkage, optimal_threshold, svds
from eigenscope.errors import InvalidInputError
from eigenscope.random_matrix import (
    apply_threshold,
    gavish_donoho_rank,
    opt_shrink,
    screenot_threshold,
    shrink_spikes,
)
from eigenscope.random_matrix.general_noise import d_transform, filled_bulk
from eigenscope.random_matrix.shrinkers import denoised_singular_values
from eigenscope.results import Estimate


@pytest.mark.parametrize(
    ("beta", "y", "frobenius", "operator", "nuclear"),
    [
        (0.5, 1.9930434572, 1.0174277788, 1.3797993165, 0.5460232581),
        (1.0, 2.1666666667, 0.8333333333, 1.5, 0.1666666667),
        (0.5, 1.7320508076, 0.2886751346, 0.8660254038, 0.0),
    ],
)
@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e150])
def test_shrinkers_match_reference_values(beta, y, frobenius, operator, nuclear, scale):
    shape, unit = (int(200 * beta), 200), np.sqrt(200) * scale
    for loss, value in (("frobenius", frobenius), ("operator", operator), ("nuclear", nuclear)):
        for sides in (shape, shape[::-1]):
            found = optimal_shrinkage([y * unit], sides, loss=loss, noise=scale) / unit
            assert found == pytest.approx([value], abs=2e-9)


def test_covariance_shrinkers_match_reference_values():
    values = {
        "frobenius": 3.4285714286,
        "entropy": 3.4285714286,
        "operator": 4.0,
        "nuclear": 2.8571428571,
        "stein": 2.5454545455,
        "inverse": 2.5454545455,
        "divergence": 2.9541957835,
    }
    for loss, value in values.items():
        found = shrink_spikes([14 / 3 * 2, 1.0], 0.5, variance=2.0, loss=loss)
        np.testing.assert_allclose(found, [2 * value, 2.0], atol=1e-9)


def test_noise_becomes_zero_and_strong_signals_are_left_alone():
    noise = np.sqrt(MarchenkoPastur(0.5).ppf((np.arange(100) + 0.5) / 100) * 200)
    for loss in ("frobenius", "operator", "nuclear"):
        assert not optimal_shrinkage(noise, (100, 200), loss=loss).any()
        strong = optimal_shrinkage([1e9], (100, 200), loss=loss, noise=1.0)
        assert strong == pytest.approx([1e9], rel=1e-12)
        np.testing.assert_array_equal(optimal_shrinkage([3.0, 1.0], (2, 9), loss=loss, noise=0.0), [3.0, 1.0])


def planted(generator, shape, strengths, noise=1.0):
    m, n = shape
    U, V = (np.linalg.qr(generator.standard_normal((size, len(strengths))))[0] for size in (m, n))
    signal = np.sqrt(max(shape)) * (U * strengths) @ V.T
    return signal, signal + noise * generator.standard_normal(shape)


@pytest.mark.parametrize("shape", [(120, 300), (300, 120)])
def test_no_other_values_on_the_same_vectors_have_less_error(shape):
    signal, data = planted(np.random.default_rng(0), shape, [3.0, 2.0, 1.2])
    U, s, Vh = np.linalg.svd(data, full_matrices=False)
    shrunk = optimal_shrinkage(s, shape)
    error = np.linalg.norm((U * shrunk) @ Vh - signal)
    best = np.linalg.norm((U * np.einsum("ij,ij->j", U, signal @ Vh.T)) @ Vh - signal)
    truncated = np.linalg.norm((U * np.where(s > optimal_threshold(shape, noise=1.0), s, 0)) @ Vh - signal)
    assert best <= error < 1.02 * best
    assert error < 0.95 * truncated
    general = opt_shrink(s, shape, 3)
    assert np.linalg.norm((U * general) @ Vh - signal) < 1.03 * best


def test_factors_stay_factors():
    signal, data = planted(np.random.default_rng(1), (200, 90), [4.0, 2.0])
    before = svds(data, 6, rng=0)
    kept = before.singular_values.copy()
    after = optimal_shrinkage(before, noise=1.0)
    assert (after.U.shape, after.Vh.shape) == ((200, 2), (2, 90))
    np.testing.assert_array_equal(before.singular_values, kept)
    assert np.linalg.norm((after.U * after.singular_values) @ after.Vh - signal) < np.linalg.norm(
        (before.U * before.singular_values) @ before.Vh - signal
    )
    with pytest.raises(InvalidInputError, match=r"6 singular .*: it has 90, and all of them are needed .* \(k=90\)"):
        optimal_shrinkage(before)
    nothing = optimal_shrinkage(before, noise=100.0)
    assert nothing.U.shape == (200, 0)
    assert optimal_shrinkage(nothing, noise=1.0).singular_values.shape == (0,)
    with pytest.raises(InvalidInputError, match=r"shape=\(3, 4\) is not that of the SVDResult, \(200, 90\)"):
        optimal_shrinkage(before, (3, 4), noise=1.0)


def test_factors_under_noise_of_any_spectrum():
    generator = np.random.default_rng(4)
    signal, _ = planted(generator, (150, 300), [6.0, 4.0])
    data = signal + generator.standard_normal((150, 300)) * np.linspace(0.2, 2.5, 150)[:, None]
    full, top = svds(data, 150), svds(data, 10, rng=0)
    after = opt_shrink(full, n_signal=2)
    assert (after.U.shape, after.Vh.shape) == ((150, 2), (2, 300))
    np.testing.assert_allclose(after.singular_values, opt_shrink(full.singular_values, (150, 300), 2)[:2], rtol=1e-13)
    error = np.linalg.norm((after.U * after.singular_values) @ after.Vh - signal)
    white = optimal_shrinkage(full)
    assert error < 0.9 * np.linalg.norm((white.U * white.singular_values) @ white.Vh - signal)
    threshold = screenot_threshold(full, n_signal_bound=5)
    assert threshold == screenot_threshold(full.singular_values, (150, 300), 5)
    kept = apply_threshold(full, threshold)
    np.testing.assert_array_equal(kept.singular_values, full.singular_values[:2])
    np.testing.assert_array_equal(kept.Vh, full.Vh[:2])
    np.testing.assert_array_equal(apply_threshold([1.0, 3.0, 2.0], 2.0), [3.0, 0.0, 0.0])
    for rule in (lambda: opt_shrink(top, n_signal=2), lambda: screenot_threshold(top, n_signal_bound=2)):
        with pytest.raises(InvalidInputError, match=r"10 singular .*it has 150, and all of them are needed to learn"):
            rule()
    with pytest.raises(InvalidInputError, match="pass n_signal="):
        opt_shrink(full)
    with pytest.raises(InvalidInputError, match="pass n_signal_bound="):
        screenot_threshold(full)
    with pytest.raises(InvalidInputError, match="threshold must be"):
        apply_threshold(full, np.nan)


def test_a_variance_is_not_taken_for_a_standard_deviation():
    _, data = planted(np.random.default_rng(5), (200, 90), [12.0, 9.0], noise=3.0)
    values = np.linalg.eigvalsh(data.T @ data / 200)
    fit = fit_marchenko_pastur(values, n_samples=200, n_features=90)
    shrunk = optimal_shrinkage(svds(data, 4, rng=0), noise=fit)
    expected = optimal_shrinkage(svds(data, 4, rng=0), noise=np.sqrt(fit.variance.value))
    np.testing.assert_array_equal(shrunk.singular_values, expected.singular_values)
    assert optimal_threshold((200, 90), noise=fit) == optimal_threshold((200, 90), noise=float(fit.variance) ** 0.5)
    assert gavish_donoho_rank(values, noise=fit, n_samples=200, n_features=90) == 2
    for wrong in (fit.variance, Estimate(1.0)):
        with pytest.raises(InvalidInputError, match=r"are variances: pass noise=fit, or noise=math.sqrt"):
            optimal_shrinkage([40.0], (100, 200), noise=wrong)


def test_no_signal_is_an_answer():
    for values in (np.linspace(0.5, 1.5, 20), np.zeros(20)):
        fit = fit_marchenko_pastur(values, n_samples=100, n_features=20)
        assert fit.n_signal == 0
        assert denoised_singular_values(fit).shape == (0,)
        assert (fit.signals, fit.overlaps()) == ((), ())
    np.testing.assert_array_equal(optimal_shrinkage(np.zeros(3), (3, 4)), np.zeros(3))
    np.testing.assert_array_equal(opt_shrink(np.zeros(3), (3, 4), 1), np.zeros(3))


def test_a_fit_denoises():
    _, data = planted(np.random.default_rng(2), (300, 100), [3.0, 2.0], noise=2.0)
    values = np.linalg.eigvalsh(data.T @ data / 300)
    fit = fit_marchenko_pastur(values, n_samples=300, n_features=100)
    shrunk = denoised_singular_values(fit)
    assert len(shrunk) == fit.n_signal == 2
    noise = np.sqrt(fit.variance.value)
    np.testing.assert_allclose(
        shrunk, optimal_shrinkage(np.sqrt(300 * values[:-3:-1]), (300, 100), noise=noise), rtol=1e-12
    )


@pytest.mark.parametrize(("beta", "limit"), [(0.25, 1.758026), (0.5, 1.978593), (1.0, 2.309387)])
def test_screenot_on_exact_quantiles_matches_reference_values(beta, limit):
    p = 2000
    noise = np.sqrt(MarchenkoPastur(beta).ppf((np.arange(p) + 0.5) / p))
    for scale in (1e-150, 1.0, 1e150):
        found = screenot_threshold(noise * scale, (p, round(p / beta)), 0) / scale
        assert found == pytest.approx(limit, abs=2e-6)


def test_screenot_bears_signals_at_any_scale():
    _, data = planted(np.random.default_rng(3), (150, 300), [8.0, 5.0, 3.0])
    s = np.linalg.svd(data, compute_uv=False)
    expected = optimal_threshold((150, 300), noise=1.0)
    for scale in (1e-8, 1e8):
        assert screenot_threshold(s * scale, (150, 300), 10) / scale == pytest.approx(expected, rel=0.03)
    with pytest.raises(InvalidInputError, match="at most 74"):
        screenot_threshold(s, (150, 300), 75)
    with pytest.raises(InvalidInputError, match="fill must be"):
        filled_bulk(s, 3, "median")
    assert screenot_threshold(np.zeros(4), (4, 5), 1) == 0


def test_d_transform_of_white_noise_is_the_closed_form():
    p, beta, x = 20000, 0.5, 1.5
    noise = np.sqrt(MarchenkoPastur(beta).ppf((np.arange(p) + 0.5) / p))
    found = d_transform([1.9930434572], noise, beta)
    assert found.strength == pytest.approx([x], abs=1e-5)
    assert found.short_overlap == pytest.approx([0.7373737374], abs=1e-5)
    assert found.long_overlap == pytest.approx([0.6239316239], abs=1e-5)
    assert found.optimal == pytest.approx([1.0174277788], abs=1e-5)


def test_opt_shrink_under_correlated_noise_beats_the_white_rule():
    generator = np.random.default_rng(4)
    signal, _ = planted(generator, (150, 300), [6.0, 4.0])
    data = signal + generator.standard_normal((150, 300)) * np.linspace(0.2, 2.5, 150)[:, None]
    U, s, Vh = np.linalg.svd(data, full_matrices=False)
    errors = {
        "white": np.linalg.norm((U * optimal_shrinkage(s, (150, 300))) @ Vh - signal),
        "general": np.linalg.norm((U * opt_shrink(s, (150, 300), 2)) @ Vh - signal),
    }
    assert errors["general"] < 0.9 * errors["white"]
    np.testing.assert_allclose(opt_shrink(s * 1e-100, (150, 300), 2) * 1e100, opt_shrink(s, (150, 300), 2), rtol=1e-9)
    for loss in ("operator", "nuclear"):
        assert np.count_nonzero(opt_shrink(s, (150, 300), 2, loss=loss)) == 2
    assert not opt_shrink(np.ones(6), (6, 9), 2).any()


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([1.0], (3, 4)), {"loss": "median"}, "loss must be one of"),
        (([1.0],), {}, "pass shape="),
        (([1.0], 5), {"noise": 1.0}, "two sizes"),
        (([1.0], (3, None)), {"noise": 1.0}, "two sizes"),
        (([1.0, -2.0], (3, 4)), {"noise": 1.0}, "negative"),
        (([1.0, np.nan], (3, 4)), {"noise": 1.0}, "NaN"),
        (([1.0] * 4, (3, 4)), {"noise": 1.0}, "it has 3"),
        (([1.0] * 2, (3, 4)), {}, "pass noise="),
        (([1.0] * 3, (3, 4)), {"noise": -1.0}, "standard deviation"),
        (([1.0] * 3, (3, 4)), {"noise": "a"}, "standard deviation"),
    ],
)
def test_wrong_arguments_are_refused(arguments, options, message):
    with pytest.raises(InvalidInputError, match=message):
        optimal_shrinkage(*arguments, **options)


@pytest.mark.parametrize("loss", ["frobenius", "operator", "nuclear"])
def test_values_far_above_the_noise_are_left_as_they_are(loss):
    np.testing.assert_allclose(optimal_shrinkage([1e155], (5, 10), noise=1e-2, loss=loss), [1e155])
    np.testing.assert_allclose(optimal_shrinkage([5.0], (5, 10), noise=1e-155, loss=loss), [5.0])


@pytest.mark.parametrize("value", [1e13, 1e16, 1e100, 1e300])
def test_losses_of_likelihoods_keep_their_digits_for_strong_spikes(value):
    # ℓ s² tends to c: a sine from 1 - cos² has no digit left.
    for loss, factor in (("stein", 2 / 3), ("inverse", 2 / 3), ("divergence", np.sqrt(2 / 3)), ("frobenius", 1.0)):
        assert shrink_spikes([value], 0.5, loss=loss)[0] / value == pytest.approx(factor, rel=1e-12)
