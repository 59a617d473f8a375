"""The power spectrum of noise, estimated from all features of a recording."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from ..arguments import is_whole_number
from ..errors import DataWarning, InvalidInputError
from ..inputs import Source, as_source, check_finite

Array = np.ndarray[Any, np.dtype[Any]]

EPS = float(np.finfo(np.float64).eps)

FEATURES_PER_BLOCK = 64
"""Features whose cosine transforms are held in memory together."""

LEAST_KEPT = 0.5
"""Least share of the noise at a frequency that signals are taken to leave; from less, too little can be restored."""

FEWEST_SAMPLES = 4
"""Two frequencies from which that at zero is continued, and one more."""

LOWEST, NEXT = slice(1, 3), slice(4, 9)
"""Frequencies whose powers show whether the power still rises at the end: the power at zero is not known."""

STEEPEST, CERTAINTY = 0.25, 2.0
"""Power that rises at the lowest frequencies by a larger exponent, and so many standard errors, is that of a memory
longer than the recording: AR(1) noise of 30 time constants and more is flat there."""

ROUNDING = 100
"""Units of rounding of the data that what is left after removing components may consist of."""


def noise_power_spectrum(X: Any, *, sample_axis: int = 0, n_signal: int = 0) -> Array:
    """Estimate the power spectrum that all features share, for ``fit_marchenko_pastur(temporal=…)``.

    Mean over features of squared cosine transforms of the centred data, at full resolution: averages over neighbouring
    frequencies flatten the peaks of slow noise, and the edge of noise with them.

    Parameters
    ----------
    X : array_like
        Data, samples x features.
    sample_axis : {0, 1}
        Axis along which samples lie.
    n_signal : int
        Number of leading principal components to remove first; the noise they take with them is given back. Signals
        that are left in count as noise: slow or rhythmic ones raise the edge above themselves and weaker ones, and ones
        faster than the noise lower it. One component too many does little harm.

    Returns
    -------
    ndarray, shape (n_samples,)
        Power at the frequencies ``k / (2 n_samples)``, k = 0 … n_samples - 1, of mean one. The mean takes the power
        at frequency zero away; it is continued from the next two.

    Raises
    ------
    InvalidInputError
        When nothing but rounding is left of the data, or `n_signal` is not a number of components below the rank.

    Warns
    -----
    DataWarning
        When the power still rises at the lowest frequencies: slow drifts, or power-law memory, for which noise has no
        edge. What is measured then is less than there is.

    References
    ----------
    Ahmed, Natarajan and Rao 1974, "Discrete cosine transform", IEEE Trans. Computers 23: nearly the principal
    components of stationary noise, with far less leakage than Fourier transforms of data that do not repeat.

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope.random_matrix import noise_power_spectrum
    >>> white = np.random.default_rng(0).standard_normal((512, 40))
    >>> power = noise_power_spectrum(white)
    >>> print(power.shape, f"{power[:256].mean():.2f} {power[256:].mean():.2f}")
    (512,) 0.99 1.01
    """
    from scipy.fft import dct

    source = as_source(X, sample_axis=sample_axis)
    check_finite(source, 1)
    _check_n_signal(n_signal, source)
    rows = slice(None) if source.row_index is None else source.row_index
    courses, patterns = _leading_components(source.array[rows], int(n_signal))
    # With courses U of the signals, the rest (I - U Uᵀ) X keeps 1 - Σ û² of the noise at each frequency.
    kept = 1 - np.sum(dct(courses, axis=0, norm="ortho") ** 2, axis=1)
    total, varying, given = np.zeros(source.n_samples), 0.0, 0.0
    for first in range(0, source.n_features, FEATURES_PER_BLOCK):
        block = np.asarray(source.array[rows, first : first + FEATURES_PER_BLOCK], dtype=np.float64)
        deviation = block - block.mean(axis=0)
        varying, given = varying + float(np.sum(deviation**2)), given + float(np.sum(block**2))
        rest = deviation - courses @ patterns[:, first : first + FEATURES_PER_BLOCK]
        total += np.sum(dct(rest, axis=0, norm="ortho") ** 2, axis=1)
    # Sums of n equal numbers are off by up to n units of rounding.
    if not varying > (source.n_samples * EPS) ** 2 * given:
        raise InvalidInputError("the data do not vary: there is no noise whose power spectrum could be estimated")
    _check_rest(float(total.sum()) / varying, source.array.dtype, n_signal)
    total /= np.maximum(kept, LEAST_KEPT)
    total[0] = max(0.0, 2 * total[1] - total[2])
    _warn_of_long_memory(total, source.n_features - int(n_signal))
    return np.asarray(total / total.mean())


def _warn_of_long_memory(power: Array, n_features: int) -> None:
    """Look at the slope of log power over log frequency at the lowest frequencies, means over features."""
    if len(power) < NEXT.stop:
        return
    places = np.log(np.arange(len(power)).clip(1))
    distance = float(places[NEXT].mean() - places[LOWEST].mean())
    low, following = float(power[LOWEST].mean()), float(power[NEXT].mean())
    if not (low > 0 and following > 0):
        return
    slope = math.log(low / following) / distance
    # A mean of m features' squares is off by sqrt(2 / m).
    error = math.sqrt(2 / n_features * (1 / (LOWEST.stop - LOWEST.start) + 1 / (NEXT.stop - NEXT.start))) / distance
    if slope - CERTAINTY * error > STEEPEST:
        warnings.warn(
            f"the noise power still rises at the lowest frequencies, as frequency^-{slope:.2g}: slow drifts, or a "
            "memory longer than the recording, whose noise edge and variance may come out too small. Remove drifts or "
            'compare with circularly shifted data: parallel_analysis(X, null="time_shift")',
            DataWarning,
            stacklevel=3,
        )


def _check_n_signal(n_signal: Any, source: Source) -> None:
    rank = min(source.n_samples - 1, source.n_features)
    if rank < 1 or source.n_samples < FEWEST_SAMPLES:
        raise InvalidInputError(f"a power spectrum needs {FEWEST_SAMPLES} samples or more, got {source.n_samples}")
    if not (is_whole_number(n_signal) and 0 <= n_signal < rank):
        raise InvalidInputError(
            f"n_signal must be an integer from 0 to {rank - 1}, which leaves one of {rank} components to the noise; "
            f"got {n_signal!r}"
        )


def _check_rest(share: float, dtype: np.dtype[Any], n_signal: int) -> None:
    precision = float(np.finfo(dtype).eps) if dtype.kind == "f" else EPS
    if share <= (ROUNDING * precision) ** 2:
        raise InvalidInputError(
            f"without {n_signal} components nothing but rounding is left of the data: n_signal must be smaller than "
            "their rank"
        )


def _leading_components(array: Array, n_signal: int) -> tuple[Array, Array]:
    """Return orthonormal time courses (n_samples x k) of the leading components and their patterns (k x n_features)."""
    if n_signal == 0:
        return np.zeros((len(array), 0)), np.zeros((0, array.shape[1]))
    from ..svd import svds

    U, singular_values, Vh = svds(array, n_signal, center=True, rng=0)
    return np.asarray(U), np.asarray(singular_values[:, None] * Vh)
