"""The report's numbers are those of the functions it names, and every form of it says the same."""

import html.parser
import re

import eigenscope
import matplotlib
import numpy as np
import pytest
from eigenscope.errors import InvalidInputError, NonFiniteInputError
from eigenscope.report import Report, analyze
from eigenscope.report.quantities import Quantity, list_quantities
from eigenscope.results import Estimate
from eigenscope.testing import recording
from matplotlib.figure import Figure

matplotlib.use("Agg")

N_SIGNAL = 30


def make(n_samples: int = 500, n_features: int = 200, **options) -> np.ndarray:
    signal = 200 * np.arange(1, N_SIGNAL + 1) ** -1.0
    return recording(n_samples, n_features, population_eigenvalues=signal, noise_variance=1.0, rng=0, **options).data


@pytest.fixture(scope="module")
def report() -> Report:
    return analyze(make(), rng=0)


def test_every_call_reproduces_its_number(report: Report) -> None:
    namespace = {"X": make(), "eigenscope": eigenscope}
    for name, call in report.calls.items():
        namespace[name if name.isidentifier() else "last"] = value = eval(call, namespace)
        for quantity in list_quantities(report):
            if quantity.name == name:
                assert float(value) == pytest.approx(quantity.value, rel=1e-12), name
                if isinstance(value, Estimate):
                    assert value.interval == pytest.approx((quantity.low, quantity.high))


def test_every_number_has_a_call(report: Report) -> None:
    quantities = list_quantities(report)
    assert len({quantity.name for quantity in quantities}) == len(quantities)
    for quantity in quantities:
        assert quantity.call, quantity.name


def test_numbers_are_near_the_truth(report: Report) -> None:
    assert report.noise is not None
    assert report.noise.variance.value == pytest.approx(1, abs=5 * report.noise.variance.stderr)
    assert report.dimension_rules[0].n_dimensions in range(N_SIGNAL - 2, N_SIGNAL + 2)
    population = np.ones(200)
    population[:N_SIGNAL] += 200 * np.arange(1, N_SIGNAL + 1) ** -1.0
    truth = population.sum() ** 2 / (population**2).sum()
    assert report.participation_ratio_corrected.value == pytest.approx(truth, rel=0.1)
    assert report.signal_power_law is not None
    assert report.signal_power_law.exponent == pytest.approx(1, abs=0.1)
    assert not report.warnings


def test_three_rules_agree_on_few_strong_dimensions() -> None:
    X = recording(400, 100, population_eigenvalues=[30.0] * 3, noise_variance=1.0, rng=1).data
    assert [rule.n_dimensions for rule in analyze(X, rng=0).dimension_rules] == [3, 3, 3]


def test_summary_is_a_table_of_at_most_100_columns_and_names_every_number(report: Report) -> None:
    text = report.summary()
    assert max(map(len, text.splitlines())) <= 100
    for quantity in list_quantities(report):
        assert quantity.label in text
        assert quantity.format_value() in text
    assert "500 samples (rows) x 200 features" in text
    assert repr(report) == text


def test_frame_has_one_row_per_number(report: Report) -> None:
    frame = report.to_frame()
    assert list(frame.index) == [quantity.name for quantity in list_quantities(report)]
    assert frame.loc["noise_variance", "stderr"] == report.noise.variance.stderr
    assert frame.loc["dims_for_90_percent", "value"] == report.spectrum.dims_for_variance(0.9)


def test_save_and_load(report: Report, tmp_path) -> None:
    report.save(tmp_path / "report.npz")
    loaded = Report.load(tmp_path / "report.npz")
    assert loaded == report
    assert loaded.summary() == report.summary()


def run_calls(text: str, names: dict[str, object]) -> dict[str, object]:
    """Run what the report prints under its last head."""
    exec(text.split("report.calls holds every expression)\n")[1], names)
    return names


def test_printed_calls_run(report: Report, tmp_path) -> None:
    names = run_calls(report.summary(), {"X": make()})
    np.testing.assert_array_equal(names["spectrum"].eigenvalues, report.spectrum.eigenvalues)
    assert names["permuted"].n_dimensions == report.permuted.n_dimensions
    folder = tmp_path / ("a long-name with; spaces " * 5)
    folder.mkdir()
    np.save(folder / "my-data.npy", make())
    names = run_calls(analyze(folder / "my-data.npy", rng=0).summary(), {})
    assert names["noise"].n_signal == report.noise.n_signal


