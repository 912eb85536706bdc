"""CellSpec: a cell as the user wrote it, with `extends` resolved and nothing understood yet.

In: a YAML file, or the name of one.  Out: statements (`name = text`), declarations, and where each
of them stands.  What the text of an equation means is `rnnzoo.lang`'s business.

A variant is a patch: it merges equations, constants, weights, init, inputs, options and initial by
key with the cell that it extends; a replaced equation keeps its place, a new one is appended.  The
family is inherited; name, title, source, year, claim and note are not.
"""

from __future__ import annotations

import contextlib
import keyword
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from rnnzoo.errors import Mistake, Mistakes, Span, SpecError, UsageError, command, nearest
from rnnzoo.spec.document import (
    MAX_NUMBER,
    MAX_TEXT,
    Code,
    CodeLine,
    Fields,
    Listing,
    Node,
    Scalar,
    Table,
    as_integer,
    describe,
    is_number,
    parse,
    read_text,
)
from rnnzoo.spec.files import missing
from rnnzoo.spec.hyperparameters import Value
from rnnzoo.spec.settings import project

ZOO = Path(__file__).parent.parent / "zoo"
_SHOWN = "zoo/{}.yaml"  # what messages call a file in it
# Limits of a cell.  The largest of the zoo has 20 equations.
MAX_NAME = 40  # characters: longer ones make equations that nobody can read
# in each block, what is inherited included; also what recursion from one to the next may cost
MAX_EQUATIONS = 200
MAX_EXTENDS = 10  # cells, each of which extends the next: so many files are read for one
MAX_SIZE = 100_000  # of one side of a weight that stands in the file
FOREIGN = re.compile(r"[^\x00-\x7f]")
# Signs of printed mathematics, and what to write for each.
SIGNS = {"\N{MINUS SIGN}": "-", "\N{MULTIPLICATION SIGN}": "*", "\N{MIDDLE DOT}": "*",
         "\N{DOT OPERATOR}": "*",
         "\N{CIRCLED DOT OPERATOR}": "*", "\N{RING OPERATOR}": "*",
         "\N{DIVISION SIGN}": "/"}  # fmt: skip
# How `rnnzoo show` prints the time of a name: this step, so many steps before.
SHOWN_NOW = "\N{LATIN SUBSCRIPT SMALL LETTER T}"
SHOWN_MINUS = "\N{SUBSCRIPT MINUS}"
SHOWN_DIGITS = "\u2080\u2081\u2082\u2083\u2084\u2085\u2086\u2087\u2088\u2089"
SHOWN_BEFORE = f"{SHOWN_NOW}{SHOWN_MINUS}{SHOWN_DIGITS[1]}"
SHOWN_TRANSPOSED = "\N{MODIFIER LETTER CAPITAL T}"
# What kinds of cells the literature has, as the gallery orders them; with what makes a cell one.
FAMILIES: Mapping[str, str] = {
    "simple": "a layer that reads its own output, without gates",
    "lstm": "gates around a memory cell that is added to",
    "gru": "gates that mix the last output with a candidate, which depends on it",
    "additive": "gates, and a candidate that depends on the inputs alone",
    "linear": "linear in its states once the inputs are known",
    "matrix": "a memory that is a matrix, written to by outer products",
    "ode": "one step of a differential equation",
    "deep": "several layers within one step",
    "clockwork": "units that are updated at times of their own",
    "searched": "found by search or evolution",
}
_YEARS = (1940, 2100)  # of a cell
Entry = TypeVar("Entry")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
BEFORE_FIRST = "[0]"  # behind the name of a repeated equation: what it is before the first round
_HEAD = re.compile(r"(\s*)([^\W\d]\w*(?:\[0\])?)\s*=(?!=)\s*")
_REPEAT = re.compile(r"\s*repeat\b(?!\s*=)")
_FOR = re.compile(r"\s*for\s+([^\W\d]\w*)\s+in\s+(?:range\s*\(\s*)?(?:\w+\s*,\s*)?(\w+)?[^=]*")
_UPDATE = re.compile(r"\s*([^\W\d]\w*)\s*([-+*/])=")
_INDEXED = re.compile(r"(\s*)([^\W\d]\w*)\s*\[\s*(\w+)\s*\]\s*=(?!=)\s*")
_OTHER_SIGN = re.compile(r"\s*([^\W\d]\w*)\s*(:=|<-|==)")
_PYTHON = {  # first words of lines from habit, and what to write
    "if": "write where(condition, a, b) for a choice", "else": "write where(condition, a, b)",
    "elif": "write where(condition, a, b)", "return": "delete it: the output is `h`, or `output:`",
    "def": "delete it: a cell is its equations", "while": "write `repeat k to 3:`",
    "import": "delete it: operations are known by their names",
}  # fmt: skip
_SEVERAL = re.compile(r"\s*\(?([^\W\d]\w*(?:\s*,\s*[^\W\d]\w*)+)\)?\s*=(?!=)")
_REPEAT_TO = re.compile(r"repeat\s+(\w+)\s+to\s+(\w+)\s*:")

