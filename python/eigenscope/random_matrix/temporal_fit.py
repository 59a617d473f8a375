"""Fit noise that is correlated in time to a spectrum, and count the eigenvalues above it."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..eigenvalues import Eigenvalues
from ..errors import InvalidInputError
from ..results.estimate import Estimate
from ..results.marchenko_pastur_fit import MarchenkoPasturFit
from ..results.spectrum import Spectrum
from .credibility import DOUBTFUL_GOODNESS
from .edges import Edge, edge_p_value, edge_threshold
from .noise_power import FEWEST_SAMPLES
from .noise_variance import NORMAL_95, sizes
from .sequential_test import limit_reason
from .temporal import (
    QUARTILES,
    CorrelatedMarchenkoPastur,
    ar1_coefficient,
    ar1_coefficient_of_spread,
    ar1_log_spread,
    ar1_power_spectrum,
)
from .temporal_goodness import correlated_goodness

Array = np.ndarray[Any, np.dtype[Any]]

MAX_STEPS = 200
"""Fixed-point steps for the noise variance; each multiplies the error by about k / n."""

TOLERANCE = 1e-13
"""Relative change of the noise variance at which the fixed point has converged."""

LESS_SPREAD, MORE_SPREAD = 1.7, 1.3
"""Factors between samples per effective sample by autocorrelation and by the bulk's spread that chance explains: the
spread's is 5 to 10 % low, with a standard deviation of 10 to 15 % in data of a hundred samples or features. Less
spread lowers the noise edge, and has to be the clearer for it."""

SPREAD_RANKS = 2.5
"""Eigenvalues by which chance moves a quartile: where strong correlation hardly spreads the bulk any further, these
and not the factors decide."""

FEW_EFFECTIVE_SAMPLES = 10
"""Below this many effective samples the laws for large data are rough."""


@dataclasses.dataclass(frozen=True)
class Assumption:
    """What is taken for granted before signals are counted.

    Parameters
    ----------
    laws : tuple of CorrelatedMarchenkoPastur
        The law of the noise, in units of its variance; then others that would do as well.
    kept : float
        Variance left by subtracting means, over what white noise keeps.
    doubts : tuple of str
        What speaks against it already.
    """

    laws: tuple[CorrelatedMarchenkoPastur, ...]
    kept: float = 1.0
    doubts: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class CorrelatedNoise:
    """The noise beside k signals: its law in units of its variance, the variance, and what the signals add."""

    law: CorrelatedMarchenkoPastur
    shrink: float
    variance: float
    signal_variances: Array
    separated: bool

    def edge(self, n_features: float) -> Edge:
        """Centre and scale the largest noise eigenvalue."""
        edge = self.law.largest_eigenvalue_edge(n_features)
        unit = self.shrink * self.variance
        return Edge(edge.location * unit, edge.scale * unit)

    def n_entries(self, n_samples: float, n_features: float) -> float:
        """Return the number of independent entries that would tell the variance as well as these data."""
        k = len(self.signal_variances)
        return (n_samples - k) * (n_features - k) / self.law.samples_per_effective_sample


def fit_correlated_noise(
    sample: Eigenvalues,
    temporal: str | ArrayLike,
    *,
    spectrum: Spectrum | None,
    method: str,
    significance: float,
) -> tuple[MarchenkoPasturFit, tuple[str, ...]]:
    """Fit noise of a given power spectrum, and say why what is left need not be noise, if so.

    `fit_marchenko_pastur` with ``temporal=…`` ends here.

    Noise variance and signals are made to explain each other as Kritchman and Nadler do for white noise: the trace is
    ``p`` times the variance plus what the signals add, and a signal adds ``1 / (λ m(λ) m̃(λ))``. The next eigenvalue
    is compared with the Tracy–Widom law at the edge of noise with as many fewer features and samples.

    Parameters
    ----------
    sample : Eigenvalues
        Checked eigenvalues, not all zero.
    temporal : "ar1", float or array_like
        As in `fit_marchenko_pastur`.
    spectrum : Spectrum or None
        Where "ar1" finds the autocorrelation.
    method : str
        Only "auto" and "kritchman_nadler".
    significance : float
        Level of each test.
    """
    if method not in ("auto", "kritchman_nadler"):
        raise InvalidInputError(f'noise correlated in time is fitted with method="kritchman_nadler", not {method!r}')
    assumed = _assumption(temporal, sample, spectrum)
    scale = float(sample.values[0])
    unit = sample.in_units_of(scale)
    p_values, noise, limits = _count(unit, assumed, significance)
    k = len(noise.signal_variances)
    goodness = _best_goodness(unit, k, assumed.laws)
    reasons = assumed.doubts + _reasons(sample, noise, goodness)
    variance = Estimate(noise.variance * scale) if limits else _variance(sample, scale, noise)
    return _assemble(sample, scale, noise, variance, p_values, goodness, reasons, significance), limits


def _count(
    unit: Eigenvalues, assumed: Assumption, significance: float
) -> tuple[Array, CorrelatedNoise, tuple[str, ...]]:
    """Test one eigenvalue after the other; return p-values, the noise beside the signals, and what ended the test."""
    n, p = sizes(unit)
    limit = min(int(min(n, p)) // 2, len(unit.values))
    p_values: list[float] = []
    for k in range(limit):
        noise = _explain(unit, k, assumed)
        p_values.append(edge_p_value(float(unit.values[k]), noise.edge(p - k), noise.n_entries(n, p)))
        if p_values[-1] > significance:
            return np.array(p_values), noise, ()
    return np.array(p_values), _explain(unit, limit, assumed), (limit_reason(limit, len(unit.values), int(min(n, p))),)


def _best_goodness(unit: Eigenvalues, n_signal: int, laws: tuple[CorrelatedMarchenkoPastur, ...]) -> float:
    """Return the highest p-value of the laws; NaN when none could be compared."""
    n, p = sizes(unit)
    reduced = (CorrelatedMarchenkoPastur(law.power_spectrum, (p - n_signal) / (n - n_signal)) for law in laws)
    found = [correlated_goodness(unit, n_signal, law) for law in reduced]
    return math.nan if np.all(np.isnan(found)) else float(np.nanmax(found))


def _reasons(sample: Eigenvalues, noise: CorrelatedNoise, goodness: float) -> tuple[str, ...]:
    """Name merging signals, few effective samples, and a bulk of another shape."""
    n = sizes(sample)[0]
    effective = n / noise.law.samples_per_effective_sample
    reasons = []
    if not noise.separated:
        reasons.append("the weakest signals merge with the noise: their number and strength are uncertain")
    if effective < FEW_EFFECTIVE_SAMPLES:
        reasons.append(
            f"{n:g} samples of this noise are worth {effective:.2g} independent ones: the laws for large data are rough"
        )
    if goodness < DOUBTFUL_GOODNESS:
        reasons.append(
            f"the bulk does not follow the law of noise correlated in this way (p = {goodness:.1g}): another power "
            "spectrum, features of unequal variance or power spectrum, or structure spread over many dimensions"
        )
    return tuple(reasons)


def _assumption(temporal: str | ArrayLike, sample: Eigenvalues, spectrum: Spectrum | None) -> Assumption:
    """Return the law of the noise that is left by subtracting means."""
    n, p = sizes(sample)
    doubts: tuple[str, ...] = ()
    n_powers = max(FEWEST_SAMPLES, round(n)) if spectrum is None else spectrum.n_samples
    if isinstance(temporal, str):
        coefficient, doubts = _coefficient(temporal, sample, spectrum)
        powers: ArrayLike = ar1_power_spectrum(coefficient, n_powers)
    elif np.ndim(temporal) == 0:
        powers = ar1_power_spectrum(temporal, n_powers)  # type: ignore[arg-type]
    else:
        powers = temporal
    whole = CorrelatedMarchenkoPastur(powers, p / n)
    # One power for every sample: the mean takes the lowest frequency with it, where white noise loses 1 / n.
    others = whole.power_spectrum[1:]
    n_left = n if spectrum is None else spectrum.n_samples - 1
    if len(others) == n_left and (spectrum is None or spectrum.centered):
        return Assumption((CorrelatedMarchenkoPastur(others, p / n),), float(others.mean()), doubts)
    if spectrum is None and np.ndim(temporal) == 0:
        # Plain eigenvalues do not tell whether means were subtracted.
        return Assumption((whole, CorrelatedMarchenkoPastur(others, p / n)))
    return Assumption((whole,), 1.0, doubts)


def _coefficient(temporal: str, sample: Eigenvalues, spectrum: Spectrum | None) -> tuple[float, tuple[str, ...]]:
    """Return the AR(1) coefficient of the noise behind a Spectrum, and doubts about it."""
    if temporal != "ar1":
        raise InvalidInputError(f'temporal must be None, "ar1", a number or a power spectrum; got {temporal!r}')
    if spectrum is None or math.isnan(spectrum.lag_one_autocorrelation):
        raise InvalidInputError(
            'temporal="ar1" needs the lag-one autocorrelation of the data: pass the Spectrum of '
            "covariance_spectrum(X), the AR(1) coefficient as a number, or noise_power_spectrum(X)"
        )
    found = ar1_coefficient(spectrum.lag_one_autocorrelation, spectrum.n_samples)
    return _reconciled(found, sample)


def _reconciled(coefficient: float, sample: Eigenvalues) -> tuple[float, tuple[str, ...]]:
    """Return the coefficient of the data, or that of the bulk where its spread is another one."""
    n, p = sizes(sample)
    rank = min(math.floor(n), p)
    if len(sample.values) < rank or not sample.values[rank - 1] > 0:
        return coefficient, ()
    spread = float(np.log(np.divide(*np.quantile(sample.values[:rank], QUARTILES[::-1]))))
    shift = min(SPREAD_RANKS / rank, 0.8 * QUARTILES[0])
    nearest, furthest = (ar1_log_spread(coefficient, p / n, way * shift) for way in (-1, 1))
    if nearest <= spread <= furthest:
        return coefficient, ()
    redundancy = (1 + coefficient**2) / (1 - coefficient**2)
    # B = (1 + φ²) / (1 - φ²) samples are worth one; φ² = (B - 1) / (B + 1).
    low, high = (math.sqrt(max(0.0, b - 1) / (b + 1)) for b in (redundancy / LESS_SPREAD, redundancy * MORE_SPREAD))
    too_narrow = spread < nearest and low > 0 and spread < ar1_log_spread(low, p / n)
    too_wide = spread > furthest and spread > ar1_log_spread(high, p / n)
    if not (too_narrow or too_wide):
        return coefficient, ()
    from_bulk = math.copysign(ar1_coefficient_of_spread(spread, p / n), coefficient)
    return from_bulk, (
        f"the bulk's eigenvalues spread as under an AR(1) coefficient of {from_bulk:.2f}, which was used, and not as "
        f"under that of the data ({coefficient:.2f}): signals with a correlation of their own, which "
        "noise_power_spectrum(X, n_signal=…) leaves out, or noise that is not AR(1) or of unequal variance",
    )


def _explain(sample: Eigenvalues, n_signal: int, assumed: Assumption) -> CorrelatedNoise:
    """Return noise variance and signals that explain each other, ``kept p s² = trace - Σ signal``."""
    n, p = sizes(sample)
    law, kept = assumed.laws[0], assumed.kept
    leading, total = sample.values[:n_signal], float(sample.rests[0])
    top = law.support[-1, 1]
    # Just above the edge stands in for everything below it, where no signal can be.
    lowest = top * (1 + 1e-9)
    variance, separated = float(sample.rests[n_signal]) / (kept * (p - n_signal)), False
    signals = np.zeros(n_signal)
    for _ in range(MAX_STEPS if n_signal else 0):
        relative = leading / variance
        signals = np.asarray(law.signal_variance(np.maximum(relative, lowest))) * variance
        following = (total - float(signals.sum())) / (kept * p)
        change = abs(following - variance)
        variance = max(following, variance / 2)
        separated = bool(np.all(relative > top))
        if change <= TOLERANCE * variance:
            break
    if n_signal == 0:
        return CorrelatedNoise(law, 1.0, variance, signals, True)
    reduced = CorrelatedMarchenkoPastur(law.power_spectrum, (p - n_signal) / (n - n_signal))
    return CorrelatedNoise(reduced, (n - n_signal) / n, variance, signals, separated)


def _variance(sample: Eigenvalues, scale: float, noise: CorrelatedNoise) -> Estimate:
    """Return the variance with an interval that allows for signals as slow as the noise.

    A signal that is white in time takes one sample of noise with it, one with the noise's own power spectrum as many as
    are worth one independent sample, which eigenvalues do not tell.
    """
    n, p = sizes(sample)
    variance = noise.variance * scale
    stderr = variance * math.sqrt(2 / noise.n_entries(n, p))
    margin = NORMAL_95 * stderr
    taken = variance * len(noise.signal_variances) * (noise.law.samples_per_effective_sample - 1) / n
    return Estimate(variance, stderr, (max(0.0, variance - margin), variance + margin + taken))


def _assemble(
    sample: Eigenvalues,
    scale: float,
    noise: CorrelatedNoise,
    variance: Estimate,
    p_values: Array,
    goodness: float,
    reasons: tuple[str, ...],
    significance: float,
) -> MarchenkoPasturFit:
    n, p = sizes(sample)
    n_signal, n_entries = len(noise.signal_variances), noise.n_entries(n, p)
    law = CorrelatedMarchenkoPastur(noise.law.power_spectrum, p / n, variance.value)
    return MarchenkoPasturFit(
        variance=variance,
        ratio=p / n,
        edges=(float(law.support[0, 0]), float(law.support[-1, 1])),
        upper_edge_threshold=edge_threshold(significance, noise.edge(p - n_signal), n_entries) * scale,
        n_signal=n_signal,
        signal_eigenvalues=(noise.signal_variances + noise.variance) * scale,
        # They depend on the signals' own correlation in time, which eigenvalues do not tell.
        signal_stderrs=np.full(n_signal, np.nan),
        p_values=p_values,
        significance=significance,
        goodness=goodness,
        method="kritchman_nadler",
        credible=not reasons,
        reasons=reasons,
        eigenvalues=sample.values,
        n_samples=n,
        n_features=p,
        power_spectrum=noise.law.power_spectrum,
    )
