"""Shrinkage of covariance eigenvalues: nonlinear, by the random-matrix laws of their bias, and linear."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import _core
from ..eigenvalues import Eigenvalues, as_eigenvalues, count_given
from ..errors import InvalidInputError
from ..results.spectrum import Spectrum
from ..run_options import resolve_threads
from .noise_variance import refuse_surplus, sizes

Array = np.ndarray[Any, np.dtype[Any]]

METHODS = ("quadratic_inverse", "analytical", "ledoit_peche", "linear")
"""Shrinkage rules by name."""

BANDWIDTH_EXPONENT = 0.35
"""Exponents of ``p`` and of the aspect ratio in the bandwidth of quadratic-inverse shrinkage (Ledoit and Wolf 2022)."""


def shrink_covariance(
    spectrum_or_eigenvalues: Spectrum | ArrayLike,
    *,
    n_samples: float | None = None,
    n_features: int | None = None,
    method: str = "quadratic_inverse",
    threads: int | None = None,
) -> Array:
    """Return better estimates of the variances along the sample eigenvectors than the sample eigenvalues are.

    Large sample eigenvalues are too large and small ones too small, the more so the fewer samples there are. The
    covariance estimate keeps the eigenvectors V: ``V @ diag(shrunk) @ V.T``.

    Parameters
    ----------
    spectrum_or_eigenvalues : Spectrum or array_like, shape (k,)
        All eigenvalues of a sample covariance, in any order; zeros may be left out when `n_features` is given.
    n_samples : float, optional
        Degrees of freedom of the covariance: ``n - 1`` for centred data, else n. Taken from a Spectrum.
    n_features : int, optional
        Size of the covariance matrix; the number of eigenvalues by default. Taken from a Spectrum.
    method : {"quadratic_inverse", "analytical", "ledoit_peche", "linear"}
        "quadratic_inverse" is the most accurate for any aspect ratio and keeps the trace. "analytical" is Ledoit and
        Wolf's kernel formula of 2020; it needs at least 12 non-zero eigenvalues and samples. "ledoit_peche" smooths
        the optimal formula by an offset of ``p^-½`` times the mean. "linear" moves all eigenvalues towards their mean
        by one factor.
    threads : int, optional
        Threads; the numbers do not depend on it.

    Returns
    -------
    ndarray, shape (n_features,)
        In descending order of the sample eigenvalues they replace; the last ``n_features - n_samples`` belong to the
        sample's null space. Not always monotone.

    Raises
    ------
    InvalidInputError
        When only the top eigenvalues are known, or `method` does not fit the sizes.

    References
    ----------
    Ledoit and Wolf 2020, "Analytical nonlinear shrinkage of large-dimensional covariance matrices", Annals of
    Statistics 48; Ledoit and Wolf 2022, "Quadratic shrinkage for large covariance matrices", Bernoulli 28; Ledoit and
    Péché 2011, "Eigenvectors of some large sample covariance matrix ensembles", Probab. Theory Relat. Fields 151;
    Ledoit and Wolf 2004, "A well-conditioned estimator for large-dimensional covariance matrices", J. Multivariate
    Analysis 88.

    Examples
    --------
    >>> from eigenscope import shrink_covariance
    >>> print(shrink_covariance([4.0, 2.0, 1.0, 0.5], n_samples=20).round(4))
    [3.4076 2.0729 1.2338 0.7857]
    """
    if method not in METHODS:
        raise InvalidInputError(f"method must be one of {', '.join(METHODS)}; got {method!r}")
    n_features = n_features or count_given(spectrum_or_eigenvalues)
    sample = as_eigenvalues(spectrum_or_eigenvalues, n_samples=n_samples, n_features=n_features)
    n, p = sizes(sample)
    _check_complete(sample, n, p)
    scale = float(sample.values[0])
    if scale == 0:
        return np.zeros(p)
    values = np.zeros(p)
    values[: len(sample.values)] = sample.values / scale
    n_null = max(0, p - math.floor(n))
    # What rounding in the precision of the eigenvalues leaves in place of zero.
    given = spectrum_or_eigenvalues.eigenvalues if isinstance(spectrum_or_eigenvalues, Spectrum) else None
    dtype = np.asarray(spectrum_or_eigenvalues if given is None else given).dtype
    tolerance = p * float(np.finfo(dtype if dtype.kind == "f" else np.float64).eps)
    positive = _positive_part(values, p - n_null, n, tolerance)
    if method == "linear":
        return _linear(values, n) * scale
    rules = {"quadratic_inverse": _quadratic_inverse, "analytical": _analytical, "ledoit_peche": _ledoit_peche}
    # The kernels want ascending order.
    shrunk, null = rules[method](np.ascontiguousarray(positive[::-1]), p, n, resolve_threads(threads))
    return np.concatenate([shrunk[::-1], np.full(n_null, null)]) * scale


def _check_complete(sample: Eigenvalues, n: float, p: int) -> None:
    if not sample.is_complete:
        raise InvalidInputError(
            f"shrinkage needs all eigenvalues, not the top {len(sample.values)} of {min(p, math.floor(n))}: compute "
            "the full spectrum (k=None)"
        )
    if n < 2 or p < 2:
        raise InvalidInputError(f"n_samples={n:g} and n_features={p}: at least 2 of each are needed to shrink anything")


def _positive_part(values: Array, rank: int, n: float, tolerance: float) -> Array:
    """Return the eigenvalues outside the null space that ``n < p`` explains, or say that there are more zeros."""
    refuse_surplus(values, n, tolerance)
    positive = values[:rank]
    if positive[-1] <= tolerance:
        n_zero = int((positive <= tolerance).sum())
        raise InvalidInputError(
            f"{n_zero} more eigenvalues are zero than {len(values)} features and n_samples={n:g} explain: remove "
            "constant or duplicated features, and pass n_samples less one for centred data"
        )
    return positive


def _linear(values: Array, n: float) -> Array:
    """Ledoit and Wolf 2004 for Gaussian data: weight ``E‖S - Σ‖² / ‖S - mean I‖²`` for the mean eigenvalue.

    ``E‖S - Σ‖² = (tr² Σ + tr Σ²) / n``, and ``n² (tr S² - tr² S / n) / ((n - 1) (n + 2))`` is unbiased for ``tr Σ²``.
    """
    mean, trace, square = float(values.mean()), float(values.sum()), float(values @ values)
    spread = float(np.sum((values - mean) ** 2))
    population_square = max(0.0, n**2 * (square - trace**2 / n) / ((n - 1) * (n + 2)))
    error = (trace**2 + population_square) / n
    weight = 1.0 if error >= spread else error / spread
    return np.asarray(weight * mean + (1 - weight) * values)


def _quadratic_inverse(values: Array, p: int, n: float, threads: int) -> tuple[Array, float]:
    """Ledoit and Wolf 2022, equations (4.3)–(4.6): the inverse eigenvalues' smoothed Stein shrinker."""
    ratio = p / n
    bandwidth = min(ratio**2, 1 / ratio**2) ** BANDWIDTH_EXPONENT / p**BANDWIDTH_EXPONENT
    theta, conjugate = _core.inverse_resolvent(values, bandwidth=bandwidth, threads=threads)
    inverse, amplitude = 1 / values, theta**2 + conjugate**2
    if p <= n:
        precision = (1 - ratio) ** 2 * inverse + 2 * ratio * (1 - ratio) * inverse * theta
        shrunk, null = 1 / (precision + ratio**2 * inverse * amplitude), 0.0
    else:
        shrunk, null = 1 / (inverse * amplitude), 1 / float((ratio - 1) * inverse.mean())
    trace = float(values.sum())
    factor = trace / (float(shrunk.sum()) + (p - len(values)) * null)
    return shrunk * factor, null * factor


