"""The sizes of networks that models of several sizes share, and in which of them a model lies.

In: how models are trained, and their cell.  Out: `bucket_of`, the number of units that their
program is compiled for; `why_own_size`, why it is their own.  `nn` trains by it, and a plan, which
imports no Keras, counts by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

from rnnzoo.errors import UsageError
from rnnzoo.lang import ir
from rnnzoo.lang.buckets import NoSpare, layout_of, parts_of_pair
from rnnzoo.lang.spare import with_spare
from rnnzoo.spec.hyperparameters import Training

LEAST = 8


def ladder() -> Iterator[int]:
    """The sizes that models share: powers of two, and half of the way from each to the next.

    From 16 to 256 units there are 9 of them.  A model of n units lies in fewer than 1.5 n; evenly
    over these numbers, a bucket has 1.18 times as many units and 1.4 times as many products.
    """
    size = LEAST
    while True:
        yield size
        yield size * 3 // 2
        size *= 2


def why_own_size(training: Training, cell: ir.Cell) -> str:
    """Why a training's program is compiled for its own number of units; empty where it can lie in
    a bucket.

    Random numbers are drawn by shape, so that in a larger network they would be others.
    """
    stacked = training.layers > 1
    draws = {
        "recurrent_dropout": training.recurrent_dropout > 0,
        "read_out_dropout": training.read_out_dropout > 0,
        "dropout between layers": stacked and training.dropout > 0,
        "weight_noise": training.weight_noise is not None,
        f"what '{cell.name}' draws": cell.draws,
    }
    drawn = [name for name, is_drawn in draws.items() if is_drawn]
    if drawn:
        return f"{drawn[0]} depends on the number of units"
    if training.tie:
        return "its units are those of its embedding (`tie`)"
    try:
        _check(cell, training)
    except NoSpare as reason:
        return str(reason)
    return ""


def _check(cell: ir.Cell, training: Training) -> None:
    """Raise NoSpare where the layers of a training cannot have spare units."""
    with_spare(cell, cell.first, layout_of(cell))
    if training.layers > 1 and training.bidirectional:
        with_spare(cell, cell.first, layout_of(cell, 1, parts_of_pair(cell)))
    elif training.layers > 1:
        with_spare(cell, cell.step, layout_of(cell, 2))


def bucket_of(training: Training, cell: ir.Cell, inputs: int) -> int:
    """For how many units the program of a training is compiled: the first size of the ladder in
    which the model lies; 0 where it keeps its own.

    Args:
        inputs: how many numbers its first layer reads at a step.
    """
    if why_own_size(training, cell):
        return 0
    # beyond, there would be more spare units than real ones
    sizes = takewhile(lambda size: size < 2 * max(training.units, LEAST), ladder())
    fitting = (
        size
        for size in sizes
        if size >= training.units and _lies_in(cell, training.units, size, inputs)
    )
    return next(fitting, 0)


def _lies_in(cell: ir.Cell, units: int, size: int, columns: int) -> bool:
    layout = layout_of(cell)
    try:
        model, bucket = (ir.sizes(cell, columns, count, 1) for count in (units, size))
        with_spare(cell, cell.layer(1), layout).values(cell, model, bucket)
        for plain in layout.parts:
            layout.positions(plain, model, bucket)
    except (NoSpare, UsageError):  # it has no such size, where it is one of its own
        return False
    return True
