"""Theory of neural prediction beside regressions on subsets."""

import numpy as np
import pytest
from eigenscope import participation_ratio
from eigenscope.errors import InvalidInputError, NonFiniteInputError
from eigenscope.neural import PredictionError, prediction_error


def model_and_recordings(n_stimuli=600, n_features=800, decay=0.8, seed=0):
    rng = np.random.default_rng(seed)
    values = np.arange(1, n_features + 1) ** -decay
    X = rng.standard_normal((n_stimuli, n_features)) * np.sqrt(values / values.sum())
    return X, X @ rng.standard_normal((n_features, 20))


@pytest.mark.parametrize(("ridge", "decay"), [(0.0, 0.6), (1e-14, 1.2), (1e-2, 0.6), (1e-2, 1.2)])
def test_theory_meets_experiment(ridge, decay):
    # T9
    X, Y = model_and_recordings(decay=decay)
    result = prediction_error(X, Y, [30, 60, 120, 300], ridge=ridge, rng=0, n_groups=0)
    np.testing.assert_allclose(result.measured_error, result.theory.generalization_error, rtol=0.05)


@pytest.mark.parametrize("ridge", [0.0, 1e-4, 1e-3, 1e-2])
@pytest.mark.parametrize("n_features", [100, 400])
def test_expected_errors_hold_at_any_size(ridge, n_features):
    X, Y = model_and_recordings(300, 400, decay=1.0)
    result = prediction_error(X[:, :n_features], Y, [50, 150, 180, 240], ridge=ridge, rng=0, n_subsets=8, n_groups=0)
    tolerance = 4 * result.test_stderr / result.test_error + 0.03
    assert np.all(np.abs(result.expected_test_error / result.test_error - 1) < tolerance)
    tolerance = 4 * result.measured_stderr / result.measured_error + 0.03
    assert np.all(np.abs(result.expected_error / result.measured_error - 1) < tolerance)


def test_error_is_radius_times_root_of_dimension():
    # T9
    X, Y = model_and_recordings()
    result = prediction_error(X, Y, ridge=1e-3, rng=0, n_groups=0)
    expected = result.theory.generalization_error
    np.testing.assert_allclose(result.radius * np.sqrt(result.dimension), expected, rtol=1e-12)
    assert result.task_model_alignment[-1] == pytest.approx(1)
    centred = X - X.mean(axis=0)
    eigenvalues = np.linalg.eigvalsh(centred @ centred.T)
    assert result.effective_dimension == pytest.approx(participation_ratio(np.maximum(eigenvalues, 0)).value)


def test_experiment_is_ridge_regression():
    X, Y = model_and_recordings(60, 30)
    ridge, p = 0.01, 20
    result = prediction_error(X, Y, [p], ridge=ridge, rng=3, n_subsets=2, n_groups=0)
    generator = np.random.Generator(np.random.Philox(3))
    A, B = X - X.mean(axis=0), Y - Y.mean(axis=0)
    errors = []
    for _ in range(2):
        train = generator.permutation(60)[:p]
        weights = np.linalg.solve(A[train].T @ A[train] + p * ridge * np.eye(30), A[train].T @ B[train])
        errors.append(np.sum((B - A @ weights) ** 2) / np.sum(B**2))
    assert result.measured_error[0] == pytest.approx(np.mean(errors), rel=1e-9)


def test_jackknife_error_is_the_spread_over_data_sets():
    values = []
    for seed in range(40):
        X, Y = model_and_recordings(100, 60, seed=seed)
        # The model's own targets are fixed: only stimuli vary.
        Y = X @ np.random.default_rng(99).standard_normal((60, 5))
        result = prediction_error(X, Y, [20], ridge=1e-3, rng=0, n_subsets=2)
        values.append((result.theory.generalization_error[0], result.theory_stderr[0]))
    errors, stderrs = np.array(values).T
    # The spread of 40 values is known to 11 %, its jackknife estimates from 10 groups to 24 % each.
    assert 0.6 < stderrs.mean() / errors.std(ddof=1) < 1.5
    assert np.all(result.test_correlation_stderr > 0)
    alignment, error = result.task_model_alignment, result.task_model_alignment_stderr
    assert alignment.shape == error.shape == (100,)
    assert np.all(error[:50] > 0)
    assert error[-1] < 1e-12
    low, high = result.interval()
    assert low[0] < result.expected_test_error[0] < high[0]


@pytest.mark.parametrize("ridge", [0.0, 1e-3])
def test_errors_at_sizes_near_all_stimuli_are_their_own(ridge):
    sizes = [60, 89, 95, 98]
    found = {"expected": [], "expected_test": [], "theory": []}
    for seed in range(20):
        X, _ = model_and_recordings(100, 150, seed=seed)
        Y = X @ np.random.default_rng(99).standard_normal((150, 5))
        result = prediction_error(X, Y, sizes, ridge=ridge, rng=0, n_subsets=2)
        found["expected"].append((result.expected_error, result.expected_stderr))
        found["expected_test"].append((result.expected_test_error, result.expected_test_stderr))
        found["theory"].append((result.theory.generalization_error, result.theory_stderr))
        assert len(np.unique(result.expected_stderr)) == len(sizes)
        assert np.isfinite(result.dimension_stderr).all()
    for name, pairs in found.items():
        values, stderrs = np.array(pairs).transpose(1, 0, 2)
        # The spread of 20 values is known to 16 %.
        ratio = stderrs.mean(axis=0) / values.std(axis=0, ddof=1)
        assert np.all((ratio > 0.6) & (ratio < 1.7)), (name, ratio)


