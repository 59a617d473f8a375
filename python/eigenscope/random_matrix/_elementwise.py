"""Array shapes around the core's flat element-by-element functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ..errors import UnsupportedTypeError


def apply_elementwise(
    function: Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]],
    points: ArrayLike,
    *,
    dtype: DTypeLike = np.float64,
) -> np.ndarray[Any, Any] | Any:
    """Return `function` of every element in the shape of `points`, a Python scalar for a scalar."""
    array = np.asarray(points)
    if not np.can_cast(array.dtype, dtype, casting="same_kind"):
        raise UnsupportedTypeError(f"expected numbers that fit {np.dtype(dtype)}, got dtype {array.dtype}")
    # Adding zero takes the sign off an imaginary part of -0: limits on the real axis are from above.
    values = function(np.ascontiguousarray(array, dtype=dtype).reshape(-1) + 0.0).reshape(array.shape)
    return values if array.ndim else values.item()
