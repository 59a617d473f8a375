"""How heavy the tails of a recording are: laws for nearly Gaussian noise do not hold for rare, huge entries."""

from __future__ import annotations

import math
import mmap
from typing import Any

import numpy as np

from .blocks import choose_block, read_block
from .inputs import Source
from .run_options import single_threaded_blas

Array = np.ndarray[Any, np.dtype[Any]]

HEAVY_TAILS = 1.5
"""Excess kurtosis from which the noise test at 5 % finds a false signal in 15 % of recordings or more, of 100 to 1000
samples (Laplace noise 16 %, Student's with five degrees of freedom 40 %); with eight it is below, and 10 % do."""

KURTOSIS_VALUES = 50_000
"""The tails are judged from a random block of at most this many values."""

MOST_SIGNALS = 0.25
"""Share of a block's components that are taken for signals at most."""

LEAST_NOISE = 1e-10
"""Share of a feature's variance below which what the signals leave of it is rounding."""


def excess_kurtosis_of(source: Source, *, seed: int) -> float:
    """Return the median over features of the excess kurtosis of the noise, from a random block.

    Components above the optimal hard threshold are taken out first: strong Gaussian signals would hide the tails of the
    noise, and signals that are rare and strong are not heavy tails of the noise.

    Parameters
    ----------
    source : Source
        The data; values that are not finite are left out.
    seed : int
        Of the choice of the block.

    Returns
    -------
    float
        About zero for Gaussian noise, and low by the bias of few samples; NaN when nothing is left beside signals.
    """
    chosen = choose_block(source, max_values=KURTOSIS_VALUES, rng=np.random.default_rng(seed))
    block = read_block(source, chosen)
    known = np.isfinite(block)
    counts = known.sum(axis=1, keepdims=True).clip(min=1)
    block = _standardized(np.where(known, block, 0.0), known, counts)
    noise = np.where(known, _without_signals(block), 0.0)
    second = np.sum(noise**2, axis=1) / counts[:, 0]
    varying = second > LEAST_NOISE
    if not varying.any():
        return math.nan
    fourth = np.sum(noise[varying] ** 4, axis=1) / counts[varying, 0]
    return float(np.median(fourth / second[varying] ** 2)) - 3


def excess_kurtosis_in_memory(source: Source, *, seed: int) -> float:
    """Return `excess_kurtosis_of` data that lie in memory; NaN for files, which would have to be read once more."""
    return excess_kurtosis_of(source, seed=seed) if _is_in_memory(source.array) else math.nan


def heavy_tail_reasons(excess_kurtosis: float) -> tuple[str, ...]:
    """Say what heavy tails do to a test against noise."""
    if not excess_kurtosis > HEAVY_TAILS:
        return ()
    return (
        f"tails are heavy (median excess kurtosis {excess_kurtosis:.3g}): a few extreme samples can stand above the "
        "noise edge; clip or transform them, and compare with the surrogate data of parallel_analysis",
    )


def _standardized(block: Array, known: Array, counts: Array) -> Array:
    """Return features of mean zero and variance one over their known values, zero elsewhere and where constant."""
    # Squares of extreme units would overflow.
    largest = np.abs(block).max(axis=1, keepdims=True, initial=0.0)
    block = block / np.where(largest > 0, largest, 1.0)
    block = np.where(known, block - block.sum(axis=1, keepdims=True) / counts, 0.0)
    spread = np.sqrt(np.sum(block**2, axis=1, keepdims=True) / counts)
    varies = spread > LEAST_NOISE
    return np.asarray(np.where(varies, block / np.where(varies, spread, 1.0), 0.0))


def _without_signals(block: Array) -> Array:
    """Return the block less its components above the hard threshold that its median singular value sets."""
    from .random_matrix.thresholds import optimal_threshold

    short = block if block.shape[0] <= block.shape[1] else block.T
    with single_threaded_blas():
        values, vectors = np.linalg.eigh(short @ short.T)
        roots = np.sqrt(np.maximum(values, 0.0))
        above = int(np.count_nonzero(roots > optimal_threshold(short.shape) * np.median(roots)))
        n_signal = min(above, int(MOST_SIGNALS * len(roots)))
        signals = vectors[:, len(roots) - n_signal :]
        noise = short - signals @ (signals.T @ short)
    return np.asarray(noise if short is block else noise.T)


def _is_in_memory(array: Any) -> bool:
    """Return whether numbers lie in memory: neither a stored dataset nor a view of a mapped file."""
    if not isinstance(array, np.ndarray):
        return False
    base: Any = array
    while isinstance(base, np.ndarray):
        if isinstance(base, np.memmap):
            return False
        base = base.base
    return not isinstance(base, mmap.mmap)
