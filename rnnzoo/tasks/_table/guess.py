"""What the columns of a table are probably for, and why.

In: columns as `profile` has them.  Out: a `Guess`: a role for each column with its reason, and the
options of the task `table` that say the same; what cannot be told is in `open`, and never made up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import eq
from typing import Any

import numpy as np

from rnnzoo.errors import UsageError, listed, nearest, number_of
from rnnzoo.tasks._contract import SPLITS
from rnnzoo.tasks._table import profile
from rnnzoo.tasks._table.arrays import names_things
from rnnzoo.tasks._table.profile import Column
from rnnzoo.tasks._table.roles import (
    ALSO,
    CATEGORY,
    CHARACTERS,
    NUMBER,
    STANDARD,
    WORDS,
    called,
    listing,
)

ID, ORDER, TARGET, INPUT, SPLIT, GROUP, UNUSED = (
    "id", "order", "target", "input", "split", "group", "not used",
)  # fmt: skip
# words of columns' names
_IDS = (
    "id", "ids", "uid", "uuid", "case", "sequence", "series", "patient", "visit", "recording",
    "trial", "session", "episode", "sample", "file", "unit", "engine", "machine", "device",
    "person", "subject", "user", "customer", "speaker", "participant", "store", "sensor",
)  # fmt: skip
_GROUPS = (
    "group", "patient", "person", "subject", "user", "customer", "speaker", "participant",
    "machine", "device", "site", "hospital",
)  # fmt: skip
_ORDERS = (
    "order", "step", "time", "timestamp", "datetime", "date", "t", "hour", "minute", "second",
    "day", "week", "month", "year", "frame", "position", "index", "cycle", "tick",
)  # fmt: skip
_TARGETS = (
    "target", "label", "labels", "class", "outcome", "y", "diagnosis", "result", "response",
    "transcript", "transcription",
)  # fmt: skip
MOST_CLASSES = 20  # whole numbers; more are quantities
_LEAST_OF_CLASS = 5  # sequences on average; names of fewer are texts
_MOST_CATEGORIES = 50  # of an input
_LEAST_STEPS = 8  # columns of a table whose rows are sequences
_LONGEST_WINDOW = 50
_WINDOWS = 20  # as long as a window, that a series holds at least
_SPLIT_WORDS = {*SPLITS, *ALSO}


@dataclass(frozen=True, slots=True)
class Given:
    """What the user says of columns; empty where nothing is said."""

    id: tuple[str, ...] = ()
    order: str = ""
    target: str = ""


@dataclass(frozen=True, slots=True)
class Role:
    """What a column is for, and why."""

    role: str
    why: str
    kind: str = ""  # of an input and a target: what it holds


@dataclass(frozen=True, slots=True)
class Open:
    """What the columns do not tell.

    Attributes:
        option: that would say it.
        problem: in words.
        candidates: columns that may be it.
    """

    option: str
    problem: str
    candidates: tuple[str, ...] = ()


@dataclass(slots=True)
class Guess:
    """The roles of columns.

    Attributes:
        roles: by column, in the order of the file.
        per: one target a `sequence` or a `step`.
        window: options of `window`; empty where sequences stay whole.
        missing: what to do about gaps.
        sequences: how many there are.
        lengths: of the shortest and the longest, in rows.
        form: what a sequence is, in words.
        open: what could not be told.
    """

    roles: dict[str, Role] = field(default_factory=dict)
    per: str = "sequence"
    window: dict[str, int] = field(default_factory=dict)
    missing: str = "refuse"
    sequences: int = 0
    lengths: tuple[int, int] = (0, 0)
    form: str = ""
    open: list[Open] = field(default_factory=list)

    def of(self, role: str) -> list[str]:
        """The columns with a role."""
        return [name for name, known in self.roles.items() if known.role == role]


def guess(columns: Sequence[Column], rows_of_file: np.ndarray, given: Given) -> Guess:
    """The roles of all columns.

    Args:
        rows_of_file: (rows,) the number of each row's file.
        given: what the user says; the rest is guessed.

    Raises:
        UsageError: there is no such column.
    """
    return _Guessing(columns, rows_of_file, given).whole()


class _Guessing:
    """One table. What is known so far is in `guess`."""

    def __init__(self, columns: Sequence[Column], file: np.ndarray, given: Given) -> None:
        self.columns = {column.name: column for column in columns}
        self.file, self.given = file, given
        self.count = len(file)
        self.guess = Guess()
        self.sequence = np.zeros(self.count, np.int64)  # of each row
        for option in ("id", "order", "target"):
            names = getattr(given, option)
            for name in (names,) if isinstance(names, str) else names:
                if name and name not in self.columns:
                    problem = f"the data have no column '{name}' (--{option})"
                    raise UsageError(problem, nearest(name, listing([*self.columns])))
                if name and (wrong := self.columns[name].wrong):
                    raise UsageError(f"{wrong.problem} (--{option})", wrong.fix)

    def whole(self) -> Guess:
        self.useless()
        self.split()
        self.find_sequences()
        self.target()
        self.group()
        self.inputs()
        ordered = {name: self.guess.roles[name] for name in self.columns}
        self.guess.roles = ordered
        return self.guess

    # ------------------------------------------------------------------ helpers

    def free(self) -> list[Column]:
        """Columns without a role."""
        return [column for name, column in self.columns.items() if name not in self.guess.roles]

    def take(self, name: str, role: str, why: str, kind: str = "") -> None:
        self.guess.roles[name] = Role(role, why, kind)

    def called(self, name: str) -> str:
        """A column as messages call it."""
        return called(name, [*self.columns])

    def is_constant(self, column: Column) -> bool:
        """Whether it has one value in each sequence."""
        return _is_constant(column, self.sequence)

    # ------------------------------------------------------------------ roles

    def useless(self) -> None:
        named = {*self.given.id, self.given.order, self.given.target}
        for column in self.free():
            if column.name in named:
                continue
            if column.wrong is not None:
                self.take(column.name, UNUSED, "it cannot be read")
            elif column.holds == profile.NOTHING:
                self.take(column.name, UNUSED, "it is empty")
            elif column.distinct == 1 and not column.missing:
                self.take(column.name, UNUSED, "it has one value")

    def split(self) -> None:
        for column in self.free():
            words = {word.lower() for word in column.often}
            is_split = column.holds == profile.NAMES and column.distinct <= len(SPLITS)
            if is_split and "train" in words and words <= _SPLIT_WORDS and not column.missing:
                self.take(column.name, SPLIT, f"it holds {listed(column.often)}")
                return

    def find_sequences(self) -> None:
        """What a sequence is: what has one id, a file, a row, or what a window holds."""
        names = self.given.id or self.ids()
        if names:
            self.by_id(names)
        elif self.file.max() > 0:
            self.sequence = self.file
            self.measure(f"each of the {self.file.max() + 1} files is a sequence")
            self.order()
        elif self.by_row():
            self.sequence = np.arange(self.count)
            self.guess.sequences = self.count
            self.guess.form = "each row is a sequence"
        elif order := self.given.order or self.rising():
            self.take(order, ORDER, "it rises from row to row, and nothing tells sequences apart")
            self.measure("the table is one series, of which windows are cut")
            length = max(1, min(_LONGEST_WINDOW, self.count // _WINDOWS))
            self.guess.window = {"length": length, "horizon": 1}
        else:
            names = [column.name for column in self.free() if 1 < column.distinct < self.count]
            problem = "no column tells sequences apart, nor their order"
            self.guess.open.append(Open("id", problem, tuple(names)))

    def measure(self, form: str) -> None:
        lengths = np.bincount(self.sequence)
        self.guess.sequences = len(lengths)
        self.guess.lengths = (int(lengths.min()), int(lengths.max()))
        self.guess.form = form

    def by_id(self, names: Sequence[str]) -> None:
        code = self.sequence = self.together(names)
        words = listed(map(self.called, names))
        self.measure(f"a sequence is what has the same {words}")
        together = int((np.diff(code) != 0).sum()) + 1 == self.guess.sequences
        stand = "rows of a value stand together" if together else "rows of a value are scattered"
        for name in names:
            why = f"{self.columns[name].distinct:,} values; {stand}"
            self.take(name, ID, "as you say" if name in self.given.id else why)
        self.order()
        if not self.guess.of(ORDER) and not together:
            rest = tuple(column.name for column in self.free() if column.holds != profile.NAMES)
            problem = f"rows of one {words} do not stand together, and nothing orders them"
            self.guess.open.append(Open("order", problem, rest))

    def together(self, names: Sequence[str]) -> np.ndarray:
        """(rows,) the number of what has the same values of some columns."""
        code = np.zeros(self.count, np.int64)
        for name in names:
            column = self.columns[name]
            code = np.unique(code * (column.distinct + 1) + column.codes, return_inverse=True)[1]
        return code

    def ids(self) -> list[str]:
        """The columns that name a sequence; none where each row is one, or where nothing tells."""
        called = [
            column
            for column in self.free()
            if _named(column, _IDS) and self.may_be_id(column, True)
        ]
        # the finer one first: of a ward and its patients, patients are the sequences
        for column in sorted(called, key=lambda known: -known.distinct):
            if self.orders([column.name]):
                return [column.name]
        together = [column.name for column in called]  # as a person and a session
        if len(together) > 1 and self.orders(together):
            return together
        if self.by_row():
            return []
        if called:  # rows are in no column's order, and perhaps in that of the file
            contiguous = [column for column in called if _runs(column) == column.distinct]
            return [max(contiguous or called, key=lambda known: known.distinct).name]
        return self.ids_by_values()

    def ids_by_values(self) -> list[str]:
        """The column that names a sequence though it is not called so: its rows stand together, and
        something begins again with each of its values.
        """
        others = [
            column
            for column in self.free()
            if self.may_be_id(column, False) and not _named(column, _ORDERS + _TARGETS)
        ]
        for column in sorted(others, key=lambda known: -known.distinct):
            if _runs(column) == column.distinct and self.orders([column.name], restarts=True):
                return [column.name]
        return []

    def may_be_id(self, column: Column, is_hinted: bool) -> bool:
        named = column.holds in (profile.WHOLE, profile.NAMES) and not column.missing
        most = self.count - 1 if is_hinted else self.count // 2
        fits = named and 2 <= column.distinct <= most and column.name != self.given.target
        splits = self.guess.of(SPLIT)  # a sequence is in one
        return fits and all(_is_constant(self.columns[name], column.codes) for name in splits)

    def orders(self, names: Sequence[str], restarts: bool = False) -> list[str]:
        """The columns that order the rows of what has the same values of some columns.

        Args:
            restarts: only such as begin again with each.
        """
        code = self.together(names)
        taken = {*self.guess.roles, *names, self.given.target}
        columns = [column for name, column in self.columns.items() if name not in taken]
        ordering = [column for column in columns if _orders(column, code)]
        if restarts:
            ordering = [column for column in ordering if not _rises(column.codes)]
        ordering.sort(key=lambda column: not _named(column, _ORDERS))
        return [column.name for column in ordering]

    def order(self) -> None:
        if self.given.order:
            self.take(self.given.order, ORDER, "as you say")
            return
        for name in self.orders(self.guess.of(ID)) if self.guess.of(ID) else self.in_files():
            self.take(name, ORDER, "no value comes twice in a sequence")
            return

    def in_files(self) -> list[str]:
        ordering = [column for column in self.free() if _orders(column, self.file)]
        return [column.name for column in ordering if _named(column, _ORDERS)]

    def by_row(self) -> bool:
        """Whether columns are the steps of a sequence, by their names: t0, t1, t2, ..."""
        if self.given.order:
            return False
        steps: dict[str, list[int]] = {}
        for column in self.free():
            named = re.fullmatch(r"(.*?)(\d+)", column.name)
            if named and column.holds in (profile.NUMBERS, profile.WHOLE):
                steps.setdefault(named[1], []).append(int(named[2]))
        longest = max(steps.values(), key=len, default=[])
        rest = len(self.free()) - len(longest)
        return len(longest) >= _LEAST_STEPS and rest <= 2 and longest == sorted(longest)

    def rising(self) -> str:
        """A column that rises from row to row."""
        rising = [column for column in self.free() if _orders(column, np.zeros(self.count, int))]
        rising = [column for column in rising if _rises(column.codes)]
        rising.sort(key=lambda column: (column.holds != profile.DATES, not _named(column, _ORDERS)))
        return rising[0].name if rising else ""

    # ------------------------------------------------------------------ what is predicted

    def target(self) -> None:
        column, why = self.target_column()
        if column is None:
            candidates = [known.name for known in self.free() if known.distinct > 1]
            problem = "it is not clear what is to be predicted"
            self.guess.open.append(Open("target", problem, tuple(candidates)))
            return
        is_constant = self.is_constant(column)
        if not self.guess.window and not is_constant:
            self.guess.per = "step"
        kind, more = self.kind_of_target(column)
        if self.guess.window and kind == CATEGORY:
            self.guess.per = "step"
            self.guess.window.pop("horizon")
        self.take(column.name, TARGET, f"{why}{more}", kind)

    def target_column(self) -> tuple[Column | None, str]:
        if self.given.target:
            return self.columns[self.given.target], "as you say"
        hinted = [column for column in self.free() if _named(column, _TARGETS)]
        if len(hinted) == 1:
            return hinted[0], "its name"
        if self.guess.sequences in (0, self.count) or self.guess.window:
            return None, ""
        free = [column for column in self.free() if self.is_constant(column)]
        names = [column for column in free if not _named(column, _GROUPS + _IDS)]
        if len(names) == 1 and not hinted:
            return names[0], "the only column with one value in each sequence"
        return None, ""

    def kind_of_target(self, column: Column) -> tuple[str, str]:
        many = column.distinct > max(MOST_CLASSES, self.guess.sequences / _LEAST_OF_CLASS)
        if column.holds == profile.NAMES and self.guess.per == "sequence" and many:
            return self.of_texts(column)
        if column.holds in (profile.NAMES, profile.TRUTHS):
            return CATEGORY, f"; {number_of(column.distinct, 'class', 'classes')}"
        if column.holds == profile.WHOLE and column.distinct <= MOST_CLASSES:
            return CATEGORY, (
                f"; {column.distinct} whole numbers, taken for classes (quantities would be number)"
            )
        return STANDARD, "; numbers, scaled"

    def of_texts(self, column: Column) -> tuple[str, str]:
        """By characters, or by words where a sequence has too few steps for these."""
        why = f"; {column.distinct} texts, transcribed by their"
        if not self.have_steps(column, list) and self.have_steps(column, str.split):
            return WORDS, f"{why} words"
        has_words = any(" " in text for text in column.names)
        return CHARACTERS, f"{why} characters{' (or words)' if has_words else ''}"

    def have_steps(self, column: Column, labels: Callable[[str], list[str]]) -> bool:
        """Whether each sequence has a step for each label of its text, and one between two that are
        the same.
        """
        spelt = [labels(text) for text in column.names]
        needed = np.array([len(names) + sum(map(eq, names, names[1:])) for names in spelt])
        text = np.zeros(self.guess.sequences, np.int64)
        text[self.sequence] = column.codes
        return bool((needed[text] <= np.bincount(self.sequence)).all())

    def group(self) -> None:
        """Whose a sequence is, where several are of one person or machine."""
        if not self.guess.of(ID) or self.guess.of(SPLIT):
            return
        for column in self.free():
            fits = _named(column, _GROUPS) and not column.missing
            if fits and 3 <= column.distinct < self.guess.sequences and self.is_constant(column):
                self.take(column.name, GROUP, "several sequences are of one: kept in one split")
                return

    # ------------------------------------------------------------------ what is seen

    def inputs(self) -> None:
        for column in self.free():
            role, why, kind = self.input(column)
            self.take(column.name, role, why, kind)
        seen = self.guess.of(INPUT)
        target = self.guess.of(TARGET)
        if self.guess.window.get("horizon") and target:
            seen = [*seen, *target]  # what was is known when what comes is predicted
        if any(self.columns[name].missing for name in seen):
            self.guess.missing = "flag"
        if not seen:
            unused = [
                f"{self.called(name)}: {self.guess.roles[name].why}"
                for name in self.guess.of(UNUSED)
            ]
            why = f" ({'; '.join(unused)})" if unused else ""
            problem = f"no column is left that a cell could see{why}"
            self.guess.open.append(Open("inputs", problem))

    def input(self, column: Column) -> tuple[str, str, str]:
        if column.holds == profile.DATES:
            return UNUSED, "dates are no quantities: write what matters of them as numbers", ""
        if column.holds == profile.NAMES:
            if all(re.fullmatch(r"[-+]?\d+,\d+", name) for name in column.often):
                point = column.often[0].replace(",", ".")
                why = f"text such as {column.often[0]}: numbers are written with a point, {point}"
                return UNUSED, why, ""
            if column.distinct > _MOST_CATEGORIES:
                return UNUSED, f"text, {column.distinct:,} different", ""
            return INPUT, f"{column.distinct} categories, one-hot", CATEGORY
        is_whole = column.holds == profile.WHOLE
        if is_whole and column.distinct == self.count > 1 and _rises(column.codes):
            return UNUSED, "it numbers the rows", ""
        if is_whole and self.looks_like_ids(column):
            if column.distinct > _MOST_CATEGORIES:
                return UNUSED, f"{column.distinct:,} whole numbers that look like ids", ""
            return INPUT, f"{column.distinct} whole numbers that look like ids, one-hot", CATEGORY
        return INPUT, "numbers" if column.holds != profile.TRUTHS else "1 and 0", NUMBER

    def looks_like_ids(self, column: Column) -> bool:
        if self.guess.form.startswith("each row"):
            return False
        low = float(column.low)
        values = np.where(column.codes < 0, np.nan, column.codes + low)
        dense = float(column.high) - low + 1 == column.distinct
        order = np.argsort(self.sequence, kind="stable")
        return dense and names_things(values[order], self.sequence[order])


def _named(column: Column, words: Iterable[str]) -> bool:
    """Whether a column's name has one of these words: `patient_id`, `PatientID`, `timeStamp`."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", column.name)
    return bool({part.lower() for part in parts} & {*words})


