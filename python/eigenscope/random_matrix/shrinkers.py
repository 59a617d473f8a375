"""Optimal shrinkage: what singular values and eigenvalues should become when noise has been added to a signal."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import is_real_number
from ..eigenvalues import check_values
from ..errors import InvalidInputError
from ..results.decompositions import SVDResult
from ..results.estimate import Estimate
from ..results.marchenko_pastur_fit import MarchenkoPasturFit
from .laws import MarchenkoPastur
from .spikes import overlaps, population_eigenvalue, population_singular_value

Array = np.ndarray[Any, np.dtype[Any]]

Shape = tuple[float, float] | None

Noise = float | MarchenkoPasturFit | None


@overload
def optimal_shrinkage(
    s: SVDResult, shape: Shape = None, *, loss: str = "frobenius", noise: Noise = None
) -> SVDResult: ...


@overload
def optimal_shrinkage(s: ArrayLike, shape: Shape = None, *, loss: str = "frobenius", noise: Noise = None) -> Array: ...


def optimal_shrinkage(
    s: SVDResult | ArrayLike, shape: Shape = None, *, loss: str = "frobenius", noise: Noise = None
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
    noise : float or MarchenkoPasturFit, optional
        Standard deviation of each entry's noise, or a noise fit, which knows it. By default it is estimated from the
        median, for which all singular values are needed; a fit is better when the signals are many.

    Returns
    -------
    ndarray of shape (k,), or SVDResult
        Descending. Of an SVDResult only components that stay above zero are kept.

    Raises
    ------
    InvalidInputError
        For negative or too many values, an unknown loss, a noise below zero, a missing shape, or an `Estimate` as
        noise: those of this package are variances.

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

    With the noise of a fit, and the denoised matrix as factors:

    >>> from eigenscope import covariance_spectrum, svds
    >>> X = np.random.default_rng(0).standard_normal((100, 50))
    >>> X[:, 0] *= 5
    >>> fit = covariance_spectrum(X).fit_marchenko_pastur()
    >>> optimal_shrinkage(svds(X - X.mean(axis=0), 10), noise=fit).singular_values.shape
    (1,)
    """
    if loss not in LOSSES:
        raise InvalidInputError(f"loss must be one of {', '.join(LOSSES)}; got {loss!r}")
    purpose = None if noise is not None else "estimate the noise"
    values, small, large = checked_singular_values(s, shape, purpose=purpose, instead="pass noise=")
    level = _noise_level(values, small, large, noise)
    unit = math.sqrt(large) * level
    shrunk = values if level == 0 else np.asarray(unit * LOSSES[loss](values / unit, small / large))
    return shrunk_factors(s, shrunk) if isinstance(s, SVDResult) else shrunk


def shrunk_factors(decomposition: SVDResult, shrunk: Array) -> SVDResult:
    """Return the components whose shrunk values, descending, are above zero, with those values."""
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
    s: SVDResult | ArrayLike, shape: Shape, *, purpose: str | None = None, instead: str = ""
) -> tuple[Array, float, float]:
    """Return singular values, descending, with the shorter and the longer side of their matrix.

    Parameters
    ----------
    s : SVDResult or array_like
        A decomposition, which knows its shape and may be empty, or singular values in any order.
    shape : tuple of two numbers, or None
        Rows and columns; only an SVDResult may leave them out.
    purpose : str, optional
        What all of the values are needed to do; without one, some are enough.
    instead : str
        What else can be done when there are fewer.
    """
    if isinstance(s, SVDResult):
        shape, values = _shape_of(s, shape), np.asarray(s.singular_values, dtype=np.float64)
    else:
        values = check_values(s, "singular values")
    if shape is None:
        raise InvalidInputError("singular values do not say the size of their matrix: pass shape=(rows, columns)")
    small, large = sorted_shape(shape)
    if len(values) > small or (purpose is not None and len(values) < int(small)):
        advice = f", and all of them are needed to {purpose}: compute them (k={int(small)}), or {instead}"
        raise InvalidInputError(
            f"{len(values)} singular values of a matrix of shape {shape}: it has {int(small)}"
            + (advice if len(values) < small else "")
        )
    return values, small, large


def _shape_of(decomposition: SVDResult, shape: Shape) -> tuple[int, int]:
    """Return rows and columns of the matrix that was decomposed, which `shape` may repeat."""
    own = (decomposition.U.shape[0], decomposition.Vh.shape[1])
    if shape is not None and sorted_shape(shape) != sorted_shape(own):
        raise InvalidInputError(f"shape={shape!r} is not that of the SVDResult, {own}: leave it out")
    return own


