"""Shapes an eigenspectrum may have besides a power law, fitted by maximum likelihood and compared."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from .results.base import Result

Array = np.ndarray[Any, np.dtype[Any]]

MAXIMUM_ITERATIONS = 100
"""Newton's method on this convex likelihood needs about ten."""

N_BREAKS = 24
"""Ranks tried for the break first, evenly on a logarithmic scale."""

STRONG_EVIDENCE = 10.0
"""Difference of BIC that counts as very strong (Kass and Raftery 1995)."""

NOTICEABLE_RESIDUAL = 0.02
"""Root-mean-square residual of log λ below which a power law is good enough whatever the sample size."""

RELEVANT_GAIN = 0.5
"""An alternative matters when it brings the residuals down to this share."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class SpectrumModel(Result):
    """One shape fitted to a spectrum.

    Parameters
    ----------
    name : str
        "power law", "broken power law" or "exponential".
    parameters : mapping of str to float
        Exponents or rate, and the rank of the break.
    bic : float
        Bayesian information criterion; lower is better.
    residual : float
        Root-mean-square of log λ minus the shape.
    """

    name: str
    parameters: Mapping[str, float]
    bic: float
    residual: float

    def summary(self) -> str:
        """Return name, parameters and quality on one line."""
        numbers = ", ".join(f"{name} {value:.4g}" for name, value in self.parameters.items())
        return f"{self.name}: {numbers}; BIC {self.bic:.1f}, residual {self.residual:.2g}"


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class SpectrumModelComparison(Result):
    """A power law beside a broken power law and an exponential on the same ranks.

    Parameters
    ----------
    models : tuple of SpectrumModel
        The power law first.
    ranks : tuple of int
        First and last rank, 1-based and inclusive.
    """

    models: tuple[SpectrumModel, ...]
    ranks: tuple[int, int]

    @property
    def best(self) -> SpectrumModel:
        """The model of lowest BIC."""
        return min(self.models, key=lambda model: model.bic)

    @property
    def misfit(self) -> str:
        """Why the spectrum is no power law; empty when nothing speaks against it.

        An alternative must be better by a BIC of 10 and halve the residuals, which must exceed 2 %.
        """
        power, best = self.models[0], self.best
        if (
            power.bic - best.bic <= STRONG_EVIDENCE
            or power.residual <= NOTICEABLE_RESIDUAL
            or best.residual > RELEVANT_GAIN * power.residual
        ):
            return ""
        numbers = ", ".join(f"{name} {value:.3g}" for name, value in best.parameters.items())
        return (
            f"ranks {self.ranks[0]} to {self.ranks[1]} follow {'an' if best.name[0] in 'aeio' else 'a'} {best.name} "
            f"({numbers}) with residuals of {best.residual:.2g} in log λ, a power law leaves {power.residual:.2g}"
        )

    def summary(self) -> str:
        """Return one line for each model, and the verdict."""
        lines = [f"  {model.summary()}" for model in self.models]
        verdict = self.misfit or "nothing speaks against a power law"
        return "\n".join([f"SpectrumModelComparison: {verdict}", *lines])


def compare_models(ranks: Array, eigenvalues: Array, n_samples: float | None) -> SpectrumModelComparison:
    """Fit a power law, a broken power law and an exponential to positive eigenvalues at 1-based `ranks`.

    With `n_samples`, sample eigenvalues are taken as gamma variables of shape n/2 about the shape, which is
    their distribution when the eigenvectors are known; without it, logarithms are normal about it with a
    variance from the residuals.
    """
    logs, ones = np.log(ranks), np.ones(len(ranks))
    power = _fit("power law", np.column_stack([ones, -logs]), ("exponent",), eigenvalues, n_samples)
    exponential = _fit("exponential", np.column_stack([ones, -ranks.astype(float)]), ("rate",), eigenvalues, n_samples)
    broken = _best_broken(logs, eigenvalues, n_samples)
    return SpectrumModelComparison((power, broken, exponential), (int(ranks[0]), int(ranks[-1])))


def _best_broken(logs: Array, eigenvalues: Array, n_samples: float | None) -> SpectrumModel:
    """Search the break on a grid, then between the neighbours of the best position."""
    from scipy.optimize import minimize_scalar

    def fit(position: float) -> SpectrumModel:
        return _fit_broken(logs, position, eigenvalues, n_samples)

    grid = np.linspace(logs[1], logs[-2], N_BREAKS + 2)
    models = [fit(position) for position in grid[1:-1]]
    best = int(np.argmin([model.bic for model in models]))
    between = (grid[best], grid[best + 2])
    found = minimize_scalar(lambda position: fit(position).bic, bounds=between, method="bounded")
    return min(models[best], fit(float(found.x)), key=lambda model: model.bic)


def _fit_broken(logs: Array, position: float, eigenvalues: Array, n_samples: float | None) -> SpectrumModel:
    beyond = np.maximum(0.0, logs - position)
    # Continuous at the break: slope a1 on log min(n, b), a2 on the rest.
    design = np.column_stack([np.ones(len(logs)), -(logs - beyond), -beyond])
    names = ("first exponent", "second exponent")
    found = _fit("broken power law", design, names, eigenvalues, n_samples, n_searched=1)
    return dataclasses.replace(found, parameters={**found.parameters, "break": math.exp(position)})


def _fit(
    name: str,
    design: Array,
    parameters: tuple[str, ...],
    eigenvalues: Array,
    n_samples: float | None,
    n_searched: int = 0,
) -> SpectrumModel:
    count, n_parameters = len(eigenvalues), design.shape[1] + n_searched
    logs = np.log(eigenvalues)
    if n_samples is None:
        coefficients = np.linalg.lstsq(design, logs, rcond=None)[0]
        square = float(np.mean((logs - design @ coefficients) ** 2))
        rounding = (16 * np.finfo(np.float64).eps * (1 + float(np.abs(logs).max()))) ** 2
        deviance = count * math.log(max(square, rounding))
    else:
        coefficients = maximize_likelihood(design, eigenvalues)
        excess = logs - design @ coefficients
        square = float(np.mean(excess**2))
        deviance = n_samples * float(np.sum(np.expm1(excess) - excess))
    return SpectrumModel(
        name=name,
        parameters=dict(zip(parameters, coefficients[1:].tolist(), strict=True)),
        bic=deviance + n_parameters * math.log(count),
        residual=math.sqrt(square),
    )


def maximize_likelihood(design: Array, eigenvalues: Array) -> Array:
    """Return the coefficients that minimise ``Σ μ + λ exp(-μ)`` with ``μ = design @ coefficients``.

    This is the likelihood of a covariance matrix of known eigenvectors, the one of Whittle for spectra; it is
    convex, and Newton's method with halved steps finds the minimum.
    """
    scale = float(np.max(eigenvalues))
    values = eigenvalues / scale
    floor = np.finfo(np.float64).tiny
    coefficients = np.linalg.lstsq(design, np.log(np.maximum(values, floor)), rcond=None)[0]

    def cost(candidate: Array) -> float:
        mean = design @ candidate
        with np.errstate(over="ignore"):
            return float(np.sum(mean + values * np.exp(-mean)))

    current = cost(coefficients)
    for _ in range(MAXIMUM_ITERATIONS):
        ratio = values * np.exp(-(design @ coefficients))
        gradient = design.T @ (1 - ratio)
        step = np.linalg.lstsq(design.T @ (design * ratio[:, None]), gradient, rcond=None)[0]
        length = 1.0
        while cost(coefficients - length * step) > current and length > np.finfo(np.float64).eps:
            length /= 2
        updated = coefficients - length * step
        change, current, coefficients = np.abs(updated - coefficients).max(), cost(updated), updated
        if change <= 1e-12 * (1 + np.abs(coefficients).max()):
            break
    coefficients[0] += math.log(scale)
    return np.asarray(coefficients)
