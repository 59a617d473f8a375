"""Unbiased participation ratio and RankMe."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from eigenscope import covariance_spectrum
from eigenscope.errors import InvalidInputError, NonFiniteInputError
from eigenscope.neural import participation_ratio, rankme
from eigenscope.neural.dimensionality import _centred_pairs
from eigenscope.neural.unbiased_sums import PairSums
from scipy.stats import binom

LATENTS = np.arange(1, 401.0) ** -0.8
TRUTH = LATENTS.sum() ** 2 / (LATENTS**2).sum()
STEEP = np.arange(1, 401.0) ** -1.5


def draw(n_stimuli, n_neurons, generator, noise=0.0, latents=LATENTS):
    """Neurons that sample a population of 400 latent dimensions, about a mean of 3."""
    weights = generator.standard_normal((400, n_neurons)) / math.sqrt(400)
    signal = (generator.standard_normal((n_stimuli, 400)) * np.sqrt(latents)) @ weights + 3
    spread = math.sqrt(noise * latents.sum() / 400)
    return tuple(signal + spread * generator.standard_normal(signal.shape) for _ in range(2))


def sums_of(X, Y=None, neurons="sample"):
    (A, B), *_ = _centred_pairs(X, Y, "raise")
    # Undo the common scale, so that sums of different recordings can be averaged.
    scale = max(np.abs(Z - Z.mean(axis=0)).max() for Z in ((X,) if Y is None else (X, Y)))
    return PairSums.of(A, B).unbiased(neurons) * scale**4


@pytest.mark.parametrize("n_stimuli", [4, 6])
def test_sums_are_those_over_different_stimuli_and_neurons(n_stimuli):
    # Σ over different stimuli and neurons of products of covariances, written out.
    X = Y = np.random.default_rng(0).standard_normal((n_stimuli, 3))
    numerator = denominator = count = 0.0
    for a in range(3):
        for b in range(3):
            if a == b:
                continue
            count += 1
            for chosen in itertools.permutations(range(n_stimuli), 4):
                i, j, k, m = chosen
                first = (X[i, a] - X[j, a]) * (Y[i, a] - Y[j, a]) / 2
                second = (X[k, b] - X[m, b]) * (Y[k, b] - Y[m, b]) / 2
                numerator += first * second
                # One covariance from the X of a and Y of b, the other the other way round.
                cross = (X[i, a] - X[j, a]) * (Y[i, b] - Y[j, b]) / 2
                other = (X[k, b] - X[m, b]) * (Y[k, a] - Y[m, a]) / 2
                denominator += cross * other
    expected = numerator / denominator
    found = sums_of(X)
    assert found[0] / found[1] == pytest.approx(expected, rel=1e-9)


def test_leaving_out_is_having_never_seen():
    A, B = np.random.default_rng(1).standard_normal((2, 9, 7))
    stimuli, neurons = np.array([1, 4]), np.array([0, 5, 6])
    fewer = [np.delete(np.delete(Z, stimuli, axis=0), neurons, axis=1) for Z in (A, B)]
    for which in ("sample", "all"):
        found = PairSums.of(A, B).without_neurons(neurons).unbiased(which, stimuli)
        np.testing.assert_allclose(found, PairSums.of(*fewer).unbiased(which), rtol=1e-10)


@pytest.mark.parametrize(("n_stimuli", "n_neurons"), [(30, 30), (60, 60), (200, 100)])
@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_ratio_of_means_is_the_truth_where_the_plain_one_is_not(n_stimuli, n_neurons, noise):
    generator = np.random.default_rng([n_stimuli, int(noise)])
    sums, plain = [], []
    for _ in range(300):
        X, Y = draw(n_stimuli, n_neurons, generator, noise)
        sums.append(sums_of(X, Y if noise else None))
        values = np.linalg.eigvalsh(np.cov(X.T))
        plain.append((values.sum() ** 2, (values**2).sum()))
    sums, plain = np.array(sums), np.array(plain)
    ratio = sums[:, 0].mean() / sums[:, 1].mean()
    influence = sums[:, 0] / sums[:, 0].mean() - sums[:, 1] / sums[:, 1].mean()
    # T11: 4 %; noise, which it leaves out, makes three standard errors of 300 draws larger.
    assert ratio == pytest.approx(TRUTH, rel=max(0.04, 3 * influence.std() / math.sqrt(300)) if noise else 0.04)
    if noise == 0:
        law = 1 / (1 / n_stimuli + 1 / n_neurons + 1 / TRUTH)
        assert plain[:, 0].mean() / plain[:, 1].mean() == pytest.approx(law, rel=0.04)


@pytest.mark.parametrize(("n_stimuli", "n_neurons", "noise"), [(60, 60, 0.0), (100, 80, 1.0)])
def test_interval_covers(n_stimuli, n_neurons, noise):
    generator = np.random.default_rng(7)
    covered, n_draws = 0, 100
    for _ in range(n_draws):
        X, Y = draw(n_stimuli, n_neurons, generator, noise)
        low, high = participation_ratio(X, Y if noise else None).interval
        covered += low <= TRUTH <= high
    assert covered >= binom.ppf(1e-3, n_draws, 0.92)


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_interval_covers_where_few_dimensions_dominate(noise):
    generator = np.random.default_rng(8)
    truth = STEEP.sum() ** 2 / (STEEP**2).sum()
    covered, n_draws = 0, 200
    for _ in range(n_draws):
        X, Y = draw(40, 40, generator, noise, STEEP)
        low, high = participation_ratio(X, Y if noise else None).interval
        covered += low <= truth <= high
    assert covered >= binom.ppf(1e-2, n_draws, 0.92)


@pytest.mark.parametrize("seed", [6, 20, 24])
def test_intervals_of_noise_are_wide(seed):
    # Sums without some group are negative, and have no logarithm.
    found = participation_ratio(*np.random.default_rng(seed).standard_normal((2, 12, 9)), neurons="all")
    assert found.interval == (1, 9)
    assert found.stderr > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("latents", [LATENTS, STEEP], ids=["flat", "steep"])
@pytest.mark.parametrize(("n_stimuli", "n_neurons", "noise"), [(60, 60, 0.0), (200, 100, 0.0), (200, 100, 1.0)])
def test_coverage_table(n_stimuli, n_neurons, noise, latents):
    generator = np.random.default_rng([n_stimuli, n_neurons])
    truth, covered = latents.sum() ** 2 / (latents**2).sum(), 0
    for _ in range(600):
        X, Y = draw(n_stimuli, n_neurons, generator, noise, latents)
        low, high = participation_ratio(X, Y if noise else None).interval
        covered += low <= truth <= high
    assert binom.ppf(1e-3, 600, 0.92) <= covered <= binom.ppf(1 - 1e-3, 600, 0.97)


def test_all_neurons_of_a_small_population():
    generator = np.random.default_rng(0)
    truth = np.array([4.0, 1.0, 1.0])
    sums = np.array([sums_of(generator.standard_normal((20, 3)) * np.sqrt(truth), neurons="all") for _ in range(2000)])
    found = sums[:, 0].mean() / sums[:, 1].mean()
    assert found == pytest.approx(36 / 18, rel=0.04)


@pytest.mark.parametrize(("neurons", "most"), [("all", 20), ("sample", math.inf)])
@pytest.mark.parametrize("rank", [2, 20])
def test_four_stimuli_have_a_value_without_an_error(neurons, most, rank):
    generator = np.random.default_rng(0)
    X = generator.standard_normal((4, rank)) @ generator.standard_normal((rank, 20))
    found = participation_ratio(X, neurons=neurons)
    assert 1 <= found.value <= most
    assert math.isnan(found.stderr)
    assert found.interval == (1, most)
    more = participation_ratio(generator.standard_normal((5, 2)) @ generator.standard_normal((2, 20)), neurons=neurons)
    assert more.stderr > 0


def test_a_sample_of_two_neurons_has_a_value_without_an_error():
    X = np.random.default_rng(1).standard_normal((50, 1)) * [1, 2] + np.random.default_rng(2).standard_normal((50, 2))
    assert math.isnan(participation_ratio(X).stderr)
    assert 1 <= participation_ratio(X, neurons="all").interval[1] <= 2


def test_why_there_is_no_estimate_is_told_apart():
    generator = np.random.default_rng(0)
    axes = generator.standard_normal((300, 200)) / np.sqrt(np.arange(1, 201))
    Y = axes + 0.1 * generator.standard_normal(axes.shape)
    with pytest.raises(InvalidInputError, match="different neurons hardly covary") as refusal:
        participation_ratio(axes, Y)
    assert f'neurons="all" ({participation_ratio(axes, Y, neurons="all").value:.3g})' in str(refusal.value)
    with pytest.raises(InvalidInputError, match=r"-100.00% of the variance .* is common to the repeats"):
        participation_ratio(axes, -axes)
    with pytest.raises(InvalidInputError, match="noise hides the signal"):
        participation_ratio(*np.random.default_rng(3).standard_normal((2, 6, 4)))


def test_means_and_units_do_not_matter():
    X, Y = draw(40, 30, np.random.default_rng(1), 0.5)
    expected = participation_ratio(X, Y)
    for scale in (1e-140, 1e140):
        moved = participation_ratio(scale * (X + 100), scale * (Y - np.arange(30)))
        assert moved.value == pytest.approx(expected.value, rel=1e-6)
        assert moved.stderr == pytest.approx(expected.stderr, rel=1e-5)


def test_many_repeats_average_over_their_pairs():
    generator = np.random.default_rng(2)
    X, Y = draw(100, 60, generator, 1.0)
    Z = X + generator.standard_normal(X.shape) * 0.1
    three = participation_ratio(np.stack([X, Y, Z]))
    assert three.value > 0
    assert participation_ratio(np.stack([X, Y])).value == pytest.approx(participation_ratio(X, Y).value, rel=1e-12)


def test_missing_neurons_are_left_out_when_asked():
    X, Y = draw(40, 30, np.random.default_rng(3), 0.5)
    expected = participation_ratio(X[:, 1:], Y[:, 1:]).value
    X[3, 0] = np.nan
    assert participation_ratio(X, Y, nan="omit").value == pytest.approx(expected, rel=1e-9)
    with pytest.raises(NonFiniteInputError, match='nan="omit" leaves out neurons with a missing value'):
        participation_ratio(X, Y)


def test_rankme_is_its_definition():
    eigenvalues = np.arange(1, 51.0) ** -1
    for of, parts in (("singular_values", np.sqrt(eigenvalues)), ("eigenvalues", eigenvalues)):
        shares = parts / parts.sum() + 1e-7
        assert rankme(eigenvalues, of=of) == pytest.approx(np.exp(-(shares * np.log(shares)).sum()), rel=1e-12)


def test_rankme_of_a_spectrum_needs_all_of_it():
    X = np.random.default_rng(4).standard_normal((120, 30))
    spectrum = covariance_spectrum(X, center=False)
    assert rankme(spectrum) == pytest.approx(rankme(spectrum.eigenvalues), rel=1e-12)
    with pytest.raises(InvalidInputError, match=r"top 10 eigenvalues hold .* compute all eigenvalues"):
        rankme(covariance_spectrum(X, k=10))
    # Of data of rank 3, the first ten are all there is.
    flat = covariance_spectrum(X[:, :3] @ np.random.default_rng(5).standard_normal((3, 30)), k=10)
    assert rankme(flat) == pytest.approx(rankme(flat.eigenvalues), rel=1e-12)
    with pytest.raises(InvalidInputError, match="are masked"):
        rankme(np.ma.masked_array([3.0, 2.0, 1.0], mask=[False, True, False]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda X: participation_ratio(X[:3]), "3 stimuli"),
        (lambda X: participation_ratio(X[:, :1]), "one neuron"),
        (lambda X: participation_ratio(X * 0), "constant"),
        (lambda X: participation_ratio(X * 0 + 0.1), "constant"),
        (lambda X: participation_ratio(5.0), "two-dimensional"),
        (lambda X: participation_ratio(X, neurons="none"), "neurons must be"),
        (lambda X: participation_ratio(X, confidence=1), "confidence"),
        (lambda X: participation_ratio(X, X[:, 1:]), "one shape"),
        (lambda X: rankme([0.0, 0.0]), "no rank"),
        (lambda X: rankme([1.0], of="s"), "of must be"),
    ],
)
def test_wrong_input_is_refused_with_a_reason(call, message):
    with pytest.raises(InvalidInputError, match=message):
        call(np.random.default_rng(0).standard_normal((30, 20)))


@pytest.mark.parametrize("neurons", ["all", "sample"])
@pytest.mark.parametrize("repeats", [1, 2])
def test_the_sums_are_those_over_different_stimuli(repeats, neurons):
    generator = np.random.default_rng(0)
    A = generator.standard_normal((6, 4)) + 0.5
    B = A if repeats == 1 else generator.standard_normal((6, 4)) - 0.3
    pairs = itertools.product(range(4), repeat=2)
    wanted = np.zeros(2)
    for a, b in [(a, b) for a, b in pairs if neurons == "all" or a != b]:
        K, L = np.outer(A[:, a], B[:, a]), np.outer(A[:, b], B[:, b])
        for i, j, k, m in itertools.permutations(range(6), 4):
            apart = K[i, j] * L[k, m]
            wanted[0] += K[i, i] * L[j, j] - 2 * K[i, i] * L[j, k] + apart
            wanted[1] += K[i, j] * L[j, i] - 2 * K[i, j] * L[j, k] + apart
    found = PairSums.of(A, B).unbiased(neurons)
    np.testing.assert_allclose(found, wanted / 360 / 12, rtol=1e-10)


def test_noise_that_all_neurons_share_leaves_the_sums_unbiased():
    generator = np.random.default_rng(0)
    total = np.zeros((2000, 2))
    for draws in total:
        signal = generator.standard_normal((8, 20))
        A, B = signal + generator.standard_normal((2, 8, 1))
        draws[:] = PairSums.of(A, B).unbiased("all") * 380 / [400, 20]
    assert (np.abs(total.mean(axis=0) - 1) < 4 * total.std(axis=0) / np.sqrt(len(total))).all()


def test_neurons_that_do_not_covary_have_no_ratio():
    with pytest.raises(InvalidInputError, match=r"Add neurons|noise hides"):
        participation_ratio(np.eye(40, 30))
