"""The canonical form of a cell: one text, and one hash, for all spellings of the same computation.

In: a checked cell.  Out: a text that determines the computation and does not depend on its
spelling: on names of equations and weights, the order of lines and of the operands of any operation
that commutes, names for subexpressions, brackets in sums, the notation of differences, and terms
that cancel.  Names of options stay: a space may search them.  Draws are told apart by their
order, so that a cell that draws in another order has another text.

The cell becomes a graph in which sums and products have any number of operands.  Each node gets a
colour, which is refined by the colours of its neighbours until no class of nodes splits (Weisfeiler
and Lehman 1968).  Where several nodes share a colour, as two products that are added do, one of
them gets another and the rest is refined again, until no two share one.  The graph is then numbered
from the output on, operands that commute by colour.  Equal texts describe equal cells.  Equal cells
have equal texts, unless nodes that share a colour look alike from each other without being
symmetric; no cell is known to have such nodes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from rnnzoo.lang import ir, operations
from rnnzoo.lang.formulas import names_in
from rnnzoo.lang.passes import apart
from rnnzoo.lang.primitives import columns, mul, neg
from rnnzoo.spec.cell import BY_COLUMNS, Init

SUM_LABEL, PRODUCT_LABEL = "sum", "product"
# initialisers that treat each entry alike, whatever the size of the matrix
_BY_ENTRY = frozenset({"constant", "zeros", "ones", "normal", "uniform"})
Operand = tuple[int, int]  # sign, number of a node
# of a node: the number of each reader, the position among the reader's operands, the sign there
Readers = list[tuple[int, int, int]]


@dataclass(frozen=True, slots=True)
class _Node:
    """An operation or a name.

    Attributes:
        label: everything about the node but its operands.
        operands: each with its sign in a sum.
        any_order: whether the order of operands does not matter.
    """

    label: str
    operands: tuple[Operand, ...] = ()
    any_order: bool = False


@dataclass(slots=True)
class _Graph:
    """The nodes of one layer's step.

    Attributes:
        numbers: the number of each node; equal nodes are the same node, but for weights.
        values: the node of each equation and constant, by name.
        lags: the node of each state at the previous step, by name.
        weights: the node of each weight, by name.
        cancels: whether terms that stand in a sum with both signs are left out.
    """

    cell: ir.Cell
    step: ir.Step
    nodes: list[_Node] = field(default_factory=list)
    numbers: dict[_Node, int] = field(default_factory=dict)
    values: dict[str, int] = field(default_factory=dict)
    lags: dict[str, int] = field(default_factory=dict)
    weights: dict[str, int] = field(default_factory=dict)
    draws: int = 0
    cancels: bool = True

    @staticmethod
    def of(cell: ir.Cell, step: ir.Step, cancels: bool) -> _Graph:
        step = apart(step)
        graph = _Graph(cell, step, cancels=cancels)
        for constant in cell.constants:
            graph.values[constant.name] = graph.expression(constant.expr)
        for equation in step.equations:
            number = graph.expression(equation.expr)
            if not equation.expr.shape:  # one number for all units
                number = graph.add(_Node(f"fill {equation.size}", ((1, number),)))
            graph.values[equation.name] = number
        return graph

    def add(self, node: _Node) -> int:
        if node not in self.numbers:
            self.numbers[node] = len(self.nodes)
            self.nodes.append(node)
        return self.numbers[node]

    def expression(self, expr: ir.Expr) -> int:
        simpler = expr.op.simplified(expr.args) if isinstance(expr, ir.Apply) else None
        # `0 * v` becomes a number, which has no size
        if simpler is not None and simpler.shape == expr.shape:
            return self.expression(simpler)
        if isinstance(expr, ir.Number):
            return self.add(_Node(f"number {expr.value!r}"))
        if isinstance(expr, ir.Ref):
            return self.name(expr)
        if expr.op.signs or expr.op is neg:
            return self.sum_of(self.terms(expr, 1), expr.shape)
        if expr.op is mul:
            sign, factors = self.factors(expr)
            product = self.add(
                _Node(
                    PRODUCT_LABEL, tuple(sorted((1, factor) for factor in factors)), any_order=True
                )
            )
            return self.sum_of([(sign, product)], expr.shape)
        if expr.op is columns:
            return self.columns(expr)
        operands = [(1, self.expression(operand)) for operand in expr.args]
        if expr.op.commutative:
            operands.sort()
        if expr.op.draws:  # two that have one mean are two all the same
            self.draws += 1
            return self.add(_Node(f"{expr.op.name} {self.draws}", tuple(operands)))
        return self.add(_Node(expr.op.name, tuple(operands), expr.op.commutative))

    def sum_of(self, terms: Sequence[Operand], shape: ir.Shape) -> int:
        """A sum of terms; a single positive term is its own sum, and one without terms is 0."""
        terms = _uncancelled(terms) if self.cancels else terms
        if not terms:
            zero = self.add(_Node(f"number {0.0!r}"))
            return self.add(_Node(f"fill {shape[0]}", ((1, zero),))) if shape else zero
        if len(terms) == 1 and terms[0][0] > 0:
            return terms[0][1]
        return self.add(_Node(SUM_LABEL, tuple(sorted(terms)), any_order=True))

    def terms(self, expr: ir.Expr, sign: int) -> list[Operand]:
        """The terms of a sum, including those of nested sums and of sums with a name.

        `sign` is that of the expression in a sum around it: in `a - (b - c)`, b has -1 and c has 1.
        """
        signs = self._signs(expr)
        if isinstance(expr, ir.Apply) and signs:
            terms: list[Operand] = []
            for own, operand in zip(signs, expr.args):
                terms += self.terms(operand, sign * own)
            return terms
        number = self.expression(expr)
        node = self.nodes[number]
        if self.cancels and self.is_zero(node):
            return []
        if node.label == SUM_LABEL:
            return [(sign * own, operand) for own, operand in node.operands]
        return [(sign, number)]

    def is_zero(self, node: _Node) -> bool:
        """Whether a node is a vector of zeros: what a sum is of which no term was left."""
        kind, _, _ = node.label.partition(" ")
        return kind == "fill" and self.nodes[node.operands[0][1]].label == f"number {0.0!r}"

    def _signs(self, expr: ir.Expr) -> tuple[int, ...]:
        if not isinstance(expr, ir.Apply):
            return ()
        return (-1,) if expr.op is neg else expr.op.signs

    def factors(self, expr: ir.Expr) -> tuple[int, list[int]]:
        """The sign and the factors of a product, including those of nested products and of products
        with a name.
        """
        if isinstance(expr, ir.Apply) and expr.op is mul:
            left_sign, left = self.factors(expr.args[0])
            right_sign, right = self.factors(expr.args[1])
            return left_sign * right_sign, left + right
        sign, number = 1, self.expression(expr)
        node = self.nodes[number]
        if node.label == SUM_LABEL and len(node.operands) == 1:  # a negated value
            sign, number = node.operands[0]
            node = self.nodes[number]
        if node.label == PRODUCT_LABEL:
            return sign, [factor for _, factor in node.operands]
        return sign, [number]

    def name(self, ref: ir.Ref) -> int:
        match ref.kind:
            case "value" | "constant":
                return self.values[ref.name]
            case "row" | "col":
                along = ((1, self.values[ref.name]),) if ref.name else ()
                return self.add(_Node(ref.kind, along))
            case "weight" | "fixed":
                return self.weight(ref.name)
            case "previous":
                if ref.name not in self.lags:
                    # `_Form.append` replaces the name
                    self.lags[ref.name] = self.add(_Node(f"lag of {ref.name}"))
                return self.lags[ref.name]
            case "below":
                return self.add(_Node(f"below {ref.name}"))
            case "input" if ref.name != ir.X:
                return self.add(_Node(f"input {ref.name} of {ref.shape[0]}"))
        return self.add(_Node(f"{ref.kind} {ref.name}"))

    def columns(self, expr: ir.Apply) -> int:
        """The columns of a matrix for one of the joined vectors that it multiplies: a weight of
        their own, where they begin as one.
        """
        (matrix,), (number,) = expr.args, expr.params
        assert isinstance(matrix, ir.Ref)
        weight = next(weight for weight in self.step.weights if weight.name == matrix.name)
        if weight.mask is not None or weight.init.name not in _BY_ENTRY | {BY_COLUMNS}:
            whole = self.weight(matrix.name)
            return self.add(_Node(f"{expr.op.name} {number}", ((1, whole),)))
        init = weight.init
        if init.name == BY_COLUMNS:
            init = Init(str(init.values[number]))
        name = f"{matrix.name}[:, {number}]"
        if name not in self.weights:
            self.weights[name] = len(self.nodes)
            self.nodes.append(_Node(f"{matrix.kind} {expr.shape} {init}"))
        return self.weights[name]

    def weight(self, name: str) -> int:
        """A weight; two weights with the same initialiser are two nodes."""
        if name not in self.weights:
            weight = next(weight for weight in self.step.weights if weight.name == name)
            mask = () if weight.mask is None else ((1, self.expression(weight.mask)),)
            init, read = self.beginning(weight.init)
            self.weights[name] = len(self.nodes)
            self.nodes.append(_Node(f"{weight.ref.kind} {weight.shape} {init}", (*mask, *read)))
        return self.weights[name]

    def beginning(self, init: Init) -> tuple[str, tuple[Operand, ...]]:
        """What a weight begins with as text, and the weights and constants that it reads, which
        have numbers in the text.
        """
        weights = {weight.name for weight in self.step.weights}
        text, read = str(init), list[Operand]()
        for name in names_in(init):
            if name in weights or name in self.values:
                text = re.sub(rf"\b{name}\b", f"#{len(read)}", text)
                number = self.weight(name) if name in weights else self.values[name]
                read.append((1, number))
        return text, tuple(read)


def _uncancelled(terms: Sequence[Operand]) -> list[Operand]:
    """Terms without those that stand with both signs, as often as they do: `a - b + b` is `a`."""
    left: list[Operand] = []
    for sign, operand in terms:
        if (-sign, operand) in left:
            left.remove((-sign, operand))
        else:
            left.append((sign, operand))
    return left


@dataclass(slots=True)
class _Form:
    """All graphs of a cell in one, and its text.

    Attributes:
        labels: of each node, without names that the user chose.
        operands: of each node.  The operand of a lag is the state's new value; those of a value of
            the layer below are its values in the possible layers.
        any_order: of each node, whether the order of its operands does not matter.
        colours: of each node that the roots need; symmetric nodes share one.
        told_apart: likewise, and no two nodes share one.
        numbers: of each node in the text.
    """

    labels: list[str] = field(default_factory=list)
    operands: list[tuple[Operand, ...]] = field(default_factory=list)
    any_order: list[bool] = field(default_factory=list)
    colours: dict[int, str] = field(default_factory=dict)
    told_apart: dict[int, str] = field(default_factory=dict)
    numbers: dict[int, int] = field(default_factory=dict)

    def append(
        self,
        graph: _Graph,
        layers_below: Sequence[tuple[_Graph, int]],
        initial: Mapping[str, object],
    ) -> None:
        """Add a graph; its node k becomes node `start + k` here.

        Args:
            layers_below: possible graphs of the layer below, each with its start.
            initial: the initial value of each state.
        """
        start = len(self.labels)
        lagged = {number: name for name, number in graph.lags.items()}
        for number, node in enumerate(graph.nodes):
            label, operands = _in_form(node, start, layers_below)
            if number in lagged:
                # This closes the circle from h over h[t-1] to h.  There is no end to begin hashing
                # at, hence colours.
                state = lagged[number]
                label, operands = f"lag {initial[state]}", ((1, start + graph.values[state]),)
            self.labels.append(label)
            self.operands.append(operands)
            self.any_order.append(node.any_order)

    def refine(self, roots: Sequence[int]) -> None:
        """Refine the colours of all nodes that the roots need until no class of nodes splits."""
        nodes = self._needed(roots)
        readers = self._readers(nodes)
        colours = self._stable({node: _hashed(self.labels[node]) for node in nodes}, readers)
        self.colours = colours
        while tied := _tied(colours):
            choices = [
                self._stable({**colours, node: _hashed(colours[node], "first")}, readers)
                for node in tied
            ]
            # where two are alike in this, the nodes are symmetric, and either will do
            colours = min(choices, key=lambda refined: sorted(refined.values()))
        self.told_apart = colours

    def _stable(self, colours: dict[int, str], readers: Mapping[int, Readers]) -> dict[int, str]:
        """Colours, refined until no class of nodes splits."""
        # a colour holds the one before it, so that classes split and never merge: as many as before
        # are the same as before
        classes = 0
        while len(set(colours.values())) > classes:
            classes = len(set(colours.values()))
            colours = {node: self._refined(node, readers[node], colours) for node in colours}
        return colours

    def _needed(self, roots: Sequence[int]) -> list[int]:
        """The nodes that the roots need; a sum whose terms became those of another sum is not among
        them.
        """
        needed: dict[int, None] = {}
        todo = list(roots)
        while todo:
            node = todo.pop()
            if node not in needed:
                needed[node] = None
                todo += [operand for _, operand in self.operands[node]]
        return list(needed)

    def _readers(self, nodes: Sequence[int]) -> dict[int, Readers]:
        readers: dict[int, Readers] = {node: [] for node in nodes}
        for node in nodes:
            for position, (sign, operand) in enumerate(self.operands[node]):
                readers[operand].append((node, 0 if self.any_order[node] else position, sign))
        return readers

    def _refined(self, number: int, readers: Readers, colours: Mapping[int, str]) -> str:
        operands = [f"{sign} {colours[operand]}" for sign, operand in self.operands[number]]
        if self.any_order[number]:
            operands.sort()
        read_by = sorted(
            f"{colours[reader]} {position} {sign}" for reader, position, sign in readers
        )
        return _hashed(colours[number], *operands, "read by", *read_by)

    def text(self, roots: Sequence[int]) -> str:
        """One line per node, numbered from the roots on."""
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
            operands.sort(key=self._place)
        return operands

    def _place(self, operand: Operand) -> tuple[int, str, str]:
        """By what operands that commute are ordered."""
        sign, node = operand
        return sign, self.colours[node], self.told_apart[node]

    def _line(self, label: str, operands: Iterable[Operand]) -> str:
        minus = {1: "", -1: "-"}
        return " ".join([label, *(f"{minus[sign]}{self.numbers[node]}" for sign, node in operands)])


def _in_form(
    node: _Node, start: int, layers_below: Sequence[tuple[_Graph, int]]
) -> tuple[str, tuple[Operand, ...]]:
    """The label and the operands of a node in a form; the value of the layer below loses its name
    and gets operands.
    """
    kind, _, name = node.label.partition(" ")
    if kind == "below":
        return kind, tuple(
            (1, start_below + graph.values[name]) for graph, start_below in layers_below
        )
    return node.label, tuple((sign, start + operand) for sign, operand in node.operands)


def _tied(colours: Mapping[int, str]) -> list[int]:
    """The nodes of the first colour that several nodes have."""
    classes: dict[str, list[int]] = {}
    for node, colour in colours.items():
        classes.setdefault(colour, []).append(node)
    return next((classes[colour] for colour in sorted(classes) if len(classes[colour]) > 1), [])


def canonical_text(cell: ir.Cell, cancels: bool = True) -> str:
    """The text of a cell's computation, independent of its spelling.

    Args:
        cancels: False for the form that was before terms of both signs were left out.
    """
    options = "".join(f"{name} {value!r}\n" for name, value in sorted(cell.options.items()))
    steps = [cell.step]
    text = _text(cell, steps, cancels)
    # a first layer of its own that computes the same is none
    if cell.first != cell.step and text != _text(cell, [cell.first], cancels):
        steps = [cell.step, cell.first]
        text = _text(cell, steps, cancels)
    return f"{options}{len(steps)} steps\n{text}"


def _text(cell: ir.Cell, steps: Sequence[ir.Step], cancels: bool) -> str:
    """The text of steps, each of which may be that of the layer below."""
    initial = {state.name: state.initial for state in cell.states}
    graphs = [_Graph.of(cell, step, cancels) for step in steps]
    starts = [0, *accumulate(len(graph.nodes) for graph in graphs)][: len(graphs)]
    form = _Form()
    for graph in graphs:
        form.append(graph, list(zip(graphs, starts)), initial)
    outputs = [start + graph.values[cell.output] for graph, start in zip(graphs, starts)]
    form.refine(outputs)
    return form.text(outputs)


def canonical_hash(cell: ir.Cell, cancels: bool = True) -> str:
    """SHA-256 of the canonical text: equal for cells with the same computation and the same
    initialisers.

    Unlike `text.digest`, it does not depend on how the cell is spelt.

    Args:
        cancels: see `canonical_text`.
    """
    return hashlib.sha256(
        f"{canonical_text(cell, cancels)}{operations.code(cell)}".encode()
    ).hexdigest()


def _hashed(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode()).hexdigest()
