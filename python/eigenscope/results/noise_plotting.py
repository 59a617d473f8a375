"""The picture of a noise fit: bulk, law, edge and what stands above it."""

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
    new_axes,
    style_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .marchenko_pastur_fit import MarchenkoPasturFit


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
