"""From a recording to its report: one pass over the data, then the fits, then the permutations."""

from __future__ import annotations

import dataclasses
import math
import os
from typing import Any

import numpy as np

from ..covariance import covariance_spectrum
from ..effective_dimension import dims_for_variance, participation_ratio
from ..errors import InvalidInputError
from ..heavy_tails import excess_kurtosis_of
from ..inputs import Source, as_source
from ..null_spectra import ParallelAnalysis, parallel_analysis
from ..permutation_counts import check_permutations, fewest_permutations
from ..power_law import fit_power_law
from ..random_matrix import gavish_donoho_rank, optimal_threshold
from ..random_matrix.edges import check_significance
from ..random_matrix.fit import fit_and_doubts
from ..readers import Recording, open_recording
from ..results.marchenko_pastur_fit import MarchenkoPasturFit
from ..results.power_law_fit import PowerLawFit
from ..results.spectrum import Spectrum
from ..run_options import ProgressOption, RandomSource, Stopwatch, resolve_seed, resolve_threads
from ..signal_spectrum import fit_signal_power_law, signal_variances
from ..standardization import scale_factors
from .calls import VARIANCE_SHARES, list_calls
from .caveats import list_warnings
from .result import DataDescription, DimensionRule, Report
from .rounding import numerical_rank

Array = np.ndarray[Any, np.dtype[Any]]

REFERENCE_RANKS = (11, 500)
"""Ranks fitted in the mouse visual-cortex literature; the leading ten deviate from the power law there."""

_FEWEST_RANKS = 10
"""A power law is not fitted to fewer ranks than this."""

_FEWEST_EIGENVALUES = 8
"""Noise is not fitted to fewer eigenvalues than this."""

_FEWEST_SAMPLES = 3
"""With fewer, nothing can be said about the population the samples were drawn from."""

_USUAL_PERMUTATIONS = 20
"""Enough for the usual level of 5 %."""


def analyze(
    X: Any,
    *,
    sample_axis: int = 0,
    center: bool = True,
    scale: bool = False,
    nan: str = "raise",
    ranks: tuple[int, int] | None = None,
    significance: float = 0.05,
    n_permutations: int | None = None,
    key: str | None = None,
    rng: RandomSource = None,
    threads: int | None = None,
    progress: ProgressOption = False,
    max_memory: int | float | str = "auto",
) -> Report:
    """Analyse one recording: eigenspectrum, noise edge and number of dimensions, with error bars.

    Parameters
    ----------
    X : array_like, memmap, data frame, dataset, sparse matrix or path, shape (n_samples, n_features)
        The recording. Files are read in panels and need not fit in memory.
    sample_axis : int
        Axis along which samples lie: 0 when rows are samples (time points, trials, stimuli).
    center, scale : bool
        Subtract feature means; divide features by their standard deviations, or without `center` by their root mean
        squares.
    nan : str
        Missing values: "raise", "drop_rows", "drop_columns" or "pairwise".
    ranks : tuple of int, optional
        First and last rank (inclusive, from 1) of the power-law fit. By default 11 to 500, ending where noise
        begins when at least ten ranks are left before it.
    significance : float
        False-positive rate of the tests for dimensions above noise.
    n_permutations : int, optional
        Permuted data sets of the parallel analysis; by default as many as `significance` needs, at least 20.
    key : str, optional
        Name of the array when `X` is a path to a file with several.
    rng : int, Generator or SeedSequence, optional
        Source of the permutations; the same seed gives the same report.
    threads : int, optional
        Threads used; all available by default.
    progress : bool or callable
        Whether to show progress on standard error; a callable gets each line instead.
    max_memory : int, float or "auto"
        Bytes the computation may take beyond its input.

    Returns
    -------
    Report
        Everything, with the warnings that matter and the call that reproduces each number.

    Raises
    ------
    InvalidInputError
        When the data are missing, empty, not two-dimensional, or hold no variance.

    Examples
    --------
    >>> import numpy as np, eigenscope
    >>> rng = np.random.default_rng(0)
    >>> latents, loadings = rng.standard_normal((300, 4)), rng.standard_normal((4, 60))
    >>> report = eigenscope.analyze(latents @ loadings + rng.standard_normal((300, 60)), rng=0)
    >>> report.noise.n_signal, report.permuted.n_dimensions
    (4, 4)
    """
    check_significance(significance)
    if n_permutations is None:
        n_permutations = max(_USUAL_PERMUTATIONS, fewest_permutations(1 - significance))
    check_permutations(n_permutations, 1 - significance)
    seed = resolve_seed(rng)
    stopwatch = Stopwatch(resolve_threads(threads), seed)
    recording = _open(X, key)
    source = as_source(recording.array, sample_axis=sample_axis)
    if source.n_samples < _FEWEST_SAMPLES:
        raise InvalidInputError(
            f"{source.n_samples} samples x {source.n_features} features: at least {_FEWEST_SAMPLES} samples "
            "are needed; is sample_axis right?"
        )
    options: dict[str, Any] = {"sample_axis": sample_axis, "center": center, "scale": scale, "nan": nan}
    spectrum = covariance_spectrum(source, **options, threads=threads, progress=progress, max_memory=max_memory)
    data = describe_data(source, spectrum, nan=nan, code=recording.source)
    if not spectrum.total_variance > 0:
        raise InvalidInputError(f"all {data.n_features:,} features are constant: there is no variance to analyse")
    permuted = parallel_analysis(
        source,
        **options,
        n_permutations=n_permutations,
        quantile=1 - significance,
        spectrum=spectrum,
        rng=seed,
        threads=threads,
        progress=progress,
    )
    excess_kurtosis = spectrum.excess_kurtosis
    if math.isnan(excess_kurtosis):
        excess_kurtosis = excess_kurtosis_of(source, seed=seed)
    report = _assemble(data, spectrum, permuted, options, ranks, significance, excess_kurtosis)
    return dataclasses.replace(
        report,
        warnings=(*recording.notes, *report.warnings),
        info=stopwatch.info("analyze", n_passes=spectrum.info.n_passes + 1, peak_bytes=spectrum.info.peak_bytes),
    )


