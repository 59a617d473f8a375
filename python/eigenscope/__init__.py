"""Certified spectral analysis of high-dimensional data: eigenspectra, noise edges and dimensions with error bars."""

from importlib import import_module
from typing import Any

from . import _blas_table, _core

_blas_table.fill()

__version__: str = _core.__version__

# Public names by the module that defines them. A module is loaded when one of its names is first used, so that a
# program pays for the parts it needs; no module may be called like a public name. __init__.pyi tells type checkers.
_NAMES = {
    "config": ("show_config",),
    "covariance": ("covariance_spectrum",),
    "density": ("spectral_density",),
    "dimension_rules": ("dimensionality",),
    "effective_dimension": ("dims_for_variance", "effective_rank", "participation_ratio"),
    "eigen": ("eigsh",),
    "inputs": ("as_source",),
    "null_spectra": ("ParallelAnalysis", "parallel_analysis"),
    "operators": ("as_operator",),
    "planning": ("plan",),
    "power_law": ("fit_power_law",),
    "random_matrix": (
        "GeneralizedMarchenkoPastur",
        "MarchenkoPastur",
        "TracyWidom",
        "fit_marchenko_pastur",
        "optimal_shrinkage",
        "optimal_threshold",
        "shrink_covariance",
    ),
    "report": ("Report", "analyze"),
    "results": (
        "DiagonalEstimate",
        "DimensionEstimate",
        "Dimensionality",
        "EigenResult",
        "Estimate",
        "LawComparison",
        "MarchenkoPasturFit",
        "PowerLawFit",
        "RunInfo",
        "SVDResult",
        "SpectralDensity",
        "Spectrum",
        "TraceEstimate",
    ),
    "signal_spectrum": ("fit_signal_power_law", "signal_variances"),
    "sketch": ("RowSketch", "SketchedSVD"),
    "svd": ("randomized_svd", "svds"),
    "traces": ("diagonal", "logdet", "trace"),
    "views": ("centered_view", "gram_view", "normalized_laplacian_view", "shifted_view"),
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names}
_SUBMODULES = ("density", "errors", "networks", "neural", "random_matrix", "results", "sklearn", "testing", "traces")

__all__ = sorted(["__version__", *_MODULES])


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value = getattr(import_module(f".{_MODULES[name]}", __name__), name)
        globals()[name] = value
        return value
    if name in _SUBMODULES:
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES, *_SUBMODULES})
