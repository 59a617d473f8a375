"""Spectral theory of kernel regression against published curves, closed forms and Gaussian designs."""

from pathlib import Path

import numpy as np
import pytest
from eigenscope.errors import InvalidInputError, NonFiniteInputError, UnsupportedTypeError
from eigenscope.neural import LearningCurve, learning_curve

FOLDER = Path(__file__).parents[1] / ".." / "shared" / "data" / "kernel_learning_curves"


@pytest.mark.skipif(not FOLDER.exists(), reason="no shared data folder beside the checkout")
@pytest.mark.parametrize("name", ["mnist", "cifar"])
def test_published_learning_curves(name):
    # T7
    with np.load(FOLDER / f"{name}_rbf_learning_curves.npz") as archive:
        data = dict(archive)
    n_classes, checked = 10, 0
    for kernel, ridge, noise in np.ndindex(2, 3, 3):
        curve = learning_curve(
            data["spectrum"][kernel],
            data["weight_sq"][kernel] / 1e4,
            data["p_theory"],
            ridge=data["ridge"][ridge],
            noise=data["noise_variance_per_class"][noise],
            n_outputs=n_classes,
        )
        place = kernel, ridge, noise
        np.testing.assert_allclose(curve.generalization_error, data["Eg_theory"][place], rtol=1e-6)
        assert curve.residual_norms.max() < 1e-14
        if noise == 0:
            np.testing.assert_allclose(curve.training_error, data["Etr_theory"][place], rtol=1e-6)
        checked += 1
    assert checked == 18


def test_white_spectrum_has_a_closed_form():
    # λ = 1/m for m modes and weights 1/m: κ solves a quadratic; ridgeless error is 1 - p/m, noise p/m / (1 - p/m).
    m, p = 400, np.array([1.0, 100, 300, 399])
    curve = learning_curve(np.full(m, 1 / m), np.full(m, 1 / m), p, noise=0.5)
    share = p / m
    np.testing.assert_allclose(curve.generalization_error, 1 - share + 0.5 * share / (1 - share), rtol=1e-10)
    np.testing.assert_allclose(curve.effective_ridge, 1 - share, rtol=1e-10)
    np.testing.assert_allclose(curve.overfitting, share, rtol=1e-10)


def test_limits_without_ridge():
    values, weights = np.array([1.0, 0.5, 0.0]), np.array([0.5, 0.3, 0.2])
    curve = learning_curve(values, weights, [0, 2, 4])
    # Nothing learnt; the interpolation peak of an empty direction; everything learnt but the empty direction.
    np.testing.assert_allclose(curve.generalization_error, [1.0, np.inf, 0.2 / (1 - 2 / 4)])
    assert curve.effective_ridge[2] == 0


@pytest.mark.parametrize("ridge", [0.0, 1e-300, 1e-30, 1e-14, 1e-3, 1e6])
@pytest.mark.parametrize("decay", ["power", "exponential", "flat"])
def test_fixed_point_is_solved_to_rounding(ridge, decay):
    ranks = np.arange(1, 201.0)
    values = {"power": ranks**-2, "exponential": np.exp(-3 * ranks), "flat": np.ones(200)}[decay]
    curve = learning_curve(values, values, [1, 10, 150, 199, 200, 201, 1000], ridge=ridge)
    assert curve.residual_norms.max() < 1e-11
    assert np.all(np.diff(curve.effective_ridge) <= 0)
    assert np.all((curve.overfitting >= 0) & (curve.overfitting <= 1))
    assert np.isfinite(curve.generalization_error).all()


