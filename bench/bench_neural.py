"""Analyses of neural populations beside the reference procedures written in NumPy, at the same numbers."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from eigenscope.bench_short import Case
from eigenscope.neural import cvpca
from eigenscope.neural.eigen_moments import moments_over_orders
from eigenscope.neural.repeats import random_halves
from eigenscope.run_options import resolve_threads, single_threaded_blas

N_MOMENTS = 10
N_BOOTSTRAPS = 230


def power_law_repeats(n_stimuli, n_neurons, noise, generator):
    ranks = np.arange(1, n_neurons + 1.0)
    signal = generator.standard_normal((n_stimuli, n_neurons)) * ranks**-0.5
    return tuple(signal + noise * generator.standard_normal(signal.shape) * ranks**-0.5 for _ in range(2))


def reference_cvpca(X1, X2, n_shuffles, seed):
    """Full decomposition of the responses and projection on all components, for every exchange of repeats."""
    generator = np.random.Generator(np.random.Philox(seed))
    X1, X2 = X1 - X1.mean(axis=0), X2 - X2.mean(axis=0)
    present = np.ones((2, len(X1)), dtype=bool)
    total = np.zeros(min(X1.shape))
    for _ in range(n_shuffles):
        # The exchanges of eigenscope, so that both must give the same numbers.
        kept = random_halves(present, generator)[0].diagonal()[:, None] > 0
        first, second = np.where(kept, X1, X2), np.where(kept, X2, X1)
        axes = np.linalg.svd(first, full_matrices=False)[2]
        total += np.sum((first @ axes.T) * (second @ axes.T), axis=0)
    return total / n_shuffles / (len(X1) - 1)


def cvpca_case(n_stimuli, n_neurons, k, n_shuffles=10):
    X1, X2 = power_law_repeats(n_stimuli, n_neurons, 0.5, np.random.default_rng(0))
    contenders = {
        "eigenscope": lambda: cvpca(X1, X2, k=k, n_shuffles=n_shuffles, rng=0).eigenvalues,
        "reference in NumPy": lambda: reference_cvpca(X1, X2, n_shuffles, 0)[:k],
    }
    name = f"cross-validated PCA, {n_stimuli} x {n_neurons}, {n_shuffles} exchanges, top {k}"
    return Case(name, contenders["reference in NumPy"](), contenders)


def dense_moments(X1, X2, order):
    """Moments with dense products and differences formed anew for every resample."""
    n_pairs = len(order) // 2
    even, odd = order[: 2 * n_pairs : 2], order[1 : 2 * n_pairs : 2]
    gram = ((X1[even] - X1[odd]) / math.sqrt(2)) @ ((X2[even] - X2[odd]) / math.sqrt(2)).T
    upper, power, moments = np.triu(gram, 1), np.eye(len(gram)), []
    for m in range(1, N_MOMENTS + 1):
        moments.append(np.trace(power @ gram) / math.comb(len(gram), m))
        power = upper @ power
    return np.array(moments)


def moments_of_resamples(cross, orders):
    """Return what `fit_power_law_moments` bootstraps, on all threads as it does."""
    with single_threaded_blas():
        return moments_over_orders(cross, N_MOMENTS, orders, resolve_threads(None))


def moments_case(n_stimuli, n_neurons):
    generator = np.random.default_rng(0)
    X1, X2 = power_law_repeats(n_stimuli, n_neurons, 0.5, generator)
    orders = [generator.integers(0, n_stimuli, n_stimuli) for _ in range(N_BOOTSTRAPS)]
    contenders = {
        "eigenscope": lambda: moments_of_resamples(X1 @ X2.T, orders),
        "dense products in NumPy": lambda: np.stack([dense_moments(X1, X2, order) for order in orders]),
    }
    name = f"eigen-moments, {n_stimuli} x {n_neurons}, {N_BOOTSTRAPS} bootstraps"
    return Case(name, contenders["dense products in NumPy"](), contenders)


@pytest.fixture(scope="module")
def cvpca_work(smoke):
    return cvpca_case(150, 300, k=50, n_shuffles=2) if smoke else cvpca_case(800, 3000, k=300)


@pytest.fixture(scope="module")
def moments_work(smoke):
    return moments_case(100, 100) if smoke else moments_case(500, 1000)


@pytest.mark.benchmark(group="cross-validated PCA")
@pytest.mark.parametrize("contender", ["eigenscope", "reference in NumPy"])
def test_cvpca(measure, cvpca_work, contender):
    assert measure(cvpca_work, contender) < 1e-6


@pytest.mark.benchmark(group="eigen-moments")
@pytest.mark.parametrize("contender", ["eigenscope", "dense products in NumPy"])
def test_eigen_moments(measure, moments_work, contender):
    assert measure(moments_work, contender) < 1e-4


@pytest.mark.benchmark(group="cross-validated PCA of a whole recording")
def test_cvpca_of_a_recording(benchmark, smoke):
    """2800 stimuli x 10 000 neurons, 10 exchanges; the reference is timed on one, for its cost is the same for each."""
    n_stimuli, n_neurons, k = (150, 300, 50) if smoke else (2800, 10_000, 500)
    X1, X2 = power_law_repeats(n_stimuli, n_neurons, 0.5, np.random.default_rng(0))
    benchmark.pedantic(lambda: cvpca(X1, X2, k=k, n_shuffles=10, rng=0), rounds=1)
    start = time.perf_counter()
    expected = reference_cvpca(X1, X2, 1, 0)[:k]
    theirs = 10 * (time.perf_counter() - start)
    found = cvpca(X1, X2, k=k, n_shuffles=1, rng=0).eigenvalues
    error = float(np.abs(found - expected).max() / expected[0])
    print(f"\nreference / ours {theirs / benchmark.stats.stats.min:.1f}, numbers differ by {error:.1g} of the largest")
    assert error < 1e-9
