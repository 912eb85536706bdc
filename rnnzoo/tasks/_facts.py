"""What is in a task's data, counted: for those who look at them before anything trains, and for the
head of a report.

In: a loaded task.  Out: plain values, for JSON, for pages and for tables of trials.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rnnzoo.losses import WHOLE
from rnnzoo.tasks._contract import SPLITS, Split, Task
from rnnzoo.tasks._packed import PackedSplit, packed

MOST_CLASSES = 20  # that are counted; of more, the most frequent in train
_BLOCK = 2**22  # numbers that are looked at together
_BINS = 20  # of a histogram of lengths


def facts(task: Task) -> dict[str, Any]:
    """Sequences, lengths and classes of each split; no input is looked at.

    Of each split: how many `sequences` and `steps` there are, `lengths` (least, median, largest),
    the share of `padding` in its arrays, and how often each of `classes` is a target that counts;
    of numbers, how many `answers` there are, and the `range` (least, mean, largest) of all.
    """
    splits = {name: packed(task.splits[name], task.per == "step") for name in SPLITS}
    shown = _shown(task, splits["train"])
    return {
        "inputs": task.inputs,
        "targets": task.targets,
        "per": task.per,
        "outputs": task.outputs,
        "hidden_classes": max(0, _classes(task) - len(shown)),
        "splits": {name: _of_split(task, split, shown) for name, split in splits.items()},
    }


def _classes(task: Task) -> int:
    """How many classes, or labels, a target is out of."""
    return {"classes": task.outputs, "labels": task.outputs - 1}.get(task.targets, 0)


def _shown(task: Task, train: PackedSplit) -> list[int]:
    """The classes, or labels, that are counted, by number."""
    if _classes(task) <= MOST_CLASSES:
        return list(range(task.outputs))[task.outputs - _classes(task) :]
    counts = _counts(task, train)
    return sorted(np.argsort(-counts, kind="stable")[:MOST_CLASSES].tolist())


def _counts(task: Task, split: PackedSplit) -> np.ndarray:
    """(outputs,) how often each class, or label, is a target."""
    counts = np.bincount(split.counted.ravel(), minlength=task.outputs)
    if task.targets == "labels":
        counts[0] = 0  # which is none
    return counts


def _of_split(task: Task, split: PackedSplit, shown: list[int]) -> dict[str, Any]:
    lengths = split.lengths
    steps = int(lengths.sum())
    content: dict[str, Any] = {
        "sequences": len(split),
        "steps": steps,
        "lengths": [int(lengths.min()), float(np.median(lengths)), int(lengths.max())],
        "padding": 1 - steps / (len(split) * split.width),
    }
    targets = split.counted
    if task.targets in WHOLE:
        counts = _counts(task, split)
        content["classes"] = {_name(task, number): int(counts[number]) for number in shown}
    else:
        content["answers"] = len(targets)
        content["range"] = _range(targets)
    return content


def _name(task: Task, number: int) -> str:
    return task.classes[number] if task.classes else str(number)


def _range(values: np.ndarray) -> list[float]:
    """Least, mean and largest of all numbers."""
    low, high, total, count = np.inf, -np.inf, 0.0, 0
    rows = max(1, _BLOCK // max(1, values[:1].size))
    for start in range(0, len(values), rows):
        block = values[start : start + rows]
        low, high = min(low, float(block.min())), max(high, float(block.max()))
        total += float(block.sum(dtype=float))
        count += block.size
    return [low, total / count, high]


# ------------------------------------------------------------------ a closer look


def ranges(task: Task) -> list[dict[str, Any]]:
    """Of each input over the real steps of train: its name, which is its number where it has none,
    and the least, mean, deviation and largest.

    Ids have none of these.
    """
    if task.vocabulary:
        return []
    values = packed(task.splits["train"], task.per == "step").values
    width = values.shape[1]
    low, high = np.full(width, np.inf), np.full(width, -np.inf)
    total, squares = np.zeros(width), np.zeros(width)
    rows = max(1, _BLOCK // width)
    for start in range(0, len(values), rows):
        block = values[start : start + rows].astype(float)
        low, high = np.minimum(low, block.min(0)), np.maximum(high, block.max(0))
        total += block.sum(0)
        squares += np.square(block).sum(0)
    mean = total / len(values)
    mean[np.abs(mean) < 1e-6 * np.maximum(np.abs(low), np.abs(high))] = 0  # of rounding only
    # which rounding may leave below 0 for a constant column
    deviation = np.sqrt(np.maximum(squares / len(values) - mean**2, 0))
    names = task.input_names or map(str, range(width))
    columns = zip(names, *(values.tolist() for values in (low, mean, deviation, high)))
    return [dict(zip(("name", "low", "mean", "deviation", "high"), column)) for column in columns]


def histogram(task: Task) -> tuple[list[float], dict[str, list[int]]]:
    """How often lengths occur: the edges of bins, and the counts of each split."""
    lengths = {name: task.splits[name].lengths for name in SPLITS}
    low = min(int(of_split.min()) for of_split in lengths.values())
    high = max(int(of_split.max()) for of_split in lengths.values())
    edges = np.linspace(low - 0.5, high + 0.5, min(_BINS, high - low + 1) + 1)
    counts = {name: np.histogram(of_split, edges)[0] for name, of_split in lengths.items()}
    return edges.tolist(), {name: of_split.tolist() for name, of_split in counts.items()}


def samples(task: Task, count: int) -> list[tuple[np.ndarray, str]]:
    """A few sequences of train, of different classes where there are some: the inputs of the real
    steps, (steps, inputs), and what is asked for in words.
    """
    split = packed(task.splits["train"], task.per == "step")
    starts = np.cumsum(split.lengths) - split.lengths
    chosen = _chosen(task, split, count)
    return [
        (
            np.array(split.values[starts[number] : starts[number] + split.lengths[number]]),
            _answer(task, split, number),
        )
        for number in chosen
    ]


def _chosen(task: Task, split: Split, count: int) -> list[int]:
    if task.targets != "classes" or task.per == "step":
        return list(range(min(count, len(split))))
    _, first = np.unique(split.y, return_index=True)
    others = np.setdiff1d(np.arange(min(len(split), 2 * count)), first)
    return sorted([*first.tolist(), *others.tolist()][:count])


def _answer(task: Task, split: Split, number: int) -> str:
    if task.per == "step":
        return ""
    target = split.y[number]
    if task.targets == "classes":
        return _name(task, int(target))
    if task.targets == "labels":
        return " ".join(_name(task, int(label)) for label in target[target != 0])
    return ", ".join(f"{value:z.4g}" for value in np.atleast_1d(target)[:3])


def plain(task: Task) -> Mapping[str, Any]:
    """All of it that is no picture."""
    return {
        **facts(task),
        "ranges": ranges(task),
        "metric": task.metric,
        "unit": task.unit,
        "baselines": dict(task.baselines),
        "solved": task.solved,
        "digest": task.digest,
    }
