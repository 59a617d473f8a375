"""A test of all eigenvalues at once: whether the covariance is a multiple of the identity."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..eigenvalues import as_eigenvalues
from ..errors import InvalidInputError
from ..results.spectrum import Spectrum
from .noise_variance import check_enough, check_rank, sizes


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
        The p-value is that of ``n p U / 2`` under a chi-square law with ``p (p + 1) / 2 - 1`` degrees of freedom, right
        for any ratio of features to samples; in large data, of the statistic under the normal law. For a Spectrum of
        scaled features there are ``p (p - 1) / 2``: variances, which are all one, tell nothing.

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
    from scipy.stats import chi2

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
    freedom = p * (p - 1) / 2 if is_correlation else p * (p + 1) / 2 - 1
    p_value = float(chi2.sf(n * p * unevenness / 2, freedom))
    return SphericityTest(n * unevenness - p, p_value)
