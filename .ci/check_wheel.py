"""Check that a wheel holds only what runs and stays below 5 MB.

python check_wheel.py WHEEL
"""

from __future__ import annotations

import pathlib
import re
import sys
import zipfile

LARGEST_BYTES = 5_000_000
ALLOWED = (
    r"eigenscope/([a-z_0-9]+/)*[a-z_0-9]+\.pyi?",
    r"eigenscope/py\.typed",
    r"eigenscope/_core\.[^/]*(so|pyd)",
    # What auditwheel, delocate and delvewheel copy in: the OpenMP and C++ runtimes.
    r"eigenscope\.libs/[^/]+\.(so|dll)[.0-9]*",
    r"eigenscope/\.dylibs/[^/]+\.dylib",
    r"eigenscope-[^/]+\.dist-info/.+",
)


def main(path: pathlib.Path) -> int:
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
    surplus = [name for name in names if not any(re.fullmatch(pattern, name) for pattern in ALLOWED)]
    compiled = [name for name in names if name.startswith("eigenscope/_core.") and not name.endswith(".pyi")]
    size = path.stat().st_size
    problems = [f"must not be in the wheel: {name}" for name in surplus]
    if len(compiled) != 1:
        problems.append(f"expected one compiled module, found {compiled}")
    if size >= LARGEST_BYTES:
        problems.append(f"the wheel has {size:,} bytes, allowed are fewer than {LARGEST_BYTES:,}")
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{path.name}: {len(names)} files, {size:,} bytes")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
