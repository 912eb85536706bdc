"""States that are functions of earlier inputs only leave the loop over time.

In: a step.  Out: a `Split`: the equations of such states, which are computed for all steps at once,
and the rest of the step, which reads them, and their values one step before, as it reads the layer
below.  So what depends on them leaves the loop too (`lang.passes`).  In a QRNN, whose gates read
this input and the last one, the loop then only mixes: its three products and activations are done
once for all steps.

A delay is a state whose next value needs no state but other delays (`lang.recurrence`), nor the
number of the step.  In `u = V @ x` with `u[t-1]` it is u.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from rnnzoo.lang import ir
from rnnzoo.lang.passes import needed_equations


@dataclass(frozen=True, slots=True)
class Level:
    """Delays whose values can be computed at once, of inputs and of delays of earlier levels.

    Attributes:
        names: of these delays.
        step: their equations, and those that they need.
    """

    names: tuple[str, ...]
    step: ir.Step


@dataclass(frozen=True, slots=True)
class Split:
    """A step in two parts.

    Attributes:
        levels: the delays.
        rest: the step without their equations.
    """

    levels: tuple[Level, ...]
    rest: ir.Step

    @property
    def names(self) -> tuple[str, ...]:
        """All delays."""
        return tuple(name for level in self.levels for name in level.names)


def this_step(name: str) -> str:
    """The name of a delay's value among those of the layer below; no equation has such a name."""
    return f"{name}[t]"


def step_before(name: str) -> str:
    """Likewise of its value at the step before."""
    return f"{name}[t-1]"


Known = dict[ir.RefKind, dict[str, ir.Ref]]
"""Of states that are known at all steps: what to read for a value, and for one a step before."""


def nothing_known() -> Known:
    return {"value": {}, "previous": {}}


def add(known: Known, step: ir.Step, names: Collection[str]) -> None:
    """Take note of states that are known at all steps."""
    for name in names:
        shape = (step.equation(name).size,)
        known["value"][name] = ir.Ref("below", this_step(name), shape)
        known["previous"][name] = ir.Ref("below", step_before(name), shape)


def as_written(name: str) -> str | None:
    """Such a name as equations have it, `u` or `u[t-1]`; None for a name of the layer below."""
    return name.removesuffix("[t]") if name.endswith("]") else None


def split(step: ir.Step, states: Sequence[str], wanted: Collection[str]) -> Split | None:
    """A step without its delays; None where it has none.

    Args:
        wanted: equations whose values are needed beside the states, such as the output; states
            among them stay as they are.
    """
    levels: list[Level] = []
    known = nothing_known()
    candidates = [name for name in states if name not in wanted and _is_vector(step.equation(name))]
    # a level more makes delays of these known too
    while names := _next_level(step, candidates, known):
        levels.append(Level(names, only(rewritten(step, known), names)))
        add(known, step, names)
    if not levels:
        return None
    carried = [name for name in states if name not in known["value"]]
    return Split(tuple(levels), only(rewritten(step, known), {*carried, *wanted}))


def _is_vector(equation: ir.Equation) -> bool:
    """Whether what an equation computes is as large as what it fills."""
    return equation.expr.shape == (equation.size,)


def _next_level(step: ir.Step, candidates: Sequence[str], known: Known) -> tuple[str, ...]:
    """The states that are no known delay yet and need nothing but known ones."""
    moving: set[str] = set()
    fixed = ir.fixed_names(step.equations)
    for equation in step.equations:
        unknown = [
            ref
            for ref in ir.refs(equation.expr, "previous", "time", "value")
            if ref.name in moving or (ref.kind != "value" and ref.name not in known["previous"])
        ]
        # matrices of all steps would be many times as large as all else
        if unknown or ir.moves_matrix(equation.expr, fixed):
            moving.add(equation.name)
    return tuple(
        name for name in candidates if name not in moving and name not in known["previous"]
    )


def rewritten(step: ir.Step, known: Known) -> ir.Step:
    """The same step that reads known states as values of the layer below."""

    def read(ref: ir.Ref) -> ir.Ref:
        return known.get(ref.kind, {}).get(ref.name, ref)

    equations = tuple(
        replace(equation, expr=ir.with_refs(equation.expr, read)) for equation in step.equations
    )
    return replace(step, equations=equations)


def only(step: ir.Step, names: Collection[str]) -> ir.Step:
    """The equations of these names and those that they need, with the weights that they read."""
    equations = tuple(needed_equations(step.equations, names))
    read = {ref.name for ref in ir.refs_in(equations, *ir.WEIGHTS)}
    return ir.Step(equations, tuple(weight for weight in step.weights if weight.name in read))
