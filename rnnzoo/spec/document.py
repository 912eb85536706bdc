"""YAML text -> nodes that know their place.

In: a file that a user wrote.  Out: `Scalar`, `Listing` and `Table`, each with its `Span`, and
`Fields`, which reads a table key by key and collects every mistake.  The only file that imports
yaml.

YAML 1.2 rules: `no` and `on` are strings, `1e-3` is a number, `010` is ten.  Tags, anchors, aliases
and merge keys are refused: a spec is plain data, and nothing in it is ever executed.  Characters
that cannot be seen are refused too, so that what a spec says may be shown anywhere, and a line is a
line to every reader.
"""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from rnnzoo.errors import Mistake, Mistakes, Span, SpecError, UsageError, close, nearest

# Limits of any file.  They are far above what people write; below them, every file is read within a
# second.
MAX_BYTES = 256 * 1024  # the largest cell of the zoo has 1 KiB
MAX_DEPTH = 16  # lists and tables within each other; also what recursion over a tree may cost
MAX_NODES = 20_000  # values of all kinds, which is what reading costs
MAX_KEY = 100  # characters: the longest is a claim's `on TASK`
SHORT_TEXT = 30  # characters of what a message repeats
MAX_TEXT = 2000  # characters of a title, a note and the like: a paragraph; MLflow takes 5000
MAX_DIGITS = 40  # characters of a number: more than any float needs
MAX_NUMBER = 1e300  # float64 ends at 1.8e308

_INTEGER = re.compile(r"[-+]?[0-9]+")
# Control characters but tab and line end, other ends of a line, marks that change the direction of
# writing, halves of a pair.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_CONSTANTS: Mapping[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class CodeLine:
    """The place of one line of a `Code` in its file: number and text of the line, and the column
    where the code begins.
    """

    line: int
    column: int
    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """Text that is not YAML, such as equations; every character of it has a place in the file."""

    file: str
    rows: tuple[CodeLine, ...]
    text: str

    def span(self, row: int, column: int, length: int = 1) -> Span:
        """The place of a character, by row and column from 0 within `text`."""
        origin = self.rows[min(row, len(self.rows) - 1)]
        # what YAML folds from several lines into one is longer than the first of them
        place = min(origin.column + column, len(origin.text) + 1)
        return Span(self.file, origin.line, place, origin.text, length)

    def part(self, row: int, column: int, until: int, end: int | None = None) -> Code:
        """The text from a character on, through row `until` (exclusive), whose last line ends
        before column `end`.
        """
        lines = self.text.split("\n")[row:until]
        if end is not None:
            lines[-1] = lines[-1][:end]
        lines[0] = lines[0][column:]
        first = self.rows[row]
        rows = (
            CodeLine(first.line, first.column + column, first.text),
            *self.rows[row + 1 : until],
        )
        return Code(self.file, rows, "\n".join(lines))


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value: string, int, float, bool or None.

    `code` is set where it was a literal block.
    """

    value: str | int | float | bool | None
    span: Span
    code: Code | None = None
    style: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    items: tuple[Node, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping with string keys; `keys` holds the place of each key."""

    entries: Mapping[str, Node]
    keys: Mapping[str, Span]
    span: Span


Node = Scalar | Listing | Table
T = TypeVar("T")


_CANNOT_READ: Mapping[type, str] = {
    IsADirectoryError: "name a file in that folder",
    FileNotFoundError: "name another file: where a link is, it leads nowhere",
    PermissionError: "allow it to be read: chmod u+r",
}


