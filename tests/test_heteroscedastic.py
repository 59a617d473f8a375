"""Noise of unequal variance: scales found, rank right, and data that cannot be scaled."""

from __future__ import annotations

import numpy as np
import pytest
from eigenscope import GeneralizedMarchenkoPastur, MarchenkoPastur
from eigenscope.errors import ConvergenceWarning, InvalidInputError, NonFiniteInputError
from eigenscope.random_matrix import NoiseEqualization, biwhiten, dyson_equalizer
from scipy.stats import binom


def unequal_noise(rng, m, n, spread=0.8):
    rows, columns = rng.lognormal(sigma=spread, size=m), rng.lognormal(sigma=spread, size=n)
    return rng.standard_normal((m, n)) * np.sqrt(rows[:, None] * columns), rows, columns


def low_rank(rng, m, n, strength, rank=3):
    left, right = (np.linalg.qr(rng.standard_normal((size, rank)))[0] for size in (m, n))
    return strength * (left @ right.T)


def test_dyson_equalizer_finds_scales_and_rank():
    rng = np.random.default_rng(0)
    ranks, naive, correlations = [], [], []
    law = MarchenkoPastur(0.5)
    for _ in range(8):
        noise, rows, columns = unequal_noise(rng, 200, 400)
        data = noise + low_rank(rng, 200, 400, 6 * np.sqrt(400 * rows.mean() * columns.mean()))
        found = dyson_equalizer(data)
        correlations.append(np.corrcoef(np.log(found.row_variances), np.log(rows))[0, 1])
        assert np.corrcoef(np.log(found.column_variances), np.log(columns))[0, 1] > 0.94
        ranks.append(found.fit_marchenko_pastur().n_signal)
        values = np.linalg.eigvalsh(data @ data.T / 400)
        naive.append(np.count_nonzero(values > np.median(values) / law.ppf(0.5) * law.support[1]))
    assert ranks.count(3) >= 6
    # Published: correlation .992, and 39.6 components above the edge of white noise of the median's variance.
    assert np.mean(correlations) == pytest.approx(0.992, abs=0.004)
    assert np.mean(naive) == pytest.approx(39.6, abs=3)


@pytest.mark.parametrize("shape", [(100, 200), (200, 100), (120, 120)])
def test_equalized_noise_is_not_taken_for_signal(shape):
    rng = np.random.default_rng(1)
    draws = 40
    found = [dyson_equalizer(unequal_noise(rng, *shape)[0]).fit_marchenko_pastur().n_signal > 0 for _ in range(draws)]
    # Scales from the same data double the nominal rate of 5 %, as the documentation says.
    assert sum(found) <= binom.isf(1e-3, draws, 0.1)


def test_equalized_noise_follows_the_white_law():
    noise, _, _ = unequal_noise(np.random.default_rng(2), 300, 600)
    found = dyson_equalizer(noise)
    law = MarchenkoPastur(600 / 300)
    distance = np.abs(law.cdf(found.eigenvalues[::-1]) - law.atom - (np.arange(300) + 0.5) / 600).max()
    assert distance < 0.01
    direct = np.linalg.svd(found.equalize(noise), compute_uv=False) ** 2 / 300
    np.testing.assert_allclose(found.eigenvalues, direct, rtol=1e-10)
    assert found.converged


@pytest.mark.parametrize("scale", [1e150, 1e-150])
def test_dyson_equalizer_scales(scale, tmp_path):
    noise, _, _ = unequal_noise(np.random.default_rng(3), 40, 60)
    found, scaled = dyson_equalizer(noise), dyson_equalizer(noise * scale)
    np.testing.assert_allclose(scaled.eigenvalues, found.eigenvalues, rtol=1e-9)
    np.testing.assert_allclose(scaled.row_variances, found.row_variances * scale, rtol=1e-9)
    scaled.save(tmp_path / "found.npz")
    assert NoiseEqualization.load(tmp_path / "found.npz") == scaled
    assert "by dyson" in repr(scaled)


def test_zero_rows_are_left_out():
    noise, _, _ = unequal_noise(np.random.default_rng(4), 40, 60)
    padded = np.zeros((42, 63))
    padded[1:41, 2:62] = noise
    found, inner = dyson_equalizer(padded), dyson_equalizer(noise)
    assert (found.n_rows, found.n_columns) == (40, 60)
    np.testing.assert_allclose(found.eigenvalues, inner.eigenvalues, rtol=1e-10)
    assert not found.equalize(padded)[0].any()


