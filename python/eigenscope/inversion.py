"""Eigenvalues of smallest magnitude of a sparse matrix, as the largest of its inverse."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

from .errors import InvalidInputError
from .operators import Array, as_operator
from .run_options import single_threaded_blas

NULL_SHARE = 0.01
"""An eigenvalue of ``(A + s I)⁻¹`` above this share of 1/s belongs to the null space of A."""

ROUNDING_FACTOR = 64
"""Residuals below this times eps √n are rounding."""


@dataclasses.dataclass
class _Inverse:
    """Solves with ``A + s I``, kept orthogonal to the vectors already found."""

    factor: Any
    shift: float
    norm: float
    found: Array

    def solve(self, block: Array) -> Array:
        kept = block - self.found @ (self.found.conj().T @ block)
        answer = self.factor.solve(np.ascontiguousarray(kept))
        return np.asarray(answer - self.found @ (self.found.conj().T @ answer))

    def condition(self) -> float:
        """Estimate ‖A‖ ‖(A + s I)⁻¹‖ in the remaining space from one random vector."""
        n = len(self.found)
        probe = np.random.Generator(np.random.Philox(n)).standard_normal((n, 1)).astype(self.found.dtype)
        return float(np.linalg.norm(self.solve(probe)) / np.linalg.norm(probe) * self.norm * np.sqrt(n))

    def largest(self, k: int, options: dict[str, Any], certify: bool) -> dict[str, Any]:
        """Find the k largest pairs in the remaining space; a solve's error limits what residuals can reach."""
        n, eps = len(self.found), float(np.finfo(self.found.dtype).eps)
        operator = as_operator(self.solve, shape=(n, n), dtype=self.found.dtype)
        tolerance = max(options["tolerance"], min(1e-4, 16 * eps * self.condition()))
        chosen = options | {"which": "LM", "tolerance": tolerance, "certify": certify}
        with single_threaded_blas():
            return dict(operator.core.eigenpairs(k=k, **chosen))


def smallest_by_inversion(matrix: Any, k: int, options: dict[str, Any]) -> dict[str, Any]:
    """Find the k eigenpairs of smallest magnitude of a sparse Hermitian matrix.

    The null space is found first, vector by vector, and deflated: in its presence the inverse would resolve nothing
    else. One step of inverse iteration and a Rayleigh-Ritz step with A itself end the computation.

    Parameters
    ----------
    matrix : csc_array, shape (n, n)
        Hermitian.
    k : int
        Number of pairs.
    options : dict
        Options of the compiled Lanczos.

    Returns
    -------
    dict
        As the compiled solver returns.
    """
    inverse = _factorise(matrix)
    cost = {"n_matvecs": 0, "n_applications": 0, "basis_bytes": 0}
    status = "converged"
    while inverse.shift > 0 and inverse.found.shape[1] < k:
        pair = _spend(cost, inverse.largest(1, options, certify=False))
        if abs(pair["eigenvalues"][0]) < NULL_SHARE / inverse.shift:
            break
        # One more solve damps what is not null by s / λ.
        vector = inverse.solve(pair["eigenvectors"])
        inverse.found = np.column_stack([inverse.found, vector / np.linalg.norm(vector)])
    vectors = inverse.found
    if vectors.shape[1] < k:
        rest = _spend(cost, inverse.largest(k - vectors.shape[1], options, certify=options["certify"]))
        status = rest["status"]
        vectors = np.column_stack([vectors, inverse.solve(rest["eigenvectors"])])
    return _rayleigh_ritz(matrix, vectors, status, options["tolerance"]) | cost | {"interrupted": False}


def _spend(cost: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    cost["n_matvecs"] += found["n_matvecs"]
    cost["n_applications"] += found["n_applications"]
    cost["basis_bytes"] = max(cost["basis_bytes"], found["basis_bytes"])
    return found


def _factorise(matrix: Any) -> _Inverse:
    """LU factors of A, or of ``A + sqrt(eps) ‖A‖ I`` when A is singular to working accuracy."""
    n = matrix.shape[0]
    norm = float(abs(matrix).sum(axis=0).max()) or 1.0
    root = float(np.sqrt(np.finfo(matrix.dtype).eps))
    nothing = np.zeros((n, 0), dtype=matrix.dtype)
    for shift in (0.0, root * norm):
        identity = scipy.sparse.eye_array(n, format="csc", dtype=matrix.dtype)
        try:
            factor = scipy.sparse.linalg.splu(matrix + shift * identity)
        except RuntimeError:
            continue
        inverse = _Inverse(factor, shift, norm, nothing)
        if shift > 0.0 or inverse.condition() < 1.0 / root:
            return inverse
    raise InvalidInputError("the matrix is too nearly singular to factorise")


def _rayleigh_ritz(matrix: Any, vectors: Array, status: str, tolerance: float) -> dict[str, Any]:
    """Eigenpairs of A within the span, smallest magnitude first, with residuals of A."""
    basis, _ = np.linalg.qr(vectors)
    values, rotation = np.linalg.eigh(basis.conj().T @ (matrix @ basis))
    order = np.argsort(np.abs(values), kind="stable")
    values, basis = values[order], basis @ rotation[:, order]
    residuals = np.linalg.norm(matrix @ basis - basis * values, axis=0)
    norm = float(abs(matrix).sum(axis=0).max())
    floor = ROUNDING_FACTOR * float(np.finfo(basis.dtype).eps) * np.sqrt(len(basis))
    converged = residuals <= max(tolerance, floor) * norm
    if status == "converged" and not converged.all():
        status = "stagnated"
    return {
        "eigenvalues": values,
        "eigenvectors": basis,
        "residual_norms": residuals,
        "converged": converged,
        "status": status,
    }
