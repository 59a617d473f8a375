"""Spectral densities as computations: refined, stored, ended by a budget or a stop, given what cannot be used."""

from __future__ import annotations

import math

import eigenscope
import numpy as np
import pytest
from eigenscope import MarchenkoPastur, fit_marchenko_pastur, spectral_density, testing
from eigenscope.errors import (
    ConvergenceWarning,
    Interrupted,
    InvalidInputError,
    MemoryBudgetError,
    NonDeterministicOperatorError,
    NonFiniteInputError,
    NotSymmetricError,
)


def test_refine_goes_on_where_it_stopped():
    A = testing.goe(300, rng=0)
    first = spectral_density(A, n_probes=16, degree=30, rng=5)
    more = first.refine(n_probes=48)
    at_once = spectral_density(A, n_probes=48, degree=30, rng=5)
    np.testing.assert_array_equal(more.nodes, at_once.nodes)
    np.testing.assert_array_equal(more.weights, at_once.weights)
    assert more.group_sizes == (16, 16, 16)
    assert more.info.n_matvecs == at_once.info.n_matvecs == 48 * 30
    assert first.refine(n_probes=16) is first
    with pytest.raises(InvalidInputError, match="total"):
        first.refine(n_probes=8)


def test_results_are_saved_and_loaded(tmp_path):
    density = spectral_density(testing.goe(50, rng=0), n_probes=4, rng=0)
    density.save(tmp_path / "density.npz")
    loaded = eigenscope.SpectralDensity.load(tmp_path / "density.npz")
    assert loaded == density
    assert loaded.cdf(0.3) == density.cdf(0.3)
    assert "50 eigenvalues" in repr(loaded)
    with pytest.raises(InvalidInputError, match="rng=0"):
        loaded.refine(n_probes=8)


def test_accuracy_chooses_degree_and_probes():
    values = testing.uniform_spectrum(2000)
    density = spectral_density(testing.diagonal_operator(values), accuracy=0.02, rng=0)
    low, high = density.band(np.linspace(0.05, 0.95, 19))
    assert np.max(high - low) / 2 < 0.02
    assert np.max(high - low) / 2 > 0.005


def test_budgets_and_callbacks_return_what_is_there():
    A = testing.goe(400, rng=0)
    with pytest.warns(ConvergenceWarning, match="5 of 64 probes, degree 40 of 40"):
        density = spectral_density(A, max_matvecs=200, degree=40, rng=0)
    assert density.info.n_matvecs <= 200
    assert (density.n_probes, density.degree, density.status) == (5, 40, "budget")
    # Sizes that nobody asked for are the budget's to choose.
    density = spectral_density(A, max_matvecs=20, rng=0)
    assert (density.n_probes, density.degree, density.status) == (1, 20, "budget")
    assert density.refine(n_probes=2).status == "budget"
    assert spectral_density(A, n_probes=2, degree=20, max_matvecs=40, rng=0).status == "converged"
    stopped = spectral_density(A, n_probes=48, degree=20, callback=lambda state: state["n_probes"] >= 16, rng=0)
    assert (stopped.status, stopped.n_probes) == ("budget", 16)
    short = spectral_density(A, n_probes=16, degree=50, callback=lambda state: state["step"] == 10, rng=0)
    assert np.isfinite(short.nodes).sum() == 16 * 10
    assert short.degree == 10
    lines = []
    spectral_density(A, n_probes=4, degree=5, progress=lines.append, rng=0)
    assert "step 5 of 5" in lines[-1]
    with pytest.warns(ConvergenceWarning, match="16 of 48 probes"):
        late = spectral_density(A, n_probes=48, degree=5, max_seconds=0, rng=0)
    assert (late.status, late.degree) == ("budget", 1)
    with pytest.warns(ConvergenceWarning, match="16 of 48 probes"):
        assert stopped.refine(n_probes=48, max_seconds=0).n_probes == 16
    with pytest.raises(MemoryBudgetError, match="block_size"):
        spectral_density(A, max_memory=1000, rng=0)


