from .config import show_config
from .covariance import covariance_spectrum
from .density import spectral_density
from .dimension_rules import dimensionality
from .effective_dimension import dims_for_variance, effective_rank, participation_ratio
from .eigen import eigsh
from .inputs import as_source
from .null_spectra import ParallelAnalysis, parallel_analysis
from .operators import as_operator
from .planning import plan
from .power_law import fit_power_law
from .random_matrix import (
    GeneralizedMarchenkoPastur,
    MarchenkoPastur,
    TracyWidom,
    fit_marchenko_pastur,
    optimal_shrinkage,
    optimal_threshold,
    shrink_covariance,
)
from .report import Report, analyze
from .results import (
    DiagonalEstimate,
    Dimensionality,
    DimensionEstimate,
    EigenResult,
    Estimate,
    LawComparison,
    MarchenkoPasturFit,
    PowerLawFit,
    RunInfo,
    SpectralDensity,
    Spectrum,
    SVDResult,
    TraceEstimate,
)
from .signal_spectrum import fit_signal_power_law, signal_variances
from .sketch import RowSketch, SketchedSVD
from .svd import randomized_svd, svds
from .traces import diagonal, logdet, trace
from .views import centered_view, gram_view, normalized_laplacian_view, shifted_view

__version__: str

__all__ = [
    "DiagonalEstimate",
    "DimensionEstimate",
    "Dimensionality",
    "EigenResult",
    "Estimate",
    "GeneralizedMarchenkoPastur",
    "LawComparison",
    "MarchenkoPastur",
    "MarchenkoPasturFit",
    "ParallelAnalysis",
    "PowerLawFit",
    "Report",
    "RowSketch",
    "RunInfo",
    "SVDResult",
    "SketchedSVD",
    "SpectralDensity",
    "Spectrum",
    "TraceEstimate",
    "TracyWidom",
    "__version__",
    "analyze",
    "as_operator",
    "as_source",
    "centered_view",
    "covariance_spectrum",
    "diagonal",
    "dimensionality",
    "dims_for_variance",
    "effective_rank",
    "eigsh",
    "fit_marchenko_pastur",
    "fit_power_law",
    "fit_signal_power_law",
    "gram_view",
    "logdet",
    "normalized_laplacian_view",
    "optimal_shrinkage",
    "optimal_threshold",
    "parallel_analysis",
    "participation_ratio",
    "plan",
    "randomized_svd",
    "shifted_view",
    "show_config",
    "shrink_covariance",
    "signal_variances",
    "spectral_density",
    "svds",
    "trace",
]
