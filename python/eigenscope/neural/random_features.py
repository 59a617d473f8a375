"""Populations of random features of a sphere, with their exact spectra."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import gamma, poch

from ..arguments import is_real_number, is_whole_number
from ..errors import InvalidInputError
from ..run_options import RandomSource, resolve_seed

Array = np.ndarray[Any, np.dtype[Any]]


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

    Raises
    ------
    InvalidInputError
        When a size is below 1, the dimension below 2, the power negative, or the offset not finite.

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
    n_samples, n_neurons, dimension = int(n_samples), int(n_neurons), int(dimension)
    generator = np.random.Generator(np.random.Philox(resolve_seed(rng)))
    points = generator.standard_normal((n_samples, dimension))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    drive = points @ generator.standard_normal((dimension, n_neurons)) + offset
    return np.where(drive > 0, np.maximum(drive, 0.0) ** power, 0.0)


def random_feature_spectrum(n_degrees: int, *, dimension: int, power: float = 1.0) -> tuple[Array, Array]:
    """Return the exact eigenvalues of random features of a sphere, with their multiplicities.

    They are the Funk–Hecke coefficients of the kernel that many neurons make between points of the sphere, without
    an offset; at angle t it is ``(π - t) / 2π`` for the step and ``(sin t + (π - t) cos t) / 2π`` for rectification.

    Parameters
    ----------
    n_degrees : int
        Degrees 0, 1, … of spherical harmonics.
    dimension : int
        Of the space the sphere lies in, at least 2.
    power : float
        Of the rectification, at least 0: 0 is the step, 1 rectified linear.

    Returns
    -------
    eigenvalues : ndarray, shape (n_degrees,)
        Of the uncentred second moment per neuron, by degree; degree 0 is the mean. For whole powers exactly zero at
        the degrees ``power + 2``, ``power + 4``, …, otherwise accurate to 1e-11 of themselves.
    multiplicities : ndarray of float, shape (n_degrees,)
        Number of harmonics of each degree, exact up to 2^53 and rounded beyond, where no integer type holds them.

    Raises
    ------
    InvalidInputError
        When the dimension is below 2 or the power negative, or where an eigenvalue or a multiplicity leaves the range
        of doubles.

    References
    ----------
    Cho and Saul 2009, "Kernel methods for deep learning", NeurIPS (kernels); Bach 2017, "Breaking the curse of
    dimensionality with convex neural networks", J. Machine Learning Research 18 (harmonics of rectified powers);
    Schmutz et al. 2025, "High-dimensional neuronal activity from low-dimensional latent dynamics: a solvable model",
    NeurIPS (exponents).

    Examples
    --------
    >>> from eigenscope.neural import random_feature_spectrum
    >>> eigenvalues, multiplicities = random_feature_spectrum(3000, dimension=3)
    >>> print(f"{eigenvalues @ multiplicities:.4f}", multiplicities[:4])
    0.5000 [1. 3. 5. 7.]
    """
    _check(dimension, power)
    if not is_whole_number(n_degrees) or n_degrees < 1:
        raise InvalidInputError(f"n_degrees must be an integer of at least 1, got {n_degrees!r}")
    degrees = np.arange(int(n_degrees))
    # λ_{m + 2} / λ_m from the gamma functions below: no quadrature, and zeros are zeros.
    ratios = ((degrees - power) / (degrees + power + dimension)) ** 2
    eigenvalues = np.empty(len(degrees))
    for parity in (0, 1):
        steps = np.concatenate([[_first_eigenvalue(parity, dimension, power)], ratios[parity:-2:2]])
        eigenvalues[parity::2] = np.cumprod(steps)[: len(eigenvalues[parity::2])]
    multiplicities = _multiplicities(len(degrees), int(dimension))
    is_zero = (degrees > power) & ((degrees - power) % 2 == 0)
    is_held = is_zero | (np.isfinite(eigenvalues) & (eigenvalues >= np.finfo(np.float64).tiny))
    n_held = int(np.argmin(is_held)) if not is_held.all() else len(degrees)
    if min(n_held, len(multiplicities)) < len(degrees):
        raise InvalidInputError(
            f"in {dimension} dimensions with power {power} the eigenvalue or the multiplicity of degree "
            f"{min(n_held, len(multiplicities))} leaves the range of doubles: ask for fewer degrees than "
            f"n_degrees={n_degrees}, or for a smaller power"
        )
    return eigenvalues, multiplicities


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
        The exponent. Without an offset it follows from `random_feature_spectrum`; with one it is a conjecture.

    Raises
    ------
    InvalidInputError
        When the dimension is below 2 or the power negative.

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


def _first_eigenvalue(degree: int, dimension: int, power: float) -> float:
    """Return the eigenvalue of degree m = 0 or 1: ``E |u|^2p`` times the squared coefficient of ``max(0, t)^p``.

    ``λ_m = 2^p Γ(d/2 + p) / Γ(d/2) (2^(-p-1) Γ(p + 1) Γ(d/2) / (Γ((m + p + d) / 2) Γ((p - m) / 2 + 1)))²``
    """
    # Ratios of gamma functions: their logarithms would cost digits in high dimensions.
    half = dimension / 2
    # What overflows is refused by the caller.
    with np.errstate(over="ignore", invalid="ignore"):
        radial = poch(half, power) / poch(half, (degree + power) / 2) ** 2
        angular = 2.0 ** (-1 - power / 2) * gamma(power + 1) / gamma((power - degree) / 2 + 1)
        return float(radial * angular**2)


def _multiplicities(n_degrees: int, dimension: int) -> Array:
    """Return ``C(m + d - 1, m) - C(m + d - 3, m - 2)``, up to the first degree for which it is no double."""
    numbers = []
    for degree in range(n_degrees):
        count = math.comb(degree + dimension - 1, degree)
        count -= math.comb(degree + dimension - 3, degree - 2) if degree >= 2 else 0
        try:
            numbers.append(float(count))
        except OverflowError:
            break
    return np.array(numbers)
