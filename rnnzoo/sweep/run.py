"""The sweep: ask -> submit -> wait -> tell -> record, until every planned trial has ended.

In: an experiment, stores, a launcher, and an observer for the display.  Out: the results.  One
writer: this process asks Optuna, submits trials, takes outcomes back, tells Optuna and writes to
the tracker; workers only compute.  The truth is Optuna's storage; the tracker is brought level from
it at every start, so the same command goes on after anything.
"""

from __future__ import annotations

import math
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from rnnzoo.backends import facts
from rnnzoo.errors import StoreError, UsageError, argument, listed, number_of, size_of
from rnnzoo.lang import operations
from rnnzoo.launchers import Event, Launcher, elsewhere
from rnnzoo.signals import interrupts
from rnnzoo.spec import plugins, points
from rnnzoo.spec.experiment import Experiment, Named, Search
from rnnzoo.spec.hyperparameters import Value
from rnnzoo.spec.trial import (
    RETRIED,
    Ending,
    Kind,
    Outcome,
    Progress,
    Result,
    StudyKey,
    Trial,
)
from rnnzoo.sweep import edited, equal, halving, longer, provenance, status
from rnnzoo.sweep.after import POLL, AfterSearch, KnownTrial
from rnnzoo.sweep.begun import ALONE, LANES, Lanes, in_marks
from rnnzoo.sweep.lock import check_free, held
from rnnzoo.sweep.longer import Longer
from rnnzoo.sweep.observer import Observer
from rnnzoo.sweep.parts import WHOLE, Part
from rnnzoo.sweep.plan import FORM, Study, changed, confirming, in_turn, replicates
from rnnzoo.sweep.search import PROVENANCE, Editions, Store, StudyStore
from rnnzoo.sweep.steering import SEARCH, TOLD, Steering, Told, steered
from rnnzoo.sweep.supply import Supply
from rnnzoo.trackers import Tracker

EARLY = 3  # trials after which a variant that only fails is reported
CODE = "code"  # under which digests of a study's own operations, loss and metric are stored
AGAIN = (
    "put back what was there; or give the same command again, which begins anew with what is there"
    " now"
)
# Seconds that trials may take to save their state of training after SIGTERM: Slurm kills 30 after
# it, unless it is set up otherwise.
GRACE = 20.0


class _Over(Exception):
    """The time of the sweep is over, and something is left to be run."""


@dataclass(slots=True)
class _Running:
    """A trial that has been submitted; `number` is that of the storage."""

    study: Study
    number: int
    trial: Trial
    heard: bool = False  # it has told of an epoch
    told: bool = False  # to save its state of training, and end


