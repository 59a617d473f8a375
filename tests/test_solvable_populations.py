"""The ring network and random features: simulations meet their exact spectra."""

from __future__ import annotations

import math

import numpy as np
import pytest
from eigenscope import dims_for_variance, fit_power_law
from eigenscope.errors import InvalidInputError
from eigenscope.neural import (
    random_feature_exponent,
    random_feature_spectrum,
    ring_spectrum,
    simulate_random_features,
    simulate_ring_network,
)
from scipy.integrate import quad
from scipy.special import eval_gegenbauer


def second_moments(X):
    """Descending eigenvalues of the uncentred covariance per neuron."""
    gram = X @ X.T if X.shape[0] < X.shape[1] else X.T @ X
    return np.linalg.eigvalsh(gram)[::-1] / X.size


def ratio(values):
    return values.sum() ** 2 / (values**2).sum()


def test_equispaced_ring_has_the_exact_cycle_and_spectrum():
    # T1
    trajectory = simulate_ring_network(1000)
    assert 1 <= trajectory.radius <= 1.0055
    assert 0.994 <= trajectory.angular_speed <= 1
    values = second_moments(trajectory.responses())
    assert ratio(values) == pytest.approx(3, abs=0.002)
    np.testing.assert_allclose(values[:20] / values[0], ring_spectrum(20) / ring_spectrum(1), rtol=0.006)


def test_euler_error_vanishes_with_the_step():
    coarse, fine = (simulate_ring_network(400, n_periods=1, time_step=step) for step in (0.02, 0.005))
    assert coarse.radius - 1 == pytest.approx(4 * (fine.radius - 1), rel=0.2)


@pytest.mark.parametrize("options", [{}, {"coupling": 8.0, "delay_angle": 0.5}])
def test_rectified_responses_have_the_exact_spectrum(options):
    trajectory = simulate_ring_network(400, n_periods=2, **options)
    rates = trajectory.responses("relu")
    values = second_moments(rates - rates.mean(axis=0)) / trajectory.radius**2
    # Whole turns end between two steps, which sets the two of a pair 0.14 % apart.
    np.testing.assert_allclose(values[:12], ring_spectrum(12, activation="relu"), rtol=1e-3)
    assert values.sum() == pytest.approx(0.25 - 1 / math.pi**2, abs=1e-6)
    assert ratio(values) == pytest.approx(2.7404, abs=1e-3)


@pytest.mark.parametrize(("n_neurons", "tolerance"), [(4000, 0.03), (1000, 0.08)])
def test_random_ring(n_neurons, tolerance):
    # T2
    values = second_moments(simulate_ring_network(n_neurons, angles="random", n_periods=1, rng=0).responses())
    np.testing.assert_allclose(values[:10] / values.sum(), ring_spectrum(10), rtol=tolerance)
    assert ratio(values) == pytest.approx(3, abs=0.02)
    assert dims_for_variance(values, 0.9) == 4


def turns(trajectory):
    phase = np.unwrap(np.arctan2(trajectory.latents[:, 1], trajectory.latents[:, 0]))
    return (phase[-1] - phase[0]) / (2 * math.pi)


@pytest.mark.parametrize("options", [{}, {"time_step": 1}, {"time_step": 0.5}, {"n_neurons": 3}, {"delay_angle": 1.4}])
def test_whole_turns_are_returned_also_when_they_are_slow(options):
    trajectory = simulate_ring_network(**{"n_neurons": 200, **options})
    step = trajectory.angular_speed * (trajectory.times[1] - trajectory.times[0]) / (2 * math.pi)
    assert 4 - 2 * step <= turns(trajectory) < 4


def test_networks_that_get_stuck_are_refused():
    with pytest.raises(InvalidInputError, match=r"made 0\.00 of 4 turns .* Use more neurons"):
        simulate_ring_network(4)
    refused = []
    for seed in range(10):
        try:
            assert turns(simulate_ring_network(12, angles="random", n_periods=2, rng=seed)) > 1.97
        except InvalidInputError as error:
            refused.append(str(error))
    assert 2 <= len(refused) <= 9
    assert all("there is no limit cycle, or hardly one" in message for message in refused)


def test_correlation_matrix_route():
    # T3
    angles = np.random.default_rng(0).uniform(0, 2 * math.pi, 2000)
    difference = np.abs(angles[:, None] - angles)
    difference = np.minimum(difference, 2 * math.pi - difference)
    values = np.linalg.eigvalsh(2 / math.pi * (math.pi - difference) - 1)[::-1] / 2000
    np.testing.assert_allclose(values[:10], ring_spectrum(10), rtol=0.05)
    assert ratio(values) == pytest.approx(3, abs=0.02)


