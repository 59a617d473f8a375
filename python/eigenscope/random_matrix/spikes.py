"""Spikes: what a signal of given strength becomes in a sample, and back.

Covariance spikes are population eigenvalues among noise eigenvalues equal to `variance`; `ratio` is
``n_features / n_samples``. Rectangular spikes are singular values of a signal in ``signal + noise / sqrt(n)``
with unit noise, and `aspect_ratio` is ``m / n <= 1``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import is_real_number, positive_number
from ..eigenvalues import check_values
from ..errors import InvalidInputError

Array = np.ndarray[Any, np.dtype[Any]]


def detection_threshold(ratio: float, *, variance: float = 1.0) -> float:
    """Smallest population eigenvalue that leaves the noise bulk, ``variance * (1 + sqrt(ratio))``.

    Parameters
    ----------
    ratio : float
        ``n_features / n_samples``.
    variance : float
        Variance of the noise.

    Returns
    -------
    float
        The threshold, in the same units as `variance`.

    Raises
    ------
    InvalidInputError
        When `ratio` or `variance` is not a positive number.

    References
    ----------
    Baik, Ben Arous and Péché 2005, "Phase transition of the largest eigenvalue", Annals of Probability 33.

    Examples
    --------
    >>> from eigenscope.random_matrix.spikes import detection_threshold
    >>> detection_threshold(0.25)
    1.5
    """
    return positive_number("variance", variance) * (1 + math.sqrt(positive_number("ratio", ratio)))


def sample_eigenvalue(spike: ArrayLike, ratio: float, *, variance: float = 1.0) -> Array:
    """Return where a population spike appears in the sample: ``spike (1 + ratio / (spike / variance - 1))``.

    NaN where the spike stays in the bulk. At ratios below 1 it may also lie under the noise, below
    ``variance * (1 - sqrt(ratio))``.

    Parameters
    ----------
    spike : array_like
        Population eigenvalues.
    ratio : float
        ``n_features / n_samples``.
    variance : float
        Variance of the noise.

    Returns
    -------
    ndarray
        Sample eigenvalues, of the shape of `spike`; a scalar for a scalar.

    Raises
    ------
    InvalidInputError
        When `ratio` or `variance` is not a positive number.

    References
    ----------
    Paul 2007, "Asymptotics of sample eigenstructure for a large dimensional spiked covariance model".

    Examples
    --------
    >>> from eigenscope.random_matrix.spikes import sample_eigenvalue
    >>> print(sample_eigenvalue(2.0, 0.5))
    3.0
    """
    ell = np.asarray(spike, dtype=np.float64) / positive_number("variance", variance)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = variance * ell * (1 + ratio / (ell - 1))
    return np.where(_outside_bulk(ell, ratio), value, np.nan)[()]


def _outside_bulk(ell: Array, ratio: float) -> Array:
    """Say which spikes, in units of the noise, leave the bulk on either side: ``|ℓ - 1| > √c``."""
    return np.asarray((ell > detection_threshold(ratio)) | ((ell >= 0) & (ell < 1 - math.sqrt(ratio))))


def population_eigenvalue(eigenvalue: ArrayLike, ratio: float, *, variance: float = 1.0) -> Array:
    """Return the population spike behind a sample eigenvalue; NaN inside the noise bulk.

    Parameters
    ----------
    eigenvalue : array_like
        Sample eigenvalues.
    ratio : float
        ``n_features / n_samples``.
    variance : float
        Variance of the noise.

    Returns
    -------
    ndarray
        Population eigenvalues, of the shape of `eigenvalue`; a scalar for a scalar.

    Raises
    ------
    InvalidInputError
        When `ratio` or `variance` is not a positive number.

    Examples
    --------
    >>> from eigenscope.random_matrix.spikes import population_eigenvalue
    >>> print(population_eigenvalue(3.0, 0.5))
    2.0
    """
    value = np.asarray(eigenvalue, dtype=np.float64) / positive_number("variance", variance)
    root = math.sqrt(positive_number("ratio", ratio))
    # (λ + 1 - c)² - 4 λ = (λ - (1 - √c)²) (λ - (1 + √c)²), without cancellation at the edge.
    above, below = value - (1 + root) ** 2, (1 - root) ** 2 - value
    under = (below >= 0) & (value >= 0) & (ratio < 1)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        # Of the absolute values each root is taken alone: the square of a huge eigenvalue would overflow.
        larger = ((value + 1 - ratio) + np.sqrt(np.abs(above)) * np.sqrt(np.abs(below))) / 2
        # The product of both roots is λ; under the noise the smaller one is the spike.
        found = np.where(above >= 0, larger, np.where(under, value / larger, np.nan))
        return np.asarray(variance * found)[()]


def overlaps(spike: ArrayLike, ratio: float, *, variance: float = 1.0) -> tuple[Array, Array]:
    """Return squared overlaps of sample and true vectors, in feature space and in sample space.

    Parameters
    ----------
    spike : array_like
        Population eigenvalues.
    ratio : float
        ``n_features / n_samples``.
    variance : float
        Variance of the noise.

    Returns
    -------
    feature_overlap, sample_overlap : ndarray
        Squared cosines; 0 for spikes that stay in the bulk, NaN for NaN. In sample space with what the signal adds to
        the noise, and NaN for spikes under the noise, which add nothing.

    Raises
    ------
    InvalidInputError
        When `ratio` or `variance` is not a positive number.

    References
    ----------
    Paul 2007; Benaych-Georges and Nadakuditi 2012, "The singular values and vectors of low rank perturbations
    of large rectangular random matrices".

    Examples
    --------
    >>> from eigenscope.random_matrix.spikes import overlaps
    >>> print(*(f"{overlap:.4f}" for overlap in overlaps(2.0, 0.5)))
    0.3333 0.2500
    """
    ell = np.asarray(spike, dtype=np.float64) / positive_number("variance", variance)
    visible = _outside_bulk(ell, ratio)
    strength = np.where(visible, ell - 1, 1 + math.sqrt(ratio))
    # Divided twice: the square of a huge spike would overflow.
    kept, hidden = 1 - ratio / strength / strength, np.where(np.isnan(ell), np.nan, 0.0)
    feature = np.where(visible, kept / (1 + ratio / strength), hidden)
    sample = np.where(visible, np.where(ell > 1, kept / (1 + 1 / np.where(ell > 1, strength, 1.0)), np.nan), hidden)
    return feature[()], sample[()]


def spike_stderr(
    spike: ArrayLike, ratio: float, n_samples: float, *, variance: float = 1.0, complex_data: bool = False
) -> Array:
    """Return the standard error of a debiased spike, ``ℓ sqrt(2 / (n ψ'))`` with ``ψ' = 1 - c / (ℓ - 1)²``.

    NaN for spikes that stay in the bulk, where the expansion ends.

    Parameters
    ----------
    spike : array_like
        Population eigenvalues.
    ratio : float
        ``n_features / n_samples``.
    n_samples : float
        Independent samples.
    variance : float
        Variance of the noise.
    complex_data : bool
        Complex Gaussian noise, which halves the variance of the error.

    Returns
    -------
    ndarray
        Standard errors in the same units as the spikes, of their shape; a scalar for a scalar.

    Raises
    ------
    InvalidInputError
        When `ratio`, `n_samples` or `variance` is not a positive number.

    References
    ----------
    Bai and Yao 2012, "On sample eigenvalues in a generalized spiked population model".

    Examples
    --------
    >>> from eigenscope.random_matrix.spikes import spike_stderr
    >>> print(f"{spike_stderr(3.0, 0.5, 200):.4f}")
    0.3207
    """
    ell = np.asarray(spike, dtype=np.float64) / positive_number("variance", variance)
    n_samples = positive_number("n_samples", n_samples)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = 1 - ratio / (ell - 1) / (ell - 1)
        error = variance * ell * np.sqrt((1 if complex_data else 2) / (n_samples * slope))
    return np.where(_outside_bulk(ell, ratio), error, np.nan)[()]


def population_eigenvalue_beside(eigenvalue: ArrayLike, bulk: ArrayLike, ratio: float) -> Array:
    """Return the population spike behind a sample eigenvalue beside noise of any spectrum, learnt from its bulk.

    ``ℓ = -1 / v(λ)`` with the samples' side of the Stieltjes transform, ``v(λ) = c mean 1 / (λ_j - λ) - (1 - c) / λ``.

    Parameters
    ----------
    eigenvalue : array_like
        Sample eigenvalues above the bulk.
    bulk : array_like, shape (m,)
        All other sample eigenvalues, zeros included.
    ratio : float
        ``n_features / n_samples``, the signals left out.

    Returns
    -------
    ndarray
        NaN at and below the largest eigenvalue of the bulk.

    Raises
    ------
    InvalidInputError
        When `ratio` is not a positive number, or `bulk` is empty or not one-dimensional.

    References
    ----------
    Bai and Ding 2012, "Estimation of spiked eigenvalues in spiked models", Random Matrices: Theory Appl. 1.

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope import MarchenkoPastur
    >>> from eigenscope.random_matrix.spikes import population_eigenvalue_beside
    >>> bulk = MarchenkoPastur(0.5).ppf((np.arange(1000) + 0.5) / 1000)
    >>> print(population_eigenvalue_beside(14 / 3, bulk, 0.5).round(3))
    4.0
    """
    values, noise = np.asarray(eigenvalue, dtype=np.float64), check_values(bulk, "bulk eigenvalues")
    ratio = positive_number("ratio", ratio)
    safe = np.where(values > noise[0], values, np.nan)
    transform = [np.mean(1 / (noise - point)) for point in safe.reshape(-1)]
    samples_side = ratio * np.reshape(transform, safe.shape) - (1 - ratio) / safe
    return np.asarray(-1 / samples_side)[()]


def sample_singular_value(spike: ArrayLike, aspect_ratio: float) -> Array:
    """Return the sample singular value of a spike, ``y² = (x + 1/x) (x + β/x)``; NaN below ``β^(1/4)``.

    Parameters
    ----------
    spike : array_like
        Singular values of the signal, for noise of variance one over the longer side.
    aspect_ratio : float
        Shorter over longer side.

    Returns
    -------
    ndarray
        Singular values of signal and noise together, of the shape of `spike`; a scalar for a scalar.

    Raises
    ------
    InvalidInputError
        When `aspect_ratio` is not in (0, 1].

    References
    ----------
    Benaych-Georges and Nadakuditi 2012, section 3.

    Examples
    --------
    >>> from eigenscope.random_matrix.spikes import sample_singular_value
    >>> print(f"{sample_singular_value(1.5, 0.5):.4f}")
    1.9930
    """
    x, beta = np.asarray(spike, dtype=np.float64), _aspect(aspect_ratio)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.sqrt(x + 1 / x) * np.sqrt(x + beta / x)
    return np.where(x > beta**0.25, value, np.nan)[()]


def population_singular_value(singular_value: ArrayLike, aspect_ratio: float) -> Array:
    """Return the rectangular spike behind a sample singular value; NaN inside the noise bulk.

    Parameters
    ----------
    singular_value : array_like
        Sample singular values, for noise of variance one over the longer side.
    aspect_ratio : float
        Shorter over longer side.

    Returns
    -------
    ndarray
        Singular values of the signal, of the shape of `singular_value`; a scalar for a scalar.

    Raises
    ------
    InvalidInputError
        When `aspect_ratio` is not in (0, 1].

    References
    ----------
    Benaych-Georges and Nadakuditi 2012, section 3.

    Examples
    --------
    >>> from eigenscope.random_matrix.spikes import population_singular_value, sample_singular_value
    >>> print(f"{population_singular_value(sample_singular_value(1.5, 0.5), 0.5):.4f}")
    1.5000
    """
    y, beta = np.asarray(singular_value, dtype=np.float64), _aspect(aspect_ratio)
    low, high = 1 - math.sqrt(beta), 1 + math.sqrt(beta)
    outside = y >= high
    safe = np.where(outside, y, high)
    # 2 x² = y² - β - 1 + sqrt((y² - high²) (y² - low²)), in units of y²: the square of a huge value would overflow.
    above, below = (1 - high / safe) * (1 + high / safe), (1 - low / safe) * (1 + low / safe)
    spike = safe * np.sqrt((1 - (1 + beta) / safe / safe + np.sqrt(above * below)) / 2)
    return np.where(outside, spike, np.nan)[()]


def singular_value_stderr(spike: ArrayLike, aspect_ratio: float, n_long: float) -> Array:
    """Return the standard error of a debiased singular value, ``x sqrt((2 x² + 1 + β) / (2 n (x⁴ - β)))``.

    A signal ``x u vᵀ`` meets real Gaussian noise T at random angles. What fluctuates are ``uᵀ R u``, ``vᵀ R̃ v`` and
    ``uᵀ R T v`` with the resolvents R of ``T Tᵀ`` and R̃ of ``Tᵀ T``, independently and each like a sum with random
    weights; their effects on x add up to this. NaN below ``β^(1/4)``.

    Parameters
    ----------
    spike : array_like
        Singular values of the signal, for noise of variance ``1 / n_long``.
    aspect_ratio : float
        Shorter over longer side.
    n_long : float
        Longer side.

    Returns
    -------
    ndarray
        Standard errors, of the shape of `spike`; a scalar for a scalar.

    Raises
    ------
    InvalidInputError
        When `aspect_ratio` is not in (0, 1], or `n_long` is not a positive number.

    References
    ----------
    Benaych-Georges and Nadakuditi 2012, section 3; Benaych-Georges, Guionnet and Maida 2011, "Fluctuations of the
    extreme eigenvalues of finite rank deformations of random matrices", Electron. J. Probab. 16.

    Examples
    --------
    >>> from eigenscope.random_matrix.spikes import singular_value_stderr
    >>> print(f"{singular_value_stderr(1.5, 0.5, 200):.4f}")
    0.0860
    """
    x, beta = np.asarray(spike, dtype=np.float64), _aspect(aspect_ratio)
    n_long = positive_number("n_long", n_long)
    with np.errstate(divide="ignore", invalid="ignore"):
        # In units of x⁴, which would overflow.
        inverse = 1 / x / x
        error = np.sqrt((2 + (1 + beta) * inverse) / (2 * n_long * (1 - beta * inverse**2)))
    return np.where(x > beta**0.25, error, np.nan)[()]


def singular_vector_overlaps(spike: ArrayLike, aspect_ratio: float) -> tuple[Array, Array]:
    """Return squared overlaps with the true singular vectors, short and long side; 0 when undetectable, NaN for NaN.

    Parameters
    ----------
    spike : array_like
        Singular values of the signal, for noise of variance one over the longer side.
    aspect_ratio : float
        Shorter over longer side.

    Returns
    -------
    short, long : ndarray
        Squared cosines on the shorter and the longer side, of the shape of `spike`; scalars for a scalar.

    Raises
    ------
    InvalidInputError
        When `aspect_ratio` is not in (0, 1].

    References
    ----------
    Benaych-Georges and Nadakuditi 2012, section 3.

    Examples
    --------
    >>> from eigenscope.random_matrix.spikes import singular_vector_overlaps
    >>> print(*(f"{overlap:.4f}" for overlap in singular_vector_overlaps(1.5, 0.5)))
    0.7374 0.6239
    """
    x, beta = np.asarray(spike, dtype=np.float64), _aspect(aspect_ratio)
    visible = x > beta**0.25
    # (x⁴ - β) / (x⁴ + β x²) and (x⁴ - β) / (x⁴ + x²), in units of x⁴.
    safe = np.where(visible, x, 1.0)
    inverse = 1 / safe / safe
    kept, hidden = 1 - beta * inverse**2, np.where(np.isnan(x), np.nan, 0.0)
    short = np.where(visible, kept / (1 + beta * inverse), hidden)
    long = np.where(visible, kept / (1 + inverse), hidden)
    return short[()], long[()]


def _aspect(aspect_ratio: float) -> float:
    if not (is_real_number(aspect_ratio) and 0 < aspect_ratio <= 1):
        raise InvalidInputError(
            f"aspect_ratio must lie in (0, 1], got {aspect_ratio!r}: it is the shorter side over the longer one"
        )
    return float(aspect_ratio)
