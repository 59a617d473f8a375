"""Effective number of samples: how many independent samples would spread the noise as widely."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..eigenvalues import Eigenvalues, as_eigenvalues
from ..errors import InvalidInputError
from ..results.estimate import Estimate
from ..results.spectrum import Spectrum
from .linear_statistics import BulkGrid
from .noise_variance import NORMAL_95, check_enough, check_signals, complete_bulk, conditional_noise, plain_mean, sizes

Array = np.ndarray[Any, np.dtype[Any]]

SMALLEST_RATIO = 1e-6
"""Features per sample below which the noise has no width to fit."""

GRID_POINTS = 256
"""The weights are polynomials; their sums have converged on this grid."""

TOLERANCE = 1e-9
"""Precision of the logarithm of the ratio, far below its standard error."""

MAX_STEPS = 60
"""Secant steps; four or five suffice from the number of samples given."""


def effective_samples(
    spectrum_or_eigenvalues: Spectrum | ArrayLike,
    n_signal: int = 0,
    *,
    n_samples: float | None = None,
    n_features: int | None = None,
) -> tuple[Estimate, Estimate]:
    """Fit noise variance and effective number of samples together.

    Two weighted sums of the ordered bulk, its level ``Σ u (1 - u) λ`` and its width ``Σ (u - ½) u (1 - u) λ``
    with u the rank as a share, are matched to the Marchenko–Pastur law; weights vanish at both edges. The
    effective number is below `n_samples` when samples are correlated or repeated, and when the covariance
    was divided by more degrees of freedom than there are.

    Parameters
    ----------
    spectrum_or_eigenvalues : Spectrum or array_like
        All eigenvalues of a sample covariance.
    n_signal : int
        Number of leading eigenvalues that are signals.
    n_samples, n_features : number, optional
        As for `fit_marchenko_pastur`; at least as many samples as features.

    Returns
    -------
    n_effective, variance : Estimate
        With standard errors for Gaussian noise.

    Raises
    ------
    InvalidInputError
        When there are fewer samples than features, where the rank alone fixes their number; only the top eigenvalues
        are known; the signals leave less than half of them; or the bulk is narrower than that of any number of samples.

    References
    ----------
    Bai and Silverstein 2004, "CLT for linear spectral statistics of large-dimensional sample covariance
    matrices", Annals of Probability 32.

    Examples
    --------
    >>> from eigenscope import MarchenkoPastur
    >>> from eigenscope.random_matrix import effective_samples
    >>> values = MarchenkoPastur(0.25).rvs(200, rng=0)  # 800 samples
    >>> found, _ = effective_samples(values, n_samples=1600, n_features=200)
    >>> found.interval[0] < 800 < found.interval[1]
    True
    """
    sample = as_eigenvalues(spectrum_or_eigenvalues, n_samples=n_samples, n_features=n_features)
    n, p = sizes(sample)
    if n < p:
        raise InvalidInputError(
            f"n_samples={n:g} < n_features={p}: the number of non-zero eigenvalues already is the number of samples"
        )
    check_enough(sample)
    check_signals(sample, n_signal, min(n, p))
    return match_bulk(sample, int(n_signal))


def match_bulk(sample: Eigenvalues, n_signal: int) -> tuple[Estimate, Estimate]:
    """Return effective number of samples and variance of checked eigenvalues."""
    n, _ = sizes(sample)
    bulk = complete_bulk(sample, n_signal, "effective_samples")
    m = len(bulk)
    scale = float(bulk[0])
    if m < 4 or not scale > 0:
        raise InvalidInputError(f"{m} noise eigenvalues of largest {scale:.3g} cannot tell an effective sample number")
    u = (np.arange(m, 0, -1) - 0.5) / m
    level, width = (float(np.sum(weight(u) * bulk)) / scale for weight in (_level, _width))

    ratio = _ratio_of_shape(width / level, m, start=m / (n - n_signal))
    relative, variance_error, expected_level = _errors(m, ratio)
    deflated = m / ratio
    count = deflated + n_signal
    # A covariance of `count` samples, k of whose dimensions are signals that push the rest down.
    divided = dataclasses.replace(sample, n_samples=count)
    pull = conditional_noise(divided, n_signal)[0] / plain_mean(divided, n_signal)
    variance = level * scale / expected_level * (count / deflated) * pull
    return _estimate(count, deflated * relative), _estimate(variance, variance * variance_error)


def _estimate(value: float, stderr: float) -> Estimate:
    margin = NORMAL_95 * stderr
    return Estimate(value, stderr, (max(0.0, value - margin), value + margin))


def _level(u: Array) -> Array:
    return np.asarray(u * (1 - u))


def _width(u: Array) -> Array:
    return np.asarray((u - 0.5) * u * (1 - u))


def _ratio_of_shape(shape: float, count: int, start: float) -> float:
    """Return the ratio at which width over level is `shape`: secant in logarithms, where the slope is about a half."""
    # There are at least as many samples as non-zero eigenvalues.
    lowest, highest = math.log(SMALLEST_RATIO), 0.0
    target = math.log(max(shape, math.ulp(0)))
    here, slope, value, step = min(math.log(start), highest), 0.5, 0.0, 0.0
    for _ in range(MAX_STEPS):
        before, value = value, math.log(_expected(BulkGrid(count, count / math.exp(here), GRID_POINTS)).shape) - target
        slope = (value - before) / step if step else slope
        step = min(max(here - value / slope, lowest), highest) - here
        if abs(step) <= TOLERANCE:
            break
        here += step
    if here <= lowest:
        raise InvalidInputError(f"the bulk of {count} eigenvalues is narrower than that of any number of samples")
    return math.exp(here)


@dataclasses.dataclass(frozen=True)
class _Expected:
    """Both sums on average, with the functions of the eigenvalues they are to first order."""

    level: float
    width: float
    level_function: Array
    width_function: Array

    @property
    def shape(self) -> float:
        """Width over level, free of the unit."""
        return self.width / self.level


def _expected(grid: BulkGrid) -> _Expected:
    first, second = grid.primitive(_level), grid.primitive(_width)
    return _Expected(
        grid.integral(_level) + grid.smooth_mean_shift(first),
        grid.integral(_width) + grid.smooth_mean_shift(second),
        first,
        second,
    )


def _errors(count: float, ratio: float) -> tuple[float, float, float]:
    """Return relative standard errors of sample number and variance, and the expected level, by the delta method."""
    step = 1e-4
    grid, up, down = (BulkGrid(count, count / (ratio * (1 + s)), GRID_POINTS) for s in (0.0, step, -step))
    here, above, below = _expected(grid), _expected(up), _expected(down)
    first, second = grid.coefficients(here.level_function), grid.coefficients(here.width_function)
    slope = (above.shape - below.shape) / (2 * step)
    # d(width / level) and the relative change of the level that the change of ratio brings.
    shape = (second - here.shape * first) / here.level / slope
    change = first / here.level - (above.level - below.level) / (2 * step * here.level) * shape
    return math.sqrt(grid.covariance(shape, shape)), math.sqrt(grid.covariance(change, change)), here.level
