"""The diagonal of an operator, every entry with its error bar."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from .base import Result
from .run_info import RunInfo

Array = np.ndarray[Any, np.dtype[Any]]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class DiagonalEstimate(Result):
    """Entries of a diagonal with standard errors and intervals.

    Parameters
    ----------
    value, stderr : ndarray, shape (n,)
        Estimates and their standard errors.
    interval : tuple of ndarray
        Ends (low, high) of the interval of each entry at `confidence`.
    confidence : float
        Coverage of each interval by itself.
    n_matvecs : int
        Products with the operator that were spent.
    status : str
        "converged" or "budget".
    info : RunInfo
        What it cost; results are equal whatever they cost.
    """

    value: Array
    stderr: Array
    interval: tuple[Array, Array]
    confidence: float = 0.95
    n_matvecs: int = 0
    status: str = "converged"
    info: RunInfo = dataclasses.field(default_factory=RunInfo)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DiagonalEstimate) and Result.__eq__(self, dataclasses.replace(other, info=self.info))

    __hash__ = None

    def summary(self) -> str:
        """Return size, range and largest error in two lines."""
        return (
            f"DiagonalEstimate: {len(self.value):,} entries from {self.value.min():.6g} to {self.value.max():.6g}\n"
            f"  largest standard error {self.stderr.max():.2g}, {self.n_matvecs} products"
        )
