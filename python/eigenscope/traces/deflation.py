"""Leading eigenpairs taken out of an operator: counted exactly, and moved into the middle of the spectrum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..eigen import eigsh
from ..operators import Operator, as_operator

Array = np.ndarray[Any, np.dtype[Any]]


class Deflation:
    """An operator without its leading eigenpairs, and what they contribute.

    Parameters
    ----------
    operator : Operator
        With the eigenpairs moved to `target`.
    values : ndarray, shape (k,)
        Where they were.
    target : float
        Where they are.
    n_matvecs : int
        Products that finding them took.
    """

    def __init__(self, operator: Operator, values: Array, target: float, n_matvecs: int) -> None:
        self.operator, self._values, self._target, self.n_matvecs = operator, values, target, n_matvecs

    @classmethod
    def of(cls, operator: Operator, k: int, moments: Array, seed: int, threads: int) -> Deflation:
        """Find the k eigenpairs of largest magnitude, and form ``A + V diag(target - λ) Vᴴ`` without touching A."""
        if k == 0:
            return cls(operator, np.empty(0), 0.0, 0)
        pairs = eigsh(operator, k, check=False, rng=seed, threads=threads)
        vectors = pairs.eigenvectors
        target = float(moments[0]) if len(moments) else float(np.median(pairs.eigenvalues))
        change = target - pairs.eigenvalues

        def multiply(block: Array) -> Array:
            moved = vectors @ (change[:, None] * (vectors.conj().T @ block))
            return np.asarray(operator.product(block, threads) / operator.scale + moved)

        deflated = as_operator(multiply, shape=operator.shape, dtype=operator.dtype)
        return cls(deflated, pairs.eigenvalues, target, pairs.info.n_matvecs)

    def offset(self, f: Callable[[Array], Any]) -> float:
        """Return what the trace of f changes by when the eigenpairs are put back."""
        moved = np.full_like(self._values, self._target)
        return float(np.sum(np.asarray(f(self._values), float) - np.asarray(f(moved), float)))

    def moments(self, moments: Array) -> Array:
        """Return the known moments of the deflated operator."""
        n = self.operator.shape[0]
        removed = [np.sum(self._target**p - self._values**p) / n for p in (1, 2)]
        return np.asarray(moments + np.array(removed[: len(moments)]))
