"""Files from which a computation that was killed goes on: what it was, and every product it has made."""

from __future__ import annotations

import json
import os
import struct
import zlib
from typing import Any

import numpy as np
import scipy.sparse

from .errors import InvalidInputError
from .inputs import Source

_SIGNATURE = b"ESPROD01"
_SAMPLED_ROWS = 64


def stored_seed(path: str | os.PathLike[str]) -> int | None:
    """Return the seed of the computation in a checkpoint, None when there is no file."""
    if not os.path.exists(path) or os.path.getsize(path) == 0:
        return None
    with open(path, "rb") as file:
        head = file.read(16)
        if len(head) < 16 or not head.startswith(_SIGNATURE):
            raise InvalidInputError(f"{os.fspath(path)} is not a checkpoint: give another path")
        text = file.read(struct.unpack("<Q", head[8:])[0])
    try:
        return int(json.loads(text)["seed"])
    except (ValueError, KeyError):
        return None


def describe(A: Any, source: Source | None, settings: dict[str, Any]) -> str:
    """Return one line that two computations share when they make the same products."""
    return json.dumps({**settings, "data": _fingerprint(A, source)}, sort_keys=True, default=_plain)


def _fingerprint(A: Any, source: Source | None) -> int:
    """Checksum of a few rows or of what is stored; the first product shows the rest when a computation goes on."""
    if source is not None:
        rows = np.unique(np.linspace(0, source.array.shape[0] - 1, _SAMPLED_ROWS).astype(np.int64))
        return zlib.crc32(np.ascontiguousarray(source.array[rows]).tobytes())
    if not scipy.sparse.issparse(A):
        return 0
    stored = A if A.format in ("csr", "csc") else A.tocsr()
    checksum = 0
    for part in (stored.data, stored.indices, stored.indptr):
        checksum = zlib.crc32(np.ascontiguousarray(part).tobytes(), checksum)
    return checksum


def _plain(value: Any) -> Any:
    return zlib.crc32(np.ascontiguousarray(value).tobytes()) if isinstance(value, np.ndarray) else str(value)
