"""The data types of a task, and its contract.

Contains: `Split` and `Task`, and `check`, which rejects a task that breaks its contract
before any trial starts.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rnnzoo import losses, metrics
from rnnzoo.errors import Remark, TaskError, UsageError, number_of
from rnnzoo.losses import WHOLE
from rnnzoo.spec.plugins import shown

SPLITS = ("train", "validation", "test")
MOST_LENGTHS = 50  # that are scored by themselves
_BLOCK = 2**24  # bytes that are looked at together
Report = Callable[[str, int, int], None]  # reports progress: (activity, items done, items in total)


def silent(label: str, done: int, of: int) -> None:
    """A `Report` that shows nothing."""


@dataclass(frozen=True, eq=False, slots=True)
class Split:
    """Sequences with their targets, padded at the end to equal length; padding enters no loss and
    no metric.

    Attributes:
        x: (sequences, time, inputs), uint8 or float32; or (sequences, time, 1) int32 of ids, where
            the task has a vocabulary.
        y: with `per="step"`: (sequences, time, outputs), or (sequences, time) of int32 classes for
            `categorical`; with `per="sequence"`: (sequences, outputs), or (sequences,) of classes,
            or for `ctc` (sequences, labels) of int32 from 1, with zeros behind the last label.
        lengths: (sequences,) int32, at least 1: the number of real steps.
        weights: float32, how much each answer counts in the loss and in scores, which are weighted
            means: (sequences, time) for `per="step"`, 0 for steps that do not count; (sequences,)
            for `per="sequence"`, above 0.  None counts all alike.
    """

    x: np.ndarray
    y: np.ndarray
    lengths: np.ndarray
    weights: np.ndarray | None = None

    @property
    def width(self) -> int:
        """To how many steps the arrays are padded."""
        return int(self.x.shape[1])

    @property
    def inputs(self) -> int:
        """How many numbers, or ids, `x` has at a step."""
        return int(self.x.shape[-1])

    @property
    def stored(self) -> Mapping[str, np.ndarray]:
        """`x`, `y` and, where there are any, `weights`, as they are in memory: without padding,
        where a split has none there.
        """
        arrays = {"x": self.x, "y": self.y, "weights": self.weights}
        return {name: array for name, array in arrays.items() if array is not None}

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Of `stored`, with padding."""
        return {name: array.shape for name, array in self.stored.items()}

    def padded(self, name: str) -> Iterator[np.ndarray]:
        """An array with padding, some sequences at a time."""
        yield self.stored[name]

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True, eq=False, slots=True)
class Task:
    """A loaded task.

    Attributes:
        name: as in the spec.
        splits: `train`, `validation` and `test`.
        loss: a name of `rnnzoo.losses`: `bernoulli` (independent sigmoids, summed over outputs),
            `categorical` (softmax over `outputs` classes), `squared` (mean over outputs), `ctc` (of
            labels whose places among the steps are not known; output 0 is the blank), or one of the
            project's; always averaged over all counted steps, or over sequences.
        per: one target per `step`, or one per `sequence` (predicted at the last real step).
        outputs: units of the read-out.
        metric: what is reported: what the loss calls itself, or a name of `rnnzoo.metrics`; of one
            of which higher is better, what it lacks of the best.
        also: names of `rnnzoo.metrics`, or what the loss calls itself: what is measured on test
            beside it, of the weights that are best by it.  Neither the digest nor a study's
            identity depends on them.
        unit: the metric's unit, for axes and tables.
        baselines: scores of predictors without memory on the test split, by name, best last.
        solved: the score at or below which a training has solved the task; None if there is no such
            score.  Reports use it; neither the digest nor a study's identity depends on it.
        note: information that a reader needs before comparing the scores with others.
        digest: SHA-256 of the data, part of a study's identity; if empty, `tasks.load` computes it.
        classes: names of classes, or of tags, by number, as many as outputs; of labels the first,
            which is that of the blank, is empty; without any where they have none.  Shown to
            readers; neither the digest nor a study's identity depends on them.
        input_names: of each input; empty where they have none.  Shown to readers; neither the
            digest nor a study's identity depends on them.
        fills: columns of `x` that cells may read beside theirs, by name: `dt`, the time since the
            step before, `mask`, which of the others are observed, or another name.  A cell that
            names one has these columns under that name and all others as its x; one that names
            none has all columns as its x.
        middle, spread: by output, what was subtracted of targets that are numbers, and what they
            were divided by, so that metrics are told in the targets' own unit; empty where they are
            as they were.
        by_length: whether the sequences of `test` of each length are also scored by themselves;
            then few lengths occur there.  A score more for readers: neither the digest nor a
            study's identity depends on it.
        warnings: probable mistakes in the data that were noticed when it was read; a sentence is a
            remark without a fix.
        vocabulary: above 0, `x` holds ids below it (characters, words, products), which a model
            reads one-hot or by an embedding; with 0, `x` holds numbers.
        ahead: whether the target at a step tells of a later one, so that no model may read the
            sequence backwards; need not be said where it is the next input.  Neither the digest nor
            a study's identity depends on it.
        carry: whether each sequence of a split goes on where the one before it ended, as windows of
            a text do: then states are carried from one to the next.
    """

    name: str
    splits: Mapping[str, Split]
    loss: str
    per: Literal["step", "sequence"]
    outputs: int
    metric: str
    unit: str
    baselines: Mapping[str, float] = field(default_factory=dict)
    note: str = ""
    digest: str = ""
    solved: float | None = None
    warnings: tuple[Remark | str, ...] = ()
    classes: tuple[str, ...] = ()
    by_length: bool = False
    vocabulary: int = 0
    also: tuple[str, ...] = ()
    ahead: bool = False
    carry: bool = False
    input_names: tuple[str, ...] = ()
    middle: tuple[float, ...] = ()
    spread: tuple[float, ...] = ()
    fills: Mapping[str, Sequence[int]] = field(default_factory=dict)

    def in_own_unit(self, values: Any) -> Any:
        """Targets, or answers to them, (..., outputs), as they were before they were scaled: what
        metrics compare.
        """
        if not self.spread:
            return values
        middle, spread = (np.array(scale, np.float32) for scale in (self.middle, self.spread))
        return values * spread + middle

    @property
    def inputs(self) -> int:
        """The size of what a model reads at a step, ids one-hot."""
        if self.vocabulary:
            return self.vocabulary
        return self.splits["train"].inputs

    @property
    def targets(self) -> str:
        """What the loss compares answers with: one of `losses.TARGETS`."""
        return losses.load(self.loss).targets

    @property
    def answers_steps(self) -> bool:
        """Whether a model answers at each step: with one target a step, or labels a sequence."""
        return self.per == "step" or self.targets == "labels"

    @classmethod
    def from_arrays(
        cls,
        x: Any,
        y: Any = None,
        *,
        lengths: Any = None,
        split: Any = None,
        group: Any = None,
        weights: Any = None,
        fills: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Task:
        """A task of arrays, as the task `arrays` reads them out of a file (docs/tasks.md).

        Args:
            x: (sequences, time, inputs) or (sequences, time); or a list with (steps, inputs) or
                (steps,) for each sequence.
            y: targets; of a list of sequences, those at every step are a list too.  To transcribe,
                a list of the labels of each sequence, or of texts.
            lengths, split, group, weights: for each sequence.
            fills: arrays that cells may read beside x, by name, as `{"dt": dt, "mask": mask}`:
                (sequences, time, columns) or (sequences, time), or lists as x is.
            options: those of the task, as `kind="regress"`; `split` as an option, which draws
                classes alike, is `how="stratified"`.

        Raises:
            UsageError, TaskError: the arrays do not fit, in the words of that task.
        """
        from rnnzoo.tasks import _own

        if "how" in options:  # the option's name among those of a task is taken by an array here
            options["split"] = options.pop("how")
        arrays = {
            "x": x, "y": y, "lengths": lengths, "split": split, "group": group, "weights": weights,
        }  # fmt: skip
        return _own.from_arrays(arrays, options, fills)

    @classmethod
    def from_frame(cls, frame: Any, *, inputs: Any, target: Any, **options: Any) -> Task:
        """A task of a frame of pandas, polars or Arrow, or of a dictionary of columns, as the task
        `table` reads them out of a file (docs/tasks.md).

        Args:
            inputs, target: columns, as there.
            options: those of the task, as `id="patient"`.

        Raises:
            UsageError, TaskError: the columns do not fit, in the words of that task.
        """
        from rnnzoo.tasks import _own

        return _own.from_frame(frame, {"inputs": inputs, "target": target, **options})

    def save(self, path: str | Path, *, overwrite: bool = False) -> dict[str, Any]:
        """Write the task to a `.npz` file that the task `arrays` reads, and return what an
        experiment says of it: `{"name": "arrays", "file": ..., ...}`.

        A file that holds the same is left as it is.

        Raises:
            UsageError: another file is there; or `arrays` has no such loss, metric or weights.
        """
        from rnnzoo.tasks import _own

        return _own.save(self, Path(path), overwrite)


def digest_of(splits: Mapping[str, Split]) -> str:
    """SHA-256 of the arrays of all splits, including shapes and types."""
    sha = hashlib.sha256()
    for name in sorted(splits):
        split = splits[name]
        _add(sha, name, split, "x")
        _add(sha, name, split, "y")
        sha.update(f"{name} {(split.lengths.dtype.str, split.lengths.shape)}".encode())
        sha.update(np.ascontiguousarray(split.lengths).data)
        _add(sha, name, split, "weights")
    return sha.hexdigest()


def _add(sha: Any, split_name: str, split: Split, name: str) -> None:
    """Shape, type and padded content of an array of a split."""
    array = split.stored.get(name)
    form = None if array is None else (array.dtype.str, split.shapes[name])
    sha.update(f"{split_name} {form}".encode())
    if array is not None:
        for block in split.padded(name):
            sha.update(np.ascontiguousarray(block).data)


def code(task: Task) -> dict[tuple[str, str], str]:
    """Digests of a task's loss and metric where these are not the package's, by kind and name."""
    loss = losses.load(task.loss)
    digests = {("losses", task.loss): loss.digest}
    if task.metric != loss.metric:
        digests["metrics", task.metric] = metrics.load(task.metric).digest
    return {name: digest for name, digest in digests.items() if digest}


def check(task: Any, file: str, loss: str = "", fills: Collection[str] | None = None) -> None:
    """Check that a task keeps its contract.

    Args:
        file: the task's source, for the message.
        loss: what that says the loss is; empty where it says nothing.
        fills: what it says cells may read beside x; None where it says nothing.

    Raises:
        TaskError: about the first violation.
    """
    if not isinstance(task, Task):
        raise TaskError(
            f"{file}: `load` returned {type(task).__name__}, not a Task", "return Task(...)"
        )
    problems = (
        _words(task), _stated(task, loss), _classes(task), _splits(task), _inputs(task),
        _fills(task), _stated_fills(task, fills), _scale(task), _baselines(task),
    )  # fmt: skip
    for problem, fix in chain.from_iterable(problems):
        raise TaskError(f"task '{task.name}' ({file}): {problem}", fix)


Problem = tuple[str, str]  # the problem and its fix


def _words(task: Task) -> Iterator[Problem]:
    """Problems with the names of loss, metric and kind of target, and with the number of
    outputs.
    """
    if task.loss not in losses.names():
        yield f"there is no loss '{task.loss}'", f"one of: {', '.join(losses.names())}"
        return
    try:
        loss = losses.load(task.loss)
        if task.metric != loss.metric and task.metric in metrics.names():
            metrics.load(task.metric)  # whose mistakes are told, and not that it is not computed
    except UsageError as error:
        yield error.parts
        return
    if task.metric not in metrics.fitting(loss):
        known = " or ".join(metrics.fitting(loss))
        yield (
            f"the metric '{task.metric}' of the loss '{task.loss}' is not computed",
            f"write {known}",
        )
    for name in task.also:
        if name not in metrics.fitting(loss):
            known = ", ".join(metrics.fitting(loss))
            yield f"`also`: '{name}' does not measure {loss.targets}", f"of: {known}"
    if task.per not in ("step", "sequence"):
        yield f"`per` cannot be '{task.per}'", "write step or sequence"
    if not isinstance(task.outputs, int) or task.outputs < 1:
        yield f"`outputs` must be a whole number from 1, not {task.outputs!r}", ""
    if type(task.vocabulary) is not int or task.vocabulary < 0:
        yield f"`vocabulary` must be a whole number from 0, not {task.vocabulary!r}", ""
    if loss.targets == "labels" and task.per != "sequence":
        yield f"with the loss '{task.loss}', labels are those of a sequence", 'per="sequence"'
    if task.carry and (task.per != "step" or task.by_length):
        yield (
            "with `carry`, sequences go on in one another, and each step has a target",
            'per="step", and no `by_length`',
        )


def _stated(task: Task, loss: str) -> Iterator[Problem]:
    if loss not in ("", task.loss):
        yield f"it states the loss '{loss}', and its loss is '{task.loss}'", "one of both"


def _classes(task: Task) -> Iterator[Problem]:
    """Problems with the names of classes; only what has passed `_words` gets here."""
    names = task.classes
    if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
        yield f"`classes` must be a tuple of names, not {shown(names)}", "classes=('cat', 'dog')"
    elif names and task.targets == "numbers":
        yield f"it names classes, and the loss '{task.loss}' has none", "leave `classes` out"
    elif names and len(names) != task.outputs:
        yield (
            f"it names {number_of(len(names), 'class', 'classes')} of {task.outputs}",
            "a name for each of the outputs, in the order of their numbers",
        )
    elif len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        yield f"two of its classes are called {twice!r}", "a name for each class"


def _inputs(task: Task) -> Iterator[Problem]:
    """Problems with the names of inputs; only what has passed `_splits` gets here."""
    names = task.input_names
    if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
        yield f"`input_names` must be a tuple of names, not {shown(names)}", "('pulse', 'dose')"
    elif names and len(names) != task.inputs:
        yield f"it names {number_of(len(names), 'input')} of {task.inputs}", "a name for each"


def _fills(task: Task) -> Iterator[Problem]:
    """Problems with the columns that have names for cells."""
    example = "{'dt': [8]}"
    columns = [*chain.from_iterable(task.fills.values())]
    if not columns:
        return
    if task.vocabulary:
        yield "it has ids, which are one input, and `fills` names columns", "leave `fills` out"
    elif not all(isinstance(column, int) and 0 <= column < task.inputs for column in columns):
        yield f"`fills` names columns of x, from 0 to {task.inputs - 1}, not {columns}", example
    elif len(set(columns)) < len(columns):
        yield "`fills` names a column of x twice", example
    elif len(task.fills.get("dt", (0,))) != 1:
        yield "`dt` is the time since the step before, one column", example
    elif len(columns) == task.inputs:
        yield "`fills` leaves no column of x", "an input that is none of these"


def _stated_fills(task: Task, stated: Collection[str] | None) -> Iterator[Problem]:
    """A file that states another `FILLS` than what its tasks fill."""
    if stated is not None and {*stated} != {*task.fills}:
        names = ", ".join(sorted(task.fills))
        yield (
            f"it fills {names or 'nothing'}, and its file states {[*stated]}",
            "FILLS = ('dt',), with the names of `fills`",
        )


def _scale(task: Task) -> Iterator[Problem]:
    """Problems with what targets were scaled by."""
    if not task.middle and not task.spread:
        return
    numbers = (*task.middle, *task.spread)
    if task.targets != "numbers":
        yield f"its targets are {task.targets}, which are not scaled", "leave `spread` out"
    elif not np.isfinite(numbers).all() or not all(value > 0 for value in task.spread):
        yield "`middle` and `spread` must be finite numbers, of `spread` above 0", "(5.0,)"
    elif {len(task.middle), len(task.spread)} != {task.outputs}:
        yield f"`middle` and `spread` have a number for each of {task.outputs} outputs", "(5.0,)"


def _splits(task: Task) -> Iterator[Problem]:
    for name in SPLITS:
        split = task.splits.get(name)
        if split is None or len(split) == 0:
            yield f"the {name} split is empty", "every split needs a sequence"
            return
        yield from ((f"the {name} split: {problem}", fix) for problem, fix in _split(task, split))
    inputs = {name: task.splits[name].inputs for name in SPLITS}
    if len(set(inputs.values())) > 1:
        yield f"x has another number of inputs in each split: {inputs}", ""
    widths = {name: task.splits[name].shapes["y"][1:] for name in SPLITS}
    if task.targets == "labels" and len(set(widths.values())) > 1:
        yield "y is padded to another number of labels in each split", "zeros behind the last label"
    lengths = len(np.unique(task.splits["test"].lengths))
    if task.by_length and lengths > MOST_LENGTHS:
        yield (
            f"with `by_length`, each of the {lengths} lengths of test would be scored by itself",
            f"at most {MOST_LENGTHS} lengths, or leave `by_length` out",
        )


def _split(task: Task, split: Split) -> Iterator[Problem]:
    """Problems of a split; values are checked only if all shapes are right."""
    shapes = list(_shapes(task, split))
    yield from shapes or _values(task, split)


def _shapes(task: Task, split: Split) -> Iterator[Problem]:
    types = {name: array.dtype for name, array in split.stored.items()}
    shape = split.shapes["x"]
    if len(shape) != 3 or not all(shape) or types["x"].kind not in "biuf":
        yield f"x is {types['x']}, {shape}", "numbers, (sequences, time, inputs)"
        return
    if task.vocabulary and (shape[-1] != 1 or types["x"] != np.int32):
        fix = "with a vocabulary, ids: int32, (sequences, time, 1)"
        yield f"x is {types['x']}, {shape}", fix
        return
    count, time = shape[:2]
    lengths = split.lengths
    if lengths.shape != (count,) or lengths.dtype.kind not in "iu":
        yield f"lengths is {lengths.dtype}, {lengths.shape}", f"whole numbers, ({count},)"
    targeted = (count, time) if task.per == "step" else (count,)
    yield from _form_of_y(task, split, targeted)
    if "weights" in types and split.shapes["weights"] != targeted:
        problem = f"weights is {types['weights']}, {split.shapes['weights']}"
        yield problem, f"numbers, {targeted}"


def _form_of_y(task: Task, split: Split, targeted: tuple[int, ...]) -> Iterator[Problem]:
    """
    Args:
        targeted: the shape of what has a target: (sequences, time) or (sequences,).
    """
    dtype, shape = split.stored["y"].dtype, split.shapes["y"]
    wanted: tuple[int | str, ...]
    match task.targets:
        case "classes":
            wanted = targeted
        case "labels":  # as many as the longest answer has
            wanted = (*targeted, *(shape[1:2] or ("labels",)))
        case _:
            wanted = (*targeted, task.outputs)
    is_whole = task.targets in WHOLE
    fits = dtype in (np.int32, np.int64) if is_whole else dtype.kind in "biuf"
    if shape != wanted or not fits:
        numbers = "int32" if is_whole else "numbers"
        fix = f"{task.loss} with one target a {task.per} takes {numbers}, {wanted}"
        yield f"y is {dtype}, {shape}", fix


@dataclass(frozen=True, slots=True)
class _Range:
    """What numbers an array holds."""

    low: float
    high: float
    finite: bool

    @classmethod
    def of(cls, array: np.ndarray) -> _Range:
        """Looked at in blocks, so that nothing as large as the array is made."""
        low, high, finite = math.inf, -math.inf, True
        rows = max(1, _BLOCK // max(1, array[:1].nbytes))
        for start in range(0, len(array), rows):
            block = array[start : start + rows]
            finite = finite and (block.dtype.kind != "f" or bool(np.isfinite(block).all()))
            low, high = min(low, block.min()), max(high, block.max())
        return cls(low, high, finite)


def _values(task: Task, split: Split) -> Iterator[Problem]:
    if split.lengths.min() < 1 or split.lengths.max() > split.width:
        yield f"lengths must be from 1 to {split.width}", "whole numbers of real steps"
    ranges = {name: _Range.of(array) for name, array in split.stored.items()}
    for name, numbers in ranges.items():
        if not numbers.finite:
            yield (
                f"{name} holds NaN or infinite values",
                "fill them in, or leave these sequences out",
            )
    x, y, weights = ranges["x"], ranges["y"], ranges.get("weights")
    if task.vocabulary and not 0 <= x.low <= x.high < task.vocabulary:
        yield (
            f"x holds ids from {int(x.low)} to {int(x.high)}",
            f"with vocabulary={task.vocabulary}, they are from 0 to {task.vocabulary - 1}",
        )
    if task.targets == "classes" and not 0 <= y.low <= y.high < task.outputs:
        yield (
            f"y holds classes from {int(y.low)} to {int(y.high)}",
            f"with outputs={task.outputs}, they are from 0 to {task.outputs - 1}",
        )
    if task.targets == "labels":
        yield from _labels(task, split, y)
    if task.targets == "shares" and not 0 <= y.low <= y.high <= 1:
        yield "y holds numbers that are no probabilities", f"{task.loss} takes zeros and ones"
    if weights is not None and task.per == "sequence" and weights.low <= 0:
        yield "weights of sequences must be above 0", "leave out what is not to count"
    elif weights is not None and not (weights.low >= 0 and weights.high > 0):
        yield (
            "weights must not be negative, nor all zero",
            "1 where a step counts, 0 where it does not",
        )


def _labels(task: Task, split: Split, y: _Range) -> Iterator[Problem]:
    """Problems with labels that have the right shape."""
    if not 0 <= y.low < y.high < task.outputs:
        yield (
            f"y holds labels from {int(y.low)} to {int(y.high)}",
            f"with outputs={task.outputs}, they are from 1 to {task.outputs - 1}, and 0 is none",
        )
    torn = np.flatnonzero(((split.y[:, :-1] == 0) & (split.y[:, 1:] != 0)).any(1))
    if len(torn):
        yield f"sequence {torn[0]} of y has a 0 between labels", "zeros behind the last label only"
    short = np.flatnonzero(steps_to_spell(split.y) > split.lengths)
    if len(short):
        number = int(short[0])
        yield cannot_spell(split.y[number], int(split.lengths[number]), f"sequence {number}")


def steps_to_spell(y: np.ndarray) -> np.ndarray:
    """(sequences,) in how few steps labels can be said: one for each, and one between two that are
    the same.
    """
    same = (y[:, 1:] == y[:, :-1]) & (y[:, 1:] != 0)
    return np.asarray((y != 0).sum(1) + same.sum(1))


def cannot_spell(labels: np.ndarray, steps: int, name: str) -> Problem:
    """What is wrong with a sequence, by its name, that has fewer steps than its labels need."""
    needed = int(steps_to_spell(labels[None])[0])
    count = number_of(int((labels != 0).sum()), "label")
    return (
        f"{name} has {count} and {number_of(steps, 'step')}, and needs {needed}: one for"
        " each label, and one between two that are the same",
        "leave such sequences out, or give them more steps",
    )


def _baselines(task: Task) -> Iterator[Problem]:
    for name, score in task.baselines.items():
        if not math.isfinite(score):
            yield f"the baseline '{name}' is {score}", "a finite score of the metric on test"
