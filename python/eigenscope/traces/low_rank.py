"""Trace estimators that take the large eigenvalues exactly and sample only the rest.

Hutch++ (Meyer, Musco, Musco and Woodruff 2021, SOSA; grown until it is accurate as by Persson, Cortinovis and Kressner
2022, SIAM J. Matrix Anal. Appl. 43), XTrace and XNysTrace (Epperly, Tropp and Webber 2024, SIAM J. Matrix Anal. Appl.
45; arXiv 2301.07825).

The leave-one-out estimates that XTrace and XNysTrace average share all but two of their vectors, so their scatter tells
too little. The standard error is that of the jackknife, from what the average becomes without each vector; by the
inequality of Efron and Stein (1981, Ann. Stat. 9) its square is not too small on average. Leaving two vectors out has
closed forms too.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.linalg

from ..errors import InvalidInputError
from .function_products import FunctionProducts, Images
from .growing_range import GrowingRange
from .samples import Samples, mean_of_samples, sample_skewness

Array = np.ndarray[Any, np.dtype[Any]]

SHIFT_FACTOR = 64
"""The Nyström method adds this times the error of the products to the operator, and takes it off the trace: its Gram
matrix is then positive definite to rounding."""

PARALLEL_FLOOR = 1e-12
"""Squared sines of angles between excluded directions below this are rounding."""


class XTrace:
    """Estimates that grow: each sees the range of all test vectors but one, and samples the rest with that one."""

    products_per_sample, tests_per_sample, kept_per_sample = 2, 1, 4

    def __init__(self, products: FunctionProducts) -> None:
        self._products = products
        self._range = GrowingRange(products.rounding)
        self._tests: Array
        self._images: Images
        self._range_images: Images

    def add(self, tests: Array) -> None:
        """Use further test vectors, two products each; what is known of the others is kept."""
        images = self._products(tests)
        is_first = self._range.basis is None
        new = self._range.add(images.fine)
        # Images of no columns cost nothing.
        range_images = self._products(new)
        self._tests = tests if is_first else np.hstack([self._tests, tests])
        self._images = images if is_first else self._images.joined(images)
        self._range_images = range_images if is_first else self._range_images.joined(range_images)

    def samples(self) -> Samples:
        """Return the estimate so far, in units of the products."""
        found = self._evaluated(self._images.fine, self._range_images.fine)
        change = 0.0
        if self._images.has_error:
            change = abs(found.value - self._evaluated(self._images.coarse, self._range_images.coarse).value)
        return found.samples(self._tests.shape[1], change, self._range.largest, is_complete=self._range.is_complete)

    def _evaluated(self, test_images: Array, range_images: Array) -> Jackknife:
        """Return the average of the leave-one-out estimates, and its errors.

        Without test vector i the range is Q (I - s_i s_iᴴ), s_i orthogonal to all columns of R but the i-th. With μ the
        part of ω_i outside it, the estimate is ``tr Qᴴ A Q - s_iᴴ Qᴴ A Q s_i + (n - m + 1) μᴴ A μ / ‖μ‖²``. Without j
        too, the span of s_i and s_j is missing, whose Gram matrix is ``[[1, c], [c̄, 1]]``.
        """
        basis = self._range.basis
        assert basis is not None
        n, m = self._tests.shape
        inner = basis.conj().T @ range_images
        total = float(np.trace(inner).real)
        if self._range.is_complete or m >= n:
            return Jackknife(total, 0.0)
        directions = excluded_directions(self._range.triangle)
        inside = basis.conj().T @ self._tests
        outside = self._tests - basis @ inside
        images = test_images - range_images @ inside
        lengths = np.einsum("ij,ij->j", outside.conj(), outside).real
        forms = np.einsum("ij,ij->j", outside.conj(), images).real
        # a_ji = s_jᴴ Qᴴ ω_i, b_ji = s_jᴴ Qᴴ A μ_i, m_ji = s_jᴴ Qᴴ A Q s_i for the part μ_i of ω_i outside Q.
        a = directions.conj().T @ inside
        b = directions.conj().T @ (basis.conj().T @ images)
        middle = directions.conj().T @ inner @ directions
        a_own, b_own, own = np.diag(a), np.diag(b), np.diag(middle).real
        squares = np.abs(a_own) ** 2
        sampled = (forms + 2.0 * (a_own.conj() * b_own).real + squares * own) / (lengths + squares)
        estimates = total - own + (n - m + 1) * sampled
        cosines = (directions.conj().T @ directions).T  # c_ij = s_iᴴ s_j at [j, i]
        sines = squared_sines(cosines)
        first, second = (a_own - cosines * a) / sines, (a - cosines.conj() * a_own) / sines
        pair_lengths = lengths + (first.conj() * a_own + second.conj() * a).real
        crossed = (first.conj() * b_own + second.conj() * b).real
        pair_forms = (
            forms
            + 2.0 * crossed
            + np.abs(first) ** 2 * own
            + np.abs(second) ** 2 * own[:, None]
            + 2.0 * (second.conj() * middle * first).real
        )
        removed = (own + own[:, None] - 2.0 * (cosines * middle).real) / sines
        return jackknife(estimates, total - removed + (n - m + 2) * pair_forms / pair_lengths)


class XNysTrace:
    """The same for positive semidefinite operators with the Nyström approximation: one product per vector."""

    products_per_sample, tests_per_sample, kept_per_sample = 1, 1, 3

    def __init__(self, products: FunctionProducts) -> None:
        self._products = products
        self._tests: Array | None = None
        self._images: Images

    def add(self, tests: Array) -> None:
        """Use further test vectors, one product each."""
        images = self._products(tests)
        self._images = images if self._tests is None else self._images.joined(images)
        self._tests = tests if self._tests is None else np.hstack([self._tests, tests])

    def samples(self) -> Samples:
        """Return the estimate so far, in units of the products."""
        assert self._tests is not None
        basis, triangle = scipy.linalg.qr(self._tests, mode="economic")
        fine, coarse = (scipy.linalg.solve_triangular(triangle, images.T, trans="T").T for images in self._images)
        norm = float(np.linalg.norm(fine, axis=0).max())
        if norm == 0.0:
            return Samples(0.0, 0.0, len(triangle), 0.0, 0.0, is_complete=True)
        directions = excluded_directions(triangle)
        condition = float(np.linalg.cond(triangle))
        error = SHIFT_FACTOR * self._products.rounding * condition * norm + float(np.linalg.norm(fine - coarse))
        found = self._evaluated(basis, fine, directions, error)
        change = 0.0
        if self._images.has_error:
            change = abs(found.value - self._evaluated(basis, coarse, directions, error).value)
        return found.samples(len(triangle), change, norm, is_complete=False)

    @staticmethod
    def _evaluated(basis: Array, images: Array, directions: Array, error: float) -> Jackknife:
        """Return the average of the leave-one-out estimates, and its errors.

        With test vectors ``Ω = Q T``, ``H = Qᴴ A Q = L Lᴴ`` and ``B = A Q L⁻ᴴ`` the approximation is ``B Bᴴ``. s_i
        orthogonal to all columns of T but the i-th and ``u_i = L⁻¹ s_i``, that without ω_i is ``B (I - u_i u_iᴴ /
        ‖u_i‖²) Bᴴ``, and ω_i finds ``1 / ‖u_i‖²`` per squared length outside it and the other test vectors. Without ω_j
        too, the span of u_i and u_j is missing, and the last is ``sin² (s_i, s_j) / (‖u_i‖² sin² (u_i, u_j))``.
        """
        n, m = basis.shape
        gram = basis.conj().T @ images
        error += float(np.linalg.norm(gram - gram.conj().T))
        gram = 0.5 * (gram + gram.conj().T)
        if float(np.linalg.eigvalsh(gram)[0]) < -error:
            raise InvalidInputError(
                "xnystrace needs a positive semidefinite operator, and this one has negative eigenvalues: use xtrace"
            )
        if m == n:
            return Jackknife(float(np.trace(gram).real), 0.0)
        shift = 2.0 * error
        factor = np.linalg.cholesky(gram + shift * np.eye(m))
        root = scipy.linalg.solve_triangular(factor, (images + shift * basis).conj().T, lower=True).conj().T
        total = float(np.einsum("ij,ij->", root.conj(), root).real) - n * shift
        columns = scipy.linalg.solve_triangular(factor, directions, lower=True)
        lengths = np.linalg.norm(columns, axis=0)
        columns = columns / lengths
        images_of_columns = root @ columns
        products = images_of_columns.conj().T @ images_of_columns
        left_out = np.diag(products).real
        estimates = total - left_out + (n - m + 1) / lengths**2
        cosines = columns.conj().T @ columns
        sines = squared_sines(cosines)
        removed = (left_out + left_out[:, None] - 2.0 * (cosines.conj() * products).real) / sines
        found = squared_sines(directions.conj().T @ directions) / (sines * lengths**2)
        return jackknife(estimates, total - removed + (n - m + 2) * found)


class HutchPlusPlus:
    """A third of the products find a range, a third are exact inside it, and a third sample the rest."""

    products_per_sample, tests_per_sample, kept_per_sample = 3, 2, 4

    def __init__(self, products: FunctionProducts) -> None:
        self._products = products
        self._range = GrowingRange(products.rounding)
        self._tests: Array
        self._images: Images
        self._range_images: Images

    def add(self, tests: Array) -> None:
        """Use further test vectors: every other one widens the range, the rest sample what is outside it."""
        is_first = self._range.basis is None
        new = self._range.add(self._products(tests[:, 0::2]).fine)
        range_images, images = self._products(new), self._products(tests[:, 1::2])
        self._tests = tests[:, 1::2] if is_first else np.hstack([self._tests, tests[:, 1::2]])
        self._images = images if is_first else self._images.joined(images)
        self._range_images = range_images if is_first else self._range_images.joined(range_images)

    def samples(self) -> Samples:
        """Return the estimate so far, in units of the products: the samples are those outside today's range."""
        fine = self._evaluated(self._images.fine, self._range_images.fine)
        coarse = self._evaluated(self._images.coarse, self._range_images.coarse) if self._images.has_error else fine
        samples = mean_of_samples(fine, coarse, self._range.largest)
        basis = self._range.basis
        assert basis is not None
        if self._range.is_complete or basis.shape[1] == len(basis):
            return samples._replace(stderr=0.0, is_complete=True)
        return samples

    def _evaluated(self, test_images: Array, range_images: Array) -> Array:
        """``tr Qᴴ A Q + μᴴ A μ`` for the part μ of each test vector outside Q."""
        basis = self._range.basis
        assert basis is not None
        inside = basis.conj().T @ self._tests
        outside = self._tests - basis @ inside
        images = test_images - range_images @ inside
        exact = np.einsum("ij,ij->", basis.conj(), range_images).real
        return np.asarray(exact + np.einsum("ij,ij->j", outside.conj(), images).real)


