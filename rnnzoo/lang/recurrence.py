"""The kind of each recurrence of a cell, proved from its equations.

In: the step of a cell.  Out: its states in groups that need each other, each with its kind, what a
group needs before it.  A group of states is a strongly connected component of "the next value of
one needs the previous value of the other".

How a group's next values depend on its previous ones has two sides.  They are linear in them, or
not: here an affine function, `f * c[t-1] + i * z`, is called linear, and what f and z are is known
before.  And a unit reads only itself, or units of its own block, or all of them.  Primitives say
what they are linear in (`Primitive.is_linear`); one that works element by element leaves units
apart, a product joins those that its mask leaves joined, and everything else joins all.

A proof goes one way.  A group that is called linear, or of units apart, is so for all weights; one
that is called otherwise might be simpler than it is written, as `h[t-1] - h[t-1]` is.

Source: scans of linear recurrences: Blelloch 1990, "Prefix sums and their applications"; Martin and
Cundy 2018.  Newton's method for nonlinear ones: Lim et al. 2024 (DEER).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from rnnzoo.errors import listed
from rnnzoo.lang import ir
from rnnzoo.lang.carriers import in_short
from rnnzoo.lang.passes import apart
from rnnzoo.lang.primitives import (
    Elementwise,
    OfMatrices,
    Primitive,
    columns_scaled,
    equal,
    is_one_head,
    outer_product,
    rows_scaled,
    times,
    times_turned,
    transposed,
)

Coupling = Literal[
    "none",  # the next value of a state needs no state of its group
    "unit",  # unit i reads unit i
    "block",  # a unit reads the units of its block
    "all",
]
_AMONG: Mapping[Coupling, str] = {
    "unit": "unit by unit", "block": "block by block", "all": "all units together",
}  # fmt: skip
SCANNED = "can be scanned in O(log T)"


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A group of states that need each other, and how.

    Attributes:
        states: in the order of the cell.
        coupling: which units of the previous values a unit of the next ones reads.
        is_linear: whether it is linear in them, but for a constant.
    """

    states: tuple[str, ...]
    coupling: Coupling
    is_linear: bool

    @property
    def kind(self) -> str:
        """`delay`, or `linear` or `nonlinear` with `diagonal`, `block` or `dense`.

        What maps the previous values of a group to its next ones, or the Jacobian of that, is a
        diagonal, small blocks along it, or a full matrix.
        """
        if self.coupling == "none":
            return "delay"
        degree = "linear" if self.is_linear else "nonlinear"
        if self.coupling == "all":
            return f"{degree} dense"
        is_diagonal = self.coupling == "unit" and len(self.states) == 1
        return f"{degree} diagonal" if is_diagonal else f"{degree} block"

    @property
    def needs_loop(self) -> bool:
        """Whether nothing is known that computes its steps otherwise than one after another."""
        return self.coupling == "all" and not self.is_linear

    @property
    def form(self) -> str:
        """What the kind is, for people: `linear in c, unit by unit`."""
        names = listed(in_short(self.states))
        if self.coupling == "none":
            return f"delay in {names}, which only the next step reads"
        degree = "linear" if self.is_linear else "nonlinear"
        together = " together" if len(self.states) > 1 else ""
        return f"{degree} in {names}{together}, {_AMONG[self.coupling]}"

    @property
    def about(self) -> str:
        """A line for people: what the kind is, and how its steps can be computed, by whatever
        engine.
        """
        return f"{self.form}: {self._computed()}"

    def _computed(self) -> str:
        """How the steps of a group can be computed."""
        if self.coupling == "none":
            return "needs no loop"
        if self.is_linear:
            return SCANNED + (", of whole matrices" if self.coupling == "all" else "")
        loop = "one step after another"
        return loop if self.needs_loop else f"{loop}, or by Newton's method"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        return {"states": list(self.states), "kind": self.kind, "about": self.about}


def lines(recurrences: Sequence[Recurrence]) -> list[str]:
    """A line for each group; one for all delays."""
    delayed = [group for group in recurrences if group.coupling == "none"]
    others = [group for group in recurrences if group.coupling != "none"]
    names = [name for group in delayed for name in group.states]
    together = [Recurrence(tuple(names), "none", True)] if names else []
    return [group.about for group in (*together, *others)]


def recurrences(step: ir.Step, states: Sequence[ir.State]) -> tuple[Recurrence, ...]:
    """The groups of a step's states, each after those whose values it needs."""
    step = apart(step)
    names = [state.name for state in states]
    needs = _needs(step, names)
    groups: dict[frozenset[str], None] = {}
    # what needs more stands later; of a state and a copy of it, which need the same, the copy
    for name in sorted(names, key=lambda name: (len(needs[name]), name not in needs[name])):
        mutual = {other for other in needs[name] if name in needs[other]}
        groups[frozenset(mutual | {name})] = None
    masks = {weight.name: weight.mask for weight in step.weights}
    kinds = []
    for group in groups:
        ordered = tuple(name for name in names if name in group)
        if ordered[0] in needs[ordered[0]]:
            kinds.append(_recurrence(step, ordered, masks))
        else:
            kinds.append(Recurrence(ordered, "none", is_linear=True))
    return tuple(kinds)


def _needs(step: ir.Step, states: Sequence[str]) -> dict[str, set[str]]:
    """The states whose previous values the next value of each needs, in one step or in several."""
    of_equation: dict[str, set[str]] = {}
    for equation in step.equations:  # in order: what an equation needs stands before it
        read = {ref.name for ref in ir.refs(equation.expr, "previous")}
        for ref in ir.refs(equation.expr, "value"):
            read |= of_equation[ref.name]
        of_equation[equation.name] = read
    needs = {name: set(of_equation[name]) for name in states}
    for between in states:
        for name in states:
            if between in needs[name]:
                needs[name] |= needs[between]
    return needs


