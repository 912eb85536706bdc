"""The time loop, under XLA.

In: a step's schedule and tensors.  Out: sequences of the wanted values, and the states after the last step.  The sequence
has a static length, but how many steps are run is a value of run time: one executable serves all lengths up to it.

The only file that speaks TensorFlow's loops, so that another backend has one file to replace.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any

import tensorflow as tf

Tensor = Any
Step = Callable[[Tensor, tuple[Tensor, ...], tuple[Tensor, ...]], tuple[Tensor, ...]]

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
    steps: Tensor,
    wanted: Sequence[int],
    time: Tensor,
) -> tuple[list[Tensor], list[Tensor]]:
    """Run `step(t, carried, inputs) -> carried` for t = 0 .. steps-1.

    Args:
        sequences: (time, batch, size) each; the step gets row t of each.
        start: (batch, size) each: what is carried.
        steps: how many steps to run, a scalar, at most `time`.
        wanted: which of the carried values are kept at every step.
        time: length of the sequences; a number, or a tensor where one function serves sequences of all lengths.

    Returns:
        (time, batch, size) of each wanted value, where rows from `steps` on repeat the last one; and the carried values
        after the last step.
    """
    rows = [tf.TensorArray(one.dtype, time, element_shape=one.shape[1:]).unstack(one) for one in sequences]
    kept = [tf.TensorArray(start[at].dtype, time, element_shape=start[at].shape) for at in wanted]

    def body(t: Tensor, carried: tuple[Tensor, ...], kept: tuple[Any, ...]) -> tuple[Any, ...]:
        new = step(t, carried, tuple(row.read(t) for row in rows))
        return t + 1, new, tuple(array.write(t, new[at]) for array, at in zip(kept, wanted))

    _, last, arrays = tf.while_loop(
        lambda t, *_: t < steps, body, (0, tuple(start), tuple(kept)), maximum_iterations=time
    )
    run = tf.reshape(tf.range(time) < steps, [time, 1, 1])
    return [tf.where(run, array.stack(), last[at][None]) for array, at in zip(arrays, wanted)], list(last)


def compiled(function: Callable[..., list[Tensor]]) -> Callable[..., list[Tensor]]:
    """A function of tensors, compiled by XLA also when the caller's code is not, with gradients.

    XLA cannot hand the loop's saved values from one compiled function to another, so the backward function runs the loop
    once more before it goes back.  The whole training step in `nn.train` is compiled as one and does without that.
    """
    forward = tf.function(function, jit_compile=True)

    @tf.function(jit_compile=True)
    def backward(arguments: list[Tensor], upstream: list[Tensor]) -> list[Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            results = function(*arguments)
        return tape.gradient(results, arguments, output_gradients=upstream, unconnected_gradients="zero")

    @tf.custom_gradient
    def differentiable(*arguments: Tensor) -> tuple[list[Tensor], Callable[..., list[Tensor]]]:
        def gradient(*upstream: Tensor) -> list[Tensor]:
            return backward(list(arguments), list(upstream))

        # cut from the tape, or the forward function would hand its saved values out after all
        return forward(*map(tf.stop_gradient, arguments)), gradient

    def call(*arguments: Tensor) -> list[Tensor]:
        return function(*arguments) if _inside.get() else list(differentiable(*arguments))

    return call
