"""Canonical directions in the coordinates of two orthonormal bases, with and without ridge."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import scipy.linalg

from .representation import Basis
from .wachter import WachterNull

Array = np.ndarray[Any, np.dtype[Any]]

N_ROTATIONS = 40
"""Random rotations for the null with ridge: its means hardly vary between them."""

LARGEST_QUANTILE = 1.72
"""95 % quantile of the Tracy–Widom law in its standard deviations above its mean."""


@dataclasses.dataclass(frozen=True)
class CanonicalDirections:
    """Canonical directions in the coordinates of two bases."""

    correlations: Array
    x_directions: Array
    """Coefficients of the unit-norm variates on the left singular vectors of X, shape (rank_x, k)."""
    y_directions: Array


def canonical_directions(x: Basis, y: Basis, ridge: float) -> CanonicalDirections:
    """Maximise the correlation of ``U_x D_x p`` and ``U_y D_y q`` for orthonormal p and q.

    Without ridge D = I: the singular values of U_xᵀ U_y are the canonical correlations.
    """
    if ridge > 0:
        return _maximise(x.U.T @ y.U, _shrinkage(x, ridge), _shrinkage(y, ridge))
    P, values, Qh = scipy.linalg.svd(x.U.T @ y.U, full_matrices=False)
    return CanonicalDirections(np.clip(values, 0.0, 1.0), P, Qh.T)


def _maximise(overlap: Array, shrinkage_x: Array, shrinkage_y: Array) -> CanonicalDirections:
    """Return the directions that ridge chooses, and the correlations they attain."""
    P, _, Qh = scipy.linalg.svd(shrinkage_x[:, None] * overlap * shrinkage_y, full_matrices=False)
    directions = [_unit_columns(d[:, None] * V) for d, V in ((shrinkage_x, P), (shrinkage_y, Qh.T))]
    attained = np.sum(directions[0] * (overlap @ directions[1]), axis=0)
    return CanonicalDirections(np.clip(attained, -1.0, 1.0), directions[0], directions[1])


def _shrinkage(basis: Basis, ridge: float) -> Array:
    """Return ``s / sqrt((1 - c) s² + c)`` with s² scaled to mean 1."""
    scaled = basis.s**2 * (basis.Vh.shape[1] / float(np.sum(basis.s**2)))
    return np.asarray(np.sqrt(scaled / ((1 - ridge) * scaled + ridge)))


def _unit_columns(directions: Array) -> Array:
    return np.asarray(directions / np.linalg.norm(directions, axis=0))


def rotation_null(bases: list[Basis], n_stimuli: int, ridge: float) -> WachterNull:
    """Return what attained correlations are when the centred stimuli of one system are rotated at random.

    A block of a random rotation is one of the first rows of a random orthonormal basis.
    """
    generator = np.random.Generator(np.random.Philox(0))
    shrinkage = _shrinkage(bases[0], ridge), _shrinkage(bases[1], ridge)
    found = np.empty((N_ROTATIONS, 3))
    for row in found:
        normal = generator.standard_normal((n_stimuli - 1, bases[1].rank))
        overlap = scipy.linalg.qr(normal, mode="economic")[0][: bases[0].rank]
        attained = _maximise(overlap, *shrinkage).correlations
        row[:] = attained.mean(), np.mean(attained**2), attained.max()
    mean, square, largest = found.mean(axis=0)
    threshold = min(1.0, float(largest + LARGEST_QUANTILE * found[:, 2].std(ddof=1)))
    ranks = (bases[0].rank, bases[1].rank)
    return WachterNull(float(mean), float(square), float(largest), threshold, 0.05, 0, ranks, n_stimuli)
