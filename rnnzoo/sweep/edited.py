"""Whether the package's own files change while a sweep runs, as in a working copy that is edited or
pulled.

What a trial imports late is then of another version than what was imported first, and the trial
fails, for a reason that says nothing of the cause.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from rnnzoo.errors import listed, number_of, worded

PACKAGE = Path(__file__).parents[1]
SOURCES = (".py", ".yaml", ".cc", ".h", ".j2", ".css")  # and not what an editor leaves beside them
NAMED = 3  # files that are named; of more it is said how many they are
AGAIN = (
    "give the same command again once the files stay as they are: trials that ended remain, and"
    " those that were interrupted run again on their seeds"
)
Stamp = tuple[int, int]  # of a file: when it was modified, in nanoseconds, and its size
Stamps = Mapping[str, Stamp]


def stamps(package: Path = PACKAGE) -> dict[str, Stamp]:
    """Those of the source files of a package, by their path within it; no file is read."""
    return dict(_stamps(str(package), len(str(package)) + 1))


def _stamps(folder: str, prefix: int) -> Iterator[tuple[str, Stamp]]:
    try:
        entries = list(os.scandir(folder))
    except OSError:  # it has just gone, or the package is no folder
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if entry.name != "__pycache__":
                yield from _stamps(entry.path, prefix)
            continue
        if not entry.name.endswith(SOURCES):
            continue
        try:
            status = entry.stat()
        except OSError:  # it has just gone
            continue
        yield entry.path[prefix:], (status.st_mtime_ns, status.st_size)


def said(before: Stamps, package: Path = PACKAGE) -> str:
    """That files changed since, were added or are gone, and what to do; empty where none did.

    A file that was written and put back counts: it may have been imported in between.
    """
    now = stamps(package)
    changed = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    if not changed:
        return ""
    names = [f"{package.name}/{name}" for name in changed[:NAMED]]
    more = len(changed) - len(names)
    if more:
        names.append(number_of(more, "more file", "more files"))
    return cause(names, AGAIN)


def cause(names: Iterable[str], fix: str) -> str:
    """Why a trial failed for which no variant is to blame: files changed."""
    return worded(f"{listed(names)} changed while the sweep ran", fix)
