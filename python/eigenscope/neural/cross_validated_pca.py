"""Cross-validated principal components: the signal's spectrum from repeats, without the noise."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from scipy.linalg.blas import dgemm as gemm

from .. import _core
from ..arguments import check_switch, is_whole_number
from ..errors import InvalidInputError
from ..results.cross_validated_spectrum import CrossValidatedSpectrum
from ..run_options import (
    Progress,
    ProgressOption,
    RandomSource,
    Stopwatch,
    resolve_seed,
    resolve_threads,
    single_threaded_blas,
)
from .repeat_offsets import RepeatOffsets
from .repeats import Array, Repeats, as_repeats, neuron_deviations, random_halves, repeat_gram
from .spontaneous import remove_spontaneous

SMALLEST_SUM_OF_SQUARES = float(np.finfo(np.float64).tiny / np.finfo(np.float64).eps)
"""Below it small components would lose digits to gradual underflow."""


def cvpca(
    X1: Any,
    X2: Any = None,
    *,
    k: int | None = None,
    n_shuffles: int = 10,
    center: bool | str = True,
    scale: bool = False,
    spontaneous: Any = None,
    n_spontaneous: int = 32,
    nan: str = "raise",
    rng: RandomSource = None,
    threads: int | None = None,
    progress: ProgressOption = False,
) -> CrossValidatedSpectrum:
    """Estimate the spectrum of the signal by cross-validated principal component analysis.

    Components are found on one half of the repeats; the signal variance along each is the covariance, over
    stimuli, of the projections of both halves. Noise that is independent between repeats adds nothing on
    average. Assumed: the same stimuli in the same order, and noise independent between repeats. It is not
    unbiased: components found on noisy data miss part of the signal, so that decaying spectra come out too
    flat where noise is strong (`exponent_bias` estimates by how much, `fit_power_law_moments` avoids it).

    Parameters
    ----------
    X1 : array_like, shape (n_stimuli, n_neurons), or (n_repeats, n_stimuli, n_neurons) without `X2`
        Responses; several repeats are averaged in random halves.
    X2 : array_like, shape (n_stimuli, n_neurons), optional
        Responses to the same stimuli, presented again.
    k : int, optional
        Leading components wanted; all by default. The total signal variance is that of all either way.
    n_shuffles : int
        Random exchanges of the repeats of each stimulus, averaged over. 0 finds components on `X1` (the
        first half of the repeats) and takes the rest as the second half: right when noise is correlated
        between stimuli within a repeat, for example successive time bins, which exchanging would break.
    center : bool or {"repeats", "halves"}
        Subtract every neuron's mean over stimuli: from every repeat before exchanges (True is "repeats"), or as
        published code does from both halves after each ("halves"). There a change of a neuron's mean between repeats
        becomes variance of opposite signs in the halves, which counts as negative signal.
    scale : bool
        Divide every neuron by its standard deviation over stimuli (root mean square without centring), so that
        all count alike; with `center`, z-scores. The variance is the mean of those of the repeats, each about its
        own mean: all repeats share it, and signal and noise are both in it. Of two repeats the total signal variance
        is then the sum of the neurons' signal fractions (`signal_statistics`). Constant neurons are left out, with a
        `DataWarning`.
    spontaneous : array_like, shape (n_times, n_neurons), optional
        Activity without stimuli: responses are put in units of its standard deviations and its leading components
        removed, see `remove_spontaneous`; `scale` comes after it.
    n_spontaneous : int
        Components of it to remove.
    nan : {"raise", "omit"}
        With "omit", presentations that are NaN throughout are missing.
    rng : int, Generator, SeedSequence or None
        Draws the exchanges.
    threads : int, optional
        Threads.
    progress : bool or callable
        Whom to tell.

    Returns
    -------
    CrossValidatedSpectrum
        In the order of the components, with the contribution of every stimulus.

    Raises
    ------
    InvalidInputError
        For unequal shapes, too few stimuli, missing repeats, or `k` beyond the data.

    References
    ----------
    Stringer et al. 2019, "High-dimensional geometry of population responses in visual cortex", Nature 571.

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope.neural import cvpca
    >>> generator = np.random.default_rng(0)
    >>> signal = generator.standard_normal((300, 100)) / np.arange(1, 101) ** 0.5
    >>> X1, X2 = (signal + 0.1 * generator.standard_normal(signal.shape) for _ in range(2))
    >>> spectrum = cvpca(X1, X2, rng=0)
    >>> bool(abs(spectrum.fit_power_law(ranks=(3, 30)).exponent - 1) < 0.3)
    True
    """
    threads = resolve_threads(threads)
    seed = resolve_seed(rng)
    watch = Stopwatch(threads, seed)
    tell = Progress(progress, "cvpca")
    centring = _check_centring(center)
    check_switch("scale", scale)
    center = centring != "none"
    repeats = _without_spontaneous(as_repeats(X1, X2, nan=nan), spontaneous, n_spontaneous)
    k, n_shuffles = _check_options(repeats, k, n_shuffles), int(n_shuffles)
    tell("Gram matrix of all presentations")
    deviations = neuron_deviations(repeats, center=center) if scale else None
    gram = repeat_gram(repeats, center=centring, threads=threads, deviations=deviations)
    unit = _unit_of(gram)
    gram /= unit
    _check_every_repeat(gram, repeats.present)
    generator = np.random.Generator(np.random.Philox(seed))
    rounds = max(1, n_shuffles)
    exchanges = [random_halves(repeats.present, generator if n_shuffles else None) for _ in range(rounds)]
    tell(f"{rounds} exchanges of repeats")
    offsets = RepeatOffsets.of(repeats.present) if centring == "repeats" and not repeats.present.all() else None
    contributions, noise, traces = _average_exchanges(gram, exchanges, k, centring == "all", offsets, threads)
    tell.close()
    divisor = (repeats.n_stimuli - int(center)) / unit
    contributions /= divisor
    return CrossValidatedSpectrum(
        eigenvalues=contributions.sum(axis=0),
        n_samples=repeats.n_stimuli,
        n_features=repeats.n_neurons,
        total_variance=traces[0] / divisor,
        degrees_of_freedom=repeats.n_stimuli - int(center),
        centered=center,
        scaled=scale,
        contributions=contributions,
        noise_eigenvalues=noise / divisor,
        total_noise_variance=traces[1] / divisor,
        n_repeats=len(repeats.arrays),
        n_shuffles=n_shuffles,
        info=watch.info(
            "cross-validated PCA on one Gram matrix",
            n_passes=1 + int(scale),
            peak_bytes=3 * gram.nbytes + contributions.nbytes,
        ),
    )


def _without_spontaneous(repeats: Repeats, spontaneous: Any, n_components: int) -> Repeats:
    if spontaneous is None:
        return repeats
    cleaned = (remove_spontaneous(array, spontaneous, n_components=n_components) for array in repeats.arrays)
    return Repeats(tuple(cleaned), repeats.present)


def _unit_of(gram: Array) -> float:
    """Return a power of two near the largest sum of squares, so that its squares stay in range and no bit changes."""
    if not np.isfinite(gram).all():
        raise InvalidInputError("sums of squares overflow: divide the responses by a power of ten first")
    largest = float(np.diagonal(gram).max())
    if largest == 0:
        raise InvalidInputError("all responses are zero or constant: there is nothing to decompose")
    if largest < SMALLEST_SUM_OF_SQUARES:
        raise InvalidInputError("sums of squares underflow: multiply the responses by a power of ten first")
    return float(np.ldexp(1.0, int(np.frexp(largest)[1])))


def _check_centring(center: bool | str) -> str:
    """Return what is centred before the exchanges: "repeats", "all" presentations together, or "none"."""
    if isinstance(center, str) and center in ("repeats", "halves"):
        return "repeats" if center == "repeats" else "all"
    if not isinstance(center, (bool, np.bool_)):
        raise InvalidInputError(f'center must be True, False, "repeats" or "halves", got {center!r}')
    return "repeats" if center else "none"


def _check_every_repeat(gram: Array, present: Array) -> None:
    n_repeats = len(present)
    sums = np.add.reduceat(np.diagonal(gram), np.arange(n_repeats) * (len(gram) // n_repeats))
    silent = (sums <= 0) & present.any(axis=1)
    if silent.any():
        raise InvalidInputError(
            f"all responses of repeat {int(np.argmax(silent)) + 1} are zero or constant: there is nothing to decompose"
        )


def _check_options(repeats: Repeats, k: int | None, n_shuffles: int) -> int:
    limit = min(repeats.n_stimuli, repeats.n_neurons)
    if k is None:
        k = limit
    if not is_whole_number(k) or not 1 <= k <= limit:
        raise InvalidInputError(
            f"k={k!r} components of {repeats.n_stimuli} stimuli x {repeats.n_neurons} neurons: choose 1 to {limit}"
        )
    if not is_whole_number(n_shuffles) or n_shuffles < 0:
        raise InvalidInputError(f"n_shuffles must be a non-negative integer, got {n_shuffles!r}")
    return int(k)


def _average_exchanges(
    gram: Array,
    exchanges: list[tuple[Any, Any]],
    k: int,
    center_halves: bool,
    offsets: RepeatOffsets | None,
    threads: int,
) -> tuple[Array, Array, Array]:
    """Average over exchanges, several at a time, in their order whatever the number of threads."""
    noise_variance = 0.0 if offsets is None else offsets.noise_variance(gram)

    def exchange(halves: tuple[Any, Any]) -> tuple[Array, Array, Array]:
        train, cross, second_total = _products_of_halves(gram, *halves)
        if offsets is not None:
            cross -= noise_variance * offsets.shared_noise(*halves).T
        if center_halves:
            return _one_exchange(*_centered_products(gram, halves[1], train, cross, second_total), k)
        return _one_exchange(train, cross, second_total, float(np.trace(train)), k)

    contributions, noise, traces = np.zeros((exchanges[0][0].shape[0], k)), np.zeros(k), np.zeros(2)
    with single_threaded_blas(), ThreadPoolExecutor(threads) as pool:
        # As many at a time as there are threads: each needs several matrices of the Gram matrix's size.
        for first in range(0, len(exchanges), threads):
            batch = exchanges[first : first + threads]
            for products, differences, sums in pool.map(exchange, batch):
                contributions += products
                noise += differences
                traces += sums
    count = len(exchanges)
    return contributions / count, noise / count, traces / count


def _centered_products(
    gram: Array, second: Any, train: Array, cross: Array, second_total: float
) -> tuple[Array, Array, float, float]:
    """Return the products of halves whose rows have mean zero, and the trace of the first before."""
    before = float(np.trace(train))
    weights = np.asarray(second.sum(axis=0)).ravel()
    second_total -= float(weights @ (gram @ weights)) / len(train)
    _center_in_place(train)
    _center_in_place(cross)
    return train, cross, second_total, before


def _one_exchange(train: Array, cross: Array, second_total: float, before: float, k: int) -> tuple[Array, Array, Array]:
    """Return contributions (n_stimuli, k), noise variances (k,), and total signal and noise, as sums over stimuli.

    With ``G11 = X1 X1ᵀ = A B Aᵀ`` the components are ``X1ᵀ A B^-½``; projections of the two halves are
    ``c1 = A B^½`` and ``c2 = G21 A B^-½``. Their product is ``A ∘ (G21 A)``, in which B cancels.
    """
    largest, common = float(np.trace(train)), float(np.trace(cross))
    # What is left of constant responses whose means differ between the repeats is rounding.
    if largest <= len(train) * np.finfo(np.float64).eps * before:
        raise InvalidInputError("all responses of one repeat are zero or constant: there is nothing to decompose")
    traces = np.array([common, (largest + second_total) / 2 - common])
    # Symmetric: its transpose is the same matrix in the order LAPACK wants.
    values, vectors = _core.eigh_largest_in_place(train.T, k, 1)
    values, vectors = values[::-1], np.ascontiguousarray(vectors[:, ::-1])
    # SciPy's BLAS, which the package keeps on one thread in every thread of its own.
    projected = gemm(1.0, cross.T, vectors, trans_a=True)
    # Components without variance have no direction; both projections on them are zero.
    tiny = len(vectors) * np.finfo(np.float64).eps * largest
    products = np.where(values > tiny, vectors * projected, 0.0)
    inverse = np.where(values > tiny, 1 / np.maximum(values, tiny), 0.0)
    second_power = inverse * np.sum(projected**2, axis=0)
    noise = (np.maximum(values, 0.0) + second_power) / 2 - products.sum(axis=0)
    return products, np.where(values > tiny, noise, 0.0), traces


def _products_of_halves(gram: Array, first: Any, second: Any) -> tuple[Array, Array, float]:
    """Return ``S1 G S1ᵀ``, ``S2 G S1ᵀ`` and the trace of ``S2 G S2ᵀ`` for averages S1, S2 of the presentations G is of.

    With two repeats each half is one presentation of every stimulus, and entries are picked instead of multiplied.
    """
    if first.nnz == second.nnz == first.shape[0]:
        chosen, other = first.indices, second.indices
        return gram[np.ix_(chosen, chosen)], gram[np.ix_(other, chosen)], float(gram[other, other].sum())
    left, right = first @ gram, second @ gram
    return np.ascontiguousarray(first @ left.T), second @ left.T, float(second.multiply(right).sum())


def _center_in_place(matrix: Array) -> None:
    """Subtract row and column means, so that the rows that made these products are centred."""
    matrix -= matrix.mean(axis=0)
    matrix -= matrix.mean(axis=1)[:, None]
