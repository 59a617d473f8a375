"""Kernel alignment of populations of which some neurons were recorded: intervals, the same neurons twice."""

import itertools
import math

import numpy as np
import pytest
from eigenscope.errors import DataWarning, InvalidInputError
from eigenscope.neural import kernel_alignment

VARIANCES = 1 / np.arange(1, 11)
TRUTH = VARIANCES.sum() / math.sqrt(len(VARIANCES) * np.sum(VARIANCES**2))
"""Alignment of kernels with covariances diag(VARIANCES) and I of the same ten latents."""


def recorded(rng, n_stimuli, n_neurons_x, n_neurons_y):
    """Record neurons of two populations whose alignment is TRUTH."""
    latents = rng.standard_normal((n_stimuli, len(VARIANCES)))
    first = latents * np.sqrt(VARIANCES) @ rng.standard_normal((len(VARIANCES), n_neurons_x))
    return first, latents @ rng.standard_normal((len(VARIANCES), n_neurons_y))


def two_repeats(rng, n_neurons, n_stimuli=300, n_latents=40):
    """Record the same neurons twice, with private noise."""
    mixing = np.arange(1, n_latents + 1)[:, None] ** -0.25 * rng.standard_normal((n_latents, n_neurons))
    signal = rng.standard_normal((n_stimuli, n_latents)) @ mixing
    return signal + rng.standard_normal((2, *signal.shape))


def kernel_variance(variances, n_neurons):
    """Return the variance of the kernel of so many neurons, on average over draws of neurons."""
    pairs = np.sum(variances**2)
    return (1 - 1 / n_neurons) * pairs + (variances.sum() ** 2 + 2 * pairs) / n_neurons


def covering(n_recordings, *n_neurons):
    """Return how many 95 % intervals of the population value, and of the prediction for 200 neurons, hold them."""
    variances = kernel_variance(VARIANCES, 200) * kernel_variance(np.ones(len(VARIANCES)), 200)
    truths = np.array([TRUTH, VARIANCES.sum() / math.sqrt(variances)])
    counts = np.zeros(2, dtype=int)
    for seed in range(n_recordings):
        result = kernel_alignment(*recorded(np.random.default_rng(seed), 200, *n_neurons))
        low, high = np.array([estimate.interval for estimate in (result.population, result.predict(200, 200))]).T
        counts += (low < truths) & (truths < high)
    return counts


def alignment_of(covariances):
    return covariances[1] / math.sqrt(covariances[0] * covariances[2])


def test_interval_allows_for_the_drawing_of_neurons():
    # Over stimuli alone 18 of 40 covered. Binomial of 40 at 0.95: fewer than 33 has probability 7e-4.
    assert (covering(40, 40, 40) >= 33).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_neurons_x", "n_neurons_y", "n_recordings"),
    [(40, 40, 600), (200, 200, 400), (1000, 1000, 200), (40, 1000, 200), (1000, 40, 200), (20, 60, 600)],
)
def test_intervals_cover_populations_and_predictions(n_neurons_x, n_neurons_y, n_recordings):
    shares = covering(n_recordings, n_neurons_x, n_neurons_y) / n_recordings
    # 92 to 97 % besides three standard errors.
    assert (shares > 0.92 - 3 * math.sqrt(0.92 * 0.08 / n_recordings)).all()
    assert (shares < 0.97 + 3 * math.sqrt(0.97 * 0.03 / n_recordings)).all()


def test_neurons_leave_as_if_they_had_not_been_recorded():
    X, Y = recorded(np.random.default_rng(0), 53, 23, 31)
    result = kernel_alignment(X, Y, n_groups=7)
    stimuli = np.array_split(np.arange(53), 7)
    of_x, of_y = result.neuron_replicates
    assert of_x.shape == of_y.shape == (7, 2, 6)
    for place, (gone_x, gone_y) in enumerate(
        zip(np.array_split(np.arange(23), 7), np.array_split(np.arange(31), 7), strict=True)
    ):
        for rows, fewer in ((of_x, (np.delete(X, gone_x, axis=1), Y)), (of_y, (X, np.delete(Y, gone_y, axis=1)))):
            everyone = kernel_alignment(*fewer, n_groups=0).population.value
            some = kernel_alignment(*(np.delete(A, stimuli[place], axis=0) for A in fewer), n_groups=0).population.value
            assert alignment_of(rows[place, 0]) == pytest.approx(everyone, rel=1e-9)
            assert alignment_of(rows[place, 1]) == pytest.approx(some, rel=1e-9)


def test_many_tiles_of_many_groups_agree_with_few():
    X, Y = recorded(np.random.default_rng(1), 300, 25, 40)
    few, many = kernel_alignment(X, Y, n_groups=0), kernel_alignment(X, Y, n_groups=300)
    np.testing.assert_allclose(many.pair_covariances, few.pair_covariances, rtol=1e-11)
    assert many.replicates.shape == (300, 6)
    assert [len(rows) for rows in many.neuron_replicates] == [20, 20]
    without = kernel_alignment(X[1:], Y[1:], n_groups=0)
    assert alignment_of(many.replicates[0]) == pytest.approx(without.population.value, rel=1e-9)


