"""Traces of operators and of their functions, with an interval that meets the tolerance or says that it does not."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse

from ..eigen import eigsh
from ..errors import ConvergenceWarning, Interrupted, InvalidInputError
from ..inputs import as_matrix
from ..operators import Operator, as_operator, check_symmetric, is_implicit
from ..results.estimate import Estimate
from ..run_options import RandomSource, resolve_seed, resolve_threads
from .function_products import FunctionProducts
from .low_rank import XNysTrace, XTrace, hutch_plus_plus
from .probes import gaussian_probes
from .quadrature import QuadratureTrace

Array = np.ndarray[Any, np.dtype[Any]]
MatrixFunction = Callable[[Array], Any]

METHODS = ("auto", "exact", "slq", "hutchinson", "hutch++", "xtrace", "xnystrace")

DEFAULT_DEGREE = 60
"""Lanczos steps per product with f(A), where the method needs such products."""

FIRST_TESTS = 8
"""Test vectors of the first round; later rounds double them."""

DEFAULT_MATVECS = 20_000
"""Budget of products unless another is given; n products make every trace exact."""


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
    check: bool = True,
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
    max_matvecs : int, optional
        Budget of products with A, 20 000 by default.
    check : bool
        Probe that values are finite, and the operator symmetric and deterministic.
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
    _check_options(method, rtol, atol, confidence, degree)
    n_threads, seed = resolve_threads(threads), resolve_seed(rng)
    operator = as_operator(A, shape=shape, dtype=dtype, check=check, threads=n_threads)
    n = operator.shape[0]
    if n != operator.shape[1]:
        raise InvalidInputError(f"a trace needs a square matrix, got shape {operator.shape}")
    if check:
        check_symmetric(operator, seed, n_threads)
    budget = DEFAULT_MATVECS if max_matvecs is None else int(max_matvecs)
    if budget < 1:
        raise InvalidInputError(f"max_matvecs must be positive, got {max_matvecs}")
    explicit = not isinstance(A, Operator) and (scipy.sparse.issparse(A) or not is_implicit(A))
    if method == "auto":
        method = "slq" if f is not None else ("exact" if explicit else "xtrace")
    if method == "exact":
        return _exact(A, f, explicit, confidence)

    def tolerance(value: float) -> float:
        return max(atol, rtol * abs(value))

    if method == "slq":
        moments = known_moments(A) if explicit else np.empty(0)
        function = f if f is not None else _identity
        return _by_quadrature(operator, function, moments, tolerance, confidence, budget, n_deflate, seed, n_threads)
    products = FunctionProducts(operator, f, degree, n_threads)
    return _by_products(method, products, tolerance, confidence, budget, seed)


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
    """Return the means of λ and λ² of a Hermitian matrix from its entries."""
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


def _check_options(method: str, rtol: float, atol: float, confidence: float, degree: int) -> None:
    if method not in METHODS:
        raise InvalidInputError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    if not (rtol >= 0 and atol >= 0 and rtol + atol > 0):
        raise InvalidInputError(f"rtol and atol must not be negative, and one must be positive; got {rtol}, {atol}")
    if not 0.0 < confidence < 1.0:
        raise InvalidInputError(f"confidence must lie between 0 and 1, got {confidence}")
    if isinstance(degree, bool) or degree != int(degree) or degree < 1:
        raise InvalidInputError(f"degree must be a positive integer, got {degree!r}")


def _exact(A: Any, f: MatrixFunction | None, explicit: bool, confidence: float) -> Estimate:
    if f is not None or not explicit:
        raise InvalidInputError('method="exact" adds the diagonal of a matrix: it takes no f and no operator')
    diagonal = A.diagonal() if scipy.sparse.issparse(A) else np.diagonal(as_matrix(A)[0])
    value = math.fsum(np.real(diagonal).astype(np.float64).tolist())
    return Estimate(value, 0.0, (value, value), confidence, 0)


def _by_quadrature(
    operator: Operator,
    f: MatrixFunction,
    moments: Array,
    tolerance: Callable[[float], float],
    confidence: float,
    budget: int,
    n_deflate: int,
    seed: int,
    threads: int,
) -> Estimate:
    deflation = Deflation.none() if n_deflate == 0 else Deflation.of(operator, n_deflate, moments, seed, threads)
    state = QuadratureTrace(deflation.operator or operator, f, deflation.moments(moments), seed, threads)
    offset = deflation.offset(f)
    state.pilot(lambda value: tolerance(value + offset), budget - deflation.n_matvecs)
    while True:
        report = state.report()
        wanted = tolerance(report.value + offset)
        if report.interrupted or report.half_width(confidence) <= wanted:
            break
        more = state.wanted_probes(report, wanted, confidence, budget - deflation.n_matvecs)
        if more < 1:
            break
        state.add_probes(more)
    value, half = report.value + offset, report.half_width(confidence)
    spent = report.n_matvecs + deflation.n_matvecs
    estimate = Estimate(value, report.stderr, (value - half, value + half), confidence, spent)
    if report.interrupted:
        raise Interrupted("trace was interrupted; .partial holds the estimate so far", estimate)
    _warn_if_wide(estimate, tolerance)
    return estimate


def _by_products(
    method: str,
    products: FunctionProducts,
    tolerance: Callable[[float], float],
    confidence: float,
    budget: int,
    seed: int,
) -> Estimate:
    n = products.operator.shape[0]
    affordable = max(1, budget // products.products_per_vector)
    if n <= min(FIRST_TESTS, affordable):
        value = float(np.trace(products(np.eye(n))).real)
        return Estimate(value, 0.0, (value, value), confidence, products.n_matvecs)
    draw = gaussian_probes(products.operator, seed)
    if method == "hutch++":
        k = min(affordable // 3, n - 1)
        if k < 2:
            raise InvalidInputError(f"hutch++ needs at least {6 * products.products_per_vector} products")
        return _finish(hutch_plus_plus(products, draw(0, 2 * k)), products, tolerance, confidence)
    if method == "hutchinson":
        return _sample(products, draw, tolerance, confidence, affordable)
    family = XNysTrace(products) if method == "xnystrace" else XTrace(products)
    most = max(2, min(affordable // family.products_per_vector, n))
    used, count = 0, min(FIRST_TESTS, most)
    while True:
        family.add(draw(used, count))
        used += count
        samples = family.estimates()
        estimate = _interval(samples, products, confidence)
        if _is_narrow(estimate, tolerance) or used >= most:
            break
        count = min(used, most - used)
    _warn_if_wide(estimate, tolerance)
    return estimate


def _sample(
    products: FunctionProducts,
    draw: Callable[[int, int], Array],
    tolerance: Callable[[float], float],
    confidence: float,
    affordable: int,
) -> Estimate:
    """Average ``n vᴴ f(A) v`` over vectors on the sphere, doubling their number."""
    n = products.operator.shape[0]
    samples = np.empty(0)
    count = min(2 * FIRST_TESTS, affordable)
    while True:
        tests = draw(len(samples), count)
        lengths = np.einsum("ij,ij->j", tests.conj(), tests).real
        found = np.einsum("ij,ij->j", tests.conj(), products(tests)).real
        samples = np.concatenate([samples, n * found / lengths])
        estimate = _interval(samples, products, confidence)
        if _is_narrow(estimate, tolerance) or len(samples) >= affordable:
            break
        count = min(len(samples), affordable - len(samples))
    _warn_if_wide(estimate, tolerance)
    return estimate


def _finish(
    samples: Array, products: FunctionProducts, tolerance: Callable[[float], float], confidence: float
) -> Estimate:
    estimate = _interval(samples, products, confidence)
    _warn_if_wide(estimate, tolerance)
    return estimate


def _interval(samples: Array, products: FunctionProducts, confidence: float) -> Estimate:
    """Student's interval of the mean of exchangeable estimates."""
    import scipy.stats

    count, value = len(samples), float(samples.mean())
    stderr = float(samples.std(ddof=1)) / math.sqrt(count) if count > 1 else math.inf
    half = float(scipy.stats.t.ppf(0.5 * (1 + confidence), max(count - 1, 1))) * stderr
    return Estimate(value, stderr, (value - half, value + half), confidence, products.n_matvecs)


