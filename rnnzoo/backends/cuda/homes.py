"""Where the values of a loop lie in a kernel: in registers, or in memory that threads share.

In: a plan with numbers for its sizes.  Out: `Homes`.  A vector with a number for each unit lies in
registers, a unit to a thread; only what others read of it is shared.  All other vectors are shared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from rnnzoo.backends.native.plan import (
    ONE,
    Axes,
    Member,
    Memory,
    Operation,
    Place,
    Plan,
    Product,
)
from rnnzoo.lang import ir


@dataclass(frozen=True)
class Homes:
    """Where values lie.

    Attributes:
        sizes: numbers for the sizes of the plan.
    """

    plan: Plan
    sizes: ir.Sizes

    def is_unit(self, size: ir.Size) -> bool:
        """Whether a vector has one number for each unit."""
        return size != ONE and self.sizes.of(size) == self.sizes.units

    def are_units(self, sizes: Sequence[ir.Size]) -> bool:
        return all(self.is_unit(size) for size in sizes)

    def width(self, sizes: Sequence[ir.Size]) -> int:
        return sum(self.sizes.of(size) for size in sizes)

    def offset(self, place: Place) -> int:
        """Where a vector begins in its row."""
        return self.width(place.memory.sizes[: place.member])

    @cached_property
    def products(self) -> tuple[Product, ...]:
        """Products whose results lie in registers: the threads of a unit hold its weights."""
        return tuple(
            product for product in self.plan.products if self.are_units(product.result.sizes)
        )

    @cached_property
    def carried(self) -> frozenset[Memory]:
        """What is handed from step to step in registers."""
        return frozenset(
            memory
            for carried in self.plan.carried
            for memory in (carried.old, carried.new)
            if self.are_units(memory.sizes)
        )

    @cached_property
    def in_registers(self) -> frozenset[Memory]:
        return self.carried | {product.result for product in self.products}

    @cached_property
    def shared(self) -> tuple[Memory, ...]:
        """Memory that threads share, in the order in which it is named."""
        # a set has no order, and a library is kept under the digest of its text: one plan, one text
        return tuple(sorted(set(self._shared()), key=name_of))

    @cached_property
    def crossing(self) -> frozenset[Operation]:
        """Operations whose values a later group of units reads, in registers."""
        return frozenset(
            operand
            for operation in self.plan.operations
            for operand in operation.operands
            if isinstance(operand, Operation) and self._crosses(operand, operation)
        )

    def _crosses(self, operand: Operation, reader: Operation) -> bool:
        are_units = self.is_unit(operand.size) and self.is_unit(reader.size)
        return operand.group != reader.group and are_units

    def is_shared(self, place: Place, reader: Operation) -> bool:
        """Whether an operation reads a vector from shared memory, not from a register of its own or
        from an array.
        """
        memory = place.memory
        if memory.axes is Axes.SCRATCH:
            return not (self.is_unit(reader.size) and memory in self.in_registers)
        if memory.axes is Axes.TIMED:
            return not self.is_unit(reader.size) and place.size != ONE
        is_carried = memory.axes is Axes.PREVIOUS and not self.plan.backward
        return is_carried and not (self.is_unit(reader.size) and memory in self.in_registers)

    def _shared(self) -> Iterator[Memory]:
        plan = self.plan
        for operation in plan.operations:
            for operand in operation.operands:
                yield from self._read(operand, operation)
        for product in plan.products:
            yield product.operand.memory
            if product.result not in self.in_registers:
                yield product.result
        for call in plan.over_units:
            yield from (call.operand.memory, call.result)
        for matrices_call in plan.of_matrices:
            yield from (place.memory for place in matrices_call.operands)
            yield matrices_call.result
        for handed in plan.carried:
            if handed.old not in self.carried:
                yield from (handed.old, handed.new)

    def _read(self, operand: Member, reader: Operation) -> Iterator[Memory]:
        if isinstance(operand, Place) and self.is_shared(operand, reader):
            yield operand.memory
        is_other = isinstance(operand, Operation) and operand.group != reader.group
        if isinstance(operand, Operation) and is_other and not self._crosses(operand, reader):
            yield operand.places[0].memory


def name_of(memory: Memory) -> str:
    """The name of a memory in a kernel; what was carried before a step has those of two arrays."""
    rows, *start = memory.name.split()
    return f"{rows}_before" if start else rows