# Initialisers by name, with the least and the largest number of values they take.  Their meaning is
# that of Keras.
INITIALISERS: Mapping[str, tuple[int, int]] = {
    "constant": (1, 1), "zeros": (0, 0), "ones": (0, 0), "identity": (0, 1), "orthogonal": (0, 1),
    "normal": (1, 1), "uniform": (1, 2), "glorot_uniform": (0, 0), "glorot_normal": (0, 0),
    "he_uniform": (0, 0), "he_normal": (0, 0), "lecun_uniform": (0, 0), "lecun_normal": (0, 0),
    "spectral_radius": (1, 2),
}  # fmt: skip
EXPRESSION = "expression"  # an `Init` with the text of one, which `lang.start` computes
# An `Init` of a matrix on joined vectors: an initialiser for the columns of each, as if each had a
# matrix of its own.
BY_COLUMNS = "by columns"
# Names of inputs that mean the same in every cell, with their sizes.
MEANT: Mapping[str, tuple[int | str, str]] = {
    "dt": (1, "the time since the step before, one number"),
    "mask": ("inputs", "which inputs are observed, for each of x"),
}
# Names that mean something in such an expression and are no options.
IN_BEGINNINGS = ("random", "unit", "row", "col", "units", "inputs")


@dataclass(frozen=True, slots=True)
class Repeat:
    """`repeat k to depth:`, whose equations hold in each round.

    Attributes:
        index: the name of the number of the round, from 1.
        count: how many rounds there are: a whole number, or the name of an option.
    """

    index: str
    count: str
    span: Span

    @property
    def head(self) -> str:
        """How it is written."""
        return f"repeat {self.index} to {self.count}:"


@dataclass(frozen=True, slots=True)
class Reading:
    """What indices and names mean in one equation of a cell that repeats some.

    Attributes:
        counts: how many rounds the blocks have, by what they are counted by.
        last: how many rounds each repeated equation has, and what its last one is called.
        starts: what repeated equations are before the first round, `s[0]`, by name; None where that
            is an equation of its own, `s0`.
        index: the name of the number of the round; empty outside of blocks.
        number: that number.
        here: names of the equations that are repeated with this one.
    """

    counts: Mapping[str, int]
    last: Mapping[str, tuple[int, str]]
    starts: Mapping[str, Statement | None] = field(default_factory=dict)
    index: str = ""
    number: int = 0
    here: frozenset[str] = frozenset()

    @property
    def numbers(self) -> Mapping[str, int]:
        """The numbers that stand for rounds, by name."""
        return {**self.counts, self.index: self.number} if self.index else self.counts


@dataclass(frozen=True, slots=True)
class Statement:
    """`name = expression`, not yet parsed; of `s[0] = expression` the name is `s[0]`.

    `own` is False for what came from the cell that this one extends.  `repeat` is the block that it
    stands in; `lang.check` makes an equation of each round of it, with a `reading`.
    """

    name: str
    span: Span
    code: Code
    own: bool = True
    repeat: Repeat | None = None
    reading: Reading | None = None

    @property
    def comment(self) -> str:
        """What stands behind `#` on its lines, which nothing computed depends on."""
        remarks = (row.text.partition("#")[2].strip() for row in self.code.rows)
        return " ".join(filter(None, remarks))


@dataclass(frozen=True, slots=True)
class Init:
    """How a weight begins: a name of `INITIALISERS` and its values, where a text names an option;
    or `EXPRESSION`, whose value is a text in the cell language.
    """

    name: str
    values: tuple[float | str, ...] = ()

    @property
    def for_vectors(self) -> bool:
        """Whether a vector can begin so; there is no orthogonal vector."""
        return self.name not in ("identity", "orthogonal", "spectral_radius")

    def fits(self, shape: tuple[object, ...]) -> bool:
        """Whether a weight of this shape can begin so."""
        if self.name == "spectral_radius":
            return len(shape) == 2 and shape[0] == shape[1]
        return len(shape) > 1 or self.for_vectors

    def plain(self) -> Value | dict[str, object]:
        """As it is written in YAML."""
        if self.name in ("constant", EXPRESSION):
            return self.values[0]
        if self.name == BY_COLUMNS:
            return ", ".join(map(str, self.values))
        values = list(self.values)
        return {self.name: values[0] if len(values) == 1 else values} if values else self.name

    @classmethod
    def from_plain(cls, value: object) -> Init:
        """The initialiser that `plain` has written."""
        if isinstance(value, Mapping):
            ((name, argument),) = value.items()
            return cls(name, tuple(argument) if isinstance(argument, list | tuple) else (argument,))
        if isinstance(value, str):
            return cls(value) if value in INITIALISERS else cls(EXPRESSION, (value,))
        return cls("constant", (value,))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Declared:
    """A value under a key, with the place of its key; `own` as in `Statement`.

    `code` is the text of an initialiser that may be an expression.
    """

    value: Init | Code | float | str | tuple[float | str, ...] | None
    span: Span
    own: bool = True
    code: Code | None = None


