"""The command clean: files of trials that nothing needs any more."""

from __future__ import annotations

import argparse
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import chain, product
from pathlib import Path
from typing import TYPE_CHECKING

from rnnzoo.cli.as_json import print_json
from rnnzoo.errors import command, number_of, size_of
from rnnzoo.errors import listed as listed_names
from rnnzoo.spec import settings as config
from rnnzoo.spec.settings import project
from rnnzoo.spec.trial import Result, StudyKey, ranked
from rnnzoo.terminal.console import plain_console, told

if TYPE_CHECKING:
    from rnnzoo.sweep.leftovers import Leftover, Needed
    from rnnzoo.sweep.open import Opened
    from rnnzoo.sweep.search import Store


def clean(args: argparse.Namespace) -> None:
    """Say what could go and how much that is; delete it where `--yes` says so."""
    from rnnzoo.sweep import leftovers
    from rnnzoo.sweep import open as door
    from rnnzoo.sweep.lock import held
    from rnnzoo.sweep.plan import TRIALS

    opened = door.opened(Path(args.spec), args.set)
    name, trials = opened.experiment.name, opened.runs / TRIALS
    store = door.existing_store(config.read(), opened.experiment)
    if args.yes:
        # no sweep runs meanwhile, and what is needed is asked within
        with held(opened.runs / "lock", name), store.alone(name):
            listed, states = _found(opened, store, trials, args.states)
            leftovers.delete(listed, trials)
    else:
        listed, states = _found(opened, store, trials, args.states)
    sharing = sharers(opened, store)
    if args.json:
        print_json(_plain(listed, states, args.yes))
        return
    console = plain_console()
    for line in _lines(listed, trials, args):
        told(console, line)
    if states:
        told(console, _kept(states))
    if sharing and (states or any(leftover.why == leftovers.STATES for leftover in listed)):
        told(console, _shared(sharing))


def _found(
    opened: Opened, store: Store, trials: Path, with_states: bool
) -> tuple[list[Leftover], list[Leftover]]:
    """What may go, and the states of finished trainings, which may where it is asked for."""
    from rnnzoo.sweep import leftovers

    every = leftovers.find(opened.experiment.name, trials, _needed(opened, store))
    states = [leftover for leftover in every if leftover.why == leftovers.STATES]
    if with_states:
        return every, []
    return [leftover for leftover in every if leftover.why != leftovers.STATES], states


def _needed(opened: Opened, store: Store) -> Needed:
    """What the storage says is needed of the files of an experiment's trials."""
    from rnnzoo.api.going_on import beginnings
    from rnnzoo.sweep import open as door
    from rnnzoo.sweep.leftovers import Needed

    name = opened.experiment.name
    record = store.record(name)
    # under another backend it would be one of the present edition too
    studies = opened.identities | replace(opened, studies=opened.otherwise).identities
    own = door.of_present(record.results, opened.all_studies, store)
    others = [result for result in record.results if result.study in studies]
    results = [*own, *others]
    best = list(_best(results, opened.experiment.select.on))
    unfinished = {*record.running, *record.waiting}
    other_names = (other for other in store.experiments() if other != name)
    elsewhere = [*chain.from_iterable(map(store.results, other_names))]
    begun = beginnings(opened, store, own)
    return Needed(studies, _real(results), _real(best), unfinished, _real(elsewhere), begun)


def sharers(opened: Opened, store: Store) -> list[str]:
    """Names of other experiments in the storage whose trials may go on from states of this one."""
    from rnnzoo.sweep import equal
    from rnnzoo.sweep import open as door

    own_names = {opened.experiment.name, *door.named_before(opened, store)}
    sharing = []
    for other in store.experiments():
        editions = store.editions(other).items() if other not in own_names else ()
        studies = [
            (StudyKey.parse(study), attributes.get("parts", {}))
            for study, (attributes, _) in editions
        ]
        if any(equal.may_have(own, *study) for own, study in product(opened.studies, studies)):
            theirs = _trainings(store, other)
            # where none has ended yet, nobody knows at which settings they are
            if not theirs or theirs & _trainings(store, opened.experiment.name):
                sharing.append(other)
    return sharing


def _trainings(store: Store, experiment: str) -> set[tuple[object, ...]]:
    """The trials of an experiment by what they have in common with a longer training."""
    return {
        (
            result.key.marked,
            result.key.task,
            result.trial.index,
            result.trial.seed,
            *sorted(result.trial.hyperparameters.items()),
        )
        for result in store.results(experiment)
    }


def _best(results: Sequence[Result], on: str) -> Iterator[Result]:
    """The best trial of each study."""
    by_study: dict[str, list[Result]] = {}
    for result in results:
        by_study.setdefault(result.study, []).append(result)
    for ended in by_study.values():
        yield from ranked(ended, on)[:1]


def _real(results: Sequence[Result]) -> set[str]:
    """The folders of trials, links followed."""
    folders = [result.trial.folder for result in results]
    return {os.path.realpath(project() / folder) for folder in folders if folder}


def _lines(
    leftovers: Collection[Leftover], trials: Path, args: argparse.Namespace
) -> Iterator[str]:
    from rnnzoo.sweep.leftovers import sums

    if not leftovers:
        yield f"nothing to delete in {trials}"
        return
    by_reason = sums(leftovers)
    longest = max(map(len, by_reason))
    for why, (files, of, size) in by_reason.items():
        counts = f"{number_of(files, 'file')} of {number_of(of, 'trial')}"
        yield f"{why:<{longest}}  {counts}, {size_of(size)}"
    total = size_of(sum(leftover.size for leftover in leftovers))
    if args.yes:
        yield f"deleted {total} in {trials}"
    else:
        states = ["--states"] if args.states else []
        again = command("clean", args.spec, *states, "--yes", sets=args.set)
        yield f"{total} in {trials}; nothing is deleted: `{again}` does"


def _kept(states: Collection[Leftover]) -> str:
    """How much room the states take that stay."""
    size = size_of(sum(leftover.size for leftover in states))
    of = number_of(len(states), "finished training")
    return (
        f"kept: the states of {of}, {size}: more epochs go on from there; `--states` deletes them"
    )


def _shared(sharing: Collection[str]) -> str:
    """Who else has a use for the states that have not been taken over yet."""
    names = listed_names(f"'{name}'" for name in sharing)
    return f"with `sweep --share` trials of {names} may go on from these states, too"


def _plain(
    leftovers: Collection[Leftover], states: Collection[Leftover], deleted: bool
) -> dict[str, object]:
    from rnnzoo.sweep.leftovers import sums

    return {
        "deleted": deleted,
        "bytes": sum(leftover.size for leftover in leftovers),
        "reasons": {
            why: {"files": files, "trials": trials, "bytes": size}
            for why, (files, trials, size) in sums(leftovers).items()
        },
        "states_kept": sum(leftover.size for leftover in states),
        "files": [str(leftover.path) for leftover in leftovers],
    }
