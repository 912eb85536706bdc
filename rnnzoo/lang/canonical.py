"""A cell -> its canonical form: one text, and one hash, for all spellings of the same computation.

In: a checked cell.  Out: a text that says everything about what the cell computes and nothing about how it is written.  The
names of equations and weights, the order of lines and of the operands of sums and products, names for subexpressions,
brackets in sums, and the way a difference is written leave no trace in it.  Names of options stay: a space may search them.

The cell becomes a graph in which sums and products have any number of operands.  Each node gets a colour that is refined
by those of its neighbours until no class of nodes splits (Weisfeiler and Lehman 1968).  The graph is then numbered from
the output on, operands of sums and products by colour.  Equal texts describe equal cells.  Equal cells have equal texts,
unless two nodes have one colour and are no mirror images of each other, which no cell of the literature was seen to have.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rnnzoo.lang import ir
from rnnzoo.lang.primitives import mul, neg

SUM, PRODUCT = "sum", "product"
Operand = tuple[int, int]  # sign, number of a node


@dataclass(frozen=True, slots=True)
class _Node:
    """Something that is computed or read.

    Attributes:
        label: everything about it but its operands.
        operands: with the sign that each has in a sum.
        any_order: whether their order does not matter.
    """

    label: str
    operands: tuple[Operand, ...] = ()
    any_order: bool = False


@dataclass(slots=True)
class _Graph:
    """The nodes of one layer's step.

    Attributes:
        known: a node -> its number; equal nodes are one.
        values: name of an equation or a constant -> the number of its node.
        lags: name of a state -> the number of the node that reads it.
    """

    cell: ir.Cell
    step: ir.Step
    nodes: list[_Node] = field(default_factory=list)
    known: dict[_Node, int] = field(default_factory=dict)
    values: dict[str, int] = field(default_factory=dict)
    lags: dict[str, int] = field(default_factory=dict)
    weights: dict[str, int] = field(default_factory=dict)

    @staticmethod
    def of(cell: ir.Cell, step: ir.Step) -> _Graph:
        graph = _Graph(cell, step)
        for constant in cell.constants:
            graph.values[constant.name] = graph.expression(constant.expr)
        for equation in step.equations:
            number = graph.expression(equation.expr)
            if not equation.expr.shape:  # one number for all units
                number = graph.add(_Node(f"fill {equation.size}", ((1, number),)))
            graph.values[equation.name] = number
        return graph

    def add(self, node: _Node) -> int:
        if node not in self.known:
            self.known[node] = len(self.nodes)
            self.nodes.append(node)
        return self.known[node]

    def expression(self, expr: ir.Expr) -> int:
        simpler = expr.op.simplified(expr.args) if isinstance(expr, ir.Apply) else None
        if simpler is not None and simpler.shape == expr.shape:
            return self.expression(simpler)
        if isinstance(expr, ir.Number):
            return self.add(_Node(f"number {expr.value!r}"))
        if isinstance(expr, ir.Ref):
            return self.name(expr)
        if expr.op.signs or expr.op is neg:
            return self.sum_of(self.terms(expr, 1))
        if expr.op is mul:
            sign, factors = self.factors(expr)
            product = self.add(_Node(PRODUCT, tuple(sorted((1, factor) for factor in factors)), any_order=True))
            return self.sum_of([(sign, product)])
        operands = [(1, self.expression(operand)) for operand in expr.args]
        if expr.op.commutative:
            operands.sort()
        return self.add(_Node(expr.op.name, tuple(operands), expr.op.commutative))

    def sum_of(self, terms: Sequence[Operand]) -> int:
        """A sum of terms; one positive term is its own sum."""
        if len(terms) == 1 and terms[0][0] > 0:
            return terms[0][1]
        return self.add(_Node(SUM, tuple(sorted(terms)), any_order=True))

    def terms(self, expr: ir.Expr, sign: int) -> list[Operand]:
        """The terms of a sum, of sums within it and of sums that have a name."""
        signs = self._signs(expr)
        if isinstance(expr, ir.Apply) and signs:
            terms: list[Operand] = []
            for own, operand in zip(signs, expr.args):
                terms += self.terms(operand, sign * own)
            return terms
        node = self.nodes[number := self.expression(expr)]
        if node.label == SUM:
            return [(sign * own, operand) for own, operand in node.operands]
        return [(sign, number)]

    def _signs(self, expr: ir.Expr) -> tuple[int, ...]:
        if not isinstance(expr, ir.Apply):
            return ()
        return (-1,) if expr.op is neg else expr.op.signs

    def factors(self, expr: ir.Expr) -> tuple[int, list[int]]:
        """The sign and the factors of a product, of products within it and of products that have a name."""
        if isinstance(expr, ir.Apply) and expr.op is mul:
            left_sign, left = self.factors(expr.args[0])
            right_sign, right = self.factors(expr.args[1])
            return left_sign * right_sign, left + right
        sign, number = 1, self.expression(expr)
        node = self.nodes[number]
        if node.label == SUM and len(node.operands) == 1:  # a value with a minus before it
            sign, number = node.operands[0]
            node = self.nodes[number]
        return sign, [factor for _, factor in node.operands] if node.label == PRODUCT else [number]

    def name(self, ref: ir.Ref) -> int:
        match ref.kind:
            case "value" | "constant":
                return self.values[ref.name]
            case "row" | "col":
                along = ((1, self.values[ref.name]),) if ref.name else ()
                return self.add(_Node(ref.kind, along))
            case "weight":
                return self.weight(ref.name)
            case "previous":
                if ref.name not in self.lags:
                    self.lags[ref.name] = self.add(_Node(f"lag of {ref.name}"))  # apart from other states so far
                return self.lags[ref.name]
            case "below":
                return self.add(_Node(f"below {ref.name}"))
        return self.add(_Node(f"{ref.kind} {ref.name}"))

    def weight(self, name: str) -> int:
        """A weight; two that begin alike are two nodes."""
        if name not in self.weights:
            weight = next(weight for weight in self.step.weights if weight.name == name)
            mask = () if weight.mask is None else ((1, self.expression(weight.mask)),)
            self.weights[name] = len(self.nodes)
            self.nodes.append(_Node(f"weight {weight.shape} {weight.init}", mask))
        return self.weights[name]


@dataclass(slots=True)
class _Form:
    """All graphs of a cell as one, and the text that is made of it.

    Attributes:
        labels: of each node, without any name that the user chose.
        operands: of each node; a lag's is the value that it is the lag of, what is read of the layer below its values.
        colours: of each node that is needed.
        numbers: likewise, as the text counts them.
    """

    labels: list[str] = field(default_factory=list)
    operands: list[tuple[Operand, ...]] = field(default_factory=list)
    any_order: list[bool] = field(default_factory=list)
    colours: dict[int, str] = field(default_factory=dict)
    numbers: dict[int, int] = field(default_factory=dict)

    def append(self, graph: _Graph, layers_below: Sequence[tuple[_Graph, int]], begins: Mapping[str, object]) -> None:
        """Add a graph.

        Args:
            layers_below: graphs that may be the layer below, each with the number of its first node here.
            begins: what each state begins with.
        """
        first = len(self.labels)
        lagged = {number: name for name, number in graph.lags.items()}
        for number, node in enumerate(graph.nodes):
            label, operands = node.label, tuple((sign, first + operand) for sign, operand in node.operands)
            kind, _, name = label.partition(" ")
            if number in lagged:
                label = f"lag {begins[lagged[number]]}"
                operands = ((1, first + graph.values[lagged[number]]),)
            elif kind == "below":
                label, operands = kind, tuple((1, start + lower.values[name]) for lower, start in layers_below)
            self.labels.append(label)
            self.operands.append(operands)
            self.any_order.append(node.any_order)

    def refine(self, roots: Sequence[int]) -> None:
        """Colour what the roots need by what is around it, until no class of nodes splits any more."""
        nodes = self._needed(roots)
        readers = self._readers(nodes)
        self.colours = {node: _hashed(self.labels[node]) for node in nodes}
        classes = 0
        while len(set(self.colours.values())) > classes:
            classes = len(set(self.colours.values()))
            self.colours = {node: self._refined(node, readers[node]) for node in nodes}

    def _needed(self, roots: Sequence[int]) -> list[int]:
        """What the roots need: a sum that was taken apart within another one is needed by nothing."""
        needed: dict[int, None] = {}
        todo = list(roots)
        while todo:
            node = todo.pop()
            if node not in needed:
                needed[node] = None
                todo += [operand for _, operand in self.operands[node]]
        return list(needed)

    def _readers(self, nodes: Sequence[int]) -> dict[int, list[tuple[int, int, int]]]:
        """Of each node, who reads it: number, position among its operands, sign."""
        readers: dict[int, list[tuple[int, int, int]]] = {node: [] for node in nodes}
        for node in nodes:
            for position, (sign, operand) in enumerate(self.operands[node]):
                readers[operand].append((node, 0 if self.any_order[node] else position, sign))
        return readers

    def _refined(self, number: int, readers: Iterable[tuple[int, int, int]]) -> str:
        operands = [f"{sign} {self.colours[operand]}" for sign, operand in self.operands[number]]
        if self.any_order[number]:
            operands.sort()
        read_by = sorted(f"{self.colours[reader]} {position} {sign}" for reader, position, sign in readers)
        return _hashed(self.colours[number], *operands, "read by", *read_by)

    def text(self, roots: Sequence[int]) -> str:
        """One line a node, numbered from the roots on."""
        lines: list[tuple[str, list[Operand]]] = []
        todo = list(reversed(roots))
        while todo:
            node = todo.pop()
            if node in self.numbers:
                continue
            self.numbers[node] = len(lines)
            operands = self._ordered(node)
            lines.append((self.labels[node], operands))
            todo += [operand for _, operand in reversed(operands)]
        return "\n".join(self._line(label, operands) for label, operands in lines)

    def _ordered(self, node: int) -> list[Operand]:
        operands = list(self.operands[node])
        if self.any_order[node]:
            operands.sort(key=lambda operand: (operand[0], self.colours[operand[1]]))
        return operands

    def _line(self, label: str, operands: Iterable[Operand]) -> str:
        return " ".join([label, *(f"{'-' if sign < 0 else ''}{self.numbers[node]}" for sign, node in operands)])


def canonical_text(cell: ir.Cell) -> str:
    """What a cell computes, whatever its spelling."""
    options = "".join(f"{name} {value!r}\n" for name, value in sorted(cell.options.items()))
    steps = [cell.step] if _text(cell, [cell.step]) == _text(cell, [cell.first]) else [cell.step, cell.first]
    return f"{options}{len(steps)} steps\n{_text(cell, steps)}"


def _text(cell: ir.Cell, steps: Sequence[ir.Step]) -> str:
    """The form of steps of which each may be that of the layer below."""
    begins = {state.name: state.initial for state in cell.states}
    graphs = [_Graph.of(cell, step) for step in steps]
    starts = [sum(len(graph.nodes) for graph in graphs[:number]) for number in range(len(graphs))]
    form = _Form()
    for graph in graphs:
        form.append(graph, list(zip(graphs, starts)), begins)
    outputs = [start + graph.values[cell.output] for graph, start in zip(graphs, starts)]
    form.refine(outputs)
    return form.text(outputs)


def canonical_hash(cell: ir.Cell) -> str:
    """SHA-256 of the canonical text: equal for cells that compute the same from weights that begin alike."""
    return hashlib.sha256(canonical_text(cell).encode()).hexdigest()


def _hashed(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode()).hexdigest()