@dataclass(frozen=True, slots=True)
class CellSpec:
    """A cell as text.

    Attributes:
        source: keys of `zoo/sources.yaml`, or free text.
        family: one of `FAMILIES`, or empty.
        year: in which the cell was first published; 0 where that is not said.
        claim: what its paper says of it, as a line of an experiment's `claims:`
            (`spec.claims.check_of_cell`).
        note: in what the cell differs from its source.
        options: numbers that constants, masks, equations and init may name.
        option_keys: where the options stand.
        inputs: sizes of what equations read beside x, by name: a whole number, or `inputs`.
        shapes, masks, trainable: from `weights:`.
        initial: what a state starts from: a number, or `learned`.
        output: the equation that is the layer's output.
        base: the cell that this one extends.
    """

    name: str
    file: str
    span: Span
    title: str = ""
    source: tuple[str, ...] = ()
    family: str = ""
    year: int = 0
    claim: str = ""
    claim_span: Span | None = None
    note: str = ""
    output: str = "h"
    output_span: Span | None = None
    options: Mapping[str, float] = field(default_factory=dict)
    option_keys: Mapping[str, Declared] = field(default_factory=dict)
    inputs: Mapping[str, Declared] = field(default_factory=dict)
    constants: Mapping[str, Statement] = field(default_factory=dict)
    equations: Mapping[str, Statement] = field(default_factory=dict)
    first_layer: Mapping[str, Statement] = field(default_factory=dict)
    shapes: Mapping[str, Declared] = field(default_factory=dict)
    masks: Mapping[str, Declared] = field(default_factory=dict)
    trainable: Mapping[str, Declared] = field(default_factory=dict)
    init: Mapping[str, Declared] = field(default_factory=dict)
    initial: Mapping[str, Declared] = field(default_factory=dict)
    base: CellSpec | None = None
    # names of lines that could not be read: only in the draft of `UnreadLines`
    unread: frozenset[str] = frozenset()

    def with_options(self, options: Mapping[str, float]) -> CellSpec:
        """The same cell with other values for some of its options."""
        for name, value in options.items():
            if name not in self.options:
                fix = nearest(name, self.options) or "this cell has no options at all"
                raise UsageError(f"cell '{self.name}' has no option '{name}'", fix)
            if not is_number(value) or not abs(value) <= MAX_NUMBER:
                raise UsageError(
                    f"option '{name}' of cell '{self.name}' must be a number, not {value!r}"
                )
        return replace(self, options={**self.options, **options})


class UnreadLines(SpecError):
    """Raised for equations or names of options that cannot be read, in a file without other
    mistakes.

    Attributes:
        draft: the cell without these lines, in which `lang` may look for more mistakes.
    """

    def __init__(self, draft: CellSpec, *mistakes: Mistake) -> None:
        super().__init__(*mistakes)
        self.draft = draft


def read(reference: str | Path, folder: Path | None = None) -> CellSpec:
    """The cell of a name or path.

    Args:
        reference: a built-in name, the name of a YAML file beside `folder`'s files, in its `cells/`
            or in `experiments/cells/`, or a path ending in `.yaml`.
        folder: where names and relative paths are looked up.

    Raises:
        UsageError: there is no such cell, or two.
        SpecError: mistakes in the file, or in one that it extends.
    """
    path = find(str(reference), folder or Path())
    if not os.path.lexists(path):
        raise missing(Path(reference))
    return read_file(path)


def parse_cell(text: str, file: str = "<cell>", folder: Path | None = None) -> CellSpec:
    """The cell of a YAML text."""
    return _parse(text, file, folder or Path(), ())


def find(reference: str, folder: Path) -> Path:
    """The file of a cell's name or path; a built-in name is never shadowed silently."""
    if reference.endswith((".yaml", ".yml")):
        path = Path(reference)
        ways = (path, folder / path, project() / path)
        # never raises
        return next((place for place in ways if os.path.exists(place)), folder / path)
    if not _LABEL.fullmatch(reference) or len(reference) > MAX_NAME:
        raise UsageError(f"'{reference[:80]}' is not the name of a cell; a path must end in .yaml")
    built_in = ZOO / f"{reference}.yaml"
    places = (folder, folder / "cells", folder.parent / "cells", project() / "experiments/cells")
    candidates = {
        path.resolve(): path for place in places if (path := place / f"{reference}.yaml").is_file()
    }
    candidates.pop(built_in.resolve(), None)
    if reference in built_in_names():
        if candidates and folder.resolve() != ZOO.resolve():
            raise UsageError(
                f"'{reference}' is a built-in cell and also {next(iter(candidates.values()))}:"
                " rename yours, or give its path"
            )
        return built_in
    if not candidates:
        known = list(built_in_names())
        for place in places:
            known += [path.stem for path in _cells_in(place)]
        fix = (
            nearest(reference, known)
            or f"take one of those that `{command('list', 'cells')}` names"
        )
        raise UsageError(f"no cell '{reference}'", fix)
    return next(iter(candidates.values()))


def named_in_spec(reference: str, folder: Path) -> Path:
    """The file of a cell that a spec names.

    Unlike a file named on the command line, it must lie within the project.

    A spec may come from somebody else, and messages about a file show lines of it.

    Raises:
        UsageError: there is no such cell, or two; or it is no file, or one that lies elsewhere,
            links followed.
    """
    path = find(reference, folder)
    places = (ZOO, folder, folder.parent / "cells", Path(), project())
    if not any(_within(path, place) for place in places):
        fix = f"copy it into {folder if folder != Path() else 'this folder'}"
        raise UsageError(
            f"'{reference}' lies outside of the folder of this file and of the project", fix
        )
    # unlike those of `Path`, neither ever raises
    if os.path.exists(path) and not os.path.isfile(path):
        raise UsageError(f"'{reference}' is no file", "give the path of a cell's YAML file")
    return path


def _within(path: Path, folder: Path) -> bool:
    """Whether a file lies in a folder, links followed; a circle of links lies nowhere else than its
    name.
    """
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def built_in_names() -> tuple[str, ...]:
    """Names of the cells of the zoo, sorted."""
    return tuple(sorted(path.stem for path in ZOO.glob("*.yaml") if path.stem != "sources"))


def is_built_in(file: str) -> bool:
    """Whether a file, as messages name it, is that of a cell of the zoo."""
    return file in {_SHOWN.format(name) for name in built_in_names()}


