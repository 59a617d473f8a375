"""The decay of every layer's spectrum, in the manner of α-ReQ: a report for any list of activations."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..covariance import covariance_spectrum
from ..eigenvalues import without_rounding
from ..errors import InvalidInputError, NonFiniteInputError, UnsupportedTypeError
from ..power_law import check_ranks, fit_power_law
from ..results.base import Result
from ..results.estimate import Estimate
from ..results.power_law_fit import PowerLawFit
from ..run_options import RandomSource
from .dimensionality import RANKME_OFFSET
from .entropy_ranks import dimension_count, entropy_rank

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class LayerSpectrum(Result):
    """Decay and dimensions of one layer.

    Parameters
    ----------
    name : str
        Of the layer.
    n_samples, n_features : int
        Size of its activations, flattened.
    power_law : PowerLawFit
        Exponent with interval.
    r_squared_500 : float
        Weighted share of log variance that a line through ranks 11 to 500 explains; NaN below 15 eigenvalues.
    participation_ratio : Estimate
        With its sampling error; biased low with few samples.
    effective_rank, rank_me : Estimate
        Exponentials of entropies: of variance shares, and of singular values. Biased low with few samples too.
    dims_90 : Estimate
        Dimensions that hold 90 % of the variance.
    misfit : str
        Why the spectrum is no power law on the ranks fitted; empty when nothing speaks against it.
    """

    name: str
    n_samples: int
    n_features: int
    power_law: PowerLawFit
    r_squared_500: float
    participation_ratio: Estimate
    effective_rank: Estimate
    rank_me: Estimate
    dims_90: Estimate
    misfit: str

    def summary(self) -> str:
        """Return the main numbers on one line."""
        low, high = self.power_law.interval
        verdict = "no power law" if self.misfit else "power law"
        return (
            f"{self.name}: exponent {self.power_law.exponent:.3f} ({low:.3f} to {high:.3f}), {verdict}, "
            f"participation ratio {self.participation_ratio.value:.1f}, {self.dims_90.value:.0f} dimensions hold 90 %"
        )


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class LayerReport(Result):
    """Decay and dimensions of a list of layers.

    Parameters
    ----------
    layers : tuple of LayerSpectrum
        In the order given.
    """

    layers: tuple[LayerSpectrum, ...]

    def to_frame(self) -> DataFrame:
        """Return one row for each layer as a pandas DataFrame (needs pandas)."""
        try:
            import pandas
        except ImportError as error:
            raise ImportError('to_frame() needs pandas: pip install "eigenscope[frame]"') from error
        rows = [
            {
                "layer": layer.name,
                "n_samples": layer.n_samples,
                "n_features": layer.n_features,
                "exponent": layer.power_law.exponent,
                "exponent_low": layer.power_law.interval[0],
                "exponent_high": layer.power_law.interval[1],
                "r_squared": layer.power_law.r_squared,
                "r_squared_500": layer.r_squared_500,
                **_columns("participation_ratio", layer.participation_ratio),
                **_columns("effective_rank", layer.effective_rank),
                **_columns("rank_me", layer.rank_me),
                **_columns("dims_90", layer.dims_90),
                "misfit": layer.misfit,
            }
            for layer in self.layers
        ]
        return pandas.DataFrame(rows)

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the exponent of every layer with its interval; layers that follow no power law are hollow."""
        from .plotting import plot_layers

        return plot_layers(self, ax=ax, **options)

    def summary(self) -> str:
        """Return one line for each layer."""
        return "\n".join([f"LayerReport: {len(self.layers)} layers", *(f"  {x.summary()}" for x in self.layers)])


def _columns(name: str, estimate: Estimate) -> dict[str, float]:
    return {name: estimate.value, f"{name}_low": estimate.interval[0], f"{name}_high": estimate.interval[1]}


