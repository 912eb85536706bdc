"""A history -> what there is to say of a search: how it went, what survived, what the best
share.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from rnnzoo.evolve import judge
from rnnzoo.evolve.draw import cell_of
from rnnzoo.evolve.found import best
from rnnzoo.evolve.history import History
from rnnzoo.evolve.plan import About
from rnnzoo.evolve.rows import Drawn, Ended, Fate, Trained
from rnnzoo.lang import ir
from rnnzoo.spec.experiment import FILTER

SAMPLE = 1000  # candidates whose parts are counted, evenly over the search
LEADERS = 20  # cells whose parts are compared with these
SHARED = 0.5  # of the leaders that a part must be in to be told of
SHOWN = 12  # parts


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a search was when so many candidates were trained.

    Attributes:
        passed: how many of them had passed.
        best: the best fitness until then; None before the first, and where no task is run.
    """

    trained: int
    passed: int
    best: float | None


@dataclass(frozen=True, slots=True)
class Survival:
    """What became of the candidates that a mutation had a part in."""

    mutation: str
    drawn: int
    fit: int
    passed: int


@dataclass(frozen=True, slots=True)
class Part:
    """A sub-expression: an operation with what it is applied to.

    Attributes:
        leaders, others: the shares of the best cells, and of all that were trained, that have it.
    """

    text: str
    leaders: float
    others: float


@dataclass(frozen=True, slots=True)
class Cost:
    """A cell that passed, by what it costs.

    Attributes:
        step: seconds of a training step, the median over its trainings.
        on_frontier: whether no cell is both better and faster.
    """

    number: int
    fitness: float
    weights: int
    step: float
    on_frontier: bool


def trained(history: History) -> list[Ended]:
    """The candidates that were trained and have their fates, in order, without the first cells."""
    return [
        ended
        for number, ended in sorted(history.ended.items())
        if ended.fate is not Fate.UNFIT and not history.drawn[number].variant
    ]


def progress(history: History) -> list[Progress]:
    """After each candidate."""
    steps: list[Progress] = []
    passed, highest = 0, None
    for count, ended in enumerate(trained(history), 1):
        passed += ended.fate is Fate.PASSED
        if ended.fitness is not None:
            highest = ended.fitness if highest is None else max(highest, ended.fitness)
        steps.append(Progress(count, passed, highest))
    return steps


def survivals(history: History) -> list[Survival]:
    """Of each mutation, those that survive most often first."""
    drawn, fit, passed = Counter[str](), Counter[str](), Counter[str]()
    for number, ended in history.ended.items():
        made_by = set(history.drawn[number].mutations)
        drawn.update(made_by)
        fit.update(made_by if ended.fate is not Fate.UNFIT else ())
        passed.update(made_by if ended.fate is Fate.PASSED else ())
    rows = [Survival(name, drawn[name], fit[name], passed[name]) for name in drawn]
    return sorted(rows, key=lambda row: (-row.passed / row.drawn, row.mutation))


def leaders(history: History, count: int = LEADERS) -> list[Drawn]:
    """The best candidates; where none has a fitness, the last that passed."""
    ranked = best(history, count)
    if not ranked:
        ranked = [ended for ended in trained(history) if ended.fate is Fate.PASSED][-count:]
    return [history.drawn[ended.number] for ended in ranked]


