"""Power laws fitted to the unbiased moments of the signal's eigenvalues (method of eigen-moments)."""

from __future__ import annotations

import dataclasses
import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import least_squares
from scipy.special import chdtri, ndtri
from scipy.stats import f as f_distribution

from ..errors import DataWarning, InvalidInputError
from ..results.power_law_fit import PowerLawFit
from ..results.run_info import RunInfo
from ..run_options import RandomSource, single_threaded_blas
from .eigen_moments import Array
from .moment_estimate import N_MOMENTS, N_ORDERS, MomentEstimate, estimate_moments

if TYPE_CHECKING:
    from matplotlib.axes import Axes

N_BREAKS = 50
"""Ranks tried for the break."""

LARGEST_EXPONENT = 10.0
"""Bound of the search; a spectrum as steep has one dimension."""

BOUND_TOLERANCE = 1e-3
"""The search stops short of its bound by less, where moments hardly depend on the exponent."""

NO_SIGNAL = 0.05
"""Repeats whose common variance is not above zero at this level (one-sided) have no exponent."""

FEWEST_NEURONS = {1: 2, 2: 3}
"""Eigenvalues that determine a scale and so many slopes."""

START_EXPONENTS = (0.5, 1.0, 2.0)
"""Starts of the search for a single slope."""

SMALLEST_CORRELATION_EIGENVALUE = 1e-10
"""Relative floor of the moments' correlation matrix, whose smallest eigenvalues are rounding."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class MomentPowerLawFit(PowerLawFit):
    """Exponents of the signal's spectrum from unbiased moments.

    `exponent` is that of a single slope, or the second one of a broken power law, beyond `break_rank`.

    Parameters
    ----------
    exponent, stderr, interval, r_squared, ranks, intercept, method, range_sensitivity, n_dropped, bias : fields
        As in `PowerLawFit`; what a fit of moments does not have is NaN or empty.
    confidence, eigenvalues, n_samples : fields
        As in `PowerLawFit`; the eigenvalues are those of the fit.
    first_exponent : float
        Exponent up to `break_rank`; equal to `exponent` for a single slope.
    first_stderr : float
        Its standard error.
    break_rank : int
        Rank at which the slope changes; 1 for a single slope.
    break_interval : tuple of int
        First and last rank tried whose fit is not worse than the best by more than the likelihood ratio allows at
        `confidence`.
    moments, fitted_moments : ndarray, shape (n_moments,)
        Unbiased estimates of ``Σ λ^m``, and those of the fit.
    moment_covariance : ndarray, shape (n_moments, n_moments)
        Bootstrap covariance of `moments`.
    misfit_statistic : float
        Squared distance of moments and fit in units of their errors, at the minimum.
    misfit_p_value : float
        Probability of a larger distance if the shape is right.
    info : RunInfo
        What it cost.
    """

    first_exponent: float = math.nan
    first_stderr: float = math.nan
    break_rank: int = 1
    break_interval: tuple[int, int] = (1, 1)
    moments: Array = dataclasses.field(default_factory=lambda: np.zeros(0))
    fitted_moments: Array = dataclasses.field(default_factory=lambda: np.zeros(0))
    moment_covariance: Array = dataclasses.field(default_factory=lambda: np.zeros((0, 0)))
    misfit_statistic: float = math.nan
    misfit_p_value: float = math.nan
    info: RunInfo = dataclasses.field(default_factory=RunInfo)

    def predict(self, ranks: Any) -> Array:
        """Return the fitted eigenvalues at 1-based `ranks`, in the units of the covariance."""
        logs, beyond = _abscissae(np.asarray(ranks, dtype=np.float64), self.break_rank)
        return np.asarray(np.exp(self.intercept - self.first_exponent * logs - self.exponent * beyond))

    @property
    def reached_bound(self) -> bool:
        """Whether an exponent was stopped by the bound of the search, so that it has no error."""
        return max(self.first_exponent, self.exponent) > LARGEST_EXPONENT - BOUND_TOLERANCE

    @property
    def misfit(self) -> str:
        """Why the shape does not fit the moments at the 5 % level, or has no exponent; empty when it does."""
        if self.reached_bound:
            return (
                f"an exponent reached {LARGEST_EXPONENT:g}, the bound of the search: the moments are those of a few "
                "dimensions, not of a power law"
            )
        if not self.misfit_p_value < 0.05:
            return ""
        shape = "a single power law" if self.break_rank == 1 else "a broken power law"
        return f"{shape} does not reproduce the {len(self.moments)} moments (p = {self.misfit_p_value:.2g})"

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the moments of the data with their errors, relative to those of the fit."""
        from .plotting import plot_moment_fit

        return plot_moment_fit(self, ax=ax, **options)

    def summary(self) -> str:
        """Return exponents, fit and cost in three lines."""
        low, high = self.interval
        error = (
            "at the bound"
            if self.reached_bound
            else f"± {self.stderr:.2g} ({self.confidence:.0%} interval {low:.4f} to {high:.4f})"
        )
        broken = (
            f"{self.first_exponent:.3f} ± {self.first_stderr:.2g} up to rank {self.break_rank} "
            f"({self.break_interval[0]} to {self.break_interval[1]}), then "
            if self.break_rank > 1
            else ""
        )
        return (
            f"MomentPowerLawFit: exponent {broken}{self.exponent:.4f} {error}\n"
            f"  {self.misfit or 'nothing in the moments speaks against it'}; {len(self.moments)} moments, p = "
            f"{self.misfit_p_value:.2g}\n"
            f"  {self.info.summary()}"
        )


