"""Power laws fitted to the unbiased moments of the signal's eigenvalues (method of eigen-moments)."""

from __future__ import annotations

import dataclasses
import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import chdtrc, chdtri, ndtri

from ..arguments import check_confidence, is_whole_number
from ..errors import DataWarning, InvalidInputError
from ..results.power_law_fit import PowerLawFit
from ..results.run_info import RunInfo
from ..run_options import RandomSource, single_threaded_blas
from .eigen_moments import Array
from .moment_estimate import N_MOMENTS, N_ORDERS, MomentEstimate, estimate_moments
from .moment_problem import LARGEST_EXPONENT, MomentProblem, abscissae_of, log_eigenvalues

if TYPE_CHECKING:
    from matplotlib.axes import Axes

N_BREAKS = 50
"""Ranks tried for the break."""

BOUND_TOLERANCE = 1e-3
"""The search stops short of its bound by less, where moments hardly depend on the exponent."""

NO_SIGNAL = 0.05
"""Repeats whose common variance is not above zero at this level (one-sided) have no exponent."""

FEWEST_NEURONS = {1: 2, 2: 3}
"""Eigenvalues that determine a scale and so many slopes."""

N_ROUNDS = {1: 3, 2: 2}
"""Fits of each shape: the covariance of the moments depends on the eigenvalues fitted."""

