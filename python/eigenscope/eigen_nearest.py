"""Eigenvalues nearest a number, or farthest from it: the choice between LAPACK, factorisation and Lanczos."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse

from .errors import InvalidInputError
from .inversion import nearest_by_inversion
from .operators import Array, Operator
from .run_options import single_threaded_blas

INVERSION_ORDER = 1500
"""From this order on, a few eigenvalues inside the spectrum of a dense matrix come sooner by factorisation."""

Solver = Callable[..., dict[str, Any]]


def nearest(
    operator: Operator, k: int, sigma: float | None, options: dict[str, Any], solve: Solver, may_decompose: bool
) -> tuple[dict[str, Any], float, str]:
    """Find the pairs with the wanted ``1 / (λ - sigma)``.

    Parameters
    ----------
    operator : Operator
        Square.
    k : int
        Number of pairs.
    sigma : float or None
        The number; None stands for ``which="SM"``, nearest zero.
    options : dict
        Options of the compiled solver; with a `sigma`, ``which`` speaks of ``1 / (λ - sigma)``.
    solve : callable
        Runs the compiled solver on an operator for a number of pairs, with changed options.
    may_decompose : bool
        Whether LAPACK may take over where `sigma` is so near an eigenvalue that an inverse resolves little else.

    Returns
    -------
    tuple
        As the compiled solver returns, the factor its values are scaled by, and the method.
    """
    if sigma is None:
        sigma, options = 0.0, options | {"which": "LM"}
    if options["direct"]:
        return _nearest_of_all(operator, k, sigma, options), operator.scale, "LAPACK eigh"
    if options["which"] == "SM":
        farthest = _farthest(operator, k, sigma, solve)
        return farthest, operator.scale, farthest["method"]
    if operator.matrix is None:
        raise InvalidInputError(
            'which="SM" of an operator, or sigma, needs a factorisation: give the matrix itself, or use which="SA" '
            "when the operator is positive semidefinite"
        )
    if operator.kind == "dense" and operator.shape[0] < INVERSION_ORDER:
        return _nearest_of_all(operator, k, sigma, options), operator.scale, "LAPACK eigh"
    # A solve loses as many digits as the shifted matrix has powers of ten of condition: single precision has too few.
    wide = np.result_type(operator.dtype, np.float64)
    if operator.kind == "sparse":
        matrix = scipy.sparse.csc_array(operator.matrix, dtype=wide)
    else:
        matrix = np.asarray(operator.matrix, dtype=wide)
    if options["start"] is not None:
        options = options | {"start": options["start"].astype(wide)}
    found = nearest_by_inversion(matrix, sigma, k, options, operator.dtype, gives_up=may_decompose)
    if found is None:
        return _nearest_of_all(operator, k, sigma, options), operator.scale, "LAPACK eigh"
    return found, 1.0, "thick-restart block Lanczos on the inverse"


def _nearest_of_all(operator: Operator, k: int, sigma: float, options: dict[str, Any]) -> dict[str, Any]:
    with single_threaded_blas():
        found = dict(operator.core.eigenpairs(k=operator.shape[0], **(options | {"which": "LM", "direct": True})))
    return _selected(found, _wanted_order(found["eigenvalues"] - sigma * operator.scale, options["which"])[:k])


def _selected(found: dict[str, Any], order: Array) -> dict[str, Any]:
    """Return a result with some of its pairs, in this order."""
    chosen = {name: found[name][order] for name in ("eigenvalues", "residual_norms", "converged")}
    return found | chosen | {"eigenvectors": found["eigenvectors"][:, order]}


def _wanted_order(distance: Array, which: str) -> Array:
    """Positions of λ - sigma, most wanted first."""
    if which in ("LM", "SM"):
        magnitude = np.abs(distance)
        return np.argsort(magnitude if which == "LM" else -magnitude, kind="stable")
    with np.errstate(divide="ignore"):
        ascending = np.argsort(1.0 / distance, kind="stable")
    if which == "SA":
        return ascending
    if which == "LA":
        return ascending[::-1]
    # Nearest above and nearest below in turn.
    both = np.empty_like(ascending)
    half = (len(both) + 1) // 2
    both[::2], both[1::2] = ascending[::-1][:half], ascending[: len(both) - half]
    return both


def _farthest(operator: Operator, k: int, sigma: float, solve: Solver) -> dict[str, Any]:
    """Find the smallest ``1 / (λ - sigma)``: k from each end of the spectrum hold them, and need no factorisation."""
    with single_threaded_blas():
        found = solve(operator.core, min(2 * k, operator.shape[0]), which="BE", filter=False)
    return _selected(found, _wanted_order(found["eigenvalues"] - sigma * operator.scale, "SM")[:k])
