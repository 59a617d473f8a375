"""The report on one recording, and the verbs that show it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..null_spectra import ParallelAnalysis
from ..results.base import Result
from ..results.estimate import Estimate
from ..results.marchenko_pastur_fit import MarchenkoPasturFit
from ..results.power_law_fit import PowerLawFit
from ..results.run_info import RunInfo
from ..results.spectrum import Spectrum

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class DataDescription(Result):
    """What the data are, before anything was done to them.

    Parameters
    ----------
    n_samples, n_features : int
        Size as read, before missing values and constant features were dealt with.
    dtype : str
        How the numbers are stored.
    sample_axis : int
        Axis along which samples lie.
    n_missing : int
        NaN or infinite entries.
    missing_policy : str
        What was done about them.
    n_constant_features : int
        Features without variance.
    source : str
        Python code that makes ``X``, or empty when the data were an array already.
    """

    n_samples: int
    n_features: int
    dtype: str
    sample_axis: int = 0
    n_missing: int = 0
    missing_policy: str = "raise"
    n_constant_features: int = 0
    source: str = ""

    def summary(self) -> str:
        """Return shape, orientation and missing values on one line."""
        axis = "rows" if self.sample_axis == 0 else "columns"
        missing = f"{self.n_missing:,} missing values ({self.missing_policy})" if self.n_missing else "none missing"
        return f"{self.n_samples:,} samples ({axis}) x {self.n_features:,} features, {self.dtype}, {missing}"


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class DimensionRule(Result):
    """One rule's answer to how many dimensions stand above the noise.

    Parameters
    ----------
    name : str
        Short name of the rule.
    n_dimensions : int
        Its count.
    threshold : float
        The eigenvalue it cuts at, in squared units of the data.
    meaning : str
        What it counts, in words.
    """

    name: str
    n_dimensions: int
    threshold: float
    meaning: str

    def summary(self) -> str:
        """Return count and threshold on one line."""
        return f"{self.name}: {self.n_dimensions:,} dimensions, eigenvalues above {self.threshold:.4g}"


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Report(Result):
    """The eigenspectrum of one recording, where its noise ends, and how many dimensions it has.

    Parameters
    ----------
    data : DataDescription
        What went in.
    spectrum : Spectrum
        The eigenvalues of its covariance matrix.
    noise : MarchenkoPasturFit or None
        Noise variance and edge; None when the spectrum is too short to fit.
    permuted : ParallelAnalysis
        Comparison with independently permuted features.
    dimension_rules : tuple of DimensionRule
        Dimensions above noise by each rule.
    participation_ratio : Estimate
        Of the sample eigenvalues as they are.
    participation_ratio_corrected : Estimate
        With the bias of a finite number of samples removed.
    dims_for_variance : tuple of (float, int)
        Share of the variance and the dimensions that hold it.
    power_law : PowerLawFit or None
        Rank exponent of the eigenvalues as measured; None when there are too few.
    signal_power_law : PowerLawFit or None
        Rank exponent of the signal alone, noise and sampling bias removed; None when it does not reach
        above the noise over the ranks of `power_law`.
    warnings : tuple of str
        What its reader must know before believing the numbers.
    calls : mapping of str to str
        For every number the Python expression that reproduces it, in the order they can be run.
    info : RunInfo
        What it cost.
    """

    data: DataDescription
    spectrum: Spectrum
    noise: MarchenkoPasturFit | None
    permuted: ParallelAnalysis
    dimension_rules: tuple[DimensionRule, ...]
    participation_ratio: Estimate
    participation_ratio_corrected: Estimate
    dims_for_variance: tuple[tuple[float, int], ...]
    power_law: PowerLawFit | None
    signal_power_law: PowerLawFit | None
    warnings: tuple[str, ...] = ()
    calls: Mapping[str, str] = dataclasses.field(default_factory=dict)
    info: RunInfo = dataclasses.field(default_factory=RunInfo)

    def summary(self) -> str:
        """Return the whole report as a text table of at most 100 columns."""
        from .text import render_text

        return render_text(self)

    def _repr_html_(self) -> str:
        from .html import render_fragment

        return render_fragment(self)

    def plot(self, fig: Figure | None = None) -> Figure:
        """Draw the report as one figure of four panels.

        Parameters
        ----------
        fig : Figure, optional
            An empty figure to draw on; a new pyplot figure by default.

        Returns
        -------
        Figure
            The figure: spectrum, noise bulk, cumulative variance and dimension rules.
        """
        from .figure import draw_report

        return draw_report(self, fig)

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Write one self-contained web page with tables and picture.

        Parameters
        ----------
        path : str or path-like
            Where to write.
        """
        from .html import render_page

        with open(path, "w", encoding="utf-8") as file:
            file.write(render_page(self))

    def to_frame(self) -> DataFrame:
        """Return one row per number: value, error, interval, unit and the call that reproduces it."""
        try:
            import pandas
        except ImportError as error:
            raise ImportError(
                'to_frame() needs pandas: pip install "eigenscope[frame]"; to_dict() works without it'
            ) from error
        from .quantities import list_quantities

        rows = [dataclasses.asdict(quantity) for quantity in list_quantities(self)]
        return pandas.DataFrame(rows).set_index("name")