class Page(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag, attributes) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attributes if name in ("src", "href", "srcset", "data")]


def test_html_is_one_self_contained_file(report: Report, tmp_path) -> None:
    report.to_html(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    parser = Page()
    parser.feed(page)
    assert "script" not in parser.tags
    assert parser.links
    assert all(link.startswith("data:image/png;base64,") for link in parser.links)
    assert "url(" not in page
    text = html.unescape(re.sub(r"<[^>]+>", "", page))
    for quantity in list_quantities(report):
        assert quantity.format_value() in text
    assert "eigenscope.covariance_spectrum(X" in text
    assert "<table>" in report._repr_html_()


def test_html_escapes_what_files_are_called(tmp_path) -> None:
    path = tmp_path / "<b>&.npy"
    np.save(path, make(60, 40))
    analyze(path, rng=0).to_html(tmp_path / "report.html")
    assert "<b>" not in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_plot_draws_four_panels_without_touching_pyplot(report: Report) -> None:
    import matplotlib.pyplot as plt

    before, style = plt.get_fignums(), dict(matplotlib.rcParams)
    figure = Figure(layout="constrained")
    assert report.plot(figure) is figure
    figure.canvas.draw()
    assert len(figure.axes) == 4
    assert plt.get_fignums() == before
    assert dict(matplotlib.rcParams) == style
    plt.close(report.plot())


def test_input_is_not_modified_and_seed_decides(report: Report) -> None:
    X = make()
    kept = X.copy()
    again = analyze(X, rng=0)
    np.testing.assert_array_equal(X, kept)
    np.testing.assert_array_equal(again.permuted.null_quantiles, report.permuted.null_quantiles)
    np.testing.assert_array_equal(again.spectrum.eigenvalues, report.spectrum.eigenvalues)


def test_orientation_is_said_and_does_not_matter(report: Report) -> None:
    turned = analyze(np.ascontiguousarray(make().T), sample_axis=1, rng=0)
    np.testing.assert_allclose(turned.spectrum.eigenvalues, report.spectrum.eigenvalues, rtol=1e-9)
    assert "500 samples (columns) x 200 features" in turned.summary()


def warned(report: Report, text: str) -> bool:
    return any(text in warning for warning in report.warnings)


def test_warns_of_uncentred_data() -> None:
    report = analyze(make(feature_means=3.0), center=False, rng=0)
    share = re.search(r"it holds (\d+)%|it holds (\d+) %", " ".join(report.warnings))
    assert share is not None
    assert not warned(analyze(make(feature_means=3.0), rng=0), "mean was not subtracted")


def test_warns_of_autocorrelation() -> None:
    assert warned(analyze(make(autocorrelation=0.8), rng=0), "lag-one autocorrelation 0.8")


def test_warns_of_fewer_samples_than_features() -> None:
    report = analyze(make(100, 300), rng=0)
    assert warned(report, "Fewer samples (100) than features (300): at most 99")


def test_warns_of_constant_features_heavy_tails_and_unequal_variances() -> None:
    X = make()
    X[:, [3, 9]] = 7.0
    report = analyze(X, rng=0)
    assert report.data.n_constant_features == 2
    assert warned(report, "2 of 200 features are constant")
    rng = np.random.default_rng(0)
    assert warned(analyze(rng.standard_t(2.5, (800, 50)), rng=0), "Heavy tails")
    assert warned(analyze(make() * rng.uniform(0.1, 3, 200), rng=0), "Features differ in variance")


def test_warns_of_features_that_depend_on_others() -> None:
    X = make()
    X[:, 7] = X[:, 3] + X[:, 4]
    assert warned(analyze(X, rng=0), "1 of 200 directions hold no variance")
    assert not warned(analyze(make(), rng=0), "directions hold no variance")


def test_missing_values_are_refused_or_counted() -> None:
    X = make()
    X[3, 5] = X[8, 5] = np.nan
    with pytest.raises(NonFiniteInputError):
        analyze(X)
    report = analyze(X, nan="drop_rows", rng=0)
    assert report.data.n_missing == 2
    assert report.spectrum.n_samples == 498
    assert warned(report, "498 of 500 samples")
    assert "2 missing values (drop_rows)" in report.summary()


@pytest.mark.parametrize("shape", [(3, 2), (3, 3), (6, 6), (40, 5), (5, 40), (30, 1)])
def test_small_data_are_reported_as_far_as_they_go(shape: tuple[int, int]) -> None:
    X = np.random.default_rng(0).standard_normal(shape)
    report = analyze(X, rng=0)
    assert report.power_law is None or report.power_law.ranks[1] <= min(shape)
    assert report.summary()
    report.plot(Figure(layout="constrained")).canvas.draw()


def test_fewer_than_three_samples_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="2 samples x 50 features: at least 3"):
        analyze(np.random.default_rng(0).standard_normal((2, 50)))


