"""Similarity of many networks: one basis per network beside the covariance route for every pair.

A pair by the covariance route costs inverse square roots of two covariance matrices; ours costs a product of two
cached bases. The table multiplies a measured sample of pairs up to all of them. The error is against canonical
correlations of the well-conditioned systems from which badly conditioned copies were made.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
from eigenscope.neural import kernel_alignment, pairwise_distances, svcca

K = 10


def inverse_root(covariance):
    """Return ``C^-1/2`` as the public codes do: eigenvalues, floored at zero, inverted."""
    values, vectors = np.linalg.eigh(covariance)
    return vectors * (1 / np.sqrt(np.maximum(values, 1e-300))) @ vectors.T


def covariance_route(X, Y):
    """Mean canonical correlation by inverses of covariance matrices."""
    A, B = X - X.mean(axis=0), Y - Y.mean(axis=0)
    product = inverse_root(A.T @ A) @ (A.T @ B) @ inverse_root(B.T @ B)
    return float(np.linalg.svd(product, compute_uv=False).mean())


def svd_then_covariance_route(X, Y):
    """SVCCA as published: principal components of both systems for each pair, then the covariance route."""
    parts = []
    for system in (X, Y):
        centred = system - system.mean(axis=0)
        U, s, _ = np.linalg.svd(centred, full_matrices=False)
        parts.append(U[:, :K] * s[:K])
    return covariance_route(*parts)


def networks(count, n_stimuli, n_units, rng):
    latent = rng.standard_normal((n_stimuli, 8))
    return [np.tanh(latent @ rng.standard_normal((8, n_units))).astype(np.float32) for _ in range(count)]


@pytest.mark.benchmark(group="pairwise CCA")
def test_pairwise_distances(benchmark, smoke):
    count, n_stimuli, n_units = (40, 200, 32) if smoke else (2000, 2000, 128)
    systems = networks(count, n_stimuli, n_units, np.random.default_rng(0))
    result = benchmark.pedantic(lambda: pairwise_distances(systems, K), rounds=1)
    n_pairs = count * (count - 1) // 2
    ours = benchmark.stats.stats.min / n_pairs
    for name, route in (("covariance", covariance_route), ("SVD and covariance", svd_then_covariance_route)):
        pairs = [(2 * i, 2 * i + 1) for i in range(3 if smoke else 20)]
        start = time.perf_counter()
        values = [route(*(systems[i].astype(np.float64) for i in pair)) for pair in pairs]
        theirs = (time.perf_counter() - start) / len(pairs)
        benchmark.extra_info[f"{name} route / ours"] = round(theirs / ours, 1)
        if route is svd_then_covariance_route:
            np.testing.assert_allclose([1 - result.distances[pair] for pair in pairs], values, rtol=1e-6)
    print(f"\n{n_pairs} pairs, {1e6 * ours:.1f} us each: {benchmark.extra_info}")


@pytest.mark.benchmark(group="CCA at condition 1e8")
@pytest.mark.parametrize("contender", ["eigenscope", "covariance route"])
def test_badly_conditioned(benchmark, contender):
    rng = np.random.default_rng(1)
    left, right = rng.standard_normal((2, 2000, K))
    truth = covariance_route(left, right)

    def bad_map():
        U, V = (np.linalg.qr(rng.standard_normal((K, K)))[0] for _ in range(2))
        return U * np.geomspace(1, 1e-8, K) @ V

    X, Y = left @ bad_map(), right @ bad_map()
    routes = {
        "eigenscope": lambda: svcca(X, Y, K, n_groups=0).similarity.value,
        "covariance route": lambda: covariance_route(X, Y),
    }
    value = benchmark.pedantic(routes[contender], rounds=3)
    benchmark.extra_info["error"] = error = abs(value - truth)
    print(f"\n{contender}: error {error:.1g}")
    if contender == "eigenscope":
        assert error < 1e-6


@pytest.mark.benchmark(group="kernel alignment")
@pytest.mark.parametrize("contender", ["eigenscope", "Gram matrices in NumPy, 20 jackknife groups"])
def test_kernel_alignment(benchmark, smoke, contender):
    n_stimuli, n_neurons = (200, 300) if smoke else (2000, 4000)
    rng = np.random.default_rng(2)
    latent = rng.standard_normal((n_stimuli, 50))
    X, Y = (latent @ rng.standard_normal((50, n_neurons)) for _ in range(2))

    def unbiased(K, L):
        n = len(K)
        ends = K.sum() * L.sum() / ((n - 1) * (n - 2)) - 2 * K.sum(axis=0) @ L.sum(axis=0) / (n - 2)
        return (np.sum(K * L) + ends) / (n * (n - 3))

    def without(group):
        A, B = np.delete(X, group, axis=0), np.delete(Y, group, axis=0)
        K, L = A @ A.T, B @ B.T
        np.fill_diagonal(K, 0)
        np.fill_diagonal(L, 0)
        return unbiased(K, L) / np.sqrt(unbiased(K, K) * unbiased(L, L))

    def by_definition():
        replicates = [without(group) for group in np.array_split(np.arange(n_stimuli), 20)]
        assert len(replicates) == 20
        return without(np.arange(0))

    run = by_definition if contender != "eigenscope" else lambda: kernel_alignment(X, Y).debiased.value
    assert benchmark.pedantic(run, rounds=1) == pytest.approx(without(np.arange(0)), rel=1e-8)
