"""What a sweep runs when its search is done: replicates, the second stage, speeds.

In: a sweep whose search has ended.  Out: trials for its loop, whose points are known before they
are asked for.  All of it rests on whole searches, so it waits for those that were stopped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rnnzoo.confirm.stand import Stand, stand
from rnnzoo.errors import listed, number_of
from rnnzoo.spec.timing import Timing
from rnnzoo.spec.trial import PILOT, ranked
from rnnzoo.sweep import speed, tracked
from rnnzoo.sweep.editions import Done
from rnnzoo.sweep.loop import POLL
from rnnzoo.sweep.plan import Study
from rnnzoo.sweep.steering import SPEEDS
from rnnzoo.sweep.takeover import KnownTrial

if TYPE_CHECKING:
    from rnnzoo.sweep.run import Sweep


@dataclass(frozen=True, slots=True)
class AfterSearch:
    """Runs what rests on whole searches, as far as the sweep's part has these."""

    sweep: Sweep

    def run(self) -> None:
        sweep = self.sweep
        unsearched = sweep.loop.left_out()
        sweep.steering.left_behind.update(unsearched)
        if sweep.part.of == 1:
            sweep.stage = "replicates"
            self.replicate()
        if not sweep.part.whole:
            return
        if sweep.second_stage:
            sweep.stage = "second stage"
            self.confirm(unsearched)
        sweep.stage = SPEEDS
        self.measure_speeds()

    def open(self, studies: Sequence[Study]) -> Done:
        """Open studies whose points follow from the search; their outcomes that are final."""
        sweep = self.sweep
        done = sweep.opened.open(
            studies, sweep.search_for_known_points(), self.begin_anew_after_pilots
        )
        identities = {study.identity for study in studies}
        for result in sweep.results():
            # the tracker was brought level before, and opening a study ends trials of which a
            # killed sweep had written the result and no more
            if result.study in identities:
                tracked.record(result, sweep.tracker)
        return done

    def begin_anew_after_pilots(self, begun_again: Study) -> None:
        """Where pilots begin once more, forget what was trained where they had pointed to: the
        rounds on their task, and the pilots after the first ones of each variant.
        """
        confirm = self.sweep.experiment.confirm
        if begun_again.stage != PILOT or confirm is None:
            return
        for study in self.sweep.second_stage:
            if study.task.label == begun_again.task.label:
                first = confirm.pilot if study.stage == PILOT else 0
                self.sweep.opened.begin_anew(study, self.sweep.search_for_known_points(), first)

    def adopt(self, wanted: Sequence[KnownTrial], done: Done) -> int:
        """Take over those of these trials that were run elsewhere; returns how many."""
        adopted = self.sweep.takeover.adopt_known(wanted, done)
        for result in adopted:
            tracked.record(result, self.sweep.tracker)
        return len(adopted)

    # -- replicates

    def replicate(self) -> None:
        """Run the kept trials again on fresh seeds, where the experiment asks for it; none of a
        variant that was stopped.
        """
        sweep = self.sweep
        own = [
            study
            for study in sweep.of_part(sweep.replicates)
            if study.variant.label not in sweep.steering.told.stopped
        ]
        if not own:
            return
        done = self.open(own)
        kept = list(self.kept_again(own))
        self.adopt(kept, done)
        counts = {name: len(outcomes) for name, outcomes in done.items()}
        sweep.observer.begin(own, counts, {})
        self.run_known(kept, done)

    def kept_again(self, studies: Sequence[Study]) -> Iterator[KnownTrial]:
        """The kept trials of each search, in these replicates of it."""
        select, results = self.sweep.experiment.select, self.sweep.results()
        for study in studies:
            search = replace(study, replicate=0).identity
            searched = [result for result in results if result.study == search]
            for result in ranked(searched, select.on)[: select.count(self.sweep.trials)]:
                yield KnownTrial(study, result.trial.index, result.trial.hyperparameters)

    # -- the second stage

    def confirm(self, unsearched: Sequence[str]) -> None:
        """Run the second stage, task by task, until its claims are decided or its budget is
        spent.

        Args:
            unsearched: variants whose searches are not whole.
        """
        sweep = self.sweep
        if unsearched:
            self.note_waiting(unsearched)
            return
        done = self.open(sweep.second_stage)
        budget = -1
        while budget < self.budget():  # a larger one was told meanwhile
            budget = self.budget()
            self.confirm_tasks(done)

    def budget(self) -> int:
        """Trainings on each task, those of the search included."""
        confirm = self.sweep.experiment.confirm
        return confirm.budget if confirm else 0

    def note_waiting(self, variants: Sequence[str]) -> None:
        """Say that the second stage waits for variants."""
        were = "was" if len(variants) == 1 else "were"
        note = f"the second stage waits for {listed(variants)}, which {were} stopped"
        self.sweep.observer.note(note)

    def confirm_tasks(self, done: Done) -> None:
        """Run the second stage on one task after the other: what is decided on one may decide a
        claim about several.
        """
        ended: list[Stand] = []
        taken = 0
        for task in self.sweep.experiment.tasks:
            # asked anew after each batch: its scores decide what comes next
            while (now := self.stands(task.label, ended)).next:
                wanted = list(self.coming_next(now))
                taken += self.adopt(wanted, done)
                self.run_known(wanted, done)
                lacking = self.sweep.loop.left_out()
                if lacking:
                    self.note_waiting(lacking)
                    return
            ended.append(now)
        if taken:
            note = f"{number_of(taken, 'trial')} of the second stage taken over"
            self.sweep.observer.note(note)

    def stands(self, task: str, before: Sequence[Stand]) -> Stand:
        """Where the second stage on a task stands, by all results so far; the observer is told."""
        sweep = self.sweep
        identities = {study.identity for study in sweep.second_stage}
        given = [
            result for (study, _), result in sweep.takeover.by_index.items() if study in identities
        ]
        now = stand(sweep.experiment, task, sweep.results(), sweep.trials, before, given)
        sweep.observer.stands(now, sweep.experiment)
        return now

    def coming_next(self, now: Stand) -> Iterator[KnownTrial]:
        """The trainings that come next on a task, as trials of its studies."""
        studies = {
            (study.stage, study.variant.label): study
            for study in self.sweep.second_stage
            if study.task.label == now.task
        }
        for training in now.next:
            study = studies[training.stage, training.variant]
            yield KnownTrial(study, training.index, training.hyperparameters)

    def run_known(self, wanted: Sequence[KnownTrial], done: Done) -> None:
        """Run those of these trials that have not ended."""
        sweep = self.sweep
        left = [known for known in wanted if known.index not in done[known.study.identity]]
        sweep.opened.record_provenance(
            {known.study.identity for known in wanted}, {known.study.identity for known in left}
        )
        sweep.loop.run_known(left)

    # -- speeds

    def measure_speeds(self) -> None:
        """Measure what claims about speed ask, where it was not measured yet; no trial runs beside
        it.
        """
        sweep = self.sweep
        known = {(timing.a, timing.b): timing for timing in sweep.store.timings(sweep.present())}
        for a, b in speed.wanted(sweep.experiment, sweep.studies):
            if (a.identity, b.identity) in known or self.is_stopped(a, b):
                continue
            sweep.loop.await_going_on()
            # one measurement serves `a faster than b` and `b faster than a` where sizes agree
            turned = known.get((b.identity, a.identity)) if speed.answers_both_ways(a, b) else None
            timing = turned.turned() if turned else self.side_by_side(a, b)
            if timing is not None:
                sweep.opened[a.identity].add_timing(timing)
                known[a.identity, b.identity] = timing

    def is_stopped(self, *studies: Study) -> bool:
        """Whether the variant of any of these was stopped."""
        return any(study.variant.label in self.sweep.steering.told.stopped for study in studies)

    def side_by_side(self, a: Study, b: Study) -> Timing | None:
        """How fast two variants train; None, and a note, where they cannot be measured."""
        sweep = self.sweep
        sweep.observer.note(f"measuring how fast {a.label} trains beside {b.variant.label}")
        try:
            machine = sweep.opened.provenance["processor"]
            return speed.side_by_side(a, b, sweep.launcher, machine, self.looking, POLL)
        except speed.SpeedError as error:
            sweep.observer.note(f"not measured: {error}")
            return None

    def looking(self) -> bool:
        """Whether the end was asked for; what the sweep is told meanwhile is taken."""
        self.sweep.steering.look()
        return self.sweep.loop.interrupted()
