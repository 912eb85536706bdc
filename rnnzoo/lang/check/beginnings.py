"""What weights begin with: initialisers, and expressions over `unit`, `row`, `col` and `random`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rnnzoo.errors import Mistakes, Span, nearest
from rnnzoo.lang import ir
from rnnzoo.lang.check.constants import FixedReader
from rnnzoo.lang.check.trees import MISTAKEN, UNKNOWN, in_words
from rnnzoo.lang.formulas import names_in
from rnnzoo.lang.parse import expression
from rnnzoo.lang.primitives import OfConstants
from rnnzoo.lang.primitives.base import ONE
from rnnzoo.lang.text import expression as printed
from rnnzoo.lang.tree import Call, Tree
from rnnzoo.spec.cell import EXPRESSION, INITIALISERS, CellSpec, Declared, Init, Statement
from rnnzoo.spec.document import Code, CodeLine

INIT_OF = "init of {}"  # what mistakes name instead of a file
_NUMBERS = ("constant", "zeros", "ones")  # initialisers that give each entry the same number
_MATRIX_INITS = frozenset({"orthogonal", "identity", "spectral_radius"})


def with_beginnings(cell: ir.Cell) -> ir.Cell:
    """The same cell with the expressions that its weights begin with, checked and written in one
    way.

    Raises:
        SpecError: mistakes in them.
    """
    file = f"<init of {cell.name}>"
    spec = CellSpec(cell.name, file, Span(file, 1, 1, "", 1), options=cell.options)
    constants, mistakes = {constant.name: constant for constant in cell.constants}, Mistakes()
    step, first = (
        begin(layer_step, spec, constants, mistakes) for layer_step in (cell.step, cell.first)
    )
    mistakes.raise_if_any()
    return replace(cell, step=step, first=first)


def begin(
    step: ir.Step,
    spec: CellSpec,
    constants: Mapping[str, ir.Equation],
    mistakes: Mistakes,
    matrices: Mapping[str, Statement] | None = None,
) -> ir.Step:
    """A step whose weights begin as they should: texts that are expressions are checked.

    Args:
        matrices: the constants that are matrices, by name: others may be made of them.
    """
    weights = {weight.name: weight for weight in step.weights}
    for name, weight in weights.items():  # `b_i: b_f` is an expression, too
        text = weight.init.values[0] if weight.init.name == "constant" else 0
        if text in weights or text in constants:
            weights[name] = replace(weight, init=Init(EXPRESSION, (text,)))
    begun = dict(weights)
    spans = {}
    for name, weight in weights.items():
        if weight.init.name == EXPRESSION:
            declared = spec.init.get(name)
            spans[name] = declared.span if declared else spec.span
            code = declared.code if declared and declared.code else _code_of(weight)
            # what begins with an expression where its weight is declared so is no constant
            is_constant = declared is not None and declared.span == _span_of(
                spec.trainable.get(name)
            )
            reader = BeginningReader(
                spec, constants, mistakes, weight.shape, weights, is_constant, matrices or {}
            )
            begun[name] = replace(weight, init=_checked(code, reader))
    for name in _in_a_circle(begun):
        problem = f"'{name}' begins with what begins with '{name}'"
        mistakes.add(spans[name], problem, "give one of them a beginning of its own")
        break
    return replace(step, weights=tuple(begun.values()))


def _span_of(declared: Declared | None) -> Span | None:
    return declared.span if declared else None


def _code_of(weight: ir.Weight) -> Code:
    """The text of an expression that does not stand in a file of a cell."""
    text = str(weight.init.values[0])
    return Code(INIT_OF.format(weight.name), (CodeLine(1, 1, text),), text)


def _checked(code: Code, reader: BeginningReader) -> Init:
    """An expression for a weight's beginning, written as all are that mean the same."""
    tree = expression(code, reader.mistakes)
    if tree is None:
        return Init("zeros")
    expr = reader.whole(tree)
    if any(ref.name == UNKNOWN for ref in ir.refs(expr, "value")):
        return Init("zeros")
    # of a matrix, a vector within is a mistake of its own
    if not reader.masks and expr.shape not in ((), ONE, reader.vector):
        problem = f"this is {in_words(expr.shape)}, and the weight {in_words(reader.shape)}"
        reader.mistakes.add(tree.span, problem, "use `unit`, which counts the weight's own entries")
    return Init(EXPRESSION, (printed(expr),))


def _in_a_circle(weights: Mapping[str, ir.Weight]) -> list[str]:
    """Names of weights whose beginning needs itself."""
    needs: dict[str, set[str]] = {}
    for name, weight in weights.items():
        needs[name] = set(names_in(weight.init)) & weights.keys()
    for _ in weights:
        for name, others in needs.items():
            needs[name] = others.union(*(needs[other] for other in others))
    return [name for name, others in needs.items() if name in others]