class Hutchinson:
    """Averages ``n vᴴ A v`` over vectors on the sphere."""

    products_per_sample, tests_per_sample, kept_per_sample = 1, 1, 0

    def __init__(self, products: FunctionProducts) -> None:
        self._products = products
        self._fine, self._coarse, self._norm = np.empty(0), np.empty(0), 0.0

    def add(self, tests: Array) -> None:
        """Use further test vectors, one product each."""
        lengths = np.einsum("ij,ij->j", tests.conj(), tests).real / len(tests)
        images: Images = self._products(tests)
        self._norm = max(self._norm, float(np.linalg.norm(images.fine, axis=0).max()))
        fine, coarse = (np.einsum("ij,ij->j", tests.conj(), found).real / lengths for found in images)
        self._fine, self._coarse = np.append(self._fine, fine), np.append(self._coarse, coarse)

    def samples(self) -> Samples:
        """Return the estimate so far, in units of the products."""
        return mean_of_samples(self._fine, self._coarse, self._norm)


class Jackknife(NamedTuple):
    """What estimates that share their vectors tell of their average.

    Parameters
    ----------
    value, stderr : float
        Average and its standard error.
    skewness : float
        Of what single vectors contribute.
    """

    value: float
    stderr: float
    skewness: float = 0.0

    def samples(self, count: int, change: float, norm: float, *, is_complete: bool) -> Samples:
        """Return what is known after `count` vectors."""
        return Samples(self.value, self.stderr, count, change, norm, is_complete, self.skewness)


