"""Noise variance and number of signals, by this package and by its peers, on the same simulated spectra.

python bench/accuracy/noise_peers.py [--draws N] [--rst docs/noise_peers.rst]

Peers that are not installed are left out, and named: scikit-learn, scikit-rmt, optht, dipy, powerlaw. To run all of
them without touching what is installed, put a folder on PYTHONPATH that holds

pip install --no-deps --target FOLDER scikit-rmt optht powerlaw mpmath dipy nibabel trx-python deepdiff orderly-set
"""

from __future__ import annotations

import argparse
import math
import pathlib
import sys
import time
from collections.abc import Callable, Iterator

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from environment import release_blas_overrides

BLAS_LINE = release_blas_overrides()

import eigenscope
import numpy as np
from eigenscope import TracyWidom
from eigenscope.eigenvalues import as_eigenvalues
from eigenscope.random_matrix.edges import largest_eigenvalue_edge
from eigenscope.random_matrix.noise_variance import kritchman_nadler
from spiked_wishart import spiked_eigenvalues

LEVEL = 0.05

MAX_SECONDS = 5.0
"""A slow rule sees fewer of the draws of a design."""

FEWEST_FOR_SPREAD = 10
"""Fewer draws do not tell how widely a variance scatters."""

Answer = tuple[float, int]
Rule = Callable[[np.ndarray, int, int], Answer]

DESIGNS = {
    # name: (n_samples, n_features, population spikes)
    "noise only": (400, 200, np.empty(0)),
    "10 weak signals": (400, 200, np.linspace(2.2, 6, 10)),
    "40 crowded signals": (400, 200, np.linspace(4, 15, 40)),
    "10 signals, n < p": (200, 400, np.linspace(5, 20, 10)),
}


def this_package(values: np.ndarray, n: int, p: int) -> Answer:
    fit = eigenscope.fit_marchenko_pastur(values, n_samples=n, n_features=p, significance=LEVEL)
    return fit.variance.value, fit.n_signal


