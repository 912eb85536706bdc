"""A kernel -> C++, which both nvcc and a compiler for a CPU take.

In: a `Kernel`.  Out: a function `const char* NAME(counts, in, in_strides, out, out_strides,
stream)`, which returns what went wrong, or null.  Counts (int32) are steps, sequences, rows of an
array of steps, whether what is kept is kept, models, and how many sequences a block takes, 0 for as
many as suit.  Arrays are what says which steps are real (`Rows`), then the plan's inputs; an exact
array has two, whose sum is meant.  Strides say how far an array is from model to model.

Which macros stand before the text makes it a kernel for the card (`device.h`) or for a CPU
(`host.h`): nothing else differs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from pathlib import Path

from rnnzoo.backends.cuda.homes import name_of
from rnnzoo.backends.cuda.kernel import Kernel
from rnnzoo.backends.cuda.resources import PIECES, Lives, pieces, register
from rnnzoo.backends.cuda.step import array_entry, fetch
from rnnzoo.backends.native.plan import Axes, Carried, Memory, Place, Product, literal
from rnnzoo.backends.native.write import SCALARS, indented
from rnnzoo.backends.native.write import Layout as Rows

PHASE, END = "PHASE {", "}"  # of what all threads do
HERE = Path(__file__).parent


class Machine(Enum):
    """What a kernel runs on."""

    CARD = "device.h"
    CPU = "host.h"


def written(kernels: Mapping[str, Kernel], machine: Machine) -> str:
    """C++ for all kernels by name."""
    before = [HERE / machine.value, SCALARS, HERE / "kernel.h"]
    texts = [text_of(name, kernel) for name, kernel in kernels.items()]
    return "\n".join([*(path.read_text() for path in before), *texts])


def text_of(name: str, kernel: Kernel) -> str:
    """One kernel, without what stands before all of them."""
    arguments = list(_arguments(kernel))
    outputs = len(kernel.plan.outputs)
    lines = [
        f"namespace {name}_kernel {{",
        *_constants(kernel),
        f"typedef ArgumentsOf<{len(arguments)}, {outputs}> Arguments;",
        *_registers(kernel),
        *_shared(kernel),
        "KERNEL(kernel) {",
        *indented(_body(kernel)),
        "}",
        *_run(kernel),
        "}",
        *_entry(name, len(arguments), outputs),
        "",
    ]
    return "\n".join(lines)


def _constants(kernel: Kernel) -> Iterator[str]:
    layout, units = kernel.layout, kernel.units
    yield (
        f"constexpr int UNITS = {units}, CLUSTER = {layout.cluster}, SLICES = {layout.slices}, "
        f"OWN = {layout.own(units)}, THREADS = {layout.threads(units)}, "
        f"PADDING = {kernel.padding.name};"
    )


def _registers(kernel: Kernel) -> Iterator[str]:
    """What a thread keeps from part to part."""
    yield "template <int ROWS>"
    yield "struct Registers {"
    yield "  int slice, unit, row, replica, sequence;"
    yield "  bool is_unit, is_own, live, next_live;"
    yield "  long at, next_at;"
    names = [*kernel.named, *(f"next_{register(place)}" for place in kernel.fetched)]
    if names:
        yield f"  float {', '.join(names)};"
    products = kernel.homes.products
    if products:
        most = max(len(product.result.sizes) for product in products)
        yield f"  float kept, sent, sums[{most}][ROWS];"
    if kernel.layout.holds:
        for number, product in enumerate(products):
            outputs = len(product.result.sizes)
            yield f"  float w{number}[{outputs}][{kernel.parts_of(product)}][4];"
    yield "};"


def _shared(kernel: Kernel) -> Iterator[str]:
    """What the threads of a block share."""
    yield "template <int ROWS>"
    yield "struct alignas(16) Shared {"
    for room in kernel.rooms.values():
        yield f"  float {room.name}[{room.buffers}][ROWS][{room.stride}];"
    for number, call in enumerate(kernel.plan.over_units):
        for name in pieces(number):
            yield f"  float {name}[ROWS][{kernel.groups_of(call) * PIECES}];"
    if not kernel.layout.holds:
        for number, product in enumerate(kernel.homes.products):
            outputs = len(product.result.sizes)
            yield f"  Four w{number}[{outputs}][{kernel.parts_of(product)}][THREADS];"
    yield "  int runs;"
    yield "};"


def _arguments(kernel: Kernel) -> Iterator[str]:
    """Arrays that are read, as they are declared."""
    if kernel.padding is Rows.MASKED:
        yield "uint8_t* real"
    if kernel.padding is Rows.PACKED:
        yield "int32_t* offsets"
    for argument in kernel.plan.inputs:
        memory = argument.memory
        yield f"float* {memory.name}"
        if memory.axes is Axes.EXACT:
            yield f"float* {memory.name}_rest"


def _body(kernel: Kernel) -> Iterator[str]:
    plan = kernel.plan
    yield "constexpr int REPLICAS = SLICES / ROWS;"
    if kernel.numbers:
        numbers = ", ".join(map(literal, kernel.numbers))
        yield f"[[maybe_unused]] constexpr float numbers[] = {{{numbers}}};"
    yield "ENTER"
    if kernel.padding is not Rows.MASKED:
        yield "const uint8_t* const real = nullptr;"
    if kernel.padding is not Rows.PACKED:
        yield "const int32_t* const offsets = nullptr;"
    for number, declared in enumerate(_arguments(kernel)):
        kind, name = declared.split()
        value = f"(const {kind})given.in[{number}] + model * given.in_stride[{number}]"
        yield f"const {kind} const {name} = {value};"
    for number, argument in enumerate(plan.outputs):
        value = f"(float*)given.out[{number}] + model * given.out_stride[{number}]"
        yield f"float* const {argument.memory.name} = {value};"
    if kernel.padding is Rows.PACKED:
        yield "const int steps = length_of(offsets, given.steps, tile * ROWS);"
    else:
        yield "const int steps = given.steps;"
    yield from _begun(kernel)
    yield "for (int n = 0; n < steps; n++) {"
    yield from indented(_step(kernel))
    yield "}"
    yield "BARRIER;"
    yield from _ended(kernel)


def _begun(kernel: Kernel) -> Iterator[str]:
    """Before the first step."""
    yield "PHASE {"
    yield "  for (int i = thread; i < (int)(sizeof(shared) / 4); i += THREADS)"
    yield "    ((int*)&shared)[i] = 0;"
    yield "  my.slice = thread % SLICES;"
    yield "  my.unit = rank * OWN + thread / SLICES;"
    yield "  my.is_unit = thread / SLICES < OWN && my.unit < UNITS;"
    yield "  if (!my.is_unit) my.unit = 0;"
    yield "  my.row = my.slice % ROWS;"
    yield "  my.replica = my.slice / ROWS;"
    yield "  my.sequence = SEQUENCE(my.row);"
    yield "  my.is_own = my.is_unit && IS_OWN(my.row);"
    yield "}"
    yield "BARRIER;"
    if kernel.padding is Rows.MASKED:
        yield from _runs()
    yield "PHASE {"
    yield from indented(_loaded(kernel))
    yield "}"
    for memory, room in kernel.rooms.items():
        yield from _filled(kernel, memory, room.lives)
    yield "BARRIER;"


def _runs() -> Iterator[str]:
    """How many steps lie up to the last one that is real in any sequence of the block."""
    yield "PHASE {"
    yield "  for (int t = thread; t < steps; t += THREADS)"
    yield "    for (int row = 0; row < ROWS; row++)"
    yield "      if (LIVE(t, SEQUENCE(row))) AT_LEAST(runs, t + 1);"
    yield "}"
    yield "BARRIER;"
    yield "const int runs = OF_ALL(runs);"


def _loaded(kernel: Kernel) -> Iterator[str]:
    """Weights and what is the same at every step, and the first step's values."""
    for number, product in enumerate(kernel.homes.products):
        yield from _weights_loaded(kernel, number, product)
    for place in kernel.still:
        width = kernel.homes.width(place.memory.sizes)
        entry = f"{kernel.homes.offset(place)} + {'0' if place.size == 1 else 'my.unit'}"
        value = array_entry(place.memory, width, entry, "", "my.sequence", "")
        yield f"my.{register(place)} = {value};"
    for carried in kernel.plan.carried:
        if carried.old in kernel.homes.carried:
            yield from _start_loaded(kernel, carried)
    first = "steps - 1" if kernel.plan.backward else "0"
    yield "if (steps > 0) {"
    yield from indented(fetch(kernel, first))
    yield "}"


