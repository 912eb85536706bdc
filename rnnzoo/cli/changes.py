"""Doing something once more whenever a file was changed: `check --watch`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rnnzoo.spec.files import ENDINGS
from rnnzoo.spec.settings import EXPERIMENTS, project
from rnnzoo.terminal.console import plain_console

PAUSE = 0.5  # seconds between two looks at the files


def at_each_change(files: Sequence[str], act: Callable[[], int]) -> int:
    """Act now, and again after each change of the files or of a spec that they may name, until
    Ctrl-C; returns what the last time has returned.
    """
    console = plain_console()
    seen, last = None, 0
    try:
        while True:
            now = sorted(_seen(files))
            if now != seen:
                seen = now
                if console.is_terminal:
                    console.clear()
                last = act()
            time.sleep(PAUSE)
    except KeyboardInterrupt:
        return last


def _seen(files: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Each file with the time of its last change and its size; one that is gone has none."""
    folders = [Path(file).parent for file in files]
    homes = [*folders, *(folder.parent / "cells" for folder in folders)]
    homes += [*(folder / "cells" for folder in folders), project() / EXPERIMENTS / "cells"]
    for path in {*map(Path, files), *(path for home in homes for path in _specs(home))}:
        try:
            known = os.stat(path)
        except OSError:
            continue
        yield str(path), known.st_mtime_ns, known.st_size


def _specs(folder: Path) -> list[Path]:
    """Specs in a folder; none where there is no such folder."""
    return [path for ending in ENDINGS for path in folder.glob(f"*{ending}")]
