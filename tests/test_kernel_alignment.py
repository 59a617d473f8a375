"""Kernel alignment: agreement with its definition, freedom from bias, intervals."""

import itertools
import math

import numpy as np
import pytest
from eigenscope.errors import DataWarning, InvalidInputError
from eigenscope.neural import KernelAlignment, kernel_alignment


def unbiased_covariance(K, L):
    """Song et al. 2012, equation 5, as matrices."""
    n = len(K)
    K, L = K - np.diag(np.diag(K)), L - np.diag(np.diag(L))
    middle = K.sum() * L.sum() / ((n - 1) * (n - 2)) - 2 * K.sum(axis=0) @ L.sum(axis=0) / (n - 2)
    return (np.trace(K @ L) + middle) / (n * (n - 3))


def debiased_alignment(X, Y):
    K, L = X @ X.T, Y @ Y.T
    return unbiased_covariance(K, L) / math.sqrt(unbiased_covariance(K, K) * unbiased_covariance(L, L))


def populations(rng, n_neurons, n_latents=200):
    """Return a function that draws stimuli: two populations that share half of the variance of their latents."""
    scale = np.arange(1, n_latents + 1) ** -0.5
    mixing = rng.standard_normal((2, n_latents, n_neurons))

    def draw(n_stimuli):
        shared, own = rng.standard_normal((2, n_stimuli, n_latents)) * scale
        return shared @ mixing[0], (shared + own) / np.sqrt(2) @ mixing[1]

    return draw


def test_agrees_with_the_definitions():
    rng = np.random.default_rng(0)
    X, Y = populations(rng, 30)(50)
    result = kernel_alignment(X + 3, Y, n_groups=7)
    assert result.debiased.value == pytest.approx(debiased_alignment(X, Y), rel=1e-9)
    A, B = X - X.mean(axis=0), Y - Y.mean(axis=0)
    plain = np.sum((A.T @ B) ** 2) / np.sqrt(np.sum((A.T @ A) ** 2) * np.sum((B.T @ B) ** 2))
    assert result.biased == pytest.approx(plain)
    groups = np.array_split(np.arange(50), 7)
    replicates = [debiased_alignment(np.delete(X, g, axis=0), np.delete(Y, g, axis=0)) for g in groups]
    assert result.debiased.stderr == pytest.approx(math.sqrt(6 * np.var(replicates)), rel=1e-6)


def test_population_value_uses_different_neurons_only():
    X, Y = populations(np.random.default_rng(1), 12)(40)
    result = kernel_alignment(X, Y, n_groups=0)

    def between_neurons(A):
        pairs = itertools.permutations(range(A.shape[1]), 2)
        return np.mean([unbiased_covariance(*(np.outer(A[:, i], A[:, i]) for i in pair)) for pair in pairs])

    cross = unbiased_covariance(X @ X.T / 12, Y @ Y.T / 12)
    expected = cross / math.sqrt(between_neurons(X) * between_neurons(Y))
    assert result.population.value == pytest.approx(expected, rel=1e-9)


def test_unrelated_systems_are_not_aligned():
    rng = np.random.default_rng(2)
    found = []
    for _ in range(100):
        X, Y = rng.standard_normal((2, 40, 20)) @ rng.standard_normal((2, 20, 100))
        found.append(kernel_alignment(X, Y, n_groups=0))
    values = np.array([result.debiased.value for result in found])
    assert abs(values.mean()) < 4 * values.std() / 10
    assert np.mean([result.biased for result in found]) > 0.2


def test_prediction_for_fewer_neurons():
    rng = np.random.default_rng(3)
    X, Y = populations(rng, 1500)(150)
    whole = kernel_alignment(X, Y, n_groups=0)
    assert whole.predict(1500, 1500).value == pytest.approx(whole.debiased.value, rel=1e-12)
    assert whole.predict(math.inf, math.inf).value == pytest.approx(whole.population.value, rel=1e-12)
    expected = whole.predict(40, 40).value
    debiased, population = np.array(
        [
            (part.debiased.value, part.population.value)
            for part in (
                kernel_alignment(X[:, rng.permutation(1500)[:40]], Y[:, rng.permutation(1500)[:40]], n_groups=0)
                for _ in range(100)
            )
        ]
    ).T
    # A ratio of unbiased estimates keeps a bias of second order: 2 % besides the sampling error.
    assert abs(debiased.mean() - expected) < 4 * debiased.std() / 10 + 0.02 * expected
    assert abs(population.mean() - whole.population.value) < 4 * population.std() / 10 + 0.02
    assert debiased.mean() < 0.8 * whole.population.value


