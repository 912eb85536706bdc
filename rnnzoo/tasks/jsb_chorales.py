"""JSB Chorales (Boulanger-Lewandowski et al. 2012), the canonical set: 229, 76 and 77 pieces
transposed to one key.

Published numbers belong to this set: about 8.4 nats a frame (Greff et al. 2015: 8.38; Bai et al.
2018: 8.43).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rnnzoo.tasks import Report, Task, _data_folder, _music
from rnnzoo.tasks._data_folder import Download

OPTIONS: dict[str, Any] = {}
ABOUT = (
    "JSB Chorales, the canonical set in one key: next-frame prediction (downloaded once, 0.4 MB)"
)
LOSS = _music.LOSS
NOTE = "The canonical split; averaged over frames, the first frame of a piece is not predicted."
COMMIT = "9a7f733ddb4ed91f48da64ac7f0f621c34aadd4d"
FILE = Download(
    "jsb_chorales",
    "JSB Chorales",
    "jsb-chorales-quarter.json",
    "2db9329f1881a1d3f49703ec556bf1d6f84b4f6c1d702c156536e93cf31e1c91",
    f"https://raw.githubusercontent.com/czhuang/JSB-Chorales-dataset/{COMMIT}"
    "/jsb-chorales-quarter.json",
)
_SPLITS = {"train": "train", "valid": "validation", "test": "test"}


def sources(options: Mapping[str, Any], folder: Path) -> Iterable[Path]:
    """The file."""
    return _data_folder.sources(FILE)


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """The canonical set.

    Raises:
        TaskError: it is nowhere to be had, or a file of that name holds something else.
    """
    content = json.loads(_data_folder.checked(FILE, progress).read_text())
    rolls = {split: list(map(_music.roll, content[key])) for key, split in _SPLITS.items()}
    return _music.task("jsb_chorales", rolls, NOTE)