def test_error_is_infinite_at_the_interpolation_peak():
    for rank in (30, 41, 50, 61):
        X, Y = model_and_recordings(100, rank)
        Y = Y + np.random.default_rng(1).standard_normal(Y.shape)
        result = prediction_error(X, Y, [rank - 1, rank, rank + 1], rng=0, n_subsets=2)
        for error in (result.theory.generalization_error, result.expected_error, result.expected_test_error):
            np.testing.assert_array_equal(np.isinf(error), [False, True, False])
        np.testing.assert_array_equal(np.isnan(result.expected_stderr), [False, True, False])


def test_units_do_not_matter():
    X, Y = model_and_recordings(80, 50)
    plain = prediction_error(X, Y, [20], ridge=1e-3, rng=0)
    for factor in (1e-70, 1e70):
        scaled = prediction_error(X * factor, Y / factor, [20], ridge=1e-3 * factor**2, rng=0)
        np.testing.assert_allclose(scaled.measured_error, plain.measured_error, rtol=1e-9)
        np.testing.assert_allclose(scaled.theory.generalization_error, plain.theory.generalization_error, rtol=1e-9)
    for factor in (1e-150, 1e150):
        ridgeless = prediction_error(X * factor, Y / factor, [20], rng=0, n_groups=0)
        reference = prediction_error(X, Y, [20], rng=0, n_groups=0)
        np.testing.assert_allclose(ridgeless.measured_error, reference.measured_error, rtol=1e-9)


def test_uncentred_integers_and_collinear_features():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 9, size=(60, 5))
    doubled = np.hstack([X, X, np.zeros((60, 1), dtype=int)])
    result = prediction_error(doubled, X[:, :2], [20, 30], center=False, rng=0)
    # Five features are learnt from twenty samples.
    np.testing.assert_allclose(result.measured_error, 0, atol=1e-20)
    np.testing.assert_allclose(result.theory.generalization_error, 0, atol=1e-20)


def test_wrong_input_is_refused():
    X, Y = model_and_recordings(30, 10)
    for arguments, options in [
        ((X, Y[:-1]), {}),
        ((X[:5], Y[:5]), {}),
        ((X, Y, [0]), {}),
        ((X, Y, [29]), {}),
        ((X, Y, [2.5]), {}),
        ((X, Y), {"ridge": -1}),
        ((X, Y), {"ridge": None}),
        ((X, Y), {"ridge": "a"}),
        ((X, Y), {"center": "no"}),
        ((X, Y), {"center": 1}),
        ((X, Y), {"n_groups": None}),
        ((X, Y), {"n_groups": 1}),
        ((X, Y), {"n_subsets": None}),
        ((X, Y), {"n_subsets": 1}),
        ((X, Y, np.ma.masked_array([5, 6], mask=[False, True])), {}),
        ((X, np.ma.masked_array(Y, mask=Y > 1)), {}),
        ((X, np.ones((30, 2))), {}),
    ]:
        with pytest.raises(InvalidInputError):
            prediction_error(*arguments, **options)
    X[3, 4] = np.nan
    with pytest.raises(NonFiniteInputError):
        prediction_error(X, Y)


def test_result_saves_prints_and_draws(tmp_path):
    pytest.importorskip("matplotlib").use("Agg")
    result = prediction_error(*model_and_recordings(60, 30), rng=0)
    result.save(tmp_path / "error.npz")
    assert PredictionError.load(tmp_path / "error.npz") == result
    assert len(repr(result).splitlines()) == 3
    assert result.plot().get_xlabel() == "training stimuli"
    assert prediction_error(*model_and_recordings(60, 30), rng=0) == result


def test_modes_the_model_lacks_do_not_depend_on_rounding():
    generator = np.random.default_rng(0)
    X = generator.standard_normal((80, 8))
    Y = X[:, :3] + 2.0 * generator.standard_normal((80, 3))
    order = generator.permutation(80)
    results = [
        prediction_error(scale * X[rows], Y[rows], [40], ridge=0.01 * scale**2, n_groups=0, rng=0)
        for scale, rows in ((1.0, slice(None)), (7.0, slice(None)), (1.0, order))
    ]
    for other in results[1:]:
        np.testing.assert_allclose(other.dimension, results[0].dimension, rtol=1e-9)
        np.testing.assert_allclose(other.task_model_alignment, results[0].task_model_alignment, atol=1e-9)
    # Three targets have three principal components beyond the eight features.
    np.testing.assert_allclose(results[0].task_model_alignment[10], 1.0)
    assert results[0].task_model_alignment[9] < 0.99


def test_the_groups_counted_are_those_there_are():
    generator = np.random.default_rng(0)
    X, Y = generator.standard_normal((30, 5)), generator.standard_normal((30, 1))
    assert prediction_error(X, Y, [10], ridge=0.1, n_groups=1000, rng=0).n_groups == 30
