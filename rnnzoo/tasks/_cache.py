"""Where data that was parsed or downloaded once stays: the user's cache folder, by the XDG convention."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rnnzoo.spec.settings import cache_folder as folder


def load(name: str) -> dict[str, np.ndarray] | None:
    """The arrays that `save` wrote under this name; None where there are none, or where they are damaged."""
    try:
        with (folder() / name).open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            return {key: arrays[key] for key in arrays.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def save(name: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays under a name: aside first, so that a half-written file is never taken for a whole one.

    A cache that cannot be written is none: the work is then done again next time.
    """
    try:
        folder().mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder(), suffix=".npz", delete=False) as aside:
            np.savez_compressed(aside, **arrays)  # type: ignore[arg-type]  # its stub takes the arrays for flags
        Path(aside.name).replace(folder() / name)
    except OSError:
        return
