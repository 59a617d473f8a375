"""Pictures of canonical correlations, cross-spectra and maps of systems."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidInputError
from ..results.plot_style import (
    DATA_COLOUR,
    FIT_COLOUR,
    INK,
    MUTED,
    NOISE_COLOUR,
    NOTE_SIZE,
    SIGNAL_COLOUR,
    new_axes,
    style_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .canonical_correlation import CanonicalCorrelations
    from .cross_spectrum import CrossSpectrum
    from .embedding import Embedding

GROUP_COLOURS = (DATA_COLOUR, NOISE_COLOUR, FIT_COLOUR, SIGNAL_COLOUR, "#56B4E9", "#E69F00", "#F0E442", INK)
"""Okabe and Ito's palette, in the order groups appear."""


def plot_canonical_correlations(
    result: CanonicalCorrelations, ax: Axes | None = None, *, title: str = "Canonical correlations"
) -> Axes:
    """Draw the correlations with the range that unrelated systems reach.

    Parameters
    ----------
    result : CanonicalCorrelations
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
    ranks = np.arange(1, len(result.correlations) + 1)
    ax.plot(ranks, result.correlations, color=DATA_COLOUR, marker="o", markersize=3.5, linewidth=1.4, zorder=3)
    label = f"largest of unrelated systems, {1 - result.null.significance:.0%} of cases"
    ax.axhspan(0, result.null.threshold, color=NOISE_COLOUR, alpha=0.08, linewidth=0)
    ax.axhline(result.null.threshold, color=NOISE_COLOUR, linewidth=1.2, linestyle=(0, (5, 2)), label=label)
    ax.set_ylim(min(0.0, float(result.correlations.min())), 1.03)
    style_axes(ax, title=title, xlabel="pair of variates", ylabel="correlation")
    ax.legend(fontsize=NOTE_SIZE, frameon=False, labelcolor=INK)
    return ax


def plot_cross_spectrum(result: CrossSpectrum, ax: Axes | None = None, *, title: str = "Cross-spectrum") -> Axes:
    """Draw the cross-validated covariance against rank, and its mean in bins with intervals.

    Parameters
    ----------
    result : CrossSpectrum
        The spectrum.
    ax : Axes, optional
        Where to draw; a new figure by default.
    title : str
        Title of the panel; the number of values a logarithmic axis cannot show is added.

    Returns
    -------
    Axes
        The axes drawn on.
    """
    ax = new_axes(ax)
    values = np.where(result.covariances > 0, result.covariances, np.nan)
    if np.isnan(values).all():
        raise InvalidInputError("nothing to draw: no covariance is positive")
    ax.plot(np.arange(1, len(values) + 1), values, ".", color=MUTED, markersize=2, label="single ranks")
    centres = np.sqrt(result.bin_ranks[:, 0] * result.bin_ranks[:, 1])
    means, stderr = result.bin_means, result.bin_stderr
    shown = means > 0
    lower = np.minimum(1.96 * stderr, means * (1 - 1e-3))
    bars = np.array([lower[shown], 1.96 * stderr[shown]])
    style: dict[str, Any] = {"fmt": "o", "markersize": 4, "capsize": 2, "linewidth": 1.2}
    ax.errorbar(
        centres[shown], means[shown], yerr=bars, color=DATA_COLOUR, label="mean in bins, 95 % interval", **style
    )
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(bottom=0.3 * float(np.min(means[shown])) if shown.any() else None)
    note = f" ({result.n_negative} ranks not positive)" if result.n_negative else ""
    style_axes(ax, title=title + note, xlabel="rank", ylabel="covariance on new stimuli (data units²)")
    ax.legend(fontsize=NOTE_SIZE, frameon=False, labelcolor=INK)
    return ax


def plot_embedding(
    result: Embedding, ax: Axes | None = None, *, groups: Sequence[Any] | None = None, title: str = "Map of systems"
) -> Axes:
    """Draw the first two coordinates, one colour for each group.

    Parameters
    ----------
    result : Embedding
        The map.
    ax : Axes, optional
        Where to draw; a new figure by default.
    groups : sequence, optional
        Label of every point.
    title : str
        Title of the panel.

    Returns
    -------
    Axes
        The axes drawn on.
    """
    ax = new_axes(ax)
    points = result.coordinates
    if points.shape[1] < 2:
        points = np.column_stack([points, np.zeros(len(points))])
    labels = np.asarray(["all"] * len(points) if groups is None else [str(group) for group in groups])
    if len(labels) != len(points):
        raise InvalidInputError(f"{len(labels)} group labels for {len(points)} points")
    for index, label in enumerate(dict.fromkeys(labels.tolist())):
        chosen = points[labels == label]
        colour = GROUP_COLOURS[index % len(GROUP_COLOURS)]
        ax.plot(chosen[:, 0], chosen[:, 1], "o", markersize=4.5, color=colour, alpha=0.85, label=label)
    ax.set_aspect("equal", adjustable="datalim")
    style_axes(ax, title=f"{title}: stress {result.stress:.2g}", xlabel="coordinate 1", ylabel="coordinate 2")
    if groups is not None:
        ax.legend(fontsize=NOTE_SIZE, frameon=False, labelcolor=INK)
    return ax
