"""Where data that was parsed or downloaded once stays: the user's cache folder, by the XDG
convention.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rnnzoo.spec.atomic import atomic_write
from rnnzoo.spec.settings import cache_folder
from rnnzoo.tasks import _npz


def load(name: str) -> dict[str, np.ndarray] | None:
    """The arrays that `save` wrote under this name; None where there are none, or where they are
    damaged.
    """
    try:
        return _npz.read(cache_folder() / name)
    except (OSError, ValueError):
        return None


def save(name: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays under a name: aside first, so that a half-written file is never taken for a
    whole one.

    A cache that cannot be written is none: the work is then done again next time.
    """
    try:
        with atomic_write(cache_folder() / name) as new, new.open("wb") as stream:
            # its stub takes the arrays for flags
            np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
    except OSError:
        return
