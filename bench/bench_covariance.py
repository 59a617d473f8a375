"""Full covariance spectrum: eigenscope beside NumPy and scikit-learn."""

from __future__ import annotations

import pytest
from eigenscope.bench_short import covariance_case


@pytest.fixture(scope="module")
def case(smoke):
    return covariance_case(800, 300) if smoke else covariance_case(8000, 3000)


@pytest.mark.benchmark(group="covariance spectrum")
@pytest.mark.parametrize("contender", ["eigenscope", "numpy eigvalsh(cov(X.T))", "scikit-learn PCA full"])
def test_covariance_spectrum(measure, case, contender):
    error = measure(case, contender)
    if contender == "eigenscope":
        assert error < 1e-6
