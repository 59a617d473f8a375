"""What canonical correlations of unrelated systems look like: the Wachter law."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from scipy.special import betaincinv

from ..arguments import is_whole_number
from ..errors import InvalidInputError
from ..random_matrix import TracyWidom
from ..random_matrix.edges import check_significance
from ..results.base import Result

_QUADRATURE_NODES = 2000


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class WachterNull(Result):
    """Canonical correlations of two independent systems, from dimensions and stimuli alone.

    Parameters
    ----------
    mean_correlation : float
        Mean ρ in the limit of large sizes.
    mean_squared_correlation : float
        Mean ρ², exact at any size for Gaussian responses.
    edge : float
        Where the bulk of ρ ends in the limit of large sizes.
    threshold : float
        What the largest ρ of unrelated systems exceeds with probability `significance`.
    significance : float
        That probability.
    n_forced : int
        Correlations that are exactly 1 because the two spaces must intersect.
    ranks : tuple of int
        Dimensions of the two systems.
    n_stimuli : int
        Stimuli, one of which the centring takes.
    """

    mean_correlation: float
    mean_squared_correlation: float
    edge: float
    threshold: float
    significance: float
    n_forced: int
    ranks: tuple[int, int]
    n_stimuli: int

    def summary(self) -> str:
        """Return mean and edge on two lines."""
        return (
            f"WachterNull: {self.ranks[0]} and {self.ranks[1]} dimensions over {self.n_stimuli} stimuli\n"
            f"  unrelated systems have mean correlation {self.mean_correlation:.4f}; their largest exceeds "
            f"{self.threshold:.4f} with probability {self.significance:g}"
        )


def wachter_null(rank_x: int, rank_y: int, n_stimuli: int, *, significance: float = 0.05) -> WachterNull:
    """Return mean and edge of the canonical correlations of two independent systems.

    For p and q dimensions and n = n_stimuli - 1 degrees of freedom, with a = p/n and b = q/n, ρ² has density
    ``sqrt((x - x₋)(x₊ - x)) / (2π min(a, b) x (1 - x))`` between ``x± = (sqrt(a (1 - b)) ± sqrt(b (1 - a)))²``,
    and an atom at 1 when p + q > n. It assumes that at least one system is Gaussian (or invariant to rotations of
    the stimuli) and stimuli are independent.

    Parameters
    ----------
    rank_x, rank_y : int
        Dimensions of the two systems that enter the analysis.
    n_stimuli : int
        Stimuli, more than either rank; the analysis subtracts their mean.
    significance : float
        Probability of the threshold of the largest correlation.

    Returns
    -------
    WachterNull
        What to subtract before calling two systems similar.

    Raises
    ------
    InvalidInputError
        When a rank is not between 1 and ``n_stimuli - 1``.

    References
    ----------
    Wachter 1980, "The limiting empirical measure of multiple discriminant ratios", Annals of Statistics 8;
    Johnstone 2008, "Multivariate analysis and Jacobi ensembles: largest eigenvalue, Tracy–Widom limits and rates
    of convergence", Annals of Statistics 36, equations 5 and 6 (threshold).

    Examples
    --------
    >>> from eigenscope.neural import wachter_null
    >>> null = wachter_null(50, 50, 201)
    >>> print(f"{null.mean_correlation:.3f} {null.edge:.3f}")
    0.436 0.866
    """
    if not is_whole_number(n_stimuli):
        raise InvalidInputError(f"n_stimuli must be an integer, got {n_stimuli!r}")
    n = n_stimuli - 1
    whole = all(is_whole_number(count) for count in (rank_x, rank_y, n))
    if not (whole and 1 <= rank_x <= n and 1 <= rank_y <= n):
        raise InvalidInputError(
            f"ranks {rank_x!r} and {rank_y!r} must be integers between 1 and n_stimuli - 1 = {n}: "
            "centred responses have no more dimensions"
        )
    check_significance(significance)
    small, large = sorted((int(rank_x), int(rank_y)))
    forced = max(0, small + large - n)
    return WachterNull(
        mean_correlation=_mean_correlation(small, large, n) if forced < small else 1.0,
        mean_squared_correlation=large / n,
        edge=1.0 if forced else (_root(small, n - large, n) + _root(large, n - small, n)),
        threshold=1.0 if small + large >= n else _largest_quantile(small, large, n, 1 - significance),
        significance=significance,
        n_forced=forced,
        ranks=(int(rank_x), int(rank_y)),
        n_stimuli=int(n_stimuli),
    )


def _root(first: int, second: int, n: int) -> float:
    """Return ``sqrt((first / n) (second / n))``."""
    return math.sqrt(first * second) / n


def _mean_correlation(small: int, large: int, n: int) -> float:
    """Integrate ``sqrt(x)`` over the law of x = ρ² on Chebyshev nodes of the second kind.

    There ``sqrt((x - x₋)(x₊ - x)) dx = half² sin²θ dθ``.
    """
    first, second = _root(small, n - large, n), _root(large, n - small, n)
    low, high = (first - second) ** 2, (first + second) ** 2
    angles = np.pi * np.arange(1, _QUADRATURE_NODES + 1) / (_QUADRATURE_NODES + 1)
    half = (high - low) / 2
    x = (high + low) / 2 + half * np.cos(angles)
    weights = half**2 * np.sin(angles) ** 2 / (_QUADRATURE_NODES + 1)
    continuous = float(np.sum(weights / (2 * small / n * np.sqrt(x) * (1 - x))))
    return min(1.0, continuous + max(0, small + large - n) / small)


def _largest_quantile(small: int, large: int, n: int, probability: float) -> float:
    """Return a quantile of the largest ρ: exact for one dimension, else Johnstone's approximation.

    ``log(ρ² / (1 - ρ²))`` is ``μ + σ TW₁`` with ``sin²(γ/2) = (small - 1/2) / (n - 1)``,
    ``sin²(φ/2) = (large - 1/2) / (n - 1)``, ``μ = 2 log tan((φ + γ) / 2)`` and
    ``σ³ = 16 / ((n - 1)² sin²(φ + γ) sin φ sin γ)``.
    """
    if small == 1:
        return math.sqrt(float(betaincinv(large / 2, (n - large) / 2, probability)))
    gamma, phi = (2 * math.asin(math.sqrt((rank - 0.5) / (n - 1))) for rank in (small, large))
    centre = 2 * math.log(math.tan((phi + gamma) / 2))
    scale = (16 / ((n - 1) ** 2 * math.sin(phi + gamma) ** 2 * math.sin(phi) * math.sin(gamma))) ** (1 / 3)
    logit = centre + scale * float(TracyWidom(1).ppf(probability))
    return 1 / math.sqrt(1 + math.exp(-logit))
