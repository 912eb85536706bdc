"""The table under `space:` -> `Space`.

In: nodes, and the space that all variants share.  Out: dimensions in an order in which `when` only
looks back, every number legal.  Contains: random search over log-uniform ranges (Greff et al.
2015), grids of listed values (Jozefowicz et al. 2015), and hyper-parameters that exist only beside
another's value, as the momentum of sgd.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rnnzoo.errors import Mistakes, Span, listed, nearest
from rnnzoo.spec import points
from rnnzoo.spec.document import (
    Listing,
    Node,
    Scalar,
    Table,
    as_integer,
    describe,
    is_number,
)
from rnnzoo.spec.experiment import Dimension, Space
from rnnzoo.spec.hyperparameters import (
    HYPERPARAMETERS,
    MOMENTUM,
    SEARCHABLE,
    Hyperparameter,
    Value,
)
from rnnzoo.spec.keys import NUMBER, Either, Entry, Items, Key, Keys, Legal, Shared

MAX_CHOICES = 1000  # of one hyper-parameter
KINDS = ("int", "float", "choice")  # of ranges
_WHEN = Shared(
    "when",
    Keys(
        {
            name: Key(row.help, Either((row.legal, Items(row.legal))), may_be_empty=False)
            for name, row in SEARCHABLE.items()
        }
    ),
)
_ALL: Mapping[str, Key] = {
    "when": Key(
        "it exists only where each of these others has one of these values", _WHEN, "always"
    )
}
_RANGE: Mapping[str, Key] = {
    "log": Key("it is drawn evenly in its logarithm", Legal(flag=True), "`false`"),
    "step": Key("from one value to the next", NUMBER, "none"),
    **_ALL,
}


@dataclass(frozen=True, slots=True)
class WrittenSpace:
    """A space with the places of its names, also of those whose value is wrong."""

    space: Space = field(default_factory=Space)
    spans: Mapping[str, Span] = field(default_factory=dict)

    def over(self, base: WrittenSpace) -> WrittenSpace:
        return WrittenSpace(self.space.over(base.space), {**base.spans, **self.spans})


# so many trials, and the space that they are drawn from
Before = Sequence[tuple[int, WrittenSpace]]


def _ranges(legal: Legal) -> Mapping[str, Mapping[str, Key]]:
    """What says how a hyper-parameter is searched, and what may stand beside it, by its kind."""
    ends = Items(legal, least=2, most=2)
    choices = Items(legal, least=1, most=MAX_CHOICES)
    return {
        "int": {
            "int": Key("whole numbers, `[low, high]`, both included", ends, needed=True),
            **_RANGE,
        },
        "float": {
            "float": Key("numbers, `[low, high]`, both included", ends, needed=True),
            **_RANGE,
        },
        "choice": {"choice": Key("one of these values", choices, needed=True), **_ALL},
    }


def searched(row: Hyperparameter) -> Key:
    """What may stand under a hyper-parameter: a value, or what it is searched in."""
    legal = row.legal
    kinds = [kind for kind in KINDS if kind != "float" or not legal.whole]
    ranges = _ranges(legal)
    if legal.words or legal.flag:
        kinds = ["choice"]
    value = Either((legal, *(Keys(ranges[kind], whole=True) for kind in kinds)))
    return Key(row.help, value, row.without)


def read(table: Table | None, mistakes: Mistakes) -> WrittenSpace:
    """The space of one table; `settled` checks how its dimensions fit together."""
    dimensions: list[Dimension] = []
    fixed: dict[str, Value] = {}
    for name, node in table.entries.items() if table else ():
        if name not in SEARCHABLE:
            span = table.keys[name] if table else node.span
            if name in HYPERPARAMETERS:
                mistakes.add(span, f"'{name}' cannot be searched", "write it under `training:`")
            else:
                mistakes.add(span, f"no hyper-parameter '{name}'", nearest(name, SEARCHABLE))
        elif isinstance(node, Table):
            dimension = _dimension(name, node, table.keys[name] if table else node.span, mistakes)
            dimensions += [dimension] if dimension is not None else []
        elif isinstance(node, Listing):
            fix = f"write {name}: {{choice: [...]}}, {{int: [low, high]}} or {{float: [low, high]}}"
            mistakes.add(node.span, f"'{name}' is a value or a range, not {describe(node)}", fix)
        elif node.value is not None:
            value = _legal(name, node, mistakes)
            fixed.update({name: value} if value is not None else {})
    return WrittenSpace(Space(tuple(dimensions), fixed), table.keys if table else {})


def settled(written: WrittenSpace, own_names: Collection[str], mistakes: Mistakes) -> Space:
    """The space with its dimensions sorted so that `when` refers to earlier ones only.

    Args:
        own_names: those that stand in the table itself.  It is a mistake where the `when` of one of
            them can never hold; an inherited dimension that can no longer exist drops silently, as
            with a cell that `extends` another.
    """
    space = written.space
    sorted_dimensions: dict[str, Dimension] = {}
    todo = {dimension.name: dimension for dimension in space.dimensions}
    while todo:
        ready = next(
            (dimension for dimension in todo.values() if not {*dimension.when} & {*todo}), None
        )
        if ready is None:
            problem = f"`when` runs in a circle: {', '.join(todo)} wait for each other"
            mistakes.add(written.spans[next(iter(todo))], problem, "delete one `when:`")
            break
        del todo[ready.name]
        before = Space(tuple(sorted_dimensions.values()), space.fixed)
        if ready.name in own_names:
            _check_when(ready, before, written.spans, mistakes)
            sorted_dimensions[ready.name] = ready
        elif _can_exist(ready, before):
            sorted_dimensions[ready.name] = ready
    return Space(tuple(sorted_dimensions.values()), space.fixed)


def _can_exist(dimension: Dimension, before: Space) -> bool:
    """Whether each name in a `when` can take one of the values that it waits for."""
    return all(_any_possible(before, name, values) for name, values in dimension.when.items())


def _any_possible(space: Space, name: str, values: Sequence[Value]) -> bool:
    return any(_possible(space, name, value) for value in values)


def check_use(
    space: Space, spans: Mapping[str, Span], optimizer: str, sampler: str, mistakes: Mistakes
) -> None:
    """Report what would fail in every trial: momentum given twice or to an optimiser without it,
    and a grid without steps.

    Args:
        optimizer: that of `training:`, used where the space has none.
    """
    given = [name for name in MOMENTUM if _has(space, name)]
    if len(given) > 1:
        fix = f"keep one of {' and '.join(MOMENTUM)}"
        mistakes.add(spans[given[1]], "the momentum is given twice", fix)
    for name in given:
        _check_momentum(space, name, spans[name], optimizer, mistakes)
    if sampler == "grid":
        for dimension in space.dimensions:
            if dimension.kind == "float" and not dimension.step:
                problem = f"a grid needs steps, and '{dimension.name}' has none"
                fix = "give it a `step:`, or a `choice:` of values"
                mistakes.add(spans[dimension.name], problem, fix)


def _has(space: Space, name: str) -> bool:
    return name in space.fixed or any(dimension.name == name for dimension in space.dimensions)


def _check_momentum(
    space: Space, name: str, span: Span, optimizer: str, mistakes: Mistakes
) -> None:
    """Report an optimiser that a momentum meets, and that has none."""
    used = space.values("optimizer") or (optimizer,)
    conditions = [dimension.when for dimension in space.dimensions if dimension.name == name]
    met = conditions[0].get("optimizer", used) if conditions else used
    having = SEARCHABLE[name].optimizers
    without = [optimiser for optimiser in used if optimiser in met and optimiser not in having]
    if without:
        only = f"only {' and '.join(having)} have"
        fix = f"{only}: give it `when: {{optimizer: [{', '.join(having)}]}}`"
        mistakes.add(span, f"the optimiser '{without[0]}' has no momentum", fix)


# ------------------------------------------------------------------ one dimension


def _legal(name: str, node: Scalar, mistakes: Mistakes) -> Value | None:
    """The value as its type; None, and a mistake, where it is not legal."""
    legal = SEARCHABLE[name].legal
    problem = legal.problem(node.value)
    if problem:
        mistakes.add(
            node.span,
            f"'{name}' {problem}, not {describe(node)}",
            nearest(str(node.value), legal.words),
        )
        return None
    return as_integer(node.value) if legal.whole else node.value


def read_value(name: str, node: Node, span: Span, mistakes: Mistakes) -> Value | None:
    """The value that is given to a hyper-parameter, whether or not a space has it; None, and a
    mistake, where it is none.

    Args:
        span: of the name.
    """
    if name not in SEARCHABLE:
        mistakes.add(span, f"no hyper-parameter '{name}'", nearest(name, SEARCHABLE))
    elif not isinstance(node, Scalar) or node.value is None:
        mistakes.add(node.span, f"'{name}' has one value in a point, not {describe(node)}")
    else:
        return _legal(name, node, mistakes)
    return None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a space has not a point.

    Attributes:
        name: of the hyper-parameter; empty where it is the whole point.
        problem: with `{space}` for what the space is called.
    """

    name: str
    problem: str
    fix: str


