"""Pictures land on the axes given, show what they should, and leave no trace elsewhere."""

import matplotlib
import numpy as np
import pytest
from eigenscope import MarchenkoPastur, covariance_spectrum, fit_marchenko_pastur
from eigenscope.errors import InvalidInputError
from eigenscope.null_spectra import parallel_analysis
from eigenscope.results.noise_plotting import plot_noise_scree
from eigenscope.results.plotting import (
    plot_cumulative_variance,
    plot_marchenko_pastur_fit,
    plot_parallel_analysis,
    plot_power_law_fit,
    plot_spectrum,
)
from eigenscope.testing import recording
from matplotlib.figure import Figure

matplotlib.use("Agg")

SHAPES = [(600, 120), (120, 600), (150, 150)]


def make(shape: tuple[int, int]):
    signal = 60 * np.arange(1, 26) ** -1.0
    return recording(*shape, population_eigenvalues=signal, noise_variance=1.0, rng=0).data


@pytest.fixture(scope="module", params=SHAPES, ids=["tall", "wide", "square"])
def spectrum(request):
    return covariance_spectrum(make(request.param))


def draw(function, *arguments, **options):
    """Draw on axes that pyplot knows nothing of, render them, and check that pyplot was left alone."""
    import matplotlib.pyplot as plt

    before_figures, before_rc = plt.get_fignums(), dict(matplotlib.rcParams)
    figure = Figure(layout="constrained")
    ax = figure.subplots()
    assert function(*arguments, ax=ax, **options) is ax
    figure.canvas.draw()
    assert plt.get_fignums() == before_figures
    assert dict(matplotlib.rcParams) == before_rc
    return ax


def texts(ax) -> str:
    legend = ax.get_legend()
    return " | ".join([text.get_text() for text in ax.texts] + ([t.get_text() for t in legend.texts] if legend else []))


def test_spectrum_shows_every_positive_eigenvalue(spectrum) -> None:
    ax = draw(plot_spectrum, spectrum)
    ranks, shown = ax.lines[0].get_data()
    possible = min(spectrum.degrees_of_freedom, spectrum.n_features)
    np.testing.assert_array_equal(ranks, np.arange(1, possible + 1))
    np.testing.assert_array_equal(shown, spectrum.eigenvalues[:possible])
    assert ax.get_xscale() == ax.get_yscale() == "log"
    assert ax.get_xlabel() == "rank"
    assert "data units²" in ax.get_ylabel()


def test_spectrum_shows_noise_edge_and_power_law(spectrum) -> None:
    noise, power_law = spectrum.fit_marchenko_pastur(), spectrum.fit_power_law(ranks=(5, 20))
    ax = draw(plot_spectrum, spectrum, noise=noise, power_law=power_law)
    assert any(np.allclose(line.get_ydata(), noise.upper_edge_threshold) for line in ax.lines)
    assert any(np.array_equal(line.get_xdata(), [5, 20]) for line in ax.lines)
    assert f"{noise.n_signal} above" in texts(ax)


def test_marchenko_pastur_histogram_and_law_have_unit_area(spectrum) -> None:
    noise = spectrum.fit_marchenko_pastur()
    ax = draw(plot_marchenko_pastur_fit, noise)
    bars = [patch for patch in ax.patches if patch.get_height() > 0]
    assert sum(bar.get_width() * bar.get_height() for bar in bars) == pytest.approx(1, rel=1e-6)
    law = next(line for line in ax.lines if len(line.get_xdata()) > 100)
    assert np.trapezoid(law.get_ydata(), law.get_xdata()) == pytest.approx(1, abs=0.02)
    assert f"{noise.n_signal} above" in texts(ax) or noise.eigenvalues[0] < ax.get_xlim()[1]


def test_law_and_signals_carry_their_intervals(spectrum) -> None:
    noise = spectrum.fit_marchenko_pastur()
    ax = draw(plot_marchenko_pastur_fit, noise)
    band = ax.collections[0].get_paths()[0].vertices
    assert band[:, 0].max() == pytest.approx(noise.edges[1] * noise.variance.interval[1] / noise.variance.value)
    law = next(line for line in ax.lines if len(line.get_xdata()) > 100)
    x, y = (np.asarray(part)[100:500:50] for part in law.get_data())
    for point, height in zip(x, y, strict=True):
        beside = band[np.argsort(np.abs(band[:, 0] - point))[:6], 1]
        assert beside.min() - 0.01 * y.max() <= height <= beside.max() + 0.01 * y.max()


