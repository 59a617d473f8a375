"""Fill the core's BLAS and LAPACK table from SciPy's public capsules.

SciPy publishes C pointers to the routines it links in ``cython_blas`` and ``cython_lapack``. Using them gives
the user's own BLAS (OpenBLAS, MKL, Accelerate) with its run-time dispatch, and no further thread pool.
"""

from __future__ import annotations

from scipy.linalg import cython_blas, cython_lapack

from . import _core


def fill() -> None:
    """Install every routine the core names; raises ImportError when SciPy lacks one."""
    capsules = {**cython_lapack.__pyx_capi__, **cython_blas.__pyx_capi__}
    for name in _core.blas_routine_names():
        if name not in capsules:
            raise ImportError(f"SciPy exports no BLAS/LAPACK routine {name!r}; SciPy >= 1.10 is needed")
        _core.install_blas(name, capsules[name])
