"""Smooth densities from nodes and weights, with the bandwidth they were made with."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import is_real_number
from ..errors import InvalidInputError

Array = np.ndarray[Any, np.dtype[Any]]

KERNELS = ("gaussian", "epanechnikov", "lorentzian", "chebyshev")
SCALES = ("linear", "log")

_BLOCK = 256


def kernel_values(x: Array, nodes: Array, *, bandwidth: float, kernel: str, scale: str) -> Array:
    """Return the contribution of each node to the density at each `x`, shape (len(x), len(nodes)).

    Parameters
    ----------
    x, nodes : ndarray
        Positions; on a logarithmic scale those at or below zero contribute nothing.
    bandwidth : float
        In units of `x`, on a logarithmic scale in units of its natural logarithm: standard deviation of the Gaussian,
        half width at half maximum of the Lorentzian, half of the support of the Epanechnikov kernel over sqrt(5).
    kernel : {"gaussian", "epanechnikov", "lorentzian"}
        Shape.
    scale : {"linear", "log"}
        Axis on which the kernel is symmetric. The density is per unit of `x` on both.
    """
    if scale == "log":
        with np.errstate(divide="ignore", invalid="ignore"):
            place = np.log(np.where(x > 0, x, np.nan))
            centres = np.log(np.where(nodes > 0, nodes, np.nan))
            jacobian = 1.0 / np.where(x > 0, x, np.nan)
    else:
        place, centres, jacobian = x, nodes, np.ones_like(x)
    distance = (place[:, None] - centres[None, :]) / bandwidth
    if kernel == "gaussian":
        values = np.exp(-0.5 * distance**2) / np.sqrt(2 * np.pi)
    elif kernel == "lorentzian":
        values = 1.0 / (np.pi * (1.0 + distance**2))
    else:
        values = 0.75 / np.sqrt(5.0) * np.maximum(1.0 - distance**2 / 5.0, 0.0)
    return np.asarray(np.nan_to_num(values * jacobian[:, None] / bandwidth))


def chebyshev_values(x: Array, nodes: Array, *, interval: tuple[float, float], n_moments: int) -> Array:
    """Return what each node adds to the damped Chebyshev expansion of the density, shape (len(x), len(nodes)).

    The kernel polynomial method with Jackson's damping: non-negative, of resolution about
    ``π (high - low) / (2 n_moments)``. The moments come from the quadrature, so the interval adapts to the spectrum
    after the products are made.

    References
    ----------
    Weiße, Wellein, Alvermann and Fehske 2006, Rev. Mod. Phys. 78, equations 71 and 74; T. Chen 2023, J. Chem. Phys.
    159.
    """
    low, high = interval
    half, middle = 0.5 * (high - low), 0.5 * (high + low)
    inside = np.abs(x - middle) < half
    t = np.clip((x - middle) / half, -1.0, 1.0)
    s = np.clip((nodes - middle) / half, -1.0, 1.0)
    k = np.arange(n_moments)
    order = n_moments + 1
    damping = (order - k) * np.cos(np.pi * k / order) + np.sin(np.pi * k / order) / np.tan(np.pi / order)
    damping = damping / order * np.where(k == 0, 1.0, 2.0)
    density_weight = np.zeros_like(t)
    density_weight[inside] = 1.0 / (np.pi * half * np.sqrt(1.0 - t[inside] ** 2))
    left = np.cos(np.multiply.outer(np.arccos(t), k)) * damping
    right = np.cos(np.multiply.outer(np.arccos(s), k))
    return np.asarray(density_weight[:, None] * (left @ right.T))


def check_smoothing(kernel: str, scale: str, bandwidth: float | None) -> None:
    """Raise when an option of a smooth density makes no sense."""
    if kernel not in KERNELS:
        raise InvalidInputError(f"kernel must be one of {', '.join(KERNELS)}, got {kernel!r}")
    if scale not in SCALES:
        raise InvalidInputError(f"scale must be one of {', '.join(SCALES)}, got {scale!r}")
    if kernel == "chebyshev" and (scale == "log" or bandwidth is not None):
        raise InvalidInputError('kernel="chebyshev" has a linear scale and a resolution fixed by the degree')
    if bandwidth is not None and not (is_real_number(bandwidth) and bandwidth > 0):
        raise InvalidInputError(f"bandwidth must be positive, got {bandwidth!r}")


def weighted_moments(x: Array, nodes: Array, weights: Array, values_of: Any) -> tuple[Array, Array]:
    """Return the largest value of a kernel at each `x`, and its first three moments over the nodes in that unit."""
    unit, moments = np.ones(len(x)), np.zeros((3, len(x)))
    for first in range(0, len(x), _BLOCK):
        part = slice(first, first + _BLOCK)
        values = values_of(x[part], nodes)
        largest = np.abs(values).max(axis=1)
        unit[part] = np.where(np.isnan(x[part]), np.nan, np.where(largest > 0.0, largest, 1.0))
        values = values / unit[part, None]
        for order in range(3):
            moments[order, part] = values ** (order + 1) @ weights
    return unit, moments
