"""Threads, seeds, memory and progress."""

from __future__ import annotations

import os
import subprocess
import sys
import types

import numpy as np
import pytest
from eigenscope import _core, control_groups, covariance_spectrum, run_options
from eigenscope.byte_sizes import format_bytes
from eigenscope.errors import InvalidInputError, UnsupportedTypeError


def clear(monkeypatch):
    for variable in ("OMP_NUM_THREADS", "EIGENSCOPE_NUM_THREADS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(control_groups, "processors", lambda: None)
    monkeypatch.setattr(_core, "available_processors", lambda: 16)


def test_threads_are_the_smallest_of_all_limits(monkeypatch):
    clear(monkeypatch)
    assert run_options.resolve_threads(None) == 16
    monkeypatch.setenv("OMP_NUM_THREADS", "12,4")
    assert run_options.resolve_threads(None) == 12
    monkeypatch.setenv("EIGENSCOPE_NUM_THREADS", "7")
    assert run_options.resolve_threads(None) == 7
    monkeypatch.setattr(control_groups, "processors", lambda: 3)
    assert run_options.resolve_threads(None) == 3
    monkeypatch.setattr(_core, "available_processors", lambda: 2)
    assert run_options.resolve_threads(None) == 2
    # What is asked for is given.
    assert run_options.resolve_threads(9) == 9
    assert run_options.resolve_threads(np.int64(5)) == 5


@pytest.mark.parametrize("text", ["", "many", "0", "-3", "1.5"])
def test_limits_that_are_no_numbers_are_ignored(monkeypatch, text):
    clear(monkeypatch)
    monkeypatch.setenv("OMP_NUM_THREADS", text)
    assert run_options.resolve_threads(None) == 16


@pytest.mark.parametrize("threads", [0, -1, 1.5, "2", True])
def test_wrong_threads_are_refused(threads):
    with pytest.raises(InvalidInputError, match=f"positive integer or None, got {threads!r}"):
        run_options.resolve_threads(threads)


def test_absurd_threads_are_refused():
    assert run_options.resolve_threads(run_options.MOST_THREADS) == run_options.MOST_THREADS
    with pytest.raises(InvalidInputError, match="threads must be at most 4,096, got 1000000"):
        run_options.resolve_threads(10**30)


def test_inside_a_dask_worker_there_is_one_thread_unless_asked(monkeypatch):
    clear(monkeypatch)
    worker = types.SimpleNamespace(thread_state=types.SimpleNamespace(key="task"))
    monkeypatch.setitem(sys.modules, "distributed.worker", worker)
    assert run_options.resolve_threads(None) == 1
    assert run_options.resolve_threads(4) == 4
    del worker.thread_state.key
    assert run_options.resolve_threads(None) == 16


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs processor affinity")
def test_affinity_is_respected():
    script = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); import eigenscope; "
    script += "from eigenscope.run_options import resolve_threads; print(resolve_threads(None))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL
    )
    assert done.stdout.strip() == "1"


def test_seeds():
    assert run_options.resolve_seed(7) == run_options.resolve_seed(np.uint8(7)) == 7
    assert run_options.resolve_seed(2**64 - 1) == 2**64 - 1
    sequence = np.random.SeedSequence(3)
    assert run_options.resolve_seed(sequence) == run_options.resolve_seed(np.random.SeedSequence(3))
    generator = np.random.default_rng(0)
    first, second = run_options.resolve_seed(generator), run_options.resolve_seed(generator)
    assert first != second
    assert run_options.resolve_seed(np.random.default_rng(0)) == first
    assert run_options.resolve_seed(None) != run_options.resolve_seed(None)
    for number in (-1, 2**64):
        with pytest.raises(InvalidInputError, match=f"between 0 and 2\\*\\*64 - 1, got {number}"):
            run_options.resolve_seed(number)
    for wrong in (1.5, "1", True, np.random.RandomState(0)):
        with pytest.raises(UnsupportedTypeError, match=type(wrong).__name__):
            run_options.resolve_seed(wrong)


def test_memory_budgets():
    assert run_options.memory_budget(12345) == 12345
    assert run_options.memory_budget(2.5e9) == 2_500_000_000
    assert 0 < run_options.memory_budget("auto") < 2**50
    with pytest.raises(InvalidInputError, match="must be positive, got 0"):
        run_options.memory_budget(0)
    with pytest.raises(InvalidInputError, match="must be positive, got nan"):
        run_options.memory_budget(float("nan"))
    with pytest.raises(InvalidInputError, match="number of bytes or \"auto\", got 'lots'"):
        run_options.memory_budget("lots")
    for wrong in (None, True, [1]):
        with pytest.raises(InvalidInputError, match='max_memory must be a number of bytes or "auto", got'):
            run_options.memory_budget(wrong)
    assert run_options.memory_budget(float("inf")) == run_options.memory_budget(10**40) == sys.maxsize


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (60_000, "60 kB"), (999_949, "1 MB"), (1.5e9, "1.5 GB"), (9.25e18, "9250 PB")],
)
def test_bytes_have_the_unit_that_fits(count, text):
    assert format_bytes(count) == text


def test_the_address_space_limits_the_automatic_budget():
    resource = pytest.importorskip("resource")
    del resource
    script = "import resource, eigenscope; from eigenscope.run_options import memory_budget; "
    script += "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize(); "
    script += "resource.setrlimit(resource.RLIMIT_AS, (used + 2**30, -1)); print(memory_budget('auto'))"
    if not os.path.exists("/proc/self/statm"):
        pytest.skip("needs the proc file system")
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL
    )
    assert 0 < int(done.stdout) <= 2**30


def test_progress_is_silent_unless_wanted(capsys):
    X = np.random.default_rng(0).standard_normal((30, 4))
    covariance_spectrum(X)
    assert capsys.readouterr() == ("", "")
    covariance_spectrum(X, progress=True)
    written = capsys.readouterr()
    assert written.out == ""
    assert "covariance_spectrum: 30 samples x 4 features" in written.err
    lines = []
    covariance_spectrum(X, progress=lines.append)
    assert lines == ["covariance_spectrum: 30 samples x 4 features"]
    assert capsys.readouterr() == ("", "")


def test_the_record_of_a_run():
    info = covariance_spectrum(np.eye(5), threads=2).info
    assert info.threads == 2
    assert info.seconds > 0
    assert info.peak_bytes >= 8 * 25
    assert set(info.versions) == {"eigenscope", "numpy", "scipy"}
    assert info.backend.split(", ")[0] in ("openmp", "threads", "serial")
