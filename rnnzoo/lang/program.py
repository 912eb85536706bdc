"""What a program is made of: `Instruction`, `Program`, and `Builder`, which writes instructions,
none twice, numbers folded.

A `Program` has three parts, by how often an instruction is computed.  In an LSTM the second part is
one product `[W_i; W_f; W_o; W_g] @ x`, and the loop has one product, with the stacked recurrent
matrices.

Programs are made by `widen.compile_step`: `passes.schedule` hoists equations out of the loop, and
`widen` stacks products.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from rnnzoo.lang import ir
from rnnzoo.lang.formulas import formula
from rnnzoo.lang.primitives import (
    Primitive,
    add,
    matmul,
    mul,
    neg,
    part,
    spread,
    stack,
    sub,
)
from rnnzoo.lang.primitives.layout import members

Atom = ir.Number | ir.Ref  # what an instruction reads: a number or a name, as in JAX's jaxpr
Key = tuple[Primitive, tuple[Atom, ...], tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Instruction:
    """One operation on values that are there: `name = primitive(inputs; params)`.

    Attributes:
        params: static numbers that the primitive knows the meaning of.
        shape: of the result.
    """

    name: str
    primitive: Primitive
    inputs: tuple[Atom, ...]
    shape: ir.Shape
    params: tuple[int, ...] = ()

    @staticmethod
    def of(
        name: str, primitive: Primitive, inputs: Sequence[Atom], params: tuple[int, ...] = ()
    ) -> Instruction:
        """An instruction whose shape is the one that its primitive infers.

        Raises:
            ShapeError: the operands do not fit the primitive.
        """
        shape = primitive.shape([operand.shape for operand in inputs], params)
        return Instruction(name, primitive, tuple(inputs), shape, params)

    @property
    def value(self) -> ir.Ref:
        """What it computes, as others read it."""
        return ir.Ref("value", self.name, self.shape)

    @property
    def key(self) -> Key:
        """Equal for instructions that compute the same."""
        return self.primitive, self.inputs, self.params

    @property
    def reads(self) -> tuple[ir.Ref, ...]:
        """The names that it reads."""
        return tuple(operand for operand in self.inputs if isinstance(operand, ir.Ref))

    def stacked(self) -> Iterator[tuple[Atom, int, int]]:
        """What a stack lays side by side: each operand with its first and last member."""
        first = 0
        for operand in self.inputs:
            last = first + len(members(operand.shape)) - 1
            yield operand, first, last
            first = last + 1

    def extent(self, sizes: ir.Sizes) -> tuple[int, int]:
        """Where a part of a wide value begins and ends, in numbers."""
        first, last = self.params
        lengths = [sizes.of(size) for size in members(self.inputs[0].shape)]
        return sum(lengths[:first]), sum(lengths[: last + 1])


Instructions = tuple[Instruction, ...]


class Scope(IntEnum):
    """How often a value is computed, and with it the part of a `Program` where its instruction
    stands.
    """

    ONCE = 0  # it needs weights and constants only: in `once`
    STEPS = 1  # for all steps at once, as it does not need the step before: in `before`
    LOOP = 2  # step after step, and so are all matrices that differ from step to step: in `loop`


SCOPES: Mapping[ir.RefKind, Scope] = {
    "input": Scope.STEPS, "below": Scope.STEPS, "drop": Scope.STEPS,
    "previous": Scope.LOOP, "time": Scope.LOOP, "adjoint": Scope.LOOP,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Program:
    """A step as instructions.

    Attributes:
        once, before, loop: instructions of the scopes ONCE, STEPS and LOOP, each after those that
            it needs.
        results: name of an equation -> where its value is.
    """

    once: Instructions
    before: Instructions
    loop: Instructions
    results: Mapping[str, Atom]

    @property
    def instructions(self) -> Instructions:
        return (*self.once, *self.before, *self.loop)

    @property
    def sequences(self) -> tuple[ir.Ref, ...]:
        """What the loop reads row by row: values of `before`, x and values of the layer below."""
        # a part that `widen.parts_inside` took into the loop stands in `before` too, and is no row
        before_only = names_of(self.before) - names_of(self.loop)
        read = [
            *reads(self.loop),
            *(atom for atom in self.results.values() if isinstance(atom, ir.Ref)),
        ]
        return tuple(ref for ref in dict.fromkeys(read) if _is_sequence(ref, before_only))

    def aliases(self, carried: Iterable[str]) -> dict[tuple[str, str], str]:
        """Under which names, (kind, name) of an `ir.Ref`, the instructions read results that are
        carried; to the name of the result.
        """
        fixed = names_of(self.once)
        results = ((name, self.results[name]) for name in carried)
        # what is one number for all units is computed again, and what is the same at every step is
        # there anyway
        refs = ((name, atom) for name, atom in results if isinstance(atom, ir.Ref))
        return {
            (atom.kind, atom.name): name
            for name, atom in refs
            if atom.kind == "value" and atom.shape and atom.name not in fixed
        }


def _is_sequence(ref: ir.Ref, before: set[str]) -> bool:
    return ref.kind in ("input", "below") or (ref.kind == "value" and ref.name in before)


def by_name(instructions: Iterable[Instruction]) -> dict[str, Instruction]:
    """Name -> instruction; of two of one name, which compute the same, the later."""
    return {instruction.name: instruction for instruction in instructions}


def names_of(instructions: Iterable[Instruction]) -> set[str]:
    return {instruction.name for instruction in instructions}


def reads(instructions: Iterable[Instruction]) -> Iterator[ir.Ref]:
    """Every name that the instructions read."""
    for instruction in instructions:
        yield from instruction.reads


def needed(instructions: Sequence[Instruction], wanted: Iterable[Atom]) -> Instructions:
    """The instructions that the wanted values need, in their order."""
    names = {atom.name for atom in wanted if isinstance(atom, ir.Ref) and atom.kind == "value"}
    kept = []
    for instruction in reversed(instructions):
        if instruction.name in names:
            kept.append(instruction)
            names |= {ref.name for ref in instruction.reads if ref.kind == "value"}
    return tuple(reversed(kept))


def scopes(instructions: Iterable[Instruction]) -> dict[str, Scope]:
    """Name -> how often it is computed: as often as the most frequent of what it reads."""
    scope: dict[str, Scope] = {}
    for instruction in instructions:
        scope[instruction.name] = scope_of(instruction, scope)
    return scope


def scope_of(instruction: Instruction, of_values: Mapping[str, Scope]) -> Scope:
    if instruction.primitive.reduces:
        return Scope.ONCE
    read = (scope_of_atom(atom, of_values) for atom in instruction.inputs)
    scope = max(read, default=Scope.ONCE)
    # matrices of all steps would be many times as large as all else
    is_large = scope is Scope.STEPS and ir.is_matrix(instruction.shape)
    return Scope.LOOP if is_large else scope


def scope_of_atom(atom: Atom, of_values: Mapping[str, Scope]) -> Scope:
    if isinstance(atom, ir.Number):
        return Scope.ONCE
    return of_values[atom.name] if atom.kind == "value" else SCOPES.get(atom.kind, Scope.ONCE)


def atoms(operands: Sequence[ir.Expr]) -> list[Atom]:
    """Operands of which none is an operation of its own."""
    atoms = [operand for operand in operands if not isinstance(operand, ir.Apply)]
    assert len(atoms) == len(operands)
    return atoms


@dataclass(slots=True)
class Builder:
    """Writes instructions: one that is there already is not written again, and one on numbers
    becomes a number.

    Attributes:
        prefix: of names for values that have no label.
        known: what computes the same -> its value.
        definitions: name -> its instruction.
    """

    prefix: str = "$"
    instructions: list[Instruction] = field(default_factory=list)
    known: dict[Key, ir.Ref] = field(default_factory=dict)
    definitions: dict[str, Instruction] = field(default_factory=dict)

    def flatten(self, expr: ir.Expr, names: Mapping[str, Atom], label: str = "") -> Atom:
        """Write an expression; `names` says where the values that it reads are."""
        if isinstance(expr, ir.Apply):
            operands = [self.flatten(operand, names) for operand in expr.args]
            if expr.op.over_units and expr.op.simplified(operands) is None:
                operands = [
                    self._whole(*operand_and_arg) for operand_and_arg in zip(operands, expr.args)
                ]
            return self.apply(expr.op, operands, label, expr.params)
        if isinstance(expr, ir.Ref) and expr.kind == "value":
            return names[expr.name]
        return expr

    def apply(
        self,
        primitive: Primitive,
        inputs: Sequence[Atom],
        label: str = "",
        params: tuple[int, ...] = (),
    ) -> Atom:
        """Write one operation on values that are there; `label` is the name of its value where that
        is free.
        """
        if primitive is matmul and not inputs[1].shape:
            return self._product_with_number(inputs[0], inputs[1], label)
        simpler = primitive.simplified(inputs)
        if isinstance(simpler, ir.Apply):
            return self.apply(simpler.op, atoms(simpler.args), label)
        if simpler is not None:
            return simpler
        if (written := primitive.formula(inputs)) is not None:
            text, meant = written
            names = {name: self._atom(expr) for name, expr in meant.items()}
            return self.flatten(formula(text), names, label)
        # `a + -b`, as a reversed difference leaves it, is the one operation `a - b`
        if primitive is add and (negative := self._negated(inputs[1])) is not None:
            return self.apply(sub, [inputs[0], negative], label)
        if primitive is neg and (twice := self._negated(inputs[0])) is not None:
            return twice
        is_free = label and label not in self.definitions
        name = label if is_free else f"{self.prefix}{len(self.instructions)}"
        return self._write(Instruction.of(name, primitive, inputs, params))

    def _atom(self, expr: ir.Expr) -> Atom:
        """The value of an expression of values that are there."""
        if not isinstance(expr, ir.Apply):
            return expr
        return self.apply(expr.op, [self._atom(operand) for operand in expr.args])

    def _whole(self, atom: Atom, operand: ir.Expr) -> Atom:
        """An operand that is a vector as one, also where all its units were folded to a number."""
        if atom.shape or not operand.shape:
            return atom
        return self.apply(spread, [atom, ir.Number(0.0, operand.shape)])

    def _write(self, instruction: Instruction) -> Atom:
        if instruction.key not in self.known:
            self.instructions.append(instruction)
            self.know(instruction)
        return self.known[instruction.key]

    def know(self, instruction: Instruction) -> None:
        """Take note of an instruction that is there: it is not written again."""
        self.known[instruction.key] = instruction.value
        self.definitions[instruction.name] = instruction

    def _product_with_number(self, weight: Atom, number_for_all: Atom, label: str) -> Atom:
        """A matrix on a vector that is one number for all units, such as `t` or what `0 * x` is
        folded to: (W @ 1) * t.
        """
        if number_for_all == ir.Number(0.0):
            return number_for_all
        ones = ir.Number(1.0, weight.shape[1:])
        return self.apply(mul, [self.apply(matmul, [weight, ones]), number_for_all], label)

    def stack(self, parts: Sequence[Atom]) -> Atom:
        """Vectors side by side; parts of one wide value that lie so already are not laid again."""
        joined = self._joined(parts)
        return joined[0] if len(joined) == 1 else self.apply(stack, joined)

    def _joined(self, parts: Sequence[Atom]) -> list[Atom]:
        """The same with neighbours that lie side by side in one wide value taken as one: z[0:1],
        z[1:3] is z[0:3].
        """
        joined: list[Atom] = []
        for atom in parts:
            longer = self._continued(joined[-1], atom) if joined else None
            if longer is None:
                joined.append(atom)
            else:
                joined[-1] = longer
        return joined

    def _continued(self, atom: Atom, neighbour: Atom) -> Atom | None:
        """Two parts of one wide value as one part; None unless the neighbour begins where the first
        one ends.
        """
        part, next_part = self._part_of(atom), self._part_of(neighbour)
        if part is None or next_part is None:
            return None
        whole, first, last = part
        other_whole, other_first, other_last = next_part
        continues = other_whole == whole and other_first == last + 1
        return self.part(whole, first, other_last) if continues else None

    def part(self, wide: Atom, first: int, last: int) -> Atom:
        """Members `first` to `last` of a wide value."""
        if (first, last) == (0, len(members(wide.shape)) - 1):
            return wide
        within = self._part_of(wide)
        if within is not None:
            whole, start, _ = within
            return self.part(whole, start + first, start + last)
        definition = self.definition(wide)
        if definition is not None and definition.primitive is stack:
            laid = definition.inputs
            if all(len(members(atom.shape)) == 1 for atom in laid):
                return self.stack(laid[first : last + 1])
        return self.apply(part, [wide], params=(first, last))

    def definition(self, atom: Atom) -> Instruction | None:
        """The instruction that computes an atom."""
        if isinstance(atom, ir.Ref) and atom.kind == "value":
            return self.definitions.get(atom.name)
        return None

    def _part_of(self, atom: Atom) -> tuple[Atom, int, int] | None:
        """The wide value that an atom is a part of, with its first and last member there."""
        definition = self.definition(atom)
        if definition is None or definition.primitive is not part:
            return None
        first, last = definition.params
        return definition.inputs[0], first, last

    def _negated(self, atom: Atom) -> Atom | None:
        """What an atom is the negative of."""
        definition = self.definition(atom)
        return (
            definition.inputs[0] if definition is not None and definition.primitive is neg else None
        )
