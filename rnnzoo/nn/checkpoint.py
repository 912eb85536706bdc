"""A training that waits, or has ended and may go on with more epochs: a file with all that it needs
to go on in another process, to the bit.

In: a trial and its training.  Out: the file of variables and of what the loop knows; and back.  A
file that is missing, damaged, or of another trial is no mistake: the training begins anew, and ends
the same.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from rnnzoo.backends import facts
from rnnzoo.spec.atomic import atomic_write
from rnnzoo.spec.state import COURSE, UNREADABLE, State
from rnnzoo.spec.trial import Trial


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
    """Write the file of a training that waits."""
    _write(trial.checkpoint, trial, course, variables)


def keep(trial: Trial, course: Course, variables: Sequence[keras.Variable]) -> None:
    """Write the file of a training that has ended."""
    _write(trial.state, trial, course, variables)


def _write(file: Path, trial: Trial, course: Course, variables: Sequence[keras.Variable]) -> None:
    backend = keras.backend.backend()
    header = {
        "key": trial.key,
        "course_key": trial.course_key,
        "backend": backend,
        "patience": trial.training.patience,
        "machine": facts.machine(backend),
    }
    text = json.dumps({**header, **asdict(course)})
    arrays = {
        str(number): keras.ops.convert_to_numpy(variable)
        for number, variable in enumerate(variables)
    }
    # as bytes, since arrays of objects would be pickled, and a file is data that nothing executes
    arrays[COURSE] = np.frombuffer(text.encode(), np.uint8)
    with atomic_write(file) as draft, draft.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)


def load(trial: Trial, variables: Sequence[keras.Variable]) -> Course:
    """Go on where a trial's training waits, or a shorter one of the same course has ended: set its
    variables; or leave them as they begin.
    """
    if not trial.folder or not trial.checkpoint.is_file():
        return Course()
    try:
        with trial.checkpoint.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            content = json.loads(arrays[COURSE].tobytes())
            state = State.of(content)
            course = Course(**{name: content[name] for name in Course.__slots__})
            values = [arrays[str(number)] for number in range(len(variables))]
    except UNREADABLE as error:
        print(f"{trial.checkpoint.name} cannot be read, so training begins anew: {error}")
        return Course()
    # all is checked before the first variable is set: what does not fit leaves them as they begin
    shapes = [tuple(variable.shape) for variable in variables]
    fits = shapes == [value.shape for value in values]
    problem = _problem(state, trial) if fits else "is of another training"
    if problem:
        print(f"{trial.checkpoint.name} {problem}, so this one begins anew")
        return Course()
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return course


def _problem(state: State, trial: Trial) -> str:
    """Why a trial does not go on from a state, as what is said of its file; empty where it does."""
    backend = keras.backend.backend()
    if state.key == trial.key and state.backend == backend:
        return ""
    if not state.begins(trial):
        return "is of another training"
    differences = state.differences(facts.machine(backend))
    return f"was written elsewhere ({'; '.join(differences)})" if differences else ""
