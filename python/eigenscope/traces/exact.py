"""Traces and diagonals without chance: from the entries, from products with all unit vectors, from a decomposition."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse

from ..density.expectation import function_values
from ..inputs import as_matrix
from ..run_options import lapack_threads
from .function_products import FunctionProducts

Array = np.ndarray[Any, np.dtype[Any]]

DECOMPOSED_ORDER = 2000
"""Up to this order all products are put together to a matrix and decomposed: seconds and tens of megabytes."""

UNIT_VECTORS = 64
"""Unit vectors multiplied at once."""

ROUNDING = 4
"""Times the rounding unit and the norm: what eigenvalues of LAPACK, and entries of products, are off by."""


def stored_diagonal(A: Any) -> Array:
    """Return the diagonal of an array or a sparse matrix, in double precision."""
    diagonal = A.diagonal() if scipy.sparse.issparse(A) else np.diagonal(as_matrix(A)[0])
    return np.real(diagonal).astype(np.float64)


def exact_products(products: FunctionProducts) -> float:
    """Return the products that exactness costs: the order, or infinity where no decomposition fits."""
    return products.order if products.f is None or products.order <= DECOMPOSED_ORDER else math.inf


def exact_diagonal(products: FunctionProducts) -> tuple[Array, Array]:
    """Return the diagonal of A or f(A), and how far rounding can have moved its entries."""
    if products.f is None:
        diagonal, lengths = np.empty(products.order), np.empty(products.order)
        for first in range(0, products.order, UNIT_VECTORS):
            images = unit_images(products, first)
            piece = slice(first, first + images.shape[1])
            diagonal[piece] = np.diagonal(images, offset=-first).real
            lengths[piece] = np.linalg.norm(images, axis=0)
        return diagonal, ROUNDING * products.rounding * lengths
    matrix = full_matrix(products)
    with lapack_threads(products.threads, reproducible=True):
        eigenvalues, vectors = scipy.linalg.eigh(matrix)
    values, changes = _function_and_change(products, eigenvalues)
    squares = (vectors * vectors.conj()).real
    return squares @ values, squares @ changes


def exact_trace(products: FunctionProducts) -> tuple[float, float]:
    """Return the trace of A or f(A), and how far rounding can have moved it."""
    if products.f is None:
        diagonal, errors = exact_diagonal(products)
        return math.fsum(diagonal.tolist()), math.fsum(errors.tolist())
    with lapack_threads(products.threads, reproducible=True):
        eigenvalues = scipy.linalg.eigvalsh(full_matrix(products))
    values, changes = _function_and_change(products, eigenvalues)
    return math.fsum(values.tolist()), math.fsum(changes.tolist())


def unit_images(products: FunctionProducts, first: int) -> Array:
    """Return the columns of A from `first` on, a piece of them."""
    operator = products.operator
    count = min(UNIT_VECTORS, products.order - first)
    products.n_matvecs += count
    wide = np.result_type(operator.dtype, np.float64)
    columns = operator.product(np.eye(products.order, count, -first), products.threads)
    return np.asarray(columns.astype(wide) / operator.scale)


def full_matrix(products: FunctionProducts) -> Array:
    """Return A, Hermitian to the last bit."""
    columns = [unit_images(products, first) for first in range(0, products.order, UNIT_VECTORS)]
    matrix = np.hstack(columns)
    return np.asarray(0.5 * matrix + 0.5 * matrix.conj().T)


def _function_and_change(products: FunctionProducts, eigenvalues: Array) -> tuple[Array, Array]:
    """Return f at the eigenvalues, and what it changes by within their error."""
    f, largest = products.f, float(np.abs(eigenvalues).max())
    assert f is not None
    values = function_values(f, eigenvalues, products.rounding)
    moved = eigenvalues + ROUNDING * products.rounding * largest
    return values, np.abs(function_values(f, moved, products.rounding) - values)
