"""Shrinkage of covariance eigenvalues against published values, direct sums, oracles and awkward input."""

from __future__ import annotations

import types

import numpy as np
import pytest
from eigenscope import MarchenkoPastur, _core, covariance_spectrum, shrink_covariance
from eigenscope.errors import InvalidInputError
from eigenscope.random_matrix import cross_validated_shrinkage

METHODS = ["quadratic_inverse", "analytical", "ledoit_peche", "linear"]


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("analytical", [0.908631148115, 1.328036136872, 2.175778391578, 3.593664826765]),
        ("quadratic_inverse", [0.785718534611, 1.233804397236, 2.072924684899, 3.407552383255]),
    ],
)
def test_four_eigenvalues_match_reference_values(method, expected):
    shrunk = shrink_covariance([0.5, 1, 2, 4], n_samples=20, method=method)
    np.testing.assert_allclose(shrunk[::-1], expected, atol=6e-13)


def test_fewer_samples_than_features_match_reference_values():
    shrunk = shrink_covariance([0, 0, 1, 2, 4], n_samples=3)
    expected = [1.312846994, 0.950823755069, 0.716382705193, 2.009973272869, 2.009973272869]
    np.testing.assert_allclose(shrunk, expected, atol=6e-10)
    values = np.concatenate([np.zeros(8), np.linspace(1, 4, 16)])
    analytical = shrink_covariance(values, n_samples=16, method="analytical")[::-1]
    np.testing.assert_allclose(
        analytical[[0, 8, 16, 23]], [3.3492844395, 0.8547490118, 0.6375689962, 0.7448589582], atol=6e-11
    )
    # Zeros may be left out.
    shorter = shrink_covariance(values[8:], n_samples=16, n_features=24, method="analytical")
    assert np.array_equal(shorter[::-1], analytical)


@pytest.mark.parametrize(
    ("method", "error"), [("analytical", 0.024), ("quadratic_inverse", 0.038), ("ledoit_peche", 0.090)]
)
def test_exact_quantiles_of_white_noise_shrink_to_one(method, error):
    quantiles = MarchenkoPastur(0.5).ppf((np.arange(500) + 0.5) / 500)
    shrunk = shrink_covariance(quantiles, n_samples=1000, method=method)
    assert np.sqrt(np.mean((shrunk - 1) ** 2)) == pytest.approx(error, abs=5e-4)


@pytest.mark.parametrize("bandwidth", [0.02, 0.2, 0.44])
def test_kernel_sums_equal_the_direct_ones(bandwidth):
    values = np.sort(np.concatenate([np.random.default_rng(0).exponential(size=150), [1e-6, 1.0, 1.0, 50.0]]))
    density, hilbert = _core.smoothed_density(values, bandwidth=bandwidth, threads=1)
    # Extended precision, because the closed form cancels far from a kernel.
    wide = values.astype(np.longdouble)
    width = np.longdouble(bandwidth) * wide[None, :]
    x, root = (wide[:, None] - wide[None, :]) / width, np.sqrt(np.longdouble(5))
    kernel = 3 / (4 * root) * (1 - x**2 / 5)
    direct = np.mean(np.maximum(kernel, 0) / width, axis=1)
    transform = (-3 * x / 10 + kernel * np.log(np.abs((root - x) / (root + x)))) / np.longdouble(np.pi) / width
    np.testing.assert_allclose(density, direct.astype(float), rtol=1e-12)
    # The closed form itself loses x² eps of its leading digits.
    trusted = (np.abs(x) < 1e4).all(axis=1)
    np.testing.assert_allclose(hilbert[trusted], transform.mean(axis=1)[trusted].astype(float), rtol=1e-9, atol=1e-12)


