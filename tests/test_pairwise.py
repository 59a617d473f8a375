"""Missing values: what each policy keeps, what the error counts, and covariances from pairs."""

from __future__ import annotations

import numpy as np
import pytest
from eigenscope import covariance_spectrum
from eigenscope.errors import DataWarning, InvalidInputError, NonFiniteInputError
from eigenscope.inputs import as_source
from eigenscope.pairwise import pairwise_covariance

SHAPES = [(60, 8), (30, 50)]


def with_missing(shape, dtype="float64"):
    """Data with 4 values that are not finite, in 3 samples and 3 features."""
    X = (np.random.default_rng(0).standard_normal(shape) + 3).astype(dtype)
    X[5, 1] = np.nan
    X[5, 4] = np.inf
    X[17, 4] = -np.inf
    X[29, 7] = np.nan
    return X, np.delete(X, [5, 17, 29], axis=0), np.delete(X, [1, 4, 7], axis=1)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f8"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("order", "CF")
def test_missing_values_are_counted_and_located(shape, dtype, order):
    X = np.asarray(with_missing(shape, dtype)[0], order=order)
    n, p = shape
    with pytest.raises(NonFiniteInputError) as caught:
        covariance_spectrum(X)
    message = str(caught.value)
    assert f"4 values are NaN or infinite, in 3 of {n} samples and 3 of {p} features" in message
    assert "first at sample 5, feature 1" in message
    assert f"keeps {1 - 3 / n:.1%} of the samples" in message
    assert f"keeps {1 - 3 / p:.1%} of the features" in message
    for policy in ("drop_rows", "drop_columns", "pairwise"):
        assert f'"{policy}"' in message


def test_a_value_that_is_not_finite_in_a_late_panel_is_found():
    X = np.zeros((5000, 3))
    X[4999, 2] = np.nan
    with pytest.raises(NonFiniteInputError, match=r"1 values are NaN .*first at sample 4999, feature 2"):
        covariance_spectrum(X)


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_dropping_is_the_same_as_leaving_out(shape, dtype, scale):
    X, fewer_samples, fewer_features = with_missing(shape, dtype)
    before = X.copy()
    for policy, kept in (("drop_rows", fewer_samples), ("drop_columns", fewer_features)):
        found = covariance_spectrum(X, nan=policy, scale=scale, eigenvectors=True)
        expected = covariance_spectrum(np.ascontiguousarray(kept), scale=scale, eigenvectors=True)
        assert (found.n_samples, found.n_features) == kept.shape
        rtol = 1e-5 if dtype == "float32" else 1e-11
        atol = rtol * expected.eigenvalues[0]
        np.testing.assert_allclose(found.eigenvalues, expected.eigenvalues, rtol=0, atol=atol)
        np.testing.assert_allclose(found.feature_means, expected.feature_means, rtol=rtol)
        assert found.total_variance == pytest.approx(expected.total_variance, rel=rtol)
    np.testing.assert_array_equal(X, before)


def test_names_of_dropped_columns_go_too():
    pandas = pytest.importorskip("pandas")
    X, _, _ = with_missing((60, 8))
    frame = pandas.DataFrame(X, columns=list("abcdefgh"))
    assert covariance_spectrum(frame, nan="drop_columns").feature_names == tuple("acdfg")


def test_nothing_left_is_said():
    X = np.zeros((4, 3))
    X[:, 1] = np.nan
    with pytest.raises(
        NonFiniteInputError, match=r'every sample .* Use nan="drop_columns" \(keeps 66\.7% .*\) or "pair'
    ):
        covariance_spectrum(X, nan="drop_rows")
    with pytest.raises(NonFiniteInputError, match=r'every feature .* Use nan="drop_rows" \(keeps 66\.7% .*\) or "pair'):
        covariance_spectrum(X.T, nan="drop_columns")
    with pytest.raises(
        InvalidInputError, match="nan must be one of raise, drop_rows, drop_columns, pairwise, got 'mean'"
    ):
        covariance_spectrum(X, nan="mean")


@pytest.mark.parametrize("policy", ["raise", "drop_rows", "drop_columns", "pairwise"])
def test_no_policy_is_suggested_where_no_value_is_finite(policy):
    with pytest.raises(InvalidInputError, match=r"[Nn]ot one value .*is finite") as caught:
        covariance_spectrum(np.full((5, 4), np.nan), nan=policy)
    assert "Use nan=" not in str(caught.value)


