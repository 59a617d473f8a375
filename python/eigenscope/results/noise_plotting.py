"""Two pictures of a noise fit: the bulk with its law, and the leading eigenvalues with edge and p-values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .plot_style import (
    BULK_COLOUR,
    DATA_COLOUR,
    EIGENVALUE_LABEL,
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

    from .marchenko_pastur_fit import MarchenkoPasturFit

NORMAL_95 = 1.959963984540054
"""97.5 % quantile of the normal law."""

MIN_RANKS, RANKS_PER_SIGNAL = 12, 3
"""The scree shows at least so many eigenvalues, and so many for each signal."""

MOST_P_VALUES = 8
"""As many of the last p-values are written beside their eigenvalues; stronger signals have smaller ones."""


def plot_marchenko_pastur_fit(
    result: MarchenkoPasturFit,
    ax: Axes | None = None,
    *,
    bins: int | None = None,
    title: str = "Noise bulk and its law",
) -> Axes:
    """Draw the histogram of the bulk eigenvalues, the fitted Marchenko–Pastur law and where noise ends.

    The law is shaded over the interval of the noise variance, and signals carry the interval of the population
    eigenvalue behind them.

    Parameters
    ----------
    result : MarchenkoPasturFit
        The fit. When there are fewer samples than features the law has an atom at zero: it is stated in
        words, and histogram and curve show the non-zero eigenvalues only.
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
        bin_edges = np.linspace(min(low, float(bulk.min())), max(high, float(bulk.max())), bins + 1).tolist()
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
    if not result.credible:
        title += " (doubtful fit)"
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
    # Another variance stretches the law: f(x / s) / s.
    variance = fit.variance
    stretches = [end / variance.value for end in variance.interval if end > 0]
    peak = float((density / continuous_mass)[len(grid) // 50 :].max())
    ax.set_ylim(0, 1.5 * peak)
    if not stretches:
        return
    x = np.linspace(low * min(stretches), high * max(stretches), 600)
    curves = np.array([np.asarray(fit.law.pdf(x / s)) / s for s in (1.0, *stretches)]) / continuous_mass
    ax.fill_between(x, curves.min(axis=0), curves.max(axis=0), color=INK, alpha=0.2, linewidth=0, zorder=2)


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
        first = fit.n_signal - len(near)
        ax.errorbar(
            fit.signal_eigenvalues[first:],
            np.full(len(near), 0.07 * height),
            xerr=NORMAL_95 * fit.signal_stderrs[first:],
            fmt="o",
            color=SIGNAL_COLOUR,
            markersize=3,
            linewidth=1.0,
            zorder=4,
            label="population eigenvalues",
        )
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


def plot_noise_scree(
    result: MarchenkoPasturFit, ax: Axes | None = None, *, n_ranks: int | None = None, title: str = "Signals and noise"
) -> Axes:
    """Draw the leading eigenvalues against rank, with the noise edge, p-values and what lies behind the signals.

    Parameters
    ----------
    result : MarchenkoPasturFit
        The fit.
    ax : Axes, optional
        Where to draw; a new figure by default.
    n_ranks : int, optional
        Number of eigenvalues shown; by default three for each signal, at least twelve.
    title : str
        Title of the panel.

    Returns
    -------
    Axes
        The axes drawn on.
    """
    ax = new_axes(ax)
    shown = n_ranks or max(MIN_RANKS, RANKS_PER_SIGNAL * result.n_signal)
    values, k = positive(np.asarray(result.eigenvalues))[:shown], result.n_signal
    ranks = np.arange(1, len(values) + 1)
    ax.plot(ranks[k:], values[k:], "o", color=MUTED, markersize=4, zorder=3, label="noise")
    if k:
        ax.plot(ranks[:k], values[:k], "o", color=DATA_COLOUR, markersize=4, zorder=3, label=f"{k:,} above noise")
        population, errors = result.signal_eigenvalues[: len(ranks)], result.signal_stderrs[: len(ranks)]
        ax.errorbar(
            ranks[: len(population)],
            population,
            # A logarithmic axis has no place for zero.
            yerr=[np.minimum(NORMAL_95 * errors, 0.99 * population), NORMAL_95 * errors],
            fmt="_",
            color=SIGNAL_COLOUR,
            linewidth=1.2,
            zorder=4,
            label="population eigenvalues",
        )
    ax.axhline(
        result.upper_edge_threshold,
        color=NOISE_COLOUR,
        linewidth=1.2,
        linestyle=(0, (5, 2)),
        zorder=2,
        label=f"noise ends (level {result.significance:g})",
    )
    for rank in range(max(0, len(result.p_values) - MOST_P_VALUES), min(len(result.p_values), len(values))):
        ax.annotate(
            f"p = {result.p_values[rank]:.1g}",
            (rank + 1, values[rank]),
            xytext=(5, 4),
            textcoords="offset points",
            fontsize=NOTE_SIZE - 1,
            color=INK,
        )
    ax.set_yscale("log")
    title = title if result.credible else f"{title} (doubtful fit)"
    style_axes(ax, title=title, xlabel="rank", ylabel=EIGENVALUE_LABEL)
    ax.legend(fontsize=NOTE_SIZE, frameon=False, loc="upper right", labelcolor=INK, handlelength=1.6)
    return ax
