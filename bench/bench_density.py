"""Spectral densities and log-determinants beside imate and primate: same degree and probes, or same tolerance.

pytest bench/bench_density.py        timings
python bench/bench_density.py        products, coverage and bandwidth as a table
"""

from __future__ import annotations

import time

import numpy as np
import pytest
import scipy.sparse
from eigenscope import logdet, spectral_density, testing
from eigenscope.bench_short import Case


def random_sparse(n: int, nonzeros: int) -> scipy.sparse.csr_matrix:
    """Return a symmetric matrix with randomly placed entries and a diagonal that makes it positive definite."""
    random = np.random.default_rng(0)
    half = nonzeros // 2
    entries = random.standard_normal(half), (random.integers(0, n, half), random.integers(0, n, half))
    lower = scipy.sparse.coo_array(entries, shape=(n, n)).tocsr()
    per_row = nonzeros / n
    return scipy.sparse.csr_matrix(0.5 * (lower + lower.T) + np.sqrt(8 * per_row) * scipy.sparse.eye_array(n))


def sparse_case(n: int, nonzeros: int, degree: int, n_probes: int) -> Case:
    """Set up ``tr log A / n`` by quadrature; the truth comes from eight times the probes."""
    A = random_sparse(n, nonzeros)
    single = A.astype(np.float32)
    options = {"degree": degree, "n_probes": n_probes, "rng": 0, "check": False, "reorthogonalize": False}
    truth = spectral_density(A, **(options | {"n_probes": 8 * n_probes})).expectation(np.log).value
    contenders = {
        "eigenscope": lambda: [spectral_density(A, **options).expectation(np.log).value],
        "eigenscope float32": lambda: [spectral_density(single, **options).expectation(np.log).value],
    }
    try:
        import imate
    except ImportError:
        return Case(f"{n_probes} probes x {degree} steps, CSR n = {n}", np.array([truth]), contenders)

    def with_imate(matrix):
        found = imate.logdet(
            matrix,
            method="slq",
            min_num_samples=n_probes,
            max_num_samples=n_probes,
            lanczos_degree=degree,
            error_rtol=1e-9,
        )
        return [found / n]

    contenders["imate"] = lambda: with_imate(A)
    contenders["imate float32"] = lambda: with_imate(single)
    return Case(f"{n_probes} probes x {degree} steps, CSR n = {n}", np.array([truth]), contenders)


@pytest.fixture(scope="module")
def case(smoke):
    return sparse_case(4000, 80_000, 20, 8) if smoke else sparse_case(200_000, 8_000_000, 50, 32)


@pytest.mark.benchmark(group="spectral density of a sparse matrix")
@pytest.mark.parametrize("contender", ["eigenscope", "eigenscope float32", "imate", "imate float32"])
def test_spectral_density(measure, case, contender):
    if contender not in case.contenders:
        pytest.skip("imate is not installed")
    assert measure(case, contender) < 1e-2


def dense_step_seconds(n: int, n_probes: int) -> tuple[float, float]:
    """Return seconds per Lanczos step of a dense float32 matrix, and per product of NumPy with the same block."""
    A = testing.goe(n, rng=0).astype(np.float32)
    block = np.random.default_rng(0).standard_normal((n, n_probes)).astype(np.float32)
    seconds = []
    for degree in (5, 35):
        start = time.perf_counter()
        spectral_density(A, degree=degree, n_probes=n_probes, reorthogonalize=False, check=False, rng=0)
        seconds.append(time.perf_counter() - start)
    A @ block
    start = time.perf_counter()
    for _ in range(5):
        A @ block
    return (seconds[1] - seconds[0]) / 30, (time.perf_counter() - start) / 5


def log_determinant_table(n: int, n_seeds: int) -> None:
    """Print products and coverage at 1 % and 95 %, and the products others spend on the same matrix."""
    spectra = {
        "uniform 0.01 … 1": testing.uniform_spectrum(n, low=0.01, high=1.0),
        "geometric 1e-3 … 1": np.geomspace(1e-3, 1.0, n),
        "Wishart + 1": testing.wishart_spectrum(2 * n, n, rng=0) + 1.0,
    }
    for name, values in spectra.items():
        A, truth = testing.symmetric_matrix(values, rng=0), float(np.log(values).sum())
        found = [logdet(A, rng=seed, check=False) for seed in range(n_seeds)]
        hits = sum(e.interval[0] <= truth <= e.interval[1] for e in found)
        products = np.mean([e.n_matvecs for e in found])
        print(f"{name:22} eigenscope: {products:6.0f} products, interval holds in {hits} of {n_seeds}")
        for peer in (imate_log_determinant, primate_log_determinant):
            try:
                runs = [peer(A, truth, seed) for seed in range(3)]
            except ImportError:
                continue
            spent, errors = np.transpose(runs)
            print(f"{'':22} {peer.__name__.split('_')[0]:11} {spent.mean():6.0f} products, error {errors.mean():.1e}")


def imate_log_determinant(A, truth: float, seed: int) -> tuple[float, float]:
    """Return products and relative error at 1 % and 95 %, degree 20 as it is by default."""
    import imate

    value, info = imate.logdet(
        scipy.sparse.csr_matrix(A),
        method="slq",
        error_rtol=1e-2,
        max_num_samples=500,
        lanczos_degree=20,
        seed=seed,
        return_info=True,
    )
    return 20 * info["convergence"]["num_samples_used"], abs(value / truth - 1)


def primate_log_determinant(A, truth: float, seed: int) -> tuple[float, float]:
    """Return the same; the distribution is called scikit-primate."""
    from primate.operators import matrix_function
    from primate.trace import hutch

    value, result = hutch(
        matrix_function(A, fun=np.log, deg=20),
        converge="confidence",
        confidence=0.95,
        atol=1e-2 * abs(truth),
        rtol=0.0,
        batch=4,
        seed=seed,
        full=True,
    )
    return 20 * len(result.estimator), abs(value / truth - 1)


if __name__ == "__main__":
    ours, gemm = dense_step_seconds(10_000, 16)
    print(f"dense float32 n = 10 000, 16 probes: {1e3 * ours:.1f} ms per step, NumPy product {1e3 * gemm:.1f} ms")
    log_determinant_table(1000, 100)
