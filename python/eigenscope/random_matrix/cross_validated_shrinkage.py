"""Shrinkage of covariance eigenvalues by cross-validation: variances of held-out samples along sample eigenvectors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arguments import is_whole_number
from ..errors import InvalidInputError
from ..inputs import as_source, check_finite
from ..run_options import single_threaded_blas

Array = np.ndarray[Any, np.dtype[Any]]
RandomState = int | np.random.Generator | np.random.SeedSequence | None

DEFAULT_FOLDS = 10

FEWEST_SAMPLES = 4
"""Two folds with two samples left in each training set."""


def cross_validated_shrinkage(
    X: Any,
    *,
    n_folds: int | None = None,
    n_repeats: int = 1,
    sample_axis: int = 0,
    center: bool = True,
    rng: RandomState = 0,
) -> Array:
    """Return the variances that held-out samples have along eigenvectors of the others.

    A slow reference for `shrink_covariance`: it assumes nothing about the spectrum or the distribution, only that
    samples are independent, and costs a decomposition for every fold. Eigenvectors of the training samples, which are
    fewer, are a little worse than those of all; more folds cost more and bias less.

    Parameters
    ----------
    X : array_like, path or dataset, shape (n_samples, n_features)
        The data, held in double precision.
    n_folds : int, optional
        Parts of the samples, each held out once; 10 by default, and at most `n_samples`.
    n_repeats : int
        Random partitions that are averaged over.
    sample_axis : {0, 1}
        Axis along which samples lie.
    center : bool
        Subtract the mean of the training samples.
    rng : int, Generator, SeedSequence or None
        Draws the partitions; None for fresh ones.

    Returns
    -------
    ndarray, shape (n_features,)
        In the order of the sample eigenvalues they replace, descending; not always monotone. Directions that training
        samples leave undecided share their mean.

    Raises
    ------
    InvalidInputError
        For fewer than 4 samples, or folds that are not between 2 and their number.

    References
    ----------
    Lam 2016, "Nonparametric eigenvalue-regularized precision or covariance matrix estimator", Annals of Statistics 44;
    Bartz 2016, "Cross-validation based nonlinear shrinkage".

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope.random_matrix import cross_validated_shrinkage
    >>> X = np.random.default_rng(0).standard_normal((200, 100))
    >>> shrunk = cross_validated_shrinkage(X)  # sample eigenvalues: 0.09 to 2.71
    >>> bool(0.6 < shrunk.min() and shrunk.max() < 1.4)
    True
    """
    source = as_source(X, sample_axis=sample_axis)
    n, unit = source.n_samples, check_finite(source, 1)
    if n < FEWEST_SAMPLES:
        raise InvalidInputError(f"{n} samples are too few to hold any out: at least {FEWEST_SAMPLES} are needed")
    n_folds = min(DEFAULT_FOLDS, n) if n_folds is None else n_folds
    if not (is_whole_number(n_folds) and 2 <= n_folds <= n):
        raise InvalidInputError(f"n_folds must be an integer from 2 to the {n} samples, got {n_folds!r}")
    if not (is_whole_number(n_repeats) and n_repeats >= 1):
        raise InvalidInputError(f"n_repeats must be a positive integer, got {n_repeats!r}")
    if unit == 0:
        return np.zeros(source.n_features)
    data = np.asarray(source.array, dtype=np.float64) / unit
    if center:
        # Only for the sake of rounding: every training set has a mean of its own.
        data -= data.mean(axis=0)
    generator = np.random.default_rng(rng)
    total = np.zeros(source.n_features)
    with single_threaded_blas():
        for _ in range(int(n_repeats)):
            order = generator.permutation(n)
            for fold in range(int(n_folds)):
                is_held_out = np.zeros(n, dtype=bool)
                is_held_out[order[fold :: int(n_folds)]] = True
                total += is_held_out.sum() * _held_out_variances(data[~is_held_out], data[is_held_out], center)
    return np.asarray(total / (n * int(n_repeats)) * unit * unit)


def _held_out_variances(training: Array, held_out: Array, center: bool) -> Array:
    """Return the mean squares of held-out samples along the training samples' eigenvectors, then their null space."""
    n, p = training.shape
    inflation = 1.0
    if center:
        mean = training.mean(axis=0)
        training, held_out = training - mean, held_out - mean
        # About the mean of n other samples the variance is (1 + 1/n) times as large.
        inflation = 1 + 1 / n
    rank = min(n - int(center), p)
    vectors = np.linalg.svd(training, full_matrices=False)[2][:rank]
    variances = np.mean((held_out @ vectors.T) ** 2, axis=0)
    missing = max(0.0, float(np.mean(np.sum(held_out**2, axis=1))) - math.fsum(variances))
    null = missing / (p - rank) if rank < p else 0.0
    return np.concatenate([variances, np.full(p - rank, null)]) / inflation
