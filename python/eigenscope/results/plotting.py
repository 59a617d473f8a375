"""Pictures of results: each takes a result and an Axes, draws on it, and returns it.

Nothing here calls ``show`` or ``savefig`` or changes rcParams; matplotlib is imported when a picture is drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidInputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..parallel_analysis import ParallelAnalysis
    from .marchenko_pastur_fit import MarchenkoPasturFit
    from .power_law_fit import PowerLawFit
    from .spectrum import Spectrum

Array = np.ndarray[Any, np.dtype[Any]]

# Okabe and Ito's palette, told apart under every common colour-vision deficiency and in print.
DATA_COLOUR = "#0072B2"
NOISE_COLOUR = "#D55E00"
FIT_COLOUR = "#009E73"
SIGNAL_COLOUR = "#CC79A7"
BULK_COLOUR = "#B9C4CE"
INK = "#22272E"
MUTED = "#6B7683"

VARIANCE_SHARES = (0.8, 0.9, 0.95)
"""Shares of the variance marked on the cumulative curve."""

EIGENVALUE_LABEL = "eigenvalue (data units²)"
NOTE_SIZE = 8
_LABEL_SIZE = 9
_SMALL_SPECTRUM = 60
"""Spectra with at most this many eigenvalues show each one as a dot."""


def new_axes(ax: Axes | None) -> Axes:
    """Return `ax`, or the axes of a new pyplot figure when it is None.

    Parameters
    ----------
    ax : Axes or None
        Where the caller wants the picture.

    Returns
    -------
    Axes
        `ax` itself when given.

    Raises
    ------
    ImportError
        When matplotlib is not installed; the text gives the command that installs it.
    """
    if ax is not None:
        return ax
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError('plot() needs matplotlib: pip install "eigenscope[plot]"') from error
    _, ax = plt.subplots(figsize=(4.6, 3.5), layout="constrained")
    return ax


def style_axes(ax: Axes, *, title: str, xlabel: str, ylabel: str) -> None:
    """Give `ax` the look shared by every picture of this package.

    Parameters
    ----------
    ax : Axes
        The axes.
    title, xlabel, ylabel : str
        Texts; units in parentheses.
    """
    ax.set_title(title, fontsize=_LABEL_SIZE + 1, color=INK, loc="left", fontweight="bold")
    ax.set_xlabel(xlabel, fontsize=_LABEL_SIZE, color=INK)
    ax.set_ylabel(ylabel, fontsize=_LABEL_SIZE, color=INK)
    ax.tick_params(labelsize=NOTE_SIZE, colors=INK, length=3, width=0.7)
    ax.tick_params(which="minor", length=1.5, width=0.5)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(MUTED)
        ax.spines[side].set_linewidth(0.8)


def _positive(eigenvalues: Array) -> Array:
    """Return the eigenvalues a logarithmic axis can show: above the rounding level of the largest one."""
    if len(eigenvalues) == 0 or eigenvalues[0] <= 0:
        raise InvalidInputError("nothing to draw: no eigenvalue is above zero")
    floor = float(eigenvalues[0]) * len(eigenvalues) * np.finfo(np.float64).eps
    return np.asarray(eigenvalues[eigenvalues > floor])


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
    eigenvalues = _positive(result.eigenvalues)
    ranks = np.arange(1, len(eigenvalues) + 1)
    marker = "o" if len(eigenvalues) <= _SMALL_SPECTRUM else ""
    style = {"color": DATA_COLOUR, "linewidth": 2.4, "marker": marker, "markersize": 3, "zorder": 3, "label": "data"}
    ax.plot(ranks, eigenvalues, **(style | line_options))
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(0.9, len(eigenvalues) * 1.15)
    ax.set_ylim(max(eigenvalues[-1], eigenvalues[0] * 1e-8) * 0.6, eigenvalues[0] * 2.2)
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
    eigenvalues: Array | None = None,
    title: str = "Power-law fit",
) -> Axes:
    """Draw the fitted line over all ranks with the range of ranks it was fitted to shaded.

    Parameters
    ----------
    result : PowerLawFit
        The fit.
    ax : Axes, optional
        Where to draw; a new figure by default.
    eigenvalues : ndarray, shape (k,), optional
        The eigenvalues fitted, descending, drawn underneath.
    title : str
        Title of the panel.

    Returns
    -------
    Axes
        The axes drawn on.
    """
    ax = new_axes(ax)
    first, last = result.ranks
    n_ranks = last
    if eigenvalues is not None:
        shown = _positive(np.asarray(eigenvalues))
        n_ranks = max(len(shown), last)
        ax.plot(np.arange(1, len(shown) + 1), shown, color=DATA_COLOUR, linewidth=1.8, zorder=3, label="data")
    ax.set_xscale("log")
    ax.set_yscale("log")
    _draw_power_law(ax, result, n_ranks)
    ax.set_xlim(0.9, n_ranks * 1.15)
    style_axes(ax, title=title, xlabel="rank", ylabel=EIGENVALUE_LABEL)
    low, high = result.interval
    ax.text(
        0.97,
        0.95,
        f"exponent {result.exponent:.3g} ± {result.stderr:.2g}\n95 % interval {low:.3g} to {high:.3g}",
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
    ax.plot(ranks, 100 * cumulative, **({"color": DATA_COLOUR, "linewidth": 1.8, "zorder": 3} | line_options))
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


def plot_marchenko_pastur_fit(
    result: MarchenkoPasturFit,
    ax: Axes | None = None,
    *,
    bins: int | None = None,
    title: str = "Noise bulk and its law",
) -> Axes:
    """Draw the histogram of the bulk eigenvalues, the fitted Marchenko–Pastur law and where noise ends.

    Parameters
    ----------
    result : MarchenkoPasturFit
        The fit. When there are fewer samples than features the law has an atom at zero: it is stated in words,
        and histogram and curve show the non-zero eigenvalues only.
    ax : Axes, optional
        Where to draw; a new figure by default.
    bins : int, optional
        Number of histogram bins over the bulk; by default grows with its size.
    title : str
        Title of the panel.

    Returns
    -------
    Axes
        The axes drawn on.
    """
    ax = new_axes(ax)
    low, high = result.edges
    bulk = np.asarray(result.eigenvalues[result.n_signal :])
    bulk = bulk[bulk > max(float(result.eigenvalues[0]), high) * len(result.eigenvalues) * np.finfo(np.float64).eps]
    right = 1.45 * max(result.upper_edge_threshold, high, float(bulk.max(initial=0.0)))
    if bins is None:
        bins = int(np.clip(3 * np.cbrt(len(bulk)), 8, 60))
    if len(bulk):
        bin_edges = np.linspace(min(low, float(bulk.min())), max(high, float(bulk.max())), bins + 1)
        ax.hist(
            bulk,
            bins=bin_edges,
            density=True,
            color=BULK_COLOUR,
            edgecolor="white",
            linewidth=0.4,
            zorder=1,
            label=f"{len(bulk):,} noise eigenvalues",
        )
    _draw_law(ax, result)
    _draw_threshold(ax, result)
    _draw_signals(ax, result, right)
    ax.set_xlim(0, right)
    style_axes(ax, title=title, xlabel=EIGENVALUE_LABEL, ylabel="density of eigenvalues")
    legend = ax.legend(fontsize=NOTE_SIZE, loc="upper right", labelcolor=INK, handlelength=1.6)
    legend.get_frame().set(facecolor="white", edgecolor="none", alpha=0.9)
    _note_zero_eigenvalues(ax, result)
    return ax


def _draw_law(ax: Axes, fit: MarchenkoPasturFit) -> None:
    """Draw the law's continuous part, normalised to one, on a grid that resolves its square-root edges."""
    low, high = fit.edges
    angles = np.linspace(0, np.pi, 600)[1:-1]
    grid = (low + high) / 2 - (high - low) / 2 * np.cos(angles)
    density = np.asarray(fit.law.pdf(grid))
    continuous_mass = min(1.0, 1.0 / fit.ratio)
    ax.plot(grid, density / continuous_mass, color=INK, linewidth=1.6, zorder=3, label="Marchenko–Pastur law")
    peak = float((density / continuous_mass)[len(grid) // 50 :].max())
    ax.set_ylim(0, 1.5 * peak)


def _draw_threshold(ax: Axes, fit: MarchenkoPasturFit) -> None:
    ax.axvline(
        fit.upper_edge_threshold,
        color=NOISE_COLOUR,
        linewidth=1.2,
        linestyle=(0, (5, 2)),
        zorder=2,
        label=f"noise ends (level {fit.significance:g})",
    )


def _draw_signals(ax: Axes, fit: MarchenkoPasturFit, right: float) -> None:
    """Mark each signal inside the picture with a tick and say how many lie beyond it."""
    signals = np.asarray(fit.eigenvalues[: fit.n_signal])
    near = signals[signals <= right]
    height = ax.get_ylim()[1]
    if len(near):
        ax.vlines(near, 0, 0.05 * height, color=DATA_COLOUR, linewidth=1.2, zorder=4)
    if len(signals) > len(near):
        ax.annotate(
            f"{len(signals):,} above noise\nup to {signals[0]:.3g} →",
            (0.985, 0.09),
            xycoords="axes fraction",
            ha="right",
            fontsize=NOTE_SIZE,
            color=DATA_COLOUR,
        )


def _note_zero_eigenvalues(ax: Axes, fit: MarchenkoPasturFit) -> None:
    n_zero = fit.n_features - min(fit.n_samples, fit.n_features)
    if n_zero <= 0:
        return
    ax.annotate(
        f"{n_zero:,} of {fit.n_features:,} eigenvalues are zero\n(fewer samples than features), not drawn",
        (0.5, 1.0),
        xycoords="axes fraction",
        xytext=(0, -2),
        textcoords="offset points",
        ha="center",
        va="top",
        fontsize=NOTE_SIZE,
        color=MUTED,
    )


def plot_parallel_analysis(result: ParallelAnalysis, ax: Axes | None = None, *, title: str = "Parallel analysis") -> Axes:
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
    shown = len(_positive(result.eigenvalues))
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
