"""Atoms of a spectral distribution: eigenvalues that stand alone or carry more weight than their surroundings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .cumulative import SMALLEST_WIDTH, ProbeDistribution

Array = np.ndarray[Any, np.dtype[Any]]

SEEN_SHARE = 0.5
"""Share of the probes that must have resolved an eigenvalue; a single one would be an accident."""

OUTWEIGHS = 5.0
"""A resolved eigenvalue among others is an atom when it weighs this many times as much as its neighbours."""


def find_atoms(
    distributions: Sequence[ProbeDistribution], *, bandwidth: float, rounding: float
) -> tuple[Array, Array, Array]:
    """Pool the resolved eigenvalues of all probes and keep those that are isolated or heavy.

    Parameters
    ----------
    distributions : sequence of ProbeDistribution
        One per probe.
    bandwidth : float
        Resolution of the rest of the spectrum: an eigenvalue farther than this from all other nodes is isolated.
    rounding : float
        Rounding unit of the computation.

    Returns
    -------
    locations, location_errors, masses : ndarray, shape (k,)
        Ascending. A location is that of the best resolved node; an eigenvalue lies within the error of it.
    """
    positions = np.concatenate([d.jumps for d in distributions])
    weights = np.concatenate([d.jump_weights for d in distributions])
    residuals = np.concatenate([d.jump_residuals for d in distributions])
    probes = np.concatenate([np.full(len(d.jumps), p) for p, d in enumerate(distributions)])
    if len(positions) == 0:
        return np.empty(0), np.empty(0), np.empty(0)
    rest = np.sort(np.concatenate([d.nodes for d in distributions]))
    clusters = cluster_by_residual(positions, residuals, rounding)
    locations, errors, masses = [], [], []
    for members, left, right in _with_neighbours(positions, clusters):
        if len(np.unique(probes[members])) < SEEN_SHARE * len(distributions):
            continue
        best = members[np.argmin(residuals[members])]
        location, mass = positions[best], weights[members].sum() / len(distributions)
        gap = min(location - left, right - location, _distance(rest, location))
        if gap > bandwidth or mass > OUTWEIGHS * _surrounding_weight(distributions, location):
            locations.append(location)
            errors.append(max(residuals[best], rounding * abs(location)))
            masses.append(mass)
    return np.array(locations), np.array(errors), np.array(masses)


def cluster_by_residual(positions: Array, residuals: Array, rounding: float) -> list[Array]:
    """Group nodes whose residual intervals overlap; each group is an array of indices, ascending in position."""
    order = np.argsort(positions, kind="stable")
    slack = max(1e3 * rounding * float(np.abs(positions).max()), SMALLEST_WIDTH)
    reach = residuals[order] + 0.5 * slack
    x = positions[order]
    apart = np.diff(x) > reach[:-1] + reach[1:]
    return np.split(order, np.flatnonzero(apart) + 1)


def _with_neighbours(positions: Array, clusters: list[Array]) -> list[tuple[Array, float, float]]:
    """Clusters with the end of the one before and the begin of the one after."""
    lowest = [float(positions[members].min()) for members in clusters]
    highest = [float(positions[members].max()) for members in clusters]
    return [
        (members, highest[k - 1] if k else -np.inf, lowest[k + 1] if k + 1 < len(clusters) else np.inf)
        for k, members in enumerate(clusters)
    ]


def _distance(ascending: Array, location: float) -> float:
    """Distance to the nearest of some ascending positions."""
    if len(ascending) == 0:
        return np.inf
    rank = int(np.searchsorted(ascending, location))
    return float(np.abs(ascending[max(0, rank - 1) : rank + 1] - location).min())


def _surrounding_weight(distributions: Sequence[ProbeDistribution], location: float) -> float:
    """Mean weight of the nodes next to a location, other than those at it."""
    found: list[float] = []
    for d in distributions:
        nodes = np.concatenate([d.jumps, d.nodes])
        weights = np.concatenate([d.jump_weights, d.weights])
        order = np.argsort(np.abs(nodes - location))
        found.extend(weights[order[1:3]])
    return float(np.mean(found)) if found else 0.0
