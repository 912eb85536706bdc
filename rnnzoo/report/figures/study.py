"""A study's summary -> its pictures.

distribution  every complete trial of every variant and its quartiles, those that are compared
              in colour, their mean and interval (Greff et al. 2015, figure 3)
tuning        what to expect of the best of n trials (Dodge et al. 2019)
importance    which hyper-parameters explain the scores, alone and together; marginals along
              each of them (Hutter et al. 2014)
scatter       every trial by each hyper-parameter
parallel      every trial as a line from hyper-parameter to hyper-parameter to its score
curves        how the best trial of each variant learnt, and the epoch whose weights are kept
lengths       scores on sequences of each length, where a task is tested at several
growth        scores as a task grows in one of its options, as in its length
answers       the answers of the second stage at a glance: the interval at which each claim was
              decided
claim         the differences of two variants as rounds of fresh trainings came, and the
              interval that closes
ranks         variants over several tasks, with the critical difference (Demsar 2006)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, product
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.markers import CARETRIGHTBASE
from matplotlib.ticker import MaxNLocator, NullFormatter, NullLocator, PercentFormatter

from rnnzoo.confirm.questions import CERTAIN
from rnnzoo.report.figures import cut, marks
from rnnzoo.report.figures.parallel import parallel
from rnnzoo.report.figures.style import (
    COLOURS,
    DASHES,
    FAINT,
    INK,
    KEPT,
    MARKERS,
    SOFT,
    STYLE,
    svg,
)
from rnnzoo.report.importance import ImportanceSummary, Marginal
from rnnzoo.report.scaling import ScalingCurve, scaling_curves
from rnnzoo.report.summary import ScoredPoint, Summary, TaskTable, VariantRow
from rnnzoo.report.trials import Places, places
from rnnzoo.report.verdict import Verdict
from rnnzoo.spec.trial import ROUND
from rnnzoo.stats.ranks import Ranks

PAIRS = 6  # interactions that are shown
LONG = 34  # characters of a title that stands beside an axis
MANY = 12  # trials; more stand on a logarithmic axis
_BESIDE: dict[str, Any] = {
    "xycoords": ("axes fraction", "data"), "textcoords": "offset points", "va": "center",
    "fontsize": 8.5, "color": SOFT, "annotation_clip": False,
}  # fmt: skip
LINE = 0.15  # of the half of a strip's axis: what a line of text beside it takes
FAR = 3.0  # spans of the middle of the scores beyond which a score is shown at the edge


def draw(summary: Summary) -> dict[str, str]:
    """SVG texts by name; a task without a complete trial has none."""
    pictures: dict[str, str] = {}
    for table in summary.tables:
        suffix = f"-{table.task}" if len(summary.tables) > 1 else ""
        rows = [row for row in table.rows if row.points]
        if rows:
            with rc_context(STYLE):
                pictures |= {
                    f"{name}{suffix}": svg(figure)
                    for name, figure in _figures(summary, table, rows).items()
                }
        on_task = [verdict for verdict in _by_task(summary.verdicts) if verdict.task == table.task]
        confirmed = [verdict for verdict in on_task if verdict.confirmed and verdict.pair]
        if any(verdict.course for verdict in confirmed):
            with rc_context(STYLE):
                pictures[f"answers{suffix}"] = svg(_answers(summary, table, confirmed))
    for curve in scaling_curves(summary):
        with rc_context(STYLE):
            pictures[f"growth-{curve.name}"] = svg(_scaling(summary, curve))
    tables = {table.task: table for table in summary.tables}
    for number, whole in enumerate(summary.verdicts, start=1):
        for verdict in _by_task([whole]):
            if verdict.course and verdict.pair:
                name = f"claim-{number}-{verdict.task}" if whole.parts else f"claim-{number}"
                with rc_context(STYLE):
                    pictures[name] = svg(_course(verdict, verdict.pair, tables[verdict.task]))
    if summary.ranks is not None:
        with rc_context(STYLE):
            pictures["ranks"] = svg(_ranks(summary.ranks))
    return pictures


def _by_task(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Verdicts on one task each: of a claim about several, what was found on each of them."""
    return list(chain.from_iterable(verdict.parts or (verdict,) for verdict in verdicts))


