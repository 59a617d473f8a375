"""The weighted line through log eigenvalue against log rank, its errors and its sampling bias."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from .eigenvalues import NEGATIVE_TOLERANCE, Eigenvalues
from .spectrum_models import maximize_likelihood

Array = np.ndarray[Any, np.dtype[Any]]

RELIABLE_BIAS_SHARE = 0.1
"""The first-order bias is trusted while the eigenvalues that matter to the last rank are at most this share
of the samples; in simulated power laws it is then right within a fifth, and at 0.2 no longer."""


@dataclasses.dataclass(frozen=True)
class Line:
    """Weighted least-squares line through log eigenvalue against log rank."""

    exponent: float
    intercept: float
    r_squared: float
    influence: Array
    """d(exponent) / d(log eigenvalue), one for each rank."""
    scatter: float
    """Standard error from the residuals alone."""


def fit_line(ranks: Array, logs: Array, weights: str) -> Line:
    """Minimise Σ w (log λ - intercept + exponent log rank)²."""
    weight = 1 / ranks if weights == "inverse_rank" else np.ones(len(ranks))
    weight = weight / weight.sum()
    abscissa = np.log(ranks)
    centred = abscissa - weight @ abscissa
    spread = weight @ centred**2
    influence = -weight * centred / spread
    # Logarithms about their mean: an exact power law then loses no digits, whatever its scale.
    mean = float(weight @ logs)
    exponent = float(influence @ (logs - mean))
    residuals = logs - mean + exponent * centred
    total = float(weight @ (logs - mean) ** 2)
    # A flat spectrum has nothing to explain beyond the rounding of its logarithms.
    rounding = 64 * np.finfo(np.float64).eps * (1 + abs(mean))
    r_squared = 1.0 if total <= rounding**2 else 1 - float(weight @ residuals**2) / total
    # Sandwich estimate with the small-sample factor n / (n - 2): weights are a convention, not inverse
    # variances.
    scatter = math.sqrt(float(np.sum((influence * residuals) ** 2)) * len(ranks) / (len(ranks) - 2))
    return Line(exponent, mean + exponent * float(weight @ abscissa), r_squared, influence, scatter)


def _sampling_bias(sample: Eigenvalues, ranks: Array, influence: Array, n_samples: float) -> float:
    """Return E[α̂] - α to first order in 1/n, the sample spectrum in place of the population's.

    Second-order perturbation of Σ a_i log λ_i for a Gaussian sample covariance gives
    ``(1/n) [Σ_{i<j} (a_i λ_j - a_j λ_i) / (λ_i - λ_j) - Σ a_i]``; a is smooth in rank, so close pairs are
    harmless.
    """
    values = sample.values
    smooth = np.zeros(len(values))
    smooth[ranks - 1] = influence
    total = -float(np.sum(influence))
    for i in ranks - 1:
        # Pairs inside the range are visited twice.
        others = np.concatenate([values[:i], values[i + 1 :]])
        theirs = np.concatenate([smooth[:i], smooth[i + 1 :]])
        gap = values[i] - others
        apart = np.abs(gap) > NEGATIVE_TOLERANCE * values[i]
        pair = (smooth[i] * others[apart] - theirs[apart] * values[i]) / gap[apart]
        total += float(np.sum(np.where(theirs[apart] != 0, pair / 2, pair)))
    hidden = sample.rests[-1]
    if hidden > 0:
        # Eigenvalues not given are small beside those in the range: λ_j / (λ_i - λ_j) sums to rest / λ_i.
        total += float(np.sum(influence * hidden / values[ranks - 1]))
    return total / n_samples


def bias_and_doubt(sample: Eigenvalues | None, ranks: Array, influence: Array) -> tuple[float, tuple[float, float]]:
    """Return the bias, NaN where first order is not enough, and how far it may move the interval's ends."""
    if sample is None or sample.n_samples is None:
        return math.nan, (0.0, 0.0)
    n, values = sample.n_samples, sample.values
    used = values[ranks - 1]
    # Eigenvalues that matter to each one in the range, Σ_j min(1, λ_j / λ_i): it is off by at most about that
    # over n.
    larger = ranks - 1
    matter = larger + sample.rests[larger] / used
    if matter[-1] <= RELIABLE_BIAS_SHARE * n:
        bias = _sampling_bias(sample, ranks, influence, n)
        return bias, (max(bias, 0.0), max(-bias, 0.0))
    bound = float(np.abs(influence) @ matter) / n
    return math.nan, (bound, bound)


def fit_likelihood(ranks: Array, values: Array) -> Line:
    """Fit by maximum likelihood for sample eigenvalues; see `spectrum_models.maximize_likelihood`."""
    abscissa = np.log(ranks)
    intercept, exponent = maximize_likelihood(np.column_stack([np.ones(len(ranks)), -abscissa]), values)
    centred = abscissa - abscissa.mean()
    influence = -centred / np.sum(centred**2)
    # Fisher's information weighs every log eigenvalue alike; excess is d(cost) / d(log mean).
    excess = values * np.exp(exponent * abscissa - intercept) - 1
    logs = np.log(values)
    residuals = logs - intercept + exponent * abscissa
    total = float(np.sum((logs - logs.mean()) ** 2))
    rounding = 64 * np.finfo(np.float64).eps * (1 + abs(float(logs.mean())))
    r_squared = 1.0 if total <= len(logs) * rounding**2 else 1 - float(np.sum(residuals**2)) / total
    scatter = math.sqrt(float(np.sum((influence * excess) ** 2)) * len(ranks) / (len(ranks) - 2))
    return Line(float(exponent), float(intercept), r_squared, influence, scatter)
