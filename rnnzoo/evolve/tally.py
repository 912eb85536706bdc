"""How far a search is: candidates by fate, and the best of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from rnnzoo.evolve.history import History
from rnnzoo.evolve.rows import Drawn, Ended, Fate, Revisit, Row, Trained


@dataclass(slots=True)
class Tally:
    """Counts rows; the first cells are no candidates.

    Attributes:
        candidates: that ended, by fate.
        trained: trainings that ended.
        revisits: how often a cell of the population was trained at more settings.
        best: the candidate with the best fitness; None before the first that passed.
    """

    candidates: Counter[Fate] = field(default_factory=Counter)
    drawn: int = 0
    trained: int = 0
    revisits: int = 0
    generation: int = 0
    best: Ended | None = None
    _first: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, history: History) -> Tally:
        """The tally of a history."""
        tally = cls()
        for row in history.rows():
            tally.take(row)
        return tally

    def take(self, row: Row) -> None:
        """Count a row."""
        if isinstance(row, Drawn):
            self._first |= {row.number} if row.variant else set()
            self.drawn += not row.variant
            self.generation = max(self.generation, row.generation)
        elif isinstance(row, Revisit):
            self.revisits += 1
            self.generation = max(self.generation, row.generation)
        elif isinstance(row, Trained):
            self.trained += 1
        elif row.number not in self._first:
            self.candidates[row.fate] += row.generation is None
            best = self.best.fitness if self.best else None
            if row.fitness is not None and (best is None or row.fitness > best):
                self.best = row

    @property
    def ended(self) -> int:
        """Candidates that were trained, and have their fates."""
        return sum(self.candidates.values()) - self.candidates[Fate.UNFIT]

    def to_dict(self) -> dict[str, Any]:
        """For programs."""
        return {
            "drawn": self.drawn,
            "trained": self.ended,
            "generation": self.generation,
            "trainings": self.trained,
            **{str(fate): self.candidates[fate] for fate in Fate},
            "best": {"candidate": self.best.number, "fitness": self.best.fitness}
            if self.best
            else None,
        }
