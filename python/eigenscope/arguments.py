"""Checks of plain arguments that every function shares."""

from __future__ import annotations

import math
import tempfile
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from .errors import InvalidInputError


def is_real_number(value: Any) -> bool:
    """Return whether `value` is one finite real number; text, None, arrays, NaN and truth values are not."""
    try:
        return not isinstance(value, bool) and isinstance(value, Real) and math.isfinite(value)
    except OverflowError:
        # An integer beyond every double.
        return False


def is_whole_number(value: Any) -> bool:
    """Return whether `value` is one integer, of any numeric type."""
    return is_real_number(value) and value % 1 == 0


def check_confidence(confidence: Any) -> None:
    """Raise when the coverage asked for is not a number between 0 and 1."""
    if not (is_real_number(confidence) and 0 < confidence < 1):
        raise InvalidInputError(f"confidence must be a number between 0 and 1, got {confidence!r}")


def check_between_zero_and_one(name: str, value: Any) -> None:
    """Raise when `value` is not a number from 0 to 1, ends included."""
    if not (is_real_number(value) and 0 <= value <= 1):
        raise InvalidInputError(f"{name} must be a number from 0 to 1, got {value!r}")


def refuse_masked(name: str, data: Any) -> None:
    """Raise when an array has masked entries: what lies under a mask must not be taken for a number."""
    if np.ma.isMaskedArray(data) and (n_masked := int(np.ma.getmaskarray(data).sum())):
        raise InvalidInputError(
            f"{n_masked} of {data.size} {name} are masked: leave them out, or fill them with NaN where a function "
            "takes nan="
        )


def check_switch(name: str, value: Any) -> None:
    """Raise when an option that is on or off is neither."""
    if not isinstance(value, (bool, np.bool_)):
        raise InvalidInputError(f"{name} must be True or False, got {value!r}")


def make_folder(folder: Path) -> None:
    """Make a folder to write results to, or raise when nothing can be written there: before the work, not after."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InvalidInputError(f"cannot write to the folder {folder} ({reason}): choose another one") from error


def positive_number(name: str, value: Any) -> float:
    """Return `value` as a float, or raise when it is not a positive finite number."""
    if not (is_real_number(value) and value > 0):
        raise InvalidInputError(f"{name} must be a positive finite number, got {value!r}")
    return float(value)