def test_sums_of_the_ring_spectra():
    step, relu = ring_spectrum(200_000), ring_spectrum(2000, activation="relu")
    assert step.sum() == pytest.approx(1, abs=1e-5)
    assert dims_for_variance(step, 0.9) == 4
    assert dims_for_variance(step, 0.95) == 9
    assert relu.sum() == pytest.approx(0.25 - 1 / math.pi**2, abs=1e-9)
    # T13: participation ratio of the rectified ring.
    assert ratio(relu) == pytest.approx(2.7404, abs=1e-3)
    phase = 2 * math.pi * np.arange(720) / 720
    rates = np.maximum(np.cos(phase[:, None] - phase), 0)
    values = np.linalg.eigvalsh(np.cov(rates.T, bias=True))[::-1] / 720
    np.testing.assert_allclose(values[:8], relu[:8], rtol=1e-3)


@pytest.mark.parametrize("dimension", [2, 3, 4])
@pytest.mark.parametrize("power", [0, 1])
def test_exponent_of_the_exact_spectrum(dimension, power):
    # T4a: one point for each degree, at the middle of its ranks, from rank 11 on.
    eigenvalues, multiplicities = random_feature_spectrum(200, dimension=dimension, power=power)
    last = np.cumsum(np.where(eigenvalues > 0, multiplicities, 0))
    middle = last - multiplicities / 2
    used = (eigenvalues > 0) & (middle >= 11)
    slope = np.polyfit(np.log(middle[used]), np.log(eigenvalues[used]), 1)[0]
    assert -slope == pytest.approx(random_feature_exponent(dimension, power), rel=0.06)


@pytest.mark.parametrize("dimension", [2, 3, 4, 7])
@pytest.mark.parametrize(("power", "trace"), [(0, 0.5), (1, 0.5)])
def test_trace_and_multiplicities(dimension, power, trace):
    eigenvalues, multiplicities = random_feature_spectrum(300, dimension=dimension, power=power)
    assert np.all(eigenvalues >= 0)
    assert (eigenvalues @ multiplicities) == pytest.approx(trace, rel=0.05)
    assert (eigenvalues @ multiplicities) <= trace * (1 + 1e-12)
    assert multiplicities[0] == 1
    assert multiplicities[1] == dimension


@pytest.mark.parametrize("power", [0.5, 1, 2, 3.3])
def test_trace_of_general_powers(power):
    eigenvalues, multiplicities = random_feature_spectrum(500, dimension=4, power=power)
    # Half the 2 power-th absolute moment of a standard normal drive.
    trace = 2**power * math.gamma(power + 0.5) / (2 * math.sqrt(math.pi))
    assert eigenvalues @ multiplicities == pytest.approx(trace, rel=1e-4)


@pytest.mark.parametrize("dimension", [3, 10, 40])
@pytest.mark.parametrize("power", [0, 0.5, 1, 2])
def test_eigenvalues_are_squared_coefficients_of_one_neuron(dimension, power):
    eigenvalues, _ = random_feature_spectrum(8, dimension=dimension, power=power)
    order = dimension / 2 - 1
    radial = math.prod([2**power, math.gamma(dimension / 2 + power), 1 / math.gamma(dimension / 2)])
    total = quad(lambda t: math.sin(t) ** (dimension - 2), 0, math.pi)[0]
    for degree, found in enumerate(eigenvalues.tolist()):

        def integrand(t, degree=degree):
            polynomial = eval_gegenbauer(degree, order, math.cos(t)) / eval_gegenbauer(degree, order, 1.0)
            return max(0.0, math.cos(t)) ** power * polynomial * math.sin(t) ** (dimension - 2)

        coefficient = quad(integrand, 0, math.pi / 2, epsabs=1e-14, epsrel=1e-12)[0] / total
        assert found == pytest.approx(radial * coefficient**2, rel=1e-7, abs=1e-18)


@pytest.mark.parametrize("dimension", [2, 10, 1000, 3000, 10_000, 10**9])
def test_eigenvalues_in_high_dimensions(dimension):
    # Of a linear function rectified, half the coefficient is left: λ_1 = d (1 / 2d)² for power 1.
    eigenvalues, multiplicities = random_feature_spectrum(5, dimension=dimension)
    assert eigenvalues[1] * 4 * dimension == pytest.approx(1, rel=1e-11)
    assert 0.48 < eigenvalues @ multiplicities < 0.5
    step, _ = random_feature_spectrum(5, dimension=dimension, power=0)
    assert step[0] == pytest.approx(0.25, rel=1e-11)


