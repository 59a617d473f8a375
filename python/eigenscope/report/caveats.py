"""What a reader must know before believing the numbers, as sentences with numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..heavy_tails import HEAVY_TAILS
from ..results.marchenko_pastur_fit import MarchenkoPasturFit
from ..results.power_law_fit import PowerLawFit
from ..results.spectrum import Spectrum
from .result import DataDescription, DimensionRule

Array = np.ndarray[Any, np.dtype[Any]]

STRONG_AUTOCORRELATION = 0.2
"""Lag-one autocorrelation from which the law for independent samples is visibly off."""

UNEQUAL_VARIANCES = 4.0
"""Ratio of 90th to 10th percentile of feature variances from which noise is hardly the same for all."""


def list_warnings(
    data: DataDescription,
    spectrum: Spectrum,
    noise: MarchenkoPasturFit | None,
    rules: tuple[DimensionRule, ...],
    power_law: PowerLawFit | None,
    *,
    rank: int,
    excess_kurtosis: float,
) -> tuple[str, ...]:
    """Return the warnings that apply, most important first.

    Parameters
    ----------
    data : DataDescription
        What went in.
    spectrum : Spectrum
        Its spectrum.
    noise : MarchenkoPasturFit or None
        The noise fit.
    rules : tuple of DimensionRule
        Dimensions above noise.
    power_law : PowerLawFit or None
        The power-law fit.
    rank : int
        Number of eigenvalues above rounding.
    excess_kurtosis : float
        Median over features; NaN when not known.

    Returns
    -------
    tuple of str
        Sentences.
    """
    return (
        *_about_samples(spectrum),
        *_about_features(data, spectrum, rank, excess_kurtosis),
        *_about_noise(noise, rules, rank, min(spectrum.degrees_of_freedom, spectrum.n_features)),
        *_about_power_law(noise, power_law),
    )


def _about_samples(spectrum: Spectrum) -> Iterator[str]:
    if not spectrum.centered:
        share = ""
        if spectrum.feature_means is not None and not spectrum.scaled:
            squares = float(spectrum.n_samples / spectrum.degrees_of_freedom * np.sum(spectrum.feature_means**2))
            share = f": it holds {squares / spectrum.total_variance:.0%} of the sum of squares"
        yield (
            f"The mean was not subtracted{share}. It counts as a dimension and raises the first eigenvalue; "
            "use center=True unless zero is a meaningful origin."
        )
    # One dimension of n independent samples has a lag-one autocorrelation of about ± 1/sqrt(n).
    if spectrum.lag_one_autocorrelation > max(STRONG_AUTOCORRELATION, 4 / math.sqrt(spectrum.n_samples)):
        yield (
            f"Successive samples are alike (lag-one autocorrelation {spectrum.lag_one_autocorrelation:.2f}). "
            "Noise edge, error bars and all three counts assume independent samples: if the noise is as slow "
            "as the data, it reaches beyond the edge, the counts are upper bounds and the errors too small."
        )
    if spectrum.n_samples <= spectrum.n_features:
        yield (
            f"Fewer samples ({spectrum.n_samples:,}) than features ({spectrum.n_features:,}): at most "
            f"{min(spectrum.degrees_of_freedom, spectrum.n_features):,} eigenvalues differ from zero, and "
            "dimensions that hold little variance cannot be seen."
        )


def _about_features(data: DataDescription, spectrum: Spectrum, rank: int, excess_kurtosis: float) -> Iterator[str]:
    if data.n_missing:
        yield (
            f'{data.n_missing:,} missing values were treated by nan="{data.missing_policy}": '
            f"{spectrum.n_samples:,} of {data.n_samples:,} samples and {spectrum.n_features:,} of "
            f"{data.n_features:,} features were used."
        )
    if data.n_constant_features:
        yield (
            f"{data.n_constant_features:,} of {data.n_features:,} features are constant: they hold no "
            "variance and lower the noise variance per feature; drop them if they are dead channels."
        )
    n_dependent = _count_dependent(data, spectrum, rank)
    if n_dependent:
        yield (
            f"Features depend on each other exactly: {n_dependent:,} of {spectrum.n_features:,} directions "
            "hold no variance. Look for features that are copies or sums of others."
        )
    variances = spectrum.feature_variances
    if variances is not None and not spectrum.scaled and len(variances[variances > 0]):
        low, high = np.percentile(variances[variances > 0], [10, 90])
        if high > UNEQUAL_VARIANCES * low:
            yield (
                f"Features differ in variance {high / low:.3g}-fold (10th to 90th percentile). The law "
                "assumes equal noise in all, and loud features pass its edge on their own: scale=True "
                "analyses correlations instead."
            )
    if excess_kurtosis > HEAVY_TAILS:
        yield (
            f"Heavy tails (median excess kurtosis {excess_kurtosis:.3g}): a few extreme samples can stand "
            "above the noise edge on their own; parallel analysis keeps the tails in its null."
        )


def _count_dependent(data: DataDescription, spectrum: Spectrum, rank: int) -> int:
    """Count eigenvalues at rounding level that neither few samples nor constant features explain."""
    n_zero = min(len(spectrum.eigenvalues), spectrum.degrees_of_freedom, spectrum.n_features) - rank
    expected = 0 if spectrum.scaled else data.n_constant_features
    return n_zero - expected if n_zero > expected and spectrum.n_samples > spectrum.n_features else 0


def _about_noise(
    noise: MarchenkoPasturFit | None, rules: tuple[DimensionRule, ...], rank: int, n_eigenvalues: int
) -> Iterator[str]:
    if noise is None and rank < n_eigenvalues:
        yield (
            f"The data hold no noise that could be fitted: nothing but rounding is left beyond rank {rank:,}. "
            "Only parallel analysis counts dimensions."
        )
        return
    if noise is None:
        yield "Too few eigenvalues for a noise fit: only parallel analysis counts dimensions."
        return
    if not noise.credible:
        yield "The noise fit is not credible: " + "; ".join(noise.reasons) + "."
    counts = [rule.n_dimensions for rule in rules]
    if max(counts) > 2 * min(counts) + 5:
        yield (
            f"The rules disagree: {min(counts):,} to {max(counts):,} dimensions above noise. Report the "
            "range, and what each rule counts."
        )


def _about_power_law(noise: MarchenkoPasturFit | None, power_law: PowerLawFit | None) -> Iterator[str]:
    if power_law is None:
        yield "Too few eigenvalues for a power-law fit."
        return
    first, last = power_law.ranks
    if noise is not None and last > noise.n_signal:
        yield (
            f"The power law was fitted to ranks {first:,}–{last:,}, but noise begins at rank "
            f"{noise.n_signal + 1:,}: the exponent describes the noise bulk as well as the signal."
        )
