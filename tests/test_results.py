"""What every result can do: be saved, and be loaded from nothing but what was saved."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from eigenscope import Spectrum, covariance_spectrum
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
