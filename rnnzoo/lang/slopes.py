"""How the next values of states change with their previous ones, unit by unit.

In: the step of a cell, and a group of its states whose units read themselves and no other
(`lang.recurrence`).  Out: equations of the derivatives, one number for each unit.  They follow the
equations one by one, as forward accumulation does: an elementwise operation hands the derivatives
of its operands on, times its own, which primitives have in the cell language; a product with a
matrix that joins no units, and a scaling of a matrix, are linear and hand them on as they do their
operand.

Source: forward accumulation, Griewank and Walther, Evaluating Derivatives (2008), chapter 3.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from rnnzoo.lang import ir
from rnnzoo.lang.formulas import formula
from rnnzoo.lang.primitives import (
    Elementwise,
    Primitive,
    columns_scaled,
    mul,
    rows_scaled,
    together,
    where,
)
from rnnzoo.lang.primitives import add as plus
from rnnzoo.lang.primitives.base import OPERANDS

_ONE, _ZERO = ir.Number(1.0), ir.Number(0.0)
_CHOICES = ((_ONE, _ZERO), (_ZERO, _ONE))
# which operand of a scaling is the matrix, whose entries it leaves apart
SCALED: Mapping[Primitive, int] = {rows_scaled: 1, columns_scaled: 0}


def slope_name(name: str, previous: str) -> str:
    """The name of the derivative of an equation with respect to a state one step before; no
    equation of a cell has such a name.
    """
    return f"{name}/{previous}[t-1]"


def moving(step: ir.Step, group: Collection[str]) -> frozenset[str]:
    """The equations that depend on the previous values of a group."""
    names: set[str] = set()
    for equation in step.equations:  # in order: what an equation needs stands before it
        if any(moves(node, group, names) for node in ir.walk(equation.expr)):
            names.add(equation.name)
    return frozenset(names)


def moves(node: ir.Expr, group: Collection[str], moving: Collection[str]) -> bool:
    """Whether a node is a name of what depends on the previous values of a group."""
    match node:
        case ir.Ref(kind="previous", name=name):
            return name in group
        case ir.Ref(kind="value", name=name):
            return name in moving
    return False


def slopes(step: ir.Step, group: Sequence[str]) -> tuple[ir.Step, Mapping[tuple[str, str], str]]:
    """A step with the derivatives of a group's next values, and their names by state and previous
    state; one that is 0 for all values has none.
    """
    reader = _Reader(frozenset(group))
    for equation in step.equations:
        reader.add(equation)
    named = {
        (name, previous): slope_name(name, previous)
        for name in group
        for previous in reader.known.get(name, ())
    }
    return ir.Step(tuple(reader.equations), step.weights), named


def applied(op: Primitive, *args: ir.Expr) -> ir.Expr:
    """An elementwise operation on expressions, with less work where there is a way."""
    simpler = op.simplified(args)
    return ir.Apply(op, args, together([arg.shape for arg in args])) if simpler is None else simpler


def scaled(expr: ir.Apply, entries: ir.Expr) -> ir.Expr:
    """A scaling of another matrix; a number has it in all entries."""
    position = SCALED[expr.op]
    if not entries.shape:
        ones = ir.Number(1.0, expr.shape)
        entries = ir.Apply(mul, (ones, entries), expr.shape)
    args = (*expr.args[:position], entries, *expr.args[position + 1 :])
    return ir.Apply(expr.op, args, expr.shape)


_Slopes = Mapping[str, ir.Expr]  # by previous state; none where an expression does not read it


@dataclass(slots=True)
class _Reader:
    """Follows the equations of a step.

    Attributes:
        equations: those read so far, each with its derivatives behind it.
        known: of an equation, the derivatives.
    """

    group: frozenset[str]
    equations: list[ir.Equation] = field(default_factory=list)
    known: dict[str, _Slopes] = field(default_factory=dict)

    def add(self, equation: ir.Equation) -> None:
        self.equations.append(equation)
        of_equation: dict[str, ir.Expr] = {}
        for previous, slope in self.of(equation.expr).items():
            name = slope_name(equation.name, previous)
            self.equations.append(ir.Equation(name, slope, equation.size))
            is_known = isinstance(slope, ir.Number)
            of_equation[previous] = slope if is_known else ir.Ref("value", name, (equation.size,))
        if of_equation:
            self.known[equation.name] = of_equation

    def of(self, expr: ir.Expr) -> _Slopes:
        match expr:
            case ir.Ref(kind="previous", name=name) if name in self.group:
                return {name: _ONE}
            case ir.Ref(kind="value", name=name):
                return self.known.get(name, {})
            case ir.Apply():
                return self.of_operation(expr)
        return {}

    def of_operation(self, expr: ir.Apply) -> _Slopes:
        operands = [self.of(arg) for arg in expr.args]
        total: dict[str, ir.Expr] = {}
        for position, operand in enumerate(operands):
            for previous, slope in operand.items():
                handed = _handed_on(expr, position, slope)
                before = total.get(previous, _ZERO)
                total[previous] = applied(plus, before, handed)
        return {previous: slope for previous, slope in total.items() if slope != _ZERO}


def _handed_on(expr: ir.Apply, position: int, slope: ir.Expr) -> ir.Expr:
    """The derivative of an operand times that of the operation with respect to it."""
    if expr.op in SCALED:
        return scaled(expr, slope)
    if not isinstance(expr.op, Elementwise):
        assert expr.op.is_product  # nothing else leaves units apart
        return ir.Apply(expr.op, (expr.args[0], slope), expr.shape, expr.params)
    tree = formula(expr.op.derivatives[position])
    names = {**dict(zip(OPERANDS, expr.args)), "y": expr}
    # a choice between 1 and 0: what is not chosen is 0, whatever it would be multiplied with
    if isinstance(tree, ir.Apply) and tree.op is where and tree.args[1:] in _CHOICES:
        times_slope: dict[ir.Expr, ir.Expr] = {_ONE: slope, _ZERO: _ZERO}
        chosen = [times_slope[branch] for branch in tree.args[1:]]
        return applied(where, _of_operands(tree.args[0], names), *chosen)
    return applied(mul, slope, _of_operands(tree, names))


def _of_operands(tree: ir.Expr, names: Mapping[str, ir.Expr]) -> ir.Expr:
    """A formula with the operands in the place of its names."""
    match tree:
        case ir.Ref(name=name):
            return names[name]
        case ir.Apply(op=op, args=args):
            return applied(op, *(_of_operands(arg, names) for arg in args))
    return tree
