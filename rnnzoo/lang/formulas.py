"""Formulas: derivatives of primitives, what programs compute in place of an operation, and what a
weight begins with.

In: text in the cell language.  Out: an expression whose names are values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rnnzoo.errors import Mistakes
from rnnzoo.lang import ir, parse
from rnnzoo.lang.tree import Call, Index, Literal, Name, Tree
from rnnzoo.spec.cell import EXPRESSION, Init
from rnnzoo.spec.document import Code, CodeLine

_known: dict[str, ir.Expr] = {}


def formula(text: str) -> ir.Expr:
    """The expression of a formula; nothing in it has a size before operands stand for its names.

    Raises:
        SpecError: it is not in the language.
    """
    known = _known.get(text)
    return _read(text) if known is None else known


def _read(text: str) -> ir.Expr:
    mistakes = Mistakes()
    tree = parse.expression(Code("<formula>", (CodeLine(1, 1, text),), text), mistakes)
    mistakes.raise_if_any()
    assert tree is not None
    expr = _typed(tree)
    # the file of an operation of one's own may change while the process runs
    if not any(getattr(node.op, "digest", "") for node in _applied(expr)):
        _known[text] = expr
    return expr


def _applied(expr: ir.Expr) -> Iterator[ir.Apply]:
    for node in ir.walk(expr):
        if isinstance(node, ir.Apply):
            yield node


def names_in(init: Init) -> tuple[str, ...]:
    """The names in the expression that a weight begins with, in reading order; none where it begins
    otherwise.
    """
    if init.name != EXPRESSION:
        return ()
    refs = ir.refs(formula(str(init.values[0])), "value")
    return tuple(dict.fromkeys(ref.name.partition("[")[0] for ref in refs))


def names_at_start(weights: Iterable[ir.Weight]) -> set[str]:
    """The names that weights begin with: of options, constants and other weights."""
    names: set[str] = set()
    for weight in weights:
        names.update(names_in(weight.init))
    return names


def constant_matrices(cell: ir.Cell) -> dict[str, ir.Expr]:
    """The matrices that a cell has as constants: never trained, and begun with an expression that
    reads their rows or columns; by name, with that expression.
    """
    matrices = {}
    for weight in cell.all_weights:
        if not weight.trained and weight.init.name == EXPRESSION and weight.mask is None:
            expr = _of_constant(formula(str(weight.init.values[0])))
            if any(True for _ in ir.refs(expr, "row", "col")):
                matrices[weight.name] = expr
    return matrices


def _of_constant(expr: ir.Expr) -> ir.Expr:
    """The expression of a constant matrix with the kinds of its names, as far as their notation
    depends on these.
    """
    match expr:
        case ir.Ref(name="row" | "col" as axis):
            return ir.Ref(axis, "")
        case ir.Ref(name=name) if name.endswith("]"):
            return ir.Ref("row" if name.endswith("[row]") else "col", name.partition("[")[0])
        case ir.Ref(name=name):
            return ir.Ref("option", name)
        case ir.Apply(op=op, args=args):
            return ir.Apply(op, tuple(map(_of_constant, args)))
    return expr


def _typed(tree: Tree) -> ir.Expr:
    match tree:
        case Literal(value=value):
            return ir.Number(float(value))
        case Name(name=name):
            return ir.Ref("value", name)
        case Index(name=name, axis=axis):
            return ir.Ref("value", f"{name}[{axis}]")
        case Call(op=op, args=args):
            return ir.Apply(op, tuple(map(_typed, args)))
    raise AssertionError(tree)