def _open(X: Any, key: str | None) -> Recording:
    if isinstance(X, (str, os.PathLike)):
        return open_recording(X, key=key)
    if key is not None:
        raise InvalidInputError(f"key={key!r} names an array in a file, but X is not a path")
    return Recording(X, source="")


def _assemble(
    data: DataDescription,
    spectrum: Spectrum,
    permuted: ParallelAnalysis,
    options: dict[str, Any],
    ranks: tuple[int, int] | None,
    significance: float,
    excess_kurtosis: float,
) -> Report:
    """Derive from the spectrum and the permutations every other number of the report."""
    rank = numerical_rank(spectrum, data.dtype)
    noise = _fit_noise(spectrum, significance, rank)
    rules = _dimension_rules(spectrum, noise, permuted, significance)
    ranks = choose_ranks(spectrum, noise, rank) if ranks is None else ranks
    power_law = None if ranks is None else fit_power_law(spectrum, ranks=ranks)
    signal_power_law = _fit_signal(spectrum, noise, ranks)
    return Report(
        data=data,
        spectrum=spectrum,
        noise=noise,
        permuted=permuted,
        dimension_rules=rules,
        participation_ratio=participation_ratio(spectrum),
        participation_ratio_corrected=participation_ratio(spectrum, bias_correction=True),
        dims_for_variance=tuple((share, dims_for_variance(spectrum, share)) for share in VARIANCE_SHARES),
        power_law=power_law,
        signal_power_law=signal_power_law,
        warnings=list_warnings(data, spectrum, noise, rules, power_law, rank=rank, excess_kurtosis=excess_kurtosis),
        calls=list_calls(
            options,
            permuted,
            ranks,
            significance=significance,
            has_noise=noise is not None,
            has_signal=signal_power_law is not None,
        ),
    )


def describe_data(source: Source, spectrum: Spectrum, *, nan: str, code: str = "") -> DataDescription:
    """Describe the data as read; missing values are counted only when the policy lets them through.

    Parameters
    ----------
    source : Source
        The data.
    spectrum : Spectrum
        Its spectrum.
    nan : str
        The missing-value policy.
    code : str
        Python code that makes ``X``.

    Returns
    -------
    DataDescription
        Shape, type, orientation and missing values.
    """
    n_constant = 0
    if spectrum.scaled and nan != "drop_columns":
        n_constant = source.n_features - spectrum.n_features
    elif spectrum.feature_variances is not None and spectrum.feature_means is not None:
        _, varies = scale_factors(spectrum.feature_variances, spectrum.feature_means, True)
        n_constant = int(np.count_nonzero(~varies))
    return DataDescription(
        n_samples=source.n_samples,
        n_features=source.n_features,
        dtype=source.array.dtype.name,
        sample_axis=source.sample_axis,
        n_missing=0 if nan == "raise" else _count_missing(source),
        missing_policy=nan,
        n_constant_features=n_constant,
        source=code,
    )


