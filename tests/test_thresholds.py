"""Gavish–Donoho thresholds."""

from __future__ import annotations

import numpy as np
import pytest
from eigenscope import MarchenkoPastur, optimal_threshold, svds
from eigenscope.errors import InvalidInputError
from eigenscope.random_matrix import gavish_donoho_rank
from eigenscope.results import Spectrum

TABLE = [
    (0.01, 0.996665676339, 1.434748445656, 1.437146401841),
    (0.05, 0.983308303392, 1.506607410723, 1.519340959631),
    (0.1, 0.966565147403, 1.581648395320, 1.608771557395),
    (0.25, 0.916004070687, 1.758029377140, 1.836865791120),
    (0.5, 0.830465881581, 1.978599053753, 2.171185348454),
    (0.75, 0.742948487007, 2.156093844179, 2.501429736384),
    (1.0, 0.652775941634, 2.309401076759, 2.858362424070),
]


@pytest.mark.parametrize(("aspect", "median", "known", "unknown"), TABLE)
def test_constants_match_reference_values(aspect, median, known, unknown):
    shape = (200 * aspect, 200)
    assert MarchenkoPastur(aspect).ppf(0.5) == pytest.approx(median, abs=1e-12)
    assert optimal_threshold(shape, noise=1.0) == pytest.approx(known * np.sqrt(200), abs=2e-11)
    assert optimal_threshold(shape) == pytest.approx(unknown, abs=1e-12)
    assert optimal_threshold(shape[::-1], noise=1.0) == optimal_threshold(shape, noise=1.0)


def test_median_estimates_the_noise():
    values = np.arange(1.0, 101.0)
    assert optimal_threshold((300, 100), singular_values=values) == optimal_threshold((300, 100)) * 50.5


def test_a_decomposition_knows_its_shape():
    data = np.random.default_rng(0).standard_normal((40, 25))
    full = svds(data, 25)
    expected = optimal_threshold((40, 25), singular_values=full.singular_values)
    assert optimal_threshold(singular_values=full) == expected
    with pytest.raises(InvalidInputError, match=r"3 singular .*it has 25, and all of them are needed to take their"):
        optimal_threshold(singular_values=svds(data, 3, rng=0))


def test_rank_of_signal_plus_noise_at_any_orientation_and_scale():
    generator = np.random.default_rng(0)
    n, p, noise = 300, 120, 0.7
    signal = (
        40 * np.linalg.qr(generator.standard_normal((n, 3)))[0] @ np.linalg.qr(generator.standard_normal((p, 3)))[0].T
    )
    singular = np.linalg.svd(signal + noise * generator.standard_normal((n, p)), compute_uv=False)
    for size, features in ((n, p), (p, n)):
        eigenvalues = np.concatenate([singular**2 / size, np.zeros(features - p)])
        for scale in (1e-150, 1.0, 1e150):
            sizes = {"n_samples": size, "n_features": features}
            assert gavish_donoho_rank(eigenvalues * scale, **sizes) == 3
            assert gavish_donoho_rank(eigenvalues * scale, noise=noise * np.sqrt(scale), **sizes) == 3


def test_rank_from_part_of_a_spectrum():
    values = np.concatenate([[50.0, 20.0], np.linspace(1.5, 0.5, 98)])
    spectrum = Spectrum(values[:60], 1001, 100, float(values.sum()), 1000)
    assert gavish_donoho_rank(spectrum) == 2
    short = Spectrum(values[:10], 1001, 100, float(values.sum()), 1000)
    with pytest.raises(InvalidInputError, match="not among the top 10"):
        gavish_donoho_rank(short)
    assert gavish_donoho_rank(short, noise=1.0) == 2


def test_pure_noise_has_rank_zero():
    values = MarchenkoPastur(0.5).rvs(100, rng=1)
    assert gavish_donoho_rank(values, n_samples=200, n_features=100) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"shape": (0, 3)}, "at least 1"),
        ({}, "two sizes"),
        ({"singular_values": [1, 1]}, "pass shape="),
        ({"shape": (3, 3), "noise": -1.0}, "standard deviation"),
        ({"shape": (3, 3), "noise": 1.0, "singular_values": [1, 1, 1]}, "not both"),
        ({"shape": (3, 5), "singular_values": [1, 1]}, "it has 3, and all of them"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(InvalidInputError, match=message):
        optimal_threshold(**arguments)


def test_rank_of_top_eigenvalues_needs_a_noise_level():
    values = np.linspace(5, 1, 8)
    with pytest.raises(InvalidInputError, match="8 eigenvalues where"):
        gavish_donoho_rank(values, n_samples=400, n_features=200)
    assert gavish_donoho_rank(values, n_samples=400, n_features=200, noise=1.0) == 2
