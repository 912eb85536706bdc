"""The command `plan`: what would run, how long it would take, and what it can decide."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from rnnzoo.api.argument import experiment_of
from rnnzoo.cli.warned import print_data
from rnnzoo.errors import Remark, number_of
from rnnzoo.terminal.bars import bars
from rnnzoo.terminal.console import plain_console, told


def plan(args: argparse.Namespace) -> None:
    """What would run, what is done, how long the rest takes, and what can be decided."""
    from rnnzoo.api import planning

    noise = planning.checked_noise(args.noise)
    console = plain_console(args.json)
    experiment = experiment_of(Path(args.spec), args.set, args.trials)
    with bars(console, lines=not args.json) as report:
        content = planning.planned(experiment, args.workers, not args.no_measure, noise, report)
    if args.json:
        print(json.dumps(content, indent=2))
    else:
        warnings = [Remark(**warning) for warning in content["warnings"]]
        print_data(warnings, content["data"], console)
        _print_plan(content, console)


def _print_plan(content: Mapping[str, Any], console: Console) -> None:
    from rich.table import Table

    from rnnzoo.cli import expected
    from rnnzoo.terminal.display import duration, span

    table = Table(box=None, pad_edge=False)
    several = len({row["task"] for row in content["studies"]}) > 1
    for name in (
        "variant",
        *(["task"] if several else []),
        "trials",
        "left",
        "weights",
        "ms a step",
        "a trial",
    ):
        table.add_column(name, justify="left" if name in ("variant", "task") else "right")
    for row in content["studies"]:
        step, hours = row["seconds_per_step"], row["core_hours"]
        table.add_row(
            row["variant"], *([row["task"]] if several else []), str(row["planned"]),
            str(row["left"]), span(row["weights"], "{:,}".format),
            span([1000 * seconds for seconds in step], "{:.1f}".format) if step else "",
            span([end * 3600 / row["left"] for end in hours], duration)
            if hours and row["left"] else "",
        )  # fmt: skip
    console.print(table)
    if content["hours"]:
        how_long = span([hours * 3600 for hours in content["hours"]], duration)
        console.print(f"\n{how_long} with {content['workers']} at a time, if no trial stops early")
    for task, most in content.get("second_stage", {}).items():
        console.print(
            "\n"
            f"then to confirm claims on {task}: {f'at most {most}' if most else 'no'} trainings"
            " more"
        )
        if task in content.get("expected", {}):
            expected.show(content["expected"][task], console)
    if "speed" in content:
        told(console, f"\n{_measurements(**content['speed'])}")
    for text in content.get("advice", ()):
        told(console, f"\n{text}")


def _measurements(measurements: int, seconds: float | None) -> str:
    from rnnzoo.terminal.display import duration

    if not measurements:
        return "all that claims about speed need is measured"
    how_long = f", about {duration(seconds)}" if seconds is not None else ""
    count = f"{number_of(measurements, 'pair')} of variants"
    return f"at the end, for claims about speed: {count} side by side, one at a time{how_long}"