@pytest.mark.parametrize("ridge", [1e-3, 1e-8])
def test_gaussian_design(ridge):
    # T8
    n_modes, n_draws, noise = 800, 60, 0.3
    values = np.arange(1, n_modes + 1) ** -1.2
    rng = np.random.default_rng(1)
    coefficients = rng.standard_normal(n_modes)
    sizes = np.array([50, 100, 200, 400])
    curve = learning_curve(values, values * coefficients**2, sizes, ridge=ridge, noise=noise)
    for p, expected, expected_training in zip(sizes, curve.generalization_error, curve.training_error, strict=True):
        errors, residuals = np.empty(n_draws), np.empty(n_draws)
        for draw in range(n_draws):
            X = rng.standard_normal((p, n_modes)) * np.sqrt(values)
            y = X @ coefficients + np.sqrt(noise) * rng.standard_normal(p)
            dual = np.linalg.solve(X @ X.T + ridge * np.eye(p), y)
            errors[draw] = values @ (X.T @ dual - coefficients) ** 2
            residuals[draw] = np.mean((ridge * dual) ** 2)
        for measured, theory in ((errors, expected), (residuals, expected_training)):
            stderr = measured.std(ddof=1) / np.sqrt(n_draws)
            assert abs(measured.mean() - theory) < 3 * stderr + 0.02 * theory


@pytest.mark.parametrize("factor", [1e-150, 1e150, 2.0**-900])
def test_scales_with_the_kernel(factor):
    values = np.arange(1, 51) ** -1.5
    plain = learning_curve(values, values, [10, 30], ridge=0.1, noise=0.2)
    scaled = learning_curve(values * factor, values, [10, 30], ridge=0.1 * factor, noise=0.2)
    np.testing.assert_allclose(scaled.generalization_error, plain.generalization_error, rtol=1e-12)
    np.testing.assert_allclose(scaled.effective_ridge, plain.effective_ridge * factor, rtol=1e-12)


@pytest.mark.parametrize("ridge", [1e-300, 1e-30, 1e-10])
@pytest.mark.parametrize("n_modes", [7, 200, 1000])
def test_as_many_samples_as_modes_leave_a_root_below_rounding(n_modes, ridge):
    # λ = 1, p = n: κ² = a (n + κ), where 1 - γ is far below the rounding of γ.
    kappa = ridge / 2 + np.sqrt(ridge * n_modes + ridge**2 / 4)
    curve = learning_curve(np.ones(n_modes), np.ones(n_modes), n_modes, ridge=ridge)
    assert curve.effective_ridge[0] == pytest.approx(kappa, rel=1e-9)


def test_mode_errors_sum_to_the_error_and_order_is_kept():
    rng = np.random.default_rng(0)
    values, weights = rng.uniform(size=40).astype(np.float32), rng.integers(1, 9, size=40)
    curve = learning_curve(values, weights, [5, 20], ridge=[0.1, 0.2])
    for index in range(2):
        assert curve.target_weights @ curve.mode_errors(index) == pytest.approx(curve.generalization_error[index])
    assert learning_curve(values[::-1], weights[::-1], 20, ridge=0.2).generalization_error == pytest.approx(
        curve.generalization_error[1]
    )
    np.testing.assert_array_equal(curve.eigenvalues, values.astype(float))


def test_wrong_input_is_refused():
    good = np.array([1.0, 0.5])
    for arguments, options, error in [
        (([1.0, -0.5], good, 3), {}, InvalidInputError),
        ((good, [1.0], 3), {}, InvalidInputError),
        (([1.0, np.nan], good, 3), {}, NonFiniteInputError),
        ((good, good, -1), {}, InvalidInputError),
        ((good, good, []), {}, InvalidInputError),
        ((["a", "b"], good, 3), {}, UnsupportedTypeError),
        ((good, good, 3), {"ridge": -1}, InvalidInputError),
        ((good, good, 3), {"ridge": [1, 2]}, InvalidInputError),
        ((good, good, 3), {"noise": np.inf}, InvalidInputError),
        ((good, good, 3), {"n_outputs": 0}, InvalidInputError),
    ]:
        with pytest.raises(error):
            learning_curve(*arguments, **options)


def test_result_saves_prints_and_draws(tmp_path):
    pytest.importorskip("matplotlib").use("Agg")
    curve = learning_curve([1.0, 0.5, 0.1], [1.0, 0.5, 0.1], [0, 1, 2, 3], ridge=0.01, noise=0.1)
    curve.save(tmp_path / "curve.npz")
    assert LearningCurve.load(tmp_path / "curve.npz") == curve
    assert len(repr(curve).splitlines()) == 3
    assert curve.plot().get_xlabel() == "training samples"
