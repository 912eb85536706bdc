"""A NumPy `.npz` file -> its arrays, whatever state the file is in; Python objects are never unpickled."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def read(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file by name.

    Raises:
        OSError: it cannot be opened.
        ValueError: it is no `.npz` file, is damaged, or holds Python objects; the message says which.
    """
    with path.open("rb") as stream:
        if stream.read(2) != b"PK":
            raise ValueError("it is no .npz file")
        stream.seek(0)
        try:
            with np.load(stream, allow_pickle=False) as archive:
                found = {name: archive[name] for name in archive.files}
        except Exception as error:  # numpy, zipfile and zlib each have errors of their own for damage
            raise ValueError("it holds Python objects" if "pickle" in str(error).lower() else "it is damaged") from None
    return {name: array for name, array in found.items() if isinstance(array, np.ndarray)}
