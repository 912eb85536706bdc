"""Rows -> sequences: steps in their order, and windows of them.

In: `Rows` and roles.  Out: `Sequences` (which row each step is), and the `Pieces` of them that a
model sees.  Ids that come again and steps that stand twice are refused with their rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rnnzoo.errors import number_of
from rnnzoo.spec.written import setting
from rnnzoo.tasks._table.read import Names, Rows
from rnnzoo.tasks._table.roles import Roles, Window, refused


@dataclass(frozen=True, slots=True)
class Sequences:
    """All steps, sequence by sequence in the order of the file, and in their order within each.

    Attributes:
        row: (steps,) the row of each; where a row is a sequence, several steps are of one row.
        starts, lengths: (sequences,) of each, in steps.
    """

    row: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def of_step(self) -> np.ndarray:
        """(steps,) the number of its sequence."""
        return np.repeat(np.arange(len(self)), self.lengths)


@dataclass(frozen=True, slots=True)
class Pieces:
    """What a model sees: whole sequences, or windows of them.

    Attributes:
        sequence: (pieces,) of which it is.
        starts: (pieces,) the first step, among all steps.
        lengths: (pieces,) how many steps it sees.
        horizon: how many steps later a target stands.
    """

    sequence: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    horizon: int

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def last(self) -> np.ndarray:
        """(pieces,) the step of the last target."""
        return np.asarray(self.starts + self.lengths - 1 + self.horizon)

    def chosen(self, which: np.ndarray) -> Pieces:
        """Some of them."""
        return Pieces(self.sequence[which], self.starts[which], self.lengths[which], self.horizon)

    def steps(self) -> tuple[np.ndarray, np.ndarray]:
        """(pieces, time) the number of each step, and whether it is real: padding repeats a step
        that is there.
        """
        time = np.arange(self.lengths.max())
        real = time < self.lengths[:, None]
        return np.where(real, self.starts[:, None] + time, self.starts[:, None]), real


def sequences(rows: Rows, own: Roles) -> Sequences:
    """Sort the rows.

    Raises:
        TaskError: an id is missing or comes again, or a step stands twice.
    """
    which = _of_each_row(rows, own.id)
    if own.order:
        moments = rows.moments(own.order)
        order = np.lexsort((moments, which))
        _check_twice(rows, own, order, which[order], moments[order])
    else:
        _check_again(rows, own.id, which)
        order = np.argsort(which, kind="stable")
    lengths = np.bincount(which)
    return Sequences(order, np.cumsum(lengths) - lengths, lengths)


def _of_each_row(rows: Rows, columns: Sequence[str]) -> np.ndarray:
    """(rows,) the number of its sequence, in the order in which these begin in the file."""
    if not columns:
        return rows.file
    code = np.zeros(len(rows), np.int64)
    for column in columns:
        ids = rows.names(column)
        check_given(rows, ids, column)
        code = np.unique(code * len(ids.names) + ids.codes, return_inverse=True)[1]
    return by_appearance(code)


def by_appearance(code: np.ndarray) -> np.ndarray:
    """Codes numbered anew, by where each is first."""
    _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return np.asarray(rank[inverse])


def check_given(rows: Rows, names: Names, column: str) -> None:
    """Refuse a column of names with a gap."""
    gaps = np.flatnonzero(names.codes < 0)
    if len(gaps):
        place = rows.place(int(gaps[0]), column)
        raise refused(f"{place} is empty", "every row needs it: fill it in, or leave the row out")


def name_of(rows: Rows, row: int, columns: Sequence[str]) -> str:
    """A sequence as a message names it, by one of its rows."""
    if not columns:
        return "the series"
    return " ".join(f"{rows.called(column)} {rows.text(row, column)}" for column in columns)


def _check_again(rows: Rows, columns: Sequence[str], which: np.ndarray) -> None:
    """Without an order, an id whose rows do not stand together is probably two sequences."""
    begins = np.flatnonzero(np.diff(which, prepend=-1) != 0)
    seen = np.maximum.accumulate(which[begins])
    again = np.flatnonzero(which[begins[1:]] <= seen[:-1])
    if not len(again):
        return
    row = int(begins[again[0] + 1])
    before = int(np.flatnonzero(which[:row] == which[row])[-1])
    raise refused(
        f"{rows.place(row)}: {name_of(rows, row, columns)} comes again, after others, and was"
        f" there until {rows.place(before).rpartition(', ')[2]}",
        f"name what tells the two apart, `{setting('id', ['file', 'number'])}`, or give `order`, if"
        " it is one sequence",
    )


def _check_twice(
    rows: Rows, own: Roles, order: np.ndarray, which: np.ndarray, moments: np.ndarray
) -> None:
    twice = np.flatnonzero((which[1:] == which[:-1]) & (moments[1:] == moments[:-1]))
    if not len(twice):
        return
    first, second = sorted(map(int, order[twice[0] : twice[0] + 2]))
    raise refused(
        f"{rows.place(second, own.order)}: {name_of(rows, second, own.id)} has"
        f" {own.order} {rows.text(second, own.order)} twice, first in {rows.place(first)}",
        "an id and an order name one step: leave one out, or name what tells them apart,"
        f" `{setting('id', ['patient', 'visit'])}`",
    )


def check_same(
    rows: Rows, whole: Sequences, columns: Sequence[str], column: str, names: Names, why: str
) -> None:
    """Refuse a sequence in which a column of names changes."""
    codes = names.codes[whole.row]
    began = np.repeat(codes[whole.starts], whole.lengths)
    changed = np.flatnonzero(codes != began)
    if not len(changed):
        return
    step = int(changed[0])
    row = int(whole.row[step])
    start = int(whole.row[whole.starts[whole.of_step[step]]])
    raise refused(
        f"{rows.place(row, column)}: {name_of(rows, row, columns)} is"
        f" '{rows.text(row, column)}' here, and '{rows.text(start, column)}' in"
        f" {rows.place(start)}",
        why,
    )


def pieces(rows: Rows, whole: Sequences, own: Roles) -> tuple[Pieces, int]:
    """The pieces of all sequences, and how many sequences are too short for one.

    Raises:
        TaskError: all are, or a whole sequence ends before its target.
    """
    window = own.window
    if not window.length:
        short = np.flatnonzero(whole.lengths <= window.horizon)
        if len(short):
            row = int(whole.row[whole.starts[short[0]]])
            count = number_of(int(whole.lengths[short[0]]), "step")
            problem = f"{rows.place(row)}: {name_of(rows, row, own.id)} has {count}"
            raise refused(problem, f"with horizon {window.horizon}, more are needed: leave it out")
        number = np.arange(len(whole))
        return Pieces(number, whole.starts, whole.lengths - window.horizon, window.horizon), 0
    return _windows(whole, window)


def _windows(whole: Sequences, window: Window) -> tuple[Pieces, int]:
    spare = whole.lengths - window.length - window.horizon
    counts = np.where(spare < 0, 0, spare // window.step + 1)
    if not counts.any():
        longest = number_of(int(whole.lengths.max()), "step")
        needed = window.length + window.horizon
        raise refused(
            f"no window fits: the longest sequence has {longest}, and a window with its target"
            f" {needed}",
            "a smaller `length` in `window`",
        )
    sequence = np.repeat(np.arange(len(whole)), counts)
    number = np.arange(len(sequence)) - np.repeat(np.cumsum(counts) - counts, counts)
    starts = whole.starts[sequence] + number * window.step
    lengths = np.full(len(sequence), window.length)
    return Pieces(sequence, starts, lengths, window.horizon), int((counts == 0).sum())
