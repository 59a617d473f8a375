"""Canonical correlations between two systems: CCA, SVCCA and PWCCA by orthonormal bases, never by inverses."""

from __future__ import annotations

import dataclasses
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.linalg

from ..arguments import check_between_zero_and_one, check_confidence, is_real_number, is_whole_number
from ..errors import DataWarning, InvalidInputError
from ..results.base import Result
from ..results.estimate import Estimate
from ..signs import leading_phases
from .canonical_directions import CanonicalDirections, canonical_directions, rotation_null
from .jackknife import DEFAULT_GROUPS, jackknife_estimate, leave_groups_out, stimulus_groups
from .representation import Basis, Representation, paired_representations
from .wachter import WachterNull, wachter_null

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = np.ndarray[Any, np.dtype[Any]]

MINIMUM_STIMULI = 4
"""Two systems of one dimension each and their means leave two degrees of freedom."""

EXTRA_DIMENSIONS = 20
"""Leaving stimuli out turns the leading k principal axes among the leading 2 k + 20; what lies beyond is noise."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class CanonicalCorrelations(Result):
    """Canonical correlations of two systems, beside what unrelated systems would show.

    Parameters
    ----------
    correlations : ndarray, shape (k,)
        Attained correlation of each pair of canonical variates; descending without ridge.
    similarity : Estimate
        Their mean, weighted for PWCCA; the interval is about the finite-sample value, which lies above the
        population's by about what `null` shows.
    similarity_views : tuple of float
        Weighted mean as seen from X and from Y; both equal `similarity` unless the method is PWCCA.
    x_weights, y_weights : ndarray, shapes (n_neurons_x, k) and (n_neurons_y, k)
        Centred responses times these are the canonical variates, of variance one.
    null : WachterNull
        Mean and edge for independent systems of the same ranks. With ridge, which the law does not know, from random
        rotations of the stimuli of one system; its edge is then the mean of the largest correlation.
    ranks : tuple of int
        Dimensions of X and Y that entered.
    variance_kept : tuple of float
        Share of each system's variance in those dimensions.
    method : str
        ``"cca"``, ``"svcca"`` or ``"pwcca"``.
    ridge : float
        Regularization in [0, 1].
    n_stimuli : int
        Stimuli.
    """

    correlations: Array
    similarity: Estimate
    similarity_views: tuple[float, float]
    x_weights: Array
    y_weights: Array
    null: WachterNull
    ranks: tuple[int, int]
    variance_kept: tuple[float, float]
    method: str
    ridge: float
    n_stimuli: int

    @property
    def distance(self) -> float:
        """``1 - similarity``."""
        return 1 - self.similarity.value

    @property
    def excess(self) -> float:
        """Similarity above that of unrelated systems, as a share of what is possible: 0 for noise, 1 at most."""
        null = self.null.mean_correlation
        return (self.similarity.value - null) / (1 - null) if null < 1 else float("nan")

    @property
    def n_above_null(self) -> int:
        """Canonical correlations above what the largest of unrelated systems reaches (``null.threshold``)."""
        return int(np.count_nonzero(self.correlations > self.null.threshold))

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the correlations with the null's edge."""
        from .similarity_plotting import plot_canonical_correlations

        return plot_canonical_correlations(self, ax=ax, **options)

    def summary(self) -> str:
        """Return similarity, null and ranks in three lines."""
        return (
            f"CanonicalCorrelations ({self.method}): similarity {self.similarity}\n"
            f"  unrelated systems: mean {self.null.mean_correlation:.4f}, largest up to {self.null.threshold:.4f}; "
            f"excess {self.excess:.4f}, {self.n_above_null} of {len(self.correlations)} correlations above\n"
            f"  {self.n_stimuli:,} stimuli; {self.ranks[0]} and {self.ranks[1]} dimensions hold "
            f"{self.variance_kept[0]:.1%} and {self.variance_kept[1]:.1%} of the variance; ridge {self.ridge:g}"
        )


