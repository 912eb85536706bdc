"""A sweep from its spec to its report: everything that it needs is made, it is run, and what came
out is published.

In: an experiment and what a caller asks for.  Out: `Results`, and a `Report` that the tracker has
too.  The only place that builds a `Sweep`.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnzoo import lang, tasks
from rnnzoo.api import going_on, root, sources
from rnnzoo.api.value import Report, Results
from rnnzoo.confirm.questions import Answer
from rnnzoo.confirm.stand import at_most, earlier, stands, undecided
from rnnzoo.errors import (
    StoreError,
    UsageError,
    argument,
    command,
    duration,
    listed,
    number_of,
)
from rnnzoo.launchers import Launcher, place
from rnnzoo.live.record import recording
from rnnzoo.spec import points
from rnnzoo.spec import settings as config
from rnnzoo.spec.claims import FASTER
from rnnzoo.spec.document import yaml_text
from rnnzoo.spec.experiment import Experiment
from rnnzoo.spec.read_experiment import resolved
from rnnzoo.spec.settings import Chosen
from rnnzoo.spec.trial import Kind, Result, Trial
from rnnzoo.sweep import open as door
from rnnzoo.sweep import speed, status
from rnnzoo.sweep.begun import marks_of
from rnnzoo.sweep.loop import GRACE
from rnnzoo.sweep.observer import Observer, Several
from rnnzoo.sweep.open import Opened
from rnnzoo.sweep.parts import WHOLE, Part
from rnnzoo.sweep.plan import Study
from rnnzoo.sweep.run import Sweep
from rnnzoo.sweep.search import Store
from rnnzoo.sweep.tally import Tally
from rnnzoo.trackers import Tracker

if TYPE_CHECKING:
    from rnnzoo.trackers._buffered import BufferedTracker

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A sweep that is ready to run.

    Attributes:
        source: tables, or `mlflow`: the trials are taken over first.
        again: trials that ended so are begun once more.
        part: which trials are run.
        chosen: where trials run.
        share: whether equal trials of all other experiments in the storage are taken over.
        ends_at: on the monotonic clock; nothing is begun any more then.
        grace: seconds that trials may take to save their state of training after SIGTERM.
        told: what is to be said, when the sweep has ended, of what it was told while it ran, and of
            what more hours could do.
    """

    opened: Opened
    store: Store
    tracker: BufferedTracker
    workers: int
    source: Sequence[str] = ()
    again: tuple[Kind, ...] = ()
    part: Part = WHOLE
    chosen: Chosen = config.LOCAL
    share: bool = False
    ends_at: float = math.inf
    grace: float = GRACE
    told: list[str] = field(default_factory=list)

    @property
    def untracked(self) -> bool:
        """Whether the tracker gets nothing from this sweep: others of the same storage may be
        running, and a tracker has one writer.
        """
        return not self.part.whole and self.store.lets_parts_run_at_once

    def elsewhere(self) -> Iterator[str]:
        """Who has trials of the experiment of which the storage has none, which may have been lost;
        and which other experiments have run the very same, as where it was renamed and moved.
        """
        if self.source:
            return
        yield from _elsewhere(self.opened, self.store)
        experiment = self.opened.experiment
        others = {}
        if not self.share:
            others = going_on.run_elsewhere(self.opened, self.store, self.part)
        if others:
            yield f"{going_on.words_elsewhere(others)}; they run anew"
            again = command("sweep", experiment.file, "--share", sets=experiment.sets)
            yield f"  to take them over instead: {again}"

    def run(self, observer: Observer, tally: Tally) -> Results:
        """Run what is missing.

        Args:
            tally: what is known of the sweep; it is told before the observer is.

        Raises:
            KeyboardInterrupt: the end was asked for; the sweep is closed, and goes on when it is
                run again.
            StoreError: the storage, the disk or the machine cannot go on.
        """
        opened, experiment = self.opened, self.opened.experiment
        with recording(opened.runs, self._about(), tally, observer.note) as recorder:
            told = Several(tally, observer, recorder)
            for said in opened.notes:
                told.note(said)
            with root.launched(
                self.workers,
                opened.runs,
                experiment.training,
                experiment.resources,
                self.chosen,
                _may_stop(experiment) or self.ends_at < math.inf,
                told.note,
                self.ends_at,
            ) as launcher:
                tally.place = partial(place, launcher)
                sweep = self._sweep(launcher, told)
                sweep.run()
            # as much of it as the sweep was told to run
            opened = replace(
                opened,
                experiment=sweep.experiment,
                studies=tuple(sweep.studies),
                trials=sweep.trials,
            )
            results = sources.of_opened(opened, sweep.results(), self.store)
            recorder.left = _left(
                sweep.ran_out, sweep.steering.told.stopped, self._own_left(results)
            )
        self.told.extend(sweep.steering.last_words())
        self.told.extend(self._more(results, sweep.steering.told.workers or self.workers))
        return results

    def _sweep(self, launcher: Launcher, observer: Observer) -> Sweep:
        """The sweep that runs what is missing on a launcher."""
        opened, experiment = self.opened, self.opened.experiment
        capacity, named = launcher.capacity(), self.chosen.name
        if capacity != self.workers and named != config.CLUSTER:
            observer.note(f"the launcher '{named}' runs {capacity} at a time, not {self.workers}")
        return Sweep(
            experiment,
            opened.studies,
            opened.trials,
            self.store,
            self.tracker,
            launcher,
            observer,
            opened.runs,
            *_given(self.source, experiment.name),
            given_from=", ".join(map(str, self.source)),
            shared=self.shared(),
            again=self.again,
            part=self.part,
            ends_at=self.ends_at,
            grace=self.grace,
            texts=texts(experiment),
            code={label: tasks.code(task) for label, task in opened.tasks.items()},
        )

    def _about(self) -> dict[str, Any]:
        """What the sweep's page says of the experiment."""
        experiment, runs = self.opened.experiment, self.opened.runs
        workers = None if self.chosen.name == config.CLUSTER else self.workers
        metrics = {
            label: {"metric": task.metric, "unit": task.unit}
            for label, task in self.opened.tasks.items()
        }
        return {
            "experiment": experiment.name,
            "about": experiment.about,
            "file": str(Path(experiment.file)),
            "report": str(runs / "report" / "report.html"),
            "workers": workers,
            "select": experiment.select.on,
            "metrics": metrics,
            "claims": [claim.text for claim in experiment.claims],
            "confirm": experiment.confirm is not None,
        }

    def shared(self) -> list[str]:
        """Names of the experiments whose equal trials are taken over."""
        return door.sharing(self.opened, self.store, self.share)

    def publish(self, results: Results, note: Note) -> Report:
        """Write the report, and give it and the best models to the tracker, with what it missed."""
        if self.untracked:
            return results.report()
        self.tracker.catch_up()
        return published(self.opened, results, self.store, self.tracker, note)

    def incomplete(self, results: Results) -> list[str]:
        """Labels of the studies without a complete trial, among those that have no trials left."""
        complete = {result.study for result in results if result.outcome.kind is Kind.COMPLETE}
        left = {study.identity for study, missing in self._missing(results) if missing}
        return [
            study.label for study in self.opened.studies if study.identity not in complete | left
        ]

    def left(self, results: Results) -> Iterator[str]:
        """What a part that is done leaves for others, in sentences; nothing of a whole sweep."""
        if self.part.whole:
            return
        studies, trials = self.opened.studies, results.planned
        own = self._own_left(results)
        if own:
            yield f"{self.part} is not done: {number_of(own, 'trial is', 'trials are')} left of it"
            return
        missing = sum(count for _, count in self._missing(results))
        total = sum(status.planned(study, trials) for study in studies)
        if not any(status.planned(study, trials, self.part) for study in studies):
            yield f"{self.part} has no trials: no search has more than {trials}"
        if missing:
            left = f"{number_of(missing, 'is', 'are')} left for other parts"
            yield f"{self.part} is done; of {number_of(total, 'trial')}, {left}"
        else:
            yield f"{self.part} is done, and all trials of the search are here"
        rest = list(self._after_search())
        experiment = self.opened.experiment
        if self.untracked:
            title = config.read().tracker_title
            sync = command("sync", experiment.file, sets=experiment.sets)
            yield f"{title} gets nothing from parts that share a storage: `{sync}` writes to it"
        if rest:
            whole = command("sweep", experiment.file, sets=experiment.sets)
            yield f"`{whole}` has {listed(rest)} to do, once all trials are in one storage"

    def _more(self, results: Results, workers: int) -> Iterator[str]:
        """What more hours could do with so many at a time, in sentences; nothing where they had no
        limit.
        """
        if self.ends_at == math.inf:
            return
        own = self._own_left(results)
        if own:
            are = number_of(own, "trial of the search is", "trials of the search are")
            yield f"{are} left{_taking(own, results, workers)}"
        elif self.part.whole and results.experiment.confirm is not None:
            yield from _undecided(results, workers)

    def _own_left(self, results: Results) -> int:
        """How many trials of the part have not ended."""
        studies, trials = self.opened.studies, results.planned
        searches = {study.identity for study in studies}
        ended = [
            result
            for result in results
            if result.study in searches
            and result.trial.index < trials
            and self.part.holds(result.key.variant, result.trial.index)
        ]
        return sum(status.planned(study, trials, self.part) for study in studies) - len(ended)

    def _missing(self, results: Results) -> Iterator[tuple[Study, int]]:
        """How many trials of each search have not ended."""
        trials = results.planned
        ended = Counter(result.study for result in results if result.trial.index < trials)
        for study in self.opened.studies:
            planned = status.planned(study, trials)
            yield study, max(0, planned - ended[study.identity])

    def _after_search(self) -> Iterator[str]:
        """What only the whole sweep runs."""
        experiment = self.opened.experiment
        if experiment.select.replicates and self.part.of > 1:
            yield "the replicates"
        if experiment.confirm is not None:
            yield "the second stage"
        if speed.wanted(experiment, self.opened.studies):
            yield "the measurements of speed"


