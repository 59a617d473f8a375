"""What the quadratures of a `SpectralDensity` say together."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidInputError
from .atoms import find_atoms
from .confidence import normal_quantile, scatter_share, score_interval, share_interval, variance_factor
from .cumulative import MERGE_FACTOR, ProbeDistribution, probe_distribution, rigorous_bounds
from .smoothing import chebyshev_values, check_smoothing, kernel_values, weighted_moments

if TYPE_CHECKING:
    from ..results.spectral_density import SpectralDensity

Array = np.ndarray[Any, np.dtype[Any]]

QUANTILE_GRID = 4097
"""Points between the ends of the spectrum on which quantiles are interpolated."""


class SpectralMeasure:
    """Mean distribution over the probes, computed when first asked for."""

    def __init__(self, density: SpectralDensity) -> None:
        if density.n_probes == 0:
            raise InvalidInputError("no probe is complete: raise max_seconds or max_matvecs")
        self._density = density
        self.order = density.order
        self.uses_scatter = density.probe == "rademacher"
        self.factor = variance_factor(
            density.order,
            density.group_sizes,
            is_complex=density.is_complex,
            orthogonal=density.probe == "orthogonal",
        )

    @functools.cached_property
    def fine(self) -> list[ProbeDistribution]:
        """One distribution per probe."""
        d = self._density
        return self._distributions(d.nodes, d.weights, d.residual_norms)

    @functools.cached_property
    def coarse(self) -> list[ProbeDistribution]:
        """The same from the first half of each recurrence."""
        d = self._density
        rules = self._distributions(d.coarse_nodes, d.coarse_weights, d.coarse_residual_norms)
        # A recurrence that resolved its whole measure leaves no error, however coarse its first half was.
        return [fine if fine.curve is None else coarse for fine, coarse in zip(self.fine, rules, strict=True)]

    def _distributions(self, nodes: Array, weights: Array, residuals: Array) -> list[ProbeDistribution]:
        rounding = self._density.rounding
        return [
            probe_distribution(x, w, r, rounding=rounding) for x, w, r in zip(nodes, weights, residuals, strict=True)
        ]

    @property
    def slack(self) -> float:
        """Rounding of a position."""
        return MERGE_FACTOR * self._density.rounding * max(abs(end) for end in self._density.support)

    @functools.cached_property
    def is_exact(self) -> Array:
        """Mask of the probes whose recurrence has found its whole measure: every node is an eigenvalue."""
        residuals = np.where(np.isfinite(self._density.nodes), self._density.residual_norms, 0.0)
        return np.asarray(residuals.max(axis=1) <= self.slack)

    @functools.cached_property
    def bulk(self) -> tuple[float, float]:
        """Ends of what is not resolved into single eigenvalues; of everything when all of it is."""
        nodes = np.concatenate([d.nodes for d in self.fine])
        if len(nodes) == 0:
            return self._density.support
        return float(nodes.min()), float(nodes.max())

    @functools.cached_property
    def bandwidth(self) -> float:
        """Width of the bulk over the degree; zero when every eigenvalue is resolved."""
        if all(len(d.nodes) == 0 for d in self.fine):
            return 0.0
        low, high = self.bulk
        return (high - low) / self._density.degree

    @functools.cached_property
    def _found_atoms(self) -> tuple[Array, Array, Array]:
        return find_atoms(self.fine, bandwidth=self.bandwidth, rounding=self._density.rounding)

    @functools.cached_property
    def atoms(self) -> Array:
        """Rows of location, mass and its standard error."""
        locations, _, masses = self._found_atoms
        widths = np.maximum(self._found_atoms[1], 1e-9 * np.abs(locations))
        per_probe = np.array([d.cdf(locations + widths) - d.cdf(locations - widths) for d in self.fine])
        errors = self.standard_error(per_probe, masses * np.maximum(1.0 - masses, 0.0))
        return np.column_stack([locations, masses, errors])

    @property
    def atom_location_errors(self) -> Array:
        """Distance within which an eigenvalue lies of each atom."""
        errors: Array = self._found_atoms[1]
        return errors

    @property
    def outliers(self) -> Array:
        """Atoms beyond everything that is not an atom."""
        locations: Array = self.atoms[:, 0]
        nodes, _ = self.continuous_part
        if len(nodes) == 0:
            return locations
        beyond: Array = locations[(locations < nodes.min()) | (locations > nodes.max())]
        return beyond

    @functools.cached_property
    def continuous_part(self) -> tuple[Array, Array]:
        """Nodes and weights of all probes that belong to no atom."""
        nodes = np.concatenate([np.concatenate([d.jumps, d.nodes]) for d in self.fine])
        weights = np.concatenate([np.concatenate([d.jump_weights, d.weights]) for d in self.fine])
        free = np.ones(len(nodes), dtype=bool)
        residuals = np.concatenate([np.concatenate([d.jump_residuals, np.zeros(len(d.nodes))]) for d in self.fine])
        slack = 1e3 * self._density.rounding * float(np.abs(nodes).max(initial=0.0))
        for location, error in zip(self.atoms[:, 0], self.atom_location_errors, strict=True):
            free &= np.abs(nodes - location) > error + residuals + slack
        return nodes[free], weights[free]

    def per_probe(self, x: Array, distributions: list[ProbeDistribution] | None = None) -> Array:
        """Return the cumulative weight of every probe at every `x`, shape (n_probes, len(x))."""
        return np.array([d.cdf(x) for d in (self.fine if distributions is None else distributions)])

    def cdf(self, x: Array) -> Array:
        """Return the mean over the probes, between 0 and 1."""
        share = np.clip(self.per_probe(x).mean(axis=0), 0.0, 1.0)
        # Nodes of negligible weight are left out, so that the sum may stay short of one.
        return np.asarray(np.where(x == np.inf, 1.0, share))

    def quadrature_error(self, x: Array) -> Array:
        """Return the larger of the errors of the quadrature to both sides."""
        return np.maximum(*self.quadrature_errors(x))

    def quadrature_errors(self, x: Array) -> tuple[Array, Array]:
        """Return how much smaller and how much larger than `cdf` the share may be because the nodes are few.

        By what the second half of the recurrences changed near `x`, at most the rigorous bounds, or by what is in
        doubt, where the nodes are too few for the structure of the spectrum: neither half has seen it. And by the
        eigenvalues that are not located to a side of `x`.
        """
        reach = 0.5 * self.bandwidth
        changes = [
            np.abs(self.cdf(x + shift) - np.clip(self.per_probe(x + shift, self.coarse).mean(axis=0), 0.0, 1.0))
            for shift in (-reach, 0.0, reach)
        ]
        change, middle, (low, high) = np.max(changes, axis=0), self.cdf(x), self.bounds(x)
        doubt = np.mean([d.doubt(x) for d in self.fine], axis=0)
        below, above = np.mean([d.doubt_of_jumps(x) for d in self.fine], axis=0)
        rounding = len(self.fine) * self._density.rounding
        down = np.maximum(np.minimum(change, np.maximum(middle - low, 0.0)), doubt) + below
        up = np.maximum(np.minimum(change, np.maximum(high - middle, 0.0)), doubt) + above
        return np.hypot(down, rounding), np.hypot(up, rounding)

    def errors(self, x: Array) -> tuple[Array, Array]:
        """Return the standard error of the sampling and the error of the quadrature."""
        per_probe = self.per_probe(x)
        share = np.clip(per_probe.mean(axis=0), 0.0, 1.0)
        return self.standard_error(per_probe, share * (1.0 - share)), self.quadrature_error(x)

    def band(self, x: Array, confidence: float) -> tuple[Array, Array]:
        """Return the score interval of the share, widened by the error of the quadrature."""
        per_probe = self.per_probe(x)
        share = np.clip(per_probe.mean(axis=0), 0.0, 1.0)
        low, high = self.share_interval(per_probe, share, confidence)
        down, up = self.quadrature_errors(x)
        low = np.maximum(share - np.hypot(share - low, down), 0.0)
        high = np.minimum(share + np.hypot(high - share, up), 1.0)
        # No eigenvalue lies beyond infinity.
        return np.where(np.isinf(x), x > 0, low), np.where(np.isinf(x), x > 0, high)

    def standard_error(self, per_probe: Array, spread: Array) -> Array:
        """Return the standard error of means over the probes of what has this variance over the spectrum."""
        variance = self.factor * spread
        measured = scatter_share(per_probe, variance, hidden=False) if self.uses_scatter else 1.0
        return np.sqrt(variance * measured)

    def share_interval(self, per_probe: Array, share: Array, confidence: float) -> tuple[Array, Array]:
        """Return the score interval of shares of the spectrum, without the error of the quadrature."""
        return share_interval(share, self._interval_factor(per_probe, share * (1.0 - share)), confidence)

    def mean_interval(
        self, per_probe: Array, mean: Array, spread: Array, third: Array, confidence: float
    ) -> tuple[Array, Array]:
        """Return the score interval of means over the spectrum, from their second and third central moments."""
        square = normal_quantile(confidence) ** 2
        return score_interval(mean, square * self._interval_factor(per_probe, spread), spread, third)

    def _interval_factor(self, per_probe: Array, spread: Array) -> float | Array:
        """Return the variance of means over the probes per unit of spectral variance, with what scatter may hide."""
        if not self.uses_scatter:
            return self.factor
        return self.factor * scatter_share(per_probe, self.factor * spread, hidden=True)

    def bounds(self, x: Array) -> tuple[Array, Array]:
        """Return the mean over the probes of the Chebyshev–Markov–Stieltjes bounds."""
        d = self._density
        pairs = [rigorous_bounds(nodes, weights, x) for nodes, weights in zip(d.nodes, d.weights, strict=True)]
        low, high = np.mean(pairs, axis=0)
        return low, high

    def quantile(self, probability: Array) -> Array:
        """Return the inverse of the distribution on a grid that holds every jump."""
        wrong = probability[(probability < 0.0) | (probability > 1.0)]
        if len(wrong):
            raise InvalidInputError(f"{len(wrong)} probabilities are not between 0 and 1, the first is {wrong[0]:g}")
        low, high = self._density.support
        jumps = np.concatenate([d.jumps for d in self.fine])
        ends = [(d.curve.low, d.curve.high) for d in self.fine if d.curve is not None]
        low, high = min([low, *(e[0] for e in ends)]), max([high, *(e[1] for e in ends)])
        nodes = np.concatenate([d.nodes for d in self.fine])
        grid = np.unique(np.concatenate([np.linspace(low, high, QUANTILE_GRID), nodes, jumps]))
        heights = self.cdf(grid)
        rank = np.searchsorted(heights, probability - 1e-12, side="left")
        return np.where(np.isnan(probability), np.nan, grid[np.minimum(rank, len(grid) - 1)])

    def pdf(self, x: Array, bandwidth: float | None, kernel: str, scale: str) -> Array:
        """Return the smoothed density."""
        unit, moments = self._smoothed(x, bandwidth, kernel, scale)
        return np.asarray(unit * moments[0])

    def pdf_band(
        self, x: Array, confidence: float, bandwidth: float | None, kernel: str, scale: str
    ) -> tuple[Array, Array]:
        """Return the score interval of the smoothed density, at least zero."""
        unit, (mean, square, cube) = self._smoothed(x, bandwidth, kernel, scale)
        spread, third = np.maximum(square - mean**2, 0.0), cube - 3.0 * mean * square + 2.0 * mean**3
        low, high = score_interval(mean, normal_quantile(confidence) ** 2 * self.factor, spread, third)
        return unit * np.maximum(low, 0.0), unit * high

    def _smoothed(self, x: Array, bandwidth: float | None, kernel: str, scale: str) -> tuple[Array, Array]:
        """Return, for each `x`, a unit and the first three moments of the kernel over the spectrum in that unit."""
        check_smoothing(kernel, scale, bandwidth)
        nodes, weights = self.continuous_part
        if len(nodes) == 0:
            return np.where(np.isnan(x), np.nan, 1.0), np.zeros((3, *x.shape))
        if kernel == "chebyshev":
            interval = self._expansion_interval(nodes)
            n_moments = 2 * self._density.degree

            def values_of(part: Array, at: Array) -> Array:
                return chebyshev_values(part, at, interval=interval, n_moments=n_moments)
        else:
            width = bandwidth if bandwidth is not None else self._default_bandwidth(nodes, scale)

            def values_of(part: Array, at: Array) -> Array:
                return kernel_values(part, at, bandwidth=width, kernel=kernel, scale=scale)

        return weighted_moments(x, nodes, weights / len(self.fine), values_of)

    def _default_bandwidth(self, nodes: Array, scale: str) -> float:
        if scale == "linear":
            spread = float(nodes.max() - nodes.min())
        else:
            positive = nodes[nodes > 0]
            if len(positive) == 0:
                raise InvalidInputError('scale="log" needs positive eigenvalues, and there are none outside the atoms')
            spread = float(np.log(positive.max() / positive.min()))
        smallest = 64 * self._density.rounding * float(np.abs(nodes).max())
        return max(spread / self._density.degree, smallest, float(np.finfo(np.float64).tiny))

    def _expansion_interval(self, nodes: Array) -> tuple[float, float]:
        """All nodes with a margin, so that the weight of the expansion stays finite at each."""
        low, high = float(nodes.min()), float(nodes.max())
        margin = 0.5 * max(high - low, 64 * self._density.rounding * max(abs(low), abs(high))) / self._density.degree
        return low - margin, high + margin
