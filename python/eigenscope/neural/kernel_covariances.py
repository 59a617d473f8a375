"""Unbiased covariances of the linear kernels of two systems, also without groups of stimuli and of neurons."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

PAIRS = ((0, 0), (0, 1), (1, 1))
"""Systems whose kernels are multiplied: XX, XY, YY."""

_TILE = 128
"""Rows and columns of the Gram matrices held at a time, once for every group of neurons: they stay in cache."""


class KernelCovariances:
    """Covariances of the kernels ``K = X Xᵀ`` and ``L = Y Yᵀ`` per pair of neurons, with any group left out.

    One pass over the Gram matrices sums the rows of ``K ∘ K``, ``K ∘ L``, ``L ∘ L``, for all neurons and without each
    group of them: the Gram matrix of a group is subtracted from that of all, so that groups cost no second product.

    Parameters
    ----------
    responses : tuple of ndarray, shapes (n_stimuli, n_neurons_x) and (n_stimuli, n_neurons_y)
        Of X and Y, centred.
    stimuli : list of ndarray
        Groups of neighbouring stimuli to leave out; none when empty.
    neurons : tuple of list of ndarray
        Groups of neighbouring neurons of X, and of Y, to leave out.
    same_neurons : bool
        Whether the columns of X and Y are the same neurons, which then leave together.
    """

    def __init__(
        self,
        responses: tuple[Array, Array],
        stimuli: list[Array],
        neurons: tuple[list[Array], list[Array]],
        same_neurons: bool,
    ) -> None:
        self._n_stimuli = len(responses[0])
        self._stimuli = stimuli
        self._systems = tuple(_System(*parts, stimuli) for parts in zip(responses, neurons, strict=True))
        self._leaving = [(0, 1)] if same_neurons else [(0,), (1,)]
        self._whole, *self._reduced = self._row_products()
        compared = PAIRS if same_neurons else ((0, 0), (1, 1))
        self._own = {(i, j): _self_covariances(responses[i], responses[j], stimuli) for i, j in compared}

    def plain_alignment(self) -> float:
        """Return ``tr(K L) / sqrt(tr K² tr L²)`` of the centred kernels."""
        xx, xy, yy = self._whole[0].sum(axis=1)
        return float(xy / np.sqrt(xx * yy))

    def everything(self, without: int | None = None) -> Array:
        """Return the covariances XX, XY, YY between different neurons, then those of neurons with themselves.

        Those of neurons of X with the same ones of Y, the fifth, are NaN unless they are known to be the same.

        Parameters
        ----------
        without : int, optional
            Group of stimuli to leave out.

        Returns
        -------
        ndarray, shape (6,)
        """
        return self._covariances(self._whole[0], (None, None), without)

    def without_neurons(self) -> tuple[Array, ...]:
        """Return the same without each group of neurons: of X, and of Y, or of both when they are the same.

        Returns
        -------
        tuple of ndarray, shape (n_neuron_groups, 2, 6)
            First of all stimuli, then without a group of them too: groups of both kinds are paired in turn.
        """
        found: list[Array] = []
        for leaving, reduced in zip(self._leaving, self._reduced, strict=True):
            rows = []
            for group, products in enumerate(reduced):
                gone = tuple(group if system in leaving else None for system in (0, 1))
                paired = group % len(self._stimuli)
                rows.append([self._covariances(products, gone, without) for without in (None, paired)])
            found.append(np.array(rows).reshape(-1, 2, 6))
        return tuple(found)

    def _covariances(self, products: Array, gone: tuple[int | None, ...], without: int | None) -> Array:
        """Return the six covariances without a group of neurons of each system, and of stimuli.

        With zero diagonals, ``n (n - 3) HSIC = tr(K L) + 1ᵀK1 1ᵀL1 / ((n - 1)(n - 2)) - 2 1ᵀK L1 / (n - 2)``.
        """
        out = np.arange(0) if without is None else self._stimuli[without]
        systems = list(zip(self._systems, gone, strict=True))
        diagonals = np.array([system.diagonal(group) for system, group in systems])
        # Responses are centred, so that all of a row sums to zero.
        rows = -diagonals - np.array([system.row_sums(group, without) for system, group in systems])
        diagonals[:, out] = rows[:, out] = 0.0
        n, sums = self._n_stimuli - len(out), rows.sum(axis=1)
        # Rows and columns that leave overlap in a block.
        blocks = [system.gram(out, group) for system, group in systems]
        traces = products.sum(axis=1) - 2 * products[:, out].sum(axis=1)
        pairs, own = np.empty(3), np.full(3, np.nan)
        for place, (first, second) in enumerate(PAIRS):
            trace = traces[place] + np.vdot(blocks[first], blocks[second]) - diagonals[first] @ diagonals[second]
            of_sums = sums[first] * sums[second] / ((n - 1) * (n - 2))
            total = (trace + of_sums - 2 * (rows[first] @ rows[second]) / (n - 2)) / (n * (n - 3))
            counts = [self._systems[system].count(gone[system]) for system in (first, second)]
            equal = 0.0
            if (first, second) in self._own:
                each = self._own[first, second][-1 if without is None else without]
                equal = self._systems[first].total(each, gone[first])
                own[place] = equal / counts[0]
                counts[1] -= 1
            pairs[place] = (total - equal) / (counts[0] * counts[1]) if counts[1] else np.nan
        return np.concatenate([pairs, own])

    def _row_products(self) -> list[Array]:
        """Return sums along rows of products of kernels: of all neurons, then without each group that leaves."""
        leavable = [self._systems[leaving[0]].n_leavable for leaving in self._leaving]
        found = [np.zeros((count, 3, self._n_stimuli)) for count in (1, *leavable)]
        tiles = [slice(first, min(first + _TILE, self._n_stimuli)) for first in range(0, self._n_stimuli, _TILE)]
        for rows, columns in itertools.combinations_with_replacement(tiles, 2):
            kernels, parts = zip(*(system.grams(rows, columns) for system in self._systems), strict=True)
            for target, leaving in zip(found, [(), *self._leaving], strict=True):
                left = [parts[system] if system in leaving else kernels[system] for system in (0, 1)]
                for place, (first, second) in enumerate(PAIRS):
                    target[:, place, rows] += np.einsum("aij,aij->ai", left[first], left[second])
                    if rows != columns:
                        target[:, place, columns] += np.einsum("aij,aij->aj", left[first], left[second])
        return found


class _System:
    """Sums over neurons of one system, of all of them or without a group."""

    def __init__(self, responses: Array, neurons: list[Array], stimuli: list[Array]) -> None:
        self._responses = responses
        self._groups = [slice(int(group[0]), int(group[-1]) + 1) for group in neurons]
        # Memory that is given back after every tile would have to be fetched from the system again.
        self._parts = np.empty(len(neurons) * min(_TILE, len(responses)) ** 2)
        self._sums = np.array([responses[group].sum(axis=0) for group in stimuli]).reshape(-1, responses.shape[1])
        self._row_sums: Array = responses @ self._sums.T
        self._diagonal: Array = np.einsum("ij,ij->i", responses, responses)

    @property
    def n_leavable(self) -> int:
        """Groups of neurons."""
        return len(self._groups)

    def count(self, gone: int | None) -> int:
        """Return how many neurons are left."""
        n_neurons = int(self._responses.shape[1])
        return n_neurons if gone is None else n_neurons - (self._groups[gone].stop - self._groups[gone].start)

    def total(self, values: Array, gone: int | None) -> float:
        """Return the sum over the neurons left."""
        return float(values.sum() - (0.0 if gone is None else values[self._groups[gone]].sum()))

    def diagonal(self, gone: int | None) -> Array:
        """Return the diagonal of the Gram matrix."""
        if gone is None:
            return self._diagonal
        part = self._responses[:, self._groups[gone]]
        return np.asarray(self._diagonal - np.einsum("ij,ij->i", part, part))

    def row_sums(self, gone: int | None, group: int | None) -> Array:
        """Return sums along rows of the Gram matrix over one group of stimuli, zero for none."""
        if group is None:
            return np.zeros(len(self._responses))
        if gone is None:
            return self._row_sums[:, group]
        part = self._groups[gone]
        return np.asarray(self._row_sums[:, group] - self._responses[:, part] @ self._sums[group, part])

    def gram(self, stimuli: Array, gone: int | None) -> Array:
        """Return the Gram matrix of some stimuli."""
        some = self._responses[stimuli]
        if gone is not None:
            some[:, self._groups[gone]] = 0.0
        return np.asarray(some @ some.T)

    def grams(self, rows: slice, columns: slice) -> tuple[Array, Array]:
        """Return a tile of the Gram matrix of all neurons, shape (1, rows, columns), and those without each group."""
        left, right = self._responses[rows], self._responses[columns]
        parts = self._parts[: len(self._groups) * len(left) * len(right)].reshape(-1, len(left), len(right))
        for part, group in zip(parts, self._groups, strict=True):
            np.matmul(left[:, group], right[:, group].T, out=part)
        whole = parts.sum(axis=0) if self._groups else left @ right.T
        return whole[None], np.subtract(whole, parts, out=parts)


def _self_covariances(A: Array, B: Array, groups: list[Array]) -> Array:
    """Return the unbiased covariance of the kernels ``a aᵀ`` and ``b bᵀ`` of every neuron.

    Row by row without each group of stimuli, in the last row of all.
    """
    everything = _moment_sums(A, B)
    without = [_self_covariance(everything - _moment_sums(A[group], B[group]), len(A) - len(group)) for group in groups]
    return np.array([*without, _self_covariance(everything, len(A))])


def _self_covariance(sums: Array, n: int) -> Array:
    """Return it from moment sums over n stimuli. For centred neurons the row sums without diagonal are ``-a_i²``."""
    a, b, aa, ab, bb, aab, abb, aabb = sums
    a, b = a / n, b / n
    fourth = aabb - 2 * b * aab - 2 * a * abb + b**2 * aa + a**2 * bb + 4 * a * b * ab - 3 * n * (a * b) ** 2
    aa, ab, bb = aa - n * a**2, ab - n * a * b, bb - n * b**2
    return np.asarray((ab**2 - fourth + aa * bb / ((n - 1) * (n - 2)) - 2 * fourth / (n - 2)) / (n * (n - 3)))


def _moment_sums(A: Array, B: Array) -> Array:
    """Return sums over stimuli of a, b, a², ab, b², a²b, ab², a²b² of every neuron."""
    AA, AB, BB = A * A, A * B, B * B
    factors = ((AA, B), (A, BB), (AB, AB))
    return np.array(
        [part.sum(axis=0) for part in (A, B, AA, AB, BB)] + [np.einsum("ij,ij->j", *pair) for pair in factors]
    )