@pytest.mark.parametrize(("dimension", "power"), [(4, 1), (6, 0), (10, 1), (20, 0), (20, 0.5)])
def test_no_degree_is_lost(dimension, power):
    eigenvalues, multiplicities = random_feature_spectrum(400, dimension=dimension, power=power)
    degrees = np.arange(400)
    vanishing = (degrees > power) & ((degrees - power) % 2 == 0)
    np.testing.assert_array_equal(eigenvalues == 0, vanishing)
    # λ_m falls as m^-(2 power + d) once m is large beside d.
    last = np.flatnonzero(eigenvalues)[-1]
    slope = math.log(eigenvalues[last] / eigenvalues[last - 200]) / math.log(last / (last - 200))
    assert slope == pytest.approx(-(2 * power + dimension), rel=0.05)
    assert np.all(np.diff(multiplicities) > 0)
    assert multiplicities[1] == dimension
    assert multiplicities[2] == dimension * (dimension + 1) / 2 - 1


def test_spectrum_on_the_circle_is_a_fourier_series():
    eigenvalues, multiplicities = random_feature_spectrum(8, dimension=2, power=0)
    assert list(multiplicities) == [1] + [2] * 7
    # (π - t) / 2π has cosine coefficients 1/4, 1/(π m)² for odd m, zero otherwise.
    expected = [0.25] + [(1 / (math.pi * m)) ** 2 if m % 2 else 0.0 for m in range(1, 8)]
    np.testing.assert_allclose(eigenvalues, expected, atol=1e-14)


# T4b. Step functions do not depend on the lengths of the weights; of rectified neurons on the circle n random lengths
# move all eigenvalues together by 1/√n, and 12 000 are needed for 1 %.
@pytest.mark.parametrize(
    ("dimension", "power", "n_neurons", "six_blocks"),
    [
        (2, 0, 4000, 0.01),
        (2, 1, 12000, 0.01),
        (3, 0, 4000, 0.05),
        (3, 1, 4000, 0.05),
        (4, 0, 4000, None),
        (4, 1, 4000, None),
    ],
)
def test_simulated_blocks_meet_the_exact_spectrum(dimension, power, n_neurons, six_blocks):
    eigenvalues, multiplicities = random_feature_spectrum(40, dimension=dimension, power=power)
    X = simulate_random_features(1500, n_neurons, dimension=dimension, power=power, rng=0)
    values = second_moments(X)
    kept = np.flatnonzero(eigenvalues)[:6]
    sizes = multiplicities[kept].astype(int)
    blocks = np.array(
        [values[end - size : end].mean() for size, end in zip(sizes, np.cumsum(sizes), strict=True)],
    )
    np.testing.assert_allclose(blocks[:3], eigenvalues[kept[:3]], rtol=0.03)
    if six_blocks:
        np.testing.assert_allclose(blocks, eigenvalues[kept], rtol=six_blocks)


def test_general_powers_and_offsets_draw():
    X = simulate_random_features(50, 40, dimension=3, power=0.5, offset=-0.3, rng=1)
    assert X.min() == 0
    np.testing.assert_array_equal(X, simulate_random_features(50, 40, dimension=3, power=0.5, offset=-0.3, rng=1))
    assert set(np.unique(simulate_random_features(50, 40, dimension=3, power=0, rng=1))) == {0.0, 1.0}
    assert fit_power_law(random_feature_spectrum(400, dimension=2, power=0)[0][1::2], ranks=(5, 150)).exponent > 1.9


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: simulate_ring_network(2), "n_neurons >= 3"),
        (lambda: simulate_ring_network(50, delay_angle=2.0), "limit cycle"),
        (lambda: simulate_ring_network(50, angles="grid"), "angles must be"),
        (lambda: ring_spectrum(0), "at least 1"),
        (lambda: ring_spectrum(3, activation="tanh"), "activation"),
        (lambda: simulate_ring_network(50, delay_angle=1.57), "too long"),
        (lambda: simulate_ring_network(50, delay_angle=1e-7), "10,000,000 are made at most"),
        (lambda: simulate_ring_network(50, n_periods=10**9), "lower n_periods"),
        (lambda: random_feature_spectrum(0, dimension=3), "n_degrees must be"),
        (lambda: random_feature_spectrum(10, dimension=3, power=-1), "power >= 0"),
        (lambda: random_feature_spectrum(10, dimension=3, power=400), "degree 0 leaves the range of doubles"),
        (lambda: random_feature_spectrum(400, dimension=10_000), "degree 132 leaves the range of doubles"),
        (lambda: random_feature_exponent(1), "dimension >= 2"),
        (lambda: simulate_random_features(0, 3, dimension=2), "at least 1"),
    ],
)
def test_wrong_input_is_refused_with_a_reason(call, message):
    with pytest.raises(InvalidInputError, match=message):
        call()
