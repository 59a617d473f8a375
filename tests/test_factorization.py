"""Sparse factors for shift-invert: Ctrl-C and a time limit are heard while they are made, no pivots without need."""

from __future__ import annotations

import signal
import threading
import time

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
from eigenscope import eigsh, testing
from eigenscope.errors import ConvergenceWarning, Interrupted
from eigenscope.factorization import factorise

GRID = testing.grid_laplacian(24, 25)


def grid_3d(side: int) -> scipy.sparse.csc_array:
    path, identity = testing.path_laplacian(side), scipy.sparse.eye_array(side)
    plane = scipy.sparse.kron(path, identity) + scipy.sparse.kron(identity, path)
    return scipy.sparse.csc_array(
        scipy.sparse.kron(plane, identity) + scipy.sparse.kron(scipy.sparse.eye(side**2), path)
    )


@pytest.fixture
def slow_splu(monkeypatch):
    """SuperLU that does not begin before it is let."""
    let, begun, original = threading.Event(), threading.Event(), scipy.sparse.linalg.splu

    def waiting(*args, **options):
        begun.set()
        let.wait(60)
        return original(*args, **options)

    monkeypatch.setattr(scipy.sparse.linalg, "splu", waiting)
    yield begun
    let.set()


@pytest.mark.parametrize("sigma", [-0.3, 0.0, 1e-3, 3.3])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128])
def test_solves_of_definite_and_indefinite_matrices_give_what_lapack_gives(sigma, dtype):
    A = GRID.astype(dtype)
    result, truth = eigsh(A, 5, sigma=sigma, rng=0), np.linalg.eigvalsh(GRID.toarray())
    nearest = truth[np.argsort(np.abs(truth - sigma), kind="stable")[:5]]
    assert result.status == "converged"
    np.testing.assert_allclose(
        np.sort(np.abs(result.eigenvalues - sigma)), np.sort(np.abs(nearest - sigma)), atol=8e3 * np.finfo(dtype).eps
    )


def test_a_dominant_diagonal_halves_the_factors():
    A = grid_3d(14)
    factors, general = factorise(A, 0.1, 0.0), scipy.sparse.linalg.splu(A + 0.1 * scipy.sparse.eye_array(14**3).tocsc())
    block = np.random.default_rng(0).standard_normal((14**3, 3))
    np.testing.assert_allclose(A @ factors.solve(block) + 0.1 * factors.solve(block), block, atol=1e-12)
    assert factors.n_bytes < 0.6 * general.nnz * 12
    factors.release()


def test_factors_count_as_memory():
    plain = eigsh(GRID, 3, which="LA", rng=0).info.peak_bytes
    assert eigsh(GRID, 3, sigma=0.5, rng=0).info.peak_bytes > plain + 12 * GRID.nnz


def test_a_singular_matrix_says_so():
    with pytest.raises(RuntimeError, match="singular"):
        factorise(scipy.sparse.csc_array((5, 5)), 0.0, 0.0)
    with pytest.raises(RuntimeError, match="pivot"):
        factorise(np.zeros((5, 5)), 0.0, 0.0)


def test_a_time_limit_is_kept_while_factors_are_made(slow_splu):
    with pytest.warns(ConvergenceWarning, match="max_seconds"):
        result = eigsh(GRID, 3, sigma=0.5, max_seconds=0.1, rng=0)
    assert slow_splu.is_set()
    assert result.status == "budget"
    assert np.isnan(result.eigenvalues).all()
    assert not result.converged.any()


def test_ctrl_c_is_heard_while_factors_are_made(slow_splu):
    def interrupt():
        slow_splu.wait(60)
        signal.raise_signal(signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(Interrupted, match="factorised"):
        eigsh(GRID, 3, sigma=0.5, rng=0)


def test_no_thread_outlives_the_call():
    eigsh(GRID, 3, sigma=0.5, rng=0)
    for _ in range(200):
        if not any(thread.name.startswith("eigenscope factorisation") for thread in threading.enumerate()):
            return
        time.sleep(0.01)
    pytest.fail("a thread of the factorisation is still there")
