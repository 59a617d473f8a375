"""The command line: what it prints, writes and returns, and how it fails."""

import os
import signal
import subprocess
import sys
import time

import eigenscope
import numpy as np
import pytest
from eigenscope.cli import main
from eigenscope.report import Report
from eigenscope.testing import recording


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "data.npy"
    np.save(path, recording(300, 60, population_eigenvalues=[40.0, 20.0], noise_variance=1.0, rng=0).data)
    return path


def test_analyze_prints_the_summary_and_returns_zero(data, capsys) -> None:
    assert main(["analyze", str(data), "--quiet"]) == 0
    output = capsys.readouterr()
    assert "300 samples (rows) x 60 features" in output.out
    assert "Dimensions above noise" in output.out
    assert output.err == ""


def test_analyze_writes_page_picture_table_and_result(data, tmp_path, capsys) -> None:
    out = tmp_path / "new" / "folder"
    assert main(["analyze", str(data), "--quiet", "--out", str(out)]) == 0
    assert sorted(os.listdir(out)) == ["report.csv", "report.html", "report.npz", "report.png"]
    assert Report.load(out / "report.npz").noise.n_signal == 2
    assert (out / "report.png").read_bytes().startswith(b"\x89PNG")
    assert (out / "report.csv").read_text().startswith("name,section,label,value")
    assert str(out) in capsys.readouterr().out
    pandas = pytest.importorskip("pandas")
    table = pandas.read_csv(
        out / "report.csv",
        index_col="name",
        keep_default_na=False,
        na_values={"value": [""]},
        dtype={"value": str},
    )
    expected = Report.load(out / "report.npz").to_frame()
    assert list(table.index) == list(expected.index)
    # Older versions of pandas round the last digit themselves.
    np.testing.assert_array_equal(table["value"].to_numpy(dtype=float), expected["value"])
    assert list(table["call"]) == list(expected["call"])


def test_a_missing_library_is_said_before_the_work(data, tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    code, error = errors_of(["analyze", str(data), "--out", str(tmp_path / "new")], capsys)
    assert code == 1
    assert "needs matplotlib" in error
    assert not (tmp_path / "new").exists()


def test_options_reach_the_analysis(tmp_path, capsys) -> None:
    X = recording(60, 300, population_eigenvalues=[900.0], noise_variance=1.0, feature_means=9.0, rng=0).data
    X[4, 4] = np.nan
    np.savez(tmp_path / "data.npz", A=X, B=X.T)
    arguments = [
        "analyze",
        str(tmp_path / "data.npz"),
        "--key",
        "B",
        "--sample-axis",
        "1",
        "--no-center",
        "--quiet",
    ]
    arguments += ["--nan", "drop_columns", "--scale", "--seed", "7", "--threads", "1", "--ranks", "2", "30"]
    assert main([*arguments, "--out", str(tmp_path)]) == 0
    report = Report.load(tmp_path / "report.npz")
    spectrum = report.spectrum
    assert (spectrum.n_samples, spectrum.n_features, spectrum.sample_axis) == (60, 299, 1)
    assert (spectrum.centered, spectrum.scaled) == (False, True)
    assert report.permuted.info.seed == 7
    assert report.power_law.ranks == (2, 30)


def errors_of(arguments: list[str], capsys) -> tuple[int, str]:
    code = main(arguments)
    output = capsys.readouterr()
    assert output.out == ""
    return code, output.err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        (b"junk", "not a .npy file"),
        (np.zeros((0, 3)), "is empty"),
        (np.array([["a", "b"]]), "real numeric data"),
        (np.zeros((3, 4, 5)), "3 axes"),
        (np.array([[1.0, np.nan], [2.0, 3.0], [4.0, 5.0]]), "NaN"),
        (np.ones((5, 4)), "constant"),
    ],
)
def test_bad_data_are_one_line_and_exit_code_one(tmp_path, capsys, content, message) -> None:
    path = tmp_path / "data.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        np.save(path, content)
    code, error = errors_of(["analyze", str(path), "--quiet"], capsys)
    assert code == 1
    assert error.startswith("eigenscope: error: ")
    assert error.count("\n") == 1
    assert message in error


def test_wrong_key_lists_the_keys(tmp_path, capsys) -> None:
    np.savez(tmp_path / "data.npz", A=np.eye(4))
    code, error = errors_of(["analyze", str(tmp_path / "data.npz"), "--key", "Z"], capsys)
    assert code == 1
    assert "no array 'Z'; it holds A 4 x 4" in error


def test_output_folder_that_is_a_file(data, tmp_path, capsys) -> None:
    code, error = errors_of(["analyze", str(data), "--out", str(data)], capsys)
    assert code == 1
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["analyse"],
        ["analyze"],
        ["analyze", "x", "--sample-axis", "2"],
        ["analyze", "x", "--threads", "0"],
    ],
)
def test_wrong_command_lines_return_two(arguments, capsys) -> None:
    assert main(arguments) == 2
    assert "usage: eigenscope" in capsys.readouterr().err


def test_version_and_help(capsys) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"eigenscope {eigenscope.__version__}\n"
    assert main(["analyze", "--help"]) == 0
    assert "--sample-axis" in capsys.readouterr().out


def test_config_says_what_runs(capsys) -> None:
    assert main(["config"]) == 0
    assert capsys.readouterr().out.strip()


def run(*arguments: str, **options) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "eigenscope", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **options)


def test_module_runs_as_a_command(data) -> None:
    done = run("analyze", str(data))
    assert done.returncode == 0
    assert "Eigenspectrum report" in done.stdout
    missing = run("analyze", str(data) + ".none")
    assert missing.returncode == 1
    assert "Traceback" not in missing.stderr


def test_unknown_names_of_the_shell_stay_one_line(tmp_path) -> None:
    done = run("analyze", "", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_returns_130_with_one_line(tmp_path) -> None:
    path = tmp_path / "large.npy"
    np.save(path, np.random.default_rng(0).standard_normal((6000, 1500), dtype=np.float32))
    script = "import sys, eigenscope.report; from eigenscope.cli import main; print('ready', flush=True); "
    script += f"sys.exit(main(['analyze', {str(path)!r}, '--quiet']))"
    command = [sys.executable, "-c", script]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert error == "eigenscope: interrupted\n"
