"""What a cell does before it has learnt anything: how long its states remember, how far its gates
are open.

In: a cell.  Out: a `Start`, or None where no run of it is finite or short enough.  Its first layer
runs in float64 over seeded random sequences, with weights as they begin; then once more with a
small disturbance of each state, and what is left of that is followed.

A half-life is the number of steps after which less than half of a disturbance is left for good, as
the root of its mean square over sequences and units.  It is looked for in all states that need each
other (`lang.recurrence`): what a rotation moves from one to the other is not forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnzoo.errors import UsageError, in_percent
from rnnzoo.lang import ir, reference, start
from rnnzoo.lang.carriers import carriers
from rnnzoo.lang.primitives import mul, sub
from rnnzoo.lang.primitives.reductions import cumax
from rnnzoo.lang.probes import probes
from rnnzoo.lang.recurrence import recurrences

Array = np.ndarray[Any, Any]
INPUTS, SEQUENCES = 5, 3
UNITS = (16, 64, 256)  # the first that fits the cell's constants
WARM = 20  # steps before the disturbance
STEPS = 200  # after it
SMALL = 1e-6  # a disturbance, of values near 1
SEED = 2026  # any: what is said of a cell must not change from run to run
LARGEST = 300_000  # entries of all weights, beyond which a run takes seconds
MOST = 600  # names, numbers and operations of a step, likewise; the largest of the zoo has 256
SATURATED = 1e-3  # a gate is, below it and above one less it


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate as training begins.

    Attributes:
        mean: of its values; it is shut at 0 and open at 1.
        saturated: the share of its values that are within 0.001 of 0 or of 1.
    """

    mean: float
    saturated: float


@dataclass(frozen=True, eq=False, slots=True)
class Start:
    """A layer as training begins.

    Attributes:
        left: of each state that has a past of its own, the share of a disturbance that is left
            after 0, 1, 2, ... steps.
        gates: by name of their equation.
    """

    left: Mapping[str, Array]
    gates: Mapping[str, Gate]

    @property
    def half_lives(self) -> dict[str, float | None]:
        """In steps; None where more than half is left at the end of the run."""
        return {name: half_life(shares) for name, shares in self.left.items()}

    def lines(self) -> list[str]:
        """For people: a line about states, and one about gates where there are any."""
        lives = [f"{name} {_short(life)}" for name, life in self.half_lives.items()]
        lines = [f"half-life in steps: {', '.join(lives)}"] if lives else []
        gates = []
        for name, gate in self.gates.items():
            share = f" ({in_percent(gate.saturated)} saturated)" if gate.saturated >= 0.01 else ""
            gates.append(f"{name} {gate.mean:.2f}{share}")
        if gates:
            lines.append(f"gates, 0 shut and 1 open: {', '.join(gates)}")
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        gates = {
            name: {"mean": gate.mean, "saturated": gate.saturated}
            for name, gate in self.gates.items()
        }
        return {"half_lives": self.half_lives, "gates": gates}


def _short(life: float | None) -> str:
    if life is None:
        return f"over {STEPS}"
    return f"{life:.1f}" if life < 10 else f"{life:.0f}"


def half_life(shares: Array) -> float | None:
    """Steps until less than half is left for good, between steps as an exponential decays; None
    where that is not met.
    """
    last = int(np.flatnonzero(shares >= 0.5)[-1])
    if last == len(shares) - 1:
        return None
    # nothing at all may be left after a step, and 0 has no logarithm
    before, after = np.maximum(shares[last : last + 2], np.finfo(float).tiny)
    return float(last + np.log(before / 0.5) / np.log(before / after))


def is_gate(step: ir.Step, name: str) -> bool:
    """Whether an equation is a gate: an activation between 0 and 1, a cumax, one less a gate, or a
    product of gates.
    """
    return _is_gate(step, step.equation(name).expr)


def _is_gate(step: ir.Step, expr: ir.Expr) -> bool:
    match expr:
        case ir.Ref(kind="value", name=name):
            return is_gate(step, name)
        case ir.Apply(op=op, args=(ir.Number(value=1.0), other)) if op is sub:
            return _is_gate(step, other)
        case ir.Apply(op=op, args=factors) if op is mul:
            return all(_is_gate(step, factor) for factor in factors)
        case ir.Apply(op=op):
            return op.gates or op is cumax
    return False


def at_start(cell: ir.Cell) -> Start | None:
    """The first layer of a cell as training begins; None where it cannot be said."""
    for units in UNITS:
        try:
            # a state may overflow; `_of_layer` says nothing of what is not finite
            with np.errstate(all="ignore"):
                return _of_layer(cell, ir.sizes(cell, cell.columns(INPUTS), units, 1))
        except UsageError:  # its constants have no value with so few units
            continue
    return None


