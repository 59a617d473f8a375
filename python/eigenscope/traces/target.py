"""What an estimate is to reach, and what it may cost on the way."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arguments import check_confidence, is_real_number, is_whole_number
from ..errors import ConvergenceWarning, InvalidInputError
from ..results.diagonal_estimate import DiagonalEstimate
from ..results.trace_estimate import TraceEstimate
from ..run_options import Progress, asks_to_stop, check_callback, check_seconds, memory_budget

DEFAULT_MATVECS = 20_000
"""Budget of products unless another is given."""


class Target:
    """Tolerance, confidence and budgets of one estimate.

    Parameters
    ----------
    name : str
        What is estimated, for messages.
    rtol, atol : float
        The interval is to reach no farther than ``max(atol, rtol * abs(value))`` from the value; of a diagonal, no
        interval farther than that for its largest entry.
    confidence : float
        Coverage of the interval.
    max_matvecs : int or None
        Budget of products.
    max_seconds : float or None
        Budget of time; looked at between rounds.
    max_memory : int, float or "auto"
        Bytes that the vectors kept may take.
    meter : Progress
        Listener.
    callback : callable or None
        Called with a dictionary after every round; stops when it returns True.
    """

    def __init__(
        self,
        name: str,
        *,
        rtol: float,
        atol: float,
        confidence: float,
        max_matvecs: int | None,
        max_seconds: float | None,
        max_memory: int | float | str,
        meter: Progress,
        callback: Callable[[dict[str, Any]], Any] | None,
    ) -> None:
        if not (is_real_number(rtol) and is_real_number(atol) and rtol >= 0 and atol >= 0 and rtol + atol > 0):
            raise InvalidInputError(
                f"rtol and atol must not be negative, and one must be positive; got {rtol!r}, {atol!r}"
            )
        check_confidence(confidence)
        if max_matvecs is not None and not (is_whole_number(max_matvecs) and max_matvecs >= 1):
            raise InvalidInputError(f"max_matvecs must be a positive integer, got {max_matvecs!r}")
        check_seconds(max_seconds)
        check_callback(callback)
        self.name, self.confidence = name, confidence
        self.max_matvecs = DEFAULT_MATVECS if max_matvecs is None else int(max_matvecs)
        self.max_bytes = memory_budget(max_memory)
        self._rtol, self._atol, self._meter, self._callback = rtol, atol, meter, callback
        self._stopped = False
        self._ends = math.inf if max_seconds is None else time.monotonic() + max_seconds

    def tolerance(self, value: Any) -> float:
        """Return the half width that is wanted."""
        return max(self._atol, self._rtol * float(np.max(np.abs(value))))

    def ends_with(self, estimate: TraceEstimate | DiagonalEstimate) -> bool:
        """Whether this round is the last: narrow enough, out of time, or stopped by the callback; reports it."""
        half, largest = _half_width(estimate), float(np.max(np.abs(estimate.value)))
        shown = f"{estimate.value:.6g}" if isinstance(estimate, TraceEstimate) else f"entries up to {largest:.6g}"
        self._meter(f"{estimate.n_matvecs} products, {shown} ± {half:.1e}")
        if self._callback is not None:
            state = {"n_matvecs": estimate.n_matvecs, "value": estimate.value, "interval": estimate.interval}
            self._stopped = asks_to_stop(self._callback(state))
        return self.is_over or half <= self.tolerance(estimate.value)

    @property
    def is_over(self) -> bool:
        """Whether the callback or the time limit has ended the run."""
        return self._stopped or time.monotonic() > self._ends

    def warn_unless_converged(self, estimate: TraceEstimate | DiagonalEstimate, advice: str) -> None:
        """Say how far the interval is from what was asked for, and what to change."""
        if estimate.status == "converged" or self._stopped:
            return
        half, wanted = _half_width(estimate), self.tolerance(estimate.value)
        about = f"{estimate.value:.6g}" if isinstance(estimate, TraceEstimate) else "the value of an entry"
        warnings.warn(
            f"{self.name}: after {estimate.n_matvecs} products the interval reaches {half:.2g} from {about}, "
            f"{wanted:.2g} was asked for; {advice}",
            ConvergenceWarning,
            stacklevel=3,
        )


def _half_width(estimate: TraceEstimate | DiagonalEstimate) -> float:
    low, high = map(np.asarray, estimate.interval)
    return float(np.max(np.maximum(high - estimate.value, estimate.value - low)))
