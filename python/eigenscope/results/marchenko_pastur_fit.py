"""Noise fitted to a spectrum, and the signals that stand above it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidInputError
from .base import Result
from .estimate import Estimate

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

    from ..random_matrix.laws import MarchenkoPastur
    from ..random_matrix.temporal import CorrelatedMarchenkoPastur

Array = np.ndarray[Any, np.dtype[Any]]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class MarchenkoPasturFit(Result):
    """White noise fitted to the bulk of a spectrum, and the eigenvalues that stand above it.

    Parameters
    ----------
    variance : Estimate
        Variance of the noise; its error is NaN where the test ended before noise explained an eigenvalue.
    ratio : float
        ``n_features / n_samples`` of the law.
    edges : tuple of float
        Edges (low, high) of the noise bulk in the limit of large data.
    upper_edge_threshold : float
        What the next eigenvalue had to exceed to count as a signal: the edge beside the signals found, plus
        the Tracy–Widom quantile at `significance`.
    n_signal : int
        Number of leading eigenvalues above the noise; 0 is an answer.
    signal_eigenvalues, signal_stderrs : ndarray, shape (n_signal,)
        Population eigenvalues behind them, corrected for the upward bias of sampling and for how close ones push
        each other apart, with standard errors.
    p_values : ndarray, shape (n_tested,)
        Of the leading eigenvalues in the order tested; all but the last are at most `significance`, and the
        last too when testing ended for another reason.
    significance : float
        Level of each test.
    goodness : float
        p-value of the Kolmogorov–Smirnov distance between bulk and law, with the null of repelling
        eigenvalues; NaN when only the top eigenvalues are known.
    method : str
        Estimator of the variance.
    credible : bool
        Whether nothing speaks against the fit.
    reasons : tuple of str
        What speaks against it, in words.
    eigenvalues : ndarray, shape (k,)
        What was fitted, descending.
    n_samples, n_features : number
        Sizes used; `n_samples` is the number of degrees of freedom.
    effective_samples : Estimate or None
        Number of independent samples that would spread the bulk as widely; None when only the top eigenvalues
        are known or there are fewer samples than features.
    power_spectrum : ndarray, or None
        Power spectrum of the noise, of mean one, where it was taken to be correlated in time.
    smallest_p_value : float
        Probability that the smallest eigenvalue of the noise lies as low; NaN when only the top eigenvalues are known,
        there are as many samples as features, or the noise is correlated in time.
    """

    variance: Estimate
    ratio: float
    edges: tuple[float, float]
    upper_edge_threshold: float
    n_signal: int
    signal_eigenvalues: Array
    signal_stderrs: Array
    p_values: Array
    significance: float
    goodness: float
    method: str
    credible: bool
    reasons: tuple[str, ...]
    eigenvalues: Array
    n_samples: float
    n_features: int
    effective_samples: Estimate | None = None
    power_spectrum: Array | None = None
    smallest_p_value: float = float("nan")

    @property
    def signals(self) -> tuple[Estimate, ...]:
        """Population eigenvalues of the signals with 95 % intervals, none of which reaches below the noise."""
        from ..random_matrix.signal_estimates import spike_estimates

        return spike_estimates(self.signal_eigenvalues, self.signal_stderrs, variance=self.variance.value)

    def overlaps(self, side: str = "features") -> tuple[Estimate, ...]:
        """Return how well the sample's vectors agree with those of the signals, as squared cosines.

        Parameters
        ----------
        side : {"features", "samples"}
            Eigenvectors of the covariance, or the scores of the samples along them.

        Returns
        -------
        tuple of Estimate
            One for each signal, with 95 % intervals for the squared cosine in these data, of vectors of the same rank:
            signals closer than their errors mix. NaN without noise, and where it is correlated in time: then it depends
            on the signals' own correlation, which eigenvalues do not tell.
        """
        from ..random_matrix.signal_estimates import overlap_estimates

        if side not in ("features", "samples"):
            raise InvalidInputError(f'side must be "features" or "samples", got {side!r}')
        if self.power_spectrum is not None or not self.variance.value > 0:
            return (Estimate(float("nan")),) * self.n_signal
        ratio, variance = (self.n_features - self.n_signal) / self.n_samples, self.variance.value
        return overlap_estimates(self.signal_eigenvalues, ratio, self.n_samples, variance=variance, side=side)

    @property
    def law(self) -> MarchenkoPastur | CorrelatedMarchenkoPastur:
        """Marchenko–Pastur law of the noise, white or correlated in time."""
        from ..random_matrix.laws import MarchenkoPastur
        from ..random_matrix.temporal import CorrelatedMarchenkoPastur

        if not self.variance.value > 0:
            raise InvalidInputError("the noise variance is zero: there is no Marchenko–Pastur law to compare with")
        if self.power_spectrum is not None:
            return CorrelatedMarchenkoPastur(self.power_spectrum, self.ratio, self.variance.value)
        return MarchenkoPastur(self.ratio, self.variance.value)

    def plot(self, ax: Axes | None = None, *, kind: str = "density", **options: Any) -> Axes:
        """Draw the fit.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; a new figure by default.
        kind : {"density", "scree"}
            The bulk's density with the fitted law and intervals, or the leading eigenvalues with the noise edge and
            p-values.
        **options
            `bins` for the density, `n_ranks` for the scree, and `title`.

        Returns
        -------
        Axes
            The axes drawn on.
        """
        from .noise_plotting import plot_marchenko_pastur_fit, plot_noise_scree

        pictures: dict[str, Callable[..., Axes]] = {"density": plot_marchenko_pastur_fit, "scree": plot_noise_scree}
        if kind not in pictures:
            raise InvalidInputError(f"kind must be one of {', '.join(pictures)}; got {kind!r}")
        return pictures[kind](self, ax=ax, **options)

    def summary(self) -> str:
        """Return noise, signals and credibility, in three lines and one for each reason for doubt."""
        signals = f"{self.n_signal} of {len(self.eigenvalues)} eigenvalues above {self.upper_edge_threshold:.6g}"
        goodness = "not tested" if np.isnan(self.goodness) else f"p = {self.goodness:.2g}"
        if not np.isnan(self.smallest_p_value):
            goodness += f", of the smallest eigenvalue p = {self.smallest_p_value:.2g}"
        error = "(error not known)" if np.isnan(self.variance.stderr) else f"± {self.variance.stderr:.2g}"
        lines = [
            f"MarchenkoPasturFit: noise variance {self.variance.value:.6g} {error}, "
            f"ratio {self.ratio:.4g}, bulk {self.edges[0]:.6g} … {self.edges[1]:.6g}",
            f"  {signals} at level {self.significance:g}; goodness of fit {goodness}",
            "  nothing speaks against the fit" if self.credible else "  doubtful:",
        ]
        return "\n".join(lines + [f"    - {reason}" for reason in self.reasons])
