"""Write ``tracy_widom_tables.hpp``: Chebyshev series of the Tracy–Widom laws, from Fredholm determinants.

With ``V(x, y) = Ai((x + y) / 2) / 2`` on L²(s, ∞) and ``d∓ = det(I ∓ V)`` (Bornemann 2010, "On the numerical
evaluation of distributions in random matrix theory", Markov Processes and Related Fields 16)::

    F1 = d-        F2 = d- d+        F4 = (d- + d+) / 2

Determinants are those of the kernel at Gauss–Legendre nodes in 80-digit ball arithmetic, so that log F and
log(1 - F) keep the full relative precision of a double. Needs python-flint; takes a few minutes:

    python generate_tracy_widom_tables.py > tracy_widom_tables.hpp
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from flint import arb, arb_mat, ctx

ctx.dps = 80

LOWER_BREAKS = (-10, -6, -2)
UPPER_BREAKS = (-2, 3, 8)
ASYMPTOTIC = UPPER_BREAKS[-1]
N_POINTS = 40
N_NODES = 96
CUTOFF_EXPONENT = 110
"""The kernel is cut where the Airy function has fallen by exp(-110), below what log F(-10) needs."""
TAIL_EXPONENTS = {1: (arb(2) / 3, arb(3) / 4), 2: (arb(4) / 3, arb(3) / 2), 4: (arb(4) / 3, arb(3))}
"""1 - F = exp(-a s^1.5) s^-b times a series in s^-1.5, as (a, b) for each beta."""

HEADER = """// Written by generate_tracy_widom_tables.py; do not edit. Chebyshev coefficients of log F on the
// lower pieces, of log(1 - F) on the upper ones, and of log((1 - F) exp(a s^1.5) s^b) in t = (8 / s)^1.5.
// clang-format off
#pragma once

#include <array>

