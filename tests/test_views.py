"""Operators made of others: equal to the matrices they stand for."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.csgraph
from eigenscope import (
    as_operator,
    centered_view,
    eigsh,
    gram_view,
    normalized_laplacian_view,
    shifted_view,
    testing,
)
from eigenscope.errors import InvalidInputError


@pytest.mark.parametrize("scale", [1.0, 2.0**400])
@pytest.mark.parametrize("held", [np.asarray, scipy.sparse.csr_array, scipy.sparse.csc_array, as_operator])
def test_the_gram_view_is_the_square(held, scale):
    A = testing.rectangular_matrix(testing.exponential_spectrum(40), (90, 40), rng=0)
    view = gram_view(held(A * scale))
    np.testing.assert_allclose(view.product(np.eye(40), 1) / view.scale / scale / scale, A.T @ A, atol=1e-13)
    if scale == 1.0:
        assert eigsh(view, 3).eigenvalues == pytest.approx(testing.exponential_spectrum(40)[:3] ** 2)


@pytest.mark.parametrize("scale", [1.0, 2.0**400])
def test_the_shifted_view(scale):
    A = testing.symmetric_matrix(np.linspace(-1, 1, 30), rng=1) * scale
    for held in (A, scipy.sparse.csr_array(A)):
        found = shifted_view(held, 0.5 * scale).product(np.eye(30), 1)
        np.testing.assert_allclose(found / scale, A / scale - 0.5 * np.eye(30), atol=1e-14)
    with pytest.raises(InvalidInputError, match="square"):
        shifted_view(A[:, :5], 1.0)
    with pytest.raises(InvalidInputError, match="finite"):
        shifted_view(A, np.nan)


@pytest.mark.parametrize("dtype", ["float64", "complex128", "int16"])
@pytest.mark.parametrize("held", [np.asarray, scipy.sparse.csr_array, scipy.sparse.csc_array, as_operator])
def test_the_centred_view_and_its_scatter_matrix(held, dtype):
    X = 20 * testing.rectangular_matrix(testing.exponential_spectrum(25), (60, 25), rng=0) + np.linspace(10, 20, 25)
    X = (X * (1 + 1j) if dtype == "complex128" else X).astype(dtype)
    centered = X - X.mean(axis=0)
    view = centered_view(held(X))
    np.testing.assert_allclose(view.product(np.eye(25), 1), centered, atol=1e-12)
    found = eigsh(gram_view(view), 3).eigenvalues
    np.testing.assert_allclose(found, np.linalg.svd(centered)[1][:3] ** 2, rtol=1e-12)


@pytest.mark.parametrize("dense", [True, False])
def test_the_normalized_laplacian_view(dense):
    W = testing.random_graph_adjacency(500, mean_degree=3, rng=2)
    degrees = np.asarray(W.sum(axis=1)).ravel()
    roots = np.divide(1, np.sqrt(degrees), out=np.zeros(500), where=degrees > 0)
    expected = np.eye(500) - roots[:, None] * W.toarray() * roots
    view = normalized_laplacian_view(W.toarray() if dense else W)
    np.testing.assert_allclose(view.product(np.eye(500), 1), expected, atol=1e-14)
    components = scipy.sparse.csgraph.connected_components(W)[0] - int((degrees == 0).sum())
    values = eigsh(view, components + 2, which="SA", rng=0).eigenvalues
    assert (np.abs(values[:components]) < 1e-10).all()
    assert (values[components:] > 1e-6).all()
    with pytest.raises(InvalidInputError, match="square"):
        normalized_laplacian_view(W[:, :4])
    with pytest.raises(InvalidInputError, match="must not be negative, the smallest is -1"):
        normalized_laplacian_view(-W)