def sources() -> Mapping[str, str]:
    """The bibliography: key -> reference."""
    path = ZOO / "sources.yaml"
    table = parse(read_text(path), "zoo/sources.yaml")
    return {key: str(node.value) for key, node in table.entries.items() if isinstance(node, Scalar)}


def _cells_in(folder: Path) -> Iterator[Path]:
    """YAML files that may be cells, for suggestions only."""
    for path in folder.glob("*.yaml"):
        with contextlib.suppress(SpecError, UsageError):
            if os.path.isfile(path) and _within(path, folder) and "\nequations:" in read_text(path):
                yield path


def read_file(path: Path, chain: tuple[Path, ...] = ()) -> CellSpec:
    """The cell of a file.

    Args:
        chain: the files that led here, each of which extends the next.
    """
    shown = _SHOWN.format(path.stem) if path.parent == ZOO else str(path)
    return _parse(read_text(path, shown), shown, path.parent, (*chain, path.resolve()))


def _parse(text: str, file: str, folder: Path, chain: tuple[Path, ...]) -> CellSpec:
    mistakes, unread = Mistakes(), Mistakes()
    table = parse(text, file)
    spec = _own(Fields(table, mistakes, "a cell"), file, mistakes, unread)
    parent = table.entries.get("extends")
    if parent is not None:
        base = _base(parent, folder, chain, mistakes)
        if base is not None:
            spec = _merge(base, spec, mistakes)
    elif not spec.equations and "equations" not in table.entries:
        mistakes.add(
            table.span,
            "a cell needs `equations:`, or a cell that it `extends:`",
            "write `equations: |`",
        )
    if unread.collected and not mistakes.collected:
        names = (
            re.findall(r"\w+", mistake.span.text[mistake.span.column - 1 :])
            for mistake in unread.collected
        )
        raise UnreadLines(
            replace(spec, unread=frozenset(words[0] for words in names if words)), *unread.collected
        )
    mistakes.extend(unread.collected)
    mistakes.raise_if_any()
    return spec


KEYS = (
    "name", "extends", "title", "source", "family", "year", "claim", "note", "output",
    "options", "inputs", "constants", "equations", "first_layer", "weights", "init", "initial",
)  # fmt: skip


def _own(fields: Fields, file: str, mistakes: Mistakes, unread: Mistakes) -> CellSpec:
    """The cell of this file alone, before `extends`; lines and names that cannot be read go to
    `unread`.
    """
    fields.node("extends")
    fields.need("name", "`name: my_cell`")
    name = fields.text("name", "?")
    if name != "?" and not (_LABEL.fullmatch(name) and len(name) <= MAX_NAME):
        fix = f"use letters, digits, `_`, `-` and `.`, at most {MAX_NAME}"
        mistakes.add(fields.span("name"), f"'{name[:60]}' cannot be the name of a cell", fix)
    shapes, masks, trainable = _weights(fields, mistakes)
    options, option_keys = _options(fields, mistakes, unread)
    spec = CellSpec(
        name=name,
        file=file,
        span=fields.table.span,
        title=fields.text("title"),
        source=_source(fields, mistakes),
        family=fields.word("family", FAMILIES, "") if "family" in fields else "",
        year=fields.integer("year", 0, *_YEARS) if "year" in fields else 0,
        claim=fields.text("claim"),
        claim_span=fields.span("claim") if "claim" in fields else None,
        note=" ".join(fields.text("note").split()),
        output=fields.text("output", ""),
        output_span=fields.span("output") if "output" in fields else None,
        options=options,
        option_keys=option_keys,
        inputs=_inputs(fields.table_at("inputs", "{dt: 1}"), mistakes, unread),
        constants=_statements(fields.code("constants"), unread),
        equations=_statements(fields.code("equations"), unread),
        first_layer=_statements(fields.code("first_layer"), unread),
        shapes=shapes,
        masks=masks,
        trainable=trainable,
        init=_init(fields.table_at("init", "{b: 1}"), mistakes),
        initial=_initial(fields.table_at("initial", "{h: learned}"), mistakes),
    )
    fields.done()
    return spec if spec.output or "extends" in fields else replace(spec, output="h")


def _base(
    parent: Node, folder: Path, chain: tuple[Path, ...], mistakes: Mistakes
) -> CellSpec | None:
    if (
        not isinstance(parent, Scalar)
        or not isinstance(parent.value, str)
        or not _LABEL.fullmatch(parent.value)
    ):
        mistakes.add(parent.span, "`extends` takes the name of a cell", "write `extends: lstm`")
        return None
    try:
        path = named_in_spec(parent.value, folder)
    except UsageError as error:
        mistakes.add(parent.span, *error.parts)
        return None
    if path.resolve() in chain:
        names = " -> ".join(file.stem for file in (*chain, path))
        mistakes.add(
            parent.span,
            f"`extends` runs in a circle: {names}",
            "write the equations of one of them out",
        )
        return None
    if len(chain) >= MAX_EXTENDS:
        problem = f"more than {MAX_EXTENDS} cells of which each extends the next"
        mistakes.add(parent.span, problem, "write the equations of one of them out")
        return None
    try:
        return read_file(path, chain)
    except UsageError as error:
        mistakes.add(parent.span, str(error), "give the name of a cell that can be read")
    except SpecError as error:
        mistakes.extend(error.mistakes)
    return None


