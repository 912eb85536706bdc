"""What a machine lets this process have: cores and memory, the limits of a container included.

In: /proc and the control groups of Linux, of either version.  Out: numbers.  Where there is nothing
of the kind, the whole machine counts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/")


def cores(root: Path = ROOT) -> int:
    """How many trials run at full speed at once: cores that this process may run on, or its share
    of time where it is less.

    A container with 1.5 cores of time counts as one with 2, one with half a core as one with 1.
    """
    allowed = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    shares = [quota / period for quota, period in _quotas(root) if quota > 0 and period > 0]
    whole = [int(share + 0.5) for share in shares]
    return max(1, min(allowed, *whole)) if whole else allowed


def free_memory(root: Path = ROOT) -> float | None:
    """Bytes that can be had without swapping; None where nothing tells."""
    lines = _text(root / "proc/meminfo").splitlines()
    machine = [float(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")]
    known = [*machine, *_left(root)]
    return min(known) if known else None


def _quotas(root: Path) -> Iterator[tuple[float, float]]:
    """Microseconds of computing in so many, of this process's groups and of those around them."""
    for folder in _groups(root, "cpu"):
        quota, _, period = _text(folder / "cpu.max").partition(" ")
        quota = quota or _text(folder / "cpu.cfs_quota_us")
        yield _number(quota), _number(period or _text(folder / "cpu.cfs_period_us"))


def _left(root: Path) -> Iterator[float]:
    """Bytes that each group of this process may still take; what is cached from files is given back
    when it is needed.
    """
    for folder in _groups(root, "memory"):
        limit = _number(_text(folder / "memory.max") or _text(folder / "memory.limit_in_bytes"))
        used = _number(_text(folder / "memory.current") or _text(folder / "memory.usage_in_bytes"))
        cached = [
            line.split()[1]
            for line in _text(folder / "memory.stat").splitlines()
            if line.startswith("inactive_file ")
        ]
        if limit > 0:
            yield max(0.0, limit - max(used, 0.0) + sum(map(float, cached)))


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """Folders of the groups that hold this process, from its own outwards.

    A line of /proc/self/cgroup is number:controllers:path; version 2 has one, with the number 0 and
    no controllers.
    """
    mounts = root / "sys/fs/cgroup"
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        # the first of these; version 1 has a folder for each group of controllers
        tops = [mounts / controllers, mounts / controller] if controllers else []
        top = next((folder for folder in tops if folder.is_dir()), mounts)
        inner = Path(path.strip("/"))
        for group in (inner, *inner.parents):
            if ".." not in group.parts:
                yield top / group


def _number(text: str) -> float:
    """A number; -1 for `max`, which is how no limit is written, and for what is not there."""
    try:
        return float(text)
    except ValueError:
        return -1.0


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
