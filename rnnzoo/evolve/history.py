"""All rows of a search, found by candidate."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rnnzoo.evolve.rows import Drawn, Ended, Fate, Revisit, Row, Trained, result


@dataclass(slots=True)
class History:
    """Grows by one row after the other.

    Attributes:
        drawn: candidates by number.
        ended: their fates, likewise; of a cell that was trained at more settings the last one.
        replaced: the fates that it had before, in order.
        revisits: of each cell, the generations in which it is trained at more settings, in order.
        revisited: by generation, the numbers of these cells.
        trained: trainings by candidate, there by stage, and there by index.
        generations: numbers of the candidates of each generation, in order.
        forms, prints: of all candidates.
    """

    drawn: dict[int, Drawn] = field(default_factory=dict)
    ended: dict[int, Ended] = field(default_factory=dict)
    replaced: dict[int, list[Ended]] = field(default_factory=dict)
    revisits: dict[int, list[int]] = field(default_factory=dict)
    revisited: dict[int, list[int]] = field(default_factory=dict)
    trained: dict[int, dict[str, dict[int, Trained]]] = field(default_factory=dict)
    generations: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    forms: set[str] = field(default_factory=set)
    prints: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, rows: Iterable[Row]) -> History:
        """The history of these rows."""
        history = cls()
        for row in rows:
            history.add(row)
        return history

    def add(self, row: Row) -> None:
        """Take one more row."""
        if isinstance(row, Drawn):
            self.drawn[row.number] = row
            self.generations[row.generation].append(row.number)
            self.forms.add(row.form)
            if row.print:
                self.prints.add(row.print)
        elif isinstance(row, Revisit):
            self.revisits.setdefault(row.number, []).append(row.generation)
            self.revisited.setdefault(row.generation, []).append(row.number)
        elif isinstance(row, Ended):
            if row.number in self.ended:
                self.replaced.setdefault(row.number, []).append(self.ended[row.number])
            self.ended[row.number] = row
        else:
            training = row.training
            stages = self.trained.setdefault(training.candidate, {})
            stages.setdefault(training.stage, {})[training.index] = row

    def lacks_before(self, row: Row) -> bool:
        """Whether rows are missing that stand before this one in any history.

        A candidate follows the one before it, and a generation the fates of all earlier ones; a
        fate follows trainings with the scores that it has.  A training that was not the best of
        its stage leaves no such trace.
        """
        if isinstance(row, Drawn):
            return row.number != len(self.drawn) or self._begins_too_soon(row)
        if isinstance(row, Revisit):
            return row.number not in self.ended or self._begins_too_soon(row)
        if isinstance(row, Trained):
            return row.training.candidate not in self.drawn
        fell = row.fate not in (Fate.PASSED, Fate.UNFIT)
        return (
            row.number not in self.drawn
            or (fell and row.number not in self.trained)
            or any(self.best(row.number, stage) != score for stage, score in row.scores.items())
        )

    def _begins_too_soon(self, row: Drawn | Revisit) -> bool:
        """Whether a row begins a generation while candidates of earlier ones have no fate."""
        return row.generation > self.generation and self.has_open

    @property
    def has_open(self) -> bool:
        """Whether a candidate lacks its fate, or a cell the one after its last revisit."""
        return len(self.ended) < len(self.drawn) or any(
            self.ended[number].generation != generations[-1]
            for number, generations in self.revisits.items()
        )

    def at(self, candidate: int, stage: str) -> Mapping[int, Trained]:
        """The trainings of a candidate that have ended in a stage, by index."""
        return self.trained.get(candidate, {}).get(stage, {})

    def in_order(self, candidate: int, stage: str) -> list[Trained]:
        """The same by index: in whatever order they ended."""
        return [row for _, row in sorted(self.at(candidate, stage).items())]

    def best(self, candidate: int, stage: str) -> float | None:
        """The best score of a candidate in a stage; None where none is complete."""
        scores = [row.score for row in self.at(candidate, stage).values() if row.score is not None]
        return min(scores, default=None)

    @property
    def generation(self) -> int:
        """The last one that was begun."""
        return max((*self.generations, *self.revisited), default=0)

    def fate_before(self, number: int, generation: int) -> Ended:
        """The fate of a candidate as it was when a generation began."""
        fates: list[Ended] = [*self.replaced.get(number, ()), self.ended[number]]
        return [fate for fate in fates if (fate.generation or 0) < generation][-1]

    def with_fate(self, fate: Fate) -> Iterator[Ended]:
        """Candidates of one fate, the parents among them."""
        return (ended for ended in self.ended.values() if ended.fate is fate)

    def rows(self) -> Iterator[Row]:
        """All rows in an order that no run changes: candidate by candidate."""
        for number in sorted(self.drawn):
            yield self.drawn[number]
            for _, trained in sorted(self.trained.get(number, {}).items()):
                yield from (trained[index] for index in sorted(trained))
            yield from (Revisit(number, revisit) for revisit in self.revisits.get(number, ()))
            yield from self.replaced.get(number, ())
            if number in self.ended:
                yield self.ended[number]

    def results(self) -> list[dict[str, Any]]:
        """All that is a result: equal for two runs of one search."""
        return [result(row) for row in self.rows()]
