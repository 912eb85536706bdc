"""What earlier editions of an experiment, and other experiments, are worth to it: of the trials
that are left, which count as they are, which go on from where they ended, and which train anew.

In: an opened experiment and its storage.  Out: what is ahead, and the files that it needs.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from itertools import chain
from typing import Any

from rnnzoo.backends import facts
from rnnzoo.errors import listed
from rnnzoo.spec.trial import Result, StudyKey
from rnnzoo.sweep import equal, provenance, status
from rnnzoo.sweep import open as door
from rnnzoo.sweep.longer import Ahead, Longer
from rnnzoo.sweep.open import Opened
from rnnzoo.sweep.parts import Part
from rnnzoo.sweep.plan import Study
from rnnzoo.sweep.search import Editions, Store

# Indices of the trials of a study that have not ended, by its identity.
Left = Mapping[str, Collection[int]]


def look(
    opened: Opened, store: Store | None, studies: Collection[Study], left: Left
) -> dict[str, Ahead]:
    """What is ahead of each of these studies of the search, by its identity."""
    if store is None:
        return {study.identity: Ahead() for study in studies}
    longer = _longer(opened, store, studies)
    return {study.identity: longer.ahead(study, left[study.identity], store) for study in studies}


def left_in(opened: Opened, store: Store, studies: Collection[Study], part: Part) -> Left:
    """The trials of a part that have not ended, of each of these studies of the search."""
    ended = _ended(door.of_present(store.results(opened.experiment.name), opened.studies, store))

    def is_left(study: Study, index: int) -> bool:
        return part.holds(study.variant.label, index) and (study.identity, index) not in ended

    left = {}
    for study in studies:
        planned = range(status.planned(study, opened.trials))
        left[study.identity] = [index for index in planned if is_left(study, index)]
    return left


def run_elsewhere(
    opened: Opened, store: Store, part: Part, left: Left | None = None
) -> dict[str, int]:
    """How many trials that are left other experiments of the storage have run, to the bit, by the
    experiment; without those that are taken over anyway.

    Args:
        left: of all studies of the part, where it is known already.
    """
    studies = [
        study
        for study in opened.studies
        if part.has(study.variant.label) and equal.has_equals(study)
    ]
    taken = {opened.experiment.name, *door.sharing(opened, store)}
    others = [name for name in store.experiments() if name not in taken]
    if not (studies and others):
        return {}
    left = left_in(opened, store, studies, part) if left is None else left
    counts = {}
    for name in others:
        editions = store.editions(name)
        same = (_same(study, left[study.identity], editions, store) for study in studies)
        counts[name] = sum(map(len, same))
    return {name: count for name, count in counts.items() if count}


def _same(study: Study, left: Collection[int], editions: Editions, store: Store) -> set[int]:
    """Indices of trials of a study that are left and were run as these editions."""
    names = [
        name
        for name, (attributes, ended) in editions.items()
        if ended and equal.may_have(study, StudyKey.parse(name), attributes.get("parts", {}))
    ]
    results = chain.from_iterable(store.ended(name) for name in names if left)
    return {
        result.trial.index
        for result in results
        if result.trial.index in left and equal.is_own(study, result)
    }


def words_elsewhere(counts: Mapping[str, int]) -> str:
    """What `run_elsewhere` counted, for people."""
    where = [f"{count} in '{name}'" for name, count in counts.items()]
    return f"trials that are left here were run before, to the bit: {listed(where)}"


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
    training = opened.experiment.training
    machine = facts.machine(training.backend, provenance.on_card(training))
    longer = Longer(opened.runs, machine=machine)
    for source in (name, *door.sharing(opened, store)):
        longer.add(studies, store.editions(source))
    return longer


def _ended(results: Collection[Result]) -> set[tuple[str, int]]:
    return {(result.study, result.trial.index) for result in results}
