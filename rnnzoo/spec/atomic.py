"""Files that appear whole or not at all: each is made in a staging directory and moved to its name.

In: the path of a file that is to be.  Out: a path in a staging directory beside it, on the same
disk.  The directory is removed when the `with` block ends; one that a killed process left behind is
removed by the next writer on its machine, or after a day by one on another, which may share the
disk and cannot know what runs there.
"""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# of staging directories; the id of their process follows, and a word for its machine
PREFIX = "aside-"
LONGEST = 86_400.0  # seconds that a writer on another machine may take


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """A path to write to; the file that is there when the block ends without an error replaces the
    one at `path`.

    Readers see the old file or the new one, never a part.  The folder of `path` is made if need be.
    """
    with staged(path) as draft:
        yield draft
        draft.replace(path)


@contextmanager
def staged(path: Path) -> Iterator[Path]:
    """A path of the same name in a staging directory, for a caller that moves the file itself, or
    links it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for leftover in path.parent.glob(f"{PREFIX}*-*"):
        if leftover.is_dir() and not _is_in_use(leftover):
            shutil.rmtree(leftover, ignore_errors=True)
    try:
        staging = tempfile.TemporaryDirectory(prefix=own_prefix(), dir=path.parent)
    except OSError as error:
        error.filename = os.fspath(path)  # what was asked for, and not a name that nobody gave
        raise
    with staging as folder:
        yield Path(folder) / path.name


def own_prefix() -> str:
    """What the names of staging directories of this process begin with."""
    return f"{PREFIX}{os.getpid()}-{_machine()}-"


def _machine() -> str:
    """A word for this machine: on a disk that several share, a process id says nothing without."""
    return f"{zlib.crc32(platform.node().encode()):08x}"


def _is_in_use(staging: Path) -> bool:
    pid, machine, *_ = *staging.name.removeprefix(PREFIX).split("-"), ""
    if machine == _machine() or not pid.isdecimal():
        return _runs(pid)
    with suppress(OSError):  # its writer was sooner
        return time.time() - staging.stat().st_mtime < LONGEST
    return True


def _runs(pid: str) -> bool:
    """Whether a process runs.

    A text that is no process id names somebody else's folder, so it counts as running.
    """
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (ValueError, OverflowError, PermissionError):
        return True
    return True
