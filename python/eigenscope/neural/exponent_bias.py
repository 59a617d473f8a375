"""How far cross-validated PCA itself shifts the exponent, measured on simulated recordings like the real one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import stdtrit

from ..arguments import check_confidence, is_whole_number
from ..errors import InvalidInputError
from ..power_law import fit_power_law
from ..results.cross_validated_spectrum import CrossValidatedSpectrum
from ..results.estimate import Estimate
from ..run_options import RandomSource, resolve_seed
from .cross_validated_pca import cvpca
from .repeats import Array


def exponent_bias(
    spectrum: CrossValidatedSpectrum,
    *,
    ranks: tuple[int, int] = (11, 500),
    n_simulations: int = 4,
    confidence: float = 0.95,
    rng: RandomSource = None,
    threads: int | None = None,
) -> Estimate:
    """Estimate the bias of an exponent that was fitted to a cross-validated spectrum.

    Gaussian recordings of the same size are simulated: signal with the fitted power law, noise along the same
    axes with the variances found. Their exponents are compared with the one put in; a second round starts from
    the exponent corrected once. Assumed: Gaussian stimuli and noise, and noise independent between stimuli.
    Subtract the value from the fitted exponent, or use `fit_power_law_moments`,
    which has no such bias.

    Parameters
    ----------
    spectrum : CrossValidatedSpectrum
        From `cvpca`.
    ranks : tuple of int
        First and last rank of the fit.
    n_simulations : int
        Recordings simulated in each of the two rounds, each at the cost of one `cvpca`.
    confidence : float
        Coverage of the interval.
    rng : int, Generator, SeedSequence or None
        Draws the recordings.
    threads : int, optional
        Threads.

    Returns
    -------
    Estimate
        Mean of fitted minus true exponent; its error is that of the simulation, not of the model. Noise in other
        axes than the signal's gives another bias, usually a more negative one.

    Raises
    ------
    InvalidInputError
        When the exponent cannot be fitted, or for fewer than 2 simulations.

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope.neural import cvpca, exponent_bias
    >>> generator = np.random.default_rng(0)
    >>> signal = generator.standard_normal((200, 100)) / np.arange(1, 101) ** 0.5
    >>> X1, X2 = (signal + generator.standard_normal(signal.shape) for _ in range(2))
    >>> spectrum = cvpca(X1, X2, rng=0)
    >>> bool(exponent_bias(spectrum, ranks=(1, 20), rng=0).value < 0)
    True
    """
    if not isinstance(spectrum, CrossValidatedSpectrum):
        raise InvalidInputError(f"exponent_bias needs the result of cvpca, got a {type(spectrum).__name__}")
    if not is_whole_number(n_simulations) or n_simulations < 2:
        raise InvalidInputError(
            f"n_simulations must be an integer of at least 2 for an error bar, got {n_simulations!r}"
        )
    check_confidence(confidence)
    fit = fit_power_law(spectrum, ranks=ranks)
    generator = np.random.Generator(np.random.Philox(resolve_seed(rng)))
    exponent = fit.exponent
    biases: Array = np.zeros(0)
    for _ in range(2):
        signal = _signal(spectrum, fit, exponent)
        biases = np.array(
            [_simulated_exponent(spectrum, signal, fit.ranks, generator, threads) for _ in range(int(n_simulations))]
        )
        biases = biases - exponent
        exponent = fit.exponent - float(biases.mean())
    stderr = float(biases.std(ddof=1)) / math.sqrt(n_simulations)
    margin = float(stdtrit(n_simulations - 1, (1 + confidence) / 2)) * stderr
    value = float(biases.mean())
    return Estimate(value, stderr, (value - margin, value + margin), confidence)


def _signal(spectrum: CrossValidatedSpectrum, fit: Any, exponent: float) -> Array:
    """Eigenvalues before the range as found, a power law from there on that meets the fit at the range's middle."""
    ranks = np.arange(1.0, spectrum.n_features + 1)
    middle = math.sqrt(fit.ranks[0] * fit.ranks[1])
    values = fit.predict(middle) * (ranks / middle) ** -exponent
    head = fit.ranks[0] - 1
    values[:head] = np.maximum(spectrum.eigenvalues[:head], values[:head])
    return np.asarray(values)


def _simulated_exponent(
    spectrum: CrossValidatedSpectrum,
    signal: Array,
    ranks: tuple[int, int],
    generator: np.random.Generator,
    threads: int | None,
) -> float:
    n, p = spectrum.n_samples, spectrum.n_features
    noise = np.zeros(p)
    known = min(len(spectrum.noise_eigenvalues), p)
    noise[:known] = np.maximum(spectrum.noise_eigenvalues[:known], 0)
    if known < p:
        noise[known:] = max(0.0, spectrum.total_noise_variance - float(noise.sum())) / (p - known)
    truth = generator.standard_normal((n, p)) * np.sqrt(signal)
    repeats = [truth + generator.standard_normal((n, p)) * np.sqrt(noise) for _ in range(2)]
    k = min(len(spectrum.eigenvalues), 2 * ranks[1])
    found = cvpca(
        *repeats, k=k, n_shuffles=spectrum.n_shuffles, center=spectrum.centered, rng=generator, threads=threads
    )
    return fit_power_law(found, ranks=ranks).exponent
