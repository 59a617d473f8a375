"""The variance of each dimension above noise, freed from noise and from the bias of finite samples."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from .errors import InvalidInputError
from .power_law import fit_power_law
from .results.marchenko_pastur_fit import MarchenkoPasturFit
from .results.power_law_fit import PowerLawFit
from .results.spectrum import Spectrum

Array = np.ndarray[Any, np.dtype[Any]]


def signal_variances(spectrum: Spectrum, *, noise: MarchenkoPasturFit) -> Array:
    """Estimate the signal variance along each dimension above noise.

    A sample eigenvalue is larger than the population's: noise adds its variance, and all other dimensions
    push it up or down. Both are undone with the Marchenko–Pastur equation evaluated at the sample eigenvalue
    itself over all other eigenvalues, so that the push of neighbouring signals is counted too, not only that
    of noise.

    Parameters
    ----------
    spectrum : Spectrum
        All eigenvalues, not only the top ones.
    noise : MarchenkoPasturFit
        Its noise fit: how many eigenvalues are signal, and the noise variance.

    Returns
    -------
    ndarray, shape (n_signal,)
        Signal variances in the squared units of the data, in the order of the eigenvalues. Those near the
        detection threshold are uncertain and can come out negative.

    Raises
    ------
    InvalidInputError
        When only the top eigenvalues are given.

    References
    ----------
    .. [1] Z. Bai and X. Ding, "Estimation of spiked eigenvalues in spiked models", Random Matrices: Theory
       Applications 1 (2012), equation 2.6.

    Examples
    --------
    >>> import eigenscope
    >>> from eigenscope.testing import recording
    >>> X = recording(4000, 400, population_eigenvalues=[50.0, 20.0, 10.0], noise_variance=1.0).data
    >>> spectrum = eigenscope.covariance_spectrum(X)
    >>> signals = signal_variances(spectrum, noise=spectrum.fit_marchenko_pastur())
    >>> bool(abs(signals / [50, 20, 10] - 1).max() < 0.1)
    True
    """
    if not spectrum.is_complete:
        raise InvalidInputError("signal_variances needs all eigenvalues: leave k out of covariance_spectrum")
    dof = spectrum.degrees_of_freedom
    positive = spectrum.eigenvalues[: min(dof, spectrum.n_features)]
    variances = np.empty(noise.n_signal)
    for i, eigenvalue in enumerate(positive[: noise.n_signal]):
        # v(λ_i) = 1/dof Σ_{j≠i} 1/(λ_j - λ_i) - (1 - (m-1)/dof)/λ_i over the m non-zero eigenvalues;
        # the population eigenvalue is ℓ_i = -1/v(λ_i).
        others = np.delete(positive, i) - eigenvalue
        stieltjes = np.sum(1 / others[others != 0]) / dof - (1 - (len(positive) - 1) / dof) / eigenvalue
        variances[i] = -1 / stieltjes - float(noise.variance)
    return variances


def fit_signal_power_law(
    spectrum: Spectrum, *, noise: MarchenkoPasturFit, ranks: tuple[int, int], confidence: float = 0.95
) -> PowerLawFit:
    """Fit the rank exponent of the signal, with noise and the bias of finite samples removed.

    Parameters
    ----------
    spectrum : Spectrum
        All eigenvalues.
    noise : MarchenkoPasturFit
        Its noise fit.
    ranks : tuple of int
        First and last rank, 1-based and inclusive, within ``noise.n_signal``.
    confidence : float
        Coverage of the interval.

    Returns
    -------
    PowerLawFit
        Its standard error adds two parts in squares: sampling of the eigenvalues, and the scatter of the
        signal variances about the line, which grows where signals come close to the noise.

    Raises
    ------
    InvalidInputError
        When `ranks` reach into the noise.

    Examples
    --------
    >>> import numpy as np, eigenscope
    >>> from eigenscope.testing import recording
    >>> X = recording(4000, 400, population_eigenvalues=100 / np.arange(1, 41), noise_variance=1.0).data
    >>> spectrum = eigenscope.covariance_spectrum(X)
    >>> fit = fit_signal_power_law(spectrum, noise=spectrum.fit_marchenko_pastur(), ranks=(1, 40))
    >>> bool(abs(fit.exponent - 1) < 0.05)
    True
    """
    from scipy.special import ndtri

    if ranks[1] > noise.n_signal:
        raise InvalidInputError(f"ranks {ranks} reach into the noise, which begins at rank {noise.n_signal + 1}")
    variances = signal_variances(spectrum, noise=noise)
    fit = fit_power_law(variances, ranks=ranks)
    sampling = fit_power_law(variances, ranks=ranks, n_samples=spectrum.degrees_of_freedom).stderr
    stderr = math.hypot(fit.stderr, sampling)
    reach = float(ndtri(0.5 + confidence / 2)) * stderr
    return dataclasses.replace(
        fit, stderr=stderr, interval=(fit.exponent - reach, fit.exponent + reach), confidence=confidence
    )
