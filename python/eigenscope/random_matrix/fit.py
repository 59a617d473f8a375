"""Fit white noise to a spectrum and count the eigenvalues above it."""

from __future__ import annotations

import dataclasses
import math
import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..eigenvalues import Eigenvalues, as_eigenvalues
from ..errors import DataWarning, InvalidInputError
from ..results.estimate import Estimate
from ..results.marchenko_pastur_fit import MarchenkoPasturFit
from ..results.spectrum import Spectrum
from .edges import Edge, check_significance, edge_p_value, edge_threshold, spiked_noise_edge
from .goodness import bulk_goodness
from .noise_variance import METHODS, kritchman_nadler, noise_variance, sizes
from .spikes import spike_stderr
from .temporal_fit import fit_correlated_noise

Array = np.ndarray[Any, np.dtype[Any]]

MATERIAL_AUTOCORRELATION = 0.05
"""Smaller lag-one autocorrelations move the noise edge by less than 0.3 %, below other errors."""

FEW = 10
"""Below this many samples or features the asymptotic laws are off by more than their nominal levels."""

ROUNDING = 1e-12
"""A rest smaller than this share of the total variance is rounding, not noise."""

GIANT_SHARE = 0.5
"""An uncentred spectrum whose first eigenvalue holds this share of the variance is dominated by the mean."""

DOUBTFUL_GOODNESS = 0.01
"""Goodness-of-fit p-value below which the fit is called doubtful."""


@dataclasses.dataclass(frozen=True)
class SpikeTest:
    """Outcome of the sequential test: where it stopped and why."""

    n_signal: int
    p_values: Array
    edge: Edge
    separated: bool
    reasons: tuple[str, ...]


