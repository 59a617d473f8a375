"""Matrices, sparse matrices, linear operators and callables as one thing: products with blocks of vectors."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse

from . import _core
from .errors import InvalidInputError, NonDeterministicOperatorError, NotSymmetricError, UnsupportedTypeError
from .inputs import Source, as_matrix, check_finite
from .run_options import single_threaded_blas

Array = np.ndarray[Any, np.dtype[Any]]

COMPUTE_DTYPES = ("float32", "float64", "complex64", "complex128")


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
    """

    core: Any
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    kind: str
    scale: float = 1.0

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
        A callable takes a block of columns, shape (n, b), and returns A times it; it needs `shape`.
    shape : tuple of int, optional
        Rows and columns, for callables.
    dtype : dtype, optional
        Scalar of the computation; by default float32 stays float32, complex stays complex, all else is float64.
    adjoint : callable, optional
        Aᴴ times a block, for callables that are not Hermitian.
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
    if isinstance(obj, Operator):
        return obj
    if scipy.sparse.issparse(obj):
        return _sparse_operator(obj, dtype, check)
    if callable(obj) and not hasattr(obj, "shape"):
        if shape is None:
            raise InvalidInputError("a callable needs shape=(rows, columns)")
        return _callback_operator(obj, adjoint, shape, dtype or np.float64)
    if _has_products_only(obj):
        return _operator_like(obj, dtype)
    array, _ = as_matrix(obj)
    return dense_operator(Source(array=array), dtype=dtype, check=check, threads=threads)


def dense_operator(
    source: Source,
    *,
    dtype: Any = None,
    shift: Array | None = None,
    factor: Array | None = None,
    check: bool = True,
    threads: int = 1,
    largest: float | None = None,
) -> Operator:
    """Return the operator ``(A - 1 shiftᵀ) diag(factor)`` of a source; `largest` is its largest magnitude if known."""
    scalar = compute_dtype(source.array.dtype, dtype)
    if largest is None:
        largest = check_finite(source, threads) if check else 1.0
    scale = safe_scale(largest if factor is None else 1.0, scalar)
    build = getattr(_core, f"dense_operator_{scalar.name}")
    core = build(source.array, **source.selection, shift=shift, factor=factor, scale=scale)
    return Operator(core, (source.n_samples, source.n_features), scalar, "dense", scale)


def compute_dtype(stored: np.dtype[Any], requested: Any = None) -> np.dtype[Any]:
    """Return the scalar of the computation: float32 and complex stay what they are, float16 becomes float32."""
    if requested is not None:
        dtype: np.dtype[Any] = np.dtype(requested)
        if dtype.name not in COMPUTE_DTYPES:
            raise UnsupportedTypeError(f"compute_dtype must be one of {', '.join(COMPUTE_DTYPES)}, got {dtype}")
        return dtype
    if stored.kind == "c":
        return np.dtype(np.complex64 if stored.itemsize == 8 else np.complex128)
    if stored.kind == "f" and stored.itemsize <= 4:
        return np.dtype(np.float32)
    return np.dtype(np.float64)


def safe_scale(largest: float, dtype: np.dtype[Any]) -> float:
    """Return 1, or the power of two that brings `largest` near 1 when its squares would leave the floating range."""
    if not largest > 0.0:
        return 1.0
    exponent = int(np.frexp(largest)[1])
    limits = np.finfo(dtype)
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
    values = np.ascontiguousarray(compressed.data, dtype=scalar)
    if check and not np.isfinite(values).all():
        first = int(np.flatnonzero(~np.isfinite(values))[0])
        raise InvalidInputError(f"the sparse matrix holds values that are not finite, first at stored entry {first}")
    width = np.int64 if np.int64 in (compressed.indices.dtype, compressed.indptr.dtype) else np.int32
    rows, columns = compressed.shape
    scale = safe_scale(float(np.abs(values).max(initial=0.0)), scalar)
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
    return Operator(core.adjoint() if is_csc else core, tuple(compressed.shape), scalar, "sparse", scale)


def is_implicit(obj: Any) -> bool:
    """Whether an object is sparse or known only by its products."""
    is_function = callable(obj) and not hasattr(obj, "shape")
    return isinstance(obj, Operator) or scipy.sparse.issparse(obj) or is_function or _has_products_only(obj)


