"""A sweep as it runs: bars and best scores on a terminal, plain lines without one.

In: what the loop tells (`sweep.observer.Observer`), and what is known by that (`sweep.tally`), of
which nothing is counted here.  Out: text, nothing else; a display that fails stops no sweep.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rnnzoo.confirm import told
from rnnzoo.confirm.stand import Stand
from rnnzoo.errors import command, duration, moment, number_of, score_text
from rnnzoo.spec.experiment import Experiment
from rnnzoo.spec.hyperparameters import value_text
from rnnzoo.spec.trial import Kind, Outcome, Progress, Trial
from rnnzoo.sweep.observer import Observer
from rnnzoo.sweep.plan import Study
from rnnzoo.sweep.steering import Told
from rnnzoo.sweep.tally import Row, Tally

STARTING = "starting the processes that train"
SHOWN = 8  # trials that run


class Redrawn(Protocol):
    """What is drawn in place, from its start until it is stopped."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


class Display(Observer):
    """Observer of a sweep; use it as a context.

    Args:
        tally: what is known of the sweep; it is told before the display is.
        live: redraw in place; otherwise a line for each trial that ends.
    """

    def __init__(self, console: Console, tally: Tally, live: bool) -> None:
        self.console, self.tally = console, tally
        self.live: Redrawn | None = (
            Live(self, console=console, refresh_per_second=4, transient=True) if live else None
        )
        self._studies: Sequence[Study] = ()  # that were begun last
        self._begun = False  # whether some trial has
        self._heard = False  # whether some training has told of an epoch
        self._said: set[tuple[str, str]] = set()  # of each task's claims
        self._was_paused = False

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
        self._studies = studies
        rows = self._rows()
        finished = sum(row.done for row in rows)
        total = sum(map(self.tally.planned_of, rows))
        if finished:
            rest = "; going on with the rest" if finished < total else ""
            # how much of a second stage is done is not known yet
            of = " of the search" if any(study.experiment.confirm for study in studies) else ""
            trials = number_of(total, f"trial{of} is", f"trials{of} are")
            self.note(f"{finished} of {trials} done already{rest}")
        if finished < total and self.live is not None:
            self.live.start()
        elif finished < total:
            self.note(STARTING)

    def started(self, study: Study, trial: Trial) -> None:
        self._begun = True
        if self.live is None and not self._heard:
            self.note(f"{study.label} {trial.index}: {_compiling(trial)}")

    def progress(self, study: Study, trial: Trial, progress: Progress) -> None:
        self._heard = True

    def ended(self, study: Study, trial: Trial, outcome: Outcome) -> None:
        label = study.variant.label
        if outcome.retried:
            is_stopped = label in self.tally.stopped
            again = f"begins again once {label} goes on" if is_stopped else "begun again"
            self.note(f"{study.label} {trial.index}: {outcome.kind}, {again}: {outcome.message}")
        if outcome.waits and self.live is None:
            self.note(f"{study.label} {trial.index}: {outcome.message}")
        if outcome.final and self.live is None:
            self.note(self._line(study, trial, outcome))

    def stands(self, now: Stand, experiment: Experiment) -> None:
        for text in told.lines(now, experiment):
            if (now.task, text) not in self._said:
                self._said.add((now.task, text))
                self.note(text)
        if self.live is not None and now.next:
            self.live.start()

    def steered(self, told: Told) -> None:
        if self.live is None and self.tally.is_paused and not self._was_paused:
            self.note(self._paused())
        self._was_paused = self.tally.is_paused

    def stopped(self) -> None:
        """The sweep was interrupted, perhaps before it knew what is done already."""
        tally = self.tally
        done = "no trial was begun"
        if tally.rows:
            done = f"{tally.done} of {number_of(tally.planned, 'trial is', 'trials are')} done"
        waiting = sum(len(row.waiting) for row in tally.rows.values())
        if waiting:
            done += f", {number_of(waiting, 'waits', 'wait')} at a rung"
        self.note(f"stopped; {done}, and the same command goes on")

    # -- how it looks

    def _line(self, study: Study, trial: Trial, outcome: Outcome) -> str:
        tally = self.tally
        if outcome.kind is Kind.COMPLETE:
            on = study.experiment.select.on
            result = f"{on} {score_text(outcome.scores[on])}"
        else:
            result = f"{outcome.kind}: {outcome.message.splitlines()[0] if outcome.message else ''}"
        chosen = " ".join(
            f"{name}={value_text(value)}" for name, value in trial.hyperparameters.items()
        )
        seconds = outcome.seconds.get("total", 0.0)
        head = f"[{tally.done}/{tally.planned}] {study.label} {trial.index}"
        return f"{head}: {result}  ({chosen}; {seconds:.0f} s; {self._left()})"

    def _left(self) -> str:
        """Time left, from the pace so far of this run."""
        if self.tally.is_paused:
            return "paused"
        if self.tally.end:
            return "ended"
        if 0 < self.tally.planned <= self.tally.done:
            return "no trials left"
        left = self.tally.left()
        return "measuring the pace" if left is None else f"about {duration(left)} left"

    def _paused(self) -> str:
        """Since when the sweep is paused, and what ends that; empty where it is not."""
        steered = self.tally.told
        if steered is None or steered.paused is None or not self._studies:
            return ""
        resume = command("ctl", self._studies[0].experiment.file, "resume")
        return f"paused since {moment(steered.paused)}: {resume}"

    def __rich__(self) -> Group:
        with self.tally.lock:
            return self._drawn()

    def _drawn(self) -> Group:
        tally = self.tally
        table = Table(box=None, pad_edge=False, padding=(0, 1))
        for name, justify in (
            ("variant", "left"),
            ("", "left"),
            ("trials", "right"),
            ("best", "right"),
            ("", "left"),
        ):
            table.add_column(name, justify=justify)  # type: ignore[arg-type]  # the literals above
        for row in self._rows():
            table.add_row(*self._row(row))
        foot = Text(
            f"{tally.done} of {number_of(tally.planned, 'trial')}, {len(tally.running)} running,"
            f" {self._left()}",
            style="dim",
        )
        starting = [] if self._begun else [Text(f"  {STARTING}", style="cyan")]
        paused = [Text(f"  {self._paused()}", style="yellow")] if self._paused() else []
        return Group(table, *starting, *self._running(), *paused, foot)

    def _rows(self) -> list[Row]:
        """How far each of the studies is that were begun last."""
        return [self.tally.rows[study.identity] for study in self._studies]

    def _row(self, row: Row) -> tuple[str | Text | ProgressBar, ...]:
        total = self.tally.planned_of(row)
        remark = Text("")
        if row.study.variant.label in self.tally.stopped:
            remark = Text("stopped", style="yellow")
        elif row.not_complete:
            remark = Text(f"{row.not_complete} not complete", style="yellow")
        elif row.waiting:
            waiting = number_of(len(row.waiting), "waits", "wait")
            remark = Text(f"{waiting} for the others", style="dim")
        return (
            row.study.label,
            ProgressBar(total=max(total, 1), completed=row.done, width=20),
            f"{row.done}/{total}",
            score_text(row.best) if math.isfinite(row.best) else "",
            remark,
        )

    def _running(self) -> list[Text]:
        lines = []
        for running in list(self.tally.running.values())[:SHOWN]:
            trial, progress = running.trial, running.progress
            how = _compiling(trial)
            if progress:
                how = f"epoch {progress.step}/{progress.of}, {score_text(progress.value)}"
            lines.append(Text(f"  {running.study.label} {trial.index}: {how}", style="cyan"))
        return lines


def _compiling(trial: Trial) -> str:
    """What a training does before its first epoch is over."""
    sizes = [
        f"{trial.hyperparameters[name]} {name}"
        for name in ("layers", "units")
        if name in trial.hyperparameters
    ]
    return f"compiling {', '.join([trial.variant, *sizes])}"


def span(values: Sequence[float], text: Callable[[float], str]) -> str:
    """From the least to the largest of some values; one number where both look alike."""
    low, high = text(min(values)), text(max(values))
    return low if low == high else f"{low} to {high}"
