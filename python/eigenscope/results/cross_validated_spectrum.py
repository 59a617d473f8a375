"""A spectrum of signal variances, freed from noise by repeats."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arguments import check_confidence, is_real_number
from ..errors import InvalidInputError
from .estimate import Estimate
from .spectrum import Spectrum

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = np.ndarray[Any, np.dtype[Any]]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class CrossValidatedSpectrum(Spectrum):
    """Signal variances along principal components, measured on repeats the components were not found on.

    They are in the order of the components, not sorted, and those near zero come out negative as often as
    positive: sorting, folding or clipping them would bring back the bias that cross-validation removed.

    Parameters
    ----------
    eigenvalues, n_samples, n_features, total_variance, degrees_of_freedom, eigenvectors, centered, scaled : fields
        As in `Spectrum`; rows are stimuli, columns neurons.
    sample_axis, feature_means, feature_variances, lag_one_autocorrelation, excess_kurtosis, feature_names : fields
        As in `Spectrum`.
    residual_norms, status, is_pairwise, info : fields
        As in `Spectrum`.
    contributions : ndarray, shape (n_stimuli, k)
        What each stimulus adds: its sum over stimuli is `eigenvalues`. Errors of everything computed from the
        eigenvalues follow from its scatter over stimuli, with the components held fixed.
    noise_eigenvalues : ndarray, shape (k,)
        Half the mean squared difference of the two repeats along the components.
    total_noise_variance : float
        Mean noise variance of the two halves, summed over neurons.
    n_repeats : int
        Repeats of every stimulus, at most.
    n_shuffles : int
        Random exchanges of repeats averaged over; 0 means the repeats as they were given.
    """

    contributions: Array = dataclasses.field(default_factory=lambda: np.zeros((0, 0)))
    noise_eigenvalues: Array = dataclasses.field(default_factory=lambda: np.zeros(0))
    total_noise_variance: float = float("nan")
    n_repeats: int = 2
    n_shuffles: int = 0

    @property
    def n_negative(self) -> int:
        """Eigenvalues below zero: where the signal is below the error."""
        return int(np.sum(self.eigenvalues < 0))

    @property
    def stderr(self) -> Array:
        """Standard error of each eigenvalue from the scatter of its stimuli, shape (k,)."""
        return self.error_of(np.eye(len(self.eigenvalues))) if len(self.eigenvalues) else np.zeros(0)

    def error_of(self, gradient: Array) -> Any:
        """Return the standard error of a function of the eigenvalues by the infinitesimal jackknife.

        Parameters
        ----------
        gradient : ndarray, shape (k,) or (k, m)
            Derivatives of the function, or of m functions, by the eigenvalues.
        """
        n, unit = len(self.contributions), self._unit
        influence = (self.contributions / unit) @ gradient
        scatter = np.sum((influence - influence.mean(axis=0)) ** 2, axis=0)
        return unit * np.sqrt(scatter * n / (n - 1))

    @property
    def _unit(self) -> float:
        """A power of two near the largest contribution: squares in it stay inside the floating range."""
        return float(np.ldexp(1.0, int(np.frexp(np.abs(self.contributions).max(initial=0.0))[1])))

    def participation_ratio(self, *, bias_correction: bool = False, confidence: float = 0.95) -> Estimate:
        """Return ``(Σλ)² / Σλ²`` over all values, negative ones included, at least 1.

        The unbiased estimate is `eigenscope.neural.participation_ratio`.
        """
        if bias_correction:
            raise InvalidInputError("for the unbiased value use eigenscope.neural.participation_ratio(X1, X2)")
        check_confidence(confidence)
        unit = self._unit
        shares = self.eigenvalues / unit
        total, square = float(shares.sum()), float(shares @ shares)
        _check_signal(total * unit)
        value = total**2 / square
        stderr = float(self.error_of(value * (2 / total - 2 * shares / square))) / unit
        margin = _normal_quantile(confidence) * stderr
        low, middle, high = (max(1.0, end) for end in (value - margin, value, value + margin))
        return Estimate(middle, stderr, (low, high), confidence)

    def effective_rank(self) -> float:
        """Refuse: an entropy of shares needs shares that are not negative."""
        raise InvalidInputError(
            "the entropy of cross-validated variances is not defined, some are negative: use participation_ratio()"
        )

    def dims_for_variance(self, share: float = 0.9) -> int:
        """Return the smallest number of leading components that hold `share` of the total signal variance.

        Refused where that total is not positive: there is no signal to hold a share of.
        """
        if not (is_real_number(share) and 0 < share <= 1):
            raise InvalidInputError(f"share must be a number in (0, 1], got {share!r}")
        _check_signal(self.total_variance)
        reached = np.cumsum(self.eigenvalues) >= share * self.total_variance * (1 - 1e-12)
        if not reached.any():
            raise InvalidInputError(f"the top {len(reached)} components hold less than {share:.1%}: ask for more")
        return int(np.argmax(reached)) + 1

    def dims_interval(self, share: float = 0.9, *, confidence: float = 0.95) -> tuple[int, int]:
        """Return the fewest and the most components that may hold `share` of the total signal variance.

        Parameters
        ----------
        share : float
            In (0, 1].
        confidence : float
            Coverage, from the scatter of the stimuli's contributions with the components held fixed.

        Returns
        -------
        tuple of int
            Counts at which the signal held is not surely below or above the share.
        """
        check_confidence(confidence)
        if not self.is_complete:
            raise InvalidInputError("dims_interval needs all components: leave k out of cvpca")
        count = self.dims_for_variance(share)
        parts = self.contributions / self._unit
        held = np.cumsum(parts, axis=1) - share * parts.sum(axis=1, keepdims=True)
        excess, n = held.sum(axis=0), len(held)
        margin = _normal_quantile(confidence) * np.sqrt(n * n / (n - 1) * held.var(axis=0))
        fewest, most = np.flatnonzero(excess + margin >= 0), np.flatnonzero(excess - margin >= 0)
        last = len(excess)
        return min(count, int(fewest[0]) + 1 if len(fewest) else last), max(
            count, int(most[0]) + 1 if len(most) else last
        )

    def fit_marchenko_pastur(self, **options: Any) -> Any:
        """Refuse: cross-validation has removed the noise that would be fitted."""
        raise InvalidInputError(
            "a cross-validated spectrum has no noise to fit: give covariance_spectrum(X) to fit_marchenko_pastur"
        )

    def plot(self, ax: Axes | None = None, **line_options: Any) -> Axes:
        """Draw signal and noise variances against rank; values below zero are shown as rings at their size."""
        from .cross_validated_plotting import plot_cross_validated_spectrum

        return plot_cross_validated_spectrum(self, ax=ax, **line_options)

    def summary(self) -> str:
        """Return sizes, signal and cost in three lines."""
        k = len(self.eigenvalues)
        swapped = f"{self.n_shuffles} random exchanges of repeats" if self.n_shuffles else "repeats as given"
        scaled = ", neurons scaled" if self.scaled else ""
        return (
            f"CrossValidatedSpectrum: {self.n_samples:,} stimuli x {self.n_features:,} neurons, "
            f"{self.n_repeats} repeats, {swapped}{scaled}\n"
            f"  {k} signal variances, {self.n_negative} below zero; total signal variance {self.total_variance:.6g}\n"
            f"  {self.info.summary()}"
        )


def _check_signal(total: float) -> None:
    if not total > 0:
        raise InvalidInputError(
            f"the cross-validated variances add up to {total:.3g}: no signal is common to the repeats, and no "
            "dimension can be counted. Average more repeats, or add stimuli"
        )


def _normal_quantile(confidence: float) -> float:
    from scipy.special import ndtri

    quantile = float(ndtri((1 + confidence) / 2))
    return quantile if math.isfinite(quantile) else math.inf
