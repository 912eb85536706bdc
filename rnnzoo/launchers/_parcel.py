"""Folders of files on their way between machines: listed with their digests, sent in pieces, and
checked byte by byte before they get their name.

In: a folder here, pieces from there.  Out: a manifest, pieces, and the folder there: whole or not
at all.  A name that would lead out of its folder is refused.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rnnzoo.spec.atomic import PREFIX, atomic_write, own_prefix

PIECE = 2**23  # bytes of a file that are sent at once


@dataclass(frozen=True, slots=True)
class File:
    """A file of a manifest."""

    bytes: int
    sha256: str


Manifest = Mapping[str, File]  # by path within the folder, with `/`


def manifest(folder: Path) -> dict[str, File]:
    """What is in a folder.

    Raises:
        OSError: it cannot be read.
    """
    return {name: _file(folder / name) for name in _names(folder)}


def has(folder: Path, expected: Manifest) -> bool:
    """Whether a folder holds these files, to the last byte."""
    try:
        return all(_file(folder / name) == file for name, file in expected.items())
    except OSError:
        return False


def pieces(folder: Path, expected: Manifest) -> Iterator[tuple[str, int, bytes]]:
    """The files of a folder piece by piece: path, first byte, content; an empty file is one.

    Raises:
        OSError: one of them cannot be read.
    """
    for name in expected:
        with (folder / name).open("rb") as stream:
            begin = 0
            while (piece := stream.read(PIECE)) or not begin:
                yield name, begin, piece
                begin += len(piece)
                if not piece:
                    break


def write_piece(folder: Path, name: str, begin: int, content: bytes) -> None:
    """Write a piece into a folder that is being filled.

    Raises:
        OSError: the disk refuses.
        ValueError: the name leads out of the folder.
    """
    path = within(folder, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("r+b" if begin else "wb") as stream:
        stream.seek(begin)
        stream.write(content)


def draft_of(folder: Path, session: str) -> Path:
    """Where this process fills a folder; `atomic` clears it away where the process has died."""
    return folder.parent / f"{own_prefix()}{session}-{folder.name}" / folder.name


def finish(folder: Path, session: str, expected: Manifest) -> bool:
    """Give the folder that was filled its name, in the place of a damaged one; whether all of it
    is right.
    """
    draft = draft_of(folder, session)
    try:
        if not has(draft, expected):
            return False
        if folder.exists():
            folder.rename(draft.with_name("replaced"))
        with suppress(OSError):  # another process of this machine was first
            draft.rename(folder)
        return has(folder, expected)
    finally:
        shutil.rmtree(draft.parent, ignore_errors=True)


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a folder, by path within it; none where there is no such folder."""
    return {name: (folder / name).read_bytes() for name in _names(folder)}


def unpack(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a folder, each whole or not at all.

    Raises:
        OSError: the disk refuses.
        ValueError: a name leads out of the folder.
    """
    for name, content in files.items():
        with atomic_write(within(folder, name)) as draft:
            draft.write_bytes(content)


def within(folder: Path, name: str) -> Path:
    """The path of a name in a folder.

    Raises:
        ValueError: it leads out of the folder.
    """
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts:
        raise ValueError(f"{name!r} is no path within a folder")
    return folder.joinpath(*parts)


def _names(folder: Path) -> list[str]:
    """Files of a folder and those below it; not what was left half written."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    names = [path.relative_to(folder).as_posix() for path in paths]
    return [name for name in names if not name.startswith(PREFIX) and f"/{PREFIX}" not in name]


def _file(path: Path) -> File:
    with path.open("rb") as stream:
        return File(path.stat().st_size, hashlib.file_digest(stream, "sha256").hexdigest())
