"""IR -> the first layer of a cell as data that a page computes with.

    operations.js   what operations compute, a row for each
    cell.js         draws the weights, and runs the cell over a sequence

In: a cell and the number of units.  Out: plain values for JSON, and the script that reads them.
An expression is a number; the kind and the name of a value, as `weight.W`; or an operation with
its operands, as `["matmul", "weight.W", "input.x"]`.  Numbers that equations are written with are
values too, `number.NAME` as options are, so that a reader can change them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.errors import UsageError
from rnnzoo.lang import ir, operations, reference, start
from rnnzoo.lang.formulas import formula, names_in
from rnnzoo.lang.primitives import OfConstants, transposed
from rnnzoo.spec.cell import EXPRESSION, Init

Expression = float | str | list[Any]
SCRIPTS = ("operations.js", "cell.js")
UNITS = range(8, 65)  # the least that fits the cell's constants and its groups
INPUTS = 1  # of x
LARGEST = 50_000  # entries of all weights, which a page draws and multiplies in a moment
NUMBER = "number"  # begins the names of numbers that equations are written with


@dataclass(frozen=True, slots=True)
class Playable:
    """A cell for a page.

    Attributes:
        units: of the layer.
        step, constants: the equations, whose numbers are options by the names in `numbers`.
        numbers: what a reader can change, by name: the numbers of equations, options that no size
            depends on, and what vectors of weights begin with that begin with one number that is no
            option.
        prefix: of the names of those that stand in equations.
        content: all that the script reads.
    """

    units: int
    step: ir.Step
    constants: tuple[ir.Equation, ...]
    numbers: Mapping[str, float]
    prefix: str
    content: Mapping[str, Any]


def script() -> str:
    """What computes in the page."""
    return "\n".join(Path(__file__).with_name(name).read_text() for name in SCRIPTS)


def playable(cell: ir.Cell) -> Playable:
    """The first layer of a cell, of as many units as its constants need.

    Raises:
        UsageError: it has an operation that the script lacks, or is too large for a page.
    """
    _check_operations(cell)
    return _Writer(cell, _sizes(cell)).playable()


def _check_operations(cell: ir.Cell) -> None:
    """Raise a UsageError unless all operations of the first layer are ours."""
    for operation in operations.of_ones_own(replace(cell, step=cell.first)):
        raise UsageError(
            f"a page cannot compute '{operation.name}', an operation of one's own",
            "write the equation with built-in operations",
        )


def _sizes(cell: ir.Cell) -> ir.Sizes:
    """The least sizes of a layer at which the cell has a value.

    Raises:
        UsageError: there are none, or it has too many weights.
    """
    for units in UNITS:
        sizes = ir.sizes(cell, cell.columns(INPUTS), units, 1)
        try:
            weights = start.weights(cell, 1, sizes, np.random.default_rng(0))
            reference.masked(cell, cell.first, weights, sizes)
        except UsageError as error:
            refused = error
            continue
        if sum(value.size for value in weights.values()) > LARGEST:
            raise UsageError("it has too many weights for a page", "take smaller options")
        return sizes
    raise refused


class _Writer:
    """Writes the parts of one layer.

    Attributes:
        numbers: options, the numbers of the equations that are written so far, and what vectors
            begin with.
    """

    def __init__(self, cell: ir.Cell, sizes: ir.Sizes) -> None:
        self.cell, self.sizes = cell, sizes
        self.numbers: dict[str, float] = dict(cell.options)
        self.prefix = _prefix(cell)

    def playable(self) -> Playable:
        constants = tuple(self.with_numbers(equation) for equation in self.cell.constants)
        equations = tuple(self.with_numbers(equation) for equation in self.cell.first.equations)
        step = ir.Step(equations, self.cell.first.weights)
        content = {
            "units": self.sizes.units,
            "numbers": self.numbers,
            "inputs": self.inputs(),
            "constants": [self.equation(equation) for equation in constants],
            "weights": self.weights(),
            "states": [self.state(state) for state in self.cell.states],
            "equations": [
                self.equation(equation) | {"size": self.sizes.of(equation.size)}
                for equation in equations
            ],
        }
        free = {*self.numbers} - _structural(self.cell)
        numbers = {name: value for name, value in self.numbers.items() if name in free}
        return Playable(self.sizes.units, step, constants, numbers, self.prefix, content)

    # -- numbers

    def with_numbers(self, equation: ir.Equation) -> ir.Equation:
        """The same equation, with a name for each number that is no number of groups."""
        return replace(equation, expr=self.named(equation.expr))

    def named(self, expr: ir.Expr) -> ir.Expr:
        if isinstance(expr, ir.Number):
            name = f"{self.prefix}{len(self.numbers)}"
            self.numbers[name] = expr.value
            return ir.Ref("option", name)
        if isinstance(expr, ir.Apply):
            operands = map(self.named, expr.args[: expr.op.arity])
            return replace(expr, args=(*operands, *_groups(expr)))
        return expr

    # -- parts

    def inputs(self) -> list[dict[str, Any]]:
        inputs = self.sizes.inputs
        named = (
            (named_input.name, self.cell.width(named_input, inputs))
            for named_input in self.cell.named_inputs
        )
        return [{"name": name, "size": size} for name, size in ((ir.X, inputs), *named)]

    def state(self, state: ir.State) -> dict[str, Any]:
        # a learned beginning is 0 before training
        initial = 0.0 if state.initial == "learned" else state.initial
        return {"name": state.name, "size": self.sizes.of(state.size), "initial": initial}

    def equation(self, equation: ir.Equation) -> dict[str, Any]:
        return {"name": equation.name, "expression": self.expression(equation.expr)}

    def expression(self, expr: ir.Expr) -> Expression:
        match expr:
            case ir.Number(value=value):
                return value
            case ir.Ref(kind="size", name=name):
                return self.sizes.of(name)
            case ir.Ref(kind="option", name=name):
                return f"number.{name}"
            case ir.Ref(kind="unit"):
                return "unit."
            case ir.Ref(kind="fixed", name=name):
                return f"weight.{name}"
            case ir.Ref(kind=kind, name=name):
                return f"{kind}.{name}"
            case ir.Apply(op=op, args=args):
                operands: list[Any] = [self.expression(arg) for arg in args]
                if op is transposed:
                    operands.append(self.sizes.of(args[0].shape[1]))
                return [op.name, *operands]

    # -- weights

    def weights(self) -> list[dict[str, Any]]:
        """The weights, each after those that its beginning reads."""
        return [self.weight(weight) for weight in _in_order(self.cell.first.weights)]

    def weight(self, weight: ir.Weight) -> dict[str, Any]:
        return {
            "name": weight.name,
            "shape": self.sizes.shape(weight.shape),
            "trained": weight.trained,
            "mask": None if weight.mask is None else self.expression(weight.mask),
            "begins": self.beginning(weight),
        }

    def beginning(self, weight: ir.Weight) -> dict[str, Any]:
        blocks = start.by_columns(weight, self.sizes)
        if blocks:
            return {
                "kind": "columns",
                "blocks": [
                    {**self.drawn(Init(name)), "columns": shape[1]} for name, shape in blocks
                ],
            }
        if weight.init.name != EXPRESSION:
            return self.named_number(weight) or self.drawn(weight.init)
        expr = formula(str(weight.init.values[0]))
        if isinstance(expr, ir.Apply) and isinstance(expr.op, OfConstants):
            return {"kind": "values", "numbers": self.computed(weight.name)}
        return {"kind": "expression", "expression": self.of_entries(expr, weight)}

    def named_number(self, weight: ir.Weight) -> dict[str, Any] | None:
        """The beginning of a vector that begins with one number, which gets the vector's name; None
        of other weights, and where the number is an option, which has a name.
        """
        meant = start.beginning(weight.init, self.cell.options)
        is_option = any(isinstance(value, str) for value in weight.init.values)
        if meant.kind != "constant" or len(weight.shape) != 1 or is_option:
            return None
        (self.numbers[weight.name],) = meant.numbers
        return self.drawn(weight.init) | {"numbers": [f"number.{weight.name}"]}

    def drawn(self, init: Init) -> dict[str, Any]:
        """An initialiser."""
        meant = start.beginning(init, self.cell.options)
        given = list(map(_number, init.values))
        if meant.kind == "uniform" and len(given) == 1:
            given = [["neg", given[0]], given[0]]
        return {
            "kind": meant.kind,
            "numbers": [*given, *meant.numbers[len(given) :]],
            "fan": meant.fan,
            "distribution": meant.distribution,
        }

    def computed(self, name: str) -> list[float]:
        """A matrix that a function of constant matrices yields."""
        known = reference.constants(self.cell, self.sizes)
        values = start.expressions(
            self.cell, 1, self.sizes, known, lambda _, shape: np.zeros(shape)
        )
        return [float(entry) for entry in values[name].ravel()]

    def of_entries(self, expr: ir.Expr, weight: ir.Weight) -> Expression:
        """An expression for each entry of a weight."""
        vectors = {constant.name for constant in self.cell.constants if constant.expr.shape}
        constants = {constant.name for constant in self.cell.constants}
        is_matrix = len(weight.shape) == 2

        def kind(ref: ir.Ref) -> ir.Ref:
            name, _, axis = ref.name.partition("[")
            if name in ("random", "unit", "row", "col"):
                return ir.Ref(name, "")  # type: ignore[arg-type]  # these are kinds of names
            if name in ("units", "inputs"):
                return ir.Ref("size", name)
            if name in self.cell.options:
                return ir.Ref("option", name)
            if axis:
                return ir.Ref("row" if axis == "row]" else "col", name)
            if name in vectors and is_matrix:  # it lies along the columns
                return ir.Ref("col", name)
            return ir.Ref("constant" if name in constants else "weight", name)

        return self.expression(ir.with_refs(expr, kind))


def _number(value: str | float) -> Expression:
    """A value of an initialiser; an option stays a name, since the page changes what it is."""
    return f"number.{value}" if isinstance(value, str) else value


def _prefix(cell: ir.Cell) -> str:
    """What names of numbers begin with, and no other name of a cell does."""
    names = [equation.name for equation in (*cell.first.equations, *cell.constants)]
    names += [*cell.options, *(weight.name for weight in cell.first.weights)]
    prefix = NUMBER
    while any(name.startswith(prefix) for name in names):
        prefix += "_"
    return prefix


def _groups(expr: ir.Apply) -> tuple[ir.Expr, ...]:
    """The number of groups or heads behind the operands of an operation."""
    return () if expr.op.arity is None else expr.args[expr.op.arity :]


def _structural(cell: ir.Cell) -> set[str]:
    """The options that sizes, numbers of groups and functions of constant matrices depend on."""
    return {*_names_in_sizes(cell), *_names_in_groups(cell), *_names_in_functions(cell)}


def _names_in_sizes(cell: ir.Cell) -> Iterator[str]:
    sizes = [equation.size for equation in cell.first.equations]
    sizes += [state.size for state in cell.states]
    sizes += [size for weight in cell.first.weights for size in weight.shape]
    for size in sizes:
        yield from ir.size_names(size)


def _names_in_groups(cell: ir.Cell) -> Iterator[str]:
    for equation in cell.first.equations:
        for node in ir.walk(equation.expr):
            for count in _groups(node) if isinstance(node, ir.Apply) else ():
                yield from (ref.name for ref in ir.refs(count, "option"))


def _names_in_functions(cell: ir.Cell) -> Iterator[str]:
    """Of constant matrices: these are computed before the page is made."""
    for weight in cell.first.weights:
        if weight.init.name == EXPRESSION:
            expr = formula(str(weight.init.values[0]))
            if isinstance(expr, ir.Apply) and isinstance(expr.op, OfConstants):
                yield from names_in(weight.init)


def _in_order(weights: tuple[ir.Weight, ...]) -> list[ir.Weight]:
    """The weights, each after those that its beginning reads."""
    by_name = {weight.name: weight for weight in weights}
    ordered: dict[str, ir.Weight] = {}

    def place(weight: ir.Weight) -> None:
        for name in names_in(weight.init):
            if name in by_name and name not in ordered:
                place(by_name[name])
        ordered.setdefault(weight.name, weight)

    for weight in weights:
        place(weight)
    return list(ordered.values())
