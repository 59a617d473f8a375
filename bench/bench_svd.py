"""Leading singular values of dense float32 data: eigenscope beside scikit-learn and ARPACK, defaults."""

from __future__ import annotations

import pytest
from eigenscope.bench_short import svd_case

CONTENDERS = [
    "eigenscope",
    "eigenscope randomized_svd",
    "scikit-learn randomized_svd",
    "scipy svds (ARPACK)",
]


@pytest.fixture(scope="module")
def case(smoke):
    return svd_case(2000, 400, k=10) if smoke else svd_case(20_000, 4000, k=50)


@pytest.mark.benchmark(group="leading singular values")
@pytest.mark.parametrize("contender", CONTENDERS)
def test_svds(measure, case, contender):
    error = measure(case, contender)
    if contender == "eigenscope":
        assert error < 1e-5
