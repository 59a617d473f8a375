"""How well a model predicts recordings, and why: spectral theory beside an experiment on random subsets."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike

from ..arguments import check_switch, is_real_number, is_whole_number
from ..effective_dimension import participation_ratio
from ..errors import InvalidInputError
from ..inputs import as_matrix
from ..results.base import Result
from ..run_options import RandomSource, resolve_seed
from .finite_population import finite_population_errors
from .jackknife import jackknife_quantile, jackknife_stderr, stimulus_groups
from .learning_curve import LearningCurve, learning_curve
from .representation import check_same_stimuli, representation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = np.ndarray[Any, np.dtype[Any]]

MINIMUM_STIMULI = 10
"""Fewer leave nothing to train on and to test."""

DEFAULT_SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
"""Training sizes as shares of the stimuli; beyond, training without replacement leaves the theory's assumptions."""

WEIGHT_LEFT = 0.1
"""Weight of the stimuli of a group that is left out for the jackknife. Without any, there would be fewer stimuli to
choose the training sizes from and a kernel of lower rank: the errors would be those of another experiment."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class PredictionError(Result):
    """Error of ridge regression from a model to recordings, predicted and measured.

    Parameters
    ----------
    theory : LearningCurve
        Predicted error over all stimuli as a share of the variance of the targets.
    theory_stderr : ndarray, shape (n_sizes,)
        Jackknife error of the predicted error over stimuli; like all that follow NaN where the value is not finite, and
        on average right to a third too large in populations where it can be compared with the spread over recordings.
    expected_error, expected_test_error : ndarray, shape (n_sizes,)
        Predicted error over all stimuli, and over those not trained on, when the subsets are drawn without
        replacement: what the experiment should find at any training size.
    expected_stderr, expected_test_stderr : ndarray, shape (n_sizes,)
        Their jackknife errors.
    radius, dimension : ndarray, shape (n_sizes,)
        Radius and dimension of the error modes: ``error = radius * sqrt(dimension)``. The dimension is NaN
        where the error is zero or infinite.
    radius_stderr, dimension_stderr : ndarray, shape (n_sizes,)
        Their jackknife errors, too large. Eigenvectors of neighbouring eigenvalues turn into each other when stimuli
        are left out, as if drawn anew, and the jackknife multiplies this by up to ``sqrt(n_groups - 1)``: in
        populations of 100 stimuli the error of the radius is 1.4 to 2.2 times the spread over recordings, that of
        the dimension 2 to 3.5 times.
    measured_error, measured_stderr : ndarray, shape (n_sizes,)
        Error over all stimuli of regressions on random subsets: mean and standard error over subsets.
    test_error, test_stderr : ndarray, shape (n_sizes,)
        The same over stimuli not trained on.
    test_correlation, test_correlation_stderr : ndarray, shape (n_sizes,)
        Pearson correlation between prediction and target on stimuli not trained on, mean over targets.
    task_model_alignment, task_model_alignment_stderr : ndarray, shape (n_stimuli,)
        Share of the target's variance in the leading modes of the model, cumulative; and its jackknife error. Modes of
        one eigenvalue, such as those the model lacks, are the principal components of the targets among them.
    effective_dimension : float
        Participation ratio of the model's eigenvalues.
    effective_dimension_stderr : float
        Its jackknife error.
    n_groups : int
        Groups of stimuli left out for the jackknife.
    ridge : float
        Ridge per training sample.
    """

    theory: LearningCurve
    theory_stderr: Array
    expected_error: Array
    expected_test_error: Array
    expected_stderr: Array
    expected_test_stderr: Array
    radius: Array
    dimension: Array
    radius_stderr: Array
    dimension_stderr: Array
    measured_error: Array
    measured_stderr: Array
    test_error: Array
    test_stderr: Array
    test_correlation: Array
    test_correlation_stderr: Array
    task_model_alignment: Array
    task_model_alignment_stderr: Array
    effective_dimension: float
    effective_dimension_stderr: float
    n_groups: int
    ridge: float

    @property
    def n_train(self) -> Array:
        """Training sizes."""
        return self.theory.n_train

    def interval(self, confidence: float = 0.95) -> tuple[Array, Array]:
        """Return the confidence interval of the error expected on stimuli not trained on, at every training size.

        Parameters
        ----------
        confidence : float
            Coverage.

        Returns
        -------
        tuple of ndarray, each of shape (n_sizes,)
            Low and high ends.
        """
        margin = jackknife_quantile(self.n_groups, confidence) * self.expected_test_stderr
        centre = self.expected_test_error
        return np.maximum(centre - margin, 0.0), centre + margin

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw theory and experiment."""
        from .theory_plotting import plot_prediction_error

        return plot_prediction_error(self, ax=ax, **options)

    def summary(self) -> str:
        """Return predicted and measured error and the geometry at the largest training size in three lines."""
        return (
            f"PredictionError: training on {self.n_train[-1]:g} of {len(self.task_model_alignment):,} stimuli should "
            f"leave {self.expected_test_error[-1]:.4f} ± {self.expected_test_stderr[-1]:.2g} of the variance of the "
            "others\n"
            f"  measured {self.test_error[-1]:.4f} ± {self.test_stderr[-1]:.2g}; over all stimuli "
            f"{self.measured_error[-1]:.4f}, expected {self.expected_error[-1]:.4f}\n"
            f"  error modes: radius {self.radius[-1]:.4g} ± {self.radius_stderr[-1]:.2g}, dimension "
            f"{self.dimension[-1]:.4g} ± {self.dimension_stderr[-1]:.2g}; model dimension "
            f"{self.effective_dimension:.4g}"
        )


