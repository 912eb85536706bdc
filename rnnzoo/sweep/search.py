"""Optuna's storage: the truth about what was run.

In: studies, outcomes.  Out: hyper-parameters to try, and everything that was ever recorded.  One
Optuna study for each (variant, task) and edition of the spec; never the cell as a categorical.  A
trial's `Trial` and `Outcome` are kept with it, packed, so that a report can be made from here
alone.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rnnzoo.errors import StoreError, store_error, without_password
from rnnzoo.spec import points
from rnnzoo.spec.atomic import staged
from rnnzoo.spec.experiment import Dimension, Search, Space
from rnnzoo.spec.hyperparameters import Value
from rnnzoo.spec.settings import SQLITE, sqlite_file, sqlite_url
from rnnzoo.spec.timing import Timing
from rnnzoo.spec.trial import Kind, Outcome, Result, StudyKey, Trial
from rnnzoo.sweep import samplers
from rnnzoo.sweep._retry import RetryPolicy, plain, retried
from rnnzoo.sweep.lock import ServerLock, in_turn
from rnnzoo.sweep.parts import WHOLE, Part
from rnnzoo.sweep.plan import FORM
from rnnzoo.sweep.samplers import quiet

_RESULT, _INDEX = "rnnzoo", "index"  # user attributes of an Optuna trial
# user attributes of an Optuna study
PROVENANCE = "provenance"  # where and with what its trials were run
# numbers of trials that no longer count; stored under the option that begins them again, `--again`
_VOID = "again"
_TIMINGS = "timings"  # speed beside other variants, which no trial depends on
_LIBPQ = ("postgresql://", "postgresql+psycopg")
_UNDER_WAY = ("RUNNING", "WAITING")  # Optuna's names of states
_STUDIES = "select study_id, study_name from studies order by study_id"
_ATTRIBUTES = """
    select studies.study_name, kept.value_json from studies
    join study_user_attributes kept on kept.study_id = studies.study_id and kept.key = '{key}'
    order by studies.study_id
"""
_TRIALS = """
    select trials.study_id, trials.number, trials.state, kept.value_json from trials
    left join trial_user_attributes kept on kept.trial_id = trials.trial_id and kept.key = '{key}'
    where trials.study_id in ({studies}) order by trials.trial_id
"""
_ALL_ATTRIBUTES = """
    select study_id, key, value_json from study_user_attributes where study_id in ({studies})
"""
# distinct indices: two sweeps at once could leave two trials of one
_ENDED = """
    select trials.study_id, count(distinct coalesce(own.value_json, '')) from trials
    join trial_user_attributes kept on kept.trial_id = trials.trial_id and kept.key = '{key}'
    left join trial_user_attributes own on own.trial_id = trials.trial_id and own.key = '{index}'
    where trials.study_id in ({studies}) group by trials.study_id
"""
_RUNNING = """
    select studies.study_name, count(*) from trials
    join studies on studies.study_id = trials.study_id
    where trials.state = 'RUNNING' group by studies.study_id, studies.study_name
    order by studies.study_id
