"""Shrinking singular values under noise of any spectrum, learnt from the bulk of the data itself.

With ``t_j`` the noise singular values of an m x n matrix, m <= n, the D-transform ``D(y) = φ(y) φ̃(y)``,
``φ(y) = mean_j y / (y² - t_j²)`` and ``φ̃ = β φ + (1 - β) / y``, carries everything that low-rank signals do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import is_whole_number
from ..errors import InvalidInputError
from ..results.decompositions import SVDResult
from .shrinkers import Shape, checked_singular_values, shrunk_factors

Array = np.ndarray[Any, np.dtype[Any]]

SCREENOT_SLOPE = -4.0
"""Value of y D'(y) / D(y) at which keeping a component costs as much as dropping it."""

BULK_FILLS = ("imputed", "largest", "zero")
"""How the places of the k largest noise values, hidden under the signals, are filled."""

LEARN, WHITE_RULE = (
    "learn the law of the noise",
    "use optimal_shrinkage or optimal_threshold with noise= if it is white",
)
"""What all singular values are needed for, and what does with fewer."""


class DTransform(NamedTuple):
    """Signal strength and overlaps behind sample singular values, under any noise.

    Parameters
    ----------
    strength : ndarray
        Singular values of the signal.
    short_overlap, long_overlap : ndarray
        Squared cosines between sample and true singular vectors, on the shorter and longer side.
    optimal : ndarray
        Values that minimise the Frobenius error, ``strength sqrt(short_overlap long_overlap)``.
    """

    strength: Array
    short_overlap: Array
    long_overlap: Array
    optimal: Array


def d_transform(singular_values: ArrayLike, noise_values: ArrayLike, aspect_ratio: float) -> DTransform:
    """Return what lies behind sample singular values above the noise.

    Parameters
    ----------
    singular_values : array_like, shape (k,)
        Sample singular values, all above the noise.
    noise_values : array_like, shape (r,)
        Singular values of the noise, all on the shorter side, zeros included.
    aspect_ratio : float
        Shorter over longer side.

    Returns
    -------
    DTransform
        In the unit of the singular values.

    References
    ----------
    Benaych-Georges and Nadakuditi 2012, J. Multivariate Analysis 111; Nadakuditi 2014, "OptShrink", IEEE Trans.
    Inf. Theory 60.
    """
    y, noise = np.asarray(singular_values, dtype=np.float64), np.asarray(noise_values, dtype=np.float64)
    phi, phi_slope, dual, dual_slope = np.transpose([_transforms(value, noise, aspect_ratio) for value in y])[:4]
    product, slope = phi * dual, phi_slope * dual + phi * dual_slope
    strength = product**-0.5
    return DTransform(
        strength, -2 * phi * product / slope, -2 * dual * product / slope, np.asarray(-2 * product / slope)
    )


def _operator(behind: DTransform) -> Array:
    """``x sqrt(min(cos²) / max(cos²))`` (Leeb 2022)."""
    cosines = np.array([behind.short_overlap, behind.long_overlap])
    return np.asarray(behind.strength * np.sqrt(cosines.min(axis=0) / cosines.max(axis=0)))


def _nuclear(behind: DTransform) -> Array:
    """``x (sqrt(c₁ c₂) - sqrt((1 - c₁)(1 - c₂)))₊`` of the squared cosines c."""
    first, second = behind.short_overlap, behind.long_overlap
    return np.asarray(behind.strength * np.maximum(np.sqrt(first * second) - np.sqrt((1 - first) * (1 - second)), 0))


GENERAL_LOSSES: dict[str, Callable[[DTransform], Array]] = {
    "frobenius": lambda behind: behind.optimal,
    "operator": _operator,
    "nuclear": _nuclear,
}
"""Shrinkers of singular values from what lies behind them."""


def _transforms(y: float, noise: Array, aspect_ratio: float) -> tuple[float, float, float, float]:
    """Return φ, φ', φ̃ and φ̃' at one point; ``φ' = -mean (y² + t²) / (y² - t²)²``."""
    gap = (y - noise) * (y + noise)
    phi = float(np.mean(y / gap))
    slope = -float(np.mean((y**2 + noise**2) / gap**2))
    rest = 1 - aspect_ratio
    return phi, slope, aspect_ratio * phi + rest / y, aspect_ratio * slope - rest / y**2


def filled_bulk(singular_values: Array, n_signal: int, fill: str = "imputed") -> Array:
    """Return noise singular values with the places under the `n_signal` largest filled from the bulk below.

    Parameters
    ----------
    singular_values : ndarray
        All, descending.
    n_signal : int
        Upper bound of the number of signals.
    fill : {"imputed", "largest", "zero"}
        "imputed" continues the edge of the bulk as a square root: place j of k gets ``y_{k+1} + (1 - (j /
        k)^⅔) (y_{k+1} - y_{2k+1}) / (2^⅔ - 1)``. "largest" repeats the largest noise value.
    """
    values, k = np.array(singular_values, dtype=np.float64), n_signal
    if fill not in BULK_FILLS:
        raise InvalidInputError(f"fill must be one of {', '.join(BULK_FILLS)}; got {fill!r}")
    if not is_whole_number(k) or k < 0 or 2 * k + 1 > len(values):
        raise InvalidInputError(
            f"the number of signals must be an integer of at most {(len(values) - 1) // 2}, got {n_signal!r}: the "
            f"noise under the signals is filled from as many of the {len(values)} values below them"
        )
    k = int(k)
    if k == 0:
        return values
    if fill == "imputed":
        shape = (1 - (np.arange(1, k + 1) / k) ** (2 / 3)) / (2 ** (2 / 3) - 1)
        values[:k] = values[k] + shape * (values[k] - values[2 * k])
    else:
        values[:k] = values[k] if fill == "largest" else 0.0
    return values