@dataclasses.dataclass(frozen=True)
class _Regression:
    """Kernel matrix and targets in units that make the kernel's trace and the targets' variance equal to one."""

    kernel: Array
    targets: Array
    ridge: float

    def reweighted(self, weights: Array, center: bool) -> _Regression:
        """Return the regression on stimuli of unequal weight, centred and normalised anew; the ridge stays absolute."""
        shares = weights / weights.sum()
        kernel, targets = self.kernel, self.targets
        if center:
            means = kernel @ shares
            kernel, targets = kernel - means - means[:, None] + shares @ means, targets - shares @ targets
        roots = np.sqrt(len(shares) * shares)
        return _normalised(roots[:, None] * kernel * roots, roots[:, None] * targets, self.ridge)


def prediction_error(
    X: Any,
    Y: Any,
    n_train: ArrayLike | None = None,
    *,
    ridge: float = 0.0,
    center: bool = True,
    n_subsets: int = 5,
    n_groups: int = 10,
    rng: RandomSource = None,
) -> PredictionError:
    """Predict and measure how well ridge regression on a model's activations explains recordings.

    The theory of `learning_curve` is applied to the eigenvalues of the model's Gram matrix over all stimuli and to
    the share of the recordings' variance along each eigenvector; next to it the regression is run on random
    subsets of the stimuli. Error modes ``W_i E_i`` split the error into a radius ``sqrt(Σ (W_i E_i)²)`` and a
    dimension ``(Σ W_i E_i)² / Σ (W_i E_i)²``.

    The published theory assumes that training stimuli are few of those given. Subsets are drawn without
    replacement, and it overestimates their error as they use the stimuli up, at intermediate ridges by a quarter at
    60 %. `expected_error` and `expected_test_error` account for that; both assume only eigenvectors in no special
    relation to single stimuli. Trial noise in Y counts as target.

    Parameters
    ----------
    X : array_like, shape (n_stimuli, n_features)
        Activations of the model.
    Y : array_like, shape (n_stimuli, n_targets)
        Recordings of the same stimuli.
    n_train : array_like of int, optional
        Training sizes; 10 % to 60 % of the stimuli by default.
    ridge : float
        Ridge per training sample in units of the kernel ``x · x'``: the solver inverts ``K_train + p ridge I``. 0
        is the interpolating solution of least norm.
    center : bool
        Subtract the mean over all stimuli from features and targets.
    n_subsets : int
        Random subsets for each training size, at least 2.
    n_groups : int
        Groups of neighbouring stimuli left out in turn, but for a tenth of their weight, for the errors of the
        theory; each costs one more eigendecomposition of order n_stimuli. 0 for none.
    rng : int, Generator, SeedSequence or None
        Source of the subsets.

    Returns
    -------
    PredictionError
        Theory beside experiment, error modes, alignment and dimensions.

    Raises
    ------
    InvalidInputError
        For different numbers of stimuli, fewer than ten, or training sizes out of range.

    References
    ----------
    Canatar, Feather, Wakhloo and Chung 2023, "A spectral theory of neural prediction and alignment", NeurIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope.neural import prediction_error
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((200, 300)) * np.arange(1, 301) ** -0.7
    >>> result = prediction_error(X, X @ rng.standard_normal((300, 4)), [20, 50], ridge=1e-3, rng=0)
    >>> bool(np.all(np.abs(result.test_error / result.expected_test_error - 1) < 0.1))
    True
    """
    _check_options(ridge, center, n_subsets)
    x = representation(X, name="X", minimum=MINIMUM_STIMULI, center=center)
    y = representation(Y, name="Y", minimum=MINIMUM_STIMULI, center=center)
    check_same_stimuli(x, y)
    sizes = _sizes(n_train, x.n_stimuli)
    groups = stimulus_groups(x.n_stimuli, n_groups)
    units = np.ldexp(float(ridge), -2 * x.exponent)
    problem = _normalised(x.responses @ x.responses.T, y.responses, float(units))
    theory, rows, effective = _theory(problem, sizes)
    errors = _jackknife(problem, sizes, groups, center)
    row_errors = errors[1 + x.n_stimuli :].reshape(rows.shape)
    measured = _experiment(problem, sizes, int(n_subsets), resolve_seed(rng))
    means, stderrs = measured.mean(axis=1), measured.std(axis=1, ddof=1) / math.sqrt(n_subsets)
    return PredictionError(
        theory=theory,
        theory_stderr=row_errors[0],
        expected_error=rows[3],
        expected_test_error=rows[4],
        expected_stderr=row_errors[3],
        expected_test_stderr=row_errors[4],
        radius=rows[1],
        dimension=rows[2],
        radius_stderr=row_errors[1],
        dimension_stderr=row_errors[2],
        measured_error=means[:, 0],
        measured_stderr=stderrs[:, 0],
        test_error=means[:, 1],
        test_stderr=stderrs[:, 1],
        test_correlation=means[:, 2],
        test_correlation_stderr=stderrs[:, 2],
        task_model_alignment=np.cumsum(theory.target_weights),
        task_model_alignment_stderr=errors[1 : 1 + x.n_stimuli],
        effective_dimension=effective,
        effective_dimension_stderr=float(errors[0]),
        n_groups=len(groups),
        ridge=float(ridge),
    )


