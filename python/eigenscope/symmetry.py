"""Whether a matrix or an operator is symmetric (Hermitian), finite, and gives the same answer twice."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _core
from .errors import NonDeterministicOperatorError, NotSymmetricError
from .inputs import Source, check_finite
from .operators import Array, Operator, safe_scale

_ROWS_PER_CHECK = 512


SHARED_SIZE = 1 << 20
"""Elements, about a millisecond, from which a second thread is worth waking."""


def check_matrix(array: Array, dtype: np.dtype[Any], threads: int) -> float:
    """Return the largest magnitude of a square matrix; refuse one that is not finite and Hermitian.

    Parameters
    ----------
    array : ndarray, shape (n, n)
        Every element is looked at once.
    dtype : numpy.dtype
        Scalar of the computation, which decides what counts as rounding.
    threads : int
        Threads.
    """
    # A second thread may answer late on a busy machine.
    found = _core.compare_with_adjoint(array, threads=threads if array.size > SHARED_SIZE else 1)
    largest, difference = found if found is not None else (np.inf, np.inf)
    if not np.isfinite(largest):
        largest = check_finite(Source(array=array), threads)
    if difference > np.sqrt(np.finfo(dtype).eps) * largest:
        _locate_asymmetry(array, dtype)
    return float(largest)


def _locate_asymmetry(array: Array, dtype: np.dtype[Any]) -> None:
    """Find the largest difference of mirrored entries, and refuse the matrix when it is more than rounding."""
    largest, where, worst = 0.0, (0, 0), 0.0
    for first in range(0, len(array), _ROWS_PER_CHECK):
        rows = array[first : first + _ROWS_PER_CHECK].astype(dtype)
        mirrored = array[:, first : first + _ROWS_PER_CHECK].T.conj().astype(dtype)
        difference = np.abs(rows - mirrored)
        largest = max(largest, float(np.abs(rows).max()))
        if difference.max() > worst:
            worst = float(difference.max())
            i, j = np.unravel_index(int(difference.argmax()), difference.shape)
            where = (first + int(i), int(j))
    if worst > np.sqrt(np.finfo(dtype).eps) * largest:
        raise NotSymmetricError(
            f"the matrix is not symmetric: entries {where} and {where[::-1]} differ by {worst:.2e} (largest entry "
            f"{largest:.2e}). Use svds, or (A + A.T) / 2 when the difference is only noise"
        )


def check_symmetric(operator: Operator, seed: int, threads: int) -> None:
    """Probe an operator with two random vectors: the same product twice, and ⟨u, A v⟩ = conj⟨v, A u⟩.

    Parameters
    ----------
    operator : Operator
        Square.
    seed : int
        Of the random vectors.
    threads : int
        Threads.
    """
    n = operator.shape[0]
    generator = np.random.Generator(np.random.Philox(seed))
    block = generator.standard_normal((n, 2))
    if operator.dtype.kind == "c":
        block = block + 1j * generator.standard_normal((n, 2))
    block = block.astype(operator.dtype)
    # A function may change between calls, and would then seem not symmetric: this is asked first.
    images = _images(operator, block, 2 if operator.kind == "callback" else 1, threads)
    tolerance = 1e3 * operator.rounding_unit * np.sqrt(n)
    largest = max(float(np.linalg.norm(image)) for image in images) or 1.0
    change = float(np.linalg.norm(images[-1] - images[0])) / largest
    if change > tolerance:
        raise NonDeterministicOperatorError(
            f"two products with the same vectors differ by {change:.1e} of their size: fix the order of the data, "
            "switch off dropout and batch normalisation (model.eval()), or use check=False"
        )
    # Each inner product of random vectors is about ‖A‖_F, so this is the natural size of a difference.
    size = largest * float(np.linalg.norm(block)) / np.sqrt(n)
    first, second = np.vdot(block[:, 0], images[0][:, 1]), np.vdot(block[:, 1], images[0][:, 0])
    difference = abs(first - np.conj(second)) / size
    if difference > tolerance:
        raise NotSymmetricError(
            f"<u, A v> and <A u, v> differ by {difference:.1e} of their size (tolerance {tolerance:.1e}): "
            "the operator is not symmetric. Use svds, or check=False when the difference is only noise"
        )


def _images(operator: Operator, block: Array, count: int, threads: int) -> list[Array]:
    """Return the same product `count` times, in double precision and a unit whose squares stay in its range."""
    wide = np.result_type(operator.dtype, np.float64)
    images = [operator.product(block, threads).astype(wide) for _ in range(count)]
    largest = max(float(np.abs(part).max()) for image in images for part in (image.real, image.imag))
    unit = safe_scale(largest, wide)
    return images if unit == 1.0 else [image * unit for image in images]
