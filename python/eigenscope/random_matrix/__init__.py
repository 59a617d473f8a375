"""Random-matrix theory: the laws of noise, its edges, and the signals beyond them."""

from . import edges, spikes
from .covariance_shrinkage import shrink_covariance
from .cross_validated_shrinkage import cross_validated_shrinkage
from .effective_samples import effective_samples
from .fit import fit_marchenko_pastur
from .free_convolution import DiscreteLaw, FreeProduct, FreeSum, FussCatalan, Semicircle
from .free_moments import moments_of_product, moments_of_sum
from .general_noise import opt_shrink, screenot_threshold
from .heteroscedastic import NoiseEqualization, biwhiten, dyson_equalizer
from .laws import MarchenkoPastur
from .noise_power import noise_power_spectrum
from .noise_variance import noise_variance
from .population import PopulationSpectrum, population_moments, population_spectrum
from .separable import SeparableMarchenkoPastur
from .shrinkers import denoised_singular_values, optimal_shrinkage, shrink_spikes
from .silverstein import GeneralizedMarchenkoPastur
from .sphericity import SphericityTest, john_test
from .temporal import CorrelatedMarchenkoPastur
from .thresholds import apply_threshold, gavish_donoho_rank, optimal_threshold
from .tracy_widom import TracyWidom

__all__ = [
    "CorrelatedMarchenkoPastur",
    "DiscreteLaw",
    "FreeProduct",
    "FreeSum",
    "FussCatalan",
    "GeneralizedMarchenkoPastur",
    "MarchenkoPastur",
    "NoiseEqualization",
    "PopulationSpectrum",
    "Semicircle",
    "SeparableMarchenkoPastur",
    "SphericityTest",
    "TracyWidom",
    "apply_threshold",
    "biwhiten",
    "cross_validated_shrinkage",
    "denoised_singular_values",
    "dyson_equalizer",
    "edges",
    "effective_samples",
    "fit_marchenko_pastur",
    "gavish_donoho_rank",
    "john_test",
    "moments_of_product",
    "moments_of_sum",
    "noise_power_spectrum",
    "noise_variance",
    "opt_shrink",
    "optimal_shrinkage",
    "optimal_threshold",
    "population_moments",
    "population_spectrum",
    "screenot_threshold",
    "shrink_covariance",
    "shrink_spikes",
    "spikes",
]
