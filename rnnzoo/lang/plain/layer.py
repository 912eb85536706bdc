"""What both files say of a cell: its options, constants and names, and which values fill a vector.

In: a cell.  Out: a `Layer`, the first of a stack; what a further layer reads of the one below is
not written, and `above` says so.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap

from rnnzoo.errors import UsageError, listed
from rnnzoo.lang import ir, text
from rnnzoo.lang.formulas import formula, names_at_start, names_in
from rnnzoo.lang.plain.dialects import TORCH
from rnnzoo.lang.plain.write import WIDTH, Writer
from rnnzoo.spec.cell import EXPRESSION, Init

# names within the functions that go through all steps
IN_LOOPS = frozenset(
    {"after", "batch", "before", "first", "name", "now", "of_one", "output", "outputs", "real",
     "scanned", "time", "value"}
)  # fmt: skip
ROW = 96  # characters of a line of prose


@dataclass(frozen=True, eq=False, slots=True)
class Layer:
    """A layer of a cell on its way to a file.

    Attributes:
        comments: of equations, by name.
        source: references in full.
        taken: names that the file has itself, which no equation may have.
    """

    cell: ir.Cell
    comments: Mapping[str, str]
    source: tuple[str, ...]
    taken: frozenset[str]

    @property
    def step(self) -> ir.Step:
        return self.cell.first

    @property
    def title(self) -> str:
        return (self.cell.title or self.cell.name).rstrip(".")

    @property
    def class_name(self) -> str:
        words = re.split(r"[^A-Za-z0-9]+", self.cell.name)
        name = "".join(word[:1].upper() + word[1:] for word in words)
        return name if name[:1].isalpha() else f"Cell{name}"

    @property
    def function_name(self) -> str:
        name = re.sub(r"[^A-Za-z0-9]+", "_", self.cell.name).strip("_").lower()
        legal = name.isidentifier() and not keyword.iskeyword(name) and name not in self.taken
        return name if legal else f"cell_{name}"

    @property
    def states(self) -> tuple[ir.State, ...]:
        return self.cell.states

    def size(self, size: ir.Size, name: Callable[[str], str] = str) -> str:
        """A size as Python; `name` writes the symbols in it."""
        if isinstance(size, tuple):
            return " + ".join(self.size(member, name) for member in size)
        if isinstance(size, ir.Grid):
            product = f"{self.size(size.rows, name)} * {self.size(size.columns, name)}"
            return product if size.heads == 1 else f"{product} // {self.size(size.heads, name)}"
        if isinstance(size, int) or size in ("units", "inputs") or size in self.cell.options:
            return name(size) if isinstance(size, str) else str(size)
        writer = Writer(
            TORCH, self.cell.name, name=lambda ref: name(ref.name), is_fixed=lambda _: True
        )
        return f"int({writer.text(formula(size))})"

    def refuse_names(self, of_weights: Collection[str], of_options: Collection[str]) -> None:
        """Raise a UsageError where a weight or an option has a name that the file needs."""
        weights = [weight.name for weight in self.step.weights if weight.name in of_weights]
        options = [name for name in self.cell.options if name in of_options]
        for name in (*weights, *options):
            problem = f"'{name}' of cell '{self.cell.name}' has another meaning in that file"
            raise UsageError(problem, f"rename it, as to '{name}_1'")

    # -- prose

    def head(self, needs: str) -> Iterator[str]:
        """The docstring of the file: what it is, where it is from, what it needs."""
        yield from self.first_line("", "")
        yield ""
        for reference in self.source:
            yield from wrap(_escaped(reference), ROW)
        if self.source:
            yield ""
        yield f"Written by rnnzoo from its cell `{self.cell.name}`; needs {needs} and nothing else."
        yield '"""'

    def equations(self, indent: str) -> Iterator[str]:
        """The equations in the cell language."""
        lines = text.constants(self.cell) + text.block(self.step.equations).splitlines()
        for line in lines:
            yield from wrap(
                line, WIDTH, initial_indent=indent, subsequent_indent=f"{indent}    ",
                break_on_hyphens=False, break_long_words=False,
            )  # fmt: skip

    def first_line(self, indent: str, more: str) -> list[str]:
        """The beginning of a docstring: the title."""
        return paragraph(f'"""{_escaped(self.title)}{more}.', indent)

    def above(self) -> str:
        """How layers are stacked, or why not."""
        if self.cell.step != self.cell.first:
            return (
                "This is the first layer of a stack. The equations of a further one differ: they"
                " read values of the layer below, and are not here."
            )
        return ""

    def of_units(self) -> str:
        """What has the size `units`."""
        sizes = {state.name: state.size for state in self.states}
        sizes[self.cell.output] = self.cell.output_size
        names = [name for name, size in sizes.items() if size == "units"]
        return f"size of {listed(names)}" if names else "a size of the layer"

    # -- options and constants

    def options(self) -> Iterator[tuple[str, str, str]]:
        """Name, type and value of each option."""
        counts = set(self._counts())
        for name, value in self.cell.options.items():
            yield name, "int" if name in counts else "float", text.number(value)

    def _counts(self) -> Iterator[ir.Size]:
        """What is a size, or a number of groups."""
        for weight in self.step.weights:
            for size in weight.shape:
                yield from size if isinstance(size, tuple) else (size,)
        for equation in self.step.equations:
            yield equation.size
            for _, _, groups in ir.grouped(equation.expr):
                if isinstance(groups, ir.Ref):
                    yield groups.name

    def is_number(self, name: str) -> bool:
        """Whether a constant is a number and no array."""
        (constant,) = (constant for constant in self.cell.constants if constant.name == name)
        refs = ir.refs(constant.expr, "unit", "row", "col", "constant")
        return all(ref.kind == "constant" and self.is_number(ref.name) for ref in refs)

    def arrays(self) -> tuple[str, ...]:
        """The constants that are arrays and that a step, or the beginning of a weight, reads."""
        return tuple(name for name in self._read() if not self.is_number(name))

    def numbers(self) -> tuple[str, ...]:
        """The constants that are numbers and that a step, or the beginning of a weight, reads."""
        return tuple(name for name in self._read() if self.is_number(name))

    def _read(self) -> Iterator[str]:
        read = names_at_start(self.step.weights)
        read |= {ref.name for ref in ir.refs_in(self.step.equations, "constant")}
        return (constant.name for constant in self.cell.constants if constant.name in read)

    def by_expression(self) -> Iterator[ir.Weight]:
        """The weights that begin with an expression, each after those that it reads."""
        left = [weight for weight in self.step.weights if weight.init.name == EXPRESSION]
        while left:
            names = {weight.name for weight in left}
            ready = [weight for weight in left if not names & {*names_in(weight.init)}]
            yield from ready
            left = [weight for weight in left if weight not in ready]

    def begins_with_number(self, ref: ir.Ref) -> bool:
        """Whether a name in the expression that a weight begins with is one of Python's numbers."""
        is_size = ref.name in ("units", "inputs") or ref.name in self.cell.options
        return is_size or ref.name in self.numbers()

    def masked(self) -> tuple[ir.Weight, ...]:
        return tuple(weight for weight in self.step.weights if weight.mask is not None)

    # -- names

    def local(self, name: str) -> str:
        """What an equation is called, where the file has that name itself."""
        clashes = name in self.taken or keyword.iskeyword(name) or keyword.issoftkeyword(name)
        return self._free(f"{name}_") if clashes else name

    def given(self, name: str) -> str:
        """What an input beside x is called, also where the loop over steps has names of its own."""
        local = self.local(name)
        return self._free(f"{local}_") if local in IN_LOOPS else local

    def _free(self, name: str) -> str:
        """A name that neither the file nor the cell has: this one, with `_` behind it as often as
        that takes.
        """
        known = {equation.name for equation in self.step.equations} | {*self.cell.options}
        known |= {constant.name for constant in self.cell.constants}
        known |= {named_input.name for named_input in self.cell.named_inputs}
        known |= {weight.name for weight in self.step.weights}
        while name in known or name in self.taken:
            name += "_"
        return name

    @property
    def beside_x(self) -> Mapping[str, ir.NamedInput]:
        """The inputs beside x, by the names that they have in the file."""
        read = self.step.named_inputs
        return {
            self.given(named_input.name): named_input
            for named_input in self.cell.named_inputs
            if named_input.name in read
        }

    def about_beside_x(self) -> str:
        """The lines of a docstring about these."""
        lines = []
        for name, named_input in self.beside_x.items():
            of_cell = f", `{named_input.name}` of the cell" if name != named_input.name else ""
            lines.append(f"\n    {name}: (batch, time, {named_input.size}){of_cell}.")
        return "".join(lines)

    def previous(self, name: str) -> str:
        """What the previous value of a state is called."""
        return self._free(f"{name}_prev")

    def mask_of(self, weight: ir.Weight) -> str:
        """What the mask of a weight is called."""
        return self._free(f"{weight.name}_mask")

    def in_step(self, ref: ir.Ref) -> str:
        """What a step calls an input, a value or a masked weight; empty for what it is given."""
        match ref.kind:
            case "input" if ref.name != ir.X:
                return self.given(ref.name)
            case "input" | "time":
                return ref.name
            case "previous":
                return self.previous(ref.name)
            case "value":
                return self.local(ref.name)
            case "weight" | "fixed" if ref.name in {weight.name for weight in self.masked()}:
                return self.local(ref.name)
        return ""

    def in_constants(self, ref: ir.Ref, weight: ir.Weight | None) -> str:
        """What constants and masks call a name.

        Args:
            weight: whose mask it is.
        """
        if ref.kind in ("row", "col"):
            assert weight is not None
            return self.along(ref, weight)
        if ref.kind in ("unit", "size", "option"):
            return ref.name or ref.kind
        return self.local(ref.name)

    @property
    def constants_read_units(self) -> bool:
        """Whether constants need the numbers of units."""
        return any(ir.refs_in(self.cell.constants, "unit"))

    def axes(self, weight: ir.Weight) -> Iterator[tuple[str, str]]:
        """The axes whose numbers the mask of a weight reads, each with its length."""
        assert weight.mask is not None
        bare = {ref.kind for ref in ir.refs(weight.mask, "row", "col") if not ref.name}
        for axis, length in zip(("row", "col"), weight.shape):
            if axis in bare:
                yield axis, self.size(length)

    def before(self, indent: str) -> Iterator[str]:
        """The lines that give the previous value of each state its name."""
        for state in self.states:
            yield f'{indent}{self.previous(state.name)} = states["{state.name}"]'

    def after(self) -> list[str]:
        """The next value of each state, as the entries of a dictionary."""
        return [f'"{state.name}": {self.local(state.name)}' for state in self.states]

    def along(self, ref: ir.Ref, weight: ir.Weight) -> str:
        """A constant along an axis of a weight, or the numbers of rows or columns."""
        if not ref.name:
            return ref.kind
        size = weight.shape[0 if ref.kind == "row" else -1]
        taken = ":" if size == "units" else f":{self.size(size)}"
        name = self.local(ref.name)
        if ref.kind == "row":
            return f"{name}[{taken}, None]"
        return name if size == "units" else f"{name}[{taken}]"

    # -- which values are vectors

    def is_full(self, equation: ir.Equation) -> bool:
        """Whether an equation's text is a vector of its size by itself, and of each sequence."""
        return equation.name in self._of_sequences() and equation.expr.shape == (equation.size,)

    def is_of_sequences(self, expr: ir.Expr) -> bool:
        """Whether a value differs between the sequences of a batch, or is given to each of them."""
        names = self._of_sequences() | self.to_fill()
        refs = ir.refs(expr, "input", "previous", "value")
        return any(ref.kind != "value" or ref.name in names for ref in refs)

    def _of_sequences(self) -> set[str]:
        """The equations whose values differ between sequences."""
        names: set[str] = set()
        for equation in self.step.equations:
            refs = ir.refs(equation.expr, "input", "previous", "value")
            if any(ref.kind != "value" or ref.name in names for ref in refs):
                names.add(equation.name)
        return names

    def to_fill(self) -> set[str]:
        """The equations that have to be vectors and whose text might be a number."""
        matrices = {
            equation.name for equation in self.step.equations if ir.is_matrix((equation.size,))
        }
        return self._needed_whole() - (matrices & self.fixed())

    def fixed(self) -> set[str]:
        """The equations of weights and constants alone whose value is not given to each sequence;
        matrices of these are written with rows and columns.
        """
        needed, states = self._needed_whole(), {state.name for state in self.states}
        names: set[str] = set()
        for equation in self.step.equations:
            is_matrix = ir.is_matrix((equation.size,)) and equation.name not in states
            if ir.is_fixed(equation.expr, names) and (is_matrix or equation.name not in needed):
                names.add(equation.name)
        return names

    def _needed_whole(self) -> set[str]:
        """The equations that are read as vectors and whose text might be a number."""
        needed = {state.name for state in self.states} | {self.cell.output}
        for equation in self.step.equations:
            for node in ir.walk(equation.expr):
                if isinstance(node, ir.Apply) and (
                    node.op.is_product or node.op.joins or node.op.over_units
                ):
                    operands = (arg for arg in node.args if isinstance(arg, ir.Ref))
                    needed |= {ref.name for ref in operands if ref.kind == "value"}
        return {
            equation.name
            for equation in self.step.equations
            if equation.name in needed and not self.is_full(equation)
        }


