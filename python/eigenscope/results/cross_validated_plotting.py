"""Picture of a cross-validated spectrum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .plot_style import DATA_COLOUR, FIT_COLOUR, INK, NOISE_COLOUR, NOTE_SIZE, new_axes, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .cross_validated_spectrum import CrossValidatedSpectrum
    from .power_law_fit import PowerLawFit

_DEPTH = 1e-6
"""Signal variances below this share of the largest are not drawn."""


def plot_cross_validated_spectrum(
    result: CrossValidatedSpectrum,
    ax: Axes | None = None,
    *,
    power_law: PowerLawFit | None = None,
    title: str = "Signal spectrum",
    **line_options: Any,
) -> Axes:
    """Draw signal and noise variances against rank, with the standard errors of the signal.

    Parameters
    ----------
    result : CrossValidatedSpectrum
        The spectrum; values below zero are rings at their size.
    ax : Axes, optional
        Where to draw; a new figure by default.
    power_law : PowerLawFit, optional
        Draws the fitted line over its ranks.
    title : str
        Title of the panel.
    **line_options
        Passed to ``Axes.plot`` for the signal.

    Returns
    -------
    Axes
        The axes drawn on.
    """
    ax = new_axes(ax)
    values, errors = result.eigenvalues, result.stderr
    ranks = np.arange(1, len(values) + 1)
    floor = _DEPTH * float(np.abs(values).max(initial=1e-300))
    above, below = values > floor, values < -floor
    style: dict[str, Any] = {"color": DATA_COLOUR, "linewidth": 1.8, "zorder": 3, "label": "signal (cross-validated)"}
    ax.plot(ranks, np.where(above, values, np.nan), **(style | line_options))
    low, high = np.maximum(values - errors, floor), np.maximum(values + errors, floor)
    ax.fill_between(ranks, low, high, where=above, color=DATA_COLOUR, alpha=0.2, linewidth=0, zorder=2)
    if below.any():
        label = f"below zero: {result.n_negative}"
        ax.plot(
            ranks[below], -values[below], "o", mfc="none", color=DATA_COLOUR, markersize=2.5, alpha=0.6, label=label
        )
    noise = np.where(result.noise_eigenvalues > floor, result.noise_eigenvalues, np.nan)
    ax.plot(ranks, noise, color=NOISE_COLOUR, linewidth=1.2, linestyle=(0, (5, 2)), zorder=2, label="noise")
    if power_law is not None:
        fitted = np.array(power_law.ranks, dtype=float)
        label = f"rank$^{{-{power_law.exponent:.2f}}}$ on ranks {power_law.ranks[0]}–{power_law.ranks[1]}"
        ax.plot(fitted, power_law.predict(fitted), color=FIT_COLOUR, linewidth=1.6, zorder=5, label=label)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(0.9, len(values) * 1.15)
    style_axes(ax, title=title, xlabel="rank", ylabel="variance (data units²)")
    ax.legend(fontsize=NOTE_SIZE, frameon=False, loc="lower left", labelcolor=INK)
    return ax