def test_inverse_and_resolvent_sums_equal_the_direct_ones():
    values = np.sort(np.random.default_rng(1).exponential(size=101)) + 0.01
    theta, conjugate = _core.inverse_resolvent(values, bandwidth=0.3, threads=1)
    L = 1 / values
    difference = L[None, :] - L[:, None]
    denominator = difference**2 + 0.09 * L[None, :] ** 2
    np.testing.assert_allclose(theta, np.mean(L[None, :] * difference / denominator, axis=1), rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(conjugate, np.mean(0.3 * L[None, :] ** 2 / denominator, axis=1), rtol=1e-12)
    resolvent = _core.resolvent(values, offset=0.1, threads=1)
    np.testing.assert_allclose(resolvent, np.mean(1 / (values[:, None] - 0.1j - values[None, :]), axis=1), rtol=1e-11)


@pytest.mark.parametrize(("n", "p"), [(600, 200), (250, 200), (120, 200)])
def test_shrinkage_comes_near_the_best_possible_eigenvalues(n, p):
    rng = np.random.default_rng(2)
    population = np.geomspace(0.3, 10, p)
    losses = dict.fromkeys([*METHODS, "sample", "oracle"], 0.0)
    for _ in range(5):
        data = rng.standard_normal((n, p)) * np.sqrt(population)
        values, vectors = np.linalg.eigh(data.T @ data / n)
        values, vectors = np.maximum(values[::-1], 0), vectors[:, ::-1]
        values[min(n, p) :] = 0
        oracle = population @ vectors**2
        # In the null space any rotation of the vectors serves; the best single value there is their mean.
        oracle[min(n, p) :] = oracle[min(n, p) :].mean() if n < p else oracle[min(n, p) :]
        losses["sample"] += np.sum((values - oracle) ** 2)
        losses["oracle"] += np.sum(oracle**2)
        for method in METHODS:
            losses[method] += np.sum((shrink_covariance(values, n_samples=n, method=method) - oracle) ** 2)
    # Kernels of width p^-⅓ leave relative squared errors of that order squared; the offset of Ledoit and Péché p^-½.
    for method, order in (
        ("quadratic_inverse", p ** (-2 / 3)),
        ("analytical", p ** (-2 / 3)),
        ("ledoit_peche", p**-0.5),
    ):
        assert losses[method] < order * losses["oracle"]
        assert losses[method] < 0.1 * losses["sample"]
    assert losses["linear"] < 0.5 * losses["sample"]


def test_linear_weight_is_the_optimal_one():
    rng = np.random.default_rng(3)
    n, p = 300, 200
    population = np.linspace(0.5, 1.5, p)
    weights = []
    for _ in range(10):
        data = rng.standard_normal((n, p)) * np.sqrt(population)
        values = np.linalg.eigvalsh(data.T @ data / n)[::-1]
        shrunk = shrink_covariance(values, n_samples=n, method="linear")
        weights.append(1 - (shrunk[0] - shrunk[-1]) / (values[0] - values[-1]))
    error = (population.sum() ** 2 + population @ population) / n
    best = error / (error + np.sum((population - population.mean()) ** 2))
    assert np.mean(weights) == pytest.approx(best, abs=0.01)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("n", "p"), [(40, 25), (25, 40), (40, 40)])
def test_scale_order_precision_and_threads_do_not_matter(method, n, p):
    rng = np.random.default_rng(4)
    data = rng.standard_normal((n, p))
    values = np.linalg.eigvalsh(data.T @ data / n)
    values[: max(0, p - n)] = 0
    kept = values.copy()
    shrunk = shrink_covariance(values, n_samples=n, method=method)
    assert np.array_equal(values, kept)
    for scale in (1e150, 1e-150):
        np.testing.assert_allclose(
            shrink_covariance(values * scale, n_samples=n, method=method), shrunk * scale, rtol=1e-9
        )
    assert np.array_equal(shrink_covariance(rng.permutation(values), n_samples=n, method=method), shrunk)
    assert np.array_equal(shrink_covariance(values, n_samples=n, method=method, threads=3), shrunk)
    assert np.isfinite(shrunk).all()
    assert (shrunk > 0).all()
    single = shrink_covariance(values.astype(np.float32), n_samples=n, method=method)
    np.testing.assert_allclose(single, shrunk, rtol=2e-3 if n == p else 1e-4)


def test_one_tiny_feature_does_not_upset_the_others():
    rng = np.random.default_rng(5)
    data = rng.standard_normal((300, 60))
    values = np.linalg.eigvalsh(data.T @ data / 300)
    tiny = np.sort(np.concatenate([values, [1e-8]]))[::-1]
    for method in ("quadratic_inverse", "analytical"):
        shrunk = shrink_covariance(tiny, n_samples=300, method=method)
        assert shrunk.sum() == pytest.approx(values.sum(), rel=0.02)
        assert shrunk[-1] < 1e-6


def test_spectrum_brings_its_sizes():
    data = np.random.default_rng(6).standard_normal((30, 50)) + 3
    spectrum = covariance_spectrum(data, threads=1)
    shrunk = shrink_covariance(spectrum)
    assert shrunk.shape == (50,)
    assert np.array_equal(shrunk, shrink_covariance(spectrum.eigenvalues, n_samples=29, n_features=50))
    assert shrunk.sum() == pytest.approx(spectrum.total_variance)


def test_all_zero_stays_zero():
    assert np.array_equal(shrink_covariance(np.zeros(4), n_samples=10), np.zeros(4))