@dataclass(slots=True)
class Sweep:
    """One run of the loop.

    Attributes:
        trials: per study, a total.
        runs: the experiment's folder for logs and models.
        given: trials that were run elsewhere; they are recorded as if they had been run here.
        given_provenance: where and with what those were run.
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
    shared: Collection[str] = ()
    again: Collection[Kind] = ()
    part: Part = WHOLE
    ends_at: float = math.inf
    grace: float = GRACE
    texts: Mapping[str, str] = field(default_factory=dict)
    code: Mapping[str, Mapping[tuple[str, str], str]] = field(default_factory=dict)
    # What the run knows, by identity of a study where nothing else is said.
    opened: dict[str, StudyStore] = field(default_factory=dict)
    forgotten: dict[str, int] = field(default_factory=dict)  # trials that begin once more
    attempts: dict[str, Counter[int]] = field(default_factory=dict)  # retries of each index
    ended_kinds: dict[str, Counter[Kind]] = field(default_factory=dict)
    # index -> point, where `points_are_known`
    known_points: dict[str, dict[int, Mapping[str, Value]]] = field(default_factory=dict)
    retries: deque[tuple[Study, int]] = field(default_factory=deque)  # trials to begin once more
    running: dict[int, _Running] = field(default_factory=dict)  # by ticket
    until: int = 0  # the epoch after which trials wait, while those of a rung run; 0: none
    ran_out: bool = False  # of time, with something left to be run
    saved_trials: int = 0  # that go on from there in a later sweep
    leaves_time: Callable[[], bool] = lambda: False  # who asks for the end lets trials be saved
    # called before each trial; they raise where another sweep of the experiment has begun
    still_alone: Sequence[Callable[[], None]] = ()
    # where and with what trials are run
    own_provenance: Mapping[str, str] = field(default_factory=dict)
    # the package's files as trials import them first
    package: edited.Stamps = field(default_factory=edited.stamps)
    # of trials that another experiment shares with replicates and second stages
    provenances: dict[str, Sequence[Mapping[str, str]]] = field(default_factory=dict)
    # by study and index
    given_by_index: Mapping[tuple[str, int], Result] = field(default_factory=dict, init=False)
    replicates: tuple[Study, ...] = field(init=False)
    second_stage: tuple[Study, ...] = field(init=False)
    longer: Longer = field(init=False)  # while it runs: what its trials go on from
    told: Told = field(init=False)  # while it runs
    steering: Steering = field(init=False)
    supply: Supply = field(init=False)  # what the present loop begins
    stage: str = field(default=SEARCH, init=False)  # in words

    def __post_init__(self) -> None:
        self.told = Told(self.trials)
        self.steering, self.supply = Steering(self, None, self.experiment), Supply(iter(()))
        self.replicates = replicates(self.studies)
        self.second_stage = confirming(self.studies, self.trials)

    def replan(self, experiment: Experiment, trials: int) -> None:
        """Go by an experiment that differs in how much of it is run."""
        self.experiment, self.trials = experiment, trials
        self.studies = tuple(replace(study, experiment=experiment) for study in self.studies)
        self.replicates = replicates(self.studies)
        self.second_stage = confirming(self.studies, trials)
        self.told = replace(self.told, trials=trials)

    def run(self) -> None:
        """Run what is missing; a study's trials that have ended stay as they are."""
        self.store.retries.note = self.observer.note
        self.given_by_index = {(result.study, result.trial.index): result for result in self.given}
        name = self.experiment.name
        with self.alone() as still_alone, steered(self) as self.steering:
            self.still_alone = still_alone
            # not before: a tracker tidies up what a dead sweep left half written, and a live one's
            # looks the same
            self.tracker.open(name, self.experiment.about, self.texts)
            with self.store.in_turn(name):
                done = self.open()
            self.adopt(done)
            self.take_equal(done)
            self.look_for_beginnings(done)
            folder, training = Path(self.experiment.file).parent, self.experiment.training
            self.own_provenance = {**provenance.here(folder, training), **elsewhere(self.launcher)}
            # a cluster without a worker, whose machines nobody knows, has no trials to run any more
            lacking = () if self.is_over() else self.missing(done)
            self.record_provenance(self.opened, {study.identity for study, _ in lacking})
            self.level()
            self.begin(done)
            with interrupts() as interrupted:
                self.leaves_time = lambda: interrupted.leaves_time
                try:
                    self.search(done, interrupted)
                    AfterSearch(self, interrupted).run()
                except _Over:
                    self.ran_out = True
                    self.observer.note("the time is over, so nothing more is begun")
                finally:
                    self.stop()
                    self.tell_what_was_not_kept()

    @contextmanager
    def alone(self) -> Iterator[Sequence[Callable[[], None]]]:
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

    @property
    def searches(self) -> tuple[Study, ...]:
        """The studies of the search of which the part has trials."""
        return self.of_part(self.studies)

    def of_part(self, studies: Iterable[Study]) -> tuple[Study, ...]:
        """Those of some studies of which the part has trials."""
        return tuple(study for study in studies if self.part.has(study.variant.label))

    def holds(self, study: Study, index: int) -> bool:
        """Whether the part has a trial of a search."""
        return self.part.holds(study.variant.label, index)

    # -- what is there already

    def open(self) -> dict[str, dict[int, Outcome]]:
        """Open every study of the search, and begin the second stage anew where its search is.

        Returns:
            Outcomes that are final, by identity of the study and index.
        """
        done = self.open_all(self.searches, self.experiment.search)
        begun_again_tasks = {
            study.task.label for study in self.searches if self.forgotten[study.identity]
        }
        for study in self.searches:
            self.opened[study.identity].mark_stopped(self.part, None)
        for study in self.second_stage:
            # other trials, so another region: its second stage starts over
            if study.task.label in begun_again_tasks:
                opened = self.store.study(
                    study.identity, self.attributes(study), self.search_for_known_points()
                )
                opened.forget(tuple(Kind))
        return done

    def open_all(self, studies: Sequence[Study], search: Search) -> dict[str, dict[int, Outcome]]:
        """Open studies: trials of earlier editions are taken over or set aside, those that a dead
        sweep left running are interrupted, and those to begin again are forgotten.

        Returns:
            Outcomes that are final, by identity of the study and index.
        """
        done = {}
        editions = self.store.editions(self.experiment.name)
        for study in studies:
            earlier = {
                name: edition for name, edition in editions.items() if name.startswith(study.prefix)
            }
            opened = self.store.study(study.identity, self.attributes(study), search)
            taken = self.take_over_earlier(study, opened, earlier)
            self.set_aside(study, earlier, taken)
            interrupted = opened.reclaim(self.part)
            if interrupted:
                self.observer.note(
                    f"{study.label}: {number_of(interrupted, 'interrupted trial')} will run again"
                )
            forgotten = opened.forget(self.again, self.part)
            if forgotten:
                begin = number_of(forgotten, "trial begins", "trials begin")
                self.observer.note(f"{study.label}: {begin} once more")
            opened.alone = self.part.whole
            self.opened[study.identity] = opened
            self.forgotten[study.identity] = forgotten
            self.attempts[study.identity] = opened.attempts()
            done[study.identity] = opened.ends()
            self.ended_kinds[study.identity] = Counter(
                outcome.kind for outcome in done[study.identity].values()
            )
        return done

    def take_over_earlier(self, study: Study, opened: StudyStore, earlier: Editions) -> set[str]:
        """Take over the trials of earlier editions that are this study's; names of those
        editions.
        """

        def own(same: Callable[[Trial], bool]) -> Callable[[Trial], bool]:
            return lambda trial: self.holds(study, trial.index) and same(trial)

        taken = set()
        for name, (attributes, _) in earlier.items():
            count, whose = 0, ""
            # `study.same` says how that comes about
            if changed(study.parts, attributes.get("parts", {})) == ("training",):
                count, whose = self.store.inherit(opened, name, own(study.same)), "an older version"
            elif study.is_spelt_otherwise(name, attributes):
                count, whose = (
                    self.store.inherit(opened, name, own(study.same_but_for_spelling)),
                    "another spelling of the cell",
                )
                taken.add(name)  # also where all of its trials are here already
            if count:
                trials = number_of(count, "trial")
                so = "is one of these, and counts" if count == 1 else "are these, and count"
                self.observer.note(f"{study.label}: {trials} of {whose} {so}")
                taken.add(name)
        return taken

    def set_aside(self, study: Study, earlier: Editions, taken: Collection[str]) -> None:
        """Say what changed where this study has trials of an earlier edition; they are kept and
        never mixed in.
        """
        if study.identity in earlier:
            return
        left = {
            name: attributes
            for name, (attributes, trials) in earlier.items()
            if trials and name not in taken
        }
        if left:
            change = self.what_changed(study, left.values())
            trials = _set_aside([earlier[name][1] for name in left])
            self.observer.note(f"{study.label}: {change}; {trials} set aside")

    def what_changed(self, study: Study, earlier: Collection[Mapping[str, Any]]) -> str:
        """What differs between a study and earlier editions of it, by their attributes."""
        parts: set[str] = set()
        details: set[str] = set()
        for attributes in earlier:
            parts.update(changed(study.parts, attributes.get("parts", {})))
            details.update(self.edited(study, attributes.get(CODE, {})))
            details.update(_trained_otherwise(study, attributes))
        names = [name for name in study.parts if name in parts]
        part = listed(names) if names else "something"
        if study.stage:
            part = "search or its `confirm:`"
        return f"the {part} changed" + (f" ({', '.join(sorted(details))})" if details else "")

    def edited(self, study: Study, before: Mapping[str, str]) -> Iterator[str]:
        """Files of a study's operations, loss and metric that are not as they were."""
        for (kind, name), now in self.own_code(study).items():
            if before.get(f"{kind}/{name}", now) != now:
                yield plugins.file(kind, name)

    def attributes(self, study: Study) -> dict[str, object]:
        """What the storage keeps of a study beside its trials."""
        code, lanes = self.own_code(study), Lanes.of(study.experiment.training)
        return {
            "experiment": self.experiment.name,
            "file": str(Path(self.experiment.file).resolve()),
            "variant": study.variant.label,
            "task": study.task.label,
            "on": self.experiment.select.on,
            "parts": dict(study.parts),
            FORM: study.form,
            **({LANES: lanes.mark} if lanes.size else {}),
            **({CODE: {"/".join(name): digest for name, digest in code.items()}} if code else {}),
        }

    def own_code(self, study: Study) -> dict[tuple[str, str], str]:
        """Digests of a study's operations, loss and metric that are not the package's, by kind and
        name.
        """
        used = {
            (operations.KIND, name): digest
            for name, digest in operations.digests(study.cell).items()
        }
        return {**used, **self.code.get(study.task.label, {})}

    def record_provenance(self, identities: Iterable[str], lacking: Collection[str]) -> None:
        """Record with each study where and with what its trials are run, and, for given ones, were
        run.

        Args:
            identities: of the studies.
            lacking: those of them that have trials to run.
        """
        taken_over = {result.study for result in self.given}
        with self.store.in_turn(self.experiment.name):
            for identity in identities:
                provenances: list[Mapping[str, str]] = []
                if identity in taken_over:
                    provenances += self.given_provenance
                provenances += self.provenances.get(identity, ())
                if identity in lacking:
                    provenances.append(self.own_provenance)
                self.opened[identity].add_provenance(provenances)

    def record_told(self, what: str, studies: Iterable[Study]) -> None:
        """Record with studies what the sweep was told of their trials."""
        with self.store.in_turn(self.experiment.name):
            for study in studies:
                self.opened[study.identity].add_provenance([{**self.own_provenance, TOLD: what}])

    def record_stop(self, studies: Iterable[Study], when: datetime | None) -> None:
        """Record with studies when their variant was stopped; None: that it goes on."""
        with self.store.in_turn(self.experiment.name):
            for study in studies:
                self.opened[study.identity].mark_stopped(self.part, when)

    def level(self) -> None:
        """Write to the tracker what it lacks of what the storage holds."""
        results = [result for result in self.results() if self.has(result)]
        late = level(results, self.tracker, self.experiment.name)
        if 0 < late < len(results):  # not when the tracker is a new one
            self.observer.note(f"the tracker was brought level: {number_of(late, 'trial')}")

    def begin(self, done: Mapping[str, Mapping[int, Outcome]]) -> None:
        """Tell the observer what there is already, of the trials that are planned."""
        counts: dict[str, int] = {}
        best: dict[str, float] = {}
        ended: Counter[Kind] = Counter()
        for name, outcomes in done.items():
            variant = StudyKey.parse(name).variant
            planned = [
                outcome
                for index, outcome in outcomes.items()
                if index < self.trials and self.part.holds(variant, index)
            ]
            scores = [outcome.scores for outcome in planned if outcome.scores]
            counts[name] = len(planned)
            ended.update(outcome.kind for outcome in planned)
            if scores:
                best[name] = min(of_splits[self.experiment.select.on] for of_splits in scores)
        self.observer.begin(self.searches, counts, best)
        for kind, count in ended.items():
            if kind not in RETRIED:
                continue
            ended_so = f"{number_of(count, 'of them is', 'of them are')} {kind.words}"
            these = "it" if count == 1 else "these"
            self.observer.note(
                f"{ended_so}; `{argument('again', str(kind))}` begins {these} once more"
            )

    def results(self) -> list[Result]:
        """Results of the present studies; editions that were set aside are left out."""
        present = self.present()
        return [
            result for result in self.store.results(self.experiment.name) if result.study in present
        ]

    def has(self, result: Result) -> bool:
        """Whether a result is of a trial of the part."""
        return self.part.holds(result.key.variant, result.trial.index)

    def present(self) -> set[str]:
        """Identities of all studies of this edition."""
        return {study.identity for study in (*self.studies, *self.later)}

    @property
    def later(self) -> tuple[Study, ...]:
        """The studies whose points follow from the search."""
        return (*self.replicates, *self.second_stage)

    # -- trials that were run elsewhere

    def adopt(self, done: Mapping[str, dict[int, Outcome]]) -> None:
        """Record the given trials, where there are none of their index yet.

        Raises:
            UsageError: a trial is not the one of its index, or no trial can be told by its index.
        """
        if self.given and not points.ours(self.experiment.search.sampler.name):
            raise UsageError(
                f"the points of '{self.experiment.search.sampler.name}' depend on what was run"
                " before, so trials that were run elsewhere cannot be taken over"
            )
        studies = {study.identity: study for study in self.searches}
        self.tell_contradictions(studies, done)
        taken = 0
        for result in self.given:
            study, index = studies.get(result.study), result.trial.index
            if study is None or index in done[result.study] or not self.holds(study, index):
                continue
            point = self.point_for(study, index)
            if point != dict(result.trial.hyperparameters):
                raise UsageError(
                    f"trial {index} of {study.label} was given other hyper-parameters than it has"
                    " here"
                )
            self.take_over(study, result, done)
            taken += 1
        if self.given:
            known = self.present()
            other = sum(1 for result in self.given if result.study not in known)
            others = number_of(other, "is", "are")
            left = f"; {others} of another edition of the experiment" if other else ""
            given = number_of(len(self.given), "trial")
            self.observer.note(f"{taken} of {given} taken over{left}")

    def tell_contradictions(
        self, studies: Mapping[str, Study], done: Mapping[str, dict[int, Outcome]]
    ) -> None:
        """Say how many given trials have ended otherwise here, and how the first of them has."""
        contradictions = []
        for result in self.given:
            study, index = studies.get(result.study), result.trial.index
            here = done[study.identity].get(index) if study is not None else None
            if study is not None and here is not None:
                there = self.opened[study.identity].end(result.outcome)
                if (here.kind, here.scores) != (there.kind, there.scores):
                    ends = f"{_ended_as(here)} here, {_ended_as(there)} there"
                    contradictions.append(f"{study.label} {index}: {ends}")
        if contradictions:
            given = number_of(len(contradictions), "given trial")
            self.observer.note(f"{given} ended otherwise here, which counts; {contradictions[0]}")

    def adopt_known(
        self, wanted: Sequence[KnownTrial], done: Mapping[str, dict[int, Outcome]]
    ) -> int:
        """Record the given ones of these trials, and return how many; one that was run at another
        point is left out, and run here.
        """
        adopted = 0
        for known in wanted:
            result = self.given_by_index.get((known.study.identity, known.index))
            if result is None or known.index in done[known.study.identity]:
                continue
            if dict(result.trial.hyperparameters) == dict(known.point):
                self.take_over(known.study, result, done)
                adopted += 1
        return adopted

    def take_over(
        self, study: Study, result: Result, done: Mapping[str, dict[int, Outcome]]
    ) -> None:
        """Record one of the given trials."""
        index, opened = result.trial.index, self.opened[study.identity]
        number, chosen = opened.ask(index, result.trial.hyperparameters, study.variant.space)
        # given trials that were read from MLflow name the folder of their model; those of a table
        # have none
        trial = study.trial(index, chosen)
        if equal.keeps_model(trial, result.trial):
            trial = replace(trial, folder=result.trial.folder)
        own = study.trial(index, chosen, self.runs)
        own.checkpoint.unlink(missing_ok=True)  # it may have waited here
        if not trial.folder and longer.bring(own, result.trial):
            trial = own
        opened.tell(number, trial, result.outcome)
        done[study.identity][index] = opened.end(result.outcome)

    # -- trials of other studies that are these to the bit

    def take_equal(self, done: Mapping[str, dict[int, Outcome]]) -> None:
        """Record trials of earlier editions, and of the experiments that share theirs, which are
        this experiment's to the bit.
        """
        for name in (self.experiment.name, *self.shared):
            editions = self.store.editions(name)
            for study in self.searches:
                self.take_equal_of(study, name, editions, done)
            if name != self.experiment.name:
                self.give_known(name, editions)

    def take_equal_of(
        self,
        study: Study,
        name: str,
        editions: Editions,
        done: Mapping[str, dict[int, Outcome]],
    ) -> None:
        """Record those trials of one experiment that are this study's, where it lacks any."""
        candidates = list(self.with_equals(study, editions, done[study.identity]))
        taken = 0
        for edition in candidates:
            ended = self.store.ended(edition)
            own = [result for result in ended if self.is_own(study, result)]
            new = [result for result in own if result.trial.index not in done[study.identity]]
            for result in new:
                self.take_over(study, result, done)
            if new:
                provenances = editions[edition][0].get(PROVENANCE, [])
                self.opened[study.identity].add_provenance(provenances)
            taken += len(new)
        if taken:
            whose = f"'{name}'" if name != self.experiment.name else "an earlier version"
            count = number_of(taken, "trial")
            so = "is the same here, and counts" if taken == 1 else "are the same here, and count"
            self.observer.note(f"{study.label}: {count} of {whose} {so}")

    def with_equals(
        self, study: Study, editions: Editions, done: Mapping[int, Outcome]
    ) -> Iterator[str]:
        """Other studies that may have trials of this one, where it lacks any."""
        if not equal.has_equals(study) or len(done) >= status.planned(study, self.trials):
            return
        for name, (attributes, ended) in editions.items():
            key, parts = StudyKey.parse(name), attributes.get("parts", {})
            if ended and name != study.identity and equal.may_have(study, key, parts):
                yield name

    def is_own(self, study: Study, result: Result) -> bool:
        """Whether a result is that of the study's trial of its index."""
        index = result.trial.index
        is_planned = self.holds(study, index) and index < self.trials
        return is_planned and equal.is_own(study, result)

    def give_known(self, name: str, editions: Editions) -> None:
        """Let replicates and second stages have those of an experiment that shares its trials."""
        later = {study.key.rest: study.identity for study in self.later}
        for edition in editions:
            identity = later.get(StudyKey.parse(edition).rest)
            if identity is not None:
                given = {
                    (identity, result.trial.index): result for result in self.store.ended(edition)
                }
                self.given_by_index = {**given, **self.given_by_index}
                self.provenances[identity] = editions[edition][0].get(PROVENANCE, [])

    def look_for_beginnings(self, done: Mapping[str, Mapping[int, Outcome]]) -> None:
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
        for study, index in self.missing(done):
            left.setdefault(study.identity, []).append(index)
        for study in self.searches:
            words = self.longer.ahead(study, left.get(study.identity, ()), self.store).words()
            if words:
                self.observer.note(f"{study.label}: {words}")

    def tell_what_was_not_kept(self) -> None:
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

    # -- the search, from rung to rung

    def search(
        self, done: Mapping[str, Mapping[int, Outcome]], interrupted: Callable[[], bool]
    ) -> None:
        """Run the trials of the search; on rungs, those that are not among the best end there."""
        rungs = self.experiment.search.rungs
        for rung, epoch in enumerate(rungs.epochs if rungs else ()):
            self.until = epoch
            self.loop(self.supply_of(self.with_waiting(done, epoch)), interrupted)
            self.steering.left_behind.update(self.told.stopped)
            done = self.end_at(rung)
        self.until = 0
        self.loop(self.supply_of(done), interrupted)

    def with_waiting(
        self, done: Mapping[str, Mapping[int, Outcome]], epoch: int
    ) -> dict[str, dict[int, Outcome]]:
        """Outcomes by study and index, those of trials that wait at a rung or later among them."""
        return {
            study.identity: {**self.waiting(study, epoch), **done[study.identity]}
            for study in self.searches
        }

    def waiting(self, study: Study, epoch: int) -> dict[int, Outcome]:
        """How trials waited that came so far, by index."""
        waited = self.opened[study.identity].waited()
        last = {index: results[-1].outcome for index, results in waited.items()}
        return {index: outcome for index, outcome in last.items() if len(outcome.curve) >= epoch}

    def end_at(self, rung: int) -> dict[str, dict[int, Outcome]]:
        """End the trials that wait at a rung and do not go on.

        Returns:
            Outcomes that are final, by identity of the study and index.
        """
        rungs = self.experiment.search.rungs
        assert rungs is not None
        ended: dict[str, dict[int, Outcome]] = {}
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
                self.finish(_Running(study, number, result.trial), result.outcome)
                done[index] = result.outcome
        if shares:
            best = listed([f"{count} of {trials}" for count, trials in sorted(set(shares))])
            self.observer.note(
                f"after {number_of(rungs.epochs[rung], 'epoch')}, the best {best} trials of each"
                " search go on"
            )
        return ended

    # -- the loop

    def missing(
        self, done: Mapping[str, Mapping[int, Outcome]], trials: int | None = None
    ) -> Iterator[tuple[Study, int]]:
        """The trials of the part that have not ended, of the first `trials` of each search; by
        default of those that are planned.
        """
        for study, index in in_turn(self.searches, self.trials if trials is None else trials):
            if self.holds(study, index) and index not in done[study.identity]:
                yield study, index

    def supply_of(self, done: Mapping[str, Mapping[int, Outcome]]) -> Supply:
        """The trials of the search that have not ended; how many are planned may change."""
        return Supply(self.missing(done, sys.maxsize), is_search=True)

    def loop(self, supply: Supply, interrupted: Callable[[], bool]) -> None:
        """Run these trials, and those that are tried again, as many at once as may run."""
        self.supply = supply
        while self.has_more():
            if interrupted():
                self.save_running()
                raise KeyboardInterrupt
            if self.is_over():
                self.await_saved(interrupted)
                return
            self.steering.look()
            while self.has_room() and (planned := self.next_planned()) is not None:
                self.submit(*planned)
            if self.has_more():  # that runs, or has no room yet
                self.handle_next()

    def has_more(self) -> bool:
        """Whether a loop goes on; one that is paused does, for it may be told of more trials."""
        if self.running or self.retries or self.told.paused is not None:
            return True
        return self.supply.peek(self.told) is not None

    def has_room(self) -> bool:
        """Whether a trial may begin."""
        return self.told.paused is None and len(self.running) < self.at_once()

    def at_once(self) -> int:
        """How many trials may run at once."""
        return min(self.launcher.capacity(), self.told.workers or sys.maxsize)

    def next_planned(self) -> tuple[Study, int] | None:
        """The trial that begins next, those that are tried again first."""
        while self.retries:
            study, index = self.retries.popleft()
            if study.variant.label not in self.told.stopped:
                return study, index
            self.supply.put_back((study, index))
        return self.supply.next(self.told)

    def is_over(self) -> bool:
        """Whether the sweep's time is over."""
        return time.monotonic() >= self.ends_at

    def await_saved(self, interrupted: Callable[[], bool]) -> None:
        """Let trials that run end, or save their state of training after their epoch.

        Raises:
            _Over: something is left to be run.
            KeyboardInterrupt: the end was asked for meanwhile.
        """
        while self.running:
            if interrupted():
                self.save_running()
                raise KeyboardInterrupt
            self.steering.look()
            self.handle_next(saving=True)
        if self.saved_trials or self.retries or self.supply.peek(self.told) is not None:
            raise _Over

    def save_running(self) -> None:
        """Let trials that run save their state of training after their epoch, where there is time
        for it; those that are in their first have nothing to save.
        """
        end = time.monotonic() + (self.grace if self.leaves_time() else 0.0)
        while time.monotonic() < end and any(running.heard for running in self.running.values()):
            self.handle_next(saving=True)

    def handle_next(self, saving: bool = False) -> None:
        """Handle what happens next to a trial, if anything happens soon."""
        event = self.launcher.wait(POLL)
        if event is not None:
            self.handle(event, saving)

    def submit(self, study: Study, index: int) -> None:
        """Start a trial; one whose point the grid lacks is passed over."""
        for check in self.still_alone:
            check()
        # None: not ours, Optuna chooses; or the grid is used up before the budget
        point = self.point_for(study, index)
        if point is None and not self.optuna_chooses(study):
            return
        # what a known point gives is in `point` where that is drawn here
        known = self.experiment.search.known(index) if point is None else {}
        opened = self.opened[study.identity]
        number, chosen = opened.ask(index, point, study.variant.space, known)
        trial = replace(study.trial(index, chosen, self.runs), until=self.until)
        trial = self.longer.begun(study, trial)
        ticket = self.launcher.submit(trial)
        self.running[ticket] = _Running(study, number, trial)
        self.observer.started(study, trial)

    def point_for(self, study: Study, index: int) -> Mapping[str, Value] | None:
        """The point of an index: of a replicate, a pilot or a round, or of a sampler of ours.

        None where Optuna's sampler chooses it, and where the grid is used up.
        """
        if self.optuna_chooses(study):
            return None
        if study.points_are_known:
            return self.known_points[study.identity][index]
        return study.point(index)

    def optuna_chooses(self, study: Study) -> bool:
        """Whether a sampler of Optuna's chooses a study's points; those of replicates, pilots and
        rounds are known.
        """
        return not study.points_are_known and not points.ours(self.experiment.search.sampler.name)

    def saves(self, study: Study) -> bool:
        """Whether a trial of a study that is cut off goes on where it was; one of a sampler of
        Optuna's would begin anew, at another point.
        """
        return not self.optuna_chooses(study)

    def handle(self, event: Event, saving: bool = False) -> None:
        """Something happened to a trial: progress is answered, an outcome is told and recorded.

        Args:
            saving: a trial that tells of an epoch is to save its state of training, and end.
        """
        running = self.running[event.ticket]
        is_stopped = running.study.variant.label in self.told.stopped
        if isinstance(event.news, Progress):
            saving = saving or (is_stopped and self.saves(running.study))
            self.answer(event.ticket, event.news, saving)
            return
        del self.running[event.ticket]
        if running.told and event.news.kind is Kind.PRUNED:
            self.finish(running, self.saved(running, event.news))
            if is_stopped:
                self.supply.put_back((running.study, running.trial.index))
            return
        outcome = self.unless_edited(running.study, event.news)
        self.finish(running, outcome)
        if outcome.kind is Kind.INTERRUPTED and not outcome.retried:
            # its cause (changed data, a full disk, no process) would end all others too; a
            # StoreError blames the machine
            raise StoreError(outcome.message)

    def answer(self, ticket: int, progress: Progress, saving: bool) -> None:
        """Answer a trial that has told of an epoch: it goes on, or stops."""
        running = self.running[ticket]
        opened = self.opened[running.study.identity]
        go_on = opened.report(running.number, progress.step, progress.value)
        running.heard = True
        # after its last epoch it ends anyway; of a pruner's end it needs no state
        running.told = saving and go_on and progress.step < progress.of
        self.launcher.answer(ticket, go_on and not running.told)
        self.observer.progress(running.study, running.trial, progress)

    def saved(self, running: _Running, outcome: Outcome) -> Outcome:
        """The outcome of a trial that was told to save its state of training: it goes on from there
        when it runs again.
        """
        self.saved_trials += 1
        message = f"saved after epoch {len(outcome.curve)}"
        self.observer.note(f"{running.study.label} {running.trial.index}: {message}")
        return replace(outcome, kind=Kind.INTERRUPTED, ending=Ending.UNKNOWN, message=message)

    def finish(self, running: _Running, outcome: Outcome) -> None:
        """Tell the storage, the tracker and the observer how a trial ended, or queue it once more.

        The storage first: what the tracker misses is brought level from it.
        """
        identity, index = running.study.identity, running.trial.index
        if outcome.retried:  # the launcher lost it with a machine, which is no attempt of its own
            self.retries.append((running.study, index))
        elif self.attempts[identity][index] < self.experiment.resources.retry.get(outcome.kind, 0):
            outcome = replace(outcome, retried=True)
            self.attempts[identity][index] += 1
            self.retries.append((running.study, index))
        # it is the same, whether it waited or not
        trial = replace(running.trial, until=0, keeps_state=False)
        if outcome.final:  # before the storage knows of the end: no kill leaves the file behind
            trial.checkpoint.unlink(missing_ok=True)
        self.opened[identity].tell(running.number, trial, outcome)
        if outcome.final:
            self.longer.ended(running.study, running.trial, outcome)
            self.tracker.record(Result(trial, outcome, identity), _files(trial))
            self.warn(running, outcome)
        self.observer.ended(running.study, trial, outcome)

    def unless_edited(self, study: Study, outcome: Outcome) -> Outcome:
        """The outcome of a trial; where code that it runs was edited since the sweep began, that is
        the cause, and no variant is to blame.
        """
        if outcome.kind not in (Kind.FAILED, Kind.INTERRUPTED):
            return outcome
        files = sorted(self.edited_since(study))
        cause = edited.cause(files, AGAIN) if files else edited.said(self.package)
        return Outcome(Kind.INTERRUPTED, message=cause) if cause else outcome

    def edited_since(self, study: Study) -> Iterator[str]:
        """Files of a study's operations, loss and metric that are not as the sweep found them."""
        for (kind, name), digest in self.own_code(study).items():
            try:
                if plugins.digest(kind, name) != digest:
                    yield plugins.file(kind, name)
            except UsageError:  # it is gone, or cannot be imported any more
                yield str(plugins.folder(kind) / f"{name}.py")

    def warn(self, running: _Running, outcome: Outcome) -> None:
        """Say it early when a variant goes wrong from the start."""
        ended_kinds = self.ended_kinds[running.study.identity]
        ended_kinds[outcome.kind] += 1
        if (
            ended_kinds.total() == EARLY
            and not ended_kinds[Kind.COMPLETE]
            and not ended_kinds[Kind.PRUNED]
        ):
            kinds = listed(sorted(kind.words for kind in ended_kinds))
            reason = f": {outcome.message}" if outcome.message else ""
            self.observer.note(
                f"{running.study.label}: its first {EARLY} trials all ended as {kinds}{reason}"
            )

    def stop(self) -> None:
        """End what still runs, and say so in the storage; its index runs again next time."""
        self.launcher.close()
        for ticket in list(self.running):
            self.finish(
                self.running.pop(ticket), Outcome(Kind.INTERRUPTED, message="the sweep was stopped")
            )

    # -- what the rest of a sweep asks of the loop

    def search_for_known_points(self) -> Search:
        """A search that asks for trials at known points; 'random' only selects the sampler that
        returns known points.
        """
        return replace(self.experiment.search, sampler=Named("random"), pruner=None)

    def await_going_on(self, interrupted: Callable[[], bool]) -> None:
        """Wait while the sweep is paused.

        Raises:
            _Over: the sweep's time is over.
            KeyboardInterrupt: the end was asked for.
        """
        while True:
            self.steering.look()
            if self.is_over():
                raise _Over
            if interrupted():
                raise KeyboardInterrupt
            if self.told.paused is None:
                return
            self.handle_next()


