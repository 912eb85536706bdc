"""The intermediate representation of a cell: typed, single assignment, every name resolved, every
size known.

In: what `lang.check` found right.  Out: one frozen value with many readers (reference, LaTeX,
counts, the text again, the compiled layer).  Sizes are symbols (`units`, `inputs`, an option's
name) or numbers until a layer is built.

Contains: every cell whose step is elementwise operations and products of weights with vectors, on
this step's and the previous step's values: Elman, LSTM, GRU, clockwork, JANET, the 10,000 cells of
Jozefowicz et al. 2015.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from rnnzoo.errors import UsageError, listed
from rnnzoo.spec.cell import BY_COLUMNS, Init

if TYPE_CHECKING:
    from rnnzoo.lang.primitives import Primitive


@dataclass(frozen=True, slots=True)
class Grid:
    """The size of a matrix that a step computes, whose entries lie in one vector, row by row.

    With several heads it is as many matrices one after the other, each with its share of the rows
    and of the columns: (heads, rows / heads, columns / heads).

    Attributes:
        rows: the size of the vectors that its rows are counted by, all heads together.
        columns: likewise; `C @ q` takes a vector of this size, and gives one of `rows`.
        heads: a number, or the name of an option.
    """

    rows: str | int
    columns: str | int
    heads: str | int = 1

    @property
    def count(self) -> Number | Ref:
        """The number of heads as an operand."""
        if isinstance(self.heads, int):
            return Number(float(self.heads))
        return Ref("option", self.heads)

    @property
    def turned(self) -> Grid:
        """The size of the transposed matrix."""
        return Grid(self.columns, self.rows, self.heads)


# A text is a symbol, or an expression of such: `units / 4`.  A tuple is
# several sizes: vectors side by side, which `stack` makes; in a cell only the columns of a matrix
# on joined vectors, `W @ [h[t-1], x]`
Size = str | int | Grid | tuple["Size", ...]
Shape = tuple[Size, ...]
RefKind = Literal[
    "input",  # `x`, or a named further input
    "time",  # `t`, the number of the step
    "option",
    "constant",
    "unit",  # in constants, and where vectors begin: the number of each unit, from 0
    "row",  # in masks: a constant along the rows of a weight; without a name, the rows' numbers
    "col",  # likewise along its columns
    "weight",
    "fixed",  # a weight that is never trained
    "value",  # of an equation at this step
    "previous",  # of an equation at the step before
    "below",  # of an equation at this step, in the layer below
    "random",  # where weights begin: a number from 0 to 1 for each entry
    "size",  # `units` or `inputs` as a number, in constants and masks; in programs any size
    "drop",  # in programs: the mask of dropout on a product's operand (`lang.widen`)
    "adjoint",  # in programs: the gradient of the loss with respect to a value (`lang.adjoint`)
]
X = "x"  # the input that every cell may read
WEIGHTS: tuple[RefKind, ...] = ("weight", "fixed")
# what a gradient flows to
WITH_ADJOINT: tuple[RefKind, ...] = ("value", "weight", "input", "below", "previous")
# as papers call a bias, a peephole and a vector of weights
_VECTOR = re.compile(r"[bpw](_\w+)?")


@dataclass(frozen=True, slots=True)
class Number:
    value: float
    shape: Shape = ()


@dataclass(frozen=True, slots=True)
class Ref:
    """A name in an expression, and the kind of thing that it stands for.

    `steps` is how far back a previous value is; it is above 1 only in what `as_written` gives.
    """

    kind: RefKind
    name: str
    shape: Shape = ()
    steps: int = 1


@dataclass(frozen=True, slots=True)
class Apply:
    """An operation on its operands: elementwise, or `W @ v`.

    `params` are static numbers that the operation knows the meaning of; only `lang.passes` makes
    operations with such.
    """

    op: Primitive
    args: tuple[Expr, ...]
    shape: Shape = ()
    params: tuple[int, ...] = ()


Expr = Number | Ref | Apply


@dataclass(frozen=True, slots=True)
class Weight:
    """An array that is trained, or that stays as it begins.

    `mask` is an expression of 0 and 1 over (row, col), or None; masked entries stay 0.
    """

    name: str
    shape: Shape
    init: Init
    mask: Expr | None = None
    trained: bool = True

    @property
    def ref(self) -> Ref:
        """The weight in an expression."""
        return Ref("weight" if self.trained else "fixed", self.name, self.shape)


@dataclass(frozen=True, slots=True)
class State:
    """What a layer carries from step to step.

    `initial` is a number, or `learned`: a trained vector.
    """

    name: str
    size: Size
    initial: float | Literal["learned"] = 0.0


@dataclass(frozen=True, slots=True)
class NamedInput:
    """What the equations read beside `x` under a name of its own.

    `size` is a whole number, or `inputs`: as wide as x of the first layer.
    """

    name: str
    size: int | Literal["inputs"]

    @property
    def is_as_wide_as_x(self) -> bool:
        return self.size == "inputs"

    @property
    def size_in_words(self) -> str:
        return "as wide as x" if self.is_as_wide_as_x else str(self.size)


@dataclass(frozen=True, slots=True)
class Equation:
    """`name = expr`; an expression without size fills a vector of `size`."""

    name: str
    expr: Expr
    size: Size


@dataclass(frozen=True, slots=True)
class Step:
    """The equations of one layer's step, each after those that it needs, and the weights that they
    use.
    """

    equations: tuple[Equation, ...]
    weights: tuple[Weight, ...]

    def equation(self, name: str) -> Equation:
        return next(equation for equation in self.equations if equation.name == name)

    @property
    def reads_time(self) -> bool:
        """Whether an equation reads the number of the step, `t`."""
        return any(refs_in(self.equations, "time"))

    @property
    def draws(self) -> dict[str, Equation]:
        """The equations that are drawn at random while a layer trains, by name."""
        return {
            equation.name: equation
            for equation in self.equations
            if isinstance(equation.expr, Apply) and equation.expr.op.draws
        }

    def with_draws_given(self) -> Step:
        """The same step, which reads what is drawn as an input of the name of its equation."""
        drawn = self.draws

        def given(ref: Ref) -> Ref:
            is_drawn = ref.kind == "value" and ref.name in drawn
            return Ref("input", ref.name, (drawn[ref.name].size,)) if is_drawn else ref

        left = (equation for equation in self.equations if equation.name not in drawn)
        equations = tuple(
            replace(equation, expr=with_refs(equation.expr, given)) for equation in left
        )
        return Step(equations, self.weights)

    @property
    def named_inputs(self) -> frozenset[str]:
        """Names of the inputs beside `x` that an equation reads."""
        return frozenset(ref.name for ref in refs_in(self.equations, "input")) - {X}


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell that means something.

    Attributes:
        constants: computed once, in float64, when a layer is built; each after those that it needs.
        states: the output first if it is a state, then in the order of the first `[t-1]` among the
            ordered equations.
        step: of every layer but the first of a stack.
        first: of the first layer; equal to `step` unless the cell has a `first_layer`.
        named_inputs: what the equations read beside `x`, in the order in which a layer has them
            behind x in the last axis of what it reads.
    """

    name: str
    title: str
    source: tuple[str, ...]
    output: str
    options: Mapping[str, float]
    constants: tuple[Equation, ...]
    states: tuple[State, ...]
    step: Step
    first: Step
    named_inputs: tuple[NamedInput, ...] = ()

    def layer(self, number: int) -> Step:
        """The step of layer `number`, from 1."""
        return self.first if number == 1 else self.step

    def columns(self, inputs: int) -> int:
        """How many numbers a layer reads at a step where x has `inputs`: x, and the named
        inputs behind it.
        """
        return inputs + sum(self.width(named_input, inputs) for named_input in self.named_inputs)

    @staticmethod
    def width(named: NamedInput, inputs: int) -> int:
        """How many numbers a named input has at a step."""
        return inputs if named.size == "inputs" else named.size

    def inputs_in(self, columns: int) -> int:
        """The size of x, where a layer reads so many numbers at a step.

        Raises:
            UsageError: the named inputs do not leave a whole number of them from 1.
        """
        if not self.named_inputs:
            return columns
        fixed = self.columns(0)
        each_of_x = 1 + sum(named_input.is_as_wide_as_x for named_input in self.named_inputs)
        inputs, rest = divmod(columns - fixed, each_of_x)
        if inputs < 1 or rest:
            sized = listed(
                [f"{beside.name} ({beside.size_in_words})" for beside in self.named_inputs]
            )
            names = listed([X, *(beside.name for beside in self.named_inputs)])
            raise UsageError(
                f"cell '{self.name}' reads {sized} beside x, and {columns} numbers a step leave no"
                " whole number of inputs",
                f"give it {names} side by side in the last axis, {self.columns(1)} numbers for an"
                " x of 1",
            )
        return inputs

    def split(self, columns: Any) -> dict[str, Any]:
        """What a layer reads, an array or a tensor (..., columns), as x and the named inputs."""
        inputs = end = self.inputs_in(columns.shape[-1])
        parts = {X: columns[..., :inputs]} if self.named_inputs else {X: columns}
        for named_input in self.named_inputs:
            begin, end = end, end + self.width(named_input, inputs)
            parts[named_input.name] = columns[..., begin:end]
        return parts

    @property
    def named_in_all_layers(self) -> tuple[NamedInput, ...]:
        """The named inputs that every layer of a stack reads, all alike."""
        return tuple(
            named_input for named_input in self.named_inputs if not named_input.is_as_wide_as_x
        )

    def check_layers(self, layers: int) -> None:
        """Check that a stack can have so many layers.

        Raises:
            UsageError: further layers read an input that is as wide as x of the first.
        """
        read = self.step.named_inputs
        names = [
            named_input.name for named_input in self.named_inputs if named_input.is_as_wide_as_x
        ]
        for name in (name for name in names if name in read and layers > 1):
            raise UsageError(
                f"cell '{self.name}' reads '{name}', which is as wide as the inputs, and further"
                " layers have others: the outputs of the layer below",
                "take one layer, or give the cell a `first_layer: |` that alone reads it",
            )

    @property
    def all_weights(self) -> tuple[Weight, ...]:
        """The weights of the layers above the first, and then its own: names may come twice."""
        return (*self.step.weights, *self.first.weights)

    @property
    def learned(self) -> tuple[Weight, ...]:
        """In each layer, the weights that states begin with whose beginning is learned."""
        return tuple(
            Weight(initial_weight(state.name), (state.size,), Init("zeros"))
            for state in self.states
            if state.initial == "learned"
        )

    @property
    def output_size(self) -> Size:
        return self.step.equation(self.output).size

    @property
    def needs_below(self) -> frozenset[str]:
        """Names of equations that the layer above reads."""
        return frozenset(ref.name for ref in refs_in(self.step.equations, "below"))

    def mean_of(self, draw: Equation) -> float:
        """The mean of what an equation draws."""
        assert isinstance(draw.expr, Apply)
        return number_of(draw.expr.args[0], self.options)

    @property
    def draws(self) -> bool:
        """Whether a layer draws random numbers while it trains."""
        return bool(self.step.draws or self.first.draws)

    @property
    def reads_time(self) -> bool:
        """Whether an equation of any layer reads the number of the step, `t`."""
        return self.step.reads_time or self.first.reads_time


