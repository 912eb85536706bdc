"""A step's program -> its reverse, which computes the adjoints of the step before from those of
this step.

In: a `Program`.  Out: an `Adjoint`, in the same three scopes, run in the opposite order: first what
reads weights and constants only, such as the `1 / p` that a division by p leaves; then the backward
loop, with the instructions that the step before waits for, and the forward values that it, or what
comes after it, needs computed again; then what can be computed for all steps at once; then every
gradient of a weight, as one product or reduction over (time x batch), and what is computed from
these.

The adjoint of a value v is the gradient of the loss with respect to it, written `d.v`.  It is
derived instruction by instruction in reverse order, by the rule of each primitive.  What the
backward loop needs of the forward values, it computes again from what is kept: states, activations,
sequences, sums of recurrent products.

Source: reverse accumulation, Griewank and Walther, Evaluating Derivatives (2008), chapter 3; the
weight gradients' place after the loop is that of hand-made LSTM kernels (Appleyard et al. 2016).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rnnzoo.lang import ir
from rnnzoo.lang.formulas import formula
from rnnzoo.lang.primitives import add, beside, mul, part, stack, sum_steps, sum_units, where
from rnnzoo.lang.primitives.base import OPERANDS, is_number
from rnnzoo.lang.primitives.layout import members
from rnnzoo.lang.program import (
    Atom,
    Builder,
    Instruction,
    Instructions,
    Program,
    Scope,
    by_name,
    names_of,
    needed,
    reads,
    scope_of,
    scope_of_atom,
    scopes,
)
from rnnzoo.lang.verify import verify_adjoint

_LEAVES = tuple(kind for kind in ir.WITH_ADJOINT if kind != "value")  # what no instruction computes


@dataclass(frozen=True, slots=True)
class Adjoint:
    """The reverse of a program.

    Attributes:
        saved: values of the forward loop that are kept at every step, beside the states.
        fixed: instructions that run once, before the backward loop; all later ones may read their
            values.
        loop: instructions of the backward loop, forward values that are computed again included;
            `Ref("adjoint", name)` is what the steps after this one, and the layer above, hand back
            for a result.
        emitted: values of the backward loop, kept at every step, that the instructions after it
            read.
        after: instructions for all steps at once.
        once: reductions over all steps, and what is computed from them.
        previous: state -> its adjoint in the step before; a state that nothing reads has none.
        inputs: `x` and names below -> their adjoints, one a step.
        weights: weight -> its gradient.
    """

    saved: tuple[ir.Ref, ...]
    fixed: Instructions
    loop: Instructions
    emitted: tuple[ir.Ref, ...]
    after: Instructions
    once: Instructions
    previous: Mapping[str, Atom]
    inputs: Mapping[str, Atom]
    weights: Mapping[str, Atom]

    def sequences(self, program: Program) -> tuple[ir.Ref, ...]:
        """Values of the forward program's `before` that the instructions read; in the loop, row by
        row.
        """
        backward = (*self.loop, *self.after, *self.once)
        # a forward value that is computed again has its old name, and is no row that is read
        before = names_of(program.before) - names_of(backward)
        return tuple(
            dict.fromkeys(
                ref for ref in reads(backward) if ref.kind == "value" and ref.name in before
            )
        )


def adjoint(program: Program, states: Sequence[str]) -> Adjoint:
    """The reverse of a program whose states are results that it reads as `name[t-1]`."""
    reverse = Reverse(program)
    reverse.run()
    totals: dict[str, dict[str, Atom]] = {}
    for kind in _LEAVES:
        totals[kind] = {ref.name: reverse.total(ref) for ref in reverse.leaves(kind)}
    previous = {name: atom for name, atom in totals["previous"].items() if name in states}
    inputs = totals["input"] | totals["below"]
    back = _scheduled(program, reverse.builder.instructions, previous, inputs, totals["weight"])
    verify_adjoint(program, back)
    return back


@dataclass(slots=True)
class Reverse:
    """Goes through a program from the last instruction to the first; each hands its adjoint on to
    its operands.

    Attributes:
        terms: what was handed to a value so far; their sum is its adjoint.
        pieces: likewise, what was handed to members `first` to `last` of a wide value.
        columns: likewise, what was handed to the columns of a matrix on joined vectors, by the
            number of the vector.
        scope: name -> how often it is computed, of the program and of the first `scoped`
            instructions written.
        active: names of the instructions whose adjoint is asked for.
    """

    program: Program
    builder: Builder = field(default_factory=lambda: Builder("d$"))
    terms: dict[ir.Ref, list[Atom]] = field(default_factory=dict)
    pieces: dict[ir.Ref, list[tuple[int, int, Atom]]] = field(default_factory=dict)
    columns: dict[ir.Ref, dict[int, Atom]] = field(default_factory=dict)
    scope: dict[str, Scope] = field(default_factory=dict)
    scoped: int = 0
    active: set[str] = field(default_factory=set)

    def run(self) -> None:
        instructions = tuple(by_name(self.program.instructions).values())
        self.scope = scopes(instructions)
        for instruction in instructions:
            self.builder.know(instruction)  # what the forward program computes is not written again
            if any(self.wants(operand) for operand in instruction.inputs):
                self.active.add(instruction.name)
        for name, atom in self.program.results.items():
            self.give(atom, ir.Ref("adjoint", name, atom.shape or ("units",)))
        for instruction in reversed(instructions):
            value = instruction.value
            # no result depends on a value that nothing was handed to: its adjoint is 0
            if instruction.name in self.active and any(
                value in handed for handed in (self.terms, self.pieces, self.columns)
            ):
                instruction.primitive.transpose(self, instruction, self.total(value))

    def wants(self, atom: Atom) -> bool:
        """Whether an atom's adjoint is asked for."""
        if isinstance(atom, ir.Number):
            return False
        return atom.name in self.active if atom.kind == "value" else atom.kind in ir.WITH_ADJOINT

    def leaves(self, kind: str) -> list[ir.Ref]:
        return [
            ref
            for ref in dict.fromkeys((*self.terms, *self.pieces, *self.columns))
            if ref.kind == kind
        ]

    def total(self, ref: ir.Ref) -> Atom:
        """The sum of what was handed to a value."""
        label = f"d.{ref.name}" + ("[t-1]" if ref.kind == "previous" else "")
        label = "" if ref.name.startswith("$") else label
        terms = list(self.terms.get(ref, ()))
        if ref in self.pieces:
            terms.append(self.assembled(ref))
        if ref in self.columns:
            terms.append(self.side_by_side(ref))
        total = terms[0]
        for number, term in enumerate(terms[1:], start=2):
            total = self.builder.apply(add, [total, term], label if number == len(terms) else "")
        return total

    def assembled(self, ref: ir.Ref) -> Atom:
        """A wide value's adjoint from those of its parts, laid side by side; 0 where there is
        none.
        """
        sizes = members(ref.shape)
        # member by member, as pieces may overlap: z[0:3] goes into a sum, z[0:1] into a product
        adjoints: list[Atom | None] = [None] * len(sizes)
        for first, last, adjoint in self.pieces[ref]:
            for member in range(first, last + 1):
                term = self.builder.part(adjoint, member - first, member - first)
                so_far = adjoints[member]
                adjoints[member] = (
                    term if so_far is None else self.builder.apply(add, [so_far, term])
                )
        zeros = [ir.Number(0.0, (size, *ref.shape[1:])) for size in sizes]
        return self.builder.stack([adjoint or zero for adjoint, zero in zip(adjoints, zeros)])

    def give(self, atom: Atom, adjoint: Atom) -> None:
        """Hand an adjoint to a value; what is computed less often gets the sum of it."""
        if isinstance(atom, ir.Number) or not self.wants(atom) or _is_zero(adjoint):
            return
        # all units read a number, and all steps what is computed once: their adjoints add up
        if is_number(atom.shape) and not is_number(adjoint.shape):
            adjoint = self.builder.apply(sum_units, [adjoint])
        if self.scope_of(atom) is Scope.ONCE and self.scope_of(adjoint) is not Scope.ONCE:
            adjoint = self.builder.apply(sum_steps, [adjoint])
        self.terms.setdefault(atom, []).append(adjoint)

    def give_part(self, whole: Atom, first: int, last: int, adjoint: Atom) -> None:
        """Hand an adjoint to members `first` to `last` of a wide value.

        It is not summed over the steps here, as in `give`: that is done where the whole hands it
        on.
        """
        if isinstance(whole, ir.Ref) and self.wants(whole) and not _is_zero(adjoint):
            self.pieces.setdefault(whole, []).append((first, last, adjoint))

    def give_columns(self, matrix: Atom, number: int, adjoint: Atom) -> None:
        """Hand an adjoint to the columns of a matrix that multiply a joined vector."""
        if isinstance(matrix, ir.Ref) and self.wants(matrix) and not _is_zero(adjoint):
            handed = self.columns.setdefault(matrix, {})
            handed[number] = (
                self.builder.apply(add, [handed[number], adjoint]) if number in handed else adjoint
            )

    def side_by_side(self, matrix: ir.Ref) -> Atom:
        """A matrix's adjoint from those of its columns; 0 where there is none."""
        rows, columns = matrix.shape
        handed = self.columns[matrix]
        return self.builder.apply(
            beside,
            [
                handed.get(number, ir.Number(0.0, (rows, size)))
                for number, size in enumerate(members((columns,)))
            ],
        )

    def scope_of(self, atom: Atom) -> Scope:
        for instruction in self.builder.instructions[self.scoped :]:
            self.scope[instruction.name] = scope_of(instruction, self.scope)
        self.scoped = len(self.builder.instructions)
        return scope_of_atom(atom, self.scope)

    def scaled(self, adjoint: Atom, derivative: str, instruction: Instruction) -> Atom:
        """The adjoint of an elementwise operation times a derivative, which is written in the cell
        language.

        One that was handed over in pieces stays in pieces, and is laid side by side last, if every
        operand is a scalar or has the shape of the result.  Pieces of 0 are passed on as they are.
        """
        value, inputs = instruction.value, instruction.inputs
        definition = self.builder.definition(adjoint)
        can_be_cut = all(atom.shape in ((), value.shape) for atom in inputs)
        if definition is None or definition.primitive is not stack or not can_be_cut:
            return self._scaled(adjoint, derivative, inputs, value)
        pieces = []
        for piece, first, last in definition.stacked():
            own = tuple(self._members(atom, first, last) for atom in inputs)
            own_value = self.builder.part(value, first, last)
            zero = ir.Number(0.0, own_value.shape)
            scaled = zero if _is_zero(piece) else self._scaled(piece, derivative, own, own_value)
            # a derivative of 0, as of a division by infinity, leaves a number, which has no side
            pieces.append(zero if _is_zero(scaled) else scaled)
        return _ZERO if all(map(_is_zero, pieces)) else self.builder.stack(pieces)

    def _members(self, atom: Atom, first: int, last: int) -> Atom:
        """Members of an operand; a scalar is the same for all of them."""
        return self.builder.part(atom, first, last) if atom.shape else atom

    def _scaled(
        self, adjoint: Atom, derivative: str, inputs: tuple[Atom, ...], value: Atom
    ) -> Atom:
        tree = formula(derivative)
        names: dict[str, Atom] = {**dict(zip(OPERANDS, inputs)), "y": value}
        # a choice between 1 and 0: what is not chosen is 0, whatever it would be multiplied with
        if isinstance(tree, ir.Apply) and tree.op is where and tree.args[1:] in _CHOICES:
            condition = self.builder.flatten(tree.args[0], names)
            branches: dict[ir.Expr, Atom] = {_ONE: adjoint, _ZERO: _ZERO}
            chosen = [branches[branch] for branch in tree.args[1:]]
            return self.builder.apply(where, [condition, *chosen])
        return self.builder.apply(mul, [adjoint, self.builder.flatten(tree, names)])


