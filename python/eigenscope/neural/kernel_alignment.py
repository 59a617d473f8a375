"""Centred kernel alignment, freed from the bias of few stimuli and of few neurons."""

from __future__ import annotations

import dataclasses
import functools
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import stdtrit

from ..arguments import check_confidence, check_switch, is_real_number
from ..errors import DataWarning, InvalidInputError
from ..results.base import Result
from ..results.estimate import Estimate
from .jackknife import DEFAULT_GROUPS, jackknife_estimate, jackknife_quantile, jackknife_stderr, stimulus_groups
from .kernel_covariances import KernelCovariances
from .representation import Representation, paired_representations

Array = np.ndarray[Any, np.dtype[Any]]

MINIMUM_STIMULI = 4
"""The unbiased estimator uses four different stimuli at a time."""

FEWEST_NEURONS = 2
"""Products of different neurons need two."""

FALSE_ALARMS = 1e-6
"""Probability of taking different neurons in random order for the same ones."""

CLEAR_CORRELATION = 0.25
"""Squared correlation that the same neurons must have at least to be taken for such."""

CLEAR_FACTOR = 2
"""Times the squared correlation of neighbouring columns, which are alike where both systems are sorted by tuning."""


LARGEST_POWER = 1e8
"""Squared length of a response, in units of the usual one, from which sums over the other stimuli lose their digits."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class KernelAlignment(Result):
    """Alignment of the linear kernels of two systems (CKA): 1 when their Gram matrices are proportional.

    Parameters
    ----------
    debiased : Estimate
        Unbiased in the number of stimuli: what these neurons would show with infinitely many stimuli. Its error is
        that of drawing stimuli.
    population : Estimate
        Unbiased in the number of neurons too: what all neurons of the populations would show. Its error is that of
        drawing stimuli and neurons. Can exceed 1 by error.
    biased : float
        The plain value, which grows towards 1 as stimuli become few.
    pair_covariances : ndarray, shape (3,)
        Unbiased covariances of the kernels XX, XY and YY between different neurons, in units in which the largest
        response of each system lies between 1/2 and 1.
    self_covariances : ndarray, shape (3,)
        The same of neurons with themselves; XY is NaN unless the neurons of X and Y are the same.
    replicates : ndarray, shape (n_groups, 6)
        `pair_covariances` and `self_covariances` without each group of stimuli.
    neuron_replicates : tuple of ndarray, shape (n_neuron_groups, 2, 6)
        The same without each group of neurons of X, and of Y (of both at once, when they are the same); first with
        all stimuli, then without one group of them too, in turn.
    n_stimuli : int
        Stimuli.
    n_neurons : tuple of int
        Neurons of X and Y.
    same_neurons : bool
        Whether they are the same.
    """

    debiased: Estimate
    population: Estimate
    biased: float
    pair_covariances: Array
    self_covariances: Array
    replicates: Array
    neuron_replicates: tuple[Array, ...]
    n_stimuli: int
    n_neurons: tuple[int, int]
    same_neurons: bool

    @property
    def angle(self) -> float:
        """Angle between the kernels in radians, a metric: arccos of the debiased value cut to [-1, 1]."""
        return float(np.arccos(np.clip(self.debiased.value, -1.0, 1.0)))

    def predict(self, n_neurons_x: float, n_neurons_y: float, *, confidence: float = 0.95) -> Estimate:
        """Predict the debiased alignment of samples of so many neurons from the two populations.

        Parameters
        ----------
        n_neurons_x, n_neurons_y : float
            Neurons drawn at random from each; may be infinite. With `same_neurons`, equally many.
        confidence : float
            Coverage of the interval.

        Returns
        -------
        Estimate
            ``C_xy / sqrt(C_xx(N_x) C_yy(N_y))`` with ``C(N) = (1 - 1/N) C_pairs + C_self / N`` (for C_xy too, with
            `same_neurons`): what such samples show on average, with its error over the stimuli and neurons
            recorded. One sample of few neurons scatters about that. For the numbers of neurons recorded the value is
            that of `debiased`, whose error is smaller because it is about these neurons.

        Raises
        ------
        InvalidInputError
            For numbers of neurons below 1, or different ones of the same neurons.
        """
        counts = (_check_count(n_neurons_x), _check_count(n_neurons_y))
        if self.same_neurons and counts[0] != counts[1]:
            raise InvalidInputError(
                f"X and Y are the same neurons, so that their numbers must be equal, got {n_neurons_x!r} and "
                f"{n_neurons_y!r}"
            )
        check_confidence(confidence)
        everything = np.concatenate([self.pair_covariances, self.self_covariances])
        statistic = functools.partial(_aligned, counts=counts, same_neurons=self.same_neurons)
        beyond = _shares_beyond(self.n_neurons, counts, self.same_neurons)
        return _over_stimuli_and_neurons(
            statistic, everything, self.replicates, self.neuron_replicates, beyond, confidence
        )

    def summary(self) -> str:
        """Return the three values in three lines."""
        return (
            f"KernelAlignment: debiased {self.debiased}\n"
            f"  all neurons {self.population}; plain value {self.biased:.4f}\n"
            f"  {self.n_stimuli:,} stimuli, {self.n_neurons[0]:,} and {self.n_neurons[1]:,} neurons"
        )


def kernel_alignment(
    X: Any, Y: Any, *, same_neurons: bool = False, n_groups: int = DEFAULT_GROUPS, confidence: float = 0.95
) -> KernelAlignment:
    """Estimate the centred alignment of the linear kernels of two systems (linear CKA) without its biases.

    The plain value is biased twice: upwards by few stimuli (unrelated systems of many neurons seem aligned), and
    downwards by few neurons (two samples of one population seem different). The debiased value uses only products
    over different stimuli (an unbiased estimate of each covariance of kernels); the population value moreover
    leaves out products of a neuron with itself.

    It assumes stimuli that are independent draws and, for the population value, neurons of each system that are
    random draws from its population, those of X and of Y independently unless they are the same. Trial noise counts
    as part of the representation: average repeats first. Two repeats of the same neurons (or a matrix and itself, or
    two layers of one residual stream) need ``same_neurons=True``, or the population value comes out too large.

    Parameters
    ----------
    X, Y : array_like, shape (n_stimuli, n_neurons_x) and (n_stimuli, n_neurons_y)
        Responses to the same stimuli in the same order.
    same_neurons : bool
        Whether column i of X and column i of Y are the same neuron, measured twice. Their products then count as
        those of a neuron with itself: the population value leaves them out, and noise private to neurons with them.
    n_groups : int
        Groups of neighbouring stimuli, and (at most 20) of neighbouring neurons, left out in turn for the intervals;
        0 for none.
    confidence : float
        Coverage of the intervals.

    Returns
    -------
    KernelAlignment
        Debiased and population values with intervals, and the prediction for any number of neurons. The error of
        `debiased` is that over stimuli, these neurons being meant; that of `population` and of predictions is over
        stimuli and neurons, NaN for fewer than three neurons. As a ratio of unbiased estimates the population value
        would come out a little too large (by 2 % for 40 neurons, more where a few dominate): that bias is estimated
        from the groups of neurons and subtracted, and left in with ``n_groups=0``.

        NaN with a `DataWarning` when the unbiased variance of a kernel cannot be told from zero, which ``n_groups=0``
        does not see. Another `DataWarning` when the columns of X and Y evidently are the same neurons and
        `same_neurons` does not say so, and one when a single stimulus decides the alignment.

    Raises
    ------
    InvalidInputError
        For fewer than four stimuli, or different numbers of stimuli, or of neurons that are to be the same.

    References
    ----------
    Kornblith, Norouzi, Lee and Hinton 2019, "Similarity of neural network representations revisited", ICML;
    Song, Smola, Gretton, Bedo and Borgwardt 2012, "Feature selection via dependence maximization", JMLR 13,
    section 3.2 (unbiased estimator); Kang, Canatar and Chung 2025, "Spectral analysis of representational
    similarity with limited neurons", arXiv 2502.19648 (the bias of few neurons).

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope.neural import kernel_alignment
    >>> rng = np.random.default_rng(0)
    >>> X, Y = rng.standard_normal((2, 60, 20)) @ rng.standard_normal((2, 20, 300))
    >>> result = kernel_alignment(X, Y)
    >>> low, high = result.debiased.interval
    >>> print(f"unrelated: plain {result.biased:.2f}, debiased {low:.2f} to {high:.2f}")
    unrelated: plain 0.23, debiased -0.06 to 0.05
    """
    check_confidence(confidence)
    check_switch("same_neurons", same_neurons)
    x, y = paired_representations(X, Y, minimum=MINIMUM_STIMULI)
    counts = (x.n_neurons, y.n_neurons)
    if same_neurons and counts[0] != counts[1]:
        raise InvalidInputError(
            f"X has {counts[0]} neurons (columns) and Y has {counts[1]}: same_neurons=True needs the same neurons in "
            "the same order. Leave it out for different neurons"
        )
    stimuli = _stimulus_groups(x.n_stimuli, n_groups)
    neurons = (_neuron_groups(counts[0], n_groups), _neuron_groups(counts[1], n_groups))
    _warn_of_artefacts(x, y)
    sums = KernelCovariances((x.responses, y.responses), stimuli, neurons, bool(same_neurons))
    everything = sums.everything()
    without_stimuli = np.array([sums.everything(group) for group in range(len(stimuli))]).reshape(-1, 6)
    without_neurons = sums.without_neurons()
    of_these = functools.partial(_aligned, counts=counts, same_neurons=same_neurons)
    of_all = functools.partial(_aligned, counts=(math.inf, math.inf), same_neurons=same_neurons)
    debiased = jackknife_estimate(float(of_these(everything)), of_these(without_stimuli), confidence)
    beyond = _shares_beyond(counts, (math.inf, math.inf), same_neurons)
    population = _over_stimuli_and_neurons(of_all, everything, without_stimuli, without_neurons, beyond, confidence)
    debiased = _unless_undefined(debiased, of_these(without_stimuli))
    _warn_of_nan(debiased, population, x.n_stimuli, counts)
    if not same_neurons:
        _warn_of_same_neurons(x, y)
    return KernelAlignment(
        debiased=debiased,
        population=population,
        biased=sums.plain_alignment(),
        pair_covariances=everything[:3],
        self_covariances=everything[3:],
        replicates=without_stimuli,
        neuron_replicates=without_neurons,
        n_stimuli=x.n_stimuli,
        n_neurons=counts,
        same_neurons=bool(same_neurons),
    )


def _stimulus_groups(n_stimuli: int, n_groups: int) -> list[Array]:
    groups = stimulus_groups(n_stimuli, n_groups)
    largest = max((len(group) for group in groups), default=0)
    if n_stimuli - largest < MINIMUM_STIMULI:
        raise InvalidInputError(
            f"{n_stimuli} stimuli without a group of {largest} leave fewer than {MINIMUM_STIMULI}: give more "
            "stimuli, smaller groups (a larger n_groups), or n_groups=0 for no interval"
        )
    return groups


def _unless_undefined(estimate: Estimate, *replicates: Array) -> Estimate:
    """Return NaN where a denominator changes sign when some leave: it is not distinguishable from zero."""
    undefined = any(np.isnan(values).any() for values in replicates)
    return dataclasses.replace(estimate, value=math.nan) if undefined else estimate


def _warn_of_nan(debiased: Estimate, population: Estimate, n_stimuli: int, counts: tuple[int, int]) -> None:
    estimates = {"debiased": debiased, "population": population}
    undefined = " and ".join(name for name, estimate in estimates.items() if math.isnan(estimate.value))
    if undefined:
        warnings.warn(
            f"{undefined} alignment is NaN: over {n_stimuli} stimuli and {counts[0]} and {counts[1]} neurons a "
            "kernel's unbiased variance cannot be told from zero, because responses are mostly noise, or stimuli or "
            "neurons are too few",
            DataWarning,
            stacklevel=3,
        )


def _check_count(count: Any) -> float:
    is_infinite = isinstance(count, float) and math.isinf(count)
    if not ((is_infinite or is_real_number(count)) and count >= 1):
        raise InvalidInputError(f"a number of neurons must be at least 1, got {count!r}")
    return float(count)


def _aligned(covariances: Array, counts: tuple[float, float], same_neurons: bool) -> Array:
    """Return the alignment of samples of so many neurons from rows of six covariances, NaN for variances <= 0."""
    pairs, own = covariances[..., :3], covariances[..., 3:]

    def mixed(place: int, count: float) -> Array:
        # One neuron recorded has no covariance with others, and one predicted needs none.
        others = (1 - 1 / count) * pairs[..., place] if count > 1 else 0.0
        return np.asarray(others + own[..., place] / count)

    xx, yy = mixed(0, counts[0]), mixed(2, counts[1])
    xy = mixed(1, counts[0]) if same_neurons else pairs[..., 1]
    defined = (xx > 0) & (yy > 0)
    return np.asarray(np.where(defined, xy / np.sqrt(np.where(defined, xx * yy, 1.0)), np.nan))


def _over_stimuli_and_neurons(
    statistic: Callable[[Array], Array],
    everything: Array,
    without_stimuli: Array,
    without_neurons: tuple[Array, ...],
    shares_beyond: tuple[float, ...],
    confidence: float,
) -> Estimate:
    """Return a statistic of the covariances with its error over stimuli and neurons, both drawn at random.

    The bias that few neurons give it is subtracted as far as it is about neurons beyond them. The variance over stimuli
    and that over neurons both hold the part of stimulus x neuron (private noise above all), which is estimated from
    groups of both left out together and subtracted once.
    """
    value, of_stimuli = statistic(everything), statistic(without_stimuli)
    n_stimuli = len(of_stimuli)
    counts = [n_stimuli, *(len(rows) for rows in without_neurons)]
    if min(counts) == 0:
        return Estimate(float(value), confidence=confidence)
    main, shared, bias = [float(jackknife_stderr(of_stimuli)) ** 2], 0.0, 0.0
    for rows, beyond in zip(without_neurons, shares_beyond, strict=True):
        alone, together = statistic(rows).T
        bias += beyond * (len(rows) - 1) * float(alone.mean() - value)
        paired = of_stimuli[np.arange(len(rows)) % n_stimuli]
        interaction = float(np.mean((together - alone - paired + value) ** 2))
        main.append(float(jackknife_stderr(alone)) ** 2)
        shared += ((n_stimuli - 1) * (len(rows) - 1)) ** 2 / (n_stimuli * len(rows)) * interaction
    stderr = math.sqrt(max(sum(main) - shared, *main))
    margin = jackknife_quantile(min(counts), confidence) * stderr
    unbiased = float(value) - bias
    found = Estimate(unbiased, stderr, (unbiased - margin, unbiased + margin), confidence)
    return _unless_undefined(found, *(statistic(rows) for rows in (without_stimuli, *without_neurons)))


def _shares_beyond(recorded: tuple[float, float], wanted: tuple[float, float], same_neurons: bool) -> tuple[float, ...]:
    """Return how much of the neurons meant, of each system, are beyond those recorded."""
    shares = tuple(max(0.0, 1.0 - count / other) for count, other in zip(recorded, wanted, strict=True))
    return shares[:1] if same_neurons else shares


def _neuron_groups(n_neurons: int, n_groups: int) -> list[Array]:
    """Cut neurons into groups of neighbours, none where fewer than two neurons would be left.

    Every group costs a pass over the Gram matrices, those of stimuli cost nothing.
    """
    groups = stimulus_groups(n_neurons, min(n_groups, DEFAULT_GROUPS))
    return groups if groups and n_neurons - len(groups[0]) >= FEWEST_NEURONS else []


def _warn_of_artefacts(x: Representation, y: Representation) -> None:
    """Warn when one stimulus is so much larger than the others that sums without it are rounding."""
    for name, system in (("X", x), ("Y", y)):
        largest = int(np.argmax(np.einsum("ij,ij->i", system.responses, system.responses)))
        # Responses add up to zero: this takes off the mean of the others.
        apart = system.responses + system.responses[largest] / (system.n_stimuli - 1)
        powers = np.einsum("ij,ij->i", apart, apart)
        usual = float(np.median(powers))
        if usual > 0 and powers[largest] > LARGEST_POWER * usual:
            warnings.warn(
                f"the responses of {name} to stimulus {largest} are {math.sqrt(powers[largest] / usual):.1g} times "
                "larger than usual: the alignment is that of this stimulus, its error is rounding. Leave it out if it "
                "is an artefact",
                DataWarning,
                stacklevel=3,
            )


def _warn_of_same_neurons(x: Representation, y: Representation) -> None:
    """Warn when columns of the same index correlate far more than columns next to each other.

    In any order that knows nothing of the other system, both correlate alike.
    """
    if x.n_neurons != y.n_neurons or x.n_neurons < FEWEST_NEURONS:
        return
    equal, shifted = (_squared_correlations(x.responses, np.roll(y.responses, -by, axis=1)) for by in (0, 1))
    excess = equal - shifted
    spread = float(np.std(excess, ddof=1)) / math.sqrt(len(excess))
    beyond_chance = excess.mean() > float(stdtrit(len(excess) - 1, 1 - FALSE_ALARMS)) * spread
    if beyond_chance and equal.mean() > max(CLEAR_CORRELATION, CLEAR_FACTOR * shifted.mean()):
        warnings.warn(
            f"column i of X and column i of Y have a squared correlation of {equal.mean():.2f} on average, and "
            f"columns i and i + 1 one of {shifted.mean():.2f}, as when both hold the same neurons: then population and "
            "predict() come out too large, and same_neurons=True mends them",
            DataWarning,
            stacklevel=3,
        )


def _squared_correlations(A: Array, B: Array) -> Array:
    """Return squared correlations of centred columns, zero for constant ones."""
    common, first, second = (np.einsum("ij,ij->j", *pair) for pair in ((A, B), (A, A), (B, B)))
    product = first * second
    return np.asarray(common**2 / np.where(product > 0, product, 1.0))
