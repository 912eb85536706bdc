"""What the options of `table` say: the role of each column, and how sequences are cut, split and
scaled.

In: options as a spec gives them.  Out: `Roles`, or what is wrong with them; no file is opened.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from rnnzoo.errors import TaskError, listed, nearest
from rnnzoo.spec.plugins import MOST, Wrong
from rnnzoo.spec.written import a_table, as_value, setting
from rnnzoo.tasks._contract import SPLITS

OPTIONS: dict[str, Any] = {
    "file": {}, "id": (), "order": "", "inputs": (), "target": (), "per": "sequence", "split": {},
    "window": {}, "scale": "standard", "missing": "refuse", "weight": "",
    "time": "",
}  # fmt: skip
PER = ("sequence", "step")
SCALES = ("standard", "robust", "none")
MASK = "mask"
MISSING = ("refuse", "zero", "forward", "flag", MASK)
NUMBER, CATEGORY, STANDARD, GUESSED = "number", "category", "standard", ""
TAG = "tag"  # yes or no
CHARACTERS, WORDS = TRANSCRIBED = ("characters", "words")
INPUTS, TARGETS = (NUMBER, CATEGORY), (NUMBER, CATEGORY, TAG, STANDARD, *TRANSCRIBED)
# what else the splits are called
ALSO = {"valid": "validation", "val": "validation", "dev": "validation"}
SHOWN = 12  # columns that a message lists
SHARE = 0.15  # of the sequences, for validation and for test each
_OF_SPLIT = ("by", "time", "column", "validation", "test")
_OF_WINDOW = ("length", "step", "horizon")


@dataclass(frozen=True, slots=True)
class Window:
    """How sequences are cut.

    Attributes:
        length: steps of each; 0 keeps sequences whole.
        step: from the beginning of a window to that of the next.
        horizon: how many steps behind the last step its target stands.
    """

    length: int = 0
    step: int = 1
    horizon: int = 0


@dataclass(frozen=True, slots=True)
class Division:
    """How sequences are divided into splits.

    Attributes:
        column: holds the names of splits; empty where none does.
        by: holds whose a sequence is.
        time: holds the time of a step; what is later is for validation, and the latest for test.
        shares: of validation and of test, where neither files nor a column say which they are.
    """

    column: str = ""
    by: str = ""
    time: str = ""
    shares: tuple[float, float] = (SHARE, SHARE)


@dataclass(frozen=True, slots=True)
class Roles:
    """What each column is for.

    Attributes:
        id: columns that together name a sequence.
        order: the column by which the steps of a sequence are sorted; empty: as in the file.
        inputs: columns, or patterns with `*`, and what each holds: `NUMBER`, `CATEGORY` or, where
            that is not said, `GUESSED`.
        target: likewise; a `TAG` is yes or no, `STANDARD` numbers are scaled, and a text is
            transcribed by its `CHARACTERS` or `WORDS`.
        weight: the column that says how much an answer counts; empty: all alike.
        time: the column that says when a step is, from which the time since the step before
            follows; empty: that is no input.  Where no other orders them, it orders the steps.
    """

    id: tuple[str, ...]
    order: str
    inputs: Mapping[str, str]
    target: Mapping[str, str]
    per: str
    split: Division
    window: Window
    scale: str
    missing: str
    weight: str
    time: str = ""

    @property
    def transcribes(self) -> bool:
        """Whether the target is a text."""
        return any(role in TRANSCRIBED for role in self.target.values())

    def named(self) -> Iterator[tuple[str, str]]:
        """Each column that has a role, with the option that gives it: patterns are not among
        them.
        """
        yield from ((f"id.{number}", name) for number, name in enumerate(self.id))
        yield ("time" if self.order == self.time else "order"), self.order
        yield "time", self.time
        for option, columns in (("inputs", self.inputs), ("target", self.target)):
            for number, (name, role) in enumerate(columns.items()):
                if "*" not in name:
                    yield f"{option}.{name if role else number}", name
        yield ("split.column" if self.split.by or self.split.time else "split"), self.split.column
        yield "split.by", self.split.by
        yield "split.time", self.split.time
        yield "weight", self.weight


def roles(options: Mapping[str, Any]) -> Roles:
    """The roles that right options give."""
    split = options["split"]
    given = {"column": split} if isinstance(split, str) else dict(split)
    shares = (float(given.pop("validation", SHARE)), float(given.pop("test", SHARE)))
    return Roles(
        id=_names(options["id"]),
        order=options["order"] or options["time"],
        inputs=_columns(options["inputs"]),
        target=_columns(options["target"]),
        per=options["per"],
        split=Division(**given, shares=shares),
        window=_window(options["window"]),
        scale=options["scale"],
        missing=options["missing"],
        weight=options["weight"],
        time=options["time"],
    )


def _columns(given: str | list[str] | Mapping[str, str]) -> dict[str, str]:
    if isinstance(given, Mapping):
        return dict(given)
    return dict.fromkeys(_names(given), GUESSED)


def _names(given: str | Iterable[str]) -> tuple[str, ...]:
    """One or several; an empty text is none."""
    if isinstance(given, str):
        return (given,) if given else ()
    return tuple(given)


def _window(given: Mapping[str, int]) -> Window:
    window = Window(**given)
    return Window(window.length, given.get("step", max(1, window.length)), window.horizon)


def columns_of(roles_of: Mapping[str, str], header: tuple[str, ...]) -> dict[str, str]:
    """Columns with their roles, patterns written out in the order of the file."""
    written: dict[str, str] = {}
    for name, role in roles_of.items():
        matching = [column for column in header if fnmatchcase(column, name)]
        names = [name] if "*" not in name or name in header else matching
        written |= dict.fromkeys(names, role)
    return written


def called(name: str, header: Sequence[str]) -> str:
    """A column as messages call it: by its place where it has no name, as the numbers of rows that
    pandas writes.

    Args:
        header: the names of all columns, in the order of the file.
    """
    if name.strip() or name not in header:
        return name
    return f"column {[*header].index(name) + 1} (no name)"


def quoted(name: str, header: Sequence[str]) -> str:
    """A column within a sentence: `column 'age'`, or `column 1 (no name)`."""
    return f"column '{name}'" if name.strip() else called(name, header)


def listing(header: Sequence[str]) -> list[str]:
    """All columns as messages call them."""
    return [called(name, header) for name in header]


# ------------------------------------------------------------------ what is wrong


def wrong(options: Mapping[str, Any]) -> Iterator[Wrong]:
    """What is wrong with options of the right types, but for files and columns."""
    for option, words in (("per", PER), ("scale", SCALES), ("missing", MISSING)):
        if options[option] not in words:
            problem = f"`{option}` cannot be '{options[option]}'"
            yield Wrong(option, problem, nearest(options[option], words))
    if isinstance(options["id"], dict):
        fix = setting("id", ["patient", "visit"])
        yield Wrong("id", "`id` is a column, or a list of columns", fix)
    yield from _wrong_roles("inputs", options["inputs"], INPUTS)
    yield from _wrong_roles("target", options["target"], TARGETS)
    yield from _wrong_split(options["split"])
    yield from _wrong_window(options["window"])
    yield from _wrong_transcription(options)


def _wrong_roles(option: str, given: Any, words: tuple[str, ...]) -> Iterator[Wrong]:
    if not isinstance(given, dict):
        return
    for name, role in given.items():
        if role not in words:
            problem = f"the column '{name}' is a {listed(words, 'or')}, not {role!r}"
            yield Wrong(f"{option}.{name}", problem, nearest(str(role), words))
    alone = {CATEGORY, *TRANSCRIBED} & {str(role) for role in given.values()}
    if option == "target" and alone and len(given) > 1:
        yield Wrong(
            option,
            "several targets are numbers, or tags: a category or a text is predicted alone",
            "name one column, or make one of them; of yes and no, each is a tag",
        )
    tags = [name for name, role in given.items() if role == TAG]
    if option == "target" and tags and len(tags) < len(given):
        other = next(name for name in given if name not in tags)
        yield Wrong(
            f"{option}.{other}",
            f"'{tags[0]}' is a tag, and '{other}' is none: they have no common loss",
            "make all of them tags, or predict one kind alone",
        )


def _wrong_transcription(options: Mapping[str, Any]) -> Iterator[Wrong]:
    """What does not go with a text that is transcribed."""
    given = options["target"].values() if isinstance(options["target"], dict) else ()
    if not {*TRANSCRIBED} & {str(role) for role in given}:
        return
    if options["per"] == "step":
        problem = "a text to transcribe is that of a sequence, whose steps are not told"
        yield Wrong("per", problem, "leave `per` out; names of steps are a category")
    if options["window"]:
        problem = "a text to transcribe is that of a whole sequence, and not of a window of it"
        yield Wrong("window", problem, "leave `window` out")


def _wrong_split(given: Any) -> Iterator[Wrong]:
    if isinstance(given, str):
        return
    for key, value in given.items():
        if key not in _OF_SPLIT:
            fix = nearest(key, _OF_SPLIT)
            yield Wrong(f"split.{key}", f"`split` has no key '{key}'", fix)
        elif key in SPLITS:
            if not isinstance(value, int | float) or not 0 < value < 1:
                problem = f"`{key}` must be a share between 0 and 1, not {value!r}"
                yield Wrong(f"split.{key}", problem, setting("split", {key: SHARE}))
        elif not isinstance(value, str):
            problem = f"`{key}` must be the name of a column, not {value!r}"
            fix = f"put it in quotes: {setting('split', {key: str(value)})}"
            yield Wrong(f"split.{key}", problem, fix)
    if len({"time", "column"} & given.keys()) > 1 or {"by", "time"} <= given.keys():
        yield Wrong(
            "split",
            "one thing says which split a sequence is in: a column of names, a group, or time",
            f"{setting('split', {'by': 'patient'})}, or {as_value({'time': 'date'})}, or the"
            " column's name",
        )
    shares = [given.get(name, SHARE) for name in SPLITS[1:]]
    if all(isinstance(share, float) and 0 < share < 1 for share in shares) and sum(shares) >= 1:
        yield Wrong("split", "validation and test leave nothing for train", "less than 1 together")


def _wrong_window(given: Any) -> Iterator[Wrong]:
    if isinstance(given, str):
        yield Wrong(
            "window",
            f"`window` must be {a_table()}, not '{given}'",
            setting("window", {"length": 50, "step": 10, "horizon": 1}),
        )
        return
    for key, value in given.items():
        least = 0 if key == "horizon" else 1
        if key not in _OF_WINDOW:
            fix = nearest(key, _OF_WINDOW)
            yield Wrong(f"window.{key}", f"`window` has no key '{key}'", fix)
        elif type(value) is not int or not least <= value <= MOST:
            problem = f"`{key}` must be a whole number from {least}, not {value!r}"
            yield Wrong(f"window.{key}", problem, "it counts steps")
    if "step" in given and given.keys() <= {"step", "horizon"}:
        fix = setting("window", {"length": 50, "step": 10})
        yield Wrong("window.step", "`step` without `length`", fix)


def wrong_columns(
    options: Mapping[str, Any], header: tuple[str, ...], shown: str
) -> Iterator[Wrong]:
    """What is wrong with the columns that options name, given those that there are.

    Args:
        shown: the file, for messages.
    """
    own = roles(options)
    without = no_header(header)
    if twice := same_names(header, shown):
        yield Wrong("file", *twice)
    elif without:
        first = called(header[0], header)
        yield Wrong("file", f"{shown} has no header, as it seems: {first}, ...", without)
    if without:
        return
    for option, name in own.named():
        is_none = not name and option in (
            "order",
            "split",
            "split.column",
            "split.by",
            "split.time",
            "weight",
            "time",
        )
        if name not in header and not is_none:
            yield Wrong(option, f"{shown} has no column '{name}'", nearest(name, listing(header)))
    for option in ("inputs", "target"):
        given = getattr(own, option)
        if not given:
            names = ", ".join(listing(header)[:SHOWN])
            yield Wrong(option, f"the task 'table' needs `{option}`", f"columns of: {names}")
        for number, (name, role) in enumerate(given.items()):
            if "*" in name and not columns_of({name: role}, header):
                place = f"{option}.{name if role else number}"
                fix = f"columns of: {', '.join(listing(header)[:SHOWN])}"
                yield Wrong(place, f"{shown} has no column like '{name}'", fix)
    yield from _wrong_doubles(own, header)


def same_names(header: Sequence[str], shown: str) -> tuple[str, str] | None:
    """The problem and the fix where two columns have one name."""
    twice = sorted(name for name, count in Counter(header).items() if count > 1)
    if not twice:
        return None
    if not twice[0].strip():
        places = [str(place) for place, name in enumerate(header, 1) if name == twice[0]]
        problem = f"{shown} has {len(places)} columns without a name: {listed(places)}"
        return problem, no_header(header) or "give each a name"
    return f"{shown} has two columns '{twice[0]}'", no_header(header) or "give one another name"


def no_header(names: Sequence[str]) -> str:
    """What to do about a file whose first row holds values; empty where it holds names."""
    numbers = [name for name in names if _is_decimal(name)]
    if len(numbers) < max(1, len(names) / 2):
        return ""
    return "the first row holds numbers: write the names of the columns into a row before it"


def _is_decimal(name: str) -> bool:
    """Whether a name is a number as data have them: columns may be called 0, 1, 2."""
    return bool(re.fullmatch(r"[-+]?\d*\.\d+([eE][-+]?\d+)?", name.strip()))


def _wrong_doubles(own: Roles, header: tuple[str, ...]) -> Iterator[Wrong]:
    """Columns with two roles that one column cannot have."""
    inputs, targets = columns_of(own.inputs, header), columns_of(own.target, header)
    later = {"horizon": 1}
    for name in targets:
        if name in inputs and not own.window.horizon:
            shown = called(name, header)
            yield Wrong(
                "target",
                f"the target '{shown}' is an input too: it is seen when it is asked for",
                f"leave it out of `inputs`, or predict it later: {setting('window', later)}",
            )
    marks = [("id", name) for name in own.id]
    # an empty text is no column there, also where one has no name
    marks += [("split", own.split.column)] * bool(own.split.column)
    marks += [("split.by", own.split.by)] * bool(own.split.by)
    for option, name in marks:
        if name in inputs:
            yield Wrong(
                option,
                f"the {quoted(name, header)} is among the inputs too: a cell would learn by"
                " heart whose a sequence is",
                "leave it out of `inputs`",
            )


def refused(problem: str, fix: str) -> TaskError:
    """What is refused in a table, as it is told."""
    return TaskError(problem, fix)