def _figures(summary: Summary, table: TaskTable, rows: Sequence[VariantRow]) -> dict[str, Figure]:
    """The figures of one task; those for which there is nothing to show are left out."""
    figures = {
        "distribution": _distribution(summary, table, rows),
        "curves": _curves(summary, table, rows),
    }
    if any(row.tuning for row in rows):
        figures["tuning"] = _tuning(summary, table, rows)
    if len(table.lengths) > 1:
        figures["lengths"] = _lengths(summary, table, rows)
    if table.explained is not None:
        figures["importance"] = _importance(table.explained)
        figures["scatter"] = _scatter(summary, table, rows, table.explained)
    lines = parallel(summary, table, _limits(table, rows)[1])
    return figures | ({"parallel": lines} if lines else {})


def _distribution(summary: Summary, table: TaskTable, rows: Sequence[VariantRow]) -> Figure:
    figure = Figure(figsize=(8, 0.9 + 0.36 * len(rows)))
    axes = figure.subplots()
    low, high = _limits(table, rows)
    numbers = places(table)
    for position, row in enumerate(rows):
        _strip(axes, position, row, high, numbers)
    for position, (name, score) in enumerate(table.baselines.items()):
        inside = score <= high
        if inside:
            axes.axvline(score, color=FAINT, lw=1, ls=(0, (4, 3)), zorder=0)
        axes.annotate(
            name if inside else cut.beyond(name, score),
            (min(score, high), -0.75 - 0.42 * (position % 2)), color=SOFT, fontsize=8.5,
            ha="center" if inside else "right", va="bottom", annotation_clip=False,
        )  # fmt: skip
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(low, high)
    axes.set_yticks(range(len(rows)), [row.variant for row in rows])
    axes.tick_params(axis="y", length=0)
    for position, row in enumerate(rows):
        axes.annotate(row.subtitle, (1, position), (6, 0), **_BESIDE)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color="#eceff2", lw=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel(f"{table.metric} on {summary.report}, {table.unit} (lower is better)")
    return figure


def _strip(
    axes: Axes,
    position: int,
    row: VariantRow,
    high: float,
    numbers: Places,
) -> None:
    """One variant: its trials as dots over a box of their quartiles, the mean of those that are
    compared, their interval.
    """
    spread = np.linspace(-0.16, 0.16, 5)
    scores = np.array([point.score for point in row.points])
    shown = np.minimum(np.percentile(scores, (25, 50, 75)), high)
    axes.fill_between(
        shown[[0, 2]], position - 0.3, position + 0.3, color="#eceff2", lw=0, zorder=0.5
    )
    axes.plot(
        (shown[1], shown[1]), (position - 0.3, position + 0.3), color=FAINT, lw=1.2, zorder=0.6
    )
    heights = position + spread[np.arange(len(scores)) % 5]
    for kept, colour, size in ((False, FAINT, 4.5), (True, KEPT, 5.5)):
        mask = np.array([point.kept == kept for point in row.points]) & (scores <= high)
        drawn = [numbers[row.variant, "", row.points[at].index] for at in np.flatnonzero(mask)]
        marks.dots(axes, (scores[mask], heights[mask]), drawn, size, colour, 0.9)
    beyond = int((scores > high).sum())
    if beyond:
        axes.annotate(
            cut.beyond(*_counted(beyond, row.mean, high)),
            (high, position),
            (0, -8),  # beneath the interval, which may reach the frame as well
            textcoords="offset points",
            ha="right",
            va="center",
            color=SOFT,
            fontsize=8.5,
        )
    if row.interval:
        axes.plot(
            row.interval, (position, position), color=INK, lw=1.6, solid_capstyle="butt", zorder=3
        )
        if row.interval[1] > high:
            axes.plot(high, position, marker=CARETRIGHTBASE, ms=7, color=INK, clip_on=False)
    if row.mean is not None and row.mean <= high:
        axes.plot(
            (row.mean, row.mean), (position - 0.26, position + 0.26), color=INK, lw=2.4, zorder=4
        )


def _counted(beyond: int, mean: float | None, high: float) -> tuple[str, float | None]:
    """How many trials lie beyond a frame, and the mean of those that are compared where it does."""
    if mean is None or mean <= high:
        return f"{beyond} more", None
    return f"{beyond} more, mean", mean


