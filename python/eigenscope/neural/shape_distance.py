"""Shape distances between two systems: Procrustes, canonical correlation, and everything between."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import scipy.linalg

from ..arguments import check_between_zero_and_one, check_confidence, is_whole_number
from ..errors import InvalidInputError
from ..results.base import Result
from ..results.estimate import Estimate
from ..run_options import RandomSource, resolve_seed
from .canonical_correlation import EXTRA_DIMENSIONS, basis_of_scores
from .jackknife import DEFAULT_GROUPS, jackknife_estimate, leave_groups_out
from .representation import Basis, Representation, paired_representations

Array = np.ndarray[Any, np.dtype[Any]]
Sizes = tuple[float, float] | None

MINIMUM_STIMULI = 4
"""Two systems of one dimension each and their means leave two degrees of freedom."""

METRICS = ("angular", "euclidean")
"""Both are metrics: symmetric, zero only for equal shapes, and obey the triangle inequality."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ShapeDistance(Result):
    """Distance between two systems after the best rotation, beside that of unrelated systems.

    Parameters
    ----------
    distance : Estimate
        Radians for the angular metric, units of the data for the Euclidean one. The interval is about the
        finite-sample value, which lies above the population's distance for noisy systems.
    null : Estimate
        The same after random rotations of the stimuli: mean, and the range of 95 % of single rotations.
    metric : str
        ``"angular"`` or ``"euclidean"``.
    alpha : float
        1 for Procrustes, 0 for whitened systems (canonical correlations).
    ranks : tuple of int
        Dimensions of X and Y.
    n_stimuli : int
        Stimuli.
    """

    distance: Estimate
    null: Estimate
    metric: str
    alpha: float
    ranks: tuple[int, int]
    n_stimuli: int

    def summary(self) -> str:
        """Return distance, null and sizes in three lines."""
        low, high = self.null.interval
        return (
            f"ShapeDistance ({self.metric}, alpha {self.alpha:g}): {self.distance}\n"
            f"  unrelated systems: {self.null.value:.6g}, {self.null.confidence:.0%} of them in {low:.6g} to "
            f"{high:.6g}\n"
            f"  {self.n_stimuli:,} stimuli; {self.ranks[0]} and {self.ranks[1]} dimensions"
        )


def shape_distance(
    X: Any,
    Y: Any,
    *,
    alpha: float = 1.0,
    metric: str = "angular",
    k: int | None = None,
    n_groups: int = DEFAULT_GROUPS,
    n_rotations: int = 40,
    confidence: float = 0.95,
    rng: RandomSource = None,
) -> ShapeDistance:
    """Measure the distance between two systems that remains after the best rotation of one onto the other.

    With ``X = U S Vᵀ`` centred, the partially whitened system is ``U D``, ``D = alpha S / rms(S) + 1 - alpha``,
    rescaled to the variance of X; missing dimensions count as zeros. The angular distance is
    ``arccos(Σ singular values of D_x U_xᵀ U_y D_y / (|D_x| |D_y|))``, computed from the residual of the best
    rotation so that small distances keep their digits. It assumes stimuli that are independent draws.

    Parameters
    ----------
    X, Y : array_like, shape (n_stimuli, n_neurons_x) and (n_stimuli, n_neurons_y)
        Responses to the same stimuli in the same order.
    alpha : float
        1 for the Procrustes distance (invariant to rotation), 0 for one by canonical correlations (invariant to
        any invertible map), between for partial whitening. Dividing S by its root mean square makes the result
        independent of the units also in between.
    metric : {"angular", "euclidean"}
        The angular one ignores overall scale.
    k : int, optional
        Keep the leading `k` principal components of each system only.
    n_groups : int
        Groups of neighbouring stimuli left out in turn for the interval; 0 for none.
    n_rotations : int
        Random rotations of the stimuli for the null; at alpha = 0 their limit of large sizes is the Wachter law.
    confidence : float
        Coverage of the interval.
    rng : int, Generator, SeedSequence or None
        Source of the rotations.

    Returns
    -------
    ShapeDistance
        Distance with interval and null.

    Raises
    ------
    InvalidInputError
        For different numbers of stimuli, or options out of range.

    References
    ----------
    Williams, Kunz, Kornblith and Linderman 2021, "Generalized shape metrics on neural representations", NeurIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope.neural import shape_distance
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((100, 6))
    >>> rotation = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    >>> bool(shape_distance(X, X @ rotation, rng=0).distance.value < 1e-12)
    True
    """
    check_confidence(confidence)
    check_between_zero_and_one("alpha", alpha)
    if not isinstance(metric, str) or metric not in METRICS:
        raise InvalidInputError(f"metric must be one of {', '.join(METRICS)}; got {metric!r}")
    if k is not None and (not is_whole_number(k) or k < 1):
        raise InvalidInputError(f"k must be a positive integer or None, got {k!r}")
    if not is_whole_number(n_rotations) or n_rotations < 2:
        raise InvalidInputError(f"n_rotations must be an integer of at least 2, got {n_rotations!r}")
    x, y = paired_representations(X, Y, minimum=MINIMUM_STIMULI)
    ranks = (x.n_neurons, y.n_neurons) if k is None else (int(k), int(k))
    wide = [r.basis(2 * rank + EXTRA_DIMENSIONS) for r, rank in zip((x, y), ranks, strict=True)]
    shapes = [shape_of(basis.leading(rank), alpha) for basis, rank in zip(wide, ranks, strict=True)]
    sizes = _sizes(x, y, [basis.leading(rank) for basis, rank in zip(wide, ranks, strict=True)], metric)

    def without(kept: Array) -> float:
        parts = [basis_of_scores(basis.scores[kept], rank) for basis, rank in zip(wide, ranks, strict=True)]
        scale = math.sqrt(x.n_stimuli / len(kept)) if metric == "euclidean" else 1.0
        rows = [shape_of(part, alpha) for part in parts]
        return _distance(rows[0], rows[1], _sizes(x, y, parts, metric)) * scale

    value = _distance(shapes[0], shapes[1], sizes)
    limits = (0.0, math.pi / 2 if metric == "angular" else math.inf)
    return ShapeDistance(
        distance=jackknife_estimate(value, leave_groups_out(without, x.n_stimuli, n_groups), confidence, limits),
        null=_null(shapes, sizes, x.n_stimuli, int(n_rotations), resolve_seed(rng)),
        metric=metric,
        alpha=float(alpha),
        ranks=(shapes[0].shape[1], shapes[1].shape[1]),
        n_stimuli=x.n_stimuli,
    )


