"""Signals of a fit with their errors: population eigenvalues, and how well the sample's vectors agree with theirs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import positive_number
from ..results.estimate import Estimate
from ..run_options import single_threaded_blas
from .crowded_spikes import SMALLEST_SLOPE, symmetric_draws
from .noise_variance import NORMAL_95
from .spikes import detection_threshold, overlaps

Array = np.ndarray[Any, np.dtype[Any]]

TAIL = 0.025
"""Probability that an interval leaves out on either side."""

N_DRAWS, MANY, N_DRAWS_OF_MANY = 256, 32, 64
"""Draws of how signals turn each other's vectors, and the number of signals beyond which there are fewer."""

STEP = 64
"""Signals whose draws are made at once, beside half as many on either side: ranks further apart hardly mix."""


def overlap_stderrs(spike: ArrayLike, ratio: float, n_samples: float, *, variance: float = 1.0) -> tuple[Array, Array]:
    """Return the standard errors of `spikes.overlaps` at a debiased spike, as squared cosines of these data.

    With R the resolvent of the noise's samples at the sample eigenvalue λ and traces ``q_k = tr R^k / n``, the squared
    cosines are ratios of quadratic forms in the signal's scores u and in the noise z beside them: ``1 / (ℓ λ gᵀR²g /
    n)`` for features with ``g = (sqrt(ℓ - 1) u + z) / sqrt(ℓ)``, and ``(uᵀRg)² / (uᵀu gᵀR²g)`` for samples. What the
    error of ℓ shares with them through λ is taken off.

    Parameters
    ----------
    spike : array_like
        Debiased population eigenvalues.
    ratio, n_samples, variance : float
        Of the noise.

    Returns
    -------
    feature_stderr, sample_stderr : ndarray
        NaN for spikes that stay in the bulk or under the noise.
    """
    ell = np.asarray(spike, dtype=np.float64) / positive_number("variance", variance)
    ell = np.where(ell > detection_threshold(ratio), ell, np.nan)
    strength = ell - 1
    relative = 2 * ratio * ell**2 * (strength**2 + ratio) / (n_samples * (strength**2 - ratio) ** 3)
    feature, sample = overlaps(ell, ratio)
    return feature * np.sqrt(relative), sample * np.sqrt(_sample_variance(ell, ratio) / n_samples)


def _sample_variance(ell: Array, ratio: float) -> Array:
    """Return n times the relative variance, ``2 tr M_uu² + tr M_uz² + 2 tr M_zz²`` over n of the form in u and z."""
    strength = ell - 1
    # λ(ℓ) has the derivatives ψ, ψ' and ψ''; q_k follow from q_1 = 1/ℓ by differentiation.
    psi, first, second = 1 - ratio / strength**2, 2 * ratio / strength**3, -6 * ratio / strength**4
    q2 = 1 / (ell**2 * psi)
    q3 = 1 / (ell**3 * psi**2) + first / (2 * ell**2 * psi**3)
    q4 = (1 / ell**2 + first / (ell * psi) + first**2 / (2 * psi**2) - second / (6 * psi)) / (ell**2 * psi**3)
    r, twice = 1 / (ell * q2), 2 * ell - 1
    signal = (
        twice**2 * q2 + (strength * r) ** 2 * q4 + 1 - 2 * twice * (strength * r * q3 + 1 / ell) + 2 * strength / ell
    )
    mixed = 4 * strength * (q2 - 2 * r * q3 + r**2 * q4)
    noise = q2 / strength**2 + 2 * r * q3 / strength + r**2 * q4
    return np.asarray(2 * signal + mixed + 2 * noise)


def spike_estimates(spikes: Array, stderrs: Array, *, variance: float) -> tuple[Estimate, ...]:
    """Return population eigenvalues with 95 % intervals that do not reach below the noise.

    A strong sample eigenvalue is a chi-square number times the one behind it: intervals are those of its logarithm.
    """
    reach = np.exp(NORMAL_95 * stderrs / spikes)
    return tuple(
        Estimate(float(spike), float(error), (float(np.maximum(low, variance)), float(high)))
        for spike, error, low, high in zip(spikes, stderrs, spikes / reach, spikes * reach, strict=True)
    )


def overlap_estimates(
    spikes: Array, ratio: float, n_samples: float, *, variance: float, side: str
) -> tuple[Estimate, ...]:
    """Return squared cosines between vectors of the same rank, in the sample and behind it, with 95 % intervals.

    Parameters
    ----------
    spikes : ndarray, shape (k,)
        Population eigenvalues.
    ratio, n_samples, variance : float
        Of the noise.
    side : {"features", "samples"}
        Which vectors.
    """
    if len(spikes) == 0:
        return ()
    which = ("features", "samples").index(side)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = overlaps(spikes, ratio, variance=variance)[which]
        errors = overlap_stderrs(spikes, ratio, n_samples, variance=variance)[which]
    with single_threaded_blas():
        kept = _kept_beside_signals(spikes / variance, ratio, n_samples, side)
    means, low, high = kept.mean(axis=0), *np.quantile(kept, [TAIL, 1 - TAIL], axis=0)
    reach = NORMAL_95 * errors * means
    middle, stderrs = values * means, np.hypot(errors * means, values * kept.std(axis=0))
    lows = middle - np.hypot(reach, values * (means - low))
    highs = middle + np.hypot(reach, values * (high - means))
    return tuple(
        Estimate(float(value), float(error), (float(np.maximum(low, 0.0)), float(np.minimum(high, 1.0))))
        for value, error, low, high in zip(middle, stderrs, lows, highs, strict=True)
    )


def _kept_beside_signals(ell: Array, ratio: float, n_samples: float, side: str) -> Array:
    """Return draws of the squared cosine that is left when other signals turn a vector, shape (n_draws, k)."""
    # v² = ℓ² / (n ψ')
    spread = ell / np.sqrt(n_samples * np.maximum(1 - ratio / (ell - 1) ** 2, SMALLEST_SLOPE))
    parts = []
    for first in range(0, len(ell), STEP):
        before = min(first, STEP // 2)
        window = slice(first - before, first + STEP + STEP // 2)
        parts.append(_kept_within(ell[window], spread[window], side)[:, before : before + STEP])
    return np.concatenate([part[:N_DRAWS_OF_MANY] if len(parts) > 1 else part for part in parts], axis=1)


def _kept_within(ell: Array, spread: Array, side: str) -> Array:
    """Return the draws for neighbouring signals.

    Debiased vectors are about those of ``diag(ℓ) + E`` with ``E_ij`` of variance ``v_i v_j`` (see `crowded_spikes`).
    Scores of signals are correlated by chance, which turns those of the weaker one more: squared tangents of ``v_j² /
    (ℓ_i - ℓ_j)²`` on average in the place of ``v_i v_j / (ℓ_i - ℓ_j)²``.
    """
    k, root = len(ell), np.sqrt(spread)
    matrices = symmetric_draws(k, N_DRAWS if k <= MANY else N_DRAWS_OF_MANY) * root[:, np.newaxis] * root
    matrices[:, np.arange(k), np.arange(k)] += ell
    squares = np.linalg.eigh(matrices)[1][:, :, ::-1] ** 2
    weights = spread if side == "samples" else np.ones(k)
    return np.asarray(weights * np.einsum("dii->di", squares) / np.einsum("j,dji->di", weights, squares))
