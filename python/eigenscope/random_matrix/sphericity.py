"""A test of all eigenvalues at once: whether the covariance is a multiple of the identity."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..eigenvalues import as_eigenvalues
from ..errors import InvalidInputError
from ..results.spectrum import Spectrum
from .noise_variance import check_enough, check_rank, sizes

PAIRINGS = (
    {(1, 1): 1, (1, 2): 1},
    {(1, 1): 20, (1, 2): 20, (1, 3): 8, (2, 2): 21, (2, 3): 2, (2, 4): 1, (3, 3): 2},
    {
        (1, 1): 1312, (1, 2): 1664, (1, 3): 704, (1, 4): 160, (2, 2): 1788, (2, 3): 824, (2, 4): 84, (2, 5): 24,
        (3, 3): 181, (3, 4): 87, (3, 5): 3, (3, 6): 1, (4, 4): 6, (4, 5): 3,
    },
)  # fmt: skip
"""``E (tr W²)^k`` for k = 1, 2, 3: coefficients of ``n^a p^b`` and of ``n^b p^a``, the numbers of pairings of the
``4 k`` entries of X (Isserlis' theorem) that leave a different rows and b different columns."""


class SphericityTest(NamedTuple):
    """Outcome of John's test.

    Parameters
    ----------
    statistic : float
        ``n U - p``, about normal with mean 1 and variance 4 for white noise.
    p_value : float
        Probability that white noise has so uneven eigenvalues.
    """

    statistic: float
    p_value: float


def john_test(
    spectrum_or_eigenvalues: Spectrum | ArrayLike, *, n_samples: float | None = None, n_features: int | None = None
) -> SphericityTest:
    """Test whether the population covariance is a multiple of the identity, against any other.

    ``U = (1/p) tr (S / (tr S / p) - I)²`` is how uneven the eigenvalues are. Many small departures from white noise
    add up in it, none of which needs to reach the noise edge; one strong signal is found too.

    Parameters
    ----------
    spectrum_or_eigenvalues : Spectrum or array_like
        All eigenvalues of a sample covariance.
    n_samples, n_features : number, optional
        As for `fit_marchenko_pastur`.

    Returns
    -------
    SphericityTest
        The p-value is that of a gamma law with the exact mean, variance and skewness of the statistic for Gaussian
        noise of these sizes: right down to 1e-3 from five samples and features on, or from two of one and many of the
        other. A Spectrum of scaled features, whose variances tell nothing, has those of squared correlations.

    Raises
    ------
    InvalidInputError
        When only the top eigenvalues are known, all are zero, or there are fewer than two.

    References
    ----------
    John 1971, "Some optimal multivariate tests", Biometrika 58; Ledoit and Wolf 2002, "Some hypothesis tests for the
    covariance matrix when the dimension is large compared to the sample size", Annals of Statistics 30.

    Examples
    --------
    >>> from eigenscope import MarchenkoPastur
    >>> from eigenscope.random_matrix import john_test
    >>> john_test([3.0, 1.0], n_samples=10, n_features=2).statistic
    0.5
    >>> noise = MarchenkoPastur(0.5).rvs(100, rng=0)
    >>> bool(john_test(noise, n_samples=200, n_features=100).p_value > 0.05)
    True
    """
    from scipy.stats import pearson3

    sample = as_eigenvalues(spectrum_or_eigenvalues, n_samples=n_samples, n_features=n_features)
    n, p = sizes(sample)
    check_rank(spectrum_or_eigenvalues, sample, n_samples)
    if not sample.is_complete:
        raise InvalidInputError(
            f"John's test needs all eigenvalues, not the top {len(sample.values)}: compute the full spectrum (k=None)"
        )
    check_enough(sample)
    if not sample.values[0] > 0:
        raise InvalidInputError("all eigenvalues are zero: the data do not vary, and nothing can be uneven about them")
    values = np.zeros(p)
    values[: len(sample.values)] = sample.values / sample.values[0]
    unevenness = float(np.mean((values / values.mean() - 1) ** 2))
    is_correlation = isinstance(spectrum_or_eigenvalues, Spectrum) and spectrum_or_eigenvalues.scaled
    mean, deviation, skewness = _moments_of_unevenness(n, p)
    if is_correlation:
        mean, deviation = _moments_of_correlations(n, p)
        # Few features have few correlations.
        skewness = max(skewness, 4 / math.sqrt(p * (p - 1)))
    excess = (unevenness + 1) / p - mean
    p_value = float(pearson3.sf(excess / deviation, skewness)) if deviation > 0 else 1.0
    return SphericityTest(n * unevenness - p, p_value)


def _moments_of_unevenness(n_samples: float, n_features: int) -> tuple[float, float, float]:
    """Return mean, standard deviation and skewness of ``tr W² / (tr W)²`` for Gaussian noise, ``W = Xᵀ X``.

    The ratio is independent of ``tr W``, a chi-square number with ``N = n p`` degrees of freedom: its moments are those
    of ``tr W²`` over ``N (N + 2) … (N + 4 k - 2)``. Differences of large numbers cancel, so fractions are exact.
    """
    n, p = Fraction(n_samples), Fraction(n_features)
    moments, divisor = [], Fraction(1)
    for order, counts in enumerate(PAIRINGS):
        divisor *= (n * p + 4 * order) * (n * p + 4 * order + 2)
        total = sum(count * (n**a * p**b + (n**b * p**a if a != b else 0)) for (a, b), count in counts.items())
        moments.append(total / divisor)
    mean, square, cube = moments
    variance = square - mean**2
    if variance == 0:
        return float(mean), 0.0, 0.0
    third = cube - 3 * mean * square + 2 * mean**3
    return float(mean), math.sqrt(variance), float(third) / float(variance) ** 1.5


def _moments_of_correlations(n_samples: float, n_features: int) -> tuple[float, float]:
    """Return mean and standard deviation of ``(p + Σ r²) / p²`` over pairs of features, whose r are uncorrelated."""
    n, p = n_samples, n_features
    mean, variance = 1 / n, 2 * (n - 1) / (n**2 * (n + 2))
    return (1 + (p - 1) * mean) / p, math.sqrt(2 * p * (p - 1) * variance) / p**2
