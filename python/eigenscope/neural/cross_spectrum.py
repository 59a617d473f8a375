"""Shared dimensions of two systems, cross-validated: the spectrum of their covariance on new stimuli."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.linalg
from scipy.special import ndtr

from ..arguments import is_whole_number, positive_number
from ..errors import InvalidInputError
from ..results.base import Result
from ..signs import leading_phases
from .representation import Representation, check_same_stimuli, representation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = np.ndarray[Any, np.dtype[Any]]

MINIMUM_STIMULI = 3
"""A covariance and its error need that many."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class CrossSpectrum(Result):
    """Covariance of two systems on test stimuli along the shared axes of training stimuli.

    Parameters
    ----------
    covariances : ndarray, shape (k,)
        Covariance of the paired projections on test stimuli; unbiased, so negative ones occur.
    stderr : ndarray, shape (k,)
        Their standard errors over test stimuli.
    training_singular_values : ndarray, shape (k,)
        Covariances on the training stimuli themselves, biased upwards.
    bin_ranks : ndarray of int, shape (n_bins, 2)
        First and last rank of each bin, 1-based, inclusive.
    bin_means, bin_stderr : ndarray, shape (n_bins,)
        Mean covariance in each bin and its standard error over test stimuli.
    bin_p_values : ndarray, shape (n_bins,)
        Probability of a mean this large when test stimuli of one system are permuted (one-sided).
    n_negative : int
        Ranks with a covariance that is not positive.
    n_train, n_test : int
        Stimuli.
    """

    covariances: Array
    stderr: Array
    training_singular_values: Array
    bin_ranks: Array
    bin_means: Array
    bin_stderr: Array
    bin_p_values: Array
    n_negative: int
    n_train: int
    n_test: int

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw covariance against rank."""
        from .similarity_plotting import plot_cross_spectrum

        return plot_cross_spectrum(self, ax=ax, **options)

    def summary(self) -> str:
        """Return sizes, significant bins and negative values in three lines."""
        significant = self.bin_p_values < 0.05 / len(self.bin_p_values)
        reach = int(self.bin_ranks[significant, 1].max(initial=0))
        return (
            f"CrossSpectrum: {len(self.covariances):,} ranks, {self.n_train:,} training and {self.n_test:,} test "
            f"stimuli\n"
            f"  {int(significant.sum())} of {len(self.bin_p_values)} bins above permuted stimuli (Bonferroni 5 %), up "
            f"to rank {reach:,}\n"
            f"  total {self.covariances.sum():.4g}, first {self.covariances[0]:.4g} ± {self.stderr[0]:.2g}; "
            f"{self.n_negative:,} ranks not positive"
        )


def cross_spectrum(
    X_train: Any, Y_train: Any, X_test: Any, Y_test: Any, k: int | None = None, *, bins_per_octave: float = 2.0
) -> CrossSpectrum:
    """Return the covariance spectrum two systems share, on stimuli that did not shape the axes.

    The singular vectors of the cross-covariance of the training stimuli give paired axes; the covariance of the
    projections of test stimuli on each pair is an unbiased measure of what they share there. With repeats of one
    system as X and Y it is cross-validated PCA up to the choice of axes.

    It assumes test stimuli that are independent draws, independent of the training stimuli, and noise that is
    independent between X and Y. Errors are closed forms: over test stimuli for the spectrum, the exact variance over
    all permutations of test stimuli (with a normal tail) for the p-values.

    Parameters
    ----------
    X_train, Y_train : array_like, shape (n_train, n_neurons_x) and (n_train, n_neurons_y)
        Responses to the training stimuli.
    X_test, Y_test : array_like, shape (n_test, n_neurons_x) and (n_test, n_neurons_y)
        Responses of the same neurons to the test stimuli.
    k : int, optional
        Ranks wanted; all by default.
    bins_per_octave : float
        Bins of ranks, evenly spaced in log rank.

    Returns
    -------
    CrossSpectrum
        Covariances with errors, by rank and by bin.

    Raises
    ------
    InvalidInputError
        When stimuli or neurons do not match, or there are too few.

    References
    ----------
    Gauthaman, Ménard and Bonner 2024, "Universal scale-free representations in human visual cortex", arXiv
    2409.06843.

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope.neural import cross_spectrum
    >>> rng = np.random.default_rng(0)
    >>> signal = rng.standard_normal((600, 40)) * np.arange(1, 41) ** -0.5
    >>> X, Y = signal + 0.3 * rng.standard_normal((2, 600, 40))
    >>> result = cross_spectrum(X[:400], Y[:400], X[400:], Y[400:])
    >>> bool(abs(result.covariances[0] - 1) < 3 * result.stderr[0])
    True
    """
    positive_number("bins_per_octave", bins_per_octave)
    if k is not None and (not is_whole_number(k) or k < 1):
        raise InvalidInputError(f"k must be a positive integer or None, got {k!r}")
    x, y = (representation(d, name=n, minimum=MINIMUM_STIMULI) for d, n in ((X_train, "X_train"), (Y_train, "Y_train")))
    u, v = (representation(d, name=n, minimum=MINIMUM_STIMULI) for d, n in ((X_test, "X_test"), (Y_test, "Y_test")))
    check_same_stimuli(x, y, ("X_train", "Y_train"))
    check_same_stimuli(u, v, ("X_test", "Y_test"))
    _check_same_neurons(x, u, "X")
    _check_same_neurons(y, v, "Y")
    left, values, right = _shared_axes(x, y, None if k is None else int(k))
    first, second = u.responses @ left, v.responses @ right
    unit, training_unit = np.ldexp(1.0, u.exponent + v.exponent), np.ldexp(1.0, x.exponent + y.exponent)
    products = first * second
    degrees = u.n_stimuli - 1
    covariances = products.sum(axis=0) / degrees
    starts = _bin_starts(len(values), bins_per_octave)
    bins = np.column_stack([starts + 1, np.append(starts[1:], len(values))])
    means, stderr, p_values = _bin_statistics(first, second, starts)
    return CrossSpectrum(
        covariances=covariances * unit,
        stderr=_stderr_of_covariance(products) * unit,
        training_singular_values=values / (x.n_stimuli - 1) * training_unit,
        bin_ranks=bins,
        bin_means=means * unit,
        bin_stderr=stderr * unit,
        bin_p_values=p_values,
        n_negative=int(np.count_nonzero(covariances <= 0)),
        n_train=x.n_stimuli,
        n_test=u.n_stimuli,
    )


def _check_same_neurons(train: Representation, test: Representation, name: str) -> None:
    if train.n_neurons != test.n_neurons:
        raise InvalidInputError(
            f"{name}_train has {train.n_neurons} neurons (columns) and {name}_test has {test.n_neurons}: they must be "
            "the same neurons"
        )


def _shared_axes(x: Representation, y: Representation, k: int | None) -> tuple[Array, Array, Array]:
    """Return the singular triplets of ``Xᵀ Y`` through the bases: ``V_x (S_x U_xᵀ U_y S_y) V_yᵀ``."""
    a, b = x.basis(), y.basis()
    P, values, Qh = scipy.linalg.svd(a.scores.T @ b.scores, full_matrices=False)
    if k is not None and k > len(values):
        raise InvalidInputError(f"k={k}, but the training responses of X and Y have {len(values)} axes in common")
    left, right = a.Vh.T @ P[:, :k], b.Vh.T @ Qh[:k].T
    signs = leading_phases(left)
    return left * signs, values[:k], right * signs


def _bin_starts(n_ranks: int, bins_per_octave: float) -> Array:
    """Return the first rank (0-based) of bins that are evenly spaced in log rank and hold at least one."""
    octaves = float(np.log2(n_ranks))
    # More bins than ranks are one for every rank, and less than one over all octaves is one bin.
    per_octave = float(np.clip(bins_per_octave, 1.0 / max(1.0, octaves), 2.0 * n_ranks))
    n_edges = int(np.ceil(octaves * per_octave)) + 1
    return np.unique(np.floor(2 ** (np.arange(n_edges) / per_octave)).astype(np.int64).clip(1, n_ranks)) - 1


def _stderr_of_covariance(products: Array) -> Array:
    """Return the standard error of ``Σ_s a_s b_s / (n - 1)``, products a_s b_s along rows."""
    return np.asarray(products.std(axis=0, ddof=1) * np.sqrt(len(products)) / (len(products) - 1))


def _bin_statistics(first: Array, second: Array, starts: Array) -> tuple[Array, Array, Array]:
    """Return mean, standard error and p-value of the covariance in each bin of ranks.

    Over permutations π of n centred rows, ``Var Σ_s a_s · b_π(s) = Σ_nm (AᵀA)_nm (BᵀB)_nm / (n - 1)``.
    """
    degrees = len(first) - 1
    ends = np.append(starts[1:], first.shape[1])
    rows = []
    for start, end in zip(starts, ends, strict=True):
        a, b = first[:, start:end], second[:, start:end]
        products = np.mean(a * b, axis=1)
        mean = products.sum() / degrees
        permuted = np.sqrt(np.sum((a.T @ a) * (b.T @ b)) / degrees) / degrees / (end - start)
        score = mean / permuted if permuted > 0 else 0.0
        rows.append((mean, _stderr_of_covariance(products), ndtr(-score)))
    means, stderr, p_values = np.array(rows).T
    return means, stderr, p_values
