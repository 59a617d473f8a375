"""All rules for the number of dimensions, on one recording."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

from .covariance import covariance_spectrum
from .effective_dimension import dims_for_variance, effective_rank, participation_ratio
from .heavy_tails import excess_kurtosis_of, heavy_tail_reasons
from .inputs import as_source
from .null_spectra import ParallelAnalysis, parallel_analysis
from .permutation_counts import check_permutations
from .random_matrix import fit_marchenko_pastur, gavish_donoho_rank, screenot_threshold
from .random_matrix.edges import check_significance
from .results.dimensionality import Dimensionality, DimensionEstimate
from .results.marchenko_pastur_fit import MarchenkoPasturFit
from .results.spectrum import Spectrum
from .run_options import ProgressOption, RandomSource, Stopwatch, resolve_seed, resolve_threads
from .surrogates import SURROGATES

FEWEST_EIGENVALUES = 8
"""Noise is not fitted to fewer eigenvalues than this."""

NO_INTERVAL = (math.nan, math.nan)

NULL_ASSUMPTIONS = {
    "permutation": "independent samples; strong signals hide weak ones",
    "sign_flip": "independent samples, symmetric noise of any size pattern",
    "time_shift": "stationary features, autocorrelation allowed",
    "phase": "stationary, about Gaussian features, autocorrelation allowed",
}
"""What each kind of surrogate data takes for granted."""


def dimensionality(
    X: Any,
    *,
    sample_axis: int = 0,
    center: bool = True,
    scale: bool = False,
    nan: str = "raise",
    significance: float = 0.05,
    n_surrogates: int = 20,
    rng: RandomSource = None,
    threads: int | None = None,
    progress: ProgressOption = False,
) -> Dimensionality:
    """Count the dimensions of a recording by every rule, with what each rule assumes.

    Parameters
    ----------
    X : array_like, memmap, path or dataset, shape (n_samples, n_features)
        The data.
    sample_axis : int
        Axis along which samples lie.
    center, scale : bool
        Subtract feature means; divide features by their standard deviations, or without `center` by their root mean
        squares.
    nan : str
        Missing-value policy, as in `covariance_spectrum`.
    significance : float
        Level of the tests against noise and against surrogate data.
    n_surrogates : int
        Surrogate data sets of each kind; 0 leaves these rules out.
    rng : int, Generator or SeedSequence, optional
        Source of the surrogates.
    threads : int, optional
        Threads used; all available by default.
    progress : bool or callable
        Whether to show progress on standard error; a callable gets each line instead.

    Returns
    -------
    Dimensionality
        One `DimensionEstimate` for each rule, and the assumptions that the data break.

    Raises
    ------
    InvalidInputError
        When `significance` is not between 0 and 1, or there are too few surrogates for it.

    Warns
    -----
    DataWarning
        When successive samples are correlated, tails are heavy, or the mean was left in and dominates.

    References
    ----------
    Kritchman and Nadler 2009, IEEE Trans. Signal Process. 57; Gavish and Donoho 2014, IEEE Trans. Inf. Theory
    60; Donoho, Gavish and Romanov 2023, Annals of Statistics 51; Horn 1965, Psychometrika 30.

    Examples
    --------
    >>> import eigenscope
    >>> from eigenscope.testing import recording
    >>> X = recording(400, 60, population_eigenvalues=[30.0, 20.0, 10.0], noise_variance=1.0, rng=0).data
    >>> found = eigenscope.dimensionality(X, rng=0)
    >>> found["noise_test"].value
    3.0
    """
    check_significance(significance)
    if n_surrogates:
        check_permutations(n_surrogates, 1 - significance)
    seed = resolve_seed(rng)
    stopwatch = Stopwatch(resolve_threads(threads), seed)
    source = as_source(X, sample_axis=sample_axis)
    options: dict[str, Any] = {"center": center, "scale": scale, "nan": nan, "threads": threads}
    spectrum = covariance_spectrum(source, **options)
    if math.isnan(spectrum.excess_kurtosis):
        spectrum = dataclasses.replace(spectrum, excess_kurtosis=excess_kurtosis_of(source, seed=seed))
    noise = _fit(spectrum, significance)
    broken = heavy_tail_reasons(spectrum.excess_kurtosis) if noise is None else noise.reasons
    surrogates = [
        parallel_analysis(
            source,
            null=null,
            n_permutations=n_surrogates,
            quantile=1 - significance,
            spectrum=spectrum,
            rng=seed,
            progress=progress,
            **options,
        )
        for null in (SURROGATES if n_surrogates else ())
    ]
    estimates = (*_against_noise(spectrum, noise), *map(_against_surrogates, surrogates), *_sizes(spectrum))
    return Dimensionality(estimates, broken, spectrum, noise, stopwatch.info("dimension rules"))


def _fit(spectrum: Spectrum, significance: float) -> MarchenkoPasturFit | None:
    if min(spectrum.degrees_of_freedom, spectrum.n_features) < FEWEST_EIGENVALUES:
        return None
    return fit_marchenko_pastur(spectrum, significance=significance)


def _against_noise(spectrum: Spectrum, noise: MarchenkoPasturFit | None) -> Iterator[DimensionEstimate]:
    if noise is None:
        return
    level = f"{100 * noise.significance:g} % false positives"
    yield DimensionEstimate(
        "noise_test",
        float(noise.n_signal),
        NO_INTERVAL,
        f"eigenvalues above noise, {level}",
        "independent samples, noise of equal variance" + ("" if noise.credible else " (doubtful here)"),
    )
    if not noise.variance.value > 0:
        return
    n_keep = gavish_donoho_rank(spectrum, noise=math.sqrt(noise.variance.value))
    yield DimensionEstimate(
        "gavish_donoho",
        float(n_keep),
        NO_INTERVAL,
        "components worth keeping to denoise",
        "independent entries of equal variance, few signals",
    )
    # A singular value of the centred data is sqrt(dof λ); the factor cancels.
    n_values = min(spectrum.degrees_of_freedom, spectrum.n_features)
    roots = spectrum.eigenvalues[:n_values].clip(min=0) ** 0.5
    threshold = screenot_threshold(roots, (spectrum.degrees_of_freedom, spectrum.n_features), n_values // 4)
    yield DimensionEstimate(
        "screenot",
        float((roots > threshold).sum()),
        NO_INTERVAL,
        "components worth keeping to denoise",
        f"at most {n_values // 4} signals, noise of any spectrum",
    )


def _against_surrogates(found: ParallelAnalysis) -> DimensionEstimate:
    level = f"{100 * (1 - found.quantile):g} % false positives"
    return DimensionEstimate(
        found.null,
        float(found.n_dimensions),
        NO_INTERVAL,
        f"eigenvalues above {found.n_permutations} surrogate data sets, {level}",
        NULL_ASSUMPTIONS[found.null],
    )


def _sizes(spectrum: Spectrum) -> Iterator[DimensionEstimate]:
    if not spectrum.total_variance > 0:
        return
    corrected = spectrum.degrees_of_freedom >= 2
    ratio = participation_ratio(spectrum, bias_correction=corrected)
    population = "Gaussian samples, independent in time" if corrected else "nothing; of this sample, not the population"
    yield DimensionEstimate(
        "participation_ratio", ratio.value, ratio.interval, "equally strong dimensions, noise included", population
    )
    yield DimensionEstimate(
        "effective_rank",
        effective_rank(spectrum),
        NO_INTERVAL,
        "dimensions by entropy, noise included",
        "nothing; of this sample, not the population",
    )
    yield DimensionEstimate(
        "variance_90",
        float(dims_for_variance(spectrum, 0.9)),
        NO_INTERVAL,
        "dimensions that hold 90 % of the variance, noise included",
        "nothing; grows with the number of samples",
    )
