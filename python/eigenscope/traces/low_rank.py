"""Trace estimators that take the large eigenvalues exactly and sample only the rest.

Hutch++ (Meyer, Musco, Musco and Woodruff 2021, SOSA), XTrace and XNysTrace (Epperly, Tropp and Webber 2024, SIAM J.
Matrix Anal. Appl. 45; arXiv 2301.07825). All three return estimates whose mean is the estimate of the trace and whose
scatter gives its error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg

from ..errors import InvalidInputError

Array = np.ndarray[Any, np.dtype[Any]]
Products = Callable[[Array], Array]

SHIFT_FACTOR = 64
"""The Nyström method adds this times the rounding unit times the norm to the operator, and takes it off the trace:
its Gram matrix is then positive definite to rounding."""


class XTrace:
    """Estimates that grow: each sees the range of all test vectors but one, and samples the rest with that one."""

    name = "XTrace"
    products_per_vector = 2

    def __init__(self, products: Products) -> None:
        self._products = products
        self._tests: Array | None = None

    def add(self, tests: Array) -> None:
        """Use further test vectors, two products each; what is known of the others is kept."""
        images = self._products(tests)
        if self._tests is None:
            self._tests, self._images = tests, images
            self._range, self._triangle = scipy.linalg.qr(images, mode="economic")
            self._range_images = self._products(self._range)
            return
        old = self._range
        overlap = old.conj().T @ images
        rest = images - old @ overlap
        again = old.conj().T @ rest
        new, corner = scipy.linalg.qr(rest - old @ again, mode="economic")
        lower = np.zeros((corner.shape[0], self._triangle.shape[1]), dtype=corner.dtype)
        self._triangle = np.block([[self._triangle, overlap + again], [lower, corner]])
        self._range = np.hstack([old, new])
        self._range_images = np.hstack([self._range_images, self._products(new)])
        self._tests, self._images = np.hstack([self._tests, tests]), np.hstack([self._images, images])

    def estimates(self) -> Array:
        """Return one estimate of the trace per test vector.

        Without test vector i the range is Q (I - s sᴴ), s orthogonal to all columns of R but the i-th. With μ the part
        of ω_i outside it, the estimate is ``tr Qᴴ A Q - sᴴ Qᴴ A Q s + (n - m + 1) μᴴ A μ / ‖μ‖²``.
        """
        assert self._tests is not None
        n, m = self._tests.shape
        inner = self._range.conj().T @ self._range_images
        directions = _excluded_directions(self._triangle)
        exact = np.trace(inner).real - np.einsum("ij,ij->j", directions.conj(), inner @ directions).real
        if m > n - 1:
            return np.full(m, float(np.trace(inner).real))
        inside = self._range.conj().T @ self._tests
        inside -= directions * np.einsum("ij,ij->j", directions.conj(), inside)
        outside = self._tests - self._range @ inside
        images = self._images - self._range_images @ inside
        lengths = np.einsum("ij,ij->j", outside.conj(), outside).real
        sampled = np.einsum("ij,ij->j", outside.conj(), images).real
        return np.asarray(exact + (n - m + 1) * sampled / lengths)


class XNysTrace:
    """The same for positive semidefinite operators with the Nyström approximation: one product per vector."""

    name = "XNysTrace"
    products_per_vector = 1

    def __init__(self, products: Products) -> None:
        self._products = products
        self._tests: Array | None = None

    def add(self, tests: Array) -> None:
        """Use further test vectors, one product each."""
        images = self._products(tests)
        if self._tests is None:
            self._tests, self._images = tests, images
        else:
            self._tests, self._images = np.hstack([self._tests, tests]), np.hstack([self._images, images])

    def estimates(self) -> Array:
        """Return one estimate of the trace per test vector.

        With ``Y = A Ω``, ``H = Ωᴴ Y`` and ``z_i = Y H⁻¹ e_i / sqrt((H⁻¹)_ii)`` the approximation without ω_i is
        ``Y H⁻¹ Yᴴ - z_i z_iᴴ``, and ω_i finds ``1 / (H⁻¹)_ii`` outside it; only the part of ω_i outside the other
        test vectors counts, of squared length ``1 / ((Ωᴴ Ω)⁻¹)_ii``. With ``H = L Lᴴ`` and ``B = Y L⁻ᴴ`` the first is
        ``B Bᴴ`` and ``z_i`` is B times the i-th column of ``L⁻¹``, normalised: H is inverted nowhere, since for an
        operator of low rank it is singular but for the shift.
        """
        assert self._tests is not None
        n, m = self._tests.shape
        if not self._images.any():
            return np.zeros(m)
        shift = SHIFT_FACTOR * np.finfo(np.float64).eps * float(np.linalg.norm(self._images, 2))
        shift /= float(np.linalg.norm(self._tests, 2)) or 1.0
        images = self._images + shift * self._tests
        gram = self._tests.conj().T @ images
        try:
            factor = np.linalg.cholesky(0.5 * (gram + gram.conj().T))
        except np.linalg.LinAlgError as error:
            raise InvalidInputError(
                "xnystrace needs a positive semidefinite operator, and this one has negative eigenvalues: use xtrace"
            ) from error
        root = scipy.linalg.solve_triangular(factor, images.conj().T, lower=True).conj().T
        inverse = scipy.linalg.solve_triangular(factor, np.eye(m, dtype=gram.dtype), lower=True)
        diagonal = np.einsum("ij,ij->j", inverse.conj(), inverse).real
        total = np.einsum("ij,ij->", root.conj(), root).real
        columns = root @ (inverse / np.sqrt(diagonal))
        left_out = np.einsum("ij,ij->j", columns.conj(), columns).real
        overlaps = self._tests.conj().T @ self._tests
        lengths = 1.0 / np.diag(np.linalg.inv(overlaps)).real
        return np.asarray(total - left_out + (n - m + 1) / lengths / diagonal - n * shift)


def hutch_plus_plus(products: Products, tests: Array) -> Array:
    """Return the samples of Hutch++: a third of the products find a range, a third are exact, a third sample the rest.

    Parameters
    ----------
    products : callable
        A times a block.
    tests : ndarray, shape (n, 2 k)
        Random vectors with independent entries of variance one.
    """
    k = tests.shape[1] // 2
    basis = scipy.linalg.qr(products(tests[:, :k]), mode="economic")[0]
    exact = np.einsum("ij,ij->", basis.conj(), products(basis)).real
    outside = tests[:, k:] - basis @ (basis.conj().T @ tests[:, k:])
    return np.asarray(exact + np.einsum("ij,ij->j", outside.conj(), products(outside)).real)


def _excluded_directions(triangle: Array) -> Array:
    """Return unit vectors s_i, each orthogonal to all columns of R but the i-th: the columns of R⁻ᴴ, normalised."""
    scale = float(np.abs(np.diag(triangle)).max(initial=0.0))
    floor = 64 * np.finfo(np.float64).eps * scale
    safe = triangle + np.diag(np.where(np.abs(np.diag(triangle)) <= floor, floor or 1.0, 0.0))
    inverse = scipy.linalg.solve_triangular(safe, np.eye(len(safe), dtype=safe.dtype), trans="C")
    return np.asarray(inverse / np.linalg.norm(inverse, axis=0))
