"""IR -> what is drawn: layers with trained weights, pointwise operations, and the lines between them.

In: the step of a cell.  Out: a `Graph`, in which every operation of the IR stands in exactly one node.  A sum of weights
times values, with the activation around it, is one layer: the yellow box of "Understanding LSTM Networks" (Olah 2015); its
matrix products read lines that were put side by side, its peepholes read theirs alone.  What is left is pointwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from rnnzoo.lang import ir
from rnnzoo.lang.primitives import Primitive, add, mul, sub
from rnnzoo.lang.text import expression, number

NodeKind = Literal["input", "state", "constant", "layer", "pointwise"]
BELOW = "below"  # an input that is a value of the layer below
LINEAR = "lin"  # a layer without an activation


@dataclass(frozen=True, slots=True)
class Node:
    """One thing that is drawn.

    Attributes:
        label: the sign on it; of an input, where it comes from if it needs saying.
        name: of an input, of a state of the step before, or of the equation whose value this is; else empty.
        operands: nodes of which one line each leads here.
        joined: of a layer, the nodes whose lines are put side by side for its matrix products.
        covers: how many operations of the IR this node stands for.
        equation: the equation that it is part of; empty for inputs and states.
    """

    kind: NodeKind
    label: str
    name: str = ""
    operands: tuple[int, ...] = ()
    joined: tuple[int, ...] = ()
    covers: int = 0
    equation: str = ""

    @property
    def reads(self) -> tuple[int, ...]:
        return (*self.joined, *self.operands)


@dataclass(frozen=True, slots=True)
class Graph:
    """A step as nodes; an operand stands before the nodes that read it.

    Attributes:
        values: the node of every equation's value.
        states: the node at which a state enters, by name, in the cell's order; the value that leaves is in `values`.
        output: the name of what the cell yields.
    """

    nodes: tuple[Node, ...]
    values: Mapping[str, int]
    states: Mapping[str, int]
    output: str

    def readers(self, node: int) -> list[int]:
        return [number for number, one in enumerate(self.nodes) if node in one.reads]


def graph(cell: ir.Cell, layer: int = 2) -> Graph:
    """What is drawn of a cell: of layer `layer`, from 1."""
    builder = _Builder()
    step = cell.layer(layer)
    for state in cell.states:
        builder.source("state", "previous", state.name)
    for one in step.equations:
        builder.values[one.name] = builder.equation(one)
    states = {state.name: builder.sources["previous", state.name] for state in cell.states}
    return _without_unused(Graph(tuple(builder.nodes), builder.values, states, cell.output))


def _without_unused(found: Graph) -> Graph:
    """Only states that somebody reads enter; the numbers close up."""
    used = {number for node in found.nodes for number in node.reads} | set(found.values.values())
    kept = [number for number, node in enumerate(found.nodes) if number in used]
    new = {old: at for at, old in enumerate(kept)}

    def moved(numbers: Sequence[int]) -> tuple[int, ...]:
        return tuple(new[number] for number in numbers)

    nodes = tuple(
        replace(one, operands=moved(one.operands), joined=moved(one.joined))
        for one in (found.nodes[number] for number in kept)
    )
    values = {name: new[at] for name, at in found.values.items()}
    return Graph(nodes, values, {name: new[at] for name, at in found.states.items() if at in new}, found.output)


@dataclass(slots=True)
class _Builder:
    nodes: list[Node] = field(default_factory=list)
    sources: dict[tuple[str, str], int] = field(default_factory=dict)
    values: dict[str, int] = field(default_factory=dict)
    inside: str = ""  # the equation that is read

    def add(self, node: Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1

    def source(self, kind: NodeKind, group: str, name: str, label: str = "") -> int:
        if (group, name) not in self.sources:
            self.sources[group, name] = self.add(Node(kind, label, name))
        return self.sources[group, name]

    def equation(self, one: ir.Equation) -> int:
        self.inside = one.name
        if _fixed(one.expr):
            text, covers = _fixed_text(one.expr), _count(one.expr)
            return self.add(Node("constant", text, one.name, covers=covers, equation=one.name))
        at = self.expression(one.expr)
        node = self.nodes[at]
        if node.equation == one.name and not node.name:
            self.nodes[at] = replace(node, name=one.name)
        return at

    def expression(self, expr: ir.Expr) -> int:
        match expr:
            case ir.Ref(kind="input", name=name):
                return self.source("input", "input", name)
            case ir.Ref(kind="time", name=name):
                return self.source("input", "time", name)
            case ir.Ref(kind="below", name=name):
                return self.source("input", "below", name, BELOW)
            case ir.Ref(kind="previous", name=name):
                return self.source("state", "previous", name)
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
        raise AssertionError(f"nothing is drawn for {expr}")  # what is fixed was taken into its operation

    def layer(self, affine: _Affine, label: str, around: int) -> int:
        """A layer; `around`: the operations besides those within its terms."""
        joined = _once(self.expression(one) for one in affine.products)
        peepholes = _once(self.expression(one) for one in affine.peepholes)
        return self.add(
            Node("layer", label, "", tuple(one for one in peepholes if one not in joined), joined,
                 affine.covers + around, self.inside)
        )  # fmt: skip

    def sum(self, expr: ir.Apply) -> int:
        """A sum with trained terms among others: the trained ones are a layer, to which the others are added."""
        terms = list(ir.terms(expr))
        inside = [positive and (_trained(one) or _fixed(one)) for one, positive in terms]
        gathered = [one for (one, _), within in zip(terms, inside) if within]
        if not any(map(_trained, gathered)):
            return self.pointwise(expr.op, expr.args)
        at = self.layer(_gathered(gathered), LINEAR, len(gathered) - 1)
        for (term, positive), within in zip(terms, inside):
            if not within:
                at = self.operation(add if positive else sub, at, term)
        return at

    def operation(self, op: Primitive, left: int, right: ir.Expr) -> int:
        if _fixed(right):
            return self.add(Node("pointwise", f"{_label(op)} {_fixed_text(right)}", "", (left,), covers=1 + _count(right),
                                 equation=self.inside))  # fmt: skip
        return self.add(
            Node("pointwise", _label(op), "", (left, self.expression(right)), covers=1, equation=self.inside)
        )

    def pointwise(self, op: Primitive, args: Sequence[ir.Expr]) -> int:
        """An operation; operands that are the same at every step stand in its label."""
        fixed = [one for one in args if _fixed(one)]
        operands = tuple(self.expression(one) for one in args if not _fixed(one))
        covers = 1 + sum(map(_count, fixed))
        return self.add(
            Node("pointwise", _pointwise_label(op, args), "", operands, covers=covers, equation=self.inside)
        )


def _pointwise_label(op: Primitive, args: Sequence[ir.Expr]) -> str:
    sign = _label(op)
    if not any(map(_fixed, args)):
        return sign
    texts = [_fixed_text(one) if _fixed(one) else "" for one in args]
    if len(args) == 2:
        left, right = texts
        if op in (mul, add) and left:
            return f"{sign} {left}"
        return f"1{sign}" if op is sub and left == "1" else f"{left} {sign} {right}".strip()
    return f"{sign}({', '.join(text or '·' for text in texts)})"


def _label(op: Primitive) -> str:
    return op.label or op.symbol or op.name


def _once(numbers: Iterator[int]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(numbers))


def _fixed(expr: ir.Expr) -> bool:
    """Whether an expression is the same at every step: numbers, options, constants, weights."""
    return not any(
        isinstance(one, ir.Ref) and one.kind in ("input", "time", "value", "previous", "below") for one in ir.walk(expr)
    )


def _fixed_text(expr: ir.Expr) -> str:
    match expr:
        case ir.Number(value=value):
            return number(value)
        case ir.Ref(name=name):
            return name
    return expression(expr)


def _count(expr: ir.Expr) -> int:
    """How many operations an expression has."""
    return sum(isinstance(one, ir.Apply) for one in ir.walk(expr))


def _additions(expr: ir.Expr) -> int:
    return sum(1 for _ in ir.terms(expr)) - 1


# -- what a layer is


@dataclass(frozen=True, slots=True)
class _Affine:
    products: tuple[ir.Expr, ...]  # operands of its matrices
    peepholes: tuple[ir.Expr, ...]  # operands of its vectors of weights
    covers: int  # operations within its terms


def _affine(expr: ir.Expr) -> _Affine | None:
    """A sum of nothing but trained terms and biases, one of them trained; None for anything else."""
    terms = [one for one, _ in ir.terms(expr)]
    if not all(_trained(one) or _fixed(one) for one in terms) or not any(map(_trained, terms)):
        return None
    return _gathered(terms)


def _gathered(terms: Sequence[ir.Expr]) -> _Affine:
    inner = [found for one in terms if (found := _factor(one)) is not None]
    products = tuple(value for value, matrix in inner if matrix)
    peepholes = tuple(value for value, matrix in inner if not matrix)
    covers = sum(map(_count, terms)) - sum(map(_count, (*products, *peepholes)))
    return _Affine(products, peepholes, covers)


def _trained(expr: ir.Expr) -> bool:
    """Whether a term is weights times a value."""
    return _factor(expr) is not None


def _factor(expr: ir.Expr) -> tuple[ir.Expr, bool] | None:
    """The value that weights multiply, and whether they are a matrix; a number may scale them.  Else None."""
    match expr:
        case ir.Apply(op=op, args=(_, value)) if op.is_product and not _fixed(value):
            return value, True
        case ir.Apply(op=op, args=(left, right)) if op is mul:
            return _scaled(left, right) or _scaled(right, left)
    return None


def _scaled(scale: ir.Expr, value: ir.Expr) -> tuple[ir.Expr, bool] | None:
    """The same of `scale * value`."""
    if _fixed(value) or not _fixed(scale):
        return None
    inner = _factor(value)
    if inner is None and isinstance(scale, ir.Ref) and scale.kind == "weight":
        return value, False
    return inner
