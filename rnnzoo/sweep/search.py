"""Optuna's storage: the truth about what was run.

In: studies, outcomes.  Out: hyper-parameters to try, and everything that was ever recorded.  One
Optuna study for each (variant, task) and edition of the spec; never the cell as a categorical.  A
trial's `Trial` and `Outcome` are kept with it, packed, so that a report can be made from here
alone.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from types import MappingProxyType
from typing import Any

from rnnzoo.spec import points
from rnnzoo.spec.experiment import Dimension, Search, Space
from rnnzoo.spec.hyperparameters import Value
from rnnzoo.spec.timing import Timing
from rnnzoo.spec.trial import Kind, Outcome, Result, StudyKey, Trial
from rnnzoo.sweep import database, queries, samplers
from rnnzoo.sweep._retry import RetryPolicy, retried
from rnnzoo.sweep.begun import LANES
from rnnzoo.sweep.lock import ServerLock, in_turn
from rnnzoo.sweep.parts import WHOLE, Part
from rnnzoo.sweep.plan import FORM
from rnnzoo.sweep.queries import Row
from rnnzoo.sweep.samplers import quiet

# user attributes of an Optuna study
PROVENANCE = "provenance"  # where and with what its trials were run
# numbers of trials that no longer count; stored under the option that begins them again, `--again`
_VOID = "again"
_TIMINGS = "timings"  # speed beside other variants, which no trial depends on
# when a sweep was told to stop its variant, by the sweep's part; a later sweep goes on with it
_STOPPED = "stopped"
_NOTHING: Mapping[str, Any] = MappingProxyType({})
# of a study, by identity: attributes, and how many trials ended
Editions = Mapping[str, tuple[Mapping[str, Any], int]]


@dataclass(frozen=True, slots=True)
class Record:
    """What the storage holds of an experiment, all editions.

    Attributes:
        results: of trials that have ended and will not run again, by study and index; of two of one
            index, which only two sweeps at once could leave, the first.
        running, interrupted: how many trials are under way or were cut off, by study.
        waiting: likewise, those that wait at a rung.
    """

    results: Sequence[Result]
    running: Mapping[str, int]
    interrupted: Mapping[str, int]
    waiting: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Recording:
    """A `Record` that is made of one trial after the other.

    Attributes:
        waited: trials that have waited, by study and index; some have gone on since.
    """

    results: dict[tuple[str, int], Result] = field(default_factory=dict)
    running: Counter[str] = field(default_factory=Counter)
    interrupted: Counter[str] = field(default_factory=Counter)
    waited: set[tuple[str, int]] = field(default_factory=set)

    def add(self, study: str, state: str, result: Result | None, ended: float) -> None:
        """
        Args:
            state: Optuna's name of it.
            ended: as `Result` has it.
        """
        if state in queries.UNDER_WAY:
            self.running[study] += 1
        elif result is not None and result.outcome.final:
            self.results.setdefault((study, result.trial.index), replace(result, ended=ended))
        elif result is not None and result.outcome.waits:
            self.waited.add((study, result.trial.index))
        else:
            # without a result it was left running by a sweep that was killed, and reclaimed by the
            # next
            self.interrupted[study] += 1

    def record(self) -> Record:
        # by trial: with several workers, the order in which trials end differs from run to run
        ordered = sorted(
            self.results.values(),
            key=lambda result: (result.trial.task, result.trial.variant, result.trial.index),
        )
        waiting = Counter(study for study, _ in self.waited - self.results.keys())
        return Record(ordered, self.running, self.interrupted, waiting)


class Store:
    """Optuna's storage.

    Args:
        url: `sqlite:///path` or any other database of SQLAlchemy's.

    Raises:
        StoreError: it cannot be reached, or was written by another version.
    """

    def __init__(self, url: str) -> None:
        self.url, self.retries = url, RetryPolicy(url)
        with quiet():
            self.storage = database.opened(url)

    @retried
    def study(self, identity: str, attributes: Mapping[str, object], search: Search) -> StudyStore:
        """The study of that identity, made where there is none."""
        import optuna

        with quiet():
            study = optuna.create_study(
                storage=self.storage,
                study_name=identity,
                direction="minimize",
                pruner=samplers.pruner(search.pruner),
                load_if_exists=True,
            )
            known = study.user_attrs
            for name, value in attributes.items():
                if known.get(name) != value:
                    study.set_user_attr(name, value)
            begun = 0
            if not points.ours(search.sampler.name):  # our own points do not depend on it
                begun = len(study.get_trials(deepcopy=False))
            study.sampler = samplers.for_study(search, identity, begun)
        return StudyStore(
            study,
            self.storage,
            self.storage.get_study_id_from_name(identity),
            str(attributes["on"]),
            self.retries,
            prunes=search.pruner is not None,
            direct=points.ours(search.sampler.name) and search.pruner is None,
        )

    @retried
    def editions(self, experiment: str) -> Editions:
        """All studies of an experiment, in the order in which they were made, with their attributes
        and how many of their trials have ended.

        By queries of our own, three for all studies: Optuna asks the database several times for
        each of them, and makes objects of every trial.
        """
        with self.storage.engine.connect() as connection:
            names = queries.names_of(connection, experiment)
            if not names:
                return {}
            studies = ", ".join(map(str, names))
            attributes: dict[int, dict[str, Any]] = {study_id: {} for study_id in names}
            rows = connection.exec_driver_sql(queries.ALL_ATTRIBUTES.format(studies=studies))
            for study_id, key, value in rows:
                attributes[study_id][key] = json.loads(value)
            counts = queries.ENDED.format(studies=studies)
            ended = dict(map(tuple, connection.exec_driver_sql(counts)))
        return {
            name: (attributes[study_id], ended.get(study_id, 0)) for study_id, name in names.items()
        }

    @retried
    def inherit(self, study: StudyStore, earlier: str, same: Callable[[Trial], bool]) -> int:
        """Copy trials of an earlier edition to a study that never had one of their index; returns
        how many.

        Args:
            same: whether a trial of the earlier edition is the study's.
        """
        with quiet():
            before = self._load(earlier)
            known = study.had()
            numbers = {
                row.number
                for row, result in self._ended(earlier)
                if result.trial.index not in known and same(result.trial)
            }
            every = before.get_trials(deepcopy=False) if numbers else []
            copied = [trial for trial in every if trial.number in numbers]
            if copied:  # before the trials: no kill leaves these without it
                study.add_provenance(before.user_attrs.get(PROVENANCE, []))
            study.study.add_trials(copied)
        return len(copied)

    @retried
    def forms(self, experiment: str) -> dict[str, str]:
        """The form of each stored study of an experiment, by identity."""
        with self.storage.engine.connect() as connection:
            stored = queries.attributes(connection, FORM)
        return {name: form for name, form in stored.items() if queries.is_of(name, experiment)}

    @retried
    def marks(self, experiment: str) -> set[str]:
        """Identities and forms of all studies of an experiment, in whatever edition, and in what
        populations they were trained.
        """
        with self.storage.engine.connect() as connection:
            own = set(queries.names_of(connection, experiment).values())
            forms = queries.attributes(connection, FORM)
            lanes = queries.attributes(connection, LANES)
        stored = (*forms.items(), *lanes.items())
        return own | {mark for name, mark in stored if name in own}

    @retried
    def files(self, experiment: str) -> set[str]:
        """Spec files that were swept under this experiment's name."""
        with self.storage.engine.connect() as connection:
            stored = queries.attributes(connection, "file")
        own = {str(file) for name, file in stored.items() if queries.is_of(name, experiment)}
        return own - {""}

    @retried
    def ended(self, identity: str) -> list[Result]:
        """The trials of one study that have ended for good, by index."""
        ended = [result for _, result in self._ended(identity)]
        ended.sort(key=lambda result: result.trial.index)
        return [replace(result, study=identity) for result in ended]

    def _ended(self, identity: str) -> Iterator[tuple[Row, Result]]:
        study_id = self.storage.get_study_id_from_name(identity)
        void = self.storage.get_study_user_attrs(study_id).get(_VOID, ())
        return queries.ended(queries.rows(self.storage, study_id), void)

    @retried
    def named_before(self, file: str, name: str) -> list[str]:
        """Names other than the present one under which a spec file was swept."""
        with self.storage.engine.connect() as connection:
            stored = queries.attributes(connection, "file")
        keys = [StudyKey.find(study) for study, swept in stored.items() if swept == file]
        names = dict.fromkeys(key.experiment for key in keys if key is not None)
        return [other for other in names if other != name]

    @retried
    def experiments(self) -> list[str]:
        """Names of all experiments that have studies here, in the order in which they were made."""
        keys = map(StudyKey.find, self._names())
        return list(dict.fromkeys(key.experiment for key in keys if key is not None))

    @retried
    def namesakes(self, identity: str) -> list[str]:
        """Studies of other experiments with the same variant, task and hash: older versions gave
        them one folder.
        """
        rest = StudyKey.parse(identity).rest
        keys = [key for name in self._names() if (key := StudyKey.find(name)) is not None]
        return [str(key) for key in keys if key.rest == rest and str(key) != identity]

    def results(self, experiment: str) -> Sequence[Result]:
        """Everything that has ended for an experiment, all editions, by study and index."""
        return self.record(experiment).results

    @retried
    def record(self, experiment: str) -> Record:
        """All that is known of an experiment's trials, read at once.

        By a query of our own: Optuna would make objects of every hyper-parameter of every trial,
        which nobody asks for here, and take five times as long.
        """
        recording = _Recording()
        with self.storage.engine.connect() as connection:
            names = queries.names_of(connection, experiment)
            if not names:
                return Record((), {}, {})
            # what `forget` has made void
            forgotten = queries.attributes(connection, _VOID)
            void = {name: set(numbers) for name, numbers in forgotten.items()}
            rows = connection.exec_driver_sql(
                queries.TRIALS.format(studies=", ".join(map(str, names)))
            )
            for study_id, number, state, ended, content in rows:
                if number in void.get(names[study_id], ()):
                    continue
                packed = json.loads(content) if content else None
                result = queries.result_of(packed, names[study_id])
                recording.add(names[study_id], state, result, queries.seconds_of(ended))
        return recording.record()

    @retried
    def provenance(self, identities: Collection[str]) -> list[dict[str, str]]:
        """Where and with what the trials of these studies were run, each different set once."""
        setups: list[dict[str, str]] = []
        with self.storage.engine.connect() as connection:
            stored = queries.attributes(connection, PROVENANCE)
        for name, recorded in stored.items():
            if name in identities:
                setups += [setup for setup in recorded if setup not in setups]
        return setups

    @retried
    def timings(self, identities: Collection[str]) -> list[Timing]:
        """How fast variants trained side by side, of these studies."""
        with self.storage.engine.connect() as connection:
            stored = queries.attributes(connection, _TIMINGS)
        of_these = (recorded for name, recorded in stored.items() if name in identities)
        timings = [*map(Timing.from_dict, chain.from_iterable(of_these))]
        return [timing for timing in timings if timing.b in identities]

    @retried
    def stopped(self, identities: Collection[str]) -> dict[str, str]:
        """When a sweep was told to stop the variants of these studies, as ISO 8601, by identity; of
        several parts the last.  Those are left out with which a later sweep has gone on.
        """
        with self.storage.engine.connect() as connection:
            stored = queries.attributes(connection, _STOPPED)
        return {
            name: max(by_part.values(), key=datetime.fromisoformat)
            for name, by_part in stored.items()
            if name in identities and by_part
        }

    @retried
    def running(self) -> dict[str, int]:
        """How many trials are said to be running, by experiment."""
        running: Counter[str] = Counter()
        with self.storage.engine.connect() as connection:
            for name, count in connection.exec_driver_sql(queries.RUNNING):
                key = StudyKey.find(name)
                running[key.experiment if key else name] += count
        return running

    @property
    def lets_parts_run_at_once(self) -> bool:
        """Whether sweeps of parts may share it: it keeps those with a common trial apart."""
        return self.url.startswith("postgresql")

    @contextmanager
    def in_turn(self, experiment: str) -> Iterator[None]:
        """Keep other sweeps waiting while the block runs, where several may run at once."""
        if not self.lets_parts_run_at_once:
            yield
            return
        with in_turn(self.storage.engine, experiment):
            yield

    @contextmanager
    def alone(
        self, experiment: str, part: Part = WHOLE, variants: Sequence[str] = ()
    ) -> Iterator[Callable[[], None]]:
        """Keep sweeps of other machines away while the block runs, where the storage is a server
        that can.

        Args:
            part: other parts, which have no trial of it, are not kept away.
            variants: labels of the variants of the part.

        Yields a function to call now and then: it checks that they are kept away still, and raises
        where one has begun.

        Raises:
            StoreError: another sweep of the experiment, or of a trial of the part, is running.
        """
        lock = self._lock(experiment, part, variants)
        if lock is None:
            yield lambda: None
            return
        try:
            self.retries.call(lock.hold)
            yield lambda: self.retries.call(lock.hold)
        finally:
            lock.release()

    @retried
    def holders(self, experiment: str) -> list[str]:
        """Who sweeps an experiment in this storage, on whatever machine, as far as that is known;
        several where parts run at once.
        """
        lock = self._lock(experiment)
        return lock.holders() if lock else []

    def _lock(
        self, experiment: str, part: Part = WHOLE, variants: Sequence[str] = ()
    ) -> ServerLock | None:
        if self.lets_parts_run_at_once:
            return ServerLock(self.storage.engine, experiment, part, variants)
        return None

    def _names(self) -> list[str]:
        import optuna

        return list(optuna.get_all_study_names(self.storage))

    def _load(self, identity: str) -> Any:
        import optuna

        return optuna.load_study(study_name=identity, storage=self.storage)


