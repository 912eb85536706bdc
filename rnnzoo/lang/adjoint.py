"""A step's program -> its reverse: what the adjoints of this step's values make of those of the step before.

In: a `Program`.  Out: an `Adjoint`, in the same three scopes, run in the opposite order: first what reads weights and
constants only, such as the `1 / p` that a division by p leaves; then the backward loop, with the lines that the step before
waits for and nothing else; then what can be computed for all steps at once; then every gradient of a weight, as one product
or reduction over (time x batch), and what is computed from these.

The adjoint of a value v is the gradient of the loss with respect to it, written `d.v`.  It is derived line by line in
reverse order, each operation's derivatives being those of its row in `lang.ops`.  What the backward loop needs of the
forward values, it computes again from what is kept: states, activations, sequences, sums of recurrent products.

Source: reverse accumulation, Griewank and Walther, Evaluating Derivatives (2008), chapter 3; the weight gradients' place
after the loop is that of hand-made LSTM kernels (Appleyard et al. 2016).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from rnnzoo.errors import Mistakes
from rnnzoo.lang import ir, parse
from rnnzoo.lang.ops import OPERANDS, OPS
from rnnzoo.lang.program import (
    REDUCTIONS,
    Atom,
    Builder,
    Lines,
    Program,
    Scope,
    atoms,
    line_scope,
    members,
    needed,
    number,
    places,
    reads,
    scope_of,
    scopes,
)
from rnnzoo.lang.verify import verify_adjoint
from rnnzoo.spec.document import Code, Row

TRAINED = ("weight", "input", "below", "previous")  # kinds of names that have an adjoint


@dataclass(frozen=True, slots=True)
class Adjoint:
    """The reverse of a program.

    Attributes:
        saved: values of the forward loop that are kept at every step, beside the states.
        fixed: lines that are computed once, before the backward loop; all later lines may read them.
        loop: lines of the backward loop; `Ref("adjoint", name)` is what the steps after this one, and the layer above, say
            about a result.
        emitted: values of the backward loop, kept at every step, that the lines after it read.
        after: lines for all steps at once.
        once: reductions over all steps, and what is computed from them.
        previous: state -> its adjoint in the step before; a state that nothing reads has none.
        inputs: `x` and names below -> their adjoints, one a step.
        weights: weight -> its gradient.
    """

    saved: tuple[ir.Ref, ...]
    fixed: Lines
    loop: Lines
    emitted: tuple[ir.Ref, ...]
    after: Lines
    once: Lines
    previous: Mapping[str, Atom]
    inputs: Mapping[str, Atom]
    weights: Mapping[str, Atom]

    def sequences(self, program: Program) -> tuple[ir.Ref, ...]:
        """Values of the forward program's `before` that the lines read; in the loop, row by row."""
        return _kept(program.before, (*self.loop, *self.after, *self.once))


def adjoint(program: Program, states: Sequence[str]) -> Adjoint:
    """The reverse of a program whose states are results that it reads as `name[t-1]`."""
    reverse = _Reverse(program)
    reverse.run()
    found = {kind: {ref.name: reverse.total(ref) for ref in reverse.leaves(kind)} for kind in TRAINED}
    previous = {name: atom for name, atom in found["previous"].items() if name in states}
    inputs = found["input"] | found["below"]
    back = _scheduled(program, reverse.builder.lines, previous, inputs, found["weight"])
    verify_adjoint(program, back)
    return back