def fit_power_law_moments(
    X1: Any,
    X2: Any = None,
    *,
    slopes: int = 1,
    n_moments: int = N_MOMENTS,
    n_bootstraps: int | None = None,
    n_orders: int = N_ORDERS,
    nan: str = "raise",
    confidence: float = 0.95,
    rng: RandomSource = None,
    threads: int | None = None,
) -> MomentPowerLawFit:
    """Fit the exponent of the signal's spectrum through unbiased moments of its eigenvalues.

    Noise that is independent between repeats and stimuli enters none of the moments ``Σ λ^m`` on average,
    whatever its spectrum and size, so that the exponent has no bias from noise or from few stimuli, where
    that of `cvpca` has. Assumed: stimuli are independent draws, and the signal's covariance over all
    `n_neurons` eigenvalues follows the shape fitted; leading eigenvalues weigh most.

    Parameters
    ----------
    X1 : array_like, shape (n_stimuli, n_neurons), or (n_repeats, n_stimuli, n_neurons) without `X2`
        Responses; of more than two repeats the first half and the second are averaged.
    X2 : array_like, shape (n_stimuli, n_neurons), optional
        Responses to the same stimuli, presented again.
    slopes : {1, 2}
        A single power law, or one continuous at a break whose rank is searched.
    n_moments : int
        Moments fitted.
    n_bootstraps : int, optional
        Resamples of the stimuli for the covariance of the moments; ``10 k log k`` for k moments by default.
    n_orders : int
        Random orders of the stimuli averaged over.
    nan : {"raise", "omit"}
        With "omit", presentations that are NaN throughout are missing; every stimulus needs two others.
    confidence : float
        Coverage of the interval.
    rng : int, Generator, SeedSequence or None
        Draws orders and resamples.
    threads : int, optional
        Threads of the bootstrap.

    Returns
    -------
    MomentPowerLawFit
        Its standard errors are those of generalised least squares with the bootstrap covariance, for a given
        break; `misfit_p_value` says whether the shape reproduces the moments. An exponent at the bound of the
        search has no error: it is NaN.

    Raises
    ------
    InvalidInputError
        For unequal shapes, too few stimuli, or repeats whose common variance is not above zero at the 5 % level.

    Warns
    -----
    DataWarning
        When the exponent reached the bound of the search, as for a signal of one dimension.

    References
    ----------
    Kong and Valiant 2017, "Spectrum estimation from samples", Annals of Statistics 45 (moments);
    Pospisil and Pillow 2024, "Revisiting the high-dimensional geometry of population responses in visual
    cortex" (two repeats and broken power laws).

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope.neural import fit_power_law_moments
    >>> generator = np.random.default_rng(0)
    >>> signal = generator.standard_normal((300, 100)) / np.arange(1, 101) ** 0.5
    >>> X1, X2 = (signal + 0.1 * generator.standard_normal(signal.shape) for _ in range(2))
    >>> fit = fit_power_law_moments(X1, X2, rng=0)
    >>> bool(abs(fit.exponent - 1) < 0.1)
    True
    """
    estimate = estimate_moments(
        X1, X2, n_moments=n_moments, n_bootstraps=n_bootstraps, n_orders=n_orders, nan=nan, rng=rng, threads=threads
    )
    fit = fit_moments(estimate, slopes=slopes, confidence=confidence)
    if fit.reached_bound:
        warnings.warn(f"{fit.misfit}. Report its dimensions in place of an exponent", DataWarning, stacklevel=2)
    return fit


