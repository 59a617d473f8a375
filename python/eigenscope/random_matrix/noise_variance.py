"""Noise variance behind a spectrum whose leading eigenvalues are signals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import _core
from ..eigenvalues import Eigenvalues, as_eigenvalues
from ..errors import InvalidInputError
from ..results.estimate import Estimate
from ..results.spectrum import Spectrum
from .laws import MarchenkoPastur

Array = np.ndarray[Any, np.dtype[Any]]

METHODS = ("kritchman_nadler", "quantile", "median")
"""Estimators of the noise variance by name."""

QUANTILE_MARGIN = 0.05
"""Share of the bulk left out at each edge by the quantile method."""

NORMAL_95 = 1.959963984540054
"""97.5 % quantile of the normal law."""


def noise_variance(
    spectrum_or_eigenvalues: Spectrum | ArrayLike,
    n_signal: int,
    *,
    n_samples: float | None = None,
    n_features: int | None = None,
    total_variance: float | None = None,
    method: str = "kritchman_nadler",
) -> Estimate:
    """Estimate the variance of the noise under `n_signal` spikes.

    Parameters
    ----------
    spectrum_or_eigenvalues : Spectrum or array_like
        Eigenvalues of a sample covariance. "kritchman_nadler" works from the top ones and the trace.
    n_signal : int
        Number of leading eigenvalues that are signals.
    n_samples, n_features, total_variance : number or None
        As for `fit_marchenko_pastur`.
    method : {"kritchman_nadler", "quantile", "median"}
        "kritchman_nadler" removes the upward pull of spikes and the downward pull on the bulk, and is nearly
        efficient. "quantile" uses only the middle 90 % of the bulk, so it bears a few strange eigenvalues at
        either edge; with many spikes it is low by up to a percent. "median" divides the median by the law's
        median, as Gavish and Donoho (2014) do; with many spikes it is the least precise.

    Returns
    -------
    Estimate
        The standard error assumes Gaussian noise, ``variance sqrt(2 / ((n - k) (p - k)))``; it is NaN for
        "quantile" and "median".

    References
    ----------
    Kritchman and Nadler 2009, "Non-parametric detection of the number of signals", IEEE Trans. Signal
    Process. 57.

    Examples
    --------
    >>> from eigenscope.random_matrix.noise_variance import noise_variance
    >>> values = [10, 6, 2, 1.5, 1.2, 1, 0.8, 0.6, 0.4, 0.2]
    >>> print(f"{float(noise_variance(values, 2, n_samples=20, n_features=10)):.6f}")
    1.092532
    """
    if method not in METHODS:
        raise InvalidInputError(f"method must be one of {', '.join(METHODS)}; got {method!r}")
    sample = as_eigenvalues(
        spectrum_or_eigenvalues, n_samples=n_samples, n_features=n_features, total_variance=total_variance
    )
    n, p = sizes(sample)
    if not 0 <= n_signal <= len(sample.values) or n_signal >= min(n, p):
        raise InvalidInputError(
            f"n_signal={n_signal} of {len(sample.values)} eigenvalues (n_samples={n:g}, n_features={p}) "
            "leaves no noise to measure"
        )
    if method == "kritchman_nadler":
        variance = kritchman_nadler(sample, n_signal)[0]
        stderr = variance * math.sqrt(2 / ((n - n_signal) * (p - n_signal)))
        margin = NORMAL_95 * stderr
        return Estimate(variance, stderr, (max(0.0, variance - margin), variance + margin))
    return Estimate(_from_quantiles(sample, n_signal, method))


def kritchman_nadler(sample: Eigenvalues, n_signal: int) -> tuple[float, Array, bool]:
    """Return noise variance, population spikes, and whether they explain each other."""
    n, p = sizes(sample)
    scale = sample.values[0] or 1.0
    variance, spikes, converged = _core.kritchman_nadler(
        np.ascontiguousarray(sample.values[:n_signal] / scale), float(sample.rests[n_signal] / scale), n, p
    )
    return float(variance * scale), spikes * scale, bool(converged)


def sizes(sample: Eigenvalues) -> tuple[float, int]:
    """Return (n_samples, n_features), or say which is missing."""
    if sample.n_samples is None or sample.n_features is None:
        missing = "n_samples" if sample.n_samples is None else "n_features"
        raise InvalidInputError(f"plain eigenvalues do not say the size of the data: pass {missing}=")
    return sample.n_samples, sample.n_features


def _from_quantiles(sample: Eigenvalues, n_signal: int, method: str) -> float:
    n, p = sizes(sample)
    if not sample.is_complete:
        raise InvalidInputError(
            f'"{method}" needs all eigenvalues, not the top {len(sample.values)}: use "kritchman_nadler"'
        )
    n_bulk = int(min(n, p)) - n_signal
    bulk = np.zeros(n_bulk)
    given = sample.values[n_signal : n_signal + n_bulk]
    bulk[: len(given)] = given
    law = MarchenkoPastur((p - n_signal) / (n - n_signal))
    shrink = (n - n_signal) / n
    if method == "median":
        middle = law.ppf(law.atom + (1 - law.atom) / 2)
        return float(np.median(bulk) / (shrink * middle))
    positions = (np.arange(n_bulk, 0, -1) - 0.5) / n_bulk
    window = (positions > QUANTILE_MARGIN) & (positions < 1 - QUANTILE_MARGIN)
    expected = law.ppf(law.atom + (1 - law.atom) * positions[window])
    return float(bulk[window].sum() / (shrink * np.sum(expected)))
