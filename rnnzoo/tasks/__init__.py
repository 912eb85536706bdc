"""The Task contract: sequences in, targets out, a loss, a metric, and what a model that learnt nothing scores.

A task is one file of this folder, and its name is the name of the file.  The file holds

    OPTIONS: dict[str, Any]                          every option with its default; an option's type is its default's
    ABOUT: str                                       one line for `rnnzoo list tasks`
    SOLVABLE: bool                                   whether `Task.solved` is given; may be left out where it is not
    def load(options, seed, folder, progress) -> Task   reads or generates the data

Contains: next-frame prediction (`chorales`, `jsb_chorales`), one answer a sequence (`adding`, `temporal_order`), one label
a step (`copy_memory`), and the user's own arrays.  Generated data comes from the task's own generator and `seed`, so that
all variants see the same sequences.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rnnzoo import registry
from rnnzoo.errors import TaskError, UsageError, nearest

Loss = Literal["bernoulli", "categorical", "squared"]
SPLITS = ("train", "validation", "test")
MOST = 10**9  # of anything that an option counts
Report = Callable[[str, int, int], None]  # (what is being done, how many are done, of how many)


def silent(what: str, done: int, of: int) -> None:
    """A `Report` that tells nobody."""


@dataclass(frozen=True, eq=False, slots=True)
class Split:
    """Sequences with their targets, padded at the end to one length; padding never reaches a loss or metric.

    Attributes:
        x: (sequences, time, inputs), uint8 or float32.
        y: with `per="step"`: (sequences, time, outputs), or (sequences, time) of int32 classes for `categorical`;
            with `per="sequence"`: (sequences, outputs), or (sequences,) of classes.
        lengths: (sequences,) int32, at least 1: how many steps are real.
        weights: (sequences, time) float32 for `per="step"`: 1 where a step counts, 0 where it does not; None counts all
            real steps.
    """

    x: np.ndarray
    y: np.ndarray
    lengths: np.ndarray
    weights: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True, eq=False, slots=True)
class Task:
    """A task, loaded.

    Attributes:
        name: as in the spec.
        splits: `train`, `validation` and `test`.
        loss: `bernoulli` (independent sigmoids, summed over outputs), `categorical` (softmax over `outputs` classes) or
            `squared` (mean over outputs); always averaged over all counted steps, or over sequences.
        per: one target a `step`, or one a `sequence` (read off the last real step).
        outputs: units of the read-out.
        metric: what the reported number is called: the loss itself (`nll`, `mse`, `cross_entropy`) or `error` (share of
            wrong answers, categorical only).  Lower is better in all of them.
        unit: the metric's unit, for axes and tables.
        baselines: scores on the test split of predictors that learn nothing sequential, by name, best last.
        solved: a training with this score or a lower one has solved the task; None where scores have no such point.
            Reports count with it; neither the digest nor a study's identity depends on it.
        note: what a reader must know before comparing the numbers with others.
        digest: SHA-256 of the data, part of a study's identity.
    """

    name: str
    splits: Mapping[str, Split]
    loss: Loss
    per: Literal["step", "sequence"]
    outputs: int
    metric: str
    unit: str
    baselines: Mapping[str, float] = field(default_factory=dict)
    note: str = ""
    digest: str = ""
    solved: float | None = None

    @property
    def inputs(self) -> int:
        return int(self.splits["train"].x.shape[-1])


def digest_of(splits: Mapping[str, Split]) -> str:
    """SHA-256 over the arrays of all splits, shapes and types included."""
    sha = hashlib.sha256()
    for name in sorted(splits):
        split = splits[name]
        for array in (split.x, split.y, split.lengths, split.weights):
            sha.update(f"{name} {None if array is None else (array.dtype.str, array.shape)}".encode())
            if array is not None:
                sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()


def load(
    name: str,
    options: Mapping[str, Any] | None = None,
    *,
    seed: int = 0,
    folder: Path | None = None,
    progress: Report = silent,
) -> Task:
    """Load a task by its name.

    Args:
        options: over the task's defaults.
        seed: for generated data.
        folder: paths in options are relative to this folder (that of the experiment).
        progress: told about long work.

    Raises:
        UsageError: no such task, or an option that it does not have.
        TaskError: data missing, damaged or of a wrong form.
    """
    module = registry.load("tasks", name)
    given = dict(options or {})
    for key, value in given.items():
        if key not in module.OPTIONS:
            raise UsageError(
                f"task '{name}' has no option '{key}'\n  fix: {nearest(key, module.OPTIONS) or 'it has none'}"
            )
        _check_option(name, key, value, module.OPTIONS[key])
    try:
        task: Task = module.load({**module.OPTIONS, **given}, seed, folder or Path(), progress)
    except MemoryError:
        raise TaskError(f"task '{name}' does not fit into memory\n  fix: fewer or shorter sequences") from None
    _check(task)
    return task


def _check_option(task: str, key: str, value: Any, default: Any) -> None:
    """An option has the type of its default; whole numbers count something."""
    whole_for_float = isinstance(default, float) and type(value) is int
    if type(value) is not type(default) and not whole_for_float:
        wanted = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}[type(default)]
        raise UsageError(f"task '{task}': `{key}` must be {wanted}, not {value!r}\n  fix: its default is {default!r}")
    if type(default) is int and not 1 <= value <= MOST:
        raise UsageError(f"task '{task}': `{key}` must be at least 1 and at most {MOST}, not {value}")


def _check(task: Task) -> None:
    """What every task promises; a user's arrays are the reason that this is not an assertion."""
    for name in SPLITS:
        split = task.splits.get(name)
        if split is None or len(split) == 0:
            raise TaskError(f"task '{task.name}': the {name} split is empty\n  fix: every split needs a sequence")
        if split.lengths.min() < 1 or split.lengths.max() > split.x.shape[1]:
            raise TaskError(f"task '{task.name}': lengths in the {name} split must be from 1 to {split.x.shape[1]}")
        for array in (split.x, split.y):
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise TaskError(f"task '{task.name}': the {name} split holds NaN or infinite values")
