"""Matrices and recordings built from their spectrum, so that every answer can be checked against the truth.

Nothing here calls a solver of this package: the matrices come from closed forms, NumPy and SciPy. Everything
random is a function of `rng` and the sizes alone.
"""

from .assertions import assert_eigenpairs, assert_orthonormal, assert_singular_triplets, default_tolerance
from .graphs import (
    cycle_laplacian,
    cycle_laplacian_eigenvalues,
    grid_laplacian,
    grid_laplacian_eigenvalues,
    path_laplacian,
    path_laplacian_eigenvalues,
    random_graph_adjacency,
)
from .matrices import (
    diagonal_operator,
    goe,
    lauchli,
    lauchli_singular_values,
    random_orthonormal,
    rectangular_matrix,
    symmetric_matrix,
    wilkinson,
)
from .recordings import Recording, power_law_plus_noise, recording
from .spectra import (
    clustered_spectrum,
    exponential_spectrum,
    graded_spectrum,
    polynomial_spectrum,
    repeated_spectrum,
    spiked_spectrum,
    step_spectrum,
    uniform_spectrum,
    wishart_spectrum,
)

__all__ = [
    "Recording",
    "assert_eigenpairs",
    "assert_orthonormal",
    "assert_singular_triplets",
    "clustered_spectrum",
    "cycle_laplacian",
    "cycle_laplacian_eigenvalues",
    "default_tolerance",
    "diagonal_operator",
    "exponential_spectrum",
    "goe",
    "graded_spectrum",
    "grid_laplacian",
    "grid_laplacian_eigenvalues",
    "lauchli",
    "lauchli_singular_values",
    "path_laplacian",
    "path_laplacian_eigenvalues",
    "polynomial_spectrum",
    "power_law_plus_noise",
    "random_graph_adjacency",
    "random_orthonormal",
    "recording",
    "rectangular_matrix",
    "repeated_spectrum",
    "spiked_spectrum",
    "step_spectrum",
    "symmetric_matrix",
    "uniform_spectrum",
    "wilkinson",
    "wishart_spectrum",
]
