"""Noise variance behind a spectrum whose leading eigenvalues are signals."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import _core
from ..arguments import is_whole_number
from ..eigenvalues import NEGATIVE_TOLERANCE, Eigenvalues, as_eigenvalues
from ..errors import InvalidInputError
from ..results.estimate import Estimate
from ..results.spectrum import Spectrum
from .edges import Edge, largest_eigenvalue_edge, smallest_eigenvalue_edge
from .linear_statistics import BulkGrid
from .tracy_widom import TracyWidom

Array = np.ndarray[Any, np.dtype[Any]]

QUANTILE_MARGIN = 0.05
"""Share of the bulk left out at each edge by the quantile method."""

NORMAL_95 = 1.959963984540054
"""97.5 % quantile of the normal law."""


def noise_variance(
    spectrum_or_eigenvalues: Spectrum | ArrayLike,
    n_signal: int,
    *,
    n_samples: float | None = None,
    n_features: int | None = None,
    total_variance: float | None = None,
    method: str = "conditional",
) -> Estimate:
    """Estimate the variance of the noise under `n_signal` spikes.

    Parameters
    ----------
    spectrum_or_eigenvalues : Spectrum or array_like
        Eigenvalues of a sample covariance. "conditional", "kritchman_nadler" and "mean" work from the top ones
        and the trace.
    n_signal : int
        Number of leading eigenvalues that are signals, at most half of all.
    n_samples, n_features, total_variance : number or None
        As for `fit_marchenko_pastur`.
    method : str
        How spikes and noise are told apart:

        - "conditional" takes the mean of the other eigenvalues given where the spikes lie in the sample, which
          push the noise down. Unbiased and nearly efficient, with any number of spikes, crowded ones included.
        - "kritchman_nadler" takes one spike at a time out of the trace; high by up to a percent for many
          crowded spikes.
        - "quantile" uses only the middle 90 % of the bulk, so it bears a few strange eigenvalues at either edge.
        - "median" divides the median by the law's, as Gavish and Donoho (2014) do, but counts the signals off.
        - "mean" is the plain mean of the rest, right without spikes.
        - "moments" is that mean with an error from the second moment of the rest, which holds for noise of any
          population covariance; right without spikes.
        - "range" divides the width of the bulk by its expected width; it hangs on two eigenvalues. "range_2016" and
          "range_exp2" divide by ``4 sqrt(γ)`` as in diffusion MRI, with γ the number of noise eigenvalues over the
          longer side, or over that less `n_signal`. They are low: finite noise does not reach its limits.

    Returns
    -------
    Estimate
        With the standard error for Gaussian noise: ``variance sqrt(2 / ((n - k) (p - k)))`` for methods that
        use the whole bulk and take it as white, and what the fluctuations of eigenvalues imply for the others.

    Raises
    ------
    InvalidInputError
        When the signals leave less than half of the eigenvalues to the noise, more eigenvalues are non-zero than
        there are samples, or sizes or values are missing.

    References
    ----------
    Kritchman and Nadler 2009, "Non-parametric detection of the number of signals", IEEE Trans. Signal
    Process. 57; Veraart and others 2016, "Denoising of diffusion MRI using random matrix theory", NeuroImage
    142 ("range_2016"); Cordero-Grande and others 2019, "Complex diffusion-weighted image estimation via matrix
    recovery under general noise models", NeuroImage 200 ("range_exp2"); Bai and Silverstein 2004, Annals of
    Probability 32; Srivastava 2005, J. Japan Statist. Soc. 35 (second moment).

    Examples
    --------
    >>> from eigenscope.random_matrix.noise_variance import noise_variance
    >>> values = [10, 6, 2, 1.5, 1.2, 1, 0.8, 0.6, 0.4, 0.2]
    >>> print(f"{float(noise_variance(values, 2, n_samples=20, n_features=10, method='kritchman_nadler')):.6f}")
    1.092532
    """
    if method not in METHODS:
        raise InvalidInputError(f"method must be one of {', '.join(METHODS)}; got {method!r}")
    sample = as_eigenvalues(
        spectrum_or_eigenvalues, n_samples=n_samples, n_features=n_features, total_variance=total_variance
    )
    n, p = sizes(sample)
    check_rank(spectrum_or_eigenvalues, sample, n_samples)
    check_enough(sample)
    check_signals(sample, n_signal, min(n, p))
    scale = float(sample.values[0])
    if scale == 0:
        return Estimate(0.0, 0.0, (0.0, 0.0))
    found = variance_of(sample.in_units_of(scale), n_signal, method)
    low, high = found.interval
    return Estimate(found.value * scale, found.stderr * scale, (low * scale, high * scale))


def variance_of(sample: Eigenvalues, n_signal: int, method: str) -> Estimate:
    """Return the variance of checked eigenvalues, in units of about the largest."""
    if not sample.rests[n_signal] > 0:
        return Estimate(0.0, 0.0, (0.0, 0.0))
    variance, relative = METHODS[method](sample, n_signal)
    margin = NORMAL_95 * variance * relative
    return Estimate(variance, variance * relative, (max(0.0, variance - margin), variance + margin))


def kritchman_nadler(sample: Eigenvalues, n_signal: int) -> tuple[float, Array, bool]:
    """Return noise variance, population spikes, and whether they explain each other."""
    n, p = sizes(sample)
    scale = sample.values[0] or 1.0
    variance, spikes, converged = _core.kritchman_nadler(
        np.ascontiguousarray(sample.values[:n_signal] / scale), float(sample.rests[n_signal] / scale), n, p
    )
    return float(variance * scale), spikes * scale, bool(converged)


def conditional_noise(sample: Eigenvalues, n_signal: int) -> tuple[float, Edge, bool]:
    """Return the noise variance given the leading sample eigenvalues, the edge of its bulk, and whether both exist.

    The edge has the second-order centring of white noise, as in `edges.conditional_noise_edge`.
    """
    n, p = sizes(sample)
    scale = sample.values[0] or 1.0
    if not sample.rests[n_signal] > 0:
        return 0.0, Edge(math.nan, math.nan), False
    variance, location, width, converged = _core.conditional_noise(
        np.ascontiguousarray(sample.values[:n_signal] / scale), float(sample.rests[n_signal] / scale), n, p
    )
    if not converged:
        return plain_mean(sample, n_signal), Edge(math.nan, math.nan), False
    white = _core.conditional_edge(np.empty(0), variance, n, p)
    centred = largest_eigenvalue_edge(n, p, variance=variance)
    edge = Edge(location * centred.location / white[0] * scale, width * centred.scale / white[1] * scale)
    return float(variance * scale), edge, True


def plain_mean(sample: Eigenvalues, n_signal: int) -> float:
    """Return the mean of the rest over its degrees of freedom, ``n Σ λ / ((n - k) (p - k))``."""
    n, p = sizes(sample)
    return float(n * sample.rests[n_signal] / ((n - n_signal) * (p - n_signal)))


def sizes(sample: Eigenvalues) -> tuple[float, int]:
    """Return (n_samples, n_features), or say which is missing."""
    if sample.n_samples is None or sample.n_features is None:
        missing = "n_samples" if sample.n_samples is None else "n_features"
        raise InvalidInputError(f"plain eigenvalues do not say the size of the data: pass {missing}=")
    return sample.n_samples, int(sample.n_features)


def check_rank(spectrum_or_eigenvalues: Spectrum | ArrayLike, sample: Eigenvalues, n_samples: float | None) -> None:
    """Refuse more non-zero eigenvalues than the number of samples that was given with them allows."""
    n, _ = sizes(sample)
    if n_samples is None or hasattr(spectrum_or_eigenvalues, "nodes"):
        # A Spectrum knows its own samples, and a density is smooth at zero.
        return
    given = spectrum_or_eigenvalues.eigenvalues if isinstance(spectrum_or_eigenvalues, Spectrum) else None
    dtype = np.asarray(spectrum_or_eigenvalues if given is None else given).dtype
    rounding = len(sample.values) * float(np.finfo(dtype).eps) if dtype.kind == "f" else 0.0
    refuse_surplus(sample.values, n, max(NEGATIVE_TOLERANCE, rounding) * float(sample.values[0]))


def refuse_surplus(values: Array, n_samples: float, tolerance: float) -> None:
    """Refuse eigenvalues, descending, of which more than `n_samples` are above `tolerance`."""
    beyond = values[math.floor(n_samples) :]
    if beyond.size and beyond[0] > tolerance:
        raise InvalidInputError(
            f"{int((values > tolerance).sum())} eigenvalues are not zero, more than n_samples={n_samples:g} allows: "
            "pass the number of samples, less one when they were centred"
        )


def check_enough(sample: Eigenvalues) -> None:
    """Refuse fewer eigenvalues than the sizes give, unless the trace tells of the rest."""
    n, p = sizes(sample)
    needed = int(min(n, p))
    if needed < 2:
        raise InvalidInputError(f"n_samples={n:g} and n_features={p} leave {needed} eigenvalue: nothing to fit")
    if len(sample.values) < needed and sample.is_complete:
        raise InvalidInputError(
            f"{len(sample.values)} eigenvalues where n_samples={n:g} and n_features={p} give {needed}: pass "
            "total_variance= (the trace) for the top ones only, or add the zeros that were left out"
        )


def complete_bulk(sample: Eigenvalues, n_signal: int, purpose: str) -> Array:
    """Return all noise eigenvalues but structural zeros, descending, or refuse when only the top ones are known."""
    n, p = sizes(sample)
    if not sample.is_complete:
        raise InvalidInputError(
            f'"{purpose}" needs all eigenvalues, not the top {len(sample.values)}: use "conditional"'
        )
    bulk = np.zeros(int(min(n, p)) - n_signal)
    given = sample.values[n_signal : n_signal + len(bulk)]
    bulk[: len(given)] = given
    return bulk


def check_signals(sample: Eigenvalues, n_signal: int, n_possible: float) -> None:
    """Refuse a number of signals that is none, or that leaves less than half of the eigenvalues to the noise."""
    if not is_whole_number(n_signal) or not 0 <= n_signal <= len(sample.values):
        raise InvalidInputError(f"n_signal must be an integer from 0 to {len(sample.values)}, got {n_signal!r}")
    if 2 * n_signal > n_possible:
        raise InvalidInputError(
            f"n_signal={n_signal} of {n_possible:g} possible eigenvalues leaves less than half of them to the noise: "
            "its variance cannot be told from the signals'"
        )


def _efficient(sample: Eigenvalues, n_signal: int) -> float:
    n, p = sizes(sample)
    return math.sqrt(2 / ((n - n_signal) * (p - n_signal)))


def _conditional(sample: Eigenvalues, n_signal: int) -> tuple[float, float]:
    return conditional_noise(sample, n_signal)[0], _efficient(sample, n_signal)


def _kritchman_nadler(sample: Eigenvalues, n_signal: int) -> tuple[float, float]:
    return kritchman_nadler(sample, n_signal)[0], _efficient(sample, n_signal)


def _mean(sample: Eigenvalues, n_signal: int) -> tuple[float, float]:
    return plain_mean(sample, n_signal), _efficient(sample, n_signal)


def _bulk(sample: Eigenvalues, n_signal: int, method: str) -> tuple[Array, BulkGrid]:
    """Return the bulk in units of variance times the longer side, freed of the pull of the spikes, and its law."""
    n, p = sizes(sample)
    values = complete_bulk(sample, n_signal, method)
    small, large = sorted((n - n_signal, p - n_signal))
    pull = conditional_noise(sample, n_signal)[0] / plain_mean(sample, n_signal)
    return values * (n / large * pull), BulkGrid(small, large)


def _quantile(sample: Eigenvalues, n_signal: int) -> tuple[float, float]:
    bulk, grid = _bulk(sample, n_signal, "quantile")

    def window(u: Array) -> Array:
        return ((u > QUANTILE_MARGIN) & (u < 1 - QUANTILE_MARGIN)).astype(float)

    positions = (np.arange(len(bulk), 0, -1) - 0.5) / len(bulk)
    inside = window(positions) > 0
    coefficients = grid.weighted_sum(window)
    expected = float(np.sum(grid.law.ppf(positions[inside]))) + grid.mean_shift(coefficients)
    error = math.sqrt(grid.covariance(coefficients, coefficients)) / expected
    return float(np.sum(bulk[inside]) / expected), error


def _median(sample: Eigenvalues, n_signal: int) -> tuple[float, float]:
    bulk, grid = _bulk(sample, n_signal, "median")
    middle = float(grid.law.ppf(0.5))
    # A surplus of eigenvalues above the middle moves the median by its share over the density.
    coefficients = grid.count_above(middle) / (len(bulk) * float(grid.law.pdf(middle)))
    expected = middle + grid.mean_shift(coefficients)
    return float(np.median(bulk) / expected), math.sqrt(grid.covariance(coefficients, coefficients)) / expected


def _moments(sample: Eigenvalues, n_signal: int) -> tuple[float, float]:
    """``Var m1 = 2 t2 / (n m)`` of the mean m1 over m features, with t2 estimated from ``m2 - c m1²``."""
    n, p = sizes(sample)
    dof, m = n - n_signal, p - n_signal
    if dof < 2:
        raise InvalidInputError(f'"moments" needs 2 samples beyond the signals, got {dof:g}: use "mean"')
    bulk = complete_bulk(sample, n_signal, "moments") * (n / dof)
    first, second = float(bulk.sum()) / m, float(bulk @ bulk) / m
    unbiased = dof**2 / ((dof - 1) * (dof + 2)) * (second - m / dof * first**2)
    # Of equal trace, equal variances have the smallest second moment.
    return first, math.sqrt(2 * max(unbiased, first**2) / (dof * m)) / first


def _range(sample: Eigenvalues, n_signal: int) -> tuple[float, float]:
    bulk, grid = _bulk(sample, n_signal, "range")
    width, stderr = _expected_width(grid)
    return float((bulk[0] - bulk[-1]) / width), stderr / width


def _published_range(sample: Eigenvalues, n_signal: int, *, method: str, deflated: bool) -> tuple[float, float]:
    """``(λ_max - λ_min) / (4 sqrt(γ))`` of eigenvalues over the longer side."""
    n, p = sizes(sample)
    bulk = complete_bulk(sample, n_signal, method) * (n / max(n, p))
    ratio = len(bulk) / (max(n, p) - (n_signal if deflated else 0))
    width, stderr = _expected_width(_bulk(sample, n_signal, method)[1])
    return float(bulk[0] - bulk[-1]) / (4 * math.sqrt(ratio)), stderr / width


def _expected_width(grid: BulkGrid) -> tuple[float, float]:
    """Return mean and standard error of the largest less the smallest eigenvalue, in units of ``variance * n_long``."""
    small, large = grid.count, grid.count / grid.ratio
    law = TracyWidom(1)
    top = largest_eigenvalue_edge(large, small)
    width, squared_error = top.location + top.scale * law.mean(), top.scale**2 * law.var()
    if small < large:
        logarithm = smallest_eigenvalue_edge(large, small)
        lowest = math.exp(logarithm.location - logarithm.scale * law.mean())
        width -= lowest
        squared_error += (lowest * logarithm.scale) ** 2 * law.var()
    return width, math.sqrt(squared_error)


METHODS: dict[str, Callable[[Eigenvalues, int], tuple[float, float]]] = {
    "conditional": _conditional,
    "kritchman_nadler": _kritchman_nadler,
    "quantile": _quantile,
    "median": _median,
    "mean": _mean,
    "moments": _moments,
    "range": _range,
    "range_2016": functools.partial(_published_range, method="range_2016", deflated=False),
    "range_exp2": functools.partial(_published_range, method="range_exp2", deflated=True),
}
"""Estimators by name: variance and relative standard error, in units of the largest eigenvalue."""
