"""Japanese Vowels (Kudo, Toyama and Shimbo 1999): nine men say /ae/; who is it?

The files of the UEA archive: 270 utterances for train and 370 for test, 12 LPC cepstrum
coefficients a step, 7 to 29 steps.  They are read as the task `table` reads them: inputs are scaled
by train, out of which validation is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from rnnzoo.tasks import Report, Task, _data_folder, table
from rnnzoo.tasks._data_folder import Download

OPTIONS: dict[str, Any] = {}
ABOUT = "Japanese Vowels: which of nine speakers says a vowel (downloaded once, 1.1 MB)"
LOSS = "categorical"
NOTE = "The archive's test set; validation is drawn out of its train set."
_COMMIT = "f50572553419e667e0bd89173a3e9cbe5b32a99d"
_URL = f"https://raw.githubusercontent.com/mat-analysis/datasets/{_COMMIT}/mts/JapaneseVowels"


def _file(name: str, sha256: str) -> Download:
    return Download("japanese_vowels", "Japanese Vowels", name, sha256, f"{_URL}/{name}")


FILES = {
    "train": _file(
        "JapaneseVowels_TRAIN.ts",
        "72736f735163ce25d1dab5566a1115254601642db12c3b72b3ca5f49aafc95be",
    ),
    "test": _file(
        "JapaneseVowels_TEST.ts",
        "41760aefffc8e4dd221ae33954ddbab2df8c15fd66ca0efe08b744e962311ac2",
    ),
}


def sources(options: Mapping[str, Any], folder: Path) -> Iterator[Path]:
    """The two files."""
    for file in FILES.values():
        yield from _data_folder.sources(file)


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """The set of the archive.

    Raises:
        TaskError: a file is nowhere to be had, or holds something else.
    """
    paths = {name: str(_data_folder.checked(file, progress)) for name, file in FILES.items()}
    task = table.load({**table.OPTIONS, "file": paths}, seed, folder, progress)
    return replace(task, name="japanese_vowels", note=NOTE)
