"""Estimators for scikit-learn: principal components by `svds`, and of samples that come by once by `RowSketch`."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.utils.validation import validate_data

from .arguments import is_whole_number
from .covariance import covariance_spectrum
from .errors import DataWarning, InvalidInputError
from .inputs import Source
from .linear_projection import LinearProjection
from .operators import Array
from .random_matrix import fit_marchenko_pastur
from .run_options import resolve_threads
from .sketch import RowSketch
from .sparse_means import sparse_statistics
from .standardization import column_statistics
from .svd import svds

__all__ = ["IncrementalSpectralPCA", "SpectralPCA"]


SHARE_MARGIN = 1e-12
"""Relative excess of a share over what was asked for that is no rounding."""


class SpectralPCA(LinearProjection):
    """Principal components to a stated accuracy; in place of ``PCA`` and, with ``center=False``, ``TruncatedSVD``.

    Parameters
    ----------
    n_components : int, float, "noise" or None
        Number of components; the share of the variance they hold (between 0 and 1); "noise" for as many as stand above
        the Marchenko–Pastur noise edge; None for all.
    center : bool
        Subtract the feature means; implicit for sparse data.
    whiten : bool
        Scale coordinates to unit variance.
    tol : float, optional
        Accuracy of the singular triplets, as in `svds`.
    random_state : int, RandomState or None
        Source of the start vectors.
    threads : int, optional
        Threads; by default as many as the process may use.

    Attributes
    ----------
    components_ : ndarray, shape (n_components, n_features)
        Orthonormal; the largest entry of each is positive.
    explained_variance_, explained_variance_ratio_, singular_values_ : ndarray, shape (n_components,)
        Singular values descend. Without centring variances are those of the coordinates about their means, with divisor
        n, as in ``TruncatedSVD``.
    mean_ : ndarray, shape (n_features,), or None
        Feature means; None without centring.
    noise_variance_ : float
        Mean variance of the components left out; with it the components are a Gaussian model, see `score`.
    residual_norms_ : ndarray, shape (n_components,)
        Two-sided residuals of the triplets.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).standard_normal((200, 5)) * [5.0, 3.0, 0.1, 0.1, 0.1]
    >>> SpectralPCA(n_components=0.95).fit(X).n_components_
    2
    """

    def __init__(
        self,
        n_components: int | float | str | None = None,
        *,
        center: bool = True,
        whiten: bool = False,
        tol: float | None = None,
        random_state: Any = None,
        threads: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.center = center
        self.whiten = whiten
        self.tol = tol
        self.random_state = random_state
        self.threads = threads

    def fit(self, X: Any, y: Any = None) -> SpectralPCA:
        """Find the components of the samples.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n_samples, n_features)
            Samples.
        y : None
            Not used.

        Returns
        -------
        SpectralPCA
            The estimator itself.
        """
        X = validate_data(self, X, accept_sparse=("csr", "csc"), dtype="numeric", ensure_min_samples=2)
        seed = self._seed(self.random_state)
        mean, total = self._mean_and_total(X)
        n = X.shape[0]
        result = svds(
            X, **self._rank(X, seed), tol=self.tol, center=self.center, check=False, rng=seed, threads=self.threads
        )
        self.mean_ = mean if self.center else None
        self.components_ = np.ascontiguousarray(result.Vh)
        self.residual_norms_ = result.residual_norms
        # Without centring the coordinates have means, and what they explain is what varies: TruncatedSVD's convention.
        divisor = n - 1 if self.center else n
        with np.errstate(over="ignore"):
            variances = (
                result.singular_values**2 / divisor
                if self.center
                else np.var(result.U * result.singular_values, axis=0, dtype=np.float64)
            )
        self._set_variances(result.singular_values, variances, total / divisor, *X.shape)
        return self

    def _mean_and_total(self, X: Any) -> tuple[Array, float]:
        """Feature means and the sum of squared deviations from them."""
        if scipy.sparse.issparse(X):
            mean, squares = sparse_statistics(X)
        else:
            mean, squares = column_statistics(Source(array=X), resolve_threads(self.threads))
        return mean, float(squares.sum())

    def _rank(self, X: Any, seed: int) -> dict[str, Any]:
        """Return what `svds` is asked for."""
        most, wanted = min(X.shape), self.n_components
        if wanted is None:
            return {"k": most}
        if isinstance(wanted, str):
            if wanted != "noise":
                raise InvalidInputError(f'n_components as text must be "noise", got {wanted!r}')
            return {"k": self._count_above_noise(X, seed)}
        if isinstance(wanted, (float, np.floating)) and 0.0 < wanted < 1.0:
            # More than the share, as PCA has it: with exactly so much rounding would decide.
            return {"variance": min(float(wanted) * (1.0 + SHARE_MARGIN), 1.0 - SHARE_MARGIN)}
        if not isinstance(wanted, (int, np.integer)) or isinstance(wanted, bool) or not 1 <= wanted <= most:
            raise InvalidInputError(
                f"n_components must be an integer from 1 to min(n_samples, n_features) = {most}, a share in (0, 1), "
                f'"noise" or None; got {wanted!r}'
            )
        return {"k": int(wanted)}

    def _count_above_noise(self, X: Any, seed: int) -> int:
        spectrum = covariance_spectrum(X, center=self.center, rng=seed, threads=self.threads)
        n_signal = fit_marchenko_pastur(spectrum).n_signal
        if n_signal == 0:
            warnings.warn(
                "no eigenvalue stands above the noise edge: one component is kept all the same",
                DataWarning,
                stacklevel=4,
            )
        return max(1, int(n_signal))


class IncrementalSpectralPCA(LinearProjection):
    """Principal components of samples that come in batches, with bounds, whatever the batches.

    Unlike ``IncrementalPCA``, the components have the same bits however the samples are cut into batches, and say how
    far from the best they may be.

    Parameters
    ----------
    n_components : int or None
        Number of components; None for the smaller side of the first batch.
    n_vectors : int, optional
        Size of the sketch, by default ``2 n_components + 10``; with as many as there are features the components are
        exact.
    whiten : bool
        Scale coordinates to unit variance.
    random_state : int, RandomState or None
        Source of the random vectors.
    threads : int, optional
        Threads; by default as many as the process may use.

    Attributes
    ----------
    components_ : ndarray, shape (n_components, n_features)
        Orthonormal; fewer while fewer samples were seen.
    explained_variance_, explained_variance_ratio_, singular_values_ : ndarray, shape (n_components,)
        Descending, never above the true ones.
    upper_bounds_ : ndarray, shape (n_components,)
        Never below the true singular values.
    mean_ : ndarray, shape (n_features,)
        Feature means.
    noise_variance_ : float
        Mean variance of the components left out.
    error_estimate_ : Estimate
        Relative Frobenius error of the projection, enclosed for certain.
    sketch_ : RowSketch
        Can be saved, and merged with the sketches of other processes.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).standard_normal((200, 5)) * [5.0, 3.0, 0.1, 0.1, 0.1]
    >>> pca = IncrementalSpectralPCA(n_components=2)
    >>> pca.partial_fit(X[:80]).partial_fit(X[80:]).components_.shape
    (2, 5)
    """

    def __init__(
        self,
        n_components: int | None = None,
        *,
        n_vectors: int | None = None,
        whiten: bool = False,
        random_state: Any = None,
        threads: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.n_vectors = n_vectors
        self.whiten = whiten
        self.random_state = random_state
        self.threads = threads

    def fit(self, X: Any, y: Any = None) -> IncrementalSpectralPCA:
        """Forget earlier samples and find the components of these.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n_samples, n_features)
            Samples.
        y : None
            Not used.

        Returns
        -------
        IncrementalSpectralPCA
            The estimator itself.
        """
        if hasattr(self, "sketch_"):
            del self.sketch_
        return self.partial_fit(X)

    def partial_fit(self, X: Any, y: Any = None) -> IncrementalSpectralPCA:
        """Add samples.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n_samples, n_features)
            Samples; sparse ones are made dense a panel at a time.
        y : None
            Not used.

        Returns
        -------
        IncrementalSpectralPCA
            The estimator itself.
        """
        first = not hasattr(self, "sketch_")
        X = validate_data(self, X, accept_sparse=("csr", "csc"), dtype="numeric", reset=first)
        if first:
            wanted = min(X.shape) if self.n_components is None else self.n_components
            if isinstance(wanted, bool) or not isinstance(wanted, (int, np.integer)) or not 1 <= wanted <= X.shape[1]:
                raise InvalidInputError(
                    f"n_components must be an integer from 1 to n_features = {X.shape[1]} or None, got {wanted!r}"
                )
            n_vectors = 2 * wanted + 10 if self.n_vectors is None else self.n_vectors
            if not is_whole_number(n_vectors) or n_vectors < wanted:
                raise InvalidInputError(
                    f"n_vectors must be an integer of at least n_components = {wanted} or None, got {n_vectors!r}"
                )
            self._wanted = int(wanted)
            self.sketch_ = RowSketch(
                X.shape[1], int(n_vectors), rng=self._seed(self.random_state), threads=self.threads
            )
        found = self.sketch_.update(X).svd(min(self._wanted, self.sketch_.n_rows), center=True)
        self.mean_ = found.mean
        self.components_ = np.ascontiguousarray(found.Vh)
        self.upper_bounds_ = found.upper_bounds
        self.error_estimate_ = found.error_estimate
        divisor = max(1, found.n_rows - 1)
        with np.errstate(over="ignore"):
            variances = found.singular_values**2 / divisor
        self._set_variances(found.singular_values, variances, found.squared_norm / divisor, found.n_rows, X.shape[1])
        self.n_samples_seen_ = found.n_rows
        return self