def test_poisson_counts_are_biwhitened():
    rng = np.random.default_rng(5)
    ranks = []
    for _ in range(6):
        rates = rng.lognormal(sigma=0.5, size=(150, 3)) @ rng.lognormal(sigma=0.5, size=(3, 300))
        found = biwhiten(rng.poisson(rates))
        assert found.converged
        ranks.append(found.fit_marchenko_pastur().n_signal)
    assert ranks.count(3) >= 5


def test_scaling_is_doubly_stochastic():
    profile = np.random.default_rng(6).lognormal(sigma=2, size=(30, 50))
    found = biwhiten(np.ones((30, 50)), variance=profile)
    scaled = profile / found.row_variances[:, None] / found.column_variances
    np.testing.assert_allclose(scaled.mean(axis=0), 1, atol=1e-9)
    np.testing.assert_allclose(scaled.mean(axis=1), 1, atol=1e-9)


def test_quadratic_variance_is_recognised():
    rng = np.random.default_rng(7)
    rates = np.outer(rng.lognormal(sigma=0.5, size=120), rng.lognormal(mean=2, sigma=0.5, size=240))
    # Negative binomial: variance μ + μ² / 4, of which (Y + Y² / 4) / (1 + 1 / 4) is an unbiased estimate: q = 0.2.
    counts = rng.poisson(rates * rng.gamma(4, 0.25, size=rates.shape))
    found = biwhiten(counts, variance="quadratic")
    assert found.quadratic_share == pytest.approx(0.2, abs=0.1)
    assert found.fit_marchenko_pastur().n_signal == 1
    assert biwhiten(counts).fit_marchenko_pastur().n_signal > 1
    poisson = biwhiten(rng.poisson(rates), variance="quadratic")
    assert poisson.quadratic_share < 0.05


def test_row_variances_known_give_a_generalized_law():
    rng = np.random.default_rng(8)
    variances = rng.lognormal(size=300)
    data = rng.standard_normal((600, 300)) * np.sqrt(variances)
    values = np.linalg.eigvalsh(data.T @ data / 600)
    law = GeneralizedMarchenkoPastur(variances, 0.5)
    assert np.abs(law.cdf(values) - (np.arange(300) + 0.5) / 300).max() < 5 / 300


def test_wrong_input_is_explained():
    with pytest.raises(InvalidInputError, match="at least 2"):
        dyson_equalizer(np.zeros((5, 5)))
    with pytest.raises(InvalidInputError, match="median"):
        dyson_equalizer(np.ones((6, 6)))
    with pytest.raises(NonFiniteInputError, match="NaN"):
        dyson_equalizer([[1, np.nan], [2, 3.0]])
    with pytest.raises(InvalidInputError, match="negative"):
        biwhiten([[1, -1], [2, 3]])
    with pytest.raises(InvalidInputError, match="variance must be"):
        biwhiten(np.ones((3, 3)), variance="gamma")
    with pytest.raises(InvalidInputError, match="shape"):
        biwhiten(np.ones((3, 3)), variance=np.ones((3, 2)))
    repeated = np.repeat(np.random.default_rng(0).standard_normal((10, 30)), 2, axis=0)
    with pytest.warns(ConvergenceWarning, match="did not settle"):
        assert not dyson_equalizer(repeated).converged
    assert biwhiten(np.ones((4, 4)), variance="quadratic").converged
    sparse = np.random.default_rng(0).poisson(0.02, (60, 80))
    message = "96% of the variances of 47 rows and 51 columns are zero, and 17 rows and 24 columns hold one alone"
    for variance in ("poisson", "quadratic", sparse):
        with pytest.raises(InvalidInputError, match=message):
            biwhiten(sparse, variance=variance)
    with pytest.warns(ConvergenceWarning, match="did not converge"):
        biwhiten(np.array([[1, 1, 0], [0, 1, 0], [1, 1, 1]]))


@pytest.mark.parametrize("rows", [slice(0, 1), slice(0, 10), 0])
def test_variances_equalize_data_of_their_shape_only(rows):
    X = np.random.default_rng(0).standard_normal((100, 30))
    with pytest.raises(InvalidInputError, match="variances of 100 rows and 30 columns"):
        dyson_equalizer(X).equalize(X[rows])
