"""Going on from the probes that a `SpectralDensity` has, and joining old and new ones."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidInputError
from ..results.run_info import RunInfo
from ..results.spectral_density import SpectralDensity
from ..run_options import Stopwatch, resolve_threads

if TYPE_CHECKING:
    from ..operators import Operator

Array = np.ndarray[Any, np.dtype[Any]]

ARRAYS = ("nodes", "weights", "residual_norms")
"""Of each quadrature, as the core returns them."""


def refine(density: SpectralDensity, n_probes: int, run: dict[str, Any], threads: int | None) -> SpectralDensity:
    """Return the density with more probes."""
    from .estimation import positive_integer, run_probes, warn_about_budget

    if positive_integer("n_probes", n_probes) < density.n_probes:
        raise InvalidInputError(
            f"n_probes is the total: it must be an integer of at least {density.n_probes}, got {n_probes!r}"
        )
    if n_probes == density.n_probes:
        return density
    continuation = density.__dict__.get("_continuation")
    if continuation is None:
        raise InvalidInputError(
            "this density was loaded or copied and has no operator any more: call spectral_density with "
            f"rng={density.info.seed}, n_probes={n_probes}, degree={density.degree}"
        )
    operator, settings = continuation
    run = run | {"threads": resolve_threads(threads)}
    wanted = (settings["wanted"][0], int(n_probes))
    result = run_probes(operator, settings | {"wanted": wanted}, density, int(n_probes) - density.n_probes, run)
    if result.n_probes < n_probes and not run.get("stopped"):
        warn_about_budget(result, wanted, stacklevel=4)
    return result


def join(
    found: dict[str, Any],
    operator: Operator,
    settings: dict[str, Any],
    before: SpectralDensity | None,
    watch: Stopwatch,
) -> SpectralDensity:
    """Wrap new quadratures, behind the old ones if there are any, and remember how to go on."""
    unit = settings["divisor"] * (operator.scale**2 if settings["gram"] else operator.scale)
    arrays = {}
    for rule, prefix in (("fine", ""), ("coarse", "coarse_")):
        for name in ARRAYS:
            divisor = 1.0 if name == "weights" else unit
            new = np.ascontiguousarray(found[rule][name].T) / divisor
            if not found["complete"]:
                new = new[:, np.isfinite(new).any(axis=0)]
            old = None if before is None else getattr(before, prefix + name)
            arrays[prefix + name] = new if old is None else _stack(old, new)
    _check_squares(arrays["nodes"])
    sizes = group_sizes(found["fine"]["nodes"].shape[1], settings["block"], operator.shape[1])
    result = SpectralDensity(
        **arrays,
        order=operator.shape[1],
        group_sizes=(() if before is None else before.group_sizes) + sizes,
        probe=settings["probe"],
        is_complex=operator.dtype.kind == "c",
        rounding=float(np.finfo(operator.dtype).eps),
        n_samples=settings["n_samples"],
        trace=settings["trace"],
        status="converged" if _is_all(arrays["nodes"], settings, found["complete"], before) else "budget",
        info=_info(found, settings, before, watch),
    )
    object.__setattr__(result, "_continuation", (operator, settings))
    return result


def _is_all(nodes: Array, settings: dict[str, Any], is_complete: bool, before: SpectralDensity | None) -> bool:
    """Whether every probe that was wanted is here with the degree that was wanted."""
    is_cut_short = before is not None and before.degree < settings["degree"]
    return is_complete and not is_cut_short and (settings["degree"], len(nodes)) == settings["wanted"]


def _check_squares(nodes: Array) -> None:
    """Raise when squares of singular values have overflowed."""
    if np.isinf(nodes).any():
        raise InvalidInputError(
            "the eigenvalues of the Gram matrix leave the range of double precision: divide the operator by its norm"
        )


def group_sizes(n_probes: int, block: int, order: int) -> tuple[int, ...]:
    """Return the groups in which the core takes probes: of `block`, at most `order`, the last what is left."""
    width = min(block, order)
    sizes = [width] * (n_probes // width)
    return tuple(sizes + ([n_probes % width] if n_probes % width else []))


def _stack(old: Array, new: Array) -> Array:
    """Old rows above new ones, padded with NaN to the longer of the two."""
    width = max(old.shape[1], new.shape[1])
    padded = [np.pad(part, ((0, 0), (0, width - part.shape[1])), constant_values=np.nan) for part in (old, new)]
    return np.concatenate(padded)


def _info(found: dict[str, Any], settings: dict[str, Any], before: SpectralDensity | None, watch: Stopwatch) -> RunInfo:
    process = "Golub-Kahan bidiagonalisation" if settings["gram"] else "Lanczos quadrature"
    memory = "with" if settings["reorthogonalize"] else "without"
    info = watch.info(
        f"stochastic {process}, {memory} reorthogonalisation",
        n_matvecs=found["n_matvecs"],
        n_passes=found["n_applications"],
        peak_bytes=found["workspace_bytes"],
    )
    if before is None:
        return info
    return dataclasses.replace(
        info,
        n_matvecs=info.n_matvecs + before.info.n_matvecs,
        n_passes=info.n_passes + before.info.n_passes,
        seconds=info.seconds + before.info.seconds,
        peak_bytes=max(info.peak_bytes, before.info.peak_bytes),
    )
