"""Pictures of learning curves and prediction errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..results.plot_style import DATA_COLOUR, INK, MUTED, NOISE_COLOUR, NOTE_SIZE, new_axes, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .learning_curve import LearningCurve
    from .prediction_error import PredictionError


_FEW_SIZES = 8
"""Up to this many training sizes are written on the axis."""

_DEPTH_BELOW_ERROR = 0.03
"""A training error below this share of the smallest generalization error is not drawn."""


def plot_learning_curve(result: LearningCurve, ax: Axes | None = None, *, title: str = "Learning curve") -> Axes:
    """Draw generalization and training error against the number of training samples.

    Parameters
    ----------
    result : LearningCurve
        The curve.
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
    order = np.argsort(result.n_train)
    sizes = result.n_train[order]
    finite = result.generalization_error[np.isfinite(result.generalization_error)]
    lowest = _DEPTH_BELOW_ERROR * finite[finite > 0].min(initial=np.inf)
    bottom = np.inf
    for values, colour, label in (
        (result.generalization_error, DATA_COLOUR, "generalization"),
        (result.training_error, NOISE_COLOUR, "training"),
    ):
        shown = np.where(np.isfinite(values[order]) & (values[order] > 0), values[order], np.nan)
        if np.any(shown >= lowest):
            ax.plot(sizes, shown, color=colour, linewidth=1.8, label=label)
            bottom = min(bottom, max(lowest, float(np.nanmin(shown)) / 1.5))
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.xaxis.set_minor_formatter("")
    if len(sizes) <= _FEW_SIZES:
        ax.set_xticks(sizes, labels=[f"{size:g}" for size in sizes])
    if np.isfinite(bottom):
        # A training error near zero must not squeeze the generalization error into a corner.
        ax.set_ylim(bottom, 1.5 * finite.max())
    style_axes(ax, title=title, xlabel="training samples", ylabel="squared error (target units²)")
    ax.legend(fontsize=NOTE_SIZE, frameon=False, labelcolor=INK)
    return ax


def plot_prediction_error(result: PredictionError, ax: Axes | None = None, *, title: str = "Prediction error") -> Axes:
    """Draw the predicted error with its interval and the measured errors.

    Parameters
    ----------
    result : PredictionError
        Theory and experiment.
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
    order = np.argsort(result.n_train)
    sizes = result.n_train[order]
    published = result.theory.generalization_error[order]
    ax.plot(sizes, published, color=MUTED, linewidth=1.0, linestyle=":", label="theory for few of many stimuli")
    ax.plot(sizes, result.expected_error[order], color=DATA_COLOUR, linewidth=1.6, label="theory, all stimuli")
    ax.plot(sizes, result.expected_test_error[order], color=NOISE_COLOUR, linewidth=1.6, label="theory, new stimuli")
    if np.isfinite(result.expected_test_stderr).all():
        low, high = result.interval()
        ax.fill_between(sizes, low[order], high[order], color=NOISE_COLOUR, alpha=0.15, linewidth=0)
    for mean, stderr, colour, label in (
        (result.measured_error, result.measured_stderr, DATA_COLOUR, "measured, all stimuli"),
        (result.test_error, result.test_stderr, NOISE_COLOUR, "measured, new stimuli"),
    ):
        ax.errorbar(sizes, mean[order], yerr=stderr[order], color=colour, label=label, fmt="o", markersize=4, capsize=2)
    tallest = max(float(np.nanmax(curve)) for curve in (result.measured_error, result.test_error))
    ax.set_ylim(0, 1.15 * tallest)
    style_axes(ax, title=title, xlabel="training stimuli", ylabel="error (share of target variance)")
    ax.legend(fontsize=NOTE_SIZE, frameon=False, labelcolor=INK)
    return ax
