"""The step of a cell as a graph of the nodes to draw.

In: a cell.  Out: a `Graph`.  Every operation of the IR belongs to exactly one node.  A sum of
weights times values, together with the activation around it, is one layer: the yellow box of
"Understanding LSTM Networks" (Olah 2015).  The matrix products of a layer read joined lines; each
peephole reads a line of its own.  All other operations are pointwise nodes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, filterfalse
from typing import Literal

from rnnzoo.lang import ir
from rnnzoo.lang.carriers import as_written, carriers
from rnnzoo.lang.greek import greek
from rnnzoo.lang.primitives import (
    Elementwise,
    OfMatrices,
    OverUnits,
    Primitive,
    add,
    div,
    is_one_head,
    mul,
    sub,
)
from rnnzoo.lang.primitives.base import PRODUCT
from rnnzoo.lang.text import number
from rnnzoo.lang.unicode import without_time

NodeKind = Literal["input", "state", "constant", "layer", "pointwise"]
BELOW = "below"  # an input that is a value of the layer below
LINEAR = "lin"  # the label of a layer without an activation
# references whose value changes from step to step
_VARYING = ("input", "time", "value", "previous", "below")


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the picture.

    Attributes:
        label: the text on the node; for an input, its origin where that is not obvious, or its
            step where that is an earlier one: `t-3`.
        name: the name of an input, of a state at the previous step, or of the equation whose value
            this node computes; empty for all other nodes.
        operands: nodes that are read through a separate line each.
        joined: for a layer, the nodes whose lines are joined for its matrix products.
        covers: the number of IR operations that this node represents.
        equation: the equation that contains the node; empty for inputs and states.
        timeless: whether it computes the value of an equation of weights and constants alone.
    """

    kind: NodeKind
    label: str
    name: str = ""
    operands: tuple[int, ...] = ()
    joined: tuple[int, ...] = ()
    covers: int = 0
    equation: str = ""
    timeless: bool = False

    @property
    def reads(self) -> tuple[int, ...]:
        return (*self.joined, *self.operands)


@dataclass(frozen=True, slots=True)
class Graph:
    """A step as nodes in topological order: operands come before the nodes that read them.

    Attributes:
        values: the node that computes each equation, by name.
        states: the node of each state at the previous step, by name, in the cell's order.  The new
            state is in `values`.
        output: the name of the cell's output.
    """

    nodes: tuple[Node, ...]
    values: Mapping[str, int]
    states: Mapping[str, int]
    output: str

    def readers(self, number: int) -> list[int]:
        """The nodes that read node `number`."""
        return [reader for reader, node in enumerate(self.nodes) if number in node.reads]


def graph(cell: ir.Cell, layer: int = 2) -> Graph:
    """The graph of one step of a cell in layer `layer` of a stack, counted from 1."""
    builder = _Builder(timeless=ir.timeless_names(cell.layer(layer)))
    step = as_written(cell.layer(layer))  # values of several steps back come in from outside
    carried = carriers(cell.layer(layer))
    names = [state.name for state in cell.states if state.name not in carried]
    for name in names:
        builder.source("state", "previous", name)
    for equation in step.equations:
        builder.values[equation.name] = builder.equation(equation)
    states = {name: builder.sources["previous", name] for name in names}
    return _without_unused(Graph(tuple(builder.nodes), builder.values, states, cell.output))


def _without_unused(graph: Graph) -> Graph:
    """The graph without states that no node reads, its nodes renumbered."""
    used = set(graph.values.values()).union(*(node.reads for node in graph.nodes))
    kept = sorted(used)
    new_numbers = {number: position for position, number in enumerate(kept)}

    def renumbered(numbers: Sequence[int]) -> tuple[int, ...]:
        return tuple(new_numbers[number] for number in numbers)

    nodes = [graph.nodes[number] for number in kept]
    nodes = [
        replace(node, operands=renumbered(node.operands), joined=renumbered(node.joined))
        for node in nodes
    ]
    values = {name: new_numbers[number] for name, number in graph.values.items()}
    states = {name: new_numbers[number] for name, number in graph.states.items() if number in used}
    return Graph(tuple(nodes), values, states, graph.output)


