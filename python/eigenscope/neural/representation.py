"""Responses of one system to stimuli, checked, centred and brought into a safe range."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import scipy.linalg

from ..errors import InvalidInputError, UnsupportedTypeError
from ..inputs import Source, as_source, check_finite
from ..run_options import single_threaded_blas
from ..signs import leading_phases
from ..svd import svds

Array = np.ndarray[Any, np.dtype[Any]]

ROUNDING_OF_MEANS = 8 * float(np.finfo(np.float64).eps)
"""A neuron that varies by less than this share of its mean is constant up to rounding."""


def center_columns(values: Array, here: Array | None = None) -> Array:
    """Subtract the mean of each column, in place, and return the means; columns constant up to rounding become zero.

    Parameters
    ----------
    values : ndarray, shape (n_rows, n_columns)
        Overwritten.
    here : ndarray of bool, shape (n_rows,), optional
        Rows that count; the others are zero before and after.
    """
    where: Any = True if here is None else here[:, None]
    constant = is_constant(values, where)
    count, total = len(values) if here is None else int(here.sum()), np.zeros(values.shape[1])
    # Sums that overflow leave values that are not finite, which every caller refuses.
    with np.errstate(over="ignore", invalid="ignore"):
        # What the rounding of the sum of many rows leaves is subtracted in a second round.
        for _ in range(2):
            means = values.sum(axis=0) / count
            np.subtract(values, means, out=values, where=where)
            total += means
    spread = np.maximum(values.max(axis=0), -values.min(axis=0))
    values[:, constant | (spread <= ROUNDING_OF_MEANS * np.abs(total))] = 0.0
    return total


def is_constant(values: Array, where: Any) -> Array:
    """Return which columns have one value in all rows that count."""
    high = values.max(axis=0, where=where, initial=-np.inf)
    return np.asarray(high <= values.min(axis=0, where=where, initial=np.inf))


LARGEST_EXPONENT = 505
"""Data whose largest magnitude lies between 2^-505 and 2^505 (1e±152): squares in their units are doubles too."""


LARGEST_DIRECT_WORK = 5e9
"""max(P, N) min(P, N)² up to which LAPACK's SVD, which does not hear Ctrl-C, takes about a second."""


@dataclasses.dataclass(frozen=True, eq=False)
class Representation:
    """Centred responses in double precision.

    Parameters
    ----------
    responses : ndarray, shape (n_stimuli, n_neurons)
        Each neuron's mean over stimuli subtracted; the original divided by ``2**exponent``.
    means : ndarray, shape (n_neurons,)
        What was subtracted, in units of `responses`.
    exponent : int
        Power of two that brings the data near 1, so that no square leaves the range of doubles.
    resolution : float
        Rounding error of the entries of the data as given, in units of `responses`.
    """

    responses: Array
    means: Array
    exponent: int
    resolution: float

    @property
    def n_stimuli(self) -> int:
        """Rows."""
        return int(self.responses.shape[0])

    @property
    def n_neurons(self) -> int:
        """Columns."""
        return int(self.responses.shape[1])

    def equalized(self) -> tuple[Representation, Array]:
        """Return the responses with neurons in units of their own, and the units: powers of two near their norms.

        For what no change of a neuron's unit should change.
        """
        squares = np.mean(self.responses**2, axis=0)
        units = np.ldexp(1.0, np.where(squares > 0, np.frexp(np.sqrt(squares))[1], 0))
        raw = squares + self.means**2
        share = self.resolution / np.sqrt(raw.mean())
        resolution = float(share * np.sqrt(np.mean(raw / units**2)))
        scaled = dataclasses.replace(
            self, responses=self.responses / units, means=self.means / units, resolution=resolution
        )
        return scaled, units

    def basis(self, k: int | None = None) -> Basis:
        """Return the leading singular triplets of the responses, at most `k`, those at rounding level left out."""
        limit = min(self.n_stimuli - 1, self.n_neurons)
        k = limit if k is None else min(k, limit)
        work = max(self.responses.shape) * min(self.responses.shape) ** 2
        direct = k == limit and work <= LARGEST_DIRECT_WORK
        U, s, Vh = self._all_triplets(k) if direct else svds(self.responses, k, rng=0, threads=1)
        rank = int(np.count_nonzero(s > rounding_level(self.responses.shape, s[0], self.resolution)))
        return Basis(U[:, :rank], s[:rank], Vh[:rank])

    def _all_triplets(self, limit: int) -> tuple[Array, Array, Array]:
        """Decompose by LAPACK's SVD: two to six times faster than `svds` where all triplets are wanted."""
        with single_threaded_blas():
            U, s, Vh = scipy.linalg.svd(self.responses, full_matrices=False, check_finite=False)
        phase = leading_phases(Vh.T)
        return (U * phase)[:, :limit], s[:limit], (Vh * phase[:, None])[:limit]


