"""What the names of a layer's equations mean."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TypeGuard

from rnnzoo.errors import Mistakes, nearest
from rnnzoo.lang import ir
from rnnzoo.lang.check.constants import is_called_as_matrix
from rnnzoo.lang.check.lags import steps_of
from rnnzoo.lang.check.shared import Shared
from rnnzoo.lang.check.trees import RESERVED, UNKNOWN, check_parts, walk
from rnnzoo.lang.parse import (
    Below,
    Call,
    Joined,
    Lag,
    Literal,
    Name,
    Primed,
    Tree,
    is_reported,
)
from rnnzoo.lang.primitives import (
    Elementwise,
    OfConstants,
    OverUnits,
    diagonal,
    mul,
    outer_product,
    transposed,
)
from rnnzoo.spec.cell import Statement


@dataclass(frozen=True, slots=True)
class Star:
    """`left * right`, where a product `matrix @ operand` is meant, times a factor if there is
    one.
    """

    matrix: Name
    operand: Tree
    left: Tree
    right: Tree
    factor: Tree | None = None


@dataclass(eq=False, slots=True)
class Scope:
    """The names of one layer's equations, and what they mean before sizes are known."""

    shared: Shared
    statements: Mapping[str, Statement]
    trees: dict[str, Tree] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)  # equations whose expression cannot be read
    has_matrices: bool = False  # whether anything here may compute a matrix
    matrices: set[str] = field(default_factory=set)  # equations that compute a matrix
    sizes: dict[str, ir.Size] = field(default_factory=dict)  # of equations, as far as known
    default_size: ir.Size | None = None  # of what a matrix is made of, where that is not known

    def __post_init__(self) -> None:
        for name, statement in self.statements.items():
            tree = self.shared.trees.of(statement, self.mistakes)
            # so that the other mistakes are found too
            self.trees[name] = self.carried(tree or Literal(0.0, statement.span))
            if tree is None:
                self.unread.add(name)
        check_parts(self.trees, self.statements, self.mistakes)
        nodes = chain.from_iterable(map(walk, self.trees.values()))
        self.has_matrices = self.shared.declares_matrices or any(map(makes_matrix, nodes))
        while more := {
            name
            for name, tree in self.trees.items()
            if name not in self.matrices
            and (self.computes_matrix(tree) or self.is_of_weights(tree))
        }:
            self.matrices |= more
        self.trees = {name: self.transposing(tree) for name, tree in self.trees.items()}

    @property
    def mistakes(self) -> Mistakes:
        return self.shared.mistakes

    def carried(self, tree: Tree) -> Tree:
        """The same expression with `h[t-3]` as the previous value of what carries h two steps."""
        match tree:
            case Lag(name=name, span=span):
                steps = steps_of(tree, self.shared.spec)
                carriers = self.shared.delays.get(name, ())
                if steps is not None and 1 < steps <= len(carriers) + 1:
                    return Lag(carriers[steps - 2], span)
            case Call(args=args):
                return replace(tree, args=tuple(map(self.carried, args)))
            case Joined(parts=parts):
                return replace(tree, parts=tuple(map(self.carried, parts)))
        return tree

    def transposing(self, tree: Tree) -> Tree:
        """The same expression with `C'` as an operation, where C is a matrix that is computed."""
        match tree:
            case Primed(name=name, span=span) if name in self.matrices:
                return Call(transposed, (Name(name, span),), span)
            case Call(args=args):
                return replace(tree, args=tuple(map(self.transposing, args)))
            case Joined(parts=parts):
                return replace(tree, parts=tuple(map(self.transposing, parts)))
        return tree

    def is_weight(self, name: str, before_product: bool) -> bool:
        """By declaration or by convention."""
        spec = self.shared.spec
        if name in spec.shapes:
            return True
        others = (self.trees, RESERVED, self.shared.constants, spec.options, spec.inputs)
        if any(name in names for names in others):
            return False
        return ir.names_matrix(name) if before_product else ir.names_vector(name)

    def is_matrix(self, tree: Tree) -> TypeGuard[Name]:
        """Whether this is the name of a matrix of weights, which stands before @ only."""
        if not isinstance(tree, Name):
            return False
        shape = self.shared.shape_of(tree.name)
        if shape is not None:
            return len(shape) == 2
        return self.is_weight(tree.name, True) and not self.is_weight(tree.name, False)

    def stands_for_matrix(self, tree: Tree) -> bool:
        """Whether this is the name of a matrix of weights, or that of one with a prime."""
        if isinstance(tree, Primed):
            return self.is_matrix(Name(tree.name, tree.span))
        return self.is_matrix(tree)

    def is_tensor(self, tree: Tree) -> bool:
        """Whether this is a weight whose product with a vector is a matrix."""
        return isinstance(tree, Name) and self.shared.declares_tensor(tree.name)

    def rows(self, matrix: str) -> ir.Size:
        """The size of a product with a matrix."""
        shape = self.shared.shape_of(matrix)
        return shape[0] if shape else "units"

    def columns(self, matrix: str) -> ir.Size:
        """The size of a product with the transposed matrix: of what it multiplies elsewhere."""
        shape = self.shared.shape_of(matrix)
        if shape is not None:
            return shape[1] if len(shape) == 2 else UNKNOWN
        for tree in self.trees.values():
            for node in walk(tree):
                size = self.size_of_multiplied(node, matrix)
                if size:
                    return size
        return "units"

    def size_of_multiplied(self, node: Tree, matrix: str) -> ir.Size:
        """The size of an input where this is `matrix @ input`, else 0."""
        match node:
            case Call(op=op, args=(Name(name=left), Name(name=right))) if op.is_product:
                return self.shared.size_of_input(right) if left == matrix else 0
        return 0

    def size_of_product(self, matrix: Name | Primed) -> ir.Size:
        return self.rows(matrix.name) if isinstance(matrix, Name) else self.columns(matrix.name)

    def computes_matrix(self, tree: Tree) -> bool:
        """Whether this is a matrix that a step computes: an outer product, a matrix that `diag`
        scales, or what is computed entry by entry of such.
        """
        if not self.has_matrices:
            return False
        match tree:
            case Name(name=name) | Lag(name=name) | Below(name=name):
                return name in self.matrices
            case Call(op=op, args=args) if op.is_product:
                turned = args[1].name if isinstance(args[1], Primed) else ""
                is_outer = turned in self.trees and turned not in self.matrices  # a mistake
                return is_outer or any(map(is_diagonal, args)) or self.is_tensor(args[0])
            case Call(op=OverUnits() as op, args=args):
                return all(map(self.is_meant_as_matrix, args[: op.arity]))
            case Call(op=OfConstants(), args=args):
                return any(map(self.is_meant_as_matrix, chain.from_iterable(map(walk, args))))
            case Call(op=op) if op.over_units or op is transposed:
                return op is outer_product
            case Call(args=args):
                # a call among them that is of weights is such a matrix itself
                return any(map(self.computes_matrix, args)) or self.are_of_weights(args)
        return False

    def is_meant_as_matrix(self, tree: Tree) -> bool:
        """Whether this is a matrix, computed or of weights; also of such whose shape should be
        declared.
        """
        if self.stands_for_matrix(tree) or self.is_of_weights(tree) or self.computes_matrix(tree):
            return True
        match tree:
            case Call(op=Elementwise(), args=args):
                others = [arg for arg in args if not self.is_static(arg)]
                return bool(others) and all(map(self.is_meant_as_matrix, others))
        return False

    def are_of_weights(self, args: Sequence[Tree]) -> bool:
        """Whether an operation on these is a matrix of weights, entry by entry, because one of them
        is the name of such.
        """
        named = [isinstance(arg, Name | Primed) and self.is_of_weights(arg) for arg in args]
        others = [arg for arg, is_named in zip(args, named) if not is_named]
        return any(named) and all(map(self.is_static, others))

    def is_of_weights(self, tree: Tree) -> bool:
        """Whether this is a matrix of weights whose shape is declared, or is computed of such, and
        of numbers, entry by entry.
        """
        if not self.shared.declares_matrices:
            return False
        match tree:
            case Name(name=name) | Primed(name=name):
                return self.shared.declares_matrix(name)
            case Call(op=Elementwise(), args=args):
                of_weights = [*map(self.is_of_weights, args)]
                others = [arg for arg, is_matrix in zip(args, of_weights) if not is_matrix]
                return any(of_weights) and all(map(self.is_static, others))
        return False

    def is_static(self, tree: Tree) -> bool:
        """Whether this is a number, an option, or a weight that is declared as a number."""
        match tree:
            case Name(name=name):
                return name in self.shared.spec.options or self.shared.declares_number(name)
            case Call(op=Elementwise(), args=args):
                return all(map(self.is_static, args))
        return isinstance(tree, Literal)

    def starred(self, tree: Tree) -> Star | None:
        """The product with a matrix that `*` is written for, if it is."""
        if not isinstance(tree, Call) or tree.op is not mul or self.computes_matrix(tree):
            return None
        left, right = tree.args
        if isinstance(left, Literal) or isinstance(right, Literal):
            return None
        if self.is_matrix(left):
            return Star(left, right, left, right)
        if isinstance(left, Call) and left.op is mul and self.is_matrix(left.args[1]):
            return Star(left.args[1], right, left, right, left.args[0])
        return Star(right, left, left, right) if self.is_matrix(right) else None

    def is_reported(self, name: str) -> bool:
        """Whether a mistake about a name is reported already: that it means nothing, or one of its
        letters or its line.
        """
        return is_reported(name) or name in self.shared.reported or name in self.shared.spec.unread

    def is_mistaken(self, name: str) -> bool:
        """Whether a mistake in the equation of a name is reported already."""
        if name not in self.statements:
            return False
        code = self.statements[name].code
        lines = {row.line for row in code.rows}
        spans = (mistake.span for mistake in self.mistakes.collected)
        return any(span.file == code.file and span.line in lines for span in spans)

    def has_its_time(self, name: str) -> bool:
        """Report, once, an equation `c_t = ...` of a name that is used as `c`."""
        timed = f"{name}_t"
        if timed not in self.trees:
            return False
        self.shared.reported.add(name)
        problem = f"'{timed}' has an equation, and '{name}' has none"
        fix = f"write `{name} = ...`: a bare name is this step's value"
        self.mistakes.add(self.statements[timed].span, problem, fix)
        return True

    def report_unknown(self, node: Name) -> None:
        name = node.name
        spec = self.shared.spec
        if name in spec.trainable and not is_called_as_matrix(name, spec):
            return  # a constant matrix whose name is reported already
        if self.is_reported(name) or self.has_its_time(name):
            return
        self.shared.reported.add(name)
        base = name.removesuffix("_t")
        if name.endswith("_t") and (base == "x" or base in self.trees):
            problem, fix = (
                f"unknown name '{name}'",
                f"write {base} for {name}: a bare name is this step's value",
            )
        elif (before := _as_before(name)) in self.trees:
            problem = f"unknown name '{name}'"
            fix = f"write {before}[t-1] for the previous step"
        elif name in _NUMBERS:
            problem, fix = f"unknown name '{name}'", f"write {_NUMBERS[name]}"
        elif name in RESERVED:
            problem, fix = (
                f"'{name}' cannot stand in an equation",
                "it is known in `constants:` and masks",
            )
            if name in ("units", "inputs"):
                fix = f"name it under `constants:`, such as `n = {name}`, and write n"
            if name == "below":
                fix = "write below.c for the value of `c` in the layer below"
        elif name[:1].isupper():
            problem = f"'{name}' is no equation, and a weight matrix only before @"
            fix = f"write {name} @ x, or declare it: `weights: {{{name}: {{shape: [units]}}}}`"
            if name in spec.trainable:
                problem, fix = f"the matrix '{name}' stands only before @", f"write {name} @ x"
        else:
            known = [*self.trees, "x", *spec.inputs, *self.shared.constants, *spec.options]
            problem, fix = f"unknown name '{name}'", nearest(name, known)
            if not fix.startswith("did you mean"):
                declared = f"`weights: {{{name}: {{shape: [units]}}}}`"
                fix = (
                    f"name a trained vector b, p or w, such as b_{name}, or declare it:"
                    f" {declared}; else {fix}"
                )
        self.mistakes.add(node.span, problem, fix)

    def report_no_previous(self, node: Lag) -> None:
        """Report `NAME[t-1]` where no equation has that name."""
        name = node.name
        if self.is_reported(name) or self.has_its_time(name):
            return
        if name == "x" or name in self.shared.spec.inputs:
            what = "W_u @ x" if name == "x" else name
            fix = f"carry what you need of it in a state: `u = {what}`, then u[{node.index}]"
            problem = f"{name}[{node.index}] is not known: only equations have a previous step"
            self.mistakes.add(node.span, problem, fix)
        elif (
            name in RESERVED
            or self.is_weight(name, False)
            or (self.is_weight(name, True) and name in self.shared.spec.shapes)
        ):
            self.mistakes.add(
                node.span, f"'{name}' has no previous step: only equations do", f"write {name}"
            )
        else:
            self.shared.reported.add(name)
            near = nearest(name, self.trees)
            self.mistakes.add(
                node.span,
                f"the state '{name}' needs an equation of its own",
                f"write `{name} = ...`; {near}",
            )


