"""Omniglot as movements of a pen (Lake, Salakhutdinov and Tenenbaum 2015): which character is it?

The two small background sets (`_pen`): characters of five alphabets each, 136 (`small1`) or 156
(`small2`).

A step is a point of the drawing: how far it lies from the one before, to the right and upwards, and
whether the pen was lifted in between.  Distances are divided by their deviation in train, the same
number for both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.tasks import (
    SPLITS,
    Report,
    Split,
    Task,
    Wrong,
    _data_folder,
    _generated,
    _orderless,
    _pen,
)
from rnnzoo.tasks._packed import stacked

OPTIONS: dict[str, Any] = {"set": "small1"}
ABOUT = "Omniglot: which character is drawn, from movements of the pen (downloaded once, 3 MB)"
LOSS = "categorical"
NOTE = "A split by drawers of our own; published numbers are of other tasks."


def check(options: Mapping[str, Any], folder: Path) -> Iterator[Wrong]:
    """Whether there is such a set."""
    return _generated.not_among("set", _pen.FILES, options, "omniglot")


def sources(options: Mapping[str, Any], folder: Path) -> Iterable[Path]:
    """The file."""
    return _data_folder.sources(_pen.FILES[options["set"]])


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """Read the drawings.

    Raises:
        TaskError: the file is nowhere to be had, or holds something else.
    """
    path = _data_folder.checked(_pen.FILES[options["set"]], progress)
    drawings = list(_pen.drawings(path))
    names, classes = np.unique([drawing.name for drawing in drawings], return_inverse=True)
    moves = [_pen.moves(drawing.points, drawing.begins) for drawing in drawings]
    side = np.array([drawing.split for drawing in drawings])
    known = [steps for steps, split in zip(moves, side) if split == "train"]
    scaled = _pen.scaled(moves, _pen.spread(known))
    splits = {name: _split(scaled, classes, np.flatnonzero(side == name)) for name in SPLITS}
    return Task(
        name="omniglot",
        splits=splits,
        loss=LOSS,
        per="sequence",
        outputs=len(names),
        metric="error",
        unit="share of wrong answers",
        baselines=_orderless.baselines(splits["train"], splits["test"], "the moves"),
        note=NOTE,
        classes=tuple(names.tolist()),
    )


def _split(moves: list[np.ndarray], classes: np.ndarray, chosen: np.ndarray) -> Split:
    x, lengths = stacked([moves[number] for number in chosen])
    return Split(x, classes[chosen].astype(np.int32), lengths)
