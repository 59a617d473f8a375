"""Dense matrices and operators with known eigenvalues or singular values."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ..errors import InvalidInputError
from ._random import RandomSource, generator

Array: TypeAlias = NDArray[Any]


def random_orthonormal(n: int, k: int, *, rng: RandomSource = 0, dtype: DTypeLike = np.float64) -> Array:
    """Draw `k` orthonormal vectors of length `n`, uniformly over all such sets.

    Parameters
    ----------
    n, k : int
        Length and number of the vectors, ``k <= n``.
    rng : int, SeedSequence or Generator
        Source of randomness.
    dtype : dtype
        float32, float64, complex64 or complex128.

    Returns
    -------
    ndarray, shape (n, k)
        Orthonormal columns, computed in double precision.

    Raises
    ------
    InvalidInputError
        When `k` is not between 0 and `n`.

    References
    ----------
    Mezzadri, Notices of the AMS 54 (2007) 592, section 5.

    Examples
    --------
    >>> import numpy as np
    >>> Q = random_orthonormal(5, 2)
    >>> bool(np.allclose(Q.T @ Q, np.eye(2)))
    True
    """
    if not 0 <= k <= n:
        raise InvalidInputError(f"k must be between 0 and n = {n}, got {k}")
    random = generator(rng)
    gaussian: Array = random.standard_normal((n, k))
    if np.dtype(dtype).kind == "c":
        gaussian = gaussian + 1j * random.standard_normal((n, k))
    Q, R = np.linalg.qr(gaussian)
    # QR leaves the signs to LAPACK; dividing them out gives the Haar measure.
    diagonal = np.diag(R)
    return np.asarray(Q * (diagonal / np.abs(diagonal)), dtype=dtype)


@overload
def symmetric_matrix(
    eigenvalues: ArrayLike,
    *,
    rng: RandomSource = ...,
    dtype: DTypeLike = ...,
    return_eigenvectors: Literal[False] = ...,
) -> Array: ...
@overload
def symmetric_matrix(
    eigenvalues: ArrayLike,
    *,
    rng: RandomSource = ...,
    dtype: DTypeLike = ...,
    return_eigenvectors: Literal[True],
) -> tuple[Array, Array]: ...
def symmetric_matrix(
    eigenvalues: ArrayLike,
    *,
    rng: RandomSource = 0,
    dtype: DTypeLike = np.float64,
    return_eigenvectors: bool = False,
) -> Array | tuple[Array, Array]:
    """Build ``V diag(λ) Vᴴ`` with random orthonormal `V`.

    Parameters
    ----------
    eigenvalues : array_like, shape (n,)
        Real eigenvalues, any order and sign.
    rng : int, SeedSequence or Generator
        Source of randomness.
    dtype : dtype
        float32, float64, or complex64, complex128 for a Hermitian matrix.
    return_eigenvectors : bool
        Also return `V`, its columns in the order of `eigenvalues`.

    Returns
    -------
    A : ndarray, shape (n, n)
        Exactly symmetric (Hermitian). Rounding its entries moves eigenvalues by up to about ``eps * max|λ|``.
    V : ndarray, shape (n, n)
        Only with `return_eigenvectors`.

    Raises
    ------
    InvalidInputError
        When the eigenvalues are empty, not one-dimensional or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> A = symmetric_matrix([3.0, 2.0, -1.0])
    >>> np.linalg.eigvalsh(A).round(12)
    array([-1.,  2.,  3.])
    """
    values = _one_dimensional(eigenvalues, "eigenvalues")
    wide = np.complex128 if np.dtype(dtype).kind == "c" else np.float64
    V = random_orthonormal(len(values), len(values), rng=rng, dtype=wide)
    A = (V * values) @ V.conj().T
    A = ((A + A.conj().T) / 2).astype(dtype)
    return (A, V.astype(dtype)) if return_eigenvectors else A


@overload
def rectangular_matrix(
    singular_values: ArrayLike,
    shape: tuple[int, int],
    *,
    rng: RandomSource = ...,
    dtype: DTypeLike = ...,
    return_vectors: Literal[False] = ...,
) -> Array: ...
@overload
def rectangular_matrix(
    singular_values: ArrayLike,
    shape: tuple[int, int],
    *,
    rng: RandomSource = ...,
    dtype: DTypeLike = ...,
    return_vectors: Literal[True],
) -> tuple[Array, Array, Array]: ...
def rectangular_matrix(
    singular_values: ArrayLike,
    shape: tuple[int, int],
    *,
    rng: RandomSource = 0,
    dtype: DTypeLike = np.float64,
    return_vectors: bool = False,
) -> Array | tuple[Array, Array, Array]:
    """Build ``U diag(s) Vᴴ`` with random orthonormal `U` and `V`.

    Parameters
    ----------
    singular_values : array_like, shape (r,)
        Non-negative, ``r <= min(shape)``; the others are zero.
    shape : tuple of int
        Rows and columns.
    rng : int, SeedSequence or Generator
        Source of randomness.
    dtype : dtype
        float32, float64, complex64 or complex128.
    return_vectors : bool
        Also return `U` and `Vh`, in the order of `singular_values`.

    Returns
    -------
    A : ndarray, of the given shape
        Rounding its entries moves singular values by up to about ``eps * max(s)``.
    U : ndarray, shape (rows, r)
        Only with `return_vectors`.
    Vh : ndarray, shape (r, columns)
        Only with `return_vectors`.

    Raises
    ------
    InvalidInputError
        When there are more singular values than ``min(shape)``, none, or one that is negative or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> A = rectangular_matrix([2.0, 1.0], (4, 3))
    >>> np.linalg.svd(A, compute_uv=False).round(12)
    array([2., 1., 0.])
    """
    values = _one_dimensional(singular_values, "singular_values")
    rows, columns = shape
    if len(values) > min(rows, columns):
        raise InvalidInputError(f"{len(values)} singular values do not fit into a {rows} x {columns} matrix")
    if np.any(values < 0):
        raise InvalidInputError(f"singular values must not be negative, the smallest is {values.min()}")
    random = generator(rng)
    wide = np.complex128 if np.dtype(dtype).kind == "c" else np.float64
    U = random_orthonormal(rows, len(values), rng=random, dtype=wide)
    V = random_orthonormal(columns, len(values), rng=random, dtype=wide)
    A = ((U * values) @ V.conj().T).astype(dtype)
    return (A, U.astype(dtype), V.conj().T.astype(dtype)) if return_vectors else A


def lauchli(n: int, mu: float, *, dtype: DTypeLike = np.float64) -> Array:
    """Build the Läuchli matrix, whose Gram matrix loses `mu` to rounding when ``mu² < eps``.

    Parameters
    ----------
    n : int
        Number of columns.
    mu : float
        Size of the diagonal below the row of ones.
    dtype : dtype
        Element type.

    Returns
    -------
    ndarray, shape (n + 1, n)
        A row of ones above ``mu * I``.

    References
    ----------
    Läuchli, Numerische Mathematik 3 (1961) 226.

    Examples
    --------
    >>> lauchli(2, 0.5)
    array([[1. , 1. ],
           [0.5, 0. ],
           [0. , 0.5]])
    """
    return np.concatenate([np.ones((1, n)), mu * np.eye(n)]).astype(dtype)


def lauchli_singular_values(n: int, mu: float) -> NDArray[np.float64]:
    """Return the singular values of `lauchli`: ``sqrt(n + mu²)`` once and `mu` ``n - 1`` times.

    Parameters
    ----------
    n : int
        Number of columns.
    mu : float
        Size of the diagonal.

    Returns
    -------
    ndarray, shape (n,)
        Descending.

    Examples
    --------
    >>> lauchli_singular_values(3, 1.0)
    array([2., 1., 1.])
    """
    return np.concatenate([[np.sqrt(n + mu**2)], np.full(n - 1, abs(mu))])


def wilkinson(n: int, *, dtype: DTypeLike = np.float64) -> Array:
    """Build Wilkinson's tridiagonal matrix, whose large eigenvalues agree in pairs to many digits.

    Parameters
    ----------
    n : int
        Size, usually odd.
    dtype : dtype
        Element type.

    Returns
    -------
    ndarray, shape (n, n)
        ``|i - (n-1)/2|`` on the diagonal and ones beside it.

    References
    ----------
    Wilkinson, The Algebraic Eigenvalue Problem (1965), page 308.

    Examples
    --------
    The two largest eigenvalues of the classical case of size 21 differ by 7e-14:

    >>> import numpy as np
    >>> eigenvalues = np.linalg.eigvalsh(wilkinson(21))
    >>> eigenvalues[-2:].round(8)
    array([10.74619418, 10.74619418])
    """
    beside = np.ones(n - 1)
    centre_distance = np.abs(np.arange(n) - (n - 1) / 2)
    return np.asarray(np.diag(centre_distance) + np.diag(beside, 1) + np.diag(beside, -1), dtype=dtype)


def goe(n: int, *, rng: RandomSource = 0, dtype: DTypeLike = np.float64) -> Array:
    """Draw a matrix of the Gaussian orthogonal ensemble, its spectrum a semicircle on [-2, 2].

    Parameters
    ----------
    n : int
        Size.
    rng : int, SeedSequence or Generator
        Source of randomness.
    dtype : dtype
        float32 or float64.

    Returns
    -------
    ndarray, shape (n, n)
        Symmetric; variance 1/n off the diagonal and 2/n on it.

    Examples
    --------
    >>> import numpy as np
    >>> A = goe(200)
    >>> bool((A == A.T).all()), bool(abs(np.linalg.eigvalsh(A)[-1] - 2) < 0.2)
    (True, True)
    """
    gaussian = generator(rng).standard_normal((n, n))
    return np.asarray((gaussian + gaussian.T) / np.sqrt(2 * n), dtype=dtype)


def diagonal_operator(eigenvalues: ArrayLike) -> Any:
    """Build an operator that multiplies by a diagonal: eigenvalues exact to the last bit, at any size.

    Parameters
    ----------
    eigenvalues : array_like, shape (n,)
        The diagonal; its dtype is the operator's.

    Returns
    -------
    scipy.sparse.linalg.LinearOperator, shape (n, n)
        With single and block products; its eigenvectors are unit vectors.

    Raises
    ------
    InvalidInputError
        When the eigenvalues are not one-dimensional.

    Examples
    --------
    >>> import numpy as np
    >>> operator = diagonal_operator([3.0, 1.0])
    >>> operator @ np.array([1.0, 1.0])
    array([3., 1.])
    """
    from scipy.sparse.linalg import LinearOperator

    diagonal = np.asarray(eigenvalues)
    if diagonal.ndim != 1:
        raise InvalidInputError(f"eigenvalues must be one-dimensional, got shape {diagonal.shape}")

    def multiply(vector: Array) -> Array:
        return np.asarray(diagonal * vector.reshape(-1))

    def multiply_block(block: Array) -> Array:
        return np.asarray(diagonal[:, None] * block)

    def multiply_adjoint(vector: Array) -> Array:
        return np.asarray(diagonal.conj() * vector.reshape(-1))

    size = len(diagonal)
    return LinearOperator(
        (size, size), matvec=multiply, rmatvec=multiply_adjoint, matmat=multiply_block, dtype=diagonal.dtype
    )


def _one_dimensional(values: ArrayLike, name: str) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not len(array):
        raise InvalidInputError(f"{name} must be one-dimensional and not empty, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise InvalidInputError(f"{name} must be finite, got {int((~np.isfinite(array)).sum())} that are not")
    return array
