"""Singular values of rows that come by once: a sketch that is updated, merged across processes, saved and resumed."""

from __future__ import annotations

import dataclasses
import json
import os
import zipfile
from typing import Any, BinaryIO

import numpy as np

from . import _core
from .byte_sizes import format_bytes
from .errors import InvalidInputError
from .inputs import as_source, check_finite
from .operators import Array
from .results import Estimate, RunInfo
from .results.base import Result
from .row_summaries import RowIntervals, RowSummary, SketchedRows, SummaryForest, panel_rows
from .run_options import RandomSource, Stopwatch, resolve_seed, resolve_threads, single_threaded_blas
from .signs import fix_signs

FORMAT_VERSION = 1
"""Version of the saved layout; a reader refuses files newer than itself."""

_STREAM = 7
"""Stream of the test matrix."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class SketchedSVD(Result):
    """Singular values and right vectors from one pass, with bounds that hold for certain.

    Parameters
    ----------
    singular_values : ndarray, shape (k,)
        Descending; never above the true ones.
    upper_bounds : ndarray, shape (k,)
        Never below the true ones.
    Vh : ndarray, shape (k, n_features)
        Orthonormal right singular vectors.
    error_estimate : Estimate
        Relative Frobenius error ``‖A - A V Vᴴ‖ / ‖A‖``; the interval encloses it for certain, the value is its upper
        end.
    mean : ndarray, shape (n_features,)
        Mean of the rows.
    n_rows : int
        Rows sketched.
    squared_norm : float
        ``‖A‖²``, exact; of the centred rows when `centered`. Infinite or zero beyond the range of double precision.
    centered : bool
        Whether the mean was subtracted.
    info : RunInfo
        How it was computed.
    """

    singular_values: Array
    upper_bounds: Array
    Vh: Array
    error_estimate: Estimate
    mean: Array
    n_rows: int
    squared_norm: float
    centered: bool
    info: RunInfo = dataclasses.field(default_factory=RunInfo)

    def summary(self) -> str:
        """Return size, range and quality in three lines."""
        k, n = self.Vh.shape
        low, high = self.error_estimate.interval
        return (
            f"SketchedSVD: {k} singular values of a {self.n_rows:,} x {n:,} matrix seen once\n"
            f"  singular values {self.singular_values[0]:.6g} … {self.singular_values[-1]:.6g}; "
            f"relative error of the projection {low:.2g} … {high:.2g}\n"
            f"  {self.info.summary()}"
        )


class RowSketch:
    """A summary of the rows of a matrix, from which its leading singular values and right vectors can be found.

    One pass accumulates ``Y = AᵀA Ω`` for a random orthonormal Ω, with count, mean and norm of the rows. The Nyström
    approximation ``Y (ΩᵀY)⁺ Yᵀ`` of ``AᵀA`` equals the randomized SVD of Halko, Martinsson and Tropp without power
    iterations, and never exceeds ``AᵀA``, which is why every number comes with certain bounds. Rows are gathered in
    panels that are fixed by the number of the row and merged in a tree that is fixed by the number of the panel: the
    result has the same bits however the rows were split into updates, sketches or processes. Singular values below
    ``sqrt(eps) σ₁`` are lost.

    Parameters
    ----------
    n_features : int
        Columns of the matrix.
    n_vectors : int
        Columns of Ω: somewhat more than twice the number of singular values wanted. With ``n_vectors >= n_features``
        the result is exact to rounding.
    first_row : int
        Number of the first row that `update` will get, for sketches of parts of a matrix that will be merged.
    rng : int, Generator, SeedSequence or None
        Source of Ω. Sketches merge when they were made from the same seed.
    threads : int, optional
        Threads; by default as many as the process may use. Bits do not depend on them.

    Attributes
    ----------
    n_rows : int
        Rows seen so far.
    next_row : int
        Number of the row that the next `update` begins with.
    nbytes : int
        Memory held now: at most ``8 n_features (n_vectors + 3)`` bytes per doubling of the number of panels, and two
        unfinished panels.

    References
    ----------
    J. Tropp, A. Yurtsever, M. Udell and V. Cevher, "Fixed-rank approximation of a positive-semidefinite matrix from
    streaming data", NIPS 2017, algorithm 3.

    Examples
    --------
    >>> import numpy as np
    >>> A = np.random.default_rng(0).standard_normal((500, 20)) * 0.5 ** np.arange(20)
    >>> whole = RowSketch(20, 12, rng=0).update(A)
    >>> first, second = RowSketch(20, 12, rng=0), RowSketch(20, 12, first_row=123, rng=0)
    >>> merged = second.update(A[123:]).merge(first.update(A[:123]))
    >>> bool((merged.svd(3).singular_values == whole.svd(3).singular_values).all())
    True
    """

    def __init__(
        self,
        n_features: int,
        n_vectors: int,
        *,
        first_row: int = 0,
        rng: RandomSource = None,
        threads: int | None = None,
    ) -> None:
        for name, value, least in (
            ("n_features", n_features, 1),
            ("n_vectors", n_vectors, 1),
            ("first_row", first_row, 0),
        ):
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
                raise InvalidInputError(f"{name} must be an integer of at least {least}, got {value!r}")
        self.n_features = int(n_features)
        self.n_vectors = min(int(n_vectors), self.n_features)
        self._seed = resolve_seed(rng)
        self._threads = resolve_threads(threads)
        self._watch = Stopwatch(self._threads, self._seed)
        self._panel_rows = panel_rows(self.n_features)
        self._test_matrix = _orthonormal_test_matrix(self._seed, self.n_features, self.n_vectors)
        self._rows = SketchedRows(int(first_row), SummaryForest(self._test_matrix))

    @property
    def n_rows(self) -> int:
        """Rows seen so far."""
        return self._rows.seen.count

    @property
    def next_row(self) -> int:
        """Number of the row that `update` adds next."""
        return self._rows.next_row

    @property
    def nbytes(self) -> int:
        """Memory held now, in bytes."""
        nodes = sum(node.product.nbytes + 2 * node.mean.nbytes for node in self._rows.forest.nodes.values())
        pieces = sum(rows.nbytes for panel in self._rows.pieces.values() for rows in panel.values())
        return self._test_matrix.nbytes + nodes + pieces

    def __repr__(self) -> str:
        return (
            f"RowSketch: {self.n_rows:,} rows x {self.n_features:,} features, {self.n_vectors} vectors, "
            f"{format_bytes(self.nbytes)}"
        )

    def update(self, rows: Any) -> RowSketch:
        """Add the rows that follow those of the last update.

        Parameters
        ----------
        rows : array_like, path, memory map, data frame or tensor, shape (any, n_features)
            Real, any dtype; none is changed or kept whole.

        Returns
        -------
        RowSketch
            The sketch itself.

        Raises
        ------
        InvalidInputError, UnsupportedTypeError
            For rows that cannot be used; the sketch is then as it was, and so it is after Ctrl-C.
        """
        shape = getattr(rows, "shape", None)
        if isinstance(shape, tuple) and len(shape) == 2 and shape[0] == 0:
            self._check_width(shape[1])
            return self
        source = as_source(rows)
        self._check_width(source.n_features)
        check_finite(source, self._threads)
        first, stop = self.next_row, self.next_row + source.n_samples
        self._rows.seen.check_new(first, stop)
        extended = self._rows.copy()
        for panel in range(first // self._panel_rows, (stop - 1) // self._panel_rows + 1):
            begin = panel * self._panel_rows
            low, high = max(first, begin), min(stop, begin + self._panel_rows)
            piece = np.array(source.array[low - first : high - first], dtype=np.float64, order="C")
            extended.add_piece(panel, low - begin, piece, self._threads)
        extended.seen.add(first, stop)
        extended.next_row = stop
        self._rows = extended
        return self

    def _check_width(self, n_features: int) -> None:
        if n_features != self.n_features:
            raise InvalidInputError(f"the sketch has {self.n_features} features, the rows have {n_features}")

    def merge(self, other: RowSketch) -> RowSketch:
        """Add all rows of another sketch, of other rows of the same matrix, made from the same seed.

        Merging is associative and commutative to the last bit; a sketch without rows changes nothing.

        Parameters
        ----------
        other : RowSketch
            Not changed.

        Returns
        -------
        RowSketch
            The sketch itself; `next_row` is the larger of both.

        Raises
        ------
        InvalidInputError
            When the sketches do not belong together or have rows in common.
        """
        if not isinstance(other, RowSketch):
            raise InvalidInputError(f"a RowSketch merges with a RowSketch, got {type(other).__name__}")
        for name in ("n_features", "n_vectors", "_seed"):
            ours, theirs = getattr(self, name), getattr(other, name)
            if ours != theirs:
                raise InvalidInputError(f"sketches of different {name.strip('_')} cannot be merged: {ours}, {theirs}")
        added, merged = other._rows, self._rows.copy()
        for interval in added.seen:
            merged.seen.check_new(*interval)
        for (level, index), summary in added.forest.nodes.items():
            merged.forest.add(level, index, summary)
        for panel, pieces in added.pieces.items():
            for offset, rows in pieces.items():
                merged.add_piece(panel, offset, rows, self._threads)
        for interval in added.seen:
            merged.seen.add(*interval)
        merged.next_row = max(merged.next_row, added.next_row)
        self._rows = merged
        return self

    def _total(self, center: bool) -> tuple[RowSummary, Array, float]:
        """Everything merged, with ``AᵀA Ω`` and ``‖A‖²`` of the rows, centred or not."""
        total = self._rows.total(self._threads)
        if total is None:
            raise InvalidInputError("the sketch has no rows yet: call update first")
        product, squared_norm = total.product, total.squared_deviation
        if not center:
            with single_threaded_blas():
                product = product + np.outer(total.count * total.mean, total.mean @ self._test_matrix)
                squared_norm += total.count * float(total.mean @ total.mean)
        return total, product, squared_norm

    def svd(self, k: int, *, center: bool = False) -> SketchedSVD:
        """Find the k leading singular values and right vectors of the rows seen so far.

        Parameters
        ----------
        k : int
            At most `n_vectors`, and at most the number of rows.
        center : bool
            Of the rows minus their mean.

        Returns
        -------
        SketchedSVD
            With certain bounds.
        """
        most = min(self.n_vectors, self.n_rows)
        if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or not 1 <= k <= max(most, 1):
            raise InvalidInputError(
                f"k must be an integer from 1 to {most}, the smaller of {self.n_vectors} vectors and {self.n_rows} "
                f"rows; got {k!r}"
            )
        total, product, squared_norm = self._total(center)
        squares, vectors, rounding = _nystrom(product, self._test_matrix)
        missed = max(0.0, squared_norm - float(squares.sum())) + rounding
        unit = total.exponent
        values = np.sqrt(squares[:k])
        with np.errstate(over="ignore", under="ignore"):
            norm_in_units = float(np.ldexp(squared_norm, 2 * unit))
        return SketchedSVD(
            singular_values=np.ldexp(values, unit),
            upper_bounds=np.ldexp(np.sqrt(squares[:k] + missed), unit),
            Vh=fix_signs(np.asfortranarray(vectors[:, :k])).T,
            error_estimate=_projection_error(squares, k, squared_norm, missed),
            mean=np.ldexp(total.mean, unit),
            n_rows=total.count,
            squared_norm=norm_in_units,
            centered=center,
            info=self._watch.info("Nyström sketch, one pass", n_matvecs=self.n_vectors, n_passes=1,
                                  peak_bytes=self.nbytes),
        )  # fmt: skip

    def error(self, k: int, *, center: bool = False) -> Estimate:
        """Return the relative Frobenius error ``‖A - A V Vᵀ‖ / ‖A‖`` of the k vectors that `svd` returns.

        Parameters
        ----------
        k : int
            Number of vectors.
        center : bool
            Of the rows minus their mean.

        Returns
        -------
        Estimate
            The value is an upper bound; the interval holds for certain.
        """
        return self.svd(k, center=center).error_estimate

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the sketch to one ``.npz`` file; a file of that name is replaced only when the new one is complete.

        Parameters
        ----------
        path : str or path-like
            Where to write; used exactly as given.
        """
        arrays: dict[str, Array] = {}
        nodes = []
        for number, ((level, index), node) in enumerate(self._rows.forest.nodes.items()):
            arrays[f"vectors{number}"] = np.stack([node.mean, node.mean_remainder])
            arrays[f"product{number}"] = node.product
            nodes.append([level, index, node.count, node.squared_deviation, node.exponent])
        pieces = [(panel, offset) for panel, parts in self._rows.pieces.items() for offset in parts]
        for number, (panel, offset) in enumerate(pieces):
            arrays[f"piece{number}"] = self._rows.pieces[panel][offset]
        metadata = {
            "row sketch": FORMAT_VERSION,
            "options": [self.n_features, self.n_vectors, self.next_row, self._seed],
            "seen": list(self._rows.seen),
            "nodes": nodes,
            "pieces": pieces,
        }
        partial = f"{os.fspath(path)}.partial"
        with open(partial, "wb") as file:
            np.savez(file, metadata=np.array(json.dumps(metadata)), **arrays)  # type: ignore[arg-type]
        os.replace(partial, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, threads: int | None = None) -> RowSketch:
        """Read a sketch written by `save`, ready for further updates.

        Parameters
        ----------
        path : str or path-like
            A file written by `save`.
        threads : int, optional
            Threads of what follows.

        Returns
        -------
        RowSketch
            With the same bits.

        Raises
        ------
        InvalidInputError
            When the file holds something else, or was written by a newer version.
        """
        with open(path, "rb") as file, _open_archive(file) as archive:
            metadata = json.loads(str(archive["metadata"])) if "metadata" in archive else {}
            if "row sketch" not in metadata:
                raise InvalidInputError(f"{os.fspath(path)} does not hold a RowSketch")
            if metadata["row sketch"] > FORMAT_VERSION:
                raise InvalidInputError(f"{os.fspath(path)} was written by a newer version: update eigenscope")
            n_features, n_vectors, next_row, seed = metadata["options"]
            sketch = cls(n_features, n_vectors, first_row=next_row, rng=seed, threads=threads)
            sketch._rows.seen = RowIntervals([(first, stop) for first, stop in metadata["seen"]])
            for number, (level, index, count, squares, exponent) in enumerate(metadata["nodes"]):
                mean, remainder = archive[f"vectors{number}"]
                product = archive[f"product{number}"]
                node = RowSummary(count, mean, remainder, product, squares, exponent)
                sketch._rows.forest.nodes[level, index] = node
            for number, (panel, offset) in enumerate(metadata["pieces"]):
                sketch._rows.pieces.setdefault(panel, {})[offset] = archive[f"piece{number}"]
        return sketch


