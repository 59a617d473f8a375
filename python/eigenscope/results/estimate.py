"""A number with its error bar."""

from __future__ import annotations

import dataclasses
import math

from .base import Result


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Estimate(Result):
    """A number with its standard error and confidence interval; converts to float.

    Parameters
    ----------
    value : float
        The estimate.
    stderr : float
        Its standard error; NaN when none is known.
    interval : tuple of float
        Confidence interval (low, high) at `confidence`.
    confidence : float
        Coverage the interval is made for.
    n_matvecs : int
        Products with the operator that were spent; 0 for estimates from a spectrum.
    """

    value: float
    stderr: float = float("nan")
    interval: tuple[float, float] = (float("nan"), float("nan"))
    confidence: float = 0.95
    n_matvecs: int = 0

    def __float__(self) -> float:
        return float(self.value)

    def __format__(self, specification: str) -> str:
        if not specification:
            return self.summary()
        return f"{self.value:{specification}} ± {self.stderr:{specification}}"

    def summary(self) -> str:
        """Return value, standard error and interval on one line."""
        low, high = self.interval
        if 0.0 < self.stderr < math.inf and math.isfinite(self.value):
            # As many digits as show two of the error, so that value and interval can be told apart.
            shown = max(abs(self.value), abs(low), abs(high)) if math.isfinite(low + high) else abs(self.value)
            digits = int(min(17, max(6, 2 + math.floor(math.log10(max(shown / self.stderr, 1.0))))))
            ends = f"{low:.{digits}g} to {high:.{digits}g}"
            return f"{self.value:.{digits}g} ± {self.stderr:.2g} ({self.confidence:.0%} interval {ends})"
        if math.isnan(self.stderr):
            span = "" if math.isnan(low) or math.isnan(high) else f", between {low:.6g} and {high:.6g}"
            return f"{self.value:.6g} (standard error not known{span})"
        return f"{self.value:.6g} ± {self.stderr:.2g} ({self.confidence:.0%} interval {low:.6g} to {high:.6g})"
