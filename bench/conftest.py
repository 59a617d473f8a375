from __future__ import annotations

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from environment import release_blas_overrides

BLAS_LINE = release_blas_overrides()

import pytest


def pytest_addoption(parser):
    parser.addoption("--smoke", action="store_true", help="small sizes, one round: does every benchmark run?")


def pytest_report_header(config):
    return BLAS_LINE


@pytest.fixture(scope="session")
def smoke(request):
    return request.config.getoption("--smoke")


@pytest.fixture
def measure(benchmark, smoke):
    """Time a contender of a case and note its error beside the time."""

    def run(case, contender):
        rounds = 1 if smoke else 5
        answer = benchmark.pedantic(case.contenders[contender], rounds=rounds, warmup_rounds=1)
        benchmark.extra_info["work"] = case.name
        benchmark.extra_info["relative error"] = error = case.error(answer)
        return error

    return run


def pytest_terminal_summary(terminalreporter, config):
    session = getattr(config, "_benchmarksession", None)
    rows = getattr(session, "benchmarks", [])
    compared = [row for row in rows if "relative error" in row.extra_info]
    if compared:
        terminalreporter.section("time relative to eigenscope, at the error each reached")
    ours = {row.group: row.stats.median for row in compared if row.param == "eigenscope"}
    for row in compared:
        ratio = row.stats.median / ours[row.group] if row.group in ours else float("nan")
        work, error = row.extra_info["work"], row.extra_info["relative error"]
        terminalreporter.write_line(f"{work:58} {row.param:28} {ratio:8.2f}x   error {error:.1g}")
    rates = [row for row in rows if "GF/s" in row.extra_info]
    if rates:
        terminalreporter.section("GF/s")
    for row in rates:
        terminalreporter.write_line(f"{row.group:34} {row.param:8} {row.extra_info['GF/s']:8.0f}")
