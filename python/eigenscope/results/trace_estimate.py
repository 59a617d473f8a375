"""A trace, with what its estimate took."""

from __future__ import annotations

import dataclasses

from .estimate import Estimate
from .run_info import RunInfo


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class TraceEstimate(Estimate):
    """An estimate of a trace; equal to another with the same numbers, whatever their runs took.

    Parameters
    ----------
    value : float
        The estimate.
    stderr : float
        Its standard error; infinite when too few samples know it.
    interval : tuple of float
        Confidence interval (low, high) at `confidence`.
    confidence : float
        Coverage the interval is made for.
    n_matvecs : int
        Products with the operator that were spent.
    status : str
        "converged", "budget", or "stagnated" when more products would not have helped.
    info : RunInfo
        What it cost.
    """

    status: str = "converged"
    info: RunInfo = dataclasses.field(default_factory=RunInfo)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TraceEstimate) and Estimate.__eq__(self, dataclasses.replace(other, info=self.info))

    __hash__ = None  # type: ignore[assignment]
