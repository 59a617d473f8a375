"""The population whose expected sample eigenvalues are nearest to those observed: least squares with exact slopes.

On the population axis of the Silverstein equation a sample eigenvalue x belongs to a point u(x), and a population
eigenvalue t of share w moves it at the rate ``∂x/∂t = c w |u / (u - t)|²``, c the ratio of features to samples.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _core
from ..errors import InvalidInputError
from .covariance_shrinkage import shrink_covariance

Array = np.ndarray[Any, np.dtype[Any]]

MAX_CELLS = 200
"""Sample eigenvalues fitted one by one, each with a population eigenvalue of its own; of more, runs by their means."""

SMALLEST_SHARE = 1e-3
"""Population eigenvalues are sought above this share of the smallest of the sample; less would leave no trace in it."""

NODES_PER_EIGENVALUE, MIN_NODES, MAX_NODES = 8, 48, 4096
"""Points of the law in each interval of its support: up to 500 eigenvalues, expectations err by a percent of a spacing,
and of more only means are fitted."""

RATIO_NUDGES = (0.0, 1e-3, -1e-3, 3e-3, -3e-3, 1e-2, -1e-2)
"""Relative changes of the ratio tried where two intervals of the support touch and the law cannot be followed."""

SPACING_RANKS = 3
"""Ranks to either side over which the spacing of sample eigenvalues is averaged."""

CLOSE_ENOUGH, FARTHEST = 0.7, 2.0
"""Fits end where residuals in units of sampling errors have this root mean square, and none is larger than that: the
population itself leaves 1, and a closer fit would follow the errors."""

MAX_STEPS, LONGEST_STEP = 100, 1.0
"""Steps of the fit, and the farthest that the logarithm of a population eigenvalue moves in one."""

FIRST_DAMPING, LAST_DAMPING = 0.1, 1e8
"""Damping at the first step, and that from which no step would change anything."""

LOWER_DAMPING, HIGHER_DAMPING = 0.5, 4.0
"""Factors of the damping after a step that helped and after one that did not."""

DIAGONAL_FLOOR = 1e-6
"""Least damped curvature in units of the largest, for population eigenvalues that the sample hardly feels."""

LEAST_GAIN, IDLE_STEPS = 0.01, 2
"""Gain of a step that counts as none, in units of the sum of squares or of the number of residuals if that is less, and
how many such steps in a row end the fit."""


@dataclasses.dataclass(frozen=True, eq=False)
class LawNodes:
    """The law of sample eigenvalues on points along its support.

    Parameters
    ----------
    values : ndarray, shape (n_nodes,)
        Sample eigenvalues, ascending; the first is zero and carries the atom.
    masses : ndarray, shape (n_nodes,)
        Shares of the eigenvalues around them.
    points : ndarray of complex, shape (n_nodes,)
        Points of the population axis that they belong to.
    """

    values: Array
    masses: Array
    points: Array

    @classmethod
    def of_population(cls, atoms: Array, shares: Array, ratio: float, count: int) -> LawNodes:
        """Follow the law of distinct positive atoms, ascending, for `count` eigenvalues."""
        law = _core.SilversteinLaw(atoms, shares, ratio)
        at_zero = max(0.0, 1 - float(shares.sum()), 1 - 1 / ratio)
        values, masses, points = [np.zeros(1)], [np.array([at_zero])], [np.zeros(1, dtype=np.complex128)]
        for interval, (low, high, mass) in enumerate(law.intervals()[:, :3]):
            n_nodes = int(np.clip(NODES_PER_EIGENVALUE * mass * count, MIN_NODES, MAX_NODES))
            angles = np.pi * (np.arange(n_nodes) + 0.5) / n_nodes
            above, below = (high - low) * np.sin(angles / 2) ** 2, (high - low) * np.cos(angles / 2) ** 2
            u = law.solve_inside(interval, above, below)
            # f(x) dx/dθ without constants: the mass of the interval is known.
            density = u.imag / np.abs(u) ** 2 * np.sin(angles)
            values.append(low + above)
            masses.append(density * (mass / density.sum()))
            points.append(u)
        return cls(np.concatenate(values), np.concatenate(masses), np.concatenate(points))

    def means_between(self, edges: Array) -> Array:
        """Return the mean sample eigenvalue between ascending levels from 0 to 1, shape (len(edges) - 1,)."""
        masses, moments = np.cumsum(self.masses), np.cumsum(self.masses * self.values)
        levels = np.concatenate([[0.0], masses / masses[-1]])
        below = np.interp(edges, levels, np.concatenate([[0.0], moments]))
        return np.asarray(np.diff(below) / np.diff(edges))

    def points_at(self, levels: Array) -> Array:
        """Return the points of the population axis at these levels, shape (len(levels),)."""
        place = np.searchsorted(np.cumsum(self.masses), levels)
        return np.asarray(self.points[np.minimum(place, len(self.points) - 1)])


def expected_eigenvalues(population: Array, n_samples: float) -> Array:
    """Return what the sample eigenvalues are on average, descending, shape (n_features,).

    Parameters
    ----------
    population : ndarray, shape (n_features,)
        Population eigenvalues, not all zero.
    n_samples : float
        Degrees of freedom of the sample covariance.
    """
    count, unit = len(population), float(population.max())
    atoms, numbers = np.unique(population[population > 0] / unit, return_counts=True)
    nodes = _nodes(atoms, numbers / count, count / n_samples, count)
    return nodes.means_between(np.arange(count + 1) / count)[::-1] * unit


def fit_population(values: Array, n_samples: float) -> Array:
    """Minimise ``Σ (q_i(τ) - λ_i)² / σ_i²`` over the population τ, q the expected and λ the sample eigenvalues.

    Parameters
    ----------
    values : ndarray, shape (n_features,)
        Sample eigenvalues, descending, of mean one.
    n_samples : float
        Degrees of freedom of the sample covariance.

    Returns
    -------
    ndarray, shape (n_features,)
        Population eigenvalues, descending.
    """
    rank = int(np.count_nonzero(values))
    cell = _cells(values)
    sizes = np.bincount(cell)
    seen = cell[rank - 1] + 1
    observed = np.bincount(cell, weights=values)[:seen] / sizes[:seen]
    start = np.log(np.bincount(cell, weights=_shrunken(values, n_samples)) / sizes)
    # Near zero eigenvalues vary by more than they are: what they should be tells how much.
    middles = np.cumsum(sizes) - (sizes + 1) / 2
    likely = np.interp(np.arange(rank), middles, _expectation(np.exp(start), sizes, n_samples)[0])
    scatter = sampling_errors(np.maximum(values[:rank], likely), n_samples)
    errors = np.bincount(cell[:rank], weights=scatter) / sizes[:seen]

    def residuals(logarithms: Array) -> tuple[Array, Array]:
        atoms = np.exp(logarithms)
        expected, slopes = _expectation(atoms, sizes, n_samples)
        return (expected[:seen] - observed) / errors, slopes[:seen] * atoms / errors[:, np.newaxis]

    fitted = _levenberg_marquardt(residuals, start, math.log(SMALLEST_SHARE * observed[-1]))
    return np.sort(np.exp(fitted)[cell])[::-1]


def sampling_errors(values: Array, n_samples: float) -> Array:
    """Return about how far sample eigenvalues (positive, descending) fall from their expectations.

    One that stands alone below i others varies as a variance with n - i degrees of freedom, by ``λ sqrt(2 / (n - i))``.
    In a bulk their repulsion holds them to ``sqrt(log p) / π`` of a spacing. None is known better than the mean of
    all, ``λ sqrt(2 / (n p))``.

    References
    ----------
    Gustavsson 2005, "Gaussian fluctuations of eigenvalues in the GUE", Ann. Inst. H. Poincaré Probab. Statist. 41;
    O'Rourke 2010, J. Stat. Phys. 138, for real matrices.
    """
    count = len(values)
    ranks = np.arange(count)
    above, below = np.maximum(ranks - SPACING_RANKS, 0), np.minimum(ranks + SPACING_RANKS, count - 1)
    spacing = (values[above] - values[below]) / np.maximum(below - above, 1)
    alone = values * np.sqrt(2 / np.maximum(n_samples - ranks, 1))
    crowded = spacing * math.sqrt(math.log(count)) / math.pi
    least = values * math.sqrt(2 / (n_samples * count))
    return np.asarray(np.hypot(alone * crowded / np.hypot(alone, crowded), least))


def _cells(values: Array) -> Array:
    """Return the number of the run that each of the eigenvalues (descending) belongs to.

    Half of the cuts are at even counts, half at the largest relative gaps, so that whatever stands apart stays apart.
    """
    count, rank = len(values), int(np.count_nonzero(values))
    if count <= MAX_CELLS:
        return np.arange(count)
    cuts = np.zeros(count, dtype=bool)
    cuts[np.linspace(0, count, MAX_CELLS // 2, endpoint=False).astype(int)[1:]] = True
    gaps = -np.diff(np.log(values[:rank]))
    cuts[1 + np.argsort(gaps)[-MAX_CELLS // 2 :]] = True
    if rank < count:
        cuts[rank] = True
    return np.cumsum(cuts)


def _shrunken(values: Array, n_samples: float) -> Array:
    """Return eigenvalues near the population's on every scale, by nonlinear shrinkage."""
    count, rank = len(values), int(np.count_nonzero(values))
    if rank == 1:
        return np.full(count, values.mean())
    # Zeros tell the number of samples; without any it is no less than that of features.
    return shrink_covariance(values, n_samples=rank if rank < count else max(n_samples, count), threads=1)


