"""Power law fitted to an eigenspectrum."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from .base import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..spectrum_models import SpectrumModelComparison

Array = np.ndarray[Any, np.dtype[Any]]

FEWEST_COMPARED = 5
"""A broken power law has four parameters."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class PowerLawFit(Result):
    """Rank exponent α of a spectrum ``λ_n ~ n^-α``.

    Parameters
    ----------
    exponent : float
        α, positive for a falling spectrum.
    stderr : float
        Standard error: sampling of the eigenvalues or scatter about the line, whichever is larger.
    interval : tuple of float
        Confidence interval (low, high) for the population exponent, widened by the bias of sampling.
    r_squared : float
        Weighted share of the variance of log λ that the line explains.
    ranks : tuple of int
        Inclusive 1-based ranks (first, last) actually used.
    intercept : float
        ``log λ = intercept - exponent * log rank``, natural logarithms.
    method : str
        Convention of the weights and the range.
    range_sensitivity : tuple of (int, int, float)
        Rows (first, last, exponent) for shifted and shortened ranges.
    n_dropped : int
        Eigenvalues in the range that were zero or negative: left out, or folded by ``abs`` when asked.
    bias : float
        Estimated first-order bias of the exponent from the finite number of samples: what sampling added to
        it. Subtracted only on request; NaN when the samples are too few, or their number unknown.
    confidence : float
        Coverage that `interval` is made for.
    eigenvalues : ndarray, shape (k,)
        What was fitted, in the order of the ranks.
    n_samples : float
        Degrees of freedom of the covariance; NaN when not known.
    """

    exponent: float
    stderr: float
    interval: tuple[float, float]
    r_squared: float
    ranks: tuple[int, int]
    intercept: float
    method: str
    range_sensitivity: tuple[tuple[int, int, float], ...]
    n_dropped: int
    bias: float
    confidence: float
    eigenvalues: Array
    n_samples: float = float("nan")

    def compare_models(self) -> SpectrumModelComparison:
        """Return the power law beside a broken power law and an exponential on the same ranks."""
        from ..spectrum_models import compare_models

        ranks = np.arange(self.ranks[0], self.ranks[1] + 1)
        values = self.eigenvalues[ranks - 1]
        known = None if np.isnan(self.n_samples) else self.n_samples
        return compare_models(ranks[values > 0], values[values > 0], known)

    @property
    def misfit(self) -> str:
        """Why the spectrum is no power law on these ranks; empty when nothing speaks against it, or values are few.

        It speaks of the spectrum as measured. At ranks near the number of samples that bends whatever the population's
        does: of 300 samples of 300 features with eigenvalues 1/n, ranks 11 to 100, 17 of 30 are no power law. For the
        population of a recording with repeats see `eigenscope.neural.fit_power_law_moments` and `compare_regions`.
        """
        positive = int(np.sum(self.eigenvalues[self.ranks[0] - 1 : self.ranks[1]] > 0))
        return self.compare_models().misfit if positive >= FEWEST_COMPARED else ""

    def predict(self, ranks: ArrayLike) -> Array:
        """Return the fitted line ``exp(intercept) * ranks**-exponent`` at 1-based `ranks`."""
        return np.asarray(np.exp(self.intercept - self.exponent * np.log(np.asarray(ranks, dtype=np.float64))))

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the spectrum with the fitted line and its range of ranks; its option is ``title`` (needs matplotlib)."""
        from .plotting import plot_power_law_fit

        return plot_power_law_fit(self, ax=ax, **options)

    def summary(self) -> str:
        """Return exponent, range, misfit and sensitivity in three lines."""
        low, high = self.interval
        others = [exponent for _, _, exponent in self.range_sensitivity]
        spread = f"{min(others):.3f} to {max(others):.3f}" if others else "not computed"
        bias = "" if np.isnan(self.bias) else f"; bias of sampling about {self.bias:+.3f}"
        verdict = f"no power law: {reason}; " if (reason := self.misfit) else ""
        return (
            f"PowerLawFit: exponent {self.exponent:.4f} ± {self.stderr:.2g} "
            f"({self.confidence:.0%} interval {low:.4f} to {high:.4f})\n"
            f"  ranks {self.ranks[0]} to {self.ranks[1]}, {self.method}, R² = {self.r_squared:.4f}, "
            f"{self.n_dropped} not positive\n"
            f"  {verdict}shifted ranges give {spread}{bias}"
        )
