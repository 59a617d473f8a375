"""The Marchenko–Pastur law against published values, quadrature and its own definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from eigenscope import MarchenkoPastur
from eigenscope.errors import InvalidInputError, UnsupportedTypeError
from scipy.integrate import quad
from scipy.stats import ks_2samp

RATIOS = [1e-8, 0.01, 0.1, 0.5, 0.999999, 1.0, 1.00001, 2.0, 50.0]


@pytest.mark.parametrize(
    ("x", "ratio", "variance", "density", "probability"),
    [
        (1, 0.5, 1, 0.421084399348, 0.576004215104),
        (1, 2, 1, 0.159154943092, 0.659154943092),
        (3, 0.5, 2, 0.150052719360, 0.754244882063),
        (0.01, 1, 1, 3.179117498351, 0.063635441457),
        (3, 4, 1, 0.045944074618, 0.846165557189),
    ],
)
def test_density_and_cdf_match_reference_values(x, ratio, variance, density, probability):
    law = MarchenkoPastur(ratio, variance)
    assert law.pdf(x) == pytest.approx(density, abs=2e-12)
    assert law.cdf(x) == pytest.approx(probability, abs=2e-12)


@pytest.mark.parametrize(
    ("ratio", "quantiles"),
    [
        (0.1, [0.545891090325, 0.735320504479, 0.966565147403, 1.241527895388, 1.560619503528]),
        (0.5, [0.152970746074, 0.398253771661, 0.830465881581, 1.485921613554, 2.384342212865]),
        (1.0, [0.006171677211, 0.156252528876, 0.652775941634, 1.611399686458, 3.085920744775]),
    ],
)
def test_quantiles_match_reference_values(ratio, quantiles):
    found = MarchenkoPastur(ratio).ppf([0.05, 0.25, 0.5, 0.75, 0.95])
    np.testing.assert_allclose(found, quantiles, atol=1e-12, rtol=0)


def test_quantiles_of_a_law_with_an_atom():
    law = MarchenkoPastur(2.0)
    np.testing.assert_allclose(
        law.ppf([0, 0.25, 0.5, 0.75, 0.95]), [0, 0, 0, 1.660931763163, 4.185389684158], atol=1e-12
    )
    assert law.atom == 0.5
    assert law.cdf(0.0) == 0.5
    assert law.cdf(-1e-300) == 0.0
    assert law.sf(0.01) == 0.5


def test_stieltjes_transform_matches_reference_values():
    values = MarchenkoPastur(0.5).stieltjes([1 + 0.1j, 4, -1])
    np.testing.assert_allclose(
        values, [-0.4108467896056 + 1.2682694098766j, -0.3596117967978, 0.5615528128088], atol=1e-12
    )
    wide = MarchenkoPastur(2.0).stieltjes(1 + 0.1j)
    assert wide == pytest.approx(-0.4725874778252 + 0.5235040951174j, abs=1e-12)


@pytest.mark.parametrize("ratio", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("z", [1e-8 + 1e-9j, 1e8, -1e8, 1e150 + 1j, 0.7 - 0.2j, -1e-9])
def test_stieltjes_transform_solves_its_equation_everywhere(ratio, z):
    # c z m² + (z - 1 + c) m + 1 = 0, relative to the terms of the equation.
    m = MarchenkoPastur(ratio).stieltjes(z)
    terms = [ratio * z * m * m, (z - (1 - ratio)) * m, 1.0]
    assert abs(sum(terms)) <= 1e-14 * sum(abs(term) for term in terms)
    if complex(z).imag:
        assert math.copysign(1, m.imag) == math.copysign(1, complex(z).imag)


@pytest.mark.parametrize("ratio", [0.2, 1.0, 2.5])
def test_density_is_the_imaginary_part_of_the_stieltjes_transform(ratio):
    law = MarchenkoPastur(ratio, 1.7)
    low, high = law.support
    x = np.linspace(low, high, 23)[1:-1]
    np.testing.assert_allclose(law.stieltjes(x).imag / np.pi, law.pdf(x), rtol=1e-13)


@pytest.mark.parametrize("ratio", RATIOS)
def test_cdf_sf_and_ppf_are_consistent(ratio):
    law = MarchenkoPastur(ratio)
    probability = law.atom + (1 - law.atom) * np.linspace(0, 1, 401)[1:-1]
    x = law.ppf(probability)
    assert np.all(np.diff(x) > 0)
    # The cdf moves by pdf(x) · x · eps when x is rounded.
    tolerance = 2e-15 + 4 * np.finfo(float).eps * x * law.pdf(x)
    assert np.all(np.abs(law.cdf(x) - probability) <= tolerance)
    np.testing.assert_allclose(law.cdf(x) + law.sf(x), 1, atol=1e-15)


@pytest.mark.parametrize("ratio", [0.01, 0.5, 0.9, 1.0, 3.0])
def test_cdf_is_the_integral_of_the_density(ratio):
    law = MarchenkoPastur(ratio)
    low, high = law.support
    for x in low + (high - low) * np.array([1e-6, 0.01, 0.3, 0.9, 1 - 1e-6]):
        # x = low + (high - low) sin² removes the square roots at the edges.
        end = math.asin(math.sqrt((x - low) / (high - low)))
        integral = quad(
            lambda t: law.pdf(low + (high - low) * math.sin(t) ** 2) * (high - low) * math.sin(2 * t),
            0,
            end,
            epsabs=1e-14,
            epsrel=1e-12,
            limit=200,
        )[0]
        assert law.cdf(x) - law.atom == pytest.approx(integral, rel=1e-10)


@pytest.mark.parametrize("ratio", [0.5, 3.0])
def test_both_edges_keep_relative_precision(ratio):
    law = MarchenkoPastur(ratio)
    low, high = law.support
    # Mass within d of an edge is (2/3) a d^1.5, a the coefficient of the square root in the density there.
    width = 1e-9
    coefficient = math.sqrt(high - low) / (2 * math.pi * ratio)
    upper = law.sf(high - width) / (high - (high - width)) ** 1.5
    lower = (law.cdf(low + width) - law.atom) / ((low + width) - low) ** 1.5
    assert upper == pytest.approx(2 / 3 * coefficient / high, rel=1e-6)
    # Below the atom's own rounding the lower mass cannot be seen in the cdf.
    assert lower == pytest.approx(2 / 3 * coefficient / low, rel=1e-6 if law.atom == 0 else 1e-2)


def test_moments_match_reference_values_and_the_density():
    assert [MarchenkoPastur(0.5).moment(k) for k in range(1, 7)] == [1, 1.5, 2.75, 5.625, 12.3125, 28.21875]
    assert [MarchenkoPastur(2.0).moment(k) for k in range(1, 7)] == [1, 3, 11, 45, 197, 903]
    assert MarchenkoPastur(0.5).log_moment() == pytest.approx(-0.306852819440, abs=1e-12)
    law = MarchenkoPastur(0.3, 2.5)
    low, high = law.support
    for function, value in [
        (lambda x: 1.0, law.moment(0)),
        (lambda x: x, law.mean()),
        (lambda x: (x - law.mean()) ** 2, law.var()),
        (lambda x: x**5, law.moment(5)),
        (lambda x: 1 / x, law.moment(-1)),
        (lambda x: 1 / x**2, law.moment(-2)),
        (math.log, law.log_moment()),
    ]:
        integral = quad(lambda x, f=function: f(x) * law.pdf(x), low, high, limit=200)[0]
        assert integral == pytest.approx(value, rel=1e-7)
    assert MarchenkoPastur(1.5).moment(-1) == math.inf
    # Beyond double precision.
    assert MarchenkoPastur(0.5, 1e150).moment(3) == math.inf
    assert MarchenkoPastur(1e200).moment(3) == math.inf
    assert MarchenkoPastur(0.5, 1e-150).moment(3) == 0
    assert MarchenkoPastur(1.5).log_moment() == -math.inf


@pytest.mark.parametrize("variance", [1e-150, 1e150])
def test_scale_changes_nothing_but_the_scale(variance):
    law, unit = MarchenkoPastur(0.4, variance), MarchenkoPastur(0.4)
    x = np.linspace(0.1, 2.7, 9)
    np.testing.assert_allclose(law.cdf(x * variance), unit.cdf(x), rtol=1e-13)
    np.testing.assert_allclose(law.pdf(x * variance) * variance, unit.pdf(x), rtol=1e-13)
    np.testing.assert_allclose(law.ppf(x / 3) / variance, unit.ppf(x / 3), rtol=1e-15)


def test_points_outside_the_law():
    law = MarchenkoPastur(0.25)
    assert law.support == (0.25, 2.25)
    np.testing.assert_array_equal(law.pdf([-1, 0, 0.2, 2.3]), 0)
    np.testing.assert_array_equal(law.cdf([-1, 0.25, 2.25, np.inf]), [0, 0, 1, 1])
    np.testing.assert_array_equal(law.ppf([0, 1]), [0.25, 2.25])
    assert np.isnan(law.ppf([-0.1, 1.1, np.nan])).all()
    assert np.isnan([law.pdf(np.nan), law.cdf(np.nan), law.sf(np.nan)]).all()


def test_shapes_and_dtypes_follow_the_input():
    law = MarchenkoPastur(0.5)
    points = np.arange(12, dtype=np.float32).reshape(3, 4)[:, ::2]
    assert law.cdf(points).shape == (3, 2)
    assert isinstance(law.cdf(1), float)
    assert law.cdf([]).shape == (0,)
    np.testing.assert_array_equal(law.cdf(np.linspace(0, 3, 5000)[::-1])[::-1], law.cdf(np.linspace(0, 3, 5000)))
    with pytest.raises(UnsupportedTypeError, match="complex128"):
        law.cdf([1j])


@pytest.mark.parametrize("arguments", [(0,), (-1,), (np.nan,), (np.inf,), (1, 0), (1, np.nan), ([1.0, 2.0],)])
def test_impossible_parameters_are_refused(arguments):
    with pytest.raises(InvalidInputError, match="positive finite"):
        MarchenkoPastur(*arguments)


@pytest.mark.parametrize(("ratio", "n_features"), [(0.5, 60), (1.0, 50), (3.0, 90)])
def test_finite_spectra_have_the_moments_of_gaussian_data(ratio, n_features):
    law, draws = MarchenkoPastur(ratio, 2.0), 400
    generator = np.random.default_rng(1)
    spectra = np.array([law.rvs(n_features, rng=generator) for _ in range(draws)])
    n_samples = round(n_features / ratio)
    assert np.all(np.diff(spectra, axis=1) <= 0)
    assert np.all(spectra[:, n_samples:] == 0)
    # E tr S / p = σ², E tr S² / p = σ⁴ (1 + (p + 1) / n) exactly; five standard errors.
    for power, expected in ((1, 2.0), (2, 4 * (1 + (n_features + 1) / n_samples))):
        values = np.mean(spectra**power, axis=1)
        assert values.mean() == pytest.approx(expected, abs=5 * values.std() / math.sqrt(draws))


def test_finite_spectra_agree_with_gaussian_matrices():
    generator = np.random.default_rng(2)
    law = MarchenkoPastur(0.5)
    largest = [law.rvs(20, rng=generator)[0] for _ in range(500)]
    matrices = [np.linalg.norm(generator.standard_normal((40, 20)), 2) ** 2 / 40 for _ in range(500)]
    assert ks_2samp(largest, matrices).pvalue > 1e-3


def test_draws_are_repeatable_and_need_at_least_one_sample():
    law = MarchenkoPastur(10.0)
    np.testing.assert_array_equal(law.rvs(80, rng=3), law.rvs(80, rng=np.random.default_rng(3)))
    with pytest.raises(InvalidInputError, match="ask for more features"):
        law.rvs(2)
