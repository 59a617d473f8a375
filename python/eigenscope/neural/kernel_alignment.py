"""Centred kernel alignment, freed from the bias of few stimuli and of few neurons."""

from __future__ import annotations

import dataclasses
import math
import warnings
from typing import Any

import numpy as np

from ..errors import DataWarning, InvalidInputError
from ..results.base import Result
from ..results.estimate import Estimate
from .jackknife import DEFAULT_GROUPS, check_confidence, jackknife_estimate, stimulus_groups
from .representation import Representation, paired_representations

Array = np.ndarray[Any, np.dtype[Any]]

MINIMUM_STIMULI = 4
"""The unbiased estimator uses four different stimuli at a time."""

_PANEL_ROWS = 512
"""Rows of the Gram matrices held at a time."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class KernelAlignment(Result):
    """Alignment of the linear kernels of two systems (CKA): 1 when their Gram matrices are proportional.

    Parameters
    ----------
    debiased : Estimate
        Unbiased in the number of stimuli: what these neurons would show with infinitely many stimuli.
    population : Estimate
        Unbiased in the number of neurons too: what all neurons of the populations would show. Can exceed 1 by
        error.
    biased : float
        The plain value, which grows towards 1 as stimuli become few.
    pair_covariances : ndarray, shape (3,)
        Unbiased covariances of the kernels XX, XY and YY between different neurons, in units in which the largest
        response of each system lies between 1/2 and 1.
    self_covariances : ndarray, shape (2,)
        The same of neurons of X, and of Y, with themselves.
    replicates : ndarray, shape (n_groups, 5)
        `pair_covariances` and `self_covariances` without each group of stimuli.
    n_stimuli : int
        Stimuli.
    n_neurons : tuple of int
        Neurons of X and Y.
    """

    debiased: Estimate
    population: Estimate
    biased: float
    pair_covariances: Array
    self_covariances: Array
    replicates: Array
    n_stimuli: int
    n_neurons: tuple[int, int]

    @property
    def angle(self) -> float:
        """Angle between the kernels in radians, a metric: arccos of the debiased value cut to [-1, 1]."""
        return math.acos(min(1.0, max(-1.0, self.debiased.value)))

    def predict(self, n_neurons_x: float, n_neurons_y: float, *, confidence: float = 0.95) -> Estimate:
        """Predict the debiased alignment of samples of so many neurons from the two populations.

        Parameters
        ----------
        n_neurons_x, n_neurons_y : float
            Neurons drawn at random from each; may be infinite.
        confidence : float
            Coverage of the interval.

        Returns
        -------
        Estimate
            ``C_xy / sqrt(C_xx(N_x) C_yy(N_y))`` with ``C(N) = (1 - 1/N) C_pairs + C_self / N``; for the numbers
            of neurons recorded this is `debiased` itself. Error over stimuli by the jackknife.
        """
        if not (n_neurons_x >= 1 and n_neurons_y >= 1):
            raise InvalidInputError(f"numbers of neurons must be at least 1, got {n_neurons_x!r} and {n_neurons_y!r}")
        check_confidence(confidence)
        counts = float(n_neurons_x), float(n_neurons_y)
        value = _predicted(np.append(self.pair_covariances, self.self_covariances), counts)
        return jackknife_estimate(value, np.array([_predicted(row, counts) for row in self.replicates]), confidence)

    def summary(self) -> str:
        """Return the three values in three lines."""
        return (
            f"KernelAlignment: debiased {self.debiased}\n"
            f"  all neurons {self.population}; plain value {self.biased:.4f}\n"
            f"  {self.n_stimuli:,} stimuli, {self.n_neurons[0]:,} and {self.n_neurons[1]:,} neurons"
        )


def kernel_alignment(X: Any, Y: Any, *, n_groups: int = DEFAULT_GROUPS, confidence: float = 0.95) -> KernelAlignment:
    """Estimate the centred alignment of the linear kernels of two systems (linear CKA) without its biases.

    The plain value is biased twice: upwards by few stimuli (unrelated systems of many neurons seem aligned), and
    downwards by few neurons (two samples of one population seem different). The debiased value uses only products
    over different stimuli (an unbiased estimate of each covariance of kernels); the population value moreover
    leaves out products of a neuron with itself.

    It assumes stimuli that are independent draws and, for the population value, neurons of each system that are
    random draws from its population. Trial noise counts as part of the representation: average repeats first, or
    treat repeats as two systems.

    Parameters
    ----------
    X, Y : array_like, shape (n_stimuli, n_neurons_x) and (n_stimuli, n_neurons_y)
        Responses to the same stimuli in the same order.
    n_groups : int
        Groups of neighbouring stimuli left out in turn for the intervals; 0 for none. They cost nothing extra.
    confidence : float
        Coverage of the intervals.

    Returns
    -------
    KernelAlignment
        Debiased and population values with intervals, and the prediction for any number of neurons. NaN with a
        `DataWarning` when the unbiased variance of a kernel cannot be told from zero.

    Raises
    ------
    InvalidInputError
        For fewer than four stimuli, or different numbers of stimuli.

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
    x, y = paired_representations(X, Y, minimum=MINIMUM_STIMULI)
    groups = stimulus_groups(x.n_stimuli, n_groups)
    largest = max((len(group) for group in groups), default=0)
    if x.n_stimuli - largest < MINIMUM_STIMULI:
        raise InvalidInputError(
            f"{x.n_stimuli} stimuli without a group of {largest} leave fewer than {MINIMUM_STIMULI}: give more "
            "stimuli, smaller groups (a larger n_groups), or n_groups=0 for no interval"
        )
    sums = _GroupedSums(x, y, groups)
    covariances, own = sums.covariances(without=None)
    counts = (x.n_neurons, y.n_neurons)
    values = np.array(_alignments(covariances, own, counts))
    left_out = [sums.covariances(without=group) for group in range(sums.n_leavable)]
    replicates = np.array([_alignments(*parts, counts) for parts in left_out]).reshape(-1, 2)
    # A denominator that changes sign when stimuli leave is not distinguishable from zero.
    values[np.isnan(replicates).any(axis=0)] = math.nan
    if np.isnan(values).any():
        what = " and ".join(np.array(["debiased", "population"])[np.isnan(values)])
        warnings.warn(
            f"{what} alignment is NaN: over {x.n_stimuli} stimuli a kernel's unbiased variance cannot be told from "
            "zero, because responses are mostly noise or stimuli are too few",
            DataWarning,
            stacklevel=2,
        )
    return KernelAlignment(
        debiased=jackknife_estimate(values[0], replicates[:, 0], confidence),
        population=jackknife_estimate(values[1], replicates[:, 1], confidence),
        biased=sums.plain_alignment(),
        pair_covariances=_between_neurons(covariances, own, counts),
        self_covariances=own,
        replicates=np.array([np.append(_between_neurons(c, o, counts), o) for c, o in left_out]).reshape(-1, 5),
        n_stimuli=x.n_stimuli,
        n_neurons=counts,
    )


