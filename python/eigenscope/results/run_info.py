"""What a computation cost and how it was done."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from ..byte_sizes import format_bytes
from .base import Result


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class RunInfo(Result):
    """What a computation cost and how it was done.

    Parameters
    ----------
    method : str
        The algorithm that ran, in words.
    n_matvecs : int
        Products with single vectors; a block of b columns counts b.
    n_passes : int
        Times the data were read.
    seconds : float
        Wall time.
    peak_bytes : int
        Working memory beyond the input, as allocated by the algorithm.
    threads : int
        Threads used; results do not depend on it.
    seed : int or None
        Seed of the random numbers, None when none were drawn.
    backend : str
        Threading backend and instruction set.
    versions : mapping of str to str
        Versions of eigenscope, NumPy and SciPy.
    """

    method: str = ""
    n_matvecs: int = 0
    n_passes: int = 0
    seconds: float = 0.0
    peak_bytes: int = 0
    threads: int = 1
    seed: int | None = None
    backend: str = ""
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def summary(self) -> str:
        """Return method and cost on one line."""
        return (
            f"{self.method}: {self.n_passes} passes, {self.n_matvecs} products, {self.seconds:.3g} s, "
            f"{format_bytes(self.peak_bytes)}, {self.threads} threads"
        )
