"""Folders that are small, or cannot be written to: real ones."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small(folder: Path, size: str) -> Iterator[Path]:
    """A file system of its own that holds so much and no more; the test skips where none can be
    mounted.
    """
    folder.mkdir(exist_ok=True)
    _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        # lazily, for a database may be open still
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> None:
    """Leave no byte."""
    with (disk / "filler").open("wb", buffering=0) as stream:
        try:
            for size in (2**16, 2**12, 1):
                while stream.write(b"x" * size) == size:
                    pass
        except OSError:
            return


def make_room(disk: Path) -> None:
    (disk / "filler").unlink()


@contextmanager
def read_only(folder: Path) -> Iterator[Path]:
    """A folder whose present files stay as they are.

    Root may write everywhere but to a disk that is read-only.
    """
    if os.geteuid():
        writable = [folder, *folder.rglob("*")]
        for path in writable:
            path.chmod(path.stat().st_mode & ~0o222)
        try:
            yield folder
        finally:
            for path in writable:
                path.chmod(path.stat().st_mode | 0o200)
        return
    before = folder.with_name(f"{folder.name}-before")
    folder.rename(before)
    with small(folder, "64m"):
        shutil.copytree(before, folder, dirs_exist_ok=True)
        _mount("-o", "remount,ro", str(folder))
        yield folder


def _mount(*arguments: str) -> None:
    if os.geteuid() or shutil.which("mount") is None:
        pytest.skip("only root can mount a small disk")
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
