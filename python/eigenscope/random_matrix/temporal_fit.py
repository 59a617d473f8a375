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
from .edges import Edge, edge_p_value, edge_threshold
from .noise_variance import NORMAL_95, sizes
from .temporal import QUARTILES, CorrelatedMarchenkoPastur, ar1_coefficient, ar1_coefficient_of_spread, ar1_log_spread

Array = np.ndarray[Any, np.dtype[Any]]

MAX_STEPS = 200
"""Fixed-point steps for the noise variance; each multiplies the error by about k / n."""

TOLERANCE = 1e-13
"""Relative change of the noise variance at which the fixed point has converged."""

LESS_SPREAD, MORE_SPREAD = 1.7, 1.3
"""Factors between samples per effective sample by autocorrelation and by the bulk's spread that chance explains: the
spread's is 5 to 10 % low, with a standard deviation of 10 to 15 % in data of a hundred samples or features. Less
spread lowers the noise edge, and has to be the clearer for it."""

FEW_EFFECTIVE_SAMPLES = 10
"""Below this many effective samples the laws for large data are rough."""


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


def fit_correlated_noise(
    sample: Eigenvalues,
    temporal: str | ArrayLike,
    *,
    spectrum: Spectrum | None,
    method: str,
    significance: float,
) -> MarchenkoPasturFit:
    """Fit noise of a given power spectrum; `fit_marchenko_pastur` with ``temporal=…`` ends here.

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
    n, p = sizes(sample)
    law, kept, doubts = _law(temporal, sample, spectrum)
    scale = float(sample.values[0])
    unit = sample.in_units_of(scale)
    p_values: list[float] = []
    limit = min(int(min(n, p)) // 2, len(unit.values))
    reasons = list(doubts)
    while True:
        k = len(p_values)
        noise = _explain(unit, k, law, kept)
        n_entries = (n - k) * (p - k) / law.samples_per_effective_sample
        if k == limit:
            reasons.append(
                f"all {k} eigenvalues tested exceed the noise edge: there is no low-rank signal in this noise"
            )
            break
        p_values.append(edge_p_value(float(unit.values[k]), noise.edge(p - k), n_entries))
        if p_values[-1] > significance:
            break
    k = sum(value <= significance for value in p_values)
    if not noise.separated:
        reasons.append("the weakest signals merge with the noise: their number and strength are uncertain")
    if n / law.samples_per_effective_sample < FEW_EFFECTIVE_SAMPLES:
        reasons.append(
            f"{n:g} samples of this noise are worth {n / law.samples_per_effective_sample:.2g} independent ones: "
            "the laws for large data are rough"
        )
    return _assemble(sample, scale, noise, k, np.array(p_values), n_entries, tuple(reasons), significance)


def _law(
    temporal: str | ArrayLike, sample: Eigenvalues, spectrum: Spectrum | None
) -> tuple[CorrelatedMarchenkoPastur, float, list[str]]:
    """Return the law, the share of the noise's variance left after subtracting means, and doubts about the law."""
    n, p = sizes(sample)
    if isinstance(temporal, str):
        if temporal != "ar1":
            raise InvalidInputError(f'temporal must be None, "ar1", a number or a power spectrum; got {temporal!r}')
        if spectrum is None or math.isnan(spectrum.lag_one_autocorrelation):
            raise InvalidInputError(
                'temporal="ar1" needs the lag-one autocorrelation of the data: pass the Spectrum of '
                "covariance_spectrum(X), the AR(1) coefficient as a number, or noise_power_spectrum(X)"
            )
        raw = ar1_coefficient(spectrum.lag_one_autocorrelation, spectrum.n_samples)
        coefficient, doubts = _reconciled(raw, sample)
        # A mean over correlated samples takes V / n of the variance with it, where white noise loses 1 / n.
        lost = (1 + coefficient) / (1 - coefficient) / spectrum.n_samples if spectrum.centered else 0.0
        kept = (1 - lost) * spectrum.n_samples / spectrum.degrees_of_freedom
        return CorrelatedMarchenkoPastur.autoregressive(coefficient, p / n), kept, doubts
    if np.ndim(temporal) == 0:
        return CorrelatedMarchenkoPastur.autoregressive(float(temporal), p / n), 1.0, []  # type: ignore[arg-type]
    return CorrelatedMarchenkoPastur(temporal, p / n), 1.0, []


def _reconciled(coefficient: float, sample: Eigenvalues) -> tuple[float, list[str]]:
    """Return the coefficient of the noise, from the spread of the bulk where signals pull the data's correlation."""
    n, p = sizes(sample)
    rank = min(math.floor(n), p)
    if len(sample.values) < rank or not sample.values[rank - 1] > 0:
        return coefficient, []
    spread = float(np.log(np.divide(*np.quantile(sample.values[:rank], QUARTILES[::-1]))))
    redundancy = (1 + coefficient**2) / (1 - coefficient**2)
    # B = (1 + φ²) / (1 - φ²) samples are worth one; φ² = (B - 1) / (B + 1).
    low, high = (math.sqrt(max(0.0, b - 1) / (b + 1)) for b in (redundancy / LESS_SPREAD, redundancy * MORE_SPREAD))
    too_narrow = low > 0 and spread < ar1_log_spread(low, p / n)
    if not too_narrow and spread <= ar1_log_spread(high, p / n):
        return coefficient, []
    from_bulk = math.copysign(ar1_coefficient_of_spread(spread, p / n), coefficient)
    return from_bulk, [
        f"the data's autocorrelation ({coefficient:.2f}) is not that of the noise, whose eigenvalues spread as if it "
        f"were {from_bulk:.2f}, which was used: signals pull it; noise_power_spectrum(X, n_signal=…) measures the noise"
    ]


def _explain(sample: Eigenvalues, n_signal: int, law: CorrelatedMarchenkoPastur, kept: float) -> CorrelatedNoise:
    """Return noise variance and signals that explain each other, ``kept p s² = trace - Σ signal``."""
    n, p = sizes(sample)
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


def _assemble(
    sample: Eigenvalues,
    scale: float,
    noise: CorrelatedNoise,
    n_signal: int,
    p_values: Array,
    n_entries: float,
    reasons: tuple[str, ...],
    significance: float,
) -> MarchenkoPasturFit:
    n, p = sizes(sample)
    variance = noise.variance * scale
    stderr = variance * math.sqrt(2 / n_entries)
    margin = NORMAL_95 * stderr
    law = CorrelatedMarchenkoPastur(noise.law.power_spectrum, p / n, variance)
    return MarchenkoPasturFit(
        variance=Estimate(variance, stderr, (max(0.0, variance - margin), variance + margin)),
        ratio=p / n,
        edges=(float(law.support[0, 0]), float(law.support[-1, 1])),
        upper_edge_threshold=edge_threshold(significance, noise.edge(p - n_signal), n_entries) * scale,
        n_signal=n_signal,
        signal_eigenvalues=(noise.signal_variances + noise.variance) * scale,
        # They depend on the signals' own correlation in time, which eigenvalues do not tell.
        signal_stderrs=np.full(n_signal, np.nan),
        p_values=p_values,
        significance=significance,
        goodness=math.nan,
        method="kritchman_nadler",
        credible=not reasons,
        reasons=reasons,
        eigenvalues=sample.values,
        n_samples=n,
        n_features=p,
        power_spectrum=noise.law.power_spectrum,
    )
