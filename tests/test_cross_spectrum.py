"""Cross-spectra: unbiased on new stimuli, calibrated against permutations."""

import numpy as np
import pytest
from eigenscope.errors import InvalidInputError
from eigenscope.neural import CrossSpectrum, cross_spectrum


def draw(n_stimuli, rng, n_neurons=40, noise=0.5):
    signal = rng.standard_normal((n_stimuli, n_neurons)) * np.arange(1, n_neurons + 1) ** -0.5
    return signal + noise * rng.standard_normal((2, n_stimuli, n_neurons))


def test_unbiased_along_the_axes_of_training():
    rng = np.random.default_rng(0)
    X, Y = draw(200, rng)
    fresh_x, fresh_y = draw(50_000, rng)
    truth = cross_spectrum(X, Y, fresh_x, fresh_y).covariances
    found = np.array([cross_spectrum(X, Y, *draw(100, rng)).covariances for _ in range(200)])
    z = (found.mean(axis=0) - truth) / (found.std(axis=0) / np.sqrt(200))
    # 40 standard normal numbers: the largest exceeds 4 with probability below 0.3 %.
    assert np.abs(z).max() < 4
    assert truth.sum() < cross_spectrum(X, Y, fresh_x, fresh_y).training_singular_values.sum()


def test_standard_errors_are_the_spread():
    rng = np.random.default_rng(1)
    X, Y = draw(200, rng)
    found = [cross_spectrum(X, Y, *draw(100, rng)) for _ in range(300)]
    for name in ("covariances", "bin_means"):
        values = np.array([getattr(result, name) for result in found])
        stderr = np.array(
            [getattr(result, {"covariances": "stderr", "bin_means": "bin_stderr"}[name]) for result in found]
        )
        # A spread of 300 values is known to 4 %; five errors for forty of them.
        np.testing.assert_allclose(stderr.mean(axis=0) / values.std(axis=0), 1, atol=0.2)


def test_p_values_of_unrelated_systems_are_uniform():
    rng = np.random.default_rng(2)
    p_values = []
    for _ in range(100):
        A, B = rng.standard_normal((2, 80, 20))
        p_values.append(cross_spectrum(A[:40], B[:40], A[40:], B[40:]).bin_p_values)
    p_values = np.array(p_values)
    share = np.mean(p_values < 0.05)
    # Bins are independent enough: standard error of the share at most 0.22 / sqrt(100) for fully dependent ones.
    assert abs(share - 0.05) < 0.03


def test_p_value_is_that_of_permutations():
    rng = np.random.default_rng(3)
    A, B = draw(60, rng, n_neurons=6)
    C, D = draw(50, rng, n_neurons=6)
    result = cross_spectrum(A, B, C, D, bins_per_octave=1)
    shuffled = np.array(
        [cross_spectrum(A, B, C, D[rng.permutation(50)], bins_per_octave=1).bin_means for _ in range(400)]
    )
    from scipy.special import ndtri

    implied = result.bin_means / -ndtri(np.maximum(result.bin_p_values, 1e-300))
    # A spread of 400 values is known to 3.5 %.
    np.testing.assert_allclose(shuffled.std(axis=0), implied, rtol=0.15)
    assert np.abs(shuffled.mean(axis=0)).max() < 4 * implied.max() / 20


def test_bins_cover_every_rank_once():
    rng = np.random.default_rng(4)
    for n_neurons in (1, 2, 3, 17, 64):
        result = cross_spectrum(*draw(100, rng, n_neurons), *draw(30, rng, n_neurons))
        ranks = np.concatenate([np.arange(first, last + 1) for first, last in result.bin_ranks])
        np.testing.assert_array_equal(ranks, np.arange(1, n_neurons + 1))
        np.testing.assert_allclose(
            result.bin_means, [result.covariances[a - 1 : b].mean() for a, b in result.bin_ranks], atol=1e-12
        )


@pytest.mark.parametrize("factor", [1e-140, 1e140])
def test_units_do_not_matter(factor):
    rng = np.random.default_rng(5)
    data = [*draw(50, rng, 5), *draw(40, rng, 5)]
    plain = cross_spectrum(*data)
    scaled = cross_spectrum(*(part * factor for part in data))
    np.testing.assert_allclose(scaled.covariances, plain.covariances * factor**2, rtol=1e-9)
    np.testing.assert_allclose(scaled.bin_p_values, plain.bin_p_values, rtol=1e-6)
    with pytest.raises(InvalidInputError, match="range of doubles"):
        cross_spectrum(*(part * 1e200 for part in data))


def test_wrong_input_is_refused():
    rng = np.random.default_rng(6)
    X, Y = draw(30, rng, 5)
    for call in [
        lambda: cross_spectrum(X, Y[1:], X, Y),
        lambda: cross_spectrum(X, Y, X[1:], Y),
        lambda: cross_spectrum(X, Y, X[:, 1:], Y),
        lambda: cross_spectrum(X, Y, X[:2], Y[:2]),
        lambda: cross_spectrum(X, Y, X, Y, 0),
        lambda: cross_spectrum(X, Y, X, Y, bins_per_octave=0),
    ]:
        with pytest.raises(InvalidInputError):
            call()


def test_result_saves_prints_and_draws(tmp_path):
    pytest.importorskip("matplotlib").use("Agg")
    rng = np.random.default_rng(7)
    result = cross_spectrum(*draw(100, rng), *draw(60, rng), 20)
    result.save(tmp_path / "spectrum.npz")
    assert CrossSpectrum.load(tmp_path / "spectrum.npz") == result
    assert len(result.covariances) == 20
    assert len(repr(result).splitlines()) == 3
    assert result.plot().get_xlabel() == "rank"
