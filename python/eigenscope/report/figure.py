"""The report as one figure of four panels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..results.plotting import (
    BULK_COLOUR,
    DATA_COLOUR,
    FIT_COLOUR,
    INK,
    MUTED,
    plot_cumulative_variance,
    plot_marchenko_pastur_fit,
    plot_spectrum,
    style_axes,
)
from .result import Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FIGURE_SIZE = (9.6, 7.2)
"""Width and height in inches: legible at the width of a two-column page."""


def draw_report(report: Report, fig: Figure | None = None) -> Figure:
    """Draw the four panels of a report.

    Parameters
    ----------
    report : Report
        The report.
    fig : Figure, optional
        An empty figure; a new pyplot figure by default.

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
    spectrum_ax, noise_ax, variance_ax, rules_ax = fig.subplots(2, 2).ravel()
    plot_spectrum(report.spectrum, spectrum_ax, noise=report.noise, power_law=report.power_law)
    if report.noise is None:
        noise_ax.text(0.5, 0.5, "spectrum too short\nfor a noise fit", ha="center", va="center", color=MUTED)
        noise_ax.set_axis_off()
    else:
        plot_marchenko_pastur_fit(report.noise, noise_ax)
    plot_cumulative_variance(report.spectrum, variance_ax)
    _draw_rules(report, rules_ax)
    fig.suptitle(report.data.summary(), fontsize=10, color=INK, x=0.01, ha="left")
    return fig


def _draw_rules(report: Report, ax: Axes) -> None:
    """Draw one bar per count of dimensions, those above noise first."""
    ratio, corrected = report.participation_ratio, report.participation_ratio_corrected
    bars: list[tuple[str, float, float, str]] = [
        (rule.name.replace("_", " "), float(rule.n_dimensions), float("nan"), DATA_COLOUR)
        for rule in report.dimension_rules
    ]
    bars += [
        ("participation ratio", ratio.value, ratio.stderr, FIT_COLOUR),
        ("… bias corrected", corrected.value, corrected.stderr, FIT_COLOUR),
    ]
    bars += [(f"{share:.0%} of variance", float(count), float("nan"), BULK_COLOUR) for share, count in report.dims_for_variance]
    largest = max(max(value for _, value, _, _ in bars), 1.0)
    for row, (_, value, stderr, colour) in enumerate(bars):
        ax.barh(row, value, height=0.62, color=colour, zorder=2)
        has_error = stderr == stderr and stderr > 0
        if has_error:
            ax.errorbar(value, row, xerr=stderr, color=INK, linewidth=1, capsize=2, zorder=3)
        text = f"{value:,.1f} ± {stderr:.1f}" if has_error else f"{value:,.3g}" if value != round(value) else f"{value:,.0f}"
        offset = stderr if has_error else 0.0
        ax.annotate(
            text, (value + offset, row), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8, color=INK
        )
    ax.set_yticks(range(len(bars)), [label for label, *_ in bars])
    ax.invert_yaxis()
    ax.set_xlim(0, 1.22 * largest)
    style_axes(ax, title="Dimensions, rule by rule", xlabel="number of dimensions", ylabel="")
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