def initial_weight(state: str) -> str:
    """The name of the weight with which a state of that name begins, where this is learned."""
    return f"initial_{state}"


def default_init(shape: Shape, on_state: Collection[int]) -> Init:
    """What a weight begins with where nothing is said: Glorot uniform on inputs, orthogonal on
    states, vectors zero.

    Args:
        on_state: which of the joined vectors that a matrix multiplies depend on a state, in any
            layer; of a matrix on one vector, 0 if it does.
    """
    if len(shape) != 2:
        return Init("zeros")
    # as in Keras' recurrent layers: their kernels, recurrent kernels and biases
    columns = shape[1] if isinstance(shape[1], tuple) else shape[1:]
    names = ["glorot_uniform"] * len(columns)
    for number in on_state:
        names[number] = "orthogonal"
    return Init(names[0]) if len(names) == 1 else Init(BY_COLUMNS, tuple(names))


def names_matrix(name: str) -> bool:
    """Whether an undeclared name before `@` is a matrix of weights."""
    return name[:1].isupper()


def names_vector(name: str) -> bool:
    """Whether an undeclared name elsewhere is a vector of weights."""
    return _VECTOR.fullmatch(name) is not None


def walk(expr: Expr) -> Iterator[Expr]:
    """The expression and everything in it, operands first."""
    if isinstance(expr, Apply):
        for arg in expr.args:
            yield from walk(arg)
    yield expr


