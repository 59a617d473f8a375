"""How well ridge and kernel regression generalise from p samples: the spectral theory."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import is_real_number, is_whole_number, refuse_masked
from ..eigenvalues import NEGATIVE_TOLERANCE
from ..errors import InvalidInputError, NonFiniteInputError, UnsupportedTypeError
from ..results.base import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = np.ndarray[Any, np.dtype[Any]]

FIXED_POINT_TOLERANCE = 4 * float(np.finfo(np.float64).eps)
"""Newton's steps end when the effective ridge moves by less than this share of itself."""

MAXIMUM_STEPS = 2000
"""Newton's steps at least halve an iterate far above the root: enough for the whole range of doubles."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class LearningCurve(Result):
    """Theoretical errors of ridge or kernel regression as a function of the number of training samples.

    Parameters
    ----------
    n_train : ndarray, shape (n_sizes,)
        Training sizes p.
    generalization_error : ndarray, shape (n_sizes,)
        Expected squared error on noiseless targets, summed over outputs, in units of the target weights;
        infinite at the interpolation peak.
    training_error : ndarray, shape (n_sizes,)
        Expected mean squared residual on the (noisy) training targets, summed over outputs.
    effective_ridge : ndarray, shape (n_sizes,)
        Solution κ of the fixed point: modes with p λ > κ are learnt.
    overfitting : ndarray, shape (n_sizes,)
        γ in [0, 1]: noise enters the error as γ / (1 - γ).
    residual_norms : ndarray, shape (n_sizes,)
        Relative residual of the fixed point, ``|κ - a - κ Σ λ / (p λ + κ)| / κ``.
    eigenvalues, target_weights : ndarray, shape (n_modes,)
        What the curve was computed from, in the order given.
    ridge : ndarray, shape (n_sizes,)
        Ridge a at every size.
    noise : float
        Noise variance of each output.
    n_outputs : int
        Number of outputs.
    """

    n_train: Array
    generalization_error: Array
    training_error: Array
    effective_ridge: Array
    overfitting: Array
    residual_norms: Array
    eigenvalues: Array
    target_weights: Array
    ridge: Array
    noise: float
    n_outputs: int

    def mode_errors(self, index: int) -> Array:
        """Return what is left of the variance of every mode at training size ``n_train[index]``.

        Parameters
        ----------
        index : int
            Position in `n_train`; negative ones count from its end.

        Returns
        -------
        ndarray, shape (n_modes,)
            Share E_i of the squared target coefficient that remains as error; its sum weighted by
            `target_weights` is the noiseless generalization error.
        """
        if not (is_whole_number(index) and -len(self.n_train) <= index < len(self.n_train)):
            raise InvalidInputError(f"index {index!r} of {len(self.n_train)} training sizes does not exist")
        index = int(index)
        kappa, gamma = float(self.effective_ridge[index]), float(self.overfitting[index])
        return mode_errors(self.eigenvalues, float(self.n_train[index]), kappa, 1 - gamma)

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the error against the number of training samples."""
        from .theory_plotting import plot_learning_curve

        return plot_learning_curve(self, ax=ax, **options)

    def summary(self) -> str:
        """Return sizes, errors and the accuracy of the fixed point in three lines."""
        first, last = self.generalization_error[0], self.generalization_error[-1]
        return (
            f"LearningCurve: {len(self.n_train)} training sizes from {self.n_train[0]:g} to {self.n_train[-1]:g}, "
            f"{len(self.eigenvalues):,} modes\n"
            f"  generalization error {first:.4g} at the first, {last:.4g} at the last; target power "
            f"{self.target_weights.sum():.4g}\n"
            f"  ridge {self.ridge[-1]:.3g} at the last, noise {self.noise:.3g} in each of {self.n_outputs} outputs; "
            f"fixed point solved to {self.residual_norms.max():.1g}"
        )


