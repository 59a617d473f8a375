"""Parallel analysis finds planted dimensions, and none in noise more often than its level says."""

import eigenscope
import numpy as np
import pytest
from eigenscope import covariance_spectrum, null_spectra
from eigenscope.blocks import choose_block, read_block
from eigenscope.errors import InvalidInputError
from eigenscope.inputs import as_source
from eigenscope.null_spectra import ParallelAnalysis, parallel_analysis
from eigenscope.permutation_counts import MOST_PERMUTATIONS, fewest_permutations
from eigenscope.surrogates import SURROGATES
from eigenscope.testing import recording
from scipy.stats import binom


def planted(n_samples: int, n_features: int, n_signal: int, *, strength: float = 15.0, seed: int = 0) -> np.ndarray:
    return recording(
        n_samples,
        n_features,
        population_eigenvalues=np.full(n_signal, strength),
        noise_variance=1.0,
        rng=seed,
    ).data


@pytest.mark.parametrize("unequal", [False, True])
def test_false_positive_rate_on_noise(unequal: bool) -> None:
    n_seeds, false_positives = 120, 0
    for seed in range(n_seeds):
        rng = np.random.default_rng(seed)
        noise = rng.standard_normal((60, 30)) * (rng.uniform(0.3, 3.0, 30) if unequal else 1.0)
        false_positives += parallel_analysis(noise, rng=seed).n_dimensions > 0
    # The level is 1/21; four binomial standard errors above it.
    level = 1 / 21
    assert false_positives <= n_seeds * level + 4 * np.sqrt(n_seeds * level * (1 - level))


@pytest.mark.parametrize(("n_samples", "n_features"), [(300, 60), (80, 200), (100, 100)])
def test_finds_planted_dimensions(n_samples: int, n_features: int) -> None:
    result = parallel_analysis(planted(n_samples, n_features, 4), rng=1)
    assert result.n_dimensions in (4, 5)
    assert result.is_exact
    assert (result.p_values[:4] <= 0.05).all()


def test_deflation_finds_weak_signals_beside_strong_ones_at_the_same_level() -> None:
    n_seeds, plain, deflated = 20, [], []
    for seed in range(n_seeds):
        X = recording(200, 60, population_eigenvalues=[200.0, 100.0, 1.4], noise_variance=1.0, rng=seed).data
        plain.append(parallel_analysis(X, rng=seed).n_dimensions)
        found = parallel_analysis(X, deflate=True, rng=seed)
        deflated.append(found.n_dimensions)
        assert np.isnan(found.p_values[found.n_dimensions + 1 :]).all()
        assert np.all(found.p_values[: found.n_dimensions] <= 0.05)
        assert found.p_values[found.n_dimensions] > 0.05
    assert plain == [2] * n_seeds
    assert deflated.count(3) >= 0.8 * n_seeds
    assert sum(count > 3 for count in deflated) <= binom.ppf(1 - 1e-3, n_seeds, 1 / 21)
    assert "deflated" in repr(found)


def test_deflation_needs_the_data_whole() -> None:
    X = planted(200, 40, 3)
    first, again = (parallel_analysis(X, deflate=True, rng=5, threads=threads) for threads in (1, 2))
    np.testing.assert_array_equal(first.null_quantiles, again.null_quantiles)
    for options in ({"center": False}, {"scale": True}, {"null": "sign_flip"}, {"null": "phase"}):
        assert parallel_analysis(X, deflate=True, rng=5, **options).n_dimensions == 3
    with pytest.raises(InvalidInputError, match="8,000 values are more than max_values=4,000"):
        parallel_analysis(X, deflate=True, max_values=4000)


@pytest.mark.parametrize("options", [{}, {"center": False}, {"scale": True}])
@pytest.mark.parametrize("shape", [(60, 20), (20, 60)])
def test_small_surrogates_have_the_eigenvalues_of_the_pass(options: dict, shape: tuple[int, int], monkeypatch) -> None:
    X = np.random.default_rng(0).standard_normal(shape) * 3 + 1
    direct = parallel_analysis(X, rng=0, **options)
    monkeypatch.setattr(null_spectra, "SMALL_ORDER", 0)
    np.testing.assert_allclose(parallel_analysis(X, rng=0, **options).null_quantiles, direct.null_quantiles, atol=1e-11)


def test_p_values_count_the_permutations_that_reach_the_eigenvalue() -> None:
    X = planted(100, 20, 2)
    result = parallel_analysis(X, n_permutations=99, quantile=0.95, rng=3)
    assert result.p_values.min() == pytest.approx(0.01)
    assert result.p_values.max() <= 1
    significant = result.p_values <= 0.05 + 1e-12
    np.testing.assert_array_equal(significant, result.eigenvalues > result.null_quantiles)


