"""Singular triplets by the method asked for or the quickest that fits, and by LAPACK where an iteration could not."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from .results import SVDResult
from .svd_methods import choose_method, last_resort
from .triplets import Prepared, Run, gram_basis, solve


def triplets_by_method(prepared: Prepared, k: int, settings: dict[str, Any], method: str, run: Run) -> SVDResult:
    """Compute k triplets.

    Parameters
    ----------
    prepared : Prepared
        The operator.
    k : int
        Number of triplets.
    settings : dict
        Options of the compiled solver.
    method : str
        One of `METHODS`.
    run : Run
        How to run.

    Returns
    -------
    SVDResult
        Its ``.info.method`` says how they were found.
    """
    work = prepared.work(k, run.threads)
    cost = choose_method(work, method, settings["block"], run.budget, settings["max_matvecs"])
    settings = settings | {"k": k, "direct": cost.method == "lapack"}
    if cost.method == "gram":
        prepared = prepared.on_short_side()
        settings["basis"] = _basis_of_moments(prepared, k, settings["tolerance"], run)
    result = solve(prepared, settings, cost.description, run)
    if method != "auto" or settings["direct"] or result.status != "stagnated":
        return result
    return _by_lapack(prepared, settings | {"direct": True, "basis": None}, run, result)


def _basis_of_moments(prepared: Prepared, k: int, tolerance: float, run: Run) -> Any:
    values, vectors = gram_basis(prepared, k, run)
    # Below this share of the largest, eigenvectors of the second moments do not meet the tolerance.
    eps = np.finfo(np.float64).eps
    resolved = (16 * eps / max(tolerance, eps)) ** 2
    count = vectors.shape[1] if values[k - 1] <= resolved * values[0] else k
    return np.asfortranarray(vectors[:, :count], dtype=prepared.operator.dtype)


def _by_lapack(prepared: Prepared, settings: dict[str, Any], run: Run, before: SVDResult) -> SVDResult:
    """Return what LAPACK finds after an iteration that rounding kept from its tolerance, within budgets and reason."""
    lapack = last_resort(prepared.work(settings["k"], run.threads), run.budget)
    needed = before.info.n_matvecs + min(prepared.operator.shape) + 2 * settings["k"]
    if lapack is None or settings["max_seconds"] or needed > settings["max_matvecs"]:
        return before
    name = f"{before.info.method}, then {lapack.description}"
    result = solve(prepared, settings, name, dataclasses.replace(run, checkpoint=None))
    info = dataclasses.replace(
        result.info,
        n_matvecs=before.info.n_matvecs + result.info.n_matvecs,
        n_passes=before.info.n_passes + result.info.n_passes,
    )
    return dataclasses.replace(result, info=info)
