"""The distribution of all eigenvalues of an operator, with error bars."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import UnsupportedTypeError
from .base import Result
from .estimate import Estimate
from .law_comparison import LawComparison
from .run_info import RunInfo

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..density.measure import SpectralMeasure
    from .marchenko_pastur_fit import MarchenkoPasturFit

Array = np.ndarray[Any, np.dtype[Any]]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class SpectralDensity(Result):
    """Distribution of the eigenvalues of an operator of order n, from quadratures of random probes.

    Parameters
    ----------
    nodes, weights, residual_norms : ndarray, shape (n_probes, degree)
        Gauss quadrature of each probe: ascending nodes, weights that sum to one, and for each node a distance within
        which an eigenvalue lies. NaN behind the last node of a probe that reached an invariant subspace.
    coarse_nodes, coarse_weights, coarse_residual_norms : ndarray, shape (n_probes, ceil(degree / 2))
        The same from the first half of each recurrence; the difference is the error of the quadrature.
    order : int
        Order n of the operator, the number of eigenvalues.
    group_sizes : tuple of int
        Probes per group; orthonormal within a group when `probe` is "orthogonal".
    probe : str
        "orthogonal", "sphere" or "rademacher".
    is_complex : bool
        Whether the operator is complex.
    rounding : float
        Rounding unit of the computation.
    n_samples : int
        Degrees of freedom when the operator is a covariance, otherwise 0.
    trace : float
        Sum of all eigenvalues where the input tells it (covariances of arrays); otherwise NaN.
    status : str
        "converged" when every probe asked for is here, "budget" otherwise.
    info : RunInfo
        What it cost.
    """

    nodes: Array
    weights: Array
    residual_norms: Array
    coarse_nodes: Array
    coarse_weights: Array
    coarse_residual_norms: Array
    order: int
    group_sizes: tuple[int, ...]
    probe: str = "orthogonal"
    is_complex: bool = False
    rounding: float = float(np.finfo(np.float64).eps)
    n_samples: int = 0
    trace: float = float("nan")
    status: str = "converged"
    info: RunInfo = dataclasses.field(default_factory=RunInfo)

    @property
    def n_probes(self) -> int:
        """Number of random vectors."""
        return len(self.nodes)

    @property
    def degree(self) -> int:
        """Nodes per probe at most."""
        return int(self.nodes.shape[1])

    @functools.cached_property
    def _measure(self) -> SpectralMeasure:
        from ..density.measure import SpectralMeasure

        return SpectralMeasure(self)

    @property
    def bandwidth(self) -> float:
        """Width of the spectrum without atoms over the degree: the default bandwidth of `pdf`."""
        return self._measure.bandwidth

    @property
    def support(self) -> tuple[float, float]:
        """Smallest and largest node: bounds of the spectrum from inside, accurate to the Lanczos residual."""
        return float(np.nanmin(self.nodes)), float(np.nanmax(self.nodes))

    @property
    def atoms(self) -> Array:
        """Eigenvalues that stand alone or repeat: rows of (location, mass, stderr of the mass), shape (k, 3).

        An eigenvalue that is isolated at the resolution of the quadrature is an atom of mass 1/n; one of multiplicity
        m has mass m/n. They are not part of `pdf`.
        """
        return self._measure.atoms

    @property
    def atom_location_errors(self) -> Array:
        """Distance within which an eigenvalue lies of each atom's location, shape (k,)."""
        return self._measure.atom_location_errors

    @property
    def outliers(self) -> Array:
        """Locations of the atoms beyond all other nodes, ascending."""
        return self._measure.outliers

    def cdf(self, x: ArrayLike) -> Array | float:
        """Return the share of eigenvalues at or below `x`; no bandwidth is involved.

        Resolved eigenvalues are jumps. Elsewhere each probe's cumulative weight is connected by a monotone curve
        through its nodes.
        """
        return _like(x, self._measure.cdf(_flat(x)))

    def band(self, x: ArrayLike, confidence: float = 0.95) -> tuple[Array | float, Array | float]:
        """Return a pointwise confidence band (low, high) of the `cdf`, sampling and quadrature error together.

        Parameters
        ----------
        x : array_like
            Positions.
        confidence : float
            Probability with which the share of eigenvalues at or below a given `x` lies inside.
        """
        low, high = self._measure.band(_flat(x), confidence)
        return _like(x, low), _like(x, high)

    def errors(self, x: ArrayLike) -> tuple[Array | float, Array | float]:
        """Return the two errors of the `cdf` apart: standard error of the sampling, error of the quadrature.

        The first falls with the number of probes, the second with the degree.
        """
        sampling, quadrature = self._measure.errors(_flat(x))
        return _like(x, sampling), _like(x, quadrature)

    def bounds(self, x: ArrayLike) -> tuple[Array | float, Array | float]:
        """Return bounds of the mean distribution of the probes used that hold for every spectrum, without sampling.

        Chebyshev, Markov and Stieltjes; they are as wide as two quadrature weights.
        """
        low, high = self._measure.bounds(_flat(x))
        return _like(x, low), _like(x, high)

    def quantile(self, probability: ArrayLike) -> Array | float:
        """Return the smallest position where the `cdf` reaches `probability`."""
        return _like(probability, self._measure.quantile(_flat(probability)))

    def pdf(
        self, x: ArrayLike, *, bandwidth: float | None = None, kernel: str = "gaussian", scale: str = "linear"
    ) -> Array | float:
        """Return a smooth density of the spectrum without its atoms; integrates to one minus their mass.

        Parameters
        ----------
        x : array_like
            Positions; the density is per unit of `x`.
        bandwidth : float, optional
            Standard deviation of the kernel, in units of `x` or, on a logarithmic scale, of its natural logarithm.
            By default the width of the spectrum over the degree (`bandwidth`), about the spacing of the nodes.
        kernel : {"gaussian", "epanechnikov", "lorentzian", "chebyshev"}
            The last is the kernel polynomial method with Jackson damping, of ``2 degree`` moments.
        scale : {"linear", "log"}
            Axis on which the kernel is symmetric.
        """
        return _like(x, self._measure.pdf(_flat(x), bandwidth, kernel, scale))

    def pdf_band(
        self,
        x: ArrayLike,
        confidence: float = 0.95,
        *,
        bandwidth: float | None = None,
        kernel: str = "gaussian",
        scale: str = "linear",
    ) -> tuple[Array | float, Array | float]:
        """Return a pointwise confidence band of the smoothed density: sampling error at this bandwidth."""
        low, high = self._measure.pdf_band(_flat(x), confidence, bandwidth, kernel, scale)
        return _like(x, low), _like(x, high)

    def expectation(self, f: Callable[[Array], Any], *, confidence: float = 0.95) -> Estimate:
        """Return the mean of `f` over the eigenvalues, ``tr f(A) / n``.

        Parameters
        ----------
        f : callable
            Function of an array of eigenvalues, such as ``numpy.exp``.
        confidence : float
            Coverage of the interval, which holds sampling and quadrature error; `stderr` is that of sampling alone.
        """
        from ..density.expectation import expectation

        return expectation(self, f, confidence)

    def moment(self, order: int, *, confidence: float = 0.95) -> Estimate:
        """Return the mean of ``λ**order``; the quadrature is exact up to ``order = 2 degree - 1``."""
        from ..density.expectation import moment

        return moment(self, order, confidence)

    def count(self, low: float = -math.inf, high: float = math.inf, *, confidence: float = 0.95) -> Estimate:
        """Return the number of eigenvalues in the closed interval from `low` to `high`."""
        from ..density.expectation import count

        return count(self, low, high, confidence)

    def nullity(self, *, tolerance: float | None = None, confidence: float = 0.95) -> Estimate:
        """Return the multiplicity of zero: the number of eigenvalues within `tolerance` of it.

        By default the tolerance is n times the rounding unit times the largest eigenvalue, as for a numerical rank.
        """
        from ..density.expectation import nullity

        return nullity(self, tolerance, confidence)

    def compare(self, law: Any) -> LawComparison:
        """Compare with a law that has a ``cdf``, such as `MarchenkoPastur` or a SciPy distribution."""
        from ..density.comparison import compare

        return compare(self, law)

    def fit_marchenko_pastur(self, **options: Any) -> MarchenkoPasturFit:
        """Fit noise to the density of a covariance; options as `eigenscope.fit_marchenko_pastur`."""
        from ..random_matrix.fit import fit_marchenko_pastur

        return fit_marchenko_pastur(self, **options)

    def refine(
        self,
        *,
        n_probes: int,
        max_seconds: float | None = None,
        callback: Callable[[dict[str, Any]], Any] | None = None,
        progress: bool | Callable[[str], object] = False,
        threads: int | None = None,
    ) -> SpectralDensity:
        """Return the density with `n_probes` probes in all, going on from those that are here.

        Parameters
        ----------
        n_probes : int
            Total number of probes; those that are here are not computed again.
        max_seconds, callback, progress, threads : optional
            As in `spectral_density`.
        """
        from ..density.refinement import refine

        run = {"max_seconds": max_seconds, "callback": callback, "progress": progress}
        return refine(self, n_probes, run, threads)

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw density or cumulative distribution with its band, and atoms as stems (needs matplotlib).

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; a new figure by default.
        **options
            ``kind="pdf"`` or ``"cdf"``, ``scale="linear"`` or ``"log"``, ``confidence`` of the band, ``bandwidth`` of
            the density, ``law`` with ``pdf`` and ``cdf`` to draw beside it; others go to the line.
        """
        from .density_plotting import plot_spectral_density

        return plot_spectral_density(self, ax=ax, **options)

    def __getstate__(self) -> dict[str, Any]:
        # A copy has no operator to go on with, as one that was loaded.
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    def summary(self) -> str:
        """Return size, range and quality in three lines."""
        if self.n_probes == 0:
            return f"SpectralDensity: no probe is complete, {self.status}\n  {self.info.summary()}"
        low, high = self.support
        middle = self.quantile(0.5)
        below, above = self.band(middle)
        return (
            f"SpectralDensity: {self.order:,} eigenvalues from {low:.6g} to {high:.6g}, {len(self.atoms)} atoms, "
            f"{self.status}\n"
            f"  {self.n_probes} {self.probe} probes of degree {self.degree}; 95% band of the cdf at the median "
            f"±{0.5 * (float(above) - float(below)):.2g}\n"
            f"  {self.info.summary()}"
        )


def _flat(x: ArrayLike) -> Array:
    given = np.asarray(x)
    if not np.can_cast(given.dtype, np.float64, casting="same_kind"):
        raise UnsupportedTypeError(f"positions and probabilities must be real numbers, got dtype {given.dtype}")
    return np.atleast_1d(given.astype(np.float64)).ravel()


def _like(x: ArrayLike, values: Array) -> Array | float:
    shape = np.shape(x)
    return float(values[0]) if shape == () else values.reshape(shape)