def _weights_loaded(kernel: Kernel, number: int, product: Product) -> Iterator[str]:
    """A thread's slice of the weights of its unit; 0 behind the last one, so that all threads have
    as many.
    """
    homes = kernel.homes
    inner, width = homes.width(product.inner), homes.width(product.result.sizes)
    outputs, parts = len(product.result.sizes), kernel.parts_of(product)
    entry = f"k + (o * UNITS + my.unit) * {inner}"
    if not product.transposed:
        entry = f"k * {width} + o * UNITS + my.unit"
    to = f"my.w{number}[o][part][j]"
    if not kernel.layout.holds:
        to = f"shared.w{number}[o][part][thread].v[j]"
    yield f"UNROLL for (int o = 0; o < {outputs}; o++)"
    yield f"  UNROLL for (int part = 0; part < {parts}; part++)"
    yield "    UNROLL for (int j = 0; j < 4; j++) {"
    yield "      const int k = 4 * (my.slice + SLICES * part) + j;"
    yield f"      {to} = k < {inner} ? {product.weight.name}[{entry}] : 0.0f;"
    yield "    }"


def _start_loaded(kernel: Kernel, carried: Carried) -> Iterator[str]:
    """What is carried into the first step that runs, in a register, and where others read it."""
    start = _start(kernel, carried.name)
    name = f"my.{register(Place(carried.old, 0))}"
    yield f"{name} = {array_entry(start, kernel.units, 'my.unit', '', 'my.sequence', '')};"
    if carried.old in kernel.rooms:
        entry = f"{name_of(carried.old)}[0][my.row][my.unit]"
        yield f"if (my.is_unit) PUT({entry}, {name});"


