"""Programs -> text for people: what the engine runs forward, and backward, in the notation of the
cell language.

In: a cell.  Out: lines of text.  A value that is read once stands where it is read; the others get
a letter.  `[a, b]` lays vectors side by side, `z[0:3]` takes the first three of them, `W'` is a
transposed matrix, `W[:, 0]` its columns for the first of joined vectors, `[:, a, b]` lays matrices
side by side, `spread(a)` is a number for all units, `next.c` is what the step after this one and
the layer above hand back for c, `d.c` the whole adjoint of c, and `sum_t` adds up over steps and
sequences.  Delays (`lang.delays`) are a program of their own, before the others and after their
way back; `d.x += a` adds to what is there.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from rnnzoo.lang import ir
from rnnzoo.lang.adjoint import Adjoint, adjoint
from rnnzoo.lang.delays import Split, as_written, split
from rnnzoo.lang.primitives import Operands
from rnnzoo.lang.primitives.base import CALL, PREFIX, Written
from rnnzoo.lang.primitives.layout import members
from rnnzoo.lang.program import Atom, Instruction, Instructions, Program, names_of, reads
from rnnzoo.lang.text import number as digits
from rnnzoo.lang.widen import compile_step


def listing(cell: ir.Cell) -> str:
    """The engine's view of one layer of a cell."""
    engine = _compiled(cell)
    program, back = engine.loop
    taken = {equation.name for equation in (*cell.step.equations, *cell.constants)}
    taken |= {weight.name for weight in cell.step.weights} | set(cell.options)
    free = (f"z{n}" for n in itertools.count(1) if f"z{n}" not in taken)
    delays = [(_Printer(free), *level) for level in engine.delays]
    printer = _Printer(free)
    ends: dict[str, Atom] = {f"d.{name}[t-1]": atom for name, atom in back.previous.items()}
    gradients = _gradients(back)
    after = (*back.after, *back.once)
    backward = (*back.loop, *after)
    kept = [*(ir.Ref("value", name) for name in engine.states), *back.saved]
    parts = [
        *(("delays, for all steps at once", _ahead(*delay)) for delay in delays),
        ("for all steps at once", printer.part((*program.once, *program.before), {}, program.loop)),
        ("in the loop, forward", printer.part(program.loop, program.results, backward)),
        ("kept at every step", [printer.names(kept)]),
        ("once, before the way back", printer.part(back.fixed, {}, backward)),
        ("in the loop, backward", printer.part(back.loop, ends, after)),
        ("after it, for all steps at once", printer.part(after, gradients, ())),
    ]
    known = set(gradients)
    for own, _, back in reversed(delays):
        lines = own.part((*back.fixed, *back.after, *back.once), _gradients(back), ())
        parts.append(("delays, after that", list(_added(lines, known))))
        known |= set(_gradients(back))
    blocks = ["\n".join((f"# {title}", *lines)) for title, lines in parts if lines]
    return "\n\n".join(blocks)


def _ahead(printer: _Printer, program: Program, back: Adjoint) -> list[str]:
    """Lines of what is computed of delays."""
    backward = (*back.fixed, *back.after, *back.once)
    return printer.part((*program.once, *program.before), program.results, backward)


def _gradients(back: Adjoint) -> dict[str, Atom]:
    return {f"d.{name}": atom for name, atom in (*back.inputs.items(), *back.weights.items())}


def _added(lines: Iterable[str], known: Collection[str]) -> Iterator[str]:
    """The lines, with `+=` where a name has a value already."""
    for line in lines:
        name, _, text = line.partition(" = ")
        yield f"{name} += {text}" if name in known else line


@dataclass(frozen=True, slots=True)
class _Compiled:
    """What the engine runs of one layer, each with its reverse.

    Attributes:
        states: that the loop carries.
        delays: of each level.
    """

    states: tuple[str, ...]
    loop: tuple[Program, Adjoint]
    delays: tuple[tuple[Program, Adjoint], ...]


