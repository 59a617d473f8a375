"""Sampling errors of dimension counts that are functions of all eigenvalues of a layer.

For n independent Gaussian samples log eigenvalues have variance 2/n each, and smooth sums of them behave as if they
were independent (see `eigenscope.fit_power_law`). The errors are about the mean of the sample's value, which lies below
the population's when samples are few.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtri

from ..results.estimate import Estimate
from ..results.spectrum import Spectrum


def entropy_rank(spectrum: Spectrum, *, power: float, offset: float = 0.0, confidence: float) -> Estimate:
    """Return ``exp(-Σ p log p)`` for the shares ``p = λ^power / Σ λ^power + offset``, with its sampling error.

    Parameters
    ----------
    spectrum : Spectrum
        All eigenvalues.
    power : float
        1 for shares of variance, 1/2 for shares of singular values.
    offset : float
        Added to every share.
    confidence : float
        Coverage of the interval.

    Returns
    -------
    Estimate
        With ``λ_i ∂f/∂λ_i = -power f p_i (log p_i - Σ p log p)``.
    """
    values = spectrum.eigenvalues[spectrum.eigenvalues > 0] if offset == 0 else np.maximum(spectrum.eigenvalues, 0)
    parts = (values / values[0]) ** power
    shares = parts / parts.sum()
    logs = np.log(shares + offset)
    value = math.exp(-float((shares + offset) @ logs))
    influence = power * value * shares * (logs - shares @ logs)
    stderr = math.sqrt(2 / spectrum.degrees_of_freedom * float(influence @ influence))
    margin = float(ndtri((1 + confidence) / 2)) * stderr
    return Estimate(value, stderr, (max(1.0, value - margin), value + margin), confidence)


def dimension_count(spectrum: Spectrum, share: float, *, confidence: float) -> Estimate:
    """Return how many leading dimensions hold `share` of the variance, and the counts the sampling error allows.

    Parameters
    ----------
    spectrum : Spectrum
        All eigenvalues.
    share : float
        In (0, 1].
    confidence : float
        Coverage of the interval.

    Returns
    -------
    Estimate
        Its interval holds the counts at which the cumulative share is not surely below or above `share`.
    """
    shares = np.maximum(spectrum.eigenvalues, 0) / spectrum.total_variance
    cumulative, squares = np.cumsum(shares), np.cumsum(shares**2)
    # λ_i ∂C_k/∂λ_i is p_i (1 - C_k) up to k, -p_i C_k beyond.
    variance = (1 - cumulative) ** 2 * squares + cumulative**2 * (squares[-1] - squares)
    quantile = float(ndtri((1 + confidence) / 2))
    margin = quantile * np.sqrt(2 / spectrum.degrees_of_freedom * np.maximum(variance, 0.0))
    low, high = (
        min(int(np.count_nonzero(bound < share)), len(shares) - 1) + 1
        for bound in (cumulative + margin, cumulative - margin)
    )
    return Estimate(spectrum.dims_for_variance(share), (high - low) / (2 * quantile), (low, high), confidence)
