"""What each repeat adds to a neuron's responses, where presentations are missing: drift of the means, fitted out."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import numpy as np

from ..errors import DataWarning, InvalidInputError

Array = np.ndarray[Any, np.dtype[Any]]

NEURONS_PER_BLOCK = 1024
"""Neurons cast, centred and multiplied at a time, or as many as fill half a Gram matrix if those are more."""

DRIFT_SIGNIFICANCE = 1e-3
"""Level of the test that repeats differ in their means."""


@dataclasses.dataclass(frozen=True, eq=False)
class RepeatOffsets:
    """Least-squares fit of one number per stimulus and one per repeat, the stimuli's having mean zero.

    Means of repeats with presentations missing would be means of different stimuli.

    Parameters
    ----------
    present : ndarray of bool, shape (n_repeats, n_stimuli)
        Presentations there are.
    weights : ndarray, shape (n_repeats, n_repeats n_stimuli)
        ``weights @ X`` are the offsets of the stacked responses X.
    n_free : int
        Differences of offsets that are told from the stimuli.
    """

    present: Array
    weights: Array
    n_free: int

    @classmethod
    def of(cls, present: Array) -> RepeatOffsets:
        """Fit to a pattern of presentations."""
        n_repeats, n_stimuli = present.shape
        shares = present / present.sum(axis=0)
        # Normal equations of the repeats' numbers once the stimuli's are eliminated.
        matrix = np.diag(present.sum(axis=1).astype(np.float64)) - shares @ present.T
        inverse = np.linalg.pinv(matrix, hermitian=True)
        # The right-hand side is the sum of each repeat's deviations from the stimuli's means.
        deviations = np.einsum("rq,qi->rqi", np.eye(n_repeats), present) - present[:, None, :] * shares[None]
        weights = inverse @ deviations.reshape(n_repeats, -1)
        overall = shares.ravel() / n_stimuli - shares.mean(axis=1) @ weights
        return cls(present, weights + overall, int(np.linalg.matrix_rank(matrix, hermitian=True)))

    @property
    def n_residual(self) -> int:
        """Degrees of freedom of the noise."""
        return int(self.present.sum()) - int(self.present.shape[1]) - self.n_free

    def noise_variance(self, gram: Array) -> float:
        """Return the noise variance, summed over neurons, from the Gram matrix of centred responses."""
        n_repeats, n_stimuli = self.present.shape
        if self.n_residual < 1:
            raise InvalidInputError(
                "too many presentations are missing to tell the means of the repeats from the noise: leave out "
                'stimuli with few presentations, or give center="halves" if repeats do not drift'
            )
        blocks = gram.reshape(n_repeats, n_stimuli, n_repeats, n_stimuli)
        explained = np.einsum("risi->i", blocks) / self.present.sum(axis=0)
        return float((np.trace(gram) - explained.sum()) / self.n_residual)

    def shared_noise(self, first: Any, second: Any) -> Array:
        """Return ``E[S1 ε (S2 ε)ᵀ]`` for averages S1, S2 of centred noise ε of unit variance, shape (P, P).

        Offsets hold noise of every presentation, so that two halves share some of it. Centring is ``M = I - E W``
        with W the weights and E saying which repeat a presentation is of, and ``S1 S2ᵀ = 0``.
        """
        n_repeats, n_stimuli = self.present.shape
        repeat_of = np.repeat(np.eye(n_repeats), n_stimuli, axis=0) * self.present.ravel()[:, None]
        one, other = first @ repeat_of, second @ repeat_of
        mixed = one @ (self.weights @ self.weights.T) @ other.T
        return np.asarray(mixed - (first @ self.weights.T) @ other.T - one @ (second @ self.weights.T).T)


def warn_about_drift(arrays: tuple[Array, ...], present: Array) -> None:
    """Warn when repeats differ in their means and presentations are missing: averages of different repeats differ then.

    The test is that of one neuron, since noise may be shared by all of them.
    """
    from scipy.special import fdtri

    offsets = RepeatOffsets.of(present)
    if offsets.n_free < 1 or offsets.n_residual < 1:
        return
    counts = present.sum(axis=0)
    largest = max(float(np.abs(array[here]).max()) for array, here in zip(arrays, present, strict=True) if here.any())
    # In units of the largest response squares stay in range.
    exponent, between, within = int(np.frexp(largest)[1]), 0.0, 0.0
    for first in range(0, arrays[0].shape[1], NEURONS_PER_BLOCK):
        columns = slice(first, first + NEURONS_PER_BLOCK)
        layers = np.ldexp(np.stack([array[:, columns] for array in arrays]).astype(np.float64), -exponent)
        layers[~present] = 0.0
        layers -= np.where(present[:, :, None], layers.sum(axis=0) / counts[:, None], 0.0)
        fitted = (offsets.weights @ layers.reshape(present.size, -1))[:, None] * present[:, :, None]
        fitted -= np.where(present[:, :, None], fitted.sum(axis=0) / counts[:, None], 0.0)
        between += float((fitted**2).sum())
        within += float(((layers - fitted) ** 2).sum())
    ratio = (between / offsets.n_free) / (within / offsets.n_residual) if within > 0 else np.inf
    if between > 0 and ratio > fdtri(offsets.n_free, offsets.n_residual, 1.0 - DRIFT_SIGNIFICANCE):
        warnings.warn(
            "presentations are missing and the means of the repeats differ: averages over different repeats then "
            "differ by more than noise, which looks like signal. Subtract the drift first, leave out stimuli with "
            "missing presentations, or use cvpca, which fits the means",
            DataWarning,
            stacklevel=4,
        )
