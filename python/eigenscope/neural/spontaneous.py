"""Responses in units of spontaneous activity, without the dimensions that spontaneous activity fills."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InvalidInputError, NonFiniteInputError
from ..inputs import as_matrix
from ..run_options import RandomSource
from ..svd import svds
from .repeats import Array, warn_about_constant_neurons

SMALLEST_DEVIATION = 1e-6
"""Added to every standard deviation, as in the reference analysis, so that silent neurons stay finite."""


def remove_spontaneous(
    responses: Any, spontaneous: Any, *, n_components: int = 32, scale: bool = True, rng: RandomSource = 0
) -> Array:
    """Express responses in units of spontaneous activity and project out its leading dimensions.

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
        A copy; neurons that are constant while spontaneous stay, scaled by the smallest deviation.

    Raises
    ------
    InvalidInputError
        When neurons do not match, or more components are asked for than there are.

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
    resting = as_matrix(spontaneous)[0]
    values = np.asarray(responses)
    if values.ndim < 2 or values.shape[-1] != resting.shape[1]:
        raise InvalidInputError(
            f"responses of shape {values.shape} and spontaneous activity of shape {resting.shape} must have the same "
            "neurons along their last axis"
        )
    limit = min(resting.shape[0] - 1, resting.shape[1])
    if not 0 <= n_components <= limit:
        raise InvalidInputError(
            f"n_components={n_components} of {resting.shape[0]} time points x {resting.shape[1]} neurons: at most "
            f"{limit} components exist"
        )
    resting = resting.astype(np.float64)
    if not np.isfinite(resting).all():
        raise NonFiniteInputError(
            f"{int((~np.isfinite(resting)).sum())} values of the spontaneous activity are NaN or infinite: drop those "
            "time points or neurons"
        )
    mean = resting.mean(axis=0)
    deviation = resting.std(axis=0) + SMALLEST_DEVIATION if scale else np.ones(len(mean))
    constant = resting.std(axis=0) == 0
    if scale and constant.any():
        warn_about_constant_neurons(constant, "the spontaneous activity")
        deviation[constant] = np.inf
    cleaned = (values - mean) / deviation
    if n_components:
        axes = svds((resting - mean) / deviation, n_components, rng=rng).Vh
        cleaned -= (cleaned @ axes.T) @ axes
    return np.asarray(cleaned)
