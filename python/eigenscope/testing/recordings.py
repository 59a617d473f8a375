"""Synthetic recordings whose population covariance is known exactly."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeAlias

import numpy as np
import scipy.fft
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ..errors import InvalidInputError
from ._random import RandomSource, generator
from .spectra import polynomial_spectrum

Array: TypeAlias = NDArray[Any]

_SAMPLES_PER_PANEL = 1024
"""Samples mixed at a time: bounds the double-precision scratch at 8 kB times the number of features."""


@dataclasses.dataclass(frozen=True, eq=False)
class Recording:
    """Gaussian samples and the truth they were drawn from.

    Parameters
    ----------
    data : ndarray, shape (n_samples, n_features)
        The samples.
    population_eigenvalues : ndarray, shape (n_features,)
        Eigenvalues of the population covariance, descending: signal plus noise variance.
    signal_eigenvalues : ndarray, shape (n_signal,)
        What the signal alone contributes, descending.
    noise_variance : float
        Variance of the white noise in every feature.
    autocorrelation : float
        Correlation of successive samples.
    feature_signs : ndarray, shape (n_features,)
        The random signs that, with the cosine transform, make the population eigenvectors.
    """

    data: Array
    population_eigenvalues: NDArray[np.float64]
    signal_eigenvalues: NDArray[np.float64]
    noise_variance: float
    autocorrelation: float
    feature_signs: NDArray[np.float64] = dataclasses.field(repr=False)

    def population_eigenvectors(self, k: int | None = None) -> NDArray[np.float64]:
        """Return the leading `k` population eigenvectors.

        Parameters
        ----------
        k : int, optional
            How many; all by default.

        Returns
        -------
        ndarray, shape (n_features, k)
            Orthonormal columns, in the order of `population_eigenvalues`.

        Examples
        --------
        >>> import numpy as np
        >>> V = recording(10, 4, population_eigenvalues=[2.0, 1.0]).population_eigenvectors()
        >>> bool(np.allclose(V.T @ V, np.eye(4)))
        True
        """
        n_features = len(self.feature_signs)
        return np.asarray(_mix(np.eye(n_features)[:k], self.feature_signs).T)

    def population_covariance(self) -> NDArray[np.float64]:
        """Return the population covariance matrix.

        Returns
        -------
        ndarray, shape (n_features, n_features)
            ``V diag(λ) Vᵀ`` of the population eigenpairs.

        Examples
        --------
        >>> recording(10, 2, population_eigenvalues=[], noise_variance=3.0).population_covariance().round(12)
        array([[3., 0.],
               [0., 3.]])
        """
        V = self.population_eigenvectors()
        return np.asarray((V * self.population_eigenvalues) @ V.T)


def recording(
    n_samples: int,
    n_features: int,
    *,
    population_eigenvalues: ArrayLike,
    noise_variance: float = 0.0,
    autocorrelation: float = 0.0,
    feature_means: ArrayLike = 0.0,
    rng: RandomSource = 0,
    dtype: DTypeLike = np.float64,
) -> Recording:
    """Draw Gaussian samples with covariance ``V diag(λ) Vᵀ + noise_variance I``.

    `V` is a cosine transform with random signs: exactly orthonormal, spread over all features, and applied
    without forming it, so that tens of thousands of samples take a second.

    Parameters
    ----------
    n_samples, n_features : int
        Size of the recording; rows are samples.
    population_eigenvalues : array_like, shape (n_signal,)
        Signal variance along each eigenvector, any order, ``n_signal <= n_features``; may be empty.
    noise_variance : float
        Variance of white noise added to every feature.
    autocorrelation : float
        Correlation of successive samples in [0, 1): every dimension is a stationary AR(1) process, which
        leaves the covariance unchanged and fattens the noise spectrum of a sample.
    feature_means : array_like, shape (n_features,) or scalar
        Mean of every feature.
    rng : int, SeedSequence or Generator
        Source of randomness.
    dtype : dtype
        Type of the data; integers are rounded to nearest.

    Returns
    -------
    Recording
        The data with their truth.

    Raises
    ------
    InvalidInputError
        When a size is below 1, a variance is negative, there are more population eigenvalues than features, or
        `autocorrelation` is outside [0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> truth = recording(2000, 50, population_eigenvalues=[20.0, 10.0], noise_variance=1.0)
    >>> truth.data.shape, truth.population_eigenvalues[:3]
    ((2000, 50), array([21., 11.,  1.]))
    >>> sample = np.linalg.eigvalsh(np.cov(truth.data.T))[::-1]
    >>> bool(abs(sample[0] / 21 - 1) < 0.2)
    True
    """
    signal = _signal_eigenvalues(population_eigenvalues, n_samples, n_features)
    if noise_variance < 0:
        raise InvalidInputError(f"noise_variance must not be negative, got {noise_variance}")
    if not 0 <= autocorrelation < 1:
        raise InvalidInputError(f"autocorrelation must be in [0, 1), got {autocorrelation}")
    population = np.full(n_features, float(noise_variance))
    population[: len(signal)] += signal
    random = generator(rng)
    signs = random.choice([-1.0, 1.0], size=n_features)
    data = np.empty((n_samples, n_features), dtype=dtype)
    means = np.broadcast_to(np.asarray(feature_means, dtype=np.float64), (n_features,))
    previous: NDArray[np.float64] | None = None
    for start in range(0, n_samples, _SAMPLES_PER_PANEL):
        white = random.standard_normal((min(_SAMPLES_PER_PANEL, n_samples - start), n_features))
        white = _autoregress(white, autocorrelation, previous)
        previous = white[-1].copy()
        panel = _mix(white * np.sqrt(population), signs) + means
        if data.dtype.kind in "iu":
            panel = np.rint(panel)
        data[start : start + len(panel)] = panel
    return Recording(data, population, signal, float(noise_variance), float(autocorrelation), signs)


def power_law_plus_noise(
    n_samples: int,
    n_features: int,
    *,
    exponent: float = 1.0,
    signal_variance: float = 1.0,
    noise_variance: float = 1.0,
    rng: RandomSource = 0,
    dtype: DTypeLike = np.float64,
) -> Recording:
    """Draw a recording whose signal variance falls as ``i**-exponent`` above white noise.

    Parameters
    ----------
    n_samples, n_features : int
        Size of the recording; rows are samples.
    exponent : float
        Rank exponent of the signal.
    signal_variance : float
        Mean signal variance per feature.
    noise_variance : float
        Variance of white noise added to every feature.
    rng : int, SeedSequence or Generator
        Source of randomness.
    dtype : dtype
        Type of the data.

    Returns
    -------
    Recording
        The data with their truth.

    Raises
    ------
    InvalidInputError
        When a size is below 1 or a variance is negative.

    Examples
    --------
    >>> truth = power_law_plus_noise(100, 40, noise_variance=0.5)
    >>> float(truth.population_eigenvalues.mean().round(12))
    1.5
    """
    shape = polynomial_spectrum(n_features, exponent=exponent)
    return recording(
        n_samples,
        n_features,
        population_eigenvalues=shape * (signal_variance * n_features / shape.sum()),
        noise_variance=noise_variance,
        rng=rng,
        dtype=dtype,
    )


def _mix(latent: Array, signs: Array) -> Array:
    """Turn rows of coordinates along the eigenvectors into rows of features."""
    return np.asarray(scipy.fft.idct(latent, norm="ortho", axis=1) * signs)


def _autoregress(white: Array, correlation: float, previous: Array | None) -> Array:
    """Replace rows ε_t by the stationary process x_t = ρ x_{t-1} + sqrt(1 - ρ²) ε_t."""
    if correlation == 0:
        return white
    innovation = np.sqrt(1 - correlation**2)
    if previous is not None:
        white[0] = correlation * previous + innovation * white[0]
    for row in range(1, len(white)):
        white[row] = correlation * white[row - 1] + innovation * white[row]
    return white


def _signal_eigenvalues(values: ArrayLike, n_samples: int, n_features: int) -> NDArray[np.float64]:
    signal = np.sort(np.asarray(values, dtype=np.float64).reshape(-1))[::-1]
    if n_samples < 1 or n_features < 1:
        raise InvalidInputError(f"sizes must be at least 1, got {n_samples} samples x {n_features} features")
    if len(signal) > n_features:
        raise InvalidInputError(f"{len(signal)} population eigenvalues exceed {n_features} features")
    if len(signal) and not (signal[-1] >= 0 and np.isfinite(signal[0])):
        raise InvalidInputError("population eigenvalues must be finite and not negative")
    return signal
