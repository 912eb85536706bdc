"""The command `plan`: what would run, how long it would take, and what it can decide."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console

from rnnzoo.api.argument import experiment_of
from rnnzoo.cli.as_json import print_json
from rnnzoo.cli.warned import print_data
from rnnzoo.errors import Remark, duration, number_of
from rnnzoo.terminal.bars import bars
from rnnzoo.terminal.console import plain_console, told

if TYPE_CHECKING:
    from rich.table import Table

PlannedStudy = Mapping[str, Any]  # what a plan says of one


def plan(args: argparse.Namespace) -> None:
    """What would run, what is done, how long the rest takes, and what can be decided."""
    from rnnzoo.api import planning, root
    from rnnzoo.sweep.parts import part_of

    noise, hours = planning.checked_noise(args.noise), root.checked_hours(args.hours)
    console = plain_console(args.json)
    experiment = experiment_of(Path(args.spec), args.set, args.trials)
    part = part_of(experiment, args.only, args.shard)
    measured = not args.no_measure
    with bars(console, lines=not args.json) as report:
        content = planning.planned(experiment, args.workers, measured, noise, report, part, hours)
    if args.json:
        print_json(content)
    else:
        warnings = [Remark(**warning) for warning in content["warnings"]]
        print_data(warnings, content["data"], console)
        _print_plan(content, console)


def _print_plan(content: Mapping[str, Any], console: Console) -> None:
    from rnnzoo.api import together
    from rnnzoo.cli import expected, within
    from rnnzoo.terminal.display import span

    console.print(_table(content["studies"]))
    for line in _earlier(content["earlier"], "second_stage" in content, content["shares"]):
        told(console, f"\n{line}")
    if content["elsewhere"]:
        told(console, f"\n{_elsewhere(content['elsewhere'])}")
    if "population" in content:
        told(console, f"\n{together.words(content['population'])}")
    if content["hours"]:
        how_long = span([hours * 3600 for hours in content["hours"]], duration)
        at_once = f" with {content['workers']} at a time" if "population" not in content else ""
        console.print(f"\n{how_long}{at_once}, if no trial stops early")
    for task, most in content.get("second_stage", {}).items():
        trainings = f"at most {number_of(most, 'training')}" if most else "no trainings"
        console.print(f"\nthen to confirm claims on {task}: {trainings} more")
        if task in content.get("expected", {}):
            expected.show(content["expected"][task], console)
    if "speed" in content:
        told(console, f"\n{_measurements(**content['speed'])}")
    for text in content.get("advice", ()):
        told(console, f"\n{text}")
    if "within" in content:
        within.show(content["within"], console)


def _earlier(earlier: Mapping[str, Any], confirms: bool, shares: bool = False) -> Iterator[str]:
    """What earlier editions of the experiment are worth, in sentences.

    Args:
        confirms: whether a second stage follows the search.
        shares: whether trials of other experiments count.
    """
    from rnnzoo.api.going_on import read

    ahead = read(earlier)
    if words := ahead.words():
        whose = "earlier versions and other experiments" if shares else "an earlier version"
        yield f"of {whose}: {words}"
    if confirms and ahead.going_on:
        yield (
            "trainings of the second stage go on where its settings come out as they were, and"
            " begin anew where they do not"
        )


def _elsewhere(counts: Mapping[str, int]) -> str:
    """What trials of other experiments are worth, in a sentence."""
    from rnnzoo.api.going_on import words_elsewhere

    return f"{words_elsewhere(counts)}; `rnnzoo sweep --share` takes them over"


def _table(studies: Sequence[PlannedStudy]) -> Table:
    """A row for each study; tasks are named where there are several."""
    from rich.table import Table

    several = len({study["task"] for study in studies}) > 1
    columns = [column for column in _COLUMNS if several or column.title != "task"]
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column.title, justify=column.justify)
    for study in studies:
        table.add_row(*(column.text(study) for column in columns))
    return table


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of the table: what it says of a study."""

    title: str
    text: Callable[[PlannedStudy], str]
    justify: Literal["left", "right"] = "right"


def _weights(study: PlannedStudy) -> str:
    from rnnzoo.terminal.display import span

    return span(study["weights"], "{:,}".format)


def _step(study: PlannedStudy) -> str:
    """Milliseconds of a training step, where they were measured."""
    from rnnzoo.terminal.display import span

    seconds = study["seconds_per_step"]
    return span([1000 * second for second in seconds], "{:.1f}".format) if seconds else ""


def _trial(study: PlannedStudy) -> str:
    """How long a trial takes, where that was measured and some are left."""
    from rnnzoo.terminal.display import span

    hours, left = study["core_hours"], study["left"]
    return span([3600 * end / left for end in hours], duration) if hours and left else ""


_COLUMNS = (
    _Column("variant", lambda study: str(study["variant"]), "left"),
    _Column("task", lambda study: str(study["task"]), "left"),
    _Column("trials", lambda study: str(study["planned"])),
    _Column("left", lambda study: str(study["left"])),
    _Column("weights", _weights),
    _Column("ms a step", _step),
    _Column("a trial", _trial),
)


def _measurements(measurements: int, seconds: float | None) -> str:
    if not measurements:
        return "all that claims about speed need is measured"
    how_long = f", about {duration(seconds)}" if seconds is not None else ""
    count = f"{number_of(measurements, 'pair')} of variants"
    return f"at the end, for claims about speed: {count} side by side, one at a time{how_long}"
