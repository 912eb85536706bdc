"""How far an experiment is: read from the storage, nothing is started or written.

In: studies and the storage.  Out: for each of them the trials by kind, and the best score.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rnnzoo.spec import points
from rnnzoo.spec.trial import Kind, Outcome
from rnnzoo.sweep.open import of_present
from rnnzoo.sweep.parts import WHOLE, Part
from rnnzoo.sweep.plan import Study
from rnnzoo.sweep.search import Record, Store


@dataclass(frozen=True, slots=True)
class StudyStatus:
    """One study.

    Attributes:
        counts: ended trials by kind; an interrupted trial that ran again counts as what it became,
            too.
        waiting: trials that wait at a rung.
        best: best score so far on the split that selects; None before the first complete trial.
    """

    variant: str
    task: str
    planned: int
    running: int
    counts: Mapping[Kind, int]
    best: float | None
    waiting: int = 0

    @property
    def ended(self) -> int:
        return sum(number for kind, number in self.counts.items() if kind.final)

    def to_dict(self) -> dict[str, Any]:
        kinds = {str(kind): self.counts.get(kind, 0) for kind in Kind}
        return {
            "variant": self.variant, "task": self.task, "planned": self.planned, **kinds,
            "running": self.running, "waiting": self.waiting, "best": self.best,
        }  # fmt: skip


def rows(
    studies: Sequence[Study], store: Store, trials: int, part: Part = WHOLE
) -> tuple[StudyStatus, ...]:
    """One row a study that the part has trials of, in the order of the studies.

    Of the trials that run, wait or were cut off, all are counted, whosever they are.
    """
    if not studies:
        return ()
    record = store.record(studies[0].experiment.name)
    ended: dict[str, list[Outcome]] = {}
    for result in of_present(record.results, studies, store):
        if part.holds(result.key.variant, result.trial.index):
            ended.setdefault(result.study, []).append(result.outcome)
    return tuple(
        _row(study, ended.get(study.identity, []), record, planned(study, trials, part))
        for study in studies
        if part.has(study.variant.label)
    )


def _row(study: Study, outcomes: Sequence[Outcome], record: Record, planned: int) -> StudyStatus:
    complete = [outcome for outcome in outcomes if outcome.kind is Kind.COMPLETE]
    on = study.experiment.select.on
    kinds = Counter(outcome.kind for outcome in outcomes)
    counts = {kind: kinds[kind] for kind in Kind if kind.final}
    return StudyStatus(
        variant=study.variant.label,
        task=study.task.label,
        planned=planned,
        running=record.running.get(study.identity, 0),
        counts={**counts, Kind.INTERRUPTED: record.interrupted.get(study.identity, 0)},
        best=min((outcome.scores[on] for outcome in complete), default=None),
        waiting=record.waiting.get(study.identity, 0),
    )


def planned(study: Study, trials: int, part: Part = WHOLE) -> int:
    """Trials of a study in a part: of the budget, or of a grid's size where that is less; of a
    replicate those that are kept.
    """
    if study.replicate:
        return study.experiment.select.count(trials)
    variant = study.variant
    trials = points.planned(study.experiment.search, variant.space, trials, variant.earlier)
    return part.count(study.variant.label, trials)