_ONE, _ZERO = ir.Number(1.0), ir.Number(0.0)
_CHOICES = ((_ONE, _ZERO), (_ZERO, _ONE))


def _is_zero(atom: Atom) -> bool:
    return isinstance(atom, ir.Number) and atom.value == 0.0


# -- where each instruction is computed


def _scheduled(
    program: Program,
    instructions: Sequence[Instruction],
    previous: dict[str, Atom],
    inputs: dict[str, Atom],
    weights: dict[str, Atom],
) -> Adjoint:
    """What the step before waits for stays in the loop; the rest is computed before it, or after
    it.

    First the adjoint's own instructions are divided, then the forward values that they read are
    kept, handed over by the loop, or computed again.
    """
    results = (*inputs.values(), *weights.values())
    fixed, once = _invariant(instructions, program)
    asked = needed(instructions, (*previous.values(), *results))
    of_steps = [instruction for instruction in instructions if instruction.name not in fixed | once]
    waited_for = (*previous.values(), *_of_matrices(of_steps))
    in_loop = tuple(
        instruction
        for instruction in needed(instructions, waited_for)
        if instruction.name not in fixed
    )
    before_or_in_loop = names_of(in_loop) | fixed
    later = tuple(instruction for instruction in asked if instruction.name not in before_or_in_loop)
    emitted, taken = _emitted(in_loop, later, results)
    forward, saved = _Rematerialisation(program), dict[ir.Ref, None]()
    handed_over, timed = forward.read_after_the_loop((*taken, *later))
    # the loop first: what it keeps is there for what comes after it
    again_in_loop = forward.instructions_for((*reads(in_loop), *handed_over), saved)
    again_after = forward.instructions_for(timed, saved)
    for_all_steps = tuple(instruction for instruction in later if instruction.name not in once)
    return Adjoint(
        saved=tuple(saved),
        fixed=tuple(instruction for instruction in asked if instruction.name in fixed),
        loop=(*again_in_loop, *in_loop),
        emitted=(*emitted, *(ref for ref in handed_over if ref not in saved)),
        after=(*again_after, *taken, *for_all_steps),
        once=tuple(instruction for instruction in later if instruction.name in once),
        previous=previous,
        inputs=inputs,
        weights=weights,
    )


