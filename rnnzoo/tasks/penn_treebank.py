"""The Penn Treebank as Mikolov et al. 2010 prepared it: the next word, or the next character.

Three files, `ptb.train.txt`, `ptb.valid.txt` and `ptb.test.txt`: 42,068, 3,370 and 3,761 lines of
the Wall Street Journal in small letters, with 9,999 different words, among them `<unk>` and `N` for
numbers; the end of a line is a word too.  With `level: character` the characters of the same files
are predicted, spaces and ends of lines among them.  They are read as the task `text` reads them.

The text is the Linguistic Data Consortium's, whose licence does not let others pass it on: it is
read from files that are there, and not downloaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from rnnzoo.errors import Remark
from rnnzoo.tasks import Report, Task, Wrong, text
from rnnzoo.tasks._data_folder import OwnFiles

OPTIONS: dict[str, Any] = {"level": "word", "window": 35}
ABOUT = "Penn Treebank: the next word, or the next character (from files of your own)"
LOSS = text.LOSS
NOTE = "Memory begins anew in each window, where published scores carry it on."
WORDS = 10_000
FILES = OwnFiles(
    "penn_treebank",
    {
        "train": ["ptb.train.txt"],
        "validation": ["ptb.valid.txt"],
        "test": ["ptb.test.txt"],
    },
    "three files are in the folder data of Mikolov's simple-examples.tgz (RNNLM toolkit)",
)


def check(options: Mapping[str, Any], folder: Path) -> Iterator[Wrong]:
    """Whether the level is known, and the files are there."""
    yield from text.wrong_level(options["level"])
    yield from FILES.missing()


def sources(options: Mapping[str, Any], folder: Path) -> Iterator[Path]:
    """The three files."""
    return FILES.sources()


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """Read the text.

    Raises:
        TaskError: a file is missing or cannot be read.
    """
    paths = {name: str(path) for name, path in FILES.places().items()}
    task = text.load({**text.OPTIONS, **options, "file": paths}, seed, folder, progress)
    remarks = tuple(_remarks(task)) if options["level"] == "word" else ()
    return replace(task, name="penn_treebank", note=NOTE, warnings=remarks)


def _remarks(task: Task) -> Iterator[Remark]:
    """What tells that it is another text."""
    if task.vocabulary != WORDS:
        yield Remark(
            f"the text has {task.vocabulary:,} words, ends of lines among them, and Mikolov's has"
            f" {WORDS:,}",
            "take the files that were prepared by him, whose rare words are <unk>",
        )