def with_refs(expr: Expr, instead: Callable[[Ref], Ref]) -> Expr:
    """The same expression with other names."""
    match expr:
        case Ref():
            return instead(expr)
        case Apply(args=args):
            return replace(expr, args=tuple(with_refs(arg, instead) for arg in args))
    return expr


def refs(expr: Expr, *kinds: RefKind) -> Iterator[Ref]:
    """The names of these kinds in an expression, in reading order."""
    for node in walk(expr):
        if isinstance(node, Ref) and node.kind in kinds:
            yield node


def refs_in(equations: Iterable[Equation], *kinds: RefKind) -> Iterator[Ref]:
    """The names of these kinds in equations, in reading order."""
    for equation in equations:
        yield from refs(equation.expr, *kinds)


def products(expr: Expr) -> Iterator[Apply]:
    """The products of a weight and a vector in an expression."""
    for node in walk(expr):
        if isinstance(node, Apply) and node.op.is_product:
            yield node


def grouped(expr: Expr) -> Iterator[tuple[Primitive, Size, Expr]]:
    """The operations over groups of units in an expression, each with the size of its operands and
    the number of groups.
    """
    for node in walk(expr):
        if isinstance(node, Apply) and node.op.over_units and len(node.args) != node.op.arity:
            operands = node.args[: node.op.arity]
            if not any(is_matrix(operand.shape) for operand in operands):  # it has its heads
                for size in dict.fromkeys(operand.shape[0] for operand in operands):
                    yield node.op, size, node.args[-1]


