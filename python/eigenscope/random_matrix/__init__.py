"""Random-matrix theory: the laws of noise, its edges, and the signals beyond them."""

from . import edges, spikes
from .covariance_shrinkage import shrink_covariance
from .fit import fit_marchenko_pastur
from .free_convolution import FreeProduct, FreeSum, FussCatalan, Semicircle, moments_of_product, moments_of_sum
from .heteroscedastic import NoiseEqualization, biwhiten, dyson_equalizer
from .laws import MarchenkoPastur
from .noise_variance import noise_variance
from .population import PopulationSpectrum, population_moments, population_spectrum
from .silverstein import GeneralizedMarchenkoPastur
from .temporal import CorrelatedMarchenkoPastur, noise_power_spectrum
from .thresholds import gavish_donoho_rank, optimal_threshold
from .tracy_widom import TracyWidom

__all__ = [
    "CorrelatedMarchenkoPastur",
    "FreeProduct",
    "FreeSum",
    "FussCatalan",
    "GeneralizedMarchenkoPastur",
    "MarchenkoPastur",
    "NoiseEqualization",
    "PopulationSpectrum",
    "Semicircle",
    "TracyWidom",
    "biwhiten",
    "dyson_equalizer",
    "edges",
    "fit_marchenko_pastur",
    "gavish_donoho_rank",
    "moments_of_product",
    "moments_of_sum",
    "noise_power_spectrum",
    "noise_variance",
    "optimal_threshold",
    "population_moments",
    "population_spectrum",
    "shrink_covariance",
    "spikes",
]
