"""One layer: its equations resolved, with sizes that fit, and the weights that they use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rnnzoo.errors import Span, nearest
from rnnzoo.lang import ir
from rnnzoo.lang.check import draws, matrices, products
from rnnzoo.lang.check.beginnings import check_init
from rnnzoo.lang.check.operations import apply, over_units
from rnnzoo.lang.check.scope import Scope, Star
from rnnzoo.lang.check.sizes import own_sizes
from rnnzoo.lang.check.trees import (
    MISTAKEN,
    UNKNOWN,
    as_written,
    in_words,
    mistaken,
    sign_between,
    topological,
    walk,
)
from rnnzoo.lang.primitives import (
    Draw,
    Elementwise,
    OfConstants,
    OverUnits,
    Primitive,
    diagonal,
    dot,
    entries,
    matmul,
    outer_product,
    stack,
    transposed,
)
from rnnzoo.lang.tree import Below, Call, Index, Joined, Lag, Literal, Name, Primed, Tree
from rnnzoo.spec.cell import Init

_FIX_OF_CYCLE = "write {name}[t-1] where the previous step is meant"
_FIX_IN_ROUNDS = "write [{index}-1] where the previous round is meant, [t-1] for the previous step"


@dataclass(eq=False, slots=True)
class Layer(Scope):
    """One layer's equations on their way from trees to a `Step`."""

    weights: dict[str, tuple[ir.Shape, Span]] = field(default_factory=dict)
    stateful: set[str] = field(default_factory=set)
    fixed: set[str] = field(default_factory=set)  # equations of weights and constants alone
    in_order: tuple[str, ...] = ()  # names of the equations, each after those that it needs
    equations: tuple[ir.Equation, ...] = ()
    among_matrices: bool = False  # whether a matrix of weights stands for its entries

    def check_below(self, first: Layer) -> None:
        """`below.NAME` is an equation of the layer below, which may be the first."""
        for tree in self.trees.values():
            for node in walk(tree):
                if not isinstance(node, Below):
                    continue
                if node.name not in self.trees or node.name not in first.trees:
                    problem = f"the layer below has no equation '{node.name}'"
                    self.mistakes.add(node.span, problem, nearest(node.name, self.trees))
                elif self is first:
                    self.mistakes.add(
                        node.span,
                        f"the first layer has nothing below it, {self.why_it_reads_below()}",
                        "give `first_layer: |` with the equations that need no `below`",
                    )

    def why_it_reads_below(self) -> str:
        if self.shared.spec.first_layer:
            return "and `first_layer` reads it all the same"
        return "and there is no `first_layer`"

    def order(self, like: Iterable[str]) -> None:
        """Sort equations topologically; ties in the order `like` of another layer, then as
        written.
        """
        spans = {name: statement.span for name, statement in self.statements.items()}
        trees = {name: self.trees[name] for name in (*like, *self.trees)}
        readings = [
            statement.reading
            for statement in self.statements.values()
            if statement.reading is not None
        ]
        indices = [reading.index for reading in readings if reading.index]
        fix = _FIX_IN_ROUNDS.format(index=indices[0]) if indices else _FIX_OF_CYCLE
        self.in_order = topological(trees, spans, self.mistakes, fix)

    def type_equations(self, needed: frozenset[str]) -> None:
        """Resolve names and sizes of all equations but those that are needed by nothing."""
        equations = []
        for name in self.in_order:
            if name not in needed:
                continue
            tree, size = self.trees[name], self.sizes[name]
            if size == UNKNOWN:  # of several, the first, so that another one is a mistake here
                self.sizes[name] = next(iter(own_sizes(self, tree)), UNKNOWN)
            expr = self.typed_equation(tree, name in self.matrices)
            is_lost = expr.shape == (UNKNOWN,) and makes_of_constants(tree)
            self.sizes[name] = UNKNOWN if is_lost else size
            # after another mistake, a difference in size may only follow from it
            is_own_mistake = UNKNOWN not in (size, *expr.shape) and not self.mistakes.collected
            if is_own_mistake and expr.shape not in ((), (size,)):
                here, elsewhere = in_words(expr.shape), in_words((size,))
                problem = f"'{name}' has {here} here, and {elsewhere} by its other uses"
                self.mistakes.add(
                    self.statements[name].span, problem, "bring it to one size with a matrix: W @ x"
                )
            equations.append(ir.Equation(name, expr, size))
            if ir.is_stateful(expr, self.stateful):
                self.stateful.add(name)
            if ir.is_fixed(expr, self.fixed):
                self.fixed.add(name)
        self.equations = tuple(equations)
        self.check_moves()

    def check_moves(self) -> None:
        """A matrix with a previous step is not of weights alone: as a state it would be the same at
        every step but the first, for each sequence.
        """
        of_weights = {name for name in self.fixed if isinstance(self.sizes[name], ir.Grid)}
        carried = {delayed: name for name, names in self.shared.delays.items() for delayed in names}
        for name in self.in_order:
            for node in walk(self.trees[name]) if name not in carried else ():
                state = carried.get(node.name, node.name) if isinstance(node, Lag) else ""
                if state in of_weights and not self.is_reported(state):
                    self.shared.reported.add(state)
                    problem = f"'{state}' is of weights alone, and so the same at every step"
                    self.mistakes.add(node.span, problem, f"write {state}, without a step")

    def step(self) -> ir.Step:
        """The equations and the weights that they use.

        Call this when all layers are typed: only then is `on_state`, which decides default
        initialisers, complete.
        """
        return ir.Step(self.equations, tuple(self.weight(name) for name in self.weights))

    def typed_equation(self, tree: Tree, is_matrix: bool) -> ir.Expr:
        """An expression that is the whole of an equation."""
        if draws.draws(tree):
            return draws.draw(self, tree)
        return self.typed_as_matrix(tree) if is_matrix else self.typed(tree)

    def typed(self, tree: Tree) -> ir.Expr:
        match tree:
            case Literal(value=value):
                return ir.Number(value)
            case Name():
                return self.name(tree)
            case Lag():
                return self.lag(tree)
            case Below(name=name) if draws.draws(self.trees.get(name)):
                return draws.report_kept(self, name, tree.span)
            case Below(name=name):
                size = self.sizes.get(name, "units")
                if size != UNKNOWN and "inputs" in ir.size_names(size):
                    problem = (
                        f"below.{name} has the size of the inputs, which differs from layer to"
                        " layer"
                    )
                    self.mistakes.add(
                        tree.span, problem, f"bring it to `units` with a matrix: {name} = E @ x"
                    )
                return ir.Ref("below", name, (size,))
            case Index(name=name, axis=axis, span=span):
                self.mistakes.add(span, f"[{axis}] is for masks", f"write {name}, or {name}[t-1]")
                return MISTAKEN
            case Call():
                return self.typed_call(tree)
            case Primed() if self.among_matrices and self.is_of_weights(tree):
                return self.entries_turned(tree)
            case Primed() if self.among_matrices and self.stands_for_matrix(tree):
                matrices.report_without_shape(self, tree)
                return MISTAKEN
            case Primed(name=name) if self.is_reported(name):
                return MISTAKEN
            case Primed():
                self.mistakes.add(tree.span, *products.lone_prime(self, tree))
                return MISTAKEN
        raise AssertionError(tree)  # vectors are joined in products only: `lang.parse` sees to it

    def typed_call(self, tree: Call) -> ir.Expr:
        """An operation on its operands."""
        match tree:
            case Call(op=OfConstants()):
                return matrices.exponential(self, tree)
            case Call(op=OverUnits()) if self.computes_matrix(tree):
                return matrices.by_row(self, tree)
            # what is not computed entry by entry reads vectors, within a matrix too
            case Call(op=op) if self.among_matrices and not isinstance(op, Elementwise):
                with self.reading_entries(False):
                    return self.typed(tree)
            case Call(op=Draw()):
                self.mistakes.add(tree.span, *draws.within(tree))
                return MISTAKEN
            case Call(op=op) if op.is_product:
                return self.product(tree)
            case Call(op=op) if op is outer_product:
                return matrices.outer(self, tree)
            case Call(op=op) if op in (diagonal, transposed):
                self.mistakes.add(tree.span, *matrices.lone(self, tree))
                return MISTAKEN
            case Call(op=OverUnits() as op):
                return self.over_vectors(op, tree)
        return self.entry_by_entry(tree)

    def over_vectors(self, op: OverUnits, tree: Call) -> ir.Expr:
        """An operation over the units of vectors, such as `softmax`."""
        if op is dot and self.is_matrix(tree.args[0]):
            return self.dot_of_matrix(tree.args[0], tree.args[1], tree.span)
        typed = tuple(self.typed(arg) for arg in tree.args)
        return over_units(op, typed, tree, self.shared.spec, self.mistakes)

    def entry_by_entry(self, tree: Call) -> ir.Expr:
        """An operation on entries, of vectors or of matrices; here it shows which of these were
        meant.
        """
        if not self.among_matrices:
            if self.computes_matrix(tree) and not self.is_of_weights(tree):
                return self.typed_as_matrix(tree)
            if (star := self.starred(tree)) is not None:
                return self.star(star)
            if (matrix := self.beside_vector(tree)) is not None:
                return matrices.report_beside_vector(self, tree, matrix)
        typed = tuple(self.typed(arg) for arg in tree.args)
        self.check_has_gradient(tree.op, typed, tree.span)
        return apply(tree.op, typed, tree.span, self.shared.spec, self.mistakes)

    def beside_vector(self, tree: Call) -> Tree | None:
        """The operand of an operation that is a matrix where another one is a vector."""
        if not self.has_matrices or not any(map(self.is_vector, tree.args)):
            return None
        for arg in tree.args:
            is_matrix = self.is_of_weights(arg) or self.computes_matrix(arg)
            names = {getattr(node, "name", "") for node in walk(arg)}
            is_known = UNKNOWN not in map(self.sizes.get, names)
            follows = isinstance(arg, Name) and self.is_mistaken(arg.name)
            if is_matrix and is_known and not follows and not self.is_vector(arg):
                return arg
        return None

    def typed_as_matrix(self, tree: Tree) -> ir.Expr:
        """An expression that is computed entry by entry, in which a matrix of weights stands for
        its own.
        """
        with self.reading_entries(True):
            return self.typed(tree)

    @contextmanager
    def reading_entries(self, meant: bool) -> Iterator[None]:
        before, self.among_matrices = self.among_matrices, meant
        try:
            yield
        finally:
            self.among_matrices = before

    def check_has_gradient(self, op: Primitive, args: tuple[ir.Expr, ...], span: Span) -> None:
        """An operation without derivatives is not applied to what gradients flow to: it would stop
        them.
        """
        names = {ref.name for arg in args for ref in ir.refs(arg, *ir.WITH_ADJOINT)}
        if not op.differentiable and names - {UNKNOWN}:
            fix = "use it on `t`, options and constants"
            self.mistakes.add(
                span, f"{op.symbol or op.name} has no gradient and cannot be applied to this", fix
            )

    def name(self, node: Name) -> ir.Expr:
        name, spec = node.name, self.shared.spec
        if size := self.shared.size_of_input(name):
            return ir.Ref("input", name, (size,))
        if name == "t":
            return ir.Ref("time", "t")
        if name in self.trees:
            return ir.Ref("value", name, (self.sizes[name],))
        if name in spec.options:
            return ir.Ref("option", name)
        if name in self.shared.constants:
            size = self.shared.constants[name].size
            return ir.Ref("constant", name, (size,) if size else ())
        if name in spec.constants:
            return MISTAKEN  # its mistake is reported already
        if self.is_weight(name, before_product=False):
            shape = self.shared.shape_of(name)
            weight = self.use(name, ("units",) if shape is None else shape, node.span)
            if self.among_matrices and self.shared.declares_matrix(name) and shape is not None:
                return ir.Apply(entries, (weight,), entries.shape([shape], ()))
            return weight
        if self.among_matrices and self.is_matrix(node):
            matrices.report_without_shape(self, node)
            return MISTAKEN
        self.report_unknown(node)
        return MISTAKEN

    def entries_turned(self, primed: Primed) -> ir.Expr:
        """The entries of a transposed matrix of weights."""
        shape = self.shared.shape_of(primed.name)
        assert shape is not None  # it is declared
        weight = self.use(primed.name, shape, primed.span)
        turned = ir.Apply(transposed, (weight,), shape[::-1])
        return ir.Apply(entries, (turned,), entries.shape([turned.shape], ()))

    def lag(self, node: Lag) -> ir.Expr:
        if draws.draws(self.trees.get(node.name)):
            return draws.report_kept(self, node.name, node.span)
        if node.name in self.trees:
            return ir.Ref("previous", node.name, (self.sizes[node.name],))
        self.report_no_previous(node)
        return MISTAKEN

    def product(self, tree: Call) -> ir.Expr:
        left, right = tree.args
        if matrices.is_product(self, left, right):
            return matrices.product(self, tree)
        if not self.stands_for_matrix(left) and self.stands_for_matrix(right):
            return self.turned(left, right)
        if fix := products.outer_product_of(self, left, right):
            self.mistakes.add(tree.span, "two vectors make a matrix by `outer`", fix)
            return MISTAKEN
        if self.stands_for_matrix(left) and self.stands_for_matrix(right):
            self.not_a_vector(left, right, ("units", "units"))
            return MISTAKEN
        mistakes_before = len(self.mistakes.collected)
        if isinstance(left, Call) and isinstance(left.op, OverUnits | OfConstants | Draw):
            self.typed(left)
            if len(self.mistakes.collected) > mistakes_before:
                return mistaken("units")
        is_call = isinstance(left, Call) and not left.op.symbol
        if is_call and self.is_meant_as_matrix(left) and matrices.report_undeclared(self, [left]):
            return mistaken("units")
        operand = self.joined(right) if isinstance(right, Joined) else self.typed(right)
        if not isinstance(left, Name | Primed) or not self.is_weight(left.name, True):
            products.not_a_matrix(self, left, right, tree.span)
            return mistaken("units")
        if len(operand.shape) != 1:
            if len(self.mistakes.collected) == mistakes_before:
                self.not_a_vector(left, right, operand.shape)
            return mistaken("units")
        if operand.shape == (UNKNOWN,):
            return mistaken(self.size_of_product(left))
        return self.applied(left, right, operand)

    def joined(self, tree: Joined) -> ir.Expr:
        """Vectors side by side, which a matrix multiplies."""
        parts = tuple(self.typed(part) for part in tree.parts)
        if any(part.shape == (UNKNOWN,) for part in parts):
            return MISTAKEN
        for part, written in zip(parts, tree.parts):
            if not part.shape:
                problem = "a number cannot stand beside vectors"
                self.mistakes.add(written.span, problem, "add a vector of weights: W @ [...] + b")
                return MISTAKEN
            if ir.is_matrix(part.shape):
                problem = "a matrix cannot stand beside vectors"
                self.mistakes.add(written.span, problem, "multiply it by a vector: C @ q")
                return MISTAKEN
        return ir.Apply(stack, parts, stack.shape([part.shape for part in parts], ()))

    def applied(self, matrix: Name | Primed, right: Tree, vector: ir.Expr) -> ir.Expr:
        """The product of a matrix, transposed where it has a prime, with a vector; sizes fit."""
        if isinstance(matrix, Primed) and isinstance(vector.shape[0], tuple):
            problem = "a transposed matrix multiplies one vector"
            self.mistakes.add(
                right.span, problem, f"write {matrix.name}_1' @ a + {matrix.name}_2' @ b"
            )
            return mistaken(UNKNOWN)
        name, shape = matrix.name, self.shape_before(matrix, vector.shape)
        weight = self.use(name, shape, matrix.span)
        if len(shape) != 2:
            problem = f"{name} is {in_words(shape)}, and only a matrix stands before @"
            self.mistakes.add(
                matrix.span, problem, f"write {name} * ... for a product element by element"
            )
            return mistaken("units")
        if isinstance(matrix, Primed):
            if isinstance(shape[1], tuple):
                problem = f"{name} multiplies joined vectors, and cannot be transposed as well"
                self.mistakes.add(matrix.span, problem, "give each vector a matrix of its own")
                return mistaken(UNKNOWN)
            shape = shape[::-1]
            weight = ir.Apply(transposed, (weight,), shape)
        if shape[1] != vector.shape[0]:
            self.mistakes.add(
                right.span,
                *products.wrong_operand(self, matrix, shape, vector.shape, self.weights[name][1]),
            )
            if name in self.shared.spec.shapes:  # whose rows may be as wrong
                return mistaken(UNKNOWN)
        for number, part in enumerate(ir.joined(vector)):
            if ir.is_stateful(part, self.stateful):
                self.shared.on_state.setdefault(name, set()).add(number)
        return ir.Apply(matmul, (weight, vector), shape[:1])

    def shape_before(self, matrix: Name | Primed, vector: ir.Shape) -> ir.Shape:
        """The shape of a matrix: as it is declared, else as it was used first, else as this vector
        needs it.
        """
        declared = self.shared.shape_of(matrix.name)
        if declared is not None:
            return with_joined(declared, vector[0])
        if matrix.name in self.weights:
            return self.weights[matrix.name][0]
        columns = self.columns(matrix.name) if isinstance(matrix, Primed) else vector[0]
        return "units", columns

    def turned(self, left: Tree, right: Tree) -> ir.Expr:
        """Report `x @ W`, as libraries write it."""
        assert isinstance(right, Name | Primed)
        self.typed(left)
        problem = f"the matrix '{as_written(right)}' stands after @, and belongs before it"
        self.mistakes.add(right.span, problem, f"write {as_written(right)} @ {as_written(left)}")
        return mistaken(self.size_of_product(right))

    def dot_of_matrix(self, matrix: Tree, operand: Tree, span: Span) -> ir.Expr:
        """Report `dot(W, x)`, as libraries write a product."""
        assert isinstance(matrix, Name)
        self.typed(operand)
        problem = f"dot adds up a * b over units, and '{matrix.name}' is a matrix"
        self.mistakes.add(span, problem, f"write {matrix.name} @ {as_written(operand)}")
        return mistaken(self.rows(matrix.name))

    def star(self, star: Star) -> ir.Expr:
        """Report `*` where @ is meant, once; the result has the size that it would have."""
        for factor in (star.factor, star.operand):
            if factor is not None and not self.is_matrix(factor):
                self.typed(factor)
        matrix, product = star.matrix.name, f"{star.matrix.name} @ {as_written(star.operand)}"
        meant = product if star.factor is None else f"{as_written(star.factor)} * ({product})"
        problem = f"`*` multiplies element by element, and '{matrix}' is a matrix"
        sign = sign_between(star.left.span, star.right.span)
        if sign is None or sign.text[sign.column - 1] == "*":  # another sign is reported already
            self.mistakes.add(sign or star.left.span, problem, f"write {meant}")
        return mistaken(self.rows(matrix))

    def not_a_vector(self, left: Tree, right: Tree, shape: ir.Shape) -> None:
        """Report what stands after @, unless a name in it is reported."""
        names = [node.name for node in walk(right) if isinstance(node, Name | Lag)]
        if any(map(self.is_reported, names)):
            return
        matrix = as_written(left)
        problem = f"{matrix} @ needs a vector on its right, not {in_words(shape)}"
        fix = "write * for a product with a number"
        if len(shape) > 1 or ir.is_matrix(shape):
            problem = "a matrix multiplies a vector, and this is another matrix"
            fix = f"write {matrix} @ ({as_written(right)} @ a)"
        self.mistakes.add(right.span, problem, fix)

    def use(self, name: str, shape: ir.Shape, span: Span) -> ir.Expr:
        self.weights.setdefault(name, (shape, span))
        return ir.Ref("weight" if self.shared.is_trained(name) else "fixed", name, shape)

    def weight(self, name: str) -> ir.Weight:
        shape, _ = self.weights[name]
        spec = self.shared.spec
        declared = spec.init.get(name)
        default = ir.default_init(shape, self.shared.on_state.get(name, ()))
        init = declared.value if declared and isinstance(declared.value, Init) else default
        names = {*self.weights, *self.shared.constants}
        # `begin` reads the others
        if declared and (init.name != "constant" or init.values[0] not in names):
            check_init(init, shape, declared.span, spec, self.mistakes)
        mask, is_trained = self.shared.mask_of(name, shape), self.shared.is_trained(name)
        return ir.Weight(name, shape, init, mask, is_trained)


def makes_of_constants(tree: Tree) -> bool:
    """Whether an expression holds a function of matrices, such as `expm(A)`."""
    return any(isinstance(node, Call) and isinstance(node.op, OfConstants) for node in walk(tree))


def with_joined(shape: ir.Shape, size: ir.Size) -> ir.Shape:
    """A declared shape with its columns in the order of the joined vectors that it multiplies, if
    they are declared as the sum of their sizes.
    """
    if len(shape) != 2 or not isinstance(size, tuple) or not isinstance(shape[1], str):
        return shape
    # a declared sum may name its terms in any order
    terms = sorted(shape[1].split(" + "))
    return (shape[0], size) if terms == sorted(map(ir.size_text, size)) else shape
