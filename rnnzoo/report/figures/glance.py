"""Verdicts of several studies -> a picture: a row for each study, a mark for each claim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rnnzoo.report.figures.style import COLOURS, FAINT, STYLE, svg
from rnnzoo.report.verdict import Word

WIDEST = 24  # marks of a line, so that the picture can be read at the width of a page
LINE = 0.75  # from one line of a study to the next, in rows
_MARKS: Mapping[Word, Mapping[str, Any]] = {  # told apart without colours, too
    "supported": {"marker": "o", "color": COLOURS[0]},
    "refuted": {"marker": "X", "color": COLOURS[1]},
    "same": {"marker": "s", "color": COLOURS[2]},
    "undecided": {"marker": "o", "mfc": "white", "mec": FAINT, "mew": 1.2},
}
_MEANING: Mapping[Word, str] = {
    "supported": "supported",
    "refuted": "refuted",
    "same": "the same, where a difference was claimed",
    "undecided": "undecided",
}


def at_a_glance(studies: Mapping[str, Sequence[Word]]) -> str:
    """SVG text.

    Args:
        studies: the words on the claims of each, in their order, by its title.
    """
    across = min(WIDEST, max(map(len, studies.values())))
    heights = [_height(len(words)) for words in studies.values()]
    places, height = [0.0, *accumulate(heights[:-1])], sum(heights)
    with rc_context(STYLE):
        figure = Figure(figsize=(max(4.0, 0.26 * across + 0.4), 0.36 * height + 0.5))
        axes = figure.subplots()
        for place, words in zip(places, studies.values()):
            for number, word in enumerate(words):
                line, column = divmod(number, WIDEST)
                axes.plot(column, place + LINE * line, ls="", ms=9, **_MARKS[word])
        axes.set_xlim(-0.8, across - 0.2)
        axes.set_ylim(height - 0.4, -0.6)
        axes.set_yticks(places, list(studies))
        axes.set_xticks([])
        axes.tick_params(axis="y", length=0)
        axes.spines[["left", "bottom"]].set_visible(False)
        axes.legend(
            handles=[_sign(word, studies) for word in _MARKS], frameon=False, ncols=2,
            loc="lower left", bbox_to_anchor=(0, 1.0), borderaxespad=0, handletextpad=0.3,
        )  # fmt: skip
        return svg(figure)


def _height(claims: int) -> float:
    """Of so many marks, in rows."""
    return 1 + LINE * (max(claims - 1, 0) // WIDEST)


def _sign(word: Word, studies: Mapping[str, Sequence[Word]]) -> Line2D:
    """What the legend shows of a word, and how many claims have it."""
    count = sum(words.count(word) for words in studies.values())
    return Line2D([], [], ls="", ms=9, label=f"{_MEANING[word]} ({count})", **_MARKS[word])
