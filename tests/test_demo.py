"""The demo's estimates agree with the truth it prints beside them."""

from typing import Any

import numpy as np
import pytest
from eigenscope import demo
from eigenscope.cli import main
from eigenscope.report import analyze
from eigenscope.report.quantities import list_quantities


@pytest.fixture(scope="module")
def case():
    truth = demo.make_recording(seed=1)
    report = analyze(truth.data, rng=1)
    return truth, report, demo.known_truth(truth, report)


def test_population_is_what_the_demo_says(case) -> None:
    truth, *_ = case
    population = truth.population_eigenvalues
    assert len(population) == demo.N_FEATURES
    assert population[demo.N_SIGNAL :] == pytest.approx(demo.NOISE_VARIANCE)
    ranks = np.arange(demo.N_DOMINANT + 1, demo.N_SIGNAL + 1)
    expected = demo.NOISE_VARIANCE + demo.FIRST_SIGNAL_VARIANCE * ranks**-demo.EXPONENT
    assert population[demo.N_DOMINANT : demo.N_SIGNAL] == pytest.approx(expected)


def test_truth_is_named_as_the_report_names_its_numbers(case) -> None:
    _, report, known = case
    assert set(known) <= {quantity.name for quantity in list_quantities(report)}


def test_estimates_agree_with_the_truth(case) -> None:
    _, report, known = case
    assert report.noise.variance.value == pytest.approx(1, abs=4 * report.noise.variance.stderr)
    assert report.noise.n_signal == pytest.approx(known["Marchenko–Pastur_test"], abs=3)
    corrected = report.participation_ratio_corrected
    assert corrected.value == pytest.approx(known["participation_ratio_corrected"], abs=4 * corrected.stderr)
    assert report.signal_power_law.exponent == pytest.approx(demo.EXPONENT, abs=0.03)
    # What the demo is there to show: the raw exponent is too small, and parallel analysis a lower bound.
    assert report.power_law.exponent < known["rank_exponent"] < demo.EXPONENT
    assert report.permuted.n_dimensions <= known["parallel_analysis"]


def test_command_prints_the_truth_and_leaves_one_picture(tmp_path, capsys, monkeypatch) -> None:
    for name, value in (("N_SAMPLES", 800), ("N_FEATURES", 300), ("N_SIGNAL", 30)):
        monkeypatch.setattr(demo, name, value)
    assert main(["demo", "--out", str(tmp_path)]) == 0
    output = capsys.readouterr().out
    assert "truth" in output
    assert [path.name for path in tmp_path.iterdir()] == [demo.PICTURE_NAME]
    assert max(map(len, output.replace(str(tmp_path), "").splitlines())) <= 100
    names: dict[str, Any] = {}
    exec(output.split("report.calls holds every expression)\n")[1].split("\n\n")[0], names)
    assert names["X"].shape == (800, 300)
    assert names["spectrum"].n_samples == 800


@pytest.mark.parametrize("command", [["demo"], ["analyze", "data.npy"]])
def test_a_folder_that_cannot_be_written_is_refused_before_the_work(capsys, monkeypatch, command) -> None:
    monkeypatch.setattr(demo, "make_recording", None)
    assert main([*command, "--out", "/dev/null/x"]) == 1
    assert "cannot write to the folder /dev/null/x (Not a directory): choose another one" in capsys.readouterr().err
