"""Bach chorales out of the music21 package: four voices on quarter notes, in their original keys;
predict the next frame.

The pieces and the split are those of JSB Chorales (Boulanger-Lewandowski et al. 2012) as far as the
package's corpus has them: 207, 64 and 72 of 229, 76 and 77.  Nothing is downloaded, and music21
itself is never imported: its MusicXML files are read by `_musicxml`, once, and cached.
"""

from __future__ import annotations

import csv
import importlib.metadata
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.errors import TaskError
from rnnzoo.tasks import Report, Task, _cache, _music, _musicxml

OPTIONS: dict[str, Any] = {}
ABOUT = (
    "Bach chorales from the music21 package, original keys: next-frame prediction (nothing is"
    " downloaded)"
)
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
    name = f"chorales-{_version()}-{READER}.npz"
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


def _version() -> str:
    try:
        return importlib.metadata.version("music21")
    except importlib.metadata.PackageNotFoundError:
        raise TaskError(
            "the task 'chorales' reads the music21 package", "pip install music21"
        ) from None


def _corpus() -> Path:
    package = importlib.util.find_spec("music21")
    folders = list(package.submodule_search_locations or []) if package else []
    for folder in folders:
        if (Path(folder) / "corpus" / "bach").is_dir():
            return Path(folder) / "corpus" / "bach"
    raise TaskError(
        "the music21 package has no corpus of Bach chorales", "reinstall it: pip install music21"
    )


def _read(progress: Report) -> list[np.ndarray]:
    corpus, names = _corpus(), files()
    rolls = []
    for done, (_, name) in enumerate(names):
        progress("reading chorales", done, len(names))
        try:
            rolls.append(_music.roll(_musicxml.frames(corpus / name, VOICES)))
        except (OSError, ValueError, SyntaxError) as error:  # a ParseError of XML is a SyntaxError
            raise TaskError(
                f"cannot read {name} of music21's corpus: {error}", "pip install music21"
            ) from None
    progress("reading chorales", len(names), len(names))
    return rolls
