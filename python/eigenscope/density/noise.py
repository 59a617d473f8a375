"""Noise in a covariance that is known by its spectral density: the resolved top and the trace are enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..eigenvalues import check_covariance_density
from .atoms import SEEN_SHARE, cluster_by_residual

if TYPE_CHECKING:
    from ..results.spectral_density import SpectralDensity

Array = np.ndarray[Any, np.dtype[Any]]


def known_of_covariance(density: SpectralDensity) -> tuple[Array, float]:
    """Return the leading eigenvalues of a covariance and its trace."""
    check_covariance_density(density)
    total = density.trace if np.isfinite(density.trace) else density.order * density.moment(1).value
    return leading_eigenvalues(density), float(total)


def leading_eigenvalues(density: SpectralDensity) -> Array:
    """Return the eigenvalues from the largest down to the first that the probes have not resolved.

    Each stands for itself; the largest Ritz value when not even the largest eigenvalue is resolved.
    """
    distributions = density._measure.fine
    unresolved = np.median([d.nodes.max(initial=-np.inf) for d in distributions])
    positions = np.concatenate([d.jumps for d in distributions])
    residuals = np.concatenate([d.jump_residuals for d in distributions])
    probes = np.concatenate([np.full(len(d.jumps), p) for p, d in enumerate(distributions)])
    found: list[float] = []
    if len(positions):
        for members in reversed(cluster_by_residual(positions, residuals, density.rounding)):
            best = positions[members[np.argmin(residuals[members])]]
            if best < unresolved or len(np.unique(probes[members])) < SEEN_SHARE * len(distributions):
                break
            found.append(float(best))
    return np.array(found or [density.support[1]])
