"""Where something is made before it gets its name: what has a name is whole.

In: the file that is to be.  Out: a path in a folder beside it, which goes when the making ends.  What a killed process left
of such folders goes with the next making.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "aside-"


@contextmanager
def aside(path: Path) -> Iterator[Path]:
    """A path of the same name in a folder of its own beside `path`, whose folder is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f"{PREFIX}*-*"):
        if left.is_dir() and not _lives(left.name.removeprefix(PREFIX).partition("-")[0]):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-", dir=path.parent) as folder:
        yield Path(folder) / path.name


def _lives(pid: str) -> bool:
    """Whether a process runs; what is no number is none of ours, and counts as one that does."""
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (ValueError, OverflowError, PermissionError):
        return True
    return True
