"""Shape distances: metric axioms, invariances, limits, null."""

import itertools
import math

import numpy as np
import pytest
from eigenscope.errors import InvalidInputError
from eigenscope.neural import ShapeDistance, cca, shape_distance, wachter_null


def rotation(n, rng):
    return np.linalg.qr(rng.standard_normal((n, n)))[0]


@pytest.mark.parametrize("metric", ["angular", "euclidean"])
@pytest.mark.parametrize("alpha", [1.0, 0.5, 0.0])
def test_metric_axioms(metric, alpha):
    rng = np.random.default_rng(0)
    systems = [rng.standard_normal((30, n)) * rng.uniform(0.2, 2, n) for n in rng.integers(2, 9, size=20)]
    options = {"metric": metric, "alpha": alpha, "n_groups": 0, "n_rotations": 2, "rng": 0}
    distances = np.zeros((20, 20))
    for i, j in itertools.permutations(range(20), 2):
        distances[i, j] = shape_distance(systems[i], systems[j], **options).distance.value
    np.testing.assert_allclose(distances, distances.T, rtol=1e-10)
    violation = distances[:, None, :] - (distances[:, :, None] + distances[None, :, :])
    assert violation.max() < 1e-10
    turned = systems[0] @ rotation(systems[0].shape[1], rng)
    assert shape_distance(systems[0], turned, **options).distance.value < 1e-12


def test_small_distances_keep_their_digits():
    rng = np.random.default_rng(1)
    X, noise = rng.standard_normal((2, 100, 6))
    distances = [
        shape_distance(X, X @ rotation(6, rng) + size * noise, n_groups=0, rng=0).distance.value
        for size in (1e-6, 1e-10)
    ]
    assert distances[0] / distances[1] == pytest.approx(1e4, rel=0.01)


def test_procrustes_and_canonical_limits():
    rng = np.random.default_rng(2)
    X, Y = rng.standard_normal((80, 7)), rng.standard_normal((80, 5))
    A, B = X - X.mean(axis=0), Y - Y.mean(axis=0)
    nuclear = np.linalg.svd(A.T @ B, compute_uv=False).sum()
    expected = math.acos(nuclear / np.linalg.norm(A) / np.linalg.norm(B))
    assert shape_distance(X, Y, rng=0).distance.value == pytest.approx(expected)
    euclidean = math.sqrt(np.sum(A**2) + np.sum(B**2) - 2 * nuclear)
    assert shape_distance(X, Y, metric="euclidean", rng=0).distance.value == pytest.approx(euclidean)
    rho = cca(X, Y).correlations
    expected = math.acos(rho.sum() / math.sqrt(7 * 5))
    assert shape_distance(X, Y, alpha=0, rng=0).distance.value == pytest.approx(expected)
    mapped = shape_distance(X @ rng.standard_normal((7, 7)), Y, alpha=0, rng=0)
    assert mapped.distance.value == pytest.approx(expected)


def test_null_is_the_wachter_law_for_whitened_systems():
    rng = np.random.default_rng(3)
    X, Y = rng.standard_normal((2, 300, 40))
    result = shape_distance(X, Y, alpha=0, n_groups=0, rng=0)
    expected = math.acos(wachter_null(40, 40, 300).mean_correlation)
    assert result.null.value == pytest.approx(expected, rel=0.005)
    low, high = result.null.interval
    assert low < result.distance.value < high


@pytest.mark.parametrize("metric", ["angular", "euclidean"])
def test_null_is_that_of_independent_systems(metric):
    rng = np.random.default_rng(4)
    scale = np.arange(1, 11) ** -1.0
    options = {"metric": metric, "n_groups": 0, "rng": 0}
    found = [shape_distance(*(rng.standard_normal((2, 60, 10)) * scale), **options) for _ in range(40)]
    values = np.array([result.distance.value for result in found])
    nulls = np.array([result.null.value for result in found])
    assert abs(np.mean(values - nulls)) < 4 * np.std(values - nulls) / math.sqrt(40)


def test_interval_covers_its_mean():
    rng = np.random.default_rng(5)
    found = []
    for _ in range(100):
        X = rng.standard_normal((150, 6))
        found.append(shape_distance(X, X + rng.standard_normal((150, 6)), n_rotations=2, rng=0).distance)
    centre = np.mean([estimate.value for estimate in found])
    covered = sum(estimate.interval[0] < centre < estimate.interval[1] for estimate in found)
    # Binomial of 100 at 0.95: fewer than 87 has probability 4e-4.
    assert covered >= 87


@pytest.mark.parametrize("factor", [1e-150, 1e150])
def test_scaling(factor):
    rng = np.random.default_rng(6)
    X, Y = rng.standard_normal((2, 40, 5))
    for alpha in (1.0, 0.5):
        plain = shape_distance(X, Y, alpha=alpha, rng=0)
        assert shape_distance(X * factor, Y, alpha=alpha, rng=0).distance.value == pytest.approx(plain.distance.value)
    plain = shape_distance(X, Y, metric="euclidean", rng=0)
    scaled = shape_distance(X * factor, Y * factor, metric="euclidean", rng=0)
    assert scaled.distance.value == pytest.approx(plain.distance.value * factor)
    assert scaled.distance.stderr == pytest.approx(plain.distance.stderr * factor, rel=1e-6)


def test_wrong_input_is_refused():
    X, Y = np.random.default_rng(7).standard_normal((2, 20, 4))
    for call in [
        lambda: shape_distance(X, Y[1:]),
        lambda: shape_distance(X, Y, alpha=2),
        lambda: shape_distance(X, Y, metric="cosine"),
        lambda: shape_distance(X, Y, k=0),
        lambda: shape_distance(X, Y, n_rotations=1),
        lambda: shape_distance(X, np.ones((20, 2))),
    ]:
        with pytest.raises(InvalidInputError):
            call()


def test_same_seed_same_bits_and_results_save(tmp_path):
    X, Y = np.random.default_rng(8).standard_normal((2, 30, 4))
    result = shape_distance(X, Y, k=3, rng=5)
    assert shape_distance(X, Y, k=3, rng=5) == result
    result.save(tmp_path / "shape.npz")
    assert ShapeDistance.load(tmp_path / "shape.npz") == result
    assert len(repr(result).splitlines()) == 3