def test_too_few_permutations_are_refused_with_the_number_that_would_do() -> None:
    X = planted(50, 10, 1)
    with pytest.raises(InvalidInputError, match="use n_permutations=99 or more"):
        parallel_analysis(X, n_permutations=98, quantile=0.99)
    parallel_analysis(X, n_permutations=19, quantile=0.95)
    with pytest.raises(InvalidInputError, match="between 0 and 1"):
        parallel_analysis(X, quantile=1.0)
    with pytest.raises(InvalidInputError, match="quantile must be a number between 0 and 1, got 'a'"):
        parallel_analysis(X, quantile="a")


def test_absurdly_many_permutations_are_refused() -> None:
    X = planted(50, 10, 1)
    assert fewest_permutations(1 - 1e-5) <= MOST_PERMUTATIONS
    with pytest.raises(
        InvalidInputError, match=r"needs 9,99\d,\d+,\d+ .*, at most 100,000 are made: use significance=1e-05"
    ):
        parallel_analysis(X, quantile=1 - 1e-10)
    with pytest.raises(InvalidInputError, match="n_permutations must be at most 100,000, got 100001"):
        parallel_analysis(X, n_permutations=100_001)


def test_same_seed_same_bits_for_any_number_of_threads() -> None:
    X = planted(200, 40, 3)
    first = parallel_analysis(X, rng=5, threads=1)
    for threads in (2, 3):
        again = parallel_analysis(X, rng=5, threads=threads)
        np.testing.assert_array_equal(first.null_quantiles, again.null_quantiles)
        assert first.n_dimensions == again.n_dimensions
    assert not np.array_equal(first.null_quantiles, parallel_analysis(X, rng=6).null_quantiles)


def test_input_is_not_modified_and_layout_does_not_matter() -> None:
    X = planted(120, 30, 2)
    kept = X.copy()
    expected = parallel_analysis(X, rng=0)
    np.testing.assert_array_equal(X, kept)
    for same in (np.asfortranarray(X), X.astype(">f8")):
        np.testing.assert_allclose(parallel_analysis(same, rng=0).null_quantiles, expected.null_quantiles, rtol=1e-10)
    turned = parallel_analysis(np.ascontiguousarray(X.T), sample_axis=1, rng=0)
    np.testing.assert_allclose(turned.null_quantiles, expected.null_quantiles, rtol=1e-10)


def test_uncentred_mean_is_a_dimension_not_part_of_the_null() -> None:
    X = planted(300, 40, 2, strength=200.0) + 5.0
    assert parallel_analysis(X, rng=0).n_dimensions == 2
    assert parallel_analysis(X, center=False, rng=0).n_dimensions == 3


def test_block_of_large_data_is_conservative_and_finds_the_planted() -> None:
    X = planted(1500, 300, 5, strength=20.0)
    result = parallel_analysis(X, max_values=50_000, rng=0)
    assert not result.is_exact
    rows, columns = result.block_shape
    assert rows * columns <= 50_000
    assert rows / columns == pytest.approx(5, rel=0.1)
    assert result.n_dimensions == 5
    noise = planted(1500, 300, 0)
    counts = [parallel_analysis(noise, max_values=50_000, rng=seed).n_dimensions for seed in range(10)]
    assert sum(count > 0 for count in counts) <= 2


def test_one_loud_feature_is_noise_in_a_block_too() -> None:
    X = np.random.default_rng(0).standard_normal((2000, 400))
    X[:, 17] *= 40
    assert parallel_analysis(X, max_values=50_000, rng=0).n_dimensions == 0


@pytest.mark.parametrize("shape", [(40_000, 12), (12, 40_000)])
def test_extreme_aspect_ratios_stay_conservative(shape: tuple[int, int]) -> None:
    X = np.random.default_rng(1).standard_normal(shape)
    result = parallel_analysis(X, max_values=20_000, rng=0)
    assert np.prod(result.block_shape) <= 20_000
    assert result.n_dimensions == 0


def test_memmap_is_read_in_blocks(tmp_path) -> None:
    X = planted(1500, 200, 3).astype(np.float32)
    np.save(tmp_path / "data.npy", X)
    from_file = parallel_analysis(tmp_path / "data.npy", max_values=30_000, rng=2)
    in_memory = parallel_analysis(X, max_values=30_000, rng=2)
    np.testing.assert_allclose(from_file.null_quantiles, in_memory.null_quantiles, rtol=1e-10)
    assert from_file.n_dimensions == in_memory.n_dimensions


