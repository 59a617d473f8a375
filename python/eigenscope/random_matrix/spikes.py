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
from ..errors import InvalidInputError

Array = np.ndarray[Any, np.dtype[Any]]


def detection_threshold(ratio: float, *, variance: float = 1.0) -> float:
    """Smallest population eigenvalue that leaves the noise bulk, ``variance * (1 + sqrt(ratio))``.

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

    NaN where the spike is below the detection threshold.

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
    return np.where(ell > detection_threshold(ratio), value, np.nan)[()]


def population_eigenvalue(eigenvalue: ArrayLike, ratio: float, *, variance: float = 1.0) -> Array:
    """Return the population spike behind a sample eigenvalue; NaN inside the noise bulk.

    Examples
    --------
    >>> from eigenscope.random_matrix.spikes import population_eigenvalue
    >>> print(population_eigenvalue(3.0, 0.5))
    2.0
    """
    value = np.asarray(eigenvalue, dtype=np.float64) / positive_number("variance", variance)
    root = math.sqrt(positive_number("ratio", ratio))
    # (λ + 1 - c)² - 4 λ = (λ - (1 - √c)²) (λ - (1 + √c)²), without cancellation at the edge.
    above = value - (1 + root) ** 2
    with np.errstate(invalid="ignore"):
        spike = ((value + 1 - ratio) + np.sqrt(above * (value - (1 - root) ** 2))) / 2
    return np.where(above >= 0, variance * spike, np.nan)[()]


def overlaps(spike: ArrayLike, ratio: float, *, variance: float = 1.0) -> tuple[Array, Array]:
    """Return squared overlaps of sample and true vectors, in feature space and in sample space.

    Parameters
    ----------
    spike : array_like
        Population eigenvalues.
    ratio, variance : float
        Of the noise.

    Returns
    -------
    feature_overlap, sample_overlap : ndarray
        Squared cosines; 0 below the detection threshold.

    References
    ----------
    Paul 2007; Benaych-Georges and Nadakuditi 2012, "The singular values and vectors of low rank perturbations
    of large rectangular random matrices".
    """
    ell = np.asarray(spike, dtype=np.float64) / positive_number("variance", variance)
    visible = ell > detection_threshold(ratio)
    strength = np.where(visible, ell - 1, 1 + math.sqrt(ratio))
    kept = 1 - ratio / strength**2
    feature = np.where(visible, kept / (1 + ratio / strength), 0.0)
    sample = np.where(visible, kept / (1 + 1 / strength), 0.0)
    return feature[()], sample[()]


def spike_stderr(
    spike: ArrayLike, ratio: float, n_samples: float, *, variance: float = 1.0, complex_data: bool = False
) -> Array:
    """Return the standard error of a debiased spike, ``ℓ sqrt(2 / (n ψ'))`` with ``ψ' = 1 - c / (ℓ - 1)²``.

    NaN at and below the detection threshold, where the expansion ends.

    References
    ----------
    Bai and Yao 2012, "On sample eigenvalues in a generalized spiked population model".
    """
    ell = np.asarray(spike, dtype=np.float64) / positive_number("variance", variance)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = 1 - ratio / (ell - 1) ** 2
        error = variance * ell * np.sqrt((1 if complex_data else 2) / (n_samples * slope))
    return np.where(ell > detection_threshold(ratio), error, np.nan)[()]


def sample_singular_value(spike: ArrayLike, aspect_ratio: float) -> Array:
    """Return the sample singular value of a spike, ``y² = (x + 1/x) (x + β/x)``; NaN below ``β^(1/4)``.

    References
    ----------
    Benaych-Georges and Nadakuditi 2012, section 3.
    """
    x, beta = np.asarray(spike, dtype=np.float64), _aspect(aspect_ratio)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.sqrt((x + 1 / x) * (x + beta / x))
    return np.where(x > beta**0.25, value, np.nan)[()]


def population_singular_value(singular_value: ArrayLike, aspect_ratio: float) -> Array:
    """Return the rectangular spike behind a sample singular value; NaN inside the noise bulk."""
    y, beta = np.asarray(singular_value, dtype=np.float64), _aspect(aspect_ratio)
    root = math.sqrt(beta)
    above = y**2 - (1 + root) ** 2
    with np.errstate(invalid="ignore"):
        squared = ((y**2 - beta - 1) + np.sqrt(above * (y**2 - (1 - root) ** 2))) / 2
        spike = np.sqrt(squared)
    return np.where(above >= 0, spike, np.nan)[()]


def singular_vector_overlaps(spike: ArrayLike, aspect_ratio: float) -> tuple[Array, Array]:
    """Return squared overlaps with the true singular vectors, short and long side; 0 when undetectable."""
    x, beta = np.asarray(spike, dtype=np.float64), _aspect(aspect_ratio)
    visible = x > beta**0.25
    safe = np.where(visible, x, 1.0)
    short = np.where(visible, (safe**4 - beta) / (safe**4 + beta * safe**2), 0.0)
    long = np.where(visible, (safe**4 - beta) / (safe**4 + safe**2), 0.0)
    return short[()], long[()]


def _aspect(aspect_ratio: float) -> float:
    if not (is_real_number(aspect_ratio) and 0 < aspect_ratio <= 1):
        raise InvalidInputError(
            f"aspect_ratio must lie in (0, 1], got {aspect_ratio!r}: it is the shorter side over the longer one"
        )
    return float(aspect_ratio)
