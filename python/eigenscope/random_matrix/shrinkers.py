"""Optimal shrinkage: what singular values and eigenvalues should become when noise has been added to a signal."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import is_real_number
from ..eigenvalues import check_values
from ..errors import InvalidInputError
from ..results.decompositions import SVDResult
from ..results.estimate import Estimate
from .laws import MarchenkoPastur
from .spikes import overlaps, population_eigenvalue, population_singular_value

if TYPE_CHECKING:
    from ..results.marchenko_pastur_fit import MarchenkoPasturFit

Array = np.ndarray[Any, np.dtype[Any]]

Noise = float | Estimate | None


@overload
def optimal_shrinkage(
    s: SVDResult, shape: tuple[float, float] | None = None, *, loss: str = "frobenius", noise: Noise = None
) -> SVDResult: ...


@overload
def optimal_shrinkage(
    s: ArrayLike, shape: tuple[float, float] | None = None, *, loss: str = "frobenius", noise: Noise = None
) -> Array: ...


def optimal_shrinkage(
    s: SVDResult | ArrayLike,
    shape: tuple[float, float] | None = None,
    *,
    loss: str = "frobenius",
    noise: Noise = None,
) -> SVDResult | Array:
    """Shrink singular values so that the matrix they make is as close to the signal as can be.

    A matrix of a few strong components plus white noise has singular values that are too large, and singular
    vectors that are turned away. The values returned make up for both; components that noise alone could have
    made become zero.

    Parameters
    ----------
    s : array_like of shape (k,), or SVDResult
        Singular values in any order, or a decomposition, of which the shrunk factors are returned: the denoised
        matrix ``U diag(s) Vh``, never formed. The top k are enough when `noise` is given.
    shape : tuple of two int
        Rows and columns of the matrix, in any order; taken from an SVDResult.
    loss : {"frobenius", "operator", "nuclear"}
        Norm of the error that is minimised. "operator" has the correction of Leeb (2022) for matrices that are
        not square.
    noise : float or Estimate, optional
        Standard deviation of each entry's noise. By default it is estimated from the median, for which all
        singular values are needed; ``fit_marchenko_pastur(...).variance`` to the power ½ is better when the
        signals are many.

    Returns
    -------
    ndarray of shape (k,), or SVDResult
        Descending. Of an SVDResult only components that stay above zero are kept.

    Raises
    ------
    InvalidInputError
        For negative or too many values, an unknown loss, a noise below zero, or a missing shape.

    References
    ----------
    Gavish and Donoho 2017, "Optimal shrinkage of singular values", IEEE Trans. Inf. Theory 63, equations 7 to
    9; Leeb 2022, "Optimal singular value shrinkage for operator norm loss", Statistics & Probability Letters.

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope import optimal_shrinkage
    >>> print(optimal_shrinkage([30.0, 13.0, 5.0], (50, 100), noise=1.0).round(3))
    [24.552  0.     0.   ]
    """
    if loss not in LOSSES:
        raise InvalidInputError(f"loss must be one of {', '.join(LOSSES)}; got {loss!r}")
    if isinstance(s, SVDResult):
        return _shrunk_factors(s, loss, noise)
    if shape is None:
        raise InvalidInputError("singular values do not say the size of their matrix: pass shape=(rows, columns)")
    values, small, large = checked_singular_values(s, shape, complete=noise is None)
    level = _noise_level(values, small, large, noise)
    if level == 0:
        return values
    unit = math.sqrt(large) * level
    return np.asarray(unit * LOSSES[loss](values / unit, small / large))


def _shrunk_factors(decomposition: SVDResult, loss: str, noise: Noise) -> SVDResult:
    shape = (decomposition.U.shape[0], decomposition.Vh.shape[1])
    shrunk = optimal_shrinkage(decomposition.singular_values, shape, loss=loss, noise=noise)
    kept = int(np.count_nonzero(shrunk > 0))
    return dataclasses.replace(
        decomposition,
        U=decomposition.U[:, :kept],
        singular_values=shrunk[:kept].astype(decomposition.singular_values.dtype),
        Vh=decomposition.Vh[:kept],
        residual_norms=decomposition.residual_norms[:kept],
        converged=decomposition.converged[:kept],
        error_estimate=None,
    )


def checked_singular_values(
    singular_values: ArrayLike, shape: tuple[float, float], *, complete: bool
) -> tuple[Array, float, float]:
    """Return singular values, descending, with the shorter and the longer side of their matrix."""
    small, large = sorted_shape(shape)
    values = check_values(singular_values, "singular values")
    if len(values) > small or (complete and len(values) < int(small)):
        raise InvalidInputError(
            f"{len(values)} singular values of a matrix of shape {shape}: it has {int(small)}"
            + (", and all of them are needed to estimate the noise; pass noise=" if len(values) < small else "")
        )
    return values, small, large


def sorted_shape(shape: tuple[float, float]) -> tuple[float, float]:
    """Return the shorter and the longer side, or refuse what is not two sizes."""
    try:
        first, second = shape
    except (TypeError, ValueError):
        first, second = math.nan, math.nan
    if not all(is_real_number(size) and size >= 1 for size in (first, second)):
        raise InvalidInputError(f"shape must hold two sizes of at least 1, got {shape!r}")
    return min(first, second), max(first, second)


def checked_noise(noise: float | Estimate) -> float:
    """Return a standard deviation, or refuse what is none."""
    value = noise.value if isinstance(noise, Estimate) else noise
    if not (is_real_number(value) and value >= 0):
        raise InvalidInputError(f"noise must be a standard deviation >= 0, got {noise!r}")
    return float(value)


def _noise_level(values: Array, small: float, large: float, noise: Noise) -> float:
    if noise is not None:
        return checked_noise(noise)
    return float(np.median(values)) / math.sqrt(large * float(MarchenkoPastur(small / large).ppf(0.5)))


def _frobenius(y: Array, beta: float) -> Array:
    """``sqrt((y² - β - 1)² - 4 β) / y``, by its roots ``y² = (1 ± √β)²``."""
    low, high = (1 - math.sqrt(beta)) ** 2, (1 + math.sqrt(beta)) ** 2
    visible = y * y > high
    safe = np.where(visible, y, 1.0)
    # Divided first: squares of huge values would overflow.
    return np.where(visible, safe * np.sqrt(np.maximum((1 - high / safe / safe) * (1 - low / safe / safe), 0)), 0.0)


def _visible_spikes(y: Array, beta: float) -> tuple[Array, Array]:
    """Return spikes and whether they are visible."""
    spikes = np.asarray(population_singular_value(y, beta))
    visible = spikes > beta**0.25
    return np.where(visible, spikes, 1.0), visible


def _operator(y: Array, beta: float) -> Array:
    """``x sqrt(min(cos²) / max(cos²))``, which is x for square matrices."""
    x, visible = _visible_spikes(y, beta)
    # cos²(short) / cos²(long) = (x² + 1) / (x² + β) >= 1.
    return np.where(visible, x * np.sqrt((x**2 + beta) / (x**2 + 1)), 0.0)


def _nuclear(y: Array, beta: float) -> Array:
    """``(x⁴ - β - √β x y)₊ / (x² y)``."""
    x, visible = _visible_spikes(y, beta)
    safe = np.where(visible, y, 1.0)
    shrunk = (x * x / safe) * (1 - (beta / x**3 + math.sqrt(beta) * safe / x / x) / x)
    return np.where(visible, np.maximum(shrunk, 0), 0.0)


LOSSES: dict[str, Callable[[Array, float], Array]] = {
    "frobenius": _frobenius,
    "operator": _operator,
    "nuclear": _nuclear,
}
"""Shrinkers of singular values in units of noise times the root of the longer side."""


def shrink_spikes(eigenvalues: ArrayLike, ratio: float, *, variance: float = 1.0, loss: str = "frobenius") -> Array:
    """Shrink the eigenvalues of a sample covariance of white noise and few spikes; the bulk becomes `variance`.

    Parameters
    ----------
    eigenvalues : array_like, shape (k,)
        Sample eigenvalues.
    ratio : float
        ``n_features / n_samples``.
    variance : float
        Variance of the noise.
    loss : {"frobenius", "operator", "nuclear", "entropy", "stein", "inverse", "divergence"}
        What is minimised over matrices with the sample eigenvectors: the norm of the error, or a loss of
        Gaussian likelihoods; "inverse" is the Frobenius norm of the error of the inverse.

    Returns
    -------
    ndarray, shape (k,)
        In the order given.

    References
    ----------
    Donoho, Gavish and Johnstone 2018, "Optimal shrinkage of eigenvalues in the spiked covariance model",
    Annals of Statistics 46.

    Examples
    --------
    >>> from eigenscope.random_matrix import shrink_spikes
    >>> print(shrink_spikes([14 / 3, 1.0], 0.5).round(4))
    [3.4286 1.    ]
    """
    if loss not in COVARIANCE_LOSSES:
        raise InvalidInputError(f"loss must be one of {', '.join(COVARIANCE_LOSSES)}; got {loss!r}")
    values = np.asarray(eigenvalues, dtype=np.float64)
    ell = np.asarray(population_eigenvalue(values, ratio, variance=variance)) / variance
    visible = ell > 1 + math.sqrt(ratio)
    ell = np.where(visible, ell, 2 + math.sqrt(ratio))
    cosine, _ = overlaps(ell, ratio)
    shrunk = np.where(visible, COVARIANCE_LOSSES[loss](ell, cosine, 1 - cosine), 1.0)
    return np.asarray(variance * np.where(np.isnan(values), np.nan, shrunk))


COVARIANCE_LOSSES: dict[str, Callable[[Array, Array, Array], Array]] = {
    "frobenius": lambda ell, c2, s2: ell * c2 + s2,
    "entropy": lambda ell, c2, s2: ell * c2 + s2,
    "operator": lambda ell, c2, s2: ell,
    "nuclear": lambda ell, c2, s2: np.maximum(1 + (ell - 1) * (1 - 2 * s2), 1.0),
    "stein": lambda ell, c2, s2: ell / (c2 + ell * s2),
    "inverse": lambda ell, c2, s2: ell / (c2 + ell * s2),
    "divergence": lambda ell, c2, s2: np.sqrt((ell**2 * c2 + ell * s2) / (c2 + ell * s2)),
}
"""Shrinkers of eigenvalues in units of the noise, from spike, squared cosine and squared sine."""


def denoised_singular_values(fit: MarchenkoPasturFit, *, loss: str = "frobenius") -> Array:
    """Return the singular values ``sqrt(n λ)`` of fitted data, shrunk with the fitted noise; signals only."""
    n, p = fit.n_samples, fit.n_features
    values = np.sqrt(np.asarray(fit.eigenvalues[: fit.n_signal])) * math.sqrt(n)
    return np.asarray(optimal_shrinkage(values, (n, p), loss=loss, noise=math.sqrt(fit.variance.value)))