def _merge(base: CellSpec, patch: CellSpec, mistakes: Mistakes) -> CellSpec:
    """`own` as a patch of `base`."""
    for name, statement in patch.equations.items():
        if name in base.first_layer and name not in patch.first_layer:
            problem = f"'{name}' is redefined, but the inherited `first_layer` defines it too"
            mistakes.add(
                statement.span, problem, f"give `first_layer: |` with an equation of '{name}'"
            )

    def inherited(entries: Mapping[str, Statement]) -> dict[str, Statement]:
        return {name: replace(statement, own=False) for name, statement in entries.items()}

    def declared(entries: Mapping[str, Declared]) -> dict[str, Declared]:
        return {name: replace(entry, own=False) for name, entry in entries.items()}

    # of one name, what the patch writes holds: an option or an equation may become an input
    option_keys = _without(base.option_keys, patch.inputs)
    inputs = _without(base.inputs, {**patch.options, **patch.equations})
    merged = replace(
        patch,
        family=patch.family or base.family,
        output=patch.output or base.output,
        output_span=patch.output_span,
        options={**_without(base.options, patch.inputs), **patch.options},
        option_keys={**declared(option_keys), **patch.option_keys},
        inputs={**declared(inputs), **patch.inputs},
        constants={**inherited(base.constants), **patch.constants},
        equations={
            **inherited(_without(base.equations, patch.inputs)),
            **repeated_likewise(patch.equations, base.equations, mistakes),
        },
        first_layer={**inherited(base.first_layer), **patch.first_layer},
        shapes={**declared(base.shapes), **patch.shapes},
        masks={**declared(base.masks), **patch.masks},
        trainable={**declared(base.trainable), **patch.trainable},
        init={**declared(base.init), **patch.init},
        initial={**declared(base.initial), **patch.initial},
        base=base,
    )
    for block in (merged.constants, merged.equations, merged.first_layer):
        _check_count(block, mistakes)
    return merged


def repeated_likewise(
    patch: Mapping[str, Statement], base: Mapping[str, Statement], mistakes: Mistakes
) -> dict[str, Statement]:
    """A patch whose equations that replace repeated ones are repeated with the others of their
    block, as are those that it writes beside them.
    """
    blocks = {name: each.repeat for name, each in base.items() if each.repeat is not None}
    joined: dict[Repeat, Repeat] = {}
    for name, each in patch.items():
        block = blocks.get(name)
        if block is None or each.repeat is None or each.repeat in joined:
            continue
        joined[each.repeat] = block
        if each.repeat.head != block.head:
            problem = f"'{name}' is repeated by `{block.head}` where it is replaced"
            mistakes.add(each.repeat.span, problem, f"write `{block.head}`")
    patched = {}
    for name, each in patch.items():
        block = joined.get(each.repeat, each.repeat) if each.repeat else blocks.get(name)
        patched[name] = replace(each, repeat=block)
    return patched


def _without(entries: Mapping[str, Entry], names: Mapping[str, object]) -> dict[str, Entry]:
    """The entries that have none of these names."""
    return {name: entry for name, entry in entries.items() if name not in names}


def _source(fields: Fields, mistakes: Mistakes) -> tuple[str, ...]:
    node = fields.node("source")
    items: Sequence[Node] = [node] if node else []
    if isinstance(node, Listing):
        items = node.items
    keys = []
    for item in items:
        if isinstance(item, Scalar) and isinstance(item.value, str) and len(item.value) <= MAX_TEXT:
            keys.append(item.value)
        elif isinstance(item, Scalar) and isinstance(item.value, str):
            mistakes.add(item.span, f"a source of more than {MAX_TEXT} characters", "shorten it")
        else:
            fix = "write source: [author2015]"
            mistakes.add(
                item.span, f"`source` is a text or a list of texts, not {describe(item)}", fix
            )
    return tuple(keys)


def _options(
    fields: Fields, mistakes: Mistakes, unread: Mistakes
) -> tuple[dict[str, float], dict[str, Declared]]:
    """Values of the options, and where they stand."""
    options: dict[str, float] = {}
    keys: dict[str, Declared] = {}
    table = fields.table_at("options", "{rank: 8}")
    for name, node in table.entries.items() if table else ():
        if not isinstance(node, Scalar) or not is_number(node.value):
            mistakes.add(
                node.span,
                f"option '{name}' must be a number, not {describe(node)}",
                f"write `{name}: 1`",
            )
        elif table and legal_name(name, table.keys[name], unread):
            options[name] = node.value  # type: ignore[assignment]  # is_number has just said so
            keys[name] = Declared(options[name], table.keys[name])
    return options, keys


def _inputs(table: Table | None, mistakes: Mistakes, unread: Mistakes) -> dict[str, Declared]:
    """Sizes of `inputs: {dt: 1, mask: inputs}`."""
    inputs: dict[str, Declared] = {}
    for name, node in table.entries.items() if table else ():
        value = node.value if isinstance(node, Scalar) else None
        size = as_integer(value) if value != "inputs" else value
        if size != "inputs" and (size is None or not 1 <= int(size) <= MAX_SIZE):
            problem = (
                f"the size of the input '{name}' is `inputs`, as wide as x, or a whole number from"
                f" 1 to {MAX_SIZE}, not {describe(node)}"
            )
            mistakes.add(node.span, problem, f"write `{name}: 1` or `{name}: inputs`")
        elif size != MEANT.get(name, (size,))[0]:
            usual, meaning = MEANT[name]
            problem = f"`{name}` is {meaning}, and no task has one of size {size}"
            mistakes.add(node.span, problem, f"write `{name}: {usual}`, or choose another name")
        elif table and legal_name(name, table.keys[name], unread):
            inputs[name] = Declared(size, table.keys[name])
    return inputs


