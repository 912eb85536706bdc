"""Trainings without Keras whose states lie in files like those of `rnnzoo.nn.checkpoint`: each
epoch depends on all before it, by a generator that goes on.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.backends import facts
from rnnzoo.launchers import Tell
from rnnzoo.spec.state import COURSE, State
from rnnzoo.spec.trial import Ending, Kind, Outcome, Progress, Trial

STOPS, DIVERGES = 1, 2  # indices of trials that patience ends in epoch 3, and that diverge there
SIZE = 1000  # bytes of a state's variable
epochs_run: list[tuple[str, int, int]] = []  # variant, index and number of each epoch


def train(trial: Trial, tell: Tell) -> Outcome:
    """A loss that falls as a generator says."""
    curve, generator = _begun(trial)
    last = 3 if trial.index in (STOPS, DIVERGES) else trial.training.epochs
    for epoch in range(len(curve) + 1, last + 1):
        if 0 < trial.until < epoch:
            _write(trial.checkpoint, trial, curve, generator)
            return Outcome(Kind.PRUNED, curve=tuple(curve), waits=True, ending=Ending.PRUNED)
        epochs_run.append((trial.variant, trial.index, epoch))
        before = curve[-1]["validation"] if curve else 10.0
        score = before * float(generator.uniform(0.5, 1.0))
        curve.append({"epoch": epoch, "validation": score})
        tell(Progress(epoch, trial.training.epochs, score, score))
    if trial.index == DIVERGES:
        return Outcome(Kind.DIVERGED, curve=tuple(curve), ending=Ending.DIVERGED)
    ending = Ending.PATIENCE if last < trial.training.epochs else Ending.EPOCHS
    if trial.keeps_state:
        _write(trial.state, trial, curve, generator)
    scores = dict.fromkeys(("train", "validation", "test"), curve[-1]["validation"])
    return Outcome(Kind.COMPLETE, scores, tuple(curve), ending=ending)


def _begun(trial: Trial) -> tuple[list[dict[str, Any]], np.random.Generator]:
    generator = np.random.default_rng(trial.seed)
    if not trial.checkpoint.is_file():
        return [], generator
    with np.load(trial.checkpoint) as arrays:
        content = json.loads(arrays[COURSE].tobytes())
    state = State.of(content)
    assert state.key == trial.key or state.begins(trial)
    generator.bit_generator.state = content["order"]
    return content["curve"], generator


def _write(
    file: Path, trial: Trial, curve: list[dict[str, Any]], generator: np.random.Generator
) -> None:
    backend = trial.training.backend
    content = {
        "key": trial.key,
        "course_key": trial.course_key,
        "backend": backend,
        "patience": trial.training.patience,
        "machine": facts.machine(backend),
        "curve": curve,
        "order": generator.bit_generator.state,
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    course = np.frombuffer(json.dumps(content).encode(), np.uint8)
    np.savez(file, **{"0": np.zeros(SIZE, np.uint8), COURSE: course})
