"""Program -> program with the same values: what is done to neighbours alike is done to all of them at once.

All matrices on one operand become one stacked matrix and one product.  The sums and activations that follow are taken along
as far as they are alike: in an LSTM `z = zx + [R_i; R_f; R_o; R_g] @ h[t-1]` is one product and one sum, and
`sigmoid` is one operation on the three gates, which lie side by side.  The projections of x are laid in the order in which
the loop reads them, so that it reads one row.

In: lines before the loop and in it, from `passes.schedule`.  Out: a `Program`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from rnnzoo.lang import ir, passes
from rnnzoo.lang.program import Atom, Builder, Lines, Program, Scope, atoms, needed, reads, scopes
from rnnzoo.lang.verify import verify


def compile_step(step: ir.Step, wanted: Sequence[str], drops: bool = False) -> Program:
    """The program of a step.

    Args:
        wanted: names of equations whose values are needed: states, outputs, what a layer above reads.
        drops: multiply the operand of every recurrent product by a mask of recurrent dropout, `Ref("drop", "0")` and on.
    """
    before, loop, names = _flattened(step)
    results = {name: names[name] for name in wanted}
    if drops:
        loop = _dropped(loop)
    lines = needed((*before, *loop), results.values())
    inside = {line.name for line in loop}
    flat = (
        tuple(line for line in lines if line.name not in inside),
        tuple(line for line in lines if line.name in inside),
    )
    return _widened(flat, results)


def operands(step: ir.Step) -> tuple[Atom, ...]:
    """What the recurrent products multiply, in the order of their masks of recurrent dropout."""
    return _masked(_flattened(step)[1])


def _flattened(step: ir.Step) -> tuple[Lines, Lines, dict[str, Atom]]:
    """One operation a line: those before the loop, those in it, and where the value of each equation is."""
    schedule = passes.schedule(step)
    builder, names = Builder(), dict[str, Atom]()
    for equation in schedule.before:
        names[equation.name] = builder.flatten(equation.expr, names, equation.name)
    count = len(builder.lines)
    for equation in schedule.loop:
        names[equation.name] = builder.flatten(equation.expr, names, equation.name)
    return tuple(builder.lines[:count]), tuple(builder.lines[count:]), names


@dataclass(frozen=True, eq=False, slots=True)
class _Run:
    """Lines that are done at once: the same operation on members `first` to `last` of what another run yields.

    Attributes:
        names: the lines, in order; `others` are their second operands, where they have any.
        base: the run whose values they take; None for products, which begin.
    """

    op: str
    names: tuple[str, ...]
    others: tuple[Atom, ...] = ()
    base: _Run | None = None
    first: int = 0
    swapped: bool = False


@dataclass(slots=True)
class _Uses:
    """Who reads a line."""

    lines: Mapping[str, ir.Equation]
    scope: Mapping[str, Scope]
    readers: Mapping[str, Sequence[str]]

    def next_of(self, name: str) -> tuple[str, str, str, bool, Atom | None] | None:
        """The one line that can be done together with its neighbours: (name, operation, kind of the other operand, ...)."""
        found: list[tuple[str, str, str, bool, Atom | None]] = []
        for reader in self.readers.get(name, ()):
            expr = self.lines[reader].expr
            assert isinstance(expr, ir.Apply)
            args = atoms(expr)
            mine = [isinstance(arg, ir.Ref) and arg.kind == "value" and arg.name == name for arg in args]
            if expr.op == "matmul" or sum(mine) != 1:
                continue
            if len(args) == 1:
                found.append((reader, expr.op, "", False, None))
            elif len(args) == 2:
                other = args[mine.index(False)]
                kind = self.kind(other, self.lines[name])
                if kind:
                    found.append((reader, expr.op, kind, mine[1], other))
        return found[0] if len(found) == 1 else None

    def kind(self, other: Atom, line: ir.Equation) -> str:
        """Whether second operands of this kind lie side by side at no cost: a sequence, a weight, a number."""
        if isinstance(other, ir.Number):
            return f"number {other.value}"
        if other.shape != (line.size,):
            return ""
        if other.kind == "weight":
            return "weight"
        if other.kind == "value" and self.scope[other.name] < self.scope[line.name]:
            return f"of {self.scope[other.name].name}"
        return ""

    def signature(self, name: str) -> tuple[str, ...]:
        """What is done to a product's value, one thing after the other: neighbours with the same future lie together."""
        found: list[str] = []
        following = self.next_of(name)
        while following is not None and len(found) < 8:
            found.append(f"{following[1]} {following[2]} {following[3]}")
            following = self.next_of(following[0])
        return tuple(found)


