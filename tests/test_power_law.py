"""The rank exponent: exact power laws, sampled ones, and conventions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from eigenscope import covariance_spectrum, fit_power_law
from eigenscope.errors import DataWarning, InvalidInputError, NonFiniteInputError
from eigenscope.results import PowerLawFit, Spectrum
from scipy.stats import binom

EXACT = np.arange(1, 1001.0) ** -1.3


def sample_eigenvalues(population, n, generator):
    """Eigenvalues of a Gaussian sample covariance with n > p, through Bartlett's triangular factor."""
    p = len(population)
    factor = np.tril(generator.standard_normal((p, p)), -1)
    factor[np.diag_indices(p)] = np.sqrt(generator.chisquare(n - np.arange(p)))
    factor *= np.sqrt(population)[:, None]
    return np.linalg.eigvalsh(factor @ factor.T / n)[::-1]


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 2.7])
@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e150])
@pytest.mark.parametrize("weights", ["inverse_rank", "uniform"])
def test_exact_power_law_is_exact(exponent, scale, weights):
    fit = fit_power_law(scale * np.arange(1, 701.0) ** -exponent, weights=weights)
    assert fit.exponent == pytest.approx(exponent, abs=1e-12)
    assert fit.intercept == pytest.approx(math.log(scale), rel=1e-12, abs=1e-11)
    assert fit.ranks == (11, 500)
    assert fit.n_dropped == 0
    assert fit.r_squared == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(fit.predict([1, 10]) / scale, [1, 10.0**-exponent], rtol=1e-10)


def test_weighted_fit_is_numpy_polyfit_with_root_weights():
    values = np.sort(EXACT * np.random.default_rng(0).lognormal(0, 0.3, 1000))[::-1]
    ranks = np.arange(11, 501)
    slope, intercept = np.polyfit(np.log(ranks), np.log(values[10:500]), 1, w=ranks**-0.5)
    fit = fit_power_law(values)
    assert fit.exponent == pytest.approx(-slope, rel=1e-10)
    assert fit.intercept == pytest.approx(intercept, rel=1e-10)


def test_conventions_by_name():
    spectrum = Spectrum(EXACT[:307], 392, 307, float(EXACT[:307].sum()), 391)
    assert spectrum.fit_power_law(method="stringer2019").ranks == (11, 307)
    assert fit_power_law(EXACT, method="stringer2019", n_samples=400).ranks == (11, 398)
    assert fit_power_law(EXACT, method="alpha_req").ranks == (11, 100)
    assert fit_power_law(EXACT, method="stringer2019").method == "stringer2019"
    with pytest.raises(InvalidInputError, match="fixes ranks"):
        fit_power_law(EXACT, method="alpha_req", ranks=(1, 50))


def test_range_is_cut_to_the_data_and_shifted_for_sensitivity():
    fit = fit_power_law(EXACT[:60])
    assert fit.ranks == (11, 60)
    bent = np.concatenate([EXACT[:100], EXACT[99] * (np.arange(101, 1001.0) / 100) ** -3])
    rows = fit_power_law(bent, ranks=(11, 100)).range_sensitivity
    assert {(first, last) for first, last, _ in rows} == {(6, 100), (22, 100), (11, 50), (11, 200), (22, 50)}
    by_range = {(first, last): exponent for first, last, exponent in rows}
    assert by_range[11, 50] == pytest.approx(1.3, abs=1e-12)
    assert by_range[11, 200] > 1.5


def test_values_that_are_not_positive_are_counted_and_handled_as_asked():
    values = EXACT[:100].copy()
    values[80:90] *= -1
    values[90:] = 0
    dropped = fit_power_law(values, ranks=(1, 100))
    assert dropped.n_dropped == 20
    assert dropped.ranks == (1, 80)
    assert dropped.exponent == pytest.approx(1.3, abs=1e-12)
    folded = fit_power_law(values, ranks=(1, 100), nonpositive="abs")
    assert folded.n_dropped == 20
    assert folded.exponent != dropped.exponent
    with pytest.raises(
        InvalidInputError, match="20 eigenvalues in ranks 1 to 100 are not positive, the first at rank 81"
    ):
        fit_power_law(values, ranks=(1, 100), nonpositive="raise")


