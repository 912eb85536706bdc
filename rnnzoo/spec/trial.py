"""Trial (all that one training needs) and Outcome (all that it yields): what crosses the process
boundary.

Both are frozen, made of plain values, and turn into JSON and back, so that they can be hashed,
pickled, stored and shown.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, asdict, dataclass, field, fields
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from rnnzoo.spec.hyperparameters import SETTINGS, Training, Value
from rnnzoo.spec.settings import project

PATH = "file"  # the option of a task that is a path
METRIC, ALSO = "metric", "also"  # options of every task: what selects, what else is measured
GROWING = ("epochs", "patience")  # with larger ones a training goes on where it would have ended
PILOT, ROUND = "pilot", "round"  # the stages of what is trained to confirm
_MARK = "~"  # no label of a variant has it
_REPLICATE = re.compile("[1-9][0-9]*")


def digest(value: Any) -> str:
    """SHA-256 of a JSON value; the order of keys does not matter."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def unusual(value: Any) -> dict[str, Any]:
    """Fields that differ from their defaults: hashed so, what a later version adds changes no
    hash.
    """
    return {
        attribute.name: getattr(value, attribute.name)
        for attribute in fields(value)
        if getattr(value, attribute.name) != _default_of(attribute)
    }


def _default_of(attribute: Field[Any]) -> Any:
    return (
        attribute.default if attribute.default_factory is MISSING else attribute.default_factory()
    )


