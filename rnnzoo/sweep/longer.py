"""A finished training trained longer: trials that go on where one of an earlier edition ended.

In: the trial that a study would run, and the files that earlier editions left.  Out: the state from
which it goes on, to the bit as if it had had so many epochs from the start; and how much room such
states take.  With more epochs, or more patience, the training of before is the beginning of the one
that is asked for.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from rnnzoo.errors import number_of
from rnnzoo.spec import stamp
from rnnzoo.spec import state as files
from rnnzoo.spec.atomic import atomic_write
from rnnzoo.spec.state import UNREADABLE
from rnnzoo.spec.trial import CHECKPOINT, STATE, Kind, Outcome, Result, StudyKey, Trial
from rnnzoo.sweep import equal
from rnnzoo.sweep.plan import TRIALS, Study
from rnnzoo.sweep.search import Editions, Store

# Why trials do not go on from those that began them, after "train anew:".
NOT_KEPT = "no state was kept"
DAMAGED = "the state is damaged"
COSINE = "under `schedule: cosine` each epoch depends on how many there are"
FEWER_EPOCHS = "more epochs were run before"
LESS_PATIENCE = "there was more patience before"


@dataclass(frozen=True, slots=True)
class Beginning:
    """The state from which a trial goes on.

    Attributes:
        epoch: how many epochs were run.
    """

    file: Path
    epoch: int


@dataclass(frozen=True, slots=True)
class Ahead:
    """What earlier editions are worth to trials that have not ended.

    Attributes:
        counted: trials of theirs that are the study's own, to the bit.
        going_on: how many go on, by the epoch.
        anew: how many of theirs were the beginning of one, and yet train anew, by the reason.
    """

    counted: int = 0
    going_on: Mapping[int, int] = field(default_factory=dict)
    anew: Mapping[str, int] = field(default_factory=dict)

    @property
    def longer(self) -> int:
        """How many trials go on."""
        return sum(self.going_on.values())

    @property
    def epochs(self) -> int:
        """How many epochs these have behind them, together."""
        return sum(epoch * trials for epoch, trials in self.going_on.items())

    def words(self) -> str:
        """The same for people; empty where there is nothing to say."""
        parts = []
        if self.counted:
            parts.append(
                number_of(self.counted, "trial counts as it is", "trials count as they are")
            )
        if self.going_on:
            first, last = min(self.going_on), max(self.going_on)
            where = f"epoch {first}" if first == last else f"epochs {first} to {last}"
            trials = number_of(self.longer, "trial goes", "trials go")
            parts.append(f"{trials} on from {where}")
        for why, count in self.anew.items():
            parts.append(f"{number_of(count, 'trial trains', 'trials train')} anew: {why}")
        return "; ".join(parts)


@dataclass(slots=True)
class Longer:
    """What trials of an experiment go on from.

    Attributes:
        runs: the experiment's folder; those of others stand beside it.
        limit: bytes that all kept states may take.
        machine: what trials are run with, by name.
        editions: earlier ones of a study that may have beginnings of its trials, by its identity.
        used: bytes that kept states take.
        unkept: how many trainings have ended whose state had no room.
    """

    runs: Path
    limit: float = 0.0
    machine: Mapping[str, str] = field(default_factory=dict)
    editions: dict[str, list[StudyKey]] = field(default_factory=dict)
    used: int = 0
    unkept: int = 0
    known: dict[tuple[str, int], tuple[Beginning | None, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.used = room_of(kept(self.runs / TRIALS))

    def add(self, studies: Iterable[Study], editions: Editions) -> None:
        """Remember the earlier editions of studies, of this experiment or of another."""
        for study in studies:
            own = self.editions.setdefault(study.identity, [])
            own += _beginnings_of(study, editions)

    def folders(self, study: Study) -> Iterator[Path]:
        """Where the earlier editions of a study left the files of their trials."""
        for key in self.editions.get(study.identity, ()):
            yield self.runs.parent / key.experiment / TRIALS / key.rest

    def beginning(self, study: Study, trial: Trial) -> Beginning | None:
        """The state that lies farthest along the way of a trial; None where there is none."""
        return self._looked_for(study, trial)[0]

    def _looked_for(self, study: Study, trial: Trial) -> tuple[Beginning | None, str]:
        """The same; and why a state that is there cannot be used."""
        asked = study.identity, trial.index
        if asked not in self.known:
            looked = [self._read(study, trial, file) for file in self._files(study, trial)]
            usable = [beginning for beginning, _ in looked if beginning is not None]
            problems = [problem for _, problem in looked if problem]
            farthest = max(usable, key=lambda beginning: beginning.epoch, default=None)
            self.known[asked] = farthest, next(iter(problems), "")
        return self.known[asked]

    def _files(self, study: Study, trial: Trial) -> Iterator[Path]:
        for folder in self.folders(study):
            for name in (STATE, CHECKPOINT):
                file = folder / f"{trial.index:04d}" / name
                if file.is_file():
                    yield file

    def _read(self, study: Study, trial: Trial, file: Path) -> tuple[Beginning | None, str]:
        try:
            state = files.read(file)
        except UNREADABLE:
            return None, DAMAGED
        # what patience does before a rung decides who goes on from there
        same_decisions = not _has_rungs(study) or state.patience == trial.training.patience
        if not (state.begins(trial) and same_decisions):
            return None, ""
        differences = state.differences(self.machine)
        if differences:
            return None, f"the state was written elsewhere, {', '.join(differences)}"
        return (Beginning(file, state.epoch), "") if files.is_whole(file) else (None, DAMAGED)

    def begun(self, study: Study, trial: Trial) -> Trial:
        """A trial that is about to begin: told whether to keep its state, and with the state from
        which it goes on where it looks for it, unless it has come so far itself.
        """
        beginning = self.beginning(study, trial)
        if beginning is not None and _came_to(trial) < beginning.epoch:
            with suppress(OSError):  # it was deleted since, or there is no room: it trains anew
                _linked(beginning.file, trial.checkpoint)
        has_room = self.used - room_of(self._replaced(study, trial)) < self.limit
        return replace(trial, keeps_state=equal.by_index(study) and has_room)

    def _replaced(self, study: Study, trial: Trial) -> list[Path]:
        """The state that a trial goes on from, where its own takes the room of it."""
        beginning = self.beginning(study, trial)
        is_own = beginning is not None and beginning.file.is_relative_to(self.runs)
        return [beginning.file] if beginning is not None and is_own else []

    def ended(self, study: Study, trial: Trial, outcome: Outcome) -> None:
        """Count the state that a training has left, and delete the one that it went on from; or
        delete its own where there is no room for it.
        """
        if outcome.kind is not Kind.COMPLETE or not trial.folder or not equal.by_index(study):
            return
        replaced = self._replaced(study, trial)
        size, freed = room_of([trial.state]), room_of(replaced)
        if not trial.keeps_state or self.used - freed + size > self.limit:
            trial.state.unlink(missing_ok=True)
            self.unkept += 1
        elif size:
            self.used += size - freed
            for file in replaced:
                file.unlink(missing_ok=True)

    def ahead(self, study: Study, indices: Collection[int], store: Store) -> Ahead:
        """What is to be expected of trials of a search that have not ended, by their index."""
        if not self.editions.get(study.identity):
            return Ahead()
        points = {index: study.point(index) for index in indices}
        own = {
            index: study.trial(index, point) for index, point in points.items() if point is not None
        }
        counted: set[int] = set()
        why_anew: dict[int, str] = {}
        for result in self._ended_before(study, store):
            index = result.trial.index
            if index in own and equal.is_own(study, result):
                counted.add(index)
            elif index in own and (why := self._why_anew(study, own[index], result)):
                why_anew[index] = why
        going_on: Counter[int] = Counter()
        anew: Counter[str] = Counter()
        for index in own.keys() - counted:
            beginning = self.beginning(study, own[index])
            if beginning is not None:
                going_on[beginning.epoch] += 1
            elif index in why_anew:
                anew[why_anew[index]] += 1
        return Ahead(len(counted), going_on, anew)

    def _ended_before(self, study: Study, store: Store) -> Iterator[Result]:
        for key in self.editions[study.identity]:
            yield from store.ended(str(key))

    def _why_anew(self, study: Study, own: Trial, result: Result) -> str:
        """Why a trial does not go on from one of an earlier edition; empty where that is another
        training.
        """
        before, now = result.trial.training, own.training
        same_way = replace(before, epochs=now.epochs, patience=now.patience) == now
        same_seed = result.trial.seed == own.seed
        if not (same_way and same_seed and result.outcome.kind is Kind.COMPLETE):
            return ""
        if now.schedule == "cosine":
            return COSINE
        if len(result.outcome.curve) > now.epochs:
            return FEWER_EPOCHS
        if not now.outlasts(before.patience):
            return LESS_PATIENCE
        return self._looked_for(study, own)[1] or NOT_KEPT

    def needed(
        self, studies: Iterable[Study], ended: Collection[tuple[str, int]]
    ) -> Iterator[Path]:
        """Files of earlier editions from which trials go on that have not ended, or may.

        Args:
            studies: whose earlier editions are known.
            ended: trials, by identity of the study and index.
        """
        for study in studies:
            for folder in self.folders(study):
                for file in (*folder.glob(f"*/{STATE}"), *folder.glob(f"*/{CHECKPOINT}")):
                    if not file.parent.name.isdecimal():
                        continue  # no sweep made it
                    index = int(file.parent.name)
                    if (study.identity, index) not in ended and self._needs(study, index, file):
                        yield file

    def _needs(self, study: Study, index: int, file: Path) -> bool:
        """Whether a trial goes on from a file; of one whose point is not known yet, whether it
        may.
        """
        if study.points_are_known:
            return True
        point = study.point(index)
        beginning = self.beginning(study, study.trial(index, point)) if point else None
        return beginning is not None and beginning.file == file


def kept(trials: Path) -> Iterator[Path]:
    """The states below the folder of an experiment's trials."""
    return trials.glob(f"*/*/*/*/{STATE}")


