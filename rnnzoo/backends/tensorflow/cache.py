"""XLA's persistent cache: the flag by which TensorFlow's trials share what was compiled."""

from __future__ import annotations

import os
from collections.abc import Mapping
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
    return {"TF_XLA_FLAGS": f"{given} {XLA_CACHE}={place}".strip()}
