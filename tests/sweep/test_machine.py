"""How many cores and how much memory there are, in containers of either version of control
groups.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from rnnzoo.sweep import machine

GB = 10**9
ALLOWED = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)


def fake(root: Path, files: Mapping[str, str]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content + "\n")
    return root


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 16),
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "max 100000"}, 16),
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "100000 100000"}, 1),
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "50000 100000"}, 1),
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "360000 100000"}, 4),
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "9900000 100000"}, 16),
        (
            {
                "proc/self/cgroup": "0::/job/step",
                "sys/fs/cgroup/job/cpu.max": "300000 100000",
                "sys/fs/cgroup/job/step/cpu.max": "max 100000",
            },
            3,
        ),
        (
            {
                "proc/self/cgroup": "11:memory:/a\n4:cpu,cpuacct:/docker/1a",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "200000",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
            },
            2,
        ),
        (
            {
                "proc/self/cgroup": "4:cpu:/docker/1a",
                "sys/fs/cgroup/cpu/docker/1a/cpu.cfs_quota_us": "-1",
                "sys/fs/cgroup/cpu/docker/1a/cpu.cfs_period_us": "100000",
            },
            16,
        ),
    ],
)
def test_a_containers_share_of_time_counts_as_so_many_cores(
    files: Mapping[str, str], cores: int, tmp_path: Path
) -> None:
    assert machine.cores(fake(tmp_path, files)) == cores


def test_cores_that_a_process_may_not_use_do_not_count(tmp_path: Path) -> None:
    files = {"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "9900000 100000"}
    assert machine.cores(fake(tmp_path, files)) == ALLOWED


MEMINFO = {"proc/meminfo": "MemTotal: 99000000 kB\nMemAvailable: 8000000 kB"}


@pytest.mark.parametrize(
    ("files", "free"),
    [
        ({}, None),
        (MEMINFO, 8000000 * 1024),
        (
            {
                **MEMINFO,
                "proc/self/cgroup": "0::/job",
                "sys/fs/cgroup/job/memory.max": str(3 * GB),
                "sys/fs/cgroup/job/memory.current": str(2 * GB),
                "sys/fs/cgroup/job/memory.stat": f"anon 7\ninactive_file {GB // 2}\nslab 5",
            },
            1.5 * GB,
        ),
        (
            {
                **MEMINFO,
                "proc/self/cgroup": "0::/job",
                "sys/fs/cgroup/job/memory.max": "max",
                "sys/fs/cgroup/job/memory.current": str(2 * GB),
            },
            8000000 * 1024,
        ),
        (
            {
                **MEMINFO,
                "proc/self/cgroup": "3:memory:/x",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": str(2 * GB),
                "sys/fs/cgroup/memory/memory.usage_in_bytes": str(3 * GB),
            },
            0,
        ),
    ],
)
def test_a_containers_limit_of_memory_counts(
    files: Mapping[str, str], free: float | None, tmp_path: Path
) -> None:
    assert machine.free_memory(fake(tmp_path, files)) == free
