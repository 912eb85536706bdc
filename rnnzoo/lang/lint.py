"""Warnings about how a cell starts: weights without gradients, states that explode or die,
saturated gates; and about derivatives of operations of one's own.

In: a cell without mistakes for `lang.check`.  Out: `Finding`s.  They are warnings, not mistakes: an
odd start may be intended.  The float64 program and its adjoint run once over a seeded random
sequence, with initial weights.  For a finding, the run is repeated with other initial weights, so
that an `init:` is proposed only if it helps.  NumPy only.

The thresholds are wide: there are no warnings for the cells of the zoo, for those of
`experiments/cells`, and for cells of the literature in the tests (LRU, minLSTM, IndRNN, an LSTM
with chrono initialisation and others).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, combinations
from typing import Any, Literal

import numpy as np

from rnnzoo.errors import Mistake, Span, UsageError, in_percent, listed
from rnnzoo.lang import interpret, ir, reference, start
from rnnzoo.lang.adjoint import Adjoint, adjoint
from rnnzoo.lang.derivatives import WrongDerivative, wrong_derivatives
from rnnzoo.lang.formulas import constant_matrices
from rnnzoo.lang.probes import probes
from rnnzoo.lang.program import Program
from rnnzoo.lang.widen import compile_step
from rnnzoo.spec.cell import BY_COLUMNS, CellSpec, Init

Array = np.ndarray[Any, Any]
Problem = Literal[
    "not finite", "no gradient", "explodes", "dies", "gradient explodes", "saturated",
    "wrong derivative",
]  # fmt: skip

STEPS, BATCH, INPUTS = 200, 3, 5
# the first that fits the cell's constants: a clockwork of 32 modules has no value with 16
UNITS = (16, 64, 256)
SEED = 2026  # any: a warning must not come and go
# additions in the time limit of a run, about 0.2 s; beyond, the sequence is shorter
MAX_WORK = 90_000_000
FEWEST = 20  # steps; a cell for which these are too much work is not checked
MAX_TRIES = 12  # runs with other initial weights; fewer if a run takes long
UPDATES = 4  # of weights with a gradient, until no further weight gets one
CHANGE = 0.005, 0.02  # of a weight in an update: small beside weights, far above rounding
END = 10  # steps at either end of the sequence over which a largest value is taken

# A state that accumulates grows like t or the root of t: at most 2.1 times between steps 100 and
# 200 over the zoo (nfg, nig).  A state that grows by more than 2.3 % a step grows 10 times.
GROWTH, LARGE = 10.0, 100.0
# Backwards through 200 steps; over the zoo at most 300 times (nfg, whose memory has no gate).  7 %
# a step.
GRADIENT_GROWTH = 1e6
# as a share of a state's largest value; over the zoo the last steps are at least half of it
SMALL = 1e-9
# The slope of a sigmoid is 0.0013 if chrono initialisation starts a forget gate for 784 steps, at
# log(783) (Tallec and Ollivier 2018): a flatter gate stays closed or open.  Over the zoo at most a
# third of the values (nfg's tanh(c)).
SLOPE, SHARE = 1e-3, 0.9
# As a share of the largest gradient.  Rounding leaves about 1e-16 where terms cancel; the smallest
# gradient of a weight of the zoo is 0.016 (mut1), and 0.0017 under chrono initialisation.
NO_GRADIENT = 1e-13


@dataclass(frozen=True, slots=True)
class Finding:
    """A warning about a cell, most often about how it starts.

    Attributes:
        names: the weights, states, equations or operations concerned.
        text: the problem in words.
        init: initialisers that remove the problem; empty if none was found.
        advice: what to do if no initialiser helps.
        layer: from 1, for a cell whose first layer differs.
    """

    problem: Problem
    names: tuple[str, ...]
    text: str
    init: Mapping[str, Init]
    advice: str
    layer: int = 1

    @property
    def fix(self) -> str:
        """What to write."""
        if not self.init:
            return self.advice
        inits = ", ".join(f"{name}: {_written(init)}" for name, init in self.init.items())
        return f"`init: {{{inits}}}`"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        init = {name: value.plain() for name, value in self.init.items()}
        return {
            "kind": self.problem,
            "names": list(self.names),
            "problem": self.text,
            "init": init,
            "fix": self.fix,
        }

    def place(self, spec: CellSpec) -> Span:
        """The place in the cell's file: the `init` that causes the problem, or the first use of the
        first name.
        """
        statements = dict(spec.equations)
        if self.layer == 1:
            statements |= spec.first_layer
        first = next(iter(self.init), self.names[0])
        if first in spec.init:
            return spec.init[first].span
        if first in statements and not self.init:
            return statements[first].span
        if first.removeprefix("initial_") in spec.initial:
            return spec.initial[first.removeprefix("initial_")].span
        repeated = re.sub(r"_?\d+$", "", first)  # of `R2`, which is `R[k]` of the second round
        word = re.compile(rf"(?<![\w.])({re.escape(first)}\b|{re.escape(repeated)}(?=\[))")
        for statement in statements.values():
            match = word.search(statement.code.text)
            if match is not None:
                before = statement.code.text[: match.start()].split("\n")
                return statement.code.span(len(before) - 1, len(before[-1]), len(match[0]))
        return spec.span


def warnings(spec: CellSpec, cell: ir.Cell) -> tuple[Mistake, ...]:
    """The warnings about a cell, with their places in its file."""
    return tuple(
        Mistake(finding.place(spec), finding.text, finding.fix, warning=True)
        for finding in lint(cell)
    )


def _written(init: Init) -> str:
    plain = init.plain()
    return f"{plain:g}" if isinstance(plain, int | float) else str(plain).replace("'", "")


def lint(cell: ir.Cell) -> tuple[Finding, ...]:
    """The findings about a cell; none about how it starts if it cannot run at any of the sizes
    tried.
    """
    derivatives = tuple(map(_of_derivative, wrong_derivatives(cell)))
    for units in UNITS:
        try:
            return (*derivatives, *_of_layers(cell, units))
        except UsageError:  # its constants have no value with so few units
            continue
    return derivatives


def _of_derivative(wrong: WrongDerivative) -> Finding:
    advice = "mend `derivatives` there; leave them where a gradient of another function is meant"
    return Finding("wrong derivative", (wrong.operation,), wrong.text, {}, advice)


def _of_layers(cell: ir.Cell, units: int) -> Iterator[Finding]:
    """Findings of the first layer, and of a further layer if it differs; findings of both are
    reported once.
    """
    reported: set[tuple[str, tuple[str, ...]]] = set()
    numbers = (1,) if cell.first == cell.step else (1, 2)
    with np.errstate(all="ignore"):
        for number in numbers:
            layer = _Layer.of(cell, number, units)
            if layer is None:
                continue
            for finding in layer.findings():
                if (finding.problem, finding.names) not in reported:
                    reported.add((finding.problem, finding.names))
                    yield replace(finding, layer=number)


@dataclass(frozen=True, eq=False, slots=True)
class _Observed:
    """The values and gradients of a run.

    Attributes:
        tape: all values.
        results: (time, batch, size) of states, the output, and values that the layer above reads.
        gradients: of a random weighted sum of outputs; None if the outputs are not finite.
        samples: all equations' values at some steps, filled on demand.
    """

    tape: interpret.Tape
    results: Mapping[str, Array]
    gradients: interpret.Gradients | None
    samples: list[dict[str, dict[str, Array]]] = field(default_factory=list)

    def broken(self) -> tuple[str, int] | None:
        """The first result that is not finite, and its first such step; None if all are finite."""
        first_steps: dict[str, int] = {}
        for name, value in self.results.items():
            finite = np.isfinite(value).all(axis=(1, 2))  # of each step
            if not finite.all():
                first_steps[name] = int(np.argmin(finite))
        return min(first_steps.items(), key=lambda item: item[1]) if first_steps else None


@dataclass(frozen=True, eq=False, slots=True)
class _Updated:
    """A layer after some updates.

    Attributes:
        observed: the last run; the first, if a later one is not finite.
        untrained: weights without any gradient so far.
        is_finite: whether all gradients are.
    """

    observed: _Observed
    untrained: list[str]
    is_finite: bool = True


@dataclass(frozen=True, eq=False, slots=True)
class _Layer:
    """One layer of a cell, compiled for runs."""

    cell: ir.Cell
    number: int
    step: ir.Step
    sizes: ir.Sizes
    program: Program
    back: Adjoint
    steps: int
    tries: int

    @staticmethod
    def of(cell: ir.Cell, number: int, units: int) -> _Layer | None:
        """The layer with so many units; None if a run would take too long."""
        step = cell.layer(number)
        states = [state.name for state in cell.states]
        above = sorted(cell.needs_below) if cell.first != cell.step else []
        program = compile_step(step, list(dict.fromkeys([*states, cell.output, *above])))
        sizes = ir.sizes(cell, cell.columns(INPUTS), units, number)
        entries = sum(int(np.prod(sizes.shape(weight.shape))) for weight in step.weights)
        # an operation of NumPy takes as long as some thousand additions; 3: forward, and backward
        # with respect to the operand and to the weight
        work = 3 * BATCH * entries + 3 * 2_000 * len(program.instructions)
        steps = min(STEPS, MAX_WORK // work)
        if steps < FEWEST:
            return None
        tries = min(MAX_TRIES, MAX_WORK // (work * steps))
        return _Layer(cell, number, step, sizes, program, adjoint(program, states), steps, tries)

    # -- running

    def initial_weights(self, init: Mapping[str, Init]) -> dict[str, Array]:
        """Initial weights, some with other initialisers."""
        weights = start.weights(self.cell, self.number, self.sizes, np.random.default_rng(SEED))
        for number, (name, initialiser) in enumerate(init.items()):
            rng = np.random.default_rng([SEED, number])
            weights[name] = start.draw(initialiser, weights[name].shape, self.sizes.options, rng)
        return weights

    def observe(self, weights: Mapping[str, Array]) -> _Observed:
        """Run the layer forward, and backward if the results are finite."""
        rng = np.random.default_rng(SEED)
        masked = reference.masked(self.cell, self.step, weights, self.sizes)
        given = interpret.of_weights(masked)
        constants = reference.constants(self.cell, self.sizes)
        given |= {("constant", name): value for name, value in constants.items()}
        drawn = probes(self.cell, self.sizes.inputs, (self.steps, BATCH), rng)
        given |= {("input", name): value for name, value in drawn.items()}
        below = (ir.refs(equation.expr, "below") for equation in self.step.equations)
        for ref in dict.fromkeys(chain.from_iterable(below)):
            shape = self.steps, BATCH, self.sizes.of(ref.shape[0])
            given["below", ref.name] = rng.normal(size=shape)
        states = reference.start(self.cell, weights, self.sizes, BATCH)
        tape = interpret.run(
            self.program, list(states), given, states, self.sizes, self.steps, BATCH
        )
        results, upstream = {}, {}
        for name in self.program.results:
            results[name] = np.stack([step["result", name] for step in tape.steps])
            has_loss = name == self.cell.output or name in self.cell.needs_below
            shape = results[name].shape
            upstream[name] = rng.normal(size=shape) if has_loss else np.zeros(shape)
        gradients = None
        if all(np.isfinite(value).all() for value in results.values()):
            gradients = interpret.gradients(self.program, self.back, tape, upstream, self.sizes)
        return _Observed(tape, results, gradients)

    def updated(self, init: Mapping[str, Init]) -> _Updated:
        """Run the layer and update its weights, a few times.

        An initial weight of 0 may block another weight's gradient for one update, as the outer
        matrix of a low-rank product does.  So weights with a gradient are updated until no further
        weight gets one.
        """
        weights, rng = self.initial_weights(init), np.random.default_rng(SEED + 1)
        never = {weight.name for weight in self.step.weights if not weight.trained}
        observed = self.observe(weights)
        untrained = [name for name in weights if name not in never]
        first = observed
        for _ in range(UPDATES):
            gradients = self.of_weights(observed, weights)
            if not all(np.isfinite(gradient).all() for gradient in gradients.values()):
                return _Updated(first, [], is_finite=False)
            still = _without_gradient(gradients, untrained)
            if not still or (still == untrained and observed is not first):
                return _Updated(observed, still)
            untrained = still
            for name, gradient in gradients.items():
                change = np.sign(gradient) * rng.uniform(*CHANGE, gradient.shape)
                stays = name in untrained or name in never
                weights[name] = weights[name] - (0.0 if stays else change)
            observed = self.observe(weights)
            if observed.gradients is None:
                return _Updated(first, untrained)  # it explodes, which is a finding of its own
        return _Updated(observed, untrained)

    def of_weights(self, observed: _Observed, weights: Mapping[str, Array]) -> dict[str, Array]:
        """The gradient of every weight, in the weight's shape; 0 for weights that the adjoint does
        not reach.
        """
        gradients = observed.gradients
        if gradients is None:
            return {name: np.full(value.shape, np.nan) for name, value in weights.items()}
        masks = {
            weight.name: reference.mask(self.cell, weight, self.sizes)
            for weight in self.step.weights
        }
        shaped = {}
        for name, value in weights.items():
            gradient = gradients.weights.get(name, np.zeros(value.shape))
            if name.startswith("initial_"):
                gradient = gradients.start.get(
                    name.removeprefix("initial_"), np.zeros((1, *value.shape))
                ).sum(axis=0)
            mask = masks.get(name)
            shaped[name] = np.reshape(gradient, value.shape) * (1.0 if mask is None else mask)
        return shaped

    # -- findings

    def findings(self) -> Iterator[Finding]:
        observed = self.observe(self.initial_weights({}))
        if (broken := observed.broken()) is not None:
            yield self.not_finite(*broken)
            return
        updated = self.updated({})
        if not updated.is_finite:
            yield self.gradient_not_finite(observed)
            return
        held_back: dict[str, Init] = {}
        for finding in self.never_trained(updated.untrained):
            held_back |= finding.init
            yield finding
        if held_back:  # with what is proposed, so that nothing is named that only follows from it
            updated = self.updated(held_back)
        yield from self.states_that_die(updated.observed)
        yield from self.states_that_explode(observed)
        yield from self.saturated(observed)

    def gradient_not_finite(self, observed: _Observed) -> Finding:
        names = _not_finite(self.of_weights(observed, self.initial_weights({})))
        init = self.first_that_helps(names, lambda init: self.updated(init).is_finite)
        text = (
            f"the gradient of {_listed(names)} is not finite at the start: training would end at"
            " once"
        )
        advice = "keep what is divided by, and what a root or log is of, off 0"
        return Finding("not finite", names, text, init, advice)

    def not_finite(self, name: str, step: int) -> Finding:
        init = self.first_that_helps(
            (), lambda init: self.observe(self.initial_weights(init)).broken() is None
        )
        if step < 2:
            text = f"'{name}' is not finite from the {'first' if step == 0 else 'second'} step on"
            return Finding(
                "not finite",
                (name,),
                text,
                init,
                "keep what is divided by, and what a log is of, off 0",
            )
        text = f"'{name}' explodes: it is not finite any more after {step} steps"
        return Finding(
            "explodes",
            (name,),
            text,
            init,
            f"bound what is carried, as in f * {name}[t-1] with a gate f",
        )

    def never_trained(self, names: Sequence[str]) -> Iterator[Finding]:
        """Weights without a gradient, grouped by the change that gives them one."""
        left = list(names)
        for init in self.changes(left):
            if not left:
                return
            still = self.updated(init).untrained
            helped = [name for name in left if name not in still]
            if helped:
                left = [name for name in left if name in still]
                yield self.without_gradient(helped, init)
        if left:
            yield self.without_gradient(left, {})

    def without_gradient(self, names: Sequence[str], init: Mapping[str, Init]) -> Finding:
        verb, they = "get", "they stay as they begin"
        if len(names) == 1:
            verb, they = "gets", "it stays as it begins"
        text = f"{_listed(names)} {verb} no gradient in {self.steps} steps: {they}"
        advice = (
            f"no beginning helps: '{self.cell.output}' does not change with {_listed(names)}, or"
            " in jumps only"
        )
        return Finding("no gradient", tuple(names), text, init, advice)

    def states_that_die(self, observed: _Observed) -> Iterator[Finding]:
        for state in self.cell.states:
            value = np.abs(observed.results[state.name])
            begun = observed.tape.steps[0]["previous", state.name]
            if (observed.results[state.name] == begun).all():
                text = f"the state '{state.name}' stays as it begins for {self.steps} steps"
                advice = f"see that what '{state.name}' is computed from is not multiplied with 0"
                yield Finding("dies", (state.name,), text, {}, advice)
            # one that is the same for all sequences reads no inputs, as a counter, and may end at 0
            elif (value != value[:, :1]).any() and value[-END:].max() < SMALL * value.max():
                share = _power(value[-END:].max() / value.max())
                text = (
                    f"the state '{state.name}' dies: after {self.steps} steps it is {share} of"
                    " what it was"
                )
                advice = f"let something be written into '{state.name}' at every step"
                yield Finding("dies", (state.name,), text, {}, advice)

    def states_that_explode(self, observed: _Observed) -> Iterator[Finding]:
        for state in self.cell.states:
            if _grows(observed, state.name):

                def helps(init: Mapping[str, Init], name: str = state.name) -> bool:
                    return not _grows(self.observe(self.initial_weights(init)), name)

                init = self.first_that_helps((), helps)
                times = np.abs(observed.results[state.name][-1]).max()
                text = (
                    f"the state '{state.name}' explodes: it is {_power(times)} after {self.steps}"
                    " steps"
                )
                advice = f"bound what is carried, as in f * {state.name}[t-1] with a gate f"
                yield Finding("explodes", (state.name,), text, init, advice)
                return  # the others follow from it
        names = _growing_gradients(observed)
        if names:
            init = self.first_that_helps(
                (), lambda init: not _growing_gradients(self.observe(self.initial_weights(init)))
            )
            text = (
                f"gradients explode on their way back through {_listed(names)}: more than"
                f" {GRADIENT_GROWTH:.0e} times in {self.steps} steps"
            )
            advice = (
                "apply to what is carried only what has slopes of at most 1, as tanh has, and let"
                " matrices on states begin orthogonal"
            )
            yield Finding("gradient explodes", names, text, init, advice)

    def saturated(self, observed: _Observed) -> Iterator[Finding]:
        for name, expr in self.activations():
            share = self.flat_share(expr, observed)
            if share > SHARE:

                def helps(init: Mapping[str, Init], expr: ir.Apply = expr) -> bool:
                    return self.flat_share(expr, self.observe(self.initial_weights(init))) <= SHARE

                names = tuple(ref.name for ref in ir.refs(expr, "weight"))
                init = self.first_that_helps(names, helps)
                is_whole = self.step.equation(name).expr == expr
                subject = f"'{name}'" if is_whole else f"{expr.op.name} in '{name}'"
                text = (
                    f"{subject} is saturated at the start: {expr.op.name} is flat for"
                    f" {in_percent(share)} of its values"
                )
                yield Finding(
                    "saturated",
                    (name,),
                    text,
                    init,
                    f"make what {expr.op.name} is taken of smaller",
                )

    def activations(self) -> Iterator[tuple[str, ir.Apply]]:
        for equation in self.step.equations:
            for node in ir.walk(equation.expr):
                if (
                    isinstance(node, ir.Apply)
                    and node.op.slope is not None
                    and any(ir.refs(node, *ir.WITH_ADJOINT))
                ):
                    yield equation.name, node

    def flat_share(self, expr: ir.Apply, observed: _Observed) -> float:
        """The share of an activation's values where it is flat, over some steps and all sequences
        and units.
        """
        flat, slope = [], expr.op.slope
        assert slope is not None
        for values in self.sampled(observed):
            operand = reference.evaluate(expr.args[0], values, self.sizes)
            flat.append(np.mean(slope(operand) < SLOPE))
        return float(np.mean(flat))

    def sampled(self, observed: _Observed) -> list[dict[str, dict[str, Array]]]:
        """The values at some steps, early ones included, by kind and name, as `reference.evaluate`
        reads them.
        """
        if not observed.samples:
            for t in sorted({0, 2, 10, self.steps // 2, self.steps - 1}):
                kinds: dict[str, dict[str, Array]] = {}
                for (kind, name), value in observed.tape.steps[t].items():
                    if kind not in ("value", "result"):
                        kinds.setdefault(kind, {})[name] = value
                kinds["value"] = reference.step(self.step.equations, kinds, self.sizes, BATCH)
                observed.samples.append(kinds)
        return observed.samples

    # -- remedies

    def changes(self, names: Iterable[str]) -> Iterator[dict[str, Init]]:
        """Other initialisers for these weights: for one, for two, for all of them."""
        single: list[tuple[str, Init]] = []
        for name in names:
            single += [(name, init) for init in self.alternatives(name)]
        candidates = [{name: init} for name, init in single]
        candidates += [dict(pair) for pair in combinations(single, 2) if pair[0][0] != pair[1][0]]
        yield from candidates[: self.tries]
        if len(single) > 2 and self.tries:
            yield dict(single)

    def alternatives(self, name: str) -> Iterator[Init]:
        """Other initialisers for a weight."""
        weight = next(
            (candidate for candidate in self.step.weights if candidate.name == name), None
        )
        if weight is None or name in constant_matrices(self.cell):
            return  # the learned start of a state; a constant stays as it is
        if len(weight.shape) == 2:
            square = weight.shape[0] == weight.shape[1]
            candidates = [Init("orthogonal" if square else "glorot_uniform")]
        else:
            candidates = [Init("constant", (1,)), Init("constant", (0,))]
        initial = self.initial_weights({})[name]
        for init in candidates:
            if self._differs(init, weight, initial):
                yield init

    @staticmethod
    def _differs(init: Init, weight: ir.Weight, initial: Array) -> bool:
        """Whether an initialiser gives a weight other values than it has; `initial` are these."""
        if init.name == "constant":
            return bool((initial != init.values[0]).any())
        return init.name != weight.init.name

    def first_that_helps(
        self, names: Sequence[str], helps: Callable[[Mapping[str, Init]], bool]
    ) -> dict[str, Init]:
        """The first change that helps, of these weights or of any; empty if none helps."""
        if not names:
            by_default = sorted(self.step.weights, key=lambda weight: weight.init.name in _DEFAULTS)
            names = [weight.name for weight in by_default]
        for init in self.changes(names):
            if helps(init):
                return init
        return {}


# initialisers of weights without an `init:`
_DEFAULTS = ("zeros", "orthogonal", "glorot_uniform", BY_COLUMNS)


def _without_gradient(gradients: Mapping[str, Array], names: Iterable[str]) -> list[str]:
    sizes = {name: float(np.abs(gradient).max(initial=0.0)) for name, gradient in gradients.items()}
    least = NO_GRADIENT * max(sizes.values(), default=0.0)
    return [name for name in names if sizes[name] <= least]


def _not_finite(gradients: Mapping[str, Array]) -> tuple[str, ...]:
    return tuple(name for name, gradient in gradients.items() if not np.isfinite(gradient).all())


def _grows(observed: _Observed, name: str) -> bool:
    """Whether a state grows exponentially: the second half of the steps multiplies it, and it is
    large.
    """
    value = np.abs(observed.results[name]).max(axis=(1, 2))
    if not np.isfinite(value).all():
        return True
    half = len(value) // 2
    return bool(value[-END:].max() > max(LARGE, GROWTH * value[half - END : half].max()))


def _growing_gradients(observed: _Observed) -> tuple[str, ...]:
    """States whose gradients grow on the way back: those of early steps are far larger than those
    of late steps.
    """
    if observed.gradients is None:
        return ()
    names = []
    for name, value in observed.gradients.entering.items():
        norm = np.linalg.norm(value, axis=(1, 2))
        grows = norm[:END].max() > GRADIENT_GROWTH * norm[-END:].max() > 0
        if grows or not np.isfinite(norm).all():
            names.append(name)
    return tuple(names)


def _listed(names: Sequence[str]) -> str:
    return listed(f"'{name}'" for name in names)


def _power(value: float) -> str:
    return f"{value:.0e}"
