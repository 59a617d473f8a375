"""Checks of plain arguments that every function shares."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

from .errors import InvalidInputError


def is_real_number(value: Any) -> bool:
    """Return whether `value` is one finite real number; text, None, arrays and NaN are not."""
    return isinstance(value, Real) and math.isfinite(value)


def is_whole_number(value: Any) -> bool:
    """Return whether `value` is one integer, of any numeric type."""
    return is_real_number(value) and value % 1 == 0


def positive_number(name: str, value: Any) -> float:
    """Return `value` as a float, or raise when it is not a positive finite number."""
    if not (is_real_number(value) and value > 0):
        raise InvalidInputError(f"{name} must be a positive finite number, got {value!r}")
    return float(value)
