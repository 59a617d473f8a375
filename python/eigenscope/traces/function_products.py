"""Products of f(A) with blocks of vectors, one Lanczos recurrence per vector, all in one block product per step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.linalg import eigh_tridiagonal

from ..errors import InvalidInputError
from ..operators import Operator

Array = np.ndarray[Any, np.dtype[Any]]
MatrixFunction = Callable[[Array], Any]


class FunctionProducts:
    """Counts the products it makes with A on the way to those with f(A), or with A itself when f is None.

    Parameters
    ----------
    operator : Operator
        Symmetric or Hermitian.
    f : callable or None
        Function of an array of eigenvalues.
    degree : int
        Lanczos steps per vector; the vectors of all steps are kept.
    threads : int
        Threads of the block products.
    """

    def __init__(self, operator: Operator, f: MatrixFunction | None, degree: int, threads: int) -> None:
        self.operator, self.f = operator, f
        self.degree = min(degree, operator.shape[0])
        self.n_matvecs = 0
        self._threads = threads

    @property
    def products_per_vector(self) -> int:
        """Products with A that one product with f(A) costs."""
        return 1 if self.f is None else self.degree

    def __call__(self, block: Array) -> Array:
        """Return f(A) times a block of columns, in double precision."""
        if self.f is None:
            return self._product(block)
        norms = np.linalg.norm(block, axis=0)
        basis, alpha, beta = self._recurrences(block / np.where(norms > 0, norms, 1.0))
        answer = np.zeros_like(basis[0])
        for j, norm in enumerate(norms):
            coefficients = norm * self._first_column(alpha[:, j], beta[:, j])
            for k, coefficient in enumerate(coefficients):
                answer[:, j] += coefficient * basis[k][:, j]
        return answer

    def _product(self, block: Array) -> Array:
        self.n_matvecs += block.shape[1]
        wide = np.result_type(self.operator.dtype, np.float64)
        return self.operator.product(block, self._threads).astype(wide) / self.operator.scale

    def _recurrences(self, start: Array) -> tuple[list[Array], Array, Array]:
        """Lanczos with full reorthogonalisation: A V_k = β_k V_{k-1} + α_k V_k + β_{k+1} V_{k+1}, column by column."""
        width = start.shape[1]
        alpha, beta = np.zeros((self.degree, width)), np.zeros((self.degree, width))
        basis = [start]
        largest = np.zeros(width)
        for k in range(self.degree):
            image = self._product(basis[k])
            alpha[k] = np.einsum("ij,ij->j", basis[k].conj(), image).real
            for _ in range(2):
                for vectors in basis:
                    image -= vectors * np.einsum("ij,ij->j", vectors.conj(), image)
            length = np.linalg.norm(image, axis=0)
            largest = np.maximum(largest, np.abs(alpha[k]) + length)
            # Below this an invariant subspace is reached, and what is left is rounding.
            alive = length > 64 * np.finfo(self.operator.dtype).eps * largest
            beta[k] = np.where(alive, length, 0.0)
            if k + 1 == self.degree or not alive.any():
                break
            basis.append(np.where(alive, image / np.where(alive, length, 1.0), 0.0))
        return basis, alpha[: len(basis)], beta[: len(basis)]

    def _first_column(self, alpha: Array, beta: Array) -> Array:
        """f(T) e₁ for the part of T before the recurrence ended."""
        ended = np.flatnonzero(beta == 0.0)
        length = int(ended[0]) + 1 if len(ended) else len(alpha)
        nodes, vectors = eigh_tridiagonal(alpha[:length], beta[: length - 1])
        assert self.f is not None
        with np.errstate(all="ignore"):
            values = np.broadcast_to(np.asarray(self.f(nodes), dtype=np.float64), nodes.shape)
        if not np.isfinite(values).all():
            wrong = nodes[~np.isfinite(values)][0]
            raise InvalidInputError(f"f is not finite at the Ritz value {wrong:.6g}: is the operator in its domain?")
        return np.asarray(vectors @ (values * vectors[0]))
