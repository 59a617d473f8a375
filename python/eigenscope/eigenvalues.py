"""What the analyses accept: a `Spectrum`, or plain eigenvalues with the sizes they came from."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .arguments import is_real_number, refuse_masked
from .errors import InvalidInputError, NonFiniteInputError, UnsupportedTypeError
from .results.cross_validated_spectrum import CrossValidatedSpectrum
from .results.spectrum import Spectrum

Array = np.ndarray[Any, np.dtype[Any]]

NEGATIVE_TOLERANCE = float(np.sqrt(np.finfo(np.float64).eps))
"""Negative eigenvalues down to this share of the largest are rounding and count as zero."""

ROUNDING_ORDER = 64
"""Zero eigenvalues of a matrix of order n come out as up to this many rounding units of the largest, or n of them.
Those that rounding of single-precision data makes are its square, and as large."""

_ADVICE_ON_EIGENVALUES = "those of a covariance matrix are not; pass eigenvalues of X.T @ X / n"

_ADVICE_ON_SPECTRUM = (
    'covariances from the samples that each two features share (nan="pairwise") are not positive semidefinite when '
    'too few are shared; use nan="drop_columns" or "drop_rows", or leave out the features that miss most'
)

TRACE_TOLERANCE = 1e-5
"""Relative disagreement between a trace and its eigenvalues that rounding in single precision explains."""


@dataclasses.dataclass(frozen=True)
class Eigenvalues:
    """Checked eigenvalues of a sample covariance, with what is known of their origin.

    Parameters
    ----------
    values : ndarray of float64, shape (k,)
        Descending, non-negative.
    n_samples : float or None
        Degrees of freedom of the covariance: what the sums were divided by.
    n_features : int or None
        Size of the covariance matrix.
    total_variance : float
        Its trace.
    is_complete : bool
        Whether every eigenvalue that is not given is zero.
    """

    values: Array
    n_samples: float | None
    n_features: int | None
    total_variance: float
    is_complete: bool

    def in_units_of(self, unit: float) -> Eigenvalues:
        """Return the same spectrum in another unit."""
        return dataclasses.replace(self, values=self.values / unit, total_variance=self.total_variance / unit)

    @functools.cached_property
    def rests(self) -> Array:
        """Sum of all eigenvalues beyond the first k, for k = 0 … len(values), shape (len(values) + 1,)."""
        hidden = 0.0 if self.is_complete else max(0.0, self.total_variance - float(np.sum(self.values)))
        # Added from the smallest, so that a small rest beside large signals keeps its digits.
        return np.cumsum(np.concatenate([[hidden], self.values[::-1]]))[::-1]


def as_eigenvalues(
    spectrum_or_eigenvalues: Spectrum | ArrayLike,
    *,
    n_samples: float | None = None,
    n_features: int | None = None,
    total_variance: float | None = None,
) -> Eigenvalues:
    """Check eigenvalues and bring them into one form: descending float64, tiny negatives set to zero.

    Parameters
    ----------
    spectrum_or_eigenvalues : Spectrum, array_like of shape (k,), or spectral density
        Plain eigenvalues may come in any order. A density has `nodes` and `weights`.
    n_samples, n_features : number or None
        Sizes; those of a Spectrum are used unless given.
    total_variance : float or None
        Trace; needed when only some of the eigenvalues are given.

    Returns
    -------
    Eigenvalues
        Checked.

    Raises
    ------
    InvalidInputError
        For NaN, large negative values, wrong shapes, or a trace smaller than the eigenvalues' sum.
    """
    _check_size("n_samples", n_samples)
    _check_size("n_features", n_features)
    if n_features is not None and n_features % 1:
        raise InvalidInputError(f"n_features must be an integer, got {n_features!r}")
    if hasattr(spectrum_or_eigenvalues, "nodes") and hasattr(spectrum_or_eigenvalues, "weights"):
        density: Any = spectrum_or_eigenvalues
        if hasattr(density, "order"):
            check_covariance_density(density)
            n_samples = density.n_samples if n_samples is None else n_samples
            n_features = density.order if n_features is None else n_features
        spectrum_or_eigenvalues = eigenvalues_from_density(density.nodes, density.weights, n_features)
    if isinstance(spectrum_or_eigenvalues, CrossValidatedSpectrum):
        raise InvalidInputError(
            "this function takes eigenvalues of a sample covariance, and cross-validated ones are not: call the method "
            "of the spectrum instead, such as .participation_ratio()"
        )
    if isinstance(spectrum_or_eigenvalues, Spectrum):
        spectrum = spectrum_or_eigenvalues
        n_samples = spectrum.degrees_of_freedom if n_samples is None else n_samples
        n_features = spectrum.n_features if n_features is None else n_features
        total_variance = spectrum.total_variance if total_variance is None else total_variance
        values = check_values(spectrum.eigenvalues, advice=_ADVICE_ON_SPECTRUM)
        complete = spectrum.is_complete or len(values) >= min(n_samples, n_features)
    else:
        values = check_values(spectrum_or_eigenvalues)
        limit = math.inf if n_features is None else min(n_features, n_samples or math.inf)
        complete = total_variance is None or len(values) >= limit
    _check_count(values, n_features)
    if total_variance is not None and not is_real_number(total_variance):
        raise InvalidInputError(f"total_variance must be a finite number, got {total_variance!r}")
    total = float(np.sum(values)) if total_variance is None else float(total_variance)
    _check_total(values, total, complete)
    return Eigenvalues(values, n_samples, n_features, total, complete)


def without_rounding(values: Array) -> Array:
    """Return eigenvalues with those set to zero that rounding of the largest cannot be told from."""
    sizes = np.abs(values)
    floor = max(ROUNDING_ORDER, len(values)) * np.finfo(np.float64).eps * sizes.max(initial=0.0)
    return np.where(sizes > floor, values, 0.0)


def check_covariance_density(density: Any) -> None:
    """Refuse a `SpectralDensity` whose eigenvalues are not those of a covariance of samples of equal weight."""
    if density.n_samples == 0:
        raise InvalidInputError(
            'noise is that of a covariance of samples of equal weight: use spectral_density(X, of="covariance"), rows '
            "being samples"
        )


def count_given(spectrum_or_eigenvalues: Spectrum | ArrayLike) -> int | None:
    """Return the number of plain eigenvalues; None for a Spectrum, which knows better, and a density, which cannot."""
    if isinstance(spectrum_or_eigenvalues, Spectrum) or hasattr(spectrum_or_eigenvalues, "nodes"):
        return None
    return int(np.size(spectrum_or_eigenvalues)) or None


def check_values(eigenvalues: ArrayLike, name: str = "eigenvalues", advice: str = "") -> Array:
    """Return values, descending, in double precision, with tiny negatives set to zero; refuse others with `advice`."""
    refuse_masked(name, eigenvalues)
    try:
        array = np.asarray(eigenvalues)
    except ValueError as error:
        raise InvalidInputError(f"{name} must be one-dimensional: {error}") from error
    if array.dtype.kind not in "fiu":
        raise UnsupportedTypeError(f"{name} must be real numbers, got dtype {array.dtype}")
    if array.ndim != 1 or array.size == 0:
        raise InvalidInputError(f"{name} must be one-dimensional and not empty, got shape {array.shape}")
    values = array.astype(np.float64)
    bad = ~np.isfinite(values)
    if bad.any():
        raise NonFiniteInputError(
            f"{int(bad.sum())} of {len(values)} {name} are NaN or infinite, the first at index "
            f"{int(np.argmax(bad))}: repair or drop missing data before computing the spectrum"
        )
    values = np.sort(values)[::-1]
    tolerance = NEGATIVE_TOLERANCE
    if array.dtype.kind == "f":
        tolerance = max(tolerance, len(values) * float(np.finfo(array.dtype).eps))
    if values[-1] < -tolerance * np.abs(values).max():
        raise InvalidInputError(
            f"{int((values < 0).sum())} of {len(values)} {name} are negative, down to {values[-1]:.3g} beside a "
            f"largest of {values[0]:.3g}: "
            + (advice or (_ADVICE_ON_EIGENVALUES if name == "eigenvalues" else "they cannot be"))
        )
    return np.maximum(values, 0.0)


def eigenvalues_from_density(nodes: ArrayLike, weights: ArrayLike, n_features: int | None) -> Array:
    """Return the eigenvalues that a spectral density stands for: means of consecutive shares ``1 / n_features``.

    Parameters
    ----------
    nodes, weights : array_like, shape (n_probes, degree)
        Gauss quadrature of the density of all eigenvalues, zeros included; any shape, weights at least zero.
    n_features : int
        Number of eigenvalues.

    Returns
    -------
    ndarray, shape (n_features,)
        Ascending. The trace is kept exactly; eigenvalues closer than the nodes are spread over them.
    """
    x, mass = np.asarray(nodes, dtype=np.float64).ravel(), np.asarray(weights, dtype=np.float64).ravel()
    if n_features is None:
        raise InvalidInputError("a spectral density does not say how many eigenvalues it stands for: pass n_features=")
    if x.shape != mass.shape or not len(x) or not np.all(mass >= 0) or not 0 < mass.sum() < math.inf:
        raise InvalidInputError(
            f"nodes {x.shape} and weights {mass.shape} must match, with weights that are finite and at least zero"
        )
    order = np.argsort(x)
    cumulative = np.concatenate([[0.0], np.cumsum(mass[order])]) / mass.sum()
    # Integral of the quantile function, piecewise linear in the share of mass.
    integral = np.concatenate([[0.0], np.cumsum(x[order] * mass[order])]) / mass.sum()
    shares = np.linspace(0, 1, int(n_features) + 1)
    return np.asarray(np.diff(np.interp(shares, cumulative, integral)) * int(n_features))


def _check_size(name: str, size: float | None) -> None:
    if size is not None and not (is_real_number(size) and size >= 1):
        raise InvalidInputError(f"{name} must be at least 1, got {size!r}")


def _check_count(values: Array, n_features: int | None) -> None:
    if n_features is not None and len(values) > n_features:
        raise InvalidInputError(
            f"{len(values)} eigenvalues for n_features={n_features}: a covariance matrix has one per feature"
        )


def _check_total(values: Array, total: float, complete: bool) -> None:
    given = float(np.sum(values))
    if not math.isfinite(total) or total < given * (1 - TRACE_TOLERANCE):
        raise InvalidInputError(
            f"total_variance={total:.6g} is below the sum {given:.6g} of the eigenvalues: it is the trace of "
            "the whole covariance matrix, with the same divisor"
        )
    if complete and total > given * (1 + TRACE_TOLERANCE):
        raise InvalidInputError(
            f"total_variance={total:.6g} is above the sum {given:.6g} of all {len(values)} eigenvalues: "
            "check the divisor (n or n - 1), or whether singular values were given"
        )
