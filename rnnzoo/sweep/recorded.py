"""The file in which the history of a search over cells is kept: one row a line, as JSON; no line is
ever changed.

In: rows as they come about.  Out: the same rows when the search goes on.  A process that is killed
leaves at most the beginning of a line behind, which the next one removes.
"""

from __future__ import annotations

import gzip
import json
import shutil
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from rnnzoo.errors import StoreError, UsageError
from rnnzoo.evolve.history import History
from rnnzoo.evolve.plan import About, Plan
from rnnzoo.evolve.rows import Row, plain, row_of
from rnnzoo.spec.atomic import atomic_write

IDENTITY, ABOUT = "identity", "search"  # keys of the first line
FOLDER = "cells"  # of an experiment's histories, in its folder of `runs/`
SHORT = 12  # digits of an identity that name a file
COMPRESSED = ".gz"
_NAME_A_HISTORY = "name the history of a search: a file that ends in .jsonl or .jsonl.gz"
EARLIER = "earlier"  # in the name of a history that was left behind, before its number


def place(runs: Path, identity: str) -> Path:
    """The file of a search, in an experiment's folder of `runs/`."""
    return runs / FOLDER / f"{identity[:SHORT]}.jsonl"


def newest(runs: Path) -> Path | None:
    """The history of an experiment that was written last; None where there is none.  A file whose
    first line is not whole has no rows yet.
    """
    begun = filter(_is_begun, (runs / FOLDER).glob("*.jsonl"))
    return max(begun, key=lambda path: path.stat().st_mtime, default=None)


