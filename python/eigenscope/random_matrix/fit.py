"""Fit white noise to a spectrum and count the eigenvalues above it."""

from __future__ import annotations

import dataclasses
import math
import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import is_whole_number
from ..density.noise import known_of_covariance
from ..eigenvalues import Eigenvalues, as_eigenvalues
from ..errors import DataWarning, InvalidInputError
from ..results.estimate import Estimate
from ..results.marchenko_pastur_fit import MarchenkoPasturFit
from ..results.spectral_density import SpectralDensity
from ..results.spectrum import Spectrum
from .credibility import (
    correlation_reasons,
    data_reasons,
    effective_number,
    effective_number_reasons,
    goodness_reasons,
    singular_value_reasons,
    size_reasons,
    smallest_eigenvalue_reasons,
)
from .crowded_spikes import debiased_spikes
from .edges import check_significance, edge_threshold
from .goodness import bulk_goodness, smallest_noise_p_value
from .noise_variance import METHODS, check_enough, check_rank, sizes, variance_of
from .sequential_test import SpikeTest, sequential_test
from .temporal_fit import fit_correlated_noise

Array = np.ndarray[Any, np.dtype[Any]]

DOUBTFUL_SIGNAL = 1e-3
"""A signal with a p-value above this may be noise …"""

DOUBTFUL_NOISE = 0.5
"""… and noise with one below this a signal: the interval of the variance allows for either."""


REMOVED_SHARE = 1e-5
"""What removing components leaves of them is rounding, a smaller share of the mean of the others."""


def fit_marchenko_pastur(
    spectrum_or_eigenvalues: Spectrum | SpectralDensity | ArrayLike,
    *,
    n_samples: float | None = None,
    n_features: int | None = None,
    total_variance: float | None = None,
    method: str = "auto",
    temporal: str | ArrayLike | None = None,
    significance: float = 0.05,
    n_removed: int = 0,
    n_regressors: int = 0,
) -> MarchenkoPasturFit:
    """Fit white noise to the bulk of a spectrum, and test which leading eigenvalues stand above it.

    Eigenvalues are tested one after the other. Each time the noise variance is estimated given where the
    leading ones lie in the sample, and the next one is compared with the Tracy–Widom law at the edge of noise
    *beside those spikes*; classical tests ignore that spikes push the noise down, and miss weak signals.

    Parameters
    ----------
    spectrum_or_eigenvalues : Spectrum, array_like of shape (k,), or spectral density
        Eigenvalues of a sample covariance in any order. The top k are enough when `total_variance` is given. Of a
        `SpectralDensity` of a covariance the resolved top and the trace are taken; of another density with `nodes` and
        `weights` what eigenvalues these stand for, so that p-values are as rough as its resolution at the edge.
    n_samples : float, optional
        Degrees of freedom of the covariance: ``n - 1`` for centred data, else n. Taken from a Spectrum.
    n_features : int, optional
        Size of the covariance matrix. Taken from a Spectrum.
    total_variance : float, optional
        Trace of the covariance matrix. Taken from a Spectrum.
    method : str
        Estimator of the variance that is reported, one of those of `noise_variance`; "auto" is "conditional".
    temporal : None, "ar1", float or array_like
        How the noise is correlated in time. "ar1" takes the AR(1) coefficient from a Spectrum's lag-one
        autocorrelation, a number is that coefficient, and an array is a power spectrum (`noise_power_spectrum`); of one
        power per sample the first is that at frequency zero, which centring takes away.
    significance : float
        Level of each test: the probability of calling the largest noise eigenvalue a signal.
    n_removed : int
        Number of principal components removed from the data before. Their degrees of freedom are taken from both sizes,
        and the eigenvalues brought to the divisor ``n_samples - n_removed``.
    n_regressors : int
        Number of time courses or covariates regressed out of every feature before, beside the mean. Each takes one
        sample.

    Returns
    -------
    MarchenkoPasturFit
        With `credible` and `reasons` where an assumption looks broken. Noise is taken as independent over
        samples and features, of equal variance, with tails no heavier than about Gaussian. When half of all
        eigenvalues are signals, the rest need not be noise: the error of its variance is NaN.

    Raises
    ------
    InvalidInputError
        For missing sizes, NaN, large negative eigenvalues, more non-zero eigenvalues than samples, or a `temporal`
        that cannot be used.

    Warns
    -----
    DataWarning
        When successive samples are clearly correlated, tails are heavy, or the mean was not subtracted and dominates,
        which plain eigenvalues do not tell; or else when the values look like singular values, or half of all
        eigenvalues, or all that were given, are signals.

    References
    ----------
    Kritchman and Nadler 2009, IEEE Trans. Signal Process. 57 (sequential tests); Anderson 1965, Ann. Math.
    Statist. 36 (eigenvalues given the spikes); Nadler 2011, J. Multivariate Analysis 102 (estimated variance).

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope import fit_marchenko_pastur
    >>> data = np.random.default_rng(0).standard_normal((400, 100))
    >>> data[:, 0] *= 3
    >>> fit = fit_marchenko_pastur(np.linalg.eigvalsh(data.T @ data / 400), n_samples=400, n_features=100)
    >>> fit.n_signal
    1
    """
    fit, doubts = fit_and_doubts(
        spectrum_or_eigenvalues,
        n_samples=n_samples,
        n_features=n_features,
        total_variance=total_variance,
        method=method,
        temporal=temporal,
        significance=significance,
        n_removed=n_removed,
        n_regressors=n_regressors,
    )
    for text in doubts:
        warnings.warn(text, DataWarning, stacklevel=3)
    return fit