def _of_matrices(instructions: Sequence[Instruction]) -> tuple[ir.Ref, ...]:
    """Vectors that are computed from matrices: the loop emits these, and not the matrices, which
    are many times as large.
    """
    return tuple(
        instruction.value
        for instruction in instructions
        if not instruction.primitive.reduces
        and not ir.is_matrix(instruction.shape)
        and len(instruction.shape) == 1
        and any(ir.is_matrix(operand.shape) for operand in instruction.inputs)
    )


def _emitted(
    in_loop: Instructions, later: Instructions, results: Iterable[Atom]
) -> tuple[tuple[ir.Ref, ...], Instructions]:
    """What the loop emits for the instructions after it; and instructions that take the rest of
    what these read out of what is emitted.

    Parts of an emitted value, and values that an emitted one lays side by side, are taken from it
    and not emitted twice.  A value that is one number for all units depends on `t` alone, and is
    computed once more.
    """
    scalars = [instruction for instruction in in_loop if not instruction.shape]
    scalars_again = needed(scalars, reads(later))
    vectors = by_name(instruction for instruction in in_loop if instruction.shape)
    wanted = _read_later(vectors, later, results)
    emitted, parts = _taken_apart(vectors, wanted)
    from_stacks = _inside_stacks(vectors, emitted)
    needed_whole = tuple(ref for ref in emitted if not _is_value_of(ref, from_stacks))
    return needed_whole, (*scalars_again, *from_stacks.values(), *parts)


