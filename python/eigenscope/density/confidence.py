"""How far an average over random probes can be from the truth.

For v uniform on the unit sphere of dimension n, ``Var(vᵀ f(A) v) = 2 / (n + 2) Var_μ(f)`` with μ the distribution of
the eigenvalues, whatever the eigenvectors (complex: ``1 / (n + 1)``). Orthonormal groups of b probes gain the
finite-population factor ``(n - b) / (n - 1)``. So error bars follow from the estimated distribution itself, and one
probe has them too. Rademacher probes never have more variance than the sphere and often less; there the scatter
between probes is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arguments import check_confidence

Array = np.ndarray[Any, np.dtype[Any]]

FEWEST_FOR_SCATTER = 8
"""With fewer probes the measured scatter is less reliable than the bound of the sphere."""

HIDDEN_SCATTER = 0.05
"""Probability that the variance between probes is larger than an interval takes it to be."""


def variance_factor(order: int, group_sizes: Sequence[int], *, is_complex: bool, orthogonal: bool) -> float:
    """Return the variance of an average over probes per unit of spectral variance.

    Parameters
    ----------
    order : int
        Order n of the operator.
    group_sizes : sequence of int
        Probes per group; they are orthonormal within a group when `orthogonal`.
    is_complex, orthogonal : bool
        Kind of the probes.

    References
    ----------
    Moments of uniform vectors and projections: Collins and Śniady 2006, Comm. Math. Phys. 264.
    """
    sizes = np.asarray(group_sizes, dtype=np.float64)
    single = 1.0 / (order + 1) if is_complex else 2.0 / (order + 2)
    if order == 1:
        return 0.0
    finite = (order - sizes) / (order - 1) if orthogonal else np.ones_like(sizes)
    return float(single * (sizes * finite).sum() / sizes.sum() ** 2)


def normal_quantile(confidence: float) -> float:
    """Return z with probability `confidence` between -z and z."""
    from scipy.special import ndtri

    check_confidence(confidence)
    return float(ndtri(0.5 * (1.0 + confidence)))


def share_interval(share: Array, factor: float | Array, confidence: float) -> tuple[Array, Array]:
    """Return the score interval (Wilson 1927) of shares whose estimate has variance ``factor share (1 - share)``."""
    z = normal_quantile(confidence)
    excess = z * z * factor
    centre = (share + 0.5 * excess) / (1.0 + excess)
    half = z / (1.0 + excess) * np.sqrt(factor * share * (1.0 - share) + 0.25 * z * z * factor * factor)
    return np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)


def score_interval(value: Array, factor: float | Array, variance: Array, third: Array) -> tuple[Array, Array]:
    """Return the truths t with ``(t - value)² <= factor variance + slope (t - value)``.

    The spectral variance is estimated from the same weights as the value: probes that have little of the eigenvalues
    which decide the value also say that it varies little. The slope ``factor third / variance``, the regression of the
    one estimate on the other, makes up for that. For indicator functions this is Wilson's interval to first order.

    Parameters
    ----------
    value, variance, third : ndarray
        Mean of f over the spectrum, and means of the second and third powers of what f differs from it.
    factor : float or ndarray
        Square of the quantile times the variance of the value per unit of spectral variance.
    """
    centre = 0.5 * factor * np.divide(third, variance, out=np.zeros_like(variance), where=variance > 0)
    half = np.hypot(centre, np.sqrt(factor * variance))
    return value + (centre - half), value + (centre + half)


def hidden_factor(freedom: float, probability: float) -> float:
    """Return how many times a variance is larger than its estimate at most, but for this probability."""
    from scipy.special import chdtri

    return freedom / float(chdtri(freedom, 1.0 - probability))


def scatter_share(per_probe: Array, variance: Array, *, hidden: bool) -> Array:
    """Return the variance measured between probes as a share of that of the sphere, at most 1.

    Parameters
    ----------
    per_probe : ndarray, shape (n_probes, …)
        One estimate per probe.
    variance : ndarray
        Variance of their mean on the sphere.
    hidden : bool
        Return what the share is below with probability ``1 - HIDDEN_SCATTER`` instead of an estimate.
    """
    n_probes = len(per_probe)
    if n_probes < FEWEST_FOR_SCATTER:
        return np.ones_like(variance)
    measured = per_probe.var(axis=0, ddof=1) / n_probes
    if hidden:
        measured = measured * hidden_factor(n_probes - 1, HIDDEN_SCATTER)
    share = np.divide(measured, variance, out=np.ones_like(variance), where=variance > 0)
    return np.asarray(np.minimum(share, 1.0))