def read_text(path: Path, shown_as: str | None = None) -> str:
    """The text of a spec file.

    Raises:
        UsageError: there is no such file.
        SpecError: too large, or not UTF-8.
    """
    name = shown_as or str(path)
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + len(codecs.BOM_UTF8) + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"cannot read {name}: {reason}", _CANNOT_READ.get(type(error), "")
        ) from None
    raw = raw.removeprefix(codecs.BOM_UTF8)
    if len(raw) > MAX_BYTES:
        raise SpecError(
            Mistake(
                Span(name, 1, 1, ""), f"the file is larger than {MAX_BYTES // 1024} KiB", "split it"
            )
        )
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start)
        before = raw[raw.rfind(b"\n", 0, error.start) + 1 : error.start].decode()
        text = raw.split(b"\n")[line].decode("utf-8", "replace").removesuffix("\r")
        span = Span(name, line + 1, len(before) + 1, text)
        raise SpecError(Mistake(span, "the file is not UTF-8 text", "save it as UTF-8")) from None


NEEDS = (
    "a cell needs `name:` and `equations:`; an experiment `experiment:`, `task:` and `variants:`"
)


def parse(text: str, file: str, empty: str = NEEDS) -> Table:
    """The one table that a spec file holds.

    Raises:
        SpecError: not YAML, empty, more than one document, or something other than a table.
    """
    text = text.replace("\r\n", "\n")
    lines = text.split("\n")
    first = Span(file, 1, 1, lines[0])
    if hidden := _HIDDEN.search(text):
        line = text.count("\n", 0, hidden.start())
        column = hidden.start() - text.rfind("\n", 0, hidden.start())
        raise SpecError(
            Mistake(Span(file, line + 1, column, lines[line]), *_hidden_words(hidden[0]))
        )
    try:
        node = _Composer(text, file).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = f"this is not YAML: {error.problem or error.context}"
        line, column = (mark.line, mark.column) if mark else (0, 0)
        span = Span(file, line + 1, column + 1, lines[line] if line < len(lines) else "")
        raise SpecError(Mistake(span, problem, _yaml_hint(span.text))) from None
    if node is None or (isinstance(node, Scalar) and node.value is None):
        raise SpecError(Mistake(first, "the file is empty", empty))
    if not isinstance(node, Table):
        raise SpecError(
            Mistake(
                node.span, "expected a table of `key: value` lines", "begin with `name: my_name`"
            )
        )
    return node


def _hidden_words(char: str) -> tuple[str, str]:
    fix = "save the file with the line ends of Unix or of Windows" if char == "\r" else "delete it"
    return f"a character that cannot be seen: U+{ord(char):04X}", fix


def _yaml_hint(line: str) -> str:
    if "\t" in line:
        return "indent with spaces, not with tabs"
    if "{" in line and "[" in line:
        return (
            "inside {...}, quote text that holds brackets, or put `key: value` on a line of its own"
        )
    return (
        "indent keys of one table alike, put a space after each colon, and quote text that holds"
        " `: ` or ` #`"
    )