def _left(ran_out: bool, stopped: Sequence[str], trials: int) -> str:
    """Why a sweep that ended by itself is not done, and what is left; empty where it is.

    Args:
        ran_out: its time was over.
        stopped: variants that were told to stop.
        trials: of the search that are left.
    """
    left = f"{number_of(trials, 'trial is', 'trials are')} left"
    if ran_out:
        # else what is left comes after the search
        return f"its hours are over; {left if trials else 'the search is done, and not the rest'}"
    if trials and stopped:
        were = "was" if len(stopped) == 1 else "were"
        return f"{listed(stopped)} {were} stopped; {left}"
    return left if trials else ""


def _undecided(results: Results, workers: int) -> Iterator[str]:
    """Which claims are open on each task, and what they may still take."""
    experiment, trials = results.experiment, results.planned
    stood = stands(experiment, results.trials, trials)
    for label, now in stood.items():
        most = at_most(experiment, label, trials, now, earlier(stood, label))
        asked = [claim.text for claim in undecided(experiment, label, earlier(stood, label))]
        known = now.standings
        texts = [text for text in asked if text not in known or known[text].answer is Answer.OPEN]
        if most and texts:
            yield (
                f"open on {label}: {'; '.join(texts)}: at most"
                f" {number_of(most, 'training')} more{_taking(most, results, workers)}"
            )


