"""Unbiased (Σλ)² and Σλ² of a population, as sums over different stimuli and neurons, and their jackknife."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from scipy.stats import kurtosis

from .repeats import Array

JACKKNIFE_GROUPS = 24
"""Groups of stimuli, and of neurons, left out in turn for the standard error."""

FEWEST_STIMULI = 5
"""Products of four different stimuli must be left when one is left out."""

FEWEST_NEURONS = 3
"""Products of two different neurons must be left when one is left out."""

NONE = np.zeros(0, dtype=np.intp)
"""No stimulus left out."""


@dataclasses.dataclass(frozen=True, eq=False)
class GramSums:
    """Sums over the entries of ``K = A Bᵀ`` (P x P), from which stimuli can be left out without another pass.

    Parameters
    ----------
    K : ndarray, shape (n_stimuli, n_stimuli)
        Products between stimuli.
    columns, rows : ndarray, shape (n_stimuli,)
        Sums down every column, and along every row.
    mirrored : ndarray, shape (n_stimuli,)
        ``Σ_j K_ij K_ji``.
    column_squares, row_squares : ndarray, shape (n_stimuli,)
        Sums of ``K_ij²`` down every column, and along every row.
    """

    K: Array
    columns: Array
    rows: Array
    mirrored: Array
    column_squares: Array
    row_squares: Array

    @classmethod
    def of(cls, K: Array) -> GramSums:
        """Sum what does not depend on who is left out."""
        squares = np.einsum("ij,ij->j", K, K), np.einsum("ij,ij->i", K, K)
        return cls(K, K.sum(axis=0), K.sum(axis=1), np.einsum("ij,ji->i", K, K), *squares)

    def over_patterns(self, gone: Array) -> Array:
        """Sum products of two entries over the index patterns of `unbiased_sums`.

        Stimuli in `gone` are left out.
        """
        diagonal = np.delete(np.diagonal(self.K), gone)
        columns = np.delete(self.columns - self.K[gone].sum(axis=0), gone)
        rows = np.delete(self.rows - self.K[:, gone].sum(axis=1), gone)
        block = self.K[np.ix_(gone, gone)]
        mirrored = self.mirrored.sum() - 2 * self.mirrored[gone].sum() + np.einsum("ij,ji->", block, block)
        lost = self.row_squares[gone].sum() + self.column_squares[gone].sum()
        squares = self.row_squares.sum() - lost + np.einsum("ij,ij->", block, block)
        trace, total = float(diagonal.sum()), float(columns.sum())
        return np.array(
            [
                mirrored,
                squares,
                diagonal @ diagonal,
                trace**2,
                diagonal @ (columns + rows),
                columns @ rows,
                columns @ columns + rows @ rows,
                trace * total,
                total**2,
            ]
        )


def unbiased_sums(sums: Array, P: int) -> Array:
    """Return averages over different stimuli whose expectations are (Σλ)² and Σλ².

    With K_ij between different repeats and i, j, k, l all different, ``K_ii K_jj - 2 K_ii K_jk + K_ij K_kl`` and
    ``K_ij K_ji - 2 K_ij K_jk + K_ij K_kl`` have them, whatever the means and however neurons share noise. Sums over
    different indices follow from those over all by inclusion and exclusion.

    Parameters
    ----------
    sums : ndarray, shape (9,)
        Over all stimuli of K_ij K_ji, K_ij K_ij, K_ii K_ii, K_ii K_jj, K_ii (K_ij + K_ji), K_ij K_jk,
        K_ij K_ik + K_ji K_ki, K_ii K_jk and K_ij K_kl.
    P : int
        Number of stimuli, at least 4.
    """
    mirrored, squares, diagonal, traces, beside, chained, forked, trace_total, total = sums
    pairs, triples = P * (P - 1), P * (P - 1) * (P - 2)
    quadruples = triples * (P - 3)
    two_apart = total - 2 * trace_total - forked - 2 * chained + 4 * beside + traces + squares + mirrored - 6 * diagonal
    one_apart = chained - beside - mirrored + 2 * diagonal
    trace_apart = trace_total - traces - beside + 2 * diagonal
    numerator = (traces - diagonal) / pairs - 2 * trace_apart / triples + two_apart / quadruples
    denominator = (mirrored - diagonal) / pairs - 2 * one_apart / triples + two_apart / quadruples
    return np.array([numerator, denominator])


@dataclasses.dataclass(frozen=True, eq=False)
class PairSums:
    """Two repeats A and B, centred (the same twice for a single one), and the sums over their stimuli.

    Parameters
    ----------
    A, B : ndarray, shape (n_stimuli, n_neurons)
        Responses.
    gram : GramSums
        Over pairs of stimuli.
    by_neuron : ndarray, shape (8, n_neurons)
        Over stimuli, for every neuron; see `_neuron_sums`.
    """

    A: Array
    B: Array
    gram: GramSums
    by_neuron: Array

    @classmethod
    def of(cls, A: Array, B: Array) -> PairSums:
        """Sum over all stimuli and neurons."""
        return cls(A, B, GramSums.of(A @ B.T), _neuron_sums(A, B))

    def without_neurons(self, gone: Array) -> PairSums:
        """Return the same for the other neurons."""
        A, B = np.delete(self.A, gone, axis=1), np.delete(self.B, gone, axis=1)
        K = self.A[:, gone] @ self.B[:, gone].T
        np.subtract(self.gram.K, K, out=K)
        return PairSums(A, B, GramSums.of(K), np.delete(self.by_neuron, gone, axis=1))

    def unbiased(self, neurons: str, gone: Array = NONE) -> Array:
        """Return unbiased (Σλ)² and Σλ² up to one factor, without the stimuli in `gone`."""
        sums = self.gram.over_patterns(gone)
        if neurons == "sample":
            sums = sums - _equal_neuron_sums(self.by_neuron - _neuron_sums(self.A[gone], self.B[gone]))
        P, N = len(self.A) - len(gone), self.A.shape[1]
        # The number of pairs of neurons makes leave-out values comparable.
        return np.asarray(unbiased_sums(sums, P) / max(1, N * (N - 1)))


def _neuron_sums(A: Array, B: Array) -> Array:
    """Return sums over stimuli of AB, (AB)², A, B, A²B, AB², A² and B² for every neuron."""
    products = A * B
    return np.array(
        [
            products.sum(axis=0),
            np.einsum("ij,ij->j", products, products),
            A.sum(axis=0),
            B.sum(axis=0),
            np.einsum("ij,ij->j", products, A),
            np.einsum("ij,ij->j", products, B),
            np.einsum("ij,ij->j", A, A),
            np.einsum("ij,ij->j", B, B),
        ]
    )


def _equal_neuron_sums(by_neuron: Array) -> Array:
    """Return the part of `GramSums.over_patterns` in which both factors come from the same neuron."""
    products, squares, ones_A, ones_B, products_A, products_B, squares_A, squares_B = by_neuron
    both = ones_A * ones_B
    return np.array(
        [
            products @ products,
            squares_A @ squares_B,
            squares.sum(),
            products @ products,
            ones_A @ products_B + ones_B @ products_A,
            both @ products,
            squares_A @ ones_B**2 + squares_B @ ones_A**2,
            both @ products,
            both @ both,
        ]
    )


def jackknife(pairs: list[PairSums], neurons: str) -> tuple[float, float, float]:
    """Return variance and skew of the logarithm of the ratio, and the degrees of freedom of the variance.

    The variance over stimuli and that over neurons both hold the part of stimulus x neuron (independent noise
    above all), which is estimated from groups of both left out together and subtracted once. NaN where too few
    stimuli or neurons are left to leave one out. The skew is the covariance of the estimate with its variance.
    """
    P, N = pairs[0].A.shape
    if P < FEWEST_STIMULI or (neurons == "sample" and N < FEWEST_NEURONS):
        return math.nan, math.nan, 0.0
    total = np.sum([pair.unbiased(neurons) for pair in pairs], axis=0)

    def relative(reduced: list[PairSums], gone: Array = NONE) -> Array:
        return np.asarray(np.sum([pair.unbiased(neurons, gone) for pair in reduced], axis=0) / total)

    stimuli = _groups(P)
    without_stimuli = np.array([relative(pairs, group) for group in stimuli])
    if neurons == "all":
        (values,) = _log_ratios(without_stimuli)
        return _jackknife_variance(values), _jackknife_skew(values), _jackknife_freedom(values)
    neuron_groups = _groups(N)
    matched = np.arange(len(neuron_groups)) % len(stimuli)
    without_neurons, without_both = np.empty((2, len(neuron_groups), 2))
    for index, group in enumerate(neuron_groups):
        reduced = [pair.without_neurons(group) for pair in pairs]
        without_neurons[index] = relative(reduced)
        without_both[index] = relative(reduced, stimuli[matched[index]])
    over_stimuli, over_neurons, over_both = _log_ratios(without_stimuli, without_neurons, without_both)
    interaction = over_both - over_stimuli[matched] - over_neurons
    shared = ((len(stimuli) - 1) * (len(neuron_groups) - 1)) ** 2 / (len(stimuli) * len(neuron_groups))
    main = _jackknife_variance(over_stimuli), _jackknife_variance(over_neurons)
    variance = max(sum(main) - shared * float(np.mean(interaction**2)), *main)
    skew = _jackknife_skew(over_stimuli) + _jackknife_skew(over_neurons)
    return variance, skew, min(_jackknife_freedom(over_stimuli), _jackknife_freedom(over_neurons))


def _log_ratios(*reduced: Array) -> list[Array]:
    """Return the logarithms of ratios of sums, linearised where noise makes one of the sums negative.

    Parameters
    ----------
    *reduced : ndarray, shape (n_groups, 2)
        Numerator and denominator without each group, relative to those of all.
    """
    if all((relative > 0).all() for relative in reduced):
        return [np.log(relative[:, 0] / relative[:, 1]) for relative in reduced]
    return [relative[:, 0] - relative[:, 1] for relative in reduced]


def _jackknife_variance(values: Array) -> float:
    return float((len(values) - 1) / len(values) * np.sum((values - values.mean()) ** 2))


def _jackknife_skew(values: Array) -> float:
    """Return the third cumulant of a mean of as many influences: of ``(g - 1) (mean - value)`` for every group."""
    count = len(values)
    third = float(np.mean(((count - 1) * (values.mean() - values)) ** 3)) * count**2 / ((count - 1) * (count - 2))
    return third / count**2


def _jackknife_freedom(values: Array) -> float:
    """Return the degrees of freedom of the variance: the excess kurtosis κ divides them by ``1 + κ / 2``."""
    excess = float(kurtosis(values)) if np.ptp(values) > 0 else 0.0
    return (len(values) - 1) / (1 + 0.5 * max(0.0, excess))


def _groups(count: int) -> list[Array]:
    """Cut indices into groups to leave out, every so many-th in one."""
    n_groups = min(JACKKNIFE_GROUPS, count)
    return [np.arange(group, count, n_groups) for group in range(n_groups)]
