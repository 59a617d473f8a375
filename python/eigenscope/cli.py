"""The command line: ``eigenscope analyze | demo | config | bench``."""

from __future__ import annotations

import argparse
import contextlib
import csv
import dataclasses
import importlib.util
import os
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .arguments import make_folder
from .errors import DataWarning

if TYPE_CHECKING:
    from .report import Report

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

PICTURE_DPI = 160


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; errors of the user become one line on stderr.

    Parameters
    ----------
    arguments : sequence of str, optional
        What stands after ``eigenscope``; the process's own arguments by default.

    Returns
    -------
    int
        0 on success, 1 when the data cannot be analysed, 2 for a wrong command line, 130 after Ctrl-C.
    """
    parser = _build_parser()
    try:
        options = parser.parse_args(arguments)
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else EXIT_USAGE
    try:
        options.run(options)
    except KeyboardInterrupt:
        print("eigenscope: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone (`| head`): leave quietly, without a second error at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    except (ValueError, TypeError, MemoryError, OSError, ImportError) as error:
        # Errors of this package subclass these and say what to do; one line is all a shell user needs.
        message = " ".join(str(error).split()) or type(error).__name__
        print(f"eigenscope: error: {message}", file=sys.stderr)
        return EXIT_FAILED
    return EXIT_OK


def _build_parser() -> argparse.ArgumentParser:
    from . import __version__

    parser = argparse.ArgumentParser(
        prog="eigenscope",
        description="Eigenspectra of recordings: where noise ends and how many dimensions are real.",
    )
    parser.add_argument("--version", action="version", version=f"eigenscope {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_analyze(commands.add_parser("analyze", help="report on a recording in a file (.npy .npz .mat HDF5)"))
    demo = commands.add_parser("demo", help="report on a synthetic recording, with the truth beside each estimate")
    demo.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="folder of the picture (default: here)")
    demo.add_argument("--seed", type=_seed, default=0, help="seed of the recording (default: 0)")
    demo.set_defaults(run=_run_demo)
    config = commands.add_parser("config", help="show BLAS, threads and instruction set")
    config.set_defaults(run=_run_config)
    bench = commands.add_parser("bench", help="a short comparison with NumPy, SciPy and scikit-learn")
    bench.set_defaults(run=_run_bench)
    return parser


def _add_analyze(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help=".npy, .npz, .mat or HDF5; samples x features")
    parser.add_argument("--key", metavar="NAME", help="name of the array, when the file holds several")
    parser.add_argument(
        "--sample-axis",
        type=int,
        choices=(0, 1),
        default=0,
        help="0 when rows are samples (default), 1 when columns",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="also write report.html, .npz, .csv and .png there")
    parser.add_argument(
        "--center",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="subtract feature means (default)",
    )
    parser.add_argument("--scale", action="store_true", help="divide features by their standard deviations")
    parser.add_argument(
        "--nan",
        choices=("raise", "drop_rows", "drop_columns", "pairwise"),
        default="raise",
        help="what to do about missing values (default: raise)",
    )
    parser.add_argument(
        "--ranks",
        type=int,
        nargs=2,
        metavar=("FIRST", "LAST"),
        help="ranks of the power-law fit (default: chosen)",
    )
    parser.add_argument("--seed", type=_seed, default=0, help="seed of the permutations (default: 0)")
    parser.add_argument("--threads", type=_positive, metavar="N", help="threads (default: all available)")
    parser.add_argument("--quiet", action="store_true", help="no progress on stderr")
    parser.set_defaults(run=_run_analyze)


def _seed(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"must not be negative, got {value}")
    return value


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {value}")
    return value


class _ProgressOfLongWork:
    """Writes progress to standard error from the third second on, at most once a second."""

    def __init__(self) -> None:
        self._next = time.monotonic() + 2
        self._is_terminal = sys.stderr.isatty()

    def __call__(self, text: str) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + 1
        sys.stderr.write(f"\r\x1b[K{text}" if self._is_terminal else f"{text}\n")
        sys.stderr.flush()

    def close(self) -> None:
        if self._is_terminal:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _run_analyze(options: argparse.Namespace) -> None:
    from .report import analyze

    if options.out is not None:
        # What cannot be written is reported before minutes of work, not after.
        if importlib.util.find_spec("matplotlib") is None:
            raise ImportError('--out draws a picture and needs matplotlib: pip install "eigenscope[plot]"')
        make_folder(options.out)
    with contextlib.closing(_ProgressOfLongWork()) as progress, warnings.catch_warnings():
        # The report says the same in its own words.
        warnings.simplefilter("ignore", DataWarning)
        report = analyze(
            options.file,
            key=options.key,
            sample_axis=options.sample_axis,
            center=options.center,
            scale=options.scale,
            nan=options.nan,
            ranks=None if options.ranks is None else tuple(options.ranks),
            rng=options.seed,
            threads=options.threads,
            progress=False if options.quiet else progress,
        )
    print(report.summary())
    if options.out is not None:
        _write_files(report, options.out)


def _write_files(report: Report, folder: Path) -> None:
    from matplotlib.figure import Figure

    from .report.figure import FIGURE_SIZE

    report.save(folder / "report.npz")
    report.to_html(folder / "report.html")
    _write_table(report, folder / "report.csv")
    figure = report.plot(Figure(figsize=FIGURE_SIZE, layout="constrained"))
    figure.savefig(folder / "report.png", dpi=PICTURE_DPI)
    print(f"\nwrote report.html, report.npz, report.csv and report.png to {folder}")


def _write_table(report: Report, path: Path) -> None:
    """Write one number a row; what is not known stays empty. Needs no pandas."""
    from .report.quantities import Quantity, list_quantities

    names = [field.name for field in dataclasses.fields(Quantity)]
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(names)
        for quantity in list_quantities(report):
            values = (getattr(quantity, name) for name in names)
            table.writerow("" if value != value else value for value in values)


def _run_demo(options: argparse.Namespace) -> None:
    from .demo import run

    run(options.out, seed=options.seed)


def _run_config(options: argparse.Namespace) -> None:
    from .config import show_config

    show_config()


def _run_bench(options: argparse.Namespace) -> None:
    from .bench_short import run

    run()