@pytest.mark.parametrize(
    ("values", "options", "text"),
    [
        ([1.0, 2], {"n_samples": 20, "method": "best"}, "method must be"),
        ([1.0, 2, 3], {"n_samples": 2}, "more than n_samples=2"),
        ([0.0, 1, 2], {"n_samples": 20}, "duplicated features"),
        (np.linspace(1, 2, 5), {"n_samples": 11, "method": "analytical"}, "too few"),
        ([0, 0, 1.0, 2, 4], {"n_samples": 3, "method": "analytical"}, "too few"),
        ([1.0, 2], {}, "n_samples"),
        ([1.0, np.inf], {"n_samples": 5}, "infinite"),
        ([1.0, -1], {"n_samples": 5}, "negative"),
        ([1.0], {"n_samples": 5}, "at least 2"),
    ],
)
def test_wrong_input_is_explained(values, options, text):
    with pytest.raises(InvalidInputError, match=text):
        shrink_covariance(values, **options)


def test_truncated_spectrum_is_refused():
    spectrum = covariance_spectrum(np.random.default_rng(7).standard_normal((80, 40)), k=5, threads=1)
    with pytest.raises(InvalidInputError, match="full spectrum"):
        shrink_covariance(spectrum)


def test_a_density_must_say_how_many_eigenvalues_it_stands_for():
    values = np.linspace(1, 4, 20)
    density = types.SimpleNamespace(nodes=values, weights=np.full(20, 0.05))
    with pytest.raises(InvalidInputError, match="pass n_features="):
        shrink_covariance(density, n_samples=40)
    np.testing.assert_allclose(
        shrink_covariance(density, n_samples=40, n_features=20), shrink_covariance(values, n_samples=40), rtol=1e-9
    )


@pytest.mark.parametrize(("n", "p"), [(400, 200), (100, 200)])
def test_cross_validation_comes_near_the_oracle(n, p):
    generator = np.random.default_rng(1)
    population = np.repeat([1.0, 3.0, 10.0], [2 * p // 5, 2 * p // 5, p // 5])
    data = 5 + generator.standard_normal((n, p)) * np.sqrt(population)
    spectrum = covariance_spectrum(data, eigenvectors=True)
    rank, vectors = min(n - 1, p), spectrum.eigenvectors
    oracle = np.einsum("ij,i,ij->j", vectors[:, :rank], population, vectors[:, :rank])
    null = (population.sum() - oracle.sum()) / max(1, p - rank)
    oracle = np.concatenate([oracle, np.full(p - rank, null)])

    def error(values):
        return np.sqrt(np.mean((values - oracle) ** 2))

    found = cross_validated_shrinkage(data, n_repeats=3)
    sample = np.concatenate([spectrum.eigenvalues[:rank], np.zeros(p - rank)])
    assert error(found) < 1.5 * error(shrink_covariance(spectrum))
    assert error(found) < 0.3 * error(sample)
    assert found.sum() == pytest.approx(sample.sum(), rel=0.01)
    np.testing.assert_array_equal(found, cross_validated_shrinkage(data, n_repeats=3))
    np.testing.assert_allclose(cross_validated_shrinkage(data.T * 1e150, n_repeats=3, sample_axis=1) / 1e300, found)


def test_cross_validation_of_one_sample_at_a_time_is_a_closed_form():
    # Leaving out sample t of one feature: its square about the mean of the others, over 1 + 1/(n - 1).
    x = np.array([1.0, 2.0, 4.0, 9.0, 5.0])
    squares = [(x[t] - np.delete(x, t).mean()) ** 2 for t in range(5)]
    found = cross_validated_shrinkage(x[:, None], n_folds=5)
    assert found == pytest.approx(np.mean(squares) / 1.25, rel=1e-12)
    assert found == pytest.approx(x.var(ddof=1), rel=1e-12)
    uncentred = cross_validated_shrinkage(x[:, None], n_folds=5, center=False)
    assert uncentred == pytest.approx(np.mean(x**2), rel=1e-12)


def test_cross_validation_of_awkward_input():
    np.testing.assert_array_equal(cross_validated_shrinkage(np.zeros((6, 3))), 0)
    np.testing.assert_allclose(cross_validated_shrinkage(np.full((12, 3), 7.0)), 0, atol=1e-25)
    for options in ({"n_folds": 1}, {"n_folds": 13}, {"n_folds": 2.5}):
        with pytest.raises(InvalidInputError, match="n_folds"):
            cross_validated_shrinkage(np.eye(12), **options)
    with pytest.raises(InvalidInputError, match="n_repeats"):
        cross_validated_shrinkage(np.eye(12), n_repeats=0)
    with pytest.raises(InvalidInputError, match="too few"):
        cross_validated_shrinkage(np.eye(3))
