"""Operators made of other operators; products are never formed."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import scipy.sparse

from .arguments import is_real_number
from .errors import InvalidInputError, NonFiniteInputError, UnsupportedTypeError
from .inputs import Source, as_matrix, check_finite
from .operators import LARGEST_EXTENT, Array, Operator, as_operator, compute_dtype, is_implicit, safe_scale
from .run_options import resolve_threads
from .standardization import Standardization, standardized_dense, standardized_implicit
from .tensors import tensor_as_csr

HEADROOM = 2.0**-24
"""Sums over many entries near the largest float stay below it when multiplied by this power of two."""


def gram_view(A: Any, *, threads: int | None = None) -> Operator:
    """View ``Aᴴ A`` as a positive semidefinite operator.

    Parameters
    ----------
    A : array_like, sparse matrix, LinearOperator or Operator, shape (m, n)
        Read once per product where it is a matrix, twice where it is so large that its squares overflow.
    threads : int, optional
        Threads of a product.

    Returns
    -------
    Operator
        Of order n. Small eigenvalues lose half of their digits to the square: `svds` keeps them.

    Raises
    ------
    InvalidInputError
        When the squares of the data, and so the eigenvalues, leave the range of double precision.

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope import eigsh, gram_view
    >>> eigsh(gram_view(np.diag([1.0, 2.0, 3.0])), 1).eigenvalues.round(12)
    array([9.])
    """
    operator, n_threads = as_operator(A), resolve_threads(threads)
    order = operator.shape[1]
    _check_squares(operator)

    def product(block: Array) -> Array:
        if operator.scale >= 1.0:
            return operator.product(block, n_threads, "gram")
        # Sums are scaled when they are complete: short vectors, scaled after each product, keep them finite until then.
        image = operator.product(block * HEADROOM, n_threads)
        return operator.product(image, n_threads, "adjoint") / HEADROOM

    view = as_operator(product, shape=(order, order), dtype=operator.dtype, adjoint=product)
    return dataclasses.replace(view, scale=operator.scale**2)


def _check_squares(operator: Operator) -> None:
    """Raise when eigenvalues of the Gram matrix may be no ordinary floating-point numbers."""
    exponent = -round(math.log2(operator.scale))
    # The largest entry lies between 2^(exponent - 1) and 2^exponent, the largest eigenvalue between its square and that
    # times the number of entries.
    limits, entries = np.finfo(np.float64), math.log2(operator.shape[0]) + math.log2(operator.shape[1])
    if exponent == 0 or (2 * exponent - 2 >= limits.minexp and 2 * exponent + entries < limits.maxexp):
        return
    decimal = round(exponent * math.log10(2.0))
    raise InvalidInputError(
        f"the data reach about 1e{decimal}, so that eigenvalues of their Gram matrix, squares near 1e{2 * decimal} and "
        f"sums of them, leave the range of double precision: divide the data by 1e{decimal}, and eigenvalues are in "
        "units of its square"
    )


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
        The shift, a finite real number.
    threads : int, optional
        Threads of a product.

    Returns
    -------
    Operator
        Of order n.

    Raises
    ------
    InvalidInputError
        When A is not square, `sigma` no finite real number, or either beyond the operator's precision.

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope import eigsh, shifted_view
    >>> eigsh(shifted_view(np.diag([1.0, 2.0, 3.0]), 5.0), 1).eigenvalues.round(12)
    array([-4.])
    """
    if not is_real_number(sigma):
        raise InvalidInputError(f"sigma must be a finite real number, got {sigma!r}")
    operator, n_threads, shift = as_operator(A), resolve_threads(threads), float(sigma)
    if operator.shape[0] != operator.shape[1]:
        raise InvalidInputError(f"a shift needs a square matrix, got shape {operator.shape}")
    _check_representable("sigma", abs(shift), operator.dtype)
    _check_representable("the operator", 1.0 / operator.scale, operator.dtype)

    def product(block: Array, kind: str = "forward") -> Array:
        return operator.product(block, n_threads, kind) / operator.scale - shift * block

    def adjoint(block: Array) -> Array:
        return product(block, "adjoint")

    return as_operator(product, shape=operator.shape, dtype=operator.dtype, adjoint=adjoint)


def _check_representable(name: str, magnitude: float, dtype: np.dtype[Any]) -> None:
    smallest, largest = float(np.finfo(dtype).tiny), float(np.finfo(dtype).max)
    if magnitude and not smallest <= magnitude <= largest:
        raise InvalidInputError(
            f"the magnitude of {name}, about {magnitude:.1e}, leaves the range of {dtype}, {smallest:.1e} to "
            f"{largest:.1e}: use other units, or give A in double precision"
        )