class _Composer:
    """Builds nodes from yaml's events, so that marks, styles and limits are ours."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.lines = text.split("\n")
        self.events: Iterator[Any] = yaml.parse(text, Loader=_Loader)
        self.nodes = 0

    def document(self) -> Node | None:
        node: Node | None = None
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                if node is not None:
                    self.refuse(event, "a second document begins here", "one file holds one spec")
                node = self.node(next(self.events), 0)
        return node

    def node(self, event: Any, depth: int) -> Node:
        self.nodes += 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            self.refuse(event, "anchors and aliases are not allowed", "write the value out")
        if event.tag is not None and event.tag != "!":
            self.refuse(
                event,
                f"the tag '{event.tag}' is not allowed",
                "a spec is plain data: delete the tag",
            )
        if depth > MAX_DEPTH:
            self.refuse(
                event,
                f"nested more than {MAX_DEPTH} levels deep",
                "a spec needs three or four: write it flat",
            )
        if self.nodes > MAX_NODES:
            self.refuse(event, f"more than {MAX_NODES} values in one file", "split it")
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.listing(event, depth)
        return self.table(event, depth)

    def listing(self, start: Any, depth: int) -> Listing:
        items = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.node(event, depth + 1))
        return Listing(tuple(items), self.span(start))

    def table(self, start: Any, depth: int) -> Table:
        entries: dict[str, Node] = {}
        keys: dict[str, Span] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self.node(event, depth + 1)
            if not isinstance(key, Scalar) or isinstance(key.value, float):
                self.refuse(event, "a key must be a name", "write a word before the colon")
            name = event.value
            if len(name) > MAX_KEY:
                self.refuse(event, f"a key of more than {MAX_KEY} characters", "shorten it")
            if name == "<<":
                self.refuse(event, "merge keys are not allowed", "write the values out")
            if name in entries:
                first = keys[name]
                self.refuse(
                    event,
                    f"'{name}' is given twice",
                    f"it stands on line {first.line} already: keep one",
                )
            keys[name] = self.span(event)
            entries[name] = self.node(next(self.events), depth + 1)
        return Table(entries, keys, self.span(start))

    def scalar(self, event: Any) -> Scalar:
        span = self.span(event)
        if hidden := _HIDDEN.search(event.value):  # written as an escape, such as "\e"
            self.refuse(event, *_hidden_words(hidden[0]))
        if event.style in ("|", ">"):
            code = self.code(event) if event.style == "|" else None
            return Scalar(event.value, span, code, event.style)
        if not event.style:  # plain: None or "", depending on the loader
            return Scalar(self.resolve(event), span)
        return Scalar(event.value, span, style=event.style)

    def resolve(self, event: Any) -> str | int | float | bool | None:
        """A plain scalar's value by the core schema of YAML 1.2."""
        value: str = event.value
        if value in _CONSTANTS:
            return _CONSTANTS[value]
        if not _FLOAT.fullmatch(value):
            return value
        if len(value) > MAX_DIGITS:
            self.refuse(
                event,
                f"a number of more than {MAX_DIGITS} characters",
                "write it shorter, such as 1e6",
            )
        number = int(value) if _INTEGER.fullmatch(value) else float(value)
        if abs(number) > MAX_NUMBER:
            self.refuse(
                event, f"the number {value} is too large", f"write one of at most {MAX_NUMBER:g}"
            )
        return number

    def code(self, event: Any) -> Code:
        """A literal block: YAML keeps its lines, so row r of the value is line r of the file after
        the `|`.
        """
        values = (
            event.value.split("\n")[:-1] if event.value.endswith("\n") else event.value.split("\n")
        )
        start = event.start_mark.line + 1
        rows = []
        for number, value in enumerate(values):
            raw = self.lines[start + number] if start + number < len(self.lines) else ""
            indent = len(raw) - len(value) if raw.endswith(value) else 0
            rows.append(CodeLine(start + number + 1, indent + 1, raw))
        return Code(
            self.file,
            tuple(rows) or (CodeLine(start, 1, self.lines[start - 1]),),
            "\n".join(values),
        )

    def span(self, event: Any) -> Span:
        start, end = event.start_mark, event.end_mark
        text = self.lines[start.line] if start.line < len(self.lines) else ""
        length = end.column - start.column if end.line == start.line else 1
        return Span(self.file, start.line + 1, start.column + 1, text, max(1, length))

    def refuse(self, event: Any, problem: str, fix: str = "") -> None:
        raise SpecError(Mistake(self.span(event), problem, fix))


