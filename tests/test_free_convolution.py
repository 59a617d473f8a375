"""Free sums and products against known laws, moments and random matrices."""

from __future__ import annotations

import numpy as np
import pytest
from eigenscope import GeneralizedMarchenkoPastur, MarchenkoPastur
from eigenscope.errors import InvalidInputError, UnsupportedTypeError
from eigenscope.random_matrix import (
    CorrelatedMarchenkoPastur,
    DiscreteLaw,
    FreeProduct,
    FreeSum,
    FussCatalan,
    Semicircle,
    moments_of_product,
    moments_of_sum,
)
from scipy.integrate import quad


def moments(law, n):
    return [law.moment(k) for k in range(1, n + 1)]


def test_moments_match_reference_values():
    half, quarter = MarchenkoPastur(0.5), MarchenkoPastur(0.25)
    np.testing.assert_allclose(
        moments_of_product(moments(half, 4), moments(quarter, 4)), [1, 7 / 4, 63 / 16, 645 / 64], rtol=1e-14
    )
    np.testing.assert_allclose(
        moments_of_sum(moments(half, 4), moments(Semicircle(0.25), 4)), [1, 1.75, 3.5, 7.75], rtol=1e-14
    )
    np.testing.assert_allclose(
        moments_of_sum(moments(half, 4), moments(quarter, 4)), [2, 4.75, 12.8125, 37.765625], rtol=1e-14
    )


def test_fuss_catalan_matches_reference_values():
    two, three = FussCatalan(2), FussCatalan(3)
    assert moments(two, 5) == [1, 3, 12, 55, 273]
    assert two.moment(6) == 1428
    assert two.support[1] == 6.75
    assert three.support[1] == pytest.approx(9.481481481, abs=6e-10)
    np.testing.assert_allclose(two.pdf([1, 3]), [0.178979127488, 0.059973386538], atol=6e-13)
    assert three.pdf(1) == pytest.approx(0.136877799176, abs=6e-13)
    x = np.linspace(0.1, 3.9, 9)
    np.testing.assert_allclose(FussCatalan(1).pdf(x), MarchenkoPastur(1).pdf(x), rtol=1e-12)
    mean = quad(lambda t: t * two.pdf(t), 0, 6.75, limit=200)[0]
    assert mean == pytest.approx(1, abs=1e-6)
    np.testing.assert_array_equal(two.pdf([-1, 7]), 0)


def test_semicircle_is_its_own_sum():
    x = np.linspace(-3.9, 3.9, 21)
    np.testing.assert_allclose(FreeSum(Semicircle(1), Semicircle(3)).pdf(x), Semicircle(4).pdf(x), rtol=1e-10)
    assert Semicircle(4).stieltjes(0.5).imag / np.pi == pytest.approx(Semicircle(4).pdf(0.5))
    assert Semicircle().stieltjes(1e9) == pytest.approx(-1e-9)


def test_sum_of_noise_of_two_recordings_is_noise_of_both():
    # X₁ᵀX₁/n₁ and X₂ᵀX₂/n₂ with equal n: half the sum has the ratio of 2 n samples.
    total = FreeSum(MarchenkoPastur(0.5), MarchenkoPastur(0.5))
    joint = MarchenkoPastur(0.25, 2.0)
    x = joint.ppf(np.linspace(0.05, 0.95, 11))
    np.testing.assert_allclose(total.pdf(x), joint.pdf(x), rtol=1e-9)
    np.testing.assert_allclose(
        total.stieltjes([1 + 1j, 1 - 1j, -1, 9]), joint.stieltjes([1 + 1j, 1 - 1j, -1, 9]), rtol=1e-10
    )


def test_product_of_two_white_laws_is_fuss_catalan():
    product = FreeProduct(MarchenkoPastur(1.0), MarchenkoPastur(1.0))
    x = np.linspace(0.2, 6.5, 15)
    np.testing.assert_allclose(product.pdf(x), FussCatalan(2).pdf(x), rtol=1e-9)
    np.testing.assert_array_equal(product.pdf([-1.0, 0.0]), 0)


def test_product_with_white_noise_is_the_generalized_law():
    population = GeneralizedMarchenkoPastur([1, 4], 1e-3)
    product = FreeProduct(population, MarchenkoPastur(0.5))
    # Moments say the same independently: those of the population law by quadrature.
    angles = (np.arange(4000) + 0.5) * np.pi / 4000
    found = np.zeros(3)
    for low, high in population.support:
        x = (low + high) / 2 - (high - low) / 2 * np.cos(angles)
        mass = population.pdf(x) * (high - low) / 2 * np.sin(angles) * np.pi / 4000
        found += [mass @ x**k for k in (1, 2, 3)]
    expected = moments_of_product(found, moments(MarchenkoPastur(0.5), 3))
    # m(z) = -Σ m_k / z^(k+1) far away.
    z = 4000.0 + 4000.0j
    series = -(1 / z + sum(m / z ** (k + 2) for k, m in enumerate(expected)))
    assert product.stieltjes(z) == pytest.approx(series, rel=1e-10)