def _is_begun(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.readline().endswith(b"\n")


def left_behind(path: Path) -> list[Path]:
    """Histories of the same search of which a part was begun once more, the newest first."""
    files = path.parent.glob(f"{path.stem}.{EARLIER}-*")
    return sorted(files, key=_number, reverse=True)


def _number(earlier: Path) -> int:
    """The number in the name of a history that was left behind."""
    return int(earlier.name.rpartition("-")[2])


def begin_again(path: Path, plan: Plan, rows: Iterable[Row]) -> None:
    """Write a history anew with fewer rows; as it was, it is left behind beside it.

    A process that is killed in between leaves the history as it was.
    """
    # not their count: one of them may have been deleted, and the next must not replace another
    number = max(map(_number, left_behind(path)), default=0) + 1
    with atomic_write(path.with_name(f"{path.stem}.{EARLIER}-{number}")) as draft:
        shutil.copyfile(path, draft)
    with atomic_write(path) as draft:
        recorder = Recorder.of(draft, plan)
        for row in rows:
            recorder.add(row)


def others(path: Path) -> list[Path]:
    """Histories of the same experiment under other identities, which were set aside."""
    return sorted(file for file in path.parent.glob("*.jsonl") if file != path)


def rows_of(path: Path, identity: str = "") -> Iterator[Row]:
    """The rows of a file, which may be compressed; the beginning of a last line is left out.

    Args:
        identity: of the search that they are to be of; any, where it is empty.

    Raises:
        UsageError: there is no such file, or it is of another search.
        StoreError: it is damaged.
    """
    before = History()
    for number, line in enumerate(_lines(path), 1):
        if not line.endswith("\n"):
            return
        content = _content(path, number, line)
        if number == 1:
            _check_header(path, content, identity)
            continue
        row = _row(path, number, content)
        if before.lacks_before(row):
            raise _damaged(path, number, "follows lines that are lost")
        before.add(row)
        yield row


def _row(path: Path, line: int, content: Mapping[str, Any]) -> Row:
    try:
        return row_of(content)
    except (KeyError, TypeError, ValueError):
        raise _damaged(path, line) from None


def whole(path: Path) -> int:
    """Bytes of the whole lines of a file."""
    return path.read_bytes().rfind(b"\n") + 1


def check(path: Path, identity: str) -> None:
    """Check that a file that a user has named is the history of a search.

    Raises:
        UsageError: there is no such file, or it is none, as an empty one, or of another search.
        StoreError: it is damaged.
    """
    _check_header(path, _header(path), identity)


def identity_of(path: Path) -> str:
    """The identity of the search whose history a file is that a user has named.

    Raises:
        UsageError: there is no such file, or it is none.
        StoreError: it is damaged.
    """
    return str(_header(path)[IDENTITY])


def _header(path: Path) -> dict[str, Any]:
    """The first line of a file that a user has named: what is no history is not called damaged."""
    try:
        header = json.loads(next(_lines(path), ""))
    except ValueError:
        header = None
    if not (isinstance(header, dict) and IDENTITY in header):
        raise UsageError(f"{path} is no history of a search over cells", _NAME_A_HISTORY)
    return header


def about(path: Path) -> About:
    """What the first line of a file says of its search.

    Raises:
        UsageError: there is no such file.
        StoreError: it is damaged.
    """
    content = _content(path, 1, next(_lines(path), ""))
    try:
        given = content[ABOUT]
        return About(**{**given, "stages": tuple(given["stages"])})
    except (KeyError, TypeError):
        raise _damaged(path, 1) from None


def _lines(path: Path) -> Iterator[str]:
    try:
        with _opened(path) as stream:
            yield from stream
    except (FileNotFoundError, IsADirectoryError):
        raise UsageError(f"no file {path}", _NAME_A_HISTORY) from None
    except (gzip.BadGzipFile, zlib.error, EOFError, UnicodeDecodeError):
        form = "a whole file of gzip" if path.suffix == COMPRESSED else "a text in UTF-8"
        raise StoreError(f"{path} is not {form}", "copy it anew, or take a backup") from None


def _opened(path: Path) -> IO[str]:
    if path.suffix == COMPRESSED:
        return gzip.open(path, "rt", encoding="utf-8", newline="\n")
    return path.open(encoding="utf-8", newline="\n")


def _content(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        content = json.loads(line)
    except ValueError:
        raise _damaged(path, number) from None
    if not isinstance(content, dict):
        raise _damaged(path, number)
    return content


def _check_header(path: Path, content: dict[str, Any], identity: str) -> None:
    if IDENTITY not in content:
        raise _damaged(path, 1)
    if identity and content[IDENTITY] != identity:
        raise UsageError(
            f"{path} is the history of another search: its cells, tasks, space or seed are others",
            "take the experiment file with which it was made",
        )


def _damaged(path: Path, line: int, what: str = "is no row of a search") -> StoreError:
    return StoreError(
        f"line {line} of {path} {what}",
        "take the file from a backup; or delete it from that line on, which is then run anew",
    )


@dataclass(slots=True)
class Recorder:
    """Appends rows to a file.

    Attributes:
        size: bytes of whole lines; what is behind them was cut off in a write.
    """

    path: Path
    size: int = 0

    @classmethod
    def of(cls, path: Path, plan: Plan) -> Recorder:
        """The recorder of a search; the file is made where there is none, and mended where its
        last line is not whole.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        recorder = cls(path)
        if path.exists():
            recorder.mend()
        if not recorder.size:
            recorder.write({ABOUT: asdict(plan.about), IDENTITY: plan.identity})
        return recorder

    def mend(self) -> None:
        """Remove the beginning of a last line."""
        self.size = whole(self.path)
        with self.path.open("r+b") as stream:
            stream.truncate(self.size)

    def add(self, row: Row) -> None:
        """Append a row.

        Raises:
            OSError: the disk is full, or has a fault; the file ends with a whole line all the same.
        """
        self.write(plain(row))

    def write(self, content: dict[str, Any]) -> None:
        """Append a line, whole or not at all."""
        line = json.dumps(content, ensure_ascii=True).encode() + b"\n"
        left = memoryview(line)
        # unbuffered: a full disk is an error of this line, not of the next one or of closing
        with self.path.open("ab", buffering=0) as stream:
            try:
                while left:  # a disk that is almost full takes a part
                    left = left[stream.write(left) :]
            except OSError:
                stream.truncate(self.size)
                raise
        self.size += len(line)