def _analytical(values: Array, p: int, n: float, threads: int) -> tuple[Array, float]:
    """Ledoit and Wolf 2020, section 4: kernel estimates of the density f and its Hilbert transform H."""
    bandwidth = n ** (-1 / 3)
    reach = math.sqrt(5) * bandwidth
    if reach >= 1:
        raise InvalidInputError(
            f'n_samples={n:g} is too few for method="analytical", whose kernels reach below zero up to 11 samples: use '
            '"quadratic_inverse"'
        )
    ratio = p / n
    density, hilbert = _core.smoothed_density(values, bandwidth=bandwidth, threads=threads)
    if p <= n:
        real = 1 - ratio - math.pi * ratio * values * hilbert
        return values / ((math.pi * ratio * values * density) ** 2 + real**2), 0.0
    logarithm = math.log((1 + reach) / (1 - reach))
    inner = 3 / (10 * bandwidth**2) + 3 / (4 * math.sqrt(5) * bandwidth) * (1 - 1 / (5 * bandwidth**2)) * logarithm
    at_zero = inner / math.pi * float(np.mean(1 / values))
    null = 1 / (math.pi * (p - n) / n * at_zero)
    return 1 / (math.pi**2 * values * (density**2 + hilbert**2)), null


def _ledoit_peche(values: Array, p: int, n: float, threads: int) -> tuple[Array, float]:
    """Ledoit and Péché 2011: ``λ / |1 - c + c λ s(λ - iη)|²``, s the resolvent's trace over all p eigenvalues."""
    ratio, rank = p / n, len(values)
    offset = float(values.sum()) / p / math.sqrt(p)
    z = values - 1j * offset
    resolvent = _core.resolvent(values, offset=offset, threads=threads) * (rank / p) + (1 - rank / p) / z
    shrunk = values / np.abs(1 - ratio + ratio * z * resolvent) ** 2
    # At zero the formula tends to 1 / (c m̃(0)) with the samples' side m̃(0) = mean 1/λ.
    null = 1 / ((ratio - 1) * float(np.mean(1 / values))) if p > n else 0.0
    return shrunk, null