def test_interruption_carries_the_complete_probes():
    calls = []

    def product(block):
        calls.append(1)
        if len(calls) > 25:
            raise KeyboardInterrupt
        return np.arange(100.0)[:, None] * block

    with pytest.raises(Interrupted, match=r"\.partial") as caught:
        spectral_density(product, shape=(100, 100), degree=10, n_probes=64, check=False, rng=0)
    assert caught.value.partial.n_probes == 32
    assert caught.value.partial.status == "budget"


def test_refinement_that_stops_inside_its_first_group_changes_nothing():
    first = spectral_density(testing.goe(100, rng=0), n_probes=16, degree=10, rng=0)
    stopped = first.refine(n_probes=48, callback=lambda state: state["step"] == 3)
    assert (stopped.n_probes, stopped.degree, stopped.status) == (16, 10, "budget")
    np.testing.assert_array_equal(stopped.nodes, first.nodes)
    later = first.refine(n_probes=48, callback=lambda state: state["n_probes"] == 16)
    assert (later.n_probes, later.status) == (32, "budget")
    np.testing.assert_array_equal(later.refine(n_probes=48).nodes, first.refine(n_probes=48).nodes)


def test_short_steps_run_on_one_thread_and_long_ones_on_several():
    small, large = testing.goe(30, rng=0), testing.goe(600, rng=0)
    assert spectral_density(small, n_probes=4, degree=5, rng=0, threads=2).info.threads == 1
    results = [spectral_density(large, n_probes=16, degree=3, rng=0, threads=threads) for threads in (1, 2)]
    assert [density.info.threads for density in results] == [1, 2]
    np.testing.assert_array_equal(results[0].nodes, results[1].nodes)


def test_callbacks_see_every_block_product():
    steps = []
    A = testing.goe(30, rng=0)
    spectral_density(A, n_probes=8, block_size=4, degree=3, callback=lambda state: steps.append(state["step"]), rng=0)
    assert steps == [1, 2, 3, 1, 2, 3]


def test_unusable_input_is_refused():
    A = np.arange(9.0).reshape(3, 3)
    with pytest.raises(NotSymmetricError):
        spectral_density(A, rng=0)
    with pytest.raises(NonFiniteInputError):
        spectral_density(np.array([[np.nan, 0.0], [0.0, 1.0]]), rng=0)
    with pytest.raises(InvalidInputError, match="square"):
        spectral_density(np.ones((3, 2)), of="matrix", rng=0)
    generator = np.random.default_rng(0)
    with pytest.raises(NonDeterministicOperatorError, match="dropout"):
        spectral_density(
            lambda block: block * (1 + 0.01 * generator.standard_normal()), shape=(50, 50), check=True, rng=0
        )
    for options in ({"degree": "9"}, {"block_size": 2.5}, {"max_seconds": -1.0}, {"max_seconds": math.nan}):
        with pytest.raises(InvalidInputError, match=next(iter(options))):
            spectral_density(np.eye(3), rng=0, **options)
    with pytest.warns(ConvergenceWarning, match="1 of 3 probes"):
        assert spectral_density(np.eye(3), max_seconds=0, n_probes=3, block_size=1, rng=0).n_probes == 1
    with pytest.raises(InvalidInputError, match="max_matvecs must allow one step of 2 products, got 1"):
        spectral_density(np.eye(3), of="gram", max_matvecs=1, rng=0)
    for options in ({"degree": 0}, {"n_probes": 0}, {"accuracy": 2.0}, {"probe": "gaussian"}, {"of": "trace"}):
        with pytest.raises(InvalidInputError):
            spectral_density(np.eye(3), rng=0, **options)
    with pytest.raises(InvalidInputError, match="gram"):
        spectral_density(np.eye(3), of="matrix", center=True, rng=0)
    density = spectral_density(np.diag([0.0, 1.0]), rng=0)
    with pytest.raises(InvalidInputError, match="not finite"), np.errstate(divide="ignore"):
        density.expectation(np.log)
    for wrong in ({"kernel": "box"}, {"scale": "square"}, {"bandwidth": -1.0}):
        with pytest.raises(InvalidInputError):
            density.pdf(0.5, **wrong)
    with pytest.raises(InvalidInputError, match=r"2 probabilities are not between 0 and 1, the first is 1\.5"):
        density.quantile([0.5, 1.5, -0.1])
    np.testing.assert_array_equal(density.quantile([0.9, math.nan]), [1.0, math.nan])
    with pytest.raises(InvalidInputError, match="confidence"):
        density.band(0.5, 1.5)
    with pytest.raises(InvalidInputError, match="cdf"):
        density.compare(3.0)