def layer_report(
    activations: Mapping[str, Any] | Sequence[Any],
    *,
    ranks: tuple[int, int] = (11, 100),
    confidence: float = 0.95,
    rng: RandomSource = 0,
    threads: int | None = None,
) -> LayerReport:
    """Report decay and dimensions of the activations of every layer of a network.

    Each layer is flattened to samples x features and centred. Assumed: samples are independent draws.

    Parameters
    ----------
    activations : mapping of str to array_like, or sequence of array_like
        Each of shape (n_samples, …); a memory map is read in place when two-dimensional.
    ranks : tuple of int
        Ranks of the power law; the default is that of α-ReQ.
    confidence : float
        Coverage of the intervals.
    rng : int, Generator, SeedSequence or None
        For iterative methods.
    threads : int, optional
        Threads.

    Returns
    -------
    LayerReport
        With a plot and a table.

    Raises
    ------
    InvalidInputError
        When there is no layer, or one has too few samples or features for the ranks.

    References
    ----------
    Agrawal, Mondal, Ghosh and Richards 2022, "α-ReQ: assessing representation quality in self-supervised
    learning by measuring eigenspectrum decay", NeurIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope.neural import layer_report
    >>> generator = np.random.default_rng(0)
    >>> layers = {"a": generator.standard_normal((2000, 120)) / np.arange(1, 121) ** 0.5}
    >>> bool(abs(layer_report(layers).layers[0].power_law.exponent - 1) < 0.15)
    True
    """
    check_ranks(ranks)
    if not isinstance(activations, (Mapping, Sequence, np.ndarray)):
        raise InvalidInputError(f"activations must be a mapping of names to arrays or a list, got {activations!r}")
    named = dict(activations) if isinstance(activations, Mapping) else {str(i): x for i, x in enumerate(activations)}
    if not named:
        raise InvalidInputError("there is no layer: give a mapping of names to arrays, or a list of arrays")
    return LayerReport(tuple(_layer(str(name), x, ranks, confidence, rng, threads) for name, x in named.items()))


FEWEST_FOR_500_RANKS = 15
"""Ranks 11 to 500 hold five eigenvalues then."""


def _layer(
    name: str, activations: Any, ranks: tuple[int, int], confidence: float, rng: RandomSource, threads: int | None
) -> LayerSpectrum:
    try:
        flat = _flattened(activations)
        spectrum = covariance_spectrum(flat, rng=rng, threads=threads)
    except NonFiniteInputError as error:
        raise NonFiniteInputError(f"layer {name!r}: {str(error).partition('. ')[0]}. Leave them out first") from error
    except UnsupportedTypeError as error:
        raise UnsupportedTypeError(f"layer {name!r}: {error}") from error
    except ValueError as error:
        # Lists of unequal lengths are refused by NumPy.
        raise InvalidInputError(f"layer {name!r}: {error}") from error
    positive = int(np.sum(without_rounding(spectrum.eigenvalues) > 0))
    if positive < ranks[0] + 4:
        raise InvalidInputError(
            f"layer {name!r} with {spectrum.n_samples} samples has {positive} positive eigenvalues, ranks "
            f"{ranks[0]} to {ranks[1]} need at least {ranks[0] + 4}: give more samples, or start at a lower rank"
        )
    fit = fit_power_law(spectrum, ranks=ranks, confidence=confidence)
    return LayerSpectrum(
        name=name,
        n_samples=spectrum.n_samples,
        n_features=spectrum.n_features,
        power_law=fit,
        r_squared_500=fit_power_law(spectrum).r_squared if positive >= FEWEST_FOR_500_RANKS else math.nan,
        participation_ratio=spectrum.participation_ratio(confidence=confidence),
        effective_rank=entropy_rank(spectrum, power=1.0, confidence=confidence),
        rank_me=entropy_rank(spectrum, power=0.5, offset=RANKME_OFFSET, confidence=confidence),
        dims_90=dimension_count(spectrum, 0.9, confidence=confidence),
        misfit=fit.misfit,
    )


def _flattened(activations: Any) -> Any:
    """Return activations as samples x features, where they lie when they have two axes already."""
    detached = activations.detach() if hasattr(activations, "detach") else activations
    if not hasattr(detached, "shape"):
        detached = np.asarray(detached)
    shape = tuple(detached.shape)
    if len(shape) < 2 or 0 in shape:
        raise InvalidInputError(f"shape {shape}, but the first axis must be samples, with features behind it")
    if len(shape) == 2:
        return detached
    whole = detached if hasattr(detached, "reshape") else np.asarray(detached)
    return whole.reshape(shape[0], -1)
