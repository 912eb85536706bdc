"""Equations -> nodes of one operation each, and back.

`z = sigmoid(W_z @ x + b_z)` is three nodes: `$0 = W_z @ x`, `$1 = $0 + b_z` and `z = sigmoid($1)`.
Back in equations, a node is one of its own if it was one, if it is a state or the output, or if
several others read it; every other one stands where it is read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from rnnzoo.lang import ir

UNITS: ir.Shape = ("units",)
ANONYMOUS = "$"  # begins the name of a node that is no equation
MOST_PARTS = 16  # names, numbers and operations of what stands within an equation
_LETTERS = "adegklmnqrsuvyz"  # for new equations; b, p and w are weights, t and x are taken
Nodes = Mapping[str, ir.Expr]


@dataclass(slots=True)
class Flat:
    """Equations on their way to nodes.

    Attributes:
        nodes: by name, one operation each, after those that it reads.
        values: of each equation, the name or the number that its value is.
    """

    nodes: dict[str, ir.Expr] = field(default_factory=dict)
    values: dict[str, ir.Expr] = field(default_factory=dict)

    @staticmethod
    def of(equations: Iterable[ir.Equation]) -> Flat:
        flat = Flat()
        for equation in equations:
            flat.values[equation.name] = flat.value(equation)
        return flat

    def value(self, equation: ir.Equation) -> ir.Expr:
        if isinstance(equation.expr, ir.Ref):
            return self.operand(equation.expr)
        self.nodes[equation.name] = self.operation(equation.expr)
        return ir.Ref("value", equation.name, (equation.size,))

    def operation(self, expr: ir.Expr) -> ir.Expr:
        """An operation whose operands have names; a number fills a vector as it is."""
        if not isinstance(expr, ir.Apply):
            return expr
        return replace(expr, args=tuple(map(self.operand, expr.args)))

    def operand(self, expr: ir.Expr) -> ir.Expr:
        """What a node reads: a vector of units has a name, everything else stays as it is."""
        if isinstance(expr, ir.Ref):
            return self.values[expr.name] if expr.kind == "value" else expr
        if not isinstance(expr, ir.Apply):
            return expr
        operation = self.operation(expr)
        if expr.shape != UNITS:
            return operation
        name = f"{ANONYMOUS}{len(self.nodes)}"
        self.nodes[name] = operation
        return ir.Ref("value", name, UNITS)


def in_order(nodes: Nodes) -> list[str]:
    """The names of nodes, each after those that it reads; else as they stand."""
    ordered: dict[str, None] = {}

    def visit(name: str) -> None:
        if name not in ordered:
            for ref in ir.refs(nodes[name], "value"):
                visit(ref.name)
            ordered[name] = None

    for name in nodes:
        visit(name)
    return [*ordered]


def readers(nodes: Nodes, roots: Nodes) -> dict[str, list[str]]:
    """Of each node, the nodes that read it, once for each time; and the states that it is, as `=`
    and a name.
    """
    above: dict[str, list[str]] = {name: [] for name in nodes}
    for name, node in nodes.items():
        for ref in ir.refs(node, "value"):
            above[ref.name].append(name)
    for name, root in roots.items():
        for ref in ir.refs(root, "value"):
            above[ref.name].append(f"={name}")
    return above


@dataclass(slots=True)
class Folding:
    """Nodes on their way to equations.

    Attributes:
        taken: names that an equation cannot get.
        names: of each node that is an equation, its name there.
        spelt: of each node, what stands for it where it is read.
    """

    nodes: Nodes
    roots: Nodes
    taken: set[str]
    names: dict[str, str] = field(default_factory=dict)
    spelt: dict[str, ir.Expr] = field(default_factory=dict)

    @staticmethod
    def equations(nodes: Nodes, roots: Nodes, taken: Collection[str]) -> tuple[ir.Equation, ...]:
        """The equations of nodes, each after those that it needs.

        Args:
            roots: states and the output, each with its value.
            taken: names of all that is no equation.
        """
        folding = Folding(nodes, roots, {*taken, *roots})
        folding.give_names()
        return (*folding.of_nodes(), *folding.of_aliases())

    def give_names(self) -> None:
        """Names for the nodes that are equations in any case."""
        for root, value in self.roots.items():
            if isinstance(value, ir.Ref) and value.kind == "value":
                self.names.setdefault(value.name, root)
        kept = [name for name in self.nodes if not name.startswith(ANONYMOUS)]
        for name in kept:
            if name not in self.names and name not in self.roots:
                self.names[name] = name
        self.taken |= {*self.names.values()}
        above = readers(self.nodes, self.roots)
        for name in self.nodes:
            if name not in self.names and (name in kept or len(above[name]) > 1):
                self.names[name] = self.new_name()

    def new_name(self) -> str:
        numbers = ("", *range(1, len(self.nodes) + 1))
        names = (f"{letter}{number}" for number in numbers for letter in _LETTERS)
        name = next(name for name in names if name not in self.taken)
        self.taken.add(name)
        return name

    def of_nodes(self) -> list[ir.Equation]:
        equations = []
        for name in in_order(self.nodes):
            expr = self.folded(self.nodes[name])
            if name not in self.names and sum(1 for _ in ir.walk(expr)) <= MOST_PARTS:
                self.spelt[name] = expr
                continue
            as_equation = self.names.get(name) or self.new_name()
            (size,) = expr.shape or UNITS
            equations.append(ir.Equation(as_equation, expr, size))
            self.names[name] = as_equation
            self.spelt[name] = ir.Ref("value", as_equation, expr.shape)
        return equations

    def of_aliases(self) -> list[ir.Equation]:
        """States and outputs that are only another name of a value."""
        aliases = []
        for root, value in self.roots.items():
            folded = self.folded(value)
            if folded != ir.Ref("value", root, value.shape):
                aliases.append(ir.Equation(root, folded, "units"))
        return aliases

    def folded(self, expr: ir.Expr) -> ir.Expr:
        """An expression with what stands for the nodes that it reads."""
        match expr:
            case ir.Ref(kind="value", name=name):
                return self.spelt[name]
            case ir.Apply(args=args):
                return replace(expr, args=tuple(map(self.folded, args)))
        return expr
