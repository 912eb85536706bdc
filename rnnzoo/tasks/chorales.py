"""Bach chorales out of the music21 package: four voices on quarter notes, in their original keys;
predict the next frame.

The pieces and the split are those of JSB Chorales (Boulanger-Lewandowski et al. 2012) as far as the
package's corpus has them: 207, 64 and 72 of 229, 76 and 77.  Nothing is downloaded, and music21
itself is never imported: its MusicXML files are read by `_musicxml`, once, and cached.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.errors import TaskError
from rnnzoo.tasks import Report, Task, _cache, _music, _music21, _musicxml

OPTIONS: dict[str, Any] = {}
ABOUT = (
    "Bach chorales from the music21 package, original keys: next-frame prediction (nothing is"
    " downloaded)"
)
LOSS = _music.LOSS
NOTE = (
    "Chorales in their original keys, 343 of the 382 pieces of JSB Chorales. The canonical set is"
    " transposed to one key, so these numbers are not comparable with published ones."
)
VOICES = 4
READER = 1  # raise it when the reader's result changes: it names the cache
_SPLITS = {"train": "train", "valid": "validation", "test": "test"}


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """The chorales, out of the cache or out of the package.

    Raises:
        TaskError: the music21 package or a file of its corpus is missing.
    """
    return _music.task("chorales", rolls(progress), NOTE)


def rolls(progress: Report) -> dict[str, list[np.ndarray]]:
    """Piano rolls by split."""
    name = f"chorales-{_music21.version('chorales')}-{READER}.npz"
    cached = _cache.load(name)
    if (
        cached is None
        or set(cached) != {"frames", "lengths"}
        or cached["lengths"].sum() != len(cached["frames"])
    ):
        pieces = _read(progress)
        cached = {
            "frames": np.concatenate(pieces),
            "lengths": np.array([len(piece) for piece in pieces]),
        }
        _cache.save(name, cached)
    pieces = np.split(cached["frames"], np.cumsum(cached["lengths"])[:-1])
    by_split: dict[str, list[np.ndarray]] = {name: [] for name in _SPLITS.values()}
    for (split, _), piece in zip(files(), pieces):
        by_split[split].append(piece)
    return by_split


def files() -> list[tuple[str, str]]:
    """(split, file of the corpus) of every piece.

    A piece that the canonical set holds twice is in train only.
    """
    with Path(__file__).with_name("bwv_split.csv").open(newline="") as stream:
        return [(_SPLITS[row["split"]], row["music21_file"]) for row in csv.DictReader(stream)]


def _read(progress: Report) -> list[np.ndarray]:
    corpus, names = _music21.folder("corpus/bach"), files()
    rolls = []
    for done, (_, name) in enumerate(names):
        progress("reading chorales", done, len(names))
        try:
            rolls.append(_music.roll(_musicxml.frames(corpus / name, VOICES)))
        except (OSError, ValueError, SyntaxError) as error:  # a ParseError of XML is a SyntaxError
            raise TaskError(
                f"cannot read {name} of music21's corpus: {error}", _music21.INSTALL
            ) from None
    progress("reading chorales", len(names), len(names))
    return rolls
