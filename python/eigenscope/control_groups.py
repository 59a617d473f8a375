"""What the control groups of Linux, which containers and batch systems use, leave to this process."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

ROOT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")

NO_LIMIT = 1 << 62
"""Bytes: the first version writes a number beyond all memory where there is no limit."""

_MEMORY_FILES = (
    # limit, usage, and the entries of memory.stat that are pages of files, given back when memory is short
    ("memory.max", "memory.current", ("active_file", "inactive_file")),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", ("total_active_file", "total_inactive_file")),
)
_CPU_FILES = ("cpu.max", "cpu.cfs_quota_us")


def free_memory() -> int | None:
    """Return the bytes that may still be taken before a limit is met; None without a limit."""
    left = [_memory_left(folder, *names) for names in _MEMORY_FILES for folder in folders_with("memory", names[0])]
    return min((bytes_left for bytes_left in left if bytes_left is not None), default=None)


def processors() -> int | None:
    """Return the whole processors granted, at least 1; None without a limit."""
    shares = [
        read(folder)
        for name, read in zip(_CPU_FILES, (_quota, _old_quota), strict=True)
        for folder in folders_with("cpu", name)
    ]
    granted = [share for share in shares if share]
    return max(1, int(min(granted))) if granted else None


@functools.cache
def folders_with(controller: str, name: str) -> tuple[Path, ...]:
    """Return the group of this process and the groups around it that have a file of this name: each of them limits.

    Remembered: a short call takes no longer than to look for all of them.
    """
    return tuple(folder for folder in _folders(controller) if (folder / name).exists())


def _folders(controller: str) -> Iterator[Path]:
    """Yield where the group of this process and the groups around it may be."""
    for parent, group in _memberships(controller):
        # Inside a container the group may be named as the host sees it, and only its root be there.
        for folder in (group, *group.parents):
            yield ROOT / parent / folder.relative_to("/")


def _memberships(controller: str) -> tuple[tuple[str, PurePosixPath], ...]:
    found = [("", PurePosixPath("/"))]
    with contextlib.suppress(OSError, ValueError):
        for line in MEMBERSHIP.read_text().splitlines():
            _, controllers, group = line.split(":", 2)
            if controllers == "":
                # Version 2 has one tree for all controllers; mixed systems mount it beside the old ones.
                found += [("", PurePosixPath(group)), ("unified", PurePosixPath(group))]
            elif controller in controllers.split(","):
                found += [(name, PurePosixPath(group)) for name in {controller, controllers}]
    return tuple(found)


def _memory_left(folder: Path, limit: str, usage: str, pages_of_files: tuple[str, ...]) -> int | None:
    try:
        # "max" is no number, and no limit.
        allowed = int((folder / limit).read_text())
        if allowed >= NO_LIMIT:
            return None
        used = int((folder / usage).read_text())
    except (OSError, ValueError):
        return None
    with contextlib.suppress(OSError, ValueError):
        entries = dict(line.split(maxsplit=1) for line in (folder / "memory.stat").read_text().splitlines())
        used -= sum(int(entries.get(name, 0)) for name in pages_of_files)
    return max(0, allowed - max(0, used))


def _quota(folder: Path) -> float | None:
    with contextlib.suppress(OSError, ValueError):
        quota, period = (folder / "cpu.max").read_text().split()
        return int(quota) / int(period)
    return None


def _old_quota(folder: Path) -> float | None:
    with contextlib.suppress(OSError, ValueError):
        quota = int((folder / "cpu.cfs_quota_us").read_text())
        return quota / int((folder / "cpu.cfs_period_us").read_text()) if quota > 0 else None
    return None
