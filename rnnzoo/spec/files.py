"""Where a file is that a user names: in the current folder, else in the project; or which one was
probably meant.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from pathlib import Path

from rnnzoo.errors import UsageError, listed
from rnnzoo.spec.settings import EXPERIMENTS, project

ENDINGS = (".yaml", ".yml")
RESULTS = Path("results")  # tables of trials that are kept with a project
SHOWN = 3  # near files in a message


def located(given: Path) -> Path:
    """The file of a path, from the current folder or else from the project's.

    Raises:
        UsageError: neither has it.
    """
    for path in _places(given):
        if os.path.lexists(path):
            return path
    raise missing(given)


def missing(given: Path, endings: tuple[str, ...] = ENDINGS, beyond: bool = True) -> UsageError:
    """The error for a file that is not there: where it was looked for, and files of similar names.

    Args:
        endings: of such files.
        beyond: whether the project was looked in, too.
    """
    try:
        os.lstat(given)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as error:
        return UsageError(f"cannot read {given}: {getattr(error, 'strerror', None) or error}")
    where = (
        f" here, nor in the project at {project()}" if beyond and len(_places(given)) > 1 else ""
    )
    return UsageError(
        f"there is no file {given}{where}", meant(given, endings) or _unlike(given, endings)
    )


def meant(given: Path, endings: tuple[str, ...] = ENDINGS) -> str:
    """Which files were probably meant, as a fix; empty where none has a similar name."""
    near = [f"'{path}'" for path in _near(given, endings)]
    return f"did you mean {' or '.join(near)}?" if near else ""


def _unlike(given: Path, endings: tuple[str, ...]) -> str:
    """What to do where no file has a similar name: it says where such files were looked for."""
    folders = [str(folder) for folder in _folders(given) if os.path.isdir(folder)]
    kind = endings[0].removeprefix(".")
    nothing = f"no {kind} file in {listed(folders, 'or')} has a similar name; " if folders else ""
    return f"{nothing}give its path from the current folder"


def within(path: Path, *folders: Path) -> bool:
    """Whether a file lies in one of some folders, links followed; a circle of links lies nowhere
    else than its name.
    """
    real = Path(os.path.realpath(path))
    return any(real.is_relative_to(os.path.realpath(folder)) for folder in folders)


def _places(given: Path) -> list[Path]:
    return list(dict.fromkeys([given, given if given.is_absolute() else project() / given]))


def _near(given: Path, endings: tuple[str, ...]) -> list[Path]:
    """Files that were probably meant, the nearest first: of a similar name, there or where the
    project keeps such.
    """
    files = {path: path.stem for path in _files(given, endings)}
    stems = difflib.get_close_matches(given.stem, sorted(set(files.values())), n=SHOWN, cutoff=0.6)
    return [path for stem in stems for path, own in files.items() if own == stem][:SHOWN]


def _folders(given: Path) -> list[Path]:
    """Where a file could be: in its own folder, or where the project keeps such."""
    home = project() / EXPERIMENTS
    kept = [home, home / "studies", home / "cells", project() / RESULTS]
    return list(dict.fromkeys([*(place.parent for place in _places(given)), *kept]))


def _files(given: Path, endings: tuple[str, ...]) -> Iterator[Path]:
    """What has such an ending in the folders where the file could be."""
    for folder in _folders(given):
        try:
            names = sorted(os.listdir(folder))
        except (OSError, ValueError):
            continue
        yield from (folder / name for name in names if name.endswith(endings))
