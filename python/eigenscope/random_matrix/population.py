"""The population spectrum behind a sample spectrum: the inverse problem, with bands that say how ill-posed it is."""

from __future__ import annotations

import dataclasses
import math
import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import check_confidence, is_whole_number
from ..eigenvalues import Eigenvalues, as_eigenvalues, count_given
from ..errors import ConvergenceWarning, InvalidInputError
from ..inputs import as_source, check_finite
from ..results.base import Result
from ..results.estimate import Estimate
from ..results.spectrum import Spectrum
from .noise_variance import NORMAL_95, check_enough, sizes
from .population_fit import FARTHEST, expected_eigenvalues, fit_population
from .silverstein import GeneralizedMarchenkoPastur

Array = np.ndarray[Any, np.dtype[Any]]
RandomState = int | np.random.Generator | np.random.SeedSequence | None

METHODS = ("quest", "el_karoui")
"""Estimators of the population spectrum by name."""

GRID_SIZE = 80
"""Population eigenvalues among which El Karoui's method distributes the weight."""

JACKKNIFE_GROUPS = 20
"""Groups of samples left out in turn for standard errors of moments."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class PopulationSpectrum(Result):
    """Estimated population eigenvalues with pointwise bands.

    Parameters
    ----------
    eigenvalues : ndarray, shape (n_features,)
        Descending.
    low, high : ndarray, shape (n_features,)
        Band at `confidence` from a parametric bootstrap, or NaN without one. Population eigenvalues closer than the
        band is wide cannot be told apart by any method.
    confidence : float
        Coverage the band is made for, one eigenvalue at a time.
    misfit : float
        Root mean square difference between the sample's eigenvalues and those expected, over their mean.
    method : str
        "quest" or "el_karoui".
    n_samples : float
        Degrees of freedom of the sample covariance.
    n_bootstrap : int
        Draws behind the band.
    """

    eigenvalues: Array
    low: Array
    high: Array
    confidence: float
    misfit: float
    method: str
    n_samples: float
    n_bootstrap: int

    @property
    def law(self) -> GeneralizedMarchenkoPastur:
        """Law of sample eigenvalues that this population implies."""
        return GeneralizedMarchenkoPastur(self.eigenvalues, len(self.eigenvalues) / self.n_samples)

    def summary(self) -> str:
        """Return range, misfit and the width of the band in three lines."""
        width = float(np.nanmedian(self.high - self.low)) if self.n_bootstrap else math.nan
        return (
            f"PopulationSpectrum: {len(self.eigenvalues):,} eigenvalues {self.eigenvalues[0]:.6g} … "
            f"{self.eigenvalues[-1]:.6g} from {self.n_samples:g} samples by {self.method}\n"
            f"  misfit {self.misfit:.2g} of the mean eigenvalue\n"
            f"  median width of the {self.confidence:.0%} band {width:.3g} ({self.n_bootstrap} bootstrap draws)"
        )


def population_spectrum(
    spectrum_or_eigenvalues: Spectrum | ArrayLike,
    *,
    n_samples: float | None = None,
    n_features: int | None = None,
    method: str = "quest",
    n_bootstrap: int = 20,
    confidence: float = 0.95,
    rng: RandomState = 0,
) -> PopulationSpectrum:
    """Estimate the population eigenvalues behind a full sample spectrum.

    Parameters
    ----------
    spectrum_or_eigenvalues : Spectrum or array_like, shape (k,)
        All eigenvalues of a sample covariance, in any order.
    n_samples : float, optional
        Degrees of freedom of the covariance. Taken from a Spectrum.
    n_features : int, optional
        Size of the covariance matrix; the number of eigenvalues by default. Taken from a Spectrum.
    method : {"quest", "el_karoui"}
        "quest" finds the population whose expected sample eigenvalues are nearest to those observed, in units of
        their sampling errors and no nearer than these, and keeps the trace. Beyond 200 features it fits means of
        neighbours, which share a population eigenvalue; what stands apart keeps its own. "el_karoui" finds weights
        that solve the Silverstein equation at complex points, on an even grid of 80 up to the largest eigenvalue:
        faster, rougher, and blind to what is smaller than a step.
    n_bootstrap : int
        Gaussian data sets drawn from the estimate and estimated again for the band; 0 for none. A draw takes as long
        as an estimate and the eigenvalues of a data set, together under a tenth of a second for 100 features.
    confidence : float
        Coverage of the band.
    rng : int, Generator, SeedSequence or None
        Source of the bootstrap draws.

    Returns
    -------
    PopulationSpectrum
        The problem is ill-posed: read the band before the values.

    Raises
    ------
    InvalidInputError
        When only the top eigenvalues are known, or all are zero.

    Warns
    -----
    ConvergenceWarning
        When the population found leaves a larger misfit than sampling explains.

    References
    ----------
    Ledoit and Wolf 2015, J. Multivariate Analysis 139; El Karoui 2008, "Spectrum estimation for large dimensional
    covariance matrices using random matrix theory", Annals of Statistics 36.

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope.random_matrix import population_spectrum
    >>> rng = np.random.default_rng(0)
    >>> data = rng.standard_normal((400, 40)) * np.repeat([1.0, 3.0], 20)
    >>> found = population_spectrum(np.linalg.eigvalsh(data.T @ data / 400), n_samples=400, n_bootstrap=0)
    >>> bool(abs(np.median(found.eigenvalues[:20]) - 9) < 0.5)
    True
    """
    if method not in METHODS:
        raise InvalidInputError(f"method must be one of {', '.join(METHODS)}; got {method!r}")
    check_confidence(confidence)
    if not (is_whole_number(n_bootstrap) and n_bootstrap >= 0):
        raise InvalidInputError(f"n_bootstrap must be an integer of at least 0, got {n_bootstrap!r}")
    n_features = n_features or count_given(spectrum_or_eigenvalues)
    sample = as_eigenvalues(spectrum_or_eigenvalues, n_samples=n_samples, n_features=n_features)
    n, p = sizes(sample)
    _check(sample, n, p)
    scale = float(sample.values.sum()) / p
    values = np.zeros(p)
    values[: len(sample.values)] = _without_rounding(sample.values / scale, _precision(spectrum_or_eigenvalues))
    population = _estimate(values, n, method)
    misfit = float(np.sqrt(np.mean((expected_eigenvalues(population, n) - values) ** 2)))
    _warn_of_misfit(misfit, values, n, method)
    low, high = _band(population, n, method, int(n_bootstrap), confidence, np.random.default_rng(rng))
    return PopulationSpectrum(
        eigenvalues=population * scale,
        low=low * scale,
        high=high * scale,
        confidence=confidence,
        misfit=misfit,
        method=method,
        n_samples=n,
        n_bootstrap=int(n_bootstrap),
    )


def _check(sample: Eigenvalues, n: float, p: int) -> None:
    if not sample.is_complete:
        raise InvalidInputError(
            f"the population needs all eigenvalues of the sample, not the top {len(sample.values)}: compute the full "
            "spectrum (k=None)"
        )
    if not sample.values[0] > 0:
        raise InvalidInputError("all eigenvalues are zero: the data do not vary")
    if min(n, p) < 2:
        raise InvalidInputError(f"n_samples={n:g} and n_features={p}: at least 2 of each are needed")
    check_enough(sample)


def _warn_of_misfit(misfit: float, values: Array, n: float, method: str) -> None:
    # A sample eigenvalue λ has a standard deviation of at most λ sqrt(2 / n) unless it is near zero.
    explained = FARTHEST * math.sqrt(2 / n * float(np.mean(values**2)))
    if misfit <= explained:
        return
    other = "" if method == "quest" else ', or use method="quest", which fits closer'
    warnings.warn(
        f"the population found does not lead to these eigenvalues: they differ by {misfit:.2g} of their mean, of which "
        f"sampling explains at most {explained:.2g}. Check that n_samples={n:g} counts independent samples, that the "
        f"eigenvalues are all those of one covariance, and that a density has nodes enough{other}",
        ConvergenceWarning,
        stacklevel=3,
    )


def _without_rounding(values: Array, precision: float) -> Array:
    """Set to zero what rounding leaves in place of it."""
    return np.where(values > len(values) * precision * values.max(), values, 0.0)


def _precision(given: Any) -> float:
    dtype = np.asarray(given.eigenvalues if isinstance(given, Spectrum) else given).dtype
    return float(np.finfo(dtype if dtype.kind == "f" else np.float64).eps)


def _estimate(values: Array, n: float, method: str) -> Array:
    """Return population eigenvalues (descending, of mean one) behind sample eigenvalues of mean one."""
    p, rank = len(values), int(np.count_nonzero(values))
    # Samples leave n eigenvalues, or n - 1 where n still counts a mean; fewer say how many the population has.
    rank = rank if rank < min(p, math.floor(n) - 1) else p
    unit = float(values[:rank].mean())
    found = (fit_population if method == "quest" else _el_karoui)(values[:rank] / unit, n)
    population = np.zeros(p)
    population[:rank] = found * (p / found.sum())
    return population


def _el_karoui(values: Array, n: float) -> Array:
    """Find weights on a grid with ``z_j + 1/v_j = c Σ w t / (1 + t v_j)`` by non-negative least squares."""
    from scipy.optimize import nnls

    p, ratio = len(values), len(values) / n
    top = float(values[0])
    grid = np.linspace(0, top, GRID_SIZE + 1)[1:]
    # Points a little above the support; v is the samples' side of the sample's own Stieltjes transform.
    real = np.linspace(-0.2 * top, 1.2 * top, 2 * GRID_SIZE)
    z = np.concatenate([real + 1j * height * top for height in (0.05, 0.2)])
    v = ratio * np.mean(1 / (values - z[:, None]), axis=1) - (1 - ratio) / z
    matrix = ratio * grid / (1 + grid * v[:, None])
    right = z + 1 / v
    # The weights' sum and the trace are known: rows heavy enough to hold.
    heavy = 10.0 * math.sqrt(len(z)) * ratio
    system = np.vstack([matrix.real, matrix.imag, np.full(GRID_SIZE, heavy), heavy * grid])
    weights, _ = nnls(system, np.concatenate([right.real, right.imag, [heavy, heavy]]))
    levels = np.cumsum(weights) / weights.sum()
    found = grid[np.minimum(np.searchsorted(levels, (np.arange(p) + 0.5) / p), GRID_SIZE - 1)]
    return np.asarray(found[::-1])


def _band(
    population: Array, n: float, method: str, n_bootstrap: int, confidence: float, generator: np.random.Generator
) -> tuple[Array, Array]:
    """Return pointwise quantiles of what the estimator says about Gaussian data drawn from its own answer."""
    p, rows = len(population), max(2, round(n))
    if n_bootstrap <= 0:
        return np.full(p, np.nan), np.full(p, np.nan)
    draws = np.empty((n_bootstrap, p))
    for draw in draws:
        data = generator.standard_normal((rows, p)) * np.sqrt(population)
        side = data @ data.T if rows < p else data.T @ data
        values = np.zeros(p)
        values[: min(rows, p)] = _without_rounding(np.linalg.eigvalsh(side)[::-1] / rows, np.finfo(np.float64).eps)
        mean = values.mean()
        draw[:] = _estimate(values / mean, n, method) * mean
    tail = (1 - confidence) / 2
    # The estimator lumps eigenvalues together, in another way for every draw: the hull of the percentiles and of their
    # reflection about the estimate (basic bootstrap) covers more than either.
    low, high = np.quantile(draws, [tail, 1 - tail], axis=0)
    return (
        np.maximum(np.minimum(low, 2 * population - high), 0.0),
        np.maximum(high, 2 * population - low),
    )


def population_moments(X: Any, order: int = 4, *, sample_axis: int = 0) -> tuple[Estimate, ...]:
    """Estimate ``tr Σ^k`` for k = 1 … order without bias, however few samples there are.

    Parameters
    ----------
    X : array_like
        Data of mean zero, samples x features.
    order : int
        Highest moment, at most the number of samples.
    sample_axis : {0, 1}
        Axis along which samples lie.

    Returns
    -------
    tuple of Estimate
        One for each k; standard errors by the jackknife over groups of samples. For decaying spectra 95 % intervals of
        higher moments cover 88 to 93 % from a hundred samples.

    Raises
    ------
    InvalidInputError
        When `order` is not between 1 and the number of samples.

    References
    ----------
    Kong and Valiant 2017, "Spectrum estimation from samples", Annals of Statistics 45, theorem 1.

    Examples
    --------
    >>> from eigenscope.random_matrix import population_moments
    >>> [round(moment.value, 4) for moment in population_moments([[1, 0], [1, 1], [0, 2]], 3)]
    [2.3333, 1.6667, 0.0]
    """
    source = as_source(X, sample_axis=sample_axis)
    unit = check_finite(source, 1)
    n = source.n_samples
    if not (is_whole_number(order) and 1 <= order <= n):
        raise InvalidInputError(f"order must be an integer from 1 to the {n} samples, got {order!r}")
    order = int(order)
    if unit == 0:
        return tuple(Estimate(0.0, 0.0, (0.0, 0.0)) for _ in range(order))
    data = np.asarray(source.array, dtype=np.float64) / unit
    gram = data @ data.T
    values = _cycle_means(gram, order)
    groups = min(JACKKNIFE_GROUPS, n)
    spread = np.full(order, np.nan)
    if n - -(-n // groups) >= order and groups > 1:
        member = np.arange(n) % groups
        left_out = [_cycle_means(gram[np.ix_(member != g, member != g)], order) for g in range(groups)]
        spread = np.sqrt((groups - 1) * np.var(left_out, axis=0))
    with np.errstate(over="ignore", under="ignore"):
        powers = unit ** (2 * np.arange(1, order + 1, dtype=float))
        if not (np.isfinite(values * powers).all() and powers.all()):
            raise InvalidInputError(
                f"moments up to order {order} of data of size {unit:.1e} leave the range of double precision: divide "
                "the data by a power of ten first"
            )
        columns = np.transpose([values, spread, *_skewed_interval(values, spread)]) * powers[:, np.newaxis]
    return tuple(Estimate(v, s, (low, high)) for v, s, low, high in columns.tolist())


def _skewed_interval(values: Array, spread: Array) -> tuple[Array, Array]:
    """Return 95 % intervals of what is positive, symmetric on the logarithm; where an estimate is not, symmetric."""
    margin = NORMAL_95 * spread
    is_positive = values > 0
    factor = np.exp(margin / np.where(is_positive, values, np.inf))
    return np.where(is_positive, values / factor, values - margin), np.where(
        is_positive, values * factor, values + margin
    )


def _cycle_means(gram: Array, order: int) -> Array:
    """Return ``tr(G^(k-1) A) / C(n, k)``, A the Gram matrix of samples and G its strict upper part."""
    n = len(gram)
    upper, product = np.triu(gram, 1), gram
    means = np.empty(order)
    for k in range(1, order + 1):
        means[k - 1] = np.trace(product) / math.comb(n, k)
        product = upper @ product
    return means