@dataclass(slots=True)
class BeginningReader(FixedReader):
    """Resolves what a weight begins with, given all weights of its step by name."""

    weights: Mapping[str, ir.Weight] = field(default_factory=dict)
    of_constant: bool = False
    matrices: Mapping[str, Statement] = field(default_factory=dict)
    within: tuple[str, ...] = ()  # the constants whose expressions are being read

    @property
    def masks(self) -> bool:
        """Whether this is a matrix, of which rows and columns have numbers."""
        return len(self.shape) == 2

    @property
    def place(self) -> str:
        return "a constant matrix" if self.of_constant else "the beginning of a weight"

    @property
    def vector(self) -> ir.Shape:
        """The shape of what differs from entry to entry; in matrices that has none."""
        return self.shape if len(self.shape) == 1 else ()

    def names(self) -> list[str]:
        axes = (["random"], ["random", "unit"], ["random", "row", "col"])[len(self.shape)]
        alike = [weight.name for weight in self.weights.values() if weight.shape == self.shape]
        known = [*self.spec.options, *self.constants, *self.matrices]
        known += ["units", "inputs", *axes, *alike]
        return list(dict.fromkeys(known))

    def whole(self, tree: Tree) -> ir.Expr:
        """An expression that is all that a weight begins with."""
        if not isinstance(tree, Call) or not isinstance(tree.op, OfConstants):
            return self.typed(tree)
        rows, columns = self.shape[:1], self.shape[1:]
        if not columns or (rows != columns and tree.op.arity == 1):
            problem = f"{tree.op.name} is a matrix"
            if tree.op.arity == 1:
                problem = "only a square matrix has an exponential"
            fix = "declare its shape, as in `weights: {A: {shape: [order, order]}}`"
            self.mistakes.add(tree.span, f"{problem}, and this is {in_words(self.shape)}", fix)
            return MISTAKEN
        readers = [replace(self, shape=rows + rows), self][: tree.op.arity]
        args = (reader.typed(arg) for reader, arg in zip(readers, tree.args, strict=True))
        return ir.Apply(tree.op, tuple(args))

    def typed(self, tree: Tree) -> ir.Expr:
        if isinstance(tree, Call) and isinstance(tree.op, OfConstants):
            problem = f"{tree.op.name} is the whole of a constant, and no part of one"
            fix = "give it a line of its own, and compute with what it is in equations"
            self.mistakes.add(tree.span, problem, fix)
            return MISTAKEN
        return FixedReader.typed(self, tree)

    def name(self, name: str, span: Span) -> ir.Expr:
        if name in self.matrices and name not in self.within:
            tree = expression(self.matrices[name].code, self.mistakes)
            reader = replace(self, within=(*self.within, name))
            return MISTAKEN if tree is None else reader.typed(tree)
        if name == "random":
            return ir.Ref("random", name, self.vector)
        if name == "unit":
            return ir.Ref("unit", name, self.shape) if self.vector else self.unknown(name, span)
        if name in self.weights:
            return self.weight(self.weights[name], span)
        return FixedReader.name(self, name, span)

    def weight(self, other: ir.Weight, span: Span) -> ir.Expr:
        """What another weight begins with, if that is an expression or a number."""
        problem, fix = "", ""
        if other.shape != self.shape:
            problem = (
                f"'{other.name}' is {in_words(other.shape)}, and this is {in_words(self.shape)}"
            )
            fix = "name a weight of the same shape"
        elif other.init.name not in (EXPRESSION, *_NUMBERS):
            problem = f"'{other.name}' begins with '{other.init.name}', which is no expression"
            fix = "name a weight that begins with an expression or a number"
        if problem:
            self.mistakes.add(span, problem, fix)
            return MISTAKEN
        return ir.Ref("weight", other.name, self.vector)


_ELSEWHERE = {  # names of other libraries, and what to write
    "xavier": "write glorot_uniform, or glorot_normal",
    "kaiming": "write he_uniform, or he_normal",
    "eye": "write identity",
    "random": "write {uniform: 0.1}, or {normal: 0.1}",
}


def check_init(init: Init, shape: ir.Shape, span: Span, spec: CellSpec, mistakes: Mistakes) -> None:
    if len(shape) != 2 and init.name in _MATRIX_INITS:
        mistakes.add(span, f"the initialiser '{init.name}' is for matrices", "give a number")
    elif init.name == "spectral_radius" and shape[0] != shape[1]:
        problem = f"only a square matrix has a spectral radius, and this is {in_words(shape)}"
        mistakes.add(span, problem, "give it to a matrix on a state, such as R")
    for value in init.values if init.name != EXPRESSION else ():
        if isinstance(value, str) and value not in spec.options:
            known = [name for name in INITIALISERS if name != "constant"]
            mistakes.add(
                span,
                f"'{value}' is no initialiser and no option",
                _ELSEWHERE.get(value) or nearest(value, [*known, *spec.options]),
            )