def _open_archive(file: BinaryIO) -> Any:
    """Open a file of named arrays, or say that it is none."""
    try:
        archive = np.load(file, allow_pickle=False)
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InvalidInputError(f"{file.name} does not hold a RowSketch, or only a part of one") from error
    if not hasattr(archive, "files"):
        raise InvalidInputError(f"{file.name} holds one array, no RowSketch")
    return archive


def _orthonormal_test_matrix(seed: int, n_features: int, n_vectors: int) -> Array:
    if n_vectors == n_features:
        return np.asfortranarray(np.eye(n_features))
    with single_threaded_blas():
        gaussian = _core.gaussian(seed, _STREAM, n_features, n_vectors)
        return np.asfortranarray(np.linalg.qr(gaussian)[0])


def _nystrom(product: Array, test_matrix: Array) -> tuple[Array, Array, float]:
    """Eigenpairs of ``Y (ΩᵀY)⁺ Yᵀ``, descending, and what rounding may have moved them by, which is taken off already.

    A shift ν above rounding keeps ``Ωᵀ(Y + νΩ)`` positive definite and is taken off the eigenvalues again.
    """
    size = float(np.linalg.norm(product))
    if size == 0.0:
        return np.zeros(test_matrix.shape[1]), test_matrix, 0.0
    shift = float(np.sqrt(len(product)) * np.finfo(np.float64).eps) * size
    with single_threaded_blas():
        shifted = product + shift * test_matrix
        core = test_matrix.T @ shifted
        values, rotation = np.linalg.eigh(0.5 * (core + core.T))
        factor = (shifted @ rotation) / np.sqrt(np.maximum(values, shift))
        vectors, roots, _ = np.linalg.svd(factor, full_matrices=False)
    rounding = 4.0 * shift
    return np.maximum(roots**2 - shift - rounding, 0.0), vectors, rounding


def _projection_error(squares: Array, k: int, squared_norm: float, missed: float) -> Estimate:
    """Enclose ``‖A - A V Vᵀ‖²``: with ``Ĝ <= G = AᵀA``, ``Σ λ̂ <= tr(VᵀGV) <= Σ λ̂ + tr(G - Ĝ)`` for its first k."""
    if squared_norm == 0.0:
        return Estimate(0.0, 0.0, (0.0, 0.0))
    beyond = float(squares[k:].sum())
    low = float(np.sqrt(min(1.0, beyond / squared_norm)))
    high = float(np.sqrt(min(1.0, (beyond + missed) / squared_norm)))
    return Estimate(high, 0.0, (low, high))
