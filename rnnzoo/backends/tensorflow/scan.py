"""The time loop: under XLA, forward and backward, and as plain operations; and functions with a
backward pass of their own.

In: a step's function and tensors.  Out: what it yields at every step, and what is carried at the
end.  Under XLA the sequence has a static length, but how many steps are run is a value of run time:
one executable serves all lengths up to it.  What steps yield is kept in buffers (`buffers`): rows
that were read for the last time, or new ones.

The engine's loops, its gradients and what it asks of XLA stand here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from itertools import compress
from typing import Any

import tensorflow as tf
from tensorflow.compiler.tf2xla.python import xla
from tensorflow.python.ops.control_flow_util import GraphOrParentsInXlaContext

from rnnzoo.backends.exporting import is_exporting
from rnnzoo.backends.tensorflow.buffers import Buffer, Slice

Tensor = Any
Rows = tuple[Tensor, ...]
Row = Callable[..., Tensor]  # (number of a sequence, how many rows on from t = 0) -> (batch, size)
Step = Callable[[Tensor, Rows, Row], tuple[Sequence[Tensor], Sequence[Tensor]]]
Forward = Callable[[Sequence[Tensor]], tuple[list[Tensor], list[Tensor]]]
Backward = Callable[[Sequence[Tensor], Sequence[Tensor], Sequence[Tensor]], list[Tensor | None]]
Plain = Callable[[Sequence[Tensor]], list[Tensor]]

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


def compiled_as_a_whole() -> bool:
    """Whether what is traced now is part of code that XLA compiles as a whole."""
    return _inside.get() or GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph())


def needs_plain_operations() -> bool:
    """Whether what runs now must do without XLA: functions are run eagerly, or a model is traced to
    be exported to other runtimes, which have no XLA.
    """
    if tf.executing_eagerly():
        return bool(tf.config.functions_run_eagerly())
    return is_exporting()


def loop(
    step: Step,
    sequences: Sequence[Tensor],
    start: Sequence[Tensor],
    buffers: Sequence[Buffer],
    slices: Sequence[Slice],
    steps: Tensor | None,
    time: Tensor,
    backwards: bool = False,
) -> tuple[list[Tensor], list[Tensor]]:
    """Run `step(t, carried, row) -> carried, kept` for t = 0 .. steps-1, or from steps-1 down to 0.

    Args:
        sequences: (rows, batch, size) each; `row(k)` in a step is row t of sequence k, `row(k, 1)`
            the one after it.
        start: (batch, size) each: what is carried.
        buffers: where what a step keeps can lie, and `slices` where each of it does.
        steps: how many steps to run, a scalar, at most `time`; None for all.
        time: length of what is kept; a number, or a tensor where one function serves sequences of
            all lengths.

    Returns:
        (rows, batch, size) of each buffer, 0 in rows that were not run; and the carried values at
        the end.
    """
    count = tf.convert_to_tensor(time if steps is None else steps)
    buffers = [_worth_reusing(buffer, sequences) for buffer in buffers]
    reusing = _reusing(buffers)
    opened = [_opened(buffer, sequences, start, time) for buffer in buffers]

    def step_number(n: Tensor) -> Tensor:
        return count - 1 - n if backwards else n

    def body(n: Tensor, carried: Rows, opened: Rows, ahead: Rows) -> tuple[Any, ...]:
        t = step_number(n)
        read = {sequence: prefetched for (_, sequence), prefetched in zip(reusing, ahead)}

        def row(sequence: int, on: int = 0) -> Tensor:
            return read[sequence] if sequence in read else _row(sequences[sequence], t + on)

        new, values = step(t, carried, row)
        kept = _with_step(opened, buffers, slices, values, t)
        # A row that will be replaced is read after the one before it was: else XLA would keep a
        # copy of them all.
        following = step_number(tf.minimum(n + 1, count - 1))
        return (
            n + 1,
            tuple(new),
            tuple(kept),
            tuple(_row(kept[number], following) for number, _ in reusing),
        )

    first = tf.maximum(step_number(tf.constant(0)), 0)  # of no steps at all, whatever row
    prefetched = tuple(_row(sequences[sequence], first) for _, sequence in reusing)
    state = (tf.constant(0), tuple(start), tuple(opened), prefetched)
    _, last, kept, _ = tf.while_loop(lambda n, *_: n < count, body, state, maximum_iterations=time)
    kept = list(kept)
    if steps is not None:  # in rows that were not run, a reused buffer holds the sequence still
        for number, _ in reusing:
            kept[number] = _cleared(kept[number], steps, time)
    return kept, list(last)


def _reusing(buffers: Sequence[Buffer]) -> list[tuple[int, int]]:
    """(number of a buffer, number of the sequence whose rows it takes over), of those that do."""
    return [
        (number, buffer.reuses)
        for number, buffer in enumerate(buffers)
        if buffer.reuses is not None
    ]


def _worth_reusing(buffer: Buffer, sequences: Sequence[Tensor]) -> Buffer:
    """The buffer, with memory of its own where filling it with zeros is cheaper than prefetching a
    row of the sequence every step.
    """
    if buffer.reuses is None:
        return buffer
    count = sequences[buffer.reuses].shape.num_elements()  # None where a size is not known yet
    return replace(buffer, reuses=None) if count is not None and count < SMALL else buffer


def _opened(
    buffer: Buffer, sequences: Sequence[Tensor], start: Sequence[Tensor], time: Tensor
) -> Tensor:
    """A buffer before the first step."""
    if buffer.reuses is not None:
        return sequences[buffer.reuses]
    like = start[0]
    zeros = tf.zeros((time, tf.shape(like)[0], buffer.width), like.dtype)
    rows = (
        zeros if buffer.carries is None else tf.concat([start[buffer.carries][None], zeros], axis=0)
    )
    return tf.ensure_shape(rows, (None, like.shape[0], buffer.width))


def _with_step(
    opened: Rows,
    buffers: Sequence[Buffer],
    slices: Sequence[Slice],
    values: Sequence[Tensor],
    t: Tensor,
) -> list[Tensor]:
    """The buffers with what step t keeps, each value in its slice."""
    kept = list(opened)
    for value, own in zip(values, slices, strict=True):
        # the first row of what is carried is what it begins with
        on = 0 if buffers[own.buffer].carries is None else 1
        kept[own.buffer] = _write(kept[own.buffer], value, t + on, own.first)
    return kept


def _row(rows: Tensor, t: Tensor) -> Tensor:
    """Row t.  Not `rows[t]`: for that XLA asks what t is before it compiles, and compiles anew for
    every other answer.
    """
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
        lambda n, _: n < time,
        lambda n, rows: (n + 1, _write(rows, zero, n, 0)),
        (steps, rows),
        maximum_iterations=time,
    )[1]


def plain_loop(
    step: Step,
    sequences: Sequence[Tensor],
    start: Sequence[Tensor],
    widths: Sequence[int],
    time: Tensor,
) -> tuple[list[Tensor], list[Tensor]]:
    """The forward loop as plain operations, which TensorFlow differentiates as often as is asked
    for.

    Args:
        widths: of what a step keeps, each (batch, width).
        time: how many steps to run.

    Returns:
        (time, batch, width) of what was kept; and the carried values at the end.
    """
    batch, dtype = start[0].shape[0], start[0].dtype
    rows = []
    for sequence in sequences:
        shape = sequence.shape[1:]
        array = tf.TensorArray(sequence.dtype, time, element_shape=shape, clear_after_read=False)
        rows.append(array.unstack(sequence))
    arrays = [tf.TensorArray(dtype, time, element_shape=(batch, width)) for width in widths]

    def body(t: Tensor, carried: Rows, kept: Rows) -> tuple[Any, ...]:
        new, values = step(t, carried, lambda which: rows[which].read(t))
        # TensorFlow refuses a loop that changes the static shape of what it carries
        fixed = (tf.ensure_shape(value, old.shape) for value, old in zip(new, carried))
        return (
            t + 1,
            tuple(fixed),
            tuple(array.write(t, value) for array, value in zip(kept, values, strict=True)),
        )

    state = (tf.constant(0), tuple(start), tuple(arrays))
    _, last, kept = tf.while_loop(lambda t, *_: t < time, body, state, maximum_iterations=time)
    return [array.stack() for array in kept], list(last)


def switch(case: Tensor, branches: Sequence[Callable[[], Any]]) -> Any:
    """Run one of the branches, chosen at run time."""
    return tf.switch_case(case, list(branches))


def differentiable(
    forward: Forward, backward: Backward, plain: Plain, compiled: tuple[Compiled, Compiled]
) -> Callable[..., list[Tensor]]:
    """A function of tensors with a backward pass of its own.

    Args:
        forward: arguments -> (results, what the backward pass reads).
        backward: (arguments, what it reads, adjoints of the results) -> adjoints of the arguments,
            or None.
        plain: arguments -> results as plain operations: second derivatives are TensorFlow's, of
            these.
        compiled: both passes, for where XLA does not compile the caller's code as a whole.
    """

    def call(*arguments: Tensor) -> list[Tensor]:
        ahead, back = (forward, backward) if compiled_as_a_whole() else compiled

        @tf.custom_gradient  # type: ignore[untyped-decorator]
        def run(*arguments: Tensor) -> tuple[list[Tensor], Callable[..., list[Tensor | None]]]:
            results, kept = ahead(_cut(arguments))

            def gradient(*upstream: Tensor) -> list[Tensor | None]:
                if _inside.get():  # our own training, which asks for no second derivative
                    return back(arguments, kept, upstream)
                return _once_more(back, plain, arguments, kept, upstream)

            return results, gradient

        return list(run(*arguments))

    return call


@dataclass(eq=False, slots=True)
class Compiled:
    """A function that XLA compiles, once for each shape of its first argument.

    Each has a function of TensorFlow's for itself, traced once: TensorFlow counts the tracings of
    all bound methods of one class together, and warns of five.
    """

    function: Callable[..., Any]
    name: str
    traced: dict[tuple[int | None, ...], Any] = field(default_factory=dict)

    def __call__(self, arguments: Sequence[Tensor], *others: Sequence[Tensor]) -> Any:
        shape = tuple(arguments[0].shape)
        if shape not in self.traced:
            self.traced[shape] = tf.function(
                _Named(self.function, self.name), jit_compile=True, autograph=False
            )
        return self.traced[shape](arguments, *others)


class _Named:
    """A function under a name of its own."""

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        self.function, self.__name__ = function, name

    def __call__(self, *arguments: Sequence[Tensor]) -> Any:
        return self.function(*arguments)

    def __repr__(self) -> str:
        return self.__name__


def _cut(tensors: Sequence[Tensor]) -> list[Tensor]:
    """The same, unknown to tapes, which would want a gradient of what reads them."""
    return [tf.stop_gradient(tensor) for tensor in tensors]


def _once_more(
    back: Backward,
    plain: Plain,
    arguments: Sequence[Tensor],
    kept: Sequence[Tensor],
    upstream: Sequence[Tensor],
) -> list[Tensor | None]:
    """The backward pass as a function that has a gradient itself: that of the plain operations'
    gradient.
    """
    first, last = len(arguments), len(arguments) + len(kept)
    has_gradient: list[bool] = []  # of each argument; known once `back` has been traced

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def run(*tensors: Tensor) -> tuple[list[Tensor], Callable[..., list[Tensor | None]]]:
        # all that `back` reads comes in here: TensorFlow looks for variables behind everything else
        gradients = back(_cut(tensors[:first]), _cut(tensors[first:last]), _cut(tensors[last:]))
        has_gradient[:] = [gradient is not None for gradient in gradients]

        def second(*adjoints: Tensor) -> list[Tensor | None]:
            inputs, above = list(tensors[:first]), list(tensors[last:])
            with tf.GradientTape() as outer:
                outer.watch([given for given in (*inputs, *above) if given.dtype.is_floating])
                with tf.GradientTape() as inner:
                    inner.watch([given for given in inputs if given.dtype.is_floating])
                    results = plain(inputs)
                trained = list(compress(inputs, has_gradient))
                slopes = inner.gradient(results, trained, above, tf.UnconnectedGradients.ZERO)
            slopes_of = outer.gradient(slopes, [*inputs, *above], list(adjoints))
            return [*slopes_of[:first], *(None for _ in kept), *slopes_of[first:]]

        return [gradient for gradient in gradients if gradient is not None], second

    gradients = run(*arguments, *kept, *upstream)
    of_arguments: list[Tensor | None] = [None] * len(has_gradient)
    numbers = [number for number, has_one in enumerate(has_gradient) if has_one]
    for number, gradient in zip(numbers, gradients, strict=True):
        of_arguments[number] = gradient
    return of_arguments
