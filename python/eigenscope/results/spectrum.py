"""The eigenspectrum of a recording, and the questions it answers."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidInputError
from .base import Result
from .estimate import Estimate
from .run_info import RunInfo

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

    from .marchenko_pastur_fit import MarchenkoPasturFit
    from .power_law_fit import PowerLawFit

Array = np.ndarray[Any, np.dtype[Any]]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Spectrum(Result):
    """Eigenvalues of a sample covariance matrix, with what is needed to judge them.

    Parameters
    ----------
    eigenvalues : ndarray, shape (k,)
        Descending, in the squared units of the data. All ``min(degrees_of_freedom, n_features)`` possible
        non-zero ones plus the zeros up to ``min(n_samples, n_features)``, or only the top `k` asked for.
    n_samples, n_features : int
        Size of the data after the missing-value policy and the removal of constant features.
    total_variance : float
        Trace of the covariance matrix, known even when only the top eigenvalues are.
    degrees_of_freedom : int
        What the sums were divided by: ``n_samples - 1`` when centred, ``n_samples`` otherwise.
    eigenvectors : ndarray, shape (n_features, k), or None
        Orthonormal columns, when asked for.
    centered, scaled : bool
        Whether feature means were subtracted and features divided by their standard deviations.
    sample_axis : int
        Axis of the input along which samples lie.
    feature_means, feature_variances : ndarray, shape (n_features,), or None
        Per-feature statistics, before scaling.
    lag_one_autocorrelation : float
        Correlation of successive samples, pooled over features by their variance; NaN when not known.
    excess_kurtosis : float
        How heavy the tails of the noise are: median over features of what strong components leave of them, from a
        random block; NaN when not known, as of data that do not lie in memory.
    feature_names : tuple of str, or None
        Labels of the features kept, carried through from labelled input.
    residual_norms : ndarray, shape (k,), or None
        ``‖C v - λ v‖`` when an iterative method was used.
    status : str
        "converged" for direct methods; otherwise as the solver says.
    is_pairwise : bool
        Whether values were missing, and every covariance is that of the samples both features have.
    info : RunInfo
        What it cost.
    """

    eigenvalues: Array
    n_samples: int
    n_features: int
    total_variance: float
    degrees_of_freedom: int
    eigenvectors: Array | None = None
    centered: bool = True
    scaled: bool = False
    sample_axis: int = 0
    feature_means: Array | None = None
    feature_variances: Array | None = None
    lag_one_autocorrelation: float = float("nan")
    excess_kurtosis: float = float("nan")
    feature_names: tuple[str, ...] | None = None
    residual_norms: Array | None = None
    status: str = "converged"
    is_pairwise: bool = False
    info: RunInfo = dataclasses.field(default_factory=RunInfo)

    @property
    def is_complete(self) -> bool:
        """Whether all eigenvalues are here, not only the top ones."""
        return len(self.eigenvalues) >= min(self.n_samples, self.n_features)

    @property
    def explained_variance_ratio(self) -> Array:
        """Share of the total variance along each eigenvector, shape (k,)."""
        if self.total_variance == 0:
            return np.zeros_like(self.eigenvalues)
        return np.asarray(self.eigenvalues / self.total_variance)

    def participation_ratio(self, *, bias_correction: bool = False, confidence: float = 0.95) -> Estimate:
        """Effective number of dimensions ``(Σλ)² / Σλ²`` with its error; see `eigenscope.participation_ratio`."""
        from ..effective_dimension import participation_ratio

        return participation_ratio(self, bias_correction=bias_correction, confidence=confidence)

    def effective_rank(self) -> float:
        """Exponential of the entropy of the variance shares; see `eigenscope.effective_rank`."""
        from ..effective_dimension import effective_rank

        return effective_rank(self)

    def dims_for_variance(self, share: float = 0.9) -> int:
        """Smallest number of dimensions that hold `share` of the variance; see `eigenscope.dims_for_variance`."""
        from ..effective_dimension import dims_for_variance

        return dims_for_variance(self, share)

    def fit_marchenko_pastur(self, **options: Any) -> MarchenkoPasturFit:
        """Fit the noise; options as `eigenscope.fit_marchenko_pastur`."""
        from ..random_matrix.fit import fit_marchenko_pastur

        return fit_marchenko_pastur(self, **options)

    def fit_power_law(self, **options: Any) -> PowerLawFit:
        """Fit the rank exponent; options as `eigenscope.fit_power_law`."""
        from ..power_law import fit_power_law

        return fit_power_law(self, **options)

    def plot(self, ax: Axes | None = None, **line_options: Any) -> Axes:
        """Draw eigenvalue against rank on logarithmic axes (needs matplotlib).

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; a new figure by default.
        **line_options
            ``noise`` (a `MarchenkoPasturFit`) and ``power_law`` (a `PowerLawFit`) to draw with it, ``title``; others go
            to ``Axes.plot``.
        """
        from .plotting import plot_spectrum

        return plot_spectrum(self, ax=ax, **line_options)

    def to_frame(self) -> DataFrame:
        """Return rank, eigenvalue and variance shares as a pandas DataFrame (needs pandas)."""
        try:
            import pandas
        except ImportError as error:
            raise ImportError(
                'to_frame() needs pandas: pip install "eigenscope[frame]"; to_dict() works without it'
            ) from error
        share = self.explained_variance_ratio
        return pandas.DataFrame(
            {
                "rank": np.arange(1, len(self.eigenvalues) + 1),
                "eigenvalue": self.eigenvalues,
                "variance_share": share,
                "cumulative_share": np.cumsum(share),
            }
        )

    def summary(self) -> str:
        """Return orientation, range and quality in three lines."""
        k = len(self.eigenvalues)
        span = f"{self.eigenvalues[0]:.6g} … {self.eigenvalues[-1]:.6g}" if k else "none"
        treated = "centred" if self.centered else "not centred"
        if self.scaled:
            treated += " and scaled"
        which = "all" if self.is_complete else f"top {k}"
        return (
            f"Spectrum: {self.n_samples:,} samples x {self.n_features:,} features, {treated} over samples\n"
            f"  {which} eigenvalues {span}; total variance {self.total_variance:.6g}, {self.status}\n"
            f"  {self.info.summary()}"
        )

    def __post_init__(self) -> None:
        if self.eigenvalues.ndim != 1:
            raise InvalidInputError(f"eigenvalues must be one-dimensional, got shape {self.eigenvalues.shape}")
