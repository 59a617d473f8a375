"""Layer reports and region comparisons."""

from __future__ import annotations

import math

import numpy as np
import pytest
from eigenscope import Estimate, covariance_spectrum, effective_rank, fit_power_law
from eigenscope.errors import InvalidInputError, NonFiniteInputError, UnsupportedTypeError
from eigenscope.neural import LayerReport, RegionComparison, compare_regions, layer_report, rankme
from eigenscope.neural.entropy_ranks import entropy_rank
from eigenscope.testing import polynomial_spectrum

RANKS = np.arange(1, 301.0)


def region(eigenvalues, seed, n_stimuli=300):
    generator = np.random.default_rng(seed)
    signal = generator.standard_normal((n_stimuli, len(eigenvalues))) * np.sqrt(eigenvalues)
    noise = np.sqrt(eigenvalues.mean())
    # Neurons mix the axes of the signal: the participation ratio takes them as a sample of a population.
    signal = signal @ np.linalg.qr(generator.standard_normal((len(eigenvalues), len(eigenvalues))))[0]
    return tuple(signal + noise * generator.standard_normal(signal.shape) for _ in range(2))


def test_layers_of_known_exponent(tmp_path):
    generator = np.random.default_rng(0)
    layers = {
        f"layer {exponent}": generator.standard_normal((3000, 4, 40))
        * np.sqrt(polynomial_spectrum(160, exponent=exponent)).reshape(4, 40)
        for exponent in (0.8, 1.2)
    }
    report = layer_report(layers)
    for layer, exponent in zip(report.layers, (0.8, 1.2), strict=True):
        assert (layer.n_samples, layer.n_features) == (3000, 160)
        assert layer.power_law.interval[0] <= exponent <= layer.power_law.interval[1]
        assert layer.misfit == ""
        assert layer.rank_me.value > layer.effective_rank.value > layer.participation_ratio.value
        assert layer.dims_90.interval[0] <= layer.dims_90.value <= layer.dims_90.interval[1]
    report.save(tmp_path / "layers.npz")
    assert LayerReport.load(tmp_path / "layers.npz") == report
    assert "layer 0.8: exponent" in report.summary()
    frame = report.to_frame()
    assert list(frame["layer"]) == ["layer 0.8", "layer 1.2"]


def test_errors_of_dimension_counts_are_those_seen_over_recordings():
    generator = np.random.default_rng(3)
    layers = [
        layer_report([generator.standard_normal((200, 60)) / RANKS[:60] ** 0.5], ranks=(1, 30)).layers[0]
        for _ in range(100)
    ]
    for name in ("effective_rank", "rank_me"):
        values, errors = np.array([(getattr(x, name).value, getattr(x, name).stderr) for x in layers]).T
        # A standard deviation of 100 draws is known to 7 %.
        assert errors.mean() == pytest.approx(values.std(), rel=0.25)
    counts = np.array([(x.dims_90.value, *x.dims_90.interval) for x in layers])
    middle = np.round(counts[:, 0].mean())
    assert np.sum((counts[:, 1] <= middle) & (middle <= counts[:, 2])) >= 90
    spectrum = covariance_spectrum(generator.standard_normal((200, 60)))
    assert entropy_rank(spectrum, power=1.0, confidence=0.9).value == pytest.approx(effective_rank(spectrum))
    found = entropy_rank(spectrum, power=0.5, offset=1e-7, confidence=0.9)
    assert found.value == pytest.approx(rankme(spectrum))


def test_a_list_is_numbered_and_an_exponential_is_no_power_law():
    generator = np.random.default_rng(1)
    steep = generator.standard_normal((4000, 120)) * np.exp(-np.arange(120) / 12)
    layer = layer_report([steep], ranks=(5, 100)).layers[0]
    assert layer.name == "0"
    assert "exponential" in layer.misfit


def test_tensors_are_layers_too():
    torch = pytest.importorskip("torch")
    generator = np.random.default_rng(2)
    array = generator.standard_normal((200, 3, 10)).astype(np.float32)
    tensor = torch.from_numpy(array).requires_grad_()
    expected, found = layer_report([array]).layers[0], layer_report([tensor]).layers[0]
    assert found.power_law.exponent == pytest.approx(expected.power_law.exponent, rel=1e-6)


def test_the_wider_line_has_ranks_of_its_own():
    generator = np.random.default_rng(6)
    few, many = (generator.standard_normal((600, n)) / RANKS[:n] ** 0.5 for n in (12, 60))
    first, second = layer_report([few, many], ranks=(1, 12)).layers
    assert np.isnan(first.r_squared_500)
    assert second.r_squared_500 == fit_power_law(covariance_spectrum(many), ranks=(11, 60)).r_squared
    # A bottleneck: what rounding leaves beyond its width is no part of the spectrum.
    narrow = (generator.standard_normal((500, 40)) @ generator.standard_normal((40, 120))).astype(np.float32)
    assert layer_report([narrow]).layers[0].power_law.ranks == (11, 40)


