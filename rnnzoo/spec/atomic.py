"""Files that appear whole or not at all: each is made in a staging directory and moved to its name.

In: the path of a file that is to be.  Out: a path in a staging directory beside it, on the same
disk.  The directory is removed when the `with` block ends; one that a killed process left behind is
removed by the next writer.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "aside-"  # of staging directories; the id of their process follows


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
        if leftover.is_dir() and not _runs(leftover.name.removeprefix(PREFIX).partition("-")[0]):
            shutil.rmtree(leftover, ignore_errors=True)
    try:
        staging = tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-", dir=path.parent)
    except OSError as error:
        error.filename = os.fspath(path)  # what was asked for, and not a name that nobody gave
        raise
    with staging as folder:
        yield Path(folder) / path.name


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
