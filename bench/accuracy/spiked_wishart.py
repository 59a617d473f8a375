"""Eigenvalues of Gaussian samples with spikes, drawn without a data matrix where that is cheaper."""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigvalsh


def spiked_eigenvalues(n_samples: int, n_features: int, spikes: np.ndarray, generator: np.random.Generator):
    """Return the non-zero eigenvalues of ``X.T @ X / n_samples``, descending, for noise of variance one.

    For n >= p the Bartlett factor L (chi variables on the diagonal, normals below it) gives the p x p Wishart
    matrix L Lᵀ; for n < p the n x n Gram matrix of the noise is one too, and spikes add k outer products.
    """
    n, p, k = n_samples, n_features, len(spikes)
    if p <= n:
        factor = _bartlett(n, p, generator)
        factor[p - k :] *= np.sqrt(spikes)[:, np.newaxis]
        gram = factor @ factor.T
    else:
        short = p - k
        factor = _bartlett(short, n, generator) if short >= n else generator.standard_normal((n, short))
        signals = generator.standard_normal((n, k)) * np.sqrt(spikes)
        gram = factor @ factor.T + signals @ signals.T
    return eigvalsh(gram, check_finite=False, overwrite_a=True)[::-1] / n


def _bartlett(degrees: int, size: int, generator: np.random.Generator) -> np.ndarray:
    factor = np.tril(generator.standard_normal((size, size)), -1)
    np.fill_diagonal(factor, np.sqrt(generator.chisquare(degrees - np.arange(size))))
    return factor
