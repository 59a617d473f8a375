"""Panels of rows, what is kept of each, and the tree in which they merge: the same bits however the rows arrive."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

import numpy as np

from . import _core
from .errors import InvalidInputError
from .operators import Array, safe_scale
from .run_options import single_threaded_blas

PANEL_BYTES = 32 << 20
"""Rows are gathered into panels of at most this many bytes before they are multiplied."""

_FEWEST_ROWS, _MOST_ROWS = 64, 4096


def panel_rows(n_features: int) -> int:
    """Return the rows of a panel, a function of the number of features alone."""
    fitting = PANEL_BYTES // (8 * n_features) // 16 * 16
    return int(np.clip(fitting, _FEWEST_ROWS, _MOST_ROWS))


@dataclasses.dataclass(frozen=True, eq=False)
class RowSummary:
    """What is kept of rows ``2**exponent * x``: count, mean, ``S Ω`` and ``tr S``, S the centred cross products of x.

    Parameters
    ----------
    count : int
        Rows.
    mean, mean_remainder : ndarray, shape (n_features,)
        Mean, and what rounding took from it: differences of large means stay exact.
    product : ndarray, shape (n_features, n_vectors)
        ``Σ (x - mean)(x - mean)ᵀ Ω``.
    squared_deviation : float
        ``Σ ‖x - mean‖²``.
    exponent : int
        Power of two that was divided out, so that squares stay inside the floating range.
    """

    count: int
    mean: Array
    mean_remainder: Array
    product: Array
    squared_deviation: float
    exponent: int

    @property
    def is_zero(self) -> bool:
        """Whether all rows are zero, in any unit."""
        return self.squared_deviation == 0.0 and not self.mean.any()

    def rescaled(self, exponent: int) -> RowSummary:
        """Return the same summary with another power of two divided out."""
        shift = self.exponent - exponent
        if shift == 0:
            return self
        return RowSummary(
            self.count,
            np.ldexp(self.mean, shift),
            np.ldexp(self.mean_remainder, shift),
            np.ldexp(self.product, 2 * shift),
            float(np.ldexp(self.squared_deviation, 2 * shift)),
            exponent,
        )


def summarize(rows: Array, test_matrix: Array, threads: int) -> RowSummary:
    """Summarise one panel, shape (rows, n_features) in double precision, C order."""
    largest = float(max(rows.max(), -rows.min()))
    scale = safe_scale(largest, rows.dtype)
    scaled = rows if scale == 1.0 else rows * scale
    with single_threaded_blas():
        sums = _core.feature_sums(scaled, threads=threads)
        mean = sums["mean"]
        operator = _core.dense_operator_float64(scaled, shift=mean)
        product = operator.apply(test_matrix, threads, "gram")
    return RowSummary(
        count=len(rows),
        mean=mean,
        mean_remainder=(scaled - mean).mean(axis=0),
        product=np.asarray(product),
        squared_deviation=float(sums["squared_deviation"].sum()),
        exponent=1 - int(np.frexp(scale)[1]),
    )


def merge(earlier: RowSummary, later: RowSummary, test_matrix: Array) -> RowSummary:
    """Return the summary of both sets of rows (Chan, Golub and LeVeque 1983)."""
    exponent = max((part.exponent for part in (earlier, later) if not part.is_zero), default=earlier.exponent)
    p, q = earlier.rescaled(exponent), later.rescaled(exponent)
    count = p.count + q.count
    difference = (q.mean - p.mean) + (q.mean_remainder - p.mean_remainder)
    step = p.mean_remainder + difference * (q.count / count)
    mean = p.mean + step
    weight = p.count * (q.count / count)
    with single_threaded_blas():
        # S = S_p + S_q + w d dᵀ
        product = p.product + q.product + np.outer(weight * difference, difference @ test_matrix)
        squared = p.squared_deviation + q.squared_deviation + weight * float(difference @ difference)
    return RowSummary(count, mean, (p.mean - mean) + step, product, squared, exponent)


class SummaryForest:
    """Summaries of whole panels under the nodes of one infinite binary tree over the panel number.

    Node (level, i) stands for panels ``i 2**level`` to ``(i + 1) 2**level - 1`` and is always the merger of its two
    children, so what is here depends on which panels were added and not on the order or the grouping.
    """

    def __init__(self, test_matrix: Array, nodes: Mapping[tuple[int, int], RowSummary] | None = None) -> None:
        self.test_matrix = test_matrix
        self.nodes: dict[tuple[int, int], RowSummary] = dict(nodes or {})

    def add(self, level: int, index: int, summary: RowSummary) -> None:
        """Add a node and merge it upwards while its sibling is there."""
        while (sibling := self.nodes.pop((level, index ^ 1), None)) is not None:
            first, second = (sibling, summary) if index & 1 else (summary, sibling)
            summary = merge(first, second, self.test_matrix)
            level, index = level + 1, index >> 1
        self.nodes[level, index] = summary

    def total(self, incomplete: Mapping[int, RowSummary]) -> RowSummary | None:
        """Merge everything from left to right, together with summaries of incomplete panels by panel number."""
        parts = [(index << level, summary) for (level, index), summary in self.nodes.items()]
        parts += list(incomplete.items())
        result = None
        for _, summary in sorted(parts, key=lambda part: part[0]):
            result = summary if result is None else merge(result, summary, self.test_matrix)
        return result


class RowIntervals:
    """Which rows have been seen: disjoint half-open intervals in ascending order."""

    def __init__(self, intervals: list[tuple[int, int]] | None = None) -> None:
        self._intervals = list(intervals or [])

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(self._intervals)

    @property
    def count(self) -> int:
        """Rows seen."""
        return sum(stop - first for first, stop in self._intervals)

    def check_new(self, first: int, stop: int) -> None:
        """Raise when some of rows ``first … stop - 1`` have been seen."""
        for begin, end in self._intervals:
            if first < end and begin < stop:
                raise InvalidInputError(
                    f"rows {max(first, begin):,} to {min(stop, end) - 1:,} have been sketched already: give every part "
                    "its own first_row, the number of the rows before it"
                )

    def add(self, first: int, stop: int) -> None:
        """Note rows ``first … stop - 1``."""
        if first == stop:
            return
        joined: list[tuple[int, int]] = []
        for interval in sorted([*self._intervals, (first, stop)]):
            if joined and joined[-1][1] == interval[0]:
                joined[-1] = (joined[-1][0], interval[1])
            else:
                joined.append(interval)
        self._intervals = joined


@dataclasses.dataclass(eq=False)
class SketchedRows:
    """What a sketch knows of its rows, replaced as a whole so that an update is made or not made.

    Parameters
    ----------
    next_row : int
        Number of the row that comes next.
    forest : SummaryForest
        Finished panels.
    seen : RowIntervals
        Which rows there have been.
    pieces : dict
        Rows of unfinished panels: panel number → {row within the panel: rows}.
    """

    next_row: int
    forest: SummaryForest
    seen: RowIntervals = dataclasses.field(default_factory=RowIntervals)
    pieces: dict[int, dict[int, Array]] = dataclasses.field(default_factory=dict)

    def copy(self) -> SketchedRows:
        """Return the same, to be changed; rows and summaries are shared."""
        forest = SummaryForest(self.forest.test_matrix, self.forest.nodes)
        pieces = {panel: dict(parts) for panel, parts in self.pieces.items()}
        return SketchedRows(self.next_row, forest, RowIntervals(list(self.seen)), pieces)

    def add_piece(self, panel: int, offset: int, rows: Array, threads: int) -> None:
        """Add rows of a panel, and summarise it when it is whole."""
        pieces = self.pieces.setdefault(panel, {})
        pieces[offset] = rows
        if sum(len(piece) for piece in pieces.values()) == panel_rows(rows.shape[1]):
            self.forest.add(0, panel, self._summary(self.pieces.pop(panel), threads))

    def total(self, threads: int) -> RowSummary | None:
        """Merge everything, unfinished panels too; None without rows."""
        return self.forest.total({panel: self._summary(parts, threads) for panel, parts in self.pieces.items()})

    def _summary(self, pieces: dict[int, Array], threads: int) -> RowSummary:
        rows = np.concatenate([pieces[offset] for offset in sorted(pieces)])
        return summarize(rows, self.forest.test_matrix, threads)