def parts(history: History) -> list[Part]:
    """Sub-expressions of the best cells, those that are most unlike chance first: chance is how
    often all candidates that were trained have them.
    """
    first = leaders(history)
    everyone = [history.drawn[ended.number] for ended in trained(history)]
    sample = everyone[:: max(1, len(everyone) // SAMPLE)]
    if not first:
        return []
    of_first, of_all = _counted(first), _counted(sample)
    rows = [
        Part(text, count / len(first), of_all[text] / len(sample))
        for text, count in of_first.items()
        if count >= SHARED * len(first)
    ]
    return sorted(rows, key=lambda part: (part.others - part.leaders, part.text))[:SHOWN]


def _counted(candidates: Sequence[Drawn]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for drawn in candidates:
        counted.update(set(parts_of(cell_of(drawn.cell))))
    return counted


def parts_of(cell: ir.Cell) -> Iterator[str]:
    """Each operation of a cell with what it is applied to: `mul(sigmoid, h[t-1])`."""
    values = {equation.name: equation.expr for equation in cell.step.equations}
    for equation in cell.step.equations:
        for expr in ir.walk(equation.expr):
            if isinstance(expr, ir.Apply):
                heads = [_head(operand, values) for operand in expr.args]
                ordered = sorted(heads) if expr.op.commutative else heads
                yield f"{expr.op.name}({', '.join(ordered)})"


def _head(expr: ir.Expr, values: dict[str, ir.Expr]) -> str:
    """What an operand is, at a glance: its operation, or its kind where it is a name."""
    while isinstance(expr, ir.Ref) and expr.kind == "value" and expr.name in values:
        expr = values[expr.name]
    if isinstance(expr, ir.Apply):
        return expr.op.name
    if isinstance(expr, ir.Number):
        return f"{expr.value:g}"
    if expr.kind == "previous":
        return f"{expr.name}[t-1]"
    if expr.kind in ir.WEIGHTS:
        return "matrix" if len(expr.shape) == 2 else "bias"
    return expr.name


def costs(history: History) -> list[Cost]:
    """The cells that passed by what a step costs, the cheapest first; the first cells too."""
    rows = []
    for ended in history.with_fate(Fate.PASSED):
        steps = [row for row in _of_tasks(history, ended.number) if "step" in row.seconds]
        if ended.fitness is not None and steps:
            step = median(row.seconds["step"] for row in steps)
            rows.append((step, ended, max(row.weights for row in steps)))
    rows.sort(key=lambda row: (row[0], row[1].number))
    costs, highest = list[Cost](), float("-inf")
    for step, ended, weights in rows:
        fitness = ended.fitness or 0.0
        costs.append(Cost(ended.number, fitness, weights, step, fitness > highest))
        highest = max(highest, fitness)
    return costs


def _of_tasks(history: History, number: int) -> Iterator[Trained]:
    for stage, rows in history.trained.get(number, {}).items():
        if stage != FILTER:
            yield from rows.values()


def descent(history: History, count: int = 5) -> list[Drawn]:
    """The best candidates and all that they descend from, by number."""
    known = {drawn.number: drawn for drawn in leaders(history, count)}
    todo = list(known.values())
    while todo:
        parents = [history.drawn[number] for number in todo.pop().parents]
        todo += [parent for parent in parents if parent.number not in known]
        known |= {parent.number: parent for parent in parents}
    return [known[number] for number in sorted(known)]


def on_test(about: About, history: History, number: int) -> float | None:
    """The fitness of a candidate by scores on test, at the settings that validation chose: what
    of its lead was not chosen by.  None where one is missing.
    """
    first = (history.drawn[number] for number in history.generations[0])
    baseline = next(drawn.number for drawn in first if drawn.variant == about.baseline)
    shares = []
    for task in about.stages:
        own, other = chosen(history, number, task), chosen(history, baseline, task)
        if own is None or other is None:
            return None
        shares.append(judge.relative(own, other, about.whole[task]))
    return min(shares, default=None)


def chosen(history: History, number: int, task: str) -> float | None:
    """The score on test of the training that is best on validation."""
    complete = [row for row in history.in_order(number, task) if row.score is not None]
    return min(complete, key=lambda row: row.score or 0.0).test if complete else None


def reasons(history: History, most: int = 8) -> list[tuple[str, int]]:
    """Why candidates did not pass, the most frequent first; numbers in a reason do not count."""
    counted: Counter[str] = Counter()
    for ended in history.ended.values():
        if ended.fate is not Fate.PASSED:
            counted[f"{ended.fate}: {_without_numbers(ended.reason)}"] += 1
    return counted.most_common(most)


def _without_numbers(text: str) -> str:
    told = re.sub(r"(?<![\w.])\d+(\.\d+)?([eE][-+]?\d+)?", "#", text)
    return told.replace("#%", "# %")  # old histories have 63%, new ones 63 %
