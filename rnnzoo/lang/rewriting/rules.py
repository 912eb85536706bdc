"""What mutations may make: allowed activations, forbidden parts, and how large a cell may get."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain

import numpy as np

from rnnzoo.errors import SpecError, UsageError, nearest
from rnnzoo.lang import ir
from rnnzoo.lang.formulas import formula
from rnnzoo.lang.primitives import ELEMENTWISE, PRIMITIVES, Elementwise
from rnnzoo.lang.rewriting.graph import Graph

# How often each mutation is drawn, relative to the others.  In the paper all are equally likely,
# and selection alone keeps cells from shrinking: what is removed or replaced takes all along that
# only it needed, and an insertion adds one node.  Over 50 generations without selection, 60 lines
# of descent then shrink from 25 nodes to 11 on average (from the LSTM), and from 20 to 11 (from the
# GRU).  With these frequencies they end at 28 and 22.
FREQUENCIES: Mapping[str, float] = {
    "swap_activation": 1.0,
    "swap_elementwise": 1.0,
    "insert_activation": 2.0,
    "remove": 0.5,
    "replace": 0.5,
    "combine": 1.0,
}
LINEAR = "linear"
Activation = Elementwise | float  # an operation, or the diagonal of the matrix of a linear one


@dataclass(frozen=True, slots=True)
class Rules:
    """What a child may be.

    Attributes:
        most_nodes: of operations; an LSTM has 25, a GRU 20.
        activations: names of operations on one operand, and `linear`: a matrix of weights with a
            bias.
        diagonals: what may be added to the diagonal of the matrix of a linear activation, whose
            entries begin small and random.
        elementwise: names of operations on two operands.
        mutations: names of those that may be drawn.
        forbidden: operations by name, and expressions in which a name stands for any value:
            `sigmoid(sigmoid(a))`.

    Raises:
        UsageError: a name that means nothing, or an expression that is none.
    """

    most_nodes: int = 60
    activations: tuple[str, ...] = ("tanh", "sigmoid", "relu", LINEAR)
    diagonals: tuple[float, ...] = (0.0, 1.0, 0.9, 1.1)
    elementwise: tuple[str, ...] = ("mul", "add", "sub")
    mutations: tuple[str, ...] = tuple(FREQUENCIES)
    forbidden: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        unary = [
            name
            for name, primitive in ELEMENTWISE.items()
            if primitive.arity == 1 and not primitive.symbol
        ]
        _check_names("an activation", self.activations, [*unary, LINEAR])
        binary = [name for name, primitive in ELEMENTWISE.items() if primitive.arity == 2]
        _check_names("an operation on two operands", self.elementwise, binary)
        _check_names("a mutation", self.mutations, [*FREQUENCIES])
        for text in self.forbidden:
            _check_pattern(text)

    @property
    def choices(self) -> list[Activation]:
        """All activations; linear ones with different diagonals are different ones."""
        named = [ELEMENTWISE[name] for name in self.activations if name != LINEAR]
        return [*named, *(self.diagonals if LINEAR in self.activations else ())]

    def drawn_mutation(self, rng: np.random.Generator) -> str:
        """The name of a mutation."""
        shares = np.array([FREQUENCIES[name] for name in self.mutations])
        return str(rng.choice(self.mutations, p=shares / shares.sum()))

    def allow(self, graph: Graph) -> bool:
        """Whether a graph is not too large, and has nothing that is forbidden."""
        if len(graph.nodes) > self.most_nodes:
            return False
        return not any(_has(graph, forbidden) for forbidden in self.forbidden)


def _check_names(kind: str, names: tuple[str, ...], known: list[str]) -> None:
    for name in names:
        if name not in known:
            raise UsageError(f"'{name}' is not {kind}", nearest(name, known))
    if not names:
        raise UsageError(f"no {kind.partition(' ')[2]} is allowed", "name at least one")


def _check_pattern(text: str) -> None:
    if text in PRIMITIVES:
        return
    fix = "write an operation's name, or an expression of names such as sigmoid(sigmoid(a))"
    if "[" in text:
        raise UsageError(f"`{text}` has an index, and a name stands for any value", fix)
    try:
        is_name = isinstance(formula(text), ir.Ref)
    except SpecError as error:
        raise UsageError(f"`{text}` is no expression: {error.mistakes[0].problem}", fix) from None
    if is_name:
        raise UsageError(f"'{text}' is no operation", nearest(text, PRIMITIVES) or fix)


def _has(graph: Graph, forbidden: str) -> bool:
    """Whether a graph has an operation of that name, or an expression of that pattern."""
    # within nodes too: a number, as of `norm(a)`, and a matrix are no nodes of their own
    parts = chain.from_iterable(map(ir.walk, graph.nodes.values()))
    if forbidden not in PRIMITIVES:
        return any(_matches(formula(forbidden), part, graph, {}) for part in parts)
    operation = PRIMITIVES[forbidden]
    # on however many operands: a number of groups may be one of them
    return any(isinstance(part, ir.Apply) and part.op is operation for part in parts)


def _matches(pattern: ir.Expr, expr: ir.Expr, graph: Graph, meant: dict[str, ir.Expr]) -> bool:
    """Whether an expression is of a pattern; `meant` is what the names of the pattern stand for,
    and is added to.
    """
    if isinstance(pattern, ir.Ref):
        return meant.setdefault(pattern.name, expr) == expr
    if isinstance(expr, ir.Ref) and expr.kind == "value":
        expr = graph.nodes[expr.name]
    if isinstance(pattern, ir.Number) or not isinstance(expr, ir.Apply):
        return pattern == expr
    if pattern.op is not expr.op or len(pattern.args) != len(expr.args):
        return False
    orders = [expr.args, expr.args[::-1]] if expr.op.commutative else [expr.args]
    for args in orders:
        attempt = dict(meant)
        if all(_matches(*pair, graph, attempt) for pair in zip(pattern.args, args)):
            meant.update(attempt)
            return True
    return False