@pytest.mark.parametrize(
    ("n", "p", "exponent", "ranks"),
    [
        (2000, 80, 1.0, (1, 80)),
        (10000, 100, 1.0, (11, 80)),
        (5000, 150, 2.0, (11, 120)),
        (10000, 60, 0.5, (1, 60)),
    ],
)
def test_error_bar_covers_the_population_exponent(n, p, exponent, ranks):
    draws = 200
    generator = np.random.default_rng([n, p])
    population = np.arange(1, p + 1.0) ** -exponent
    plain, corrected, values = 0, 0, []
    for _ in range(draws):
        eigenvalues = sample_eigenvalues(population, n, generator)
        fit = fit_power_law(eigenvalues, ranks=ranks, n_samples=n)
        debiased = fit_power_law(eigenvalues, ranks=ranks, n_samples=n, bias_correction=True)
        assert debiased.exponent == pytest.approx(fit.exponent - fit.bias, rel=1e-12)
        values.append((fit.exponent, fit.stderr, fit.bias))
        plain += fit.interval[0] <= exponent <= fit.interval[1]
        corrected += debiased.interval[0] <= exponent <= debiased.interval[1]
    estimates, stderrs, biases = np.array(values).T
    # Nominal 95 %: the corrected interval from both sides, the plain one from below.
    assert corrected >= binom.ppf(1e-4, draws, 0.93)
    assert plain >= binom.ppf(1e-4, draws, 0.93)
    # A standard deviation from 200 draws is known to 5 %; the larger of two errors is a little conservative.
    assert 0.85 <= stderrs.mean() / estimates.std() <= 1.45
    error = estimates.mean() - exponent
    assert biases.mean() == pytest.approx(error, abs=0.25 * abs(error) + 4 * estimates.std() / math.sqrt(draws))


def test_few_samples_give_a_wide_interval_and_no_correction():
    generator = np.random.default_rng(0)
    population = np.arange(1, 601.0) ** -1
    data = generator.standard_normal((150, 600)) * np.sqrt(population)
    values = np.linalg.eigvalsh(data @ data.T / 150)[::-1]
    fit = fit_power_law(values, ranks=(11, 120), n_samples=150)
    assert math.isnan(fit.bias)
    assert fit.interval[0] < 1 < fit.interval[1]
    with pytest.raises(InvalidInputError, match="ten times as many samples"):
        fit_power_law(values, ranks=(11, 120), n_samples=150, bias_correction=True)


def test_top_of_a_spectrum_gives_nearly_the_same_bias():
    values = sample_eigenvalues(np.arange(1, 101.0) ** -1, 5000, np.random.default_rng(0))
    full = Spectrum(values, 5001, 100, float(values.sum()), 5000).fit_power_law(ranks=(5, 40))
    top = Spectrum(values[:60], 5001, 100, float(values.sum()), 5000).fit_power_law(ranks=(5, 40))
    assert top.exponent == full.exponent
    # The hidden eigenvalues count as small beside those in the range, and are only 2.5 times smaller here.
    assert top.bias == pytest.approx(full.bias, abs=0.5 * full.stderr)


def test_without_a_sample_size_the_error_is_that_of_the_residuals():
    values = np.sort(EXACT[:200] * np.random.default_rng(1).lognormal(0, 0.1, 200))[::-1]
    fit = fit_power_law(values, ranks=(1, 200))
    assert math.isnan(fit.bias)
    assert 0 < fit.stderr < 0.1
    assert fit_power_law(values, ranks=(1, 200), n_samples=20).stderr > fit.stderr


