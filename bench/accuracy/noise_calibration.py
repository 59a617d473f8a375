"""What the noise fit promises, measured: bias, spread, false positives, weak signals, coverage, correlated noise.

python bench/accuracy/noise_calibration.py [TABLE ...] [--draws N]

Tables: variance, false_positives, weak, coverage, temporal, truncated; all of them by default.
"""

from __future__ import annotations

import argparse
import math
import pathlib
import sys
import warnings
from collections.abc import Callable, Iterator

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from environment import release_blas_overrides

BLAS_LINE = release_blas_overrides()

import numpy as np
from eigenscope import covariance_spectrum, fit_marchenko_pastur
from eigenscope.eigenvalues import as_eigenvalues
from eigenscope.errors import DataWarning
from eigenscope.random_matrix import effective_samples, noise_variance
from eigenscope.random_matrix.sequential_test import sequential_test
from noise_peers import classical_test
from scipy.signal import lfilter
from spiked_wishart import spiked_eigenvalues

LEVELS = (0.05, 0.01)

SIZES = ((100, 90), (90, 100), (400, 200), (200, 400), (1000, 90), (90, 1000), (1000, 300), (300, 1000), (600, 600))
"""Samples and features of the variance table."""

SHARES = (0.0, 0.05, 0.1, 0.2)
"""Signals as shares of the smaller side."""

Row = tuple[str, ...]


def separated_spikes(n: int, p: int, count: int) -> np.ndarray:
    """Return signals well above the noise, but closer than their errors when there are many."""
    return np.linspace(10, 2, count) * (1 + math.sqrt(p / n))


def spectra(n: int, p: int, spikes: np.ndarray, draws: int) -> Iterator[np.ndarray]:
    generator = np.random.default_rng([n, p, len(spikes)])
    for _ in range(draws):
        yield spiked_eigenvalues(n, p, spikes, generator)


def variance_rows(draws: int) -> Iterator[Row]:
    """Bias of the fitted variance, its spread in units of the smallest possible, and coverage of its interval."""
    yield ("n x p, signals", "bias", "spread", "count known", "coverage")
    for n, p in SIZES:
        for share in SHARES:
            r = round(share * min(n, p))
            theory = math.sqrt(2 / ((n - r) * (p - r)))
            # The spread is wanted to a few percent, the bias to a fifth of 0.003.
            count = max(min(draws, 200), math.ceil((theory / 0.0006) ** 2))
            fits, known = [], []
            for values in spectra(n, p, separated_spikes(n, p, r), count):
                fits.append(fit_marchenko_pastur(values, n_samples=n, n_features=p).variance)
                known.append(float(noise_variance(values, r, n_samples=n, n_features=p)))
            values = np.array([fit.value for fit in fits])
            covered = np.mean([fit.interval[0] <= 1 <= fit.interval[1] for fit in fits])
            yield (
                f"{n} x {p}, {r}",
                f"{values.mean() - 1:+.5f} ± {theory / math.sqrt(count):.5f}",
                f"{values.std() / theory:.3f}",
                f"{np.std(known) / theory:.3f}",
                f"{100 * covered:.1f} %",
            )


FALSE_POSITIVE_DESIGNS = (
    (400, 200, np.empty(0)),
    (200, 400, np.empty(0)),
    (100, 100, np.empty(0)),
    (400, 200, np.linspace(4, 20, 10)),
    (200, 400, np.linspace(5, 20, 10)),
    (400, 200, np.linspace(4, 15, 40)),
    (200, 400, np.linspace(5, 20, 40)),
    (1000, 300, np.linspace(4, 20, 40)),
)


def false_positive_rows(draws: int) -> Iterator[Row]:
    """Share of draws with more signals than planted."""
    yield ("n x p, signals", *(f"at {100 * level:g} %" for level in LEVELS))
    for n, p, spikes in FALSE_POSITIVE_DESIGNS:
        found = np.zeros(len(LEVELS))
        for values in spectra(n, p, spikes, draws):
            found += [count > len(spikes) for count in counts_at(values, n, p, LEVELS)]
        yield (f"{n} x {p}, {len(spikes)}", *(f"{100 * share:.1f} %" for share in found / draws))


def counts_at(values: np.ndarray, n: int, p: int, levels: tuple[float, ...]) -> list[int]:
    """Return the number of signals at each level; the p-values are those of the largest level."""
    sample = as_eigenvalues(values, n_samples=n, n_features=p)
    p_values = sequential_test(sample, max(levels)).p_values
    return [int(np.argmax(np.append(p_values, 1.0) > level)) for level in levels]


WEAK_DESIGNS = (
    (400, 200, np.linspace(2.2, 6, 10)),
    (200, 400, np.linspace(3.2, 10, 10)),
    (400, 200, np.linspace(2.6, 5, 40)),
)


