"""The one meaning of `rng` in this subpackage."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

RandomSource: TypeAlias = int | np.random.SeedSequence | np.random.Generator


def generator(rng: RandomSource) -> np.random.Generator:
    """Return `rng` itself when it is a Generator, else a Philox generator seeded with it."""
    if isinstance(rng, np.random.Generator):
        return rng
    return np.random.Generator(np.random.Philox(rng))