def test_blocks_are_those_entries_of_the_data() -> None:
    X = np.random.default_rng(0).standard_normal((700, 90))
    source = as_source(X)
    rows, columns = choose_block(source, max_values=9_000, rng=np.random.default_rng(1))
    np.testing.assert_array_equal(read_block(source, (rows, columns)), X[np.ix_(rows, columns)].T)
    np.testing.assert_array_equal(read_block(source, None), X.T)
    np.testing.assert_array_equal(read_block(as_source(X, sample_axis=1), None), X)
    assert choose_block(source, max_values=X.size, rng=np.random.default_rng(1)) is None


def test_missing_values_are_dropped_within_the_block() -> None:
    X = planted(300, 40, 3)
    X[5, 7] = np.nan
    with pytest.raises(InvalidInputError):
        parallel_analysis(X, rng=0)
    for policy in ("drop_rows", "drop_columns"):
        assert parallel_analysis(X, nan=policy, rng=0).n_dimensions == 3


def test_save_load_and_text(tmp_path) -> None:
    result = parallel_analysis(planted(100, 20, 2), rng=0)
    result.save(tmp_path / "result.npz")
    assert ParallelAnalysis.load(tmp_path / "result.npz") == result
    assert "2 dimensions above the null (permutation)" in repr(result)


def test_is_public() -> None:
    assert eigenscope.parallel_analysis is parallel_analysis


@pytest.mark.parametrize("options", [{}, {"scale": True}, {"deflate": True}])
def test_flipped_signs_of_few_centred_samples_keep_the_level(options):
    n_draws = 200
    p_values = [
        parallel_analysis(
            np.random.default_rng([7, seed]).standard_normal((20, 200)),
            null="sign_flip", rng=seed, n_permutations=19, **options,
        ).p_values[0]
        for seed in range(n_draws)
    ]  # fmt: skip
    for level in (0.05, 0.5):
        low, high = binom.ppf([0.001, 0.999], n_draws, level)
        assert low <= np.count_nonzero(np.array(p_values) <= level + 1e-9) <= high


@pytest.mark.parametrize("shape", [(30, 60), (60, 120), (40, 15)])
def test_flipped_signs_of_samples_of_unequal_size_keep_the_level(shape):
    n_draws, found = 150, 0
    for seed in range(n_draws):
        generator = np.random.default_rng([11, seed])
        X = generator.standard_normal(shape) * generator.lognormal(size=(shape[0], 1)) + 3
        found += parallel_analysis(X, null="sign_flip", rng=seed, n_permutations=19).n_dimensions > 0
    # 27 % of them before the mean was allowed for sample by sample.
    assert found <= binom.ppf(0.999, n_draws, 0.05)


def test_missing_values_stay_missing_in_every_surrogate():
    X = np.random.default_rng(0).standard_normal((100, 30))
    X[3, 9] = X[50:70, 2] = np.nan
    for null in SURROGATES:
        surrogate = SURROGATES[null](X.T, np.random.default_rng(1))
        np.testing.assert_array_equal(np.isnan(surrogate).sum(axis=1), np.isnan(X).sum(axis=0))
        np.testing.assert_allclose(np.nanvar(surrogate[2]), np.nanvar(X[:, 2]), rtol=0.2)
        found = parallel_analysis(X, nan="pairwise", null=null, rng=0)
        assert found.n_dimensions == 0
        assert np.isfinite(found.null_quantiles[0])


def test_a_spectrum_of_something_else_is_refused():
    X = np.random.default_rng(0).standard_normal((100, 30))
    Z = X * np.linspace(1, 4, 30)
    for other, message in (
        (covariance_spectrum(Z, scale=True), "scale=True, but center=True, scale=False"),
        (covariance_spectrum(np.vstack([Z, Z])), "is of 200 x 30 data, these are 100 x 30"),
        (covariance_spectrum(5 * Z[:50]), "times the total variance of these data"),
        (covariance_spectrum(Z[:, :20]), "times the total variance of these data"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            parallel_analysis(Z, spectrum=other, rng=0)
    same = parallel_analysis(Z, spectrum=covariance_spectrum(Z.astype(np.float32)), rng=0)
    assert same.n_dimensions == 0


@pytest.mark.parametrize("scale", [1e-150, 1e-100, 1e100, 1e150])
def test_a_spectrum_of_the_same_data_is_known_at_any_scale(scale):
    X = np.random.default_rng(0).standard_normal((60, 20)) * scale
    given = parallel_analysis(X, spectrum=covariance_spectrum(X), rng=0)
    np.testing.assert_array_equal(given.p_values, parallel_analysis(X, rng=0).p_values)