@pytest.mark.parametrize(
    ("values", "options", "error", "message"),
    [
        (EXACT[:12], {}, InvalidInputError, "fewer than 5"),
        (EXACT, {"ranks": (0, 10)}, InvalidInputError, "1 <= first"),
        (EXACT, {"ranks": (20, 10)}, InvalidInputError, "1 <= first"),
        (EXACT, {"ranks": (1.5, 10)}, InvalidInputError, "two integers"),
        (EXACT, {"ranks": (math.nan, 10)}, InvalidInputError, "two integers"),
        (EXACT, {"ranks": (1, 2, 3)}, InvalidInputError, "two integers"),
        (EXACT, {"ranks": "ab"}, InvalidInputError, "two integers"),
        (EXACT, {"method": "mle"}, InvalidInputError, "method must be"),
        (EXACT, {"weights": "flat"}, InvalidInputError, "weights must be"),
        (EXACT, {"nonpositive": "keep"}, InvalidInputError, "nonpositive must be"),
        (EXACT, {"confidence": 95}, InvalidInputError, "confidence"),
        (np.zeros(100), {}, InvalidInputError, "hold 0 positive"),
        ([np.nan] * 30, {}, NonFiniteInputError, "30 of 30"),
        (EXACT, {"bias_correction": True}, InvalidInputError, "n_samples="),
    ],
)
def test_wrong_input_is_refused_with_a_reason(values, options, error, message):
    with pytest.raises(error, match=message):
        fit_power_law(values, **options)


def test_summary_and_round_trip(tmp_path):
    fit = fit_power_law(EXACT, n_samples=5000)
    assert "exponent 1.3000" in fit.summary()
    assert "ranks 11 to 500" in fit.summary()
    fit.save(tmp_path / "fit.npz")
    assert PowerLawFit.load(tmp_path / "fit.npz") == fit


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e150])
def test_likelihood_of_an_exact_power_law_is_exact(exponent, scale):
    fit = fit_power_law(scale * np.arange(1, 301.0) ** -exponent, method="likelihood", n_samples=1000)
    assert fit.exponent == pytest.approx(exponent, abs=1e-9)
    assert fit.intercept == pytest.approx(math.log(scale), abs=1e-8)


def test_likelihood_is_the_minimum_scipy_finds():
    from scipy.optimize import minimize

    values = np.sort(EXACT[:200] * np.random.default_rng(2).gamma(20, 1 / 20, 200))[::-1]
    logs = np.log(np.arange(11, 201))

    def cost(theta):
        mean = theta[0] - theta[1] * logs
        return np.sum(mean + values[10:] * np.exp(-mean))

    found = minimize(cost, [0.0, 1.0], method="BFGS", options={"gtol": 1e-10}, tol=1e-14)
    fit = fit_power_law(values, ranks=(11, 200), method="likelihood")
    assert [fit.intercept, fit.exponent] == pytest.approx(list(found.x), abs=1e-5)


def test_likelihood_reaches_the_error_of_fisher_and_weighted_least_squares_does_not():
    generator = np.random.default_rng(3)
    estimates = {"weighted": [], "likelihood": []}
    stderr = 0.0
    for _ in range(300):
        values = np.sort(np.arange(1, 101.0) ** -1 * generator.gamma(500, 1 / 500, 100))[::-1]
        for method, found in estimates.items():
            fit = fit_power_law(values, ranks=(1, 100), method=method, n_samples=1000)
            found.append(fit.exponent)
        stderr = math.sqrt(2 / 1000 / np.sum((np.log(np.arange(1, 101)) - np.log(np.arange(1, 101)).mean()) ** 2))
    # A standard deviation from 300 draws is known to 4 %.
    assert np.std(estimates["likelihood"]) == pytest.approx(stderr, rel=0.15)
    assert np.std(estimates["weighted"]) > 1.3 * stderr


def test_shapes_that_are_no_power_law_are_named():
    ranks = np.arange(1, 501.0)
    shapes = {
        "exponential": np.exp(-ranks / 60),
        "broken power law": np.where(ranks <= 50, ranks**-0.5, 50**-0.5 * (ranks / 50) ** -2),
        "power law": ranks**-1.1,
    }
    for name, values in shapes.items():
        for n_samples in (None, 5000):
            noisy = values * np.random.default_rng(4).gamma(2500, 1 / 2500, 500)
            fit = fit_power_law(np.sort(noisy)[::-1], n_samples=n_samples)
            comparison = fit.compare_models()
            assert name == "power law" or comparison.best.name == name
            assert (fit.misfit == "") == (name == "power law")
    parameters = {model.name: model.parameters for model in comparison.models}
    assert parameters["power law"]["exponent"] == pytest.approx(1.1, abs=0.02)


