"""Spectra with a shape that matters to a solver: descending arrays of eigenvalues or singular values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigh_tridiagonal

from ..errors import InvalidInputError
from ._random import RandomSource, generator

FloatArray = NDArray[np.float64]


def polynomial_spectrum(n: int, *, exponent: float = 1.0, scale: float = 1.0) -> FloatArray:
    """Return the power law ``scale * i**-exponent``, ``i = 1 … n``.

    Parameters
    ----------
    n : int
        Number of values.
    exponent : float
        Decay; 1 is the rank exponent of many cortical recordings.
    scale : float
        The first value.

    Returns
    -------
    ndarray, shape (n,)
        Descending values.

    Raises
    ------
    InvalidInputError
        When `n` is below 1.

    Examples
    --------
    >>> polynomial_spectrum(4, exponent=0.5).round(3)
    array([1.   , 0.707, 0.577, 0.5  ])
    """
    return np.asarray(scale * np.arange(1, _length(n) + 1, dtype=np.float64) ** -exponent)


def exponential_spectrum(n: int, *, ratio: float = 0.9, scale: float = 1.0) -> FloatArray:
    """Return ``scale * ratio**i``, ``i = 0 … n-1``.

    Parameters
    ----------
    n : int
        Number of values.
    ratio : float
        Quotient of successive values, between 0 and 1.
    scale : float
        The first value.

    Returns
    -------
    ndarray, shape (n,)
        Descending values.

    Raises
    ------
    InvalidInputError
        When `n` is below 1 or `ratio` not in (0, 1].

    Examples
    --------
    >>> exponential_spectrum(4, ratio=0.5)
    array([1.   , 0.5  , 0.25 , 0.125])
    """
    if not 0 < ratio <= 1:
        raise InvalidInputError(f"ratio must be in (0, 1], got {ratio}")
    return np.asarray(scale * ratio ** np.arange(_length(n), dtype=np.float64))


def step_spectrum(n: int, *, n_high: int, high: float = 1.0, low: float = 1e-3) -> FloatArray:
    """Return `n_high` values at `high` and the rest at `low`.

    Parameters
    ----------
    n : int
        Number of values.
    n_high : int
        How many stand on the step.
    high, low : float
        The two levels.

    Returns
    -------
    ndarray, shape (n,)
        Descending values.

    Raises
    ------
    InvalidInputError
        When `n` is below 1, `n_high` negative or above `n`, or `low` above `high`.

    Examples
    --------
    >>> step_spectrum(4, n_high=1, low=0.1)
    array([1. , 0.1, 0.1, 0.1])
    """
    if not 0 <= n_high <= _length(n):
        raise InvalidInputError(f"n_high must be between 0 and n = {n}, got {n_high}")
    if low > high:
        raise InvalidInputError(f"low = {low} exceeds high = {high}")
    return np.where(np.arange(n) < n_high, float(high), float(low))


def spiked_spectrum(n: int, spikes: ArrayLike, *, bulk: float = 1.0) -> FloatArray:
    """Return isolated `spikes` above a flat `bulk`: the spiked model of random-matrix theory.

    Parameters
    ----------
    n : int
        Number of values.
    spikes : array_like, shape (r,)
        Values above the bulk, in any order.
    bulk : float
        The value of the other ``n - r``.

    Returns
    -------
    ndarray, shape (n,)
        Descending values.

    Raises
    ------
    InvalidInputError
        When `n` is below 1, there are more spikes than values, or a spike lies below the bulk.

    References
    ----------
    Johnstone, Annals of Statistics 29 (2001) 295, section 1.

    Examples
    --------
    >>> spiked_spectrum(5, [3, 10])
    array([10.,  3.,  1.,  1.,  1.])
    """
    values = np.sort(np.atleast_1d(np.asarray(spikes, dtype=np.float64)))[::-1]
    if len(values) > _length(n):
        raise InvalidInputError(f"{len(values)} spikes do not fit into n = {n} values")
    if len(values) and values[-1] < bulk:
        raise InvalidInputError(f"spike {values[-1]} lies below the bulk {bulk}")
    return np.concatenate([values, np.full(n - len(values), float(bulk))])


def clustered_spectrum(n: int, *, cluster_size: int, relative_width: float = 1e-6) -> FloatArray:
    """Return the values 1, 1/2, 1/3 … each spread into a tight cluster of `cluster_size` values.

    Parameters
    ----------
    n : int
        Number of values; the last cluster may be cut short.
    cluster_size : int
        Values per cluster.
    relative_width : float
        Largest minus smallest value of a cluster, over the largest.

    Returns
    -------
    ndarray, shape (n,)
        Descending values, evenly spaced inside a cluster.

    Raises
    ------
    InvalidInputError
        When `n` or `cluster_size` is below 1 or the width not in [0, 1).

    Examples
    --------
    >>> clustered_spectrum(6, cluster_size=3, relative_width=0.1)
    array([1.   , 0.95 , 0.9  , 0.5  , 0.475, 0.45 ])
    """
    if cluster_size < 1:
        raise InvalidInputError(f"cluster_size must be at least 1, got {cluster_size}")
    if not 0 <= relative_width < 1:
        raise InvalidInputError(f"relative_width must be in [0, 1), got {relative_width}")
    cluster, place = np.divmod(np.arange(_length(n)), cluster_size)
    spread = place / max(cluster_size - 1, 1)
    values = (1 - relative_width * spread) / (cluster + 1.0)
    return np.asarray(np.sort(values)[::-1])


def repeated_spectrum(n: int, *, multiplicity: int) -> FloatArray:
    """Return the values 1, 1/2, 1/3 … each exactly `multiplicity` times.

    Parameters
    ----------
    n : int
        Number of values; the last one may be repeated less often.
    multiplicity : int
        Copies of each value.

    Returns
    -------
    ndarray, shape (n,)
        Descending values.

    Raises
    ------
    InvalidInputError
        When `n` or `multiplicity` is below 1.

    Examples
    --------
    >>> repeated_spectrum(4, multiplicity=2)
    array([1. , 1. , 0.5, 0.5])
    """
    if multiplicity < 1:
        raise InvalidInputError(f"multiplicity must be at least 1, got {multiplicity}")
    return np.asarray(1.0 / (np.arange(_length(n)) // multiplicity + 1.0), dtype=np.float64)


def graded_spectrum(n: int, *, decades: float = 12.0) -> FloatArray:
    """Return values from 1 down over `decades` powers of ten, evenly spaced in the logarithm.

    Parameters
    ----------
    n : int
        Number of values.
    decades : float
        Logarithm to base ten of first over last.

    Returns
    -------
    ndarray, shape (n,)
        Descending values.

    Raises
    ------
    InvalidInputError
        When `n` is below 1 or `decades` negative.

    Examples
    --------
    >>> graded_spectrum(3, decades=2)
    array([1.  , 0.1 , 0.01])
    """
    if decades < 0:
        raise InvalidInputError(f"decades must not be negative, got {decades}")
    return np.logspace(0, -decades, _length(n), dtype=np.float64)


def uniform_spectrum(n: int, *, low: float = 0.0, high: float = 1.0) -> FloatArray:
    """Return evenly spaced values from `high` down to `low`.

    Parameters
    ----------
    n : int
        Number of values.
    low, high : float
        The ends, both included.

    Returns
    -------
    ndarray, shape (n,)
        Descending values.

    Raises
    ------
    InvalidInputError
        When `n` is below 1.

    Examples
    --------
    >>> uniform_spectrum(3)
    array([1. , 0.5, 0. ])
    """
    return np.linspace(high, low, _length(n))


def wishart_spectrum(n_samples: int, n_features: int, *, variance: float = 1.0, rng: RandomSource = 0) -> FloatArray:
    """Draw the eigenvalues of a white-noise sample covariance without making the data.

    The bidiagonal model with chi-distributed entries has exactly the law of the singular values of an
    ``n_samples x n_features`` Gaussian matrix, so a spectrum of thousands costs O(n²).

    Parameters
    ----------
    n_samples, n_features : int
        Size of the data that are not made; not centred.
    variance : float
        Variance of every entry.
    rng : int, SeedSequence or Generator
        Source of randomness.

    Returns
    -------
    ndarray, shape (min(n_samples, n_features),)
        Descending eigenvalues of ``XᵀX / n_samples``, without the zeros that follow when samples are fewer.

    Raises
    ------
    InvalidInputError
        When a size is below 1 or the variance is not positive.

    References
    ----------
    Dumitriu and Edelman, Journal of Mathematical Physics 43 (2002) 5830, theorem 3.1 with beta = 1.

    Examples
    --------
    The mean eigenvalue is the variance, up to fluctuations of order 1/sqrt(n_samples n_features):

    >>> eigenvalues = wishart_spectrum(4000, 1000, variance=2.0)
    >>> bool(abs(eigenvalues.mean() - 2) < 0.02)
    True
    """
    if n_samples < 1 or n_features < 1:
        raise InvalidInputError(f"sizes must be at least 1, got {n_samples} samples x {n_features} features")
    if not variance > 0:
        raise InvalidInputError(f"variance must be positive, got {variance}")
    random = generator(rng)
    large, small = max(n_samples, n_features), min(n_samples, n_features)
    # B is small x small, lower bidiagonal: B_ii ~ chi(large - i), B_{i+1,i} ~ chi(small - 1 - i), i = 0, 1, …
    diagonal = np.sqrt(random.chisquare(large - np.arange(small)))
    below = np.sqrt(random.chisquare(small - 1.0 - np.arange(small - 1)))
    # The Golub-Kahan form, of size 2 small with zero diagonal, has eigenvalues ±σ and keeps small σ accurate.
    interleaved = np.empty(2 * small - 1)
    interleaved[0::2] = diagonal
    interleaved[1::2] = below
    singular_values = eigh_tridiagonal(np.zeros(2 * small), interleaved, eigvals_only=True)[small:]
    return np.asarray(np.maximum(singular_values[::-1], 0.0) ** 2 * (variance / n_samples))


def _length(n: Any) -> int:
    if n < 1:
        raise InvalidInputError(f"n must be at least 1, got {n}")
    return int(n)
