"""What of a file is used: states, options, constants and declarations."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from rnnzoo.errors import Mistakes, Span, nearest
from rnnzoo.lang import ir
from rnnzoo.lang.check.constants import names_read
from rnnzoo.lang.check.layer import Layer
from rnnzoo.lang.check.rounds import tree_of
from rnnzoo.lang.check.trees import UNKNOWN, walk
from rnnzoo.lang.formulas import names_at_start
from rnnzoo.lang.tree import Below, Lag, Name
from rnnzoo.spec.cell import CellSpec, Declared, Statement


def needed_names(spec: CellSpec, layers: Iterable[Layer]) -> frozenset[str]:
    """Names that the output needs, through this step, the previous one and the layer below."""
    needed: set[str] = set()
    todo = [spec.output]
    while todo:
        name = todo.pop()
        if name in needed or not any(name in layer.trees for layer in layers):
            continue
        needed.add(name)
        for layer in layers:
            if name in layer.trees:
                used = [
                    node.name
                    for node in walk(layer.trees[name])
                    if isinstance(node, Name | Lag | Below)
                ]
                # one whose equation is wrongly called c_t needs what that one needs
                for operand in used:
                    todo.append(operand if operand in layer.trees else f"{operand}_t")
    return frozenset(needed)


def states_of(
    spec: CellSpec, layers: tuple[Layer, Layer], step: ir.Step, mistakes: Mistakes
) -> tuple[ir.State, ...]:
    upper, first = layers
    needed = needed_names(spec, layers)
    lags: list[str] = []
    for layer in dict.fromkeys((upper, first)):
        for name in layer.in_order:  # the order of computation, which survives printing
            if name in needed:
                lags += [node.name for node in walk(layer.trees[name]) if isinstance(node, Lag)]
    # stable: the output first
    names = sorted(dict.fromkeys(lags), key=lambda name: name != spec.output)
    states = []
    for name in names:
        if name not in upper.sizes:
            problem = (
                f"the state '{name}' is one of the first layer only, and all layers have the same"
                " states"
            )
            mistakes.add(
                spec.first_layer[name].span,
                problem,
                "give the layers above an equation for it, too",
            )
            continue
        declared = spec.initial.get(name)
        initial = declared.value if declared else 0.0
        begin = initial if initial == "learned" else float(initial)  # type: ignore[arg-type]
        states.append(ir.State(name, upper.sizes[name], begin))  # type: ignore[arg-type]
    return tuple(states)


def named_inputs_of(spec: CellSpec, *steps: ir.Step) -> tuple[ir.NamedInput, ...]:
    """The inputs beside x that an equation of a layer reads."""
    read = frozenset[str]().union(*(step.named_inputs for step in steps))
    inputs = []
    for name, entry in spec.inputs.items():
        if name in read:
            is_as_wide = entry.value == "inputs"
            inputs.append(ir.NamedInput(name, "inputs" if is_as_wide else int(str(entry.value))))
    return tuple(inputs)


def check_layers_agree(spec: CellSpec, upper: Layer, first: Layer, mistakes: Mistakes) -> None:
    """States, the output and values that the layer above reads have the same size in all layers."""
    shared = {spec.output}
    for tree in (*upper.trees.values(), *first.trees.values()):
        shared |= {node.name for node in walk(tree) if isinstance(node, Lag | Below)}
    for name, statement in spec.first_layer.items():
        own = first.sizes[name]
        others = upper.sizes.get(name, own)
        if name in shared and own != others and UNKNOWN not in (own, others):
            problem = f"'{name}' has size {own} in the first layer and {others} in the others"
            mistakes.add(statement.span, problem, "give it one size with a matrix")


def check_use(
    spec: CellSpec,
    matrices: Mapping[str, Statement],
    lag_options: Collection[str],
    cell: ir.Cell,
    mistakes: Mistakes,
) -> None:
    """Everything that the file itself writes is used; unused inherited parts drop silently."""
    _check_output(spec, cell, mistakes)
    _check_equations_used(spec, cell, mistakes)
    _check_options_used(spec, lag_options, cell, mistakes)
    _check_inputs_used(spec, cell, mistakes)
    _check_constants_used(spec, matrices, cell, mistakes)
    _check_declarations_used(spec, matrices, cell, mistakes)
    if not cell.states:
        mistakes.add(
            _own_place(spec),
            "this cell has no state: nothing is recurrent",
            f"use {spec.output}[t-1] in an equation",
        )


def _check_output(spec: CellSpec, cell: ir.Cell, mistakes: Mistakes) -> None:
    if isinstance(cell.output_size, ir.Grid):
        problem = f"the output '{spec.output}' is a matrix [{ir.size_text(cell.output_size)}]"
        fix = "an output is a vector: multiply it by one, such as C @ q"
        mistakes.add(_own_place(spec), problem, fix)


def _check_equations_used(spec: CellSpec, cell: ir.Cell, mistakes: Mistakes) -> None:
    equations = {equation.name for equation in (*cell.step.equations, *cell.first.equations)}
    for statement in (*spec.equations.values(), *spec.first_layer.values()):
        if statement.own and statement.name not in equations:
            mistakes.add(
                statement.span,
                f"'{statement.name}' is needed by nothing",
                _fix_of_unused(statement, spec.output),
            )


def _check_options_used(
    spec: CellSpec, lag_options: Collection[str], cell: ir.Cell, mistakes: Mistakes
) -> None:
    used = {*used_options(cell), *lag_options}
    for name, option in spec.option_keys.items():
        if option.own and name not in used:
            fix = "delete it, or name it in an equation"
            mistakes.add(option.span, f"the option '{name}' is needed by nothing", fix)


def _check_inputs_used(spec: CellSpec, cell: ir.Cell, mistakes: Mistakes) -> None:
    read = {named_input.name for named_input in cell.named_inputs}
    for name, declared in spec.inputs.items():
        if declared.own and name not in read:
            problem = f"the input '{name}' is read by no equation"
            mistakes.add(declared.span, problem, "delete it, or name it in an equation")


def _check_constants_used(
    spec: CellSpec, matrices: Mapping[str, Statement], cell: ir.Cell, mistakes: Mistakes
) -> None:
    # a constant that is a matrix is a weight of the cell, never trained
    constants = {constant.name for constant in used_constants(cell)}
    constants |= {weight.name for weight in cell.all_weights}
    constants |= _made_of(constants, matrices)
    for statement in (*spec.constants.values(), *matrices.values()):
        if statement.own and statement.name not in constants:
            mistakes.add(
                statement.span, f"the constant '{statement.name}' is needed by nothing", "delete it"
            )


def _own_place(spec: CellSpec) -> Span:
    """Where the output is computed; of an inherited output, the first equation of this file."""
    equations = (*spec.equations.values(), *spec.first_layer.values())
    spans = [spec.equations[spec.output].span, *(equation.span for equation in equations)]
    return next((span for span in spans if span.file == spec.file), spec.span)


def _made_of(used: Collection[str], matrices: Mapping[str, Statement]) -> set[str]:
    """The constant matrices that used ones are made of."""
    parts: set[str] = set()
    waiting = [name for name in matrices if name in used]
    while waiting:
        tree = tree_of(matrices[waiting.pop()], Mistakes())
        names = names_read(walk(tree)) if tree is not None else set()
        new = names & matrices.keys() - parts
        parts |= new
        waiting += new
    return parts


def _check_declarations_used(
    spec: CellSpec, matrices: Collection[str], cell: ir.Cell, mistakes: Mistakes
) -> None:
    """Every declaration of a weight or a state that the file writes names one that the cell has."""
    weights = {*matrices, *(weight.name for weight in cell.all_weights)}
    entries: tuple[tuple[str, Mapping[str, Declared]], ...] = (
        ("weights", spec.shapes), ("weights", spec.masks), ("weights", spec.trainable),
        ("init", spec.init),
    )  # fmt: skip
    for key, declared in entries:
        for name, entry in declared.items():
            if entry.own and name not in weights:
                mistakes.add(
                    entry.span,
                    f"`{key}` names '{name}', which no equation uses",
                    nearest(name, weights),
                )
    states = {state.name for state in cell.states}
    for name, entry in spec.initial.items():
        if entry.own and name not in states:
            mistakes.add(
                entry.span, f"`initial` names '{name}', which is no state", nearest(name, states)
            )


def _fix_of_unused(statement: Statement, output: str) -> str:
    """What to do with an equation that nothing needs; one that reads the output is a paper's
    read-out.
    """
    tree = tree_of(statement, Mistakes())
    nodes = walk(tree) if tree is not None else ()
    if any(isinstance(node, Name) and node.name == output for node in nodes):
        return (
            f"delete it: a layer that reads '{output}' is added to every cell; or write `output:"
            f" {statement.name}`"
        )
    return f"delete it, or use it in what leads to '{output}'"


def used_options(cell: ir.Cell) -> frozenset[str]:
    """Options that an equation, a constant, a mask, a size or an initialiser names."""
    equations = (*cell.constants, *cell.step.equations, *cell.first.equations)
    names: set[object] = {ref.name for ref in ir.refs_in(equations, "option")}
    names |= names_at_start(cell.all_weights)
    for weight in cell.all_weights:
        names.update(weight.init.values)
        names.update(ir.size_names(weight.shape))
        if weight.mask is not None:
            names.update(ref.name for ref in ir.refs(weight.mask, "option"))
    return frozenset(name for name in cell.options if name in names)


def used_constants(cell: ir.Cell) -> tuple[ir.Equation, ...]:
    """Constants that an equation or a mask needs, directly or through others."""
    equations = (*cell.step.equations, *cell.first.equations)
    needed = {ref.name for ref in ir.refs_in(equations, "constant", "row", "col")}
    needed |= names_at_start(cell.all_weights)
    for weight in cell.all_weights:
        if weight.mask is not None:
            needed |= {ref.name for ref in ir.refs(weight.mask, "constant", "row", "col")}
    for constant in reversed(cell.constants):
        if constant.name in needed:
            needed |= {ref.name for ref in ir.refs(constant.expr, "constant")}
    return tuple(constant for constant in cell.constants if constant.name in needed)
