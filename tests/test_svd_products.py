"""Triplets whose products are combined from those of the iteration, and those that need a pass of their own."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
from eigenscope import randomized_svd, svds
from eigenscope.testing import power_law_plus_noise

DATA = power_law_plus_noise(4000, 800, rng=0).data
SPARSE = scipy.sparse.random_array((6000, 900), density=0.02, rng=np.random.default_rng(0), format="csr")
SPARSE = (SPARSE @ scipy.sparse.diags_array(np.arange(1.0, 901.0) ** -0.7)).tocsr()


def true_residuals(A, result):
    right = A @ result.Vh.T - result.U * result.singular_values
    left = A.T @ result.U - result.Vh.T * result.singular_values
    return np.sqrt(np.linalg.norm(right, axis=0) ** 2 + np.linalg.norm(left, axis=0) ** 2)


@pytest.mark.parametrize("A", [DATA, DATA.astype(np.float32), SPARSE, SPARSE.tocsc()], ids=["f8", "f4", "csr", "csc"])
def test_recalled_residuals_are_those_of_the_data(A):
    result = svds(A, 5, tol=1e-3, block_size=4, method="block-krylov", rng=0)
    assert result.status == "converged"
    # Whole blocks, none for the triplets.
    assert result.info.n_matvecs % 4 == 0
    assert result.info.n_matvecs <= 56
    rounding = 64 * np.finfo(A.dtype).eps * result.singular_values[0]
    np.testing.assert_allclose(result.residual_norms, true_residuals(A, result), rtol=1e-3, atol=rounding)


def test_a_basis_that_was_restarted_is_multiplied_anew():
    noise = np.random.default_rng(1).standard_normal((4000, 800))
    result = svds(noise, 5, tol=1e-6, block_size=4, method="block-krylov", rng=0)
    assert result.status == "converged"
    assert result.info.n_matvecs > 60 + 4
    truth = np.linalg.svd(noise, compute_uv=False)[:5]
    np.testing.assert_allclose(result.singular_values, truth, rtol=1e-10)
    rounding = 64 * np.finfo(float).eps * truth[0]
    np.testing.assert_allclose(result.residual_norms, true_residuals(noise, result), rtol=1e-3, atol=rounding)


def test_products_of_a_function_are_made_anew_to_check_it():
    operator = scipy.sparse.linalg.aslinearoperator(DATA)
    result = svds(operator, 5, tol=1e-3, block_size=4, method="block-krylov", rng=0)
    assert result.info.n_matvecs % 4 != 0
    rounding = 64 * np.finfo(float).eps * result.singular_values[0]
    np.testing.assert_allclose(result.residual_norms, true_residuals(DATA, result), rtol=1e-3, atol=rounding)


def test_fixed_passes_report_the_residuals_of_the_data():
    result = randomized_svd(DATA, 5, n_iter=2, n_oversamples=0, rng=0)
    # Four blocks, the probes of the error, and a look at the values.
    assert result.info.n_passes == 6
    np.testing.assert_allclose(result.residual_norms, true_residuals(DATA, result), rtol=1e-6)
