"""Numbers -> pictures, as SVG with text that stays text.  The only file that imports matplotlib.

distribution    every complete trial of every variant, those that are compared in colour, their mean and interval
curves          how the best trial of each variant learnt
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnzoo.report.summary import Row, Summary, Table

# Okabe and Ito 2008: told apart with every common kind of colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", ":")
INK, FAINT, KEPT = "#222222", "#9aa3ad", "#0072B2"
STYLE = {
    "font.family": "sans-serif", "font.sans-serif": ["Inter", "Helvetica", "Arial", "DejaVu Sans"], "font.size": 10,
    "svg.fonttype": "none", "svg.hashsalt": "rnnzoo", "axes.edgecolor": "#c9ced4", "axes.labelcolor": INK,
    "text.color": INK, "xtick.color": "#5b6570", "ytick.color": INK, "axes.spines.top": False, "axes.spines.right": False,
}  # fmt: skip
FAR = 3.0  # spans of the middle of the scores beyond which a score is shown at the edge


def draw(summary: Summary) -> dict[str, str]:
    """SVG texts by name; a task without a complete trial has none."""
    found = {}
    for table in summary.tables:
        suffix = f"-{table.task}" if len(summary.tables) > 1 else ""
        rows = [row for row in table.rows if row.scores]
        if rows:
            with rc_context(STYLE):
                found[f"distribution{suffix}"] = _svg(_distribution(summary, table, rows))
                found[f"curves{suffix}"] = _svg(_curves(summary, table, rows))
    return found


def _svg(figure: Figure) -> str:
    stream = io.StringIO()
    figure.savefig(
        stream, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")), bbox_inches="tight"
    )
    text = stream.getvalue()
    return text[text.index("<svg") :]


def _distribution(summary: Summary, table: Table, rows: Sequence[Row]) -> Figure:
    figure = Figure(figsize=(8, 0.9 + 0.36 * len(rows)))
    axes = figure.subplots()
    low, high = _limits(table, rows)
    for at, row in enumerate(rows):
        _strip(axes, at, row, high)
    for at, (name, score) in enumerate(table.baselines.items()):
        if low <= score <= high:
            axes.axvline(score, color=FAINT, lw=1, ls=(0, (4, 3)), zorder=0)
            axes.annotate(
                name, (score, -0.75 - 0.42 * (at % 2)), color="#5b6570", fontsize=8.5, ha="center", va="bottom",
                annotation_clip=False,
            )  # fmt: skip
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(low, high)
    axes.set_yticks(range(len(rows)), [row.variant for row in rows])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color="#eceff2", lw=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel(f"{table.metric} on {summary.report}, {table.unit} (lower is better)")
    return figure


def _strip(axes: Axes, at: int, row: Row, high: float) -> None:
    """One variant: its trials as dots, the mean of those that are compared as a bar, their interval as a line."""
    spread = np.linspace(-0.16, 0.16, 5)
    for number, (score, kept) in enumerate(row.scores):
        if score <= high:
            axes.plot(
                score, at + spread[number % 5], "o", ms=5.5 if kept else 4.5, mew=0,
                color=KEPT if kept else FAINT, alpha=0.9 if kept else 0.55,
            )  # fmt: skip
    beyond = sum(score > high for score, _ in row.scores)
    if beyond:
        axes.annotate(
            f"{beyond} more \N{RIGHTWARDS ARROW}", (high, at), ha="right", va="center", color="#5b6570", fontsize=8.5
        )
    if row.interval:
        axes.plot(row.interval, (at, at), color=INK, lw=1.6, solid_capstyle="butt", zorder=3)
    if row.mean is not None and row.mean <= high:
        axes.plot((row.mean, row.mean), (at - 0.26, at + 0.26), color=INK, lw=2.4, zorder=4)


def _limits(table: Table, rows: Sequence[Row]) -> tuple[float, float]:
    """From the best score to where the bulk ends; what lies far beyond is counted at the edge, not drawn."""
    scores = np.array([score for row in rows for score, _ in row.scores])
    kept = np.array([score for row in rows for score, keep in row.scores if keep])
    far = np.percentile(scores, 75) + FAR * max(float(np.ptp(np.percentile(scores, (25, 75)))), 1e-12)
    lines = [score for score in table.baselines.values() if score <= far]
    low = float(min([*scores, *lines]))
    high = float(max([*scores[scores <= far], *kept, *lines]))
    room = 0.04 * max(high - low, abs(high) * 1e-3, 1e-9)
    return low - room, high + room


def _curves(summary: Summary, table: Table, rows: Sequence[Row]) -> Figure:
    figure = Figure(figsize=(8, 4.2))
    axes = figure.subplots()
    lowest = []
    for at, row in enumerate(rows):
        if row.best is None:
            continue
        epochs = [point["epoch"] for point in row.best.curve]
        values = [point["validation"] for point in row.best.curve]
        colour, dash = COLOURS[at % len(COLOURS)], DASHES[at // len(COLOURS) % len(DASHES)]
        axes.plot(
            epochs, values, color=colour, ls=dash, lw=1.6, label=row.variant, marker="o" if len(epochs) == 1 else ""
        )
        lowest += values
    if lowest:
        top = np.percentile(lowest, 97)
        room = 0.05 * max(top - min(lowest), 1e-9)
        axes.set_ylim(min(lowest) - room, top + room)
    axes.grid(color="#eceff2", lw=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel("epoch")
    axes.set_ylabel(f"{table.metric} on validation, {table.unit}")
    axes.legend(
        frameon=False,
        fontsize=9,
        loc="upper left",
        bbox_to_anchor=(1.01, 1.02),
        title="best trial of",
        alignment="left",
    )
    return figure