"""
LOCKED = 5.0  # seconds that SQLite waits for a lock before it says so


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
            self.storage = _open(url)

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
            study, str(attributes["on"]), self.retries, prunes=search.pruner is not None
        )

    @retried
    def editions(self, experiment: str) -> Editions:
        """All studies of an experiment, in the order in which they were made, with their attributes
        and how many of their trials have ended.

        By queries of our own, three for all studies: Optuna asks the database several times for
        each of them, and makes objects of every trial.
        """
        with self.storage.engine.connect() as connection:
            names = _names_of(connection, experiment)
            if not names:
                return {}
            studies = ", ".join(map(str, names))
            attributes: dict[int, dict[str, Any]] = {study_id: {} for study_id in names}
            rows = connection.exec_driver_sql(_ALL_ATTRIBUTES.format(studies=studies))
            for study_id, key, value in rows:
                attributes[study_id][key] = json.loads(value)
            counts = _ENDED.format(key=_RESULT, index=_INDEX, studies=studies)
            ended = dict(map(tuple, connection.exec_driver_sql(counts)))
        return {
            name: (attributes[study_id], ended.get(study_id, 0)) for study_id, name in names.items()
        }

    @retried
    def inherit(self, study: StudyStore, earlier: str, same: Callable[[Trial], bool]) -> int:
        """Copy trials of an earlier edition to a study that has none of their index; returns how
        many.

        Args:
            same: whether a trial of the earlier edition is the study's.
        """
        with quiet():
            before = self._load(earlier)
            done = study.done()
            copied = [
                trial
                for trial, result in _ended(before)
                if result.trial.index not in done and same(result.trial)
            ]
            study.study.add_trials(copied)
        if copied:
            study.add_provenance(before.user_attrs.get(PROVENANCE, []))
        return len(copied)

    @retried
    def of_forms(self, experiment: str, forms: Mapping[str, str]) -> dict[str, str]:
        """By identity of each stored study whose form is in `forms`, the value there; of one
        experiment.
        """
        with self.storage.engine.connect() as connection:
            stored = _attributes(connection, FORM)
        return {
            name: forms[form]
            for name, form in stored.items()
            if _of(name, experiment) and form in forms
        }

    @retried
    def marks(self, experiment: str) -> set[str]:
        """Identities and forms of all studies of an experiment, in whatever edition."""
        with self.storage.engine.connect() as connection:
            own = set(_names_of(connection, experiment).values())
            forms = _attributes(connection, FORM)
        return own | {form for name, form in forms.items() if name in own}

    @retried
    def files(self, experiment: str) -> set[str]:
        """Spec files that were swept under this experiment's name."""
        with self.storage.engine.connect() as connection:
            stored = _attributes(connection, "file")
        return {str(file) for name, file in stored.items() if _of(name, experiment)} - {""}

    @retried
    def ended(self, identity: str) -> list[Result]:
        """The trials of one study that have ended for good, by index."""
        with quiet():
            ended = [result for _, result in _ended(self._load(identity))]
        ended.sort(key=lambda result: result.trial.index)
        return [replace(result, study=identity) for result in ended]

    @retried
    def named_before(self, file: str, name: str) -> list[str]:
        """Names other than the present one under which a spec file was swept."""
        with self.storage.engine.connect() as connection:
            stored = _attributes(connection, "file")
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
        results: dict[tuple[str, int], Result] = {}
        running: Counter[str] = Counter()
        interrupted: Counter[str] = Counter()
        waited: set[tuple[str, int]] = set()
        with self.storage.engine.connect() as connection:
            names = _names_of(connection, experiment)
            if not names:
                return Record((), running, interrupted)
            # what `forget` has made void
            void = {name: set(numbers) for name, numbers in _attributes(connection, _VOID).items()}
            rows = connection.exec_driver_sql(
                _TRIALS.format(key=_RESULT, studies=", ".join(map(str, names)))
            )
            for study_id, number, state, content in rows:
                if number in void.get(names[study_id], ()):
                    continue
                result = _result(json.loads(content) if content else None, names[study_id])
                if state in _UNDER_WAY:
                    running[names[study_id]] += 1
                elif result is not None and result.outcome.final:
                    results.setdefault((result.study, result.trial.index), result)
                elif result is not None and result.outcome.waits:
                    waited.add((result.study, result.trial.index))
                else:
                    # without a result it was left running by a sweep that was killed, and reclaimed
                    # by the next
                    interrupted[names[study_id]] += 1
        ordered = sorted(
            results.values(),
            key=lambda result: (result.trial.task, result.trial.variant, result.trial.index),
        )
        waiting = Counter(study for study, _ in waited - results.keys())
        return Record(ordered, running, interrupted, waiting)

    @retried
    def provenance(self, identities: Collection[str]) -> list[dict[str, str]]:
        """Where and with what the trials of these studies were run, each different set once."""
        setups: list[dict[str, str]] = []
        with self.storage.engine.connect() as connection:
            stored = _attributes(connection, PROVENANCE)
        for name, recorded in stored.items():
            if name in identities:
                setups += [setup for setup in recorded if setup not in setups]
        return setups

    @retried
    def timings(self, identities: Collection[str]) -> list[Timing]:
        """How fast variants trained side by side, of these studies."""
        with self.storage.engine.connect() as connection:
            stored = _attributes(connection, _TIMINGS)
        timings = [
            Timing.from_dict(content)
            for name, recorded in stored.items()
            if name in identities
            for content in recorded
        ]
        return [timing for timing in timings if timing.b in identities]

    @retried
    def running(self) -> dict[str, int]:
        """How many trials are said to be running, by experiment."""
        running: Counter[str] = Counter()
        with self.storage.engine.connect() as connection:
            for name, count in connection.exec_driver_sql(_RUNNING):
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
    def holder(self, experiment: str) -> str:
        """Who sweeps an experiment in this storage, on whatever machine; empty where nobody is
        known to.
        """
        lock = self._lock(experiment)
        return lock.holder() if lock else ""

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
    """One study: what the sweep asks and tells."""

    study: Any
    on: str  # the split whose score is the study's value
    retries: RetryPolicy
    prunes: bool
    asked: dict[int, Any] = field(default_factory=dict)
    asking: bool = False  # an `ask` began and did not end
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
            if point is not None:  # Optuna has no way to hand it over: `samplers._known_points`
                self.study.sampler.point = point
            with samplers.holding(self.study, known):
                trial = self.study.ask()
                trial.set_user_attr(_INDEX, index)
                chosen = dict(space.fixed)
                for dimension in space.dimensions:
                    if dimension.active(chosen):
                        chosen[dimension.name] = _suggest(trial, dimension)
        self.asked[trial.number], self.asking = trial, False
        return trial.number, chosen

    def _end_unknown(self) -> None:
        """End what an `ask` that was cut off may have begun."""
        from optuna.trial import TrialState

        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if trial.number not in self.asked:
                self.study.tell(trial.number, state=TrialState.FAIL)

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
            self.asked[number].set_user_attr(
                _RESULT, Result(trial, outcome, self.study.study_name).pack()
            )
            self._end(number, outcome)
        del self.asked[number]

    def _end(self, number: int, outcome: Outcome) -> None:
        from optuna.trial import TrialState

        if outcome.kind is Kind.COMPLETE:
            self.study.tell(number, outcome.scores[self.on])
        elif outcome.kind is Kind.PRUNED:
            self.study.tell(number, state=TrialState.PRUNED)
        else:
            self.study.tell(number, state=TrialState.FAIL)

    @retried
    def reclaim(self, part: Part = WHOLE) -> int:
        """End the trials of a part that a dead sweep left running; returns how many run again.

        Whose a trial is that has no index yet, only the whole sweep knows.
        """
        from optuna.trial import TrialState

        count = 0
        with quiet():
            for trial in self.study.get_trials(
                deepcopy=False, states=(TrialState.RUNNING, TrialState.WAITING)
            ):
                if not self._is_of(trial, part):
                    continue
                result = _result(trial.user_attrs.get(_RESULT))
                if result is not None:
                    self._end(trial.number, result.outcome)
                    continue
                self.study.tell(trial.number, state=TrialState.FAIL)
                count += 1
        return count

    def _is_of(self, trial: Any, part: Part) -> bool:
        """Whether a trial of Optuna's is one of a part."""
        variant = StudyKey.parse(self.study.study_name).variant
        return part.whole or part.holds(variant, trial.user_attrs.get(_INDEX, -1))

    @retried
    def attempts(self) -> Counter[int]:
        """How often a trial was begun again, by index; not where it was lost with its machine."""
        results = (
            _result(trial.user_attrs.get(_RESULT))
            for trial in self.study.get_trials(deepcopy=False)
        )
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
        return {result.trial.index: result.outcome for _, result in _ended(self.study)}

    @retried
    def waited(self) -> dict[int, list[Result]]:
        """Trials as they waited at rungs, by index."""
        waited: dict[int, list[Result]] = {}
        void = set(self.study.user_attrs.get(_VOID, ()))
        for trial in self.study.get_trials(deepcopy=False):
            result = _result(trial.user_attrs.get(_RESULT), self.study.study_name)
            if result is not None and result.outcome.waits and trial.number not in void:
                waited.setdefault(result.trial.index, []).append(result)
        return waited

    @retried
    def forget(self, kinds: Collection[Kind], part: Part = WHOLE) -> int:
        """Let trials of a part that ended so run again: they stay in the storage and no longer
        count; returns how many.
        """
        numbers = [
            trial.number
            for trial, result in _ended(self.study)
            if result.outcome.kind in kinds and self._is_of(trial, part)
        ]
        if numbers:
            self.study.set_user_attr(_VOID, [*self.study.user_attrs.get(_VOID, ()), *numbers])
        return len(numbers)


