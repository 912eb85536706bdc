"""Data sets that are ready to be trained on: each is a folder of the cache, which trials map into
memory.

In: a task that a sweep has loaded.  Out: the same task, its arrays read-only in files that all
processes share.  A folder is named by what determines it (the task, its options, the digest of its
data), so that no file that changes later is of any matter to it.

    about.json      the task without its arrays; sizes and digests of the files
    x.npy           (steps, inputs): the steps of all sequences of all splits, end to end
    y.npy           (steps, ...) with one target a step, or (sequences, ...)
    weights.npy     (steps,) or (sequences,) likewise, where a split has weights
    lengths.npy     (sequences,) int32

`sources/` says which folder was made from which files, so that a sweep, too, reads a user's file
once only.

Written aside and renamed, so that there is a whole folder or none.  A sweep checks every byte, a
trial the sizes; what is damaged is made anew.  All folders together hold no more than `LIMIT`
bytes: those that no sweep has used for longest go, and none that is in use.
"""

from __future__ import annotations

import hashlib
import json
import math
import mmap
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields, replace
from functools import cache
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import IO, Any

import numpy as np

from rnnzoo import locks
from rnnzoo.errors import Remark
from rnnzoo.spec.atomic import PREFIX, atomic_write, staged
from rnnzoo.spec.settings import cache_folder
from rnnzoo.spec.trial import digest, without_paths
from rnnzoo.tasks._contract import SPLITS, Split, Task, code
from rnnzoo.tasks._packed import PackedSplit, real

FORMAT = 1  # raise it when what is written changes its meaning: it names the folders
LIMIT = 2**33  # bytes of all folders together; a larger data set stays while it is used
SPARE = 2**26  # bytes that stay free on the disk
TRIES = 3  # to write a folder that others write, too
ABOUT = "about.json"
SOURCES = "sources"
_BLOCK = 2**24  # bytes that are processed together
_ELSEWHERE = ("splits", "baselines", "warnings")  # fields of a task that are written as they need


def folder() -> Path:
    """Where all of them are."""
    return cache_folder() / "data"


def place(name: str, options: Mapping[str, Any], data: str) -> Path:
    """The folder of a task's data.

    Args:
        options: as given; where the data lie is no part of what they are.
        data: the task's digest.
    """
    determined = digest([FORMAT, name, without_paths(options), data])
    return folder() / f"{re.sub(r'[^a-z0-9_]', '-', name.lower())[:40]}-{determined[:32]}"


# ------------------------------------------------------------------ reading


def find(name: str, options: Mapping[str, Any], data: str) -> Task | None:
    """The task out of its folder, its arrays mapped; None where there is none, or it is damaged."""
    return _read(place(name, options, data), every_byte=False)


def _read(path: Path, every_byte: bool) -> Task | None:
    try:
        held = _Held.take(path / ABOUT)
        content = _content(held)
        for name, file in content["files"].items():
            if (path / name).stat().st_size != file["bytes"]:
                return None
            if every_byte and _digest(path / name) != file["sha256"]:
                return None
        task = _task(path, content, held)
        return task if _code(task) == content["code"] else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _content(held: _Held) -> dict[str, Any]:
    """What `about.json` says.

    Raises:
        ValueError, LookupError, TypeError: it is damaged.
    """
    with os.fdopen(os.dup(held.descriptor), encoding="utf-8") as stream:
        stream.seek(0)
        written = json.load(stream)
    if written["sha256"] != digest(written["content"]):
        raise ValueError("another digest")
    content: dict[str, Any] = written["content"]
    return content


