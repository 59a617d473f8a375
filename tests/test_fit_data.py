"""Noise fits of data as they come: regressed, scaled, copied, with constant features and missing values, or few."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from eigenscope import covariance_spectrum, fit_marchenko_pastur
from eigenscope.errors import DataWarning, InvalidInputError
from eigenscope.random_matrix import john_test
from scipy.stats import binom


def test_regressors_take_samples_and_no_features():
    n, p, q = 200, 60, 5
    values, covered = [], 0
    for seed in range(100):
        generator = np.random.default_rng(seed)
        basis = np.linalg.qr(generator.standard_normal((n, q)))[0]
        data = generator.standard_normal((n, p))
        data -= basis @ (basis.T @ data)
        eigenvalues = np.linalg.eigvalsh(data.T @ data / n)
        variance = fit_marchenko_pastur(eigenvalues, n_samples=n, n_features=p, n_regressors=q).variance
        values.append(variance.value)
        covered += variance.interval[0] <= 1 <= variance.interval[1]
    assert abs(np.mean(values) - 1) < 4 * math.sqrt(2 / (n * p) / 100)
    assert covered >= binom.ppf(0.001, 100, 0.95)
    with pytest.raises(InvalidInputError, match="n_regressors=5"):
        fit_marchenko_pastur(eigenvalues, n_samples=n, n_features=p, n_removed=q)
    with pytest.raises(InvalidInputError, match="n_regressors must be"):
        fit_marchenko_pastur(eigenvalues, n_samples=n, n_features=p, n_regressors=199)


def test_features_that_do_not_vary_are_named():
    data = np.random.default_rng(0).standard_normal((200, 60))
    data[:, :10] = 3.3
    with pytest.warns(DataWarning, match="10 of 60 features do not vary"):
        assert not fit_marchenko_pastur(covariance_spectrum(data)).credible


def test_missing_values_are_named():
    data = np.random.default_rng(0).standard_normal((300, 60))
    assert not covariance_spectrum(data, nan="pairwise").is_pairwise
    data[::7, ::3] = np.nan
    with pytest.warns(DataWarning, match="values are missing"):
        assert not fit_marchenko_pastur(covariance_spectrum(data, nan="pairwise")).credible


def test_threshold_and_variance_belong_together_when_only_rounding_is_left():
    data = np.random.default_rng(0).standard_normal((100, 40))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        fit = fit_marchenko_pastur(covariance_spectrum(np.hstack([data, data])))
    assert fit.upper_edge_threshold < 100 * fit.variance.value
    assert not fit.credible


def test_correlations_of_white_noise_pass_for_white():
    p_values = [
        john_test(covariance_spectrum(np.random.default_rng(seed).standard_normal((60, 40)), scale=True)).p_value
        for seed in range(200)
    ]
    for level in (0.05, 0.5):
        low, high = binom.ppf([0.001, 0.999], 200, level)
        assert low <= np.count_nonzero(np.array(p_values) <= level) <= high


@pytest.mark.parametrize("shape", [(30, 20), (20, 30)])
def test_intervals_of_a_strong_signal_hold_in_few_samples(shape):
    n, p = shape
    covered = 0
    for seed in range(300):
        data = np.random.default_rng([1, seed]).standard_normal(shape)
        data[:, 0] *= 100.0
        eigenvalues = np.linalg.svd(data, compute_uv=False) ** 2 / n
        low, high = fit_marchenko_pastur(eigenvalues, n_samples=n, n_features=p).signals[0].interval
        covered += low <= 1e4 <= high
    # Of the logarithm of a chi-square number of 20 degrees of freedom 94 % are in; of the number itself, 91 %.
    assert covered >= binom.ppf(0.001, 300, 0.94)
