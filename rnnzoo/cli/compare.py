"""The command compare: several experiments side by side."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from rnnzoo.cli.as_json import print_json
from rnnzoo.cli.warned import of_source
from rnnzoo.errors import UsageError, argument, command, listed
from rnnzoo.spec.atomic import atomic_write
from rnnzoo.spec.settings import runs
from rnnzoo.terminal.console import plain_console, told

if TYPE_CHECKING:
    from rnnzoo.report.comparison import ComparedTask, Comparison, Ran, Score
    from rnnzoo.spec.experiment import Experiment

WIDEST = 10_000  # columns: what a table would like to have is asked without a limit
_LONG: Mapping[str, Literal["left", "right"]] = {
    "variant": "left",
    "experiment": "left",
    "mean": "right",
    "95 %": "left",
    "trainings": "right",
}
NO_TEST = (
    "no test is made between experiments: other seeds, settings or machines may make a difference"
)


def compare(args: argparse.Namespace) -> None:
    """Print scores side by side, and what differs; draw them."""
    from rnnzoo.report import figures
    from rnnzoo.report.comparison import compared

    console = plain_console(args.json)
    if args.out and Path(args.out).exists() and not args.force:
        raise UsageError(
            f"{args.out} is there already", "another name, or --force to write over it"
        )
    comparison = compared(list(_ran(args, console)))
    names = "-".join(comparison.experiments)[:80]
    picture = Path(args.out) if args.out else runs() / "compare" / f"{names}.svg"
    with atomic_write(picture) as draft:
        draft.write_text(figures.side_by_side(comparison), encoding="utf-8")
    if args.json:
        print_json({**comparison.to_dict(), "picture": str(picture)})
        return
    _shown(comparison, console)
    console.print(f"\npicture {picture}", soft_wrap=True)


def _ran(args: argparse.Namespace, console: Console) -> Iterator[Ran]:
    """The experiments with their results, from the table that is given of one, or from where they
    are.
    """
    from rnnzoo.api import sources
    from rnnzoo.api.argument import experiment_of
    from rnnzoo.report.comparison import Ran

    if len(args.specs) < 2:
        raise UsageError("one experiment alone", command("compare", args.specs[0], "ANOTHER"))
    experiments = [experiment_of(Path(spec)) for spec in args.specs]
    _check_names(experiments)
    tables = _tables(args.source, experiments)

    for experiment in experiments:
        given = [tables[experiment.name]] if experiment.name in tables else []
        results = sources.found(experiment, given, of_source(console))
        yield Ran(results.experiment, results.trials, results.tasks, results.cells, results.planned)


def _check_names(experiments: Sequence[Experiment]) -> None:
    counts = Counter(experiment.name for experiment in experiments)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise UsageError(
            f"two of these files are the experiment '{twice[0]}'", "give each experiment once"
        )


def _tables(files: Sequence[str], experiments: Sequence[Experiment]) -> Mapping[str, str]:
    """The tables by the experiment of which they have trials.

    Raises:
        UsageError: one has those of none of these, or two have those of one.
    """
    from rnnzoo.report import table

    names = [experiment.name for experiment in experiments]
    tables: dict[str, str] = {}
    for file in files:
        name = table.read(Path(file)).experiment
        option = argument("source", file)
        if name not in names:
            raise UsageError(
                f"{option} holds trials of '{name}', which is not compared",
                f"give the file of that experiment too; compared are {listed(names)}",
            )
        if name in tables:
            raise UsageError(
                f"{tables[name]} and {file} both hold trials of '{name}'", "give one of them"
            )
        tables[name] = file
    return tables


def _shown(comparison: Comparison, console: Console) -> None:
    """What scores may be set side by side at all, the scores, and what else differs."""
    for task in comparison.tasks:
        if task.other_data:
            told(console, f"{_other_data(task)}\n", style="yellow")
    for task in comparison.tasks:
        told(console, task.title)
        wide = _wide(task)
        needed = console.measure(wide, options=console.options.update(width=WIDEST)).maximum
        console.print(wide if needed <= console.width else _long(task))
        console.print()
    for text in (*comparison.apart, NO_TEST):
        told(console, text, style="dim")
    console.print("\nwhat differs")
    for difference in comparison.differences:
        told(console, f"  {difference}")
    if not comparison.differences:
        console.print("  nothing but the names, and what is claimed")


def _other_data(task: ComparedTask) -> str:
    return (
        f"the data of {task.task} differ between {listed(task.experiments)}: these are scores on"
        " different tasks"
    )


def _wide(task: ComparedTask) -> Grid:
    """A column for each experiment."""
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for number, name in enumerate(("variant", *task.experiments)):
        grid.add_column(Text(name), no_wrap=True, justify="right" if number else "left")
    for row in task.rows:
        scores = (_said(row.scores.get(name)) for name in task.experiments)
        grid.add_row(*map(Text, (row.label, *scores)))
    return grid


def _long(task: ComparedTask) -> Grid:
    """A line for each variant and experiment, where the columns would be too wide."""
    from rnnzoo.report.text import interval, number

    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title, justify in _LONG.items():
        grid.add_column(title, justify=justify, overflow="fold")
    for row in task.rows:
        label = row.label
        for name, score in row.scores.items():
            between = interval(score.interval, ", ") if score.interval else ""
            cells = (label, name, number(score.mean), between, str(score.trainings))
            grid.add_row(*map(Text, cells))
            label = ""  # it stands in its first line
    return grid


def _said(score: Score | None) -> str:
    """A mean and its interval; a bar where there is none."""
    from rnnzoo.report.text import interval, number

    if score is None:
        return "-"
    between = f" [{interval(score.interval, ', ')}]" if score.interval else ""
    return f"{number(score.mean)}{between} of {score.trainings}"
