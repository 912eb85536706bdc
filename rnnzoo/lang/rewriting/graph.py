"""A cell as the graph that mutations act on: each node is one operation, and may have many readers.

In: a cell.  Out: a `Graph`, and from it a cell again.

Only vectors of `units` are nodes that mutations may touch.  Everything else, such as a matrix state
or a number computed of options, stays as it is within a node.

Source: the graph of Jozefowicz, Zaremba and Sutskever 2015, section 3.2.  There, all nodes have one
size, since inputs are embedded first; here x is embedded by one matrix, `E @ x`, where a node reads
it other than by a matrix of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from rnnzoo.errors import UsageError
from rnnzoo.lang import ir
from rnnzoo.lang.check import check
from rnnzoo.lang.check.trees import RESERVED
from rnnzoo.lang.check.use import used_constants, used_options
from rnnzoo.lang.formulas import names_in
from rnnzoo.lang.primitives import CALLS, add, matmul
from rnnzoo.lang.rewriting.equations import ANONYMOUS, UNITS, Flat, Folding, in_order, readers
from rnnzoo.lang.text import cell_text, on_states
from rnnzoo.spec.cell import Init, parse_cell

BY_CONVENTION = Init("by convention")  # of a weight that a cell says nothing about
_EMBEDDING = "E"
_ON_X: ir.Shape = ("units", "inputs")


@dataclass(frozen=True, slots=True)
class Graph:
    """A cell in which operations have names.

    Attributes:
        cell: the cell that it is of, for all that is no equation.
        nodes: by name, one operation each; what it reads are names.
        roots: states and the output by name, the value of each.
        weights: by name; of those that nothing is said about, `init` is `BY_CONVENTION`.
    """

    cell: ir.Cell
    nodes: Mapping[str, ir.Expr]
    roots: Mapping[str, ir.Expr]
    weights: Mapping[str, ir.Weight]

    @staticmethod
    def of(cell: ir.Cell) -> Graph:
        """The graph of a cell.

        Raises:
            UsageError: its first layer differs from the others.
        """
        if cell.first != cell.step:
            raise UsageError(
                f"cell '{cell.name}' has a first layer of its own, and cannot be a parent",
                "take a cell without `first_layer`",
            )
        flat, on = Flat.of(cell.step.equations), on_states(cell)
        names = dict.fromkeys([*(state.name for state in cell.states), cell.output])
        roots = {name: flat.values[name] for name in names}
        weights = {}
        for weight in cell.step.weights:
            default = ir.default_init(weight.shape, on.get(weight.name, ()))
            is_default = weight.init == default
            weights[weight.name] = replace(weight, init=BY_CONVENTION) if is_default else weight
        return Graph(cell, flat.nodes, roots, weights).tidied()

    # what there is

    @property
    def sites(self) -> list[str]:
        """Names of the nodes that mutations may act on, in order.

        A bias is part of the product that it is added to, and no site where it is added to a sum.
        """
        above = self.readers
        sites = []
        for name, node in self.nodes.items():
            has_product = self.product(name, above) is not None
            in_linear = has_product and len(above[name]) == 1 and self.is_bias(above[name][0])
            is_inner = in_linear and not self.is_bias(name)
            is_lone_bias = self.is_bias(name) and not has_product
            if node.shape == UNITS and not is_inner and not is_lone_bias:
                sites.append(name)
        return sites

    @property
    def readers(self) -> dict[str, list[str]]:
        """Of each node, the nodes that read it, once for each time, and the states that it is."""
        return readers(self.nodes, self.roots)

    def is_bias(self, name: str) -> bool:
        """Whether a node adds a vector of weights to a value."""
        node = self.nodes.get(name)
        return isinstance(node, ir.Apply) and node.op is add and any(map(is_vector, node.args))

    def product(
        self, name: str, above: Mapping[str, Sequence[str]] | None = None
    ) -> ir.Apply | None:
        """The product that a node is, alone or with a bias: `W @ v + b`; None if it is none.

        Args:
            above: the readers of all nodes, where they are known.
        """
        node = self.nodes[name]
        if self.is_bias(name):
            inner = [ref.name for ref in ir.refs(node, "value")]
            if len(inner) != 1 or len((above or self.readers)[inner[0]]) > 1:
                return None
            node = self.nodes[inner[0]]
        if not isinstance(node, ir.Apply) or node.op is not matmul:
            return None
        matrix, operand = node.args
        return node if isinstance(matrix, ir.Ref) and is_operand(operand) else None

    def operands(self, name: str) -> list[ir.Ref]:
        """The values of `units`, and x, that a node reads, once for each time."""
        return [ref for ref in self._read(self.nodes[name]) if is_operand(ref)]

    def ancestors(self, name: str) -> list[ir.Ref]:
        """All that a node depends on: nodes, states at the step before, and x."""
        ancestors: dict[ir.Ref, None] = {}
        todo = [*self._read(self.nodes[name])]
        while todo:
            ref = todo.pop()
            if ref not in ancestors:
                ancestors[ref] = None
                todo += self._read(self.nodes[ref.name]) if ref.kind == "value" else ()
        # by name: what a seed draws must not depend on the order of equations
        return sorted(filter(is_operand, ancestors), key=lambda ref: (ref.kind, ref.name))

    def depends(self, ref: ir.Ref, name: str) -> bool:
        """Whether a value is that of a node, or depends on it."""
        if ref.kind != "value":
            return False
        return ref.name == name or any(
            ancestor.name == name for ancestor in self.ancestors(ref.name)
        )

    @staticmethod
    def _read(expr: ir.Expr) -> Iterator[ir.Ref]:
        return ir.refs(expr, "value", "previous", "input")

    # rewriting

    def with_node(self, name: str, expr: ir.Expr) -> Graph:
        """The same with another operation under a name."""
        return replace(self, nodes={**self.nodes, name: expr})

    def with_new(self, expr: ir.Expr) -> tuple[Graph, ir.Ref]:
        """The same with one more node, and its value."""
        numbers = (int(name[1:]) for name in self.nodes if name.startswith(ANONYMOUS))
        name = f"{ANONYMOUS}{max(numbers, default=-1) + 1}"
        return self.with_node(name, expr), ir.Ref("value", name, UNITS)

    def with_weight(
        self, letter: str, shape: ir.Shape, init: Init = BY_CONVENTION
    ) -> tuple[Graph, ir.Ref]:
        """The same with one more weight, `R_1` for the letter R, and that weight."""
        taken = self._names
        names = (f"{letter}_{number}" for number in range(1, len(taken) + 2))
        return self._with_weight(next(name for name in names if name not in taken), shape, init)

    def _with_weight(self, name: str, shape: ir.Shape, init: Init) -> tuple[Graph, ir.Ref]:
        weight = ir.Weight(name, shape, init)
        return replace(self, weights={**self.weights, name: weight}), weight.ref

    def with_operand(self, ref: ir.Ref, instead_of: str = "") -> tuple[Graph, ir.Ref]:
        """The same, and a value of `units`: the one that is given, or x times the matrix that
        embeds it.

        Args:
            instead_of: a node that is about to be rewritten, and cannot be that value.
        """
        if ref.shape == UNITS:
            return self, ref
        embedding = self.embedding
        if embedding is not None:
            if embedding.name != instead_of:
                return self, embedding
            return self.with_new(self.nodes[instead_of])
        if _EMBEDDING in self._names:
            graph, matrix = self.with_weight(_EMBEDDING, _ON_X)
        else:
            graph, matrix = self._with_weight(_EMBEDDING, _ON_X, BY_CONVENTION)
        return graph.with_new(ir.Apply(matmul, (matrix, ref), UNITS))

    @property
    def embedding(self) -> ir.Ref | None:
        """x times the matrix that embeds it, where the cell has that: `E @ x`, of `units`."""
        for name in self.nodes:
            product = None if self.is_bias(name) else self.product(name)
            if product is not None and product.shape == UNITS:
                matrix, operand = product.args
                if is_x(operand) and isinstance(matrix, ir.Ref) and matrix.name[0] == _EMBEDDING:
                    return ir.Ref("value", name, UNITS)
        return None

    def redirected(self, name: str, instead: ir.Ref) -> Graph:
        """The same where all that read a node read another value."""

        def read(ref: ir.Ref) -> ir.Ref:
            return instead if ref.kind == "value" and ref.name == name else ref

        nodes = {key: ir.with_refs(node, read) for key, node in self.nodes.items() if key != name}
        roots = {key: ir.with_refs(root, read) for key, root in self.roots.items()}
        return replace(self, nodes=nodes, roots=roots)

    def tidied(self) -> Graph:
        """The same without what the output does not need, and with equal nodes as one."""
        merged = self._merged()
        output = self.cell.output
        nodes, roots, todo = set[str](), {output}, [merged.roots[output]]
        while todo:
            for ref in ir.refs(todo.pop(), "value", "previous"):
                if ref.kind == "value" and ref.name not in nodes:
                    nodes.add(ref.name)
                    todo.append(merged.nodes[ref.name])
                elif ref.kind == "previous" and ref.name not in roots:
                    roots.add(ref.name)
                    todo.append(merged.roots[ref.name])
        return replace(
            self,
            nodes={name: node for name, node in merged.nodes.items() if name in nodes},
            roots={name: root for name, root in merged.roots.items() if name in roots},
        )

    def _merged(self) -> Graph:
        """The same with equal nodes as one; what is drawn at random is equal to nothing."""
        first: dict[ir.Expr, str] = {}
        instead: dict[str, str] = {}

        def read(ref: ir.Ref) -> ir.Ref:
            return replace(ref, name=instead[ref.name]) if ref.kind == "value" else ref

        for name in in_order(self.nodes):
            node = ir.with_refs(self.nodes[name], read)
            is_drawn = isinstance(node, ir.Apply) and node.op.draws
            instead[name] = name if is_drawn else first.setdefault(node, name)
        nodes = {key: ir.with_refs(node, read) for key, node in self.nodes.items()}
        roots = {key: ir.with_refs(root, read) for key, root in self.roots.items()}
        return replace(self, nodes=nodes, roots=roots)

    # back in a cell

    def to_cell(self, name: str, title: str = "") -> ir.Cell:
        """The cell of a graph, without what its output does not need; read from its text, and so
        checked.

        Raises:
            SpecError: it breaks a rule of the cell language.
        """
        graph = self.tidied()
        step = graph._begun(Folding.equations(graph.nodes, graph.roots, graph._taken))
        states = tuple(state for state in self.cell.states if state.name in graph.roots)
        bare = replace(self.cell, name=name, title=title, source=(), states=states)
        bare = replace(bare, step=step, first=step)
        bare = replace(bare, constants=used_constants(bare))
        used = used_options(bare)
        options = {key: value for key, value in bare.options.items() if key in used}
        read = step.named_inputs
        inputs = tuple(named_input for named_input in bare.named_inputs if named_input.name in read)
        text = cell_text(replace(bare, options=options, named_inputs=inputs))
        return check(parse_cell(text, "<candidate>"))

    def _begun(self, equations: tuple[ir.Equation, ...]) -> ir.Step:
        """A step with the weights that its equations read, each with its initialiser."""
        names = [ref.name for ref in ir.refs_in(equations, *ir.WEIGHTS)]
        weights = [self.weights[name] for name in dict.fromkeys(names)]
        step = ir.Step(equations, tuple(weights))
        on = on_states(replace(self.cell, step=step, first=step))

        def begun(weight: ir.Weight) -> ir.Weight:
            # what begins as another weight does cannot, once that is gone
            needed = {name for name in names_in(weight.init) if name in self.weights}
            if weight.init != BY_CONVENTION and needed <= {*names}:
                return weight
            return replace(weight, init=ir.default_init(weight.shape, on.get(weight.name, ())))

        return ir.Step(equations, tuple(map(begun, weights)))

    @property
    def _taken(self) -> set[str]:
        """Names of all that is no equation."""
        cell = self.cell
        constants = {constant.name for constant in cell.constants}
        inputs = {named_input.name for named_input in cell.named_inputs}
        return {*constants, *inputs, *self.weights, *cell.options, *RESERVED, *CALLS}

    @property
    def _names(self) -> set[str]:
        """All names that a new weight must differ from."""
        return self._taken | {*self.nodes, *self.roots}


def is_x(expr: ir.Expr) -> bool:
    """Whether a value is x."""
    return isinstance(expr, ir.Ref) and expr.kind == "input" and expr.name == ir.X


def is_operand(expr: ir.Expr) -> bool:
    """Whether a value may take the place of another: one of `units`, or x."""
    is_value = isinstance(expr, ir.Ref) and expr.kind in ("value", "previous")
    return (is_value and expr.shape == UNITS) or is_x(expr)


def is_vector(expr: ir.Expr) -> bool:
    """Whether an operand is a vector of weights."""
    return isinstance(expr, ir.Ref) and expr.kind in ir.WEIGHTS and expr.shape == UNITS