def rounding_level(shape: tuple[int, ...], largest: float, resolution: float) -> float:
    """Return the singular value that rounding alone may make, of the computation or of every entry before it."""
    computed = max(shape) * np.finfo(np.float64).eps * largest
    given = resolution * (np.sqrt(shape[0]) + np.sqrt(shape[1]))
    return float(max(computed, given))


@dataclasses.dataclass(frozen=True, eq=False)
class Basis:
    """Singular triplets of centred responses, ``responses = U diag(s) Vh``.

    Parameters
    ----------
    U : ndarray, shape (n_stimuli, rank)
        Orthonormal columns.
    s : ndarray, shape (rank,)
        Descending, above rounding level.
    Vh : ndarray, shape (rank, n_neurons)
        Orthonormal rows.
    """

    U: Array
    s: Array
    Vh: Array

    @property
    def rank(self) -> int:
        """Number of triplets."""
        return len(self.s)

    @property
    def scores(self) -> Array:
        """Coordinates of the stimuli along the principal axes, shape (n_stimuli, rank)."""
        return self.U * self.s

    def leading(self, k: int) -> Basis:
        """Return the first `k` triplets, or all there are."""
        return Basis(self.U[:, :k], self.s[:k], self.Vh[:k])


def representation(data: Any, *, name: str = "X", minimum: int = 2, center: bool = True) -> Representation:
    """Check responses and bring them into one form.

    Parameters
    ----------
    data : array_like, shape (n_stimuli, n_neurons)
        Whatever `eigenscope.as_source` takes.
    name : str
        What errors call it.
    minimum : int
        Stimuli the analysis needs at least.
    center : bool
        Subtract each neuron's mean.

    Returns
    -------
    Representation
        A copy in double precision.

    Raises
    ------
    InvalidInputError
        For too few stimuli, values that are not finite or outside 1e±152, or when no neuron varies.
    """
    source, largest = _checked_source(data, name)
    if source.n_samples < minimum:
        raise InvalidInputError(
            f"{name} has {source.n_samples} stimuli (rows) and {source.n_features} neurons (columns); at least "
            f"{minimum} stimuli are needed. Transpose it if stimuli lie along columns"
        )
    exponent = int(np.frexp(largest)[1])
    if abs(exponent) > LARGEST_EXPONENT:
        raise InvalidInputError(
            f"{name} reaches {largest:.3g}, and squares of such numbers leave the range of doubles: multiply it by a "
            "power of ten first"
        )
    values = np.ldexp(np.asarray(source.array, dtype=np.float64), -exponent)
    resolution = 0.0
    if source.array.dtype.kind == "f" and source.array.dtype.itemsize < 8:
        resolution = float(np.finfo(source.array.dtype).eps * np.sqrt(np.mean(values**2)))
    means = center_columns(values) if center else np.zeros(source.n_features)
    if not values.any():
        raise InvalidInputError(f"no neuron of {name} varies over the {source.n_samples} stimuli")
    return Representation(values, means, exponent, resolution)


def _checked_source(data: Any, name: str) -> tuple[Source, float]:
    """Return the data as a source and its largest magnitude; errors say which argument they are about."""
    try:
        source = as_source(data)
        return source, check_finite(source, threads=1)
    except (InvalidInputError, UnsupportedTypeError) as error:
        raise type(error)(f"{name}: {error}") from error


def paired_representations(X: Any, Y: Any, *, minimum: int = 2) -> tuple[Representation, Representation]:
    """Check the responses of two systems to the same stimuli.

    Parameters
    ----------
    X, Y : array_like, shape (n_stimuli, n_neurons_x) and (n_stimuli, n_neurons_y)
        Rows of both are the same stimuli in the same order.
    minimum : int
        Stimuli the analysis needs at least.

    Returns
    -------
    tuple of Representation
        Of equally many stimuli.

    Raises
    ------
    InvalidInputError
        When the numbers of stimuli differ, or one of them cannot be used.
    """
    x, y = representation(X, name="X", minimum=minimum), representation(Y, name="Y", minimum=minimum)
    check_same_stimuli(x, y)
    return x, y


def check_same_stimuli(x: Representation, y: Representation, names: tuple[str, str] = ("X", "Y")) -> None:
    """Refuse two systems that saw different numbers of stimuli."""
    if x.n_stimuli != y.n_stimuli:
        raise InvalidInputError(
            f"{names[0]} has {x.n_stimuli} stimuli (rows) and {names[1]} has {y.n_stimuli}: both must hold the same "
            "stimuli in the same order. Transpose them if stimuli lie along columns"
        )
