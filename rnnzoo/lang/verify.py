"""What every program and every adjoint must hold: each name has a line before it is read, and sizes agree.

In: a `Program`, or one with its `Adjoint`.  Out: nothing, or a `MalformedProgram`, which is a bug of ours and no mistake
of a user.  `widen.compile_step` and `adjoint.adjoint` end with it, since a name without a line would otherwise be met in
the middle of a training.

Lines run in seven phases: forward `once`, `before`, `loop`; backward `fixed`, `loop`, `after`, `once`.  A phase may read
what earlier phases define, as far as that is still there: of the forward loop only what is saved, of the backward loop
only what is emitted, and after a reduction over all steps nothing that has a row for each step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rnnzoo.lang import ir
from rnnzoo.lang.ops import OPS
from rnnzoo.lang.program import REDUCTIONS, Atom, Program, atoms, members, number

if TYPE_CHECKING:
    from rnnzoo.lang.adjoint import Adjoint

# Kinds of names, besides values, that a phase may read.
_FIXED: frozenset[ir.Kind] = frozenset({"weight", "constant", "option"})
_STEPS: frozenset[ir.Kind] = _FIXED | {"input", "below", "drop"}
_LOOP: frozenset[ir.Kind] = _STEPS | {"previous", "time"}
_UNKNOWN = "?"  # the only size of a number that fills a vector


class MalformedProgram(AssertionError):
    """A program that reads what no line defines, or whose sizes contradict each other."""


@dataclass(slots=True)
class _Phase:
    """One part of a program as it is gone through, line by line.

    Attributes:
        values: name -> shape of what may be read, lines of this phase included as they are met.
        reducible: likewise, of what only a reduction over all steps may read.
    """

    title: str
    kinds: frozenset[ir.Kind]
    values: dict[str, ir.Shape]
    reducible: Mapping[str, ir.Shape] = field(default_factory=dict)
    adjoints: frozenset[ir.Ref] | None = frozenset()  # those that may be read; None for all
    reduces: bool = False

    def lines(self, lines: Iterable[ir.Equation]) -> dict[str, ir.Shape]:
        """Go through the lines; returns the shape of each by its name."""
        defined: dict[str, ir.Shape] = {}
        for line in lines:
            expr = line.expr
            if not isinstance(expr, ir.Apply):
                raise self.malformed(line, "is no operation")
            if any(isinstance(arg, ir.Apply) for arg in expr.args):
                raise self.malformed(line, "is more than one operation")
            if expr.op in REDUCTIONS and not self.reduces:
                raise self.malformed(line, "reduces over all steps")
            for atom in atoms(expr):
                self.read(atom, line, over_all_steps=expr.op in REDUCTIONS)
            problem = _shape_problem(expr)
            if problem:
                raise self.malformed(line, problem)
            if expr.shape and line.size != expr.shape[0]:
                raise self.malformed(line, f"has size {line.size} and shape {expr.shape}")
            self.values[line.name] = defined[line.name] = expr.shape
        return defined

    def read(self, atom: Atom, line: ir.Equation | None, over_all_steps: bool = False) -> None:
        """Whether an operand is there, and has the shape that its line gave it."""
        if isinstance(atom, ir.Number):
            return
        if atom.kind == "value":
            shape = self.values.get(atom.name)
            if shape is None and over_all_steps:
                shape = self.reducible.get(atom.name)
            if shape is None:
                raise self.malformed(line, f"reads '{atom.name}', which no line before it defines")
            if shape != atom.shape:
                raise self.malformed(line, f"reads '{atom.name}' as {atom.shape}, and it is {shape}")
        elif atom.kind == "adjoint":
            if self.adjoints is not None and atom not in self.adjoints and not over_all_steps:
                raise self.malformed(line, f"reads the adjoint of '{atom.name}', which is not kept")
        elif atom.kind not in self.kinds and not (over_all_steps and atom.kind in _LOOP):
            raise self.malformed(line, f"reads {atom.kind} '{atom.name}'")

    def malformed(self, line: ir.Equation | None, problem: str) -> MalformedProgram:
        name = f"'{line.name}' " if line is not None else ""
        return MalformedProgram(f"{self.title}: {name}{problem}")


def verify(program: Program) -> None:
    """Raise where a program reads what it does not define, or where its sizes contradict each other.

    Raises:
        MalformedProgram: it does.
    """
    once = _Phase("once", _FIXED, {}).lines(program.once)
    before = _Phase("before the loop", _STEPS, dict(once)).lines(program.before)
    loop = _Phase("in the loop", _LOOP, once | before)
    loop.lines(program.loop)
    for name, atom in program.results.items():
        _result(loop, name, atom)


def verify_adjoint(program: Program, back: Adjoint) -> None:
    """The same of the reverse of a program that is well formed.

    Raises:
        MalformedProgram: it reads what neither defines or keeps, or its sizes contradict each other.
    """
    lines = {line.name: line.expr.shape for line in program.lines}
    once = {line.name: lines[line.name] for line in program.once}
    sequences = {line.name: lines[line.name] for line in program.before}
    for ref in (*back.saved, *back.emitted):
        if len(ref.shape) != 1:
            raise MalformedProgram(f"backward: '{ref.name}' is kept at every step, and is no vector")
    results = [atom for atom in program.results.values() if atom.shape]
    kept = _values((*back.saved, *results), lines, "saved")
    fixed = once | _Phase("backward, once before the loop", _FIXED, dict(once)).lines(back.fixed)
    loop = _Phase("backward, in the loop", _LOOP, fixed | sequences | kept, adjoints=None)
    inside = loop.lines(back.loop)
    for name, atom in back.previous.items():
        _result(loop, f"d.{name}[t-1]", atom)
    for ref in back.emitted:
        loop.read(ref, None)
    emitted = {ref.name: ref.shape for ref in back.emitted if ref.kind == "value"}
    adjoints = frozenset(ref for ref in back.emitted if ref.kind == "adjoint")
    rows = fixed | sequences | kept | emitted
    after = _Phase("backward, after the loop", _LOOP, dict(rows), adjoints=adjoints)
    after.lines(back.after)
    for name, atom in back.inputs.items():
        _result(after, f"d.{name}", atom)
    if not inside.keys().isdisjoint(lines.keys() - {line.name for line in program.loop}):
        raise MalformedProgram("backward: a line has the name of one that is computed before the loop")
    last = _Phase(
        "backward, once after the loop", _FIXED, dict(fixed), after.values, adjoints=frozenset(), reduces=True
    )
    last.lines(back.once)
    for atom in back.weights.values():
        last.read(atom, None)


def _values(atoms_read: Sequence[Atom], lines: Mapping[str, ir.Shape], what: str) -> dict[str, ir.Shape]:
    """Shapes of those of the atoms that are values of the forward program."""
    found = {}
    for atom in atoms_read:
        if isinstance(atom, ir.Ref) and atom.kind == "value":
            if atom.name not in lines:
                raise MalformedProgram(f"backward: '{atom.name}' is {what}, and no line of the step defines it")
            found[atom.name] = lines[atom.name]
    return found


def _result(phase: _Phase, name: str, atom: Atom) -> None:
    try:
        phase.read(atom, None)
    except MalformedProgram as error:
        raise MalformedProgram(f"{error} (the result '{name}')") from None


def _shape_problem(expr: ir.Apply) -> str:
    """What is wrong with the sizes of an operation on names and numbers; empty where they agree."""
    args = atoms(expr)
    match expr.op:
        case "matmul" | "matmul_t":
            weight, operand = (arg.shape for arg in args)
            if len(weight) != 2 or len(operand) != 1:
                return f"multiplies {weight} with {operand}"
            rows, columns = weight if expr.op == "matmul" else weight[::-1]
            agree = _same(columns, operand[0]) and len(expr.shape) == 1 and _same(rows, expr.shape[0])
        case "outer":
            agree = len(expr.shape) == 2 and all(
                len(arg.shape) == 1 and _same(size, arg.shape[0]) for size, arg in zip(expr.shape, args)
            )
        case "sum":
            agree = args[0].shape == expr.shape
        case "total":
            agree = len(args[0].shape) == 1 and expr.shape == ()
        case "stack":
            sizes = tuple(size for arg in args for size in members(arg.shape) if arg.shape)
            agree = all(arg.shape for arg in args) and sizes == members(expr.shape)
            agree = agree and all(arg.shape[1:] == expr.shape[1:] for arg in args)
        case "part":
            whole, first, last = args
            taken = members(whole.shape)[number(first) : number(last) + 1]
            agree = taken == members(expr.shape) and whole.shape[1:] == expr.shape[1:]
        case op if op in OPS:
            shapes = {arg.shape for arg in args if arg.shape}
            agree = len(args) == OPS[op].arity and shapes <= {expr.shape}
        case _:
            return f"is the unknown operation '{expr.op}'"
    return "" if agree else f"makes {expr.shape} of {', '.join(str(arg.shape) for arg in args)}"


def _same(one: ir.Size, other: ir.Size) -> bool:
    """Whether two sizes are the same; one vector alone is a tuple of one."""
    return (one if isinstance(one, tuple) else (one,)) == (other if isinstance(other, tuple) else (other,))
