"""How many leading eigenvalues noise cannot explain, tested one after the other at a stated level."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from ..eigenvalues import Eigenvalues
from .edges import Edge, edge_p_value, largest_eigenvalue_edge
from .noise_variance import conditional_noise, sizes

Array = np.ndarray[Any, np.dtype[Any]]

ROUNDING = 1e-12
"""A rest smaller than this share of the total variance is rounding, not noise."""


@dataclasses.dataclass(frozen=True)
class SpikeTest:
    """Outcome of the sequential test: where it stopped and why.

    Parameters
    ----------
    n_signal : int
        Eigenvalues that noise cannot explain.
    p_values : ndarray
        Of the leading eigenvalues, in the order tested.
    edge : Edge
        Of the noise beside the signals found.
    n_entries : float
        Numbers that the noise variance was estimated from.
    reasons : tuple of str
        What speaks against the count.
    limits : tuple of str
        Why the test ended before noise explained an eigenvalue: what is left need not be noise.
    """

    n_signal: int
    p_values: Array
    edge: Edge
    n_entries: float
    reasons: tuple[str, ...]
    limits: tuple[str, ...]


def sequential_test(sample: Eigenvalues, significance: float, most: int | None = None) -> SpikeTest:
    """Test eigenvalue after eigenvalue until one is explained by noise.

    Step k takes the first k eigenvalues as spikes, estimates the noise variance given where they lie in the
    sample, and compares the next eigenvalue with the Tracy–Widom law at the edge of noise beside them. At
    most half of the eigenvalues can be signals, or `most`.
    """
    n, p = sizes(sample)
    limit = min(int(min(n, p)) // 2 if most is None else most, len(sample.values))
    rests = sample.rests
    p_values: list[float] = []
    reasons: list[str] = []
    limits: tuple[str, ...] = ()
    edge, separated, k = Edge(math.nan, math.nan), True, 0
    while True:
        if rests[k] <= ROUNDING * sample.total_variance:
            reasons.append(f"nothing but rounding is left beyond {k} eigenvalues: the data hold no noise to fit")
            edge, separated = _edge_beside(sample, k) if rests[k] > 0 else (Edge(math.nan, math.nan), True)
            break
        edge, separated = _edge_beside(sample, k)
        if k == limit:
            limits = (limit_reason(k, len(sample.values), int(min(n, p))),)
            break
        p_values.append(edge_p_value(float(sample.values[k]), edge, (n - k) * (p - k)))
        if p_values[-1] > significance:
            break
        k += 1
    if not separated:
        reasons.append("the weakest signals merge with the noise: their number and strength are uncertain")
    return SpikeTest(k, np.array(p_values), edge, (n - k) * (p - k), tuple(reasons), limits)


def _edge_beside(sample: Eigenvalues, k: int) -> tuple[Edge, bool]:
    """Return the noise edge beside the first k eigenvalues; that of a smaller white matrix when they merge."""
    variance, edge, separated = conditional_noise(sample, k)
    if separated:
        return edge, True
    n, p = sizes(sample)
    reduced = largest_eigenvalue_edge(n - k, p - k, variance=variance * (n - k) / n)
    return reduced, False


def limit_reason(k: int, n_given: int, n_possible: int) -> str:
    """Say why a test that takes all it was given for signals tells nothing of what is left."""
    if k == n_given < n_possible // 2:
        return (
            f"all {k} eigenvalues given are signals: there may be more, which would count as noise, so that the error "
            "of its variance is not known; ask for more eigenvalues"
        )
    return (
        f"half of all {n_possible} eigenvalues ({k}) exceed the noise edge: this is no low-rank signal in white noise, "
        "the count is only where the test ends, and the error of the variance is not known"
    )
