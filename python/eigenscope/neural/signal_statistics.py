"""How much of the responses is signal: variance explained by the stimulus, signal-to-noise ratio, decoding."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from scipy.special import stdtrit
from scipy.stats import binomtest

from ..arguments import check_confidence
from ..errors import InvalidInputError
from ..results.base import Result
from ..results.estimate import Estimate
from .repeats import Array, as_pair


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class SignalStatistics(Result):
    """Signal and noise of a population that saw every stimulus at least twice.

    Parameters
    ----------
    signal_fraction : Estimate
        Mean over neurons of the share of variance that the stimulus explains.
    signal_fractions : ndarray, shape (n_neurons,)
        ``cov(X1, X2) / ((var X1 + var X2) / 2)`` of every neuron; NaN for constant ones.
    snr : Estimate
        Variance of the signal over variance of the noise, summed over neurons before dividing.
    snrs : ndarray, shape (n_neurons,)
        ``(v1 + v2 - 2 vn) / (2 vn)`` of every neuron, with ``vn = var(X1 - X2) / 2``; infinite without noise.
    decoding_accuracy : Estimate
        Share of stimuli whose nearest neighbour among the other repeat's responses, by correlation of
        z-scored patterns, is the stimulus itself. Chance is ``1 / n_stimuli``.
    """

    signal_fraction: Estimate
    signal_fractions: Array
    snr: Estimate
    snrs: Array
    decoding_accuracy: Estimate

    def summary(self) -> str:
        """Return the three numbers on three lines."""
        return (
            f"SignalStatistics: signal fraction {self.signal_fraction.summary()}\n"
            f"  signal-to-noise ratio {self.snr.summary()}\n"
            f"  decoding accuracy {self.decoding_accuracy.summary()}"
        )


def signal_statistics(X1: Any, X2: Any = None, *, nan: str = "raise", confidence: float = 0.95) -> SignalStatistics:
    """Measure how much of the responses the stimuli explain.

    Assumed: noise independent between repeats. Constant neurons count in no average.

    Parameters
    ----------
    X1 : array_like, shape (n_stimuli, n_neurons), or (n_repeats, n_stimuli, n_neurons) without `X2`
        Responses; of more than two repeats the first half and the second are averaged, and what is measured is the
        signal in such averages, not in single responses.
    X2 : array_like, shape (n_stimuli, n_neurons), optional
        Responses to the same stimuli, presented again.
    nan : {"raise", "omit"}
        With "omit", presentations that are NaN throughout are missing; every stimulus needs two others.
    confidence : float
        Coverage of the intervals: jackknife over stimuli, and the exact binomial one for decoding.

    Returns
    -------
    SignalStatistics
        Per neuron and for the population.

    Raises
    ------
    InvalidInputError
        For unequal shapes, too few stimuli, or when no neuron varies.

    References
    ----------
    Stringer et al. 2019, "High-dimensional geometry of population responses in visual cortex", Nature 571.

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope.neural import signal_statistics
    >>> generator = np.random.default_rng(0)
    >>> signal = generator.standard_normal((400, 30))
    >>> X1, X2 = (signal + generator.standard_normal(signal.shape) for _ in range(2))
    >>> found = signal_statistics(X1, X2)
    >>> bool(abs(found.signal_fraction.value - 0.5) < 0.03), found.decoding_accuracy.value > 0.3
    (True, True)
    """
    check_confidence(confidence)
    first, second = (array.astype(np.float64) for array in as_pair(X1, X2, nan=nan))
    # Nothing here depends on units: a power of two keeps squares in range and changes no bit.
    exponent = int(np.frexp(max(np.abs(first).max(), np.abs(second).max()))[1])
    first, second = np.ldexp(first, -exponent), np.ldexp(second, -exponent)
    first, second = first - first.mean(axis=0), second - second.mean(axis=0)
    varies = (np.ptp(first, axis=0) > 0) & (np.ptp(second, axis=0) > 0)
    if not varies.any():
        raise InvalidInputError("no neuron varies over stimuli in both repeats")
    first, second = first[:, varies], second[:, varies]
    common = np.einsum("ij,ij->j", first, second)
    total = (np.einsum("ij,ij->j", first, first) + np.einsum("ij,ij->j", second, second)) / 2
    noise = total - common
    fractions = common / total
    with np.errstate(divide="ignore"):
        ratios = common / noise
    # Influence of stimulus i on a ratio of sums: (its numerator - ratio * its denominator) / denominator.
    weight = 1 / total / len(total)
    fraction_influence = _weighted(first, second, weight, fractions * weight)
    everywhere = np.full(len(total), 1 / max(float(noise.sum()), np.finfo(np.float64).tiny))
    snr = float(common.sum() / noise.sum()) if noise.sum() > 0 else math.inf
    # common - snr (total - common), with the noise of a stimulus as total - common.
    snr_influence = (
        _weighted(first, second, (1 + snr) * everywhere, snr * everywhere) if math.isfinite(snr) else common[:0]
    )
    return SignalStatistics(
        signal_fraction=_estimate(float(fractions.mean()), fraction_influence, confidence),
        signal_fractions=_of_all(varies, fractions),
        snr=_estimate(snr, snr_influence, confidence),
        snrs=_of_all(varies, ratios),
        decoding_accuracy=_decode(first, second, confidence),
    )


def _of_all(varies: Array, values: Array) -> Array:
    """Return values of the neurons that vary beside NaN for the others."""
    everyone = np.full(len(varies), np.nan)
    everyone[varies] = values
    return everyone


def _weighted(first: Array, second: Array, common: Array, total: Array) -> Array:
    """Return ``Σ_a common_a x1 x2 - total_a (x1² + x2²) / 2`` for every stimulus."""
    products = np.einsum("ij,ij,j->i", first, second, common)
    squares = np.einsum("ij,ij,j->i", first, first, total) + np.einsum("ij,ij,j->i", second, second, total)
    return np.asarray(products - squares / 2)


def _estimate(value: float, influence: Array, confidence: float) -> Estimate:
    """Infinitesimal jackknife: the influences of the stimuli add up to zero."""
    n = max(2, len(influence))
    stderr = math.sqrt(n / (n - 1) * float(np.sum(influence**2)))
    margin = float(stdtrit(n - 1, (1 + confidence) / 2)) * stderr
    return Estimate(value, stderr, (value - margin, value + margin), confidence)


def _decode(first: Array, second: Array, confidence: float) -> Estimate:
    scored = [array / array.std(axis=0) for array in (first, second)]
    patterns = [array - array.mean(axis=1, keepdims=True) for array in scored]
    lengths = [np.linalg.norm(array, axis=1, keepdims=True) for array in patterns]
    train, test = (array / np.where(length > 0, length, 1) for array, length in zip(patterns, lengths, strict=True))
    nearest = np.argmax(test @ train.T, axis=1)
    hits, n = int(np.sum(nearest == np.arange(len(test)))), len(test)
    interval = binomtest(hits, n).proportion_ci(confidence)
    share = hits / n
    return Estimate(share, math.sqrt(share * (1 - share) / n), (float(interval.low), float(interval.high)), confidence)
