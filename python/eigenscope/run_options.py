"""Options every computation shares: threads, random numbers, memory, progress and the record of what it cost."""

from __future__ import annotations

import contextlib
import functools
import math
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import scipy
from threadpoolctl import ThreadpoolController

from . import _core, control_groups
from .errors import EigenscopeWarning, InvalidInputError, UnsupportedTypeError
from .results import RunInfo

RandomSource = int | np.integer[Any] | np.random.Generator | np.random.SeedSequence | None
ProgressOption = bool | Callable[[str], object]

DEFAULT_MEMORY_SHARE = 0.75
"""Share of the free memory that ``max_memory="auto"`` allows."""

SHORTEST_SECONDS = 1e-6
"""What is left of a spent time budget: the solvers take 0 for no limit."""

MOST_THREADS = 4096
"""More than any machine has processors."""

os.register_at_fork(after_in_child=_core.forbid_threads_after_fork) if hasattr(os, "register_at_fork") else None


def resolve_threads(threads: int | None) -> int:
    """Return the number of threads to use.

    Parameters
    ----------
    threads : int or None
        A positive number is taken as it is. None means the smallest of the processors this process may use, its
        control-group limit, ``OMP_NUM_THREADS`` and ``EIGENSCOPE_NUM_THREADS``; one inside a Dask worker and in
        children of `fork`, which must not start threads again.

    Raises
    ------
    InvalidInputError
        When `threads` is not a positive integer, or larger than `MOST_THREADS`.
    """
    if _core.forbidden_after_fork():
        _warn_about_fork()
        return 1
    if threads is not None:
        if isinstance(threads, bool) or not isinstance(threads, (int, np.integer)) or threads < 1:
            raise InvalidInputError(f"threads must be a positive integer or None, got {threads!r}")
        if threads > MOST_THREADS:
            raise InvalidInputError(f"threads must be at most {MOST_THREADS:,}, got {threads}: leave it out")
        return int(threads)
    if _inside_dask_worker():
        return 1
    limits = [_core.available_processors(), control_groups.processors()]
    for variable in ("OMP_NUM_THREADS", "EIGENSCOPE_NUM_THREADS"):
        text = os.environ.get(variable, "").split(",")[0].strip()
        if text.isdigit() and int(text) > 0:
            limits.append(int(text))
    return max(1, min(limit for limit in limits if limit is not None))


@functools.cache
def _warn_about_fork() -> None:
    warnings.warn(
        "this process was forked from one that may have used threads: eigenscope runs on one thread here. "
        'Start workers with the "spawn" or "forkserver" method to use more',
        EigenscopeWarning,
        stacklevel=4,
    )


def _inside_dask_worker() -> bool:
    worker_module = sys.modules.get("distributed.worker")
    state = getattr(worker_module, "thread_state", None)
    return state is not None and hasattr(state, "key")


def resolve_seed(rng: RandomSource) -> int:
    """Return the 64-bit seed of the counter-based generator; None draws a fresh one, which `info.seed` records.

    Parameters
    ----------
    rng : int, numpy.random.Generator, numpy.random.SeedSequence or None
        The same integer gives the same bits for any number of threads; a Generator advances.
    """
    if rng is None:
        return int(np.random.SeedSequence().generate_state(1, np.uint64)[0])
    if isinstance(rng, np.random.Generator):
        return int(rng.integers(0, 2**63))
    if isinstance(rng, np.random.SeedSequence):
        return int(rng.generate_state(1, np.uint64)[0])
    if isinstance(rng, (int, np.integer)) and not isinstance(rng, bool):
        if not 0 <= rng < 2**64:
            raise InvalidInputError(f"rng as an integer must lie between 0 and 2**64 - 1, got {rng}")
        return int(rng)
    raise UnsupportedTypeError(
        f"rng must be an int, numpy.random.Generator, numpy.random.SeedSequence or None, got {type(rng).__name__}"
    )


class _BlasThreads:
    """Counts who needs SciPy's BLAS single-threaded, because its thread count belongs to the whole process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sections = 0
        self._single = 0
        self._saved: list[tuple[Any, int]] = []

    @functools.cached_property
    def _libraries(self) -> list[Any]:
        libraries = ThreadpoolController().select(user_api="blas").lib_controllers
        borrowed = [library for library in libraries if "scipy" in (library.filepath or "").lower()]
        return borrowed or list(libraries)

    @contextlib.contextmanager
    def limited(self, threads: int) -> Iterator[None]:
        """Hold the count at `threads`, or at one while anybody needs that."""
        with self._lock:
            if self._sections == 0:
                self._saved = [(library, library.get_num_threads()) for library in self._libraries]
            self._sections += 1
            self._single += threads == 1
            for library in self._libraries:
                _set_threads(library, 1 if self._single else threads)
        try:
            yield
        finally:
            with self._lock:
                self._sections -= 1
                self._single -= threads == 1
                if self._sections == 0:
                    for library, count in self._saved:
                        _set_threads(library, count)


def _set_threads(library: Any, count: int) -> None:
    # threadpoolctl 3.7 and later ignores all Python threads but the first that asked; sections are counted here.
    getattr(library, "_real_set_num_threads", library.set_num_threads)(count)


_blas_threads = _BlasThreads()


def single_threaded_blas() -> contextlib.AbstractContextManager[None]:
    """Keep BLAS on one thread while our own threads each call it."""
    return _blas_threads.limited(1)


def lapack_threads(threads: int, reproducible: bool) -> contextlib.AbstractContextManager[None]:
    """Let a large LAPACK call use BLAS's own threads; one thread when bits must not depend on them."""
    return _blas_threads.limited(1 if reproducible else threads)


