"""What the file of a training's state says of it, read without the library that trains.

In: a file of `rnnzoo.nn.checkpoint`.  Out: how far the training came, of which trials it is the
beginning, and where and with what it was run.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.spec.trial import Trial

COURSE = "course"  # the array of the file that is JSON
# what reading a file raises in which any byte may be another; a changed head of an archive asks for
# a password, or for a way to pack that is unknown, which are RuntimeErrors
UNREADABLE = (
    OSError, ValueError, KeyError, TypeError, EOFError, RuntimeError, zipfile.BadZipFile,
    zlib.error,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class State:
    """The state of a training at the end of an epoch.

    Attributes:
        key: of the trial that wrote it.
        course_key: likewise; empty in files of versions that did not write it.
        backend: the library that computed.
        patience: under which the training came so far.
        epoch: how many epochs were run.
        machine: versions and processor, by name.
    """

    key: str
    course_key: str
    backend: str
    patience: int
    epoch: int
    machine: Mapping[str, str]

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> State:
        """What the JSON of a file says.

        Raises:
            KeyError, TypeError: it is not that of a state.
        """
        return cls(
            content["key"],
            content.get("course_key", ""),
            content["backend"],
            content.get("patience", 0),
            len(content["curve"]),
            content.get("machine", {}),
        )

    def begins(self, trial: Trial) -> bool:
        """Whether a training of the trial comes to this state: it goes the same way, and would not
        have ended before.
        """
        training = trial.training
        return (
            self.course_key == trial.course_key
            and self.backend == training.backend
            and self.epoch <= training.epochs
            and training.outlasts(self.patience)
        )

    def differences(self, machine: Mapping[str, str]) -> list[str]:
        """What is not as it was, in names with both values; nothing where the training goes on to
        the bit.
        """
        return [
            f"{name} was {self.machine.get(name, 'unknown')} and is {now}"
            for name, now in machine.items()
            if self.machine.get(name) != now
        ]


def read(file: Path) -> State:
    """What a file says.

    Raises:
        any of `UNREADABLE`: it cannot be read.
    """
    with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        return State.of(json.loads(arrays[COURSE].tobytes()))


def is_whole(file: Path) -> bool:
    """Whether every byte of a file is as it was written."""
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.testzip() is None
    except UNREADABLE:
        return False
