"""What every program and every adjoint must hold: each name is defined before it is read, and sizes
agree.

In: a `Program`, or one with its `Adjoint`.  Out: nothing, or a `MalformedProgram`, which is a bug
of ours and no mistake of a user.  `widen.compile_step` and `adjoint.adjoint` end with it, since an
undefined name would otherwise be met in the middle of a training.

Instructions run in seven phases: forward `once`, `before`, `loop`; backward `fixed`, `loop`,
`after`, `once`.  A phase may read what earlier phases define, as far as that is still there: of the
forward loop only what is saved, of the backward loop only what is emitted, and after a reduction
over all steps nothing that has a row for each step.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rnnzoo.lang import ir
from rnnzoo.lang.primitives import ShapeError
from rnnzoo.lang.program import Atom, Instruction, Program, by_name, names_of

if TYPE_CHECKING:
    from rnnzoo.lang.adjoint import Adjoint

# Kinds of names, besides values, that a phase may read.
_FIXED: frozenset[ir.RefKind] = frozenset({"constant", "option", "size", *ir.WEIGHTS})
_STEPS: frozenset[ir.RefKind] = _FIXED | {"input", "below", "drop"}
_LOOP: frozenset[ir.RefKind] = _STEPS | {"previous", "time"}


class MalformedProgram(AssertionError):
    """A program that reads what nothing defines, or whose sizes contradict each other."""


@dataclass(slots=True)
class _Phase:
    """One part of a program as it is gone through, instruction by instruction.

    Attributes:
        values: name -> shape of what may be read, instructions of this phase included as they are
            met.
        reducible: likewise, of what only a reduction over all steps may read.
    """

    title: str
    kinds: frozenset[ir.RefKind]
    values: dict[str, ir.Shape]
    reducible: Mapping[str, ir.Shape] = field(default_factory=dict)
    adjoints: frozenset[ir.Ref] | None = frozenset()  # those that may be read; None for all
    reduces: bool = False

    def run(self, instructions: Iterable[Instruction]) -> dict[str, ir.Shape]:
        """Go through the instructions; returns the shape of each by its name."""
        defined: dict[str, ir.Shape] = {}
        for instruction in instructions:
            reduces = instruction.primitive.reduces
            if reduces and not self.reduces:
                raise self.malformed(instruction, "reduces over all steps")
            for atom in instruction.inputs:
                self.read(atom, instruction, over_all_steps=reduces)
            problem = _shape_problem(instruction)
            if problem:
                raise self.malformed(instruction, problem)
            self.values[instruction.name] = defined[instruction.name] = instruction.shape
        return defined

    def read(
        self, atom: Atom, instruction: Instruction | None, over_all_steps: bool = False
    ) -> None:
        """Raise unless an operand is there and has the shape that its instruction gave it."""
        if isinstance(atom, ir.Number):
            return
        if atom.kind == "value":
            shape = self.values.get(atom.name)
            if shape is None and over_all_steps:
                shape = self.reducible.get(atom.name)
            if shape is None:
                raise self.malformed(
                    instruction, f"reads '{atom.name}', which nothing before it defines"
                )
            if shape != atom.shape:
                raise self.malformed(
                    instruction, f"reads '{atom.name}' as {atom.shape}, and it is {shape}"
                )
        elif atom.kind == "adjoint":
            if self.adjoints is not None and atom not in self.adjoints and not over_all_steps:
                raise self.malformed(
                    instruction, f"reads the adjoint of '{atom.name}', which is not kept"
                )
        elif atom.kind not in self.kinds and not (over_all_steps and atom.kind in _LOOP):
            raise self.malformed(instruction, f"reads {atom.kind} '{atom.name}'")

    def malformed(self, instruction: Instruction | None, problem: str) -> MalformedProgram:
        name = f"'{instruction.name}' " if instruction is not None else ""
        return MalformedProgram(f"{self.title}: {name}{problem}")


def verify(program: Program) -> None:
    """Raise unless a program defines each name before it reads it, and its sizes agree.

    Raises:
        MalformedProgram: it does not, or they do not.
    """
    once = _Phase("once", _FIXED, {}).run(program.once)
    before = _Phase("before the loop", _STEPS, dict(once)).run(program.before)
    loop = _Phase("in the loop", _LOOP, once | before)
    loop.run(program.loop)
    for name, atom in program.results.items():
        _result(loop, name, atom)


def verify_adjoint(program: Program, back: Adjoint) -> None:
    """The same of the reverse of a program that is well formed.

    Raises:
        MalformedProgram: it reads what neither defines or keeps, or its sizes contradict each
            other.
    """
    _check_vectors(back)
    once = _shapes(program.once)
    results = [atom for atom in program.results.values() if atom.shape]
    kept = _values((*back.saved, *results), _shapes(program.instructions), "saved")
    fixed = once | _Phase("backward, once before the loop", _FIXED, dict(once)).run(back.fixed)
    rows = fixed | _shapes(program.before) | kept
    inside = _backward_loop(back, rows)
    after = _after_loop(back, rows)
    _check_forward_names(program, back, inside)
    _once_after_loop(back, fixed, after)


def _check_vectors(back: Adjoint) -> None:
    """Buffers have a row for each step: (time, batch, size)."""
    for ref in (*back.saved, *back.emitted):
        if len(ref.shape) != 1:
            raise MalformedProgram(
                f"backward: '{ref.name}' is kept at every step, and is no vector"
            )


def _backward_loop(back: Adjoint, readable: Mapping[str, ir.Shape]) -> Collection[str]:
    """Go through the backward loop; returns the names that it defines."""
    # every adjoint is there in the loop; after it, those alone that the loop emits
    loop = _Phase("backward, in the loop", _LOOP, dict(readable), adjoints=None)
    inside = loop.run(back.loop)
    for name, atom in back.previous.items():
        _result(loop, f"d.{name}[t-1]", atom)
    for ref in back.emitted:
        loop.read(ref, None)
    return inside


def _after_loop(back: Adjoint, rows: Mapping[str, ir.Shape]) -> dict[str, ir.Shape]:
    """Go through what is computed of all steps at once; returns what has a row for each step.

    Args:
        rows: likewise, without what the loop emits.
    """
    emitted = {ref.name: ref.shape for ref in back.emitted if ref.kind == "value"}
    adjoints = frozenset(ref for ref in back.emitted if ref.kind == "adjoint")
    after = _Phase("backward, after the loop", _LOOP, {**rows, **emitted}, adjoints=adjoints)
    after.run(back.after)
    for name, atom in back.inputs.items():
        _result(after, f"d.{name}", atom)
    return after.values


def _once_after_loop(
    back: Adjoint, fixed: Mapping[str, ir.Shape], rows: Mapping[str, ir.Shape]
) -> None:
    """Go through the gradients of weights, which sum over all steps."""
    title = "backward, once after the loop"
    last = _Phase(title, _FIXED, dict(fixed), reducible=rows, reduces=True)
    last.run(back.once)
    for atom in back.weights.values():
        last.read(atom, None)


def _check_forward_names(program: Program, back: Adjoint, inside: Collection[str]) -> None:
    """A name of the forward program means the same backward, where its value may be computed
    again; and the loop computes none again of those that are there before it.

    Args:
        inside: names that the backward loop defines.
    """
    forward = by_name(program.instructions)
    for instruction in (*back.fixed, *back.loop, *back.after, *back.once):
        if forward.get(instruction.name, instruction) != instruction:
            raise MalformedProgram(
                f"backward: '{instruction.name}' is the name of another value in the forward"
                " program"
            )
    if not (forward.keys() - names_of(program.loop)).isdisjoint(inside):
        raise MalformedProgram(
            "backward: a value has the name of one that is computed before the loop"
        )


def _shapes(instructions: Iterable[Instruction]) -> dict[str, ir.Shape]:
    return {instruction.name: instruction.shape for instruction in instructions}


def _values(
    atoms: Sequence[Atom], shapes: Mapping[str, ir.Shape], role: str
) -> dict[str, ir.Shape]:
    """Shapes of those of the atoms that are values of the forward program."""
    values = {}
    for atom in atoms:
        if isinstance(atom, ir.Ref) and atom.kind == "value":
            if atom.name not in shapes:
                raise MalformedProgram(
                    f"backward: '{atom.name}' is {role}, and nothing in the step defines it"
                )
            values[atom.name] = shapes[atom.name]
    return values


def _result(phase: _Phase, name: str, atom: Atom) -> None:
    try:
        phase.read(atom, None)
    except MalformedProgram as error:
        raise MalformedProgram(f"{error} (the result '{name}')") from None


def _shape_problem(instruction: Instruction) -> str:
    """What is wrong with the sizes of an instruction; empty where they agree."""
    operands = [operand.shape for operand in instruction.inputs]
    try:
        shape = instruction.primitive.shape(operands, instruction.params)
    except ShapeError as error:
        return str(error)
    if shape == instruction.shape:
        return ""
    return f"makes {instruction.shape} of {', '.join(str(operand) for operand in operands)}"
