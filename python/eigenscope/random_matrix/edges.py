"""Where noise ends: centring and scaling of extreme eigenvalues, thresholds and p-values.

Sizes are those of the data, n_samples x n_features; eigenvalues are those of ``X.T @ X / n_samples``.
Everything is symmetric in the two sizes except for that division.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .. import _core
from ..arguments import is_real_number, positive_number
from ..errors import InvalidInputError
from .tracy_widom import TracyWidom


class Edge(NamedTuple):
    """Centre and scale of an extreme eigenvalue: ``(value - location) / scale`` follows a Tracy–Widom law."""

    location: float
    scale: float


def largest_eigenvalue_edge(
    n_samples: float, n_features: float, *, variance: float = 1.0, complex_data: bool = False
) -> Edge:
    """Centre and scale the largest eigenvalue of white noise, with errors of second order.

    Parameters
    ----------
    n_samples, n_features : float
        Size of the data; `n_samples` is the number the sums were divided by.
    variance : float
        Variance of the noise.
    complex_data : bool
        Complex Gaussian noise, whose limit is ``TracyWidom(2)``.

    Returns
    -------
    Edge
        Location and scale in units of the eigenvalue.

    Raises
    ------
    InvalidInputError
        When a size is below 1 or the variance is not positive.

    References
    ----------
    Ma 2012, "Accuracy of the Tracy–Widom limits for the extreme eigenvalues in white Wishart matrices",
    Bernoulli 18; El Karoui 2006, "A rate of convergence result for the largest eigenvalue of complex white
    Wishart matrices".

    Examples
    --------
    >>> from eigenscope.random_matrix.edges import largest_eigenvalue_edge
    >>> print(f"{largest_eigenvalue_edge(100, 50).location:.6f}")
    2.893603
    """
    _check_sizes(n_samples, n_features)
    variance = positive_number("variance", variance)
    n, p = n_samples, n_features
    if not complex_data:
        location, scale = _soft_edge(n - 0.5, p - 0.5)
    else:
        m1, s1 = _soft_edge(n - 0.5, p + 0.5)
        m2, s2 = _soft_edge(n + 0.5, p - 0.5)
        weight = m1 * math.sqrt(s2) / (m2 * math.sqrt(s1))
        scale = (1 + weight) / (1 / s1 + weight / s2)
        location = (s1**-0.5 + s2**-0.5) / (1 / (m1 * s1**0.5) + 1 / (m2 * s2**0.5))
    return Edge(variance * location / n, variance * scale / n)


def _soft_edge(n: float, p: float) -> tuple[float, float]:
    root = math.sqrt(n) + math.sqrt(p)
    return root**2, root * (n**-0.5 + p**-0.5) ** (1 / 3)


def smallest_eigenvalue_edge(n_samples: float, n_features: float, *, variance: float = 1.0) -> Edge:
    """Centre and scale the logarithm of the smallest non-zero eigenvalue of real white noise.

    ``-(log(value) - location) / scale`` follows ``TracyWidom(1)``.

    Parameters
    ----------
    n_samples, n_features : float
        Size of the data; they must differ, because at ratio 1 the law is another one (hard edge).
    variance : float
        Variance of the noise.

    Returns
    -------
    Edge
        Location and scale of the logarithm.

    Raises
    ------
    InvalidInputError
        When a size is below 1, the two are equal, or the variance is not positive.

    References
    ----------
    Ma 2012, section 1.2.
    """
    _check_sizes(n_samples, n_features)
    variance = positive_number("variance", variance)
    if n_samples == n_features:
        raise InvalidInputError(
            f"n_samples = n_features = {n_samples}: the smallest eigenvalue touches zero and follows no Tracy–Widom law"
        )
    large, small = max(n_samples, n_features) - 0.5, min(n_samples, n_features) - 0.5
    gap = math.sqrt(large) - math.sqrt(small)
    centre, width = gap**2, gap * (small**-0.5 - large**-0.5) ** (1 / 3)
    scale = width / centre
    return Edge(math.log(centre) + scale**2 / 8 + math.log(variance) - math.log(n_samples), scale)


def smallest_eigenvalue_p_value(
    eigenvalue: float, *, n_samples: float, n_features: float, variance: float = 1.0
) -> float:
    """Return the probability that noise has a smallest non-zero eigenvalue at or below this one.

    Parameters
    ----------
    eigenvalue : float
        Smallest non-zero eigenvalue observed.
    n_samples, n_features : float
        Size of the data; they must differ.
    variance : float
        Variance of the noise, in units of the eigenvalue.

    Returns
    -------
    float
        p-value; 0 where the eigenvalue is not positive.

    Raises
    ------
    InvalidInputError
        When a size is below 1, the two are equal, or the variance is not positive.
    """
    edge = smallest_eigenvalue_edge(n_samples, n_features, variance=variance)
    if eigenvalue <= 0:
        return 0.0
    return float(TracyWidom(1).sf(-(math.log(eigenvalue) - edge.location) / edge.scale))


def largest_eigenvalue_p_value(
    eigenvalue: float,
    *,
    n_samples: float,
    n_features: float,
    variance: float = 1.0,
    variance_estimated: bool = False,
    complex_data: bool = False,
) -> float:
    """Return the probability that white noise has a largest eigenvalue at or above this one.

    Parameters
    ----------
    eigenvalue : float
        Largest eigenvalue observed.
    n_samples, n_features : float
        Size of the data.
    variance : float
        Variance of the noise.
    variance_estimated : bool
        `variance` is the mean eigenvalue of the same data rather than known; Nadler's correction is applied.
    complex_data : bool
        Complex Gaussian noise, whose limit is ``TracyWidom(2)``.

    Returns
    -------
    float
        p-value.

    Raises
    ------
    InvalidInputError
        When a size is below 1 or the variance is not positive.

    References
    ----------
    Nadler 2011, "On the distribution of the ratio of the largest eigenvalue to the trace of a Wishart
    matrix".
    """
    edge = largest_eigenvalue_edge(n_samples, n_features, variance=variance, complex_data=complex_data)
    n_entries = n_samples * n_features if variance_estimated else math.inf
    return edge_p_value(eigenvalue, edge, n_entries, beta=2 if complex_data else 1)


def largest_eigenvalue_threshold(
    *,
    n_samples: float,
    n_features: float,
    significance: float = 0.05,
    variance: float = 1.0,
    variance_estimated: bool = False,
    complex_data: bool = False,
) -> float:
    """Return the eigenvalue that white noise exceeds with probability `significance`.

    Parameters
    ----------
    n_samples, n_features : float
        Size of the data.
    significance : float
        Probability between 0 and 1.
    variance : float
        Variance of the noise.
    variance_estimated : bool
        `variance` is the mean eigenvalue of the same data rather than known; Nadler's correction is applied.
    complex_data : bool
        Complex Gaussian noise, whose limit is ``TracyWidom(2)``.

    Returns
    -------
    float
        The threshold, in the same units as `variance`.

    Raises
    ------
    InvalidInputError
        When a size is below 1, the variance is not positive, or `significance` is not between 0 and 1.

    Examples
    --------
    >>> from eigenscope.random_matrix.edges import largest_eigenvalue_threshold
    >>> print(f"{largest_eigenvalue_threshold(n_samples=100, n_features=50):.6f}")
    2.997469
    """
    check_significance(significance)
    edge = largest_eigenvalue_edge(n_samples, n_features, variance=variance, complex_data=complex_data)
    n_entries = n_samples * n_features if variance_estimated else math.inf
    return edge_threshold(significance, edge, n_entries, beta=2 if complex_data else 1)


def edge_p_value(eigenvalue: float, edge: Edge, n_entries: float, *, beta: int = 1) -> float:
    """Return the p-value of `eigenvalue` at an edge whose variance was estimated from `n_entries` numbers.

    Dividing by an estimated variance narrows the law: to first order ``P(> s) = 1 - F(s) + h F''(s)`` with
    ``h = (location / scale)² / (beta n_entries)`` (Nadler 2011). Far in the tail the correction would exceed the
    probability itself; there it is continued by the exponential it is the start of.

    Parameters
    ----------
    eigenvalue : float
        Largest eigenvalue observed.
    edge : Edge
        Centre and scale, in units of the eigenvalue.
    n_entries : float
        Numbers that the variance was estimated from; infinite where it is known.
    beta : {1, 2, 4}
        Real, complex or quaternion noise.

    Returns
    -------
    float
        p-value; NaN where the eigenvalue is.

    Raises
    ------
    InvalidInputError
        For any other `beta`.

    Examples
    --------
    >>> from eigenscope.random_matrix.edges import edge_p_value, largest_eigenvalue_edge
    >>> print(f"{edge_p_value(3.0, largest_eigenvalue_edge(100, 50), 5000):.4f}")
    0.0364
    """
    s = (eigenvalue - edge.location) / edge.scale
    law = TracyWidom(beta)
    survival = float(law.sf(s))
    if survival == 0 or math.isnan(survival):
        return survival
    change = (edge.location / edge.scale) ** 2 / (beta * n_entries) * float(law.pdf_slope(s)) / survival
    factor = 1 + change if change > -0.5 else 0.5 * math.exp(2 * change + 1)
    return min(1.0, survival * factor)


def edge_threshold(significance: float, edge: Edge, n_entries: float, *, beta: int = 1) -> float:
    """Return the eigenvalue whose `edge_p_value` is `significance`.

    Parameters
    ----------
    significance : float
        Probability between 0 and 1.
    edge : Edge
        Centre and scale.
    n_entries : float
        Numbers that the variance was estimated from; infinite where it is known.
    beta : {1, 2, 4}
        Real, complex or quaternion noise.

    Returns
    -------
    float
        The eigenvalue, in units of the edge.

    Raises
    ------
    InvalidInputError
        For any other `beta`, or a `significance` that is no probability.

    Examples
    --------
    >>> from eigenscope.random_matrix.edges import edge_threshold, largest_eigenvalue_edge
    >>> print(f"{edge_threshold(0.05, largest_eigenvalue_edge(100, 50), 5000):.4f}")
    2.9782
    """
    from scipy.optimize import brentq

    check_significance(significance)
    # Known variance gives the upper end; the correction only narrows, never by more than this.
    high = float(TracyWidom(beta).isf(significance))
    width = 4 + (edge.location / edge.scale) ** 2 / n_entries * (1 + abs(high))

    def excess(s: float) -> float:
        return edge_p_value(edge.location + s * edge.scale, edge, n_entries, beta=beta) - significance

    s = high if math.isinf(n_entries) else brentq(excess, high - width, high + width, xtol=1e-13)
    return edge.location + s * edge.scale


def spiked_noise_edge(
    spikes: Sequence[float] | np.ndarray, *, n_samples: float, n_features: float, variance: float = 1.0
) -> tuple[Edge, bool]:
    """Centre and scale the largest noise eigenvalue in the presence of population spikes.

    Spikes push the noise down: the edge is that of the population law ``(1 - k/p) δ_variance + (1/p) Σ
    δ_spike``, moved by the second-order terms of white noise.

    Parameters
    ----------
    spikes : sequence of float, length k
        Population eigenvalues of the signals, all above the noise.
    n_samples, n_features : float
        Size of the data.
    variance : float
        Variance of the noise.

    Returns
    -------
    edge : Edge
        Location and scale in units of the eigenvalue.
    separated : bool
        False when noise and spikes merge; the edge is then that of white noise of size (n - k) x (p - k).

    Raises
    ------
    InvalidInputError
        When a spike, a size or the variance is not positive, or as many spikes are given as there can be.

    References
    ----------
    El Karoui 2007, "Tracy–Widom limit for the largest eigenvalue of a large class of complex sample
    covariance matrices", Annals of Probability 35.
    """
    population = _checked_spikes("population", spikes, n_samples, n_features)
    variance = positive_number("variance", variance)
    location, scale, separated = _core.noise_edge(population, variance, n_samples, n_features)
    if not separated:
        k = len(population)
        reduced = largest_eigenvalue_edge(n_samples - k, n_features - k, variance=variance)
        shrink = (n_samples - k) / n_samples
        return Edge(reduced.location * shrink, reduced.scale * shrink), False
    first = _core.noise_edge(np.empty(0), variance, n_samples, n_features)
    second = largest_eigenvalue_edge(n_samples, n_features, variance=variance)
    return Edge(location * second.location / first[0], scale * second.scale / first[1]), True


def conditional_noise_edge(
    leading: Sequence[float] | np.ndarray, *, n_samples: float, n_features: float, variance: float = 1.0
) -> Edge:
    """Centre and scale the largest noise eigenvalue given the leading sample eigenvalues above it.

    Integrating out the eigenvectors of separated spikes leaves half of their repulsion on the noise, whatever
    their population values are, so that crowded spikes need no estimate of their own. Moved by the
    second-order terms of white noise.

    Parameters
    ----------
    leading : sequence of float, length k
        Sample eigenvalues of the signals.
    n_samples, n_features : float
        Size of the data.
    variance : float
        Variance of the noise.

    Returns
    -------
    Edge
        Location and scale in units of the eigenvalue.

    Raises
    ------
    InvalidInputError
        When an eigenvalue, a size or the variance is not positive, as many are given as there can be, or they leave no
        room for noise.

    References
    ----------
    James 1964, "Distributions of matrix variates and latent roots derived from normal samples", Ann. Math.
    Statist. 35; Anderson 1965, "An asymptotic expansion for the distribution of the latent roots of the
    estimated covariance matrix", Ann. Math. Statist. 36.

    Examples
    --------
    >>> from eigenscope.random_matrix.edges import conditional_noise_edge
    >>> print(f"{conditional_noise_edge([20.0, 9.0], n_samples=400, n_features=200).location:.4f}")
    2.8870
    """
    spikes = _checked_spikes("leading", leading, n_samples, n_features)
    variance = positive_number("variance", variance)
    location, scale, separated = _core.conditional_edge(spikes / variance, 1.0, n_samples, n_features)
    if not separated:
        raise InvalidInputError(f"{len(spikes)} leading eigenvalues leave no room for noise of variance {variance:.3g}")
    white = _core.conditional_edge(np.empty(0), 1.0, n_samples, n_features)
    centred = largest_eigenvalue_edge(n_samples, n_features)
    return Edge(variance * location * centred.location / white[0], variance * scale * centred.scale / white[1])


def check_significance(significance: float) -> None:
    """Refuse a level outside (0, 1)."""
    if not (is_real_number(significance) and 0 < significance < 1):
        raise InvalidInputError(f"significance must lie between 0 and 1, got {significance!r}")


def _check_sizes(n_samples: float, n_features: float) -> None:
    if not all(is_real_number(size) and size >= 1 for size in (n_samples, n_features)):
        raise InvalidInputError(f"n_samples and n_features must be at least 1, got {n_samples!r} and {n_features!r}")


def _checked_spikes(name: str, spikes: Sequence[float] | np.ndarray, n_samples: float, n_features: float) -> np.ndarray:
    _check_sizes(n_samples, n_features)
    values = np.ascontiguousarray(spikes, dtype=np.float64)
    if values.ndim > 1 or values.size >= min(n_samples, n_features) or not np.all((values > 0) & np.isfinite(values)):
        raise InvalidInputError(
            f"{values.size} {name} eigenvalues must be positive, finite and fewer than "
            f"min({n_samples:g}, {n_features:g})"
        )
    return values.reshape(-1)