def _count_missing(source: Source) -> int:
    if source.array.dtype.kind != "f":
        return 0
    return sum(int(np.count_nonzero(~np.isfinite(block))) for _, block in source.row_blocks())


def _fit_noise(spectrum: Spectrum, significance: float, rank: int) -> MarchenkoPasturFit | None:
    """Fit noise when there are eigenvalues enough, and it is more than rounding."""
    if min(spectrum.degrees_of_freedom, spectrum.n_features) < _FEWEST_EIGENVALUES:
        return None
    # Correlated samples, heavy tails and a mean left in are warned of in the report's own words, other doubts in the
    # fit's.
    nan = float("nan")
    silent = dataclasses.replace(spectrum, lag_one_autocorrelation=nan, excess_kurtosis=nan, centered=True)
    noise, _ = fit_and_doubts(silent, significance=significance)
    return None if noise.n_signal >= rank else noise


def _dimension_rules(
    spectrum: Spectrum, noise: MarchenkoPasturFit | None, permuted: ParallelAnalysis, significance: float
) -> tuple[DimensionRule, ...]:
    """Count the dimensions above noise by each rule."""
    by_permutation = DimensionRule(
        "parallel_analysis",
        permuted.n_dimensions,
        permuted.threshold,
        f"above {permuted.n_permutations} permuted copies; lower bound",
    )
    if noise is None:
        return (by_permutation,)
    dof, variance = spectrum.degrees_of_freedom, float(noise.variance)
    # A singular value y of the centred data is sqrt(dof λ): the threshold on y becomes one on λ.
    doubtful = "doubtful: the noise fit is not credible"
    threshold = optimal_threshold((dof, spectrum.n_features), noise=math.sqrt(variance)) ** 2 / dof
    return (
        DimensionRule(
            "Marchenko–Pastur_test",
            noise.n_signal,
            noise.upper_edge_threshold,
            f"not noise; {100 * significance:g} % false positives" if noise.credible else doubtful,
        ),
        DimensionRule(
            "Gavish–Donoho_threshold",
            gavish_donoho_rank(spectrum, noise=math.sqrt(variance)),
            float(threshold),
            "worth keeping to denoise" if noise.credible else doubtful,
        ),
        by_permutation,
    )


def _fit_signal(
    spectrum: Spectrum, noise: MarchenkoPasturFit | None, ranks: tuple[int, int] | None
) -> PowerLawFit | None:
    """Fit the signal's own variances, when the noise fit is credible and they are positive over the ranks."""
    if noise is None or not noise.credible or ranks is None or ranks[1] > noise.n_signal:
        return None
    signal = signal_variances(spectrum, noise=noise)
    if np.any(signal[ranks[0] - 1 : ranks[1]] <= 0):
        return None
    return fit_signal_power_law(spectrum, noise=noise, ranks=ranks)


def choose_ranks(spectrum: Spectrum, noise: MarchenkoPasturFit | None, rank: int) -> tuple[int, int] | None:
    """Choose the ranks of the power-law fit: 11 to 500, ending where noise begins when enough are left.

    Parameters
    ----------
    spectrum : Spectrum
        The spectrum.
    noise : MarchenkoPasturFit or None
        Where its noise begins.
    rank : int
        Number of eigenvalues above rounding.

    Returns
    -------
    tuple of int or None
        First and last rank, inclusive; None when there are fewer than ten.
    """
    first, last = REFERENCE_RANKS
    # The last two eigenvalues of a full spectrum are distorted by centring and by finite samples.
    available = min(rank, min(len(spectrum.eigenvalues), spectrum.degrees_of_freedom, spectrum.n_features) - 2)
    last = min(last, available)
    if last - first + 1 < _FEWEST_RANKS:
        first = 1
    if noise is not None and noise.n_signal - first + 1 >= _FEWEST_RANKS:
        last = min(last, noise.n_signal)
    return (first, last) if last - first + 1 >= _FEWEST_RANKS else None
