"""Compiled code that is kept: what was compiled for a shape once is not compiled again, in no trial
and no sweep.

In: the folder of a backend.  Out: whether it may be used.  It is named by the versions and the
processor that the code is for, holds no more than `LIMIT`, and an entry that is not, byte for byte,
what was recorded when its sweep ended is deleted: a damaged one would be loaded without a word, or
be compiled again in every trial.
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import tempfile
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rnnzoo.spec.atomic import atomic_write
from rnnzoo.spec.settings import cache_folder

LIMIT = 2**29  # bytes; an entry has some hundred thousand
# bytes that must be free: where an entry cannot be written, TensorFlow fails the training
ROOM = 2**26
INDEX = "index.json"


def folder(compiler: str, packages: Sequence[str]) -> Path:
    """Where code of a compiler for this processor and these packages' versions is."""
    try:
        versions = "-".join(version(package) for package in packages)
    except PackageNotFoundError:
        versions = "none"
    return cache_folder() / compiler / f"{versions}-{processor()}"


def is_usable(place: Path) -> bool:
    """Whether entries can be read and written there; damaged ones and those beyond the limit go."""
    try:
        place.mkdir(parents=True, exist_ok=True)
        _check(place)
        # a disk that is read-only says so to nobody who does not write
        with tempfile.TemporaryFile(dir=place):
            pass
        return shutil.disk_usage(place).free >= ROOM
    except OSError:
        return False


def record(place: Path) -> None:
    """Remember what the entries hold, at the end of a sweep."""
    try:
        known = _index(place)
        digests = {entry.name: known.get(entry.name) or _digest(entry) for entry in _entries(place)}
        with atomic_write(place / INDEX) as new:
            new.write_text(json.dumps(digests, indent=1))
    except OSError:
        return  # a cache is never worth an error


def _check(place: Path) -> None:
    """Delete what is damaged, and of the rest what was made longest ago, until it fits."""
    known, total = _index(place), 0
    for entry in sorted(_entries(place), key=lambda path: path.stat().st_mtime, reverse=True):
        size = entry.stat().st_size
        if known.get(entry.name) != _digest(entry) or total + size > LIMIT:
            entry.unlink(missing_ok=True)
        else:
            total += size


def _entries(place: Path) -> list[Path]:
    if place.is_dir():
        files = (path for path in place.iterdir() if path.is_file())
        return [path for path in files if not path.name.startswith(INDEX)]
    return []


def _index(place: Path) -> dict[str, str]:
    try:
        digests = json.loads((place / INDEX).read_text())
    except (OSError, ValueError):
        return {}
    return digests if isinstance(digests, dict) else {}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def processor() -> str:
    """A short name of the instructions that this machine has: compiled code is for them."""
    described = platform.machine() + platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        described += next((line for line in lines if line.startswith(("flags", "Features"))), "")
    except OSError:
        pass  # not Linux: then what Python knows of the processor must do
    return hashlib.sha256(described.encode()).hexdigest()[:12]