def test_signals_near_the_edge_are_drawn_with_their_intervals() -> None:
    values = np.concatenate([[3.6, 3.3], MarchenkoPastur(0.5).ppf((np.arange(98) + 0.5) / 98)])
    noise = fit_marchenko_pastur(values, n_samples=200, n_features=100)
    assert noise.n_signal == 2
    ax = draw(plot_marchenko_pastur_fit, noise)
    assert "population eigenvalues" in texts(ax)
    line, _, (bars,) = next(one for one in ax.containers if one.get_label() == "population eigenvalues")
    np.testing.assert_array_equal(line.get_xdata(), noise.signal_eigenvalues)
    widths = [segment[1, 0] - segment[0, 0] for segment in bars.get_segments()]
    np.testing.assert_allclose(widths, 2 * 1.959964 * noise.signal_stderrs, rtol=1e-6)


def test_scree_shows_edge_p_values_and_intervals(spectrum) -> None:
    noise = spectrum.fit_marchenko_pastur()
    ax = draw(plot_noise_scree, noise)
    assert any(np.allclose(line.get_ydata(), noise.upper_edge_threshold) for line in ax.lines)
    bulk, signals = ax.lines[:2]
    np.testing.assert_array_equal(signals.get_ydata(), noise.eigenvalues[: noise.n_signal])
    assert max(bulk.get_ydata()) < noise.upper_edge_threshold
    assert f"p = {noise.p_values[-1]:.1g}" in texts(ax)
    assert f"{noise.n_signal} above noise" in texts(ax)
    errors = next(container for container in ax.containers if len(container[0].get_xdata()) == noise.n_signal)
    np.testing.assert_array_equal(errors[0].get_ydata(), noise.signal_eigenvalues)


def test_scree_of_pure_noise_and_of_nothing() -> None:
    noise = covariance_spectrum(np.random.default_rng(0).standard_normal((400, 100))).fit_marchenko_pastur()
    ax = draw(plot_noise_scree, noise, n_ranks=5)
    assert len(ax.lines[0].get_xdata()) == 5
    assert "above noise" not in texts(ax)
    ax = noise.plot(kind="scree", ax=Figure().subplots())
    assert ax.get_yscale() == "log"
    with pytest.raises(InvalidInputError, match="kind must be one of density, scree"):
        noise.plot(kind="histogram")
    with pytest.raises(InvalidInputError, match="nothing to draw"):
        draw(plot_noise_scree, covariance_spectrum(np.ones((20, 9))).fit_marchenko_pastur())


def test_zero_eigenvalues_are_said_not_drawn() -> None:
    noise = covariance_spectrum(make((120, 600))).fit_marchenko_pastur()
    assert "eigenvalues are zero" in texts(draw(plot_marchenko_pastur_fit, noise))
    noise = covariance_spectrum(make((600, 120))).fit_marchenko_pastur()
    assert "eigenvalues are zero" not in texts(draw(plot_marchenko_pastur_fit, noise))


def test_pure_noise_has_no_signals_to_mark() -> None:
    X = np.random.default_rng(0).standard_normal((400, 100))
    noise = covariance_spectrum(X).fit_marchenko_pastur()
    assert noise.n_signal == 0
    assert "above noise" not in texts(draw(plot_marchenko_pastur_fit, noise))


def test_power_law_line_runs_over_all_ranks_and_names_its_range(spectrum) -> None:
    fit = spectrum.fit_power_law(ranks=(5, 20))
    ax = draw(plot_power_law_fit, fit)
    assert any(line.get_xdata()[0] == 1 and line.get_xdata()[-1] >= 118 for line in ax.lines)
    assert "ranks 5–20" in texts(ax)
    assert f"{fit.exponent:.3g}" in texts(ax)


def test_cumulative_variance_ends_at_the_whole_and_marks_shares(spectrum) -> None:
    ax = draw(plot_cumulative_variance, spectrum)
    assert ax.lines[0].get_ydata()[-1] == pytest.approx(100)
    for share in (0.8, 0.9, 0.95):
        assert f"{100 * share:g} % in {spectrum.dims_for_variance(share):,}" in texts(ax)


def test_parallel_analysis_shows_data_and_null() -> None:
    result = parallel_analysis(make((200, 50)), rng=0)
    ax = draw(plot_parallel_analysis, result)
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), result.null_quantiles[: len(ax.lines[1].get_ydata())])


def test_nothing_to_draw_is_an_error() -> None:
    spectrum = covariance_spectrum(np.ones((10, 3)))
    for function in (plot_spectrum, plot_cumulative_variance):
        with pytest.raises(InvalidInputError, match="nothing to draw"):
            draw(function, spectrum)


def test_result_methods_draw_on_a_new_figure(spectrum) -> None:
    import matplotlib.pyplot as plt

    for result in (spectrum, spectrum.fit_marchenko_pastur(), spectrum.fit_power_law(ranks=(5, 20))):
        ax = result.plot()
        plt.close(ax.figure)
