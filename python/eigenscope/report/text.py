"""The report as plain text of at most 100 columns."""

from __future__ import annotations

import dataclasses
import itertools
import textwrap
from collections.abc import Mapping

from .quantities import Quantity, list_quantities
from .result import Report

WIDTH = 100
_LABEL_WIDTH = 32
_VALUE_WIDTH = 20
_TRUTH_WIDTH = 10


def render_text(report: Report, *, truth: Mapping[str, float] | None = None) -> str:
    """Return the report as a text table.

    Parameters
    ----------
    report : Report
        The report.
    truth : mapping of str to float, optional
        True values by name of the number, shown beside the estimates.

    Returns
    -------
    str
        Lines of at most 100 columns, unless the path of the data is longer.
    """
    blocks = [_title(report), _heads(truth is not None)]
    for section, quantities in itertools.groupby(list_quantities(report), key=lambda quantity: quantity.section):
        rows = [_row(quantity, truth) for quantity in quantities]
        blocks.append("\n".join([section, *rows]))
    if report.warnings:
        blocks.append("Warnings\n" + "\n".join(_bullet(warning) for warning in report.warnings))
    blocks.append(_calls(report))
    return "\n\n".join(blocks)


def _heads(with_truth: bool) -> str:
    truth = f"{'truth':>{_TRUTH_WIDTH}}" if with_truth else ""
    return f"{'':<{2 + _LABEL_WIDTH}}{'value ± std. error':>{_VALUE_WIDTH}}{truth}  unit; meaning"


def _title(report: Report) -> str:
    spectrum = report.spectrum
    treatment = ("centred" if spectrum.centered else "not centred") + (", scaled" if spectrum.scaled else "")
    lines = [
        f"Eigenspectrum report (eigenscope {report.info.versions.get('eigenscope', '')}, rng={report.info.seed})",
        f"  {report.data.summary()}",
        f"  {treatment} over samples; {_constant_features(report)}; took {report.info.seconds:.1f} s",
    ]
    if (spectrum.n_samples, spectrum.n_features) != (report.data.n_samples, report.data.n_features):
        lines.append(f"  analysed: {spectrum.n_samples:,} samples x {spectrum.n_features:,} features")
    return "\n".join(lines)


def _constant_features(report: Report) -> str:
    count = report.data.n_constant_features
    return f"{count:,} constant features" if count else "no constant features"


def _row(quantity: Quantity, truth: Mapping[str, float] | None) -> str:
    """Return label, number, true number if any, and comment; a long comment is wrapped under itself."""
    row = f"  {quantity.label:<{_LABEL_WIDTH}}{quantity.format_value():>{_VALUE_WIDTH}}"
    if truth is not None:
        row += f"{_format_truth(quantity, truth):>{_TRUTH_WIDTH}}"
    unit = "" if quantity.unit == "%" else quantity.unit
    comment = "; ".join(part for part in (unit, quantity.note) if part)
    indent = len(row) + 2
    return (
        "\n".join([row, *textwrap.wrap(comment, WIDTH - indent)])
        .replace("\n", "  ", 1)
        .replace("\n", "\n" + " " * indent)
    )


def _format_truth(quantity: Quantity, truth: Mapping[str, float]) -> str:
    if quantity.name not in truth:
        return ""
    exact = dataclasses.replace(quantity, value=truth[quantity.name], stderr=float("nan"))
    return exact.format_value()


def _bullet(text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent="  ! ", subsequent_indent="    ")


def _calls(report: Report) -> str:
    """List the few calls that every number is read from, as lines that run."""
    width = max(len(name) for name in CALLS_SHOWN)
    lines = ["Each number again in Python (report.calls holds every expression)", *opening_lines(report)]
    for name in CALLS_SHOWN:
        if name in report.calls:
            line = f"{name:<{width}} = {report.calls[name]}"
            # Broken between arguments alone, where Python allows it.
            lines += textwrap.wrap(
                line, WIDTH, subsequent_indent=" " * (width + 3), break_long_words=False, break_on_hyphens=False
            )
    return "\n".join(lines)


def opening_lines(report: Report) -> list[str]:
    """Return the lines of Python that all calls of a report need first: its imports, and the data.

    Parameters
    ----------
    report : Report
        The report.

    Returns
    -------
    list of str
        One statement, or a remark that `X` is the caller's, a line.
    """
    data = report.data.source.split("; ", 1) if report.data.source else ["# X is the data that were analysed"]
    return ["import eigenscope", *data]


CALLS_SHOWN = ("spectrum", "noise", "permuted", "power_law", "signal_power_law")
"""The calls whose results all other numbers are attributes of."""
