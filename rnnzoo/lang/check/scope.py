"""What the names of a layer's equations mean."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TypeGuard

from rnnzoo.errors import Mistakes, nearest
from rnnzoo.lang import ir
from rnnzoo.lang.check.constants import is_called_as_matrix
from rnnzoo.lang.check.lags import steps_of
from rnnzoo.lang.check.shared import Shared
from rnnzoo.lang.check.trees import (
    NUMBERS,
    RESERVED,
    UNKNOWN,
    as_written,
    check_parts,
    walk,
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
from rnnzoo.lang.tree import Below, Call, Joined, Lag, Literal, Name, Primed, Tree, is_reported
from rnnzoo.spec.cell import MEANT, Statement


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
    vectors: set[str] = field(default_factory=set)  # equations that certainly compute a vector
    # answers about parts of expressions, each beside its part, which so keeps its identity: a sum
    # of hundreds of terms asks of each of its partial sums
    are_vectors: dict[int, tuple[Tree, bool]] = field(default_factory=dict)
    hold_outer: dict[int, tuple[Tree, bool]] = field(default_factory=dict)
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
        self.find_matrices()
        self.trees = {name: self.transposing(tree) for name, tree in self.trees.items()}

    def find_matrices(self) -> None:
        """Tell equations that compute matrices, or are meant to, from those that do not."""
        nodes = chain.from_iterable(map(walk, self.trees.values()))
        meant = self.meant_as_matrices()
        declares = self.shared.declares_matrices
        self.has_matrices = declares or bool(meant) or any(map(makes_matrix, nodes))
        if not self.has_matrices:
            return
        while more := {
            name
            for name, tree in self.trees.items()
            if name not in self.vectors and self.is_vector(tree)
        }:
            self.vectors |= more
            self.are_vectors.clear()
        self.matrices = meant
        while more := {
            name
            for name, tree in self.trees.items()
            if name not in self.matrices
            and (self.computes_matrix(tree) or self.is_of_weights(tree))
        }:
            self.matrices |= more

    def meant_as_matrices(self) -> set[str]:
        """Equations that compute with matrices of weights entry by entry, and that are multiplied
        as a matrix, or read nothing else.

        All of them compute a matrix where such weights have a declared shape; where one has none,
        that is the one mistake to tell.
        """
        weights: dict[str, list[Name | Primed]] = {}
        for name, tree in self.trees.items():
            named = filter(self.stands_for_matrix, entry_by_entry(tree))
            weights[name] = [node for node in named if node.name not in self.trees]
        if not any(weights.values()):
            return set()
        multiplied = self.multiplied()
        meant: set[str] = set()
        for name, nodes in weights.items():
            distinct = {node.name for node in nodes}
            is_shown = len(distinct) > 1 or any(isinstance(node, Primed) for node in nodes)
            if nodes and (name in multiplied or (is_shown and self.reads_only(name, distinct))):
                meant.add(name)
        return meant

    def multiplied(self) -> set[str]:
        """The equations that stand where a matrix does: before @, in `expm`, beside `diag`, or in
        what another one that does so computes of them.
        """
        names: set[str] = set()
        for node in chain.from_iterable(map(walk, self.trees.values())):
            match node:
                case Call(op=op, args=(left, right)) if op.is_product:
                    names |= {part.name for part in entry_by_entry(left)}
                    if is_diagonal(left):
                        names |= {part.name for part in entry_by_entry(right)}
                case Call(op=OfConstants(), args=args):
                    names |= {part.name for arg in args for part in entry_by_entry(arg)}
        names &= self.trees.keys()
        waiting = [*names]
        while waiting:
            tree = self.trees[waiting.pop()]
            new = {node.name for node in entry_by_entry(tree)} & self.trees.keys() - names
            names |= new
            waiting += new
        return names

    def reads_only(self, name: str, weights: set[str]) -> bool:
        """Whether an equation is made of these weights, and of numbers, entry by entry."""
        for node in walk(self.trees[name]):
            match node:
                case Call(op=Elementwise()):
                    continue
                case Name(name=read) | Primed(name=read) if read in weights:
                    continue
                case _ if self.is_static(node):
                    continue
            return False
        return True

    def is_primed_beside_itself(self, name: str) -> bool:
        """Whether an expression is made of a matrix and of its transpose: it is square."""
        for tree in self.trees.values():
            kinds = {type(node) for node in entry_by_entry(tree) if node.name == name}
            if kinds == {Name, Primed}:
                return True
        return False

    def is_vector(self, tree: Tree) -> bool:
        """Whether this is certainly a vector, before sizes are known: a product with a matrix of
        weights, a vector of weights, x, or what is computed of such.
        """
        key = id(tree)
        if key not in self.are_vectors:
            self.are_vectors[key] = (tree, self.makes_vector(tree))
        return self.are_vectors[key][1]

    def holds_outer(self, tree: Tree) -> bool:
        """Whether a part of an expression makes a matrix of two vectors."""
        if not isinstance(tree, Call):
            return False
        key = id(tree)
        if key not in self.hold_outer:
            holds = tree.op is outer_product or any(map(self.holds_outer, tree.args))
            self.hold_outer[key] = (tree, holds)
        return self.hold_outer[key][1]

    def makes_vector(self, tree: Tree) -> bool:
        """What `is_vector` says, of an expression that it was not asked about yet."""
        match tree:
            case Name(name=name) if size := self.shared.size_of_input(name):
                return size != 1
            case Name(name=name) | Lag(name=name) if name in self.trees:
                return name in self.vectors
            case Name(name=name) if self.is_weight(name, before_product=False):
                shape = self.shared.shape_of(name)
                return shape is None or (len(shape) == 1 and shape != (1,))
            case Call(op=op, args=(Name() | Primed() as matrix, right)) if op.is_product:
                is_weight = matrix.name not in self.trees and self.stands_for_matrix(matrix)
                is_one = is_diagonal(right) or isinstance(right, Primed)
                return is_weight and not is_one and self.size_of_product(matrix) != 1
            case Call(op=Elementwise(), args=args) if not self.holds_outer(tree):
                return any(map(self.is_vector, args))
        return False

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
                if any(map(self.is_vector, args)) and not self.holds_outer(tree):
                    return False  # what stands beside a vector is a mistake there
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

    def is_known(self, name: str) -> bool:
        """Whether a name stands anywhere in the equations or declarations."""
        nodes = chain.from_iterable(map(walk, self.trees.values()))
        read = {getattr(node, "name", "") for node in nodes}
        spec = self.shared.spec
        return name in {*self.trees, *read, *spec.shapes, *spec.options, *spec.constants}

    def is_mistaken(self, name: str) -> bool:
        """Whether a mistake in the equation of a name, or in a constant's, is reported already."""
        statement = {**self.shared.spec.constants, **self.statements}.get(name)
        if statement is None:
            return False
        code = statement.code
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
        name, spec = node.name, self.shared.spec
        if name in spec.trainable and not is_called_as_matrix(name, spec):
            return  # a constant matrix whose name is reported already
        if self.is_reported(name) or self.has_its_time(name):
            return
        self.shared.reported.add(name)
        problem = f"unknown name '{name}'"
        fix = self.of_step(name) or _INSTEAD.get(name, "")
        if not fix and name in RESERVED:
            problem, fix = f"'{name}' cannot stand in an equation", _instead_of_reserved(name)
        elif not fix and name[:1].isupper():
            problem, fix = self.apart_from_product(node)
        elif not fix:
            fix = self.known_or_declared(name)
        self.mistakes.add(node.span, problem, fix)

    def apart_from_product(self, node: Name) -> tuple[str, str]:
        """What is wrong with a matrix of weights that no `@` follows, and what to write."""
        if node.name in self.shared.spec.trainable:
            return f"the matrix '{node.name}' stands only before @", f"write {node.name} @ x"
        # of a round's own weight, `R1`, what is written: `R[k]`
        called = declared_name(node)
        problem = f"'{called}' is no equation, and a matrix of weights only before @"
        if meant := self.declared_to_be_matrix(node.name):
            return problem, meant
        return problem, (
            f"write {self.as_vector(called)} for a vector of weights, {called} @ x for a product,"
            f" or declare it: {_declaration(called)}"
        )

    def of_step(self, name: str) -> str:
        """What to write for `c_t` or `c_prev`, where there is a `c`; empty for other names."""
        base = name.removesuffix("_t")
        if name.endswith("_t") and (base == "x" or base in self.trees):
            return f"write {base} for {name}: a bare name is this step's value"
        before = _as_before(name)
        return f"write {before}[t-1] for the previous step" if before in self.trees else ""

    def known_or_declared(self, name: str) -> str:
        """What to write for a name that nothing has: one that is alike, or a declaration."""
        spec = self.shared.spec
        known = [*self.trees, "x", *spec.inputs, *self.shared.constants, *spec.options]
        fix = nearest(name, known)
        if fix.startswith("did you mean"):
            return fix
        return (
            f"name a trained vector b, p or w, such as b_{name}, or declare it:"
            f" {_declaration(name)}; else {fix}"
        )

    def as_vector(self, matrix: str) -> str:
        """A name for a vector of weights that is like that of a matrix, and free."""
        small = matrix[:1].lower() + matrix[1:]
        return small if ir.names_vector(small) and not self.is_known(small) else f"b_{matrix}"

    def declared_to_be_matrix(self, name: str) -> str:
        """What to write where `W_a @ x` is computed with beside a matrix of this name, and what
        comes of it multiplies as a matrix; empty where that is not so.
        """
        tree = self.where_matrix_is_meant(name)
        product = None if tree is None else next(self.products_in(tree), None)
        if product is None:
            return ""
        matrix, operand = product
        shape = self.shared.shape_of(name) or ("units", "units")
        sides = ", ".join(map(ir.size_text, shape))
        declared = f"{matrix}: {{shape: [{sides}, {self.size_of_name(operand)}]}}"
        if self.shared.shape_of(name) is None and name not in self.trees:
            declared += f", {name}: {{shape: [{sides}]}}"
        return f"for a matrix made of {as_written(operand)}, declare `weights: {{{declared}}}`"

    def where_matrix_is_meant(self, name: str) -> Tree | None:
        """An expression that is computed entry by entry of what has this name, and stands before @
        or in an equation with the name of a matrix that does so.
        """
        if name in self.trees:
            return self.trees[name] if ir.names_matrix(name) else None
        for equation in filter(ir.names_matrix, self.multiplied()):
            if name in {node.name for node in entry_by_entry(self.trees[equation])}:
                return self.trees[equation]
        for node in chain.from_iterable(map(walk, self.trees.values())):
            match node:
                case Call(op=op, args=(Call() as left, _)) if op.is_product:
                    if name in {part.name for part in entry_by_entry(left)}:
                        return left
        return None

    def products_in(self, tree: Tree) -> Iterator[tuple[str, Tree]]:
        """The products of a matrix of weights with a vector that an expression is computed of,
        entry by entry.
        """
        match tree:
            case Call(op=op, args=(Name(name=matrix) as left, right)) if op.is_product:
                if matrix not in self.trees and self.is_matrix(left):
                    yield matrix, right
            case Call(op=Elementwise() | OverUnits(), args=args):
                for arg in args:
                    yield from self.products_in(arg)

    def size_of_name(self, operand: Tree) -> str:
        """The size of what a matrix multiplies, if it is a name."""
        match operand:
            case Name(name=name) if size := self.shared.size_of_input(name):
                return ir.size_text(size)
            case Name(name=name) | Lag(name=name):
                return ir.size_text(self.sizes.get(name, "units"))
        return "units"

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
            fix = f"write `{name} = ...`; {nearest(name, self.trees)}"
            if ir.names_matrix(name):
                fix = f"write `{name} = ...` on a line of its own; a matrix of weights is {name}"
            self.mistakes.add(node.span, f"the state '{name}' needs an equation of its own", fix)


