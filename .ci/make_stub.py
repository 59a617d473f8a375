"""Write python/eigenscope/_core.pyi from the installed compiled module.

    pip install pybind11-stubgen && python .ci/make_stub.py

The result is committed and checked against the module by tests/test_package.py.
"""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys
import tempfile

STUB = pathlib.Path(__file__).parents[1] / "python" / "eigenscope" / "_core.pyi"

REPLACEMENTS = (
    (r'^"""\n(.*)\n"""\n', r'"""\1"""\n'),
    # Not there at run time.
    (r"^__all__.*\n", ""),
    # The package passes plain numbers.
    (r"typing\.SupportsInt \| typing\.SupportsIndex", "int"),
    (r"typing\.SupportsFloat \| typing\.SupportsIndex", "float"),
    # Strict type checking wants parameters of generic types.
    (r"\bdict\b(?!\[)", "dict[str, typing.Any]"),
    (r"\b(list|collections\.abc\.Sequence)\b(?!\[)", r"\1[typing.Any]"),
    (r"\btuple\b(?!\[)", "tuple[typing.Any, ...]"),
    (r":\n    \.\.\.\n", ": ...\n"),
)


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "pybind11_stubgen", "eigenscope._core", "--output-dir", directory]
        subprocess.run([*command, "--exit-code", "--numpy-array-use-type-var"], check=True)
        text = (pathlib.Path(directory) / "eigenscope" / "_core.pyi").read_text(encoding="utf-8")
    for pattern, replacement in REPLACEMENTS:
        text = re.sub(pattern, replacement, text, flags=re.M)
    STUB.write_text(text, encoding="utf-8")
    subprocess.run(["ruff", "check", "--quiet", "--fix", "--select=F,I,UP", str(STUB)], check=True)
    subprocess.run(["ruff", "format", "--quiet", str(STUB)], check=True)


if __name__ == "__main__":
    main()