def _start(kernel: Kernel, name: str) -> Memory:
    """The array of what is carried into the first step that runs."""
    kind = "last" if kernel.plan.backward else "start"
    (memory,) = (argument.memory for argument in kernel.plan.inputs if argument.key == (kind, name))
    return memory


def _filled(kernel: Kernel, memory: Memory, lives: Lives) -> Iterator[str]:
    """What threads share before the first step."""
    if memory in kernel.homes.in_registers or lives is Lives.STEP:
        return
    source = memory
    if lives is Lives.CARRIED:
        (name,) = (carried.name for carried in kernel.plan.carried if carried.old is memory)
        source = _start(kernel, name)
    width = kernel.homes.width(memory.sizes)
    value = array_entry(source, width, f"e % {width}", "", f"SEQUENCE(e / {width})", "")
    yield "PHASE {"
    yield f"  for (int e = thread; e < ROWS * {width}; e += THREADS)"
    yield f"    shared.{name_of(memory)}[0][e / {width}][e % {width}] = {value};"
    yield "}"


def _step(kernel: Kernel) -> Iterator[str]:
    yield f"const int t = {'steps - 1 - n' if kernel.plan.backward else 'n'};"
    yield "[[maybe_unused]] const int now = n & 1;"
    handing = 1 + sum(carried.old not in kernel.homes.carried for carried in kernel.plan.carried)
    if kernel.padding is Rows.MASKED:
        yield "if (t >= runs) {"
        yield "  BARRIER;"
        yield from indented(kernel.parts[0].lines)
        yield from indented(_zeros(kernel))
        for part in kernel.parts[-handing:]:
            yield from indented(part.lines)
        yield "  BARRIER;"
        yield "  continue;"
        yield "}"
    yield from _joined(_waiting(kernel))


def _waiting(kernel: Kernel) -> Iterator[str]:
    """The parts of a step, with the barriers between them."""
    for number, part in enumerate(kernel.parts):
        if number in kernel.barriers:
            yield "BARRIER;"
        yield from part.lines


