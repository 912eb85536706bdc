"""A training that waits: a file with all that it needs to go on in another process, to the bit.

In: a trial and its training.  Out: the file of variables and of what the loop knows; and back.  A
file that is missing, damaged, or of another trial is no mistake: the training begins anew, and ends
the same.
"""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import keras
import numpy as np

from rnnzoo.spec.atomic import atomic_write
from rnnzoo.spec.trial import Trial

_COURSE = "course"  # the array of the file that is JSON
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile)


@dataclass(slots=True)
class Course:
    """What the loop over epochs knows.

    Attributes:
        curve: as in an `Outcome`.
        losses: on validation, of each epoch.
        best: the least of them, or of the metric where `best_by` says so.
        best_epoch: the epoch of that, from 1; 0 before the first.
        seconds: spent before the training waited.
        order: the state of the generator of orders.
    """

    curve: list[dict[str, float]] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    best: float = math.inf
    best_epoch: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    order: Mapping[str, Any] = field(default_factory=dict)


def save(trial: Trial, course: Course, variables: Sequence[keras.Variable]) -> None:
    """Write the file of a trial's training."""
    text = json.dumps({"key": trial.key, "backend": keras.backend.backend(), **asdict(course)})
    arrays = {
        str(number): keras.ops.convert_to_numpy(variable)
        for number, variable in enumerate(variables)
    }
    arrays[_COURSE] = np.frombuffer(text.encode(), np.uint8)
    with atomic_write(trial.checkpoint) as draft, draft.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)


def load(trial: Trial, variables: Sequence[keras.Variable]) -> Course:
    """Go on where a trial's training waits: set its variables; or leave them as they begin."""
    if not trial.folder or not trial.checkpoint.is_file():
        return Course()
    try:
        with trial.checkpoint.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            content = json.loads(arrays[_COURSE].tobytes())
            own = content.pop("key"), content.pop("backend")
            course = Course(**content)
            values = [arrays[str(number)] for number in range(len(variables))]
    except _UNREADABLE as error:
        print(f"{trial.checkpoint.name} cannot be read, so training begins anew: {error}")
        return Course()
    shapes = [tuple(variable.shape) for variable in variables]
    fits = shapes == [value.shape for value in values]
    if own != (trial.key, keras.backend.backend()) or not fits:
        print(f"{trial.checkpoint.name} is of another training, so this one begins anew")
        return Course()
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return course