def _points(rows: Sequence[VariantRow]) -> list[ScoredPoint]:
    """The complete trials of all variants."""
    return list(chain.from_iterable(row.points for row in rows))


def _limits(table: TaskTable, rows: Sequence[VariantRow]) -> tuple[float, float]:
    """From the best score to where the bulk ends; what lies far beyond is counted at the edge, not
    drawn.
    """
    scores = np.array([point.score for point in _points(rows)])
    far = np.percentile(scores, 75) + FAR * max(
        float(np.ptp(np.percentile(scores, (25, 75)))), 1e-12
    )
    lines = [score for score in table.baselines.values() if score <= far]
    low = float(min([*scores, *lines]))
    high = float(max([*scores[scores <= far], *lines]))
    room = 0.04 * max(high - low, abs(high) * 1e-3, 1e-9)
    return low - room, high + room


def _curves(summary: Summary, table: TaskTable, rows: Sequence[VariantRow]) -> Figure:
    """Validation scores by epoch; a dot at the epoch whose weights are kept."""
    figure = Figure(figsize=(8, 4.2))
    axes = figure.subplots()
    curves = {
        row.variant: {point["epoch"]: point["validation"] for point in row.best.curve}
        for row in rows
        if row.best and row.best.curve
    }
    low, top = _frame_of_curves([[*curve.values()] for curve in curves.values()])
    for place, row in enumerate(rows):
        if row.best is None or row.variant not in curves:
            continue
        curve = curves[row.variant]
        label = cut.named(row.variant, [*curve.values()], top)
        axes.plot([*curve], [*curve.values()], **_line(place), lw=1.6, label=label)
        if row.best.epoch in curve:
            kept = curve[row.best.epoch]
            axes.plot(row.best.epoch, kept, "o", ms=6, color=_line(place)["color"])
    axes.set_ylim(low, top)
    cut.mark_cut(axes)
    _label(axes, "epoch", f"{table.metric} on validation, {table.unit}", "best trial of")
    return figure


def _frame_of_curves(curves: Sequence[Sequence[float]]) -> tuple[float, float]:
    """From where to where learning curves are shown: without the first epochs of steep ones."""
    values = list(chain.from_iterable(curves)) or [0.0]
    low, most = min(values), float(np.percentile(values, 97))
    high = cut.reaching(low, most, [min(curve) for curve in curves] or [most])
    room = 0.05 * max(high - low, 1e-9)
    return low - room, high + room


