"""Canonical correlations: invariances, planted truths, null law, intervals."""

import numpy as np
import pytest
from eigenscope.errors import DataWarning, InvalidInputError, NonFiniteInputError
from eigenscope.neural import CanonicalCorrelations, cca, pwcca, svcca, wachter_null

PLANTED = np.array([0.9, 0.7, 0.5, 0.3, 0.1])


def planted_pair(n_stimuli, rng, extra=0):
    X = rng.standard_normal((n_stimuli, len(PLANTED) + extra))
    Y = rng.standard_normal((n_stimuli, len(PLANTED)))
    Y = PLANTED * X[:, : len(PLANTED)] + np.sqrt(1 - PLANTED**2) * Y
    return X @ rng.standard_normal((X.shape[1],) * 2) + 5, Y @ rng.standard_normal((len(PLANTED),) * 2)


def map_of_condition(n, condition, rng):
    left, right = (np.linalg.qr(rng.standard_normal((n, n)))[0] for _ in range(2))
    return left * np.geomspace(1, 1 / condition, n) @ right


def covariance_route(X, Y):
    """Textbook canonical correlations of well-conditioned data."""
    A, B = X - X.mean(axis=0), Y - Y.mean(axis=0)
    product = np.linalg.solve(B.T @ B, B.T @ A) @ np.linalg.solve(A.T @ A, A.T @ B)
    return np.sqrt(np.sort(np.linalg.eigvals(product).real)[::-1])


def test_planted_correlations():
    result = cca(*planted_pair(20_000, np.random.default_rng(0)))
    np.testing.assert_allclose(result.correlations, PLANTED, atol=0.015)
    assert result.n_above_null == 5


def test_agrees_with_the_covariance_route_and_variates_have_variance_one():
    X, Y = planted_pair(300, np.random.default_rng(1), extra=3)
    result = cca(X, Y)
    np.testing.assert_allclose(result.correlations, covariance_route(X, Y), rtol=1e-9)
    first, second = (X - X.mean(axis=0)) @ result.x_weights, (Y - Y.mean(axis=0)) @ result.y_weights
    np.testing.assert_allclose(first.T @ first / 299, np.eye(5), atol=1e-10)
    np.testing.assert_allclose(first.T @ second / 299, np.diag(result.correlations), atol=1e-10)


@pytest.mark.parametrize(("condition", "tolerance"), [(1e2, 1e-12), (1e6, 1e-10), (1e8, 1e-6)])
def test_invariant_to_invertible_maps(condition, tolerance):
    rng = np.random.default_rng(2)
    X, Y = planted_pair(500, rng, extra=5)
    plain = cca(X, Y, n_groups=0).correlations
    mapped = cca(X @ map_of_condition(10, condition, rng), Y @ map_of_condition(5, condition, rng), n_groups=0)
    np.testing.assert_allclose(mapped.correlations, plain, atol=tolerance)


@pytest.mark.parametrize(("n_stimuli", "rank_x", "rank_y"), [(200, 50, 50), (2000, 50, 50), (200, 30, 80), (60, 1, 5)])
def test_null_law(n_stimuli, rank_x, rank_y):
    rng = np.random.default_rng(3)
    null = wachter_null(rank_x, rank_y, n_stimuli)
    n_draws = 200 if n_stimuli < 1000 else 10
    means, squares, largest = np.empty((3, n_draws))
    for draw in range(n_draws):
        X, Y = rng.standard_normal((n_stimuli, rank_x)), rng.standard_normal((n_stimuli, rank_y))
        rho = cca(X, Y, n_groups=0).correlations
        means[draw], squares[draw], largest[draw] = rho.mean(), np.mean(rho**2), rho[0]
    assert abs(squares.mean() - null.mean_squared_correlation) < 4 * squares.std() / np.sqrt(n_draws)
    assert means.mean() == pytest.approx(null.mean_correlation, rel=0.03)
    if n_draws == 200:
        # Binomial with probability 0.05: 24 is its 0.99998 quantile; Johnstone's law errs on the safe side.
        assert np.count_nonzero(largest > null.threshold) <= 24


