"""Distances between all pairs of many systems, from one orthonormal basis per system."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from ..arguments import check_between_zero_and_one, is_whole_number
from ..errors import InvalidInputError, UnsupportedTypeError
from ..inputs import as_source
from ..results.base import Result
from ..run_options import Progress, ProgressOption, resolve_threads, single_threaded_blas
from .embedding import Embedding, classical_scaling, smacof
from .jackknife import jackknife_stderr, leave_groups_out, stimulus_groups
from .representation import representation
from .shape_distance import shape_of
from .wachter import WachterNull, wachter_null

Array = np.ndarray[Any, np.dtype[Any]]

MINIMUM_STIMULI = 4
"""Two systems of one dimension each and their means leave two degrees of freedom."""

METRICS = ("svcca", "angular")
"""``1 - mean canonical correlation``, or the angle between shapes."""

_TILE = 32
"""Systems whose products with all later ones are formed at a time."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class PairwiseDistances(Result):
    """Distances between all pairs of systems.

    Parameters
    ----------
    distances : ndarray, shape (n_systems, n_systems)
        Symmetric, zero diagonal.
    stderr : ndarray, shape (n_systems, n_systems)
        Jackknife errors over stimuli; empty when no groups were left out.
    null : WachterNull
        Canonical correlations of unrelated systems of the same dimensions.
    metric : str
        ``"svcca"`` or ``"angular"``.
    k : int
        Dimensions kept of each system.
    n_stimuli : int
        Stimuli.
    """

    distances: Array
    stderr: Array
    null: WachterNull
    metric: str
    k: int
    n_stimuli: int

    def embed(self, k: int = 2, *, method: str = "smacof") -> Embedding:
        """Place the systems in `k` dimensions so that distances are kept.

        Parameters
        ----------
        k : int
            Dimensions of the map.
        method : {"smacof", "classical"}
            Least squares of the distances, or classical scaling.

        Returns
        -------
        Embedding
            Coordinates and what they fail to show.
        """
        if method not in ("smacof", "classical"):
            raise InvalidInputError(f'method must be "smacof" or "classical", got {method!r}')
        return (smacof if method == "smacof" else classical_scaling)(self.distances, k)

    def summary(self) -> str:
        """Return sizes, range and null in three lines."""
        off_diagonal = self.distances[~np.eye(len(self.distances), dtype=bool)]
        unrelated = f"; unrelated systems {1 - self.null.mean_correlation:.4f}" if self.metric == "svcca" else ""
        return (
            f"PairwiseDistances ({self.metric}): {len(self.distances):,} systems, {self.k} dimensions each, "
            f"{self.n_stimuli:,} stimuli\n"
            f"  distances {off_diagonal.min():.4f} to {off_diagonal.max():.4f}, mean "
            f"{off_diagonal.mean():.4f}{unrelated}\n"
            f"  standard errors {'not computed' if self.stderr.size == 0 else f'up to {self.stderr.max():.2g}'}"
        )


def pairwise_distances(
    systems: Sequence[Any],
    k: int = 10,
    *,
    metric: str = "svcca",
    alpha: float = 1.0,
    n_groups: int = 0,
    threads: int | None = None,
    progress: ProgressOption = False,
) -> PairwiseDistances:
    """Compare every system with every other on its leading principal components.

    Each system is decomposed once; a pair then costs one small product and the singular values of a k x k matrix,
    where the covariance route inverts and decomposes anew. Assumes what `svcca` and `shape_distance` assume, whose
    values (with the same `k`) these are; of angles below 1e-7, which come from a cosine here, to half the digits.

    Parameters
    ----------
    systems : sequence of array_like, each of shape (n_stimuli, n_neurons)
        Responses to the same stimuli in the same order; numbers of neurons may differ.
    k : int
        Principal components kept of each system; every system must have that many.
    metric : {"svcca", "angular"}
        ``1 - mean canonical correlation``, or the angular shape distance.
    alpha : float
        For the angular metric: 1 for Procrustes, 0 for whitened systems.
    n_groups : int
        Groups of neighbouring stimuli left out in turn for standard errors; each repeats the work once. 0 for none.
    threads : int, optional
        Threads; the result does not depend on them.
    progress : bool or callable
        Report progress.

    Returns
    -------
    PairwiseDistances
        Distance matrix with null and errors.

    Raises
    ------
    InvalidInputError
        For fewer than two systems, different stimuli, or a system of less than `k` dimensions.

    References
    ----------
    Maheswaranathan, Williams, Golub, Ganguli and Sussillo 2019, "Universality and individuality in neural dynamics
    across large populations of recurrent networks", NeurIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope.neural import pairwise_distances
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((200, 12))
    >>> result = pairwise_distances([X, 3 * X, rng.standard_normal((200, 20))], k=5)
    >>> bool(result.distances[0, 1] < 1e-12 < 0.5 < result.distances[0, 2])
    True
    """
    if not hasattr(systems, "__len__") or isinstance(systems, Mapping) or hasattr(systems, "columns"):
        raise InvalidInputError(f"systems must be a list of arrays, got a {type(systems).__name__}")
    _check_options(len(systems), k, metric, alpha)
    k = int(k)
    n_stimuli = _n_stimuli(systems, k, n_groups)
    n_threads = resolve_threads(threads)
    report = Progress(progress, "pairwise distances")

    def among(kept: Array) -> Array:
        # One system for each thread is held in double precision; what stays of it are k columns.
        stack = np.empty((len(systems), k, len(kept)))

        def decompose(index: int) -> None:
            stack[index] = _shape(systems[index], kept, k, metric, alpha, index).T

        with ThreadPoolExecutor(n_threads) as pool:
            list(pool.map(decompose, range(len(systems))))
        return _distances(stack, metric, n_threads, report)

    with single_threaded_blas():
        distances = among(np.arange(n_stimuli))
        replicates = leave_groups_out(among, n_stimuli, n_groups)
    report.close()
    return PairwiseDistances(
        distances=distances,
        stderr=jackknife_stderr(replicates) if n_groups else np.empty((0, 0)),
        null=wachter_null(k, k, n_stimuli),
        metric=metric,
        k=int(k),
        n_stimuli=n_stimuli,
    )


