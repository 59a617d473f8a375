"""Pictures of the analyses of neural populations; matplotlib is imported to draw, not before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from ..results.plot_style import DATA_COLOUR, FIT_COLOUR, INK, MUTED, NOISE_COLOUR, NOTE_SIZE, new_axes, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .layers import LayerReport
    from .moment_fit import MomentPowerLawFit
    from .regions import RegionComparison


def plot_moment_fit(result: MomentPowerLawFit, ax: Axes | None = None, *, title: str = "Eigen-moments") -> Axes:
    """Draw each moment of the data relative to that of the fit, with its standard error.

    Parameters
    ----------
    result : MomentPowerLawFit
        The fit.
    ax : Axes, optional
        Where to draw; a new figure by default.
    title : str
        Title of the panel.

    Returns
    -------
    Axes
        The axes drawn on.
    """
    ax = new_axes(ax)
    orders = np.arange(1, len(result.moments) + 1)
    errors = np.sqrt(np.diagonal(result.moment_covariance)) / result.fitted_moments
    ratios = result.moments / result.fitted_moments
    ax.axhline(1, color=FIT_COLOUR, linewidth=1.2, zorder=1)
    ax.errorbar(orders, ratios, errors, fmt="o", color=DATA_COLOUR, markersize=4, linewidth=1.2, zorder=3)
    ax.set_xticks(orders)
    style_axes(ax, title=title, xlabel="moment", ylabel="moment / that of the fit (± standard error)")
    note = f"exponent {result.exponent:.3g} ± {result.stderr:.2g}, p = {result.misfit_p_value:.2g}"
    ax.text(0.03, 0.95, note, transform=ax.transAxes, fontsize=NOTE_SIZE, va="top")
    return ax


def plot_layers(report: LayerReport, ax: Axes | None = None, *, title: str = "Exponent by layer") -> Axes:
    """Draw the exponent of every layer with its interval; layers that follow no power law are hollow.

    Parameters
    ----------
    report : LayerReport
        The layers.
    ax : Axes, optional
        Where to draw; a new figure by default.
    title : str
        Title of the panel.

    Returns
    -------
    Axes
        The axes drawn on.
    """
    ax = new_axes(ax)
    positions = np.arange(len(report.layers))
    ax.axhline(1, color=MUTED, linewidth=0.8, linestyle=":", zorder=1, label="1 / rank")
    for position, layer in zip(positions, report.layers, strict=True):
        fit = layer.power_law
        low, high = fit.interval
        face = "white" if layer.misfit else DATA_COLOUR
        ax.plot([position, position], [low, high], color=DATA_COLOUR, linewidth=1.2, zorder=2)
        ax.plot([position], [fit.exponent], "o", color=DATA_COLOUR, mfc=face, markersize=5, zorder=3)
    ax.set_xticks(positions, [layer.name for layer in report.layers], rotation=45, ha="right")
    style_axes(ax, title=title, xlabel="layer (hollow: no power law)", ylabel="rank exponent")
    ax.legend(fontsize=NOTE_SIZE, frameon=False, labelcolor=INK)
    return ax


def plot_regions(comparison: RegionComparison, ax: Axes | None = None, *, title: str = "Exponent by region") -> Axes:
    """Draw the exponents of every region with intervals; both slopes where a single one is rejected.

    Parameters
    ----------
    comparison : RegionComparison
        The regions.
    ax : Axes, optional
        Where to draw; a new figure by default.
    title : str
        Title of the panel.

    Returns
    -------
    Axes
        The axes drawn on.
    """
    ax = new_axes(ax)
    for position, region in enumerate(comparison.regions):
        colour = DATA_COLOUR if region.is_scale_free else NOISE_COLOUR
        low, high = region.single.interval
        ax.plot([position, position], [low, high], color=colour, linewidth=1.4, zorder=2)
        ax.plot([position], [region.single.exponent], "o", color=colour, markersize=5, zorder=3)
        if not region.is_scale_free:
            broken, beside = region.broken, [position + 0.15] * 2
            reach = float(ndtri((1 + broken.confidence) / 2)) * broken.first_stderr
            first = [broken.first_exponent - reach, broken.first_exponent + reach]
            for ends, slope in ((first, broken.first_exponent), (broken.interval, broken.exponent)):
                ax.plot(beside, ends, color=colour, linewidth=1.0, zorder=2)
                ax.plot(beside[:1], [slope], "x", color=colour, markersize=5, zorder=3)
    ax.set_xticks(range(len(comparison.regions)), [region.name for region in comparison.regions])
    ax.set_xlim(-0.5, len(comparison.regions) - 0.5)
    style_axes(ax, title=title, xlabel="region (crosses: both slopes where one is rejected)", ylabel="rank exponent")
    return ax
