"""What an estimate is to reach, and what it may cost on the way."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from typing import Any

from ..errors import ConvergenceWarning, InvalidInputError
from ..results.estimate import Estimate
from ..run_options import Progress

DEFAULT_MATVECS = 20_000
"""Budget of products unless another is given."""


class Target:
    """Tolerance, confidence and budgets of one estimate.

    Parameters
    ----------
    rtol, atol : float
        The interval is to reach no farther than ``max(atol, rtol * abs(value))`` from the value.
    confidence : float
        Coverage of the interval.
    max_matvecs : int or None
        Budget of products.
    max_seconds : float or None
        Budget of time; looked at between rounds.
    meter : Progress
        Listener.
    callback : callable or None
        Called with a dictionary after every round; stops when it returns True.
    """

    def __init__(
        self,
        rtol: float,
        atol: float,
        confidence: float,
        max_matvecs: int | None,
        max_seconds: float | None,
        meter: Progress,
        callback: Callable[[dict[str, Any]], Any] | None = None,
    ) -> None:
        if not (rtol >= 0 and atol >= 0 and rtol + atol > 0):
            raise InvalidInputError(f"rtol and atol must not be negative, and one must be positive; got {rtol}, {atol}")
        if not 0.0 < confidence < 1.0:
            raise InvalidInputError(f"confidence must lie between 0 and 1, got {confidence}")
        if max_matvecs is not None and max_matvecs < 1:
            raise InvalidInputError(f"max_matvecs must be positive, got {max_matvecs}")
        self.confidence = confidence
        self.max_matvecs = DEFAULT_MATVECS if max_matvecs is None else int(max_matvecs)
        if max_seconds is not None and not max_seconds >= 0:
            raise InvalidInputError(f"max_seconds must not be negative, got {max_seconds!r}")
        self._rtol, self._atol, self._meter, self._callback = rtol, atol, meter, callback
        self._stopped = False
        self._ends = math.inf if max_seconds is None else time.monotonic() + max_seconds

    def tolerance(self, value: float) -> float:
        """Return the half width that is wanted."""
        return max(self._atol, self._rtol * abs(value))

    def ends_with(self, estimate: Estimate) -> bool:
        """Whether this round is the last: narrow enough, out of time, or stopped by the callback; reports it."""
        half = estimate.interval[1] - estimate.value
        self._meter(f"{estimate.n_matvecs} products, {estimate.value:.6g} ± {half:.1e}")
        if self._callback is not None:
            state = {"n_matvecs": estimate.n_matvecs, "value": estimate.value, "interval": estimate.interval}
            self._stopped = self._callback(state) is True
        return self._stopped or half <= self.tolerance(estimate.value) or time.monotonic() > self._ends

    def warn_unless_met(self, estimate: Estimate) -> None:
        """Say how far the interval is from what was asked for."""
        half, wanted = estimate.interval[1] - estimate.value, self.tolerance(estimate.value)
        if half <= wanted or self._stopped:
            return
        warnings.warn(
            f"trace: after {estimate.n_matvecs} products the interval reaches {half:.2g} from {estimate.value:.6g}, "
            f"{wanted:.2g} was asked for; raise max_matvecs, max_seconds, rtol or atol",
            ConvergenceWarning,
            stacklevel=3,
        )