def test_free_sum_describes_real_matrices():
    rng = np.random.default_rng(0)
    n = 600
    data = rng.standard_normal((1200, n))
    wigner = rng.standard_normal((n, n))
    values = np.linalg.eigvalsh(data.T @ data / 1200 + (wigner + wigner.T) / np.sqrt(2 * n) / 2)
    law = FreeSum(MarchenkoPastur(0.5), Semicircle(0.25))
    grid = np.linspace(values[0] - 0.3, values[-1] + 0.3, 801)
    density = law.pdf(grid)
    cdf = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(grid))])
    levels = np.interp(values, grid, cdf)
    assert cdf[-1] == pytest.approx(1, abs=1e-3)
    assert np.abs(levels - (np.arange(n) + 0.5) / n).max() < 5 / n


def test_samples_of_unequal_variance_follow_the_weighted_law():
    # Chi-square weights: an elliptical distribution with two degrees of freedom.
    rng = np.random.default_rng(1)
    n, p = 1500, 300
    weights = rng.chisquare(2, size=n) / 2
    data = rng.standard_normal((n, p)) * np.sqrt(weights)[:, None]
    values = np.linalg.eigvalsh(data.T @ data / n)
    law = CorrelatedMarchenkoPastur(weights, p / n, weights.mean())
    assert np.abs(law.cdf(values) - (np.arange(p) + 0.5) / p).max() < 5 / p


def test_wrong_input_is_explained():
    with pytest.raises(InvalidInputError, match="variance"):
        Semicircle(0)
    for wrong in (0, 1.5, "two"):
        with pytest.raises(InvalidInputError, match="n_factors"):
            FussCatalan(wrong)
    with pytest.raises(UnsupportedTypeError, match="stieltjes"):
        FreeSum(1, Semicircle())
    with pytest.raises(InvalidInputError, match="order"):
        Semicircle().moment(-2)
    assert np.isnan(FussCatalan(2).pdf(np.nan))
    assert np.isnan(FreeSum(Semicircle(), Semicircle()).pdf(np.nan))
    with pytest.raises(InvalidInputError, match="equally many"):
        moments_of_sum([1, 2], [1])
    with pytest.raises(InvalidInputError, match="mean zero"):
        moments_of_product([0, 1], [1, 2])


@pytest.mark.parametrize("atoms", [[1.0], [1.0, 1.0 + 1e-9]])
def test_a_law_of_one_point_only_shifts_and_scales(atoms):
    # Its subordination functions are real: rounding must not take them below the axis.
    white, point, x = MarchenkoPastur(0.5), DiscreteLaw(atoms), np.linspace(0.1, 2.9, 300)
    for product in (FreeProduct(white, point), FreeProduct(point, white)):
        np.testing.assert_allclose(product.pdf(x), white.pdf(x), rtol=1e-7)
        np.testing.assert_allclose(product.stieltjes(x), white.stieltjes(x), rtol=1e-7)
    for total in (FreeSum(Semicircle(), point), FreeSum(point, Semicircle())):
        np.testing.assert_allclose(total.pdf(x - 0.5), Semicircle().pdf(x - 1.5), rtol=1e-7)
    assert np.isnan(FreeProduct(white, white).pdf(np.nan))


def test_limits_on_the_real_axis_are_from_above_whatever_the_sign_of_zero():
    for law in (MarchenkoPastur(0.5), Semicircle(), GeneralizedMarchenkoPastur([1, 4], 0.5)):
        assert law.stieltjes(complex(1.5, -0.0)) == law.stieltjes(1.5)
        assert law.stieltjes(1.5).imag > 0


def test_product_at_zero_and_infinity():
    # E 1/x of independent factors is the product of theirs: 2 · (1/1 + 1/4) / 2.
    product = FreeProduct(DiscreteLaw([1.0, 4.0]), MarchenkoPastur(0.5))
    np.testing.assert_allclose(product.stieltjes([0.0, np.inf, 1.0])[:2], [1.25, 0], rtol=1e-12)
    assert product.stieltjes(0.0) == pytest.approx(GeneralizedMarchenkoPastur([1, 4], 0.5).stieltjes(0.0))
    assert MarchenkoPastur(2).stieltjes(0) == np.inf
    assert FreeProduct(DiscreteLaw([1.0]), MarchenkoPastur(2)).stieltjes(0.0) == np.inf


@pytest.mark.parametrize(("atoms", "weights", "ratio"), [([1, 5], [0.5, 0.5], 3.0), ([0, 1], [0.9, 0.1], 2.0)])
def test_products_are_right_everywhere_in_the_upper_half_plane(atoms, weights, ratio):
    generator = np.random.default_rng(0)
    z = 10.0 ** generator.uniform(-1.5, 1.5, 400) * np.exp(1j * generator.uniform(1e-2, np.pi - 1e-2, 400))
    exact = GeneralizedMarchenkoPastur(atoms, ratio, weights=weights).stieltjes(z)
    factors = MarchenkoPastur(ratio), DiscreteLaw(atoms, weights)
    for order in (1, -1):
        np.testing.assert_allclose(FreeProduct(*factors[::order]).stieltjes(z), exact, rtol=1e-7)
    projections = FreeProduct(DiscreteLaw([0, 1], [0.5, 0.5]), DiscreteLaw([0, 1], [0.3, 0.7]))
    # The eigenvalues of a simulation of order 1000 give .7824 + .1350i.
    assert projections.stieltjes(-1 + 0.2j) == pytest.approx(0.7826 + 0.1350j, abs=1e-4)


def test_products_of_laws_below_zero_are_refused():
    with pytest.raises(InvalidInputError, match="reaches down to -2"):
        FreeProduct(Semicircle(1.0), MarchenkoPastur(1.0))