def weak_rows(draws: int) -> Iterator[Row]:
    """Weak signals found at 1 %, here and by Kritchman and Nadler's test as published."""
    yield ("n x p, signals", "all found", "classical", "mean count", "classical", "too many")
    level = 0.01
    for n, p, spikes in WEAK_DESIGNS:
        counts = np.array(
            [
                (counts_at(values, n, p, (level,))[0], classical_test(values, n, p, level)[1])
                for values in spectra(n, p, spikes[::-1], draws)
            ]
        )
        exact, mean = np.mean(counts == len(spikes), axis=0), counts.mean(axis=0)
        yield (
            f"{n} x {p}, {len(spikes)}",
            *(f"{share:.2f}" for share in exact),
            *(f"{value:.2f}" for value in mean),
            f"{100 * np.mean(counts[:, 0] > len(spikes)):.1f} %",
        )


COVERAGE_DESIGNS = (
    (400, 200, np.empty(0)),
    (400, 200, np.array([25.0, 12, 6, 4])),
    (400, 200, np.linspace(12, 4, 10)),
    (400, 200, np.linspace(15, 4, 40)),
    (200, 400, np.linspace(20, 6, 10)),
    (1000, 300, np.linspace(20, 4, 20)),
    (120, 90, np.linspace(20, 6, 5)),
)


def coverage_rows(draws: int) -> Iterator[Row]:
    """Share of 95 % intervals that hold the truth: variance, debiased signals, effective number of samples."""
    yield ("n x p, signals", "variance", "signals", "effective samples")
    for n, p, spikes in COVERAGE_DESIGNS:
        r = len(spikes)
        variance, signals, samples = [], [], []
        for values in spectra(n, p, spikes, draws):
            fit = fit_marchenko_pastur(values, n_samples=n, n_features=p)
            variance.append(fit.variance.interval[0] <= 1 <= fit.variance.interval[1])
            if fit.n_signal >= r:
                signals.append(np.abs(fit.signal_eigenvalues[:r] - spikes) <= 1.96 * fit.signal_stderrs[:r])
            if n >= p:
                low, high = effective_samples(values, r, n_samples=n, n_features=p)[0].interval
                samples.append(low <= n <= high)
        yield (f"{n} x {p}, {r}", *(_percent(hits) for hits in (variance, signals, samples)))


def _percent(hits: list[np.ndarray] | list[bool]) -> str:
    return f"{100 * np.mean(hits):.1f} %" if np.size(hits) else ""


TEMPORAL_DESIGNS = ((200, 1000, 0.8), (200, 400, 0.5), (100, 1000, 0.9), (300, 400, 0.7), (60, 300, 0.9))
"""Features, samples, autocorrelation."""


def temporal_rows(draws: int) -> Iterator[Row]:
    """AR(1) noise: false positives at 5 % and 1 % of ``temporal="ar1"``, and how often the white fit warns."""
    yield ("n x p, coefficient", "at 5 %", "at 1 %", "white fit warns")
    for p, n, coefficient in TEMPORAL_DESIGNS:
        generator = np.random.default_rng([n, p])
        found, warned = np.zeros(2), 0
        for _ in range(draws):
            innovations = generator.standard_normal((n, p))
            innovations[0] /= math.sqrt(1 - coefficient**2)
            spectrum = covariance_spectrum(lfilter([1], [1, -coefficient], innovations, axis=0), threads=1)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                fit_marchenko_pastur(spectrum)
            warned += any(issubclass(one.category, DataWarning) for one in caught)
            found += fit_marchenko_pastur(spectrum, temporal="ar1").p_values[0] <= np.array(LEVELS)
        yield (
            f"{n} x {p}, {coefficient}",
            *(f"{100 * share:.1f} %" for share in found / draws),
            f"{100 * warned / draws:.0f} %",
        )


def truncated_rows(draws: int) -> Iterator[Row]:
    """Largest difference between the fit of the top 2.5 r eigenvalues with the trace, and that of all."""
    yield ("n x p, signals", "variance", "signals counted")
    for n, p, spikes in (*FALSE_POSITIVE_DESIGNS[3:], *WEAK_DESIGNS):
        k = math.ceil(2.5 * len(spikes))
        change, differ = 0.0, 0
        for values in spectra(n, p, spikes[::-1], max(1, draws // 10)):
            full = fit_marchenko_pastur(values, n_samples=n, n_features=p)
            top = fit_marchenko_pastur(values[:k], n_samples=n, n_features=p, total_variance=values.sum())
            change = max(change, abs(top.variance.value - full.variance.value))
            differ += top.n_signal != full.n_signal
        yield (f"{n} x {p}, {len(spikes)}", f"{change:.1e}", f"{differ} of {max(1, draws // 10)} differ")


TABLES: dict[str, Callable[[int], Iterator[Row]]] = {
    "variance": variance_rows,
    "false_positives": false_positive_rows,
    "weak": weak_rows,
    "coverage": coverage_rows,
    "temporal": temporal_rows,
    "truncated": truncated_rows,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", default=list(TABLES), metavar="TABLE", help=", ".join(TABLES))
    parser.add_argument("--draws", type=int, default=1000)
    options = parser.parse_args()
    print(BLAS_LINE)
    for name in options.tables:
        print(f"\n{TABLES[name].__doc__}")
        for row in TABLES[name](options.draws):
            print("".join(f"{cell:<24}" for cell in row), flush=True)


if __name__ == "__main__":
    main()