def _weights(
    fields: Fields, mistakes: Mistakes
) -> tuple[dict[str, Declared], dict[str, Declared], dict[str, Declared]]:
    """Shapes, masks and what is trained of `weights: {R: {shape: [units, units], mask: row >= col,
    trainable: false}}`.
    """
    shapes: dict[str, Declared] = {}
    masks: dict[str, Declared] = {}
    trainable: dict[str, Declared] = {}
    table = fields.table_at("weights", "{R: {shape: [units, units]}}")
    for name, node in table.entries.items() if table else ():
        span = table.keys[name] if table else node.span
        if not isinstance(node, Table):
            sizes = node.items if isinstance(node, Listing) else ()
            written = ", ".join(str(getattr(size, "value", "units")) for size in sizes)
            shape = f"`{name}: {{shape: [{written or 'units, units'}]}}`"
            fix = f"write {shape}" + f" or `{name}: {{mask: row >= col}}`" * (not written)
            mistakes.add(node.span, f"weight '{name}' must be a table, not {describe(node)}", fix)
            continue
        legal_name(name, span, mistakes)
        entry = Fields(node, mistakes, f"weight '{name}'")
        if "shape" in entry:
            shapes[name] = Declared(_shape(entry, mistakes), span)
        if "mask" in entry:
            masks[name] = Declared(_mask(entry, mistakes), span)
        if "trainable" in entry:
            trainable[name] = Declared(float(entry.flag("trainable", True)), span)
        entry.done()
    return shapes, masks, trainable


def _shape(entry: Fields, mistakes: Mistakes) -> tuple[float | str, ...]:
    shape: list[float | str] = []
    for item in entry.listing("shape"):
        size = as_integer(item.value) if isinstance(item, Scalar) else None
        if isinstance(item, Scalar) and isinstance(item.value, str):
            shape.append(item.value)
        elif size is not None and 1 <= size <= MAX_SIZE:
            shape.append(size)
        else:
            problem = (
                f"a size is `units`, `inputs`, an option or a whole number from 1 to {MAX_SIZE},"
                f" not {describe(item)}"
            )
            mistakes.add(item.span, problem, "write shape: [units, inputs]")
    if len(shape) > 3:
        fix = "write [] for a scalar, [n] for a vector, [n, m] for a matrix, [n, m, k] for k such"
        mistakes.add(entry.span("shape"), "a weight has at most 3 dimensions", fix)
    return tuple(shape[:3])


def _mask(entry: Fields, mistakes: Mistakes) -> Code | None:
    node = entry.node("mask")
    code = _one_line(node) if node else None
    if code is None:
        mistakes.add(
            entry.span("mask"), "a mask is one expression on one line", "write mask: row >= col"
        )
    return code


def _one_line(node: Node) -> Code | None:
    """An expression on one line, with its place; None for anything else."""
    text = ""
    if isinstance(node, Scalar) and isinstance(node.value, str) and node.code is None:
        text = node.value
    if not (isinstance(node, Scalar) and text.partition("#")[0].strip()) or "\n" in text:
        return None
    quote = 1 if node.style else 0
    row = node.span
    return Code(row.file, (CodeLine(row.line, row.column + quote, row.text),), text)


def _init(table: Table | None, mistakes: Mistakes) -> dict[str, Declared]:
    initialisers = {}
    for name, node in table.entries.items() if table else ():
        init = init_of(node, mistakes)
        if table and init is not None:
            initialisers[name] = Declared(init, table.keys[name], code=_one_line(node))
    return initialisers


def init_of(node: Node, mistakes: Mistakes) -> Init | None:
    """An initialiser as written: a number, a name, an option, an expression, or `{normal: 0.1}`."""
    match node:
        case Scalar(value=str(name)) if name in INITIALISERS:
            return _initialiser(name, (), node.span, mistakes)
        case Scalar(value=str(option)) if _NAME.fullmatch(option) and option not in IN_BEGINNINGS:
            return Init("constant", (option,))  # `lang.check` knows which options there are
        case Scalar(value=str(text)) if _one_line(node):
            return Init(EXPRESSION, (text,))
        case Scalar(value=number) if is_number(number):
            return Init("constant", (number,))  # type: ignore[arg-type]
        case Table() if len(node.entries) == 1:
            ((name, argument),) = node.entries.items()
            if name not in INITIALISERS:
                fix = nearest(name, INITIALISERS)
                mistakes.add(node.keys[name], f"no initialiser '{name}'", fix)
                return None
            values = _arguments(argument)
            if values is not None:
                return _initialiser(name, values, argument.span, mistakes)
    fix = "write a number, a name such as orthogonal, or {normal: 0.1}"
    mistakes.add(node.span, f"an initialiser cannot be {describe(node)}", fix)
    return None


def _arguments(node: Node) -> tuple[float | str, ...] | None:
    """Numbers and names of options, of which a list may have several; None for anything else."""
    items = node.items if isinstance(node, Listing) else (node,)
    values = tuple(item.value for item in items if isinstance(item, Scalar))
    legal = all(is_number(value) or isinstance(value, str) for value in values)
    # checked just now
    return values if legal and len(values) == len(items) else None  # type: ignore[return-value]