def test_only_policies_that_keep_something_are_suggested():
    X = np.zeros((5, 4))
    X[0], X[:, 0] = np.nan, np.inf
    with pytest.raises(NonFiniteInputError, match=r'feature 0\)\. Use nan="pairwise"'):
        covariance_spectrum(X)
    with pytest.raises(InvalidInputError, match="feature 0 has 0 finite values, a covariance needs 2: leave it out"):
        covariance_spectrum(X, nan="pairwise")


@pytest.mark.parametrize("policy", ["raise", "drop_rows", "drop_columns", "pairwise"])
@pytest.mark.parametrize("dtype", ["int16", "float64"])
def test_complete_data_do_not_depend_on_the_policy(policy, dtype):
    X = np.random.default_rng(1).integers(-99, 99, (40, 6)).astype(dtype)
    expected = covariance_spectrum(X).eigenvalues
    np.testing.assert_allclose(covariance_spectrum(X, nan=policy).eigenvalues, expected, rtol=1e-12)


def closed_form(X, center):
    """Each covariance from the samples both features have, one pair at a time."""
    p = X.shape[1]
    matrix = np.empty((p, p))
    for i in range(p):
        for j in range(p):
            both = np.isfinite(X[:, i]) & np.isfinite(X[:, j])
            x, y = X[both, i], X[both, j]
            if center:
                matrix[i, j] = ((x - x.mean()) * (y - y.mean())).sum() / (both.sum() - 1)
            else:
                matrix[i, j] = (x * y).mean()
    return matrix


@pytest.mark.parametrize(("center", "offset"), [(True, 0.0), (True, 1e6), (False, 0.0)])
def test_pairwise_is_its_closed_form(center, offset):
    random = np.random.default_rng(3)
    X = random.standard_normal((5000, 7)) + offset
    X[random.random(X.shape) < 0.2] = np.nan
    matrix, _ = pairwise_covariance(as_source(X), center=center, scale=False)
    expected = closed_form(X, center)
    np.testing.assert_allclose(
        matrix, expected, rtol=0, atol=1e-13 * max(1.0, abs(expected).max()) * (1 + 1e-4 * offset)
    )
    correlation, _ = pairwise_covariance(as_source(X), center=center, scale=True)
    spread = np.sqrt(np.diagonal(expected))
    np.testing.assert_allclose(correlation, expected / np.outer(spread, spread), rtol=0, atol=1e-9)
    spectrum = covariance_spectrum(X, nan="pairwise", center=center, eigenvectors=True)
    np.testing.assert_allclose(spectrum.eigenvalues, np.linalg.eigvalsh(expected)[::-1], rtol=1e-9)
    assert spectrum.total_variance == pytest.approx(np.trace(expected))


def test_pairwise_agrees_with_pandas():
    pandas = pytest.importorskip("pandas")
    X, _, _ = with_missing((60, 8))
    X[np.isinf(X)] = np.nan
    expected = np.linalg.eigvalsh(pandas.DataFrame(X).cov().to_numpy())[::-1]
    np.testing.assert_allclose(covariance_spectrum(X, nan="pairwise").eigenvalues, expected, rtol=1e-12)


def test_an_indefinite_pairwise_matrix_is_warned_about():
    # Correlations +1, +1 and -1, each from samples of its own, belong to no random vector.
    up, gap = np.array([1.0, 2.0, 3.0]), np.full(3, np.nan)
    X = np.concatenate([np.stack([up, up, gap], 1), np.stack([up, gap, up], 1), np.stack([gap, up, -up], 1)])
    with pytest.warns(DataWarning, match="1 negative eigenvalues"):
        spectrum = covariance_spectrum(X, nan="pairwise", scale=True)
    assert spectrum.eigenvalues[-1] < -0.1
    with pytest.raises(
        InvalidInputError, match=r'1 of 3 eigenvalues are negative.*\(nan="pairwise"\).*nan="drop_columns"'
    ):
        spectrum.participation_ratio()


def test_too_few_shared_samples_name_the_features():
    X = np.random.default_rng(0).standard_normal((10, 3))
    X[:5, 0] = np.nan
    X[6:, 2] = np.nan
    with pytest.raises(InvalidInputError, match="features 0 and 2 share 1 samples"):
        covariance_spectrum(X, nan="pairwise")


def test_pairwise_scaling_needs_variance():
    X = np.random.default_rng(0).standard_normal((10, 3))
    X[:, 1] = 2.0
    X[0, 0] = np.nan
    with pytest.raises(InvalidInputError, match="1 features are constant"):
        covariance_spectrum(X, nan="pairwise", scale=True)
