"""Omniglot as movements of a pen (Lake, Salakhutdinov and Tenenbaum 2015): which character is it?

The two small background sets: characters of five alphabets each, 136 (`small1`) or 156 (`small2`),
each drawn by 20 people.  Drawers 1 to 14 are train, 15 to 17 validation, 18 to 20 test, a choice of
ours: the paper has other tasks.

A step is a point of the drawing: how far it lies from the one before, to the right and upwards, and
whether the pen was lifted in between.  Distances are divided by their deviation in train, the same
number for both.  Times are left out.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.tasks import SPLITS, Report, Split, Task, Wrong, _data_folder, _generated, _orderless
from rnnzoo.tasks._data_folder import Download
from rnnzoo.tasks._packed import padded

OPTIONS: dict[str, Any] = {"set": "small1"}
ABOUT = "Omniglot: which character is drawn, from movements of the pen (downloaded once, 3 MB)"
LOSS = "categorical"
NOTE = "A split by drawers of our own; published numbers are of other tasks."
_COMMIT = "057f034baf2ecb8530bc5710e5a23584d2a519cc"
_URL = f"https://raw.githubusercontent.com/brendenlake/omniglot/{_COMMIT}/python"


def _file(name: str, sha256: str) -> Download:
    file = f"strokes_background_{name}.zip"
    return Download("omniglot", "Omniglot", file, sha256, f"{_URL}/{file}")


FILES = {
    "small1": _file("small1", "8cb3960fb6cf4ccf5f064ad83169f828c36c36782a0f6e7faacb7ecfae4468a2"),
    "small2": _file("small2", "345bf2141efbea062833dbb2828abbc23d9e07825e46f2afdd4daecddfed6e78"),
}
_NAME = re.compile(r"strokes_\w+/(.+)/character(\d+)/\d+_(\d+)\.txt")
_STARTS = (15, 18)  # the first drawers of validation and of test


def check(options: Mapping[str, Any], folder: Path) -> Iterator[Wrong]:
    """Whether there is such a set."""
    return _generated.not_among("set", FILES, options, "omniglot")


def sources(options: Mapping[str, Any], folder: Path) -> Iterable[Path]:
    """The file."""
    return _data_folder.sources(FILES[options["set"]])


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """Read the drawings.

    Raises:
        TaskError: the file is nowhere to be had, or holds something else.
    """
    path = _data_folder.checked(FILES[options["set"]], progress)
    characters: list[str] = []
    side: list[int] = []
    drawings: list[np.ndarray] = []
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            match = _NAME.fullmatch(name)
            if match:
                alphabet, character, drawer = match.groups()
                characters.append(f"{alphabet} {character}")
                side.append(int(np.searchsorted(_STARTS, int(drawer), "right")))
                drawings.append(_moves(archive.read(name).decode("ascii")))
    return _task(characters, np.array(side), drawings)


def _moves(text: str) -> np.ndarray:
    """(points, 3): the move to each point, and whether it begins a stroke."""
    points: list[list[str]] = []
    begins: list[bool] = []
    is_lifted = True
    for line in text.split():
        if line in ("START", "BREAK"):
            is_lifted = True
        else:
            points.append(line.split(",")[:2])
            begins.append(is_lifted)
            is_lifted = False
    places = np.array(points, float)
    return np.column_stack([np.diff(places, axis=0, prepend=places[:1]), begins])


def _task(characters: list[str], side: np.ndarray, drawings: list[np.ndarray]) -> Task:
    names, classes = np.unique(characters, return_inverse=True)
    moves = [drawing[:, :2] for drawing, number in zip(drawings, side) if number == 0]
    spread = np.concatenate(moves).std()
    scaled = [drawing / [spread, spread, 1] for drawing in drawings]
    splits = {
        name: _split(scaled, classes, np.flatnonzero(side == number))
        for number, name in enumerate(SPLITS)
    }
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


def _split(drawings: list[np.ndarray], classes: np.ndarray, chosen: np.ndarray) -> Split:
    parts = [drawings[number].astype(np.float32) for number in chosen]
    lengths = np.array([len(part) for part in parts], np.int32)
    x = padded(np.concatenate(parts), lengths, int(lengths.max()))
    return Split(x, classes[chosen].astype(np.int32), lengths)
