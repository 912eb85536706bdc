"""How fast two variants train, side by side: what a claim about speed is judged by.

In: the studies of two variants, and a launcher.  Out: a `Timing`.  Each variant trains in a fresh
process of its own, and the two take turns, an epoch each: a trial waits for the answer to its
progress, so that only one of them computes at a time and whatever else the machine does meets both
alike; on a cluster they may be on two machines with processors of one kind.  The first epoch, which
compiles, is not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from rnnzoo.errors import RnnzooError
from rnnzoo.launchers import Launcher
from rnnzoo.spec import points
from rnnzoo.spec.claims import FASTER, tasks_of
from rnnzoo.spec.experiment import Experiment, Space
from rnnzoo.spec.hyperparameters import SIZES, Value, resolved
from rnnzoo.spec.timing import ROUNDS, Side, Timing
from rnnzoo.spec.trial import Kind, Outcome, Progress, Trial
from rnnzoo.sweep.measure import Cost, corner
from rnnzoo.sweep.plan import Study

COMMON = (*SIZES, "batch")  # what both have in common, as B's space has them


class SpeedError(RnnzooError):
    """Two variants cannot be measured, in words."""


def wanted(experiment: Experiment, studies: Sequence[Study]) -> list[tuple[Study, Study]]:
    """The studies of the variants that claims about speed compare, each pair once."""
    known = {(study.variant.label, study.task.label): study for study in studies}
    labels = [task.label for task in experiment.tasks]
    pairs: list[tuple[Study, Study]] = []
    for claim in experiment.claims:
        if claim.form == FASTER:
            tasks = tasks_of(claim, labels)
            pairs += ((known[claim.a, task], known[claim.b, task]) for task in tasks)
    distinct: list[tuple[Study, Study]] = []  # no set: a study has mappings, and so no hash
    for pair in pairs:
        if pair not in distinct:
            distinct.append(pair)
    return distinct


def missing(
    experiment: Experiment, studies: Sequence[Study], known: Collection[tuple[str, str]]
) -> list[tuple[Study, Study]]:
    """Of the pairs that are wanted, those to measure: where sizes are the same, one order answers
    both.

    Args:
        known: identities of the pairs that were measured.
    """
    answered, pairs = {*known}, []
    for a, b in wanted(experiment, studies):
        is_turned = (b.identity, a.identity) in answered and answers_both_ways(a, b)
        if (a.identity, b.identity) not in answered and not is_turned:
            pairs.append((a, b))
        answered.add((a.identity, b.identity))
    return pairs


def seconds(pairs: Sequence[tuple[Study, Study]], costs: Mapping[str, Cost]) -> float | None:
    """About how long it takes to measure these; None where it is not known what a training of one
    of them costs.

    Costs are those of each variant's own space, though both are measured at B's sizes.
    """
    total = 0.0
    for a, b in pairs:
        for study in (a, b):
            cost = costs.get(study.identity)
            if cost is None:
                return None
            extra_epochs = 1 + ROUNDS - study.experiment.training.epochs
            ends = [trial + extra_epochs * epoch for trial, epoch in zip(cost.trial, cost.epoch)]
            total += sum(ends[: len(sizes(a, b))])
    return total


def answers_both_ways(a: Study, b: Study) -> bool:
    """Whether B beside A is measured at the sizes of A beside B."""
    return sizes(a, b) == [(of_a, of_b) for of_b, of_a in sizes(b, a)]


def side_by_side(
    a: Study,
    b: Study,
    launcher: Launcher,
    machine: str,
    interrupted: Callable[[], bool],
    patience: float,
) -> Timing:
    """Measure two variants at the smallest and at the largest size that B searches.

    Raises:
        SpeedError: one of them cannot be trained there.
    """
    sides = []
    for of_a, of_b in sizes(a, b):
        trials = (_short(a, of_a), _short(b, of_b))
        seconds = _Turns(launcher, trials, interrupted, patience).run()
        size = resolved(of_b)
        sides.append(Side(size.units, size.layers, *seconds))
    return Timing(a.identity, b.identity, machine, tuple(sides))


def sizes(a: Study, b: Study) -> list[tuple[dict[str, Value], dict[str, Value]]]:
    """The hyper-parameters of each of the two at the smallest and at the largest size; once where
    these are the same.
    """
    smallest, largest = (_settings(a, b, end) for end in (0.0, 1.0))
    return [smallest] if smallest == largest else [smallest, largest]


def _settings(a: Study, b: Study, end: float) -> tuple[dict[str, Value], dict[str, Value]]:
    """Each variant's hyper-parameters, the sizes those of B; slow to learn, so that none
    diverges.
    """
    of_b = _slow(b.variant.space, end)
    common = {name: of_b[name] for name in COMMON if name in of_b}
    return {**_slow(a.variant.space, end), **common}, of_b


def _slow(space: Space, end: float) -> dict[str, Value]:
    chosen = corner(space, end)  # where rates are in the middle
    rates = [dimension for dimension in space.dimensions if dimension.name == "learning_rate"]
    return {**chosen, **{rate.name: points.value(rate, 0.0) for rate in rates}}


def _short(study: Study, chosen: Mapping[str, Value]) -> Trial:
    trial = study.trial(0, chosen)
    return replace(trial, training=replace(trial.training, epochs=1 + ROUNDS, patience=0))


class _Turns:
    """Trials that take turns: each waits after an epoch for its answer, so that the one that is
    answered has the machine to itself.
    """

    def __init__(
        self,
        launcher: Launcher,
        trials: Sequence[Trial],
        interrupted: Callable[[], bool],
        patience: float,
    ) -> None:
        self.launcher, self.trials = launcher, trials
        self.interrupted, self.patience = interrupted, patience
        self.tickets: list[int] = []
        self.waiting: set[int] = set()  # which of the two wait for an answer

    def run(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Seconds a step of each trial, round by round.

        Raises:
            SpeedError: one of them ended before its last epoch, or otherwise than complete.
        """
        for trial in self.trials:  # one after the other: the first epoch compiles, and waits then
            self.tickets.append(self.launcher.submit(trial))
            self.heard(len(self.tickets) - 1)
        for number in range(ROUNDS):
            # who comes first changes, as drift would favour one
            order = (0, 1) if number % 2 else (1, 0)
            for side in order:
                self.go_on(side)
                self.heard(side)
        first, second = (self.ended(side) for side in (0, 1))
        return first, second

    def go_on(self, side: int) -> None:
        """Let a trial that waits go on."""
        self.waiting.discard(side)
        self.launcher.answer(self.tickets[side], True)

    def heard(self, side: int) -> None:
        """Wait until an epoch of a trial is over."""
        news = self.next(side)
        if isinstance(news, Outcome):
            raise self.cannot_be_measured(side, _ended_as(news))
        self.waiting.add(side)

    def ended(self, side: int) -> tuple[float, ...]:
        """Let a trial end, and return its seconds a step, round by round."""
        self.go_on(side)
        outcome = self.next(side)
        if isinstance(outcome, Outcome) and outcome.kind is not Kind.COMPLETE:
            raise self.cannot_be_measured(side, _ended_as(outcome))
        if (
            not isinstance(outcome, Outcome)
            or len(outcome.curve) != 1 + ROUNDS
            or not outcome.seconds.get("step")
        ):
            raise self.cannot_be_measured(side, "did not tell how long its epochs took")
        # steps an epoch follow from the median, which the trial itself has divided by them
        epochs = np.array([row["seconds"] for row in outcome.curve[1:]])
        steps = float(np.median(epochs)) / outcome.seconds["step"]
        return tuple((epochs / steps).tolist())

    def cannot_be_measured(self, side: int, why: str) -> SpeedError:
        """What is said of a trial; the other is ended, or its process would stay beside whatever
        runs next.
        """
        for other in self.waiting - {side}:
            self.launcher.answer(self.tickets[other], False)
            self.next(other)
        return SpeedError(f"{self.trials[side].variant} {why}")

    def next(self, side: int) -> Progress | Outcome:
        while True:
            if self.interrupted():
                raise KeyboardInterrupt
            event = self.launcher.wait(self.patience)
            if event is not None and event.ticket == self.tickets[side]:
                return event.news


def _ended_as(outcome: Outcome) -> str:
    reason = f": {outcome.message}" if outcome.message else ""
    return f"ended as {outcome.kind.words}{reason}"