def _read_later(
    vectors: Mapping[str, Instruction], later: Instructions, results: Iterable[Atom]
) -> list[ir.Ref]:
    """What the instructions after the loop, and the results, read of what the loop has: adjoints,
    and its own vectors.
    """
    asked = [*reads(later), *(atom for atom in results if isinstance(atom, ir.Ref))]
    return [
        ref for ref in dict.fromkeys(asked) if ref.kind == "adjoint" or _is_value_of(ref, vectors)
    ]


def _taken_apart(
    vectors: Mapping[str, Instruction], wanted: Sequence[ir.Ref]
) -> tuple[dict[ir.Ref, None], list[Instruction]]:
    """What is emitted, with wide values in place of their parts; and the instructions that take
    these parts.
    """
    parts = by_name(
        instruction for instruction in vectors.values() if instruction.primitive is part
    )
    wanted_parts = [parts[ref.name] for ref in wanted if _is_value_of(ref, parts)]
    others = [ref for ref in wanted if not _is_value_of(ref, parts)]
    wholes = [ref for ref in reads(wanted_parts) if _is_value_of(ref, vectors)]
    return dict.fromkeys([*others, *wholes]), wanted_parts


def _inside_stacks(
    vectors: Mapping[str, Instruction], emitted: Mapping[ir.Ref, None]
) -> dict[str, Instruction]:
    """Of emitted values that an emitted stack lays side by side: the instructions that take them
    from it, by name.

    Adjoints are not taken: an instruction is a value, and a value with an adjoint's name is the
    result itself.
    """
    from_stacks: dict[str, Instruction] = {}
    # The last first: a stack that lies in another one is computed before that, and has to be taken
    # out of it before anything is taken out of the stack itself.
    for instruction in reversed([*vectors.values()]):
        whole = instruction.value
        if instruction.primitive is not stack or whole not in emitted:
            continue
        for operand, first, last in instruction.stacked():
            if isinstance(operand, ir.Ref) and operand.kind == "value" and operand in emitted:
                taken = Instruction(operand.name, part, (whole,), operand.shape, (first, last))
                from_stacks.setdefault(operand.name, taken)
    return from_stacks


