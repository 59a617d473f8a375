"""Populations of random features of a sphere, with their exact spectra."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import comb

from ..arguments import is_real_number, is_whole_number
from ..errors import InvalidInputError
from ..run_options import RandomSource, resolve_seed

Array = np.ndarray[Any, np.dtype[Any]]

SMALLEST_SHARE = 1e-14
"""Coefficients below this share of the largest are quadrature error: degrees whose eigenvalue is zero."""


def simulate_random_features(
    n_samples: int,
    n_neurons: int,
    *,
    dimension: int,
    power: float = 1.0,
    offset: float = 0.0,
    rng: RandomSource = 0,
) -> Array:
    """Draw responses of neurons that rectify random projections of points on a sphere.

    Neuron j responds to the point z with ``max(0, u_j·z + offset)^power``, u_j standard normal; power 0 is the
    step function. The eigenvalues fall as ``rank^-α`` with ``α = 1 + (2 power + 1) / (dimension - 1)``, see
    `random_feature_spectrum`.

    Parameters
    ----------
    n_samples, n_neurons : int
        Sizes.
    dimension : int
        Points are uniform on the unit sphere in so many dimensions, at least 2.
    power, offset : float
        Of the rectification.
    rng : int, Generator, SeedSequence or None
        Draws points and neurons.

    Returns
    -------
    ndarray, shape (n_samples, n_neurons)
        Responses.

    Examples
    --------
    >>> from eigenscope.neural import simulate_random_features
    >>> simulate_random_features(5, 3, dimension=3).shape
    (5, 3)
    """
    _check(dimension, power)
    if not (is_whole_number(n_samples) and is_whole_number(n_neurons) and n_samples >= 1 and n_neurons >= 1):
        raise InvalidInputError(
            f"sizes must be integers of at least 1, got {n_samples!r} samples x {n_neurons!r} neurons"
        )
    if not is_real_number(offset):
        raise InvalidInputError(f"offset must be a finite number, got {offset!r}")
    generator = np.random.Generator(np.random.Philox(resolve_seed(rng)))
    points = generator.standard_normal((n_samples, dimension))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    drive = points @ generator.standard_normal((dimension, n_neurons)) + offset
    return np.where(drive > 0, np.maximum(drive, 0.0) ** power, 0.0)


def random_feature_spectrum(n_degrees: int, *, dimension: int, power: int = 1) -> tuple[Array, Array]:
    """Return the exact eigenvalues of random features of a sphere, with their multiplicities.

    They are the Funk–Hecke coefficients of the kernel that many neurons make between points at angle t,
    ``(π - t) / 2π`` for the step and ``(sin t + (π - t) cos t) / 2π`` for rectification, without an offset.

    Parameters
    ----------
    n_degrees : int
        Degrees 0, 1, … of spherical harmonics.
    dimension : int
        Of the space the sphere lies in, at least 2.
    power : {0, 1}
        Step or rectified linear.

    Returns
    -------
    eigenvalues : ndarray, shape (n_degrees,)
        Of the uncentred second moment per neuron, by degree; degree 0 is the mean. Zero for odd degrees above
        1 (power 1) and even ones above 0 (power 0).
    multiplicities : ndarray of int, shape (n_degrees,)
        Number of harmonics of each degree.

    References
    ----------
    Cho and Saul 2009, "Kernel methods for deep learning", NeurIPS (kernels); Schmutz et al. 2025,
    "High-dimensional neuronal activity from low-dimensional latent dynamics: a solvable model", NeurIPS
    (exponents).

    Examples
    --------
    >>> from eigenscope.neural import random_feature_spectrum
    >>> eigenvalues, multiplicities = random_feature_spectrum(3000, dimension=3)
    >>> print(f"{eigenvalues @ multiplicities:.4f}", multiplicities[:4])
    0.5000 [1 3 5 7]
    """
    _check(dimension, power)
    if power not in (0, 1) or not is_whole_number(n_degrees) or n_degrees < 1:
        raise InvalidInputError(
            f"exact spectra exist here for power 0 and 1 and n_degrees >= 1, got power={power!r}, "
            f"n_degrees={n_degrees!r}"
        )
    # In the angle everything is smooth; on a panel the highest degree turns by 4π at most, which 16 nodes
    # integrate to rounding.
    nodes, node_weights = np.polynomial.legendre.leggauss(16)
    n_panels = n_degrees // 4 + 8
    angle = (math.pi / n_panels * (np.arange(n_panels)[:, None] + (nodes + 1) / 2)).ravel()
    weights = np.tile(node_weights, n_panels)
    kernel = math.pi - angle if power == 0 else np.sin(angle) + (math.pi - angle) * np.cos(angle)
    measure = weights * np.sin(angle) ** (dimension - 2)
    integrand = measure / measure.sum() * kernel / (2 * math.pi)
    eigenvalues = _legendre_products(n_degrees, dimension, np.cos(angle), integrand)
    eigenvalues[np.abs(eigenvalues) < SMALLEST_SHARE * np.abs(eigenvalues).max()] = 0.0
    degrees = np.arange(n_degrees)
    harmonics = comb(degrees + dimension - 1, dimension - 1, exact=False)
    fewer = np.where(degrees >= 2, comb(np.maximum(degrees - 2, 0) + dimension - 1, dimension - 1), 0)
    return eigenvalues, np.rint(harmonics - fewer).astype(np.int64)


def random_feature_exponent(dimension: int, power: float = 1.0) -> float:
    """Return the rank exponent ``1 + (2 power + 1) / (dimension - 1)`` of random features of a sphere.

    Parameters
    ----------
    dimension : int
        Of the space the sphere lies in, at least 2.
    power : float
        Of the rectification, at least 0.

    Returns
    -------
    float
        The exponent; a conjecture for general powers, it follows from the exact spectrum for 0 and 1.

    References
    ----------
    Schmutz et al. 2025, "High-dimensional neuronal activity from low-dimensional latent dynamics: a solvable
    model", NeurIPS.

    Examples
    --------
    >>> from eigenscope.neural import random_feature_exponent
    >>> random_feature_exponent(3, 0)
    1.5
    """
    _check(dimension, power)
    return 1 + (2 * power + 1) / (dimension - 1)


def _check(dimension: int, power: float) -> None:
    if not is_whole_number(dimension) or dimension < 2 or not is_real_number(power) or power < 0:
        raise InvalidInputError(
            f"a sphere needs dimension >= 2 and a rectification power >= 0, got {dimension} and {power}"
        )


def _legendre_products(n_degrees: int, dimension: int, cosines: Array, integrand: Array) -> Array:
    """Integrate against Legendre polynomials of a dimension d, normalised to 1 at 1.

    ``(m + d - 2) P_{m+1} = (2m + d - 2) t P_m - m P_{m-1}``.
    """
    products = np.empty(n_degrees)
    previous, current = np.zeros_like(cosines), np.ones_like(cosines)
    for m in range(n_degrees):
        products[m] = integrand @ current
        lead = m + dimension - 2
        following = cosines if m == 0 else ((2 * m + dimension - 2) * cosines * current - m * previous) / lead
        previous, current = current, following
    return products
