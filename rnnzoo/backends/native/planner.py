"""From the program of a step, or its adjoint, to the `Plan` of its loop.

In: a program, its adjoint, and what is carried and wanted.  Out: plans; where each value lies, and
what is read and written.  What depends on the number of the step and on constants alone is computed
once a step, in doubles.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rnnzoo.backends.native.operations import elementwise, of_matrices, over_units
from rnnzoo.backends.native.plan import (
    ONE,
    Argument,
    Axes,
    Carried,
    Known,
    MatricesCall,
    Member,
    Memory,
    Named,
    Operation,
    OverUnitsCall,
    Place,
    Plan,
    Product,
    Scalar,
    Timed,
    Unprintable,
    literal,
)
from rnnzoo.lang import ir
from rnnzoo.lang.adjoint import Adjoint
from rnnzoo.lang.primitives import (
    Elementwise,
    OfMatrices,
    OverUnits,
    matmul,
    matmul_t,
    part,
    spread,
    stack,
)
from rnnzoo.lang.primitives.layout import members
from rnnzoo.lang.program import Atom, Instruction, Instructions, Program, by_name

COPY = "{0}"
SUM = "{0} + {1}"


@dataclass(frozen=True, slots=True)
class Loops:
    """Of one layer: what is carried and wanted, and where values that are not computed in the loop
    come from.

    Attributes:
        carried: sizes by name of all that goes from step to step: states, and perhaps the output.
        wanted: whose adjoints come from above at each step.
        aliases: values that are results, by the name of the result.
    """

    program: Program
    adjoint: Adjoint
    carried: Mapping[str, ir.Size]
    wanted: tuple[str, ...]
    aliases: Mapping[Named, str]

    @property
    def rows(self) -> set[Named]:
        """Values that are computed before the loop for each step and sequence; others of these are
        for each sequence.
        """
        moving: set[Named] = set()
        for instruction in self.program.before:
            keys = ((ref.kind, ref.name) for ref in instruction.reads)
            if any(key[0] in ("input", "below") or key in moving for key in keys):
                moving.add(("value", instruction.name))
        return moving

    def forward(self) -> Plan:
        """The loop over the program.

        Raises:
            Unprintable: it has an operation without native code.
        """
        program = self.program
        building = _Building(self, (*program.once, *program.loop), {})
        carried = []
        for name, size in self.carried.items():
            new = building.output(("after", name), (size,))
            old = building.previous(name, new.name)
            carried.append(Carried(name, old, new))
        saved = [
            (ref, building.output((ref.kind, ref.name), members(ref.shape)))
            for ref in self.adjoint.saved
        ]
        targets: list[tuple[Atom, Memory]] = [
            (program.results[state.name], state.new) for state in carried
        ]
        building.run(program.loop, [*targets, *saved])
        return building.plan(False, carried, [memory for _, memory in saved])

    def backward(self) -> Plan:
        """The loop over the adjoint.

        Raises:
            Unprintable: it has an operation without native code.
        """
        back, program = self.adjoint, self.program
        building = _Building(self, (*program.once, *back.fixed, *back.loop), self.aliases)
        carried = []
        for name, size in self.carried.items():
            above = (
                building.input(("above", name), Axes.STEPS, (size,))
                if name in self.wanted
                else None
            )
            old = building.scratch((size,))
            carried.append(Carried(name, old, building.scratch((size,)), above))
            building.arriving[name] = carried[-1]
            building.input(("last", name), Axes.BATCH, (size,))
        for name, size in self.carried.items():
            building.output(("first", name), (size,), Axes.BATCH)
        emitted = [
            (ref, building.output((ref.kind, ref.name), members(ref.shape))) for ref in back.emitted
        ]
        zero = ir.Number(0.0)
        targets: list[tuple[Atom, Memory]] = [
            (back.previous.get(state.name, zero), state.new) for state in carried
        ]
        building.run(back.loop, [*targets, *emitted])
        return building.plan(True, carried, [memory for _, memory in emitted])


@dataclass(slots=True)
class _Building:
    """A plan that is being made.

    Attributes:
        known: instructions that may be computed in doubles.
        homes: by the name of a value, where it is to be written.
        arriving: adjoints by the name of what is carried.
    """

    loops: Loops
    known: Instructions
    aliases: Mapping[Named, str]
    values: dict[Named, tuple[Member, ...]] = field(default_factory=dict)
    homes: dict[Named, list[Memory]] = field(default_factory=dict)
    arriving: dict[str, Carried] = field(default_factory=dict)
    inputs: dict[Named, Memory] = field(default_factory=dict)
    outputs: dict[Named, Memory] = field(default_factory=dict)
    memories: list[Memory] = field(default_factory=list)
    scratches: list[Memory] = field(default_factory=list)
    sizes: dict[ir.Size, None] = field(default_factory=dict)
    numbers: dict[Known, int] = field(default_factory=dict)
    timed: dict[str, Timed] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)
    products: list[Product] = field(default_factory=list)
    over_units: list[OverUnitsCall] = field(default_factory=list)
    of_matrices: list[MatricesCall] = field(default_factory=list)

    # -- memory

    def memory(self, axes: Axes, sizes: Sequence[ir.Size], ready: int = 0) -> Memory:
        memory = Memory(f"m{len(self.memories)}", axes, tuple(sizes), ready)
        self.memories.append(memory)
        self.sizes |= dict.fromkeys(sizes)
        return memory

    def input(self, key: Named, axes: Axes, sizes: Sequence[ir.Size]) -> Memory:
        if key not in self.inputs:
            self.inputs[key] = self.memory(axes, sizes)
        return self.inputs[key]

    def output(self, key: Named, sizes: Sequence[ir.Size], axes: Axes = Axes.STEPS) -> Memory:
        self.outputs[key] = self.memory(axes, sizes)
        return self.outputs[key]

    def scratch(self, sizes: Sequence[ir.Size], ready: int = 0) -> Memory:
        memory = self.memory(Axes.SCRATCH, sizes, ready)
        self.scratches.append(memory)
        return memory

    def previous(self, name: str, rows: str) -> Memory:
        """What was carried before a step: the rows of the steps, and before the first the start."""
        size = self.loops.carried[name]
        start = self.input(("start", name), Axes.BATCH, (size,))
        memory = Memory(f"{rows} {start.name}", Axes.PREVIOUS, (size,))
        self.values["previous", name] = (Place(memory, 0),)
        return memory

    # -- what the instructions read

    def members(self, atom: Atom) -> tuple[Member, ...]:
        """The vectors of a value."""
        if isinstance(atom, ir.Number):
            count = len(members(atom.shape)) if atom.shape else 1
            return (Scalar(literal(atom.value)),) * count
        key = atom.kind, atom.name
        if key not in self.values:
            self.values[key] = self.leaf(atom)
        return self.values[key]

    def leaf(self, ref: ir.Ref) -> tuple[Member, ...]:
        """A value that the loop does not compute."""
        if ref.kind in ("option", "size"):
            return (Scalar(self.number(ref)),)
        if ref.kind == "time":
            return (Scalar("(float)t"),)
        if ref.kind == "adjoint":
            return (self.adjoint(ref.name),)
        if ref.kind == "previous":
            size = self.loops.carried[ref.name]
            rows = self.input(("after", ref.name), Axes.STEPS, (size,))
            self.previous(ref.name, rows.name)
            return self.values["previous", ref.name]
        memory = self.read(ref)
        return tuple(Place(memory, number) for number in range(len(memory.sizes)))

    def read(self, ref: ir.Ref) -> Memory:
        """The array of a value that is there."""
        key = ref.kind, ref.name
        if key in self.aliases:
            name = self.aliases[key]
            return self.input(("after", name), Axes.STEPS, (self.loops.carried[name],))
        sizes = members(ref.shape) if ref.shape else (ONE,)
        return self.input(key, self.axes(ref), sizes)

    def axes(self, ref: ir.Ref) -> Axes:
        key = ref.kind, ref.name
        saved = ref in self.loops.adjoint.saved
        if saved or key in self.loops.rows or ref.kind in ("input", "below"):
            return Axes.STEPS
        before = ref.kind == "value" and ref.name in by_name(self.loops.program.before)
        if ref.kind == "drop" or before:
            return Axes.BATCH
        if len(ref.shape) > 1:
            raise Unprintable(f"the matrix '{ref.name}' is read as a vector")
        return Axes.FIXED

    def number(self, ref: ir.Ref, is_rest: bool = False) -> str:
        """A number that is known when a layer is built, or what a float leaves of it."""
        position = self.numbers.setdefault(Known(ref, is_rest), len(self.numbers))
        return f"numbers[{position}]"

    def adjoint(self, name: str) -> Member:
        """What the steps after this one, and the layer above, hand back."""
        arriving = self.arriving[name]
        old = Place(arriving.old, 0)
        if arriving.above is None:
            return old
        return self.operation(SUM, (old, Place(arriving.above, 0)), old.size)

    # -- instructions

    def run(self, instructions: Instructions, targets: Sequence[tuple[Atom, Memory]]) -> None:
        """Plan the instructions, and where their values are written."""
        self.find_timed(instructions)
        others = []
        computed = by_name(instructions)
        for atom, memory in targets:
            is_value = isinstance(atom, ir.Ref) and atom.kind == "value"
            if isinstance(atom, ir.Ref) and is_value and atom.name in computed:
                self.homes.setdefault((atom.kind, atom.name), []).append(memory)
            else:
                others.append((atom, memory))
        for instruction in instructions:
            key = "value", instruction.name
            if key in self.values:
                value = self.values[key]  # computed at each step, in doubles
            else:
                value = self.values[key] = self.lowered(instruction)
            for memory in self.homes.get(key, ()):
                self.put(value, memory)
        for atom, memory in others:
            self.put(self.members(atom), memory)
        self.hand_over()

    def lowered(self, instruction: Instruction) -> tuple[Member, ...]:
        primitive, inputs = instruction.primitive, instruction.inputs
        if isinstance(primitive, Elementwise):
            return self.elementwise(instruction, primitive)
        if primitive is part:
            first, last = instruction.params
            return self.members(inputs[0])[first : last + 1]
        if primitive is stack:
            return tuple(self.sized(member) for atom in inputs for member in self.of_stack(atom))
        if primitive is spread:
            (size,) = members(instruction.shape)
            (number,) = self.members(inputs[0])
            return (self.operation(COPY, (number,), size),)
        if primitive is matmul or primitive is matmul_t:
            return self.product(instruction)
        if isinstance(primitive, OverUnits):
            return self.over_all_units(instruction, primitive)
        if isinstance(primitive, OfMatrices):
            return self.with_matrices(instruction, primitive)
        raise Unprintable(f"{primitive.name} has no native code in a loop")

    def of_stack(self, atom: Atom) -> Iterator[tuple[Member, ir.Size]]:
        yield from zip(self.members(atom), members(atom.shape), strict=True)

    def sized(self, member: tuple[Member, ir.Size]) -> Member:
        """A member as a vector of its size, also where it is one number."""
        value, size = member
        is_vector = not isinstance(value, Scalar) and value.size == size
        return value if is_vector else self.operation(COPY, (value,), size)

    def elementwise(self, instruction: Instruction, primitive: Elementwise) -> tuple[Member, ...]:
        form = elementwise(primitive)
        if form is None:
            raise Unprintable(f"{primitive.name} has no native code")
        # a number that the loop computes, as of a scalar weight and `t`, is a vector of one unit
        sizes = members(instruction.shape or (ONE,))
        operands = [_for_each(self.members(atom), len(sizes)) for atom in instruction.inputs]
        return tuple(
            self.operation(form, own, size) for own, size in zip(zip(*operands), sizes, strict=True)
        )

    def operation(self, form: str, operands: tuple[Member, ...], size: ir.Size) -> Operation:
        stage = max((_stage_after(operand, size) for operand in operands), default=0)
        operation = Operation(form, operands, size, stage)
        self.operations.append(operation)
        self.sizes[size] = None
        return operation

    def product(self, instruction: Instruction) -> tuple[Member, ...]:
        weight, operand = instruction.inputs
        if not isinstance(weight, ir.Ref) or weight.kind == "previous" or self.is_moving(weight):
            raise Unprintable("a matrix that is no weight")
        if isinstance(operand, ir.Number):
            raise Unprintable("a product with a number")
        matrix = self.input((weight.kind, weight.name), Axes.MATRIX, (*members(weight.shape[1:]),))
        place, stage = self.rows(operand)
        sizes = members(instruction.shape)
        homes = self.homes.get(("value", instruction.name), [])
        own = next((memory for memory in homes if memory.axes is Axes.SCRATCH), None)
        result = own or self.scratch(sizes)
        result.ready = stage + 1
        transposed = instruction.primitive is matmul_t
        inner = members(operand.shape)
        self.sizes |= dict.fromkeys(inner)
        self.products.append(Product(matrix, transposed, place, inner, result, stage))
        return tuple(Place(result, number) for number in range(len(sizes)))

    def is_moving(self, ref: ir.Ref) -> bool:
        return ref.kind == "value" and any(
            ref.name in by_name(instructions)
            for instructions in (self.loops.program.loop, self.loops.program.before)
        )

    def over_all_units(self, instruction: Instruction, primitive: OverUnits) -> tuple[Member, ...]:
        function = over_units(primitive)
        if function is None:
            raise Unprintable(f"{primitive.name} has no native code")
        operand, *groups = instruction.inputs
        place, stage = self.rows(operand)
        result = self.scratch(members(instruction.shape), stage + 1)
        (count,) = [self.members(atom)[0] for atom in groups] or [Scalar("")]
        assert isinstance(count, Scalar)
        call = OverUnitsCall(function, place, count.text, primitive.yields_number, result, stage)
        self.over_units.append(call)
        return (Place(result, 0),)

    def with_matrices(self, instruction: Instruction, primitive: OfMatrices) -> tuple[Member, ...]:
        function = of_matrices(primitive)
        if function is None:
            raise Unprintable(f"{primitive.name} has no native code")
        *operands, heads = instruction.inputs
        (first, of_first), (second, of_second) = (self.rows(atom) for atom in operands)
        (count,) = self.members(heads)
        shapes = (instruction.shape, *(atom.shape for atom in operands))
        grid = next(shape[0] for shape in shapes if ir.is_matrix(shape))
        assert isinstance(grid, ir.Grid)
        assert isinstance(count, Scalar)
        self.sizes |= dict.fromkeys((grid.rows, grid.columns))
        stage = max(of_first, of_second)
        result = self.scratch(members(instruction.shape), stage + 1)
        call = MatricesCall(function, (first, second), grid, count.text, result, stage)
        self.of_matrices.append(call)
        return (Place(result, 0),)

    # -- where values lie

    def rows(self, atom: Atom) -> tuple[Place, int]:
        """Where the vectors of a value lie side by side, and the stage from which they do."""
        value = tuple(self.sized(member) for member in self.of_stack(atom))
        place = _side_by_side(value)
        if place is None:
            memory = self.scratch(members(atom.shape))
            value = self.put(value, memory)
            place = Place(memory, 0)
        return place, max(_stage_in_memory(member) for member in value)

    def put(self, value: Sequence[Member], memory: Memory) -> tuple[Member, ...]:
        """Write vectors to memory, unless they are there; what writes them."""
        writing: list[Member] = []
        for number, (member, size) in enumerate(zip(value, memory.sizes, strict=True)):
            if isinstance(member, Place) and member.memory is memory:
                writing.append(member)
                continue
            is_own = isinstance(member, Operation) and member.size == size
            written = member if is_own else self.operation(COPY, (member,), size)
            assert isinstance(written, Operation)
            written.places.append(Place(memory, number))
            writing.append(written)
        return tuple(writing)

    def hand_over(self) -> None:
        """Memory for what one pass computes and another reads."""
        for operation in self.operations:
            for operand in operation.operands:
                is_other = isinstance(operand, Operation) and operand.group != operation.group
                if isinstance(operand, Operation) and is_other and not operand.places:
                    operand.places.append(Place(self.scratch((operand.size,)), 0))

    # -- what depends on the number of the step alone

    def find_timed(self, instructions: Instructions) -> None:
        """Plan what is computed in doubles at each step, as far as the loop reads it."""
        exact = by_name(_exact(self.known))
        moving: set[str] = set()
        for instruction in exact.values():
            if any(ref.kind == "time" or ref.name in moving for ref in instruction.reads):
                moving.add(instruction.name)
        own = by_name(instructions)
        for name in [name for name in own if name in moving]:
            self.time(exact[name], exact, moving)
            size = members(own[name].shape)[0] if own[name].shape else ONE
            memory = self.memory(Axes.TIMED, (size,))
            self.timed[name] = replace(self.timed[name], memory=memory)
            self.values["value", name] = (Place(memory, 0),)

    def time(
        self, instruction: Instruction, exact: Mapping[str, Instruction], moving: set[str]
    ) -> None:
        """An instruction in doubles, after those that it reads."""
        if instruction.name in self.timed:
            return
        assert isinstance(instruction.primitive, Elementwise)
        form = elementwise(instruction.primitive)
        if form is None or len(members(instruction.shape or ((),))) > 1:
            raise Unprintable(f"{instruction.primitive.name} has no native code")
        operands = []
        for atom in instruction.inputs:
            if isinstance(atom, ir.Ref) and atom.kind == "value":
                self.time(exact[atom.name], exact, moving)
            operands.append(self.exactly(atom))
        size = members(instruction.shape)[0] if instruction.shape else None
        name = f"d{len(self.timed)}"
        if size is not None:
            self.sizes[size] = None
        self.timed[instruction.name] = Timed(name, form, tuple(operands), size, None)

    def exactly(self, atom: Atom) -> tuple[str, ir.Size | None]:
        """An operand in doubles, as C++, and its size; None for a number."""
        if isinstance(atom, ir.Number):
            return f"(double){literal(atom.value).removesuffix('f')}", None
        if atom.kind == "time":
            return "(double)t", None
        if atom.kind == "value":
            timed = self.timed[atom.name]
            return timed.name, timed.size
        if atom.kind == "constant":
            sizes = members(atom.shape) if atom.shape else (ONE,)
            memory = self.input(("exact", atom.name), Axes.EXACT, sizes)
            return f"{memory.name}_exact", sizes[0] if atom.shape else None
        if atom.kind == "size":  # a whole number, which a float has
            return f"(double){self.number(atom)}", None
        return f"((double){self.number(atom)} + {self.number(atom, is_rest=True)})", None

    # -- the whole

    def plan(self, backward: bool, carried: Sequence[Carried], kept: Sequence[Memory]) -> Plan:
        return Plan(
            backward,
            tuple(Argument(key, memory) for key, memory in self.inputs.items()),
            tuple(Argument(key, memory) for key, memory in self.outputs.items()),
            tuple(self.sizes),
            tuple(self.numbers),
            tuple(carried),
            tuple(kept),
            tuple(self.scratches),
            tuple(self.timed.values()),
            tuple(self.operations),
            tuple(self.products),
            tuple(self.over_units),
            tuple(self.of_matrices),
        )


def _for_each(value: tuple[Member, ...], count: int) -> tuple[Member, ...]:
    """An operand by members; one member is a number, which all members of the others read."""
    return value * count if len(value) == 1 else value


def _stage_after(operand: Member, size: ir.Size) -> int:
    """The first stage at which an operation of a size may read an operand."""
    if isinstance(operand, Scalar):
        return 0
    if isinstance(operand, Place):
        return operand.memory.ready
    return operand.stage if operand.size == size else operand.stage + 1


def _stage_in_memory(member: Member) -> int:
    """The first stage whose products may read a vector in memory: they come after its passes."""
    if isinstance(member, Operation):
        return member.stage
    return member.memory.ready if isinstance(member, Place) else 0


def _side_by_side(value: Sequence[Member]) -> Place | None:
    """Where vectors lie one after the other; None where they do nowhere."""
    for first in _places(value[0]):
        memory, begin = first.memory, first.member
        if all(_lies_at(member, memory, begin + number) for number, member in enumerate(value)):
            return first
    return None


def _lies_at(value: Member, memory: Memory, member: int) -> bool:
    # places are no values: two are the same by where they are
    return any(place.memory is memory and place.member == member for place in _places(value))


def _places(member: Member) -> Sequence[Place]:
    if isinstance(member, Operation):
        return member.places
    return [member] if isinstance(member, Place) else []


def _exact(instructions: Iterable[Instruction]) -> Iterator[Instruction]:
    """Instructions that depend on numbers, constants and the number of the step only."""
    names: set[str] = set()
    for instruction in instructions:
        if not isinstance(instruction.primitive, Elementwise):
            continue
        if all(_is_exact(atom, names) for atom in instruction.inputs):
            names.add(instruction.name)
            yield instruction


def _is_exact(atom: Atom, names: set[str]) -> bool:
    if isinstance(atom, ir.Number):
        return not atom.shape
    is_static = atom.kind in ("option", "size", "constant", "time")
    return is_static or (atom.kind == "value" and atom.name in names)
