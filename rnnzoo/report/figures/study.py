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
from matplotlib.ticker import NullFormatter, NullLocator, PercentFormatter

from rnnzoo.report.figures import cut, marks, second, several
from rnnzoo.report.figures.axes import BESIDE, label_axes, line_style
from rnnzoo.report.figures.parallel import parallel
from rnnzoo.report.figures.style import (
    FAINT,
    GRID,
    INK,
    KEPT,
    MARKERS,
    SOFT,
    STYLE,
    svg,
)
from rnnzoo.report.importance import ImportanceSummary, Marginal
from rnnzoo.report.scaling import scaling_curves
from rnnzoo.report.summary import ScoredPoint, Summary, TaskTable, VariantRow
from rnnzoo.report.trials import Places, in_words, places
from rnnzoo.report.verdict import on_one_task

PAIRS = 6  # interactions that are shown
MANY = 12  # trials; more stand on a logarithmic axis
SPREAD = np.linspace(-0.16, 0.16, 5)  # heights that dots take in turn: few hide another
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
        on_task = [
            verdict for verdict in on_one_task(summary.verdicts) if verdict.task == table.task
        ]
        confirmed = [verdict for verdict in on_task if verdict.confirmed and verdict.pair]
        if any(verdict.course for verdict in confirmed):
            with rc_context(STYLE):
                pictures[f"answers{suffix}"] = svg(second.answers(summary, table, confirmed))
    for curve in scaling_curves(summary):
        with rc_context(STYLE):
            pictures[f"growth-{curve.name}"] = svg(several.scaling(summary, curve))
    tables = {table.task: table for table in summary.tables}
    for number, whole in enumerate(summary.verdicts, start=1):
        for verdict in on_one_task([whole]):
            if verdict.course and verdict.pair:
                name = f"claim-{number}-{verdict.task}" if whole.parts else f"claim-{number}"
                with rc_context(STYLE):
                    pictures[name] = svg(second.course(verdict, verdict.pair, tables[verdict.task]))
    if summary.ranks is not None:
        with rc_context(STYLE):
            pictures["ranks"] = svg(several.rank_axis(summary.ranks))
    return pictures


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
    _baselines(axes, table.baselines, high)
    for position, row in enumerate(rows):
        axes.annotate(row.subtitle, (1, position), (12, 0), **BESIDE)  # right of an arrow
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(low, high)
    axes.set_yticks(range(len(rows)), [row.variant for row in rows])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=GRID, lw=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel(f"{table.metric} on {summary.report}, {table.unit} (lower is better)")
    return figure


def _baselines(axes: Axes, baselines: Mapping[str, float], high: float) -> None:
    """A line for each score of what learns nothing; their names stand in two rows, since scores may
    be close to each other.
    """
    for number, (name, score) in enumerate(baselines.items()):
        inside = score <= high
        if inside:
            axes.axvline(score, color=FAINT, lw=1, ls=(0, (4, 3)), zorder=0)
        axes.annotate(
            name if inside else cut.beyond(name, score),
            (min(score, high), -0.75 - 0.42 * (number % 2)), color=SOFT, fontsize=8.5,
            ha="center" if inside else "right", va="bottom", annotation_clip=False,
        )  # fmt: skip


def _strip(axes: Axes, position: int, row: VariantRow, high: float, numbers: Places) -> None:
    """One variant: its trials as dots over a box of their quartiles, the mean of those that are
    compared, their interval.
    """
    scores = np.array([point.score for point in row.points])
    _box(axes, position, scores, high)
    heights = position + SPREAD[np.arange(len(scores)) % len(SPREAD)]
    for kept, colour, size in ((False, FAINT, 4.5), (True, KEPT, 5.5)):
        mask = np.array([point.kept == kept for point in row.points]) & (scores <= high)
        points = [row.points[index] for index in np.flatnonzero(mask)]
        drawn = [numbers[row.variant, "", point.index] for point in points]
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
    _mean(axes, position, row, high)


def _box(axes: Axes, position: int, scores: np.ndarray, high: float) -> None:
    """The quartiles of all scores, and a line at their median."""
    lower, median, upper = np.minimum(np.percentile(scores, (25, 50, 75)), high)
    bottom, top = position - 0.3, position + 0.3
    axes.fill_between((lower, upper), bottom, top, color=GRID, lw=0, zorder=0.5)
    axes.plot((median, median), (bottom, top), color=FAINT, lw=1.2, zorder=0.6)