def _check_options(n_systems: int, k: int, metric: str, alpha: float) -> None:
    if not isinstance(metric, str) or metric not in METRICS:
        raise InvalidInputError(f"metric must be one of {', '.join(METRICS)}; got {metric!r}")
    check_between_zero_and_one("alpha", alpha)
    if n_systems < 2:
        raise InvalidInputError(f"{n_systems} systems: at least two are needed to compare")
    if not is_whole_number(k) or k < 1:
        raise InvalidInputError(f"k must be a positive integer, got {k!r}")


def _n_stimuli(systems: Sequence[Any], k: int, n_groups: int) -> int:
    """Return the number of stimuli all systems share, enough for k dimensions, also without a group of them."""
    counts = [_count(system, index) for index, system in enumerate(systems)]
    for index, count in enumerate(counts):
        if count != counts[0]:
            raise InvalidInputError(
                f"systems[0] has {counts[0]} stimuli (rows) and systems[{index}] has {count}: all must hold the same "
                "stimuli in the same order"
            )
    groups = stimulus_groups(counts[0], n_groups)
    left = counts[0] - max((len(group) for group in groups), default=0)
    most = (left - 2) // 2
    if k > most:
        advice = "; use smaller groups (a larger n_groups)" if groups else ""
        raise InvalidInputError(
            f"k={k} dimensions with {left} stimuli: of more than {most} some correlations are 1 whatever the data"
            f"{advice}"
        )
    return counts[0]


def _count(system: Any, index: int) -> int:
    try:
        return as_source(system).n_samples
    except (InvalidInputError, UnsupportedTypeError) as error:
        raise type(error)(f"systems[{index}]: {error}") from error


def _shape(system: Any, kept: Array, k: int, metric: str, alpha: float, index: int) -> Array:
    """Return the leading dimensions of one system: orthonormal columns, or a shape of norm 1."""
    whole = representation(system, name=f"systems[{index}]", minimum=MINIMUM_STIMULI)
    part = whole.responses[kept]
    basis = dataclasses.replace(whole, responses=part - part.mean(axis=0)).basis(k)
    if basis.rank < k:
        raise InvalidInputError(
            f"systems[{index}] has {basis.rank} dimensions above rounding level, fewer than k={k}: lower k or "
            "leave it out"
        )
    return basis.U if metric == "svcca" else shape_of(basis, alpha)


def _distances(stack: Array, metric: str, threads: int, report: Progress) -> Array:
    """Return all distances: tiles of products ``A_i B_j``, and the singular values of each k x k block."""
    count, k, n_stimuli = stack.shape
    flat = stack.reshape(count * k, n_stimuli)
    nuclear = np.zeros((count, count))

    def fill(first: int) -> None:
        last = min(first + _TILE, count)
        products = (flat[first * k : last * k] @ flat[first * k :].T).reshape(last - first, k, count - first, k)
        blocks = np.ascontiguousarray(products.transpose(0, 2, 1, 3))
        nuclear[first:last, first:] = np.linalg.svd(blocks, compute_uv=False).sum(axis=-1)
        report(f"{last:,} of {count:,} systems")

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(fill, range(0, count, _TILE)))
    upper = np.triu(nuclear, 1)
    if metric == "svcca":
        distances = 1 - np.minimum((upper + upper.T) / k, 1.0)
    else:
        distances = np.arccos(np.minimum(upper + upper.T, 1.0))
    np.fill_diagonal(distances, 0.0)
    return np.asarray(distances)
