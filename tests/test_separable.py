"""Noise with covariance along both axes against the laws it contains, closed forms and random matrices."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from eigenscope import GeneralizedMarchenkoPastur, MarchenkoPastur
from eigenscope.errors import InvalidInputError
from eigenscope.random_matrix import CorrelatedMarchenkoPastur, DiscreteLaw, SeparableMarchenkoPastur, TracyWidom
from eigenscope.random_matrix.temporal import ar1_power_spectrum

POPULATION = [1.0, 3.0]
POWERS = ar1_power_spectrum(0.5)


@pytest.mark.parametrize("ratio", [0.02, 0.5, 2.0, 50.0])
def test_edges_are_those_of_the_laws_it_contains(ratio):
    white = MarchenkoPastur(ratio)
    assert SeparableMarchenkoPastur([1], [1], ratio).edges == pytest.approx(white.support, rel=1e-11)
    unequal = GeneralizedMarchenkoPastur([1, 8], ratio)
    law = SeparableMarchenkoPastur([1, 8], [3], ratio)
    assert law.edges == pytest.approx((unequal.support[0, 0], unequal.support[-1, 1]), rel=1e-11)
    assert law.atom == pytest.approx(max(0, 1 - 1 / ratio))
    assert law.largest_eigenvalue_edge(400 * ratio) == pytest.approx(unequal.largest_eigenvalue_edge(400), rel=1e-10)
    correlated = CorrelatedMarchenkoPastur(POWERS, ratio)
    law = SeparableMarchenkoPastur([1], POWERS, ratio)
    assert law.edges == pytest.approx((correlated.support[0, 0], correlated.support[-1, 1]), rel=1e-11)
    assert law.largest_eigenvalue_edge(300) == pytest.approx(correlated.largest_eigenvalue_edge(300), rel=1e-10)


def test_edges_at_ratio_one_and_beside_zeros():
    assert SeparableMarchenkoPastur([1], [1], 1.0).edges == pytest.approx((0, 4), abs=1e-12)
    # Half of the features are dead: as many eigenvalues are zero, the others have half the ratio.
    halved = SeparableMarchenkoPastur([0, 1], [1], 0.5)
    assert halved.edges == pytest.approx(MarchenkoPastur(0.25).support, rel=1e-12)
    assert halved.atom == 0.5
    # A filter that keeps half of the frequencies leaves half of the samples, of twice the power.
    filtered = SeparableMarchenkoPastur([1], [0, 1], 0.5)
    assert filtered.edges[1] == pytest.approx(MarchenkoPastur(1.0).support[1], rel=1e-12)


@pytest.mark.parametrize("ratio", [0.5, 2.0])
def test_density_has_the_moments_of_traces(ratio):
    law = SeparableMarchenkoPastur(POPULATION, POWERS, ratio)
    low, high = law.edges
    angles = (np.arange(600) + 0.5) * np.pi / 600
    x = (low + high) / 2 - (high - low) / 2 * np.cos(angles)
    mass = law.pdf(x) * (high - low) / 2 * np.sin(angles) * np.pi / 600
    assert mass.sum() == pytest.approx(1 - law.atom, abs=1e-6)
    assert mass @ x == pytest.approx(law.mean(), abs=1e-6)
    assert mass @ x**2 == pytest.approx(law.var() + law.mean() ** 2, abs=1e-5)
    # E tr S² / p = α₂ β₁² + c α₁² β₂ with means 2 and 1, mean squares 5 and 5/3.
    assert law.var() + law.mean() ** 2 == pytest.approx(5 + ratio * 4 * 5 / 3, rel=1e-12)
    np.testing.assert_array_equal(law.pdf([low / 2, high + 1, -1, 0]), 0)
    assert np.isnan(law.pdf(np.nan))


def test_density_is_that_of_the_generalized_law():
    law, known = SeparableMarchenkoPastur([1, 8], [1], 0.5), GeneralizedMarchenkoPastur([1, 8], 0.5)
    x = np.linspace(0.15, 18.2, 40)
    np.testing.assert_allclose(law.pdf(x), known.pdf(x), atol=1e-10)
    z = np.array([1 + 1j, 30.0, -2.0, 5 - 0.5j])
    np.testing.assert_allclose(law.stieltjes(z), known.stieltjes(z), rtol=1e-11)


def test_law_describes_real_noise():
    generator = np.random.default_rng(0)
    n, p, draws = 300, 150, 150
    # Circular AR(1): its power at the n frequencies is exact.
    powers = 0.75 / (1.25 - np.cos(2 * np.pi * np.arange(n) / n))
    law = SeparableMarchenkoPastur(POPULATION, powers, p / n)
    edge = law.largest_eigenvalue_edge(p)
    largest, squares = np.empty(draws), np.empty(draws)
    for draw in range(draws):
        white = np.fft.rfft(generator.standard_normal((n, p)), axis=0) * np.sqrt(powers[: n // 2 + 1, None])
        data = np.fft.irfft(white, n, axis=0) * np.sqrt(np.repeat(POPULATION, p // 2))
        values = np.linalg.eigvalsh(data.T @ data / (n * powers.mean()))
        largest[draw], squares[draw] = values[-1], np.mean(values**2)
    assert squares.mean() == pytest.approx(law.var() + law.mean() ** 2, rel=0.02)
    standardized = (largest - edge.location) / edge.scale
    above = np.mean(standardized > TracyWidom(1).ppf(0.9))
    # Binomial errors of 150 draws, and the bias of finite data, which makes the test conservative.
    assert 0.02 < above < 0.17
    assert np.mean(standardized) == pytest.approx(-1.2065, abs=0.45)


def test_objects_can_be_stored_and_wrong_input_is_explained():
    law = SeparableMarchenkoPastur(POPULATION, [1, 2], 0.5, power_weights=[3, 1], population_weights=[1, 2])
    again = pickle.loads(pickle.dumps(law))
    assert again.edges == law.edges
    assert again.pdf(2.0) == law.pdf(2.0)
    assert again.ratio == 0.5
    assert "ratio=0.5" in repr(law)
    assert law.mean() == pytest.approx(7 / 3)
    with pytest.raises(InvalidInputError, match="ratio"):
        SeparableMarchenkoPastur([1], [1], 0)
    with pytest.raises(InvalidInputError, match="negative"):
        SeparableMarchenkoPastur([1, -1], [1], 1)
    with pytest.raises(InvalidInputError, match="zero"):
        SeparableMarchenkoPastur([1], [0, 0], 1)
    with pytest.raises(InvalidInputError, match="values of power_spectrum are negative"):
        SeparableMarchenkoPastur([1], [1, -1], 1)
    with pytest.raises(InvalidInputError, match="2 power_weights for 1"):
        SeparableMarchenkoPastur([1], [1], 1, power_weights=[1, 2])
    with pytest.raises(InvalidInputError, match="order"):
        DiscreteLaw([1]).moment(0.5)


@pytest.mark.parametrize("unit", [1e-150, 1e150])
def test_units_do_not_matter(unit):
    law, scaled = (SeparableMarchenkoPastur(np.array(POPULATION) * s, POWERS, 0.5) for s in (1.0, unit))
    np.testing.assert_allclose(np.array(scaled.edges) / unit, law.edges, rtol=1e-11)
    assert scaled.pdf(2 * unit) * unit == pytest.approx(law.pdf(2.0), rel=1e-9)
    assert scaled.largest_eigenvalue_edge(100).scale / unit == pytest.approx(law.largest_eigenvalue_edge(100).scale)


def test_density_of_equal_features_is_that_of_the_temporal_law():
    law, known = SeparableMarchenkoPastur(np.ones(50), POWERS, 0.5), CorrelatedMarchenkoPastur(POWERS, 0.5)
    x = np.linspace(0.07, 4.0, 60)
    np.testing.assert_allclose(law.pdf(x), known.pdf(x), rtol=1e-8)


@pytest.mark.parametrize("coefficient", [0.95, 0.99, -0.99])
def test_strong_correlation_has_frequencies_enough(coefficient):
    law = SeparableMarchenkoPastur([1], ar1_power_spectrum(coefficient), 0.5)
    known = CorrelatedMarchenkoPastur.autoregressive(coefficient, 0.5).support
    assert law.edges == pytest.approx((known[0, 0], known[-1, 1]), rel=1e-5)
