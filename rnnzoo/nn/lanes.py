"""Models of one shape side by side in one executable: a population, and a lane of it.

In: a first model, which says what is computed, and trials.  Out: an epoch of many trainings at a
time.  Weights, order of data, noise, dropout and learning rate are values of run time with a
leading axis of lanes; the data are there once.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from rnnzoo import backends
from rnnzoo.nn.checkpoint import Course
from rnnzoo.nn.data import Portion, Resident, Rows, Sequences, Streamed
from rnnzoo.nn.epochs import Epoch, Score, Trained
from rnnzoo.nn.packing import Packing
from rnnzoo.nn.train import Model
from rnnzoo.spec.trial import Trial
from rnnzoo.tasks import Task

Tensor = Any


def why_alone(task: Task, data: Resident | Streamed) -> str:
    """Why a training on these data shares no program with others; empty where it can."""
    if backends.current().together is None:
        return f"under {backends.current().name} each training has a program of its own"
    if task.carry:
        return "it carries states from one sequence to the next"
    if not isinstance(data, Resident):
        return "its data are larger than what stays on the device"
    return ""


class Own(NamedTuple):
    """What an epoch of one lane reads that is not among its values.

    Attributes:
        rate: the learning rate.
    """

    rate: np.ndarray
    rows: Rows


class Population:
    """Trainings of one shape, a model in each lane.

    Args:
        first: a model of this shape, which is not trained: what it computes is compiled for all.
        size: how many lanes there are.
    """

    def __init__(self, first: Model, size: int) -> None:
        together = first.backend.together
        assert together is not None
        self.first, self.size = first, size
        self.lanes = together.lanes(first.state, size)
        self.free = list(range(size))[::-1]  # the next one last
        self._trained = self.lanes.compiled(self._train, first.read_in_training)
        self._scored = self.lanes.compiled(self._score, first.read_in_evaluation, runs_little=True)
        self._to_keep: set[int] = set()
        (self._validation,) = first.portions("validation")

    def epochs(self, asked: Mapping[Lane, Epoch]) -> dict[Lane, Trained]:
        """Run an epoch in some lanes."""
        began = time.perf_counter()
        self._keep()
        own = {lane: lane.own(epoch) for lane, epoch in asked.items()}
        losses = {
            **self._losses({lane: of for lane, of in own.items() if of.rows.packing is None}),
            **self._losses({lane: of for lane, of in own.items() if of.rows.packing is not None}),
        }
        scores = self._validated(list(asked))
        seconds = time.perf_counter() - began
        return {
            lane: Trained(_row(epoch, losses[lane], scores[lane], seconds), scores[lane].loss)
            for lane, epoch in asked.items()
        }

    def keep(self, lane: int) -> None:
        """Remember the weights of a lane as they are, before its next epoch."""
        self._to_keep.add(lane)

    def store(self, lane: Lane) -> None:
        """Give a lane the values of its model."""
        self._to_keep.discard(lane.number)  # of the trial before
        self.lanes.store(lane.number, lane.state)

    def load(self, lane: Lane) -> None:
        """Give a lane's model its values."""
        self._keep()
        self.lanes.load(lane.number, lane.state)

    def _keep(self) -> None:
        """Remember the weights of all lanes that are to be kept: one call, however many."""
        if self._to_keep:
            self.lanes.copy(self._mask(self._to_keep), self.first.weights, self.first.best)
            self._to_keep.clear()

    def _mask(self, lanes: set[int]) -> np.ndarray:
        mask = np.zeros(self.size, bool)
        mask[list(lanes)] = True
        return mask

    def _losses(self, own: Mapping[Lane, Own]) -> dict[Lane, float]:
        """Train an epoch: its mean loss, by lane."""
        if not own:
            return {}
        by_number = {lane.number: of_lane for lane, of_lane in own.items()}
        filled = next(iter(by_number.values()))  # lanes that are not asked for read anything
        stacked = _stacked([by_number.get(number, filled) for number in range(self.size)])
        data = self.first.data
        assert isinstance(data, Resident)
        results = self._trained(self._mask(set(by_number)), stacked, data.sequences)
        total, count = map(np.asarray, results)
        return {lane: float(total[lane.number] / count[lane.number]) for lane in own}

    def _validated(self, lanes: Sequence[Lane]) -> dict[Lane, Score]:
        """The scores on validation."""
        if self.first.cost_of_mean is None:  # its answers are compared all together
            return {lane: lane.validated() for lane in lanes}
        mask = self._mask({lane.number for lane in lanes})
        results = self._scored(mask, None, self._validation)
        sums = np.stack([np.asarray(result) for result in results], axis=1)
        return {lane: self.first.score_of(*map(float, sums[lane.number])) for lane in lanes}

    # -- what is compiled

    def _train(self, own: Own, sequences: Sequences) -> tuple[Tensor, ...]:
        self.first.update.optimizer.learning_rate = own.rate
        rows, real, packing = own.rows
        return self.first.train_on(Portion(sequences, rows, real, None, packing), _zeros(2))

    def _score(self, own: None, portion: Portion) -> tuple[Tensor, ...]:
        return self.first.score_on(portion, _zeros(3))


class Lane(Model):
    """The model of a trial that trains in a population: its values lie among those of others, and
    are its own variables' only where it is scored or written.
    """

    def __init__(self, trial: Trial, task: Task, population: Population) -> None:
        first = population.first
        super().__init__(trial, task, first.data, first, first.size)
        self.population = population
        self.number = population.free.pop()

    def begin(self, trial: Trial) -> Course:
        course = super().begin(trial)
        self.population.store(self)
        return course

    def leave(self) -> None:
        """Leave the lane to another trial."""
        self.population.free.append(self.number)

    def own(self, epoch: Epoch) -> Own:
        """What its next epoch reads."""
        rate = np.float32(self.next_rate(epoch.losses))
        assert isinstance(self.data, Resident)
        rows = self.data.rows_of(
            "train", self.next_order(), self.batch, self.longest, room=self.room
        )
        return Own(np.asarray(rate), rows)

    def keep(self) -> None:
        self.population.keep(self.number)

    def restore(self) -> None:
        self.population.load(self)
        super().restore()

    def save_checkpoint(self, trial: Trial, course: Course) -> None:
        self.population.load(self)
        super().save_checkpoint(trial, course)

    def keep_state(self, trial: Trial, course: Course) -> None:
        self.population.load(self)
        super().keep_state(trial, course)

    def validated(self) -> Score:
        """Its score on validation, by itself."""
        self.population.load(self)
        return self.evaluate("validation")


def _row(epoch: Epoch, loss: float, score: Score, seconds: float) -> dict[str, float]:
    return {
        "epoch": epoch.number,
        "train": loss,
        "validation": score.metric,
        "seconds": seconds,
    }


def _zeros(count: int) -> list[np.ndarray]:
    return [np.zeros((), np.float32)] * count


def _stacked(own: Sequence[Own]) -> Own:
    """What each lane has of its own, with a leading axis of lanes."""
    rates, rows = zip(*own)
    index, real, packings = zip(*rows)
    packing = None
    if packings[0] is not None:
        packing = Packing(*map(np.stack, zip(*packings)))
    return Own(np.stack(rates), Rows(np.stack(index), np.stack(real), packing))
