"""Errors of ridge regression on a random part of finitely many stimuli, drawn without replacement."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.optimize import brentq

Array = np.ndarray[Any, np.dtype[Any]]


def finite_population_errors(eigenvalues: Array, weights: Array, n_train: int, ridge: float) -> tuple[float, float]:
    """Predict the error over all P stimuli, and over those left out, of training on p of them.

    Choosing p of P stimuli is a projection. When eigenvectors lie in no special relation to single stimuli, the
    resolvent of the chosen block of the kernel K (eigenvalues k = P λ) acts like ``(K + γ)⁻¹`` with
    ``a = γ (α - t) / (1 - t)``, ``α = p / P``, ``t = mean(k / (k + γ))``. (Samples drawn anew each time have
    ``a = γ (α - t)`` instead, the fixed point of `learning_curve`.) The derivative of γ along ``K + x Ψ`` at
    fixed a gives the second order, with ``u = γ / (k + γ)`` and g(t) = (α - t) / (1 - t)::

        γ'(Ψ) = -γ² g' mean(ψ / (k + γ)²) / (g + g' (mean(u²) - mean(u)))
        error over all  = (1 + γ'(K²) / γ²) Σ W u²
        error over train, times α = (a / γ)² (1 + γ'(I)) Σ W u²

    Parameters
    ----------
    eigenvalues, weights : ndarray, shape (P,)
        λ of the kernel over P, and shares of the target.
    n_train : int
        Training size p, less than P.
    ridge : float
        Ridge a, absolute.

    Returns
    -------
    tuple of float
        Error over all stimuli and over those not trained on, as shares of the target.

    References
    ----------
    LeJeune, Patil, Javanmard, Baraniuk and Tibshirani 2024, "Asymptotics of the sketched pseudoinverse", SIAM J.
    Math. Data Science 6 (equivalents for orthogonal sketches).
    """
    n_stimuli = len(eigenvalues)
    kernel, share = eigenvalues * n_stimuli, n_train / n_stimuli
    gamma = _effective_ridge(kernel, share, ridge)
    spread = kernel + gamma
    unlearnt = np.divide(gamma, spread, out=np.ones_like(spread), where=spread > 0)
    t, first, second = 1 - float(np.mean(unlearnt)), float(np.mean(unlearnt)), float(np.mean(unlearnt**2))
    slope = -(1 - share) / (1 - t) ** 2
    scale = (share - t) / (1 - t) + slope * (second - first)
    bias = float(weights @ unlearnt**2)
    if bias == 0:
        return 0.0, 0.0
    if scale <= 0:
        return math.inf, math.inf
    overall = (1 - slope * float(np.mean((1 - unlearnt) ** 2)) / scale) * bias
    # a / γ = g(t) also where both are zero.
    trained = ((share - t) / (1 - t)) ** 2 * (1 - slope * second / scale) * bias
    return overall, (overall - trained) / (1 - share)


def _effective_ridge(kernel: Array, share: float, ridge: float) -> float:
    """Solve ``γ (α - t(γ)) = a (1 - t(γ))``, whose sides cross once, between bounds that enclose it."""
    positive = kernel[kernel > 0]
    rank_share = len(positive) / len(kernel)
    if ridge == 0 and rank_share <= share:
        return 0.0

    def excess(logarithm: float) -> float:
        gamma = math.exp(logarithm)
        unlearnt = 1 - float(np.sum(positive / (positive + gamma))) / len(kernel)
        return (share - 1 + unlearnt) - ridge / gamma * unlearnt

    low = ridge if ridge > 0 else 0.5 * float(positive.min()) * (rank_share / share - 1)
    high = 2 * (ridge + float(np.mean(kernel))) / share
    return math.exp(brentq(excess, math.log(low), math.log(high), xtol=1e-13))