@dataclass(slots=True)
class _Reverse:
    """Goes through a program's lines from the last to the first and hands each line's adjoint to its operands."""

    program: Program
    builder: Builder = field(default_factory=lambda: Builder("d$"))
    terms: dict[ir.Ref, list[Atom]] = field(default_factory=dict)
    pieces: dict[ir.Ref, list[tuple[int, int, Atom]]] = field(default_factory=dict)
    scope: dict[str, Scope] = field(default_factory=dict)
    seen: int = 0  # lines whose scope is known
    active: set[str] = field(default_factory=set)

    def run(self) -> None:
        lines = tuple({one.name: one for one in self.program.lines}.values())
        self.scope = scopes(lines)
        for one in lines:
            self.builder.definitions[one.name] = _apply(one)
            # what the forward program computes is not written again
            self.builder.known[one.expr] = ir.Ref("value", one.name, one.expr.shape)
            if any(self.counts(atom) for atom in atoms(one.expr)):
                self.active.add(one.name)
        for name, atom in self.program.results.items():
            self.give(atom, ir.Ref("adjoint", name, atom.shape or ("units",)))
        for one in reversed(lines):
            value = ir.Ref("value", one.name, one.expr.shape)
            if one.name in self.active and (value in self.terms or value in self.pieces):
                self.line(_apply(one), value, self.total(value))

    def counts(self, atom: Atom) -> bool:
        """Whether an atom's adjoint is asked for."""
        if isinstance(atom, ir.Number):
            return False
        return atom.name in self.active if atom.kind == "value" else atom.kind in TRAINED

    def leaves(self, kind: str) -> list[ir.Ref]:
        return [ref for ref in dict.fromkeys((*self.terms, *self.pieces)) if ref.kind == kind]

    def total(self, ref: ir.Ref) -> Atom:
        """The sum of what was handed to a value."""
        label = f"d.{ref.name}" + ("[t-1]" if ref.kind == "previous" else "")
        label = "" if ref.name.startswith("$") else label
        found = list(self.terms.get(ref, ()))
        if ref in self.pieces:
            found.append(self.assembled(ref))
        result = found[0]
        for at, term in enumerate(found[1:], start=2):
            result = self.apply("add", result, term, label=label if at == len(found) else "")
        return result

    def assembled(self, ref: ir.Ref) -> Atom:
        """A wide value's adjoint from those of its parts, laid side by side; 0 where there is none."""
        sizes = members(ref.shape)
        single: list[Atom | None] = [None] * len(sizes)
        for first, last, given in self.pieces[ref]:
            for at in range(first, last + 1):
                part = self.builder.part(given, at - first, at - first)
                so_far = single[at]
                single[at] = part if so_far is None else self.apply("add", so_far, part)
        zero = [ir.Number(0.0, (size, *ref.shape[1:])) for size in sizes]
        return self.builder.stack([none if one is None else one for one, none in zip(single, zero)])

    def apply(self, op: str, *args: Atom, label: str = "", shape: ir.Shape | None = None) -> Atom:
        return self.builder.apply(op, args, label, shape)

    def give(self, atom: Atom, adjoint: Atom) -> None:
        """Hand an adjoint to a value; what is computed less often gets the sum of it."""
        if isinstance(atom, ir.Number) or not self.counts(atom) or _zero(adjoint):
            return
        if not atom.shape and adjoint.shape:
            adjoint = self.apply("total", adjoint, shape=())
        if self.scope_of(atom) is Scope.ONCE and self.scope_of(adjoint) is not Scope.ONCE:
            adjoint = self.apply("sum", adjoint)
        self.terms.setdefault(atom, []).append(adjoint)

    def scope_of(self, atom: Atom) -> Scope:
        for one in self.builder.lines[self.seen :]:
            self.scope[one.name] = line_scope(one, self.scope)
        self.seen = len(self.builder.lines)
        return scope_of(atom, self.scope)

    def line(self, line: ir.Apply, value: ir.Ref, adjoint: Atom) -> None:
        args = atoms(line)
        match line.op:
            case "matmul":
                self.product(args[0], args[1], adjoint)
            case "stack":
                for arg, first, last in places(line):
                    self.give(arg, self.builder.part(adjoint, first, last))
            case "part":
                self.piece(args, adjoint)
            case op:
                for arg, text in zip(args, OPS[op].derivatives):
                    if self.counts(arg):
                        self.give(arg, self.elementwise(adjoint, text, args, value))

    def product(self, weight: Atom, operand: Atom, adjoint: Atom) -> None:
        """y = W v: the adjoint of v is W^T d.y, that of W is d.y v^T, summed over all steps and sequences."""
        if self.counts(operand):
            self.give(operand, self.apply("matmul_t", weight, adjoint))
        self.give(weight, self.apply("outer", adjoint, operand, shape=weight.shape))

    def piece(self, args: tuple[Atom, ...], adjoint: Atom) -> None:
        whole, first, last = args
        if isinstance(whole, ir.Ref) and self.counts(whole) and not _zero(adjoint):
            self.pieces.setdefault(whole, []).append((number(first), number(last), adjoint))

    def elementwise(self, adjoint: Atom, text: str, args: tuple[Atom, ...], value: ir.Ref) -> Atom:
        """The adjoint times a derivative; one that was handed over in pieces stays in pieces, and is laid side by side last."""
        line = self.builder.definition(adjoint)
        if line is None or line.op != "stack" or any(arg.shape not in ((), value.shape) for arg in args):
            return self.scaled(adjoint, text, args, value)
        found = []
        for piece, first, last in places(line):
            mine = tuple(self.builder.part(arg, first, last) if arg.shape else arg for arg in args)
            own = self.builder.part(value, first, last)
            found.append(piece if _zero(piece) else self.scaled(piece, text, mine, own))
        return self.builder.stack(found)

    def scaled(self, adjoint: Atom, text: str, args: tuple[Atom, ...], value: Atom) -> Atom:
        """The adjoint times a derivative."""
        tree = derivative(text)
        names: dict[str, Atom] = {**dict(zip(OPERANDS, args)), "y": value}
        # a choice between 1 and 0: what is not chosen is 0, whatever it would be multiplied with
        if isinstance(tree, ir.Apply) and tree.op == "where" and tree.args[1:] in _CHOICES:
            chosen = [ir.Number(0.0) if one == ir.Number(0.0) else adjoint for one in tree.args[1:]]
            condition = self.builder.flatten(tree.args[0], names)
            return self.builder.apply("where", [condition, *chosen])
        return self.builder.apply("mul", [adjoint, self.builder.flatten(tree, names)])


