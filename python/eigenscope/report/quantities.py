"""The numbers of a report in reading order: one list behind the text, the web page and the data frame."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

from ..results.estimate import Estimate
from .result import Report

_NAN = float("nan")

DATA_UNITS = "data units²"

WIDE_SPAN = 0.1
"""Exponents over several ranges that differ by more than this share speak against one power law."""


@dataclasses.dataclass(frozen=True)
class Quantity:
    """One number of a report.

    Parameters
    ----------
    name : str
        Key of the number in ``report.calls``.
    section : str
        Heading it is shown under.
    label : str
        What it is, in words.
    value, stderr, low, high : float
        The number, its standard error and 95 % interval; NaN when there is none.
    unit : str
        Unit in words; empty for pure numbers.
    note : str
        What its reader should know.
    call : str
        Python expression that reproduces it.
    """

    name: str
    section: str
    label: str
    value: float
    stderr: float = _NAN
    low: float = _NAN
    high: float = _NAN
    unit: str = ""
    note: str = ""
    call: str = ""

    def format_value(self) -> str:
        """Return the number with the digits its error allows."""
        if self.unit == "%":
            return f"{self.value:.1f} %"
        if self.value == round(self.value) and math.isnan(self.stderr) and abs(self.value) < 1e15:
            return f"{self.value:,.0f}"
        if math.isnan(self.stderr) or self.stderr <= 0:
            return (
                f"{round(self.value, 3) + 0.0:.3f}" if not self.unit and abs(self.value) < 10 else f"{self.value:.4g}"
            )
        decimals = 1 - math.floor(math.log10(self.stderr))
        if abs(self.value) >= 1e6 or abs(self.value) < 1e-4:
            return f"{self.value:.3e} ± {self.stderr:.1e}"
        decimals = max(decimals, 0)
        return f"{self.value:,.{decimals}f} ± {self.stderr:,.{decimals}f}"


def list_quantities(report: Report) -> list[Quantity]:
    """Return every number of the report in reading order.

    Parameters
    ----------
    report : Report
        The report.

    Returns
    -------
    list of Quantity
        With the call that reproduces each.
    """
    quantities = [*_spectrum(report), *_noise(report), *_dimensions(report), *_power_law(report)]
    return [dataclasses.replace(quantity, call=report.calls.get(quantity.name, "")) for quantity in quantities]


def _from_estimate(
    name: str, section: str, label: str, estimate: Estimate, *, unit: str = "", note: str = ""
) -> Quantity:
    low, high = estimate.interval
    return Quantity(name, section, label, estimate.value, estimate.stderr, low, high, unit, note)


def _spectrum(report: Report) -> Iterator[Quantity]:
    spectrum, section = report.spectrum, "Spectrum"
    unit = "" if spectrum.scaled else DATA_UNITS
    yield Quantity(
        "total_variance",
        section,
        "total variance",
        spectrum.total_variance,
        unit=unit,
        note="sum of all eigenvalues",
    )
    yield Quantity(
        "largest_eigenvalue",
        section,
        "largest eigenvalue",
        float(spectrum.eigenvalues[0]),
        unit=unit,
        note=f"{100 * spectrum.explained_variance_ratio[0]:.1f} % of the variance",
    )
    if not math.isnan(spectrum.lag_one_autocorrelation):
        yield Quantity(
            "lag_one_autocorrelation",
            section,
            "lag-one autocorrelation",
            spectrum.lag_one_autocorrelation,
            note="each sample with the next",
        )


def _noise(report: Report) -> Iterator[Quantity]:
    noise = report.noise
    if noise is None:
        return
    section = "Noise" if noise.credible else "Noise (doubtful: see warnings)"
    unit = "" if report.spectrum.scaled else DATA_UNITS
    yield _from_estimate("noise_variance", section, "noise variance per feature", noise.variance, unit=unit)
    yield Quantity(
        "noise_edge",
        section,
        "edge of noise without signals",
        noise.edges[1],
        unit=unit,
        note="Marchenko–Pastur law",
    )
    yield Quantity(
        "noise_threshold",
        section,
        "noise ends at",
        noise.upper_edge_threshold,
        unit=unit,
        note=f"noise beside these signals, level {noise.significance:g}",
    )
    yield Quantity(
        "variance_above_noise",
        section,
        "variance above noise",
        100 * float(report.spectrum.explained_variance_ratio[: noise.n_signal].sum()),
        unit="%",
        note="share of the total",
    )


def _dimensions(report: Report) -> Iterator[Quantity]:
    section = "Dimensions above noise"
    for rule in report.dimension_rules:
        yield Quantity(rule.name, section, rule.name.replace("_", " "), rule.n_dimensions, note=rule.meaning)
    section = "Dimensions by variance"
    yield _from_estimate(
        "participation_ratio",
        section,
        "participation ratio",
        report.participation_ratio,
        note="(Σλ)²/Σλ², noise included",
    )
    yield _from_estimate(
        "participation_ratio_corrected",
        section,
        "participation ratio, corrected",
        report.participation_ratio_corrected,
        note="bias of finite samples removed",
    )
    for share, n_dimensions in report.dims_for_variance:
        yield Quantity(
            f"dims_for_{100 * share:g}_percent",
            section,
            f"dimensions for {100 * share:g} % of variance",
            n_dimensions,
            note="noise included; few samples give too few",
        )


def _span_note(smallest: float, largest: float) -> str:
    if largest - smallest > WIDE_SPAN * max(abs(largest), abs(smallest)):
        return "a wide span: no single power law"
    return "a narrow span"


def _power_law(report: Report) -> Iterator[Quantity]:
    fit = report.power_law
    if fit is None:
        return
    first, last = fit.ranks
    low, high = fit.interval
    yield Quantity(
        "rank_exponent",
        "Power law",
        "rank exponent, as measured",
        fit.exponent,
        fit.stderr,
        low,
        high,
        note=f"ranks {first:,}–{last:,}, R² {fit.r_squared:.3f}; {low:.2f} to {high:.2f} with the bias of few samples",
    )
    if fit.range_sensitivity:
        exponents = [row[2] for row in fit.range_sensitivity]
        yield Quantity(
            "rank_exponent_smallest",
            "Power law",
            "  smallest over other ranges",
            min(exponents),
            note=f"of {len(exponents)} ranges; see power_law",
        )
        yield Quantity(
            "rank_exponent_largest",
            "Power law",
            "  largest over other ranges",
            max(exponents),
            note=_span_note(min(exponents), max(exponents)),
        )
    signal = report.signal_power_law
    if signal is not None:
        yield Quantity(
            "signal_exponent",
            "Power law",
            "rank exponent of the signal",
            signal.exponent,
            signal.stderr,
            signal.interval[0],
            signal.interval[1],
            note="noise and sampling bias removed",
        )
