"""Dimensions of a population, unbiased for few stimuli, few neurons and noisy repeats."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t as student

from ..eigenvalues import as_eigenvalues
from ..errors import InvalidInputError
from ..inputs import as_matrix
from ..results.estimate import Estimate
from ..results.spectrum import Spectrum
from .repeats import Array, Repeats, as_repeats
from .representation import ROUNDING_OF_MEANS

JACKKNIFE_GROUPS = 24
"""Groups of stimuli, and of neurons, left out in turn for the standard error."""

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
        With "omit", neurons with a missing value are left out.
    confidence : float
        Coverage of the interval.

    Returns
    -------
    Estimate
        The ratio of the two unbiased sums, nearly unbiased. Error and interval are those of the jackknife over
        groups of stimuli and, for "sample", groups of neurons, on the logarithm.

    Raises
    ------
    InvalidInputError
        For fewer than 4 stimuli or 2 neurons, or when noise leaves no positive estimate.

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
    if not 0 < confidence < 1:
        raise InvalidInputError(f"confidence must lie between 0 and 1, got {confidence!r}")
    pairs = _centred_pairs(X, Y, nan)
    numerator, denominator = np.sum([_unbiased_sums(A, B, A @ B.T, neurons) for A, B in pairs], axis=0)
    if not (denominator > 0 and numerator > 0):
        P, N = pairs[0][0].shape
        raise InvalidInputError(
            f"with {P} stimuli and {N} neurons the unbiased estimates of (Σλ)² and Σλ² are {numerator:.3g} and "
            f"{denominator:.3g}: noise hides the signal. Average more repeats, or add stimuli or neurons"
        )
    variance, freedom = _jackknife(pairs, neurons, numerator, denominator)
    value, relative = numerator / denominator, math.sqrt(variance)
    reach = float(student.ppf((1 + confidence) / 2, freedom)) * relative
    low, high = value * math.exp(-reach), value * math.exp(reach) if reach < 700 else math.inf
    # Something that varies has one dimension at least.
    interval = (max(1.0, low), max(1.0, high))
    return Estimate(float(value), float(value * relative), interval, confidence)


def _centred_pairs(X: Any, Y: Any, nan: str) -> list[tuple[Array, Array]]:
    """Return pairs of repeats in double precision, centred.

    The sums of one recording do not depend on means. Those of two repeats take products between repeats only,
    for the sake of noise that neurons share, and depend on means at the order 1 / P², unless centred.
    """
    if nan not in ("raise", "omit"):
        raise InvalidInputError(f"nan must be raise or omit, got {nan!r}")
    single = Y is None and _is_one_matrix(X)
    arrays = [as_matrix(X)[0]] if single else list(_repeats_of(X, Y, nan).arrays)
    if single:
        arrays = list(as_repeats(*_without_missing([arrays[0], arrays[0]], nan)).arrays[:1])
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


def _repeats_of(X: Any, Y: Any, nan: str) -> Repeats:
    arrays = list(X) if Y is None else [X, Y]
    cleaned = _without_missing([as_matrix(array)[0] for array in arrays], nan)
    return as_repeats(cleaned) if Y is None else as_repeats(*cleaned)


def _without_missing(arrays: list[Array], nan: str) -> list[Array]:
    if nan == "raise" or len({array.shape for array in arrays}) > 1:
        return arrays
    complete = np.all([~np.isnan(array).any(axis=0) for array in arrays], axis=0)
    if not complete.any():
        raise InvalidInputError("every neuron has a missing value: drop stimuli instead")
    return [array[:, complete] for array in arrays]


def _unbiased_sums(A: Array, B: Array, K: Array, neurons: str) -> Array:
    """Return unbiased (Σλ)² and Σλ² up to one factor, from ``K = A Bᵀ`` (P x P)."""
    P = len(K)
    sums = _stimulus_sums(K) - _equal_neuron_sums(A, B) if neurons == "sample" else _stimulus_sums(K)
    ijji, iiii, iijj, ijjj, ijjl, iijl, ijlm = sums
    third = 1 / ((P - 1) * (P - 2))
    denominator = ijji - P / (P - 2) * iiii + 2 / (P - 2) * (2 * ijjj - ijjl) + third * (iijj - 2 * iijl + ijlm)
    numerator = (
        iijj - 2 / (P - 1) * iijl + (4 * ijjj - P * iiii) / (P - 2) + third * (ijlm - 4 * ijjl + 2 * ijji - iijj)
    )
    # The factor P / (P - 3) is common; 1 / P² makes leave-out values comparable.
    scale = 1 / (P * (P - 3) * max(1, A.shape[1] * (A.shape[1] - 1)))
    return np.asarray(np.array([numerator, denominator]) * scale)


def _stimulus_sums(K: Array) -> Array:
    """Sum products of two entries of K over the index patterns ijji, iiii, iijj, ijjj, ijjl, iijl, ijlm."""
    diagonal, columns, rows, total = np.diagonal(K), K.sum(axis=0), K.sum(axis=1), float(K.sum())
    trace = float(diagonal.sum())
    return np.array(
        [
            np.einsum("ij,ji->", K, K),
            diagonal @ diagonal,
            trace**2,
            diagonal @ (columns + rows) / 2,
            columns @ rows,
            trace * total,
            total**2,
        ]
    )


def _equal_neuron_sums(A: Array, B: Array) -> Array:
    """Return the part of `_stimulus_sums` in which both factors come from the same neuron."""
    products = A * B
    by_neuron, ones_A, ones_B = products.sum(axis=0), A.sum(axis=0), B.sum(axis=0)
    both = ones_A * ones_B
    return np.array(
        [
            by_neuron @ by_neuron,
            np.einsum("ij,ij->", products, products),
            by_neuron @ by_neuron,
            (ones_A @ np.einsum("ij,ij->j", products, B) + ones_B @ np.einsum("ij,ij->j", products, A)) / 2,
            both @ by_neuron,
            both @ by_neuron,
            both @ both,
        ]
    )


def _jackknife(
    pairs: list[tuple[Array, Array]], neurons: str, numerator: float, denominator: float
) -> tuple[float, int]:
    """Return the variance of the logarithm of the ratio, linearised, and the degrees of freedom.

    The variance over stimuli and that over neurons both hold the part of stimulus x neuron (independent noise
    above all), which is estimated from groups of both left out together and subtracted once.
    """
    P, N = pairs[0][0].shape
    total = np.array([numerator, denominator])
    grams = [A @ B.T for A, B in pairs]
    stimuli = _leave_out(P)

    def influence(rows: Array, columns: Array, reduced: list[Array]) -> float:
        parts = [
            _unbiased_sums(A[np.ix_(rows, columns)], B[np.ix_(rows, columns)], K[np.ix_(rows, rows)], neurons)
            for (A, B), K in zip(pairs, reduced, strict=True)
        ]
        relative = np.sum(parts, axis=0) / total
        return float(relative[0] - relative[1])

    every_stimulus, every_neuron = np.arange(P), np.arange(N)
    without_stimuli = np.array([influence(rows, every_neuron, grams) for rows in stimuli])
    if neurons == "all":
        return _jackknife_variance(without_stimuli), len(stimuli) - 1
    without_neurons, without_both = [], []
    kept_neurons = _leave_out(N)
    for group, columns in enumerate(kept_neurons):
        gone = np.setdiff1d(every_neuron, columns)
        reduced = [K - A[:, gone] @ B[:, gone].T for (A, B), K in zip(pairs, grams, strict=True)]
        without_neurons.append(influence(every_stimulus, columns, reduced))
        without_both.append(influence(stimuli[group % len(stimuli)], columns, reduced))
    matched = without_stimuli[np.arange(len(kept_neurons)) % len(stimuli)]
    interaction = np.array(without_both) - matched - np.array(without_neurons)
    shared = ((len(stimuli) - 1) * (len(kept_neurons) - 1)) ** 2 / (len(stimuli) * len(kept_neurons))
    main = _jackknife_variance(without_stimuli), _jackknife_variance(np.array(without_neurons))
    variance = max(sum(main) - shared * float(np.mean(interaction**2)), *main)
    return variance, min(len(stimuli), len(kept_neurons)) - 1


def _jackknife_variance(values: Array) -> float:
    return float((len(values) - 1) / len(values) * np.sum((values - values.mean()) ** 2))


def _leave_out(count: int) -> list[Array]:
    """Return the indices kept when each group is left out."""
    groups = min(JACKKNIFE_GROUPS, count if count > 4 else 2)
    indices = np.arange(count)
    return [indices[indices % groups != group] for group in range(groups)]


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
    values = as_eigenvalues(spectrum_or_eigenvalues).values
    if not values[0] > 0:
        raise InvalidInputError("all eigenvalues are zero: the representation has no rank")
    parts = np.sqrt(values / values[0]) if of == "singular_values" else values / values[0]
    shares = parts / parts.sum() + RANKME_OFFSET
    return float(np.exp(-np.sum(shares * np.log(shares))))
