"""A step without a loop: linear states are scanned, nonlinear ones found by Newton's method, and
all else is computed for all steps at once.

In: a step whose states are delays, or read unit by unit (`lang.recurrence`); a unit of a matrix is
an entry of it.  Out: `Scans`: its groups of states in order, each as equations that read inputs and
the states before it, and then what is wanted of the step.  A linear group of n states is given by
the coefficients of

    next_i = sum_j gain_ij * previous_j + rest_i

which are taken out of its equations by what each operation is linear in: of `c = f * c[t-1] +
(1 - f) * z` they are f and (1 - f) * z.  A nonlinear one is given by its equations as they are, and
by the derivatives of the next values with respect to the previous ones, which are the gains of the
same recurrence for small changes of the states.

Source: Blelloch 1990, "Prefix sums and their applications"; Martin and Cundy 2018; Newton's method:
Lim et al. 2024, "Parallelizing non-linear sequential models over the sequence length".
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from rnnzoo.errors import listed
from rnnzoo.lang import ir
from rnnzoo.lang.carriers import in_short
from rnnzoo.lang.delays import add, nothing_known, only, rewritten
from rnnzoo.lang.passes import apart
from rnnzoo.lang.primitives import Primitive, div, mul, neg, sub, where
from rnnzoo.lang.primitives import add as plus
from rnnzoo.lang.recurrence import Recurrence, recurrences
from rnnzoo.lang.slopes import SCALED, applied, moves, moving, scaled, slope_name, slopes

MOST = 2  # states of a group: each step of a scan multiplies matrices of so many rows


@dataclass(frozen=True, slots=True)
class Group:
    """States that are computed together, of what is known by then.

    Attributes:
        step: the equations of `gains` and `rests`; of states that need no loop, their own.
        gains: state, previous state -> the equation of the coefficient; none for 0.
        rests: state -> the equation of what is added; none for 0.  Of states that need no loop, and
            of nonlinear ones, it is the state.
        is_linear: whether the equations are without the states; those of nonlinear ones read the
            previous values, and `gains` are derivatives there.
    """

    states: tuple[str, ...]
    step: ir.Step
    gains: Mapping[tuple[str, str], str] = field(default_factory=dict)
    rests: Mapping[str, str] = field(default_factory=dict)
    is_linear: bool = True

    @property
    def has_past(self) -> bool:
        """Whether its states need themselves: it is no delay."""
        return bool(self.gains) or not self.is_linear

    @property
    def equations(self) -> tuple[str, ...]:
        """The equations whose values are needed."""
        return (*self.gains.values(), *self.rests.values())


@dataclass(frozen=True, slots=True)
class Scans:
    """A step as groups and what follows them.

    Attributes:
        after: the equations of what is wanted of the step and is no state.
        others: its names.
    """

    groups: tuple[Group, ...]
    after: ir.Step
    others: tuple[str, ...]


def scans(step: ir.Step, states: Sequence[str], wanted: Sequence[str]) -> Scans:
    """A step without a loop, where `why_a_loop` has no reason for one.

    Args:
        wanted: equations whose values are needed beside the states, such as the output.
    """
    step, known = apart(step), nothing_known()
    groups = []
    for kind in _kinds(step, states):
        groups.append(_group(rewritten(step, known), kind))
        add(known, step, kind.states)
    others = tuple(name for name in wanted if name not in states)
    return Scans(tuple(groups), only(rewritten(step, known), others), others)


def why_a_loop(step: ir.Step, states: Sequence[str]) -> str:
    """Why the engine computes a step in a loop, whatever could be done, for people; empty where it
    can do without.
    """
    reasons = (_why_a_loop(step, kind) for kind in _kinds(step, states))
    return next(filter(None, reasons), "")


def has_nonlinear(step: ir.Step, states: Sequence[str]) -> bool:
    """Whether a step that needs no loop has states for Newton's method."""
    return any(not group.is_linear for group in scans(step, states, ()).groups)


def _why_a_loop(step: ir.Step, kind: Recurrence) -> str:
    """The same of a group of states."""
    if kind.coupling == "none":
        return ""
    if kind.coupling != "unit":
        reason = f"it is {kind.form}"
        if kind.needs_loop:
            return reason
        return f"{reason}, and only units that read themselves alone are taken"
    names = listed(in_short(kind.states))
    if len(kind.states) > MOST:
        return f"{names} need each other, and at most {MOST} states are taken together"
    # a scan has a small matrix for each unit, which takes that unit of every state
    if len({step.equation(name).size for name in kind.states}) > 1:
        return f"{names} need each other and differ in size"
    return ""


def _kinds(step: ir.Step, states: Sequence[str]) -> tuple[Recurrence, ...]:
    return recurrences(step, [ir.State(name, step.equation(name).size) for name in states])


def _group(step: ir.Step, kind: Recurrence) -> Group:
    """A group whose states read what is known."""
    if kind.coupling == "none":
        return Group(
            kind.states, only(step, kind.states), rests={state: state for state in kind.states}
        )
    linear = _linear_group(step, kind.states) if kind.is_linear else None
    return _nonlinear_group(step, kind.states) if linear is None else linear


