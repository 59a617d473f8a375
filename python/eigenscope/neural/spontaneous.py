"""Responses in units of spontaneous activity, without the dimensions that spontaneous activity fills."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_switch, is_whole_number
from ..errors import InvalidInputError, NonFiniteInputError
from ..inputs import as_source
from ..run_options import RandomSource
from ..svd import svds
from .repeats import Array, warn_about_constant_neurons
from .representation import Representation, representation, rounding_level

SMALLEST_DEVIATION = 1e-6
"""Share of the mean standard deviation added to every one, so that nearly silent neurons stay finite. The reference
analysis adds 1e-6 itself, which would matter for data in small units."""


def remove_spontaneous(
    responses: Any, spontaneous: Any, *, n_components: int = 32, scale: bool = True, rng: RandomSource = 0
) -> Array:
    """Express responses in units of spontaneous activity and project out its leading dimensions.

    Assumed: the dimensions that spontaneous activity fills are not those of the stimuli; signal along them is lost.

    Parameters
    ----------
    responses : array_like, shape (…, n_neurons)
        Responses; stimuli, and possibly repeats, in front.
    spontaneous : array_like, shape (n_times, n_neurons)
        Activity of the same neurons without stimuli.
    n_components : int
        Principal components of the spontaneous activity to remove; 0 only scales.
    scale : bool
        Subtract each neuron's spontaneous mean and divide by its spontaneous standard deviation first. Without
        it the means alone are subtracted.
    rng : int, Generator, SeedSequence or None
        Starts the search for the components; they do not depend on it.

    Returns
    -------
    ndarray of float64, shape (…, n_neurons)
        A copy; neurons that are constant while spontaneous cannot be scaled and become zero, with a `DataWarning`.
        Rows that are NaN throughout stay so.

    Raises
    ------
    InvalidInputError
        When neurons do not match, none varies, or more components are asked for than there are.

    References
    ----------
    Stringer et al. 2019, "High-dimensional geometry of population responses in visual cortex", Nature 571,
    Methods: 32 components.

    Examples
    --------
    >>> import numpy as np
    >>> from eigenscope.neural import remove_spontaneous
    >>> generator = np.random.default_rng(0)
    >>> spontaneous = generator.standard_normal((200, 1)) * np.ones(30) + 0.1 * generator.standard_normal((200, 30))
    >>> cleaned = remove_spontaneous(np.ones((5, 30)), spontaneous, n_components=1)
    >>> bool(np.abs(cleaned).max() < 0.5)
    True
    """
    check_switch("scale", scale)
    resting = representation(spontaneous, name="the spontaneous activity")
    values = _as_responses(responses, resting.n_neurons)
    # With as many components as neurons nothing would be left.
    _check_count(n_components, min(resting.n_stimuli, resting.n_neurons) - 1, resting)
    deviation = np.full(resting.n_neurons, np.ldexp(1.0, -resting.exponent))
    if scale:
        deviation = resting.responses.std(axis=0)
        constant = deviation == 0
        deviation += SMALLEST_DEVIATION * deviation.mean()
        if constant.any():
            warn_about_constant_neurons(constant, "the spontaneous activity")
            deviation[constant] = np.inf
    cleaned = (np.ldexp(values, -resting.exponent) - resting.means) / deviation
    if n_components:
        found = svds(resting.responses / deviation, n_components, rng=rng)
        resolution = resting.resolution * float(np.sqrt(np.mean(deviation**-2.0)))
        rounding = rounding_level(resting.responses.shape, found.singular_values[0], resolution)
        n_real = int((found.singular_values > rounding).sum())
        # Beyond the rank components are directions of rounding.
        _check_count(n_components, min(n_real, int(np.isfinite(deviation).sum()) - 1), resting)
        cleaned -= (cleaned @ found.Vh.T) @ found.Vh
    return np.asarray(cleaned)


def _check_count(n_components: Any, limit: int, resting: Representation) -> None:
    if not is_whole_number(n_components) or not 0 <= n_components <= limit:
        raise InvalidInputError(
            f"n_components={n_components!r} of spontaneous activity at {resting.n_stimuli} times x {resting.n_neurons} "
            f"neurons: at most {limit} components can be removed"
        )


def _as_responses(responses: Any, n_neurons: int) -> Array:
    """Return responses in double precision; a presentation may be missing (all NaN), a single value may not."""
    values = _stacked(responses)
    if values.shape[-1] != n_neurons:
        raise InvalidInputError(
            f"responses of shape {values.shape} and spontaneous activity of {n_neurons} neurons must have the same "
            "neurons along their last axis"
        )
    bad = ~np.isfinite(values)
    partly = bad.any(axis=-1) & ~np.isnan(values).all(axis=-1)
    if partly.any():
        raise NonFiniteInputError(
            f"{int(bad[partly].sum())} responses in {int(partly.sum())} rows are NaN or infinite, and removing a "
            "component would spread them over their rows: drop those rows or neurons"
        )
    return values


def _stacked(responses: Any) -> Array:
    """Read responses matrix by matrix, so that the package's reader sees every one, and stack them again."""
    try:
        n_axes = np.ndim(responses)
    except ValueError as error:
        raise InvalidInputError(f"repeats in responses must all have one shape: {error}") from error
    if n_axes <= 2:
        return np.asarray(as_source(responses).array, dtype=np.float64)
    if len(responses) == 0:
        raise InvalidInputError(f"responses are empty: shape {np.shape(responses)}")
    return np.stack([_stacked(layer) for layer in responses])
