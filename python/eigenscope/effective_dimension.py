"""How many dimensions a spectrum fills, without a model of the noise."""

from __future__ import annotations

import math
import warnings

import numpy as np
from numpy.typing import ArrayLike

from .arguments import check_confidence, is_real_number
from .eigenvalues import Eigenvalues, as_eigenvalues
from .errors import DataWarning, InvalidInputError
from .results.estimate import Estimate
from .results.spectrum import Spectrum

Moments = tuple[float, float, float, float]
"""Traces of the first four powers of a matrix."""


def participation_ratio(
    spectrum_or_eigenvalues: Spectrum | ArrayLike,
    *,
    bias_correction: bool = False,
    n_samples: float | None = None,
    n_features: int | None = None,
    total_variance: float | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Return the effective number of dimensions ``(Σ λ)² / Σ λ²`` with its error.

    Parameters
    ----------
    spectrum_or_eigenvalues : Spectrum or array_like, shape (k,)
        Eigenvalues of a sample covariance. From the top k and the trace, the value lies between two bounds:
        their middle is returned, and the interval covers both.
    bias_correction : bool
        Estimate the participation ratio of the population instead of that of the sample, which is at most
        `n_samples`. Exact expectations of tr S and tr S² for Gaussian data are used. The result is at most
        `n_features`.
    n_samples : float, optional
        Degrees of freedom of the covariance; taken from a Spectrum. Without it the standard error is NaN, and
        the interval NaN too or, for the top k, the two bounds.
    n_features : int, optional
        Size of the covariance; taken from a Spectrum. Pass it with plain eigenvalues of a Gram matrix: without
        it, a corrected ratio is at most the number of eigenvalues.
    total_variance : float, optional
        Trace; taken from a Spectrum.
    confidence : float
        Coverage of the interval.

    Returns
    -------
    Estimate
        The standard error is the delta method's for independent Gaussian samples, valid for any ratio of
        features to samples; for the plain value it is about the mean of that value, which lies below the
        population's. For the top k it includes the distance of the two bounds, as a uniform uncertainty between
        them. Where the corrected ratio exceeds the number of features and is cut to it, the standard error
        includes what was cut off, at most what the correction had added. Value and interval stay between 1 and
        the number of dimensions that there can be.

    Raises
    ------
    InvalidInputError
        When all eigenvalues are zero, or `bias_correction` lacks what it needs.

    Warns
    -----
    DataWarning
        When the corrected ratio exceeds the number of eigenvalues while that of features is not known.

    References
    ----------
    Bai and Silverstein 2004, "CLT for linear spectral statistics of large-dimensional sample covariance
    matrices", Annals of Probability 32; Srivastava 2005, "Some tests concerning the covariance matrix in high
    dimensional data".

    Examples
    --------
    >>> from eigenscope import participation_ratio
    >>> print(f"{float(participation_ratio([2.0, 2.0, 1.0, 1.0])):.2f}")
    3.60
    """
    check_confidence(confidence)
    sample = as_eigenvalues(
        spectrum_or_eigenvalues, n_samples=n_samples, n_features=n_features, total_variance=total_variance
    )
    _check_some_variance(sample)
    if bias_correction:
        return _corrected_ratio(sample, _check_correctable(sample), confidence)
    return _plain_ratio(sample, confidence)


def _plain_ratio(sample: Eigenvalues, confidence: float) -> Estimate:
    moments = _moments_between(sample)
    low, high = (first**2 / second for first, second, _, _ in moments)
    n = sample.n_samples
    if n is None:
        interval = (low, high) if low < high else (math.nan, math.nan)
        return Estimate((low + high) / 2, math.nan, interval, confidence)
    features = _most_features(sample)
    rank = float(np.count_nonzero(sample.values)) if sample.is_complete else math.inf
    low_error, high_error = (_plain_error(each, n, features) for each in moments)
    return _bounded_estimate((low, high), (low_error, high_error), min(features, rank), confidence)


def _corrected_ratio(sample: Eigenvalues, n: float, confidence: float) -> Estimate:
    """Return the population's ratio, cut to the number of features, or of eigenvalues where that is not known.

    With E (tr S)² = t1² + 2 t2 / n the ratio t1² / t2 is estimated by (tr S)² / t2 - 2 / n.
    """
    features = _most_features(sample)
    most = features if math.isfinite(features) else float(len(sample.values))
    moments, _ = _moments_between(sample)
    first, second, _, _ = moments
    t2 = _unbiased_square(first, second, n)
    value = first**2 / t2 - 2 / n if t2 > 0 else math.inf
    relative_error, inverse_share = _relative_error(moments, n, most)
    stderr = inverse_share * relative_error
    if value > most:
        # A tiny excess is rounding.
        if math.isinf(features) and value > most * (1 + 1e-6):
            _warn_of_cut(value, len(sample.values))
        # The excess shows how wrong the assumptions are. The population has hardly fewer dimensions than the sample.
        lowest = first**2 / second - _plain_error(moments, n, most)
        stderr = math.hypot(stderr, min(value - most, max(0.0, most - lowest)))
    return _bounded_estimate((value, value), (stderr, stderr), most, confidence)


def _bounded_estimate(
    bounds: tuple[float, float], errors: tuple[float, float], most: float, confidence: float
) -> Estimate:
    """Return the middle of two bounds that each have a sampling error, kept between 1 and `most`."""
    low, high = (min(max(1.0, bound), most) for bound in bounds)
    value = (low + high) / 2
    # Nothing between 1 and `most` is further away: for a single feature, nothing is uncertain.
    furthest = max(value - 1, most - value)
    low_error, high_error = (min(error, furthest) for error in errors)
    # A uniform distribution between the bounds has the standard deviation (high - low) / √12.
    stderr = min(math.hypot(max(low_error, high_error), (high - low) / math.sqrt(12)), furthest)
    quantile = _normal_quantile(confidence)
    interval = (max(1.0, low - quantile * low_error), min(most, high + quantile * high_error))
    return Estimate(value, stderr, interval, confidence)


def _most_features(sample: Eigenvalues) -> float:
    """Return the largest number of dimensions the population can have, infinity where that is not known."""
    most = math.inf if sample.n_features is None else float(sample.n_features)
    rank = np.count_nonzero(sample.values)
    # A rank below the number of samples is the population's. One sample less is what centring takes away.
    if sample.is_complete and sample.n_samples is not None and rank < sample.n_samples - 1:
        most = min(most, float(rank))
    return most


def _warn_of_cut(ratio: float, n_values: int) -> None:
    found = f"{ratio:.4g}" if math.isfinite(ratio) else "beyond all bounds"
    warnings.warn(
        f"the corrected participation ratio is {found} and was cut to the {n_values} eigenvalues given: pass "
        "n_features= if there are more features, as for eigenvalues of a Gram matrix",
        DataWarning,
        stacklevel=4,
    )


def _plain_error(moments: Moments, n: float, features: float) -> float:
    """Return the delta method's error of (tr S)² / tr S².

    The ratio is a function of u = (tr S)² / t2 alone: 1 / ratio = 1 / n + (n - 1) (n + 2) / (n² u).
    """
    if n <= 1:
        return math.inf
    first, second, _, _ = moments
    relative_error, inverse_share = _relative_error(moments, n, features)
    slope = (first**2 / second / inverse_share / n) ** 2 * (n - 1) * (n + 2)
    return slope * inverse_share * relative_error


def _relative_error(moments: Moments, n: float, features: float) -> tuple[float, float]:
    """Return the relative error of u = (tr S)² / t2, and u itself.

    t2 is a mean over pairs of Gaussian samples, (xᵢᵀxⱼ)², and (tr S)² one over xᵢᵀxᵢ xⱼᵀxⱼ. With q = t2 / t1² and
    r = t4 / t2², the relative variance of their ratio is
    8 / n (q - 2 t3 / (t1 t2) + r), the samples' own, + 4 / (n (n - 1)) (1 + r - 4 r q + 2 q²), the pairs'.
    Both vanish for a single feature.
    """
    t1, t2, t3, t4 = _population_moments(moments, n, features)
    q, r = t2 / t1**2, t4 / t2**2
    variance = 8 / n * (q - 2 * t3 / (t1 * t2) + r) + 4 / (n * (n - 1)) * (1 + r - 4 * r * q + 2 * q**2)
    return math.sqrt(max(0.0, variance)), 1 / q


def _population_moments(moments: Moments, n: float, features: float) -> Moments:
    """Return estimates of tr Σ^k, k = 1 … 4, freed of sampling bias and kept possible.

    E tr S³ ≈ t3 + 3 t1 t2 / n + t1³ / n²; E tr S⁴ ≈ t4 + (4 t1 t3 + 2 t2²) / n + 6 t1² t2 / n² + t1⁴ / n³. The terms
    3 t3 / n and 6 t4 / n are left in: freed of them, errors beside one strong signal and few samples are too small.
    """
    t1, second, third, fourth = moments
    # Of equal trace, equal variances have the smallest t2.
    smallest = t1**2 / (features + 2 / n) if math.isfinite(features) else second / (n + 1)
    t2 = max(_unbiased_square(t1, second, n), smallest)
    t3 = third - 3 * t1 * t2 / n - t1**3 / n**2
    t3 = min(max(t3, t2**2 / t1), t2**1.5)
    t4 = fourth - (4 * t1 * t3 + 2 * t2**2) / n - 6 * t1**2 * t2 / n**2 - t1**4 / n**3
    return t1, t2, t3, min(max(t4, t3**2 / t2), t2**2)


def _unbiased_square(first: float, second: float, n: float) -> float:
    """Return t2, from E tr S² = t2 + (t2 + t1²) / n and E (tr S)² = t1² + 2 t2 / n."""
    return n**2 / ((n - 1) * (n + 2)) * (second - first**2 / n)


def _moments_between(sample: Eigenvalues) -> tuple[Moments, Moments]:
    """Return tr S^k, k = 1 … 4, in units of the largest eigenvalue, for the smallest ratio and for the largest.

    Both are equal when every eigenvalue is known. Otherwise the rest consists of equal values: of the last that is
    known, which is as uneven as it can be, or of as many as there can be.
    """
    scaled = sample.values / sample.values[0]
    trace, rest = float(sample.total_variance / sample.values[0]), float(sample.rests[-1] / sample.values[0])
    sizes = [size for size in (sample.n_samples, sample.n_features) if size is not None]
    count = max(1.0, min(sizes) - len(scaled)) if sizes else math.inf
    uneven = float(scaled[-1])
    even = min(rest / count, uneven)

    def powers(size: float) -> Moments:
        second, third, fourth = (float(np.sum(scaled**k)) + rest * size ** (k - 1) for k in (2, 3, 4))
        return trace, second, third, fourth

    return powers(uneven), powers(even)


def _check_correctable(sample: Eigenvalues) -> float:
    """Return the number of samples, when the bias can be corrected."""
    if sample.n_samples is None or sample.n_samples < 2:
        raise InvalidInputError("bias_correction needs n_samples of at least 2: pass n_samples= or a Spectrum")
    if not sample.is_complete:
        raise InvalidInputError(
            f"bias_correction needs all eigenvalues, got the top {len(sample.values)}: tr S² is not known"
        )
    return sample.n_samples


def effective_rank(spectrum_or_eigenvalues: Spectrum | ArrayLike, *, total_variance: float | None = None) -> float:
    """Return the exponential of the entropy of the variance shares, ``exp(-Σ p log p)`` with ``p = λ / Σ λ``.

    Parameters
    ----------
    spectrum_or_eigenvalues : Spectrum or array_like, shape (k,)
        All eigenvalues; the entropy of a spectrum cut short is not known.
    total_variance : float, optional
        Trace, to make sure that nothing is missing.

    Returns
    -------
    float
        Between 1 and the number of non-zero eigenvalues; at least the participation ratio.

    Raises
    ------
    InvalidInputError
        When all eigenvalues are zero, or those given do not hold all of `total_variance`.

    References
    ----------
    Roy and Vetterli 2007, "The effective rank: a measure of effective dimensionality", EUSIPCO.

    Examples
    --------
    >>> from eigenscope import effective_rank
    >>> print(f"{effective_rank([1.0, 1.0, 1.0, 0.0]):.3f}")
    3.000
    """
    sample = as_eigenvalues(spectrum_or_eigenvalues, total_variance=total_variance)
    _check_some_variance(sample)
    # Rounding of a single-precision trace is no missing variance.
    if not sample.is_complete and sample.rests[-1] > 1e-6 * sample.total_variance:
        raise InvalidInputError(
            f"the top {len(sample.values)} eigenvalues hold "
            f"{1 - sample.rests[-1] / sample.total_variance:.1%} of the variance and the entropy of the rest "
            "is not known: compute all eigenvalues"
        )
    shares = sample.values[sample.values > 0] / sample.values.sum()
    return float(np.exp(-np.sum(shares * np.log(shares))))


def dims_for_variance(
    spectrum_or_eigenvalues: Spectrum | ArrayLike, share: float = 0.9, total_variance: float | None = None
) -> int:
    """Return the smallest number of leading eigenvalues that hold `share` of the total variance.

    Parameters
    ----------
    spectrum_or_eigenvalues : Spectrum or array_like, shape (k,)
        Eigenvalues; the top k are enough when they hold the share and the trace is known.
    share : float
        Share of the variance, in (0, 1].
    total_variance : float, optional
        Trace; taken from a Spectrum, and otherwise the sum of the eigenvalues.

    Returns
    -------
    int
        Number of dimensions.

    Raises
    ------
    InvalidInputError
        When the eigenvalues given do not reach the share, or there is no variance.

    Examples
    --------
    >>> from eigenscope import dims_for_variance
    >>> dims_for_variance([5.0, 3.0, 1.0, 1.0], 0.9)
    3
    """
    if not (is_real_number(share) and 0 < share <= 1):
        raise InvalidInputError(f"share must lie in (0, 1], got {share!r}: 90 % is 0.9")
    sample = as_eigenvalues(spectrum_or_eigenvalues, total_variance=total_variance)
    _check_some_variance(sample)
    # 0.9 of ten equal values is nine of them, whatever rounding says.
    reached = np.cumsum(sample.values) >= share * sample.total_variance * (1 - 1e-12)
    if reached.any():
        return int(np.argmax(reached)) + 1
    if sample.is_complete:
        return int(np.count_nonzero(sample.values))
    held = 1 - sample.rests[-1] / sample.total_variance
    raise InvalidInputError(
        f"the top {len(sample.values)} eigenvalues hold {held:.1%} of the variance, {share:.1%} was asked "
        "for: compute more eigenvalues"
    )


def _check_some_variance(sample: Eigenvalues) -> None:
    if not sample.values[0] > 0:
        raise InvalidInputError("all eigenvalues are zero: the data do not vary, and no dimension can be counted")


def _normal_quantile(confidence: float) -> float:
    from scipy.special import ndtri

    return float(ndtri((1 + confidence) / 2))