def refusal(point: Mapping[str, Value], space: Space, whole: bool) -> Refusal | None:
    """Why a space has not a point; None where it has it.

    Args:
        whole: nothing may be left open.
    """
    chosen = dict(space.fixed)
    left = ""  # the first name that is left open
    for dimension in space.dimensions:
        name = dimension.name
        unsure = [other for other in dimension.when if other not in chosen]
        if name in point and unsure:
            problem = f"whether '{name}' exists depends on what this point leaves open"
            return Refusal(name, problem, f"give {listed(f'`{other}:`' for other in unsure)} too")
        if not dimension.active(chosen):
            continue
        if name not in point:
            left = left or name
            continue
        if not points.can_be(dimension, point[name]):
            has = f"{{space}} has {points.extent(dimension)}"
            problem = f"'{name}' is {point[name]} in this point, and {has}"
            return Refusal(name, problem, "give another value, or search more of it")
        chosen[name] = point[name]
    for name, value in point.items():
        if chosen.get(name) != value:
            return _not_there(name, space)
    if whole and left:
        problem = f"a grid draws nothing, and this point leaves '{left}' open"
        return Refusal("", problem, "give it a value")
    return None


def beyond(before: Space, space: Space) -> str:
    """The first name of which a space has more than another; empty where it lies within."""
    for name, value in before.fixed.items():
        dimension = _dimension_of(space, name)
        inside = points.can_be(dimension, value) if dimension else space.fixed.get(name) == value
        if not inside:
            return name
    for dimension in before.dimensions:
        now = _dimension_of(space, dimension.name)
        if now is None or dict(now.when) != dict(dimension.when) or not _has_all(now, dimension):
            return dimension.name
    return ""


