"""A history -> the rows that follow from it without a training, and the trainings that come next.

Candidates of one generation are children of the population of those before it, so all of them can
be drawn, and trained in any order, before any of them has ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from rnnzoo.evolve import judge
from rnnzoo.evolve.draw import drawn_next, first_cells, revisited
from rnnzoo.evolve.history import History
from rnnzoo.evolve.plan import Plan
from rnnzoo.evolve.rows import Drawn, Ended, Fate, Revisit, Row, Training
from rnnzoo.evolve.settings import of_filter, settings
from rnnzoo.spec.experiment import FILTER


@dataclass(slots=True)
class Course:
    """A search as far as it has come.

    What is kept beside the history follows from it, and takes long to find.

    Attributes:
        open: candidates without a fate, and cells that are trained at more settings, by number.
        trainable: how many of each generation can be trained.
    """

    plan: Plan
    history: History = field(default_factory=History)
    open: dict[int, Drawn] = field(default_factory=dict)
    trainable: dict[int, int] = field(default_factory=dict)
    _populations: dict[int, list[Drawn]] = field(default_factory=dict)
    _settings: dict[tuple[int, str], list[Training]] = field(default_factory=dict)

    def take(self, row: Row) -> None:
        """Add a row to the history."""
        self.history.add(row)
        if isinstance(row, Drawn):
            self.open[row.number] = row
            able = self.trainable.get(row.generation, 0)
            self.trainable[row.generation] = able + (not row.unfit)
        elif isinstance(row, Revisit):
            self.open[row.number] = self.history.drawn[row.number]
            self._forget_settings(row.number)
        elif isinstance(row, Ended):
            self.open.pop(row.number, None)
            self._forget_settings(row.number)

    def _forget_settings(self, number: int) -> None:
        for stage in self.plan.stages:
            self._settings.pop((number, stage), None)

    @property
    def candidates(self) -> int:
        """How many that can be trained were drawn, without the first cells."""
        return sum(self.trainable.values()) - self.trainable.get(0, 0)

    @property
    def is_done(self) -> bool:
        """Whether all candidates that are asked for have their fates."""
        return self.candidates >= self.plan.search.candidates and not self.open

    def follows(self) -> Iterator[Row]:
        """Rows that follow from the history as it is; none where trainings come first, or the
        search is done.

        Each is to be taken before the next is asked for.
        """
        if len(self.history.drawn) < len(self.plan.first):
            first = first_cells(self.plan)
            yield from (drawn for drawn in first if drawn.number not in self.history.drawn)
        for drawn in list(self.open.values()):
            ended = self._fate(drawn)
            if ended is not None:
                yield ended
        while (generation := self._drawing()) is not None:
            yield from self._step(generation)

    def wanted(self) -> Iterator[Training]:
        """The trainings that come next; they may run at once, and end in any order."""
        for drawn in list(self.open.values()):
            stage = self._stage(drawn)
            done = self.history.at(drawn.number, stage) if stage else {}
            planned = self._planned(drawn, stage) if stage else []
            yield from (training for training in planned if training.index not in done)

    # -- drawing

    def _drawing(self) -> int | None:
        """The generation of the next step; None where none is taken now."""
        search, generation = self.plan.search, self.history.generation
        if self.candidates >= search.candidates:
            return None
        if generation and self._steps(generation) < search.generation:
            return generation
        return None if self.open else generation + 1

    def _steps(self, generation: int) -> int:
        """How many steps of a generation were taken: cells that are trained."""
        again = self.history.revisited.get(generation, ())
        return self.trainable.get(generation, 0) + len(again)

    def _step(self, generation: int) -> Iterator[Row]:
        """The rows of a step: more settings for a cell of the population, or a new candidate."""
        population, step = self._population(generation), self._steps(generation)
        known = revisited(self.plan, self.history, population, generation, step)
        if known is not None:
            yield Revisit(known.number, generation)
            return
        drawn = drawn_next(self.plan, self.history, population, generation)
        yield drawn
        if drawn.unfit:
            yield Ended(drawn.number, Fate.UNFIT, drawn.unfit)

    def _population(self, generation: int) -> list[Drawn]:
        if generation not in self._populations:
            best = judge.population(self.plan, self.history, generation)
            self._populations = {generation: best}
        return self._populations[generation]

    # -- trainings and fates

    def _stage(self, drawn: Drawn) -> str:
        """The stage in which a candidate has trainings left; empty where it has none, or its fate
        is known.
        """
        if drawn.unfit:
            return ""
        for stage in self._stages(drawn):
            done = self.history.at(drawn.number, stage)
            if len(done) < len(self._planned(drawn, stage)):
                return stage
            if self._fell(drawn, stage):
                return ""
        return ""

    def _fate(self, drawn: Drawn) -> Ended | None:
        """The fate of a candidate; None where it has trainings left."""
        number = drawn.number
        if drawn.unfit:
            return Ended(number, Fate.UNFIT, drawn.unfit)
        # the first cells are measured by the baseline, which is one of them
        others = self.open.values() if drawn.variant else [drawn]
        if any(map(self._stage, others)):
            return None
        for stage in self._stages(drawn):
            fell = self._fell(drawn, stage)
            if fell is not None:
                return fell
        scores = judge.scores(self.plan, self.history, number)
        fitness = judge.fitness(self.plan, self.history, number)
        revisits = self.history.revisits.get(number)
        generation = revisits[-1] if revisits else None
        return Ended(number, Fate.PASSED, "", scores, fitness, generation)

    def _stages(self, drawn: Drawn) -> tuple[str, ...]:
        """What a candidate goes through: the first cells have no filter to pass."""
        if self.plan.search.filter is None or drawn.variant:
            return self.plan.stages
        return (FILTER, *self.plan.stages)

    def _fell(self, drawn: Drawn, stage: str) -> Ended | None:
        """The fate of a candidate whose trainings in a stage have ended; None where it goes on."""
        if drawn.variant:
            return None
        if stage != FILTER:
            return judge.fell_at_task(self.plan, self.history, drawn.number, stage)
        (row,) = self.history.at(drawn.number, FILTER).values()
        return judge.fell_at_filter(self.plan, row)

    def _planned(self, drawn: Drawn, stage: str) -> list[Training]:
        """All trainings of a candidate in a stage."""
        if stage == FILTER:
            return [of_filter(self.plan, drawn)]
        key = drawn.number, stage
        if key not in self._settings:
            self._settings[key] = settings(self.plan, self.history, drawn, stage)
        return self._settings[key]
