"""Eigenvalues nearest a number, as the largest of the inverse of the shifted matrix."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np

from .errors import InvalidInputError
from .factorization import Factors, OutOfTimeError, factorise
from .operators import Array, as_operator
from .run_options import SHORTEST_SECONDS, single_threaded_blas

NULL_SHARE = 0.01
"""An eigenvalue of ``(M + s I)⁻¹`` above this share of 1/s belongs to the null space of M."""

ROUNDING_FACTOR = 64
"""Residuals below this times eps √n are rounding."""


MARGIN = 0.01
"""A residual r of a pair (θ, v) of the inverse, whose norm is θ₁, leaves one of ``r θ₁ / θ²`` after refinement."""


@dataclasses.dataclass
class _Inverse:
    """Solves with ``M + s I``, kept orthogonal to the vectors already found."""

    factors: Factors
    shift: float
    norm: float
    found: Array

    def solve(self, block: Array) -> Array:
        kept = block - self.found @ (self.found.conj().T @ block)
        answer = self.factors.solve(np.ascontiguousarray(kept))
        return np.asarray(answer - self.found @ (self.found.conj().T @ answer))

    def condition(self) -> float:
        """Estimate ‖M‖ ‖(M + s I)⁻¹‖ in the remaining space from one random vector."""
        n = len(self.found)
        probe = np.random.Generator(np.random.Philox(n)).standard_normal((n, 1)).astype(self.found.dtype)
        size = np.linalg.norm(self.solve(probe).astype(np.result_type(probe.dtype, np.float64)))
        return float(size / np.linalg.norm(probe) * self.norm * np.sqrt(n))

    def largest(self, k: int, options: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """Find the k largest pairs in the remaining space; a solve's error limits what residuals can reach."""
        n, eps = len(self.found), float(np.finfo(self.found.dtype).eps)
        operator = as_operator(self.solve, shape=(n, n), dtype=self.found.dtype)
        tolerance = max(MARGIN * options["tolerance"], min(1e-4, 16 * eps * self.condition()))
        chosen = options | {"tolerance": tolerance, "filter": False} | changes
        with single_threaded_blas():
            return dict(operator.core.eigenpairs(k=k, **chosen))


