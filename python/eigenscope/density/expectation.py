"""Means over the spectrum: of functions, powers, indicator functions."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arguments import check_confidence, is_real_number, is_whole_number
from ..errors import InvalidInputError
from ..results.estimate import Estimate
from .cumulative import MERGE_FACTOR

if TYPE_CHECKING:
    from ..results.spectral_density import SpectralDensity

Array = np.ndarray[Any, np.dtype[Any]]

LARGEST_POWER = 1000.0
"""Powers of two that double precision holds, with room for sums."""

FEWEST_NODES = 3
"""With fewer, half of the recurrence is one node, which misses too much to be told from the whole."""


def expectation(density: SpectralDensity, f: Callable[[Array], Any], confidence: float) -> Estimate:
    """Return the mean of `f` over the eigenvalues with sampling and quadrature error."""
    if not callable(f):
        raise InvalidInputError(f"f must be a function of an array of eigenvalues, got {f!r}")
    return _mean(density, f, confidence)


def moment(density: SpectralDensity, order: int, confidence: float) -> Estimate:
    """Return the mean of the eigenvalues' powers; Gauss quadrature leaves no error below twice the degree."""
    if not is_whole_number(order) or order < 0:
        raise InvalidInputError(f"order must be a non-negative integer, got {order!r}; use expectation for others")
    order = int(order)
    largest = float(np.nanmax(np.abs(density.nodes)))
    if largest > 0.0 and not abs(order * math.log2(largest)) < LARGEST_POWER:
        raise InvalidInputError(
            f"the moment of order {order} leaves the range of double precision, eigenvalues reach {largest:.3g}: "
            "divide the operator by its norm"
        )
    # One node knows the second moment too: vᵀ A² v = θ² + r².
    unseen = density.residual_norms[:, 0] if order == density.degree == 1 else None
    return _mean(density, lambda x: x**order, confidence, order <= 2 * density.degree - 1, unseen)


def _mean(
    density: SpectralDensity,
    f: Callable[[Array], Any],
    confidence: float,
    is_exact: bool = False,
    unseen: Array | None = None,
) -> Estimate:
    """Return the mean of `f`; its quadrature may be exact, and its spectrum spread by more than the nodes show."""
    # In the unit of the largest value, and around the mean, no square overflows, vanishes or cancels.
    nodes = density.nodes[np.isfinite(density.nodes) & (np.nan_to_num(density.weights) > 0)]
    unit = 2.0 ** np.frexp(np.abs(function_values(f, nodes, density.rounding)).max(initial=0.0))[1]

    def in_units(x: Array) -> Array:
        return np.asarray(np.asarray(f(x), dtype=np.float64) / unit)

    fine = rule_values(in_units, density.nodes, density.weights, density.rounding)
    mean = float(fine.mean())

    def central_moment(order: int) -> float:
        powers = rule_values(lambda x: (in_units(x) - mean) ** order, density.nodes, density.weights, density.rounding)
        return float(powers.mean())

    spread, third = central_moment(2), central_moment(3)
    if unseen is not None:
        spread += float(((unseen / unit) ** 2).mean())
    change = 0.0
    if not is_exact:
        outermost = density.nodes, density.weights, density.residual_norms
        hidden = hidden_at_the_ends(in_units, *outermost, density.rounding) / density.order
        change = max(_change(density, in_units, fine), hidden)
    moments = (np.asarray(mean), np.asarray(spread), np.asarray(third))
    ends = density._measure.mean_interval(fine, *moments, confidence)
    rounding = density.degree * density.rounding * math.sqrt(spread + mean**2)
    half_widths = (math.hypot(abs(float(end) - mean), change) + rounding for end in ends)
    below, above = (unit * half for half in half_widths)
    stderr = unit * float(density._measure.standard_error(fine, moments[1])) if math.isfinite(change) else math.nan
    value = unit * mean
    return Estimate(value, stderr, (value - below, value + above), confidence, density.info.n_matvecs)


def count(density: SpectralDensity, low: float, high: float, confidence: float) -> Estimate:
    """Return the number of eigenvalues in a closed interval."""
    _check_ends(low, high)
    check_confidence(confidence)
    measure = density._measure
    # The distribution counts eigenvalues up to the slack above a position, and those at `low` belong inside.
    ends = np.array([np.nextafter(low - 2.0 * measure.slack, -np.inf), high])
    inside = np.isfinite(ends)
    per_probe = np.tile([0.0, 1.0], (density.n_probes, 1))
    down, up = np.zeros((2, 2))
    if inside.any():
        per_probe[:, inside] = measure.per_probe(ends[inside])
        down[inside], up[inside] = measure.quadrature_errors(ends[inside])
    shares = per_probe[:, 1] - per_probe[:, 0]
    share = float(np.clip(shares.mean(), 0.0, 1.0))
    # What is missing at one end may be too much at the other, as far as shares stay between 0 and 1.
    heights = np.clip(per_probe.mean(axis=0), 0.0, 1.0)
    down, up = np.minimum(down, heights), np.minimum(up, 1.0 - heights)
    errors = float(up[0] + down[1]), float(down[0] + up[1])
    fewest, most = _share_interval(density, shares, share, errors, confidence)
    n, stderr = density.order, float(measure.standard_error(shares, np.asarray(share * (1.0 - share))))
    interval = (n * max(0.0, fewest), n * min(1.0, most))
    return Estimate(n * share, n * stderr, interval, confidence, density.info.n_matvecs)


