"""Name resolution, sizes and use: from a `CellSpec` to an `ir.Cell`, or all mistakes of the file at
once.

In: statements as text.  Out: a `Cell` in which every name is resolved and every size is known.  All
of a user's mistakes are found here or before; later modules rely on it.

A weight needs no declaration: a capital name before `@` is a matrix; `b`, `p` and `w`, alone or
with a suffix, are vectors.

    trees          parts of expressions, their order, their words in messages
    names, lags, rounds    one meaning a name; `h[t-3]` and `repeat k to depth:` as equations
    operations     elementwise, and over units
    draws          random numbers
    constants, beginnings    what is no equation of a step: constants, masks, initial weights
    shared, scope  what all layers share, and what the names of one layer mean
    sizes, layer, products   sizes and types of a layer's equations; products in other notations
    matrices       matrices that a step computes
    use            states, and what is needed by nothing
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from rnnzoo.errors import Mistake, Mistakes
from rnnzoo.lang import ir
from rnnzoo.lang.check.beginnings import INIT_OF, begin, with_beginnings
from rnnzoo.lang.check.constants import read_constants, without_matrices
from rnnzoo.lang.check.lags import with_delays
from rnnzoo.lang.check.layer import Layer
from rnnzoo.lang.check.names import check_names
from rnnzoo.lang.check.rounds import Trees, with_rounds
from rnnzoo.lang.check.shared import MAX_ENTRIES, Shared
from rnnzoo.lang.check.sizes import infer_sizes
from rnnzoo.lang.check.trees import MAX_BLOCK
from rnnzoo.lang.check.use import (
    check_layers_agree,
    check_use,
    named_inputs_of,
    needed_names,
    states_of,
    used_constants,
    used_options,
)
from rnnzoo.spec.cell import CellSpec, UnreadLines

__all__ = [
    "INIT_OF",
    "MAX_BLOCK",
    "MAX_ENTRIES",
    "check",
    "checkable",
    "checked",
    "with_beginnings",
    "with_rounds",
]


def checkable(reader: Callable[[], CellSpec]) -> CellSpec:
    """The spec that `reader` reads; if some lines cannot be read, the error reports the mistakes of
    all other lines too.

    Raises:
        SpecError: with every mistake that could be found.
    """
    try:
        return reader()
    except UnreadLines as error:
        check(error.draft, error.mistakes)
        raise


@dataclass(frozen=True, slots=True)
class Checked:
    """A cell that is right.

    Attributes:
        counting: its options that count rounds of its blocks, or steps of its lags.
    """

    cell: ir.Cell
    counting: Mapping[str, float]


def check(spec: CellSpec, earlier: Iterable[Mistake] = ()) -> ir.Cell:
    """The cell that a spec describes, as `checked`."""
    return checked(spec, earlier).cell


def checked(spec: CellSpec, earlier: Iterable[Mistake] = ()) -> Checked:
    """The cell that a spec describes, and what of the spec it no longer shows.

    Args:
        earlier: mistakes found while reading the spec.

    Raises:
        SpecError: with every mistake that could be found.
    """
    mistakes, trees = Mistakes(list(earlier)), Trees()
    spec, round_options = with_rounds(spec, mistakes)
    spec, matrices = without_matrices(spec, mistakes)
    check_names(spec, mistakes)
    spec, delays, lag_options = with_delays(spec, trees, mistakes)
    if not spec.equations:
        mistakes.raise_if_any()
    missing = {spec.output} - {*spec.equations}  # reported already
    spec = _with_output(spec)
    constants = read_constants(spec, mistakes)
    shared = Shared(spec, constants, mistakes, trees, delays, reported=missing)
    upper = first = Layer(shared, spec.equations)
    if spec.first_layer:
        first = Layer(shared, {**spec.equations, **spec.first_layer})
    for layer in dict.fromkeys((upper, first)):
        layer.check_below(first)
        layer.sizes = infer_sizes(layer)
        # of `upper` itself nothing is ordered yet, and it comes first: it keeps its own order
        layer.order(upper.in_order)
        layer.type_equations(needed_names(spec, (upper, first)))
    check_layers_agree(spec, upper, first, mistakes)
    step, bottom = (
        begin(layer.step(), spec, constants, mistakes, matrices) for layer in (upper, first)
    )
    mistakes.raise_if_any()  # with the mistakes above, used names may seem unused

    cell = ir.Cell(
        name=spec.name,
        title=spec.title,
        source=spec.source,
        output=spec.output,
        options=spec.options,
        constants=tuple(constants.values()),
        states=states_of(spec, (upper, first), step, mistakes),
        step=step,
        first=bottom,
        named_inputs=named_inputs_of(spec, step, bottom),
    )
    counting = lag_options | round_options
    check_use(spec, matrices, counting, cell, mistakes)
    mistakes.raise_if_any()
    counts = {name: value for name, value in spec.options.items() if name in counting}
    return Checked(_of_what_is_used(cell), counts)


def _with_output(spec: CellSpec) -> CellSpec:
    """A spec whose output has an equation: where it has none, the last equation stands in for it,
    so that what that one needs is checked too.
    """
    with_time = f"{spec.output}_t"
    for name in (spec.output, with_time):
        if name in spec.equations:
            return replace(spec, output=name)
    return replace(spec, output=[*spec.equations][-1])


def _of_what_is_used(cell: ir.Cell) -> ir.Cell:
    # the constants first: options that only others of them name are not used
    cell = replace(cell, constants=used_constants(cell))
    used = used_options(cell)
    options = {name: value for name, value in cell.options.items() if name in used}
    return replace(cell, options=options)
