"""The time loop under XLA, forward and backward.

In: a step's function and tensors.  Out: what it yields at every step, and what is carried at the end.  The sequence has a
static length, but how many steps are run is a value of run time: one executable serves all lengths up to it.

The only file that speaks TensorFlow's loops and its gradients, so that another backend has one file to replace.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any

import tensorflow as tf

Tensor = Any
Rows = tuple[Tensor, ...]
Step = Callable[[Tensor, Rows, Callable[[int, int], Tensor]], tuple[Sequence[Tensor], Sequence[Tensor]]]
Forward = Callable[[Sequence[Tensor]], tuple[list[Tensor], list[Tensor]]]
Backward = Callable[[Sequence[Tensor], Sequence[Tensor], Sequence[Tensor]], list[Tensor | None]]

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
    widths: Sequence[int],
    steps: Tensor,
    time: Tensor,
    backwards: bool = False,
) -> tuple[list[Tensor], list[Tensor]]:
    """Run `step(t, carried, row) -> carried, kept` for t = 0 .. steps-1, or from steps-1 down to 0.

    Args:
        sequences: (rows, batch, size) each; `row(k, t)` in a step is row t of sequence k.
        start: (batch, size) each: what is carried.
        widths: sizes of what a step keeps.
        steps: how many steps to run, a scalar, at most `time`.
        time: length of what is kept; a number, or a tensor where one function serves sequences of all lengths.

    Returns:
        (time, batch, size) of each kept value, 0 in rows that were not run; and the carried values at the end.
    """
    read = [_rows(one) for one in sequences]
    batch, dtype = start[0].shape[0], start[0].dtype
    kept = tuple(tf.TensorArray(dtype, time, element_shape=(batch, width)) for width in widths)

    def row(which: int, at: Tensor) -> Tensor:
        return read[which].read(at)

    def body(n: Tensor, carried: Rows, kept: Rows) -> tuple[Any, ...]:
        t = steps - 1 - n if backwards else n
        new, values = step(t, carried, row)
        return n + 1, tuple(new), tuple(array.write(t, value) for array, value in zip(kept, values, strict=True))

    _, last, arrays = tf.while_loop(
        lambda n, *_: n < steps, body, (tf.constant(0), tuple(start), kept), maximum_iterations=time
    )
    return [array.stack() for array in arrays], list(last)


def switch(case: Tensor, branches: Sequence[Callable[[], Any]]) -> Any:
    """Run one of the branches, chosen at run time."""
    return tf.switch_case(case, list(branches))


def _rows(sequence: Tensor) -> Any:
    length = sequence.shape[0] or tf.shape(sequence)[0]
    return tf.TensorArray(sequence.dtype, length, element_shape=sequence.shape[1:]).unstack(sequence)


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