def check_callback(callback: Any) -> None:
    """Raise when what is to be called during a run cannot be."""
    if callback is not None and not callable(callback):
        raise InvalidInputError(f"callback must be a function of a dict, got {callback!r}")


def asks_to_stop(answer: Any) -> bool:
    """Whether a callback has returned True, Python's or NumPy's."""
    return isinstance(answer, (bool, np.bool_)) and bool(answer)


def memory_budget(max_memory: int | float | str) -> int:
    """Return the number of bytes a computation may take beyond its input.

    Parameters
    ----------
    max_memory : int, float or "auto"
        Bytes, infinity for no limit; "auto" is three quarters of what is free, within the control group's limit.

    Raises
    ------
    InvalidInputError
        For anything else.
    """
    if isinstance(max_memory, str) and max_memory == "auto":
        return int(DEFAULT_MEMORY_SHARE * _free_memory())
    if isinstance(max_memory, bool) or not isinstance(max_memory, (int, float, np.integer, np.floating)):
        raise InvalidInputError(f'max_memory must be a number of bytes or "auto", got {max_memory!r}')
    if not max_memory > 0:
        raise InvalidInputError(f"max_memory must be positive, got {max_memory!r}")
    return int(min(max_memory, sys.maxsize))


def _free_memory() -> int:
    candidates = []
    with contextlib.suppress(OSError, ValueError, IndexError), open("/proc/meminfo") as file:
        available = next(line for line in file if line.startswith("MemAvailable"))
        candidates.append(int(available.split()[1]) * 1024)
    in_group = control_groups.free_memory()
    if in_group is not None:
        candidates.append(in_group)
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        with open("/proc/self/statm") as file:
            pages = [int(count) for count in file.read().split()]
        # The whole address space, and the part of it that is neither a file nor code.
        for kind, in_use in ((resource.RLIMIT_AS, pages[0]), (resource.RLIMIT_DATA, pages[5])):
            soft_limit = resource.getrlimit(kind)[0]
            if soft_limit != resource.RLIM_INFINITY:
                candidates.append(max(0, soft_limit - in_use * resource.getpagesize()))
    return min(candidates, default=4 << 30)


def resolve_budget(value: int | None, name: str, default: int) -> int:
    """Return a positive whole number, `default` for None.

    Raises
    ------
    InvalidInputError
        For anything else.
    """
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)) or not value >= 1:
        raise InvalidInputError(f"{name} must be positive, got {value!r}")
    if not math.isfinite(value) or value != int(value):
        raise InvalidInputError(f"{name} must be a whole number, got {value!r}")
    return int(value)


def resolve_count(value: object, name: str, least: int = 0) -> int:
    """Return an integer of at least `least`, or raise.

    Raises
    ------
    InvalidInputError
        For anything else.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        wanted = "a non-negative integer" if least == 0 else f"an integer of at least {least}"
        raise InvalidInputError(f"{name} must be {wanted}, got {value!r}")
    return int(value)


def check_seconds(value: Any) -> None:
    """Raise when a budget of seconds, which may be none at all, is not a number."""
    if value is None:
        return
    is_number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not (is_number and value >= 0):
        raise InvalidInputError(f"max_seconds must be a number that is not negative, got {value!r}")


def resolve_seconds(value: float | None) -> float:
    """Return a budget of seconds, 0 for none.

    Raises
    ------
    InvalidInputError
        When it is not a positive number.
    """
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)) or not value > 0:
        raise InvalidInputError(f"max_seconds must be positive, got {value!r}")
    return float(value) if np.isfinite(value) else 0.0


class Progress:
    """Tell the caller how far a computation has come: silent, one line on standard error, or a callable."""

    def __init__(self, option: ProgressOption, title: str) -> None:
        self._title = title
        self._write: Callable[[str], object] | None = None
        self._is_terminal_line = False
        if not callable(option) and not isinstance(option, (bool, np.bool_)):
            raise InvalidInputError(f"progress must be True, False or a function of one string, got {option!r}")
        if callable(option):
            self._write = option
        elif option:
            self._is_terminal_line = sys.stderr.isatty()
            self._write = self._write_line

    def _write_line(self, text: str) -> None:
        if self._is_terminal_line:
            sys.stderr.write(f"\r\x1b[K{text}")
        else:
            sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def __call__(self, text: str) -> None:
        """Report one line."""
        if self._write is not None:
            self._write(f"{self._title}: {text}")

    def close(self) -> None:
        """End the line on a terminal."""
        if self._is_terminal_line:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    @property
    def wanted(self) -> bool:
        """Whether anybody listens."""
        return self._write is not None


class Stopwatch:
    """Measures one computation and writes its `RunInfo`."""

    def __init__(self, threads: int, seed: int | None = None) -> None:
        self._began = time.perf_counter()
        self._threads = threads
        self._seed = seed

    @property
    def seconds(self) -> float:
        """Time since the computation began."""
        return time.perf_counter() - self._began

    def info(self, method: str, *, n_matvecs: int = 0, n_passes: int = 0, peak_bytes: int = 0) -> RunInfo:
        """Return the record of the computation that ends now."""
        return RunInfo(
            method=method,
            n_matvecs=int(n_matvecs),
            n_passes=int(n_passes),
            seconds=self.seconds,
            peak_bytes=int(peak_bytes),
            threads=self._threads,
            seed=self._seed,
            backend=backend(),
            versions=versions(),
        )


@functools.cache
def backend() -> str:
    """Return threading backend and instruction set, as in ``openmp, v4``."""
    config = _core.build_config()
    return f"{config['parallel']}, {config['instruction_set']}"


@functools.cache
def versions() -> dict[str, str]:
    """Return the versions that decide what a number is."""
    return {"eigenscope": _core.__version__, "numpy": np.__version__, "scipy": scipy.__version__}
