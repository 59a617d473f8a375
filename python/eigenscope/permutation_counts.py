"""How many permuted data sets a level of significance needs."""

from __future__ import annotations

import math

import numpy as np

from .arguments import is_whole_number
from .errors import InvalidInputError

MOST_PERMUTATIONS = 100_000
"""More would take days, and is a mistake in the level."""

ROUNDING_OF_LEVEL = 1e-12
"""Slack of the comparison of a p-value, a ratio of integers, with the level ``1 - quantile``."""


def fewest_permutations(quantile: float) -> int:
    """Return how many permuted data sets can show a p-value of ``1 - quantile``: with n, the smallest is 1 / (n + 1).

    Parameters
    ----------
    quantile : float
        Quantile of the null.

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    InvalidInputError
        Unless the quantile lies between 0 and 1, and needs no more than `MOST_PERMUTATIONS`.
    """
    if not isinstance(quantile, (int, float, np.integer, np.floating)):
        raise InvalidInputError(f"quantile must be a number between 0 and 1, got {quantile!r}")
    significance = 1 - quantile
    if not 0 < significance < 1:
        raise InvalidInputError(
            f"significance = 1 - quantile must lie between 0 and 1, got significance={significance:g} "
            f"(quantile={quantile:g})"
        )
    needed = max(1, math.ceil(1 / significance - 1 - ROUNDING_OF_LEVEL / significance))
    if needed > MOST_PERMUTATIONS:
        raise InvalidInputError(
            f"significance={significance:.3g} (quantile={quantile!r}) needs {needed:,} permuted data sets, at most "
            f"{MOST_PERMUTATIONS:,} are made: use significance={1 / MOST_PERMUTATIONS:g} or more"
        )
    return needed


def check_permutations(n_permutations: int, quantile: float) -> None:
    """Raise unless `n_permutations` permuted data sets can show a p-value of ``1 - quantile``.

    Parameters
    ----------
    n_permutations : int
        Number of permuted data sets.
    quantile : float
        Quantile of the null.

    Raises
    ------
    InvalidInputError
        With the number that would do, or when more than `MOST_PERMUTATIONS` are asked for.
    """
    needed = fewest_permutations(quantile)
    if not is_whole_number(n_permutations):
        raise InvalidInputError(f"n_permutations must be an integer, got {n_permutations!r}")
    if n_permutations < needed:
        raise InvalidInputError(
            f"n_permutations={n_permutations} cannot show significance {1 - quantile:.3g}: the smallest "
            f"possible p-value is 1/{n_permutations + 1}; use n_permutations={needed} or more"
        )
    if n_permutations > MOST_PERMUTATIONS:
        raise InvalidInputError(f"n_permutations must be at most {MOST_PERMUTATIONS:,}, got {n_permutations}")