def is_matrix(shape: Shape) -> bool:
    """Whether a shape is that of a matrix that a step computes."""
    return len(shape) == 1 and isinstance(shape[0], Grid)


def size_text(size: Size) -> str:
    """A size as people write it: `units`, `units + inputs` of vectors side by side, or `units,
    units` of a matrix.
    """
    if isinstance(size, Grid):
        rows, columns, heads = size.rows, size.columns, size.heads
        if heads == 1:
            return f"{rows}, {columns}"
        return f"{heads}, {rows} / {heads}, {columns} / {heads}"
    return " + ".join(map(size_text, size)) if isinstance(size, tuple) else str(size)


def joined(operand: Expr) -> tuple[Expr, ...]:
    """The vectors that a product's operand lays side by side; an operand that lays none is one."""
    return operand.args if isinstance(operand, Apply) and operand.op.joins else (operand,)


def terms(expr: Expr, positive: bool = True) -> Iterator[tuple[Expr, bool]]:
    """The terms of a sum in reading order, each with whether it is added; an expression that is no
    sum is one term.
    """
    if not isinstance(expr, Apply) or not expr.op.signs:
        yield expr, positive
        return
    for sign, operand in zip(expr.op.signs, expr.args):
        yield from terms(operand, positive == (sign > 0))


def stateful_names(equations: Sequence[Equation]) -> frozenset[str]:
    """Names of the equations that depend on a previous step or on time, directly or through
    others.
    """
    names: set[str] = set()
    for equation in equations:  # in order: what an equation needs stands before it
        if is_stateful(equation.expr, names):
            names.add(equation.name)
    return frozenset(names)


def is_stateful(expr: Expr, stateful: frozenset[str] | set[str]) -> bool:
    """Whether an expression depends on a previous step or on time, given the equations that do."""
    return any(
        ref.kind in ("previous", "time") or (ref.kind == "value" and ref.name in stateful)
        for ref in refs(expr, "previous", "time", "value")
    )


# what differs from step to step, or from sequence to sequence
_MOVING: tuple[RefKind, ...] = ("input", "time", "previous", "below", "drop", "adjoint")


def fixed_names(equations: Sequence[Equation]) -> frozenset[str]:
    """Names of the equations of weights and constants alone, which have one value for all steps."""
    names: set[str] = set()
    for equation in equations:  # in order: what an equation needs stands before it
        if is_fixed(equation.expr, names):
            names.add(equation.name)
    return frozenset(names)