def test_break_and_rate_are_found():
    ranks = np.arange(1, 401.0)
    broken = np.where(ranks <= 60, ranks**-0.5, 60**-0.5 * (ranks / 60) ** -2)
    found = fit_power_law(broken, ranks=(1, 400)).compare_models().best.parameters
    assert found["first exponent"] == pytest.approx(0.5, abs=0.05)
    assert found["second exponent"] == pytest.approx(2, abs=0.1)
    assert found["break"] == pytest.approx(60, rel=0.15)
    exponential = fit_power_law(3 * np.exp(-0.02 * ranks), ranks=(1, 400), n_samples=100).compare_models().best
    assert exponential.parameters["rate"] == pytest.approx(0.02, rel=1e-6)


def test_a_misfit_is_shown():
    fit = fit_power_law(np.exp(-np.arange(200) / 10))
    assert f"no power law: {fit.misfit}; shifted ranges" in repr(fit)
    assert "follow an exponential (rate 0.1)" in fit.misfit
    assert len(repr(fit).splitlines()) == 3
    assert "no power law" not in repr(fit_power_law(EXACT))
    folded = np.where(np.arange(30) == 4, 0.1, -1 / np.arange(1, 31.0))
    # One positive value has no shape to compare.
    assert fit_power_law(folded, ranks=(1, 30), nonpositive="abs").misfit == ""


def test_a_misfit_warns_or_raises_when_asked():
    values = np.exp(-np.arange(1, 301) / 40)
    assert "exponential" in fit_power_law(values).misfit
    with pytest.warns(DataWarning, match="no power law: ranks 11 to 300 follow an exponential"):
        fit_power_law(values, misfit="warn")
    with pytest.raises(InvalidInputError, match="Choose other ranks"):
        fit_power_law(values, misfit="raise")
    with pytest.raises(InvalidInputError, match="misfit must be"):
        fit_power_law(values, misfit="stop")
    assert fit_power_law(EXACT, misfit="raise").misfit == ""


def test_rounding_of_zeros_is_no_part_of_the_law():
    generator = np.random.default_rng(8)
    # Rank 30 in double precision, and in single precision, where what rounding leaves is the size of its square.
    for dtype in (np.float64, np.float32):
        X = (generator.standard_normal((400, 30)) * EXACT[:30] ** 0.5) @ generator.standard_normal((30, 200))
        spectrum = covariance_spectrum(X.astype(dtype))
        fit = spectrum.fit_power_law()
        assert fit.ranks == (11, 30)
        assert fit.n_dropped == 170
        assert fit.exponent == pytest.approx(fit_power_law(spectrum.eigenvalues[:30]).exponent, rel=1e-12)
    with pytest.raises(InvalidInputError, match="170 eigenvalues in ranks 11 to 200 are not positive"):
        spectrum.fit_power_law(nonpositive="raise")


def test_other_ranges_are_fitted_by_the_same_method():
    values = sample_eigenvalues(EXACT[:200], 400, np.random.default_rng(9))
    fit = fit_power_law(values, ranks=(11, 100), method="likelihood", n_samples=400)
    for first, last, exponent in fit.range_sensitivity:
        again = fit_power_law(values, ranks=(first, last), method="likelihood", n_samples=400)
        assert exponent == again.exponent


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"method": "stringer2019", "n_samples": np.inf}, "n_samples must be a positive finite number"),
        ({"method": "stringer2019", "n_samples": "a"}, "n_samples must be a positive finite number"),
        ({"method": "stringer2019", "n_samples": 11}, "11 samples leave fewer than 5"),
        ({"method": "alpha_req", "ranks": 5}, "ranks must be two integers"),
        ({"method": ["weighted"]}, "method must be"),
        ({"bias_correction": "yes"}, "bias_correction must be True or False"),
    ],
)
def test_wrong_options_are_named(options, text):
    with pytest.raises(InvalidInputError, match=text):
        fit_power_law(np.arange(1.0, 200.0) ** -1, **options)
