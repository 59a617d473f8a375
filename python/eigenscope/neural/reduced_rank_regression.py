"""Reduced-rank regression with ridge: the few dimensions of one system that predict another."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike

from ..arguments import check_confidence, is_real_number, is_whole_number
from ..errors import InvalidInputError
from ..inputs import as_matrix, as_source, check_finite
from ..results.base import Result
from ..results.estimate import Estimate
from ..signs import leading_phases
from .jackknife import jackknife_estimate, leave_groups_out, stimulus_groups
from .representation import Basis, Representation, check_same_stimuli, representation

Array = np.ndarray[Any, np.dtype[Any]]

MINIMUM_STIMULI = 4
"""Two folds of two stimuli."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ReducedRankRegression(Result):
    """Linear map of limited rank from one system to another, with its cross-validated accuracy.

    Parameters
    ----------
    encoder : ndarray, shape (n_neurons_x, rank)
        From centred X to latent dimensions, ordered by how much of Y they predict.
    decoder : ndarray, shape (rank, n_neurons_y)
        Orthonormal rows: from latent dimensions to centred Y.
    x_means, y_means : ndarray
        Means subtracted and added.
    r_squared : ndarray, shape (max_rank,)
        Cross-validated share of the variance of Y explained with 1, 2, … dimensions.
    score : Estimate
        Its value at `rank`, with an interval by leaving out folds.
    rank : int
        Dimensions of `encoder` and `decoder`.
    ridge : float
        Ridge in use, chosen at full rank when several were given.
    ridge_r_squared : ndarray, shape (n_ridges,)
        Cross-validated share at `max_rank` for every ridge tried.
    n_stimuli, n_folds : int
        Stimuli, and folds of neighbouring stimuli.
    """

    encoder: Array
    decoder: Array
    x_means: Array
    y_means: Array
    r_squared: Array
    score: Estimate
    rank: int
    ridge: float
    ridge_r_squared: Array
    n_stimuli: int
    n_folds: int

    def predict(self, X: ArrayLike) -> Array:
        """Return the predicted responses of Y to new stimuli.

        Parameters
        ----------
        X : array_like, shape (n_stimuli, n_neurons_x)
            Responses of the neurons the map was fitted to.

        Returns
        -------
        ndarray, shape (n_stimuli, n_neurons_y)
            Predictions.

        Raises
        ------
        InvalidInputError
            For another number of neurons, or values that are missing or not finite.
        UnsupportedTypeError
            For what is no real numbers.
        """
        source = as_source(X)
        if source.n_features != len(self.x_means):
            raise InvalidInputError(
                f"X must have {len(self.x_means)} neurons (columns), got shape {source.array.shape}"
            )
        check_finite(source, threads=1)
        responses = np.asarray(source.array, dtype=np.float64)
        return np.asarray((responses - self.x_means) @ self.encoder @ self.decoder + self.y_means)

    def dimension(self, share: float = 0.95) -> int:
        """Return the smallest rank that reaches a share of the best cross-validated accuracy.

        Parameters
        ----------
        share : float
            In (0, 1].

        Returns
        -------
        int
            The rank; 0 when nothing can be predicted.
        """
        if not (is_real_number(share) and 0 < share <= 1):
            raise InvalidInputError(f"share must lie in (0, 1], got {share!r}")
        best = float(self.r_squared.max())
        return int(np.argmax(self.r_squared >= share * best)) + 1 if best > 0 else 0

    def summary(self) -> str:
        """Return accuracy, dimension and sizes in three lines."""
        return (
            f"ReducedRankRegression: rank {self.rank} explains {self.score} of the variance of Y\n"
            f"  95 % of the best accuracy needs {self.dimension()} dimensions; ridge {self.ridge:.3g}\n"
            f"  {self.n_stimuli:,} stimuli in {self.n_folds} folds, {len(self.x_means):,} and {len(self.y_means):,} "
            "neurons"
        )


