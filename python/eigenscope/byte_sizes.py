"""Numbers of bytes in words, for every message and summary."""

from __future__ import annotations

_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


def format_bytes(count: float) -> str:
    """Return a number of bytes with three digits in the unit a reader expects: "312 MB", "1.5 GB".

    Parameters
    ----------
    count : float
        Number of bytes.

    Returns
    -------
    str
        The number and its unit.
    """
    if count < 1e3:
        return f"{count:.0f} bytes"
    # Rounded first, or 999.9 kB would be written with an exponent.
    rounded = float(f"{count:.3g}")
    power = min(int(f"{rounded:e}".split("e")[1]) // 3, len(_UNITS) - 1)
    return f"{rounded / 1000**power:.15g} {_UNITS[power]}"
