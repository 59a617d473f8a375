"""Pairs nearest a number that is an eigenvalue, nearly one, or far away: what the dense matrix gives."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from eigenscope import eigsh
from eigenscope.errors import ConvergenceWarning

LADDER = scipy.sparse.diags_array(np.arange(450.0)).tocsr()


@pytest.mark.parametrize("which", ["LM", "LA", "SA", "BE"])
@pytest.mark.parametrize("offset", [0.0, 1e-9, -1e-9, 1e-6, -1e-5, -1e-4, -1e-3])
def test_numbers_close_to_an_eigenvalue(which, offset):
    sigma = 267 + offset
    sparse, dense = (eigsh(A, 4, sigma=sigma, which=which, rng=0) for A in (LADDER, LADDER.toarray()))
    assert sparse.status == "converged"
    np.testing.assert_allclose(sparse.eigenvalues, dense.eigenvalues, atol=1e-9)


def test_copies_on_the_farther_side_are_not_forgotten():
    values = np.repeat(np.arange(90.0), 5)
    result = eigsh(scipy.sparse.diags_array(values).tocsr(), 7, sigma=40.0000001, rng=1)
    np.testing.assert_allclose(result.eigenvalues, [40.0] * 5 + [41.0] * 2, atol=1e-9)


def test_random_spectra_agree_with_the_dense_path():
    for seed in range(40):
        generator = np.random.default_rng(seed)
        values = np.round(2 * generator.standard_normal(int(generator.integers(401, 480))), 1 if seed % 3 else 6)
        sigma = float(generator.choice(values)) + [0, 1e-9, 1e-6, 1e-3, 0.031][(seed // 5) % 5]
        which, k = ["LM", "LA", "SA", "BE", "SM"][seed % 5], int(generator.integers(1, 9))
        A = scipy.sparse.diags_array(values).tocsr()
        sparse, dense = (eigsh(M, k, sigma=sigma, which=which, rng=seed) for M in (A, A.toarray()))
        assert sparse.status == "converged"
        distances = (np.sort(np.abs(result.eigenvalues - sigma)) for result in (sparse, dense))
        np.testing.assert_allclose(*distances, atol=1e-8)


@pytest.mark.parametrize("sigma", [1e2, 1e8, 1e300])
def test_farthest_pairs_are_as_accurate_as_any(sigma):
    A = scipy.sparse.diags_array(np.linspace(-9, 25, 450)).tocsr()
    result = eigsh(A, 3, sigma=sigma, which="SM", rng=0)
    vectors = result.eigenvectors
    assert result.status == "converged"
    assert np.linalg.norm(A @ vectors - vectors * result.eigenvalues, axis=0).max() < 1e-9 * 25
    if sigma < 1e20:
        np.testing.assert_allclose(result.eigenvalues, np.linspace(-9, 25, 450)[:3], atol=1e-10)


def test_graded_spectra_take_no_more_than_one_decomposition():
    values = 10.0 ** -np.linspace(0, 12, 800)
    result = eigsh(scipy.sparse.diags_array(values).tocsr(), 25, which="SM", rng=0)
    np.testing.assert_allclose(result.eigenvalues, np.sort(values)[:25], atol=1e-14)
    assert result.info.n_matvecs <= 2 * 800


@pytest.mark.parametrize(
    ("n", "k", "options"),
    [(2000, 60, {}), (2000, 150, {"basis_size": 400}), (2000, 3, {"basis_size": 20}), (450, 140, {}), (450, 449, {})],
)
def test_many_farthest_pairs_are_planned_for_both_ends(n, k, options):
    values = np.random.default_rng(k).uniform(-9, 25, n)
    A = scipy.sparse.diags_array(values).tocsr()
    result = eigsh(A, k, sigma=4.0, which="SM", rng=0, **options)
    farthest = values[np.argsort(-np.abs(values - 4.0))[:k]]
    assert result.status == "converged"
    np.testing.assert_allclose(result.eigenvalues, farthest, atol=1e-9)
    assert result.info.n_matvecs <= 4 * n


def test_a_budget_for_the_farthest_pairs_is_kept():
    A = scipy.sparse.diags_array(np.random.default_rng(0).uniform(-9, 25, 2000)).tocsr()
    with pytest.warns(ConvergenceWarning, match="max_matvecs"):
        result = eigsh(A, 40, sigma=4.0, which="SM", rng=0, max_matvecs=500)
    assert result.status == "budget"
    assert result.info.n_matvecs <= 500
    assert not result.converged.all()


COPIES = scipy.sparse.diags_array(np.repeat(np.arange(1000.0), 5)).tocsr()


def test_copies_of_the_number_itself_in_an_order_too_large_for_lapack():
    result = eigsh(COPIES, 12, sigma=40.0, rng=0)
    assert result.status == "converged"
    np.testing.assert_allclose(np.sort(np.abs(result.eigenvalues - 40)), [0] * 5 + [1] * 7, atol=1e-9)


@pytest.mark.parametrize(
    "budget", [{"max_matvecs": 1}, {"max_matvecs": 30}, {"max_matvecs": 100}, {"max_seconds": 0.01}]
)
def test_the_search_for_copies_of_the_number_keeps_the_budget(budget):
    with pytest.warns(ConvergenceWarning, match="max_matvecs"):
        result = eigsh(COPIES, 12, sigma=40.0, rng=0, **budget)
    assert result.status == "budget"
    # One pair and its certificate may begin before the end, and one basis fills the rest.
    assert result.info.n_matvecs <= budget.get("max_matvecs", 100) + 50
    assert not result.converged.all()
    np.testing.assert_allclose(result.eigenvalues[result.converged], 40.0, atol=1e-9)