def _initialiser(
    name: str, values: tuple[float | str, ...], span: Span, mistakes: Mistakes
) -> Init | None:
    least, most = INITIALISERS[name]
    if not least <= len(values) <= most:
        wanted = f"{least}" if least == most else f"{least} to {most}"
        noun = "value" if wanted == "1" else "values"
        example = (name, f"{{{name}: 0.1}}", f"{{{name}: [-0.1, 0.1]}}")[most]
        if name == "spectral_radius":
            example = "{spectral_radius: 0.9}, or {spectral_radius: [0.9, 0.1]} with a density"
        problem = f"the initialiser '{name}' takes {wanted} {noun}, not {len(values)}"
        mistakes.add(span, problem, f"write {example}")
        return None
    return Init(name, values)


def _initial(table: Table | None, mistakes: Mistakes) -> dict[str, Declared]:
    initial = {}
    for name, node in table.entries.items() if table else ():
        value = node.value if isinstance(node, Scalar) else None
        if value == "learned" or is_number(value):
            initial[name] = Declared(value, table.keys[name] if table else node.span)
        else:
            fix = f"write `{name}: 0` or `{name}: learned`"
            mistakes.add(
                node.span, f"a state starts from a number or is learned, not {describe(node)}", fix
            )
    return initial


def _statements(code: Code | None, mistakes: Mistakes) -> dict[str, Statement]:
    """Split a block into `name = expression`; an expression continues on the next line while a
    bracket is open.
    """
    statements: dict[str, Statement] = {}
    for statement in _split(code, mistakes) if code else ():
        # reading goes on with what is meant
        statement = _without_time(statement, mistakes)  # noqa: PLW2901
        base = statement.name.removesuffix(BEFORE_FIRST)
        if statement.name in statements:
            line = statements[statement.name].span.line
            mistakes.add(
                statement.span,
                f"'{statement.name}' has an equation on line {line} already",
                "keep one of them",
            )
        elif legal_name(base, statement.span, mistakes):
            statements[statement.name] = statement
    _check_count(statements, mistakes)
    return statements


def _without_time(statement: Statement, mistakes: Mistakes) -> Statement:
    """Report `hₜ = ...`, as `show` prints an equation, and read it as one of `h`."""
    name = statement.name.removesuffix(SHOWN_NOW)
    if name == statement.name or FOREIGN.search(name):
        return statement
    mistakes.add(statement.span, *shown_words(statement.name, name))
    return replace(statement, name=name)


def _check_count(block: Mapping[str, Statement], mistakes: Mistakes) -> None:
    if len(block) > MAX_EQUATIONS:
        last = list(block.values())[MAX_EQUATIONS]
        mistakes.add(last.span, f"more than {MAX_EQUATIONS} equations in one block", "merge some")


def _split(code: Code, mistakes: Mistakes) -> Iterable[Statement]:
    lines = [line.partition("#")[0].rstrip() for line in code.text.split("\n")]
    for row, line in enumerate(lines):
        lines[row], more = _one_equation(line, code.span(row, 0), mistakes)
        if (head := _HEAD.match(more)) is not None:
            yield _read_as_zero(head[2], code, row)
    bare = Code(code.file, code.rows, "\n".join(lines))
    row, block, margin, is_empty = 0, None, 0, False
    inner: dict[str, int] = {}  # the letters of blocks within the block, and their margins
    while row < len(lines):
        if not lines[row].strip():
            row += 1
            continue
        until = _end(lines, row)
        head = _HEAD.match(lines[row])
        indent = len(lines[row]) - len(lines[row].lstrip())
        body = "\n".join(lines[row:until])[head.end() :] if head else ""
        span = bare.span(row, indent, len(lines[row]) - indent)
        if block is not None and indent <= margin:
            _check_block(block, is_empty, mistakes)
            block = None
        inner = {letter: column for letter, column in inner.items() if column < indent}
        if not head and (_REPEAT.match(lines[row]) or _FOR.fullmatch(lines[row])):
            if block is None:
                block, margin, is_empty = _repeat(lines[row], span, mistakes), indent, True
            else:
                problem = "`repeat` within `repeat` is not part of the language"
                mistakes.add(span, problem, _fix_of_inner(block))
                inner[_repeat(lines[row], span, Mistakes()).index] = indent
        elif not head or not body.strip():
            before = f"{block.index}-1" if block is not None else "t-1"
            mistakes.add(span, *_no_equation(lines[row], before))
            is_empty = False
            for meant in _meant(bare, lines, row, until):
                yield replace(meant, repeat=block)
        else:
            span = bare.span(row, head.start(2), len(head[2]))
            part = bare.part(row, head.end(), until)
            if block is not None:
                part = replace(part, text=_of_outer(part.text, block, inner))
            yield Statement(head[2], span, part, repeat=block)
            is_empty = False
        row = until
    _check_block(block, is_empty, mistakes)


def _one_equation(line: str, span: Span, mistakes: Mistakes) -> tuple[str, str]:
    """A line up to a semicolon, which is reported, and what stands behind that."""
    first, sign, more = line.partition(";")
    opened = sum(map(first.count, "([")) - sum(map(first.count, ")]"))
    if not sign or opened:  # within brackets the parser says what it is
        return line, ""
    place = replace(span, column=span.column + len(first))
    fix = "put what follows on a line of its own" if more.strip() else "delete it"
    mistakes.add(place, "an equation ends where its line does, not at `;`", fix)
    return first.rstrip(), more


def _meant(code: Code, lines: Sequence[str], row: int, until: int) -> Iterator[Statement]:
    """The equations that a line means which is none, so that no other mistake follows from it."""
    line = lines[row]
    if (indexed := _INDEXED.match(line)) is not None:
        span = code.span(row, indexed.start(2), len(indexed[2]))
        yield Statement(indexed[2], span, code.part(row, indexed.end(), until))
    elif _SEVERAL.match(line) or _UPDATE.match(line) or _OTHER_SIGN.match(line):
        for name in re.findall(r"\w+", re.split("=|<-", line)[0]):
            yield _read_as_zero(name, code, row)


