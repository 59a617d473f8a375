"""Unbiased moments of the signal's eigenvalues from two repeats, over orders of the stimuli."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _core

Array = np.ndarray[Any, np.dtype[Any]]


def eigen_moments(cross: Array, orders: list[Array], n_moments: int, *, threads: int = 1) -> Array:
    """Return unbiased estimates of ``Σ λ^m`` for m = 1 … n_moments in every order, shape (len(orders), n_moments).

    Differences of consecutive stimuli, ``(Y[even] - Y[odd]) / √2``, have mean zero exactly and the covariance of the
    stimuli; the last one of an odd number is left out. Sums over chains of pairs, all different, average noise out.

    Parameters
    ----------
    cross : ndarray, shape (n_stimuli, n_stimuli)
        ``Y1 Y2ᵀ`` between two repeats, in the precision to compute with.
    orders : list of ndarray, each of shape (n_stimuli,)
        Stimuli in the order in which they are paired.
    n_moments : int
        At most half of the stimuli.
    threads : int
        The numbers do not depend on it.
    """
    compute = getattr(_core, f"paired_chain_moments_{cross.dtype.name}")
    places = np.ascontiguousarray(orders, dtype=np.int64)
    return np.asarray(compute(np.ascontiguousarray(cross), places, n_moments=n_moments, threads=threads))


def moments_over_orders(cross: Array, n_moments: int, orders: list[Array], threads: int) -> Array:
    """Return the moments in every order, or resample, of the stimuli, shape (len(orders), n_moments).

    In single precision, whose rounding is far below the error of the moments of any recording.
    """
    magnitude = float(np.abs(cross).max())
    narrow = (cross / magnitude).astype(np.float32)
    found = eigen_moments(narrow, orders, n_moments, threads=threads)
    return np.asarray(found * magnitude ** np.arange(1.0, n_moments + 1))
