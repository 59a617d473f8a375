"""Cross-validated PCA: the reference procedure's numbers, exact exponents, repeats, missing and bad input."""

from __future__ import annotations

import numpy as np
import pytest
from eigenscope import effective_rank, fit_power_law, participation_ratio
from eigenscope.errors import DataWarning, InvalidInputError, NonFiniteInputError, UnsupportedTypeError
from eigenscope.neural import (
    CrossValidatedSpectrum,
    cvpca,
    exponent_bias,
    rankme,
    remove_spontaneous,
    signal_statistics,
    split_repeats,
)
from eigenscope.neural.repeats import as_repeats, random_halves


def reference(X1, X2, center=True):
    """Components by the full decomposition of X1, both halves projected, products summed over stimuli."""
    if center:
        X1, X2 = X1 - X1.mean(axis=0), X2 - X2.mean(axis=0)
    _, _, axes = np.linalg.svd(X1, full_matrices=False)
    first, second = X1 @ axes.T, X2 @ axes.T
    n = len(X1) - 1
    return (first * second).sum(axis=0) / n, ((first - second) ** 2).sum(axis=0) / 2 / n


def exact_sample_spectrum(n_stimuli, eigenvalues, generator):
    """Centred samples whose covariance has exactly these eigenvalues, along the first axes."""
    basis = generator.standard_normal((n_stimuli, len(eigenvalues)))
    basis = np.linalg.qr(basis - basis.mean(axis=0))[0]
    return basis * np.sqrt(eigenvalues * (n_stimuli - 1))


@pytest.fixture
def repeats():
    generator = np.random.default_rng(0)
    signal = generator.standard_normal((60, 90)) * np.arange(1, 91) ** -0.5
    return tuple(signal + 0.3 * generator.standard_normal(signal.shape) + 2 for _ in range(2))


@pytest.mark.parametrize("shape", [(60, 90), (60, 25)])
def test_gram_space_gives_the_numbers_of_the_reference(repeats, shape):
    X1, X2 = (X[:, : shape[1]] for X in repeats)
    found = cvpca(X1, X2, n_shuffles=0)
    signal, noise = reference(X1, X2)
    # Eigenvectors of close eigenvalues are known to eps / gap; a thousand eps covers these gaps.
    kept = min(shape[0] - 1, shape[1])
    np.testing.assert_allclose(found.eigenvalues[:kept], signal[:kept], atol=1e-9 * signal[0])
    np.testing.assert_allclose(found.noise_eigenvalues[:kept], noise[:kept], atol=1e-9 * signal[0])
    common = np.trace((X1 - X1.mean(axis=0)).T @ (X2 - X2.mean(axis=0))) / (len(X1) - 1)
    assert found.total_variance == pytest.approx(common, rel=1e-12)
    assert found.total_noise_variance == pytest.approx(((X1 - X2).var(axis=0) * 60 / 59).sum() / 2, rel=1e-10)


@pytest.mark.parametrize("center", ["repeats", "halves"])
def test_exchanges_are_those_of_the_reference(repeats, center):
    X1, X2 = repeats
    found = cvpca(X1, X2, n_shuffles=3, rng=5, center=center)
    present = as_repeats(X1, X2).present
    generator = np.random.Generator(np.random.Philox(5))
    means = [X.mean(axis=0) if center == "repeats" else 0.0 for X in repeats]
    stack = np.concatenate([X1 - means[0], X2 - means[1]])
    expected = []
    for _ in range(3):
        halves = [half @ stack for half in random_halves(present, generator)]
        expected.append(reference(*halves, center=center == "halves")[0])
    np.testing.assert_allclose(found.eigenvalues[:50], np.mean(expected, axis=0)[:50], atol=1e-9 * found.eigenvalues[0])


def test_what_each_repeat_adds_is_no_signal():
    generator = np.random.default_rng(3)
    X = generator.standard_normal((50, 20)) + 0.3 * generator.standard_normal((4, 50, 20))
    missing = generator.random((4, 50)) < 0.2
    missing[:, (~missing).sum(axis=0) < 2] = False
    for gone in (np.zeros_like(missing), missing):
        X[gone] = np.nan
        plain, shifted = (
            cvpca(X + offset, nan="omit", n_shuffles=4, rng=0).eigenvalues
            for offset in (0.0, 3 * generator.standard_normal((4, 1, 20)))
        )
        np.testing.assert_allclose(shifted, plain, atol=1e-9 * plain[0])


