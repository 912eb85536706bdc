"""The command `evolve`: a search over cells."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from rnnzoo.api.argument import experiment_of
from rnnzoo.cli.as_json import print_json
from rnnzoo.errors import StoreError, argument, command, listed, number_of
from rnnzoo.evolve.found import CONFIRMED
from rnnzoo.evolve.rows import Fate
from rnnzoo.evolve.tally import Tally
from rnnzoo.spec import settings as config
from rnnzoo.spec.experiment import Experiment
from rnnzoo.terminal.bars import bars
from rnnzoo.terminal.console import plain_console, told
from rnnzoo.terminal.searching import SearchDisplay, progress_line

if TYPE_CHECKING:
    from rnnzoo.api.evolving import PreparedSearch


def evolve(args: argparse.Namespace) -> None:
    """Run what is missing of a search."""
    from rnnzoo.api.evolving import prepared_search

    console = plain_console(args.json, "the search goes on, though nobody reads what it prints")
    sets = [*args.set]
    if args.candidates is not None:
        sets.append(f"search_cells.candidates={args.candidates}")
    experiment = experiment_of(Path(args.spec), sets)
    with bars(console, lines=True) as report:
        ready = prepared_search(
            experiment, args.workers, args.hours, args.source, report, args.again
        )
    tally = ready.known()
    _begin(ready, tally, console)
    with SearchDisplay(console, tally, ready.opened.plan.search.candidates) as display:
        try:
            ready.run(display, tally.take)
        except KeyboardInterrupt:
            again = command("evolve", args.spec, sets=args.set)
            told(console, f"{display.line()}{_lost(len(ready.running))}; {again} goes on")
            raise
    if args.json:
        print_json({"history": str(ready.opened.history), **tally.to_dict()})
        return
    _end(ready, tally, console, args)


def _begin(ready: PreparedSearch, tally: Tally, console: Console) -> None:
    """Say what is searched, and what of it is done already."""
    plan = ready.opened.plan
    begins = "a grammar" if plan.search.origin == "grammar" else listed(plan.search.parents)
    stages = listed(["the filter"] * (plan.search.filter is not None) + list(plan.stages))
    told(
        console,
        f"{plan.experiment.name}: {plan.search.candidates:,} candidates from {begins}, through"
        f" {stages}, {ready.workers} at a time",
    )
    for path in ready.set_aside():
        told(console, f"set aside, as the search was changed since: {path}", style="yellow")
    if tally.drawn or tally.trained:
        told(console, f"{number_of(tally.ended, 'candidate')} done already{_rest(ready)}")
    if ready.forgotten:
        begin = number_of(ready.forgotten, "training begins", "trainings begin")
        told(console, f"{begin} once more; the history as it was stays beside it")


def _rest(ready: PreparedSearch) -> str:
    """What a search that has begun does now."""
    course, planned = ready.course, ready.opened.plan.search.candidates
    if not course.is_done:
        return "; going on with the rest"
    if course.candidates > planned:
        more = argument("candidates", f"{course.candidates + 1}")
        return f", more than {planned:,}, so that nothing is trained; `{more}` or more goes on"
    return ""


def _lost(trainings: int) -> str:
    """What an end has cost."""
    if not trainings:
        return ""
    return f", {number_of(trainings, 'training that ran begins', 'trainings that ran begin')} anew"


def _end(ready: PreparedSearch, tally: Tally, console: Console, args: argparse.Namespace) -> None:
    """Write what was found; say what became of the candidates, and where to look."""
    from rnnzoo.api.evolving import page, track, written

    counts = [f"{tally.candidates[fate]:,} {fate}" for fate in Fate if tally.candidates[fate]]
    told(console, f"{tally.ended:,} trained: {', '.join(counts) or 'none'}")
    if not ready.course.is_done:
        again = command("evolve", args.spec, sets=args.set)
        told(console, f"its hours are over: {again} goes on", style="yellow")
    for kind, count in ready.failures().items():
        trainings = number_of(count, "training is", "trainings are")
        pronoun = "it" if count == 1 else "these"
        again = argument("again", str(kind))
        told(console, f"{trainings} {kind.words}; `{again}` begins {pronoun} once more")
    told(console, f"history: {ready.opened.history}")
    told(console, f"page: {page(ready.opened.experiment)}")
    paths, left = written(ready, lambda path: args.force or _may_write_over(path, console))
    for text in left:
        told(console, text, style="yellow")
    cells = [path for path in paths if not path.stem.endswith(CONFIRMED)]
    if cells:
        told(console, f"best cells: {listed(map(str, cells))}")
    for experiment in paths[len(cells) :]:
        told(
            console,
            f"they were chosen by luck, too: {command('sweep', experiment)} trains them afresh",
        )
    try:
        where = track(ready)
    except StoreError as error:
        told(console, f"{config.read().tracker_title} lacks them: {error}", style="yellow")
        return
    if where:
        told(console, f"in {config.read().tracker_title}: {where}")


def searched(experiment: Experiment, console: Console) -> dict[str, Any]:
    """Print how far the search over cells of an experiment is, and write its page; the same for
    JSON, empty where nothing was searched.
    """
    from rnnzoo.api.evolving import page
    from rnnzoo.api.evolving import tally as tally_of

    known = tally_of(experiment)
    if known is None or experiment.cell_search is None:
        return {}
    tally, history = known
    told(console, f"search over cells: {progress_line(tally, experiment.cell_search.candidates)}")
    told(console, f"history: {history}")
    written = page(experiment)
    told(console, f"page: {written}")
    return {"history": str(history), "page": str(written), **tally.to_dict()}


def _may_write_over(path: Path, console: Console) -> bool:
    """Ask, where there is somebody to answer."""
    if not (console.is_terminal and sys.stdin.isatty()):
        return False
    return console.input(f"{path} has another cell of this search; write over it? [y/N] ") == "y"
