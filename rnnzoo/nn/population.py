"""Many trainings together: trials come from a desk, and their outcomes go back to it.

In: a desk, and how many trials of one shape train at once.  Out: for each trial what `nn.train`
yields for it.  Trials of one shape (`spec.shape`) share a program, which trains a model in each of
its lanes (`nn.lanes`).  A lane whose training has ended is given the next trial of its shape at the
end of an epoch; one without a trial waits, and changes nothing.  Each shape has lanes of its own,
and shapes take turns, an epoch each.  What a training goes through is `nn.epochs`, as for one by
itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rnnzoo import backends
from rnnzoo.lang.ladder import bucket_of
from rnnzoo.launchers import Desk
from rnnzoo.nn.data import Resident, Streamed, data_of
from rnnzoo.nn.epochs import Asked, Epoch, Flow, Trained, flow
from rnnzoo.nn.lanes import Lane, Population, why_alone
from rnnzoo.nn.network import cell_of
from rnnzoo.nn.train import Model, data_for, refused
from rnnzoo.spec.ended import outcome_of
from rnnzoo.spec.shape import Shape, shape_of
from rnnzoo.spec.trial import Kind, Outcome, Progress, Trial
from rnnzoo.tasks import Task

IDLE = 8  # populations without a trial that are kept for trials to come


def work(desk: Desk, size: int) -> None:
    """Train the trials of a desk until there are no more, so many of each shape at once."""
    backends.current().one_thread()
    _Floor(desk, size).run()


@dataclass(eq=False, slots=True)
class _Waiting:
    """A trial that has its data, and no lane yet.

    Attributes:
        seconds: that loading them took.
    """

    ticket: int
    trial: Trial
    task: Task
    seconds: float


@dataclass(eq=False, slots=True)
class _Running:
    """A trial that trains.

    Attributes:
        model: in a lane, or by itself.
        asked: what it waits for.
        outcome: once it has ended.
    """

    ticket: int
    trial: Trial
    model: Model
    flow: Flow
    asked: Asked | None = None
    outcome: Outcome | None = None

    def answer(self, answer: Trained | bool | None) -> None:
        """Let it go on until it asks for something else, or ends."""
        try:
            with _logged(self.trial):
                self.asked = self.flow.send(answer)
        except StopIteration as end:
            self.outcome = end.value
        except (Exception, SystemExit) as error:
            self.outcome = _outcome_of(error)

    @property
    def population(self) -> Population | None:
        """Where it trains; None: by itself."""
        return self.model.population if isinstance(self.model, Lane) else None


class _Floor:
    """All trials that wait and train, and the populations that they are in."""

    def __init__(self, desk: Desk, size: int) -> None:
        self.desk, self.size = desk, size
        self.waiting: list[_Waiting] = []
        self.running: list[_Running] = []
        self.populations: dict[tuple[Shape, str, int], Population] = {}
        self.tasks: dict[tuple[str, str], Task] = {}
        self.data: dict[tuple[str, bool], Resident | Streamed] = {}

    def run(self) -> None:
        while True:
            idle = not self.waiting and not self.running
            taken = self.desk.take(idle)
            if idle and not taken:
                return
            for ticket, trial in taken:
                self._load(ticket, trial)
            self.waiting = [waiting for waiting in self.waiting if not self._begin(waiting)]
            for running in self._turns():
                self._epoch(running)
                self._settle(running)

    def _load(self, ticket: int, trial: Trial) -> None:
        """Have a trial wait with its data; one whose data cannot be had has ended."""
        began = time.perf_counter()
        try:
            if trial.folder:
                trial.log.parent.mkdir(parents=True, exist_ok=True)
                trial.log.write_text("")
            with _logged(trial):
                task, problem = self._task(trial)
        except (Exception, SystemExit) as error:
            self.desk.finish(ticket, _outcome_of(error))
            return
        if task is None:
            self.desk.finish(ticket, Outcome(Kind.INTERRUPTED, message=problem))
            return
        self.waiting.append(_Waiting(ticket, trial, task, time.perf_counter() - began))

    def _task(self, trial: Trial) -> tuple[Task | None, str]:
        """As `data_for`; data whose digest is known are loaded once."""
        # all options: `also`, which changes no training, says what is measured
        key = json.dumps([trial.task, dict(trial.task_options)]), trial.data
        if trial.data and key in self.tasks:
            return self.tasks[key], ""
        task, problem = data_for(trial)
        if task is not None:
            self.tasks[key] = task
        return task, problem

    def _begin(self, waiting: _Waiting) -> bool:
        """Begin a trial; returns whether it has begun, or has ended at once."""
        try:
            with _logged(waiting.trial):
                running = self._placed(waiting)
        except (Exception, SystemExit) as error:
            self.desk.finish(waiting.ticket, _outcome_of(error))
            return True
        if running is None:
            return False
        running.answer(None)
        self.running.append(running)
        self._settle([running])
        return True

    def _placed(self, waiting: _Waiting) -> _Running | None:
        """A trial in a lane, or by itself; None where there is no room."""
        began = time.perf_counter() - waiting.seconds
        trial, task = waiting.trial, waiting.task
        data = self._on_device(trial, task)
        model: Model
        if reason := why_alone(task, data):
            if any(running.population is None for running in self.running):
                return None  # one at a time: each has its own program
            print(f"trains by itself: {reason}", flush=True)
            model = Model(trial, task, data)
        else:
            population = self._population(trial, task, data)
            if not population.free:
                return None
            model = Lane(trial, task, population)
        through = flow(trial, model, began, {"data": waiting.seconds})
        return _Running(waiting.ticket, trial, model, through)

    def _on_device(self, trial: Trial, task: Task) -> Resident | Streamed:
        """A task's data, which all its trials share."""
        by_length = trial.training.group_by_length
        if (task.digest, by_length) not in self.data:
            self.data[task.digest, by_length] = data_of(task, by_length)
        return self.data[task.digest, by_length]

    def _population(self, trial: Trial, task: Task, data: Resident | Streamed) -> Population:
        """The population of a trial's shape."""
        shape, size = shape_of(trial), _bucket(trial, task)
        if size:
            shape = shape._replace(training=replace(shape.training, units=size))
        key = shape, task.digest, size
        if key not in self.populations:
            self._make_room()
            first = Model(trial, task, data, size=size)
            self.populations[key] = Population(first, self.size)
        self.populations[key] = self.populations.pop(key)  # the last one that was asked for
        return self.populations[key]

    def _make_room(self) -> None:
        """Forget populations without a trial, and what they compiled: of these, the ones that no
        trial has asked for since the others.
        """
        busy = {id(running.population) for running in self.running}
        idle = [key for key, population in self.populations.items() if id(population) not in busy]
        for key in idle[: max(0, len(idle) - IDLE + 1)]:
            del self.populations[key]

    def _turns(self) -> list[list[_Running]]:
        """Those that train together."""
        groups: dict[Population | None, list[_Running]] = {}
        for running in self.running:
            groups.setdefault(running.population, []).append(running)
        return list(groups.values())

    def _epoch(self, together: Sequence[_Running]) -> None:
        """Run an epoch of trials that train together, and let them go on or end."""
        try:
            trained = _trained(together)
        except (Exception, SystemExit) as error:
            refusal = refused(error)
            if refusal is None:
                raise  # it is of no trial: this process ends
            for running in together:  # what is compiled for one is compiled for all
                running.outcome = refusal
            return
        for running in together:
            running.answer(trained[running])
        news: dict[int, Progress] = {}
        for running in together:
            if running.outcome is None and isinstance(running.asked, Progress):
                news[running.ticket] = running.asked
        going_on = self.desk.tell(news) if news else frozenset()
        for running in together:
            if running.ticket in news:
                running.answer(running.ticket in going_on)

    def _settle(self, together: Sequence[_Running]) -> None:
        """Hand in what has ended, and free its lanes."""
        for running in together:
            if running.outcome is None:
                continue
            self.running.remove(running)
            if isinstance(running.model, Lane):
                running.model.leave()
            self.desk.finish(running.ticket, running.outcome)