def _joined(lines: Iterable[str]) -> Iterator[str]:
    """Phases without a barrier between them as one, so that on a CPU each thread goes through all
    of it before the next one begins.
    """
    ended = False  # a phase has, and its last line was not written yet
    for line in lines:
        if ended and line != PHASE:
            yield END
        if not (ended and line == PHASE) and line != END:
            yield line
        ended = line == END
    if ended:
        yield END


def _zeros(kernel: Kernel) -> Iterator[str]:
    """What is kept of a step that is padding in all sequences."""
    for memory in kernel.plan.kept:
        width = kernel.homes.width(memory.sizes)
        keeps = "" if kernel.plan.backward else " && given.keeps"
        yield "PHASE {"
        yield f"  for (int e = thread; e < ROWS * {width}; e += THREADS)"
        yield f"    if (rank == 0 && IS_OWN(e / {width}){keeps})"
        yield f"      {memory.name}[AT(t, SEQUENCE(e / {width})) * {width} + e % {width}] = 0;"
        yield "}"


def _ended(kernel: Kernel) -> Iterator[str]:
    """After the last step: backward, the adjoints of the start; packed, zeros behind it."""
    plan, homes = kernel.plan, kernel.homes
    outputs = {argument.key: argument.memory for argument in plan.outputs}
    for carried in plan.carried if plan.backward else ():
        to, width = outputs["first", carried.name].name, homes.width(carried.old.sizes)
        yield "PHASE {"
        if carried.old in homes.carried:
            value = f"my.{register(Place(carried.old, 0))}"
            yield "  if (my.is_own && my.replica == 0)"
            yield f"    {to}[my.sequence * {width}L + my.unit] = {value};"
        else:
            value = f"shared.{name_of(carried.old)}[steps & 1][e / {width}][e % {width}]"
            yield f"  for (int e = thread; e < ROWS * {width}; e += THREADS)"
            yield f"    if (rank == 0 && IS_OWN(e / {width}))"
            yield f"      {to}[SEQUENCE(e / {width}) * {width}L + e % {width}] = {value};"
        yield "}"
    if kernel.padding is Rows.PACKED:
        yield from _unused(kernel)


def _unused(kernel: Kernel) -> Iterator[str]:
    """Zeros in the rows behind the last step."""
    for argument in kernel.plan.outputs:
        memory = argument.memory
        if memory.axes is not Axes.STEPS:
            continue
        width = kernel.homes.width(memory.sizes)
        is_kept = memory in kernel.plan.kept and not kernel.plan.backward
        yield f"if ({'given.keeps' if is_kept else 'true'})"
        yield "  PHASE {"
        yield "    const long tiles = (given.sequences + ROWS - 1) / ROWS;"
        yield f"    const long first = offsets[given.steps] * {width}L + tile * THREADS + thread;"
        yield f"    for (long e = first; e < given.rows * {width}L; e += tiles * THREADS)"
        yield f"      if (rank == 0) {memory.name}[e] = 0;"
        yield "  }"


def _run(kernel: Kernel) -> Iterator[str]:
    rows = kernel.layout.rows
    yield "static const char* run(const Arguments& given, [[maybe_unused]] Stream stream) {"
    yield f"  constexpr int choices[] = {{{', '.join(map(str, rows))}}};"
    yield "  switch (rows_of(given, choices, CLUSTER)) {"
    for count in rows:
        yield f"    case {count}: return START({count});"
    yield "  }"
    yield '  return "a block does not take so many sequences";'
    yield "}"


def _entry(name: str, inputs: int, outputs: int) -> Iterator[str]:
    yield (
        f'extern "C" const char* {name}(const int* counts, void* const* in, '
        "const long* in_strides, void* const* out, const long* out_strides, Stream stream) {"
    )
    yield f"  {name}_kernel::Arguments given = {{counts[0], counts[1], counts[2], counts[3],"
    yield "    counts[4], counts[5], {}, {}, {}, {}};"
    for kind, count in (("in", inputs), ("out", outputs)):
        yield f"  for (int i = 0; i < {count}; i++) {{"
        yield f"    given.{kind}[i] = {kind}[i];"
        yield f"    given.{kind}_stride[i] = {kind}_strides[i];"
        yield "  }"
    yield f"  return {name}_kernel::run(given, stream);"
    yield "}"
