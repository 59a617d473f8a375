"""Pictures of results: each takes a result and an Axes, draws on it, and returns it.

Nothing here calls ``show`` or ``savefig`` or changes rcParams; matplotlib is imported to draw, not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidInputError
from .noise_plotting import plot_marchenko_pastur_fit
from .plot_style import (
    DATA_COLOUR,
    EIGENVALUE_LABEL,
    FIT_COLOUR,
    INK,
    MUTED,
    NOISE_COLOUR,
    NOTE_SIZE,
    SIGNAL_COLOUR,
    new_axes,
    positive,
    style_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..null_spectra import ParallelAnalysis
    from .marchenko_pastur_fit import MarchenkoPasturFit
    from .power_law_fit import PowerLawFit
    from .spectrum import Spectrum

__all__ = [
    "plot_cumulative_variance",
    "plot_marchenko_pastur_fit",
    "plot_parallel_analysis",
    "plot_power_law_fit",
    "plot_spectrum",
]

Array = np.ndarray[Any, np.dtype[Any]]

VARIANCE_SHARES = (0.8, 0.9, 0.95)
"""Shares of the variance marked on the cumulative curve."""

_DEPTH_BELOW_BULK = 1e-2
"""The logarithmic axis ends this far below the eigenvalue that 95 % of the others exceed, or at the last."""

_SMALL_SPECTRUM = 60
"""Spectra with at most this many eigenvalues show each one as a dot."""


def plot_spectrum(
    result: Spectrum,
    ax: Axes | None = None,
    *,
    noise: MarchenkoPasturFit | None = None,
    power_law: PowerLawFit | None = None,
    signal: Array | None = None,
    signal_power_law: PowerLawFit | None = None,
    title: str = "Eigenspectrum",
    **line_options: Any,
) -> Axes:
    """Draw eigenvalue against rank on logarithmic axes.

    Parameters
    ----------
    result : Spectrum
        The spectrum; eigenvalues at rounding level are left out.
    ax : Axes, optional
        Where to draw; a new figure by default.
    noise : MarchenkoPasturFit, optional
        Draws the noise edge and shades the ranks above it.
    power_law : PowerLawFit, optional
        Draws the fitted line, solid over the ranks fitted.
    signal : ndarray, shape (n_signal,), optional
        Draws the signal variances, freed from noise.
    signal_power_law : PowerLawFit, optional
        The fit named beside them.
    title : str
        Title of the panel.
    **line_options
        Passed to ``Axes.plot`` for the eigenvalues.

    Returns
    -------
    Axes
        The axes drawn on.
    """
    ax = new_axes(ax)
    eigenvalues = positive(result.eigenvalues)
    ranks = np.arange(1, len(eigenvalues) + 1)
    marker = "o" if len(eigenvalues) <= _SMALL_SPECTRUM else ""
    style: dict[str, Any] = {
        "color": DATA_COLOUR,
        "linewidth": 2.4,
        "marker": marker,
        "markersize": 3,
        "zorder": 3,
        "label": "data",
    }
    ax.plot(ranks, eigenvalues, **(style | line_options))
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(0.9, len(eigenvalues) * 1.15)
    # A few eigenvalues at the rounding level of the data must not squeeze the rest into a corner.
    lowest = max(float(eigenvalues[-1]), _DEPTH_BELOW_BULK * float(eigenvalues[int(0.95 * (len(eigenvalues) - 1))]))
    ax.set_ylim(0.6 * lowest, 2.2 * float(eigenvalues[0]))
    if noise is not None:
        _draw_noise_edge(ax, noise)
    if power_law is not None:
        _draw_power_law(ax, power_law, len(eigenvalues))
    if signal is not None:
        _draw_signal(ax, signal, signal_power_law)
    style_axes(ax, title=title, xlabel="rank", ylabel=EIGENVALUE_LABEL)
    if noise is not None or power_law is not None:
        ax.legend(fontsize=NOTE_SIZE, frameon=False, loc="lower left", labelcolor=INK, handlelength=1.6)
    return ax


def _draw_noise_edge(ax: Axes, noise: MarchenkoPasturFit) -> None:
    ax.axhline(
        noise.upper_edge_threshold,
        color=NOISE_COLOUR,
        linewidth=1.2,
        linestyle=(0, (5, 2)),
        zorder=2,
        label=f"noise ends: {noise.n_signal:,} above",
    )
    ax.axhspan(ax.get_ylim()[0], noise.upper_edge_threshold, color=NOISE_COLOUR, alpha=0.06, linewidth=0, zorder=0)


def _draw_signal(ax: Axes, signal: Array, fit: PowerLawFit | None) -> None:
    exponent = "" if fit is None else f": rank$^{{-{fit.exponent:.2f}}}$"
    positive = np.where(signal > 0, signal, np.nan)
    ax.plot(
        np.arange(1, len(signal) + 1),
        positive,
        color=SIGNAL_COLOUR,
        linewidth=1.4,
        zorder=4,
        label=f"noise removed{exponent}",
    )


def _draw_power_law(ax: Axes, fit: PowerLawFit, n_ranks: int) -> None:
    """Draw the line dotted over all ranks and solid over those it was fitted to, which are shaded."""
    first, last = fit.ranks
    ax.axvspan(first, last, color=FIT_COLOUR, alpha=0.10, linewidth=0, zorder=0)
    everywhere = np.array([1.0, float(n_ranks)])
    fitted = np.array([float(first), float(last)])
    ax.plot(everywhere, fit.predict(everywhere), color=FIT_COLOUR, linewidth=1.0, linestyle=":", zorder=4)
    ax.plot(
        fitted,
        fit.predict(fitted),
        color=FIT_COLOUR,
        linewidth=1.4,
        zorder=5,
        label=f"rank$^{{-{fit.exponent:.2f}}}$ on ranks {first:,}–{last:,}",
    )


def plot_power_law_fit(
    result: PowerLawFit,
    ax: Axes | None = None,
    *,
    title: str = "Power-law fit",
) -> Axes:
    """Draw the fitted line over all ranks with the range of ranks it was fitted to shaded.

    Parameters
    ----------
    result : PowerLawFit
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
    shown = positive(result.eigenvalues)
    ax.plot(np.arange(1, len(shown) + 1), shown, color=DATA_COLOUR, linewidth=2.4, zorder=3, label="data")
    ax.set_xscale("log")
    ax.set_yscale("log")
    _draw_power_law(ax, result, len(shown))
    ax.set_xlim(0.9, len(shown) * 1.15)
    style_axes(ax, title=title, xlabel="rank", ylabel=EIGENVALUE_LABEL)
    low, high = result.interval
    ax.text(
        0.97,
        0.95,
        f"exponent {result.exponent:.3g} ± {result.stderr:.2g}\n"
        f"{result.confidence:.0%} interval {low:.3g} to {high:.3g}",
        transform=ax.transAxes,
        ha="right",
        va="top",
        fontsize=NOTE_SIZE,
        color=INK,
    )
    ax.legend(fontsize=NOTE_SIZE, frameon=False, loc="lower left", labelcolor=INK)
    return ax