def _line(number: int) -> dict[str, Any]:
    """Colour and dashes of the nth line."""
    return {
        "color": COLOURS[number % len(COLOURS)],
        "ls": DASHES[number // len(COLOURS) % len(DASHES)],
    }


def _label(axes: Axes, x: str, y: str, legend: str) -> None:
    """What stands around lines, and the grid behind them."""
    axes.grid(color="#eceff2", lw=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    _legend(axes, legend)


def _legend(axes: Axes, title: str) -> None:
    handles, _ = axes.get_legend_handles_labels()
    if not handles:  # no variant has a line
        return
    axes.legend(
        frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1.01, 1.02), title=title,
        alignment="left"
    )  # fmt: skip


def _tuning(summary: Summary, table: TaskTable, rows: Sequence[VariantRow]) -> Figure:
    """Expected score of the best of n trials; a band for the baseline only, or the lines could not
    be seen.
    """
    figure = Figure(figsize=(8, 4.2))
    axes = figure.subplots()
    curves = [row.tuning for row in rows if row.tuning is not None]
    low, top = _frame_of([curve.mean for curve in curves])
    for place, row in enumerate(rows):
        if row.tuning is None:
            continue
        trials = np.arange(1, len(row.tuning.mean) + 1)
        label = cut.named(row.variant, row.tuning.mean, top)
        axes.plot(trials, row.tuning.mean, **_line(place), lw=1.6, label=label)
        if row.variant == summary.baseline:
            axes.fill_between(
                trials,
                row.tuning.low,
                row.tuning.high,
                color=_line(place)["color"],
                alpha=0.18,
                lw=0,
            )
    axes.set_ylim(low, top)
    _counting(axes, max(len(curve.mean) for curve in curves))
    cut.mark_cut(axes)
    _label(
        axes,
        "n, the trials that are drawn",
        f"expected {table.metric} on {summary.report}, {table.unit}",
        "best of n of",
    )
    return figure


def _frame_of(curves: Sequence[Sequence[float]]) -> tuple[float, float]:
    """From where to where the expected scores of all variants are shown: not up to the worst first
    trials, which would squeeze the rest, but as far as every variant comes, unless one is far off.
    """
    low, usual = min(map(min, curves)), float(np.median([curve[0] for curve in curves]))
    high = cut.reaching(low, usual, [min(curve) for curve in curves])
    room = 0.05 * max(high - low, 1e-9)
    return low - room, high + room


def _counting(axes: Axes, most: int) -> None:
    """An axis of numbers from 1 to `most`, logarithmic where they are many."""
    steps: Sequence[int] = range(1, most + 1)
    if most > MANY:
        axes.set_xscale("log")
        steps = [digit * 10**power for power, digit in product(range(7), (1, 2, 5))]
    ticks = sorted({tick for tick in steps if tick <= 0.8 * most} | {most})
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_minor_locator(NullLocator())


def _importance(importance: ImportanceSummary) -> Figure:
    """Shares of the variance as bars with intervals on the left, marginal curves on the right."""
    bars = [*importance.main, *((f"{a} x {b}", share) for a, b, share in importance.pairs[:PAIRS])]
    count = len(importance.marginals)
    figure = Figure(figsize=(8, 0.6 + 0.3 * len(bars) + 2.4 * -(-count // 4)), layout="constrained")
    heights = (0.6 + 0.3 * len(bars), 2.4 * -(-count // 4))
    upper, lower = np.asarray(figure.subfigures(2, 1, height_ratios=heights)).ravel()
    axes = upper.subplots()
    for position, (_, share) in enumerate(bars):
        axes.barh(
            position,
            share.value,
            color=KEPT if position < len(importance.main) else FAINT,
            height=0.6,
        )
        axes.plot((share.low, share.high), (position, position), color=INK, lw=1.4)
    axes.set_yticks(range(len(bars)), [_words(name) for name, _ in bars])
    axes.set_ylim(len(bars) - 0.4, -0.6)
    axes.set_xlim(0, 1)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel("share of the variance of the scores")
    panels = np.atleast_1d(
        lower.subplots(-(-count // 4), min(count, 4), sharey=True, squeeze=False)
    ).ravel()
    for panel, marginal in zip(panels, importance.marginals):
        _marginal(panel, marginal)
    for panel in panels[count:]:
        panel.set_visible(False)
    panels[0].set_ylabel("score, less its\nvariant's median")
    return figure


def _marginal(axes: Axes, marginal: Marginal) -> None:
    values, mean, spread = (
        np.array(column) for column in (marginal.values, marginal.mean, marginal.spread)
    )
    if marginal.choices:
        axes.errorbar(values, mean, spread, fmt="o", ms=4, color=KEPT, elinewidth=1)
        axes.set_xticks(values, marginal.choices)
    else:
        axes.fill_between(values, mean - spread, mean + spread, color=KEPT, alpha=0.18, lw=0)
        axes.plot(values, mean, color=KEPT, lw=1.6)
        _scale(axes, marginal)
    axes.grid(color="#eceff2", lw=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel(_words(marginal.name))


def _scale(axes: Axes, marginal: Marginal) -> None:
    """Logarithmic where the search was; a range of less than two decades is marked at its ends and
    in the middle.
    """
    if not marginal.log:
        return
    low, high = marginal.values[0], marginal.values[-1]
    axes.set_xscale("log")
    axes.xaxis.set_minor_formatter(NullFormatter())
    if high < 100 * low:
        ticks = (low, (low * high) ** 0.5, high)
        axes.set_xticks(ticks, [_two_figures(tick) for tick in ticks])


def _two_figures(number: float) -> str:
    return f"{number:.2g}" if number < 10 else f"{number:.0f}"


def _scatter(
    summary: Summary, table: TaskTable, rows: Sequence[VariantRow], importance: ImportanceSummary
) -> Figure:
    """Every complete trial of all variants by each hyper-parameter."""
    count = len(importance.marginals)
    down = -(-count // 4)
    figure = Figure(figsize=(8, 2.4 * down), layout="constrained")
    panels = figure.subplots(down, min(count, 4), sharey=True, squeeze=False).ravel()
    low, high = _limits(table, rows)
    numbers = places(table)
    points = {numbers[row.variant, "", point.index]: point for row in rows for point in row.points}
    for panel, marginal in zip(panels, importance.marginals):
        for kept, colour in ((False, FAINT), (True, KEPT)):
            drawn = {
                number: point
                for number, point in points.items()
                if point.kept == kept and marginal.name in point.setting
            }
            values = [_place(marginal, point.setting[marginal.name]) for point in drawn.values()]
            scores = [min(point.score, high) for point in drawn.values()]
            marks.dots(panel, (values, scores), list(drawn), 3, colour, 0.9)
        if marginal.choices:
            panel.set_xticks(range(len(marginal.choices)), marginal.choices)
        else:
            _scale(panel, marginal)
        panel.grid(color="#eceff2", lw=0.8)
        panel.set_axisbelow(True)
        panel.set_xlabel(_words(marginal.name))
    for panel in panels[count:]:
        panel.set_visible(False)
    panels[0].set_ylim(low, high)
    panels[0].set_ylabel(f"{table.metric} on {summary.report}")
    return figure


def _lengths(summary: Summary, table: TaskTable, rows: Sequence[VariantRow]) -> Figure:
    """A line a variant; lengths stand as far apart as they are listed, which is mostly by
    doubling.
    """
    figure = Figure(figsize=(8, 3.6))
    axes = figure.subplots()
    places = {length: place for place, length in enumerate(table.lengths)}
    for number, row in enumerate(rows):
        shown = [(places[length], row.by_length[length]) for length in row.by_length]
        axes.plot(
            *zip(*sorted(shown)), **_line(number), marker=MARKERS[number % len(MARKERS)], ms=4.5,
            lw=1.2, label=row.variant,
        )  # fmt: skip
    axes.set_xticks(list(places.values()), table.lengths)
    _label(axes, "steps of a sequence", f"{table.metric.replace('_', ' ')} on test", table.task)
    axes.set_ylim(0, None)
    return figure


def _scaling(summary: Summary, curve: ScalingCurve) -> Figure:
    """A line a variant; the share that solves it where the task can be solved, else the mean of the
    kept trials.
    """
    figure = Figure(figsize=(8, 3.6))
    axes = figure.subplots()
    places = {value: place for place, (value, _) in enumerate(curve.tables)}
    sorted_rows = chain.from_iterable(sorted(table.rows, key=_named) for _, table in curve.tables)
    variants = list(dict.fromkeys(row.variant for row in sorted_rows))
    for number, variant in enumerate(variants):
        beside = 0.5 * ((number + 0.5) / len(variants) - 0.5)  # equal scores would hide each other
        shown = []
        for value, table in curve.tables:
            row = next((row for row in table.rows if row.variant == variant), None)
            if row is not None:
                shown.append((places[value] + beside, *_scaled(curve, row)))
        points = [(place, score, interval) for place, score, interval in shown if score is not None]
        line = _line(number)
        axes.plot(
            [place for place, *_ in points], [score for _, score, _ in points],
            marker=MARKERS[number % len(MARKERS)], ms=4.5, lw=1.2, label=variant, **line,
        )  # fmt: skip
        bands = [(place, *interval) for place, _, interval in points if interval]
        if bands:
            axes.vlines(*zip(*bands), color=line["color"], lw=1.2)
    table = curve.tables[0][1]
    if curve.solved:
        axes.set(ylabel="share of trainings\nthat solve it", ylim=(-0.04, 1.04))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    else:
        least = [
            (places[value], min(table.baselines.values()))
            for value, table in curve.tables
            if table.baselines
        ]
        if least:
            axes.plot(*zip(*least), color=FAINT, lw=1, ls=(0, (4, 3)), label="learns nothing")
        axes.set(ylabel=f"{table.metric.replace('_', ' ')} on {summary.report}")
        axes.set_ylim(0, None)
    axes.set(xlabel=curve.option.replace("_", " "))
    axes.set_xticks(list(places.values()), [f"{value:g}" for value in places])
    axes.grid(axis="y", color="#eceff2", lw=0.8)
    _legend(axes, curve.name)
    return figure


def _answers(summary: Summary, table: TaskTable, verdicts: Sequence[Verdict]) -> Figure:
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
    axes.barh(position, 2 * margin, 0.8, -margin, color="#eceff2", lw=0, zorder=0)
    if floor < margin:  # they are equal where the claim is that two are the same
        axes.barh(position, 2 * floor, 0.8, -floor, color="#dde2e7", lw=0, zorder=0)
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
        _outcome(verdict), (1, position), (6, 0), **{**_BESIDE, "color": INK, "fontsize": 10}
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


def _outcome(verdict: Verdict) -> str:
    """What was found of A, in a word or two."""
    if verdict.relation == "same":
        return f"same within {verdict.numbers['margin']:g}"
    return verdict.relation or ("still open" if "rounds" in verdict.numbers else "not tuned")


def _course(verdict: Verdict, pair: tuple[str, str], table: TaskTable) -> Figure:
    """Differences as dots, round by round, and the interval of all of them so far; margin and floor
    in the background.
    """
    figure = Figure(figsize=(8, 2.7))
    axes = figure.subplots()
    floor, margin = verdict.numbers["floor"], verdict.numbers["margin"]
    far = _reach(verdict)
    axes.axhspan(-margin, margin, color="#eceff2", lw=0, zorder=0)
    axes.axhspan(-floor, floor, color="#dde2e7", lw=0, zorder=0)
    names = {0.0: "no difference", floor: f"floor {floor:g}", margin: f"margin {margin:g}"}
    for bound, height in zip(names, _apart(list(names), LINE * far)):
        axes.annotate(names[bound], (1, height), (4, 0), **_BESIDE)
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
        axes.annotate(f"{who} worse", (1, end), (4, 0), **{**_BESIDE, "xycoords": "axes fraction"})
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


def _scaled(
    curve: ScalingCurve, row: VariantRow
) -> tuple[float | None, tuple[float, float] | None]:
    """What a line shows, and its interval."""
    if not curve.solved:
        return row.mean, row.interval
    solved = row.solved
    return (solved.count / solved.trials, (solved.low, solved.high)) if solved else (None, None)


def _named(row: VariantRow) -> str:
    return row.variant


def _ranks(ranks: Ranks) -> Figure:
    """Average ranks on an axis, names to both sides, and a bar under those that do not differ."""
    order = sorted(range(len(ranks.names)), key=lambda index: ranks.average[index])
    half = -(-len(order) // 2)
    figure = Figure(figsize=(8, 0.9 + 0.27 * half + 0.16 * len(ranks.groups)))
    axes = figure.subplots()
    bars = 0.5 * len(ranks.groups)
    left, right = 1.0, float(len(order))
    for place, index in enumerate(order):
        on_left = place < half
        down = -1.0 - bars - (place if on_left else len(order) - 1 - place)
        end = left - 0.25 if on_left else right + 0.25
        axes.plot(
            (ranks.average[index], ranks.average[index], end), (0, down, down), color=FAINT, lw=1
        )
        text = f"{ranks.names[index]} {ranks.average[index]:.1f}"
        axes.text(
            end + (-0.1 if on_left else 0.1),
            down,
            text,
            ha="right" if on_left else "left",
            va="center",
            fontsize=9.5,
        )
    for number, group in enumerate(ranks.groups):
        spots = [ranks.average[ranks.names.index(name)] for name in group]
        axes.plot(
            (min(spots) - 0.05, max(spots) + 0.05), (-0.5 - 0.5 * number,) * 2, color=INK, lw=3
        )
    axes.plot((left, left + ranks.critical_difference), (1.1, 1.1), color=INK, lw=1.6)
    axes.text(
        left, 1.3, f"critical difference {ranks.critical_difference:.2f}", fontsize=8.5, va="bottom"
    )
    axes.axhline(0, color=SOFT, lw=1)
    axes.set_xlim(left - 0.3 * right, right + 0.3 * right)
    axes.set_ylim(-1.6 - bars - half, 2.4)
    for average in range(1, len(order) + 1):
        axes.text(average, 0.12, str(average), ha="center", va="bottom", fontsize=8.5, color=SOFT)
    axes.set_axis_off()
    return figure


def _place(marginal: Marginal, value: Any) -> float:
    return float(marginal.choices.index(str(value)) if marginal.choices else value)


def _words(name: str) -> str:
    return name.replace("_", " ")