def test_exchanges_do_not_change_the_total_signal(repeats):
    totals = [cvpca(*repeats, n_shuffles=count, rng=count).total_variance for count in (0, 1, 3)]
    np.testing.assert_allclose(totals, totals[0], rtol=1e-12)


def test_components_without_variance_hold_no_signal():
    generator = np.random.default_rng(4)
    signal = generator.standard_normal((60, 20)) @ generator.standard_normal((20, 80))
    found = cvpca(signal, signal, rng=0)
    np.testing.assert_array_equal(found.eigenvalues[20:], 0.0)
    assert found.n_negative == 0
    # Of 100 centred stimuli 99 components have variance: default ranks end there.
    ranks = np.arange(1, 301.0)
    signal = generator.standard_normal((100, 300)) * ranks**-0.5
    for seed in range(6):
        repeats = (signal + 0.1 * generator.standard_normal(signal.shape) for _ in range(2))
        spectrum = cvpca(*repeats, n_shuffles=seed // 2, center="halves", rng=seed)
        fit = spectrum.fit_power_law()
        assert fit.ranks[1] <= 99
        assert fit.exponent == spectrum.fit_power_law(ranks=(11, 99)).exponent


def test_exchanging_swaps_each_stimulus_with_probability_one_half():
    first, second = random_halves(np.ones((2, 4000), dtype=bool), np.random.default_rng(0))
    swapped = first.toarray()[:, 4000:].sum()
    assert abs(swapped - 2000) < 4 * np.sqrt(1000)
    np.testing.assert_array_equal(np.asarray((first + second).sum(axis=1)), 2.0)


def test_same_seed_same_bits_for_any_number_of_threads(repeats):
    one, three = (cvpca(*repeats, rng=3, threads=threads) for threads in (1, 3))
    np.testing.assert_array_equal(one.eigenvalues, three.eigenvalues)


def test_top_components_are_those_of_all(repeats):
    everything, top = cvpca(*repeats, rng=0), cvpca(*repeats, k=10, rng=0)
    np.testing.assert_allclose(top.eigenvalues, everything.eigenvalues[:10], rtol=1e-8)
    assert top.total_variance == pytest.approx(everything.total_variance, rel=1e-12)


@pytest.mark.parametrize("container", [np.float32, np.int16, "strided", "read-only", "fortran"])
def test_containers_give_the_same_and_stay_unchanged(repeats, container):
    X1, X2 = (np.rint(100 * X) for X in repeats)
    expected = cvpca(X1, X2, rng=0).eigenvalues
    if container == "strided":
        inputs = [np.repeat(X, 2, axis=1)[:, ::2] for X in (X1, X2)]
    elif container == "fortran":
        inputs = [np.asfortranarray(X) for X in (X1, X2)]
    elif container == "read-only":
        inputs = [X.copy() for X in (X1, X2)]
        for X in inputs:
            X.flags.writeable = False
    else:
        inputs = [X.astype(container) for X in (X1, X2)]
    copies = [X.copy() for X in inputs]
    np.testing.assert_allclose(cvpca(*inputs, rng=0).eigenvalues, expected, rtol=1e-9, atol=1e-9 * expected[0])
    for X, copy in zip(inputs, copies, strict=True):
        np.testing.assert_array_equal(X, copy)


@pytest.mark.parametrize("scale", [1e-140, 1e140])
def test_scale_is_carried_through(repeats, scale):
    expected = cvpca(*repeats, rng=0)
    found = cvpca(*(X * scale for X in repeats), rng=0)
    np.testing.assert_allclose(found.eigenvalues / scale**2, expected.eigenvalues, atol=1e-9 * expected.eigenvalues[0])


def test_two_repeats_in_one_array_are_the_two_arrays(repeats):
    np.testing.assert_array_equal(cvpca(np.stack(repeats), rng=0).eigenvalues, cvpca(*repeats, rng=0).eigenvalues)


def test_more_repeats_leave_less_noise():
    generator = np.random.default_rng(1)
    signal = generator.standard_normal((80, 50))
    X = signal + 2 * generator.standard_normal((6, 80, 50))
    two, six = cvpca(X[:2], rng=0), cvpca(X, rng=0)
    assert six.n_repeats == 6
    assert six.total_noise_variance == pytest.approx(two.total_noise_variance / 3, rel=0.1)
    X[4, 7] = np.nan
    missing = cvpca(X, nan="omit", rng=0)
    assert missing.total_variance == pytest.approx(six.total_variance, rel=0.02)
    with pytest.raises(NonFiniteInputError, match="stimulus 7 in repeat 5"):
        cvpca(X)


@pytest.mark.parametrize("center", [True, False])
def test_scaled_neurons_are_z_scores_of_all_repeats(repeats, center):
    X = np.stack([*repeats, repeats[0] + np.random.default_rng(2).standard_normal((60, 90))])
    squares = X.var(axis=1, ddof=1) if center else (X**2).mean(axis=1)
    expected = cvpca(X / np.sqrt(squares.mean(axis=0)), center=center, rng=0)
    found = cvpca(X, scale=True, center=center, rng=0)
    np.testing.assert_allclose(found.eigenvalues, expected.eigenvalues, atol=1e-9 * expected.eigenvalues[0])
    assert found.scaled
    assert "neurons scaled" in found.summary()
    # Units of the neurons cancel, wherever they lie.
    moved = cvpca(X * np.logspace(-280, 280, 90), scale=True, center=center, rng=0)
    np.testing.assert_allclose(moved.eigenvalues, found.eigenvalues, atol=1e-9 * found.eigenvalues[0])


def test_scaled_signal_variance_is_the_sum_of_signal_fractions(repeats):
    fractions = signal_statistics(*repeats).signal_fractions
    assert cvpca(*repeats, scale=True, n_shuffles=0).total_variance == pytest.approx(fractions.sum(), rel=1e-10)


def test_scaling_leaves_out_constant_neurons_and_missing_presentations(repeats):
    X = np.stack([*repeats, repeats[1] + 0.1])
    X[2, 5] = np.nan
    expected = cvpca(X, scale=True, nan="omit", rng=0)
    deviations = np.sqrt(np.nansum((X - np.nanmean(X, axis=1)[:, None]) ** 2, axis=(0, 1)) / (59 + 59 + 58))
    by_hand = cvpca(X / deviations, nan="omit", rng=0)
    np.testing.assert_allclose(expected.eigenvalues, by_hand.eigenvalues, atol=1e-9 * by_hand.eigenvalues[0])
    padded = np.concatenate([X, np.where(np.isnan(X[:, :, :1]), np.nan, 0.1)], axis=2)
    with pytest.warns(DataWarning, match="1 of 91 neurons are constant in all repeats"):
        found = cvpca(padded, scale=True, nan="omit", rng=0)
    np.testing.assert_allclose(found.eigenvalues, expected.eigenvalues, atol=1e-9 * expected.eigenvalues[0])


def test_noise_alone_has_no_dimensions():
    spectrum = cvpca(*(np.random.default_rng(seed).standard_normal((100, 50)) for seed in (2, 102)), rng=0)
    assert spectrum.total_variance < 0
    for count in (spectrum.dims_for_variance, spectrum.dims_interval, spectrum.participation_ratio):
        with pytest.raises(InvalidInputError, match=r"add up to -0.66.*: no signal is common to the repeats"):
            count()


def test_split_repeats_averages_what_there_is():
    X = np.arange(5.0)[:, None, None] * np.ones((5, 4, 3))
    X[0, 2] = np.nan
    first, second = split_repeats(X, nan="omit")
    np.testing.assert_allclose(first[:, 0], [0.5, 0.5, 1.5, 0.5])
    np.testing.assert_allclose(second[:, 0], [3, 3, 3.5, 3])


@pytest.mark.parametrize("exponent", [0.5, 1.0, 1.5])
def test_exponent_of_an_exact_power_law_in_noise(exponent):
    # T5: 800 stimuli, 3000 neurons, noise n^-1 in the signal's axes, half of the variance.
    generator = np.random.default_rng(int(10 * exponent))
    ranks = np.arange(1, 3001.0)
    eigenvalues = ranks[:799] ** -exponent
    noise = 1 / ranks
    noise *= eigenvalues.sum() / noise.sum()
    signal = np.zeros((800, 3000))
    signal[:, :799] = exact_sample_spectrum(800, eigenvalues, generator)
    X1, X2 = (signal + generator.standard_normal(signal.shape) * np.sqrt(noise) for _ in range(2))
    fit = cvpca(X1, X2, k=300, n_shuffles=3, rng=0).fit_power_law(ranks=(11, 300))
    assert fit.exponent == pytest.approx(exponent, abs=0.10)
    plain = fit_power_law(np.linalg.eigvalsh(np.cov(X1)), ranks=(11, 300)).exponent
    if exponent != 1.0:
        assert abs(plain - exponent) >= 0.15


def test_errors_of_eigenvalues_are_those_seen_over_recordings():
    generator = np.random.default_rng(0)
    eigenvalues, stderrs = [], []
    for _ in range(120):
        signal = generator.standard_normal((100, 30)) * np.arange(1, 31) ** -0.7
        found = cvpca(*(signal + 0.2 * generator.standard_normal(signal.shape) for _ in range(2)), n_shuffles=4, rng=0)
        eigenvalues.append(found.eigenvalues[:8])
        stderrs.append(found.stderr[:8])
    # A standard deviation from 120 draws is known to 6.5 %; repulsion of neighbours is not in the error.
    ratio = np.mean(stderrs, axis=0) / np.std(eigenvalues, axis=0)
    assert np.all((ratio > 0.75) & (ratio < 1.5))


def test_interval_of_the_count_of_dimensions_holds_most_counts():
    generator = np.random.default_rng(1)
    counts, intervals = [], []
    for _ in range(100):
        signal = generator.standard_normal((80, 30)) * np.arange(1, 31) ** -0.7
        found = cvpca(*(signal + 0.1 * generator.standard_normal(signal.shape) for _ in range(2)), n_shuffles=0)
        counts.append(found.dims_for_variance(0.8))
        intervals.append(found.dims_interval(0.8))
    low, high = np.transpose(intervals)
    middle = np.median(counts)
    assert np.all((low <= counts) & (counts <= high))
    # Fewer than 87 of 100 have probability 1e-3 at 95 %.
    assert np.sum((low <= middle) & (middle <= high)) >= 87
    assert np.mean(high - low) < 12


def test_bias_is_reported_and_correction_helps():
    generator = np.random.default_rng(2)
    signal = generator.standard_normal((300, 400)) * np.arange(1, 401) ** -0.5
    noise = np.sqrt(np.mean(1 / np.arange(1, 401)))
    spectrum = cvpca(*(signal + noise * generator.standard_normal(signal.shape) for _ in range(2)), k=80, rng=0)
    fit = spectrum.fit_power_law(ranks=(5, 40))
    bias = exponent_bias(spectrum, ranks=(5, 40), n_simulations=3, rng=0)
    assert bias.value < -0.02
    assert abs(fit.exponent - bias.value - 1) < abs(fit.exponent - 1) + 2 * fit.stderr


def test_verbs_of_the_spectrum(repeats, tmp_path):
    generator = np.random.default_rng(1)
    spectrum = cvpca(*(X + generator.standard_normal(X.shape) for X in repeats), rng=0)
    assert isinstance(spectrum, CrossValidatedSpectrum)
    values = spectrum.eigenvalues
    assert spectrum.n_negative == np.sum(values < 0) > 0
    ratio = spectrum.participation_ratio()
    assert ratio.value == pytest.approx(values.sum() ** 2 / (values**2).sum())
    assert ratio.interval[0] < ratio.value < ratio.interval[1]
    count = spectrum.dims_for_variance(0.5)
    with pytest.raises(InvalidInputError, match="all components"):
        cvpca(*repeats, k=5, rng=0).dims_interval()
    assert values[:count].sum() >= 0.5 * spectrum.total_variance > values[: count - 1].sum()
    for refused in (spectrum.effective_rank, spectrum.fit_marchenko_pastur):
        with pytest.raises(InvalidInputError):
            refused()
    fit = spectrum.fit_power_law(ranks=(2, 50))
    assert fit.n_dropped == np.sum(values[1:50] <= 0)
    spectrum.save(tmp_path / "spectrum.npz")
    assert CrossValidatedSpectrum.load(tmp_path / "spectrum.npz") == spectrum
    assert "below zero" in spectrum.summary()


def test_spontaneous_dimensions_hide_the_exponent_until_removed():
    # T17: 32 strong spontaneous dimensions, the same in both repeats of the recording.
    generator = np.random.default_rng(0)
    P, N = 400, 600
    signal = generator.standard_normal((P, N)) * np.arange(1, N + 1) ** -0.5
    signal = signal @ np.linalg.qr(generator.standard_normal((N, N)))[0]
    axes = np.linalg.qr(generator.standard_normal((N, 32)))[0].T
    strengths = 3.0 * np.linspace(2, 1, 32)
    X1, X2 = (
        signal + 0.05 * generator.standard_normal((P, N)) + (generator.standard_normal((P, 32)) * strengths) @ axes
        for _ in range(2)
    )
    spontaneous = (generator.standard_normal((3000, 32)) * strengths) @ axes + 0.05 * generator.standard_normal(
        (3000, N)
    )
    options = {"k": 150, "n_shuffles": 3, "rng": 0}
    kept, cleaned, again = (
        cvpca(X1, X2, **options),
        cvpca(X1, X2, spontaneous=spontaneous, **options),
        cvpca(*remove_spontaneous(np.stack([X1, X2]), spontaneous), **options),
    )
    # Responses are z-scored by spontaneous activity before its dimensions are removed.
    assert abs(cleaned.fit_power_law(ranks=(11, 150)).exponent - 1) < 0.1
    assert abs(kept.fit_power_law(ranks=(11, 150)).exponent - 1) > 0.2
    np.testing.assert_array_equal(cleaned.eigenvalues, again.eigenvalues)


def test_removal_of_spontaneous_dimensions_does_not_depend_on_units():
    generator = np.random.default_rng(3)
    spontaneous = generator.standard_normal((50, 8)) * np.geomspace(1, 100, 8) + 5
    responses = generator.standard_normal((2, 6, 8))
    responses[1, 2] = np.nan
    expected = remove_spontaneous(responses, spontaneous, n_components=2)
    assert np.isnan(expected[1, 2]).all()
    for unit in (1e-140, 1e140):
        found = remove_spontaneous(responses * unit, spontaneous * unit, n_components=2)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    axes = np.linalg.svd(spontaneous - spontaneous.mean(axis=0))[2][:2]
    plain = responses - spontaneous.mean(axis=0)
    found = remove_spontaneous(responses, spontaneous, n_components=2, scale=False)
    np.testing.assert_allclose(found, plain - plain @ axes.T @ axes, atol=1e-9)
    spontaneous[:, 3] = 0.1
    with pytest.warns(DataWarning, match="1 of 8 neurons are constant"):
        cleaned = remove_spontaneous(responses, spontaneous, n_components=2)
    assert np.abs(cleaned[0, :, 3]).max() < 1e-12


def test_spontaneous_activity_is_refused_with_a_reason():
    responses, spontaneous = np.ones((6, 8)), np.random.default_rng(4).standard_normal((50, 8))
    single = np.where(np.arange(8) == 2, np.nan, responses)
    for call, error, message in (
        (lambda: remove_spontaneous(responses[:, 1:], spontaneous), InvalidInputError, "same neurons"),
        (lambda: remove_spontaneous(responses, spontaneous * 0 + 0.1), InvalidInputError, "no neuron of the spont"),
        (lambda: remove_spontaneous(single, spontaneous, n_components=2), NonFiniteInputError, "6 rows"),
        (lambda: remove_spontaneous(responses * 1j, spontaneous, n_components=2), UnsupportedTypeError, "real"),
    ):
        with pytest.raises(error, match=message):
            call()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda a, b: cvpca(a, b[:-1]), InvalidInputError, "one shape"),
        (lambda a, b: cvpca(a[:3], b[:3]), InvalidInputError, "3 stimuli are too few"),
        (lambda a, b: cvpca(a), InvalidInputError, "n_repeats, n_stimuli"),
        (lambda a, b: cvpca(a[None]), InvalidInputError, "two repeats"),
        (lambda a, b: cvpca(a, b, k=1000), InvalidInputError, "choose 1 to 60"),
        (lambda a, b: cvpca(a, b, n_shuffles=-1), InvalidInputError, "n_shuffles"),
        (lambda a, b: cvpca(a, b, nan="drop"), InvalidInputError, "nan must be"),
        (lambda a, b: cvpca(a * 0, b * 0), InvalidInputError, "nothing to decompose"),
        # The mean of 0.1 is not 0.1: constant up to rounding.
        (lambda a, b: cvpca(a * 0 + 0.1, b * 0 + 0.1), InvalidInputError, "constant: there is nothing to decompose"),
        (
            lambda a, b: cvpca(a * 0 + a[0], b * 0 + b[0], n_shuffles=0),
            InvalidInputError,
            "responses are zero or constant",
        ),
        (lambda a, b: cvpca(a * 1e-160, b * 1e-160), InvalidInputError, "underflow"),
        (lambda a, b: cvpca(np.where(a > 2, np.nan, a), b), NonFiniteInputError, "repeat 1"),
        (lambda a, b: cvpca(a, b, spontaneous=a[:, 1:]), InvalidInputError, "same neurons"),
        (lambda a, b: cvpca(a, b, spontaneous=a, n_spontaneous=60), InvalidInputError, "at most 59"),
        (lambda a, b: cvpca(a * 1e200, b * 1e200), InvalidInputError, "overflow"),
        (lambda a, b: exponent_bias(a), InvalidInputError, "result of cvpca"),
        (lambda a, b: cvpca(a, b, center=2.5), InvalidInputError, 'True, False, "repeats" or "halves", got 2.5'),
        (lambda a, b: cvpca(a, b, scale=1), InvalidInputError, "scale must be True or False, got 1"),
        (lambda a, b: cvpca(a * 0 + 1, b), InvalidInputError, "repeat 1 are zero or constant"),
        (lambda a, b: cvpca(a, b).fit_power_law(n_samples=5), InvalidInputError, "plain eigenvalues"),
        (lambda a, b: cvpca(a, b).fit_power_law(confidence="a"), InvalidInputError, "confidence must be a number"),
    ],
)
def test_wrong_input_is_refused_with_a_reason(repeats, change, error, message):
    with pytest.raises(error, match=message):
        change(*repeats)