def room_of(states: Iterable[Path]) -> int:
    """How many bytes files of states take: one with two names once, and what waits in a
    checkpoint not at all.
    """
    sizes = {}
    for file in states:
        if file.name == STATE and file.is_file():
            status = file.stat()
            sizes[status.st_dev, status.st_ino] = status.st_size
    return sum(sizes.values())


def _beginnings_of(study: Study, editions: Editions) -> Iterator[StudyKey]:
    """Other editions that may have beginnings of a study's trials."""
    if not equal.by_index(study):
        return
    for name, (attributes, _) in editions.items():
        key = StudyKey.parse(name)
        if name != study.identity and equal.may_have(study, key, attributes.get("parts", {})):
            yield key


def _has_rungs(study: Study) -> bool:
    return study.experiment.search.rungs is not None and not study.points_are_known


def _came_to(trial: Trial) -> int:
    """How many epochs a trial has run that was cut off."""
    with suppress(*UNREADABLE):
        state = files.read(trial.checkpoint)
        if state.key == trial.key or state.begins(trial):
            return state.epoch
    return 0


def _linked(file: Path, to: Path) -> None:
    """Give a file a second name, or copy it where the disk has no links; whole or not at all."""
    with atomic_write(to) as draft:
        try:
            os.link(file, draft)
        except OSError:
            shutil.copyfile(file, draft)


def bring(own: Trial, ran: Trial) -> bool:
    """Give a trial the files of an equal one of an earlier edition, the model with its own key;
    whether there was a model.
    """
    if stamp.problem_of(ran):
        return False
    with atomic_write(own.model) as draft:
        stamp.copy(ran.model, draft, own)
    for file, to in ((ran.state, own.state), (ran.log, own.log)):
        if file.is_file():
            _linked(file, to)
    return True
