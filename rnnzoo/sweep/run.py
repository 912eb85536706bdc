"""The sweep: open -> take over -> search -> what rests on the search, until every planned trial has
ended.

In: an experiment, stores, a launcher, and an observer for the display.  Out: the results.  One
writer: this process asks Optuna, submits trials, takes outcomes back, tells Optuna and writes to
the tracker; workers only compute.  The truth is Optuna's storage; the tracker is brought level from
it at every start, so the same command goes on after anything.
"""

from __future__ import annotations

import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from rnnzoo.backends import facts
from rnnzoo.errors import argument, listed, number_of, size_of
from rnnzoo.launchers import Launcher, elsewhere
from rnnzoo.signals import Interrupts, interrupts
from rnnzoo.spec.experiment import Experiment, Named, Search
from rnnzoo.spec.trial import RETRIED, Kind, Outcome, Result, StudyKey
from rnnzoo.sweep import edited, halving, provenance, status, tracked
from rnnzoo.sweep.after import AfterSearch
from rnnzoo.sweep.editions import Done, OpenStudies
from rnnzoo.sweep.lock import check_free, held
from rnnzoo.sweep.longer import Longer
from rnnzoo.sweep.loop import GRACE, Loop, Running, TimeIsOver
from rnnzoo.sweep.observer import Observer
from rnnzoo.sweep.parts import WHOLE, Part
from rnnzoo.sweep.plan import Study, confirming, in_turn, replicates
from rnnzoo.sweep.search import Store
from rnnzoo.sweep.steering import SEARCH, Steering, Told, steered
from rnnzoo.sweep.supply import Supply
from rnnzoo.sweep.takeover import Takeover
from rnnzoo.trackers import Tracker