def fit_and_doubts(
    spectrum_or_eigenvalues: Spectrum | SpectralDensity | ArrayLike,
    *,
    n_samples: float | None = None,
    n_features: int | None = None,
    total_variance: float | None = None,
    method: str = "auto",
    temporal: str | ArrayLike | None = None,
    significance: float = 0.05,
    n_removed: int = 0,
    n_regressors: int = 0,
) -> tuple[MarchenkoPasturFit, tuple[str, ...]]:
    """Return what `fit_marchenko_pastur` does, and what it warns of."""
    check_significance(significance)
    chosen = _check_method(method)
    if isinstance(spectrum_or_eigenvalues, SpectralDensity):
        density = spectrum_or_eigenvalues
        # The trace is exact and the top resolved, where eigenvalues read off the nodes have the error of the probes.
        spectrum_or_eigenvalues, trace = known_of_covariance(density)
        n_samples = density.n_samples if n_samples is None else n_samples
        n_features = density.order if n_features is None else n_features
        total_variance = trace if total_variance is None else total_variance
    sample = as_eigenvalues(
        spectrum_or_eigenvalues, n_samples=n_samples, n_features=n_features, total_variance=total_variance
    )
    check_rank(spectrum_or_eigenvalues, sample, n_samples)
    sample = _without_removed(_without_regressors(sample, n_regressors), n_removed)
    check_enough(sample)
    if sample.values[0] == 0:
        return _zero_fit(sample, chosen, significance), ()
    spectrum = spectrum_or_eigenvalues if isinstance(spectrum_or_eigenvalues, Spectrum) else None
    known = () if spectrum is None else data_reasons(spectrum)
    if temporal is not None:
        fit, limits = fit_correlated_noise(
            sample, temporal, spectrum=spectrum, method=method, significance=significance
        )
        return _with_reasons(fit, limits + known), known or limits
    if spectrum is not None:
        known += correlation_reasons(spectrum)
    fit, effects = _fit_white_noise(sample, chosen, significance)
    # A cause that is known is warned of, not its effects too.
    return _with_reasons(fit, effects + known), known or effects


def _with_reasons(fit: MarchenkoPasturFit, reasons: tuple[str, ...]) -> MarchenkoPasturFit:
    return dataclasses.replace(fit, credible=fit.credible and not reasons, reasons=fit.reasons + reasons)


def _without_regressors(sample: Eigenvalues, n_regressors: int) -> Eigenvalues:
    """Return the spectrum of as many fewer samples, with the divisor that belongs to it."""
    if n_regressors == 0:
        return sample
    n, _ = sizes(sample)
    if not is_whole_number(n_regressors) or not 0 < n_regressors < n - 1:
        raise InvalidInputError(
            f"n_regressors must be an integer from 0 to n_samples - 2 = {n - 2:g}, got {n_regressors!r}"
        )
    factor = n / (n - n_regressors)
    return dataclasses.replace(
        sample,
        values=sample.values * factor,
        n_samples=n - n_regressors,
        total_variance=sample.total_variance * factor,
    )


def _without_removed(sample: Eigenvalues, n_removed: int) -> Eigenvalues:
    """Return the spectrum of data of fewer dimensions, with the divisor that belongs to it."""
    if n_removed == 0:
        return sample
    n, p = sizes(sample)
    if not is_whole_number(n_removed) or not 0 < n_removed < min(n, p) - 1:
        raise InvalidInputError(
            f"n_removed must be an integer from 0 to min(n_samples, n_features) - 2 = {min(n, p) - 2:g}, "
            f"got {n_removed!r}"
        )
    left = int(min(n, p) - n_removed)
    beyond = sample.values[left : int(min(n, p))]
    if beyond.size and beyond[0] > REMOVED_SHARE * float(np.mean(sample.values[:left])):
        raise InvalidInputError(
            f"{n_removed} components removed leave {left} eigenvalues that are not zero, and number {left + 1} is "
            f"{beyond[0]:.3g}: use n_regressors={n_removed} for what was regressed out over samples"
        )
    factor = n / (n - n_removed)
    values = sample.values[:left] * factor
    return Eigenvalues(values, n - n_removed, int(p - n_removed), sample.total_variance * factor, sample.is_complete)