def _compiled(cell: ir.Cell) -> _Compiled:
    states = [state.name for state in cell.states]
    parts = split(cell.step, states, [cell.output])
    if parts is None:
        parts = Split((), cell.step)
    carried = [name for name in states if name not in parts.names]
    program = compile_step(parts.rest, list(dict.fromkeys([*carried, cell.output])))
    levels = (compile_step(level.step, level.names) for level in parts.levels)
    return _Compiled(
        tuple(carried),
        (program, adjoint(program, carried)),
        tuple((level, adjoint(level, ())) for level in levels),
    )


@dataclass(slots=True)
class _Printer:
    """Prints the parts of a program one after the other; what one part names, the next may read."""

    free: Iterator[str]  # letters that nothing has yet
    # temporaries that have a name of their own
    letters: dict[str, str] = field(default_factory=dict)
    texts: dict[str, Written] = field(default_factory=dict)  # those that stand where they are read

    def part(
        self, instructions: Instructions, ends: Mapping[str, Atom], later: Instructions
    ) -> list[str]:
        """Lines of one part; `ends` are the names of its results, `later` the instructions that
        read it too.
        """
        named = {atom.name: name for name, atom in ends.items() if isinstance(atom, ir.Ref)}
        inlined = _inlined(instructions, {*named, *_names_read(later)})
        lines = {}
        for instruction in dict.fromkeys(instructions):
            name, written = instruction.name, self.written(instruction)
            if name in inlined:
                self.texts[name] = written
            elif name not in self.letters:
                # what is computed again has its letter, and its line, from an earlier part
                self.letters[name] = named.get(name) or self.letter(name)
                lines[self.letters[name]] = written[0]
        for name, atom in ends.items():
            if name not in lines:  # it is an input, a number, or what another result is
                lines[name] = self.text(atom)[0]
        return [f"{name} = {text}" for name, text in lines.items()]

    def letter(self, name: str) -> str:
        return next(self.free) if _is_temporary(name) else name

    def names(self, values: list[ir.Ref]) -> str:
        return ", ".join(dict.fromkeys(self.text(value)[0] for value in values))

    def written(self, instruction: Instruction) -> Written:
        operands = [self.text(atom) for atom in instruction.inputs]
        return instruction.primitive.text(
            Operands(instruction.inputs, operands), instruction.params
        )

    def text(self, atom: Atom) -> Written:
        if isinstance(atom, ir.Number):
            return digits(atom.value), CALL if atom.value >= 0 else PREFIX
        match atom.kind:
            case "previous":
                return f"{atom.name}[t-1]", CALL
            case "below":
                name = as_written(atom.name)
                return f"below.{atom.name}" if name is None else name, CALL
            case "adjoint":
                return f"next.{atom.name}", CALL
            case "value" if atom.name in self.letters:
                return self.letters[atom.name], CALL
            case "value" if atom.name in self.texts:
                return self.texts[atom.name]
        return atom.name, CALL


def _inlined(instructions: Instructions, read_elsewhere: Collection[str]) -> set[str]:
    """The temporaries of a part that get no line, since their text goes where they are read: those
    that are read once and in this part, and those that only regroup.
    """
    uses = Counter(ref.name for ref in reads(instructions) if ref.kind == "value")
    return {
        instruction.name
        for instruction in instructions
        if _is_temporary(instruction.name)
        and instruction.name not in read_elsewhere
        and (uses[instruction.name] < 2 or instruction.primitive.regroups)
    }


def _is_temporary(name: str) -> bool:
    return name.startswith(("$", "d$"))


def _names_read(instructions: Instructions) -> set[str]:
    """Names of what instructions read and do not compute."""
    return {ref.name for ref in reads(instructions)} - names_of(instructions)


def costs(cell: ir.Cell) -> Iterator[tuple[str, int]]:
    """How many vectors are kept at each step: by the forward loop, and by the backward loop for
    what follows it.
    """
    engine = _compiled(cell)
    _, back = engine.loop
    yield "kept", sum(len(members(ref.shape)) for ref in back.saved) + len(engine.states)
    yield "emitted", sum(len(members(ref.shape)) for ref in back.emitted)
