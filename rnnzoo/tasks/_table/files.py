"""The files of a table: which they are, and which split each belongs to.

In: the option `file`: a path, or one for each split.  Out: `Source`s in a fixed order, or what is
wrong; no file is opened but to see what it is.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rnnzoo.errors import nearest
from rnnzoo.spec.plugins import Wrong
from rnnzoo.spec.written import setting
from rnnzoo.tasks import _arrays_file
from rnnzoo.tasks._contract import SPLITS
from rnnzoo.tasks._table.roles import ALSO

CSV, PARQUET, ARROW, TS = "csv", "parquet", "arrow", "ts"
FORMATS = {
    ".csv": CSV, ".tsv": CSV, ".parquet": PARQUET, ".pq": PARQUET, ".arrow": ARROW,
    ".feather": ARROW, ".ts": TS,
}  # fmt: skip
_EXAMPLE = {
    "name": "table", "file": "my.csv", "id": "person", "inputs": ["a", "b"], "target": "label",
}  # fmt: skip
UNSAID = -1  # the split of a file that is of no split in particular


@dataclass(frozen=True, slots=True)
class Source:
    """A file of the table.

    Attributes:
        shown: its path as the user gave it, for messages.
        side: the number of its split, or `UNSAID`.
    """

    path: Path
    shown: str
    side: int

    @property
    def format(self) -> str:
        return FORMATS[self.path.suffix.lower()]


def sources(file: str | Mapping[str, str], folder: Path) -> list[Source | Wrong]:
    """Every file in a fixed order, or what is wrong in its place."""
    if not file:
        fix = setting("task", _EXAMPLE)
        return [Wrong("file", "the task 'table' needs a file", fix)]
    if isinstance(file, str):
        return _of_path("file", file, folder, UNSAID)
    entries: list[Source | Wrong] = []
    for named in by_split(file, "csv"):
        if isinstance(named, Wrong):
            entries.append(named)
        else:
            split, option, path = named
            entries += _of_path(option, path, folder, SPLITS.index(split))
    return entries + _mixed(entries)


def by_split(file: Mapping[str, str], ending: str) -> Iterator[tuple[str, str, str] | Wrong]:
    """The split, the option and the path of each file, or what is wrong in its place.

    Args:
        ending: of the files that the fix shows.
    """
    for name, path in file.items():
        split, option = ALSO.get(name, name), f"file.{name}"
        if split not in SPLITS:
            fix = nearest(name, [*SPLITS, *ALSO])
            yield Wrong(option, f"there is no split '{name}'", fix)
        elif not isinstance(path, str):
            yield Wrong(option, f"a file is text, not {path!r}", "put it in quotes")
        else:
            yield split, option, path
    if "train" not in file:
        fix = setting("file", {"train": f"a.{ending}", "test": f"b.{ending}"})
        yield Wrong("file", "no file is for train", fix)


def _mixed(entries: list[Source | Wrong]) -> list[Source | Wrong]:
    kinds = sorted({source.format for source in entries if isinstance(source, Source)})
    if len(kinds) < 2:
        return []
    return [Wrong("file", f"these are files of several kinds: {', '.join(kinds)}", "use one kind")]


def _of_path(option: str, file: str, folder: Path, side: int) -> list[Source | Wrong]:
    path = _arrays_file.place(file, folder)
    try:
        kind = os.stat(path).st_mode
    except (OSError, ValueError):
        kind = 0
    if stat.S_ISDIR(kind):
        return _of_folder(option, file, path, side)
    if not stat.S_ISREG(kind):  # nothing, an address, a pipe: what `arrays` says of it
        problem, fix = _arrays_file.unusable(file, folder) or (f"no file {file}", "")
        return [Wrong(option, problem, fix)]
    if path.suffix.lower() not in FORMATS:
        problem = f"{file} is no table: its name ends in '{path.suffix}'"
        return [Wrong(option, problem, _ENDS if path.suffix != ".npz" else "task: arrays reads it")]
    if not path.stat().st_size:
        return [Wrong(option, f"{file} is empty", "write the table to it")]
    return [Source(path, file, side)]


_ENDS = f"a name that ends in {', '.join(FORMATS)}"


def _of_folder(option: str, file: str, path: Path, side: int) -> list[Source | Wrong]:
    """All tables in a folder, by name; hidden files are none."""
    inner = [
        entry
        for entry in sorted(path.iterdir())
        if entry.suffix.lower() in FORMATS and not entry.name.startswith((".", "_"))
    ]
    if not inner:
        return [Wrong(option, f"the folder {file} holds no table", _ENDS)]
    tables = [_in_folder(option, os.path.join(file, entry.name), entry, side) for entry in inner]
    return tables + _mixed(tables)


def _in_folder(option: str, shown: str, path: Path, side: int) -> Source | Wrong:
    """A table that was found and not named."""
    if not path.is_file():
        problem = f"{shown} is no file, but a folder, a device, a pipe, or a link to nothing"
        return Wrong(option, problem, "take it out of the folder")
    if not path.stat().st_size:
        return Wrong(option, f"{shown} is empty", "write the table to it, or delete it")
    return Source(path, shown, side)