def test_error_of_all_neurons_holds_that_of_fewer():
    rng = np.random.default_rng(2)
    few, many = (kernel_alignment(*recorded(rng, 200, n, n)).population for n in (30, 600))
    assert few.stderr > 2 * many.stderr
    assert kernel_alignment(*recorded(rng, 200, 30, 30)).debiased.stderr < few.stderr / 2


def test_two_neurons_have_a_value_without_an_error():
    X, Y = recorded(np.random.default_rng(3), 100, 2, 50)
    population = kernel_alignment(X, Y).population
    assert math.isfinite(population.value)
    assert math.isnan(population.stderr)
    assert np.isnan(population.interval).all()


@pytest.mark.parametrize("n_neurons", [10, 30, 100])
def test_two_repeats_of_the_same_neurons_agree(n_neurons):
    found = [
        kernel_alignment(*two_repeats(np.random.default_rng(seed), n_neurons), same_neurons=True).population
        for seed in range(30)
    ]
    values = np.array([estimate.value for estimate in found])
    assert abs(values.mean() - 1) < 4 * values.std() / math.sqrt(30) + 1e-3
    # Binomial of 30 at 0.95: fewer than 24 has probability 1e-3.
    assert sum(estimate.interval[0] < 1 < estimate.interval[1] for estimate in found) >= 24


def test_same_neurons_leave_equal_ones_out_by_definition():
    X, Y = two_repeats(np.random.default_rng(4), 8, n_stimuli=30)
    result = kernel_alignment(X, Y, same_neurons=True)

    def covariance(a, b):
        """Song et al. 2012, equation 5, of the kernels of two neurons."""
        n = len(a)
        K, L = (np.outer(v, v) - np.diag(v * v) for v in (a, b))
        sums = K.sum() * L.sum() / ((n - 1) * (n - 2)) - 2 * K.sum(axis=0) @ L.sum(axis=0) / (n - 2)
        return (np.trace(K @ L) + sums) / (n * (n - 3))

    pairs = [
        np.mean([covariance(A[:, i], B[:, j]) for i, j in itertools.permutations(range(8), 2)])
        for A, B in ((X, X), (X, Y), (Y, Y))
    ]
    plain = kernel_alignment(X, Y, same_neurons=True, n_groups=0)
    assert plain.population.value == pytest.approx(alignment_of(pairs), rel=1e-9)
    assert result.predict(8, 8).value == pytest.approx(result.debiased.value, rel=1e-12)
    assert kernel_alignment(X, X, same_neurons=True).population.value == pytest.approx(1, abs=1e-12)


def test_same_neurons_leave_together():
    X, Y = two_repeats(np.random.default_rng(5), 12, n_stimuli=60)
    (rows,) = kernel_alignment(X, Y, same_neurons=True, n_groups=6).neuron_replicates
    fewer = kernel_alignment(X[:, 2:], Y[:, 2:], same_neurons=True, n_groups=0).population.value
    assert alignment_of(rows[0, 0]) == pytest.approx(fewer, rel=1e-9)


@pytest.mark.parametrize("n_neurons", [10, 100])
def test_evidently_the_same_neurons_are_warned_of(n_neurons):
    X, Y = two_repeats(np.random.default_rng(6), n_neurons)
    with pytest.warns(DataWarning, match="same_neurons=True"):
        result = kernel_alignment(X, Y)
    assert result.population.value > 1.2


def test_different_neurons_are_not_warned_of():
    for seed in range(100):
        rng = np.random.default_rng(seed)
        kernel_alignment(*recorded(rng, 40, 12, 12), n_groups=0)
        angles = rng.uniform(0, 2 * np.pi, 40)
        tuning = np.sort(rng.uniform(0, 2 * np.pi, (2, 30)))
        # Two recordings of one ring, both sorted by preferred angle: neighbours are as alike as equal columns.
        kernel_alignment(*np.exp(2 * np.cos(angles[:, None] - tuning[:, None])), n_groups=0)


def test_wrong_options_are_refused():
    X, Y = two_repeats(np.random.default_rng(7), 10, n_stimuli=40)
    same = kernel_alignment(X, Y, same_neurons=True)
    for call in [
        lambda: kernel_alignment(X, Y[:, 1:], same_neurons=True),
        lambda: kernel_alignment(X, Y, same_neurons="yes"),
        lambda: kernel_alignment(X, Y, same_neurons=None),
        lambda: kernel_alignment(X, Y, confidence="a"),
        lambda: kernel_alignment(X, Y, confidence=None),
        lambda: kernel_alignment(X, Y, n_groups="a"),
        lambda: kernel_alignment(X, Y, n_groups=None),
        lambda: same.predict(5, 6),
        lambda: same.predict("a", 5),
        lambda: same.predict(5, None),
        lambda: same.predict(5, 5, confidence=None),
        lambda: same.predict(math.nan, math.nan),
    ]:
        with pytest.raises(InvalidInputError):
            call()
