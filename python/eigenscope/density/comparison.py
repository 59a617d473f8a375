"""A spectrum beside a law."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidInputError
from ..results.law_comparison import LawComparison

if TYPE_CHECKING:
    from ..results.spectral_density import SpectralDensity

GRID_POINTS = 2001
"""Points between the ends of the spectrum where the two distributions are compared, besides its jumps."""


def compare(density: SpectralDensity, law: Any) -> LawComparison:
    """Return the Kolmogorov distance and its p-value.

    For uniform probes the estimated distribution differs from that of the eigenvalues by ``sqrt(variance factor)``
    times a Brownian bridge, so that the distance has Kolmogorov's law with ``1 / variance factor`` samples.
    """
    from scipy.special import kolmogorov

    if not callable(getattr(law, "cdf", None)):
        raise InvalidInputError(f"a law needs a method cdf, {type(law).__name__} has none")
    measure = density._measure
    low, high = density.support
    margin = 0.02 * (high - low)
    jumps = measure.atoms[:, 0]
    # Rounding may put a jump to either side of the law's: each height is held against the law within that distance.
    reach = 2.0 * measure.slack
    grid = np.linspace(low - margin, high + margin, GRID_POINTS)
    grid = np.unique(np.concatenate([grid, jumps, jumps - 2.0 * reach, jumps + 2.0 * reach]))
    lowest, highest = (np.asarray(law.cdf(grid + shift), dtype=np.float64) for shift in (-reach, reach))
    if lowest.shape != grid.shape or not (np.isfinite(lowest) & np.isfinite(highest)).all():
        raise InvalidInputError("law.cdf must return one finite value per position")
    found = measure.cdf(grid)
    difference = np.maximum(np.maximum(found - highest, lowest - found), 0.0)
    worst = int(difference.argmax())
    distance, location = float(difference[worst]), float(grid[worst])
    error = float(measure.quadrature_error(np.array([location]))[0])
    samples = math.inf if measure.factor == 0.0 else 1.0 / measure.factor
    excess = max(0.0, distance - error - 1.0 / density.order)
    p_value = 1.0 if excess == 0.0 else float(kolmogorov(excess * math.sqrt(samples)))
    return LawComparison(distance, location, p_value, samples, error)
