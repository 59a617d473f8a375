"""The smallest rank whose approximation is good enough."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np

from .errors import InvalidInputError
from .results import Estimate, SVDResult
from .triplets import Prepared

FIRST_RANK = 16
"""Triplets computed before anything is known about the decay."""

GROWTH = 2.5
"""Factor by which the number of triplets grows while they do not suffice."""

_SLACK = 8
"""Tails below this times eps of the total are rounding."""


def missing_share(tol_frobenius: float | None, variance: float | None, has_checkpoint: bool) -> float | None:
    """Return the share of ``‖A‖²`` that may be missing, None when no tolerance was given."""
    if tol_frobenius is None and variance is None:
        return None
    if has_checkpoint:
        raise InvalidInputError("a rank by tolerance takes several computations, a checkpoint holds one: give k")
    if tol_frobenius is not None and variance is not None:
        raise InvalidInputError("give tol_frobenius or variance, not both: variance = 1 - tol_frobenius**2")
    if tol_frobenius is not None:
        if not 0.0 < tol_frobenius < 1.0:
            raise InvalidInputError(f"tol_frobenius must lie in (0, 1), relative to the norm of A; got {tol_frobenius}")
        return float(tol_frobenius) ** 2
    assert variance is not None
    if not 0.0 < variance < 1.0:
        raise InvalidInputError(f"variance must lie in (0, 1), a share of the total; got {variance}")
    return 1.0 - float(variance)


def smallest_rank(prepared: Prepared, missing: float, solve: Callable[[int], SVDResult]) -> SVDResult:
    """Return the triplets of the smallest rank r with ``‖A‖² - Σ_{j<=r} σ_j² <= missing ‖A‖²``.

    The total is summed from the data, so the rank follows from computed values alone: growing numbers of triplets are
    computed until they suffice, and the surplus is dropped.
    """
    operator = prepared.operator
    total = prepared.squared_norm
    if total is None:
        raise InvalidInputError(
            "a rank by tolerance needs the norm of the data, unknown for operators and for centred complex data: give k"
        )
    rounding = _SLACK * float(np.finfo(operator.dtype).eps)
    if missing < rounding:
        raise InvalidInputError(
            f"a missing share of {missing:.1e} of the squared norm is below rounding in {operator.dtype} "
            f"({rounding:.1e}): ask for less, or use dtype=float64"
        )
    most = min(operator.shape)
    k = min(FIRST_RANK, most)
    while True:
        result = solve(k)
        energies = np.cumsum((result.singular_values * operator.scale) ** 2)
        enough = total - energies <= missing * total
        if enough.any() or k == most or total == 0.0:
            break
        k = min(most, math.ceil(GROWTH * k))
    rank = int(np.argmax(enough)) + 1 if enough.any() else k
    error = math.sqrt(max(0.0, 1.0 - float(energies[rank - 1]) / total)) if total > 0.0 else 0.0
    return dataclasses.replace(
        result,
        U=result.U[:, :rank],
        singular_values=result.singular_values[:rank],
        Vh=result.Vh[:rank],
        residual_norms=result.residual_norms[:rank],
        converged=result.converged[:rank],
        error_estimate=Estimate(error, 0.0, (error, error)),
    )
