"""A real recording: mouse V1 under drifting gratings, in the shared data folder beside the checkout."""

import functools
from pathlib import Path

import numpy as np
import pytest
from eigenscope.report import Report, analyze

PATH = Path(__file__).parents[1] / ".." / "shared" / "data" / "v1_gratings" / "v1_gratings.npz"

pytestmark = pytest.mark.skipif(not PATH.exists(), reason="no shared data folder beside the checkout")


def load(*, averaged: bool) -> np.ndarray:
    """Return conditions x cells: 8 directions x 49 time bins, averaged over 16 repeats or not."""
    with np.load(PATH) as archive:
        X = archive["X"]
    return X.mean(axis=1).reshape(8 * 49, 307) if averaged else X.reshape(8 * 16 * 49, 307)


@functools.cache
def report_on(*, averaged: bool) -> Report:
    return analyze(load(averaged=averaged), rng=0)


@pytest.fixture(scope="module", params=[True, False], ids=["averaged", "single trials"])
def case(request):
    return load(averaged=request.param), report_on(averaged=request.param)


def test_eigenvalues_are_those_of_numpy(case) -> None:
    X, report = case
    expected = np.linalg.eigvalsh(np.cov(X.T.astype(np.float64)))[::-1]
    # Single-precision data: products inside a panel are rounded at 6e-8 of the largest eigenvalue.
    np.testing.assert_allclose(report.spectrum.eigenvalues, expected, rtol=1e-6, atol=1e-7 * expected[0])
    assert report.spectrum.total_variance == pytest.approx(expected.sum(), rel=1e-7)
    assert (report.data.n_samples, report.data.n_features) == X.shape


def test_numbers_are_consistent_with_each_other(case) -> None:
    _, report = case
    eigenvalues = report.spectrum.eigenvalues
    assert report.participation_ratio.value == pytest.approx(eigenvalues.sum() ** 2 / (eigenvalues**2).sum())
    cumulative = np.cumsum(eigenvalues) / eigenvalues.sum()
    for share, n_dimensions in report.dims_for_variance:
        assert cumulative[n_dimensions - 1] >= share > cumulative[n_dimensions - 2]
    for rule in report.dimension_rules:
        if rule.name == "Gavish–Donoho_threshold":
            assert rule.n_dimensions == np.count_nonzero(eigenvalues > rule.threshold)
    first, last = report.power_law.ranks
    assert 1 <= first < last <= 307


def test_slow_signals_are_warned_of(case) -> None:
    X, report = case
    centred = X.astype(np.float64) - X.mean(axis=0, dtype=np.float64)
    expected = (centred[1:] * centred[:-1]).sum() / (centred**2).sum()
    assert report.spectrum.lag_one_autocorrelation == pytest.approx(expected, abs=0.01)
    assert any("lag-one autocorrelation" in warning for warning in report.warnings)


def test_unequal_correlated_noise_is_not_passed_off_as_a_good_fit(case) -> None:
    _, report = case
    assert not report.noise.credible
    assert report.signal_power_law is None
    assert "doubtful" in report.summary()
    assert any("not credible" in warning for warning in report.warnings)


def test_cell_that_depends_on_others_is_found(case) -> None:
    X, report = case
    centred = X.astype(np.float64) - X.mean(axis=0, dtype=np.float64)
    singular_values = np.linalg.svd(centred, compute_uv=False)
    assert np.count_nonzero(singular_values < 1e-7 * singular_values[0]) == 1
    assert any("1 of 307 directions hold no variance" in warning for warning in report.warnings)


def test_averaging_over_repeats_removes_noise_and_keeps_signal() -> None:
    averaged, single = (report_on(averaged=averaged) for averaged in (True, False))
    # 16 repeats: noise variance falls by up to 16; the leading signal dimensions stay.
    assert averaged.noise.variance.value < single.noise.variance.value / 4
    assert averaged.spectrum.total_variance < single.spectrum.total_variance / 4
    assert averaged.participation_ratio.value < 15 < single.participation_ratio.value