def _ended(study: Any) -> Iterator[tuple[Any, Result]]:
    """Trials that will not run again, as Optuna's and as ours; the first of each index."""
    void, known = set(study.user_attrs.get(_VOID, ())), set()
    for trial in study.get_trials(deepcopy=False):
        result = _result(trial.user_attrs.get(_RESULT))
        if result is None or not result.outcome.final or trial.number in void:
            continue
        if result.trial.index not in known:
            known.add(result.trial.index)
            yield trial, result


def _result(content: Any, study: str = "") -> Result | None:
    """The result that is kept with a trial, if one is."""
    if content is None:
        return None
    if isinstance(content, str):
        return replace(Result.unpack(content), study=study)
    return Result(
        Trial.from_dict(content["trial"]), Outcome.from_dict(content["outcome"]), study
    )  # as it was kept at first


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


def _attributes(connection: Any, key: str) -> dict[str, Any]:
    """An attribute of all studies that have it, by name and in the order in which they were made.

    By a query of our own: Optuna asks the database six times for each study.
    """
    return {
        name: json.loads(value)
        for name, value in connection.exec_driver_sql(_ATTRIBUTES.format(key=key))
    }


def _names_of(connection: Any, experiment: str) -> dict[int, str]:
    """The studies of an experiment, by Optuna's numbers."""
    rows = connection.exec_driver_sql(_STUDIES)
    return {study_id: name for study_id, name in rows if _of(name, experiment)}


