"""The six mutations of a cell, each of one node of its graph.

In: a graph and the name of a node.  Out: a graph in which this node was rewritten, or None where
the mutation does not apply to it.  An *ancestor* of a node is what it depends on.

Source: Jozefowicz, Zaremba and Sutskever 2015, section 3.2, whose list has this order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from rnnzoo.lang import ir
from rnnzoo.lang.primitives import ELEMENTWISE, Elementwise, add, matmul
from rnnzoo.lang.rewriting.equations import UNITS
from rnnzoo.lang.rewriting.graph import BY_CONVENTION, Graph, is_vector, is_x
from rnnzoo.lang.rewriting.rules import Activation, Rules
from rnnzoo.spec.cell import EXPRESSION, Init

Mutation = Callable[[Graph, str, np.random.Generator, Rules], Graph | None]
T = TypeVar("T")
# behind what a matrix has on its diagonal: entries of the paper's scale 1
_SMALL = "(2 * random - 1) / sqrt(units)"


def swap_activation(
    graph: Graph, name: str, rng: np.random.Generator, rules: Rules
) -> Graph | None:
    """Another activation in place of one: transformation 1.

    A product of a matrix of weights is the activation `linear`.
    """
    node, product = graph.nodes[name], graph.product(name)
    assert isinstance(node, ir.Apply)
    current: Activation | None
    if product is not None:
        current, operand = _diagonal_of(graph, product), product.args[1]
    elif is_activation(node):
        (operand,) = node.args
        current = node.op if isinstance(node.op, Elementwise) else None
    else:
        return None
    if not isinstance(operand, ir.Ref):  # a number
        return None
    others = [activation for activation in rules.choices if activation != current]
    return _activated(graph, name, _drawn(others, rng), operand) if others else None


def swap_elementwise(
    graph: Graph, name: str, rng: np.random.Generator, rules: Rules
) -> Graph | None:
    """Another of `*`, `+` and `-` in place of one: transformation 2."""
    node = graph.nodes[name]
    assert isinstance(node, ir.Apply)
    is_one = isinstance(node.op, Elementwise) and node.op.arity == 2
    if not is_one or any(map(is_vector, node.args)):
        return None
    others = [name for name in rules.elementwise if name != node.op.name]
    if not others or node.op.name not in ("mul", "add", "sub", *rules.elementwise):
        return None
    return graph.with_node(name, replace(node, op=ELEMENTWISE[_drawn(others, rng)]))


def insert_activation(
    graph: Graph, name: str, rng: np.random.Generator, rules: Rules
) -> Graph | None:
    """An activation between a node and one of the values that it reads: transformation 3."""
    values = [ref for ref in graph.operands(name) if not is_x(ref)]
    if not values:
        return None
    operand = _drawn(values, rng)
    graph, inserted = graph.with_new(operand)
    graph = _activated(graph, inserted.name, _drawn(rules.choices, rng), operand)

    def read(ref: ir.Ref) -> ir.Ref:
        return inserted if ref == operand else ref

    return graph.with_node(name, ir.with_refs(graph.nodes[name], read))


def remove(graph: Graph, name: str, rng: np.random.Generator, rules: Rules) -> Graph | None:
    """What a node reads in place of it, if it reads one value and is read once: transformation
    4.
    """
    node, product = graph.nodes[name], graph.product(name)
    assert isinstance(node, ir.Apply)
    if (product is None and not is_activation(node)) or len(graph.readers[name]) > 1:
        return None
    operand = node.args[0] if product is None else product.args[1]
    return _replaced(graph, name, operand) if isinstance(operand, ir.Ref) else None


def replace_by_ancestor(
    graph: Graph, name: str, rng: np.random.Generator, rules: Rules
) -> Graph | None:
    """An ancestor in place of a node: transformation 5."""
    ancestors = graph.ancestors(name)
    return _replaced(graph, name, _drawn(ancestors, rng)) if ancestors else None


def combine(graph: Graph, name: str, rng: np.random.Generator, rules: Rules) -> Graph | None:
    """The sum, product or difference of an ancestor of a node, and of an ancestor of any node, in
    place of it: transformation 6.
    """
    other = _drawn(graph.sites, rng)
    own = graph.ancestors(name)
    others = [ref for ref in graph.ancestors(other) if not graph.depends(ref, name)]
    if not own or not others:
        return None
    graph, left = graph.with_operand(_drawn(own, rng), instead_of=name)
    graph, right = graph.with_operand(_drawn(others, rng), instead_of=name)
    operation = ELEMENTWISE[_drawn(rules.elementwise, rng)]
    return graph.with_node(name, ir.Apply(operation, (left, right), UNITS))


MUTATIONS: Mapping[str, Mutation] = {
    "swap_activation": swap_activation,
    "swap_elementwise": swap_elementwise,
    "insert_activation": insert_activation,
    "remove": remove,
    "replace": replace_by_ancestor,
    "combine": combine,
}


def is_activation(node: ir.Apply) -> bool:
    """Whether a node is an elementwise function of one value, and no sign."""
    return isinstance(node.op, Elementwise) and node.op.arity == 1 and not node.op.symbol


def _activated(graph: Graph, name: str, activation: Activation, operand: ir.Ref) -> Graph:
    """The same graph with an activation of a value as the node of a name."""
    if isinstance(activation, Elementwise):
        graph, operand = graph.with_operand(operand, instead_of=name)
        return graph.with_node(name, ir.Apply(activation, (operand,), UNITS))
    shape: ir.Shape = ("units", operand.shape[0])
    graph, matrix = graph.with_weight("W" if is_x(operand) else "R", shape, _begun(activation))
    graph, bias = graph.with_weight("b", UNITS)
    graph, product = graph.with_new(ir.Apply(matmul, (matrix, operand), UNITS))
    return graph.with_node(name, ir.Apply(add, (product, bias), UNITS))


def _begun(diagonal: float) -> Init:
    """How the matrix of a linear activation begins.  Without a diagonal it is one as any other."""
    if not diagonal:
        return BY_CONVENTION
    return Init(EXPRESSION, (f"{diagonal:g} * (row == col) + {_SMALL}",))


def _diagonal_of(graph: Graph, product: ir.Apply) -> float | None:
    """What was added to the diagonal of a matrix; None where it begins otherwise."""
    matrix = product.args[0]
    assert isinstance(matrix, ir.Ref)
    init = graph.weights[matrix.name].init
    if init == BY_CONVENTION:
        return 0.0
    diagonal, sign, rest = str(init.plain()).partition(" * (row == col) + ")
    return float(diagonal) if sign and rest == _SMALL else None


def _replaced(graph: Graph, name: str, value: ir.Ref) -> Graph | None:
    """The same graph where a value stands for a node; None where it is the node."""
    graph, instead = graph.with_operand(value)
    return None if instead.name == name else graph.redirected(name, instead)


def _drawn(values: Sequence[T], rng: np.random.Generator) -> T:
    return values[int(rng.integers(len(values)))]
