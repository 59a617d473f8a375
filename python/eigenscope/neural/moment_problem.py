"""Least squares for the moments of a power law, in units of the errors of the moments."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from scipy.optimize import brentq, least_squares

from .eigen_moments import Array
from .moment_covariance import excess_kurtosis, moment_covariance, noise_factors
from .moment_estimate import MomentEstimate

LARGEST_EXPONENT = 10.0
"""Bound of the search; a spectrum as steep has one dimension."""

START_EXPONENTS = (0.5, 1.0, 2.0)
"""Starts of the search for a single slope."""

SMALLEST_CORRELATION_EIGENVALUE = 1e-9
"""Relative floor of the moments' correlation matrix, whose smallest eigenvalues are rounding."""

FIRST_REACH = 0.05
"""Step that brackets the end of an interval, doubled until it does."""


def log_eigenvalues(parameters: Array, abscissae: tuple[Array, ...]) -> Array:
    """Return ``c - Σ a x``: a single slope is two equal ones."""
    slopes = parameters[1:] if len(parameters) > 2 else (parameters[1],) * 2
    return np.asarray(parameters[0] - sum(a * x for a, x in zip(slopes, abscissae, strict=True)))


def abscissae_of(ranks: Array, break_rank: float) -> tuple[Array, Array]:
    """Logarithms of the ranks up to the break, and beyond it."""
    logs = np.log(ranks)
    beyond = np.maximum(0.0, logs - math.log(break_rank))
    return logs - beyond, beyond


@dataclasses.dataclass(frozen=True)
class MomentProblem:
    """Whitened moments in a unit that makes them of order one, and the residuals of a shape."""

    target: Array
    covariance: Array
    whitening: Array
    powers: Array
    ranks: Array
    unit: float

    @classmethod
    def of(cls, estimate: MomentEstimate, eigenvalues: Array) -> MomentProblem:
        """Whiten by the covariance of moments that `eigenvalues` of the signal would have."""
        powers = np.arange(1.0, len(estimate.values) + 1)
        unit = math.sqrt(estimate.values[1])
        units = unit**powers
        traces = (estimate.traces[0] / unit**2, estimate.traces[1] / unit**3, estimate.traces[2] / unit**2)
        factors = noise_factors(traces, estimate.values / units)
        if estimate.bootstrap_covariance is None:
            kurtosis = excess_kurtosis(traces, 1.0)
            covariance = moment_covariance(eigenvalues / unit, factors, estimate.n_stimuli - 1, kurtosis)
            covariance += estimate.order_covariance / np.outer(units, units)
        else:
            covariance = estimate.bootstrap_covariance / np.outer(units, units)
        deviations = np.sqrt(np.diagonal(covariance))
        values, vectors = np.linalg.eigh(covariance / np.outer(deviations, deviations))
        values = np.maximum(values, SMALLEST_CORRELATION_EIGENVALUE * values[-1])
        # W = S^-½ in the units of the deviations: any square root of the inverse gives the same fit.
        whitening = (vectors / np.sqrt(values)).T / deviations
        ranks = np.arange(1.0, estimate.n_neurons + 1)
        return cls(estimate.values / units, covariance, whitening, powers, ranks, unit)

    @classmethod
    def stderr_at(cls, estimate: MomentEstimate, exponent: float) -> float:
        """Return the standard error of a single slope if this were it, with the ``Σ λ²`` of the data."""
        shares = np.arange(1.0, estimate.n_neurons + 1) ** -exponent
        eigenvalues = shares * math.sqrt(estimate.values[1] / float(shares @ shares))
        problem = cls.of(estimate, eigenvalues)
        return float(problem.stderr(np.array([math.log(eigenvalues[0] / problem.unit), exponent]), 1)[1])

    def moments(self, parameters: Array, break_rank: int) -> tuple[Array, Array]:
        """Return ``Σ λ^m`` of ``λ_i = exp(c) i^-a`` (two slopes beyond the break) and its derivatives."""
        abscissae = [np.log(self.ranks)] if len(parameters) == 2 else list(abscissae_of(self.ranks, break_rank))
        log_values = parameters[0] - sum(a * x for a, x in zip(parameters[1:], abscissae, strict=True))
        terms = np.exp(np.outer(self.powers, log_values))
        derivatives = [terms.sum(axis=1), *(-(terms @ x) for x in abscissae)]
        return derivatives[0], np.column_stack(derivatives) * self.powers[:, None]

    def stderr(self, parameters: Array, break_rank: int) -> Array:
        """Return the standard errors of the parameters when the break is free."""
        derivatives = self.moments(parameters, break_rank)[1]
        if len(parameters) == 3:
            beyond = abscissae_of(self.ranks, break_rank)[1] > 0
            tail = np.exp(log_eigenvalues(parameters, abscissae_of(self.ranks, break_rank)))[beyond]
            by_break = (parameters[2] - parameters[1]) * self.powers * (tail[:, None] ** self.powers).sum(axis=0)
            derivatives = np.column_stack([derivatives, by_break])
        whitened = self.whitening @ derivatives
        return np.asarray(np.sqrt(np.diagonal(np.linalg.pinv(whitened.T @ whitened)))[: len(parameters)])

    def likelihood_interval(self, found: Any, allowance: float) -> tuple[float, float]:
        """Return the exponents whose best fit costs at most `allowance` more, down to zero."""
        exponent, worst = float(found.x[1]), float(found.cost) + allowance

        def excess(trial: float) -> float:
            def residuals(level: Array) -> Array:
                return np.asarray(self.whitening @ (self.moments(np.array([level[0], trial]), 1)[0] - self.target))

            # One of them may end in a worse minimum than the fit itself.
            starts = math.log(self.target[0] / float(np.sum(self.ranks**-trial))), float(found.x[0])
            return min(float(least_squares(residuals, [start]).cost) for start in starts) - worst

        low = 0.0 if excess(0.0) <= 0 else float(brentq(excess, 0.0, exponent))
        high = exponent + FIRST_REACH
        while excess(high) < 0:
            if high >= LARGEST_EXPONENT:
                return low, math.inf
            high = exponent + 2 * (high - exponent)
        return low, float(brentq(excess, exponent, high))

    def solve(self, break_rank: int) -> Any:
        """Return the best fit for a given break over the starts."""
        n_slopes = 1 if break_rank == 1 else 2

        def residuals(parameters: Array) -> Array:
            return np.asarray(self.whitening @ (self.moments(parameters, break_rank)[0] - self.target))

        def jacobian(parameters: Array) -> Array:
            return np.asarray(self.whitening @ self.moments(parameters, break_rank)[1])

        # c between a spectrum of one eigenvalue and a flat one, with room for noise in the first moment.
        bounds = ([-math.log(len(self.ranks)) - 5, *[0.0] * n_slopes], [5.0, *[LARGEST_EXPONENT] * n_slopes])
        starts = START_EXPONENTS if n_slopes == 1 else START_EXPONENTS[1:2]
        results = []
        for exponent in starts:
            level = math.log(self.target[0] / float(np.sum(self.ranks**-exponent)))
            start = np.clip([level, *[exponent] * n_slopes], np.add(bounds[0], 1e-6), np.subtract(bounds[1], 1e-6))
            results.append(least_squares(residuals, start, jacobian, bounds=bounds, x_scale="jac"))
        return min(results, key=lambda result: result.cost)
