"""Budgets of singular triplets: what they allow is what is spent, and more of them is never worse."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from eigenscope import svds, testing
from eigenscope.errors import ConvergenceWarning
from scipy.sparse import csr_array
from scipy.sparse.linalg import aslinearoperator

TAIL = 1e-12 * np.linspace(1, 0.1, 376)
GRADED = testing.rectangular_matrix(np.concatenate([10.0 ** -np.arange(0, 12, 0.5), TAIL]), (600, 400), rng=0)
NOISE = np.random.default_rng(0).standard_normal((900, 900))


def run(A, k, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return svds(A, k, method="block-krylov", rng=0, **options)


@pytest.mark.parametrize("k", [1, 6, 22])
@pytest.mark.parametrize("limit", [60, 100, 150, 200, 400])
def test_products_stay_within_their_budget(k, limit):
    # Two products with every triplet, and two blocks, however few are allowed.
    least = 2 * k + 40
    for A, tol in ((NOISE, 1e-8), (GRADED, 1e-12)):
        result = run(A, k, tol=tol, max_matvecs=limit)
        assert result.info.n_matvecs <= max(limit, least)


def test_small_values_are_refined_only_where_the_budget_allows_it_and_never_for_the_worse():
    counts, residuals = [], []
    for limit in (60, 90, 120, 160, 200, 240, 1000):
        result = run(GRADED, 22, tol=1e-12, max_matvecs=limit)
        assert result.status == ("converged" if result.converged.all() else "budget")
        counts.append(int(result.converged.sum()))
        residuals.append(float(result.residual_norms.max()))
    assert counts == sorted(counts)
    assert counts[0] > 0
    assert counts[-1] == 22
    assert max(residuals) < 1e-6


@pytest.mark.parametrize("held", [aslinearoperator, csr_array])
def test_small_operators_are_not_written_out_beyond_the_budget(held):
    for limit in (10, 40, 100):
        with pytest.warns(ConvergenceWarning):
            result = svds(held(NOISE[:250, :150]), 3, max_matvecs=limit, rng=0)
        assert result.info.n_matvecs <= max(limit, 46)
        assert result.status == "budget"