def plot_cumulative_variance(
    result: Spectrum,
    ax: Axes | None = None,
    *,
    shares: tuple[float, ...] = VARIANCE_SHARES,
    title: str = "Cumulative variance",
    **line_options: Any,
) -> Axes:
    """Draw the share of the variance held by the leading dimensions.

    Parameters
    ----------
    result : Spectrum
        The spectrum; with only the top eigenvalues the curve ends where they do.
    ax : Axes, optional
        Where to draw; a new figure by default.
    shares : tuple of float
        Shares whose number of dimensions is marked.
    title : str
        Title of the panel.
    **line_options
        Passed to ``Axes.plot`` for the curve.

    Returns
    -------
    Axes
        The axes drawn on.
    """
    ax = new_axes(ax)
    cumulative = np.cumsum(result.explained_variance_ratio)
    if len(cumulative) == 0 or cumulative[-1] <= 0:
        raise InvalidInputError("nothing to draw: the data have no variance")
    ranks = np.arange(1, len(cumulative) + 1)
    style: dict[str, Any] = {"color": DATA_COLOUR, "linewidth": 1.8, "zorder": 3}
    ax.plot(ranks, 100 * cumulative, **(style | line_options))
    ax.set_xscale("log")
    ax.set_xlim(0.9, len(cumulative) * 1.3)
    ax.set_ylim(0, 104)
    for share in shares:
        if share <= cumulative[-1] + len(cumulative) * np.finfo(np.float64).eps:
            _mark_share(ax, share, result.dims_for_variance(share))
    style_axes(ax, title=title, xlabel="number of dimensions", ylabel="variance held (% of total)")
    return ax


def _mark_share(ax: Axes, share: float, n_dimensions: int) -> None:
    percent = 100 * share
    left = ax.get_xlim()[0]
    ax.plot([left, n_dimensions], [percent, percent], color=MUTED, linewidth=0.8, linestyle=":", zorder=1)
    ax.plot([n_dimensions, n_dimensions], [0, percent], color=MUTED, linewidth=0.8, linestyle=":", zorder=1)
    ax.plot([n_dimensions], [percent], marker="o", markersize=5, color=FIT_COLOUR, zorder=4)
    ax.annotate(
        f"{percent:g} % in {n_dimensions:,}",
        (left, percent),
        xytext=(6, 0),
        textcoords="offset points",
        fontsize=NOTE_SIZE,
        color=INK,
        va="center",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
    )


def plot_parallel_analysis(
    result: ParallelAnalysis, ax: Axes | None = None, *, title: str = "Parallel analysis"
) -> Axes:
    """Draw the eigenvalues and the quantiles of the permuted data against rank.

    Parameters
    ----------
    result : ParallelAnalysis
        The analysis.
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
    shown = len(positive(result.eigenvalues))
    ranks = np.arange(1, shown + 1)
    ax.plot(ranks, result.eigenvalues[:shown], color=DATA_COLOUR, linewidth=1.8, zorder=3, label="data")
    ax.plot(
        ranks,
        result.null_quantiles[:shown],
        color=NOISE_COLOUR,
        linewidth=1.2,
        linestyle=(0, (5, 2)),
        zorder=2,
        label=f"permuted, {result.quantile:.0%} quantile",
    )
    if result.n_dimensions:
        ax.axvspan(0.9, result.n_dimensions + 0.5, color=DATA_COLOUR, alpha=0.07, linewidth=0, zorder=0)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(0.9, shown * 1.15)
    style_axes(ax, title=f"{title}: {result.n_dimensions:,} above", xlabel="rank", ylabel=EIGENVALUE_LABEL)
    ax.legend(fontsize=NOTE_SIZE, frameon=False, loc="lower left", labelcolor=INK)
    return ax
