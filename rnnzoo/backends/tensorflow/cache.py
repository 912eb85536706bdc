"""XLA's persistent cache: the flag by which TensorFlow's trials share what was compiled."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from rnnzoo.backends import cache

# the flag in TF_XLA_FLAGS that names the folder of XLA's cache
XLA_CACHE = "--tf_xla_persistent_cache_directory"


def folder() -> Path:
    """Where the cache is, unless the user has set another."""
    return cache.folder("xla", ("tensorflow", "keras"))


def environment(place: Path | None = None) -> Mapping[str, str]:
    """Variables that switch the cache on, its folder checked; none where it cannot be used, or
    where the user has set one.
    """
    place, given = place or folder(), os.environ.get("TF_XLA_FLAGS", "")
    if XLA_CACHE in given or not cache.is_usable(place):
        return {}
    return {"TF_XLA_FLAGS": f"{given} {XLA_CACHE}={_word(str(place))}".strip()}


def folders() -> Iterator[Path]:
    """Where the flags of this process have a cache, which may be the user's own."""
    flags = os.environ.get("TF_XLA_FLAGS", "")
    try:
        words = shlex.split(flags)
    except ValueError:  # a quotation mark that nothing closes
        words = flags.split()
    for word in words:
        name, _, place = word.partition("=")
        if name == XLA_CACHE and place:
            yield Path(place)


def _word(place: str) -> str:
    """A path as the value of a flag, which ends at a space where it is not in quotation marks."""
    if not any(map(str.isspace, place)):
        return place
    escaped = re.sub(r'(["\\])', r"\\\1", place)
    return f'"{escaped}"'