_CHOICES = ((ir.Number(1.0), ir.Number(0.0)), (ir.Number(0.0), ir.Number(1.0)))


def _zero(atom: Atom) -> bool:
    return isinstance(atom, ir.Number) and atom.value == 0.0


def _apply(one: ir.Equation) -> ir.Apply:
    assert isinstance(one.expr, ir.Apply)
    return one.expr


@cache
def derivative(text: str) -> ir.Expr:
    """A derivative of `lang.ops` as an expression of `a`, `b`, `c` and `y`."""
    mistakes = Mistakes()
    tree = parse.expression(Code("ops", (Row(1, 1, text),), text), mistakes)
    mistakes.raise_if_any()
    assert tree is not None
    return _typed(tree)


def _typed(tree: parse.Tree) -> ir.Expr:
    match tree:
        case parse.Literal(value=value):
            return ir.Number(float(value))
        case parse.Name(name=name):
            return ir.Ref("value", name)
        case parse.Call(op=op, args=args):
            return ir.Apply(op, tuple(map(_typed, args)))
    raise AssertionError(tree)


# -- where each line is computed


def _scheduled(
    program: Program,
    lines: Sequence[ir.Equation],
    previous: dict[str, Atom],
    inputs: dict[str, Atom],
    weights: dict[str, Atom],
) -> Adjoint:
    """Lines that the step before waits for stay in the loop; the others are computed before it, or after it."""
    results = (*inputs.values(), *weights.values())
    invariant, last = _invariant(lines, program)
    asked = needed(lines, (*previous.values(), *results))
    waited = tuple(one for one in needed(lines, previous.values()) if one.name not in invariant)
    names = {one.name for one in waited} | invariant
    rest = tuple(one for one in asked if one.name not in names)
    emitted, again = _emitted(waited, rest, results)
    forward, saved = _Forward(program), dict[ir.Ref, None]()
    computed, timed = forward.computed((*again, *rest))
    inside = forward.again((*reads(waited), *computed), saved)
    outside = forward.again(timed, saved)
    return Adjoint(
        saved=tuple(saved),
        fixed=tuple(one for one in asked if one.name in invariant),
        loop=(*inside, *waited),
        emitted=(*emitted, *(ref for ref in computed if ref not in saved)),
        after=(*outside, *again, *(one for one in rest if one.name not in last)),
        once=tuple(one for one in rest if one.name in last),
        previous=previous,
        inputs=inputs,
        weights=weights,
    )


