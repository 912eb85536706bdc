"""What lies inside the music21 package: files are read without importing it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from pathlib import Path

from rnnzoo.errors import TaskError

INSTALL = "pip install music21"


def version(task: str) -> str:
    """The version of the package.

    Raises:
        TaskError: it is not installed.
    """
    try:
        return importlib.metadata.version("music21")
    except importlib.metadata.PackageNotFoundError:
        raise TaskError(f"the task '{task}' reads the music21 package", INSTALL) from None


def folder(name: str) -> Path:
    """A folder of the package, such as `corpus/bach`.

    Raises:
        TaskError: there is none of that name.
    """
    package = importlib.util.find_spec("music21")
    places = list(package.submodule_search_locations or []) if package else []
    for place in places:
        if (Path(place) / name).is_dir():
            return Path(place) / name
    raise TaskError(f"the music21 package has no {name}", f"reinstall it: {INSTALL}")
