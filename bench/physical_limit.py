"""What the machine could do at best with the work of a case: arithmetic at the rate of single-threaded BLAS on every
core, or traffic at the bandwidth of its memory, whichever takes longer."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import functools
import os
import statistics
import time
from collections.abc import Callable

import numpy as np
import threadpoolctl
from eigenscope.bench_short import OURS, Case, Outcome

N_TRIALS = 3


@dataclasses.dataclass(frozen=True)
class Work:
    """Arithmetic operations, bytes read, and the scalar type of both."""

    flops: float
    nbytes: float
    dtype: str = "float32"


@dataclasses.dataclass(frozen=True)
class LimitedCase(Case):
    """A case with the work that ours does, from the counts of its result."""

    work: Callable[[], Work] | None = None


def fused_work(result, stored_values: int, k: int, nbytes: int) -> Work:
    """4 m n b per fused pass over a block of b vectors, and as much for the two products of the k triplets."""
    vectors = result.info.n_matvecs - 2 * k
    return Work(4.0 * stored_values * (vectors + k), float(result.info.n_passes * nbytes), result.U.dtype.name)


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def best_seconds(run: Callable[[], object]) -> float:
    def timed() -> float:
        start = time.perf_counter()
        run()
        return time.perf_counter() - start

    run()
    return min(timed() for _ in range(N_TRIALS))


@functools.cache
def blas_rate(dtype: str) -> float:
    """Operations per second of a large product on one thread."""
    order = 2000
    factor = np.random.default_rng(0).standard_normal((order, order)).astype(dtype)
    with threadpoolctl.threadpool_limits(1):
        return 2.0 * order**3 / best_seconds(lambda: factor @ factor)


@functools.cache
def bandwidth() -> float:
    """Bytes per second that all cores together read from memory."""
    values = np.ones((cores(), 25_000_000), dtype=np.float32)
    with threadpoolctl.threadpool_limits(1), concurrent.futures.ThreadPoolExecutor(cores()) as pool:
        return values.nbytes / best_seconds(lambda: list(pool.map(lambda part: part @ part, values)))


def format_limit(case: Case, outcomes: list[Outcome]) -> str | None:
    """Return one line: the limits of a case and the share of the harder one that ours reaches."""
    if not isinstance(case, LimitedCase) or case.work is None:
        return None
    work, n_cores = case.work(), cores()
    seconds = statistics.median(next(o.seconds for o in outcomes if o.contender == OURS))
    rate = n_cores * blas_rate(work.dtype)
    arithmetic, traffic = work.flops / rate, work.nbytes / bandwidth()
    limit = max(arithmetic, traffic)
    return (
        f"{case.name}: {work.flops / 1e9:.0f} Gflop at {rate / 1e9:.0f} Gflop/s on {n_cores} cores take "
        f"{arithmetic:.2f} s, {work.nbytes / 1e9:.1f} GB at {bandwidth() / 1e9:.0f} GB/s {traffic:.2f} s; "
        f"eigenscope {seconds:.2f} s, {100 * limit / seconds:.0f} % of the limit"
    )