def fit_marchenko_pastur(
    spectrum_or_eigenvalues: Spectrum | ArrayLike,
    *,
    n_samples: float | None = None,
    n_features: int | None = None,
    total_variance: float | None = None,
    method: str = "auto",
    temporal: str | ArrayLike | None = None,
    significance: float = 0.05,
) -> MarchenkoPasturFit:
    """Fit white noise to the bulk of a spectrum, and test which leading eigenvalues stand above it.

    Eigenvalues are tested one after the other. Each time the noise variance is estimated with the leading
    ones as spikes (Kritchman and Nadler), and the next one is compared with the Tracy–Widom law at the edge
    of noise *beside those spikes*; classical tests ignore that spikes push the noise down, and miss weak
    signals.

    Parameters
    ----------
    spectrum_or_eigenvalues : Spectrum or array_like, shape (k,)
        Eigenvalues of a sample covariance in any order. The top k are enough when `total_variance` is given.
    n_samples : float, optional
        Degrees of freedom of the covariance: ``n - 1`` for centred data, else n. Taken from a Spectrum.
    n_features : int, optional
        Size of the covariance matrix. Taken from a Spectrum.
    total_variance : float, optional
        Trace of the covariance matrix. Taken from a Spectrum.
    method : {"auto", "kritchman_nadler", "quantile", "median"}
        Estimator of the variance that is reported; "auto" is "kritchman_nadler". See `noise_variance`.
    temporal : None, "ar1", float or array_like
        How the noise is correlated in time. "ar1" takes the AR(1) coefficient from a Spectrum's lag-one
        autocorrelation, a number is that coefficient, and an array is a power spectrum (`noise_power_spectrum`).
    significance : float
        Level of each test: the probability of calling the largest noise eigenvalue a signal.

    Returns
    -------
    MarchenkoPasturFit
        With `credible` and `reasons` where an assumption looks broken. Noise is taken as independent over
        samples and features, of equal variance, with tails no heavier than about Gaussian.

    Raises
    ------
    InvalidInputError
        For missing sizes, NaN, large negative eigenvalues, or a `temporal` that cannot be used.

    Warns
    -----
    DataWarning
        When successive samples are clearly correlated: the noise edge is then too low.

    References
    ----------
    Kritchman and Nadler 2009, IEEE Trans. Signal Process. 57; El Karoui 2007, Annals of Probability 35;
    Nadler 2011, J. Multivariate Analysis 102.

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
    check_significance(significance)
    chosen = _check_method(method)
    sample = as_eigenvalues(
        spectrum_or_eigenvalues, n_samples=n_samples, n_features=n_features, total_variance=total_variance
    )
    n, p = sizes(sample)
    _check_enough(sample, n, p)
    if sample.values[0] == 0:
        return _zero_fit(sample, chosen, significance)
    if temporal is not None:
        spectrum = spectrum_or_eigenvalues if isinstance(spectrum_or_eigenvalues, Spectrum) else None
        return fit_correlated_noise(sample, temporal, spectrum=spectrum, method=method, significance=significance)
    # In units of the largest eigenvalue nothing overflows, however the data are scaled.
    scale = float(sample.values[0])
    unit = dataclasses.replace(sample, values=sample.values / scale, total_variance=sample.total_variance / scale)
    test = _sequential_test(unit, significance)
    variance = _variance(unit, test.n_signal, chosen)
    goodness = bulk_goodness(unit.values[test.n_signal :], n - test.n_signal, p - test.n_signal, unit.is_complete)
    reasons = test.reasons + _size_reasons(n, p) + _goodness_reasons(goodness)
    if isinstance(spectrum_or_eigenvalues, Spectrum):
        reasons += _spectrum_reasons(spectrum_or_eigenvalues)
    return _assemble(sample, scale, test, variance, goodness, reasons, chosen, significance)


def _check_method(method: str) -> str:
    if method not in ("auto", *METHODS):
        raise InvalidInputError(f"method must be one of auto, {', '.join(METHODS)}; got {method!r}")
    return METHODS[0] if method == "auto" else method


def _check_enough(sample: Eigenvalues, n: float, p: int) -> None:
    needed = int(min(n, p))
    if needed < 2:
        raise InvalidInputError(f"n_samples={n:g} and n_features={p} leave {needed} eigenvalue: nothing to fit")
    if len(sample.values) < needed and sample.is_complete:
        raise InvalidInputError(
            f"{len(sample.values)} eigenvalues where n_samples={n:g} and n_features={p} give {needed}: pass "
            "total_variance= (the trace) for the top ones only, or add the zeros that were left out"
        )


def _sequential_test(sample: Eigenvalues, significance: float) -> SpikeTest:
    """Test eigenvalue after eigenvalue until one is explained by noise."""
    n, p = sizes(sample)
    limit = min(int(min(n, p)) // 2, len(sample.values))
    p_values: list[float] = []
    reasons: list[str] = []
    edge, separated, k = Edge(math.nan, math.nan), True, 0
    while True:
        if sample.rests[k] <= ROUNDING * sample.total_variance:
            reasons.append(f"nothing but rounding is left beyond {k} eigenvalues: the data hold no noise to fit")
            break
        variance, spikes, explained = kritchman_nadler(sample, k)
        edge, separated = spiked_noise_edge(spikes, variance=variance, n_samples=n, n_features=p)
        separated = separated and explained
        if k == limit:
            reasons.append(_limit_reason(k, len(sample.values), int(min(n, p))))
            break
        p_values.append(edge_p_value(float(sample.values[k]), edge, n * (p - k)))
        if p_values[-1] > significance:
            break
        k += 1
    if not separated:
        reasons.append("the weakest signals merge with the noise: their number and strength are uncertain")
    return SpikeTest(k, np.array(p_values), edge, separated, tuple(reasons))


def _limit_reason(k: int, n_given: int, n_possible: int) -> str:
    if k == n_given < n_possible // 2:
        return f"all {k} eigenvalues given are signals: there may be more, ask for more eigenvalues"
    return f"half of all {n_possible} eigenvalues ({k}) exceed the noise edge: no low-rank signal in white noise"


def _variance(sample: Eigenvalues, n_signal: int, method: str) -> Estimate:
    n, p = sizes(sample)
    return noise_variance(
        sample.values,
        n_signal,
        n_samples=n,
        n_features=p,
        total_variance=None if sample.is_complete else sample.total_variance,
        method=method,
    )


def _size_reasons(n: float, p: int) -> tuple[str, ...]:
    if min(n, p) < FEW:
        return (f"with {n:g} samples and {p} features the laws for large data are rough",)
    return ()


def _goodness_reasons(goodness: float) -> tuple[str, ...]:
    if goodness < DOUBTFUL_GOODNESS:
        return (
            f"the bulk does not follow the Marchenko–Pastur law (p = {goodness:.1g}): noise of unequal "
            "variance, correlated samples, or structure spread over many dimensions",
        )
    return ()


def _spectrum_reasons(spectrum: Spectrum) -> tuple[str, ...]:
    reasons = []
    correlation = spectrum.lag_one_autocorrelation
    if abs(correlation) > max(MATERIAL_AUTOCORRELATION, 4 * _autocorrelation_stderr(spectrum)):
        text = (
            f"successive samples are correlated (lag one {correlation:.2f}): unless only the signals are, "
            'the noise reaches further than the fitted edge and too many signals are counted; temporal="ar1" '
            "or temporal=noise_power_spectrum(X) takes that into account"
        )
        warnings.warn(text, DataWarning, stacklevel=3)
        reasons.append(text)
    values = spectrum.eigenvalues
    if not spectrum.centered and len(values) and values[0] > GIANT_SHARE * spectrum.total_variance:
        reasons.append(
            "the data were not centred and the first eigenvalue holds "
            f"{values[0] / spectrum.total_variance:.0%} of the variance: it is the mean, not a signal; use "
            "center=True"
        )
    return tuple(reasons)


def _autocorrelation_stderr(spectrum: Spectrum) -> float:
    """Return the standard error of the pooled lag one of independent samples, ``sqrt(Σλ² / n) / Σλ``.

    Each principal component contributes independently with weight λ; eigenvalues not known are at most the last.
    """
    values, total = np.asarray(spectrum.eigenvalues, dtype=float), spectrum.total_variance
    if not total > 0:
        return math.inf
    shares = values / total
    squares = float(np.sum(shares**2)) + max(0.0, 1.0 - float(np.sum(shares))) * float(shares[-1])
    return math.sqrt(squares / max(1, spectrum.n_samples))


def _assemble(
    sample: Eigenvalues,
    scale: float,
    test: SpikeTest,
    variance: Estimate,
    goodness: float,
    reasons: tuple[str, ...],
    method: str,
    significance: float,
) -> MarchenkoPasturFit:
    n, p = sizes(sample)
    k, ratio, noise = test.n_signal, p / n, variance.value
    _, spikes, _ = kritchman_nadler(sample, k)
    if math.isnan(test.edge.location) or not noise > 0:
        threshold, stderrs = 0.0, np.full(k, np.nan)
    else:
        threshold = edge_threshold(significance, test.edge, n * (p - k)) * scale
        stderrs = np.asarray(spike_stderr(spikes / scale, (p - k) / n, n, variance=noise)) * scale
    low, high = variance.interval
    return MarchenkoPasturFit(
        variance=Estimate(noise * scale, variance.stderr * scale, (low * scale, high * scale)),
        ratio=ratio,
        edges=(noise * scale * (1 - math.sqrt(ratio)) ** 2, noise * scale * (1 + math.sqrt(ratio)) ** 2),
        upper_edge_threshold=threshold,
        n_signal=k,
        signal_eigenvalues=spikes,
        signal_stderrs=stderrs,
        p_values=test.p_values,
        significance=significance,
        goodness=goodness,
        method=method,
        credible=not reasons,
        reasons=reasons,
        eigenvalues=sample.values,
        n_samples=n,
        n_features=p,
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
