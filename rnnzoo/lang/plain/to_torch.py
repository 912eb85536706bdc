"""A cell -> the text of an `nn.Module` of PyTorch, over whole sequences.

In: a `Layer`.  Out: one file of Python that imports torch and nothing of rnnzoo.  Weights keep
their names and shapes, so that those of a trained layer can be loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from string import Template
from textwrap import indent

from rnnzoo.lang import ir, text
from rnnzoo.lang.formulas import formula, names_in
from rnnzoo.lang.plain.dialects import MATRICES, TORCH
from rnnzoo.lang.plain.layer import Layer, as_dictionary, paragraph, signature, spread, turned
from rnnzoo.lang.plain.write import INDENT, Writer
from rnnzoo.lang.primitives import OfConstants
from rnnzoo.lang.primitives.layout import members
from rnnzoo.spec.cell import BY_COLUMNS, EXPRESSION, Init

TAKEN = frozenset(
    {"torch", "F", "nn", "math", "Tensor", "Callable", "self", "states", "x", "t", "in_groups",
     "reservoir", "layer_norm", "mask", "stays", "row", "col", "unit", "units", "inputs",
     "abs", "min", "max", *MATRICES.values()}
)  # fmt: skip
MODULES = frozenset({"torch", "F", "nn", "math", "Tensor", "Callable", "self", "super", "range"})
IN_INIT = frozenset({"stays", "mask"})  # names within `__init__`, of which options are arguments
# attributes of `nn.Module` and of the class
RESERVED = frozenset(
    {"add_module", "apply", "bfloat16", "buffers", "call_super_init", "children", "compile", "cpu",
     "cuda", "double", "dump_patches", "eval", "extra_repr", "float", "forward", "get_buffer",
     "get_extra_state", "get_parameter", "get_submodule", "half", "inputs", "ipu",
     "load_state_dict", "modules", "mtia", "named_buffers", "named_children", "named_modules",
     "named_parameters", "parameters", "register_backward_hook", "register_buffer",
     "register_forward_hook", "register_forward_pre_hook", "register_full_backward_hook",
     "register_full_backward_pre_hook", "register_load_state_dict_post_hook",
     "register_load_state_dict_pre_hook", "register_module", "register_parameter",
     "register_state_dict_post_hook", "register_state_dict_pre_hook", "requires_grad_",
     "reset_parameters", "set_extra_state", "set_submodule", "share_memory", "start", "state_dict",
     "step", "super", "T_destination", "to", "to_empty", "train", "training", "type", "units",
     "xpu", "zero_grad"}
)  # fmt: skip
IN_CLASS, IN_METHOD, IN_LOOP = INDENT, 2 * INDENT, 3 * INDENT


def torch_text(layer: Layer) -> str:
    """The file.

    Raises:
        UsageError: PyTorch has no function for an operation, or a name has another meaning there.
    """
    layer.refuse_names(RESERVED, MODULES | IN_INIT)
    return _File(layer).text()


class _File:
    """A file on its way: methods are written first, since they say what the class has to hold."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        self.used: set[str] = set()  # options and constants that methods read
        self.weight: ir.Weight | None = None  # whose mask is written
        self.numbers: set[str] = set()  # equations whose value is one of Python's numbers
        name = layer.cell.name
        self.in_step = Writer(
            TORCH,
            name,
            self.name,
            self.is_fixed,
            layer.is_of_sequences,
            "x.new_tensor({})",
            layer.fixed(),
        )
        self.in_init = Writer(
            TORCH, name, self.name_of_constant, self.is_fixed, lifted="torch.tensor({})"
        )
        self.in_beginning = Writer(
            TORCH, name, self.name_in_beginning, layer.begins_with_number,
            lifted="torch.tensor({})",
        )  # fmt: skip

    def text(self) -> str:
        layer = self.layer
        methods = [*self.beginnings(), *self.start(), *self.one_step(), *self.forward()]
        body = [*self.init(), *methods]
        lines = [*layer.head("PyTorch"), "", *self.imports(body)]
        for name in sorted(self.helpers()):
            lines += ["", *TORCH.helpers[name].rstrip("\n").split("\n")]
        lines += ["", "", f"class {layer.class_name}(nn.Module):", *self.about(), *body]
        return "\n".join(line.rstrip() for line in lines) + "\n"

    def helpers(self) -> set[str]:
        return self.in_step.helpers | self.in_init.helpers | self.in_beginning.helpers

    def imports(self, body: Sequence[str]) -> Iterator[str]:
        used = "\n".join(body)
        helpers = self.helpers()
        if "math." in used:
            yield "import math"
        if "in_groups" in helpers:
            yield "from collections.abc import Callable"
        if "math." in used or "in_groups" in helpers:
            yield ""
        yield "import torch"
        functional = "F." in used or "layer_norm" in helpers
        yield "import torch.nn.functional as F" if functional else "from torch import Tensor, nn"
        if functional:
            yield "from torch import Tensor, nn"

    def about(self) -> Iterator[str]:
        layer = self.layer
        yield from layer.first_line(IN_CLASS, ", over whole sequences")
        yield ""
        yield f"{IN_CLASS}Weights are called as in the cell:"
        yield ""
        yield from layer.equations(IN_METHOD)
        yield ""
        words = "A vector is a row of a batch here, so that W @ x is `x @ W.T`."
        yield from paragraph(f"{words} {layer.above()}".strip(), IN_CLASS)
        yield ""
        yield f"{IN_CLASS}Args:"
        yield f"{IN_METHOD}inputs: size of x."
        yield f"{IN_METHOD}units: {layer.of_units()}."
        for name, _, value in layer.options():
            yield f"{IN_METHOD}{name}: an option of the cell, {value} by default."
        yield f'{IN_CLASS}"""'

    # -- names

    def name(self, ref: ir.Ref) -> str:
        called = self.layer.in_step(ref)
        if called:
            return called
        if ref.kind in ir.WEIGHTS:
            return f"self.{ref.name}"
        return self.attribute(ref.name)

    def attribute(self, name: str) -> str:
        """An option, a size or a constant, as methods read it."""
        self.used.add(name)
        return f"self.{name}_" if name in RESERVED - {"units", "inputs"} else f"self.{name}"

    def name_of_constant(self, ref: ir.Ref) -> str:
        return self.layer.in_constants(ref, self.weight)

    def is_fixed(self, ref: ir.Ref) -> bool:
        if ref.kind == "constant":
            return self.layer.is_number(ref.name)
        return ref.kind in ("option", "size", "time") or ref.name in self.numbers

    def size(self, size: ir.Size) -> str:
        """A size as methods read it."""
        return self.layer.size(size, self.attribute)

    # -- methods

    def init(self) -> Iterator[str]:
        layer = self.layer
        options = [f"{name}: {kind} = {value}" for name, kind, value in layer.options()]
        yield ""
        yield from signature(
            "__init__", ["self", "inputs: int", "units: int", *options], "None", IN_CLASS
        )
        yield f"{IN_METHOD}super().__init__()"
        yield f"{IN_METHOD}self.inputs, self.units = inputs, units"
        for name in layer.cell.options:
            if name in self.used:
                yield f"{IN_METHOD}{self.attribute(name)} = {name}"
        yield from self.constants()
        for weight in layer.step.weights:
            shape = ", ".join(map(layer.size, weight.shape)) or "()"
            fixed = "" if weight.trained else ", requires_grad=False"
            yield f"{IN_METHOD}self.{weight.name} = nn.Parameter(torch.empty({shape}){fixed})"
        for state in layer.states:
            if state.initial == "learned":
                size = layer.size(state.size)
                yield f"{IN_METHOD}self.initial_{state.name} = nn.Parameter(torch.empty({size}))"
        yield f"{IN_METHOD}self.reset_parameters()"

    def constants(self) -> Iterator[str]:
        """Constants and masks, computed once in float64; the state dictionary has none of them."""
        layer, writer = self.layer, self.in_init
        if layer.constants_read_units:
            yield f"{IN_METHOD}unit = torch.arange(units, dtype=torch.float64)"
        for constant in layer.cell.constants:
            name = layer.local(constant.name)
            yield from writer.equation(name, constant.expr, "", IN_METHOD)
        for name in layer.numbers():
            yield f"{IN_METHOD}{self.attribute(name)} = {layer.local(name)}"
        for name in layer.arrays():
            value = f"{layer.local(name)}.to(torch.get_default_dtype())"
            buffer = self.attribute(name).removeprefix("self.")
            yield f'{IN_METHOD}self.register_buffer("{buffer}", {value}, persistent=False)'
        for weight in layer.masked():
            assert weight.mask is not None
            self.weight = weight
            for axis, length in layer.axes(weight):
                numbers = f"torch.arange({length}, dtype=torch.float64)"
                yield f"{IN_METHOD}{axis} = {numbers}{turned(axis)}"
            stays = text.expression(weight.mask)
            yield f"{IN_METHOD}# which entries of {weight.name} stay: {stays}"
            truth = writer.truth(weight.mask)
            if writer.is_number(weight.mask):
                truth = f"torch.tensor({truth})"
            yield f"{IN_METHOD}stays = {truth}"
            yield f"{IN_METHOD}mask = stays.to(torch.get_default_dtype())"
            name = layer.mask_of(weight)
            yield f'{IN_METHOD}self.register_buffer("{name}", mask, persistent=False)'

    def beginnings(self) -> Iterator[str]:
        """`reset_parameters`: weights that begin alike in one line."""
        layer = self.layer
        yield ""
        yield f"{IN_CLASS}def reset_parameters(self) -> None:"
        normal = any("_normal" in str(weight.init) for weight in layer.step.weights)
        more = ", normal ones not truncated" if normal else ""
        yield f'{IN_METHOD}"""Begin as the cell says, with numbers that PyTorch draws{more}."""'
        alike: dict[tuple[str, ...], list[str]] = {}
        for weight in layer.step.weights:
            if weight.init.name != EXPRESSION:
                alike.setdefault(self.beginning(weight), []).append(f"self.{weight.name}")
        for state in layer.states:
            if state.initial == "learned":
                alike.setdefault(("nn.init.zeros_({})",), []).append(f"self.initial_{state.name}")
        for lines, names in alike.items():
            if len(names) > 1:
                yield from _loop(names)
            before, name = (IN_METHOD, names[0]) if len(names) == 1 else (IN_LOOP, "weight")
            yield from (f"{before}{line.format(name)}" for line in lines)
        for weight in layer.by_expression():
            yield from self.by_expression(weight)

    def by_expression(self, weight: ir.Weight) -> Iterator[str]:
        """The lines that begin a weight with an expression."""
        expr = formula(str(weight.init.values[0]))
        if isinstance(expr, ir.Apply) and isinstance(expr.op, OfConstants):
            yield from self.of_constants(weight, expr)
            return
        names, name = names_in(weight.init), f"self.{weight.name}"
        if "random" in names:
            yield f"{IN_METHOD}random = torch.rand_like({name})"
        for axis, place in (("unit", 0), ("row", 0), ("col", -1)):
            if axis in names:
                numbers = f"torch.arange({name}.shape[{place}], dtype=torch.float64)"
                yield f"{IN_METHOD}{axis} = {numbers}{turned(axis)}"
        if self.in_beginning.is_number(expr):
            yield f"{IN_METHOD}nn.init.constant_({name}, {self.in_beginning.text(expr)})"
        else:
            yield from self.in_beginning.lines(f"{IN_METHOD}{name}.data[...] = ", expr, IN_METHOD)

    def of_constants(self, weight: ir.Weight, expr: ir.Apply) -> Iterator[str]:
        """The lines that begin a weight with a function of matrices."""
        name = f"self.{weight.name}"
        for letter, operand, place in zip("ab", expr.args, (0, -1)):
            used = {ref.name for ref in ir.refs(operand, "value")}
            shape = f"{name}.shape[0], {name}.shape[{place}]"
            for axis, size in zip(("row", "col"), shape.split(", ")):
                if axis in used:
                    numbers = f"torch.arange({size}, dtype=torch.float64)"
                    yield f"{IN_METHOD}{axis} = {numbers}{turned(axis)}"
            yield from self.in_beginning.lines(f"{IN_METHOD}{letter} = ", operand, IN_METHOD)
            yield f"{IN_METHOD}{letter} = torch.as_tensor({letter}, dtype=torch.float64)"
            yield f"{IN_METHOD}{letter} = {letter}.expand({shape})"
        called = self.in_beginning.called(expr.op)
        yield f"{IN_METHOD}{name}.data[...] = {called}({', '.join('ab'[: len(expr.args)])})"

    def name_in_beginning(self, ref: ir.Ref) -> str:
        name, _, axis = ref.name.partition("[")
        if name in ("random", "unit", "row", "col"):
            return name
        if name in {weight.name for weight in self.layer.step.weights}:
            return f"self.{name}"
        return self.attribute(name) + ("[:, None]" if axis == "row]" else "")

    def beginning(self, weight: ir.Weight) -> tuple[str, ...]:
        """The lines that draw a weight, with `{}` for its name."""
        if weight.init.name != BY_COLUMNS:
            return (self.drawn(weight.init, weight.shape),)
        rows, columns = weight.shape
        lines, before = [], ""
        for name, size in zip(weight.init.values, members((columns,))):
            end = f"{before} + {self.size(size)}" if before else self.size(size)
            taken = f"{{}}.data[:, {before or 0} : {end}]"
            lines.append(self.drawn(Init(str(name)), (rows, size)).format(taken))
            before = end
        return tuple(lines)

    def drawn(self, init: Init, shape: ir.Shape) -> str:
        """The line that draws what has an initialiser."""
        values = [self.value(value) for value in init.values]
        match init.name, values:
            case (("zeros" | "ones"), _):
                return f"nn.init.{init.name}_({{}})"
            case "constant", [value]:
                return f"nn.init.constant_({{}}, {value})" if value != "0" else "nn.init.zeros_({})"
            case "identity", []:
                return "nn.init.eye_({})"
            case "identity", [gain]:
                return f"nn.init.eye_({{}}).data.mul_({gain})"
            case "spectral_radius", _:
                self.in_init.helper("reservoir")
                return f"reservoir({', '.join(['{}', *values])})"
            case "orthogonal", _:
                return f"nn.init.orthogonal_({', '.join(['{}', *values])})"
            case "normal", [deviation]:
                return f"nn.init.normal_({{}}, std={deviation})"
            case "uniform", [limit]:
                return f"nn.init.uniform_({{}}, -{limit}, {limit})"
            case "uniform", [low, high]:
                return f"nn.init.uniform_({{}}, {low}, {high})"
        return self.scaled(init, shape)

    def scaled(self, init: Init, shape: ir.Shape) -> str:
        """An initialiser whose variance depends on the size."""
        family, _, distribution = init.name.partition("_")
        if len(shape) == 2:
            if family == "glorot":
                return f"nn.init.xavier_{distribution}_({{}})"
            gain = "relu" if family == "he" else "linear"
            return f'nn.init.kaiming_{distribution}_({{}}, nonlinearity="{gain}")'
        distribution, width = spread(init, self.size(shape[0]) if shape else "1")
        if distribution == "uniform":
            return f"nn.init.uniform_({{}}, -{width}, {width})"
        return f"nn.init.normal_({{}}, std={width})"

    def value(self, value: float | str) -> str:
        return self.attribute(value) if isinstance(value, str) else text.number(value)

    def start(self) -> Iterator[str]:
        yield ""
        yield f"{IN_CLASS}def start(self, x: Tensor) -> dict[str, Tensor]:"
        yield f'{IN_METHOD}"""The states before the first step, (batch, size) each."""'
        pairs = []
        for state in self.layer.states:
            size = self.size(state.size)
            value = f"self.initial_{state.name}.expand(x.shape[0], {size})"
            if state.initial == 0:
                value = f"x.new_zeros(x.shape[0], {size})"
            elif state.initial != "learned":
                value = f"x.new_full((x.shape[0], {size}), {text.number(float(state.initial))})"
            pairs.append(f'"{state.name}": {value}')
        yield from as_dictionary(f"{IN_METHOD}return ", pairs, IN_METHOD)

    def one_step(self) -> Iterator[str]:
        layer, step = self.layer, self.layer.step
        time = ["t: int"] if step.reads_time else []
        yield ""
        yield from signature(
            "step",
            ["self", "x: Tensor", *(f"{name}: Tensor" for name in layer.beside_x),
             "states: dict[str, Tensor]", *time],
            "tuple[Tensor, dict[str, Tensor]]", IN_CLASS,
        )  # fmt: skip
        also = "".join(
            f", {name} (batch, {named_input.size})" for name, named_input in layer.beside_x.items()
        )
        also += ", and of t from 0" if time else ""
        words = f'"""The output and the next states, of x (batch, inputs){also}."""'
        yield from paragraph(words, IN_METHOD)
        yield from layer.before(IN_METHOD)
        for weight in layer.masked():
            local, mask = layer.local(weight.name), layer.mask_of(weight)
            yield f"{IN_METHOD}{local} = self.{weight.name} * self.{mask}"
        filled = layer.to_fill()
        for equation in step.equations:
            yield from self.equation(equation, equation.name in filled)
        before = f"{IN_METHOD}return {layer.local(layer.cell.output)}, "
        yield from as_dictionary(before, layer.after(), IN_METHOD)

    def equation(self, equation: ir.Equation, fill: bool) -> Iterator[str]:
        layer, writer = self.layer, self.in_step
        name, comment = layer.local(equation.name), layer.comments.get(equation.name, "")
        yield from writer.equation(name, equation.expr, comment, IN_METHOD)
        if writer.is_number(equation.expr) and not fill:
            self.numbers.add(equation.name)
        if fill:
            size = f"(x.shape[0], {self.size(equation.size)})"
            if writer.is_number(equation.expr):
                yield f"{IN_METHOD}{name} = x.new_full({size}, {name})"
            else:
                yield f"{IN_METHOD}{name} = {name}.expand{size}"

    def forward(self) -> Iterator[str]:
        layer = self.layer
        reads_time = layer.step.reads_time
        yield ""
        yield from signature(
            "forward",
            ["self", "x: Tensor", *(f"{name}: Tensor" for name in layer.beside_x),
             "states: dict[str, Tensor] | None = None", "mask: Tensor | None = None",
             *["first: int = 0"] * reads_time],
            "tuple[Tensor, dict[str, Tensor]]", IN_CLASS,
        )  # fmt: skip
        body = Template(FORWARD).substitute(
            beside=layer.about_beside_x(),
            passed="".join(f"{name}[:, t], " for name in layer.beside_x),
            size=layer.cell.output_size,
            self_size=self.size(layer.cell.output_size),
            first=FIRST if reads_time else "",
            time=", first + t" if reads_time else "",
        )
        yield from indent(body, IN_METHOD).splitlines()


FIRST = "\n    first: how many steps came before."
FORWARD = '''\
"""All steps.

Args:
    x: (batch, time, inputs).$beside
    states: those to begin with, by name, (batch, size) each.
    mask: (batch, time) of bool, False where a step is padding: states stay as they are
        there, and the output is the last one again, or 0.$first

Returns:
    The outputs, (batch, time, $size), and the last states.
"""
states = self.start(x) if states is None else states
output, outputs = x.new_zeros(x.shape[0], $self_size), []
for t in range(x.shape[1]):
    value, after = self.step(x[:, t], ${passed}states$time)
    if mask is not None:
        real = mask[:, t, None]
        value = torch.where(real, value, output)
        after = {name: torch.where(real, after[name], states[name]) for name in states}
    output, states = value, after
    outputs.append(output)
return torch.stack(outputs, dim=1), states
'''


def _loop(names: Sequence[str]) -> Iterator[str]:
    line = f"{IN_METHOD}for weight in ({', '.join(names)}):"
    if len(line) <= 100:
        yield line
        return
    yield f"{IN_METHOD}for weight in ("
    for start in range(0, len(names), 6):
        yield f"{IN_METHOD}{INDENT}{', '.join(names[start : start + 6])},"
    yield f"{IN_METHOD}):"
