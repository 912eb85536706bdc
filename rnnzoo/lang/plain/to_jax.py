"""A cell -> the text of a pure function for JAX, over whole sequences.

In: a `Layer`.  Out: one file of Python that imports jax, and NumPy for constants, and nothing of
rnnzoo.  Weights are a dictionary.  A step is that of one sequence, where `W @ v` is what it is in
the cell; `jax.vmap` makes a batch of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from string import Template
from textwrap import indent

from rnnzoo.lang import ir, text
from rnnzoo.lang.formulas import formula, names_at_start, names_in
from rnnzoo.lang.plain.dialects import JAX, MATRICES, NUMPY
from rnnzoo.lang.plain.layer import (
    IN_LOOPS,
    Layer,
    as_dictionary,
    paragraph,
    signature,
    spread,
    turned,
)
from rnnzoo.lang.plain.write import INDENT, Writer
from rnnzoo.lang.primitives import OfConstants
from rnnzoo.lang.primitives.layout import members
from rnnzoo.spec.cell import BY_COLUMNS, EXPRESSION, INITIALISERS, Init

MODULES = frozenset(
    {"jax", "jnp", "np", "math", "key", "keys", "iter", "next", "range", "p", "states", "mask",
     "fixed"}
)  # fmt: skip
TAKEN = MODULES | {
    "Callable", "Weights", "States", "x", "t", "in_groups", "reservoir", "layer_norm",
    "norm", "row", "col", "unit", "units", "inputs", "abs", "min", "max",
    "init", "start", "step", "constants", "output", *MATRICES.values(),
}  # fmt: skip
# functions of the file, of which options are arguments
CALLED = frozenset(
    {"start", "step", "constants", "in_groups", "reservoir", "orthogonal", *MATRICES.values()}
)
SCALED = ("glorot", "he", "lecun")


def jax_text(layer: Layer) -> str:
    """The file.

    Raises:
        UsageError: JAX has no function for an operation, or a name has another meaning there.
    """
    layer.refuse_names((), MODULES | IN_LOOPS | CALLED)
    return _File(layer).text()


class _File:
    """A file on its way: the step is written first, since it says what it has to be given."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        self.weight: ir.Weight | None = None  # whose mask is written
        self.in_step = Writer(JAX, layer.cell.name, self.name, self.is_fixed, fixed=layer.fixed())
        self.in_constants = Writer(NUMPY, layer.cell.name, self.name_of_constant, self.is_constant)
        self.in_beginning = Writer(
            JAX, layer.cell.name, self.name_in_beginning, layer.begins_with_number
        )
        self.numbers: set[str] = set()  # equations whose value is one of Python's numbers
        self.read: list[str] = []  # options and sizes that the step reads, in order
        self.has_constants = bool(layer.arrays() or layer.numbers() or layer.masked())

    def text(self) -> str:
        layer = self.layer
        step = [*self.step()]
        parts = [[*self.init()], [*self.constants()], [*self.start()], step, [*self.sequences()]]
        body: list[str] = []
        for part in filter(None, parts):
            body += ("", "", *part)
        lines = [*layer.head("JAX"), "", *self.imports(body), ""]
        lines += ["Weights = dict[str, jax.Array]", "States = dict[str, jax.Array]"]
        for name in sorted(self.in_step.helpers | self.in_beginning.helpers):
            lines += ["", *JAX.helpers[name].rstrip("\n").split("\n")]
        return "\n".join(line.rstrip() for line in [*lines, *body]) + "\n"

    def imports(self, body: Sequence[str]) -> Iterator[str]:
        used = "\n".join(body)
        grouped = "in_groups" in self.in_step.helpers
        if "math." in used:
            yield "import math"
        if grouped:
            yield "from collections.abc import Callable"
        if grouped or "math." in used:
            yield ""
        yield "import jax"
        yield "import jax.numpy as jnp"
        if "np." in used.replace("jnp.", ""):
            yield "import numpy as np"

    # -- names

    def name(self, ref: ir.Ref) -> str:
        called = self.layer.in_step(ref)
        if called:
            return called
        match ref.kind:
            case "weight":
                return f'p["{ref.name}"]'
            case "fixed":
                return f'jax.lax.stop_gradient(p["{ref.name}"])'
            case "constant":
                return f'fixed["{ref.name}"]'
        return self.option(ref.name)

    def option(self, name: str) -> str:
        """An option, or `units` or `inputs`, as the step reads it."""
        if name not in self.read:
            self.read.append(name)
        return name

    def name_of_constant(self, ref: ir.Ref) -> str:
        return self.layer.in_constants(ref, self.weight)

    def is_fixed(self, ref: ir.Ref) -> bool:
        """Whether the step has it as one of Python's numbers; `t` is traced."""
        return ref.kind in ("option", "size") or ref.name in self.numbers

    def is_constant(self, ref: ir.Ref) -> bool:
        if ref.kind == "constant":
            return self.layer.is_number(ref.name)
        return self.is_fixed(ref)

    def options(self) -> list[str]:
        return [f"{name}: {kind} = {value}" for name, kind, value in self.layer.options()]

    # -- functions

    def init(self) -> Iterator[str]:
        layer = self.layer
        options = ["*", *self.options()] if layer.cell.options else []
        yield from signature(
            "init", ["key: jax.Array", "inputs: int", "units: int", *options], "Weights"
        )
        yield f'{INDENT}"""Weights that begin as the cell says, with numbers that JAX draws."""'
        pairs, lines = [], []
        expressions = [*layer.by_expression()]
        read = names_at_start(expressions)
        for weight in layer.step.weights:
            local, value = layer.local(weight.name), ""
            if weight.init.name != EXPRESSION:
                value = self.beginning(weight)
            if weight.name in read and value:
                lines.append(f"{INDENT}{local} = {value}")
            is_local = weight.name in read or not value
            pairs.append(f'"{weight.name}": {local if is_local else value}')
        for weight in expressions:
            lines += self.by_expression(weight)
        for state in layer.states:
            if state.initial == "learned":
                pairs.append(f'"initial_{state.name}": jnp.zeros({layer.size(state.size)})')
        lines += as_dictionary(f"{INDENT}return ", pairs, INDENT)
        yield from self.initialisers("\n".join(lines))
        if any("fixed[" in line for line in lines):
            arguments = ", ".join(["inputs", "units", *layer.cell.options])
            yield f"{INDENT}fixed = constants({arguments})"
        yield from lines

    def initialisers(self, text: str) -> Iterator[str]:
        """What the lines that draw weights call."""
        drawn = text.count("next(keys)")
        if drawn:
            yield f"{INDENT}keys = iter(jax.random.split(key, {drawn}))"
        if "orthogonal(" in text:
            yield f"{INDENT}orthogonal = jax.nn.initializers.orthogonal()"
        for name in INITIALISERS:
            if name.partition("_")[0] in SCALED and f"{name}(" in text:
                yield f"{INDENT}{name} = jax.nn.initializers.{name}(in_axis=-1, out_axis=-2)"

    def by_expression(self, weight: ir.Weight) -> Iterator[str]:
        """The lines that begin a weight with an expression."""
        names, shape = names_in(weight.init), self.shape(weight.shape)
        expr = formula(str(weight.init.values[0]))
        if isinstance(expr, ir.Apply) and isinstance(expr.op, OfConstants):
            yield from self.of_constants(weight, expr)
            return
        if "random" in names:
            yield f"{INDENT}random = jax.random.uniform(next(keys), {shape})"
        for axis, place in (("unit", 0), ("row", 0), ("col", -1)):
            if axis in names:
                size = self.layer.size(weight.shape[place])
                yield f"{INDENT}{axis} = jnp.arange({size}, dtype=float){turned(axis)}"
        local = self.layer.local(weight.name)
        if self.in_beginning.is_number(expr):
            text = self.in_beginning.text(expr)
            yield f"{INDENT}{local} = jnp.full({shape}, float({text}))"
        else:
            yield from self.in_beginning.lines(f"{INDENT}{local} = ", expr, INDENT)
            yield f"{INDENT}{local} = jnp.broadcast_to({local}, {shape})"

    def of_constants(self, weight: ir.Weight, expr: ir.Apply) -> Iterator[str]:
        """The lines that begin a weight with a function of matrices."""
        local, letters = self.layer.local(weight.name), "ab"[: len(expr.args)]
        for letter, operand, place in zip(letters, expr.args, (0, -1)):
            used = {ref.name for ref in ir.refs(operand, "value")}
            sizes = [self.layer.size(weight.shape[side]) for side in (0, place)]
            for axis, size in zip(("row", "col"), sizes):
                if axis in used:
                    yield f"{INDENT}{axis} = jnp.arange({size}, dtype=float){turned(axis)}"
            yield from self.in_beginning.lines(f"{INDENT}{letter}_ = ", operand, INDENT)
            yield f"{INDENT}{letter}_ = jnp.broadcast_to({letter}_, ({', '.join(sizes)}))"
        operands = ", ".join(f"{letter}_" for letter in letters)
        yield f"{INDENT}{local} = {self.in_beginning.called(expr.op)}({operands})"

    def name_in_beginning(self, ref: ir.Ref) -> str:
        name, _, axis = ref.name.partition("[")
        if name not in {constant.name for constant in self.layer.cell.constants}:
            is_weight = name in {weight.name for weight in self.layer.step.weights}
            return self.layer.local(name) if is_weight else name
        return f'fixed["{name}"]' + ("[:, None]" if axis == "row]" else "")

    def beginning(self, weight: ir.Weight) -> str:
        """The expression that begins a weight."""
        if weight.init.name != BY_COLUMNS:
            return self.drawn(weight.init, weight.shape)
        rows, columns = weight.shape
        parts = [
            self.drawn(Init(str(name)), (rows, size))
            for name, size in zip(weight.init.values, members((columns,)))
        ]
        return f"jnp.concatenate([{', '.join(parts)}], axis=1)"

    def drawn(self, init: Init, sizes: ir.Shape) -> str:
        """The expression that draws what has an initialiser."""
        shape = self.shape(sizes)
        values = list(map(_value, init.values))
        match init.name, values:
            case (("zeros" | "ones"), _):
                return f"jnp.{init.name}({shape})"
            case "constant", [value]:
                return f"jnp.full({shape}, {_decimal(value)})"
            case "identity", _:
                return " * ".join([*values, f"jnp.eye{shape}"])
            case "spectral_radius", _:
                self.in_beginning.helper("reservoir")
                return f"reservoir({', '.join(['next(keys)', shape, *values])})"
            case "orthogonal", _:
                return " * ".join([*values, f"orthogonal(next(keys), {shape})"])
            case "normal", [deviation]:
                return f"{deviation} * jax.random.normal(next(keys), {shape})"
            case "uniform", [limit]:
                return f"jax.random.uniform(next(keys), {shape}, float, -{limit}, {limit})"
            case "uniform", [low, high]:
                return f"jax.random.uniform(next(keys), {shape}, float, {low}, {high})"
        return self.scaled(init, sizes, shape)

    def scaled(self, init: Init, sizes: ir.Shape, shape: str) -> str:
        """An initialiser whose variance depends on the size."""
        if len(sizes) == 2:
            return f"{init.name}(next(keys), {shape})"
        distribution, width = spread(init, self.layer.size(sizes[0]) if sizes else "1")
        if distribution == "uniform":
            return f"jax.random.uniform(next(keys), {shape}, float, -{width}, {width})"
        return f"{width} * jax.random.normal(next(keys), {shape})"

    def shape(self, sizes: ir.Shape) -> str:
        """A shape as a tuple."""
        texts = [self.layer.size(size) for size in sizes]
        return f"({texts[0]},)" if len(texts) == 1 else f"({', '.join(texts)})"

    def constants(self) -> Iterator[str]:
        """Constants and masks, computed in float64 by NumPy."""
        layer, writer = self.layer, self.in_constants
        if not self.has_constants:
            return
        options = list(layer.cell.options)
        yield from signature(
            "constants", ["inputs: int", "units: int", *self.typed(options)],
            "dict[str, np.ndarray | float | bool]",
        )  # fmt: skip
        yield f'{INDENT}"""What training leaves alone: constants, and masks of weights."""'
        if layer.constants_read_units:
            yield f"{INDENT}unit = np.arange(units, dtype=float)"
        for constant in layer.cell.constants:
            name = layer.local(constant.name)
            yield from writer.equation(name, constant.expr, "", INDENT)
        pairs = [f'"{name}": {layer.local(name)}' for name in (*layer.arrays(), *layer.numbers())]
        for weight in layer.masked():
            assert weight.mask is not None
            self.weight = weight
            for axis, length in layer.axes(weight):
                yield f"{INDENT}{axis} = np.arange({length}, dtype=float){turned(axis)}"
            name = layer.mask_of(weight)
            stays = text.expression(weight.mask)
            yield f"{INDENT}# which entries of {weight.name} stay: {stays}"
            truth = writer.truth(weight.mask)
            yield f"{INDENT}{name} = {truth}"
            pairs.append(f'"{name}": {name}')
        yield from as_dictionary(f"{INDENT}return ", pairs, INDENT)

    def typed(self, names: Sequence[str]) -> list[str]:
        kinds = {name: kind for name, kind, _ in self.layer.options()}
        return [f"{name}: {kinds.get(name, 'int')}" for name in names]

    def sizes_of_states(self) -> list[str]:
        """The symbols in the sizes of states, in order."""
        sizes = (ir.size_names(state.size) for state in self.layer.states)
        return list(dict.fromkeys(chain.from_iterable(sizes)))

    def start(self) -> Iterator[str]:
        layer = self.layer
        sizes = self.sizes_of_states()
        yield from signature("start", ["p: Weights", *self.typed(sizes)], "States")
        yield f'{INDENT}"""The states of a sequence before its first step."""'
        pairs = []
        for state in layer.states:
            size, value = layer.size(state.size), f'p["initial_{state.name}"]'
            if state.initial == 0:
                value = f"jnp.zeros({size})"
            elif state.initial != "learned":
                value = f"jnp.full({size}, {float(state.initial)!r})"
            pairs.append(f'"{state.name}": {value}')
        yield from as_dictionary(f"{INDENT}return ", pairs, INDENT)

    def step(self) -> Iterator[str]:
        layer = self.layer
        lines = [*layer.before(INDENT)]
        for weight in layer.masked():
            name = weight.name
            value = f'p["{name}"]' if weight.trained else f'jax.lax.stop_gradient(p["{name}"])'
            mask = f'fixed["{layer.mask_of(weight)}"]'
            lines.append(f"{INDENT}{layer.local(name)} = {value} * {mask}")
        filled = layer.to_fill()
        for equation in layer.step.equations:
            lines += self.equation(equation, equation.name in filled)
        output = f", {layer.local(layer.cell.output)}"
        lines += as_dictionary(f"{INDENT}return ", layer.after(), INDENT, output)
        parameters = ["p: Weights", "states: States", "x: jax.Array"]
        parameters += [f"{name}: jax.Array" for name in layer.beside_x]
        parameters += ["t: jax.Array"] * layer.step.reads_time
        parameters += ["fixed: dict"] * self.has_constants
        yield from signature(
            "step", [*parameters, *self.typed(self.read)], "tuple[States, jax.Array]"
        )
        also = "".join(
            f", {name} ({named_input.size},)" for name, named_input in layer.beside_x.items()
        )
        also += ", and of t from 0" if layer.step.reads_time else ""
        words = f'"""The next states and the output of one sequence, of x (inputs,){also}."""'
        yield from paragraph(words, INDENT)
        yield from lines

    def equation(self, equation: ir.Equation, fill: bool) -> Iterator[str]:
        layer, writer = self.layer, self.in_step
        name, comment = layer.local(equation.name), layer.comments.get(equation.name, "")
        yield from writer.equation(name, equation.expr, comment, INDENT)
        if writer.is_number(equation.expr) and not fill:
            self.numbers.add(equation.name)
        if fill and equation.expr.shape != (equation.size,):
            size = layer.size(equation.size, self.option)
            yield f"{INDENT}{name} = jnp.full({size}, {name}, x.dtype)"

    def sequences(self) -> Iterator[str]:
        layer = self.layer
        reads_time = layer.step.reads_time
        yield from signature(
            layer.function_name,
            ["p: Weights", "x: jax.Array", *(f"{name}: jax.Array" for name in layer.beside_x),
             "*", "units: int", *self.options(),
             "states: States | None = None", "mask: jax.Array | None = None",
             *["first: int = 0"] * reads_time],
            "tuple[jax.Array, States]",
        )  # fmt: skip
        yield from self.about()
        sizes = self.sizes_of_states()
        passed = ["p", "states", "x", *layer.beside_x, *["t"] * reads_time]
        passed += ["fixed"] * self.has_constants
        fixed = Template(FIXED).substitute(
            arguments=", ".join(["x.shape[-1]", "units", *layer.cell.options])
        )
        body = Template(SEQUENCES).substitute(
            inputs="inputs = x.shape[-1]\n" if "inputs" in {*sizes, *self.read} else "",
            fixed=fixed if self.has_constants else "",
            start=", ".join(["p", *sizes]),
            step=", ".join([*passed, *self.read]),
            typed="".join(f", {name}: jax.Array" for name in layer.beside_x),
            beside="".join(f", {name}" for name in layer.beside_x),
            size=layer.size(layer.cell.output_size),
            t=", t" if reads_time else "",
            steps=", first + jnp.arange(time)" if reads_time else "",
        )
        yield from indent(body, INDENT).splitlines()

    def about(self) -> Iterator[str]:
        layer, inner = self.layer, 2 * INDENT
        yield from layer.first_line(INDENT, ", over whole sequences")
        yield ""
        yield f"{INDENT}Weights are called as in the cell:"
        yield ""
        yield from layer.equations(inner)
        yield ""
        if layer.above():
            yield from paragraph(layer.above(), INDENT)
            yield ""
        options = (
            f"\n    {name}: an option of the cell, {value} by default."
            for name, _, value in layer.options()
        )
        body = Template(ABOUT).substitute(
            units=layer.of_units(),
            beside=layer.about_beside_x(),
            options="".join(options),
            size=layer.cell.output_size,
            first=FIRST if layer.step.reads_time else "",
        )
        yield from indent(body, INDENT).splitlines()


