"""Seconds and speed-up of the main works against the number of threads, and whether the bits stay the same.

python bench/scaling.py [--smoke] [--threads 1 2 4 …] [--rounds N] [--only WORD]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from environment import release_blas_overrides

BLAS_LINE = release_blas_overrides()

import numpy as np
from bench_density import random_sparse
from bench_neural import power_law_repeats
from bench_panel_products import gram_product
from eigenscope import _core, as_operator, covariance_spectrum, eigsh, spectral_density, svds, testing
from eigenscope.neural import cvpca
from physical_limit import cores

Run = Callable[[int], np.ndarray]


def fused_product(rows: int, columns: int) -> Run:
    data = testing.power_law_plus_noise(rows, columns, dtype=np.float32).data
    X = np.asfortranarray(np.random.default_rng(0).standard_normal((columns, 32)), dtype=np.float32)
    operator = _core.dense_operator_float32(data)
    return lambda threads: np.asarray(gram_product(operator, X, threads))


def sparse_product(n: int) -> Run:
    operator = as_operator(testing.random_graph_adjacency(n, mean_degree=40))
    block = np.asfortranarray(np.random.default_rng(0).standard_normal((n, 16)))
    return lambda threads: np.asarray(operator.product(block, threads))


def spectrum(rows: int, columns: int) -> Run:
    X = testing.power_law_plus_noise(rows, columns, dtype=np.float32).data
    return lambda threads: covariance_spectrum(X, threads=threads).eigenvalues


def singular_values(rows: int, columns: int, k: int) -> Run:
    X = testing.power_law_plus_noise(rows, columns, dtype=np.float32).data
    return lambda threads: svds(X, k, threads=threads, rng=0).singular_values


def graph_eigenvalues(n: int, k: int) -> Run:
    graph = testing.random_graph_adjacency(n, mean_degree=40)
    return lambda threads: eigsh(graph, k, which="LA", tol=1e-8, threads=threads, rng=0).eigenvalues


def density(n: int, nonzeros: int) -> Run:
    A = random_sparse(n, nonzeros)
    options = {"degree": 50, "n_probes": 32, "rng": 0, "check": False, "reorthogonalize": False}
    return lambda threads: spectral_density(A, threads=threads, **options).cdf(np.linspace(0, 60, 101))


def cross_validated_spectrum(n_stimuli: int, n_neurons: int, k: int) -> Run:
    X1, X2 = power_law_repeats(n_stimuli, n_neurons, 0.5, np.random.default_rng(0))
    return lambda threads: cvpca(X1, X2, k=k, n_shuffles=16, threads=threads, rng=0).eigenvalues


WORKS: dict[str, tuple[Callable[[], Run], Callable[[], Run]]] = {
    # name: (full size, small size)
    "fused Gram product, 20000 x 4000 float32 x 32": (
        lambda: fused_product(20_000, 4000),
        lambda: fused_product(2000, 400),
    ),
    "CSR x 16 columns, 8 M nonzeros": (lambda: sparse_product(200_000), lambda: sparse_product(2000)),
    "covariance spectrum, 8000 x 3000 float32": (lambda: spectrum(8000, 3000), lambda: spectrum(800, 300)),
    "svds, 20000 x 4000 float32, k = 50": (
        lambda: singular_values(20_000, 4000, 50),
        lambda: singular_values(2000, 400, 10),
    ),
    "eigsh, random graph, 8 M nonzeros, 20 LA": (
        lambda: graph_eigenvalues(200_000, 20),
        lambda: graph_eigenvalues(2000, 5),
    ),
    "density, 32 probes x 50 steps, 8 M nonzeros": (
        lambda: density(200_000, 8_000_000),
        lambda: density(2000, 40_000),
    ),
    "cvPCA, 2800 x 10000, 16 exchanges, top 500": (
        lambda: cross_validated_spectrum(2800, 10_000, 500),
        lambda: cross_validated_spectrum(140, 500, 20),
    ),
}


def doubled_up_to(limit: int) -> list[int]:
    """Return 1, 2, 4, … and the limit."""
    return sorted({limit, *(2**power for power in range(limit.bit_length()) if 2**power <= limit)})


def print_scaling(name: str, run: Run, threads: list[int], rounds: int) -> None:
    """Print the least time of some rounds for every number of threads."""
    reference = run(threads[-1])
    alone = None
    for count in threads:
        seconds = []
        for _ in range(rounds):
            start = time.perf_counter()
            answer = run(count)
            seconds.append(time.perf_counter() - start)
        alone = alone or threads[0] * min(seconds)
        bits = "same bits" if np.array_equal(answer, reference) else f"{np.abs(answer - reference).max():.0e} off"
        print(f"{name:46} {count:3} threads {min(seconds):9.4f} s {alone / min(seconds):6.2f}x  {bits}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="small sizes and one round")
    parser.add_argument("--threads", type=int, nargs="+", default=doubled_up_to(cores()), help="default 1, 2, 4, …")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, the fastest counts (default 3)")
    parser.add_argument("--only", default="", help="only works whose name contains this word")
    options = parser.parse_args()
    print(BLAS_LINE)
    for name, (full, small) in WORKS.items():
        if options.only in name:
            run = small() if options.smoke else full()
            print_scaling(name, run, options.threads, 1 if options.smoke else options.rounds)


if __name__ == "__main__":
    main()
