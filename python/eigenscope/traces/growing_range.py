"""An orthonormal basis of the range of an operator that grows with the images of random vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

Array = np.ndarray[Any, np.dtype[Any]]

RANK_FACTOR = 64
"""Directions below this times the rounding unit of the longest image are rounding, and the range is complete."""


class GrowingRange:
    """Keeps ``images = basis @ triangle`` while columns are added, until they add nothing but rounding.

    Parameters
    ----------
    rounding : float
        Relative accuracy of the images.
    """

    def __init__(self, rounding: float) -> None:
        self._rounding = rounding
        self.basis: Array | None = None
        self.triangle = np.empty((0, 0))
        self.largest = 0.0
        self.is_complete = False

    def add(self, images: Array) -> Array:
        """Return the new columns of the basis; fewer than those of the images once the range is complete."""
        old = np.zeros((len(images), 0), images.dtype) if self.basis is None else self.basis
        self.largest = max(self.largest, float(np.linalg.norm(images, axis=0).max(initial=0.0)))
        rest, overlap = _orthogonalised(images, old)
        new, corner = scipy.linalg.qr(rest, mode="economic")
        floor = RANK_FACTOR * self._rounding * self.largest
        if len(corner) < corner.shape[1] or (np.abs(np.diag(corner)) <= floor).any():
            self.is_complete = True
            new, pivoted, _ = scipy.linalg.qr(rest, mode="economic", pivoting=True)
            new = new[:, np.abs(np.diag(pivoted)) > floor]
        # What is left of a column that was almost inside the range is orthogonal to it only after this.
        again, lost = _orthogonalised(new, old)
        new, correction = scipy.linalg.qr(again, mode="economic")
        self.basis = np.hstack([old, new])
        if not self.is_complete:
            overlap, corner = overlap + lost @ corner, correction @ corner
            below = np.zeros((len(corner), self.triangle.shape[1]))
            self.triangle = np.block([[self.triangle, overlap], [below, corner]])
        return np.asarray(new)


def _orthogonalised(block: Array, basis: Array) -> tuple[Array, Array]:
    """Return what of a block lies outside a basis, and its components inside."""
    inside = np.zeros((basis.shape[1], block.shape[1]), block.dtype)
    for _ in range(2):
        components = basis.conj().T @ block
        block = block - basis @ components
        inside = inside + components
    return block, inside