def _sizes(n_train: ArrayLike | None, n_stimuli: int) -> Array:
    chosen = np.round(np.array(DEFAULT_SHARES) * n_stimuli) if n_train is None else np.atleast_1d(n_train)
    if chosen.dtype.kind not in "iuf" or chosen.ndim != 1 or chosen.size == 0 or np.any(chosen != np.round(chosen)):
        raise InvalidInputError(f"n_train must be integers, got {n_train!r}")
    if chosen.min() < 1 or chosen.max() > n_stimuli - 2:
        raise InvalidInputError(
            f"n_train must lie between 1 and n_stimuli - 2 = {n_stimuli - 2}, so that two are left for testing; "
            f"got {chosen.min():g} to {chosen.max():g}"
        )
    return np.asarray(as_matrix(chosen[None])[0][0], dtype=np.int64)


def _check_options(ridge: float, center: bool, n_subsets: int) -> None:
    check_switch("center", center)
    if not (is_real_number(ridge) and ridge >= 0):
        raise InvalidInputError(f"ridge must be a finite number that is not negative, got {ridge!r}")
    if not is_whole_number(n_subsets) or n_subsets < 2:
        raise InvalidInputError(f"n_subsets must be an integer of at least 2, got {n_subsets!r}")


def _normalised(kernel: Array, targets: Array, ridge: float) -> _Regression:
    trace = float(np.trace(kernel)) / len(kernel)
    power = float(np.sum(targets**2)) / len(targets)
    return _Regression(kernel / trace, targets / math.sqrt(power), ridge / trace)


def _theory(problem: _Regression, sizes: Array) -> tuple[LearningCurve, Array, float]:
    """Return the learning curve, numbers for every size (five rows), and the dimension of the model.

    The rows are its error, radius and dimension of the error modes, expected error over all and over test stimuli.

    ``K / P = V diag(λ) Vᵀ``, ``W_i = |v_iᵀ Y|² / |Y|²``.
    """
    n_stimuli = len(problem.kernel)
    values, vectors = scipy.linalg.eigh(problem.kernel / n_stimuli)
    values, vectors = values[::-1], vectors[:, ::-1]
    # What rounding left of empty directions can neither be learnt nor asked for.
    rounding = n_stimuli * float(np.finfo(np.float64).eps)
    values = np.where(values > rounding * values[0], values, 0.0)
    weights = _weights(values, vectors.T @ problem.targets, rounding * values[0]) / n_stimuli
    weights = np.where(weights > rounding**2, weights, 0.0)
    theory = learning_curve(values, weights, sizes, ridge=sizes * problem.ridge)
    wanted = weights > 0
    left = np.array([weights[wanted] * theory.mode_errors(index)[wanted] for index in range(len(sizes))])
    radius = np.linalg.norm(left, axis=1)
    total = left.sum(axis=1)
    is_defined = (radius > 0) & np.isfinite(radius)
    dimension = np.divide(total, radius, out=np.full_like(total, np.nan), where=is_defined) ** 2
    expected = np.array(
        [finite_population_errors(values, weights, p, a) for p, a in zip(sizes.tolist(), theory.ridge, strict=True)]
    )
    # At the interpolation peak, as many samples as modes, its denominator is zero up to rounding of either sign.
    expected[np.isinf(theory.generalization_error)] = math.inf
    rows = np.vstack([theory.generalization_error, radius, dimension, expected.T])
    return theory, rows, participation_ratio(values).value


