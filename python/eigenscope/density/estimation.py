"""The density of the spectrum of an operator that is known by its products."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _core
from ..arguments import check_switch, is_real_number
from ..byte_sizes import format_bytes
from ..errors import ConvergenceWarning, Interrupted, InvalidInputError, MemoryBudgetError
from ..operators import Operator
from ..results.spectral_density import SpectralDensity
from ..run_options import (
    Progress,
    ProgressOption,
    RandomSource,
    Stopwatch,
    asks_to_stop,
    check_callback,
    check_seconds,
    memory_budget,
    resolve_seed,
    resolve_threads,
    single_threaded_blas,
)
from ..standardization import Standardization
from ..tensors import tensor_as_csr
from .confidence import normal_quantile
from .measured_operator import prepare
from .refinement import join

Array = np.ndarray[Any, np.dtype[Any]]

DEFAULT_DEGREE = 80
SAMPLE_TARGET = 100_000
"""Order times probes by default: the 95 % band is then narrower than ±0.005."""

FEWEST_PROBES, MOST_PROBES = 4, 64
PROBES = ("sphere", "rademacher", "orthogonal")
MEASURES = ("auto", "matrix", "gram", "covariance")

BLOCK = 16
"""Probes per group: a power of two, so that later probes join in whole groups."""

CACHE_LINE_BYTES = 64
"""A sparse product visits rows of the block in no order; one line per visit is the fastest (measured for 8 million
random entries: 4.6 s with 8 columns of doubles where 16 columns take 6.6 s)."""

SHORTEST_BUDGET = 1e-9
"""Seconds; every run makes one step."""

BASIS_BYTES = 64 << 20
"""By default recurrences are reorthogonalised when the vectors of a group take no more than this."""

SHARED_WORK = 1 << 21
"""Multiplications of a step, about a millisecond, from which a second thread is worth waking: on a busy machine it
may answer late."""


def spectral_density(
    A: Any,
    *,
    degree: int | None = None,
    n_probes: int | None = None,
    accuracy: float | None = None,
    of: str = "auto",
    center: bool = False,
    scale: bool = False,
    row_weights: Any = None,
    column_weights: Any = None,
    probe: str = "orthogonal",
    reorthogonalize: bool | None = None,
    shape: tuple[int, int] | None = None,
    dtype: Any = None,
    adjoint: Callable[[Array], Any] | None = None,
    block_size: int | None = None,
    max_matvecs: int | None = None,
    max_seconds: float | None = None,
    max_memory: int | float | str = "auto",
    check: bool = True,
    callback: Callable[[dict[str, Any]], Any] | None = None,
    progress: ProgressOption = False,
    rng: RandomSource = None,
    threads: int | None = None,
) -> SpectralDensity:
    """Estimate the distribution of all eigenvalues from products with random vectors.

    Stochastic Lanczos quadrature: each random unit vector v gives a Gauss quadrature (nodes, weights) of the measure
    ``vᵀ δ(x - A) v``, whose mean over v is the distribution of the eigenvalues. All vectors of a group are multiplied
    in one block product, and no basis is kept unless it is small.

    Parameters
    ----------
    A : array_like, path, memory map, sparse matrix, LinearOperator, object with ``shape`` and ``@``, or callable
        Symmetric or Hermitian of order n; or m x n for the Gram matrix or the covariance. A callable multiplies a
        block of columns and needs `shape`.
    degree : int, optional
        Lanczos steps, the number of nodes per probe; 80 by default, at most n. Resolution is the width of the
        spectrum over the degree, finer at its edges.
    n_probes : int, optional
        Random vectors; by default so many that n times their number reaches 100 000, between 4 and 64.
    accuracy : float, optional
        Half width of the 95 % band of the cumulative distribution; chooses `degree` and `n_probes`.
    of : {"auto", "matrix", "gram", "covariance"}
        Whose eigenvalues: those of A; of ``Aᴴ A``; or of the covariance of the columns, rows being samples,
        ``Aᴴ A / (m - 1)`` when centred and ``Aᴴ A / m`` otherwise. The product is never formed. "auto" is "matrix"
        for square input and "gram" otherwise.
    center, scale : bool
        Subtract column means; divide columns by their standard deviations, or without `center` by their root mean
        squares. For "gram" and "covariance".
    row_weights, column_weights : array_like, optional
        A row (column) of weight w counts like w equal rows (columns), in means and in the number of samples too. For
        "gram" and "covariance".
    probe : {"orthogonal", "sphere", "rademacher"}
        Uniform unit vectors, orthonormal within groups (least variance, exact with n probes in one group); independent
        ones; signs (exact for diagonal matrices).
    reorthogonalize : bool, optional
        Keep the vectors of a group and orthogonalise against all of them; by default when they take less than 64 MB.
        Without, converged eigenvalues appear in copies whose weights add up to the right one.
    shape : tuple of int, optional
        Shape of a callable.
    dtype : dtype, optional
        Scalar of the computation. float32 halves the traffic: large sparse matrices go twice as fast, and nodes are
        still accurate to about 1e-6 of the largest eigenvalue.
    adjoint : callable, optional
        Adjoint product of a callable.
    block_size : int, optional
        Probes multiplied at once, a group; by default 16, one cache line per row for sparse matrices, and n where n
        orthogonal probes are asked for and the vectors of all take less than 64 MB.
    max_matvecs, max_seconds : optional
        Budgets: the first shortens the number of probes, then the degree; when the second is met, the probes that
        are complete are returned. The status is then "budget".
    max_memory : int, float or "auto"
        Bytes the computation may take beyond the input.
    check : bool
        Probe that values are finite, and the operator symmetric and deterministic.
    callback : callable, optional
        Called with a dictionary after every block product; returning True stops the run.
    progress : bool or callable
        Report to standard error, or to a function of one string.
    rng : int, Generator, SeedSequence or None
        Source of the probes. The same seed gives the same bits for any number of threads.
    threads : int, optional
        Threads; by default as many as the process may use.

    Returns
    -------
    SpectralDensity
        With ``cdf``, ``band``, ``pdf``, ``atoms``, ``moment``, ``expectation``, ``count``, ``compare``, ``refine``.

    Raises
    ------
    InvalidInputError
        For a matrix that is not square, symmetric or finite, or options out of range.
    MemoryBudgetError
        When the vectors of a group do not fit.
    Interrupted
        On Ctrl-C; carries the probes that are complete.

    Warns
    -----
    ConvergenceWarning
        When a budget left less than the `degree`, `n_probes` or `accuracy` asked for.

    References
    ----------
    Ubaru, Chen and Saad 2017, SIAM J. Matrix Anal. Appl. 38; Chen, Trogdon and Ubaru 2021, "Analysis of stochastic
    Lanczos quadrature for spectrum approximation", ICML.

    Examples
    --------
    >>> import numpy as np
    >>> density = spectral_density(np.diag([1.0, 1.0, 1.0, 4.0]), rng=0)
    >>> np.round(density.atoms[:, :2], 12)
    array([[1.  , 0.75],
           [4.  , 0.25]])
    """
    n_threads, seed = resolve_threads(threads), resolve_seed(rng)
    _check_names(of, probe)
    check_switch("check", check)
    if reorthogonalize is not None:
        check_switch("reorthogonalize", reorthogonalize)
    view = Standardization(center, scale, row_weights, column_weights)
    A = tensor_as_csr(A)
    operator, settings = prepare(A, of, view, shape, dtype, adjoint, check, seed, n_threads)
    n = operator.shape[1]
    is_asked_for = any(option is not None for option in (degree, n_probes, accuracy))
    wanted = choose_sizes(n, degree, n_probes, accuracy)
    sizes = within_budget(wanted, max_matvecs, 2 if settings["gram"] else 1)
    settings |= {"degree": sizes[0], "wanted": wanted, "probe": probe, "seed": seed}
    settings |= _choose_group(operator, settings, sizes[1], block_size, reorthogonalize)
    _check_memory(operator, settings, memory_budget(max_memory))
    run = {"max_seconds": max_seconds, "callback": callback, "progress": progress, "threads": n_threads}
    result = run_probes(operator, settings, None, sizes[1], run)
    if is_asked_for and result.status == "budget" and not run.get("stopped"):
        warn_about_budget(result, wanted, stacklevel=3)
    return result


def run_probes(
    operator: Operator, settings: dict[str, Any], before: SpectralDensity | None, n_probes: int, run: dict[str, Any]
) -> SpectralDensity:
    """Add probes to what is known, and wrap the result together with what it needs to be continued.

    Parameters
    ----------
    operator : Operator
        What is multiplied.
    settings : dict
        What decides the numbers: degree, block, probe, reorthogonalize, seed, gram, and how to name the result.
    before : SpectralDensity or None
        Probes that are known already.
    n_probes : int
        Number of new probes.
    run : dict
        Budget, callback, progress and threads; whether the callback stopped the run is added.
    """
    seconds = run["max_seconds"]
    check_seconds(seconds)
    check_callback(run["callback"])
    threads = _worthwhile_threads(operator, settings, run["threads"])
    watch = Stopwatch(threads, settings["seed"])
    first = 0 if before is None else before.n_probes
    meter = Progress(run["progress"], "spectral_density")
    integrate = getattr(_core, f"spectral_quadrature_{operator.dtype.name}")
    names = ("degree", "block", "probe", "gram", "reorthogonalize", "seed")
    try:
        with single_threaded_blas():
            found = integrate(
                operator.core,
                first_probe=first,
                n_probes=n_probes,
                # Zero means no budget to the core.
                max_seconds=0.0 if seconds is None else max(float(seconds), SHORTEST_BUDGET),
                monitor=_monitor(run, meter, n_probes, settings["degree"]),
                threads=threads,
                **{name: settings[name] for name in names},
            )
    finally:
        meter.close()
    result = join(found, operator, settings, before, watch)
    if found["interrupted"]:
        partial = result if result.n_probes else None
        text = "; .partial holds the probes so far" if partial is not None else " before the first product ended"
        raise Interrupted(f"spectral_density was interrupted{text}", partial)
    return result


def positive_integer(name: str, value: Any) -> int:
    """Return an option as an integer, or raise."""
    whole = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not whole or not np.isfinite(value) or value != int(value) or value < 1:
        raise InvalidInputError(f"{name} must be a positive integer, got {value!r}")
    return int(value)


def default_block(kind: str, item_bytes: int) -> int:
    """Return the number of probes that are multiplied at once."""
    return max(4, CACHE_LINE_BYTES // item_bytes) if kind == "sparse" else BLOCK


def _choose_group(
    operator: Operator, settings: dict[str, Any], n_probes: int, block_size: int | None, reorthogonalize: bool | None
) -> dict[str, Any]:
    """Return how many probes are taken at once, and whether their vectors are kept."""
    n = operator.shape[1]
    bytes_per_probe = n * settings["degree"] * operator.dtype.itemsize
    usual = default_block(operator.kind, operator.dtype.itemsize)
    block = usual if block_size is None else positive_integer("block_size", block_size)
    is_whole_basis = settings["probe"] == "orthogonal" and n_probes >= n
    if block_size is None and is_whole_basis and n * bytes_per_probe <= BASIS_BYTES:
        # Only within a group are probes orthogonal, and n of those are exact.
        block = n
    block = min(block, n_probes)
    if reorthogonalize is None:
        reorthogonalize = block * bytes_per_probe <= BASIS_BYTES
    return {"block": block, "reorthogonalize": bool(reorthogonalize)}


def choose_sizes(n: int, degree: int | None, n_probes: int | None, accuracy: float | None) -> tuple[int, int]:
    """Return degree and number of probes from what was asked for."""
    for name, value in (("degree", degree), ("n_probes", n_probes)):
        if value is not None:
            positive_integer(name, value)
    if accuracy is not None and not (is_real_number(accuracy) and 0.0 < accuracy < 0.5):
        raise InvalidInputError(f"accuracy must lie between 0 and 0.5, it is a share of eigenvalues; got {accuracy!r}")
    wanted_degree, wanted_probes = DEFAULT_DEGREE, math.ceil(SAMPLE_TARGET / n)
    most = MOST_PROBES
    if accuracy is not None:
        # The variance of a share is at most 1/4 times 2 / (n n_probes); the quadrature gets as much room again.
        wanted_probes = math.ceil(normal_quantile(0.95) ** 2 / (2 * n * accuracy**2))
        wanted_degree = max(20, math.ceil(1.0 / accuracy))
        most = max(most, n)
    chosen_degree = min(n, int(degree or wanted_degree))
    chosen_probes = int(n_probes or min(max(wanted_probes, FEWEST_PROBES), most))
    if n_probes is None:
        # n orthonormal probes are exact already.
        chosen_probes = min(chosen_probes, n)
    return chosen_degree, chosen_probes


def within_budget(wanted: tuple[int, int], max_matvecs: int | None, products_per_step: int) -> tuple[int, int]:
    """Return the degree and number of probes that a budget of products leaves."""
    if max_matvecs is None:
        return wanted
    steps = positive_integer("max_matvecs", max_matvecs) // products_per_step
    if steps < 1:
        raise InvalidInputError(f"max_matvecs must allow one step of {products_per_step} products, got {max_matvecs}")
    degree, n_probes = wanted
    return min(degree, steps), max(1, min(n_probes, steps // degree))


def warn_about_budget(result: SpectralDensity, wanted: tuple[int, int], stacklevel: int) -> None:
    """Say what a budget has left of the degree and the probes that were wanted."""
    warnings.warn(
        f"spectral_density: the budget ended with {result.n_probes} of {wanted[1]} probes, degree {result.degree} of "
        f"{wanted[0]}; the error bars are wider by that. Raise max_matvecs or max_seconds",
        ConvergenceWarning,
        stacklevel=stacklevel,
    )


def _worthwhile_threads(operator: Operator, settings: dict[str, Any], threads: int) -> int:
    """Return `threads`, or 1 where a step is too short to be shared."""
    vectors = operator.shape[1] * (settings["degree"] if settings["reorthogonalize"] else 1)
    values = 0 if operator.kind == "callback" else operator.stored_values
    return threads if settings["block"] * (vectors + values) >= SHARED_WORK else 1


def _check_names(of: str, probe: str) -> None:
    if of not in MEASURES:
        raise InvalidInputError(f"of must be one of {', '.join(MEASURES)}, got {of!r}")
    if probe not in PROBES:
        raise InvalidInputError(f"probe must be one of {', '.join(PROBES)}, got {probe!r}")


def numbers_per_probe(shape: tuple[int, int], kept: int, gram: bool) -> int:
    """Return the numbers held for every probe of a group, with the vectors of so many steps."""
    rows, columns = shape
    return columns * (3 + kept) + (2 * rows if gram else 0)


def _check_memory(operator: Operator, settings: dict[str, Any], budget: int) -> None:
    width, kept = settings["block"], settings["degree"] if settings["reorthogonalize"] else 0
    needed = width * operator.dtype.itemsize * numbers_per_probe(operator.shape, kept, settings["gram"])
    if needed > budget:
        advice = "reorthogonalize=False, or " if settings["reorthogonalize"] else ""
        raise MemoryBudgetError(
            f"{width} probes at once need {format_bytes(needed)}, the budget is {format_bytes(budget)}. Use {advice}"
            f"a smaller block_size ({format_bytes(needed / width)} per probe), or raise max_memory"
        )


def _monitor(run: dict[str, Any], meter: Progress, n_probes: int, degree: int) -> Callable[..., bool] | None:
    callback = run["callback"]
    if callback is None and not meter.wanted:
        return None

    def monitor(n_complete: int, step: int, n_matvecs: int) -> bool:
        meter(f"{n_complete} of {n_probes} probes, step {step} of {degree}, {n_matvecs} products")
        if callback is None:
            return False
        run["stopped"] = asks_to_stop(callback({"n_probes": n_complete, "step": step, "n_matvecs": n_matvecs}))
        return bool(run["stopped"])

    return monitor