def _task(path: Path, content: Mapping[str, Any], held: _Held) -> Task:
    arrays = {name: held.map(path / name) for name in content["files"]}
    per_step = content["task"]["per"] == "step"
    splits = {}
    first, begin = 0, 0  # sequence and step of the split
    for name in SPLITS:
        about = content["splits"][name]
        last = first + about["sequences"]
        lengths = np.array(arrays["lengths.npy"][first:last])
        end = begin + int(lengths.sum())
        answers = slice(begin, end) if per_step else slice(first, last)
        splits[name] = PackedSplit(
            arrays["x.npy"][begin:end],
            arrays["y.npy"][answers],
            lengths,
            arrays["weights.npy"][answers] if about["weights"] else None,
            width=about["width"],
            per_step=per_step,
            held=held,
        )
        first, begin = last, end
    values: dict[str, Any] = dict(content["task"])
    # JSON has no tuples, and no field of a task is a list
    values |= {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    return Task(
        **values,
        splits=splits,
        baselines=content["baselines"],
        warnings=tuple(Remark(*parts) for parts in content["warnings"]),
    )


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@dataclass(slots=True)
class _Held:
    """A folder that is in use, by a lock on its `about.json` that ends with the process, and its
    files that are mapped.
    """

    descriptor: int
    maps: list[mmap.mmap] = field(default_factory=list)

    @classmethod
    def take(cls, file: Path) -> _Held:
        """
        Raises:
            OSError: there is none.
        """
        held = cls(os.open(file, os.O_RDONLY))
        with suppress(OSError):  # a disk without locks: then nobody can delete by them either
            locks.share(held.descriptor, waits=True)
        if not os.path.samestat(os.stat(file), os.fstat(held.descriptor)):
            raise FileNotFoundError(file)  # it was being deleted
        return held

    def map(self, file: Path) -> np.ndarray:
        """An array, read-only, and never of Python objects."""
        array = np.load(file, mmap_mode="r", allow_pickle=False)
        if isinstance(array.base, mmap.mmap):
            self.maps.append(array.base)
        return np.asarray(array)

    def release(self) -> None:
        """Give back the memory of pages that were read; they stay in the system's cache."""
        if not hasattr(mmap, "MADV_DONTNEED"):  # as on Windows
            return
        for mapped in self.maps:
            mapped.madvise(mmap.MADV_DONTNEED)

    def __del__(self) -> None:
        with suppress(OSError):
            os.close(self.descriptor)


# ------------------------------------------------------------------ what it was made from


def source(name: str, options: Mapping[str, Any], files: Iterable[Path | str]) -> str:
    """A digest of all that the data of a task of the package follow from.

    Args:
        files: that they are read from; a text among them is what else they follow from.

    Raises:
        OSError: one of them cannot be read.
    """
    content = list(map(_followed, files))
    versions = [np.__version__, version("pyarrow")]
    return digest([FORMAT, name, without_paths(options), content, versions, _readers()])


def _followed(file: Path | str) -> str:
    return file if isinstance(file, str) else _digest(file)


@cache
def _readers() -> str:
    """A digest of the package's code that makes data."""
    texts = [path.read_text() for path in sorted(Path(__file__).parent.rglob("*.py"))]
    return digest(texts)


def made_from(given: str) -> Task | None:
    """What was made from the same; None where nothing was, or it is damaged."""
    try:
        name = (folder() / SOURCES / given).read_text()
    except (OSError, ValueError):
        return None
    path = folder() / name
    if path.parent != folder():  # not written here
        return None
    kept = _read(path, every_byte=True)
    if kept is not None:
        _use(path)
    return kept


def remember(given: str, task: Task, options: Mapping[str, Any]) -> None:
    """That a task was made from this."""
    with suppress(OSError), atomic_write(folder() / SOURCES / given) as new:
        new.write_text(place(task.name, options, task.digest).name)


# ------------------------------------------------------------------ writing


def keep(task: Task, options: Mapping[str, Any]) -> Task:
    """The task out of its folder, which is made where there is none or it is damaged.

    Raises:
        OSError: the cache cannot be written.
    """
    path = place(task.name, options, task.digest)
    kept = _read(path, every_byte=True)
    if kept is None or _said(kept) != _said(task):
        kept = None  # which holds the folder that is to be replaced
        for _ in range(TRIES):  # another writer may be replacing it at this moment
            _write(task, path)
            kept = _read(path, every_byte=False)
            if kept is not None:
                break
    if kept is None:
        raise OSError(f"{path} cannot be read back")
    _use(path)
    return replace(task, splits=kept.splits)


def _said(task: Task) -> str:
    """All but the arrays, as what is compared and written."""
    return digest(_plain(task))


def _plain(task: Task) -> dict[str, Any]:
    names = (known.name for known in fields(Task) if known.name not in _ELSEWHERE)
    values = {name: getattr(task, name) for name in names}
    splits = [name for name in task.splits if name in SPLITS]
    return {
        "task": {**values, "solved": None if task.solved is None else float(task.solved)},
        "code": _code(task),
        "baselines": {name: float(score) for name, score in task.baselines.items()},
        "warnings": list(map(_plain_warning, task.warnings)),
        "splits": {name: _plain_split(task.splits[name]) for name in splits},
    }


def _plain_warning(warning: str | Remark) -> list[str]:
    remark = Remark(warning) if isinstance(warning, str) else warning
    return [remark.problem, remark.fix]


def _plain_split(split: Split) -> dict[str, Any]:
    return {
        "sequences": len(split),
        "width": split.width,
        "weights": "weights" in split.stored,
    }


def _code(task: Task) -> list[list[str]]:
    """Digests of its own loss and metric: other code is another task."""
    return sorted([kind, name, of_file] for (kind, name), of_file in code(task).items())


def _write(task: Task, path: Path) -> None:
    """
    Raises:
        OSError: the cache cannot be written, or has no room.
    """
    folder().mkdir(parents=True, exist_ok=True)
    arrays = _arrays(task.per == "step", [task.splits[name] for name in SPLITS])
    needed = sum(array.nbytes for array in arrays.values()) + SPARE
    free = shutil.disk_usage(folder()).free
    if free < needed:
        raise OSError(f"{folder()} has {free / 2**20:,.0f} MiB free, of {needed / 2**20:,.0f}")
    with staged(path) as draft:
        draft.mkdir()
        files = {name: array.write(draft / name) for name, array in arrays.items()}
        content = {**_plain(task), "files": files}
        about = json.dumps({"content": content, "sha256": digest(content)}, indent=1)
        (draft / ABOUT).write_text(about, encoding="utf-8")
        _move(draft, path)


def _move(draft: Path, path: Path) -> None:
    """Give a folder its name; a damaged one that has it goes, and of two writers one is first."""
    if _read(path, every_byte=True) is None:
        with suppress(FileNotFoundError):
            path.rename(draft.with_name("damaged"))  # in the staging directory, which is deleted
    else:
        _retire(path)
    with suppress(OSError):  # somebody else's, made at the same time
        draft.rename(path)


@dataclass(frozen=True, slots=True)
class _Array:
    """An array that is written block by block, so that no copy of it is made."""

    dtype: np.dtype
    shape: tuple[int, ...]
    blocks: Iterator[np.ndarray]

    @property
    def nbytes(self) -> int:
        return self.dtype.itemsize * math.prod(self.shape)

    def write(self, file: Path) -> dict[str, Any]:
        """Write it as `.npy`, and say how many bytes it has, and their digest."""
        sha = hashlib.sha256()
        with file.open("wb") as stream:
            header = {"descr": self.dtype.str, "fortran_order": False, "shape": self.shape}
            np.lib.format.write_array_header_1_0(stream, header)
            stream.flush()
            sha.update(file.read_bytes())
            for block in self.blocks:
                content = np.ascontiguousarray(block, self.dtype)
                stream.write(content.data)
                sha.update(content.data)
            size = stream.tell()
        return {"bytes": size, "sha256": sha.hexdigest()}


def _arrays(per_step: bool, splits: list[Split]) -> dict[str, _Array]:
    """What is written, by the name of its file."""
    arrays = {"x.npy": _array(splits, "x"), "y.npy": _array(splits, "y", of_steps=per_step)}
    if any("weights" in split.stored for split in splits):
        arrays["weights.npy"] = _array(splits, "weights", of_steps=per_step)
    lengths = (split.lengths for split in splits)
    arrays["lengths.npy"] = _Array(np.dtype(np.int32), (sum(map(len, splits)),), lengths)
    return arrays


def _array(splits: list[Split], name: str, of_steps: bool = True) -> _Array:
    """An array of all splits, of the type of all of them together."""
    rows = sum(int(split.lengths.sum()) for split in splits) if of_steps else sum(map(len, splits))
    parts = [split.stored[name] for split in splits if name in split.stored]
    numbers = next(split.shapes[name] for split in splits if name in split.stored)
    return _Array(
        np.result_type(*parts),
        (rows, *numbers[2 if of_steps else 1 :]),
        chain.from_iterable(_blocks(split, name, of_steps) for split in splits),
    )


def _blocks(split: Split, name: str, of_steps: bool) -> Iterator[np.ndarray]:
    """An array of a split without padding, some of it at a time; weights that it lacks are 1."""
    array = split.stored.get(name)
    if array is None:
        yield np.ones(int(split.lengths.sum()) if of_steps else len(split), np.float32)
        return
    is_padded = of_steps and not isinstance(split, PackedSplit)
    rows = max(1, _BLOCK // max(1, array[:1].nbytes))
    for start in range(0, len(array), rows):
        block = array[start : start + rows]
        if is_padded:
            block = block[real(split.lengths[start : start + rows], split.width)]
        yield block


# ------------------------------------------------------------------ the limit


def _use(path: Path) -> None:
    """Note that a folder is used now."""
    with suppress(OSError):  # read-only
        os.utime(path / ABOUT)
        _bound(path)


def _bound(own: Path) -> None:
    """Delete what was used longest ago, until the rest fits; what is in use stays."""
    used = sorted(_folders(), key=lambda path: (path == own, _used(path)), reverse=True)
    total = 0
    for path in used:
        size = sum(file.stat().st_size for file in path.iterdir())
        total += size
        if total > LIMIT and path != own and _retire(path):
            total -= size
    for known in (folder() / SOURCES).glob("*"):
        if known.is_file() and not _leads_to_a_folder(known):
            known.unlink()


def _leads_to_a_folder(note: Path) -> bool:
    """Whether a file of `sources/` says where something is."""
    try:
        return (folder() / note.read_text()).exists()
    except ValueError:  # it is damaged: no text, or no name of a folder
        return False


def _used(path: Path) -> float:
    try:
        return (path / ABOUT).stat().st_mtime
    except OSError:
        return 0.0


def _folders() -> list[Path]:
    return [
        path
        for path in folder().iterdir()
        if path.is_dir() and path.name != SOURCES and not path.name.startswith(PREFIX)
    ]


def _retire(path: Path) -> bool:
    """Delete a folder unless it is in use; whether it went."""
    with suppress(OSError), _alone(path / ABOUT), staged(path) as aside:
        path.rename(aside)
        return True
    return False


@contextmanager
def _alone(file: Path) -> Iterator[IO[bytes]]:
    """Hold a file that nobody else does.

    Raises:
        OSError: somebody does.
    """
    with file.open("rb") as stream:
        locks.take(stream)
        yield stream
