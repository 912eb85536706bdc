"""Points of random, grid and quasi-random search, each a function of its index.

In: a space, and who asks (seed, variant, task, index).  Out: hyper-parameters.  Numbers come from
SHA-256 of these words, so that 1 worker or 8, interrupted or not, on any machine, search the same
points; a dimension more leaves the others as they were.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import islice, product

from rnnzoo.errors import listed
from rnnzoo.spec.experiment import OURS, Dimension, Earlier, Search, Space
from rnnzoo.spec.hyperparameters import SHAPE, Training, Value
from rnnzoo.spec.seeds import uniform

_NOTHING: Mapping[str, Value] = {}
_Mark = frozenset[tuple[str, Value]]
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53)


def shapes(space: Space, usual: Training, sizes: Sequence[int]) -> Iterator[dict[str, Value]]:
    """Points with each of these units and of the shapes of models that a space has: of ranges what
    is usual.
    """
    otherwise = usual.values()
    known = [space.values(name) or (otherwise[name],) for name in SHAPE]
    for units, *shape in product(sizes, *known):
        yield {"units": units, **dict(zip(SHAPE, shape, strict=True))}


def ours(sampler: str) -> bool:
    """Whether a sampler's points are functions of the index, and so are drawn here."""
    return sampler in OURS


def point(
    search: Search,
    space: Space,
    variant: str,
    task: str,
    index: int,
    earlier: Sequence[Earlier] = (),
) -> dict[str, Value] | None:
    """The hyper-parameters of a trial; None where a grid has no such point.

    What a known point gives takes the place of what is drawn; the points behind are those that
    they would be without it, but of a grid, whose first one follows the known ones.

    Args:
        earlier: spaces from which the first trials are drawn; a grid goes through these first, and
            then through what is new.
    """
    who = f"{search.seed} {task}" if search.draws == "common" else f"{search.seed} {variant} {task}"
    known = search.known(index)
    if search.sampler.name != "grid":
        first = (before.space for before in earlier if index < before.trials)
        return _SAMPLERS[search.sampler.name](next(first, space), who, index, known)
    if known:
        return _walk(space, lambda axis, dimension: 0.0, known)
    behind = index - len(search.points)
    return next(islice(_grids(search, space, earlier), behind, None), None)


def planned(search: Search, space: Space, trials: int, earlier: Sequence[Earlier] = ()) -> int:
    """Of so many trials of a search, how many have a point: a grid ends."""
    if search.sampler.name != "grid":
        return trials
    known = min(trials, len(search.points))
    return known + sum(1 for _ in islice(_grids(search, space, earlier), trials - known))


def corners(space: Space, names: Collection[str]) -> Iterator[dict[str, Value]]:
    """Points with every combination of values that these names, and those that they wait for, can
    have; of a range its ends, and of all other names one value.
    """
    waited = {*names}
    for dimension in reversed(space.dimensions):  # `when` looks back
        waited |= {*dimension.when} if dimension.name in waited else set()
    few = [_fewer(dimension, dimension.name in waited) for dimension in space.dimensions]
    return _grid(few, dict(space.fixed))


def _fewer(dimension: Dimension, ends: bool) -> Dimension:
    """A choice of some values of a dimension: all that it lists, or its ends; or one of these."""
    values = [value(dimension, place) for place in (0.0, 1 - 1e-9)]
    if dimension.kind == "choice":
        values = list(dimension.choices)
    some = tuple(dict.fromkeys(values if ends else values[:1]))
    return Dimension(dimension.name, "choice", choices=some, when=dimension.when)


def _random(space: Space, who: str, index: int, known: Mapping[str, Value]) -> dict[str, Value]:
    return _walk(space, lambda axis, dimension: uniform(f"{who} {index} {dimension.name}"), known)