def _taking(count: int, results: Results, workers: int) -> str:
    """How long so many trainings take, by those that were run."""
    seconds = [result.outcome.seconds.get("total", 0.0) for result in results]
    if not any(seconds):
        return ""
    total = count * sum(seconds) / len(seconds)
    if workers == root.UNLIMITED:  # how many workers a cluster will have, nobody knows
        return f", about {_hours(total)} of training"
    return f", about {_hours(total / workers)} with {workers} at a time"


def _hours(seconds: float) -> str:
    """A time in hours; minutes or seconds where it is below a tenth of an hour."""
    if seconds < 360:
        return duration(max(1.0, seconds))
    hours = f"{seconds / 3600:.2g}"
    return f"{hours} hour" if hours == "1" else f"{hours} hours"


def prepared(
    experiment: Experiment,
    workers: int | None,
    source: Sequence[str],
    again: Sequence[str],
    note: Note,
    progress: tasks.Report = tasks.silent,
    part: Part = WHOLE,
    chosen: Chosen | None = None,
    share: bool = False,
    hours: float | None = None,
    grace: float = GRACE,
) -> Prepared:
    """Load the data and open the storage.

    Args:
        note: told what there is to say of the tracker.
        progress: told about long work.
        part: which trials are to be run.
        chosen: where trials run, instead of what mlflow.yml says.
        share: take over equal trials of other experiments.
        hours: from now on, after which nothing is begun any more.
        grace: seconds that trials may take to save their state of training after SIGTERM.

    Raises:
        SpecError, UsageError: what the user wrote is wrong.
        TaskError: the data of a task cannot be had.
        StoreError: the storage cannot be used.
    """
    ends_at = _ends_at(hours)
    if not 0.0 <= grace < math.inf:
        raise UsageError(f"{argument('grace')} must be a number of seconds from 0, not {grace:g}")
    settings, name = config.read(), experiment.name
    chosen = chosen or settings.launcher
    opened = door.loaded(
        experiment,
        progress,
        partial(door.stored, name),
        partial(_given_marks, source, name),
        chosen=chosen,
    )
    store = door.store(settings, experiment)
    tracker = root.buffered_tracker(settings, note)
    chosen = root.settled_launcher(chosen, opened.experiment)
    at_once = root.workers(workers, chosen, len(opened.studies))
    kinds = root.kinds_again(again)
    ready = Prepared(opened, store, tracker, at_once, source, kinds, part, chosen, share)
    ready = replace(ready, ends_at=ends_at, grace=grace)
    return replace(ready, tracker=root.no_tracker()) if ready.untracked else ready


