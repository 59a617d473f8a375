"""Which method computes singular triplets, and what happens when it cannot."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from eigenscope import svds, triplets_by_method
from eigenscope.errors import ConvergenceWarning

random = np.random.default_rng(0)
SQUARE, TALL = random.standard_normal((600, 600)), random.standard_normal((4800, 600))


@pytest.mark.parametrize(
    ("A", "k", "method"),
    [
        (SQUARE, 6, "block Krylov"),
        (SQUARE, 200, "second moments"),
        (SQUARE, 600, "LAPACK gesdd"),
        (SQUARE.astype(np.float32), 500, "LAPACK gesdd"),
        (TALL, 6, "second moments"),
        (TALL, 200, "second moments"),
        (TALL.T, 200, "second moments"),
    ],
)
def test_the_method_is_the_one_that_takes_least(A, k, method):
    result = svds(A, k, rng=0)
    assert result.status == "converged"
    assert result.info.method.startswith(method)
    exact = np.linalg.svd(A.astype(float), compute_uv=False)[:k]
    np.testing.assert_allclose(result.singular_values, exact, atol=64 * np.finfo(A.dtype).eps * exact[0])


def stagnating(solve):
    """Let every run but LAPACK's end above its tolerance."""

    def run(prepared, settings, *arguments):
        result = solve(prepared, settings, *arguments)
        return result if settings["direct"] else dataclasses.replace(result, status="stagnated")

    return run


def test_lapack_finds_what_an_iteration_could_not(monkeypatch):
    alone = svds(SQUARE, 6, rng=0)
    monkeypatch.setattr(triplets_by_method, "solve", stagnating(triplets_by_method.solve))
    result = svds(SQUARE, 6, rng=0)
    assert result.status == "converged"
    assert result.info.method == f"{alone.info.method}, then LAPACK gesdd"
    assert result.info.n_matvecs > alone.info.n_matvecs
    np.testing.assert_allclose(result.singular_values, alone.singular_values, rtol=1e-10)
    tight = {"max_matvecs": alone.info.n_matvecs + 100}
    for options in (tight, {"max_seconds": 60.0}, {"method": "block-krylov"}):
        with pytest.warns(ConvergenceWarning, match="rounding prevents more"):
            assert svds(SQUARE, 6, rng=0, **options).info.method == alone.info.method


def test_tolerances_near_rounding_are_met():
    A = random.standard_normal((1000, 300)) * (random.uniform(size=(1000, 300)) < 0.1)
    for seed in range(10):
        result = svds(A, 10, tol=1e-14, center=True, rng=seed)
        assert result.status == "converged"
