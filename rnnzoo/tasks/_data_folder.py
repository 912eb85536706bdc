"""Where the files of known data sets lie: the one home of `RNNZOO_DATA`.

A file is looked for in the folder that this environment variable names, in the folder of the task's
name inside it, then in the cache.  A file whose SHA-256 is known is checked wherever it is from,
and downloaded where it is nowhere.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rnnzoo.errors import TaskError, listed
from rnnzoo.spec.experiment import NAME
from rnnzoo.spec.plugins import Wrong
from rnnzoo.spec.settings import cache_folder
from rnnzoo.tasks._contract import Report

VARIABLE = "RNNZOO_DATA"
TIMEOUT = 30  # seconds


@dataclass(frozen=True, slots=True)
class Download:
    """A file that can be had from a public address.

    Attributes:
        task: the task that reads it.
        title: what people call the data set.
        sha256: of its bytes, in hexadecimal digits.
    """

    task: str
    title: str
    file: str
    sha256: str
    url: str


def folders(task: str) -> Iterator[Path]:
    """The folders where files of a task are looked for, in this order.

    Raises:
        TaskError: `RNNZOO_DATA` names no folder.
    """
    own = os.environ.get(VARIABLE, "")
    # `os.path` takes what may not be looked into, or has no name, for nothing; `Path` raises
    if own and not os.path.isdir(own):
        raise TaskError(
            f"the environment variable {VARIABLE} names {own}, which is no folder",
            "name the folder of your data sets, or unset it",
        )
    if own:
        yield Path(own)
        yield Path(own) / task
    yield cache_folder()
    yield cache_folder() / task


def variable() -> str:
    """The environment variable that names the folder of data sets, and what it names, as the end of
    a sentence.
    """
    own = os.environ.get(VARIABLE, "")
    if not own:
        return f"the environment variable {VARIABLE} names"
    where = os.path.realpath(own) if os.path.isdir(own) else f"{own}, which is no folder"
    return f"the environment variable {VARIABLE} names (here {where})"


def of_own(path: Path) -> Path | None:
    """What `RNNZOO_DATA` has at a path that begins at its folder; None where nothing is."""
    own = os.environ.get(VARIABLE, "")
    there = Path(own) / path
    return there if own and os.path.exists(there) else None


def find(task: str, names: Sequence[str]) -> Path | None:
    """The first of these files, or folders, that is there; None where none is.

    Raises:
        TaskError: `RNNZOO_DATA` names no folder.
    """
    for folder in folders(task):
        for name in names:
            path = folder / name
            # the folder of the task's name is no file of it, as `text8/` beside `text8`
            if os.path.isfile(path) or (os.path.isdir(path) and name != task):
                return path
    return None


def how_to_place(task: str, files: str = "it") -> str:
    """What to do with a file, or files, that were got by hand."""
    return (
        f"put {files} by hand into {cache_folder()}, or into a folder that the environment variable"
        f" {VARIABLE} names, or into the folder {task} in one of them"
    )


@dataclass(frozen=True, slots=True)
class OwnFiles:
    """Files that are got by hand, because nobody may pass them on, or no checksum is known.

    Attributes:
        task: the task that reads them.
        names: of each file or folder, the names under which it is known; messages say the first.
        origin: what they are and where they come from, a sentence.
    """

    task: str
    names: Mapping[str, Sequence[str]]
    origin: str

    def missing(self) -> Iterator[Wrong]:
        """What is not there, all in one."""
        try:
            missing = [names for names in self.names.values() if not find(self.task, names)]
        except TaskError as error:
            yield Wrong(NAME, *error.parts)
            return
        if missing:
            wanted = listed((names[0] for names in missing), "and")
            place = how_to_place(self.task, "them" if len(missing) > 1 else "it")
            problem = f"the task '{self.task}' needs {wanted}"
            yield Wrong(NAME, problem, f"{place}\n       {self.origin}")

    def places(self) -> dict[str, Path]:
        """The path of each.

        Raises:
            TaskError: one is missing.
        """
        for wrong in self.missing():
            raise TaskError(wrong.problem, wrong.fix)
        paths = {key: find(self.task, names) for key, names in self.names.items()}
        return {key: path for key, path in paths.items() if path}

    def sources(self) -> Iterator[Path]:
        """The files.

        Raises:
            FileNotFoundError: one is missing.
        """
        for _ in self.missing():
            raise FileNotFoundError(self.task)
        yield from self.places().values()


def checked(download: Download, progress: Report) -> Path:
    """A file whose content is known to be right; downloaded where it is nowhere.

    Raises:
        TaskError: it is nowhere to be had, or a file of that name holds something else.
    """
    path = find(download.task, [download.file])
    return _checked(path, download) if path else _downloaded(download, progress)


def sources(download: Download) -> Iterator[Path]:
    """The file, where it is there.

    Raises:
        FileNotFoundError: it is not.
    """
    path = find(download.task, [download.file])
    if path is None:
        raise FileNotFoundError(download.file)
    yield path


def _checked(path: Path, download: Download) -> Path:
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise TaskError(f"cannot read {path}: {error.strerror}", "make it readable") from None
    if digest != download.sha256:
        raise TaskError(
            f"{path} is not the file it should be: its SHA-256 is {digest[:16]}..., not"
            f" {download.sha256[:16]}...",
            f"delete it, and take it from {download.url}",
        )
    return path


def _downloaded(download: Download, progress: Report) -> Path:
    import pooch

    progress(f"downloading {download.title}", 0, 1)
    pooch.get_logger().setLevel("ERROR")
    try:
        pooch.retrieve(
            download.url,
            f"sha256:{download.sha256}",
            fname=download.file,
            path=cache_folder(),
            downloader=pooch.HTTPDownloader(timeout=TIMEOUT),
        )
    except Exception as error:  # whatever the network does is one thing to the user
        raise TaskError(
            f"the task '{download.task}' needs {download.file}, which could not be downloaded"
            f" ({type(error).__name__})",
            f"{how_to_place(download.task)}\n       it comes from {download.url}",
        ) from None
    progress(f"downloading {download.title}", 1, 1)
    return _checked(cache_folder() / download.file, download)