def normalized_laplacian_view(weights: Any, *, threads: int | None = None) -> Operator:
    """View the normalised Laplacian ``I - D^(-1/2) W D^(-1/2)`` of a weighted graph.

    Parameters
    ----------
    weights : array_like or sparse matrix, shape (n, n)
        Symmetric, finite, not negative, in any unit; D holds its row sums. A vertex without edges keeps the
        eigenvalue 1.
    threads : int, optional
        Threads of a product.

    Returns
    -------
    Operator
        Eigenvalues lie in [0, 2]; ``sqrt(D) 1`` belongs to 0. A sparse graph stays sparse.

    Raises
    ------
    InvalidInputError
        When the weights are not square, finite and positive or zero.
    UnsupportedTypeError
        When their entries are not at hand, or no real numbers.

    Examples
    --------
    >>> from eigenscope import eigsh, normalized_laplacian_view
    >>> from eigenscope.testing import cycle_laplacian
    >>> import numpy as np
    >>> ring = abs(cycle_laplacian(6) - 2 * np.eye(6))
    >>> eigsh(normalized_laplacian_view(ring), 1).eigenvalues.round(12)
    array([2.])
    """
    n_threads = resolve_threads(threads)
    W, largest = _graph_weights(weights, n_threads)
    scalar, n = compute_dtype(W.dtype), W.shape[0]
    if scipy.sparse.issparse(W):
        normalized = _normalized(W, *_degree_roots(W, largest))
        return as_operator(scipy.sparse.csr_array(scipy.sparse.eye(n) - normalized, dtype=scalar))
    roots, unit = _degree_roots(W, largest)
    if safe_scale(largest, scalar) != 1.0:
        # Products with such weights would leave the range of the scalar; normalised ones are at most 1.
        W, roots = _normalized(W, roots, unit).astype(scalar), np.ones(n)
    operator = as_operator(W)

    def product(block: Array) -> Array:
        return np.asarray(block - roots[:, None] * operator.product(roots[:, None] * block, n_threads))

    return as_operator(product, shape=operator.shape, dtype=scalar, adjoint=product)


def _graph_weights(weights: Any, threads: int) -> tuple[Any, float]:
    """Return the weights of a graph as an array or by rows, and the largest; refuse what no graph has."""
    weights = tensor_as_csr(weights)
    is_sparse = scipy.sparse.issparse(weights)
    if not is_sparse and is_implicit(weights):
        raise UnsupportedTypeError(
            f"degrees are sums of the entries of a graph, and {type(weights).__name__} only has products: give the "
            "matrix of weights itself, dense or sparse"
        )
    W = weights if is_sparse else as_matrix(weights)[0]
    if W.dtype.kind not in "biuf":
        raise UnsupportedTypeError(f"weights of a graph must be real numbers, got dtype {W.dtype}")
    if W.ndim != 2 or W.shape[0] != W.shape[1] or W.shape[0] == 0:
        raise InvalidInputError(f"a graph needs a square matrix of weights, got shape {W.shape}")
    if is_sparse:
        W = _summed_by_rows(W)
        _check_stored_finite(W)
        smallest, largest = (float(edge(W.data, initial=0)) for edge in (np.min, np.max))
    else:
        largest, smallest = check_finite(Source(array=W), threads), W.min()
    if smallest < 0:
        raise InvalidInputError(f"weights of a graph must not be negative, the smallest is {smallest:.3g}")
    return W, largest


def _summed_by_rows(weights: Any) -> Any:
    """Return a sparse matrix in CSR, entries stored in several parts added up; the original stays as it is."""
    by_rows = scipy.sparse.csr_array(weights)
    if not by_rows.has_canonical_format:
        by_rows = by_rows.copy()
        by_rows.sum_duplicates()
    return by_rows


def _check_stored_finite(W: Any) -> None:
    bad = np.flatnonzero(~np.isfinite(W.data))
    if len(bad):
        row = int(np.searchsorted(W.indptr, bad[0], side="right")) - 1
        raise NonFiniteInputError(
            f"{len(bad):,} stored weights are NaN or infinite, first at row {row}, column {W.indices[bad[0]]}: drop or "
            "fill them first"
        )


def _degree_roots(W: Any, largest: float) -> tuple[Array, float]:
    """Return ``(unit D)^(-1/2)``, zero for vertices without edges, and the power of two that keeps degrees finite."""
    is_safe = largest < np.finfo(np.float64).max / LARGEST_EXTENT
    unit = 1.0 if is_safe else 1.0 / LARGEST_EXTENT
    if is_safe and not scipy.sparse.issparse(W):
        degrees = W.sum(axis=1, dtype=np.float64)
    else:
        # Sparse sums are taken in the precision of the entries.
        degrees = (W.astype(np.float64) * unit).sum(axis=1)
    return np.divide(1.0, np.sqrt(degrees), out=np.zeros_like(degrees), where=degrees > 0), unit


def _normalized(W: Any, roots: Array, unit: float) -> Any:
    """Return ``D^(-1/2) W D^(-1/2)`` in double precision."""
    wide = W.astype(np.float64) * unit
    if not scipy.sparse.issparse(W):
        return roots[:, None] * wide * roots
    scaling = scipy.sparse.csr_array(scipy.sparse.diags(roots))
    return scaling @ wide @ scaling
