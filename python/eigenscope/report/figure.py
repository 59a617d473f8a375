"""The report as one figure of four panels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..results.plot_style import DATA_COLOUR, FIT_COLOUR, INK, MUTED, NOTE_SIZE, style_axes
from ..results.plotting import plot_cumulative_variance, plot_marchenko_pastur_fit, plot_spectrum
from ..results.spectrum import Array
from ..signal_spectrum import signal_variances
from .quantities import Quantity, list_quantities
from .result import Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FIGURE_SIZE = (9.6, 7.2)
"""Width and height in inches: legible at the width of a two-column page."""

_BAR_COLOURS = {"Dimensions above noise": DATA_COLOUR, "Dimensions by variance": FIT_COLOUR}


def draw_report(report: Report, fig: Figure | None = None, *, truth: Mapping[str, float] | None = None) -> Figure:
    """Draw the four panels of a report.

    Parameters
    ----------
    report : Report
        The report.
    fig : Figure, optional
        An empty figure; a new pyplot figure by default.
    truth : mapping of str to float, optional
        True values by name of the number, marked beside the counts of dimensions.

    Returns
    -------
    Figure
        The figure drawn on.
    """
    if fig is None:
        try:
            import matplotlib.pyplot as plt
        except ImportError as error:
            raise ImportError('plot() needs matplotlib: pip install "eigenscope[plot]"') from error
        fig = plt.figure(figsize=FIGURE_SIZE, layout="constrained")
    spectrum_ax, noise_ax, variance_ax, dimensions_ax = fig.subplots(2, 2).ravel()
    plot_spectrum(
        report.spectrum,
        spectrum_ax,
        noise=report.noise,
        power_law=report.power_law,
        signal_power_law=report.signal_power_law,
        signal=_signal(report),
    )
    if report.noise is None:
        noise_ax.text(0.5, 0.5, "spectrum too short\nfor a noise fit", ha="center", va="center", color=MUTED)
        noise_ax.set_axis_off()
    else:
        plot_marchenko_pastur_fit(report.noise, noise_ax)
    plot_cumulative_variance(report.spectrum, variance_ax)
    _draw_dimensions(report, dimensions_ax, truth or {})
    fig.suptitle(report.data.summary(), fontsize=NOTE_SIZE + 2, color=MUTED, x=0.01, ha="left")
    return fig


def _signal(report: Report) -> Array | None:
    if report.noise is None or report.signal_power_law is None:
        return None
    return signal_variances(report.spectrum, noise=report.noise)


def _draw_dimensions(report: Report, ax: Axes, truth: Mapping[str, float]) -> None:
    """Draw one bar per count of dimensions; shares of the variance are marked on their own curve."""
    bars = [
        quantity
        for quantity in list_quantities(report)
        if quantity.section in _BAR_COLOURS and not quantity.name.startswith("dims_for")
    ]
    known = [(truth[bar.name], row) for row, bar in enumerate(bars) if bar.name in truth]
    width = 1.3 * max(1.0, *(bar.value for bar in bars), *(value for value, _ in known))
    for row, bar in enumerate(bars):
        # A number beside its bar must not be crossed by the mark of the truth.
        mark = truth.get(bar.name, 0.0)
        _draw_bar(ax, row, bar, right=mark if mark < bar.value + 0.1 * width else 0.0)
    if known:
        values, rows = zip(*known, strict=True)
        ax.plot(values, rows, linestyle="", marker="|", markersize=22, markeredgewidth=2, color=INK, label="truth")
        ax.legend(fontsize=NOTE_SIZE, frameon=False, loc="lower right", labelcolor=INK, markerscale=0.45)
    ax.set_yticks(range(len(bars)), [bar.label.replace(", ", "\n") for bar in bars])
    ax.invert_yaxis()
    ax.set_xlim(0, width)
    style_axes(ax, title="Dimensions, rule by rule", xlabel="number of dimensions", ylabel="")
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)


def _draw_bar(ax: Axes, row: int, bar: Quantity, *, right: float) -> None:
    is_doubtful = bar.note.startswith("doubtful")
    ax.barh(
        row,
        bar.value,
        height=0.6,
        color=_BAR_COLOURS[bar.section],
        alpha=0.4 if is_doubtful else 1.0,
        zorder=2,
    )
    stderr = bar.stderr if bar.stderr > 0 else 0.0
    if stderr:
        ax.errorbar(bar.value, row, xerr=stderr, color=INK, linewidth=1, capsize=2, zorder=3)
    ax.annotate(
        bar.format_value() + (" (doubtful)" if is_doubtful else ""),
        (max(bar.value + stderr, right), row),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        fontsize=NOTE_SIZE,
        color=INK,
    )