@dataclass(slots=True)
class Sweep:
    """A sweep of an experiment, once.

    Attributes:
        trials: per study, a total.
        runs: the experiment's folder for logs and models.
        given: trials that were run elsewhere; they are recorded as if they had been run here.
        given_provenance: where and with what those were run.
        given_from: the tables that have them, or `mlflow`.
        shared: names of other experiments in the storage, whose trials are taken over where they
            are this one's to the bit.
        again: trials that ended so are begun once more.
        ends_at: on the monotonic clock; then trials that run save their state of training after
            their epoch, and none begins any more.
        grace: seconds that they have for that after SIGTERM.
        part: which trials are run.  The second stage and what claims about speed need come with the
            whole sweep, replicates with whole searches.
        texts: what the tracker keeps of the experiment, by file name.
        code: digests of each task's loss and metric that are not the package's, by the task's
            label, kind and name.
        stage: what it is at, in words.
        ran_out: of time, with something left to be run.
    """

    experiment: Experiment
    studies: Sequence[Study]
    trials: int
    store: Store
    tracker: Tracker
    launcher: Launcher
    observer: Observer
    runs: Path
    given: Sequence[Result] = ()
    given_provenance: Sequence[Mapping[str, str]] = ()
    given_from: str = ""
    shared: Collection[str] = ()
    again: Collection[Kind] = ()
    part: Part = WHOLE
    ends_at: float = math.inf
    grace: float = GRACE
    texts: Mapping[str, str] = field(default_factory=dict)
    code: Mapping[str, Mapping[tuple[str, str], str]] = field(default_factory=dict)
    # the package's files as trials import them first
    package: edited.Stamps = field(default_factory=edited.stamps)
    stage: str = field(default=SEARCH, init=False)
    ran_out: bool = field(default=False, init=False)
    replicates: tuple[Study, ...] = field(init=False)
    second_stage: tuple[Study, ...] = field(init=False)
    opened: OpenStudies = field(init=False)  # while it runs
    takeover: Takeover = field(init=False)  # while it runs
    longer: Longer = field(init=False)  # while it runs: what its trials go on from
    steering: Steering = field(init=False)
    loop: Loop = field(init=False)  # while it runs

    def __post_init__(self) -> None:
        self.steering = Steering(self, None, self.experiment, Told(self.trials))
        self.replicates = replicates(self.studies)
        self.second_stage = confirming(self.studies, self.trials)

    def replan(self, experiment: Experiment, trials: int) -> None:
        """Go by an experiment that differs in how much of it is run."""
        self.experiment, self.trials = experiment, trials
        self.studies = tuple(replace(study, experiment=experiment) for study in self.studies)
        self.replicates = replicates(self.studies)
        self.second_stage = confirming(self.studies, trials)
        self.steering.told = replace(self.steering.told, trials=trials)

    def run(self) -> None:
        """Run what is missing; a study's trials that have ended stay as they are.

        Raises:
            StoreError: the storage, the disk or the machine cannot go on, or another sweep of the
                same trials runs.
            UsageError: given trials are not those of this experiment.
            KeyboardInterrupt: the end was asked for.
        """
        self.store.retries.note = self.observer.note
        self.opened = self._open_studies()
        self.takeover = Takeover(self.opened, self.runs, self.given, self.given_from)
        name = self.experiment.name
        with self._alone() as still_alone, steered(self) as self.steering:
            # not before: a tracker tidies up what a dead sweep left half written, and a live one's
            # looks the same
            self.tracker.open(name, self.experiment.about, self.texts)
            done = self._open()
            self._take_over(done)
            # of what is left then: a trial that counts as it is needs no beginning
            self._look_for_beginnings(done)
            self._record_provenance(done)
            self._level()
            self._begin(done)
            with interrupts() as interrupted:
                self.loop = self._loop(still_alone, interrupted)
                try:
                    self._search(done)
                    AfterSearch(self).run()
                except TimeIsOver:
                    self.ran_out = True
                    self.observer.note("the time is over, so nothing more is begun")
                finally:
                    self.loop.stop()
                    self._tell_what_was_not_kept()

    @contextmanager
    def _alone(self) -> Iterator[Sequence[Callable[[], None]]]:
        """Keep sweeps of the same trials away while the block runs.

        Yields functions that raise where one has begun.

        Raises:
            StoreError: one is running.
        """
        name, lock = self.experiment.name, self.runs / "lock"
        if self.part.whole or not self.store.lets_parts_run_at_once:
            with held(lock, name) as in_folder, self.store.alone(name) as in_storage:
                yield in_folder, in_storage
            return
        check_free(lock, name)
        variants = self.part.only or [variant.label for variant in self.experiment.variants]
        with self.store.alone(name, self.part, variants) as in_storage:
            yield (in_storage,)

    def _open_studies(self) -> OpenStudies:
        """Studies of the storage, none of which is open yet."""
        given = {result.study: list(self.given_provenance) for result in self.given}
        return OpenStudies(
            experiment=self.experiment,
            store=self.store,
            note=self.observer.note,
            part=self.part,
            again=self.again,
            code=self.code,
            provenance_elsewhere=given,
        )

    def _loop(self, still_alone: Sequence[Callable[[], None]], interrupted: Interrupts) -> Loop:
        """The loop that runs what is missing."""
        return Loop(
            search=self.experiment.search,
            resources=self.experiment.resources,
            opened=self.opened,
            launcher=self.launcher,
            tracker=self.tracker,
            observer=self.observer,
            longer=self.longer,
            runs=self.runs,
            steering=self.steering,
            still_alone=still_alone,
            interrupted=interrupted,
            package=self.package,
            ends_at=self.ends_at,
            grace=self.grace,
        )

    # -- which studies and trials there are

    @property
    def searches(self) -> tuple[Study, ...]:
        """The studies of the search of which the part has trials."""
        return self.of_part(self.studies)

    @property
    def later(self) -> tuple[Study, ...]:
        """The studies whose points follow from the search."""
        return (*self.replicates, *self.second_stage)

    def of_part(self, studies: Iterable[Study]) -> tuple[Study, ...]:
        """Those of some studies of which the part has trials."""
        return tuple(study for study in studies if self.part.has(study.variant.label))

    def present(self) -> set[str]:
        """Identities of all studies of this edition."""
        return {study.identity for study in (*self.studies, *self.later)}

    def results(self) -> list[Result]:
        """Results of the present studies; editions that were set aside are left out."""
        present = self.present()
        return [
            result for result in self.store.results(self.experiment.name) if result.study in present
        ]

    def _missing(self, done: Done, trials: int) -> Iterator[tuple[Study, int]]:
        """The trials of the part that have not ended, of the first `trials` of each search."""
        for study, index in in_turn(self.searches, trials):
            is_own = self.part.holds(study.variant.label, index)
            if is_own and index not in done[study.identity]:
                yield study, index

    def search_for_known_points(self) -> Search:
        """A search that asks for trials at known points; 'random' only selects the sampler that
        returns known points.
        """
        return replace(self.experiment.search, sampler=Named("random"), pruner=None)

    # -- what is there already

    def _open(self) -> Done:
        """Open every study of the search, and begin the second stage anew where its search is."""
        with self.store.in_turn(self.experiment.name):
            done = self.opened.open(
                self.searches, self.experiment.search, self._begin_second_stage_anew
            )
            for study in self.searches:
                self.opened[study.identity].mark_stopped(self.part, None)
        return done

    def _begin_second_stage_anew(self, search: Study) -> None:
        """Forget the second stage on the task of a search of which trials begin once more: other
        trials, so another region.
        """
        for study in self.second_stage:
            if study.task.label == search.task.label:
                self.opened.begin_anew(study, self.search_for_known_points())

    def _take_over(self, done: Done) -> None:
        """Record trials that were run elsewhere: given ones, and those of earlier editions and of
        experiments that share theirs which are this experiment's to the bit.
        """
        self.takeover.adopt(self.searches, self.present(), done)
        for name in (self.experiment.name, *self.shared):
            editions = self.store.editions(name)
            self.takeover.take_equal(self.searches, name, editions, self.trials, done)
            if name != self.experiment.name:
                self.takeover.offer(self.later, editions)

    def _look_for_beginnings(self, done: Done) -> None:
        """Look where earlier editions have ended, and say which trials of the search go on from
        there, and why others do not.
        """
        training = self.experiment.training
        own = facts.machine(training.backend, provenance.on_card(training))
        machine = {**own, **elsewhere(self.launcher)}
        self.longer = Longer(self.runs, self.experiment.resources.states, machine)
        for name in (self.experiment.name, *self.shared):
            self.longer.add((*self.studies, *self.later), self.store.editions(name))
        left: dict[str, list[int]] = {}
        for study, index in self._missing(done, self.trials):
            left.setdefault(study.identity, []).append(index)
        for study in self.searches:
            words = self.longer.ahead(study, left.get(study.identity, ()), self.store).words()
            if words:
                self.observer.note(f"{study.label}: {words}")

    def _record_provenance(self, done: Done) -> None:
        """Record where and with what trials of the search are run, and were."""
        folder, training = Path(self.experiment.file).parent, self.experiment.training
        setup = provenance.here(folder, training)
        self.opened.provenance = {**setup, **elsewhere(self.launcher)}
        # a cluster without a worker, whose machines nobody knows, has no trials to run any more
        is_over = time.monotonic() >= self.ends_at
        lacking = () if is_over else self._missing(done, self.trials)
        self.opened.record_provenance(self.opened.stores, {study.identity for study, _ in lacking})

    def _level(self) -> None:
        """Write to the tracker what it lacks of what the storage holds."""
        results = [
            result
            for result in self.results()
            if self.part.holds(result.key.variant, result.trial.index)
        ]
        late = tracked.level(results, self.tracker, self.experiment.name)
        if 0 < late < len(results):  # not when the tracker is a new one
            self.observer.note(f"the tracker was brought level: {number_of(late, 'trial')}")

    def _begin(self, done: Done) -> None:
        """Tell the observer what there is already, of the trials that are planned."""
        counts: dict[str, int] = {}
        best: dict[str, float] = {}
        ended: Counter[Kind] = Counter()
        for name, outcomes in done.items():
            planned = self._planned(StudyKey.parse(name).variant, outcomes)
            scores = [outcome.scores for outcome in planned if outcome.scores]
            counts[name] = len(planned)
            ended.update(outcome.kind for outcome in planned)
            if scores:
                best[name] = min(of_splits[self.experiment.select.on] for of_splits in scores)
        self.observer.begin(self.searches, counts, best)
        for kind in RETRIED:
            if ended[kind]:
                self._offer_again(kind, ended[kind])

    def _planned(self, variant: str, outcomes: Mapping[int, Outcome]) -> list[Outcome]:
        """Those of a search's outcomes that are of its planned trials, and of the part."""
        return [
            outcome
            for index, outcome in outcomes.items()
            if index < self.trials and self.part.holds(variant, index)
        ]

    def _offer_again(self, kind: Kind, count: int) -> None:
        """Say how trials that have failed are begun once more."""
        ended_so = f"{number_of(count, 'of them is', 'of them are')} {kind.words}"
        pronoun = "it" if count == 1 else "these"
        self.observer.note(
            f"{ended_so}; `{argument('again', str(kind))}` begins {pronoun} once more"
        )

    # -- the search, from rung to rung

    def _search(self, done: Done) -> None:
        """Run the trials of the search; on rungs, those that are not among the best end there."""
        rungs = self.experiment.search.rungs
        for rung, epoch in enumerate(rungs.epochs if rungs else ()):
            self.loop.until = epoch
            self.loop.run(self._supply(self._with_waiting(done, epoch)))
            self.steering.left_behind.update(self.steering.told.stopped)
            done = self._end_at(rung)
        self.loop.until = 0
        self.loop.run(self._supply(done))

    def _supply(self, done: Done) -> Supply:
        """The trials of the search that have not ended; how many are planned may change."""
        return Supply(self._missing(done, sys.maxsize), is_search=True)

    def _with_waiting(self, done: Done, epoch: int) -> Done:
        """Outcomes by study and index, those of trials that wait at a rung or later among them."""
        return {
            study.identity: {**self._waiting(study, epoch), **done[study.identity]}
            for study in self.searches
        }

    def _waiting(self, study: Study, epoch: int) -> dict[int, Outcome]:
        """How trials waited that came so far, by index."""
        waited = self.opened[study.identity].waited()
        last = {index: results[-1].outcome for index, results in waited.items()}
        return {index: outcome for index, outcome in last.items() if len(outcome.curve) >= epoch}

    def _end_at(self, rung: int) -> Done:
        """End the trials that wait at a rung and do not go on.

        Returns:
            Outcomes that are final, by identity of the study and index.
        """
        rungs = self.experiment.search.rungs
        assert rungs is not None
        ended: Done = {}
        shares = []  # of each search of which a trial ends here
        for study in self.searches:
            opened, trials = self.opened[study.identity], status.planned(study, self.trials)
            waited, done = opened.waited(), opened.done()
            ended[study.identity] = done
            if study.variant.label in self.steering.left_behind:
                continue  # not all of its trials came here
            recorded = halving.together(waited, done, trials)
            go_on = halving.going_on(rungs, rung, trials, recorded)
            waiting = {index: results[-1] for index, results in waited.items() if index not in done}
            for result in halving.stopped(rungs, rung, trials, waiting, go_on):
                shares.append((rungs.going_on(rung, trials), trials))
                index, point = result.trial.index, result.trial.hyperparameters
                number, _ = opened.ask(index, point, study.variant.space)
                self.loop.finish(Running(study, number, result.trial), result.outcome)
                done[index] = result.outcome
        if shares:
            best = listed([f"{count} of {trials}" for count, trials in sorted(set(shares))])
            self.observer.note(
                f"after {number_of(rungs.epochs[rung], 'epoch')}, the best {best} trials of each"
                " search go on"
            )
        return ended

    def _tell_what_was_not_kept(self) -> None:
        """Say of how many finished trainings the state is not there, should they go on one day."""
        limit, unkept = self.experiment.resources.states, self.longer.unkept
        if limit and unkept:
            states = number_of(unkept, "finished training")
            begin = "it begins" if unkept == 1 else "they begin"
            self.observer.note(
                f"the state of {states} had no room within `states` of `resources`,"
                f" {size_of(limit)}: with more epochs {begin} anew; `rnnzoo clean` says what takes"
                " room"
            )
