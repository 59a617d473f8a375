"""Random-matrix theory: the laws of noise, its edges, and the signals beyond them."""

from . import edges, spikes
from .effective_samples import effective_samples
from .fit import fit_marchenko_pastur
from .general_noise import opt_shrink, screenot_threshold
from .laws import MarchenkoPastur
from .noise_variance import noise_variance
from .shrinkers import denoised_singular_values, optimal_shrinkage, shrink_spikes
from .thresholds import gavish_donoho_rank, optimal_threshold
from .tracy_widom import TracyWidom

__all__ = [
    "MarchenkoPastur",
    "TracyWidom",
    "denoised_singular_values",
    "edges",
    "effective_samples",
    "fit_marchenko_pastur",
    "gavish_donoho_rank",
    "noise_variance",
    "opt_shrink",
    "optimal_shrinkage",
    "optimal_threshold",
    "screenot_threshold",
    "shrink_spikes",
    "spikes",
]
