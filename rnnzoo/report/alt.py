"""What is to be seen in each picture, in a sentence or two, for those who do not see it.

In: a summary.  Out: a text for each picture that `figures.draw` draws of it, by the same name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rnnzoo.errors import in_percent, number_of
from rnnzoo.report.scaling import ScalingCurve, scaling_curves
from rnnzoo.report.summary import Summary, TaskTable, VariantRow
from rnnzoo.report.text import interval, number
from rnnzoo.report.trials import hyperparameters, in_words
from rnnzoo.report.verdict import Verdict, on_one_task

MANY = 12  # variants; more are counted


def alt_texts(summary: Summary) -> dict[str, str]:
    """Texts by the name of the picture."""
    several = len(summary.tables) > 1
    texts: dict[str, str] = {}
    for table in summary.tables:
        suffix = f"-{table.task}" if several else ""
        texts |= {f"{name}{suffix}": text for name, text in _of_task(summary, table)}
    for curve in scaling_curves(summary):
        texts[f"growth-{curve.name}"] = _growth(summary, curve)
    for place, verdict in enumerate(summary.verdicts, start=1):
        texts[f"claim-{place}"] = _course(verdict)
        texts |= {f"claim-{place}-{part.task}": _course(part) for part in verdict.parts}
    if summary.ranks is not None:
        ranks = sorted(zip(summary.ranks.average, summary.ranks.names))
        listed = _listed(f"{name} {average:.1f}" for average, name in ranks)
        texts["ranks"] = f"Average ranks, 1 is best: {listed}."
    return texts


def _of_task(summary: Summary, table: TaskTable) -> Iterator[tuple[str, str]]:
    rows = [row for row in table.rows if row.points]
    if not rows:
        return
    score, varied = f"{table.metric} on {summary.report}", _in_words(hyperparameters(table))
    yield "answers", _answers(summary, table)
    yield (
        "distribution",
        (
            f"Every complete trial as a dot, by {score}. Mean of the compared trials, and the range"
            f" of all: {_listed(map(_spread, rows))}."
        ),
    )
    yield "tuning", f"Expected {score} of one trial, and of the best of all: {_tuned(rows)}."
    if table.lengths:
        yield "lengths", f"{score} from the shortest to the longest sequences: {_by_length(table)}."
    yield (
        "parallel",
        (
            f"A line for each trial through {varied} to its {score}. Those that are compared:"
            f" {_compared(table)}."
        ),
    )
    yield (
        "scatter",
        (f"{score} of every trial against {varied}. Those that are compared: {_compared(table)}."),
    )
    yield (
        "curves",
        f"{table.metric} on validation in the epoch that was kept: {_listed(map(_kept, rows))}.",
    )
    if table.explained is not None:
        shares = [(share.value, in_words(name)) for name, share in table.explained.main]
        parts = _listed(
            f"{name} {in_percent(value)}" for value, name in sorted(shares, reverse=True)
        )
        told = f"Shares of the variance that hyper-parameters explain: {parts}."
        yield "importance", f"{told} {table.explained.prediction}"


def _answers(summary: Summary, table: TaskTable) -> str:
    """Of the second stage: each difference with its interval."""
    parts = on_one_task(summary.verdicts)
    told = [_difference(verdict) for verdict in parts if verdict.task == table.task]
    return f"Differences with their intervals: {_listed(filter(None, told), '; ')}."


def _difference(verdict: Verdict) -> str:
    """Of two variants, as far as it is known."""
    low, high = verdict.numbers.get("low"), verdict.numbers.get("high")
    if not verdict.pair or low is None or high is None:
        return ""
    a, b = verdict.pair
    return f"{a} less {b} {verdict.numbers['difference']:.3g} ({low:.3g} to {high:.3g})"


def _course(verdict: Verdict) -> str:
    rounds, told = number_of(len(verdict.course), "round"), _difference(verdict)
    end = f": {told}" if told else ""
    return f"{verdict.claim}: {verdict.said} after {rounds}, whose differences are dots{end}."


def _growth(summary: Summary, curve: ScalingCurve) -> str:
    option = curve.option.replace("_", " ")
    told = []
    for value, table in curve.tables:
        rows = [row for row in table.rows if row.mean is not None]
        shown = _listed(_score_or_solved(row, curve.solved) for row in rows)
        told.append(f"at {value:g} {shown}")
    what = "Shares of trainings that solve it" if curve.solved else f"Scores on {summary.report}"
    return f"{what}, by {option}: {'; '.join(told)}."


def _score_or_solved(row: VariantRow, solved: bool) -> str:
    if solved and row.solved:
        return f"{row.variant} {row.solved.count} of {row.solved.trials}"
    return f"{row.variant} {number(row.mean)}"


def _spread(row: VariantRow) -> str:
    scores = [point.score for point in row.points]
    return f"{row.variant} {number(row.mean)} ({interval((min(scores), max(scores)))})"


def _tuned(rows: Sequence[VariantRow]) -> str:
    curves = {row.variant: row.tuning.mean for row in rows if row.tuning}
    ends = (f"{name} {number(mean[0])}, {number(mean[-1])}" for name, mean in curves.items())
    return _listed(ends, "; ")


def _by_length(table: TaskTable) -> str:
    ends = [table.lengths[0], table.lengths[-1]]

    def scores(row: VariantRow) -> str:
        return ", ".join(number(row.by_length.get(length)) for length in ends)

    told = (f"{row.variant} {scores(row)}" for row in table.rows if row.by_length)
    return _listed(told, "; ")


def _kept(row: VariantRow) -> str:
    if row.best is None:
        return row.variant
    scores = {point["epoch"]: point["validation"] for point in row.best.curve}
    return f"{row.variant} {number(scores.get(row.best.epoch))} in epoch {row.best.epoch}"


def _compared(table: TaskTable) -> str:
    """Where the trials that are compared lie, along each hyper-parameter."""
    kept = [point.setting for row in table.rows for point in row.points if point.kept]
    told = []
    for name in hyperparameters(table):
        values = [setting[name] for setting in kept if name in setting]
        if values and all(type(value) in (int, float) for value in values):  # no true or false
            told.append(f"{in_words(name)} {min(values):.3g} to {max(values):.3g}")
        else:
            told.append(f"{in_words(name)} {_listed(sorted(set(map(str, values))))}")
    return _listed(told)


def _listed(texts: Iterable[str], between: str = ", ") -> str:
    """Texts one after the other; of many, how many more there are."""
    shown = list(texts)
    more = [f"and {len(shown) - MANY} more"] if len(shown) > MANY else []
    return between.join([*shown[:MANY], *more])


def _in_words(names: Sequence[str]) -> str:
    return ", ".join(map(in_words, names))
