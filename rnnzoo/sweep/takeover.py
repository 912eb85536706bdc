"""Trials that were run elsewhere: given as a table, or in studies that are equal to the bit.

In: results of other machines, of earlier editions, and of experiments that share theirs.  Out:
their trials, recorded as if this sweep had run them.  What has ended here stays as it is; where
both ended, and otherwise, that is said.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rnnzoo.errors import UsageError, number_of
from rnnzoo.spec import points
from rnnzoo.spec.experiment import Experiment
from rnnzoo.spec.hyperparameters import Value
from rnnzoo.spec.trial import Outcome, Result, StudyKey
from rnnzoo.sweep import equal, longer, status
from rnnzoo.sweep.editions import Done, OpenStudies
from rnnzoo.sweep.plan import Study
from rnnzoo.sweep.search import PROVENANCE, Editions


@dataclass(frozen=True, slots=True)
class KnownTrial:
    """A trial whose point is known before it is asked for: of a replicate, a pilot or a round."""

    study: Study
    index: int
    point: Mapping[str, Value]


@dataclass(slots=True)
class Takeover:
    """Records trials that were run elsewhere.

    Attributes:
        opened: the studies that they are recorded in.
        runs: the experiment's folder, below which trials of this sweep have theirs.
        given: results that the user has named.
        given_from: the tables that have them, or `mlflow`.
        by_index: results that replicates and second stages may take, by study and index.
    """

    opened: OpenStudies
    runs: Path
    given: Sequence[Result] = ()
    given_from: str = ""
    by_index: Mapping[tuple[str, int], Result] = field(init=False)

    def __post_init__(self) -> None:
        self.by_index = {(result.study, result.trial.index): result for result in self.given}

    @property
    def experiment(self) -> Experiment:
        return self.opened.experiment

    # -- trials that the user has named

    def adopt(self, searches: Sequence[Study], known: Collection[str], done: Done) -> None:
        """Record the given trials of searches, where there are none of their index yet.

        Args:
            known: identities of all studies of this edition.

        Raises:
            UsageError: a trial is not the one of its index, or no trial can be told by its index.
        """
        if not self.given:
            return
        sampler = self.experiment.search.sampler.name
        if not points.ours(sampler):
            raise UsageError(
                f"the points of '{sampler}' depend on what was run before, so trials that were run"
                " elsewhere cannot be taken over"
            )
        studies = {study.identity: study for study in searches}
        self._tell_contradictions(studies, done)
        taken = 0
        for result in self.given:
            study, index = studies.get(result.study), result.trial.index
            if study is None or index in done[result.study] or not self._holds(study, index):
                continue
            if result.outcome.kind in self.opened.again:
                continue  # it is to begin once more
            if study.point(index) != dict(result.trial.hyperparameters):
                raise self._otherwise(result, study.point(index) or {})
            self.take_over(study, result, done)
            taken += 1
        other = sum(1 for result in self.given if result.study not in known)
        others = number_of(other, "is", "are")
        left = f"; {others} of another edition of the experiment" if other else ""
        given = number_of(len(self.given), "trial")
        self.opened.note(f"{taken} of {given} taken over{left}")

    def _otherwise(self, result: Result, own: Mapping[str, Value]) -> UsageError:
        """What is said of a given trial whose hyper-parameters are not those of its index."""
        given, key = result.trial.hyperparameters, result.key
        name = next(name for name in {**own, **given} if own.get(name) != given.get(name))
        given_value, own_value = (point.get(name, "none") for point in (given, own))
        return UsageError(
            f"{self.given_from}: trial {result.trial.index} of {key.marked} on {key.task} has"
            f" `{name}` {given_value}, and here it has {own_value}",
            "correct it there or delete it, so that it is run here",
        )

    def _tell_contradictions(self, studies: Mapping[str, Study], done: Done) -> None:
        """Say how many given trials have ended otherwise here, and how the first of them has."""
        contradictions = []
        for result in self.given:
            study, index = studies.get(result.study), result.trial.index
            own_outcome = done[study.identity].get(index) if study is not None else None
            if study is not None and own_outcome is not None:
                given_outcome = self.opened[study.identity].end(result.outcome)
                if (own_outcome.kind, own_outcome.scores) != (
                    given_outcome.kind,
                    given_outcome.scores,
                ):
                    ends = f"{_ended_as(own_outcome)} here, {_ended_as(given_outcome)} there"
                    contradictions.append(f"{study.label} {index}: {ends}")
        if contradictions:
            given = number_of(len(contradictions), "given trial")
            self.opened.note(f"{given} ended otherwise here, which counts; {contradictions[0]}")

    def adopt_known(self, wanted: Sequence[KnownTrial], done: Done) -> list[Result]:
        """Record those of these trials that were run elsewhere, and return them as they are here;
        one that was run at another point, or is to begin once more, is left out, and run here.
        """
        adopted = []
        for known in wanted:
            result = self.by_index.get((known.study.identity, known.index))
            if result is None or known.index in done[known.study.identity]:
                continue
            if result.outcome.kind in self.opened.again:
                continue  # it is to begin once more
            if dict(result.trial.hyperparameters) == dict(known.point):
                adopted.append(self.take_over(known.study, result, done))
        return adopted

    def take_over(self, study: Study, result: Result, done: Done) -> Result:
        """Record one trial, and return it as it is here."""
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
        return Result(trial, result.outcome, study.identity, time.time())

    # -- trials of other studies that are these to the bit

    def take_equal(
        self, searches: Sequence[Study], name: str, editions: Editions, trials: int, done: Done
    ) -> None:
        """Record those trials of an experiment, this one or another, that are the searches' to the
        bit.

        Args:
            name: of that experiment.
            trials: how many are planned of each search.
        """
        for study in searches:
            self._take_equal(study, name, editions, trials, done)

    def _take_equal(
        self, study: Study, name: str, editions: Editions, trials: int, done: Done
    ) -> None:
        """Record those of one search, where it lacks any."""
        candidates = list(self._with_equals(study, editions, trials, done[study.identity]))
        taken = 0
        for edition in candidates:
            ended = self.opened.store.ended(edition)
            own = [result for result in ended if self._is_own(study, result, trials)]
            new = [result for result in own if result.trial.index not in done[study.identity]]
            if new:  # before the trials: no kill leaves these without it
                provenances = editions[edition][0].get(PROVENANCE, [])
                self.opened.add_provenance(study, provenances)
            for result in new:
                self.take_over(study, result, done)
            taken += len(new)
        if taken:
            whose = f"'{name}'" if name != self.experiment.name else "an earlier version"
            count = number_of(taken, "trial")
            ending = (
                "is the same here, and counts" if taken == 1 else "are the same here, and count"
            )
            self.opened.note(f"{study.label}: {count} of {whose} {ending}")

    def _with_equals(
        self, study: Study, editions: Editions, trials: int, done: Mapping[int, Outcome]
    ) -> Iterator[str]:
        """Other studies that may have trials of this one, where it lacks any."""
        if not equal.has_equals(study) or len(done) >= status.planned(study, trials):
            return
        for name, (attributes, ended) in editions.items():
            key, parts = StudyKey.parse(name), attributes.get("parts", {})
            if ended and name != study.identity and equal.may_have(study, key, parts):
                yield name

    def _is_own(self, study: Study, result: Result, trials: int) -> bool:
        """Whether a result is that of the study's trial of its index."""
        index = result.trial.index
        is_planned = self._holds(study, index) and index < trials
        return is_planned and equal.is_own(study, result)

    def _holds(self, study: Study, index: int) -> bool:
        """Whether the sweep's part has a trial of a search."""
        return self.opened.part.holds(study.variant.label, index)

    def offer(self, later: Sequence[Study], editions: Editions) -> None:
        """Let replicates and second stages have those of an experiment that shares its trials."""
        identities = {study.key.rest: study.identity for study in later}
        for edition in editions:
            identity = identities.get(StudyKey.parse(edition).rest)
            if identity is None:
                continue
            ended = self.opened.store.ended(edition)
            shared = {
                (identity, result.trial.index): result
                for result in ended
                if result.outcome.kind in equal.OWN_ENDS
            }
            # what the user has named holds before what experiments share
            self.by_index = {**shared, **self.by_index}
            provenances = editions[edition][0].get(PROVENANCE, [])
            self.opened.provenance_elsewhere.setdefault(identity, []).extend(provenances)


def _ended_as(outcome: Outcome) -> str:
    """The score that selects, or how else a trial ended."""
    return " ".join(f"{split} {score}" for split, score in outcome.scores.items()) or str(
        outcome.kind
    )
