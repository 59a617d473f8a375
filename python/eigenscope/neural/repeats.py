"""Repeated presentations of the same stimuli: checking, splitting, and the one Gram matrix of all of them."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse

from .. import _core
from ..errors import DataWarning, InvalidInputError, NonFiniteInputError, UnsupportedTypeError
from ..inputs import as_matrix
from ..run_options import single_threaded_blas
from .repeat_offsets import NEURONS_PER_BLOCK, RepeatOffsets, warn_about_drift
from .representation import ROUNDING_OF_MEANS, center_columns, is_constant

Array = np.ndarray[Any, np.dtype[Any]]

MIRROR_PANEL = 512
"""Columns of the lower triangle copied at a time."""

MISSING_POLICIES = ("raise", "omit")

OMIT_PRESENTATIONS = 'nan="omit" leaves out presentations that are all NaN'
"""Advice that helps where a stimulus has two presentations besides the missing one."""


@dataclasses.dataclass(frozen=True)
class Repeats:
    """Responses to the same stimuli, presented several times.

    Parameters
    ----------
    arrays : tuple of ndarray, each of shape (n_stimuli, n_neurons)
        One for each repeat, where they lie.
    present : ndarray of bool, shape (n_repeats, n_stimuli)
        Which presentations took place.
    """

    arrays: tuple[Array, ...]
    present: Array

    @property
    def n_stimuli(self) -> int:
        """Rows of every array."""
        return int(self.arrays[0].shape[0])

    @property
    def n_neurons(self) -> int:
        """Columns of every array."""
        return int(self.arrays[0].shape[1])


def as_repeats(
    X1: Any, X2: Any = None, *, nan: str = "raise", minimum_stimuli: int = 4, remedy: str | None = None
) -> Repeats:
    """View two matrices, or one array of repeats, as repeats of the same stimuli.

    Parameters
    ----------
    X1 : array_like, shape (n_stimuli, n_neurons), or (n_repeats, n_stimuli, n_neurons) without `X2`
        Responses.
    X2 : array_like, shape (n_stimuli, n_neurons), optional
        Responses to the same stimuli in the same order, presented again.
    nan : {"raise", "omit"}
        With "omit", presentations whose whole row is NaN are missing; every stimulus needs two others.
    minimum_stimuli : int
        Fewer are refused.
    remedy : str, optional
        What errors about missing values advise besides dropping stimuli or neurons; by default ``nan="omit"``, where
        there are repeats enough for it to help.

    Returns
    -------
    Repeats
        Views, not copies.
    """
    if nan not in MISSING_POLICIES:
        raise InvalidInputError(f"nan must be one of {', '.join(MISSING_POLICIES)}, got {nan!r}")
    arrays = _as_arrays(X1) if X2 is None else (as_matrix(X1)[0], as_matrix(X2)[0])
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1:
        raise InvalidInputError(
            f"repeats must have one shape (n_stimuli, n_neurons), got {', '.join(map(str, sorted(shapes)))}: row i of "
            "each must be the same stimulus, column j the same neuron"
        )
    if any(array.dtype.kind == "c" for array in arrays):
        raise UnsupportedTypeError("responses must be real numbers, got complex ones")
    if arrays[0].shape[0] < minimum_stimuli:
        raise InvalidInputError(f"{arrays[0].shape[0]} stimuli are too few: at least {minimum_stimuli} are needed")
    if remedy is None:
        remedy = OMIT_PRESENTATIONS if len(arrays) > 2 else ""
    return Repeats(arrays, _presence(arrays, nan, remedy))


def _as_arrays(responses: Any) -> tuple[Array, ...]:
    stack = responses if isinstance(responses, (list, tuple)) else np.asarray(responses)
    if isinstance(stack, np.ndarray) and stack.ndim != 3:
        raise InvalidInputError(
            f"one array of repeats must be (n_repeats, n_stimuli, n_neurons), got shape {stack.shape}: give two "
            "matrices X1, X2, or stack the repeats"
        )
    arrays = tuple(as_matrix(layer)[0] for layer in stack)
    if len(arrays) < 2:
        raise InvalidInputError("at least two repeats are needed: noise cannot be told from signal in one")
    return arrays


def _presence(arrays: Sequence[Array], nan: str, remedy: str) -> Array:
    present = np.ones((len(arrays), arrays[0].shape[0]), dtype=bool)
    for repeat, array in enumerate(arrays):
        if array.dtype.kind != "f":
            continue
        with np.errstate(invalid="ignore", over="ignore"):
            suspicious = np.flatnonzero(~np.isfinite(array.sum(axis=1, dtype=np.float64)))
        for row in suspicious:
            bad = ~np.isfinite(array[row])
            if not bad.any():
                raise InvalidInputError(
                    f"row {row} of repeat {repeat + 1} overflows when summed: divide the data first"
                )
            if nan == "raise" or not np.isnan(array[row]).all():
                raise NonFiniteInputError(
                    f"{int(bad.sum())} of {len(bad)} responses to stimulus {row} in repeat {repeat + 1} are NaN or "
                    f"infinite: drop the stimulus or the neurons{'; ' if remedy else ''}{remedy}"
                )
            present[repeat, row] = False
    few = present.sum(axis=0) < 2
    if few.any():
        raise InvalidInputError(
            f"{int(few.sum())} stimuli have fewer than two presentations, the first is stimulus "
            f"{int(np.argmax(few))}: drop them"
        )
    return present


def repeat_gram(repeats: Repeats, *, center: str, threads: int, deviations: Array | None = None) -> Array:
    """Return ``X Xᵀ`` over all presentations, shape (n_repeats n_stimuli, n_repeats n_stimuli), symmetric.

    The rows of `X` are the repeats one below the other; missing presentations are rows of zeros. Each neuron's
    mean over the presentations of every repeat ("repeats") or of all ("all", for the sake of rounding) is subtracted,
    or none ("none"). Neurons are divided by `deviations` where given. They are read once, a block at a time, and
    never again.
    """
    n_stimuli, n_repeats = repeats.n_stimuli, len(repeats.arrays)
    order = n_repeats * n_stimuli
    here = repeats.present.ravel()
    # In the order of the core's matrices: adding across orders would cost more than the products.
    gram = np.zeros((order, order), order="F")
    width = max(NEURONS_PER_BLOCK, order // 2)
    for first in range(0, repeats.n_neurons, width):
        last = min(first + width, repeats.n_neurons)
        block = np.empty((order, last - first))
        for repeat, array in enumerate(repeats.arrays):
            rows = block[repeat * n_stimuli : (repeat + 1) * n_stimuli]
            rows[...] = array[:, first:last]
        block[~here] = 0.0
        if deviations is not None:
            block /= deviations[first:last]
        if center == "all":
            center_columns(block, here)
        elif center == "repeats":
            center_repeats_in_place(block, repeats.present)
        with single_threaded_blas():
            gram += _core.sample_gram(block, center=False, threads=threads)["cross_products"]
    _mirror_lower_triangle(gram)
    return gram.T


def neuron_deviations(repeats: Repeats, *, center: bool) -> Array:
    """Return each neuron's standard deviation over stimuli, pooled over the repeats, shape (n_neurons,).

    All repeats share it, so that exchanging them changes nothing, and the noise of no repeat alone sets the scale.
    Each repeat has a mean of its own, or without centring none: the root mean square then. Constant neurons get
    infinity, with a warning: divided by it they are left out.
    """
    freedom = np.maximum(repeats.present.sum(axis=1) - int(center), 0).sum()
    squares, units = np.zeros(repeats.n_neurons), np.zeros(repeats.n_neurons, dtype=np.int64)
    for first in range(0, repeats.n_neurons, NEURONS_PER_BLOCK):
        columns = slice(first, first + NEURONS_PER_BLOCK)
        # Choosing rows copies them: the responses stay as they are.
        blocks = [
            array[here, columns].astype(np.float64, copy=False)
            for array, here in zip(repeats.arrays, repeats.present, strict=True)
        ]
        # In units of the largest response, powers of two, squares stay in range.
        units[columns] = np.frexp(np.max([np.abs(block).max(axis=0, initial=0.0) for block in blocks], axis=0))[1]
        for block in blocks:
            np.ldexp(block, -units[columns], out=block)
            if center and len(block):
                center_columns(block)
            squares[columns] += np.einsum("ij,ij->j", block, block)
    deviations = np.ldexp(np.sqrt(squares / max(1, freedom)), units)
    constant = deviations == 0
    if constant.any():
        warn_about_constant_neurons(constant, "all repeats")
        deviations[constant] = np.inf
    return np.asarray(deviations)


def _mirror_lower_triangle(matrix: Array) -> None:
    """Copy the lower triangle to the upper one, panel by panel."""
    for start in range(0, len(matrix), MIRROR_PANEL):
        end = min(start + MIRROR_PANEL, len(matrix))
        corner = matrix[start:end, start:end]
        corner[...] = np.tril(corner) + np.tril(corner, -1).T
        matrix[start:end, end:] = matrix[end:, start:end].T


def center_repeats_in_place(block: Array, present: Array) -> None:
    """Subtract what each repeat adds to a neuron's responses: its mean, where every stimulus was presented.

    Where presentations are missing, `RepeatOffsets` take their place.

    Parameters
    ----------
    block : ndarray, shape (n_repeats n_stimuli, n_neurons)
        Overwritten; rows of missing presentations are zero before and after.
    present : ndarray of bool, shape (n_repeats, n_stimuli)
        Presentations there are.
    """
    n_repeats, n_stimuli = present.shape
    layers = block.reshape(n_repeats, n_stimuli, -1)
    if present.all():
        for layer in layers:
            center_columns(layer)
        return
    # Sums that overflow leave values that are not finite, which every caller refuses.
    with np.errstate(over="ignore", invalid="ignore"):
        offsets = RepeatOffsets.of(present).weights @ block
        constant = is_constant(block, present.ravel()[:, None])
        for layer, here, offset in zip(layers, present, offsets, strict=True):
            np.subtract(layer, offset, out=layer, where=here[:, None])
            spread = np.maximum(layer.max(axis=0), -layer.min(axis=0))
            layer[:, constant | (spread <= ROUNDING_OF_MEANS * np.abs(offset))] = 0.0


def random_halves(present: Array, generator: np.random.Generator | None) -> tuple[Any, Any]:
    """Average the presentations of every stimulus in two halves, drawn anew for each stimulus.

    Parameters
    ----------
    present : ndarray of bool, shape (n_repeats, n_stimuli)
        Presentations there are.
    generator : numpy.random.Generator or None
        None takes the halves in the order of the repeats.

    Returns
    -------
    tuple of sparse matrices, each of shape (n_stimuli, n_repeats n_stimuli)
        ``S1 @ X`` and ``S2 @ X`` are the averages of the stacked responses `X`.
    """
    n_repeats, n_stimuli = present.shape
    keys = (
        np.tile(np.arange(n_repeats)[:, None], (1, n_stimuli)) if generator is None else generator.random(present.shape)
    )
    position = np.argsort(np.argsort(np.where(present, keys, np.inf), axis=0, kind="stable"), axis=0, kind="stable")
    counts = present.sum(axis=0)
    # With an odd number of presentations the larger half is the first or the second one by chance.
    extra = np.zeros(n_stimuli, dtype=int) if generator is None else generator.integers(0, 2, n_stimuli)
    in_first = position < (counts + extra) // 2
    return _averaging(present & in_first, n_stimuli), _averaging(present & ~in_first, n_stimuli)


def _averaging(half: Array, n_stimuli: int) -> Any:
    repeat, stimulus = np.nonzero(half)
    weights = 1.0 / half.sum(axis=0)[stimulus]
    columns = repeat * n_stimuli + stimulus
    return scipy.sparse.csr_array((weights, (stimulus, columns)), shape=(n_stimuli, half.size))


def split_repeats(X: Any, *, nan: str = "raise", rng: Any = None) -> tuple[Array, Array]:
    """Average the repeats of every stimulus in two halves.

    Assumed: repeats of a stimulus differ by noise only, so that any split of them will do.

    Parameters
    ----------
    X : array_like, shape (n_repeats, n_stimuli, n_neurons), or a sequence of matrices
        Responses; with an odd number of repeats one half has one more.
    nan : {"raise", "omit"}
        With "omit", presentations whose whole row is NaN are missing, and each stimulus is averaged over those
        it has.
    rng : int, Generator, SeedSequence or None
        None takes the first half of the repeats and the second; otherwise the halves are drawn for every
        stimulus.

    Returns
    -------
    tuple of ndarray, each of shape (n_stimuli, n_neurons)
        The two averages, in double precision.

    Raises
    ------
    InvalidInputError
        When a stimulus has fewer than two presentations.

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope.neural import split_repeats
    >>> first, second = split_repeats(np.arange(4.0)[:, None, None] * np.ones((4, 5, 2)))
    >>> float(first[0, 0]), float(second[0, 0])
    (0.5, 2.5)
    """
    from ..run_options import resolve_seed

    repeats = as_repeats(X, nan=nan, minimum_stimuli=1)
    generator = None if rng is None else np.random.Generator(np.random.Philox(resolve_seed(rng)))
    return averaged_halves(repeats, generator)


def averaged_halves(repeats: Repeats, generator: np.random.Generator | None = None) -> tuple[Array, Array]:
    """Return the averages of the two halves that `random_halves` makes of every stimulus' presentations."""
    averages = []
    for half in random_halves(repeats.present, generator):
        total = np.zeros((repeats.n_stimuli, repeats.n_neurons))
        for repeat, array in enumerate(repeats.arrays):
            weight = half[:, repeat * repeats.n_stimuli : (repeat + 1) * repeats.n_stimuli].diagonal()
            used = weight > 0
            total[used] += weight[used, None] * array[used]
        averages.append(total)
    return averages[0], averages[1]


def as_pair(X1: Any, X2: Any = None, *, nan: str = "raise", minimum_stimuli: int = 4) -> tuple[Array, Array]:
    """View responses as two repeats: as they are when there are two, averages of the first and second half of more.

    Parameters
    ----------
    X1, X2, nan, minimum_stimuli : parameters
        As in `as_repeats`.

    Returns
    -------
    tuple of ndarray, each of shape (n_stimuli, n_neurons)
        Views of two repeats, otherwise averages in double precision.
    """
    repeats = as_repeats(X1, X2, nan=nan, minimum_stimuli=minimum_stimuli)
    if len(repeats.arrays) == 2:
        return repeats.arrays[0], repeats.arrays[1]
    if not repeats.present.all():
        warn_about_drift(repeats.arrays, repeats.present)
    return averaged_halves(repeats)


def warn_about_constant_neurons(constant: Array, where: str) -> None:
    """Say that neurons without variance were left out."""
    warnings.warn(
        f"{int(constant.sum()):,} of {len(constant):,} neurons are constant in {where} and cannot be scaled: left out",
        DataWarning,
        stacklevel=4,
    )
