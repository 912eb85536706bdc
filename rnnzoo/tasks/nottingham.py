"""Nottingham (Boulanger-Lewandowski et al. 2012): folk tunes with chords as piano rolls, 694, 173
and 170 tunes; predict the next frame.

The folder that the piano rolls are from states no licence of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rnnzoo.tasks import Report, Task, _data_folder, _music, _piano_rolls

OPTIONS = _piano_rolls.OPTIONS
ABOUT = "Nottingham, folk tunes with chords: next-frame prediction (downloaded once, 0.4 MB)"
LOSS = _music.LOSS
FILE = _piano_rolls.matlab(
    "nottingham",
    "Nottingham",
    "Nottingham.mat",
    "d154f7ca2e90799dc1dc011d8fc048f2fc6ef3f7c69d974b9cf27a471634fbea",
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