def classical_test(values: np.ndarray, n: int, p: int, level: float = LEVEL) -> Answer:
    """Kritchman and Nadler (2009) as published: the white edge of p - k features."""
    sample = as_eigenvalues(values, n_samples=n, n_features=p)
    quantile = float(TracyWidom(1).isf(level))
    for k in range(min(n, p) // 2):
        variance = kritchman_nadler(sample, k)[0]
        edge = largest_eigenvalue_edge(n, p - k, variance=variance)
        if values[k] <= edge.location + quantile * edge.scale:
            break
    return variance, k


def scikit_learn() -> Rule:
    from sklearn.decomposition import _pca

    def rule(values: np.ndarray, n: int, p: int) -> Answer:
        # Minka's rule needs more samples than features.
        if n < p:
            return math.nan, -1
        rank = _pca._infer_dimension(values, n)
        return float(values[rank:].mean()), int(rank)

    return rule


def scikit_rmt(estimator: str) -> Rule:
    import scipy.misc

    if not hasattr(scipy.misc, "derivative"):
        # Gone from SciPy since 1.12, still imported there, and not needed by this rule.
        scipy.misc.derivative = None
    from skrmt.denoise import MarchenkoPasturPCADenoiser

    def rule(values: np.ndarray, n: int, p: int) -> Answer:
        ratio = p / n
        full = np.concatenate([values, np.zeros(p - len(values))])
        sigma = MarchenkoPasturPCADenoiser._estimate_sigma(np.sort(full), ratio, estimator)
        return sigma**2, int(np.count_nonzero(values > sigma**2 * (1 + math.sqrt(ratio)) ** 2))

    return rule


def optht_rule() -> Rule:
    from optht import optht

    def rule(values: np.ndarray, n: int, p: int) -> Answer:
        try:
            rank = int(optht(min(n, p) / max(n, p), sv=np.sqrt(n * values), sigma=None))
        except ValueError:
            rank = -1  # rank zero is an error there
        return math.nan, rank

    return rule


def dipy_rule() -> Rule:
    from dipy.denoise.localpca import _pca_classifier

    def rule(values: np.ndarray, n: int, p: int) -> Answer:
        full = np.concatenate([values, np.zeros(p - len(values))])
        variance, n_noise = _pca_classifier(np.sort(full), n)
        return float(variance), min(len(values), len(full)) - int(n_noise) if n >= p else len(values) - 1 - int(n_noise)

    return rule


def power_law_tail() -> Rule:
    """The eigenvalues that follow a fitted power law, which some take for signals; no variance of the noise."""
    import powerlaw

    def rule(values: np.ndarray, n: int, p: int) -> Answer:
        fit = powerlaw.Fit(values, verbose=False)
        return math.nan, int(np.count_nonzero(values >= fit.xmin))

    return rule


PEERS: dict[str, Callable[[], Rule]] = {
    "eigenscope": lambda: this_package,
    "Kritchman–Nadler, as published": lambda: classical_test,
    "scikit-learn ``mle``": scikit_learn,
    "scikit-rmt ``median`` (default)": lambda: scikit_rmt("median"),
    "scikit-rmt ``mp_fit``": lambda: scikit_rmt("mp_fit"),
    "optht": optht_rule,
    "dipy ``mppca`` rule": dipy_rule,
    "powerlaw tail": power_law_tail,
}


def installed_peers() -> tuple[dict[str, Rule], str]:
    """Return the rules that can be run, and a line that names the others."""
    rules, absent = {}, []
    for name, make in PEERS.items():
        try:
            rules[name] = make()
        except ImportError as error:
            absent.append(f"{name} ({error})")
    return rules, f"Not installed, left out: {', '.join(absent)}." if absent else "All peers are installed."


def rows(draws: int, rules: dict[str, Rule]) -> Iterator[tuple[str, ...]]:
    for design, (n, p, spikes) in DESIGNS.items():
        generator = np.random.default_rng([n, p, len(spikes)])
        spectra = [spiked_eigenvalues(n, p, spikes, generator) for _ in range(draws)]
        theory = math.sqrt(2 / ((n - len(spikes)) * (p - len(spikes))))
        for name, rule in rules.items():
            # Processor time, so that whatever else runs does not count.
            began = time.process_time()
            answers = []
            for values in spectra:
                answers.append(rule(values, n, p))
                if time.process_time() - began > MAX_SECONDS:
                    break
            milliseconds = 1e3 * (time.process_time() - began) / len(answers)
            yield (design, name, *_figures(np.array(answers), len(spikes), theory), f"{float(f'{milliseconds:.2g}'):g}")


def _figures(answers: np.ndarray, n_spikes: int, theory: float) -> tuple[str, ...]:
    variances, ranks = answers.T
    if np.isnan(variances).all() and (ranks < 0).all():
        return ("refuses",) + ("",) * 4
    known = variances[~np.isnan(variances)]
    bias = f"{100 * (known.mean() - 1):+.2f} %" if len(known) else "none given"
    spread = f"{known.std() / theory:.2f}" if len(known) >= FEWEST_FOR_SPREAD else ""
    usable = ranks >= 0
    if not usable.any():
        return bias, spread, "fails", "fails", "fails"
    over = f"{100 * np.mean(ranks[usable] > n_spikes):.1f} %"
    exact = f"{100 * np.mean(ranks[usable] == n_spikes):.0f} %"
    return bias, spread, over, exact, f"{ranks[usable].mean():.1f}"


HEADER = ("design", "rule", "variance bias", "spread", "too many", "exact", "mean count", "ms")


def as_rst(table: list[tuple[str, ...]], draws: int, absent: str) -> str:
    lines = [
        ".. Written by bench/accuracy/noise_peers.py; do not edit.",
        "",
        f".. list-table:: Up to {draws} draws of each design, level {100 * LEVEL:g} %",
        "   :header-rows: 1",
        "",
    ]
    for row in [HEADER, *table]:
        lines += [("   * - " if i == 0 else "     - ") + cell for i, cell in enumerate(row)]
    lines += ["", f"Times are those of one processor. {absent}"]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--rst", type=pathlib.Path, help="also write the table here")
    options = parser.parse_args()
    rules, absent = installed_peers()
    print(BLAS_LINE, absent, sep="\n")
    table = list(rows(options.draws, rules))
    for row in [HEADER, *table]:
        print("  ".join(f"{cell:<22}" if i < 2 else f"{cell:>13}" for i, cell in enumerate(row)))
    if options.rst:
        options.rst.write_text(as_rst(table, options.draws, absent), encoding="utf-8")


if __name__ == "__main__":
    main()