def _of_layer(cell: ir.Cell, sizes: ir.Sizes) -> Start | None:
    shapes = (sizes.shape(weight.shape) for weight in cell.first.weights)
    nodes = sum(1 for equation in cell.first.equations for _ in ir.walk(equation.expr))
    if nodes > MOST or sum(int(np.prod(shape)) for shape in shapes) > LARGEST:
        return None
    groups = _disturbed(cell)
    run = _Run.of(cell, sizes)
    values = [run.step(t) for t in range(WARM)]
    run.disturb([*groups])
    left: dict[str, list[float]] = {name: [1.0] for name in groups}
    for t in range(WARM, WARM + STEPS):
        values.append(run.step(t))
        for number, (name, group) in enumerate(groups.items(), start=1):
            left[name].append(run.size_of_difference(number, group))
    if not all(np.isfinite(shares).all() for shares in left.values()):
        return None
    gates = {}
    for equation in cell.first.equations:
        if is_gate(cell.first, equation.name):
            gates[equation.name] = _gate([now[equation.name][:SEQUENCES] for now in values])
    return Start({name: np.array(shares) for name, shares in left.items()}, gates)


def _disturbed(cell: ir.Cell) -> dict[str, tuple[str, ...]]:
    """The states whose memory is measured, each with those that it remembers through."""
    carried = carriers(cell.first)  # what only carries a state on remembers as that one does
    groups: dict[str, tuple[str, ...]] = {}
    for group in recurrences(cell.first, cell.states):
        if group.coupling != "none":
            groups |= {name: group.states for name in group.states if name not in carried}
    return groups


def _gate(steps: Sequence[Array]) -> Gate:
    """Of a gate's values at each step."""
    values = np.concatenate(steps)
    is_saturated = np.minimum(values, 1 - values) < SATURATED
    return Gate(float(values.mean()), float(is_saturated.mean()))


@dataclass(eq=False, slots=True)
class _Run:
    """A layer step by step: sequences as they are, and below them the same for each state that is
    disturbed.
    """

    cell: ir.Cell
    sizes: ir.Sizes
    given: Mapping[str, Mapping[str, Array]]
    inputs: Mapping[str, Array]  # (time, sequences, size) of x and of each named input
    states: dict[str, Array]

    @staticmethod
    def of(cell: ir.Cell, sizes: ir.Sizes) -> _Run:
        rng = np.random.default_rng(SEED)
        weights = start.weights(cell, 1, sizes, rng)
        masked = reference.masked(cell, cell.first, weights, sizes)
        given = {
            "weight": masked, "fixed": masked, "constant": reference.constants(cell, sizes)
        }  # fmt: skip
        inputs = probes(cell, sizes.inputs, (WARM + STEPS, SEQUENCES), rng)
        return _Run(cell, sizes, given, inputs, reference.start(cell, weights, sizes, SEQUENCES))

    def step(self, t: int) -> dict[str, Array]:
        """All equations at a step, of all rows."""
        rows = len(next(iter(self.states.values())))
        copies = (rows // SEQUENCES, 1)
        inputs = {name: np.tile(value[t], copies) for name, value in self.inputs.items()}
        values = {
            **self.given,
            "previous": self.states,
            "input": inputs,
            "time": {"t": np.asarray(float(t))},
        }
        now = reference.step(self.cell.first.equations, values, self.sizes, rows)
        self.states = {name: now[name] for name in self.states}
        return now

    def disturb(self, names: Sequence[str]) -> None:
        """Add rows in which a state is a little different, for each of these."""
        rng = np.random.default_rng(SEED + 1)
        before = self.states
        self.states = {name: np.tile(v, (1 + len(names), 1)) for name, v in before.items()}
        for number, name in enumerate(names, start=1):
            rows = slice(number * SEQUENCES, (number + 1) * SEQUENCES)
            change = np.asarray(rng.normal(size=before[name].shape))
            change *= SMALL / np.sqrt((change**2).sum(axis=1).mean())
            self.states[name][rows] += change

    def size_of_difference(self, number: int, group: Sequence[str]) -> float:
        """How large the difference in a group of states is, as a share of what it was."""
        rows = slice(number * SEQUENCES, (number + 1) * SEQUENCES)
        differences = [self.states[name][rows] - self.states[name][:SEQUENCES] for name in group]
        squares = np.concatenate(differences, axis=1) ** 2
        return float(np.sqrt(squares.sum(axis=1).mean()) / SMALL)
