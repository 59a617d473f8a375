"""What an estimate is to reach, and what it may cost on the way."""

from __future__ import annotations

import math
import time
import warnings

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
    """

    def __init__(
        self,
        rtol: float,
        atol: float,
        confidence: float,
        max_matvecs: int | None,
        max_seconds: float | None,
        meter: Progress,
    ) -> None:
        if not (rtol >= 0 and atol >= 0 and rtol + atol > 0):
            raise InvalidInputError(f"rtol and atol must not be negative, and one must be positive; got {rtol}, {atol}")
        if not 0.0 < confidence < 1.0:
            raise InvalidInputError(f"confidence must lie between 0 and 1, got {confidence}")
        if max_matvecs is not None and max_matvecs < 1:
            raise InvalidInputError(f"max_matvecs must be positive, got {max_matvecs}")
        self.confidence = confidence
        self.max_matvecs = DEFAULT_MATVECS if max_matvecs is None else int(max_matvecs)
        self._rtol, self._atol, self._meter = rtol, atol, meter
        self._ends = math.inf if max_seconds is None else time.monotonic() + max_seconds

    def tolerance(self, value: float) -> float:
        """Return the half width that is wanted."""
        return max(self._atol, self._rtol * abs(value))

    def is_met(self, estimate: Estimate) -> bool:
        """Whether the interval is narrow enough; reports the round."""
        half = estimate.interval[1] - estimate.value
        self._meter(f"{estimate.n_matvecs} products, {estimate.value:.6g} ± {half:.1e}")
        return half <= self.tolerance(estimate.value)

    def is_out_of_time(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() > self._ends

    def warn_unless_met(self, estimate: Estimate) -> None:
        """Say how far the interval is from what was asked for."""
        half, wanted = estimate.interval[1] - estimate.value, self.tolerance(estimate.value)
        if half <= wanted:
            return
        warnings.warn(
            f"trace: after {estimate.n_matvecs} products the interval reaches {half:.2g} from {estimate.value:.6g}, "
            f"{wanted:.2g} was asked for; raise max_matvecs, max_seconds, rtol or atol",
            ConvergenceWarning,
            stacklevel=3,
        )
