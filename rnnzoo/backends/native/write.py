"""A plan -> C++.

In: a `Plan`.  Out: a function `void NAME(void* const* in, void* const* out)`, whose arguments are
sizes (int32: steps, sequences, whether what is kept is kept for each step or one row of sequences
is written again and again, of packed sequences the number of rows, and those of the plan), numbers
(float32), what says which steps are real (`Layout`), then the plan's inputs; an exact array has
two, whose sum is meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from itertools import chain, groupby
from pathlib import Path

from rnnzoo.backends.native.plan import (
    ONE,
    Axes,
    Carried,
    MatricesCall,
    Member,
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
from rnnzoo.lang import ir

SCALARS, PRELUDE = (Path(__file__).with_name(name) for name in ("scalars.h", "prelude.h"))
INDENT = "  "


class Layout(Enum):
    """Where the rows of steps and sequences lie, and which of them are real."""

    WHOLE = "whole"  # all are
    MASKED = "masked"  # a byte for each says so
    PACKED = "packed"  # all are, and there are no others: int32 say where each step begins


def written(functions: Mapping[str, Plan], layout: Layout) -> str:
    """C++ for all functions by name."""
    texts = [_Writer(name, plan, layout).function() for name, plan in functions.items()]
    return "\n".join([SCALARS.read_text(), PRELUDE.read_text(), *texts])


@dataclass(frozen=True)
class _Group:
    """Elementwise operations that one pass over a row computes.

    Attributes:
        read, ones: memory that it reads: vectors, and numbers that all units share.
        written: what it writes.
    """

    name: str
    operations: tuple[Operation, ...]
    size: ir.Size
    read: tuple[Place, ...]
    ones: tuple[Place, ...]
    written: tuple[tuple[Operation, Place], ...]


@dataclass(frozen=True)
class _Writer:
    name: str
    plan: Plan
    layout: Layout

    @property
    def is_packed(self) -> bool:
        return self.layout is Layout.PACKED

    # -- sizes

    def number_of(self, size: ir.Size) -> str:
        return f"n{self.plan.sizes.index(size)}"

    def width(self, sizes: Sequence[ir.Size]) -> str:
        """The sum of sizes as C++."""
        terms = []
        for size, run in groupby(sizes):
            count, number = len(list(run)), self.number_of(size)
            terms.append(number if count == 1 else f"{count} * {number}")
        return " + ".join(terms) or "0"

    # -- the groups

    @cached_property
    def groups(self) -> dict[int, list[_Group]]:
        """By stage."""
        collected: dict[tuple[int, ir.Size], list[Operation]] = {}
        for operation in self.plan.operations:
            collected.setdefault(operation.group, []).append(operation)
        stages: dict[int, list[_Group]] = {}
        for number, ((stage, size), operations) in enumerate(sorted_by_stage(collected)):
            stages.setdefault(stage, []).append(self.group(number, size, operations))
        return stages

    def group(self, number: int, size: ir.Size, operations: Sequence[Operation]) -> _Group:
        read: dict[tuple[Memory, int], Place] = {}
        ones: dict[tuple[Memory, int], Place] = {}
        for operation in operations:
            for operand in operation.operands:
                place = self.place_of(operand, operation)
                if place is not None:
                    is_one = place.size == ONE and size != ONE
                    (ones if is_one else read).setdefault((place.memory, place.member), place)
        written = tuple(
            (operation, place) for operation in operations for place in operation.places
        )
        return _Group(
            f"{self.name}_{number}", tuple(operations), size,
            tuple(read.values()), tuple(ones.values()), written,
        )  # fmt: skip

    def place_of(self, operand: Member, reader: Operation) -> Place | None:
        """Where an operand is read; None where it is in a register, or a number."""
        if isinstance(operand, Scalar):
            return None
        if isinstance(operand, Operation):
            return None if operand.group == reader.group else operand.places[0]
        return operand

    def definition(self, group: _Group) -> Iterator[str]:
        """The function of a group."""
        yield (
            f"static void {group.name}(const float* const* in, const float* const* ones, "
            "float* const* out, long n, const float* numbers, float t) {"
        )
        variables: dict[tuple[Memory, int], str] = {}
        for number, place in enumerate(group.read):
            variables[place.memory, place.member] = f"x{number}"
            yield f"  const float* p{number} = in[{number}];"
        for number, place in enumerate(group.ones):
            variables[place.memory, place.member] = f"c{number}"
            yield f"  const V c{number} = all(ones[{number}][0]);"
        for number in range(len(group.written)):
            yield f"  float* q{number} = out[{number}];"
        yield "  for (long i = 0; i < n; i += LANES) {"
        for number in range(len(group.read)):
            yield f"    const V x{number} = load(p{number} + i);"
        names = {operation: f"y{number}" for number, operation in enumerate(group.operations)}

        def read(operand: Member, reader: Operation) -> str:
            """A number, what was loaded, or a value that is still in a register."""
            if isinstance(operand, Scalar):
                return f"all({operand.text})"
            place = self.place_of(operand, reader)
            if place is not None:
                return variables[place.memory, place.member]
            assert isinstance(operand, Operation)
            return names[operand]

        for operation, name in names.items():
            operands = [read(operand, operation) for operand in operation.operands]
            yield f"    const V {name} = {operation.form.format(*operands)};"
        for number, (operation, _) in enumerate(group.written):
            yield f"    store(q{number} + i, {names[operation]});"
        yield "  }"
        yield "}"

    # -- the function

    def function(self) -> str:
        lines: list[str] = []
        for group in chain.from_iterable(self.groups.values()):
            lines += self.definition(group)
        lines.append(f'extern "C" void {self.name}(void* const* in, void* const* out) {{')
        lines += indented(self.body())
        lines += ["}", ""]
        return "\n".join(lines)

    def body(self) -> Iterator[str]:
        plan = self.plan
        yield "[[maybe_unused]] const Flushing flushing;"
        yield "const int32_t* sizes = (const int32_t*)in[0];"
        yield "const float* numbers = (const float*)in[1];"
        yield "const long T = sizes[0], B = sizes[1], keeps = sizes[2];"
        yield "const long tile = B < TILE ? B : TILE;"
        if self.is_packed:
            yield "const long N = sizes[3];"
        for number in range(len(plan.sizes)):
            yield f"const long n{number} = sizes[{number + 3 + self.is_packed}];"
        yield from self.arrays()
        yield from self.memory()
        yield "for (long first = 0; first < B; first += TILE) {"
        yield "  const long together = B - first < TILE ? B - first : TILE;"
        yield from indented(self.begun())
        steps = "long t = T - 1; t >= 0; t--" if plan.backward else "long t = 0; t < T; t++"
        yield f"  for ({steps}) {{"
        yield from indented(indented(self.step()))
        yield "  }"
        yield from indented(self.ended())
        yield "}"
        if self.is_packed:
            yield from self.unused()

    def arrays(self) -> Iterator[str]:
        """Pointers to the arguments, and the widths of their rows."""
        position = 2
        if self.layout is Layout.MASKED:
            yield f"const uint8_t* real = (const uint8_t*)in[{position}];"
            position += 1
        if self.is_packed:
            yield f"const int32_t* offsets = (const int32_t*)in[{position}];"
            position += 1
        for argument in self.plan.inputs:
            memory = argument.memory
            yield f"const float* {memory.name} = (const float*)in[{position}];"
            position += 1
            if memory.axes is Axes.EXACT:
                yield f"const float* {memory.name}_rest = (const float*)in[{position}];"
                position += 1
        for number, argument in enumerate(self.plan.outputs):
            yield f"float* {argument.memory.name} = (float*)out[{number}];"

    @property
    def exact(self) -> list[Memory]:
        """Constants in doubles."""
        memories = (argument.memory for argument in self.plan.inputs)
        return [memory for memory in memories if memory.axes is Axes.EXACT]

    def floats_of_memory(self) -> dict[str, str]:
        """How many floats a loop has room for beside its arrays, by what they are for: rows between
        operations, packed weights, and what is timed; two floats for a double.
        """
        floats: dict[str, str] = {}
        for memory in self.plan.scratch:
            floats[memory.name] = f"tile * up({self.width(memory.sizes)})"
        for number, product in enumerate(self.plan.products):
            inner, n = self.width(product.inner), self.width(product.result.sizes)
            floats[f"w{number}"] = f"up({n}) * ({inner})"
        for timed in self.plan.timed:
            if timed.memory is not None:
                floats[timed.memory.name] = f"up({self.width(timed.memory.sizes)})"
            if timed.size is not None:
                floats[f"{timed.name}_room"] = f"2 * up({self.number_of(timed.size)})"
        for memory in self.exact:
            floats[f"{memory.name}_room"] = f"2 * up({self.width(memory.sizes)})"
        return floats

    def memory(self) -> Iterator[str]:
        """One piece of memory, cut up; and what is the same at every step in it."""
        plan, floats = self.plan, self.floats_of_memory()
        yield "static thread_local Room room;"
        yield f"float* free_memory = room.of({' + '.join(floats.values()) or '0'});"
        for name, count in floats.items():
            yield f"float* {name} = free_memory;"
            yield f"free_memory += {count};"
        for number, product in enumerate(plan.products):
            inner, n = self.width(product.inner), self.width(product.result.sizes)
            strides = f"1, {inner}" if product.transposed else f"{n}, 1"
            yield f"pack({product.weight.name}, {inner}, {n}, {strides}, w{number});"
        for timed in plan.timed:
            if timed.size is not None:
                yield f"double* {timed.name} = (double*){timed.name}_room;"
        for memory in self.exact:
            yield f"double* {memory.name}_exact = (double*){memory.name}_room;"
            yield f"for (long i = 0; i < {self.width(memory.sizes)}; i++)"
            yield f"  {memory.name}_exact[i] = (double){memory.name}[i] + {memory.name}_rest[i];"

    def begun(self) -> Iterator[str]:
        """Before the first step of some sequences: backward, what the last step is handed."""
        if not self.plan.backward:
            return
        memories = {argument.key: argument.memory for argument in self.plan.inputs}
        for carried in self.plan.carried:
            last, width = memories["last", carried.name], self.width(carried.old.sizes)
            # of packed sequences those that end early wait in either memory
            for memory in (carried.old, carried.new) if self.is_packed else (carried.old,):
                to = f"Out{{{memory.name}, up({width})}}"
                yield f"copy({to}, {self.pointer(Place(last, 0))}, {width}, together);"

    def ended(self) -> Iterator[str]:
        """After the last step of some sequences: backward, the adjoints of the start."""
        if not self.plan.backward:
            return
        memories = {argument.key: argument.memory for argument in self.plan.outputs}
        for carried in self.plan.carried:
            first, width = memories["first", carried.name], self.width(carried.old.sizes)
            to = self.pointer(Place(first, 0), "Out")
            yield f"copy({to}, {self.row(carried.old)}, {width}, together);"

    def unused(self) -> Iterator[str]:
        """Zeros in the rows behind the last step."""
        kept = {memory.name for memory in self.plan.kept}
        for argument in self.plan.outputs:
            memory, width = argument.memory, self.width(argument.memory.sizes)
            if memory.axes is not Axes.STEPS:
                continue
            condition = "if (keeps) " if memory.name in kept else ""
            begin, count = (
                f"{memory.name} + offsets[T] * ({width})",
                f"(N - offsets[T]) * ({width})",
            )
            yield f"{condition}memset({begin}, 0, {count} * sizeof(float));"

    def row(self, memory: Memory) -> str:
        return self.pointer(Place(memory, 0))

    def pointer(self, place: Place, kind: str = "In") -> str:
        """The first row of a vector at this step, and how far the next one is."""
        memory, width = place.memory, self.width(place.memory.sizes)
        ahead = self.width(memory.sizes[: place.member])
        offset = "" if ahead == "0" else f" + {ahead}"
        match memory.axes:
            case Axes.STEPS:
                begins = self.begins("t")
                begins = f"keeps * {begins}" if memory in self.plan.kept else begins
                row, stride = f"{memory.name} + ({begins} + first) * ({width})", width
            case Axes.PREVIOUS:
                rows, start = memory.name.split()
                before = f"{rows} + ({self.begins('(t - 1)')} + first) * ({width})"
                row, stride = f"(t ? {before} : {start} + first * ({width}))", width
            case Axes.BATCH:
                row, stride = f"{memory.name} + first * ({width})", width
            case Axes.SCRATCH:
                row, stride = memory.name, f"up({width})"
            case _:
                row, stride = memory.name, "0"
        return f"{kind}{{{row}{offset}, {stride}}}"

    def begins(self, t: str) -> str:
        """The first row of a step."""
        return f"offsets[{t}]" if self.is_packed else f"{t} * B"

    # -- a step

    def step(self) -> Iterator[str]:
        if self.is_packed:
            yield "const long left = offsets[t + 1] - offsets[t] - first;"
            yield "const long rows = left < together ? left : together;"
            yield "if (rows <= 0) continue;"
        else:
            yield "const long rows = together;"
        if self.layout is not Layout.MASKED:
            yield "const uint8_t* live = nullptr;"
            yield from self.stages()
        else:
            yield "const uint8_t* live = real + t * B + first;"
            yield "const long count = count_live(live, rows);"
            yield "if (count) {"
            yield from indented(self.stages())
            yield "}"
            yield "if (count < rows) {"
            yield from indented(self.padding())
            yield "}"
        if self.plan.backward:
            for carried in self.plan.carried:
                old, new = carried.old.name, carried.new.name
                yield f"{{ float* swapped = {old}; {old} = {new}; {new} = swapped; }}"

    def stages(self) -> Iterator[str]:
        plan = self.plan
        for timed in plan.timed:
            yield from self.timed(timed)
        for stage in range(plan.stages):
            for group in self.groups.get(stage, ()):
                yield from self.applied(group)
            for number, product in enumerate(plan.products):
                if product.stage == stage:
                    yield self.multiplied(number, product)
            for call in plan.over_units:
                if call.stage == stage:
                    yield self.over_units(call)
            for matrices_call in plan.of_matrices:
                if matrices_call.stage == stage:
                    yield from self.of_matrices(matrices_call)

    def applied(self, group: _Group) -> Iterator[str]:
        read = ", ".join(self.pointer(place) for place in group.read) or "{nullptr, 0}"
        ones = ", ".join(self.pointer(place) for place in group.ones) or "{nullptr, 0}"
        written = ", ".join(self.pointer(place, "Out") for _, place in group.written)
        counts = f"{len(group.read)}, {len(group.ones)}, {len(group.written)}"
        yield "{"
        yield f"  const In read[] = {{{read}}};"
        yield f"  const In ones[] = {{{ones}}};"
        yield f"  const Out written[] = {{{written or '{nullptr, 0}'}}};"
        yield (
            f"  apply<{group.name}, {counts}>"
            f"(read, ones, written, {self.number_of(group.size)}, rows, live, numbers, t);"
        )
        yield "}"

    def multiplied(self, number: int, product: Product) -> str:
        inner, n = self.width(product.inner), self.width(product.result.sizes)
        result = self.pointer(Place(product.result, 0), "Out")
        return f"product({self.pointer(product.operand)}, rows, w{number}, {inner}, {n}, {result});"

    def over_units(self, call: OverUnitsCall) -> str:
        n = self.number_of(call.operand.size)
        is_number = "true" if call.yields_number else "false"
        result = self.pointer(Place(call.result, 0), "Out")
        groups = f"(long){call.groups}" if call.groups else "0"
        return (
            f"over_units<{call.function}, {is_number}>"
            f"({self.pointer(call.operand)}, {result}, {n}, {groups}, rows, live);"
        )

    def of_matrices(self, call: MatricesCall) -> Iterator[str]:
        rows, columns = self.number_of(call.grid.rows), self.number_of(call.grid.columns)
        both = "heads.rows * heads.columns"
        ahead = {
            "outer": f"heads.rows, heads.columns, {both}",
            "times": f"{both}, heads.columns, heads.rows",
            "times_turned": f"{both}, heads.rows, heads.columns",
        }[call.function]
        first, second = map(self.pointer, call.operands)
        result = self.pointer(Place(call.result, 0), "Out")
        yield "{"
        yield f"  const long count = (long){call.heads};"
        yield f"  const Heads heads{{count, {rows} / count, {columns} / count}};"
        yield (
            f"  of_matrices<{call.function}>"
            f"({first}, {second}, {result}, heads, {ahead}, rows, live);"
        )
        yield "}"

    def timed(self, timed: Timed) -> Iterator[str]:
        """A value in doubles, and as floats where rows read it."""
        operands = [f"{name}{entry_of(size, 'i')}" for name, size in timed.operands]
        value = timed.form.format(*operands)
        if timed.size is None:
            yield f"const double {timed.name} = {value};"
        else:
            yield f"for (long i = 0; i < {self.number_of(timed.size)}; i++)"
            yield f"  {timed.name}[i] = {value};"
        if timed.memory is None:
            return
        if timed.size is None:
            yield f"{timed.memory.name}[0] = (float){timed.name};"
        else:
            yield f"for (long i = 0; i < {self.number_of(timed.size)}; i++)"
            yield f"  {timed.memory.name}[i] = (float){timed.name}[i];"

    def padding(self) -> Iterator[str]:
        """Steps that are not real repeat what is carried, and hand its adjoint on as it is."""
        for carried in self.plan.carried:
            yield from self.repeated(carried)
        for memory in self.plan.kept:
            to = self.pointer(Place(memory, 0), "Out")
            yield f"fill({to}, In{{nullptr, 0}}, {self.width(memory.sizes)}, rows, live);"

    def repeated(self, carried: Carried) -> Iterator[str]:
        width = self.width(carried.new.sizes)
        to = self.pointer(Place(carried.new, 0), "Out")
        yield f"fill({to}, {self.row(carried.old)}, {width}, rows, live);"
        if carried.above is not None:
            yield f"add({to}, {self.row(carried.above)}, {width}, rows, live);"


def sorted_by_stage(
    collected: Mapping[tuple[int, ir.Size], list[Operation]],
) -> list[tuple[tuple[int, ir.Size], list[Operation]]]:
    """Groups in the order in which they run."""
    # by the stage alone: sizes are names, numbers and tuples, which do not compare
    return sorted(collected.items(), key=lambda item: item[0][0])


def indented(lines: Iterable[str]) -> Iterator[str]:
    """Lines of C++, a level further in."""
    for line in lines:
        yield INDENT + line
