"""What this installation is, for bug reports: BLAS, threads, instruction set, versions."""

from __future__ import annotations

import platform
import sys

from threadpoolctl import threadpool_info

from . import _core
from .run_options import resolve_threads, versions


def show_config(*, return_text: bool = False) -> str | None:
    """Print (or return) BLAS, threads, instruction set, compiler and versions.

    Parameters
    ----------
    return_text : bool
        Return the text instead of printing it.

    Returns
    -------
    str or None
        The text, when asked for.

    Examples
    --------
    >>> "instruction set" in show_config(return_text=True)
    True
    """
    build = _core.build_config()
    rows = [(name, version) for name, version in versions().items()]
    rows += [
        ("python", sys.version.split()[0]),
        ("platform", platform.platform()),
        ("compiler", build["compiler"]),
        ("eigen", build["eigen"]),
        ("instruction set", build["instruction_set"]),
        ("threads", f"{resolve_threads(None)} ({build['parallel']})"),
    ]
    for library in threadpool_info():
        if library["user_api"] == "blas":
            origin = "scipy" if "scipy" in library["filepath"] else "other"
            rows.append(
                (
                    f"blas ({origin})",
                    f"{library['internal_api']} {library['version']}, {library['num_threads']} threads",
                )
            )
    text = "\n".join(f"{name:<16} {value}" for name, value in rows)
    if return_text:
        return text
    print(text)
    return None