def reduced_rank_regression(
    X: Any,
    Y: Any,
    rank: int | None = None,
    *,
    ridge: ArrayLike = 0.0,
    n_folds: int = 10,
    confidence: float = 0.95,
) -> ReducedRankRegression:
    """Fit the linear map of given rank that predicts one system from another best, and cross-validate every rank.

    ``B₀ = (XᵀX + μ I)⁻¹ Xᵀ Y`` by the SVD of X, V the leading right singular vectors of ``X B₀``; the map is
    ``B₀ V Vᵀ``. It assumes a linear relation and stimuli that are independent between folds; folds are
    neighbouring stimuli, so that slow drifts do not leak. The interval is for the accuracy of maps fitted to a share
    ``1 - 1/n_folds`` of the stimuli.

    Parameters
    ----------
    X, Y : array_like, shape (n_stimuli, n_neurons_x) and (n_stimuli, n_neurons_y)
        Responses to the same stimuli in the same order.
    rank : int, optional
        Dimensions of the map; as many as the data allow by default.
    ridge : float or array_like
        μ in units of ``XᵀX``; of several the one of best cross-validated accuracy at full rank is taken, and the
        interval does not account for that choice.
    n_folds : int
        Folds of cross-validation, at least 2.
    confidence : float
        Coverage of the interval.

    Returns
    -------
    ReducedRankRegression
        The map and its accuracy for every rank.

    Raises
    ------
    InvalidInputError
        For different numbers of stimuli, a rank beyond the data, or options out of range.

    References
    ----------
    Izenman 1975, "Reduced-rank regression for the multivariate linear model", J. Multivariate Analysis 5; Semedo,
    Zandvakili, Machens, Yu and Kohn 2019, "Cortical areas interact through a communication subspace", Neuron 102.

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope.neural import reduced_rank_regression
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((400, 20))
    >>> Y = X[:, :2] @ rng.standard_normal((2, 30)) + 0.1 * rng.standard_normal((400, 30))
    >>> reduced_rank_regression(X, Y).dimension()
    2
    """
    check_confidence(confidence)
    x = representation(X, name="X", minimum=MINIMUM_STIMULI)
    y = representation(Y, name="Y", minimum=MINIMUM_STIMULI)
    check_same_stimuli(x, y)
    ridges = _checked_ridges(ridge)
    folds = _folds(x.n_stimuli, n_folds)
    units = np.ldexp(ridges, -2 * x.exponent)
    basis = x.basis()
    limit = min(basis.rank, y.basis().rank, x.n_stimuli - len(folds[0]) - 1)
    if rank is not None and (not is_whole_number(rank) or not 1 <= rank <= limit):
        raise InvalidInputError(
            f"rank must be an integer from 1 to {limit}, got {rank!r}: the folds of these data span no more dimensions"
        )
    errors, totals = _cross_validate(x, y, folds, units, limit)
    explained = 1 - errors.sum(axis=0) / totals.sum()
    chosen = int(np.argmax(explained[:, -1]))
    used = limit if rank is None else int(rank)
    encoder, decoder = _fit(basis, y.responses, float(units[chosen]), used)

    def without(kept: Array) -> float:
        return float(1 - errors[kept, chosen, used - 1].sum() / totals[kept].sum())

    replicates = leave_groups_out(without, len(folds), len(folds))
    return ReducedRankRegression(
        encoder=np.ldexp(encoder, y.exponent - x.exponent),
        decoder=decoder,
        x_means=np.ldexp(x.means, x.exponent),
        y_means=np.ldexp(y.means, y.exponent),
        r_squared=explained[chosen],
        score=jackknife_estimate(float(explained[chosen, used - 1]), replicates, confidence, (-math.inf, 1.0)),
        rank=used,
        ridge=float(ridges[chosen]),
        ridge_r_squared=explained[:, -1],
        n_stimuli=x.n_stimuli,
        n_folds=len(folds),
    )


def _checked_ridges(ridge: ArrayLike) -> Array:
    ridges = np.atleast_1d(ridge)
    if ridges.ndim != 1 or ridges.size == 0 or ridges.dtype.kind not in "iuf":
        raise InvalidInputError(f"ridge must be a number or a list of numbers, got {ridge!r}")
    if not np.isfinite(ridges).all() or ridges.min() < 0:
        raise InvalidInputError(f"ridge must be finite and not negative, got {ridge!r}")
    return np.asarray(as_matrix(ridges[None])[0][0], dtype=np.float64)


def _folds(n_stimuli: int, n_folds: int) -> list[Array]:
    if not is_whole_number(n_folds) or not 2 <= n_folds <= n_stimuli // 2:
        raise InvalidInputError(
            f"n_folds must be an integer from 2 to {n_stimuli // 2} for {n_stimuli} stimuli, got {n_folds!r}"
        )
    return stimulus_groups(n_stimuli, int(n_folds))


def _cross_validate(
    x: Representation, y: Representation, folds: list[Array], ridges: Array, max_rank: int
) -> tuple[Array, Array]:
    """Return squared errors (n_folds, n_ridges, max_rank) and squared deviations from the training mean (n_folds,).

    Latent dimensions are orthogonal in Y, so that the error at rank d is the total less what the first d explain.
    """
    errors = np.empty((len(folds), len(ridges), max_rank))
    totals = np.empty(len(folds))
    for fold, test in enumerate(folds):
        train = np.delete(np.arange(x.n_stimuli), test)
        shift_x, shift_y = x.responses[train].mean(axis=0), y.responses[train].mean(axis=0)
        basis = dataclasses.replace(x, responses=x.responses[train] - shift_x).basis()
        targets, centred = y.responses[test] - shift_y, x.responses[test] - shift_x
        totals[fold] = np.sum(targets**2)
        for index, ridge in enumerate(ridges.tolist()):
            encoder, decoder = _fit(basis, y.responses[train] - shift_y, ridge, max_rank)
            latent, wanted = centred @ encoder, targets @ decoder.T
            explained = np.zeros(max_rank)
            explained[: latent.shape[1]] = np.sum(wanted**2 - (wanted - latent) ** 2, axis=0)
            errors[fold, index] = totals[fold] - np.cumsum(explained)
    return errors, totals


def _fit(x: Basis, targets: Array, ridge: float, rank: int) -> tuple[Array, Array]:
    """Return encoder and decoder: with ``X = U S Wᵀ``, ``X B₀ = U diag(s² / (s² + μ)) Uᵀ Y``."""
    coordinates = x.U.T @ targets
    fitted = (x.s**2 / (x.s**2 + ridge))[:, None] * coordinates
    decoder = scipy.linalg.svd(fitted, full_matrices=False)[2][:rank]
    decoder = decoder * leading_phases(decoder.T)[:, None]
    return x.Vh.T @ ((x.s / (x.s**2 + ridge))[:, None] * (coordinates @ decoder.T)), decoder