def sorted_shape(shape: Shape) -> tuple[float, float]:
    """Return the shorter and the longer side, or refuse what is not two sizes."""
    try:
        first, second = shape  # type: ignore[misc]
    except (TypeError, ValueError):
        first, second = math.nan, math.nan
    if not all(is_real_number(size) and size >= 1 for size in (first, second)):
        raise InvalidInputError(f"shape must hold two sizes of at least 1, got {shape!r}")
    return min(first, second), max(first, second)


def checked_noise(noise: float | Estimate | MarchenkoPasturFit) -> float:
    """Return a standard deviation, or refuse what is none."""
    if isinstance(noise, MarchenkoPasturFit):
        return math.sqrt(noise.variance.value)
    if isinstance(noise, Estimate):
        raise InvalidInputError(
            f"noise must be a standard deviation, got an Estimate of {noise.value:.6g}, and a fit's variance and "
            "noise_variance(...) are variances: pass noise=fit, or noise=math.sqrt(float(estimate))"
        )
    if not (is_real_number(noise) and noise >= 0):
        raise InvalidInputError(f"noise must be a standard deviation >= 0, or a noise fit, got {noise!r}")
    return float(noise)


def _noise_level(values: Array, small: float, large: float, noise: Noise) -> float:
    if noise is not None:
        return checked_noise(noise)
    return float(np.median(values)) / math.sqrt(large * float(MarchenkoPastur(small / large).ppf(0.5)))


def _frobenius(y: Array, beta: float) -> Array:
    """``sqrt((y² - β - 1)² - 4 β) / y``, by its roots ``y² = (1 ± √β)²``."""
    low, high = (1 - math.sqrt(beta)) ** 2, (1 + math.sqrt(beta)) ** 2
    visible = y > 1 + math.sqrt(beta)
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
    return np.where(visible, x * (np.hypot(x, math.sqrt(beta)) / np.hypot(x, 1.0)), 0.0)


def _nuclear(y: Array, beta: float) -> Array:
    """``(x⁴ - β - √β x y)₊ / (x² y)``."""
    x, visible = _visible_spikes(y, beta)
    safe = np.where(visible, y, 1.0)
    shrunk = x * (x / safe) * (1 - (beta / x / x / x + math.sqrt(beta) * (safe / x) / x) / x)
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
    # 1 - cos², of which a difference would leave nothing for strong spikes.
    sine = ratio / (ell - 1) * (ell / (ell - 1 + ratio))
    shrunk = np.where(visible, COVARIANCE_LOSSES[loss](ell, cosine, sine), 1.0)
    return np.asarray(variance * np.where(np.isnan(values), np.nan, shrunk))


COVARIANCE_LOSSES: dict[str, Callable[[Array, Array, Array], Array]] = {
    "frobenius": lambda ell, c2, s2: ell * c2 + s2,
    "entropy": lambda ell, c2, s2: ell * c2 + s2,
    "operator": lambda ell, c2, s2: ell,
    "nuclear": lambda ell, c2, s2: np.maximum(1 + (ell - 1) * (1 - 2 * s2), 1.0),
    "stein": lambda ell, c2, s2: ell / (c2 + ell * s2),
    "inverse": lambda ell, c2, s2: ell / (c2 + ell * s2),
    "divergence": lambda ell, c2, s2: ell * np.sqrt((c2 + s2 / ell) / (c2 + ell * s2)),
}
"""Shrinkers of eigenvalues in units of the noise, from spike, squared cosine and squared sine."""


def denoised_singular_values(fit: MarchenkoPasturFit, *, loss: str = "frobenius") -> Array:
    """Return the singular values ``sqrt(n λ)`` of fitted data, shrunk with the fitted noise; signals only.

    Parameters
    ----------
    fit : MarchenkoPasturFit
        A fit to the eigenvalues of the data.
    loss : {"frobenius", "operator", "nuclear"}
        As for `optimal_shrinkage`.

    Returns
    -------
    ndarray, shape (n_signal,)
        Descending.
    """
    if fit.n_signal == 0:
        return np.empty(0)
    values = np.sqrt(np.asarray(fit.eigenvalues[: fit.n_signal])) * math.sqrt(fit.n_samples)
    return np.asarray(optimal_shrinkage(values, (fit.n_samples, fit.n_features), loss=loss, noise=fit))
