"""A sweep as it runs: bars and best scores on a terminal, plain lines without one.

In: what the loop tells (`sweep.observer.Observer`).  Out: text, nothing else; a display that fails
stops no sweep.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rnnzoo.confirm import told
from rnnzoo.confirm.stand import Stand
from rnnzoo.errors import command, duration, moment, number_of
from rnnzoo.spec.experiment import Experiment
from rnnzoo.spec.hyperparameters import value_text
from rnnzoo.spec.trial import Kind, Outcome, Progress, Trial
from rnnzoo.sweep.observer import Observer
from rnnzoo.sweep.parts import WHOLE, Part
from rnnzoo.sweep.plan import Study
from rnnzoo.sweep.status import planned
from rnnzoo.sweep.steering import Told

TrialKey = tuple[str, int]
STARTING = "starting the processes that train"


@dataclass(slots=True)
class _State:
    """What has been told so far."""

    studies: Sequence[Study] = ()
    trials: int = 0
    part: Part = WHOLE
    done: dict[str, int] = field(default_factory=dict)
    best: dict[str, float] = field(default_factory=dict)
    bad: dict[str, int] = field(default_factory=dict)
    waiting: dict[str, set[int]] = field(default_factory=dict)  # trials at rungs
    running: dict[TrialKey, tuple[Trial, Study, Progress | None]] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)
    ended: int = 0
    heard: bool = False  # whether some training has told of an epoch
    second: dict[str, int] = field(default_factory=dict)  # trainings of the second stage, by task
    told: set[tuple[str, str]] = field(default_factory=set)  # what was said of a task's claims
    steered: Told | None = None

    @property
    def total(self) -> int:
        return sum(map(self.planned, self.studies)) + sum(self.second.values())

    def planned(self, study: Study) -> int:
        """Trials of a study that are to be run here."""
        return planned(study, self.trials, self.part)

    @property
    def finished(self) -> int:
        return sum(self.done.values())

    @property
    def paused(self) -> str:
        """Since when the sweep is paused, and what ends that; empty where it is not."""
        if self.steered is None or self.steered.paused is None or not self.studies:
            return ""
        resume = command("ctl", self.studies[0].experiment.file, "resume")
        return f"paused since {moment(self.steered.paused)}: {resume}"

    def left(self) -> str:
        """Time left, from the pace so far of this run."""
        if self.paused:
            return "paused"
        if self.ended < 2:
            return "measuring the pace"
        pace = (time.monotonic() - self.began) / self.ended
        return f"about {duration(pace * (self.total - self.finished))} left"


class Display(Observer):
    """Observer of a sweep; use it as a context.

    Args:
        live: redraw in place; otherwise a line for each trial that ends.
    """

    def __init__(self, console: Console, trials: int, live: bool, part: Part = WHOLE) -> None:
        self.console = console
        self.state = _State(trials=trials, part=part)
        self.live = (
            Live(self, console=console, refresh_per_second=4, transient=True) if live else None
        )

    def __enter__(self) -> Display:
        return self

    def __exit__(self, *_: object) -> None:
        if self.live is not None:
            self.live.stop()

    # -- what the loop tells

    def note(self, text: str) -> None:
        self.console.print(text, markup=False, highlight=False, soft_wrap=self.live is None)

    def begin(
        self, studies: Sequence[Study], done: Mapping[str, int], best: Mapping[str, float]
    ) -> None:
        state = self.state
        state.studies, state.done, state.best = studies, dict(done), dict(best)
        state.began = time.monotonic()
        if self.state.finished:
            rest = "; going on with the rest" if state.finished < state.total else ""
            # how much of a second stage is done is not known yet
            of = " of the search" if any(study.experiment.confirm for study in studies) else ""
            trials = number_of(state.total, f"trial{of} is", f"trials{of} are")
            self.note(f"{state.finished} of {trials} done already{rest}")
        if state.finished < state.total and self.live is not None:
            self.live.start()
        elif state.finished < state.total:
            self.note(STARTING)

    def started(self, study: Study, trial: Trial) -> None:
        self.state.running[study.identity, trial.index] = (trial, study, None)
        if self.live is None and not self.state.heard:
            self.note(f"{study.label} {trial.index}: {_compiling(trial)}")

    def progress(self, study: Study, trial: Trial, progress: Progress) -> None:
        self.state.running[study.identity, trial.index] = (trial, study, progress)
        self.state.heard = True

    def ended(self, study: Study, trial: Trial, outcome: Outcome) -> None:
        state, name = self.state, study.identity
        state.running.pop((name, trial.index), None)
        name = _second(study.task.label) if study.stage else name
        if outcome.retried:
            self.note(
                f"{study.label} {trial.index}: {outcome.kind}, begun again: {outcome.message}"
            )
        if outcome.waits:
            state.waiting.setdefault(name, set()).add(trial.index)
            if self.live is None:
                self.note(f"{study.label} {trial.index}: {outcome.message}")
        if not outcome.final:
            return
        state.waiting.get(name, set()).discard(trial.index)
        state.ended += 1
        state.done[name] = state.done.get(name, 0) + 1
        if outcome.kind is Kind.COMPLETE:
            score = outcome.scores[study.experiment.select.on]
            state.best[name] = min(score, state.best.get(name, score))
        elif outcome.kind is not Kind.PRUNED:
            state.bad[name] = state.bad.get(name, 0) + 1
        if self.live is None:
            self.note(self._line(study, trial, outcome))

    def stands(self, now: Stand, experiment: Experiment) -> None:
        state = self.state
        done = now.trainings - now.searched
        state.done[_second(now.task)] = done
        state.second[now.task] = done + len(now.next)
        for text in told.lines(now, experiment):
            if (now.task, text) not in state.told:
                state.told.add((now.task, text))
                self.note(text)
        if self.live is not None and now.next:
            self.live.start()

    def steered(self, told: Told) -> None:
        was_paused = bool(self.state.paused)
        self.state.steered, self.state.trials = told, told.trials
        if self.live is None and self.state.paused and not was_paused:
            self.note(self.state.paused)

    def stopped(self) -> None:
        """The sweep was interrupted, perhaps before it knew what is done already."""
        state = self.state
        done = "no trial was begun"
        if state.studies:
            done = f"{state.finished} of {number_of(state.total, 'trial is', 'trials are')} done"
        waiting = sum(map(len, state.waiting.values()))
        if waiting:
            done += f", {number_of(waiting, 'waits', 'wait')} at a rung"
        self.note(f"stopped; {done}, and the same command goes on")

    # -- how it looks

    def _line(self, study: Study, trial: Trial, outcome: Outcome) -> str:
        state = self.state
        if outcome.kind is Kind.COMPLETE:
            result = (
                f"{study.experiment.select.on} {outcome.scores[study.experiment.select.on]:.4f}"
            )
        else:
            result = f"{outcome.kind}: {outcome.message.splitlines()[0] if outcome.message else ''}"
        chosen = " ".join(
            f"{name}={value_text(value)}" for name, value in trial.hyperparameters.items()
        )
        seconds = outcome.seconds.get("total", 0.0)
        head = f"[{state.finished}/{state.total}] {study.label} {trial.index}"
        return f"{head}: {result}  ({chosen}; {seconds:.0f} s; {state.left()})"

    def __rich__(self) -> Group:
        state = self.state
        table = Table(box=None, pad_edge=False, padding=(0, 1))
        for name, justify in (
            ("variant", "left"),
            ("", "left"),
            ("trials", "right"),
            ("best", "right"),
            ("", "left"),
        ):
            table.add_column(name, justify=justify)  # type: ignore[arg-type]  # the literals above
        for study in state.studies:
            table.add_row(*self._row(study))
        foot = Text(
            f"{state.finished} of {number_of(state.total, 'trial')}, {len(state.running)} running,"
            f" {state.left()}",
            style="dim",
        )
        starting = [] if state.running or state.ended else [Text(f"  {STARTING}", style="cyan")]
        paused = [Text(f"  {state.paused}", style="yellow")] if state.paused else []
        return Group(table, *starting, *self._running(), *paused, foot)

    def _row(self, study: Study) -> tuple[str | Text | ProgressBar, ...]:
        state, name = self.state, study.identity
        done, total = state.done.get(name, 0), state.planned(study)
        best = f"{state.best[name]:.4f}" if name in state.best else ""
        remark = Text("")
        if state.steered and study.variant.label in state.steered.stopped:
            remark = Text("stopped", style="yellow")
        elif name in state.bad:
            remark = Text(f"{state.bad[name]} not complete", style="yellow")
        elif state.waiting.get(name):
            waiting = number_of(len(state.waiting[name]), "waits", "wait")
            remark = Text(f"{waiting} for the others", style="dim")
        return (
            study.label,
            ProgressBar(total=max(total, 1), completed=done, width=20),
            f"{done}/{total}",
            best,
            remark,
        )

    def _running(self) -> list[Text]:
        lines = []
        for trial, study, progress in list(self.state.running.values())[:8]:
            how = _compiling(trial)
            if progress:
                how = f"epoch {progress.step}/{progress.of}, {progress.value:.4f}"
            lines.append(Text(f"  {study.label} {trial.index}: {how}", style="cyan"))
        return lines


def _compiling(trial: Trial) -> str:
    """What a training does before its first epoch is over."""
    sizes = [
        f"{trial.hyperparameters[name]} {name}"
        for name in ("layers", "units")
        if name in trial.hyperparameters
    ]
    return f"compiling {', '.join([trial.variant, *sizes])}"


def _second(task: str) -> str:
    """Under what the trainings of the second stage are counted."""
    return f"second stage on {task}"


def span(values: Sequence[float], text: Callable[[float], str]) -> str:
    """From the least to the largest of some values; one number where both look alike."""
    low, high = text(min(values)), text(max(values))
    return low if low == high else f"{low} to {high}"