# of names that mean nothing unless they are declared, what to write
_INSTEAD = {name: f"write {meant}" for name, meant in NUMBERS.items()} | {
    name: f"declare it as an input: `inputs: {{{name}: {size}}}`"
    for name, (size, _) in MEANT.items()
}
_INSTEAD_OF_RESERVED = {
    "random": "write `d = bernoulli(0.1)` on a line of its own: each step draws 0 or 1",
    "below": "write below.c for the value of `c` in the layer below",
}


def _instead_of_reserved(name: str) -> str:
    if name in ("units", "inputs"):
        return f"name it under `constants:`, such as `n = {name}`, and write n"
    return _INSTEAD_OF_RESERVED.get(name, "it is known in `constants:` and masks")


def _declaration(weight: str) -> str:
    return f"`weights: {{{weight}: {{shape: [units]}}}}`"


def _as_before(name: str) -> str:
    """The name that `h_prev`, `prev_h` or `h_last` means; empty where it is no such."""
    match = re.fullmatch(r"(\w+?)_?(?:prev|previous|last|old)|(?:prev|last|old)_(\w+)", name)
    return (match[1] or match[2]) if match is not None else ""


def declared_name(node: Name | Primed) -> str:
    """The name by which a weight is declared: of that of a round, `R[k]`, R."""
    return as_written(node).partition("[")[0] if "[" in as_written(node) else node.name


def entry_by_entry(tree: Tree) -> Iterator[Name | Primed]:
    """The names in an expression that are computed with entry by entry."""
    match tree:
        case Name() | Primed():
            yield tree
        case Call(op=Elementwise() | OverUnits() | OfConstants(), args=args):
            for arg in args:
                yield from entry_by_entry(arg)


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
            return any(
                isinstance(part, Name | Primed) and ir.names_matrix(part.name) for part in names
            )
        case Call(op=op):
            return op is outer_product or op is diagonal
    return False


def is_diagonal(tree: Tree) -> bool:
    """Whether this is `diag(a)`."""
    return isinstance(tree, Call) and tree.op is diagonal