def cca(
    X: Any, Y: Any, *, ridge: float = 0.0, n_groups: int = DEFAULT_GROUPS, confidence: float = 0.95
) -> CanonicalCorrelations:
    """Canonical correlation analysis: the most correlated pairs of patterns of two systems.

    Both are centred and replaced by orthonormal bases of their columns (SVD), collinear neurons dropped at
    rounding level; the correlations are the singular values of the product of the bases. Invariant to any
    invertible linear map of either system. It assumes linear relations and stimuli that are independent draws; for
    the null also that one system is Gaussian.

    Parameters
    ----------
    X, Y : array_like, shape (n_stimuli, n_neurons_x) and (n_stimuli, n_neurons_y)
        Responses to the same stimuli in the same order.
    ridge : float
        0 for CCA proper, up to 1 for partial least squares: the scatter matrix C of each system, scaled to mean
        diagonal 1, becomes ``(1 - ridge) C + ridge I``. Correlations reported are those attained.
    n_groups : int
        Groups of neighbouring stimuli left out in turn for the interval; 0 for none.
    confidence : float
        Coverage of the interval.

    Returns
    -------
    CanonicalCorrelations
        Correlations, weights, mean with interval, and the Wachter null.

    Raises
    ------
    InvalidInputError
        When the dimensions leave the stimuli no freedom, so that every correlation would be 1.

    References
    ----------
    Björck and Golub 1973, "Numerical methods for computing angles between linear subspaces", Math. Comp. 27;
    Wachter 1980 for the null.

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope.neural import cca
    >>> rng = np.random.default_rng(0)
    >>> shared = rng.standard_normal((500, 2))
    >>> X = shared @ rng.standard_normal((2, 8)) + 0.1 * rng.standard_normal((500, 8))
    >>> Y = shared @ rng.standard_normal((2, 6)) + 0.1 * rng.standard_normal((500, 6))
    >>> result = cca(X, Y)
    >>> result.n_above_null, result.ranks
    (2, (8, 6))
    """
    x, y = paired_representations(X, Y, minimum=MINIMUM_STIMULI)
    ranks = (x.n_neurons, y.n_neurons)
    return _analyse(x, y, ranks, "cca", ridge, n_groups, confidence)


def svcca(
    X: Any,
    Y: Any,
    k: int = 10,
    *,
    variance: float | None = None,
    n_groups: int = DEFAULT_GROUPS,
    confidence: float = 0.95,
) -> CanonicalCorrelations:
    """Canonical correlations of the leading principal components of two systems (SVCCA).

    Assumes what `cca` assumes, and that the leading components are the ones to compare: unlike CCA it depends on
    the scale of the neurons.

    Parameters
    ----------
    X, Y : array_like, shape (n_stimuli, n_neurons_x) and (n_stimuli, n_neurons_y)
        Responses to the same stimuli in the same order.
    k : int
        Principal components kept of each system; fewer when a system has fewer.
    variance : float, optional
        Instead of `k`, the share of variance (squared singular values) to keep, in (0, 1].
    n_groups : int
        Groups of neighbouring stimuli left out in turn for the interval; 0 for none. Components are computed anew
        each time.
    confidence : float
        Coverage of the interval.

    Returns
    -------
    CanonicalCorrelations
        Correlations, weights, mean with interval, and the Wachter null.

    Raises
    ------
    InvalidInputError
        When the dimensions leave the stimuli no freedom, or an option is out of range.

    References
    ----------
    Raghu, Gilmer, Yosinski and Sohl-Dickstein 2017, "SVCCA: singular vector canonical correlation analysis for
    deep learning dynamics and interpretability", NeurIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope.neural import svcca
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((300, 40)) * np.arange(1, 41) ** -1.0
    >>> rotation = np.linalg.qr(rng.standard_normal((40, 40)))[0]
    >>> print(f"{svcca(X, X @ rotation, k=5).similarity.value:.6f}")
    1.000000
    """
    x, y = paired_representations(X, Y, minimum=MINIMUM_STIMULI)
    if variance is not None:
        if not (is_real_number(variance) and 0 < variance <= 1):
            raise InvalidInputError(f"variance must be a number in (0, 1], got {variance!r}")
        ranks = (_components_for(x, variance), _components_for(y, variance))
    elif not is_whole_number(k) or k < 1:
        raise InvalidInputError(f"k must be a positive integer, got {k!r}")
    else:
        ranks = (int(k), int(k))
    return _analyse(x, y, ranks, "svcca", 0.0, n_groups, confidence)