def _emitted(waited: Lines, rest: Lines, results: Iterable[Atom]) -> tuple[tuple[ir.Ref, ...], Lines]:
    """What the loop keeps for the lines after it; and lines that take from that what lies in it already.

    Parts of a kept value, and values that a kept one lays side by side, are taken from it and not kept twice.  What is one
    number for all units depends on `t` alone, and is computed once more.
    """
    numbers = [one for one in waited if not one.expr.shape]
    timed = needed(numbers, reads(rest))
    names = {one.name for one in waited} - {one.name for one in numbers}
    asked = [*reads(rest), *(atom for atom in results if isinstance(atom, ir.Ref))]
    taken = [
        ref for ref in dict.fromkeys(asked) if ref.kind == "adjoint" or (ref.kind == "value" and ref.name in names)
    ]
    parts = {one.name: one for one in waited if _apply(one).op == "part"}
    again = [parts[ref.name] for ref in taken if ref.kind == "value" and ref.name in parts]
    whole = [ref for ref in reads(again) if ref.kind == "value" and ref.name in names]
    kept = dict.fromkeys([*(ref for ref in taken if ref.kind == "adjoint" or ref.name not in parts), *whole])
    stacks = {one.name: _apply(one) for one in waited if _apply(one).op == "stack"}
    inside: dict[str, ir.Equation] = {}
    for stacked in [ref for ref in kept if ref.kind == "value" and ref.name in stacks]:
        for arg, first, last in places(stacks[stacked.name]):
            if isinstance(arg, ir.Ref) and arg in kept:
                part = ir.Apply("part", (stacked, ir.Number(first), ir.Number(last)), arg.shape)
                inside[arg.name] = ir.Equation(arg.name, part, arg.shape[0])
    emitted = tuple(ref for ref in kept if ref.kind == "adjoint" or ref.name not in inside)
    return emitted, (*timed, *inside.values(), *again)


def _invariant(lines: Lines | Sequence[ir.Equation], program: Program) -> tuple[set[str], set[str]]:
    """Names of the lines that do not differ from step to step: those that need no reduction, and those that do."""
    scope = scopes(program.lines)
    invariant: set[str] = set()
    reduced: set[str] = set()
    for line in lines:
        scope[line.name] = line_scope(line, scope)
        if scope[line.name] is not Scope.ONCE:
            continue
        reduces = _apply(line).op in REDUCTIONS or any(ref.name in reduced for ref in reads([line]))
        (reduced if reduces else invariant).add(line.name)
    return invariant, reduced


