"""Eigenpairs orthogonal to vectors that are known."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg

from .errors import InvalidInputError
from .operators import Operator

Array = np.ndarray[Any, np.dtype[Any]]

ROUNDING_FACTOR = 64
"""Times the rounding unit and the root of the order: what residuals keep of the norm."""

SHIFT_PRODUCTS = 2
"""Random vectors that tell where the eigenvalues are."""

LARGEST_OVERLAP = 1e-6
"""Vectors as orthogonal as this to what is deflated are taken for vectors of the rest."""


def solve_deflated(
    operator: Operator,
    known: Array,
    k: int,
    which: str,
    solve: Callable[..., dict[str, Any]],
    limits: tuple[int, float],
    tolerance: float,
    seed: int,
    threads: int,
) -> dict[str, Any]:
    """Return k pairs of ``P A P`` on the complement of the span of `known`, as the core returns them.

    Parameters
    ----------
    operator : Operator
        A, of order n.
    known : ndarray, shape (n, q)
        Vectors to leave out.
    k : int
        Pairs wanted, at most what is left.
    which : str
        Where they are wanted.
    solve : callable
        ``solve(core, count, max_matvecs=, max_seconds=)`` runs the solver.
    limits : tuple of (int, float)
        Budgets of products and, unless zero, of seconds.
    tolerance : float
        Accepted residual over the norm.
    seed, threads : int
        Of the run.
    """
    basis = np.asfortranarray(scipy.linalg.orth(known), dtype=operator.dtype)
    left = len(basis) - basis.shape[1]
    if k > left:
        raise InvalidInputError(f"k must be at most {left}, the order less the deflated vectors; got {k}")
    began = time.perf_counter()
    core = operator.core.deflated(basis, _shift(operator, which, seed, threads))
    found = solve(core, k, max_matvecs=max(1, limits[0] - SHIFT_PRODUCTS))
    found["n_matvecs"] += SHIFT_PRODUCTS
    if found["interrupted"] or np.abs(basis.conj().T @ found["eigenvectors"]).max(initial=0.0) < LARGEST_OVERLAP:
        return found
    # The value given to the deflated space lies among those wanted. Its copies are at most as many as its vectors, so
    # that so many more pairs from an end hold all that is wanted of the rest there.
    ends = 2 if which == "BE" else 1
    count = min(k + ends * basis.shape[1], len(basis))
    products = limits[0] - found["n_matvecs"] - count
    seconds = limits[1] - (time.perf_counter() - began) if limits[1] else 0.0
    if products < 1 or seconds < 0.0:
        return found | _pairs_of_the_rest(operator, basis, found, k, which, tolerance, threads)
    more = solve(core, count, max_matvecs=products, max_seconds=seconds)
    if more["interrupted"]:
        return more
    more["n_matvecs"] += count
    costs = {name: found[name] + more[name] for name in ("n_matvecs", "n_applications")}
    return more | costs | _pairs_of_the_rest(operator, basis, more, k, which, tolerance, threads)


def _shift(operator: Operator, which: str, seed: int, threads: int) -> float:
    """Return a value for the deflated vectors away from the wanted end."""
    generator = np.random.Generator(np.random.Philox(seed))
    probe = generator.standard_normal((operator.shape[0], SHIFT_PRODUCTS)).astype(operator.dtype)
    wide = np.result_type(operator.dtype, np.float64)
    image = operator.product(probe, threads).astype(wide)
    # Mean and root mean square of the eigenvalues, estimated: the wanted end lies on the other side of them.
    mean = float(np.vdot(probe, image).real / np.vdot(probe, probe).real)
    spread = float(np.linalg.norm(image) / np.linalg.norm(probe.astype(wide)))
    return {"LA": -2.0 * spread, "SA": 2.0 * spread, "BE": mean}.get(which, 0.0)


def _pairs_of_the_rest(
    operator: Operator, basis: Array, found: dict[str, Any], k: int, which: str, tolerance: float, threads: int
) -> dict[str, Any]:
    """Rayleigh-Ritz with ``P A P`` on what the vectors found have outside the deflated space."""
    wide = np.result_type(operator.dtype, np.float64)
    Q, V = basis.astype(wide), found["eigenvectors"].astype(wide)
    left, sines, _ = np.linalg.svd(V - Q @ (Q.conj().T @ V), full_matrices=False)
    # Of k + q directions at least k lie outside a space of q dimensions altogether.
    rest = left[:, : max(k, int(np.sum(sines > 0.5)))]
    image = operator.product(rest, threads).astype(wide)
    image -= Q @ (Q.conj().T @ image)
    projected = rest.conj().T @ image
    values, rotation = np.linalg.eigh((projected + projected.conj().T) / 2)
    order = _most_wanted(values, which)[:k]
    values, rotation = values[order], rotation[:, order]
    vectors = rest @ rotation
    residuals = np.linalg.norm(image @ rotation - vectors * values, axis=0)
    norm = max(found["norm"], np.abs(values).max(initial=0.0))
    rounding = ROUNDING_FACTOR * math.sqrt(len(vectors)) * float(np.finfo(operator.dtype).eps)
    converged = residuals <= max(tolerance, rounding) * norm
    status = found["status"] if converged.all() or found["status"] != "converged" else "stagnated"
    return {
        "eigenvalues": values,
        "eigenvectors": np.asfortranarray(vectors, dtype=operator.dtype),
        "residual_norms": residuals,
        "converged": converged,
        "status": status,
    }


def _most_wanted(values: Array, which: str) -> Array:
    """Return positions of ascending values, most wanted first; from both ends in turn, the upper one first."""
    count = len(values)
    if which == "LA":
        return np.arange(count)[::-1]
    if which == "SA":
        return np.arange(count)
    if which == "LM":
        return np.argsort(-np.abs(values), kind="stable")
    turns = np.empty(count, dtype=np.int64)
    turns[::2], turns[1::2] = np.arange(count)[::-1][: (count + 1) // 2], np.arange(count // 2)
    return turns
