"""Surrogate data: what a recording would look like without relations between its features."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def permuted(block: Array, generator: np.random.Generator) -> Array:
    """Return `block` (features x samples) with the samples of every feature in an order of its own."""
    return np.asarray(generator.permuted(block, axis=1))


def sign_flipped(block: Array, generator: np.random.Generator) -> Array:
    """Return `block`, of mean zero, with a random sign for every entry: the size of each entry stays where it is."""
    flipped = block.copy()
    np.negative(flipped, out=flipped, where=generator.integers(0, 2, block.shape, dtype=np.uint8) == 1)
    return flipped


def time_shifted(block: Array, generator: np.random.Generator) -> Array:
    """Return `block` with every feature moved around in time by a random number of samples, the end to the front."""
    n_samples = block.shape[1]
    order = (np.arange(n_samples) + generator.integers(0, n_samples, (len(block), 1))) % n_samples
    return np.take_along_axis(block, order, axis=1)


def phase_randomized(block: Array, generator: np.random.Generator) -> Array:
    """Return `block` with the phases of every feature's Fourier series drawn anew, and its power spectrum kept.

    Missing values stay missing. They count as the mean, and what is there as so much larger.
    """
    from scipy.fft import irfft, rfft

    n_samples, missing = block.shape[1], np.isnan(block)
    if missing.any():
        mean = np.nanmean(block, axis=1, keepdims=True)
        share = 1 - missing.mean(axis=1, keepdims=True)
        block = mean + np.where(missing, 0.0, (block - mean) / np.sqrt(share))
    series = rfft(block, axis=1)
    # The mean, and the highest frequency of an even number of samples, must stay real.
    turned = slice(1, (n_samples + 1) // 2)
    angles = generator.uniform(0, 2 * np.pi, series[:, turned].shape)
    series[:, turned] *= np.exp(1j * angles)
    return np.where(missing, np.nan, irfft(series, n=n_samples, axis=1))


def uncentred(deviations: Array) -> Array:
    """Give deviations (features x samples) the variances they had before the mean of the samples was subtracted.

    That of sample i is ``(1 - 2/n) σ_i² + Σ σ²/n²`` afterwards: a loud sample loses more, and flipped deviations are
    centred once more.
    """
    n = deviations.shape[1]
    found = np.nanmean(deviations**2, axis=0)
    if n < 3 or not found.any():
        return deviations * math.sqrt(n / max(1, n - 1))
    shared = found.sum() / (1 - 1 / n) / n**2
    before = np.maximum(found - shared, 0.0) / (1 - 2 / n)
    return np.asarray(deviations * np.sqrt(np.divide(before, found, out=np.zeros_like(found), where=found > 0)))


SURROGATES: dict[str, Callable[[Array, np.random.Generator], Array]] = {
    "permutation": permuted,
    "sign_flip": sign_flipped,
    "time_shift": time_shifted,
    "phase": phase_randomized,
}
"""Kinds of surrogate data by name."""

KEEPS_TIME = ("time_shift", "phase")
"""Kinds that need successive samples."""