def fit_moments(estimate: MomentEstimate, *, slopes: int, confidence: float) -> MomentPowerLawFit:
    """Fit one slope, or two with the best break, to estimated moments."""
    _check(estimate, slopes, confidence)
    with single_threaded_blas():
        problem = _Problem.of(estimate)
        found, break_rank, break_interval = _search(problem, slopes, confidence)
        stderr = np.sqrt(np.diagonal(np.linalg.pinv(found.jac.T @ found.jac)))
        fitted = problem.moments(found.x, break_rank)[0] * problem.unit**problem.powers
    exponent, statistic = float(found.x[-1]), float(2 * found.cost)
    n_parameters = len(found.x) + (slopes == 2)
    shape = MomentPowerLawFit(
        exponent=exponent,
        stderr=float(stderr[-1]),
        interval=(math.nan, math.nan),
        r_squared=math.nan,
        ranks=(1, estimate.n_neurons),
        intercept=float(found.x[0]) + math.log(problem.unit),
        method=f"eigen-moments, {slopes} slope{'s' if slopes > 1 else ''}",
        range_sensitivity=(),
        n_dropped=0,
        bias=math.nan,
        confidence=confidence,
        eigenvalues=np.zeros(0),
        first_exponent=float(found.x[1]),
        first_stderr=float(stderr[1]),
        break_rank=break_rank,
        break_interval=break_interval,
        moments=estimate.values,
        fitted_moments=fitted,
        moment_covariance=estimate.covariance,
        misfit_statistic=statistic,
        misfit_p_value=_misfit_p_value(statistic, len(estimate.values) - n_parameters, estimate.n_bootstraps),
        info=estimate.info,
    )
    return _with_interval(shape)


def _check(estimate: MomentEstimate, slopes: int, confidence: float) -> None:
    if slopes not in tuple(FEWEST_NEURONS):
        raise InvalidInputError(f"slopes must be 1 or 2, got {slopes!r}")
    if estimate.n_neurons < FEWEST_NEURONS[slopes]:
        raise InvalidInputError(
            f"{estimate.n_neurons} neurons have too few eigenvalues for {slopes} slope{'s' if slopes > 1 else ''}: at "
            f"least {FEWEST_NEURONS[slopes]} are needed"
        )
    if not 0 < confidence < 1:
        raise InvalidInputError(f"confidence must lie between 0 and 1, got {confidence!r}")
    first, second = estimate.values[:2]
    error = math.sqrt(estimate.covariance[0, 0])
    if not (first > ndtri(1 - NO_SIGNAL) * error and second > 0):
        raise InvalidInputError(
            f"the variance that the repeats share is {first:.3g} ± {error:.2g}, and the sum of its squared eigenvalues "
            f"{second:.3g}: they have no signal in common that these stimuli can show. Average more repeats, or add "
            "stimuli"
        )


