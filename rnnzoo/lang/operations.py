"""Operations by their names in a cell: the package's primitives, and those of the project and of
installed packages.

In: a name.  Out: an `Elementwise`.  An operation of one's own is one file of a project's
`experiments/operations/`, or what an entry point of the group `rnnzoo.operations` names.  The file
holds

    ABOUT: str                  one line for `rnnzoo list operations`
    operation: Elementwise      all of its rules; its name is that of the file, and it is written as
                                a call

It is lowered by a name in `keras.ops`, or by a function `(ops, *operands)` in
`Elementwise.lowering`.  Its name is not reserved: equations may be called so, and a cell of before
means what it meant.  `rnnzoo.testing.operations.OperationContract` tests one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from functools import cache
from itertools import chain
from typing import Any

from rnnzoo import registry
from rnnzoo.errors import SpecError, UsageError
from rnnzoo.lang import ir
from rnnzoo.lang.primitives import CALLS, Draw, Elementwise, OfConstants, OfMatrices, OverUnits
from rnnzoo.lang.primitives.base import OPERANDS
from rnnzoo.spec import plugins
from rnnzoo.spec.cell import EXPRESSION, is_built_in

KIND = "operations"


class _Calls(Collection[str]):
    """Names of all operations that are written as calls; nothing is imported."""

    def __contains__(self, name: object) -> bool:
        return name in CALLS or name in plugins.names(KIND)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*CALLS, *plugins.names(KIND)]))

    def __len__(self) -> int:
        return sum(1 for _ in self)


calls = _Calls()


def named(name: str, file: str) -> Elementwise | OverUnits | OfMatrices | Draw | OfConstants:
    """The operation that a name means in a file.

    In what is rnnzoo's own, as cells of the zoo, derivatives and the text of a cell that was read
    before, the names of rnnzoo's operations mean these, whatever a project adds.

    Raises:
        UsageError: as `load`; in a file of a user's, a name of rnnzoo's operations that is also one
            of the project's.
    """
    if name in CALLS and (name not in plugins.names(KIND) or _is_ours(file)):
        return CALLS[name]
    return load(name)


def _is_ours(file: str) -> bool:
    return file.startswith("<") or is_built_in(file)


def load(name: str) -> Elementwise:
    """An operation of one's own; the same object for the same file.

    Raises:
        UsageError: there is none of that name, it has the name of one of rnnzoo's, it cannot be
            imported, or it lacks something; the message names the file.
    """
    source = plugins.load(KIND, name)
    if name in CALLS:
        problem = f"operation '{name}' is one of rnnzoo's and also {registry.where(source)}"
        raise UsageError(problem, "give the file another name")
    plugins.require("operation", source, _lacks(source, name))
    return _digested(source.operation, plugins.digest(KIND, name))


def about(name: str) -> str:
    """The line about an operation of one's own.

    Raises:
        UsageError: as `load`.
    """
    load(name)
    return str(plugins.load(KIND, name).ABOUT)


@cache
def _digested(operation: Elementwise, digest: str) -> Elementwise:
    return replace(operation, digest=digest)


def _lacks(source: Any, name: str) -> Iterator[str]:
    yield from plugins.lacking_about(source)
    operation = getattr(source, "operation", None)
    if not isinstance(operation, Elementwise):
        yield "it has no `operation`, an Elementwise"
        return
    if operation.name != name:
        yield f"its `operation` is called '{operation.name}', and the file '{name}'"
    if operation.symbol:
        yield "it has a `symbol`: operations of one's own are written as calls"
    if operation.arity not in (1, 2, 3):
        yield f"its `arity` is {operation.arity!r}, not 1, 2 or 3"
        return
    texts = [f"<{name}>" for name in OPERANDS[: operation.arity]]
    if not all(text in _in_latex(operation, texts) for text in texts):
        yield (
            "its `latex_form` needs one `{}` for each operand, and braces of LaTeX twice, as in"
            r" `\mathrm{{snake}}\left({}\right)`"
        )
    if operation.derivatives and len(operation.derivatives) != operation.arity:
        yield f"it has {len(operation.derivatives)} `derivatives` for {operation.arity} operands"
    for text in operation.derivatives:
        yield from _wrong(text, {*OPERANDS[: operation.arity], "y"})


def _in_latex(operation: Elementwise, texts: list[str]) -> str:
    """The operation of these operands; empty where its form is none."""
    try:
        return operation.latex_form.format(*texts)
    except (IndexError, KeyError, ValueError):
        return ""


def _wrong(derivative: str, known: Collection[str]) -> Iterator[str]:
    """Why a derivative is no expression of the operands and the result, in the cell language."""
    from rnnzoo.lang.formulas import formula

    try:
        tree = formula(derivative)
    except (SpecError, UsageError, AssertionError) as error:
        yield f"its derivative `{derivative}` cannot be read: {str(error).partition(chr(10))[0]}"
        return
    for ref in ir.refs(tree, "value"):
        if ref.name not in known:
            yield (
                f"its derivative `{derivative}` names '{ref.name}': operands are a, b and c, and"
                " the result is y"
            )


def of_ones_own(cell: ir.Cell) -> list[Elementwise]:
    """The operations of a cell that are not the package's, also those of its constants and masks
    and of what its weights begin with.
    """
    return _own(chain(_in_equations(cell), *map(_expressions_of, cell.all_weights)))


def _in_equations(cell: ir.Cell) -> Iterator[ir.Expr]:
    """The expressions of a cell's constants and equations."""
    for equation in (*cell.constants, *cell.step.equations, *cell.first.equations):
        yield equation.expr


def _expressions_of(weight: ir.Weight) -> Iterator[ir.Expr]:
    """The mask of a weight, and what it begins with, where these are expressions."""
    from rnnzoo.lang.formulas import formula

    if weight.mask is not None:
        yield weight.mask
    if weight.init.name == EXPRESSION:
        yield formula(str(weight.init.values[0]))


def _own(expressions: Iterable[ir.Expr]) -> list[Elementwise]:
    """The operations in expressions that are not the package's, each once."""
    nodes = chain.from_iterable(map(ir.walk, expressions))
    used = dict.fromkeys(node.op for node in nodes if isinstance(node, ir.Apply))
    return [op for op in used if isinstance(op, Elementwise) and op.digest]


def with_gradients(cell: ir.Cell) -> list[Elementwise]:
    """The same through which gradients flow: those of its equations."""
    return _own(_in_equations(cell))


def digests(cell: ir.Cell) -> dict[str, str]:
    """Digests of all operations of a cell that are not the package's, by their names."""
    return {op.name: op.digest for op in of_ones_own(cell)}


def code(cell: ir.Cell) -> str:
    """Names and digests of all operations of a cell that are not the package's: part of what it is
    known by.
    """
    return " ".join(sorted(f"{name} {digest}" for name, digest in digests(cell).items()))
