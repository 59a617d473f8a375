"""Noise in a covariance that is known by its spectral density: the resolved top and the trace are enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidInputError
from ..random_matrix.fit import fit_marchenko_pastur
from .atoms import SEEN_SHARE, cluster_by_residual

if TYPE_CHECKING:
    from ..results.marchenko_pastur_fit import MarchenkoPasturFit
    from ..results.spectral_density import SpectralDensity

Array = np.ndarray[Any, np.dtype[Any]]


def fit_noise(density: SpectralDensity, **options: Any) -> MarchenkoPasturFit:
    """Fit white noise to the density of a covariance, given its leading eigenvalues and its trace."""
    if density.n_samples == 0:
        raise InvalidInputError(
            "a Marchenko-Pastur fit needs a covariance of samples of equal weight: use spectral_density(X, "
            'of="covariance"), rows being samples'
        )
    leading = leading_eigenvalues(density)
    total = density.trace if np.isfinite(density.trace) else density.order * density.moment(1).value
    return fit_marchenko_pastur(
        leading, n_samples=density.n_samples, n_features=density.order, total_variance=total, **options
    )


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
