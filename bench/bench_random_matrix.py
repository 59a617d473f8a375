"""Random-matrix kernels beside the textbook formulas in NumPy, which hold p x p matrices or iterate a fixed point."""

from __future__ import annotations

import numpy as np
import pytest
from eigenscope import GeneralizedMarchenkoPastur, shrink_covariance
from eigenscope.bench_short import Case


def quadratic_inverse_in_numpy(values, n):
    """Ledoit and Wolf's formula as published: every pair in a p x p matrix; ascending eigenvalues, p <= n."""
    p = len(values)
    ratio = p / n
    h = min(ratio**2, 1 / ratio**2) ** 0.35 / p**0.35
    inverse = 1 / values
    rows = np.tile(inverse, (p, 1)).T
    difference = rows - rows.T
    denominator = difference**2 + h**2 * rows**2
    theta = np.mean(rows * difference / denominator, axis=0)
    conjugate = np.mean(h * rows**2 / denominator, axis=0)
    precision = (1 - ratio) ** 2 * inverse + 2 * ratio * (1 - ratio) * inverse * theta
    shrunk = 1 / (precision + ratio**2 * inverse * (theta**2 + conjugate**2))
    return shrunk * values.sum() / shrunk.sum()


def fixed_point_density(population, ratio, x, *, offset=1e-3, n_steps=300):
    """Density by the fixed point of the Silverstein equation at x + i offset."""
    z = x + 1j * offset
    v = -1 / z
    for _ in range(n_steps):
        v = -1 / (z - ratio * np.mean(population / (1 + population * v[:, None]), axis=1))
    return v.imag / (np.pi * ratio)


@pytest.fixture(scope="module")
def shrinkage(smoke):
    p = 300 if smoke else 3000
    values = np.geomspace(0.01, 100, p)
    return Case(
        name=f"quadratic-inverse shrinkage, p = {p}",
        truth=quadratic_inverse_in_numpy(values, 2 * p),
        contenders={
            "eigenscope": lambda: shrink_covariance(values, n_samples=2 * p)[::-1],
            "NumPy, p x p": lambda: quadratic_inverse_in_numpy(values, 2 * p),
        },
    )


@pytest.fixture(scope="module")
def density(smoke):
    size = 50 if smoke else 1000
    population = np.linspace(1, 5, size)
    low, high = GeneralizedMarchenkoPastur(population, 0.5).support[0]
    x = np.linspace(low, high, size + 2)[1:-1]
    return Case(
        name=f"general law, {size} points, {size} atoms",
        truth=np.asarray(GeneralizedMarchenkoPastur(population, 0.5).pdf(x)),
        contenders={
            "eigenscope": lambda: np.asarray(GeneralizedMarchenkoPastur(population, 0.5).pdf(x)),
            "NumPy, fixed point": lambda: fixed_point_density(population, 0.5, x),
        },
    )


@pytest.mark.benchmark(group="shrinkage")
@pytest.mark.parametrize("contender", ["eigenscope", "NumPy, p x p"])
def test_shrinkage(measure, shrinkage, contender):
    assert measure(shrinkage, contender) < 1e-9


@pytest.mark.benchmark(group="general law")
@pytest.mark.parametrize("contender", ["eigenscope", "NumPy, fixed point"])
def test_general_law(measure, density, contender):
    error = measure(density, contender)
    if contender == "eigenscope":
        assert error < 1e-9