@dataclass(slots=True)
class _Builder:
    timeless: Collection[str]
    nodes: list[Node] = field(default_factory=list)
    sources: dict[tuple[str, str], int] = field(default_factory=dict)
    values: dict[str, int] = field(default_factory=dict)
    current: str = ""  # the equation that the builder is in

    def add(self, node: Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1

    def source(self, kind: NodeKind, group: str, name: str, label: str = "") -> int:
        if (group, name) not in self.sources:
            self.sources[group, name] = self.add(Node(kind, label, name))
        return self.sources[group, name]

    def equation(self, equation: ir.Equation) -> int:
        self.current = equation.name
        is_timeless = equation.name in self.timeless
        if _fixed(equation.expr):
            text, covers = _fixed_text(equation.expr), _count(equation.expr)
            return self.add(
                Node(
                    "constant", text, equation.name, covers=covers, equation=equation.name,
                    timeless=is_timeless,
                )
            )  # fmt: skip
        number = self.expression(equation.expr)
        node = self.nodes[number]
        if node.equation == equation.name and not node.name:
            self.nodes[number] = replace(node, name=equation.name, timeless=is_timeless)
        return number

    def expression(self, expr: ir.Expr) -> int:
        match expr:
            case ir.Ref(kind="input", name=name):
                return self.source("input", "input", name)
            case ir.Ref(kind="time", name=name):
                return self.source("input", "time", name)
            case ir.Ref(kind="below", name=name):
                return self.source("input", "below", name, BELOW)
            case ir.Ref(kind="previous", name=name, steps=1):
                return self.source("state", "previous", name)
            case ir.Ref(kind="previous", name=name, steps=steps):
                return self.source("input", f"t-{steps}", name, f"t\N{MINUS SIGN}{steps}")
            case ir.Ref(kind="value", name=name):
                return self.values[name]
            case ir.Apply(op=op, args=(argument,)) if not op.symbol:
                affine = _affine(argument)
                if affine is not None:
                    return self.layer(affine, _label(op), 1 + _additions(argument))
                return self.pointwise(op, (argument,))
            case ir.Apply(op=op, args=args):
                affine = _affine(expr)
                if affine is not None:
                    return self.layer(affine, LINEAR, _additions(expr))
                if op.signs:
                    return self.sum(expr)
                return self.pointwise(op, args)
        # fixed parts are in their operation's label
        raise AssertionError(f"nothing is drawn for {expr}")

    def layer(self, affine: _Affine, label: str, outer: int) -> int:
        """Add a layer; `outer` is the number of operations outside of its terms."""
        joined = _distinct(self.expression(operand) for operand in affine.products)
        peepholes = _distinct(self.expression(operand) for operand in affine.peepholes)
        separate = tuple(number for number in peepholes if number not in joined)
        covers = affine.covers + outer
        return self.add(Node("layer", label, "", separate, joined, covers, self.current))

    def sum(self, expr: ir.Apply) -> int:
        """Add a sum: its trained terms become a layer, to which the other terms are added."""
        terms = list(ir.terms(expr))
        in_layer = [positive and (_trained(term) or _fixed(term)) for term, positive in terms]
        layer_terms = [term for (term, _), inside in zip(terms, in_layer) if inside]
        if not any(map(_trained, layer_terms)):
            return self.pointwise(expr.op, expr.args)
        total = self.layer(_affine_of(layer_terms), LINEAR, len(layer_terms) - 1)
        for (term, positive), inside in zip(terms, in_layer):
            if not inside:
                total = self.operation(add if positive else sub, total, term)
        return total

    def operation(self, op: Primitive, left: int, right: ir.Expr) -> int:
        """Add an operation whose left operand is a node already; a fixed right operand goes into
        the label.
        """
        label, covers = _label(op), 1
        operands: tuple[int, ...] = (left,)
        if _fixed(right):
            label, covers = f"{label} {_enclosed(op, right)}", 1 + _count(right)
        else:
            operands = (left, self.expression(right))
        return self.add(
            Node("pointwise", label, "", operands, covers=covers, equation=self.current)
        )

    def pointwise(self, op: Primitive, args: Sequence[ir.Expr]) -> int:
        """Add an operation; fixed operands go into its label."""
        operands = tuple(self.expression(argument) for argument in args if not _fixed(argument))
        covers = 1 + sum(_count(argument) for argument in args if _fixed(argument))
        label = _pointwise_label(op, args)
        return self.add(
            Node("pointwise", label, "", operands, covers=covers, equation=self.current)
        )


def _pointwise_label(op: Primitive, args: Sequence[ir.Expr]) -> str:
    sign = _label(op)
    if isinstance(op, OfMatrices):
        args = args[:-1] if is_one_head(args[-1]) else args
    if not any(map(_fixed, args)):
        return sign
    texts = list(map(_operand_text, args))
    if isinstance(op, OverUnits | OfMatrices):
        return f"{sign} ({', '.join(filter(None, texts))})"
    if len(args) == 2:
        left, right = (_enclosed(op, arg) for arg in args)
        if op in (mul, add) and left:
            return f"{sign} {left}"
        if op is sub and left == "1":
            return f"1{sign}"
        return f"{left} {sign} {right}".strip()
    return f"{sign}({', '.join(text or '·' for text in texts)})"


def _operand_text(expr: ir.Expr) -> str:
    """A fixed operand as text; empty for one that has a line."""
    return _fixed_text(expr) if _fixed(expr) else ""


def _enclosed(op: Primitive, operand: ir.Expr) -> str:
    """An operand of an infix operation as text, in brackets where it binds weaker; empty for one
    that has a line.
    """
    text = _operand_text(operand)
    if not text or not op.symbol or not isinstance(operand, ir.Apply) or not operand.op.symbol:
        return text
    assert isinstance(op, Elementwise)
    binds = operand.op.binds if isinstance(operand.op, Elementwise) else PRODUCT
    return f"({text})" if binds < op.binds + (op in (sub, div)) else text


def _label(op: Primitive) -> str:
    return op.label or op.symbol or op.name


def _distinct(numbers: Iterator[int]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(numbers))


def _fixed(expr: ir.Expr) -> bool:
    """Whether an expression is the same at every step: numbers, options, constants, weights."""
    references = [part for part in ir.walk(expr) if isinstance(part, ir.Ref)]
    return not any(reference.kind in _VARYING for reference in references)


def _fixed_text(expr: ir.Expr) -> str:
    match expr:
        case ir.Number(value=value):
            return number(value)
        case ir.Ref(name=name):
            return greek(name)
    return without_time(expr)


def _count(expr: ir.Expr) -> int:
    """The number of operations in an expression."""
    return sum(isinstance(part, ir.Apply) for part in ir.walk(expr))


def _additions(expr: ir.Expr) -> int:
    return len(list(ir.terms(expr))) - 1


# -- affine expressions


@dataclass(frozen=True, slots=True)
class _Affine:
    products: tuple[ir.Expr, ...]  # values that matrices multiply
    peepholes: tuple[ir.Expr, ...]  # values that vectors of weights multiply
    covers: int  # operations inside the terms


def _affine(expr: ir.Expr) -> _Affine | None:
    """The parts of a sum of trained and fixed terms, at least one of them trained; None for any
    other expression.
    """
    terms = [term for term, _ in ir.terms(expr)]
    if not all(_trained(term) or _fixed(term) for term in terms) or not any(map(_trained, terms)):
        return None
    return _affine_of(terms)


def _affine_of(terms: Sequence[ir.Expr]) -> _Affine:
    factors = [factor for term in terms if (factor := _factor(term)) is not None]
    multiplied = [ir.joined(value) for value, is_matrix in factors if is_matrix]
    products = tuple(filterfalse(_fixed, chain.from_iterable(multiplied)))
    peepholes = tuple(value for value, is_matrix in factors if not is_matrix)
    covers = sum(map(_count, terms)) - sum(map(_count, (*products, *peepholes)))
    return _Affine(products, peepholes, covers)


def _trained(expr: ir.Expr) -> bool:
    """Whether a term is a product of weights and a value."""
    return _factor(expr) is not None


def _factor(expr: ir.Expr) -> tuple[ir.Expr, bool] | None:
    """The value that weights multiply, and whether the weights are a matrix; None if a term has no
    weights.

    A fixed factor may scale the product.
    """
    match expr:
        case ir.Apply(op=op, args=(_, value)) if op.is_product and not _fixed(value):
            return value, True
        case ir.Apply(op=op, args=(left, right)) if op is mul:
            return _scaled(left, right) or _scaled(right, left)
    return None


def _scaled(scale: ir.Expr, value: ir.Expr) -> tuple[ir.Expr, bool] | None:
    """`_factor` of `scale * value`."""
    if _fixed(value) or not _fixed(scale):
        return None
    inner = _factor(value)
    if inner is None and isinstance(scale, ir.Ref) and scale.kind in ir.WEIGHTS:
        return value, False
    return inner