def _predicted(covariances: Array, counts: tuple[float, float]) -> float:
    """Return the alignment of samples of so many neurons from covariances (XX, XY, YY, own X, own Y)."""
    xx, xy, yy, own_x, own_y = covariances
    x = (1 - 1 / counts[0]) * xx + own_x / counts[0]
    y = (1 - 1 / counts[1]) * yy + own_y / counts[1]
    return _ratio(np.array([x, xy, y]))


def _alignments(covariances: Array, own: Array, counts: tuple[int, int]) -> tuple[float, float]:
    """Return the alignment of these neurons, and of different neurons only."""
    pairs = _between_neurons(covariances, own, counts)
    return _ratio(covariances), _ratio(pairs)


def _ratio(covariances: Array) -> float:
    xx, xy, yy = covariances
    return float(xy / math.sqrt(xx * yy)) if xx > 0 and yy > 0 else math.nan


def _between_neurons(covariances: Array, own: Array, counts: tuple[int, int]) -> Array:
    """Solve ``C = (1 - 1/N) C_pairs + C_self / N`` for C_pairs of XX and YY; XY has no equal neurons."""
    pairs = covariances.copy()
    for place, count, self_covariance in zip((0, 2), counts, own, strict=True):
        pairs[place] = (pairs[place] - self_covariance / count) / (1 - 1 / count) if count > 1 else math.nan
    return pairs