def _weights(values: Array, projections: Array, rounding: float) -> Array:
    """Return the squared length of the targets along every eigenvector.

    Where eigenvalues repeat, as zero does with fewer features than stimuli, eigenvectors are any basis of their space;
    it is then that of the principal components of the targets within it.
    """
    weights = np.sum(projections**2, axis=1)
    starts = np.concatenate([[0], np.flatnonzero(-np.diff(values) > rounding) + 1, [len(values)]])
    for first, last in itertools.pairwise(starts):
        if last - first > 1:
            lengths = scipy.linalg.svdvals(projections[first:last])
            weights[first:last] = 0.0
            weights[first : first + len(lengths)] = lengths**2
    return np.asarray(weights)


def _jackknife(problem: _Regression, sizes: Array, groups: list[Array], center: bool) -> Array:
    """Return the errors of the model's dimension, the alignment and the rows of `_theory`, one after another."""
    n_stimuli = len(problem.kernel)
    replicates = np.empty((len(groups), 1 + n_stimuli + 5 * len(sizes)))
    for replicate, group in zip(replicates, groups, strict=True):
        weights = np.ones(n_stimuli)
        weights[group] = WEIGHT_LEFT
        theory, rows, dimension = _theory(problem.reweighted(weights, center), sizes)
        replicate[:] = np.concatenate([[dimension], np.cumsum(theory.target_weights), rows.ravel()])
    # Of g groups, what is left differs from everything by (1 - w) / (g - 1 + w) of what sets the group apart.
    shrinkage = (1 - WEIGHT_LEFT) * (len(groups) - 1) / (len(groups) - 1 + WEIGHT_LEFT) if groups else 1.0
    with np.errstate(invalid="ignore"):
        return jackknife_stderr(replicates) / shrinkage


def _experiment(problem: _Regression, sizes: Array, n_subsets: int, seed: int) -> Array:
    """Return error over all stimuli, over those not trained on, and correlation there: (n_sizes, n_subsets, 3)."""
    generator = np.random.Generator(np.random.Philox(seed))
    n_stimuli = len(problem.kernel)
    found = np.empty((len(sizes), n_subsets, 3))
    for row, p in enumerate(sizes.tolist()):
        for draw in range(n_subsets):
            shuffled = generator.permutation(n_stimuli)
            train, test = shuffled[:p], shuffled[p:]
            coefficients = _solve(problem.kernel[np.ix_(train, train)], problem.targets[train], p * problem.ridge)
            predicted = problem.kernel[:, train] @ coefficients
            squares = np.sum((problem.targets - predicted) ** 2, axis=1)
            found[row, draw] = (
                squares.mean(),
                squares[test].mean(),
                _mean_correlation(predicted[test], problem.targets[test]),
            )
    return found


def _solve(kernel: Array, targets: Array, ridge: float) -> Array:
    """Return ``(K + a I)⁻¹ Y``, of least norm where rounding leaves no inverse."""
    rounding = len(kernel) * float(np.finfo(np.float64).eps) * float(np.trace(kernel))
    if ridge > rounding:
        regularised = kernel + ridge * np.eye(len(kernel))
        return np.asarray(scipy.linalg.solve(regularised, targets, assume_a="pos"))
    values, vectors = scipy.linalg.eigh(kernel)
    learnable = values > rounding
    inverse = np.divide(1.0, values + ridge, out=np.zeros_like(values), where=learnable)
    return np.asarray(vectors @ (inverse[:, None] * (vectors.T @ targets)))


def _mean_correlation(predicted: Array, targets: Array) -> float:
    """Return the Pearson correlation averaged over targets; targets or predictions that do not vary count as zero."""
    a, b = predicted - predicted.mean(axis=0), targets - targets.mean(axis=0)
    norms = np.linalg.norm(a, axis=0) * np.linalg.norm(b, axis=0)
    products = np.sum(a * b, axis=0)
    return float(np.mean(np.divide(products, norms, out=np.zeros_like(norms), where=norms > 0)))
