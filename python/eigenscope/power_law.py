"""Fit a power law to an eigenspectrum: the rank exponent."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .eigenvalues import NEGATIVE_TOLERANCE, Eigenvalues, as_eigenvalues
from .errors import InvalidInputError
from .results.power_law_fit import PowerLawFit
from .results.spectrum import Spectrum

Array = np.ndarray[Any, np.dtype[Any]]

WEIGHTS = ("inverse_rank", "uniform")
"""Weights of the ranks by name."""

CONVENTIONS = {"stringer2019": (11, 500), "alpha_req": (11, 100)}
"""Published conventions and their ranks; both weigh ranks by 1/rank."""

RELIABLE_BIAS_SHARE = 0.1
"""The first-order bias is trusted while the eigenvalues that matter to the last rank are at most this share
of the samples; in simulated power laws it is then right within a fifth, and at 0.2 no longer."""

MINIMUM_RANKS = 5
"""A slope from fewer eigenvalues has no error worth the name."""

SHIFTS = ((0.5, 1.0), (2.0, 1.0), (1.0, 0.5), (1.0, 2.0), (2.0, 0.5))
"""Factors on the first and last rank for the sensitivity table."""


@dataclasses.dataclass(frozen=True)
class _Line:
    """Weighted least-squares line through log eigenvalue against log rank."""

    exponent: float
    intercept: float
    r_squared: float
    influence: Array
    """d(exponent) / d(log eigenvalue), one for each rank."""
    scatter: float
    """Standard error from the residuals alone."""


def fit_power_law(
    spectrum_or_eigenvalues: Spectrum | ArrayLike,
    *,
    ranks: tuple[int, int] = (11, 500),
    method: str = "weighted",
    weights: str = "inverse_rank",
    nonpositive: str = "drop",
    bias_correction: bool = False,
    n_samples: float | None = None,
    confidence: float = 0.95,
) -> PowerLawFit:
    """Fit ``λ_n ~ n^-α`` to an eigenspectrum by weighted least squares of log λ on log rank.

    Parameters
    ----------
    spectrum_or_eigenvalues : Spectrum or array_like, shape (k,)
        Eigenvalues; plain ones are sorted in descending order.
    ranks : tuple of int
        First and last rank, 1-based and inclusive; cut to the eigenvalues there are.
    method : {"weighted", "stringer2019", "alpha_req"}
        The last two are published conventions with their own `ranks` and `weights`, which then must be left
        alone: ranks 11 to min(500, n_samples - 2), or 11 to 100.
    weights : {"inverse_rank", "uniform"}
        Inverse ranks give every octave about the same weight.
    nonpositive : {"drop", "abs", "raise"}
        What to do with zero or negative eigenvalues in the range (cross-validated spectra have them): leave
        them out, fold them by their absolute value (zeros are left out), or refuse. Their number is reported.
    bias_correction : bool
        Subtract the first-order bias that a finite number of samples gives the exponent.
    n_samples : float, optional
        Degrees of freedom of the covariance, for the error bar; taken from a Spectrum.
    confidence : float
        Coverage of the interval.

    Returns
    -------
    PowerLawFit
        `stderr` is the larger of two. (1) Sampling: for n independent Gaussian samples every log eigenvalue
        has variance 2/n, and smooth weighted sums of them behave as if they were independent even where
        neighbours overlap. (2) Scatter about the line, from the residuals. Without `n_samples` only (2) is
        there, which is too small, because neighbouring eigenvalues repel and lie smoothly. Neither covers
        correlated samples (the effective n is smaller), heavy tails, or a spectrum that is no power law: see
        `range_sensitivity`.

        A finite number of samples also biases the exponent. With ten times as many samples as eigenvalues
        that matter in the range, `bias` estimates it and the interval reaches from the plain to the corrected
        exponent. With fewer, `bias` is NaN and the interval is widened by a bound on it on both sides, which
        is wide.

    Raises
    ------
    InvalidInputError
        For fewer than five usable ranks, or options that do not go together.

    References
    ----------
    Stringer et al. 2019, "High-dimensional geometry of population responses in visual cortex", Nature 571;
    Anderson 1963, "Asymptotic theory for principal component analysis", Ann. Math. Stat. 34 (sampling of
    eigenvalues).

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope import fit_power_law
    >>> fit = fit_power_law(np.arange(1, 501) ** -1.5)
    >>> print(f"{fit.exponent:.6f}")
    1.500000
    """
    ranks, weights = _convention(method, ranks, weights, spectrum_or_eigenvalues, n_samples)
    if nonpositive not in ("drop", "abs", "raise"):
        raise InvalidInputError(f"nonpositive must be drop, abs or raise; got {nonpositive!r}")
    if not 0 < confidence < 1:
        raise InvalidInputError(f"confidence must lie between 0 and 1, got {confidence!r}")
    values, n_samples, population = _values(spectrum_or_eigenvalues, n_samples)
    first, last = _clip_ranks(ranks, len(values))
    used, logs, n_dropped = _usable(values, first, last, nonpositive)
    line = _fit_line(used, logs, weights)
    sampling = math.nan if n_samples is None else math.sqrt(2 / n_samples * float(np.sum(line.influence**2)))
    bias, doubt = _bias_and_doubt(population, used, line.influence)
    exponent, stderr = line.exponent, float(np.nanmax([sampling, line.scatter]))
    if bias_correction:
        if math.isnan(bias):
            raise InvalidInputError(
                "bias_correction needs non-negative eigenvalues, n_samples= (or a Spectrum), and about ten "
                "times as many samples as eigenvalues that matter in the range: leave it out, or end the "
                "range earlier"
            )
        exponent, doubt = exponent - bias, (0.0, 0.0)
    return PowerLawFit(
        exponent=exponent,
        stderr=stderr,
        interval=_interval(exponent, stderr, doubt, confidence),
        r_squared=line.r_squared,
        ranks=(int(used[0]), int(used[-1])),
        intercept=line.intercept,
        method=method,
        range_sensitivity=_sensitivity(values, first, last, weights, nonpositive),
        n_dropped=n_dropped,
        bias=bias,
        confidence=confidence,
        eigenvalues=values,
    )


def _convention(
    method: str, ranks: tuple[int, int], weights: str, spectrum: Spectrum | ArrayLike, n_samples: float | None
) -> tuple[tuple[int, int], str]:
    if weights not in WEIGHTS:
        raise InvalidInputError(f"weights must be one of {', '.join(WEIGHTS)}; got {weights!r}")
    if method == "weighted":
        return ranks, weights
    if method not in CONVENTIONS:
        raise InvalidInputError(f"method must be weighted, {', '.join(CONVENTIONS)}; got {method!r}")
    if tuple(ranks) != (11, 500) or weights != WEIGHTS[0]:
        raise InvalidInputError(f'method="{method}" fixes ranks and weights: leave them out, or use method="weighted"')
    first, last = CONVENTIONS[method]
    samples = spectrum.n_samples if isinstance(spectrum, Spectrum) else n_samples
    if method == "stringer2019" and samples is not None:
        last = min(last, int(samples) - 2)
    return (first, last), weights


def _values(spectrum: Spectrum | ArrayLike, n_samples: float | None) -> tuple[Array, float | None, Eigenvalues | None]:
    """Return descending values, degrees of freedom, and the checked eigenvalues unless some are negative."""
    if not isinstance(spectrum, Spectrum):
        plain = np.asarray(spectrum)
        if plain.ndim == 1 and plain.size and plain.dtype.kind in "fiu" and np.isfinite(plain).all():
            values = np.sort(plain.astype(np.float64))[::-1]
            if values[-1] < -NEGATIVE_TOLERANCE * np.abs(values).max():
                return values, n_samples, None
    sample = as_eigenvalues(spectrum, n_samples=n_samples)
    return sample.values, sample.n_samples, sample


def _clip_ranks(ranks: tuple[int, int], count: int) -> tuple[int, int]:
    first, last = (int(rank) for rank in ranks)
    if first < 1 or last < first or (first, last) != tuple(ranks):
        raise InvalidInputError(f"ranks must be two integers (first, last) with 1 <= first <= last, got {ranks!r}")
    if count < first + MINIMUM_RANKS - 1:
        raise InvalidInputError(
            f"ranks {first} to {last} of {count} eigenvalues leave fewer than {MINIMUM_RANKS}: start "
            f"earlier, for example ranks=(1, {count})"
        )
    return first, min(last, count)


def _usable(values: Array, first: int, last: int, nonpositive: str) -> tuple[Array, Array, int]:
    """Return the ranks used, their log eigenvalues, and how many were not positive."""
    ranks, part = np.arange(first, last + 1), values[first - 1 : last]
    bad = part <= 0
    n_bad = int(bad.sum())
    if n_bad and nonpositive == "raise":
        raise InvalidInputError(
            f"{n_bad} eigenvalues in ranks {first} to {last} are not positive, the first at rank "
            f"{int(ranks[bad][0])}: end the range before it, or choose nonpositive='drop' or 'abs'"
        )
    keep = part != 0 if nonpositive == "abs" else ~bad
    if keep.sum() < MINIMUM_RANKS:
        raise InvalidInputError(
            f"ranks {first} to {last} hold {int(keep.sum())} positive eigenvalues, at least {MINIMUM_RANKS} are needed"
        )
    return ranks[keep], np.log(np.abs(part[keep])), n_bad


def _fit_line(ranks: Array, logs: Array, weights: str) -> _Line:
    """Minimise Σ w (log λ - intercept + exponent log rank)²."""
    weight = 1 / ranks if weights == "inverse_rank" else np.ones(len(ranks))
    weight = weight / weight.sum()
    abscissa = np.log(ranks)
    centred = abscissa - weight @ abscissa
    spread = weight @ centred**2
    influence = -weight * centred / spread
    # Logarithms about their mean: an exact power law then loses no digits, whatever its scale.
    mean = float(weight @ logs)
    exponent = float(influence @ (logs - mean))
    residuals = logs - mean + exponent * centred
    total = float(weight @ (logs - mean) ** 2)
    # A flat spectrum has nothing to explain beyond the rounding of its logarithms.
    rounding = 64 * np.finfo(np.float64).eps * (1 + abs(mean))
    r_squared = 1.0 if total <= rounding**2 else 1 - float(weight @ residuals**2) / total
    # Sandwich estimate with the small-sample factor n / (n - 2): weights are a convention, not inverse
    # variances.
    scatter = math.sqrt(float(np.sum((influence * residuals) ** 2)) * len(ranks) / (len(ranks) - 2))
    return _Line(exponent, mean + exponent * float(weight @ abscissa), r_squared, influence, scatter)


def _sampling_bias(sample: Eigenvalues, ranks: Array, influence: Array, n_samples: float) -> float:
    """Return E[α̂] - α to first order in 1/n, the sample spectrum in place of the population's.

    Second-order perturbation of Σ a_i log λ_i for a Gaussian sample covariance gives
    ``(1/n) [Σ_{i<j} (a_i λ_j - a_j λ_i) / (λ_i - λ_j) - Σ a_i]``; a is smooth in rank, so close pairs are
    harmless.
    """
    values = sample.values
    smooth = np.zeros(len(values))
    smooth[ranks - 1] = influence
    total = -float(np.sum(influence))
    for i in ranks - 1:
        # Pairs inside the range are visited twice.
        others = np.concatenate([values[:i], values[i + 1 :]])
        theirs = np.concatenate([smooth[:i], smooth[i + 1 :]])
        gap = values[i] - others
        apart = np.abs(gap) > NEGATIVE_TOLERANCE * values[i]
        pair = (smooth[i] * others[apart] - theirs[apart] * values[i]) / gap[apart]
        total += float(np.sum(np.where(theirs[apart] != 0, pair / 2, pair)))
    hidden = sample.rests[-1]
    if hidden > 0:
        # Eigenvalues not given are small beside those in the range: λ_j / (λ_i - λ_j) sums to rest / λ_i.
        total += float(np.sum(influence * hidden / values[ranks - 1]))
    return total / n_samples


def _bias_and_doubt(sample: Eigenvalues | None, ranks: Array, influence: Array) -> tuple[float, tuple[float, float]]:
    """Return the bias, NaN where first order is not enough, and how far it may move the interval's ends."""
    if sample is None or sample.n_samples is None:
        return math.nan, (0.0, 0.0)
    n, values = sample.n_samples, sample.values
    used = values[ranks - 1]
    # Eigenvalues that matter to each one in the range, Σ_j min(1, λ_j / λ_i): it is off by at most about that
    # over n.
    larger = ranks - 1
    matter = larger + sample.rests[larger] / used
    if matter[-1] <= RELIABLE_BIAS_SHARE * n:
        bias = _sampling_bias(sample, ranks, influence, n)
        return bias, (max(bias, 0.0), max(-bias, 0.0))
    bound = float(np.abs(influence) @ matter) / n
    return math.nan, (bound, bound)


def _interval(exponent: float, stderr: float, doubt: tuple[float, float], confidence: float) -> tuple[float, float]:
    from scipy.special import ndtri

    margin = float(ndtri((1 + confidence) / 2)) * stderr
    return exponent - doubt[0] - margin, exponent + doubt[1] + margin


def _sensitivity(
    values: Array, first: int, last: int, weights: str, nonpositive: str
) -> tuple[tuple[int, int, float], ...]:
    rows = []
    for first_factor, last_factor in SHIFTS:
        start = max(1, round(first * first_factor))
        end = min(len(values), round(last * last_factor))
        if (start, end) == (first, last) or end - start + 1 < MINIMUM_RANKS:
            continue
        try:
            used, logs, _ = _usable(values, start, end, nonpositive)
        except InvalidInputError:
            continue
        rows.append((start, end, _fit_line(used, logs, weights).exponent))
    return tuple(rows)
