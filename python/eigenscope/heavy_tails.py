"""How heavy the tails of a recording are: laws for nearly Gaussian noise do not hold for rare, huge entries."""

from __future__ import annotations

import numpy as np

from .blocks import choose_block, read_block
from .inputs import Source

HEAVY_TAILS = 6.0
"""Excess kurtosis (that of an exponential variable) from which single entries can exceed the noise edge."""

KURTOSIS_VALUES = 500_000
"""The tails are judged from a random block of at most this many values."""


def excess_kurtosis_of(source: Source, *, nan: str, seed: int) -> float:
    """Return the median over features of the excess kurtosis, from a random block."""
    chosen = choose_block(source, max_values=KURTOSIS_VALUES, rng=np.random.default_rng(seed))
    block = read_block(source, chosen, nan="drop_rows" if nan == "pairwise" else nan)
    block -= block.mean(axis=1, keepdims=True)
    # Fourth powers of extreme units would overflow.
    largest = np.abs(block).max(axis=1, keepdims=True, initial=0.0)
    block /= np.where(largest > 0, largest, 1.0)
    second = np.mean(block**2, axis=1)
    varying = second > 0
    if not varying.any():
        return float("nan")
    return float(np.median(np.mean(block[varying] ** 4, axis=1) / second[varying] ** 2) - 3)
