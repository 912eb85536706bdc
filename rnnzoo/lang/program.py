"""Expressions -> a program: one operation a line, none twice, numbers folded.  What the engine compiles and differentiates.

In: the equations of a step.  Out: a `Program` in three parts by how often a line is computed: once (it reads weights and
constants only), for all steps at once (it does not depend on the step before), and in the time loop.  In an LSTM the second
part is one product `[W_i; W_f; W_o; W_g] @ x`, and the loop one product with the stacked recurrent matrices.

Contains: constant folding, common subexpressions, hoisting (by `passes.schedule`), and stacking (by `lang.widen`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from rnnzoo.lang import ir
from rnnzoo.lang.ops import OPS

Atom = ir.Number | ir.Ref
Lines = tuple[ir.Equation, ...]

# Operations that no user writes.  `stack` lays vectors (or the rows of matrices) side by side, `part` takes a run of them
# back, `matmul_t` is the product with a transposed matrix; `outer`, `sum` and `total` reduce an adjoint: over all steps and
# sequences to a matrix or a vector, and over units to a scalar.
REDUCTIONS = frozenset({"outer", "sum"})


class Scope(IntEnum):
    """How often a value is computed."""

    ONCE = 0  # weights and constants
    STEPS = 1  # for all steps at once
    LOOP = 2  # step after step


SCOPES: Mapping[ir.Kind, Scope] = {
    "input": Scope.STEPS, "below": Scope.STEPS, "drop": Scope.STEPS,
    "previous": Scope.LOOP, "time": Scope.LOOP, "adjoint": Scope.LOOP,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Program:
    """A step, line by line.

    Attributes:
        once, before, loop: lines of each scope, each after those that it needs.
        results: name of an equation -> where its value is.
    """

    once: Lines
    before: Lines
    loop: Lines
    results: Mapping[str, Atom]

    @property
    def lines(self) -> Lines:
        return (*self.once, *self.before, *self.loop)

    @property
    def sequences(self) -> tuple[ir.Ref, ...]:
        """What the loop reads row by row: values of `before`, x and values of the layer below."""
        there = {one.name for one in self.before}
        read = [*reads(self.loop), *(atom for atom in self.results.values() if isinstance(atom, ir.Ref))]
        inside = {one.name for one in self.loop}
        return tuple(
            ref
            for ref in dict.fromkeys(read)
            if ref.kind in ("input", "below") or (ref.kind == "value" and ref.name in there - inside)
        )


def atoms(expr: ir.Expr) -> tuple[Atom, ...]:
    """The operands of a line."""
    if isinstance(expr, ir.Apply):
        return tuple(arg for arg in expr.args if not isinstance(arg, ir.Apply))
    return (expr,)


def reads(lines: Iterable[ir.Equation]) -> Iterator[ir.Ref]:
    """Every name that the lines read."""
    for one in lines:
        yield from (atom for atom in atoms(one.expr) if isinstance(atom, ir.Ref))


def needed(lines: Sequence[ir.Equation], wanted: Iterable[Atom]) -> Lines:
    """The lines that the wanted values need, in their order."""
    names = {atom.name for atom in wanted if isinstance(atom, ir.Ref) and atom.kind == "value"}
    kept = []
    for one in reversed(lines):
        if one.name in names:
            kept.append(one)
            names |= {ref.name for ref in reads([one]) if ref.kind == "value"}
    return tuple(reversed(kept))


def scopes(lines: Iterable[ir.Equation]) -> dict[str, Scope]:
    """Name -> how often it is computed: as often as the most frequent of what it reads."""
    found: dict[str, Scope] = {}
    for one in lines:
        found[one.name] = line_scope(one, found)
    return found


def line_scope(one: ir.Equation, of_values: Mapping[str, Scope]) -> Scope:
    if isinstance(one.expr, ir.Apply) and one.expr.op in REDUCTIONS:
        return Scope.ONCE
    return max((scope_of(atom, of_values) for atom in atoms(one.expr)), default=Scope.ONCE)


def scope_of(atom: Atom, of_values: Mapping[str, Scope]) -> Scope:
    if isinstance(atom, ir.Number):
        return Scope.ONCE
    return of_values[atom.name] if atom.kind == "value" else SCOPES.get(atom.kind, Scope.ONCE)


@dataclass(slots=True)
class Builder:
    """Writes lines: an operation that is there already is not written again, and one on numbers becomes a number."""

    prefix: str = "$"
    lines: list[ir.Equation] = field(default_factory=list)
    known: dict[ir.Expr, ir.Ref] = field(default_factory=dict)
    definitions: dict[str, ir.Apply] = field(default_factory=dict)

    def flatten(self, expr: ir.Expr, names: Mapping[str, Atom], label: str = "") -> Atom:
        """Write an expression; `names` says where the values that it reads are."""
        if isinstance(expr, ir.Apply):
            return self.apply(expr.op, [self.flatten(arg, names) for arg in expr.args], label)
        if isinstance(expr, ir.Ref) and expr.kind == "value":
            return names[expr.name]
        return expr

    def apply(self, op: str, args: Sequence[Atom], label: str = "", shape: ir.Shape | None = None) -> Atom:
        """Write one operation on values that are there."""
        if op == "matmul" and not args[1].shape:
            return self._product_with_number(args[0], args[1], label)
        simpler = folded(op, args) if op in OPS else None
        if isinstance(simpler, ir.Number | ir.Ref):
            return simpler
        if simpler is not None:
            return self.apply(simpler.op, atoms(simpler), label)
        if op == "add" and (negative := self._negative(args[1])) is not None:
            return self.apply("sub", [args[0], negative], label)
        if op == "neg" and (twice := self._negative(args[0])) is not None:
            return twice
        expr = ir.Apply(op, tuple(args), _shape(op, args) if shape is None else shape)
        if expr not in self.known:
            name = label if label and label not in self.definitions else f"{self.prefix}{len(self.lines)}"
            self.lines.append(ir.Equation(name, expr, expr.shape[0] if expr.shape else 1))
            self.known[expr] = ir.Ref("value", name, expr.shape)
            self.definitions[name] = expr
        return self.known[expr]

    def _product_with_number(self, weight: Atom, number_for_all: Atom, label: str) -> Atom:
        """A matrix on a vector that is one number for all units, such as `t` or what `0 * x` is folded to: (W @ 1) * t."""
        if number_for_all == ir.Number(0.0):
            return number_for_all
        ones = ir.Number(1.0, weight.shape[1:])
        return self.apply("mul", [self.apply("matmul", [weight, ones]), number_for_all], label)

    def stack(self, parts: Sequence[Atom]) -> Atom:
        """Vectors side by side; parts of one wide value that lie so already are not laid again."""
        parts = self._joined(parts)
        if len(parts) == 1:
            return parts[0]
        sizes = tuple(size for one in parts for size in members(one.shape))
        return self.apply("stack", parts, shape=(sizes, *parts[0].shape[1:]))

    def _joined(self, parts: Sequence[Atom]) -> list[Atom]:
        """The same with neighbours that lie side by side in one wide value taken as one."""
        found: list[Atom] = []
        for one in parts:
            last, this = (self._part_of(found[-1]) if found else None), self._part_of(one)
            if last is not None and this is not None and last[0] == this[0] and this[1] == last[2] + 1:
                found[-1] = self.part(last[0], last[1], this[2])
            else:
                found.append(one)
        return found

    def part(self, wide: Atom, first: int, last: int) -> Atom:
        """Members `first` to `last` of a wide value."""
        sizes = members(wide.shape)
        if (first, last) == (0, len(sizes) - 1):
            return wide
        within = self._part_of(wide)
        if within is not None:
            whole, start, _ = within
            return self.part(whole, start + first, start + last)
        stacked = self.definition(wide)
        if stacked is not None and stacked.op == "stack":
            inner = atoms(stacked)
            if all(len(members(one.shape)) == 1 for one in inner):
                return self.stack(inner[first : last + 1])
        taken = sizes[first : last + 1]
        shape = (taken if len(taken) > 1 else taken[0], *wide.shape[1:])
        return self.apply("part", [wide, ir.Number(first), ir.Number(last)], shape=shape)

    def definition(self, atom: Atom) -> ir.Apply | None:
        return self.definitions.get(atom.name) if isinstance(atom, ir.Ref) and atom.kind == "value" else None

    def _part_of(self, atom: Atom) -> tuple[Atom, int, int] | None:
        line = self.definition(atom)
        if line is None or line.op != "part":
            return None
        whole, first, last = atoms(line)
        return whole, number(first), number(last)

    def _negative(self, atom: Atom) -> Atom | None:
        """What an atom is the negative of."""
        line = self.definition(atom)
        return atoms(line)[0] if line is not None and line.op == "neg" else None


def number(atom: Atom) -> int:
    """A position within a wide value."""
    assert isinstance(atom, ir.Number)
    return int(atom.value)


def places(stack: ir.Apply) -> Iterator[tuple[Atom, int, int]]:
    """What a stack lays side by side: each operand with its first and last member."""
    at = 0
    for arg in atoms(stack):
        last = at + len(members(arg.shape)) - 1
        yield arg, at, last
        at = last + 1


def extent(part: ir.Apply, size: ir.Sizes) -> tuple[int, int]:
    """Where a part of a wide value begins and ends, in numbers."""
    whole, first, last = atoms(part)
    sizes = [size.of(one) for one in members(whole.shape)]
    return sum(sizes[: number(first)]), sum(sizes[: number(last) + 1])


def members(shape: ir.Shape) -> tuple[ir.Size, ...]:
    """Sizes of the vectors that lie side by side in a value of this shape."""
    first = shape[0]
    return first if isinstance(first, tuple) else (first,)


def _shape(op: str, args: Sequence[Atom]) -> ir.Shape:
    if op == "matmul":
        return args[0].shape[:1]
    if op == "matmul_t":
        return args[0].shape[1:]
    return next((arg.shape for arg in args if arg.shape), ())


def folded(op: str, args: Sequence[ir.Expr]) -> ir.Expr | None:
    """The same with less work, or None."""
    if all(isinstance(arg, ir.Number) and not arg.shape for arg in args):
        with np.errstate(all="ignore"):
            return ir.Number(float(OPS[op].numpy(*(arg.value for arg in args if isinstance(arg, ir.Number)))))
    values = [arg.value if isinstance(arg, ir.Number) else None for arg in args]
    match op, values:
        case ("add", [0.0, _]) | ("mul", [1.0, _]):
            return args[1]
        case ("add", [_, 0.0]) | ("sub", [_, 0.0]) | ("mul", [_, 1.0]) | ("div", [_, 1.0]) | ("pow", [_, 1.0]):
            return args[0]
        case ("mul", [0.0, _]) | ("mul", [_, 0.0]) | ("div", [0.0, _]):
            return ir.Number(0.0)
        case ("sub", [0.0, _]) | ("mul", [-1.0, _]):
            return ir.Apply("neg", (args[1],), args[1].shape)
        case ("mul", [_, -1.0]) | ("div", [_, -1.0]):
            return ir.Apply("neg", (args[0],), args[0].shape)
        case "pow", [_, 2.0]:
            return ir.Apply("mul", (args[0], args[0]), args[0].shape)
        case "where", [float(condition), _, _]:
            return args[1] if condition else args[2]
    return None
