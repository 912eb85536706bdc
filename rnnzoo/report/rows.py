"""One row of a table of trials -> a result, or in words why it is none.

Nothing in a table is trusted.

In: cells as they were read, text from CSV and values from Parquet.  Out: a `Result`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeVar

from rnnzoo.spec.hyperparameters import SEARCHABLE, Value
from rnnzoo.spec.trial import Ending, Kind, Outcome, Result, StudyKey, Trial

SPLITS = ("train", "validation", "test")
BY_LENGTH = "by_length"  # a column of tables whose tasks are scored at several lengths
ALSO = "also"  # a column of tables whose tasks are scored by several metrics
MOST = 2**53  # a whole number that is exact in every table
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")
_HASH = re.compile(r"[0-9a-f]+")
_WHOLE = re.compile(r"[+-]?[0-9]{1,16}(?:\.0*)?")


_Word = TypeVar("_Word", bound=StrEnum)


class RowError(ValueError):
    """Why a row is no result."""


def result(row: Mapping[str, Any], experiment: str, tasks: Collection[str]) -> Result:
    """The result of a row.

    Args:
        experiment: of which the table is.
        tasks: labels of the tasks that the table describes.

    Raises:
        RowError: the row cannot be one that `export` has written.
    """
    if None in row:
        raise RowError("it has more cells than there are columns")
    _study(row, experiment, tasks)
    return Result(_trial(row, experiment), _outcome(row), str(row["study"]))


def _study(row: Mapping[str, Any], experiment: str, tasks: Collection[str]) -> None:
    study = _text(row, "study")
    key = StudyKey.find(study)
    if key is None or not _HASH.fullmatch(key.digest):
        raise RowError(f"`study` is experiment/variant/task/hash, not {study!r}")
    if key.experiment != experiment:
        raise RowError(f"`study` {study!r} is not of the experiment '{experiment}'")
    for name, part, label in (("variant", key.marked, key.variant), ("task", key.task, key.task)):
        if _text(row, name) != part:
            raise RowError(f"`{name}` {row[name]!r} is not that of the study {study!r}")
        if not _LABEL.fullmatch(label):
            raise RowError(f"{part!r} cannot be the label of a {name}")
    if key.task not in tasks:
        raise RowError(f"the table does not describe the task '{key.task}'")


def _trial(row: Mapping[str, Any], experiment: str) -> Trial:
    """As much of a trial as a table has: not its cell, nor how it was trained, which the spec
    says.
    """
    chosen = {
        name: _hyperparameter(row, name) for name in SEARCHABLE if row.get(name) not in (None, "")
    }
    index, own_units = _whole(row, "trial"), _whole(row, "own_units", 0)
    return Trial(
        experiment, row["variant"], "", row["task"], index, chosen, seed=0, own_units=own_units
    )


def _hyperparameter(row: Mapping[str, Any], name: str) -> Value:
    legal = SEARCHABLE[name].legal
    if legal.flag:
        value: Value = _flag(row, name)
    elif legal.words:
        value = _text(row, name)
    elif legal.whole:
        value = _whole(row, name)
    else:
        value = _number(row, name)
    problem = legal.problem(value)
    if problem:
        raise RowError(f"`{name}` {problem}, not {row[name]!r}")
    return value


def _outcome(row: Mapping[str, Any]) -> Outcome:
    kind = _word(row, "kind", Kind)
    given = [split for split in SPLITS if row[split] not in (None, "")]
    if kind is Kind.COMPLETE and len(given) < len(SPLITS):
        missing = ", ".join(split for split in SPLITS if split not in given)
        raise RowError(
            f"a trial that is complete has a score on every split, and there is none for {missing}"
        )
    if kind is not Kind.COMPLETE and given:
        raise RowError(f"a trial that is {kind} has no scores, and there is one for {given[0]}")
    weights = {"recurrent": "weights", "model": "weights_model"}
    return Outcome(
        kind=kind,
        scores={split: _number(row, split) for split in given},
        curve=_curve(row),
        weights={
            name: _whole(row, column)
            for name, column in weights.items()
            if row[column] not in (None, "")
        },
        best_epoch=_whole(row, "best_epoch"),
        seconds={"total": _number(row, "seconds", low=0.0)},
        message=_message(row),
        # tables of before have none
        ending=_word(row, "ending", Ending) if row.get("ending") else Ending.UNKNOWN,
        by_length=_by_length(row.get(BY_LENGTH) or ""),
        also=_also(row.get(ALSO) or ""),
    )


def cell_of_scores(scores: Mapping[str, float]) -> str:
    """Scores by what they are of, in one cell: `40:0.25 80:0.5`."""
    return " ".join(f"{name}:{score!r}" for name, score in scores.items())


def _scores(cell: Any) -> dict[str, float]:
    """The scores of such a cell.

    Raises:
        ValueError: it is none.
    """
    pairs = [pair.rpartition(":") for pair in str(cell).split()]
    scores = {name: float(score) for name, _, score in pairs}
    if "" in scores or not all(map(math.isfinite, scores.values())):
        raise ValueError(cell)
    return scores


def _by_length(cell: Any) -> Mapping[str, float]:
    try:
        return {str(int(length)): score for length, score in _scores(cell).items()}
    except ValueError:
        raise RowError(
            f"`{BY_LENGTH}` is lengths with finite scores, 40:0.25 80:0.5, not {cell!r}"
        ) from None


def _also(cell: Any) -> Mapping[str, float]:
    try:
        return _scores(cell)
    except ValueError:
        raise RowError(
            f"`{ALSO}` is metrics with finite scores, f1:0.5 mae:2.0, not {cell!r}"
        ) from None


def _curve(row: Mapping[str, Any]) -> tuple[Mapping[str, float], ...]:
    """A loss that was not finite is part of a curve."""
    values = str(row["curve"] or "").split()
    try:
        return tuple(
            {"epoch": epoch, "validation": float(loss)}
            for epoch, loss in enumerate(values, start=1)
        )
    except ValueError:
        raise RowError("`curve` is numbers with blanks between them") from None


# ------------------------------------------------------------------ one cell


def _text(row: Mapping[str, Any], name: str) -> str:
    if not isinstance(row[name], str) or not row[name]:
        raise RowError(f"`{name}` is a text, not {row[name]!r}")
    return str(row[name])


def _message(row: Mapping[str, Any]) -> str:
    """A text, which may be empty; a column of Parquet may have any type."""
    return "" if row["message"] in (None, "") else _text(row, "message")


def _flag(row: Mapping[str, Any], name: str) -> bool:
    """True or false, however spreadsheets write it."""
    known = {"true": True, "false": False}.get(str(row[name]).lower())
    if known is None:
        raise RowError(f"`{name}` is true or false, not {row[name]!r}")
    return known


def _word(row: Mapping[str, Any], name: str, words: type[_Word]) -> _Word:
    try:
        return words(row[name])
    except ValueError:
        raise RowError(f"`{name}` cannot be {row[name]!r}") from None


def _whole(row: Mapping[str, Any], name: str, absent: int | None = None) -> int:
    """A whole number from 0 on; spreadsheets write 7 as 7.0, and pandas does where a column has
    gaps.
    """
    value = row[name]
    if value in (None, "") and absent is not None:
        return absent
    if not _WHOLE.fullmatch(str(value)) or not 0 <= float(value) <= MOST:
        raise RowError(f"`{name}` is a whole number from 0 on, not {value!r}")
    return int(float(value))


def _number(row: Mapping[str, Any], name: str, low: float = -math.inf) -> float:
    value = row[name]
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number) or number < low:
        raise RowError(
            f"`{name}` is a finite number{'' if math.isinf(low) else f' from {low:g} on'}, not"
            f" {value!r}"
        )
    return number


def repeated(results: Sequence[Result]) -> tuple[int, int] | None:
    """Places of the first two results of one study and index, from 0 on; None where each is there
    once.
    """
    seen: dict[tuple[str, int], int] = {}
    for place, later in enumerate(results):
        earlier = seen.setdefault((later.study, later.trial.index), place)
        if earlier != place:
            return earlier, place
    return None
