"""The main job on a synthetic recording whose every answer is known."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .arguments import make_folder
from .effective_dimension import dims_for_variance
from .power_law import fit_power_law
from .report import Report, analyze
from .report.text import render_text
from .testing import Recording, recording

if TYPE_CHECKING:
    from matplotlib.figure import Figure

N_SAMPLES = 4_000
N_FEATURES = 2_000
NOISE_VARIANCE = 1.0
N_SIGNAL = 100
EXPONENT = 1.0
FIRST_SIGNAL_VARIANCE = 200.0
N_DOMINANT = 5
DOMINANT_FACTOR = 3.0

PICTURE_NAME = "eigenscope-demo.png"


def make_recording(*, seed: int = 0) -> Recording:
    """Draw a recording of 4 000 samples of 2 000 features: 100 signal dimensions under white noise.

    Signal variance falls as rank^-1 from rank 6 to rank 100 and is three times that law in the first five
    dimensions; every signal is above the detection threshold. Noise has variance 1 in every feature.

    Parameters
    ----------
    seed : int
        Seed of the samples.

    Returns
    -------
    Recording
        Samples and truth.
    """
    signal = FIRST_SIGNAL_VARIANCE * np.arange(1, N_SIGNAL + 1) ** -EXPONENT
    signal[:N_DOMINANT] *= DOMINANT_FACTOR
    return recording(
        N_SAMPLES,
        N_FEATURES,
        population_eigenvalues=signal,
        noise_variance=NOISE_VARIANCE,
        rng=seed,
        dtype=np.float32,
    )


def known_truth(truth: Recording, report: Report) -> dict[str, float]:
    """Return the true value of every number of the report that has one.

    Parameters
    ----------
    truth : Recording
        The recording with its population eigenvalues.
    report : Report
        Its report, for the sample sizes, thresholds and ranks the numbers refer to.

    Returns
    -------
    dict of str to float
        Name of the number and its true value.
    """
    population, variance = truth.population_eigenvalues, truth.noise_variance
    ratio = report.spectrum.n_features / report.spectrum.degrees_of_freedom
    # Baik, Ben Arous and Péché: a signal of variance s shows when s > variance * sqrt(ratio).
    detectable = truth.signal_eigenvalues > variance * np.sqrt(ratio)
    # A detectable population eigenvalue ℓ appears in the sample at ℓ (1 + ratio variance / (ℓ - variance)).
    spikes = population[: len(truth.signal_eigenvalues)][detectable]
    expected = spikes * (1 + ratio * variance / (spikes - variance))
    gavish_donoho = next(rule for rule in report.dimension_rules if rule.name.startswith("Gavish"))
    values = {
        "total_variance": float(population.sum()),
        "largest_eigenvalue": float(population[0]),
        "variance_above_noise": 100 * float(population[: len(spikes)].sum() / population.sum()),
        "lag_one_autocorrelation": truth.autocorrelation,
        "noise_variance": variance,
        "noise_edge": variance * (1 + np.sqrt(ratio)) ** 2,
        "Marchenko–Pastur_test": float(detectable.sum()),
        "Gavish–Donoho_threshold": float((expected > gavish_donoho.threshold).sum()),
        "parallel_analysis": float(detectable.sum()),
        "participation_ratio": float(population.sum() ** 2 / (population**2).sum()),
        "participation_ratio_corrected": float(population.sum() ** 2 / (population**2).sum()),
    }
    values |= {
        f"dims_for_{100 * share:g}_percent": float(dims_for_variance(population, share))
        for share, _ in report.dims_for_variance
    }
    if report.power_law is not None:
        values["rank_exponent"] = fit_power_law(population, ranks=report.power_law.ranks).exponent
    if report.signal_power_law is not None:
        values["signal_exponent"] = EXPONENT
    return values


def run(folder: Path = Path(), *, seed: int = 0) -> Path:
    """Make the recording, print its report with the truth beside each estimate, and leave one picture.

    Parameters
    ----------
    folder : Path
        Where the picture goes.
    seed : int
        Seed of the recording.

    Returns
    -------
    Path
        The picture.

    Raises
    ------
    InvalidInputError
        When nothing can be written to `folder`.
    """
    print(
        f"{N_SAMPLES:,} samples of {N_FEATURES:,} features: {N_SIGNAL} signal dimensions whose variance "
        f"falls\nas rank^-{EXPONENT:g}, the first {N_DOMINANT} of them {DOMINANT_FACTOR:g} times stronger, "
        f"under white noise of variance {NOISE_VARIANCE:g}.\n"
    )
    make_folder(folder)
    truth = make_recording(seed=seed)
    report = analyze(truth.data, rng=seed)
    code = f"from eigenscope.demo import make_recording; X = make_recording(seed={seed}).data"
    report = dataclasses.replace(report, data=dataclasses.replace(report.data, source=code))
    known = known_truth(truth, report)
    print(render_text(report, truth=known))
    picture = folder / PICTURE_NAME
    _draw(truth, report, known).savefig(picture, dpi=160)
    print(f"\nPicture: {picture}")
    return picture


def _draw(truth: Recording, report: Report, known: dict[str, float]) -> Figure:
    """Draw the report with the population eigenvalues underneath the sample's."""
    from matplotlib.figure import Figure

    from .report.figure import FIGURE_SIZE, draw_report
    from .results.plot_style import INK, NOTE_SIZE

    figure = draw_report(report, Figure(figsize=FIGURE_SIZE, layout="constrained"), truth=known)
    spectrum_ax = figure.axes[0]
    ranks = np.arange(1, len(truth.population_eigenvalues) + 1)
    spectrum_ax.plot(ranks, truth.population_eigenvalues, color=INK, linewidth=1, linestyle="--", label="truth")
    spectrum_ax.legend(fontsize=NOTE_SIZE, frameon=False, loc="lower left", labelcolor=INK)
    return figure
