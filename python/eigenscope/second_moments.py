"""The one pass over the data behind every covariance spectrum."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from . import _core
from .errors import InvalidInputError
from .inputs import Source, apply_nan_policy
from .operators import Array, safe_scale
from .run_options import single_threaded_blas

_SAMPLED_ROWS = 64


@dataclasses.dataclass(frozen=True)
class Task:
    """What is asked of the data."""

    center: bool
    scale: bool
    k: int | None
    wants_vectors: bool
    threads: int
    seed: int

    def degrees_of_freedom(self, n_samples: int) -> int:
        """Return the divisor of the sums."""
        return n_samples - 1 if self.center else n_samples


def sampled_scale(source: Source, dtype: np.dtype[Any]) -> float:
    """Return a power of two for the data from a few rows, so that no pass is spent on it."""
    chosen = np.unique(np.linspace(0, source.n_samples - 1, min(_SAMPLED_ROWS, source.n_samples)).astype(np.int64))
    rows = chosen if source.row_index is None else source.row_index[chosen]
    magnitudes = np.abs(source.array[rows].astype(np.float64))
    finite = magnitudes[np.isfinite(magnitudes)]
    return safe_scale(float(finite.max(initial=0.0)), dtype)


def second_moments(source: Source, task: Task, dtype: np.dtype[Any]) -> tuple[dict[str, Any], float]:
    """Run the pass; repeat it with the exact scale when a few rows had misjudged it."""
    on_samples = source.n_samples < source.n_features
    scale = sampled_scale(source, dtype)
    single = dtype == np.float32
    for attempt in range(2):
        with single_threaded_blas():
            if on_samples:
                options = {"center": task.center, "standardize": task.scale, "single_precision": single}
                found = _core.sample_gram(
                    source.array, **source.selection, scale=scale, threads=task.threads, **options
                )
            else:
                found = _core.moments(
                    source.array,
                    **source.selection,
                    scale=scale,
                    threads=task.threads,
                    single_precision=single,
                )
        if np.isfinite(found["squared_deviation"]).all() and np.isfinite(np.diagonal(found["cross_products"])).all():
            return found, scale
        raise_if_not_finite(source, task.threads)
        if attempt == 0:
            largest = _core.scan(source.array, **source.selection, threads=task.threads)["largest_magnitude"]
            scale = float(np.ldexp(1.0, -int(np.frexp(largest)[1])))
    raise InvalidInputError("second moments overflow: divide the data by a power of ten first")


def raise_if_not_finite(source: Source, threads: int) -> None:
    """Raise when the data hold values that are not finite; return when they only overflowed."""
    found = _core.scan(source.array, **source.selection, threads=threads)
    if found["n_nonfinite"]:
        apply_nan_policy(source, "raise", threads)


def finish_covariance(matrix: Array, found: dict[str, Any], factors: Array, varies: Array, task: Task) -> Array:
    """Add the means back when not centred, and divide by the standard deviations when scaled; lower triangle."""
    if not task.center:
        means = found["mean"]
        for j in range(len(means)):
            matrix[j:, j] += found["count"] * means[j] * means[j:]
    if task.scale:
        if not varies.all():
            matrix = np.asfortranarray(matrix[np.ix_(varies, varies)])
            factors = factors[varies]
        for j in range(len(factors)):
            matrix[j:, j] *= factors[j] * factors[j:]
    return matrix


def unscale_squares(values: Array, scale: float) -> Array:
    """Return squares of scaled data in the units of the data; raise when double precision cannot hold them."""
    _, exponent = np.frexp(scale)
    with np.errstate(over="ignore", under="ignore"):
        unscaled = np.ldexp(values, -2 * (int(exponent) - 1))
    largest = float(np.max(np.abs(unscaled), initial=0.0))
    limits = np.finfo(np.float64)
    # Below the smallest normal number even the largest value has lost digits.
    if np.any(values != 0) and not limits.tiny <= largest < np.inf:
        raise InvalidInputError(
            "the variances of these data lie outside the range of double precision: multiply the data by a power of "
            "ten first"
        )
    return np.asarray(unscaled)
