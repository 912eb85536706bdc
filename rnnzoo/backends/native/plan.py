"""A `Plan`: a loop over time as groups of operations on rows in memory.

Stages follow each other.  Each has groups of elementwise operations that one pass over a row
computes, and then products and operations over units.  Wide values are taken apart: each member is
a value of its own, as long as its size, so that the gates of a unit are computed together and stay
in registers.  Members lie side by side in memory only where a product or the outside reads them so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum

from rnnzoo.lang import ir

Named = tuple[str, str]  # (kind, name), as of an `ir.Ref`
ONE = 1  # the size of a number, which all units read


class Unprintable(Exception):
    """A loop that has no native code; says why."""


class Axes(Enum):
    """What the rows of an array are."""

    STEPS = "steps"  # one for each step and sequence
    PREVIOUS = "previous"  # likewise, read at the step before; there is an array for the first
    BATCH = "batch"  # one for each sequence
    FIXED = "fixed"  # one for all
    EXACT = "exact"  # one for all, in two floats whose sum is the number
    MATRIX = "matrix"  # weights (columns, rows)
    TIMED = "timed"  # one for all sequences, computed at each step
    SCRATCH = "scratch"  # one for each sequence that is computed together


@dataclass(eq=False, slots=True)
class Memory:
    """Rows of vectors that lie side by side.

    Attributes:
        name: of the variable that points to them.
        sizes: of the vectors.
        ready: the first stage that may read them.
    """

    name: str
    axes: Axes
    sizes: tuple[ir.Size, ...]
    ready: int = 0


@dataclass(frozen=True, slots=True)
class Argument:
    """An array that a loop reads or writes.

    Attributes:
        key: whose value it is.
        memory: where its rows are.
    """

    key: Named
    memory: Memory


@dataclass(frozen=True, eq=False, slots=True)
class Place:
    """One of the vectors in memory."""

    memory: Memory
    member: int

    @property
    def size(self) -> ir.Size:
        return self.memory.sizes[self.member]


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number that is the same for all sequences and units, as C++."""

    text: str


@dataclass(frozen=True, slots=True)
class Known:
    """An option or a size that a loop reads as a float.

    Attributes:
        is_rest: whether it is what a float leaves of the number: both together are that in doubles.
    """

    ref: ir.Ref
    is_rest: bool = False


@dataclass(eq=False, slots=True)
class Operation:
    """An elementwise operation on vectors of one size.

    Attributes:
        form: as C++, with `{0}` for its first operand.
        places: where its value is written.
    """

    form: str
    operands: tuple[Member, ...]
    size: ir.Size
    stage: int
    places: list[Place] = field(default_factory=list)

    @property
    def group(self) -> tuple[int, ir.Size]:
        """Which pass computes it."""
        return self.stage, self.size


Member = Place | Scalar | Operation


@dataclass(frozen=True, eq=False, slots=True)
class Product:
    """Rows times a matrix.

    Attributes:
        operand: the first of the vectors that it multiplies.
        inner: sizes of these.
        transposed: whether it multiplies with the transposed matrix.
    """

    weight: Memory
    transposed: bool
    operand: Place
    inner: tuple[ir.Size, ...]
    result: Memory
    stage: int


@dataclass(frozen=True, eq=False, slots=True)
class OverUnitsCall:
    """An operation over the units of a vector.

    Attributes:
        function: of the prelude.
        groups: their number as C++; empty for all units.
        yields_number: whether a group has one number.
    """

    function: str
    operand: Place
    groups: str
    yields_number: bool
    result: Memory
    stage: int


@dataclass(frozen=True, eq=False, slots=True)
class MatricesCall:
    """An operation on a matrix that the step computes, or one that makes such a matrix.

    Attributes:
        function: of the prelude.
        heads: their number as C++.
    """

    function: str
    operands: tuple[Place, Place]
    grid: ir.Grid
    heads: str
    result: Memory
    stage: int


@dataclass(frozen=True, eq=False, slots=True)
class Timed:
    """An operation in doubles at each step.

    Attributes:
        operands: names of other such, of exact arrays, or numbers as C++; each with its size, None
            for a number.
        size: None for one number.
        memory: where its value in floats is; None where no row reads it.
    """

    name: str
    form: str
    operands: tuple[tuple[str, ir.Size | None], ...]
    size: ir.Size | None
    memory: Memory | None

    @property
    def vector(self) -> ir.Size | None:
        """Its size where entries have numbers of their own; None where all read one."""
        return None if self.size == ONE else self.size


@dataclass(frozen=True, slots=True)
class Carried:
    """What a loop hands from step to step.

    Attributes:
        old: as a step finds it.
        new: as a step leaves it.
        above: rows that are added to `old`, as a layer above hands them back; None for none.
    """

    name: str
    old: Memory
    new: Memory
    above: Memory | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """One loop.

    Attributes:
        backward: whether it goes from the last step to the first.
        inputs, outputs: arrays in the order of its arguments.
        sizes: all that it reads, in this order behind the numbers of steps and sequences.
        numbers: options and sizes that it reads.
        kept: outputs that are 0 in steps that are padding.
    """

    backward: bool
    inputs: tuple[Argument, ...]
    outputs: tuple[Argument, ...]
    sizes: tuple[ir.Size, ...]
    numbers: tuple[Known, ...]
    carried: tuple[Carried, ...]
    kept: tuple[Memory, ...]
    scratch: tuple[Memory, ...]
    timed: tuple[Timed, ...]
    operations: tuple[Operation, ...]
    products: tuple[Product, ...]
    over_units: tuple[OverUnitsCall, ...]
    of_matrices: tuple[MatricesCall, ...]

    @property
    def stages(self) -> int:
        """How many stages there are."""
        stages = [operation.stage for operation in self.operations]
        stages += [product.stage for product in self.products]
        stages += [call.stage for call in self.over_units]
        stages += [call.stage for call in self.of_matrices]
        return 1 + max(stages, default=0)


def entry_of(size: ir.Size | None, number: str) -> str:
    """The index of what is timed, or exact, where an entry of that number is computed: every entry
    reads the only one of a vector of one number.
    """
    if size is None:
        return ""
    return "[0]" if size == ONE else f"[{number}]"


def literal(value: float) -> str:
    """A number as C++."""
    if math.isnan(value):
        return "NAN"
    if math.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    return f"{float(value)!r}f"
