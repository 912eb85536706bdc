"""JSB Chorales (Boulanger-Lewandowski et al. 2012), the canonical set: 229, 76 and 77 pieces
transposed to one key.

Looked for in the folder that `RNNZOO_DATA` names, then in the cache, then downloaded; checked by
SHA-256 wherever it is from.  Published numbers belong to this set: about 8.4 nats a frame (Greff et
al. 2015: 8.38; Bai et al. 2018: 8.43).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rnnzoo.errors import TaskError
from rnnzoo.spec.settings import cache_folder
from rnnzoo.tasks import Report, Task, _music

OPTIONS: dict[str, Any] = {}
ABOUT = (
    "JSB Chorales, the canonical set in one key: next-frame prediction (downloaded once, 0.4 MB)"
)
NOTE = "The canonical split; averaged over frames, the first frame of a piece is not predicted."
FILE = "jsb-chorales-quarter.json"
SHA256 = "2db9329f1881a1d3f49703ec556bf1d6f84b4f6c1d702c156536e93cf31e1c91"
COMMIT = "9a7f733ddb4ed91f48da64ac7f0f621c34aadd4d"
URL = f"https://raw.githubusercontent.com/czhuang/JSB-Chorales-dataset/{COMMIT}/{FILE}"
TIMEOUT = 30  # seconds
_SPLITS = {"train": "train", "valid": "validation", "test": "test"}


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """The canonical set.

    Raises:
        TaskError: it is nowhere to be had, or a file of that name holds something else.
    """
    content = json.loads(_file(progress).read_text())
    rolls = {split: list(map(_music.roll, content[key])) for key, split in _SPLITS.items()}
    return _music.task("jsb_chorales", rolls, NOTE)


def _file(progress: Report) -> Path:
    """A file whose content has been checked."""
    own = os.environ.get("RNNZOO_DATA", "")
    for place in (Path(own) if own else None, cache_folder()):
        if place is not None and (place / FILE).is_file():
            return _checked(place / FILE)
    return _download(progress)


def _checked(path: Path) -> Path:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != SHA256:
        raise TaskError(
            f"{path} is not the file it should be: its SHA-256 is {digest[:16]}..., not"
            f" {SHA256[:16]}...",
            f"delete it, and take it from {URL}",
        )
    return path


def _download(progress: Report) -> Path:
    import pooch

    progress("downloading JSB Chorales", 0, 1)
    pooch.get_logger().setLevel("ERROR")
    try:
        pooch.retrieve(
            URL,
            f"sha256:{SHA256}",
            fname=FILE,
            path=cache_folder(),
            downloader=pooch.HTTPDownloader(timeout=TIMEOUT),
        )
    except Exception as error:  # whatever the network does is one thing to the user
        raise TaskError(
            f"the task 'jsb_chorales' needs {FILE}, which could not be downloaded"
            f" ({type(error).__name__})",
            f"put it by hand into {cache_folder()}, or into a folder that the environment variable"
            " RNNZOO_DATA names\n"
            f"       it comes from {URL}",
        ) from None
    progress("downloading JSB Chorales", 1, 1)
    return _checked(cache_folder() / FILE)
