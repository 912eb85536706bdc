"""A search over cells from its spec to what it found.

In: an experiment and what a caller asks for.  Out: the history, and files of the best cells.  The
only place that builds an `Evolution`.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rnnzoo.api import root
from rnnzoo.errors import SpecError, StoreError, TaskError, UsageError
from rnnzoo.evolve import found
from rnnzoo.evolve.advance import Course
from rnnzoo.evolve.again import Earlier, failed, kept
from rnnzoo.evolve.draw import cell_of, name_of, renewed
from rnnzoo.evolve.history import History
from rnnzoo.evolve.plan import About
from rnnzoo.evolve.rows import Drawn, Revisit, Row, Trained, Training
from rnnzoo.evolve.tally import Tally
from rnnzoo.lang.view import CellView
from rnnzoo.launchers import Launcher
from rnnzoo.spec import settings as config
from rnnzoo.spec.atomic import atomic_write
from rnnzoo.spec.experiment import Experiment
from rnnzoo.spec.read_experiment import read
from rnnzoo.spec.settings import Chosen
from rnnzoo.spec.trial import RETRIED, Kind, Outcome, Result, StudyKey
from rnnzoo.sweep.candidates import OpenedSearch, opened_search, unconfirmed, whole_of
from rnnzoo.sweep.evolution import Evolution
from rnnzoo.sweep.lock import SEARCH, held
from rnnzoo.sweep.recorded import (
    SHORT,
    Recorder,
    about,
    begin_again,
    check,
    left_behind,
    newest,
    others,
    rows_of,
    whole,
)
from rnnzoo.tasks import Report, silent

if TYPE_CHECKING:
    from rnnzoo.report.selection import Selection

Observer = Callable[[Row], None]
TRACKED = "_cells"  # behind the name of an experiment: that of its search's survivors


def nobody(row: Row) -> None:
    """Tell nobody of a row."""


@dataclass(frozen=True, slots=True)
class PreparedSearch:
    """A search over cells that is ready to run.

    Attributes:
        source: histories of the same search, whose rows are taken over first.
        ends_at: on the monotonic clock; nothing is begun any more then.
        again: trainings that ended so are begun once more.
        course: how far it is.
        read: bytes of the history that it knows of, since `known` has read them.
        forgotten: how many trainings of it begin once more.
        running: trainings that have begun and not ended, by ticket; those that an interrupt ended
            begin anew when the search goes on.
    """

    opened: OpenedSearch
    workers: int
    chosen: Chosen = config.LOCAL
    source: Sequence[str] = ()
    ends_at: float = math.inf
    again: Collection[Kind] = ()
    course: Course = field(init=False)
    read: int = field(init=False, default=0)
    forgotten: int = field(init=False, default=0)
    running: dict[int, Training] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "course", Course(self.opened.plan))

    def known(self) -> Tally:
        """Read what was run before."""
        path = self.opened.history
        if path.exists():
            object.__setattr__(self, "read", whole(path))
            rows = list(rows_of(path, self.opened.plan.identity))
            object.__setattr__(self, "forgotten", len(failed(rows, self.again)))
            for row in renewed(self.opened.plan, self._kept(rows)):
                self.course.take(row)
        return Tally.of(self.course.history)

    def _kept(self, rows: Sequence[Row]) -> list[Row]:
        return kept(rows, self.again, self.opened.plan.search.settings)

    def failures(self) -> dict[Kind, int]:
        """How many trainings ended so that they can begin once more, by kind."""
        rows = list(self.course.history.rows())
        counts = {kind: len(failed(rows, [kind])) for kind in RETRIED}
        return {kind: count for kind, count in counts.items() if count}

    def set_aside(self) -> list[Path]:
        """Histories of the experiment as it was before it was changed."""
        return others(self.opened.history)

    def run(self, observer: Observer = nobody, taken: Observer = nobody) -> History:
        """Run what is missing.

        Args:
            taken: told each row that is taken over, and the observer each that comes about.

        Raises:
            KeyboardInterrupt: the end was asked for; the search goes on when it is run again.
            StoreError, OSError: the machine cannot go on, or another search of the experiment runs.
        """
        opened = self.opened
        with held(opened.runs / "lock", opened.experiment.name, SEARCH) as still_alone:
            self._check_read()
            self._begin_again()
            recorder = Recorder.of(opened.history, opened.plan)
            self._take_over(recorder, taken)
            Evolution(
                opened,
                self.course,
                recorder,
                self._launched,
                observer,
                still_alone,
                self._earlier(),
                self.ends_at,
                running=self.running,
            ).run()
        return self.course.history

    def _check_read(self) -> None:
        """Check that nobody has gone on with the history since it was read, which takes a while.

        Raises:
            StoreError: somebody has.
        """
        path = self.opened.history
        if path.exists() and whole(path) != self.read:
            problem = f"another search has written to {path} while it was read"
            raise StoreError(problem, "give the same command again")

    def _begin_again(self) -> None:
        """Write the history without the trainings that begin once more, and what may follow from
        them.
        """
        if self.forgotten:
            path, plan = self.opened.history, self.opened.plan
            begin_again(path, plan, self._kept(list(rows_of(path, plan.identity))))

    def _earlier(self) -> Earlier:
        """What was left behind when trainings began once more, in this run or before."""
        files = left_behind(self.opened.history)
        identity = self.opened.plan.identity
        return Earlier([History.of(rows_of(file, identity)) for file in files])

    def _take_over(self, recorder: Recorder, taken: Observer) -> None:
        """Record the rows of other histories that are not here, but for trainings that begin once
        more, and what may follow from them.
        """
        for source in self.source:
            rows = self._kept(list(rows_of(Path(source), self.opened.plan.identity)))
            for row in renewed(self.opened.plan, rows):
                if not _has(self.course.history, row):
                    recorder.add(row)
                    self.course.take(row)
                    taken(row)

    def _launched(self, is_filter: bool) -> AbstractContextManager[Launcher]:
        experiment = self.opened.experiment
        launched = partial(root.launched, training=experiment.training, answers=False)
        return (root.launched_filter if is_filter else launched)(
            workers=self.workers,
            runs=self.opened.runs,
            limits=experiment.resources,
            chosen=self.chosen,
            ends_at=self.ends_at,
        )


def _has(history: History, row: Row) -> bool:
    """Whether a history has a row already."""
    if isinstance(row, Trained):
        training = row.training
        return training.index in history.at(training.candidate, training.stage)
    if isinstance(row, Drawn):
        return row.number in history.drawn
    if isinstance(row, Revisit):
        return row.generation in history.revisits.get(row.number, ())
    fates = (history.ended.get(row.number), *history.replaced.get(row.number, ()))
    return any(fate is not None and fate.generation == row.generation for fate in fates)


@dataclass(frozen=True, slots=True)
class Searched:
    """A search over cells, as far as it was run.

    Attributes:
        is_done: whether all candidates that are asked for have their fates.
        best: the cells with the best fitness by their names, the best first; each is what
            `rnnzoo.cell` returns.
        fitness: theirs, likewise.
        history: all rows.
        file: where they are kept.
        page: of the search.
    """

    is_done: bool
    best: Mapping[str, CellView]
    fitness: Mapping[str, float]
    history: History
    file: Path
    page: Path | None


def searched(ready: PreparedSearch) -> Searched:
    """What came out of a search; its page is written."""
    history = ready.course.history
    best = {name_of(ended.number): ended for ended in found.best(history)}
    cells = {
        name: CellView(cell_of(history.drawn[ended.number].cell)) for name, ended in best.items()
    }
    return Searched(
        ready.course.is_done,
        cells,
        {name: ended.fitness or 0.0 for name, ended in best.items()},
        history,
        ready.opened.history,
        page(ready.opened.experiment),
    )


Ask = Callable[[Path], bool]  # whether a file of ours may be written over


def written(ready: PreparedSearch, ask: Ask) -> tuple[list[Path], list[str]]:
    """Write the best cells, and the experiment that confirms them, into `experiments/found/`.

    Returns:
        The files that are there now as they should be, the experiment last where there is one; and
        what was not written, in sentences.
    """
    plan, history = ready.opened.plan, ready.course.history
    folder = _found()
    spec = os.path.relpath(plan.experiment.file, folder)
    refused = _refused(ready)
    paths, left = [], [f"not in the sweep that confirms: {why}" for why in refused.values()]
    for file in found.found(plan, history, Path(spec).as_posix(), refused):
        path = folder / file.name
        before = path.read_text(encoding="utf-8") if path.is_file() else None
        if before is not None and not found.is_own(before, plan):
            left.append(f"{path} is not of this search, and stays as it is")
            continue
        if before not in (None, file.text) and not ask(path):
            left.append(f"{path} stays as it is; --force writes over it")
            continue
        if before != file.text:
            with atomic_write(path) as draft:
                draft.write_text(file.text, encoding="utf-8")
        paths.append(path)
    return paths, left


def _refused(ready: PreparedSearch) -> dict[int, str]:
    """Those of the best cells that the sweep that confirms them would refuse, and why."""
    plan, history = ready.opened.plan, ready.course.history
    why = {
        ended.number: unconfirmed(
            ready.opened, history.drawn[ended.number], found.label_of(plan, ended.number)
        )
        for ended in found.best(history)
    }
    return {number: problem for number, problem in why.items() if problem}


def track(ready: PreparedSearch) -> str:
    """Give the tracker the candidates that are in the population, of each its best training on each
    task; where to find them, empty where there are none.  What was given before stays there.

    They are an experiment of their own, beside that of a sweep of the same file.

    Raises:
        StoreError: the tracker cannot be used; the history is whole all the same.
    """
    plan, history = ready.opened.plan, ready.course.history
    survivors = found.best(history, plan.search.population)
    if not survivors:
        return ""
    experiment = plan.experiment
    name = f"{experiment.name}{TRACKED}"
    tracker = root.tracker(config.read())
    try:
        tracker.open(name, experiment.about, {"experiment.yaml": experiment.text})
        for ended in survivors:
            for result in _results(ready.opened, history.drawn[ended.number], history, name):
                tracker.record(result)
        return tracker.where()
    finally:
        tracker.close()


def _results(
    opened: OpenedSearch, drawn: Drawn, history: History, experiment: str
) -> Iterator[Result]:
    """The best training of a candidate on each task, as a sweep would have it."""
    for task in opened.plan.stages:
        complete = [row for row in history.in_order(drawn.number, task) if row.score is not None]
        if not complete:
            continue
        row = min(complete, key=lambda row: row.score or 0.0)
        trial = replace(opened.trial(row.training, drawn), experiment=experiment)
        given = {"validation": row.score, "test": row.test}
        scores = {split: score for split, score in given.items() if score is not None}
        weights = {"recurrent": row.weights}
        key = StudyKey(experiment, trial.variant, task, opened.plan.identity[:SHORT])
        yield Result(
            trial, Outcome(row.kind, scores, weights=weights, seconds=row.seconds), str(key)
        )


def page(experiment: Experiment) -> Path | None:
    """Write the page of a search from its history, the newest where there are several; None where
    there is none.
    """
    from rnnzoo.report import search

    home = config.runs() / experiment.name
    path = newest(home)
    if path is None:
        return None
    history, of = History.of(rows_of(path)), about(path)
    return search.write(of, history, home / "report", _found(), _selections(of, history))


def _selections(of: About, history: History) -> list[Selection]:
    """How the best cells did in fresh trainings; empty where none were run, or where their
    experiment cannot be read any more.
    """
    from rnnzoo.api import sources
    from rnnzoo.report.selection import selections

    file = _found() / f"{found.confirming_name(of.name)}.yaml"
    if not file.is_file():
        return []
    try:
        results = sources.found(read(file), (), lambda text, warning: None)
    except (UsageError, SpecError, TaskError, StoreError):
        return []  # its own report says why
    whole = {label: whole_of(task.metric) for label, task in results.tasks.items()}
    return selections(of, history, results.trials, whole)


def tally(experiment: Experiment) -> tuple[Tally, Path] | None:
    """How far the search of an experiment is, and its history, the newest where there are several;
    None where nothing was searched.
    """
    path = newest(config.runs() / experiment.name)
    return None if path is None else (Tally.of(History.of(rows_of(path))), path)


def _found() -> Path:
    """The folder of what searches found."""
    return config.project() / "experiments" / "found"


def prepared_search(
    experiment: Experiment,
    workers: int | None = None,
    hours: float | None = None,
    source: Sequence[str] = (),
    progress: Report = silent,
    again: Sequence[str] = (),
) -> PreparedSearch:
    """A search over cells, with its data.

    Args:
        again: kinds of trainings that are begun once more.

    Raises:
        UsageError, SpecError: what the user wrote is wrong.
        TaskError: the data of a task cannot be had.
        StoreError: a source is damaged.
    """
    kinds = root.kinds_again(again)
    # no two candidates share a program
    chosen = root.one_by_one(root.chosen_launcher())
    at_once = root.workers(workers, chosen)
    given = root.checked_hours(hours)
    opened = opened_search(experiment, progress, source)
    for path in source:
        check(Path(path), opened.plan.identity)
    own = given if given is not None else opened.plan.search.hours
    ends_at = time.monotonic() + 3600 * own
    return PreparedSearch(opened, at_once, chosen, source, ends_at, kinds)