def _dimension_of(space: Space, name: str) -> Dimension | None:
    return next((dimension for dimension in space.dimensions if dimension.name == name), None)


def _has_all(now: Dimension, before: Dimension) -> bool:
    """Whether a dimension has all values of another."""
    if before.kind == "choice":
        return all(points.can_be(now, value) for value in before.choices)
    if now.kind == "choice" or (now.kind == "int" and before.kind == "float"):
        return False
    ends = (before.low, points.highest(before))
    if not all(now.low <= end <= points.highest(now) for end in ends):
        return False
    step = before.step or (1.0 if before.kind == "int" else 0.0)
    if not now.step:
        return True
    # not `%`: in floats 0.3 is 2.9999999999999996 steps of 0.1
    multiple = step / now.step
    is_whole = multiple > 0.5 and abs(multiple - round(multiple)) < 1e-9
    return points.can_be(now, before.low) and is_whole


def _not_there(name: str, space: Space) -> Refusal:
    """Why a space has not the value of a name that it does not search, or not with the rest of the
    point.
    """
    if name in space.fixed:
        problem = f"'{name}' is fixed at {space.fixed[name]} in {{space}}"
        return Refusal(name, problem, "search it, or delete it here")
    for dimension in space.dimensions:
        if dimension.name == name:
            waits = [
                f"`{other}: {listed(map(str, values), 'or')}`"
                for other, values in dimension.when.items()
            ]
            return Refusal(name, f"'{name}' exists only with {listed(waits)}", "delete it here")
    problem = f"'{name}' is not searched in {{space}}"
    return Refusal(name, problem, "give it a range in `space:`, or delete it here")