def without_paths(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a task without where its data lie, since what they are is in their digest, and
    without what else is measured, which changes no training.
    """
    return {name: value for name, value in options.items() if name not in (PATH, ALSO)}


@dataclass(frozen=True, slots=True)
class StudyKey:
    """What a study is known by, in storages, trackers and tables: as text
    `experiment/variant/task/digest`.

    Behind the variant stands `~1`, `~2` and so on for replicates, `~pilot` and `~round` for stages.

    Attributes:
        variant, task: labels.
        digest: of all that the study's outcomes depend on.
        replicate: 0 for the search itself; from 1 on, its kept trials once more, each on a fresh
            seed.
        stage: empty for the search; `PILOT` or `ROUND` for the trainings that confirm.
    """

    experiment: str
    variant: str
    task: str
    digest: str
    replicate: int = 0
    stage: str = ""

    def __str__(self) -> str:
        return f"{self.experiment}/{self.rest}"

    @property
    def marked(self) -> str:
        """The variant with its replicate or stage, as tables have it: `lstm`, `lstm~2`,
        `lstm~round`.
        """
        mark = self.stage or self.replicate
        return f"{self.variant}{_MARK}{mark}" if mark else self.variant

    @property
    def prefix(self) -> str:
        """What the texts of all editions of the study begin with: those with other digests."""
        return f"{self.experiment}/{self.marked}/{self.task}/"

    @property
    def rest(self) -> str:
        """The text without the experiment."""
        return f"{self.marked}/{self.task}/{self.digest}"

    @classmethod
    def parse(cls, text: str) -> StudyKey:
        """The key that is written so.

        Raises:
            ValueError: none is.
        """
        return _parsed(text)

    @classmethod
    def find(cls, text: str) -> StudyKey | None:
        """The key that is written so; None where none is, as in a database that others use too."""
        try:
            return _parsed(text)
        except ValueError:
            return None


@lru_cache(maxsize=4096)  # a sweep has a few hundred studies, and thousands of trials in each
def _parsed(text: str) -> StudyKey:
    parts = text.split("/")
    if len(parts) != 4 or not all(parts):
        raise ValueError(f"a study is experiment/variant/task/hash, not {text!r}")
    experiment, marked, task, digest = parts
    variant, _, mark = marked.partition(_MARK)
    stage = mark if mark in (PILOT, ROUND) else ""
    replicate = int(mark) if _REPLICATE.fullmatch(mark) else 0
    key = StudyKey(experiment, variant, task, digest, replicate, stage)
    if not variant or str(key) != text:
        raise ValueError(
            f"{marked!r} is no variant, nor one followed by {_MARK!r} and a number, {PILOT} or"
            f" {ROUND}"
        )
    return key


MODEL = "model.keras"  # a trained model's file in its folder
LOG = "log.txt"  # likewise, what it printed
CHECKPOINT = "checkpoint.npz"  # likewise, of a training that waits
STATE = "state.npz"  # likewise, of one that has ended and may go on with more epochs


@dataclass(frozen=True, slots=True)
class Trial:
    """One training, fully determined: run twice on one kind of machine, it yields one Outcome, bit
    for bit.

    Attributes:
        experiment: name of the experiment (`""` for a training by hand).
        variant: the label in claims, status and reports.
        cell: canonical text of the cell (`lang.text.cell_text`): YAML with `extends` resolved.
        task: name of the task.
        task_options: what the task was given besides its name.
        index: number of the trial within its (variant, task), from 0.
        hyperparameters: the point of the space, what was searched and what was fixed: `units`,
            `learning_rate`, ...
        training: all hyper-parameters, resolved: what is given of it are the settings of
            `training:`, and over them go `hyperparameters` and `own_units`, whoever makes the
            trial.
        init: initialisers by name of a weight, over the cell's own.
        seed: drives weights, order of the data and dropout.
        own_units: units of this cell, where `hyperparameters` has those of the baseline that it
            equals in weights; else 0.
        base: folder that relative paths in `task_options` start from.
        data: digest of the data that it is to be trained on; with `""`, whatever is there.
        cell_hash: of what the cell computes (`lang.text.digest`), for people who look for it; not
            part of `key`.
        folder: where the trial's log and model go; `""` keeps nothing.  No path is part of `key`.
        until: the epoch after which the training waits, with all that it needs to go on in
            `folder`; 0: none.  Not part of `key`, since a training that waited ends as one that did
            not.
        keeps_state: whether the state of the finished training goes into `folder`.  Not part of
            `key` either.
    """

    experiment: str
    variant: str
    cell: str
    task: str
    index: int
    hyperparameters: Mapping[str, Value]
    seed: int
    training: Training = field(default_factory=Training)
    task_options: Mapping[str, Any] = field(default_factory=dict)
    init: Mapping[str, Any] = field(default_factory=dict)
    own_units: int = 0
    base: str = ""
    folder: str = ""
    data: str = ""
    cell_hash: str = ""
    until: int = 0
    keeps_state: bool = False

    def __post_init__(self) -> None:
        units = {"units": self.own_units} if self.own_units else {}
        object.__setattr__(self, "training", self.training.at({**self.hyperparameters, **units}))

    @property
    def units(self) -> int:
        """Units of the cell that is trained."""
        return self.training.units

    @property
    def model(self) -> Path:
        """The file of the trained model, if `folder` keeps one."""
        return project() / self.folder / MODEL

    @property
    def checkpoint(self) -> Path:
        """The file of a training that waits, if `folder` keeps one."""
        return project() / self.folder / CHECKPOINT

    @property
    def state(self) -> Path:
        """The file of the state in which the training has ended, if `folder` keeps one."""
        return project() / self.folder / STATE

    @property
    def log(self) -> Path:
        """The file of what it printed, if `folder` keeps one."""
        return project() / self.folder / LOG

    @property
    def home(self) -> Path:
        """The folder that paths in the task's options are relative to."""
        return project() / self.base

    @property
    def key(self) -> str:
        """SHA-256 of the content: a trial's provenance."""
        settings = unusual(self.training)
        content = {
            **unusual(self),
            "training": {name: settings[name] for name in SETTINGS if name in settings},
            "task_options": without_paths(self.task_options),
        }
        for name in ("base", "folder", "cell_hash", "until", "keeps_state"):
            content.pop(name, None)
        for name, value in content.items():
            if isinstance(value, Mapping):  # any mapping, which JSON need not know
                content[name] = dict(value)
        return digest(content)

    @property
    def course_key(self) -> str:
        """SHA-256 of all that an epoch of the training depends on: equal for trainings that go the
        same way, to the bit, and differ at most in how long they follow it.
        """
        settings = unusual(self.training)
        for name in GROWING:
            settings.pop(name, None)
        if self.training.schedule == "cosine":  # each epoch's rate depends on how many there are
            settings["epochs"] = self.training.epochs
        return digest(
            {
                "cell": self.cell_hash or self.cell,
                "init": dict(self.init),
                "task": [self.task, without_paths(self.task_options)],
                "data": self.data,
                "training": settings,
                "seed": self.seed,
            }
        )

    def to_dict(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "hyperparameters": dict(self.hyperparameters),
            "training": self.training.settings(),  # the rest follows from the hyper-parameters
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Trial:
        return cls(**{**content, "training": Training(**content["training"])})


class Kind(StrEnum):
    """How a trial ended.

    Each kind is counted in reports, never dropped and never taken for another.
    """

    COMPLETE = "complete"
    DIVERGED = "diverged"
    PRUNED = "pruned"
    OUT_OF_MEMORY = "out_of_memory"
    TIMED_OUT = "timed_out"
    INTERRUPTED = "interrupted"
    FAILED = "failed"

    @property
    def words(self) -> str:
        """For people."""
        return self.value.replace("_", " ")

    @property
    def final(self) -> bool:
        """False where the same trial is run again by the next sweep."""
        return self is not Kind.INTERRUPTED


RETRIED = (Kind.FAILED, Kind.OUT_OF_MEMORY, Kind.TIMED_OUT)  # what diverged would diverge again


class Ending(StrEnum):
    """What ended a training's epochs; by itself it says nothing of what was learnt.

    `epochs`: all of `training.epochs` were run, so the best weights may be those of the last.
    `patience`: the validation loss was not better for `training.patience` epochs.  `pruned`: the
    search's pruner stopped it, or it was not among the best at a rung.  `diverged`: a loss was no
    longer finite.  `solved`: the score on validation solves the task, and no more was asked for.
    `unknown`: a version recorded it that did not say, or the training did not come
    to an end of its own.
    """

    EPOCHS = "epochs"
    PATIENCE = "patience"
    PRUNED = "pruned"
    DIVERGED = "diverged"
    SOLVED = "solved"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one training yielded.

    Attributes:
        kind: how the trial ended.
        ending: what ended the training's epochs.
        scores: the task's metric by split (`train`, `validation`, `test`), of the best weights;
            empty unless complete.
        curve: one row an epoch: `{"epoch": 1, "train": ..., "validation": ..., "seconds": ...}`.
        weights: number of trained weights of the recurrent layer, and of the whole model under
            `model`.
        best_epoch: the epoch (from 1) whose weights were kept.
        seconds: wall time by phase: `data` (loading it), `build` (the model), `train` (all epochs
            with their evaluation, and within it `compile`: what the first epoch took more than the
            others), and `total`, which also has the last scores; and `step`, of one training step.
        message: why it ended so, for kinds other than complete.
        retried: it did not complete, and the trial was begun again; only the last attempt counts.
        waits: the training waits at a rung, and goes on if it is among the best.
        by_length: the task's metric on the sequences of `test` of each length, by the length as
            text, where the task asks for it; else empty.
        also: scores on `test` by other metrics, where they are asked for and can be told
            of these answers.
        loops: what computed loops over time, and why, where it was not what the study's provenance
            says, as where a compiler failed; empty where it was.
    """

    kind: Kind
    scores: Mapping[str, float] = field(default_factory=dict)
    curve: tuple[Mapping[str, float], ...] = ()
    weights: Mapping[str, int] = field(default_factory=dict)
    best_epoch: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)
    message: str = ""
    retried: bool = False
    waits: bool = False
    ending: Ending = Ending.UNKNOWN
    by_length: Mapping[str, float] = field(default_factory=dict)
    also: Mapping[str, float] = field(default_factory=dict)
    loops: str = ""

    @property
    def final(self) -> bool:
        """False where the same trial is run again, or goes on."""
        return self.kind.final and not self.retried and not self.waits

    def best_until(self, epoch: int) -> float:
        """The least score on validation up to an epoch; infinite where the training did not come so
        far, or was no longer finite.
        """
        epochs = len(self.curve) - (self.kind is Kind.DIVERGED)  # without the last, in which it did
        if epochs < epoch and self.kind is not Kind.COMPLETE:
            return math.inf
        scores = [row["validation"] for row in self.curve[:epoch]]
        return min(filter(math.isfinite, scores), default=math.inf)

    def to_dict(self) -> dict[str, Any]:
        content = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        if not self.loops:  # versions before read no such entry
            del content["loops"]
        return {
            **content,
            "kind": str(self.kind),
            "ending": str(self.ending),
            "scores": dict(self.scores),
            "curve": [dict(row) for row in self.curve],
            "weights": dict(self.weights),
            "seconds": dict(self.seconds),
            "by_length": dict(self.by_length),
            "also": dict(self.also),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Outcome:
        ending = Ending(content.get("ending", Ending.UNKNOWN))
        parsed = {"kind": Kind(content["kind"]), "ending": ending, "curve": tuple(content["curve"])}
        return cls(**{**content, **parsed})


@dataclass(frozen=True, slots=True)
class Progress:
    """What a running trial tells the sweep after every epoch; it is answered by go on or stop."""

    step: int
    of: int
    value: float
    best: float


@dataclass(frozen=True, slots=True)
class Result:
    """A trial with its outcome, and its study as text: what the sweep writes, and a report reads
    back.

    Attributes:
        ended: when its outcome came, in seconds since 1970 UTC; 0 where that is not known.  It is
            no part of what the result is.
    """

    trial: Trial
    outcome: Outcome
    study: str = ""
    ended: float = field(default=0.0, compare=False)

    @property
    def key(self) -> StudyKey:
        """The study.

        Raises:
            ValueError: it has none.
        """
        return StudyKey.parse(self.study)

    def pack(self) -> str:
        """All of it in letters and digits: stores keep it so.

        With 150 epochs 7.5 kB where its JSON has 17.5; with a sampler of its own, Optuna holds it
        for every trial of a sweep in memory.
        """
        content = {
            "trial": self.trial.to_dict(),
            "outcome": self.outcome.to_dict(),
            "study": self.study,
        }
        return base64.b64encode(zlib.compress(json.dumps(content).encode(), 9)).decode()

    @classmethod
    def unpack(cls, text: str) -> Result:
        """The result that `pack` has written."""
        content = json.loads(zlib.decompress(base64.b64decode(text)))
        return cls(
            Trial.from_dict(content["trial"]),
            Outcome.from_dict(content["outcome"]),
            content["study"],
        )


def ranked(results: Sequence[Result], on: str) -> list[Result]:
    """The complete trials, the best on a split first; of equal ones the earlier."""
    complete = [result for result in results if result.outcome.kind is Kind.COMPLETE]
    return sorted(complete, key=lambda result: (result.outcome.scores[on], result.trial.index))
