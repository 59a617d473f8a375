"""Sums over noise eigenvalues against the closed forms of Bai and Silverstein."""

from __future__ import annotations

import numpy as np
import pytest
from eigenscope import MarchenkoPastur
from eigenscope.random_matrix.linear_statistics import BulkGrid


@pytest.mark.parametrize("ratio", [0.1, 0.5, 1.0])
def test_mean_and_covariance_of_traces_are_the_closed_forms(ratio):
    grid = BulkGrid(200, 200 / ratio)
    first, second = grid.coefficients(grid.x), grid.coefficients(grid.x**2)
    # Var tr S, Cov(tr S, tr S²), Var tr S², and what real data add to E tr S and E tr S².
    assert grid.covariance(first, first) == pytest.approx(2 * ratio, rel=1e-12)
    assert grid.covariance(first, second) == pytest.approx(4 * ratio + 4 * ratio**2, rel=1e-12)
    assert grid.covariance(second, second) == pytest.approx(8 * ratio + 20 * ratio**2 + 8 * ratio**3, rel=1e-12)
    assert grid.mean_shift(first) == pytest.approx(0, abs=1e-12)
    assert grid.mean_shift(second) == pytest.approx(ratio, rel=1e-12)


def test_simulated_traces_agree():
    n, p, draws = 200, 100, 3000
    generator = np.random.default_rng(0)
    law = MarchenkoPastur(p / n)
    spectra = np.array([law.rvs(p, rng=generator) for _ in range(draws)])
    first, second = spectra.sum(axis=1), (spectra**2).sum(axis=1)
    # 0.5, 1, 3 and 10 in the limit; E tr S² = p (1 + (p + 1) / n) exactly. Variances are known to 2.6 %.
    assert second.mean() - p * 1.5 == pytest.approx(0.5, abs=5 * second.std() / np.sqrt(draws))
    (variance, covariance), (_, second_variance) = np.cov(first, second)
    assert variance == pytest.approx(1, rel=0.13)
    assert covariance == pytest.approx(3, rel=0.13)
    assert second_variance == pytest.approx(10, rel=0.15)