def _has_products_only(obj: Any) -> bool:
    """Shape and ``@``, but not an array or anything that becomes one."""
    if isinstance(obj, np.ndarray) or hasattr(obj, "__array__") or hasattr(obj, "__array_interface__"):
        return False
    return hasattr(obj, "shape") and hasattr(obj, "__matmul__") and not hasattr(obj, "detach")


def _operator_like(obj: Any, dtype: Any) -> Operator:
    shape = tuple(int(extent) for extent in obj.shape)
    if len(shape) != 2:
        raise InvalidInputError(f"an operator must have two dimensions, got shape {shape}")
    stored = getattr(obj, "dtype", None)
    scalar = compute_dtype(np.dtype(stored if stored is not None else np.float64), dtype)

    def adjoint_product(block: Array) -> Any:
        if hasattr(obj, "rmatmat"):
            return obj.rmatmat(block)
        if hasattr(obj, "H"):
            return obj.H @ block
        if hasattr(obj, "T"):
            return (obj.T @ block.conj()).conj()
        return obj.conj().T @ block

    return _callback_operator(lambda block: obj @ block, adjoint_product, shape, scalar)


def _callback_operator(
    product: Callable[[Array], Any],
    adjoint: Callable[[Array], Any] | None,
    shape: tuple[int, int],
    dtype: Any,
) -> Operator:
    if len(shape) != 2 or min(shape) < 1:
        raise InvalidInputError(f"an operator needs two positive dimensions, got shape {shape}")
    scalar = compute_dtype(np.dtype(dtype))

    def checked(function: Callable[[Array], Any], rows: int) -> Callable[[Array], Array]:
        def multiply(block: Array) -> Array:
            answer = np.asarray(function(block))
            if answer.shape != (rows, block.shape[1]):
                raise InvalidInputError(
                    f"the operator returned shape {answer.shape} for a block of shape {block.shape}, "
                    f"expected {(rows, block.shape[1])}"
                )
            if answer.dtype.kind == "c" and scalar.kind != "c":
                raise UnsupportedTypeError("the operator returned complex values: give dtype=complex128")
            if not np.isfinite(answer).all():
                raise InvalidInputError("the operator returned values that are not finite")
            return np.asfortranarray(answer, dtype=scalar)

        return multiply

    def no_adjoint(_: Array) -> Array:
        raise InvalidInputError("products with the adjoint are needed: give adjoint=, a function of a block")

    build = getattr(_core, f"callback_operator_{scalar.name}")
    core = build(shape[0], shape[1], checked(product, shape[0]), checked(adjoint or no_adjoint, shape[1]))
    return Operator(core, (shape[0], shape[1]), scalar, "callback")


def check_symmetric(operator: Operator, seed: int, threads: int) -> None:
    """Probe an operator with two random vectors: ⟨u, A v⟩ = conj⟨v, A u⟩, and the same product twice."""
    n = operator.shape[0]
    generator = np.random.Generator(np.random.Philox(seed))
    block = generator.standard_normal((n, 2))
    if operator.dtype.kind == "c":
        block = block + 1j * generator.standard_normal((n, 2))
    block = block.astype(operator.dtype)
    # Inner products in double precision: single would overflow for large units.
    wide = np.result_type(operator.dtype, np.float64)
    image = operator.product(block, threads).astype(wide)
    # Each inner product of random vectors is about ‖A‖_F, so this is the natural size of a difference.
    size = float(np.linalg.norm(image) * np.linalg.norm(block) / np.sqrt(n)) or 1.0
    tolerance = 1e3 * float(np.finfo(operator.dtype).eps) * np.sqrt(n)
    difference = abs(np.vdot(block[:, 0], image[:, 1]) - np.conj(np.vdot(block[:, 1], image[:, 0]))) / size
    if difference > tolerance:
        raise NotSymmetricError(
            f"<u, A v> and <A u, v> differ by {difference:.1e} of their size (tolerance {tolerance:.1e}): "
            "the operator is not symmetric. Use svds, or check=False when the difference is only noise"
        )
    if operator.kind == "callback":
        again = operator.product(block, threads)
        change = float(np.linalg.norm(again - image)) / (float(np.linalg.norm(image)) or 1.0)
        if change > tolerance:
            raise NonDeterministicOperatorError(
                f"two products with the same vectors differ by {change:.1e} of their size: fix the order of the data, "
                "switch off dropout and batch normalisation (model.eval()), or use check=False"
            )