@dataclass(slots=True)
class _Forward:
    """Which forward values are kept, and how the others are computed again."""

    program: Program
    lines: dict[str, ir.Apply] = field(init=False)  # of the loop, by name
    timed: frozenset[str] = field(init=False)  # names of the lines whose value is the same for all sequences
    terms: dict[str, int] = field(init=False)  # how many products a line is the sum of, where there are any
    results: frozenset[Atom] = field(init=False)  # that are kept at every step; one number for all units is not

    def __post_init__(self) -> None:
        self.lines = {one.name: _apply(one) for one in self.program.loop}
        self.results = frozenset(atom for atom in self.program.results.values() if atom.shape)
        timed = {one.name for one in self.program.once}
        self.terms = {}
        for name, line in self.lines.items():  # each stands after those that it needs
            if all(_timed(atom, timed) for atom in atoms(line)):
                timed.add(name)
            if line.op == "matmul":
                self.terms[name] = 1
            elif line.op in ("add", "sub", "part"):
                self.terms[name] = sum(self.products(arg) for arg in atoms(line))
        self.timed = frozenset(timed)

    def computed(self, lines: Iterable[ir.Equation]) -> tuple[list[ir.Ref], list[ir.Ref]]:
        """What lines after the loop read of the forward loop, states apart; and what of it depends on `t` alone.

        The backward loop hands them the former, so that what it was computed from need not be there any more; the latter
        is computed for all steps at once.
        """
        found = [ref for ref in dict.fromkeys(reads(lines)) if self.line(ref) is not None and ref not in self.results]
        timed = [ref for ref in found if ref.name in self.timed]
        return [ref for ref in found if ref.name not in self.timed], timed

    def again(self, wanted: Iterable[ir.Ref], saved: dict[ir.Ref, None]) -> Lines:
        """The lines that compute what is wanted of the forward loop; what they begin with is added to `saved`."""
        results = self.results
        found: set[str] = set()
        parts: dict[ir.Ref, dict[ir.Ref, tuple[int, int]]] = {}  # of what is kept and asked for in parts only

        def ask(atom: Atom) -> tuple[Atom, ...]:
            """Take note of a value; what has to be asked for next."""
            line = self.line(atom)
            if line is None or not isinstance(atom, ir.Ref) or atom.name in found or atom in saved or atom in results:
                return ()
            if self.keeps(atom):
                saved[atom] = None
                return ()
            args = atoms(line)
            if line.op == "part" and isinstance(args[0], ir.Ref) and self.keeps(args[0]) and args[0] not in results:
                parts.setdefault(args[0], {})[atom] = number(args[1]), number(args[2])
                return ()
            found.add(atom.name)
            return args

        todo = list[Atom](wanted)[
            ::-1
        ]  # a stack: a chain of values may be longer than Python lets functions call each other
        while todo:
            todo += ask(todo.pop())[::-1]
        for whole, asked in parts.items():
            members_asked = {at for first, last in asked.values() for at in range(first, last + 1)}
            if whole in saved or len(members_asked) == len(members(whole.shape)):
                saved[whole] = None
                found |= {ref.name for ref in asked}
            else:
                saved |= dict.fromkeys(asked)
        return tuple(one for one in self.program.loop if one.name in found)

    def keeps(self, ref: ir.Ref) -> bool:
        """Whether a value is kept: what is costly to compute, a product with what it is added to, a sum of products.

        Not so `tanh(c)` of a state c: to keep c's activation takes as long as to compute it once more; nor `exp(-t)`, which
        is one number for all units.
        """
        line = self.line(ref)
        if line is None or not line.shape:
            return False
        if line.op == "matmul":
            return True
        if line.op in OPS and OPS[line.op].costly:
            return not all(self.kept_anyway(arg) for arg in atoms(line))
        if line.op not in ("add", "sub"):
            return False
        operands = [self.line(arg) for arg in atoms(line)]
        direct = sum(1 for one in operands if one is not None and one.op == "matmul")
        products = sum(self.products(arg) for arg in atoms(line))
        sequence = all(
            (one is not None and one.op == "matmul") or self.plain(arg) for one, arg in zip(operands, atoms(line))
        )
        return products > 1 or (direct == 1 and sequence)

    def kept_anyway(self, atom: Atom) -> bool:
        """Whether an atom is there in the backward loop without being kept for it: a state, or a number."""
        return isinstance(atom, ir.Number) or atom in self.results

    def products(self, atom: Atom) -> int:
        """How many products a value is the sum of."""
        return self.terms.get(atom.name, 0) if self.line(atom) is not None and isinstance(atom, ir.Ref) else 0

    def plain(self, atom: Atom) -> bool:
        """Whether an atom is not computed in the loop, but for being taken out of a row."""
        line = self.line(atom)
        return line is None or (line.op == "part" and self.plain(atoms(line)[0]))

    def line(self, atom: Atom) -> ir.Apply | None:
        if isinstance(atom, ir.Ref) and atom.kind == "value":
            return self.lines.get(atom.name)
        return None


def _timed(atom: Atom, timed: set[str]) -> bool:
    """Whether a value is the same for all sequences, given the names of the lines that are."""
    if isinstance(atom, ir.Number):
        return True
    return atom.name in timed if atom.kind == "value" else atom.kind not in ("previous", "input", "below", "drop")


def _kept(before: Lines, lines: Lines) -> tuple[ir.Ref, ...]:
    there = {one.name for one in before} - {one.name for one in lines}
    return tuple(dict.fromkeys(ref for ref in reads(lines) if ref.kind == "value" and ref.name in there))
