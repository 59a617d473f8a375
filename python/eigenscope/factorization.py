"""Solves with a shifted matrix from its LU factors, made where Ctrl-C and a time limit are heard."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse

from .errors import Interrupted
from .operators import Array

POLL_SECONDS = 0.02
"""A factorisation under way is looked at this often."""


class OutOfTimeError(Exception):
    """The time limit has passed before the factors were there."""


@dataclasses.dataclass(frozen=True)
class Factors:
    """LU factors.

    Parameters
    ----------
    solve : callable
        Solves with the factorised matrix for a block of columns.
    n_bytes : int
        Memory the factors take.
    release : callable
        Frees them; afterwards they cannot be used.
    """

    solve: Callable[[Array], Array]
    n_bytes: int
    release: Callable[[], None]


def factorise(matrix: Any, shift: float, max_seconds: float) -> Factors:
    """Factorise ``A + shift I``.

    Parameters
    ----------
    matrix : csc_array or ndarray, shape (n, n)
        Hermitian.
    shift : float
        Added to the diagonal.
    max_seconds : float
        Longest time to wait for the factors of a sparse matrix; 0 for no limit.

    Returns
    -------
    Factors
        The factors.

    Raises
    ------
    RuntimeError
        When a pivot is zero.
    OutOfTimeError
        After `max_seconds`.
    Interrupted
        On Ctrl-C. The factorisation goes on unseen to its end, which SuperLU cannot be kept from.
    """
    if scipy.sparse.issparse(matrix):
        return _sparse_factors(matrix, shift, max_seconds)
    return _dense_factors(matrix, shift)


def _dense_factors(matrix: Array, shift: float) -> Factors:
    shifted = np.array(matrix, order="F")
    shifted.flat[:: len(matrix) + 1] += shift
    (getrf, getrs) = scipy.linalg.get_lapack_funcs(("getrf", "getrs"), (shifted,))
    factors, pivots, info = getrf(shifted, overwrite_a=True)
    if info > 0:
        raise RuntimeError("a pivot is exactly zero")
    return Factors(lambda block: np.asarray(getrs(factors, pivots, block)[0]), factors.nbytes, lambda: None)


def _sparse_factors(matrix: Any, shift: float, max_seconds: float) -> Factors:
    identity = scipy.sparse.csc_array(scipy.sparse.eye(matrix.shape[0], dtype=matrix.dtype))
    shifted = scipy.sparse.csc_array(matrix + matrix.dtype.type(shift) * identity)
    # Without pivoting the factors stay as sparse as the ordering of a symmetric pattern makes them.
    options: dict[str, Any] = {}
    if _is_diagonally_dominant(shifted):
        options = {"permc_spec": "MMD_AT_PLUS_A", "diag_pivot_thresh": 0.0, "options": {"SymmetricMode": True}}
    apart = _SuperLUThread()
    try:
        n_stored = apart.factorise(shifted, options, max_seconds)
    except BaseException:
        apart.release()
        raise
    # An entry is a value and the number of its row.
    n_bytes = n_stored * (matrix.dtype.itemsize + np.dtype(np.intc).itemsize)
    return Factors(apart.solve, n_bytes, apart.release)


def _is_diagonally_dominant(matrix: Any) -> bool:
    """Whether every diagonal entry is positive and as large as the rest of its column: no pivot is then needed."""
    diagonal = matrix.diagonal().real
    columns = np.asarray(abs(matrix).sum(axis=0)).ravel()
    rounding = np.finfo(matrix.dtype).eps * columns
    return bool((diagonal > 0.0).all() and (2.0 * diagonal >= columns - rounding).all())


class _SuperLUThread:
    """A thread that makes, uses and frees the factors: SciPy books the memory of SuperLU by thread."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="eigenscope factorisation")
        self._factors: list[Any] = []

    def factorise(self, matrix: Any, options: dict[str, Any], max_seconds: float) -> int:
        """Return the number of entries of the factors, or leave the thread to itself when they take too long."""
        began = time.perf_counter()
        try:
            under_way = self._thread.submit(self._factorise, matrix, options)
            while not wait([under_way], POLL_SECONDS).done:
                if 0.0 < max_seconds <= time.perf_counter() - began:
                    raise OutOfTimeError
        except KeyboardInterrupt:
            raise Interrupted("interrupted while a sparse matrix was factorised") from None
        return under_way.result()

    def solve(self, block: Array) -> Array:
        return self._thread.submit(lambda: np.asarray(self._factors[0].solve(block))).result()

    def release(self) -> None:
        self._thread.submit(self._factors.clear)
        self._thread.shutdown(wait=False)

    def _factorise(self, matrix: Any, options: dict[str, Any]) -> int:
        from scipy.sparse.linalg import splu

        self._factors.append(splu(matrix, **options))
        return int(self._factors[0].nnz)
