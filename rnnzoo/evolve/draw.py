"""The next candidate: a child of the population, or of a grammar; the cells that come first; and
which cells of the population are trained at more settings.

A candidate is new: no earlier one has its canonical form, and none its behaviour; neither depends
on signs that weights can carry.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from rnnzoo.errors import UsageError
from rnnzoo.evolve.history import History
from rnnzoo.evolve.plan import Plan
from rnnzoo.evolve.rows import Drawn, Row
from rnnzoo.evolve.settings import settings_left
from rnnzoo.lang import behaviour, parse_text
from rnnzoo.lang.canonical import canonical_hash
from rnnzoo.lang.ir import Cell
from rnnzoo.lang.rewriting import Child, Graph, child, from_grammar
from rnnzoo.lang.signs import without_free_signs
from rnnzoo.lang.text import cell_text
from rnnzoo.spec.seeds import derive_seed, uniform

ATTEMPTS = 1000  # to draw a cell that no earlier candidate is
SAMPLE = 30  # candidates of a history that tell whether this version knows them as it does


def name_of(number: int) -> str:
    """What a candidate is called."""
    return f"candidate_{number}"


@lru_cache(maxsize=1024)  # a population is parsed for each draw
def cell_of(text: str) -> Cell:
    """The cell of a candidate's text."""
    return parse_text(text)


def form_of(plan: Plan, cell: Cell) -> str:
    """The canonical hash by which a search knows a cell."""
    if plan.format == 1:
        return canonical_hash(cell, cancels=False)
    return canonical_hash(without_free_signs(cell))


def print_of(plan: Plan, cell: Cell) -> str:
    """The fingerprint by which a search knows a cell."""
    return behaviour.fingerprint(cell if plan.format == 1 else without_free_signs(cell))


def first_cells(plan: Plan) -> Iterator[Drawn]:
    """The candidates of generation 0."""
    for number, (label, cell) in enumerate(plan.first.items()):
        form = form_of(plan, cell)
        yield _candidate(plan, number, 0, Child(cell, (), ()), form, (), label)


def drawn_next(plan: Plan, history: History, population: Sequence[Drawn], generation: int) -> Drawn:
    """The next candidate of a generation.

    Raises:
        UsageError: nothing new can be drawn.
    """
    number = len(history.drawn)
    numbers = {cell_of(parent.cell).name: parent.number for parent in population}
    for attempt in range(ATTEMPTS):
        rng = np.random.default_rng(
            derive_seed(f"{plan.search.seed} {number} {attempt} candidate", 64)
        )
        made = _drawn_cell(plan, population, rng, name_of(number))
        form = form_of(plan, made.cell)
        if form in history.forms:
            continue
        parents = tuple(numbers[name] for name in made.parents)
        drawn = _candidate(plan, number, generation, made, form, parents)
        if drawn.unfit or drawn.print not in history.prints:
            return drawn
    raise UsageError(
        f"in {ATTEMPTS} draws there was no new cell after {number} candidates",
        "allow more `nodes` or mutations, forbid less, or begin from more parents",
    )


def revisited(
    plan: Plan, history: History, population: Sequence[Drawn], generation: int, step: int
) -> Drawn | None:
    """The cell of the population that a step trains at more settings; None where the step draws a
    candidate.

    The first cells are not revisited: the baseline's best is what others are measured by, and in
    the paper both have been trained at all settings.

    Args:
        step: how many there were before it in its generation.
    """
    words = f"{plan.search.seed} {generation} {step} step"
    if uniform(words) >= plan.search.more_settings:
        return None
    again = history.revisited.get(generation, ())
    able = [drawn for drawn in population if not (drawn.variant or drawn.number in again)]
    if not able:
        return None
    chosen = able[int(uniform(f"{words} cell") * len(able))]
    has_more = any(settings_left(plan, history, chosen, task) for task in plan.stages)
    return chosen if has_more else None


def renewed(plan: Plan, rows: Iterable[Row]) -> list[Row]:
    """Rows in which candidates are known by what this version computes.

    Another version may have written them, whose hashes and fingerprints are others: next to these,
    no new candidate would be one that there was.  A sample tells, since all of them take minutes.
    """
    every = list(rows)
    drawn = [row for row in every if isinstance(row, Drawn)]
    sample = {row.number: row for row in drawn[:: max(1, len(drawn) // SAMPLE)]}
    sample |= {row.number: row for row in drawn if row.variant}
    if all(_renewed(plan, row) == row for row in sample.values()):
        return every
    return [_renewed(plan, row) for row in every]


def _renewed(plan: Plan, row: Row) -> Row:
    if not isinstance(row, Drawn):
        return row
    cell = cell_of(row.cell)
    known_by = print_of(plan, cell) if row.print else ""
    return replace(row, form=form_of(plan, cell), print=known_by)


def _drawn_cell(
    plan: Plan, population: Sequence[Drawn], rng: np.random.Generator, name: str
) -> Child:
    if plan.search.origin == "grammar":
        return from_grammar(rng, plan.rules, name)
    return child([cell_of(parent.cell) for parent in population], rng, plan.rules, name)


def _candidate(
    plan: Plan,
    number: int,
    generation: int,
    made: Child,
    form: str,
    parents: tuple[int, ...],
    variant: str = "",
) -> Drawn:
    unfit = "" if variant else behaviour.why_not(made.cell)
    return Drawn(
        number,
        generation,
        cell_text(made.cell),
        form,
        "" if unfit else print_of(plan, made.cell),
        parents,
        made.mutations,
        len(Graph.of(made.cell).nodes),
        variant,
        unfit,
    )
