"""What a call would cost, before it runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from . import _core
from .errors import InvalidInputError
from .operators import compute_dtype, is_implicit
from .results import Result
from .run_options import memory_budget, resolve_threads

FLOPS_PER_SECOND = 5e10
"""Assumed rate of one core on double-precision panel products; single precision counts double."""

BYTES_PER_SECOND = 1e10
"""Assumed memory bandwidth of one core."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Plan(Result):
    """Predicted cost of a call.

    Parameters
    ----------
    function : str
        The function planned for.
    method : str
        How it would be computed.
    n_passes : int
        Times the data would be read; an upper estimate for iterations.
    flops : float
        Arithmetic operations.
    peak_bytes : int
        Working memory beyond the input.
    seconds : float
        A rough prediction from assumed rates of one core.
    fits : bool
        Whether `peak_bytes` is within the memory budget.
    threads : int
        Threads that would be used.
    """

    function: str
    method: str
    n_passes: int
    flops: float
    peak_bytes: int
    seconds: float
    fits: bool
    threads: int

    def summary(self) -> str:
        """Return the plan in two lines."""
        verdict = "fits" if self.fits else "does not fit the memory budget"
        return (
            f"{self.function}: {self.method}\n"
            f"  about {self.n_passes} passes, {self.flops / 1e9:.1f} Gflop, {self.peak_bytes / 1e6:.0f} MB beyond "
            f"the input ({verdict}), roughly {self.seconds:.2g} s on {self.threads} threads"
        )


def plan(
    function: Callable[..., Any] | str,
    X: Any,
    k: int | None = None,
    *,
    sample_axis: int = 0,
    max_memory: int | float | str = "auto",
    threads: int | None = None,
) -> Plan:
    """Predict passes, bytes and seconds of a call without reading the data.

    Parameters
    ----------
    function : callable or str
        `covariance_spectrum`, `svds`, `randomized_svd` or `eigsh`, or its name.
    X : array_like, sparse matrix or operator
        What it would be called with; only shape and dtype are looked at.
    k : int, optional
        Number of pairs or triplets; 6 where the function's default is.
    sample_axis : {0, 1}
        Axis along which samples lie.
    max_memory : int, float or "auto"
        The budget to compare with.
    threads : int, optional
        Threads, as in the call.

    Returns
    -------
    Plan
        The prediction.

    Raises
    ------
    InvalidInputError
        For a function that cannot be planned.

    Examples
    --------
    >>> import numpy as np
    >>> plan("covariance_spectrum", np.zeros((100, 20)), threads=1).n_passes
    1
    """
    name = function if isinstance(function, str) else function.__name__
    planners = {
        "covariance_spectrum": _plan_covariance,
        "svds": _plan_krylov,
        "randomized_svd": _plan_randomized,
        "eigsh": _plan_krylov,
    }
    if name not in planners:
        raise InvalidInputError(f"plan knows {', '.join(planners)}, not {name!r}")
    if not hasattr(X, "shape") or len(X.shape) != 2:
        raise InvalidInputError("plan needs data with a two-dimensional shape")
    rows, columns = X.shape if sample_axis in (0, -2) else X.shape[::-1]
    item = 8 if is_implicit(X) else compute_dtype(X.dtype).itemsize
    n_threads = resolve_threads(threads)
    method, n_passes, flops, peak_bytes = planners[name](int(rows), int(columns), k, item, n_threads)
    stored = rows * columns * item
    rate = FLOPS_PER_SECOND * (8 // item if item < 8 else 1) * n_threads
    seconds = flops / rate + n_passes * stored / (BYTES_PER_SECOND * n_threads)
    return Plan(name, method, n_passes, flops, peak_bytes, seconds, peak_bytes <= memory_budget(max_memory), n_threads)


def _plan_covariance(n: int, p: int, k: int | None, item: int, threads: int) -> tuple[str, int, float, int]:
    order = min(n, p)
    workspace = _core.moments_workspace_bytes(n, p, item == 4, threads)
    flops = float(order) ** 2 * max(n, p) + 4 / 3 * float(order) ** 3
    side = "moment pass over samples" if p <= n else "Gram pass over features"
    return f"{side}, LAPACK of order {order}", 1, flops, 8 * order * order * (2 if k else 1) + workspace


def _plan_krylov(n: int, p: int, k: int | None, item: int, threads: int) -> tuple[str, int, float, int]:
    wanted, block = k or 6, 16
    columns = max(2 * wanted + 4 * block, wanted + 12 * block)
    n_blocks = columns // block
    flops = 4.0 * n * p * columns + 2.0 * p * columns**2 + 4.0 * n * p * wanted
    peak = item * (p * (columns + 3 * block) + 4 * n * wanted)
    return f"block Krylov, about {n_blocks} blocks of {block}", n_blocks + 4, flops, peak


def _plan_randomized(n: int, p: int, k: int | None, item: int, threads: int) -> tuple[str, int, float, int]:
    wanted, n_blocks = k or 6, 4
    block = wanted + 10
    columns = n_blocks * block
    flops = 4.0 * n * p * columns + 2.0 * p * columns**2 + 4.0 * n * p * wanted
    return (
        f"randomized block Krylov, {n_blocks} blocks of {block}",
        n_blocks + 3,
        flops,
        item * (p * (columns + 3 * block) + 4 * n * wanted),
    )
