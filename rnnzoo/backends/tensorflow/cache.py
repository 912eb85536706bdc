"""XLA's persistent cache: what was compiled for a shape once is not compiled again, in no trial and
no sweep.

In: nothing.  Out: the environment that trials start with.  The folder is named by the versions and
the processor that the code is for, holds no more than `LIMIT`, and an entry that is not, byte for
byte, what was recorded when its sweep ended is deleted: a damaged one would be loaded without a
word.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rnnzoo.spec.atomic import atomic_write
from rnnzoo.spec.settings import cache_folder

# the flag in TF_XLA_FLAGS that names the folder of XLA's cache
XLA_CACHE = "--tf_xla_persistent_cache_directory"
LIMIT = 2**29  # bytes; an entry has some hundred thousand
# bytes that must be free: where an entry cannot be written, TensorFlow fails the training
ROOM = 2**26
INDEX = "index.json"


def folder() -> Path:
    """Where code for this processor and these versions is."""
    try:
        versions = f"{version('tensorflow')}-{version('keras')}"
    except PackageNotFoundError:
        versions = "none"
    return cache_folder() / "xla" / f"{versions}-{_processor()}"


def environment(place: Path | None = None) -> Mapping[str, str]:
    """Variables that switch the cache on, its folder checked; none where it cannot be used, or
    where the user has set one.
    """
    place, given = place or folder(), os.environ.get("TF_XLA_FLAGS", "")
    if XLA_CACHE in given:
        return {}
    try:
        place.mkdir(parents=True, exist_ok=True)
        _check(place)
        # a disk that is read-only says so to nobody who does not write
        with tempfile.TemporaryFile(dir=place):
            pass
        if shutil.disk_usage(place).free < ROOM:
            return {}
    except OSError:
        return {}
    return {"TF_XLA_FLAGS": f"{given} {XLA_CACHE}={place}".strip()}


def record(place: Path | None = None) -> None:
    """Remember what the entries hold, at the end of a sweep."""
    place = place or folder()
    try:
        known = _index(place)
        found = {one.name: known.get(one.name) or _digest(one) for one in _entries(place)}
        with atomic_write(place / INDEX) as new:
            new.write_text(json.dumps(found, indent=1))
    except OSError:
        return  # a cache is never worth an error


def _check(place: Path) -> None:
    """Delete what is damaged, and of the rest what was made longest ago, until it fits."""
    known, total = _index(place), 0
    for one in sorted(_entries(place), key=lambda path: path.stat().st_mtime, reverse=True):
        size = one.stat().st_size
        if known.get(one.name) != _digest(one) or total + size > LIMIT:
            one.unlink(missing_ok=True)
        else:
            total += size


def _entries(place: Path) -> list[Path]:
    if place.is_dir():
        return [one for one in place.iterdir() if one.is_file() and not one.name.startswith(INDEX)]
    return []


def _index(place: Path) -> dict[str, str]:
    try:
        found = json.loads((place / INDEX).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _processor() -> str:
    """A short name of the instructions that this machine has: compiled code is for them."""
    described = platform.machine() + platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        described += next((line for line in lines if line.startswith(("flags", "Features"))), "")
    except OSError:
        pass
    return hashlib.sha256(described.encode()).hexdigest()[:12]
