"""Diagonals of operators and of their functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arguments import check_switch, is_whole_number
from ..errors import InvalidInputError
from ..results.diagonal_estimate import DiagonalEstimate
from ..run_options import (
    Progress,
    ProgressOption,
    RandomSource,
    Stopwatch,
    resolve_seed,
    resolve_threads,
    single_threaded_blas,
)
from ..tensors import tensor_as_csr
from .diagonal_run import DiagonalRun
from .exact import stored_diagonal
from .function_products import FunctionProducts, MatrixFunction, real_function
from .square_operator import is_explicit, square_operator
from .target import Target

DEFAULT_DEGREE = 60
"""Lanczos steps per product with f(A)."""


def diagonal(
    A: Any,
    f: MatrixFunction | None = None,
    *,
    rtol: float = 1e-2,
    atol: float = 0.0,
    n_probes: int | None = None,
    confidence: float = 0.95,
    degree: int = DEFAULT_DEGREE,
    shape: tuple[int, int] | None = None,
    dtype: Any = None,
    max_matvecs: int | None = None,
    max_seconds: float | None = None,
    max_memory: int | float | str = "auto",
    check: bool = True,
    callback: Callable[[dict[str, Any]], Any] | None = None,
    progress: ProgressOption = False,
    rng: RandomSource = None,
    threads: int | None = None,
) -> DiagonalEstimate:
    """Estimate the diagonal of A or of f(A) until the interval of every entry is narrow enough.

    A third of the products find the range of the large eigenvalues, a third take its part of the diagonal exactly,
    and a third sample the diagonal of the rest with random signs. As soon as the n unit vectors cost no more, they give
    the diagonal exactly: of A, and of f(A) up to order 2000 by a decomposition.

    Parameters
    ----------
    A : array_like, sparse matrix, LinearOperator, object with ``shape`` and ``@``, or callable
        Symmetric or Hermitian of order n. A callable multiplies a block of columns and needs `shape`.
    f : callable, optional
        Real function of an array of eigenvalues; the identity by default, with which the diagonal of a matrix is exact.
    rtol, atol : float
        No interval is to reach farther than ``max(atol, rtol * abs(largest entry))`` from its value.
    n_probes : int, optional
        This many products with A or f(A), at least 6, whatever the accuracy; n or more give the exact diagonal.
    confidence : float
        Coverage of the interval of each entry.
    degree : int
        Lanczos steps per product with f(A); what the second half of them changed is added to the intervals.
    shape, dtype : optional
        Shape and scalar of a callable.
    max_matvecs, max_seconds : optional
        Budgets: products with A, 20 000 by default, and time, which is looked at between rounds.
    max_memory : int, float or "auto"
        Bytes for the vectors that are kept; "auto" is three quarters of what is free.
    check : bool
        Probe that values are finite, and the operator symmetric and deterministic.
    callback : callable, optional
        Called after every round with a dictionary of n_matvecs, value and interval; returning True stops the run.
    progress : bool or callable
        Report to standard error, or to a function of one string.
    rng : int, Generator, SeedSequence or None
        Source of the random vectors.
    threads : int, optional
        Threads; by default as many as the process may use.

    Returns
    -------
    DiagonalEstimate
        Values, standard errors and intervals, shape (n,), with `status` and `info`.

    Raises
    ------
    InvalidInputError
        For a matrix that is not square, symmetric or finite, an `f` that is not finite and real at its eigenvalues, or
        too few probes.

    Interrupted
        On Ctrl-C; carries the estimate so far.

    Warns
    -----
    ConvergenceWarning
        When the budget ended before all intervals met the tolerance.

    References
    ----------
    Bekas, Kokiopoulou and Saad 2007, Appl. Numer. Math. 57; Baston and Nakatsukasa, arXiv 2208.03268.

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope import diagonal
    >>> np.round(diagonal(np.diag([1.0, 4.0]), np.sqrt, n_probes=6, rng=0).value, 12)
    array([1., 2.])
    """
    A = tensor_as_csr(A)
    n_threads, seed = resolve_threads(threads), resolve_seed(rng)
    meter, watch = Progress(progress, "diagonal"), Stopwatch(n_threads, seed)
    if n_probes is not None and not (is_whole_number(n_probes) and n_probes >= 6):
        raise InvalidInputError(f"n_probes must be an integer of at least 6: three kinds of two; got {n_probes!r}")
    if not (is_whole_number(degree) and degree >= 1):
        raise InvalidInputError(f"degree must be a positive integer, got {degree!r}")
    target = Target(
        "diagonal",
        rtol=rtol,
        atol=atol,
        confidence=confidence,
        max_matvecs=max_matvecs,
        max_seconds=max_seconds,
        max_memory=max_memory,
        meter=meter,
        callback=callback,
    )
    check_switch("check", check)
    operator = square_operator(A, "diagonal", shape, dtype, check, seed, n_threads)
    if f is None and is_explicit(A):
        values = stored_diagonal(A)
        return DiagonalEstimate(values, np.zeros_like(values), (values, values), confidence, info=watch.info("exact"))
    products = FunctionProducts(operator, None if f is None else real_function(f), int(degree), n_threads)
    run = DiagonalRun(products, target, None if n_probes is None else int(n_probes), seed, watch)
    try:
        with single_threaded_blas():
            estimate = run.run()
    finally:
        meter.close()
    if n_probes is None:
        target.warn_unless_converged(estimate, run.advice)
    return estimate
