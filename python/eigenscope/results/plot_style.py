"""The look shared by every picture of this package: colours, sizes, axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidInputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = np.ndarray[Any, np.dtype[Any]]

# Okabe and Ito's palette, told apart under every common colour-vision deficiency and in print.
DATA_COLOUR = "#0072B2"
NOISE_COLOUR = "#D55E00"
FIT_COLOUR = "#009E73"
SIGNAL_COLOUR = "#CC79A7"
BULK_COLOUR = "#B9C4CE"
INK = "#22272E"
MUTED = "#6B7683"

EIGENVALUE_LABEL = "eigenvalue (data units²)"
NOTE_SIZE = 8
_LABEL_SIZE = 9


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
    InvalidInputError
        When `ax` is something else.
    ImportError
        When matplotlib is not installed; the text gives the command that installs it.
    """
    if ax is not None:
        if not hasattr(ax, "set_xscale") or getattr(ax, "name", "") != "rectilinear":
            raise InvalidInputError(f"ax must be rectangular Matplotlib axes, got {type(ax).__name__}")
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
    ax.tick_params(which="minor", labelsize=NOTE_SIZE, length=1.5, width=0.5)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(MUTED)
        ax.spines[side].set_linewidth(0.8)


def positive(eigenvalues: Array) -> Array:
    """Return the eigenvalues a logarithmic axis can show: those above the rounding level of the largest.

    Parameters
    ----------
    eigenvalues : ndarray, shape (k,)
        Descending.

    Returns
    -------
    ndarray
        The leading ones of them.

    Raises
    ------
    InvalidInputError
        When none is left.
    """
    if len(eigenvalues) == 0 or eigenvalues[0] <= 0:
        raise InvalidInputError("nothing to draw: no eigenvalue is above zero")
    floor = float(eigenvalues[0]) * len(eigenvalues) * np.finfo(np.float64).eps
    return np.asarray(eigenvalues[eigenvalues > floor])
