"""text8 (Mahoney): a hundred million characters of an English encyclopedia, small letters and
spaces; predict the next character.

The first 90 % are for train, the next 5 % for validation, the last 5 % for test, as in the
literature.  `train` keeps so many characters of train, its last, which stand before validation.
Windows, and what n-gram models score, are those of the task `text`.  The text is from Wikipedia (CC
BY-SA); it is read from the file `text8`, or from `text8.zip`, as its author packs it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.errors import Remark, TaskError
from rnnzoo.tasks import Report, Task, Wrong, _generated, _ngrams, _symbols, _zipped, text
from rnnzoo.tasks._data_folder import OwnFiles

WHOLE = 100_000_000  # characters
OPTIONS: dict[str, Any] = {"train": WHOLE * 9 // 10, "window": 100}
ABOUT = "text8, English in small letters: the next character (from a file of your own)"
LOSS = text.LOSS
SYMBOLS = " abcdefghijklmnopqrstuvwxyz"
SHORTEST = 1000
FILES = OwnFiles(
    "text8",
    {"text": ["text8", "text8.zip"]},
    "Mahoney's Large Text Compression Benchmark has it as text8.zip, which may stay packed",
)
_ENDS = (18, 19)  # of train and validation, in twentieths
_NUMBERS = np.full(256, len(SYMBOLS), np.uint8)  # of each byte; the last is none of them
_NUMBERS[list(SYMBOLS.encode())] = range(len(SYMBOLS))


def check(options: Mapping[str, Any], folder: Path) -> Iterator[Wrong]:
    """Whether a character of train is predicted, and the file there."""
    yield from _generated.too_small("train", 2, options, "text8")
    yield from FILES.missing()


def sources(options: Mapping[str, Any], folder: Path) -> Iterator[Path]:
    """The file."""
    return FILES.sources()


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """Read the text.

    Raises:
        TaskError: it cannot be read, or holds other characters.
    """
    symbols = _numbers(FILES.places()["text"])
    ends = [len(symbols) * end // 20 for end in _ENDS]
    train, validation, test = np.split(symbols, ends)
    streams = {
        "train": train[-options["train"] :].astype(np.int32),
        "validation": validation.astype(np.int32),
        "test": test.astype(np.int32),
    }
    return Task(
        name="text8",
        splits={name: text.windows(part, options["window"]) for name, part in streams.items()},
        loss=LOSS,
        per="step",
        outputs=len(SYMBOLS),
        metric="cross_entropy",
        unit="nats per character",
        baselines=_ngrams.baselines([streams["train"]], [streams["test"]], len(SYMBOLS)),
        note=text.NOTE,
        classes=tuple(map(_symbols.called, SYMBOLS)),
        vocabulary=len(SYMBOLS),
        warnings=tuple(_remarks(len(symbols))),
    )


def _remarks(count: int) -> Iterator[Remark]:
    if count != WHOLE:
        yield Remark(
            f"the text has {count:,} characters, and text8 {WHOLE:,}",
            "take the whole file; `train: 5000000` keeps a part of it",
        )


def _numbers(path: Path) -> np.ndarray:
    """The characters as numbers, uint8."""
    content = _content(path)
    numbers: np.ndarray = _NUMBERS[np.frombuffer(content, np.uint8)]
    others = np.flatnonzero(numbers == len(SYMBOLS))
    if len(others):
        place = int(others[0])
        problem = f"character {place:,} is {content[place : place + 1]!r}"
        raise _refused(path, problem, "text8 has small letters and spaces only, and no line's end")
    if len(numbers) < SHORTEST:
        raise _refused(path, f"it has {len(numbers)} characters", f"{SHORTEST} at least")
    return numbers


def _content(path: Path) -> bytes:
    try:
        if path.suffix != ".zip":
            return path.read_bytes()
        with _zipped.opened(path) as archive:
            return archive.read("text8")
    except KeyError:
        raise _refused(path, "there is no text8 in it", "take text8.zip anew") from None
    except (OSError, ValueError) as error:
        raise _refused(path, str(error), "take it anew from where it is from") from None


def _refused(path: Path, problem: str, fix: str) -> TaskError:
    return TaskError(f"cannot read {path}: {problem}", fix)
