"""Eigenpairs and singular triplets with their residuals."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from .base import Result
from .estimate import Estimate
from .run_info import RunInfo

Array = np.ndarray[Any, np.dtype[Any]]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class EigenResult(Result):
    """Eigenpairs of a symmetric (Hermitian) operator, most wanted first; unpacks as ``w, V``.

    Parameters
    ----------
    eigenvalues : ndarray, shape (k,)
        Most wanted first.
    eigenvectors : ndarray, shape (n, k)
        Orthonormal columns.
    residual_norms : ndarray, shape (k,)
        ``‖A v - λ v‖``, recomputed from the operator.
    converged : ndarray of bool, shape (k,)
        Whether each residual meets the tolerance.
    status : str
        "converged", "possible omission" (a copy of a repeated value or a close value may be missing),
        "budget" or "stagnated".
    info : RunInfo
        What it cost.
    """

    eigenvalues: Array
    eigenvectors: Array
    residual_norms: Array
    converged: Array
    status: str
    info: RunInfo = dataclasses.field(default_factory=RunInfo)

    def __iter__(self) -> Iterator[Array]:
        yield self.eigenvalues
        yield self.eigenvectors

    def summary(self) -> str:
        """Return size, range and quality in three lines."""
        n, k = self.eigenvectors.shape
        worst = self.residual_norms.max() if k else 0.0
        span = f"{self.eigenvalues[0]:.6g} … {self.eigenvalues[-1]:.6g}" if k else "none"
        return (
            f"EigenResult: {k} eigenpairs of a {n:,} x {n:,} operator, {self.status}\n"
            f"  eigenvalues {span}; largest residual {worst:.2g}, {int(self.converged.sum())} of {k} converged\n"
            f"  {self.info.summary()}"
        )


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class SVDResult(Result):
    """Singular triplets in descending order; unpacks as ``U, s, Vh``.

    Parameters
    ----------
    U : ndarray, shape (m, k)
        Left singular vectors, orthonormal columns.
    singular_values : ndarray, shape (k,)
        Descending.
    Vh : ndarray, shape (k, n)
        Right singular vectors, conjugate-transposed; orthonormal rows.
    residual_norms : ndarray, shape (k,)
        Two-sided, ``sqrt(‖A v - σ u‖² + ‖Aᴴ u - σ v‖²)``, recomputed from the data.
    converged : ndarray of bool, shape (k,)
        Whether each residual meets the tolerance.
    status : str
        "converged", "possible omission", "budget" or "stagnated".
    error_estimate : Estimate or None
        A-posteriori relative Frobenius error ``‖A - U S Vh‖_F / ‖A‖_F``.
    info : RunInfo
        What it cost.
    feature_names : tuple of str, or None
        Labels of the columns of the data and of `Vh`, where the data have some.
    """

    U: Array
    singular_values: Array
    Vh: Array
    residual_norms: Array
    converged: Array
    status: str
    error_estimate: Estimate | None = None
    info: RunInfo = dataclasses.field(default_factory=RunInfo)
    feature_names: tuple[str, ...] | None = None

    def __iter__(self) -> Iterator[Array]:
        yield self.U
        yield self.singular_values
        yield self.Vh

    def summary(self) -> str:
        """Return size, range and quality in three lines."""
        m, k, n = self.U.shape[0], len(self.singular_values), self.Vh.shape[1]
        worst = self.residual_norms.max() if k else 0.0
        span = f"{self.singular_values[0]:.6g} … {self.singular_values[-1]:.6g}" if k else "none"
        return (
            f"SVDResult: {k} singular triplets of a {m:,} x {n:,} matrix, {self.status}\n"
            f"  singular values {span}; largest two-sided residual {worst:.2g}, "
            f"{int(self.converged.sum())} of {k} converged\n"
            f"  {self.info.summary()}"
        )
