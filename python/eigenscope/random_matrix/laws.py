"""The Marchenko–Pastur law of the eigenvalues of a sample covariance of white noise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import _core
from ..arguments import is_whole_number, positive_number
from ..errors import InvalidInputError, UnsupportedTypeError
from ._elementwise import apply_elementwise

Array = np.ndarray[Any, np.dtype[Any]]
RandomState = int | np.random.Generator | np.random.SeedSequence | None


class MarchenkoPastur:
    """Marchenko–Pastur law: eigenvalues of ``X.T @ X / n_samples`` for white noise X.

    Entries of X (n_samples x n_features) are independent with mean zero and variance `variance`; both sizes
    are large. For ``ratio > 1`` a share ``1 - 1/ratio`` of the eigenvalues is exactly zero (`atom`).

    Parameters
    ----------
    ratio : float
        ``n_features / n_samples``, positive. Finance and deep learning often quote its inverse.
    variance : float
        Variance (not standard deviation) of the entries, positive.

    Raises
    ------
    InvalidInputError
        When `ratio` or `variance` is not a positive finite number.

    References
    ----------
    Marchenko and Pastur 1967, "Distribution of eigenvalues for some sets of random matrices", Math. USSR
    Sbornik 1.

    Examples
    --------
    >>> from eigenscope import MarchenkoPastur
    >>> law = MarchenkoPastur(ratio=0.25)
    >>> law.support
    (0.25, 2.25)
    >>> print(f"{law.cdf(1.0):.4f}")
    0.5534
    """

    def __init__(self, ratio: float, variance: float = 1.0) -> None:
        self._ratio = positive_number("ratio", ratio)
        self._variance = positive_number("variance", variance)
        self._law = _core.MarchenkoPastur(self._ratio, self._variance)

    def __repr__(self) -> str:
        return f"MarchenkoPastur(ratio={self.ratio:.6g}, variance={self.variance:.6g})"

    def __reduce__(self) -> tuple[type[MarchenkoPastur], tuple[float, float]]:
        return type(self), (self._ratio, self._variance)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MarchenkoPastur):
            return NotImplemented
        return (self.ratio, self.variance) == (other.ratio, other.variance)

    def __hash__(self) -> int:
        return hash((self.ratio, self.variance))

    @property
    def ratio(self) -> float:
        """``n_features / n_samples``."""
        return self._ratio

    @property
    def variance(self) -> float:
        """Variance of the entries of the noise; also the mean eigenvalue."""
        return self._variance

    @property
    def support(self) -> tuple[float, float]:
        """Edges (low, high) of the continuous part, ``variance * (1 ∓ sqrt(ratio))**2``."""
        return self._law.lower_edge, self._law.upper_edge

    @property
    def atom(self) -> float:
        """Share of eigenvalues that are exactly zero, ``max(0, 1 - 1/ratio)``."""
        return float(self._law.atom)

    def pdf(self, x: ArrayLike) -> Array | float:
        """Density of the continuous part at `x`; integrates to ``1 - atom``."""
        return apply_elementwise(self._law.pdf, x)

    def cdf(self, x: ArrayLike) -> Array | float:
        """Probability of an eigenvalue at or below `x`, the atom at zero included."""
        return apply_elementwise(self._law.cdf, x)

    def sf(self, x: ArrayLike) -> Array | float:
        """Probability of an eigenvalue above `x`, with full relative precision up to the upper edge."""
        return apply_elementwise(self._law.sf, x)

    def ppf(self, probability: ArrayLike) -> Array | float:
        """Smallest eigenvalue whose `cdf` reaches `probability`; NaN outside [0, 1]."""
        return apply_elementwise(self._law.ppf, probability)

    def stieltjes(self, z: ArrayLike) -> Array | complex:
        """Stieltjes transform ``∫ dF(x) / (x - z)``.

        Parameters
        ----------
        z : array_like of complex
            Real points inside the support give the limit from the upper half plane, so that
            ``stieltjes(x).imag / pi`` is the density there.

        Returns
        -------
        ndarray of complex, or complex for a scalar
            Same shape as `z`.
        """
        return apply_elementwise(self._law.stieltjes, z, dtype=np.complex128)

    def moment(self, order: int) -> float:
        """Return ``E x**order`` for an integer order >= -2; negative orders are finite for ``ratio < 1``.

        Infinite where double precision cannot hold it.
        """
        if not is_whole_number(order) or order < -2:
            raise InvalidInputError(f"order must be an integer of at least -2, got {order!r}")
        try:
            return float(self._unit_moment(int(order)) * self.variance ** int(order))
        except OverflowError:
            return math.inf

    def _unit_moment(self, order: int) -> float:
        """Return the moment for unit variance, ``Σ_r c^r / (r + 1) C(k, r) C(k - 1, r)`` for orders k > 0."""
        c = self.ratio
        if order > 0:
            return math.fsum(c**r / (r + 1) * math.comb(order, r) * math.comb(order - 1, r) for r in range(order))
        if order == 0:
            return 1.0
        if c >= 1:
            return math.inf
        return 1 / (1 - c) if order == -1 else 1 / (1 - c) ** 3

    def log_moment(self) -> float:
        """Return ``E log x``, the mean logarithm; minus infinity when there is an atom at zero."""
        c = self.ratio
        if c > 1:
            return -math.inf
        shift = 0.0 if c == 1 else (1 - c) / c * math.log1p(-c)
        return math.log(self.variance) - 1 - shift

    def mean(self) -> float:
        """Mean eigenvalue, the variance of the noise."""
        return self.variance

    def var(self) -> float:
        """Variance of the eigenvalues, ``ratio * variance**2``."""
        return self.ratio * self.variance**2

    def rvs(self, n_features: int, *, rng: RandomState = None) -> Array:
        """Draw the eigenvalues of one finite sample covariance, as correlated as real ones are.

        The bidiagonal chi model of Dumitriu and Edelman (2002) gives the exact joint law for Gaussian noise
        without forming a data matrix.

        Parameters
        ----------
        n_features : int
            Number of eigenvalues; the number of samples is ``round(n_features / ratio)``.
        rng : int, Generator, SeedSequence or None
            Source of randomness.

        Returns
        -------
        ndarray, shape (n_features,)
            Descending; zeros included when ``ratio > 1``.

        Examples
        --------
        >>> from eigenscope import MarchenkoPastur
        >>> MarchenkoPastur(ratio=2.0).rvs(6, rng=0).shape
        (6,)
        """
        if not is_whole_number(n_features):
            raise InvalidInputError(f"n_features must be an integer, got {n_features!r}")
        n_features = int(n_features)
        n_samples = round(n_features / self.ratio)
        if n_features < 1 or n_samples < 1:
            raise InvalidInputError(
                f"n_features={n_features} at ratio {self.ratio:.3g} means {n_samples} samples; ask for more features"
            )
        values = wishart_eigenvalues(n_samples, n_features, as_generator(rng))
        return values * (self.variance / n_samples)


def as_generator(rng: RandomState) -> np.random.Generator:
    """Return a generator; integers and seed sequences start a fresh one."""
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        raise UnsupportedTypeError(
            f"rng must be a non-negative int, numpy.random.Generator, numpy.random.SeedSequence or None, got {rng!r}"
        ) from error


def wishart_eigenvalues(n_samples: int, n_features: int, generator: np.random.Generator) -> Array:
    """Return the eigenvalues of ``X.T @ X`` for standard Gaussian X, descending, shape (n_features,).

    References
    ----------
    Dumitriu and Edelman 2002, "Matrix models for beta ensembles", J. Math. Phys. 43, section III.B: B Bᵀ with
    B lower bidiagonal, χ_n, χ_{n-1}, … on the diagonal and χ_{p-1}, …, χ_1 below it.
    """
    from scipy.linalg import eigvalsh_tridiagonal

    small, large = sorted((n_samples, n_features))
    diagonal_squared = generator.chisquare(large - np.arange(small))
    below_squared = generator.chisquare(small - np.arange(1, small)) if small > 1 else np.empty(0)
    diagonal = diagonal_squared + np.concatenate([[0.0], below_squared])
    off_diagonal = np.sqrt(diagonal_squared[:-1] * below_squared)
    values = np.zeros(n_features)
    values[:small] = np.maximum(eigvalsh_tridiagonal(diagonal, off_diagonal, lapack_driver="sterf")[::-1], 0)
    return values