def turned(axis: str) -> str:
    """What makes the numbers of rows a column."""
    return "[:, None]" if axis == "row" else ""


def spread(init: Init, size: str) -> tuple[str, str]:
    """The distribution of an initialiser of vectors whose variance depends on the size, and its
    limit or its deviation.
    """
    family, _, distribution = init.name.partition("_")
    variance = 2 if family == "he" else 1
    return distribution, f"math.sqrt({variance * (3 if distribution == 'uniform' else 1)} / {size})"


def paragraph(words: str, indent: str) -> list[str]:
    return wrap(words, ROW, initial_indent=indent, subsequent_indent=indent)


def as_dictionary(before: str, pairs: Sequence[str], indent: str, after: str = "") -> list[str]:
    """A dictionary of these pairs, one a line where it is too long for one."""
    line = f"{before}{{{', '.join(pairs)}}}{after}"
    if len(line) <= WIDTH:
        return [line]
    return [f"{before}{{", *(f"{indent}    {pair}," for pair in pairs), f"{indent}}}{after}"]


def signature(name: str, parameters: Sequence[str], returns: str, indent: str = "") -> list[str]:
    """The first line of a function, or its first three."""
    line = f"{indent}def {name}({', '.join(parameters)}) -> {returns}:"
    if len(line) <= WIDTH:
        return [line]
    between = f"{indent}    {', '.join(parameters)}"
    if len(between) <= WIDTH:
        return [f"{indent}def {name}(", between, f"{indent}) -> {returns}:"]
    rows = [f"{indent}    {parameter}," for parameter in parameters]
    return [f"{indent}def {name}(", *rows, f"{indent}) -> {returns}:"]


def _escaped(words: str) -> str:
    """Words as they may stand in a docstring."""
    return words.replace("\\", "\\\\").replace('"""', "'''")
