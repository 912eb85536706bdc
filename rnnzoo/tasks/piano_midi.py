"""Piano-midi.de (Boulanger-Lewandowski et al. 2012): classical piano music as piano rolls on eighth
notes, 87, 12 and 25 pieces; predict the next frame.

Pieces have 65 to 3,857 frames.  The sequencer files of piano-midi.de are under CC BY-SA; the folder
that the piano rolls are from states no licence of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rnnzoo.tasks import Report, Task, _data_folder, _music, _piano_rolls

OPTIONS = _piano_rolls.OPTIONS
ABOUT = "Piano-midi.de, classical piano music: next-frame prediction (downloaded once, 0.2 MB)"
LOSS = _music.LOSS
FILE = _piano_rolls.matlab(
    "piano_midi",
    "Piano-midi.de",
    "Piano_midi.mat",
    "990a8a71d5764a7eaa3e78d9e5023d1470380fe2db3a1448265a97a24c8b1c34",
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
