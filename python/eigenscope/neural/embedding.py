"""Maps of systems from the distances between them: classical scaling and SMACOF."""

from __future__ import annotations

import dataclasses
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike
from scipy.spatial.distance import pdist, squareform

from ..arguments import is_real_number, is_whole_number
from ..errors import ConvergenceWarning, InvalidInputError
from ..inputs import as_source, check_finite
from ..results.base import Result
from ..signs import fix_signs
from .representation import LARGEST_EXPONENT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = np.ndarray[Any, np.dtype[Any]]

NEGLIGIBLE_STRESS = 1e-6
"""Changes are measured against at least this stress: a perfect map is not polished for ever."""

SYMMETRY_TOLERANCE = 1e-6
"""Relative asymmetry that rounding in single precision explains."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Embedding(Result):
    """Points whose distances reproduce given ones as well as `k` dimensions allow.

    Parameters
    ----------
    coordinates : ndarray, shape (n_points, k)
        Centred, along principal axes; rotation and reflection mean nothing.
    stress : float
        ``sqrt(Σ (d - δ)² / Σ δ²)`` over pairs: 0 for a perfect map.
    eigenvalues : ndarray, shape (n_points,)
        Of the doubly centred squared distances, descending.
    negative_mass : float
        Share of ``Σ |λ|`` in negative eigenvalues: how far the distances are from Euclidean ones.
    method : str
        ``"classical"`` or ``"smacof"``.
    status : str
        ``"converged"`` or ``"budget"``.
    n_iterations : int
        Steps of SMACOF; 0 for classical scaling.
    """

    coordinates: Array
    stress: float
    eigenvalues: Array
    negative_mass: float
    method: str
    status: str
    n_iterations: int

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the first two coordinates."""
        from .similarity_plotting import plot_embedding

        return plot_embedding(self, ax=ax, **options)

    def summary(self) -> str:
        """Return size, stress and negative mass in three lines."""
        n_points, k = self.coordinates.shape
        return (
            f"Embedding ({self.method}): {n_points:,} points in {k} dimensions\n"
            f"  stress {self.stress:.4g}; negative eigenvalues hold {self.negative_mass:.2%} of their sum\n"
            f"  {self.status} after {self.n_iterations} iterations"
        )


def classical_scaling(distances: ArrayLike, k: int = 2) -> Embedding:
    """Place points in `k` dimensions by the leading eigenvectors of their doubly centred squared distances.

    Exact for distances of points in `k` dimensions. A description of the distances given, so without interval.

    Parameters
    ----------
    distances : array_like, shape (n_points, n_points)
        Symmetric, zero diagonal.
    k : int
        Dimensions, fewer than points.

    Returns
    -------
    Embedding
        Coordinates, eigenvalues and stress.

    Raises
    ------
    InvalidInputError
        When the matrix is no matrix of distances, `k` is out of range, or the largest distance lies outside 1e±152.

    References
    ----------
    Torgerson 1952, "Multidimensional scaling: I. Theory and method", Psychometrika 17.

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope.neural import classical_scaling
    >>> line = np.array([0.0, 1.0, 3.0])
    >>> embedding = classical_scaling(np.abs(line[:, None] - line), k=1)
    >>> print(embedding.coordinates.ravel().round(3), f"{embedding.stress:.1f}")
    [-1.333 -0.333  1.667] 0.0
    """
    checked, unit = _check(distances, k)
    return _classical(checked, unit, int(k))


def _classical(checked: Array, unit: float, k: int) -> Embedding:
    squares = checked**2
    # B = -J D² J / 2
    centred = squares - squares.mean(axis=0) - squares.mean(axis=1)[:, None] + squares.mean()
    values, vectors = scipy.linalg.eigh(-centred / 2)
    values, vectors = values[::-1], fix_signs(vectors[:, ::-1][:, :k])
    coordinates = vectors * np.sqrt(np.maximum(values[:k], 0.0))
    return Embedding(
        coordinates=coordinates * unit,
        stress=_stress(coordinates, checked),
        eigenvalues=values * unit**2,
        negative_mass=float(np.abs(values[values < 0]).sum() / np.abs(values).sum()),
        method="classical",
        status="converged",
        n_iterations=0,
    )


