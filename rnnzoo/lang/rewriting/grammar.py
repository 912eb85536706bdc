"""A small grammar of gated cells.

In: a random generator and rules.  Out: a cell that descends from none.

    cell       = a state h, mixed; or a state c, mixed, and an output h of it
    mixed      = what is kept of the state, and what is written of a candidate n
    candidate  = an activation of inputs and the last output, which a gate r may reset
    gate       = sigmoid of inputs, of the last output, or of both

The LSTM and the GRU are among its cells, as the minimal gated unit and the update gate RNN are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from rnnzoo.errors import UsageError
from rnnzoo.lang import ir
from rnnzoo.lang.check import check
from rnnzoo.lang.rewriting.descent import TRIES, Child, reads_by_matrices
from rnnzoo.lang.rewriting.graph import Graph
from rnnzoo.lang.rewriting.rules import LINEAR, Rules
from rnnzoo.spec.cell import parse_cell

# `$` is the name of the equation, `s` the state that is mixed
_SUMS = (
    "W_$ @ x + R_$ @ h[t-1] + b_$",
    "W_$ @ x + b_$",
    "R_$ @ h[t-1] + b_$",
    "W_$ @ x * (R_$ @ h[t-1]) + b_$",
)
_CANDIDATES = (
    *_SUMS,
    "W_$ @ x + R_$ @ (r * h[t-1]) + b_$",
    "W_$ @ x + r * (R_$ @ h[t-1]) + b_$",
)
_MIXES = (
    "(1 - z) * s[t-1] + z * n",
    "f * s[t-1] + i * n",
    "f * s[t-1] + n",
    "s[t-1] + z * n",
    "z * s[t-1] + (1 - z) * (i * n)",
)
_OUTPUTS = ("o * ACT(c)", "ACT(c)", "o * c", "c")
_GATES = "rzfio"


def from_grammar(
    rng: np.random.Generator, rules: Rules | None = None, name: str = "candidate"
) -> Child:
    """A cell of the grammar.

    Args:
        name: of the cell.

    Raises:
        UsageError: all of them break the rules.
    """
    rules = rules or Rules()
    for _ in range(TRIES):
        cell = _cell(rng, rules, name)
        graph = Graph.of(cell)
        if reads_by_matrices(graph) and rules.allow(graph):
            return Child(cell, (), ())
    raise UsageError(
        f"none of {TRIES:,} cells of the grammar keeps the rules",
        "forbid less, or allow more nodes",
    )


def _cell(rng: np.random.Generator, rules: Rules, name: str) -> ir.Cell:
    def drawn(options: Sequence[str]) -> str:
        return options[int(rng.integers(len(options)))]

    activations = [kind for kind in rules.activations if kind != LINEAR] or ["tanh"]
    has_memory = rng.random() < 0.5
    state = "c" if has_memory else "h"
    mixed = re.sub(r"\bs\[", f"{state}[", drawn(_MIXES))
    last = {state: mixed}
    if has_memory:
        last["h"] = drawn(_OUTPUTS).replace("ACT", drawn(activations))
    candidate = f"{drawn(activations)}({drawn(_CANDIDATES)})".replace("$", "n")
    read = " ".join([candidate, *last.values()])
    gates = [gate for gate in _GATES if re.search(rf"\b{gate}\b", read)]
    equations = {gate: f"sigmoid({drawn(_SUMS)})".replace("$", gate) for gate in gates}
    lines = {**equations, "n": candidate, **last}
    block = "".join(f"  {left} = {right}\n" for left, right in lines.items())
    return check(parse_cell(f"name: {name}\nequations: |\n{block}", "<candidate>"))
