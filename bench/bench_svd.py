"""Leading singular values of dense, sparse and stored data: eigenscope beside its peers, defaults of everybody."""

from __future__ import annotations

import pytest
from svd_cases import dense_case, memmap_case, sparse_case

CASES = {
    "dense": (lambda: dense_case(20_000, 4000, 50), lambda: dense_case(2000, 400, 10)),
    "sparse": (lambda: sparse_case(100_000, 20_000, 4_000_000, 50), lambda: sparse_case(2000, 500, 20_000, 5)),
    "memmap": (lambda: memmap_case(60_000, 6000, 20), lambda: memmap_case(3000, 300, 5)),
}
CONTENDERS = [
    "eigenscope",
    "eigenscope randomized_svd",
    "scikit-learn randomized_svd",
    "scipy svds (ARPACK)",
    "torch svd_lowrank, niter=4",
    "dask svd_compressed, n_power_iter=2",
]


@pytest.fixture(scope="module", params=CASES)
def case(request, smoke):
    full, small = CASES[request.param]
    return small() if smoke else full()


@pytest.mark.parametrize("contender", CONTENDERS)
def test_svds(measure, benchmark, case, contender):
    if contender not in case.contenders:
        pytest.skip("not a peer of this work, or not installed")
    benchmark.group = case.name
    error = measure(case, contender)
    if contender == "eigenscope":
        assert error < 1e-5
