"""Products of f(A) with blocks of vectors, one Lanczos recurrence per vector, all in one block product per step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import eigh_tridiagonal

from ..density.cumulative import MERGE_FACTOR
from ..density.expectation import function_values
from ..errors import InvalidInputError
from ..operators import Operator, safe_scale

Array = np.ndarray[Any, np.dtype[Any]]
MatrixFunction = Callable[[Array], Any]

FEWEST_STEPS = 4
"""With fewer Lanczos steps than this halves and quarters are too short to tell an error."""

PIECE_BYTES = 128 << 20
"""Recurrences run side by side while their vectors take no more than this; the bits depend on it."""


SLOWEST = 0.9
"""Convergence slower than this per doubling of the degree cannot be told from none."""


class Images(NamedTuple):
    """Products of f(A) with a block: the best known, and others off by as much again, to tell their error."""

    fine: Array
    coarse: Array

    @property
    def has_error(self) -> bool:
        """Whether the two differ: products with A itself are exact."""
        return self.coarse is not self.fine

    def joined(self, more: Images) -> Images:
        """Return the columns of both."""
        fine = np.hstack([self.fine, more.fine])
        return Images(fine, np.hstack([self.coarse, more.coarse]) if self.has_error else fine)


def real_function(f: MatrixFunction) -> MatrixFunction:
    """Return f, refusing complex values: their imaginary parts would be lost."""

    def checked(x: Array) -> Array:
        values = np.asarray(f(x))
        if values.dtype.kind not in "biuf":
            raise InvalidInputError(
                f"f must return real numbers and returned dtype {values.dtype}: "
                "estimate its real and its imaginary part one after the other"
            )
        return values

    return checked


def error_factor(change: float, earlier: float) -> float:
    """Return how many times the last change the error is: the changes of further doublings are a geometric series.

    Parameters
    ----------
    change, earlier : float
        What the last doubling of the degree changed, and the one before.
    """
    ratio = min(change / earlier, SLOWEST) if earlier > 0.0 else SLOWEST
    return max(1.0, ratio / (1.0 - ratio))


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
        self.operator, self.f, self.threads = operator, f, threads
        self.order, self.rounding = operator.shape[0], operator.rounding_unit
        self.degree = min(degree, self.order)
        self.n_matvecs = 0
        # Powers of two that bring A and f(A) near one, so that squares stay in the floating range.
        self.unit, self._inner_unit = 1.0, 1.0
        self._is_scaled = False
        self._largest = 0.0

    @property
    def products_per_vector(self) -> int:
        """Products with A that one product with f(A) costs."""
        return 1 if self.f is None else self.degree

    def __call__(self, block: Array) -> Images:
        """Return ``unit * f(A)`` times a block of columns, in double precision; the first block fixes the unit."""
        if block.shape[1] == 0:
            nothing = np.zeros(block.shape, np.result_type(self.operator.dtype, np.float64))
            return Images(nothing, nothing if self.f is None else nothing.copy())
        if self.f is None:
            images = self._product(block)
            self.unit = self._inner_unit
            return Images(images, images)
        is_first = not self._is_scaled
        fine, coarse = self._by_recurrences(block)
        if is_first:
            self.unit = safe_scale(float(np.abs(fine).max(initial=0.0)), fine.dtype)
        return Images(self.unit * fine, self.unit * coarse)

    def _product(self, block: Array) -> Array:
        """Return ``_inner_unit * A`` times a block."""
        self.n_matvecs += block.shape[1]
        wide = np.result_type(self.operator.dtype, np.float64)
        images = self.operator.product(block, self.threads).astype(wide) / self.operator.scale
        if not self._is_scaled:
            self._inner_unit = safe_scale(float(np.abs(images).max(initial=0.0)), wide)
            self._is_scaled = True
        return np.asarray(images * self._inner_unit)

    def _by_recurrences(self, block: Array) -> tuple[Array, Array]:
        width = max(1, PIECE_BYTES // (self.degree * self.order * block.itemsize))
        pieces = [self._piece(block[:, j : j + width]) for j in range(0, block.shape[1], width)]
        return np.hstack([piece[0] for piece in pieces]), np.hstack([piece[1] for piece in pieces])

    def _piece(self, block: Array) -> tuple[Array, Array]:
        norms = np.linalg.norm(block, axis=0)
        basis, alpha, beta = self._recurrences(block / np.where(norms > 0, norms, 1.0))
        fine, coarse = np.zeros_like(basis[0]), np.zeros_like(basis[0])
        for j, norm in enumerate(norms):
            for answer, coefficients in zip((fine, coarse), self._first_columns(alpha[:, j], beta[:, j]), strict=True):
                for k, coefficient in enumerate(norm * coefficients):
                    answer[:, j] += coefficient * basis[k][:, j]
        return fine, coarse

    def _recurrences(self, start: Array) -> tuple[list[Array], Array, Array]:
        """Lanczos with full reorthogonalisation: A V_k = β_k V_{k-1} + α_k V_k + β_{k+1} V_{k+1}, column by column."""
        width = start.shape[1]
        alpha, beta = np.zeros((self.degree, width)), np.zeros((self.degree, width))
        basis = [start]
        for k in range(self.degree):
            image = self._product(basis[k])
            alpha[k] = np.einsum("ij,ij->j", basis[k].conj(), image).real
            for _ in range(2):
                for vectors in basis:
                    image -= vectors * np.einsum("ij,ij->j", vectors.conj(), image)
            length = np.linalg.norm(image, axis=0)
            self._largest = max(self._largest, float((np.abs(alpha[k]) + length).max()))
            # Below this an invariant subspace is reached, and what is left is rounding.
            alive = length > 64 * self.rounding * self._largest
            beta[k] = np.where(alive, length, 0.0)
            if k + 1 == self.degree or not alive.any():
                break
            basis.append(np.where(alive, image / np.where(alive, length, 1.0), 0.0))
        return basis, alpha[: len(basis)], beta[: len(basis)]

    def _first_columns(self, alpha: Array, beta: Array) -> tuple[Array, Array]:
        """f(T) e₁ for the part of T before the recurrence ended, and, unless that is complete, with its error twice."""
        ended = np.flatnonzero(beta == 0.0)
        length = int(ended[0]) + 1 if len(ended) else len(alpha)
        fine = self._first_column(alpha[:length], beta[: length - 1])
        complete = len(ended) > 0 or length == self.order
        if complete or length < FEWEST_STEPS:
            return fine, fine if complete else np.zeros_like(fine)
        half, quarter = (
            np.pad(self._first_column(alpha[:k], beta[: k - 1]), (0, length - k)) for k in (length // 2, length // 4)
        )
        change = fine - half
        factor = error_factor(float(np.linalg.norm(change)), float(np.linalg.norm(half - quarter)))
        return fine, fine - factor * change

    def _first_column(self, alpha: Array, beta: Array) -> Array:
        nodes, vectors = eigh_tridiagonal(alpha, beta)
        # Zero to the rounding of the operator, which one vector need not see.
        slack = MERGE_FACTOR * self.rounding * self._largest
        nodes = np.where((nodes < 0) & (nodes >= -slack), 0.0, nodes) / self._inner_unit
        assert self.f is not None
        return np.asarray(vectors @ (function_values(self.f, nodes, self.rounding) * vectors[0]))
