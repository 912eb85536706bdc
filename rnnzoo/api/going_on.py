"""What earlier editions of an experiment are worth to it: of the trials that are left, which count
as they are, which go on from where they ended, and which train anew.

In: an opened experiment and its storage.  Out: what is ahead, and the files that it needs.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from rnnzoo.backends import facts
from rnnzoo.spec.trial import Result
from rnnzoo.sweep import open as door
from rnnzoo.sweep import status
from rnnzoo.sweep.longer import Ahead, Longer
from rnnzoo.sweep.open import Opened
from rnnzoo.sweep.parts import Part
from rnnzoo.sweep.plan import Study
from rnnzoo.sweep.search import Store


def look(
    opened: Opened, store: Store | None, studies: Collection[Study], part: Part
) -> dict[str, Ahead]:
    """What is ahead of each of these studies of the search, by its identity."""
    if store is None:
        return {study.identity: Ahead() for study in studies}
    longer = _longer(opened, store, studies)
    ended = _ended(door.of_present(store.results(opened.experiment.name), opened.studies, store))
    ahead = {}
    for study in studies:
        planned = range(status.planned(study, opened.trials))
        left = [
            index
            for index in planned
            if part.holds(study.variant.label, index) and (study.identity, index) not in ended
        ]
        ahead[study.identity] = longer.ahead(study, left, store)
    return ahead


def together(ahead: Iterable[Ahead]) -> Ahead:
    """What several studies have ahead."""
    counted, going_on, anew = 0, Counter[int](), Counter[str]()
    for of_study in ahead:
        counted += of_study.counted
        going_on.update(of_study.going_on)
        anew.update(of_study.anew)
    return Ahead(counted, going_on, anew)


def plain(ahead: Ahead) -> dict[str, Any]:
    """For JSON."""
    return {
        "counted": ahead.counted,
        "going_on": [
            {"epoch": epoch, "trials": trials} for epoch, trials in sorted(ahead.going_on.items())
        ],
        "anew": [{"why": why, "trials": trials} for why, trials in ahead.anew.items()],
    }


def read(content: Mapping[str, Any]) -> Ahead:
    """What `plain` wrote."""
    return Ahead(
        content["counted"],
        {row["epoch"]: row["trials"] for row in content["going_on"]},
        {row["why"]: row["trials"] for row in content["anew"]},
    )


def beginnings(opened: Opened, store: Store, results: Collection[Result]) -> set[str]:
    """Files of earlier editions from which trials go on that have not ended; as real paths.

    Args:
        results: of the present edition.
    """
    studies = opened.all_studies
    files = _longer(opened, store, studies).needed(studies, _ended(results))
    return {os.path.realpath(file) for file in files}


def _longer(opened: Opened, store: Store, studies: Collection[Study]) -> Longer:
    name = opened.experiment.name
    longer = Longer(opened.runs, machine=facts.machine(opened.experiment.training.backend))
    for edited in (name, *door.named_before(opened, store)):
        longer.add(studies, store.editions(edited))
    return longer


def _ended(results: Collection[Result]) -> set[tuple[str, int]]:
    return {(result.study, result.trial.index) for result in results}