def _expectation(atoms: Array, sizes: Array, n_samples: float) -> tuple[Array, Array]:
    """Return expected means of runs of eigenvalues, descending, and their slopes in the atoms, one atom a column.

    Every atom has as many population eigenvalues as there are sample eigenvalues in the run of its place.
    """
    count, unit = int(sizes.sum()), float(atoms.max())
    ratio, shares = count / n_samples, sizes / count
    distinct, which = np.unique(atoms / unit, return_inverse=True)
    nodes = _nodes(distinct, np.bincount(which, weights=shares), ratio, count)
    edges = np.concatenate([[0.0], np.cumsum(sizes[::-1])]) / count
    u = nodes.points_at((edges[1:] + edges[:-1]) / 2)[::-1, np.newaxis]
    distance = u - atoms / unit
    slopes = ratio * shares * np.abs(u) ** 2 / (distance.real**2 + distance.imag**2)
    return nodes.means_between(edges)[::-1] * unit, slopes


def _nodes(atoms: Array, shares: Array, ratio: float, count: int) -> LawNodes:
    for nudge in RATIO_NUDGES[:-1]:
        with contextlib.suppress(InvalidInputError):
            return LawNodes.of_population(atoms, shares, ratio * (1 + nudge), count)
    return LawNodes.of_population(atoms, shares, ratio * (1 + RATIO_NUDGES[-1]), count)


