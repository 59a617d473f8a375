"""Diagonals in rounds that double the number of random vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import Interrupted
from ..results.diagonal_estimate import DiagonalEstimate
from ..run_options import Stopwatch
from .exact import exact_diagonal, exact_products
from .function_products import FunctionProducts, Images
from .growing_range import GrowingRange
from .probes import gaussian_probes, sign_probes
from .samples import ROUNDING_FACTOR
from .sampling import BUDGET_ADVICE, DEGREE_ADVICE, MEMORY_ADVICE
from .target import Target

Array = np.ndarray[Any, np.dtype[Any]]

FIRST_SAMPLES = 10
"""Samples of the first round, and as many vectors that find a range."""

KEPT_PER_SAMPLE = 4
"""Vectors kept per sample: signs, their images, a column of the basis and its image."""


SIGN_STREAM = 1 << 32
"""Numbers of the random signs begin here, apart from those of the vectors that find the range."""


class DiagonalRun:
    """Adds rounds of vectors until the interval of every entry is narrow enough.

    Parameters
    ----------
    products : FunctionProducts
        With A or f(A).
    target : Target
        What to reach.
    n_probes : int or None
        Products with A or f(A), whatever the accuracy; None to reach the target.
    seed : int
        Of the random vectors.
    watch : Stopwatch
        Of the run.
    """

    def __init__(
        self, products: FunctionProducts, target: Target, n_probes: int | None, seed: int, watch: Stopwatch
    ) -> None:
        self._products, self._target, self._watch, self._n_probes = products, target, watch, n_probes
        self._gaussian = gaussian_probes(products.operator, seed)
        self._random_signs = sign_probes(products.operator, seed)
        self._range = GrowingRange(products.rounding)
        self._signs: Array
        self._images: Images
        self._range_images: Images
        self._estimate: DiagonalEstimate | None = None
        self.advice = BUDGET_ADVICE

    def run(self) -> DiagonalEstimate:
        """Return the estimate of the last round."""
        try:
            return self._fixed(self._n_probes) if self._n_probes is not None else self._to_tolerance()
        except KeyboardInterrupt as stop:
            message = "diagonal was interrupted; .partial holds the estimate so far or None"
            raise Interrupted(message, self._estimate) from stop

    def _fixed(self, n_probes: int) -> DiagonalEstimate:
        if n_probes >= self._products.order and self._exact <= max(self._target.max_matvecs, n_probes):
            return self._exactly("exact")
        wide = min(n_probes // 3, self._products.order)
        self._add(0, wide, n_probes - 2 * wide)
        estimate = self._estimated()
        self._target.ends_with(estimate)
        return estimate

    def _to_tolerance(self) -> DiagonalEstimate:
        products, target = self._products, self._target
        products.degree = min(products.degree, max(1, target.max_matvecs // 3))
        price = 3 * products.products_per_vector
        used = 0
        while True:
            wanted, left = max(used, FIRST_SAMPLES), target.max_matvecs - products.n_matvecs
            if self._exact <= min(left, products.n_matvecs + wanted * price):
                return self._exactly("sampling, then exact" if used else "exact")
            more = min(wanted, left // price, self._fitting() - used)
            if self._estimate is not None and more < 1:
                self.advice = BUDGET_ADVICE if left < price else MEMORY_ADVICE
                return self._estimate
            if left < price:
                # Too little for a range, its images and samples goes into samples.
                self._add(used, 0, max(1, left // products.products_per_vector))
            else:
                self._add(used, max(more, 1), max(more, 1))
            used += max(more, 1)
            self._estimate = self._estimated()
            if target.ends_with(self._estimate) or self._range.is_complete:
                return self._estimate

    @property
    def _exact(self) -> float:
        return exact_products(self._products)

    def _fitting(self) -> int:
        copies = 2 * KEPT_PER_SAMPLE * (1 if self._products.f is None else 2)
        return self._target.max_bytes // (copies * self._products.order * self._gaussian(0, 1).itemsize)

    def _exactly(self, method: str) -> DiagonalEstimate:
        values, errors = exact_diagonal(self._products)
        spent, confidence = self._products.n_matvecs, self._target.confidence
        info = self._watch.info(method, n_matvecs=spent)
        interval = (values - errors, values + errors)
        return DiagonalEstimate(values, np.zeros_like(values), interval, confidence, spent, "converged", info)

    def _add(self, used: int, wide: int, count: int) -> None:
        """Widen the range by some vectors, and take further samples."""
        is_first = self._range.basis is None
        new = self._range.add(self._products(self._gaussian(used, wide)).fine)
        range_images = self._products(new)
        signs = self._random_signs(SIGN_STREAM + used, count)
        images = self._products(signs)
        self._signs = signs if is_first else np.hstack([self._signs, signs])
        self._images = images if is_first else self._images.joined(images)
        self._range_images = range_images if is_first else self._range_images.joined(range_images)

    def _samples(self, test_images: Array, range_images: Array) -> Array:
        """diag(Q Qᴴ A) is exact; the rest of A is sampled: E conj(s) ∘ (R s) = diag R for random signs s."""
        basis = self._range.basis
        assert basis is not None
        known = np.einsum("ij,ij->i", basis, range_images.conj()).real
        rest = test_images - basis @ (range_images.conj().T @ self._signs)
        return np.asarray(known[:, None] + (self._signs.conj() * rest).real)

    def _estimated(self) -> DiagonalEstimate:
        from scipy.special import stdtrit

        products, target, unit = self._products, self._target, self._products.unit
        samples = self._samples(self._images.fine, self._range_images.fine)
        count, values = samples.shape[1], samples.mean(axis=1)
        stderr = samples.std(axis=1, ddof=1) / np.sqrt(count) if count > 1 else np.full(len(values), np.inf)
        change = np.zeros_like(values)
        if self._images.has_error:
            change = np.abs(values - self._samples(self._images.coarse, self._range_images.coarse).mean(axis=1))
        half = float(stdtrit(max(count - 1, 1), 0.5 * (1 + target.confidence))) * stderr + change
        half += ROUNDING_FACTOR * products.rounding * self._range.largest
        values, half, spent = values / unit, half / unit, products.n_matvecs
        if change.max() / unit > 0.5 * target.tolerance(values):
            self.advice = DEGREE_ADVICE
        status = "converged" if half.max() <= target.tolerance(values) else "budget"
        info = self._watch.info("sampling", n_matvecs=spent)
        interval = (values - half, values + half)
        return DiagonalEstimate(values, stderr / unit, interval, target.confidence, spent, status, info)
