"""Cumulative distributions from Gauss quadratures: jumps where eigenvalues are resolved, a smooth rise elsewhere."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

MERGE_FACTOR = 32
"""Nodes closer than this times the rounding unit of the largest one are copies of one eigenvalue: without
reorthogonalisation converged eigenvalues appear several times, and their weights add up."""

SMALLEST_WIDTH = 1024 * 5e-324
"""Below the normal range rounding is this coarse."""

SETTLED_SHARE = 0.01
"""A node whose residual is below this share of the gap to its neighbours stands for one eigenvalue: the other
eigenvalues of its residual interval are outside it, and it moves by the square of this share at most."""

NEGLIGIBLE_WEIGHT = 1.0
"""Nodes that weigh less than this many rounding units are rounding."""

BREAK_RATIO = 5.0
"""A gap this much wider than both of its neighbours is taken for an interval without eigenvalues; spacings at the
edge of a smooth density grow by less."""

EVEN_RATIO = 2.0
"""A node this much heavier than its surroundings is one of a smooth density still: weights of random probes scatter."""

LEAST_DOUBT = 2.0
"""The curve is off by at least this share of a weight over the number of nodes: its error is of order 1 / m² where
weights are of order 1 / m."""

EDGE_SHARE = 1.0 / 3.0
"""Distance from the outermost node to the edge, in units of the next spacing: exact for a density that vanishes
like a square root, whose nodes are ``1 - cos(k π / m)`` away."""


class RisingCurve:
    """Monotone cubic through ascending points, constant beyond the first and the last.

    Parameters
    ----------
    x, y : ndarray, shape (m,)
        Strictly ascending positions and ascending heights.
    """

    def __init__(self, x: Array, y: Array) -> None:
        self.low, self.high = float(x[0]), float(x[-1])
        # A power of two near the positions keeps the slopes inside the floating range.
        exponent = int(np.clip(np.frexp(np.abs(x).max())[1], -1000, 1000))
        self._unit = float(np.ldexp(1.0, exponent))
        # Imported here: the module loads a third of SciPy.
        from scipy.interpolate import PchipInterpolator

        self._curve = PchipInterpolator(x / self._unit, y, extrapolate=False)

    def __call__(self, x: Array) -> Array:
        """Return the height at each position."""
        return np.asarray(self._curve(np.clip(x, self.low, self.high) / self._unit))


@dataclasses.dataclass(frozen=True, eq=False)
class ProbeDistribution:
    """What one quadrature says of the distribution of its probe.

    Parameters
    ----------
    jumps, jump_weights, jump_residuals : ndarray, shape (s,)
        Resolved eigenvalues, ascending, their weights and residuals.
    nodes, weights, residuals : ndarray, shape (m,)
        All other nodes.
    curve : RisingCurve or None
        Their cumulative weight, without the jumps.
    slack : float
        Rounding of a position: a jump this little above `x` counts as being at `x`.
    """

    jumps: Array
    jump_weights: Array
    jump_residuals: Array
    nodes: Array
    weights: Array
    residuals: Array
    curve: RisingCurve | None
    slack: float

    def cdf(self, x: Array) -> Array:
        """Return the cumulative weight at or below each `x`."""
        steps = np.concatenate([[0.0], np.cumsum(self.jump_weights)])
        values = steps[np.searchsorted(self.jumps, x + self.slack, side="right")]
        if self.curve is not None:
            values = values + self.curve(x)
        return np.where(np.isnan(x), np.nan, values)

    def doubt(self, x: Array) -> Array:
        """Return how much weight may lie on the other side of each `x` than the curve has it.

        What a node stands for lies between its neighbours (Chebyshev, Markov and Stieltjes). The curve spreads it as
        a smooth density would. That is as good as the degree where weights are even; a node that outweighs its
        surroundings on both sides stands for structure that is finer than the nodes, and all of it is in doubt: it may
        lie as far as the residual r lets it, at most ``r² / (r² + t²)`` of the measure of a Ritz vector further than t
        to one side (Cantelli), or nearer than the curve has spread it.
        """
        error = np.zeros(x.shape)
        count = len(self.nodes)
        if self.curve is None:
            return error
        # Two nodes may share a heavy eigenvalue, so that the second neighbour is asked too.
        padded = np.pad(self.weights, 2)
        heavier = np.maximum(np.minimum(padded[:-4], padded[1:-3]), np.minimum(padded[3:-1], padded[4:]))
        least = min(1.0, LEAST_DOUBT / count)
        with np.errstate(divide="ignore"):
            doubted = self.weights * np.clip(self.weights / heavier - EVEN_RATIO, least, 1.0)
        following = np.searchsorted(self.nodes, x, side="right")
        height, below = self.curve(x), np.concatenate([[0.0], np.cumsum(self.weights)])
        for rank in (following - 1, following):
            k = np.clip(rank, 0, count - 1)
            with np.errstate(divide="ignore", invalid="ignore"):
                beyond = np.nan_to_num(1.0 / (1.0 + ((x - self.nodes[k]) / self.residuals[k]) ** 2))
            spread = np.clip((height - below[k]) / self.weights[k], 0.0, 1.0)
            spread = np.where(x < self.nodes[k], spread, 1.0 - spread)
            error = np.maximum(error, np.where(rank == k, doubted[k] * np.maximum(beyond, spread), 0.0))
        return error

    def doubt_of_jumps(self, x: Array) -> tuple[Array, Array]:
        """Return the weights of jumps at or below each `x`, and above it, whose eigenvalue may be on the other side.

        It is as far from the jump as the residual lets it be.
        """
        reach = np.where(self.jump_residuals > self.slack, self.jump_residuals, 0.0)
        below, above = np.zeros(x.shape), np.zeros(x.shape)
        if not reach.any():
            return below, above
        rank = np.searchsorted(self.jumps, x + self.slack, side="right")
        # Residuals are a small share of the gaps, so that only the neighbours reach.
        for weights, k in ((below, rank - 1), (above, rank)):
            nearest = np.clip(k, 0, len(self.jumps) - 1)
            reached = (nearest == k) & (np.abs(x - self.jumps[nearest]) <= reach[nearest])
            weights[reached] = self.jump_weights[nearest][reached]
        return below, above


def probe_distribution(nodes: Array, weights: Array, residuals: Array, *, rounding: float) -> ProbeDistribution:
    """Split one quadrature into resolved eigenvalues and a continuous rest.

    At a Gauss node the cumulative weight of the nodes below it plus half its own is an estimate of the distribution
    with an error of order ``1 / degree**2`` wherever the density is smooth; between nodes a monotone cubic connects
    them.

    Parameters
    ----------
    nodes, weights, residuals : ndarray, shape (degree,)
        Ascending; NaN behind the last one.
    rounding : float
        Rounding unit of the computation.
    """
    kept = np.isfinite(nodes)
    kept &= np.nan_to_num(weights) > NEGLIGIBLE_WEIGHT * rounding
    x, w, r = merge_copies(nodes[kept], weights[kept], residuals[kept], rounding)
    scale = float(np.abs(x).max(initial=0.0))
    gaps = np.diff(x)
    inner = np.concatenate([[np.inf], gaps, [np.inf]])
    nearest = np.minimum(inner[:-1], inner[1:])
    # A lone node has no neighbour to be told from; it is resolved when it is exact.
    nearest[~np.isfinite(nearest)] = MERGE_FACTOR * rounding * scale
    settled = r <= np.maximum(SETTLED_SHARE * nearest, rounding * scale)
    curve = _rising_curve(x[~settled], w[~settled], r[~settled], x[settled])
    resolved, rest = ((x[part], w[part], r[part]) for part in (settled, ~settled))
    return ProbeDistribution(*resolved, *rest, curve, MERGE_FACTOR * rounding * scale)


def merge_copies(x: Array, w: Array, r: Array, rounding: float) -> tuple[Array, Array, Array]:
    """Add up the weights of nodes that rounding cannot tell apart, each group at its mean, ascending."""
    if len(x) == 0:
        return x, w, r
    width = max(MERGE_FACTOR * rounding * float(np.abs(x).max()), SMALLEST_WIDTH)
    starts = np.concatenate([[0], np.flatnonzero(np.diff(x) > width) + 1])
    total = np.add.reduceat(w, starts)
    return np.add.reduceat(w * x, starts) / total, total, np.minimum.reduceat(r, starts)


def _rising_curve(x: Array, w: Array, r: Array, jumps: Array) -> RisingCurve | None:
    """Monotone curve through (node, weight below + half its own), flat across gaps and beyond the edges."""
    if len(x) == 0:
        return None
    below = np.concatenate([[0.0], np.cumsum(w)])
    breaks = np.concatenate([[True], _is_break(np.diff(x)), [True]])
    positions: list[float] = []
    heights: list[float] = []
    for k in range(len(x)):
        if breaks[k]:
            spacing = x[k + 1] - x[k] if not breaks[k + 1] else np.inf
            positions.append(x[k] - _edge_distance(spacing, r[k], x[k], positions, jumps, -1))
            heights.append(below[k])
        positions.append(x[k])
        heights.append(below[k] + 0.5 * w[k])
        if breaks[k + 1]:
            spacing = x[k] - x[k - 1] if not breaks[k] else np.inf
            following = [x[k + 1]] if k + 1 < len(x) else []
            positions.append(x[k] + _edge_distance(spacing, r[k], x[k], following, jumps, +1))
            heights.append(below[k + 1])
    return RisingCurve(*_strictly_ascending(positions, heights))


def _edge_distance(
    spacing: float, residual: float, node: float, neighbours: Sequence[float], jumps: Array, side: int
) -> float:
    """Distance from an outermost node to the edge: within the residual, and short of whatever lies beyond."""
    room = [abs(float(other) - node) for other in neighbours[-1:]]
    beyond = jumps[jumps > node][:1] if side > 0 else jumps[jumps < node][-1:]
    room += [abs(float(other) - node) for other in beyond]
    return min([EDGE_SHARE * spacing, residual, *(EDGE_SHARE * distance for distance in room)])


def _is_break(gaps: Array) -> Array:
    """Gaps much wider than the gaps on both sides of them."""
    padded = np.concatenate([[0.0], gaps, [0.0]])
    wider = np.maximum(padded[:-2], padded[2:])
    return np.asarray(gaps > BREAK_RATIO * wider) & (len(gaps) > 2)


def _strictly_ascending(positions: Sequence[float], heights: Sequence[float]) -> tuple[Array, Array]:
    """Drop points that rounding has put on top of their predecessor, keeping the last height of each."""
    x, y = np.asarray(positions), np.asarray(heights)
    last = np.concatenate([np.diff(x) > 0, [True]])
    x, y = x[last], np.maximum.accumulate(y[last])
    if len(x) == 1:
        return np.array([x[0], np.nextafter(x[0], np.inf)]), np.array([0.0, y[0]])
    return x, y


def rigorous_bounds(nodes: Array, weights: Array, x: Array) -> tuple[Array, Array]:
    """Return Chebyshev–Markov–Stieltjes bounds of a probe's own distribution at `x`, whatever its measure.

    The weights of all nodes before the last one at or below `x` lie below the distribution, those of all nodes up to
    the first one above `x` lie above it (Szegő, Orthogonal Polynomials, section 3.41).
    """
    kept = np.isfinite(nodes)
    below = np.concatenate([[0.0], np.cumsum(weights[kept])])
    rank = np.searchsorted(nodes[kept], x, side="right")
    return below[np.maximum(rank - 1, 0)], below[np.minimum(rank + 1, int(kept.sum()))]
