"""What the columns of a table hold, before anybody says what they are for.

In: `Rows`.  Out: a `Column` for each: what its values are, how many are missing, how many differ.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rnnzoo.errors import Remark, TaskError
from rnnzoo.tasks._table.read import Rows

NUMBERS, WHOLE, TRUTHS, DATES = "numbers", "whole numbers", "true or false", "dates"
NAMES, NOTHING = "names", "nothing"
UNREADABLE = "unreadable"  # it cannot be used, and the others can
_EXAMPLES = 5  # names that are kept


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        holds: one of the words above.
        missing: rows without a value.
        distinct: different values.
        low, high: the least and the largest of numbers and dates, as text; else empty.
        often: of names, true and false the most frequent, the first before all.
        codes: (rows,) the number of each row's value, in the order of values; -1 where it has none.
        names: by these numbers, where they are names.
        wrong: of one that cannot be used, why not, and what to do.
    """

    name: str
    holds: str
    missing: int
    distinct: int
    low: str
    high: str
    often: tuple[str, ...]
    codes: np.ndarray = field(repr=False, compare=False)
    names: tuple[str, ...] = field(default=(), repr=False, compare=False)
    wrong: Remark | None = None

    def plain(self) -> dict[str, Any]:
        """All but the codes, for JSON."""
        return {
            "name": self.name,
            "holds": self.holds,
            "missing": self.missing,
            "distinct": self.distinct,
            "low": self.low,
            "high": self.high,
            "often": list(self.often),
            "wrong": None if self.wrong is None else self.wrong.plain(),
        }


def profile(rows: Rows, names: Iterable[str]) -> list[Column]:
    """The columns of these names; one that cannot be used says why."""
    return [_looked_at(rows, name) for name in names]


def unreadable(name: str, rows: int, error: TaskError) -> Column:
    """A column of so many rows that cannot be used, and what is wrong with it."""
    nothing = np.full(rows, -1, np.int64)
    wrong = Remark(*error.parts)
    return Column(name, UNREADABLE, 0, 0, "", "", (), nothing, wrong=wrong)


def _looked_at(rows: Rows, name: str) -> Column:
    try:
        return _column(rows, name)
    except TaskError as error:  # lists, or a number that is infinite
        return unreadable(name, len(rows), error)


def _column(rows: Rows, name: str) -> Column:
    """
    Raises:
        TaskError: what it holds can be no column, or a number is infinite.
    """
    if rows.is_truth(name) or rows.is_text(name):
        dates = rows.dates(name)
        return _of_names(rows, name) if dates is None else _of_dates(name, dates)
    dates = rows.dates(name)
    if dates is not None:  # of Parquet and Arrow, which know
        return _of_dates(name, dates)
    return _of_numbers(name, rows.numbers(name), rows.is_whole(name))


def _of_names(rows: Rows, name: str) -> Column:
    named = rows.names(name)
    counts = np.bincount(named.codes[named.codes >= 0], minlength=len(named.names))
    order = np.argsort(-counts, kind="stable")[:_EXAMPLES]
    holds = TRUTHS if rows.is_truth(name) else NAMES
    missing = int((named.codes < 0).sum())
    often = tuple(named.names[number] for number in order)
    return Column(name, holds, missing, len(named.names), "", "", often, named.codes, named.names)


def _of_dates(name: str, dates: np.ndarray) -> Column:
    known, codes = _numbered(dates, np.isnat(dates))
    low, high = _shown(known[0]), _shown(known[-1])
    return Column(name, DATES, int((codes < 0).sum()), len(known), low, high, (), codes)


def _shown(date: np.datetime64) -> str:
    return str(date.astype("datetime64[s]")).removesuffix("T00:00:00")


def _of_numbers(name: str, values: np.ndarray, is_whole: bool) -> Column:
    known, codes = _numbered(values, np.isnan(values))
    if not len(known):
        return Column(name, NOTHING, len(values), 0, "", "", (), codes)
    low, high = (_number(float(value), is_whole) for value in (known[0], known[-1]))
    holds = WHOLE if is_whole else NUMBERS
    return Column(name, holds, int((codes < 0).sum()), len(known), low, high, (), codes)


def _number(value: float, is_whole: bool) -> str:
    return f"{value:z.0f}" if is_whole and abs(value) < 1e15 else f"{value:z.4g}"


def _numbered(values: np.ndarray, missing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different values, sorted, and the number of that of each row."""
    known, inverse = np.unique(values[~missing], return_inverse=True)
    codes = np.full(len(values), -1, np.int64)
    codes[~missing] = inverse
    return known, codes
