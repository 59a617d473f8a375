"""Decompositions beside the functions one would use instead, each at the error it reaches; peers that are not installed
are left out."""

from __future__ import annotations

import atexit
import importlib.util
import pathlib
import shutil
import tempfile
from collections.abc import Callable

import eigenscope
import numpy as np
import scipy.linalg
import scipy.sparse
import scipy.sparse.linalg
from eigenscope import _core
from eigenscope.bench_short import OURS, Case, svd_case
from eigenscope.run_options import single_threaded_blas
from eigenscope.testing import power_law_plus_noise
from physical_limit import LimitedCase, Work, cores, fused_work


def has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def dense_case(n_samples: int, n_features: int, k: int) -> Case:
    """Leading singular values of dense float32 data, defaults of everybody, and Halko's iteration in PyTorch."""
    case = svd_case(n_samples, n_features, k)
    X = power_law_plus_noise(n_samples, n_features, dtype=np.float32).data
    contenders = dict(case.contenders)
    start = np.random.default_rng(0).standard_normal(n_samples).astype(np.float32)
    contenders["scipy svds (PROPACK)"] = lambda: np.sort(
        scipy.sparse.linalg.svds(X, k=k, v0=start, solver="propack")[1]
    )[::-1]
    if has("torch"):
        import torch

        tensor = torch.from_numpy(X)
        contenders["torch svd_lowrank, niter=4"] = lambda: torch.svd_lowrank(tensor, k + 10, niter=4)[1][:k].numpy()
    if has("fbpca"):
        import fbpca

        contenders["fbpca"] = lambda: fbpca.pca(X, k, raw=True)[1]
    if has("primme"):
        import primme

        contenders["PRIMME svds"] = lambda: primme.svds(X, k, tol=1e-4, return_singular_vectors=True)[1]
    return LimitedCase(
        case.name, case.truth, contenders, work=lambda: fused_work(eigenscope.svds(X, k, rng=0), X.size, k, X.nbytes)
    )


def same_error_case(n_samples: int, n_features: int, k: int) -> Case:
    """scikit-learn's `randomized_svd` beside ours, with as few blocks as reach an error no larger than its own."""
    from sklearn.utils.extmath import randomized_svd

    case = svd_case(n_samples, n_features, k)
    X = power_law_plus_noise(n_samples, n_features, dtype=np.float32).data
    theirs = case.contenders["scikit-learn randomized_svd"]

    def ours(n_oversamples):
        return eigenscope.randomized_svd(X, k, n_oversamples=n_oversamples, rng=0)

    wanted = case.error(randomized_svd(X, k, random_state=0)[1])
    n_oversamples = next(count for count in range(0, 60, 2) if case.error(ours(count).singular_values) <= wanted)
    name = f"{k} singular values at scikit-learn's error, {n_samples} x {n_features} float32"
    contenders = {OURS: lambda: ours(n_oversamples).singular_values, "scikit-learn randomized_svd": theirs}
    return LimitedCase(name, case.truth, contenders, work=lambda: fused_work(ours(n_oversamples), X.size, k, X.nbytes))


def sparse_case(rows: int, columns: int, n_stored: int, k: int) -> Case:
    """Leading singular values of a sparse float32 matrix with columns of decaying size."""
    random = np.random.default_rng(0)
    A = scipy.sparse.random_array(
        (rows, columns), density=n_stored / (rows * columns), rng=random, dtype=np.float32, format="csr"
    )
    A = (A @ scipy.sparse.diags_array((1.0 + np.arange(columns)) ** -0.5)).astype(np.float32).tocsr()
    start = random.standard_normal(min(rows, columns)).astype(np.float32)
    contenders: dict[str, Callable[[], np.ndarray]] = {
        OURS: lambda: eigenscope.svds(A, k, rng=0).singular_values,
        "eigenscope randomized_svd": lambda: eigenscope.randomized_svd(A, k, rng=0).singular_values,
        "scipy svds (ARPACK)": lambda: np.sort(scipy.sparse.linalg.svds(A, k=k, v0=start)[1])[::-1],
    }
    if has("sklearn"):
        from sklearn.utils.extmath import randomized_svd

        contenders["scikit-learn randomized_svd"] = lambda: randomized_svd(A, k, random_state=0)[1]
    if has("primme"):
        import primme

        contenders["PRIMME svds"] = lambda: primme.svds(A, k, tol=1e-4)[1]
    exact = scipy.sparse.linalg.svds(
        A.astype(np.float64), k=k, v0=start.astype(np.float64), return_singular_vectors=False
    )
    truth = np.sort(exact)[::-1]
    # A stored value is read with its column.
    return LimitedCase(
        f"{k} singular values, sparse {rows} x {columns}, {A.nnz} stored",
        truth,
        contenders,
        work=lambda: fused_work(eigenscope.svds(A, k, rng=0), A.nnz, k, A.data.nbytes + A.indices.nbytes),
    )


