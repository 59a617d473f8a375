"""Every piece of work beside its peers, alternately in one process; prints ratios and achieved errors.

python bench/comparison.py [--smoke] [--rounds N] [--only WORD] [--json PATH]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import pathlib
import platform
from collections.abc import Callable

from environment import release_blas_overrides

BLAS_LINE = release_blas_overrides()

import eigenscope
import numpy as np
import scipy
from bench_density import sparse_case as density_case
from eigen_cases import goe_case, graph_case, grid_case, power_law_case, small_case
from eigenscope.bench_short import Case, Outcome, compare, covariance_case, format_table
from physical_limit import format_limit
from svd_cases import (
    all_eigenvalues_case,
    dense_case,
    full_spectrum_case,
    memmap_case,
    same_error_case,
    sparse_case,
    white_noise_case,
)

Maker = Callable[[], Case]

CASES: dict[str, tuple[Maker, Maker]] = {
    # name: (full size, small size)
    "covariance": (lambda: covariance_case(8000, 3000), lambda: covariance_case(800, 300)),
    "svds dense": (lambda: dense_case(20_000, 4000, 50), lambda: dense_case(2000, 400, 10)),
    "svds sparse": (lambda: sparse_case(100_000, 20_000, 4_000_000, 50), lambda: sparse_case(2000, 500, 20_000, 5)),
    "svds memmap": (lambda: memmap_case(60_000, 6000, 20), lambda: memmap_case(3000, 300, 5)),
    "svds white noise": (lambda: white_noise_case(5000, 3000, 20), lambda: white_noise_case(600, 300, 5)),
    "svds same error": (lambda: same_error_case(20_000, 4000, 50), lambda: same_error_case(2000, 400, 10)),
    "svds full spectrum": (lambda: full_spectrum_case(4000), lambda: full_spectrum_case(200)),
    "svds eigenvalues": (lambda: all_eigenvalues_case(4000), lambda: all_eigenvalues_case(200)),
    "density": (lambda: density_case(200_000, 8_000_000, 50, 32), lambda: density_case(4000, 80_000, 20, 8)),
    "eigsh small": (lambda: small_case(200), lambda: small_case(50)),
    "eigsh goe": (lambda: goe_case(4000), lambda: goe_case(500)),
    "eigsh covariance": (lambda: power_law_case(4000), lambda: power_law_case(500)),
    "eigsh grid": (lambda: grid_case(300), lambda: grid_case(30)),
    "eigsh large grid": (lambda: grid_case(700), lambda: grid_case(40)),
    "eigsh random graph": (lambda: graph_case(200_000, 40), lambda: graph_case(2000, 10)),
}


def machine() -> dict[str, str]:
    """Return what a reader needs to judge the numbers."""
    return {
        "platform": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "eigenscope": eigenscope.__version__,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="small sizes and one round")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count (default 5)")
    parser.add_argument("--only", default="", help="only work whose name contains this word")
    parser.add_argument("--json", type=pathlib.Path, help="also write times, ratios and errors here")
    options = parser.parse_args()
    print(BLAS_LINE)
    outcomes: list[Outcome] = []
    limits: list[str | None] = []
    for name, (full, small) in CASES.items():
        if options.only in name:
            case = small() if options.smoke else full()
            found = compare(case, rounds=1 if options.smoke else options.rounds)
            limits.append(format_limit(case, found))
            outcomes += found
    print(format_table(outcomes))
    print(*[f"- {line}" for line in limits if line], sep="\n")
    if options.json:
        content = {"machine": machine(), "outcomes": [dataclasses.asdict(outcome) for outcome in outcomes]}
        options.json.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
