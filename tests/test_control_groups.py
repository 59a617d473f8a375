"""Limits of control groups, from files laid out as Linux does."""

import pytest
from eigenscope import control_groups, run_options

GB = 1 << 30


@pytest.fixture
def tree(monkeypatch, tmp_path):
    """Return a function that writes files of a group tree and says which groups this process is in."""

    def write(membership, files):
        (tmp_path / "membership").write_text(membership)
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    monkeypatch.setattr(control_groups, "ROOT", tmp_path)
    monkeypatch.setattr(control_groups, "MEMBERSHIP", tmp_path / "membership")
    control_groups.folders_with.cache_clear()
    yield write
    control_groups.folders_with.cache_clear()


def test_no_groups_no_limits(tree):
    tree("", {})
    assert control_groups.free_memory() is None
    assert control_groups.processors() is None


def test_the_tightest_group_around_the_process_counts(tree):
    tree(
        "0::/jobs/7\n",
        {
            "jobs/memory.max": str(4 * GB),
            "jobs/memory.current": str(3 * GB),
            "jobs/7/memory.max": str(3 * GB),
            "jobs/7/memory.current": str(GB // 2),
            "jobs/cpu.max": "250000 100000\n",
            "jobs/7/cpu.max": "max 100000\n",
            "other/memory.max": "1",
            "other/memory.current": "1",
        },
    )
    assert control_groups.free_memory() == GB
    assert control_groups.processors() == 2


def test_pages_of_files_are_not_taken_for_memory_in_use(tree):
    tree(
        "0::/\n",
        {
            "memory.max": str(2 * GB),
            "memory.current": str(2 * GB),
            "memory.stat": f"anon {GB // 2}\nactive_file {GB // 2}\ninactive_file {GB}\n",
        },
    )
    assert control_groups.free_memory() == 3 * GB // 2


def test_the_first_version_has_a_tree_for_each_controller(tree):
    tree(
        "5:cpu,cpuacct:/batch\n4:memory:/batch\n0::/\n",
        {
            "memory/batch/memory.limit_in_bytes": str(GB),
            "memory/batch/memory.usage_in_bytes": str(GB // 2),
            "memory/batch/memory.stat": f"total_active_file 0\ntotal_inactive_file {GB // 4}\n",
            "cpu/batch/cpu.cfs_quota_us": "50000",
            "cpu/batch/cpu.cfs_period_us": "100000",
            "cpu/cpu.cfs_quota_us": "-1",
            "cpu/cpu.cfs_period_us": "100000",
        },
    )
    assert control_groups.free_memory() == 3 * GB // 4
    assert control_groups.processors() == 1


def test_the_budget_and_the_threads_keep_the_limits(tree, monkeypatch):
    tree("0::/\n", {"memory.max": "4000000", "memory.current": "0", "cpu.max": "100000 100000"})
    assert run_options.memory_budget("auto") == 3_000_000
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert run_options.resolve_threads(None) == 1
