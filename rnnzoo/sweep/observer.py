"""What a sweep tells whoever shows it.

In: what happens, as it happens.  Out: nothing; an observer that raises stops the sweep, as Ctrl-C
does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rnnzoo.spec.experiment import Experiment
from rnnzoo.spec.trial import Outcome, Progress, Trial

if TYPE_CHECKING:
    from rnnzoo.confirm.stand import Stand
    from rnnzoo.sweep.plan import Study
    from rnnzoo.sweep.steering import Told


class Observer:
    """Shows nothing; a subclass shows what it likes."""

    def note(self, text: str) -> None:
        """A sentence about the sweep."""

    def begin(
        self, studies: Sequence[Study], done: Mapping[str, int], best: Mapping[str, float]
    ) -> None:
        """Studies are begun, or gone on with.

        Args:
            done: how many trials of each have ended, by its identity.
            best: likewise the best score so far, where there is one.
        """

    def started(self, study: Study, trial: Trial) -> None:
        """A trial runs."""

    def progress(self, study: Study, trial: Trial, progress: Progress) -> None:
        """An epoch of a trial is over."""

    def ended(self, study: Study, trial: Trial, outcome: Outcome) -> None:
        """A trial has ended; it is final, or the trial runs again."""

    def stands(self, now: Stand, experiment: Experiment) -> None:
        """Where the second stage stands, before each round and at the end."""

    def steered(self, told: Told) -> None:
        """The sweep was told something by `rnnzoo ctl`; a note says what, this what is in force."""


class Several(Observer):
    """Tells several observers the same, one after the other."""

    def __init__(self, *observers: Observer) -> None:
        self.observers = observers

    def note(self, text: str) -> None:
        for observer in self.observers:
            observer.note(text)

    def begin(
        self, studies: Sequence[Study], done: Mapping[str, int], best: Mapping[str, float]
    ) -> None:
        for observer in self.observers:
            observer.begin(studies, done, best)

    def started(self, study: Study, trial: Trial) -> None:
        for observer in self.observers:
            observer.started(study, trial)

    def progress(self, study: Study, trial: Trial, progress: Progress) -> None:
        for observer in self.observers:
            observer.progress(study, trial, progress)

    def ended(self, study: Study, trial: Trial, outcome: Outcome) -> None:
        for observer in self.observers:
            observer.ended(study, trial, outcome)

    def stands(self, now: Stand, experiment: Experiment) -> None:
        for observer in self.observers:
            observer.stands(now, experiment)

    def steered(self, told: Told) -> None:
        for observer in self.observers:
            observer.steered(told)
