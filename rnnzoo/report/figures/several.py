"""Several tasks of a study -> pictures.

scaling  scores as a task grows in one of its options, as in its length
ranks    variants over several tasks, with the critical difference (Demsar 2006)
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from rnnzoo.report.figures.axes import legend, line_style
from rnnzoo.report.figures.style import FAINT, GRID, INK, MARKERS, SOFT
from rnnzoo.report.scaling import ScalingCurve
from rnnzoo.report.summary import Summary, VariantRow
from rnnzoo.stats.ranks import Ranks


def scaling(summary: Summary, curve: ScalingCurve) -> Figure:
    """A line a variant; the share that solves it where the task can be solved, else the mean of the
    kept trials.
    """
    figure = Figure(figsize=(8, 3.6))
    axes = figure.subplots()
    places = {value: place for place, (value, _) in enumerate(curve.tables)}
    _lines(axes, curve, places)
    metric = curve.tables[0][1].metric.replace("_", " ")
    if curve.solved:
        axes.set(ylabel="share of trainings\nthat solve it", ylim=(-0.04, 1.04))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    else:
        _line_of_baselines(axes, curve, places)
        axes.set(ylabel=f"{metric} on {summary.report}")
        axes.set_ylim(0, None)
    axes.set(xlabel=curve.option.replace("_", " "))
    axes.set_xticks(list(places.values()), [f"{value:g}" for value in places])
    axes.grid(axis="y", color=GRID, lw=0.8)
    legend(axes, curve.name)
    return figure


def _lines(axes: Axes, curve: ScalingCurve, places: Mapping[float, int]) -> None:
    """Scores of each variant, with their intervals."""
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
        style = line_style(number)
        axes.plot(
            [place for place, *_ in points], [score for _, score, _ in points],
            marker=MARKERS[number % len(MARKERS)], ms=4.5, lw=1.2, label=variant, **style,
        )  # fmt: skip
        bands = [(place, *interval) for place, _, interval in points if interval]
        if bands:
            axes.vlines(*zip(*bands), color=style["color"], lw=1.2)


def _line_of_baselines(axes: Axes, curve: ScalingCurve, places: Mapping[float, int]) -> None:
    """The best score of what learns nothing, for each task that has one."""
    least = [
        (places[value], min(table.baselines.values()))
        for value, table in curve.tables
        if table.baselines
    ]
    if least:
        axes.plot(*zip(*least), color=FAINT, lw=1, ls=(0, (4, 3)), label="learns nothing")


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


def rank_axis(ranks: Ranks) -> Figure:
    """Average ranks on an axis, names to both sides, and a bar under those that do not differ."""
    count = len(ranks.names)
    half = -(-count // 2)
    figure = Figure(figsize=(8, 0.9 + 0.27 * half + 0.16 * len(ranks.groups)))
    axes = figure.subplots()
    bars = 0.5 * len(ranks.groups)
    left, right = 1.0, float(count)
    _names(axes, ranks, below=-1.0 - bars)
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
    for average in range(1, count + 1):
        axes.text(average, 0.12, str(average), ha="center", va="bottom", fontsize=8.5, color=SOFT)
    axes.set_axis_off()
    return figure


def _names(axes: Axes, ranks: Ranks, below: float) -> None:
    """A name with a line to its rank: the better half on the left, the others on the right, so that
    no two lines cross.
    """
    order = sorted(range(len(ranks.names)), key=lambda index: ranks.average[index])
    half = -(-len(order) // 2)
    for place, index in enumerate(order):
        average, on_left = ranks.average[index], place < half
        height = below - (place if on_left else len(order) - 1 - place)
        end = 0.75 if on_left else len(order) + 0.25
        axes.plot((average, average, end), (0, height, height), color=FAINT, lw=1)
        axes.text(
            end + (-0.1 if on_left else 0.1),
            height,
            f"{ranks.names[index]} {average:.1f}",
            ha="right" if on_left else "left",
            va="center",
            fontsize=9.5,
        )
