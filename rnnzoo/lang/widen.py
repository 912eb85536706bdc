"""A step -> its program, in which operations of one kind on neighbours are one wide operation.

Compilers call this horizontal fusion.  All matrices on one operand become one stacked matrix and
one product.  The sums and activations that follow are taken along as far as they are alike: in an
LSTM `z = zx + [R_i; R_f; R_o; R_g] @ h[t-1]` is one product and one sum, and `sigmoid` is one
operation on the three gates, which lie side by side.  The projections of x are laid in the order in
which the loop reads them, so that it reads one row.

In: a step.  Out: a `Program`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rnnzoo.lang import ir, passes
from rnnzoo.lang.primitives import Primitive, matmul, mul, part
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
    scopes,
)
from rnnzoo.lang.verify import verify

# Operations of a product's future by which neighbours are chosen.  Cells of the zoo have at most 5
# (gru_reset_after); a generated one with a chain of hundreds is not followed to its end.
MAX_SIGNATURE = 8


def compile_step(step: ir.Step, wanted: Sequence[str], drops: bool = False) -> Program:
    """The program of a step.

    Args:
        wanted: names of equations whose values are needed: states, outputs, what a layer above
            reads.
        drops: multiply the operand of every recurrent product by a mask of recurrent dropout,
            `Ref("drop", "0")` and on.
    """
    outside, loop, values = _flattened(step)
    results = {name: values[name] for name in wanted}
    if drops:
        loop = _dropped(loop)
    # only now: masks are numbered over the whole loop, whatever is wanted of it
    used = names_of(needed((*outside, *loop), results.values()))
    return _widened(
        tuple(instruction for instruction in outside if instruction.name in used),
        tuple(instruction for instruction in loop if instruction.name in used),
        results,
    )


def operands(step: ir.Step) -> tuple[Atom, ...]:
    """What the recurrent products multiply, in the order of their masks of recurrent dropout."""
    return _masked(_flattened(step)[1])


def _flattened(step: ir.Step) -> tuple[Instructions, Instructions, dict[str, Atom]]:
    """The instructions outside the loop (of scopes ONCE and STEPS), those in it, and where each
    equation's value is.
    """
    schedule = passes.schedule(step)
    builder, values = Builder(), dict[str, Atom]()
    for equation in schedule.before:
        values[equation.name] = builder.flatten(equation.expr, values, equation.name)
    count = len(builder.instructions)
    for equation in schedule.loop:
        values[equation.name] = builder.flatten(equation.expr, values, equation.name)
    return tuple(builder.instructions[:count]), tuple(builder.instructions[count:]), values


@dataclass(frozen=True, slots=True)
class _Following:
    """The one instruction that reads a value and can be done together with its neighbours.

    Attributes:
        other: its second operand, where it has one; `other_kind` says which others can lie side by
            side with it.
        swapped: whether the second operand stands first.
    """

    name: str
    primitive: Primitive
    other_kind: str = ""
    swapped: bool = False
    other: Atom | None = None

    @property
    def alike(self) -> tuple[Primitive, str, bool]:
        """Equal for instructions that can be done at once."""
        return self.primitive, self.other_kind, self.swapped


@dataclass(frozen=True, eq=False, slots=True)  # a key of dictionaries, each run for itself
class _Run:
    """Instructions that are done at once: the same operation on members `first` and on of what
    another run yields.

    Attributes:
        names: of the instructions, in order; `others` are their second operands, where they have
            any.
        base: the run whose values they take; None for products, which begin.
    """

    primitive: Primitive
    names: tuple[str, ...]
    others: tuple[Atom, ...] = ()
    base: _Run | None = None
    first: int = 0
    swapped: bool = False


@dataclass(slots=True)
class _Uses:
    """Who reads a value."""

    instructions: Mapping[str, Instruction]
    scope: Mapping[str, Scope]
    readers: Mapping[str, Sequence[str]]

    @staticmethod
    def of(instructions: Mapping[str, Instruction]) -> _Uses:
        readers: dict[str, list[str]] = defaultdict(list)
        for instruction in instructions.values():
            for ref in dict.fromkeys(instruction.reads):
                if ref.kind == "value":
                    readers[ref.name].append(instruction.name)
        return _Uses(instructions, scopes(instructions.values()), readers)

    def is_trained(self, matrix: Atom) -> bool:
        """Whether a matrix is a weight that is trained, or is taken out of one."""
        if not isinstance(matrix, ir.Ref) or matrix.kind != "value":
            return isinstance(matrix, ir.Ref) and matrix.kind == "weight"
        return any(map(self.is_trained, self.instructions[matrix.name].inputs))

    def following(self, name: str) -> _Following | None:
        """What is done to a value next, if that is one thing that can be done together with its
        neighbours.
        """
        candidates = (
            self._candidate(name, self.instructions[reader])
            for reader in self.readers.get(name, ())
        )
        fitting = [candidate for candidate in candidates if candidate is not None]
        # of two readers, each might want the value beside other neighbours
        return fitting[0] if len(fitting) == 1 else None

    def _candidate(self, name: str, reader: Instruction) -> _Following | None:
        primitive, inputs = reader.primitive, reader.inputs
        mine = [
            isinstance(atom, ir.Ref) and atom.kind == "value" and atom.name == name
            for atom in inputs
        ]
        # products begin runs, and `h * h` has no second operand that could lie beside others
        if primitive.is_product or primitive.over_units or sum(mine) != 1:
            return None
        if len(inputs) == 1:
            return _Following(reader.name, primitive)
        if len(inputs) != 2:
            return None
        other = inputs[mine.index(False)]
        kind = self._kind(other, self.instructions[name])
        return _Following(reader.name, primitive, kind, mine[1], other) if kind else None

    def _kind(self, other: Atom, instruction: Instruction) -> str:
        """Which second operands may lie beside this one at no cost, as a text that is equal for
        these: numbers of one value, weights, sequences of one scope; empty where none may.
        """
        if isinstance(other, ir.Number):
            return f"number {other.value}"
        if not other.shape or other.shape != instruction.shape:
            return ""
        if other.kind == "weight":
            return "weight"
        if other.kind == "value" and self.scope[other.name] < self.scope[instruction.name]:
            return f"of {self.scope[other.name].name}"
        return ""

    def signature(self, name: str) -> tuple[tuple[Primitive, str, bool], ...]:
        """What is done to a product's value, one thing after the other: neighbours with the same
        future lie together.
        """
        signature: list[tuple[Primitive, str, bool]] = []
        following = self.following(name)
        while following is not None and len(signature) < MAX_SIGNATURE:
            signature.append(following.alike)
            following = self.following(following.name)
        return tuple(signature)


def _widened(outside: Instructions, loop: Instructions, results: Mapping[str, Atom]) -> Program:
    """The program with wide operations, in four stages.

    First the runs of the loop are found, then those outside it, in the order in which the loop's
    runs read them.  All instructions are written again with each run as one operation, and last
    they are sorted by scope.
    """
    instructions = by_name((*outside, *loop))
    uses = _Uses.of(instructions)
    inner = _runs(loop, uses, {})
    outer = _runs(outside, uses, _first_reads(inner, loop))
    rewrite = _Rewrite(instructions, _places((*outer, *inner)))
    for instruction in instructions.values():
        rewrite.visit(instruction)
    return _program(rewrite.builder, {name: rewrite.atom(atom) for name, atom in results.items()})


def _first_reads(inner: Sequence[_Run], loop: Instructions) -> dict[str, int]:
    """Name -> the position of its first read: by the loop's runs as second operands, then by its
    instructions.
    """
    names = [other.name for run in inner for other in run.others if isinstance(other, ir.Ref)]
    names += [ref.name for ref in reads(loop)]
    first_reads: dict[str, int] = {}
    for position, name in enumerate(names):
        first_reads.setdefault(name, position)
    return first_reads


def _places(runs: Iterable[_Run]) -> dict[str, tuple[_Run, int]]:
    """Name of an instruction -> the run that it belongs to, and its number there."""
    places = {}
    for run in runs:
        for number, name in enumerate(run.names):
            places[name] = run, number
    return places


def _runs(instructions: Instructions, uses: _Uses, first_reads: Mapping[str, int]) -> list[_Run]:
    """Runs of one part of the program: at least two products of one operand, and what follows from
    them.

    The products of a run are ordered by where the loop first reads what is made of them, then by
    what is made of them.  For the loop's own runs `first_reads` is empty, and only the latter
    counts.
    """
    groups: dict[tuple[Atom, bool], list[str]] = {}
    for instruction in instructions:
        if instruction.primitive.is_product:
            matrix, vector = instruction.inputs
            # matrices that are trained apart from others, which need no gradient
            groups.setdefault((vector, uses.is_trained(matrix)), []).append(instruction.name)
    runs: list[_Run] = []
    for names in groups.values():
        signatures = list(dict.fromkeys(map(uses.signature, names)))
        ranks: dict[str, tuple[int, int]] = {}
        for name in names:
            ranks[name] = _read_at(name, uses, first_reads), signatures.index(uses.signature(name))
        ordered = sorted(names, key=ranks.__getitem__)
        if len(ordered) > 1:
            runs += _with_what_follows(_Run(matmul, tuple(ordered)), uses)
    return runs


def _read_at(name: str, uses: _Uses, first_reads: Mapping[str, int]) -> int:
    """Where the loop first reads a product, or else what follows from it."""
    follower: str | None = name
    while follower is not None and follower not in first_reads:
        following = uses.following(follower)
        follower = following.name if following else None
    return len(first_reads) if follower is None else first_reads[follower]


def _with_what_follows(run: _Run, uses: _Uses) -> list[_Run]:
    """A run, and those that take its members further, each before what follows it."""
    runs: list[_Run] = []
    todo = [run]
    while todo:
        runs.append(todo.pop())
        todo += reversed(list(_next_runs(runs[-1], uses)))
    return runs


def _next_runs(run: _Run, uses: _Uses) -> Iterator[_Run]:
    """The runs that take the members of a run further: its members fall into groups of neighbours
    with a like future.

    In `i, f, o, g` of an LSTM these are `i, f, o`, of which the sigmoid is taken, and `g` alone,
    which is no run.
    """
    following = [uses.following(name) for name in run.names]
    first = 0
    while first < len(following):
        group = _alike(following[first:])
        if len(group) > 1:
            others = tuple(follower.other for follower in group if follower.other is not None)
            names = tuple(follower.name for follower in group)
            yield _Run(group[0].primitive, names, others, run, first, group[0].swapped)
        first += max(1, len(group))  # a member with no future of its own is a group of none


def _alike(following: Sequence[_Following | None]) -> list[_Following]:
    """The first of these, and those right after it that can be done together with it; none if
    nothing follows there.
    """
    group: list[_Following] = []
    for follower in following:
        if follower is None or (group and follower.alike != group[0].alike):
            break
        group.append(follower)
    return group


@dataclass(slots=True)
class _Rewrite:
    """Writes the program again; an instruction of a run is a part of the run's wide value.

    Attributes:
        places: name of an instruction of a run -> the run, and its number there.
        values: name of an instruction -> its value in the new program.
        wides: run -> its value.
    """

    instructions: Mapping[str, Instruction]
    places: Mapping[str, tuple[_Run, int]]
    builder: Builder = field(default_factory=Builder)
    values: dict[str, Atom] = field(default_factory=dict)
    wides: dict[_Run, Atom] = field(default_factory=dict)

    def visit(self, instruction: Instruction) -> None:
        if instruction.name in self.places or instruction.name in self.values:
            return  # one of a run is written when it is asked for, with its neighbours
        label = "" if instruction.name.startswith("$") else instruction.name
        inputs = [self.atom(atom) for atom in instruction.inputs]
        self.values[instruction.name] = self.builder.apply(
            instruction.primitive, inputs, label, instruction.params
        )

    def atom(self, atom: Atom) -> Atom:
        if not isinstance(atom, ir.Ref) or atom.kind != "value":
            return atom
        if atom.name not in self.places:
            self.visit(self.instructions[atom.name])
        elif atom.name not in self.values:
            run, number = self.places[atom.name]
            self.values[atom.name] = self.builder.part(self.wide(run), number, number)
        return self.values[atom.name]

    def wide(self, run: _Run) -> Atom:
        """The value of a run, in which its members lie side by side."""
        # a chain of runs may be longer than Python lets functions call each other
        missing: list[_Run] = []
        base: _Run | None = run
        while base is not None and base not in self.wides:
            missing.append(base)
            base = base.base
        for later in reversed(missing):
            base = later.base
            self.wides[later] = self.product(later) if base is None else self.follower(later, base)
        return self.wides[run]

    def product(self, run: _Run) -> Atom:
        """One product with the matrices of a run stacked; their operand is the same."""
        inputs = [self.instructions[name].inputs for name in run.names]
        weights = self.builder.stack([self.atom(weight) for weight, _ in inputs])
        return self.builder.apply(matmul, [weights, self.atom(inputs[0][1])])

    def second_operands(self, others: Sequence[Atom]) -> Atom:
        """The second operands of a run as one; if they are numbers they are the same."""
        if isinstance(others[0], ir.Number):
            return others[0]
        return self.builder.stack([self.atom(other) for other in others])

    def follower(self, run: _Run, base: _Run) -> Atom:
        """The operation of a run on the members that it takes from its base."""
        inputs = [self.builder.part(self.wide(base), run.first, run.first + len(run.names) - 1)]
        if run.others:
            inputs.append(self.second_operands(run.others))
        return self.builder.apply(run.primitive, inputs[::-1] if run.swapped else inputs)


def _masked(loop: Instructions) -> tuple[Atom, ...]:
    """The operands of products in the loop that depend on the step before; number k has mask k of
    recurrent dropout.

    All instructions are asked, also those that nothing needs, so that the numbers are the same
    whatever is wanted of a step.
    """
    recurrent: set[str] = set()
    masked: dict[Atom, None] = {}
    for instruction in loop:
        if any(_is_recurrent(atom, recurrent) for atom in instruction.inputs):
            recurrent.add(instruction.name)
            if instruction.primitive.is_product:
                masked[instruction.inputs[1]] = None
    return tuple(masked)


def _is_recurrent(atom: Atom, recurrent: set[str]) -> bool:
    """Whether an atom depends on the step before, given the names of the instructions that do."""
    if not isinstance(atom, ir.Ref):
        return False
    return atom.name in recurrent if atom.kind == "value" else atom.kind == "previous"


def _dropped(loop: Instructions) -> Instructions:
    """The operand of each recurrent product times its mask."""
    numbers = {operand: number for number, operand in enumerate(_masked(loop))}
    masked: dict[Atom, Instruction] = {}
    instructions: list[Instruction] = []
    for instruction in loop:
        operand = instruction.inputs[-1]
        if not instruction.primitive.is_product or operand not in numbers:
            instructions.append(instruction)
            continue
        if operand not in masked:
            number = str(numbers[operand])
            mask = ir.Ref("drop", number, operand.shape)
            masked[operand] = Instruction.of(f"$dropped{number}", mul, (operand, mask))
            instructions.append(masked[operand])
        instructions.append(
            replace(instruction, inputs=(instruction.inputs[0], masked[operand].value))
        )
    return tuple(instructions)


def _program(builder: Builder, results: Mapping[str, Atom]) -> Program:
    instructions = needed(builder.instructions, results.values())
    scope = scopes(instructions)
    of_scope: dict[Scope, list[Instruction]] = {scope: [] for scope in Scope}
    for instruction in instructions:
        of_scope[scope[instruction.name]].append(instruction)
    once, before, loop = (tuple(of_scope[scope]) for scope in Scope)
    program = Program(once, before, parts_inside(loop, before), results)
    verify(program)
    return program


def parts_inside(loop: Instructions, before: Instructions) -> Instructions:
    """Parts of a sequence that the loop reads are taken in the loop: it reads one wide row, not
    many narrow ones.
    """
    parts = by_name(instruction for instruction in before if instruction.primitive is part)
    taken = [
        parts[ref.name]
        for ref in dict.fromkeys(reads(loop))
        if ref.kind == "value" and ref.name in parts
    ]
    return (*taken, *loop)
