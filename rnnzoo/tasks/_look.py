"""Warnings about probable mistakes in a task's data; none of them is an error.

In: a loaded task.  Out: a `Remark` for each property that makes scores misleading: classes missing
in a split, few sequences to score, numbers far from 1, whole numbers that may be ids.  Checked once
per sweep, never in a trial.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rnnzoo.errors import Remark, in_percent, number_of, printable
from rnnzoo.spec.written import setting
from rnnzoo.tasks._contract import SPLITS, Task
from rnnzoo.tasks._packed import PackedSplit, packed

FAR, NEAR = 10.0, 0.01  # outside of this range, the root mean square of a column is far from 1
EXACT = 2**24  # float32 cannot represent all whole numbers above
MOST_CLASSES = 1000  # of ids: with more, a column for each is too many
_BLOCK = 2**24  # numbers that are processed together
_FIRST = 100  # sequences that are checked before all others
_LEAST_STEPS = 8  # inputs: fewer are no time axis
_NEAR = 0.5  # of the distance of neighbouring steps
_NAMED = 5  # classes that a sentence lists
_OPEN = 0.4  # true share of wrong answers: a split of which none is wrong should exclude it
_LEVEL = 0.95
_LONGEST_NAME = 24  # characters of a name of a class


def warnings(task: Task) -> tuple[Remark, ...]:
    """The warnings to show before training: those from reading the data, and those found here."""
    said = map(_remark, task.warnings)
    return (
        *said,
        *_classes(task),
        *_few(task),
        *_labels_apart(task),
        *_constant_tags(task),
        *_inputs(task),
        *_targets(task),
        *_axes(task),
    )


def _remark(warning: Remark | str) -> Remark:
    return Remark(warning) if isinstance(warning, str) else warning


def form(task: Task) -> str:
    """The form of the data in one line: sequences of each split, steps, inputs and targets."""
    counts = ", ".join(f"{len(task.splits[name])} {name}" for name in SPLITS)
    lengths = [int(length) for name in SPLITS for length in _ends(task.splits[name].lengths)]
    steps = number_of(max(lengths), "step")
    if min(lengths) < max(lengths):
        steps = f"{min(lengths)} to {max(lengths)} steps"
    names = f" ({class_names(task)})" if task.classes else ""
    target = {
        "classes": f"one class of {task.outputs}{names}",
        "labels": f"{_counts_of_labels(task)} of {task.outputs - 1}{names}",
        "numbers": number_of(task.outputs, "number"),
        "shares": _zeros_or_ones(task) + names,
    }[task.targets]
    inputs = number_of(task.inputs, "input")
    if task.vocabulary:
        inputs = f"one id of {task.vocabulary}"
    return f"{counts} sequences; {steps}, {inputs}; {target} a {task.per}"


def _zeros_or_ones(task: Task) -> str:
    return f"{task.outputs} zeros or ones" if task.outputs > 1 else "a zero or one"


def class_names(task: Task) -> str:
    """The names of the first few classes, and the number of the others; empty where they have
    none.
    """
    first = 1 if task.targets == "labels" else 0  # behind the blank
    return _list(task, np.arange(first, len(task.classes)))


def _counts_of_labels(task: Task) -> str:
    """How many labels a sequence has."""
    if task.targets != "labels":
        return ""
    counts = [(task.splits[name].y != 0).sum(1) for name in SPLITS]
    low, high = _ends(np.concatenate(counts))
    return number_of(high, "label") if low == high else f"{low} to {high} labels"


def _ends(lengths: np.ndarray) -> tuple[int, int]:
    return int(lengths.min()), int(lengths.max())


# ------------------------------------------------------------------ classes


def _classes(task: Task) -> Iterator[Remark]:
    """Warnings about classes that cannot be learned, or that no score measures."""
    if task.targets != "classes" or _predicts_symbols(task):
        return
    counts = {name: np.bincount(_counted(task, name), minlength=task.outputs) for name in SPLITS}
    everywhere = sum(counts.values())
    never = np.flatnonzero(everywhere == 0)
    if len(never):
        are, each = ("is", "it") if len(never) == 1 else ("are", "each")
        fix = "y=np.unique(y, return_inverse=True)[1] counts labels from 0 without gaps"
        if task.name == "table":  # of which some rows are asked for only
            fix = "a smaller `step` in `window`, or a table without the rows that have it"
        yield Remark(
            f"there {are} no {_some(task, never)}, and the read-out has a unit for {each}", fix
        )
    unlearnt = np.flatnonzero((counts["train"] == 0) & (everywhere > 0))
    if len(unlearnt):
        yield Remark(
            f"train lacks {_some(task, unlearnt)}, which validation or test has: it cannot be"
            " learnt",
            f"a split in which train has every class{_stratified(task)}",
        )
    learnt = np.flatnonzero(counts["train"])
    if len(learnt) == 1:
        yield Remark(
            f"train has one class only, {_some(task, learnt)}: there is nothing to tell apart",
            "a split in which train has two classes or more",
        )
    for name in SPLITS[1:]:
        lacking = np.flatnonzero((counts[name] == 0) & (counts["train"] > 0))
        if len(lacking):
            yield Remark(
                f"{name} lacks {_some(task, lacking)}, which train has: its scores do not tell how"
                " well that is learnt",
                f"a split in which {name} has every class{_stratified(task)}",
            )


def _few(task: Task) -> Iterator[Remark]:
    """A warning about splits whose shares of wrong answers could be almost anything."""
    if task.targets != "classes" or task.per != "sequence":
        return
    for name in SPLITS[1:]:
        count = len(task.splits[name])
        # Clopper and Pearson 1934, of none: without SciPy, which not every environment has
        most = 1.0 - ((1.0 - _LEVEL) / 2) ** (1 / count)
        if most > _OPEN:
            yield Remark(
                f"{name} has {number_of(count, 'sequence')}: of a model that is wrong on none of"
                f" them, the true share of wrong answers may be anything up to {in_percent(most)}",
                f"more sequences, or a larger share of them in {name}",
            )


def _distinct_labels(task: Task, splits: Sequence[str]) -> np.ndarray:
    return np.unique(np.concatenate([task.splits[name].y.ravel() for name in splits]))


def _labels_apart(task: Task) -> Iterator[Remark]:
    """A warning about labels of which nothing can be learnt."""
    if task.targets != "labels":
        return
    known, asked = _distinct_labels(task, SPLITS[:1]), _distinct_labels(task, SPLITS[1:])
    unlearnt = np.setdiff1d(asked, [*known, 0])
    if len(unlearnt):
        some = _list(task, unlearnt)
        yield Remark(
            f"train lacks label{'s' if len(unlearnt) > 1 else ''} {some}, which validation or test"
            " has: it cannot be learnt",
            "a split in which train has every label",
        )


def _constant_tags(task: Task) -> Iterator[Remark]:
    """A warning about answers of yes or no that are the same in all of train."""
    if task.targets != "shares" or not (task.classes or task.per == "sequence"):
        return  # of the keys of an instrument, some are never played
    targets = _counted(task, "train")
    constant = np.flatnonzero((targets == targets[:1]).all(0))
    if len(constant):
        are = "are the same" if len(constant) > 1 else "is the same"
        yield Remark(
            f"tag{'s' if len(constant) > 1 else ''} {_list(task, constant)} {are} in all of train:"
            " there is nothing to tell apart",
            "a split in which train has both answers",
        )


def _predicts_symbols(task: Task) -> bool:
    """Whether it is a model of language, some of whose symbols are always rare."""
    return task.per == "step" and task.vocabulary == task.outputs


def _stratified(task: Task) -> str:
    """What makes such a split, if the data have none of their own."""
    if task.name != "arrays" or task.per != "sequence":
        return ""
    stratified = setting("split", "stratified")
    return f"; `{stratified}` makes one where the file has no `split` and no `group`"


def _counted(task: Task, name: str) -> np.ndarray:
    """The targets of a split that count."""
    return packed(task.splits[name], task.per == "step").counted


def _some(task: Task, numbers: np.ndarray) -> str:
    """Classes in a sentence."""
    return f"class{'es' if len(numbers) > 1 else ''} {_list(task, numbers)}"


def _list(task: Task, numbers: np.ndarray) -> str:
    """The first few of these classes, by name where they have names, and how many more there
    are.
    """
    names = ", ".join(_name(task, number) for number in numbers[:_NAMED])
    return names + (f" and {len(numbers) - _NAMED:,} more" if len(numbers) > _NAMED else "")


def _name(task: Task, number: int) -> str:
    """A class by its name, or its number where it has none."""
    if not task.classes:
        return str(number)
    name = printable(task.classes[number])
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 3]}..."


# ------------------------------------------------------------------ scale


@dataclass(frozen=True, slots=True)
class _Column:
    """The column with the largest numbers."""

    number: int
    mean: float
    deviation: float

    @property
    def size(self) -> float:
        """The root mean square."""
        return float(np.hypot(self.mean, self.deviation))


def _inputs(task: Task) -> Iterator[Remark]:
    """Warnings about inputs: whole numbers that may be ids, and numbers far from 1."""
    if task.vocabulary:
        return  # they are ids, and known to be
    column = _extreme_column(_train(task).values)
    most = _most_of_ids(task)
    if most:
        yield _ids(most, column, _predicts_inputs(task))
    elif column is not None:
        yield _scale(task, "x", column, task.inputs)


def _targets(task: Task) -> Iterator[Remark]:
    """Warnings about targets: numbers far from 1, and one-hot ids that are predicted column by
    column.
    """
    targets = _counted(task, "train")
    has_tags = task.targets == "shares" and task.outputs > 1
    if has_tags and _one_hot(targets):
        yield Remark(
            f"every {task.per} to predict has exactly one 1: its {task.outputs} columns are"
            " predicted each by itself, as keys of a piano are, not as one class out of them"
        )
    if task.loss != "squared" or _predicts_inputs(task):
        return  # the targets are the inputs, which have their own warning
    column = _extreme_column(targets)
    if column is not None:
        yield _scale(task, "y", column, task.outputs, "; scores are in the units of y, squared")


def _scale(task: Task, name: str, column: _Column, columns: int, consequence: str = "") -> Remark:
    where = f"column {column.number} of {name}" if columns > 1 else name
    exact = ", and single precision keeps only 7 digits of them" if column.size > EXACT else ""
    return Remark(
        f"{where} has mean {column.mean:.4g} and standard deviation {column.deviation:.4g}: cells"
        f" learn from numbers near 1, and nothing is scaled here{exact}{consequence}",
        _scaling(task, name),
    )


def _scaling(task: Task, name: str) -> str:
    """What scales x or y."""
    if task.name != "table":
        return f"({name} - mean) / deviation, both taken from train"
    if name == "x":
        return f"`{setting('scale', 'standard')}` scales inputs"
    return f"`{setting('target', {'price': 'standard'})}` scales it"


def _extreme_column(values: np.ndarray) -> _Column | None:
    """The column with the largest numbers, if these are far from 1; values are (how many,
    columns).
    """
    if values.dtype == np.uint8 and values.max() <= 1:
        return None
    count, total, squares = len(values), np.zeros(values.shape[-1]), np.zeros(values.shape[-1])
    rows = max(1, _BLOCK // values.shape[-1])
    for start in range(0, count, rows):
        block = values[start : start + rows].astype(float)
        total += block.sum(0)
        squares += (block**2).sum(0)
    means, sizes = total / count, np.sqrt(squares / count)
    column = int(np.argmax(sizes))
    mean, size = float(means[column]), float(sizes[column])
    if size == 0 or NEAR <= size <= FAR:
        return None
    # rounding may leave the variance of a constant column below 0
    return _Column(column, mean, float(np.sqrt(max(0.0, size**2 - mean**2))))


# ------------------------------------------------------------------ axes


def _axes(task: Task) -> Iterator[Remark]:
    """A warning where time may be the last axis of x: there are more inputs than steps, and
    neighbours among the inputs are much nearer to each other than steps are.
    """
    train = _train(task)
    steps, inputs = train.width, task.inputs
    short = steps < inputs and inputs >= _LEAST_STEPS and bool((train.lengths == steps).all())
    if task.name != "arrays" or not short or steps < 2:
        return
    x = train.values[: _FIRST * steps].reshape(-1, steps, inputs).astype(float)
    along_inputs, along_steps = (float(np.abs(np.diff(x, axis=axis)).mean()) for axis in (2, 1))
    if 0 < along_inputs < _NEAR * along_steps:
        yield Remark(
            f"x has {steps} steps of {inputs} inputs, and neighbouring inputs are nearer to each"
            " other than neighbouring steps: time may be the last axis",
            "x=x.transpose(0, 2, 1), if x is (sequences, inputs, time)",
        )


# ------------------------------------------------------------------ ids


def _predicts_inputs(task: Task) -> bool:
    """Whether the targets are the inputs, as numbers, one step on."""
    if task.loss != "squared" or task.per != "step":
        return False
    train = _train(task)
    if train.values.shape != train.targets.shape:
        return False
    ends = np.cumsum(train.lengths[:_FIRST])
    return all(
        np.array_equal(train.values[start + 1 : end], train.targets[start : end - 1])
        for start, end in zip(ends - train.lengths[:_FIRST], ends)
    )


def _most_of_ids(task: Task) -> int:
    """The largest input if all are whole numbers from 0, which may be ids; else 0."""
    if task.inputs > 1 and not _predicts_inputs(task):
        return 0
    train = _train(task)
    first = int(train.lengths[:_FIRST].sum())
    if not (_counts_from_0(train.values[:first]) and _counts_from_0(train.values)):
        return 0
    most = int(train.values.max())
    return most if most > 1 else 0


def _ids(most: int, column: _Column | None, predicted: bool) -> Remark:
    problem = f"x holds whole numbers from 0 to {most}, and a cell takes them for quantities"
    if predicted:
        problem += ", and predicts them by squared error"
    one_hot = "this task is not made for them"
    if most < MOST_CLASSES:
        one_hot = f"write them one-hot, x=np.eye({most + 1})[x]"
    fix = f"if they name things (words, characters, products), {one_hot}"
    if column:
        fix += "; quantities so far from 1 are better scaled, (x - mean) / deviation of train"
    return Remark(problem, fix)


def _counts_from_0(values: np.ndarray) -> bool:
    rows = max(1, _BLOCK // values.shape[-1])
    blocks = (values[start : start + rows] for start in range(0, len(values), rows))
    return all(bool(block.min() >= 0 and (block == np.floor(block)).all()) for block in blocks)


def _one_hot(rows: np.ndarray) -> bool:
    return bool((rows.sum(-1, dtype=int) == 1).all())


def _train(task: Task) -> PackedSplit:
    """What is learnt from, without padding."""
    return packed(task.splits["train"], task.per == "step")
