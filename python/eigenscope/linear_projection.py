"""What estimators of principal components share: coordinates and back, and the Gaussian model of the samples."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from .errors import InvalidInputError
from .inputs import Source
from .operators import Array, dense_operator
from .run_options import resolve_threads
from .sparse_means import less_means

ROUNDING_OF_TOTAL = 64
"""Variance outside the components below this times eps of the total is rounding."""

SEED_RANGE = 2**31
"""Seeds are drawn below this number."""


class LinearProjection(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """What estimators with ``components_``, ``mean_`` and ``explained_variance_`` have in common.

    As a model of the samples this is probabilistic PCA: a Gaussian with the variances found along the components and
    ``noise_variance_`` in every other direction.

    References
    ----------
    M. Tipping and C. Bishop, "Probabilistic principal component analysis", J. R. Stat. Soc. B 61, 611-622 (1999).
    """

    whiten: bool
    threads: int | None
    components_: Array
    mean_: Array | None
    explained_variance_: Array
    noise_variance_: float

    @property
    def _n_features_out(self) -> int:
        return int(self.components_.shape[0])

    def _seed(self, random_state: Any) -> int:
        return int(check_random_state(random_state).randint(SEED_RANGE))

    def _set_variances(
        self, singular_values: Array, variances: Array, total: float, n_samples: int, n_features: int
    ) -> None:
        """Store the variances along the components; `total` is that of all features."""
        k = len(singular_values)
        largest = singular_values.max(initial=0.0)
        if not math.isfinite(total) or (total == 0.0 and largest > 0.0 and float(largest) ** 2 == 0.0):
            raise InvalidInputError(
                f"singular values of {largest:.1e} have variances outside the range of double precision: multiply the "
                "data by a power of ten first"
            )
        self.n_components_ = k
        self.n_samples_ = n_samples
        self.singular_values_ = singular_values
        self.explained_variance_ = variances
        self.explained_variance_ratio_ = variances / total if total > 0 else np.zeros(k)
        discarded, left = min(n_samples, n_features) - k, total - float(variances.sum())
        has_noise = discarded > 0 and left > ROUNDING_OF_TOTAL * np.finfo(np.float64).eps * total
        self.noise_variance_ = left / discarded if has_noise else 0.0

    def _deviations(self) -> Array:
        """Return the standard deviations to divide by; one where there is no variance."""
        deviations = np.sqrt(self.explained_variance_)
        negligible = deviations <= np.finfo(np.float64).eps * deviations.max(initial=0.0)
        return np.where(negligible, 1.0, deviations)

    def transform(self, X: Any) -> Array:
        """Project samples onto the components.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray, shape (n_samples, n_components)
            Coordinates; divided by their standard deviations with ``whiten=True``.
        """
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=("csr", "csc"), dtype="numeric", reset=False)
        scores = self._coordinates(X)
        return np.asarray(scores / self._deviations() if self.whiten else scores)

    def _coordinates(self, X: Any) -> Array:
        if not scipy.sparse.issparse(X):
            operator = dense_operator(Source(array=X), shift=self.mean_, check=False, largest=1.0)
            return operator.product(self.components_.T, resolve_threads(self.threads))
        if self.mean_ is None:
            return np.asarray(X @ self.components_.T)
        shifted, rest = less_means(X, self.mean_)
        return np.asarray(shifted @ self.components_.T - rest @ self.components_.T)

    def inverse_transform(self, X: Any) -> Array:
        """Return the samples of given coordinates.

        Parameters
        ----------
        X : array_like, shape (n_samples, n_components)
            Coordinates, as `transform` returns them.

        Returns
        -------
        ndarray, shape (n_samples, n_features)
            Their samples.
        """
        check_is_fitted(self)
        scores = np.asarray(X) * self._deviations() if self.whiten else np.asarray(X)
        samples = scores @ self.components_
        return np.asarray(samples if self.mean_ is None else samples + self.mean_)

    def get_covariance(self) -> Array:
        """Return the covariance matrix of the model.

        Returns
        -------
        ndarray, shape (n_features, n_features)
            The noise variance in every direction, and what the components exceed it by.
        """
        self._check_model()
        return self._matrix(self._variances() - self.noise_variance_, self.noise_variance_)

    def get_precision(self) -> Array:
        """Return the inverse of the covariance matrix of the model; without noise, that within the components.

        Returns
        -------
        ndarray, shape (n_features, n_features)
            The inverse.
        """
        self._check_model()
        inverse, rest = self._inverse_variances()
        return self._matrix(inverse - rest, rest)

    def score_samples(self, X: Any) -> Array:
        """Return the log-likelihood of each sample under the model; without noise, that of its part in the components.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray, shape (n_samples,)
            Natural logarithms of densities.
        """
        self._check_model()
        X = validate_data(self, X, accept_sparse=("csr", "csc"), dtype="numeric", reset=False)
        coordinates = self._coordinates(X).astype(np.float64)
        inverse, rest = self._inverse_variances()
        dimensions = X.shape[1] if rest > 0 else int((inverse > 0).sum())
        # log det C = -Σ log 1/λ_j - (n_features - k) log 1/σ²
        logarithms = np.log(inverse[inverse > 0]).sum()
        if rest > 0:
            logarithms += (dimensions - len(inverse)) * np.log(rest)
        outside = np.maximum(self._squared_distances(X) - (coordinates**2).sum(axis=1), 0.0)
        exponents = (coordinates**2) @ inverse + rest * outside
        return np.asarray(0.5 * (logarithms - dimensions * np.log(2 * np.pi) - exponents))

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean log-likelihood of samples under the model.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n_samples, n_features)
            Samples.
        y : None
            Not used.

        Returns
        -------
        float
            Mean of `score_samples`.
        """
        return float(self.score_samples(X).mean())

    def _check_model(self) -> None:
        check_is_fitted(self)
        if self.mean_ is None:
            raise InvalidInputError("a Gaussian model of the samples needs their mean: fit with center=True")

    def _variances(self) -> Array:
        return np.maximum(self.explained_variance_, self.noise_variance_)

    def _inverse_variances(self) -> tuple[Array, float]:
        """Inverse variances along the components, and in every other direction; zero where there is no variance."""
        variances = self._variances()
        present = variances > np.finfo(np.float64).eps * variances.max(initial=0.0)
        inverse = np.divide(1.0, variances, out=np.zeros_like(variances), where=present)
        return inverse, 1.0 / self.noise_variance_ if self.noise_variance_ > 0 else 0.0

    def _matrix(self, along: Array, everywhere: float) -> Array:
        """``Vᵀ diag(along) V + everywhere I`` for the components V."""
        matrix = (self.components_.T * along) @ self.components_
        matrix.flat[:: len(matrix) + 1] += everywhere
        return np.asarray(matrix)

    def _squared_distances(self, X: Any) -> Array:
        """``‖x - mean‖²`` of each sample."""
        mean = np.asarray(self.mean_)
        if scipy.sparse.issparse(X):
            shifted, rest = less_means(X, mean)
            squares = np.asarray(shifted.astype(np.float64).power(2).sum(axis=1)).ravel()
            return np.asarray(squares - 2 * (shifted @ rest) + rest @ rest)
        return np.concatenate([((rows - mean) ** 2).sum(axis=1) for _, rows in Source(array=X).row_blocks()])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
