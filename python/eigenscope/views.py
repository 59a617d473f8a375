"""Operators made of other operators; products are never formed."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

from .errors import InvalidInputError
from .inputs import Source, as_matrix
from .operators import Array, Operator, as_operator, is_implicit
from .run_options import resolve_threads
from .standardization import Standardization, standardized_dense, standardized_implicit
from .tensors import tensor_as_csr


def gram_view(A: Any, *, threads: int | None = None) -> Operator:
    """View ``Aᴴ A`` as a positive semidefinite operator.

    Parameters
    ----------
    A : array_like, sparse matrix, LinearOperator or Operator, shape (m, n)
        Read once per product where it is a matrix.
    threads : int, optional
        Threads of a product.

    Returns
    -------
    Operator
        Of order n. Small eigenvalues lose half of their digits to the square: `svds` keeps them.

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope import eigsh, gram_view
    >>> eigsh(gram_view(np.diag([1.0, 2.0, 3.0])), 1).eigenvalues.round(12)
    array([9.])
    """
    operator, n_threads = as_operator(A), resolve_threads(threads)
    order = operator.shape[1]

    def product(block: Array) -> Array:
        return operator.product(block, n_threads, "gram") / operator.scale**2

    return as_operator(product, shape=(order, order), dtype=operator.dtype, adjoint=product)


def centered_view(X: Any, *, threads: int | None = None) -> Operator:
    """View data with the mean of every column subtracted, ``X - 1 mean(X)``.

    Parameters
    ----------
    X : array_like, sparse matrix, LinearOperator or Operator, shape (m, n)
        One row per sample. A sparse matrix stays sparse: its means enter as a rank-one term.
    threads : int, optional
        Threads that compute the means.

    Returns
    -------
    Operator
        Of the shape of X. ``gram_view(centered_view(X))`` is the scatter matrix, m - 1 times the covariance.

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope import centered_view, eigsh, gram_view
    >>> X = np.array([[10.0, 1.0], [10.0, 3.0]])
    >>> eigsh(gram_view(centered_view(X)), 1).eigenvalues.round(12)
    array([2.])
    """
    view, n_threads = Standardization(center=True), resolve_threads(threads)
    X, dtype = tensor_as_csr(X), None
    if isinstance(X, Operator) and X.matrix is not None:
        X, dtype = X.matrix, X.dtype
    data = X if is_implicit(X) else as_matrix(X)[0]
    if is_implicit(X):
        centered = standardized_implicit(data, as_operator(data, dtype=dtype), view, n_threads)
    else:
        centered = standardized_dense(Source(array=data), view, dtype, n_threads)
    return centered.operator


def shifted_view(A: Any, sigma: float, *, threads: int | None = None) -> Operator:
    """View ``A - sigma I`` as an operator.

    Parameters
    ----------
    A : array_like, sparse matrix, LinearOperator or Operator, shape (n, n)
        Hermitian when its eigenvalues are wanted.
    sigma : float
        The shift.
    threads : int, optional
        Threads of a product.

    Returns
    -------
    Operator
        Of order n.

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope import eigsh, shifted_view
    >>> eigsh(shifted_view(np.diag([1.0, 2.0, 3.0]), 5.0), 1).eigenvalues.round(12)
    array([-4.])
    """
    operator, n_threads = as_operator(A), resolve_threads(threads)
    if operator.shape[0] != operator.shape[1]:
        raise InvalidInputError(f"a shift needs a square matrix, got shape {operator.shape}")
    if not np.isfinite(sigma):
        raise InvalidInputError(f"sigma must be finite, got {sigma!r}")

    def product(block: Array, kind: str = "forward") -> Array:
        return operator.product(block, n_threads, kind) / operator.scale - sigma * block

    def adjoint(block: Array) -> Array:
        return product(block, "adjoint")

    return as_operator(product, shape=operator.shape, dtype=operator.dtype, adjoint=adjoint)


def normalized_laplacian_view(weights: Any, *, threads: int | None = None) -> Operator:
    """View the normalised Laplacian ``I - D^(-1/2) W D^(-1/2)`` of a weighted graph.

    Parameters
    ----------
    weights : array_like or sparse matrix, shape (n, n)
        Symmetric, not negative; D holds its row sums. A vertex without edges keeps the eigenvalue 1.
    threads : int, optional
        Threads of a product.

    Returns
    -------
    Operator
        Eigenvalues lie in [0, 2]; ``sqrt(D) 1`` belongs to 0. A sparse graph stays sparse.

    Examples
    --------
    >>> from eigenscope import eigsh, normalized_laplacian_view
    >>> from eigenscope.testing import cycle_laplacian
    >>> import numpy as np
    >>> ring = abs(cycle_laplacian(6) - 2 * np.eye(6))
    >>> eigsh(normalized_laplacian_view(ring), 1).eigenvalues.round(12)
    array([2.])
    """
    is_sparse = scipy.sparse.issparse(weights)
    W = scipy.sparse.csr_array(weights) if is_sparse else np.asarray(weights)
    if W.ndim != 2 or W.shape[0] != W.shape[1]:
        raise InvalidInputError(f"a graph needs a square matrix of weights, got shape {W.shape}")
    if W.shape[0] and W.min() < 0:
        raise InvalidInputError(f"weights of a graph must not be negative, the smallest is {W.min():.3g}")
    degrees = np.asarray(W.sum(axis=1), dtype=np.float64).ravel()
    roots = np.sqrt(np.divide(1.0, degrees, out=np.zeros_like(degrees), where=degrees > 0))
    if is_sparse:
        scaling = scipy.sparse.csr_array(scipy.sparse.diags(roots))
        identity = scipy.sparse.csr_array(scipy.sparse.eye(len(roots)))
        return as_operator(scipy.sparse.csr_array(identity - scaling @ W @ scaling))
    operator, n_threads = as_operator(W), resolve_threads(threads)

    def product(block: Array) -> Array:
        return block - roots[:, None] * operator.product(roots[:, None] * block, n_threads) / operator.scale

    return as_operator(product, shape=operator.shape, dtype=operator.dtype, adjoint=product)
