"""Assertions on promises: orthonormality and residuals, with tolerances that follow the precision."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

_ROUNDING_MARGIN = 32.0
"""Multiple of ``eps * sqrt(size)`` granted to a backward-stable computation; observed errors stay below 4."""


def default_tolerance(dtype: DTypeLike, size: int = 1) -> float:
    """Return what rounding may cost a backward-stable computation.

    Parameters
    ----------
    dtype : dtype
        Floating or complex type; integers count as float64.
    size : int
        Length of the sums behind each number; errors grow with its square root.

    Returns
    -------
    float
        ``32 * eps * sqrt(size)``.

    Examples
    --------
    >>> default_tolerance("float64") < 1e-14 < default_tolerance("float32")
    True
    """
    kind = np.dtype(dtype)
    precision = np.finfo(kind if kind.kind in "fc" else np.float64).eps
    return _ROUNDING_MARGIN * float(precision) * float(np.sqrt(max(size, 1)))


def assert_orthonormal(Q: ArrayLike, *, rtol: float | None = None) -> None:
    """Assert that the columns of `Q` are orthonormal.

    Parameters
    ----------
    Q : array_like, shape (n, k)
        Vectors as columns; the check runs in double precision.
    rtol : float, optional
        Largest allowed entry of ``|QᴴQ - I|``; by default `default_tolerance` of Q's dtype and `k`.

    Raises
    ------
    AssertionError
        With the largest deviation and where it is.

    Examples
    --------
    >>> import numpy as np
    >>> assert_orthonormal(np.eye(3)[:, :2])
    >>> assert_orthonormal(np.ones((2, 1)))
    Traceback (most recent call last):
    AssertionError: columns 0 and 0 of Q have |QᴴQ - I| = 1, allowed 7.1e-15
    """
    Q = np.asarray(Q)
    k = Q.shape[1]
    allowed = default_tolerance(Q.dtype, k) if rtol is None else rtol
    wide = _wide(Q)
    deviation = np.abs(wide.conj().T @ wide - np.eye(k))
    _assert_all(deviation <= allowed, deviation, allowed, "columns {0} and {1} of Q have |QᴴQ - I|")


def assert_eigenpairs(
    A: Any, w: ArrayLike, V: ArrayLike, tol: float | None = None, *, scale: float | None = None
) -> None:
    """Assert that `w` and `V` are eigenpairs of `A`: ``‖A v - w v‖ <= tol * scale`` for every pair.

    Parameters
    ----------
    A : array, sparse array or operator, shape (n, n)
        Anything that multiplies a dense block by ``@``.
    w : array_like, shape (k,)
        Eigenvalues.
    V : array_like, shape (n, k)
        Eigenvectors as columns.
    tol : float, optional
        Relative residual; by default `default_tolerance` of the coarser dtype and `n`.
    scale : float, optional
        Norm of `A`; by default the largest ``|w|``.

    Raises
    ------
    AssertionError
        With the largest residual and whose it is.

    Examples
    --------
    >>> import numpy as np
    >>> assert_eigenpairs(np.diag([2.0, 1.0]), [2.0, 1.0], np.eye(2))
    >>> assert_eigenpairs(np.diag([2.0, 1.0]), [1.5, 1.0], np.eye(2), 1e-3)
    Traceback (most recent call last):
    AssertionError: pair 0 has residual ‖A v - w v‖ = 0.5, allowed 0.0015
    """
    w, V = np.asarray(w), np.asarray(V)
    scale = float(np.max(np.abs(w), initial=0.0)) if scale is None else scale
    allowed = scale * (_tolerance(A, V) if tol is None else tol)
    residuals = np.linalg.norm(_wide(_operand(A) @ _wide(V)) - _wide(V) * w, axis=0)
    _assert_all(residuals <= allowed, residuals, allowed, "pair {0} has residual ‖A v - w v‖")


def assert_singular_triplets(
    A: Any, U: ArrayLike, s: ArrayLike, Vh: ArrayLike, tol: float | None = None, *, scale: float | None = None
) -> None:
    """Assert that `U`, `s`, `Vh` are singular triplets of `A` by the residuals of both sides.

    Parameters
    ----------
    A : array, sparse array or operator, shape (m, n)
        Anything that multiplies a dense block by ``@``, and so does its ``.T`` (``.H`` when complex).
    U : array_like, shape (m, k)
        Left vectors as columns.
    s : array_like, shape (k,)
        Singular values.
    Vh : array_like, shape (k, n)
        Right vectors as conjugated rows.
    tol : float, optional
        Relative residual; by default `default_tolerance` of the coarser dtype and ``max(m, n)``.
    scale : float, optional
        Norm of `A`; by default the largest `s`.

    Raises
    ------
    AssertionError
        With the largest residual and whose it is.

    Examples
    --------
    >>> import numpy as np
    >>> assert_singular_triplets(np.diag([2.0, 1.0]), np.eye(2), [2.0, 1.0], np.eye(2))
    """
    U, s, Vh = np.asarray(U), np.asarray(s), np.asarray(Vh)
    scale = float(np.max(s, initial=0.0)) if scale is None else scale
    allowed = scale * (max(_tolerance(A, U), _tolerance(A, Vh.T)) if tol is None else tol)
    matrix = _operand(A)
    adjoint = matrix.conj().T if hasattr(matrix, "conj") else matrix.H
    left, right = _wide(U), _wide(Vh).conj().T
    forward = np.linalg.norm(_wide(matrix @ right) - left * s, axis=0)
    backward = np.linalg.norm(_wide(adjoint @ left) - right * s, axis=0)
    residuals = np.hypot(forward, backward)
    _assert_all(residuals <= allowed, residuals, allowed, "triplet {0} has two-sided residual")


def _tolerance(A: Any, vectors: NDArray[Any]) -> float:
    size = max(A.shape)
    coarse = default_tolerance(vectors.dtype, size)
    return max(coarse, default_tolerance(A.dtype, size)) if hasattr(A, "dtype") else coarse


def _operand(A: Any) -> Any:
    """Return `A` in double precision when it is an array, so that the check does not add its own rounding."""
    return _wide(A) if isinstance(A, np.ndarray) else A


def _wide(array: Any) -> NDArray[Any]:
    return np.asarray(array, dtype=np.complex128 if np.iscomplexobj(array) else np.float64)


def _assert_all(holds: NDArray[np.bool_], values: NDArray[Any], allowed: float, what: str) -> None:
    if holds.all():
        return
    # NaN fails every comparison and is the worst of all.
    worst = np.unravel_index(np.argmax(np.where(np.isnan(values), np.inf, values)), values.shape)
    place = what.format(*(int(index) for index in worst))
    raise AssertionError(f"{place} = {values[worst]:.2g}, allowed {allowed:.2g}")
