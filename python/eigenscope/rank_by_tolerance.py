"""The smallest rank whose approximation is good enough."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .arguments import is_real_number
from .eigen import warn_unless_converged
from .errors import ConvergenceWarning, InvalidInputError
from .results import Estimate, RunInfo, SVDResult
from .triplets import Prepared

FIRST_RANK = 16
"""Triplets computed before anything is known about the decay."""

GROWTH = 2.5
"""Factor by which the number of triplets grows while they do not suffice."""

_SLACK = 8
"""Tails below this times eps of the total are rounding."""


def ranks_to_try(most: int) -> Iterator[int]:
    """Yield growing numbers of triplets, the last of them all."""
    k = min(FIRST_RANK, most)
    while k < most:
        yield k
        k = min(most, math.ceil(GROWTH * k))
    yield most


def missing_share(tol_frobenius: float | None, variance: float | None, has_checkpoint: bool) -> float | None:
    """Return the share of ``‖A‖²`` that may be missing, None when no tolerance was given."""
    if tol_frobenius is None and variance is None:
        return None
    if has_checkpoint:
        raise InvalidInputError("a rank by tolerance takes several computations, a checkpoint holds one: give k")
    if tol_frobenius is not None and variance is not None:
        raise InvalidInputError("give tol_frobenius or variance, not both: variance = 1 - tol_frobenius**2")
    if tol_frobenius is not None:
        return _share("tol_frobenius", tol_frobenius, "relative to the norm of A") ** 2
    return 1.0 - _share("variance", variance, "a share of the total")


def _share(name: str, value: Any, meaning: str) -> float:
    if not is_real_number(value) or not 0.0 < value < 1.0:
        raise InvalidInputError(f"{name} must lie in (0, 1), {meaning}; got {value!r}")
    return float(value)


def smallest_rank(
    prepared: Prepared, missing: float, solve: Callable[[int, list[SVDResult]], SVDResult | None]
) -> SVDResult:
    """Return the triplets of the smallest rank r with ``‖A‖² - Σ_{j<=r} σ_j² <= missing ‖A‖²``.

    The total is summed from the data, so the rank follows from computed values alone: growing numbers of triplets are
    computed until they suffice, and the surplus is dropped. `solve` takes a number of triplets and the earlier results,
    and returns None when the budget is spent.
    """
    operator = prepared.operator
    total = prepared.squared_norm
    if total is None:
        raise InvalidInputError("a rank by tolerance needs the norm of the data, unknown for operators: give k")
    rounding = _SLACK * float(np.finfo(operator.dtype).eps)
    if missing < rounding:
        raise InvalidInputError(
            f"a missing share of {missing:.1e} of the squared norm is below rounding in {operator.dtype} "
            f"({rounding:.1e}): ask for less, or use dtype=float64"
        )
    results: list[SVDResult] = []
    for k in ranks_to_try(min(operator.shape)):
        result = solve(k, results)
        if result is None:
            break
        results.append(result)
        energies = np.cumsum((result.singular_values * operator.scale) ** 2)
        enough = total - energies <= missing * total
        if enough.any() or total == 0.0:
            break
    rank = int(np.argmax(enough)) + 1 if enough.any() else len(energies)
    error = math.sqrt(max(0.0, 1.0 - float(energies[rank - 1]) / total)) if total > 0.0 else 0.0
    kept = _first(results[-1], rank)
    is_met = bool(enough.any()) or rank == min(operator.shape)
    return dataclasses.replace(
        kept,
        status=_status(kept, is_met),
        error_estimate=Estimate(error, 0.0, (error, error)),
        info=cost_of_all(results, prepared.n_extra_passes),
    )


def warn_unless_met(result: SVDResult, missing: float, caller: str) -> None:
    """Say when the budget ended before a rank was found, or what is wrong with its triplets."""
    assert result.error_estimate is not None
    error = result.error_estimate.value
    if result.status == "budget" and error**2 > missing:
        warnings.warn(
            f"{caller}: the budget ended at rank {len(result.singular_values)}, whose relative Frobenius error is "
            f"{error:.3g}; {math.sqrt(missing):.3g} was asked for: raise it",
            ConvergenceWarning,
            stacklevel=3,
        )
        return
    warn_unless_converged(result.status, result.converged, result.residual_norms, caller, stacklevel=4)


def _first(result: SVDResult, rank: int) -> SVDResult:
    return dataclasses.replace(
        result,
        U=result.U[:, :rank],
        singular_values=result.singular_values[:rank],
        Vh=result.Vh[:rank],
        residual_norms=result.residual_norms[:rank],
        converged=result.converged[:rank],
    )


def _status(kept: SVDResult, is_met: bool) -> str:
    if not is_met:
        return "budget"
    # Only the surplus is not accurate, but the search for omitted copies has not ended.
    is_accurate = kept.status == "stagnated" and kept.converged.all()
    return "possible omission" if is_accurate else kept.status


def cost_of_all(results: list[SVDResult], n_extra_passes: int) -> RunInfo:
    """Return the record of the last computation with the costs of those before; what prepared them counts once."""
    costs = [result.info for result in results]
    return dataclasses.replace(
        costs[-1],
        n_matvecs=sum(cost.n_matvecs for cost in costs),
        n_passes=sum(cost.n_passes for cost in costs) - (len(costs) - 1) * n_extra_passes,
        peak_bytes=max(cost.peak_bytes for cost in costs),
    )