def memmap_case(rows: int, columns: int, k: int) -> Case:
    """Leading singular values of centred float32 data in a file, which is removed when the process ends."""
    folder = pathlib.Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    path = folder / "X.npy"
    np.save(path, power_law_plus_noise(rows, columns, dtype=np.float32).data)

    contenders: dict[str, Callable[[], np.ndarray]] = {
        OURS: lambda: eigenscope.svds(path, k, center=True, rng=0).singular_values,
        "eigenscope, tol=1e-2": lambda: eigenscope.svds(path, k, center=True, tol=1e-2, rng=0).singular_values,
        "eigenscope randomized_svd": lambda: eigenscope.randomized_svd(path, k, center=True, rng=0).singular_values,
    }
    if has("dask"):
        import dask.array

        def with_dask() -> np.ndarray:
            X = dask.array.from_array(np.load(path, mmap_mode="r"), chunks=(rows // 12, columns))
            return np.asarray(
                dask.array.linalg.svd_compressed(X - X.mean(axis=0), k, n_power_iter=2, seed=0)[1].compute()
            )

        contenders["dask svd_compressed, n_power_iter=2"] = with_dask
    X = np.load(path, mmap_mode="r")
    truth = np.sqrt(eigenscope.covariance_spectrum(X, k=k, compute_dtype="float64").eigenvalues * (rows - 1))
    return LimitedCase(
        f"{k} singular values, memmap {rows} x {columns} float32, centred",
        truth,
        contenders,
        work=lambda: fused_work(eigenscope.svds(path, k, center=True, rng=0), X.size, k, X.nbytes),
    )


def white_noise_case(rows: int, columns: int, k: int) -> Case:
    """No decay at all: everybody's worst case."""
    X = np.random.default_rng(0).standard_normal((rows, columns))
    contenders: dict[str, Callable[[], np.ndarray]] = {
        OURS: lambda: eigenscope.svds(X, k, tol=1e-6, method="block-krylov", rng=0).singular_values,
        "eigenscope, method of the cost model": lambda: eigenscope.svds(X, k, tol=1e-6, rng=0).singular_values,
    }
    if has("sklearn"):
        from sklearn.utils.extmath import randomized_svd

        contenders["scikit-learn randomized_svd"] = lambda: randomized_svd(X, k, random_state=0)[1]
    truth = np.sqrt(np.linalg.eigvalsh(X.T @ X)[: -k - 1 : -1])
    return LimitedCase(
        f"{k} singular values, white noise {rows} x {columns} float64",
        truth,
        contenders,
        work=lambda: fused_work(eigenscope.svds(X, k, tol=1e-6, method="block-krylov", rng=0), X.size, k, X.nbytes),
    )


def full_spectrum_case(order: int) -> Case:
    """All singular values of a square float64 matrix beside LAPACK's."""
    random = np.random.default_rng(0)
    left, right = (np.linalg.qr(random.standard_normal((order, order)))[0] for _ in range(2))
    truth = (1.0 + np.arange(order)) ** -0.5
    X = (left * truth) @ right

    def ours() -> np.ndarray:
        return np.sqrt(eigenscope.covariance_spectrum(X, center=False).eigenvalues * order)

    contenders = {OURS: ours, "scipy svdvals": lambda: scipy.linalg.svdvals(X)}
    # Second moments, and 4/3 n³ for the reduction.
    work = Work((1.0 + 4.0 / 3.0) * order**3, float(X.nbytes), "float64")
    return LimitedCase(f"all singular values, {order} x {order} float64", truth, contenders, work=lambda: work)


def all_eigenvalues_case(order: int) -> Case:
    """All eigenvalues of a symmetric float64 matrix beside LAPACK's."""
    random = np.random.default_rng(0)
    basis = np.linalg.qr(random.standard_normal((order, order)))[0]
    truth = (1.0 + np.arange(order)) ** -0.5
    A = (basis * truth) @ basis.T
    A = 0.5 * (A + A.T)

    def ours() -> np.ndarray:
        with single_threaded_blas():
            return _core.eigvalsh_in_place(A.copy(order="F"), cores())[::-1]

    contenders = {OURS: ours, "numpy eigvalsh": lambda: np.linalg.eigvalsh(A)[::-1]}
    work = Work(4.0 / 3.0 * order**3, float(A.nbytes), "float64")
    return LimitedCase(f"all eigenvalues, {order} x {order} float64", truth, contenders, work=lambda: work)