def _bucket(trial: Trial, task: Task) -> int:
    """The units of a trial's bucket; 0 where its population has its own, as where models are
    computed one after the other: spare units would only take time.
    """
    together = backends.current().together
    if together is None or not together.side_by_side:
        return 0
    cell = cell_of(trial)
    columns = cell.columns(cell.inputs_in(trial.training.width(task.inputs)))
    return bucket_of(trial.training, cell, columns)


def _trained(together: Sequence[_Running]) -> dict[_Running, Trained]:
    """What an epoch of each of these yields."""
    lanes: dict[Lane, Epoch] = {}
    trained: dict[Model, Trained] = {}
    for running in together:
        model, asked = running.model, running.asked
        assert isinstance(asked, Epoch)
        if isinstance(model, Lane):
            lanes[model] = asked
        else:
            trained[model] = model.trained_epoch(asked.number, asked.losses)
    if (population := together[0].population) is not None:
        for lane, of_lane in population.epochs(lanes).items():
            trained[lane] = of_lane
    return {running: trained[running.model] for running in together}


def _outcome_of(error: BaseException) -> Outcome:
    """The outcome of a trial that raised an error: by itself it would have ended with it, too.

    Raises:
        MemoryError: it was that; which of the trials took the memory, nobody knows here.
    """
    if isinstance(error, MemoryError):
        raise error
    return refused(error) or outcome_of(error)


@contextlib.contextmanager
def _logged(trial: Trial) -> Iterator[None]:
    """What is printed goes to the trial's log."""
    path = trial.log if trial.folder else Path(os.devnull)
    with (
        path.open("a") as stream,
        contextlib.redirect_stdout(stream),
        contextlib.redirect_stderr(stream),
    ):
        yield
