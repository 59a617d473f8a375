"""Predictions of cost: monotone, honest about memory, and made without reading the data."""

from __future__ import annotations

import eigenscope
import numpy as np
import pytest
import scipy.sparse
from eigenscope import plan
from eigenscope.errors import InvalidInputError, MemoryBudgetError


class Shape:
    """Data that must not be read."""

    dtype = np.dtype("float32")

    def __init__(self, *shape):
        self.shape = shape

    def __array__(self, *_, **__):
        raise AssertionError("a plan reads no data")


FUNCTIONS = ["covariance_spectrum", "analyze", "svds", "randomized_svd", "eigsh", "spectral_density"]


def shape_for(name, rows, columns):
    return Shape(rows, rows) if name == "eigsh" else Shape(rows, columns)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_by_name_or_themselves(name):
    shape = shape_for(name, 4000, 1000)
    by_name, by_function = plan(name, shape, threads=2), plan(getattr(eigenscope, name), shape, threads=2)
    assert by_name == by_function
    assert by_name.function == name
    assert by_name.threads == 2
    assert min(by_name.n_passes, by_name.flops, by_name.peak_bytes, by_name.seconds) > 0
    assert name in by_name.summary()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_more_data_cost_more(name):
    small = plan(name, shape_for(name, 4000, 1000), threads=1)
    large = plan(name, shape_for(name, 8000, 2000), threads=1)
    assert large.flops > small.flops
    assert large.seconds > small.seconds
    assert large.peak_bytes > small.peak_bytes
    assert plan(name, shape_for(name, 4000, 1000), threads=4).seconds < small.seconds


@pytest.mark.parametrize(("rows", "columns"), [(3000, 3000), (600, 200)])
def test_passes_and_memory_of_a_density_are_those_of_the_call(rows, columns):
    A = eigenscope.testing.goe(rows, rng=0)[:, :columns]
    predicted = plan("spectral_density", A, threads=1)
    density = eigenscope.spectral_density(A, threads=1, rng=0, check=False)
    assert predicted.n_passes == density.info.n_passes
    assert predicted.peak_bytes == pytest.approx(density.info.peak_bytes, rel=0.5)
    with pytest.raises(InvalidInputError, match="leave k out"):
        plan("spectral_density", A, 3)


def test_the_memory_verdict_is_that_of_the_call():
    X = np.zeros((700, 600))
    X[0] = 1.0
    predicted = plan("covariance_spectrum", X, threads=1, max_memory=1e6)
    assert not predicted.fits
    assert "does not fit" in predicted.summary()
    with pytest.raises(MemoryBudgetError):
        eigenscope.covariance_spectrum(X, max_memory=1e6, threads=1)
    enough = plan("covariance_spectrum", X, threads=1).peak_bytes
    assert plan("covariance_spectrum", X, threads=1, max_memory=enough).fits
    assert eigenscope.covariance_spectrum(X, max_memory=enough, threads=1).info.peak_bytes <= enough


def test_passes_of_a_covariance_and_of_a_randomized_decomposition_are_exact():
    X = np.random.default_rng(0).standard_normal((500, 300))
    assert plan("covariance_spectrum", X).n_passes == eigenscope.covariance_spectrum(X).info.n_passes == 1
    assert plan("randomized_svd", X, 5).n_passes == eigenscope.randomized_svd(X, 5, rng=0).info.n_passes


def test_orientation_and_containers():
    tall, wide = plan("covariance_spectrum", Shape(900, 100)), plan("covariance_spectrum", Shape(100, 900))
    assert wide == plan("covariance_spectrum", Shape(900, 100), sample_axis=1)
    assert "over samples" in tall.method
    assert "over features" in wide.method
    assert plan("svds", scipy.sparse.eye_array(400)).n_passes > 0


def test_the_method_is_that_of_the_call_and_alternatives_are_shown():
    random = np.random.default_rng(0)
    for A, k in (
        (random.standard_normal((60, 40)), 5),
        (random.standard_normal((3000, 300)), 20),
        (random.standard_normal((1500, 1500)), 3),
        (scipy.sparse.random_array((4000, 900), density=0.01, rng=random), 4),
    ):
        for threads in (1, 2):
            predicted = plan("svds", A, k, threads=threads)
            done = eigenscope.svds(A, k, rng=0, tol=0.5, threads=threads)
            assert done.info.method.startswith(predicted.method)
            costs = [cost.seconds for cost in predicted.alternatives]
            assert costs
            assert "\n  or " in predicted.summary()


def test_files_are_planned_without_reading_them(tmp_path):
    np.save(tmp_path / "X.npy", np.zeros((700, 30), np.float32))
    assert plan("analyze", tmp_path / "X.npy", threads=1).n_passes == 1
    (tmp_path / "X.bin").write_bytes(bytes(700 * 30 * 2))
    by_path = plan("svds", (tmp_path / "X.bin", "int16", (700, 30)), 3, threads=1)
    assert by_path == plan("svds", np.zeros((700, 30), np.int16), 3, threads=1)


def test_what_cannot_be_planned_is_said():
    for wrong in (0, 41, 2.5):
        with pytest.raises(InvalidInputError, match="k must be an integer from 1"):
            plan("svds", np.zeros((60, 40)), wrong)
    with pytest.raises(InvalidInputError, match="square matrix"):
        plan("eigsh", np.zeros((60, 40)))
    with pytest.raises(InvalidInputError, match=r"plan knows covariance_spectrum, .*, not sum: plan"):
        plan(sum, Shape(3, 3))
    with pytest.raises(InvalidInputError, match="two-dimensional"):
        plan("svds", [1.0, 2.0])


def test_a_rank_by_tolerance_adds_up_its_attempts():
    A = Shape(4000, 1000)
    last = plan("svds", A, 40, threads=1)
    whole = plan("svds", A, 30, tol_frobenius=0.1, threads=1)
    assert "k = 16, 40 in turn" in whole.method
    assert whole.seconds > last.seconds
    for arguments, match in (
        ({"function": "svds"}, "give k, the rank that you expect"),
        ({"function": "covariance_spectrum", "k": 3}, "tolerances of svds and randomized_svd"),
    ):
        with pytest.raises(InvalidInputError, match=match):
            plan(X=A, variance=0.9, **arguments)
