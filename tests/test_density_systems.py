"""Spectral densities of systems with known laws: lattices, products of Gaussians, linear teacher and student."""

from __future__ import annotations

import math

import numpy as np
import pytest
from eigenscope import MarchenkoPastur, spectral_density, testing

MOST_SIGMAS = 4.5


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_lattice_laplacian(dtype):
    values = testing.grid_laplacian_eigenvalues(60, 50)
    density = spectral_density(testing.grid_laplacian(60, 50).astype(dtype), rng=0)
    x = 0.5 * (np.sort(values)[150:-150:150] + np.sort(values)[151:-149:150])
    sampling, quadrature = density.errors(x)
    truth = np.searchsorted(np.sort(values), x, side="right") / len(values)
    assert np.all(np.abs(density.cdf(x) - truth) < MOST_SIGMAS * np.hypot(sampling, quadrature) + 1e-3)
    moment = density.moment(1)
    # The trace of a Laplacian is the sum of the degrees: twice the number of edges.
    edges = 59 * 50 + 60 * 49
    assert abs(moment.value - 2 * edges / 3000) < MOST_SIGMAS * moment.stderr


@pytest.mark.parametrize("n_factors", [1, 2, 3])
def test_products_of_gaussians_have_fuss_catalan_moments(n_factors):
    n = 300
    generator = np.random.default_rng(n_factors)
    factors = [generator.standard_normal((n, n)) / math.sqrt(n) for _ in range(n_factors)]

    def product(block):
        for factor in factors:
            block = factor @ block
        return block

    def adjoint(block):
        for factor in reversed(factors):
            block = factor.T @ block
        return block

    density = spectral_density(product, adjoint=adjoint, shape=(n, n), of="gram", degree=40, n_probes=64, rng=0)
    for order in (1, 2):
        # Fuss-Catalan numbers (Banica, Belinschi, Capitaine and Collins 2011).
        expected = math.comb((n_factors + 1) * order, order) / (n_factors * order + 1)
        moment = density.moment(order)
        # Besides the sampling error, the trace of one draw fluctuates by about its moment over n.
        assert abs(moment.value - expected) < MOST_SIGMAS * (moment.stderr + n_factors * order * expected / n)


class LinearStudent:
    """Hessian of a linear two-layer network with one output at the teacher's weights, matrix-free.

    With ``R = a V_W + v_a W`` the product is ``(aᵀ R, R Wᵀ)``; its non-zero eigenvalues are ``|a|² + eig(Wᵀ W)``.
    """

    def __init__(self, width, n_inputs, rng):
        generator = np.random.default_rng(rng)
        self.W = generator.standard_normal((width, n_inputs)) / math.sqrt(width)
        self.a = generator.standard_normal(width) / math.sqrt(width)
        self.shape = (width * n_inputs + width,) * 2
        self.dtype = np.dtype(np.float64)

    def __matmul__(self, block):
        width, n_inputs = self.W.shape
        out = np.empty_like(block)
        for j in range(block.shape[1]):
            V = block[: width * n_inputs, j].reshape(width, n_inputs)
            R = self.a @ V + block[width * n_inputs :, j] @ self.W
            out[: width * n_inputs, j] = np.outer(self.a, R).ravel()
            out[width * n_inputs :, j] = self.W @ R
        return out

    @property
    def eigenvalues(self):
        return self.a @ self.a + np.linalg.eigvalsh(self.W.T @ self.W)


class ShiftedNoise:
    """Law of the Hessian of one draw: an atom at zero and a shifted Marchenko-Pastur law."""

    def __init__(self, student):
        width, n_inputs = student.W.shape
        self.share = n_inputs / student.shape[0]
        self.shift = float(student.a @ student.a)
        self.law = MarchenkoPastur(n_inputs / width)

    def cdf(self, x):
        return np.where(x >= 0, 1 - self.share, 0.0) + self.share * np.asarray(self.law.cdf(x - self.shift))


def test_hessian_of_a_linear_student():
    student = LinearStudent(width=90, n_inputs=50, rng=0)
    order = student.shape[0]
    density = spectral_density(student, n_probes=16, rng=0)
    nullity = density.nullity()
    assert abs(nullity.value - (order - 50)) < MOST_SIGMAS * nullity.stderr
    np.testing.assert_allclose(density.support[1], student.eigenvalues.max(), rtol=1e-8)
    truth = np.append(np.zeros(order - 50), student.eigenvalues)
    x = np.quantile(student.eigenvalues, [0.2, 0.5, 0.8])
    sampling, quadrature = density.errors(x)
    exact = np.array([np.mean(truth <= position) for position in x])
    assert np.all(np.abs(density.cdf(x) - exact) < MOST_SIGMAS * np.hypot(sampling, quadrature) + 1.0 / order)
    comparison = density.compare(ShiftedNoise(student))
    assert comparison.distance < 0.01
    assert comparison.p_value > 1e-3


def test_ensemble_of_linear_students_is_a_classical_convolution():
    # E over |a|² of the shifted law: sums of independent draws of both, not a free convolution.
    width, n_inputs, n_draws = 60, 40, 40
    x = np.linspace(0.2, 4.0, 20)
    found = np.zeros_like(x)
    for draw in range(n_draws):
        student = LinearStudent(width, n_inputs, rng=draw)
        density = spectral_density(student, degree=45, n_probes=2, check=False, rng=draw)
        nonzero = 1.0 - float(density.cdf(1e-6))
        found += (density.cdf(x) - (1.0 - nonzero)) / nonzero / n_draws
    quantiles = np.quantile(np.random.default_rng(1).chisquare(width, 20_000) / width, (np.arange(400) + 0.5) / 400)
    expected = np.mean([MarchenkoPastur(n_inputs / width).cdf(x - q) for q in quantiles], axis=0)
    # Kolmogorov: a distance of 1.95 / sqrt(40) has probability 1e-3 for 40 independent draws of |a|².
    assert np.abs(found - expected).max() < 1.95 / math.sqrt(n_draws)
    assert np.abs(found - expected).mean() < 0.05
