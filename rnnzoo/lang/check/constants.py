"""Constants: numbers and vectors before the first step, and matrices that are never trained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from rnnzoo.errors import Mistakes, Span, nearest
from rnnzoo.lang import ir
from rnnzoo.lang.check.operations import apply, over_units
from rnnzoo.lang.check.trees import MISTAKEN, NUMBERS, UNKNOWN, check_parts, topological, walk
from rnnzoo.lang.parse import expression
from rnnzoo.lang.primitives import Elementwise, OfConstants, OverUnits
from rnnzoo.lang.primitives.base import ONE
from rnnzoo.lang.tree import Call, Index, Literal, Name, Tree, is_reported
from rnnzoo.spec.cell import EXPRESSION, CellSpec, Declared, Init, Statement

_FIX_OF_CONSTANT_CYCLE = "write one of them without the others"


def without_matrices(spec: CellSpec, mistakes: Mistakes) -> tuple[CellSpec, dict[str, Statement]]:
    """The same cell with its constant matrices, whose expressions read `row` or `col`, as weights
    that begin with these expressions and are never trained; and the constants that they were.
    """
    matrices = _matrices(spec)
    if not matrices:
        return spec, matrices
    trainable, init = dict(spec.trainable), dict(spec.init)
    for name, constant in matrices.items():
        _check_matrix(name, constant, spec, mistakes)
        start = Init(EXPRESSION, (constant.code.text,))
        trainable[name] = Declared(0.0, constant.span, constant.own)
        init[name] = Declared(start, constant.span, constant.own, constant.code)
    left = {name: constant for name, constant in spec.constants.items() if name not in matrices}
    return replace(spec, constants=left, trainable=trainable, init=init), matrices


def _matrices(spec: CellSpec) -> dict[str, Statement]:
    """The constants that are matrices: those that read their rows or columns, and those that are
    made of such.
    """
    trees = {
        name: expression(constant.code, Mistakes()) for name, constant in spec.constants.items()
    }
    parts = {name: [*walk(tree)] for name, tree in trees.items() if tree is not None}
    matrices = {name for name, nodes in parts.items() if any(map(_is_of_matrix, nodes))}
    for _ in parts:  # until there are no more
        matrices |= {name for name in parts if matrices & names_read(parts[name])}
    return {name: constant for name, constant in spec.constants.items() if name in matrices}


def names_read(nodes: Iterable[Tree]) -> set[str]:
    """The bare names among parts of expressions."""
    return {node.name for node in nodes if isinstance(node, Name)}


def is_called_as_matrix(name: str, spec: CellSpec) -> bool:
    return ir.names_matrix(name) or name in spec.shapes


def _is_of_matrix(node: Tree) -> bool:
    """Whether this is `row`, `col`, `T[row]`, `T[col]` or a function of matrices."""
    if isinstance(node, Call):
        return isinstance(node.op, OfConstants)
    return isinstance(node, Index) or (isinstance(node, Name) and node.name in ("row", "col"))


def _check_matrix(name: str, constant: Statement, spec: CellSpec, mistakes: Mistakes) -> None:
    """A constant matrix is called so that it can stand before @, and is nothing else."""
    if not is_called_as_matrix(name, spec):
        problem = f"'{name}' reads `row` or `col`, so it is a matrix, which has a capital letter"
        mistakes.add(constant.span, problem, f"write {name.capitalize()}, or `unit` for a vector")
    if name in spec.options or name in spec.equations:
        meaning = "an option" if name in spec.options else "an equation"
        mistakes.add(constant.span, f"'{name}' is {meaning} already", "choose another letter")
    for declared in (spec.trainable.get(name), spec.init.get(name), spec.masks.get(name)):
        if declared is not None:
            fix = "delete this; what may be declared of it is its `shape`"
            mistakes.add(declared.span, f"'{name}' is a constant, and stays as it is", fix)


def read_constants(spec: CellSpec, mistakes: Mistakes) -> dict[str, ir.Equation]:
    """Constants in topological order: each comes after those that it needs."""
    parsed = {
        name: expression(constant.code, mistakes) for name, constant in spec.constants.items()
    }
    trees = {name: tree for name, tree in parsed.items() if tree is not None}
    check_parts(trees, spec.constants, mistakes)
    done: dict[str, ir.Equation] = {}
    spans = {name: constant.span for name, constant in spec.constants.items()}
    for name in topological(trees, spans, mistakes, _FIX_OF_CONSTANT_CYCLE):
        reader = FixedReader(spec, done, mistakes)
        expr = reader.typed(trees[name])
        done[name] = ir.Equation(name, expr, expr.shape[0] if expr.shape else "")
    return done


@dataclass(slots=True)
class FixedReader:
    """Resolves expressions without weights and states: constants, and masks of matrices of one
    shape.
    """

    spec: CellSpec
    constants: Mapping[str, ir.Equation]
    mistakes: Mistakes
    shape: ir.Shape = ()

    @property
    def masks(self) -> bool:
        return bool(self.shape)

    @property
    def place(self) -> str:
        return "a mask" if self.masks else "a constant"

    def typed(self, tree: Tree) -> ir.Expr:
        match tree:
            case Literal(value=value):
                return ir.Number(value)
            case Name(name=name, span=span):
                return self.name(name, span)
            case Index(name=name, axis=("row" | "col") as axis, span=span) if self.masks:
                return self.along(name, axis, span)
            case Call(op=OverUnits() as op, args=args):
                typed = tuple(self.typed(arg) for arg in args)
                return over_units(op, typed, tree, self.spec, self.mistakes)
            case Call(op=op, args=args, span=span) if isinstance(op, Elementwise):
                typed = tuple(self.typed(arg) for arg in args)
                return apply(op, typed, span, self.spec, self.mistakes)
        problem = f"this cannot stand in {self.place}"
        self.mistakes.add(tree.span, problem, f"{self.place} knows {', '.join(self.names())}")
        return MISTAKEN

    def along(self, name: str, axis: str, span: Span) -> ir.Expr:
        """`T[row]`: the constant's value for the row of an entry of the matrix."""
        constant = self.constants.get(name)
        if constant is None:
            return self.unknown(name, span)
        side = self.shape[0 if axis == "row" else 1]
        if constant.size in ("", *ONE):
            self.mistakes.add(
                span, f"'{name}' is one number, the same in every {axis}", f"write {name}"
            )
        elif constant.size not in (side, UNKNOWN):
            problem = (
                f"'{name}' has a value for each of the {constant.size}, and [{axis}] counts the"
                f" {ir.size_text(side)} here"
            )
            self.mistakes.add(span, problem, f"write `{axis}` for the number from 0")
        return ir.Ref(axis, name)  # type: ignore[arg-type]  # mypy widens the literal

    def names(self) -> list[str]:
        extra = ["row", "col"] if self.masks else ["unit"]
        return list(
            dict.fromkeys([*self.spec.options, *self.spec.constants, "units", "inputs", *extra])
        )

    def name(self, name: str, span: Span) -> ir.Expr:
        if is_reported(name) or name in self.spec.unread:
            return MISTAKEN
        if name in ("units", "inputs"):
            return ir.Ref("size", name)
        if name == "unit" and not self.masks:
            return ir.Ref("unit", name, ("units",))
        if name in ("row", "col") and self.masks:
            return ir.Ref(name, "")  # type: ignore[arg-type]  # as above
        if name in self.spec.options:
            return ir.Ref("option", name)
        if name in self.constants:
            size = self.constants[name].size
            if self.masks and size not in ("", *ONE):
                self.mistakes.add(span, *self.unread(name, size))
            return ir.Ref("constant", name, (size,) if size else ())
        if name in self.spec.constants:
            return MISTAKEN  # its mistake is reported already
        return self.unknown(name, span)

    def unread(self, name: str, size: ir.Size) -> tuple[str, str]:
        """Why a vector cannot be read in a matrix as it is, and along which sides it can."""
        sides = zip(("row", "col"), self.shape, strict=True)
        along = [f"{name}[{axis}]" for axis, side in sides if size in (side, UNKNOWN)]
        if along:
            problem = f"'{name}' is a vector: say along which side of the matrix"
            return problem, f"write {' or '.join(along)}"
        problem = f"'{name}' has a value for each of the {size}, and no side of this matrix has"
        return problem, "write `row` or `col` for the number from 0"

    def unknown(self, name: str, span: Span) -> ir.Expr:
        problem = f"{self.place} does not know '{name}'"
        fix = nearest(name, self.names())
        if self.place == "a constant" and (name in self.spec.shapes or ir.names_vector(name)):
            fix = "write an equation: a constant is computed before there are weights"
        if name in NUMBERS:
            fix = f"write {NUMBERS[name]}"
        if name == "random":
            fix = "numbers are drawn in `init:`, of a weight that `trainable: false` keeps so"
        self.mistakes.add(span, problem, fix)
        return MISTAKEN
