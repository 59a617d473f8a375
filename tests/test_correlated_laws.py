"""The law of noise that is correlated in time, against published values and closed forms."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from eigenscope import MarchenkoPastur
from eigenscope.random_matrix import CorrelatedMarchenkoPastur
from eigenscope.random_matrix.temporal import (
    _ar1_density,
    ar1_coefficient_of_spread,
    ar1_log_spread,
)
from scipy.optimize import brentq

EDGES = [
    # ratio, coefficient, edges, coefficient of the Tracy–Widom scale, white edge with n and with n / B samples
    (0.1, 0.5, 0.3861981567, 2.0490796582, 0.761915, 1.7325, 1.9832),
    (0.5, 0.5, 0.0575217378, 4.0430333590, 3.007550, 2.9142, 3.6591),
    (0.2, 0.8, 0.1098448003, 4.3981887828, 3.573248, 2.0944, 3.8202),
    (0.1, 0.9, 0.1186118443, 4.5291890189, 3.765285, 1.7325, 3.9047),
    (0.5, 0.9, 0.0109505650, 13.6855952529, 20.184701, 2.9142, 10.1281),
    (2, 0.5, None, 9.7682862007, 12.157066, 5.8284, 7.9848),
]


@pytest.mark.parametrize(("ratio", "coefficient", "low", "high", "scale", "white", "effective"), EDGES)
def test_edges_of_ar1_noise_match_reference_values(ratio, coefficient, low, high, scale, white, effective):
    law = CorrelatedMarchenkoPastur.autoregressive(coefficient, ratio)
    assert law.support[-1, 1] == pytest.approx(high, abs=6e-11 * high)
    if low is not None:
        assert law.support[0, 0] == pytest.approx(low, abs=6e-11)
    assert law.atom == max(0, 1 - 1 / ratio)
    # Published to a few units of the sixth decimal; the closed form is below.
    assert law.largest_eigenvalue_edge(1000).scale * 1000 ** (2 / 3) == pytest.approx(scale, abs=2e-6)
    redundancy = (1 + coefficient**2) / (1 - coefficient**2)
    assert law.samples_per_effective_sample == pytest.approx(redundancy, rel=1e-12)
    assert law.var() == pytest.approx(ratio * redundancy, rel=1e-12)
    # What the white law would say: too little, with the number of samples and with the effective one.
    assert MarchenkoPastur(ratio).support[1] == pytest.approx(white, abs=6e-5)
    assert MarchenkoPastur(ratio * redundancy).support[1] == pytest.approx(effective, abs=6e-5)


def test_share_of_ar1_noise_beyond_the_white_edge():
    law = CorrelatedMarchenkoPastur.autoregressive(0.9, 0.1)
    # Published as 19.7 % of simulated eigenvalues.
    assert 1 - law.cdf(MarchenkoPastur(0.1).support[1]) == pytest.approx(0.197, abs=0.005)


@pytest.mark.parametrize(
    ("x", "ratio", "coefficient", "density"),
    [
        (1, 0.5, 0.5, 0.3210299071),
        (3, 0.5, 0.5, 0.0764269686),
        (1, 0.1, 0.9, 0.2830548491),
        (0.5, 0.2, 0.8, 0.664005692),
    ],
)
def test_densities_of_ar1_noise_match_reference_values(x, ratio, coefficient, density):
    law = CorrelatedMarchenkoPastur.autoregressive(coefficient, ratio)
    assert law.pdf(x) == pytest.approx(density, abs=6e-11)


@pytest.mark.parametrize(("ratio", "coefficient"), [(0.1, 0.5), (0.5, 0.9), (2, 0.5), (0.3, -0.7), (0.2, 0.99)])
def test_upper_edge_and_its_scale_follow_the_closed_form(ratio, coefficient):
    b = (1 + coefficient**2) / (1 - coefficient**2)

    # z(g) = -1/g + R^-½ with R = 1 + 2 B c g + c² g², and two derivatives.
    def derivatives(g):
        r, r1, r2 = 1 + 2 * b * ratio * g + (ratio * g) ** 2, 2 * ratio * (b + ratio * g), 2 * ratio**2
        return (
            -1 / g + r**-0.5,
            1 / g**2 - 0.5 * r1 * r**-1.5,
            -2 / g**3 + 0.75 * r1**2 * r**-2.5 - 0.5 * r2 * r**-1.5,
        )

    size = abs(coefficient)
    pole = -(1 - size) / ((1 + size) * ratio)
    g = brentq(lambda point: derivatives(point)[1], pole * (1 - 1e-9), pole * 1e-9, xtol=1e-15)
    location, _, curvature = derivatives(g)
    edge = CorrelatedMarchenkoPastur.autoregressive(coefficient, ratio).largest_eigenvalue_edge(1)
    assert edge.location == pytest.approx(location, rel=1e-10)
    assert edge.scale == pytest.approx(np.cbrt(curvature / 2), rel=1e-7)


@pytest.mark.parametrize("ratio", [0.2, 1.0, 3.0])
@pytest.mark.parametrize("variance", [1.0, 1e150, 1e-150])
def test_constant_power_gives_the_white_law(ratio, variance):
    law, white = CorrelatedMarchenkoPastur([7, 7, 7], ratio, variance), MarchenkoPastur(ratio, variance)
    probability = np.linspace(white.atom, 1, 21)[1:-1]
    x = white.ppf(probability)
    np.testing.assert_allclose(law.support[0], white.support, rtol=1e-12, atol=1e-15 * variance)
    np.testing.assert_allclose(law.pdf(x), white.pdf(x), rtol=1e-9)
    np.testing.assert_allclose(law.cdf(x), probability, atol=1e-12)
    np.testing.assert_allclose(law.ppf(probability), x, rtol=1e-8)
    z = variance * np.array([5 + 1j, -1, 0.5 - 0.1j])
    np.testing.assert_allclose(law.stieltjes(z), white.stieltjes(z), rtol=1e-10)
    np.testing.assert_allclose(law.sf(x), 1 - probability, atol=1e-12)
    assert law.cdf(-variance) == 0
    assert law.sf(-variance) == 1
    assert law.var() == pytest.approx(white.var())


def test_signal_behind_an_eigenvalue_in_white_noise_is_the_spike_less_the_noise():
    law = CorrelatedMarchenkoPastur([1.0], 0.5)
    np.testing.assert_allclose(law.signal_variance([14 / 3, 3, 1]), [3, 1, np.nan], rtol=1e-12)


def test_filtered_noise_has_as_many_samples_as_frequencies_left():
    law = CorrelatedMarchenkoPastur([0, 1], 0.25)
    white = MarchenkoPastur(0.5)
    np.testing.assert_allclose(law.support[0], white.support, rtol=1e-12)
    assert CorrelatedMarchenkoPastur([0, 1], 2.0).atom == 0.75


def test_law_is_a_value():
    law = CorrelatedMarchenkoPastur([1, 2], 0.5, weights=[3, 1])
    assert pickle.loads(pickle.dumps(law)).pdf(1.0) == law.pdf(1.0)
    assert law.mean() == 1
    assert "samples per effective sample" in repr(law)


def test_spread_of_eigenvalues_tells_the_coefficient():
    for coefficient in (0.0, 0.4, 0.9):
        found = ar1_coefficient_of_spread(ar1_log_spread(coefficient, 0.3), 0.3)
        assert found == pytest.approx(coefficient, abs=2e-3)
    assert ar1_coefficient_of_spread(10, 0.3) == 0.96875
    assert ar1_coefficient_of_spread(0.1, 0.3) == 0


@pytest.mark.parametrize(("ratio", "coefficient"), [(0.01, 0.95), (0.5, -0.5), (1, 0.5), (5, 0.8)])
def test_spread_of_eigenvalues_is_that_of_the_law(ratio, coefficient):
    law = CorrelatedMarchenkoPastur.autoregressive(coefficient, ratio)
    levels = law.atom + (1 - law.atom) * np.array([0.25, 0.75])
    assert ar1_log_spread(coefficient, ratio) == pytest.approx(np.log(np.divide(*law.ppf(levels)[::-1])), abs=1e-3)
    assert ar1_log_spread(coefficient, ratio, 0.01) > ar1_log_spread(coefficient, ratio)


@pytest.mark.parametrize(("coefficient", "ratio"), [(0.5, 100.0), (0.5, 1000.0), (0.9, 100.0)])
def test_many_features_leave_no_gaps_between_frequencies(coefficient, ratio):
    law = CorrelatedMarchenkoPastur.autoregressive(coefficient, ratio)
    assert len(law.support) == 1
    # (x g + 1)² (1 + 2 B c g + c² g²) = g²
    b, c = (1 + coefficient**2) / (1 - coefficient**2), ratio
    x = law.support[0] @ [[0.7, 0.3], [0.3, 0.7]]
    for point in x:
        quartic = np.polymul(np.polymul([point, 1], [point, 1]), [c**2, 2 * b * c, 1])
        roots = np.roots(np.polysub(quartic, [1, 0, 0]))
        assert law.pdf(point) == pytest.approx(roots.imag.max() / np.pi, rel=1e-4)


@pytest.mark.parametrize(("coefficient", "ratio"), [(0.999, 0.5), (-0.99, 5.0), (0.9, 100.0)])
def test_ar1_law_has_no_gaps_near_the_unit_root(coefficient, ratio):
    law = CorrelatedMarchenkoPastur.autoregressive(coefficient, ratio)
    assert len(law.support) == 1
    low, high = law.support[0]
    points = np.geomspace(1.001 * low, 0.999 * high, 200)
    # The root of a quartic equation, without a quadrature over frequencies.
    np.testing.assert_allclose(law.pdf(points), _ar1_density(points, coefficient, ratio), rtol=1e-4)