def _read_as_zero(name: str, code: Code, row: int) -> Statement:
    """An equation of a name whose mistake is reported, so that no other mistake follows from it."""
    return Statement(name, code.span(row, 0), replace(code.part(row, 0, row + 1), text="0"))


def _no_equation(line: str, before: str) -> tuple[str, str]:
    """What to say of a line that is no equation; `before` is the index of what was before it."""
    if (update := _UPDATE.match(line)) is not None:
        name, sign = update.groups()
        rest = line[update.end() :].strip()[:40]
        return (
            f"`{sign}=` is not part of the language",
            f"write {name} = {name}[{before}] {sign} {rest}",
        )
    if (indexed := _INDEXED.match(line)) is not None:
        what = "step" if before == "t-1" else "round"
        fix = f"write `{indexed[2]} = ...`: a bare name is this {what}'s"
        return f"a name before `=` has no index, and this has [{indexed[3]}]", fix
    if (other := _OTHER_SIGN.match(line)) is not None:
        return f"`{other[2]}` is not the sign of an equation", f"write `{other[1]} = ...`"
    if (empty := re.fullmatch(r"\s*(\w+)\s*=\s*", line)) is not None:
        return "this equation has no right side", f"write what it is, such as `{empty[1]} = 1`"
    first = re.findall(r"\w+", line)[:1]
    if first and first[0] in _PYTHON:
        return f"`{first[0]}` is not part of the language", _PYTHON[first[0]]
    if (several := _SEVERAL.match(line)) is not None:
        first, second = re.findall(r"\w+", several[1])[:2]
        return "an equation has one name", f"write one for each: `{first} = ...`, `{second} = ...`"
    fix = "write `name = expression`; an equation goes on below only inside brackets"
    return "this is not an equation", fix


def _fix_of_inner(block: Repeat) -> str:
    return f"write the inner rounds out, below `{block.head}`"


def _of_outer(text: str, block: Repeat, inner: Iterable[str]) -> str:
    """An equation of a block within a block as one of the outer block: reading goes on."""
    for letter in inner:
        text = re.sub(rf"\b{letter}\b", block.index.ljust(len(letter)), text)
    return text


def _repeat(line: str, span: Span, mistakes: Mistakes) -> Repeat:
    """The head of a block, `repeat k to depth:`; of a `for` what is meant."""
    if (loop := _FOR.fullmatch(line)) is not None:
        meant = Repeat(loop[1], loop[2] or "1", span)
        mistakes.add(span, "`for` is not part of the language", f"write `{meant.head}`")
        return meant
    written = _REPEAT_TO.fullmatch(line.strip())
    if written is None:
        fix = "write `repeat k to depth:`, with an option `depth` or a whole number"
        mistakes.add(span, "this is no head of a block", fix)
        return Repeat("k", "1", span)
    legal_name(written[1], span, mistakes)
    return Repeat(written[1], written[2], span)


def _check_block(block: Repeat | None, is_empty: bool, mistakes: Mistakes) -> None:
    """A block has equations."""
    if block is not None and is_empty:
        fix = "indent the equations that are repeated"
        mistakes.add(block.span, "nothing is repeated here", fix)


def _end(lines: Sequence[str], row: int) -> int:
    """The row after the statement that begins at `row`."""
    depth = 0
    for last in range(row, len(lines)):
        depth += sum(map(lines[last].count, "([")) - sum(map(lines[last].count, ")]"))
        if depth <= 0:
            return last + 1
    return row + 1  # a bracket that is never closed: let the parser say so on its own line


def shown_words(written: str, meant: str) -> tuple[str, str]:
    """What to say of a name with its time in subscript letters."""
    problem = f"'{written}' is how `rnnzoo show` prints it, and not part of the language"
    return problem, f"write {meant} for {written}"


def foreign_words(char: str) -> tuple[str, str]:
    """Problem and fix for a character that looks like an English letter or a sign of the language
    but is neither.
    """
    name = unicodedata.name(char, f"U+{ord(char):04X}").lower()
    greek = name.removeprefix("greek small letter ").replace("lamda", "lambda_")
    fix = "names are English letters, digits and `_`; signs are ASCII"
    if name.startswith("greek small letter ") and greek.isidentifier():
        fix = f"write {greek}"
    elif char in SIGNS:
        fix = f"write {SIGNS[char]}"
    return f"'{char}' ({name}) is not part of the language", fix


def legal_name(name: str, span: Span, mistakes: Mistakes) -> bool:
    """Whether a name can be used in equations; if not, report why."""
    if keyword.iskeyword(name) or (keyword.issoftkeyword(name) and name == "_"):
        mistakes.add(
            span,
            f"'{name}' is a word of Python and cannot be a name",
            f"write {name}_ or another letter",
        )
    elif foreign := FOREIGN.search(name):
        mistakes.add(span, *foreign_words(foreign[0]))
    elif not _NAME.fullmatch(name):
        mistakes.add(
            span,
            f"'{name[:60]}' cannot be a name",
            "use English letters, digits and `_`, a letter first",
        )
    elif len(name) > MAX_NAME:
        mistakes.add(span, f"a name of more than {MAX_NAME} characters", "shorten it")
    else:
        return True
    return False