def _search(problem: _Problem, slopes: int, confidence: float) -> tuple[Any, int, tuple[int, int]]:
    """Return the best solution over the breaks, its break, and the first and last break hardly worse."""
    breaks = [1] if slopes == 1 else break_candidates(len(problem.ranks))
    candidates = [problem.solve(rank) for rank in breaks]
    best = min(range(len(breaks)), key=lambda i: candidates[i].cost)
    # Twice the difference of costs is a likelihood ratio with one degree of freedom.
    worst = candidates[best].cost + chdtri(1, 1 - confidence) / 2
    possible = [rank for rank, candidate in zip(breaks, candidates, strict=True) if candidate.cost <= worst]
    return candidates[best], breaks[best], (possible[0], possible[-1])


def _with_interval(shape: MomentPowerLawFit) -> MomentPowerLawFit:
    """Add eigenvalues and interval; an exponent that its bound stopped has no error."""
    stderr = math.nan if shape.reached_bound else shape.stderr
    margin = float(ndtri((1 + shape.confidence) / 2)) * stderr
    return dataclasses.replace(
        shape,
        eigenvalues=shape.predict(np.arange(1, shape.ranks[1] + 1)),
        stderr=stderr,
        interval=(shape.exponent - margin, shape.exponent + margin),
    )


def break_candidates(n_neurons: int) -> list[int]:
    """Return the ranks tried for the break: 2 to 48 in steps of 2, then evenly on a logarithmic scale."""
    linear = np.arange(2, min(50, n_neurons), 2)
    beyond = np.geomspace(50, n_neurons, N_BREAKS - len(linear) + 1)[:-1] if n_neurons > 50 else np.zeros(0)
    return [int(rank) for rank in np.unique(np.concatenate([linear, np.floor(beyond)]))]


def _misfit_p_value(statistic: float, freedom: int, n_bootstraps: int) -> float:
    """Hotelling's T²: the covariance is itself estimated, from `n_bootstraps` draws."""
    if freedom <= 0:
        return math.nan
    rest = n_bootstraps - freedom
    return float(f_distribution.sf(statistic * rest / (freedom * (n_bootstraps - 1)), freedom, rest))


def _abscissae(ranks: Array, break_rank: float) -> tuple[Array, Array]:
    """Logarithms of the ranks up to the break, and beyond it."""
    logs = np.log(ranks)
    beyond = np.maximum(0.0, logs - math.log(break_rank))
    return logs - beyond, beyond


@dataclasses.dataclass(frozen=True)
class _Problem:
    """Whitened moments in a unit that makes them of order one, and the residuals of a shape."""

    target: Array
    whitening: Array
    powers: Array
    ranks: Array
    unit: float

    @classmethod
    def of(cls, estimate: MomentEstimate) -> _Problem:
        powers = np.arange(1.0, len(estimate.values) + 1)
        unit = math.sqrt(estimate.values[1])
        units = unit**powers
        covariance = estimate.covariance / np.outer(units, units)
        deviations = np.sqrt(np.diagonal(covariance))
        if not (deviations > 0).all():
            raise InvalidInputError("the bootstrap moments do not vary: too few different stimuli")
        values, vectors = np.linalg.eigh(covariance / np.outer(deviations, deviations))
        values = np.maximum(values, SMALLEST_CORRELATION_EIGENVALUE * values[-1])
        # W = S^-½ in the units of the deviations: any square root of the inverse gives the same fit.
        whitening = (vectors / np.sqrt(values)).T / deviations
        return cls(estimate.values / units, whitening, powers, np.arange(1.0, estimate.n_neurons + 1), unit)

    def moments(self, parameters: Array, break_rank: int) -> tuple[Array, Array]:
        """Return ``Σ λ^m`` of ``λ_i = exp(c) i^-a`` (two slopes beyond the break) and its derivatives."""
        abscissae = [np.log(self.ranks)] if len(parameters) == 2 else list(_abscissae(self.ranks, break_rank))
        log_values = parameters[0] - sum(a * x for a, x in zip(parameters[1:], abscissae, strict=True))
        terms = np.exp(np.outer(self.powers, log_values))
        derivatives = [terms.sum(axis=1), *(-(terms @ x) for x in abscissae)]
        return derivatives[0], np.column_stack(derivatives) * self.powers[:, None]

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
