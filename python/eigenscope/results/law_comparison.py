"""How far a spectrum is from a law, and how far it would be by chance."""

from __future__ import annotations

import dataclasses

from .base import Result


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class LawComparison(Result):
    """Kolmogorov distance of a spectral distribution from a law.

    Parameters
    ----------
    distance : float
        Largest difference of the two cumulative distributions.
    location : float
        Where it is.
    p_value : float
        Probability of a larger distance if the eigenvalues followed the law, from the sampling error alone; the
        error of the quadrature and one eigenvalue's step ``1/n`` are granted to the law first.
    effective_samples : float
        Size of an independent sample with the same sampling error; infinite when the density is exact.
    quadrature_error : float
        Error of the quadrature at `location`.
    """

    distance: float
    location: float
    p_value: float
    effective_samples: float
    quadrature_error: float

    def summary(self) -> str:
        """Return distance and p-value on one line."""
        return (
            f"LawComparison: distance {self.distance:.3g} at {self.location:.6g}, p = {self.p_value:.2g} "
            f"(quadrature error {self.quadrature_error:.1g}, {self.effective_samples:.3g} effective samples)"
        )
