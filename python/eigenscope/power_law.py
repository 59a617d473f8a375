"""Fit a power law to an eigenspectrum: the rank exponent."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .arguments import check_confidence, check_switch, is_whole_number, positive_number, refuse_masked
from .eigenvalues import NEGATIVE_TOLERANCE, Eigenvalues, as_eigenvalues, without_rounding
from .errors import DataWarning, InvalidInputError
from .power_law_line import Line, bias_and_doubt, fit_likelihood, fit_line
from .results.cross_validated_spectrum import CrossValidatedSpectrum
from .results.power_law_fit import PowerLawFit
from .results.spectrum import Spectrum

Array = np.ndarray[Any, np.dtype[Any]]

WEIGHTS = ("inverse_rank", "uniform")
"""Weights of the ranks by name."""

METHODS = ("weighted", "likelihood")
"""Methods with ranks of one's own."""

CONVENTIONS = {"stringer2019": (11, 500), "alpha_req": (11, 100)}
"""Published conventions and their ranks; both weigh ranks by 1/rank."""

MINIMUM_RANKS = 5
"""A slope from fewer eigenvalues has no error worth the name."""

SHIFTS = ((0.5, 1.0), (2.0, 1.0), (1.0, 0.5), (1.0, 2.0), (2.0, 0.5))
"""Factors on the first and last rank for the sensitivity table."""


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
    misfit: str = "ignore",
) -> PowerLawFit:
    """Fit ``λ_n ~ n^-α`` to an eigenspectrum by weighted least squares of log λ on log rank.

    Parameters
    ----------
    spectrum_or_eigenvalues : Spectrum or array_like, shape (k,)
        Eigenvalues; plain ones are sorted in descending order, cross-validated ones keep the order of their
        components.
    ranks : tuple of int
        First and last rank, 1-based and inclusive; cut to the eigenvalues there are.
    method : {"weighted", "likelihood", "stringer2019", "alpha_req"}
        "likelihood" maximises the likelihood of sample eigenvalues about the line, each a gamma variable of
        shape ``n_samples / 2``; `weights` do not enter. The last two are published conventions with their own
        `ranks` and `weights`, which then must be left alone: ranks 11 to min(500, n_samples - 2), or 11 to 100.
    weights : {"inverse_rank", "uniform"}
        Inverse ranks give every octave about the same weight.
    nonpositive : {"drop", "abs", "raise"}
        What to do with zero or negative eigenvalues in the range (cross-validated spectra have them): leave
        them out, fold them by their absolute value (zeros are left out), or refuse. Their number is reported.
        Values that rounding of the largest cannot be told from are zeros.
    bias_correction : bool
        Subtract the first-order bias that a finite number of samples gives the exponent.
    n_samples : float, optional
        Degrees of freedom of the covariance, for the error bar; taken from a Spectrum.
    confidence : float
        Coverage of the interval.
    misfit : {"ignore", "warn", "raise"}
        What to do when a broken power law or an exponential describes the ranks clearly better; the fit says
        so as `PowerLawFit.misfit` in any case.

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

        For a `CrossValidatedSpectrum` the sampling error follows from the scatter of its stimuli, components
        held fixed; its own bias is not in the interval, see `eigenscope.neural.exponent_bias`.

    Raises
    ------
    InvalidInputError
        For fewer than five usable ranks, options that do not go together, or a misfit with ``misfit="raise"``.

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
    check_ranks(ranks)
    check_switch("bias_correction", bias_correction)
    if n_samples is not None:
        n_samples = positive_number("n_samples", n_samples)
    ranks, weights = _convention(method, ranks, weights, spectrum_or_eigenvalues, n_samples)
    if nonpositive not in ("drop", "abs", "raise"):
        raise InvalidInputError(f"nonpositive must be drop, abs or raise; got {nonpositive!r}")
    check_confidence(confidence)
    if misfit not in ("ignore", "warn", "raise"):
        raise InvalidInputError(f"misfit must be ignore, warn or raise; got {misfit!r}")
    values, n_samples, population = _values(spectrum_or_eigenvalues, n_samples)
    values = without_rounding(values)
    first, last = _clip_ranks(ranks, len(values))
    used, logs, n_dropped = _usable(values, first, last, nonpositive)

    def fit_ranks(ranks: Array, logs: Array) -> Line:
        return fit_likelihood(ranks, np.exp(logs)) if method == "likelihood" else fit_line(ranks, logs, weights)

    line = fit_ranks(used, logs)
    sampling = _sampling_error(spectrum_or_eigenvalues, used, line, n_samples)
    bias, doubt = bias_and_doubt(population, used, line.influence)
    exponent, stderr = line.exponent, float(np.nanmax([sampling, line.scatter]))
    if bias_correction:
        _check_correctable(bias, isinstance(spectrum_or_eigenvalues, CrossValidatedSpectrum))
        exponent, doubt = exponent - bias, (0.0, 0.0)
    fit = PowerLawFit(
        exponent=exponent,
        stderr=stderr,
        interval=_interval(exponent, stderr, doubt, confidence),
        r_squared=line.r_squared,
        ranks=(int(used[0]), int(used[-1])),
        intercept=line.intercept,
        method=method,
        range_sensitivity=_sensitivity(values, first, last, fit_ranks, nonpositive),
        n_dropped=n_dropped,
        bias=bias,
        confidence=confidence,
        eigenvalues=values,
        n_samples=math.nan if n_samples is None else float(n_samples),
    )
    _handle_misfit(fit, misfit)
    return fit


def _sampling_error(spectrum: Any, used: Array, line: Line, n_samples: float | None) -> float:
    if isinstance(spectrum, CrossValidatedSpectrum):
        gradient = np.zeros(len(spectrum.eigenvalues))
        gradient[used - 1] = line.influence / spectrum.eigenvalues[used - 1]
        return float(spectrum.error_of(gradient))
    return math.nan if n_samples is None else math.sqrt(2 / n_samples * float(np.sum(line.influence**2)))


def _check_correctable(bias: float, is_cross_validated: bool) -> None:
    if is_cross_validated:
        raise InvalidInputError(
            "bias_correction is for spectra of sample covariances: for a CrossValidatedSpectrum subtract "
            "eigenscope.neural.exponent_bias(spectrum), or use fit_power_law_moments"
        )
    if math.isnan(bias):
        raise InvalidInputError(
            "bias_correction needs non-negative eigenvalues, n_samples= (or a Spectrum), and about ten times as many "
            "samples as eigenvalues that matter in the range: leave it out, or end the range earlier"
        )


def _handle_misfit(fit: PowerLawFit, policy: str) -> None:
    if policy == "ignore":
        return
    reason = fit.misfit
    if not reason:
        return
    text = f"the spectrum is no power law: {reason}. Choose other ranks, or report the shape that fits"
    if policy == "raise":
        raise InvalidInputError(text)
    warnings.warn(text, DataWarning, stacklevel=3)


def _convention(
    method: str, ranks: tuple[int, int], weights: str, spectrum: Spectrum | ArrayLike, n_samples: float | None
) -> tuple[tuple[int, int], str]:
    if weights not in WEIGHTS:
        raise InvalidInputError(f"weights must be one of {', '.join(WEIGHTS)}; got {weights!r}")
    if method in METHODS:
        return ranks, weights
    if not isinstance(method, str) or method not in CONVENTIONS:
        raise InvalidInputError(f"method must be {', '.join((*METHODS, *CONVENTIONS))}; got {method!r}")
    if tuple(ranks) != (11, 500) or weights != WEIGHTS[0]:
        raise InvalidInputError(f'method="{method}" fixes ranks and weights: leave them out, or use method="weighted"')
    first, last = CONVENTIONS[method]
    samples = spectrum.n_samples if isinstance(spectrum, Spectrum) else n_samples
    if method == "stringer2019" and samples is not None:
        last = min(last, int(samples) - 2)
        if last < first + MINIMUM_RANKS - 1:
            raise InvalidInputError(
                f'method="stringer2019" fits ranks {first} to n_samples - 2, and {samples:g} samples leave fewer than '
                f'{MINIMUM_RANKS}: use method="weighted" with ranks of your own'
            )
    return (first, last), weights


def _values(spectrum: Spectrum | ArrayLike, n_samples: float | None) -> tuple[Array, float | None, Eigenvalues | None]:
    """Return values, degrees of freedom, and the checked eigenvalues unless some may be negative."""
    if isinstance(spectrum, CrossValidatedSpectrum):
        if n_samples is not None:
            raise InvalidInputError("n_samples belongs to plain eigenvalues: a CrossValidatedSpectrum knows its own")
        return spectrum.eigenvalues, None, None
    if not isinstance(spectrum, Spectrum):
        refuse_masked("eigenvalues", spectrum)
        plain = np.asarray(spectrum)
        if plain.ndim == 1 and plain.size and plain.dtype.kind in "fiu" and np.isfinite(plain).all():
            values = np.sort(plain.astype(np.float64))[::-1]
            if values[-1] < -NEGATIVE_TOLERANCE * np.abs(values).max():
                return values, n_samples, None
    sample = as_eigenvalues(spectrum, n_samples=n_samples)
    return sample.values, sample.n_samples, sample


def check_ranks(ranks: Any) -> None:
    """Refuse what is not a range of ranks."""
    pair = isinstance(ranks, (tuple, list)) and len(ranks) == 2 and all(is_whole_number(rank) for rank in ranks)
    if not pair or not 1 <= ranks[0] <= ranks[1]:
        raise InvalidInputError(f"ranks must be two integers (first, last) with 1 <= first <= last, got {ranks!r}")


def _clip_ranks(ranks: tuple[int, int], count: int) -> tuple[int, int]:
    check_ranks(ranks)
    first, last = (int(rank) for rank in ranks)
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


def _interval(exponent: float, stderr: float, doubt: tuple[float, float], confidence: float) -> tuple[float, float]:
    from scipy.special import ndtri

    margin = float(ndtri((1 + confidence) / 2)) * stderr
    return exponent - doubt[0] - margin, exponent + doubt[1] + margin


def _sensitivity(
    values: Array, first: int, last: int, fit_ranks: Callable[[Array, Array], Line], nonpositive: str
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
        rows.append((start, end, fit_ranks(used, logs).exponent))
    return tuple(rows)