def pwcca(X: Any, Y: Any, *, n_groups: int = DEFAULT_GROUPS, confidence: float = 0.95) -> CanonicalCorrelations:
    """Projection-weighted CCA: canonical correlations weighted by how much of a system they account for.

    The weight of variate z_i of X is ``Σ_j |⟨z_i, x_j⟩|`` over its centred neurons. The measure is asymmetric:
    `similarity` weighs by the system of smaller rank (X when equal), `similarity_views` has both. Assumes what
    `cca` assumes; the weights depend on the scale of the neurons.

    Parameters
    ----------
    X, Y : array_like, shape (n_stimuli, n_neurons_x) and (n_stimuli, n_neurons_y)
        Responses to the same stimuli in the same order.
    n_groups : int
        Groups of neighbouring stimuli left out in turn for the interval; 0 for none.
    confidence : float
        Coverage of the interval.

    Returns
    -------
    CanonicalCorrelations
        Correlations, weights, weighted mean with interval, and the Wachter null.

    Raises
    ------
    InvalidInputError
        When the dimensions leave the stimuli no freedom.

    References
    ----------
    Morcos, Raghu and Bengio 2018, "Insights on representational similarity in neural networks with canonical
    correlation", NeurIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope.neural import pwcca
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((200, 5))
    >>> Y = np.column_stack([100 * X[:, 0], rng.standard_normal((200, 4))])
    >>> result = pwcca(X, Y)
    >>> print(", ".join(f"{view:.2f}" for view in result.similarity_views))
    0.26, 0.94
    """
    x, y = paired_representations(X, Y, minimum=MINIMUM_STIMULI)
    return _analyse(x, y, (x.n_neurons, y.n_neurons), "pwcca", 0.0, n_groups, confidence)


def _analyse(
    x: Representation,
    y: Representation,
    ranks: tuple[int, int],
    method: str,
    ridge: float,
    n_groups: int,
    confidence: float,
) -> CanonicalCorrelations:
    check_confidence(confidence)
    check_between_zero_and_one("ridge", ridge)
    systems, units = (x, y), [np.ones(system.n_neurons) for system in (x, y)]
    if method != "svcca" and ridge == 0:
        # Correlations do not depend on the units of neurons, and neither should what counts as collinear.
        (x, units[0]), (y, units[1]) = x.equalized(), y.equalized()
    wide = [r.basis(2 * k + EXTRA_DIMENSIONS) for r, k in zip((x, y), ranks, strict=True)]
    bases = [basis.leading(k) for basis, k in zip(wide, ranks, strict=True)]
    null = _null(bases, x.n_stimuli, ridge)
    solution = canonical_directions(bases[0], bases[1], ridge)
    axes = [basis.Vh * unit for basis, unit in zip(bases, units, strict=True)]
    views = _views(bases, axes, solution, method)

    def without(kept: Array) -> float:
        parts = [basis_of_scores(basis.scores[kept], k) for basis, k in zip(wide, ranks, strict=True)]
        # Axes of the parts are in the coordinates of the wide bases.
        turned = [part.Vh @ (basis.Vh * unit) for part, basis, unit in zip(parts, wide, units, strict=True)]
        return _chosen(_views(parts, turned, canonical_directions(parts[0], parts[1], ridge), method), parts)

    weights = [
        _weights(bases[0], solution.x_directions, x) / units[0][:, None],
        _weights(bases[1], solution.y_directions, y) / units[1][:, None],
    ]
    signs = leading_phases(weights[0])
    replicates = leave_groups_out(without, x.n_stimuli, _usable_groups(bases, x.n_stimuli, ridge, n_groups))
    return CanonicalCorrelations(
        correlations=solution.correlations,
        similarity=jackknife_estimate(_chosen(views, bases), replicates, confidence, (0.0, 1.0)),
        similarity_views=views,
        x_weights=weights[0] * signs,
        y_weights=weights[1] * signs,
        null=null,
        ranks=(bases[0].rank, bases[1].rank),
        variance_kept=(_share(bases[0], axes[0], systems[0]), _share(bases[1], axes[1], systems[1])),
        method=method,
        ridge=float(ridge),
        n_stimuli=x.n_stimuli,
    )