# -- kinds

_ALL = "all"
# What the entries of a matrix, and the units of a vector, are joined by where an operand depends on
# the group, by its position: entries of a row with one unit, or those of a column.  A vector that a
# matrix multiplies is read as a whole, within each head.
_ROWS, _COLUMNS, _APART = "rows", "columns", "apart"
_ALONG: Mapping[Primitive, Mapping[int, str]] = {
    outer_product: {0: _ROWS, 1: _COLUMNS},
    times: {0: _ROWS},
    times_turned: {0: _COLUMNS},
    rows_scaled: {0: _ROWS, 1: _APART},
    columns_scaled: {0: _APART, 1: _COLUMNS},
}
_Joins = frozenset[Any]  # what units are joined by: of blocks, or `_ALL`


@dataclass(frozen=True, slots=True)
class _Dependence:
    """How a value depends on the previous values of a group: not at all, by default.

    Attributes:
        joins: by what products a unit of the value reads other units: for each, an expression of
            the number of the unit that has one value in each block, or `_ALL`.
    """

    depends: bool = False
    is_linear: bool = True
    joins: _Joins = frozenset()


def _recurrence(
    step: ir.Step, group: tuple[str, ...], masks: Mapping[str, ir.Expr | None]
) -> Recurrence:
    """A group whose next values need its previous ones."""
    reader = _Reader(group, masks)
    for equation in step.equations:
        reader.values[equation.name] = reader.of(equation.expr)
    ends = [reader.values[name] for name in group]
    joins = frozenset[Any]().union(*(end.joins for end in ends))
    coupling: Coupling = "block" if joins else "unit"
    if _ALL in joins or len(joins) > 1:  # blocks of two kinds may join all
        coupling = "all"
    return Recurrence(group, coupling, all(end.is_linear for end in ends))


@dataclass(slots=True)
class _Reader:
    """Reads how expressions depend on a group; what other states were is known before."""

    group: Collection[str]
    masks: Mapping[str, ir.Expr | None]
    values: dict[str, _Dependence] = field(default_factory=dict)

    def of(self, expr: ir.Expr) -> _Dependence:
        match expr:
            case ir.Ref(kind="previous", name=name) if name in self.group:
                return _Dependence(depends=True)
            case ir.Ref(kind="value", name=name):
                return self.values[name]
            case ir.Apply(op=op, args=args):
                operands = [self.of(arg) for arg in args]
                moving = [position for position, operand in enumerate(operands) if operand.depends]
                if not moving:
                    return _Dependence()
                is_linear = all(operand.is_linear for operand in operands) and op.is_linear(moving)
                joins = frozenset[Any]().union(*(operand.joins for operand in operands))
                return _Dependence(True, is_linear, joins | self.joined(expr, moving))
        return _Dependence()

    def joined(self, applied: ir.Apply, moving: Collection[int]) -> _Joins:
        """What an operation joins units of its operands by, of which those at these positions
        depend on the group.
        """
        if isinstance(applied.op, Elementwise):
            return frozenset()
        if isinstance(applied.op, OfMatrices):
            joins = {
                _ALONG.get(applied.op, {}).get(position, _within(applied.args[-1]))
                for position in moving
            }
            return frozenset(joins - {_APART})
        if applied.op.over_units and ir.is_matrix(applied.shape):
            return frozenset({_ROWS})
        if applied.op.over_units and len(applied.args) != applied.op.arity:
            return frozenset({("groups", applied.args[-1])})
        matrix = applied.args[0]
        if isinstance(matrix, ir.Apply) and matrix.op is transposed:  # which has the same blocks
            (matrix,) = matrix.args
        if applied.op.is_product and isinstance(matrix, ir.Ref) and matrix.kind in ir.WEIGHTS:
            return frozenset(_blocks(self.masks.get(matrix.name)))
        return frozenset({_ALL})


def _within(heads: ir.Expr) -> Any:
    """What the units of each head are joined by; one head has all units."""
    return _ALL if is_one_head(heads) else ("groups", heads)


def _blocks(mask: ir.Expr | None) -> Iterator[ir.Expr | str]:
    """What a product with a matrix of this mask joins units by; nothing where it is diagonal.

    A mask `f(row) == f(col)` leaves the units of one value of f joined, and `row == col` none.
    """
    if isinstance(mask, ir.Apply) and mask.op is equal:
        of_rows, of_columns = mask.args
        if {*_axes(of_columns)} == {"row"}:
            of_rows, of_columns = of_columns, of_rows
        if _along(of_rows, "row", "col") == of_columns and {*_axes(of_rows)} == {"row"}:
            if not isinstance(of_rows, ir.Ref) or of_rows.name:
                yield of_rows
            return
    yield _ALL


def _axes(expr: ir.Expr) -> Iterator[str]:
    return (ref.kind for ref in ir.refs(expr, "row", "col"))


def _along(expr: ir.Expr, axis: ir.RefKind, other: ir.RefKind) -> ir.Expr:
    """An expression of one axis of a matrix, with the other in its place."""
    match expr:
        case ir.Ref(kind=kind, name=name, shape=shape) if kind == axis:
            return ir.Ref(other, name, shape)
        case ir.Apply(op=op, args=args, shape=shape):
            return ir.Apply(op, tuple(_along(arg, axis, other) for arg in args), shape)
    return expr