def test_numbers_of_the_specification():
    # 200 stimuli without centring are 201 with it.
    assert wachter_null(50, 50, 201).edge == pytest.approx(0.866, abs=5e-4)
    assert wachter_null(50, 50, 2001).edge == pytest.approx(0.312, abs=5e-4)
    assert wachter_null(50, 50, 201).mean_correlation == pytest.approx(0.436, rel=0.03)
    assert wachter_null(50, 50, 2001).mean_correlation == pytest.approx(0.134, rel=0.03)


def test_interval_covers_its_mean():
    rng = np.random.default_rng(4)
    found = [cca(*planted_pair(400, rng)).similarity for _ in range(200)]
    centre = np.mean([estimate.value for estimate in found])
    covered = sum(estimate.interval[0] < centre < estimate.interval[1] for estimate in found)
    # Binomial of 200 at 0.95: fewer than 178 has probability 2e-4.
    assert covered >= 178


def test_null_dimensions_have_no_excess():
    rng = np.random.default_rng(5)
    X, Y = rng.standard_normal((2, 400, 30))
    for result in (cca(X, Y), svcca(X, Y, k=8), pwcca(X, Y)):
        assert abs(result.excess) < 0.06
        assert result.n_above_null <= 1


def test_svcca_keeps_components_by_number_or_variance():
    rng = np.random.default_rng(6)
    X = rng.standard_normal((300, 20)) * 2.0 ** -np.arange(20)
    assert svcca(X, X, k=3, n_groups=0).ranks == (3, 3)
    by_variance = svcca(X, X[:, ::-1], variance=0.95, n_groups=0)
    shares = np.linalg.svd(X - X.mean(axis=0), compute_uv=False) ** 2
    expected = int(np.searchsorted(np.cumsum(shares) / shares.sum(), 0.95) + 1)
    assert by_variance.ranks == (expected, expected)
    assert min(by_variance.variance_kept) >= 0.95
    assert by_variance.similarity.value == pytest.approx(1)


def test_svcca_equals_cca_of_components():
    rng = np.random.default_rng(7)
    X, Y = rng.standard_normal((2, 150, 12)) * np.arange(1, 13)
    parts = []
    for system in (X, Y):
        U, s, _ = np.linalg.svd(system - system.mean(axis=0), full_matrices=False)
        parts.append(U[:, :4] * s[:4])
    full, direct = svcca(X, Y, k=4), cca(*parts)
    np.testing.assert_allclose(full.correlations, direct.correlations, rtol=1e-10)


def test_pwcca_weighs_by_projections():
    rng = np.random.default_rng(8)
    X, Y = planted_pair(200, rng, extra=2)
    result = pwcca(X, Y)
    variates = (X - X.mean(axis=0)) @ result.x_weights / np.sqrt(199)
    weights = np.abs(variates.T @ (X - X.mean(axis=0))).sum(axis=1)
    assert result.similarity_views[0] == pytest.approx(weights @ result.correlations / weights.sum())
    # Y has the smaller rank.
    assert result.similarity.value == result.similarity_views[1]
    assert pwcca(Y, X).similarity.value == pytest.approx(result.similarity.value)


def test_ridge_reports_attained_correlations_and_ends_at_partial_least_squares():
    rng = np.random.default_rng(9)
    X, Y = planted_pair(100, rng, extra=10)
    A, B = X - X.mean(axis=0), Y - Y.mean(axis=0)
    for ridge in (0.3, 1.0):
        result = cca(X, Y, ridge=ridge)
        attained = [np.corrcoef(A @ result.x_weights[:, i], B @ result.y_weights[:, i])[0, 1] for i in range(5)]
        np.testing.assert_allclose(result.correlations, attained, atol=1e-10)
    direction = result.x_weights[:, 0] / np.linalg.norm(result.x_weights[:, 0])
    assert abs(direction @ np.linalg.svd(A.T @ B)[0][:, 0]) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("factor", [1e-150, 1e150])
