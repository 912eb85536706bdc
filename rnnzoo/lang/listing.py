"""Programs -> text for people: what the engine runs forward, and backward, in the notation of the cell language.

In: a cell.  Out: lines of text.  A value that is read once stands where it is read; the others get a letter.  `[a, b]` lays
vectors side by side, `z[0:3]` takes the first three of them, `W'` is a transposed matrix, `next.c` is what the step after
this one and the layer above hand back for c, `d.c` the whole adjoint of c, and `sum_t` adds up over steps and sequences.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from rnnzoo.lang import ir
from rnnzoo.lang.adjoint import Adjoint, adjoint
from rnnzoo.lang.ops import OPS
from rnnzoo.lang.program import Atom, Lines, Program, atoms, members, number, reads
from rnnzoo.lang.text import number as digits
from rnnzoo.lang.widen import compile_step

PRODUCT, CALL = OPS["mul"].binds, 9


def listing(cell: ir.Cell) -> str:
    """The engine's view of one layer of a cell."""
    states, program, back = _compiled(cell)
    taken = {one.name for one in (*cell.step.equations, *cell.constants)}
    taken |= {one.name for one in cell.step.weights} | set(cell.options)
    printer = _Printer(f"z{n}" for n in itertools.count(1) if f"z{n}" not in taken)
    ends: dict[str, Atom] = {f"d.{name}[t-1]": atom for name, atom in back.previous.items()}
    gradients: dict[str, Atom] = {f"d.{name}": atom for name, atom in (*back.inputs.items(), *back.weights.items())}
    parts = [
        ("for all steps at once", printer.part((*program.once, *program.before), {}, program.loop)),
        (
            "in the loop, forward",
            printer.part(program.loop, dict(program.results), (*back.loop, *back.after, *back.once)),
        ),
        ("kept at every step", [printer.names([*(ir.Ref("value", one) for one in states), *back.saved])]),
        ("once, before the way back", printer.part(back.fixed, {}, (*back.loop, *back.after, *back.once))),
        ("in the loop, backward", printer.part(back.loop, ends, (*back.after, *back.once))),
        ("after it, for all steps at once", printer.part((*back.after, *back.once), gradients, ())),
    ]
    return "\n".join(line for title, lines in parts if lines for line in (f"# {title}", *lines, "")).rstrip()


def _compiled(cell: ir.Cell) -> tuple[list[str], Program, Adjoint]:
    states = [one.name for one in cell.states]
    program = compile_step(cell.step, list(dict.fromkeys([*states, cell.output])))
    return states, program, adjoint(program, states)


@dataclass(slots=True)
class _Printer:
    """Prints the parts of a program one after the other; what one part names, the next may read."""

    free: Iterator[str]  # letters that nothing has yet
    letters: dict[str, str] = field(default_factory=dict)  # temporaries that have a name of their own
    texts: dict[str, tuple[str, int]] = field(default_factory=dict)  # those that stand where they are read

    def part(self, lines: Lines, ends: Mapping[str, Atom], later: Lines) -> list[str]:
        """Lines of one part; `ends` are the names of its results, `later` the lines that read it too."""
        uses = Counter(ref.name for ref in reads(lines) if ref.kind == "value")
        outside = {ref.name for ref in reads(later)} - {one.name for one in later}
        named = {atom.name: name for name, atom in ends.items() if isinstance(atom, ir.Ref)}
        found = []
        for one in dict.fromkeys(lines):
            text = self.line(one)
            plain = one.name.startswith(("$", "d$"))
            taken = isinstance(one.expr, ir.Apply) and one.expr.op in ("part", "stack") and one.name not in outside
            if plain and one.name not in named and one.name not in outside and (uses[one.name] < 2 or taken):
                self.texts[one.name] = text
            elif one.name not in self.letters:
                letter = named.get(one.name) or (next(self.free) if plain else one.name)
                self.letters[one.name] = letter
                found.append(f"{letter} = {text[0]}")
        done = {line.partition(" = ")[0] for line in found}
        found += [f"{name} = {self.text(atom)[0]}" for name, atom in ends.items() if name not in done]
        return found

    def names(self, values: list[ir.Ref]) -> str:
        return ", ".join(dict.fromkeys(self.text(one)[0] for one in values))

    def line(self, one: ir.Equation) -> tuple[str, int]:
        assert isinstance(one.expr, ir.Apply)
        args = atoms(one.expr)
        match one.expr.op:
            case "stack":
                return f"[{', '.join(self.text(arg)[0] for arg in args)}]", CALL
            case "part":
                first, last = number(args[1]), number(args[2])
                return f"{self.enclosed(args[0], CALL)}[{first if first == last else f'{first}:{last + 1}'}]", CALL
            case "matmul":
                return f"{self.enclosed(args[0], CALL)} @ {self.enclosed(args[1], PRODUCT + 1)}", PRODUCT
            case "matmul_t":
                return f"{self.enclosed(args[0], CALL)}' @ {self.enclosed(args[1], PRODUCT + 1)}", PRODUCT
            case "outer":
                return f"sum_t({self.enclosed(args[0], PRODUCT)} @ {self.enclosed(args[1], CALL)}')", CALL
            case "sum" | "total":
                return f"sum_{'t' if one.expr.op == 'sum' else 'units'}({self.text(args[0])[0]})", CALL
            case op:
                return self.operation(op, args)

    def operation(self, op: str, args: tuple[Atom, ...]) -> tuple[str, int]:
        row = OPS[op]
        if not row.symbol:
            return f"{op}({', '.join(self.text(arg)[0] for arg in args)})", CALL
        if row.arity == 1:
            return f"{row.symbol}{self.enclosed(args[0], row.binds)}", row.binds
        return f"{self.enclosed(args[0], row.binds)} {row.symbol} {self.enclosed(args[1], row.binds + 1)}", row.binds

    def enclosed(self, atom: Atom, least: int) -> str:
        text, binds = self.text(atom)
        return text if binds >= least else f"({text})"

    def text(self, atom: Atom) -> tuple[str, int]:
        if isinstance(atom, ir.Number):
            return digits(atom.value), CALL if atom.value >= 0 else OPS["neg"].binds
        match atom.kind:
            case "previous":
                return f"{atom.name}[t-1]", CALL
            case "below":
                return f"below.{atom.name}", CALL
            case "adjoint":
                return f"next.{atom.name}", CALL
            case "value" if atom.name in self.letters:
                return self.letters[atom.name], CALL
            case "value" if atom.name in self.texts:
                return self.texts[atom.name]
        return atom.name, CALL


def costs(cell: ir.Cell) -> Iterator[tuple[str, int]]:
    """What a step stores for the backward pass, and the backward pass for the gradients of the weights, in vectors."""
    states, _, back = _compiled(cell)
    yield "kept", sum(len(members(ref.shape)) for ref in back.saved) + len(states)
    yield "emitted", sum(len(members(ref.shape)) for ref in back.emitted)
