"""Children of cells.

In: parents, a random generator and rules.  Out: a `Child`: a cell that passes the checker, and how
it came about.

Source: Jozefowicz, Zaremba and Sutskever 2015, section 3.2.  A share p is drawn from 0 to 1, and
nodes are visited in random order; each is rewritten with probability p, until 1 to 3 (drawn too)
are.  A cell whose states do not fit is rejected and the draw begins again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rnnzoo.errors import UsageError
from rnnzoo.lang import ir
from rnnzoo.lang.primitives import matmul
from rnnzoo.lang.rewriting.equations import in_order
from rnnzoo.lang.rewriting.graph import Graph, is_x
from rnnzoo.lang.rewriting.mutations import MUTATIONS
from rnnzoo.lang.rewriting.rules import Rules

MOST_MUTATIONS = 3
TRIES = 300  # draws, after which no child can be expected


@dataclass(frozen=True, slots=True)
class Child:
    """A cell that was drawn.

    Attributes:
        parents: names of the cells that it descends from; none of one that a grammar made.
        mutations: in the order in which they were applied.
    """

    cell: ir.Cell
    parents: tuple[str, ...]
    mutations: tuple[str, ...]


def child(
    parents: Sequence[ir.Cell],
    rng: np.random.Generator,
    rules: Rules | None = None,
    name: str = "candidate",
) -> Child:
    """A mutated cell of one of the parents.

    Args:
        name: of the child.

    Raises:
        UsageError: a parent cannot be mutated, or its mutants all break the rules.
    """
    rules = rules or Rules()
    parent = parents[int(rng.integers(len(parents)))]
    graph = Graph.of(parent)
    for _ in range(TRIES):
        mutant, mutations = mutated(graph, rng, rules)
        if mutations and fits(mutant, graph) and rules.allow(mutant):
            return Child(mutant.to_cell(name), (parent.name,), mutations)
    raise UsageError(
        f"none of {TRIES:,} mutants of cell '{parent.name}' keeps the rules",
        "allow more: nodes, activations or mutations",
    )


def mutated(graph: Graph, rng: np.random.Generator, rules: Rules) -> tuple[Graph, tuple[str, ...]]:
    """A graph after 1 to 3 mutations, or as many as there was occasion for, and their names."""
    share, most = rng.random(), int(rng.integers(1, MOST_MUTATIONS + 1))
    applied: list[str] = []
    for site in rng.permutation(graph.sites):
        if len(applied) == most:
            break
        if rng.random() >= share or site not in graph.nodes:
            continue
        kind = rules.drawn_mutation(rng)
        mutant = MUTATIONS[kind](graph, str(site), rng, rules)
        if mutant is not None:
            graph = mutant.tidied()
            applied.append(kind)
    return graph, tuple(applied)


def fits(mutant: Graph, parent: Graph) -> bool:
    """Whether a mutant is another cell, with the states of its parent."""
    same_states = {*mutant.roots} == {*parent.roots}
    return same_states and mutant.nodes != parent.nodes and reads_by_matrices(mutant)


def reads_by_matrices(graph: Graph) -> bool:
    """Whether a matrix of weights reads x, and one what depends on a state."""
    reads_x = reads_state = False
    stateful = _stateful(graph)
    for node in graph.nodes.values():
        if isinstance(node, ir.Apply) and node.op is matmul:
            vectors = ir.joined(node.args[1])
            reads_x |= any(map(is_x, vectors))
            reads_state |= any(ir.is_stateful(vector, stateful) for vector in vectors)
    return reads_x and reads_state


def _stateful(graph: Graph) -> frozenset[str]:
    equations = [ir.Equation(name, graph.nodes[name], "units") for name in in_order(graph.nodes)]
    return ir.stateful_names(equations)