def _is_value_of(ref: ir.Ref, instructions: Mapping[str, Instruction]) -> bool:
    return ref.kind == "value" and ref.name in instructions


def _invariant(instructions: Sequence[Instruction], program: Program) -> tuple[set[str], set[str]]:
    """Names of what does not differ from step to step: what needs no reduction over the steps,
    `fixed`; what does, `once`.
    """
    scope = scopes(program.instructions)
    fixed: set[str] = set()
    once: set[str] = set()
    for instruction in instructions:
        scope[instruction.name] = scope_of(instruction, scope)
        if scope[instruction.name] is not Scope.ONCE:
            continue
        reduces = instruction.primitive.reduces or any(
            ref.name in once for ref in instruction.reads
        )
        (once if reduces else fixed).add(instruction.name)
    return fixed, once


@dataclass(slots=True)
class _Rematerialisation:
    """Which forward values are kept, and how the others are computed again.

    Attributes:
        loop: instructions of the forward loop, by name.
        timed: names of the instructions whose value is the same for all sequences.
        products: how many products a value is the sum of, where there are any.
        results: values that are kept at every step anyway; one number for all units is not.
    """

    program: Program
    loop: dict[str, Instruction] = field(init=False)
    timed: frozenset[str] = field(init=False)
    products: dict[str, int] = field(init=False)
    results: frozenset[Atom] = field(init=False)

    def __post_init__(self) -> None:
        self.loop = by_name(self.program.loop)
        self.results = frozenset(atom for atom in self.program.results.values() if atom.shape)
        timed = names_of(self.program.once)
        self.products = {}
        for name, instruction in self.loop.items():  # each stands after those that it needs
            if all(_is_timed(atom, timed) for atom in instruction.inputs):
                timed.add(name)
            if instruction.primitive.is_product:
                self.products[name] = 1
            elif instruction.primitive.signs or instruction.primitive is part:
                self.products[name] = sum(self.products_in(atom) for atom in instruction.inputs)
        self.timed = frozenset(timed)

    def read_after_the_loop(
        self, instructions: Iterable[Instruction]
    ) -> tuple[list[ir.Ref], list[ir.Ref]]:
        """The values of the forward loop, other than states, that instructions after the backward
        loop read: those that differ between sequences, and those that depend on `t` alone.

        The backward loop emits the former, so that what they were computed from need not be kept;
        the latter are computed for all steps at once.
        """
        read = [
            ref
            for ref in dict.fromkeys(reads(instructions))
            if self.definition(ref) is not None and ref not in self.results
        ]
        timed = [ref for ref in read if ref.name in self.timed]
        return [ref for ref in read if ref.name not in self.timed], timed

    def instructions_for(self, wanted: Iterable[ir.Ref], saved: dict[ir.Ref, None]) -> Instructions:
        """The instructions that compute what is wanted of the forward loop; what they begin with is
        added to `saved`.

        Goes from what is wanted to its operands, as far as they are not there: kept, a result, or
        computed before the loop.  A kept value that is asked for in parts only is kept in parts,
        unless these are all of it.
        """
        search = _Recomputation(self, saved)
        search.visit_all(wanted)
        search.keep_parts()
        return tuple(
            instruction for instruction in self.program.loop if instruction.name in search.computed
        )

    def kept_whole(self, instruction: Instruction) -> ir.Ref | None:
        """The value that is kept for a part of it; None for other instructions, and for parts of a
        result.
        """
        whole = instruction.inputs[0]
        if (
            instruction.primitive is not part
            or not isinstance(whole, ir.Ref)
            or whole in self.results
        ):
            return None
        return whole if self.keeps(whole) else None

    def keeps(self, ref: ir.Ref) -> bool:
        """Whether a value is kept where it is asked for: what is costly, a product with what is
        added to it, a sum of products.

        Sums are asked for before their terms, so a sum that is kept takes the place of the products
        in it: `zx + R @ h[t-1]`, where zx is read.  Where other terms are computed, only the
        product is kept, and the sum is computed again.

        Not kept is `tanh(c)` of a state c, since to keep c's activation takes as long as to compute
        it once more; nor is `exp(-t)`, which is one number for all units.
        """
        definition = self.definition(ref)
        if definition is None or not definition.shape:
            return False
        if definition.primitive.is_product:
            return True
        if definition.primitive.costly:
            return not all(self.is_kept_anyway(atom) for atom in definition.inputs)
        if not definition.primitive.signs:
            return False
        products = [atom for atom in definition.inputs if self.is_product(atom)]
        products_within = sum(self.products_in(atom) for atom in definition.inputs)
        others_are_read = all(atom in products or self.is_read(atom) for atom in definition.inputs)
        return products_within > 1 or (len(products) == 1 and others_are_read)

    def is_kept_anyway(self, atom: Atom) -> bool:
        """Whether an atom is there in the backward loop without being kept for it: a state, or a
        number.
        """
        return isinstance(atom, ir.Number) or atom in self.results

    def is_product(self, atom: Atom) -> bool:
        definition = self.definition(atom)
        return definition is not None and definition.primitive.is_product

    def products_in(self, atom: Atom) -> int:
        """How many products a value is the sum of."""
        definition = self.definition(atom)
        return 0 if definition is None else self.products.get(definition.name, 0)

    def is_read(self, atom: Atom) -> bool:
        """Whether an atom is not computed in the loop, but for being taken out of a row."""
        definition = self.definition(atom)
        return definition is None or (
            definition.primitive is part and self.is_read(definition.inputs[0])
        )

    def definition(self, atom: Atom) -> Instruction | None:
        """The instruction of the forward loop that computes an atom."""
        if isinstance(atom, ir.Ref) and atom.kind == "value":
            return self.loop.get(atom.name)
        return None