def learning_curve(
    eigenvalues: ArrayLike,
    target_weights: ArrayLike,
    n_train: ArrayLike,
    *,
    ridge: ArrayLike = 0.0,
    noise: float = 0.0,
    n_outputs: int = 1,
) -> LearningCurve:
    """Predict the error of ridge or kernel regression from p samples by its spectral theory.

    With κ the solution of ``κ = a + κ Σ λ_i / (p λ_i + κ)`` and ``γ = Σ p λ_i² / (p λ_i + κ)²``, the expected
    squared error over new inputs is ``E_g = κ² / (1 - γ) Σ W_i / (p λ_i + κ)² + C σ² γ / (1 - γ)``.

    It assumes training samples drawn independently from the distribution that eigenvalues and weights describe
    (from all inputs of a finite set: with replacement, or few of them), and many modes that act like Gaussian
    variables: exact for Gaussian features when samples and modes are many, accurate to some per cent for kernels
    on images. It is theory: nothing is estimated, so there is no interval; `prediction_error` sets it beside an
    experiment.

    Parameters
    ----------
    eigenvalues : array_like, shape (n_modes,)
        Eigenvalues λ of the kernel with respect to the input distribution, such as those of a Gram matrix
        divided by its size; any order, not negative.
    target_weights : array_like, shape (n_modes,)
        Squared coefficients W of the target along the same modes, summed over outputs.
    n_train : array_like of float, shape (n_sizes,), or float
        Training sizes p.
    ridge : float or array_like, shape (n_sizes,)
        Ridge a, absolute: the solver inverts ``K_train + a I``. One for all sizes, or one for each.
    noise : float
        Variance σ² of the noise on every output in training.
    n_outputs : int
        Number C of outputs that carry noise.

    Returns
    -------
    LearningCurve
        Errors with the solution of the fixed point and its residual.

    Raises
    ------
    InvalidInputError
        For negative or non-finite input, or shapes that differ.

    References
    ----------
    Bordelon, Canatar and Pehlevan 2020, "Spectrum dependent learning curves in kernel regression and wide neural
    networks", ICML; Canatar, Bordelon and Pehlevan 2021, "Spectral bias and task-model alignment explain
    generalization in kernel regression and infinitely wide neural networks", Nature Communications 12.

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope.neural import learning_curve
    >>> modes = np.arange(1, 1001.0)
    >>> curve = learning_curve(modes**-2, modes**-2, [10, 100], ridge=1e-3)
    >>> print(curve.generalization_error.round(4))
    [0.2219 0.0224]
    """
    values = _checked("eigenvalues", eigenvalues)
    weights = _checked("target_weights", target_weights)
    sizes = _checked("n_train", np.atleast_1d(np.asarray(n_train)))
    if len(values) != len(weights):
        raise InvalidInputError(f"{len(values)} eigenvalues and {len(weights)} target_weights: one weight per mode")
    ridges = _checked("ridge", np.atleast_1d(np.asarray(ridge)))
    if len(ridges) not in (1, len(sizes)):
        raise InvalidInputError(f"{len(ridges)} values of ridge for {len(sizes)} training sizes: give one, or one each")
    if not (is_real_number(noise) and noise >= 0):
        raise InvalidInputError(f"noise must be a finite number that is not negative, got {noise!r}")
    if not is_whole_number(n_outputs) or n_outputs < 1:
        raise InvalidInputError(f"n_outputs must be a positive integer, got {n_outputs!r}")
    return _curve(values, weights, sizes, np.broadcast_to(ridges, sizes.shape).copy(), float(noise), int(n_outputs))


def _curve(values: Array, weights: Array, sizes: Array, ridges: Array, noise: float, n_outputs: int) -> LearningCurve:
    unit = max(float(values.max()), float(ridges.max())) or 1.0
    scaled = values / unit
    nonzero = scaled[scaled > 0]
    # Modes the target does not need do not matter, even where their own error is infinite.
    wanted = weights > 0
    rows = []
    for p, ridge in zip(sizes.tolist(), (ridges / unit).tolist(), strict=True):
        kappa, residual = effective_ridge(nonzero, p, ridge)
        remainder = _one_minus_overfitting(nonzero, p, kappa, ridge)
        errors = mode_errors(scaled, p, kappa, remainder)
        variance = n_outputs * noise
        excess = variance * (1 - remainder) / remainder if remainder > 0 else math.inf
        # σ² = 0 times an infinite factor is the limit from small noise: none.
        generalization = float(weights[wanted] @ errors[wanted]) + (excess if variance > 0 else 0.0)
        unfitted = ridge / kappa if kappa > 0 else remainder
        training = unfitted**2 * (generalization + variance) if unfitted > 0 else 0.0
        rows.append((generalization, training, kappa * unit, 1 - remainder, residual))
    generalization_errors, training_errors, kappas, gammas, residuals = np.array(rows).T
    return LearningCurve(
        n_train=sizes,
        generalization_error=generalization_errors,
        training_error=training_errors,
        effective_ridge=kappas,
        overfitting=gammas,
        residual_norms=residuals,
        eigenvalues=values,
        target_weights=weights,
        ridge=ridges,
        noise=noise,
        n_outputs=n_outputs,
    )