def test_units_and_types_do_not_matter(factor):
    X, Y = planted_pair(100, np.random.default_rng(10))
    plain = cca(X, Y)
    scaled = cca(X * factor, Y / factor)
    np.testing.assert_allclose(scaled.correlations, plain.correlations, rtol=1e-10)
    np.testing.assert_allclose(scaled.x_weights * factor, plain.x_weights, rtol=1e-6)
    np.testing.assert_allclose(cca(X.astype(np.float32), Y).correlations, plain.correlations, atol=1e-5)
    whole = np.rint(100 * X).astype(np.int16)
    np.testing.assert_array_equal(cca(whole, Y).correlations, cca(whole.astype(float), Y).correlations)


def test_collinear_and_constant_neurons_are_left_out():
    X, Y = planted_pair(100, np.random.default_rng(11))
    plain = cca(X, Y)
    redundant = np.column_stack([X, X[:, :2] @ [[1, 2], [3, 4]], np.full(100, 0.1)])
    result = cca(redundant, Y)
    assert result.ranks == (5, 5)
    np.testing.assert_allclose(result.correlations, plain.correlations, atol=1e-10)
    # Collinear up to the rounding of single precision: the data cannot tell.
    assert cca(redundant.astype(np.float32), Y).ranks == (5, 5)


def test_dimensions_that_force_correlations():
    rng = np.random.default_rng(12)
    X, Y = rng.standard_normal((2, 50, 60))
    with pytest.raises(InvalidInputError, match="49 of 49 canonical correlations are 1 whatever the data"):
        cca(X, Y)
    with pytest.warns(DataWarning, match="11 of 30"):
        partly = cca(X[:, :30], Y[:, :30], n_groups=0)
    assert partly.null.n_forced == 11
    np.testing.assert_allclose(partly.correlations[:11], 1)
    assert cca(X, Y, ridge=0.5).similarity.value < 1


def test_arguments_of_the_wrong_kind_are_named():
    X, Y = np.random.default_rng(0).standard_normal((2, 30, 4))
    for call, name in (
        (lambda: svcca(X, Y, "a"), "k must"),
        (lambda: svcca(X, Y, None), "k must"),
        (lambda: svcca(X, Y, float("nan")), "k must"),
        (lambda: cca(X, Y, n_groups="a"), "n_groups"),
        (lambda: wachter_null(2.5, 3, 30), "integers"),
    ):
        with pytest.raises(InvalidInputError, match=name):
            call()


def test_wrong_input_is_refused():
    X, Y = planted_pair(50, np.random.default_rng(13))
    for call in [
        lambda: cca(X, Y[:-1]),
        lambda: cca(X[:3], Y[:3]),
        lambda: cca(X, np.ones((50, 3))),
        lambda: cca(X, Y, ridge=2),
        lambda: cca(X, Y, confidence=1),
        lambda: cca(X, Y, n_groups=1),
        lambda: svcca(X, Y, k=0),
        lambda: svcca(X, Y, variance=1.5),
        lambda: wachter_null(5, 50, 50),
        lambda: wachter_null(5, 5, 50, significance=0),
    ]:
        with pytest.raises(InvalidInputError):
            call()
    X[0, 0] = np.inf
    with pytest.raises(NonFiniteInputError):
        cca(X, Y)


def test_inputs_stay_untouched_and_results_save(tmp_path):
    pytest.importorskip("matplotlib").use("Agg")
    X, Y = planted_pair(60, np.random.default_rng(14))
    X.setflags(write=False)
    result = cca(X, np.asfortranarray(Y))
    result.save(tmp_path / "cca.npz")
    assert CanonicalCorrelations.load(tmp_path / "cca.npz") == result
    assert len(repr(result).splitlines()) == 3
    assert result.plot().get_ylabel() == "correlation"