def test_layers_are_refused_with_a_reason():
    with pytest.raises(InvalidInputError, match="ranks must be"):
        layer_report([np.ones((20, 9))], ranks=None)
    for layers, message in (
        (None, "a mapping"),
        ([], "no layer"),
        ([np.zeros(5)], "first axis"),
        ([np.eye(10)], "positive eigenvalues"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            layer_report(layers)
    missing = np.where(np.arange(600).reshape(30, 20) == 7, np.nan, 1.0)
    with pytest.raises(NonFiniteInputError, match=r"layer 'a': 1 values .*sample 0, feature 7\). Leave"):
        layer_report({"a": missing})


def test_regions_get_their_verdicts(tmp_path):
    broken = np.where(RANKS <= 15, RANKS**-0.5, 15**-0.5 * (RANKS / 15) ** -1.2)
    regions = {"smooth": region(1 / RANKS, 0), "steep": region(RANKS**-1.4, 1), "broken": region(broken, 2)}
    found = compare_regions(regions, rng=0)
    assert [x.verdict for x in found.regions] == ["scale-free", "scale-free", "not scale-free"]
    assert found.regions[2].broken.exponent == pytest.approx(1.2, abs=0.1)
    first, second, difference, p_value = found.differences[0]
    assert (first, second) == ("smooth", "steep")
    assert isinstance(difference, Estimate)
    assert difference.interval[0] < -0.4 < difference.interval[1]
    assert p_value < 1e-4
    found.save(tmp_path / "regions.npz")
    assert RegionComparison.load(tmp_path / "regions.npz") == found
    assert "broken: not scale-free" in found.summary()


def test_too_little_signal_is_undecided_not_scale_free():
    generator = np.random.default_rng(3)
    signal = generator.standard_normal((30, 100)) / np.sqrt(RANKS[:100])
    noisy = tuple(signal + 0.7 * generator.standard_normal(signal.shape) for _ in range(2))
    assert compare_regions({"noisy": noisy}, rng=0).regions[0].verdict == "undecided"


def test_neurons_that_do_not_covary_keep_their_verdict(tmp_path):
    generator = np.random.default_rng(0)
    signal = generator.standard_normal((300, 200)) / np.sqrt(RANKS[:200])
    found = compare_regions(
        {"axes": tuple(signal + 0.1 * generator.standard_normal(signal.shape) for _ in range(2))}, rng=0
    )
    region = found.regions[0]
    assert region.verdict == "scale-free"
    assert math.isnan(region.participation_ratio.value)
    assert "different neurons hardly covary" in region.no_participation_ratio
    assert f"no participation ratio: {region.no_participation_ratio}" in found.summary()
    found.save(tmp_path / "regions.npz")
    assert RegionComparison.load(tmp_path / "regions.npz") == found


def test_one_dimension_is_not_called_scale_free():
    generator = np.random.default_rng(0)
    signal = generator.standard_normal((100, 1)) @ generator.standard_normal((1, 40))
    region = compare_regions(
        {"line": tuple(signal + 0.1 * generator.standard_normal(signal.shape) for _ in range(2))}, rng=0
    ).regions[0]
    assert region.single.reached_bound
    assert not region.is_scale_free
    assert "exponent at the bound of the search, participation ratio 1.0" in region.summary()


def test_regions_are_refused_by_name():
    with pytest.raises(InvalidInputError, match="no region"):
        compare_regions([np.ones((20, 3))])
    with pytest.raises(InvalidInputError, match="region 'V1' must be a pair"):
        compare_regions({"V1": np.ones((20, 3))})
    with pytest.raises(InvalidInputError, match="no region"):
        compare_regions({})
    with pytest.raises(InvalidInputError, match="region 'V4': repeats must have one shape"):
        compare_regions({"V4": (np.ones((20, 3)), np.ones((20, 4)))})


@pytest.mark.slow
def test_error_rates_of_the_verdict():
    # 1000 neurons and stimuli, signal-to-noise ratio 1, as the documentation states.
    from scipy.stats import binom

    ranks = np.arange(1, 1001.0)
    broken = np.where(ranks <= 15, ranks**-0.5, 15**-0.5 * (ranks / 15) ** -1.2)
    for eigenvalues, expected in ((1 / ranks, 0.05), (broken, 0.9)):
        verdicts = [
            compare_regions({"x": region(eigenvalues, seed, 1000)}, rng=seed).regions[0].verdict for seed in range(30)
        ]
        flagged = sum(verdict == "not scale-free" for verdict in verdicts)
        if expected == 0.05:
            assert flagged <= binom.ppf(1 - 1e-3, 30, expected)
        else:
            assert flagged >= binom.ppf(1e-3, 30, expected)


def test_pictures_can_be_drawn():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from eigenscope.neural import cvpca

    pair = region(1 / RANKS, 0, 100)
    found = compare_regions({"V1": pair}, rng=0)
    spectrum = cvpca(*pair, rng=0)
    layers = layer_report([pair[0]], ranks=(5, 50))
    for result in (found, found.regions[0].single, spectrum, layers):
        assert result.plot().get_xlabel()
    spectrum.plot(power_law=spectrum.fit_power_law(ranks=(5, 50)))
    plt.close("all")


def test_layers_of_every_container_and_errors_that_name_them(tmp_path):
    h5py = pytest.importorskip("h5py")
    generator = np.random.default_rng(0)
    maps = generator.standard_normal((200, 6, 10))
    wanted = layer_report({"a": maps}, ranks=(1, 20)).layers[0].power_law.exponent
    with h5py.File(tmp_path / "layers.h5", "w") as file:
        stored = file.create_dataset("maps", data=maps)
        for given in (maps.tolist(), stored):
            assert layer_report({"a": given}, ranks=(1, 20)).layers[0].power_law.exponent == pytest.approx(wanted)
    for wrong, error in (
        (maps[:0], InvalidInputError),
        ([[1.0, 2.0], [3.0]], InvalidInputError),
        (maps + 0j, UnsupportedTypeError),
        (np.array([["a", "b"]] * 9), UnsupportedTypeError),
    ):
        with pytest.raises(error, match="layer 'conv'"):
            layer_report({"conv": wrong})
    with pytest.raises(UnsupportedTypeError, match="region 'V1'"):
        compare_regions({"V1": (maps[:, 0] + 0j, maps[:, 0])})