FIRST = "\n    first: how many steps came before."
ABOUT = '''\
Args:
    p: weights by name, as `init` makes them.
    x: (batch, time, inputs).$beside
    units: $units.$options
    states: those to begin with, by name, (batch, size) each.
    mask: (batch, time) of bool, False where a step is padding: states stay as they are
        there, and the output is the last one again, or 0.$first

Returns:
    The outputs, (batch, time, $size), and the last states.
"""
'''
FIXED = """\
fixed = {
    name: jnp.asarray(value, x.dtype)
    for name, value in constants($arguments).items()
}
"""
SEQUENCES = """\
batch, time = x.shape[:2]
${inputs}${fixed}if states is None:
    states = {
        name: jnp.broadcast_to(value, (batch, *value.shape)).astype(x.dtype)
        for name, value in start($start).items()
    }
mask = jnp.ones((batch, time), bool) if mask is None else mask

def of_one(states: States, x: jax.Array$typed, mask: jax.Array):
    def scanned(before, now):
        (states, output), (x$beside, real$t) = before, now
        after, value = step($step)
        states = {name: jnp.where(real, after[name], states[name]) for name in states}
        output = jnp.where(real, value, output)
        return (states, output), output

    before = states, jnp.zeros($size, x.dtype)
    (states, _), outputs = jax.lax.scan(scanned, before, (x$beside, mask$steps))
    return outputs, states

return jax.vmap(of_one)(states, x$beside, mask)
"""


def _value(value: str | float) -> str:
    """A value of an initialiser: an option's name, or a number."""
    return value if isinstance(value, str) else text.number(value)


def _decimal(value: str) -> str:
    """A number, or the name of an option, as a float."""
    if value.isidentifier():
        return f"float({value})"
    return repr(float(value))
