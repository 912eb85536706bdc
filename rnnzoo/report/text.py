"""The ranking on a terminal, or as plain text where there is none; fits 80 columns.

What specs and tasks say is text: nowhere is it read as rich's markup.
"""

from __future__ import annotations

from rich.console import Console
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from rnnzoo.report.summary import Row, Summary, Table
from rnnzoo.spec.trial import Kind

STYLES = {"supported": "green", "refuted": "red", "same": "cyan", "undecided": "yellow"}


def show(summary: Summary, console: Console) -> None:
    """Print one ranking for each task, the baselines, what did not complete, and the verdicts."""
    for table in summary.tables:
        console.print()
        console.print(_title(summary, table), markup=False, highlight=False)
        console.print(_grid(summary, table))
        _notes(summary, table, console)
    _verdicts(summary, console)


def _verdicts(summary: Summary, console: Console) -> None:
    if summary.verdicts:
        console.print("\nverdicts", highlight=False)
    several = len(summary.tables) > 1
    for one in summary.verdicts:
        place = f"on {one.task}: " if several and not one.names_task else ""
        p = "" if one.p is None else f"  p {pvalue(one.p)}"
        console.print(Text.assemble("  ", (f"{one.said:10}", STYLES[one.word]), f" {place}{one.claim}{p}"))
        console.print(Padding(Text(one.found, style="dim"), (0, 0, 0, 13)))
        if one.settle:
            console.print(Padding(Text(f"to settle it: {one.settle}", style="dim"), (0, 0, 0, 13)))
    for text in summary.warnings if summary.verdicts else ():
        console.print(Padding(Text(f"warning: {text}", style="yellow"), (0, 0, 0, 2)))
    for control in summary.controls:
        where = f" on {control.task}" if several else ""
        text = f"control{where}: {control.found}; p {pvalue(control.p)} (any difference is chance)"
        console.print(Padding(Text(text, style="dim"), (0, 0, 0, 2)))


def _title(summary: Summary, table: Table) -> str:
    return f"{table.task}: {table.metric} on {summary.report}, {table.unit}, lower is better"


def _grid(summary: Summary, table: Table) -> Grid:
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    grid.add_column("variant", no_wrap=True)
    for name in (f"mean of {table.keep}", "95 % interval", "best", "weights", "s a trial", "trials"):
        grid.add_column(name, justify="right", no_wrap=True)
    for row in table.rows:
        grid.add_row(*map(Text, _cells(row)), style="" if row.mean is not None else "dim")
    return grid


def _cells(row: Row) -> tuple[str, ...]:
    best = row.best
    return (
        row.variant,
        number(row.mean),
        f"{number(row.interval[0])} - {number(row.interval[1])}" if row.interval else "",
        number(best.score if best else None),
        f"{best.weights:,}" if best else "",
        "" if row.seconds is None else f"{row.seconds:.0f}",
        f"{row.complete}/{sum(row.counts.values())}",
    )


def number(value: float | None) -> str:
    """Four figures, or nothing."""
    return "" if value is None else f"{value:.3f}" if abs(value) >= 0.01 or value == 0 else f"{value:.2e}"


def pvalue(p: float) -> str:
    """Two figures, and nothing smaller than what so many relabellings can show."""
    return f"{p:.2f}" if p >= 0.1 else f"{p:.3f}" if p >= 0.001 else "below 0.001"


def _notes(summary: Summary, table: Table, console: Console) -> None:
    for name, score in table.baselines.items():
        text = f"  {name}: {number(score)}  (learns nothing sequential)"
        console.print(text, style="dim", markup=False, highlight=False)
    if any(row.again for row in table.rows):
        again = ", ".join(f"{row.variant} {number(row.again.mean)}" for row in table.rows if row.again)
        console.print(f"  the same trials on fresh seeds: {again}", markup=False, highlight=False)
    if table.solved is not None:
        console.print(f"  solved, at most {number(table.solved)}:", markup=False, highlight=False)
        for row in table.rows:
            share = (
                row.solved
                and f"{row.solved.count} of {row.solved.trials} ({row.solved.low:.0%} to {row.solved.high:.0%})"
            )
            console.print(f"    {row.variant}: {share or 'no trial'}", markup=False, highlight=False)
    for row in table.rows:
        other = [
            f"{count} {kind.replace('_', ' ')}" for kind, count in row.counts.items() if count and kind != Kind.COMPLETE
        ]
        if row.never and table.nothing:
            ended = f" ({row.never_by_patience} ended by patience there)" if row.never_by_patience else ""
            other.append(f"{row.never} never better than {table.nothing.name}{ended}")
        if other:
            console.print(f"  {row.variant}: {', '.join(other)}", style="yellow", markup=False, highlight=False)
        if row.idle and table.nothing:
            text = f"  {row.variant}: its mean is not better than {table.nothing.name}, which learns nothing"
            console.print(text, style="yellow", markup=False, highlight=False)
        if 0 < row.kept < table.keep:
            text = f"  {row.variant}: only {row.kept} complete, {table.keep} are compared elsewhere"
            console.print(text, style="yellow", markup=False, highlight=False)
    if table.note:
        console.print(f"  note: {table.note}", style="dim", markup=False, highlight=False)