def screenot_threshold(
    s: SVDResult | ArrayLike, shape: Shape = None, n_signal_bound: int | None = None, *, fill: str = "imputed"
) -> float:
    """Return the hard threshold of least squared error under noise of unknown, even correlated, kind.

    Parameters
    ----------
    s : array_like of shape (min(shape),), or SVDResult
        All singular values in any order, or a decomposition with all of them.
    shape : tuple of int
        Rows and columns of the matrix, in any order; taken from an SVDResult.
    n_signal_bound : int
        Upper bound of the number of signals, below half of the smaller side. Must be given.
    fill : {"imputed", "largest", "zero"}
        What stands for the noise under the signals.

    Returns
    -------
    float
        Threshold in the unit of the singular values, at any scale; see `apply_threshold`.

    Raises
    ------
    InvalidInputError
        When only some of the singular values are given, or a bound is missing or too large.

    References
    ----------
    Donoho, Gavish and Romanov 2023, "ScreeNOT: exact MSE-optimal singular value thresholding in correlated
    noise", Annals of Statistics 51.

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope import MarchenkoPastur
    >>> from eigenscope.random_matrix import screenot_threshold
    >>> noise = np.sqrt(MarchenkoPastur(0.5).ppf((np.arange(500) + 0.5) / 500))
    >>> print(f"{screenot_threshold(noise, (500, 1000), 0):.3f}")  # optimal_threshold for white noise: 1.979
    1.979
    """
    from scipy.optimize import brentq

    values, small, large = checked_singular_values(s, shape, purpose=LEARN, instead=WHITE_RULE)
    noise = filled_bulk(values, _given("n_signal_bound", n_signal_bound), fill)
    scale = float(noise.max())
    if scale == 0:
        return 0.0
    noise = noise / scale

    def excess(y: float) -> float:
        phi, phi_slope, dual, dual_slope = _transforms(y, noise, small / large)
        return y * (phi_slope / phi + dual_slope / dual) - SCREENOT_SLOPE

    # y D'/D rises from -∞ at the largest noise value to -2 at infinity.
    low, high = 1 + 4 * np.finfo(float).eps, 2.0
    while excess(high) < 0:
        high *= 2
    if excess(low) > 0:
        return scale
    return scale * float(brentq(excess, low, high, xtol=1e-13, rtol=1e-13))


@overload
def opt_shrink(
    s: SVDResult, shape: Shape = None, n_signal: int | None = None, *, loss: str = "frobenius"
) -> SVDResult: ...


@overload
def opt_shrink(s: ArrayLike, shape: Shape = None, n_signal: int | None = None, *, loss: str = "frobenius") -> Array: ...


def opt_shrink(
    s: SVDResult | ArrayLike, shape: Shape = None, n_signal: int | None = None, *, loss: str = "frobenius"
) -> SVDResult | Array:
    """Return the leading singular values shrunk for least error under noise of any spectrum, the others zero.

    Parameters
    ----------
    s : array_like of shape (min(shape),), or SVDResult
        All singular values in any order, or a decomposition with all of them, of which the shrunk factors are
        returned: the denoised matrix ``U diag(s) Vh``, never formed.
    shape : tuple of int
        Rows and columns of the matrix; taken from an SVDResult.
    n_signal : int
        Number of signals. Must be given.
    loss : {"frobenius", "operator", "nuclear"}
        Norm of the error that is minimised.

    Returns
    -------
    ndarray of shape (min(shape),), or SVDResult
        Descending. Of an SVDResult only the signals are kept.

    Raises
    ------
    InvalidInputError
        When only some of the singular values are given, or the number of signals is missing or too large.

    References
    ----------
    Nadakuditi 2014, "OptShrink: an algorithm for improved low-rank signal matrix denoising by optimal,
    data-driven singular value shrinkage", IEEE Trans. Inf. Theory 60.

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope.random_matrix import opt_shrink
    >>> print(opt_shrink([9.0, 1.2, 1.1, 1.0, 0.9], (5, 50), 1)[:2].round(2))
    [8.87 0.  ]

    The denoised matrix as factors:

    >>> from eigenscope import svds
    >>> X = np.random.default_rng(0).standard_normal((60, 40))
    >>> X[:, 0] *= 5
    >>> opt_shrink(svds(X, 40), n_signal=1).U.shape
    (60, 1)
    """
    if loss not in GENERAL_LOSSES:
        raise InvalidInputError(f"loss must be one of {', '.join(GENERAL_LOSSES)}; got {loss!r}")
    values, small, large = checked_singular_values(s, shape, purpose=LEARN, instead=WHITE_RULE)
    count = _given("n_signal", n_signal)
    if not is_whole_number(count) or not 0 <= count <= len(values) // 2:
        raise InvalidInputError(f"n_signal must be an integer from 0 to {len(values) // 2}, got {n_signal!r}")
    count = int(count)
    shrunk = np.zeros(len(values))
    kept = int(np.count_nonzero(values[:count] > values[count])) if count else 0
    if kept:
        scale = float(values[0])
        # As many dimensions as there are signals leave both sides.
        behind = d_transform(values[:kept] / scale, values[count:] / scale, (small - count) / (large - count))
        shrunk[:kept] = scale * GENERAL_LOSSES[loss](behind)
    return shrunk_factors(s, shrunk) if isinstance(s, SVDResult) else shrunk


def _given(name: str, count: int | None) -> int:
    if count is None:
        raise InvalidInputError(f"the number of signals is not learnt from the data here: pass {name}=")
    return count