def _qmc(space: Space, who: str, index: int, known: Mapping[str, Value]) -> dict[str, Value]:
    """A Halton sequence (1960), shifted by a random vector modulo 1 (Cranley and Patterson
    1976).
    """

    def place(axis: int, dimension: Dimension) -> float:
        shift = uniform(f"{who} shift {dimension.name}")
        return (_radical_inverse(index + 1, _PRIMES[axis % len(_PRIMES)]) + shift) % 1.0

    return _walk(space, place, known)


def _grids(search: Search, space: Space, earlier: Sequence[Earlier]) -> Iterator[dict[str, Value]]:
    """The points of a grid; where it was a smaller one before, those of that one first."""
    seen: set[_Mark] = set()
    for before in earlier:
        most = max(0, before.trials - len(search.points) - len(seen))
        for chosen in islice(_new(before.space, seen), most):
            seen.add(_mark(chosen))
            yield chosen
    yield from _new(space, seen)


def _new(space: Space, seen: Collection[_Mark]) -> Iterator[dict[str, Value]]:
    """The points of a space's grid that were not seen."""
    for chosen in _grid(space.dimensions, dict(space.fixed)):
        if _mark(chosen) not in seen:
            yield chosen


def _mark(chosen: Mapping[str, Value]) -> _Mark:
    """By what points are told apart: one step of 0.3 is 0.3, three of 0.1 are 0.3 + 4e-17."""
    return frozenset((name, _rounded(value)) for name, value in chosen.items())


def _rounded(value: Value) -> Value:
    return float(f"{value:.12g}") if isinstance(value, float) else value


_Draw = Callable[[Space, str, int, Mapping[str, Value]], dict[str, Value]]
_SAMPLERS: Mapping[str, _Draw] = {"random": _random, "qmc": _qmc}  # and the grid


def _walk(
    space: Space, place: Callable[[int, Dimension], float], known: Mapping[str, Value] = _NOTHING
) -> dict[str, Value]:
    """Choose a value for each dimension in turn, the known one where there is one; `when` refers to
    earlier dimensions only.
    """
    chosen = dict(space.fixed)
    for axis, dimension in enumerate(space.dimensions):
        if dimension.active(chosen):
            name = dimension.name
            given = name in known
            chosen[name] = (
                _typed(dimension, known[name])
                if given
                else value(dimension, place(axis, dimension))
            )
    return chosen


def _typed(dimension: Dimension, number: Value) -> Value:
    """A value that was written, as the dimension would have drawn it."""
    return float(number) if dimension.kind == "float" else number


def value(dimension: Dimension, place: float) -> Value:
    """The value at a place in [0, 1) of a dimension; all values of an int or a choice have equal
    shares.
    """
    if dimension.kind == "choice":
        return dimension.choices[int(place * len(dimension.choices))]
    if dimension.step:
        return _number(dimension, dimension.low + int(place * _steps(dimension)) * dimension.step)
    # [low - 1/2, high + 1/2], so that the ends have whole shares; low and high stay inside
    if dimension.kind == "int":
        raw = _between(dimension.low - 0.5, dimension.high + 0.5, dimension.log, place)
        return int(min(max(round(raw), dimension.low), dimension.high))
    return min(
        max(_between(dimension.low, dimension.high, dimension.log, place), dimension.low),
        dimension.high,
    )


def at(space: Space, places: Sequence[float]) -> dict[str, Value]:
    """The hyper-parameters at a point of the unit cube, which has one axis for each dimension."""
    return _walk(space, lambda axis, dimension: places[axis])


def places(space: Space, hyperparameters: Mapping[str, Value]) -> list[float]:
    """The point of the unit cube for these hyper-parameters, 0.5 where a dimension is missing; the
    inverse of `at`.
    """
    chosen = [(dimension, hyperparameters.get(dimension.name)) for dimension in space.dimensions]
    return [_place(dimension, number) for dimension, number in chosen]


def within(space: Space, hyperparameters: Mapping[str, Value]) -> bool:
    """Whether hyper-parameters lie in the present space; a table may be older than its spec."""
    chosen = [(dimension, hyperparameters.get(dimension.name)) for dimension in space.dimensions]
    return all(number is None or _has(dimension, number) for dimension, number in chosen)


