"""Random-matrix theory: the laws of noise, its edges, and the signals beyond them."""

from . import edges, spikes
from .effective_samples import effective_samples
from .fit import fit_marchenko_pastur
from .laws import MarchenkoPastur
from .noise_variance import noise_variance
from .thresholds import gavish_donoho_rank, optimal_threshold
from .tracy_widom import TracyWidom

__all__ = [
    "MarchenkoPastur",
    "TracyWidom",
    "edges",
    "effective_samples",
    "fit_marchenko_pastur",
    "gavish_donoho_rank",
    "noise_variance",
    "optimal_threshold",
    "spikes",
]