def _widened(flat: tuple[Lines, Lines], results: Mapping[str, Atom]) -> Program:
    before, loop = flat
    lines = {one.name: one for one in (*before, *loop)}
    readers: dict[str, list[str]] = defaultdict(list)
    for one in lines.values():
        for ref in dict.fromkeys(reads([one])):
            if ref.kind == "value":
                readers[ref.name].append(one.name)
    uses = _Uses(lines, scopes(lines.values()), readers)
    inner = _plan(loop, uses, {})
    order = [other.name for run in inner for other in run.others if isinstance(other, ir.Ref)]
    order += [ref.name for ref in reads(loop)]
    outer = _plan(before, uses, {name: at for at, name in reversed(list(enumerate(order)))})
    rewrite = _Rewrite(lines, {name: (run, at) for run in (*outer, *inner) for at, name in enumerate(run.names)})
    for one in lines.values():
        rewrite.line(one)
    return _program(rewrite.builder, {name: rewrite.atom(atom) for name, atom in results.items()})


def _plan(lines: Lines, uses: _Uses, order: Mapping[str, int]) -> list[_Run]:
    """Runs of one part of the program, the products first."""
    groups: dict[Atom, list[str]] = {}
    for one in lines:
        if isinstance(one.expr, ir.Apply) and one.expr.op == "matmul":
            groups.setdefault(atoms(one.expr)[1], []).append(one.name)
    found: list[_Run] = []
    for names in groups.values():
        alike = list(dict.fromkeys(map(uses.signature, names)))
        places = {name: (_read_at(name, uses, order), alike.index(uses.signature(name))) for name in names}
        ordered = sorted(names, key=places.__getitem__)
        if len(ordered) > 1:
            _extend(_Run("matmul", tuple(ordered)), uses, found)
    return found


def _read_at(name: str, uses: _Uses, order: Mapping[str, int]) -> int:
    """Where in the loop's order a projection is read."""
    at: str | None = name
    while at is not None and at not in order:
        following = uses.next_of(at)
        at = following[0] if following else None
    return len(order) if at is None else order[at]


def _extend(run: _Run, uses: _Uses, found: list[_Run]) -> None:
    """Add a run, and those that take its members further, each with what follows it."""
    todo = [run]
    while todo:
        found.append(todo.pop())
        todo += reversed(list(_following(found[-1], uses)))


def _following(run: _Run, uses: _Uses) -> Iterator[_Run]:
    """The runs that take the members of a run further."""
    following = [uses.next_of(name) for name in run.names]
    at = 0
    while at < len(following):
        step = following[at]
        end = at + 1
        while step is not None and end < len(following):
            after = following[end]
            if after is None or after[1:4] != step[1:4]:
                break
            end += 1
        if step is not None and end - at > 1:
            group = [one for one in following[at:end] if one is not None]
            others = tuple(one[4] for one in group if one[4] is not None)
            yield _Run(step[1], tuple(one[0] for one in group), others, run, at, step[3])
        at = end


