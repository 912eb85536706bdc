"""Which file a name or path means, and the built-in cells."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from rnnzoo.errors import SpecError, UsageError, command, nearest
from rnnzoo.spec.cell.names import LABEL, MAX_NAME
from rnnzoo.spec.document import Scalar, parse, read_text
from rnnzoo.spec.files import meant, within
from rnnzoo.spec.settings import EXPERIMENTS, project

ZOO = Path(__file__).parents[2] / "zoo"
SHOWN_FILE = "zoo/{}.yaml"  # what messages call a file in it


def find(reference: str, folder: Path) -> Path:
    """The file of a cell's name or path; a built-in name is never shadowed silently."""
    if reference.endswith((".yaml", ".yml")):
        path = Path(reference)
        ways = (path, folder / path, project() / path)
        # never raises
        return next((place for place in ways if os.path.exists(place)), folder / path)
    if not LABEL.fullmatch(reference) or len(reference) > MAX_NAME:
        raise UsageError(f"'{reference[:80]}' is not the name of a cell; a path must end in .yaml")
    built_in = ZOO / f"{reference}.yaml"
    places = (folder, folder / "cells", folder.parent / "cells", project() / "experiments/cells")
    candidates = {
        path.resolve(): path for place in places if (path := place / f"{reference}.yaml").is_file()
    }
    candidates.pop(built_in.resolve(), None)
    cells = [path for path in candidates.values() if not _is_experiment(path)]
    if reference in built_in_names():
        if cells and folder.resolve() != ZOO.resolve():
            raise UsageError(
                f"'{reference}' is a built-in cell and also {cells[0]}:"
                " rename yours, or give its path"
            )
        return built_in
    if not candidates:
        known = list(built_in_names())
        for place in places:
            known += [path.stem for path in _cells_in(place)]
        fix = (
            nearest(reference, known)
            or f"take one of those that `{command('list', 'cells')}` names"
        )
        raise UsageError(f"no cell '{reference}'", fix)
    # of an experiment alone, its reader says that it is no cell
    return (cells or list(candidates.values()))[0]


def named_in_spec(reference: str, folder: Path) -> Path:
    """The file of a cell that a spec names.

    Unlike a file named on the command line, it must lie within the project.

    A spec may come from somebody else, and messages about a file show lines of it.

    Raises:
        UsageError: there is no such cell, or two; or it is no file, or one that lies elsewhere,
            links followed.
    """
    path = find(reference, folder)
    if not within(path, ZOO, folder, folder.parent / "cells", Path(), project()):
        fix = f"copy it into {folder if folder != Path() else 'this folder'}"
        raise UsageError(
            f"'{reference}' lies outside of the folder of this file and of the project", fix
        )
    if not os.path.lexists(path):
        from_here = f"give its path from {folder if folder != Path() else 'this folder'}"
        named = f"a name from `{command('list', 'cells')}`"
        raise UsageError(f"there is no file {reference}", meant(path) or f"{from_here}, or {named}")
    # unlike those of `Path`, neither ever raises
    if os.path.exists(path) and not os.path.isfile(path):
        raise UsageError(f"'{reference}' is no file", "give the path of a cell's YAML file")
    return path


def _is_experiment(path: Path, chain: tuple[Path, ...] = ()) -> bool:
    """Whether a file is an experiment, by its own keys or those of the file that it extends; one
    that cannot be read may be a cell.

    What lies outside of the first file's folder and of the project is not opened: a spec of
    somebody else may name it.

    Args:
        chain: the files that led here, each of which extends the next.
    """
    first = chain[0] if chain else path
    if path in chain or not within(path, first.parent, project()):
        return False
    with contextlib.suppress(SpecError, UsageError):
        entries = parse(read_text(path), str(path)).entries
        base = getattr(entries.get("extends"), "value", None)
        if "experiment" in entries or not isinstance(base, str):
            return "experiment" in entries
        return _is_experiment(path.parent / base, (*chain, path))
    return False


def built_in_names() -> tuple[str, ...]:
    """Names of the cells of the zoo, sorted."""
    return tuple(sorted(path.stem for path in ZOO.glob("*.yaml") if path.stem != "sources"))


def own_files() -> list[Path]:
    """The files of the project's own cells, sorted."""
    return sorted((project() / EXPERIMENTS / "cells").glob("*.yaml"))


def is_built_in(file: str) -> bool:
    """Whether a file, as messages name it, is that of a cell of the zoo."""
    return file in {SHOWN_FILE.format(name) for name in built_in_names()}


def sources() -> Mapping[str, str]:
    """The bibliography: key -> reference."""
    path = ZOO / "sources.yaml"
    table = parse(read_text(path), "zoo/sources.yaml")
    return {key: str(node.value) for key, node in table.entries.items() if isinstance(node, Scalar)}


def _cells_in(folder: Path) -> Iterator[Path]:
    """YAML files that may be cells, for suggestions only."""
    for path in folder.glob("*.yaml"):
        with contextlib.suppress(SpecError, UsageError):
            if os.path.isfile(path) and within(path, folder) and "\nequations:" in read_text(path):
                yield path
