"""Commands that run an experiment and write it to MLflow: sweep, sync."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from rnnzoo.api.argument import experiment_of
from rnnzoo.api.beforehand import warned
from rnnzoo.cli.as_json import print_json
from rnnzoo.cli.asked import print_asked
from rnnzoo.cli.warned import print_data
from rnnzoo.errors import command, number_of, without_password
from rnnzoo.spec import settings as config
from rnnzoo.spec.experiment import Experiment
from rnnzoo.sweep.begun import Lanes
from rnnzoo.terminal.bars import bars
from rnnzoo.terminal.console import plain_console, told

if TYPE_CHECKING:
    from rnnzoo.api.sweeping import Note, Prepared
    from rnnzoo.api.value import Results
    from rnnzoo.tasks import Report

EVERY = 10.0  # seconds between two lines about work that takes long, where there is no bar


def sweep(args: argparse.Namespace) -> int:
    """Run what is missing, then write the report."""
    from rnnzoo.cli import reports

    console = plain_console(args.json, "the sweep goes on, though nobody reads what it prints")
    experiment = experiment_of(Path(args.spec), args.set, args.trials)
    ready = _prepared(experiment, args, console)
    _introduce(ready, experiment, console)
    results = _run(ready, args.spec, console)
    made = ready.publish(results, noted(console))
    reports.shown(results, made, console)
    _tell_what_the_tracker_lacks(ready, args.spec, console)
    for text in (*ready.told, *ready.left(results)):
        told(console, f"\n{text}")
    incomplete = ready.incomplete(results)
    if incomplete:
        told(console, f"\nno complete trial: {', '.join(incomplete)}", style="yellow")
    if args.json:
        print_json({**made.to_dict(), "page": str(made.page), "incomplete": list(incomplete)})
    return 1 if incomplete else 0


def _prepared(experiment: Experiment, args: argparse.Namespace, console: Console) -> Prepared:
    """The sweep as the options have it; what it asks is printed before data is read."""
    from rnnzoo.api import root
    from rnnzoo.api.sweeping import prepared
    from rnnzoo.sweep.parts import part_of

    chosen = root.chosen_launcher(args.cluster, args.certificates)
    part = part_of(experiment, args.only, args.shard)
    print_asked(experiment, console)
    with bars(console, lines=True) as report:
        return prepared(
            experiment,
            args.workers,
            args.source,
            args.again,
            note=console.print,
            progress=report,
            part=part,
            chosen=chosen,
            share=args.share,
            hours=args.hours,
            grace=args.grace,
        )


def _introduce(ready: Prepared, experiment: Experiment, console: Console) -> None:
    """Say what will run, where, and what is odd about it.

    Args:
        experiment: as it is written; that of `ready` is settled by how it was begun.
    """
    from rnnzoo.api import planning

    console.print(_headline(ready))
    if config.project() != Path():
        console.print(f"in the project at {config.project()}", style="dim")
    print_data(warned(experiment), planning.data(ready.opened), console)
    for text in ready.elsewhere():
        console.print(text, style="yellow")


def _run(ready: Prepared, spec: str, console: Console) -> Results:
    """Run what is missing, on a display."""
    from rnnzoo.sweep.tally import Tally
    from rnnzoo.terminal.display import Display

    console.print(f"opening the storage and {config.read().tracker_title} ...", style="dim")
    tally, live = Tally(ready.opened.trials, ready.part), console.is_terminal
    if live:
        watch = command("watch", spec, sets=ready.opened.experiment.sets)
        told(console, f"in a browser: {watch}", style="dim")
    with Display(console, tally, live) as display:
        try:
            return ready.run(display, tally)
        except KeyboardInterrupt:
            display.stopped()
            raise


def _tell_what_the_tracker_lacks(ready: Prepared, spec: str, console: Console) -> None:
    missed = ready.tracker.missed
    if not missed and not ready.tracker.behind:
        return
    missing = f"{len(missed)} of these trials" if missed else "their report or models"
    title = config.read().tracker_title
    sync = command("sync", spec, sets=ready.opened.experiment.sets)
    told(console, f"\n{title} lacks {missing}: {sync} writes them", style="yellow")


def noted(console: Console) -> Note:
    """Prints what there is to say of models that cannot be kept."""
    return lambda text: told(console, text, style="yellow")


def _headline(ready: Prepared) -> str:
    opened, experiment, chosen = ready.opened, ready.opened.experiment, ready.chosen
    part = "" if ready.part.whole else f"; of these {ready.part}"
    tasks = ", ".join(task.label for task in experiment.tasks)
    at_once = ""
    if chosen.name == config.LOCAL.name:
        at_once = f", {ready.workers} at a time"
    elif chosen.name == config.CLUSTER:
        at_once = f", on the cluster at {chosen.options.get('address', '')}"
    elif chosen.name == config.POPULATION:
        at_once = f", {Lanes.of(experiment.training).words}"
    return (
        f"{experiment.name}: {number_of(len(experiment.variants), 'variant')} x"
        f" {number_of(opened.trials, 'trial')} on {tasks}{part}{at_once}"
    )


def sync(args: argparse.Namespace) -> None:
    """Write to MLflow what it lacks of what the storage holds."""
    from rnnzoo.api import root, sources, sweeping
    from rnnzoo.sweep import open as door
    from rnnzoo.sweep.lock import held
    from rnnzoo.sweep.tracked import level

    settings, console = config.read(), plain_console(args.json)
    experiment = experiment_of(Path(args.spec), args.set)
    with bars(console) as report:
        opened = door.loaded(experiment, report)
    store = door.existing_store(settings, experiment)
    results = sources.of_opened(opened, door.results(opened, store), store)
    title = settings.tracker_title
    where = f"MLflow at {without_password(settings.tracking)}" if title == "MLflow" else title
    told(console, f"asking {where} what it has of {number_of(len(results), 'trial')}")
    tracker = root.tracker(settings)
    with held(opened.runs / "lock", experiment.name), store.alone(experiment.name):
        tracker.open(experiment.name, experiment.about, sweeping.texts(experiment))
        with bars(console) as report:
            late = level(results.trials, tracker, experiment.name, _now_and_then(console, report))
        told(console, "writing the report and the best models")
        sweeping.published(opened, results, store, tracker, noted(console))
    if args.json:
        print_json({"trials": len(results), "written": late, "where": tracker.where()})
        return
    print(f"{_brought_level(late, len(results), title)}: {tracker.where()}")


def _brought_level(late: int, trials: int, title: str) -> str:
    """What `sync` has done: of so many trials a tracker lacked `late`."""
    if late:
        return f"{late} of {number_of(trials, 'trial')} written to {title}, which lacked them"
    return f"nothing to write: {title} already has {number_of(trials, 'trial')}"


def _now_and_then(console: Console, report: Report) -> Callable[[int, int], None]:
    """Tells how many trials are written: in a bar, and where there is none at first and then every
    `EVERY` seconds.
    """
    last = -EVERY

    def tell(done: int, of: int) -> None:
        nonlocal last
        report("writing trials", done, of)
        if not console.is_terminal and time.monotonic() >= last + EVERY:
            last = time.monotonic()
            told(console, f"writing trials: {done} of {of}")

    return tell
