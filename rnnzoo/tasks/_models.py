"""Which models and trainings a task can have, and why it cannot have the others.

In: a task, the hyper-parameters of a training and its cell.  Out: what is asked for in vain, in
words.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import numpy as np

from rnnzoo.errors import UsageError, listed, number_of
from rnnzoo.lang import ir
from rnnzoo.spec.hyperparameters import Training
from rnnzoo.tasks._contract import Split, Task
from rnnzoo.tasks._packed import packed

_FIRST = 100  # sequences that are looked at
_FILL = (
    "`time:` of a table fills `dt`, and `missing: mask` fills `mask`; `arrays` and a task of your"
    " own say `fills`; or take a cell without these `inputs:`"
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A hyper-parameter that a task cannot have so, and what to write instead."""

    name: str
    problem: str
    fix: str


def unfit(task: Task, training: Training, cell: ir.Cell, label: str = "") -> Iterator[Refusal]:
    """What a model asks for that this task, or this cell, cannot have.

    Args:
        label: what the task is called, if that is not its name.
    """
    label = label or task.name
    yield from unread(task, cell, label)
    yield from too_deep(training, cell)
    if training.embed and not task.vocabulary:
        problem = f"an embedding is for ids, and the inputs of '{label}' are numbers"
        yield Refusal("embed", problem, "delete `embed`")
    if training.bidirectional:
        yield from _both_directions(task, training, cell, label)
    if training.group_by_length and task.carry:
        problem = f"the sequences of '{label}' go on in one another, and come in their order"
        yield Refusal("group_by_length", problem, "delete `group_by_length`")
    if training.pool != "last" and task.answers_steps:
        problem = f"`pool` is for one target a sequence, and '{label}' is answered at each step"
        yield Refusal("pool", problem, "delete `pool`")
    if training.tie:
        yield from _tied(task, training, cell, label)
    if training.class_weight != "none" and task.targets != "classes":
        problem = f"`class_weight` is for classes, and the targets of '{label}' are not"
        yield Refusal("class_weight", f"{problem} ({task.targets})", "delete `class_weight`")


def arranged(task: Task, cell: ir.Cell) -> tuple[int, ...]:
    """The columns of a task in the order in which the cell's layer reads them: x, which are all
    that the cell has no name for, and then the named ones.
    """
    named = [
        column
        for named_input in cell.named_inputs
        for column in task.fills.get(named_input.name, ())
    ]
    return (*(column for column in range(task.inputs) if column not in named), *named)


def lacking(filled: Collection[str], cell: ir.Cell, label: str) -> Iterator[Refusal]:
    """What the cell reads beside x under names that a task does not fill.

    Args:
        filled: the names that it fills.
        label: what it is called.
    """
    missing = [
        named_input.name for named_input in cell.named_inputs if named_input.name not in filled
    ]
    if missing:
        has = f": it fills {listed(filled)}" if filled else ""
        problem = (
            f"'{cell.name}' reads {listed(missing)} beside x, and '{label}' does not say which of"
            f" its inputs that is{has}"
        )
        yield Refusal("cell", problem, _FILL)


def unread(task: Task, cell: ir.Cell, label: str) -> Iterator[Refusal]:
    """What the cell reads beside x, and the task does not have so.

    Args:
        label: what the task is called.
    """
    refused = [*lacking(task.fills, cell, label)]
    if refused:
        yield from refused
        return
    widths = {named_input: len(task.fills[named_input.name]) for named_input in cell.named_inputs}
    inputs = task.inputs - sum(widths.values())
    for named_input, width in widths.items():
        if width != cell.width(named_input, inputs):
            problem = (
                f"'{cell.name}' reads '{named_input.name}' ({named_input.size_in_words}), and"
                f" '{label}' has {number_of(width, 'column')} of that, and {inputs} of x"
            )
            fix = "let the cell name the others too: what it does not name is a part of x"
            yield Refusal("cell", problem, fix)


def too_deep(training: Training, cell: ir.Cell) -> Iterator[Refusal]:
    """Layers above the first that read what only the first one has."""
    if not cell.named_inputs:
        return
    try:
        # layers that read in both directions are first ones, each by itself
        step = cell.first if training.bidirectional else cell.step
        replace(cell, step=step).check_layers(training.layers)
    except UsageError as error:
        yield Refusal("layers", *error.parts)


def foretells(task: Task) -> bool:
    """Whether the target at a step tells of a later one, which a model must not have read.

    A task says so, or its targets are its inputs, one step on.
    """
    if task.per != "step":
        return False
    return task.ahead or _is_next(task.splits["train"])


def _both_directions(
    task: Task, training: Training, cell: ir.Cell, label: str
) -> Iterator[Refusal]:
    if foretells(task) or task.carry:
        problem = (
            f"'{label}' asks at each step for what comes later, which a layer that reads"
            " backwards has seen"
        )
        yield Refusal("bidirectional", problem, "delete `bidirectional`")
    elsewhere = sorted(cell.needs_below - {cell.output})
    if training.layers > 1 and elsewhere:
        problem = (
            f"layers of '{cell.name}' read {' and '.join(elsewhere)} of the layer below, and below"
            " are two that read in both directions"
        )
        yield Refusal("bidirectional", problem, "write `layers: 1`, or delete `bidirectional`")


def _tied(task: Task, training: Training, cell: ir.Cell, label: str) -> Iterator[Refusal]:
    if not task.vocabulary or task.outputs != task.vocabulary:
        problem = f"`tie` is for answers that are ids as the inputs are, and '{label}' has none"
        yield Refusal("tie", problem, "delete `tie`")
        return
    units = training.units * (2 if training.bidirectional else 1)
    size = training.hidden or ir.Sizes(units, task.inputs, cell.options).of(cell.output_size)
    if not training.embed:
        problem = "`tie` shares the vectors of `embed`, and there are none"
        yield Refusal("tie", problem, f"write `embed: {size}`")
    elif training.embed != size:
        problem = (
            f"`tie` needs vectors as long as what is read out, and `embed` has {training.embed}"
            f" numbers where that has {size}"
        )
        yield Refusal("tie", problem, f"write `embed: {size}`, or `hidden: {training.embed}`")


def _is_next(split: Split) -> bool:
    """Whether the targets of the first sequences are their inputs, one step on."""
    train = packed(split, per_step=True)
    lengths = train.lengths[:_FIRST]
    steps = int(lengths.sum())
    x, y = train.values[:steps], train.targets[:steps]
    if y.ndim == 1:  # classes, of ids or of one-hot rows
        x = x[:, 0] if x.shape[1] == 1 else x.argmax(1)
    goes_on = np.ones(steps, bool)
    goes_on[np.cumsum(lengths) - 1] = False
    if x.shape != y.shape or not goes_on.any():
        return False
    return bool(np.array_equal(x[1:][goes_on[:-1]], y[:-1][goes_on[:-1]]))
