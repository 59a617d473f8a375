"""Dimensions of a population, unbiased for few stimuli, few neurons and noisy repeats."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t as student

from ..arguments import check_confidence
from ..eigenvalues import as_eigenvalues
from ..errors import InvalidInputError
from ..inputs import as_matrix
from ..results.estimate import Estimate
from ..results.spectrum import Spectrum
from ..run_options import lapack_threads, resolve_threads
from .repeats import Array, as_repeats
from .representation import ROUNDING_OF_MEANS
from .unbiased_sums import PairSums, jackknife

LARGE_PRODUCT = 1e9
"""Multiplications from which BLAS's own threads are worth their waiting for each other."""

LARGEST_LOGARITHM = 600.0
"""Beyond it ratios leave the floating range."""

SMALLEST_RATIO = 1e4 * float(np.finfo(np.float64).eps)
"""Σλ² below this share of (Σλ)² is rounding."""

ROUNDING_OF_TRACE = 1e-6
"""Share of the variance by which a trace in single precision may exceed the sum of all eigenvalues."""

RANKME_OFFSET = 1e-7
"""Added to every share, as in the published definition."""


def participation_ratio(
    X: Any, Y: Any = None, *, neurons: str = "sample", nan: str = "raise", confidence: float = 0.95
) -> Estimate:
    """Estimate the participation ratio ``(Σλ)² / Σλ²`` of a population, unbiased at finite sizes.

    The plain ratio of a recording of P stimuli and N neurons falls short: ``1/E[PR] ≈ 1/P + 1/N + 1/PR_true``.
    Here numerator and denominator are unbiased each, as sums over stimuli that are all different and, when
    neurons are a sample of a larger population, over neurons that are different. With repeats, products are
    taken between repeats, so that noise adds nothing. Assumed: stimuli that are independent draws, neurons that
    are random draws from their population (for "sample"), and noise independent between repeats.

    Parameters
    ----------
    X : array_like, shape (n_stimuli, n_neurons), or (n_repeats, n_stimuli, n_neurons) without `Y`
        Responses; one matrix alone counts noise as signal.
    Y : array_like, shape (n_stimuli, n_neurons), optional
        Responses to the same stimuli, presented again.
    neurons : {"sample", "all"}
        Whether the neurons are a sample of the population meant, or all of it.
    nan : {"raise", "omit"}
        With "omit", neurons with a missing value in any repeat are left out, and every presentation of the other
        neurons counts. (`cvpca`, `signal_statistics` and `fit_power_law_moments` leave out presentations instead.)
    confidence : float
        Coverage of the interval.

    Returns
    -------
    Estimate
        The ratio of the two unbiased sums, nearly unbiased. Error and interval are those of the jackknife over
        groups of stimuli and, for "sample", groups of neurons, on the logarithm. Of 4 stimuli, or a sample of 2
        neurons, none can be left out: the error is NaN, and the interval what is possible at all. Value and interval
        stay between 1 and, for "all", the number of neurons.

    Raises
    ------
    InvalidInputError
        For fewer than 4 stimuli or 2 neurons; when the repeats have no signal in common; or when there is no
        positive estimate, because of noise or because different neurons of a sample do not covary.

    References
    ----------
    Chun, Canatar, Chung and Lee 2025, "Estimating dimensionality of neural representations from finite
    samples", arXiv 2509.26560.

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope.neural import participation_ratio
    >>> generator = np.random.default_rng(0)
    >>> latents = generator.standard_normal((60, 200))
    >>> X = latents @ generator.standard_normal((200, 80))
    >>> round(float(participation_ratio(X)), -2)
    200.0
    """
    if neurons not in ("sample", "all"):
        raise InvalidInputError(f'neurons must be "sample" or "all", got {neurons!r}')
    check_confidence(confidence)
    centred = _centred_pairs(X, Y, nan)
    P, N = centred[0][0].shape
    with lapack_threads(resolve_threads(None) if P * P * N >= LARGE_PRODUCT else 1, reproducible=False):
        pairs = [PairSums.of(A, B) for A, B in centred]
        numerator, denominator = np.sum([pair.unbiased(neurons) for pair in pairs], axis=0)
        common = sum(float(np.trace(pair.gram.K)) for pair in pairs)
        if not (common > 0 and numerator > 0 and denominator > SMALLEST_RATIO * numerator):
            raise InvalidInputError(_why_there_is_none(pairs, neurons, numerator, denominator, common))
        variance, skew, freedom = jackknife(pairs, neurons)
    most = float(N) if neurons == "all" else math.inf
    return _estimate(float(numerator / denominator), variance, skew, freedom, most, confidence)


def _estimate(value: float, variance: float, skew: float, freedom: float, most: float, confidence: float) -> Estimate:
    """Return the value with the error and interval of a variance of its logarithm, between 1 and `most`.

    Where few dimensions hold most of the variance, stimuli and neurons that have little of them give a larger ratio
    and a smaller variance: the interval holds the truths t with ``(t - x)² <= q² (variance + slope (t - x))``, x being
    the logarithm of the value, and the slope the regression of the variance on it.
    """
    bounded = min(max(1.0, value), most)
    if math.isnan(variance):
        return Estimate(bounded, math.nan, (1.0, most), confidence)
    square = float(student.ppf((1 + confidence) / 2, freedom)) ** 2
    centre = 0.5 * square * skew / variance if variance > 0 else 0.0
    half = math.hypot(centre, math.sqrt(square * variance))
    low, high = (value * math.exp(min(end, LARGEST_LOGARITHM)) for end in (centre - half, centre + half))
    interval = (min(max(1.0, low), most), min(max(1.0, high), most))
    return Estimate(bounded, value * math.sqrt(variance), interval, confidence)