def _dimension(name: str, table: Table, span: Span, mistakes: Mistakes) -> Dimension | None:
    kinds = [kind for kind in KINDS if kind in table.entries]
    if len(kinds) != 1:
        fix = f"write {name}: {{int: [1, 9]}}, {{float: [0.1, 1]}} or {{choice: [a, b]}}"
        mistakes.add(span, f"'{name}' needs one of int, float and choice", fix)
        return None
    entry = Entry(table, mistakes, f"'{name}'", _ranges(SEARCHABLE[name].legal)[kinds[0]])
    if kinds == ["choice"]:
        dimension = _choice(name, entry, mistakes)
    else:
        dimension = _range(name, kinds[0], entry, mistakes)
    when = _when(entry.table_at("when", "{optimizer: sgd}"), mistakes)
    entry.done()
    return replace(dimension, when=when) if dimension else None


def _choice(name: str, entry: Entry, mistakes: Mistakes) -> Dimension | None:
    nodes = entry.listing("choice")
    if not nodes:
        mistakes.add(
            entry.span("choice"), f"'{name}' has nothing to choose from", "write choice: [a, b]"
        )
        return None
    values = _values(name, nodes, mistakes)
    if len(set(values)) < len(values):
        mistakes.add(entry.span("choice"), f"'{name}' has the same choice twice", "delete one")
    return Dimension(name, "choice", choices=values) if len(values) == len(nodes) else None


def _values(name: str, nodes: Sequence[Node], mistakes: Mistakes) -> tuple[Value, ...]:
    values = []
    for node in nodes:
        if not isinstance(node, Scalar):
            mistakes.add(node.span, f"a choice is a plain value, not {describe(node)}")
        elif (value := _legal(name, node, mistakes)) is not None:
            values.append(value)
    return tuple(values)


def _range(name: str, kind: str, entry: Entry, mistakes: Mistakes) -> Dimension | None:
    ends = entry.listing(kind)
    log, step = entry.value("log", False), entry.value("step", 0.0)
    legal = SEARCHABLE[name].legal
    if legal.words or legal.flag:
        type_words, choices = ("true or false",) * 2 if legal.flag else ("a word", "...")
        fix = f"write {name}: {{choice: [{choices.replace(' or', ',')}]}}"
        mistakes.add(entry.span(kind), f"'{name}' is {type_words}", fix)
        return None
    numbers = [end.value for end in ends if isinstance(end, Scalar) and is_number(end.value)]
    if len(ends) != 2 or len(numbers) != 2:
        mistakes.add(
            entry.span(kind), f"the range of '{name}' is two numbers", f"write {kind}: [low, high]"
        )
        return None
    if None in [_legal(name, end, mistakes) for end in ends if isinstance(end, Scalar)]:
        return None
    low, high = (float(number) for number in numbers)  # type: ignore[arg-type]  # numbers they are
    # one of two kinds
    dimension = Dimension(name, kind, low, high, log, float(step))  # type: ignore[arg-type]
    before = len(mistakes.collected)
    _check_range(dimension, entry, mistakes)
    return dimension if len(mistakes.collected) == before else None


def _check_range(dimension: Dimension, entry: Entry, mistakes: Mistakes) -> None:
    """Report mistakes of a range whose ends are legal."""
    for key, problem, fix in (*_of_ends(dimension), *_of_steps(dimension, "step" in entry)):
        mistakes.add(entry.span(key), problem, fix)


