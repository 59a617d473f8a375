"""What every result can do: be saved, and be loaded from nothing but what was saved."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from eigenscope import Estimate, Spectrum, covariance_spectrum, neural, spectral_density
from eigenscope.errors import InvalidInputError


@pytest.fixture
def spectrum() -> Spectrum:
    return covariance_spectrum(np.random.default_rng(0).standard_normal((30, 10)))


def test_what_was_saved_is_loaded(spectrum, tmp_path):
    spectrum.save(tmp_path / "spectrum.npz")
    assert Spectrum.load(tmp_path / "spectrum.npz") == spectrum


@pytest.mark.parametrize("kept", [0, 3, 300, -40])
def test_damaged_files_are_one_error_and_leave_no_file_open(spectrum, tmp_path, kept):
    path = tmp_path / "spectrum.npz"
    spectrum.save(path)
    path.write_bytes(path.read_bytes()[:kept])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InvalidInputError, match=r"spectrum\.npz was not written by the save.* or is damaged"):
            Spectrum.load(path)


def test_other_files_are_refused(tmp_path):
    (tmp_path / "junk").write_bytes(b"junk")
    np.save(tmp_path / "array.npy", np.ones(3))
    np.savez(tmp_path / "arrays.npz", X=np.ones(3))
    for name in ("junk", "array.npy", "arrays.npz"):
        with pytest.raises(InvalidInputError, match=f"{name} was not written by"):
            Spectrum.load(tmp_path / name)


def test_errors_show_in_the_digits_of_an_estimate():
    shown = str(Estimate(1234567.8, 0.5, (1234566.8, 1234568.8)))
    assert shown == "1234567.8 ± 0.5 (95% interval 1234566.8 to 1234568.8)"


def test_densities_can_be_pickled_and_copied():
    density = spectral_density(np.diag(np.arange(1.0, 30.0)), rng=0)
    for twin in (pickle.loads(pickle.dumps(density)), copy.deepcopy(density)):
        assert twin == density
        with pytest.raises(InvalidInputError, match="loaded or copied"):
            twin.refine(n_probes=64)
    assert density.refine(n_probes=40).n_probes == 40


def test_results_of_the_sciences_load_without_having_been_used(tmp_path):
    path = tmp_path / "cca.npz"
    neural.cca(*np.random.default_rng(0).standard_normal((2, 50, 4))).save(path)
    code = f"from eigenscope.results.base import Result; print(type(Result.load({str(path)!r})).__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "CanonicalCorrelations"
