"""Files of the UCR and UEA archives, `.ts` -> columns.

In: a file with a header (`@classLabel true a b`) and, behind `@data`, a case on each line: channels
between colons, values between commas, the label last.  Out: a row for each step, with the columns
`case`, `dim_0`, `dim_1`, ... and `label`.  Cases and channels may have any length; `?` is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TextIO

import numpy as np

from rnnzoo.errors import TaskError
from rnnzoo.tasks._table.files import TS, Source
from rnnzoo.tasks._table.roles import refused

FORMAT = TS
CASE, CHANNEL, LABEL = "case", "dim_", "label"
_LABELS = ("classlabel", "targetlabel")


@dataclass(frozen=True, slots=True)
class Cases:
    """The steps of all cases, end to end.

    Attributes:
        columns: (steps,) of each, by name.
        lines: (steps,) the line of the file in which each stands.
    """

    columns: Mapping[str, np.ndarray]
    lines: np.ndarray


def defaults(has_number: bool) -> dict[str, object]:
    """The roles of the columns, where options do not say others."""
    target = {LABEL: "number" if has_number else "category"}
    return {"id": [CASE], "inputs": {f"{CHANNEL}*": "number"}, "target": target}


def predicts_number(source: Source) -> bool:
    """Whether cases have a number to predict, and no class."""
    with _opened(source) as stream:
        tags, _ = _tags(stream)
    return _is_true(tags, "targetlabel")


def header(source: Source) -> tuple[str, ...]:
    """The columns of a file, of which no more than the first case is read.

    Raises:
        TaskError: it is no such file.
    """
    with _opened(source) as stream:
        for _, channels, _ in _cases(source, stream):
            names = (f"{CHANNEL}{number}" for number in range(len(channels)))
            return (CASE, *names, LABEL)
    raise refused(f"{source.shown} has no case: there is nothing behind @data", "see its archive")


def read(source: Source) -> Cases:
    """All cases.

    Raises:
        TaskError: a value is no number, or cases differ in channels; it names the line.
    """
    steps: list[np.ndarray] = []
    labels: list[str] = []
    lines: list[int] = []
    with _opened(source) as stream:
        for line, channels, label in _cases(source, stream):
            steps.append(_case(source, line, channels))
            labels.append(label)
            lines.append(line)
            if steps[-1].shape[1] != steps[0].shape[1]:
                problem = (
                    f"{source.shown}, row {line}: it has {steps[-1].shape[1]} channels, and the"
                    f" first case {steps[0].shape[1]}"
                )
                raise refused(problem, "every case has the same channels, between colons")
    lengths = [len(case) for case in steps]
    values = np.concatenate(steps)
    # with its folder, since files for train and for test may be called alike
    stem = source.shown.removesuffix(source.path.suffix)
    names = [f"{stem}:{number + 1}" for number in range(len(steps))]
    columns = {
        CASE: np.repeat(names, lengths),
        **{f"{CHANNEL}{number}": column for number, column in enumerate(values.T)},
        LABEL: np.repeat(labels, lengths),
    }
    return Cases(columns, np.repeat(lines, lengths))


def _opened(source: Source) -> TextIO:
    try:
        return source.path.open(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise refused(f"cannot read {source.shown}: {error.strerror}", "make it readable") from None


def _is_true(tags: Mapping[str, str], name: str) -> bool:
    return tags.get(name, "").lower().startswith("true")


def _tags(stream: TextIO) -> tuple[dict[str, str], int]:
    """What stands before `@data`, by its name in small letters, and how many lines that is."""
    tags: dict[str, str] = {}
    count = 0
    for line in stream:
        count += 1
        if line.startswith("@"):
            name, _, value = line[1:].strip().partition(" ")
            tags[name.lower()] = value.strip()
        if line.lower().startswith("@data"):
            break
    return tags, count


def _cases(source: Source, stream: TextIO) -> Iterator[tuple[int, list[str], str]]:
    """The line of each case, its channels and its label."""
    tags, before = _tags(stream)
    if "data" not in tags:
        raise refused(f"{source.shown} has no line @data", "a file of the UCR or UEA archive")
    if _is_true(tags, "timestamps"):
        problem = f"{source.shown} has a time with each value (@timeStamps true)"
        raise refused(problem, "write it as a CSV file with a column for the time")
    if not any(_is_true(tags, name) for name in _LABELS):
        raise refused(
            f"{source.shown} has no labels (@classLabel false)", "name a file with labels"
        )
    for number, line in enumerate(stream, before + 1):
        if line.strip():
            *channels, label = line.strip().split(":")
            if not channels:
                problem = (
                    f"{source.shown}, row {number}: it has one part, and no label behind a colon"
                )
                raise refused(problem, "1.0,2.0,3.0:a")
            yield number, channels, label.strip()


def _case(source: Source, line: int, channels: list[str]) -> np.ndarray:
    """(steps, channels); channels that end sooner are missing from there on."""
    values = [_channel(source, line, number, text) for number, text in enumerate(channels)]
    case = np.full((max(map(len, values)), len(values)), np.nan)
    for number, channel in enumerate(values):
        case[: len(channel), number] = channel
    return case


def _channel(source: Source, line: int, number: int, text: str) -> np.ndarray:
    words = text.split(",")
    try:
        return np.array(words, float)
    except ValueError:
        return np.array([_value(source, line, number, word.strip()) for word in words])


def _value(source: Source, line: int, number: int, word: str) -> float:
    try:
        return float("nan" if word == "?" else word)
    except ValueError:
        place = f"{source.shown}, row {line}, column '{CHANNEL}{number}'"
        raise _no_number(place, word) from None


def _no_number(place: str, word: str) -> TaskError:
    return refused(f"{place} holds '{word}', which is no number", "write ? where it is missing")
