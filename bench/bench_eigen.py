"""`eigsh` beside ARPACK, PRIMME and LOBPCG; products counted where they are what costs; sparse times block."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse.linalg
from eigen_cases import goe_case, graph_case, grid_case, power_law_case, small_case
from eigenscope import as_operator, eigsh, testing

CASES = {
    "small": (lambda: small_case(200), lambda: small_case(50)),
    "goe": (lambda: goe_case(4000), lambda: goe_case(500)),
    "covariance": (lambda: power_law_case(4000), lambda: power_law_case(500)),
    "grid": (lambda: grid_case(300), lambda: grid_case(30)),
    "large grid": (lambda: grid_case(700), lambda: grid_case(40)),
    "graph": (lambda: graph_case(200_000, 40), lambda: graph_case(2000, 10)),
}
CONTENDERS = ["eigenscope", "scipy eigsh (ARPACK)", "primme eigsh", "scipy lobpcg", "numpy eigh"]


@pytest.fixture(scope="module", params=CASES)
def case(request, smoke):
    full, small = CASES[request.param]
    return small() if smoke else full()


@pytest.mark.parametrize("contender", CONTENDERS)
def test_eigsh(benchmark, measure, case, contender):
    if contender not in case.contenders:
        pytest.skip(f"{contender} does not take part")
    benchmark.group = case.name
    error = measure(case, contender)
    if contender == "eigenscope":
        assert error < 1e-5


@pytest.mark.parametrize("threads", [1, 2])
def test_sparse_times_block(benchmark, smoke, threads):
    n = 5000 if smoke else 200_000
    benchmark.group = "CSR x 16 columns"
    operator = as_operator(testing.random_graph_adjacency(n, mean_degree=40))
    block = np.asfortranarray(np.random.default_rng(0).standard_normal((n, 16)))
    benchmark.pedantic(operator.product, (block, threads), rounds=1 if smoke else 7, warmup_rounds=1)


def count_arpack_products(matrix, k, which, tol):
    """Products ARPACK asks for, and its values."""
    count = [0]

    def product(x):
        count[0] += 1
        return matrix @ x

    operator = scipy.sparse.linalg.LinearOperator(matrix.shape, matvec=product, dtype=float)
    values, _ = scipy.sparse.linalg.eigsh(operator, k, which=which, tol=tol)
    return count[0], values


@pytest.mark.parametrize("work", ["uniform", "path"])
def test_products(benchmark, smoke, work):
    if work == "uniform":
        n = 2000 if smoke else 20_000
        matrix, which = scipy.sparse.diags_array(testing.uniform_spectrum(n)).tocsr(), "LM"
        held = testing.diagonal_operator(testing.uniform_spectrum(n))
    else:
        n = 500 if smoke else 2000
        matrix, which = testing.path_laplacian(n), "SA"
        held = matrix
    benchmark.group = f"products, {work}, n = {n}"
    result = benchmark.pedantic(eigsh, (held, 10), {"which": which, "tol": 1e-4, "rng": 0, "check": False}, rounds=1)
    benchmark.extra_info["products"] = result.info.n_matvecs
    benchmark.extra_info["passes"] = result.info.n_passes
    benchmark.extra_info["products of ARPACK"] = count_arpack_products(matrix, 10, which, 1e-4)[0]
    print(benchmark.extra_info)
