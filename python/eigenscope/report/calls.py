"""For every number of a report the Python expression that reproduces it."""

from __future__ import annotations

from typing import Any

from ..null_spectra import ParallelAnalysis

VARIANCE_SHARES = (0.8, 0.9, 0.95)
"""Shares of the variance whose number of dimensions is reported."""


def list_calls(
    options: dict[str, Any],
    permuted: ParallelAnalysis,
    ranks: tuple[int, int] | None,
    *,
    significance: float,
    has_noise: bool,
    has_signal: bool,
) -> dict[str, str]:
    """Return for every number the Python expression that reproduces it, in an order that can be run.

    Parameters
    ----------
    options : dict
        Options of the covariance.
    permuted : ParallelAnalysis
        The permutations, for their number and seed.
    ranks : tuple of int or None
        Ranks of the power-law fit.
    significance : float
        Level of the tests.
    has_noise, has_signal : bool
        Whether noise could be fitted, and a power law to the signal above it.

    Returns
    -------
    dict of str to str
        Name of the number, expression in ``X`` and in names that stand before it.
    """
    given = ", ".join(f"{name}={value!r}" for name, value in options.items())
    calls = {
        "spectrum": f"eigenscope.covariance_spectrum(X, {given})",
        "permuted": f"eigenscope.parallel_analysis(X, {given}, n_permutations={permuted.n_permutations}, "
        f"quantile={permuted.quantile!r}, rng={permuted.info.seed})",
        "total_variance": "spectrum.total_variance",
        "largest_eigenvalue": "spectrum.eigenvalues[0]",
        "lag_one_autocorrelation": "spectrum.lag_one_autocorrelation",
    }
    if has_noise:
        calls |= {
            "noise": f"spectrum.fit_marchenko_pastur(significance={significance!r})",
            "noise_variance": "noise.variance",
            "noise_edge": "noise.edges[1]",
            "noise_threshold": "noise.upper_edge_threshold",
            "variance_above_noise": "100 * spectrum.explained_variance_ratio[:noise.n_signal].sum()",
            "Marchenko–Pastur_test": "noise.n_signal",
            "Gavish–Donoho_threshold": "eigenscope.random_matrix.gavish_donoho_rank(spectrum, "
            "noise=float(noise.variance) ** 0.5)",
        }
    calls |= {
        "parallel_analysis": "permuted.n_dimensions",
        "participation_ratio": "spectrum.participation_ratio()",
        "participation_ratio_corrected": "spectrum.participation_ratio(bias_correction=True)",
    }
    calls |= {f"dims_for_{100 * share:g}_percent": f"spectrum.dims_for_variance({share})" for share in VARIANCE_SHARES}
    if ranks is not None:
        calls |= {
            "power_law": f"spectrum.fit_power_law(ranks={ranks})",
            "rank_exponent": "power_law.exponent",
            "rank_exponent_smallest": "min(row[2] for row in power_law.range_sensitivity)",
            "rank_exponent_largest": "max(row[2] for row in power_law.range_sensitivity)",
        }
    if has_signal:
        calls |= {
            "signal_power_law": f"eigenscope.fit_signal_power_law(spectrum, noise=noise, ranks={ranks})",
            "signal_exponent": "signal_power_law.exponent",
        }
    return calls
