"""Eigenpairs orthogonal to given vectors, also where the value these are given lies among those wanted."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from eigenscope import eigsh
from eigenscope.errors import ConvergenceWarning, InvalidInputError


def wanted(values, k, which):
    ascending = np.sort(values)
    upper = k - k // 2
    return {
        "LA": ascending[::-1][:k],
        "SA": ascending[:k],
        "LM": values[np.argsort(-np.abs(values), kind="stable")[:k]],
        "BE": np.concatenate([ascending[::-1][:upper], ascending[: k - upper]]),
    }[which]


def check(result, A, known, values, k, which):
    found, expected = np.sort(result.eigenvalues), np.sort(wanted(values, k, which))
    if which == "LM":
        found, expected = np.sort(np.abs(found)), np.sort(np.abs(expected))
    np.testing.assert_allclose(found, expected, atol=1e-9)
    vectors = result.eigenvectors
    np.testing.assert_allclose(A @ vectors, vectors * result.eigenvalues, atol=1e-8)
    np.testing.assert_allclose(known.T @ vectors, 0.0, atol=1e-8)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(k), atol=1e-10)
    assert result.status == "converged"
    assert result.converged.all()


@pytest.mark.parametrize("which", ["LM", "LA", "SA", "BE"])
def test_any_number_of_pairs_beside_any_known_ones(which):
    for seed in range(25):
        generator = np.random.default_rng(seed)
        n, q = int(generator.integers(20, 120)), int(generator.integers(1, 6))
        Q = np.linalg.qr(generator.standard_normal((n, n)))[0]
        values = generator.standard_normal(n)
        if seed % 2:
            values = np.round(2 * values)
        A = (Q * values) @ Q.T
        known = generator.choice(n, q, replace=False)
        k = int(generator.integers(1, n - q + 1))
        result = eigsh((A + A.T) / 2, k, which=which, deflate=Q[:, known], rng=seed)
        check(result, A, Q[:, known], np.delete(values, known), k, which)


@pytest.mark.parametrize("n", [60, 600])
def test_zeros_beside_two_large_values(n):
    A, known = np.diag(np.r_[100.0, -50.0, np.zeros(n - 2)]), np.eye(n)[:, :2]
    check(eigsh(A, 4, deflate=known, rng=0), A, known, np.zeros(n - 2), 4, "LM")


def test_zero_matrix():
    A, known = scipy.sparse.csr_array((600, 600)), np.eye(600)[:, :3]
    check(eigsh(A, 5, which="LA", deflate=known, rng=0), A, known, np.zeros(597), 5, "LA")


def test_no_more_pairs_than_are_left():
    with pytest.raises(InvalidInputError, match="k must be at most 7"):
        eigsh(np.diag(np.arange(10.0)), 8, deflate=np.eye(10)[:, :3])


@pytest.mark.parametrize("tol", [1e-2, 1e-3, 1e-4, None])
def test_tolerances_are_about_the_norm_of_the_operator(tol):
    n = 447
    ring = 2.0 * np.eye(n) - np.roll(np.eye(n), 1, axis=0) - np.roll(np.eye(n), -1, axis=0)
    result = eigsh(scipy.sparse.csr_array(ring), 2, which="SA", deflate=np.ones(n), tol=tol, rng=0)
    assert result.status == "converged"
    assert result.residual_norms.max() <= 4.0 * (tol or 1e-9)


@pytest.mark.parametrize("which", ["LM", "LA", "SA", "BE"])
def test_budgets_are_kept_with_deflation(which):
    values = np.random.default_rng(0).uniform(0.0, 1.0, 2000)
    products = []

    def multiply(block):
        products.append(block.shape[1] if block.ndim == 2 else 1)
        return values[:, None] * block

    with pytest.warns(ConvergenceWarning):
        result = eigsh(
            multiply,
            3,
            which=which,
            shape=(2000, 2000),
            deflate=np.eye(2000)[:, :3],
            max_matvecs=300,
            rng=0,
            check=False,
        )
    assert result.info.n_matvecs <= 300
    assert sum(products) <= 320
