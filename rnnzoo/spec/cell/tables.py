"""What a cell declares beside its equations: options, inputs, weights, initialisers."""

from __future__ import annotations

from rnnzoo.errors import Mistakes, Span, nearest
from rnnzoo.spec.cell.keys import MAX_SIZE, WEIGHT
from rnnzoo.spec.cell.names import NAME, legal_name
from rnnzoo.spec.cell.values import EXPRESSION, IN_BEGINNINGS, INITIALISERS, MEANT, Declared, Init
from rnnzoo.spec.document import (
    Code,
    CodeLine,
    Fields,
    Listing,
    Node,
    Scalar,
    Table,
    as_integer,
    describe,
    is_number,
)
from rnnzoo.spec.keys import Entry


def read_options(
    fields: Fields, mistakes: Mistakes, unread: Mistakes
) -> tuple[dict[str, float], dict[str, Declared]]:
    """Values of the options, and where they stand."""
    options: dict[str, float] = {}
    keys: dict[str, Declared] = {}
    table = fields.table_at("options", "{rank: 8}")
    for name, node in table.entries.items() if table else ():
        if not isinstance(node, Scalar) or not is_number(node.value):
            mistakes.add(
                node.span,
                f"option '{name}' must be a number, not {describe(node)}",
                f"write `{name}: 1`",
            )
        elif table and legal_name(name, table.keys[name], unread):
            options[name] = node.value  # type: ignore[assignment]  # is_number has just said so
            keys[name] = Declared(options[name], table.keys[name])
    return options, keys


def read_inputs(table: Table | None, mistakes: Mistakes, unread: Mistakes) -> dict[str, Declared]:
    """Sizes of `inputs: {dt: 1, mask: inputs}`."""
    inputs: dict[str, Declared] = {}
    for name, node in table.entries.items() if table else ():
        value = node.value if isinstance(node, Scalar) else None
        size = as_integer(value) if value != "inputs" else value
        if size != "inputs" and (size is None or not 1 <= int(size) <= MAX_SIZE):
            problem = (
                f"the size of the input '{name}' is `inputs`, as wide as x, or a whole number from"
                f" 1 to {MAX_SIZE}, not {describe(node)}"
            )
            mistakes.add(node.span, problem, f"write `{name}: 1` or `{name}: inputs`")
        elif size != MEANT.get(name, (size,))[0]:
            usual, meaning = MEANT[name]
            problem = f"`{name}` is {meaning}, and no task has one of size {size}"
            mistakes.add(node.span, problem, f"write `{name}: {usual}`, or choose another name")
        elif table and legal_name(name, table.keys[name], unread):
            inputs[name] = Declared(size, table.keys[name])
    return inputs


def read_weights(
    fields: Fields, mistakes: Mistakes
) -> tuple[dict[str, Declared], dict[str, Declared], dict[str, Declared]]:
    """Shapes, masks and what is trained of `weights: {R: {shape: [units, units], mask: row >= col,
    trainable: false}}`.
    """
    shapes: dict[str, Declared] = {}
    masks: dict[str, Declared] = {}
    trainable: dict[str, Declared] = {}
    table = fields.table_at("weights", "{R: {shape: [units, units]}}")
    for name, node in table.entries.items() if table else ():
        span = table.keys[name] if table else node.span
        if not isinstance(node, Table):
            sizes = node.items if isinstance(node, Listing) else ()
            written = ", ".join(str(getattr(size, "value", "units")) for size in sizes)
            shape = f"`{name}: {{shape: [{written or 'units, units'}]}}`"
            fix = f"write {shape}" + f" or `{name}: {{mask: row >= col}}`" * (not written)
            mistakes.add(node.span, f"weight '{name}' must be a table, not {describe(node)}", fix)
            continue
        legal_name(name, span, mistakes)
        entry = Entry(node, mistakes, f"weight '{name}'", WEIGHT)
        if "shape" in entry:
            shapes[name] = Declared(_shape(entry, mistakes), span)
        if "mask" in entry:
            masks[name] = Declared(_mask(entry, mistakes), span)
        if "trainable" in entry:
            trainable[name] = Declared(float(entry.flag("trainable", True)), span)
        entry.done()
    return shapes, masks, trainable


def _shape(entry: Fields, mistakes: Mistakes) -> tuple[float | str, ...]:
    shape: list[float | str] = []
    for item in entry.listing("shape"):
        size = as_integer(item.value) if isinstance(item, Scalar) else None
        if isinstance(item, Scalar) and isinstance(item.value, str):
            shape.append(item.value)
        elif size is not None and 1 <= size <= MAX_SIZE:
            shape.append(size)
        else:
            problem = (
                f"a size is `units`, `inputs`, an option or a whole number from 1 to {MAX_SIZE},"
                f" not {describe(item)}"
            )
            mistakes.add(item.span, problem, "write shape: [units, inputs]")
    if len(shape) > 3:
        fix = "write [] for a scalar, [n] for a vector, [n, m] for a matrix, [n, m, k] for k such"
        mistakes.add(entry.span("shape"), "a weight has at most 3 dimensions", fix)
    return tuple(shape[:3])


