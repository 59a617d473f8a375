"""Whether a noise fit can be believed: what speaks against it, in words and numbers."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from ..eigenvalues import Eigenvalues
from ..errors import InvalidInputError
from ..heavy_tails import heavy_tail_reasons
from ..results.estimate import Estimate
from ..results.spectrum import Spectrum
from ..standardization import scale_factors
from .effective_samples import match_bulk
from .goodness import bulk_goodness
from .noise_variance import sizes
from .sequential_test import sequential_test

Array = np.ndarray[Any, np.dtype[Any]]

MATERIAL_AUTOCORRELATION = 0.05
"""Smaller lag-one autocorrelations move the noise edge by less than 0.3 %, below other errors."""

FEW = 10
"""Below this many samples or features the asymptotic laws are off by more than their nominal levels."""

GIANT_SHARE = 0.5
"""An uncentred spectrum whose first eigenvalue holds this share of the variance is dominated by the mean."""

DOUBTFUL_GOODNESS = 0.01
"""Goodness-of-fit p-value below which the fit is called doubtful."""

DOUBTFUL_SMALLEST = 1e-3
"""p-value of the smallest eigenvalue below which it is called too small."""

MOST_SIGNALS_OF_SQUARES = 64
"""Signals after which squares of the values are no longer taken for noise and few signals."""

DOUBTFUL_DISTANCE = 3
"""Standard errors between effective and given sample number that are called a difference."""


def size_reasons(n: float, p: int) -> tuple[str, ...]:
    """Name data too small for asymptotic laws."""
    if min(n, p) < FEW:
        return (f"with {n:g} samples and {p} features the laws for large data are rough",)
    return ()


def goodness_reasons(goodness: float) -> tuple[str, ...]:
    """Name a bulk of the wrong shape."""
    if goodness < DOUBTFUL_GOODNESS:
        return (
            f"the bulk does not follow the Marchenko–Pastur law (p = {goodness:.1g}): noise of unequal "
            "variance or heavy tails, correlated samples, or structure spread over many dimensions",
        )
    return ()


def effective_number(sample: Eigenvalues, n_signal: int) -> Estimate | None:
    """Return the effective number of samples where it can be fitted: all eigenvalues known, samples in the majority."""
    n, p = sizes(sample)
    if not sample.is_complete or n < p or p - n_signal < FEW:
        return None
    try:
        return match_bulk(sample, n_signal)[0]
    except InvalidInputError:
        return None


def effective_number_reasons(found: Estimate | None, n: float) -> tuple[str, ...]:
    """Name an effective number of samples that differs from the one given."""
    if found is None or abs(found.value - n) <= DOUBTFUL_DISTANCE * found.stderr:
        return ()
    cause = (
        "samples are correlated or repeated, or the noise is not white"
        if found.value < n
        else "there are more samples than n_samples says"
    )
    return (f"the bulk is spread like that of {found.value:.0f} ± {found.stderr:.0f} samples, not {n:g}: {cause}",)


def smallest_eigenvalue_reasons(p_value: float) -> tuple[str, ...]:
    """Name an eigenvalue that noise does not leave so small."""
    if not p_value < DOUBTFUL_SMALLEST:
        return ()
    return (
        f"the smallest eigenvalue lies below the noise (p = {p_value:.1g}): features or samples depend on each other, "
        "or some have less noise than others",
    )


def singular_value_reasons(sample: Eigenvalues, goodness: float, significance: float) -> tuple[str, ...]:
    """Say so when a fit to the squares of the values is good where the fit to the values is bad."""
    if math.isnan(goodness) or goodness >= DOUBTFUL_GOODNESS:
        return ()
    values = sample.values**2
    squares = dataclasses.replace(sample, values=values, total_variance=float(values.sum()))
    test = sequential_test(squares, significance, min(MOST_SIGNALS_OF_SQUARES, int(min(sizes(sample))) // 2))
    squared = math.nan if test.limits else bulk_goodness(squares, test.n_signal)
    if not squared > DOUBTFUL_GOODNESS:
        return ()
    return (
        f"these look like singular values: their squares follow the noise law (p = {squared:.2g}), they do not "
        f"(p = {goodness:.1g}); pass singular_values**2 / n_samples",
    )


def correlation_reasons(spectrum: Spectrum) -> tuple[str, ...]:
    """Name correlated samples."""
    correlation = spectrum.lag_one_autocorrelation
    if not abs(correlation) > max(MATERIAL_AUTOCORRELATION, 4 * _autocorrelation_stderr(spectrum)):
        return ()
    return (
        f"successive samples are correlated (lag one {correlation:.2f}): unless only the signals are, "
        'the noise reaches further than the fitted edge and too many signals are counted; temporal="ar1", '
        "or temporal=noise_power_spectrum(X, n_signal=…) where the noise is not AR(1), takes that into account",
    )


def data_reasons(spectrum: Spectrum) -> tuple[str, ...]:
    """Name heavy tails, features that are constant, values that are missing, and a mean that was left in."""
    reasons = heavy_tail_reasons(spectrum.excess_kurtosis) + _constant_feature_reasons(spectrum)
    if spectrum.is_pairwise:
        reasons += (
            "values are missing, and covariances are those of the samples that every two features share: their "
            'eigenvalues spread wider than those of whole data, and noise looks like signal; use nan="drop_rows", or '
            "parallel_analysis, whose permuted data miss as many",
        )
    values = spectrum.eigenvalues
    if not spectrum.centered and len(values) and values[0] > GIANT_SHARE * spectrum.total_variance:
        reasons += (
            "the data were not centred and the first eigenvalue holds "
            f"{values[0] / spectrum.total_variance:.0%} of the variance: it is the mean, not a signal; use "
            "center=True",
        )
    return reasons


def _constant_feature_reasons(spectrum: Spectrum) -> tuple[str, ...]:
    if spectrum.feature_variances is None or spectrum.feature_means is None:
        return ()
    _, varies = scale_factors(spectrum.feature_variances, spectrum.feature_means, True)
    n_constant = int(np.count_nonzero(~varies))
    if n_constant in (0, spectrum.n_features):
        return ()
    return (
        f"{n_constant} of {spectrum.n_features} features do not vary: they hold no noise, so that its variance comes "
        "out low and noise looks like signal; leave them out",
    )


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