class _Budget:
    """Products and seconds that several runs of the solver share, and what they cost together."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.max_matvecs, self.max_seconds = options["max_matvecs"], options["max_seconds"]
        self.began = time.perf_counter()
        self.n_matvecs = self.n_applications = self.basis_bytes = 0
        self.interrupted = False

    def spend(self, found: dict[str, Any]) -> dict[str, Any]:
        self.n_matvecs += found["n_matvecs"]
        self.n_applications += found["n_applications"]
        self.basis_bytes = max(self.basis_bytes, found["basis_bytes"])
        self.interrupted |= found["interrupted"]
        return found

    def left(self) -> dict[str, Any]:
        """Options of the next run."""
        products = 0 if self.interrupted else self.max_matvecs - self.n_matvecs
        seconds = self.max_seconds - (time.perf_counter() - self.began)
        return {
            "max_matvecs": max(1, products),
            "max_seconds": max(SHORTEST_SECONDS, seconds) if self.max_seconds else 0.0,
        }

    def is_spent(self) -> bool:
        left = self.left()
        return bool(left["max_matvecs"] <= 1 or 0.0 < left["max_seconds"] <= SHORTEST_SECONDS)

    def cost(self) -> dict[str, Any]:
        names = ("n_matvecs", "n_applications", "basis_bytes", "interrupted")
        return {name: getattr(self, name) for name in names}


def nearest_by_inversion(
    matrix: Any, sigma: float, k: int, options: dict[str, Any], dtype: np.dtype[Any], *, gives_up: bool
) -> dict[str, Any] | None:
    """Find the k eigenpairs nearest `sigma` of a Hermitian matrix.

    The null space of ``A - sigma I`` is found first, vector by vector, and deflated: in its presence the inverse would
    resolve nothing else. One step of inverse iteration and a Rayleigh-Ritz step with A itself end the computation.

    Parameters
    ----------
    matrix : csc_array or ndarray, shape (n, n)
        Hermitian.
    sigma : float
        The number.
    k : int
        Number of pairs.
    options : dict
        Options of the compiled Lanczos; ``which`` speaks of ``1 / (λ - sigma)``: "LM" is the nearest on both sides,
        "LA" the nearest above, "SA" the nearest below, "BE" both in turn.
    dtype : numpy.dtype
        Scalar of the vectors returned; residuals are those of the vectors after rounding to it.
    gives_up : bool
        Leave a matrix that is singular at `sigma` to working accuracy, and one whose pairs do not meet the tolerance,
        to another method.

    Returns
    -------
    dict or None
        As the compiled solver returns; None when given up.
    """
    # A power of two, so that nothing is lost and squares neither overflow nor vanish.
    unit = 2.0 ** np.frexp(_norm(matrix) or 1.0)[1]
    scaled, shift = matrix / unit, sigma / unit
    budget = _Budget(options)
    try:
        inverse = _factorise(scaled, shift, budget)
    except OutOfTimeError:
        return _unknown(scaled, k, dtype) | budget.cost()
    try:
        if gives_up and inverse.shift > 0:
            return None
        vectors, status = _nearest_vectors(inverse, k, options, budget)
    finally:
        inverse.factors.release()
    pairs = _rayleigh_ritz(scaled, shift, vectors, status, options["tolerance"], dtype)
    if gives_up and pairs["status"] == "stagnated" and not budget.interrupted:
        return None
    pairs["eigenvalues"] = pairs["eigenvalues"] * unit
    pairs["residual_norms"] = pairs["residual_norms"] * unit
    costs = budget.cost()
    return pairs | costs | {"basis_bytes": costs["basis_bytes"] + inverse.factors.n_bytes}


def _nearest_vectors(inverse: _Inverse, k: int, options: dict[str, Any], budget: _Budget) -> tuple[Array, str]:
    """Return vectors that span the k wanted eigenvectors, and how the search for them ended."""
    try:
        _find_null_space(inverse, k, options, budget)
    except KeyboardInterrupt:
        # Between two runs of the solver, which keep an interruption themselves: what was found is whole.
        if inverse.found.shape[1] == 0:
            raise
        budget.interrupted = True
    vectors, status = inverse.found, "budget" if budget.interrupted else "converged"
    # An interrupted search returns what it has, if anything; one out of its budget fills the rest with its best.
    if vectors.shape[1] < k and not (budget.interrupted and vectors.shape[1] > 0):
        rest = budget.spend(inverse.largest(k - vectors.shape[1], options | budget.left()))
        status = rest["status"]
        vectors = np.column_stack([vectors, _refine(inverse, rest)])
    return vectors, status


def _find_null_space(inverse: _Inverse, k: int, options: dict[str, Any], budget: _Budget) -> None:
    """Add up to k null vectors of M to those found, until there are none or the budget is spent."""
    alone = {"certify": False, "which": "LM", "start": None, "monitor": None}
    while inverse.shift > 0 and inverse.found.shape[1] < k and not budget.is_spent():
        pair = budget.spend(inverse.largest(1, options | budget.left() | alone))
        if budget.interrupted or abs(pair["eigenvalues"][0]) < NULL_SHARE / inverse.shift:
            return
        # One more solve damps what is not null by s / λ.
        vector = inverse.solve(pair["eigenvectors"])
        inverse.found = np.column_stack([inverse.found, vector / np.linalg.norm(vector)])


def _refine(inverse: _Inverse, pairs: dict[str, Any]) -> Array:
    """One step of inverse iteration, unless an interruption forbids more work."""
    vectors = pairs["eigenvectors"]
    return np.asarray(vectors if pairs["interrupted"] else inverse.solve(vectors))


def _norm(matrix: Any) -> float:
    """‖A‖₁, at least the largest magnitude of an eigenvalue."""
    return float(abs(matrix).sum(axis=0).max())


def _unknown(matrix: Any, k: int, dtype: np.dtype[Any]) -> dict[str, Any]:
    """Return the answer of a run that has found nothing."""
    return {
        "eigenvalues": np.full(k, np.nan),
        "eigenvectors": np.eye(matrix.shape[0], k, dtype=dtype),
        "residual_norms": np.full(k, np.inf),
        "converged": np.zeros(k, dtype=bool),
        "status": "budget",
    }


def _factorise(matrix: Any, sigma: float, budget: _Budget) -> _Inverse:
    """LU factors of M = A - sigma I, or of ``M + sqrt(eps) ‖M‖ I`` when M is singular to working accuracy."""
    n = matrix.shape[0]
    norm = _norm(matrix) + abs(sigma) or 1.0
    root = float(np.sqrt(np.finfo(matrix.dtype).eps))
    nothing = np.zeros((n, 0), dtype=matrix.dtype)
    for shift in (0.0, root * norm):
        try:
            factors = factorise(matrix, shift - sigma, budget.left()["max_seconds"])
        except RuntimeError:
            continue
        inverse = _Inverse(factors, shift, norm, nothing)
        if shift > 0.0 or inverse.condition() < 1.0 / root:
            return inverse
        factors.release()
    raise InvalidInputError(f"A - sigma I is too nearly singular to factorise at sigma = {sigma:.6g}: move sigma")


def _rayleigh_ritz(
    matrix: Any, sigma: float, vectors: Array, status: str, tolerance: float, dtype: np.dtype[Any]
) -> dict[str, Any]:
    """Eigenpairs of A within the span, nearest sigma first, with residuals of A."""
    basis, _ = np.linalg.qr(vectors)
    values, rotation = np.linalg.eigh(basis.conj().T @ (matrix @ basis))
    order = np.argsort(np.abs(values - sigma), kind="stable")
    values, basis = values[order].astype(np.float64), (basis @ rotation[:, order]).astype(dtype)
    wide = basis.astype(np.result_type(basis.dtype, np.float64))
    residuals = np.linalg.norm(matrix @ wide - wide * values, axis=0)
    floor = ROUNDING_FACTOR * float(np.finfo(basis.dtype).eps) * np.sqrt(len(basis))
    converged = residuals <= max(tolerance, floor) * _norm(matrix)
    if status == "converged" and not converged.all():
        status = "stagnated"
    return {
        "eigenvalues": values,
        "eigenvectors": basis,
        "residual_norms": residuals,
        "converged": converged,
        "status": status,
    }