def _null(bases: list[Basis], n_stimuli: int, ridge: float) -> WachterNull:
    rank_x, rank_y = (basis.rank for basis in bases)
    if ridge > 0:
        return rotation_null(bases, n_stimuli, ridge)
    null = wachter_null(rank_x, rank_y, n_stimuli)
    if null.n_forced == 0:
        return null
    text = (
        f"{rank_x} and {rank_y} dimensions in {n_stimuli} stimuli: {null.n_forced} of {min(rank_x, rank_y)} canonical "
        "correlations are 1 whatever the data"
    )
    advice = "; use svcca with a small k, ridge=, or more stimuli"
    if null.n_forced == min(rank_x, rank_y):
        raise InvalidInputError(text + advice)
    warnings.warn(text + advice, DataWarning, stacklevel=4)
    return null


def _usable_groups(bases: list[Basis], n_stimuli: int, ridge: float, n_groups: int) -> int:
    """Return the number of groups to leave out; none where what is left would force correlations to be 1."""
    groups = stimulus_groups(n_stimuli, n_groups)
    left = n_stimuli - max((len(group) for group in groups), default=0)
    if not groups or ridge > 0 or sum(basis.rank for basis in bases) < left:
        return n_groups
    warnings.warn(
        f"there is no interval: without a group of stimuli {left} are left, in which {bases[0].rank} and "
        f"{bases[1].rank} dimensions have correlations of 1 whatever the data; use smaller groups (a larger n_groups), "
        "svcca with a small k, or more stimuli",
        DataWarning,
        stacklevel=4,
    )
    return 0


def _views(bases: list[Basis], axes: list[Array], solution: CanonicalDirections, method: str) -> tuple[float, float]:
    """Return the mean correlation, weighted by projections on the neurons of X and of Y for PWCCA.

    The axes are those of the bases in the neurons' own units.
    """
    rho = solution.correlations
    if method != "pwcca":
        return float(rho.mean()), float(rho.mean())
    views = []
    for basis, vectors, directions in zip(bases, axes, (solution.x_directions, solution.y_directions), strict=True):
        # ⟨z_i, x_j⟩ = p_iᵀ diag(s) v_j
        weights = np.abs((directions.T * basis.s) @ vectors).sum(axis=1)
        views.append(float(weights @ rho / weights.sum()))
    return views[0], views[1]


def _chosen(views: tuple[float, float], bases: list[Basis]) -> float:
    return views[0] if bases[0].rank <= bases[1].rank else views[1]


def basis_of_scores(scores: Array, k: int) -> Basis:
    """Return the basis of some of the stimuli, from their coordinates on the principal axes of all."""
    centred = scores - scores.mean(axis=0)
    U, s, Vh = scipy.linalg.svd(centred, full_matrices=False)
    rank = min(k, int(np.count_nonzero(s > max(scores.shape) * np.finfo(np.float64).eps * s[0])))
    return Basis(U[:, :rank], s[:rank], Vh[:rank])


def _weights(basis: Basis, directions: Array, system: Representation) -> Array:
    """Return ``V S⁻¹ p sqrt(P - 1)`` in the caller's units: variates of variance one."""
    weights = basis.Vh.T @ (directions / basis.s[:, None]) * np.sqrt(system.n_stimuli - 1)
    return np.asarray(np.ldexp(weights, -system.exponent))


def _share(basis: Basis, axes: Array, system: Representation) -> float:
    kept = float(np.sum((basis.s[:, None] * axes) ** 2))
    return min(1.0, kept / float(np.sum(system.responses**2)))


def _components_for(system: Representation, variance: float) -> int:
    cumulative = np.cumsum(system.basis().s ** 2)
    return int(np.searchsorted(cumulative, variance * cumulative[-1] * (1 - np.finfo(np.float64).eps)) + 1)