def _is_constant(column: Column, sequence: np.ndarray) -> bool:
    order = np.argsort(sequence, kind="stable")
    codes, of = column.codes[order], sequence[order]
    return not bool(((codes[1:] != codes[:-1]) & (of[1:] == of[:-1])).any())


def _runs(column: Column) -> int:
    """How often the value changes from row to row, and 1."""
    return int((np.diff(column.codes) != 0).sum()) + 1


def _rises(codes: np.ndarray) -> bool:
    return bool((np.diff(codes) > 0).all())


def _orders(column: Column, sequence: np.ndarray) -> bool:
    """Whether a column can order the rows of each sequence: no value comes twice in one; and if its
    name does not say so, it rises.
    """
    if column.missing or column.holds not in (profile.WHOLE, profile.DATES, profile.NUMBERS):
        return False
    is_hinted = _named(column, _ORDERS)
    if column.holds == profile.NUMBERS and not is_hinted:
        return False
    if is_hinted:
        order = np.lexsort((column.codes, sequence))
    else:
        order = np.argsort(sequence, kind="stable")
    rises = np.diff(column.codes[order]) > 0
    other = np.diff(sequence[order]) != 0
    longer = bool((~other).any())
    return longer and bool((rises | other).all())


def options(guessed: Guess, columns: Mapping[str, Column]) -> dict[str, Any]:
    """The options of the task `table` that say the same, but for the file."""
    ids, target = guessed.of(ID), guessed.of(TARGET)
    inputs = {name: guessed.roles[name].kind for name in guessed.of(INPUT)}
    if guessed.window.get("horizon"):
        inputs |= dict.fromkeys(target, NUMBER)
    written: dict[str, Any] = {"id": ids[0] if len(ids) == 1 else ids}
    written["order"] = guessed.of(ORDER)[0] if guessed.of(ORDER) else ""
    written["inputs"] = inputs
    name = target[0] if target else ""
    written["target"] = name
    if name:
        kind = guessed.roles[name].kind
        holds_names = columns[name].holds in (profile.NAMES, profile.TRUTHS)
        written["target"] = name if holds_names and kind == CATEGORY else {name: kind}
    written["per"] = "" if guessed.per == "sequence" else guessed.per
    written["split"] = _split(guessed)
    written["window"] = dict(guessed.window)
    written["missing"] = "" if guessed.missing == "refuse" else guessed.missing
    return {option: value for option, value in written.items() if value}


def _split(guessed: Guess) -> Any:
    if guessed.of(SPLIT):
        return guessed.of(SPLIT)[0]
    if guessed.of(GROUP):
        return {"by": guessed.of(GROUP)[0]}
    return {"time": guessed.of(ORDER)[0]} if guessed.window else ""
