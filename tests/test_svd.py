"""Singular triplets: right values, true two-sided residuals, orthonormal factors, in every container."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse
import scipy.sparse.linalg
from eigenscope import randomized_svd, svds, testing
from eigenscope.errors import (
    ConvergenceWarning,
    DataWarning,
    InvalidInputError,
    MemoryBudgetError,
    NonFiniteInputError,
    UnsupportedTypeError,
)

SPECTRA = {
    "1/i": testing.polynomial_spectrum(250),
    "1/sqrt(i)": testing.polynomial_spectrum(250, exponent=0.5),
    "0.9^i": testing.exponential_spectrum(250, ratio=0.9),
    "0.5^i": testing.exponential_spectrum(250, ratio=0.5),
    "graded": testing.graded_spectrum(250, decades=12),
    "step": testing.step_spectrum(250, n_high=12),
    "repeated": testing.repeated_spectrum(250, multiplicity=4),
    "clustered": testing.clustered_spectrum(250, cluster_size=5, relative_width=1e-9),
    "spiked": np.concatenate([[9.0, 7.0, 7.0, 5.0], np.linspace(1.0, 0.5, 246)]),
    "rank 5": np.concatenate([testing.polynomial_spectrum(5), np.zeros(245)]),
}
"""250 values: more than LAPACK answers."""


def assert_residuals_are_true(result, A, norm, atol=0.0):
    """Recompute both sides from the data in double precision."""
    U, s, Vh = (np.asarray(part, dtype=np.result_type(part.dtype, np.float64)) for part in result)
    forward = np.linalg.norm(A @ Vh.conj().T - U * s, axis=0)
    backward = np.linalg.norm(A.conj().T @ U - Vh.conj().T * s, axis=0)
    rounding = testing.default_tolerance(result.U.dtype, max(A.shape)) * norm
    np.testing.assert_allclose(result.residual_norms, np.hypot(forward, backward), rtol=1e-2, atol=rounding + atol)


def assert_triplets(result, A, values, rtol=1e-12, residual_atol=0.0):
    U, s, Vh = result
    k = len(s)
    norm = max(float(np.max(values)), np.finfo(float).tiny)
    np.testing.assert_allclose(s, np.sort(values)[::-1][:k], rtol=0, atol=rtol * norm)
    assert (np.diff(s) <= 0).all()
    testing.assert_orthonormal(U)
    testing.assert_orthonormal(Vh.conj().T)
    assert_residuals_are_true(result, A, norm, residual_atol)
    assert result.status == "converged"
    assert result.converged.all()


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("shape", [(600, 250), (250, 600), (300, 260)])
@pytest.mark.parametrize("method", ["block-krylov", "gram", "lapack"])
def test_spectra_shapes_and_methods(name, shape, method):
    A = testing.rectangular_matrix(SPECTRA[name], shape, rng=1)
    before = A.copy()
    result = svds(A, 10, method=method, rng=0)
    assert_triplets(result, A, SPECTRA[name])
    np.testing.assert_array_equal(A, before)


@pytest.mark.parametrize("name", ["0.5^i", "graded", "1/i"])
@pytest.mark.parametrize("method", ["block-krylov", "gram"])
def test_small_singular_values_keep_digits_that_squaring_loses(name, method):
    A = testing.rectangular_matrix(SPECTRA[name], (600, 250), rng=2)
    result = svds(A, 45, tol=1e-13, method=method, rng=0)
    # 0.5^45 is 3e-14; the square root of eps would end at 0.5^26.
    np.testing.assert_allclose(result.singular_values, SPECTRA[name][:45], rtol=0, atol=1e-13)
    assert_residuals_are_true(result, A, 1.0)


@pytest.mark.parametrize("mu", [1e-3, 1e-7])
def test_lauchli(mu):
    A = testing.lauchli(300, mu)
    result = svds(A, 5, rng=0)
    np.testing.assert_allclose(result.singular_values, testing.lauchli_singular_values(300, mu)[:5], atol=1e-12)
    testing.assert_orthonormal(result.U)


@pytest.mark.parametrize("method", ["auto", "block-krylov", "gram", "lapack"])
def test_hilbert(method):
    A = scipy.linalg.hilbert(300)
    result = svds(A, 20, method=method, tol=1e-14, rng=0)
    # The twentieth is 1e-14 of the first.
    np.testing.assert_allclose(result.singular_values, scipy.linalg.svdvals(A)[:20], rtol=0, atol=2e-15 * 300)
    testing.assert_orthonormal(result.U)
    assert_residuals_are_true(result, A, 2.0)


def test_white_noise_agrees_with_lapack():
    A = np.random.default_rng(0).standard_normal((700, 300))
    assert_triplets(svds(A, 8, rng=0), A, np.linalg.svd(A, compute_uv=False))


@pytest.mark.parametrize("solve", [svds, randomized_svd])
@pytest.mark.parametrize("shape", [(1, 7), (7, 1), (30, 20), (600, 300), (300, 900)])
@pytest.mark.parametrize("kind", ["zero", "constant", "duplicated", "rank deficient"])
def test_degenerate_matrices_have_orthonormal_factors(kind, shape, solve):
    random = np.random.default_rng(1)
    A = {
        "zero": np.zeros(shape),
        "constant": np.full(shape, 2.0),
        "duplicated": np.repeat(random.standard_normal((shape[0], 1)), shape[1], axis=1),
        "rank deficient": random.standard_normal((shape[0], 2)) @ random.standard_normal((2, shape[1])),
    }[kind]
    k = min(6, *shape)
    result = solve(A, k, rng=0)
    expected = np.linalg.svd(A, compute_uv=False)[:k]
    np.testing.assert_allclose(result.singular_values, expected, atol=1e-12 * max(1.0, expected[0]))
    testing.assert_orthonormal(result.U)
    testing.assert_orthonormal(result.Vh.T)
    assert result.status == "converged"


@pytest.mark.parametrize("solve", [svds, randomized_svd])
@pytest.mark.parametrize("shape", [(9, 6), (6, 9), (8, 8)])
def test_all_triplets(shape, solve):
    A = np.random.default_rng(2).standard_normal(shape)
    U, s, Vh = solve(A, min(shape), rng=0)
    np.testing.assert_allclose((U * s) @ Vh, A, atol=1e-12)


@pytest.mark.parametrize("shape", [(500, 260), (260, 600), (40, 30)])
@pytest.mark.parametrize("dtype", ["float32", "complex64", "complex128", "int16", "float16", ">f4", "bool"])
def test_scalar_types(dtype, shape):
    random = np.random.default_rng(3)
    A = random.standard_normal(shape) * testing.polynomial_spectrum(shape[1], exponent=0.5) * 1000
    if dtype.startswith("complex"):
        A = A + 1j * random.standard_normal(shape) * 300
    A = (A > 0 if dtype == "bool" else A).astype(dtype)
    wide = A.astype(np.result_type(A.dtype, np.float64))
    result = svds(A, 5, rng=0)
    kept = {"float32": "float32", ">f4": "float32", "float16": "float32", "complex64": "complex64"}
    assert result.U.dtype == kept.get(dtype, "complex128" if dtype == "complex128" else "float64")
    narrow = result.U.dtype.itemsize == (8 if result.U.dtype.kind == "c" else 4)
    assert_triplets(result, wide, np.linalg.svd(wide, compute_uv=False), rtol=1e-5 if narrow else 1e-12)


def containers(A):
    yield "C", np.ascontiguousarray(A)
    yield "F", np.asfortranarray(A)
    yield "strided", np.repeat(np.repeat(A, 2, axis=0), 2, axis=1)[::2, ::2]
    yield "reversed", A[::-1, ::-1].copy()[::-1, ::-1]
    for name in ("csr", "csc", "coo"):
        yield name, scipy.sparse.csr_array(A).asformat(name)
    yield "operator", scipy.sparse.linalg.aslinearoperator(A)


@pytest.mark.parametrize("shape", [(500, 260), (260, 600)])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_containers(shape, dtype):
    A = testing.rectangular_matrix(SPECTRA["0.9^i"], shape, rng=4, dtype=dtype)
    for name, held in containers(A):
        result = svds(held, 5, rng=0)
        assert_triplets(result, A, SPECTRA["0.9^i"])
        assert result.info.n_matvecs > 0, name
    result = svds(lambda X: A @ X, 5, shape=shape, dtype=dtype, adjoint=lambda X: A.conj().T @ X, rng=0)
    assert_triplets(result, A, SPECTRA["0.9^i"])
    with pytest.raises(InvalidInputError, match="give adjoint="):
        svds(lambda X: A @ X, 5, shape=shape, dtype=dtype)


def test_paths_are_mapped(tmp_path):
    A = testing.rectangular_matrix(SPECTRA["0.9^i"], (600, 250), rng=5)
    np.save(tmp_path / "A.npy", A)
    assert_triplets(svds(tmp_path / "A.npy", 4, rng=0), A, SPECTRA["0.9^i"])


def standardized(A, center, scale):
    wide = A.astype(np.longdouble)
    deviations = wide - wide.mean(axis=0) if center else wide
    if scale:
        deviations = deviations / np.sqrt((deviations**2).sum(axis=0) / (len(A) - center))
    return deviations.astype(np.float64)


@pytest.mark.parametrize("offset", [0.0, 3.0, 1e8])
@pytest.mark.parametrize(("center", "scale"), [(True, False), (True, True), (False, True)])
@pytest.mark.parametrize("shape", [(500, 260), (260, 600), (50, 20)])
def test_implicit_standardization_of_dense_data(shape, center, scale, offset):
    A = np.random.default_rng(6).standard_normal(shape) * testing.polynomial_spectrum(shape[1], exponent=0.3)
    A = A + offset * np.linspace(0.5, 1, shape[1])
    explicit = standardized(A, center, scale)
    result = svds(A, 4, center=center, scale=scale, rng=0)
    # The means subtracted are doubles: residuals know of their last digit, singular values do not.
    last_digit = 4e-16 * np.abs(A).max() / np.abs(standardized(A, center, False)).std(axis=0).min()
    atol = last_digit * np.sqrt(A.size) if center else 0.0
    values = np.linalg.svd(explicit, compute_uv=False)
    # Beside a mean of 1e8 left in, all other values lie below the tolerance of sqrt(eps).
    rtol = 1e-11 if center or offset < 1e8 else 1.5e-8
    assert_triplets(result, explicit, values, rtol=rtol, residual_atol=atol)


@pytest.mark.parametrize(("center", "scale"), [(True, False), (True, True), (False, True)])
@pytest.mark.parametrize("sparse_format", ["csr", "csc"])
def test_implicit_standardization_of_sparse_data(sparse_format, center, scale):
    random = np.random.default_rng(7)
    A = scipy.sparse.random_array((700, 300), density=0.05, rng=random, format=sparse_format)
    A = A * np.linspace(1, 4, 300)
    A = A.asformat(sparse_format)
    explicit = standardized(A.toarray(), center, scale)
    result = svds(A, 4, center=center, scale=scale, rng=0)
    assert_triplets(result, explicit, np.linalg.svd(explicit, compute_uv=False), rtol=1e-11)
    operator = scipy.sparse.linalg.aslinearoperator(A)
    found = svds(operator, 4, center=center, scale=scale, rng=0)
    assert_triplets(found, explicit, np.linalg.svd(explicit, compute_uv=False))


def test_constant_columns_of_scaled_data_are_said():
    A = np.random.default_rng(8).standard_normal((40, 6))
    A[:, 2] = 0.1
    with pytest.warns(DataWarning, match="1 of 6 features are constant"):
        result = svds(A, 3, center=True, scale=True)
    explicit = standardized(np.delete(A, 2, axis=1), True, True)
    np.testing.assert_allclose(result.singular_values, np.linalg.svd(explicit, compute_uv=False)[:3], rtol=1e-12)


@pytest.mark.parametrize("solve", [svds, randomized_svd])
@pytest.mark.parametrize("shape", [(500, 260), (40, 30)])
@pytest.mark.parametrize(("dtype", "power"), [("float64", 498), ("float64", -498), ("float32", 83), ("float32", -83)])
def test_units_near_the_ends_of_the_range(dtype, power, shape, solve):
    values = testing.exponential_spectrum(shape[1], ratio=0.7)
    A = testing.rectangular_matrix(values, shape, rng=9, dtype=dtype)
    extreme = np.ldexp(A, power)
    for held in (extreme, scipy.sparse.csr_array(extreme)):
        result = solve(held, 5, rng=0)
        found = np.ldexp(result.singular_values, -power)
        np.testing.assert_allclose(found, values[:5], atol=testing.default_tolerance(dtype, 500))
        testing.assert_orthonormal(result.U)
        assert (np.ldexp(result.residual_norms, -power) < 1e-3).all()


@pytest.mark.parametrize("tol", [1e-2, 1e-5, 1e-8, 1e-11])
def test_achieved_accuracy_is_the_accuracy_asked_for(tol):
    values = testing.polynomial_spectrum(260, exponent=0.5)
    A = testing.rectangular_matrix(values, (600, 260), rng=10)
    result = svds(A, 6, tol=tol, rng=0)
    assert result.status == "converged"
    assert_residuals_are_true(result, A, 1.0)
    assert (result.residual_norms <= tol).all()
    assert np.abs(result.singular_values - values[:6]).max() <= tol


def test_budgets_warn():
    A = np.random.default_rng(11).standard_normal((900, 800))
    with pytest.warns(ConvergenceWarning, match="above the tolerance"):
        result = svds(A, 4, max_matvecs=100, rng=0)
    assert result.status == "budget"
    assert_residuals_are_true(result, A, result.singular_values[0])
    assert not result.converged.all()


def test_signs_are_those_of_the_largest_entry():
    A = np.random.default_rng(12).standard_normal((400, 250))
    for solve in (svds, randomized_svd):
        for seed in range(3):
            Vh = solve(A, 3, rng=seed).Vh
            assert (Vh[np.arange(3), np.abs(Vh).argmax(axis=1)] > 0).all()


def test_wrong_input_is_refused_with_numbers():
    A = np.random.default_rng(0).standard_normal((9, 4))
    for solve in (svds, randomized_svd):
        for k in (0, 5, 1.5):
            with pytest.raises(InvalidInputError, match=rf"from 1 to min\(m, n\) = 4, got {k}"):
                solve(A, k)
        broken = A.copy()
        broken[3, 2] = np.inf
        with pytest.raises(NonFiniteInputError, match=r"1 entries are NaN or infinite.*first at row 3, column 2"):
            solve(broken, 2)
        with pytest.raises(NonFiniteInputError, match="1 entries are NaN or infinite"):
            solve(broken, 2, center=True)
        with pytest.raises(InvalidInputError, match="not finite"):
            solve(scipy.sparse.csr_array(broken), 2)
        with pytest.raises(UnsupportedTypeError, match="object"):
            solve(A.astype(object), 2)
        with pytest.raises(MemoryBudgetError, match=r"needs [\d.]+ [kM]B, the budget is 10 kB"):
            solve(np.ones((3000, 300)), 2, max_memory=1e4)
    with pytest.raises(InvalidInputError, match="method must be one of auto, gram, block-krylov, lapack, got 'arpack'"):
        svds(A, 2, method="arpack")
    with pytest.raises(InvalidInputError, match="n_oversamples must be a non-negative integer, got -1"):
        randomized_svd(A, 2, n_oversamples=-1)
    with pytest.raises(InvalidInputError, match="n_iter must be a non-negative integer"):
        randomized_svd(A, 2, n_iter=1.5)


@pytest.mark.parametrize(
    "options", [{"max_seconds": -1}, {"basis_size": -5}, {"block_size": -1}, {"block_size": 2.5}, {"max_matvecs": 0}]
)
def test_sizes_and_budgets_that_are_none_are_refused(options):
    with pytest.raises(InvalidInputError, match="must be"):
        svds(np.eye(20), 2, **options)
