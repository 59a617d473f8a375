"""The randomized SVD without power iterations, and its error from leaving out one random vector at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

from . import _core
from .errors import InvalidInputError
from .operators import Array
from .results import SVDResult
from .run_options import single_threaded_blas
from .svd_methods import MethodCost, Work
from .triplets import Prepared, Run, wrap

PRODUCTS = 3
"""Reads of the data: A Ω, Aᴴ Q, and A V for the residuals."""

_STREAM = 11
"""Stream of the test matrix; the next one is that of its imaginary part."""


def sketch_cost(work: Work, vectors: int) -> MethodCost:
    """Predict three products with a single block; products and bases are held on both sides."""
    flops = 6.0 * work.stored_values * vectors
    peak = work.item * 3 * (work.rows + work.columns) * vectors
    name = f"randomized SVD from one sketch of {vectors} vectors"
    return MethodCost("qb", name, PRODUCTS, flops, int(peak), 0.0)


def sketched_triplets(prepared: Prepared, k: int, vectors: int, tolerance: float, name: str, run: Run) -> SVDResult:
    """Return k triplets of ``Q Qᴴ A``, where Q is an orthonormal basis of A Ω for a Gaussian Ω.

    Halko, Martinsson and Tropp 2011, algorithms 4.1 and 5.1.

    Parameters
    ----------
    prepared : Prepared
        The data.
    k, vectors : int
        Triplets, and columns of Ω: at least two.
    tolerance : float
        Of the residuals, relative to the largest singular value.
    name : str
        The method, in words.
    run : Run
        How it is carried out.
    """
    if vectors < 2:
        raise InvalidInputError('method="qb" leaves out one vector of two at least: raise k or n_oversamples')
    operator = prepared.operator
    count = min(vectors, *operator.shape)
    sketch = operator.product(_gaussian(run.seed, operator.shape[1], count, operator.dtype), run.threads)
    if not np.isfinite(sketch).all():
        prepared.checked(run.threads)
    with single_threaded_blas():
        basis, triangle = np.linalg.qr(sketch)
    image = operator.product(basis, run.threads, "adjoint")
    if not np.isfinite(image).all():
        raise InvalidInputError("the operator returned values that are not finite")
    with single_threaded_blas():
        # Qᴴ A = (Aᴴ Q)ᴴ = (W S Z)ᴴ, so A ≈ (Q Zᴴ) S Wᴴ.
        right, values, rotation = np.linalg.svd(image, full_matrices=False)
        u, v = basis @ rotation[:k].conj().T, right[:, :k]
    backward = image @ rotation[:k].conj().T - v * values[:k]
    forward = operator.product(v, run.threads) - u * values[:k]
    residuals = np.hypot(np.linalg.norm(forward, axis=0), np.linalg.norm(backward, axis=0)).astype(np.float64)
    converged = residuals <= tolerance * values[0]
    tail = values[k:].astype(np.float64)
    is_complete = count == min(operator.shape)
    left_out = np.zeros(count) if is_complete else leave_one_out_errors(triangle)
    found: dict[str, Any] = {
        "u": u,
        "v": v,
        "singular_values": values[:k].astype(np.float64),
        "residual_norms": residuals,
        "converged": converged,
        "status": "converged" if converged.all() else "budget",
        "refined": False,
        "squared_errors": left_out + float(tail @ tail),
        # All are made of the same vectors.
        "n_independent": 1,
        "n_matvecs": 2 * count + k,
        "n_passes": PRODUCTS,
        "basis_bytes": sketch.nbytes + basis.nbytes + image.nbytes + right.nbytes,
    }
    return wrap(prepared, {"n_blocks": 1}, found, name, run.watch)


def leave_one_out_errors(triangle: Array) -> Array:
    """Return ``‖(A - Q_i Q_iᴴ A) ω_i‖²`` for every column of ``A Ω = Q R``, Q_i being the basis without that column.

    It is ``1 / ‖R⁻ᴴ e_i‖²``, and its mean an estimate of ``‖A - Q Qᴴ A‖²`` that is right for one vector fewer: Epperly
    and Tropp, "Efficient error and variance estimation for randomized matrix computations", SIAM J. Sci. Comput. 46
    (2024).
    """
    wide = triangle.astype(np.result_type(triangle.dtype, np.float64))
    size = np.abs(np.diagonal(wide))
    if size.min() <= np.finfo(triangle.dtype).eps * size.max():
        # A column that others span adds nothing when it is left out.
        return np.zeros(len(wide))
    inverse = scipy.linalg.solve_triangular(wide, np.eye(len(wide)))
    return np.asarray(1.0 / (np.abs(inverse) ** 2).sum(axis=1))


def _gaussian(seed: int, rows: int, columns: int, dtype: np.dtype[Any]) -> Array:
    """Return a matrix with ``E|ω|² = 1``."""
    real = _core.gaussian(seed, _STREAM, rows, columns)
    if dtype.kind != "c":
        return np.asarray(real, dtype=dtype)
    return np.asarray((real + 1j * _core.gaussian(seed, _STREAM + 1, rows, columns)) / np.sqrt(2), dtype=dtype)
