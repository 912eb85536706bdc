"""A step of a kernel, part by part, as lines of C++.

In: a plan, and what its kernel uses.  Out: the parts that all threads go through, each with what
it reads and writes of the memory that they share.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rnnzoo.backends.cuda.barriers import Access
from rnnzoo.backends.cuda.homes import Homes, name_of
from rnnzoo.backends.cuda.resources import PIECES, WIDE, Lives, Resources, Room, pieces, register
from rnnzoo.backends.native.plan import (
    ONE,
    Axes,
    Carried,
    MatricesCall,
    Memory,
    Operation,
    OverUnitsCall,
    Place,
    Plan,
    Product,
    Scalar,
    Timed,
    entry_of,
)
from rnnzoo.backends.native.write import Layout as Rows
from rnnzoo.lang import ir


@dataclass(frozen=True, slots=True)
class Part:
    """What threads do without waiting for each other.

    Attributes:
        reads, writes: of what they share.
    """

    lines: tuple[str, ...]
    reads: frozenset[Access] = frozenset()
    writes: frozenset[Access] = frozenset()


@dataclass(slots=True)
class Step:
    """The parts of a step, as they are made."""

    kernel: Resources
    reads: set[Access] = field(default_factory=set)
    writes: set[Access] = field(default_factory=set)
    stores: int = 0

    @property
    def plan(self) -> Plan:
        return self.kernel.plan

    @property
    def homes(self) -> Homes:
        return self.kernel.homes

    def parts(self) -> Iterator[Part]:
        yield self.part(self.taken())
        for timed in self.sizes_of_timed():
            yield self.part(self.timed_vectors(timed))
        for memory, room in self.kernel.rooms.items():
            if room.lives is Lives.STEP and self.kernel.is_read(memory):
                yield self.part(self.copied(memory))
        for stage in range(self.plan.stages):
            yield from self.stage(stage)
        yield self.part(self.handed_on())
        for carried in self.plan.carried:
            if carried.old not in self.homes.carried:
                yield self.part(self.handed_on_entries(carried))

    def part(self, lines: Iterator[str]) -> Part:
        """A part of these lines, with what they read and wrote."""
        self.reads, self.writes = set(), set()
        text = tuple(lines)
        return Part(text, frozenset(self.reads), frozenset(self.writes))

    def stage(self, stage: int) -> Iterator[Part]:
        groups: dict[ir.Size, list[Operation]] = {}
        for operation in self.plan.operations:
            if operation.stage == stage:
                groups.setdefault(operation.size, []).append(operation)
        for size, operations in groups.items():
            is_unit = self.homes.is_unit(size)
            lines = self.of_units(operations) if is_unit else self.of_entries(size, operations)
            yield self.part(lines)
        for number, product in enumerate(self.plan.products):
            if product.stage == stage:
                is_held = product in self.homes.products
                yield self.part(self.product(product) if is_held else self.dots(number, product))
        for number, call in enumerate(self.plan.over_units):
            if call.stage == stage:
                yield from self.over_units(number, call)
        for matrices_call in self.plan.of_matrices:
            if matrices_call.stage == stage:
                yield self.part(self.of_matrices(matrices_call))

    # -- shared memory

    def row(self, memory: Memory, row: str, turn: int = 0) -> str:
        """A row of a memory that threads share, which is read."""
        room = self.kernel.rooms[memory]
        self.reads.add((room.name, turn))
        return f"shared.{room.name}[{_buffer(room, turn)}][{row}]"

    def entry_to(self, memory: Memory, row: str, entry: str, turn: int = 0) -> str:
        """An entry of such a row, which is written."""
        room = self.kernel.rooms[memory]
        self.writes.add((room.name, turn))
        return f"{room.name}[{_buffer(room, turn)}][{row}][{entry}]"

    def put(self, place: Place, value: str, turn: int = 0) -> Iterator[str]:
        """Show a unit's number to all threads, where they read it."""
        if place.memory in self.kernel.rooms:
            entry = f"{self.homes.offset(place)} + my.unit"
            to = self.entry_to(place.memory, "my.row", entry, turn)
            yield f"if (my.is_unit) PUT({to}, {value});"

    # -- arrays

    def store(self, place: Place, value: str) -> Iterator[str]:
        """Write a unit's number to an array of steps; one of the lanes that have it does."""
        memory, number = place.memory, self.stores
        self.stores += 1
        width = self.homes.width(memory.sizes)
        to = f"{name_of(memory)}[my.at * {width} + {self.homes.offset(place)} + my.unit]"
        # several lanes have the number: they take turns from array to array
        condition = f"my.is_own && my.replica == {number} % REPLICAS{self.condition(memory, 'my.')}"
        yield f"if ({condition}) {to} = {value};"

    def condition(self, memory: Memory, mine: str) -> str:
        """When a row is written."""
        only_real = f" && {mine}live" if self.kernel.padding is Rows.PACKED else ""
        is_kept = memory in self.plan.kept and not self.plan.backward
        return only_real + (" && given.keeps" if is_kept else "")

    def masked(self, memory: Memory, value: str, mine: str) -> str:
        """What is written: 0 in steps that are padding."""
        if self.kernel.padding is Rows.MASKED and memory in self.plan.kept:
            return f"{mine}live ? {value} : 0.0f"
        return value

    def written(self, operation: Operation, value: str) -> Iterator[str]:
        """A unit's number, wherever it is to be."""
        for place in operation.places:
            if place.memory in self.homes.carried:
                yield f"my.{register(place)} = {value};"
            elif place.memory.axes is Axes.STEPS:
                yield from self.store(place, self.masked(place.memory, value, "my."))
            yield from self.put(place, value)

    # -- the beginning

    def taken(self) -> Iterator[str]:
        """What was fetched; the next step's is."""
        yield "PHASE {"
        yield "  my.live = my.next_live;"
        yield "  my.at = my.next_at;"
        for place in self.kernel.fetched:
            yield f"  my.{register(place)} = my.next_{register(place)};"
        after = "t > 0" if self.plan.backward else "t + 1 < steps"
        yield f"  if ({after}) {{"
        next_step = "t - 1" if self.plan.backward else "t + 1"
        yield from (f"    {line}" for line in fetch(self.kernel, next_step))
        yield "  }"
        for line in self.timed_of_units():
            yield f"  {line}"
        yield "}"

    def timed_of_units(self) -> Iterator[str]:
        for timed in self.plan.timed:
            if timed.vector is not None and not self.homes.is_unit(timed.vector):
                continue
            yield f"const double {timed.name} = {self.exactly(timed, 'my.unit')};"
            if timed.memory is None:
                continue
            place = Place(timed.memory, 0)
            if register(place) in self.kernel.named:
                yield f"my.{register(place)} = (float){timed.name};"
            if timed.vector is not None:
                yield from self.put(place, f"(float){timed.name}")

    def exactly(self, timed: Timed, entry: str) -> str:
        exact = {f"{memory.name}_exact": memory for memory in self.kernel.exact}
        operands = []
        for name, size in timed.operands:
            if name in exact:
                memory = exact[name].name
                index = entry_of(size or ONE, entry)
                operands.append(f"((double){memory}{index} + {memory}_rest{index})")
            else:
                operands.append(name)
        return timed.form.format(*operands)

    def sizes_of_timed(self) -> list[ir.Size]:
        rooms = self.kernel.rooms
        sizes: list[ir.Size] = []
        for timed in self.plan.timed:
            if timed.vector is not None:
                sizes.append(timed.vector)
            elif timed.memory in rooms:
                sizes.append(ONE)
        return [size for size in dict.fromkeys(sizes) if not self.homes.is_unit(size)]

    def timed_vectors(self, size: ir.Size) -> Iterator[str]:
        """What depends on the number of the step, where it is not as long as there are units."""
        yield from self.entries(self.homes.sizes.of(size))
        for timed in self.plan.timed:
            if timed.vector not in (None, size):
                continue
            yield f"    const double {timed.name} = {self.exactly(timed, 'i')};"
            if timed.memory in self.kernel.rooms:
                assert timed.memory is not None
                if self.homes.width(timed.memory.sizes) == self.homes.sizes.of(size):
                    to = self.entry_to(timed.memory, "row", "i")
                    yield f"    shared.{to} = (float){timed.name};"
        yield from ("  }", "}")

    def copied(self, memory: Memory) -> Iterator[str]:
        """Rows of an array, to where all threads read them."""
        width = self.homes.width(memory.sizes)
        yield from self.entries(width)
        to = self.entry_to(memory, "row", "i")
        yield f"    shared.{to} = {self.of_array(memory, 'i')};"
        yield from ("  }", "}")

    # -- operations

    def of_units(self, operations: Sequence[Operation]) -> Iterator[str]:
        yield "PHASE {"
        for operation in operations:
            value = self.kernel.value_of(operation)
            operands = [self.for_unit(operand, operation) for operand in operation.operands]
            expression = operation.form.format(*operands)
            declared = "" if operation in self.homes.crossing else "const float "
            yield f"  {declared}{value} = {expression};"
            for line in self.written(operation, value):
                yield f"  {line}"
        yield "}"

    def for_unit(self, operand: object, reader: Operation) -> str:
        if isinstance(operand, Scalar):
            return operand.text
        if isinstance(operand, Operation):
            value = self.kernel.value_of(operand)
            if operand.group == reader.group or self.homes.is_unit(operand.size):
                return value
            return self.shared_number(operand.places[0])
        assert isinstance(operand, Place)
        if self.homes.is_shared(operand, reader):
            return self.shared_number(operand)
        return f"my.{register(operand)}"

    def shared_number(self, place: Place) -> str:
        """What a unit reads of a vector that threads share."""
        entry = "0" if place.size == ONE else "my.unit"
        return f"{self.row(place.memory, 'my.row')}[{self.homes.offset(place)} + {entry}]"

    def entries(self, count: int, of_all: bool = False) -> Iterator[str]:
        """All threads, over entries of rows.

        Args:
            of_all: also those of packed sequences that are over, which have no row of this step.
        """
        yield "PHASE {"
        yield f"  for (int e = thread; e < ROWS * {count}; e += THREADS) {{"
        yield f"    const int row = e / {count}, i = e % {count};"
        yield "    [[maybe_unused]] const int sequence = SEQUENCE(row);"
        yield "    [[maybe_unused]] const bool live = LIVE(t, sequence), is_own = IS_OWN(row);"
        if self.kernel.padding is Rows.PACKED and not of_all:
            yield "    if (!live) continue;"
        yield "    [[maybe_unused]] const long at = AT(t, sequence);"

    def of_entries(self, size: ir.Size, operations: Sequence[Operation]) -> Iterator[str]:
        yield from self.entries(self.homes.sizes.of(size))
        for operation in operations:
            value = self.kernel.value_of(operation)
            operands = [self.for_entry(operand, operation) for operand in operation.operands]
            yield f"    const float {value} = {operation.form.format(*operands)};"
            for place in operation.places:
                yield from self.entry_written(place, value)
        yield from ("  }", "}")

    def entry_written(self, place: Place, value: str) -> Iterator[str]:
        memory = place.memory
        offset = self.homes.offset(place)
        if memory in self.kernel.rooms:
            yield f"    shared.{self.entry_to(memory, 'row', f'{offset} + i')} = {value};"
        is_new = memory in {carried.new for carried in self.plan.carried}
        if memory.axes is Axes.STEPS and not is_new:
            to = f"{name_of(memory)}[at * {self.homes.width(memory.sizes)} + {offset} + i]"
            value = self.masked(memory, value, "")
            yield f"    if (rank == 0 && is_own{self.condition(memory, '')}) {to} = {value};"

    def for_entry(self, operand: object, reader: Operation) -> str:
        if isinstance(operand, Scalar):
            return operand.text
        if isinstance(operand, Operation):
            if operand.group == reader.group:
                return self.kernel.value_of(operand)
            operand = operand.places[0]
        assert isinstance(operand, Place)
        entry = f"{self.homes.offset(operand)} + {'0' if operand.size == ONE else 'i'}"
        if operand.memory in self.kernel.rooms:
            return f"{self.row(operand.memory, 'row')}[{entry}]"
        if operand.memory.axes is Axes.TIMED:
            return f"my.{register(operand)}"
        return self.of_array(operand.memory, entry)

    def of_array(self, memory: Memory, entry: str) -> str:
        width = self.homes.width(memory.sizes)
        return array_entry(memory, width, entry, "t", "sequence", "at")

    # -- products

    def product(self, product: Product) -> Iterator[str]:
        """Every thread its slice, then the sums of the threads of a unit."""
        number = self.homes.products.index(product)
        layout, operand = self.kernel.layout, product.operand
        offset, stride = self.homes.offset(operand), self.kernel.rooms[operand.memory].stride
        aligned = "false" if offset % WIDE else "true"
        from_ = f"{self.row(operand.memory, '0')} + {offset}, {stride}"
        yield "PHASE {"
        if layout.holds:
            yield (
                f"  multiply<{aligned}, SLICES, ROWS>(my.w{number}, {from_}, my.slice, my.sums);"
            )
        else:
            yield (
                f"  multiply_shared<{aligned}, SLICES, ROWS>"
                f"(shared.w{number}, {from_}, thread, my.sums);"
            )
        yield "}"
        yield f"REDUCE({len(product.result.sizes)})"
        yield "PHASE {"
        for member in range(len(product.result.sizes)):
            place = Place(product.result, member)
            yield f"  my.{register(place)} = my.sums[{member}][0];"
            for line in self.put(place, f"my.{register(place)}"):
                yield f"  {line}"
        yield "}"

    def dots(self, number: int, product: Product) -> Iterator[str]:
        """A product whose results are not as long as there are units: each thread some of them."""
        count = self.homes.width(product.result.sizes)
        inner = self.homes.width(product.inner)
        yield from self.entries(count)
        row = f"{self.row(product.operand.memory, 'row')} + {self.homes.offset(product.operand)}"
        weight = f"i * {inner} + k" if product.transposed else f"k * {count} + i"
        yield f"    const float* from = {row};"
        yield "    float total = 0;"
        yield f"    for (int k = 0; k < {inner}; k++)"
        yield f"      total += {product.weight.name}[{weight}] * from[k];"
        yield f"    shared.{self.entry_to(product.result, 'row', 'i')} = total;"
        yield from ("  }", "}")

    # -- over units, and with matrices

    def over_units(self, number: int, call: OverUnitsCall) -> Iterator[Part]:
        """An operation over units in three parts, each of which needs all of the one before: two
        passes over pieces of each group, and the result.
        """
        first, second = pieces(number)
        yield self.part(self.pass_over(call, first, "first(from, span)"))
        yield self.part(self.second_pass(call, first, second))
        yield self.part(self.over_units_result(call, first, second))

    def pass_over(self, call: OverUnitsCall, to: str, value: str) -> Iterator[str]:
        """What each piece of a group comes to, written to memory of that name."""
        yield from self.entries(self.kernel.groups_of(call) * PIECES)
        yield f"    const int group = i / {PIECES};"
        yield from self.of_group(call)
        yield f"    const Span span = piece_of({self.group_size(call)}, i % {PIECES});"
        yield f"    shared.{to}[row][i] = {call.function}::{value};"
        yield from ("  }", "}")
        self.writes.add((to, 0))

    def second_pass(self, call: OverUnitsCall, first: str, second: str) -> Iterator[str]:
        yield from self.pass_over(call, second, f"second(from, span, {_pieces_of_group(first)})")
        self.reads.add((first, 0))

    def over_units_result(self, call: OverUnitsCall, first: str, second: str) -> Iterator[str]:
        yield from self.entries(self.homes.width(call.result.sizes))
        size = self.group_size(call)
        yield f"    const int group = i / {size};"
        yield from self.of_group(call)
        own = f"{_pieces_of_group(first)}, {_pieces_of_group(second)}"
        to = self.entry_to(call.result, "row", "i")
        yield f"    shared.{to} = {call.function}::result(from, {size}, i % {size}, {own});"
        yield from ("  }", "}")
        self.reads |= {(first, 0), (second, 0)}

    def of_group(self, call: OverUnitsCall) -> Iterator[str]:
        """Where the units of a group begin."""
        row, offset = self.row(call.operand.memory, "row"), self.homes.offset(call.operand)
        yield f"    const float* from = {row} + {offset} + group * {self.group_size(call)};"

    def group_size(self, call: OverUnitsCall) -> int:
        return self.homes.sizes.of(call.operand.size) // self.kernel.groups_of(call)

    def of_matrices(self, call: MatricesCall) -> Iterator[str]:
        sizes = self.homes.sizes
        heads = self.kernel.count(call.heads)
        rows, columns = sizes.of(call.grid.rows) // heads, sizes.of(call.grid.columns) // heads
        yield from self.entries(self.homes.width(call.result.sizes))
        first, second = (
            f"{self.row(place.memory, 'row')} + {self.homes.offset(place)}"
            for place in call.operands
        )
        to = self.entry_to(call.result, "row", "i")
        yield f"    const Heads heads = {{{heads}, {rows}, {columns}}};"
        yield f"    shared.{to} = {call.function}(heads, {first}, {second}, i);"
        yield from ("  }", "}")

    # -- the end

    def handed_on(self) -> Iterator[str]:
        """What is carried, as the next step finds it."""
        yield "PHASE {"
        own = [carried for carried in self.plan.carried if carried.old in self.homes.carried]
        for state in own:
            old, new = (f"my.{register(Place(memory, 0))}" for memory in (state.old, state.new))
            yield f"  {old} = {self.next_of(state, old, new, self.above(state), 'my.')};"
            for line in self.put(Place(state.old, 0), old, 1):
                yield f"  {line}"
            if not self.plan.backward:
                for line in self.store(Place(state.new, 0), old):
                    yield f"  {line}"
        yield "}"

    def above(self, carried: Carried) -> str:
        return f"my.{register(Place(carried.above, 0))}" if carried.above is not None else ""

    def next_of(self, carried: Carried, old: str, new: str, above: str, mine: str) -> str:
        """A step that is padding repeats what is carried, and hands its adjoint on as it is."""
        if self.kernel.padding is Rows.WHOLE:
            return new
        is_masked = self.kernel.padding is Rows.MASKED
        kept = f"{old} + {above}" if above and is_masked else old
        return f"{mine}live ? {new} : {kept}"

    def handed_on_entries(self, carried: Carried) -> Iterator[str]:
        width = self.homes.width(carried.old.sizes)
        # a sequence that is over hands on what it has: `next_of` asks whether it is live
        yield from self.entries(width, of_all=True)
        new, old = (f"{self.row(memory, 'row')}[i]" for memory in (carried.new, carried.old))
        above = self.of_array(carried.above, "i") if carried.above is not None else ""
        yield f"    const float next = {self.next_of(carried, old, new, above, '')};"
        yield f"    shared.{self.entry_to(carried.old, 'row', 'i', 1)} = next;"
        if not self.plan.backward:
            condition = f"rank == 0 && is_own{self.condition(carried.new, '')}"
            yield f"    if ({condition}) {name_of(carried.new)}[at * {width} + i] = next;"
        yield from ("  }", "}")