def level(
    results: Sequence[Result],
    tracker: Tracker,
    experiment: str,
    report: Callable[[int, int], None] = lambda done, of: None,
) -> int:
    """Write to a tracker what it lacks; returns how many trials that were.

    Args:
        report: told before each of them how many are done, of how many.
    """
    recorded = tracker.recorded(experiment)
    late = [
        result
        for result in results
        if recorded.get((result.study, result.trial.index)) is not result.outcome.kind
    ]
    for done, result in enumerate(late):
        report(done, len(late))
        tracker.record(result, _files(result.trial))
    return len(late)


def _trained_otherwise(study: Study, before: Mapping[str, Any]) -> Iterator[str]:
    """That the trials of an earlier edition of a study train otherwise together."""
    now = Lanes.of(study.experiment.training)
    (earlier,) = in_marks([before[LANES]]) if LANES in before else [ALONE]
    if now != earlier:
        yield f"before {earlier.words}, now {now.words}"


def _ended_as(outcome: Outcome) -> str:
    """The score that selects, or how else a trial ended."""
    return " ".join(f"{split} {score}" for split, score in outcome.scores.items()) or str(
        outcome.kind
    )


def _set_aside(counts: Sequence[int]) -> str:
    """The trials of earlier editions, with the verb, by the count of each edition."""
    if len(counts) == 1:
        return f"{number_of(counts[0], 'trial')} run before {'is' if counts[0] == 1 else 'are'}"
    # one may have taken over the trials of another, so that a sum would count these twice
    return f"the trials of {len(counts)} earlier versions, at most {max(counts)} of each, are"


def _files(trial: Trial) -> list[Path]:
    return [trial.log] if trial.folder and trial.log.is_file() else []