def _mask(entry: Fields, mistakes: Mistakes) -> Code | None:
    node = entry.node("mask")
    code = _one_line(node) if node else None
    if code is None:
        mistakes.add(
            entry.span("mask"), "a mask is one expression on one line", "write mask: row >= col"
        )
    return code


def _one_line(node: Node) -> Code | None:
    """An expression on one line, with its place; None for anything else."""
    text = ""
    if isinstance(node, Scalar) and isinstance(node.value, str) and node.code is None:
        text = node.value
    if not (isinstance(node, Scalar) and text.partition("#")[0].strip()) or "\n" in text:
        return None
    quote = 1 if node.style else 0
    row = node.span
    return Code(row.file, (CodeLine(row.line, row.column + quote, row.text),), text)


def read_init(table: Table | None, mistakes: Mistakes) -> dict[str, Declared]:
    initialisers = {}
    for name, node in table.entries.items() if table else ():
        if table and name.count(")") > name.count("("):  # YAML ended an entry at a comma
            problem = "an expression with a comma has quotes within braces"
            mistakes.add(table.keys[name], problem, 'write `init: {b: "minimum(unit, 3)"}`')
            continue
        init = init_of(node, mistakes)
        if table and init is not None:
            initialisers[name] = Declared(init, table.keys[name], code=_one_line(node))
    return initialisers


def init_of(node: Node, mistakes: Mistakes) -> Init | None:
    """An initialiser as written: a number, a name, an option, an expression, or `{normal: 0.1}`."""
    match node:
        case Scalar(value=str(name)) if name in INITIALISERS:
            return _initialiser(name, (), node.span, mistakes)
        case Scalar(value=str(option)) if NAME.fullmatch(option) and option not in IN_BEGINNINGS:
            return Init("constant", (option,))  # `lang.check` knows which options there are
        case Scalar(value=str(text)) if _one_line(node):
            return Init(EXPRESSION, (text,))
        case Scalar(value=number) if is_number(number):
            return Init("constant", (number,))  # type: ignore[arg-type]
        case Table() if len(node.entries) == 1:
            ((name, argument),) = node.entries.items()
            if name not in INITIALISERS:
                fix = nearest(name, INITIALISERS)
                mistakes.add(node.keys[name], f"no initialiser '{name}'", fix)
                return None
            values = _arguments(argument)
            if values is not None:
                return _initialiser(name, values, argument.span, mistakes)
    fix = "write a number, a name such as orthogonal, or {normal: 0.1}"
    mistakes.add(node.span, f"an initialiser cannot be {describe(node)}", fix)
    return None


def _arguments(node: Node) -> tuple[float | str, ...] | None:
    """Numbers and names of options, of which a list may have several; None for anything else."""
    items = node.items if isinstance(node, Listing) else (node,)
    values = tuple(item.value for item in items if isinstance(item, Scalar))
    legal = all(is_number(value) or isinstance(value, str) for value in values)
    # checked just now
    return values if legal and len(values) == len(items) else None  # type: ignore[return-value]


def _initialiser(
    name: str, values: tuple[float | str, ...], span: Span, mistakes: Mistakes
) -> Init | None:
    least, most = INITIALISERS[name].least, INITIALISERS[name].most
    if not least <= len(values) <= most:
        wanted = f"{least}" if least == most else f"{least} to {most}"
        noun = "value" if wanted == "1" else "values"
        example = (name, f"{{{name}: 0.1}}", f"{{{name}: [-0.1, 0.1]}}")[most]
        if name == "spectral_radius":
            example = "{spectral_radius: 0.9}, or {spectral_radius: [0.9, 0.1]} with a density"
        problem = f"the initialiser '{name}' takes {wanted} {noun}, not {len(values)}"
        mistakes.add(span, problem, f"write {example}")
        return None
    return Init(name, values)


def read_initial(table: Table | None, mistakes: Mistakes) -> dict[str, Declared]:
    initial = {}
    for name, node in table.entries.items() if table else ():
        value = node.value if isinstance(node, Scalar) else None
        if value == "learned" or is_number(value):
            initial[name] = Declared(value, table.keys[name] if table else node.span)
        else:
            fix = f"write `{name}: 0` or `{name}: learned`"
            mistakes.add(
                node.span, f"a state starts from a number or is learned, not {describe(node)}", fix
            )
    return initial
