"""Parallel analysis: how many eigenvalues exceed those of data whose features have been made independent."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .blocks import choose_block, read_block
from .covariance import covariance_spectrum
from .errors import InvalidInputError
from .inputs import Source, as_source
from .permutation_counts import ROUNDING_OF_LEVEL, check_permutations
from .results.base import Result
from .results.run_info import RunInfo
from .results.spectrum import Spectrum
from .run_options import (
    Progress,
    ProgressOption,
    RandomSource,
    Stopwatch,
    resolve_seed,
    resolve_threads,
    single_threaded_blas,
)
from .surrogates import KEEPS_TIME, SURROGATES, uncentred

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = np.ndarray[Any, np.dtype[Any]]

EXACT_VALUES = 2_000_000
"""Data with at most this many values are permuted whole; larger data through a random block of this size."""

DIFFERENCE_OF_TOTALS = 1e-3
"""Relative difference of total variances that rounding, of single precision too, does not explain."""

SMALL_ORDER = 300
"""Covariances of surrogates up to this order are left to LAPACK at once; a planned pass costs more than they do."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ParallelAnalysis(Result):
    """Eigenvalues beside those of the same data with every feature permuted on its own.

    Parameters
    ----------
    n_dimensions : int
        Leading eigenvalues that all exceed their null quantile.
    eigenvalues : ndarray, shape (m,)
        Eigenvalues of the data, descending.
    null_quantiles : ndarray, shape (m,)
        The `quantile` of each rank's eigenvalue over the permutations.
    p_values : ndarray, shape (m,)
        ``(1 + number of permutations that reach the eigenvalue) / (n_permutations + 1)``.
    quantile : float
        Quantile of the null the eigenvalues are compared with.
    n_permutations : int
        Number of permuted data sets.
    block_shape : tuple of int
        Samples and features of what was permuted.
    data_shape : tuple of int
        Samples and features of the data.
    info : RunInfo
        What it cost, with the seed.
    null : str
        Kind of surrogate data.
    deflated : bool
        Whether each eigenvalue was compared with surrogates of what the earlier ones leave; null quantiles and p-values
        beyond the first that noise explains are NaN.
    """

    n_dimensions: int
    eigenvalues: Array
    null_quantiles: Array
    p_values: Array
    quantile: float
    n_permutations: int
    block_shape: tuple[int, int]
    data_shape: tuple[int, int]
    info: RunInfo = dataclasses.field(default_factory=RunInfo)
    null: str = "permutation"
    deflated: bool = False

    @property
    def is_exact(self) -> bool:
        """Whether all the data were permuted, not a random block of them."""
        return self.block_shape == self.data_shape

    @property
    def threshold(self) -> float:
        """The null quantile that the first eigenvalue left out was compared with."""
        if len(self.null_quantiles) == 0:
            return float("nan")
        return float(self.null_quantiles[min(self.n_dimensions, len(self.null_quantiles) - 1)])

    def summary(self) -> str:
        """Return count, null and sizes in three lines."""
        rows, columns = self.block_shape
        what = "all data" if self.is_exact else "a random block, so the null is slightly wide"
        kind = f"{self.null}, deflated" if self.deflated else self.null
        return (
            f"ParallelAnalysis: {self.n_dimensions:,} dimensions above the null ({kind})\n"
            f"  {self.n_permutations} surrogates of {rows:,} samples x {columns:,} features ({what}), "
            f"quantile {self.quantile:g}\n"
            f"  {self.info.summary()}"
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the eigenvalues and the null quantiles against rank; see `plot_parallel_analysis`."""
        from .results.plotting import plot_parallel_analysis

        return plot_parallel_analysis(self, ax=ax)


def parallel_analysis(
    X: Any,
    *,
    null: str = "permutation",
    deflate: bool = False,
    n_permutations: int = 20,
    quantile: float = 0.95,
    sample_axis: int = 0,
    center: bool = True,
    scale: bool = False,
    nan: str = "raise",
    spectrum: Spectrum | None = None,
    max_values: int = EXACT_VALUES,
    rng: RandomSource = None,
    threads: int | None = None,
    progress: ProgressOption = False,
) -> ParallelAnalysis:
    """Count the eigenvalues above those of data in which every feature was permuted on its own.

    Permuting a feature's samples keeps its distribution and destroys its relation to the other features, so
    the permuted data show what eigenvalues noise alone gives for these features. Eigenvalue i of the data is
    compared with eigenvalue i of the permuted data; counting stops at the first that does not exceed its null
    quantile. For uncentred data the entries also get random signs, or the mean would be part of the null.

    Data with more than `max_values` values are represented by a random block of the same aspect ratio: its
    noise edge is that of the whole, and it fluctuates more, so the count can only come out lower. Features
    are drawn within strata of equal variance; rank i of the data is compared with the rank of the block that
    stands for it.

    Because the permuted features keep the variance that signals gave them, strong signals hide weak ones
    behind them: the count is a lower bound when few dimensions hold most of the variance. With `deflate` each
    component found is subtracted before the next one is compared with permutations of what is left.

    Parameters
    ----------
    X : array_like, memmap, path or dataset, shape (n_samples, n_features)
        The data; read in blocks, never as a whole when it is a file.
    null : {"permutation", "sign_flip", "time_shift", "phase"}
        What destroys the relations between features. "permutation" and "sign_flip" are for independent samples;
        "sign_flip" gives every entry a random sign, and bears noise whose size differs over samples.
        "time_shift" moves every feature around in time and "phase" draws the phases of its Fourier series:
        both keep autocorrelation, as successive samples of a stationary recording need.
    deflate : bool
        Compare each eigenvalue with the largest of surrogates of the data less the components before it, made larger
        by what their removal takes from white noise. Finds weak signals beside strong ones; for data that are
        permuted whole, with fresh permutations for each component.
    n_permutations : int
        At least ``quantile / (1 - quantile)``, or no eigenvalue could ever pass; at most 100,000.
    quantile : float
        One minus the false-positive rate for data without structure.
    sample_axis : int
        Axis along which samples lie.
    center, scale : bool
        Subtract feature means; divide features by their standard deviations, or without `center` by their root mean
        squares.
    nan : str
        Missing-value policy, as in `covariance_spectrum`.
    spectrum : Spectrum, optional
        ``covariance_spectrum(X, …)`` with the same options, when it is already there.
    max_values : int
        Largest number of values permuted at once; a block has at least 100 samples and 100 features even so, or all.
    rng : int, Generator or SeedSequence, optional
        Source of the permutations; the same seed gives the same numbers for any number of threads.
    threads : int, optional
        Threads used; all available by default.
    progress : bool or callable
        Whether to show progress on standard error; a callable gets each line instead.

    Returns
    -------
    ParallelAnalysis
        Count, null quantiles and p-values.

    Raises
    ------
    InvalidInputError
        When `quantile` is not between 0 and 1, there are too few permutations for it, or the data are too large to
        `deflate`.

    References
    ----------
    .. [1] J. L. Horn, "A rationale and test for the number of factors in factor analysis", Psychometrika 30
       (1965).
    .. [2] A. Buja and N. Eyuboglu, "Remarks on parallel analysis", Multivariate Behav. Res. 27 (1992).
    .. [3] J. Theiler et al., "Testing for nonlinearity in time series: the method of surrogate data", Physica D
       58 (1992).
    .. [4] D. Hong, Y. Sheng and E. Dobriban, "Selecting the number of components in PCA via random signflips"
       (2020).
    .. [5] E. Dobriban, "Permutation methods for factor analysis and PCA", Annals of Statistics 48 (2020).
    .. [6] E. Dobriban and A. Owen, "Deterministic parallel analysis: an improved method for selecting factors and
       principal components", J. Royal Statist. Soc. B 81 (2019), section 4 on deflation.

    Examples
    --------
    >>> import numpy as np, eigenscope
    >>> rng = np.random.default_rng(0)
    >>> latents, loadings = rng.standard_normal((200, 3)), rng.standard_normal((3, 40))
    >>> X = latents @ loadings + rng.standard_normal((200, 40))
    >>> eigenscope.parallel_analysis(X, rng=0).n_dimensions
    3
    """
    check_permutations(n_permutations, quantile)
    if null not in SURROGATES:
        raise InvalidInputError(f"null must be one of {', '.join(SURROGATES)}; got {null!r}")
    seed = resolve_seed(rng)
    stopwatch = Stopwatch(resolve_threads(threads), seed)
    options: dict[str, Any] = {"center": center, "scale": scale, "nan": nan, "threads": threads}
    source = as_source(X, sample_axis=sample_axis)
    given = spectrum
    if given is not None:
        _check_options(given, source, center, scale)
    spectrum = covariance_spectrum(source, **options) if given is None else given
    block_seed, *permutation_seeds = np.random.SeedSequence(seed).spawn(1 + n_permutations)
    variances = None if scale else spectrum.feature_variances
    block, is_whole = _read(source, null, max_values, variances, nan, np.random.default_rng(block_seed))
    if given is not None and is_whole and not scale:
        _check_variance(given, block)
    if deflate and not is_whole:
        raise InvalidInputError(
            f"deflate=True needs the data whole, and their {source.array.size:,} values are more than "
            f"max_values={max_values:,}: raise it, or leave deflate out"
        )
    if scale:
        block = block[np.ptp(block, axis=1) > 0]
    with contextlib.closing(Progress(progress, "parallel analysis")) as report_progress:
        if deflate:
            found = _compare_deflated(spectrum, block, null, permutation_seeds, options, quantile, report_progress)
        else:
            null_eigenvalues = []
            for done, permutation_seed in enumerate(permutation_seeds, start=1):
                null_eigenvalues.append(_null_eigenvalues(block, null, permutation_seed, options))
                report_progress(f"surrogate {done} of {n_permutations}")
            found = _compare(spectrum, np.array(null_eigenvalues), quantile, block.shape[::-1], is_whole)
    info = stopwatch.info(f"parallel analysis by {null}", peak_bytes=2 * block.nbytes)
    return dataclasses.replace(found, null=null, info=info)


def _check_options(spectrum: Spectrum, source: Source, center: bool, scale: bool) -> None:
    """Raise when a spectrum was computed with other options, or of data of another size."""
    if (spectrum.centered, spectrum.scaled) != (center, scale):
        raise InvalidInputError(
            f"spectrum= has center={spectrum.centered}, scale={spectrum.scaled}, but center={center}, scale={scale} "
            "were asked for: give both calls the same options"
        )
    sizes, limits = (spectrum.n_samples, spectrum.n_features), (source.n_samples, source.n_features)
    # Missing values and constant features may have been left out.
    if sizes[0] > limits[0] or sizes[1] > limits[1]:
        raise InvalidInputError(f"spectrum= is of {sizes[0]} x {sizes[1]} data, these are {limits[0]} x {limits[1]}")


def _check_variance(spectrum: Spectrum, block: Array) -> None:
    """Raise when a spectrum has another total than the data (features x samples) that it is said to be of."""
    present = np.isfinite(block)
    centre = np.nanmean(block, axis=1, keepdims=True) if spectrum.centered else 0.0
    deviations = np.where(present, block - centre, 0.0)
    counts = np.maximum(present.sum(axis=1) - int(spectrum.centered), 1)
    # Squares of small and of large numbers leave the range.
    unit = float(np.abs(deviations).max()) or 1.0
    total = float((((deviations / unit) ** 2).sum(axis=1) / counts).sum())
    claimed = spectrum.total_variance / unit / unit
    if abs(total - claimed) > DIFFERENCE_OF_TOTALS * total:
        raise InvalidInputError(
            f"spectrum= has {claimed / total:.4g} times the total variance of these data: it is that of other data"
        )


def _read(
    source: Source, null: str, max_values: int, variances: Array | None, nan: str, generator: np.random.Generator
) -> tuple[Array, bool]:
    """Return the data (features x samples) or a random block of them, and whether it is all."""
    chosen = choose_block(source, max_values=max_values, feature_variances=variances, rng=generator)
    is_whole = chosen is None
    if chosen is not None and null in KEEPS_TIME:
        n_rows = len(chosen[0])
        start = generator.integers(0, source.array.shape[0] - n_rows + 1)
        chosen = np.arange(start, start + n_rows), chosen[1]
    return read_block(source, chosen, nan=nan), is_whole


def _null_eigenvalues(block: Array, null: str, seed: np.random.SeedSequence, options: dict[str, Any]) -> Array:
    """Return the eigenvalues of a surrogate of `block` (features x samples)."""
    generator = np.random.default_rng(seed)
    if null == "sign_flip" and options["center"]:
        block = uncentred(block - np.nanmean(block, axis=1, keepdims=True))
    surrogate = SURROGATES[null](block, generator)
    if null == "permutation" and not options["center"]:
        surrogate = SURROGATES["sign_flip"](surrogate, generator)
    if options["nan"] == "pairwise" or min(surrogate.shape) > SMALL_ORDER:
        # One LAPACK thread: at this size more gain nothing, and the same seed gives the same bits.
        found = covariance_spectrum(surrogate, sample_axis=1, reproducible=True, max_memory=math.inf, **options)
        return np.asarray(found.eigenvalues)
    surrogate, divisor = _standardized(surrogate, options["center"], options["scale"])
    short = surrogate if surrogate.shape[0] <= surrogate.shape[1] else surrogate.T
    with single_threaded_blas():
        return np.asarray(np.linalg.eigvalsh(short @ short.T)[::-1] / divisor)


def _standardized(block: Array, center: bool, scale: bool) -> tuple[Array, int]:
    """Return complete data (features x samples) centred and scaled as asked for, and their degrees of freedom."""
    divisor = block.shape[1] - 1 if center else block.shape[1]
    if center:
        block = block - block.mean(axis=1, keepdims=True)
    if scale:
        spread = np.sqrt(np.sum(block**2, axis=1, keepdims=True) / divisor)
        block = block / np.where(spread > 0, spread, 1.0)
    return block, divisor


def _compare(
    spectrum: Spectrum, null: Array, quantile: float, block_shape: tuple[int, int], is_whole: bool
) -> ParallelAnalysis:
    """Compare eigenvalue i with the null eigenvalue that stands for it, and count up to the first failure."""
    n_permutations, n_null = null.shape
    data_shape = (spectrum.n_samples, spectrum.n_features)
    observed = spectrum.eigenvalues
    possible = min(spectrum.degrees_of_freedom, spectrum.n_features)
    if is_whole:
        block_shape = data_shape
    # Rank i of `possible` stands where rank ⌈i n_null / possible⌉ of the block's null does.
    n_null = min(n_null, possible, min(block_shape))
    null_ranks = np.ceil(np.arange(1, len(observed) + 1) * n_null / possible).astype(int).clip(1, n_null) - 1
    # With relatively fewer features in the block, variance per sample shrinks in proportion: undo it.
    aspect = (data_shape[1] / data_shape[0]) / (block_shape[1] / block_shape[0])
    null = np.sort(null, axis=0) * max(1.0, aspect)
    order = math.ceil(quantile * (n_permutations + 1) - ROUNDING_OF_LEVEL) - 1
    p_values = (1 + (null[:, null_ranks] >= observed).sum(axis=0)) / (n_permutations + 1)
    significant = p_values <= 1 - quantile + ROUNDING_OF_LEVEL
    n_dimensions = len(observed) if significant.all() else int(np.argmin(significant))
    return ParallelAnalysis(
        n_dimensions=n_dimensions,
        eigenvalues=np.asarray(observed),
        null_quantiles=null[order, null_ranks],
        p_values=p_values,
        quantile=quantile,
        n_permutations=n_permutations,
        block_shape=block_shape,
        data_shape=data_shape,
    )


def _compare_deflated(
    spectrum: Spectrum,
    block: Array,
    null: str,
    seeds: list[np.random.SeedSequence],
    options: dict[str, Any],
    quantile: float,
    report_progress: Progress,
) -> ParallelAnalysis:
    """Compare eigenvalue after eigenvalue with surrogates of what the earlier components leave, up to a failure."""
    rest, n = _standardized(block, options["center"], options["scale"])
    with single_threaded_blas():
        U, singular_values, Vh = np.linalg.svd(rest, full_matrices=False)
    observed, n_permutations, p = np.asarray(spectrum.eigenvalues), len(seeds), len(block)
    p_values, quantiles = np.full((2, len(observed)), math.nan)
    order = math.ceil(quantile * (n_permutations + 1) - ROUNDING_OF_LEVEL) - 1
    n_dimensions = 0
    for k in range(min(len(observed), min(n, p) // 2)):
        drawn = [_null_eigenvalues(rest, null, seed.spawn(1)[0], {**options, "scale": False})[0] for seed in seeds]
        largest = np.sort(drawn) * _noise_removed(n, p, k)
        p_values[k] = (1 + np.count_nonzero(largest >= observed[k])) / (n_permutations + 1)
        quantiles[k] = largest[order]
        report_progress(f"eigenvalue {k + 1}")
        if p_values[k] > 1 - quantile + ROUNDING_OF_LEVEL:
            break
        rest = rest - singular_values[k] * np.outer(U[:, k], Vh[k])
        n_dimensions = k + 1
    shape = (spectrum.n_samples, spectrum.n_features)
    return ParallelAnalysis(
        n_dimensions=n_dimensions,
        eigenvalues=observed,
        null_quantiles=quantiles,
        p_values=p_values,
        quantile=quantile,
        n_permutations=n_permutations,
        block_shape=shape,
        data_shape=shape,
        deflated=True,
    )


def _noise_removed(n: int, p: int, k: int) -> float:
    """Return by how much the edge of white noise beside k signals exceeds that of the noise left without them.

    Removing k components leaves ``(n - k) (p - k)`` of n p degrees of freedom, spread over all entries again by the
    permutation; beside k signals the noise is that of a matrix smaller by k in both sizes.
    """
    beside = (math.sqrt(n - k) + math.sqrt(p - k)) ** 2
    spread = (math.sqrt(n) + math.sqrt(p)) ** 2 * (n - k) * (p - k) / (n * p)
    return beside / spread
