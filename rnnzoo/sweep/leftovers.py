"""Files of an experiment's trials that nothing needs any more.

In: the folder of its trials, and what the storage knows of them.  Out: each such file, why it may
go, and its size.  Only files that a sweep writes are named, and only in folders as a sweep names
them; what is linked there, or lies beside, is somebody else's.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from rnnzoo.spec.trial import CHECKPOINT, LOG, MODEL, STATE, StudyKey

_INDEX = re.compile(r"[0-9]{4,}")
_OURS = (MODEL, CHECKPOINT, STATE, LOG)
Why = Literal[
    "old editions", "models that are not the best", "half-written", "states of finished trainings"
]
REASONS: tuple[Why, ...] = get_args(Why)
HALF: Why = "half-written"
STATES: Why = REASONS[-1]  # which are of use where a training is to be longer


@dataclass(frozen=True, slots=True)
class Leftover:
    """A file that may go.

    Attributes:
        trial: the folder of its trial.
        size: bytes.
    """

    path: Path
    why: Why
    trial: Path
    size: int


@dataclass(frozen=True, slots=True)
class Needed:
    """What is needed of an experiment's trials; folders are real paths.

    Attributes:
        studies: identities of the present edition.
        unfinished: those of them of which trials run, or wait at a rung.
        ended: folders of their trials that have ended for good.
        best: folders of the trial of each study whose model is kept.
        elsewhere: folders of trials that other experiments have taken over, of which they need the
            model and the state.
        beginnings: files of earlier editions from which trials of the present one go on.
    """

    studies: Collection[str]
    ended: Collection[str]
    best: Collection[str]
    unfinished: Collection[str] = field(default_factory=frozenset)
    elsewhere: Collection[str] = field(default_factory=frozenset)
    beginnings: Collection[str] = field(default_factory=frozenset)

    def why(self, study: str, folder: str, name: str) -> Why | None:
        """Why a file of a trial's folder may go; None where it is needed."""
        if folder in self.elsewhere:
            return None
        if os.path.join(folder, name) in self.beginnings:
            return STATES
        if folder in self.ended:
            if name == MODEL and folder not in self.best:
                return "models that are not the best"
            return {CHECKPOINT: HALF, STATE: STATES}.get(name)
        if study not in self.studies:
            return "old editions"
        return None if study in self.unfinished else HALF


def find(experiment: str, trials: Path, needed: Needed) -> list[Leftover]:
    """The files below the folder of an experiment's trials that may go."""
    leftovers: list[Leftover] = []
    for study, folder in _folders(experiment, trials):
        real = os.path.realpath(folder)
        for name in _OURS:
            path = folder / name
            why = needed.why(study, real, name)
            if why is not None and path.is_file() and not path.is_symlink():
                leftovers.append(Leftover(path, why, folder, path.stat().st_size))
    return leftovers


def _folders(experiment: str, trials: Path) -> Iterator[tuple[str, Path]]:
    """The folders of trials with the identity of their study: `variant/task/hash/index`."""
    for variant in _inside(trials):
        for task in _inside(variant):
            for digest in _inside(task):
                study = f"{experiment}/{variant.name}/{task.name}/{digest.name}"
                if StudyKey.find(study) is not None:
                    indices = [path for path in _inside(digest) if _INDEX.fullmatch(path.name)]
                    yield from ((study, path) for path in indices)


def _inside(folder: Path) -> list[Path]:
    """The folders in a folder, without links to others."""
    if folder.is_symlink() or not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())


def delete(leftovers: Collection[Leftover], trials: Path) -> None:
    """Delete these files, and the folders that this leaves empty."""
    for leftover in leftovers:
        leftover.path.unlink(missing_ok=True)
    for folder in {leftover.trial for leftover in leftovers}:
        # the trial's folder, and those of its hash, task and variant
        for empty in (folder, *list(folder.parents)[:3]):
            with suppress(OSError):  # it holds something
                empty.rmdir()


def sums(leftovers: Collection[Leftover]) -> Mapping[Why, tuple[int, int, int]]:
    """How many files, of how many trials, with how many bytes, by reason."""
    by_reason: dict[Why, tuple[int, int, int]] = {}
    for why in REASONS:
        own = [leftover for leftover in leftovers if leftover.why == why]
        trials = len({leftover.trial for leftover in own})
        if own:
            by_reason[why] = (len(own), trials, sum(leftover.size for leftover in own))
    return by_reason
