"""The report as one self-contained web page: tables, picture and calls, no script, nothing fetched."""

from __future__ import annotations

import base64
import io
import itertools
from html import escape

from .quantities import Quantity, list_quantities
from .result import Report
from .text import opening_lines

_PICTURE_DPI = 160

STYLE = """
.eigenscope { font: 15px/1.5 system-ui, sans-serif; color: #22272e; max-width: 62rem; margin: 0 auto; }
.eigenscope h1 { font-size: 1.5rem; margin: 1.2rem 0 .2rem; }
.eigenscope h2 { font-size: 1rem; margin: 1.6rem 0 .3rem; border-bottom: 1px solid #d0d7de; }
.eigenscope .lead { color: #57606a; margin: 0 0 1rem; }
.eigenscope table { border-collapse: collapse; width: 100%; }
.eigenscope th { font-size: .8rem; font-weight: 400; color: #57606a; text-align: right; }
.eigenscope th:last-child { text-align: left; padding-left: 1rem; }
.eigenscope table.plain { width: auto; }
.eigenscope table.plain th { text-align: left; padding: 0 1rem 0 0; }
.eigenscope td { padding: .22rem .6rem .22rem 0; vertical-align: baseline; text-align: left; }
.eigenscope td.value { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; font-weight: 600; }
.eigenscope td.note { color: #57606a; padding-left: 1rem; }
.eigenscope .warning { background: #fff4e5; border-left: 4px solid #d55e00; padding: .45rem .8rem; margin: .4rem 0; }
.eigenscope code, .eigenscope pre { font: 12.5px/1.45 ui-monospace, monospace; }
.eigenscope pre { background: #f6f8fa; padding: .8rem; overflow-x: auto; }
.eigenscope img { width: 100%; height: auto; margin: .6rem 0; }
"""


def render_page(report: Report) -> str:
    """Return a complete page with tables, picture and calls.

    Parameters
    ----------
    report : Report
        The report.

    Returns
    -------
    str
        HTML that refers to nothing outside itself.
    """
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<title>Eigenspectrum report</title>\n</head>\n<body>\n"
        f"{render_fragment(report, picture=True)}\n</body>\n</html>\n"
    )


def render_fragment(report: Report, *, picture: bool = False) -> str:
    """Return the report as a piece of HTML, for notebooks.

    Parameters
    ----------
    report : Report
        The report.
    picture : bool
        Whether to draw the figure into it.

    Returns
    -------
    str
        HTML with its own style.
    """
    spectrum = report.spectrum
    treatment = ("centred" if spectrum.centered else "not centred") + (", scaled" if spectrum.scaled else "")
    parts = [
        f'<style>{STYLE}</style>\n<div class="eigenscope">',
        "<h1>Eigenspectrum report</h1>",
        f'<p class="lead">{escape(report.data.summary())}; {treatment} over samples</p>',
        *(f'<p class="warning">{escape(warning)}</p>' for warning in report.warnings),
    ]
    if picture:
        parts.append(f'<img alt="Eigenspectrum, noise bulk, cumulative variance, dimensions" src="{_picture(report)}">')
    for section, quantities in itertools.groupby(list_quantities(report), key=lambda quantity: quantity.section):
        heads = "<tr><th></th><th>value ± standard error</th><th>unit; 95 % interval; meaning</th></tr>"
        parts.append(f"<h2>{escape(section)}</h2>\n<table>{heads}{''.join(map(_row, quantities))}</table>")
    parts += [_sensitivity(report), _calls(report), _origin(report), "</div>"]
    return "\n".join(part for part in parts if part)


def _row(quantity: Quantity) -> str:
    unit = "" if quantity.unit == "%" else quantity.unit
    interval = "" if quantity.low != quantity.low else f"95 % interval {quantity.low:.4g} to {quantity.high:.4g}"
    note = "; ".join(part for part in (unit, interval, quantity.note) if part)
    return (
        f'<tr title="{escape(quantity.call)}"><td>{escape(quantity.label)}</td>'
        f'<td class="value">{escape(quantity.format_value())}</td><td class="note">{escape(note)}</td></tr>'
    )


def _sensitivity(report: Report) -> str:
    if report.power_law is None or not report.power_law.range_sensitivity:
        return ""
    rows = "".join(
        f'<tr><td>ranks {first:,.0f}–{last:,.0f}</td><td class="value">{exponent:.3f}</td></tr>'
        for first, last, exponent in report.power_law.range_sensitivity
    )
    heads = "<tr><th>ranks</th><th>rank exponent</th></tr>"
    return f'<h2>Rank exponent from other ranges</h2>\n<table class="plain">{heads}{rows}</table>'


def _calls(report: Report) -> str:
    lines = opening_lines(report)
    lines += [
        f"{name} = {call}" if name.isidentifier() else f"{call}  # {name.replace('_', ' ')}"
        for name, call in report.calls.items()
    ]
    code = "\n".join(lines)
    return f"<h2>Every number again in Python</h2>\n<pre><code>{escape(code)}</code></pre>"


def _origin(report: Report) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in report.info.versions.items())
    return (
        f'<p class="lead">{escape(versions)}; rng={report.info.seed}; {report.info.threads} threads; '
        f"{report.info.seconds:.1f} s.</p>"
    )


def _picture(report: Report) -> str:
    """Return the figure as a data URL, drawn without pyplot so that no window opens."""
    from matplotlib.figure import Figure

    from .figure import FIGURE_SIZE

    figure = report.plot(Figure(figsize=FIGURE_SIZE, layout="constrained"))
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_PICTURE_DPI)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
