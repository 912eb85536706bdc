"""MuseData (Boulanger-Lewandowski et al. 2012): orchestral and piano music as piano rolls, 524, 135
and 124 pieces; predict the next frame.

Pieces have 9 to 4,273 frames.  The electronic library that the music is from (CCARH) has terms of
its own; the folder that the piano rolls are from states no licence of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rnnzoo.tasks import Report, Task, _data_folder, _music, _piano_rolls

OPTIONS = _piano_rolls.OPTIONS
ABOUT = "MuseData, orchestral and piano music: next-frame prediction (downloaded once, 0.9 MB)"
LOSS = _music.LOSS
FILE = _piano_rolls.matlab(
    "muse_data",
    "MuseData",
    "MuseData.mat",
    "e8d9eb422ec3833c25f43a9f854d4ee0b9118a20b45f2c183395cdc30ffa14ff",
)


def sources(options: Mapping[str, Any], folder: Path) -> Iterable[Path]:
    """The file."""
    return _data_folder.sources(FILE)


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """The canonical set.

    Raises:
        TaskError: it is nowhere to be had, or a file of that name holds something else.
    """
    return _piano_rolls.task(FILE, options, progress)
