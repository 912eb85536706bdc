"""CellSpec, and what it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rnnzoo.errors import Mistake, Span, SpecError, UsageError, nearest
from rnnzoo.spec.document import MAX_NUMBER, Code, is_number
from rnnzoo.spec.hyperparameters import Value

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


@dataclass(frozen=True, slots=True)
class Initialiser:
    """A way in which a weight begins; its meaning is that of Keras.

    Attributes:
        about: how entries begin.
        least, most: how many values it takes.
    """

    about: str
    least: int = 0
    most: int = 0


INITIALISERS: Mapping[str, Initialiser] = {
    "constant": Initialiser("every entry is this number", 1, 1),
    "zeros": Initialiser("every entry is 0"),
    "ones": Initialiser("every entry is 1"),
    "identity": Initialiser("the identity matrix, times this number or 1", 0, 1),
    "orthogonal": Initialiser("a random orthogonal matrix, times this number or 1", 0, 1),
    "normal": Initialiser("normal, with this standard deviation", 1, 1),
    "uniform": Initialiser("uniform, from minus this number to it, or between two", 1, 2),
    "glorot_uniform": Initialiser("uniform, with a variance of 2 / (rows + columns)"),
    "glorot_normal": Initialiser("normal, with a variance of 2 / (rows + columns)"),
    "he_uniform": Initialiser("uniform, with a variance of 2 / columns"),
    "he_normal": Initialiser("normal, with a variance of 2 / columns"),
    "lecun_uniform": Initialiser("uniform, with a variance of 1 / columns"),
    "lecun_normal": Initialiser("normal, with a variance of 1 / columns"),
    "spectral_radius": Initialiser(
        "normal, scaled to this largest absolute eigenvalue; beside it the share of entries that"
        " are not 0",
        1,
        2,
    ),
}
EXPRESSION = "expression"  # an `Init` with the text of one, which `lang.start` computes
# An `Init` of a matrix on joined vectors: an initialiser for the columns of each, as if each had a
# matrix of its own.
BY_COLUMNS = "by columns"
# Names of inputs that mean the same in every cell, with their sizes.
MEANT: Mapping[str, tuple[int | str, str]] = {
    "dt": (1, "the time since the step before, one number"),
    "mask": ("inputs", "which inputs are observed, for each of x"),
}
# Names that mean something in the expression of an initial weight, and are no options.
IN_BEGINNINGS = ("random", "unit", "row", "col", "units", "inputs")
BEFORE_FIRST = "[0]"  # behind the name of a repeated equation: what it is before the first round


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
