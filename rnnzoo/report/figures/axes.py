"""What stands on and around the axes of a study's pictures, alike in all of them."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes

from rnnzoo.report.figures.style import COLOURS, DASHES, GRID, SOFT

# a text to the right of the axes, at a height in units of the data
BESIDE: dict[str, Any] = {
    "xycoords": ("axes fraction", "data"), "textcoords": "offset points", "va": "center",
    "fontsize": 8.5, "color": SOFT, "annotation_clip": False,
}  # fmt: skip


def line_style(number: int) -> dict[str, Any]:
    """Colour and dashes of the nth line."""
    return {
        "color": COLOURS[number % len(COLOURS)],
        "ls": DASHES[number // len(COLOURS) % len(DASHES)],
    }


def label_axes(axes: Axes, x: str, y: str, legend_title: str) -> None:
    """What stands around lines, and the grid behind them."""
    axes.grid(color=GRID, lw=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    legend(axes, legend_title)


def legend(axes: Axes, title: str) -> None:
    handles, _ = axes.get_legend_handles_labels()
    if not handles:  # no variant has a line
        return
    axes.legend(
        frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1.01, 1.02), title=title,
        alignment="left"
    )  # fmt: skip
