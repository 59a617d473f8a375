"""One sign for every vector, so that results are comparable between runs."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def leading_phases(vectors: Array) -> Array:
    """Return the sign (phase) of the entry of largest magnitude of every column; 1 for zero columns."""
    if vectors.shape[1] == 0:
        return np.ones(0)
    leading = vectors[np.argmax(np.abs(vectors), axis=0), np.arange(vectors.shape[1])]
    is_zero = leading == 0
    return np.asarray(np.where(is_zero, 1.0, leading / np.where(is_zero, 1.0, np.abs(leading))))


def fix_signs(vectors: Array) -> Array:
    """Turn every column so that its entry of largest magnitude is positive."""
    return np.asarray(vectors * leading_phases(vectors).conj(), dtype=vectors.dtype)
