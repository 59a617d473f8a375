"""Promises of the package as a whole: versions, stubs, a harmless import, and a tidy source tree."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import pathlib
import re
import subprocess
import sys
import textwrap

import eigenscope
import pytest
from eigenscope import _core

ROOT = pathlib.Path(__file__).parents[1]
PACKAGE = pathlib.Path(eigenscope.__file__).parent

in_checkout = pytest.mark.skipif(not (ROOT / "cpp").is_dir(), reason="needs the source tree")

# Spelled in two halves, so that this file does not contain them.
FORBIDDEN_WORDS = {
    "unfinished work": r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b",
    "package registries": r"py" + r"pi\.org|python" + r"hosted|anaconda" + r"\.org|npm" + r"js",
    "paths of one machine": r"(?<![\w.$}~-])/(?:home|root|wo" + r"rk|opt|Users)/",
}


def run_python(script, **environment):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def source_files(pattern="*", *folders):
    """Return the files of the tree that are under version control, or all of them outside git."""
    listing = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files"],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if listing.returncode == 0 and listing.stdout:
        paths = [ROOT / line for line in listing.stdout.splitlines()]
    else:
        paths = [path for path in ROOT.rglob("*") if "build" not in path.relative_to(ROOT).parts]
    inside = [path for path in paths if not folders or path.relative_to(ROOT).as_posix().startswith(folders)]
    return [path for path in inside if path.is_file() and path.match(pattern)]


def test_versions_agree():
    assert eigenscope.__version__ == _core.__version__ == importlib.metadata.version("eigenscope")


@in_checkout
def test_documents_name_this_version():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^version: (.+)$", citation, re.M).group(1) == eigenscope.__version__
    assert re.search(r"^## \[(\d.+?)\]", changelog, re.M).group(1) == eigenscope.__version__


def test_stub_matches_the_compiled_module(tmp_path):
    pytest.importorskip("mypy.stubtest")
    # pybind11 gives classes a metaclass of its own, and those made only by functions a refusing __init__.
    allowlist = tmp_path / "allowlist"
    allowlist.write_text("eigenscope\\._core\\.[A-Z]\\w+\neigenscope\\._core\\.[A-Z]\\w+\\.__init__\n")
    environment = dict(os.environ)
    # Type checkers do not follow the import hook of an editable install.
    if "site-packages" not in PACKAGE.parts:
        environment["MYPYPATH"] = str(PACKAGE.parent)
    options = ["--concise", "--allowlist", str(allowlist), "--ignore-unused-allowlist"]
    result = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "eigenscope._core", *options],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_package_is_typed():
    assert (PACKAGE / "py.typed").is_file()
    assert (PACKAGE / "_core.pyi").is_file()


def test_names_are_loaded_when_they_are_used():
    result = run_python(
        """
        import sys
        import eigenscope
        own = sorted(name for name in sys.modules if name.startswith("eigenscope."))
        assert own == ["eigenscope._blas_table", "eigenscope._core"], own
        eigenscope.svds
        # A module of the same name would hide a public name.
        assert all(callable(getattr(eigenscope, name)) for name in eigenscope.__all__ if name != "__version__")
        assert set(eigenscope.__all__) <= set(dir(eigenscope))
        try:
            eigenscope.nothing
        except AttributeError as error:
            print(error)
        """
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "module 'eigenscope' has no attribute 'nothing'"


def test_type_checkers_see_the_same_names():
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
    modules = {
        (node.module, alias.name)
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        if node.module
        for alias in node.names
    }
    assert modules == {(module, name) for module, names in eigenscope._NAMES.items() for name in names}
    assigned = next(node for node in stub.body if isinstance(node, ast.Assign))
    assert sorted(ast.literal_eval(assigned.value)) == eigenscope.__all__


def test_import_loads_no_optional_dependency():
    result = run_python(
        """
        import sys
        import scipy.linalg, scipy.sparse
        before = set(sys.modules)
        from eigenscope import *
        optional = {"matplotlib", "pandas", "torch", "dask", "sklearn", "h5py", "zarr", "tqdm", "jax"}
        slow = {f"scipy.{name}" for name in ("stats", "optimize", "interpolate", "signal", "io", "spatial")}
        slow |= {"scipy.special", "scipy.fft", "scipy.sparse.linalg"}
        print(sorted(optional & set(sys.modules) | slow & (set(sys.modules) - before)))
        """
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "[]"


def test_import_changes_no_global_state():
    result = run_python(
        """
        import os, signal, sys, warnings
        import numpy as np
        import scipy.sparse.linalg, scipy.special  # SciPy sets warning filters of its own in these
        import threadpoolctl

        def state():
            subnormal = np.float32(1e-40) * np.float32(0.5), np.float64(5e-324) * np.float64(1.0)
            pools = [(pool["filepath"], pool["num_threads"]) for pool in threadpoolctl.threadpool_info()]
            return {
                "environment": dict(os.environ),
                "warning filters": list(warnings.filters),
                "floating-point errors": np.geterr(),
                "subnormal numbers": subnormal,
                "random state": np.random.get_state()[1].tolist(),
                "printing": np.get_printoptions(),
                "signals": [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)],
                "BLAS threads": [pool for pool in pools if "blas" in pool[0]],
                "recursion": sys.getrecursionlimit(),
            }

        before = state()
        import eigenscope
        for name in eigenscope.__all__:
            getattr(eigenscope, name)
        after = state()
        print([name for name in before if before[name] != after[name]])
        """
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "[]"


def test_import_leaves_matplotlib_settings_alone():
    pytest.importorskip("matplotlib")
    result = run_python(
        """
        import matplotlib
        before = dict(matplotlib.rcParams)
        import eigenscope
        for name in eigenscope.__all__:
            getattr(eigenscope, name)
        print(before == dict(matplotlib.rcParams))
        """
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "True"


def test_import_is_silent_under_strict_warnings():
    result = run_python(
        "import eigenscope\nfor name in dir(eigenscope): getattr(eigenscope, name)", PYTHONWARNINGS="error"
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@in_checkout
@pytest.mark.parametrize("kind", FORBIDDEN_WORDS)
def test_tree_is_free_of(kind):
    found = []
    for path in source_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        lines = enumerate(text.splitlines(), start=1)
        found += [f"{path}:{number}" for number, line in lines if re.search(FORBIDDEN_WORDS[kind], line)]
    assert found == []


@in_checkout
def test_core_includes_no_python():
    found = [
        str(path)
        for path in source_files("*.[ch]pp", "cpp/include/", "cpp/src/", "cpp/tests/")
        if re.search(r"#\s*include\s*[<\"](?:pybind11|Python\.h)", path.read_text(encoding="utf-8"))
    ]
    assert found == []


@in_checkout
def test_kernels_include_no_eigen():
    found = [
        str(path)
        for path in source_files("*.[ch]pp", "cpp/src/kernels/")
        if re.search(r"#\s*include\s*[<\"]Eigen", path.read_text(encoding="utf-8"))
    ]
    assert found == []


@in_checkout
def test_files_stay_readable_in_one_go():
    sources = source_files("*.[ch]pp", "cpp/") + source_files("*.py", "python/")
    assert sources
    lengths = {str(path): len(path.read_text(encoding="utf-8").splitlines()) for path in sources}
    assert {path: lines for path, lines in lengths.items() if lines > 450} == {}
