"""Hard thresholds for singular values: which components to keep when denoising a matrix."""

from __future__ import annotations

import math
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import is_real_number
from ..eigenvalues import as_eigenvalues, check_values
from ..errors import InvalidInputError
from ..results.decompositions import SVDResult
from ..results.marchenko_pastur_fit import MarchenkoPasturFit
from ..results.spectrum import Spectrum
from .laws import MarchenkoPastur
from .shrinkers import checked_noise, checked_singular_values, shrunk_factors, sorted_shape

Array = np.ndarray[Any, np.dtype[Any]]


def optimal_threshold(
    shape: tuple[float, float] | None = None,
    *,
    noise: float | MarchenkoPasturFit | None = None,
    singular_values: SVDResult | ArrayLike | None = None,
) -> float:
    """Return the hard threshold for singular values that minimises the error of a denoised matrix.

    It is a rule about mean squared error, not a test of rank: spikes between the noise edge and this
    threshold are real, and still better dropped.

    Parameters
    ----------
    shape : tuple of two numbers
        Rows and columns of the matrix, in any order; taken from an SVDResult.
    noise : float or MarchenkoPasturFit, optional
        Standard deviation of each entry's noise, when known, or a noise fit.
    singular_values : array_like of shape (min(shape),), or SVDResult, optional
        All singular values, from whose median the noise is estimated when `noise` is None.

    Returns
    -------
    float
        The threshold. When neither `noise` nor `singular_values` is given, the factor by which the median
        singular value is to be multiplied.

    Raises
    ------
    InvalidInputError
        When both are given, the number of singular values does not fit `shape`, or the shape is missing.

    References
    ----------
    Gavish and Donoho 2014, "The optimal hard threshold for singular values is 4/√3", IEEE Trans. Inf. Theory
    60, equation 11; the median of the Marchenko–Pastur law is exact here, not their cubic fit.

    Examples
    --------
    >>> from eigenscope import optimal_threshold
    >>> print(f"{optimal_threshold((100, 100)):.6f}")
    2.858362
    >>> print(f"{optimal_threshold((400, 100), noise=0.5):.6f}")
    17.580294
    """
    if noise is not None and singular_values is not None:
        raise InvalidInputError("pass noise= (known) or singular_values= (to estimate it), not both")
    if singular_values is None:
        values, (small, large) = None, sorted_shape(shape)
    else:
        values, small, large = checked_singular_values(
            singular_values, shape, purpose="take their median", instead="pass noise= in their place"
        )
    beta = small / large
    known = math.sqrt(2 * (beta + 1) + 8 * beta / ((beta + 1) + math.sqrt(beta**2 + 14 * beta + 1)))
    if noise is not None:
        return known * math.sqrt(large) * checked_noise(noise)
    factor = known / math.sqrt(float(MarchenkoPastur(beta).ppf(0.5)))
    return factor if values is None else factor * float(np.median(values))


@overload
def apply_threshold(s: SVDResult, threshold: float) -> SVDResult: ...


@overload
def apply_threshold(s: ArrayLike, threshold: float) -> Array: ...


def apply_threshold(s: SVDResult | ArrayLike, threshold: float) -> SVDResult | Array:
    """Keep the singular values above a threshold as they are.

    Parameters
    ----------
    s : array_like of shape (k,), or SVDResult
        Singular values in any order, or a decomposition, of which the factors above are returned.
    threshold : float
        Of `optimal_threshold` or `screenot_threshold`.

    Returns
    -------
    ndarray of shape (k,), or SVDResult
        Descending, zero at and below the threshold. Of an SVDResult only the components above are kept: the denoised
        matrix ``U diag(s) Vh``, never formed.

    Examples
    --------
    >>> from eigenscope.random_matrix import apply_threshold
    >>> print(apply_threshold([30.0, 13.0, 5.0], 17.6))
    [30.  0.  0.]
    """
    if not (is_real_number(threshold) and threshold >= 0):
        raise InvalidInputError(f"threshold must be a number >= 0, got {threshold!r}")
    if isinstance(s, SVDResult):
        values = np.asarray(s.singular_values, dtype=np.float64)
        return shrunk_factors(s, np.where(values > threshold, values, 0.0))
    values = check_values(s, "singular values")
    return np.asarray(np.where(values > threshold, values, 0.0))


def gavish_donoho_rank(
    spectrum_or_eigenvalues: Spectrum | ArrayLike,
    *,
    noise: float | MarchenkoPasturFit | None = None,
    n_samples: float | None = None,
    n_features: int | None = None,
    total_variance: float | None = None,
) -> int:
    """Count the components that the optimal hard threshold keeps.

    Parameters
    ----------
    spectrum_or_eigenvalues : Spectrum or array_like
        Eigenvalues of a sample covariance.
    noise : float or MarchenkoPasturFit, optional
        Standard deviation of each entry's noise, or a noise fit. Otherwise it comes from the median, and at least half
        of all eigenvalues must be given.
    n_samples, n_features, total_variance : number, optional
        As for `fit_marchenko_pastur`.

    Returns
    -------
    int
        Number of singular values ``sqrt(n_samples * eigenvalue)`` above `optimal_threshold`.

    Examples
    --------
    >>> from eigenscope.random_matrix import gavish_donoho_rank
    >>> gavish_donoho_rank([9.0, 1.4, 1.1, 0.7], n_samples=100, n_features=4)
    1
    """
    from .noise_variance import check_enough, sizes

    sample = as_eigenvalues(
        spectrum_or_eigenvalues, n_samples=n_samples, n_features=n_features, total_variance=total_variance
    )
    n, p = sizes(sample)
    # Compared as roots of eigenvalues: dividing both sides by sqrt(n) keeps extreme scales finite.
    roots = np.sqrt(sample.values)
    if noise is not None:
        threshold = optimal_threshold((n, p), noise=noise) / math.sqrt(n)
    else:
        check_enough(sample)
        threshold = optimal_threshold((n, p)) * _median_root(roots, int(min(n, p)), sample.is_complete)
    return int(np.count_nonzero(roots > threshold))


def _median_root(roots: Array, count: int, complete: bool) -> float:
    if complete:
        roots = np.concatenate([roots, np.zeros(max(0, count - len(roots)))])[:count]
    lower_middle = count // 2
    if len(roots) <= lower_middle:
        raise InvalidInputError(
            f"the median of {count} singular values is not among the top {len(roots)}: pass noise=, for "
            "example noise=fit_marchenko_pastur(...)"
        )
    return float((roots[lower_middle] + roots[(count - 1) // 2]) / 2)
