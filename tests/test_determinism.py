"""Same seed, same bits: for any number of threads, twice, side by side; and nothing global is changed."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import os
import warnings

import eigenscope
import numpy as np
import pytest
import scipy.sparse
import threadpoolctl
from eigenscope import testing
from eigenscope.errors import InvalidInputError

VALUES = testing.polynomial_spectrum(500, exponent=0.7)
SYMMETRIC = testing.symmetric_matrix(VALUES, rng=0)
DATA = testing.rectangular_matrix(VALUES, (900, 500), rng=1) + np.linspace(0, 1, 500)
SPARSE = scipy.sparse.random_array((3000, 1200), density=0.02, rng=np.random.default_rng(2), format="csr")
LAPLACIAN = testing.grid_laplacian(35, 33).tocsr()
MANY_SAMPLES = np.random.default_rng(3).standard_normal((9000, 60)).astype(np.float32)

CALLS = {
    "eigsh dense": lambda **o: eigenscope.eigsh(SYMMETRIC, 6, rng=1, **o),
    "eigsh lapack": lambda **o: eigenscope.eigsh(SYMMETRIC[:200, :200], 6, rng=1, **o),
    "eigsh float32": lambda **o: eigenscope.eigsh(SYMMETRIC.astype(np.float32), 6, rng=1, **o),
    "eigsh sparse": lambda **o: eigenscope.eigsh(LAPLACIAN, 5, which="LA", tol=1e-6, rng=1, **o),
    "eigsh callable": lambda **o: eigenscope.eigsh(testing.diagonal_operator(VALUES), 5, rng=1, **o),
    "spectral_density dense": lambda **o: eigenscope.spectral_density(SYMMETRIC, degree=20, n_probes=6, rng=1, **o),
    "spectral_density sparse": lambda **o: eigenscope.spectral_density(
        testing.grid_laplacian(90, 80), degree=20, n_probes=6, reorthogonalize=False, rng=1, **o
    ),
    "spectral_density gram": lambda **o: eigenscope.spectral_density(DATA, degree=20, n_probes=6, rng=1, **o),
    "svds dense": lambda **o: eigenscope.svds(DATA, 6, rng=1, **o),
    "svds wide": lambda **o: eigenscope.svds(DATA.T[:300], 6, rng=1, **o),
    "svds float32": lambda **o: eigenscope.svds(DATA.astype(np.float32), 6, rng=1, **o),
    "svds integers": lambda **o: eigenscope.svds((100 * DATA).astype(np.int16), 6, rng=1, **o),
    "svds complex": lambda **o: eigenscope.svds(DATA * (1 + 1j), 6, rng=1, **o),
    "svds standardized": lambda **o: eigenscope.svds(DATA, 6, center=True, scale=True, rng=1, **o),
    "svds sparse": lambda **o: eigenscope.svds(SPARSE, 4, tol=1e-3, rng=1, **o),
    "svds sparse centred": lambda **o: eigenscope.svds(SPARSE.tocsc(), 4, tol=1e-3, center=True, rng=1, **o),
    "randomized dense": lambda **o: eigenscope.randomized_svd(DATA, 6, rng=1, **o),
    "randomized sparse": lambda **o: eigenscope.randomized_svd(SPARSE, 6, rng=1, **o),
    "covariance": lambda **o: eigenscope.covariance_spectrum(MANY_SAMPLES, reproducible=True, **o),
    "covariance scaled": lambda **o: eigenscope.covariance_spectrum(
        MANY_SAMPLES, scale=True, k=4, reproducible=True, **o
    ),
    "covariance tiles": lambda **o: eigenscope.covariance_spectrum(
        np.hstack([DATA, DATA[:, :200] ** 2]), eigenvectors=True, reproducible=True, **o
    ),
    "covariance wide": lambda **o: eigenscope.covariance_spectrum(DATA.T, eigenvectors=True, reproducible=True, **o),
    "covariance top": lambda **o: eigenscope.covariance_spectrum(SPARSE.toarray(), k=3, reproducible=True, **o),
    "covariance by iteration": lambda **o: eigenscope.covariance_spectrum(DATA, k=3, max_memory=1.5e6, **o),
    "covariance missing": lambda **o: eigenscope.covariance_spectrum(
        np.where(DATA > 1.1, np.nan, DATA), nan="drop_rows", reproducible=True, **o
    ),
}


def bits(result):
    """Everything but the record of the run."""
    return {field.name: getattr(result, field.name) for field in dataclasses.fields(result) if field.name != "info"}


def assert_same_bits(left, right):
    left, right = bits(left), bits(right)
    assert left.keys() == right.keys()
    for name, value in left.items():
        if isinstance(value, np.ndarray):
            assert value.dtype == right[name].dtype, name
            np.testing.assert_array_equal(value, right[name], err_msg=name)
        else:
            assert repr(value) == repr(right[name]), name


ESTIMATES = {
    "logdet": lambda **o: eigenscope.logdet(SYMMETRIC, rtol=0.05, rng=1, **o),
    "trace": lambda **o: eigenscope.trace(testing.diagonal_operator(VALUES), rtol=0.05, rng=1, **o),
    "trace sparse": lambda **o: eigenscope.trace(LAPLACIAN, np.exp, rtol=0.05, rng=1, **o),
    "diagonal": lambda **o: eigenscope.diagonal(SYMMETRIC, np.sqrt, n_probes=9, degree=20, rng=1, **o),
}


@pytest.mark.parametrize("name", ESTIMATES)
def test_same_bits_of_estimates_for_any_number_of_threads(name):
    one = ESTIMATES[name](threads=1)
    for threads in (2, 3):
        assert ESTIMATES[name](threads=threads) == one


@pytest.mark.parametrize("name", CALLS)
def test_same_bits_for_any_number_of_threads(name):
    one = CALLS[name](threads=1)
    assert one.info.threads == 1
    for threads in (1, 2, 3):
        assert_same_bits(CALLS[name](threads=threads), one)


@pytest.mark.parametrize("solve", [eigenscope.svds, eigenscope.randomized_svd])
def test_another_seed_gives_other_bits_and_is_recorded(solve):
    first, second = solve(DATA, 3, rng=1), solve(DATA, 3, rng=2)
    assert (first.info.seed, second.info.seed) == (1, 2)
    assert not np.array_equal(first.U, second.U)
    drawn = solve(DATA, 3)
    assert_same_bits(solve(DATA, 3, rng=drawn.info.seed), drawn)


def test_order_of_memory_matters_to_rounding_only():
    for dtype in ("float32", "float64"):
        data = DATA.astype(dtype)
        atol = testing.default_tolerance(dtype, 900) * 30
        for call in (
            lambda X: eigenscope.covariance_spectrum(X).eigenvalues,
            lambda X: eigenscope.svds(X, 5, rng=1).singular_values,
            lambda X: eigenscope.randomized_svd(X, 5, n_iter=6, rng=1).singular_values,
        ):
            np.testing.assert_allclose(call(np.asfortranarray(data)), call(data), rtol=0, atol=atol)


def blas_threads():
    return [(library["filepath"], library["num_threads"]) for library in threadpoolctl.threadpool_info()]


def global_state():
    # The legacy state is looked at, not used.
    legacy = np.random.get_state()  # noqa: NPY002
    return (
        dict(os.environ),
        list(warnings.filters),
        legacy[1].tobytes(),
        legacy[2:],
        blas_threads(),
        np.geterr(),
        np.get_printoptions(),
    )


@pytest.mark.parametrize("name", ["eigsh dense", "svds sparse", "randomized dense", "covariance", "eigsh callable"])
def test_nothing_global_is_changed(name):
    CALLS[name](threads=2)
    with threadpoolctl.threadpool_limits(limits=2):
        before = global_state()
        CALLS[name](threads=2)
        assert global_state() == before


def test_nothing_global_is_changed_by_an_exception():
    def fail(_):
        raise RuntimeError("mine")

    with threadpoolctl.threadpool_limits(limits=2):
        before = global_state()
        with pytest.raises(RuntimeError, match="mine"):
            eigenscope.eigsh(fail, 3, shape=(500, 500), check=False)
        with pytest.raises(RuntimeError, match="mine"):
            eigenscope.eigsh(SYMMETRIC, 3, callback=fail)
        with pytest.raises(InvalidInputError):
            eigenscope.covariance_spectrum(np.full((5, 5), np.nan))
        assert global_state() == before


def test_calls_side_by_side_give_the_same_bits_and_restore_blas():
    names = [
        "eigsh dense",
        "svds dense",
        "covariance",
        "randomized sparse",
        "covariance wide",
        "eigsh callable",
    ]
    expected = {name: CALLS[name](threads=1) for name in names}
    with threadpoolctl.threadpool_limits(limits=2):
        before = blas_threads()
        with concurrent.futures.ThreadPoolExecutor(max_workers=3) as pool:
            futures = [(name, pool.submit(CALLS[name], threads=2)) for name in names * 3]
            for name, future in futures:
                assert_same_bits(future.result(timeout=120), expected[name])
        assert blas_threads() == before
