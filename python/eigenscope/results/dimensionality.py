"""How many dimensions a recording has, by every rule side by side."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from .base import Result
from .marchenko_pastur_fit import MarchenkoPasturFit
from .run_info import RunInfo
from .spectrum import Spectrum

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class DimensionEstimate(Result):
    """One rule's answer.

    Parameters
    ----------
    rule : str
        Short name.
    value : float
        Number of dimensions; whole for rules that count eigenvalues, NaN where the rule does not apply.
    interval : tuple of float
        95 % interval; NaN for counts, whose error is the false-positive rate.
    question : str
        What the rule counts.
    assumption : str
        What has to hold for the answer to mean that.
    """

    rule: str
    value: float
    interval: tuple[float, float]
    question: str
    assumption: str

    def summary(self) -> str:
        """Return the answer and what it assumes, on one line."""
        low, high = self.interval
        spread = "" if low != low else f" ({low:.4g} to {high:.4g})"
        return f"{self.rule}: {self.value:.5g}{spread}; counts {self.question}; assumes {self.assumption}"


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Dimensionality(Result):
    """Every rule's number of dimensions of one recording, with what each assumes.

    Parameters
    ----------
    estimates : tuple of DimensionEstimate
        In the order: tests against noise, thresholds for denoising, surrogate data, sizes without a noise model.
    warnings : tuple of str
        Assumptions that these data break.
    spectrum : Spectrum
        The eigenvalues.
    noise : MarchenkoPasturFit or None
        The noise fit; None when there are too few eigenvalues.
    info : RunInfo
        What it cost.
    """

    estimates: tuple[DimensionEstimate, ...]
    warnings: tuple[str, ...]
    spectrum: Spectrum
    noise: MarchenkoPasturFit | None
    info: RunInfo = dataclasses.field(default_factory=RunInfo)

    def __getitem__(self, rule: str) -> DimensionEstimate:
        """Return the estimate of one rule by name."""
        found = {estimate.rule: estimate for estimate in self.estimates}
        if rule not in found:
            raise KeyError(f"no rule {rule!r}; there are {', '.join(found)}")
        return found[rule]

    def to_frame(self) -> DataFrame:
        """Return one row for each rule as a pandas DataFrame (needs pandas)."""
        try:
            import pandas
        except ImportError as error:
            raise ImportError(
                'to_frame() needs pandas: pip install "eigenscope[frame]"; to_dict() works without it'
            ) from error
        rows = [
            {
                "rule": estimate.rule,
                "value": estimate.value,
                "low": estimate.interval[0],
                "high": estimate.interval[1],
                "counts": estimate.question,
                "assumes": estimate.assumption,
            }
            for estimate in self.estimates
        ]
        return pandas.DataFrame(rows)

    def summary(self) -> str:
        """Return one line for each rule and each broken assumption."""
        sizes = f"{self.spectrum.n_samples:,} samples x {self.spectrum.n_features:,} features"
        width = max(len(estimate.rule) for estimate in self.estimates)
        lines = [f"Dimensionality of {sizes}"]
        for estimate in self.estimates:
            lines.append(
                f"  {estimate.rule:<{width}} {estimate.value:>8.5g}  {estimate.question}; {estimate.assumption}"
            )
        return "\n".join(lines + [f"  warning: {text}" for text in self.warnings])
