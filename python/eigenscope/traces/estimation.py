"""Traces of operators and of their functions, with an interval that meets the tolerance or says that it does not."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse

from ..arguments import check_switch, is_whole_number
from ..errors import InvalidInputError
from ..inputs import as_matrix
from ..results.trace_estimate import TraceEstimate
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
from .exact import DECOMPOSED_ORDER, exact_products, stored_diagonal
from .function_products import FunctionProducts, real_function
from .quadrature_run import QuadratureRun
from .sampling import SampledTrace, exact_estimate
from .square_operator import is_explicit, square_operator
from .target import Target

Array = np.ndarray[Any, np.dtype[Any]]
MatrixFunction = Callable[[Array], Any]

METHODS = ("auto", "exact", "slq", "hutchinson", "hutch++", "xtrace", "xnystrace")

SMALLEST_SQUARED = 1e-140
"""Squares of smaller entries, and of entries beyond the inverse, add up to numbers outside the floating range."""

DEFAULT_DEGREE = 60
"""Lanczos steps per product with f(A), where the method needs such products."""


def trace(
    A: Any,
    f: MatrixFunction | None = None,
    *,
    method: str = "auto",
    rtol: float = 1e-2,
    atol: float = 0.0,
    confidence: float = 0.95,
    degree: int = DEFAULT_DEGREE,
    n_deflate: int = 0,
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
) -> TraceEstimate:
    """Estimate ``tr A`` or ``tr f(A)`` until its confidence interval is narrow enough.

    Parameters
    ----------
    A : array_like, sparse matrix, LinearOperator, object with ``shape`` and ``@``, or callable
        Symmetric or Hermitian of order n. A callable multiplies a block of columns and needs `shape`.
    f : callable, optional
        Real function of an array of eigenvalues, such as ``numpy.log``; the identity by default.
    method : {"auto", "exact", "slq", "hutchinson", "hutch++", "xtrace", "xnystrace"}
        "exact" adds the diagonal of a matrix, or multiplies with all n unit vectors, and decomposes for functions up
        to order 2000. "slq" integrates f over the spectral measures of random vectors; when A is a matrix, its trace
        and Frobenius norm serve as control variates. The others are products with A, or with f(A) by Lanczos: "xtrace"
        and "hutch++" take the large eigenvalues exactly, "xnystrace" does so with half the products when the operator
        is positive semidefinite, "hutchinson" samples only. "auto" is "exact" for the trace of a matrix, "xtrace" for
        that of an operator, and "slq" for functions, and turns to "exact" as soon as that costs no more.
    rtol, atol : float
        The interval is to reach no farther than ``max(atol, rtol * abs(value))`` from the value.
    confidence : float
        Coverage of the interval.
    degree : int
        Lanczos steps per product with f(A); what the second half of them changed is added to the interval. "slq"
        finds its own degree.
    n_deflate : int
        For "slq": so many eigenpairs of largest magnitude are computed, counted exactly, and moved into the middle of
        the spectrum, which helps when few eigenvalues dominate the trace.
    shape, dtype : optional
        Shape and scalar of a callable.
    max_matvecs, max_seconds : optional
        Budgets: products with A, 20 000 by default, and time, which is looked at between rounds.
    max_memory : int, float or "auto"
        Bytes for the vectors that methods of products keep; "auto" is three quarters of what is free.
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
    TraceEstimate
        With the standard error of the sampling, the interval, which holds the errors of quadrature, Lanczos process and
        rounding too, the number of products that were spent, `status` and `info`. A budget too small to tell an error
        leaves an infinite interval.

    Raises
    ------
    InvalidInputError
        For a matrix that is not square, symmetric or finite, or an `f` that is not finite and real at its eigenvalues.

    Interrupted
        On Ctrl-C; carries the estimate so far.

    Warns
    -----
    ConvergenceWarning
        When the budget ended before the interval met the tolerance.

    References
    ----------
    Epperly, Tropp and Webber, arXiv 2301.07825; Meyer, Musco, Musco and Woodruff, arXiv 2010.09649; Persson, Cortinovis
    and Kressner 2022, SIAM J. Matrix Anal. Appl. 43; Ubaru, Chen and Saad 2017, SIAM J. Matrix Anal. Appl. 38.

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope import trace
    >>> trace(np.diag([1.0, 2.0, 3.0])).value
    6.0
    >>> estimate = trace(np.diag(np.linspace(1, 2, 400)), np.log, rng=0)
    >>> bool(abs(estimate.value - np.log(np.linspace(1, 2, 400)).sum()) < 0.02 * estimate.value)
    True
    """
    if method not in METHODS:
        raise InvalidInputError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    if f is not None and not callable(f):
        raise InvalidInputError(f"f must be a function of an array of eigenvalues, got {f!r}")
    if not (is_whole_number(n_deflate) and n_deflate >= 0):
        raise InvalidInputError(f"n_deflate must be an integer that is not negative, got {n_deflate!r}")
    check_switch("check", check)
    if not (is_whole_number(degree) and degree >= 1):
        raise InvalidInputError(f"degree must be a positive integer, got {degree!r}")
    meter = Progress(progress, "trace")
    target = Target(
        "trace",
        rtol=rtol,
        atol=atol,
        confidence=confidence,
        max_matvecs=max_matvecs,
        max_seconds=max_seconds,
        max_memory=max_memory,
        meter=meter,
        callback=callback,
    )
    n_threads, seed = resolve_threads(threads), resolve_seed(rng)
    watch = Stopwatch(n_threads, seed)
    A = tensor_as_csr(A)
    operator = square_operator(A, "trace", shape, dtype, check, seed, n_threads)
    products = FunctionProducts(operator, None if f is None else real_function(f), int(degree), n_threads)
    explicit = is_explicit(A)
    if method == "exact" or (method == "auto" and f is None and explicit):
        return _exact(A, products, explicit, target, watch)
    may_be_exact = method == "auto" and n_deflate == 0
    if method == "auto":
        method = "xtrace" if f is None else "slq"
    run: QuadratureRun | SampledTrace
    try:
        with single_threaded_blas():
            if method == "slq":
                moments = known_moments(A) if explicit else np.empty(0)
                run = QuadratureRun(products, moments, int(n_deflate), target, may_be_exact, seed, watch)
            else:
                run = SampledTrace(method, products, target, may_be_exact, seed, watch)
            estimate = run.run()
    finally:
        meter.close()
    target.warn_unless_converged(estimate, run.advice)
    return estimate


def logdet(A: Any, **options: Any) -> TraceEstimate:
    """Estimate the logarithm of the determinant of a positive definite operator, ``tr log A``.

    Parameters
    ----------
    A : array_like, sparse matrix, LinearOperator, object with ``shape`` and ``@``, or callable
        Symmetric or Hermitian positive definite.
    **options
        As `trace` takes.

    Returns
    -------
    TraceEstimate
        As `trace` returns.

    Raises
    ------
    InvalidInputError
        When a Ritz value is not positive: the operator is not positive definite.

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope import logdet
    >>> print(f"{logdet(2.0 * np.eye(100), rng=0).value / 100:.6f}")
    0.693147
    """
    return trace(A, np.log, **options)


def known_moments(A: Any) -> Array:
    """Return the means of λ and λ² of a Hermitian matrix from its entries; none where squares leave the range."""
    if scipy.sparse.issparse(A):
        # Entries that are stored in parts count once, and of no matrix type may a power be taken.
        compressed = A.tocsr()
        if not compressed.has_canonical_format:
            compressed = compressed.copy()
            compressed.sum_duplicates()
        rows = [compressed.data]
    else:
        rows = list(as_matrix(A)[0])
    largest = max((float(np.abs(row).max(initial=0.0)) for row in rows), default=0.0)
    if not SMALLEST_SQUARED < largest < 1.0 / SMALLEST_SQUARED:
        return np.empty(0)
    wide = np.result_type(rows[0].dtype, np.float64)
    squares = math.fsum(float(np.linalg.norm(row.astype(wide)) ** 2) for row in rows)
    diagonal = stored_diagonal(A)
    return np.array([math.fsum(diagonal.tolist()), squares]) / len(diagonal)


def _exact(A: Any, products: FunctionProducts, explicit: bool, target: Target, watch: Stopwatch) -> TraceEstimate:
    """Return the trace by adding stored entries where that is all, from n products otherwise."""
    if products.f is None and explicit:
        value = math.fsum(stored_diagonal(A).tolist())
        return TraceEstimate(value, 0.0, (value, value), target.confidence, 0, "converged", watch.info("exact"))
    needed = exact_products(products)
    if needed > target.max_matvecs:
        raise InvalidInputError(
            f'method="exact" needs {needed:,} products, or f a matrix of order up to {DECOMPOSED_ORDER:,}; '
            f"max_matvecs is {target.max_matvecs:,} and the order {products.order:,}: raise it or use another method"
        )
    return exact_estimate(products, target, "exact", watch)