def _ends_at(hours: float | None) -> float:
    """When so many hours are over, on the monotonic clock.

    Raises:
        UsageError: it is no number of hours.
    """
    checked = root.checked_hours(hours)
    return math.inf if checked is None else time.monotonic() + 3600 * checked


def _may_stop(experiment: Experiment) -> bool:
    """Whether a trial may be told to stop, or to wait, after an epoch: by a pruner, and where two
    take turns while their speeds are compared.
    """
    compares_speed = any(claim.form == FASTER for claim in experiment.claims)
    return experiment.search.pruner is not None or compares_speed


def published(
    opened: Opened, results: Results, store: Store, tracker: Tracker, note: Note
) -> Report:
    """Write the report, and give it and the best models to a tracker."""
    from rnnzoo.report import numbers

    _keep_models(opened, results, store, tracker, note)
    report = results.report()
    tracker.report(opened.experiment.name, report.files, numbers(report.summary))
    return report


def texts(experiment: Experiment) -> dict[str, str]:
    """What a tracker keeps of the spec."""
    return {"experiment.yaml": experiment.text, "resolved.yaml": yaml_text(resolved(experiment))}


def _given(
    source: Sequence[str], experiment: str
) -> tuple[Sequence[Result], Sequence[Mapping[str, str]]]:
    """Trials of tables or of MLflow, which were run elsewhere, and where and with what, as far as
    it is known.

    They count as trials of the experiment, whichever ran them: what is left of a study's identity
    says what its outcomes depend on, and a trial's seed does not depend on the experiment's name.
    """
    from rnnzoo.report.pool import pooled, renamed

    if not source:
        return (), ()
    if sources.is_tracker(source):
        return sources.tracked(experiment), ()
    tables = sources.read(source)
    content = pooled({name: renamed(table, experiment) for name, table in tables.items()}).content
    return content.results, content.provenance


def _given_marks(source: Sequence[str], experiment: str) -> set[str]:
    """By what it is known how these trials were trained."""
    return marks_of(*_given(source, experiment))


def _elsewhere(opened: Opened, store: Store) -> Iterator[str]:
    from rnnzoo.report import table

    name, sampler = opened.experiment.name, opened.experiment.search.sampler.name
    if store.results(name):
        return
    own = opened.identities | replace(opened, studies=opened.otherwise).identities
    holders = {}
    with suppress(StoreError):  # the sweep itself says that MLflow is away
        holders[sources.MLFLOW] = sources.recorded(name)
    for path in sources.tables(name):
        with suppress(UsageError):  # a table that cannot be read is no matter of this sweep
            holders[str(path)] = [result.study for result in table.read(path).results]
    if holders and store.results(name):
        return  # another sweep runs: a trial that has ended meanwhile is in the storage first
    for source, studies in holders.items():
        count = sum(study in own for study in studies)
        if not count:
            continue
        yield f"{source} holds {count} of its trials and the storage none: they run anew"
        if points.ours(sampler):
            known = opened.experiment
            again = command("sweep", known.file, "--from", source, sets=known.sets)
            yield f"  to take them over instead: {again}"
        else:
            yield (
                f"  '{sampler}' goes by what was run before and cannot take them over; another"
                " name keeps them apart"
            )


def _keep_models(
    opened: Opened, results: Results, store: Store, tracker: Tracker, note: Note
) -> None:
    """The best model of each study goes to the tracker, where its file is that trial's."""
    for study in opened.studies:
        best = results.best(study.variant.label, study.task.label)
        if best is None:
            continue
        lost = door.lost(best, store)
        tracker.best(best, [] if lost else [best.trial.model], _about(best.trial))
        if lost:
            note(
                f"{study.label}: the model of its best trial, {best.trial.index}, cannot be kept:"
                f" {lost}"
            )


def _about(trial: Trial) -> dict[str, str]:
    """A variant's cell, as files beside its best trial."""
    from rnnzoo.lang.view import CellView

    cell = CellView(lang.parse_text(trial.cell))
    return {
        "cell/diagram.svg": cell.diagram(),
        "cell/equations.tex": cell.latex(),
        "cell/cell.yaml": trial.cell,
    }


class Notes(Observer):
    """Remembers what there was to say."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def note(self, text: str) -> None:
        self.texts.append(text)
