"""How many dimensions a spectrum fills, without a model of the noise."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from .eigenvalues import Eigenvalues, as_eigenvalues
from .errors import InvalidInputError
from .results.estimate import Estimate
from .results.spectrum import Spectrum


def participation_ratio(
    spectrum_or_eigenvalues: Spectrum | ArrayLike,
    *,
    bias_correction: bool = False,
    n_samples: float | None = None,
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
        `n_samples`. Exact expectations of tr S and tr S² for Gaussian data are used.
    n_samples : float, optional
        Degrees of freedom of the covariance; taken from a Spectrum. Without it the standard error is NaN.
    total_variance : float, optional
        Trace; taken from a Spectrum.
    confidence : float
        Coverage of the interval.

    Returns
    -------
    Estimate
        The standard error is the delta method's for independent Gaussian samples, valid for any ratio of
        features to samples; for the plain value it is about the mean of that value, which lies below the
        population's.

    Raises
    ------
    InvalidInputError
        When all eigenvalues are zero, or `bias_correction` lacks what it needs.

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
    if not 0 < confidence < 1:
        raise InvalidInputError(f"confidence must lie between 0 and 1, got {confidence!r}")
    sample = as_eigenvalues(spectrum_or_eigenvalues, n_samples=n_samples, total_variance=total_variance)
    _check_some_variance(sample)
    n = sample.n_samples
    low, high = _square_bounds(sample)
    trace = sample.total_variance / sample.values[0]
    if bias_correction:
        _check_correctable(sample)
    value, stderr = _ratio_and_error(sample, trace, (low + high) / 2, n, bias_correction)
    margin = _normal_quantile(confidence) * stderr
    ends = [_ratio_and_error(sample, trace, square, n, bias_correction)[0] for square in (high, low)]
    return Estimate(value, stderr, (max(1.0, ends[0] - margin), ends[1] + margin), confidence)


def _ratio_and_error(
    sample: Eigenvalues, trace: float, square: float, n: float | None, corrected: bool
) -> tuple[float, float]:
    """Return the ratio and its delta-method error, from tr S and tr S² in units of the largest eigenvalue.

    For a Gaussian sample covariance with population moments t_k = tr Σ^k (Bai and Silverstein 2004, made
    general): Var tr S = 2 t2 / n; Cov(tr S, tr S²) = 4 t3 / n + 4 t1 t2 / n²; Var tr S² = 8 t4 / n + (16 t1
    t3 + 4 t2²) / n² + 8 t1² t2 / n³.
    """
    if n is None:
        return trace**2 / square, math.nan
    t1, t2, t3, t4 = _population_moments(sample, trace, square, n)
    first_variance = 2 * t2 / n
    if corrected:
        # t2 is estimated by tr S² - (tr S)² / n up to a factor; its fluctuations are smaller than those of tr
        # S².
        numerator, denominator = max(trace**2 - 2 * t2 / n, t2), t2
        covariance = 4 * t3 / n
        second_variance = 8 * t4 / n + 4 * t2**2 / n**2
    else:
        numerator, denominator = trace**2, square
        covariance = 4 * t3 / n + 4 * t1 * t2 / n**2
        second_variance = 8 * t4 / n + (16 * t1 * t3 + 4 * t2**2) / n**2 + 8 * t1**2 * t2 / n**3
    ratio = numerator / denominator
    relative = 4 * first_variance / trace**2 - 4 * covariance / (trace * denominator) + second_variance / denominator**2
    return ratio, ratio * math.sqrt(max(0.0, relative))


def _population_moments(
    sample: Eigenvalues, trace: float, square: float, n: float
) -> tuple[float, float, float, float]:
    """Return estimates of tr Σ^k, k = 1 … 4, freed of sampling bias and kept possible.

    E tr S² = t2 + (t2 + t1²) / n exactly; E tr S³ ≈ t3 + 3 t1 t2 / n + t1³ / n²;
    E tr S⁴ ≈ t4 + (4 t1 t3 + 2 t2²) / n + 6 t1² t2 / n² + t1⁴ / n³.
    """
    scaled = sample.values / sample.values[0]
    t1 = trace
    t2 = n**2 / ((n - 1) * (n + 2)) * (square - trace**2 / n) if n > 1 else 0.0
    t2 = max(t2, square / (n + 1))
    t3 = max(float(np.sum(scaled**3)) - 3 * t1 * t2 / n - t1**3 / n**2, t2**2 / t1)
    fourth = float(np.sum(scaled**4))
    t4 = max(fourth - (4 * t1 * t3 + 2 * t2**2) / n - 6 * t1**2 * t2 / n**2 - t1**4 / n**3, t3**2 / t2)
    return t1, t2, t3, t4


def _square_bounds(sample: Eigenvalues) -> tuple[float, float]:
    """Return bounds of tr S² in units of the largest eigenvalue: equal when every eigenvalue is known."""
    scaled = sample.values / sample.values[0]
    known = float(np.sum(scaled**2))
    rest = float(sample.rests[-1] / sample.values[0])
    if rest <= 0:
        return known, known
    # The rest is spread as evenly as its number allows, or as unevenly as the last value given allows.
    sizes = [size for size in (sample.n_samples, sample.n_features) if size is not None]
    count = max(1.0, min(sizes) - len(scaled)) if sizes else math.inf
    return known + rest**2 / count, known + rest * float(scaled[-1])


def _check_correctable(sample: Eigenvalues) -> None:
    if sample.n_samples is None or sample.n_samples < 2:
        raise InvalidInputError("bias_correction needs n_samples of at least 2: pass n_samples= or a Spectrum")
    if not sample.is_complete:
        raise InvalidInputError(
            f"bias_correction needs all eigenvalues, got the top {len(sample.values)}: tr S² is not known"
        )


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
    if not 0 < share <= 1:
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