# numbers that libraries have by name, and what to write
_NUMBERS = {"pi": "3.141592653589793", "e": "exp(a)", "eps": "1e-5", "epsilon": "1e-5"}


def _as_before(name: str) -> str:
    """The name that `h_prev`, `prev_h` or `h_last` means; empty where it is no such."""
    match = re.fullmatch(r"(\w+?)_?(?:prev|previous|last|old)|(?:prev|last|old)_(\w+)", name)
    return (match[1] or match[2]) if match is not None else ""


def makes_matrix(node: Tree) -> bool:
    """Whether this makes a matrix of vectors, `outer(a, b)`, `diag(a)`, or `a @ b'`, or may be of
    one: `expm(A)`, `softmax(A)`.
    """
    match node:
        case Call(op=op, args=(_, Primed())) if op.is_product:
            return True
        case Call(op=OfConstants()):
            return True
        case Call(op=OverUnits(), args=args):
            names = (part for part in chain.from_iterable(map(walk, args)))
            return any(isinstance(part, Name) and ir.names_matrix(part.name) for part in names)
        case Call(op=op):
            return op is outer_product or op is diagonal
    return False


def is_diagonal(tree: Tree) -> bool:
    """Whether this is `diag(a)`."""
    return isinstance(tree, Call) and tree.op is diagonal