def outside(space: Space, hyperparameters: Mapping[str, Value]) -> str:
    """The first hyper-parameter with a value that this space does not contain; empty where there is
    none.
    """
    searched = {dimension.name: dimension for dimension in space.dimensions}
    for name, number in hyperparameters.items():
        dimension = searched.get(name)
        inside = _has(dimension, number) if dimension else space.fixed.get(name) == number
        if not inside:
            return name
    return ""


def can_be(dimension: Dimension, number: Value) -> bool:
    """Whether a dimension has a value, its steps included."""
    if dimension.kind == "choice" or isinstance(number, str | bool):
        return dimension.kind == "choice" and number in dimension.choices
    if not _has(dimension, number) or number > highest(dimension) + 1e-9 * abs(dimension.high):
        return False
    if dimension.kind == "int" and not float(number).is_integer():
        return False
    steps = (number - dimension.low) / dimension.step if dimension.step else 0.0
    return abs(steps - round(steps)) < 1e-6


def extent(dimension: Dimension) -> str:
    """All values of a dimension, in words."""
    if dimension.kind == "choice":
        return listed(map(str, dimension.choices), "or")
    steps = f" in steps of {dimension.step:g}" if dimension.step else ""
    return f"{dimension.low:g} to {dimension.high:g}{steps}"


def _has(dimension: Dimension, number: Value) -> bool:
    if dimension.kind == "choice":
        return number in dimension.choices
    return dimension.low <= float(number) <= dimension.high


def _place(dimension: Dimension, number: Value | None) -> float:
    """The place of a value, in the middle of its share where it has one; 0.5 for None."""
    if number is None:
        return 0.5
    if dimension.kind == "choice":
        return (dimension.choices.index(number) + 0.5) / len(dimension.choices)
    raw = float(number)
    if dimension.step:
        return (round((raw - dimension.low) / dimension.step) + 0.5) / _steps(dimension)
    whole = 0.5 if dimension.kind == "int" else 0.0
    low, high = dimension.low - whole, dimension.high + whole
    if high == low:
        return 0.5
    if dimension.log:
        return math.log(raw / low) / math.log(high / low)
    return (raw - low) / (high - low)


def _between(low: float, high: float, log: bool, place: float) -> float:
    if log:
        return math.exp(math.log(low) + place * (math.log(high) - math.log(low)))
    return low + place * (high - low)


def _steps(dimension: Dimension) -> int:
    """How many values a dimension with a step has."""
    return math.floor((dimension.high - dimension.low) / dimension.step + 1e-9) + 1


def highest(dimension: Dimension) -> float:
    """The highest value that a dimension reaches: the last of its steps, where it has steps."""
    if not dimension.step:
        return dimension.high
    return min(dimension.low + (_steps(dimension) - 1) * dimension.step, dimension.high)


def _number(dimension: Dimension, raw: float) -> Value:
    return round(raw) if dimension.kind == "int" else min(raw, dimension.high)


def _radical_inverse(index: int, base: int) -> float:
    """The digits of the index in a base, mirrored behind the point."""
    result, share = 0.0, 1.0 / base
    while index:
        index, digit = divmod(index, base)
        result += digit * share
        share /= base
    return result


def _grid(dimensions: Sequence[Dimension], chosen: dict[str, Value]) -> Iterator[dict[str, Value]]:
    """All points, the last dimension fastest; a conditional dimension is left out where it does not
    exist.
    """
    if not dimensions:
        yield dict(chosen)
        return
    first, *rest = dimensions
    if not first.active(chosen):
        yield from _grid(rest, chosen)
        return
    for choice in _values(first):
        yield from _grid(rest, {**chosen, first.name: choice})


def _values(dimension: Dimension) -> Sequence[Value]:
    if dimension.kind == "choice":
        return dimension.choices
    if dimension.step:
        return [
            _number(dimension, dimension.low + number * dimension.step)
            for number in range(_steps(dimension))
        ]
    return list(range(int(dimension.low), int(dimension.high) + 1))
