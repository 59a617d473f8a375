"""Traces of operators and of their functions, with an interval that meets the tolerance or says that it does not."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse

from ..errors import Interrupted, InvalidInputError
from ..inputs import as_matrix
from ..operators import Operator, as_operator, is_implicit
from ..results.estimate import Estimate
from ..run_options import Progress, ProgressOption, RandomSource, resolve_seed, resolve_threads, single_threaded_blas
from ..symmetry import check_symmetric
from .deflation import Deflation
from .function_products import FunctionProducts
from .quadrature import QuadratureTrace
from .sampling import trace_by_products
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
    check: bool = True,
    callback: Callable[[dict[str, Any]], Any] | None = None,
    progress: ProgressOption = False,
    rng: RandomSource = None,
    threads: int | None = None,
) -> Estimate:
    """Estimate ``tr A`` or ``tr f(A)`` until its confidence interval is narrow enough.

    Parameters
    ----------
    A : array_like, sparse matrix, LinearOperator, object with ``shape`` and ``@``, or callable
        Symmetric or Hermitian of order n. A callable multiplies a block of columns and needs `shape`.
    f : callable, optional
        Function of an array of eigenvalues, such as ``numpy.log``; the identity by default.
    method : {"auto", "exact", "slq", "hutchinson", "hutch++", "xtrace", "xnystrace"}
        "exact" adds the diagonal of a matrix. "slq" integrates f over the spectral measures of random vectors; when A
        is a matrix, its trace and Frobenius norm serve as control variates. The others are products with A, or with
        f(A) by Lanczos: "xtrace" takes the large eigenvalues exactly, "xnystrace" does so with half the products
        when the operator is positive semidefinite, "hutch++" spends `max_matvecs`, "hutchinson" samples only. "auto"
        is "exact" for the trace of a matrix, "xtrace" for that of an operator, and "slq" for functions.
    rtol, atol : float
        The interval is to reach no farther than ``max(atol, rtol * abs(value))`` from the value.
    confidence : float
        Coverage of the interval.
    degree : int
        Lanczos steps per product with f(A); "slq" finds its own degree.
    n_deflate : int
        For "slq": so many eigenpairs of largest magnitude are computed, counted exactly, and moved into the middle of
        the spectrum, which helps when few eigenvalues dominate the trace.
    shape, dtype : optional
        Shape and scalar of a callable.
    max_matvecs, max_seconds : optional
        Budgets: products with A, 20 000 by default, and time, which is looked at between rounds.
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
    Estimate
        With the standard error of the sampling, the interval, which holds the error of the quadrature too, and the
        number of products that were spent.

    Raises
    ------
    InvalidInputError
        For a matrix that is not square, symmetric or finite, or an `f` that is not finite at its eigenvalues.

    Interrupted
        On Ctrl-C; carries the estimate so far.

    Warns
    -----
    ConvergenceWarning
        When the budget ended before the interval met the tolerance.

    References
    ----------
    Epperly, Tropp and Webber, arXiv 2301.07825; Meyer, Musco, Musco and Woodruff, arXiv 2010.09649; Ubaru, Chen and
    Saad 2017, SIAM J. Matrix Anal. Appl. 38.

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
    if isinstance(degree, bool) or degree != int(degree) or degree < 1:
        raise InvalidInputError(f"degree must be a positive integer, got {degree!r}")
    meter = Progress(progress, "trace")
    target = Target(rtol, atol, confidence, max_matvecs, max_seconds, meter, callback)
    n_threads, seed = resolve_threads(threads), resolve_seed(rng)
    operator = as_operator(A, shape=shape, dtype=dtype, check=check, threads=n_threads)
    n = operator.shape[0]
    if n != operator.shape[1]:
        raise InvalidInputError(f"a trace needs a square matrix, got shape {operator.shape}")
    if check:
        check_symmetric(operator, seed, n_threads)
    explicit = not isinstance(A, Operator) and (scipy.sparse.issparse(A) or not is_implicit(A))
    if method == "auto":
        method = "slq" if f is not None else ("exact" if explicit else "xtrace")
    if method == "exact":
        return _exact(A, f, explicit, confidence)

    try:
        if method == "slq":
            moments = known_moments(A) if explicit else np.empty(0)
            function = f if f is not None else _identity
            estimate = _by_quadrature(operator, function, moments, n_deflate, target, seed, n_threads)
        else:
            products = FunctionProducts(operator, f, degree, n_threads)
            with single_threaded_blas():
                estimate = trace_by_products(method, products, target, seed)
    finally:
        meter.close()
    target.warn_unless_met(estimate)
    return estimate


def logdet(A: Any, **options: Any) -> Estimate:
    """Estimate the logarithm of the determinant of a positive definite operator, ``tr log A``.

    Parameters
    ----------
    A : array_like, sparse matrix, LinearOperator, object with ``shape`` and ``@``, or callable
        Symmetric or Hermitian positive definite.
    **options
        As `trace` takes.

    Returns
    -------
    Estimate
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
    largest = float(abs(A if scipy.sparse.issparse(A) else as_matrix(A)[0]).max())
    if not SMALLEST_SQUARED < largest < 1.0 / SMALLEST_SQUARED:
        return np.empty(0)
    if scipy.sparse.issparse(A):
        squares = float((abs(A.astype(np.result_type(A.dtype, np.float64))) ** 2).sum())
        return np.array([float(np.real(A.diagonal()).sum()) / A.shape[0], squares / A.shape[0]])
    array, _ = as_matrix(A)
    wide = np.result_type(array.dtype, np.float64)
    squares = math.fsum(float(np.linalg.norm(row.astype(wide)) ** 2) for row in array)
    total = math.fsum(np.real(np.diagonal(array)).astype(np.float64).tolist())
    return np.array([total / len(array), squares / len(array)])


def _identity(x: Array) -> Array:
    return x


def _exact(A: Any, f: MatrixFunction | None, explicit: bool, confidence: float) -> Estimate:
    if f is not None or not explicit:
        raise InvalidInputError('method="exact" adds the diagonal of a matrix: it takes no f and no operator')
    diagonal = A.diagonal() if scipy.sparse.issparse(A) else np.diagonal(as_matrix(A)[0])
    value = math.fsum(np.real(diagonal).astype(np.float64).tolist())
    return Estimate(value, 0.0, (value, value), confidence, 0)


def _by_quadrature(
    operator: Operator, f: MatrixFunction, moments: Array, n_deflate: int, target: Target, seed: int, threads: int
) -> Estimate:
    deflation = Deflation.of(operator, n_deflate, moments, seed, threads)
    offset, budget = deflation.offset(f), target.max_matvecs - deflation.n_matvecs
    state = QuadratureTrace(deflation.operator, f, deflation.moments(moments), seed, threads)
    state.pilot(lambda value: target.tolerance(value + offset), budget)
    while True:
        report = state.report()
        value, half = report.value + offset, report.half_width(target.confidence)
        spent = report.n_matvecs + deflation.n_matvecs
        estimate = Estimate(value, report.stderr, (value - half, value + half), target.confidence, spent)
        if report.interrupted:
            raise Interrupted("trace was interrupted; .partial holds the estimate so far", estimate)
        if target.ends_with(estimate):
            return estimate
        more = state.wanted_probes(report, target.tolerance(value), target.confidence, budget)
        if more < 1:
            return estimate
        state.add_probes(more)
