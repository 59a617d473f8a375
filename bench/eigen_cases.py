"""Symmetric eigenproblems beside ARPACK, PRIMME and LOBPCG; errors are residuals relative to the norm."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Callable
from typing import Any

import eigenscope
import numpy as np
import scipy.sparse.linalg
from eigenscope import testing
from eigenscope.bench_short import OURS, Array, Case

Pairs = tuple[Array, Array]


@dataclasses.dataclass(frozen=True)
class EigenCase(Case):
    """Eigenpairs of `matrix`; an answer is (values, vectors), its error the largest relative residual."""

    matrix: Any = None

    def error(self, answer: Any) -> float:
        """Return max ‖A v - λ v‖ / max |λ|, infinite when a value is missing from the set."""
        values, vectors = answer
        residual = np.linalg.norm(self.matrix @ vectors - vectors * values, axis=0).max()
        if np.abs(np.sort(values) - np.sort(self.truth)).max() > 10 * residual + 1e-9 * np.abs(self.truth).max():
            return float("inf")
        return float(residual / np.abs(self.truth).max())


def eigen_case(name: str, matrix: Any, k: int, which: str, tol: float, lobpcg: bool = False) -> EigenCase:
    """Set up one eigenproblem for every solver; the truth is ours at full accuracy."""
    n = matrix.shape[0]
    contenders: dict[str, Callable[[], Any]] = {
        OURS: lambda: tuple(eigenscope.eigsh(matrix, k, which=which, tol=tol, rng=0)),
        "scipy eigsh (ARPACK)": lambda: scipy.sparse.linalg.eigsh(matrix, k, which=which, tol=tol),
    }
    if importlib.util.find_spec("primme"):
        import primme

        contenders["primme eigsh"] = lambda: primme.eigsh(matrix, k, which=which, tol=tol)
    if lobpcg:
        start = np.random.default_rng(0).standard_normal((n, k))
        contenders["scipy lobpcg"] = lambda: scipy.sparse.linalg.lobpcg(
            matrix, start, largest=which == "LA", tol=tol * abs(matrix).sum(axis=0).max(), maxiter=200
        )
    truth = eigenscope.eigsh(matrix, k, which=which, rng=1).eigenvalues
    return EigenCase(name, truth, contenders, matrix)


def grid_case(side: int) -> EigenCase:
    """The top of the Laplacian of a square grid: crowded, and most values double."""
    return eigen_case(f"2-D Laplacian, n = {side**2}, 10 LA", testing.grid_laplacian(side, side), 10, "LA", 1e-6)


def graph_case(n: int, mean_degree: float) -> EigenCase:
    """A random graph: one outlier, the rest at the edge of the bulk."""
    matrix = testing.random_graph_adjacency(n, mean_degree=mean_degree)
    return eigen_case(f"random graph, n = {n}, {matrix.nnz} nonzeros, 20 LA", matrix, 20, "LA", 1e-8)


def goe_case(n: int) -> EigenCase:
    """The edge of a dense random matrix."""
    return eigen_case(f"dense GOE, n = {n}, 20 LA", testing.goe(n), 20, "LA", 1e-8, lobpcg=True)


def power_law_case(n: int) -> EigenCase:
    """A dense covariance matrix with eigenvalues 1/j."""
    matrix = testing.symmetric_matrix(testing.polynomial_spectrum(n), rng=0)
    return eigen_case(f"dense covariance, n = {n}, power law, 20 LA", matrix, 20, "LA", 1e-8, lobpcg=True)


def small_case(n: int) -> EigenCase:
    """So small that calling costs as much as computing; LAPACK finds all pairs."""
    matrix = testing.goe(n)
    case = eigen_case(f"n = {n}, 5 LM", matrix, 5, "LM", 0.0)

    def with_lapack() -> Pairs:
        values, vectors = np.linalg.eigh(matrix)
        wanted = np.argsort(-np.abs(values))[:5]
        return values[wanted], vectors[:, wanted]

    return dataclasses.replace(case, contenders={**case.contenders, "numpy eigh": with_lapack})
