"""Random test vectors by number: vector j is the same whoever asks for it, in whatever portions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..operators import Operator

Array = np.ndarray[Any, np.dtype[Any]]

_STREAM = 7_919
"""Apart from what other functions draw with the same seed."""


def gaussian_probes(operator: Operator, seed: int) -> Callable[[int, int], Array]:
    """Return a function of (first, count) that draws columns of independent standard normal numbers."""
    return _drawer(operator, seed, np.random.Generator.standard_normal)


def sign_probes(operator: Operator, seed: int) -> Callable[[int, int], Array]:
    """Return a function of (first, count) that draws columns of random signs (complex: the four units)."""

    def signs(generator: np.random.Generator, n: int) -> Array:
        return 2.0 * generator.integers(0, 2, n) - 1.0

    return _drawer(operator, seed, signs)


def _drawer(
    operator: Operator, seed: int, draw: Callable[[np.random.Generator, int], Any]
) -> Callable[[int, int], Array]:
    n, is_complex = operator.shape[0], operator.dtype.kind == "c"

    def columns(first: int, count: int) -> Array:
        block = np.empty((n, count), dtype=np.complex128 if is_complex else np.float64, order="F")
        for j in range(count):
            generator = np.random.Generator(np.random.Philox(key=[seed, _STREAM + first + j]))
            block[:, j] = draw(generator, n)
            if is_complex:
                block[:, j] = (block[:, j] + 1j * draw(generator, n)) / np.sqrt(2)
        return block

    return columns
