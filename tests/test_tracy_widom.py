"""Tracy–Widom laws against Fredholm determinants in high precision."""

from __future__ import annotations

import numpy as np
import pytest
from eigenscope import TracyWidom
from eigenscope.errors import InvalidInputError
from scipy.integrate import quad

POINTS = np.array([-7.3, -3.1, -1.9, 0.4, 2.7, 5.0, 6.9])
# From generate_tracy_widom_tables.py, off the Chebyshev points.
CDF = {
    1: [
        6.0538522670455e-10,
        0.058142631516273226,
        0.30303093943319975,
        0.8936972791907863,
        0.9969868856828358,
    ],
    2: [
        5.673413529353006e-15,
        0.06337811827998695,
        0.4576273481374049,
        0.9878838971246754,
        0.9999906408336777,
    ],
    4: [4.686090583603495e-06, 0.5740941039187343, 0.9065990083700588, 0.9995435622089944, 0.999999859422206],
}
SF = {
    1: [
        0.6969690605668002,
        0.10630272080921362,
        0.003013114317164266,
        2.287151804432044e-05,
        1.794354101395962e-07,
    ],
    2: [
        0.5423726518625951,
        0.012116102875324594,
        9.359166322315405e-06,
        5.317793263332427e-10,
        3.256083803097881e-14,
    ],
    4: [
        0.0934009916299412,
        0.000456437791005523,
        1.4057779397125278e-07,
        4.336593525260693e-12,
        1.8188584214361729e-16,
    ],
}
FAR = np.array([9.5, 12.0, 30.0])
FAR_SF = {
    1: [8.441818568029129e-11, 1.9765729575215766e-14, 2.91551634676299e-50],
    2: [7.17983154051522e-21, 3.9282154898035873e-28, 8.5128448128448e-100],
    4: [2.670073348379563e-23, 1.0687416698997491e-30, 6.304622301294166e-103],
}


@pytest.mark.parametrize("beta", [1, 2, 4])
def test_both_tails_are_precise_relative_to_themselves(beta):
    law = TracyWidom(beta)
    np.testing.assert_allclose(law.cdf(POINTS[:5]), CDF[beta], rtol=1e-12)
    np.testing.assert_allclose(law.sf(POINTS[2:]), SF[beta], rtol=1e-12)
    np.testing.assert_allclose(law.sf(FAR), FAR_SF[beta], rtol=1e-11)


def test_published_table():
    s = [-5, -4, -3, -2, -1, 0, 1, 2, 3, 4]
    first = [0.000277917756, 0.007567678599, 0.069600118867, 0.274320197909, 0.583789895520]
    first += [0.831908066203, 0.951421236912, 0.989597571085, 0.998293480350, 0.999779655513]
    second = [0.000021359970, 0.003544553596, 0.080319552939, 0.413224142505, 0.807214241999]
    second += [0.969372828355, 0.997505438149, 0.999887553698, 0.999997005957, 0.999999950421]
    # The table was made in double precision and is good to a unit of its last digit.
    np.testing.assert_allclose(TracyWidom(1).cdf(s), first, atol=1.5e-12, rtol=0)
    np.testing.assert_allclose(TracyWidom(2).cdf(s), second, atol=1.5e-12, rtol=0)


def test_published_quantiles_and_moments():
    probability = [0.01, 0.05, 0.1, 0.5, 0.9, 0.95, 0.975, 0.99, 0.995, 0.999, 0.9999]
    quantiles = [-3.895432673, -3.180379977, -2.782427906, -1.268574617, 0.450143289, 0.979316053]
    quantiles += [1.453771352, 2.023449281, 2.422326586, 3.272196059, 4.359420344]
    np.testing.assert_allclose(TracyWidom(1).ppf(probability), quantiles, atol=6e-10, rtol=0)
    np.testing.assert_allclose(
        TracyWidom(2).ppf([0.05, 0.5, 0.9, 0.95, 0.99, 0.999]),
        [-3.194166732, -1.804912409, -0.596851297, -0.232474470, 0.477636047, 1.314419480],
        atol=6e-10,
        rtol=0,
    )
    assert TracyWidom(1).mean() == pytest.approx(-1.2065335746, abs=1e-10)
    assert TracyWidom(1).var() == pytest.approx(1.6077810346, abs=1e-10)
    assert TracyWidom(2).mean() == pytest.approx(-1.7710868074, abs=1e-10)
    assert TracyWidom(2).var() == pytest.approx(0.8131947928, abs=1e-10)