def timeless_names(step: Step) -> frozenset[str]:
    """Names of the equations that are shown without a time: of weights and constants alone, and
    read at no earlier step.
    """
    lags = {ref.name for ref in refs_in(step.equations, "previous")}
    return fixed_names(step.equations) - lags


def is_fixed(expr: Expr, fixed: Collection[str]) -> bool:
    """Whether an expression is of weights and constants alone, given the equations that are."""
    for node in walk(expr):
        is_drawn = isinstance(node, Apply) and node.op.draws
        is_moving = isinstance(node, Ref) and node.kind in _MOVING
        is_of_moving = isinstance(node, Ref) and node.kind == "value" and node.name not in fixed
        if is_drawn or is_moving or is_of_moving:
            return False
    return True


def moves_matrix(expr: Expr, fixed: Collection[str]) -> bool:
    """Whether an expression computes, or reads, a matrix that differs from step to step, given the
    equations that do not.
    """
    return any(is_matrix(node.shape) and not is_fixed(node, fixed) for node in walk(expr))


def size_names(size: Size) -> tuple[str, ...]:
    """The symbols in a size: `units`, `inputs` and names of options."""
    if isinstance(size, Grid):
        return size_names((size.rows, size.columns, size.heads))
    if isinstance(size, tuple):
        return tuple(name for member in size for name in size_names(member))
    if isinstance(size, int):
        return ()
    # here, since formulas are parsed to expressions of this module
    from rnnzoo.lang.formulas import formula

    return tuple(dict.fromkeys(ref.name for ref in refs(formula(size), "value")))


def number_of(expr: Expr, numbers: Mapping[str, float]) -> float:
    """The value of an expression of numbers."""
    match expr:
        case Number(value=value):
            return value
        case Ref(name=name):
            return float(numbers[name])
        case Apply(op=op, args=args):
            operands = [np.asarray(number_of(arg, numbers)) for arg in args]
            with np.errstate(all="ignore"):  # infinity and NaN are values, which the caller refuses
                return float(op.numpy(*operands))


@dataclass(frozen=True, slots=True)
class Sizes:
    """Numbers for the symbols of one layer."""

    units: int
    inputs: int
    options: Mapping[str, float]

    def of(self, size: Size) -> int:
        if isinstance(size, int):
            return size
        if isinstance(size, tuple):
            return sum(self.of(member) for member in size)
        if isinstance(size, Grid):
            return math.prod(self.grid(size))
        if size == "units":
            return self.units
        if size == "inputs":
            return self.inputs
        return int(self.options[size]) if size in self.options else self._computed(size)

    def _computed(self, size: str) -> int:
        """A size that is an expression.

        Raises:
            UsageError: it is no whole number from 1.
        """
        from rnnzoo.lang.formulas import formula

        numbers = {**self.options, "units": self.units, "inputs": self.inputs}
        value = number_of(formula(size), numbers)
        if value >= 1 and value.is_integer():
            return int(value)
        names = ", ".join(f"{name} = {numbers[name]:g}" for name in size_names(size))
        raise UsageError(
            f"the size {size} is {value:g} with {names}, and no whole number from 1",
            f"take another number, or write floor({size})",
        )

    def grid(self, size: Grid) -> tuple[int, int, int]:
        """Heads, and rows and columns of each, of a matrix that a step computes."""
        heads = self.of(size.heads)
        return heads, self.of(size.rows) // heads, self.of(size.columns) // heads

    def shape(self, shape: Shape) -> tuple[int, ...]:
        return tuple(self.of(size) for size in shape)


def sizes(cell: Cell, columns: int, units: int, number: int) -> Sizes:
    """The sizes of layer `number` (from 1): what goes into a further layer is the output of the one
    below.

    Args:
        columns: how many numbers the first layer reads at a step, named inputs among them.

    Raises:
        UsageError: the named inputs leave x no whole number of them.
    """
    bottom = Sizes(units, cell.inputs_in(columns), cell.options)
    return bottom if number == 1 else Sizes(units, bottom.of(cell.output_size), cell.options)