def smacof(
    distances: ArrayLike,
    k: int = 2,
    *,
    start: ArrayLike | None = None,
    tol: float = 1e-9,
    max_iterations: int = 3000,
) -> Embedding:
    """Place points in `k` dimensions so that the squared errors of the distances are least (metric stress).

    Majorization by the Guttman transform: stress never rises from step to step. It ends in a local minimum; the
    start by classical scaling is usually near the best one. A description of the distances given, so without
    interval.

    Parameters
    ----------
    distances : array_like, shape (n_points, n_points)
        Symmetric, zero diagonal.
    k : int
        Dimensions, fewer than points.
    start : array_like, shape (n_points, k), optional
        Where to begin; classical scaling by default.
    tol : float
        Ends when a step lowers the stress by less than this share of it, or of a stress of 1e-6.
    max_iterations : int
        Budget; a `ConvergenceWarning` says when it ran out.

    Returns
    -------
    Embedding
        Coordinates, eigenvalues and stress.

    Raises
    ------
    InvalidInputError
        When the matrix is no matrix of distances, an option is out of range, or the largest distance lies outside
        1e±152.

    References
    ----------
    De Leeuw 1977, "Applications of convex analysis to multidimensional scaling"; Borg and Groenen 2005, "Modern
    multidimensional scaling", chapter 8.

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope.neural import classical_scaling, smacof
    >>> square = np.array([[0, 1, 2, 1], [1, 0, 1, 2], [2, 1, 0, 1], [1, 2, 1, 0.0]])
    >>> print(f"{classical_scaling(square).stress:.3f}, {smacof(square).stress:.3f}")
    0.239, 0.169
    """
    checked, unit = _check(distances, k)
    if not is_real_number(tol) or tol < 0 or not is_whole_number(max_iterations) or max_iterations < 1:
        raise InvalidInputError(
            f"tol must not be negative and max_iterations an integer of at least 1, got {tol!r} and {max_iterations!r}"
        )
    classical = _classical(checked, 1.0, int(k))
    points = classical.coordinates if start is None else _check_start(start, len(checked), int(k)) / unit
    stresses = [_stress(points, checked)]
    converged = False
    while not converged and len(stresses) <= max_iterations:
        points = _guttman_transform(points, checked)
        stresses.append(_stress(points, checked))
        converged = stresses[-2] - stresses[-1] <= tol * max(stresses[-1], NEGLIGIBLE_STRESS)
    if not converged:
        warnings.warn(
            f"smacof stopped after {max_iterations} iterations at stress {stresses[-1]:.4g}, still falling: raise "
            "max_iterations or tol",
            ConvergenceWarning,
            stacklevel=2,
        )
    centred = points - points.mean(axis=0)
    axes = scipy.linalg.svd(centred, full_matrices=False)[2]
    return dataclasses.replace(
        classical,
        coordinates=fix_signs(centred @ axes.T) * unit,
        eigenvalues=classical.eigenvalues * unit**2,
        stress=stresses[-1],
        method="smacof",
        status="converged" if converged else "budget",
        n_iterations=len(stresses) - 1,
    )


def _guttman_transform(points: Array, distances: Array) -> Array:
    """Return ``B(X) X / n``, B off the diagonal ``-δ_ij / d_ij`` and its rows summing to zero."""
    present = squareform(pdist(points))
    B = -np.divide(distances, present, out=np.zeros_like(distances), where=present > 0)
    np.fill_diagonal(B, 0.0)
    np.fill_diagonal(B, -B.sum(axis=1))
    return np.asarray(B @ points / len(points))


def _stress(points: Array, distances: Array) -> float:
    wanted = squareform(distances, checks=False)
    return float(np.linalg.norm(pdist(points) - wanted) / np.linalg.norm(wanted))


def _check(distances: ArrayLike, k: int) -> tuple[Array, float]:
    """Return the distances divided by a power of two near the largest, exactly symmetric, and that power."""
    source = as_source(distances)
    array = np.asarray(source.array, dtype=np.float64)
    if array.shape[0] != array.shape[1] or len(array) < 2:
        raise InvalidInputError(f"distances must be a square matrix of at least two points, got shape {array.shape}")
    largest = check_finite(source, threads=1)
    if not is_whole_number(k) or not 1 <= k < len(array):
        raise InvalidInputError(f"k must be an integer from 1 to {len(array) - 1} for {len(array)} points, got {k!r}")
    if largest == 0:
        raise InvalidInputError("all distances are zero: there is nothing to place")
    asymmetry = float(np.abs(array - array.T).max())
    if (
        array.min() < 0
        or asymmetry > SYMMETRY_TOLERANCE * largest
        or np.abs(np.diag(array)).max() > (SYMMETRY_TOLERANCE * largest)
    ):
        raise InvalidInputError(
            f"no matrix of distances: smallest entry {array.min():.3g}, largest asymmetry {asymmetry:.3g}, largest "
            f"diagonal entry {np.abs(np.diag(array)).max():.3g}. Similarities must be turned into distances first"
        )
    exponent = int(np.frexp(largest)[1])
    if abs(exponent) > LARGEST_EXPONENT:
        raise InvalidInputError(
            f"distances reach {largest:.3g}, and squares of such numbers leave the range of doubles: "
            f"{'divide' if exponent > 0 else 'multiply'} them by a power of ten first"
        )
    unit = float(np.ldexp(1.0, exponent))
    symmetric = (array / 2 + array.T / 2) / unit
    np.fill_diagonal(symmetric, 0.0)
    return symmetric, unit


def _check_start(start: ArrayLike, n_points: int, k: int) -> Array:
    source = as_source(start)
    if source.array.shape != (n_points, k):
        raise InvalidInputError(f"start must be of shape ({n_points}, {k}), got shape {source.array.shape}")
    check_finite(source, threads=1)
    points = np.asarray(source.array, dtype=np.float64)
    if not pdist(points).any():
        raise InvalidInputError("all points of start coincide, and nothing moves them apart: give different ones")
    return points
