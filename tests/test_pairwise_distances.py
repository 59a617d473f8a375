"""All pairs at once equal each pair alone; maps separate what differs."""

import numpy as np
import pytest
from eigenscope.errors import InvalidInputError
from eigenscope.neural import PairwiseDistances, pairwise_distances, shape_distance, svcca


def systems(n_systems=7, n_stimuli=80, seed=0):
    rng = np.random.default_rng(seed)
    latent = rng.standard_normal((n_stimuli, 6))
    return [
        latent @ rng.standard_normal((6, n)) + 0.5 * rng.standard_normal((n_stimuli, n))
        for n in rng.integers(8, 20, size=n_systems)
    ]


def test_equal_to_single_pairs():
    data = systems()
    by_correlation = pairwise_distances(data, k=4, n_groups=8)
    by_shape = pairwise_distances(data, k=4, metric="angular", alpha=0.5)
    for i, j in [(0, 1), (2, 5), (6, 3)]:
        pair = svcca(data[i], data[j], k=4, n_groups=8)
        assert by_correlation.distances[i, j] == pytest.approx(pair.distance, abs=1e-12)
        # The single pair takes axes beyond 2 k + 20 as fixed; there are none here.
        assert by_correlation.stderr[i, j] == pytest.approx(pair.similarity.stderr, rel=1e-6)
        shape = shape_distance(data[i], data[j], alpha=0.5, k=4, n_groups=0, rng=0)
        assert by_shape.distances[i, j] == pytest.approx(shape.distance.value, abs=1e-10)
    assert not np.diag(by_correlation.distances).any()
    np.testing.assert_array_equal(by_correlation.distances, by_correlation.distances.T)


def test_right_at_condition_1e8():
    rng = np.random.default_rng(1)
    left, right = rng.standard_normal((2, 300, 10))
    truth = svcca(left, right, k=10).distance

    def badly_conditioned():
        U, V = (np.linalg.qr(rng.standard_normal((10, 10)))[0] for _ in range(2))
        return U * np.geomspace(1, 1e-8, 10) @ V

    result = pairwise_distances([left @ badly_conditioned(), right @ badly_conditioned()], k=10)
    assert result.distances[0, 1] == pytest.approx(truth, abs=1e-6)


def test_same_bits_for_any_number_of_threads():
    data = systems(40)
    reference = pairwise_distances(data, k=3, threads=1)
    for threads in (2, 3):
        assert pairwise_distances(data, k=3, threads=threads) == reference


def test_families_separate_on_the_map():
    rng = np.random.default_rng(2)
    latent = rng.standard_normal((400, 3))
    nonlinearities = (lambda x: x, lambda x: np.maximum(x, 0), np.tanh, np.abs)
    data = [f(2 * latent @ rng.standard_normal((3, 60))) for f in nonlinearities for _ in range(4)]
    labels = np.repeat(np.arange(4), 4)
    result = pairwise_distances(data, k=3, metric="angular")
    same = labels[:, None] == labels
    within = result.distances[same & ~np.eye(16, dtype=bool)].mean()
    assert within < 0.7 * result.distances[~same].mean()
    embedding = result.embed()
    assert embedding.coordinates.shape == (16, 2)
    assert embedding.stress <= result.embed(method="classical").stress


def test_progress_is_reported():
    lines = []
    pairwise_distances(systems(), k=2, progress=lines.append)
    assert lines == ["pairwise distances: 7 of 7 systems"]


def test_wrong_input_is_refused():
    data = systems()
    for call in [
        lambda: pairwise_distances(data[:1]),
        lambda: pairwise_distances([*data, data[0][:-1]], k=2),
        lambda: pairwise_distances(data, k=0),
        lambda: pairwise_distances(data, k=40),
        lambda: pairwise_distances([data[0], data[1][:, :3]], k=4),
        lambda: pairwise_distances(data, k=2, metric="euclidean"),
        lambda: pairwise_distances(data, k=2, alpha=-1),
        lambda: pairwise_distances(data, k=2).embed(method="tsne"),
    ]:
        with pytest.raises(InvalidInputError):
            call()


def test_result_saves_and_prints(tmp_path):
    result = pairwise_distances(systems(), k=3, n_groups=5)
    result.save(tmp_path / "pairs.npz")
    assert PairwiseDistances.load(tmp_path / "pairs.npz") == result
    assert len(repr(result).splitlines()) == 3
