"""What a kernel uses: the memory that threads share, and the registers of each thread.

In: a `Plan`, numbers for its sizes, a `Layout`.  Out: `Resources`: names, and how much there is of
each.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from rnnzoo.backends.cuda.homes import Homes, name_of
from rnnzoo.backends.cuda.layout import Layout
from rnnzoo.backends.native.arguments import numbers_at
from rnnzoo.backends.native.plan import Axes, Memory, Operation, OverUnitsCall, Place, Plan, Product
from rnnzoo.backends.native.write import Layout as Rows

FLOAT = 4  # bytes
WIDE = 4  # floats that are read together
BANKS = 8  # floats by which rows are apart, so that lanes with different rows meet different banks
PIECES = 16  # as in kernel.h
MINE = "my."  # ahead of what a thread keeps from part to part
# registers of a thread beside those that a kernel names: addresses, counters, temporaries
OTHERS = 48


class Lives(Enum):
    """Of a memory that threads share: when it is written."""

    STEP = "step"
    CARRIED = "carried"  # at the end of a step, for the next one
    ALWAYS = "always"  # before the first step


@dataclass(frozen=True, slots=True)
class Room:
    """Memory that threads share: rows of floats, one for each sequence of a block.

    Attributes:
        stride: of its rows.
        buffers: that take turns from step to step.
    """

    name: str
    stride: int
    buffers: int
    lives: Lives


@dataclass(frozen=True)
class Resources:
    """What one loop over time uses.

    Attributes:
        padding: how rows are laid out, and which are real.
    """

    plan: Plan
    homes: Homes
    layout: Layout
    padding: Rows = Rows.WHOLE

    @property
    def units(self) -> int:
        return self.homes.sizes.units

    # -- memory that threads share

    @cached_property
    def rooms(self) -> dict[Memory, Room]:
        """Memory that threads share."""
        return {memory: self._room(memory) for memory in self.homes.shared}

    def _room(self, memory: Memory) -> Room:
        width = self.homes.width(memory.sizes)
        for product in self.homes.products:
            if product.operand.memory is memory:
                padded = self.parts_of(product) * WIDE * self.layout.slices
                width = max(width, self.homes.offset(product.operand) + padded)
        stride = -(-width // WIDE) * WIDE + BANKS
        lives = self._lives(memory)
        buffers = {Lives.ALWAYS: 1, Lives.CARRIED: 2}.get(lives, self.layout.buffers)
        return Room(name_of(memory), stride, buffers, lives)

    def _lives(self, memory: Memory) -> Lives:
        if memory in {carried.old for carried in self.plan.carried}:
            return Lives.CARRIED
        is_fixed = memory.axes in (Axes.FIXED, Axes.BATCH)
        return Lives.ALWAYS if is_fixed and self.is_read(memory) else Lives.STEP

    def is_read(self, memory: Memory) -> bool:
        """Whether it is an array of the outside, or two, as what was carried before a step."""
        inputs = (argument.memory for argument in self.plan.inputs)
        return memory.axes is Axes.PREVIOUS or any(memory is of_input for of_input in inputs)

    def parts_of(self, product: Product) -> int:
        """How often a thread reads some of what it multiplies."""
        return -(-self.homes.width(product.inner) // (WIDE * self.layout.slices))

    def weights_of(self, product: Product) -> int:
        """How many weights a thread has of a product."""
        return len(product.result.sizes) * self.parts_of(product) * WIDE

    @property
    def weights(self) -> int:
        if not self.layout.holds:
            return 0
        return sum(map(self.weights_of, self.homes.products))

    @property
    def registers(self) -> int:
        """An estimate of a thread's registers, with one sequence a block."""
        wide = max((len(product.result.sizes) for product in self.homes.products), default=0)
        return self.weights + wide + len(self.named) + len(self.fetched) + OTHERS

    def shared(self, rows: int) -> int:
        """Bytes of shared memory."""
        floats = sum(room.buffers * rows * room.stride for room in self.rooms.values())
        floats += sum(2 * rows * self.groups_of(call) * PIECES for call in self.plan.over_units)
        if not self.layout.holds:
            held = sum(map(self.weights_of, self.homes.products))
            floats += held * self.layout.threads(self.units)
        return FLOAT * (floats + WIDE)

    @cached_property
    def numbers(self) -> tuple[float, ...]:
        """Options and sizes that the loop reads."""
        return numbers_at(self.plan, self.homes.sizes)

    def count(self, text: str) -> int:
        """A number of the plan's, written as C++, that is whole."""
        if text.startswith("numbers["):
            return int(self.numbers[int(text[len("numbers[") : -1])])
        return int(float(text.removesuffix("f")))

    def groups_of(self, call: OverUnitsCall) -> int:
        return self.count(call.groups) if call.groups else 1

    # -- registers by name

    @cached_property
    def read(self) -> tuple[Place, ...]:
        """Vectors of which a thread has its own number in a register, each once."""
        places: dict[tuple[Memory, int], Place] = {}
        for operation in self.plan.operations:
            for operand in operation.operands:
                if isinstance(operand, Place) and self._is_own(operand, operation):
                    places.setdefault((operand.memory, operand.member), operand)
        for carried in self.plan.carried:
            if carried.above is not None and carried.old in self.homes.carried:
                places.setdefault((carried.above, 0), Place(carried.above, 0))
        return tuple(places.values())

    def _is_own(self, place: Place, reader: Operation) -> bool:
        if not self.homes.is_unit(reader.size) and place.memory.axes is not Axes.TIMED:
            return False
        return not self.homes.is_shared(place, reader)

    @cached_property
    def fetched(self) -> tuple[Place, ...]:
        """Those of one step, which are fetched while the step before is computed."""
        axes = (Axes.STEPS, Axes.PREVIOUS) if self.plan.backward else (Axes.STEPS,)
        return tuple(place for place in self.read if place.memory.axes in axes)

    @cached_property
    def still(self) -> tuple[Place, ...]:
        """Those that are the same at every step."""
        axes = (Axes.BATCH, Axes.FIXED)
        return tuple(place for place in self.read if place.memory.axes in axes)

    @cached_property
    def named(self) -> tuple[str, ...]:
        """Registers that live longer than a part."""
        names = dict.fromkeys(map(register, self.read))
        # a set has no order, and a library is found by the digest of its text
        for memory in sorted(self.homes.in_registers, key=name_of):
            for number in range(len(memory.sizes)):
                names[register(Place(memory, number))] = None
        for operation in self.plan.operations:
            if operation in self.homes.crossing:
                names[self.value_of(operation).removeprefix(MINE)] = None
        return tuple(names)

    def value_of(self, operation: Operation) -> str:
        """Its name: of a register of a thread where a later part reads it."""
        mine = MINE if operation in self.homes.crossing else ""
        return f"{mine}y{self.plan.operations.index(operation)}"

    @cached_property
    def exact(self) -> tuple[Memory, ...]:
        """Constants in doubles that are vectors over units, or numbers."""
        memories = (
            argument.memory for argument in self.plan.inputs if argument.memory.axes is Axes.EXACT
        )
        return tuple(memories)


def register(place: Place) -> str:
    """The name of a register that has a unit's number of a vector."""
    return f"{name_of(place.memory)}_{place.member}"


def pieces(number: int) -> tuple[str, str]:
    """Memory of the nth operation over units: what each piece of a vector sums up to in the first
    pass over it, and in the second.
    """
    return f"pieces{number}_ahead", f"pieces{number}_behind"
