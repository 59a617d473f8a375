"""Traces, log-determinants and diagonals: closed forms, intervals that hold, products that are spent."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.sparse
from eigenscope import diagonal, logdet, testing, trace
from eigenscope.errors import ConvergenceWarning, Interrupted, InvalidInputError, NotSymmetricError

METHODS = ("slq", "hutchinson", "hutch++", "xtrace", "xnystrace")
N = 300
VALUES = testing.polynomial_spectrum(N) + 0.05
MATRIX = testing.symmetric_matrix(VALUES, rng=0)
OPERATOR = testing.diagonal_operator(VALUES)

FEWEST_HITS = 86
"""Of 100 intervals at 95 %: fewer have probability 3e-4 by the binomial law."""


def test_the_trace_of_a_matrix_is_exact_and_free():
    for matrix in (MATRIX, scipy.sparse.csr_array(MATRIX), MATRIX.astype(np.float32)):
        estimate = trace(matrix)
        np.testing.assert_allclose(
            estimate.value,
            np.trace(matrix.astype(np.float64).toarray() if scipy.sparse.issparse(matrix) else matrix),
            rtol=1e-6,
        )
        assert (estimate.stderr, estimate.n_matvecs) == (0.0, 0)
    assert trace(np.arange(4).reshape(2, 2) + np.arange(4).reshape(2, 2).T).value == 6.0


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128])
def test_every_method_estimates_the_trace(method, dtype):
    matrix = testing.symmetric_matrix(VALUES, rng=0, dtype=dtype)
    estimate = trace(lambda x: matrix @ x, shape=(N, N), dtype=dtype, method=method, rtol=0.05, max_matvecs=900, rng=1)
    assert abs(estimate.value - VALUES.sum()) < 4.5 * estimate.stderr + 1e-5 * VALUES.sum()
    assert 0 < estimate.n_matvecs <= 900


@pytest.mark.parametrize("method", METHODS)
def test_every_method_estimates_traces_of_functions(method):
    estimate = trace(MATRIX, np.sqrt, method=method, rtol=0.02, degree=40, max_matvecs=8000, rng=2)
    assert abs(estimate.value - np.sqrt(VALUES).sum()) < 4.5 * estimate.stderr + 1e-6 * N
    assert estimate.n_matvecs <= 8000


@pytest.mark.parametrize("method", ["slq", "hutchinson", "xtrace", "xnystrace"])
def test_intervals_hold_and_meet_the_tolerance(method):
    truth = VALUES.sum()
    hits = 0
    for seed in range(100):
        estimate = trace(OPERATOR, method=method, rtol=0.05, rng=seed, check=False)
        low, high = estimate.interval
        hits += low <= truth <= high
        assert high - estimate.value <= 0.05 * estimate.value
    assert hits >= FEWEST_HITS


@pytest.mark.parametrize("kind", ["matrix", "operator", "sparse", "deflated"])
def test_log_determinants_hold(kind):
    given = {"operator": OPERATOR, "sparse": scipy.sparse.csr_array(MATRIX)}.get(kind, MATRIX)
    options = {"n_deflate": 4} if kind == "deflated" else {}
    n_seeds = 20 if kind == "deflated" else 100
    truth = np.log(VALUES).sum()
    estimates = [logdet(given, rng=seed, check=False, **options) for seed in range(n_seeds)]
    hits = sum(e.interval[0] <= truth <= e.interval[1] for e in estimates)
    # Fewer of 20 than 15 have probability 3e-4 too.
    assert hits >= (15 if kind == "deflated" else FEWEST_HITS)
    assert all(e.interval[1] - e.value <= 0.01 * abs(e.value) for e in estimates)


def test_known_moments_save_products():
    with_entries = np.mean([logdet(MATRIX, rng=seed, check=False).n_matvecs for seed in range(10)])
    without = np.mean([logdet(OPERATOR, rng=seed, check=False).n_matvecs for seed in range(10)])
    assert with_entries < without


def test_low_rank_methods_are_exact_for_low_rank():
    values = np.zeros(200)
    values[:5] = [1.0, 2.0, 3.0, 4.0, 5.0]
    operator = testing.diagonal_operator(values)
    for method in ("xtrace", "xnystrace", "hutch++"):
        for seed in range(5):
            estimate = trace(operator, method=method, max_matvecs=60, rng=seed)
            np.testing.assert_allclose(estimate.value, 15.0, rtol=1e-10)
            assert estimate.interval[0] <= 15.0 <= estimate.interval[1]


@pytest.mark.parametrize("n", [1, 2, 5])
def test_tiny_operators(n):
    operator = testing.diagonal_operator(np.arange(1.0, n + 1))
    truth = n * (n + 1) / 2
    for method in ("slq", "xtrace"):
        estimate = trace(operator, method=method, rng=0, rtol=0.3)
        assert estimate.interval[0] <= truth * 1.35
        assert abs(estimate.value - truth) < 0.5 * truth
    np.testing.assert_allclose(logdet(np.eye(n), rng=0).value, 0.0, atol=1e-12) if n == 1 else None


def test_zero_and_identity():
    assert trace(lambda x: 0.0 * x, shape=(40, 40), method="slq", atol=1e-9, rng=0).value == 0.0
    np.testing.assert_allclose(logdet(3.0 * np.eye(50), rng=0).value, 50 * math.log(3.0), rtol=1e-12)


@pytest.mark.parametrize("scale", [1e-200, 1e160, 1e300])
@pytest.mark.parametrize("kind", [np.asarray, scipy.sparse.csr_array])
def test_log_determinants_at_any_scale(scale, kind):
    estimate = logdet(kind(scale * MATRIX), rng=0)
    low, high = estimate.interval
    assert low <= np.log(VALUES).sum() + N * math.log(scale) <= high


def test_a_budget_is_kept_and_admitted():
    with pytest.warns(ConvergenceWarning, match="max_matvecs"):
        estimate = trace(OPERATOR, np.sin, rtol=1e-8, max_matvecs=100, rng=0)
    assert estimate.n_matvecs <= 100


def test_time_progress_and_interruption():
    lines = []
    with pytest.warns(ConvergenceWarning, match="max_seconds"):
        trace(OPERATOR, method="hutchinson", rtol=1e-9, max_seconds=0.0, progress=lines.append, rng=0)
    assert len(lines) == 1
    assert "8 products" in lines[0]
    for method in ("hutchinson", "slq"):
        states = iter(range(1))
        estimate = trace(OPERATOR, method=method, rtol=1e-9, callback=lambda _, s=states: next(s) == 0, rng=0)
        # A second call would have found the iterator at its end.
        assert estimate.interval[1] - estimate.value > 1e-9 * estimate.value
    with pytest.raises(InvalidInputError, match="max_seconds"):
        trace(OPERATOR, max_seconds=-1.0)
    calls = []

    def product(block):
        calls.append(1)
        if len(calls) > 4:
            raise KeyboardInterrupt
        return VALUES[:, None] * block

    for method in ("hutchinson", "xtrace"):
        calls.clear()
        with pytest.raises(Interrupted) as caught:
            trace(product, method=method, shape=(N, N), rtol=1e-9, check=False, rng=0)
        assert abs(caught.value.partial.value - VALUES.sum()) < 5 * caught.value.partial.stderr


def test_diagonals():
    np.testing.assert_array_equal(diagonal(MATRIX).value, np.diag(MATRIX))
    exact = diagonal(lambda x: MATRIX @ x, shape=(N, N), n_probes=N)
    np.testing.assert_allclose(exact.value, np.diag(MATRIX), rtol=1e-12)
    estimate = diagonal(MATRIX, np.sqrt, n_probes=60, degree=40, rng=0)
    w, V = np.linalg.eigh(MATRIX)
    truth = np.einsum("ij,j,ij->i", V, np.sqrt(w), V)
    hits = np.mean((estimate.interval[0] <= truth) & (truth <= estimate.interval[1]))
    assert 0.9 < hits < 0.99
    assert estimate.n_matvecs == 60 * 40
    assert "300 entries" in repr(estimate)


def test_unusable_input_is_refused():
    with pytest.raises(InvalidInputError, match="square"):
        trace(np.ones((2, 3)))
    with pytest.raises(NotSymmetricError):
        logdet(np.arange(9.0).reshape(3, 3))
    with pytest.raises(InvalidInputError, match="not finite"):
        logdet(np.diag([1.0, -2.0, 3.0]), rng=0)
    with pytest.raises(InvalidInputError, match="exact"):
        trace(OPERATOR, method="exact")
    with pytest.raises(InvalidInputError, match="semidefinite"):
        trace(testing.diagonal_operator(VALUES - 1.0), method="xnystrace", rng=0)
    for options in ({"method": "magic"}, {"rtol": -1.0}, {"confidence": 1.0}, {"degree": 0}, {"max_matvecs": 0}):
        with pytest.raises(InvalidInputError):
            trace(MATRIX, np.exp, **options)
    with pytest.raises(InvalidInputError, match="n_probes"):
        diagonal(OPERATOR, n_probes=3)
