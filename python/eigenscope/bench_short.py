"""A short comparison with the functions one would use instead, behind ``eigenscope bench``.

Contenders run alternately in one process, so that a machine that slows down slows all of them; what is shown
is the median over rounds of the quotient of times, beside the error each one reached.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse.linalg

from .testing import power_law_plus_noise

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

BLAS_OVERRIDES = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
"""Environment variables that make OpenBLAS run other kernels than the machine's best."""

OURS = "eigenscope"


@dataclasses.dataclass(frozen=True)
class Case:
    """One piece of work and everybody who does it.

    Parameters
    ----------
    name : str
        The work, with its size.
    truth : ndarray, shape (k,)
        The exact answer, from double precision.
    contenders : mapping of str to callable
        Each returns its answer, shape (k,); one of them is called ``eigenscope``.
    """

    name: str
    truth: Array
    contenders: Mapping[str, Callable[[], Array]]

    def error(self, answer: Array) -> float:
        """Return the largest relative error of an answer."""
        return float(np.max(np.abs(np.asarray(answer, dtype=np.float64) - self.truth) / self.truth))


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What one contender needed and reached.

    Parameters
    ----------
    case, contender : str
        The work and who did it.
    ratio : float
        Median over rounds of this contender's time over that of eigenscope; above 1 is slower.
    error : float
        Largest relative error of its answer.
    seconds : tuple of float
        Time of each round.
    """

    case: str
    contender: str
    ratio: float
    error: float
    seconds: tuple[float, ...]


def compare(case: Case, *, rounds: int = 5) -> list[Outcome]:
    """Run all contenders of a case alternately, after one round that does not count.

    Parameters
    ----------
    case : Case
        The work.
    rounds : int
        Rounds that count.

    Returns
    -------
    list of Outcome
        One per contender, in the order of the case.
    """
    errors = {name: case.error(run()) for name, run in case.contenders.items()}
    seconds: dict[str, list[float]] = {name: [] for name in case.contenders}
    for _ in range(rounds):
        for name, run in case.contenders.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return [
        Outcome(
            case=case.name,
            contender=name,
            ratio=statistics.median(t / ours for t, ours in zip(times, seconds[OURS], strict=True)),
            error=errors[name],
            seconds=tuple(times),
        )
        for name, times in seconds.items()
    ]


def format_table(outcomes: Sequence[Outcome]) -> str:
    """Return the outcomes as a Markdown table of ratios and errors.

    Parameters
    ----------
    outcomes : sequence of Outcome
        As `compare` returns them, any number of cases.

    Returns
    -------
    str
        One row per contender.

    Examples
    --------
    >>> print(format_table([Outcome("work", "peer", 3.14, 2e-7, (1.0,))]))
    | work | by | time / eigenscope's | largest relative error |
    |---|---|---:|---:|
    | work | peer | 3.14 | 2e-07 |
    """
    rows = ["| work | by | time / eigenscope's | largest relative error |", "|---|---|---:|---:|"]
    rows += [f"| {o.case} | {o.contender} | {o.ratio:.2f} | {o.error:.1g} |" for o in outcomes]
    return "\n".join(rows)


def covariance_case(n_samples: int, n_features: int) -> Case:
    """Set up the full covariance spectrum of a float32 recording.

    Parameters
    ----------
    n_samples, n_features : int
        Size of the recording.

    Returns
    -------
    Case
        Against ``numpy.linalg.eigvalsh(numpy.cov(X.T))``, also the truth, and scikit-learn's full PCA.
    """
    import eigenscope

    X = power_law_plus_noise(n_samples, n_features, dtype=np.float32).data

    def with_numpy() -> Array:
        return np.linalg.eigvalsh(np.cov(X.T))[::-1]

    contenders: dict[str, Callable[[], Array]] = {
        OURS: lambda: eigenscope.covariance_spectrum(X).eigenvalues,
        "numpy eigvalsh(cov(X.T))": with_numpy,
    }
    if importlib.util.find_spec("sklearn"):
        from sklearn.decomposition import PCA

        contenders["scikit-learn PCA full"] = lambda: PCA(svd_solver="full").fit(X).explained_variance_
    return Case(f"all covariance eigenvalues, {n_samples} x {n_features} float32", with_numpy(), contenders)


def svd_case(n_samples: int, n_features: int, k: int) -> Case:
    """Set up the leading singular values of a float32 recording.

    Parameters
    ----------
    n_samples, n_features : int
        Size of the recording.
    k : int
        Number of singular values.

    Returns
    -------
    Case
        `svds` and `randomized_svd` against scikit-learn's ``randomized_svd`` and SciPy's ARPACK, all with
        their defaults; the truth comes from the double-precision Gram matrix.
    """
    import eigenscope

    X = power_law_plus_noise(n_samples, n_features, dtype=np.float32).data

    def with_arpack() -> Array:
        start = np.random.default_rng(0).standard_normal(min(X.shape)).astype(X.dtype)
        return np.asarray(np.sort(scipy.sparse.linalg.svds(X, k=k, v0=start)[1])[::-1])

    contenders: dict[str, Callable[[], Array]] = {
        OURS: lambda: eigenscope.svds(X, k=k, rng=0).singular_values,
        "eigenscope randomized_svd": lambda: eigenscope.randomized_svd(X, k=k, rng=0).singular_values,
        "scipy svds (ARPACK)": with_arpack,
    }
    if importlib.util.find_spec("sklearn"):
        from sklearn.utils.extmath import randomized_svd

        contenders["scikit-learn randomized_svd"] = lambda: randomized_svd(X, k, random_state=0)[1]
    name = f"{k} leading singular values, {n_samples} x {n_features} float32"
    return Case(name, _leading_singular_values(X, k), contenders)


def run(*, rounds: int = 5) -> None:
    """Print the short comparison with NumPy and SciPy, and with scikit-learn when it is installed.

    Parameters
    ----------
    rounds : int
        Rounds that count, per piece of work.
    """
    for name in BLAS_OVERRIDES:
        if name in os.environ:
            print(f"note: {name} is set, which slows everyone down; unset it for a fair comparison")
    outcomes = compare(covariance_case(3000, 1000), rounds=rounds)
    outcomes += compare(svd_case(6000, 1500, k=20), rounds=rounds)
    print(format_table(outcomes))


def _leading_singular_values(X: Array, k: int) -> Array:
    """Square roots of the top eigenvalues of ``XᵀX``, accumulated in double precision panel by panel."""
    n_features = X.shape[1]
    gram = np.zeros((n_features, n_features))
    for start in range(0, len(X), 1000):
        panel = X[start : start + 1000].astype(np.float64)
        gram += panel.T @ panel
    return np.asarray(np.sqrt(np.linalg.eigvalsh(gram)[: -k - 1 : -1]))