def effective_ridge(eigenvalues: Array, n_train: float, ridge: float) -> tuple[float, float]:
    """Solve ``κ = a + κ Σ λ / (p λ + κ)`` for its largest root; return it with its relative residual.

    ``f(κ) = κ - a - κ Σ λ / (p λ + κ)`` is convex, and positive at ``a + Σ λ``: Newton's steps from there fall
    monotonically to the largest root. They are written without differences of nearly equal numbers:
    ``κ ← (a + Σ λ (κ / (p λ + κ))²) / (1 - γ)``.

    Parameters
    ----------
    eigenvalues : ndarray, shape (n_modes,)
        Positive.
    n_train, ridge : float
        Training size p and ridge a.

    Returns
    -------
    tuple of float
        κ, and ``|f(κ)| / κ``.
    """
    p = n_train
    if ridge == 0 and p >= len(eigenvalues):
        # Every mode is fitted exactly: the only root is zero.
        return 0.0, 0.0
    kappa = ridge + float(eigenvalues.sum())
    for _ in range(MAXIMUM_STEPS):
        unlearnt = kappa / (p * eigenvalues + kappa)
        # 1 - γ = 1 - Σ (1 - u)² / p
        slope = _share_left(eigenvalues, p, kappa, power=2)
        following = (ridge + float(eigenvalues @ unlearnt**2)) / slope if slope > 0 else 0.5 * kappa
        following = max(following, ridge)
        if following >= kappa * (1 - FIXED_POINT_TOLERANCE):
            break
        kappa = following
    # f(κ) / κ = 1 - Σ (1 - u) / p - a / κ
    return kappa, abs(_share_left(eigenvalues, p, kappa, power=1) - ridge / kappa)


def _share_left(eigenvalues: Array, n_train: float, kappa: float, *, power: int) -> float:
    """Return ``1 - Σ (1 - u)^power / p`` with ``u = κ / (p λ + κ)``, also where the sum is p up to rounding.

    Modes that are mostly learnt are counted, ``1 - (1 - u)^power`` summed: for p of them nothing cancels.
    """
    if n_train == 0:
        return 1.0 if power == 2 else 1 - float(eigenvalues.sum()) / kappa
    spread = n_train * eigenvalues + kappa
    unlearnt, learnt = kappa / spread, n_train * eigenvalues / spread
    mostly = unlearnt < 0.5
    small = unlearnt[mostly]
    kept = float(np.sum(small if power == 1 else small * (2 - small)))
    lost = float(np.sum(learnt[~mostly] ** power))
    return (n_train - int(np.count_nonzero(mostly)) + kept - lost) / n_train


def _one_minus_overfitting(eigenvalues: Array, n_train: float, kappa: float, ridge: float) -> float:
    """Return 1 - γ, at the fixed point equal to ``a / κ + Σ λ κ / (p λ + κ)²``, which loses no digits."""
    if kappa == 0:
        return 1 - len(eigenvalues) / n_train if n_train > 0 else 1.0
    shrunk = kappa / (n_train * eigenvalues + kappa)
    return min(1.0, ridge / kappa + float(eigenvalues @ shrunk**2) / kappa)


def mode_errors(eigenvalues: Array, n_train: float, kappa: float, one_minus_gamma: float) -> Array:
    """Return ``κ² / (1 - γ) / (p λ_i + κ)²`` for every mode, with its limits where κ or λ_i is zero."""
    spread = n_train * eigenvalues + kappa
    unlearnt = np.divide(kappa, spread, out=np.ones_like(spread), where=spread > 0)
    if one_minus_gamma > 0:
        return np.asarray(unlearnt**2 / one_minus_gamma)
    return np.where(unlearnt > 0, np.inf, 0.0)


def _checked(name: str, numbers: ArrayLike) -> Array:
    refuse_masked(name, numbers)
    array = np.asarray(numbers)
    if array.dtype.kind not in "fiu":
        raise UnsupportedTypeError(f"{name} must be real numbers, got dtype {array.dtype}")
    if array.ndim != 1 or array.size == 0:
        raise InvalidInputError(f"{name} must be one-dimensional and not empty, got shape {array.shape}")
    values = array.astype(np.float64)
    bad = ~np.isfinite(values)
    if bad.any():
        first = int(np.argmax(bad))
        raise NonFiniteInputError(
            f"{int(bad.sum())} of {len(values)} {name} are NaN or infinite, the first at index {first}"
        )
    if values.min() < -NEGATIVE_TOLERANCE * np.abs(values).max():
        raise InvalidInputError(
            f"{int((values < 0).sum())} {name} are negative, down to {values.min():.3g} beside a largest of "
            f"{values.max():.3g}: they must not be"
        )
    return np.maximum(values, 0.0)