def _of(name: str, experiment: str) -> bool:
    """Whether a study of Optuna's is one of an experiment of ours."""
    key = StudyKey.find(name)
    return key is not None and key.experiment == experiment


def _open(url: str) -> Any:
    """The storage at a URL.

    One that is away is not waited for: nothing has begun that could be lost.
    """
    import optuna

    try:
        path = sqlite_file(url) if url.startswith(SQLITE) else None
        if path is not None and not path.exists():
            _make_sqlite(path)
        return optuna.storages.RDBStorage(url, engine_kwargs=_engine(url))
    except RuntimeError as error:
        raise _other_version(url, str(error)) from None
    except Exception as error:
        reason = plain(error) or (str(error) if isinstance(error, OSError | ImportError) else None)
        if reason is None:
            raise
        raise store_error("the storage", url, reason, "storage") from None


def _engine(url: str) -> dict[str, Any]:
    """How to connect: a locked file is waited for by SQLite itself a while, a server is asked
    whether it is still there.
    """
    if url.startswith(SQLITE):
        return {"connect_args": {"timeout": LOCKED}}
    # numbers of libpq's: one that answers no more is noticed within a minute
    patience = {
        "connect_timeout": 10,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
    }
    return {"pool_pre_ping": True, "connect_args": patience if url.startswith(_LIBPQ) else {}}


def _other_version(url: str, message: str) -> StoreError:
    from optuna import __version__

    which, fix = "a later", "make setup, with a later rnnzoo"
    if "storage upgrade" in message:
        which, fix = "an older", "keep a copy of it, then: optuna storage upgrade --storage URL"
    return StoreError(
        f"the storage at {without_password(url)} was written by {which} version of Optuna than"
        f" {__version__}",
        f"{fix}; or name another storage in mlflow.yml",
    )


def _make_sqlite(path: Path) -> None:
    """Make a new database, whole before it gets its name; the database of a sweep that was faster
    is kept.
    """
    import optuna

    with staged(path) as new:
        made = optuna.storages.RDBStorage(sqlite_url(new))
        made.engine.dispose()
        # `replace` would throw away what the faster one has written since
        with suppress(FileExistsError):
            os.link(new, path)
