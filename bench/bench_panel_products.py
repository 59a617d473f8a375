"""Fused products ``Aᵀ(A X)``, one thread against two: panels should scale with cores.

Rates count 4·m·n·b operations for a block of b columns.
"""

from __future__ import annotations

import numpy as np
import pytest
from eigenscope import _core
from eigenscope.run_options import single_threaded_blas
from eigenscope.testing import power_law_plus_noise

BLOCKS = [16, 32, 60]


def gram_product(operator, X, threads):
    """Call the compiled fused product; the one place that knows its binding."""
    with single_threaded_blas():
        return operator.apply(X, threads=threads, product="gram")


@pytest.fixture(scope="module")
def data(smoke):
    shape = (2000, 400) if smoke else (20_000, 4000)
    return power_law_plus_noise(*shape, dtype=np.float32).data


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("block", BLOCKS)
def test_gram_product(benchmark, data, smoke, block, threads):
    benchmark.group = f"fused Gram product, block {block}"
    X = np.asfortranarray(np.random.default_rng(0).standard_normal((data.shape[1], block)), dtype=np.float32)
    operator = _core.dense_operator_float32(data)
    arguments = (operator, X, threads)
    product = benchmark.pedantic(gram_product, arguments, rounds=1 if smoke else 7, warmup_rounds=1)
    benchmark.extra_info["GF/s"] = 4e-9 * data.size * block / benchmark.stats.stats.min
    expected = data.T @ (data @ X)
    error = np.linalg.norm(product - expected) / np.linalg.norm(expected)
    assert error < 1e-4
