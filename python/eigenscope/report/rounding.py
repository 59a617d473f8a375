"""Where a spectrum ends in rounding: beyond that rank nothing was measured."""

from __future__ import annotations

import numpy as np

from ..results.spectrum import Spectrum

ROUNDING_FACTOR = 8.0
"""Rounding of an eigenvalue stays below this times eps and the number of features, in units of the largest."""


def numerical_rank(spectrum: Spectrum, stored_dtype: str) -> int:
    """Count the eigenvalues above the rounding of the largest one.

    Parameters
    ----------
    spectrum : Spectrum
        The spectrum, or its leading part.
    stored_dtype : str
        Type of the data; squares of half and single precision carry the rounding of single precision.

    Returns
    -------
    int
        At most the degrees of freedom and the number of features.
    """
    possible = spectrum.eigenvalues[: min(spectrum.degrees_of_freedom, spectrum.n_features)]
    rounding = ROUNDING_FACTOR * spectrum.n_features * float(np.finfo(np.float64).eps)
    if stored_dtype in ("float16", "float32"):
        rounding += float(np.finfo(np.float32).eps)
    return int(np.count_nonzero(possible > rounding * possible[0]))
