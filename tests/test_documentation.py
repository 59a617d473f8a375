"""What the documentation says runs, and every public name is documented."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pathlib
import pkgutil
import re
import textwrap

import eigenscope
import eigenscope.neural
import eigenscope.testing
import pytest

ROOT = pathlib.Path(__file__).parents[1]
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(eigenscope.__path__, "eigenscope.")
    if module.name.rpartition(".")[2] not in ("_core", "__main__")
)
PUBLIC = {
    f"{package.__name__}.{name}": getattr(package, name)
    for package in (eigenscope, eigenscope.neural, eigenscope.testing)
    for name in package.__all__
}
DOCUMENTED = {name: value for name, value in PUBLIC.items() if inspect.isclass(value) or callable(value)}

# numpydoc's codes: no docstring; summary missing, not on one line or without a full stop; parameters
# undocumented, unknown, misordered, without type or description; returned or yielded values undocumented;
# no example.
PRESENCE = {"GL08", "SS01", "SS03", "SS06"}
SIGNATURE = {"PR01", "PR02", "PR03", "PR04", "PR07", "RT01", "RT03", "YD01"}
EXAMPLE = {"EX01"}

in_checkout = pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="needs the source tree")


def read(path):
    return (ROOT / path).read_text(encoding="utf-8") if (ROOT / path).is_file() else ""


def markdown_blocks(text):
    return re.findall(r"^```python\n(.*?)^```", text, flags=re.S | re.M)


def rst_blocks(text):
    blocks = re.findall(r"^\.\. code-block:: python\n\n((?:    .*\n|\n)+)", text, flags=re.M)
    return [textwrap.dedent(block) for block in blocks]


@in_checkout
@pytest.mark.parametrize(
    ("path", "find_blocks"), [("README.md", markdown_blocks), ("docs/quick_start.rst", rst_blocks)]
)
def test_code_in_documents_runs(path, find_blocks, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = find_blocks(read(path))
    assert blocks
    namespace = {}
    for number, block in enumerate(blocks):
        exec(compile(block, f"{path}, block {number}", "exec"), namespace)


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert result.failed == 0


@pytest.mark.parametrize("name", DOCUMENTED)
def test_public_names_have_numpydoc_docstrings(name):
    validate = pytest.importorskip("numpydoc.validate").validate
    value = DOCUMENTED[name]
    wanted = PRESENCE
    if not (inspect.isclass(value) and issubclass(value, BaseException)):
        wanted = wanted | SIGNATURE
    if inspect.isfunction(value):
        wanted = wanted | EXAMPLE
    problems = [problem for problem in validate(name)["errors"] if problem[0] in wanted]
    assert not problems


@pytest.mark.parametrize("name", [name for name, value in DOCUMENTED.items() if inspect.isclass(value)])
def test_public_methods_have_docstrings(name):
    members = {
        key: value
        for owner in DOCUMENTED[name].__mro__
        if owner.__module__.startswith("eigenscope")
        for key, value in vars(owner).items()
        if not key.startswith("_")
    }
    methods = {
        key: value
        for key, value in members.items()
        if isinstance(value, (property, classmethod, staticmethod)) or inspect.isfunction(value)
    }
    undocumented = [key for key, value in methods.items() if not inspect.getdoc(value)]
    assert not undocumented


@in_checkout
def test_public_names_stand_in_the_api_reference():
    words = set(re.findall(r"[\w.]+", read("docs/api.rst")))
    missing = [
        name
        for name, value in DOCUMENTED.items()
        if not (inspect.isclass(value) and issubclass(value, (BaseException, Warning)))
        and name not in words
        and name.removeprefix("eigenscope.testing.").removeprefix("eigenscope.neural.") not in words
    ]
    assert not missing


@in_checkout
def test_the_api_reference_names_nothing_that_is_missing():
    listed = re.findall(r"^   (eigenscope\.\w+)$", read("docs/api.rst"), flags=re.M)
    assert [name for name in listed if name not in PUBLIC] == []


@in_checkout
@pytest.mark.parametrize("path", ["README.md", "AGENTS.md", "CONTRIBUTING.md"])
def test_links_between_files_lead_somewhere(path):
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", read(path))
    assert [target for target in targets if not (ROOT / target).exists()] == []