def _mean(axes: Axes, position: int, row: VariantRow, high: float) -> None:
    """The mean of the trials that are compared, and its interval; an arrow where this goes on
    beyond the frame.
    """
    if row.interval:
        axes.plot(
            row.interval, (position, position), color=INK, lw=1.6, solid_capstyle="butt", zorder=3
        )
        if row.interval[1] > high:
            axes.plot(high, position, marker=CARETRIGHTBASE, ms=7, color=INK, clip_on=False)
    if row.mean is not None and row.mean <= high:
        ends = (position - 0.26, position + 0.26)
        axes.plot((row.mean, row.mean), ends, color=INK, lw=2.4, zorder=4)


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
    # all scores may be equal, and a frame from a number to itself shows nothing
    room = 0.04 * max(high - low, abs(high) * 1e-3, 1e-9)
    return low - room, high + room


def _by_epoch(curve: Sequence[Mapping[str, float]]) -> dict[float, float]:
    return {epoch["epoch"]: epoch["validation"] for epoch in curve}


def _curves(summary: Summary, table: TaskTable, rows: Sequence[VariantRow]) -> Figure:
    """Validation scores by epoch; a dot at the epoch whose weights are kept."""
    figure = Figure(figsize=(8, 4.2))
    axes = figure.subplots()
    curves = {row.variant: _by_epoch(row.best.curve) for row in rows if row.best and row.best.curve}
    low, top = _frame_of_curves([[*curve.values()] for curve in curves.values()])
    for place, row in enumerate(rows):
        if row.best is None or row.variant not in curves:
            continue
        curve = curves[row.variant]
        label = cut.named(row.variant, [*curve.values()], top)
        axes.plot([*curve], [*curve.values()], **line_style(place), lw=1.6, label=label)
        if row.best.epoch in curve:
            kept = curve[row.best.epoch]
            axes.plot(row.best.epoch, kept, "o", ms=6, color=line_style(place)["color"])
    axes.set_ylim(low, top)
    cut.mark_cut(axes)
    label_axes(axes, "epoch", f"{table.metric} on validation, {table.unit}", "best trial of")
    return figure


def _frame_of_curves(curves: Sequence[Sequence[float]]) -> tuple[float, float]:
    """From where to where learning curves are shown: without the first epochs of steep ones."""
    values = list(chain.from_iterable(curves)) or [0.0]
    low, most = min(values), float(np.percentile(values, 97))
    high = cut.reaching(low, most, [min(curve) for curve in curves] or [most])
    room = 0.05 * max(high - low, 1e-9)
    return low - room, high + room


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
        axes.plot(trials, row.tuning.mean, **line_style(place), lw=1.6, label=label)
        if row.variant == summary.baseline:
            axes.fill_between(
                trials,
                row.tuning.low,
                row.tuning.high,
                color=line_style(place)["color"],
                alpha=0.18,
                lw=0,
            )
    axes.set_ylim(low, top)
    _counting(axes, max(len(curve.mean) for curve in curves))
    cut.mark_cut(axes)
    label_axes(
        axes,
        "n, the trials that are drawn",
        f"expected {table.metric} on {summary.report}, {table.unit}",
        "best of n of",
    )
    return figure


def _frame_of(curves: Sequence[Sequence[float]]) -> tuple[float, float]:
    """From where to where the expected scores of all variants are shown: not up to the worst first
    trials, where they would squeeze the rest to less than half, but as far as every variant comes,
    unless one is far off.
    """
    low, usual = min(map(min, curves)), float(np.median([curve[0] for curve in curves]))
    high = cut.reaching(low, usual, [min(curve) for curve in curves])
    whole = max(map(max, curves))
    high = whole if whole - low <= 2 * (high - low) else high
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
    axes.set_yticks(range(len(bars)), [in_words(name) for name, _ in bars])
    axes.set_ylim(len(bars) - 0.4, -0.6)
    axes.set_xlim(0, 1)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
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
    axes.grid(color=GRID, lw=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel(in_words(marginal.name))


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
        panel.grid(color=GRID, lw=0.8)
        panel.set_axisbelow(True)
        panel.set_xlabel(in_words(marginal.name))
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
            *zip(*sorted(shown)), **line_style(number), marker=MARKERS[number % len(MARKERS)],
            ms=4.5, lw=1.2, label=row.variant,
        )  # fmt: skip
    axes.set_xticks(list(places.values()), table.lengths)
    label_axes(axes, "steps of a sequence", f"{table.metric.replace('_', ' ')} on test", table.task)
    axes.set_ylim(0, None)
    return figure


def _place(marginal: Marginal, value: Any) -> float:
    return float(marginal.choices.index(str(value)) if marginal.choices else value)