def _share_interval(
    density: SpectralDensity, shares: Array, share: float, errors: tuple[float, float], confidence: float
) -> tuple[float, float]:
    """Return the interval of a share from its sampling and from the errors of the quadrature down and up."""
    ends = np.array([share - errors[0], share + errors[1]])
    none = density.degree * density.rounding
    if none < share < 1.0 - none:
        low, high = density._measure.share_interval(shares, np.asarray(share), confidence)
        return share - math.hypot(share - float(low), errors[0]), share + math.hypot(float(high) - share, errors[1])
    # Weights are of a continuous distribution: none at all is no accident, but what is in doubt is a sample too.
    lows, highs = density._measure.share_interval(shares, np.clip(ends, 0.0, 1.0), confidence)
    return (
        float(lows[0] if errors[0] > none else ends[0]),
        float(highs[1] if errors[1] > none else ends[1]),
    )


def _check_ends(low: Any, high: Any) -> None:
    if not (isinstance(low, Real) and isinstance(high, Real) and low <= high):
        raise InvalidInputError(f"low and high must be numbers, low at most high, got {low!r} and {high!r}")


def nullity(density: SpectralDensity, tolerance: float | None, confidence: float) -> Estimate:
    """Return the number of eigenvalues that are zero to rounding."""
    if tolerance is None:
        tolerance = density.order * density.rounding * max(abs(end) for end in density.support)
    if not (is_real_number(tolerance) and tolerance >= 0):
        raise InvalidInputError(f"tolerance must be a number that is not negative, got {tolerance!r}")
    return count(density, -tolerance, tolerance, confidence)


def _change(density: SpectralDensity, f: Callable[[Array], Any], fine: Array) -> float:
    """Return what the second half of the recurrences changed; unknown, so infinite, where the first is no measure."""
    unfinished = ~density._measure.is_exact
    if not unfinished.any():
        return 0.0
    if density.degree < FEWEST_NODES:
        return math.inf
    coarse = rule_values(f, density.coarse_nodes[unfinished], density.coarse_weights[unfinished], density.rounding)
    return abs(float((fine[unfinished] - coarse).sum())) / density.n_probes


def hidden_at_the_ends(
    f: Callable[[Array], Any], nodes: Array, weights: Array, residuals: Array, rounding: float
) -> float:
    """Return the most that f changes from an outermost node to as far out as its residual reaches.

    Parameters
    ----------
    f : callable
        Function of an array of eigenvalues.
    nodes, weights, residuals : ndarray, shape (n_probes, degree)
        Nodes without weight do not count.
    rounding : float
        Rounding unit: where f ends at zero, as a logarithm does, eigenvalues are told from zero up to it.
    """
    kept = np.isfinite(nodes) & (np.nan_to_num(weights) > 0)
    x, r = nodes[kept], residuals[kept]
    smallest, change = rounding * float(np.abs(x).max()), 0.0
    for k, side in ((int(np.argmin(x)), -1.0), (int(np.argmax(x)), 1.0)):
        places = [x[k], x[k] + side * r[k]]
        if (places[1] <= 0.0) == (x[k] > 0.0):
            places.append(math.copysign(smallest, x[k]))
        with np.errstate(all="ignore"):
            values = np.broadcast_to(np.asarray(f(np.array(places)), dtype=np.float64), (len(places),))
            changes = np.abs(values[1:] - values[0])
        change = max(change, float(changes[np.isfinite(changes)].max(initial=0.0)))
    return change


def rule_values(f: Callable[[Array], Any], nodes: Array, weights: Array, rounding: float) -> Array:
    """Return the quadrature of `f` for every probe; nodes without weight do not count, whatever `f` is there."""
    kept = np.isfinite(nodes) & (np.nan_to_num(weights) > 0)
    values = np.zeros(nodes.shape)
    values[kept] = function_values(f, nodes[kept], rounding)
    return np.asarray(np.where(kept, values * np.nan_to_num(weights), 0.0).sum(axis=1))


def function_values(f: Callable[[Array], Any], x: Array, rounding: float) -> Array:
    """Return f at the positions `x`, one finite value each."""
    # Eigenvalues of a semidefinite operator that rounding has moved below zero are zero.
    slack = MERGE_FACTOR * rounding * float(np.abs(x).max(initial=0.0))
    with np.errstate(all="ignore"):
        values = np.asarray(f(np.where((x < 0) & (x >= -slack), 0.0, x)))
    if values.dtype.kind not in "biuf":
        raise InvalidInputError(f"f must return real numbers, got dtype {values.dtype}")
    values = values.astype(np.float64)
    if values.shape not in ((), x.shape):
        raise InvalidInputError(f"f must return one value per eigenvalue, got shape {values.shape}")
    values = np.broadcast_to(values, x.shape)
    wrong = x[~np.isfinite(values)]
    if len(wrong):
        raise InvalidInputError(
            f"f is not finite at {len(wrong)} of {len(x)} nodes, first at {wrong[0]:.6g}: the operator has an "
            "eigenvalue there or close by, or rounding has moved one across the end of its domain"
        )
    return values