def _check_method(method: str) -> str:
    if method not in ("auto", *METHODS):
        raise InvalidInputError(f"method must be one of auto, {', '.join(METHODS)}; got {method!r}")
    return "conditional" if method == "auto" else method


def _fit_white_noise(
    sample: Eigenvalues, method: str, significance: float
) -> tuple[MarchenkoPasturFit, tuple[str, ...]]:
    """Return the fit with its quieter reasons for doubt, and those that deserve a warning."""
    n, p = sizes(sample)
    # In units of the largest eigenvalue nothing overflows, however the data are scaled.
    scale = float(sample.values[0])
    unit = sample.in_units_of(scale)
    test = sequential_test(unit, significance)
    k = test.n_signal
    goodness, smallest, effective = bulk_goodness(unit, k), smallest_noise_p_value(unit, k), effective_number(unit, k)
    reasons = (
        *test.reasons,
        *size_reasons(n, p),
        *goodness_reasons(goodness),
        *smallest_eigenvalue_reasons(smallest),
        *effective_number_reasons(effective, n),
    )
    fit = _assemble(
        sample, scale, test, _variance(unit, test, method),
        significance=significance, method=method, credible=not reasons, reasons=reasons,
        goodness=goodness, smallest_p_value=smallest, effective_samples=effective,
    )  # fmt: skip
    return fit, test.limits + singular_value_reasons(unit, goodness, significance)


def _variance(sample: Eigenvalues, test: SpikeTest, method: str) -> Estimate:
    """Return the variance with an interval that one signal more, or one less, would not leave where the test doubts."""
    variance = variance_of(sample, test.n_signal, method)
    if test.limits:
        return Estimate(variance.value)
    k, (low, high) = test.n_signal, variance.interval
    if k < len(test.p_values) and test.p_values[k] < DOUBTFUL_NOISE:
        low = min(low, variance_of(sample, k + 1, method).interval[0])
    if k > 0 and test.p_values[k - 1] > DOUBTFUL_SIGNAL:
        high = max(high, variance_of(sample, k - 1, method).interval[1])
    return Estimate(variance.value, variance.stderr, (low, high))


def _assemble(
    sample: Eigenvalues, scale: float, test: SpikeTest, variance: Estimate, *, significance: float, **fields: Any
) -> MarchenkoPasturFit:
    """Return the fit in the units of the data, with further fields as they are."""
    n, p = sizes(sample)
    k, ratio, noise = test.n_signal, p / n, variance.value
    if math.isnan(test.edge.location) or not noise > 0:
        threshold, spikes, stderrs = 0.0, sample.values[:k] / scale, np.full(k, np.nan)
    else:
        threshold = edge_threshold(significance, test.edge, test.n_entries) * scale
        spikes, stderrs = debiased_spikes(sample.values[:k] / scale, (p - k) / n, n, variance=noise)
    low, high = variance.interval
    return MarchenkoPasturFit(
        variance=Estimate(noise * scale, variance.stderr * scale, (low * scale, high * scale)),
        ratio=ratio,
        edges=(noise * scale * (1 - math.sqrt(ratio)) ** 2, noise * scale * (1 + math.sqrt(ratio)) ** 2),
        upper_edge_threshold=threshold,
        n_signal=k,
        signal_eigenvalues=spikes * scale,
        signal_stderrs=stderrs * scale,
        p_values=test.p_values,
        significance=significance,
        eigenvalues=sample.values,
        n_samples=n,
        n_features=p,
        **fields,
    )


def _zero_fit(sample: Eigenvalues, method: str, significance: float) -> MarchenkoPasturFit:
    n, p = sizes(sample)
    return MarchenkoPasturFit(
        variance=Estimate(0.0, 0.0, (0.0, 0.0)),
        ratio=p / n,
        edges=(0.0, 0.0),
        upper_edge_threshold=0.0,
        n_signal=0,
        signal_eigenvalues=np.empty(0),
        signal_stderrs=np.empty(0),
        p_values=np.empty(0),
        significance=significance,
        goodness=math.nan,
        method=method,
        credible=False,
        reasons=("all eigenvalues are zero: the data do not vary",),
        eigenvalues=sample.values,
        n_samples=n,
        n_features=p,
    )
