"""Every script in examples/ ends in the number its header states."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys

import pytest

EXAMPLES = pathlib.Path(__file__).parents[1] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))

EXPECTED = re.compile(r"^expected: (?P<value>\S+) ± (?P<tolerance>\S+)$", flags=re.MULTILINE)

pytestmark = pytest.mark.skipif(not SCRIPTS, reason="needs the source tree")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_example_ends_in_the_number_it_states(script, tmp_path):
    stated = EXPECTED.search(script.read_text(encoding="utf-8"))
    assert stated, f'{script.name} has no line "expected: VALUE ± TOLERANCE" in its header'
    picture = ["picture.png"] if "sys.argv" in script.read_text(encoding="utf-8") else []
    run = subprocess.run(
        [sys.executable, "-W", "error", str(script), *picture],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    number = float(run.stdout.strip().splitlines()[-1])
    assert number == pytest.approx(float(stated["value"]), abs=float(stated["tolerance"]))
    assert not picture or (tmp_path / picture[0]).stat().st_size > 0
