"""Responses as every analysis of similarity takes them: constant neurons, units, errors that say which argument."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from eigenscope.errors import DataWarning, InvalidInputError, NonFiniteInputError, UnsupportedTypeError
from eigenscope.neural import (
    cca,
    cvpca,
    kernel_alignment,
    pairwise_distances,
    pwcca,
    reduced_rank_regression,
    shape_distance,
    svcca,
)
from eigenscope.neural.jackknife import jackknife_stderr, leave_groups_out
from eigenscope.neural.representation import center_columns

generator = np.random.default_rng(0)
SIGNAL = generator.standard_normal((2000, 5))
OTHER = np.column_stack([SIGNAL @ generator.standard_normal((5, 5)), generator.standard_normal((2000, 3))])


@pytest.mark.parametrize("baseline", [0.1, 100.1, 1234.567, 30000.3])
def test_neurons_that_never_vary_are_no_dimensions(baseline):
    with_dead = np.column_stack([SIGNAL, np.full(2000, baseline)])
    assert cca(with_dead, OTHER).ranks == cca(SIGNAL, OTHER).ranks == (5, 8)
    np.testing.assert_allclose(
        shape_distance(with_dead, OTHER, alpha=0.0, rng=0).distance.value,
        shape_distance(SIGNAL, OTHER, alpha=0.0, rng=0).distance.value,
        rtol=1e-9,
    )
    responses = np.column_stack([OTHER[:, :4], with_dead[:, -1]])
    assert reduced_rank_regression(SIGNAL, responses).rank == 4
    for analysis in (cca, kernel_alignment, cvpca):
        with pytest.raises(InvalidInputError, match=r"no neuron|constant"):
            analysis(np.full((1000, 3), baseline), np.full((1000, 3), baseline))


def test_centring_leaves_no_mean_however_many_rows():
    values = generator.random((100_000, 2)) + np.array([1e6, 0.0])
    means = center_columns(values)
    assert np.abs(values.mean(axis=0)).max() < 1e-15 * 1e6
    np.testing.assert_allclose(means, [1e6 + 0.5, 0.5], atol=0.01)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_canonical_correlations_do_not_depend_on_units(dtype):
    X, Y = SIGNAL[:300].astype(dtype), OTHER[:300].astype(dtype)
    scaled = X * np.array([1e12, 1.0, 1.0, 1e-9, 1.0], dtype=dtype)
    for analysis in (cca, pwcca):
        plain, other = analysis(X, Y), analysis(scaled, Y)
        assert other.ranks == plain.ranks == (5, 8)
        np.testing.assert_allclose(other.correlations, plain.correlations, atol=1e-5 if dtype is np.float32 else 1e-10)
    variates = (scaled - scaled.mean(axis=0)) @ cca(scaled, Y).x_weights
    np.testing.assert_allclose(variates.var(axis=0, ddof=1), 1.0, rtol=1e-3)


def test_the_error_of_pwcca_is_that_of_its_own_statistic():
    X = SIGNAL[:400, :3] @ generator.standard_normal((3, 8)) + generator.standard_normal((400, 8))
    Y = SIGNAL[:400, :3] @ generator.standard_normal((3, 8)) + generator.standard_normal((400, 8))
    replicates = leave_groups_out(lambda kept: pwcca(X[kept], Y[kept], n_groups=0).similarity.value, 400, 20)
    assert pwcca(X, Y).similarity.stderr == pytest.approx(float(jackknife_stderr(replicates)), rel=1e-9)


@pytest.mark.parametrize("ridge", [0.1, 0.5, 1.0])
def test_unrelated_systems_have_no_excess_with_ridge(ridge):
    excess, above = [], 0
    for _ in range(30):
        X, Y = generator.standard_normal((2, 60, 40))
        result = cca(X, Y, ridge=ridge, n_groups=0)
        excess.append(result.excess)
        above += result.n_above_null > 0
    assert abs(np.mean(excess)) < 4 * np.std(excess) / np.sqrt(30)
    assert above <= 7


def test_no_interval_where_what_is_left_forces_correlations():
    X, Y = generator.standard_normal((2, 14, 6))
    with pytest.warns(DataWarning, match="there is no interval"):
        assert np.isnan(cca(X, Y, n_groups=2).similarity.stderr)
    with pytest.warns(DataWarning):
        assert np.isnan(svcca(*generator.standard_normal((2, 20, 50)), k=18).similarity.stderr)
    with pytest.raises(InvalidInputError, match="a larger n_groups"):
        pairwise_distances(list(generator.standard_normal((3, 14, 20))), 6, n_groups=2)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda Y: np.where(Y > 2, np.nan, Y), NonFiniteInputError),
        (lambda Y: Y + 0j, UnsupportedTypeError),
        (lambda Y: Y[0], InvalidInputError),
    ],
)
def test_errors_say_which_argument_they_are_about(change, error):
    with pytest.raises(error, match=r"^Y: "):
        cca(SIGNAL, change(OTHER))
    with pytest.raises(error, match=r"^systems\[1\]: "):
        pairwise_distances([SIGNAL, change(OTHER)], 3)


def test_one_artefact_is_reported():
    X, Y = generator.standard_normal((2, 60, 8))
    X[3] = 99999.0
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        kernel_alignment(X, Y)
    assert any("of X to stimulus 3 are" in str(warning.message) for warning in caught)
