"""Diagonals of operators and of their functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse

from ..errors import InvalidInputError
from ..inputs import as_matrix
from ..operators import as_operator, is_implicit
from ..results.diagonal_estimate import DiagonalEstimate
from ..run_options import RandomSource, resolve_seed, resolve_threads, single_threaded_blas
from ..symmetry import check_symmetric
from .function_products import FunctionProducts, MatrixFunction
from .probes import gaussian_probes, sign_probes

Array = np.ndarray[Any, np.dtype[Any]]

DEFAULT_PROBES = 60


def diagonal(
    A: Any,
    f: MatrixFunction | None = None,
    *,
    n_probes: int = DEFAULT_PROBES,
    confidence: float = 0.95,
    degree: int = 60,
    shape: tuple[int, int] | None = None,
    dtype: Any = None,
    check: bool = True,
    rng: RandomSource = None,
    threads: int | None = None,
) -> DiagonalEstimate:
    """Estimate the diagonal of A or of f(A), every entry with its interval.

    A third of the products find the range of the large eigenvalues, a third take its part of the diagonal exactly,
    and a third sample the diagonal of the rest with random signs.

    Parameters
    ----------
    A : array_like, sparse matrix, LinearOperator, object with ``shape`` and ``@``, or callable
        Symmetric or Hermitian of order n. A callable multiplies a block of columns and needs `shape`.
    f : callable, optional
        Function of an array of eigenvalues; the identity by default, with which the diagonal of a matrix is exact.
    n_probes : int
        Products with A or f(A), at least 6; n or more give the exact diagonal.
    confidence : float
        Coverage of the interval of each entry.
    degree : int
        Lanczos steps per product with f(A).
    shape, dtype : optional
        Shape and scalar of a callable.
    check : bool
        Probe that values are finite, and the operator symmetric and deterministic.
    rng : int, Generator, SeedSequence or None
        Source of the random vectors.
    threads : int, optional
        Threads; by default as many as the process may use.

    Returns
    -------
    DiagonalEstimate
        Values, standard errors and intervals, shape (n,).

    Raises
    ------
    InvalidInputError
        For a matrix that is not square, symmetric or finite, or too few probes.

    References
    ----------
    Bekas, Kokiopoulou and Saad 2007, Appl. Numer. Math. 57; Baston and Nakatsukasa, arXiv 2208.03268.

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope import diagonal
    >>> np.round(diagonal(np.diag([1.0, 4.0]), np.sqrt, n_probes=6, rng=0).value, 12)
    array([1., 2.])
    """
    n_threads, seed = resolve_threads(threads), resolve_seed(rng)
    operator = as_operator(A, shape=shape, dtype=dtype, check=check, threads=n_threads)
    n = operator.shape[0]
    if n != operator.shape[1]:
        raise InvalidInputError(f"a diagonal is estimated for square matrices, got shape {operator.shape}")
    if n_probes < 6:
        raise InvalidInputError(f"n_probes must be at least 6: three kinds of two; got {n_probes}")
    if check:
        check_symmetric(operator, seed, n_threads)
    if f is None and (scipy.sparse.issparse(A) or not is_implicit(A)):
        values = A.diagonal() if scipy.sparse.issparse(A) else np.diagonal(as_matrix(A)[0])
        return _exact(np.real(values).astype(np.float64), confidence, 0)
    products = FunctionProducts(operator, f, degree, n_threads)
    with single_threaded_blas():
        if n_probes >= n:
            return _exact(np.real(np.diagonal(products(np.eye(n)))), confidence, products.n_matvecs)
        return _estimated(products, n_probes, confidence, seed)


def _estimated(products: FunctionProducts, n_probes: int, confidence: float, seed: int) -> DiagonalEstimate:
    """Spend a third of the probes each on a range, on its part of the diagonal, and on samples of the rest."""
    operator, k = products.operator, n_probes // 3
    basis = scipy.linalg.qr(products(gaussian_probes(operator, seed)(0, k)), mode="economic")[0]
    # diag(Q Qᴴ A) is exact; the rest of A is sampled: E conj(s) ∘ (R s) = diag R for random signs s.
    known = np.einsum("ij,ij->i", basis, products(basis).conj()).real
    signs = sign_probes(operator, seed)(k, n_probes - 2 * k)
    images = products(signs)
    rest = images - basis @ (basis.conj().T @ images)
    samples = (signs.conj() * rest).real
    return _sampled(known, samples, confidence, products.n_matvecs)


def _exact(values: Array, confidence: float, n_matvecs: int) -> DiagonalEstimate:
    return DiagonalEstimate(values, np.zeros_like(values), (values, values), confidence, n_matvecs)


def _sampled(known: Array, samples: Array, confidence: float, n_matvecs: int) -> DiagonalEstimate:
    from scipy.special import stdtrit

    count = samples.shape[1]
    values = known + samples.mean(axis=1)
    stderr = samples.std(axis=1, ddof=1) / np.sqrt(count)
    half = float(stdtrit(count - 1, 0.5 * (1 + confidence))) * stderr
    return DiagonalEstimate(values, stderr, (values - half, values + half), confidence, n_matvecs)
