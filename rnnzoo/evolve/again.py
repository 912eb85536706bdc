"""Trainings that failed, begun once more.

In: the rows of a search, and the kinds of ends that are to be forgotten.  Out: the rows that stay,
and those that followed from a forgotten one, to be taken again where they follow once more.

A fate that changes may change the population, and so all generations after it.  Where it does not,
the same candidates are drawn, and none of their trainings has to be run a second time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from rnnzoo.evolve.history import History
from rnnzoo.evolve.rows import Drawn, Ended, Row, Trained, Training
from rnnzoo.spec.trial import RETRIED, Kind


def failed(rows: Iterable[Row], kinds: Collection[Kind]) -> list[Trained]:
    """The trainings that ended so."""
    return [row for row in rows if isinstance(row, Trained) and row.kind in kinds]


def kept(rows: Sequence[Row], kinds: Collection[Kind], settings: int) -> list[Row]:
    """The rows that neither are trainings that ended so nor may follow from one: the fates of their
    cells go too, and everything of later generations.

    Args:
        settings: of a cell on each task, at one visit (`CellSearch.settings`).
    """
    history = History.of(rows)
    begun = {row.training.key: _begun(row, history, settings) for row in failed(rows, kinds)}
    if not begun:
        return [*rows]
    last = min(begun.values())
    reopened = {number for (number, _, _), generation in begun.items() if generation == last}
    if last == 0:  # all of the first cells are judged by the baseline, which is one of them
        reopened |= {*history.generations[0]}

    def stays(row: Row) -> bool:
        if isinstance(row, Trained) and row.kind in kinds:
            return False
        generation = _begun(row, history, settings)
        is_open = isinstance(row, Ended) and row.number in reopened
        return generation < last if is_open else generation <= last

    return list(filter(stays, rows))


def _begun(row: Row, history: History, settings: int) -> int:
    """The generation that a row belongs to."""
    if isinstance(row, Trained):
        number, _, index = row.training.key
        drawn = history.drawn[number]
        visit = 0 if drawn.variant or not settings else index // settings
        return history.revisits[number][visit - 1] if visit else drawn.generation
    if isinstance(row, Ended) and row.generation is None:
        return history.drawn[row.number].generation
    assert row.generation is not None
    return row.generation


@dataclass(frozen=True, slots=True)
class Earlier:
    """Histories that a search has left behind, the newest first."""

    histories: Sequence[History] = ()

    def training(self, wanted: Training, drawn: Drawn) -> Trained | None:
        """The outcome of a training, where one of them has it of the same cell; none that failed.

        Its seed is a function of the search's, of the candidate's number, stage and index.
        """
        number, stage, index = wanted.key
        for history in self.histories:
            known, row = history.drawn.get(number), history.at(number, stage).get(index)
            if known is None or known.cell != drawn.cell or row is None:
                continue
            if row.training == wanted and row.kind not in RETRIED:
                return row
        return None
