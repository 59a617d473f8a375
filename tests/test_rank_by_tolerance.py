"""The smallest rank that meets a tolerance: right, verified, and said when it cannot be known."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from eigenscope import randomized_svd, svds, testing
from eigenscope.errors import ConvergenceWarning, InvalidInputError

SPECTRA = {
    "1/i": testing.polynomial_spectrum(240),
    "1/sqrt(i)": testing.polynomial_spectrum(240, exponent=0.5),
    "0.9^i": testing.exponential_spectrum(240, ratio=0.9),
    "step": testing.step_spectrum(240, n_high=12),
    "rank 5": np.concatenate([testing.polynomial_spectrum(5), np.zeros(235)]),
}


def true_rank(values, missing):
    tails = values @ values - np.cumsum(values**2)
    return int(np.argmax(tails <= missing * (values @ values))) + 1


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("tol", [0.5, 0.1, 0.01])
@pytest.mark.parametrize("shape", [(900, 240), (240, 900)])
def test_the_rank_is_right(name, tol, shape):
    values = SPECTRA[name]
    A = testing.rectangular_matrix(values, shape, rng=1)
    result = svds(A, tol_frobenius=tol, rng=0)
    rank = len(result.singular_values)
    assert rank == true_rank(values, tol**2)
    assert result.status == "converged"
    U, s, Vh = result
    error = np.linalg.norm(A - (U * s) @ Vh) / np.linalg.norm(A)
    assert error <= tol
    assert float(result.error_estimate) == pytest.approx(error, abs=1e-7)


@pytest.mark.parametrize("method", ["gram", "block-krylov", "lapack"])
@pytest.mark.parametrize("share", [0.5, 0.95])
def test_share_of_the_variance_whatever_the_method(method, share):
    A = testing.rectangular_matrix(SPECTRA["1/sqrt(i)"], (700, 240), rng=2) + 3.0
    centered = A - A.mean(axis=0)
    result = svds(A, variance=share, center=True, method=method, rng=0)
    assert len(result.singular_values) == true_rank(np.linalg.svd(centered, compute_uv=False), 1 - share)


@pytest.mark.parametrize("center", [False, True])
def test_sparse_data_and_units(center):
    A = scipy.sparse.random_array((900, 250), density=0.05, rng=np.random.default_rng(3), format="csr")
    A = A @ scipy.sparse.diags_array(testing.polynomial_spectrum(250))
    explicit = A.toarray() - (A.toarray().mean(axis=0) if center else 0)
    expected = true_rank(np.linalg.svd(explicit, compute_uv=False), 0.01)
    for unit in (1.0, 2.0**500, 2.0**-500):
        assert len(svds(A * unit, tol_frobenius=0.1, center=center, rng=0).singular_values) == expected


def test_scaled_and_weighted_columns():
    A = np.random.default_rng(4).standard_normal((600, 40)) * testing.polynomial_spectrum(40)
    weights = np.linspace(0.1, 3.0, 40)
    explicit = (A - A.mean(axis=0)) / A.std(axis=0, ddof=1) * np.sqrt(weights)
    result = svds(A, variance=0.8, center=True, scale=True, column_weights=weights, rng=0)
    assert len(result.singular_values) == true_rank(np.linalg.svd(explicit, compute_uv=False), 0.2)


@pytest.mark.parametrize("scale", [False, True])
def test_weighted_rows(scale):
    rng = np.random.default_rng(8)
    A, weights = rng.standard_normal((300, 40)) * 0.8 ** np.arange(40) + 5.0, rng.integers(1, 4, 300)
    wanted = {"variance": 0.9, "center": True, "scale": scale, "rng": 0}
    weighted, repeated = svds(A, row_weights=weights, **wanted), svds(np.repeat(A, weights, axis=0), **wanted)
    assert len(weighted.singular_values) == len(repeated.singular_values)


def test_randomized_rank_meets_the_tolerance_and_is_close_to_the_smallest():
    A = testing.rectangular_matrix(SPECTRA["1/i"], (900, 240), rng=5)
    result = randomized_svd(A, tol_frobenius=0.05, rng=0)
    U, s, Vh = result
    assert np.linalg.norm(A - (U * s) @ Vh) <= 0.05 * np.linalg.norm(A)
    assert len(s) <= 1.1 * true_rank(SPECTRA["1/i"], 0.05**2)


def test_zero_and_full_rank():
    assert len(svds(np.zeros((30, 20)), tol_frobenius=0.1).singular_values) == 1
    A = np.linalg.qr(np.random.default_rng(6).standard_normal((60, 30)))[0]
    assert len(svds(A, tol_frobenius=0.01).singular_values) == 30


def test_what_cannot_be_known_is_said():
    A = np.random.default_rng(7).standard_normal((50, 30))
    with pytest.raises(InvalidInputError, match="not both"):
        svds(A, tol_frobenius=0.1, variance=0.9)
    for wrong in (0.0, 1.0, -0.5, 2.0, float("nan")):
        with pytest.raises(InvalidInputError, match="must lie in"):
            svds(A, tol_frobenius=wrong)
        with pytest.raises(InvalidInputError, match="must lie in"):
            randomized_svd(A, variance=wrong)
    with pytest.raises(InvalidInputError, match="below rounding in float32"):
        svds(A.astype(np.float32), tol_frobenius=1e-4)
    with pytest.raises(InvalidInputError, match="unknown for operators"):
        svds(lambda X: A @ X, shape=A.shape, adjoint=lambda X: A.T @ X, variance=0.5)
    with pytest.raises(InvalidInputError, match="k must be an integer from 1"):
        randomized_svd(A)
    for wrong in ("a", True, [0.1]):
        with pytest.raises(InvalidInputError, match="tol_frobenius must lie in"):
            svds(A, tol_frobenius=wrong)


def test_budgets_hold_for_all_attempts_together_and_inner_ones_are_silent():
    A = np.random.default_rng(0).standard_normal((400, 160))
    options = {"variance": 0.5, "method": "block-krylov", "rng": 0, "threads": 1}
    whole = svds(A, **options)
    assert whole.status == "converged"
    one = svds(A, 16, method="block-krylov", rng=0, threads=1)
    assert whole.info.n_matvecs > one.info.n_matvecs
    assert whole.info.n_passes > one.info.n_passes
    with pytest.warns(ConvergenceWarning, match="the budget ended at rank 16") as caught:
        result = svds(A, max_matvecs=64, **options)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert result.status == "budget"
    assert result.info.n_matvecs <= 64 + 2 * 16


def test_the_rank_of_centred_complex_data():
    rng = np.random.default_rng(9)
    A = (rng.standard_normal((90, 40)) + 1j * rng.standard_normal((90, 40))) * 0.8 ** np.arange(40) + 3.0
    expected = true_rank(np.linalg.svd(A - A.mean(axis=0), compute_uv=False), 0.1)
    assert len(svds(A, variance=0.9, center=True, rng=0).singular_values) == expected
