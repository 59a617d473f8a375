"""What must hold before NumPy loads its BLAS."""

from __future__ import annotations

import os
import sys

BLAS_OVERRIDES = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def release_blas_overrides() -> str:
    """Unset variables that keep OpenBLAS from its best kernels; return one line that says so.

    OpenBLAS reads them when it is loaded, so this must run before the first import of NumPy.
    """
    present = [name for name in BLAS_OVERRIDES if name in os.environ]
    if not present:
        return "BLAS: no overrides in the environment"
    if "numpy" in sys.modules:
        sys.exit(f"NumPy is loaded already with {', '.join(present)} set: unset them and start again")
    for name in present:
        del os.environ[name]
    return f"BLAS: unset {', '.join(present)}, so that every contender runs at full speed"
