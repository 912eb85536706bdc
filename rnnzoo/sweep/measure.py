"""How long a sweep will take, measured: three epochs of each variant's smallest and largest model on this machine.

In: studies and a launcher.  Out: seconds a trial, low and high.  Compiling is counted once a trial, as it happens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from rnnzoo.launchers import Launcher
from rnnzoo.spec import points
from rnnzoo.spec.experiment import Dimension, Space
from rnnzoo.spec.trial import Kind, Outcome, Progress, Value
from rnnzoo.sweep.plan import Study


@dataclass(frozen=True, slots=True)
class Cost:
    """What one trial of a study takes.

    Attributes:
        step: seconds a training step, of the smallest and the largest model.
        epoch: seconds an epoch, likewise, without what compiles.
        trial: seconds a trial with all its epochs, likewise; less where patience ends it.
    """

    step: tuple[float, float]
    epoch: tuple[float, float]
    trial: tuple[float, float]


def corner(space: Space, end: float) -> dict[str, Value]:
    """The hyper-parameters at one end of a space: 0 is where models are small, 1 where they are large."""
    chosen = dict(space.fixed)
    for dimension in space.dimensions:
        if dimension.active(chosen):
            chosen[dimension.name] = points.value(dimension, _place(dimension, end))
    return chosen


def _place(dimension: Dimension, end: float) -> float:
    """Size goes from one end to the other; everything else stays at its middle."""
    return min(end, 1 - 1e-9) if dimension.name in ("units", "layers") else 0.5


def measure(studies: Sequence[Study], launcher: Launcher, progress: Callable[[int, int], None]) -> dict[str, Cost]:
    """The cost of each study, by identity; a study whose training fails is left out."""
    wanted = [(study, end) for study in studies for end in (0.0, 1.0)]
    running: dict[int, tuple[str, float, int]] = {}
    found: dict[tuple[str, float], Outcome] = {}
    todo = iter(wanted)
    more = True
    while more or running:
        while more and len(running) < launcher.capacity():
            one = next(todo, None)
            more = one is not None
            if one is not None:
                study, end = one
                trial = study.trial(0, corner(study.variant.space, end))
                short = replace(trial, training=replace(trial.training, epochs=3, patience=0))
                running[launcher.submit(short)] = (study.identity, end, study.experiment.training.epochs)
        event = launcher.wait()
        if event is None or event.ticket not in running:
            continue
        if isinstance(event.what, Progress):
            launcher.answer(event.ticket, True)
            continue
        identity, end, _ = running.pop(event.ticket)
        found[identity, end] = event.what
        progress(len(found), len(wanted))
    costs = {study.identity: _cost(study, found) for study in studies}
    return {identity: cost for identity, cost in costs.items() if cost is not None}


def _cost(study: Study, found: Mapping[tuple[str, float], Outcome]) -> Cost | None:
    ends = [found.get((study.identity, end)) for end in (0.0, 1.0)]
    if any(one is None or one.kind is not Kind.COMPLETE for one in ends):
        return None
    small, large = (one.seconds for one in ends if one is not None)
    epochs = study.experiment.training.epochs

    def epoch(seconds: Mapping[str, float]) -> float:
        return (seconds["train"] - seconds["compile"]) / 3

    def whole(seconds: Mapping[str, float]) -> float:
        return seconds["total"] - seconds["train"] + seconds["compile"] + epochs * epoch(seconds)

    return Cost((small["step"], large["step"]), (epoch(small), epoch(large)), (whole(small), whole(large)))
