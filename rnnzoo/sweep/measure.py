"""How long a sweep will take, measured: a few epochs of each variant's smallest and largest model
on this machine.

In: studies and a launcher.  Out: seconds a trial, low and high.  Compiling is counted once a trial,
as it happens.  No study is measured for longer than its trials would take: its model once where it
has one size, or one trial; its epochs if they are few.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from rnnzoo.launchers import Launcher
from rnnzoo.spec import points
from rnnzoo.spec.experiment import Dimension, Space
from rnnzoo.spec.hyperparameters import SIZES, Value
from rnnzoo.spec.trial import Kind, Outcome, Progress, Trial
from rnnzoo.sweep.plan import Study

EPOCHS = 3  # that are measured; an epoch varies
POLL = 1.0  # seconds until it is noticed that a launcher has room again, at most


@dataclass(frozen=True, slots=True)
class Cost:
    """What one trial of a study takes.

    Attributes:
        step: seconds a training step, of the smallest and the largest model; None from a single
            epoch, which compiles.
        epoch: seconds an epoch, likewise, without what compiles.
        trial: seconds a trial with all its epochs, likewise; less where patience ends it.
    """

    step: tuple[float, float] | None
    epoch: tuple[float, float]
    trial: tuple[float, float]


def corner(space: Space, end: float) -> dict[str, Value]:
    """The hyper-parameters at one end of a space: 0 is where models are small, 1 where they are
    large.
    """
    chosen = dict(space.fixed)
    for dimension in space.dimensions:
        if dimension.active(chosen):
            chosen[dimension.name] = points.value(dimension, _place(dimension, end))
    return chosen


def _place(dimension: Dimension, end: float) -> float:
    """Size goes from one end to the other; everything else stays at its middle."""
    # `points.value` takes places below 1: at 1 it would be past the last choice
    return min(end, 1 - 1e-9) if dimension.name in SIZES else 0.5


@dataclass(frozen=True, slots=True)
class Sample:
    """What is measured of a study: one training at each of these ends of its space, of so many
    epochs.
    """

    study: Study
    ends: tuple[float, ...]
    epochs: int

    def trials(self) -> Iterator[Trial]:
        """One at each end."""
        for end in self.ends:
            trial = self.study.trial(0, corner(self.study.variant.space, end))
            short = replace(trial.training, epochs=self.epochs, patience=0)
            yield replace(trial, training=short)


def sample(study: Study, trials: int) -> Sample:
    """The sample for so many trials of a study, which takes no longer than they do."""
    smallest, largest = (corner(study.variant.space, end) for end in (0.0, 1.0))
    ends = (1.0,) if trials == 1 or smallest == largest else (0.0, 1.0)
    return Sample(study, ends, min(EPOCHS, study.experiment.training.epochs))


def timed(study: Study) -> Sample:
    """The sample for a study whose speed is compared, which takes more epochs than are measured
    here.
    """
    return replace(sample(study, 2), epochs=EPOCHS)


def measure(
    samples: Sequence[Sample], launcher: Launcher, progress: Callable[[int, int], None]
) -> dict[str, Cost]:
    """The cost of each study, by identity; a study whose training fails is left out."""
    trials = [trial for sample in samples for trial in sample.trials()]
    outcomes = iter(_outcomes(trials, launcher, progress))
    costs = {}
    for sample in samples:
        cost = _cost(sample, [next(outcomes) for _ in sample.ends])
        if cost is not None:
            costs[sample.study.identity] = cost
    return costs


def _outcomes(
    trials: Sequence[Trial], launcher: Launcher, progress: Callable[[int, int], None]
) -> list[Outcome]:
    """Run trials, as many at once as the launcher can, and none of them is stopped early."""
    progress(0, len(trials))
    waiting = deque(enumerate(trials))
    running: dict[int, int] = {}  # by ticket, which trial
    outcomes: dict[int, Outcome] = {}
    while waiting or running:
        while waiting and len(running) < launcher.capacity():
            number, trial = waiting.popleft()
            running[launcher.submit(trial)] = number
        event = launcher.wait(POLL)  # without an end it would not see who comes where nothing runs
        if event is None or event.ticket not in running:
            continue
        if isinstance(event.news, Progress):
            launcher.answer(event.ticket, True)
        elif event.news.retried:  # it was lost with a machine
            number = running.pop(event.ticket)
            waiting.append((number, trials[number]))
        else:
            outcomes[running.pop(event.ticket)] = event.news
            progress(len(outcomes), len(trials))
    return [outcomes[number] for number in range(len(trials))]


def _cost(sample: Sample, outcomes: Sequence[Outcome]) -> Cost | None:
    if any(outcome.kind is not Kind.COMPLETE for outcome in outcomes):
        return None
    small, large = outcomes[0].seconds, outcomes[-1].seconds
    epochs = sample.study.experiment.training.epochs

    def epoch(seconds: Mapping[str, float]) -> float:
        return (seconds["train"] - seconds["compile"]) / sample.epochs

    def whole(seconds: Mapping[str, float]) -> float:
        return seconds["total"] - seconds["train"] + seconds["compile"] + epochs * epoch(seconds)

    step = (small["step"], large["step"]) if sample.epochs > 1 else None
    return Cost(step, (epoch(small), epoch(large)), (whole(small), whole(large)))
