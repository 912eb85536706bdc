"""Cells from cells: mutations, children and a small grammar.

In: cells, a random generator, rules.  Out: cells that pass the checker.

    equations      equations -> nodes of one operation each, and back
    graph          a cell as such nodes, and how they are rewritten
    rules          what a child may be
    mutations      the six of Jozefowicz, Zaremba and Sutskever 2015
    descent        children
    grammar        gated cells that descend from none
    cell_file      the file of a cell that was found
"""

from __future__ import annotations

from rnnzoo.lang.rewriting.cell_file import cell_file, origin
from rnnzoo.lang.rewriting.descent import Child, child
from rnnzoo.lang.rewriting.grammar import from_grammar
from rnnzoo.lang.rewriting.graph import Graph
from rnnzoo.lang.rewriting.mutations import MUTATIONS
from rnnzoo.lang.rewriting.rules import FREQUENCIES, Rules

__all__ = [
    "FREQUENCIES",
    "MUTATIONS",
    "Child",
    "Graph",
    "Rules",
    "cell_file",
    "child",
    "from_grammar",
    "origin",
]