def _levenberg_marquardt(residuals: Callable[[Array], tuple[Array, Array]], start: Array, lowest: float) -> Array:
    """Lower the sum of squares until residuals of unit error are small enough, or steps gain nothing."""
    point, damping, idle = start, FIRST_DAMPING, 0
    error, slopes = residuals(point)
    for _ in range(MAX_STEPS):
        curvature = slopes.T @ slopes
        diagonal = curvature.diagonal()
        damped = damping * (diagonal + DIAGONAL_FLOOR * diagonal.max())
        step = np.linalg.solve(curvature + np.diag(damped), slopes.T @ error)
        trial = np.maximum(point - np.clip(step, -LONGEST_STEP, LONGEST_STEP), lowest)
        trial_error, trial_slopes = residuals(trial)
        before, after = float(error @ error), float(trial_error @ trial_error)
        if after >= before:
            damping *= HIGHER_DAMPING
            if damping > LAST_DAMPING:
                break
            continue
        damping *= LOWER_DAMPING
        idle = idle + 1 if before - after < LEAST_GAIN * min(before, len(error)) else 0
        point, error, slopes = trial, trial_error, trial_slopes
        if idle == IDLE_STEPS or (after <= CLOSE_ENOUGH**2 * len(error) and np.abs(error).max() <= FARTHEST):
            break
    return point