def _is_narrow(estimate: Estimate, tolerance: Callable[[float], float]) -> bool:
    return estimate.interval[1] - estimate.value <= tolerance(estimate.value)


def _warn_if_wide(estimate: Estimate, tolerance: Callable[[float], float]) -> None:
    if _is_narrow(estimate, tolerance):
        return
    warnings.warn(
        f"trace: after {estimate.n_matvecs} products the interval reaches "
        f"{estimate.interval[1] - estimate.value:.2g} from {estimate.value:.6g}, {tolerance(estimate.value):.2g} was "
        "asked for; raise max_matvecs, rtol or atol",
        ConvergenceWarning,
        stacklevel=4,
    )


class Deflation:
    """Leading eigenpairs taken out of an operator: counted exactly, and moved to the mean of the spectrum."""

    def __init__(self, operator: Operator | None, values: Array, target: float, n_matvecs: int) -> None:
        self.operator, self._values, self._target, self.n_matvecs = operator, values, target, n_matvecs

    @classmethod
    def none(cls) -> Deflation:
        """Take nothing out."""
        return cls(None, np.empty(0), 0.0, 0)

    @classmethod
    def of(cls, operator: Operator, k: int, moments: Array, seed: int, threads: int) -> Deflation:
        """Find the k eigenpairs of largest magnitude, and form ``A + V diag(target - λ) Vᴴ`` as an operator."""
        pairs = eigsh(operator, k, check=False, rng=seed, threads=threads)
        vectors = pairs.eigenvectors
        target = float(moments[0]) if len(moments) else float(np.median(pairs.eigenvalues))
        change = target - pairs.eigenvalues

        def multiply(block: Array) -> Array:
            moved = vectors @ (change[:, None] * (vectors.conj().T @ block))
            return np.asarray(operator.product(block, threads) / operator.scale + moved)

        moved = as_operator(multiply, shape=operator.shape, dtype=operator.dtype)
        return cls(moved, pairs.eigenvalues, target, pairs.info.n_matvecs)

    def offset(self, f: MatrixFunction) -> float:
        """Return what the trace of f changes by when the eigenpairs are put back."""
        if len(self._values) == 0:
            return 0.0
        here, there = np.asarray(f(self._values), float), np.asarray(f(np.full_like(self._values, self._target)), float)
        return float(np.sum(here - there))

    def moments(self, moments: Array) -> Array:
        """Return the known moments of the deflated operator."""
        if len(moments) == 0 or self.operator is None:
            return moments
        n = self.operator.shape[0]
        removed = [np.sum(self._target**p - self._values**p) / n for p in (1, 2)]
        return np.asarray(moments + np.array(removed))