@dataclass(slots=True)
class StudyStore:
    """One study: what the sweep asks and tells.

    Optuna's study keeps every trial that it has read in memory, which samplers and pruners that
    learn from trials need.  Where none does (`direct`), trials go to the storage beside it, in one
    transaction each, and nothing is kept of them.

    Attributes:
        on: the split whose score is the study's value.
        asked: trials that run, by number: Optuna's object, or where they are direct its id.
        asking: an `ask` began and did not end.
    """

    study: Any
    storage: Any
    study_id: int
    on: str
    retries: RetryPolicy
    prunes: bool
    direct: bool
    asked: dict[int, Any] = field(default_factory=dict)
    asking: bool = False
    alone: bool = True  # no other sweep has trials of the study that run

    @retried
    def ask(
        self,
        index: int,
        point: Mapping[str, Value] | None,
        space: Space,
        known: Mapping[str, Value] = MappingProxyType({}),
    ) -> tuple[int, dict[str, Value]]:
        """Begin a trial: its number, and its hyper-parameters, the fixed ones included.

        Args:
            point: known beforehand: from a sampler of ours, of a replicate, a pilot or a round, or
                of a trial taken over; None lets Optuna's sampler choose.
            known: what it does not choose then, as the experiment has a known point for the index.
        """
        with quiet():
            if self.asking and self.alone:  # else the next whole sweep does so
                self._end_unknown()
            self.asking = True
            if self.direct and point is not None:
                number, chosen = self._begin(index, point, space)
                self.asking = False
                return number, chosen
            if point is not None:  # Optuna has no way to hand it over: `samplers._known_points`
                self.study.sampler.point = point
            with samplers.holding(self.study, known):
                trial = self.study.ask()
                trial.set_user_attr(queries.INDEX, index)
                chosen = dict(space.fixed)
                for dimension in space.dimensions:
                    if dimension.active(chosen):
                        chosen[dimension.name] = _suggest(trial, dimension)
        self.asked[trial.number], self.asking = trial, False
        return trial.number, chosen

    def _begin(
        self, index: int, point: Mapping[str, Value], space: Space
    ) -> tuple[int, dict[str, Value]]:
        """Begin a trial at a known point, all of it in one transaction."""
        chosen, distributions = dict(space.fixed), {}
        for dimension in space.dimensions:
            if dimension.active(chosen):
                distribution = _distribution(dimension)
                distributions[dimension.name] = distribution
                kept = distribution.to_internal_repr(point[dimension.name])
                chosen[dimension.name] = distribution.to_external_repr(kept)
        params = {name: chosen[name] for name in distributions}
        begun = _running(params, distributions, index)
        # Where the storage is away, this raises at once; creating a trial is tried for up to half a
        # minute by Optuna, and nobody is told meanwhile.
        self.storage.get_study_name_from_id(self.study_id)
        trial_id = self.storage.create_new_trial(self.study_id, template_trial=begun)
        number = self.storage.get_trial_number_from_id(trial_id)
        self.asked[number] = trial_id
        return number, chosen

    def _end_unknown(self) -> None:
        """End what an `ask` that was cut off may have begun."""
        # all rows first, as in `reclaim`
        for row in list(queries.rows(self.storage, self.study_id)):
            if row.state == queries.UNDER_WAY[0] and row.number not in self.asked:
                self._end(row.number, row.trial_id, None)

    @retried
    def report(self, number: int, step: int, value: float) -> bool:
        """A value on the way; False to stop the trial."""
        if not self.prunes:
            return True  # nobody would read it, and a write costs more than an epoch
        trial = self.asked[number]
        with quiet():
            trial.report(value, step)
            return not trial.should_prune()

    @retried
    def tell(self, number: int, trial: Trial, outcome: Outcome) -> None:
        """End a trial.  The result is written first: killed in between, `reclaim` ends the trial
        with it.
        """
        from optuna.exceptions import UpdateFinishedTrialError

        # all was written before a server could not say so
        with quiet(), suppress(UpdateFinishedTrialError):
            packed = Result(trial, outcome, self.study.study_name).pack()
            begun = self.asked[number]
            if isinstance(begun, int):
                self.storage.set_trial_user_attr(begun, queries.RESULT, packed)
                self._end(number, begun, outcome)
            else:
                begun.set_user_attr(queries.RESULT, packed)
                self._end(number, None, outcome)
        del self.asked[number]

    def _end(self, number: int, trial_id: int | None, outcome: Outcome | None) -> None:
        """End a trial of Optuna's: with an outcome, or as one that was cut off.

        Args:
            trial_id: where it is known; samplers that learn from trials are told all the same.
        """
        from optuna.trial import TrialState

        state, score = TrialState.FAIL, None
        if outcome is not None and outcome.kind is Kind.COMPLETE:
            state, score = TrialState.COMPLETE, outcome.scores[self.on]
        elif outcome is not None and outcome.kind is Kind.PRUNED:
            state = TrialState.PRUNED
        if self.direct and trial_id is not None:
            values = None if score is None else [score]
            self.storage.set_trial_state_values(trial_id, state, values)
        elif score is not None:
            self.study.tell(number, score)
        else:
            self.study.tell(number, state=state)

    @retried
    def reclaim(self, part: Part = WHOLE) -> int:
        """End the trials of a part that a dead sweep left running; returns how many run again.

        Whose a trial is that has no index yet, only the whole sweep knows.
        """
        count = 0
        with quiet():
            # all rows first: SQLite lets nobody write while somebody reads
            for row in list(queries.rows(self.storage, self.study_id)):
                if row.state not in queries.UNDER_WAY or not self._is_of(row, part):
                    continue
                result = row.result
                self._end(row.number, row.trial_id, result.outcome if result else None)
                count += result is None
        return count

    def _is_of(self, row: Row, part: Part) -> bool:
        """Whether a trial is one of a part."""
        variant = StudyKey.parse(self.study.study_name).variant
        return part.whole or part.holds(variant, row.index)

    @retried
    def attempts(self) -> Counter[int]:
        """How often a trial was begun again, by index; not where it was lost with its machine."""
        results = (row.result for row in queries.rows(self.storage, self.study_id))
        return Counter(
            result.trial.index
            for result in results
            if result is not None
            and result.outcome.retried
            and result.outcome.kind is not Kind.INTERRUPTED
        )

    @retried
    def add_provenance(self, provenance: Sequence[Mapping[str, str]]) -> None:
        """Remember where and with what trials are run, beside what is remembered already."""
        with quiet():
            known = list(self.study.user_attrs.get(PROVENANCE, []))
            new = [dict(entry) for entry in provenance if entry not in known]
            if new:
                self.study.set_user_attr(PROVENANCE, [*known, *new])

    @retried
    def mark_stopped(self, part: Part, when: datetime | None) -> None:
        """Remember when the sweep of a part was told to stop the study's variant.

        Args:
            when: None where it goes on; the whole sweep goes on with all parts.
        """
        with quiet():
            known = self.study.user_attrs.get(_STOPPED, {})
            kept = {name: known[name] for name in known if not part.whole and name != str(part)}
            if when is not None:
                kept[str(part)] = when.isoformat(timespec="seconds")
            if kept != known:
                self.study.set_user_attr(_STOPPED, kept)

    @retried
    def add_timing(self, timing: Timing) -> None:
        """Remember how fast this study's variant trained beside another, in place of what was
        measured of the two before.
        """
        with quiet():
            known = [
                content
                for content in self.study.user_attrs.get(_TIMINGS, [])
                if content["b"] != timing.b
            ]
            self.study.set_user_attr(_TIMINGS, [*known, timing.to_dict()])

    @retried
    def done(self) -> dict[int, Outcome]:
        """Outcomes that are final, by index; the first of each."""
        return {result.trial.index: result.outcome for _, result in self._ended()}

    @retried
    def had(self) -> set[int]:
        """Indices of all trials that have ended for good here, also of those that no longer count:
        what is to begin once more does not come back from elsewhere.
        """
        rows = queries.rows(self.storage, self.study_id)
        return {result.trial.index for _, result in queries.ended(rows, ())}

    def ends(self) -> dict[int, Outcome]:
        """Of outcomes that are final, by index, how they ended and the score that selects: what a
        sweep of many trials can keep in memory.
        """
        return {result.trial.index: self.end(result.outcome) for _, result in self._ended()}

    def end(self, outcome: Outcome) -> Outcome:
        """How a trial ended, and its score on the split that selects."""
        scores = {self.on: outcome.scores[self.on]} if self.on in outcome.scores else _NOTHING
        nothing = _NOTHING  # one empty table for all of them
        return Outcome(
            outcome.kind, scores, weights=nothing, seconds=nothing, by_length=nothing, also=nothing
        )

    def _ended(self) -> Iterator[tuple[Row, Result]]:
        void = self.study.user_attrs.get(_VOID, ())
        return queries.ended(queries.rows(self.storage, self.study_id), void)

    @retried
    def waited(self) -> dict[int, list[Result]]:
        """Trials as they waited at rungs, by index."""
        waited: dict[int, list[Result]] = {}
        void = set(self.study.user_attrs.get(_VOID, ()))
        for row in queries.rows(self.storage, self.study_id):
            result = queries.result_of(row.content, self.study.study_name)
            if result is not None and result.outcome.waits and row.number not in void:
                waited.setdefault(result.trial.index, []).append(result)
        return waited

    @retried
    def ended_so(self, kinds: Collection[Kind], part: Part = WHOLE, first: int = 0) -> list[int]:
        """Optuna's numbers of the trials of a part that ended so.

        Args:
            first: the least index.
        """
        return [
            row.number
            for row, result in self._ended()
            if result.outcome.kind in kinds
            and result.trial.index >= first
            and self._is_of(row, part)
        ]

    @retried
    def forget(self, kinds: Collection[Kind], part: Part = WHOLE, first: int = 0) -> int:
        """Let trials of a part that ended so run again: they stay in the storage and no longer
        count; returns how many.

        Args:
            first: the least index.
        """
        numbers = self.ended_so(kinds, part, first)
        if numbers:
            self.study.set_user_attr(_VOID, [*self.study.user_attrs.get(_VOID, ()), *numbers])
        return len(numbers)


