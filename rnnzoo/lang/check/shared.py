"""What all layers of a cell share: its constants, and what it declares of its weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from rnnzoo.errors import Mistakes, Span, UsageError, nearest
from rnnzoo.lang import ir
from rnnzoo.lang.check.constants import FixedReader
from rnnzoo.lang.check.rounds import Trees
from rnnzoo.lang.check.trees import as_written, in_words, walk
from rnnzoo.lang.parse import expression
from rnnzoo.lang.primitives import Elementwise
from rnnzoo.lang.text import expression as printed
from rnnzoo.lang.tree import Below, Call, Index, Joined, Lag, Name, Primed, Tree
from rnnzoo.spec.cell import MAX_SIZE, CellSpec, Declared
from rnnzoo.spec.document import Code, CodeLine

MAX_ENTRIES = 5_000_000  # of a weight whose sizes stand in the file: its mask takes 40 MB
# what sizes may be computed with
_OF_SIZES = frozenset(
    {"add", "sub", "mul", "div", "mod", "pow", "floor", "minimum", "maximum", "sqrt"}
)


@dataclass(slots=True)
class Shared:
    """The parts of a cell that all layers share."""

    spec: CellSpec
    constants: Mapping[str, ir.Equation]
    mistakes: Mistakes
    trees: Trees
    # the equations that carry a state on, by its name: the value of number k, from 0, is k + 1
    # steps old
    delays: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # names that mean nothing, each reported where it comes first
    reported: set[str] = field(default_factory=set)
    # matrices, by the numbers of joined vectors that depend on a state, in any layer; 0 for one
    # vector alone
    on_state: dict[str, set[int]] = field(default_factory=dict)
    # of declared weights, as they were read
    shapes: dict[str, ir.Shape] = field(default_factory=dict)

    @property
    def declares_matrices(self) -> bool:
        """Whether any weight is declared as a matrix, or as one for each of its operand's units."""
        shapes = self.spec.shapes
        return any(self.declares_matrix(name) or self.declares_tensor(name) for name in shapes)

    def declares_tensor(self, name: str) -> bool:
        """Whether this is a weight that is declared as a matrix for each unit of a vector."""
        return self.declares(name, axes=3)

    def declares_matrix(self, name: str) -> bool:
        """Whether this is a weight that is declared as a matrix."""
        return self.declares(name, axes=2)

    def declares_number(self, name: str) -> bool:
        """Whether this is a weight that is declared as a number."""
        return self.declares(name, axes=0)

    def declares(self, name: str, axes: int) -> bool:
        declared = self.spec.shapes.get(name)
        return (
            declared is not None
            and isinstance(declared.value, tuple)
            and len(declared.value) == axes
        )

    def size_of_input(self, name: str) -> ir.Size:
        """The size of x or of a named input; 0 of what is none."""
        if name == ir.X:
            return "inputs"
        declared = self.spec.inputs.get(name)
        if declared is None:
            return 0
        return "inputs" if declared.value == "inputs" else int(str(declared.value))

    def shape_of(self, name: str) -> ir.Shape | None:
        """The declared shape of a weight, checked; None where it is not declared."""
        declared = self.spec.shapes.get(name)
        if declared is not None and name not in self.shapes:
            self.shapes[name] = self.read_shape(name, declared)
        return self.shapes.get(name)

    def read_shape(self, name: str, declared: Declared) -> ir.Shape:
        assert isinstance(declared.value, tuple)  # the reader has made it one
        shape: list[ir.Size] = []
        for size in declared.value:
            if isinstance(size, str):
                shape.append(self.size_of(name, size, declared.span))
            else:
                shape.append(int(size))
        self.check_entries(name, shape, declared.span)
        if len(shape) == 3:
            rows, columns, operand = shape
            assert isinstance(rows, str | int)
            assert isinstance(columns, str | int)
            return ir.Grid(rows, columns), operand
        return tuple(shape)

    def size_of(self, weight: str, text: str, span: Span) -> ir.Size:
        """A size that is a name or an expression, written as all are that mean the same."""
        known = ("units", "inputs", *self.spec.options)
        if text in self.spec.options:
            self.check_size(weight, text, span)
        if text in known:
            return text
        unread = Mistakes()
        tree = expression(Code(span.file, (CodeLine(1, 1, text),), text), unread)
        problem, fix = "", ""
        if tree is None:
            problem = f"the size '{text}' of weight '{weight}' cannot be read"
            fix = unread.collected[0].fix if unread.collected else nearest(text, known)
        elif (
            name := next((name for name in unsized(tree) if name not in known), None)
        ) is not None:
            problem = f"unknown size '{name}' of weight '{weight}'"
            fix = nearest(name, known)
        if problem:
            self.mistakes.add(span, problem, fix)
            return "units"  # so that reading goes on
        assert tree is not None
        return printed(FixedReader(self.spec, {}, self.mistakes).typed(tree))

    def check_entries(self, weight: str, shape: list[ir.Size], span: Span) -> None:
        """The sizes of a weight that the file alone determines are not too large."""
        entries, sizes = 1.0, ir.Sizes(1, 1, self.spec.options)
        for size in shape:
            names = ir.size_names(size)
            if "units" in names or "inputs" in names:
                continue
            try:
                entries *= sizes.of(size)
            except UsageError as error:
                if size not in self.spec.options:  # else `check_size` has reported it
                    self.mistakes.add(span, *error.parts)
        if entries > MAX_ENTRIES:
            problem = (
                f"'{weight}' has {entries:,.0f} entries, and more than {MAX_ENTRIES:,} of one"
                " weight are too many"
            )
            self.mistakes.add(
                span, problem, "make it smaller, or a product of two matrices: U @ (V @ h[t-1])"
            )

    def check_size(self, weight: str, option: str, span: Span) -> None:
        value = self.spec.options[option]
        if not (float(value).is_integer() and 1 <= value <= MAX_SIZE):
            problem = f"the option '{option}' is {value:g}, and a size of '{weight}'"
            self.mistakes.add(span, problem, f"a size is a whole number from 1 to {MAX_SIZE}")

    def is_trained(self, name: str) -> bool:
        declared = self.spec.trainable.get(name)
        return declared is None or bool(declared.value)

    def mask_of(self, name: str, shape: ir.Shape) -> ir.Expr | None:
        declared = self.spec.masks.get(name)
        if declared is None or not isinstance(declared.value, Code):
            return None
        if len(shape) != 2:
            problem = f"only a matrix has a mask, and '{name}' is {in_words(shape)}"
            self.mistakes.add(declared.span, problem, "multiply it by a constant in the equation")
            return None
        tree = expression(declared.value, self.mistakes)
        if tree:
            return FixedReader(self.spec, self.constants, self.mistakes, shape).typed(tree)
        return None


def unsized(tree: Tree) -> Iterator[str]:
    """What stands in a size and is neither a number nor arithmetic: names, and other notation."""
    for node in walk(tree):
        match node:
            case Name(name=name):
                yield name
            case Call(op=Elementwise() as op) if op.name in _OF_SIZES:
                continue
            case Call(op=op):
                yield op.symbol or op.name
            case Primed() | Joined() | Lag() | Index() | Below():
                yield as_written(node)
