"""The text of a cell: canonical YAML with `extends` resolved, which `lang.parse_text` reads back to
the same IR.

A Keras layer keeps this text in its configuration, and a trial carries it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from rnnzoo.lang import ir, operations
from rnnzoo.lang.carriers import as_written
from rnnzoo.lang.formulas import constant_matrices
from rnnzoo.lang.primitives import Operands, Primitive, entries, transposed
from rnnzoo.lang.primitives.base import CALL, PREFIX, Written
from rnnzoo.spec.document import yaml_text


def cell_text(cell: ir.Cell) -> str:
    """The whole cell as YAML."""
    return yaml_text(content(cell))


def content(cell: ir.Cell) -> dict[str, Any]:
    """What the file of a cell holds, by key, in order."""
    values: dict[str, Any] = {"name": cell.name}
    if cell.title:
        values["title"] = cell.title
    if cell.source:
        values["source"] = list(cell.source)
    if cell.output != "h":
        values["output"] = cell.output
    if cell.options:
        values["options"] = dict(cell.options)
    if cell.named_inputs:
        values["inputs"] = {named_input.name: named_input.size for named_input in cell.named_inputs}
    if lines := constants(cell):
        values["constants"] = "".join(f"{line}\n" for line in lines)
    values["equations"] = block(cell.step.equations)
    if cell.first != cell.step:
        values["first_layer"] = block(patch(cell))
    return {**values, **_declarations(cell)}


def constants(cell: ir.Cell) -> list[str]:
    """Constants, one per line; those that are matrices last."""
    lines = block(cell.constants).splitlines()
    return [
        *lines, *(f"{name} = {expression(expr)}" for name, expr in constant_matrices(cell).items())
    ]  # fmt: skip


def patch(cell: ir.Cell) -> tuple[ir.Equation, ...]:
    """The equations in which the first layer differs from the others."""
    return changed(cell.first, cell.step)


def patch_as_written(cell: ir.Cell) -> tuple[ir.Equation, ...]:
    """The same for people, with `h[t-3]` as it was written."""
    return changed(as_written(cell.first), as_written(cell.step))


def changed(step: ir.Step, base: ir.Step) -> tuple[ir.Equation, ...]:
    """The equations of a step that are missing in `base` or differ there."""
    in_base = {equation.name: equation for equation in base.equations}
    return tuple(equation for equation in step.equations if in_base.get(equation.name) != equation)


def block(equations: tuple[ir.Equation, ...]) -> str:
    """Equations, one per line."""
    return "".join(f"{equation.name} = {expression(equation.expr)}\n" for equation in equations)


def expression(expr: ir.Expr) -> str:
    """An expression in the cell language, with the fewest parentheses that keep its meaning."""
    return _print(expr)[0]


def digest(cell: ir.Cell) -> str:
    """SHA-256 of the cell's text without its name, title and sources, and with its lines in one
    order.

    Names of equations and weights count, and so does the spelling of each equation.  A study is
    named by this hash; `canonical.canonical_hash`, which all spellings of a cell share, finds its
    trials again after the cell is spelt otherwise.
    """
    bare = replace(cell, name="", title="", source=())
    ordered = replace(
        bare,
        constants=tuple(sorted(bare.constants, key=lambda named: named.name)),
        states=tuple(sorted(bare.states, key=lambda named: named.name)),
        step=_sorted(bare.step),
        first=_sorted(bare.first),
    )
    return hashlib.sha256(f"{cell_text(ordered)}{operations.code(cell)}".encode()).hexdigest()


def _sorted(step: ir.Step) -> ir.Step:
    """Equations and weights by name."""
    equations = tuple(sorted(step.equations, key=lambda named: named.name))
    return ir.Step(equations, tuple(sorted(step.weights, key=lambda named: named.name)))


def _print(expr: ir.Expr) -> Written:
    """The text and how strongly it binds."""
    match expr:
        case ir.Number(value=value):
            return number(value), (CALL if value >= 0 else PREFIX)
        case ir.Ref(kind="previous", name=name, steps=steps):
            return f"{name}[t-{steps}]", CALL
        case ir.Ref(kind="below", name=name):
            return f"below.{name}", CALL
        case ir.Ref(kind=("row" | "col") as axis, name=name):
            return (f"{name}[{axis}]" if name else axis), CALL
        case ir.Ref(name=name):
            return name, CALL
        case ir.Apply(op=op, args=args):
            return op.text(Operands(args, [_print(arg) for arg in args]))


def number(value: float) -> str:
    """A number as short as is exact."""
    if float(value).is_integer() and abs(value) < 1e15:
        return str(int(value))
    return repr(float(value))


def _declarations(cell: ir.Cell) -> dict[str, Any]:
    """Weights, init and initial, where they differ from the convention."""
    weights: dict[str, Any] = {}
    init: dict[str, Any] = {}
    on_state, transposed_names = on_states(cell), _used_by(cell, transposed)
    computed_with = _used_by(cell, entries)
    matrices = constant_matrices(cell)
    distinct = {weight.name: weight for weight in cell.all_weights}
    for weight in distinct.values():
        entry: dict[str, Any] = {}
        # the sizes of what a transposed matrix is used on do not tell its columns
        unusual = weight.name in transposed_names and weight.shape != ("units", "units")
        if unusual or weight.name in computed_with or not _conventional(weight):
            entry["shape"] = [*_sizes_of(weight)]
        if weight.mask is not None:
            entry["mask"] = expression(weight.mask)
        is_constant = weight.name in matrices
        if not weight.trained and not is_constant:
            entry["trainable"] = False
        if entry:
            weights[weight.name] = entry
        default = ir.default_init(weight.shape, on_state.get(weight.name, ()))
        if weight.init != default and not is_constant:
            init[weight.name] = weight.init.plain()
    initial = {state.name: state.initial for state in cell.states if state.initial != 0}
    declarations = {"weights": weights, "init": init, "initial": initial}
    return {key: value for key, value in declarations.items() if value}


def _sizes_of(weight: ir.Weight) -> Iterator[int | str]:
    """The shape of a weight as it is declared."""
    for size in weight.shape:
        if isinstance(size, ir.Grid):  # a matrix for each unit that it multiplies
            yield from (size.rows, size.columns)
        else:
            yield size if isinstance(size, int) else ir.size_text(size)


def _conventional(weight: ir.Weight) -> bool:
    """Whether the name alone tells the shape."""
    if ir.names_matrix(weight.name):
        joins = len(weight.shape) == 2 and isinstance(weight.shape[1], tuple)
        usual = weight.shape in (("units", "units"), ("units", "inputs"))
        return usual or (joins and weight.shape[0] == "units")
    return ir.names_vector(weight.name) and weight.shape == ("units",)


def _used_by(cell: ir.Cell, operation: Primitive) -> frozenset[str]:
    """The matrices of weights that an operation is applied to, in any layer."""
    names: set[str] = set()
    for equation in (*cell.step.equations, *cell.first.equations):
        for node in ir.walk(equation.expr):
            if isinstance(node, ir.Apply) and node.op is operation:
                names |= {ref.name for ref in ir.refs(node, *ir.WEIGHTS)}
    return frozenset(names)


def on_states(cell: ir.Cell) -> dict[str, set[int]]:
    """The matrices that multiply what depends on a state, in any layer: by the numbers of joined
    vectors that do.
    """
    numbers: dict[str, set[int]] = {}
    for step in (cell.step, cell.first):
        stateful = ir.stateful_names(step.equations)
        for equation in step.equations:
            for product in ir.products(equation.expr):
                for number, vector in enumerate(ir.joined(product.args[1])):
                    if ir.is_stateful(vector, stateful):
                        for matrix in ir.refs(product.args[0], *ir.WEIGHTS):
                            numbers.setdefault(matrix.name, set()).add(number)
    return numbers