def jackknife(estimates: Array, without: Array) -> Jackknife:
    """Return the mean of leave-one-out estimates and its errors.

    The average without vector j is the higher, the less this one contributes: their skewness is that of the
    contributions with the other sign.

    Parameters
    ----------
    estimates : ndarray, shape (m,)
        One per test vector.
    without : ndarray, shape (m, m)
        At (j, i) the estimate of vector i were there no vector j; the diagonal has no meaning.
    """
    m = len(estimates)
    if m < 3:
        return Jackknife(float(estimates.mean()), float("inf"))
    averages = (without.sum(axis=1) - np.diag(without)) / (m - 1)
    stderr = float(np.sqrt((m - 1) / m * ((averages - averages.mean()) ** 2).sum()))
    return Jackknife(float(estimates.mean()), stderr, -sample_skewness(averages))


def squared_sines(cosines: Array) -> Array:
    """Return the squared sines of the angles between unit vectors; one for each with itself, where none is needed."""
    sines = np.maximum(1.0 - np.abs(cosines) ** 2, PARALLEL_FLOOR)
    np.fill_diagonal(sines, 1.0)
    return np.asarray(sines)


def excluded_directions(triangle: Array) -> Array:
    """Return unit vectors s_i, each orthogonal to all columns of R but the i-th: the columns of R⁻ᴴ, normalised."""
    inverse = scipy.linalg.solve_triangular(triangle, np.eye(len(triangle), dtype=triangle.dtype), trans="C")
    return np.asarray(inverse / np.linalg.norm(inverse, axis=0))
