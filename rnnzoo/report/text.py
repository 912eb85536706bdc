"""Answers and ranking on a terminal, or as plain text where there is none; fits 80 columns.

What specs and tasks say is text: nowhere is it read as rich's markup.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from rnnzoo.errors import number_of
from rnnzoo.folding import fold
from rnnzoo.report.second import LOOKS, PROMISE, Second, box
from rnnzoo.report.summary import Summary, TaskTable, VariantRow
from rnnzoo.report.verdict import counted, ends, pvalue
from rnnzoo.spec.trial import Kind

STYLES = {"supported": "green", "refuted": "red", "same": "cyan", "undecided": "yellow"}
SMALL = 0.01  # a smaller score is written with three figures
TINY = 1e-4  # and one that is smaller still with an exponent


def show(summary: Summary, console: Console) -> None:
    """Print the answers, and then for each task a ranking, the baselines, and what did not
    complete.
    """
    _answers(summary, console)
    for stage in summary.stands:
        _box(summary, stage, console)
    for table in summary.tables:
        console.print()
        console.print(_title(summary, table), markup=False, highlight=False)
        console.print(_grid(summary, table))
        _notes(summary, table, console)


def _answers(summary: Summary, console: Console) -> None:
    if summary.verdicts:
        console.print("\nanswers", highlight=False)
    several = len(summary.tables) > 1
    widest = max((len(verdict.said) for verdict in summary.verdicts), default=0)
    for verdict in summary.verdicts:
        place = f" (on {verdict.where})" if several and verdict.where else ""
        p = "" if verdict.p is None else f", p {pvalue(verdict.p)}"
        style = STYLES[verdict.word]
        _beside(verdict.said, f"{verdict.answer}{place}", widest, console, style)
        detail = "" if verdict.detail == verdict.answer else f": {verdict.detail}"
        below = [f"{verdict.claim}{p}{detail}", verdict.equal_settings]
        if verdict.settle:
            below.append(f"to settle it: {verdict.settle}")
        for text in filter(None, below):
            _hanging(text, "dim", console, " " * (widest + 4), "")
    for remark in summary.warnings if summary.verdicts else ():
        for line in str(remark).splitlines():
            _hanging(line, "yellow", console, more="")
    for control in summary.controls:
        where = f" on {control.task}" if several else ""
        text = f"control{where}: {control.detail}; p {pvalue(control.p)} (any difference is chance)"
        _hanging(text, "dim", console, more="")
    if summary.sharing:
        _hanging(summary.sharing, "dim", console, more="")
    if summary.stands and summary.verdicts:
        for sentence in (LOOKS, PROMISE):
            _hanging(sentence, "dim", console, more="")


def _box(summary: Summary, stage: Second, console: Console) -> None:
    """What to know before the answers are believed."""
    where = f" on {stage.task}" if len(summary.tables) > 1 else ""
    console.print(f"\nhow they were found{where}", markup=False, highlight=False)
    rows = [*box(stage)]
    widest = max(len(heading) for heading, _ in rows)
    for heading, text in rows:
        _beside(heading, text, widest, console)


def _title(summary: Summary, table: TaskTable) -> str:
    return f"{table.task}: {table.metric} on {summary.report}, {table.unit}, lower is better"


def _grid(summary: Summary, table: TaskTable) -> Grid:
    """Where a variant trained anew, that stands beside the search instead of what is on the page
    only.
    """
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    grid.add_column("variant", no_wrap=True)
    fresh = any(row.fresh for row in table.rows)
    more = ("fresh mean", "95 % interval") if fresh else ("best", "weights", "s a trial", "trials")
    for name in (f"mean of {table.keep}", "95 % interval", *more):
        grid.add_column(name, justify="right", no_wrap=True)
    for row in table.rows:
        cells = (
            row.variant,
            mean(row, table),
            interval(row.interval, " - "),
            *(_fresh(row) if fresh else _best(row)),
        )
        grid.add_row(*map(Text, cells), style="" if row.mean is not None else "dim")
    return grid


def _scores(heading: str, names: Sequence[str], rows: Mapping[str, Mapping[str, float]]) -> Grid:
    """Scores of each variant by what they are of, lengths or metrics; set in."""
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    grid.add_column(f"    {heading}", no_wrap=True)
    for name in names:
        grid.add_column(name, justify="right", no_wrap=True)
    for variant, scores in rows.items():
        cells = (f"    {variant}", *(number(scores.get(name)) for name in names))
        grid.add_row(*map(Text, cells))
    return grid


def _best(row: VariantRow) -> tuple[str, str, str, str]:
    best = row.best
    return (
        number(best.score if best else None),
        f"{best.weights:,}" if best else "",
        "" if row.seconds is None else f"{row.seconds:.0f}",
        f"{row.complete}/{sum(row.counts.values())}",
    )


def _fresh(row: VariantRow) -> tuple[str, str]:
    """The mean of so many trainings in the rounds, and its interval."""
    fresh = row.fresh
    if fresh:
        return (f"{number(fresh.mean)} of {fresh.trainings}", interval(fresh.interval, " - "))
    return ("", "")


def interval(bounds: tuple[float, float] | None, joint: str = " to ") -> str:
    """Both ends in one form: where one is written with decimals, the other is, too."""
    if not bounds:
        return ""
    largest = max(map(abs, bounds))
    if largest < TINY:
        return ends(number(bounds[0]), number(bounds[1]), joint)
    decimals = 3 if largest >= SMALL else 2 - math.floor(math.log10(largest))
    low, high = (f"{bound:z.{decimals}f}" for bound in bounds)
    return ends(low, high, joint)


def mean(row: VariantRow, table: TaskTable) -> str:
    """The mean of a variant's kept trials, with their number where it has fewer than are
    compared.
    """
    return f"{number(row.mean)} of {row.kept}" if table.keeps_fewer(row) else number(row.mean)


def number(value: float | None) -> str:
    """Three decimals, or three figures of a small number; or nothing."""
    if value is None:
        return ""
    if abs(value) >= SMALL or value == 0:
        return f"{value:z.3f}"
    return f"{value:#.3g}" if abs(value) >= TINY else f"{value:.2e}"


def _cautions(row: VariantRow, table: TaskTable) -> Iterator[str]:
    """What to know of a variant before its mean is compared."""
    if row.stopped:
        yield row.stopped.text
    counts = [
        f"{count} {kind.replace('_', ' ')}"
        for kind, count in row.counts.items()
        if count and kind != Kind.COMPLETE
    ]
    if row.never and table.nothing:
        ended = (
            f" ({row.never_by_patience} ended by patience there)" if row.never_by_patience else ""
        )
        trials = number_of(row.never, "trial")
        counts.append(f"{trials} never better than {table.nothing.name}{ended}")
    if counts:
        yield ", ".join(counts)
    if row.idle and table.nothing:
        yield f"not clearly better than {table.nothing.name}, which learns nothing"
    if table.keeps_fewer(row):
        yield f"only {row.kept} complete, {table.keep} are compared elsewhere"


def _notes(summary: Summary, table: TaskTable, console: Console) -> None:
    """Print what belongs to a ranking: what variants are, what else they were measured by, and what
    to know of them.
    """
    titles = [f"{row.variant}: {row.subtitle}" for row in table.rows if row.subtitle]
    if titles:
        _hanging("; ".join(titles), "dim", console, more="")
    for name, score in table.baselines.items():
        text = f"  {name}: {number(score)}  (learns nothing sequential)"
        console.print(text, style="dim", markup=False, highlight=False)
    replicates = [(row.variant, row.again.mean) for row in table.rows if row.again]
    if replicates:
        again = ", ".join(f"{variant} {number(mean)}" for variant, mean in replicates)
        console.print(f"  the same trials on fresh seeds: {again}", markup=False, highlight=False)
    _shares_that_solve(table, console)
    _scores_beside(table, console)
    for row in table.rows:
        for text in _cautions(row, table):
            _hanging(f"{row.variant}: {text}", "yellow", console)
    if table.note:
        _hanging(f"note: {table.note}", "dim", console)


def _shares_that_solve(table: TaskTable, console: Console) -> None:
    """Print how many trials of each variant solve a task that can be solved."""
    if table.solved is None:
        return
    console.print(f"  solved, at most {number(table.solved)}:", markup=False, highlight=False)
    for row in table.rows:
        solved = row.solved
        share = solved and counted(solved.count, solved.trials, (solved.low, solved.high))
        text = f"    {row.variant}: {share or 'no trial'}"
        console.print(text, markup=False, highlight=False)


def _scores_beside(table: TaskTable, console: Console) -> None:
    """Print scores by length and by other metrics, where the task or the experiment asks for
    them.
    """
    if table.lengths:
        console.print("  on test by length, mean of the same trials:", highlight=False)
        by_length = {row.variant: row.by_length for row in table.rows}
        console.print(_scores("length", table.lengths, by_length))
    if table.also:
        direction = f"; {table.also_direction}" if table.also_direction else ""
        heading = f"  on test by other metrics, mean of the same trials{direction}:"
        console.print(heading, highlight=False)
        also = {row.variant: row.also for row in table.rows}
        console.print(_scores("metric", table.also, also))


def _hanging(text: str, style: str, console: Console, indent: str = "  ", more: str = "  ") -> None:
    """Print a line that is set in, and its continuations by so much more."""
    folded = fold(text, console.width, indent, indent + more)
    console.print(folded, style=style, markup=False, highlight=False, soft_wrap=True)


def _beside(heading: str, text: str, widest: int, console: Console, style: str = "") -> None:
    """Print a heading, in a column as wide as the widest, and a text beside it."""
    before = f"  {heading:<{widest}}  "
    folded = Text(fold(text, console.width, before, " " * len(before)))
    folded.stylize(style, end=len(before))
    console.print(folded, highlight=False, soft_wrap=True)
