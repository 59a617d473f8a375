"""Spikes closer than their errors: sample eigenvalues push each other apart, and are brought back together here."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..run_options import single_threaded_blas
from .spikes import detection_threshold, population_eigenvalue

Array = np.ndarray[Any, np.dtype[Any]]

CROWDED = 4.0
"""Over gaps of more standard errors than this, perturbation theory says how spikes push each other apart."""

CLOSEST = 2.0
"""Standard errors below which that theory is not followed, should such spikes come nearer."""

N_DRAWS = 32
"""Draws of the fluctuations, in pairs of opposite sign; the same ones every time."""

MAX_STEPS = 8
"""Each step removes about two thirds of the remaining shift."""

SMALL_STEP = 0.02
"""Steps below this share of a standard error are no longer followed."""

RELAXATION = 0.7
"""Full steps overshoot where spikes coincide."""

SMALLEST_SLOPE = 0.2
"""At the detection threshold the expansion of the error diverges; it is stopped there."""

DOUBT = 0.5
"""Share of the shift that is counted as an error of its own (coverage 92 to 97 % in `bench/accuracy`)."""


def debiased_spikes(
    eigenvalues: ArrayLike, ratio: float, n_samples: float, *, variance: float = 1.0
) -> tuple[Array, Array]:
    """Return population spikes behind all leading eigenvalues of one spectrum, with standard errors.

    The debiased eigenvalues of k spikes ℓ are about those of ``diag(ℓ) + E`` with independent Gaussian E of
    variance ``(1 + δ_ij) v_i v_j``, ``v_i² = ℓ_i² / (n ψ'(ℓ_i))``. Spikes are moved until the expectation
    matches what was observed: the mean over fixed draws of E within crowded groups, ``ℓ_i + Σ_j v_i v_j / (ℓ_i -
    ℓ_j)`` between them.

    Parameters
    ----------
    eigenvalues : array_like, shape (k,)
        Sample eigenvalues, descending, all above the noise.
    ratio : float
        ``n_features / n_samples`` of the noise.
    n_samples : float
        Number of samples.
    variance : float
        Variance of the noise.

    Returns
    -------
    spikes, stderrs : ndarray, shape (k,)
        Descending.

    References
    ----------
    Bai and Yao 2008, "Central limit theorems for eigenvalues in a spiked population model", Ann. Inst. H.
    Poincaré 44, theorem 3.1.
    """
    values = np.asarray(eigenvalues, dtype=np.float64) / variance
    observed = np.asarray(population_eigenvalue(values, ratio))
    # Below the edge of white noise without spikes the double root takes the place of the complex ones.
    observed = np.where(np.isnan(observed), np.sqrt(values), observed)
    errors = _stderr(observed, ratio, n_samples)
    if len(observed) < 2:
        return variance * observed, variance * errors
    # Threads gain nothing on matrices of this size, and lose much where others want them.
    with single_threaded_blas():
        spikes = _bring_together(observed, errors, ratio, n_samples)
    errors = np.hypot(_stderr(spikes, ratio, n_samples), DOUBT * (observed - spikes))
    return variance * spikes, variance * errors


def _bring_together(observed: Array, errors: Array, ratio: float, n_samples: float) -> Array:
    groups = np.split(np.arange(len(observed)), np.flatnonzero(-np.diff(observed) >= CROWDED * errors[1:]) + 1)
    draws = symmetric_draws(max(len(group) for group in groups), N_DRAWS)
    number = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    apart = number[:, np.newaxis] != number
    spikes, lowest = observed, detection_threshold(ratio)
    for _ in range(MAX_STEPS):
        errors = _stderr(spikes, ratio, n_samples)
        expected = spikes + _push(spikes, errors, apart)
        for group in groups:
            if len(group) > 1:
                expected[group] += _expected_within(spikes[group], errors[group], draws) - spikes[group]
        following = np.maximum(_descending(spikes + RELAXATION * (observed - expected)), lowest)
        small = bool(np.all(np.abs(following - spikes) <= SMALL_STEP * errors))
        spikes = following
        if small:
            break
    return spikes


def symmetric_draws(k: int, n_draws: int) -> Array:
    """Return symmetric Gaussian matrices of order k and their negatives, off-diagonal variance 1; always the same."""
    normal = np.random.default_rng(0).standard_normal((n_draws // 2, k, k))
    symmetric = (normal + normal.transpose(0, 2, 1)) / np.sqrt(2)
    return np.concatenate([symmetric, -symmetric])


def _push(spikes: Array, errors: Array, apart: Array) -> Array:
    """Return ``Σ_j v_i v_j / (ℓ_i - ℓ_j)`` over the spikes of other groups, with ``v_i² = error_i² / 2``."""
    gaps = spikes[:, np.newaxis] - spikes
    closest = CLOSEST * np.minimum(errors[:, np.newaxis], errors)
    gaps = np.copysign(
        np.maximum(np.abs(gaps), closest), np.arange(len(spikes)) - np.arange(len(spikes))[:, np.newaxis]
    )
    return np.asarray(np.sum(np.where(apart, np.outer(errors, errors) / (2 * gaps), 0.0), axis=1))


def _expected_within(spikes: Array, errors: Array, draws: Array) -> Array:
    """Return the mean eigenvalues, descending, of a group of spikes under its fluctuations."""
    k = len(spikes)
    # Var E_ij = v_i v_j is the square of the product of root standard deviations.
    root = np.sqrt(errors / np.sqrt(2))
    matrices = draws[:, :k, :k] * root[:, np.newaxis] * root
    diagonal = np.arange(k)
    matrices[:, diagonal, diagonal] += spikes
    return np.asarray(np.linalg.eigvalsh(matrices)[:, ::-1].mean(axis=0))


def _descending(values: Array) -> Array:
    """Return a descending sequence halfway between the closest ones from below and above."""
    return np.asarray((np.minimum.accumulate(values) + np.maximum.accumulate(values[::-1])[::-1]) / 2)


def _stderr(spikes: Array, ratio: float, n_samples: float) -> Array:
    """``ℓ sqrt(2 / (n ψ'))`` with ``ψ' = 1 - c / (ℓ - 1)²``, finite at the threshold."""
    slope = 1 - ratio / np.maximum(spikes - 1, np.sqrt(ratio)) ** 2
    return np.asarray(spikes * np.sqrt(2 / (n_samples * np.maximum(slope, SMALLEST_SLOPE))))
