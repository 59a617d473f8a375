"""Matrices, sparse matrices, linear operators and callables as one thing: products with blocks of vectors."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from operator import index
from typing import Any

import numpy as np
import scipy.sparse

from . import _core
from .errors import InvalidInputError, UnsupportedTypeError
from .inputs import Source, as_matrix, check_finite
from .run_options import single_threaded_blas
from .tensors import tensor_as_array, tensor_as_csr, tensor_dtype

Array = np.ndarray[Any, np.dtype[Any]]

REAL_DTYPES = ("float32", "float64")

COMPUTE_DTYPES = (*REAL_DTYPES, "complex64", "complex128")

_NO_ADJOINT = "products with the adjoint are needed: give adjoint=, a function of a block (A itself if Hermitian)"

LARGEST_EXTENT = 2**48
"""A vector with more entries cannot be addressed."""


class Answers:
    """Checks what a function of a block returns, and remembers how accurate it can be.

    Parameters
    ----------
    function : callable
        Takes a block of columns.
    rows : int
        Rows its answer must have.
    dtype : numpy.dtype
        Scalar of the computation.
    takes_tensors : bool
        Whether the function wants PyTorch tensors.
    """

    def __init__(
        self, function: Callable[[Any], Any], rows: int, dtype: np.dtype[Any], takes_tensors: bool = False
    ) -> None:
        self._function = function
        self._rows = rows
        self._dtype = dtype
        self._takes_tensors = takes_tensors
        self.rounding_unit = 0.0

    def __call__(self, block: Array) -> Array:
        """Return the checked product in the scalar of the computation."""
        given = self._function(_as_tensor(block) if self._takes_tensors else block)
        answer = tensor_as_array(given) if hasattr(given, "detach") else np.asarray(given)
        if answer.shape != (self._rows, block.shape[1]):
            raise InvalidInputError(
                f"the operator returned shape {answer.shape} for a block of shape {block.shape}, "
                f"expected {(self._rows, block.shape[1])}"
            )
        if answer.dtype.kind not in "biufc":
            raise UnsupportedTypeError(f"the operator returned dtype {answer.dtype}, which is not numeric")
        if answer.dtype.kind == "c" and self._dtype.kind != "c":
            raise UnsupportedTypeError("the operator returned complex values: give dtype=complex128")
        if not np.isfinite(answer).all():
            raise InvalidInputError("the operator returned values that are not finite")
        if answer.dtype.kind in "fc":
            self.rounding_unit = max(self.rounding_unit, float(np.finfo(answer.dtype).eps))
        return np.asfortranarray(answer, dtype=self._dtype)


@dataclasses.dataclass(frozen=True, eq=False)
class Operator:
    """A matrix known by its products.

    Parameters
    ----------
    core : object
        The compiled operator.
    shape : tuple of int
        Rows and columns.
    dtype : numpy.dtype
        Scalar of the computation.
    kind : {"dense", "sparse", "callback"}
        How products are made.
    scale : float
        Power of two the operator is multiplied by inside, so that squares stay in the floating range.
    matrix : ndarray, sparse matrix or None
        The matrix itself, where there is one: factorisations need it.
    answers : Answers or None
        What a function has returned so far.
    n_stored : int or None
        Entries a sparse matrix stores; None when all are.
    """

    core: Any
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    kind: str
    scale: float = 1.0
    matrix: Any = None
    answers: Answers | None = None
    n_stored: int | None = None

    @property
    def stored_values(self) -> int:
        """Entries that a product multiplies."""
        return self.shape[0] * self.shape[1] if self.n_stored is None else self.n_stored

    @property
    def rounding_unit(self) -> float:
        """Relative accuracy of products: that of the scalar, or of what a function returned if that is coarser."""
        own = float(np.finfo(self.dtype).eps)
        return own if self.answers is None else max(own, self.answers.rounding_unit)

    def product(self, block: Array, threads: int, product: str = "forward") -> Array:
        """Return A X ("forward"), Aᴴ X ("adjoint") or Aᴴ A X ("gram") for a block of columns."""
        ordered = np.asfortranarray(block, dtype=self.dtype)
        with single_threaded_blas():
            return np.asarray(self.core.apply(ordered, threads, product))


def as_operator(
    obj: Any,
    *,
    shape: tuple[int, int] | None = None,
    dtype: Any = None,
    adjoint: Callable[[Array], Any] | None = None,
    check: bool = True,
    threads: int = 1,
) -> Operator:
    """View an object as an operator that multiplies blocks of vectors.

    Parameters
    ----------
    obj : array_like, sparse matrix, LinearOperator, object with ``shape`` and ``@``, or callable
        A callable takes a block of columns, shape (n, b), and returns A times it; it needs `shape`. A function of
        PyTorch tensors says so by ``dtype=torch.float64`` or other.
    shape : tuple of int, optional
        Rows and columns, for callables.
    dtype : numpy or torch dtype, optional
        Scalar of the computation; by default float32 stays float32, complex stays complex, all else is float64.
    adjoint : callable, optional
        Aᴴ times a block, where it is needed and A does not have it: `svds` needs it, `eigsh` does not. A Hermitian
        callable is its own.
    check : bool
        Refuse values that are not finite.
    threads : int
        Threads for the check.

    Returns
    -------
    Operator
        The view; data are not copied.

    Raises
    ------
    UnsupportedTypeError
        When products with the object cannot be made.
    InvalidInputError
        When its shape is not that of a matrix.

    Examples
    --------
    >>> import numpy as np
    >>> operator = as_operator(lambda block: 2.0 * block, shape=(4, 4))
    >>> operator.product(np.ones((4, 1)), threads=1).ravel()
    array([2., 2., 2., 2.])
    """
    if adjoint is not None and not callable(adjoint):
        raise UnsupportedTypeError(f"adjoint must be a function of a block, got {type(adjoint).__name__}")
    if isinstance(obj, Operator):
        if adjoint is not None and obj.kind == "callback":
            raise InvalidInputError("adjoint= belongs where this Operator was made: as_operator(..., adjoint=...)")
        check_given_shape(obj.shape, shape)
        return obj
    obj = tensor_as_csr(obj)
    if scipy.sparse.issparse(obj):
        check_given_shape(obj.shape, shape)
        return _sparse_operator(obj, dtype, check)
    if callable(obj) and not hasattr(obj, "shape"):
        if shape is None:
            raise InvalidInputError("a callable needs shape=(rows, columns)")
        return _callback_operator(obj, adjoint, shape, dtype or np.float64)
    if _has_products_only(obj):
        check_given_shape(obj.shape, shape)
        return _operator_like(obj, dtype, adjoint)
    array, _ = as_matrix(obj)
    check_given_shape(array.shape, shape)
    return dense_operator(Source(array=array), dtype=dtype, check=check, threads=threads)


def dense_operator(
    source: Source,
    *,
    dtype: Any = None,
    shift: Array | None = None,
    factor: Array | None = None,
    shift_remainder: Array | None = None,
    check: bool = True,
    threads: int = 1,
    largest: float | None = None,
) -> Operator:
    """Return the operator ``(A - 1 shiftᵀ) diag(factor)`` of a source.

    The remainder is what rounding took from the shift; `largest` is the largest magnitude of A if known.
    """
    scalar = compute_dtype(source.array.dtype, dtype)
    if largest is None:
        largest = check_finite(source, threads) if check else 1.0
    scale = safe_scale(largest if factor is None else 1.0, scalar)
    build = getattr(_core, f"dense_operator_{scalar.name}")
    core = build(
        source.array, **source.selection, shift=shift, factor=factor, shift_remainder=shift_remainder, scale=scale
    )
    is_plain = shift is None and factor is None and source.row_index is None and source.column_index is None
    matrix = source.array if is_plain else None
    return Operator(core, (source.n_samples, source.n_features), scalar, "dense", scale, matrix)


def compute_dtype(
    stored: np.dtype[Any], requested: Any = None, *, allowed: tuple[str, ...] = COMPUTE_DTYPES, name: str = "dtype"
) -> np.dtype[Any]:
    """Return the scalar of the computation: float32 and complex stay what they are, float16 becomes float32.

    What is `requested` in the caller's argument `name` must be one of those `allowed`.
    """
    if requested is not None:
        try:
            dtype: np.dtype[Any] = np.dtype(requested)
        except TypeError:
            dtype = np.dtype(object)
        if dtype.name not in allowed:
            raise UnsupportedTypeError(f"{name} must be one of {', '.join(allowed)}, got {requested!r}")
        return dtype
    if stored.kind == "c":
        return np.dtype(np.complex64 if stored.itemsize == 8 else np.complex128)
    if stored.kind == "f" and stored.itemsize <= 4:
        return np.dtype(np.float32)
    return np.dtype(np.float64)


def safe_scale(largest: float, dtype: np.dtype[Any]) -> float:
    """Return 1, or the power of two that brings `largest` near 1 when its squares would leave the floating range.

    Raise when `largest` itself is infinite or zero as a `dtype`.
    """
    if not largest > 0.0:
        return 1.0
    exponent = int(np.frexp(largest)[1])
    limits = np.finfo(dtype)
    if np.isfinite(largest) and not float(limits.smallest_subnormal) <= largest <= float(limits.max):
        raise InvalidInputError(
            f"the largest value is {largest:.3g}, which {np.dtype(dtype).name} cannot hold: leave dtype out, or divide "
            "the data by it"
        )
    if abs(exponent) < limits.maxexp // 8:
        return 1.0
    return float(np.ldexp(1.0, int(np.clip(-exponent, -(limits.maxexp - 2), limits.maxexp - 2))))


def _sparse_operator(matrix: Any, dtype: Any, check: bool) -> Operator:
    """CSR and CSC are read where they lie; other formats are converted once."""
    if matrix.ndim != 2:
        raise InvalidInputError(f"a sparse array must be two-dimensional, got shape {matrix.shape}")
    is_csc = matrix.format == "csc"
    compressed = matrix if matrix.format in ("csr", "csc") else matrix.tocsr()
    if compressed.data.dtype.kind not in "biufc":
        raise UnsupportedTypeError(f"dtype {compressed.data.dtype} is not numeric")
    scalar = compute_dtype(compressed.data.dtype, dtype)
    if compressed.data.dtype.kind == "c" and scalar.kind != "c":
        raise UnsupportedTypeError(f"dtype={scalar.name} would drop the imaginary parts of a complex sparse matrix")
    if check and not np.isfinite(compressed.data).all():
        first = int(np.flatnonzero(~np.isfinite(compressed.data))[0])
        raise InvalidInputError(f"the sparse matrix holds values that are not finite, first at stored entry {first}")
    # Before values may overflow; magnitudes of integers need floats.
    stored = compressed.data if compressed.data.dtype.kind in "fc" else compressed.data.astype(np.float64)
    scale = safe_scale(float(np.abs(stored).max(initial=0.0)), scalar)
    values = np.ascontiguousarray(stored, dtype=scalar)
    width = np.int64 if np.int64 in (compressed.indices.dtype, compressed.indptr.dtype) else np.int32
    rows, columns = compressed.shape
    build = getattr(_core, f"csr_operator_{scalar.name}")
    if is_csc:
        # The CSC arrays are the CSR arrays of the transpose; conj(A)ᵀ needs conjugated values.
        values = values.conj() if scalar.kind == "c" else values
        rows, columns = columns, rows
    core = build(
        rows,
        columns,
        np.ascontiguousarray(compressed.indptr, dtype=width),
        np.ascontiguousarray(compressed.indices, dtype=width),
        values,
        scale,
    )
    core = core.adjoint() if is_csc else core
    return Operator(core, tuple(compressed.shape), scalar, "sparse", scale, matrix, n_stored=len(values))


def is_implicit(obj: Any) -> bool:
    """Whether an object is sparse or known only by its products."""
    is_function = callable(obj) and not hasattr(obj, "shape")
    return isinstance(obj, Operator) or scipy.sparse.issparse(obj) or is_function or _has_products_only(obj)


def _has_products_only(obj: Any) -> bool:
    """Shape and ``@``, but not an array or anything that becomes one."""
    if isinstance(obj, np.ndarray) or hasattr(obj, "__array__") or hasattr(obj, "__array_interface__"):
        return False
    return hasattr(obj, "shape") and hasattr(obj, "__matmul__") and not hasattr(obj, "detach")


def _operator_like(obj: Any, dtype: Any, adjoint: Callable[[Array], Any] | None) -> Operator:
    shape = tuple(int(extent) for extent in obj.shape)
    if len(shape) != 2:
        raise InvalidInputError(f"an operator must have two dimensions, got shape {shape}")
    stored = getattr(obj, "dtype", None)
    scalar = compute_dtype(np.dtype(stored if stored is not None else np.float64), dtype)
    return _callback_operator(lambda block: obj @ block, adjoint or _adjoint_of(obj), shape, scalar)


def _adjoint_of(obj: Any) -> Callable[[Array], Any] | None:
    """Return the function of a block that an object offers as product with its adjoint, None when it offers none."""
    if hasattr(obj, "rmatmat"):
        return lambda block: _checked_rmatmat(obj, block)
    if hasattr(obj, "H"):
        return lambda block: obj.H @ block
    if hasattr(obj, "T"):
        return lambda block: (obj.T @ block.conj()).conj()
    return None


def _checked_rmatmat(obj: Any, block: Array) -> Any:
    """Return the adjoint product of a LinearOperator, or say that it was made without one."""
    try:
        return obj.rmatmat(block)
    except (TypeError, NotImplementedError):
        # SciPy calls None here; only for single vectors does it say what is missing.
        try:
            obj.rmatvec(block[:, 0])
        except NotImplementedError:
            raise InvalidInputError(f"{_NO_ADJOINT}, or make the LinearOperator with rmatvec=") from None
        raise


def _callback_operator(
    product: Callable[[Array], Any],
    adjoint: Callable[[Array], Any] | None,
    shape: tuple[int, int],
    dtype: Any,
) -> Operator:
    shape = _checked_shape(shape)
    takes_tensors = type(dtype).__module__ == "torch"
    scalar = compute_dtype(tensor_dtype(dtype) if takes_tensors else np.dtype(dtype))

    def no_adjoint(_: Array) -> Array:
        raise InvalidInputError(_NO_ADJOINT)

    forward = Answers(product, shape[0], scalar, takes_tensors)
    backward = Answers(adjoint or no_adjoint, shape[1], scalar, takes_tensors and adjoint is not None)
    core = getattr(_core, f"callback_operator_{scalar.name}")(shape[0], shape[1], forward, backward)
    return Operator(core, (shape[0], shape[1]), scalar, "callback", answers=forward)


def check_given_shape(found: tuple[int, ...], given: tuple[int, int] | None) -> None:
    """Raise when the caller's `shape` is not that of the data, which know theirs."""
    if given is not None and _checked_shape(given) != tuple(found):
        raise InvalidInputError(f"shape={tuple(given)} is not that of the data, {tuple(found)}: only functions need it")


def _checked_shape(shape: Any) -> tuple[int, int]:
    """Return the rows and columns of an operator, or raise."""
    try:
        extents = tuple(index(extent) for extent in shape)
    except TypeError:
        extents = ()
    if len(extents) != 2 or min(extents) < 1:
        raise InvalidInputError(f"an operator needs shape=(rows, columns), two positive integers, got {shape!r}")
    if max(extents) > LARGEST_EXTENT:
        raise InvalidInputError(f"an operator has at most {LARGEST_EXTENT:,} rows and columns, got shape {shape!r}")
    return extents


def _as_tensor(block: Array) -> Any:
    import torch

    return torch.from_numpy(np.ascontiguousarray(block))
