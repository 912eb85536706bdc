"""Rounds of the second stage -> pictures of its answers.

answers  those of one task at a glance: the interval at which each claim was decided
course   of one claim, round by round: differences, and the interval that closes
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rnnzoo.confirm.questions import CERTAIN
from rnnzoo.report.figures import marks
from rnnzoo.report.figures.axes import BESIDE
from rnnzoo.report.figures.style import COLOURS, FAINT, FLOOR, GRID, INK, KEPT
from rnnzoo.report.summary import Summary, TaskTable
from rnnzoo.report.trials import Places, places
from rnnzoo.report.verdict import Verdict
from rnnzoo.spec.trial import ROUND

LONG = 34  # characters of a title that stands beside an axis
LINE = 0.15  # of the half of a strip's axis: what a line of text beside it takes


def answers(summary: Summary, table: TaskTable, verdicts: Sequence[Verdict]) -> Figure:
    """A row for each claim: differences of its rounds as dots, the interval of their mean, margin
    and floor behind it.
    """
    figure = Figure(figsize=(8, 1.0 + 0.5 * len(verdicts)))
    axes = figure.subplots()
    far = 1.08 * max(map(_reach, verdicts))
    for position, verdict in enumerate(verdicts):
        _answer(axes, position, verdict, far, places(table))
    pairs = [verdict.pair for verdict in verdicts if verdict.pair]
    titles = {row.variant: row.subtitle for row in table.rows}
    labels = []
    for a, b in pairs:
        labels.append(_titled(a, titles.get(a, "")) if b == summary.baseline else f"{a} less {b}")
    axes.axvline(0, color=FAINT, lw=1, zorder=1)
    axes.set_yticks(range(len(verdicts)), labels)
    axes.set(ylim=(len(verdicts) - 0.4, -0.6), xlim=(-far, far))
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    against = f" from {summary.baseline}" if all(b == summary.baseline for _, b in pairs) else ""
    axes.set_xlabel(
        f"difference{against} in {table.metric}, {table.unit}: left is better, shaded is the margin"
    )
    return figure


def _titled(label: str, title: str) -> str:
    """A label behind the title of its cell, where that is short."""
    return f"{title} ({label})" if 0 < len(title) <= LONG else label


def _answer(axes: Axes, position: int, verdict: Verdict, far: float, numbers: Places) -> None:
    floor, margin = verdict.numbers["floor"], verdict.numbers["margin"]
    axes.barh(position, 2 * margin, 0.8, -margin, color=GRID, lw=0, zorder=0)
    if floor < margin:  # they are equal where the claim is that two are the same
        axes.barh(position, 2 * floor, 0.8, -floor, color=FLOOR, lw=0, zorder=0)
    shown = {step.round: step.difference for step in verdict.course}
    scored = {number: value for number, value in shown.items() if value is not None}
    heights = [position + 0.2] * len(scored)
    texts, pairs = _told(verdict, scored, numbers)
    marks.dots(axes, ([*scored.values()], heights), texts, 3.5, KEPT, 0.45, pairs)
    low, high = verdict.numbers.get("low"), verdict.numbers.get("high")
    if low is not None and high is not None:
        axes.plot(
            [max(low, -far), min(high, far)],
            [position, position],
            color=INK,
            lw=2.4,
            solid_capstyle="butt",
            zorder=4,
        )
        axes.plot(verdict.numbers["difference"], position, "|", ms=11, mew=2.2, color=INK, zorder=4)
    axes.annotate(
        outcome(verdict), (1, position), (6, 0), **{**BESIDE, "color": INK, "fontsize": 10}
    )


def _told(
    verdict: Verdict, scored: Mapping[int, float], numbers: Places
) -> tuple[list[str], list[list[int]]]:
    """What dots of rounds stand for, and the two trials of each.

    Args:
        scored: differences, by the number of the round.
    """
    texts, pairs = [], []
    a, b = verdict.pair or ("", "")
    for number, difference in scored.items():
        word = "worse" if difference > 0 else "better"
        texts.append(f"round {number}: {a} {word} than {b} by {abs(difference):.4g}")
        rounds = [(label, ROUND, number - 1) for label in (a, b)]  # trials are counted from 0
        pairs.append([numbers[of_round] for of_round in rounds if of_round in numbers])
    return texts, pairs


def outcome(verdict: Verdict) -> str:
    """What was found of A, in a word or two."""
    if verdict.relation == "same":
        return f"same within {verdict.numbers['margin']:g}"
    return verdict.relation or ("still open" if "rounds" in verdict.numbers else "not tuned")


def course(verdict: Verdict, pair: tuple[str, str], table: TaskTable) -> Figure:
    """Differences as dots, round by round, and the interval of all of them so far; margin and floor
    in the background.
    """
    figure = Figure(figsize=(8, 2.7))
    axes = figure.subplots()
    floor, margin = verdict.numbers["floor"], verdict.numbers["margin"]
    far = _reach(verdict)
    axes.axhspan(-margin, margin, color=GRID, lw=0, zorder=0)
    axes.axhspan(-floor, floor, color=FLOOR, lw=0, zorder=0)
    names = {0.0: "no difference", floor: f"floor {floor:g}", margin: f"margin {margin:g}"}
    for bound, height in zip(names, _apart(list(names), LINE * far)):
        axes.annotate(names[bound], (1, height), (4, 0), **BESIDE)
    axes.axhline(0, color=FAINT, lw=1, zorder=1)
    for bound in (-CERTAIN * margin, CERTAIN * margin):
        axes.axhline(bound, color=FAINT, lw=0.8, ls=(0, (4, 3)), zorder=1)
    _closing(axes, verdict)
    scored = {step.round: step.difference for step in verdict.course if step.difference is not None}
    texts, pairs = _told(verdict, scored, places(table))
    marks.dots(axes, ([*scored], [*scored.values()]), texts, 5.5, KEPT, pairs=pairs)
    failed = [step.round for step in verdict.course if step.difference is None]
    axes.plot(failed, [0.9 * far] * len(failed), "x", ms=7, mew=1.6, color=COLOURS[1], zorder=4)
    axes.set(
        xlim=(0.4, len(verdict.course) + 0.6), ylim=(-far, far), ylabel=f"difference, {table.unit}"
    )
    axes.set_xlabel("round: a fresh training of each")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    for end, who in ((0.96, pair[0]), (0.04, pair[1])):
        axes.annotate(f"{who} worse", (1, end), (4, 0), **{**BESIDE, "xycoords": "axes fraction"})
    return figure


def _apart(heights: Sequence[float], least: float) -> list[float]:
    """Ascending heights, each moved up until it is so far from the one below."""
    moved: list[float] = []
    for height in heights:
        moved.append(max(height, moved[-1] + least) if moved else height)
    return moved


def _closing(axes: Axes, verdict: Verdict) -> None:
    """The interval after each look, and the last one, at which the claim was decided."""
    looks = [step for step in verdict.course if step.low is not None and step.high is not None]
    if not looks:
        return
    rounds, low, high = zip(*((look.round, look.low, look.high) for look in looks))
    for side in (low, high):
        axes.plot(rounds, side, color=INK, lw=1.3, zorder=2)
    axes.plot(
        (rounds[-1], rounds[-1]),
        (low[-1], high[-1]),
        color=INK,
        lw=2.6,
        solid_capstyle="butt",
        zorder=3,
    )
    said = verdict.said if verdict.word != "undecided" else "still open"
    axes.annotate(
        said, (rounds[-1], 1), (0, 3), xycoords=("data", "axes fraction"),
        textcoords="offset points", ha="right", fontsize=9, fontweight="bold",
        annotation_clip=False,
    )  # fmt: skip


def _reach(verdict: Verdict) -> float:
    """How far the axis goes: all differences, the margin and the last interval; the first ones may
    be far wider.
    """
    ends = [step.difference for step in verdict.course]
    for last in verdict.course[-1:]:
        ends += [last.low, last.high]
    return max(
        [1.5 * verdict.numbers["margin"], *(1.15 * abs(end) for end in ends if end is not None)]
    )