@pytest.mark.parametrize(("beta", "skewness", "excess"), [(1, 0.29346452, 0.1652429), (2, 0.22408420, 0.0934481)])
def test_published_skewness_and_kurtosis(beta, skewness, excess):
    law = TracyWidom(beta)
    third, fourth = (
        quad(lambda x, k=k: (x - law.mean()) ** k * law.pdf(x), -14, 18, points=[-5, 0], limit=200)[0] for k in (3, 4)
    )
    assert third / law.var() ** 1.5 == pytest.approx(skewness, abs=1e-8)
    assert fourth / law.var() ** 2 - 3 == pytest.approx(excess, abs=1e-7)


@pytest.mark.parametrize("beta", [1, 2, 4])
def test_density_is_the_derivative_and_integrates_to_the_moments(beta):
    law = TracyWidom(beta)
    s = np.linspace(-11, 12, 47)
    step = 1e-4
    # Five-point differences: error step⁴, below 1e-11 here.
    for function, derivative in ((law.cdf, law.pdf), (law.pdf, law.pdf_slope)):
        numerical = (
            8 * (function(s + step) - function(s - step)) - (function(s + 2 * step) - function(s - 2 * step))
        ) / (12 * step)
        np.testing.assert_allclose(derivative(s), numerical, atol=1e-10)
    mean = quad(lambda x: x * law.pdf(x), -14, 14, points=[-5, 0], limit=200)[0]
    second = quad(lambda x: (x - law.mean()) ** 2 * law.pdf(x), -14, 14, points=[-5, 0], limit=200)[0]
    assert mean == pytest.approx(law.mean(), abs=1e-8)
    assert second == pytest.approx(law.var(), abs=1e-8)


@pytest.mark.parametrize("beta", [1, 2, 4])
def test_pieces_join_without_a_step(beta):
    law = TracyWidom(beta)
    for joint in (-10, -6, -2, 3, 8):
        sides = np.array([joint - 1e-13, joint + 1e-13])
        tail = law.cdf(sides) if joint < -2 else law.sf(sides)
        assert tail[0] == pytest.approx(tail[1], rel=1e-11)


@pytest.mark.parametrize("beta", [1, 2, 4])
def test_quantiles_invert_both_tails(beta):
    law = TracyWidom(beta)
    tiny = np.logspace(-250, -1, 60)
    np.testing.assert_allclose(law.sf(law.isf(tiny)), tiny, rtol=1e-11)
    lower = np.logspace(-20, 0, 60)[:-1]
    np.testing.assert_allclose(law.cdf(law.ppf(lower)), lower, rtol=1e-11)
    assert law.ppf(0) == -np.inf
    assert law.ppf(1) == np.inf
    assert law.isf(0) == np.inf
    assert np.isnan(law.ppf([-1, 2, np.nan])).all()


def test_ends_of_the_line():
    law = TracyWidom(1)
    np.testing.assert_array_equal(law.cdf([-np.inf, -60, 200, np.inf]), [0, 0, 1, 1])
    np.testing.assert_array_equal(law.sf([-np.inf, -60, 200, np.inf]), [1, 1, 0, 0])
    np.testing.assert_array_equal(law.pdf([-np.inf, np.inf]), 0)
    assert np.isnan(law.cdf(np.nan))
    assert np.all(np.diff(law.cdf(np.linspace(-14, 5, 2001))) > 0)


def test_other_symmetry_classes_are_refused():
    with pytest.raises(InvalidInputError, match="beta must be 1"):
        TracyWidom(3)