@pytest.mark.parametrize("scale", [1e80, 1e-100])
def test_errors_keep_to_the_scale_of_the_data(scale):
    generator = np.random.default_rng(0)
    X1, X2 = generator.standard_normal((30, 10)) + 0.5 * generator.standard_normal((2, 30, 10))
    plain, scaled = cvpca(X1, X2, rng=0), cvpca(scale * X1, scale * X2, rng=0)
    np.testing.assert_allclose(scaled.stderr / scale**2, plain.stderr, rtol=1e-9)
    assert scaled.dims_interval() == plain.dims_interval()
    ratios = scaled.participation_ratio(), plain.participation_ratio()
    np.testing.assert_allclose(*((r.value, r.stderr, *r.interval) for r in ratios), rtol=1e-9)


def test_a_ratio_below_one_is_one_and_other_functions_are_refused():
    generator = np.random.default_rng(37)
    signal = 0.25 * generator.standard_normal((30, 20))
    spectrum = cvpca(*(signal + generator.standard_normal(signal.shape) for _ in range(2)), rng=0)
    estimate = spectrum.participation_ratio()
    assert estimate.interval[0] <= estimate.value <= estimate.interval[1]
    for function in (participation_ratio, effective_rank, rankme):
        with pytest.raises(InvalidInputError, match="method of the spectrum"):
            function(spectrum)
    with pytest.raises(InvalidInputError, match="exponent_bias"):
        spectrum.fit_power_law(ranks=(1, 10), bias_correction=True)
    with pytest.raises(InvalidInputError, match="share must be a number"):
        spectrum.dims_for_variance("0.9")


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_spontaneous_components_beyond_the_rank_are_refused(dtype):
    generator = np.random.default_rng(1)
    spontaneous = (generator.standard_normal((200, 5)) @ generator.standard_normal((5, 50))).astype(dtype)
    responses, order = generator.standard_normal((70, 50)), generator.permutation(50)
    cleaned = remove_spontaneous(responses, spontaneous, n_components=5)
    permuted = remove_spontaneous(responses[:, order], spontaneous[:, order], n_components=5)
    np.testing.assert_allclose(permuted, cleaned[:, order], atol=1e-4 if dtype is np.float32 else 1e-10)
    with pytest.raises(InvalidInputError, match="at most 5 components"):
        remove_spontaneous(responses, spontaneous, n_components=6)
    with pytest.raises(InvalidInputError, match="at most 49 components"):
        remove_spontaneous(responses, generator.standard_normal((200, 50)), n_components=50)
