"""Reduced-rank regression on the ring network and against its definition."""

import numpy as np
import pytest
from eigenscope import participation_ratio
from eigenscope.errors import InvalidInputError, NonFiniteInputError, UnsupportedTypeError
from eigenscope.neural import ReducedRankRegression, reduced_rank_regression


def rectified_ring(n_neurons, n_times, seed=0):
    rng = np.random.default_rng(seed)
    preferred, angle = rng.uniform(0, 2 * np.pi, n_neurons), rng.uniform(0, 2 * np.pi, n_times)
    return np.maximum(0, np.cos(angle[:, None] - preferred))


# Variances of the Fourier modes of a rectified cosine: 1/8 for the first (twice), (2 / (π (4k² - 1)))² / 2 for the
# even ones, in pairs; total 1/4 - 1/π².
RING_SHARES = {2: 0.8407, 4: 0.9922, 6: 0.9982}


def test_ring_network_has_exact_shares():
    # T13
    # 400 of 800 neurons at 3000 times are enough for the 0.005 of 2000 neurons at 4000 times.
    responses = rectified_ring(800, 3000)
    result = reduced_rank_regression(responses[:, :400], responses[:, 400:], 6, n_folds=2)
    for rank, share in RING_SHARES.items():
        assert result.r_squared[rank - 1] == pytest.approx(share, abs=0.005)
    assert result.dimension(0.95) == 4


def test_participation_ratio_of_the_ring():
    # T13
    responses = rectified_ring(2000, 4000)
    eigenvalues = np.linalg.eigvalsh(np.cov(responses[:, :1000].T))
    assert participation_ratio(np.maximum(eigenvalues, 0)).value == pytest.approx(2.7404, abs=0.02)


@pytest.mark.parametrize("ridge", [0.0, 5.0])
def test_agrees_with_the_definition(ridge):
    rng = np.random.default_rng(1)
    X = rng.standard_normal((60, 8)) + 2
    Y = X @ rng.standard_normal((8, 5)) + rng.standard_normal((60, 5)) - 1
    result = reduced_rank_regression(X, Y, 2, ridge=ridge)
    A, B = X - X.mean(axis=0), Y - Y.mean(axis=0)
    full = np.linalg.solve(A.T @ A + ridge * np.eye(8), A.T @ B)
    V = np.linalg.svd(A @ full)[2][:2].T
    np.testing.assert_allclose(result.encoder @ result.decoder, full @ V @ V.T, atol=1e-10)
    np.testing.assert_allclose(result.predict(X), A @ full @ V @ V.T + Y.mean(axis=0), atol=1e-10)


def test_cross_validation_equals_refitting_by_hand():
    rng = np.random.default_rng(2)
    X = rng.standard_normal((50, 6))
    Y = X @ rng.standard_normal((6, 4)) + rng.standard_normal((50, 4))
    result = reduced_rank_regression(X, Y, 3, ridge=0.5, n_folds=5)
    errors = totals = 0.0
    for test in np.array_split(np.arange(50), 5):
        train = np.delete(np.arange(50), test)
        fold = reduced_rank_regression(X[train], Y[train], 3, ridge=0.5)
        errors += np.sum((Y[test] - fold.predict(X[test])) ** 2)
        totals += np.sum((Y[test] - Y[train].mean(axis=0)) ** 2)
    assert result.score.value == pytest.approx(1 - errors / totals)
    assert result.score.value == result.r_squared[2]


def test_ridge_is_chosen_by_cross_validation():
    rng = np.random.default_rng(3)
    X = rng.standard_normal((40, 35))
    Y = X @ rng.standard_normal((35, 3)) + 2 * rng.standard_normal((40, 3))
    result = reduced_rank_regression(X, Y, ridge=[0, 10, 1e8])
    assert result.ridge == 10
    assert result.ridge_r_squared[1] > max(result.ridge_r_squared[[0, 2]])