class Fields:
    """Reads a table key by key; what is wrong is collected, and the default is used so that reading
    can go on.

    Attributes:
        refused: keys whose values were mistakes, of which nothing more is to be said.
    """

    def __init__(self, table: Table, mistakes: Mistakes, subject: str) -> None:
        self.table = table
        self.mistakes = mistakes
        self.subject = subject
        self.refused: set[str] = set()
        self._asked: set[str] = set()
        self._lacks: dict[str, Mistake] = {}

    def __contains__(self, key: str) -> bool:
        return key in self.table.entries

    @property
    def known(self) -> Collection[str]:
        """Keys that the table may have: those that were asked for."""
        return self._asked

    def span(self, key: str) -> Span:
        """The place of a key's value; of the table where the key is absent."""
        node = self.table.entries.get(key)
        return node.span if node else self.table.span

    def node(self, key: str) -> Node | None:
        self._asked.add(key)
        node = self.table.entries.get(key)
        return None if isinstance(node, Scalar) and node.value is None else node

    def need(self, key: str, example: str) -> None:
        """Report that a key is missing."""
        if self.node(key) is None:
            self._lacks[key] = Mistake(
                self.table.span, f"{self.subject} needs `{key}:`", f"write {example}"
            )
            self.mistakes.extend([self._lacks[key]])

    def done(self, elsewhere: Mapping[str, str] | None = None) -> None:
        """Report every key that the table may not have; one that is missing is not reported where
        it is only misspelt.

        Args:
            elsewhere: what to do about keys that stand elsewhere.
        """
        for key, span in self.table.keys.items():
            if key not in self.known:
                fix = (elsewhere or {}).get(key) or nearest(key, self.known)
                self.mistakes.add(span, f"{self.subject} has no key '{key}'", fix)
                for lacking in close(key, self._lacks):
                    said = self._lacks.pop(lacking)
                    self.mistakes.collected = [
                        mistake for mistake in self.mistakes.collected if mistake != said
                    ]

    def text(self, key: str, default: str = "") -> str:
        value = self._scalar(key, default, lambda v: v if isinstance(v, str) else None, "text")
        if len(value) > MAX_TEXT:
            self.mistakes.add(
                self.span(key), f"`{key}` has more than {MAX_TEXT} characters", "shorten it"
            )
            return default
        return value

    def number(
        self, key: str, default: float = 0.0, low: float | None = None, high: float | None = None
    ) -> float:
        value = self._scalar(key, default, lambda v: v if is_number(v) else None, "a number")
        return self._bounded(key, value, low, high)

    def integer(
        self, key: str, default: int = 0, low: int | None = None, high: int | None = None
    ) -> int:
        value = self._scalar(key, default, as_integer, "a whole number")
        return int(self._bounded(key, value, low, high))

    def flag(self, key: str, default: bool = False) -> bool:
        return self._scalar(
            key, default, lambda v: v if isinstance(v, bool) else None, "true or false"
        )

    def word(self, key: str, words: Iterable[str], default: str) -> str:
        """One of a few words."""
        words = tuple(words)
        value = self.text(key, default)
        if value not in words:
            self.mistakes.add(self.span(key), f"`{key}` cannot be '{value}'", nearest(value, words))
            return default
        return value

    def table_at(self, key: str, example: str = "") -> Table | None:
        """The table under a key; `example` is one, for where something else stands there."""
        node = self.node(key)
        if node is not None and not isinstance(node, Table):
            problem = f"`{key}` must be a table of `key: value` entries, not {describe(node)}"
            below = f"write `{key}:`, and its entries below it, indented"
            fix = f"write `{key}: {example}`" if example else below
            self.mistakes.add(node.span, problem, fix)
            return None
        return node

    def _alone(self, node: Node) -> str:
        """What a list holds that is written in place of a text alone."""
        is_text = isinstance(node, Scalar) and node.code is None and isinstance(node.value, str)
        text = str(node.value) if is_text and isinstance(node, Scalar) else ""
        return text if 0 < len(text) <= SHORT_TEXT else "..., ..."

    def listing(self, key: str, most: int = MAX_NODES) -> tuple[Node, ...]:
        """The entries of a list; where there are more than `most`, the first ones."""
        node = self.node(key)
        if node is not None and not isinstance(node, Listing):
            self.mistakes.add(
                node.span,
                f"`{key}` must be a list, not {describe(node)}",
                f"write {key}: [{self._alone(node)}]",
            )
            return ()
        if node is not None and len(node.items) > most:
            self.mistakes.add(
                node.items[most].span, f"`{key}` has more than {most} entries", "leave some out"
            )
        return node.items[:most] if node else ()

    def code(self, key: str) -> Code | None:
        """A literal block of equations."""
        node = self.node(key)
        if node is None:
            return None
        if not isinstance(node, Scalar) or node.code is None:
            folded = isinstance(node, Scalar) and node.style == ">"
            problem = f"`{key}` must be a literal block" + (
                ": a folded block (>) loses its lines" if folded else ""
            )
            self.mistakes.add(
                node.span, problem, f"write `{key}: |` and put the equations on the lines below"
            )
            return None
        return node.code

    def _scalar(self, key: str, default: T, convert: Callable[[Any], T | None], expected: str) -> T:
        node = self.node(key)
        if node is None:
            return default
        value = convert(node.value) if isinstance(node, Scalar) else None
        if value is None:
            quotable = (
                expected == "text" and isinstance(node, Scalar) and not isinstance(node.value, str)
            )
            fix = ""
            if quotable:
                written = node.span.text[node.span.column - 1 :][: node.span.length]
                fix = f'put it in quotes: {key}: "{written}"'
            self.mistakes.add(node.span, f"`{key}` must be {expected}, not {describe(node)}", fix)
            self.refused.add(key)
            return default
        return value

    def _bounded(self, key: str, value: float, low: float | None, high: float | None) -> float:
        if low is not None and value < low:
            problem = f"`{key}` is {value:g}, below its least value {low:g}"
            self.mistakes.add(self.span(key), problem, f"write at least {low:g}")
            self.refused.add(key)
            return low
        if high is not None and value > high:
            problem = f"`{key}` is {value:g}, above its largest value {high:g}"
            self.mistakes.add(self.span(key), problem, f"write at most {high:g}")
            self.refused.add(key)
            return high
        return value


