"""Equations as LaTeX, as the user wrote them: `h[t-1]` becomes h with a time index, `*` on vectors
a circle.

In: a cell.  Out: one line per equation, or all of them aligned.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from rnnzoo.lang import ir
from rnnzoo.lang.carriers import as_written
from rnnzoo.lang.formulas import constant_matrices
from rnnzoo.lang.greek import GREEK
from rnnzoo.lang.primitives import Operands, where
from rnnzoo.lang.primitives.base import CALL, LOOSE, PREFIX, PRODUCT, Written
from rnnzoo.lang.primitives.conditions import cases
from rnnzoo.lang.text import number, patch_as_written

_BRACKETS = (r"\left(", r"\right)")


def equations(cell: ir.Cell) -> tuple[str, ...]:
    """One LaTeX line for each equation of the step, in the order in which they are computed."""
    return _lines(as_written(cell.step).equations, cell.step)


def first_layer(cell: ir.Cell) -> tuple[str, ...]:
    """The equations in which the first layer differs; empty if it does not."""
    if cell.first == cell.step:
        return ()
    return _lines(patch_as_written(cell), cell.first)


def constants(cell: ir.Cell) -> tuple[str, ...]:
    """One LaTeX line for each constant, those that are matrices last; constants have no time."""
    named = {constant.name: constant.expr for constant in cell.constants}
    named |= constant_matrices(cell)
    return tuple(f"{symbol(name)} = {expression(expr)}" for name, expr in named.items())


def aligned(lines: tuple[str, ...]) -> str:
    """Lines aligned at the equals sign."""
    body = " \\\\\n".join(line.replace(" = ", " &= ", 1) for line in lines)
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"


def _lines(equations: Iterable[ir.Equation], step: ir.Step) -> tuple[str, ...]:
    """One line an equation; values of weights and constants alone have no time."""
    timeless = ir.timeless_names(step)
    return tuple(
        f"{_value(equation.name, timeless)} = {expression(equation.expr, timeless)}"
        for equation in equations
    )


def expression(expr: ir.Expr, timeless: Collection[str] = ()) -> str:
    """LaTeX of an expression.

    Args:
        timeless: equations whose values have no time index.
    """
    return _print(expr, timeless)[0]


def _value(name: str, timeless: Collection[str], layer: str = "") -> str:
    return symbol(name, "" if name in timeless else "t", layer)


def symbol(name: str, time: str = "", layer: str = "") -> str:
    """A name with what follows its first `_` as a subscript, its time after that, and the layer
    above.
    """
    head, _, rest = name.partition("_")
    base = _word(head)
    subscript = ",".join(map(_word, rest.split("_")))
    lower = ", ".join(part for part in (subscript, time) if part)
    if lower:
        base += f"_{{{lower}}}"
    return base + f"^{{{layer}}}" if layer else base


def _word(text: str) -> str:
    if text in GREEK:
        return f"\\{text}"
    return text if len(text) <= 1 else f"\\mathrm{{{text}}}"


def _print(expr: ir.Expr, timeless: Collection[str]) -> Written:
    """LaTeX, and how strongly it binds."""
    match expr:
        case ir.Number(value=value):
            return _number(value)
        case ir.Ref():
            return _name(expr, timeless), CALL
        case ir.Apply(op=op) if op is where:
            return _cases(expr, timeless), LOOSE
        case ir.Apply(op=op, args=args):
            return op.latex(Operands(args, [_print(arg, timeless) for arg in args], _BRACKETS))


def _cases(choice: ir.Expr, timeless: Collection[str]) -> str:
    """Cases under one brace, which opens and never closes; choices within a case are cases too."""
    rows: list[str] = []
    for conditions, value in cases(choice):
        when = r" \text{ and } ".join(expression(condition, timeless) for condition in conditions)
        word = r"\text{otherwise}"
        if conditions:
            word = rf"\text{{{'else if' if rows else 'if'} }} {when}"
        rows.append(f"{expression(value, timeless)} & {word}")
    body = r" \\ ".join(rows)
    return rf"\begin{{cases}} {body} \end{{cases}}"


def _number(value: float) -> Written:
    """A number; of one with an exponent, a power of ten, since `1e-12` reads as a difference."""
    digits, has_exponent, exponent = number(value).partition("e")
    if not has_exponent:
        return digits, CALL if value >= 0 else PREFIX
    power = f"10^{{{int(exponent)}}}"
    factor = digits[:-1] if digits in ("1", "-1") else rf"{digits} \cdot "
    return factor + power, PRODUCT if value >= 0 else PREFIX


def _name(ref: ir.Ref, timeless: Collection[str]) -> str:
    match ref.kind:
        case "input":
            return symbol(ref.name, "t")
        case "value":
            return _value(ref.name, timeless)
        case "previous":
            return symbol(ref.name, f"t-{ref.steps}")
        case "below":
            return _value(ref.name, timeless, r"\mathrm{below}")
        case "row" | "col":
            if ref.name:
                return symbol(ref.name, rf"\mathrm{{{ref.kind}}}")
            return rf"\mathrm{{{ref.kind}}}"
        case _:
            return symbol(ref.name)
