"""The generalized Marchenko–Pastur law against published values, its own equation, simulation and the white law."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from eigenscope import GeneralizedMarchenkoPastur, MarchenkoPastur
from eigenscope.errors import DataWarning, InvalidInputError, NonFiniteInputError, UnsupportedTypeError
from eigenscope.random_matrix.angular_series import AngularSeries
from scipy.integrate import quad

REFERENCE_SUPPORTS = [
    (
        [1, 3, 10],
        [0.2, 0.4, 0.4],
        0.1,
        [
            [0.65207527247056, 1.1766721012005],
            [1.8289554524577, 4.1210769181533],
            [6.6149682679659, 14.581807543308],
        ],
    ),
    ([1, 8], None, 0.5, [[0.12823760086014, 1.76489189447], [2.3341475019788, 18.272723002691]]),
    ([1, 8], None, 0.1, [[0.56001091160573, 1.4247039145773], [4.881887573634, 12.033397600183]]),
    ([1, 3], None, 2.0, [[0.27934002630029, 13.198804889479]]),
    ([1, 2], None, 0.5, [[0.1096856596959, 4.8740236757441]]),
]

REFERENCE_DENSITIES = [
    ([1, 3, 10], [0.2, 0.4, 0.4], 0.1, [1, 3, 10], [0.41164496463946, 0.21129338095695, 0.064432160220004]),
    ([1, 8], None, 0.5, [1, 5], [0.27714153643973, 0.050984007045165]),
    ([1, 8], None, 0.1, [8], [0.088917420427484]),
    ([1, 3], None, 2.0, [5], [0.038066989507688]),
]


@pytest.mark.parametrize(("population", "weights", "ratio", "support"), REFERENCE_SUPPORTS)
def test_supports_match_reference_values(population, weights, ratio, support):
    law = GeneralizedMarchenkoPastur(population, ratio, weights)
    np.testing.assert_allclose(law.support, support, rtol=1e-13)


@pytest.mark.parametrize(("population", "weights", "ratio", "x", "density"), REFERENCE_DENSITIES)
def test_densities_match_reference_values(population, weights, ratio, x, density):
    np.testing.assert_allclose(GeneralizedMarchenkoPastur(population, ratio, weights).pdf(x), density, rtol=2e-13)


def test_masses_follow_the_population_and_the_atom_the_ratio():
    law = GeneralizedMarchenkoPastur([1, 3, 10], 0.1, [2, 4, 4])
    np.testing.assert_allclose(law.masses, [0.2, 0.4, 0.4], rtol=1e-15)
    assert law.atom == 0
    assert GeneralizedMarchenkoPastur([1, 3], 2.0).atom == 0.5
    half_empty = GeneralizedMarchenkoPastur([0, 1], 1.5)
    assert half_empty.atom == 0.5
    assert half_empty.masses.sum() == pytest.approx(0.5, abs=1e-15)


def test_largest_eigenvalue_edge_matches_reference_values():
    edge = GeneralizedMarchenkoPastur([1, 8], 0.5).largest_eigenvalue_edge(400)
    assert edge.scale * 400 ** (2 / 3) == pytest.approx(17.3014041, abs=5e-8)
    assert edge.location + 0.979316053 * edge.scale == pytest.approx(18.584826, abs=5e-7)


@pytest.mark.parametrize("ratio", [0.1, 0.5, 2.0])
def test_edge_of_the_white_law_scales_as_published(ratio):
    edge = GeneralizedMarchenkoPastur([1.0], ratio).largest_eigenvalue_edge(1000)
    root = np.sqrt(ratio)
    assert edge.location == pytest.approx((1 + root) ** 2, rel=1e-14)
    assert edge.scale == pytest.approx((1 + root) ** (4 / 3) * ratio ** (-1 / 6) * 1000 ** (-2 / 3), rel=1e-13)


@pytest.mark.parametrize("ratio", [1e-6, 0.1, 0.5, 1.0, 2.0, 50.0])
@pytest.mark.parametrize("variance", [1.0, 1e150, 1e-150])
def test_one_population_eigenvalue_gives_the_white_law(ratio, variance):
    law, white = GeneralizedMarchenkoPastur([variance], ratio), MarchenkoPastur(ratio, variance)
    np.testing.assert_allclose(law.support[0], white.support, rtol=1e-13)
    probability = np.linspace(white.atom, 1, 41)
    x = np.asarray(white.ppf(probability))
    inner = x[1:-1]
    np.testing.assert_allclose(law.pdf(inner), white.pdf(inner), rtol=1e-10)
    np.testing.assert_allclose(law.cdf(x[1:]), probability[1:], atol=2e-13)
    # A mass of 1e-15 beside an edge spans the share 1e-10 of the interval.
    np.testing.assert_allclose(law.ppf(probability[1:]), x[1:], atol=1e-10 * (x[-1] - x[1]), rtol=1e-12)
    z = variance * np.array([1 + 0.1j, 1 - 0.1j, -1, 1e4, 1e-8 + 1e-9j])
    np.testing.assert_allclose(law.stieltjes(z), white.stieltjes(z), rtol=1e-10)


@pytest.mark.parametrize("ratio", [0.01, 0.5, 1.0, 3.0])
def test_density_cdf_and_quantiles_of_a_broad_population_are_consistent(ratio):
    law = GeneralizedMarchenkoPastur(np.geomspace(1e-2, 10, 40), ratio)
    total = law.atom
    for (low, high), mass in zip(law.support, law.masses, strict=True):
        middle = (low + high) / 2
        below = quad(lambda t, low=low: 2 * t * law.pdf(low + t * t), 0, np.sqrt(middle - low), epsabs=1e-9)[0]
        assert law.cdf(middle) == pytest.approx(total + below, abs=1e-7)
        total += mass
    assert total == pytest.approx(1, abs=1e-12)
    probability = np.linspace(law.atom, 1, 57)[1:-1]
    np.testing.assert_allclose(law.cdf(law.ppf(probability)), probability, atol=1e-12)


@pytest.mark.parametrize(
    ("decay", "count", "ratio"), [(0.4, 40, 0.9), (0.15, 100, 0.3), (0.08, 200, 0.9), (0.25, 60, 2)]
)
def test_distribution_functions_span_many_orders_of_magnitude(decay, count, ratio):
    # The smallest eigenvalues are 1e-9 of the largest: on a linear scale the density is a spike at zero.
    law = GeneralizedMarchenkoPastur(np.exp(-decay * np.arange(count)), ratio)
    edges = np.geomspace(law.support[0, 0], law.support[-1, 1], 4001)
    logs = np.log(edges)
    nodes, weights = np.polynomial.legendre.leggauss(8)
    half = np.diff(logs)[:, None] / 2
    points = np.exp(logs[:-1, None] + half * (nodes + 1))
    masses = (np.asarray(law.pdf(points)) * points * half * weights).sum(axis=1)
    above = np.append(np.cumsum(masses[::-1])[::-1], 0.0)
    np.testing.assert_allclose(law.sf(edges[1:-1]), above[1:-1], atol=1e-6)
    assert law.mean_quantiles(count).mean() == pytest.approx(law.mean(), rel=1e-7)


@pytest.mark.parametrize("ratio", [0.9999, 1.0, 1.0001])
def test_distribution_functions_near_the_hard_edge(ratio):
    white, general = MarchenkoPastur(ratio), GeneralizedMarchenkoPastur([1.0], ratio)
    levels = np.linspace(0.01, 1, 100)
    points = np.asarray(white.ppf(levels))
    np.testing.assert_allclose(general.cdf(points), levels, atol=1e-13)
    np.testing.assert_allclose(general.ppf(levels[5:]), points[5:], rtol=1e-10)


def test_densities_of_more_scales_than_can_be_resolved_are_warned_of():
    def bump(above_low, below_high):
        return np.sqrt(above_low * below_high) + 1e-4 / (1e-12 + (above_low - 0.3) ** 2)

    with pytest.warns(DataWarning, match="varies on more scales"):
        AngularSeries.of_density(bump, low=1.0, high=2.0, mass=math.pi / 8 + 100 * math.pi, smallest=1.0)


def test_moments_agree_with_those_of_the_density():
    law = GeneralizedMarchenkoPastur([0.5, 2, 7], 0.4, [1, 2, 1])
    first = second = 0.0
    for low, high in law.support:
        angles = (np.arange(4000) + 0.5) * np.pi / 4000
        x = (low + high) / 2 - (high - low) / 2 * np.cos(angles)
        mass = law.pdf(x) * (high - low) / 2 * np.sin(angles) * np.pi / 4000
        first += mass @ x
        second += mass @ x**2
    assert law.mean() == pytest.approx(first, rel=1e-10)
    assert law.var() == pytest.approx(second - first**2, rel=1e-10)


@pytest.mark.parametrize("ratio", [0.3, 1.0, 4.0])
def test_stieltjes_transform_solves_the_silverstein_equation(ratio):
    population, weights = np.array([0, 1, 4.0]), np.array([0.2, 0.5, 0.3])
    law = GeneralizedMarchenkoPastur(population, ratio, weights)
    z = np.array([1 + 1j, 3 + 1e-6j, 0.2 - 0.3j, -2, 40, 1e6 + 1j])
    m = law.stieltjes(z)
    right = sum(w / (t * (1 - ratio - ratio * z * m) - z) for w, t in zip(weights, population, strict=True))
    np.testing.assert_allclose(m, right, rtol=1e-11)
    x = 2.0
    assert law.stieltjes(x).imag / np.pi == pytest.approx(law.pdf(x), rel=1e-12)


def test_density_keeps_its_digits_at_an_edge():
    law = GeneralizedMarchenkoPastur([1, 8], 0.5)
    edge = law.support[-1, 1]
    slope = [law.pdf(edge - d) / np.sqrt(d) for d in (1e-6, 1e-8)]
    # sqrt(d) behaviour; the edge itself is known to an ulp, 4e-15, of which 1e-8 is 2e-7 away in relative terms.
    assert slope[0] == pytest.approx(slope[1], rel=1e-5)


def test_law_describes_eigenvalues_of_real_data():
    rng = np.random.default_rng(5)
    n, population = 1200, np.repeat([1.0, 8.0], 300)
    data = rng.standard_normal((n, 600)) * np.sqrt(population)
    values = np.linalg.eigvalsh(data.T @ data / n)
    law = GeneralizedMarchenkoPastur(population, 0.5)
    distance = np.abs(law.cdf(values) - (np.arange(600) + 0.5) / 600).max()
    # Eigenvalues of one matrix are rigid: deviations are a few ranks of 600.
    assert distance < 5 / 600


def test_spikes_leave_the_bulk_where_theory_says():
    law = GeneralizedMarchenkoPastur([1.0], 0.5)
    spikes = np.array([1.2, 2, 4])
    np.testing.assert_allclose(law.sample_eigenvalue(spikes), [np.nan, 3, 14 / 3], rtol=1e-14)
    np.testing.assert_allclose(law.overlap(spikes), [0, 1 / 3, 0.8095238095], rtol=1e-10)
    np.testing.assert_allclose(law.population_eigenvalue([2.0, 3, 14 / 3]), [np.nan, 2, 4], rtol=1e-13)
    coloured = GeneralizedMarchenkoPastur([1, 8], 0.1)
    # Between the two bulks a spike is visible too.
    assert coloured.support[0, 1] < coloured.sample_eigenvalue(3.0) < coloured.support[1, 0]
    assert coloured.population_eigenvalue(coloured.sample_eigenvalue(3.0)) == pytest.approx(3, rel=1e-12)


@pytest.mark.parametrize("ratio", [1e-7, 0.01, 0.5])
def test_a_thousand_atoms_keep_their_mass(ratio):
    atoms = np.random.default_rng(1).exponential(size=1000)
    law = GeneralizedMarchenkoPastur(atoms, ratio)
    assert law.masses.sum() == pytest.approx(1, abs=1e-12)
    x = np.linspace(0, law.support[-1, 1] * 1.1, 1000)
    density = law.pdf(x)
    assert np.isfinite(density).all()
    assert (density >= 0).all()


def test_single_precision_integers_and_order_do_not_matter():
    law = GeneralizedMarchenkoPastur([8, 1, 1, 8], 0.5)
    other = GeneralizedMarchenkoPastur(np.array([1, 8], dtype=np.float32), 0.5)
    assert np.array_equal(law.support, other.support)
    assert pickle.loads(pickle.dumps(law)).pdf(3.0) == law.pdf(3.0)
    assert "2 population eigenvalues" in repr(law)
    assert isinstance(law.pdf(1), float)
    assert np.isnan(law.ppf([-0.1, 1.1])).all()


@pytest.mark.parametrize(
    ("population", "weights", "ratio", "error", "text"),
    [
        ([], None, 0.5, InvalidInputError, "not empty"),
        ([1, np.nan], None, 0.5, NonFiniteInputError, "1 of 2 values of population"),
        ([1, -1], None, 0.5, InvalidInputError, "negative"),
        ([0, 0], None, 0.5, InvalidInputError, "no variance"),
        ([1, 2], [1], 0.5, InvalidInputError, "1 weights for 2"),
        ([1, 2], [1, -1], 0.5, InvalidInputError, "negative"),
        ([1, 2], [0, 0], 0.5, InvalidInputError, "zero"),
        (["a"], None, 0.5, UnsupportedTypeError, "real numbers"),
        ([[1, 2]], None, 0.5, InvalidInputError, "one-dimensional"),
        ([1], None, 0.0, InvalidInputError, "ratio"),
        ([1], None, np.inf, InvalidInputError, "ratio"),
    ],
)
def test_wrong_input_is_explained(population, weights, ratio, error, text):
    with pytest.raises(error, match=text):
        GeneralizedMarchenkoPastur(population, ratio, weights)


def test_points_that_are_no_numbers_and_spikes_below_zero():
    law = GeneralizedMarchenkoPastur([1e300, 1e-300], 0.5)
    np.testing.assert_allclose(law.support, [[0.25e300, 2.25e300]], rtol=1e-12)
    law = GeneralizedMarchenkoPastur([1, 2], 0.5)
    assert np.isnan(law.stieltjes(np.nan))
    assert law.stieltjes(np.inf) == 0
    assert law.stieltjes(0.0) == 1.5
    assert law.stieltjes(-1e-12) == pytest.approx(1.5, rel=1e-9)
    assert GeneralizedMarchenkoPastur([1, 2], 1.5).stieltjes(0.0) == np.inf
    assert np.isnan(law.sample_eigenvalue(-1.0))
    assert np.isnan(law.population_eigenvalue(-1.0))
    with pytest.raises(InvalidInputError, match="n must be"):
        law.mean_quantiles(0)
    with pytest.raises(InvalidInputError, match="n_samples must be"):
        law.largest_eigenvalue_edge(0)
    with pytest.raises(InvalidInputError, match="ratio must be"):
        GeneralizedMarchenkoPastur([1, 2], "a")


def test_a_whole_curve_passes_intervals_that_all_but_merge():
    # 1000 atoms at a small ratio: a point near a merger of two intervals led later ones to another branch.
    law = GeneralizedMarchenkoPastur(np.sort(np.random.default_rng(0).lognormal(0, 1, 1000)), 0.01)
    x = np.linspace(law.support[0, 0], law.support[-1, 1], 1000)
    np.testing.assert_allclose(law.pdf(x)[::50], [law.pdf(point) for point in x[::50]], rtol=1e-10, atol=1e-14)


def test_a_direction_without_variance_overlaps_with_itself():
    law = GeneralizedMarchenkoPastur([1.0, 8.0], 0.1)
    assert law.sample_eigenvalue(0.0) == 0.0
    np.testing.assert_allclose(law.overlap([0.0, 1e-9]), 1.0, rtol=1e-8)