def is_number(value: object) -> bool:
    """True for ints and floats; Python's bool is an int, ours is not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def as_integer(value: Any) -> int | None:
    """A whole number, also written as `1e3`; None for anything else."""
    return int(value) if is_number(value) and float(value).is_integer() else None


def describe(node: Node) -> str:
    """What a node is, in the user's words."""
    if isinstance(node, Table):
        return "a table"
    if isinstance(node, Listing):
        return "a list"
    if node.value is None:
        return "nothing"
    if isinstance(node.value, bool):
        return "true or false"
    if not isinstance(node.value, str):
        return f"the number {node.value:g}"
    return f"the text '{node.value[:40]}'"


def plain(node: Node) -> Any:
    """A node as plain Python values, without places."""
    if isinstance(node, Table):
        return {key: plain(value) for key, value in node.entries.items()}
    if isinstance(node, Listing):
        return [plain(item) for item in node.items]
    return node.value


def yaml_text(value: Any) -> str:
    """Plain values as YAML that `parse` reads back alike; long texts as literal blocks."""
    return str(
        yaml.dump(
            value,
            Dumper=_Dumper,
            sort_keys=False,
            allow_unicode=True,
            width=100,
            default_flow_style=None,
        )
    )


def inline(value: Any) -> str:
    """Plain values as YAML on one line, as `--set` takes them."""
    text = yaml.dump(
        [value],
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=math.inf,
        default_flow_style=True,
    )
    return str(text).strip()[1:-1]


class _Dumper(yaml.SafeDumper):
    """Quotes what YAML 1.1 readers would take for something else, and writes blocks as blocks."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> Any:
    quoted = "'" if _FLOAT.fullmatch(text) else None  # `1e3` is a text to readers of YAML 1.1 only
    return dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="|" if "\n" in text else quoted
    )


def _represent_float(dumper: yaml.SafeDumper, number: float) -> Any:
    # repr is exact; `1e-05` needs the dot for readers of YAML 1.1
    text = repr(number)
    dotted = text.replace("e", ".0e") if "." not in text else text
    return dumper.represent_scalar("tag:yaml.org,2002:float", dotted)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(float, _represent_float)