def _distribution(dimension: Dimension) -> Any:
    """Optuna's word for a dimension."""
    from optuna import distributions

    low, high, log, step = dimension.low, points.highest(dimension), dimension.log, dimension.step
    if dimension.kind == "choice":
        return distributions.CategoricalDistribution(dimension.choices)
    if dimension.kind == "int":
        return distributions.IntDistribution(int(low), int(high), log, int(step) or 1)
    return distributions.FloatDistribution(low, high, log, step or None)


def _running(params: Mapping[str, Value], distributions: Mapping[str, Any], index: int) -> Any:
    """A trial of Optuna's that has begun."""
    from optuna.trial import FrozenTrial, TrialState

    return FrozenTrial(
        number=-1,  # the storage gives it one
        trial_id=-1,
        state=TrialState.RUNNING,
        value=None,
        datetime_start=datetime.now(),
        datetime_complete=None,
        params=dict(params),
        distributions=dict(distributions),
        user_attrs={queries.INDEX: index},
        system_attrs={},
        intermediate_values={},
    )


def _suggest(trial: Any, dimension: Dimension) -> Value:
    name, step, high = dimension.name, dimension.step, points.highest(dimension)
    if dimension.kind == "choice":
        value: Value = trial.suggest_categorical(name, dimension.choices)
    elif dimension.kind == "int":
        value = trial.suggest_int(
            name, int(dimension.low), int(high), step=int(step) or 1, log=dimension.log
        )
    else:
        value = trial.suggest_float(name, dimension.low, high, step=step or None, log=dimension.log)
    return value