def _why_there_is_none(pairs: list[PairSums], neurons: str, numerator: float, denominator: float, common: float) -> str:
    """Tell repeats without a common signal, neurons that do not covary, and noise apart."""
    P, N = pairs[0].A.shape
    if common <= 0:
        power = sum(float(np.sum(pair.A**2 + pair.B**2)) for pair in pairs) / 2
        return (
            f"{common / power:.2%} of the variance of {P} stimuli x {N} neurons is common to the repeats: there is no "
            "signal whose dimensions could be counted. Average more repeats, or add stimuli"
        )
    first, second = np.sum([pair.unbiased("all") for pair in pairs], axis=0)
    if neurons == "sample" and first > 0 and second > 0:
        return (
            f"different neurons hardly covary (for {P} stimuli x {N} neurons Σλ² comes out as {denominator:.3g}): a "
            "larger population they are drawn from has more dimensions than can be counted. Add neurons or stimuli, "
            f'or count those of these neurons alone with neurons="all" ({first / second:.3g})'
        )
    return (
        f"with {P} stimuli and {N} neurons the unbiased estimates of (Σλ)² and Σλ² are {numerator:.3g} and "
        f"{denominator:.3g}: noise hides the signal. Average more repeats, or add stimuli or neurons"
    )


def _centred_pairs(X: Any, Y: Any, nan: str) -> list[tuple[Array, Array]]:
    """Return pairs of repeats in double precision, centred: the sums do not depend on means, but their digits do."""
    if nan not in ("raise", "omit"):
        raise InvalidInputError(f"nan must be raise or omit, got {nan!r}")
    single = Y is None and _is_one_matrix(X)
    given = [X] if single else list(X) if Y is None else [X, Y]
    arrays = _without_missing([as_matrix(array)[0] for array in given], nan)
    # One recording is checked as two repeats that are the same.
    as_repeats(2 * arrays if single else arrays, remedy='nan="omit" leaves out neurons with a missing value')
    if arrays[0].shape[1] < 2:
        raise InvalidInputError("one neuron has one dimension: at least two neurons are needed")
    wide = [array.astype(np.float64) for array in arrays]
    largest = max(float(np.abs(array).max()) for array in wide)
    scale = max(float(np.abs(array - array.mean(axis=0)).max()) for array in wide)
    if scale <= ROUNDING_OF_MEANS * largest:
        raise InvalidInputError("all neurons are constant over stimuli: there is no variance to count dimensions of")
    wide = [(array - array.mean(axis=0)) / scale for array in wide]
    return [(wide[0], wide[0])] if single else list(itertools.combinations(wide, 2))


def _is_one_matrix(X: Any) -> bool:
    """Whether `X` is one recording, not a sequence or a three-dimensional array of repeats."""
    return np.ndim(X[0]) < 2 if isinstance(X, (list, tuple)) and X else np.ndim(X) != 3


def _without_missing(arrays: list[Array], nan: str) -> list[Array]:
    if nan == "raise" or len({array.shape for array in arrays}) > 1:
        return arrays
    complete = np.all([~np.isnan(array).any(axis=0) for array in arrays], axis=0)
    if not complete.any():
        raise InvalidInputError("every neuron has a missing value: drop stimuli instead")
    return [array[:, complete] for array in arrays]


def rankme(spectrum_or_eigenvalues: Spectrum | ArrayLike, *, of: str = "singular_values") -> float:
    """Return RankMe, the exponential of the entropy of the shares of singular values.

    A description of the eigenvalues given, so without an interval; `layer_report` has one for independent samples.

    Parameters
    ----------
    spectrum_or_eigenvalues : Spectrum or array_like, shape (k,)
        All eigenvalues of the second-moment matrix of the representation; the paper does not centre
        (``covariance_spectrum(Z, center=False)``).
    of : {"singular_values", "eigenvalues"}
        What the shares are made of: singular values, as in the paper, or their squares, as in some codes.

    Returns
    -------
    float
        Between 1 and the number of values, up to the offset 1e-7 that the definition adds to every share.

    Raises
    ------
    InvalidInputError
        When all eigenvalues are zero, or a Spectrum holds only the top ones.

    References
    ----------
    Garrido, Balestriero, Najman and LeCun 2023, "RankMe: assessing the downstream performance of pretrained
    self-supervised representations by their rank", ICML, equation 1.

    Examples
    --------
    >>> from eigenscope.neural import rankme
    >>> print(f"{rankme([4.0, 4.0, 4.0]):.3f}")
    3.000
    """
    if of not in ("singular_values", "eigenvalues"):
        raise InvalidInputError(f'of must be "singular_values" or "eigenvalues", got {of!r}')
    sample = as_eigenvalues(spectrum_or_eigenvalues)
    values = sample.values
    if not values[0] > 0:
        raise InvalidInputError("all eigenvalues are zero: the representation has no rank")
    if not sample.is_complete and sample.rests[-1] > ROUNDING_OF_TRACE * sample.total_variance:
        raise InvalidInputError(
            f"the top {len(values)} eigenvalues hold {1 - sample.rests[-1] / sample.total_variance:.1%} of the "
            "variance, and how many the rest is spread over is not known: compute all eigenvalues (leave out k)"
        )
    parts = np.sqrt(values / values[0]) if of == "singular_values" else values / values[0]
    shares = parts / parts.sum() + RANKME_OFFSET
    return float(np.exp(-np.sum(shares * np.log(shares))))