def shape_of(basis: Basis, alpha: float) -> Array:
    """Return the partially whitened system ``U D / |D|``, shape (n_stimuli, rank), of Frobenius norm 1."""
    scale = alpha * basis.s / np.sqrt(np.mean(basis.s**2)) + (1 - alpha)
    return np.asarray(basis.U * (scale / np.linalg.norm(scale)))


def _sizes(x: Representation, y: Representation, bases: list[Basis], metric: str) -> Sizes:
    """Return the Frobenius norms of the two systems in the caller's units; None for the angular metric."""
    if metric == "angular":
        return None
    first, second = (float(np.ldexp(np.linalg.norm(b.s), r.exponent)) for b, r in zip(bases, (x, y), strict=True))
    return first, second


def _distance(first: Array, second: Array, sizes: Sizes) -> float:
    """Return the distance of two unit shapes: ``|A - B Q|`` at the best Q; for the angle, ``2 arcsin(|A - B Q| / 2)``.

    A difference of squared norms would lose half the digits of a small distance.
    """
    if first.shape[1] < second.shape[1]:
        first, second = second, first
    P, _, Qh = scipy.linalg.svd(second.T @ first, full_matrices=False)
    return _from_chord(float(np.linalg.norm(first - (second @ P) @ Qh)), sizes)


def _from_chord(chord: float, sizes: Sizes) -> float:
    """Turn the distance of unit shapes into an angle, or with sizes a, b into ``sqrt((a - b)² + a b chord²)``."""
    if sizes is None:
        return 2 * math.asin(min(1.0, chord / 2))
    return math.hypot(sizes[0] - sizes[1], math.sqrt(sizes[0]) * math.sqrt(sizes[1]) * chord)


def _null(shapes: list[Array], sizes: Sizes, n_stimuli: int, n_rotations: int, seed: int) -> Estimate:
    """Return mean and range of the distance when the stimuli of one system are rotated at random.

    Only ``D_x U_xᵀ Q U_y D_y`` matters, and a block of a random rotation of the centred stimuli is one of the first
    rows of a random orthonormal basis of ``n_stimuli - 1`` dimensions.
    """
    generator = np.random.Generator(np.random.Philox(seed))
    norms = [np.linalg.norm(shape, axis=0) for shape in shapes]
    distances = np.empty(n_rotations)
    for draw in range(n_rotations):
        normal = generator.standard_normal((n_stimuli - 1, shapes[1].shape[1]))
        rotated = scipy.linalg.qr(normal, mode="economic")[0][: shapes[0].shape[1]]
        nuclear = float(np.sum(scipy.linalg.svdvals(norms[0][:, None] * rotated * norms[1])))
        distances[draw] = _from_chord(math.sqrt(max(0.0, 2 - 2 * nuclear)), sizes)
    low, high = np.quantile(distances, [0.025, 0.975])
    return Estimate(float(distances.mean()), float(distances.std(ddof=1)), (float(low), float(high)), 0.95)
