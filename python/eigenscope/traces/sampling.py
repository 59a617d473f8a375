"""Traces from products of A or f(A) with random vectors, in rounds that double the number of vectors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from ..errors import Interrupted, InvalidInputError
from ..results.estimate import Estimate
from .function_products import FunctionProducts
from .low_rank import XNysTrace, XTrace, hutch_plus_plus
from .probes import gaussian_probes
from .target import Target

Array = np.ndarray[Any, np.dtype[Any]]

ROUNDING_FACTOR = 64
"""Times order and rounding unit: the relative rounding of a trace, and of the shift of the Nyström method."""

FIRST_TESTS = 8
"""Test vectors of the first round."""


class GrowingEstimates(Protocol):
    """Exchangeable estimates of a trace that further test vectors improve."""

    products_per_vector: int

    def add(self, tests: Array) -> None:
        """Use further test vectors."""

    def estimates(self) -> Array:
        """Return the estimates so far."""


class Hutchinson:
    """Averages ``n vᴴ A v`` over vectors on the sphere."""

    products_per_vector = 1

    def __init__(self, products: Callable[[Array], Array]) -> None:
        self._products = products
        self._samples = np.empty(0)

    def add(self, tests: Array) -> None:
        """Use further test vectors, one product each."""
        lengths = np.einsum("ij,ij->j", tests.conj(), tests).real
        found = np.einsum("ij,ij->j", tests.conj(), self._products(tests)).real
        self._samples = np.concatenate([self._samples, len(tests) * found / lengths])

    def estimates(self) -> Array:
        """Return one estimate per vector."""
        return self._samples


FAMILIES: dict[str, Callable[[Callable[[Array], Array]], GrowingEstimates]] = {
    "hutchinson": Hutchinson,
    "xtrace": XTrace,
    "xnystrace": XNysTrace,
}


def trace_by_products(method: str, products: FunctionProducts, target: Target, seed: int) -> Estimate:
    """Return an estimate of the trace by one of `FAMILIES` or by "hutch++"."""
    n = products.operator.shape[0]
    affordable = max(1, target.max_matvecs // products.products_per_vector)
    if n <= min(FIRST_TESTS, affordable):
        value = float(np.trace(products(np.eye(n))).real)
        return Estimate(value, 0.0, (value, value), target.confidence, products.n_matvecs)
    draw = gaussian_probes(products.operator, seed)
    if method == "hutch++":
        k = min(affordable // 3, n - 1)
        if k < 2:
            raise InvalidInputError(f"hutch++ needs at least {6 * products.products_per_vector} products")
        return mean_estimate(hutch_plus_plus(products, draw(0, 2 * k)), n, products.n_matvecs, target.confidence)
    family = FAMILIES[method](products)
    most = max(2, affordable // family.products_per_vector)
    return _in_rounds(family, draw, most if method == "hutchinson" else min(most, n), products, target)


def _in_rounds(
    family: GrowingEstimates,
    draw: Callable[[int, int], Array],
    most: int,
    products: FunctionProducts,
    target: Target,
) -> Estimate:
    used, count, estimate = 0, min(FIRST_TESTS, most), None
    while True:
        try:
            family.add(draw(used, count))
        except KeyboardInterrupt as stop:
            raise Interrupted("trace was interrupted; .partial holds the estimate so far or None", estimate) from stop
        used += count
        order = products.operator.shape[0]
        estimate = mean_estimate(family.estimates(), order, products.n_matvecs, target.confidence)
        if target.ends_with(estimate) or used >= most:
            return estimate
        count = min(used, most - used)


def mean_estimate(samples: Array, order: int, n_matvecs: int, confidence: float) -> Estimate:
    """Return Student's interval of the mean of exchangeable estimates of the trace of an operator of some order."""
    from scipy.special import stdtrit

    count, value = len(samples), float(samples.mean())
    stderr = float(samples.std(ddof=1)) / math.sqrt(count) if count > 1 else math.inf
    half = float(stdtrit(max(count - 1, 1), 0.5 * (1 + confidence))) * stderr
    # Where nothing is left to chance, as for low rank, the samples agree better than rounding allows.
    half += ROUNDING_FACTOR * order * np.finfo(np.float64).eps * abs(value)
    return Estimate(value, stderr, (value - half, value + half), confidence, n_matvecs)
