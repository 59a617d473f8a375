"""Pictures of spectral densities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidInputError
from .plot_style import BULK_COLOUR, DATA_COLOUR, INK, MUTED, NOISE_COLOUR, SIGNAL_COLOUR, new_axes, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .spectral_density import SpectralDensity

Array = np.ndarray[Any, np.dtype[Any]]

KINDS = ("pdf", "cdf")

_POINTS = 600


def plot_spectral_density(
    density: SpectralDensity,
    ax: Axes | None = None,
    *,
    kind: str = "pdf",
    scale: str = "linear",
    confidence: float = 0.95,
    bandwidth: float | None = None,
    law: Any = None,
    **line_options: Any,
) -> Axes:
    """Draw a spectral density with its band, its atoms as stems, and a law beside it.

    Parameters
    ----------
    density : SpectralDensity
        What to draw.
    ax : Axes, optional
        Where.
    kind : {"pdf", "cdf"}
        Smoothed density, or cumulative distribution without a bandwidth.
    scale : {"linear", "log"}
        Axis of the eigenvalues.
    confidence : float
        Coverage of the shaded band.
    bandwidth : float, optional
        As in `SpectralDensity.pdf`.
    law : object with ``pdf`` and ``cdf``, optional
        Drawn as a dashed line.
    **line_options
        Passed on to the line.

    Returns
    -------
    Axes
        With the picture.
    """
    if kind not in KINDS:
        raise InvalidInputError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    ax = new_axes(ax)
    x = _grid(density, scale)
    line: dict[str, Any] = {"color": DATA_COLOUR, "linewidth": 1.4} | line_options
    if kind == "cdf":
        low, high = density.band(x, confidence)
        curve = density.cdf(x)
    else:
        smoothing: dict[str, Any] = {"bandwidth": bandwidth, "scale": scale}
        low, high = density.pdf_band(x, confidence, **smoothing)
        curve = density.pdf(x, **smoothing)
    ax.fill_between(x, low, high, color=BULK_COLOUR, linewidth=0, label=f"{confidence:.0%} band")
    ax.plot(x, curve, **line)
    if law is not None:
        values = law.cdf(x) if kind == "cdf" else law.pdf(x)
        ax.plot(x, values, color=NOISE_COLOUR, linewidth=1.2, linestyle="--", label=type(law).__name__)
    if scale == "log":
        ax.set_xscale("log")
    if kind == "pdf":
        _draw_atoms(density, ax, float(np.max(curve)))
    title = f"{density.order:,} eigenvalues, {density.n_probes} probes of degree {density.degree}"
    style_axes(ax, title=title, xlabel="eigenvalue", ylabel="density" if kind == "pdf" else "share at or below")
    ax.legend(frameon=False, fontsize=8)
    return ax


def _grid(density: SpectralDensity, scale: str) -> Array:
    low, high = density.support
    if scale == "log":
        positive = density.nodes[density.nodes > density.rounding * density.order * abs(high)]
        if len(positive) == 0:
            raise InvalidInputError('scale="log" needs positive eigenvalues')
        return np.geomspace(float(positive.min()) / 1.2, high * 1.2, _POINTS)
    margin = 0.05 * (high - low) or 0.05 * max(abs(high), 1.0)
    return np.linspace(low - margin, high + margin, _POINTS)


def _draw_atoms(density: SpectralDensity, ax: Axes, top: float) -> None:
    """Stems whose labels give mass and error; heights have no meaning beside a density."""
    height = top if top > 0 else 1.0
    for location, mass, error in density.atoms:
        ax.plot([location, location], [0.0, 0.5 * height], color=SIGNAL_COLOUR, linewidth=1.0)
        if len(density.atoms) <= 3:
            text = f"{mass:.3g} ± {error:.1g}"
            ax.annotate(text, (location, 0.5 * height), fontsize=7, color=INK, ha="center", va="bottom")
    if len(density.atoms):
        ax.plot([], [], color=SIGNAL_COLOUR, linewidth=1.0, label=f"{len(density.atoms)} atoms")
    ax.axhline(0.0, color=MUTED, linewidth=0.6)