@dataclass(slots=True)
class _Rewrite:
    """Writes the program again, line by line; a line of a run is a part of the run's wide value."""

    lines: Mapping[str, ir.Equation]
    runs: Mapping[str, tuple[_Run, int]]
    builder: Builder = field(default_factory=Builder)
    names: dict[str, Atom] = field(default_factory=dict)
    wides: dict[_Run, Atom] = field(default_factory=dict)

    def line(self, one: ir.Equation) -> None:
        if one.name in self.runs or one.name in self.names:
            return  # a line of a run is written when it is asked for, with its neighbours
        assert isinstance(one.expr, ir.Apply)
        label = "" if one.name.startswith("$") else one.name
        self.names[one.name] = self.builder.apply(
            one.expr.op, [self.atom(arg) for arg in atoms(one.expr)], label, one.expr.shape
        )

    def atom(self, atom: Atom) -> Atom:
        if not isinstance(atom, ir.Ref) or atom.kind != "value":
            return atom
        if atom.name not in self.runs:
            self.line(self.lines[atom.name])
        elif atom.name not in self.names:
            run, at = self.runs[atom.name]
            self.names[atom.name] = self.builder.part(self.wide(run), at, at)
        return self.names[atom.name]

    def wide(self, run: _Run) -> Atom:
        missing: list[_Run] = []  # a chain of runs may be longer than Python lets functions call each other
        one: _Run | None = run
        while one is not None and one not in self.wides:
            missing.append(one)
            one = one.base
        for one in reversed(missing):
            self.wides[one] = self.product(one) if one.base is None else self.further(one, one.base)
        return self.wides[run]

    def product(self, run: _Run) -> Atom:
        pairs = [self._operands(name) for name in run.names]
        return self.builder.apply("matmul", [self.builder.stack([w for w, _ in pairs]), self.atom(pairs[0][1])])

    def further(self, run: _Run, base: _Run) -> Atom:
        args = [self.builder.part(self.wide(base), run.first, run.first + len(run.names) - 1)]
        if run.others:
            numbers = isinstance(run.others[0], ir.Number)
            args.append(run.others[0] if numbers else self.builder.stack([self.atom(one) for one in run.others]))
        return self.builder.apply(run.op, args[::-1] if run.swapped else args)

    def _operands(self, name: str) -> tuple[Atom, Atom]:
        weight, operand = atoms(self.lines[name].expr)
        return weight, operand


def _masked(loop: Lines) -> tuple[Atom, ...]:
    """The operands of products in the loop that depend on the step before; number k has mask k of recurrent dropout.

    All lines are asked, also those that nothing needs, so that the numbers are the same whatever is wanted of a step.
    """
    recurrent: set[str] = set()
    found: dict[Atom, None] = {}
    for line in loop:
        assert isinstance(line.expr, ir.Apply)
        if any(_is_recurrent(atom, recurrent) for atom in atoms(line.expr)):
            recurrent.add(line.name)
            if line.expr.op == "matmul":
                found[atoms(line.expr)[1]] = None
    return tuple(found)


def _is_recurrent(atom: Atom, recurrent: set[str]) -> bool:
    """Whether an atom depends on the step before, given the names of the lines that do."""
    if not isinstance(atom, ir.Ref):
        return False
    return atom.name in recurrent if atom.kind == "value" else atom.kind == "previous"


def _dropped(loop: Lines) -> Lines:
    """The operand of each recurrent product times its mask."""
    numbers = {operand: number for number, operand in enumerate(_masked(loop))}
    written: set[Atom] = set()
    found: list[ir.Equation] = []
    for line in loop:
        assert isinstance(line.expr, ir.Apply)
        operand = atoms(line.expr)[-1]
        if line.expr.op != "matmul" or operand not in numbers:
            found.append(line)
            continue
        name = f"$dropped{numbers[operand]}"
        if operand not in written:
            written.add(operand)
            mask = ir.Ref("drop", str(numbers[operand]), operand.shape)
            found.append(ir.Equation(name, ir.Apply("mul", (operand, mask), operand.shape), operand.shape[0]))
        masked = ir.Ref("value", name, operand.shape)
        product = ir.Apply("matmul", (atoms(line.expr)[0], masked), line.expr.shape)
        found.append(ir.Equation(line.name, product, line.size))
    return tuple(found)


def _program(builder: Builder, results: Mapping[str, Atom]) -> Program:
    lines = needed(builder.lines, results.values())
    scope = scopes(lines)
    once, before, loop = (tuple(one for one in lines if scope[one.name] is each) for each in Scope)
    program = Program(once, before, slices_inside(loop, before), results)
    verify(program)
    return program


def slices_inside(loop: Lines, before: Lines) -> Lines:
    """Parts of a sequence that the loop reads are taken in the loop: it reads one wide row, not many narrow ones."""
    parts = {one.name: one for one in before if isinstance(one.expr, ir.Apply) and one.expr.op == "part"}
    taken = [parts[ref.name] for ref in dict.fromkeys(reads(loop)) if ref.kind == "value" and ref.name in parts]
    return (*taken, *loop)