def _nonlinear_group(step: ir.Step, states: tuple[str, ...]) -> Group:
    """A group as it is, with the derivatives of its next values."""
    whole, gains = slopes(only(step, states), states)
    needed = only(whole, {*states, *gains.values()})
    return Group(states, needed, gains, {name: name for name in states}, is_linear=False)


def _linear_group(step: ir.Step, states: tuple[str, ...]) -> Group | None:
    """A group by its coefficients; None where an operation is not read as a linear one."""
    coefficients = _Coefficients(step, states)
    try:
        taken = {name: coefficients.of_value(name) for name in states}
    except _NotLinear:
        return None
    gains, rests, equations = {}, {}, list[ir.Equation]()
    for name, linear in taken.items():
        size = step.equation(name).size
        for previous, gain in linear.gains.items():
            gains[name, previous] = slope_name(name, previous)
            equations.append(ir.Equation(gains[name, previous], gain, size))
        if linear.rest is not None:
            rests[name] = f"{name}/1"
            equations.append(ir.Equation(rests[name], linear.rest, size))
    # equations that depend on the previous values are in the coefficients now
    others = [equation for equation in step.equations if equation.name not in coefficients.moving]
    whole = ir.Step((*others, *equations), step.weights)
    return Group(states, only(whole, {equation.name for equation in equations}), gains, rests)


@dataclass(frozen=True, slots=True)
class _Linear:
    """gains * previous values + rest; a rest of None is 0."""

    gains: Mapping[str, ir.Expr] = field(default_factory=dict)
    rest: ir.Expr | None = None

    def mapped(self, function: Callable[[ir.Expr], ir.Expr]) -> _Linear:
        """The same with a linear function of all coefficients."""
        gains = {name: function(gain) for name, gain in self.gains.items()}
        return _Linear(gains, None if self.rest is None else function(self.rest))


class _NotLinear(Exception):
    """An operation that is not read as a linear one."""


class _Coefficients:
    """Takes equations apart that are linear in the previous values of a group.

    Attributes:
        moving: the equations that depend on these values.
    """

    def __init__(self, step: ir.Step, group: Collection[str]) -> None:
        self.step, self.group = step, group
        self.moving = moving(step, group)
        self.taken: dict[str, _Linear] = {}

    def moves(self, expr: ir.Expr) -> bool:
        """Whether a name is of what depends on the group's previous values."""
        return moves(expr, self.group, self.moving)

    def of_value(self, name: str) -> _Linear:
        """The coefficients of an equation's value.

        Raises:
            _NotLinear: it is not linear.
        """
        if name not in self.taken:
            self.taken[name] = self.of(self.step.equation(name).expr)
        return self.taken[name]

    def of(self, expr: ir.Expr) -> _Linear:
        if not any(map(self.moves, ir.walk(expr))):
            return _Linear(rest=expr)
        match expr:
            case ir.Ref(kind="previous", name=name):
                return _Linear({name: ir.Number(1.0)})
            case ir.Ref(name=name):
                return self.of_value(name)
            case ir.Apply(op=op, args=args) if op in SCALED:
                return self.of(args[SCALED[op]]).mapped(lambda entries: scaled(expr, entries))
            case ir.Apply(op=op, args=args):
                return self.of_operation(op, args)
        raise _NotLinear

    def of_operation(self, op: Primitive, args: Sequence[ir.Expr]) -> _Linear:
        operands = [self.of(arg) for arg in args]
        which = [number for number, operand in enumerate(operands) if operand.gains]
        if op in (plus, sub, where):
            first, second = operands[-2:]
            ahead = args[:-2]  # the condition
            # what depends on them by its condition jumps, and is not linear
            if len(ahead) == 1 and operands[0].gains:
                raise _NotLinear
            return _together(first, second, lambda *both: applied(op, *ahead, *both))
        if op is neg:
            return operands[0].mapped(lambda expr: applied(neg, expr))
        # two factors that depend on them would make a square; a divisor, no polynomial at all
        if op is mul and len(which) == 1:
            other = args[1 - which[0]]
            return operands[which[0]].mapped(lambda expr: applied(mul, expr, other))
        if op is div and which == [0]:
            return operands[0].mapped(lambda expr: applied(div, expr, args[1]))
        raise _NotLinear


def _together(
    first: _Linear, second: _Linear, function: Callable[[ir.Expr, ir.Expr], ir.Expr]
) -> _Linear:
    """A linear function of two values; a coefficient that only one has is 0 in the other."""
    zero = ir.Number(0.0)
    gains = {
        name: function(first.gains.get(name, zero), second.gains.get(name, zero))
        for name in dict.fromkeys((*first.gains, *second.gains))
    }
    if first.rest is None and second.rest is None:
        return _Linear(gains)
    return _Linear(gains, function(first.rest or zero, second.rest or zero))
