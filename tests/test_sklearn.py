"""Estimators: scikit-learn's own checks, agreement with PCA and TruncatedSVD, and the noise edge."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
import scipy.stats

pytest.importorskip("sklearn")

from eigenscope.errors import DataWarning, InvalidInputError
from eigenscope.sklearn import IncrementalSpectralPCA, SpectralPCA
from eigenscope.testing import power_law_plus_noise
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

X = np.random.default_rng(0).standard_normal((400, 60)) * np.linspace(3.0, 0.3, 60) + 7.0


@parametrize_with_checks([SpectralPCA(n_components=1), IncrementalSpectralPCA(n_components=1), SpectralPCA()])
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.parametrize("n_components", [1, 5, None, 0.8])
@pytest.mark.parametrize("whiten", [False, True])
def test_agreement_with_pca(n_components, whiten):
    ours = SpectralPCA(n_components=n_components, whiten=whiten, random_state=0).fit(X)
    theirs = PCA(n_components=n_components, whiten=whiten, svd_solver="full").fit(X)
    assert ours.n_components_ == theirs.n_components_
    for name in ("explained_variance_", "explained_variance_ratio_", "singular_values_", "mean_"):
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-9)
    np.testing.assert_allclose(ours.noise_variance_, theirs.noise_variance_, rtol=1e-8, atol=1e-12)
    signs = np.sign((ours.components_ * theirs.components_).sum(axis=1))
    np.testing.assert_allclose(ours.transform(X), theirs.transform(X) * signs, atol=1e-6)
    np.testing.assert_allclose(
        ours.inverse_transform(ours.transform(X)), theirs.inverse_transform(theirs.transform(X)), atol=1e-6
    )


@pytest.mark.parametrize("center", [False, True])
def test_sparse_data_are_those_of_dense_ones(center):
    sparse = scipy.sparse.random_array((500, 80), density=0.1, rng=np.random.default_rng(1), format="csr")
    one = SpectralPCA(4, center=center, random_state=0).fit(sparse)
    other = SpectralPCA(4, center=center, random_state=0).fit(sparse.toarray())
    np.testing.assert_allclose(one.explained_variance_ratio_, other.explained_variance_ratio_, rtol=1e-10)
    np.testing.assert_allclose(one.transform(sparse), other.transform(sparse.toarray()), atol=1e-6)
    if not center:
        assert one.mean_ is None


def test_large_means_cost_no_digits():
    wide = (X + 1e8).astype(np.longdouble)
    truth = np.linalg.svd((wide - wide.mean(axis=0)).astype(np.float64), compute_uv=False)
    for estimator in (SpectralPCA(3), IncrementalSpectralPCA(3, n_vectors=60)):
        np.testing.assert_allclose(estimator.fit(X + 1e8).singular_values_, truth[:3], rtol=1e-12)


def test_as_many_components_as_stand_above_noise():
    rng = np.random.default_rng(2)
    signal = rng.standard_normal((600, 3)) @ rng.standard_normal((3, 100)) * 2.0
    noise = rng.standard_normal((600, 100))
    assert SpectralPCA("noise", random_state=0).fit(signal + noise).n_components_ == 3
    with pytest.warns(DataWarning, match="no eigenvalue stands above the noise edge"):
        assert SpectralPCA("noise", random_state=0).fit(noise).n_components_ == 1


def test_batches_do_not_matter_and_bounds_hold():
    data = power_law_plus_noise(900, 120).data
    whole = IncrementalSpectralPCA(5, random_state=0).fit(data)
    pieces = IncrementalSpectralPCA(5, random_state=0)
    for batch in np.array_split(data, [1, 3, 250, 600]):
        pieces.partial_fit(batch)
    np.testing.assert_array_equal(pieces.components_, whole.components_)
    truth = np.linalg.svd(data - data.mean(axis=0), compute_uv=False)[:5]
    assert (whole.singular_values_ <= truth * (1 + 1e-9)).all()
    assert (whole.upper_bounds_ >= truth * (1 - 1e-9)).all()
    assert whole.n_samples_seen_ == 900


@pytest.mark.parametrize("whiten", [False, True])
@pytest.mark.parametrize("container", [np.asarray, scipy.sparse.csr_array])
def test_the_model_is_the_gaussian_it_says(container, whiten):
    data = X[:, :8] * np.linspace(3, 1, 8)
    model = SpectralPCA(3, whiten=whiten, random_state=0).fit(container(data))
    gaussian = scipy.stats.multivariate_normal(data.mean(axis=0), model.get_covariance())
    np.testing.assert_allclose(model.score_samples(container(data)), gaussian.logpdf(data), rtol=1e-10)
    np.testing.assert_allclose(model.get_covariance() @ model.get_precision(), np.eye(8), atol=1e-12)
    # Maximum likelihood: no other noise variance does better.
    best = model.score(data)
    for factor in (0.9, 1.1):
        model.noise_variance_ *= factor
        assert model.score(data) < best
        model.noise_variance_ /= factor
    with pytest.raises(InvalidInputError, match="fit with center=True"):
        SpectralPCA(2, center=False).fit(data).score(data)


def test_in_a_pipeline_with_names():
    pipeline = make_pipeline(StandardScaler(), SpectralPCA(3)).fit(X)
    assert list(pipeline.get_feature_names_out()) == ["spectralpca0", "spectralpca1", "spectralpca2"]


def test_wrong_numbers_of_components_are_refused():
    for wrong in (0, 61, 1.5, -1, "mle", True):
        with pytest.raises(InvalidInputError, match="n_components"):
            SpectralPCA(wrong).fit(X)
    for wrong in (0, 61, 0.5):
        with pytest.raises(InvalidInputError, match="n_components"):
            IncrementalSpectralPCA(wrong).fit(X)
    with pytest.raises(InvalidInputError, match="outside the range of double precision"):
        SpectralPCA(2).fit(X * 1e300)


@pytest.mark.parametrize("container", [scipy.sparse.csr_array, scipy.sparse.csc_array])
def test_large_means_of_sparse_data_cost_no_digits(container):
    data = X[:, :20] + 1e8
    ours = SpectralPCA(3, random_state=0, threads=1).fit(container(data))
    theirs = SpectralPCA(3, random_state=0, threads=1).fit(data)
    for name in ("explained_variance_ratio_", "noise_variance_", "mean_"):
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-12)
    np.testing.assert_allclose(ours.transform(container(data)), theirs.transform(data), atol=1e-9)
    np.testing.assert_allclose(ours.score_samples(container(data)), theirs.score_samples(data), rtol=1e-9)


def test_sparse_data_by_noise_edge_and_in_batches():
    rng = np.random.default_rng(3)
    noise = rng.standard_normal((200, 40)) * (rng.random((200, 40)) < 0.7)
    data = noise + 5 * np.outer(rng.standard_normal(200) * (rng.random(200) < 0.5), np.ones(40) / 6)
    sparse = scipy.sparse.csr_array(data)
    for held in (sparse, data):
        assert SpectralPCA("noise", random_state=0, threads=1).fit(held).n_components_ == 1
    one, other = (IncrementalSpectralPCA(3, random_state=0, threads=1).fit(held) for held in (sparse, data))
    np.testing.assert_array_equal(one.components_, other.components_)


def test_a_model_without_noise_has_no_noise_of_rounding():
    data = np.random.default_rng(0).standard_normal((15, 3))
    data[:, 2] = 0
    model = SpectralPCA(2, random_state=0, threads=1).fit(data)
    assert model.noise_variance_ == 0
    assert model.get_covariance()[2, 2] == 0
    assert model.get_precision().max() < 10
    plane = SpectralPCA(2, random_state=0, threads=1).fit(data[:, :2])
    assert model.score(data) == pytest.approx(plane.score(data[:, :2]), rel=1e-12)


@pytest.mark.parametrize("n_vectors", [-3, 1, 2.5, True])
def test_too_few_vectors_of_a_sketch_are_refused(n_vectors):
    with pytest.raises(InvalidInputError, match="n_vectors must be an integer of at least n_components = 2"):
        IncrementalSpectralPCA(2, n_vectors=n_vectors).fit(X)