def test_intervals_cover():
    rng = np.random.default_rng(4)
    draw = populations(rng, 60, n_latents=60)
    # The value of infinitely many stimuli: covariances of kernels are traces of products of covariances.
    truth = kernel_alignment(*draw(2500), n_groups=0)
    found = [kernel_alignment(*draw(100)) for _ in range(100)]
    low, high = np.array([result.debiased.interval for result in found]).T
    # Binomial of 100 at 0.95, less 2 % for the error of `truth`: fewer than 85 has probability below 2e-3.
    assert np.count_nonzero((low < truth.debiased.value) & (truth.debiased.value < high)) >= 85


def test_prediction_has_the_errors_of_what_it_predicts():
    result = kernel_alignment(*populations(np.random.default_rng(7), 60)(100))
    np.testing.assert_allclose(result.predict(math.inf, math.inf).interval, result.population.interval, rtol=1e-9)
    # Other neurons than those recorded, so that the error over neurons comes on top.
    others = result.predict(60, 60)
    assert others.value == pytest.approx(result.debiased.value, rel=1e-12)
    assert result.debiased.stderr < others.stderr < result.population.stderr


@pytest.mark.parametrize("factor", [1e-150, 1e150])
def test_units_types_and_rotations_do_not_matter(factor):
    rng = np.random.default_rng(5)
    X, Y = populations(rng, 20)(60)
    plain = kernel_alignment(X, Y)
    rotation = np.linalg.qr(rng.standard_normal((20, 20)))[0]
    assert kernel_alignment(X * factor, Y / factor).debiased.value == pytest.approx(plain.debiased.value, rel=1e-10)
    assert kernel_alignment(X @ rotation + 7, Y).debiased.value == pytest.approx(plain.debiased.value, rel=1e-10)
    assert kernel_alignment(X.astype(np.float32), Y).debiased.value == pytest.approx(plain.debiased.value, rel=1e-5)
    assert kernel_alignment(X, X @ rotation).debiased.value == pytest.approx(1, abs=1e-12)


def test_noise_gives_nan_with_a_warning():
    X, Y = np.random.default_rng(6).standard_normal((2, 12, 300))
    with pytest.warns(DataWarning, match="cannot be told from zero"):
        result = kernel_alignment(X, Y)
    assert math.isnan(result.population.value)


def test_one_neuron_has_no_population_value():
    X, Y = populations(np.random.default_rng(7), 10)(50)
    with pytest.warns(DataWarning, match="population alignment is NaN"):
        result = kernel_alignment(X[:, :1], Y)
    assert result.debiased.value == pytest.approx(debiased_alignment(X[:, :1], Y), rel=1e-9)


def test_wrong_input_is_refused():
    X, Y = populations(np.random.default_rng(8), 10)(20)
    for call in [
        lambda: kernel_alignment(X, Y[1:]),
        lambda: kernel_alignment(X[:3], Y[:3]),
        lambda: kernel_alignment(np.ones((20, 3)), Y),
        lambda: kernel_alignment(X, Y, confidence=0),
        lambda: kernel_alignment(X, Y).predict(0, 5),
        lambda: kernel_alignment(X[:4], Y[:4]),
    ]:
        with pytest.raises(InvalidInputError):
            call()


def test_result_saves_and_prints(tmp_path):
    result = kernel_alignment(*populations(np.random.default_rng(9), 10)(40))
    result.save(tmp_path / "alignment.npz")
    assert KernelAlignment.load(tmp_path / "alignment.npz") == result
    assert len(repr(result).splitlines()) == 3
    assert result.angle == pytest.approx(math.acos(result.debiased.value))