def fetch(kernel: Resources, step: str) -> Iterator[str]:
    """Read what the units read of a step."""
    yield f"my.next_at = AT({step}, my.sequence);"
    yield f"my.next_live = LIVE({step}, my.sequence);"
    # packed, a sequence that is over has no row
    guard = "if (my.next_live) " if kernel.padding is Rows.PACKED else ""
    for place in kernel.fetched:
        width = kernel.homes.width(place.memory.sizes)
        entry = f"{kernel.homes.offset(place)} + {'0' if place.size == ONE else 'my.unit'}"
        value = array_entry(place.memory, width, entry, step, "my.sequence", "my.next_at")
        yield f"{guard}my.next_{register(place)} = {value};"


def array_entry(memory: Memory, width: int, entry: str, step: str, sequence: str, row: str) -> str:
    """An entry of an array's row of a step and a sequence."""
    match memory.axes:
        case Axes.STEPS:
            return f"{memory.name}[{row} * {width} + {entry}]"
        case Axes.BATCH:
            return f"{memory.name}[{sequence} * {width}L + {entry}]"
        case Axes.PREVIOUS:
            rows, start = memory.name.split()
            before = f"{rows}[AT({step} - 1, {sequence}) * {width} + {entry}]"
            first = f"{start}[{sequence} * {width}L + {entry}]"
            return f"(({step}) > 0 ? {before} : {first})"
        case Axes.FIXED:
            return f"{memory.name}[{entry}]"
    raise AssertionError(memory.axes)


def _pieces_of_group(memory: str) -> str:
    return f"&shared.{memory}[row][group * {PIECES}]"


def _buffer(room: Room, turn: int) -> str:
    if room.buffers == 1:
        return "0"
    return "now ^ 1" if turn else "now"