namespace eigenscope::random_matrix::tables {
"""

Laws = dict[int, arb]


def gauss_legendre(n: int) -> list[tuple[arb, arb]]:
    """Nodes and weights on [0, 1]."""
    pairs = [arb.legendre_p_root(n, i, weight=True) for i in range(n)]
    return [((1 + node) / 2, weight / 2) for node, weight in pairs]


RULE = gauss_legendre(N_NODES)


def kernel(s: arb) -> arb_mat:
    """Return the symmetric matrix sqrt(w_i) V(x_i, x_j) sqrt(w_j)."""
    start = s if s > 0 else arb(0)
    length = (start ** arb(1.5) + arb(1.5) * CUTOFF_EXPONENT) ** (arb(2) / 3) - s
    points = [s + length * x for x, _ in RULE]
    roots = [(length * w).sqrt() for _, w in RULE]
    matrix = arb_mat(N_NODES, N_NODES)
    for i in range(N_NODES):
        for j in range(i + 1):
            value = ((points[i] + points[j]) / 2).airy_ai() / 2 * roots[i] * roots[j]
            matrix[i, j] = matrix[j, i] = value
    return matrix


def cdfs(s: arb) -> Laws:
    """Return F for each beta."""
    matrix = kernel(s)
    identity = arb_mat(N_NODES, N_NODES, [int(i == j) for i in range(N_NODES) for j in range(N_NODES)])
    minus, plus = (identity - matrix).det(), (identity + matrix).det()
    return {1: minus, 2: minus * plus, 4: (minus + plus) / 2}


def far_tails(s: arb) -> Laws:
    """Return 1 - F for large s by the elementary symmetric functions of the kernel's eigenvalues."""
    matrix = kernel(s)
    square = matrix * matrix
    first, second, third = (m.trace() for m in (matrix, square, square * matrix))
    e1 = first
    e2 = (first * first - second) / 2
    e3 = (first**3 - 3 * first * second + 2 * third) / 6
    return {1: e1 - e2 + e3, 2: e1 * e1 - 2 * e2 - e2 * e2 + 2 * e1 * e3, 4: -e2}


def logarithms(s: arb) -> Laws:
    """Return log F."""
    return {beta: value.log() for beta, value in cdfs(s).items()}


def log_complements(s: arb) -> Laws:
    """Return log(1 - F)."""
    return {beta: (1 - value).log() for beta, value in cdfs(s).items()}


def log_tail_ratio(t: arb) -> Laws:
    """Return log((1 - F) exp(a s^1.5) s^b) at s = 8 t^(-2/3), smooth in t on (0, 1]."""
    s = ASYMPTOTIC / t ** (arb(2) / 3)
    tails = far_tails(s)
    return {beta: tails[beta].log() + a * s ** arb(1.5) + b * s.log() for beta, (a, b) in TAIL_EXPONENTS.items()}


def chebyshev(function: Callable[[arb], Laws], low: float, high: float) -> dict[int, list[float]]:
    """Return series coefficients of each law on [low, high], cut below double precision."""
    angles = [arb.pi() * (2 * i + 1) / (2 * N_POINTS) for i in range(N_POINTS)]
    values = [function((low + high + (high - low) * angle.cos()) / 2) for angle in angles]
    series = {}
    for beta in (1, 2, 4):
        coefficients = [
            float(sum((v[beta] * (k * a).cos() for v, a in zip(values, angles, strict=True)), arb(0)).mid())
            * (2 if k else 1)
            / N_POINTS
            for k in range(N_POINTS)
        ]
        size = max(abs(c) for c in coefficients)
        while abs(coefficients[-1]) < 1e-18 * size:
            coefficients.pop()
        series[beta] = coefficients
    return series


def moments() -> dict[int, tuple[float, float]]:
    """Return mean and variance, from integrals of F below and of 1 - F above zero, in unit panels."""
    mean = {beta: arb(0) for beta in (1, 2, 4)}
    second = {beta: arb(0) for beta in (1, 2, 4)}
    rule = gauss_legendre(10)
    for panel in range(-12, 20):
        for x, w in rule:
            s = panel + x
            laws = cdfs(s) if panel < ASYMPTOTIC else {b: 1 - v for b, v in far_tails(s).items()}
            for beta, value in laws.items():
                weighted = w * ((1 - value) if panel >= 0 else -value)
                mean[beta] += weighted
                second[beta] += 2 * s * weighted
    return {b: (float(mean[b].mid()), float((second[b] - mean[b] * mean[b]).mid())) for b in mean}


def emit(name: str, coefficients: list[float]) -> None:
    """Print one constant array, four values to a line."""
    print(f"inline constexpr std::array<double, {len(coefficients)}> {name} = {{")
    for start in range(0, len(coefficients), 4):
        print("    " + ", ".join(repr(c) for c in coefficients[start : start + 4]) + ",")
    print("};")


def main() -> None:
    """Compute and print every table."""
    lower = [chebyshev(logarithms, *piece) for piece in pairwise(LOWER_BREAKS)]
    upper = [chebyshev(log_complements, *piece) for piece in pairwise(UPPER_BREAKS)]
    tail = chebyshev(log_tail_ratio, 0, 1)
    print(HEADER)
    for label, breaks in (("lower", LOWER_BREAKS), ("upper", UPPER_BREAKS)):
        print(f"inline constexpr std::array<double, 3> {label}_breaks = {{{', '.join(map(str, breaks))}}};")
    for beta, (mean, variance) in moments().items():
        for label, tables in (("lower", lower), ("upper", upper)):
            for i, table in enumerate(tables):
                emit(f"{label}_{i}_beta_{beta}", table[beta])
        emit(f"tail_beta_{beta}", tail[beta])
        print(f"inline constexpr double mean_beta_{beta} = {mean!r};")
        print(f"inline constexpr double variance_beta_{beta} = {variance!r};\n")
    print("}  // namespace eigenscope::random_matrix::tables")


if __name__ == "__main__":
    main()