def test_interval_covers_the_accuracy_on_new_stimuli():
    rng = np.random.default_rng(4)
    mixing = rng.standard_normal((6, 4))
    covered = 0
    for _ in range(100):
        X = rng.standard_normal((5120, 6))
        Y = X @ mixing + 2 * rng.standard_normal((5120, 4))
        result = reduced_rank_regression(X[:120], Y[:120], 2)
        fresh = Y[120:]
        truth = 1 - np.sum((fresh - result.predict(X[120:])) ** 2) / np.sum((fresh - fresh.mean(axis=0)) ** 2)
        covered += result.score.interval[0] < truth < result.score.interval[1]
    # Folds share training stimuli, which jackknife over folds ignores: 90 % at least, less three binomial errors.
    assert covered >= 81


@pytest.mark.parametrize("factor", [1e-150, 1e150])
def test_units_and_types_do_not_matter(factor):
    rng = np.random.default_rng(5)
    X = rng.standard_normal((40, 5))
    Y = X @ rng.standard_normal((5, 3)) + 0.1 * rng.standard_normal((40, 3))
    plain = reduced_rank_regression(X, Y, 2)
    scaled = reduced_rank_regression(X * factor, Y, 2)
    np.testing.assert_allclose(scaled.r_squared, plain.r_squared, rtol=1e-10)
    np.testing.assert_allclose(scaled.encoder * factor, plain.encoder, rtol=1e-6, atol=1e-9)
    whole = np.rint(10 * X).astype(np.int8)
    assert reduced_rank_regression(whole, Y, 2).score == reduced_rank_regression(whole.astype(float), Y, 2).score
    doubled = reduced_rank_regression(np.hstack([X, X, np.ones((40, 1))]), Y, 2)
    np.testing.assert_allclose(doubled.r_squared[:3], plain.r_squared, rtol=1e-9)


def test_wrong_input_is_refused():
    rng = np.random.default_rng(6)
    X, Y = rng.standard_normal((20, 6)), rng.standard_normal((20, 3))
    for call in [
        lambda: reduced_rank_regression(X, Y[1:]),
        lambda: reduced_rank_regression(X, Y, 4),
        lambda: reduced_rank_regression(X, Y, 0),
        lambda: reduced_rank_regression(X, Y, ridge=-1),
        lambda: reduced_rank_regression(X, Y, ridge=[]),
        lambda: reduced_rank_regression(X, Y, n_folds=11),
        lambda: reduced_rank_regression(X, np.ones((20, 3))),
        lambda: reduced_rank_regression(X, Y).predict(X[:, :2]),
        lambda: reduced_rank_regression(X, Y).predict(X[0]),
        lambda: reduced_rank_regression(X, Y).dimension(0),
        lambda: reduced_rank_regression(X, Y).dimension("a"),
        lambda: reduced_rank_regression(X, Y, ridge=None),
        lambda: reduced_rank_regression(X, Y, ridge="a"),
        lambda: reduced_rank_regression(X, Y, ridge=np.ma.masked_array([1.0, 2.0], mask=[False, True])),
        lambda: reduced_rank_regression(X, Y, confidence="a"),
        lambda: reduced_rank_regression(X, Y, confidence=None),
    ]:
        with pytest.raises(InvalidInputError):
            call()
    X[0, 0] = np.nan
    with pytest.raises(NonFiniteInputError):
        reduced_rank_regression(X, Y)


def test_new_stimuli_are_read_like_those_fitted():
    rng = np.random.default_rng(8)
    X = rng.standard_normal((30, 4))
    result = reduced_rank_regression(X, X + rng.standard_normal((30, 4)))
    np.testing.assert_array_equal(result.predict(X.tolist()), result.predict(X))
    for wrong in (X + 1j, X.astype("U32"), X.astype(object)):
        with pytest.raises(UnsupportedTypeError):
            result.predict(wrong)
    with pytest.raises(InvalidInputError, match="are masked"):
        result.predict(np.ma.masked_array(X, mask=X > 1))
    X[2, 1] = np.nan
    with pytest.raises(NonFiniteInputError, match="first at row 2, column 1"):
        result.predict(X)


def test_result_saves_and_prints(tmp_path):
    rng = np.random.default_rng(7)
    X = rng.standard_normal((30, 4))
    result = reduced_rank_regression(X, X + rng.standard_normal((30, 4)))
    result.save(tmp_path / "map.npz")
    assert ReducedRankRegression.load(tmp_path / "map.npz") == result
    assert len(repr(result).splitlines()) == 3
