"""Graphs: Laplacians whose eigenvalues have a closed form, and random adjacency matrices."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from ..errors import InvalidInputError
from ._random import RandomSource, generator

SparseMatrix: TypeAlias = Any
"""A ``scipy.sparse.csr_array``; SciPy has no types to name it by."""


def path_laplacian(n: int) -> SparseMatrix:
    """Build the Laplacian of a path of `n` vertices: the hardest bottom end, with gaps of order 1/n².

    Parameters
    ----------
    n : int
        Number of vertices.

    Returns
    -------
    csr_array, shape (n, n)
        Degree minus adjacency matrix, float64.

    Raises
    ------
    InvalidInputError
        When `n` is below 1.

    Examples
    --------
    >>> path_laplacian(3).toarray()
    array([[ 1., -1.,  0.],
           [-1.,  2., -1.],
           [ 0., -1.,  1.]])
    """
    _require_vertices(n, 1)
    ones = np.ones(n - 1)
    return _laplacian(scipy.sparse.diags([ones, ones], offsets=[-1, 1], shape=(n, n)))


def path_laplacian_eigenvalues(n: int) -> NDArray[np.float64]:
    """Return the eigenvalues ``4 sin²(πj / 2n)``, ``j = n-1 … 0``, of `path_laplacian`.

    Parameters
    ----------
    n : int
        Number of vertices.

    Returns
    -------
    ndarray, shape (n,)
        Descending; the last is 0.

    Raises
    ------
    InvalidInputError
        When `n` is below 1.

    Examples
    --------
    >>> path_laplacian_eigenvalues(3)
    array([3., 1., 0.])
    """
    _require_vertices(n, 1)
    return np.asarray(4 * np.sin(np.pi * np.arange(n - 1, -1, -1) / (2 * n)) ** 2)


def cycle_laplacian(n: int) -> SparseMatrix:
    """Build the Laplacian of a cycle of `n` vertices: every inner eigenvalue is exactly double.

    Parameters
    ----------
    n : int
        Number of vertices, at least 3.

    Returns
    -------
    csr_array, shape (n, n)
        Degree minus adjacency matrix, float64.

    Raises
    ------
    InvalidInputError
        When `n` is below 3.

    Examples
    --------
    >>> cycle_laplacian(3).toarray()
    array([[ 2., -1., -1.],
           [-1.,  2., -1.],
           [-1., -1.,  2.]])
    """
    _require_vertices(n, 3)
    ones, corner = np.ones(n - 1), np.ones(1)
    offsets = [-1, 1, n - 1, 1 - n]
    return _laplacian(scipy.sparse.diags([ones, ones, corner, corner], offsets=offsets, shape=(n, n)))


def cycle_laplacian_eigenvalues(n: int) -> NDArray[np.float64]:
    """Return the eigenvalues ``4 sin²(πj / n)``, ``j = 0 … n-1``, of `cycle_laplacian`, sorted.

    Parameters
    ----------
    n : int
        Number of vertices, at least 3.

    Returns
    -------
    ndarray, shape (n,)
        Descending; equal values come in exactly equal pairs.

    Raises
    ------
    InvalidInputError
        When `n` is below 3.

    Examples
    --------
    >>> cycle_laplacian_eigenvalues(3)
    array([3., 3., 0.])
    """
    _require_vertices(n, 3)
    # sin²(πj/n) = sin²(π(n-j)/n): taking the smaller of j and n-j makes pairs equal to the last bit.
    vertex = np.arange(n)
    values = 4 * np.sin(np.pi * np.minimum(vertex, n - vertex) / n) ** 2
    return np.asarray(np.sort(values)[::-1])


def grid_laplacian(rows: int, columns: int) -> SparseMatrix:
    """Build the Laplacian of a rectangular grid of vertices, numbered row by row.

    Parameters
    ----------
    rows, columns : int
        Size of the grid.

    Returns
    -------
    csr_array, shape (rows * columns, rows * columns)
        Degree minus adjacency matrix, float64.

    Raises
    ------
    InvalidInputError
        When a side is below 1.

    Examples
    --------
    >>> grid_laplacian(2, 2).toarray()
    array([[ 2., -1., -1.,  0.],
           [-1.,  2.,  0., -1.],
           [-1.,  0.,  2., -1.],
           [ 0., -1., -1.,  2.]])
    """
    # L = L_rows ⊗ I + I ⊗ L_columns.
    return scipy.sparse.csr_array(scipy.sparse.kronsum(path_laplacian(columns), path_laplacian(rows)))


def grid_laplacian_eigenvalues(rows: int, columns: int) -> NDArray[np.float64]:
    """Return the eigenvalues of `grid_laplacian`: all sums of one eigenvalue of each of its two paths.

    Parameters
    ----------
    rows, columns : int
        Size of the grid.

    Returns
    -------
    ndarray, shape (rows * columns,)
        Descending; a square grid has most of them double.

    Raises
    ------
    InvalidInputError
        When a side is below 1.

    Examples
    --------
    >>> grid_laplacian_eigenvalues(2, 2)
    array([4., 2., 2., 0.])
    """
    sums = path_laplacian_eigenvalues(rows)[:, None] + path_laplacian_eigenvalues(columns)[None, :]
    return np.asarray(np.sort(sums, axis=None)[::-1])


def random_graph_adjacency(n: int, *, mean_degree: float, rng: RandomSource = 0) -> SparseMatrix:
    """Draw the adjacency matrix of a sparse random graph.

    Parameters
    ----------
    n : int
        Number of vertices, at least 2.
    mean_degree : float
        Wanted mean number of neighbours; the few pairs drawn twice lower it by about ``mean_degree² / 2n``.
    rng : int, SeedSequence or Generator
        Source of randomness.

    Returns
    -------
    csr_array, shape (n, n)
        Symmetric, zero diagonal, ones where vertices are joined, float64, sorted indices.

    Raises
    ------
    InvalidInputError
        When `n` is below 2, or `mean_degree` not between 0 and ``n - 1``.

    Examples
    --------
    >>> adjacency = random_graph_adjacency(100, mean_degree=4)
    >>> bool((adjacency != adjacency.T).nnz == 0), float(adjacency.diagonal().sum())
    (True, 0.0)
    """
    _require_vertices(n, 2)
    if not 0 <= mean_degree <= n - 1:
        raise InvalidInputError(f"mean_degree must be between 0 and n - 1 = {n - 1}, got {mean_degree}")
    random = generator(rng)
    n_edges = round(n * mean_degree / 2)
    first = random.integers(n, size=n_edges)
    # A shift of 1 … n-1 never joins a vertex to itself, and every pair is equally likely.
    second = (first + random.integers(1, n, size=n_edges)) % n
    low, high = np.minimum(first, second), np.maximum(first, second)
    low, high = np.divmod(np.unique(low * n + high), n)
    rows, columns = np.concatenate([low, high]), np.concatenate([high, low])
    adjacency = scipy.sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(n, n))
    adjacency.sort_indices()
    return adjacency


def _laplacian(adjacency: SparseMatrix) -> SparseMatrix:
    degrees = np.asarray(adjacency.sum(axis=1)).ravel()
    return scipy.sparse.csr_array(scipy.sparse.diags(degrees) - adjacency)


def _require_vertices(n: int, least: int) -> None:
    if n < least:
        raise InvalidInputError(f"a graph of this kind needs at least {least} vertices, got {n}")