N_ROUNDS_OF_ENDS = 4
"""Rounds of the equation for an end of the interval; each leaves about a tenth of the error."""


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
        Covariance of `moments`, in closed form for the eigenvalues of the fit, or from resamples.
    moment_unit : float
        Moments and their covariance are in powers of it: 1, unless they would leave the range of numbers.
    misfit_statistic : float
        Squared distance of moments and fit in units of their errors, at the minimum.
    misfit_p_value : float
        Probability of a larger distance if the shape is right; below 0.05 for 0 to 4 % of true Gaussian power laws
        in simulations, and for 14 % of Laplacian ones.
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
    moment_unit: float = 1.0
    misfit_statistic: float = math.nan
    misfit_p_value: float = math.nan
    info: RunInfo = dataclasses.field(default_factory=RunInfo)

    def predict(self, ranks: Any) -> Array:
        """Return the fitted eigenvalues at 1-based `ranks`, in the units of the covariance."""
        logs, beyond = abscissae_of(np.asarray(ranks, dtype=np.float64), self.break_rank)
        return np.asarray(np.exp(self.intercept - self.first_exponent * logs - self.exponent * beyond))

    @property
    def reached_bound(self) -> bool:
        """Whether an exponent, or that of a single slope with its error, reached the bound, so that it has none."""
        return math.isnan(self.stderr)

    @property
    def is_flat(self) -> bool:
        """Whether the exponent is zero, where the search ends: its interval is one-sided."""
        return self.exponent < BOUND_TOLERANCE

    @property
    def misfit(self) -> str:
        """Why the shape does not fit the moments at the 5 % level, or has no exponent; empty when it does."""
        if self.reached_bound:
            return (
                f"an exponent, or its error, reached {LARGEST_EXPONENT:g}, the bound of the search: the moments are "
                "those of a few dimensions, not of a power law"
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
            else f"at its lower bound, a flat spectrum (below {high:.4f} at {self.confidence:.0%})"
            if self.is_flat
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
    n_orders: int = N_ORDERS,
    n_bootstraps: int = 0,
    nan: str = "raise",
    confidence: float = 0.95,
    rng: RandomSource = None,
    threads: int | None = None,
) -> MomentPowerLawFit:
    """Fit the exponent of the signal's spectrum through unbiased moments of its eigenvalues.

    Noise that is independent between repeats and stimuli enters none of the moments ``Σ λ^m`` on average,
    whatever its spectrum and size, so that the exponent has no bias from noise or from few stimuli, where
    that of `cvpca` has. Assumed: stimuli are independent draws, the signal's covariance over all `n_neurons`
    eigenvalues follows the shape fitted, and, for the errors, noise is Gaussian; leading
    eigenvalues weigh most.

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
    n_orders : int
        Random orders of the stimuli averaged over.
    n_bootstraps : int
        Resamples of the stimuli whose moments give the covariance, as published code has it (with 10 moments and
        ``10 k log k`` resamples for k of them), in place of the closed form. It assumes no distribution; but a
        stimulus drawn twice matches itself, so that errors are too large for flat spectra, up to twofold.
    nan : {"raise", "omit"}
        With "omit", presentations that are NaN throughout are missing; every stimulus needs two others.
    confidence : float
        Coverage of the interval.
    rng : int, Generator, SeedSequence or None
        Draws the orders and the resamples.
    threads : int, optional
        Threads for both.

    Returns
    -------
    MomentPowerLawFit
        Its standard errors are those of generalised least squares with a covariance in closed form, the break
        being free. The interval of a single slope holds the exponents from which the fit is no further than their
        own standard errors allow; near zero, those that a likelihood ratio does not reject; at zero it is one-sided.
        `misfit_p_value` says whether the shape reproduces the moments. An exponent at the upper bound of the search has
        no error: it is NaN.

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
        X1, X2, n_moments=n_moments, n_orders=n_orders, n_bootstraps=n_bootstraps, nan=nan, rng=rng, threads=threads
    )
    fit = fit_moments(estimate, slopes=slopes, confidence=confidence)
    if fit.reached_bound:
        warnings.warn(f"{fit.misfit}. Report its dimensions in place of an exponent", DataWarning, stacklevel=2)
    return fit


def fit_moments(estimate: MomentEstimate, *, slopes: int, confidence: float) -> MomentPowerLawFit:
    """Fit one slope, or two with the best break, to estimated moments."""
    _check(estimate, slopes, confidence)
    with single_threaded_blas():
        eigenvalues = estimate.values[0] / np.arange(1.0, estimate.n_neurons + 1)
        eigenvalues /= np.sum(eigenvalues) / estimate.values[0]
        for n_slopes in [1] * N_ROUNDS[1] + [2] * N_ROUNDS[2] * (slopes == 2):
            problem = MomentProblem.of(estimate, eigenvalues)
            found, break_rank, break_interval = _search(problem, n_slopes, confidence)
            eigenvalues = problem.unit * np.exp(log_eigenvalues(found.x, abscissae_of(problem.ranks, break_rank)))
        stderr = problem.stderr(found.x, break_rank)
        interval = _interval(estimate, problem, found, float(stderr[-1]), confidence)
    return _result(estimate, problem, found, (break_rank, break_interval), stderr, interval, confidence)


def _result(
    estimate: MomentEstimate,
    problem: MomentProblem,
    found: Any,
    breaks: tuple[int, tuple[int, int]],
    stderr: Array,
    interval: tuple[float, float],
    confidence: float,
) -> MomentPowerLawFit:
    units, unit = _units(problem.unit * estimate.unit, len(problem.powers))
    slopes, statistic = len(found.x) - 1, float(2 * found.cost)
    freedom = len(problem.powers) - len(found.x) - (slopes == 2)
    shape = MomentPowerLawFit(
        exponent=float(found.x[-1]),
        stderr=float(stderr[-1]),
        interval=interval,
        r_squared=math.nan,
        ranks=(1, estimate.n_neurons),
        intercept=float(found.x[0]) + math.log(problem.unit) + math.log(estimate.unit),
        method=f"eigen-moments, {slopes} slope{'s' if slopes > 1 else ''}",
        range_sensitivity=(),
        n_dropped=0,
        bias=math.nan,
        confidence=confidence,
        eigenvalues=np.zeros(0),
        first_exponent=float(found.x[1]),
        first_stderr=float(stderr[1]),
        break_rank=breaks[0],
        break_interval=breaks[1],
        moments=problem.target * units,
        fitted_moments=problem.moments(found.x, breaks[0])[0] * units,
        moment_covariance=problem.covariance * np.outer(units, units),
        moment_unit=unit,
        misfit_statistic=statistic,
        misfit_p_value=float(chdtrc(freedom, statistic)) if freedom > 0 else math.nan,
        info=estimate.info,
    )
    return _with_eigenvalues(shape)


def _units(scale: float, n_moments: int) -> tuple[Array, float]:
    """Return the powers of `scale` in a unit that keeps their squares in range, and this unit."""
    largest = 2.0 ** (400 / n_moments)
    unit = 1.0 if 1 / largest < scale < largest else 2.0 ** math.frexp(scale)[1]
    return (scale / unit) ** np.arange(1.0, n_moments + 1), unit


def _check(estimate: MomentEstimate, slopes: int, confidence: float) -> None:
    if not (is_whole_number(slopes) and slopes in FEWEST_NEURONS):
        raise InvalidInputError(f"slopes must be 1 or 2, got {slopes!r}")
    if estimate.n_neurons < FEWEST_NEURONS[slopes]:
        raise InvalidInputError(
            f"{estimate.n_neurons} neurons have too few eigenvalues for {slopes} slope{'s' if slopes > 1 else ''}: at "
            f"least {FEWEST_NEURONS[slopes]} are needed"
        )
    check_confidence(confidence)
    first, second = estimate.values[:2]
    variance = (estimate.traces[0] + max(0.0, second)) / (estimate.n_stimuli - 1)
    error = math.sqrt(variance + estimate.order_covariance[0, 0])
    if not (first > ndtri(1 - NO_SIGNAL) * error and second > 0):
        raise InvalidInputError(
            f"the variance that the repeats share is {first * estimate.unit:.3g} ± {error * estimate.unit:.2g}, and "
            f"the sum of its squared eigenvalues {second:.3g} squares of {estimate.unit:.3g}: they have no signal in "
            "common that these stimuli can show. Average more repeats, or add stimuli"
        )


def _search(problem: MomentProblem, slopes: int, confidence: float) -> tuple[Any, int, tuple[int, int]]:
    """Return the best solution over the breaks, its break, and the first and last break hardly worse."""
    breaks = [1] if slopes == 1 else break_candidates(len(problem.ranks))
    candidates = [problem.solve(rank) for rank in breaks]
    best = min(range(len(breaks)), key=lambda i: candidates[i].cost)
    # Twice the difference of costs is a likelihood ratio; the ranks tried and the kink make its distribution wider
    # than with the one degree of freedom of a smooth parameter.
    worst = candidates[best].cost + chdtri(2, 1 - confidence) / 2
    possible = [rank for rank, candidate in zip(breaks, candidates, strict=True) if candidate.cost <= worst]
    return candidates[best], breaks[best], (possible[0], possible[-1])


def _interval(
    estimate: MomentEstimate, problem: MomentProblem, found: Any, stderr: float, confidence: float
) -> tuple[float, float]:
    """Return an interval from the standard errors or, near a flat spectrum, from the likelihood ratio."""
    exponent, quantile = float(found.x[-1]), float(ndtri((1 + confidence) / 2))
    # Near a flat spectrum the moments are almost stationary in the exponent, and errors are not normal.
    if exponent <= 2 * quantile * stderr and len(found.x) == 2:
        flat = exponent < BOUND_TOLERANCE
        return problem.likelihood_interval(found, chdtri(1, (1 - confidence) * (2 if flat else 1)) / 2)
    if len(found.x) > 2:
        low, high = exponent - quantile * stderr, exponent + quantile * stderr
    else:
        low, high = (_end(estimate, exponent, stderr, sign * quantile) for sign in (-1, 1))
    return max(0.0, low), high if high <= LARGEST_EXPONENT else math.inf


def _end(estimate: MomentEstimate, exponent: float, stderr: float, quantile: float) -> float:
    """Return the truth that is so many of its own standard errors away: steep spectra have larger ones."""
    end = exponent + quantile * stderr
    for _ in range(N_ROUNDS_OF_ENDS):
        if not 0 < end < LARGEST_EXPONENT:
            return end
        end = exponent + quantile * MomentProblem.stderr_at(estimate, end)
    return end


def _with_eigenvalues(shape: MomentPowerLawFit) -> MomentPowerLawFit:
    """Add the eigenvalues; what the upper bound stopped has no error, and one at zero that of its interval."""
    stderr, interval = shape.stderr, shape.interval
    reach = shape.exponent + 2 * stderr if shape.break_rank == 1 else shape.exponent
    if shape.is_flat and shape.break_rank == 1:
        # The moments are stationary in the exponent there, so that only the interval has a scale.
        stderr = interval[1] / float(ndtri(shape.confidence))
    elif max(reach, shape.first_exponent) > LARGEST_EXPONENT - BOUND_TOLERANCE:
        stderr, interval = math.nan, (math.nan, math.nan)
    eigenvalues = shape.predict(np.arange(1, shape.ranks[1] + 1))
    return dataclasses.replace(shape, eigenvalues=eigenvalues, stderr=stderr, interval=interval)


def break_candidates(n_neurons: int) -> list[int]:
    """Return the ranks tried for the break: 2 to 48 in steps of 2, then evenly on a logarithmic scale."""
    linear = np.arange(2, min(50, n_neurons), 2)
    beyond = np.geomspace(50, n_neurons, N_BREAKS - len(linear) + 1)[:-1] if n_neurons > 50 else np.zeros(0)
    return [int(rank) for rank in np.unique(np.concatenate([linear, np.floor(beyond)]))]
