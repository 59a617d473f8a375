"""PyTorch tensors as what users of NumPy and SciPy have."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

from .byte_sizes import format_bytes
from .errors import InvalidInputError, UnsupportedTypeError

Array = np.ndarray[Any, np.dtype[Any]]


def tensor_as_array(tensor: Any) -> Array:
    """Return the numbers of a dense tensor, those of the processor's memory without a copy.

    Raises
    ------
    UnsupportedTypeError
        When NumPy has no such dtype.
    """
    try:
        # Without gradients and with conjugation carried out; a tensor on another device is copied.
        return np.asarray(tensor.numpy(force=True))
    except TypeError as error:
        raise UnsupportedTypeError(
            f"a tensor of dtype {getattr(tensor, 'dtype', '?')} has no counterpart in NumPy: use .float() first"
        ) from error


def tensor_dtype(dtype: Any) -> np.dtype[Any]:
    """Return NumPy's counterpart of a PyTorch dtype, or raise `UnsupportedTypeError`."""
    try:
        return np.dtype(str(dtype).removeprefix("torch."))
    except TypeError as error:
        raise UnsupportedTypeError(f"{dtype} has no counterpart in NumPy: use torch.float32") from error


def tensor_as_csr(obj: Any) -> Any:
    """Return a sparse tensor as a CSR array that shares its numbers, and anything else as it is.

    Raises
    ------
    UnsupportedTypeError
        When the tensor lies on another device than the processor's.
    InvalidInputError
        When it is not two-dimensional.
    """
    layout = str(getattr(obj, "layout", ""))
    if not layout.startswith("torch.sparse"):
        return obj
    refuse_other_devices(obj)
    if obj.ndim != 2:
        raise InvalidInputError(f"a sparse tensor must be two-dimensional, got shape {tuple(obj.shape)}")
    tensor = obj.detach()
    rows = tensor if layout == "torch.sparse_csr" else tensor.to_sparse_csr()
    parts = tuple(tensor_as_array(part) for part in (rows.values(), rows.col_indices(), rows.crow_indices()))
    return scipy.sparse.csr_array(parts, shape=tuple(tensor.shape))


def refuse_other_devices(tensor: Any) -> None:
    """Raise for a tensor on an accelerator: data are never copied behind the caller's back."""
    if getattr(tensor.device, "type", "cpu") != "cpu":
        is_sparse = str(getattr(tensor, "layout", "")).startswith("torch.sparse")
        stored = tensor._nnz() if is_sparse else tensor.nelement()
        size = format_bytes(tensor.element_size() * stored)
        raise UnsupportedTypeError(f"the tensor lies on {tensor.device}: move it ({size}) with .cpu() first")