def test_data_without_variance_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="all 4 features are constant"):
        analyze(np.ones((20, 4)))


def test_key_without_file_and_significance_beyond_permutations() -> None:
    with pytest.raises(InvalidInputError, match="not a path"):
        analyze(make(), key="X")
    with pytest.raises(InvalidInputError, match="n_permutations=99 or more"):
        analyze(make(), significance=0.01, n_permutations=20)
    assert analyze(make(), significance=0.01, rng=0).permuted.n_permutations == 99


@pytest.mark.parametrize(
    ("significance", "message"),
    [
        (0, "significance must lie between 0 and 1, got 0"),
        (1, "significance must lie between 0 and 1, got 1"),
        ("a", "significance must lie between 0 and 1, got 'a'"),
        (float("nan"), "significance must lie between 0 and 1, got nan"),
        (1e-10, "significance=1e-10 .* needs .* permuted data sets, at most 100,000 are made"),
    ],
)
def test_impossible_significance_is_named(significance: object, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        analyze(make(), significance=significance)


def test_file_is_analysed_like_the_array(report: Report, tmp_path) -> None:
    np.savez(tmp_path / "data.npz", responses=make())
    from_file = analyze(tmp_path / "data.npz", key="responses", rng=0)
    np.testing.assert_array_equal(from_file.spectrum.eigenvalues, report.spectrum.eigenvalues)
    assert "['responses']" in from_file.data.source
    namespace: dict[str, object] = {}
    exec(from_file.data.source, namespace)
    np.testing.assert_array_equal(namespace["X"], make())


@pytest.mark.parametrize(
    ("quantity", "text"),
    [
        (Quantity("n", "", "", 1234.0), "1,234"),
        (Quantity("n", "", "", 0.99964, 0.00052), "0.99964 ± 0.00052"),
        (Quantity("n", "", "", 28.5123, 0.57), "28.51 ± 0.57"),
        (Quantity("n", "", "", 123456.0, 2345.0), "123,456 ± 2,345"),
        (Quantity("n", "", "", 53.49, unit="%"), "53.5 %"),
        (Quantity("n", "", "", 3.2e-9, 1.2e-11), "3.200e-09 ± 1.2e-11"),
        (Quantity("n", "", "", 0.736), "0.736"),
        (Quantity("n", "", "", -0.00001), "0.000"),
    ],
)
def test_numbers_carry_the_digits_their_error_allows(quantity: Quantity, text: str) -> None:
    assert quantity.format_value() == text


@pytest.mark.parametrize("rank", [1, 3, 12])
@pytest.mark.parametrize("kind", ["product", "copies", "dead channels"])
def test_rounding_is_not_reported_as_a_result(rank: int, kind: str) -> None:
    generator = np.random.default_rng(rank)
    latents = generator.standard_normal((300, rank))
    if kind == "product":
        data = latents @ generator.standard_normal((rank, 60))
    elif kind == "copies":
        data = np.repeat(latents, 60 // rank, axis=1)
    else:
        data = np.zeros((300, 60))
        data[:, :rank] = latents
    report = analyze(data, rng=0)
    assert report.noise is None
    assert [rule.name for rule in report.dimension_rules] == ["parallel_analysis"]
    assert (report.power_law is None) == (rank < 10)
    text = " ".join(report.warnings)
    assert f"nothing but rounding is left beyond rank {rank}" in text
    if kind != "dead channels":
        assert f"{60 - rank} of 60 directions hold no variance" in text