@dataclass(slots=True)
class _Recomputation:
    """The search for what is computed again, from what is wanted to what it begins with.

    Attributes:
        saved: values that are kept at every step.
        computed: names of the instructions that are computed again.
        parts: a kept value -> those of its parts that are asked for, each as its first and its last
            member.
    """

    rules: _Rematerialisation
    saved: dict[ir.Ref, None]
    computed: set[str] = field(default_factory=set)
    parts: dict[ir.Ref, dict[ir.Ref, tuple[int, int]]] = field(default_factory=dict)

    def visit_all(self, wanted: Iterable[Atom]) -> None:
        # A stack: a chain of values may be longer than Python lets functions call each other.  It
        # is reversed, so that a value and all below it are visited before the next.
        todo = list(wanted)[::-1]
        while todo:
            todo += self.visit(todo.pop())[::-1]

    def visit(self, atom: Atom) -> tuple[Atom, ...]:
        """Mark a value as needed; the operands to visit next."""
        definition = self.rules.definition(atom)
        if definition is None or not isinstance(atom, ir.Ref):
            return ()  # the loop does not compute it
        if atom.name in self.computed or atom in self.saved or atom in self.rules.results:
            return ()
        if self.rules.keeps(atom):
            self.saved[atom] = None
            return ()
        whole = self.rules.kept_whole(definition)
        if whole is not None:
            first, last = definition.params
            self.parts.setdefault(whole, {})[atom] = first, last
            return ()
        self.computed.add(atom.name)
        return definition.inputs

    def keep_parts(self) -> None:
        """Keep the parts that are asked for; or the whole, if they are all of it, or it is kept
        anyway.
        """
        for whole, asked in self.parts.items():
            if whole in self.saved or _cover(whole, asked.values()):
                self.saved[whole] = None
                self.computed |= {ref.name for ref in asked}
            else:
                self.saved |= dict.fromkeys(asked)


def _cover(whole: ir.Ref, extents: Iterable[tuple[int, int]]) -> bool:
    """Whether parts, each from its first member to its last, are all of a wide value."""
    asked: set[int] = set()
    for first, last in extents:
        asked |= set(range(first, last + 1))
    return len(asked) == len(members(whole.shape))


def _is_timed(atom: Atom, timed: set[str]) -> bool:
    """Whether a value is the same for all sequences, given the names of the instructions whose
    value is.
    """
    if isinstance(atom, ir.Number):
        return True
    if atom.kind == "value":
        return atom.name in timed
    return atom.kind not in ("previous", "input", "below", "drop")
