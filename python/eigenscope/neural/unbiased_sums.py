"""Unbiased (Σλ)² and Σλ² of a population, as sums over different stimuli and neurons, and their jackknife."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

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
    squares : ndarray, shape (n_stimuli,)
        ``Σ_j K_ij K_ji``.
    """

    K: Array
    columns: Array
    rows: Array
    squares: Array

    @classmethod
    def of(cls, K: Array) -> GramSums:
        """Sum what does not depend on who is left out."""
        return cls(K, K.sum(axis=0), K.sum(axis=1), np.einsum("ij,ji->i", K, K))

    def over_patterns(self, gone: Array) -> Array:
        """Sum products of two entries over the index patterns ijji, iiii, iijj, ijjj, ijjl, iijl, ijlm.

        Stimuli in `gone` are left out.
        """
        diagonal = np.delete(np.diagonal(self.K), gone)
        columns = np.delete(self.columns - self.K[gone].sum(axis=0), gone)
        rows = np.delete(self.rows - self.K[:, gone].sum(axis=1), gone)
        block = self.K[np.ix_(gone, gone)]
        squares = self.squares.sum() - 2 * self.squares[gone].sum() + np.einsum("ij,ji->", block, block)
        trace, total = float(diagonal.sum()), float(columns.sum())
        return np.array(
            [
                squares,
                diagonal @ diagonal,
                trace**2,
                diagonal @ (columns + rows) / 2,
                columns @ rows,
                trace * total,
                total**2,
            ]
        )


@dataclasses.dataclass(frozen=True, eq=False)
class PairSums:
    """Two repeats A and B, centred (the same twice for a single one), and the sums over their stimuli.

    Parameters
    ----------
    A, B : ndarray, shape (n_stimuli, n_neurons)
        Responses.
    gram : GramSums
        Over pairs of stimuli.
    by_neuron : ndarray, shape (6, n_neurons)
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
        ijji, iiii, iijj, ijjj, ijjl, iijl, ijlm = sums
        third = 1 / ((P - 1) * (P - 2))
        denominator = ijji - P / (P - 2) * iiii + 2 / (P - 2) * (2 * ijjj - ijjl) + third * (iijj - 2 * iijl + ijlm)
        numerator = (
            iijj - 2 / (P - 1) * iijl + (4 * ijjj - P * iiii) / (P - 2) + third * (ijlm - 4 * ijjl + 2 * ijji - iijj)
        )
        # The factor P / (P - 3) is common; 1 / P² makes leave-out values comparable.
        scale = 1 / (P * (P - 3) * max(1, N * (N - 1)))
        return np.asarray([scale * numerator, scale * denominator], dtype=np.float64)


def _neuron_sums(A: Array, B: Array) -> Array:
    """Return sums over stimuli of AB, (AB)², A, B, A²B and AB² for every neuron."""
    products = A * B
    return np.array(
        [
            products.sum(axis=0),
            np.einsum("ij,ij->j", products, products),
            A.sum(axis=0),
            B.sum(axis=0),
            np.einsum("ij,ij->j", products, A),
            np.einsum("ij,ij->j", products, B),
        ]
    )


def _equal_neuron_sums(by_neuron: Array) -> Array:
    """Return the part of `GramSums.over_patterns` in which both factors come from the same neuron."""
    products, squares, ones_A, ones_B, products_A, products_B = by_neuron
    both = ones_A * ones_B
    return np.array(
        [
            products @ products,
            squares.sum(),
            products @ products,
            (ones_A @ products_B + ones_B @ products_A) / 2,
            both @ products,
            both @ products,
            both @ both,
        ]
    )


def jackknife(pairs: list[PairSums], neurons: str) -> tuple[float, int]:
    """Return the variance of the logarithm of the ratio, linearised, and the degrees of freedom.

    The variance over stimuli and that over neurons both hold the part of stimulus x neuron (independent noise
    above all), which is estimated from groups of both left out together and subtracted once. NaN where too few
    stimuli or neurons are left to leave one out.
    """
    P, N = pairs[0].A.shape
    if P < FEWEST_STIMULI or (neurons == "sample" and N < FEWEST_NEURONS):
        return math.nan, 0
    total = np.sum([pair.unbiased(neurons) for pair in pairs], axis=0)

    def influence(reduced: list[PairSums], gone: Array = NONE) -> float:
        relative = np.sum([pair.unbiased(neurons, gone) for pair in reduced], axis=0) / total
        return float(relative[0] - relative[1])

    stimuli = _groups(P)
    without_stimuli = np.array([influence(pairs, group) for group in stimuli])
    if neurons == "all":
        return _jackknife_variance(without_stimuli), len(stimuli) - 1
    without_neurons, without_both = [], []
    for index, group in enumerate(_groups(N)):
        reduced = [pair.without_neurons(group) for pair in pairs]
        without_neurons.append(influence(reduced))
        without_both.append(influence(reduced, stimuli[index % len(stimuli)]))
    count = len(without_neurons)
    matched = without_stimuli[np.arange(count) % len(stimuli)]
    interaction = np.array(without_both) - matched - np.array(without_neurons)
    shared = ((len(stimuli) - 1) * (count - 1)) ** 2 / (len(stimuli) * count)
    main = _jackknife_variance(without_stimuli), _jackknife_variance(np.array(without_neurons))
    variance = max(sum(main) - shared * float(np.mean(interaction**2)), *main)
    return variance, min(len(stimuli), count) - 1


def _jackknife_variance(values: Array) -> float:
    return float((len(values) - 1) / len(values) * np.sum((values - values.mean()) ** 2))


def _groups(count: int) -> list[Array]:
    """Cut indices into groups to leave out, every so many-th in one."""
    n_groups = min(JACKKNIFE_GROUPS, count)
    return [np.arange(group, count, n_groups) for group in range(n_groups)]
