"""Dots and lines that know what they stand for, so that a page can say it when one is pointed at.

Matplotlib writes each dot as an element of 120 characters.  Here all dots of one look are one path,
of some 15 characters a dot: strokes of no length, whose round caps are the dots.  `data-trials` (or
`data-texts`) has what they stand for, in the order of the path; a script reads both.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from urllib.parse import quote, unquote

import numpy as np
from matplotlib.axes import Axes

from rnnzoo.markup import tag

_MARK = "rnnzoo-mark-"  # what the id of such an element begins with, until it is written
_GROUP = re.compile(
    rf'^(?P<indent> *)<g id="{_MARK}(?P<mark>[^"]*)">\n(?P<drawn>.*?)\n(?P=indent)</g>\n',
    re.DOTALL | re.MULTILINE,
)
_CLIP = re.compile(r'clip-path="([^"]*)"')
_DOT = re.compile(r'<use xlink:href="[^"]*" x="([^"]*)" y="([^"]*)"')
_LINE = re.compile(r'<path d="([^"]*)"')
_TAG = re.compile(r"<(?:path|use|text|rect|image) [^>]*>")
_DRAWN = re.compile(r'(?<= )(?:d|x|y)="[^"]*"')
_DIGITS = re.compile(r"-?\d+\.\d{3,}")


def dots(
    axes: Axes,
    places: tuple[Sequence[float] | np.ndarray, Sequence[float] | np.ndarray],
    stands_for: Sequence[int] | Sequence[str],
    size: float,
    colour: str,
    opacity: float = 1.0,
    pairs: Sequence[Sequence[int]] = (),
) -> None:
    """A dot for each trial, or for each text.

    Args:
        places: x and y.
        stands_for: places in the list of trials, or texts.
        size: diameter in points.
        pairs: of each text, places of the trials that it is about.
    """
    if not len(stands_for):
        return
    (line,) = axes.plot(*places, "o", ms=size, mew=0, color=colour, alpha=opacity, zorder=3)
    line.set_gid(_marked("dots", stands_for, size, colour, opacity, "", pairs))


def lines(
    axes: Axes, heights: np.ndarray, variant: str, trials: Sequence[int], colour: str, width: float
) -> None:
    """Lines from axis to axis, one for each trial of a variant.

    Args:
        heights: (trials, axes).
    """
    if not len(trials):
        return
    gap = np.full((len(heights), 1), np.nan)
    across = np.tile([*range(heights.shape[1]), np.nan], len(heights))
    (line,) = axes.plot(across, np.hstack([heights, gap]).ravel(), color=colour, lw=width)
    line.set_gid(_marked("lines", trials, width, colour, 0.55, variant, ()))


def _marked(form: str, stands_for: Sequence[object], *look: object) -> str:
    """An id that says it; quoted, since Matplotlib writes some characters in two ways."""
    return _MARK + quote(json.dumps([form, list(stands_for), *look]))


def written(svg: str) -> str:
    """A picture with its marks in their short form, and coordinates of a hundredth of a point."""
    return _TAG.sub(_rounded, _GROUP.sub(_short, svg))


def _short(group: re.Match[str]) -> str:
    form, stands_for, width, colour, opacity, variant, pairs = json.loads(unquote(group["mark"]))
    of_trials = all(isinstance(number, int) for number in stands_for)
    path = tag(
        "path",
        class_=form,
        data_trials=" ".join(map(str, stands_for)) if of_trials else None,
        data_texts=None if of_trials else "|".join(stands_for),
        data_pairs=" ".join("+".join(map(str, pair)) for pair in pairs) or None,
        data_variant=variant or None,
        fill="none",
        stroke=colour,
        stroke_width=width,
        stroke_opacity=opacity,
        # as style, since Matplotlib's own style sheet has precedence over attributes
        style="stroke-linecap: round",
        d=_path(form, group["drawn"], len(stands_for)),
    )
    clip = _CLIP.search(group["drawn"])
    return tag("g", path, clip_path=clip[1] if clip else None) + "\n"


def _path(form: str, drawn: str, count: int) -> str:
    """The path of a mark, of what Matplotlib has written.

    Raises:
        ValueError: Matplotlib left some out, so that it is not known whose the others are.
    """
    if form == "lines":
        path = re.sub(r"\s*([ML]) ", r"\1", _LINE.findall(drawn)[-1].strip())
        path = re.sub(r"\d+\.\d+", lambda number: f"{float(number[0]):.1f}", path)
        drawn_marks = path.count("M")
    else:
        spots = _DOT.findall(drawn)
        drawn_marks = len(spots)
        path = "".join(f"M{float(x):.1f} {float(y):.1f}h0" for x, y in spots)
    if drawn_marks != count:
        raise ValueError(f"{drawn_marks} of {count} marks are drawn")
    return path


def _rounded(tag: re.Match[str]) -> str:
    return _DRAWN.sub(_short_numbers, tag[0])


def _short_numbers(attribute: re.Match[str]) -> str:
    text = _DIGITS.sub(lambda number: f"{float(number[0]):.2f}", attribute[0])
    return text.replace(" \n", "\n") if text.startswith("d=") else text