def _of_ends(dimension: Dimension) -> Iterator[tuple[str, str, str]]:
    """What is wrong with the ends of a range: key, problem and fix."""
    name, kind, low, high = dimension.name, dimension.kind, dimension.low, dimension.high
    if kind == "float" and SEARCHABLE[name].legal.whole:
        yield kind, f"'{name}' is a whole number", f"write {name}: {{int: [low, high]}}"
    elif kind == "int" and not (low.is_integer() and high.is_integer()):
        yield kind, "an `int` range has whole ends", "write float: [low, high]"
    if low > high:
        yield kind, f"low {low:g} is above high {high:g}", f"write {kind}: [{high:g}, {low:g}]"
    if dimension.log and low <= 0:
        fix = "raise the low end, or delete `log: true`"
        yield "log", "a logarithmic range begins above 0", fix


def _of_steps(dimension: Dimension, is_said: bool) -> Iterator[tuple[str, str, str]]:
    """What is wrong with the steps of a range: key, problem and fix.

    Args:
        is_said: whether the file has `step:`; without it the step is 0, and the range has none.
    """
    step = dimension.step
    if step < 0 or (is_said and step == 0):
        yield "step", "a step is above 0", "delete it, or write step: 1"
    elif dimension.log and step:
        yield "step", "a logarithmic range has no steps", "write a `choice:` of values"
    elif dimension.kind == "int" and not step.is_integer():
        yield "step", "an `int` range has whole steps", "write step: 1"
    elif step > dimension.high - dimension.low >= 0:
        yield "step", f"the step {step:g} is larger than the range", "write a smaller step"


# ------------------------------------------------------------------ when


def _when(table: Table | None, mistakes: Mistakes) -> dict[str, tuple[Value, ...]]:
    """`when: {optimizer: sgd}` or `when: {optimizer: [sgd, rmsprop]}`."""
    conditions: dict[str, tuple[Value, ...]] = {}
    for name, node in table.entries.items() if table else ():
        if name in SEARCHABLE:
            conditions[name] = _values(
                name, node.items if isinstance(node, Listing) else (node,), mistakes
            )
        elif table:
            mistakes.add(
                table.keys[name], f"no hyper-parameter '{name}'", nearest(name, SEARCHABLE)
            )
    return conditions


def _check_when(
    dimension: Dimension, before: Space, spans: Mapping[str, Span], mistakes: Mistakes
) -> None:
    """Report names and values in a `when` that can never occur."""
    known = {*before.fixed, *(earlier.name for earlier in before.dimensions)}
    for name, values in dimension.when.items():
        impossible = [value for value in values if not _possible(before, name, value)]
        if name not in spans and name not in known:
            problem = f"`when` of '{dimension.name}' names '{name}', which the space does not have"
            mistakes.add(spans[dimension.name], problem, nearest(name, known - {dimension.name}))
        elif name in known and impossible:
            problem = f"'{dimension.name}' waits for `{name}: {impossible[0]}`, which never comes"
            mistakes.add(spans[dimension.name], problem, f"'{name}' {_described(before, name)}")


def _possible(space: Space, name: str, value: Value) -> bool:
    """Whether a name of the space can take a value; a range of real numbers hits none of them."""
    known = space.values(name)
    if known is not None:
        return value in known
    dimension = next((dimension for dimension in space.dimensions if dimension.name == name), None)
    if dimension is None or dimension.kind != "int" or not isinstance(value, int | float):
        return False
    return (
        dimension.low <= value <= dimension.high
        and (value - dimension.low) % (dimension.step or 1) == 0
    )


def _described(space: Space, name: str) -> str:
    known = space.values(name)
    if known is not None:
        return f"is {' or '.join(map(str, known))}"
    dimension = next(dimension for dimension in space.dimensions if dimension.name == name)
    if dimension.kind == "float":
        return "is a range of real numbers, which hits no single value: make it a `choice:`"
    steps = f" in steps of {dimension.step:g}" if dimension.step else ""
    return f"is a whole number from {dimension.low:g} to {dimension.high:g}{steps}"
