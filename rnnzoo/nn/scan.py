"""The time loop under XLA, forward and backward.

In: a step's function and tensors.  Out: what it yields at every step, and what is carried at the end.  The sequence has a
static length, but how many steps are run is a value of run time: one executable serves all lengths up to it.  What steps
yield is kept in rooms (`nn.rooms`): rows that were read for the last time, or new ones.

The only file that speaks TensorFlow's loops and its gradients, so that another backend has one file to replace.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

import tensorflow as tf
from tensorflow.compiler.tf2xla.python import xla

from rnnzoo.nn.rooms import Place, Room

Tensor = Any
Rows = tuple[Tensor, ...]
Row = Callable[..., Tensor]  # (number of a sequence, how many rows on from t = 0) -> (batch, size)
Step = Callable[[Tensor, Rows, Row], tuple[Sequence[Tensor], Sequence[Tensor]]]
Forward = Callable[[Sequence[Tensor]], tuple[list[Tensor], list[Tensor]]]
Backward = Callable[[Sequence[Tensor], Sequence[Tensor], Sequence[Tensor]], list[Tensor | None]]

SMALL = 2**16  # numbers in a sequence that fits into the processor's second cache several times

_inside: ContextVar[bool] = ContextVar("inside_compiled_code", default=False)


@contextlib.contextmanager
def inside_compiled_code() -> Iterator[None]:
    """While tracing code that XLA compiles as a whole, a layer need not compile its own part."""
    token = _inside.set(True)
    try:
        yield
    finally:
        _inside.reset(token)


def loop(
    step: Step,
    sequences: Sequence[Tensor],
    start: Sequence[Tensor],
    rooms: Sequence[Room],
    places: Sequence[Place],
    steps: Tensor | None,
    time: Tensor,
    backwards: bool = False,
) -> tuple[list[Tensor], list[Tensor]]:
    """Run `step(t, carried, row) -> carried, kept` for t = 0 .. steps-1, or from steps-1 down to 0.

    Args:
        sequences: (rows, batch, size) each; `row(k)` in a step is row t of sequence k, `row(k, 1)` the one after it.
        start: (batch, size) each: what is carried.
        rooms: where what a step keeps can lie, and `places` where each of it does.
        steps: how many steps to run, a scalar, at most `time`; None for all.
        time: length of what is kept; a number, or a tensor where one function serves sequences of all lengths.

    Returns:
        (rows, batch, size) of each room, 0 in rows that were not run; and the carried values at the end.
    """
    count = tf.convert_to_tensor(time if steps is None else steps)
    rooms = [replace(room, over=None) if _small(room, sequences) else room for room in rooms]
    over = [(number, room.over) for number, room in enumerate(rooms) if room.over is not None]
    opened = [_opened(room, sequences, start, time) for room in rooms]

    def at(n: Tensor) -> Tensor:
        return count - 1 - n if backwards else n

    def body(n: Tensor, carried: Rows, opened: Rows, ahead: Rows) -> tuple[Any, ...]:
        t = at(n)
        read = {which: one for (_, which), one in zip(over, ahead)}

        def row(which: int, on: int = 0) -> Tensor:
            return read[which] if which in read else _row(sequences[which], t + on)

        new, values = step(t, carried, row)
        kept = list(opened)
        for value, place in zip(values, places, strict=True):
            on = 0 if rooms[place.room].before is None else 1
            kept[place.room] = _write(kept[place.room], value, t + on, place.first)
        # A row that will be replaced is read after the one before it was: else XLA would keep a copy of them all.
        following = at(tf.minimum(n + 1, count - 1))
        return n + 1, tuple(new), tuple(kept), tuple(_row(kept[number], following) for number, _ in over)

    first = tf.maximum(at(tf.constant(0)), 0)  # of no steps at all, whatever row
    state = (tf.constant(0), tuple(start), tuple(opened), tuple(_row(sequences[which], first) for _, which in over))
    _, last, kept, _ = tf.while_loop(lambda n, *_: n < count, body, state, maximum_iterations=time)
    if steps is not None:
        kept = [_cleared(one, steps, time) if room.over is not None else one for one, room in zip(kept, rooms)]
    return list(kept), list(last)


def _small(room: Room, sequences: Sequence[Tensor]) -> bool:
    """Whether zeros are sooner had than a row is read ahead at every step."""
    count = None if room.over is None else sequences[room.over].shape.num_elements()
    return count is not None and count < SMALL


def _opened(room: Room, sequences: Sequence[Tensor], start: Sequence[Tensor], time: Tensor) -> Tensor:
    """A room before the first step."""
    if room.over is not None:
        return sequences[room.over]
    like = start[0]
    zeros = tf.zeros((time, tf.shape(like)[0], room.width), like.dtype)
    rows = zeros if room.before is None else tf.concat([start[room.before][None], zeros], axis=0)
    return tf.ensure_shape(rows, (None, like.shape[0], room.width))


def _row(rows: Tensor, t: Tensor) -> Tensor:
    """Row t.  Not `rows[t]`: for that XLA asks what t is before it compiles, and compiles anew for every other answer."""
    batch, width = rows.shape[1:]
    size = tf.stack([1, tf.shape(rows)[1], width])
    row = xla.dynamic_slice(rows, tf.stack([t, 0, 0]), size)
    return tf.ensure_shape(row, (1, batch, width))[0]


def _write(rows: Tensor, value: Tensor, t: Tensor, column: int) -> Tensor:
    written = xla.dynamic_update_slice(rows, value[None], tf.stack([t, 0, column]))
    written.set_shape(rows.shape)
    return written


def _cleared(rows: Tensor, steps: Tensor, time: Tensor) -> Tensor:
    """Zeros in the rows from `steps` on."""
    zero = tf.zeros((tf.shape(rows)[1], rows.shape[2]), rows.dtype)
    return tf.while_loop(
        lambda n, _: n < time, lambda n, rows: (n + 1, _write(rows, zero, n, 0)), (steps, rows), maximum_iterations=time
    )[1]


def switch(case: Tensor, branches: Sequence[Callable[[], Any]]) -> Any:
    """Run one of the branches, chosen at run time."""
    return tf.switch_case(case, list(branches))


def differentiable(forward: Forward, backward: Backward) -> Callable[..., list[Tensor]]:
    """A function of tensors with a backward pass of its own.

    Args:
        forward: arguments -> (results, what the backward pass reads).
        backward: (arguments, what it reads, adjoints of the results) -> adjoints of the arguments, or None.

    Where the caller's code is not compiled as a whole, both are compiled by XLA, each once for a shape.
    """
    compiled = [tf.function(one, jit_compile=True, autograph=False) for one in (forward, backward)]

    def call(*arguments: Tensor) -> list[Tensor]:
        ahead, back = (forward, backward) if _inside.get() else compiled

        @tf.custom_gradient
        def run(*arguments: Tensor) -> tuple[list[Tensor], Callable[..., list[Tensor | None]]]:
            # cut from the tape, or the compiled function would hand out what TensorFlow's own gradient needs
            results, kept = ahead([tf.stop_gradient(one) for one in arguments])

            def gradient(*upstream: Tensor) -> list[Tensor | None]:
                return back(arguments, kept, upstream)

            return results, gradient

        return list(run(*arguments))

    return call