def test_pictures_are_drawn():
    plt = pytest.importorskip("matplotlib.pyplot")
    X = np.random.default_rng(0).standard_normal((300, 100))
    X[:, 0] *= 4
    density = spectral_density(X, of="covariance", rng=0)
    figure, axes = plt.subplots(1, 3)
    law = MarchenkoPastur(1 / 3)
    assert density.plot(axes[0], law=law) is axes[0]
    assert density.plot(axes[1], kind="cdf", law=law) is axes[1]
    assert density.plot(axes[2], scale="log").get_xscale() == "log"
    with pytest.raises(InvalidInputError, match="kind"):
        density.plot(axes[0], kind="histogram")
    plt.close(figure)


def test_noise_of_a_density_does_not_hang_on_its_probes():
    data = np.random.default_rng(0).standard_normal((600, 300))
    fits = [
        fit(density)
        for seed in (0, 1)
        for density in [spectral_density(data, of="covariance", degree=40, n_probes=8, rng=seed)]
        for fit in (fit_marchenko_pastur, lambda d: d.fit_marchenko_pastur())
    ]
    # The trace decides; the largest Ritz value enters through a difference that is rounded.
    np.testing.assert_allclose([fit.variance.value for fit in fits], fits[0].variance.value, rtol=1e-14)
    assert fits[0].variance.value == pytest.approx(np.mean(data**2), rel=1e-10)
    assert all(fit.credible and fit.n_samples == 600 for fit in fits)
    with pytest.raises(InvalidInputError, match='of="covariance"'):
        fit_marchenko_pastur(spectral_density(data, rng=0), n_samples=600, n_features=300)


@pytest.mark.parametrize("unit", [1e-300, 1e-200, 1e160, 1e300])
def test_an_expectation_in_any_unit_is_the_same(unit):
    density = spectral_density(np.diag(np.linspace(1, 3, 600)), rng=0)
    plain, scaled = density.expectation(np.exp), density.expectation(lambda x: unit * np.exp(x))
    found = np.array([scaled.value, scaled.stderr, *scaled.interval]) / unit
    np.testing.assert_allclose(found, [plain.value, plain.stderr, *plain.interval], rtol=1e-9)


@pytest.mark.parametrize("offset", [1e8, 1e12])
def test_the_error_of_an_expectation_does_not_cancel_beside_a_constant(offset):
    density = spectral_density(np.diag(np.linspace(1, 3, 600)), rng=0)
    plain, shifted = density.expectation(lambda x: x), density.expectation(lambda x: offset + x)
    assert plain.stderr > 0
    np.testing.assert_allclose(shifted.stderr, plain.stderr, rtol=1e-3)


@pytest.mark.parametrize("A", [np.zeros((5, 5)), np.zeros((1, 1))])
def test_all_eigenvalues_of_a_zero_matrix_are_counted(A):
    density = spectral_density(A, rng=0)
    for found in (density.nullity(), density.count(0, 0), density.count(0, 1), density.count(-1, 0)):
        assert found.value == len(A)


def test_functions_that_are_not_real_are_refused():
    density = spectral_density(np.diag([1.0, 2, 3]), rng=0)
    for f in (lambda x: np.exp(1j * x), lambda x: np.array(["a"] * len(x))):
        with pytest.raises(InvalidInputError, match="real numbers"):
            density.expectation(f)
