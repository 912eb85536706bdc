"""The studies of a sweep as its storage has them, and the editions of them that it had before.

In: studies and a storage.  Out: the studies, open, with trials of earlier editions taken over where
they are the same and set aside where they are not; and which outcomes are final.  What the storage
keeps beside trials is written here too: what made a study what it is, where its trials were run,
and what the sweep was told meanwhile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from rnnzoo.errors import UsageError, listed, number_of
from rnnzoo.lang import operations
from rnnzoo.spec import plugins
from rnnzoo.spec.experiment import Experiment, Search
from rnnzoo.spec.trial import Kind, Outcome, StudyKey, Trial
from rnnzoo.sweep.begun import ALONE, LANES, Lanes, in_marks
from rnnzoo.sweep.parts import WHOLE, Part
from rnnzoo.sweep.plan import FORM, Study, changed, initialised
from rnnzoo.sweep.search import Editions, Store, StudyStore
from rnnzoo.sweep.steering import TOLD

CODE = "code"  # under which digests of a study's own operations, loss and metric are stored
# whose trials are taken over
OLDER, SPELT_OTHERWISE = "an older version", "another spelling of the cell"

# Outcomes that are final, by identity of the study and index.
Done = dict[str, dict[int, Outcome]]
Provenance = Mapping[str, str]


def _nothing_follows(study: Study) -> None:
    """Do nothing: no training follows from those of this study."""


@dataclass(slots=True)
class OpenStudies:
    """Studies of an experiment, opened in its storage.

    Attributes:
        experiment: as the sweep begins with it; how much of it is run may change, and is not
            looked at.
        note: told what happened to trials of earlier editions and of dead sweeps.
        again: trials that ended so are begun once more.
        code: digests of each task's loss and metric that are not the package's, by the task's
            label, kind and name.
        provenance: where and with what this sweep runs its trials.
        provenance_elsewhere: and those that it takes over were run, by identity of the study.
        stores: the open studies, by identity.
        attempts: retries of each index.
        ended_kinds: how the trials of the part have ended.
    """

    experiment: Experiment
    store: Store
    note: Callable[[str], None]
    part: Part = WHOLE
    again: Collection[Kind] = ()
    code: Mapping[str, Mapping[tuple[str, str], str]] = field(default_factory=dict)
    provenance: Provenance = field(default_factory=dict)
    provenance_elsewhere: dict[str, list[Provenance]] = field(default_factory=dict)
    stores: dict[str, StudyStore] = field(default_factory=dict)
    attempts: dict[str, Counter[int]] = field(default_factory=dict)
    ended_kinds: dict[str, Counter[Kind]] = field(default_factory=dict)

    def __getitem__(self, identity: str) -> StudyStore:
        """An open study in the storage."""
        return self.stores[identity]

    def open(
        self,
        studies: Sequence[Study],
        search: Search,
        before_forgetting: Callable[[Study], None] = _nothing_follows,
    ) -> Done:
        """Open studies: trials of earlier editions are taken over or set aside, those that a dead
        sweep left running are interrupted, and those to begin again are forgotten.

        Args:
            before_forgetting: called with each study of which trials are to begin again, before
                any is forgotten: a kill must not leave behind what followed from them.
        """
        editions = self.store.editions(self.experiment.name)
        searches = [study for study in studies if not (study.replicate or study.stage)]
        if any(study.identity not in editions for study in searches):
            self._tell_what_is_gone(editions)
        for study in studies:
            self._open(study, search, editions)
        for study in studies:
            if self.again and self[study.identity].ended_so(self.again, self.part):
                before_forgetting(study)
        return {study.identity: self._forget(study) for study in studies}

    def _tell_what_is_gone(self, editions: Editions) -> None:
        """Say which labels have trials and are not in the experiment any more: what is named
        otherwise begins anew.
        """
        variants = {variant.label for variant in self.experiment.variants}
        tasks = {task.label for task in self.experiment.tasks}
        gone: dict[str, None] = {}  # in the order in which they were begun
        for name, (_, ended) in editions.items():
            key = StudyKey.find(name)
            if key is None or not ended:
                continue
            if key.variant not in variants:
                gone[f"no variant '{key.variant}'"] = None
            elif key.task not in tasks:
                gone[f"no task '{key.task}'"] = None
        for what in gone:
            kept = "trials of that name are kept, and count under it alone"
            self.note(f"{self.experiment.name} has {what} any more; {kept}")

    def _open(self, study: Study, search: Search, editions: Editions) -> None:
        """Open one of them."""
        opened = self.store.study(study.identity, self.attributes(study), search)
        earlier = _earlier(study, editions)
        taken = self._take_over(study, opened, earlier)
        self.set_aside(study, earlier, taken)
        interrupted = opened.reclaim(self.part)
        if interrupted:
            trials = number_of(interrupted, "interrupted trial")
            self.note(f"{study.label}: {trials} will run again")
        opened.alone = self.part.whole
        self.stores[study.identity] = opened

    def _forget(self, study: Study) -> dict[int, Outcome]:
        """Forget what is to begin again of an open study; its outcomes that are final, by index."""
        identity = study.identity
        opened = self.stores[identity]
        forgotten = opened.forget(self.again, self.part)
        if forgotten:
            begin = number_of(forgotten, "trial begins", "trials begin")
            self.note(f"{study.label}: {begin} once more")
        self.attempts[identity] = opened.attempts()
        done = opened.ends()
        label = study.variant.label
        own = [outcome for index, outcome in done.items() if self.part.holds(label, index)]
        self.ended_kinds[identity] = Counter(outcome.kind for outcome in own)
        return done

    def begin_anew(self, study: Study, search: Search, first: int = 0) -> None:
        """Forget all that a study's trials came to, also those of earlier editions that it would
        take over.

        Args:
            first: the least index.
        """
        opened = self.stores.get(study.identity)
        if opened is None:
            opened = self.store.study(study.identity, self.attributes(study), search)
            editions = self.store.editions(self.experiment.name)
            for _ in self._inherit(study, opened, _earlier(study, editions)):
                pass  # what is here already is not taken over any more
        opened.forget(tuple(Kind), first=first)

    # -- earlier editions

    def _take_over(self, study: Study, opened: StudyStore, earlier: Editions) -> set[str]:
        """Take over the trials of earlier editions that are this study's; names of those
        editions.
        """
        taken = set()
        for name, count, whose in self._inherit(study, opened, earlier):
            if count:
                trials = number_of(count, "trial")
                ending = "is one of these, and counts" if count == 1 else "are these, and count"
                self.note(f"{study.label}: {trials} of {whose} {ending}")
            if count or whose == SPELT_OTHERWISE:  # else all of its trials are here already
                taken.add(name)
        return taken

    def _inherit(
        self, study: Study, opened: StudyStore, earlier: Editions
    ) -> Iterator[tuple[str, int, str]]:
        """Copy the trials of earlier editions that are this study's; of each edition that may have
        any its name, how many were copied, and what it is.
        """

        def own(same: Callable[[Trial], bool]) -> Callable[[Trial], bool]:
            return lambda trial: self.part.holds(study.variant.label, trial.index) and same(trial)

        for name, (attributes, _) in earlier.items():
            # `study.same` says how that comes about
            if changed(study.parts, attributes.get("parts", {})) == ("training",):
                yield name, self.store.inherit(opened, name, own(study.same)), OLDER
            elif study.is_spelt_otherwise(name, attributes):
                same = own(study.same_but_for_spelling)
                yield name, self.store.inherit(opened, name, same), SPELT_OTHERWISE

    def set_aside(self, study: Study, earlier: Editions, taken: Collection[str]) -> None:
        """Say what changed where this study has trials of an earlier edition; they are kept and
        never mixed in.
        """
        # this edition has begun before, and what it sets aside was said then
        if study.identity in earlier:
            return
        left = {
            name: edition for name, edition in earlier.items() if edition[1] and name not in taken
        }
        if left:
            change = self._what_changed(study, [attributes for attributes, _ in left.values()])
            trials = _set_aside([count for _, count in left.values()])
            self.note(f"{study.label}: {change}; {trials} set aside")

    def _what_changed(self, study: Study, earlier: Collection[Mapping[str, Any]]) -> str:
        """What differs between a study and earlier editions of it, by their attributes."""
        parts: set[str] = set()
        details: set[str] = set()
        for attributes in earlier:
            parts.update(changed(study.parts, attributes.get("parts", {})))
            details.update(self._edited(study, attributes.get(CODE, {})))
            details.update(_trained_otherwise(study, attributes))
        names = [name for name in study.parts if name in parts]
        part = listed(names) if names else "something"
        if study.stage:
            part = "search or its `confirm:`"
        return f"the {part} changed" + (f" ({', '.join(sorted(details))})" if details else "")

    def _edited(self, study: Study, before: Mapping[str, str]) -> Iterator[str]:
        """Files of a study's operations, loss and metric that are not as they were."""
        for (kind, name), now in self.own_code(study).items():
            if before.get(f"{kind}/{name}", now) != now:
                yield plugins.file(kind, name)

    # -- what is kept beside trials

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
        digests = operations.digests(study.cell)
        if study.variant.init:
            digests |= operations.digests(initialised(study.cell, study.variant))
        used = {(operations.KIND, name): digest for name, digest in digests.items()}
        return {**used, **self.code.get(study.task.label, {})}

    def edited_since(self, study: Study) -> Iterator[str]:
        """Files of a study's operations, loss and metric that are not as the sweep found them."""
        for (kind, name), digest in self.own_code(study).items():
            try:
                if plugins.digest(kind, name) != digest:
                    yield plugins.file(kind, name)
            except UsageError:  # it is gone, or cannot be imported any more
                yield str(plugins.folder(kind) / f"{name}.py")

    def record_provenance(self, identities: Iterable[str], lacking: Collection[str]) -> None:
        """Record with each study where and with what its trials are run, and, for those that were
        taken over, were run.

        Args:
            identities: of the studies.
            lacking: those of them that have trials to run.
        """
        with self.store.in_turn(self.experiment.name):
            for identity in identities:
                provenances = list(self.provenance_elsewhere.get(identity, ()))
                if identity in lacking:
                    provenances.append(self.provenance)
                self.stores[identity].add_provenance(provenances)

    def add_provenance(self, study: Study, provenances: Sequence[Provenance]) -> None:
        """Record with a study where and with what trials were run that it takes over."""
        with self.store.in_turn(self.experiment.name):
            self.stores[study.identity].add_provenance(provenances)

    def record_told(self, what: str, studies: Iterable[Study]) -> None:
        """Record with studies what the sweep was told of their trials."""
        with self.store.in_turn(self.experiment.name):
            for study in studies:
                self.stores[study.identity].add_provenance([{**self.provenance, TOLD: what}])

    def record_stop(self, studies: Iterable[Study], when: datetime | None) -> None:
        """Record with studies when their variant was stopped; None: that it goes on."""
        with self.store.in_turn(self.experiment.name):
            for study in studies:
                self.stores[study.identity].mark_stopped(self.part, when)


def _earlier(study: Study, editions: Editions) -> Editions:
    """All editions of a study that there are."""
    return {name: edition for name, edition in editions.items() if name.startswith(study.prefix)}


def _trained_otherwise(study: Study, before: Mapping[str, Any]) -> Iterator[str]:
    """That the trials of an earlier edition of a study train otherwise together."""
    now = Lanes.of(study.experiment.training)
    (earlier,) = in_marks([before[LANES]]) if LANES in before else [ALONE]
    if now != earlier:
        yield f"before {earlier.words}, now {now.words}"


def _set_aside(counts: Sequence[int]) -> str:
    """The trials of earlier editions, with the verb, by the count of each edition."""
    if len(counts) == 1:
        return f"{number_of(counts[0], 'trial')} run before {'is' if counts[0] == 1 else 'are'}"
    # one may have taken over the trials of another, so that a sum would count these twice
    return f"the trials of {len(counts)} earlier versions, at most {max(counts)} of each, are"
