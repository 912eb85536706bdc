"""Drawings of Omniglot (Lake, Salakhutdinov and Tenenbaum 2015), which `omniglot` and
`omniglot_words` read: where the pen was, and where it was lifted.

There are two small background sets, characters of five alphabets each, each drawn by 20 people.
Drawers 1 to 14 are train, 15 to 17 validation, 18 to 20 test, a choice of ours: the paper has other
tasks.  Times are left out.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rnnzoo.tasks import SPLITS
from rnnzoo.tasks._data_folder import Download

_COMMIT = "057f034baf2ecb8530bc5710e5a23584d2a519cc"
_URL = f"https://raw.githubusercontent.com/brendenlake/omniglot/{_COMMIT}/python"
_NAME = re.compile(r"strokes_\w+/(.+)/character(\d+)/\d+_(\d+)\.txt")
_STARTS = (15, 18)  # the first drawers of validation and of test


def _file(name: str, sha256: str) -> Download:
    file = f"strokes_background_{name}.zip"
    return Download("omniglot", "Omniglot", file, sha256, f"{_URL}/{file}")


FILES = {
    "small1": _file("small1", "8cb3960fb6cf4ccf5f064ad83169f828c36c36782a0f6e7faacb7ecfae4468a2"),
    "small2": _file("small2", "345bf2141efbea062833dbb2828abbc23d9e07825e46f2afdd4daecddfed6e78"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """One character by one drawer.

    Attributes:
        alphabet: as the folder is called, such as `Greek`.
        character: its number in the alphabet, such as `05`.
        drawer: the drawer's number, from 1 to 20.
        points: (points, 2): where the pen was, to the right and upwards.
        begins: (points,): whether the pen was lifted before.
    """

    alphabet: str
    character: str
    drawer: int
    points: np.ndarray
    begins: np.ndarray

    @property
    def name(self) -> str:
        """Of the character among those of all alphabets."""
        return f"{self.alphabet} {self.character}"

    @property
    def split(self) -> str:
        """Of the drawer, who is in no other."""
        return SPLITS[int(np.searchsorted(_STARTS, self.drawer, "right"))]


def drawings(path: Path) -> Iterator[Drawing]:
    """All of a file, by alphabet, character and drawer."""
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            match = _NAME.fullmatch(name)
            if match:
                alphabet, character, drawer = match.groups()
                points, begins = _drawn(archive.read(name).decode("ascii"))
                yield Drawing(alphabet, character, int(drawer), points, begins)


def _drawn(text: str) -> tuple[np.ndarray, np.ndarray]:
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
    return np.array(points, float), np.array(begins)


def moves(points: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """(points, 3): the move to each point, and whether it begins a stroke."""
    return np.column_stack([np.diff(points, axis=0, prepend=points[:1]), begins])


def scaled(drawn: Sequence[np.ndarray], spread: float) -> list[np.ndarray]:
    """Moves whose distances are divided by one number, to the right and upwards alike."""
    return [(steps / [spread, spread, 1]).astype(np.float32) for steps in drawn]


def spread(drawn: Sequence[np.ndarray]) -> float:
    """The standard deviation of all distances of such moves."""
    return float(np.concatenate([steps[:, :2] for steps in drawn]).std())
