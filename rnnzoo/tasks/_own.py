"""Arrays and frames of Python's -> tasks, by the same code that reads files; and back to a file.

In: arrays, lists of unequal arrays, or a frame of pandas, polars or Arrow.  Out: a `Task`.  What a
caller holds is written to a folder that is deleted again, in the form of the tasks `arrays` and
`table`, so that what is checked, split, scaled and said is what they do.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from numbers import Number
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.errors import RnnzooError, UsageError, listed
from rnnzoo.losses import WHOLE
from rnnzoo.spec.atomic import atomic_write
from rnnzoo.spec.written import in_call
from rnnzoo.tasks import _arrays_named
from rnnzoo.tasks._arrays_file import NEEDED
from rnnzoo.tasks._contract import SPLITS, Split, Task
from rnnzoo.tasks._packed import padded, to_width

ARRAYS, FRAME = "arrays.npz", "frame.feather"
_HELD = {ARRAYS: "the arrays", FRAME: "the frame"}  # what a caller knows instead of these files
_ARGUMENTS = {"arrays": {"split": "how"}, "table": {}}  # for options that are called otherwise
_KINDS = {
    ("categorical", "error"): "classify",
    ("bernoulli", "nll"): "tag",
    ("squared", "mse"): "regress",
    ("ctc", "edit_distance"): "transcribe",
}


def from_arrays(
    arrays: Mapping[str, Any], options: Mapping[str, Any], fills: Mapping[str, Any] | None = None
) -> Task:
    """See `Task.from_arrays`."""
    fills = fills or {}
    given = {name: array for name, array in arrays.items() if array is not None}
    if "x" not in given:
        raise UsageError("x is None", "Task.from_arrays(x, y)")
    if "y" not in given and "y" in NEEDED.get(str(options.get("kind", "classify")), ()):
        raise UsageError(
            "y is None", "Task.from_arrays(x, y), or kind='next_step', which takes none"
        )
    for wrong in _arrays_named.wrong([*fills]):
        raise UsageError(wrong.problem, wrong.fix)
    if options.get("kind") == "transcribe" and _is_several(given.get("y")):
        given |= _of_labels(given["y"])
    if _is_ragged(given["x"]):
        _check_lengths(given)
        given = _of_unequal(given)
        fills = {name: _of_each(name, array, given) for name, array in fills.items()}
    held = {name: _plain(name, array) for name, array in {**given, **fills}.items()}
    if fills:
        options = {**options, "fills": [*fills]}

    def write(path: Path) -> None:
        np.savez(path, **held)  # type: ignore[arg-type]  # names of arrays

    return _loaded("arrays", ARRAYS, write, options)


def from_frame(frame: Any, options: Mapping[str, Any]) -> Task:
    """See `Task.from_frame`."""
    from rnnzoo.tasks._table import read

    given = {name: _listed(value) for name, value in options.items() if value is not None}
    return _loaded("table", FRAME, lambda path: read.write(frame, path), given)


def _listed(value: Any) -> Any:
    """An option as a file has it: columns may be a tuple, an array or an index of pandas, too."""
    if isinstance(value, Mapping):
        return {name: _listed(inner) for name, inner in value.items()}
    if hasattr(value, "tolist"):
        return value.tolist()
    return list(value) if isinstance(value, tuple) else value


def _loaded(name: str, file: str, write: Any, options: Mapping[str, Any]) -> Task:
    from rnnzoo import tasks

    with tempfile.TemporaryDirectory(prefix="rnnzoo-") as temporary:
        folder = Path(temporary)
        write(folder / file)
        try:
            with in_call(_ARGUMENTS[name]):
                return tasks.load(name, {**options, "file": file}, folder=folder)
        except RnnzooError as error:  # in which the names of our folder and file say nothing
            problem, fix = (
                text.replace(f"{folder}/", "").replace(file, _HELD[file]) for text in error.parts
            )
            kind = UsageError if isinstance(error, UsageError) else type(error)
            raise kind(problem, fix) from None


# ------------------------------------------------------------------ unequal lengths


def _is_several(y: Any) -> bool:
    """Whether labels come sequence by sequence, and not as texts."""
    is_list = isinstance(y, list | tuple) or (isinstance(y, np.ndarray) and y.dtype.hasobject)
    # numbers are one label each, of which `arrays` says what is wrong
    return is_list and not any(isinstance(labels, str | bytes | Number) for labels in y)


def _of_labels(y: Any) -> dict[str, np.ndarray]:
    """The labels of all sequences behind each other, and how many each has."""
    counts = np.array([len(labels) for labels in y])
    return {"y": _as_array("y", [*chain.from_iterable(y)]), "y_lengths": counts}


def _is_ragged(x: Any) -> bool:
    """Whether sequences come one by one."""
    is_list = isinstance(x, list | tuple) or (isinstance(x, np.ndarray) and x.dtype.hasobject)
    return is_list and any(map(_has_parts, x))


def _has_parts(sequence: Any) -> bool:
    try:
        return np.ndim(sequence) > 0
    except ValueError:  # they have different shapes
        return True


def _check_lengths(given: Mapping[str, Any]) -> None:
    if "lengths" in given:
        raise UsageError("sequences in a list have their lengths", "leave `lengths` out")


def _of_unequal(given: Mapping[str, Any]) -> dict[str, Any]:
    """Sequences padded, with their lengths; targets at every step likewise."""
    x = [_as_array("x", sequence) for sequence in given["x"]]
    for number, sequence in enumerate(x):
        if sequence.ndim not in (1, 2) or sequence.shape[1:] != x[0].shape[1:]:
            raise UsageError(
                f"sequence {number} of x (counted from 0) has shape {sequence.shape}, and the"
                f" first {x[0].shape}",
                "(steps,) or (steps, inputs), with the same inputs in each",
            )
    lengths = np.array([len(sequence) for sequence in x])
    held = {**given, "x": _padded(x, lengths), "lengths": lengths}
    if "y" in given and "y_lengths" not in given and _is_ragged(given["y"]):
        held["y"] = _of_steps([_as_array("y", sequence) for sequence in given["y"]], lengths)
    return held


def _of_each(name: str, given: Any, others: Mapping[str, Any]) -> np.ndarray:
    """What cells read beside x, of unequal sequences."""
    lengths = others["lengths"]
    fix = "an array for each sequence, with something for each step of x"
    if not isinstance(given, Iterable) or getattr(given, "ndim", 1) == 0:
        raise UsageError(f"{name} has no sequences", fix)
    array = [_as_array(name, sequence) for sequence in given]
    steps = _steps(array)
    if steps == lengths.tolist():
        return _padded(array, lengths)
    if len(steps) != len(lengths):
        raise UsageError(f"{name} has {len(steps)} sequences, and x {len(lengths)}", fix)
    number = int(np.flatnonzero(np.array(steps) != lengths)[0])
    problem = f"sequence {number} (counted from 0) has {lengths[number]} steps in x"
    raise UsageError(f"{problem} and {steps[number]} in {name}", fix)


def _of_steps(y: Sequence[np.ndarray], lengths: np.ndarray) -> np.ndarray:
    """Targets of unequal sequences; those that are one a sequence stay as they are."""
    steps = _steps(y)
    if steps == lengths.tolist():
        return _padded(y, lengths)
    if len(set(steps)) == 1 or len(y) != len(lengths):
        return _as_array("y", y)
    number = int(np.flatnonzero(np.array(steps) != lengths)[0])
    problem = f"sequence {number} (counted from 0) has {lengths[number]} steps in x"
    raise UsageError(f"{problem} and {steps[number]} in y", "a target at each step of x")


def _steps(sequences: Sequence[np.ndarray]) -> list[int]:
    """How many each has; a number has none."""
    return [(*sequence.shape, 0)[0] for sequence in sequences]


def _padded(sequences: Sequence[np.ndarray], lengths: np.ndarray) -> np.ndarray:
    return padded(np.concatenate(sequences), lengths, int(lengths.max()))


def _as_array(name: str, given: Any) -> np.ndarray:
    """
    Raises:
        UsageError: its parts have no common shape, or some of it is masked.
    """
    if np.ma.is_masked(given):  # NumPy would take what is hidden for values
        problem = f"{int(np.sum(given.mask)):,} values of {name} are masked"
        fix = f"{name}.filled(0); a mask among `fills`, or `lengths`, say what is there"
        raise UsageError(problem, fix)
    try:
        return np.asarray(given)
    except ValueError:
        problem = f"{name} is no array: its parts have different shapes"
        fix = "one shape for all; where x is a list of unequal sequences, y may be one too"
        raise UsageError(problem, fix) from None


def _plain(name: str, array: Any) -> np.ndarray:
    """As an array without Python objects, as far as it can be.

    Raises:
        UsageError: it is none.
    """
    given = _as_array(name, array)
    if given.dtype.hasobject and not given.ndim:
        what = "None" if array is None else f"a {type(array).__name__}"
        raise UsageError(f"{name} is no array, but {what}", "np.array(...)")
    is_text = given.dtype.hasobject and all(isinstance(value, str) for value in given.flat)
    return given.astype(str) if is_text else given


# ------------------------------------------------------------------ to a file


def save(task: Task, path: Path, overwrite: bool) -> dict[str, Any]:
    """See `Task.save`."""
    kind = _kind_of(task)
    _check_can_be_saved(task)
    splits = [task.splits[name] for name in SPLITS]
    content = {
        **_inputs_of(task, splits),
        "y": _targets_of(task, splits, kind),
        "lengths": np.concatenate([split.lengths for split in splits]),
        "split": np.repeat(SPLITS, [len(split) for split in splits]),
    }
    if any(split.weights is not None for split in splits):
        content["weights"] = np.concatenate([_weights_of(split) for split in splits])
    _write(path, content, overwrite)
    options = {"name": "arrays", "file": str(path), "kind": kind, "per": task.per}
    return {**options, "fills": [*task.fills]} if task.fills else options


def _kind_of(task: Task) -> str:
    """What `arrays` calls such a task.

    Raises:
        UsageError: `arrays` has no such loss and metric.
    """
    kind = _KINDS.get((task.loss, task.metric))
    if kind is None:
        known = listed((f"{loss} with {metric}" for loss, metric in _KINDS), "or")
        raise UsageError(
            f"a task of {task.loss} with {task.metric} cannot be saved: `arrays` has {known}",
            "a task file of your own: docs/tasks.md",
        )
    return kind


def _check_can_be_saved(task: Task) -> None:
    """
    Raises:
        UsageError: `arrays` cannot say what this task has.
    """
    is_weighted = any(task.splits[name].weights is not None for name in SPLITS)
    if task.per == "step" and is_weighted:
        raise UsageError(
            "a task with steps that do not count cannot be saved: `arrays` counts all",
            "name the table in the experiment: task: {name: table, ...}",
        )
    for is_so, what, why in (
        (task.vocabulary, "ids", "takes whole numbers for quantities"),
        (task.ahead, "targets of later steps", "lets a model read backwards"),
        (task.carry, "states that are carried on", "begins each sequence anew"),
    ):
        if is_so:
            raise UsageError(
                f"a task of {what} cannot be saved: `arrays` {why}",
                f"name it in the experiment: task: {{name: {task.name}, ...}}",
            )
    inputs = _own_inputs(task)
    in_order = [*chain.from_iterable(task.fills.values())] == [*range(inputs, task.inputs)]
    if not in_order or len(task.fills.get("mask", range(inputs))) != inputs:
        raise UsageError(
            f"a task that fills {listed(task.fills)} so cannot be saved: `arrays` has these behind"
            " x, and a mask for each of x",
            "a task file of your own: docs/tasks.md",
        )


def _own_inputs(task: Task) -> int:
    """The number of inputs without those that fill named inputs of cells."""
    return task.inputs - sum(map(len, task.fills.values()))


def _inputs_of(task: Task, splits: Sequence[Split]) -> dict[str, np.ndarray]:
    """x, and what fills named inputs of cells, each as an array of its own."""
    width = max(split.width for split in splits)
    x = np.concatenate([to_width(split.x, width) for split in splits])
    fills = {name: x[..., list(columns)] for name, columns in task.fills.items()}
    return {"x": x[..., : _own_inputs(task)], **fills}


def _targets_of(task: Task, splits: Sequence[Split], kind: str) -> np.ndarray:
    """The targets of all splits; classes by their names, where they have some."""
    y = [split.y for split in splits]
    if task.per == "step":
        width = max(split.width for split in splits)
        y = [to_width(array, width) for array in y]
    targets = np.concatenate(y)
    if kind == "transcribe" and not task.classes:
        targets = targets - 1  # labels of a file are counted from 0
    is_named = bool(task.classes) and task.targets in WHOLE
    return np.array(task.classes)[targets] if is_named else targets


def _weights_of(split: Split) -> np.ndarray:
    """How much each sequence counts: 1, where a split does not say."""
    return np.ones(len(split), np.float32) if split.weights is None else split.weights


def _write(path: Path, content: Mapping[str, np.ndarray], overwrite: bool) -> None:
    """Write a file whole; one that holds the same already is left alone."""
    with atomic_write(path) as draft:
        with draft.open("wb") as stream:
            np.savez(stream, **content)  # type: ignore[arg-type]  # names of arrays
        is_other = path.exists() and path.read_bytes() != draft.read_bytes()
        if is_other and not overwrite:
            raise UsageError(f"{path} is there already", "another name, or overwrite=True")
