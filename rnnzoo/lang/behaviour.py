"""What a cell computes, whatever its equations look like: fingerprints, and reasons why a cell
cannot be trained.

In: a cell.  Out: a text that is equal for cells that compute the same; or words.  One layer is run
in float64 on random inputs that are always the same.

Cells that compute the same need not have one canonical form (`lang.canonical`): `z * n + (1 - z) *
h[t-1]` is `h[t-1] + z * (n - h[t-1])`.  So weights cannot be told apart by where they stand, and a
name says nothing.  They are told apart by what they do: all weights of one kind are equal at first,
and each is marked by what the output becomes when it alone is another one.  Where two have one
mark, one of them is made different for good and all are marked again, until all differ or what is
left is symmetric: the refinement of `lang.canonical`, on numbers.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from rnnzoo.errors import UsageError
from rnnzoo.lang import interpret, ir, reference, start
from rnnzoo.lang.formulas import constant_matrices, names_in
from rnnzoo.lang.probes import probes
from rnnzoo.lang.program import Program
from rnnzoo.lang.widen import compile_step

Array = np.ndarray[Any, Any]
Weights = Mapping[str, Array]
UNITS = (6, 16, 64, 256)  # the first that fits the cell's constants
INPUTS, SEQUENCES, STEPS = 3, 8, 6
HALF = STEPS // 2
LONG = 35  # steps over which a layer must stay finite: what Jozefowicz et al. 2015 unroll
SPREAD = 0.5  # standard deviation of weights
DIGITS = 5  # of outputs, relative to the largest of their step
MARK_DIGITS = 8  # likewise of sums of outputs, by which weights are told apart
SAME = 1e-9  # a relative difference that rounding may make
DRAWS = 3  # of weights, before an output is said not to depend on something
SEED = 2015  # any: two processes must find the same fingerprint


def fingerprint(cell: ir.Cell) -> str:
    """A text that is equal for cells that compute the same of the same weights, to 5 digits.

    Weights that begin otherwise are others, and so are those that are not trained.  Weights that
    change nothing do not count.

    Raises:
        UsageError: the cell has constants that have no value at any size that is tried.
    """
    probe, text = _Probe.of(cell, STEPS), ""
    for draw in range(DRAWS):
        text, tells = _told(probe, _kinds(cell, draw))
        if tells:
            break
    return _hashed(text)


def why_not(cell: ir.Cell) -> str:
    """Why a cell cannot be trained, in words; empty where nothing speaks against it.

    Raises:
        UsageError: as `fingerprint`.
    """
    if not np.isfinite(_as_it_begins(cell)).all():
        return f"its output is not finite within {LONG} steps"
    draws = list(_draws(cell))
    if not any(np.isfinite(draw.output).all() for draw in draws):
        return f"its output is not finite within {STEPS} steps"
    if all(_is_constant(draw.output) for draw in draws):
        return "its output is constant"
    if all(_same(draw.output, draw.other_x) for draw in draws):
        return "its output does not depend on x"
    if all(_same(draw.output[HALF:], draw.other_start[HALF:]) for draw in draws):
        return "it has no memory: its output depends on x at the same step alone"
    return ""


@dataclass(frozen=True, eq=False, slots=True)
class _Probe:
    """A layer that is ready to be run on random inputs.

    Attributes:
        x: (steps, sequences, size), and as large are named inputs.
        given: constants and named inputs, by kind and name.
        fixed: matrices that are constants, by name.
        shapes: of all other weights, those that states begin with among them.
    """

    cell: ir.Cell
    program: Program
    sizes: ir.Sizes
    x: Array
    given: interpret.Values
    fixed: Weights
    shapes: Mapping[str, tuple[int, ...]]

    @staticmethod
    def of(cell: ir.Cell, steps: int) -> _Probe:
        sizes = _sizes(cell)
        constants = reference.constants(cell, sizes)
        wanted = dict.fromkeys([*(state.name for state in cell.states), cell.output])
        inputs = probes(cell, INPUTS, (steps, SEQUENCES), np.random.default_rng(SEED))
        x = inputs.pop(ir.X)
        given = {("constant", name): value for name, value in constants.items()}
        given |= {("input", name): value for name, value in inputs.items()}
        matrices = constant_matrices(cell)
        begun = start.expressions(
            cell, 1, sizes, constants, lambda _, shape: np.zeros(shape)
        ) if matrices else {}  # fmt: skip
        fixed = {name: value for name, value in begun.items() if name in matrices}
        program = compile_step(cell.first, list(wanted))
        weights = [weight for weight in cell.first.weights if weight.name not in fixed]
        shapes = {weight.name: sizes.shape(weight.shape) for weight in (*weights, *cell.learned)}
        return _Probe(cell, program, sizes, x, given, fixed, shapes)

    def weight(self, name: str, kind: str, number: int | str) -> Array:
        """The values of a weight: a function of its kind and a number."""
        seed = int(_hashed(f"{kind} {number}")[:16], 16)
        return np.random.default_rng(seed).normal(0.0, SPREAD, self.shapes[name])

    def drawn(self, rng: np.random.Generator) -> dict[str, Array]:
        """Random values for all weights."""
        return {name: rng.normal(0.0, SPREAD, shape) for name, shape in self.shapes.items()}

    def outputs(self, weights: Weights, x: Array | None = None) -> Array:
        """(steps, sequences, size).

        Args:
            x: instead of the inputs that are always the same.
        """
        cell, x = self.cell, self.x if x is None else x
        given = {**self.given, ("input", ir.X): x}
        masked = reference.masked(cell, cell.first, {**weights, **self.fixed}, self.sizes)
        given |= interpret.of_weights(masked)
        begin = reference.start(cell, weights, self.sizes, SEQUENCES)
        with np.errstate(all="ignore"):
            tape = interpret.run(
                self.program, [*begin], given, begin, self.sizes, len(x), SEQUENCES
            )
        return np.stack([now["result", cell.output] for now in tape.steps])


def _sizes(cell: ir.Cell) -> ir.Sizes:
    """The smallest sizes of a layer that are tried and fit the constants of a cell."""
    columns = cell.columns(INPUTS)
    for units in UNITS[:-1]:
        sizes = ir.sizes(cell, columns, units, 1)
        try:
            reference.constants(cell, sizes)
        except UsageError:
            continue
        return sizes
    return ir.sizes(cell, columns, UNITS[-1], 1)


# fingerprints


def _kinds(cell: ir.Cell, draw: int) -> dict[str, str]:
    """Of each weight, all that is known about it but its name and where it stands.

    Args:
        draw: the number of a draw of all weights, which are a function of their kind.
    """
    kinds = {}
    for weight in cell.first.weights:
        init = str(weight.init)
        for name in names_in(weight.init):
            is_weight = any(weight.name == name for weight in cell.first.weights)
            init = re.sub(rf"\b{name}\b", "a weight", init) if is_weight else init
        mask = "" if weight.mask is None else f" masked by {weight.mask}"
        kinds[weight.name] = f"{draw} {weight.shape} {init} {weight.trained}{mask}"
    kinds |= {weight.name: f"{draw} initial {weight.shape[0]}" for weight in cell.learned}
    fixed = constant_matrices(cell)
    return {name: kind for name, kind in kinds.items() if name not in fixed}


def _told(probe: _Probe, kinds: Mapping[str, str]) -> tuple[str, bool]:
    """What outputs are of weights that are known by what they do, as text; and whether they tell
    anything: a draw may be one at which all is 0.
    """
    values = {name: probe.weight(name, kind, 0) for name, kind in kinds.items()}
    numbers: dict[str, int] = {}
    left = [*kinds]
    # what changes nothing while others are equal may change something once they differ
    while marks := _marks(probe, kinds, values, left):
        for name in sorted(marks, key=lambda name: (kinds[name], marks[name])):
            kind = kinds[name]
            numbers[kind] = numbers.get(kind, 0) + 1
            values[name] = probe.weight(name, kind, numbers[kind])
        left = [name for name in left if name not in marks]
    outputs = _rounded(probe.outputs(values))
    return f"{sorted(numbers.items())} {outputs}", outputs.strip("0\n") != ""


def _marks(
    probe: _Probe, kinds: Mapping[str, str], values: Weights, names: Collection[str]
) -> dict[str, tuple[str, ...]]:
    """Of each of these weights that changes something, what tells it from others of its kind."""
    now = dict(values)
    marks: dict[str, tuple[str, ...]] = dict.fromkeys(names, ())
    others = {name: probe.weight(name, kinds[name], "other") for name in names}
    apart: set[str] = set()
    for number in range(len(names)):
        before = _mark(probe.outputs(now))
        for name in names:
            mark = _mark(probe.outputs({**now, name: others[name]}))
            marks[name] += ("" if mark == before else mark,)
        tied = _tied(kinds, {name: mark for name, mark in marks.items() if name not in apart})
        if tied is None:
            break
        apart.add(tied)
        now[tied] = probe.weight(tied, kinds[tied], f"apart {number}")
    return {name: mark for name, mark in marks.items() if any(mark)}


def _tied(kinds: Mapping[str, str], marks: Mapping[str, tuple[str, ...]]) -> str | None:
    """A weight that changes something, and has the kind and the marks of another one."""
    classes: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for name, mark in marks.items():
        if any(mark):
            classes.setdefault((kinds[name], mark), []).append(name)
    return next((names[0] for _, names in sorted(classes.items()) if len(names) > 1), None)


def _mark(outputs: Array) -> str:
    """Outputs as a text that tells small changes: a sum over each step, to more digits than are
    kept of each number, since fewer numbers are less likely to lie where rounding turns.
    """
    with np.errstate(all="ignore"):
        largest = np.abs(outputs).max(axis=(1, 2))
        sums = (outputs * _factors(outputs.shape[1:])).sum(axis=(1, 2)) / largest
    return "\n".join(map(_mark_of_one, largest.tolist(), sums.tolist()))


def _mark_of_one(largest: float, share: float) -> str:
    """Of one sequence; outputs that are 0 but for rounding have no digits to tell."""
    return f"{largest:.{MARK_DIGITS}e} {share:.{MARK_DIGITS}f}" if largest > SAME else "0"


@cache
def _factors(shape: tuple[int, ...]) -> Array:
    return np.random.default_rng(SEED).normal(size=shape)


def _rounded(outputs: Array) -> str:
    """Outputs to so many digits, relative to the largest of their step."""
    lines = []
    for values in outputs:
        largest = np.abs(values).max()
        if not np.isfinite(largest):
            lines.append("not finite")
        elif largest < SAME:
            lines.append("0")
        else:
            whole = np.rint(values / largest * 10**DIGITS).astype(np.int64)
            lines.append(f"{largest:.{DIGITS}e} {_hashed(str(whole.tolist()))}")
    return "\n".join(lines)


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# reasons


@dataclass(frozen=True, eq=False, slots=True)
class _Draw:
    """What a layer does with one draw of its weights: (steps, sequences, size) each.

    Attributes:
        output: to the inputs that are always the same.
        other_start: where x differs at the first half of the steps.  At the very first one states
            are 0, and x may not reach them.
        other_x: where x differs at all steps.
    """

    output: Array
    other_start: Array
    other_x: Array


def _draws(cell: ir.Cell) -> Iterator[_Draw]:
    probe, rng = _Probe.of(cell, STEPS), np.random.default_rng(SEED)
    x = probe.x
    for _ in range(DRAWS):
        weights = probe.drawn(rng)
        other = np.asarray(rng.normal(size=x.shape))
        start_differs = np.concatenate([other[:HALF], x[HALF:]])
        runs = [probe.outputs(weights, sequence) for sequence in (x, start_differs, other)]
        yield _Draw(*runs)


def _as_it_begins(cell: ir.Cell) -> Array:
    """Outputs over many steps, with weights as training begins."""
    probe = _Probe.of(cell, LONG)
    return probe.outputs(start.weights(cell, 1, probe.sizes, np.random.default_rng(SEED)))


def _same(one: Array, other: Array) -> bool:
    """Whether outputs are the same but for rounding; what is not finite tells nothing."""
    with np.errstate(all="ignore"):
        largest = np.maximum(np.abs(one), np.abs(other))
        differ = np.abs(one - other) > SAME * np.maximum(largest, SAME)
    return not differ.any()


def _is_constant(output: Array) -> bool:
    return _same(output, np.broadcast_to(output[:1, :1], output.shape))