class _GroupedSums:
    """Sums over pairs of groups of stimuli, from which the estimates without any one group follow.

    One pass over the rows of the Gram matrices ``K = X Xᵀ / N_x``, ``L = Y Yᵀ / N_y``: sums of ``K ∘ K``, ``K ∘ L``,
    ``L ∘ L`` over blocks of groups, row sums of K and L within groups, diagonals; and power sums of each neuron.
    """

    def __init__(self, x: Representation, y: Representation, groups: list[Array]) -> None:
        self.n_leavable = len(groups)
        everything = [np.arange(x.n_stimuli)]
        self._groups = groups or everything
        self._n = x.n_stimuli
        starts = np.array([group[0] for group in self._groups])
        self._row_sums = np.empty((2, self._n, len(starts)))
        self._diagonals = np.array([np.mean(r.responses**2, axis=1) for r in (x, y)])
        blocks = np.zeros((3, len(starts), len(starts)))
        for index, group in enumerate(self._groups):
            for first in range(0, len(group), _PANEL_ROWS):
                rows = group[first : first + _PANEL_ROWS]
                K, L = (r.responses[rows] @ r.responses.T / r.n_neurons for r in (x, y))
                for pair, product in enumerate((K * K, K * L, L * L)):
                    blocks[pair, index] += np.add.reduceat(product.sum(axis=0), starts)
                self._row_sums[0, rows] = np.add.reduceat(K, starts, axis=1)
                self._row_sums[1, rows] = np.add.reduceat(L, starts, axis=1)
        self._blocks = blocks
        self._powers = [_power_sums(r.responses, self._groups) for r in (x, y)]

    def plain_alignment(self) -> float:
        """Return ``tr(K L) / sqrt(tr K² tr L²)`` of the centred kernels."""
        xx, xy, yy = self._blocks.sum(axis=(1, 2))
        return float(xy / math.sqrt(xx * yy))

    def covariances(self, without: int | None) -> tuple[Array, Array]:
        """Return unbiased covariances of the kernels XX, XY and YY, and of each neuron with itself.

        With zero diagonals, ``n (n - 3) HSIC = tr(K L) + 1ᵀK1 1ᵀL1 / ((n - 1)(n - 2)) - 2 1ᵀK L1 / (n - 2)``.
        """
        use = np.ones(len(self._groups), dtype=bool)
        kept = np.arange(self._n)
        if without is not None:
            use[without] = False
            kept = np.delete(kept, self._groups[without])
        n = len(kept)
        diagonals = self._diagonals[:, kept]
        rows = self._row_sums[:, kept][:, :, use].sum(axis=2) - diagonals
        traces = self._blocks[:, use][:, :, use].sum(axis=(1, 2))
        values = np.empty(3)
        for pair, (first, second) in enumerate(((0, 0), (0, 1), (1, 1))):
            trace = traces[pair] - diagonals[first] @ diagonals[second]
            values[pair] = _unbiased(trace, rows[first].sum() * rows[second].sum(), rows[first] @ rows[second], n)
        own = np.array([_self_covariance(powers[:, use].sum(axis=1), n) for powers in self._powers])
        return values, own


def _unbiased(trace: float, product_of_sums: float, product_of_rows: float, n: int) -> float:
    return float((trace + product_of_sums / ((n - 1) * (n - 2)) - 2 * product_of_rows / (n - 2)) / (n * (n - 3)))


def _power_sums(responses: Array, groups: list[Array]) -> Array:
    """Return sums of the first four powers over each group, shape (4, n_groups, n_neurons)."""
    return np.array([[np.sum(responses[group] ** order, axis=0) for group in groups] for order in range(1, 5)])


def _self_covariance(sums: Array, n: int) -> float:
    """Return the mean over neurons of the unbiased covariance of the kernel ``x xᵀ`` of one neuron with itself.

    For a centred neuron the row sums without diagonal are ``-x_i²``.
    """
    mean = sums[0] / n
    second = sums[1] - n * mean**2
    fourth = sums[3] - 4 * mean * sums[2] + 6 * mean**2 * sums[1] - 3 * n * mean**4
    each = (second**2 - fourth + second**2 / ((n - 1) * (n - 2)) - 2 * fourth / (n - 2)) / (n * (n - 3))
    return float(np.mean(each))
